//! How much the machines of offices may write. Each enrolled machine has an allowance of entries and
//! bytes at the hub that hears it; what is over it is neither refused nor lost, it is read more slowly.
//!
//! The allowance is a bucket that leaks. A frame is counted when it is taken, so that the debt of a
//! machine is at most what was read before its link was told to wait. Frames that repeat what is here
//! cost nothing, since nothing is written for them. What a hub passes on is not counted a second time.

use super::{Control, LinkId, Output, Replica};
use crate::{
    id::NodeId,
    limits,
    time::{Instant, Timestamp},
    trust::NodeKind,
};
use std::collections::BTreeMap;

/// What one machine may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Entries at once.
    pub entries: u64,
    /// Entries more a second.
    pub entries_a_second: u64,
    /// Bytes of frames at once.
    pub bytes: u64,
    /// Bytes of frames more a second.
    pub bytes_a_second: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            entries: limits::AUTHOR_ENTRIES,
            entries_a_second: limits::AUTHOR_ENTRIES_A_SECOND,
            bytes: limits::AUTHOR_BYTES,
            bytes_a_second: limits::AUTHOR_BYTES_A_SECOND,
        }
    }
}

/// Since when a machine is read more slowly than it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowed {
    /// By this hub's clock.
    pub since: Timestamp,
}

/// How a machine's frames are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As they come.
    Free,
    /// One at a time, the next one in so many milliseconds.
    One(u64),
    /// It was told to wait and goes on all the same.
    Beyond,
}

/// A thousandth of an entry or a byte: what leaks in a millisecond is whole.
const PARTS: u64 = 1_000;

/// What one machine has written and what has not leaked away since, in parts.
#[derive(Debug, Clone, Copy)]
struct Spent {
    at: Instant,
    entries: u64,
    bytes: u64,
    slowed: Option<Slowed>,
}

impl Spent {
    fn leak(&mut self, quota: &Quota, now: Instant) {
        let passed = now.since(self.at);
        let gone = |rate: u64| rate.saturating_mul(passed);
        self.entries = self.entries.saturating_sub(gone(quota.entries_a_second));
        self.bytes = self.bytes.saturating_sub(gone(quota.bytes_a_second));
        self.at = self.at.max(now);
    }

    /// Milliseconds until no more is spent than may be, less `keep` of each.
    fn wait(&self, quota: &Quota, keep: (u64, u64)) -> u64 {
        let one = |spent: u64, all: u64, keep: u64, rate: u64| {
            let may = all.saturating_sub(keep).saturating_mul(PARTS);
            spent.saturating_sub(may).div_ceil(rate.max(1))
        };
        one(self.entries, quota.entries, keep.0, quota.entries_a_second).max(one(
            self.bytes,
            quota.bytes,
            keep.1,
            quota.bytes_a_second,
        ))
    }
}

/// The allowances of all machines that this hub hears; those that have theirs whole are not kept.
#[derive(Debug)]
pub(super) struct Quotas {
    quota: Quota,
    spent: BTreeMap<NodeId, Spent>,
}

impl Quotas {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, spent: BTreeMap::new() }
    }

    /// What is left when frames begin to be read one at a time: what may be on its way by then.
    fn low(&self) -> (u64, u64) {
        let low = |all: u64, few: u64| few.min(all / 2);
        (
            low(self.quota.entries, limits::AUTHOR_LOW_ENTRIES),
            low(self.quota.bytes, limits::AUTHOR_LOW_BYTES),
        )
    }

    /// A machine has written something.
    pub(super) fn spend(&mut self, node: NodeId, (entries, bytes): (u64, u64), now: Instant) {
        let quota = self.quota;
        if !self.spent.contains_key(&node) {
            // A full bucket need not be remembered; so there is a row for each machine that wrote
            // of late, and there are no more machines than are enrolled.
            self.spent.retain(|_, spent| {
                spent.leak(&quota, now);
                spent.entries > 0 || spent.bytes > 0 || spent.slowed.is_some()
            });
        }
        let fresh = Spent { at: now, entries: 0, bytes: 0, slowed: None };
        let spent = self.spent.entry(node).or_insert(fresh);
        spent.leak(&quota, now);
        spent.entries = spent.entries.saturating_add(entries.saturating_mul(PARTS));
        spent.bytes = spent.bytes.saturating_add(bytes.saturating_mul(PARTS));
    }

    /// How the machine's frames are read now. `wall` is for the operator.
    pub(super) fn pace(&mut self, node: NodeId, now: Instant, wall: Timestamp) -> Pace {
        let (quota, low) = (self.quota, self.low());
        let Some(spent) = self.spent.get_mut(&node) else { return Pace::Free };
        spent.leak(&quota, now);
        if spent.wait(&quota, low) == 0 {
            spent.slowed = None;
            return Pace::Free;
        }
        let wait = spent.wait(&quota, (0, 0));
        if wait > 0 && spent.slowed.is_none() {
            spent.slowed = Some(Slowed { since: wall });
        }
        let over = |spent: u64, all: u64| (spent / PARTS).saturating_sub(all);
        let beyond = over(spent.entries, quota.entries) > limits::AUTHOR_BEYOND_ENTRIES
            || over(spent.bytes, quota.bytes) > limits::AUTHOR_BEYOND_BYTES;
        if beyond { Pace::Beyond } else { Pace::One(wait) }
    }

    /// Machines that are read more slowly than they send.
    pub(super) fn slowed(&self) -> impl Iterator<Item = (NodeId, Slowed)> + '_ {
        self.spent.iter().filter_map(|(node, spent)| Some((*node, spent.slowed?)))
    }

    /// Those that have some of their allowance again are not slowed any more; which.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<NodeId> {
        let (quota, low) = (self.quota, self.low());
        let mut rested = Vec::new();
        for (node, spent) in self.spent.iter_mut().filter(|(_, spent)| spent.slowed.is_some()) {
            spent.leak(&quota, now);
            if spent.wait(&quota, low) == 0 {
                spent.slowed = None;
                rested.push(*node);
            }
        }
        rested
    }

    /// When [`Self::rest`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let low = self.low();
        let slowed = self.spent.values().filter(|spent| spent.slowed.is_some());
        slowed.map(|spent| spent.at.after(spent.wait(&self.quota, low).max(1))).min()
    }
}

