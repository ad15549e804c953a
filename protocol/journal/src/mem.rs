//! A deterministic file system in memory that fails, fills and loses power on demand.
//!
//! It keeps apart what was written and what was synced, for content and for directory entries, and is
//! harsher than a disk: after a failed sync the written bytes are still read back but may never
//! become durable, and a crash keeps any subset of unsynced writes, torn at sectors, in any order.

use crate::fs::{File, Fs};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes a device writes whole or not at all.
const SECTOR: usize = 512;

/// What a crash does with writes and directory entries that were never synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// All are lost.
    LoseAll,
    /// All are kept, as when only the process dies and its handles go.
    KeepAll,
    /// Each is lost, kept or torn, as this seed decides.
    Seed(u64),
}

/// The file system. Clones share the same files.
#[derive(Clone, Default)]
pub struct MemFs {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    generation: u64,
    next_id: u64,
    nodes: BTreeMap<u64, Node>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    entry_changes: Vec<EntryChange>,
    locked: BTreeSet<PathBuf>,
    faults: Faults,
    ops: u64,
    syncs: u64,
}

/// One atomic change of directory entries: a rename changes two names at once.
#[derive(Clone)]
struct EntryChange {
    dir: PathBuf,
    set: Vec<(PathBuf, Option<u64>)>,
}

#[derive(Default, Clone)]
struct Node {
    cache: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Default)]
struct Faults {
    power_off_at: Option<u64>,
    fail_write: Option<u64>,
    fail_sync: Option<u64>,
    sync_lottery: u64,
    capacity: Option<u64>,
}

impl MemFs {
    /// An empty, healthy file system.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations that changed something or asked to, since the start or the last crash.
    pub fn ops(&self) -> u64 {
        self.inner().ops
    }

    /// Calls of `sync_data` that succeeded.
    pub fn syncs(&self) -> u64 {
        self.inner().syncs
    }

    /// Power goes at the changing operation number `op` (from 1, see [`Self::ops`]): that operation
    /// may or may not reach the disk, and it and all later ones fail until [`Self::crash`].
    pub fn power_off_at(&self, op: u64) {
        self.inner().faults.power_off_at = Some(op);
    }

    /// The `n`-th write from now (1 = the next) fails, having written only its first half.
    pub fn fail_write(&self, n: u64) {
        self.inner().faults.fail_write = Some(n);
    }

    /// The `n`-th file sync from now (1 = the next) fails; of what it should have made durable, a
    /// subset chosen by `seed` is, and the rest never will be although it can still be read.
    pub fn fail_sync(&self, n: u64, seed: u64) {
        let mut inner = self.inner();
        inner.faults.fail_sync = Some(n);
        inner.faults.sync_lottery = seed;
    }

    /// Limits the sum of file lengths to what is used now plus `bytes`; `None` lifts the limit.
    pub fn disk_full_after(&self, bytes: Option<u64>) {
        let mut inner = self.inner();
        inner.faults.capacity = bytes.map(|bytes| inner.used() + bytes);
    }

    /// Power cut and restart: handles and locks are gone, faults are lifted, and only durable state
    /// and the chosen part of the rest is left.
    pub fn crash(&self, how: Crash) {
        let mut inner = self.inner();
        inner.lose_power(how);
        inner.end_process();
    }

    /// The process dies and the machine stays up: handles and locks are gone and faults are lifted;
    /// what was written can still be read, and is no more durable than it was.
    pub fn kill(&self) {
        self.inner().end_process();
    }

    /// Lifts all faults that were planned and have not happened; nothing else changes.
    pub fn heal(&self) {
        self.inner().faults = Faults::default();
    }

    /// What a copy of the disk taken now would hold: another file system, as after such a crash.
    /// This one is not touched.
    pub fn image(&self, how: Crash) -> Self {
        let mut copy = self.inner().copy();
        copy.lose_power(how);
        Self { inner: Arc::new(Mutex::new(copy)) }
    }

    /// Whether the power that was to go is gone.
    pub fn is_off(&self) -> bool {
        self.inner().powered().is_err()
    }

