//! Documents of the own office that are no dossiers: accounts, who saw what, and counts of cash. They are written, journaled and sent like
//! dossiers, and are in no list; no route of dossiers opens them.

use super::{Caller, Desk};
use crate::error::DeskError;
use motcua_core::{
    entry::{AudienceAction, AudienceOp, DocType, Role, dossier_id},
    id::{DossierId, Nonce},
    time::Timestamp,
};
use motcua_dossier::{
    action::{Action, Draft},
    document::Document,
    fact::Fact,
};
use motcua_shell::{clock::Clock, documents::Held, people::kind_of};

impl Desk {
    /// Writes facts of an account, of a new one if `id` says none.
    ///
    /// # Errors
    /// [`DeskError`]; nothing is known to be written then.
    pub(crate) async fn write_account(
        &self,
        id: Option<DossierId>,
        facts: Vec<Draft>,
        by: &str,
    ) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.write_apart(DocType::Account, id, facts, by).await
    }

    /// Writes who saw what, into a new document if `id` says none; also while the state is made again.
    ///
    /// # Errors
    /// [`DeskError`]; nothing is known to be written then.
    pub(crate) async fn write_audit(
        &self,
        id: Option<DossierId>,
        facts: Vec<Draft>,
    ) -> Result<DossierId, DeskError> {
        self.write_apart(DocType::Audit, id, facts, "").await
    }

    /// Writes a count of a day's cash: a document of its own.
    ///
    /// # Errors
    /// [`DeskError`]; nothing is known to be written then.
    pub(crate) async fn write_count(&self, fact: Draft, by: &str) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.write_apart(DocType::Cash, None, vec![fact], by).await
    }

    async fn write_apart(
        &self,
        kind: DocType,
        id: Option<DossierId>,
        facts: Vec<Draft>,
        by: &str,
    ) -> Result<DossierId, DeskError> {
        self.room().await?;
        let now = self.engine.clock().wall();
        let caller = Caller { clerk: by.to_owned(), ..Caller::default() };
        let nonce = Nonce(motcua_shell::engine::random());
        let (id, new) = match id {
            Some(id) => (id, None),
            None => (dossier_id(&self.public_key(), nonce, Timestamp(now.0)), Some(nonce)),
        };
        let office = self.engine.me.office;
        let ours = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office };
        let saved = self
            .engine
            .own()
            .write(None, |own| {
                let (held, audience) = match new {
                    Some(_) => (Held::new(Document::new(), []), vec![ours]),
                    None => (self.newest(id)?, Vec::new()),
                };
                let action = Action { facts, audience };
                let mut draft = self.draft(own, id, action, &caller, now, held, new)?;
                draft.doc_type = kind;
                Ok((draft, Vec::new()))
            })
            .await;
        self.finish(id, None, saved)?;
        Ok(id)
    }
}

/// Refuses what is no dossier where one is asked for.
pub(super) fn is_dossier(id: DossierId, facts: &[Fact]) -> Result<(), DeskError> {
    match kind_of(facts) {
        DocType::Dossier => Ok(()),
        _ => Err(DeskError::NoDossier(id.to_string())),
    }
}