impl Replica {
    /// The machine of an office that stands at the other end of a link from below. Hubs are not
    /// counted, nor is what a person carried here.
    fn counted(&self, link: LinkId) -> Option<NodeId> {
        let child = self.children.get(&link).filter(|child| child.carried.is_none())?;
        let is_node = child.binding.as_ref().is_some_and(|own| own.kind == NodeKind::Node);
        is_node.then(|| child.peer.node_id())
    }

    /// How the link's frames are read now.
    pub(super) fn pace_of(&mut self, link: LinkId) -> Pace {
        let wall = self.keeper.wall(self.now).unwrap_or_default();
        match self.counted(link) {
            Some(node) => self.quotas.pace(node, self.now, wall),
            None => Pace::Free,
        }
    }

    /// What came on a link is to be written.
    pub(super) fn spend(&mut self, link: LinkId, entries: usize, bytes: usize) {
        if let Some(node) = self.counted(link) {
            self.quotas.spend(node, (entries as u64, bytes as u64), self.now);
        }
    }

    /// A machine that was told to wait and goes on, over link after link, is not heard before it has
    /// waited. Nobody is at fault: what it has comes when it begins anew.
    pub(super) fn is_beyond(&mut self, link: LinkId) -> bool {
        let beyond = self.pace_of(link) == Pace::Beyond;
        if beyond {
            self.leave(link, "this machine has written more than it may at once; it goes on later");
        }
        beyond
    }

    /// After a greeting and after each data message: when the next one may be read. Whoever is read
    /// slowly is told to have little on its way.
    pub(super) fn tell_pace(&mut self, link: LinkId) {
        let pace = self.pace_of(link);
        let Some(child) = self.children.get_mut(&link) else { return };
        let wait = match pace {
            Pace::Free if !child.paced => return,
            Pace::Free => None,
            Pace::One(wait) => Some(wait),
            // It will be left at its next frame; until then it has the longest wait.
            Pace::Beyond => Some(limits::AUTHOR_WAIT_MILLIS),
        };
        let began = wait.filter(|_| !child.paced);
        child.paced = wait.is_some();
        if let Some(wait) = began {
            child.much_to_send = false;
            self.say(link, &Control::Later { millis: wait });
        }
        self.outputs.push_back(Output::Pace { link, wait });
    }

    /// Whether the machine at the other end is read slowly.
    pub(super) fn is_paced(&self, link: LinkId) -> bool {
        self.children.get(&link).is_some_and(|child| child.paced)
    }

    /// Machines that have some of their allowance again are read as they send.
    pub(super) fn rest_quotas(&mut self) {
        let rested = self.quotas.rest(self.now);
        if rested.is_empty() {
            return;
        }
        let links: Vec<LinkId> = self
            .children
            .iter()
            .filter(|(_, child)| rested.contains(&child.peer.node_id()))
            .map(|(link, _)| *link)
            .collect();
        links.into_iter().for_each(|link| self.tell_pace(link));
    }

    /// Machines below that are read more slowly than they send, and since when.
    pub fn slowed(&self) -> impl Iterator<Item = (NodeId, Slowed)> + '_ {
        self.quotas.slowed()
    }
}

