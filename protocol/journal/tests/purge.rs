//! A purge leaves no byte of what was purged, keeps everything else, and survives power cuts.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Model, all, open};
use motcua_journal::{
    Journal, Lane, Record, Replace,
    mem::{Crash, Dice, MemFs},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const MARKER: &[u8] = b"CCCD 001099012345";
const PURGED: u8 = 250;

fn contains(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER)
}

fn replace() -> Replace {
    Arc::new(|record| contains(&record.payload).then(|| (PURGED, b"gone".to_vec())))
}

/// Both lanes, sealed and raw segments, the marker in many records of others and one of our own.
fn filled(seed: u64) -> (MemFs, Journal, Vec<Record>) {
    let (fs, mut model, mut dice) = (MemFs::new(), Model::default(), Dice(seed));
    let (mut journal, _) = open(&fs, seed).unwrap();
    journal.append(Lane::Own, 1, MARKER).unwrap();
    for n in 0..30u8 {
        model.step(&mut journal, &mut dice).unwrap();
        let noise: Vec<u8> = (0..200).map(|_| dice.next_u64() as u8).collect();
        journal.append(Lane::Others, 1, &[MARKER, &noise, &[n]].concat()).unwrap();
        journal.commit().unwrap();
        if n == 15 {
            journal.maintain().unwrap();
        }
    }
    let records = all(&journal);
    (fs, journal, records)
}

fn expected(records: &[Record]) -> Vec<Record> {
    let purge = |record: &Record| match record.lane == Lane::Others && contains(&record.payload) {
        true => Record { kind: PURGED, payload: b"gone".to_vec(), ..record.clone() },
        false => record.clone(),
    };
    records.iter().map(purge).collect()
}

fn run(journal: &mut Journal) -> bool {
    let done = Arc::new(AtomicUsize::new(0));
    let count = done.clone();
    let begun = journal.purge(Lane::Others, replace(), move |result| {
        count.fetch_add(usize::from(result.is_ok()), Ordering::SeqCst);
    });
    begun.is_ok() && journal.maintain().is_ok() && done.load(Ordering::SeqCst) == 1
}

fn marked_files(fs: &MemFs) -> Vec<String> {
    let marked = fs.paths().into_iter().filter(|path| contains(&fs.content(path).unwrap()));
    marked.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_purged_is_left_in_any_file_and_numbers_stay() {
    let (fs, mut journal, records) = filled(1);
    assert!(run(&mut journal));
    assert_eq!(all(&journal), expected(&records));
    assert!(marked_files(&fs).iter().all(|name| name.starts_with("own-")));
    let next = journal.append(Lane::Others, 1, b"after").unwrap();
    journal.commit().unwrap();
    drop(journal);
    fs.crash(Crash::LoseAll);
    let (mut journal, recovery) = open(&fs, 2).unwrap();
    let seen = all(&journal);
    assert_eq!(seen[..records.len()], expected(&records));
    assert_eq!(seen.last().unwrap().lsn, next);
    assert!(recovery.holes.is_empty() && recovery.chain_breaks.is_empty(), "{recovery:?}");
    assert!(run(&mut journal), "again, with nothing to do");
}

#[test]
fn an_empty_lane_is_purged_at_once() {
    let fs = MemFs::new();
    let (mut journal, _) = open(&fs, 1).unwrap();
    assert!(run(&mut journal));
    assert!(all(&journal).is_empty());
}

#[test]
fn a_power_cut_at_any_operation_keeps_every_record_and_the_purge_can_be_repeated() {
    let total = {
        let (fs, mut journal, _) = filled(3);
        let before = fs.ops();
        assert!(run(&mut journal));
        fs.ops() - before
    };
    assert!(total > 30);
    for op in 1..=total {
        for how in [Crash::LoseAll, Crash::KeepAll, Crash::Seed(op)] {
            let (fs, mut journal, records) = filled(3);
            fs.power_off_at(fs.ops() + op);
            let finished = run(&mut journal);
            drop(journal);
            fs.crash(how);
            let (mut journal, recovery) = open(&fs, 4).unwrap();
            assert!(recovery.holes.is_empty(), "op {op} {how:?} {recovery:?}");
            let goal = expected(&records);
            let seen = all(&journal);
            assert_eq!(seen.len(), records.len(), "op {op} {how:?}");
            for (at, record) in seen.iter().enumerate() {
                let fine = *record == goal[at] || (*record == records[at] && !finished);
                assert!(fine, "op {op} {how:?} {record:?}");
            }
            assert!(run(&mut journal), "op {op} {how:?}");
            assert_eq!(all(&journal), goal, "op {op} {how:?}");
            assert!(marked_files(&fs).iter().all(|name| name.starts_with("own-")));
        }
    }
}
