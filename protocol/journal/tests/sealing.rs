//! Sealing keeps one readable copy at any moment, and reads back what was appended.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Model, all, files, open};
use motcua_journal::{
    Lane, Record,
    mem::{Crash, Dice, MemFs},
};

fn filled(seed: u64) -> (MemFs, Vec<Record>) {
    let (fs, mut model, mut dice) = (MemFs::new(), Model::default(), Dice(seed));
    let (mut journal, _) = open(&fs, seed).unwrap();
    for _ in 0..30 {
        model.step(&mut journal, &mut dice).unwrap();
    }
    (fs.clone(), all(&journal))
}

#[test]
fn sealed_segments_read_the_same_and_take_less_room() {
    let (fs, records) = filled(1);
    let (mut journal, _) = open(&fs, 2).unwrap();
    let view = journal.view();
    let raw: usize = files(&fs, ".seg").iter().map(|path| fs.content(path).unwrap().len()).sum();
    let mut reading = view.iter_from(1);
    let early: Vec<_> = reading.by_ref().take(3).map(Result::unwrap).collect();
    assert!(journal.maintain().unwrap() > 3);
    let rest: Vec<_> = reading.map(Result::unwrap).collect();
    assert_eq!([early, rest].concat(), records, "an iterator goes on over sealing");
    assert_eq!(all(&journal), records);
    for record in &records {
        assert_eq!(view.read(record.lsn).unwrap().as_ref(), Some(record));
    }
    assert_eq!(journal.maintain().unwrap(), 0);
    let left: usize = fs
        .paths()
        .iter()
        .filter(|path| !path.to_str().unwrap().contains("blank"))
        .map(|path| fs.content(path).unwrap().len())
        .sum();
    assert!(left * 3 < raw * 2, "{left} of {raw}");
    assert!(files(&fs, ".seg").len() <= 2);
    drop(journal);
    let (journal, recovery) = open(&fs, 3).unwrap();
    assert_eq!(all(&journal), records);
    assert!(recovery.holes.is_empty() && recovery.set_aside.is_empty(), "{recovery:?}");
}

#[test]
fn a_power_cut_at_any_operation_of_sealing_leaves_every_record() {
    let total = {
        let (fs, _) = filled(4);
        let (mut journal, _) = open(&fs, 5).unwrap();
        let before = fs.ops();
        journal.maintain().unwrap();
        fs.ops() - before
    };
    assert!(total > 20);
    for op in 1..=total {
        for how in [Crash::LoseAll, Crash::KeepAll, Crash::Seed(op), Crash::Seed(op + 1000)] {
            let (fs, records) = filled(4);
            let (mut journal, _) = open(&fs, 5).unwrap();
            fs.power_off_at(fs.ops() + op);
            let _ = journal.maintain();
            drop(journal);
            fs.crash(how);
            let (mut journal, recovery) = open(&fs, 6).unwrap();
            assert_eq!(all(&journal), records, "op {op} {how:?}");
            assert!(recovery.holes.is_empty(), "op {op} {how:?} {recovery:?}");
            let copies = |ending| {
                let names = files(&fs, ending).into_iter();
                names.map(|path| path.file_stem().unwrap().to_owned()).collect::<Vec<_>>()
            };
            let (raw, sealed) = (copies(".seg"), copies(".sealed"));
            assert!(raw.iter().all(|name| !sealed.contains(name)), "op {op} {how:?}: two copies");
            journal.maintain().unwrap();
            assert_eq!(all(&journal), records, "op {op} {how:?}");
        }
    }
}

