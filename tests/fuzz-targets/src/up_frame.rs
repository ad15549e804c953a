//! Up frames: whole, below the compression, and below the lengths.

use crate::{
    Outcome,
    author::{Author, morning},
    bytes::Tape,
    lanes,
};
use motcua_core::{
    entry::{AudienceOp, Entry},
    id::{EpochId, Hash, OfficeId},
    key::Signature,
    limits,
    wire::{
        self, AuthorPart, DownFrame, Row, RowItem, UpFrame, WireError, decode_entry, encode_entry,
        varint::put_unsigned,
    },
};
use std::sync::LazyLock;

/// Whose log it is: its entries may be pointed to.
static DESK: LazyLock<Author> = LazyLock::new(|| morning().0);

/// Input is a frame; below, the first byte says which.
pub const WHOLE: u8 = 0;
pub const BODY: u8 = 1;
pub const LANES: u8 = 2;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let bytes = match tape.byte() % 3 {
        WHOLE => tape.0.to_vec(),
        BODY => {
            let (first, count) = (tape.byte(), tape.byte());
            framed(first, usize::from(count), tape.0)
        }
        _ => {
            let first = tape.byte();
            let (count, raw) = lanes::block(&mut tape);
            framed(first, count, &raw)
        }
    };
    match read(&bytes) {
        Err(_) => Outcome::Refused,
        Ok(frame) => {
            holds(&bytes, &frame);
            Outcome::Taken
        }
    }
}

fn framed(first: u8, count: usize, raw: &[u8]) -> Vec<u8> {
    let mut out = vec![1, 1];
    out.extend_from_slice(&DESK.key.public().node_id().0);
    out.extend_from_slice(&DESK.log.0);
    put_unsigned(&mut out, u64::from(first));
    put_unsigned(&mut out, count as u64);
    lanes::put_body(&mut out, raw);
    out.extend_from_slice(&[0; 64]);
    out
}

fn read(bytes: &[u8]) -> Result<UpFrame, WireError> {
    wire::decode_up(bytes, &DESK.key.public(), |sequence| DESK.change_at(sequence))
}

fn holds(bytes: &[u8], frame: &UpFrame) {
    assert_eq!(UpFrame::peek(bytes).as_ref(), Ok(&frame.head), "the head is the frame's");
    assert_eq!(frame.entries.len() as u64, frame.head.count);
    let restored: usize = frame.entries.iter().map(restored).sum();
    assert!(restored <= limits::FRAME_RAW_BYTES, "{restored} bytes restored");
    for entry in &frame.entries {
        entry.header.check_limits().expect("what was read is within the limits");
        assert_eq!(decode_entry(&encode_entry(entry)).as_ref(), Ok(entry), "as stored");
        // A hub that has accepted it must be able to pass it on, or one entry stops an inbox.
        assert_eq!(passed_down(entry), *entry, "as read to an office");
    }
    again(frame);
}

fn restored(entry: &Entry) -> usize {
    let header = &entry.header;
    let lists = header.deps.len() * Hash::LEN + header.audience.len() * AudienceOp::LEN;
    entry.payload.len() + lists
}

fn passed_down(entry: &Entry) -> Entry {
    let item = RowItem::Entry { author: 0, sequence: 1, entry: entry.clone() };
    let part = AuthorPart { key: DESK.key.public(), binding: None, log: DESK.log, proof: None };
    let frame = DownFrame {
        inbox: OfficeId([5; 16]),
        epoch: EpochId([6; 16]),
        after: 0,
        authors: vec![part],
        rows: vec![Row { number: 1, item }],
        upto: 1,
        hash: Hash([7; 32]),
    };
    let bytes = frame.encode().expect("an entry that came up goes down");
    let mut read = DownFrame::decode(&bytes).expect("what was sent is read");
    match read.rows.remove(0).item {
        RowItem::Entry { entry, .. } => entry,
        other => panic!("an entry became {other:?}"),
    }
}

/// Written once more the frame means the same, and has one form only.
fn again(frame: &UpFrame) {
    let write = |frame: &UpFrame| {
        let first = frame.head.first;
        let earlier = |dossier: &_, hash: &_| {
            DESK.sequence_of(dossier, hash).filter(|sequence| *sequence < first)
        };
        let key = DESK.key.public();
        wire::encode_up(&key, frame.head.log, first, &frame.entries, earlier, &frame.signature)
    };
    let bytes = match write(frame) {
        Ok(bytes) => bytes,
        // Restored it is near the bound already; a sender would have made two of it.
        Err(WireError::Limit { .. }) => return,
        Err(error) => panic!("what was read cannot be written: {error}"),
    };
    let read = read(&bytes).expect("what was written is read");
    assert_eq!(read, *frame);
    assert_eq!(write(&read), Ok(bytes), "one form");
}

/// An entry whose header names another parent than its change: it travels as a whole chunk.
fn odd() -> Vec<Entry> {
    let mut odd = DESK.entries[20].clone();
    odd.header.deps.push(Hash([3; 32]));
    vec![odd]
}

/// Bytes before the body of a frame whose numbers are below 128.
pub const HEAD: usize = 36;

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let odd = odd();
    for (from, to) in [(1u64, 6), (1, 30), (20, 31), (30, 30), (9, 12), (40, 40)] {
        let range = from as usize - 1..to as usize;
        let entries = DESK.entries.get(range).unwrap_or(&odd);
        let earlier = |dossier: &_, hash: &_| DESK.sequence_of(dossier, hash);
        let signature = Signature([9; 64]);
        let frame =
            wire::encode_up(&DESK.key.public(), DESK.log, from, entries, earlier, &signature);
        let frame = frame.unwrap();
        let raw = lanes::unpack(&frame, HEAD, 64);
        seeds.push((format!("whole-{from}-{to}"), [&[WHOLE], &frame[..]].concat()));
        let head = [BODY, from as u8, entries.len() as u8];
        seeds.push((format!("body-{from}-{to}"), [&head, &raw[..]].concat()));
        let head = [LANES, from as u8];
        seeds.push((format!("lanes-{from}-{to}"), [&head, &lanes::describe(&raw)[..]].concat()));
    }
    seeds
}
