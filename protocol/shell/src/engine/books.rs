//! Journal and state as one thing to read from.

use super::recover::unless_damaged;
use crate::store::SledStore;
use motcua_core::{
    id::{DossierId, LogId},
    record::Record,
    replica::Store,
    state::{
        Key, Kv, Pairs, StoreError,
        history::{self, Stored},
        rows::{self, Dossier},
    },
    wire::{Image, ImageFrame},
};
use motcua_journal::{JournalView, Record as JournalRecord};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Read side of a replica: its state, and the journal's records by position. Cheap to clone.
#[derive(Clone)]
pub struct Books {
    /// State.
    pub state: SledStore,
    /// Journal.
    pub journal: JournalView,
    /// Records read ahead: who reads one usually reads those behind it, and a sealed segment is
    /// unpacked a quarter of a megabyte at a time.
    ahead: Arc<Mutex<BTreeMap<u64, JournalRecord>>>,
}

/// Records read ahead at once.
const AHEAD: usize = 1_024;

impl Books {
    /// State and journal of one replica.
    pub fn new(state: SledStore, journal: JournalView) -> Self {
        Self { state, journal, ahead: Arc::default() }
    }

    /// Reads a typed row of the state.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails or the row is unreadable.
    pub fn row<R: DeserializeOwned>(&self, key: Key) -> Result<Option<R>, StoreError> {
        let what = key.what();
        match self.state.get(&key.bytes())? {
            None => Ok(None),
            Some(bytes) => {
                postcard::from_bytes(&bytes).map(Some).map_err(|_| StoreError::Corrupt { what })
            }
        }
    }
}

impl Books {
    /// Logs with an author row, in order of id.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub fn logs(&self) -> Result<Vec<LogId>, StoreError> {
        const MOST: usize = 100_000;
        let (from, to) = (Key::Log(LogId::ZERO).bytes(), Key::Log(LogId([0xff; 16])).bytes());
        let rows = self.state.range(&from, &to, MOST)?;
        Ok(rows.iter().filter_map(|(key, _)| LogId::from_slice(&key[1..])).collect())
    }

    /// Dossiers after one, in order of id.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails or a row is unreadable.
    pub fn dossiers(
        &self,
        after: Option<DossierId>,
        limit: usize,
    ) -> Result<Vec<(DossierId, Dossier)>, StoreError> {
        let from = match after {
            None => Key::Dossier(DossierId::ZERO).bytes(),
            Some(id) => [Key::Dossier(id).bytes(), vec![0]].concat(),
        };
        let to = [Key::Dossier(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let rows = self.state.range(&from, &to, limit)?;
        let corrupt = || StoreError::Corrupt { what: "dossier row" };
        rows.into_iter()
            .map(|(key, value)| {
                let id = DossierId::from_slice(&key[1..]).ok_or_else(corrupt)?;
                Ok((id, postcard::from_bytes(&value).map_err(|_| corrupt())?))
            })
            .collect()
    }

    /// Row and history of a dossier; `None` if it is not held.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails or a row is unreadable.
    pub fn dossier(&self, id: DossierId) -> Result<Option<(Dossier, Vec<Stored>)>, StoreError> {
        history::held(&self.state, id)
    }

    /// What the hub said of a dossier whose history has not come; `None` once it has, and for what
    /// is not known at all.
    ///
    /// # Errors
    /// [`StoreError`] when state or journal cannot be read.
    pub fn image(&self, id: DossierId) -> Result<Option<Image>, StoreError> {
        let Some(row) = self.row::<rows::Image>(Key::Image(id))? else { return Ok(None) };
        let Some(Record::Images { frame, .. }) = self.record(row.record)? else {
            return Ok(None);
        };
        let corrupt = |_| StoreError::Corrupt { what: "image frame" };
        let frame = ImageFrame::decode(&frame).map_err(corrupt)?;
        let image = frame.images.into_iter().nth(row.at as usize);
        Ok(image.filter(|image| image.dossier == id))
    }
}

impl Kv for Books {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.state.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        self.state.range(from, to, limit)
    }
}

impl Store for Books {
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if !ahead.contains_key(&position) {
            ahead.clear();
            for raw in self.journal.iter_from(position).take(AHEAD) {
                let raw = unless_damaged(raw);
                // What is damaged is not there; it takes nothing with it that was read ahead.
                let raw = raw.map_err(|error| StoreError::Backend(error.to_string()))?;
                ahead.extend(raw.map(|raw| (raw.lsn, raw)));
            }
        }
        let found = ahead.get(&position);
        found.map(|raw| decode(raw.kind, &raw.payload)).transpose()
    }
}

/// A journal record as the core knows it.
pub(super) fn decode(kind: u8, payload: &[u8]) -> Result<Record, StoreError> {
    Record::decode(kind, payload).map_err(|error| StoreError::Backend(error.to_string()))
}
