//! Down frames: whole, below the compression, and with a block whose lengths fit.

use crate::{
    Outcome,
    author::{Author, DOMAIN, morning},
    bytes::Tape,
    lanes,
};
use motcua_core::{
    id::{EpochId, Hash, NodeId, OfficeId},
    key::Signature,
    limits,
    wire::{AuthorPart, DownFrame, LogProof, Row, RowItem, WireError},
};
use std::sync::LazyLock;

static AUTHORS: LazyLock<(Author, Author)> = LazyLock::new(morning);

pub const WHOLE: u8 = 0;
pub const BODY: u8 = 1;
pub const LANES: u8 = 2;

/// The head of every frame that is built here: rows 21 to 104.
fn head() -> Vec<u8> {
    let mut out = vec![1, 2];
    out.resize(66, 7);
    out.extend_from_slice(&[20, 104]);
    out
}

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let bytes = match tape.byte() % 3 {
        WHOLE => tape.0.to_vec(),
        BODY => {
            let mut out = head();
            lanes::put_body(&mut out, tape.0);
            out
        }
        _ => {
            let mut raw = tape.piece().to_vec();
            raw.extend(lanes::block(&mut tape).1);
            let mut out = head();
            lanes::put_body(&mut out, &raw);
            out
        }
    };
    let Ok(frame) = DownFrame::decode(&bytes) else { return Outcome::Refused };
    holds(&frame);
    Outcome::Taken
}

fn holds(frame: &DownFrame) {
    assert!(frame.rows.len() <= limits::FRAME_ENTRIES);
    let mut last = frame.after;
    for row in &frame.rows {
        assert!(row.number > last && row.number <= frame.upto, "rows rise within the frame");
        last = row.number;
    }
    match frame.encode() {
        Ok(written) => assert_eq!(DownFrame::decode(&written).as_ref(), Ok(frame)),
        Err(WireError::Limit { .. }) => {}
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
    if frame.verify(DOMAIN).is_ok() {
        signed(frame);
    }
    // What was purged is gone, and what is left still has its proof.
    if let Some(purged) = frame.without(|_| true) {
        assert!(purged.rows.iter().all(|row| !matches!(row.item, RowItem::Entry { .. })));
        assert_eq!(purged.verify(DOMAIN).is_ok(), frame.verify(DOMAIN).is_ok());
    }
}

/// Nothing passes that the authors did not write: only theirs can be signed here.
fn signed(frame: &DownFrame) {
    let (desk, tax) = &*AUTHORS;
    for row in &frame.rows {
        let RowItem::Entry { author, sequence, entry } = &row.item else { continue };
        let part = &frame.authors[usize::from(*author)];
        let written = [desk, tax].into_iter().find(|who| who.key.public() == part.key);
        let place = usize::try_from(*sequence).unwrap() - 1;
        let theirs = written.and_then(|who| who.entries.get(place));
        assert_eq!(theirs, Some(entry), "an entry that nobody signed");
    }
}

fn sample() -> DownFrame {
    let (desk, tax) = &*AUTHORS;
    let row = |number, author: u16, sequence: u64| {
        let entry = [desk, tax][usize::from(author)].entries[sequence as usize - 1].clone();
        Row { number, item: RowItem::Entry { author, sequence, entry } }
    };
    let decision = RowItem::Decision {
        author: 2,
        sequence: 812,
        number: 17,
        verdict: 3,
        reason: "chờ Sở Tư pháp xem lại".to_owned(),
        hub: NodeId([8; 16]),
        signature: Signature([9; 64]),
    };
    let rows = vec![
        row(22, 0, 1),
        row(23, 0, 2),
        row(40, 0, 9),
        row(61, 0, 29),
        row(90, 1, 1),
        Row { number: 91, item: decision },
        row(93, 0, 31),
        Row { number: 99, item: RowItem::Forget(desk.entries[0].header.dossier) },
        Row { number: 101, item: RowItem::Unknown(77, b"from a later version".to_vec()) },
    ];
    let part = |author: &Author, sequences: &[u64]| AuthorPart {
        key: author.key.public(),
        binding: Some(b"signed binding".to_vec()),
        log: author.log,
        proof: Some(LogProof {
            proof: author.prove(sequences),
            signature: author.sign(author.entries.len() as u64),
        }),
    };
    let silent = Author::new(3);
    let silent =
        AuthorPart { key: silent.key.public(), binding: None, log: silent.log, proof: None };
    DownFrame {
        inbox: OfficeId([7; 16]),
        epoch: EpochId([7; 16]),
        after: 20,
        authors: vec![part(desk, &[1, 2, 9, 29, 31]), part(tax, &[1]), silent],
        rows,
        upto: 104,
        hash: Hash([7; 32]),
    }
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let whole = sample();
    let purged = whole.without(|_| true).unwrap();
    let nothing = DownFrame { authors: vec![], rows: vec![], ..whole.clone() };
    let mut short = whole.clone();
    short.rows.truncate(2);
    short.authors.truncate(1);
    short.authors[0].proof.as_mut().unwrap().proof = AUTHORS.0.prove(&[1, 2]);
    let mut unproved = short.clone();
    unproved.authors[0].proof = None;
    let mut seeds = Vec::new();
    for (name, frame) in [
        ("all", whole),
        ("purged", purged),
        ("nothing", nothing),
        ("short", short),
        ("unproved", unproved),
    ] {
        let bytes = frame.encode().unwrap();
        let raw = lanes::unpack(&bytes, 68, 0);
        seeds.push((format!("whole-{name}"), [&[WHOLE], &bytes[..]].concat()));
        seeds.push((format!("body-{name}"), [&[BODY], &raw[..]].concat()));
    }
    seeds
}
