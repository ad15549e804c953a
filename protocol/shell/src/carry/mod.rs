//! Bundle files: where no link leads, half an exchange is recorded into a file, carried by hand,
//! and taken in through the same replica, journal and checks as over a link.
//!
//! [`Courier`] does the work of one running service; [`http`] lets pages and the command line ask
//! for it; [`command`] is the command line.

pub mod command;
mod export;
pub mod http;
mod import;
mod scans;
mod spool;
mod take;
mod words;

pub use scans::ScansCarried;
pub use spool::Spool;
pub use words::CarryError;

use crate::{engine::Engine, http::Metrics};
use motcua_core::{
    bundle::ScanNotes,
    id::{Hash, NodeId, OfficeId},
    state::rows::Cursor,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OwnedMutexGuard;

/// What a bundle holds that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// `up` or `down`.
    pub direction: &'static str,
    /// Entries of the office's logs, or rows of its inbox.
    pub items: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The file was full: another must follow, once the answer to this one is here.
    pub more: bool,
    /// Scans in it, and left out.
    #[serde(flatten)]
    pub scans: ScansCarried,
    /// Offices whose machines can open it.
    pub readers: Vec<String>,
    /// A sentence.
    pub words_vi: String,
    /// A sentence.
    pub words_en: String,
}

/// What a bundle brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// `up` or `down`.
    pub direction: &'static str,
    /// Machine that made it.
    pub machine: String,
    /// Its office.
    pub office: String,
    /// The office's name.
    pub office_name: String,
    /// When it was made, by the maker's clock, Unix milliseconds.
    pub made_at: i64,
    /// Entries or rows that were not here.
    pub fresh: u64,
    /// Scans that were not here.
    pub scans: u64,
    /// Scans that are not what they should be, or not their maker's to bring.
    pub scans_refused: u64,
    /// Scans for which the disk here has no room.
    pub scans_no_room: u64,
    /// Own entries that the hub has now, at a node.
    pub hub_received_seq: Option<u64>,
    /// The maker has more that did not fit.
    pub more: bool,
    /// A sentence.
    pub words_vi: String,
    /// A sentence.
    pub words_en: String,
}

/// What a machine said about scans.
#[derive(Debug, Clone, Default)]
struct ScansSaid {
    /// In its last bundle: what the answer is about.
    last: ScanNotes,
    /// In all of them since this process started: what need not be carried to it.
    has: BTreeSet<Hash>,
}

/// Writes and takes in the bundles of one service, one at a time.
pub struct Courier {
    engine: Arc<Engine>,
    dir: PathBuf,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Positions that machines said in bundles.
    said: Mutex<HashMap<NodeId, Cursor>>,
    /// What machines said about scans in bundles.
    scans: Mutex<HashMap<NodeId, ScansSaid>>,
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Courier {
    /// For a running engine; what an interrupted run left half written is removed.
    ///
    /// # Errors
    /// What the system says about the folder for half-written files.
    pub fn new(engine: Arc<Engine>) -> std::io::Result<Self> {
        let dir = engine.data_dir().join("bundles");
        spool::fresh_folder(&dir)?;
        Ok(Self {
            engine,
            dir,
            turn: Arc::default(),
            said: Mutex::default(),
            scans: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// A file for a bundle that comes in or goes out; gone when dropped.
    ///
    /// # Errors
    /// [`CarryError::Io`] when the disk refuses.
    pub fn spool(&self) -> Result<Spool, CarryError> {
        Ok(Spool::new(&self.dir)?)
    }

    /// Takes in a bundle. What was accepted is on disk when this returns.
    ///
    /// # Errors
    /// [`CarryError`] in words; what was accepted before stays, nothing else is changed.
    pub async fn import(self: &Arc<Self>, spool: Spool) -> Result<Imported, CarryError> {
        let turn = self.turn()?;
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            import::import(&this, spool)
        });
        let result = done.await.map_err(|_| CarryError::Stopping)?;
        self.count("import", result.as_ref().map_or_else(CarryError::code, |_| "done"));
        result
    }

    /// Records what goes up from here, with at most so many bytes of scans.
    ///
    /// # Errors
    /// [`CarryError`] in words.
    pub async fn export_up(
        self: &Arc<Self>,
        all: bool,
        scans: u64,
    ) -> Result<(Spool, Exported), CarryError> {
        self.export(move |this, spool| export::up(this, spool, all, scans)).await
    }

    /// Records what an office lacks, with at most so many bytes of scans; for one of its machines,
    /// or for all of them.
    ///
    /// # Errors
    /// [`CarryError`] in words.
    pub async fn export_down(
        self: &Arc<Self>,
        office: OfficeId,
        node: Option<NodeId>,
        scans: u64,
    ) -> Result<(Spool, Exported), CarryError> {
        self.export(move |this, spool| export::down(this, spool, office, node, scans)).await
    }

    async fn export(
        self: &Arc<Self>,
        write: impl FnOnce(&Self, Spool) -> Result<(Spool, Exported), CarryError> + Send + 'static,
    ) -> Result<(Spool, Exported), CarryError> {
        let turn = self.turn()?;
        let last = self.engine.books().journal.durable();
        if !self.engine.applied(last).await {
            return Err(CarryError::Stopping);
        }
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let spool = this.spool()?;
            write(&this, spool)
        });
        let result = done.await.map_err(|_| CarryError::Stopping)?;
        self.count("export", result.as_ref().map_or_else(CarryError::code, |_| "done"));
        result
    }

    /// Bundles by verb and outcome since the start.
    pub fn metrics(&self, out: &mut Metrics) {
        let name = "motcua_bundles_total";
        out.family(name, "counter", "Bundle files, by verb and outcome.");
        for ((verb, outcome), count) in lock(&self.counts).iter() {
            out.sample(name, &[("verb", verb), ("outcome", outcome)], *count as f64);
        }
    }

    fn count(&self, verb: &'static str, outcome: &'static str) {
        *lock(&self.counts).entry((verb, outcome)).or_default() += 1;
    }

    fn turn(&self) -> Result<OwnedMutexGuard<()>, CarryError> {
        Arc::clone(&self.turn).try_lock_owned().map_err(|_| CarryError::Busy)
    }

    /// Name of an office as it is called now, or its id.
    fn office_name(&self, office: OfficeId) -> String {
        let trust = self.engine.trust();
        trust.office(office).map_or_else(|| office.to_string(), |office| office.name.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
