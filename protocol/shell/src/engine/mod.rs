//! A running replica: journal, state, applier and driver put together, the same for node and hub.
//!
//! ```text
//! save ----\                       /--> applier --> state --> pages, look-ups
//!           >-- journal (fsync) --+---> driver (replica) <--> links
//! frames --/                       \--> whoever waits for "saved"
//! ```
//! What this shell promises the core: records are reported in order and only when they are on
//! disk; the applier sees every record once, in order; nobody below is shown a consequence of a
//! decision before the decision is on disk.

mod applier;
mod bases;
mod books;
mod check;
mod events;
mod evict;
mod forget;
mod known;
mod load;
mod mend;
mod own;
mod own_pass;
mod pen;
mod queue;
mod recover;
mod rewrite;
mod rise;
mod rulings;
mod start_error;
mod threads;
mod waits;
pub mod words;

pub use applier::Progress;
pub use books::Books;
pub use evict::Eviction;
pub use own::{OwnWriter, SaveError, Saved};
pub use own_pass::OwnRecords;
pub use pen::{Done, Durable, Pen};
pub(crate) use recover::{begin_journal, lane_of, worked_before};
pub use rise::said_of;
pub use rulings::{Ruling, RulingError};
pub use start_error::StartError;

use crate::{
    clock::SystemClock,
    driver::{Driver, Signal},
    identity::Identity,
    renewal::Certificate,
    scans::Scans,
    startup::Startup,
    store::Opened,
};
use motcua_core::{
    id::{DossierId, NodeId},
    ledger::{Content, Me},
    replica::{Bounds, Config, Event, Quota, Received, parent_of},
    time::HubTime,
    trust::{NodeKind, Offered, TrustView},
};
use queue::Queue;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64},
        mpsc::Receiver,
    },
    thread::JoinHandle,
    time::Duration,
};
use threads::spawn;
use tokio::sync::watch;

/// Told of the dossiers that a batch changed.
pub type Changed = Box<dyn Fn(&BTreeSet<DossierId>) + Send>;
/// Told of events on links.
pub type Told = Box<dyn Fn(&Event) + Send>;
/// Told of trust documents that come into force.
pub type Trusted = Box<dyn Fn(&TrustView) + Send + Sync>;

/// What an engine needs to start.
pub struct Options<C> {
    /// Data directory.
    pub data_dir: PathBuf,
    /// Who this machine is.
    pub identity: Identity,
    /// What the dossiers' payloads mean.
    pub content: C,
    /// Called after each batch with the dossiers that changed.
    pub changed: Changed,
    /// Asks for the parent to be dialled.
    pub dial: Box<dyn Fn() + Send>,
    /// Told what happened on links.
    pub event: Told,
    /// Told of trust documents that come into force.
    pub trusted: Trusted,
    /// Told of records once they are on disk.
    pub durable: Option<Durable>,
    /// Bytes of a journal segment, where the default will not do.
    pub segment_bytes: Option<u64>,
    /// Starts without dialling the parent.
    pub offline: bool,
    /// How long a purged dossier may stand in files; what is revoked meanwhile goes with it.
    pub purge_delay: Duration,
    /// What is kept of inboxes.
    pub keep: Bounds,
    /// What each machine of an office may write here.
    pub quota: Quota,
    /// When closed dossiers leave; nodes only, and never if it is not said.
    pub evict: Option<Eviction>,
    /// Told how far the start is.
    pub startup: Startup,
}

/// A running replica.
pub struct Engine {
    /// Node and office.
    pub me: Me,
    /// Whether this is a hub.
    pub kind: NodeKind,
    books: Books,
    pen: Pen,
    driver: Driver,
    own: OwnWriter,
    own_records: Mutex<OwnRecords>,
    trust: Mutex<TrustView>,
    /// The newest trust documents handed to the journal.
    offered: Mutex<Offered>,
    trusted: Trusted,
    /// As long as they are there, forgetter and evictor run.
    housekeeping: Mutex<Vec<std::sync::mpsc::SyncSender<()>>>,
    progress: watch::Receiver<Progress>,
    queue: Arc<Queue>,
    data_dir: PathBuf,
    threads: Mutex<Vec<JoinHandle<()>>>,
    clock: SystemClock,
    opened: Opened,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    two_alive: Mutex<BTreeMap<NodeId, u64>>,
    received_at: AtomicI64,
    root_received: Mutex<Received>,
    eviction_looks: AtomicU64,
    /// The parent's time, since it was first heard.
    hub_time: Mutex<Option<HubTime>>,
    rewriting: rewrite::Rewriting,
    checks: check::Checks,
    scans: Scans,
    config: Mutex<Config>,
    certificate: Certificate,
    startup: Startup,
}

