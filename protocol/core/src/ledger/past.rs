//! What an entry had seen of the audience when it was written: folded along the causal chain, and
//! shared by all entries of a chain that changes nothing.

use crate::{
    entry::{AudienceAction, Header},
    id::{Hash, OfficeId},
};
use std::{collections::BTreeSet, sync::Arc};

/// A grant: office, role byte, the change that made it.
pub(super) type Grant = (OfficeId, u8, Hash);

/// The causal past of an entry, as far as rules ask for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// Entries on the longest way back to the creation.
    pub(super) depth: u32,
    /// Payload bytes on the heaviest way back.
    pub(super) bytes: u64,
    grants: Arc<BTreeSet<Grant>>,
    /// Grants that a revocation had seen, with the place of that revocation.
    revoked: Arc<BTreeSet<(usize, Grant)>>,
    /// Places of the revocations themselves.
    pub(super) revocations: Arc<BTreeSet<usize>>,
}

impl Past {
    /// What is before an entry with these causes.
    pub(super) fn join<'a>(mut causes: impl Iterator<Item = &'a Self>) -> Self {
        let Some(first) = causes.next() else { return Self::default() };
        let mut joined = first.clone();
        for other in causes {
            joined.depth = joined.depth.max(other.depth);
            joined.bytes = joined.bytes.max(other.bytes);
            merge(&mut joined.grants, &other.grants);
            merge(&mut joined.revoked, &other.revoked);
            merge(&mut joined.revocations, &other.revocations);
        }
        joined
    }

    /// The same with the entry itself, which stands at `place`.
    pub(super) fn and(mut self, place: usize, header: &Header) -> Self {
        self.depth = self.depth.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(header.payload_len));
        for op in &header.audience {
            let (office, role) = (op.office, op.role.byte());
            match op.action {
                AudienceAction::Add => {
                    Arc::make_mut(&mut self.grants).insert((office, role, header.change_hash));
                }
                AudienceAction::Remove => {
                    let seen = self.grants.iter().filter(|grant| {
                        (grant.0, grant.1) == (office, role) && grant.2 != header.change_hash
                    });
                    let seen: Vec<_> = seen.map(|grant| (place, *grant)).collect();
                    Arc::make_mut(&mut self.revoked).extend(seen);
                    Arc::make_mut(&mut self.revocations).insert(place);
                }
            }
        }
        self
    }

    /// Whether the office takes part: some grant that no revocation had seen.
    pub(super) fn includes(&self, office: OfficeId) -> bool {
        self.standing(office).next().is_some()
    }

    /// Grants that the revocation at `place` ended; `self` is the past with it.
    pub(super) fn revoked_by(&self, place: usize) -> BTreeSet<Grant> {
        self.revoked.iter().filter(|(by, _)| *by == place).map(|(_, grant)| *grant).collect()
    }

    /// Whether the office takes part here, by what is seen or by `admitted`, and would not
    /// without the grants in `gone`.
    pub(super) fn would_lose(
        &self,
        office: OfficeId,
        gone: &BTreeSet<Grant>,
        admitted: &BTreeSet<Grant>,
    ) -> bool {
        let admitted = admitted.iter().filter(|grant| grant.0 == office);
        let mut standing = self.standing(office).chain(admitted).peekable();
        standing.peek().is_some() && standing.all(|grant| gone.contains(grant))
    }

    fn standing(&self, office: OfficeId) -> impl Iterator<Item = &Grant> {
        let ended = |grant: &Grant| self.revoked.iter().any(|(_, revoked)| revoked == grant);
        self.grants.iter().filter(move |grant| grant.0 == office && !ended(grant))
    }
}

fn merge<T: Ord + Clone>(into: &mut Arc<BTreeSet<T>>, other: &Arc<BTreeSet<T>>) {
    if !Arc::ptr_eq(into, other) && !other.is_subset(into) {
        Arc::make_mut(into).extend(other.iter().cloned());
    }
}
