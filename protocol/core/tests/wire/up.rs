//! Up frames.

use crate::author::{Author, DOMAIN, morning};
use motcua_core::{
    entry::Entry,
    id::Hash,
    log::{Checkpoint, Frontier},
    wire::{self, UpFrame, WireError},
};

/// A frame of entries `first..=last` of the log.
pub fn frame(author: &Author, first: u64, last: u64) -> Vec<u8> {
    let entries = &author.entries[first as usize - 1..last as usize];
    let resolve = |dossier: &_, hash: &_| author.sequence_of(dossier, hash);
    let signature = author.sign(last);
    wire::encode_up(&author.key.public(), author.log, first, entries, resolve, &signature).unwrap()
}

/// Reads it at a replica that holds everything before.
pub fn read(author: &Author, bytes: &[u8]) -> Result<UpFrame, WireError> {
    wire::decode_up(bytes, &author.key.public(), |sequence| author.change_at(sequence))
}

/// What a hub does before it acknowledges: the tree over what it held and what came.
pub fn accepted(author: &Author, frame: &UpFrame) -> bool {
    let held = &author.entries[..frame.head.first as usize - 1];
    let mut frontier = Frontier::default();
    held.iter().chain(&frame.entries).for_each(|entry| frontier.push(entry.leaf()));
    let log = frame.head.log;
    let (size, root, signature) = (frontier.size(), frontier.root(), frame.signature);
    Checkpoint { log, size, root, signature }.verify(&author.key.public(), DOMAIN).is_ok()
}

#[test]
fn any_run_of_a_log_travels_and_is_restored_exactly() {
    let (desk, tax) = morning();
    for author in [&desk, &tax] {
        let size = author.entries.len() as u64;
        for (first, last) in (1..=size).flat_map(|f| [f, size / 2, size].map(|l| (f, l.max(f)))) {
            let bytes = frame(author, first, last);
            let got = read(author, &bytes).unwrap();
            assert_eq!(got.entries, author.entries[first as usize - 1..last as usize]);
            assert_eq!(UpFrame::peek(&bytes), Ok(got.head));
            assert_eq!((got.head.first, got.head.last()), (first, last));
            assert!(accepted(author, &got));
        }
    }
}

#[test]
fn hashes_actor_and_parents_of_the_own_log_do_not_travel() {
    let (desk, _) = morning();
    let bytes = frame(&desk, 7, 26);
    let raw_of = |entry: &Entry| entry.header.encode().len() + entry.payload.len();
    let plain: usize = desk.entries[6..26].iter().map(raw_of).sum();
    assert!(bytes.len() * 5 < plain, "{} of {plain} bytes", bytes.len());
    for entry in &desk.entries[6..26] {
        for hash in [entry.header.change_hash, entry.header.payload_hash, entry.header.deps[0]] {
            assert!(!bytes.windows(Hash::LEN).any(|window| window == hash.0));
        }
        assert!(!bytes.windows(16).any(|window| window == entry.header.actor.0));
    }
}
