//! Reading a scan that is here: every piece is checked against the scan's address before anybody sees
//! it, so that damage is found where it is read.

use super::vault::{Vault, hash_file, present, read_piece};
use motcua_core::{
    id::Hash,
    replica::ScanTrouble,
    scan::{Pair, Tree},
};
use motcua_journal::File;
use std::sync::Arc;

/// An open scan.
pub struct Reading {
    hash: Hash,
    file: Arc<dyn File>,
    tree: Tree,
}

impl Reading {
    /// Opens a scan of which the books say that it is here.
    ///
    /// # Errors
    /// [`ScanTrouble::Damaged`] when the file is not there, has another length, or does not hold its
    /// bytes; [`ScanTrouble::Disk`] when nobody can tell.
    pub fn open(vault: &Vault, hash: Hash, size: u64) -> Result<Self, ScanTrouble> {
        let disk = |error| {
            tracing::error!(%error, scan = %hash, "a scan cannot be read");
            ScanTrouble::Disk
        };
        let file = present(vault.fs().open(&vault.path(hash))).map_err(disk)?;
        let file = file.ok_or(ScanTrouble::Damaged)?;
        if file.len().map_err(disk)? != size {
            return Err(ScanTrouble::Damaged);
        }
        let tree = match vault.tree(hash, size).map_err(disk)? {
            Some(tree) => tree,
            None => {
                // Leaves are made again from the bytes, if those are good.
                let found = hash_file(&*file, &mut |_| {}).map_err(disk)?;
                let good = found.hash == hash && vault.is_whole(hash, size).map_err(disk)?;
                let tree = Tree::from_leaves(hash, size, found.leaves).filter(|_| good);
                tree.ok_or(ScanTrouble::Damaged)?
            }
        };
        Ok(Self { hash, file, tree })
    }

    /// Bytes of the scan.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// A piece, checked.
    ///
    /// # Errors
    /// [`ScanTrouble`]; none of its bytes may be used then.
    pub fn piece(&self, piece: u32) -> Result<Vec<u8>, ScanTrouble> {
        let data = read_piece(&*self.file, self.size(), piece).map_err(|error| {
            tracing::error!(%error, scan = %self.hash, "a scan cannot be read");
            ScanTrouble::Disk
        })?;
        let good = !data.is_empty() && self.tree.proves(self.hash, piece, &data);
        if good { Ok(data) } else { Err(ScanTrouble::Damaged) }
    }

    /// A piece and what proves it to a reader.
    pub(super) fn proved(
        &self,
        piece: u32,
        first: bool,
    ) -> Result<(Vec<Pair>, Vec<u8>), ScanTrouble> {
        let data = self.piece(piece)?;
        Ok((self.tree.proof(piece, first), data))
    }
}
