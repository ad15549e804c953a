//! Looking after what the books say is here: lengths at once at every start, contents behind it at a
//! gentle rate, those first that nobody else has. What is not as it should be is reported as damaged,
//! which corrects the books and fetches it again where somebody has it.

use super::{Vault, vault::hash_file};
use crate::{
    driver::{Driver, Signal},
    engine::Books,
};
use motcua_core::{
    id::Hash,
    replica::ScanDone,
    state::{Key, Kv, ScanTable, StoreError, rows::Scan},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

/// Bytes read a second: a hub's 100 GB in three and a half hours, a node's 5 GB in ten minutes.
const BYTES_A_SECOND: u64 = 8 * 1024 * 1024;
/// Pause between two passes: sectors go bad in months, not hours.
const EVERY: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Rows read at once.
const PAGE: usize = 500;

/// Passes over all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passes {
    /// Begun.
    pub begun: u64,
    /// Whose check of lengths has ended.
    pub lengths: u64,
    /// Ended.
    pub ended: u64,
}

#[derive(Default)]
struct Counters {
    begun: AtomicU64,
    lengths: AtomicU64,
    ended: AtomicU64,
}

enum Ask {
    Look,
    Stop,
}

pub(super) struct Handle {
    asks: Sender<Ask>,
    counters: Arc<Counters>,
}

impl Handle {
    pub(super) fn passes(&self) -> Passes {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Passes {
            begun: read(&self.counters.begun),
            lengths: read(&self.counters.lengths),
            ended: read(&self.counters.ended),
        }
    }

    pub(super) fn look_now(&self) {
        let _ = self.asks.send(Ask::Look);
    }

    pub(super) fn stop(&self) {
        let _ = self.asks.send(Ask::Stop);
    }
}

pub(super) fn new(vault: Vault, books: Books, driver: Driver) -> (Handle, Scrub) {
    let (asks, asked) = channel();
    let counters = Arc::<Counters>::default();
    let scrub = Scrub { vault, books, driver, asked, counters: Arc::clone(&counters) };
    (Handle { asks, counters }, scrub)
}

pub(super) struct Scrub {
    vault: Vault,
    books: Books,
    driver: Driver,
    asked: Receiver<Ask>,
    counters: Arc<Counters>,
}

/// The machine is stopping.
struct Stopped;

impl Scrub {
    pub(super) fn run(self) {
        loop {
            self.counters.begun.fetch_add(1, Ordering::Relaxed);
            match self.pass() {
                Ok(Err(Stopped)) => return,
                Ok(Ok(())) => {
                    self.counters.ended.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => tracing::error!(%error, "scans were not looked after"),
            }
            match self.asked.recv_timeout(EVERY) {
                Ok(Ask::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Ask::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn pass(&self) -> Result<Result<(), Stopped>, StoreError> {
        self.each(ScanTable::Files, &mut |hash, scan| {
            match self.vault.length(hash) {
                Ok(length) if length == Some(scan.size) => {}
                Ok(length) => self.report(hash, scan.size, length),
                Err(error) => tracing::error!(%error, scan = %hash, "a scan cannot be looked at"),
            }
            Ok(())
        })?
        .ok();
        self.counters.lengths.fetch_add(1, Ordering::Relaxed);
        for table in [ScanTable::ToGo, ScanTable::Files] {
            let looked = self.each(table, &mut |hash, scan| {
                // Those that nobody else has were looked at in the first round.
                if table == ScanTable::Files && !scan.above {
                    Ok(())
                } else {
                    self.look(hash, scan)
                }
            })?;
            if looked.is_err() {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Every scan of a table that should be here.
    fn each(
        &self,
        table: ScanTable,
        act: &mut dyn FnMut(Hash, Scan) -> Result<(), Stopped>,
    ) -> Result<Result<(), Stopped>, StoreError> {
        let mut from = Key::Scan(table, Hash::ZERO).bytes();
        let to = [Key::Scan(table, Hash([0xff; 32])).bytes(), vec![0]].concat();
        loop {
            let page = self.books.range(&from, &to, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                from = [key.as_slice(), &[0]].concat();
                let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
                // Read again: it may have changed since the page was.
                let row: Option<Scan> = self.books.row(Key::Scan(ScanTable::Files, hash))?;
                if let Some(scan) = row.filter(|scan| scan.here)
                    && act(hash, scan).is_err()
                {
                    return Ok(Err(Stopped));
                }
            }
            if !full {
                return Ok(Ok(()));
            }
        }
    }

    /// Reads a whole file, slowly.
    fn look(&self, hash: Hash, scan: Scan) -> Result<(), Stopped> {
        let mut stopped = false;
        let mut read = |bytes: usize| {
            let pause = Duration::from_micros(bytes as u64 * 1_000_000 / BYTES_A_SECOND);
            match self.asked.recv_timeout(if stopped { Duration::ZERO } else { pause }) {
                // A pass is under way already.
                Ok(Ask::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Ask::Stop) | Err(RecvTimeoutError::Disconnected) => stopped = true,
            }
        };
        let found = super::vault::present(self.vault.fs().open(&self.vault.path(hash)));
        let found =
            found.and_then(|file| file.map(|file| hash_file(&*file, &mut read)).transpose());
        match found {
            Ok(Some(found)) if found.hash == hash => {}
            Ok(found) => self.report(hash, scan.size, found.map(|found| found.size)),
            Err(error) => tracing::error!(%error, scan = %hash, "a scan cannot be looked at"),
        }
        if stopped { Err(Stopped) } else { Ok(()) }
    }

    fn report(&self, hash: Hash, size: u64, found: Option<u64>) {
        // It may have been forgotten while it was looked at.
        let row = self.books.row::<Scan>(Key::Scan(ScanTable::Files, hash));
        if row.is_ok_and(|row| row.is_some_and(|scan| scan.here)) {
            tracing::error!(scan = %hash, size, ?found, "a scan's file does not hold its bytes");
            self.driver.signal(Signal::Scan(ScanDone::Damaged { hash }));
        }
    }
}
