//! Flipped bytes, foreign and stray files, lost files: damage costs what it touches and is reported.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Model, OWNER, all, dir, files, open};
use motcua_journal::{
    Journal, JournalError, Lane, Lsn, Options, Record,
    mem::{Crash, Dice, MemFs},
};
use std::{path::Path, sync::Arc};

/// A journal with single-record commits, closed.
fn filled(records: u64, lane: impl Fn(u64) -> Lane) -> (MemFs, Vec<Record>) {
    let fs = MemFs::new();
    let (mut journal, recovery) = open(&fs, 1).unwrap();
    assert!(recovery.fresh);
    for n in 1..=records {
        let payload = format!("record number {n} ").repeat(1 + n as usize % 7);
        journal.append(lane(n), n as u8, payload.as_bytes()).unwrap();
        journal.commit().unwrap();
    }
    (fs.clone(), all(&journal))
}

fn lsns(records: &[Record]) -> Vec<Lsn> {
    records.iter().map(|record| record.lsn).collect()
}

/// Where the bytes of a payload stand in a file.
fn find(fs: &MemFs, path: &Path, text: &[u8]) -> usize {
    let content = fs.content(path).unwrap();
    content.windows(text.len()).position(|window| window == text).unwrap()
}

#[test]
fn one_flipped_byte_of_an_acknowledged_record_keeps_all_later_ones_and_reports_a_hole() {
    let (fs, records) = filled(12, |_| Lane::Own);
    let path = files(&fs, ".seg").remove(0);
    let pristine = fs.content(&path).unwrap();
    let start = find(&fs, &path, b"record number 5 ") - 21;
    let end = find(&fs, &path, b"record number 6 ") - 21;
    for at in start..start + 21 + records[4].payload.len() {
        assert!(at < end);
        fs.plant(&path, &pristine);
        assert!(fs.flip(&path, at, 0x41));
        let (mut journal, recovery) = open(&fs, 2).unwrap();
        assert_eq!(lsns(&all(&journal)), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12], "byte {at}");
        let [hole] = &recovery.holes[..] else { panic!("{recovery:?}") };
        assert_eq!((hole.lane, hole.from, hole.to, hole.certain), (Lane::Own, 5, 5, true));
        assert_eq!(hole.offset, Some(start as u64));
        assert_eq!(journal.view().read(5).unwrap(), None);
        assert_eq!(journal.append(Lane::Own, 0, b"next").unwrap(), 13);
        journal.commit().unwrap();
        drop(journal);
        for file in files(&fs, ".seg") {
            if file != path {
                use motcua_journal::Fs;
                fs.remove(&file).unwrap();
            }
        }
    }
}

#[test]
fn a_hole_is_reported_at_every_opening_and_its_segment_is_not_sealed() {
    let (fs, _) = filled(12, |_| Lane::Own);
    let path = files(&fs, ".seg").remove(0);
    fs.flip(&path, find(&fs, &path, b"record number 5 "), 1);
    for life in 0..3 {
        let (mut journal, recovery) = open(&fs, 2 + life).unwrap();
        assert_eq!(recovery.holes.len(), 1, "{recovery:?}");
        journal.append(Lane::Own, 0, b"more").unwrap();
        journal.commit().unwrap();
        journal.maintain().unwrap();
        assert!(fs.content(&path).is_some());
    }
}

#[test]
fn a_flipped_byte_in_the_last_commit_of_several_is_a_hole_and_later_ones_stay() {
    let fs = MemFs::new();
    let (mut journal, _) = open(&fs, 1).unwrap();
    for n in 0..5 {
        journal.append(Lane::Others, 0, format!("together {n}").as_bytes()).unwrap();
    }
    journal.commit().unwrap();
    drop(journal);
    let path = files(&fs, ".seg").remove(0);
    fs.flip(&path, find(&fs, &path, b"together 2"), 1);
    let (mut journal, recovery) = open(&fs, 2).unwrap();
    assert_eq!(lsns(&all(&journal)), [1, 2, 4, 5]);
    assert_eq!((recovery.holes[0].from, recovery.holes[0].certain), (3, false));
    // It stays "uncertain, said once": later records must not turn it into an alarm.
    journal.append(Lane::Others, 0, b"later").unwrap();
    journal.commit().unwrap();
    drop(journal);
    let (journal, recovery) = open(&fs, 3).unwrap();
    assert_eq!(recovery.holes, []);
    assert_eq!(lsns(&all(&journal)), [1, 2, 4, 5, 6]);
}

