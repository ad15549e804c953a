//! Scans on the other disk, in a vault like the machine's own: those that the hub lacks, then all
//! others while there is room. Only a copy that was read whole since the disk was put in counts.

use super::job::{Item, Job, Went, What};
use crate::scans::Vault;
use motcua_core::{
    id::Hash,
    replica::ScanTrouble,
    state::{
        Key, Kv, ScanTable, StoreError,
        rows::{Scan, ScanCounts},
    },
    time::Instant,
};
use motcua_journal::Fs;
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

/// Free bytes below which no scan is copied: they belong to the log, whose year has a few MB.
pub(super) const RESERVE: u64 = 64 * 1024 * 1024;
/// How often all books are gone through, in milliseconds; what the counters tell is seen at once.
const AGAIN: u64 = 10_000;
/// How often every copy is read, in milliseconds: sectors go bad in months, not hours.
const EVERY: u64 = 7 * 24 * 3_600_000;
/// Rows read at once.
pub(super) const PAGE: usize = 256;

/// What the shelf is told of the machine.
pub(super) struct Machine<'a, K> {
    /// The machine's own scans.
    pub(super) vault: &'a Vault,
    pub(super) books: &'a K,
    pub(super) now: Instant,
    /// Free bytes on the other disk; unknown is enough, the disk will say.
    pub(super) free: &'a dyn Fn() -> Option<u64>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nothing.
    Idle,
    /// Something that may take its time.
    Gently,
    /// A scan that nobody else has.
    Now,
}

/// What came of one step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stepped {
    pub(super) pace: Pace,
    /// A file of the machine that is not what the books say.
    pub(super) damaged: Option<Hash>,
    /// A scan that stands whole in the machine's vault again; the books are to say so.
    pub(super) returned: Option<(Hash, u64)>,
}

