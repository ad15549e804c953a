//! The writing end of the journal: what is on disk goes, in order, to the applier and the driver
//! before anybody else hears of it.

use super::{mend::Mender, queue::Queue};
use crate::driver::{Driver, Scribe, Signal};
use motcua_core::{
    record::{Record, Shelf},
    wire,
};
use motcua_journal::{GroupCommit, JournalError, Lane, NewRecord};
use std::sync::{Arc, PoisonError, RwLock, mpsc::channel};

/// Writes records; cheap to clone.
#[derive(Clone)]
pub struct Pen {
    commit: Arc<RwLock<Option<GroupCommit>>>,
    applier: Arc<Queue>,
    driver: Driver,
    durable: Option<Durable>,
    mender: Mender,
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
        let mender = Mender::default();
        Self { commit: Arc::new(RwLock::new(Some(commit))), applier, driver, durable, mender }
    }

    /// What brings the journal back after a failure; every write that fails asks for it.
    pub(super) fn mender(&self) -> &Mender {
        &self.mender
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
        let (durable, mender) = (self.durable.clone(), self.mender.clone());
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
            let failed = result.is_err();
            done(result);
            // Behind the answer: whoever has to give something up has done so by then.
            if failed {
                mender.ask();
            }
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

    /// Writes records whatever the disk does meanwhile: waits until it writes again. Not on the
    /// journal's thread.
    ///
    /// # Errors
    /// [`JournalError::Stopped`], and what no waiting can change.
    pub(super) fn write_surely(&self, records: &[Record]) -> Result<(), JournalError> {
        loop {
            let before = self.mender.count();
            let (told, answer) = channel();
            self.write(
                records.to_vec(),
                Box::new(move |result| {
                    let _ = told.send(result.map(drop));
                }),
            );
            match answer.recv().unwrap_or(Err(JournalError::Stopped)) {
                Ok(()) => return Ok(()),
                Err(error @ (JournalError::Stopped | JournalError::TooLarge { .. })) => {
                    return Err(error);
                }
                Err(error) if !self.mender.wait_after(before) => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Starts a segment that voids what was in doubt after a failure.
    ///
    /// # Errors
    /// What the disk says; it is then tried again.
    pub(super) fn recover(&self) -> Result<(), JournalError> {
        let commit = self.commit.read().unwrap_or_else(PoisonError::into_inner);
        commit.as_ref().ok_or(JournalError::Stopped)?.recover_after_failure()
    }

    /// Writes what still waits, ends the journal's thread, and tells the applier that nothing
    /// follows.
    pub(super) fn stop(&self) {
        self.mender.stop();
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
        self.write(
            records,
            Box::new(move |result| {
                if let Err(error) = &result {
                    tracing::error!(%error, "received records could not be written");
                }
                done(result.is_ok());
            }),
        );
    }
}
