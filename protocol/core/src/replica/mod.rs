//! The replica: one state machine for node, district hub and city hub. It finds out what the other
//! side of a link is missing, sends it, and says what is on disk.
//!
//! Drive it with four verbs: [`Replica::handle_input`], [`Replica::handle_timeout`],
//! [`Replica::poll_output`] until it is empty, [`Replica::poll_timeout`] for the next deadline.
//! It reads stored values through [`Store`], writes nothing itself, and acknowledges only what the
//! driver has reported as durable.

mod admission;
mod alive;
mod assemble;
mod carried;
mod child;
mod digest;
mod export;
mod inbound;
mod message;
mod moving;
mod outbound;
mod prefix;
mod purges;
mod recall;
mod scan;
mod scope;
mod set_back;
mod sibling;
mod turns;
mod upstream;

pub use carried::CarriedDown;
pub use child::ChildStatus;
pub use digest::{Check, Cut, EntryName, Report};
pub use export::{Asked, Carried, DownExport, ExportError, UpExport, readers_up};
pub use message::{Channel, Control, Data, Head, Hello, MessageError, Status, VERSIONS, Welcome};
pub use moving::parent_of;
pub use outbound::own_entries_after;
pub use scan::{
    ScanDone, ScanIo, ScanMessage, ScanProgress, ScanReport, ScanTrouble, Transfer, Unserved,
    Unwanted,
};
pub use sibling::{SiblingHello, SiblingStatus};
pub use upstream::UpstreamPhase;

use crate::{
    entry::Entry,
    id::{DomainId, DossierId, Hash, LogId, NodeId, OfficeId},
    key::{PublicKey, SecretKey},
    ledger::Me,
    record::Record,
    state::{
        Key, Kv, StoreError,
        rows::{self, Cursor, Meta},
    },
    time::{Instant, Timestamp},
    trust::TrustView,
};
use admission::Admission;
use alive::Challenge;
use child::Child;
use digest::Checker;
use inbound::InLog;
use outbound::OwnTail;
use scan::{ScanPending, Scans};
use sibling::Sibling;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use upstream::Upstream;

/// What the replica reads: the state, and journal records by position.
pub trait Store: Kv {
    /// The journal record at a position, if it is still there.
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be read.
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError>;
}

/// One connection; the driver numbers them and never reuses a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct LinkId(pub u64);

/// Names one request to the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct Token(pub u64);

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A link is up; the peer proved that it holds this device key.
    LinkUp {
        /// Which link.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
        /// Whether this side dialled.
        dialed: bool,
    },
    /// A link is gone, or a dial failed.
    LinkDown {
        /// Which link; `None` for a dial that came to nothing.
        link: Option<LinkId>,
    },
    /// Bytes of one message.
    Message {
        /// Which link.
        link: LinkId,
        /// Which channel.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The records of this request are on disk.
    Journaled(Token),
    /// The records of this request did not get to the disk.
    JournalFailed(Token),
    /// An own entry is on disk. Given in order of sequence.
    Own {
        /// Own log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
        /// The entry.
        entry: Box<Entry>,
    },
    /// The state reflects the journal up to a position.
    Applied {
        /// Inboxes with new rows.
        inboxes: BTreeSet<OfficeId>,
    },
    /// New trust documents are in force.
    Trust(Box<TrustView>),
    /// Dossiers were forgotten, and no file holds them any more: the hub is to know.
    Purged,
    /// The operator wants this machine to stay away from its hub, or to come back at once.
    Pause(bool),
    /// The disk has answered about a scan.
    Scan(ScanDone),
    /// Somebody at this machine wants to see a scan that is not here.
    WantScan(Hash),
    /// Half an exchange from below came by hand; its data messages follow, then the link's end.
    CarriedUp {
        /// A link with no other end.
        link: LinkId,
        /// Key that signed it.
        peer: PublicKey,
        /// What its maker says first.
        hello: Box<Hello>,
    },
    /// Half an exchange from above came by hand.
    CarriedDown {
        /// A link with no other end.
        link: LinkId,
        /// What stands before its frames.
        carried: Box<CarriedDown>,
    },
    /// A link to another machine is up, said to be of this office; the peer proved that it holds
    /// this device key.
    SiblingUp {
        /// Which link.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
    },
    /// Somebody wants what is held here to be compared with the hub above, and that of every peer
    /// below with what is held here.
    Verify,
}

