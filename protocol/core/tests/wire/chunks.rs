//! Automerge's own bytes, taken apart and put together again.

use crate::author::morning;
use automerge::{
    ActorId, Automerge, Change, ObjType, ROOT, ScalarValue,
    transaction::{CommitOptions, Transactable as _},
};
use motcua_core::{
    id::{ActorId as Actor, Hash},
    wire::chunk::{Chunk, ChunkError, Parts, change_hash},
};
use proptest::prelude::*;

/// Takes a chunk apart, compares with what automerge says, and puts it together again.
fn check(change: &Change) {
    let bytes = change.raw_bytes();
    let chunk = Chunk::parse(bytes).unwrap();
    assert_eq!(chunk.hash.0, change.hash().0);
    assert_eq!(change_hash(bytes), Ok(chunk.hash));
    assert_eq!(chunk.actor, change.actor_id().to_bytes());
    assert_eq!((chunk.seq, chunk.start_op), (change.seq(), change.start_op().get()));
    assert_eq!(chunk.time, change.timestamp());
    let deps: Vec<Hash> = chunk.deps().collect();
    assert_eq!(deps, change.deps().iter().map(|hash| Hash(hash.0)).collect::<Vec<_>>());
    let parts = Parts {
        deps: &deps,
        actor: Actor::from_slice(chunk.actor).unwrap(),
        seq: chunk.seq,
        start_op: chunk.start_op,
        time: chunk.time,
        rest: chunk.rest,
    };
    let (rebuilt, hash) = parts.build().unwrap();
    assert_eq!(rebuilt, bytes, "byte for byte");
    assert_eq!(hash, chunk.hash);
    assert_eq!(Change::from_bytes(rebuilt).unwrap().hash(), change.hash());
}

fn actor(n: u8) -> ActorId {
    ActorId::from(&[n; 16][..])
}

/// Automerge keeps differences of times and overflows where two lie further apart than an i64.
const MOST: i64 = i64::MAX / 2;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_change_automerge_writes_is_restored_byte_for_byte(
        steps in proptest::collection::vec(
            (1u8..4, "[a-zđ/0-9]{1,12}", "\\PC{0,40}", -MOST..MOST, any::<bool>(), any::<bool>()), 1..14),
        message in proptest::option::of("\\PC{0,30}"),
    ) {
        let mut replicas: Vec<Automerge> = (0..4).map(|_| Automerge::new()).collect();
        for (by, key, text, time, merge, nested) in steps {
            if merge {
                let changes = replicas.iter().flat_map(|doc| doc.get_changes(&[])).collect::<Vec<_>>();
                replicas[usize::from(by)].apply_changes(changes).unwrap();
            }
            let doc = &mut replicas[usize::from(by)];
            doc.set_actor(actor(by));
            let mut transaction = doc.transaction();
            if nested {
                let map = transaction.put_object(ROOT, &key, ObjType::Map).unwrap();
                transaction.put(&map, "n", time).unwrap();
                transaction.put(&map, "số", ScalarValue::Counter(3.into())).unwrap();
            } else {
                transaction.put(ROOT, &key, text).unwrap();
            }
            let mut options = CommitOptions::default().with_time(time);
            if let Some(message) = &message {
                options.set_message(message);
            }
            transaction.commit_with(options);
        }
        for doc in &replicas {
            doc.get_changes(&[]).iter().for_each(check);
        }
    }

    #[test]
    fn bytes_from_strangers_are_errors_or_give_the_same_bytes_again(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..300), head in any::<bool>(),
    ) {
        if head && bytes.len() > 10 {
            bytes[..4].copy_from_slice(&[0x85, 0x6f, 0x4a, 0x83]);
            bytes[8] = 1;
        }
        prop_assert!(Chunk::parse(&bytes).is_err(), "nobody guesses a checksum");
    }
}

#[test]
fn only_one_whole_raw_change_is_taken() {
    let (desk, _) = morning();
    let good = &desk.entries[0].payload;
    for length in 0..good.len() {
        assert!(Chunk::parse(&good[..length]).is_err(), "{length}");
        assert!(change_hash(&good[..length]).is_err(), "{length}");
    }
    assert_eq!(
        change_hash(&[good.as_slice(), &[0]].concat()),
        Err(ChunkError::Malformed("length"))
    );
    for (place, error) in
        [(0, ChunkError::Magic), (4, ChunkError::Checksum), (8, ChunkError::Type(0))]
    {
        let mut bent = good.clone();
        bent[place] ^= 1;
        assert_eq!(Chunk::parse(&bent), Err(error));
    }
    let document = desk.docs.values().next().unwrap().save();
    assert_eq!(Chunk::parse(&document), Err(ChunkError::Type(0)), "an image is no change");
    let long = vec![0; 64 * 1024 + 1];
    let text = Chunk::parse(&long).unwrap_err().to_string();
    assert_eq!(text, "it has 65537 bytes, at most 65536 are allowed");
}

#[test]
fn a_deflated_change_is_refused() {
    let mut doc = Automerge::new();
    let mut transaction = doc.transaction();
    transaction.put(ROOT, "ghi_chu", "dài ".repeat(500)).unwrap();
    transaction.commit();
    let mut change = doc.get_last_local_change().unwrap();
    let packed = change.bytes().into_owned();
    assert_eq!(Chunk::parse(&packed), Err(ChunkError::Type(2)));
    assert_eq!(change_hash(&packed), Err(ChunkError::Type(2)));
}
