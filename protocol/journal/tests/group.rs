//! The group-commit thread on a real disk: many callers, one commit, readers meanwhile.
#![allow(clippy::unwrap_used)]

use motcua_journal::{
    Fs, GroupCommit, Journal, JournalError, Lane, NewRecord, Options, RealFs, limits, mem::MemFs,
};
use std::{
    path::Path,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::channel,
    },
    thread,
};

fn options(segment_size: u64) -> Options {
    let mut options = Options::seeded([1; 16], 1);
    options.segment_size = segment_size;
    options
}

fn start(dir: &Path) -> GroupCommit {
    let (journal, _) = Journal::open(Arc::new(RealFs::new()), dir, options(64 << 10)).unwrap();
    GroupCommit::start(journal).unwrap()
}

fn record(payload: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord { lane: Lane::Own, kind: 1, payload: payload.into() }
}

#[test]
fn readers_see_a_growing_gapless_prefix_while_callers_append() {
    let dir = tempfile::tempdir().unwrap();
    let group = Arc::new(start(dir.path()));
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (view, stop) = (group.view(), stop.clone());
            thread::spawn(move || {
                let mut seen = 0;
                loop {
                    let last_round = stop.load(Ordering::Acquire);
                    for item in view.iter_from(seen + 1) {
                        let record = item.unwrap();
                        assert_eq!(record.lsn, seen + 1);
                        seen = record.lsn;
                    }
                    assert_eq!(view.read(seen).unwrap().map(|r| r.lsn), (seen > 0).then_some(seen));
                    if last_round {
                        return seen;
                    }
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..4u8)
        .map(|n| {
            let group = group.clone();
            thread::spawn(move || {
                for round in 0..60 {
                    let mut records = vec![record(vec![n; 300]), record(format!("{n}.{round}"))];
                    records[1].lane = Lane::Others;
                    let lsns = group.append(records).unwrap();
                    let read = group.view().read(lsns[1]).unwrap().unwrap();
                    assert_eq!(read.payload, format!("{n}.{round}").into_bytes());
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    stop.store(true, Ordering::Release);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 480);
    }
    let counters = group.counters().unwrap();
    assert_eq!(counters.appends, 480);
    assert!(counters.commits < 240, "callers that wait share a commit: {counters:?}");
    Arc::into_inner(group).unwrap().stop().unwrap();
    let (journal, recovery) =
        Journal::open(Arc::new(RealFs::new()), dir.path(), options(64 << 10)).unwrap();
    assert_eq!(journal.view().iter_from(1).map(Result::unwrap).count(), 480);
    assert!(recovery.holes.is_empty() && recovery.torn.is_empty(), "{recovery:?}");
}

#[test]
fn all_that_waits_is_one_commit_and_answers_come_in_order() {
    let fs = Arc::new(MemFs::new());
    let (journal, _) = Journal::open(fs, Path::new("/j"), options(1 << 20)).unwrap();
    let group = GroupCommit::start(journal).unwrap();
    group.append(vec![record("first")]).unwrap();
    let (entered, gate) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (inside, wait) = (entered.clone(), gate.clone());
    group
        .submit(vec![record("holds the thread")], move |_| {
            inside.wait();
            wait.wait();
        })
        .unwrap();
    entered.wait();
    let (sender, answers) = channel();
    for n in 0..50 {
        let sender = sender.clone();
        group
            .submit(vec![record(format!("{n}"))], move |result| sender.send((n, result)).unwrap())
            .unwrap();
    }
    gate.wait();
    for n in 0..50 {
        let (answered, result) = answers.recv().unwrap();
        assert_eq!((answered, result), (n, Ok(vec![3 + n])));
    }
    // The first, the one that held the thread, and one for all fifty.
    assert_eq!(group.counters().unwrap().syncs, 3);
}

#[test]
fn stopping_answers_everything_handed_in() {
    let dir = tempfile::tempdir().unwrap();
    let group = start(dir.path());
    let answered = Arc::new(AtomicU64::new(0));
    for _ in 0..200 {
        let answered = answered.clone();
        group
            .submit(vec![record("x")], move |result| {
                result.unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
    let journal = group.stop().unwrap();
    assert_eq!(answered.load(Ordering::SeqCst), 200);
    assert_eq!(journal.view().durable(), 200);
}

#[test]
fn a_failure_answers_all_that_waited_and_recovery_goes_on() {
    let fs = MemFs::new();
    let (mut journal, _) =
        Journal::open(Arc::new(fs.clone()), Path::new("/j"), options(64 << 10)).unwrap();
    // The first segment and the file for the second exist: no other sync can take the fault.
    journal.append(Lane::Own, 1, b"good").unwrap();
    journal.commit().unwrap();
    journal.maintain().unwrap();
    let group = GroupCommit::start(journal).unwrap();
    fs.fail_sync(1, 0);
    assert!(matches!(group.append(vec![record("bad")]), Err(JournalError::Io { .. })));
    assert!(matches!(group.append(vec![record("bad")]), Err(JournalError::Poisoned { .. })));
    group.recover_after_failure().unwrap();
    assert_eq!(group.append(vec![record("again")]).unwrap(), [2]);
    assert_eq!(group.counters().unwrap().failures, 1);
}

#[test]
fn a_batch_with_one_record_too_large_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let group = start(dir.path());
    let large = vec![record("small"), record(vec![0; limits::MAX_RECORD + 1])];
    assert!(matches!(group.append(large), Err(JournalError::TooLarge { .. })));
    let largest = record(vec![7; limits::MAX_RECORD]);
    assert_eq!(group.append(vec![largest.clone()]).unwrap(), [1]);
    assert_eq!(group.append(vec![record("")]).unwrap(), [2]);
    assert_eq!(group.view().read(1).unwrap().unwrap().payload, largest.payload);
}

#[test]
fn a_callback_that_panics_harms_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let group = start(dir.path());
    group.submit(vec![record("a")], |_| panic!("callback")).unwrap();
    assert_eq!(group.append(vec![record("b")]).unwrap(), [2]);
}

#[test]
fn the_real_file_system_locks_fills_and_lists() {
    let dir = tempfile::tempdir().unwrap();
    let fs = RealFs::new();
    let inner = dir.path().join("a/b");
    fs.create_dir(&inner).unwrap();
    let lock = fs.lock(&inner).unwrap();
    assert!(fs.lock(&inner).is_err());
    drop(lock);
    assert!(fs.lock(&inner).is_ok());
    let file = fs.create(&inner.join("x")).unwrap();
    assert!(fs.create(&inner.join("x")).is_err());
    file.allocate(3 << 20).unwrap();
    file.write_at(5, b"abc").unwrap();
    let mut buf = [1; 10];
    assert_eq!(file.read_at(0, &mut buf).unwrap(), 10);
    assert_eq!(&buf, b"\0\0\0\0\0abc\0\0");
    assert_eq!(file.read_at((3 << 20) - 4, &mut buf).unwrap(), 4);
    assert_eq!(file.len().unwrap(), 3 << 20);
    fs.create_dir(&inner.join("own-0000000000000001-0000000000000001.seg")).unwrap();
    assert_eq!(fs.list(&inner).unwrap(), ["x"]);
}
