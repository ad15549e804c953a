//! Wall clocks of other machines, compared for people: nothing is decided by them (design/clocks.md).

use super::{Control, LinkId, Replica};
use crate::{
    limits::CLOCK_STEP_MILLIS,
    time::{Instant, Timestamp},
};

/// How far the clock of a machine below is ahead of this one's, in milliseconds; behind if negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSeen {
    /// When it was last told.
    pub ahead: i64,
    /// The most it was off since this process started, and when, if that is worth a word.
    pub worst: Option<(i64, Timestamp)>,
}

impl ClockSeen {
    /// As a machine tells `theirs` at `wall`; what was seen before is not forgotten.
    pub(super) fn told(before: Option<Self>, theirs: Timestamp, wall: Timestamp) -> Self {
        let ahead = theirs.0.saturating_sub(wall.0);
        let before = before.and_then(|seen| seen.worst);
        let is_more = before.is_none_or(|(most, _)| ahead.unsigned_abs() > most.unsigned_abs());
        let worst = match ahead.unsigned_abs() >= CLOCK_STEP_MILLIS && is_more {
            true => Some((ahead, wall)),
            false => before,
        };
        Self { ahead, worst }
    }
}

/// What this machine's clock was ahead of its monotonic one when the parent was last told.
pub(super) fn lead(now: Instant, wall: Timestamp) -> i64 {
    wall.0.saturating_sub(i64::try_from(now.0).unwrap_or(i64::MAX))
}

impl Replica {
    /// Tells the parent when the clock has jumped.
    pub(super) fn tell_clock(&mut self, now: Instant, wall: Timestamp) {
        let Some(link) = self.upstream.live() else { return };
        let lead = lead(now, wall);
        if lead.abs_diff(self.upstream.lead_told) >= CLOCK_STEP_MILLIS {
            self.upstream.lead_told = lead;
            self.say(link, &Control::Clock(wall));
        }
    }

    /// A machine below says that its clock has jumped.
    pub(super) fn clock_told(&mut self, wall: Timestamp, link: LinkId, theirs: Timestamp) {
        let bound = self.children.get(&link).filter(|child| child.binding.is_some());
        let node = bound.map(|child| child.peer.node_id());
        if let Some(known) = node.and_then(|node| self.known.get_mut(&node)) {
            known.clock = Some(ClockSeen::told(known.clock, theirs, wall));
            known.last_contact = wall;
        }
    }
}