    /// All file paths as a running process sees them.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.inner().names.keys().cloned().collect()
    }

    /// The content of a file as a running process sees it.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let inner = self.inner();
        inner.names.get(path).and_then(|id| inner.nodes.get(id)).map(|node| node.cache.clone())
    }

    /// Puts a file there, durable at once, replacing what has the name: damage behind our back.
    pub fn plant(&self, path: &Path, bytes: &[u8]) {
        let mut inner = self.inner();
        let id = match inner.names.get(path) {
            Some(id) => *id,
            None => inner.fresh_id(),
        };
        let node = Node { cache: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() };
        inner.nodes.insert(id, node);
        inner.names.insert(path.to_owned(), id);
        inner.durable_names.insert(path.to_owned(), id);
    }

    /// Flips bits of one byte that is on the disk; false if the file or byte is not there. What was
    /// written and not synced stays so.
    pub fn flip(&self, path: &Path, offset: usize, mask: u8) -> bool {
        let mut inner = self.inner();
        let Some(id) = inner.names.get(path).copied() else { return false };
        let Some(node) = inner.nodes.get_mut(&id) else { return false };
        let Some(byte) = node.durable.get_mut(offset) else { return false };
        *byte ^= mask;
        if let Some(byte) = node.cache.get_mut(offset) {
            *byte ^= mask;
        }
        true
    }

    /// Length of a file as far as it is on the disk.
    pub fn durable_len(&self, path: &Path) -> Option<usize> {
        let inner = self.inner();
        let id = inner.names.get(path)?;
        inner.nodes.get(id).map(|node| node.durable.len())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, id: u64, generation: u64) -> Arc<dyn File> {
        Arc::new(MemFile { fs: self.clone(), id, generation })
    }
}

impl Inner {
    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn used(&self) -> u64 {
        let named = self.names.values().filter_map(|id| self.nodes.get(id));
        named.map(|node| node.cache.len() as u64).sum()
    }

    /// Counts a changing operation; true if the power goes with it.
    fn step(&mut self) -> io::Result<bool> {
        self.ops += 1;
        match self.faults.power_off_at {
            Some(at) if self.ops > at => Err(no_power()),
            Some(at) => Ok(self.ops == at),
            None => Ok(false),
        }
    }

    fn powered(&self) -> io::Result<()> {
        match self.faults.power_off_at {
            Some(at) if self.ops >= at => Err(no_power()),
            _ => Ok(()),
        }
    }

    /// Only durable state is left, and the chosen part of the rest. Writes reach the device in any
    /// order: an older one may end up over a newer one.
    fn lose_power(&mut self, how: Crash) {
        let mut dice = match how {
            Crash::Seed(seed) => Dice(seed),
            Crash::LoseAll | Crash::KeepAll => Dice(0),
        };
        let fate = |dice: &mut Dice| match how {
            Crash::LoseAll => 0,
            Crash::KeepAll => 1,
            Crash::Seed(_) => dice.below(3),
        };
        for node in self.nodes.values_mut() {
            let mut unsynced = std::mem::take(&mut node.unsynced);
            if matches!(how, Crash::Seed(_)) {
                shuffle(&mut unsynced, &mut dice);
            }
            for (offset, bytes) in unsynced {
                match fate(&mut dice) {
                    0 => {}
                    1 => put(&mut node.durable, offset, &bytes),
                    _ => tear(&mut node.durable, offset, &bytes, &mut dice),
                }
            }
            node.cache.clone_from(&node.durable);
        }
        for change in std::mem::take(&mut self.entry_changes) {
            if fate(&mut dice) != 0 {
                apply(&mut self.durable_names, &change.set);
            }
        }
        self.names = self.durable_names.clone();
        let live: BTreeSet<u64> = self.names.values().copied().collect();
        self.nodes.retain(|id, _| live.contains(id));
    }

    fn end_process(&mut self) {
        self.generation += 1;
        self.locked.clear();
        self.faults = Faults::default();
        self.ops = 0;
    }

    /// The same content; no handle or lock of the one is one of the other.
    fn copy(&self) -> Self {
        Self {
            generation: 0,
            next_id: self.next_id,
            nodes: self.nodes.clone(),
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            entry_changes: self.entry_changes.clone(),
            locked: BTreeSet::new(),
            faults: Faults::default(),
            ops: 0,
            syncs: 0,
        }
    }

    fn change_entries(&mut self, dir: &Path, set: Vec<(PathBuf, Option<u64>)>) {
        apply(&mut self.names, &set);
        self.entry_changes.push(EntryChange { dir: dir.to_owned(), set });
    }
}

