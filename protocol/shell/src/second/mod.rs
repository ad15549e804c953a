//! A second local copy: another disk or a stick on which this machine's own work also stands, so
//! that a dead disk costs nothing of it. Saving never waits for it; the page says "in two places"
//! only of what is synced there.
//!
//! What is kept there is what would go up: frames signed by this machine, with the leases of
//! numbers beside them, in a journal of the same make. So whoever restores it can prove every
//! entry, also when the key that signed them died with the machine. Scans stand beside, in a vault
//! like the machine's own, behind the log: see [`shelf`].

mod disk;
mod job;
mod restore;
mod room;
mod shelf;
mod unpack;

#[cfg(test)]
mod tests;

pub use disk::{DiskError, MARKER};
pub use restore::{RestoreError, Restored, restore};

use crate::{clock::Clock, driver::Signal, engine::Engine, scans::free_bytes};
use disk::Disk;
use motcua_core::{
    id::{Hash, LogId},
    record::{Record, ScanEvent},
    replica::{Config, Data, Event, Head, UpExport},
    state::{Key, Kv},
    time::Timestamp,
};
use motcua_journal::RealFs;
use shelf::{Machine, Pace, Shelf, ShelfError, Stepped};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

/// How often the copy is looked at; an entry waits half of it on average.
const LOOK: Duration = Duration::from_millis(100);
/// Pause between two stretches of scans that somebody else has too: 8 MB/s.
const GENTLY: Duration = Duration::from_millis(125);
/// Folder of the scans in a copy.
const SCANS: &str = "attachments";
/// Pause before a disk that is away or full is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Payload bytes after which the copy is synced while it is being filled.
const SYNC_BYTES: usize = 1024 * 1024;

/// Where the second copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondSettings {
    /// A folder on another disk or stick, which is mounted there.
    pub dir: PathBuf,
    /// Counts the folder as a place although it is on the disk of the data, as in a test.
    pub same_disk: bool,
}

/// How the second copy is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecondStatus {
    /// Own entries that are synced there.
    pub holds: u64,
    /// Scans that the hub lacks and whose copy there was read and is good.
    pub scans: Arc<BTreeSet<Hash>>,
    /// When it last held everything there was, by this machine's clock.
    pub level_at: Option<Timestamp>,
    /// Why it is not being written.
    pub trouble: Option<Trouble>,
    /// Faults since the start, by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Why the second copy is not being written, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A word for metrics: `away`, `wrong`, `full`, `scans_full`, `same_disk`, `failed`.
    pub kind: &'static str,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

impl Trouble {
    fn of(error: &DiskError) -> Self {
        Self { kind: error.kind(), vi: error.vi(), en: error.to_string() }
    }

    /// The log is copied; these scans are not.
    fn scans_full(dir: &std::path::Path, count: u64, bytes: u64) -> Self {
        let (dir, mb) = (dir.display(), bytes.div_ceil(1_000_000));
        Self {
            kind: "scans_full",
            vi: format!(
                "{dir} không còn chỗ cho {count} bản quét ({mb} MB); hồ sơ vẫn được chép. Hãy dùng USB \
                 lớn hơn."
            ),
            en: format!(
                "{dir} has no room for {count} scans ({mb} MB); the dossiers go on being copied. Use \
                 a larger stick."
            ),
        }
    }
}

/// The thread that keeps the second copy.
pub struct SecondCopy {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    status: Mutex<SecondStatus>,
    stopping: Mutex<bool>,
    wake: Condvar,
}

impl SecondCopy {
    /// Starts keeping it.
    ///
    /// # Errors
    /// What the system says about the thread.
    pub fn start(engine: Arc<Engine>, settings: SecondSettings) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let keeper =
            Keeper { engine, settings, shared: Arc::clone(&shared), disk: None, set_back: None };
        let thread =
            std::thread::Builder::new().name("second-copy".into()).spawn(move || keeper.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// How it is doing.
    pub fn status(&self) -> SecondStatus {
        lock(&self.shared.status).clone()
    }

    /// Ends the thread; what is on this machine's disk is copied at the next start. Blocks.
    pub fn stop(&self) {
        *lock(&self.shared.stopping) = true;
        self.shared.wake.notify_all();
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the second copy had panicked");
        }
    }
}

struct Keeper {
    engine: Arc<Engine>,
    settings: SecondSettings,
    shared: Arc<Shared>,
    disk: Option<(Disk, Shelf)>,
    /// The log that was found to go on there beyond this machine's disk.
    set_back: Option<LogId>,
}

