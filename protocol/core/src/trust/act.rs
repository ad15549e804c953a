//! A registrar's act on one dossier: offices join or leave it although nobody who takes part can
//! say so any more. Carried into the dossier by any hub as an administrative entry.

use super::{
    RootDocument, TrustError, TrustView,
    signed::{Document, Signed, readable, within},
};
use crate::{
    entry::{AudienceAction, AudienceOp, Role},
    id::{DomainId, DossierId, Nonce, OfficeId},
    key::Purpose,
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a registrar says about who takes part in a dossier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrarAct {
    /// The city.
    pub domain: DomainId,
    /// Random, so that saying the same twice is two acts.
    pub id: Nonce,
    /// Number of the root document that names the signer as registrar.
    pub root: u64,
    /// Which dossier.
    pub dossier: DossierId,
    /// Who joins and who leaves, in order.
    pub steps: Vec<ActStep>,
    /// Why; shown wherever the act is.
    pub reason: String,
    /// When the signer says it was made; for people, never judged.
    pub issued_at: Timestamp,
}

/// One office joins or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActStep {
    /// Joins, else leaves.
    pub joins: bool,
    /// Role byte, see [`Role`].
    pub role: u8,
    /// Which office.
    pub office: OfficeId,
}

impl RegistrarAct {
    /// The steps as they stand in the header of the entry that carries the act.
    pub fn audience(&self) -> Vec<AudienceOp> {
        let action = |joins| if joins { AudienceAction::Add } else { AudienceAction::Remove };
        let op = |step: &ActStep| AudienceOp {
            action: action(step.joins),
            role: Role::from_byte(step.role),
            office: step.office,
        };
        self.steps.iter().map(op).collect()
    }
}

impl Document for RegistrarAct {
    const PURPOSE: Purpose = Purpose::Act;
    const WHAT: &'static str = "registrar's act";
    const MAX_BYTES: usize = limits::ACT_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        let steps = self.steps.len();
        within(Self::WHAT, "steps", steps, limits::ENTRY_AUDIENCE_OPERATIONS)?;
        if steps == 0 {
            let why = "it changes nothing".to_owned();
            return Err(TrustError::Invalid { what: Self::WHAT, why });
        }
        readable(Self::WHAT, "its reason", &self.reason, limits::REASON_BYTES)
    }
}

impl TrustView {
    /// Checks an act up to the root document that it names. An act stays valid when a later root
    /// document drops its registrar: what was assigned would otherwise be taken back by a
    /// rotation of keys. Hubs carry in only acts of a registrar in force, see
    /// [`Self::may_carry_in`].
    ///
    /// # Errors
    /// [`TrustError`] naming what is wrong.
    pub fn act(&self, signed: &Signed) -> Result<RegistrarAct, TrustError> {
        let act: RegistrarAct = signed.open()?;
        let what = RegistrarAct::WHAT;
        if act.domain != self.domain() {
            return Err(TrustError::Domain { what, ours: self.domain(), theirs: act.domain });
        }
        let signer = signed.signer;
        match self.root_numbered(act.root)? {
            Some(root) if root.registrars.contains(&signer) => Ok(act),
            _ => Err(TrustError::NotAuthorised { what, signer, root: act.root }),
        }
    }

    /// As [`Self::act`], and its signer is a registrar today.
    ///
    /// # Errors
    /// [`TrustError`] naming what is wrong.
    pub fn may_carry_in(&self, signed: &Signed) -> Result<RegistrarAct, TrustError> {
        let (signer, root) = (signed.signer, self.root().number);
        if !self.root().registrars.contains(&signer) {
            return Err(TrustError::NotAuthorised { what: RegistrarAct::WHAT, signer, root });
        }
        self.act(signed)
    }

    fn root_numbered(&self, number: u64) -> Result<Option<RootDocument>, TrustError> {
        if number == self.root().number {
            return Ok(Some(self.root().clone()));
        }
        let Some(after) = number.checked_sub(1) else { return Ok(None) };
        self.roots_after(after).first().map(|root| root.read()).transpose()
    }
}
