//! The own log: one writer at a time gives numbers, the journal makes them true.

use super::{OwnRecords, Pen, random, rewrite::Written};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::Entry,
    id::{Hash, LogId, Nonce},
    key::PublicKey,
    record::{Record, RequestKey},
    wire,
};
use motcua_journal::JournalError;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
    mpsc::{Receiver, channel},
};
use tokio::sync::oneshot;

/// An entry that is on this machine's disk.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Journal position of the entry.
    pub position: u64,
    /// Own log.
    pub log: LogId,
    /// Sequence in it.
    pub sequence: u64,
    /// The entry.
    pub entry: Entry,
}

/// Why something was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It breaks a limit.
    #[error("not saved: {0}")]
    Limit(#[from] motcua_core::entry::HeaderError),
    /// The disk refused. Nothing that was not on it before is.
    #[error("not saved: {0}")]
    Journal(#[from] JournalError),
    /// The machine is shutting down.
    #[error("not saved: the machine is shutting down")]
    Stopping,
}

/// Writes the own log.
pub struct OwnWriter {
    key: PublicKey,
    binding: Arc<Mutex<Vec<u8>>>,
    pen: Pen,
    log: Arc<Mutex<OwnLog>>,
    /// Raised whenever a write failed and a new log began: whoever keeps documents in memory drops them then.
    generation: Arc<AtomicU64>,
}

impl OwnWriter {
    /// Goes on with the log that the own records end with; the boot nonce, and with it the automerge
    /// actor, is new at every start.
    pub(super) fn new(key: &PublicKey, own: &OwnRecords, pen: Pen, binding: Vec<u8>) -> Self {
        let log = OwnLog::new(*key, own.log, Nonce(random()), own.frontier.clone());
        Self {
            key: *key,
            binding: Arc::new(Mutex::new(binding)),
            pen,
            log: Arc::new(Mutex::new(log)),
            generation: Arc::default(),
        }
    }

    /// Device key that signs it.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The machine was bound anew: what logs begin with from now on.
    pub(super) fn bound(&self, binding: Vec<u8>) {
        *self.binding.lock().unwrap_or_else(PoisonError::into_inner) = binding;
    }

    /// Own log in use.
    pub fn log(&self) -> LogId {
        self.lock().log()
    }

    /// Entries in it, those on their way to the disk included.
    pub fn head(&self) -> u64 {
        self.lock().head()
    }

    /// Changes whenever documents kept in memory may hold what never reached the disk.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Writes one entry, with records that must be on disk before it, and waits for the disk.
    /// `make` builds the draft under the log's actor; it must be quick, other saves wait.
    ///
    /// # Errors
    /// What `make` refuses, or [`SaveError`] turned into its error.
    pub async fn write<E: From<SaveError>>(
        &self,
        request: Option<RequestKey>,
        make: impl FnOnce(&mut OwnLog) -> Result<(Draft, Vec<Record>), E>,
    ) -> Result<Saved, E> {
        let (told, answer) = oneshot::channel();
        let (log, sequence, entry) = {
            let mut own = self.lock();
            let (draft, mut records) = make(&mut own)?;
            let (sequence, entry) = own.append(draft).map_err(SaveError::from)?;
            let log = own.log();
            let stored = wire::encode_entry(&entry);
            records.push(Record::Own { log, sequence, request, entry: stored });
            let failed = self.on_failure(log);
            self.pen.write(
                records,
                Box::new(move |result| {
                    if result.is_err() {
                        failed();
                    }
                    let _ = told.send(result);
                }),
            );
            (log, sequence, entry)
        };
        let positions = answer.await.map_err(|_| SaveError::Stopping)?.map_err(SaveError::from)?;
        let position = positions.last().copied().unwrap_or_default();
        Ok(Saved { position, log, sequence, entry })
    }

    /// Ends the log in use, if it is still that one, and goes on in a new one; answered when what
    /// was handed in before, and the beginning of the new log, are on disk.
    pub(super) fn continue_in_new_log(&self, ended: LogId) -> Receiver<Written> {
        let (told, answer) = channel();
        let mut own = self.lock();
        let mut records = Vec::new();
        if own.log() == ended {
            let next = LogId(random());
            let continues = Some((ended, own.head(), Hash::ZERO));
            // Documents in memory stay: all that they hold is on disk, or on its way there.
            *own = OwnLog::new(self.key, next, Nonce(random()), Default::default());
            let (binding, origin) = (current(&self.binding), self.key.node_id());
            records.push(Record::LogStarted { log: next, continues });
            records.push(Record::Author { log: next, binding, origin });
        }
        self.pen.write(
            records,
            Box::new(move |result| {
                // Whoever waited may have ended with the process; the log has begun.
                let _ = told.send(result);
            }),
        );
        answer
    }

    /// Entries of an ended log once more, in the log in use.
    pub(super) fn write_again(&self, entries: &[Entry]) -> Receiver<Written> {
        let (told, answer) = channel();
        let mut own = self.lock();
        let log = own.log();
        let records = entries.iter().map(|entry| {
            let sequence = own.append_again(entry);
            Record::Own { log, sequence, request: None, entry: wire::encode_entry(entry) }
        });
        let records: Vec<Record> = records.collect();
        let failed = self.on_failure(log);
        self.pen.write(
            records,
            Box::new(move |result| {
                if result.is_err() {
                    failed();
                }
                // As above.
                let _ = told.send(result);
            }),
        );
        answer
    }

    fn lock(&self) -> MutexGuard<'_, OwnLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a failed append nobody knows what of this log is on the disk, so it ends: a new log,
    /// a new actor, and everything in memory is forgotten. Done once for all saves that failed
    /// together.
    fn on_failure(&self, ended: LogId) -> impl FnOnce() + Send + 'static {
        let (log, generation) = (Arc::clone(&self.log), Arc::clone(&self.generation));
        let (key, binding, pen) = (self.key, Arc::clone(&self.binding), self.pen.clone());
        let writer = pen.clone();
        let begin = move || {
            let mut own = log.lock().unwrap_or_else(PoisonError::into_inner);
            if own.log() != ended {
                return;
            }
            let next = LogId(random());
            let continues = Some((own.log(), own.head(), Hash::ZERO));
            *own = OwnLog::new(key, next, Nonce(random()), Default::default());
            generation.fetch_add(1, Ordering::Release);
            tracing::error!(old = %ended, new = %next, "own log ended, a new one begins");
            let records = vec![
                Record::LogStarted { log: next, continues },
                Record::Author { log: next, binding: current(&binding), origin: key.node_id() },
            ];
            writer.write(records, Box::new(drop));
        };
        move || pen.recover(begin)
    }
}

fn current(binding: &Mutex<Vec<u8>>) -> Vec<u8> {
    binding.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