const _: () = {
    // A single message is always within what may be owed, and whoever owes no more waits no longer
    // than a message's time over.
    assert!(limits::AUTHOR_BEYOND_ENTRIES > limits::FRAME_ENTRIES as u64);
    assert!(limits::AUTHOR_BEYOND_BYTES > limits::MESSAGE_BYTES as u64);
};

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota =
        Quota { entries: 100, entries_a_second: 10, bytes: 10_000, bytes_a_second: 500 };
    const WALL: Timestamp = Timestamp(1_795_000_000_000);

    fn node(number: u8) -> NodeId {
        NodeId([number; 16])
    }

    fn quotas() -> Quotas {
        Quotas::new(QUOTA)
    }

    #[test]
    fn what_is_within_the_allowance_passes_as_it_comes() {
        let mut quotas = quotas();
        assert_eq!(quotas.pace(node(1), Instant(0), WALL), Pace::Free);
        quotas.spend(node(1), (50, 5_000), Instant(0));
        assert_eq!(quotas.pace(node(1), Instant(0), WALL), Pace::Free);
        quotas.spend(node(1), (1, 1), Instant(0));
        // Half is left, and one: from here on one at a time, at once.
        assert_eq!(quotas.pace(node(1), Instant(0), WALL), Pace::One(0));
        assert_eq!(quotas.slowed().count(), 0, "nobody is told of what costs nobody anything");
    }

    #[test]
    fn a_debt_is_waited_off_at_the_rate_of_whatever_is_short() {
        let mut quotas = quotas();
        quotas.spend(node(1), (103, 0), Instant(5));
        assert_eq!(quotas.pace(node(1), Instant(5), WALL), Pace::One(300));
        quotas.spend(node(1), (0, 10_250), Instant(5));
        assert_eq!(quotas.pace(node(1), Instant(5), WALL), Pace::One(500));
        assert_eq!(quotas.pace(node(1), Instant(504), WALL), Pace::One(1));
        assert_eq!(quotas.pace(node(1), Instant(505), WALL), Pace::One(0));
        assert!(quotas.slowed().eq([(node(1), Slowed { since: WALL })]));
    }

    #[test]
    fn over_an_hour_a_machine_that_never_stops_has_its_burst_and_its_rate_and_one_frame() {
        let mut quotas = quotas();
        let (mut now, mut taken) = (0, 0);
        while now < 3_600_000 {
            match quotas.pace(node(1), Instant(now), WALL) {
                Pace::Free | Pace::One(0) => {
                    quotas.spend(node(1), (7, 100), Instant(now));
                    taken += 7;
                }
                Pace::One(wait) => now += wait,
                Pace::Beyond => panic!("it has waited"),
            }
        }
        assert!((36_000..=36_100 + 7).contains(&taken), "{taken}");
    }

    #[test]
    fn who_has_rested_is_slowed_no_more_and_the_time_of_it_is_known() {
        let mut quotas = quotas();
        quotas.spend(node(1), (110, 0), Instant(0));
        assert_eq!(quotas.pace(node(1), Instant(0), WALL), Pace::One(1_000));
        // Half of a hundred again: sixty entries, six seconds.
        assert_eq!(quotas.deadline(), Some(Instant(6_000)));
        assert_eq!(quotas.rest(Instant(5_999)), []);
        assert_eq!(quotas.slowed().count(), 1);
        assert_eq!(quotas.rest(Instant(6_000)), [node(1)]);
        assert_eq!((quotas.slowed().count(), quotas.deadline()), (0, None));
        assert_eq!(quotas.pace(node(1), Instant(6_000), WALL), Pace::Free);
    }

    #[test]
    fn a_machine_uses_up_nothing_of_anothers_and_whoever_has_all_again_is_forgotten() {
        let mut quotas = quotas();
        quotas.spend(node(1), (500, 0), Instant(0));
        assert_eq!(quotas.pace(node(2), Instant(0), WALL), Pace::Free);
        quotas.spend(node(2), (20, 0), Instant(0));
        assert_eq!(quotas.pace(node(2), Instant(0), WALL), Pace::Free);
        quotas.spend(node(3), (1, 0), Instant(2_000));
        assert_eq!(quotas.spent.keys().copied().collect::<Vec<_>>(), [node(1), node(3)]);
    }

    #[test]
    fn who_goes_on_without_waiting_is_not_heard_until_it_has() {
        let mut quotas = quotas();
        quotas.spend(node(1), (QUOTA.entries + limits::AUTHOR_BEYOND_ENTRIES, 0), Instant(0));
        assert!(matches!(quotas.pace(node(1), Instant(0), WALL), Pace::One(_)));
        quotas.spend(node(1), (1, 0), Instant(0));
        assert_eq!(quotas.pace(node(1), Instant(0), WALL), Pace::Beyond);
        assert!(matches!(quotas.pace(node(1), Instant(100), WALL), Pace::One(_)));
    }
}
