//! The state in sled: always rebuildable, so opened under a guard, moved aside when it will not
//! open, and written by one thread only. What was written last is held in memory before it goes
//! to sled ([`recent`]), and goes there in blocks ([`blocks`]), many rows by way of a file ([`redo`]).

mod blocks;
#[cfg(test)]
mod conformance;
mod recent;
mod redo;
mod room;
mod take;

use motcua_core::{
    ledger::STATE_LAYOUT,
    state::{Batch, Key, Kv, KvWrite, Pairs, StoreError, rows::Meta},
};
use recent::{Recent, Rows};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use take::Open;

/// Page cache of sled in bytes. Its real use is a multiple of this.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes that sled's files may waste before they are copied.
const WASTE_BYTES: u64 = 16 * 1024 * 1024;
/// Files from this size on are left to sled: copying them would keep the applier for seconds.
const COPIED_BYTES: u64 = 256 * 1024 * 1024;

/// How often, and with what pause, a store is opened that was closed a moment ago.
const REOPENED: (u32, Duration) = (1_000, Duration::from_millis(10));
/// Bytes copied before sled is made to write them: its buffers are free again then.
const FLUSH_BYTES: usize = 1024 * 1024;

/// The state store of one replica.
#[derive(Clone)]
pub struct SledStore {
    dir: PathBuf,
    /// None after it failed, until it could be opened again.
    open: Arc<RwLock<Option<Open>>>,
    recent: Arc<RwLock<Recent>>,
    /// Position that sled's files reflect since they were last flushed.
    flushed: Arc<AtomicU64>,
    /// When a store that failed was last looked at.
    looked: Arc<Mutex<Option<Instant>>>,
    /// Bytes of sled's files when they were last copied.
    copied: Arc<AtomicU64>,
}

/// A row as it is read.
type Row = Result<(Vec<u8>, Vec<u8>), StoreError>;

/// How the store was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It opened and reflects the journal up to this position.
    At(u64),
    /// There was none.
    Empty,
    /// It would not open, or does not fit the journal, and was moved here.
    SetAside(PathBuf),
}

