//! Prints the p50 of one 400-byte record made durable: bare write and fdatasync, through the journal,
//! and through the group-commit thread. Usage: `append_speed DIRECTORY [ROUNDS]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use motcua_journal::{Fs, GroupCommit, Journal, Lane, NewRecord, Options, RealFs};
use std::{path::PathBuf, sync::Arc, time::Instant};

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("a directory on the disk to measure"));
    let rounds: usize = args.next().map_or(2000, |text| text.parse().expect("a number of rounds"));
    let fs = Arc::new(RealFs::new());
    fs.create_dir(&dir).unwrap();
    let payload = [7; 400];

    let bare_path = dir.join("bare");
    let bare = fs.create(&bare_path).unwrap();
    bare.allocate(8 << 20).unwrap();
    bare.sync_data().unwrap();
    let mut at = 0;
    let mut write_bare = || {
        bare.write_at(at % (8 << 20), &payload).unwrap();
        bare.sync_data().unwrap();
        at += 424;
    };
    let options = Options::seeded([1; 16], 1);
    let (mut journal, _) = Journal::open(fs.clone(), &dir.join("j"), options).unwrap();
    let mut write_journal = || {
        journal.append(Lane::Own, 1, &payload).unwrap();
        journal.commit().unwrap();
    };
    let (grouped, _) =
        Journal::open(fs.clone(), &dir.join("g"), Options::seeded([1; 16], 2)).unwrap();
    let group = GroupCommit::start(grouped).unwrap();
    let write_group = || {
        let record = NewRecord { lane: Lane::Own, kind: 1, payload: payload.to_vec() };
        group.append(vec![record]).unwrap();
    };
    // Interleaved, so that a slow minute of the disk meets all three.
    let mut micros = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        micros[0].push(timed(&mut write_bare));
        micros[1].push(timed(&mut write_journal));
        micros[2].push(timed(write_group));
    }
    for (name, mut micros) in ["bare", "journal", "group"].into_iter().zip(micros) {
        micros.sort_unstable();
        let at = |part: usize| micros[(micros.len() * part / 1000).min(micros.len() - 1)];
        println!("{name:8} p50 {} us, p99 {} us, p99.9 {} us", at(500), at(990), at(999));
    }
    fs.remove(&bare_path).unwrap();
}

fn timed(work: impl FnOnce()) -> u128 {
    let start = Instant::now();
    work();
    start.elapsed().as_micros()
}
