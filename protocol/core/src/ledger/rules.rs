//! The quick look at an arriving entry: most are plain, and a plain entry in a plain dossier needs
//! no look at the others. Everything else is left to [`super::verdicts`], which says the same of a
//! plain one.

use super::{
    dossier::DossierWork,
    verdicts::{creation_fault, takes_out},
};
use crate::{
    entry::{AudienceAction, Kind, actor_id},
    id::{Hash, OfficeId},
    limits,
    state::{
        history::Stored,
        rows::{AudienceFact, Author},
    },
    trust::TrustView,
};

/// What the quick look says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// Accepted, and nothing else changes by it.
    Plain,
    /// The dossier must be judged as a whole.
    Closely,
    /// A change it builds on has not arrived.
    Wait(Hash),
}

/// Looks at an entry that arrives.
pub(super) fn look(
    dossier: &DossierWork,
    author: &Author,
    arriving: &Stored,
    trust: &TrustView,
    schema: u16,
) -> Look {
    let header = &arriving.entry.header;
    if let Some(missing) = missing(dossier, arriving) {
        return Look::Wait(missing);
    }
    let genuine = header.actor == actor_id(&author.key, arriving.entry.boot);
    let ordinary = header.kind != Kind::Decision
        && header.kind != Kind::Administrative
        && !matches!(header.kind, Kind::Unknown(_))
        && header.schema <= schema
        && !takes_out(arriving);
    let believed = trust.denied(author.key.node_id()).is_none();
    if dossier.must_be_judged() || !genuine || !ordinary || !believed {
        return Look::Closely;
    }
    let plain = match header.kind {
        Kind::Create => dossier.is_new() && creation_fault(author, arriving).is_none(),
        _ => {
            let bytes = dossier.row.bytes + u64::from(header.payload_len);
            !header.deps.is_empty()
                && dossier.row.entries < limits::DOSSIER_ENTRIES
                && bytes <= limits::DOSSIER_BYTES
                && took_part(dossier, &header.deps, author.office)
        }
    };
    if plain { Look::Plain } else { Look::Closely }
}

/// The first cause that is not here. A decision counts also without its target, which may never
/// have been sent here; a kind that is not known may build on anything.
fn missing(dossier: &DossierWork, arriving: &Stored) -> Option<Hash> {
    let header = &arriving.entry.header;
    let waits = match header.kind {
        Kind::Create => false,
        Kind::Decision => dossier.is_new(),
        Kind::Unknown(_) => !header.kind.is_critical(),
        _ => true,
    };
    let mut deps = header.deps.iter().filter(|_| waits);
    deps.find(|dep| !dossier.has_arrived(dep)).copied()
}

/// Whether the office was in the audience in the causal past of `deps`, in a dossier that nobody
/// was taken out of.
fn took_part(dossier: &DossierWork, deps: &[Hash], office: OfficeId) -> bool {
    let past = dossier.past(deps);
    past.into_iter().any(|place| {
        let audience = &dossier.all[place].entry.header.audience;
        audience.iter().any(|op| op.action == AudienceAction::Add && op.office == office)
    })
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