/// An engine whose counter can write, while its state is brought up to the journal behind it. Links,
/// and whatever acts on the state, wait for that.
pub struct Opening {
    /// The engine.
    pub engine: Arc<Engine>,
    ended: Receiver<Result<(), StartError>>,
}

impl Opening {
    /// Waits until the state reflects the journal and everything runs. Blocks.
    ///
    /// # Errors
    /// [`StartError`] saying what could not be brought up; the engine is of no use then.
    pub fn wait(self) -> Result<Arc<Engine>, StartError> {
        self.ended.recv().unwrap_or(Err(StartError::Applier))?;
        Ok(self.engine)
    }
}

impl Engine {
    /// Opens journal and state, brings the state up to date, and starts the threads. Blocks while
    /// it recovers.
    ///
    /// # Errors
    /// [`StartError`] saying what could not be opened.
    pub fn start<C: Content + Send + 'static>(
        options: Options<C>,
    ) -> Result<Arc<Self>, StartError> {
        Self::open(options)?.wait()
    }

    /// Opens journal and state and reads the own records, which is all that a counter needs to write;
    /// the rest goes on behind. Blocks for that.
    ///
    /// # Errors
    /// [`StartError`] saying what could not be opened.
    pub fn open<C: Content + Send + 'static>(options: Options<C>) -> Result<Opening, StartError> {
        let Options { data_dir, identity, content, changed, startup, .. } = options;
        let binding = identity.bound()?;
        let key = identity.device.clone();
        let me = Me { node: key.public().node_id(), office: binding.office };
        let (driver, signals) = Driver::new();
        let queue = Arc::new(Queue::default());
        let (progress, watched) = watch::channel(Progress::At(0));
        let recovered = recover::open(recover::Inputs {
            data_dir: &data_dir,
            me,
            kind: binding.kind,
            identity: &identity,
            content,
            progress,
            changed,
            segment_bytes: options.segment_bytes,
            startup: &startup,
        })?;
        let recover::Recovered { applier, commit, books, opened, own } = recovered;
        queue.begin(books.journal.durable(), applier.bases.newest());
        let pen = Pen::new(commit, Arc::clone(&queue), driver.clone(), options.durable);
        if options.offline {
            driver.signal(Signal::Pause(true));
        }
        let trust = identity.trust.clone();
        let config = Config {
            key: key.clone(),
            me,
            domain: trust.domain(),
            binding: identity.binding.encode(),
            parent: parent_of(&trust, &binding),
            seed: random_u64(),
            software: env!("CARGO_PKG_VERSION").into(),
            keep: options.keep,
            quota: options.quota,
        };
        let writer = OwnWriter::new(&key.public(), &own, pen.clone(), identity.binding.encode());
        let mending = {
            let (mender, attempt) = (pen.mender().clone(), writer.attempt());
            spawn("journal-mender", move || mender.run(&attempt))?
        };
        if own.log_is_over {
            writer.end(own.log)?;
        }
        let dir = data_dir.join("attachments");
        let scans = Scans::open_idle(&dir, books.clone(), driver.clone()).map_err(|source| {
            StartError::Io { what: format!("{} cannot be opened", dir.display()), source }
        })?;
        let certificate = Certificate::default();
        let leaf = identity.tls_chain.first();
        let end = leaf.and_then(|leaf| crate::certificate::end_of(leaf));
        certificate.set_end(end.unwrap_or_default());
        let engine = Arc::new(Self {
            me,
            kind: binding.kind,
            books,
            pen,
            driver,
            own: writer,
            own_records: Mutex::new(own),
            offered: Mutex::new(Offered::new(trust.clone())),
            trust: Mutex::new(trust),
            trusted: options.trusted,
            progress: watched,
            queue,
            data_dir,
            threads: Mutex::default(),
            clock: SystemClock::default(),
            opened,
            refusals: Mutex::default(),
            two_alive: Mutex::default(),
            received_at: AtomicI64::default(),
            root_received: Mutex::default(),
            eviction_looks: AtomicU64::default(),
            hub_time: Mutex::default(),
            rewriting: rewrite::Rewriting::default(),
            checks: check::Checks::default(),
            scans,
            config: Mutex::new(config),
            certificate,
            housekeeping: Mutex::default(),
            startup,
        });
        let rest = rise::Rest {
            signals,
            dial: options.dial,
            event: options.event,
            purge_delay: options.purge_delay,
            evict: options.evict,
            runtime: tokio::runtime::Handle::try_current().ok(),
        };
        engine.threads().push(mending);
        let ended = rise::rise(&engine, applier, rest)?;
        Ok(Opening { engine, ended })
    }
}

/// Fresh random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness no id is safe to make; the system has failed in a way nothing survives.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

fn random_u64() -> u64 {
    u64::from_le_bytes(random())
}
