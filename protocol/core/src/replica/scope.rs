//! Who may bring what: a machine speaks for its office, a hub for every office below it. Where a
//! log came from first does not matter, so an office may move to another hub, and any machine of
//! an office may carry what another one wrote.

use super::{Child, Control, Fault, Head, LinkId, Replica};
use crate::{
    id::{LogId, OfficeId},
    trust::{Binding, NodeKind, TrustView},
};

/// Whether this peer may bring logs of authors of that office.
pub(super) fn speaks_for(trust: &TrustView, peer: &Binding, author: OfficeId) -> bool {
    match peer.kind {
        NodeKind::Node => peer.office == author,
        NodeKind::Hub => trust.is_within(author, peer.office),
    }
}

impl Replica {
    /// A machine comes in where its own office, or the hub that it is, is the next hop.
    pub(super) fn check_hop(&self, peer: &Binding) -> Result<(), Fault> {
        let me = self.config.me.office;
        let next = self.trust.next_hop(me, peer.office) == Some(peer.office);
        let hub = self.trust.is_hub_hop(me, peer.office);
        match peer.kind {
            NodeKind::Hub if peer.office != me && next && !hub => {
                Err(Fault::new("scope", "the root document names no hub for this office"))
            }
            NodeKind::Hub if next && hub => Ok(()),
            NodeKind::Node if next && !hub => Ok(()),
            NodeKind::Node if self.trust.is_within(peer.office, me) => {
                Err(Fault::new("scope", "this office is served by a hub nearer to it"))
            }
            NodeKind::Hub | NodeKind::Node => {
                Err(Fault::new("scope", "this office is not served by this hub"))
            }
        }
    }

    /// Heads of the logs that this peer may bring, in order of log id: those whose way up leads
    /// over it.
    pub(super) fn heads_from(&self, peer: &Binding) -> Vec<Head> {
        self.logs
            .iter()
            .filter(|(_, row)| speaks_for(&self.trust, peer, row.author.office))
            .map(|(log, row)| Head { log: *log, ..row.durable() })
            .filter(|head| head.sequence > 0)
            .collect()
    }

    /// The links that may bring a log.
    pub(super) fn bringers(&self, log: LogId) -> Vec<LinkId> {
        let Some(row) = self.logs.get(&log) else { return Vec::new() };
        let brings = |child: &Child| {
            let peer = child.binding.as_ref();
            peer.is_some_and(|peer| speaks_for(&self.trust, peer, row.author.office))
        };
        let below = self.children.iter().filter(|(_, child)| brings(child)).map(|(link, _)| *link);
        let beside = self.siblings.iter().filter(|(_, sibling)| {
            sibling.binding.is_some() && row.author.office == self.config.me.office
        });
        below.chain(beside.map(|(link, _)| *link)).collect()
    }

    pub(super) fn tell_bringers(&mut self, log: LogId, message: &Control) {
        for link in self.bringers(log) {
            self.say(link, message);
        }
    }
}
