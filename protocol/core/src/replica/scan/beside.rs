//! Scans between machines of one office: what the hub lacks is kept by each of them, either shows and
//! relays what the other has, and the hub's word for a scan passes from one to the other.

use super::{LinkId, Peer, Replica, ScanMessage, ScanPending};
use crate::{
    id::{Hash, NodeId},
    limits,
    record::ScanEvent,
    replica::{Fault, Store},
};
use std::{collections::BTreeSet, sync::Arc};

/// Scans whose record is on its way here while the hub's word for them comes.
const ON_THE_WAY: usize = 64;

impl Replica {
    /// A machine beside has a scan on its disk; noted while the hub lacks it.
    pub(super) fn note_beside(
        &mut self,
        node: NodeId,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.scan_row(hash, store)?.above {
            return Ok(());
        }
        if let Some(status) = self.known_siblings.get_mut(&node)
            && status.scans.len() < limits::SCANS_BESIDE
            && !status.scans.contains(&hash)
        {
            Arc::make_mut(&mut status.scans).insert(hash);
        }
        Ok(())
    }

    /// It does not have it, or not any more.
    pub(super) fn not_beside(&mut self, node: NodeId, hash: Hash) {
        if let Some(status) = self.known_siblings.get_mut(&node)
            && status.scans.contains(&hash)
        {
            Arc::make_mut(&mut status.scans).remove(&hash);
            // It is offered again, should it not be read now.
            self.scans.links.values_mut().for_each(|state| state.walked = None);
        }
    }

    /// Whether the machine at the other end of a link said that it has a scan.
    pub(super) fn stands_beside(&self, link: LinkId, hash: Hash) -> bool {
        let Some(Peer::Beside(node)) = self.peer_of(link) else { return false };
        self.known_siblings.get(&node).is_some_and(|status| status.scans.contains(&hash))
    }

    /// What the hub has need not be known of each machine.
    pub(super) fn forget_beside(&mut self, link: LinkId, unsent: &BTreeSet<Hash>) {
        let Some(Peer::Beside(node)) = self.peer_of(link) else { return };
        if let Some(status) = self.known_siblings.get_mut(&node)
            && status.scans.iter().any(|hash| !unsent.contains(hash))
        {
            Arc::make_mut(&mut status.scans).retain(|hash| unsent.contains(hash));
        }
    }

    /// The hub has a scan, which is on record here: machines beside are told.
    pub(super) fn tell_beside(&mut self, hash: Hash) {
        let beside = self.siblings.iter().filter(|(_, sibling)| sibling.binding.is_some());
        let links: Vec<LinkId> = beside.map(|(link, _)| *link).collect();
        for link in links {
            self.say_scan(link, &ScanMessage::Above { hash });
        }
    }

    /// A machine of this office heard from the hub that it has a scan.
    pub(super) fn scan_above_beside(
        &mut self,
        link: LinkId,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if !matches!(self.peer_of(link), Some(Peer::Beside(_))) {
            return Err(Fault::new("order", "only machines of one office say this"));
        }
        self.scans.links.entry(link).or_default().offers.remove(&hash);
        self.scans.above.insert(hash);
        while self.scans.above.len() > ON_THE_WAY {
            self.scans.above.pop_first();
        }
        self.note_scans_above(store)
    }

    /// Writes down what the hub has, of scans that the books know.
    pub(super) fn note_scans_above(&mut self, store: &impl Store) -> Result<(), Fault> {
        let told: Vec<Hash> = self.scans.above.iter().copied().collect();
        for hash in told {
            let row = self.scan_row(hash, store)?;
            if row.here || row.damaged {
                self.scans.above.remove(&hash);
                if !row.above {
                    self.note_scan(hash, ScanEvent::Above, ScanPending::Above { hash });
                }
            }
        }
        Ok(())
    }
}
