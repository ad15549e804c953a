//! Whether an entry is acceptable: a pure function of the entry, its causal past and its author's
//! binding. Never of arrival order, clock or version.

use super::dossier::DossierWork;
use crate::{
    entry::{AudienceAction, Entry, Kind, actor_id, dossier_id},
    id::{Hash, LogId, OfficeId},
    limits,
    state::{
        history::Verdict,
        rows::{AudienceFact, Author},
    },
};

/// Reason of an entry that builds on one that is not applied.
pub(super) const BUILDS_ON_HELD: &str = "builds on an entry that is held";

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Decided.
    Verdict(Verdict, String),
    /// A change it builds on has not arrived.
    Wait(Hash),
}

fn quarantine(reason: impl Into<String>) -> Judgement {
    Judgement::Verdict(Verdict::Quarantined, reason.into())
}

/// Judges an entry against what is here of its dossier.
pub(super) fn judge(
    dossier: &DossierWork,
    author: &Author,
    log: LogId,
    entry: &Entry,
) -> Judgement {
    let header = &entry.header;
    if header.actor != actor_id(&author.key, log, entry.boot) {
        return quarantine("actor does not belong to the author's key and log");
    }
    match header.kind {
        Kind::Create => judge_creation(dossier, author, entry),
        Kind::Unknown(byte) if header.kind.is_critical() => Judgement::Verdict(
            Verdict::Held,
            format!("kind {byte} is critical and not known to this version"),
        ),
        _ => judge_change(dossier, author, entry),
    }
}

fn judge_creation(dossier: &DossierWork, author: &Author, entry: &Entry) -> Judgement {
    let header = &entry.header;
    let Some(nonce) = header.creation else { return quarantine("creation has no nonce") };
    if dossier_id(&author.key, nonce, header.claimed_at) != header.dossier {
        return quarantine("dossier id is not bound to its creator");
    }
    if !header.deps.is_empty() {
        return quarantine("creation builds on other changes");
    }
    if dossier.root().is_some() {
        return quarantine("dossier has a creation already");
    }
    let adds_itself = header
        .audience
        .iter()
        .any(|op| op.action == AudienceAction::Add && op.office == author.office);
    if !adds_itself {
        return quarantine("creator does not take part in its own dossier");
    }
    Judgement::Verdict(Verdict::Accepted, String::new())
}

fn judge_change(dossier: &DossierWork, author: &Author, entry: &Entry) -> Judgement {
    let header = &entry.header;
    if header.deps.is_empty() {
        return quarantine("change does not descend from the creation");
    }
    if let Some(missing) = header.deps.iter().find(|dep| dossier.place_of(dep).is_none()) {
        return Judgement::Wait(*missing);
    }
    let builds_on_held = header
        .deps
        .iter()
        .filter_map(|dep| dossier.place_of(dep))
        .any(|place| !dossier.all[place].verdict.applies());
    if builds_on_held {
        return Judgement::Verdict(Verdict::Held, BUILDS_ON_HELD.into());
    }
    if dossier.row.entries >= limits::DOSSIER_ENTRIES {
        return quarantine(format!("dossier has {} entries already", limits::DOSSIER_ENTRIES));
    }
    if dossier.row.bytes + u64::from(header.payload_len) > limits::DOSSIER_BYTES {
        return quarantine(format!("dossier has {} bytes already", dossier.row.bytes));
    }
    if !took_part(dossier, &header.deps, author.office) {
        return quarantine("author's office did not take part when this was written");
    }
    Judgement::Verdict(Verdict::Accepted, String::new())
}

/// Whether the office was in the audience in the causal past of `deps`: some grant there that no
/// revocation there had seen.
fn took_part(dossier: &DossierWork, deps: &[Hash], office: OfficeId) -> bool {
    let past = dossier.past(deps);
    let facts: Vec<AudienceFact> =
        past.iter().flat_map(|place| audience_facts(dossier, *place)).collect();
    crate::state::rows::members(&facts).iter().any(|(member, _)| *member == office)
}

/// Audience operations of one entry of the dossier, with what each revocation had seen.
pub(super) fn audience_facts(dossier: &DossierWork, place: usize) -> Vec<AudienceFact> {
    let header = &dossier.all[place].entry.header;
    header
        .audience
        .iter()
        .map(|op| {
            let revokes = match op.action {
                AudienceAction::Add => Vec::new(),
                AudienceAction::Remove => dossier
                    .past(&header.deps)
                    .into_iter()
                    .map(|earlier| &dossier.all[earlier].entry.header)
                    .filter(|earlier| {
                        earlier.audience.iter().any(|grant| {
                            grant.action == AudienceAction::Add
                                && (grant.office, grant.role) == (op.office, op.role)
                        })
                    })
                    .map(|earlier| earlier.change_hash)
                    .collect(),
            };
            AudienceFact::new(op, header.change_hash, revokes)
        })
        .collect()
}
