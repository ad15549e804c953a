//! Scans on this machine's disk: taking them in, reading them, moving them for the replica, looking
//! after them, and forgetting them. Which are here is for the journal to say; see design/scans.md.

mod filling;
mod forget;
mod metrics;
mod reading;
mod scrub;
mod upload;
mod vault;
mod worker;

#[cfg(test)]
mod tests;

pub use forget::ForgetError;
pub use metrics::collect;
pub use reading::Reading;
pub use scrub::Passes;
pub use upload::{Stored, Upload, UploadError};
pub use vault::{Hashed, Vault};
pub(crate) use vault::{hash_file, present};

use crate::{
    driver::{Driver, Signal},
    engine::Books,
};
use motcua_core::{
    id::Hash,
    replica::{ScanDone, ScanIo, ScanTrouble},
    state::{
        Key, ScanTable, StoreError,
        rows::{Scan, ScanCounts},
    },
};
use motcua_journal::RealFs;
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc::Sender},
    thread::JoinHandle,
};
use worker::Request;

/// Free bytes below which no scan is taken in: the journal's are worth more.
const RESERVE: u64 = 256 * 1024 * 1024;

/// Scans of a running engine.
pub struct Scans {
    vault: Vault,
    books: Books,
    driver: Driver,
    worker: Sender<Request>,
    scrub: scrub::Handle,
    /// Not looking after the files yet.
    idle: Mutex<Option<scrub::Scrub>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Scans {
    /// Opens the directory of scans and starts the threads that move and look after them.
    ///
    /// # Errors
    /// What the system says about directory or threads.
    pub fn start(dir: &Path, books: Books, driver: Driver) -> io::Result<Self> {
        let scans = Self::open_idle(dir, books, driver)?;
        scans.look_after()?;
        Ok(scans)
    }

    /// The same over books that are not whole yet: what they lack would not be looked after.
    ///
    /// # Errors
    /// What the system says about directory or threads.
    pub(crate) fn open_idle(dir: &Path, books: Books, driver: Driver) -> io::Result<Self> {
        let vault = Vault::open(Arc::new(RealFs::new()), dir)?;
        let (worker, moving) = worker::start(vault.clone(), driver.clone())?;
        let (scrub, idle) = scrub::new(vault.clone(), books.clone(), driver.clone());
        let (threads, idle) = (Mutex::new(vec![moving]), Mutex::new(Some(idle)));
        Ok(Self { vault, books, driver, worker, scrub, idle, threads })
    }

    /// The books are whole: looks after the files from here on.
    ///
    /// # Errors
    /// What the system says about the thread.
    pub(crate) fn look_after(&self) -> io::Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(scrub) = idle else { return Ok(()) };
        let looking =
            std::thread::Builder::new().name("scan-scrub".into()).spawn(move || scrub.run())?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(looking);
        Ok(())
    }

    /// Where they lie.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Hands the replica's requests to the disk.
    pub fn mover(&self) -> Box<dyn Fn(ScanIo) + Send> {
        let worker = self.worker.clone();
        Box::new(move |request| {
            // At the very end nobody moves anything.
            let _ = worker.send(Request::Io(request));
        })
    }

    /// Begins to take in a scan at the counter.
    ///
    /// # Errors
    /// [`UploadError::NoRoom`] when the disk is nearly full, or what it says.
    pub fn upload(&self) -> Result<Upload, UploadError> {
        if !has_room(self.vault.dir()) {
            return Err(UploadError::NoRoom);
        }
        Upload::new(&self.vault)
    }

    /// What the books say of a scan.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn row(&self, hash: Hash) -> Result<Scan, StoreError> {
        Ok(self.books.row(Key::Scan(ScanTable::Files, hash))?.unwrap_or_default())
    }

    /// Counters over all scans.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn counts(&self) -> Result<ScanCounts, StoreError> {
        Ok(self.books.row(Key::Scan(ScanTable::Counts, Hash::ZERO))?.unwrap_or_default())
    }

    /// Opens a scan for reading. Damage is reported, so that it is fetched again. Blocks on the disk.
    ///
    /// # Errors
    /// [`ScanTrouble`]
    pub fn open(&self, hash: Hash, size: u64) -> Result<Reading, ScanTrouble> {
        let opened = Reading::open(&self.vault, hash, size);
        if matches!(opened, Err(ScanTrouble::Damaged)) {
            self.damaged(hash);
        }
        opened
    }

    /// A reader found a piece that is not the scan's.
    pub fn damaged(&self, hash: Hash) {
        self.driver.signal(Signal::Scan(ScanDone::Damaged { hash }));
    }

    /// Asks for a scan that is not here to be fetched.
    pub fn want(&self, hash: Hash) {
        self.driver.signal(Signal::WantScan(hash));
    }

    /// Passes over all files since the start: begun, and ended.
    pub fn passes(&self) -> Passes {
        self.scrub.passes()
    }

    /// Looks at every file now: sizes first, then contents.
    pub fn look_now(&self) {
        self.scrub.look_now();
    }

    /// Ends the threads; what is half read stays for the next start.
    pub fn stop(&self) {
        let _ = self.worker.send(Request::Stop);
        self.scrub.stop();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the scans had panicked");
            }
        }
    }
}

/// Whether there is room beside what the journal may need; unknown is yes, the disk will say.
pub(crate) fn has_room(dir: &Path) -> bool {
    free_bytes(dir).is_none_or(|free| free >= RESERVE)
}

/// Bytes that may still be written on the disk of a folder; none if it does not say.
pub(crate) fn free_bytes(dir: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(dir).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