/// Something should be done.
#[derive(Debug)]
pub enum Output {
    /// Send a message.
    Send {
        /// On which link.
        link: LinkId,
        /// On which channel.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a link after what was sent on it has left.
    Close {
        /// Which link.
        link: LinkId,
        /// Why, in words.
        reason: String,
    },
    /// Write records, then report [`Input::Journaled`]. In order.
    Journal {
        /// Names the request.
        token: Token,
        /// What to write.
        records: Vec<Record>,
    },
    /// Dial the parent, then report [`Input::LinkUp`] or [`Input::LinkDown`].
    Dial,
    /// Tell whoever is interested.
    Event(Event),
    /// Do something with a scan's file, then report [`Input::Scan`]. In order, and not on the thread
    /// that drives the replica.
    Scan(ScanIo),
}

/// What is worth knowing outside.
#[derive(Debug, Clone)]
pub enum Event {
    /// A peer's hello was accepted.
    Greeted {
        /// Peer.
        node: NodeId,
        /// Its office.
        office: OfficeId,
    },
    /// Nothing is missing on either side, as far as both know.
    InSync,
    /// The parent has this much of the own log.
    Received(u64),
    /// The root hub has this much of the own log.
    RootReceived(u64),
    /// The parent has had all of the own log for a moment; told at most every two seconds, so that
    /// it may be written down.
    Settled(u64),
    /// A peer sent something that cannot be right; the link is closed.
    Refused {
        /// Which peer, if it said.
        peer: Option<NodeId>,
        /// Kind of fault, for the metric.
        kind: &'static str,
        /// What, in words.
        reason: String,
    },
    /// The parent holds something else, or more, of an own log than this machine does: the machine
    /// was set back, or cloned. If it is the log in use a new one must begin; what the old one has
    /// must be written into it again, then [`Record::Rewritten`].
    OwnLogDiverged {
        /// What the parent holds.
        parent: Head,
    },
    /// Newer trust documents arrived and were checked.
    Trust(Box<TrustView>),
    /// A machine connected while its older link is alive and answers: two hold one key.
    TwoAlive {
        /// Which machine.
        node: NodeId,
    },
    /// What is held here was compared with the hub above.
    Checked(Report),
    /// A peer below has seen more of this hub than there is: it was set back. A new numbering of
    /// its inboxes has begun.
    SetBack,
}

/// Who this replica is and how it reaches its parent.
#[derive(Debug, Clone)]
pub struct Config {
    /// Device key.
    pub key: SecretKey,
    /// Node and office.
    pub me: Me,
    /// Trust domain.
    pub domain: DomainId,
    /// Own signed binding.
    pub binding: Vec<u8>,
    /// Key of the hub above, if there is one.
    pub parent: Option<PublicKey>,
    /// Seed for the jitter of redials.
    pub seed: u64,
    /// Shown to operators.
    pub software: String,
}

/// The sync state machine of one replica.
pub struct Replica {
    config: Config,
    trust: TrustView,
    meta: Meta,
    logs: BTreeMap<LogId, InLog>,
    own: OwnTail,
    children: BTreeMap<LinkId, Child>,
    /// What is known of peers below, connected or not.
    known: BTreeMap<NodeId, ChildStatus>,
    upstream: Upstream,
    pending: BTreeMap<Token, Pending>,
    next_token: u64,
    checker: Checker,
    /// A new numbering of the inboxes was begun in this process.
    renumbered: bool,
    outputs: VecDeque<Output>,
    scans: Scans,
    admission: Admission,
    /// Older links of machines that have connected again.
    challenges: BTreeMap<LinkId, Challenge>,
    /// Peers with much to exchange that have not been answered yet.
    asking: BTreeSet<LinkId>,
    /// Peers whose turn came when another's link ended.
    unpumped: BTreeSet<LinkId>,
    siblings: BTreeMap<LinkId, Sibling>,
    /// What is known of other machines of this office, connected or not.
    known_siblings: BTreeMap<NodeId, SiblingStatus>,
}

/// What to do once records are on disk.
enum Pending {
    /// Acknowledge a log head to whoever brings that log, on the link it has by then.
    Up { head: Head },
    /// Nothing; but without it no frame of the log may be written.
    Author { link: LinkId, log: LogId },
    /// Nothing.
    Nothing,
    /// Acknowledge the inbox.
    Down { link: LinkId, cursor: Cursor },
    /// See [`ScanPending`].
    Scan(ScanPending),
    /// Tell a peer that its purges are written down.
    Purged { link: LinkId, dossiers: Vec<DossierId> },
}

/// A peer that breaks the protocol; the link is closed with these words.
#[derive(Debug)]
struct Fault {
    kind: &'static str,
    reason: String,
}

impl Fault {
    fn new(kind: &'static str, reason: impl ToString) -> Self {
        Self { kind, reason: reason.to_string() }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::new("store", error)
    }
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        Self::new("message", error)
    }
}

