//! The link to the hub above: dialling with jitter, welcome, what it has, and the own inbox.

use super::{Control, Event, Fault, Head, LinkId, Replica, Status, Store, Welcome};
use crate::{
    id::{LogId, NodeId},
    key::PublicKey,
    limits,
    state::rows::Cursor,
    time::Instant,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// First and longest pause before dialling again, in milliseconds, and how long a link must have
/// lived for the pause to start over.
const PAUSE: (u64, u64) = (500, 60_000);
const HEALTHY: u64 = 30_000;
/// How often the parent is told about the backlog when it changed, in milliseconds.
const STATUS_EVERY: u64 = 2_000;

/// State of the link to the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamPhase {
    /// There is no hub above.
    NoParent,
    /// Told to stay away.
    Paused,
    /// Waiting before the next dial.
    Waiting,
    /// Dialling, or greeting.
    Connecting,
    /// Exchanging.
    Live,
}

enum Phase {
    NoParent,
    Paused,
    Waiting {
        until: Instant,
    },
    Dialing,
    /// `heads` are those the hello spoke of: entries may be added before the answer.
    /// `early` are frames that overtook the welcome: the channels are streams of their own.
    Greeting {
        link: LinkId,
        heads: Vec<Head>,
        early: Vec<Vec<u8>>,
    },
    Live {
        link: LinkId,
        since: Instant,
    },
}

pub(super) struct Upstream {
    hub: NodeId,
    phase: Phase,
    attempts: u32,
    seed: u64,
    /// What the parent has on disk, by log.
    received: BTreeMap<LogId, Head>,
    /// Next sequence to send, by log; lives with the link.
    next: BTreeMap<LogId, u64>,
    /// Sent and not acknowledged: log, last sequence, bytes.
    in_flight: VecDeque<(LogId, u64, usize)>,
    announced: BTreeSet<LogId>,
    /// Logs of which a frame is damaged here, see [`super::again`].
    damaged: BTreeSet<LogId>,
    /// Heads of the parent that were not yet compared with the trees here.
    doubted: BTreeMap<LogId, Head>,
    /// Inbox read and handed to the journal, and on disk.
    read: Cursor,
    stored: Cursor,
    tail: Cursor,
    given: bool,
    status: Option<(Instant, Status)>,
    /// The lead of the clock as the parent knows it, see [`super::clock::lead`].
    pub(super) lead_told: i64,
    in_sync: bool,
    /// Half an exchange that came by hand is being read on this link.
    carried: Option<LinkId>,
    /// It is this machine's turn to use the large window.
    pub(super) bulk: bool,
}

impl Upstream {
    pub(super) fn new(parent: Option<PublicKey>, cursor: Cursor, seed: u64) -> Self {
        Self {
            hub: parent.map(|key| key.node_id()).unwrap_or_default(),
            phase: match parent {
                Some(_) => Phase::Waiting { until: Instant(0) },
                None => Phase::NoParent,
            },
            attempts: 0,
            seed,
            received: BTreeMap::new(),
            next: BTreeMap::new(),
            in_flight: VecDeque::new(),
            announced: BTreeSet::new(),
            damaged: BTreeSet::new(),
            doubted: BTreeMap::new(),
            read: cursor,
            stored: cursor,
            tail: Cursor::default(),
            given: false,
            status: None,
            lead_told: 0,
            in_sync: false,
            carried: None,
            bulk: false,
        }
    }

    pub(super) fn hub(&self) -> NodeId {
        self.hub
    }

    pub(super) fn phase(&self) -> UpstreamPhase {
        match self.phase {
            Phase::NoParent => UpstreamPhase::NoParent,
            Phase::Paused => UpstreamPhase::Paused,
            Phase::Waiting { .. } => UpstreamPhase::Waiting,
            Phase::Dialing | Phase::Greeting { .. } => UpstreamPhase::Connecting,
            Phase::Live { .. } => UpstreamPhase::Live,
        }
    }

    pub(super) fn dial_is_due(&mut self, now: Instant) -> bool {
        match self.phase {
            Phase::Waiting { until } if until <= now => {
                self.phase = Phase::Dialing;
                true
            }
            _ => false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Live { since, .. } => {
                let last = self.status.as_ref().map_or(*since, |(at, _)| *at);
                Some(last.after(STATUS_EVERY))
            }
            Phase::NoParent | Phase::Paused | Phase::Dialing | Phase::Greeting { .. } => None,
        }
    }

