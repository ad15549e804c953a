//! New trust documents in force: who may stay, who has to go elsewhere, and whom to dial from now
//! on. An office moves to another hub because a root document says so, without a restart.

use super::{Channel, Control, Data, LinkId, Output, Replica, message};
use crate::{
    key::PublicKey,
    limits,
    time::Instant,
    trust::{Binding, NodeKind, Numbers, Signed, TrustView},
};

/// A node's hub is the nearest at or above its office; a hub's is the nearest strictly above, as
/// long as the root document names a hub for its office at all.
pub fn parent_of(trust: &TrustView, binding: &Binding) -> Option<PublicKey> {
    let hub = match binding.kind {
        NodeKind::Node => trust.hub_for(binding.office),
        NodeKind::Hub => trust.hub(binding.office).and_then(|_| trust.hub_above(binding.office)),
    };
    hub.map(|hub| hub.key)
}

/// What becomes of a link from below.
enum Stays {
    Yes,
    /// It lacks the documents that are in force here.
    Behind,
    Moved,
    Denied,
}

impl Replica {
    pub(super) fn take_trust(&mut self, now: Instant, trust: TrustView) {
        self.trust = trust;
        let links: Vec<LinkId> = self.children.keys().copied().collect();
        for link in links {
            match self.stays(link) {
                Stays::Yes => {}
                Stays::Denied => {
                    self.close(link, "this machine is suspended or banned; ask central IT");
                }
                Stays::Behind => self.hand_trust(link),
                Stays::Moved => {
                    self.hand_trust(link);
                    self.leave(link, "another hub serves this office from now on");
                }
            }
        }
        self.follow_parent(now);
    }

    fn stays(&self, link: LinkId) -> Stays {
        let Some(child) = self.children.get(&link) else { return Stays::Yes };
        if self.trust.denied(child.peer.node_id()).is_some() {
            return Stays::Denied;
        }
        match &child.binding {
            None => Stays::Yes,
            Some(binding) if self.check_hop(binding).is_err() => Stays::Moved,
            Some(_) if self.trust.numbers().ahead_of(&child.trust) => Stays::Behind,
            Some(_) => Stays::Yes,
        }
    }

    /// Gives the documents in force to a peer below.
    pub(super) fn hand_trust(&mut self, link: LinkId) {
        let Some(child) = self.children.get_mut(&link) else { return };
        let lacks = std::mem::replace(&mut child.trust, self.trust.numbers());
        self.hand_documents(link, lacks);
    }

    /// Gives a peer the documents behind those it has.
    pub(super) fn hand_documents(&mut self, link: LinkId, lacks: Numbers) {
        let bytes = self.trust.to_bytes_after(&lacks);
        // A ban overtakes frames; a whole catalogue is too long to go before acknowledgements.
        let short = message::encode(&Control::Trust(bytes.clone()));
        if short.len() <= limits::CONTROL_BYTES {
            self.outputs.push_back(Output::Send { link, channel: Channel::Control, bytes: short });
        } else {
            self.send(link, &Data::Trust(bytes));
        }
    }

    /// Dials another hub from now on, if the documents say so.
    fn follow_parent(&mut self, now: Instant) {
        // The own binding was judged at the start; one that cannot be read changes nothing.
        let Ok(signed) = Signed::decode::<Binding>(&self.config.binding) else { return };
        let Ok(binding) = signed.open::<Binding>() else { return };
        let parent = parent_of(&self.trust, &binding);
        if parent == self.config.parent {
            return;
        }
        self.config.parent = parent;
        if let Some(link) = self.upstream.move_to(parent, now) {
            self.leave(link, "another hub serves this office from now on");
        }
    }
}