#[test]
fn a_sealed_form_that_does_not_verify_gives_way_to_the_raw_one() {
    let (fs, records) = filled(7);
    let raws: Vec<_> =
        files(&fs, ".seg").into_iter().map(|p| (fs.content(&p).unwrap(), p)).collect();
    let (mut journal, _) = open(&fs, 8).unwrap();
    journal.maintain().unwrap();
    drop(journal);
    let sealed = files(&fs, ".sealed").remove(0);
    for at in (0..fs.content(&sealed).unwrap().len()).step_by(97) {
        let copy = MemFs::new();
        for path in fs.paths() {
            copy.plant(&path, &fs.content(&path).unwrap());
        }
        let raw = raws.iter().find(|(_, path)| path.file_stem() == sealed.file_stem()).unwrap();
        copy.plant(&raw.1, &raw.0);
        copy.flip(&sealed, at, 0x80);
        let (journal, recovery) = open(&copy, 9).unwrap();
        assert_eq!(all(&journal), records, "byte {at}");
        assert_eq!(recovery.set_aside.len(), 1, "byte {at}");
        assert!(recovery.holes.is_empty(), "byte {at} {recovery:?}");
    }
}

#[test]
fn a_damaged_index_is_rebuilt_and_a_damaged_frame_costs_only_itself() {
    let (fs, records) = filled(10);
    let (mut journal, _) = open(&fs, 11).unwrap();
    journal.maintain().unwrap();
    drop(journal);
    let sealed = files(&fs, ".sealed").remove(1);
    let pristine = fs.content(&sealed).unwrap();
    fs.flip(&sealed, pristine.len() - 100, 1);
    let (journal, _) = open(&fs, 12).unwrap();
    assert_eq!(all(&journal), records, "index rebuilt");
    drop(journal);
    fs.plant(&sealed, &pristine);
    fs.flip(&sealed, 4096 + 72 + 6, 1);
    let (journal, _) = open(&fs, 13).unwrap();
    let items: Vec<_> = journal.view().iter_from(1).collect();
    let good: Vec<_> = items.iter().flatten().cloned().collect();
    assert_eq!(items.iter().filter(|item| item.is_err()).count(), 1);
    assert!(good.len() > records.len() / 2 && good.iter().all(|record| records.contains(record)));
}

#[test]
fn trimming_removes_closed_segments_only_and_no_voided_record_comes_back() {
    for lottery in 0..8 {
        trimming(lottery);
    }
}

fn trimming(lottery: u64) {
    let fs = MemFs::new();
    let (mut journal, _) = open(&fs, 1).unwrap();
    for n in 0..40u32 {
        journal.append(Lane::Others, 0, &[n as u8; 300]).unwrap();
        journal.commit().unwrap();
    }
    journal.append(Lane::Own, 0, b"good").unwrap();
    journal.commit().unwrap();
    journal.append(Lane::Own, 0, b"voided").unwrap();
    journal.append(Lane::Others, 0, b"voided").unwrap();
    // Both are written, and the first lane's sync works: both may well be on the disk.
    fs.fail_sync(2, lottery);
    assert!(journal.commit().is_err());
    journal.recover_after_failure().unwrap();
    for n in 0..80u32 {
        journal.append(Lane::Own, 0, &[n as u8; 300]).unwrap();
        journal.commit().unwrap();
    }
    let last = journal.point().lsn;
    journal.trim(Lane::Own, last + 1).unwrap();
    let visible = all(&journal);
    drop(journal);
    fs.crash(Crash::LoseAll);
    let (mut journal, recovery) = open(&fs, 2).unwrap();
    assert_eq!(all(&journal), visible);
    assert!(visible.iter().all(|record| record.payload != b"voided"));
    assert!(recovery.holes.is_empty(), "{recovery:?}");
    // Once the older segments are sealed, nothing can come back and the rest may go.
    journal.maintain().unwrap();
    assert!(journal.trim(Lane::Own, last + 1).unwrap() > 0);
    assert!(journal.trim(Lane::Others, last + 1).unwrap() > 0);
    let visible = all(&journal);
    assert!(visible.len() < 60 && journal.view().first().unwrap() > 1);
    drop(journal);
    fs.crash(Crash::LoseAll);
    let (journal, recovery) = open(&fs, 3).unwrap();
    assert_eq!(all(&journal), visible);
    assert!(recovery.holes.is_empty(), "{recovery:?}");
}