    pub(super) fn connected(&mut self, link: LinkId, heads: Vec<Head>) {
        self.phase = Phase::Greeting { link, heads, early: Vec::new() };
    }

    /// The link is gone, or a dial came to nothing: everything that lives with a link goes, and
    /// the next dial waits for a random part of a growing pause (full jitter).
    pub(super) fn lost(&mut self, link: Option<LinkId>, now: Instant) {
        if let Some(link) = link {
            self.put_down(link);
        }
        let since = match (&self.phase, link) {
            (Phase::Dialing, None) => None,
            (Phase::Greeting { link: mine, .. }, Some(link)) if *mine == link => None,
            (Phase::Live { link: mine, since }, Some(link)) if *mine == link => Some(*since),
            _ => return,
        };
        if since.is_some_and(|since| now.since(since) >= HEALTHY) {
            self.attempts = 0;
        }
        self.forget_link();
        let longest = (PAUSE.0 << self.attempts.min(10)).min(PAUSE.1);
        self.attempts = self.attempts.saturating_add(1);
        self.phase = Phase::Waiting { until: now.after(self.random() % longest.max(1)) };
    }

    /// Everything that lives with a link goes: the next one begins at what each side has on disk.
    pub(super) fn forget_link(&mut self) {
        self.next.clear();
        self.in_flight.clear();
        self.announced.clear();
        self.damaged.clear();
        self.doubted.clear();
        if self.carried.is_none() {
            self.read = self.stored;
        }
        self.status = None;
        self.in_sync = false;
        self.bulk = false;
    }

    /// The link to the parent, greeting or live.
    pub(super) fn link(&self) -> Option<LinkId> {
        match self.phase {
            Phase::Greeting { link, .. } | Phase::Live { link, .. } => Some(link),
            Phase::NoParent | Phase::Paused | Phase::Waiting { .. } | Phase::Dialing => None,
        }
    }

    /// Another hub is dialled from now on, or none. Gives the link to be closed. What the old hub
    /// has says nothing about the new one; the cursor is shown to it and found to be of another
    /// numbering.
    pub(super) fn move_to(&mut self, parent: Option<PublicKey>, now: Instant) -> Option<LinkId> {
        let link = self.link();
        self.lost(link, now);
        self.hub = parent.map(|key| key.node_id()).unwrap_or_default();
        self.received.clear();
        self.attempts = 0;
        self.phase = match (&self.phase, parent) {
            (_, None) => Phase::NoParent,
            (Phase::Paused, Some(_)) => Phase::Paused,
            (_, Some(_)) => Phase::Waiting { until: now },
        };
        link
    }

    /// Stays away from the parent, or comes back at once. Gives the link to be closed.
    pub(super) fn pause(&mut self, paused: bool, now: Instant) -> Option<LinkId> {
        match (&self.phase, paused) {
            (Phase::NoParent, _) => None,
            (Phase::Paused, false) => {
                self.attempts = 0;
                self.phase = Phase::Waiting { until: now };
                None
            }
            (_, false) => None,
            (_, true) => {
                let link = self.link();
                self.lost(link, now);
                self.phase = Phase::Paused;
                link
            }
        }
    }

