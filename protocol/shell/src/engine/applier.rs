//! The applier: one thread that folds what the journal holds into the state, behind every
//! acknowledgement. While much comes in it gathers before it applies, so that it takes less of the
//! machine from receipt; whoever waits for the state hurries it.

use super::{
    Changed, StartError,
    bases::{Bases, Due},
    books::Books,
    pen::Pen,
    queue::{BATCH_BYTES, Batch, Queue, size},
    recover::unless_damaged,
};
use crate::{
    driver::{Driver, Signal},
    startup::Startup,
};
use motcua_core::{
    ledger::{Applied, Content, Decisions, Ledger},
    record::{Exception, Record},
    state::StoreError,
};
use std::time::Duration;
use tokio::sync::watch;

/// What the world may know of the applier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The state reflects the journal up to this position.
    At(u64),
    /// The same, and it goes no further until there is space for the state; why.
    Waiting(u64, String),
    /// The state cannot be read or written; it must be rebuilt.
    Broken(String),
}

impl Progress {
    /// The position that the state reflects; none if it is broken.
    pub fn at(&self) -> Option<u64> {
        match self {
            Self::At(at) | Self::Waiting(at, _) => Some(*at),
            Self::Broken(_) => None,
        }
    }
}

/// How often a state that waits for space is tried again.
const ROOM_POLL: Duration = Duration::from_millis(500);

pub(super) struct Applier<C> {
    pub(super) ledger: Ledger<C>,
    pub(super) books: Books,
    pub(super) known: Decisions,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) changed: Changed,
    /// Where bases are written, and which machine they belong to.
    pub(super) bases: Bases,
    /// Exceptions found while catching up, not recorded yet.
    pub(super) undecided: Vec<Exception>,
    /// Dossiers that the content has yet to fold.
    pub(super) stale: u64,
    /// Who wants to know whether it moves.
    pub(super) startup: Startup,
    /// It was the journal that failed, not the state.
    pub(super) fault_elsewhere: bool,
}

/// Stale dossiers folded at once: some tens of milliseconds, for whoever waits meanwhile.
const FOLD_BATCH: usize = 256;
/// Records in a batch up to which stale dossiers are folded beside it, so that steady work does
/// not put them off for ever.
const QUIET: usize = 2_000;

impl<C: Content> Applier<C> {
    /// Applies a batch; new decisions are on disk before anyone is shown their consequences.
    pub(super) fn apply(
        &mut self,
        batch: Vec<(u64, Record)>,
        pen: Option<&Pen>,
    ) -> Result<Applied, StoreError> {
        let applied = self.ledger.apply(&self.books, batch)?;
        self.write(applied, pen)
    }

    fn write(&mut self, mut applied: Applied, pen: Option<&Pen>) -> Result<Applied, StoreError> {
        if applied.decided && applied.upto > self.known.upto {
            let exceptions = std::mem::take(&mut applied.exceptions);
            match pen {
                None => self.undecided.extend(exceptions),
                Some(pen) => {
                    // An exception that is not on the disk would be judged anew by a state that is
                    // made from the journal. That there was none can be said again with the next.
                    let wait = !applied.inboxes.is_empty() || !exceptions.is_empty();
                    let record = Record::Decided { upto: applied.upto, exceptions };
                    let decided = decide(pen, record, wait);
                    self.fault_elsewhere |= decided.is_err();
                    decided?;
                }
            }
        }
        self.books.state.write(std::mem::take(&mut applied.writes))?;
        self.stale = applied.stale;
        self.progress.send_replace(Progress::At(applied.upto));
        Ok(applied)
    }

    /// The state was not brought up: whoever waits for it waits no more.
    pub(super) fn failed(&self, why: &StartError, queue: &Queue) {
        if !matches!(why, StartError::Stopped) {
            tracing::error!(error = %why, "the state cannot be brought up to the journal");
            self.startup.broken();
        }
        self.progress.send_replace(Progress::Broken(why.to_string()));
        queue.close();
    }

