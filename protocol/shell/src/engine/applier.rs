//! The applier: one thread that folds what the journal holds into the state, behind every
//! acknowledgement.

use super::{Changed, books::Books, pen::Pen};
use crate::driver::{Driver, Signal};
use motcua_core::{
    ledger::{Applied, Content, Decisions, Ledger},
    record::{Exception, Record},
    state::StoreError,
};
use motcua_journal::{BaseWriter, RealFs};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, channel},
    },
};
use tokio::sync::watch;

/// Payload bytes taken into one batch: enough that a catch-up of many small changes is applied
/// dossier by dossier, little enough to fit the memory of a mini-PC.
const BATCH_BYTES: usize = 24 * 1024 * 1024;
/// Records in one batch.
const BATCH_RECORDS: usize = 20_000;

/// What the applier is given, in journal order.
pub(super) enum Job {
    /// A record and its place in the journal.
    Record(u64, Record),
    /// Nothing follows.
    Stop,
}

/// What the world may know of the applier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The state reflects the journal up to this position.
    At(u64),
    /// The state cannot be read or written; it must be rebuilt.
    Broken(String),
}

pub(super) struct Applier<C> {
    pub(super) ledger: Ledger<C>,
    pub(super) books: Books,
    pub(super) known: Decisions,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) waiting: Arc<AtomicU64>,
    pub(super) changed: Changed,
    /// Where bases are written, and which machine they belong to.
    pub(super) bases: Bases,
    /// Exceptions found while catching up, not recorded yet.
    pub(super) undecided: Vec<Exception>,
}

impl<C: Content> Applier<C> {
    /// Applies a batch; new decisions are on disk before anyone is shown their consequences.
    pub(super) fn apply(
        &mut self,
        batch: Vec<(u64, Record)>,
        pen: Option<&Pen>,
    ) -> Result<Applied, StoreError> {
        let mut applied = self.ledger.apply(&self.books, batch, &self.known)?;
        if applied.decided && applied.upto > self.known.upto {
            let exceptions = std::mem::take(&mut applied.exceptions);
            match pen {
                None => self.undecided.extend(exceptions),
                Some(pen) => {
                    let record = Record::Decided { upto: applied.upto, exceptions };
                    decide(pen, record, !applied.inboxes.is_empty())?;
                }
            }
        }
        self.books.state.write(std::mem::take(&mut applied.writes))?;
        self.progress.send_replace(Progress::At(applied.upto));
        Ok(applied)
    }

    /// Runs until it is told to stop, or the state fails.
    pub(super) fn run(mut self, jobs: &Receiver<Job>, pen: &Pen, driver: &Driver) {
        let mut more = true;
        while more {
            let batch;
            (batch, more) = next_batch(jobs);
            if batch.is_empty() {
                if let (false, Progress::At(applied)) = (more, self.progress.borrow().clone()) {
                    self.bases.consider(&self.books, applied, true);
                }
                continue;
            }
            let count = batch.len() as u64;
            match self.apply(batch, Some(pen)) {
                Ok(applied) => {
                    self.bases.consider(&self.books, applied.upto, !more);
                    self.waiting.fetch_sub(count, Ordering::Relaxed);
                    driver.signal(Signal::Applied(applied.inboxes));
                    (self.changed)(&applied.dossiers);
                }
                Err(error) => {
                    tracing::error!(%error, "state store failed; it is rebuilt at the next start");
                    self.progress.send_replace(Progress::Broken(error.to_string()));
                    return;
                }
            }
        }
    }
}

/// Writes an image of the state beside it now and then, so that state which is lost comes back
/// from the image and the journal's end. Written between two batches: nothing waits for the
/// applier but lists.
pub(super) struct Bases {
    pub(super) dir: PathBuf,
    pub(super) owner: [u8; 16],
    /// Position of the newest one.
    pub(super) newest: u64,
}

/// Records after which a base is written while running, and at a clean end.
const BASE_EVERY: (u64, u64) = (200_000, 20_000);

impl Bases {
    fn consider(&mut self, books: &Books, applied: u64, ending: bool) {
        let due = if ending { BASE_EVERY.1 } else { BASE_EVERY.0 };
        if applied.saturating_sub(self.newest) < due {
            return;
        }
        match self.write(books, applied) {
            Ok(pairs) => tracing::info!(position = applied, pairs, "base written"),
            Err(error) => tracing::error!(%error, "base not written; the journal keeps everything"),
        }
        // Tried again only after as many records more.
        self.newest = applied;
    }

    /// Writes and verifies a base that reflects the journal up to `applied`.
    pub(super) fn write(&self, books: &Books, applied: u64) -> Result<u64, StoreError> {
        let failed = |error: motcua_journal::JournalError| StoreError::Backend(error.to_string());
        let writer = concat!("motcua ", env!("CARGO_PKG_VERSION"));
        let fs = Arc::new(RealFs::new());
        let mut base =
            BaseWriter::create(fs, &self.dir, applied, self.owner, writer).map_err(failed)?;
        for pair in books.state.iter() {
            let (key, value) = pair?;
            base.put(&key, &value).map_err(failed)?;
        }
        Ok(base.finish().map_err(failed)?.pairs())
    }
}

/// Whatever waits, up to a batch, and whether more may follow.
fn next_batch(jobs: &Receiver<Job>) -> (Vec<(u64, Record)>, bool) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut next = jobs.recv().ok();
    loop {
        match next {
            None if batch.is_empty() => return (batch, false),
            None => return (batch, true),
            Some(Job::Stop) => return (batch, false),
            Some(Job::Record(position, record)) => {
                bytes += size(&record);
                batch.push((position, record));
            }
        }
        if bytes >= BATCH_BYTES || batch.len() >= BATCH_RECORDS {
            return (batch, true);
        }
        next = jobs.try_recv().ok();
    }
}

/// Rough size once unpacked; frames are compressed about six times.
fn size(record: &Record) -> usize {
    match record {
        Record::Up { frame, .. } | Record::Down { frame, .. } => frame.len() * 6,
        Record::Own { entry, .. } => entry.len(),
        _ => 64,
    }
}

/// Journals a decision, waiting for the disk when its consequences are about to be shown.
fn decide(pen: &Pen, record: Record, wait: bool) -> Result<(), StoreError> {
    let (told, answer) = channel();
    pen.write(
        vec![record],
        Box::new(move |result| {
            let _ = told.send(result.map(drop));
        }),
    );
    if !wait {
        return Ok(());
    }
    match answer.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(StoreError::Backend(format!("decision not written: {error}"))),
        Err(_) => Err(StoreError::Backend("journal has stopped".into())),
    }
}
