//! Who may catch up in bulk. When a district's power is back, three hundred peers come at once: so
//! many may use the large windows, the others wait for their turn with the small ones, through
//! which their recent changes still pass at once.
//!
//! First come, first served. Nobody starves: who waits is never without the small window, and who
//! holds a turn for long while others wait goes to the end of the queue.

use super::LinkId;
use crate::{limits, time::Instant};
use std::collections::{BTreeMap, VecDeque};

/// Turns and the queue for them.
#[derive(Debug, Default)]
pub(super) struct Admission {
    turns: BTreeMap<LinkId, Instant>,
    waiting: VecDeque<LinkId>,
}

/// What a peer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Large windows from now on.
    Now,
    /// Small ones; the turn comes in about so many milliseconds.
    Later(u64),
}

impl Admission {
    /// A peer has much to exchange. Asked again, it keeps its place.
    pub(super) fn wants(&mut self, link: LinkId, now: Instant) -> Turn {
        if self.has_turn(link) {
            return Turn::Now;
        }
        if !self.waiting.contains(&link) {
            if self.turns.len() < limits::BULK_PEERS {
                self.turns.insert(link, now);
                return Turn::Now;
            }
            self.waiting.push_back(link);
        }
        Turn::Later(self.estimate(link))
    }

    /// Whether a peer may use the large windows.
    pub(super) fn has_turn(&self, link: LinkId) -> bool {
        self.turns.contains_key(&link)
    }

    /// Those who may.
    pub(super) fn holders(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.turns.keys().copied()
    }

    /// Whether a peer waits for its turn.
    pub(super) fn waits(&self, link: LinkId) -> bool {
        self.waiting.contains(&link)
    }

    /// A peer is level, or gone. Gives those whose turn it is now.
    pub(super) fn done(&mut self, link: LinkId, now: Instant) -> Vec<LinkId> {
        self.turns.remove(&link);
        self.waiting.retain(|waiting| *waiting != link);
        self.fill(now)
    }

    /// Takes the turn from those who have had it for long while others wait: those who lose it and
    /// wait again, and those who get it.
    pub(super) fn rotate(&mut self, now: Instant) -> (Vec<LinkId>, Vec<LinkId>) {
        let mut over: Vec<(Instant, LinkId)> = self
            .turns
            .iter()
            .filter(|(_, since)| now.since(**since) >= limits::BULK_TURN_MILLIS)
            .map(|(link, since)| (*since, *link))
            .collect();
        over.sort();
        over.truncate(self.waiting.len());
        let over: Vec<LinkId> = over.into_iter().map(|(_, link)| link).collect();
        for link in &over {
            self.turns.remove(link);
        }
        let begun = self.fill(now);
        self.waiting.extend(&over);
        (over, begun)
    }

    /// When [`Self::rotate`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        self.turns.values().min().map(|since| since.after(limits::BULK_TURN_MILLIS))
    }

    /// Peers that use the large windows, and those that wait.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.turns.len(), self.waiting.len())
    }

    fn fill(&mut self, now: Instant) -> Vec<LinkId> {
        let mut begun = Vec::new();
        while self.turns.len() < limits::BULK_PEERS
            && let Some(next) = self.waiting.pop_front()
        {
            self.turns.insert(next, now);
            begun.push(next);
        }
        begun
    }

    /// The longest that the queue before a peer can take.
    fn estimate(&self, link: LinkId) -> u64 {
        let place = self.waiting.iter().position(|waiting| *waiting == link).unwrap_or(0);
        (place / limits::BULK_PEERS + 1) as u64 * limits::BULK_TURN_MILLIS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERS: u64 = limits::BULK_PEERS as u64;

    fn full() -> Admission {
        let mut admission = Admission::default();
        for number in 0..PEERS {
            assert_eq!(admission.wants(LinkId(number), Instant(1)), Turn::Now);
        }
        admission
    }

    #[test]
    fn so_many_have_a_turn_and_the_next_comes_when_one_is_level_or_gone() {
        let mut admission = full();
        let (first, second) = (LinkId(PEERS), LinkId(PEERS + 1));
        let turn = limits::BULK_TURN_MILLIS;
        assert_eq!(admission.wants(first, Instant(2)), Turn::Later(turn));
        assert_eq!(admission.wants(second, Instant(2)), Turn::Later(turn));
        assert_eq!(admission.wants(first, Instant(3)), Turn::Later(turn), "it keeps its place");
        assert_eq!(admission.done(LinkId(3), Instant(4)), [first]);
        assert!(admission.has_turn(first) && !admission.has_turn(second));
        // Gone while it waited: its place is not kept.
        assert_eq!(admission.done(second, Instant(5)), []);
        assert_eq!(admission.done(LinkId(4), Instant(5)), []);
        assert_eq!(admission.counts(), (limits::BULK_PEERS - 1, 0));
    }

    #[test]
    fn three_hundred_peers_that_never_finish_all_have_their_turn() {
        let mut admission = Admission::default();
        let mut served: std::collections::BTreeSet<LinkId> = (0..300)
            .map(LinkId)
            .filter(|link| admission.wants(*link, Instant(0)) == Turn::Now)
            .collect();
        let mut now = 0;
        for _ in 0..300 / limits::BULK_PEERS + 1 {
            now = admission.deadline().map_or(now, |at| at.0);
            served.extend(admission.rotate(Instant(now)).1);
            assert!(admission.counts().0 <= limits::BULK_PEERS);
        }
        assert_eq!(served.len(), 300);
    }

    #[test]
    fn a_turn_is_not_taken_away_while_nobody_waits() {
        let mut admission = full();
        let late = Instant(10 * limits::BULK_TURN_MILLIS);
        assert_eq!((admission.deadline(), admission.rotate(late)), (None, (vec![], vec![])));
        admission.wants(LinkId(PEERS), late);
        let (over, begun) = admission.rotate(late);
        assert_eq!((over.len(), begun), (1, vec![LinkId(PEERS)]));
        assert!(admission.waits(over[0]));
    }
}
