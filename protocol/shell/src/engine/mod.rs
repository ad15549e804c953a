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
mod books;
mod check;
mod evict;
mod forget;
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

use crate::{
    clock::{Clock, SystemClock},
    driver::{Driver, Signal, Snapshot},
    identity::Identity,
    renewal::Certificate,
    scans::Scans,
    startup::Startup,
    store::Opened,
};
use motcua_core::{
    id::{DossierId, NodeId},
    ledger::{Content, Me},
    record::Record,
    replica::{Bounds, Config, Event, Received, parent_of},
    state::{
        Key,
        rows::{Images, Meta},
    },
    time::{ClockError, ClockQuality, HubTime, Timestamp},
    trust::{Binding, NodeKind, Offered, Signed, TrustView},
};
use queue::Queue;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread::JoinHandle,
    time::Duration,
};
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

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The identity does not hold together.
    #[error("this machine's identity is not in order: {0}")]
    Identity(#[from] motcua_core::trust::TrustError),
    /// The journal of another machine stands where this machine's should.
    #[error(
        "sổ ghi ở đây là của máy khác ({0}); không ghi gì vào đó: hãy đặt lại thư mục dữ liệu của máy này \
         / the journal that stands here is another machine's: {0}"
    )]
    Foreign(motcua_journal::JournalError),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened: {0}")]
    Journal(#[from] motcua_journal::JournalError),
    /// The state cannot be opened or rebuilt.
    #[error("the state cannot be opened: {0}")]
    State(#[from] motcua_core::state::StoreError),
    /// The machine has worked before, and its journal is gone.
    #[error(
        "sổ ghi ở {dir} trống dù máy này đã từng làm việc; không chạy trên đĩa trống: hãy khôi phục dữ \
         liệu (lệnh restore), hoặc đăng ký lại máy / the journal in {dir} is empty although this machine \
         has worked before; do not start it on an empty disk: restore the data, or enrol the machine anew"
    )]
    DataMissing {
        /// Where the journal should be.
        dir: PathBuf,
    },
    /// The state has to be made from nothing, and the journal does not begin at its beginning.
    #[error(
        "mất trạng thái và sổ ghi ở {dir} bắt đầu từ bản ghi {first}, phần trước không còn và không có \
         ảnh trạng thái thay thế; hãy khôi phục dữ liệu, hoặc cài lại phiên bản đã ghi nó / the state is \
         lost and the journal in {dir} begins at record {first}: what stood before it is gone, and there \
         is no base of this version's layout in its place; restore the data, or put back the version that \
         wrote it"
    )]
    BeginningMissing {
        /// Where the journal is.
        dir: PathBuf,
        /// First record that is there.
        first: u64,
    },
    /// Records of the own log are damaged or missing, and the state does not reflect them.
    #[error(
        "sổ ghi của máy này bị hỏng ({what}); không ghi tiếp vào đó: hãy khôi phục dữ liệu, hoặc đăng ký \
         lại máy / this machine's own records in the journal are damaged ({what}), and nothing is written \
         behind them: restore the data, or enrol the machine anew"
    )]
    OwnRecords {
        /// What is wrong.
        what: &'static str,
    },
    /// The process was to end before the start was through.
    #[error("the start was broken off because the process is to end")]
    Stopped,
    /// The thread that brings the state up to the journal ended without a word.
    #[error("the applier ended while it was starting; the log says why")]
    Applier,
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl StartError {
    /// Whether data that must be there are not: no start can mend that, a person has to.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::DataMissing { .. }
            | Self::BeginningMissing { .. }
            | Self::Foreign(_)
            | Self::OwnRecords { .. } => true,
            Self::Identity(_)
            | Self::Journal(_)
            | Self::State(_)
            | Self::Stopped
            | Self::Applier
            | Self::Io { .. } => false,
        }
    }
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
        queue.begin(books.journal.durable(), applier.bases.newest);
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

    /// How far the start is, and what became of a state that was lost.
    pub fn startup(&self) -> &Startup {
        &self.startup
    }

    /// What the own records said that the state did not reflect when this process started.
    pub fn own_records(&self) -> std::sync::MutexGuard<'_, OwnRecords> {
        self.own_records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the images of a new machine have come.
    ///
    /// # Errors
    /// [`motcua_core::state::StoreError`] when the state cannot be read.
    pub fn images(&self) -> Result<Images, motcua_core::state::StoreError> {
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

    fn hub_time(&self) -> std::sync::MutexGuard<'_, Option<HubTime>> {
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
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the state store was found at the start.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// How far the state is; changes can be awaited.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until the state reflects the journal up to `position`; false if it never will, or not
    /// before there is space for it.
    pub async fn applied(&self, position: u64) -> bool {
        self.queue.hurry(position);
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| match progress {
            Progress::At(at) => *at >= position,
            Progress::Waiting(..) | Progress::Broken(_) => true,
        });
        reached.await.is_ok_and(|reached| reached.at().is_some_and(|at| at >= position))
    }

    /// Waits until the state, lists included, reflects everything that is on disk; false if it
    /// never will.
    pub async fn level(&self) -> bool {
        let mut progress = self.progress.clone();
        let level = progress
            .wait_for(|progress| matches!(progress, Progress::Broken(_)) || self.unapplied() == 0);
        matches!(level.await.as_deref(), Ok(Progress::At(_)))
    }

    /// Waits until a state that was lost is whole again, lists included; at once where none was.
    pub async fn whole(&self) {
        let whole = || self.startup.rebuild().is_none_or(|rebuild| rebuild.whole.is_some());
        let mut progress = self.progress.clone();
        let told = progress.wait_for(|_| whole()).await.is_ok();
        if !told {
            // It ended before that.
            std::future::pending::<()>().await;
        }
    }

    /// Counters of the state.
    ///
    /// # Errors
    /// [`StoreError`](motcua_core::state::StoreError) when the state cannot be read.
    pub fn meta(&self) -> Result<Meta, motcua_core::state::StoreError> {
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

    /// This machine was bound anew: what it shows from now on.
    pub(crate) fn bound(&self, binding: Vec<u8>) {
        self.lock_config().binding.clone_from(&binding);
        self.own.bound(binding.clone());
        self.driver.signal(Signal::Bound(binding));
    }

    fn lock_config(&self) -> std::sync::MutexGuard<'_, Config> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Writes a record that goes with no entry, and waits for the disk.
    ///
    /// # Errors
    /// [`SaveError`]; it was not written.
    pub async fn record(&self, record: Record) -> Result<(), SaveError> {
        let (told, answer) = tokio::sync::oneshot::channel();
        let tell = move |result| {
            // Whoever waited may have gone.
            let _ = told.send(result);
        };
        self.pen.write(vec![record], Box::new(tell));
        answer.await.map_err(|_| SaveError::Stopping)?.map_err(SaveError::from)?;
        Ok(())
    }

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
    fn keep_house(&self, running: std::sync::mpsc::SyncSender<()>, thread: JoinHandle<()>) {
        self.threads().push(thread);
        let mut running_all = self.housekeeping.lock().unwrap_or_else(PoisonError::into_inner);
        running_all.push(running);
        if self.startup.is_stopping() {
            running_all.clear();
        }
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine itself does about events.
    fn react(self: &Arc<Self>, event: Event) {
        match event {
            Event::Trust(view) => self.adopt(*view),
            Event::OwnLogDiverged { parent, whole } => self.diverged(parent, whole),
            Event::Checked(report) => {
                self.checks.note(self.clock.wall(), report);
            }
            Event::SetBack => self.checks.note_set_back(),
            Event::Received(_) => {
                self.received_at.store(self.clock.wall().0, Ordering::Relaxed);
            }
            Event::RootReceived(told) => {
                if told.log == self.own.log() {
                    let mut root =
                        self.root_received.lock().unwrap_or_else(PoisonError::into_inner);
                    *root = Received { sequence: told.sequence.max(root.of(told.log)), ..told };
                }
            }
            Event::Settled(Received { log, sequence }) => {
                // The hub tells again at the next hello, so nobody waits for this record.
                if log == self.own.log() && sequence == self.own.head() {
                    let at = self.clock.wall();
                    let record = Record::Acknowledged { log, sequence, at };
                    self.pen.write(vec![record], Box::new(drop));
                }
            }
            Event::Refused { peer, kind, reason } => {
                let peer = peer.map(|peer| peer.to_string());
                tracing::warn!(peer, kind, %reason, "a link was refused");
                let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                *refusals.entry(kind).or_default() += 1;
            }
            Event::TwoAlive { node } => {
                tracing::error!(
                    %node,
                    "two machines hold the key of this one and both are connected: one is a copy; \
                     find it, and ban or enrol it anew"
                );
                let mut seen = self.two_alive.lock().unwrap_or_else(PoisonError::into_inner);
                *seen.entry(node).or_default() += 1;
            }
            Event::Unread(unread) => {
                let (trust, now) = (self.trust(), self.clock.wall());
                tracing::warn!(office = %unread.office, "{}", words::unread_en(&trust, &unread, now));
            }
            Event::Cut { office, upto, why } => {
                tracing::info!(%office, upto, ?why, "rows of an inbox are kept no more");
            }
            Event::HubClock(said) => {
                let at = self.clock.monotonic();
                *self.hub_time() = Some(HubTime { said, at });
            }
            Event::Greeted { .. } | Event::InSync => {}
        }
    }

    fn put_in_force(&self, view: TrustView) {
        if let Err(error) = Identity::save_trust(&self.data_dir, &view) {
            tracing::warn!(%error, "new trust documents are in the journal only");
        }
        (self.trusted)(&view);
        // First the driver: whoever sees the new documents here may send it what needs them.
        self.driver.signal(Signal::Trust(Box::new(view.clone())));
        *self.trust.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|source| StartError::Io { what: format!("thread {name} not started"), source })
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
