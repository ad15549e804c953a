//! An image of the state beside it now and then, so that state which is lost comes back from the image
//! and the journal's end. Written between two batches: nothing waits for the applier but lists.

use super::books::Books;
use crate::{
    clock::{Clock, SystemClock},
    scans::free_bytes,
    startup::records_between_bases,
};
use motcua_core::{state::StoreError, time::Instant};
use motcua_journal::{Base, BaseWriter, RealFs};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Records after which a base is written while running, and at a clean end.
const BASE_EVERY: (u64, u64) = (200_000, 20_000);
/// Milliseconds before a base that could not be written is tried again: what it costs in vain stays a
/// small part of the applier's time.
const PAUSE: u64 = 10_000;
/// Free bytes beside what the state takes, without which none is begun: a try that must fail would
/// take the last space from those who save.
const SPARE: u64 = 16 * 1024 * 1024;

/// When a base is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Between two batches.
    Running,
    /// Before the process ends.
    Ending,
}

/// The bases of one machine.
pub(super) struct Bases {
    dir: PathBuf,
    owner: [u8; 16],
    /// Position of the newest one.
    newest: u64,
    /// When the one that is due could not be written last.
    failed: Option<Instant>,
    clock: SystemClock,
}

impl Bases {
    /// Those in a folder, of which the newest has this position.
    pub(super) fn new(dir: PathBuf, owner: [u8; 16], newest: u64) -> Self {
        Self { dir, owner, newest, failed: None, clock: SystemClock::default() }
    }

    /// Where they are, and whose they are.
    pub(super) fn place(&self) -> (&Path, &[u8; 16]) {
        (&self.dir, &self.owner)
    }

    /// Position of the newest one.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// The state was made from the journal or a base up to here.
    pub(super) fn begin_at(&mut self, applied: u64) {
        self.newest = applied;
    }

    /// Where the state stands.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.dir.with_file_name("state")
    }

    /// Writes one if it is time. One that could not be written stays due, and is tried again when there
    /// is space, after a pause.
    pub(super) fn consider(&mut self, books: &Books, applied: u64, due: Due) {
        let every = match due {
            Due::Running => records_between_bases(BASE_EVERY.0),
            Due::Ending => records_between_bases(BASE_EVERY.1),
        };
        if applied.saturating_sub(self.newest) < every {
            return;
        }
        let now = self.clock.monotonic();
        if self.failed.is_some_and(|at| now.since(at) < PAUSE) && due == Due::Running {
            return;
        }
        match self.room_for_one().and_then(|()| self.write(books, applied)) {
            Ok(base) => {
                tracing::info!(position = applied, pairs = base.pairs(), "base written");
                (self.newest, self.failed) = (applied, None);
            }
            Err(error) => {
                if self.failed.is_none() {
                    tracing::error!(%error,
                        "base not written; the journal keeps everything, and it is tried again");
                }
                self.failed = Some(now);
            }
        }
    }

    /// Whether there is room for one as large as the state, which is more than it takes.
    fn room_for_one(&self) -> Result<(), StoreError> {
        let wanted = crate::disk::bytes_in(&self.state_dir(), 2) + SPARE;
        match free_bytes(self.dir.parent().unwrap_or(&self.dir)) {
            Some(free) if free < wanted => {
                Err(StoreError::Backend(format!("{free} bytes are free, it wants {wanted}")))
            }
            _ => Ok(()),
        }
    }

    /// A fresh base in the place of those that are there, if there are any. They go when it is there, not
    /// before: on a full disk they are all that there is.
    pub(super) fn renew(&mut self, books: &Books, applied: u64) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| StoreError::Backend(error.to_string());
        let old: Vec<PathBuf> = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
            Ok(entries) => {
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()
            }
        }
        .map_err(failed)?;
        if old.is_empty() {
            return Ok(());
        }
        // One at this very position is of the old state; this takes its name.
        let fresh = self.write(books, applied)?;
        self.newest = applied;
        for file in old.into_iter().filter(|file| file != fresh.path()) {
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes and verifies a base that reflects the journal up to `applied`.
    fn write(&self, books: &Books, applied: u64) -> Result<Base, StoreError> {
        let failed = |error: motcua_journal::JournalError| StoreError::Backend(error.to_string());
        let writer = concat!("motcua ", env!("CARGO_PKG_VERSION"));
        let fs = Arc::new(RealFs::new());
        let mut base =
            BaseWriter::create(fs, &self.dir, applied, self.owner, writer).map_err(failed)?;
        for pair in books.state.iter()? {
            let (key, value) = pair?;
            base.put(&key, &value).map_err(failed)?;
        }
        base.finish().map_err(failed)
    }
}
