//! What an engine knows of itself: its parts for whoever works with them, and what it shows.

use super::{Books, Engine, OwnRecords, OwnWriter, Pen, Progress};
use crate::{
    clock::{Clock, SystemClock},
    driver::{Driver, Snapshot},
    renewal::Certificate,
    scans::Scans,
    startup::Startup,
    store::Opened,
};
use motcua_core::{
    id::NodeId,
    replica::{Config, parent_of},
    state::{
        Key, StoreError,
        rows::{Images, Meta},
    },
    time::{ClockError, ClockQuality, HubTime, Timestamp},
    trust::{Binding, Signed, TrustView},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{MutexGuard, PoisonError, atomic::Ordering},
};
use tokio::sync::watch;

impl Engine {
    /// How far the start is, and what became of a state that was lost.
    pub fn startup(&self) -> &Startup {
        &self.startup
    }

    /// What the own records said that the state did not reflect when this process started.
    pub fn own_records(&self) -> MutexGuard<'_, OwnRecords> {
        self.own_records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the images of a new machine have come.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn images(&self) -> Result<Images, StoreError> {
        Ok(self.books.row(Key::Images)?.unwrap_or_default())
    }

    /// Journal and state, for reading.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The journal, for writing.
    pub fn pen(&self) -> &Pen {
        &self.pen
    }

    /// The own log, for writing.
    pub fn own(&self) -> &OwnWriter {
        &self.own
    }

    /// The driver, for links.
    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Scans on this machine's disk.
    pub fn scans(&self) -> &Scans {
        &self.scans
    }

    /// The driver's view of links and backlog.
    pub fn snapshot(&self) -> Snapshot {
        self.driver.snapshot()
    }

    /// Clocks.
    pub fn clock(&self) -> &SystemClock {
        &self.clock
    }

    /// How far this machine's clock is to be trusted, now that it shows `wall`.
    pub fn judge_clock(&self, wall: Timestamp) -> (ClockQuality, Option<ClockError>) {
        let Some(hub) = *self.hub_time() else { return (ClockQuality::Unproven, None) };
        match hub.error(self.clock.monotonic(), wall) {
            None => (ClockQuality::Proven, None),
            error => (ClockQuality::Wrong, error),
        }
    }

    pub(super) fn hub_time(&self) -> MutexGuard<'_, Option<HubTime>> {
        self.hub_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Trust documents in force.
    pub fn trust(&self) -> TrustView {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records on disk that the state does not reflect yet.
    pub fn unapplied(&self) -> u64 {
        self.queue.waiting()
    }

    /// When the parent acknowledged something of the own log in this process.
    pub fn received_at(&self) -> Option<Timestamp> {
        let at = self.received_at.load(Ordering::Relaxed);
        (at > 0).then_some(Timestamp(at))
    }

    /// Entries of the own log that the root hub has, as far as this process was told.
    pub fn root_received(&self) -> u64 {
        let root = *self.root_received.lock().unwrap_or_else(PoisonError::into_inner);
        root.of(self.own.log())
    }

    /// Entries of the own log that the parent has, as far as this process was told.
    pub fn received(&self) -> u64 {
        self.snapshot().received.of(self.own.log())
    }

    /// How often all dossiers were looked through for closed ones, since the start.
    pub fn eviction_looks(&self) -> u64 {
        self.eviction_looks.load(Ordering::Relaxed)
    }

    /// How often two machines were seen alive with one key since the start.
    pub fn two_alive(&self) -> BTreeMap<NodeId, u64> {
        self.two_alive.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Links refused since the start, by kind of fault.
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Before a handshake nobody knows who calls, and nothing is told of each.
        let callers = self.driver.refused_callers();
        if callers > 0 {
            all.insert("handshakes", callers);
        }
        all
    }

    /// How the state store was found at the start.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// How far the state is; changes can be awaited.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Counters of the state.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn meta(&self) -> Result<Meta, StoreError> {
        Ok(self.books.row(Key::Meta)?.unwrap_or_default())
    }

    /// Who this replica is, for recording what it would send, with the hub that the documents in
    /// force put above it.
    pub fn config(&self) -> Config {
        let config = self.lock_config().clone();
        let bound = Signed::decode::<Binding>(&config.binding).and_then(|one| one.open());
        let parent = match bound {
            Ok(binding) => parent_of(&self.trust(), &binding),
            Err(_) => config.parent,
        };
        Config { parent, ..config }
    }

    /// This machine's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(super) fn lock_config(&self) -> MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
