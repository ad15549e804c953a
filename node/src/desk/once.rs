//! Once per idempotency key: whoever repeats a request gets the answer that was lost.

use super::{Desk, lock};
use crate::error::DeskError;
use motcua_core::{
    id::DossierId,
    record::RequestKey,
    state::{Key, rows::Request},
};
use motcua_dossier::asked::{self, Asked};
use motcua_shell::find;
use std::sync::Arc;

/// Who acts and what it may be repeated by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Clerk's name as shown.
    pub clerk: String,
    /// Name of whose stead they take; empty where nobody's.
    pub in_stead_of: String,
    /// What may be repeated, if the caller gave a key.
    pub request: Option<Asking>,
}

/// A request under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Key and hash of what was asked, for the journal.
    pub key: RequestKey,
    /// The same for the act that it causes.
    pub asked: Asked,
}

impl Desk {
    /// Runs a request once per idempotency key.
    pub(super) async fn once<F: Future<Output = Result<DossierId, DeskError>>>(
        &self,
        request: Option<Asking>,
        run: &mut impl FnMut(Option<RequestKey>) -> F,
    ) -> Result<DossierId, DeskError> {
        self.room().await?;
        let Some(Asking { key, asked }) = request else { return run(None).await };
        let turn = Arc::clone(lock(&self.keys).entry(key.key).or_default());
        let guard = turn.lock().await;
        let known = || match lock(&self.answered).get(&key.key).cloned() {
            Some(row) => Ok(Some(row)),
            None => self.engine.books().row::<Request>(Key::Request(key.key)),
        };
        // Asked first: once the state has it, this says no.
        let seen = self.engine.own_records().answered(&key.key);
        let mut before = known()?;
        if before.is_none() && seen {
            // It was answered before this start, and the answer is not in the state yet.
            self.whole()?;
            before = known()?;
        }
        let result = match before {
            Some(row) if row.body == key.body => Err(DeskError::Repeated(row.dossier)),
            Some(row) => Err(self.reused(row.dossier, &asked)),
            // Another machine of the office may have answered it.
            None => match find::by_request(self.engine.books(), &key.key)?.first() {
                Some(id) => Err(self.asked_elsewhere(*id, &asked).await?),
                None => run(Some(key)).await,
            },
        };
        drop(guard);
        // Nobody else waits for this key: two handles are this one and the map's.
        let mut keys = lock(&self.keys);
        if Arc::strong_count(&turn) <= 2 {
            keys.remove(&key.key);
        }
        result
    }

    /// The dossier that a request under this key made or changed, as far as the state and this start tell.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) fn answered(&self, key: &[u8; 16]) -> Result<Option<DossierId>, DeskError> {
        if let Some(row) = lock(&self.answered).get(key) {
            return Ok(Some(row.dossier));
        }
        let books = self.engine.books();
        match books.row::<Request>(Key::Request(*key))? {
            Some(row) => Ok(Some(row.dossier)),
            None => Ok(find::by_request(books, key)?.first().copied()),
        }
    }

    /// What a key is answered with that another machine of the office answered first.
    async fn asked_elsewhere(&self, id: DossierId, asked: &Asked) -> Result<DeskError, DeskError> {
        self.brought_back(id).await?;
        let facts = self.facts(id)?;
        let before = asked::requests(&facts).find(|(_, before)| before.key == asked.key);
        Ok(match before {
            Some((_, before)) if before.fields == asked.fields => DeskError::Repeated(id),
            _ => self.reused(id, asked),
        })
    }

    /// A refusal that names what differs from the request that the key was used for.
    fn reused(&self, dossier: DossierId, asked: &Asked) -> DeskError {
        let facts = self.facts(dossier).unwrap_or_default();
        let before = asked::requests(&facts).find(|(_, before)| before.key == asked.key);
        let fields = before.map(|(_, before)| before.differs(asked)).unwrap_or_default();
        let code = motcua_dossier::view::view(&facts).summary.code;
        DeskError::KeyReused { dossier, code, fields }
    }
}
