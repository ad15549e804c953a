//! Bases: written whole or not at all, verified before use, the newest valid one wins.
#![allow(clippy::unwrap_used)]

use motcua_journal::{
    Base, BaseWriter, JournalError, limits,
    mem::{Crash, Dice, MemFs},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

const OWNER: [u8; 16] = [4; 16];
type Pair = (Vec<u8>, Vec<u8>);

fn dir() -> &'static Path {
    Path::new("/bases")
}

fn pairs(seed: u64) -> Vec<Pair> {
    let mut dice = Dice(seed);
    let value = |dice: &mut Dice, n: u64| {
        let len = if n.is_multiple_of(40) { 200_000 } else { dice.below(2000) };
        (0..len).map(|at| (at / 9) as u8 ^ seed as u8).collect()
    };
    (0..100).map(|n| (format!("dossier {n}").into_bytes(), value(&mut dice, n))).collect()
}

fn write(fs: &MemFs, lsn: u64) -> Result<Base, JournalError> {
    let mut writer = BaseWriter::create(Arc::new(fs.clone()), dir(), lsn, OWNER, "test 1")?;
    for (key, value) in pairs(lsn) {
        writer.put(&key, &value)?;
    }
    writer.finish()
}

fn newest(fs: &MemFs) -> Option<(u64, Vec<Pair>)> {
    let base = Base::newest(fs, dir(), &OWNER).unwrap().base?;
    Some((base.lsn(), base.iter().map(Result::unwrap).collect()))
}

fn path(lsn: u64) -> PathBuf {
    dir().join(format!("base-{lsn:016x}.base"))
}

#[test]
fn a_base_gives_back_its_pairs_and_the_last_two_are_kept() {
    let fs = MemFs::new();
    assert!(newest(&fs).is_none());
    for lsn in [10, 20, 30, 40] {
        let base = write(&fs, lsn).unwrap();
        assert_eq!((base.lsn(), base.pairs()), (lsn, 100));
        fs.crash(Crash::LoseAll);
        assert_eq!(newest(&fs), Some((lsn, pairs(lsn))));
    }
    assert_eq!(fs.paths(), [path(30), path(40)]);
}

#[test]
fn any_flipped_byte_is_noticed_and_the_older_base_is_used() {
    let fs = MemFs::new();
    write(&fs, 10).unwrap();
    write(&fs, 20).unwrap();
    let good = fs.content(&path(20)).unwrap();
    for at in (0..good.len()).step_by(61).chain(good.len() - 150..good.len()) {
        fs.plant(&path(20), &good);
        // Zero padding behind the header's checksum is covered by the hash of the whole file.
        fs.flip(&path(20), at, 1 << (at % 8));
        let found = Base::newest(&fs, dir(), &OWNER).unwrap();
        assert_eq!(found.base.map(|base| base.lsn()), Some(10), "byte {at}");
        assert_eq!(found.set_aside.len(), 1);
        let aside = dir().join(&found.set_aside[0].now);
        assert!(fs.content(&aside).is_some(), "never deleted");
        use motcua_journal::Fs;
        fs.remove(&aside).unwrap();
    }
}

#[test]
fn a_damaged_second_base_is_no_reason_to_remove_the_third() {
    let fs = MemFs::new();
    write(&fs, 10).unwrap();
    write(&fs, 20).unwrap();
    fs.flip(&path(20), 500, 1);
    write(&fs, 30).unwrap();
    assert!(fs.content(&path(10)).is_some() && fs.content(&path(20)).is_none());
    fs.flip(&path(30), 500, 1);
    assert_eq!(newest(&fs), Some((10, pairs(10))));
}

#[test]
fn a_power_cut_at_any_operation_leaves_a_valid_base() {
    let total = {
        let fs = MemFs::new();
        write(&fs, 10).unwrap();
        write(&fs, 20).unwrap();
        let before = fs.ops();
        write(&fs, 30).unwrap();
        fs.ops() - before
    };
    for op in 1..=total {
        for how in [Crash::LoseAll, Crash::KeepAll, Crash::Seed(op), Crash::Seed(op + 99)] {
            let fs = MemFs::new();
            write(&fs, 10).unwrap();
            write(&fs, 20).unwrap();
            fs.power_off_at(fs.ops() + op);
            let written = write(&fs, 30).is_ok();
            fs.crash(how);
            let (lsn, content) = newest(&fs).unwrap();
            assert!(lsn == 30 || (lsn == 20 && !written), "op {op} {how:?}");
            assert_eq!(content, pairs(lsn), "op {op} {how:?}");
            assert!(fs.paths().iter().all(|path| !path.to_str().unwrap().ends_with(".tmp")));
        }
    }
}

#[test]
fn a_disk_that_is_full_anywhere_in_a_base_keeps_the_old_one_and_gives_its_space_back() {
    let fs = MemFs::new();
    write(&fs, 10).unwrap();
    write(&fs, 20).unwrap();
    let whole = fs.content(&path(20)).unwrap().len() as u64;
    for room in (0..whole).step_by(whole as usize / 40).chain([whole - 1]) {
        fs.disk_full_after(Some(room));
        assert!(write(&fs, 30).is_err_and(|error| error.is_disk_full()), "with {room} bytes");
        assert_eq!(fs.paths(), [path(10), path(20)], "with {room} bytes: nothing unfinished stays");
        // A cut right then brings nothing unfinished back that would count.
        let left = fs.image(Crash::Seed(room));
        assert_eq!(newest(&left), Some((20, pairs(20))), "with {room} bytes");
    }
    fs.disk_full_after(None);
    write(&fs, 30).unwrap();
    assert_eq!(newest(&fs), Some((30, pairs(30))));
}

#[test]
fn a_base_whose_sync_fails_is_none() {
    let fs = MemFs::new();
    write(&fs, 10).unwrap();
    fs.fail_sync(1, 7);
    write(&fs, 20).err().unwrap();
    assert_eq!(fs.paths(), [path(10)]);
    fs.crash(Crash::KeepAll);
    assert_eq!(newest(&fs), Some((10, pairs(10))));
}

#[test]
fn oversized_pairs_and_other_owners_are_refused() {
    let fs = MemFs::new();
    let mut writer = BaseWriter::create(Arc::new(fs.clone()), dir(), 1, OWNER, "").unwrap();
    let long = vec![0; limits::MAX_VALUE + 1];
    assert!(matches!(writer.put(b"k", &long), Err(JournalError::TooLarge { .. })));
    assert!(matches!(writer.put(&long, b""), Err(JournalError::TooLarge { .. })));
    writer.put(b"k", &long[1..]).unwrap();
    assert_eq!(writer.finish().unwrap().pairs(), 1);
    assert!(Base::open(&fs, &path(1), &[5; 16]).is_err());
}

#[test]
fn an_empty_base_is_a_base() {
    let fs = MemFs::new();
    let writer = BaseWriter::create(Arc::new(fs.clone()), dir(), 7, OWNER, "").unwrap();
    writer.finish().unwrap();
    assert_eq!(newest(&fs), Some((7, vec![])));
}
