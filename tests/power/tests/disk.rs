//! The file system itself: what programs are promised by it while the power is on, and what a cut
//! leaves of their files.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_journal::{Journal, Lane, Options, RealFs};
use motcua_power::{
    disk::{ALL, Disk, Mood},
    mount::{Mount, obstacle},
};
use motcua_tests::seed::Seed;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// A mounted disk that began empty, and the folder where it is.
fn mounted(seed: u64) -> Option<(Disk, tempfile::TempDir, Mount)> {
    if let Some(words) = obstacle() {
        println!("{words}");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::load(dir.path(), seed).unwrap();
    let mount = Mount::over(dir.path(), disk.clone()).unwrap();
    Some((disk, dir, mount))
}

#[test]
fn it_is_a_file_system_like_any_other_while_the_power_is_on() {
    let Some((disk, dir, _mount)) = mounted(1) else { return };
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("a")).unwrap();
    fs::write(at("a/one"), vec![7; 300_000]).unwrap();
    let file = File::options().read(true).write(true).open(at("a/one")).unwrap();
    file.write_all_at(b"xyz", 299_999).unwrap();
    file.set_len(400_000).unwrap();
    let mut read = [1; 6];
    file.read_exact_at(&mut read, 299_998).unwrap();
    assert_eq!(read, [7, b'x', b'y', b'z', 0, 0]);
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 500_000).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 500_000);
    fs::rename(at("a/one"), at("two")).unwrap();
    assert_eq!(fs::read(at("two")).unwrap().len(), 500_000);
    assert!(File::create_new(at("two")).is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists));
    assert!(fs::read(at("a/one")).is_err_and(|e| e.kind() == io::ErrorKind::NotFound));
    // A file that is removed while it is open is still read.
    fs::remove_file(at("two")).unwrap();
    File::open(dir.path()).unwrap().sync_all().unwrap();
    file.read_exact_at(&mut read, 299_998).unwrap();
    fs::remove_dir(at("a")).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    // Two processes, or two handles, cannot both lock a folder.
    use rustix::fs::{FlockOperation::NonBlockingLockExclusive as LOCK, flock};
    let (one, two) = (File::open(dir.path()).unwrap(), File::open(dir.path()).unwrap());
    flock(&one, LOCK).unwrap();
    assert!(flock(&two, LOCK).is_err());
    drop(one);
    flock(&two, LOCK).unwrap();
    assert!(disk.counts().events > 0);
}

#[test]
fn a_full_disk_says_so_and_takes_again_what_there_is_room_for() {
    let Some((disk, dir, _mount)) = mounted(1) else { return };
    let full = |result: io::Result<()>| {
        result.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull)
    };
    fs::write(dir.path().join("one"), vec![1; 100_000]).unwrap();
    disk.set_budget(Some(disk.used() + 10_000));
    assert!(full(fs::write(dir.path().join("two"), vec![2; 100_000])));
    let found = rustix::fs::statvfs(dir.path()).unwrap();
    assert!(found.f_bavail * found.f_frsize < 10_000);
    // What needs no more room is written.
    let one = File::options().write(true).open(dir.path().join("one")).unwrap();
    one.write_all_at(&[3; 50_000], 0).unwrap();
    disk.set_budget(None);
    disk.set_full("part", true);
    assert!(full(fs::write(dir.path().join("part.x"), vec![2; 10])));
    fs::write(dir.path().join("two"), vec![2; 100_000]).unwrap();
    disk.set_full("part", false);
    fs::write(dir.path().join("part.x"), vec![2; 10]).unwrap();
}

#[test]
fn after_a_failed_sync_a_good_one_is_no_proof_and_a_flipped_bit_is_one_bit() {
    let Some((disk, dir, _mount)) = mounted(1) else { return };
    let path = dir.path().join("one");
    fs::write(&path, [0; 4096]).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    file.sync_all().unwrap();
    File::open(dir.path()).unwrap().sync_all().unwrap();
    disk.fail_syncs(ALL, 0, 1);
    file.write_all_at(&[1; 4096], 0).unwrap();
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(fs::read(&path).unwrap(), [1; 4096]);
    disk.flip_bits("one", 1);
    let bent = fs::read(&path).unwrap();
    disk.flip_bits("one", 0);
    let bits: u32 = bent.iter().map(|byte| (byte ^ 1).count_ones()).sum();
    assert_eq!(bits, 1);
    disk.cut(Mood::Loses);
    assert!(fs::read(&path).is_err(), "without power nothing is read");
    disk.power_on();
    assert_eq!(fs::read(&path).unwrap(), [0; 4096], "the sync after the failed one saved nothing");
}

