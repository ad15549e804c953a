//! Documents with changes that the state does not reflect yet. Everything else is read from the
//! state, so this stays as small as what is under way.

use motcua_core::id::DossierId;
use motcua_dossier::document::Document;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

#[derive(Debug)]
struct Pending {
    document: Document,
    /// Journal position of the last change; unknown while it is on its way to the disk.
    position: Option<u64>,
    generation: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<DossierId, Pending>>);

impl Cache {
    /// The newest document, if it is ahead of the state.
    pub(crate) fn get(&self, id: DossierId, generation: u64) -> Option<Document> {
        let pending = self.lock();
        // After a failed write nothing in memory can be trusted.
        pending.get(&id).filter(|p| p.generation == generation).map(|p| p.document.clone())
    }

    /// A change was handed to the journal.
    pub(crate) fn put(&self, id: DossierId, document: Document, generation: u64) {
        self.lock().insert(id, Pending { document, position: None, generation });
    }

    /// The change is on disk at this position.
    pub(crate) fn saved(&self, id: DossierId, position: u64) {
        if let Some(pending) = self.lock().get_mut(&id) {
            pending.position = Some(pending.position.unwrap_or_default().max(position));
        }
    }

    /// The change did not get to the disk.
    pub(crate) fn failed(&self, id: DossierId) {
        self.lock().remove(&id);
    }

    /// The state has taken in everything up to `applied`.
    pub(crate) fn applied(&self, dossiers: &BTreeSet<DossierId>, applied: u64) {
        let mut pending = self.lock();
        for id in dossiers {
            if pending.get(id).and_then(|p| p.position).is_some_and(|at| at <= applied) {
                pending.remove(id);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DossierId, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
