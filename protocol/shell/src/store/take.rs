//! Taking rows into sled, all or nothing: few in one batch, many in small ones by way of the redo file
//! (design/state.md).

use super::{FLUSH_BYTES, backend, block_of, blocks, io, recent::Rows, redo};
use motcua_core::state::StoreError;
use std::path::Path;

/// Bytes of blocks in one batch of sled: what it keeps until a batch is through is a multiple.
const BATCH_BYTES: usize = 256 * 1024;

/// The store's files, as they are open now.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) db: sled::Db,
    pub(super) tree: sled::Tree,
}

impl Open {
    /// Takes in rows, all or nothing: few in one batch, many by way of the redo file. `batches` is
    /// where a test lets the machine die.
    pub(super) fn take(&self, dir: &Path, rows: &Rows, batches: usize) -> Result<(), StoreError> {
        let mut batched = Batched { open: self, batch: sled::Batch::default(), bytes: 0 };
        let mut left = rows.iter().peekable();
        batched.fill(&mut left)?;
        if left.peek().is_none() {
            return self.tree.apply_batch(batched.batch).map_err(backend);
        }
        let (path, redo) = (redo::path(dir), self.db.open_tree(redo::TREE).map_err(backend)?);
        let mark = self.db.generate_id().map_err(backend)?;
        redo::write(&path, mark, rows).map_err(io)?;
        redo.insert(redo::MARK, &mark.to_le_bytes()).map_err(backend)?;
        self.put(batched, left, batches)?;
        self.unmark(&redo, &path)
    }

    /// Does again what a crash interrupted.
    pub(super) fn finish(&self, dir: &Path) -> Result<(), StoreError> {
        let (path, redo) = (redo::path(dir), self.db.open_tree(redo::TREE).map_err(backend)?);
        if let Some(mark) = redo.get(redo::MARK).map_err(backend)? {
            let mark = mark.as_ref().try_into().map(u64::from_le_bytes).unwrap_or_default();
            let Some(rows) = redo::read(&path, mark).map_err(io)? else {
                let words = "rows were being written, and the file that says which is not readable";
                return Err(StoreError::Backend(words.into()));
            };
            let mut batched = Batched { open: self, batch: sled::Batch::default(), bytes: 0 };
            let mut left = rows.iter().peekable();
            batched.fill(&mut left)?;
            self.put(batched, left, usize::MAX)?;
        }
        self.unmark(&redo, &path)
    }

    fn put<'a>(
        &'a self,
        mut batched: Batched<'a>,
        mut left: Left<'_>,
        batches: usize,
    ) -> Result<(), StoreError> {
        let mut bytes = 0;
        for _ in 0..batches {
            bytes += batched.bytes;
            self.tree.apply_batch(batched.batch).map_err(backend)?;
            if left.peek().is_none() {
                return Ok(());
            }
            if bytes >= FLUSH_BYTES {
                self.tree.flush().map_err(backend)?;
                bytes = 0;
            }
            batched = Batched { open: self, batch: sled::Batch::default(), bytes: 0 };
            batched.fill(&mut left)?;
        }
        Err(StoreError::Backend("the machine died, as the test wanted".into()))
    }

    /// The file goes when sled has written that nothing is under way, not before.
    fn unmark(&self, redo: &sled::Tree, path: &Path) -> Result<(), StoreError> {
        if redo.remove(redo::MARK).map_err(backend)?.is_some() {
            self.db.flush().map_err(backend)?;
        }
        redo::remove(path).map_err(io)
    }
}

type Left<'a> =
    std::iter::Peekable<std::collections::btree_map::Iter<'a, Vec<u8>, Option<Vec<u8>>>>;

/// Blocks that go to sled together.
struct Batched<'a> {
    open: &'a Open,
    batch: sled::Batch,
    bytes: usize,
}

impl Batched<'_> {
    /// Takes the next rows, until the batch is full; never a part of those in one block.
    fn fill(&mut self, left: &mut Left<'_>) -> Result<(), StoreError> {
        let tree = &self.open.tree;
        while self.bytes < BATCH_BYTES
            && let Some((key, _)) = left.peek()
        {
            let (fence, block) = block_of(tree, key)?.unwrap_or_default();
            let end = tree.get_gt(&fence).map_err(backend)?.map(|(end, _)| end);
            let inside = |key: &[u8]| end.as_ref().is_none_or(|end| key < end.as_ref());
            let changes = std::iter::from_fn(|| left.next_if(|(key, _)| inside(key)));
            for (fence, block) in blocks::change(&fence, &block, changes)? {
                match block {
                    Some(block) => {
                        self.bytes += block.len();
                        self.batch.insert(fence, block);
                    }
                    None => self.batch.remove(fence),
                }
            }
        }
        Ok(())
    }
}
