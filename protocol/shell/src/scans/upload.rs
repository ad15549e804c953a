//! Taking in a scan at the counter: bytes as they come, hashed on the way, refused as soon as they
//! are too many or of no type that is taken.

use super::vault::{Hashed, Vault};
use motcua_core::{
    id::Hash,
    limits,
    scan::{Media, UnknownMedia, leaf},
};
use motcua_journal::File;
use std::{io, path::PathBuf, sync::Arc};

/// A scan whose file is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its address.
    pub hash: Hash,
    /// Bytes.
    pub size: u64,
    /// What it is, by its first bytes.
    pub media: Media,
}

/// Why a scan was not taken in; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Nothing came.
    #[error("the file is empty")]
    Empty,
    /// Too many bytes.
    #[error("the file has more than {limit} bytes; scan it with fewer dots per inch")]
    TooLong {
        /// Bytes allowed.
        limit: u64,
    },
    /// No type that is taken.
    #[error(transparent)]
    Media(#[from] UnknownMedia),
    /// The disk is nearly full: what is left belongs to the journal.
    #[error("NOT saved: the disk is nearly full; scans are not taken until there is room")]
    NoRoom,
    /// The disk refused.
    #[error(
        "NOT saved: the disk refused: {0}; scan it again when it writes, nothing need be restarted"
    )]
    Io(#[from] io::Error),
}

/// A scan on its way in. Dropped before [`Self::finish`], it leaves nothing.
pub struct Upload {
    vault: Vault,
    path: PathBuf,
    file: Arc<dyn File>,
    hasher: blake3::Hasher,
    leaves: Vec<Hash>,
    /// Bytes of the piece that is not full yet.
    tail: Vec<u8>,
    size: u64,
    settled: bool,
}

impl Upload {
    pub(crate) fn new(vault: &Vault) -> Result<Self, UploadError> {
        let (path, file) = vault.incoming()?;
        Ok(Self {
            vault: vault.clone(),
            path,
            file,
            hasher: blake3::Hasher::new(),
            leaves: Vec::new(),
            tail: Vec::new(),
            size: 0,
            settled: false,
        })
    }

    /// The next bytes. Blocks on the disk.
    ///
    /// # Errors
    /// [`UploadError`] as soon as the scan cannot be taken.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        if self.size + bytes.len() as u64 > limits::SCAN_BYTES {
            return Err(UploadError::TooLong { limit: limits::SCAN_BYTES });
        }
        self.file.write_at(self.size, bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        let full = self.tail.len() / limits::SCAN_PIECE_BYTES * limits::SCAN_PIECE_BYTES;
        let rest = self.tail.split_off(full);
        let pieces = std::mem::replace(&mut self.tail, rest);
        for data in pieces.chunks(limits::SCAN_PIECE_BYTES) {
            self.take_piece(data)?;
        }
        Ok(())
    }

    fn take_piece(&mut self, data: &[u8]) -> Result<(), UploadError> {
        if self.leaves.is_empty() {
            Media::of(data)?;
        }
        let piece = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        self.leaves.push(leaf(piece, data));
        Ok(())
    }

    /// As [`Self::finish`], if the bytes are that scan; otherwise nothing is kept. Blocks on the disk.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is kept then.
    pub fn finish_as(self, hash: Hash, size: u64) -> Result<bool, UploadError> {
        if self.size != size || *self.hasher.finalize().as_bytes() != hash.0 {
            return Ok(false);
        }
        self.finish().map(|stored| stored.hash == hash)
    }

    /// All bytes came: when this returns, the scan is durable under its name. Blocks on the disk.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is kept then.
    pub fn finish(mut self) -> Result<Stored, UploadError> {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.take_piece(&tail)?;
        }
        if self.size == 0 {
            return Err(UploadError::Empty);
        }
        let hash = Hash(*self.hasher.finalize().as_bytes());
        let mut first = [0; 16];
        let got = self.file.read_at(0, &mut first)?;
        let stored = Stored { hash, size: self.size, media: Media::of(&first[..got])? };
        // The same bytes may be here already; a good file is left alone.
        if !self.vault.is_whole(hash, self.size)? {
            let leaves = std::mem::take(&mut self.leaves);
            let found = Hashed { hash, size: self.size, leaves };
            self.vault.settle(&self.path, &*self.file, &found)?;
            self.settled = true;
        }
        Ok(stored)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.settled {
            // What stays is cleared away at the next start.
            let _ = self.vault.fs().remove(&self.path);
        }
    }
}
