//! Which inbox leads to an office, under the trust in force.

use super::Me;
use crate::{id::OfficeId, trust::TrustView};
use std::{cell::RefCell, collections::HashMap};

/// Answers of [`TrustView::next_hop`], each asked once: an office is looked up for every entry.
pub(super) struct Routes {
    me: OfficeId,
    /// None where this machine is no hub: it serves nobody.
    trust: Option<TrustView>,
    known: RefCell<HashMap<OfficeId, Option<OfficeId>>>,
}

impl Routes {
    pub(super) fn new(me: Me, trust: &TrustView) -> Self {
        let serves = trust.is_hub(me.office, me.node);
        Self { me: me.office, trust: serves.then(|| trust.clone()), known: RefCell::default() }
    }

    /// The inbox by which an office is reached from here.
    pub(super) fn hop(&self, office: OfficeId) -> Option<OfficeId> {
        let trust = self.trust.as_ref()?;
        let find = || trust.next_hop(self.me, office);
        *self.known.borrow_mut().entry(office).or_insert_with(find)
    }
}