impl Fs for MemFs {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.inner().powered()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut inner = self.inner();
        let off = inner.step()?;
        if inner.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = inner.fresh_id();
        inner.nodes.insert(id, Node::default());
        inner.change_entries(&parent(path), vec![(path.to_owned(), Some(id))]);
        if off { Err(no_power()) } else { Ok(self.handle(id, inner.generation)) }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let inner = self.inner();
        inner.powered()?;
        let id = inner.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(*id, inner.generation))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let off = inner.step()?;
        let id = *inner.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        inner.change_entries(&parent(to), vec![(from.to_owned(), None), (to.to_owned(), Some(id))]);
        if off { Err(no_power()) } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        let off = inner.step()?;
        if !inner.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.change_entries(&parent(path), vec![(path.to_owned(), None)]);
        if off { Err(no_power()) } else { Ok(()) }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner();
        inner.powered()?;
        let inside = inner.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.step()? {
            return Err(no_power());
        }
        let (now, later) = std::mem::take(&mut inner.entry_changes)
            .into_iter()
            .partition::<Vec<_>, _>(|change| change.dir == dir);
        inner.entry_changes = later;
        for change in now {
            apply(&mut inner.durable_names, &change.set);
        }
        Ok(())
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>> {
        let mut inner = self.inner();
        inner.powered()?;
        if !inner.locked.insert(dir.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let generation = inner.generation;
        Ok(Box::new(MemLock { fs: self.clone(), dir: dir.to_owned(), generation }))
    }

    fn micros(&self) -> u64 {
        self.inner().ops
    }
}

struct MemLock {
    fs: MemFs,
    dir: PathBuf,
    generation: u64,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut inner = self.fs.inner();
        if inner.generation == self.generation {
            inner.locked.remove(&self.dir);
        }
    }
}

struct MemFile {
    fs: MemFs,
    id: u64,
    generation: u64,
}

impl MemFile {
    /// The file system with power on and this handle still valid.
    fn inner(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = self.fs.inner();
        if inner.generation != self.generation { Err(no_power()) } else { Ok(inner) }
    }
}

impl File for MemFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let inner = self.inner()?;
        inner.powered()?;
        let node = inner.nodes.get(&self.id).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(node.cache.len());
        let got = buf.len().min(node.cache.len() - from);
        buf[..got].copy_from_slice(&node.cache[from..from + got]);
        Ok(got)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner()?;
        let off = inner.step()?;
        let fails = count_down(&mut inner.faults.fail_write);
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        let used = inner.used();
        let capacity = inner.faults.capacity;
        let node = inner.nodes.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        let growth = (offset + bytes.len()).saturating_sub(node.cache.len()) as u64;
        if capacity.is_some_and(|capacity| growth > 0 && used + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = if fails { &bytes[..bytes.len() / 2] } else { bytes };
        put(&mut node.cache, offset, written);
        node.unsynced.push((offset, written.to_vec()));
        if off {
            Err(no_power())
        } else if fails {
            Err(io::Error::other("injected write failure"))
        } else {
            Ok(())
        }
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.write_at(0, &vec![0; len])
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.inner()?;
        if inner.step()? {
            return Err(no_power());
        }
        let fails = count_down(&mut inner.faults.fail_sync);
        let mut dice = Dice(inner.faults.sync_lottery);
        inner.syncs += u64::from(!fails);
        let node = inner.nodes.get_mut(&self.id).ok_or(io::ErrorKind::NotFound)?;
        for (offset, bytes) in std::mem::take(&mut node.unsynced) {
            if !fails || dice.below(2) == 0 {
                put(&mut node.durable, offset, &bytes);
            }
        }
        if fails { Err(io::Error::other("injected sync failure")) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        let inner = self.inner()?;
        inner.powered()?;
        let node = inner.nodes.get(&self.id).ok_or(io::ErrorKind::NotFound)?;
        Ok(node.cache.len() as u64)
    }
}

/// A small deterministic generator (splitmix64), public for tests that need one choice after another.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 for `n` = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next_u64() % n }
    }
}

fn shuffle<T>(items: &mut [T], dice: &mut Dice) {
    for at in (1..items.len()).rev() {
        items.swap(at, dice.below(at as u64 + 1) as usize);
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

/// Keeps some sectors of a write, in any combination.
fn tear(content: &mut Vec<u8>, offset: usize, bytes: &[u8], dice: &mut Dice) {
    let mut at = 0;
    while at < bytes.len() {
        let to_boundary = SECTOR - (offset + at) % SECTOR;
        let step = to_boundary.min(bytes.len() - at);
        if dice.below(2) == 0 {
            put(content, offset + at, &bytes[at..at + step]);
        }
        at += step;
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, set: &[(PathBuf, Option<u64>)]) {
    for (path, id) in set {
        match id {
            Some(id) => names.insert(path.clone(), *id),
            None => names.remove(path),
        };
    }
}

fn count_down(counter: &mut Option<u64>) -> bool {
    match counter {
        Some(1) => {
            *counter = None;
            true
        }
        Some(n) => {
            *n = n.saturating_sub(1);
            false
        }
        None => false,
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

fn no_power() -> io::Error {
    io::Error::other("no power")
}
