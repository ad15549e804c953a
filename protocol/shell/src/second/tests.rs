//! Scans on a stick that is pulled, filled, damaged and cut off from power, over a file system that
//! is harsher than a disk.
#![allow(clippy::unwrap_used)]

use super::shelf::{Machine, Pace, RESERVE, Shelf, Stepped};
use crate::scans::{Reading, Upload, Vault};
use motcua_core::{
    id::{DossierId, Hash},
    scan::{Reference, groups, reference_row},
    state::{
        Key, Kv, MemKv, ScanTable,
        rows::{Purged, Scan, ScanCounts},
    },
    time::Instant,
};
use motcua_journal::mem::{Crash, MemFs};
use std::{cell::Cell, path::Path, sync::Arc};

const HERE: &str = "/data/attachments";
const STICK: &str = "/stick";

/// A machine and its stick; the books are written by hand.
struct Office {
    here: MemFs,
    stick: MemFs,
    kv: MemKv,
    now: Cell<u64>,
    free: Cell<u64>,
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

impl Office {
    fn new() -> Self {
        let (here, stick, kv) = (MemFs::new(), MemFs::new(), MemKv::default());
        Self { here, stick, kv, now: Cell::new(1), free: Cell::new(u64::MAX / 2) }
    }

    fn vault(&self) -> Vault {
        Vault::open(Arc::new(self.here.clone()), Path::new(HERE)).unwrap()
    }

    fn copies(&self) -> Vault {
        let dir = Path::new(STICK).join(super::SCANS);
        Vault::open(Arc::new(self.stick.clone()), &dir).unwrap()
    }

    fn open(&self) -> Shelf {
        let fs = Arc::new(self.stick.clone());
        Shelf::open(fs, Path::new(STICK), Instant(self.now.get())).unwrap()
    }

    fn row(&self, hash: Hash) -> Scan {
        let bytes = self.kv.get(&Key::Scan(ScanTable::Files, hash).bytes()).unwrap();
        bytes.map(|bytes| postcard::from_bytes(&bytes).unwrap()).unwrap_or_default()
    }

    /// What the books say of a scan.
    fn say(&mut self, hash: Hash, scan: Option<Scan>) {
        let rows = [
            (ScanTable::Files, scan.is_some()),
            (ScanTable::ToGo, scan.is_some_and(|scan| scan.here && !scan.above)),
            (ScanTable::Damaged, scan.is_some_and(|scan| scan.damaged)),
        ];
        for (table, kept) in rows {
            let key = Key::Scan(table, hash).bytes();
            let value = postcard::to_stdvec(&scan.unwrap_or_default()).unwrap();
            match kept {
                true => drop(self.kv.0.insert(key, value)),
                false => drop(self.kv.0.remove(&key)),
            }
        }
        let key = Key::Scan(ScanTable::Counts, Hash::ZERO).bytes();
        let counts: ScanCounts =
            self.kv.0.get(&key).map(|row| postcard::from_bytes(row).unwrap()).unwrap_or_default();
        // Any other number tells that something has changed.
        let counts = ScanCounts { bytes: counts.bytes + 1, ..counts };
        self.kv.0.insert(key, postcard::to_stdvec(&counts).unwrap());
    }

    fn name(&mut self, dossier: u8, hash: Hash, size: u64) {
        let (key, value) = reference_row(hash, DossierId([dossier; 16]), Reference { size });
        self.kv.0.insert(key, value);
    }

    fn attach(&mut self, dossier: u8, bytes: &[u8], above: bool) -> Hash {
        let mut upload = Upload::new(&self.vault()).unwrap();
        upload.write(bytes).unwrap();
        let stored = upload.finish().unwrap();
        self.name(dossier, stored.hash, stored.size);
        self.say(stored.hash, Some(Scan { size: stored.size, here: true, damaged: false, above }));
        stored.hash
    }

    /// The dossier's facts go, and the books remember what it named.
    fn purge(&mut self, dossier: u8, hash: Hash) {
        let id = DossierId([dossier; 16]);
        self.kv.0.remove(&reference_row(hash, id, Reference { size: 0 }).0);
        let row = Purged { position: 1, scans: vec![hash], done: false, noted: false };
        self.kv.0.insert(Key::Purged(id).bytes(), postcard::to_stdvec(&row).unwrap());
    }

    fn step(&self, shelf: &mut Shelf) -> Result<Stepped, super::shelf::ShelfError> {
        let (vault, free) = (self.vault(), || Some(self.free.get()));
        let (books, now) = (&self.kv, Instant(self.now.get()));
        shelf.step(&Machine { vault: &vault, books, now, free: &free })
    }

