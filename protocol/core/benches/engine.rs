//! What an entry costs on its way, step by step: `cargo bench -p motcua-core`. Figures are for one
//! entry where the name says so, else criterion's "elem" is an entry.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

#[path = "../tests/wire/author.rs"]
mod author;
mod hub;
#[path = "../tests/wire/workload.rs"]
mod workload;

use author::{Author, DOMAIN};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use motcua_core::{
    entry::{Header, payload_hash},
    hash::sha256,
    id::{EpochId, Hash, OfficeId},
    state::{MemKv, Txn, held},
    wire::{AuthorPart, DownFrame, LogProof, Row, RowItem, decode_up, entries_for_frame},
};
use std::hint::black_box;

/// Dossiers of the workload; a log of seven times as many entries.
const DOSSIERS: u64 = 1_000;
/// Rows in a frame that goes down: a day of a small office.
const ROWS: u64 = 200;

/// What a hub checks of each entry before it acknowledges, besides taking the frame apart.
fn envelope(criterion: &mut Criterion, author: &Author) {
    let entry = &author.entries[author.entries.len() / 2];
    let header = entry.header.encode();
    criterion.bench_function("envelope check, one entry", |bench| {
        bench.iter(|| {
            let header = Header::decode(black_box(&header)).unwrap();
            header.check_limits().unwrap();
            assert_eq!(payload_hash(&entry.payload), header.payload_hash);
            assert_eq!(sha256(&entry.payload[8..]), header.change_hash);
            entry.leaf()
        });
    });
}

fn up_frames(criterion: &mut Criterion, author: &Author) {
    let (public, entries) = (author.key.public(), &author.entries[..]);
    let count = entries_for_frame(entries);
    let bytes = hub::frame(author, 1, &entries[..count]);
    let signature = author.sign(1);
    let mut group = criterion.benchmark_group("up frame");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("encode", |bench| {
        bench.iter(|| {
            let resolve = |dossier: &_, hash: &_| author.sequence_of(dossier, hash);
            let entries = black_box(&entries[..count]);
            motcua_core::wire::encode_up(&public, author.log, 1, entries, resolve, &signature)
        });
    });
    group.bench_function("decode", |bench| {
        bench.iter(|| {
            let resolve = |sequence| author.change_at(sequence);
            decode_up(black_box(&bytes), &public, resolve).unwrap()
        });
    });
    group.finish();
}

/// The newest entries of a log, as an inbox brings them with proofs up to the author's key.
fn down_frame(author: &Author) -> DownFrame {
    let size = author.entries.len() as u64;
    let sequences: Vec<u64> = (size - ROWS * 3..size).step_by(3).map(|at| at + 1).collect();
    let rows = (1..).zip(&sequences).map(|(number, sequence)| {
        let entry = author.entries[*sequence as usize - 1].clone();
        Row { number, item: RowItem::Entry { author: 0, sequence: *sequence, entry } }
    });
    let rows = rows.collect();
    let part = AuthorPart {
        key: author.key.public(),
        binding: Some(b"signed binding".to_vec()),
        log: author.log,
        proof: Some(LogProof { proof: author.prove(&sequences), signature: author.sign(size) }),
    };
    let (inbox, epoch) = (OfficeId([5; 16]), EpochId([6; 16]));
    DownFrame { inbox, epoch, after: 0, authors: vec![part], rows, upto: ROWS, hash: Hash::ZERO }
}

fn down_frames(criterion: &mut Criterion, author: &Author) {
    let bytes = down_frame(author).encode().unwrap();
    let mut group = criterion.benchmark_group("down frame");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("decode and prove", |bench| {
        bench.iter(|| {
            let frame = DownFrame::decode(black_box(&bytes)).unwrap();
            frame.verify(DOMAIN).unwrap();
            frame
        });
    });
    group.finish();
}

/// The last frame of a catch-up, over a state that has all before it.
fn apply(criterion: &mut Criterion, author: &Author) {
    let (ledger, mut records) = hub::catch_up(author);
    let last = records.pop().unwrap();
    let first = records.len() as u64;
    let mut kv = MemKv::default();
    let mut before = ledger();
    for record in records {
        kv.write(before.apply(&kv, vec![record]).unwrap().writes);
    }
    let entries = author.entries.len() as u64;
    let count = ledger().apply(&kv, vec![last.clone()]).unwrap();
    assert!(count.upto == first + 1 && !count.dossiers.is_empty(), "the frame is applied");
    let frames: u64 = first.saturating_sub(1);
    let mut rest = &author.entries[..];
    for _ in 0..frames {
        rest = &rest[entries_for_frame(rest)..];
    }
    assert!(rest.len() as u64 <= entries && entries_for_frame(rest) == rest.len());
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(rest.len() as u64));
    group.bench_function("apply a frame", |bench| {
        bench.iter_batched(
            || (ledger(), last.clone()),
            |(mut ledger, last)| ledger.apply(&kv, vec![last]).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// One dossier among those held for an office gets a new head.
fn digest(criterion: &mut Criterion, author: &Author) {
    let office = OfficeId([7; 16]);
    let mut kv = MemKv::default();
    let mut txn = Txn::new(&kv);
    for entry in author.entries.iter().filter(|entry| entry.header.creation.is_some()) {
        let id = entry.header.dossier;
        let digest = held::digest(id, &[entry.header.change_hash], held::HeldDigest::default());
        held::replace(&mut txn, office, id, Some(digest)).unwrap();
    }
    let writes = txn.into_writes();
    kv.write(writes);
    let newest = author.entries.last().unwrap();
    let (id, head) = (newest.header.dossier, newest.header.change_hash);
    criterion.bench_function("digest update, one dossier", |bench| {
        bench.iter(|| {
            let mut txn = Txn::new(&kv);
            let digest = held::digest(black_box(id), &[head], held::HeldDigest::default());
            held::replace(&mut txn, office, id, Some(digest)).unwrap();
            txn.into_writes()
        });
    });
}

fn all(criterion: &mut Criterion) {
    let author = hub::node(DOSSIERS);
    envelope(criterion, &author);
    up_frames(criterion, &author);
    down_frames(criterion, &author);
    apply(criterion, &author);
    digest(criterion, &author);
}

criterion_group!(benches, all);
criterion_main!(benches);
