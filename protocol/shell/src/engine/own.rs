//! The own log: one writer at a time gives numbers, the journal makes them true.

use super::{OwnRecords, Pen, StartError, books::Books, mend::Attempt, random, rewrite::Written};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::Entry,
    id::{Hash, LogId, Nonce},
    key::PublicKey,
    record::{Record, RequestKey},
    replica::stranded,
    wire,
};
use motcua_journal::JournalError;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
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
    /// The disk is full. Nothing that was not on it before is.
    #[error(
        "NOT saved: this machine's disk is full. What was saved before is safe and can be read. Tell \
         central IT to free space, then save again; the machine need not be restarted"
    )]
    DiskFull,
    /// The disk refused. Nothing that was not on it before is.
    #[error(
        "NOT saved: this machine's disk refused to write ({0}). What was saved before is safe and can be \
         read. Save again in a moment; if it is refused again, tell central IT"
    )]
    Journal(JournalError),
    /// The machine is shutting down.
    #[error("not saved: the machine is shutting down")]
    Stopping,
}

impl From<JournalError> for SaveError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Stopped => Self::Stopping,
            error if error.is_disk_full() => Self::DiskFull,
            error => Self::Journal(error),
        }
    }
}

impl SaveError {
    /// The same for the clerk, in Vietnamese.
    pub fn vi(&self) -> String {
        match self {
            Self::Limit(error) => format!("KHÔNG lưu được: {error}."),
            Self::DiskFull => {
                "KHÔNG lưu được: ổ đĩa của máy này đã đầy. Hồ sơ đã lưu trước đó vẫn an \
                               toàn và xem được. Hãy báo bộ phận CNTT dọn ổ đĩa rồi lưu lại; không \
                               cần khởi động lại máy."
                    .into()
            }
            Self::Journal(error) => format!(
                "KHÔNG lưu được: ổ đĩa của máy này không ghi được ({error}). Hồ sơ đã lưu trước đó vẫn \
                 an toàn và xem được. Hãy lưu lại sau giây lát; nếu vẫn không được, báo bộ phận CNTT."
            ),
            Self::Stopping => {
                "KHÔNG lưu được: máy đang tắt; hãy lưu lại khi máy đã bật lên.".into()
            }
        }
    }
}

/// Writes the own log.
pub struct OwnWriter {
    key: PublicKey,
    binding: Arc<Mutex<Vec<u8>>>,
    pen: Pen,
    log: Arc<Mutex<OwnLog>>,
    /// Raised whenever a write failed and a new log began: whoever keeps documents in memory drops them then.
    generation: Arc<AtomicU64>,
    /// Something of the log in use was not written.
    lost: Arc<AtomicBool>,
    /// The last of the own entries that is on the disk.
    on_disk: Arc<Mutex<(LogId, u64)>>,
}

impl OwnWriter {
    /// Goes on with the log that the own records end with; the boot nonce, and with it the automerge
    /// actor, is new at every start.
    pub(super) fn new(key: &PublicKey, own: &OwnRecords, pen: Pen, binding: Vec<u8>) -> Self {
        let log = OwnLog::new(*key, own.log, Nonce(random()), own.frontier.clone());
        let on_disk = Arc::new(Mutex::new((own.log, own.frontier.size())));
        Self {
            key: *key,
            binding: Arc::new(Mutex::new(binding)),
            pen,
            log: Arc::new(Mutex::new(log)),
            generation: Arc::default(),
            lost: Arc::default(),
            on_disk,
        }
    }

    /// A log has a hole, or nobody is known to write it: nothing more may stand in it. Blocks.
    pub(super) fn end(&self, log: LogId) -> Result<(), StartError> {
        tracing::error!(%log, "the own log has a hole; work goes on in a new one");
        unless_full(wait(&self.continue_in_new_log(log)))
    }