    /// Runs until it is told to stop, or the state fails.
    pub(super) fn run(mut self, queue: &Queue, pen: &Pen, driver: &Driver) {
        loop {
            let Some(at) = self.progress.borrow().at() else { return };
            let done = match queue.next(at, self.stale) {
                Batch::Records(records) => self.step(records, queue, pen, driver),
                Batch::Journal { from, upto } => match self.read_back(from, upto) {
                    Ok(records) => self.step(records, queue, pen, driver),
                    Err(error) => {
                        self.fault_elsewhere = true;
                        Err(error)
                    }
                },
                Batch::Quiet => self.fold_some(queue, pen, driver),
                Batch::Idle => self.books.state.tidy().map(|copied| {
                    if copied {
                        tracing::info!("state copied into smaller files");
                    }
                    self.note_space();
                }),
                Batch::Renew(told) => {
                    let done = self.renew(at);
                    // Who asked may have gone; it asks again.
                    let _ = told.send(done);
                    Ok(())
                }
                Batch::End => return self.bases.consider(&self.books, at, Due::Ending),
            };
            let waits = |_: &StoreError| self.books.state.waits_for_room();
            if let Some(error) = done.as_ref().err().filter(|error| waits(error)) {
                // Nothing of it was written; what was taken from the queue is read back.
                tracing::error!(%error, "the state waits for space; saving goes on, lists stand still");
                self.progress.send_replace(Progress::Waiting(at, error.to_string()));
                if !queue.closed_within(ROOM_POLL) {
                    continue;
                }
            }
            if let Err(error) = done {
                tracing::error!(%error, "state store failed; it is rebuilt at the next start");
                if !self.fault_elsewhere {
                    super::recover::give_up(&self.bases.state_dir(), &error);
                }
                self.startup.broken();
                self.progress.send_replace(Progress::Broken(error.to_string()));
                return queue.close();
            }
        }
    }

    fn step(
        &mut self,
        records: Vec<(u64, Record)>,
        queue: &Queue,
        pen: &Pen,
        driver: &Driver,
    ) -> Result<(), StoreError> {
        let few = records.len() < QUIET;
        let applied = self.apply(records, Some(pen))?;
        self.told(applied.upto, queue);
        self.bases.consider(&self.books, applied.upto, Due::Running);
        driver.signal(Signal::Applied(applied.inboxes));
        (self.changed)(&applied.dossiers);
        if few && self.stale > 0 { self.fold_some(queue, pen, driver) } else { Ok(()) }
    }

    /// A state that was held in memory for want of space may have its files by now.
    fn note_space(&self) {
        if !self.books.state.is_held() {
            self.startup.has_space_again();
        }
    }

    /// Whoever waits for the state looks again.
    fn told(&self, upto: u64, queue: &Queue) {
        self.note_space();
        queue.applied(upto, self.stale);
        self.startup.moved();
        if self.stale == 0 && self.startup.whole() {
            tracing::info!("the state that was lost is whole again");
            crate::store::end_rebuild(&self.bases.state_dir());
        }
        self.progress.send_replace(Progress::At(upto));
    }

    /// Fresh files for state and base, so that what was purged is in neither.
    fn renew(&mut self, at: u64) -> Result<(), String> {
        self.books.state.renew().map_err(|error| error.to_string())?;
        self.bases.renew(&self.books, at).map_err(|error| error.to_string())?;
        crate::store::remove_set_aside(&self.bases.state_dir());
        Ok(())
    }

    /// Folds some of what a catch-up left for later.
    fn fold_some(&mut self, queue: &Queue, pen: &Pen, driver: &Driver) -> Result<(), StoreError> {
        let applied = self.ledger.fold_stale(&self.books, FOLD_BATCH)?;
        let applied = self.write(applied, Some(pen))?;
        self.told(applied.upto, queue);
        driver.signal(Signal::Applied(applied.inboxes));
        (self.changed)(&applied.dossiers);
        Ok(())
    }

    /// Records that did not fit the queue, from the journal: about one batch of them.
    fn read_back(&self, from: u64, upto: u64) -> Result<Vec<(u64, Record)>, StoreError> {
        let failed = |error: motcua_journal::JournalError| StoreError::Backend(error.to_string());
        let (mut records, mut bytes) = (Vec::new(), 0);
        for raw in self.books.journal.iter_from(from) {
            let Some(raw) = unless_damaged(raw).map_err(failed)? else { continue };
            if raw.lsn > upto || bytes >= BATCH_BYTES {
                break;
            }
            let record = super::books::decode(raw.kind, &raw.payload)?;
            bytes += size(&record);
            records.push((raw.lsn, record));
        }
        Ok(records)
    }
}

/// Journals a decision. When its consequences are about to be shown, or it says more than that all
/// is well, waits until it is on the disk, however long that refuses to write.
fn decide(pen: &Pen, record: Record, wait: bool) -> Result<(), StoreError> {
    if !wait {
        pen.write(vec![record], Box::new(drop));
        return Ok(());
    }
    let written = pen.write_surely(&[record]);
    written.map_err(|error| StoreError::Backend(format!("decision not written: {error}")))
}