#[test]
fn damage_in_one_lane_is_not_looked_for_in_the_other() {
    let (fs, _) = filled(20, |n| Lane::ALL[(n % 2) as usize]);
    let path =
        files(&fs, ".seg").into_iter().find(|p| p.to_str().unwrap().contains("own")).unwrap();
    fs.flip(&path, find(&fs, &path, b"record number 8 "), 1);
    let (_, recovery) = open(&fs, 2).unwrap();
    let [hole] = &recovery.holes[..] else { panic!("{recovery:?}") };
    assert_eq!((hole.lane, hole.from, hole.to, hole.certain), (Lane::Own, 8, 8, true));
}

#[test]
fn a_lost_last_record_of_one_lane_is_known_from_the_other() {
    let (fs, _) = filled(20, |n| if n <= 10 { Lane::Own } else { Lane::Others });
    let path =
        files(&fs, ".seg").into_iter().find(|p| p.to_str().unwrap().contains("own")).unwrap();
    fs.flip(&path, find(&fs, &path, b"record number 10 "), 1);
    let (_, recovery) = open(&fs, 2).unwrap();
    let [hole] = &recovery.holes[..] else { panic!("{recovery:?}") };
    assert_eq!((hole.from, hole.to, hole.certain), (10, 10, true));
}

#[test]
fn records_of_another_segment_are_never_taken() {
    let (fs, records) = filled(60, |_| Lane::Own);
    let paths = files(&fs, ".seg");
    assert!(paths.len() >= 2);
    // Recycled blocks: the old segment's records behind the end of the new one.
    let old = fs.content(&paths[0]).unwrap();
    let mut new = fs.content(&paths[paths.len() - 1]).unwrap();
    let end = new.len() - new.iter().rev().take_while(|byte| **byte == 0).count();
    let end = end.next_multiple_of(8);
    let len = (new.len() - end).min(old.len() - 4096);
    new[end..end + len].copy_from_slice(&old[4096..4096 + len]);
    fs.plant(&paths[paths.len() - 1], &new);
    let (mut journal, recovery) = open(&fs, 2).unwrap();
    assert_eq!(all(&journal), records);
    assert_eq!((recovery.holes.len(), recovery.torn.len()), (0, 1));
    assert_eq!(journal.append(Lane::Own, 0, b"goes on").unwrap(), 61);
    journal.commit().unwrap();
    drop(journal);
    assert_eq!(all(&open(&fs, 3).unwrap().0).len(), 61);
}

#[test]
fn records_with_the_right_next_numbers_but_of_another_segment_are_not_taken() {
    let (fs, records) = filled(10, |_| Lane::Own);
    // The same journal, gone on under another nonce: its records 11.. would fit exactly.
    let other = MemFs::new();
    let (mut longer, _) = open(&other, 77).unwrap();
    for record in &records {
        longer.append(record.lane, record.kind, &record.payload).unwrap();
        longer.commit().unwrap();
    }
    for n in 11..15 {
        longer.append(Lane::Own, 0, format!("stale {n}").as_bytes()).unwrap();
        longer.commit().unwrap();
    }
    let path = files(&fs, ".seg").remove(0);
    let mut bytes = fs.content(&path).unwrap();
    let stale = other.content(&path).unwrap();
    let end = find(&other, &path, b"stale 11") - 21;
    bytes[end..].copy_from_slice(&stale[end..]);
    fs.plant(&path, &bytes);
    let (journal, recovery) = open(&fs, 2).unwrap();
    assert_eq!(all(&journal), records);
    assert_eq!((recovery.last, recovery.torn.len()), (10, 1));
}

