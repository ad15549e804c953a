//! The writing end of the journal: what is on disk goes, in order, to the applier and the driver
//! before anybody else hears of it.

use super::queue::Queue;
use crate::driver::{Driver, Scribe, Signal};
use motcua_core::{
    record::{Record, Shelf},
    wire,
};
use motcua_journal::{GroupCommit, JournalError, Lane, NewRecord};
use std::sync::{Arc, PoisonError, RwLock};

/// Writes records; cheap to clone.
#[derive(Clone)]
pub struct Pen {
    commit: Arc<RwLock<Option<GroupCommit>>>,
    applier: Arc<Queue>,
    driver: Driver,
    durable: Option<Durable>,
}

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
        Self { commit: Arc::new(RwLock::new(Some(commit))), applier, driver, durable }
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

    /// After a failed append or sync: starts a segment that voids what was in doubt, then runs
    /// `then`. On a thread of its own, because the journal's own thread reports failures.
    pub(super) fn recover(&self, then: impl FnOnce() + Send + 'static) {
        let commit = Arc::clone(&self.commit);
        let run = move || {
            let commit = commit.read().unwrap_or_else(PoisonError::into_inner);
            let recovered = match commit.as_ref() {
                None => return,
                Some(commit) => commit.recover_after_failure(),
            };
            drop(commit);
            match recovered {
                Ok(()) => then(),
                Err(error) => tracing::error!(%error, "the journal cannot go on; free the disk"),
            }
        };
        if let Err(error) = std::thread::Builder::new().name("journal-recovery".into()).spawn(run) {
            tracing::error!(%error, "no thread to recover the journal");
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
                    pen.recover(|| {});
                }
                done(result.is_ok());
            }),
        );
    }
}
