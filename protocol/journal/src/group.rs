//! Group commit: one thread owns the journal, takes batches from many callers, commits once for all
//! that wait, and answers in order.

use crate::{
    Counters, Journal, JournalView, Lane, Lsn,
    error::{JournalError, Result},
    limits,
    maintain::{Finished, Task},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Where it goes.
    pub lane: Lane,
    /// The caller's kind.
    pub kind: u8,
    /// The caller's bytes, at most [`limits::MAX_RECORD`].
    pub payload: Vec<u8>,
}

/// Called on the journal's thread with the LSNs of a batch once it is durable, or with what failed.
/// It must be short: everybody else waits meanwhile.
pub type Done = Box<dyn FnOnce(Result<Vec<Lsn>>) + Send>;

enum Command {
    Batch(Vec<NewRecord>, Done),
    Run(Box<dyn FnOnce(&mut Journal) + Send>),
    Finished(Finished),
    Stop,
}

/// The running front of a journal. Dropping it drains and stops the thread.
pub struct GroupCommit {
    sender: SyncSender<Command>,
    view: JournalView,
    thread: Option<JoinHandle<Journal>>,
    worker: Option<JoinHandle<()>>,
}

/// A batch in progress: its LSNs so far, and who waits.
struct Waiting {
    lsns: Result<Vec<Lsn>>,
    done: Done,
}

impl GroupCommit {
    /// Starts the thread of the journal and one for background work.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start(journal: Journal) -> Result<Self> {
        let view = journal.view();
        let (sender, commands) = sync_channel(limits::QUEUE);
        // One task at a time: a second one would only compete for the same disk.
        let (tasks, task_queue) = sync_channel::<Task>(1);
        let finished = sender.clone();
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        let fail = |error: std::io::Error| {
            JournalError::io("start thread for", "journal".as_ref(), &error)
        };
        let worker = spawn("journal-worker")
            .spawn(move || {
                for task in task_queue {
                    if finished.send(Command::Finished(task.run())).is_err() {
                        return;
                    }
                }
            })
            .map_err(fail)?;
        let thread = spawn("journal")
            .spawn(move || Driver { journal, commands, tasks, busy: false }.run())
            .map_err(fail)?;
        Ok(Self { sender, view, thread: Some(thread), worker: Some(worker) })
    }

    /// Hands in a batch; waits only while [`limits::QUEUE`] batches are in line. The records stand in
    /// this order, and `done` is called in the order of the batches. A crash may keep the first part
    /// of a batch that was not answered.
    ///
    /// # Errors
    /// [`JournalError::Stopped`] with `done` not called.
    pub fn submit(
        &self,
        records: Vec<NewRecord>,
        done: impl FnOnce(Result<Vec<Lsn>>) + Send + 'static,
    ) -> Result<()> {
        self.send(Command::Batch(records, Box::new(done)))
    }

    /// As [`Self::submit`], and waits for the answer.
    ///
    /// # Errors
    /// What [`Journal::append`] or [`Journal::commit`] said.
    pub fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Lsn>> {
        let (answer, wait) = sync_channel(1);
        self.submit(records, move |result| {
            // A caller that went away needs no answer.
            let _ = answer.send(result);
        })?;
        wait.recv().unwrap_or(Err(JournalError::Stopped))
    }

    /// Runs something on the journal between two commits and waits for it: trimming, recovery after
    /// a failure, counters.
    ///
    /// # Errors
    /// [`JournalError::Stopped`].
    pub fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Journal) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, wait) = sync_channel(1);
        self.send(Command::Run(Box::new(move |journal| {
            let _ = answer.send(work(journal));
        })))?;
        wait.recv().map_err(|_| JournalError::Stopped)
    }

    /// Goes on after a failure, see [`Journal::recover_after_failure`].
    ///
    /// # Errors
    /// When no new segment can be made.
    pub fn recover_after_failure(&self) -> Result<()> {
        self.with(Journal::recover_after_failure)?
    }

    /// See [`Journal::counters`].
    ///
    /// # Errors
    /// [`JournalError::Stopped`].
    pub fn counters(&self) -> Result<Counters> {
        self.with(|journal| journal.counters())
    }

    /// A reader of everything durable.
    pub fn view(&self) -> JournalView {
        self.view.clone()
    }

    /// Commits and answers everything handed in, stops, and gives the journal back; `None` if its
    /// thread died.
    pub fn stop(mut self) -> Option<Journal> {
        self.join()
    }

    fn join(&mut self) -> Option<Journal> {
        let thread = self.thread.take()?;
        let _ = self.sender.send(Command::Stop);
        let journal = thread.join().ok();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
        journal
    }

    fn send(&self, command: Command) -> Result<()> {
        self.sender.send(command).map_err(|_| JournalError::Stopped)
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.join();
    }
}