    /// What may have kept the hub from letting this machine in is gone.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let Phase::Waiting { .. } = self.phase {
            self.attempts = 0;
            self.phase = Phase::Waiting { until: now };
        }
    }

    /// Splitmix64: jitter needs to differ between machines, not to be secret.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn is(&self, link: LinkId) -> bool {
        self.link() == Some(link)
    }

    pub(super) fn live(&self) -> Option<LinkId> {
        match self.phase {
            Phase::Live { link, .. } => Some(link),
            Phase::NoParent
            | Phase::Paused
            | Phase::Waiting { .. }
            | Phase::Dialing
            | Phase::Greeting { .. } => None,
        }
    }

    /// Keeps a message that overtook the welcome; gives it back if there is none to wait for.
    pub(super) fn keep_early(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let Phase::Greeting { link: mine, early, .. } = &mut self.phase else {
            return Ok(Some(bytes));
        };
        if *mine != link {
            return Ok(Some(bytes));
        }
        let kept: usize = early.iter().map(Vec::len).sum();
        if kept + bytes.len() > limits::DOWN_WINDOW_BYTES + limits::MESSAGE_BYTES {
            return Err(Fault::new("limit", "too much was sent before welcome"));
        }
        early.push(bytes);
        Ok(None)
    }

    /// The inbox position that the next frame on this link must build on.
    pub(super) fn reading(&self, link: LinkId) -> Option<Cursor> {
        (self.live() == Some(link) || self.is_carried(link)).then_some(self.read)
    }

    /// Whether half an exchange that came by hand is being read on this link.
    pub(super) fn is_carried(&self, link: LinkId) -> bool {
        self.carried == Some(link)
    }

    /// Inbox read and handed to the journal.
    pub(super) fn read_position(&self) -> Cursor {
        self.read
    }

    /// The inbox is read from `from` on over a carried link.
    pub(super) fn carry(&mut self, link: LinkId, from: Cursor, tail: Cursor) {
        self.carried = Some(link);
        self.read = from;
        if tail.epoch != self.tail.epoch || tail.number > self.tail.number {
            self.tail = tail;
        }
    }

    /// A carried link has ended.
    pub(super) fn put_down(&mut self, link: LinkId) {
        if self.carried == Some(link) {
            self.carried = None;
        }
    }

    /// The parent has this much of a log, by its word carried by hand.
    pub(super) fn note_received(&mut self, head: Head) {
        self.doubt(head);
        self.in_flight.retain(|(log, upto, _)| *log != head.log || *upto > head.sequence);
        self.received.insert(head.log, head);
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.stored
    }

    pub(super) fn read_upto(&mut self, cursor: Cursor) {
        self.read = cursor;
    }

    pub(super) fn delivered(&mut self, cursor: Cursor) {
        self.stored = cursor;
        self.given = false;
    }

    pub(super) fn forget_unstored(&mut self) {
        self.read = self.stored;
    }

    pub(super) fn received(&self, log: &LogId) -> Option<&Head> {
        self.received.get(log)
    }

    pub(super) fn next(&self, log: &LogId) -> u64 {
        self.next.get(log).copied().unwrap_or(1)
    }

    pub(super) fn sent(&mut self, log: LogId, upto: u64, bytes: usize) {
        self.next.insert(log, upto + 1);
        self.in_flight.push_back((log, upto, bytes));
        self.in_sync = false;
    }

    /// Frames of a log that were sent and are not acknowledged.
    pub(super) fn frames_in_flight(&self, log: &LogId) -> usize {
        self.in_flight.iter().filter(|(of, ..)| of == log).count()
    }

    pub(super) fn window_is_full(&self) -> bool {
        let bytes: usize = self.in_flight.iter().map(|(_, _, bytes)| bytes).sum();
        bytes >= if self.bulk { limits::UP_WINDOW_BYTES } else { limits::SMALL_WINDOW_BYTES }
    }

    /// What the parent holds must be a prefix of what is here; compared before more is sent.
    fn doubt(&mut self, head: Head) {
        self.doubted.insert(head.log, head);
    }

    pub(super) fn doubted(&self, log: &LogId) -> Option<Head> {
        self.doubted.get(log).copied()
    }

    pub(super) fn settle_doubt(&mut self, log: &LogId, agrees: bool) {
        self.doubted.remove(log);
        if !agrees {
            self.stop(*log);
        }
    }

    /// Nothing more of this log goes up on this link.
    pub(super) fn stop(&mut self, log: LogId) {
        self.next.insert(log, u64::MAX);
    }

    /// A frame of this log is damaged here: it waits, and what waits counts as unsent.
    pub(super) fn wait_for_frame(&mut self, log: LogId) {
        self.damaged.insert(log);
    }

    /// The frame is here again.
    pub(super) fn go_on(&mut self, log: LogId) {
        self.damaged.remove(&log);
    }

    /// Whether it waits for a frame.
    pub(super) fn waits_for_frame(&self, log: &LogId) -> bool {
        self.damaged.contains(log)
    }

    /// Whether nothing more of this log goes up: the parent holds another history of it.
    pub(super) fn stopped(&self, log: &LogId) -> bool {
        self.next(log) == u64::MAX
    }

    /// Everything that the hub has for this inbox is on disk here.
    pub(super) fn at_tail(&self) -> bool {
        self.read == self.stored && self.stored.number >= self.tail.number
    }

    /// The cursor is the one that the hub gave at hello, and nothing has come since.
    pub(super) fn is_given(&self) -> bool {
        self.given
    }

    pub(super) fn announce(&mut self, log: LogId) -> bool {
        self.announced.insert(log)
    }
}