#[test]
fn a_lost_file_is_a_hole_with_its_numbers() {
    for victim in 1..4 {
        let (fs, records) = filled(200, |_| Lane::Others);
        let paths = files(&fs, ".seg");
        assert!(paths.len() > 4);
        use motcua_journal::Fs;
        fs.remove(&paths[victim]).unwrap();
        let (journal, recovery) = open(&fs, 2).unwrap();
        let [hole] = &recovery.holes[..] else { panic!("{recovery:?}") };
        let missing: Vec<Lsn> = (hole.from..=hole.to).collect();
        let rest: Vec<Lsn> =
            lsns(&records).into_iter().filter(|lsn| !missing.contains(lsn)).collect();
        assert_eq!(lsns(&all(&journal)), rest);
        assert!(missing.len() > 3 && hole.certain);
    }
}

#[test]
fn a_segment_without_header_is_set_aside_and_its_numbers_are_not_given_again() {
    let (fs, records) = filled(100, |_| Lane::Others);
    let path = files(&fs, ".seg").pop().unwrap();
    let held = records.iter().filter(|record| {
        let text = &record.payload;
        fs.content(&path).unwrap().windows(text.len()).any(|window| window == text)
    });
    let first_lost = held.map(|record| record.lsn).min().unwrap();
    fs.flip(&path, 20, 1);
    fs.flip(&path, 2048 + 20, 1);
    for life in 0..2 {
        let (journal, recovery) = open(&fs, 2 + life).unwrap();
        assert_eq!(recovery.set_aside.len(), usize::from(life == 0));
        assert_eq!(recovery.holes.len(), 1, "{recovery:?}");
        assert_eq!(recovery.holes[0].from, first_lost);
        assert!(recovery.last >= 100);
        assert_eq!(all(&journal).len() as u64, first_lost - 1);
        assert_eq!(files(&fs, ".seg.bad").len(), 1);
    }
    let (mut journal, recovery) = open(&fs, 7).unwrap();
    assert_eq!(journal.append(Lane::Own, 0, b"on").unwrap(), recovery.last + 1);
    journal.commit().unwrap();
    drop(journal);
    let (journal, again) = open(&fs, 8).unwrap();
    assert_eq!(again.holes.len(), 1, "{again:?}");
    assert_eq!(all(&journal).last().unwrap().payload, b"on");
}

#[test]
fn a_flipped_byte_found_while_reading_is_one_error_in_its_place() {
    let (fs, _) = filled(12, |_| Lane::Own);
    let (journal, _) = open(&fs, 2).unwrap();
    let path = files(&fs, ".seg").remove(0);
    fs.flip(&path, find(&fs, &path, b"record number 5 "), 1);
    let items: Vec<_> = journal.view().iter_from(1).collect();
    assert_eq!(items.len(), 12);
    assert!(matches!(items[4], Err(JournalError::Damaged { from: 5, to: 5, .. })));
    assert!(matches!(&items[5], Ok(record) if record.lsn == 6));
    assert!(journal.view().read(5).is_err());
    assert_eq!(journal.view().read(6).unwrap().unwrap().lsn, 6);
}

