//! The own log: one writer at a time gives numbers, the journal makes them true.

use super::{Pen, StartError, books::Books, random, rewrite::Written};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::Entry,
    id::{Hash, LogId, Nonce},
    key::PublicKey,
    record::{Record, RequestKey},
    replica::stranded,
    state::{
        Key,
        rows::{self, Meta},
    },
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
    pen: Pen,
    state: Arc<State>,
}

/// The own log, and what is needed to end it and begin another.
struct State {
    key: PublicKey,
    binding: Mutex<Vec<u8>>,
    log: Mutex<OwnLog>,
    /// A log of which numbers were given that did not get to the disk: nothing more is written into
    /// it. Set by the journal's thread, which never waits for the log itself.
    lost: Mutex<Option<LogId>>,
    /// Raised whenever a write failed and a new log began: whoever keeps documents in memory drops them then.
    generation: AtomicU64,
}

impl OwnWriter {
    /// Goes on with the log that the state names; the boot nonce, and with it the automerge
    /// actor, is new at every start.
    pub(super) fn start(
        key: &PublicKey,
        books: &Books,
        pen: Pen,
        binding: Vec<u8>,
    ) -> Result<Self, StartError> {
        let meta: Meta = books.row(Key::Meta)?.unwrap_or_default();
        let row: Option<rows::Log> = books.row(Key::Log(meta.own_log))?;
        let frontier = row.map(|row| row.frontier).unwrap_or_default();
        let log = OwnLog::new(*key, meta.own_log, Nonce(random()), frontier);
        let state = Arc::new(State {
            key: *key,
            binding: Mutex::new(binding),
            log: Mutex::new(log),
            lost: Mutex::default(),
            generation: AtomicU64::default(),
        });
        let going_on = Arc::clone(&state);
        pen.goes_on_by(Box::new(move |pen| going_on.go_on(pen)));
        Ok(Self { key: *key, pen, state })
    }

    /// What stands in the journal behind a hole in the own log is written into a new one. Blocks.
    pub(super) fn rescue(&self, books: &Books) -> Result<(), StartError> {
        let found = stranded(books)?;
        if found.log_is_over {
            let ended = self.log();
            tracing::error!(log = %ended, "the own log has a hole; work goes on in a new one");
            self.wait(&self.continue_in_new_log(ended))?;
        }
        if !found.entries.is_empty() {
            let count = found.entries.len();
            tracing::error!(count, "own entries behind a hole in the log are written again");
            self.wait(&self.write_again(&found.entries))?;
        }
        Ok(())
    }

    fn wait(&self, answer: &Receiver<Written>) -> Result<(), StartError> {
        answer.recv().unwrap_or(Err(JournalError::Stopped))?;
        Ok(())
    }