impl SledStore {
    /// Opens the store in `dir`; one that will not open, has another layout, or reflects more than
    /// the journal's `last` record is moved aside and an empty one takes its place.
    ///
    /// # Errors
    /// [`StoreError`] when not even an empty store can be opened.
    pub fn open(dir: &Path, last: u64) -> Result<(Self, Opened), StoreError> {
        remove_leftovers(dir);
        let existed = dir.exists();
        let mut opened = Self::try_open(dir);
        // Threads of sled that still end hold its lock for a moment: nothing is wrong with it.
        let locked = |opened: &Result<Self, StoreError>| {
            opened.as_ref().is_err_and(|error| error.to_string().contains("could not acquire lock"))
        };
        let mut left = REOPENED.0 / 10;
        while locked(&opened) && left > 0 {
            std::thread::sleep(REOPENED.1);
            opened = Self::try_open(dir);
            left -= 1;
        }
        if opened.is_err() && !room::is_room(dir, 0) && room::give_up_reserve(dir) {
            tracing::warn!("the disk is full; the reserve of the state store is given up");
            opened = Self::try_open(dir);
        }
        if opened.is_ok() {
            room::keep_reserve(dir);
        }
        let trouble = match opened {
            Ok(store) => match store.fits(last) {
                Ok(Some(0)) => {
                    if existed && last > 0 {
                        tracing::warn!(store = %dir.display(), "state store is empty; it is rebuilt");
                    }
                    return Ok((store, Opened::Empty));
                }
                Ok(Some(applied)) => return Ok((store, Opened::At(applied))),
                Ok(None) => "it does not fit the journal".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        if !room::is_room(dir, 0) {
            // Perhaps nothing is wrong with it: sled cannot open where it cannot write.
            let words = format!("no space to open {}; free the disk: {trouble}", dir.display());
            return Err(StoreError::Backend(words));
        }
        let aside = set_aside(dir)?;
        tracing::error!(store = %dir.display(), moved_to = %aside.display(), reason = %trouble,
            "state store will not do; it is rebuilt from the journal");
        Ok((Self::try_open(dir)?, Opened::SetAside(aside)))
    }

    fn try_open(dir: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::LowSpace)
            .use_compression(false)
            // The journal is the truth: what sled loses is applied again.
            .flush_every_ms(Some(1_000));
        // sled 0.34 may panic on damaged files where an error is meant.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let db = config.open()?;
            let tree = db.open_tree("state")?;
            Ok::<_, sled::Error>((db, tree))
        }));
        match opened {
            Ok(Ok((db, tree))) => {
                let open = Open { db, tree };
                open.finish(dir)?;
                let store = Self {
                    dir: dir.to_owned(),
                    open: Arc::new(RwLock::new(Some(open))),
                    recent: Arc::default(),
                    flushed: Arc::default(),
                    looked: Arc::default(),
                    copied: Arc::default(),
                };
                // Nothing is left for sled to write by itself, when the disk may be full.
                store.settle()?;
                Ok(store)
            }
            Ok(Err(error)) => Err(backend(error)),
            Err(_) => Err(StoreError::Backend("sled panicked while opening".into())),
        }
    }

    /// Opens a store that was closed a moment ago: threads of sled that still end hold its lock.
    fn open_again(dir: &Path) -> Result<Self, StoreError> {
        let mut left = REOPENED.0;
        loop {
            match Self::try_open(dir) {
                Err(_) if left > 0 => left -= 1,
                opened => return opened,
            }
            std::thread::sleep(REOPENED.1);
        }
    }

    /// The position it reflects, if that can be right.
    fn fits(&self, last: u64) -> Result<Option<u64>, StoreError> {
        let Some(bytes) = self.get(&Key::Meta.bytes())? else {
            return Ok(self.tree()?.is_empty().then_some(0));
        };
        let meta: Meta =
            postcard::from_bytes(&bytes).map_err(|_| StoreError::Corrupt { what: "meta row" })?;
        Ok((meta.layout == STATE_LAYOUT && meta.applied <= last).then_some(meta.applied))
    }

    /// Writes one batch, all or nothing: readers see it at once, sled gets it with others. While the
    /// disk is full it is held in memory.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses and memory is full of what it did not take; nothing of the
    /// batch is written then.
    pub fn write(&self, rows: Rows) -> Result<(), StoreError> {
        if self.recent().bytes() >= room::HELD_BYTES {
            self.spill()?;
        }
        let mut recent = self.recent_mut();
        recent.add(rows);
        let full = recent.is_full();
        drop(recent);
        if full && let Err(error) = self.spill() {
            tracing::debug!(%error, "rows are held in memory");
        }
        Ok(())
    }

    /// Whether what goes wrong with it now will do when there is space again.
    pub(crate) fn waits_for_room(&self) -> bool {
        let closed = self.open.read().unwrap_or_else(PoisonError::into_inner).is_none();
        closed || !room::is_room(&self.dir, self.recent().bytes())
    }

    /// Hands sled everything that is held in memory, and has it written. What it does not take is
    /// held on.
    fn spill(&self) -> Result<(), StoreError> {
        let open = self.opened()?;
        if !room::is_room(&self.dir, self.recent().bytes()) {
            return Err(StoreError::Backend("no space for the state store; free the disk".into()));
        }
        let rows = self.recent_mut().leave();
        let taken = open.take(&self.dir, &rows, usize::MAX).and_then(|()| self.settle());
        drop(open);
        match taken {
            Ok(()) => {
                self.recent_mut().left();
                room::keep_reserve(&self.dir);
            }
            Err(ref error) => self.fail(error),
        }
        taken
    }

    /// The store's files, opened again if they had to be closed.
    fn opened(&self) -> Result<Open, StoreError> {
        let open = || self.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(open) = open() {
            return Ok(open);
        }
        self.reopen()?;
        open().ok_or_else(|| StoreError::Backend("the state store was closed".into()))
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies everything into fresh files if the old ones have become large for what they hold:
    /// sled leaves more than half of them unused after much was written at once. Called by the one
    /// writer while nothing else is to be done; true if it was.
    ///
    /// # Errors
    /// See [`Self::renew`].
    pub(crate) fn tidy(&self) -> Result<bool, StoreError> {
        // One that waits for space is tidied later.
        let Ok(open) = self.opened() else { return Ok(false) };
        let size = open.db.size_on_disk().map_err(backend)?;
        drop(open);
        let worth = self.copied.load(Ordering::Relaxed) * 2 + WASTE_BYTES;
        let due = (worth..COPIED_BYTES).contains(&size)
            && room::is_room(&self.dir, usize::try_from(size).unwrap_or(usize::MAX));
        if due {
            self.renew()?;
        }
        Ok(due)
    }

    /// Copies everything into fresh files, which take the place of the old: values that were
    /// deleted or overwritten stand in no file any more. Called by the one writer; readers wait
    /// only for the change of files.
    ///
    /// # Errors
    /// [`StoreError`]; the store is then as it was, unless it could not be opened again.
    pub fn renew(&self) -> Result<(), StoreError> {
        let (fresh, old) = (beside(&self.dir, "new"), beside(&self.dir, "old"));
        remove_leftovers(&self.dir);
        {
            self.spill()?;
            let copy = Self::try_open(&fresh)?;
            let (from, to) = (self.tree()?, copy.tree()?);
            let mut bytes = 0;
            for block in &from {
                let (fence, block) = block.map_err(backend)?;
                bytes += block.len();
                to.insert(fence, block).map_err(backend)?;
                if bytes >= FLUSH_BYTES {
                    to.flush().map_err(backend)?;
                    bytes = 0;
                }
            }
            copy.flush()?;
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // A crash in between leaves no store at its place, and it is rebuilt.
        std::fs::rename(&self.dir, &old).map_err(io)?;
        std::fs::rename(&fresh, &self.dir).map_err(io)?;
        let Self { open: fresh, .. } = Self::open_again(&self.dir)?;
        *open = fresh.write().unwrap_or_else(PoisonError::into_inner).take();
        let size = open.as_ref().map(|open| open.db.size_on_disk()).transpose().map_err(backend)?;
        let size = size.unwrap_or_default();
        self.copied.store(size, Ordering::Relaxed);
        drop(open);
        remove_leftovers(&self.dir);
        Ok(())
    }

    fn tree(&self) -> Result<sled::Tree, StoreError> {
        Ok(self.opened()?.tree)
    }

    /// Hands everything to the operating system; only to start faster next time.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.spill()
    }

    /// All pairs in key order, for writing a base. Called by the one writer.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses what is held in memory.
    pub fn iter(&self) -> Result<impl Iterator<Item = Row>, StoreError> {
        self.spill()?;
        Ok(rows_of(self.tree()?.iter()))
    }
}

