//! What the state of an entry costs to write: `cargo bench -p motcua-shell`. The batches are those
//! of a hub that takes in a catch-up, one for each frame; criterion's "elem" is an entry.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

#[path = "../../core/tests/wire/author.rs"]
mod author;
#[path = "../../core/benches/hub/mod.rs"]
mod hub;
#[path = "../../core/tests/wire/workload.rs"]
mod workload;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use motcua_core::state::{Batch, KvWrite, MemKv};
use motcua_shell::store::SledStore;

fn write(criterion: &mut Criterion) {
    let author = hub::node(1_000);
    let (ledger, records) = hub::catch_up(&author);
    let (mut ledger, mut kv) = (ledger(), MemKv::default());
    let batches: Vec<Batch> = records
        .into_iter()
        .map(|record| {
            let writes = ledger.apply(&kv, vec![record]).unwrap().writes;
            kv.write(writes.clone());
            writes
        })
        .collect();
    let mut group = criterion.benchmark_group("state store");
    group.throughput(Throughput::Elements(author.entries.len() as u64));
    group.sample_size(10);
    group.bench_function("write a catch-up", |bench| {
        bench.iter_batched(
            || (tempfile::tempdir().unwrap(), batches.clone()),
            |(dir, batches)| {
                let (mut store, _) = SledStore::open(&dir.path().join("state"), 0).unwrap();
                batches.into_iter().for_each(|batch| store.write_batch(batch).unwrap());
                store.flush().unwrap();
                (dir, store)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
