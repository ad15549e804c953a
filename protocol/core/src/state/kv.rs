//! What the engine asks of a state store: get, ordered range, and one atomic batch. Nothing here
//! is particular to one store; a database behind a network fits as well.

use super::Key;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// The state store failed or holds something unreadable. State can be rebuilt; the caller stops
/// using this store and says so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store itself refused.
    #[error("state store failed: {0}")]
    Backend(String),
    /// A value is not what its key promises.
    #[error("state store holds an unreadable {what}; rebuild it from the journal")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
    },
}

/// Keys and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Read side of a state store.
pub trait Kv {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` pairs with `from <= key < to`, in the order of their bytes; none if the
    /// bounds are turned round.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError>;
}

impl<T: Kv + ?Sized> Kv for &T {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        (**self).range(from, to, limit)
    }
}

/// What changes together, by key; `None` removes.
pub type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Write side of a state store, in the hands of its one writer. With [`Kv`] this is all that the
/// engine asks of a store; `tests/store/suite.rs` holds every store to it.
pub trait KvWrite: Kv {
    /// Writes one batch, all or nothing: every reader sees it from now on, and no range shows a
    /// part of it. It need not be on disk, for the journal has it; but a crash that loses a batch
    /// loses all that were written after it too.
    ///
    /// # Errors
    /// [`StoreError`] when the store refuses; nothing of the batch is seen then.
    fn write_batch(&mut self, batch: Batch) -> Result<(), StoreError>;
}

/// Reads a typed row.
///
/// # Errors
/// [`StoreError`] when the store fails or the row is unreadable.
pub(crate) fn read_row<R: DeserializeOwned>(
    kv: &(impl Kv + ?Sized),
    key: Key,
) -> Result<Option<R>, StoreError> {
    let what = key.what();
    match kv.get(&key.bytes())? {
        None => Ok(None),
        Some(bytes) => {
            postcard::from_bytes(&bytes).map(Some).map_err(|_| StoreError::Corrupt { what })
        }
    }
}

/// Changes to be written in one batch, readable before they are.
pub struct Txn<'a, K: Kv + ?Sized> {
    base: &'a K,
    writes: Batch,
}

impl<'a, K: Kv + ?Sized> Txn<'a, K> {
    /// An empty batch over `base`.
    pub fn new(base: &'a K) -> Self {
        Self { base, writes: BTreeMap::new() }
    }

    /// Sets a value.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    /// Removes a value.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    /// Reads a typed row.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails or the row is unreadable.
    pub fn row<R: DeserializeOwned>(&self, key: Key) -> Result<Option<R>, StoreError> {
        read_row(self, key)
    }

    /// Sets a typed row.
    pub fn put_row(&mut self, key: Key, row: &impl Serialize) {
        // Rows are plain data in memory: postcard has nothing to refuse.
        let bytes = postcard::to_stdvec(row).unwrap_or_default();
        self.put(key.bytes(), bytes);
    }

    /// The batch, in key order; `None` removes.
    pub fn into_writes(self) -> Batch {
        self.writes
    }
}

impl<K: Kv + ?Sized> Kv for Txn<'_, K> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(key),
        }
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        if from >= to {
            return Ok(Pairs::new());
        }
        // Deleted keys may hide base rows, so ask for as many more.
        let mine = || self.writes.range(from.to_vec()..to.to_vec());
        let hidden = mine().filter(|(_, value)| value.is_none()).count();
        let mut merged: BTreeMap<_, _> =
            self.base.range(from, to, limit.saturating_add(hidden))?.into_iter().collect();
        for (key, value) in mine() {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(merged.into_iter().take(limit).collect())
    }
}

/// A state store in memory, for tests and simulation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemKv(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl MemKv {
    /// Applies a batch.
    pub fn write(&mut self, writes: Batch) {
        for (key, value) in writes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }
}

impl Kv for MemKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        if from >= to {
            return Ok(Pairs::new());
        }
        let rows = self.0.range(from.to_vec()..to.to_vec());
        Ok(rows.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl KvWrite for MemKv {
    fn write_batch(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.write(batch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_seen_before_it_is_written() {
        let mut kv = MemKv::default();
        kv.0.insert(vec![1], vec![10]);
        kv.0.insert(vec![2], vec![20]);
        kv.0.insert(vec![3], vec![30]);
        let mut txn = Txn::new(&kv);
        txn.delete(vec![1]);
        txn.put(vec![2], vec![21]);
        txn.put(vec![4], vec![40]);
        assert_eq!(txn.get(&[1]).expect("memory"), None);
        let rows = txn.range(&[1], &[9], 2).expect("memory");
        assert_eq!(rows, vec![(vec![2], vec![21]), (vec![3], vec![30])]);
        let writes = txn.into_writes();
        kv.write(writes);
        assert_eq!(kv.0.len(), 3);
    }
}
