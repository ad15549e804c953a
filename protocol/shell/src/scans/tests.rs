//! Files that power cuts, full disks and quiet damage meet, over a file system that is harsher than a
//! disk.
#![allow(clippy::unwrap_used)]

use super::{Reading, Upload, UploadError, Vault, vault::present, worker::Worker};
use motcua_core::{
    id::Hash,
    limits,
    replica::{LinkId, ScanDone, ScanIo, ScanTrouble},
    scan::{Decoder, groups, leaf, piece_range},
};
use motcua_journal::{
    Fs,
    mem::{Crash, MemFs},
};
use std::{path::Path, sync::Arc};

const DIR: &str = "/data/attachments";

fn vault(fs: &MemFs) -> Vault {
    Vault::open(Arc::new(fs.clone()), Path::new(DIR)).unwrap()
}

fn scan(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.extend((9..size).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    bytes
}

fn address(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

fn upload(vault: &Vault, bytes: &[u8], step: usize) -> Result<Hash, UploadError> {
    let mut upload = Upload::new(vault)?;
    for part in bytes.chunks(step) {
        upload.write(part)?;
    }
    Ok(upload.finish()?.hash)
}

fn read(vault: &Vault, hash: Hash, size: usize) -> Result<Vec<u8>, ScanTrouble> {
    let reading = Reading::open(vault, hash, size as u64)?;
    let pieces: Result<Vec<_>, _> =
        (0..groups(size as u64)).map(|piece| reading.piece(piece)).collect();
    Ok(pieces?.concat())
}

/// A reader that takes pieces of `bytes` in order; stops before piece `until`.
fn fill(worker: &mut Worker, transfer: u64, bytes: &[u8], until: u32) -> Option<ScanDone> {
    let (hash, size) = (address(bytes), bytes.len() as u64);
    let begin = ScanIo::Begin { transfer, hash, size, anew: false };
    let held = match worker.carry_out(begin) {
        Some(ScanDone::Begun { held, .. }) => held,
        other => return other,
    };
    for piece in held.len() as u32..until.min(groups(size)) {
        let range = piece_range(size, piece);
        let data = bytes[range.start as usize..range.end as usize].to_vec();
        let write = ScanIo::Write { transfer, piece, leaf: leaf(piece, &data), data };
        match worker.carry_out(write) {
            Some(ScanDone::Written { .. }) => {}
            other => return other,
        }
    }
    (until >= groups(size)).then(|| worker.carry_out(ScanIo::Finish { transfer })).flatten()
}

#[test]
fn what_was_taken_in_is_read_back_whatever_its_parts_were() {
    for size in [9, 4_095, 4_096, 4_097, 20_000, 300_000] {
        for step in [1_000, 4_096, 70_000] {
            let fs = MemFs::new();
            let vault = vault(&fs);
            let bytes = scan(1, size);
            let hash = upload(&vault, &bytes, step).unwrap();
            assert_eq!(hash, address(&bytes));
            assert_eq!(read(&vault, hash, size).unwrap(), bytes);
        }
    }
}

#[test]
fn a_power_cut_right_after_the_answer_takes_nothing() {
    for how in [Crash::LoseAll, Crash::Seed(1), Crash::Seed(2), Crash::Seed(3)] {
        let fs = MemFs::new();
        let bytes = scan(2, 3_000_000);
        let hash = upload(&vault(&fs), &bytes, 64 * 1024).unwrap();
        fs.crash(how);
        assert_eq!(read(&vault(&fs), hash, bytes.len()).unwrap(), bytes, "{how:?}");
    }
}

#[test]
fn a_power_cut_at_any_operation_leaves_all_of_a_scan_or_nothing() {
    let bytes = scan(3, 30_000);
    let count = {
        let fs = MemFs::new();
        let vault = vault(&fs);
        let before = fs.ops();
        upload(&vault, &bytes, 7_000).unwrap();
        fs.ops() - before
    };
    for op in 1..=count {
        for seed in 0..6 {
            let fs = MemFs::new();
            let opened = vault(&fs);
            fs.power_off_at(fs.ops() + op);
            let answer = upload(&opened, &bytes, 7_000);
            fs.crash(Crash::Seed(seed));
            let vault = vault(&fs);
            let hash = address(&bytes);
            // Under its name it is whole, answered or not; answered, it is there.
            if vault.length(hash).unwrap().is_some() {
                assert_eq!(read(&vault, hash, bytes.len()), Ok(bytes.clone()), "op {op} {seed}");
            }
            assert!(answer.is_err() || vault.length(hash).unwrap().is_some(), "op {op} {seed}");
            assert!(fs.list(&Path::new(DIR).join("incoming")).unwrap().is_empty());
        }
    }
}

#[test]
fn a_reading_that_a_power_cut_ended_goes_on_from_what_is_proved_on_disk() {
    let bytes = scan(4, 200_000);
    let hash = address(&bytes);
    for seed in 0..40 {
        let fs = MemFs::new();
        let mut worker = Worker::new(vault(&fs));
        fill(&mut worker, 1, &bytes, 30);
        fs.crash(Crash::Seed(seed));
        let mut worker = Worker::new(vault(&fs));
        let begin = ScanIo::Begin { transfer: 2, hash, size: 200_000, anew: false };
        let Some(ScanDone::Begun { held, .. }) = worker.carry_out(begin) else { panic!() };
        assert!(held.len() <= 30, "seed {seed}");
        for (piece, held) in (0u32..).zip(&held) {
            let range = piece_range(200_000, piece);
            assert_eq!(leaf(piece, &bytes[range.start as usize..range.end as usize]), *held);
        }
        let done = fill(&mut worker, 3, &bytes, u32::MAX);
        assert_eq!(done, Some(ScanDone::Finished { transfer: 3, whole: true }), "seed {seed}");
        fs.crash(Crash::LoseAll);
        assert_eq!(read(&vault(&fs), hash, 200_000).unwrap(), bytes, "seed {seed}");
    }
}

#[test]
fn a_killed_reader_keeps_every_piece_it_was_given() {
    let fs = MemFs::new();
    let bytes = scan(5, 200_000);
    fill(&mut Worker::new(vault(&fs)), 1, &bytes, 30);
    fs.crash(Crash::KeepAll);
    let begin = ScanIo::Begin { transfer: 2, hash: address(&bytes), size: 200_000, anew: false };
    let Some(ScanDone::Begun { held, .. }) = Worker::new(vault(&fs)).carry_out(begin) else {
        panic!()
    };
    assert_eq!(held.len(), 30);
    assert_eq!(Decoder::new(address(&bytes), 200_000, held).next(), Some(30));
}

#[test]
fn emptied_shortened_zeroed_and_missing_files_are_found_and_never_read() {
    type Spoil = (&'static str, fn(&mut Vec<u8>));
    let spoils: [Spoil; 4] = [
        ("emptied", Vec::clear),
        ("shortened", |bytes| bytes.truncate(100_000)),
        ("zeroed in the middle", |bytes| bytes[64_000..129_536].fill(0)),
        ("one bit", |bytes| bytes[250_000] ^= 4),
    ];
    for (what, spoil) in spoils {
        let fs = MemFs::new();
        let vault = vault(&fs);
        let bytes = scan(6, 300_000);
        let hash = upload(&vault, &bytes, 64 * 1024).unwrap();
        let mut bad = bytes.clone();
        spoil(&mut bad);
        fs.plant(&vault.path(hash), &bad);
        assert_eq!(read(&vault, hash, 300_000), Err(ScanTrouble::Damaged), "{what}");
        assert!(!vault.is_whole(hash, 300_000).unwrap(), "{what}");
        // Neither does a peer get it: every piece that is sent proves.
        let mut worker = Worker::new(vault.clone());
        for piece in 0..groups(300_000) {
            let read = ScanIo::Read {
                link: LinkId(1),
                transfer: 1,
                hash,
                size: 300_000,
                piece,
                first: false,
            };
            let Some(ScanDone::Read { result, .. }) = worker.carry_out(read) else { panic!() };
            if let Ok((_, data)) = result {
                let range = piece_range(300_000, piece);
                assert_eq!(data, bytes[range.start as usize..range.end as usize], "{what}");
            }
        }
        // The same bytes taken in again take its place, and the bad ones are kept aside.
        assert_eq!(upload(&vault, &bytes, 64 * 1024).unwrap(), hash);
        assert_eq!(read(&vault, hash, 300_000).unwrap(), bytes, "{what}");
        let aside = Path::new(DIR).join("damaged").join(hash.to_string());
        assert_eq!(fs.content(&aside), Some(bad), "{what}");
    }
}

#[test]
fn lost_or_bent_leaves_are_made_again_from_good_bytes() {
    let fs = MemFs::new();
    let vault = vault(&fs);
    let bytes = scan(7, 100_000);
    let hash = upload(&vault, &bytes, 64 * 1024).unwrap();
    for leaves in [vec![], vec![7; 800], vec![7; 100_000]] {
        fs.plant(&vault.tree_path(hash), &leaves);
        assert_eq!(read(&vault, hash, 100_000).unwrap(), bytes);
        assert_eq!(fs.content(&vault.tree_path(hash)).unwrap().len(), 25 * 32);
    }
}

#[test]
fn a_scan_is_refused_as_soon_as_it_is_known_to_be_none() {
    let fs = MemFs::new();
    let vault = vault(&fs);
    assert!(matches!(upload(&vault, &[], 1), Err(UploadError::Empty)));
    assert!(matches!(upload(&vault, b"MZ program", 3), Err(UploadError::Media(_))));
    assert!(matches!(upload(&vault, &vec![0; 5_000], 5_000), Err(UploadError::Media(_))));
    let mut long = Upload::new(&vault).unwrap();
    long.write(&scan(8, 4_096)).unwrap();
    let refused = long.write(&vec![0; limits::SCAN_BYTES as usize]).unwrap_err();
    assert!(refused.to_string().contains("more than 55574528 bytes"), "{refused}");
    drop(long);
    assert!(fs.list(&Path::new(DIR).join("incoming")).unwrap().is_empty());
}

#[test]
fn a_disk_that_fills_or_fails_takes_nothing_and_says_so() {
    let bytes = scan(9, 200_000);
    for failing in 1..12 {
        let fs = MemFs::new();
        let vault = vault(&fs);
        fs.fail_write(failing);
        let wrote = upload(&vault, &bytes, 16 * 1024);
        let fs = MemFs::new();
        let vault = super::tests::vault(&fs);
        fs.fail_sync(failing, 3);
        let synced = upload(&vault, &bytes, 16 * 1024);
        for answer in [wrote, synced] {
            assert!(answer.is_ok() || matches!(answer, Err(UploadError::Io(_))));
        }
    }
    let fs = MemFs::new();
    let vault = vault(&fs);
    fs.disk_full_after(Some(100_000));
    upload(&vault, &bytes, 16 * 1024).unwrap_err();
    let done = fill(&mut Worker::new(vault.clone()), 1, &bytes, u32::MAX);
    assert_eq!(done, Some(ScanDone::Failed { transfer: 1 }));
    fs.disk_full_after(None);
    assert_eq!(vault.length(address(&bytes)).unwrap(), None);
    upload(&vault, &bytes, 16 * 1024).unwrap();
}

#[test]
fn what_was_written_but_not_recorded_is_taken_as_it_is() {
    let fs = MemFs::new();
    let vault = vault(&fs);
    let bytes = scan(10, 50_000);
    let hash = upload(&vault, &bytes, 50_000).unwrap();
    let mut worker = Worker::new(vault);
    let begin = ScanIo::Begin { transfer: 1, hash, size: 50_000, anew: false };
    assert_eq!(worker.carry_out(begin), Some(ScanDone::Whole { transfer: 1 }));
}

#[test]
fn removing_a_scan_leaves_no_byte_of_it() {
    let fs = MemFs::new();
    let vault = vault(&fs);
    let bytes = scan(11, 50_000);
    let hash = upload(&vault, &bytes, 50_000).unwrap();
    let other = upload(&vault, &scan(12, 50_000), 50_000).unwrap();
    fill(&mut Worker::new(vault.clone()), 1, &scan(13, 50_000), 3);
    let partial = address(&scan(13, 50_000));
    for hash in [hash, partial] {
        vault.remove(hash).unwrap();
        vault.remove(hash).unwrap();
    }
    fs.crash(Crash::LoseAll);
    // What was being taken in is cleared away at the start.
    let vault = super::tests::vault(&fs);
    let left = fs.paths();
    assert!(
        left.iter().all(|path| path.to_string_lossy().contains(&other.to_string())),
        "{left:?}"
    );
    assert!(present(fs.open(&vault.path(other))).unwrap().is_some());
}