    /// Steps until nothing is to be done; gives what came of it.
    fn settle(&self, shelf: &mut Shelf) -> Vec<Stepped> {
        let mut all = Vec::new();
        for _ in 0..10_000 {
            let stepped = self.step(shelf).unwrap();
            let idle = stepped.pace == Pace::Idle && stepped.damaged.is_none();
            all.push(stepped);
            if idle {
                return all;
            }
        }
        panic!("the copy never comes to rest");
    }

    /// Until the books are gone through again.
    fn wait(&self) {
        self.now.set(self.now.get() + 10_000);
    }

    fn copied(&self, hash: Hash) -> bool {
        let size = self.row(hash).size;
        read(&self.copies(), hash, size).is_some()
    }
}

fn read(vault: &Vault, hash: Hash, size: u64) -> Option<Vec<u8>> {
    let reading = Reading::open(vault, hash, size).ok()?;
    let pieces: Option<Vec<_>> = (0..groups(size)).map(|piece| reading.piece(piece).ok()).collect();
    Some(pieces?.concat())
}

fn spoil(fs: &MemFs, path: &Path, at: usize) {
    let mut bytes = fs.content(path).unwrap();
    bytes[at] ^= 1;
    fs.plant(path, &bytes);
}

#[test]
fn what_the_hub_lacks_is_copied_first_and_everything_in_the_end() {
    let mut office = Office::new();
    let others: Vec<Hash> = (0..5).map(|n| office.attach(1, &scan(n, 1_500_000), true)).collect();
    let unsent = office.attach(1, &scan(9, 3_000_000), false);
    let mut shelf = office.open();
    let mut steps = 0;
    while !shelf.safe().contains(&unsent) {
        assert_eq!(office.step(&mut shelf).unwrap().pace, Pace::Now, "others came before it");
        steps += 1;
    }
    assert_eq!(steps, 6, "3 MB written and read, and the log's turn after each");
    assert!(office.copied(unsent));
    // A new one does not wait for what is only copied besides.
    office.step(&mut shelf).unwrap();
    let second = office.attach(1, &scan(10, 50_000), false);
    assert_eq!(office.step(&mut shelf).unwrap().pace, Pace::Now);
    office.settle(&mut shelf);
    assert!(others.iter().all(|hash| office.copied(*hash)));
    assert_eq!(*shelf.safe(), [unsent, second].into());
    // Once the hub has them they are no longer of that kind.
    for hash in [unsent, second] {
        let row = office.row(hash);
        office.say(hash, Some(Scan { above: true, ..row }));
    }
    office.settle(&mut shelf);
    assert!(shelf.safe().is_empty() && office.copied(unsent));
}

#[test]
fn a_copy_counts_when_its_bytes_were_read_back_and_not_before() {
    let mut office = Office::new();
    let hash = office.attach(1, &scan(1, 300_000), false);
    let mut shelf = office.open();
    let path = office.copies().path(hash);
    while office.stick.content(&path).is_none() {
        assert!(shelf.safe().is_empty());
        office.step(&mut shelf).unwrap();
    }
    assert!(shelf.safe().is_empty(), "written is not read");
    // The stick did not keep what it was given.
    spoil(&office.stick, &path, 200_000);
    office.step(&mut shelf).unwrap();
    assert!(shelf.safe().is_empty(), "counted without being read");
    assert_eq!(shelf.take_bad(), 1);
    office.wait();
    office.settle(&mut shelf);
    assert!(shelf.safe().contains(&hash) && office.copied(hash));
}

#[test]
fn a_disk_that_keeps_nothing_is_not_written_for_ever() {
    let mut office = Office::new();
    let hash = office.attach(1, &scan(1, 100_000), false);
    let mut shelf = office.open();
    let path = office.copies().path(hash);
    for _ in 0..200 {
        office.step(&mut shelf).unwrap();
        if office.stick.content(&path).is_some() {
            spoil(&office.stick, &path, 50_000);
        }
    }
    assert_eq!(shelf.take_bad(), 1, "once a walk");
    assert!(shelf.safe().is_empty());
}

#[test]
fn a_power_cut_at_any_operation_leaves_whole_copies_and_what_counted_is_there() {
    let count = {
        let mut office = Office::new();
        office.attach(1, &scan(1, 30_000), false);
        let mut shelf = office.open();
        let before = office.stick.ops();
        office.settle(&mut shelf);
        office.stick.ops() - before
    };
    assert!(count > 5, "{count}");
    for op in 1..=count {
        for seed in 0..6 {
            let mut office = Office::new();
            let hash = office.attach(1, &scan(1, 30_000), false);
            let mut shelf = office.open();
            office.stick.power_off_at(office.stick.ops() + op);
            for _ in 0..20 {
                if office.step(&mut shelf).is_err() {
                    break;
                }
            }
            let counted = shelf.safe().contains(&hash);
            office.stick.crash(Crash::Seed(seed));
            let copies = office.copies();
            let there = copies.length(hash).unwrap().is_some();
            assert!(!there || office.copied(hash), "op {op} seed {seed}: a part under its name");
            assert!(!counted || there, "op {op} seed {seed}: counted and gone");
            let mut shelf = office.open();
            office.settle(&mut shelf);
            assert!(office.copied(hash) && shelf.safe().contains(&hash), "op {op} seed {seed}");
        }
    }
}

#[test]
fn damaged_copies_are_found_when_the_stick_comes_and_once_a_week_and_made_anew() {
    let mut office = Office::new();
    let hashes: Vec<Hash> = (0..4).map(|n| office.attach(1, &scan(n, 200_000), n > 1)).collect();
    let mut shelf = office.open();
    office.settle(&mut shelf);
    let copies = office.copies();
    spoil(&office.stick, &copies.path(hashes[0]), 100_000);
    office.stick.plant(&copies.path(hashes[2]), b"%PDF-");
    let mut shelf = office.open();
    assert!(shelf.safe().is_empty(), "nothing counts that was not read");
    office.settle(&mut shelf);
    assert_eq!(shelf.take_bad(), 1, "a wrong length is seen before anything is read");
    assert!(hashes.iter().all(|hash| office.copied(*hash)));
    // The same while it stays in.
    spoil(&office.stick, &copies.path(hashes[1]), 0);
    office.wait();
    office.settle(&mut shelf);
    assert_eq!(shelf.take_bad(), 0, "not read again the same day");
    office.now.set(office.now.get() + 8 * 24 * 3_600_000);
    office.settle(&mut shelf);
    assert_eq!(shelf.take_bad(), 1);
    assert!(office.copied(hashes[1]) && shelf.safe().contains(&hashes[1]));
}

#[test]
fn a_damaged_file_here_is_told_and_comes_back_from_its_copy() {
    let mut office = Office::new();
    let bytes = scan(1, 300_000);
    let hash = office.attach(1, &bytes, false);
    let mut shelf = office.open();
    office.settle(&mut shelf);
    // Found damaged while nothing of it is on the stick: told, not copied.
    let other = office.attach(1, &scan(2, 200_000), false);
    spoil(&office.here, &office.vault().path(other), 150_000);
    let all = office.settle(&mut shelf);
    assert_eq!(all.iter().filter_map(|one| one.damaged).collect::<Vec<_>>(), [other]);
    assert!(!shelf.safe().contains(&other) && office.copies().length(other).unwrap().is_none());
    // The books learn that the first is damaged as well: it is brought back, whole.
    spoil(&office.here, &office.vault().path(hash), 0);
    let row = office.row(hash);
    office.say(hash, Some(Scan { here: false, damaged: true, ..row }));
    let all = office.settle(&mut shelf);
    let back: Vec<_> = all.iter().filter_map(|one| one.returned).collect();
    assert_eq!(back, [(hash, 300_000)]);
    office.here.crash(Crash::LoseAll);
    assert_eq!(read(&office.vault(), hash, 300_000).unwrap(), bytes, "durable before it is said");
}

#[test]
fn a_bad_copy_does_not_come_back() {
    let mut office = Office::new();
    let hash = office.attach(1, &scan(1, 300_000), false);
    let mut shelf = office.open();
    office.settle(&mut shelf);
    spoil(&office.stick, &office.copies().path(hash), 250_000);
    let row = office.row(hash);
    office.say(hash, Some(Scan { here: false, damaged: true, ..row }));
    let all = office.settle(&mut shelf);
    assert!(all.iter().all(|one| one.returned.is_none()));
}

#[test]
fn on_a_full_stick_the_log_keeps_its_room_and_what_the_hub_lacks_goes_first() {
    let mut office = Office::new();
    let sent: Vec<Hash> = (0..3).map(|n| office.attach(1, &scan(n, 400_000), true)).collect();
    let mut shelf = office.open();
    office.settle(&mut shelf);
    office.free.set(RESERVE + 300_000);
    let unsent = office.attach(1, &scan(7, 400_000), false);
    office.settle(&mut shelf);
    assert_eq!(shelf.no_room(), (1, 400_000), "nothing that was removed has made room");
    assert!(shelf.safe().is_empty());
    let left = |office: &Office| sent.iter().filter(|hash| office.copied(**hash)).count();
    assert_eq!(left(&office), 0, "all that the hub has went for it");
    // Room comes: it is copied by itself, and the trouble is over.
    office.free.set(RESERVE + 600_000);
    office.wait();
    office.settle(&mut shelf);
    assert!(office.copied(unsent) && shelf.safe().contains(&unsent));
    assert_eq!(shelf.no_room(), (0, 0));
    // A disk that is full in spite of what it said.
    let more = office.attach(1, &scan(8, 500_000), false);
    office.stick.disk_full_after(Some(100_000));
    office.settle(&mut shelf);
    assert_eq!(shelf.no_room(), (1, 500_000));
    office.stick.disk_full_after(None);
    office.wait();
    office.settle(&mut shelf);
    assert!(office.copied(more) && office.copied(unsent));
}

#[test]
fn a_purge_takes_copies_that_nobody_names_and_nothing_else() {
    let mut office = Office::new();
    let (only, shared) = (office.attach(1, &scan(1, 50_000), true), scan(2, 50_000));
    let shared = office.attach(1, &shared, true);
    office.name(2, shared, 50_000);
    let unknown = office.attach(3, &scan(3, 50_000), false);
    let mut shelf = office.open();
    office.settle(&mut shelf);
    let size = office.row(only).size;
    office.purge(1, only);
    office.purge(4, shared);
    let (key, _) = reference_row(shared, DossierId([1; 16]), Reference { size: 0 });
    office.kv.0.remove(&key);
    // The machine was set back and knows nothing of the third.
    office.say(unknown, None);
    office.kv.0.remove(&reference_row(unknown, DossierId([3; 16]), Reference { size: 0 }).0);
    // The stick was away meanwhile.
    let mut shelf = office.open();
    office.say(only, None);
    // What is taken away by mistake cannot be put there again.
    office.free.set(0);
    office.settle(&mut shelf);
    let copies = office.copies();
    assert_eq!(copies.length(only).unwrap(), None);
    assert_eq!(copies.length(shared).unwrap(), Some(50_000));
    assert_eq!(copies.length(unknown).unwrap(), Some(50_000), "what is not known stays");
    let left = office.stick.paths();
    let name = only.to_string();
    assert!(left.iter().all(|path| !path.to_string_lossy().contains(&name)), "{left:?}");
    assert_eq!(size, 50_000);
}

#[test]
fn only_whole_scans_that_are_named_come_out_of_a_copy_and_a_restore_that_was_cut_goes_on() {
    let (stick, data) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
    let place = |bytes: &[u8], hash: Hash| {
        let name = hash.to_string();
        let dir = stick.path().join(super::SCANS).join(&name[..2]).join(&name[2..4]);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(&name), bytes).unwrap();
        dir.join(name)
    };
    let address = |bytes: &[u8]| Hash(*blake3::hash(bytes).as_bytes());
    let (good, second) = (scan(1, 200_000), scan(2, 5_000));
    let mut program = scan(3, 50_000);
    program[..2].copy_from_slice(b"MZ");
    let bent = scan(4, 90_000);
    for bytes in [&good, &second, &program] {
        place(bytes, address(bytes));
    }
    place(&bent[..80_000], address(&bent));
    let unnamed = scan(5, 10_000);
    place(&unnamed, address(&unnamed));
    // A link to something else is no file of the copy.
    let linked = scan(6, 10_000);
    std::fs::write(stick.path().join("elsewhere"), &linked).unwrap();
    let link = place(b"", address(&linked));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(stick.path().join("elsewhere"), &link).unwrap();
    let named = [&good, &second, &program, &bent, &linked].map(|bytes| address(bytes)).into();

    let unpacked = super::unpack::unpack(stick.path(), data.path(), &named).unwrap();
    let mut expected = vec![(address(&good), 200_000), (address(&second), 5_000)];
    expected.sort();
    assert_eq!((unpacked.scans, unpacked.left_out), (expected.clone(), 2));
    let fs = Arc::new(motcua_journal::RealFs::new());
    let vault = Vault::open(fs, &data.path().join("attachments")).unwrap();
    assert_eq!(read(&vault, address(&good), 200_000).unwrap(), good);
    for bytes in [&program, &bent, &unnamed, &linked] {
        assert_eq!(vault.length(address(bytes)).unwrap(), None);
    }
    // Cut before the journal was written, with a file that did not get to the disk.
    std::fs::write(vault.path(address(&good)), &good[..100_000]).unwrap();
    let again = super::unpack::unpack(stick.path(), data.path(), &named).unwrap();
    assert_eq!(again.scans, expected);
    assert_eq!(read(&vault, address(&good), 200_000).unwrap(), good);
}