/// Why a step came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShelfError {
    #[error(transparent)]
    Books(#[from] StoreError),
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// Scans on the other disk.
pub(super) struct Shelf {
    pub(super) vault: Vault,
    /// Read whole since the disk was put in, with the round in which they were read last.
    held: BTreeMap<Hash, u32>,
    /// Of those, what the hub lacks.
    safe: Arc<BTreeSet<Hash>>,
    round: u32,
    round_began: Instant,
    job: Option<Job>,
    stage: Stage,
    walked: Instant,
    counts: ScanCounts,
    /// What the hub lacks, as far as this walk has come.
    seen: BTreeSet<Hash>,
    /// Not looked at again before the books are gone through anew.
    later: BTreeSet<Hash>,
    /// Scans that the hub lacks and for which there is no room, with their bytes.
    no_room: BTreeMap<Hash, u64>,
    /// Copies that proved bad and were not told yet.
    bad: u64,
}

/// Which part of the books is gone through; with the place in it.
enum Stage {
    Purged,
    Damaged(Vec<u8>),
    Unsent(Vec<u8>),
    Others(Vec<u8>),
    Done,
}

pub(super) fn first(table: ScanTable) -> Vec<u8> {
    Key::Scan(table, Hash::ZERO).bytes()
}

impl Shelf {
    /// Opens the vault on the other disk; nothing counts yet.
    pub(super) fn open(fs: Arc<dyn Fs>, dir: &Path, now: Instant) -> io::Result<Self> {
        Ok(Self {
            vault: Vault::open(fs, &dir.join(super::SCANS))?,
            held: BTreeMap::new(),
            safe: Arc::default(),
            round: 0,
            round_began: now,
            job: None,
            stage: Stage::Purged,
            walked: now,
            counts: ScanCounts::default(),
            seen: BTreeSet::new(),
            later: BTreeSet::new(),
            no_room: BTreeMap::new(),
            bad: 0,
        })
    }

    /// Scans that the hub lacks and whose copy is good.
    pub(super) fn safe(&self) -> Arc<BTreeSet<Hash>> {
        Arc::clone(&self.safe)
    }

    /// Scans that the hub lacks and for which there is no room, and their bytes.
    pub(super) fn no_room(&self) -> (u64, u64) {
        (self.no_room.len() as u64, self.no_room.values().sum())
    }

    /// Copies that proved bad since this was asked last.
    pub(super) fn take_bad(&mut self) -> u64 {
        std::mem::take(&mut self.bad)
    }

    /// A little work: one stretch of one scan.
    pub(super) fn step(&mut self, machine: &Machine<'_, impl Kv>) -> Result<Stepped, ShelfError> {
        let mut stepped = Stepped { pace: Pace::Idle, damaged: None, returned: None };
        self.begin_anew_if_due(machine)?;
        if self.job.is_none() {
            self.job = self.choose(machine, &mut stepped)?;
        }
        let Some(job) = &mut self.job else { return Ok(stepped) };
        stepped.pace = if job.item.unsent { Pace::Now } else { Pace::Gently };
        let (item, went) = (job.item, job.step());
        if let Went::On = went {
            return Ok(stepped);
        }
        self.job = None;
        match (went, item.what) {
            (Went::Done, What::Check) => {
                self.held.insert(item.hash, self.round);
                self.no_room.remove(&item.hash);
                if item.unsent {
                    self.count_safe(item.hash);
                }
            }
            // Written is not read: it counts when its bytes came back.
            (Went::Done, What::Copy) => {
                let check = Item { what: What::Check, fresh: true, ..item };
                match Job::begin(check, machine.vault, &self.vault) {
                    Ok(job) => self.job = Some(job),
                    Err(went) => self.ended(check, went, &mut stepped)?,
                }
            }
            (Went::Done, What::Back) => {
                self.later.insert(item.hash);
                stepped.returned = Some((item.hash, item.size));
            }
            (went, _) => self.ended(item, went, &mut stepped)?,
        }
        Ok(stepped)
    }

    fn count_safe(&mut self, hash: Hash) {
        if !self.safe.contains(&hash) {
            Arc::make_mut(&mut self.safe).insert(hash);
        }
    }

    /// The books are gone through when their counters have changed, and now and then.
    fn begin_anew_if_due(&mut self, machine: &Machine<'_, impl Kv>) -> Result<(), ShelfError> {
        let counts: ScanCounts =
            row(machine.books, Key::Scan(ScanTable::Counts, Hash::ZERO))?.unwrap_or_default();
        let due = machine.now.since(self.walked) >= AGAIN;
        if due {
            self.walked = machine.now;
            self.later.clear();
        }
        if counts != self.counts && self.job.as_ref().is_some_and(|job| !job.item.unsent) {
            // What nobody else has goes before what is only looked at.
            self.job = None;
        }
        if due || counts != self.counts {
            self.counts = counts;
            self.stage = Stage::Purged;
        }
        if machine.now.since(self.round_began) >= EVERY {
            (self.round, self.round_began) = (self.round + 1, machine.now);
        }
        Ok(())
    }

    /// The next scan that something is to be done with.
    fn choose(
        &mut self,
        machine: &Machine<'_, impl Kv>,
        stepped: &mut Stepped,
    ) -> Result<Option<Job>, ShelfError> {
        loop {
            let (table, from) = match &self.stage {
                Stage::Purged => {
                    self.forget(machine.books)?;
                    self.stage = Stage::Damaged(first(ScanTable::Damaged));
                    continue;
                }
                Stage::Damaged(from) => (ScanTable::Damaged, from.clone()),
                Stage::Unsent(from) => (ScanTable::ToGo, from.clone()),
                Stage::Others(from) => (ScanTable::Files, from.clone()),
                Stage::Done => return Ok(None),
            };
            let to = [Key::Scan(table, Hash([0xff; 32])).bytes(), vec![0]].concat();
            let page = machine.books.range(&from, &to, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                let next = [key.as_slice(), &[0]].concat();
                match &mut self.stage {
                    Stage::Damaged(from) | Stage::Unsent(from) | Stage::Others(from) => {
                        *from = next;
                    }
                    Stage::Purged | Stage::Done => {}
                }
                let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
                let job = self.look_at(hash, table, machine, stepped)?;
                if job.is_some() || stepped.damaged.is_some() {
                    return Ok(job);
                }
            }
            if !full {
                self.next_stage();
            }
        }
    }

    fn next_stage(&mut self) {
        self.stage = match self.stage {
            Stage::Purged => Stage::Damaged(first(ScanTable::Damaged)),
            Stage::Damaged(_) => {
                self.seen.clear();
                Stage::Unsent(first(ScanTable::ToGo))
            }
            Stage::Unsent(_) => {
                let seen = std::mem::take(&mut self.seen);
                self.no_room.retain(|hash, _| seen.contains(hash));
                if self.safe.iter().any(|hash| !seen.contains(hash)) {
                    Arc::make_mut(&mut self.safe).retain(|hash| seen.contains(hash));
                }
                Stage::Others(first(ScanTable::Files))
            }
            Stage::Others(_) | Stage::Done => Stage::Done,
        };
    }

    fn look_at(
        &mut self,
        hash: Hash,
        table: ScanTable,
        machine: &Machine<'_, impl Kv>,
        stepped: &mut Stepped,
    ) -> Result<Option<Job>, ShelfError> {
        let known: Option<Scan> = row(machine.books, Key::Scan(ScanTable::Files, hash))?;
        let Some(known) = known else { return Ok(None) };
        let unsent = known.here && !known.above;
        let read = self.held.get(&hash).copied();
        if unsent {
            self.seen.insert(hash);
            if read.is_some() {
                self.count_safe(hash);
            }
        }
        if self.later.contains(&hash) || (read == Some(self.round) && known.here) {
            return Ok(None);
        }
        let there = self.vault.length(hash)? == Some(known.size);
        let what = match (known.here, there) {
            (true, true) => What::Check,
            (true, false) => What::Copy,
            (false, true) if table == ScanTable::Damaged => What::Back,
            (false, _) => return Ok(None),
        };
        let item = Item { what, hash, size: known.size, unsent, fresh: false };
        if what == What::Copy {
            // Whatever lies there under its name is not it.
            self.lose(hash)?;
            if !self.make_room(known.size, unsent, machine)? {
                self.set_back(item);
                return Ok(None);
            }
        }
        match Job::begin(item, machine.vault, &self.vault) {
            Ok(job) => Ok(Some(job)),
            Err(went) => self.ended(item, went, stepped).map(|()| None),
        }
    }

    /// Something came to nothing.
    fn ended(&mut self, item: Item, went: Went, stepped: &mut Stepped) -> Result<(), ShelfError> {
        let hash = item.hash;
        match (went, item.what) {
            // The copy is bad, or its sectors cannot be read: it is made anew.
            (Went::Bad(_), What::Check) => {
                tracing::warn!(scan = %hash, "the second copy of a scan is damaged");
                self.bad += 1;
                self.lose(hash)?;
                if item.fresh {
                    // A disk that keeps nothing is not written at full speed for ever.
                    self.later.insert(hash);
                }
                self.stage = Stage::Purged;
            }
            (Went::Bad(ScanTrouble::Damaged), What::Copy) => {
                self.later.insert(hash);
                stepped.damaged = Some(hash);
            }
            (Went::Refused(error), What::Copy) if is_full(&error) => self.set_back(item),
            (Went::Refused(error), What::Check | What::Copy) => return Err(error.into()),
            // The disk here refused, or the copy is no help: nothing is lost by waiting.
            (Went::Bad(_) | Went::Refused(_) | Went::On | Went::Done, _) => {
                self.later.insert(hash);
            }
        }
        Ok(())
    }

    /// No copy of it is there any more.
    pub(super) fn lose(&mut self, hash: Hash) -> io::Result<()> {
        self.held.remove(&hash);
        if self.safe.contains(&hash) {
            Arc::make_mut(&mut self.safe).remove(&hash);
        }
        self.vault.remove(hash)
    }

    fn set_back(&mut self, item: Item) {
        self.later.insert(item.hash);
        if item.unsent {
            self.no_room.insert(item.hash, item.size);
        }
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn row<R: DeserializeOwned>(books: &impl Kv, key: Key) -> Result<Option<R>, StoreError> {
    let what = key.what();
    match books.get(&key.bytes())? {
        None => Ok(None),
        Some(bytes) => {
            postcard::from_bytes(&bytes).map(Some).map_err(|_| StoreError::Corrupt { what })
        }
    }
}
