//! A scan that is being read from a peer. Data first, its leaf after: what counts as held at the next
//! start is the longest run of pieces whose data match their leaves, so no order of writes that the
//! disk chooses can make more of it than there is.

use super::vault::{Vault, hash_file, present, read_leaves, read_piece};
use motcua_core::{
    id::Hash,
    limits,
    scan::{groups, leaf, piece_range},
};
use motcua_journal::File;
use std::{io, sync::Arc};

/// Pieces after which what has come is synced, 4 MiB: no more than that is asked for again after a
/// power cut.
const SYNC_EVERY: u32 = 1_024;

/// An open unfinished scan.
pub(super) struct Filling {
    hash: Hash,
    size: u64,
    data: Arc<dyn File>,
    leaves: Arc<dyn File>,
    unsynced: u32,
}

impl Filling {
    /// Opens or begins the unfinished file of a scan; gives the leaves of what is held.
    pub(super) fn open(
        vault: &Vault,
        hash: Hash,
        size: u64,
        anew: bool,
    ) -> io::Result<(Self, Vec<Hash>)> {
        let path = vault.partial(hash);
        let tree = path.with_extension("tree");
        let open = |path| match present(vault.fs().open(path))? {
            Some(file) => Ok(file),
            None => vault.fs().create(path),
        };
        let too_long = present(vault.fs().open(&path))?.map(|file| file.len()).transpose()?;
        if anew || too_long.is_some_and(|length| length > size) {
            for path in [&path, &tree] {
                present(vault.fs().remove(path))?;
            }
        }
        let (data, leaves) = (open(&path)?, open(&tree)?);
        let mut held = read_leaves(&*leaves, groups(size))?;
        let mut good = 0;
        while let Some(expected) = held.get(good as usize) {
            let bytes = read_piece(&*data, size, good)?;
            // A piece that never came to the disk has no bytes, and so has its leaf.
            if bytes.is_empty() || leaf(good, &bytes) != *expected {
                break;
            }
            good += 1;
        }
        held.truncate(good as usize);
        Ok((Self { hash, size, data, leaves, unsynced: 0 }, held))
    }

    pub(super) fn write(&mut self, piece: u32, leaf: Hash, data: &[u8]) -> io::Result<()> {
        self.data.write_at(piece_range(self.size, piece).start, data)?;
        self.leaves.write_at(u64::from(piece) * Hash::LEN as u64, &leaf.0)?;
        self.unsynced += 1;
        if self.unsynced >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.data.sync_data()?;
        self.leaves.sync_data()?;
        self.unsynced = 0;
        Ok(())
    }

    /// All pieces are written: whether the whole is the scan. It is durable under its name then.
    pub(super) fn finish(self, vault: &Vault) -> io::Result<bool> {
        let found = hash_file(&*self.data, &mut |_| {})?;
        if found.hash != self.hash || found.size != self.size || self.size > limits::SCAN_BYTES {
            return Ok(false);
        }
        let path = vault.partial(self.hash);
        vault.settle(&path, &*self.data, &found)?;
        present(vault.fs().remove(&path.with_extension("tree")))?;
        Ok(true)
    }
}
