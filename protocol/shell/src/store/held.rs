//! A state for which the disk has no space at all, not even to open what is there. It is made again in
//! memory, from base and journal, like one that was lost: the office reads, and whoever asks is told
//! that the disk is full. When there is space it goes to fresh files; what stood in the folder, which
//! nobody could look into, goes then, for all of it has been made again.

use super::{SledStore, room};
use motcua_core::state::StoreError;
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

impl SledStore {
    /// Nothing on the disk, everything in memory.
    pub(super) fn in_memory(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            open: Arc::default(),
            recent: Arc::default(),
            flushed: Arc::default(),
            looked: Arc::default(),
            copied: Arc::default(),
            held: Arc::new(true.into()),
        }
    }

    /// What is below the rows in memory; none where these are everything.
    pub(super) fn below(&self) -> Result<Option<sled::Tree>, StoreError> {
        // The files first: once they are there, all rows are in memory or in them.
        if self.is_held() && self.opened().is_err() {
            return Ok(None);
        }
        self.tree().map(Some)
    }

    /// Whether it is in memory only.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }

    /// Before fresh files are made for a state that is whole in memory: what stands in their place goes.
    pub(super) fn make_way(&self) -> Result<(), StoreError> {
        if !self.is_held() {
            return Ok(());
        }
        if self.dir.exists() {
            tracing::warn!(folder = %self.dir.display(),
                "the state that could not be opened without space gives way to the one in memory");
            std::fs::remove_dir_all(&self.dir).map_err(super::io)?;
        }
        super::aside::forget_failure(&self.dir)
    }

    /// Whether no more rows are taken before there is space on the disk; tries whether there is.
    pub(crate) fn is_held_up(&self) -> bool {
        let full = self.recent().bytes() >= room::HELD_BYTES;
        full && self.spill().is_err() && self.waits_for_room()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::recent::Rows;
    use motcua_core::{
        ledger::STATE_LAYOUT,
        state::{Key, Kv, rows::Meta},
    };

    fn rows(number: u32, applied: u64) -> Rows {
        let meta = Meta { layout: STATE_LAYOUT, applied, ..Meta::default() };
        let meta = postcard::to_stdvec(&meta).unwrap();
        Rows::from([
            ([b"k".as_slice(), &number.to_be_bytes()].concat(), Some(vec![number as u8; 300])),
            (Key::Meta.bytes(), Some(meta)),
        ])
    }

    #[test]
    fn a_state_in_memory_goes_to_fresh_files_once_there_is_space_and_nothing_older_shines_through()
    {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        {
            // What could not be opened: a row that the state made anew does not have.
            let (old, _) = SledStore::open(&state, 9).unwrap();
            old.write(rows(7, 3)).unwrap();
            old.flush().unwrap();
        }
        let store = SledStore::in_memory(&state);
        (0..5).for_each(|number| store.write(rows(number, 9)).unwrap());
        store.flush().unwrap();
        let keys = |store: &SledStore| {
            let pairs = store.range(b"k", b"l", 100).unwrap();
            pairs.into_iter().map(|(key, _)| key[4]).collect::<Vec<u8>>()
        };
        assert_eq!(keys(&store), [0, 1, 2, 3, 4]);
        drop(store);
        drop(SledStore::open_again(&state).unwrap());
        let (again, opened) = SledStore::open(&state, 9).unwrap();
        assert_eq!((keys(&again), opened), (vec![0, 1, 2, 3, 4], crate::store::Opened::At(9)));
    }
}
