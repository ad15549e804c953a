//! A full disk. sled never comes back from a write that found no space: it answers nothing more, or
//! spins, and does not open again until there is some. So it is asked to write only where there is
//! room, all at once, and what it has not taken stays readable in memory (design/state.md).

use super::{SledStore, backend, beside};
use motcua_core::state::{Key, StoreError, rows::Meta};
use std::{
    path::Path,
    sync::{PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

/// Free bytes below which sled is asked for nothing: some batches, its snapshots, and the files that
/// it opens with.
const MARGIN: u64 = 16 * 1024 * 1024;
/// What rows take while they go in: the redo file, the blocks, and the segments that they leave.
const TIMES: u64 = 3;
/// Bytes of rows held in memory while there is no room; more than that is left in the journal, and
/// applied when the machine starts again.
pub(super) const HELD_BYTES: usize = 64 * 1024 * 1024;
/// How often a store that failed is looked at.
const LOOKED_AT: Duration = Duration::from_millis(500);

/// Bytes of a file that goes when a store has to be opened on a full disk: sled does not open where it
/// cannot write.
const RESERVE: u64 = 4 * 1024 * 1024;

/// Sets the reserve aside, where there is room for it.
pub(super) fn keep_reserve(dir: &Path) {
    let path = beside(dir, "reserve");
    if path.exists() || !is_room(dir, RESERVE as usize) {
        return;
    }
    let kept = std::fs::File::create(&path).and_then(|file| {
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE)?;
        Ok(())
    });
    if let Err(error) = kept {
        tracing::debug!(%error, "no reserve for a full disk");
        let _ = std::fs::remove_file(&path);
    }
}

/// Gives the reserve up; whether there was one.
pub(super) fn give_up_reserve(dir: &Path) -> bool {
    std::fs::remove_file(beside(dir, "reserve")).is_ok()
}

/// Whether a store may be asked to write so many bytes.
pub(super) fn is_room(dir: &Path, bytes: usize) -> bool {
    // A system that does not say has always let it try.
    let Ok(found) = rustix::fs::statvfs(dir.parent().unwrap_or(dir)) else { return true };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    free >= MARGIN + TIMES * bytes as u64 && may_grow(dir)
}

/// Whether the folder's own limit, if it has one, lets a file grow there.
fn may_grow(dir: &Path) -> bool {
    let probe = beside(dir, "probe");
    let grown = std::fs::File::create(&probe).and_then(|file| {
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 1 << 20)?;
        Ok(())
    });
    let full = |error: &std::io::Error| {
        matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
    };
    let _ = std::fs::remove_file(&probe);
    !grown.is_err_and(|error| full(&error))
}

impl SledStore {
    /// sled failed: it is closed, and what it should have taken stays in memory.
    pub(super) fn fail(&self, error: &StoreError) {
        tracing::error!(%error, "state store failed; it is opened again when there is space");
        self.recent_mut().stay();
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Opens a store that failed, if there is room.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let failed = || StoreError::Backend("the state store waits for space on the disk".into());
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(());
        }
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            #[expect(clippy::disallowed_methods, reason = "a pause between tries, not a time")]
            let now = Instant::now();
            if looked.is_some_and(|at| now.duration_since(at) < LOOKED_AT) {
                return Err(failed());
            }
            *looked = Some(now);
        }
        if !is_room(&self.dir, 0) {
            return Err(failed());
        }
        self.make_way()?;
        let fresh = Self::open_again(&self.dir)?;
        let applied = fresh.applied_in_sled()?;
        if applied < self.flushed.load(Ordering::Acquire) {
            let words =
                "the state store came back without what it had; it is rebuilt at the next start";
            return Err(StoreError::Backend(words.into()));
        }
        *open = fresh.open.write().unwrap_or_else(PoisonError::into_inner).take();
        self.held.store(false, Ordering::Release);
        tracing::warn!("the state store is open again");
        Ok(())
    }

    /// Everything that sled was handed is in its files, and this is the position that they reflect.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        let open = self.opened()?;
        open.db.flush().map_err(backend)?;
        self.flushed.store(self.applied_in_sled()?, Ordering::Release);
        Ok(())
    }

    /// The position that sled itself reflects, whatever is held in memory.
    fn applied_in_sled(&self) -> Result<u64, StoreError> {
        let key = Key::Meta.bytes();
        let Some((_, block)) = super::block_of(&self.opened()?.tree, &key)? else { return Ok(0) };
        let Some(bytes) = super::blocks::find(&block, &key)? else { return Ok(0) };
        let meta: Meta =
            postcard::from_bytes(&bytes).map_err(|_| StoreError::Corrupt { what: "meta row" })?;
        Ok(meta.applied)
    }
}
