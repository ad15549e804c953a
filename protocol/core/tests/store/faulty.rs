//! A store in memory that outlives its closing, and the ways in which it can be wrong.

use super::suite::Place;
use motcua_core::state::{Batch, Kv, KvWrite, MemKv, Pairs, StoreError};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    EmptyValueIsNone,
    FirstValueStays,
    RemovedStays,
    UpperBoundIncluded,
    SignedBytes,
    NoLimit,
    TurnedBoundsPanic,
    LongValuesCut,
    ForgetsClosed,
    RemovedComesBack,
    TornByCrash,
    HoleByCrash,
    ReadersAsOpened,
    TornBesideReader,
    LongBatchesCut,
}

/// Each fault with the demand that it misses.
pub const FAULTS: [(Fault, &str); 15] = [
    (Fault::EmptyValueIsNone, "a row is what was written last"),
    (Fault::FirstValueStays, "a row is what was written last"),
    (Fault::RemovedStays, "a row is what was written last"),
    (Fault::UpperBoundIncluded, "ranges are half open and in order of bytes"),
    (Fault::SignedBytes, "ranges are half open and in order of bytes"),
    (Fault::NoLimit, "ranges are half open and in order of bytes"),
    (Fault::TurnedBoundsPanic, "ranges are half open and in order of bytes"),
    (Fault::LongValuesCut, "values are whole up to 64 KiB"),
    (Fault::ForgetsClosed, "a closed store opens as it was"),
    (Fault::RemovedComesBack, "a closed store opens as it was"),
    (Fault::TornByCrash, "a crash leaves the first batches, each whole"),
    (Fault::HoleByCrash, "a crash leaves the first batches, each whole"),
    (Fault::ReadersAsOpened, "readers see a batch at once"),
    (Fault::TornBesideReader, "ranges beside the writer show no part of a batch"),
    (Fault::LongBatchesCut, "any order of it all is as in a sorted map"),
];

#[derive(Default)]
struct Inner {
    kv: MemKv,
    /// Before the last batch, and before the one before it.
    before: [MemKv; 2],
    last: Batch,
    removed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Ranges that readers were given.
    read: u64,
    readers: usize,
}

/// Where the store is kept while it is closed.
pub struct Desk {
    fault: Fault,
    inner: Arc<Mutex<Inner>>,
}

impl Desk {
    pub fn new(fault: Fault) -> Self {
        Self { fault, inner: Arc::default() }
    }
}

/// The store, or a reader of it.
pub struct Shared {
    fault: Fault,
    inner: Arc<Mutex<Inner>>,
    /// What a reader sees that does not look again.
    frozen: Option<MemKv>,
    reader: bool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.lock().readers -= usize::from(self.reader);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place for Desk {
    type Store = Shared;
    type Reader = Shared;

    fn open(&self) -> Shared {
        let inner = Arc::clone(&self.inner);
        Shared { fault: self.fault, inner, frozen: None, reader: false }
    }

    fn reader(&self, store: &Shared) -> Shared {
        let mut inner = store.lock();
        inner.readers += 1;
        let frozen = (self.fault == Fault::ReadersAsOpened).then(|| inner.kv.clone());
        Shared { fault: self.fault, inner: Arc::clone(&self.inner), frozen, reader: true }
    }

    fn settle(&self, _: &mut Shared) {}

    fn close(&self, store: Shared) {
        let mut inner = store.lock();
        match self.fault {
            Fault::ForgetsClosed => inner.kv = MemKv::default(),
            Fault::RemovedComesBack => {
                let removed = std::mem::take(&mut inner.removed);
                inner.kv.0.extend(removed);
            }
            _ => {}
        }
    }

    fn crash(&self, store: Shared) {
        let mut inner = store.lock();
        let last = std::mem::take(&mut inner.last);
        match self.fault {
            Fault::TornByCrash => {
                let half = last.len() / 2;
                inner.kv = inner.before[0].clone();
                inner.kv.write(last.into_iter().take(half).collect());
            }
            Fault::HoleByCrash => {
                inner.kv = inner.before[1].clone();
                inner.kv.write(last);
            }
            _ => {}
        }
    }
}

impl KvWrite for Shared {
    fn write_batch(&mut self, mut batch: Batch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.before = [inner.kv.clone(), std::mem::take(&mut inner.before[0])];
        inner.last = batch.clone();
        match self.fault {
            Fault::FirstValueStays => {
                batch.retain(|key, value| value.is_none() || !inner.kv.0.contains_key(key))
            }
            Fault::RemovedStays => batch.retain(|_, value| value.is_some()),
            Fault::LongValuesCut => {
                batch.values_mut().flatten().for_each(|value| value.truncate(32_768))
            }
            Fault::LongBatchesCut => batch = batch.into_iter().take(20).collect(),
            Fault::RemovedComesBack => {
                let gone = batch.iter().filter(|(_, value)| value.is_none());
                let gone = gone.filter_map(|(key, _)| inner.kv.0.get_key_value(key));
                let gone: Vec<_> = gone.map(|(key, value)| (key.clone(), value.clone())).collect();
                inner.removed.extend(gone);
            }
            Fault::TornBesideReader if inner.readers > 0 && batch.len() > 2 => {
                let rest = batch.split_off(&vec![b's', 20]);
                inner.kv.write(batch);
                batch = rest;
                let read = inner.read;
                drop(inner);
                // A reader may come in between here, and is let in.
                for _ in 0..1_000 {
                    if self.lock().read > read {
                        break;
                    }
                    thread::yield_now();
                }
                inner = self.lock();
            }
            _ => {}
        }
        inner.kv.write_batch(batch)
    }
}

impl Kv for Shared {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = match &self.frozen {
            Some(frozen) => frozen.get(key)?,
            None => self.lock().kv.get(key)?,
        };
        let empty = self.fault == Fault::EmptyValueIsNone;
        Ok(found.filter(|value| !empty || !value.is_empty()))
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        let mut inner = self.lock();
        inner.read += u64::from(self.reader);
        let kv = self.frozen.as_ref().unwrap_or(&inner.kv);
        match self.fault {
            Fault::UpperBoundIncluded => kv.range(from, &[to, b"\0"].concat(), limit),
            Fault::NoLimit => kv.range(from, to, usize::MAX),
            Fault::TurnedBoundsPanic => {
                assert!(from <= to, "turned round");
                kv.range(from, to, limit)
            }
            Fault::SignedBytes => {
                let mut pairs = kv.range(from, to, usize::MAX)?;
                pairs
                    .sort_by_key(|(key, _)| key.iter().map(|byte| *byte as i8).collect::<Vec<_>>());
                pairs.truncate(limit);
                Ok(pairs)
            }
            _ => kv.range(from, to, limit),
        }
    }
}
