//! The grammar of a block (design/wire.md): tables and lanes as pieces of the input, put together
//! with counts and lengths that fit, so that a change in one lane does not end at the length of it.

use crate::bytes::{Tape, put_piece};
use motcua_core::wire::varint::{Reader, put_unsigned};

/// Bytes of a value in each of the four tables.
const TABLES: [usize; 4] = [16, 16, 16, 18];
const LANES: usize = 9;
/// Bytes of an entry in the first lane.
const SHAPE: usize = 4;

/// Entries and bytes of the block that the rest of the tape describes.
pub(crate) fn block(tape: &mut Tape<'_>) -> (usize, Vec<u8>) {
    let mut raw = Vec::new();
    for width in TABLES {
        let values = tape.piece();
        let count = values.len() / width;
        put_unsigned(&mut raw, count as u64);
        raw.extend_from_slice(&values[..count * width]);
    }
    let mut lanes: Vec<&[u8]> = (0..LANES).map(|_| tape.piece()).collect();
    let count = lanes[0].len() / SHAPE;
    lanes[0] = &lanes[0][..count * SHAPE];
    lanes.iter().for_each(|lane| put_unsigned(&mut raw, lane.len() as u64));
    lanes.iter().for_each(|lane| raw.extend_from_slice(lane));
    (count, raw)
}

/// The same the other way round: a block as the input that describes it.
pub fn describe(raw: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(raw);
    let mut out = Vec::new();
    for width in TABLES {
        let count = reader.unsigned("table").unwrap() as usize;
        put_piece(&mut out, reader.take(count * width, "table").unwrap());
    }
    let lengths: Vec<usize> =
        (0..LANES).map(|_| reader.unsigned("lane").unwrap() as usize).collect();
    for length in lengths {
        put_piece(&mut out, reader.take(length, "lane").unwrap());
    }
    out
}

/// A frame's body out of its codec: `head` bytes before it, `tail` behind.
pub fn unpack(frame: &[u8], head: usize, tail: usize) -> Vec<u8> {
    let mut reader = Reader::new(&frame[head..frame.len() - tail]);
    let codec = reader.byte("codec").unwrap();
    let length = reader.unsigned("raw length").unwrap() as usize;
    match codec {
        0 => reader.rest().to_vec(),
        _ => zstd::bulk::decompress(reader.rest(), length).unwrap(),
    }
}

/// A body as it stands in a frame, without compression.
pub(crate) fn put_body(out: &mut Vec<u8>, raw: &[u8]) {
    out.push(0);
    put_unsigned(out, raw.len() as u64);
    out.extend_from_slice(raw);
}
