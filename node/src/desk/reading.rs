//! Facts and documents of a dossier as they are now: from memory, from the state, or from the hub.

use super::{Desk, apart::is_dossier};
use crate::error::DeskError;
use motcua_core::{
    id::DossierId,
    ledger::is_away,
    replica::UpstreamPhase,
    state::{Key, rows},
};
use motcua_dossier::fact::Fact;
use motcua_shell::{content, documents::Held, driver::Signal};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long an act waits for the history of a dossier that came as an image only: some round trips of
/// a slow line.
const HISTORY_WAIT: Duration = Duration::from_secs(3);

/// Saves that the state may lack before another one waits for it: their documents are in memory.
const AHEAD: usize = 1_000;

impl Desk {
    /// Facts of a dossier, whether the state reflects the newest of them already or not.
    pub(crate) fn facts(&self, id: DossierId) -> Result<Arc<Vec<Fact>>, DeskError> {
        let facts = self.any_facts(id)?;
        is_dossier(id, &facts)?;
        Ok(facts)
    }

    fn any_facts(&self, id: DossierId) -> Result<Arc<Vec<Fact>>, DeskError> {
        if let Some(facts) = self.documents.facts(id, self.generation()) {
            return Ok(facts);
        }
        match self.load(id) {
            Err(DeskError::Unchecked) => {
                let image = self.engine.books().image(id)?;
                let said = image.and_then(|image| content::read_image(&image.content));
                // It may have gone meanwhile, because the history has come.
                said.map_or_else(|| Ok(self.load(id)?.facts), |(_, facts)| Ok(Arc::new(facts)))
            }
            loaded => Ok(loaded?.facts),
        }
    }

    /// Whether only what the hub says of a dossier is here. Then its history is asked for.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) fn is_unchecked(&self, id: DossierId) -> Result<bool, DeskError> {
        let unchecked = self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some();
        if unchecked {
            self.engine.driver().signal(Signal::WantHistory(id));
        }
        Ok(unchecked)
    }

    /// Waits a moment for the history of a dossier of which only an image is here: nobody builds on
    /// what was not checked.
    pub(super) async fn checked(&self, id: DossierId) -> Result<(), DeskError> {
        if !self.is_unchecked(id)? {
            return Ok(());
        }
        let mut progress = self.engine.progress();
        let come = async {
            while self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some() {
                if progress.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        // Whoever comes too early is told so under the own log's lock.
        tokio::time::timeout(HISTORY_WAIT, come).await.unwrap_or(Ok(()))
    }

    /// Brings the history of a closed dossier back from the hub, if it left, and waits a moment for
    /// it. It may be away still: whoever needs it is told so.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) async fn brought_back(&self, id: DossierId) -> Result<(), DeskError> {
        let books = self.engine.books();
        if !is_away(books, id)? {
            return Ok(());
        }
        let mut progress = self.engine.progress();
        self.engine.driver().signal(Signal::WantHistory(id));
        if self.engine.snapshot().upstream != UpstreamPhase::Live {
            return Ok(());
        }
        let come = async {
            while is_away(books, id)? {
                if progress.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::time::timeout(HISTORY_WAIT, come).await.unwrap_or(Ok(()))
    }

    /// The newest document of a dossier, to be written to. Only under the own log's lock.
    pub(super) fn newest(&self, id: DossierId) -> Result<Held, DeskError> {
        // Also if the document is still in memory: what is built on it here could not be judged here.
        if is_away(self.engine.books(), id)? {
            return Err(DeskError::Away);
        }
        match self.documents.take(id, self.generation()) {
            Some(held) => Ok(held),
            None => self.load(id),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.engine.own().generation()
    }

    /// The same for a dossier that was just saved: if nothing of it is in memory, because a write
    /// after it failed, the state has it in a moment.
    pub(crate) async fn facts_saved(&self, id: DossierId) -> Result<Arc<Vec<Fact>>, DeskError> {
        match self.facts(id) {
            Err(DeskError::NoDossier(_)) => {
                self.settled().await;
                self.facts(id)
            }
            found => found,
        }
    }

    /// The document as the state has it.
    fn load(&self, id: DossierId) -> Result<Held, DeskError> {
        if self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some() {
            return Err(DeskError::Unchecked);
        }
        let held = self.engine.books().dossier(id)?;
        let (row, history) = held.ok_or_else(|| DeskError::NoDossier(id.to_string()))?;
        if row.away {
            return Err(DeskError::Away);
        }
        let accepted: Vec<_> = history
            .iter()
            .filter(|stored| stored.verdict.applies() && stored.entry.header.kind.is_change())
            .collect();
        let document =
            content::document(&accepted).map_err(|fault| DeskError::Document(fault.reason))?;
        Ok(Held::new(document, accepted.iter().map(|stored| stored.entry.header.change_hash)))
    }

    /// Lets the state catch up when it is far behind, so that memory stays bounded, and when what was
    /// in memory was dropped, so that nothing is built on less than was saved. Nothing else waits.
    /// While the state is made again nobody waits for it either.
    pub(super) async fn room(&self) -> Result<(), DeskError> {
        let generation = self.generation();
        let dropped = self.caught_up.load(Ordering::Acquire) != generation;
        if dropped || self.documents.ahead() >= AHEAD {
            self.whole()?;
            self.settled().await;
            self.caught_up.store(generation, Ordering::Release);
        }
        Ok(())
    }

    /// Refuses what must not be done on a state that does not reflect the journal.
    ///
    /// # Errors
    /// [`DeskError::Rebuilding`] with how far it is.
    pub(crate) fn whole(&self) -> Result<(), DeskError> {
        let startup = self.engine.startup();
        match startup.is_level() {
            true => Ok(()),
            false => Err(DeskError::Rebuilding(Box::new(startup.view()))),
        }
    }

    /// Whether all of a dossier is in memory, of one that was registered while the state is made again.
    pub(crate) fn is_fresh(&self, id: DossierId) -> bool {
        self.documents.is_ahead(id)
    }
}
