//! The narrow file system that the journal needs: small enough to fake honestly.
//!
//! The journal reaches the disk only through [`Fs`] and [`File`]; [`RealFs`] is the machine's own,
//! [`crate::mem::MemFs`] the one of tests and simulators.

mod real;

pub use real::RealFs;

use crate::error::{JournalError, Result};
use std::{io, path::Path, sync::Arc};

/// Directories of files. Names are UTF-8; anything else in a directory is not ours and not listed.
pub trait Fs: Send + Sync {
    /// Makes the directory and its parents where missing, durably.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Creates a file that must not exist yet, for reading and writing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Renames, replacing what has the new name, atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; open handles stay readable.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Names of the regular files in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a directory against other processes until the guard is dropped;
    /// [`io::ErrorKind::WouldBlock`] if it is locked.
    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>>;
    /// A monotonic clock in microseconds, for counters only.
    fn micros(&self) -> u64;
}

/// One open file. All calls take `&self`: readers share it with the one writer.
pub trait File: Send + Sync {
    /// Reads up to `buf.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes all bytes.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills the first `len` bytes of a new file with written zeros, not merely reserved blocks: a
    /// later `sync_data` then has no extent to convert and no size to record.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Makes the content durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Reads exactly `len` bytes at `offset`, or fewer where the file ends.
pub(crate) fn read_range(file: &dyn File, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>> {
    let mut buf = vec![0; len];
    let got =
        file.read_at(offset, &mut buf).map_err(|error| JournalError::io("read", path, &error))?;
    buf.truncate(got);
    Ok(buf)
}

/// Reads a whole file of at most `limit` bytes. Sectors the device cannot read come back as 0xFF, so
/// that their checksums fail and the records around them are still found.
pub(crate) fn read_tolerant(file: &dyn File, path: &Path, limit: u64) -> Result<Vec<u8>> {
    const STEP: usize = 4096;
    const EIO: i32 = 5;
    let fail = |error: &io::Error| JournalError::io("read", path, error);
    let len = file.len().map_err(|error| fail(&error))?.min(limit) as usize;
    let mut buf = vec![0; len];
    match file.read_at(0, &mut buf) {
        Ok(got) => {
            buf.truncate(got);
            return Ok(buf);
        }
        Err(error) if error.raw_os_error() == Some(EIO) => {
            tracing::error!(path = %path.display(), "unreadable sectors; reading around them");
        }
        Err(error) => return Err(fail(&error)),
    }
    for (index, chunk) in buf.chunks_mut(STEP).enumerate() {
        match file.read_at((index * STEP) as u64, chunk) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(EIO) => chunk.fill(0xFF),
            Err(error) => return Err(fail(&error)),
        }
    }
    Ok(buf)
}