    /// Device key that signs it.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The machine was bound anew: what logs begin with from now on.
    pub(super) fn bound(&self, binding: Vec<u8>) {
        *lock(&self.state.binding) = binding;
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
        self.state.generation.load(Ordering::Acquire)
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
            let (binding, origin) = (lock(&self.state.binding).clone(), self.key.node_id());
            records.push(Record::LogStarted { log: next, continues });
            records.push(Record::Author { log: next, binding, origin });
        }
        let failed = self.on_failure(own.log());
        self.pen.write(
            records,
            Box::new(move |result| {
                if result.is_err() {
                    failed();
                }
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
        lock(&self.state.log)
    }

    /// After a failed append nobody knows what of this log is on the disk, so it ends.
    fn on_failure(&self, ended: LogId) -> impl FnOnce() + Send + 'static {
        let (state, pen) = (Arc::clone(&self.state), self.pen.clone());
        move || {
            *lock(&state.lost) = Some(ended);
            pen.recover();
        }
    }
}

impl State {
    /// The journal goes on, whoever's write it was that failed; if numbers of the own log were lost,
    /// in a new log, with a new actor, and everything in memory is forgotten. The log is held
    /// meanwhile: nothing gets into the old one behind the numbers that were lost.
    fn go_on(self: &Arc<Self>, pen: &Pen) {
        let mut own = lock(&self.log);
        if !pen.go_on() {
            // The next write that fails tries again.
            return;
        }
        let lost = lock(&self.lost).take();
        if lost != Some(own.log()) {
            return;
        }
        let (ended, next) = (own.log(), LogId(random()));
        let continues = Some((ended, own.head(), Hash::ZERO));
        *own = OwnLog::new(self.key, next, Nonce(random()), Default::default());
        self.generation.fetch_add(1, Ordering::Release);
        tracing::error!(old = %ended, new = %next, "own log ended, a new one begins");
        let (binding, origin) = (lock(&self.binding).clone(), self.key.node_id());
        let records = vec![
            Record::LogStarted { log: next, continues },
            Record::Author { log: next, binding, origin },
        ];
        let (state, again) = (Arc::clone(self), pen.clone());
        pen.write(
            records,
            Box::new(move |result| match result {
                Ok(_) | Err(JournalError::Stopped) => {}
                // It never began: nothing may be written into it either.
                Err(_) => {
                    *lock(&state.lost) = Some(next);
                    again.recover();
                }
            }),
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{driver::Driver, engine::queue::Queue, store::SledStore};
    use motcua_core::{
        entry::Kind,
        id::{DossierId, PersonId},
        key::SecretKey,
        time::{ClockQuality, Timestamp},
    };
    use motcua_journal::{GroupCommit, Journal, Options, mem::MemFs};
    use std::path::Path;

    /// An own log over a journal whose disk fails when it is told to.
    fn writer(fs: &MemFs, dir: &Path) -> (OwnWriter, Pen, motcua_journal::JournalView) {
        let options = Options::seeded([7; 16], 1);
        let (mut journal, _) =
            Journal::open(Arc::new(fs.clone()), Path::new("/journal"), options).unwrap();
        journal.maintain().unwrap();
        let view = journal.view();
        let (state, _) = SledStore::open(dir, 0).unwrap();
        let books = Books::new(state, view.clone());
        let commit = GroupCommit::start(journal).unwrap();
        let (driver, _signals) = Driver::new();
        let pen = Pen::new(commit, Arc::new(Queue::default()), driver, None);
        let key = SecretKey::from_seed([3; 32]).public();
        let own = OwnWriter::start(&key, &books, pen.clone(), vec![1]).unwrap();
        (own, pen, view)
    }

    async fn save(own: &OwnWriter) -> Result<Saved, SaveError> {
        own.write(None, |_| {
            let draft = Draft {
                kind: Kind::Decision,
                dossier: DossierId([9; 16]),
                person: PersonId([1; 16]),
                claimed_at: Timestamp(1),
                clock: ClockQuality::Unproven,
                schema: 0,
                op_count: 0,
                change_hash: Hash::ZERO,
                deps: vec![],
                audience: vec![],
                creation: None,
                payload: vec![1],
            };
            Ok::<_, SaveError>((draft, vec![]))
        })
        .await
    }

    /// Sequences of own entries in the journal, by log, and logs that were begun.
    fn written(view: &motcua_journal::JournalView) -> (Vec<(LogId, u64)>, Vec<LogId>) {
        let (mut entries, mut begun) = (Vec::new(), Vec::new());
        for raw in view.iter_from(1) {
            let raw = raw.unwrap();
            match Record::decode(raw.kind, &raw.payload).unwrap() {
                Record::Own { log, sequence, .. } => entries.push((log, sequence)),
                Record::LogStarted { log, .. } => begun.push(log),
                _ => {}
            }
        }
        (entries, begun)
    }

    #[tokio::test]
    async fn a_log_of_which_numbers_were_lost_ends_whoever_gets_the_journal_to_go_on() {
        let (fs, dir) = (MemFs::new(), tempfile::tempdir().unwrap());
        let (own, pen, view) = writer(&fs, dir.path());
        save(&own).await.unwrap();
        let first = own.log();
        // The write fails, and so does the header of the segment that was to go on behind it.
        fs.fail_write(1);
        fs.fail_sync(1, 7);
        save(&own).await.unwrap_err();
        // A frame from the hub is written: it fails, and its failure gets the journal to go on.
        for _ in 0..200 {
            if !written(&view).1.is_empty() {
                break;
            }
            let (told, answer) = oneshot::channel();
            let lease = Record::Lease(vec![1]);
            let told = Box::new(|stored| told.send(stored).unwrap());
            crate::driver::Scribe::submit(&pen, vec![lease], told);
            answer.await.unwrap();
            tokio::task::yield_now().await;
        }
        let saved = save(&own).await.unwrap();
        assert_ne!(saved.log, first, "the log has a hole: nothing more may stand in it");
        let (entries, begun) = written(&view);
        assert_eq!(entries, [(first, 1), (saved.log, 1)]);
        assert_eq!(begun, [saved.log]);
        pen.stop();
    }
}
