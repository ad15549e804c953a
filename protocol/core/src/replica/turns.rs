//! Turns at catching up in bulk, on both sides of a link: see [`super::admission`].

use super::{Control, Fault, LinkId, Replica, Status, Store, admission::Turn, child::Child};
use crate::{limits, time::Instant};

impl Replica {
    /// What a peer says it has for us decides whether it needs a turn.
    pub(super) fn weigh(&mut self, link: LinkId, status: &Status) {
        // Whoever is read slowly has no use for a turn.
        let much = status.unsent > limits::SMALL_ENTRIES && !self.is_paced(link);
        let child = self.children.get_mut(&link).filter(|child| child.carried.is_none());
        let Some(child) = child else { return };
        child.much_to_send = much;
        if much {
            self.asking.insert(link);
        }
    }

    /// Gives turns to those who ask, takes them from those who are level or have had theirs.
    pub(super) fn take_turns(&mut self, now: Instant) {
        let is_level = |link: &LinkId| self.children.get(link).is_none_or(Child::is_level);
        let level: Vec<LinkId> = self.admission.holders().filter(is_level).collect();
        let mut begun: Vec<LinkId> = Vec::new();
        for link in level {
            begun.extend(self.admission.done(link, now));
        }
        for link in std::mem::take(&mut self.asking) {
            if !self.children.contains_key(&link) || self.admission.has_turn(link) {
                continue;
            }
            match self.admission.wants(link, now) {
                Turn::Now => begun.push(link),
                Turn::Later(millis) => self.say(link, &Control::Later { millis }),
            }
        }
        let (over, more) = self.admission.rotate(now);
        for link in over {
            if let Turn::Later(millis) = self.admission.wants(link, now) {
                self.say(link, &Control::Later { millis });
            }
        }
        begun.extend(more);
        for link in &begun {
            self.say_turn(*link);
        }
        self.unpumped.extend(begun);
    }

    /// The large windows, in both directions; upwards they are of no use to a machine that is read
    /// slowly.
    fn say_turn(&mut self, link: LinkId) {
        if !self.is_paced(link) {
            self.say(link, &Control::Bulk);
        }
    }

    /// A link from below is gone, and with it its turn or its place.
    pub(super) fn link_ended(&mut self, link: LinkId, now: Instant) {
        self.challenges.remove(&link);
        self.asking.remove(&link);
        for next in self.admission.done(link, now) {
            self.say_turn(next);
            // The large window is used at the next step.
            self.unpumped.insert(next);
        }
    }

    /// Bytes that may be on their way to a peer without its acknowledgement.
    pub(super) fn down_window(&self, link: LinkId) -> usize {
        match self.admission.has_turn(link) {
            true => limits::DOWN_WINDOW_BYTES,
            false => limits::SMALL_WINDOW_BYTES,
        }
    }

    /// The parent gives this machine its turn, or says when it will come.
    pub(super) fn turn_told(
        &mut self,
        link: LinkId,
        turn: Option<u64>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "a turn was given before welcome"));
        }
        self.upstream.bulk = turn.is_none();
        self.pump_up(store);
        Ok(())
    }

    /// Peers below that catch up in bulk, and those that wait for their turn to.
    pub fn catching_up(&self) -> (usize, usize) {
        self.admission.counts()
    }
}
