//! Which way a dossier goes: from hub to hub, not from office to office. The tree of offices says
//! who is above whom; the root document says at which of them a hub stands.

use super::TrustView;
use crate::id::{NodeId, OfficeId};

impl TrustView {
    /// Who reads the inbox by which a hub of `me` sends to `office`: the topmost hub strictly
    /// below `me` on the way, else the office itself, whose machines dial this hub. None if the
    /// office is neither `me` nor below it.
    pub fn next_hop(&self, me: OfficeId, office: OfficeId) -> Option<OfficeId> {
        if me == office {
            return self.office(me).map(|office| office.id);
        }
        let mut hop = office;
        for at in self.upwards(office) {
            if at == me {
                return Some(hop);
            }
            if self.hub(at).is_some() {
                hop = at;
            }
        }
        None
    }

    /// Whether the inbox of this hop is read by a hub, and not by the machines of an office.
    pub fn is_hub_hop(&self, me: OfficeId, hop: OfficeId) -> bool {
        hop != me && self.hub(hop).is_some()
    }

    /// Whether the root document in force names this machine as a hub of this office.
    pub fn is_hub(&self, office: OfficeId, node: NodeId) -> bool {
        let named = |hub: &super::HubRecord| hub.office == office && hub.key.node_id() == node;
        self.root().hubs.iter().any(named)
    }
}