impl Replica {
    /// A replica over a state that reflects the whole journal.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read.
    pub fn new(config: Config, trust: TrustView, store: &impl Store) -> Result<Self, StoreError> {
        let meta: Meta = read(store, Key::Meta)?.unwrap_or_default();
        let mut logs = BTreeMap::new();
        for log in log_ids(store)? {
            let row: Option<rows::Log> = read(store, Key::Log(log))?;
            let author: Option<rows::Author> = read(store, Key::Author(log))?;
            if let (Some(row), Some(author)) = (row, author)
                && log != meta.own_log
                && store.get(&Key::Rewritten(log).bytes())?.is_none()
            {
                logs.insert(log, InLog::new(row.frontier, author));
            }
        }
        let cursor = read(store, Key::Upstream)?.unwrap_or_default();
        let checker = Checker::new(config.seed);
        let upstream = Upstream::new(config.parent, cursor, config.seed);
        let mut own = OwnTail::new(meta.own_log);
        if let Some(row) = read::<rows::Log>(store, Key::Log(meta.own_log))? {
            own.restore(row.frontier);
        }
        Ok(Self {
            config,
            trust,
            meta,
            logs,
            own,
            children: BTreeMap::new(),
            known: BTreeMap::new(),
            siblings: BTreeMap::new(),
            known_siblings: BTreeMap::new(),
            upstream,
            pending: BTreeMap::new(),
            next_token: 0,
            checker,
            renumbered: false,
            outputs: VecDeque::new(),
            scans: Scans::default(),
            admission: Admission::default(),
            challenges: BTreeMap::new(),
            asking: BTreeSet::new(),
            unpumped: BTreeSet::new(),
        })
    }

    /// Takes in one event. `wall` is the wall clock, for hello and for the operator only.
    pub fn handle_input(
        &mut self,
        now: Instant,
        wall: Timestamp,
        input: Input,
        store: &impl Store,
    ) {
        self.scans.set_now(now);
        match input {
            Input::LinkUp { link, peer, dialed } => self.link_up((now, wall), link, peer, dialed),
            Input::LinkDown { link } => self.link_down(now, wall, link, store),
            // What still comes on a link that was left for a newer one will come again there.
            Input::Message { link, .. }
                if !self.upstream.is(link)
                    && !self.upstream.is_carried(link)
                    && !self.siblings.contains_key(&link)
                    && !self.children.contains_key(&link) => {}
            Input::Message { link, channel, bytes } => {
                let result = match channel {
                    Channel::Control => self.control(now, wall, link, &bytes, store),
                    Channel::Data => self.data(link, bytes, store),
                    Channel::Scan => self.scan(link, &bytes, store),
                };
                if let Err(fault) = result {
                    self.refuse(link, fault);
                }
            }
            Input::Journaled(token) => self.journaled(token, store),
            Input::JournalFailed(token) => self.journal_failed(token),
            Input::Own { log, sequence, entry } => {
                self.keep_ended(log);
                self.own.push(log, sequence, *entry);
                self.pump_up(store);
                self.pump_siblings(store);
            }
            Input::Applied { inboxes } => {
                self.pump_up(store);
                self.pump_siblings(store);
                self.pump_down(store, |child| inboxes.contains(&child.inbox));
                self.scans_applied(store);
            }
            Input::Scan(done) => self.scan_done(done, store),
            Input::WantScan(hash) => self.want_scan(hash, store),
            Input::Purged => self.report_purges(store),
            Input::Trust(trust) => {
                self.take_trust(now, *trust);
                self.leave_denied_siblings();
            }
            Input::Pause(paused) => {
                if let Some(link) = self.upstream.pause(paused, now) {
                    self.leave(link, "this machine goes offline");
                }
            }
            Input::CarriedUp { link, peer, hello } => {
                if let Err(fault) = self.carried_up(wall, link, peer, *hello) {
                    self.refuse(link, fault);
                }
            }
            Input::SiblingUp { link, peer } => self.sibling_up(link, peer),
            Input::CarriedDown { link, carried } => {
                if let Err(fault) = self.carried_down(link, *carried) {
                    self.refuse(link, fault);
                }
            }
            Input::Verify => {
                self.checker.want(now);
                let greeted = self.children.iter().filter(|(_, child)| child.binding.is_some());
                for link in greeted.map(|(link, _)| *link).collect::<Vec<_>>() {
                    self.say(link, &Control::Check(Box::new(Check::Please)));
                }
            }
        }
    }

