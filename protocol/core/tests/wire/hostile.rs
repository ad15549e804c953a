//! Frames from strangers: cut, bent, invented and blown up.

use crate::{
    author::{Author, DOMAIN, morning},
    down,
    stored::any_entry,
    up::{accepted, frame, read},
};
use motcua_core::{
    entry::{Entry, Kind, actor_id, payload_hash},
    id::{Hash, Nonce},
    key::Signature,
    limits,
    wire::{self, DownFrame, UpFrame, WireError, varint},
};
use proptest::{collection::vec, prelude::*};

/// The frame with its body taken out of the codec, so that bits are bent behind it as well.
fn unpacked(bytes: &[u8], head: usize, tail: usize) -> Vec<u8> {
    let mut reader = varint::Reader::new(&bytes[head..bytes.len() - tail]);
    let codec = reader.byte("codec").unwrap();
    let raw_len = reader.unsigned("raw length").unwrap() as usize;
    let raw = match codec {
        0 => reader.rest().to_vec(),
        _ => zstd::bulk::decompress(reader.rest(), raw_len).unwrap(),
    };
    with_body(&bytes[..head], 0, raw_len as u64, &raw, &bytes[bytes.len() - tail..])
}

fn with_body(head: &[u8], codec: u8, raw_len: u64, body: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut out = head.to_vec();
    out.push(codec);
    varint::put_unsigned(&mut out, raw_len);
    out.extend_from_slice(body);
    out.extend_from_slice(tail);
    out
}

/// Head of an up frame of less than 128 entries from a sequence below 128.
const UP_HEAD: usize = 36;
const SIGNATURE: usize = 64;

#[test]
fn every_cut_of_an_up_frame_is_refused() {
    let (desk, _) = morning();
    let packed = frame(&desk, 3, 12);
    for bytes in [unpacked(&packed, UP_HEAD, SIGNATURE), packed] {
        for length in 0..bytes.len() {
            assert!(read(&desk, &bytes[..length]).is_err(), "{length}");
        }
        assert!(read(&desk, &[bytes, vec![0]].concat()).is_err(), "nor a byte more");
    }
}

#[test]
fn no_single_flipped_bit_is_taken_for_what_the_author_signed() {
    let (desk, _) = morning();
    let packed = frame(&desk, 24, 31);
    let sent = read(&desk, &packed).unwrap();
    for bytes in [unpacked(&packed, UP_HEAD, SIGNATURE), packed] {
        let mut read_but_unsigned = 0;
        for bit in (0..bytes.len() * 8).filter(|bit| (bit / 8 + bit % 8) % 5 == 0) {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let Ok(got) = read(&desk, &bent) else { continue };
            if got.head.first == 24 && accepted(&desk, &got) {
                // zstd ignores a few bits of its own; what they packed is what the author signed.
                assert_eq!(got, sent, "bit {bit} went unnoticed");
            } else {
                read_but_unsigned += 1;
            }
        }
        assert!(read_but_unsigned > 0, "the signature is what stops some of them");
    }
}

