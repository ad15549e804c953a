//! Down frames.

use crate::author::{Author, DOMAIN, morning};
use motcua_core::{
    id::{DomainId, EpochId, Hash, NodeId, OfficeId},
    key::Signature,
    wire::{AuthorPart, DownFrame, LogProof, Row, RowItem, WireError},
};
use proptest::prelude::*;

/// What an inbox row would bring of an author's log.
pub fn entry_row(authors: &[&Author], number: u64, author: u16, sequence: u64) -> Row {
    let entry = authors[usize::from(author)].entries[sequence as usize - 1].clone();
    Row { number, item: RowItem::Entry { author, sequence, entry } }
}

/// A frame of these rows with the proofs they need.
pub fn frame(authors: &[&Author], rows: Vec<Row>) -> DownFrame {
    let parts = authors.iter().enumerate().map(|(index, author)| {
        let of_author = |row: &Row| match &row.item {
            RowItem::Entry { author, sequence, .. } if usize::from(*author) == index => {
                Some(*sequence)
            }
            _ => None,
        };
        let sequences: Vec<u64> = rows.iter().filter_map(of_author).collect();
        let proof = (!sequences.is_empty()).then(|| LogProof {
            proof: author.prove(&sequences),
            signature: author.sign(author.entries.len() as u64),
        });
        let binding = (index == 0).then(|| b"signed binding".to_vec());
        AuthorPart { key: author.key.public(), binding, log: author.log, proof }
    });
    let authors = parts.collect();
    let upto = rows.last().map_or(20, |row| row.number + 3);
    let (inbox, epoch, hash) = (OfficeId([5; 16]), EpochId([6; 16]), Hash([7; 32]));
    DownFrame { inbox, epoch, after: 20, authors, rows, upto, hash }
}

/// Rows of every kind from two authors, one of whom is only decided on.
pub fn sample() -> DownFrame {
    let (desk, tax) = morning();
    let silent = Author::new(3);
    let authors = [&desk, &tax, &silent];
    let decision = RowItem::Decision {
        author: 2,
        sequence: 812,
        number: 17,
        verdict: 3,
        reason: "chờ Sở Tư pháp xem lại".to_owned(),
        hub: NodeId([8; 16]),
        signature: Signature([9; 64]),
    };
    let mut rows: Vec<Row> =
        (1..=28).map(|sequence| entry_row(&authors, 20 + sequence * 2, 0, sequence)).collect();
    rows.push(entry_row(&authors, 90, 1, 1));
    rows.push(Row { number: 91, item: decision });
    rows.push(entry_row(&authors, 92, 0, 29));
    rows.push(entry_row(&authors, 93, 0, 31));
    rows.push(Row { number: 101, item: RowItem::Unknown(77, b"from a later version".to_vec()) });
    rows.push(entry_row(&authors, 102, 0, 3));
    // Number 3 stood there already; an inbox does not repeat itself.
    rows.remove(2);
    frame(&authors, rows)
}

fn must_fail(frame: &DownFrame) -> WireError {
    frame.verify(DOMAIN).expect_err("must not pass")
}

#[test]
fn rows_of_all_kinds_travel_and_prove_themselves() {
    let sample = sample();
    let bytes = sample.encode().unwrap();
    let got = DownFrame::decode(&bytes).unwrap();
    assert_eq!(got, sample);
    assert_eq!(got.verify(DOMAIN), Ok(()));
    assert!(got.verify(DomainId([1; 16])).is_err(), "another city");
}

#[test]
fn a_frame_of_nothing_moves_the_cursor_only() {
    let mut empty = frame(&[], vec![]);
    empty.upto = 5_000;
    assert_eq!(DownFrame::decode(&empty.encode().unwrap()), Ok(empty.clone()));
    assert_eq!(empty.verify(DOMAIN), Ok(()));
    empty.upto = 19;
    let error = empty.encode().expect_err("back behind the cursor");
    assert_eq!(error, WireError::RowOrder { got: 19, after: 20, upto: 19 });
}