    /// Acts on deadlines that have passed.
    pub fn handle_timeout(&mut self, now: Instant, store: &impl Store) {
        if self.upstream.dial_is_due(now) {
            self.outputs.push_back(Output::Dial);
        }
        self.close_silent_links(now);
        self.take_turns(now, store);
        self.flush_skips(now, store);
        self.check_timeout(now, store);
        self.report_status(now, store);
        self.scan_timeout(now, store);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let skips = self.children.values().filter_map(|child| child.skip_due);
        let turns = self.admission.deadline();
        let check = self.upstream.live().map(|_| self.checker.deadline());
        skips
            .chain(self.upstream.deadline())
            .chain(self.scan_deadline())
            .chain(self.challenge_deadline())
            .chain(turns)
            .chain(check)
            .min()
    }

    /// Peers below, connected or not.
    pub fn children(&self) -> impl Iterator<Item = &ChildStatus> {
        self.known.values()
    }

    /// The hub that this replica dials, by the documents in force.
    pub fn parent(&self) -> Option<PublicKey> {
        self.config.parent
    }

    /// State of the link to the parent.
    pub fn upstream(&self) -> UpstreamPhase {
        self.upstream.phase()
    }

    /// The link to the parent, while there is one.
    pub fn upstream_link(&self) -> Option<LinkId> {
        self.upstream.link()
    }

    /// Entries of the own log that the parent has.
    pub fn received_by_parent(&self) -> u64 {
        self.upstream.received(&self.own.log()).map_or(0, |head| head.sequence)
    }