impl Kv for SledStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(known) = self.recent().get(key) {
            return Ok(known);
        }
        match block_of(&self.tree()?, key)? {
            Some((_, block)) => blocks::find(&block, key),
            None => Ok(None),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        // Before sled is asked: what leaves in between is then seen twice, never missed.
        let recent = self.recent();
        let tree = self.tree()?;
        let fence = block_of(&tree, from)?.map(|(fence, _)| fence).unwrap_or_default();
        let below = rows_of(tree.range(fence..sled::IVec::from(to)));
        let inside = |key: &[u8]| key >= from && key < to;
        let below = below.filter(|row| row.as_ref().map_or(true, |(key, _)| inside(key)));
        recent.range((from, to), limit, below)
    }
}

impl KvWrite for SledStore {
    fn write_batch(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.write(batch)
    }
}

/// The block that holds the row with this key, if it is anywhere.
fn block_of(tree: &sled::Tree, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>, StoreError> {
    tree.range(..=key).next_back().transpose().map_err(backend)
}

/// The rows of blocks, in order. A block that is split while it is read would give its end twice.
fn rows_of(blocks: sled::Iter) -> impl Iterator<Item = Row> {
    let mut last: Option<Vec<u8>> = None;
    blocks
        .flat_map(|block| {
            let rows = block.map_err(backend).and_then(|(_, block)| blocks::read(&block));
            match rows {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })
        .filter(move |row| {
            let Ok((key, _)) = row else { return true };
            let fresh = last.as_ref().is_none_or(|last| last < key);
            if fresh {
                last = Some(key.clone());
            }
            fresh
        })
}

fn io(error: std::io::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

fn backend(error: sled::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

fn beside(dir: &Path, word: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    dir.with_file_name(format!("{name}.{word}"))
}

/// Copies of the state that are of no use any more, also those set aside long ago: what was purged
/// must not lie about in them.
fn remove_leftovers(dir: &Path) {
    for word in ["new", "old"] {
        let leftover = beside(dir, word);
        if let Err(error) = std::fs::remove_dir_all(&leftover)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %leftover.display(), "an old state was not removed");
        }
    }
}

/// Removes states that were set aside as unusable; everything in them is in the journal.
pub(crate) fn remove_set_aside(dir: &Path) {
    for number in 1..1_000 {
        let aside = beside(dir, &format!("aside-{number}"));
        if aside.exists()
            && let Err(error) = std::fs::remove_dir_all(&aside)
        {
            tracing::warn!(%error, folder = %aside.display(), "an old state was not removed");
        }
    }
}

/// Moves a directory beside itself, under the first free name.
fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 1..1_000 {
        let target = dir.with_file_name(format!("{name}.aside-{number}"));
        if !target.exists() {
            return std::fs::rename(dir, &target)
                .map(|()| target)
                .map_err(|error| StoreError::Backend(format!("{}: {error}", dir.display())));
        }
    }
    Err(StoreError::Backend(format!(
        "{}: too many stores set aside; remove old ones",
        dir.display()
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_renewed_store_has_the_same_pairs_and_nothing_of_what_was_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let (store, _) = SledStore::open(&path, 0).unwrap();
        let secret = b"khong con o day nua".repeat(20);
        let pair = |number: u32, value: Option<Vec<u8>>| {
            store.write(Rows::from([(number.to_be_bytes().to_vec(), value)])).unwrap();
        };
        pair(1, Some(secret.clone()));
        (2..500).for_each(|number| pair(number, Some(vec![number as u8; 300])));
        pair(1, None);
        store.flush().unwrap();
        let before: Vec<_> = store.iter().unwrap().map(Result::unwrap).collect();
        store.renew().unwrap();
        let after: Vec<_> = store.iter().unwrap().map(Result::unwrap).collect();
        assert_eq!(before, after);
        pair(7, Some(vec![7]));
        store.flush().unwrap();
        let mut files = vec![dir.path().to_owned()];
        while let Some(at) = files.pop() {
            if at.is_dir() {
                files.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&at).unwrap();
            assert!(!bytes.windows(19).any(|window| window == &secret[..19]), "{}", at.display());
        }
        drop(store);
        assert_eq!(SledStore::open_again(&path).unwrap().iter().unwrap().count(), 498);
    }

    /// Rows of a position, many enough for several batches, in keys that share blocks.
    fn many(position: u64) -> Rows {
        let value = |number: u64| Some(vec![(number ^ position) as u8; 900]);
        let mut rows: Rows = (0..2_000u64)
            .map(|number| ([b"k".as_slice(), &number.to_be_bytes()].concat(), value(number)))
            .collect();
        rows.insert(b"k".to_vec(), position.is_multiple_of(2).then(|| vec![1]));
        let meta = Meta { layout: STATE_LAYOUT, applied: position, ..Meta::default() };
        rows.insert(Key::Meta.bytes(), Some(postcard::to_stdvec(&meta).unwrap()));
        rows
    }

    /// A store with the rows of position 1, that died after so many batches of position 2.
    fn died_after(dir: &Path, batches: usize) {
        let store = SledStore::open_again(dir).unwrap();
        store.write(many(1)).unwrap();
        store.flush().unwrap();
        let open = store.opened().unwrap();
        let died = open.take(dir, &many(2), batches);
        assert!(died.is_err(), "there are more batches than {batches}");
        open.db.flush().unwrap();
    }

    #[test]
    fn rows_that_a_crash_cut_in_two_are_all_there_after_it() {
        for batches in [0, 1, 3] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("state");
            died_after(&path, batches);
            let store = SledStore::open_again(&path).unwrap();
            let rows: Rows = store
                .iter()
                .unwrap()
                .map(|row| row.unwrap())
                .map(|(key, value)| (key, Some(value)))
                .collect();
            assert!(rows == many(2), "after {batches} batches");
            assert!(!redo::path(&path).exists(), "the file is gone");
        }
    }

    #[test]
    fn a_store_that_failed_is_opened_again_and_loses_nothing_that_it_was_handed() {
        let dir = tempfile::tempdir().unwrap();
        let store = SledStore::open_again(&dir.path().join("state")).unwrap();
        store.write(many(1)).unwrap();
        store.flush().unwrap();
        store.write(Rows::from([(b"later".to_vec(), Some(vec![1]))])).unwrap();
        // sled takes some of the rows, and fails.
        let half: Rows = many(2);
        store.recent_mut().add(half);
        let rows = store.recent_mut().leave();
        let error = store.opened().unwrap().take(&store.dir, &rows, 1).unwrap_err();
        store.fail(&error);
        store.write(Rows::from([(b"later".to_vec(), Some(vec![2]))])).unwrap();
        let mut wanted = many(2);
        wanted.insert(b"later".to_vec(), Some(vec![2]));
        for (key, value) in &wanted {
            assert_eq!(store.get(key).unwrap(), *value);
        }
        store.flush().unwrap();
        let all: Rows =
            store.iter().unwrap().map(|row| row.unwrap()).map(|(k, v)| (k, Some(v))).collect();
        assert!(all == wanted);
    }

    #[test]
    fn a_store_that_comes_back_with_less_than_it_had_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let store = SledStore::open_again(&dir.path().join("state")).unwrap();
        store.write(many(2)).unwrap();
        store.flush().unwrap();
        store.flushed.store(3, Ordering::Release);
        store.fail(&StoreError::Backend("a test".into()));
        let refused = store.get(b"k").unwrap_err().to_string();
        assert!(refused.contains("rebuilt at the next start"), "{refused}");
        assert!(store.waits_for_room());
    }

    #[test]
    fn rows_cut_in_two_without_their_file_are_never_taken_for_a_state() {
        for damage in [0usize, 1] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("state");
            died_after(&path, 2);
            match damage {
                0 => std::fs::remove_file(redo::path(&path)).unwrap(),
                _ => std::fs::write(redo::path(&path), b"mcredo1\n").unwrap(),
            }
            // Threads of sled that still end may hold its lock for a moment.
            drop(SledStore::open_again(&path).map(drop));
            assert!(matches!(SledStore::open(&path, 9).unwrap().1, Opened::SetAside(_)));
        }
    }

    #[test]
    fn a_damaged_store_is_moved_aside_and_an_empty_one_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let fill = || {
            let (store, opened) = SledStore::open(&path, 0).unwrap();
            assert_eq!(opened, Opened::Empty);
            let meta = Meta { layout: STATE_LAYOUT, applied: 5, ..Meta::default() };
            let row = postcard::to_stdvec(&meta).unwrap();
            store.write(Rows::from([(Key::Meta.bytes(), Some(row))])).unwrap();
            store.flush().unwrap();
        };
        fill();
        assert_eq!(SledStore::open(&path, 5).unwrap().1, Opened::At(5));
        // The journal ends before what the state claims to reflect.
        assert!(matches!(SledStore::open(&path, 4).unwrap().1, Opened::SetAside(_)));
        fill();
        // Damage of every kind: whatever sled makes of it, it never claims to reflect the journal.
        for file in ["db", "conf"] {
            let length = std::fs::metadata(path.join(file)).unwrap().len() as usize;
            std::fs::write(path.join(file), vec![0x5a; length]).unwrap();
        }
        assert!(!matches!(SledStore::open(&path, 5).unwrap().1, Opened::At(_)));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn rows_are_found_in_order_whatever_was_written_and_removed_before(
            batches in proptest::collection::vec(
                (proptest::prelude::any::<bool>(), proptest::collection::vec(
                    (0u8..120, proptest::option::of(1usize..3_000)), 1..60)),
                1..12,
            ),
            (from, to, limit) in (0u8..120, 0u8..130, 0usize..50),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let (store, _) = SledStore::open(&dir.path().join("state"), 0).unwrap();
            let mut model = std::collections::BTreeMap::new();
            for (spill, batch) in batches {
                let key = |number: u8| vec![b'a' + number / 40, number];
                let rows: Rows = batch.into_iter()
                    .map(|(number, size)| (key(number), size.map(|size| vec![number; size]))).collect();
                for (key, value) in &rows {
                    match value {
                        Some(value) => model.insert(key.clone(), value.clone()),
                        None => model.remove(key),
                    };
                }
                store.write(rows).unwrap();
                if spill {
                    store.spill().unwrap();
                }
            }
            for number in 0..120 {
                let key = [b'a' + number / 40, number];
                proptest::prop_assert_eq!(store.get(&key).unwrap(), model.get(key.as_slice()).cloned());
            }
            let (from, to) = ([b'a' + from / 40, from], [b'a' + to / 40, to]);
            let within = model.iter().filter(|(key, _)| **key >= from.to_vec() && **key < to.to_vec());
            let wanted: Pairs = within.take(limit).map(|(k, v)| (k.clone(), v.clone())).collect();
            proptest::prop_assert_eq!(store.range(&from, &to, limit).unwrap(), wanted);
            let all: Pairs = store.iter().unwrap().map(Result::unwrap).collect();
            proptest::prop_assert_eq!(all, model.into_iter().collect::<Pairs>());
        }
    }
}
