//! A machine that connects again while its older link is still thought alive. Usually the older one
//! is dead and nobody has noticed; so the newer is welcomed at once, and the older is asked for one
//! sign. If none comes it is closed. If one does, two machines hold the key.

use super::{Control, Event, Fault, LinkId, Replica, child::Child};
use crate::{id::NodeId, limits, time::Instant};
use std::collections::btree_map::Entry;

/// What an older link was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Challenge {
    nonce: u64,
    until: Instant,
}

impl Replica {
    /// Asks every other link of this machine for a sign of life.
    pub(super) fn challenge_older_links(&mut self, now: Instant, link: LinkId, node: NodeId) {
        let is_older = |(id, child): &(&LinkId, &Child)| {
            **id != link
                && child.binding.is_some()
                && child.carried.is_none()
                && child.peer.node_id() == node
        };
        let older: Vec<LinkId> = self.children.iter().filter(is_older).map(|(id, _)| *id).collect();
        for id in older {
            let Entry::Vacant(free) = self.challenges.entry(id) else { continue };
            // Only the link's two ends see it, so that it need not be hard to guess.
            let (nonce, until) = (link.0, now.after(limits::CHALLENGE_MILLIS));
            free.insert(Challenge { nonce, until });
            self.say(id, &Control::Challenge(nonce));
        }
    }

    /// The parent doubts a link. Messages on links that this process has left are not looked at,
    /// and a process that is gone answers nothing: so an answer means somebody lives there.
    pub(super) fn challenged(&mut self, link: LinkId, nonce: u64) -> Result<(), Fault> {
        if self.upstream.is(link) {
            self.say(link, &Control::Alive(nonce));
        }
        Ok(())
    }

    /// An older link answered: both stay, and a person must look.
    pub(super) fn answered(&mut self, link: LinkId, nonce: u64) -> Result<(), Fault> {
        let Some(child) = self.children.get(&link) else { return Ok(()) };
        let node = child.peer.node_id();
        if self.challenges.get(&link).is_some_and(|challenge| challenge.nonce == nonce) {
            self.challenges.remove(&link);
            self.event(Event::TwoAlive { node });
        }
        Ok(())
    }

    /// Closes older links that gave no sign in time.
    pub(super) fn close_silent_links(&mut self, now: Instant) {
        let silent: Vec<LinkId> = self
            .challenges
            .iter()
            .filter(|(_, challenge)| challenge.until <= now)
            .map(|(link, _)| *link)
            .collect();
        for link in silent {
            self.children.remove(&link);
            self.link_ended(link, now);
            self.leave(link, "the same machine has connected again");
        }
    }

    /// When [`Self::close_silent_links`] has something to do.
    pub(super) fn challenge_deadline(&self) -> Option<Instant> {
        self.challenges.values().map(|challenge| challenge.until).min()
    }
}