struct Driver {
    journal: Journal,
    commands: Receiver<Command>,
    tasks: SyncSender<Task>,
    busy: bool,
}

impl Driver {
    fn run(mut self) -> Journal {
        self.offer_task();
        let mut next = self.commands.recv().ok();
        while let Some(command) = next {
            next = match command {
                Command::Batch(records, done) => self.gather(records, done),
                Command::Run(work) => {
                    guarded(|| work(&mut self.journal));
                    None
                }
                Command::Finished(finished) => {
                    self.busy = false;
                    guarded(|| {
                        if let Err(error) = self.journal.finish_task(finished) {
                            tracing::error!(%error, "background work on the journal failed");
                        }
                    });
                    None
                }
                Command::Stop => break,
            };
            self.offer_task();
            if next.is_none() {
                next = self.commands.recv().ok();
            }
        }
        self.journal
    }

    /// Appends this batch and all that wait behind it, commits once, answers. Returns the command
    /// that ended the gathering.
    fn gather(&mut self, records: Vec<NewRecord>, done: Done) -> Option<Command> {
        let mut waiting = Vec::new();
        let mut bytes = self.take(records, done, &mut waiting);
        let mut next = None;
        while bytes < limits::GATHER_BYTES {
            match self.commands.try_recv() {
                Ok(Command::Batch(records, done)) => {
                    bytes += self.take(records, done, &mut waiting);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let committed = self.journal.commit();
        // A full segment commits in between, so an early batch may be durable although a later one
        // failed. One that is durable only in part is answered as failed: its retry is the caller's.
        let durable = self.journal.point().lsn;
        for Waiting { lsns, done } in waiting {
            let answer = match (&committed, lsns) {
                (Err(error), Ok(lsns)) if lsns.iter().any(|lsn| *lsn > durable) => {
                    Err(error.clone())
                }
                (_, lsns) => lsns,
            };
            guarded(|| done(answer));
        }
        next
    }

    fn take(&mut self, records: Vec<NewRecord>, done: Done, waiting: &mut Vec<Waiting>) -> usize {
        let bytes = records.iter().map(|record| record.payload.len()).sum();
        let lsns = self.append(records);
        waiting.push(Waiting { lsns, done });
        bytes
    }

    /// All records of a batch or none.
    fn append(&mut self, records: Vec<NewRecord>) -> Result<Vec<Lsn>> {
        let limit = limits::MAX_RECORD;
        if let Some(record) = records.iter().find(|record| record.payload.len() > limit) {
            let len = record.payload.len();
            return Err(JournalError::TooLarge { what: "record", len, limit });
        }
        let append =
            |record: NewRecord| self.journal.append(record.lane, record.kind, &record.payload);
        records.into_iter().map(append).collect()
    }

    fn offer_task(&mut self) {
        if self.busy {
            return;
        }
        let Some(task) = self.journal.next_task() else { return };
        match self.tasks.try_send(task) {
            Ok(()) => self.busy = true,
            // The worker is gone; the next opening starts afresh.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

/// A callback that panics must not take the journal with it.
fn guarded(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("a callback of the journal panicked");
    }
}
