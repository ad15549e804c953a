//! Stored entries: as they come, and with the checksum of their change made right.

use crate::{Outcome, author::morning, bytes::Tape};
use motcua_core::{
    entry::Header,
    hash::sha256,
    limits,
    wire::{decode_entry, encode_entry},
};

pub const AS_IT_IS: u8 = 0;
pub const REPAIRED: u8 = 1;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let mode = tape.byte();
    let mut bytes = tape.0.to_vec();
    if mode % 2 == REPAIRED {
        repair(&mut bytes);
    }
    let Ok(entry) = decode_entry(&bytes) else { return Outcome::Refused };
    entry.header.check_limits().expect("what was read is within the limits");
    assert!(entry.payload.len() <= limits::ENTRY_PAYLOAD_BYTES);
    let written = encode_entry(&entry);
    assert!(written.len() <= bytes.len(), "one form, and no longer than any other");
    assert_eq!(decode_entry(&written).as_ref(), Ok(&entry));
    let header = entry.header.encode();
    assert_eq!(Header::decode(&header).as_ref(), Ok(&entry.header), "what the leaf is over");
    Outcome::Taken
}

/// The last automerge chunk in the bytes gets its checksum.
pub(crate) fn repair(bytes: &mut [u8]) {
    const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
    let found = bytes.windows(MAGIC.len()).rposition(|window| window == MAGIC);
    let Some(chunk) = found.and_then(|at| bytes.get_mut(at..)).filter(|chunk| chunk.len() > 8)
    else {
        return;
    };
    let sum = sha256(&chunk[8..]);
    chunk[4..8].copy_from_slice(&sum.0[..4]);
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let desk = morning().0;
    let mut without = desk.entries[3].clone();
    without.payload.clear();
    let entries = [0, 9, 20, 26, 28, 29, 30].map(|at| desk.entries[at].clone());
    let entries = entries.into_iter().chain([without]);
    let seed = |(at, entry)| {
        let bytes = encode_entry(&entry);
        [AS_IT_IS, REPAIRED]
            .map(|mode| (format!("{at}-{mode}"), [&[mode], bytes.as_slice()].concat()))
    };
    entries.enumerate().flat_map(seed).collect()
}
