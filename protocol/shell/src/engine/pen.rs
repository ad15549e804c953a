//! The writing end of the journal: what is on disk goes, in order, to the applier and the driver
//! before anybody else hears of it.

use super::queue::Queue;
use crate::driver::{Driver, Scribe, Signal};
use motcua_core::{
    record::{Record, Shelf},
    wire,
};
use motcua_journal::{GroupCommit, JournalError, Lane, NewRecord};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Writes records; cheap to clone.
#[derive(Clone)]
pub struct Pen {
    commit: Arc<RwLock<Option<GroupCommit>>>,
    applier: Arc<Queue>,
    driver: Driver,
    durable: Option<Durable>,
    going_on: Arc<OnceLock<GoingOn>>,
}

/// Goes on after a failure: before anything else is written, with the pen's [`Pen::go_on`].
pub(super) type GoingOn = Box<dyn Fn(&Pen) + Send + Sync>;

/// Told of a record and its position once it is on disk.
pub type Durable = Arc<dyn Fn(u64, &Record) + Send + Sync>;

/// Told once the records are on disk, with their positions, or that they are not.
pub type Done = Box<dyn FnOnce(Result<Vec<u64>, JournalError>) + Send>;

impl Pen {
    pub(super) fn new(
        commit: GroupCommit,
        applier: Arc<Queue>,
        driver: Driver,
        durable: Option<Durable>,
    ) -> Self {
        let commit = Arc::new(RwLock::new(Some(commit)));
        Self { commit, applier, driver, durable, going_on: Arc::default() }
    }

    /// Hands over records to be written together. Calls are answered in the order in which they
    /// were made.
    pub fn write(&self, records: Vec<Record>, done: Done) {
        let new = records.iter().map(|record| NewRecord {
            lane: match record.shelf() {
                Shelf::Own => Lane::Own,
                Shelf::Others => Lane::Others,
            },
            kind: record.kind(),
            payload: record.encode(),
        });
        let new: Vec<NewRecord> = new.collect();
        let (applier, driver) = (Arc::clone(&self.applier), self.driver.clone());
        let durable = self.durable.clone();
        let commit = self.commit.read().unwrap_or_else(PoisonError::into_inner);
        let Some(commit) = commit.as_ref() else { return done(Err(JournalError::Stopped)) };
        let submitted = commit.submit(new, move |result| {
            if let Ok(positions) = &result {
                for (position, record) in positions.iter().zip(records) {
                    tell_driver(&driver, &record);
                    if let Some(durable) = &durable {
                        durable(*position, &record);
                    }
                    applier.push(*position, record);
                }
            }
            done(result);
        });
        // Only while stopping: whoever waits sees its answer dropped.
        if let Err(error) = submitted {
            tracing::debug!(%error, "records came after the end");
        }
    }

    /// Rewrites records of a lane, see [`motcua_journal::Journal::purge`]; `done` is called when
    /// no file holds what was replaced.
    ///
    /// # Errors
    /// When the journal has stopped or what was appended cannot be committed.
    pub(super) fn purge(
        &self,
        lane: Lane,
        replace: motcua_journal::Replace,
        done: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) -> Result<(), JournalError> {
        let commit = self.commit.read().unwrap_or_else(PoisonError::into_inner);
        let commit = commit.as_ref().ok_or(JournalError::Stopped)?;
        commit.with(move |journal| journal.purge(lane, replace, done))?
    }

    /// How to go on after a failure, whoever's write it was that failed: said once, by the writer of
    /// the own log.
    pub(super) fn goes_on_by(&self, going_on: GoingOn) {
        // A second one would be a second writer of the own log; there is none.
        let _ = self.going_on.set(going_on);
    }

    /// After a failed append or sync: the journal goes on. On a thread of its own, because the
    /// journal's own thread reports failures.
    pub(super) fn recover(&self) {
        let pen = self.clone();
        let run = move || match pen.going_on.get() {
            Some(going_on) => going_on(&pen),
            None => drop(pen.go_on()),
        };
        if let Err(error) = std::thread::Builder::new().name("journal-recovery".into()).spawn(run) {
            tracing::error!(%error, "no thread to recover the journal");
        }
    }

    /// Starts a segment that voids what was in doubt, if the journal has failed; false if it cannot
    /// go on. Everything that was handed in before is answered by then.
    pub(super) fn go_on(&self) -> bool {
        let commit = self.commit.read().unwrap_or_else(PoisonError::into_inner);
        let Some(commit) = commit.as_ref() else { return false };
        match commit.recover_after_failure() {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the journal cannot go on; free the disk");
                false
            }
        }
    }

    /// Writes what still waits, ends the journal's thread, and tells the applier that nothing
    /// follows.
    pub(super) fn stop(&self) {
        let commit = self.commit.write().unwrap_or_else(PoisonError::into_inner).take();
        commit.map(GroupCommit::stop);
        self.applier.close();
    }
}

/// Own entries go up from memory; the driver must learn of them in order of sequence.
fn tell_driver(driver: &Driver, record: &Record) {
    if let Record::Own { log, sequence, entry, .. } = record
        && let Ok(entry) = wire::decode_entry(entry)
    {
        driver.signal(Signal::Own(*log, *sequence, Box::new(entry)));
    }
}

impl Scribe for Pen {
    fn submit(&self, records: Vec<Record>, done: Box<dyn FnOnce(bool) + Send>) {
        let pen = self.clone();
        self.write(
            records,
            Box::new(move |result| {
                if let Err(error) = &result {
                    tracing::error!(%error, "received records could not be written");
                    pen.recover();
                }
                done(result.is_ok());
            }),
        );
    }
}
