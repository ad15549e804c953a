//! What a machine of the city keeps, and what its content makes of entries.

use automerge::Automerge;
use motcua_core::{
    id::DossierId,
    ledger::{Content, ContentFault, Folded},
    record::Record,
    replica::{Painter, Store},
    state::{Kv, MemKv, Pairs, StoreError, history::Stored},
};

/// What a backup, a snapshot or a copied disk holds.
#[derive(Default, Clone)]
pub struct Shelf {
    pub kv: MemKv,
    pub journal: Vec<Record>,
}

impl Kv for Shelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.kv.get(key)
    }

    fn range(&self, a: &[u8], b: &[u8], n: usize) -> Result<Pairs, StoreError> {
        self.kv.range(a, b, n)
    }
}

impl Store for Shelf {
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError> {
        Ok(self.journal.get(position as usize - 1).cloned())
    }
}

/// Schema of changes that no content of this city can apply.
pub const FAULTY: u16 = 77;

/// Loads each dossier with automerge; an orphan or a bad chunk is a fault of its entry.
pub(super) struct Automerging {
    pub(super) reads: u16,
}

impl Content for Automerging {
    fn schema(&self) -> u16 {
        self.reads
    }

    fn fold(&mut self, id: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault> {
        let mut document = Automerge::new();
        for (position, stored) in entries.iter().enumerate() {
            let fault = |reason: String| ContentFault { position, reason };
            if stored.entry.header.schema == FAULTY {
                return Err(fault("injected".into()));
            }
            let change = automerge::Change::from_bytes(stored.entry.payload.clone())
                .map_err(|error| fault(error.to_string()))?;
            document.apply_changes([change]).map_err(|error| fault(error.to_string()))?;
        }
        Ok(Folded {
            summary: document.save(),
            index: crate::world::disk::references(id, &document),
        })
    }

    fn show(&mut self, id: DossierId, image: &[u8]) -> Option<Folded> {
        let document = Automerge::load(image).ok()?;
        let index = crate::world::disk::references(id, &document);
        Some(Folded { summary: document.save(), index })
    }
}

impl Painter for Automerging {
    /// The longest first.
    fn urgency(&self, summary: &[u8]) -> i64 {
        -(summary.len() as i64)
    }

    fn image(&self, changes: &[&Stored]) -> Option<Vec<u8>> {
        let mut document = Automerge::new();
        for stored in changes {
            let change = automerge::Change::from_bytes(stored.entry.payload.clone()).ok()?;
            document.apply_changes([change]).ok()?;
        }
        // So that a marker in it is found.
        Some(document.save_nocompress())
    }
}
