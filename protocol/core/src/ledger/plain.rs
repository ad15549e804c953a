//! The plain change on top of everything: most of what arrives. It builds on exactly the heads of a
//! dossier in which nothing was ever refused, decided or taken out, so the row says all there is to
//! know about it: it cannot have been here before, its causal past is the whole dossier, and
//! whether its author's office took part there stands in the row. The history is not read; a
//! catch-up of many dossiers would do little else.

use super::dossier::DossierWork;
use crate::{
    entry::{Kind, actor_id},
    limits,
    state::{history::Stored, rows::Author},
    trust::TrustView,
};

/// Whether the quick look at the whole history ([`super::rules::look`]) would say "plain", told
/// from the row alone.
pub(super) fn is_on_top(
    dossier: &DossierWork,
    author: &Author,
    arriving: &Stored,
    trust: &TrustView,
    schema: u16,
) -> bool {
    let (row, header) = (&dossier.row, &arriving.entry.header);
    let mut deps = header.deps.clone();
    deps.sort_unstable();
    header.kind == Kind::Change
        && header.audience.is_empty()
        && header.schema <= schema
        && !deps.is_empty()
        && deps == row.heads
        && !dossier.must_be_judged()
        && !dossier.row.away
        && header.actor == actor_id(&author.key, arriving.entry.boot)
        && trust.denied(author.key.node_id()).is_none()
        && row.entries < limits::DOSSIER_ENTRIES
        && row.bytes + u64::from(header.payload_len) <= limits::DOSSIER_BYTES
        && row.audience.iter().any(|fact| fact.grant && fact.office == author.office)
}
