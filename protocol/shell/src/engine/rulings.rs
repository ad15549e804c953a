//! What an operator does at a hub: decide on an entry, carry in a registrar's act, publish trust
//! documents. Decisions and acts are entries of the hub's own log.

use super::{Engine, SaveError};
use crate::clock::Clock;
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{AudienceAction, Decision, DecisionError, DocType, Kind, act_hash},
    hash::{Context, derive},
    id::{DossierId, Hash, OfficeId, PersonId},
    ledger::{Cause, Code},
    limits,
    record::Record,
    state::{
        Key, StoreError,
        history::{Stored, Verdict},
        rows::{Author, Dossier},
    },
    time::ClockQuality,
    trust::{NodeKind, Numbers, RegistrarAct, Signed, TrustError, TrustView},
};
use motcua_journal::JournalError;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
};

/// What an operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Which dossier.
    pub dossier: DossierId,
    /// Which change of it.
    pub change: Hash,
    /// What it shall be; [`Verdict::Accepted`] releases.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Who decides, as shown.
    pub operator: String,
    /// In a release: also release what it builds on, as far as that may be released.
    pub with_causes: bool,
}

/// Why an operator's act was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RulingError {
    /// Only hubs decide.
    #[error("this machine is no hub; decisions are made at a hub")]
    NotAHub,
    /// The documents in force name another hub, or none, for its office.
    #[error(
        "this hub is retired: nobody would take its decision; decide at the hub that serves its \
         offices now"
    )]
    Retired,
    /// No such dossier here.
    #[error("this hub holds no dossier {0}")]
    NoDossier(DossierId),
    /// No such change in it.
    #[error("dossier {dossier} has no change {change}")]
    NoEntry {
        /// The dossier.
        dossier: DossierId,
        /// What was asked for.
        change: Hash,
    },
    /// Its author is not below this hub.
    #[error("the change is of an office that is not below this hub; decide at the hub above it")]
    NotBelow,
    /// No release lets it in.
    #[error("the change cannot be released: {}", .0.en())]
    Refused(Cause),
    /// What it builds on is not applied.
    #[error("the change builds on {} that are not accepted; release those with it", .0.len())]
    Causes(Vec<Hash>),
    /// The decision itself is not in order.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// A document is not what it must be.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The disk refused, or the machine is stopping.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Decides on an entry; gives the changes that were decided on, causes first. They are on disk
    /// and in the state when this returns.
    ///
    /// # Errors
    /// [`RulingError`] saying why not.
    pub async fn decide(&self, ruling: Ruling) -> Result<Vec<Hash>, RulingError> {
        self.may_decide()?;
        let (id, operator) = (ruling.dossier, person(&ruling.operator));
        let mut done = Vec::new();
        for target in self.targets(&ruling)? {
            let saved = self
                .own()
                .write(None, |own| {
                    let (_, history) = self.history(id)?;
                    let decision = Decision {
                        verdict: ruling.verdict,
                        number: next_number(&history, &target),
                        reason: ruling.reason.trim().to_owned(),
                    };
                    let payload = decision.encode()?;
                    let deps = vec![target];
                    let draft =
                        self.draft(own, id, Kind::Decision, operator, deps, Vec::new(), payload);
                    Ok::<_, RulingError>((draft, Vec::<Record>::new()))
                })
                .await?;
            self.applied(saved.position).await;
            done.push(target);
        }
        Ok(done)
    }

    /// Whether what this hub writes reaches anybody.
    fn may_decide(&self) -> Result<(), RulingError> {
        if self.kind != NodeKind::Hub {
            return Err(RulingError::NotAHub);
        }
        let key = self.own().key();
        match self.trust().hub(self.me.office) {
            Some(hub) if hub.key == key => Ok(()),
            _ => Err(RulingError::Retired),
        }
    }

    /// Carries a registrar's act into the dossier that it names.
    ///
    /// # Errors
    /// [`RulingError`] saying why not.
    pub async fn carry_in(&self, act: &[u8], operator: &str) -> Result<RegistrarAct, RulingError> {
        self.may_decide()?;
        let signed = Signed::decode::<RegistrarAct>(act)?;
        let act = self.trust().may_carry_in(&signed)?;
        let saved = self
            .own()
            .write(None, |own| {
                let (row, history) = self.history(act.dossier)?;
                let deps = tips(&row, &history);
                let (audience, payload) = (act.audience(), signed.encode());
                let by = person(operator);
                let kind = Kind::Administrative;
                let draft = self.draft(own, act.dossier, kind, by, deps, audience, payload);
                Ok::<_, RulingError>((draft, Vec::<Record>::new()))
            })
            .await?;
        self.applied(saved.position).await;
        Ok(act)
    }

    /// Takes in trust documents that somebody hands over; they prove themselves. Newer ones are
    /// written down, put in force, and go on to everybody below.
    ///
    /// # Errors
    /// [`TrustError`] for documents that are not this city's, contradict what is held, or are
    /// signed by somebody who may not.
    pub fn offer_trust(self: &Arc<Self>, bytes: &[u8]) -> Result<Numbers, TrustError> {
        let mut view = self.trust();
        view.adopt_all(bytes)?;
        let numbers = view.numbers();
        self.adopt(view);
        Ok(numbers)
    }

    /// The same for documents that a hub handed out with a certificate; answered when they are in
    /// force, or never will be.
    pub(crate) async fn offer_view(self: &Arc<Self>, view: TrustView) {
        let wanted = view.numbers();
        if !wanted.ahead_of(&self.trust().numbers()) {
            return;
        }
        self.adopt(view);
        // Requests to the journal are answered in order: after this one they are on disk.
        let (told, answer) = tokio::sync::oneshot::channel();
        self.pen().write(
            Vec::new(),
            Box::new(move |_| {
                // Whoever asked may have gone.
                let _ = told.send(());
            }),
        );
        let _ = answer.await;
    }

    /// Newer trust documents: journaled in the order in which they came, then in force everywhere.
    pub(super) fn adopt(self: &Arc<Self>, view: TrustView) {
        // Held until they are handed to the journal, so that they stand there in order.
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((newest, trouble)) = offered.offer(&view) else { return };
        if let Some(error) = trouble {
            tracing::warn!(%error, "some of the new trust documents were not taken");
        }
        let engine = Arc::clone(self);
        self.pen().write(
            vec![Record::Trust(newest.to_bytes())],
            Box::new(move |result| match result {
                // Answered at once, while the lock is held; nothing follows.
                Err(JournalError::Stopped) => {}
                Err(error) => {
                    tracing::error!(%error, "new trust documents could not be written; they are \
                        written again once the disk writes");
                    engine.not_adopted();
                }
                Ok(_) => {
                    engine.offered.lock().unwrap_or_else(PoisonError::into_inner).written(&newest);
                    engine.put_in_force(newest);
                }
            }),
        );
    }

    /// A hub gives documents to a machine once, and a ban must not wait for the next one: they are
    /// offered again when the journal is mended. Called before the mender is asked.
    fn not_adopted(self: &Arc<Self>) {
        let first = self.offered.lock().unwrap_or_else(PoisonError::into_inner).not_written();
        if !first {
            return;
        }
        let (engine, mender) = (Arc::clone(self), self.pen().mender().clone());
        let mended = mender.count();
        let waits = move || {
            if !mender.wait_after(mended) {
                return;
            }
            let waiting = engine.offered.lock().unwrap_or_else(PoisonError::into_inner).again();
            if let Some(view) = waiting {
                engine.adopt(view);
            }
        };
        let thread = std::thread::Builder::new().name("trust-again".into());
        if let Err(error) = thread.spawn(waits) {
            tracing::error!(%error, "new trust documents are taken when they come again");
            self.offered.lock().unwrap_or_else(PoisonError::into_inner).again();
        }
    }

    /// What the decision is about: the change asked for, and, in a release, what keeps it out.
    fn targets(&self, ruling: &Ruling) -> Result<Vec<Hash>, RulingError> {
        let (_, history) = self.history(ruling.dossier)?;
        let by_change: BTreeMap<Hash, &Stored> = history
            .iter()
            .filter(|stored| stored.entry.header.kind.is_change())
            .map(|stored| (stored.entry.header.change_hash, stored))
            .collect();
        let change = ruling.change;
        let target = by_change
            .get(&change)
            .ok_or(RulingError::NoEntry { dossier: ruling.dossier, change })?;
        if ruling.verdict != Verdict::Accepted {
            return self.is_below(target).map(|()| vec![change]);
        }
        let mut causes = Vec::new();
        let mut seen = BTreeSet::from([change]);
        let mut open = target.entry.header.deps.clone();
        while let Some(dep) = open.pop() {
            let Some(cause) = by_change.get(&dep).filter(|_| seen.insert(dep)) else { continue };
            if !cause.verdict.applies() {
                causes.push(*cause);
                open.extend_from_slice(&cause.entry.header.deps);
            }
        }
        // Those that merely build on others follow by themselves.
        causes.retain(|cause| Cause::parse(&cause.reason).code != Code::BuildsOnHeld);
        for stored in causes.iter().chain([target]) {
            may_be_released(stored)?;
            self.is_below(stored)?;
        }
        let mut causes: Vec<Hash> =
            causes.into_iter().map(|cause| cause.entry.header.change_hash).collect();
        if !causes.is_empty() && !ruling.with_causes {
            return Err(RulingError::Causes(causes));
        }
        // In order of arrival, causes come first.
        let place = |hash: &Hash| {
            history.iter().position(|stored| stored.entry.header.change_hash == *hash)
        };
        causes.sort_by_key(place);
        causes.push(change);
        Ok(causes)
    }

    fn is_below(&self, stored: &Stored) -> Result<(), RulingError> {
        let author: Option<Author> = self.books().row(Key::Author(stored.log))?;
        let office = author.map_or(OfficeId::ZERO, |author| author.office);
        match self.trust().is_within(office, self.me.office) {
            true => Ok(()),
            false => Err(RulingError::NotBelow),
        }
    }

    fn history(&self, id: DossierId) -> Result<(Dossier, Vec<Stored>), RulingError> {
        self.books().dossier(id)?.ok_or(RulingError::NoDossier(id))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry, put together once")]
    fn draft(
        &self,
        own: &OwnLog,
        dossier: DossierId,
        kind: Kind,
        person: PersonId,
        deps: Vec<Hash>,
        audience: Vec<motcua_core::entry::AudienceOp>,
        payload: Vec<u8>,
    ) -> Draft {
        let change_hash = match kind {
            Kind::Administrative => act_hash(own.actor(), &payload),
            _ => Hash::ZERO,
        };
        Draft {
            kind,
            doc_type: DocType::Dossier,
            dossier,
            person,
            claimed_at: self.clock().wall(),
            clock: ClockQuality::Unproven,
            schema: 0,
            op_count: 0,
            change_hash,
            deps,
            audience,
            creation: None,
            payload,
        }
    }
}