impl Keeper {
    fn run(mut self) {
        loop {
            let pause = match self.turn() {
                Ok(Pace::Idle) => LOOK,
                Ok(Pace::Gently) => GENTLY,
                Ok(Pace::Now) => Duration::ZERO,
                Err(error) => {
                    self.failed(&error);
                    RETRY
                }
            };
            let stopping = lock(&self.shared.stopping);
            let waited = self.shared.wake.wait_timeout_while(stopping, pause, |stop| !*stop);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return;
            }
        }
    }

    /// Brings the copy up to what the state reflects: all of the log, and a little of the scans.
    fn turn(&mut self) -> Result<Pace, DiskError> {
        let (engine, settings) = (&self.engine, &self.settings);
        let now = engine.clock().monotonic();
        let (mut disk, mut shelf) = match self.disk.take() {
            Some(open) => open,
            None => {
                let (data, domain) = (engine.data_dir(), engine.config().domain);
                let disk = Disk::open(settings, data, engine.me, domain, Arc::new(RealFs::new()))?;
                let shelf = Shelf::open(Arc::new(RealFs::new()), &settings.dir, now);
                (disk, shelf.map_err(|error| DiskError::io(&settings.dir, &error))?)
            }
        };
        disk.present()?;
        if let Err(error) = fill(engine, &mut disk) {
            if let DiskError::Full(dir) = &error {
                // The log goes before scans that the hub has; it is tried again in a moment.
                let enough = || free_bytes(dir).is_some_and(|free| free >= shelf::RESERVE);
                shelf.give_way(engine.books(), enough).map_err(|error| self.shelf(&error))?;
            }
            return Err(error);
        }
        let (log, head) = (engine.own().log(), engine.own().head());
        let holds = disk.held(log);
        if holds > head && self.set_back != Some(log) {
            // The copy remembers more than the disk: this machine was set back.
            let parent = Head { log, sequence: holds, root: Hash::ZERO };
            engine.driver().signal(Signal::Tell(Event::OwnLogDiverged { parent, whole: false }));
            self.set_back = Some(log);
        }
        let machine = Machine {
            vault: engine.scans().vault(),
            books: engine.books(),
            now,
            free: &|| free_bytes(&settings.dir),
        };
        let stepped = shelf.step(&machine);
        let mut status = lock(&self.shared.status);
        status.holds = holds;
        status.scans = shelf.safe();
        let bad = shelf.take_bad();
        if bad > 0 {
            *status.faults.entry("scan_copy").or_default() += bad;
        }
        let trouble = match shelf.no_room() {
            (0, _) => None,
            (count, bytes) => Some(Trouble::scans_full(&settings.dir, count, bytes)),
        };
        note(&mut status, trouble);
        if holds == head {
            status.level_at = Some(engine.clock().wall());
        }
        drop(status);
        let Stepped { pace, damaged, returned } = stepped.map_err(|error| self.shelf(&error))?;
        if let Some(hash) = damaged {
            engine.scans().damaged(hash);
        }
        if let Some((hash, size)) = returned {
            tracing::info!(scan = %hash, "a scan came back from the second copy");
            let record = Record::Scan { hash, event: ScanEvent::Here { size } };
            // What cannot be written now is found again at the next walk.
            engine.pen().write(vec![record], Box::new(drop));
        }
        self.disk = Some((disk, shelf));
        Ok(pace)
    }

    fn shelf(&self, error: &ShelfError) -> DiskError {
        match error {
            ShelfError::Books(error) => DiskError::Source(error.to_string()),
            ShelfError::Disk(error) => DiskError::io(&self.settings.dir, error),
        }
    }

    fn failed(&mut self, error: &DiskError) {
        let trouble = Trouble::of(error);
        let mut status = lock(&self.shared.status);
        // What is synced on a stick that is away is still in two places, as long as it is the
        // same stick; what was being written is not known to be.
        if error.loses_count() {
            status.holds = 0;
            status.scans = Arc::default();
        }
        note(&mut status, Some(trouble));
        drop(status);
        self.disk = None;
    }
}

/// Trouble is counted and logged when it begins or changes its kind.
fn note(status: &mut SecondStatus, trouble: Option<Trouble>) {
    if let Some(trouble) = &trouble
        && status.trouble.as_ref().map(|known| known.kind) != Some(trouble.kind)
    {
        tracing::warn!(kind = trouble.kind, why = %trouble.en, "second copy");
        *status.faults.entry(trouble.kind).or_default() += 1;
    }
    status.trouble = trouble;
}

/// Copies what the disk lacks: leases first, so that no number is used whose lease is not there.
fn fill(engine: &Engine, disk: &mut Disk) -> Result<(), DiskError> {
    let unreadable = |error: &dyn std::fmt::Display| DiskError::Source(error.to_string());
    let wall = engine.clock().wall();
    let trust = engine.trust();
    // What is kept here does not depend on there being a hub.
    let config = engine.config();
    let config = Config { parent: Some(config.key.public()), ..config };
    let books = engine.books();
    let (mut export, _) = UpExport::new(books, &config, &trust, disk.all_held(), wall)
        .map_err(|error| unreadable(&error))?;
    let (from, to) = (Key::Lease(0).bytes(), Key::Lease(u64::MAX).bytes());
    let leases = books.range(&from, &to, usize::MAX).map_err(|error| unreadable(&error))?;
    for (_, lease) in leases {
        disk.lease(lease)?;
    }
    let mut bytes = 0;
    while let Some(message) = export.next_message().map_err(|error| unreadable(&error))? {
        bytes += message.len();
        match postcard::from_bytes(&message).map_err(|error| unreadable(&error))? {
            Data::Log { log, binding } => {
                disk.author(&Record::Author { log, binding, origin: engine.me.node })?;
            }
            Data::Up(frame) => disk.append(&Record::Up { from: engine.me.node, frame })?,
            Data::Down(_) | Data::Trust(_) | Data::Refill(_) => {}
        }
        if bytes >= SYNC_BYTES {
            disk.sync()?;
            bytes = 0;
        }
    }
    disk.sync()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
