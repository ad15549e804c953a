//! The hub holds an own log otherwise than this machine: it was set back to an older copy of its
//! disk, or copied. Work goes on in a new log at once, and what the old one has is written into it
//! again; what the hub has already, it recognises.

use super::{Engine, Progress};
use motcua_core::{
    id::LogId,
    record::Record,
    replica::{Head, own_entries_after},
    state::{Key, Kv},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

/// Answer of the journal.
pub(super) type Written = Result<Vec<u64>, motcua_journal::JournalError>;

/// Waits for the disk; the position of the last record.
fn on_disk(answer: &Receiver<Written>) -> Result<u64, String> {
    let positions = answer.recv().map_err(|_| "the machine is shutting down".to_owned())?;
    let positions = positions.map_err(|error| error.to_string())?;
    Ok(positions.last().copied().unwrap_or_default())
}

/// How often the applier is looked at while it catches up.
const POLL: Duration = Duration::from_millis(20);

/// Logs that are being written again in this process, or were: the state may not say so yet.
#[derive(Default)]
pub(super) struct Rewriting(Mutex<BTreeSet<LogId>>);

impl Rewriting {
    fn begin(&self, log: LogId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(log)
    }

    /// It came to nothing: to be tried anew.
    fn failed(&self, log: LogId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&log);
    }
}

impl Engine {
    /// An own log is not what the hub holds of it.
    pub(super) fn diverged(self: &Arc<Self>, parent: Head, whole: bool) {
        let ended = parent.log;
        let done = self.books.state.get(&Key::Rewritten(ended).bytes());
        if !matches!(done, Ok(None)) || !self.rewriting.begin(ended) {
            return;
        }
        tracing::error!(
            log = %ended, hub_has = parent.sequence,
            "the hub holds another history of this machine's log than the machine itself: the \
             machine was set back or copied; work goes on in a new log and nothing is thrown \
             away; tell central IT"
        );
        self.checks.count_set_back();
        // What the parent was known to have cannot be other there; it can at a hub beyond it.
        let current = self.own.log() == ended;
        let after =
            if current && !whole { self.meta().map_or(0, |meta| meta.acknowledged) } else { 0 };
        let begun = current.then(|| self.own.continue_in_new_log(ended));
        let engine = Arc::clone(self);
        let work = move || {
            if let Err(reason) = engine.write_again(ended, after, begun) {
                tracing::error!(%reason, log = %ended, "not all of the old log was written again; \
                    tried anew when the hub is met next");
                engine.rewriting.failed(ended);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("rewrite".into()).spawn(work) {
            tracing::error!(%error, "no thread to write the old log again");
            self.rewriting.failed(ended);
        }
    }

    fn write_again(
        &self,
        ended: LogId,
        mut after: u64,
        begun: Option<Receiver<Written>>,
    ) -> Result<(), String> {
        let upto = match begun {
            // Everything that was handed in for the old log is on disk once this is.
            Some(begun) => on_disk(&begun)?,
            None => self.books.journal.durable(),
        };
        self.wait_applied(upto)?;
        loop {
            let entries = own_entries_after(&self.books, ended, after);
            let entries = entries.map_err(|error| error.to_string())?;
            if entries.is_empty() {
                let (told, answer) = channel();
                self.pen.write(
                    vec![Record::Rewritten(ended)],
                    Box::new(move |result| {
                        // Nobody may be waiting any more; the record stands.
                        let _ = told.send(result);
                    }),
                );
                on_disk(&answer)?;
                tracing::info!(log = %ended, "the old log stands in the new one");
                return Ok(());
            }
            after += entries.len() as u64;
            on_disk(&self.own.write_again(&entries))?;
        }
    }

    fn wait_applied(&self, upto: u64) -> Result<(), String> {
        loop {
            match self.progress.borrow().clone() {
                Progress::At(at) if at >= upto => return Ok(()),
                Progress::Broken(reason) => return Err(reason),
                Progress::At(_) | Progress::Waiting(..) => {}
            }
            if self.progress.has_changed().is_err() {
                return Err("the machine is shutting down".into());
            }
            std::thread::sleep(POLL);
        }
    }
}