/// Appends and commits until the power goes; the records that were answered.
fn append_until_cut(dir: &Path) -> Vec<Vec<u8>> {
    let mut options = Options::new([7; 16], || [3; 16]);
    options.segment_size = 32 << 10;
    let mut answered = Vec::new();
    let Ok((mut journal, _)) = Journal::open(Arc::new(RealFs::new()), dir, options) else {
        return answered;
    };
    for number in 0u32.. {
        let lane = Lane::ALL[number as usize % 2];
        let record = [number.to_le_bytes().as_slice(), &[9; 700]].concat();
        let done = journal.append(lane, 1, &record).and_then(|_| journal.commit());
        if done.is_err() {
            break;
        }
        answered.push(record);
    }
    answered
}

fn read_all(dir: &Path) -> Vec<Vec<u8>> {
    let options = Options::new([7; 16], || [4; 16]);
    let (journal, recovery) = Journal::open(Arc::new(RealFs::new()), dir, options).unwrap();
    assert!(recovery.holes.is_empty(), "{recovery:?}");
    journal.view().iter_from(1).map(|record| record.unwrap().payload).collect()
}

/// How many records that were answered are missing after a cut.
fn lost(seed: &mut Seed, deaf: bool) -> Option<usize> {
    let (disk, dir, _mount) = mounted(seed.bits())?;
    if deaf {
        disk.ignore_syncs("journal");
    }
    disk.cut_after(seed.below(250) as u64 + 1, Mood::choose(seed), || {});
    let journal = dir.path().join("journal");
    let answered = append_until_cut(&journal);
    disk.power_on();
    let found = read_all(&journal);
    assert!(found.len() <= answered.len() + 1);
    Some(
        answered
            .iter()
            .zip(found.iter().map(Some).chain(std::iter::repeat(None)))
            .filter(|(answered, found)| *found != Some(*answered))
            .count(),
    )
}

#[test]
fn the_journal_loses_nothing_that_was_committed_wherever_the_power_goes() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    for cut in 0..60 {
        let Some(lost) = lost(&mut seed, false) else { return };
        assert_eq!(lost, 0, "seed {number}, cut {cut}");
    }
}

#[test]
fn a_journal_whose_syncs_are_left_out_loses_what_was_committed() {
    let mut seed = Seed::new(1);
    let mut caught = 0;
    for _ in 0..20 {
        // A journal that will not open is a loss as well.
        let one = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lost(&mut seed, true)));
        match one {
            Ok(None) => return,
            Ok(Some(0)) => {}
            Ok(Some(_)) | Err(_) => caught += 1,
        }
    }
    println!("caught in {caught} of 20 cuts");
    assert!(caught >= 5, "caught in {caught} of 20 cuts only");
}

#[test]
fn a_journal_read_through_flipping_bits_gives_nothing_wrong_and_says_what_it_lacks() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut flipped = 0;
    for round in 0..30 {
        let Some((disk, dir, _mount)) = mounted(seed.bits()) else { return };
        let journal = dir.path().join("journal");
        disk.cut_after(150, Mood::Keeps, || {});
        let answered = append_until_cut(&journal);
        disk.power_on();
        disk.flip_bits("journal", 3);
        let options = Options::new([7; 16], || [4; 16]);
        let opened = Journal::open(Arc::new(RealFs::new()), &journal, options);
        flipped += disk.counts().flips;
        // One that does not open has said so.
        let Ok((opened, recovery)) = opened else { continue };
        let found: Vec<_> = opened.view().iter_from(1).collect();
        let mut lacks = !recovery.holes.is_empty()
            || !recovery.torn.is_empty()
            || !recovery.set_aside.is_empty()
            || !recovery.chain_breaks.is_empty();
        let mut right = 0;
        for record in found {
            let Ok(record) = record else {
                lacks = true;
                continue;
            };
            let at = record.lsn as usize - 1;
            // The record under way at the cut may be there as well.
            let wanted = answered.get(at).is_none_or(|wanted| *wanted == record.payload);
            assert!(wanted, "seed {number}, round {round}: record {} is wrong", record.lsn);
            right += 1;
        }
        assert!(right >= answered.len() || lacks, "seed {number}, round {round}: silent loss");
    }
    assert!(flipped > 0, "no bit was flipped");
}