#[test]
fn a_hub_cannot_change_move_or_invent_an_entry() {
    let sample = sample();
    let bend = |change: &dyn Fn(&mut DownFrame)| {
        let mut bent = sample.clone();
        change(&mut bent);
        bent
    };
    let entry =
        |frame: &mut DownFrame, change: &dyn Fn(&mut RowItem)| change(&mut frame.rows[4].item);
    for bent in [
        bend(&|f| {
            entry(f, &|item| {
                if let RowItem::Entry { entry, .. } = item {
                    entry.header.claimed_at.0 += 1
                }
            })
        }),
        bend(&|f| {
            entry(f, &|item| {
                if let RowItem::Entry { entry, .. } = item {
                    entry.header.person.0[0] ^= 1
                }
            })
        }),
        bend(&|f| {
            entry(f, &|item| {
                if let RowItem::Entry { sequence, .. } = item {
                    *sequence += 40
                }
            })
        }),
        bend(&|f| {
            entry(f, &|item| {
                if let RowItem::Entry { author, .. } = item {
                    *author = 1
                }
            })
        }),
        bend(&|f| drop(f.rows.remove(4))),
        bend(&|f| f.authors[0].proof.as_mut().unwrap().signature.0[5] ^= 1),
        bend(&|f| f.authors[0].proof.as_mut().unwrap().proof.size += 1),
        bend(&|f| f.authors[0].log.0[0] ^= 1),
        bend(&|f| f.authors[0].key = f.authors[1].key),
        bend(&|f| f.authors[0].proof = None),
        bend(&|f| f.authors[2].proof = f.authors[1].proof.clone()),
    ] {
        must_fail(&bent);
        // What can be written at all is refused as well once it has travelled.
        if let Ok(bytes) = bent.encode() {
            assert!(DownFrame::decode(&bytes).is_ok_and(|frame| frame.verify(DOMAIN).is_err()));
        }
    }
}

#[test]
fn the_same_entry_twice_is_named() {
    let (desk, _) = morning();
    let rows = vec![entry_row(&[&desk], 21, 0, 4), entry_row(&[&desk], 22, 0, 4)];
    let error = must_fail(&frame(&[&desk], rows));
    assert_eq!(error, WireError::Twice { author: 0, sequence: 4 });
}

#[test]
fn rows_out_of_order_and_oversized_parts_are_not_sent() {
    let sample = sample();
    let refused = |change: &dyn Fn(&mut DownFrame)| {
        let mut bent = sample.clone();
        change(&mut bent);
        bent.encode().expect_err("must be refused").to_string()
    };
    assert_eq!(
        refused(&|f| f.rows.swap(0, 1)),
        "row 22 does not follow 24 within a frame up to 105"
    );
    assert_eq!(
        refused(&|f| f.rows[0].number = 20),
        "row 20 does not follow 20 within a frame up to 105"
    );
    assert_eq!(
        refused(&|f| f.authors[1].binding = Some(vec![0; 4_097])),
        "frame has 4097 bytes of a binding, at most 4096 are allowed"
    );
    assert_eq!(refused(&|f| f.authors.truncate(1)), "author 1 does not exist in this frame");
    let long = |frame: &mut DownFrame| {
        for row in &mut frame.rows {
            if let RowItem::Decision { reason, .. } = &mut row.item {
                *reason = "x".repeat(513);
            }
        }
    };
    assert_eq!(refused(&long), "frame has 513 bytes of a reason, at most 512 are allowed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_choice_of_rows_round_trips_and_verifies(
        picks in proptest::collection::btree_set((0u16..2, 1u64..30), 0..25),
        gaps in proptest::collection::vec(1u64..1_000_000, 25),
        reason in "\\PC{0,120}",
        unknown in (4u8.., proptest::collection::vec(any::<u8>(), 0..200)),
    ) {
        let (desk, tax) = morning();
        let authors = [&desk, &tax];
        let mut number = 20;
        let mut rows = Vec::new();
        for ((author, sequence), gap) in picks.into_iter().zip(gaps) {
            number += gap;
            let sequence = sequence.min(authors[usize::from(author)].entries.len() as u64);
            if author == 0 || rows.last().is_none_or(|row: &Row| !matches!(row.item, RowItem::Entry { author: 1, .. })) {
                rows.push(entry_row(&authors, number, author, sequence));
            }
        }
        rows.push(Row { number: number + 1, item: RowItem::Unknown(unknown.0, unknown.1) });
        let item = RowItem::Decision {
            author: 1, sequence: u64::MAX, number: 0, verdict: 255, reason,
            hub: NodeId([1; 16]), signature: Signature([2; 64]),
        };
        rows.push(Row { number: number + 2, item });
        let sent = frame(&authors, rows);
        let got = DownFrame::decode(&sent.encode().unwrap()).unwrap();
        prop_assert_eq!(&got, &sent);
        prop_assert_eq!(got.verify(DOMAIN), Ok(()));
    }
}