#[test]
fn garbage_in_the_directory_never_panics_and_costs_no_record() {
    for seed in 0..300 {
        let (fs, records) = filled(30, |n| Lane::ALL[(n % 2) as usize]);
        let mut dice = Dice(seed);
        for _ in 0..6 {
            let name = match dice.below(6) {
                0 => format!("own-{:016x}-{:016x}.seg", dice.below(1 << 40) + 100, dice.below(99)),
                1 => format!("others-{:016x}-{:016x}.sealed", dice.below(99) + 50, dice.below(99)),
                2 => format!("own-{:016x}-{:016x}.seg", u64::MAX, u64::MAX),
                3 => "blank-0000000000000001.tmp".to_owned(),
                4 => format!("base-{:016x}.base", dice.below(9)),
                _ => format!("note {}.txt", dice.below(9)),
            };
            // Random bytes, or a real segment under a false name and with random damage.
            let mut bytes = match dice.below(2) {
                0 => vec![0; dice.below(6000) as usize],
                _ => fs.content(&files(&fs, ".seg")[0]).unwrap(),
            };
            for _ in 0..dice.below(2000) {
                let at = dice.below(bytes.len() as u64) as usize;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.next_u64() as u8;
                }
            }
            let path = dir().join(name);
            if fs.content(&path).is_none() {
                fs.plant(&path, &bytes);
            }
        }
        let (mut journal, _) = open(&fs, seed).unwrap();
        assert_eq!(all(&journal), records, "seed {seed}");
        let lsn = journal.append(Lane::Own, 1, b"still works").unwrap();
        journal.commit().unwrap();
        journal.maintain().unwrap();
        drop(journal);
        let (journal, _) = open(&fs, seed + 1).unwrap();
        assert_eq!(journal.view().read(lsn).unwrap().unwrap().payload, b"still works");
    }
}

#[test]
fn random_damage_anywhere_never_panics_and_never_changes_a_record() {
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let (fs, mut model) = (MemFs::new(), Model::default());
        let (mut journal, _) = open(&fs, seed).unwrap();
        for _ in 0..25 {
            model.step(&mut journal, &mut dice).unwrap();
            if dice.below(6) == 0 {
                journal.maintain().unwrap();
            }
        }
        drop(journal);
        let paths = fs.paths();
        for _ in 0..1 + dice.below(5) {
            let path = &paths[dice.below(paths.len() as u64) as usize];
            let mut bytes = fs.content(path).unwrap();
            let at = dice.below(bytes.len() as u64) as usize;
            match dice.below(4) {
                0 => bytes.truncate(at),
                1 => {
                    let end = (at + 512).min(bytes.len());
                    bytes[at..end].fill(dice.next_u64() as u8);
                }
                _ => bytes[at] ^= 1 << dice.below(8),
            }
            fs.plant(path, &bytes);
        }
        let (mut journal, recovery) = open(&fs, seed + 1).unwrap();
        for item in journal.view().iter_from(1) {
            let Ok(record) = item else { continue };
            assert_eq!(model.possible.get(&record.lsn), Some(&record), "seed {seed}");
        }
        for lsn in 0..recovery.last + 2 {
            let _ = journal.view().read(lsn);
        }
        let lsn = journal.append(Lane::Own, 1, b"goes on").unwrap();
        journal.commit().unwrap();
        assert!(lsn > recovery.last);
        drop(journal);
        fs.crash(Crash::LoseAll);
        let (journal, _) = open(&fs, seed + 2).unwrap();
        assert_eq!(journal.view().read(lsn).unwrap().unwrap().payload, b"goes on", "seed {seed}");
    }
}

#[test]
fn the_directory_of_another_owner_or_process_is_refused_untouched() {
    let (fs, records) = filled(5, |_| Lane::Own);
    let before = fs.paths();
    let options = Options::seeded([9; 16], 1);
    let refused = Journal::open(Arc::new(fs.clone()), dir(), options).map(|_| ());
    assert!(matches!(refused, Err(JournalError::Foreign { .. })), "{refused:?}");
    assert_eq!(fs.paths(), before);
    let (journal, _) = open(&fs, 1).unwrap();
    assert!(matches!(open(&fs, 2).map(|_| ()), Err(JournalError::Locked { .. })));
    assert_eq!(all(&journal), records);
    drop(journal);
    assert!(open(&fs, 2).is_ok());
    assert_ne!(OWNER, [9; 16]);
}

