//! Threads of an engine, and its end.

use super::{Engine, StartError};
use crate::{clock::Clock, driver::Signal};
use motcua_core::{record::Record, replica::Received};
use std::{
    sync::{MutexGuard, PoisonError, mpsc::SyncSender},
    thread::{self, JoinHandle},
};

impl Engine {
    /// Writes what waits, then ends the threads. Blocks.
    pub fn stop(&self) {
        // A start that is still under way breaks off.
        self.startup.stop();
        // What the parent is known to have stays known while it is out of reach.
        let Received { log, sequence } = self.snapshot().received;
        if sequence > 0 && !log.is_zero() {
            let at = self.received_at().unwrap_or(self.clock.wall());
            let record = Record::Acknowledged { log, sequence, at };
            self.pen.write(vec![record], Box::new(drop));
        }
        self.scans.stop();
        self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.driver.signal(Signal::Stop);
        self.pen.stop();
        // The applier may just be starting others.
        while let Some(thread) = { self.threads().pop() } {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine had panicked");
            }
        }
        if let Err(error) = self.books.state.flush() {
            tracing::warn!(%error, "state store was not flushed; the next start takes longer");
        }
    }

    /// A thread that runs until the engine stops.
    pub(super) fn keep_house(&self, running: SyncSender<()>, thread: JoinHandle<()>) {
        self.threads().push(thread);
        let mut running_all = self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner);
        running_all.push(running);
        if self.startup.is_stopping() {
            running_all.clear();
        }
    }

    pub(super) fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|source| StartError::Io { what: format!("thread {name} not started"), source })
}
