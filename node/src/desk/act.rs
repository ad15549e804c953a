//! Acting on a dossier: from a rule's facts to an entry on this machine's disk.

use super::{Caller, Desk, Numbers, apart::is_dossier, lock};
use crate::error::DeskError;
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{DocType, FactIds, Kind},
    hash::{Context, derive},
    id::{DossierId, Hash, Nonce, PersonId},
    record::{Record, RequestKey},
    state::rows::Request,
    time::{ClockError, Timestamp},
};
use motcua_dossier::{
    SCHEMA,
    action::Action,
    derive::{self, Derived},
    fact::{Act, Fact},
};
use motcua_shell::{clock::Clock, documents::Held, engine::Saved};
use std::{collections::BTreeSet, sync::atomic::Ordering};

impl Desk {
    /// Carries out an action on a dossier that is here.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::Repeated`] when the same request was carried out before.
    pub async fn act(
        &self,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&Derived, Act) -> Result<Action, DeskError>,
    ) -> Result<DossierId, DeskError> {
        let make = |facts: &[Fact], act| make(&derive::derive(facts), act);
        self.act_after(Vec::new(), id, caller, note, make).await
    }

    /// The same for an action that needs records on disk before it, and is judged by the facts.
    ///
    /// # Errors
    /// See [`Self::act`].
    pub(crate) async fn act_after(
        &self,
        before: Vec<Record>,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&[Fact], Act) -> Result<Action, DeskError>,
    ) -> Result<DossierId, DeskError> {
        let make = |facts: &[Fact], act, _: &mut Numbers<'_>| make(facts, act);
        self.act_numbered(before, id, caller, note, make).await
    }

    /// The same for an action that may need numbers.
    ///
    /// # Errors
    /// See [`Self::act`].
    pub(crate) async fn act_numbered(
        &self,
        before: Vec<Record>,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&[Fact], Act, &mut Numbers<'_>) -> Result<Action, DeskError>,
    ) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.checked(id).await?;
        self.brought_back(id).await?;
        let act = self.act_of(&caller, note);
        let now = Timestamp(act.at);
        self.once(caller.request.clone(), &mut |request| {
            let (act, caller, make) = (act.clone(), caller.clone(), &make);
            let mut before = before.clone();
            async move {
                let mut leased = None;
                let saved = self
                    .engine
                    .own()
                    .write(request, |own| {
                        let held = self.newest(id)?;
                        let mut numbers = Numbers::new(self, own.log(), now);
                        let made = is_dossier(id, &held.facts)
                            .and_then(|()| make(&held.facts, act, &mut numbers));
                        before.extend(numbers.records());
                        leased = numbers.lease;
                        let action = match made {
                            Ok(action) => action,
                            Err(error) => {
                                self.documents.give_back(id, held, self.generation());
                                return Err(error);
                            }
                        };
                        let draft = self.draft(own, id, action, &caller, now, held, None)?;
                        Ok((draft, before))
                    })
                    .await;
                self.finish(id, request, saved)?;
                leased.iter().for_each(|lease| self.receipts().saved(lease));
                Ok(id)
            }
        })
        .await
    }

    pub(super) fn finish(
        &self,
        id: DossierId,
        request: Option<RequestKey>,
        saved: Result<Saved, DeskError>,
    ) -> Result<Saved, DeskError> {
        match saved {
            Ok(saved) => {
                self.documents.saved(id, saved.position);
                self.codes.saved(id, saved.position);
                self.last_saved.fetch_max(saved.position, Ordering::AcqRel);
                if let Some(request) = request {
                    let row = Request { body: request.body, dossier: id };
                    lock(&self.answered).insert(request.key, row);
                }
                Ok(saved)
            }
            Err(error) => {
                self.codes.failed(id);
                if matches!(error, DeskError::Save(_)) {
                    self.documents.failed(id);
                }
                Err(error)
            }
        }
    }

    /// Called by the applier: what the state reflects need not be remembered here.
    pub(crate) fn applied(&self, dossiers: &BTreeSet<DossierId>, applied: u64) {
        self.documents.applied(dossiers, applied);
        self.codes.applied(applied);
        self.people().applied();
        if applied >= self.last_saved.load(Ordering::Acquire) {
            lock(&self.answered).clear();
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry, put together once")]
    pub(super) fn draft(
        &self,
        own: &mut OwnLog,
        id: DossierId,
        action: Action,
        caller: &Caller,
        now: Timestamp,
        mut held: Held,
        creation: Option<Nonce>,
    ) -> Result<Draft, DeskError> {
        let boot = Nonce(motcua_shell::engine::random());
        own.begin_anew_unless(id, |change| held.has(change), boot);
        let mut document = std::mem::take(&mut held.document);
        let parents: Vec<Hash> = document.heads().into_iter().map(Hash).collect();
        let ids = FactIds::new(own.actor(), id, &parents, now);
        let (clock, error) = self.engine.judge_clock(now);
        let action = match error {
            Some(ClockError { ahead, by_hub }) => action.by_a_wrong_clock(ahead, by_hub.0),
            None => action,
        };
        let facts: Vec<Fact> =
            action.facts.into_iter().zip(ids).map(|(fact, id)| fact.with_id(id)).collect();
        let written = document
            .append(own.actor().0, now.0, &facts)
            .map_err(|fault| DeskError::Document(fault.to_string()))?;
        let held = held.grown(document, Hash(written.hash), facts);
        self.documents.put(id, held, self.generation());
        Ok(Draft {
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            doc_type: DocType::Dossier,
            dossier: id,
            person: person(&caller.clerk),
            claimed_at: now,
            clock,
            schema: SCHEMA,
            op_count: written.ops,
            change_hash: Hash(written.hash),
            deps: written.deps.into_iter().map(Hash).collect(),
            audience: action.audience,
            creation,
            payload: written.bytes,
        })
    }

    /// The time by this machine's clock, Unix milliseconds.
    pub(crate) fn wall(&self) -> i64 {
        self.engine.clock().wall().0
    }

    pub(crate) fn act_of(&self, caller: &Caller, note: String) -> Act {
        Act {
            at: self.engine.clock().wall().0,
            by: caller.clerk.clone(),
            office: self.engine.me.office.to_string(),
            note,
            in_stead_of: caller.in_stead_of.clone(),
            asked: caller.request.as_ref().map(|request| request.asked.clone()),
        }
    }
}

/// Opaque to the protocol; the same clerk of the same office has the same one.
fn person(clerk: &str) -> PersonId {
    let hash = derive(Context::Document, &[b"person", clerk.as_bytes()]);
    let mut id = PersonId::ZERO;
    id.0.copy_from_slice(&hash.0[..PersonId::LEN]);
    id
}