#[test]
fn a_stray_segment_of_another_owner_is_set_aside() {
    let (fs, records) = filled(5, |_| Lane::Own);
    let stray = MemFs::new();
    let options = Options::seeded([9; 16], 1);
    let (mut other, _) = Journal::open(Arc::new(stray.clone()), dir(), options).unwrap();
    for _ in 0..9 {
        other.append(Lane::Others, 0, b"not ours").unwrap();
        other.commit().unwrap();
    }
    drop(other);
    for path in stray.paths() {
        fs.plant(&path, &stray.content(&path).unwrap());
    }
    let (journal, recovery) = open(&fs, 2).unwrap();
    assert_eq!(all(&journal), records);
    assert_eq!(recovery.set_aside.len(), 1, "{recovery:?}");
}

#[test]
fn files_of_an_older_backup_put_back_are_noticed() {
    let (fs, _) = filled(20, |_| Lane::Own);
    let backup: Vec<_> = fs.paths().into_iter().map(|p| (fs.content(&p).unwrap(), p)).collect();
    let (mut journal, _) = open(&fs, 2).unwrap();
    for n in 0..40 {
        journal.append(Lane::Own, 0, format!("after the backup {n}").as_bytes()).unwrap();
        journal.commit().unwrap();
        if n == 20 {
            journal.append(Lane::Others, 0, b"witness").unwrap();
            journal.commit().unwrap();
        }
    }
    drop(journal);
    for (content, path) in backup {
        fs.plant(&path, &content);
    }
    let (_, recovery) = open(&fs, 3).unwrap();
    assert!(recovery.holes.iter().any(|hole| hole.certain), "{recovery:?}");
}

/// Where the first sector behind the head of a record's payload stands.
fn sector_behind(fs: &MemFs, path: &Path, text: &[u8]) -> usize {
    (find(fs, path, text) + text.len()).next_multiple_of(512)
}

#[test]
fn later_pages_of_an_unfinished_commit_are_not_kept_without_the_earlier_ones() {
    for flipped in [false, true] {
        let (fs, _) = filled(2, |_| Lane::Own);
        let (mut journal, _) = open(&fs, 2).unwrap();
        // One commit of both lanes: its second record is lost, the third and fourth came.
        for (lane, text) in [
            (Lane::Own, "first of the commit "),
            (Lane::Others, "second of the commit "),
            (Lane::Own, "third of the commit "),
            (Lane::Others, "fourth of the commit "),
        ] {
            journal.append(lane, 7, text.repeat(80).as_bytes()).unwrap();
        }
        journal.commit().unwrap();
        drop(journal);
        let holds = |path: &Path| {
            fs.content(path).unwrap().windows(10).any(|window| window == b"second of ")
        };
        let path = files(&fs, ".seg").into_iter().find(|path| holds(path)).unwrap();
        let at = sector_behind(&fs, &path, b"second of the commit ");
        let mut content = fs.content(&path).unwrap();
        match flipped {
            false => content[at..at + 512].fill(0),
            true => content[at] ^= 1,
        }
        fs.plant(&path, &content);
        let (mut journal, recovery) = open(&fs, 3).unwrap();
        if flipped {
            // It may have been answered: a flipped bit is no unfinished write.
            assert_eq!(lsns(&all(&journal)), [1, 2, 3, 5, 6]);
            assert_eq!(recovery.holes.len(), 1, "{recovery:?}");
            continue;
        }
        assert_eq!(lsns(&all(&journal)), [1, 2, 3]);
        assert!(recovery.holes.is_empty(), "{recovery:?}");
        // Its numbers are used again, and what was cut never comes back.
        assert_eq!(journal.append(Lane::Others, 8, b"instead").unwrap(), 4);
        journal.commit().unwrap();
        drop(journal);
        let (journal, recovery) = open(&fs, 4).unwrap();
        let kinds: Vec<u8> = all(&journal).iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [1, 2, 7, 8]);
        assert!(recovery.holes.is_empty(), "{recovery:?}");
    }
}