#[test]
fn every_cut_and_flipped_bit_of_a_down_frame_is_refused() {
    let whole = down::sample();
    // Inbox, epoch, numbers and running hash are the hub's own words: checked against the link's.
    let body = 66 + 1 + 1;
    for bytes in [whole.encode().unwrap(), unpacked(&whole.encode().unwrap(), body, 0)] {
        for length in 0..bytes.len() {
            assert!(DownFrame::decode(&bytes[..length]).is_err(), "{length}");
        }
        assert!(DownFrame::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        for bit in body * 8..bytes.len() * 8 {
            // Each of the eight bits once in thirteen bytes: all of them take a minute.
            if (bit / 8 + bit % 8) % 13 != 0 {
                continue;
            }
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let Ok(got) = DownFrame::decode(&bent) else { continue };
            if got.verify(DOMAIN).is_ok() {
                assert_eq!(entries(&got), entries(&whole), "bit {bit}: an entry nobody signed");
            }
        }
    }
}

/// What the authors' signatures cover: who said what at which sequence. Row numbers, bindings and
/// decisions have proofs of their own.
fn entries(frame: &DownFrame) -> Vec<(Vec<u8>, u64, Entry)> {
    let of_row = |row: &wire::Row| match &row.item {
        wire::RowItem::Entry { author, sequence, entry } => {
            let key = frame.authors[usize::from(*author)].key;
            Some((key.0.to_vec(), *sequence, entry.clone()))
        }
        _ => None,
    };
    frame.rows.iter().filter_map(of_row).collect()
}

#[test]
fn another_node_and_another_kind_are_named() {
    let (desk, tax) = morning();
    let bytes = frame(&desk, 1, 5);
    let error = wire::decode_up(&bytes, &tax.key.public(), |_| None).unwrap_err();
    let (got, expected) = (desk.key.public().node_id(), tax.key.public().node_id());
    assert_eq!(error, WireError::Node { got, expected });
    assert_eq!(DownFrame::decode(&bytes), Err(WireError::FrameKind { got: 1, expected: 2 }));
    let mut later = bytes;
    later[0] = 9;
    let text = UpFrame::peek(&later).unwrap_err().to_string();
    assert_eq!(text, "frame has version 9, this replica reads version 1; update it");
}

#[test]
fn a_frame_that_builds_on_what_is_not_held_says_where_to_begin() {
    let (desk, _) = morning();
    let bytes = frame(&desk, 7, 12);
    let error = wire::decode_up(&bytes, &desk.key.public(), |_| None).unwrap_err();
    assert!(matches!(error, WireError::Unknown(1..7)), "{error}");
    // A parent that is not the one the author meant is another leaf.
    let wrong = |_| Some((Hash([1; 32]), desk.entries[0].header.dossier));
    let got = wire::decode_up(&bytes, &desk.key.public(), wrong).unwrap();
    assert!(!accepted(&desk, &got));
}

#[test]
fn impossible_ranges_are_refused_at_the_head() {
    let (desk, _) = morning();
    let key = desk.key.public();
    let head = |first: u64, count: u64| {
        let mut out = vec![1, 1];
        out.extend_from_slice(&key.node_id().0);
        out.extend_from_slice(&desk.log.0);
        varint::put_unsigned(&mut out, first);
        varint::put_unsigned(&mut out, count);
        UpFrame::peek(&out)
    };
    assert!(head(1, 4_096).is_ok());
    let limit = WireError::Limit { what: "entries", got: 4_097, limit: 4_096 };
    assert_eq!(head(1, 4_097), Err(limit));
    for (first, count) in [(0, 1), (1, 0), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
        assert!(head(first, count).is_err(), "{first} {count}");
    }
    assert_eq!(head(u64::MAX - 1, 1).map(|head| head.last()), Ok(u64::MAX - 1));
}

#[test]
fn no_kind_of_row_speaks_of_an_entry_before_the_first() {
    let whole = down::sample();
    let purged = whole.without(|_| true).unwrap();
    let decided = whole.rows.iter().position(|row| row.number == 91).unwrap();
    for (frame, place) in [(&whole, 0), (&purged, 0), (&whole, decided)] {
        let mut bent = frame.clone();
        match &mut bent.rows[place].item {
            wire::RowItem::Entry { sequence, .. }
            | wire::RowItem::Gone { sequence, .. }
            | wire::RowItem::Decision { sequence, .. } => *sequence = 0,
            other => panic!("{other:?}"),
        }
        let zero = WireError::Empty("sequence; sequences begin at 1");
        assert_eq!(bent.encode(), Err(zero.clone()));
        if place != decided {
            assert_eq!(bent.verify(DOMAIN), Err(zero.clone()));
        }
        // The same in the bytes of the first row of an inbox: a difference of zero from zero.
        let first = DownFrame { rows: vec![frame.rows[place].clone()], ..frame.clone() };
        let bytes = unpacked(&first.encode().unwrap(), 68, 0);
        let refused = (0..bytes.len()).any(|at| {
            let mut bent = bytes.clone();
            bent[at] = 0;
            DownFrame::decode(&bent) == Err(zero.clone())
        });
        assert!(refused, "row {place}");
    }
}

#[test]
fn a_small_frame_cannot_be_restored_into_a_large_one() {
    // 4,096 changes that each name the same 32 parents in a byte apiece: 1 KB restored for 40 B.
    let mut author = Author::new(5);
    let id = author.create(Nonce([1; 16]), 0, &[("a/1".to_owned(), "1".to_owned())]);
    let first = author.entries[0].clone();
    let mut entry = first.clone();
    entry.header.kind = Kind::Attach;
    entry.header.creation = None;
    entry.header.dossier = id;
    entry.header.change_hash = Hash::ZERO;
    entry.header.audience.clear();
    entry.header.deps = vec![first.header.change_hash; 32];
    entry.payload.clear();
    entry.header.payload_len = 0;
    entry.header.payload_hash = payload_hash(&[]);
    let mut all = vec![first];
    all.extend(std::iter::repeat_n(entry, 4_095));
    let send = |entries: &[Entry]| {
        let signature = Signature([0; 64]);
        wire::encode_up(&author.key.public(), author.log, 1, entries, |_, _| None, &signature)
    };
    let error = send(&all).unwrap_err();
    assert!(matches!(error, WireError::Limit { what: "restored bytes", .. }), "{error}");
    let count = wire::entries_for_frame(&all);
    assert!((500..1_024).contains(&count), "{count} entries make a frame");
    assert!(send(&all[..count]).is_ok(), "what the hint allows can be sent");
}

#[test]
fn a_zstd_bomb_in_a_frame_costs_its_sender_only() {
    let (desk, _) = morning();
    let bytes = frame(&desk, 1, 5);
    let (head, tail) = (&bytes[..UP_HEAD], &bytes[bytes.len() - SIGNATURE..]);
    let bomb = zstd::bulk::compress(&vec![0; 32 << 20], 19).unwrap();
    for promised in [100, limits::FRAME_RAW_BYTES as u64, 32 << 20, u64::MAX] {
        let frame = with_body(head, 1, promised, &bomb, tail);
        assert!(read(&desk, &frame).is_err());
    }
    let zeros = zstd::bulk::compress(&vec![0; limits::FRAME_RAW_BYTES], 3).unwrap();
    let frame = with_body(head, 1, limits::FRAME_RAW_BYTES as u64, &zeros, tail);
    assert!(read(&desk, &frame).is_err(), "a promise kept, but no entries in it");
}

#[test]
fn what_a_receiver_would_not_restore_is_not_sent() {
    let (desk, _) = morning();
    let send = |change: &dyn Fn(&mut Entry)| {
        let mut entry = desk.entries[20].clone();
        change(&mut entry);
        let one = std::slice::from_ref(&entry);
        let signature = Signature([0; 64]);
        let sent = wire::encode_up(&desk.key.public(), desk.log, 21, one, |_, _| None, &signature);
        sent.unwrap_err().to_string()
    };
    let mismatch = |what| format!("{what} of entry 21 is not that of its payload and author");
    assert_eq!(send(&|e| e.boot.0[0] ^= 1), mismatch("actor"));
    assert_eq!(send(&|e| e.header.payload_len += 1), mismatch("payload length"));
    assert_eq!(send(&|e| e.header.payload_hash.0[0] ^= 1), mismatch("payload hash"));
    assert_eq!(send(&|e| e.header.change_hash.0[0] ^= 1), mismatch("change hash"));
    assert_eq!(send(&|e| e.header.kind = Kind::Create), mismatch("creation nonce"));
    let cut = |entry: &mut Entry| {
        entry.payload.pop();
        entry.header.payload_len -= 1;
        entry.header.payload_hash = payload_hash(&entry.payload);
    };
    assert_eq!(send(&cut), "payload of entry 21: its length is cut off or malformed");
    let error = send(&|e| e.header.op_count = 1_001);
    assert_eq!(error, "header of entry 21: entry has 1001 operations, at most 1000 are allowed");
}

#[test]
fn a_change_that_does_not_fit_the_elision_travels_verbatim() {
    let (desk, _) = morning();
    // Header and chunk disagree on the parents: the author signed the header.
    let mut odd = desk.entries[20].clone();
    odd.header.deps.push(Hash([3; 32]));
    // Another actor in the chunk than the header's.
    let mut foreign = desk.entries[21].clone();
    foreign.boot = Nonce([0x42; 16]);
    foreign.header.actor = actor_id(&desk.key.public(), foreign.boot);
    let entries = [odd, foreign];
    let signature = Signature([0; 64]);
    let resolve = |dossier: &_, hash: &_| desk.sequence_of(dossier, hash);
    let bytes =
        wire::encode_up(&desk.key.public(), desk.log, 40, &entries, resolve, &signature).unwrap();
    assert_eq!(read(&desk, &bytes).unwrap().entries, entries);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_entries_of_other_kinds_are_restored_or_refused(
        entries in vec(any_entry(), 1..20), first in 1u64..1_000_000,
    ) {
        let author = Author::new(9);
        let key = author.key.public();
        let entries: Vec<Entry> = entries.into_iter().map(|mut entry| {
            entry.header.actor = actor_id(&key, entry.boot);
            entry.header.payload_len = entry.payload.len() as u32;
            entry.header.payload_hash = payload_hash(&entry.payload);
            entry
        }).collect();
        let send = |entries: &[Entry]| {
            wire::encode_up(&key, author.log, first, entries, |_, _| None, &Signature([1; 64]))
        };
        if entries.iter().any(|entry| entry.header.kind.is_change()) {
            let named = matches!(send(&entries), Err(WireError::Chunk { .. }));
            prop_assert!(named, "random bytes are no change");
        }
        let others: Vec<Entry> = entries.into_iter().filter(|entry| !entry.header.kind.is_change()).collect();
        if !others.is_empty() {
            let got = wire::decode_up(&send(&others).unwrap(), &key, |_| None).unwrap();
            prop_assert_eq!(got.entries, others);
        }
    }

    #[test]
    fn random_bytes_are_errors(bytes in vec(any::<u8>(), 0..600), kind in 1u8..3, codec in 0u8..2) {
        let (desk, _) = morning();
        let good = frame(&desk, 1, 5);
        let head = if kind == 1 { good[..UP_HEAD].to_vec() } else { [&[1, 2][..], &[7; 64], &[3, 9]].concat() };
        let framed = with_body(&head, codec, bytes.len() as u64, &bytes, &[0; 64]);
        let entries = |frame: UpFrame| frame.entries.len();
        prop_assert!(read(&desk, &bytes).map(entries).is_err());
        prop_assert!(read(&desk, &framed).map(entries).is_err());
        prop_assert!(DownFrame::decode(&bytes).is_err());
        if let Ok(frame) = DownFrame::decode(&with_body(&head, codec, bytes.len() as u64, &bytes, &[])) {
            prop_assert!(entries_of(&frame) == 0 || frame.verify(DOMAIN).is_err());
        }
    }

    #[test]
    fn a_real_frame_mutated_anywhere_is_refused_or_fails_its_signature(
        edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6), packed in any::<bool>(),
    ) {
        let (desk, _) = morning();
        let whole = frame(&desk, 20, 31);
        let whole = if packed { whole } else { unpacked(&whole, UP_HEAD, SIGNATURE) };
        let mut bent = whole.clone();
        for (place, byte, how) in edits {
            let place = place.index(bent.len());
            match how {
                0 => bent[place] = byte,
                1 => bent.insert(place, byte),
                _ => drop(bent.remove(place)),
            }
        }
        if bent != whole && let Ok(got) = read(&desk, &bent) {
            let taken = got.head.first == 20 && accepted(&desk, &got);
            prop_assert!(!taken || got == read(&desk, &whole).unwrap());
        }
    }
}

fn entries_of(frame: &DownFrame) -> usize {
    entries(frame).len()
}