    /// Of every log that goes up: head here, and sequence that the parent has.
    pub fn backlog(&self) -> impl Iterator<Item = (LogId, u64, u64)> + '_ {
        let relayed = self.logs.iter().map(|(log, row)| (*log, row.stored_entries()));
        let own = (self.own.log(), self.own.head());
        let logs: BTreeMap<LogId, u64> = relayed
            .chain([own])
            .filter(|(log, _)| !log.is_zero() && !self.upstream.stopped(log))
            .collect();
        logs.into_iter().map(|(log, head)| {
            (log, head, self.upstream.received(&log).map_or(0, |head| head.sequence))
        })
    }

    fn link_up(
        &mut self,
        (now, wall): (Instant, Timestamp),
        link: LinkId,
        peer: PublicKey,
        dialed: bool,
    ) {
        let node = peer.node_id();
        if self.trust.denied(node).is_some() {
            return self.close(link, "this machine is suspended or banned; ask central IT");
        }
        if !dialed {
            self.children.insert(link, Child::greeting(peer));
            return;
        }
        if self.upstream.phase() == UpstreamPhase::Paused {
            return self.leave(link, "this machine goes offline");
        }
        if self.config.parent != Some(peer) {
            // The parent changed while its predecessor was being dialled.
            self.upstream.lost(None, now);
            return self.close(link, "the machine that answered is not this office's hub");
        }
        if let Some(older) = self.upstream.link() {
            // The same hub over a better way: everything that is not on a disk starts over there.
            self.upstream.forget_link();
            self.checker.interrupted(now);
            self.leave(older, "this machine goes on over another link");
        }
        let heads = self.heads_going_up();
        let digest = message::heads_digest(heads.iter().copied());
        self.upstream.connected(link, heads);
        let hello = Control::Hello(Box::new(Hello {
            versions: VERSIONS,
            features: 0,
            domain: self.config.domain,
            binding: self.config.binding.clone(),
            heads: digest,
            cursor: self.upstream.cursor(),
            trust: self.trust.numbers(),
            clock: wall,
            software: self.config.software.clone(),
            acknowledged: self.upstream.received(&self.own.log()).copied(),
        }));
        self.say(link, &hello);
    }

    fn link_down(
        &mut self,
        now: Instant,
        wall: Timestamp,
        link: Option<LinkId>,
        store: &impl Store,
    ) {
        if link.is_some_and(|link| self.sibling_down(wall, link)) {
            return;
        }
        match link {
            Some(link) if self.children.contains_key(&link) => {
                self.link_ended(link, now);
                if let Some(child) = self.children.remove(&link)
                    && let Some(status) = self.known.get_mut(&child.peer.node_id())
                {
                    status.left(link, wall);
                }
            }
            _ => {
                self.upstream.lost(link, now);
                if self.upstream.live().is_none() {
                    self.checker.interrupted(now);
                }
            }
        }
        if let Some(link) = link {
            self.scan_link_down(link, store);
        }
    }

    fn control(
        &mut self,
        now: Instant,
        wall: Timestamp,
        link: LinkId,
        bytes: &[u8],
        store: &impl Store,
    ) -> Result<(), Fault> {
        match message::decode(Channel::Control, bytes)? {
            Control::Hello(hello) => self.greet((now, wall), link, *hello, store),
            Control::Welcome(welcome) => self.welcomed(now, link, *welcome, store),
            Control::Received(head) if self.siblings.contains_key(&link) => {
                self.sibling_received(wall, link, head, store)
            }
            Control::Received(head) => self.parent_received(link, head, store),
            Control::RootReceived(head) if self.siblings.contains_key(&link) => {
                self.hub_has_by_sibling(head);
                Ok(())
            }
            Control::RootReceived(head) => self.root_received(link, head),
            Control::Delivered(cursor) => self.child_delivered(wall, link, cursor, store),
            Control::Status(status) => self.child_status(wall, link, status),
            Control::Trust(bytes) => self.trust_arrived(link, &bytes),
            Control::Refuse(reason) => {
                let event = Event::Refused { peer: None, kind: "refused by peer", reason };
                self.outputs.push_back(Output::Event(event));
                Ok(())
            }
            Control::Bye(_) => Ok(()),
            Control::Purged(dossiers) => self.purge_confirmed(wall, link, dossiers),
            Control::PurgeNoted(dossiers) => self.purge_noted(link, dossiers),
            Control::Challenge(nonce) => self.challenged(link, nonce),
            Control::Alive(nonce) => self.answered(link, nonce),
            Control::Bulk => self.turn_told(link, None, store),
            Control::Later { millis } => self.turn_told(link, Some(millis), store),
            Control::Sibling(hello) => self.sibling_hello(wall, link, *hello, store),
            Control::Check(check) if self.upstream.is(link) => {
                self.check_answered(now, link, *check, store)
            }
            Control::Check(check) => self.answer_check(wall, link, *check, store),
        }
    }

    fn data(&mut self, link: LinkId, bytes: Vec<u8>, store: &impl Store) -> Result<(), Fault> {
        let Some(bytes) = self.upstream.keep_early(link, bytes)? else { return Ok(()) };
        let Some(bytes) = self.keep_early_of_sibling(link, bytes)? else { return Ok(()) };
        match message::decode(Channel::Data, &bytes)? {
            Data::Log { log, binding } => self.log_opened(link, log, binding),
            Data::Up(frame) => self.up_frame(link, frame, store),
            Data::Down(frame) => self.down_frame(link, frame, store),
            Data::Trust(bytes) => self.trust_arrived(link, &bytes),
            Data::Refill(frame) => self.refill(link, frame, store),
        }
    }

    fn journaled(&mut self, token: Token, store: &impl Store) {
        match self.pending.remove(&token) {
            Some(Pending::Up { head }) => {
                if let Some(log) = self.logs.get_mut(&head.log) {
                    log.stored();
                }
                self.tell_bringers(head.log, &Control::Received(head));
            }
            Some(Pending::Down { link, cursor }) => {
                self.upstream.delivered(cursor);
                self.tell_delivered(link, cursor);
                self.check_in_sync(store);
            }
            Some(Pending::Scan(pending)) => self.scan_journaled(pending),
            Some(Pending::Purged { link, dossiers }) => {
                self.say(link, &Control::PurgeNoted(dossiers));
            }
            Some(Pending::Author { .. } | Pending::Nothing) | None => {}
        }
    }

    /// What could not be written was not received: the link is closed and the sender will offer
    /// it again.
    fn journal_failed(&mut self, token: Token) {
        match self.pending.remove(&token) {
            Some(Pending::Up { head }) => {
                if let Some(log) = self.logs.get_mut(&head.log) {
                    log.forget_unstored();
                }
                for link in self.bringers(head.log) {
                    self.close(link, "the disk here refused to write; try again later");
                }
            }
            Some(Pending::Author { link, log }) => {
                self.logs.remove(&log);
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Down { link, .. }) => {
                self.upstream.forget_unstored();
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Scan(pending)) => self.scan_journal_failed(pending),
            // Whatever it was for is found again by the next check.
            Some(Pending::Purged { .. } | Pending::Nothing) | None => {}
        }
    }

    /// Newer documents from above: checked against those in force, then told outside, which
    /// journals them and hands them back as [`Input::Trust`].
    fn trust_arrived(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), Fault> {
        if !self.upstream.is(link) && !self.siblings.contains_key(&link) {
            return Err(Fault::new("trust", "trust documents come from above or beside only"));
        }
        let mut merged = self.trust.clone();
        let result = merged.adopt_all(bytes);
        // A document that is refused does not hold up the others.
        if merged.numbers() != self.trust.numbers() {
            self.event(Event::Trust(Box::new(merged)));
        }
        result.map(drop).map_err(|error| Fault::new("trust", error))
    }

    fn say(&mut self, link: LinkId, message: &Control) {
        let bytes = message::encode(message);
        self.outputs.push_back(Output::Send { link, channel: Channel::Control, bytes });
    }

    fn send(&mut self, link: LinkId, message: &Data) -> usize {
        let bytes = message::encode(message);
        let length = bytes.len();
        self.outputs.push_back(Output::Send { link, channel: Channel::Data, bytes });
        length
    }

    fn journal(&mut self, records: Vec<Record>, then: Pending) {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.pending.insert(token, then);
        self.outputs.push_back(Output::Journal { token, records });
    }

    fn refuse(&mut self, link: LinkId, fault: Fault) {
        let peer = self.children.get(&link).map(|child| child.peer.node_id());
        let event = Event::Refused { peer, kind: fault.kind, reason: fault.reason.clone() };
        self.outputs.push_back(Output::Event(event));
        self.close(link, &fault.reason);
    }

    /// Closes a link with nobody at fault.
    fn leave(&mut self, link: LinkId, reason: &str) {
        self.say(link, &Control::Bye(reason.into()));
        self.outputs.push_back(Output::Close { link, reason: reason.into() });
    }

    fn close(&mut self, link: LinkId, reason: &str) {
        self.say(link, &Control::Refuse(reason.chars().take(500).collect()));
        self.outputs.push_back(Output::Close { link, reason: reason.into() });
    }
}

fn read<R: serde::de::DeserializeOwned>(
    store: &(impl Kv + ?Sized),
    key: Key,
) -> Result<Option<R>, StoreError> {
    crate::state::read_row(store, key)
}

/// Ids of all logs held whole.
fn log_ids(store: &(impl Kv + ?Sized)) -> Result<Vec<LogId>, StoreError> {
    const PAGE: usize = 1_000;
    let end = Key::Log(LogId([0xff; 16])).bytes();
    let mut from = Key::Log(LogId::ZERO).bytes();
    let mut ids = Vec::new();
    loop {
        let page = store.range(&from, &end, PAGE)?;
        let count = page.len();
        for (key, _) in page {
            ids.extend(LogId::from_slice(&key[1..]));
            from = [key, vec![0]].concat();
        }
        if count < PAGE {
            return Ok(ids);
        }
    }
}

fn root_at(frontier: &crate::log::Frontier, log: LogId) -> Head {
    Head { log, sequence: frontier.size(), root: frontier.root() }
}