    /// What stands in the journal behind a hole in the own log is written into a new one. Blocks.
    pub(super) fn rescue(&self, books: &Books) -> Result<(), StartError> {
        let found = stranded(books)?;
        if found.log_is_over {
            self.end(self.log())?;
        }
        if !found.entries.is_empty() {
            let count = found.entries.len();
            tracing::error!(count, "own entries behind a hole in the log are written again");
            unless_full(wait(&self.write_again(&found.entries)))?;
        }
        Ok(())
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
            let note = self.note(log);
            self.pen.write(
                records,
                Box::new(move |result| {
                    note.take(sequence, result.is_ok());
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
        let (note, sequence) = (self.note(own.log()), own.head());
        self.pen.write(
            records,
            Box::new(move |result| {
                note.take(sequence, result.is_ok());
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
        let (note, sequence) = (self.note(log), own.head());
        self.pen.write(
            records,
            Box::new(move |result| {
                note.take(sequence, result.is_ok());
                // As above.
                let _ = told.send(result);
            }),
        );
        answer
    }

    fn lock(&self) -> MutexGuard<'_, OwnLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the mender does: brings the journal back and, if something of the own log was not
    /// written, ends that log. Nobody knows what of it is on the disk, so there is a new log, a new
    /// actor, and everything in memory is forgotten.
    ///
    /// Under the log's lock from beginning to end: an entry that follows one which was not written
    /// must not find the journal healthy again, or the log would have a hole.
    pub(super) fn attempt(&self) -> Attempt {
        let (log, generation) = (Arc::clone(&self.log), Arc::clone(&self.generation));
        let (lost, on_disk) = (Arc::clone(&self.lost), Arc::clone(&self.on_disk));
        let (key, binding, pen) = (self.key, Arc::clone(&self.binding), self.pen.clone());
        Box::new(move || {
            let mut own = log.lock().unwrap_or_else(PoisonError::into_inner);
            pen.recover()?;
            // Everything handed in before has been answered by now.
            if !lost.swap(false, Ordering::AcqRel) {
                return Ok(());
            }
            let (ended, next) = (own.log(), LogId(random()));
            let (continued, head) = *on_disk.lock().unwrap_or_else(PoisonError::into_inner);
            *own = OwnLog::new(key, next, Nonce(random()), Default::default());
            generation.fetch_add(1, Ordering::Release);
            tracing::error!(old = %ended, new = %next, "own log ended, a new one begins");
            let records = vec![
                Record::LogStarted { log: next, continues: Some((continued, head, Hash::ZERO)) },
                Record::Author { log: next, binding: current(&binding), origin: key.node_id() },
            ];
            let note = Note { lost: Arc::clone(&lost), on_disk: Arc::clone(&on_disk), log: next };
            pen.write(records, Box::new(move |result| note.take(0, result.is_ok())));
            Ok(())
        })
    }

    fn note(&self, log: LogId) -> Note {
        Note { lost: Arc::clone(&self.lost), on_disk: Arc::clone(&self.on_disk), log }
    }
}

/// Keeps track of what of the own log is on the disk.
struct Note {
    lost: Arc<AtomicBool>,
    on_disk: Arc<Mutex<(LogId, u64)>>,
    log: LogId,
}

impl Note {
    fn take(&self, sequence: u64, written: bool) {
        match written {
            true => {
                let mut on_disk = self.on_disk.lock().unwrap_or_else(PoisonError::into_inner);
                *on_disk = (self.log, sequence);
            }
            false => self.lost.store(true, Ordering::Release),
        }
    }
}

/// A full disk does not end a start: the mender begins a new log as soon as there is space, and what was
/// to be written again is found again by the next start.
fn unless_full(written: Result<(), StartError>) -> Result<(), StartError> {
    match written {
        Err(StartError::Journal(error)) if error.is_disk_full() => {
            tracing::error!(%error, "the disk is full: the own log is put in order later");
            Ok(())
        }
        written => written,
    }
}

fn wait(answer: &Receiver<Written>) -> Result<(), StartError> {
    answer.recv().unwrap_or(Err(JournalError::Stopped))?;
    Ok(())
}

fn current(binding: &Mutex<Vec<u8>>) -> Vec<u8> {
    binding.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{driver::Driver, engine::queue::Queue};
    use motcua_core::{
        entry::Kind,
        id::{DossierId, PersonId},
        key::SecretKey,
        time::{ClockQuality, Timestamp},
    };
    use motcua_journal::{GroupCommit, Journal, Options, mem::MemFs};
    use std::path::Path;

    /// An own log over a journal whose disk fails when it is told to.
    fn writer(fs: &MemFs) -> (OwnWriter, Pen, motcua_journal::JournalView) {
        let options = Options::seeded([7; 16], 1);
        let (mut journal, _) =
            Journal::open(Arc::new(fs.clone()), Path::new("/journal"), options).unwrap();
        journal.maintain().unwrap();
        let view = journal.view();
        let commit = GroupCommit::start(journal).unwrap();
        let (driver, _signals) = Driver::new();
        let pen = Pen::new(commit, Arc::new(Queue::default()), driver, None);
        let key = SecretKey::from_seed([3; 32]).public();
        let own = OwnWriter::new(&key, &OwnRecords::default(), pen.clone(), vec![1]);
        let (mender, attempt) = (pen.mender().clone(), own.attempt());
        std::thread::spawn(move || mender.run(&attempt));
        (own, pen, view)
    }

    async fn save(own: &OwnWriter) -> Result<Saved, SaveError> {
        own.write(None, |_| {
            let draft = Draft {
                kind: Kind::Decision,
                doc_type: motcua_core::entry::DocType::Dossier,
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
        let fs = MemFs::new();
        let (own, pen, view) = writer(&fs);
        save(&own).await.unwrap();
        let first = own.log();
        let mended = pen.mender().count();
        // The write fails, and so does the header of the segment that was to go on behind it.
        fs.fail_write(1);
        fs.fail_sync(1, 7);
        save(&own).await.unwrap_err();
        // A frame from the hub comes meanwhile; it is written or not.
        let (told, answer) = oneshot::channel();
        let told = Box::new(|stored| told.send(stored).unwrap());
        crate::driver::Scribe::submit(&pen, vec![Record::Lease(vec![1])], told);
        answer.await.unwrap();
        assert!(pen.mender().wait_after(mended));
        let saved = save(&own).await.unwrap();
        assert_ne!(saved.log, first, "the log has a hole: nothing more may stand in it");
        let (entries, begun) = written(&view);
        assert_eq!(entries, [(first, 1), (saved.log, 1)]);
        assert_eq!(begun, [saved.log]);
        pen.stop();
    }
}