impl Replica {
    pub(super) fn welcomed(
        &mut self,
        now: Instant,
        link: LinkId,
        welcome: Welcome,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Phase::Greeting { link: mine, heads, early } = &mut self.upstream.phase else {
            return Err(Fault::new("order", "welcome without hello"));
        };
        if *mine != link || welcome.node != self.upstream.hub {
            return Err(Fault::new("order", "welcome from another machine"));
        }
        let early = std::mem::take(early);
        let held = match welcome.heads.clone() {
            None => std::mem::take(heads),
            Some(heads) => heads,
        };
        let up = &mut self.upstream;
        up.phase = Phase::Live { link, since: now };
        self.event(Event::HubClock(welcome.clock));
        self.forget_fetching();
        self.ask_images(link, &welcome, store)?;
        self.ask_for_returning(store);
        let up = &mut self.upstream;
        up.attempts = 0;
        let reset = welcome.from != up.stored;
        up.given |= reset;
        up.read = welcome.from;
        up.stored = welcome.from;
        up.tail = welcome.tail;
        up.received = held.iter().map(|head| (head.log, *head)).collect();
        up.next = held.iter().map(|head| (head.log, head.sequence + 1)).collect();
        if reset {
            self.checker.want(now);
        }
        for head in held {
            self.upstream.doubt(head);
            self.compare_own(head);
            self.pass_down_if_ahead(head);
        }
        self.report_purges(store);
        self.check_in_sync(store);
        self.again.forget_owed();
        self.pump_up(store);
        early.into_iter().try_for_each(|bytes| self.data(link, bytes, store))?;
        self.scan_link_live(link, store)
    }

    pub(super) fn parent_received(
        &mut self,
        link: LinkId,
        head: Head,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "acknowledgement before welcome"));
        }
        let up = &mut self.upstream;
        let expected =
            |(log, upto, _): &(LogId, u64, usize)| (*log, *upto) == (head.log, head.sequence);
        if head.log == self.own.log() || !up.in_flight.iter().any(expected) {
            up.doubt(head);
        }
        up.in_flight.retain(|(log, upto, _)| *log != head.log || *upto > head.sequence);
        up.received.insert(head.log, head);
        self.compare_own(head);
        if head.log == self.own.log() {
            self.event(Event::Received(head.received()));
        } else {
            self.tell_bringers(head.log, &Control::RootReceived(head));
        }
        self.check_in_sync(store);
        self.pump_up(store);
        Ok(())
    }

    /// Tells once when nothing is missing on either side.
    pub(super) fn check_in_sync(&mut self, _store: &impl Store) {
        let up = &self.upstream;
        let all_received = self.backlog().all(|(_, head, received)| received >= head);
        let all_read = up.stored.number >= up.tail.number;
        if up.live().is_some() && !up.in_sync && all_received && all_read {
            self.upstream.in_sync = true;
            self.event(Event::InSync);
        }
    }

    pub(super) fn report_status(&mut self, now: Instant, _store: &impl Store) {
        let Some(link) = self.upstream.live() else { return };
        let (mut entries, mut unsent) = (0, 0);
        for (_, head, received) in self.backlog() {
            entries += head;
            unsent += head.saturating_sub(received);
        }
        let oldest_unsent = if unsent == 0 {
            None
        } else {
            self.own.oldest_after(self.received_by_parent().sequence)
        };
        let status = Status { entries, unsent, oldest_unsent };
        // The parent waits for this word to give the turn to the next.
        let turn_ends = self.upstream.bulk && status.unsent <= limits::SMALL_ENTRIES;
        match &self.upstream.status {
            Some((at, _)) if now.since(*at) < STATUS_EVERY && !turn_ends => {}
            Some((_, last)) if *last == status => {
                self.upstream.bulk &= !turn_ends;
                self.upstream.status = Some((now, status));
            }
            _ => {
                if unsent == 0 {
                    self.event(Event::Settled(self.received_by_parent()));
                }
                self.upstream.bulk &= !turn_ends;
                self.upstream.status = Some((now, status.clone()));
                self.say(link, &Control::Status(status));
            }
        }
    }
}
