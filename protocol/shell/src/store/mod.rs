//! The state in sled: always rebuildable, so opened under a guard, moved aside when it will not
//! open, and written by one thread only. What was written last is held in memory before it goes
//! to sled ([`recent`]), and goes there in blocks ([`blocks`]), many rows by way of a file ([`redo`]).

mod aside;
mod blocks;
#[cfg(test)]
mod conformance;
mod held;
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
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use take::Open;

pub use aside::{KEPT, Why, those_aside};
pub(crate) use aside::{end_rebuild, mark_failed, note_rebuild, noted_rebuild, remove_set_aside};

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
    /// All of it is in memory, whatever stands in the folder; see [`held`].
    held: Arc<AtomicBool>,
}

/// Whether a store can be used.
enum Fit {
    Found(Opened),
    Not(Why),
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
    /// The base of this position was being copied into it when the process ended.
    HalfLoaded(u64),
    /// The disk has no space to open it, whatever it is: it is made again in memory until there is.
    NoSpace,
    /// It would not open, or does not fit the journal, and was moved.
    SetAside {
        /// Where it stands now.
        to: PathBuf,
        /// What was wrong with it.
        why: Why,
    },
}

/// While a base is copied: its position and the layout of its rows. The meta row, which says what the
/// state reflects, comes last.
const LOADING: &[u8] = &[0];

impl SledStore {
    /// Opens the store in `dir`; one that will not open, has another layout, failed when it was in use
    /// last, or reflects more than the journal's `last` record is moved aside and an empty one takes its
    /// place. Where there is no space to open any, an empty one in memory takes it.
    ///
    /// # Errors
    /// [`StoreError`] when not even an empty store can be opened.
    pub fn open(dir: &Path, last: u64) -> Result<(Self, Opened), StoreError> {
        remove_leftovers(dir);
        let existed = dir.exists();
        let trouble = match aside::failed(dir).filter(|_| existed) {
            Some(why) => Why::Failed(why),
            None => {
                match Self::open_patiently(dir).and_then(|store| Ok((store.fits(last)?, store))) {
                    Ok((Fit::Found(opened), store)) => {
                        if existed && last > 0 && opened == Opened::Empty {
                            tracing::warn!(store = %dir.display(), "state store is empty; it is rebuilt");
                        }
                        aside::forget_failure(dir)?;
                        return Ok((store, opened));
                    }
                    Ok((Fit::Not(why), _)) => why,
                    Err(error) => Why::Damaged(error.to_string()),
                }
            }
        };
        if !room::is_room(dir, 0) {
            // Perhaps nothing is wrong with it: sled cannot open where it cannot write.
            tracing::error!(store = %dir.display(), reason = %trouble.en(),
                "no space to open the state store; it is made again in memory; free the disk");
            return Ok((Self::in_memory(dir), Opened::NoSpace));
        }
        let to = aside::set_aside(dir)?;
        aside::forget_failure(dir)?;
        tracing::error!(store = %dir.display(), moved_to = %to.display(), reason = %trouble.en(),
            "state store will not do; it is kept aside and rebuilt from the journal");
        Ok((Self::try_open(dir)?, Opened::SetAside { to, why: trouble }))
    }

    /// Opens what is there, whatever keeps it from opening for a moment.
    fn open_patiently(dir: &Path) -> Result<Self, StoreError> {
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
        opened
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
                    held: Arc::default(),
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
    pub(crate) fn open_again(dir: &Path) -> Result<Self, StoreError> {
        let mut left = REOPENED.0;
        loop {
            match Self::try_open(dir) {
                Err(_) if left > 0 => left -= 1,
                opened => return opened,
            }
            std::thread::sleep(REOPENED.1);
        }
    }

    /// What it reflects, if that can be right.
    fn fits(&self, last: u64) -> Result<Fit, StoreError> {
        let Some(bytes) = self.get(&Key::Meta.bytes())? else {
            return Ok(match self.loading()? {
                Some((position, STATE_LAYOUT)) if position <= last => {
                    Fit::Found(Opened::HalfLoaded(position))
                }
                Some((_, STATE_LAYOUT)) => Fit::Not(Why::AheadOfJournal),
                Some(_) => Fit::Not(Why::OtherLayout),
                None if self.tree()?.is_empty() => Fit::Found(Opened::Empty),
                None => Fit::Not(Why::Damaged("rows without a meta row".into())),
            });
        };
        let meta: Meta =
            postcard::from_bytes(&bytes).map_err(|_| StoreError::Corrupt { what: "meta row" })?;
        Ok(match meta.layout == STATE_LAYOUT {
            false => Fit::Not(Why::OtherLayout),
            true if meta.applied > last => Fit::Not(Why::AheadOfJournal),
            true => Fit::Found(Opened::At(meta.applied)),
        })
    }

    /// Which base is being copied into it, and the layout of that.
    fn loading(&self) -> Result<Option<(u64, u16)>, StoreError> {
        let Some(bytes) = self.get(LOADING)? else { return Ok(None) };
        let row = postcard::from_bytes(&bytes);
        row.map(Some).map_err(|_| StoreError::Corrupt { what: "note of a base being copied" })
    }

    /// The copy of the base of this position begins, or goes on behind the last row that is there.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses.
    pub(crate) fn load(&self, position: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let row = postcard::to_stdvec(&(position, STATE_LAYOUT)).unwrap_or_default();
        self.write(Rows::from([(LOADING.to_vec(), Some(row))]))?;
        let last = self.below()?.map(|tree| tree.last().map_err(backend)).transpose()?.flatten();
        let rows = last.map(|(_, block)| blocks::read(&block)).transpose()?;
        let last = rows.and_then(|rows| rows.into_iter().next_back()).map(|(key, _)| key);
        Ok(last.filter(|key| key != LOADING))
    }

    /// The copy of the base is whole: from here on the state reflects what the meta row says.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses.
    pub(crate) fn loaded(&self, meta: Vec<u8>) -> Result<(), StoreError> {
        // First what came before: the meta row stands in the middle of the keys. What has no room on the
        // disk goes there together with it, all or nothing.
        self.keep()?;
        self.write(Rows::from([(LOADING.to_vec(), None), (Key::Meta.bytes(), Some(meta))]))
    }

    /// Removes everything and begins with empty files.
    ///
    /// # Errors
    /// [`StoreError`]; the store cannot be used then.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        drop(self.recent_mut().take_all());
        self.below()?.map_or(Ok(()), |tree| tree.clear().map_err(backend))
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

    /// Hands on what was written, as [`Self::flush`]; where the disk is full it stays in memory, and
    /// nobody has to wait for that.
    ///
    /// # Errors
    /// [`StoreError`] when sled refuses for another reason.
    pub(crate) fn keep(&self) -> Result<(), StoreError> {
        match self.flush() {
            Err(_) if self.waits_for_room() => Ok(()),
            kept => kept,
        }
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
            copy.settle()?;
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
        let block = self.below()?.map(|tree| block_of(&tree, key)).transpose()?.flatten();
        match block {
            Some((_, block)) => blocks::find(&block, key),
            None => Ok(None),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        // Before sled is asked: what leaves in between is then seen twice, never missed.
        let recent = self.recent();
        let Some(tree) = self.below()? else {
            return recent.range((from, to), limit, std::iter::empty());
        };
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

#[cfg(test)]
mod tests;
