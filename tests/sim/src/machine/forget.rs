//! Forgetting, as the shell's forgetter does it: out of the state once the own work is with the hub,
//! then out of the files, then word to the hub.

use super::{BASES, Clock, Life, life::Done};
use crate::sabotage::Sabotage;
use motcua_core::{
    id::DossierId,
    record::Record,
    replica::Input,
    state::{
        Key, Kv, history,
        rows::{Author, Purged},
    },
    wire::{DownFrame, ImageFrame},
};
use motcua_journal::{BaseWriter, Fs, JournalError, Lane, Replace};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

impl Life {
    /// One turn of housekeeping: purges, stale dossiers, sealing.
    pub fn keep_house(&mut self, clock: Clock) {
        self.maintain();
        self.fold_stale(clock);
        self.rewrite_on(clock);
        let calm = self.broken.is_none() && !self.has_to_sync() && self.to_apply.is_empty();
        if calm && self.sabotage != Some(Sabotage::NeverPurges) {
            self.leave_state(clock);
            self.leave_files(clock);
        }
    }

    fn leave_state(&mut self, clock: Clock) {
        if self.books.meta().forgetting == 0 {
            return;
        }
        let mut records = Vec::new();
        for (dossier, _) in self.rows(Key::Forgetting(DossierId::ZERO)) {
            if self.own_work_is_with_the_hub(dossier) {
                records.push(Record::Purged { dossier, scans: Vec::new() });
            }
        }
        if !records.is_empty() {
            self.files_due = true;
            self.hand(records, Done::Nobody, clock);
        }
    }

    fn own_work_is_with_the_hub(&self, dossier: DossierId) -> bool {
        let Ok(Some((_, all))) = history::held(&self.books, dossier) else { return true };
        let (log, received) = (self.own.log(), self.received());
        !all.iter().any(|stored| {
            let author: Option<Author> = self.books.row(Key::Author(stored.log));
            author.is_some_and(|author| author.key == self.key.public())
                && stored.log == log
                && stored.sequence > received
        })
    }

    fn leave_files(&mut self, clock: Clock) {
        if !std::mem::take(&mut self.files_due) {
            return;
        }
        let rows = self.rows(Key::Purged(DossierId::ZERO));
        let gone: BTreeMap<DossierId, u64> = rows
            .into_iter()
            .filter_map(|(id, value)| Some((id, postcard::from_bytes::<Purged>(&value).ok()?)))
            .filter(|(_, row)| !row.done)
            .map(|(id, row)| (id, row.position))
            .collect();
        if gone.is_empty() {
            return;
        }
        let dossiers: Vec<DossierId> = gone.keys().copied().collect();
        if self.rewrite_files(gone).is_err() || self.renew().is_err() {
            self.files_due = true;
            return;
        }
        self.hand(vec![Record::PurgeDone { dossiers }], Done::Nobody, clock);
        self.sync_all(clock);
        while self.has_to_apply() {
            self.apply(clock);
        }
        self.input(clock, Input::Purged);
    }

    fn rewrite_files(&mut self, gone: BTreeMap<DossierId, u64>) -> Result<(), JournalError> {
        let replace: Replace = Arc::new(move |record| {
            let before = |id: &DossierId, lsn: u64| gone.get(id).is_some_and(|purge| lsn < *purge);
            let lsn = record.lsn;
            let without = |frame: &[u8]| {
                DownFrame::decode(frame).ok()?.without(|id| before(id, lsn))?.encode().ok()
            };
            let changed = match Record::decode(record.kind, &record.payload).ok()? {
                Record::Images { from, frame } => {
                    let taken = ImageFrame::decode(&frame).ok()?.without(|id| before(&id, lsn))?;
                    Record::Images { from, frame: taken.encode() }
                }
                Record::Down { from, frame } => Record::Down { from, frame: without(&frame)? },
                Record::Refill { from, frame } => Record::Refill { from, frame: without(&frame)? },
                _ => return None,
            };
            Some((changed.kind(), changed.encode()))
        });
        let answer = Arc::new(Mutex::new(None));
        let told = Arc::clone(&answer);
        self.journal.purge(Lane::Others, replace, move |result| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        })?;
        self.journal.maintain()?;
        let result = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or(Err(JournalError::Stopped))
    }

    /// Fresh files for state and base.
    fn renew(&mut self) -> Result<(), JournalError> {
        self.books.state.flush();
        let files = self.fs.list(Path::new(BASES));
        let files = files.map_err(|_| JournalError::Stopped)?;
        if files.is_empty() {
            return Ok(());
        }
        for file in files {
            let removed = self.fs.remove(&Path::new(BASES).join(file));
            removed.map_err(|_| JournalError::Stopped)?;
        }
        self.write_base()
    }

    /// An image of the state beside it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write_base(&mut self) -> Result<(), JournalError> {
        let (fs, owner) = (Arc::new(self.fs.clone()), self.key.public().node_id().0);
        let applied = self.books.meta().applied;
        let mut base = BaseWriter::create(fs, Path::new(BASES), applied, owner, "sim")?;
        for (key, value) in &self.books.state.rows().0 {
            base.put(key, value)?;
        }
        base.finish().map(drop)
    }

    fn rows(&self, first: Key) -> Vec<(DossierId, Vec<u8>)> {
        let from = first.bytes();
        let to = vec![from[0] + 1];
        let rows = self.books.range(&from, &to, 10_000).unwrap_or_default();
        let id = |key: &[u8]| DossierId::from_slice(&key[1..]);
        rows.into_iter().filter_map(|(key, value)| Some((id(&key)?, value))).collect()
    }
}
