//! How long the working lists take in an office with many dossiers: the rows as the node writes them, in a
//! state store of its own; then first and deep pages, and the counters.

use anyhow::ensure;
use motcua_core::{id::DossierId, state::KvWrite};
use motcua_dossier::lists::{About, List, Listing, Shelf};
use motcua_shell::{lists, store::SledStore};
use std::time::{Duration, Instant};

/// An instant of 2026; rows stand around it.
const NOW: i64 = 1_773_108_000_000;
const DAY: i64 = 86_400_000;
const TIMES: usize = 200;
const BATCH: u32 = 1_000;

/// Writes so many and prints a row for each list. Half of them are closed, the rest is open: far more
/// than an office has, so that no list is short.
///
/// # Errors
/// What the store says, or if a dossier is in no list.
#[expect(clippy::print_stdout, reason = "the answer")]
pub fn run(dossiers: u32) -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("motcua-listing-").tempdir()?;
    let (mut store, _) = SledStore::open(dir.path(), 0)?;
    for from in (0..dossiers).step_by(BATCH as usize) {
        let rows = (from..dossiers.min(from + BATCH)).map(|number| {
            let (key, value) = lists::row(id(number), &listing(number));
            (key, Some(value))
        });
        store.write_batch(rows.collect())?;
    }
    println!(
        "{dossiers} dossiers\n| list | dossiers | page p50 | p99 | deep page p50 | counter p50 |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    let mut all = 0;
    for list in List::ALL {
        let (mut after, mut seen) = (None, 0);
        let mut middle = None;
        loop {
            let page = lists::page(&store, list, NOW, after.as_deref(), 200, None)?;
            seen += page.entries.len();
            after = page.next;
            if seen >= 5_000 && middle.is_none() {
                middle.clone_from(&after);
            }
            if after.is_none() {
                break;
            }
        }
        all += seen;
        let page = |from: Option<&[u8]>| {
            lists::page(&store, list, NOW, from, 50, None).map(|page| page.entries.len())
        };
        let first = times(|| page(None))?;
        let deep = times(|| page(middle.as_deref()))?;
        let counter = times(|| lists::count(&store, list, NOW))?;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {} | {seen} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms |",
            list.word(),
            millis(first[TIMES / 2]),
            millis(first[TIMES - 3]),
            millis(deep[TIMES / 2]),
            millis(counter[TIMES / 2])
        );
    }
    ensure!(all == dossiers as usize, "{all} of {dossiers} dossiers are in a list");
    Ok(())
}

fn times<T, E>(mut run: impl FnMut() -> Result<T, E>) -> Result<Vec<Duration>, E> {
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        run()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

fn id(number: u32) -> DossierId {
    let mut id = DossierId::ZERO;
    id.0[2..6].copy_from_slice(&number.to_be_bytes());
    id.0[6..10].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    id
}

fn listing(number: u32) -> Listing {
    let shelf = match number % 10 {
        0 => Shelf::ToAccept,
        1 | 2 => Shelf::Working,
        3 => Shelf::Citizen,
        4 => Shelf::Result,
        _ => Shelf::Closed,
    };
    let order = NOW + (i64::from(number) * 7_919 % 60 - 10) * DAY;
    let owner = format!("Cán bộ Mẫu {}", number % 12);
    let place = "5d3ab4c0e6b14f6f9a2f3e0d7c1b8a96".into();
    Listing { shelf, order, about: About { owner, place, since: order, ..About::default() } }
}
