//! Journal and state of a machine as one thing to read from, as the shell's books are.

use crate::state::StateStore;
use motcua_core::{
    id::DossierId,
    record::Record,
    replica::Store,
    state::{
        Key, Kv, Pairs, StoreError,
        rows::{Dossier, Meta},
    },
};
use motcua_journal::{JournalError, JournalView};

/// What a running machine reads.
pub struct Books {
    /// State.
    pub state: StateStore,
    /// Journal.
    pub journal: JournalView,
}

impl Books {
    /// A typed row; none where the state has none.
    pub fn row<R: serde::de::DeserializeOwned>(&self, key: Key) -> Option<R> {
        row(&self.state, key)
    }

    /// Counters and positions.
    pub fn meta(&self) -> Meta {
        self.row(Key::Meta).unwrap_or_default()
    }

    /// The row of a dossier.
    pub fn dossier(&self, id: DossierId) -> Option<Dossier> {
        self.row(Key::Dossier(id))
    }
}

/// A typed row of some state.
pub fn row<R: serde::de::DeserializeOwned>(kv: &impl Kv, key: Key) -> Option<R> {
    let bytes = kv.get(&key.bytes()).ok().flatten()?;
    postcard::from_bytes(&bytes).ok()
}

impl Kv for Books {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.state.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        self.state.range(from, to, limit)
    }
}

impl Store for Books {
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError> {
        let backend = |error: String| StoreError::Backend(error);
        let read = match self.journal.read(position) {
            // What is damaged is not there.
            Err(JournalError::Damaged { .. }) => None,
            other => other.map_err(|error| backend(error.to_string()))?,
        };
        let decode = |raw: motcua_journal::Record| {
            Record::decode(raw.kind, &raw.payload).map_err(|error| backend(error.to_string()))
        };
        read.map(decode).transpose()
    }
}