/// A release lifts a ban and an earlier decision, and nothing else.
fn may_be_released(stored: &Stored) -> Result<(), RulingError> {
    let cause = Cause::parse(&stored.reason);
    match cause.code {
        Code::None
        | Code::Banned
        | Code::Suspended
        | Code::Decided
        | Code::BuildsOnHeld
        | Code::RevokedMeanwhile => Ok(()),
        _ => Err(RulingError::Refused(cause)),
    }
}

/// One more than the highest number of a decision on the change.
fn next_number(history: &[Stored], target: &Hash) -> u64 {
    let decisions = history.iter().filter(|stored| {
        stored.entry.header.kind == Kind::Decision && stored.entry.header.deps == [*target]
    });
    let numbers = decisions
        .filter_map(|stored| Decision::decode(&stored.entry.payload).ok())
        .map(|decision| decision.number);
    numbers.max().unwrap_or(0).saturating_add(1)
}

/// What an act builds on: the heads, and earlier acts, which no change builds on.
fn tips(row: &Dossier, history: &[Stored]) -> Vec<Hash> {
    let acts = history.iter().filter(|stored| {
        stored.entry.header.kind == Kind::Administrative && stored.verdict.applies()
    });
    let joins = |stored: &&Stored| {
        stored.entry.header.audience.iter().any(|op| op.action == AudienceAction::Add)
    };
    let acts = acts.filter(joins).map(|stored| stored.entry.header.change_hash);
    let mut tips: Vec<Hash> = row.heads.iter().copied().chain(acts).collect();
    // Beyond the limit the newest acts are left out; what they granted then stays.
    tips.truncate(limits::ENTRY_DEPENDENCIES);
    tips.sort_unstable();
    tips
}

/// Opaque to the protocol.
fn person(operator: &str) -> PersonId {
    let hash = derive(Context::Document, &[b"operator", operator.trim().as_bytes()]);
    let mut id = PersonId::ZERO;
    id.0.copy_from_slice(&hash.0[..PersonId::LEN]);
    id
}
