//! Peers below: greeting them, reading their inboxes to them, and what the operator should know.

use super::{
    ClockSeen, Control, Data, Event, Fault, Hello, LinkId, Output, Replica, Status, Store,
    VERSIONS, Welcome,
    assemble::{self, Next},
    digest::{EntryName, Report},
    images::Giving,
    inbound::InLog,
    keep::Later,
    message,
};
use crate::{
    id::{DossierId, NodeId, OfficeId},
    key::PublicKey,
    limits,
    state::{
        Key, inbox,
        rows::{Cursor, Reader},
    },
    time::{Instant, Timestamp},
    trust::{Binding, Numbers, Signed},
};
use std::{
    collections::{BTreeSet, VecDeque},
    ops::Bound::{Excluded, Unbounded},
};

/// Rows read from an inbox at once.
const ROWS_AT_ONCE: usize = 512;
/// The same for a peer that has no turn at catching up in bulk; the frames fit its window.
const ROWS_WITHOUT_TURN: usize = 64;
/// How long a cursor may lag behind rows that are of no interest to the reader, in milliseconds.
const SKIP_DELAY: u64 = 1_000;

/// A link from below.
pub(super) struct Child {
    pub(super) peer: PublicKey,
    /// Set by an accepted hello.
    pub(super) binding: Option<Binding>,
    pub(super) inbox: OfficeId,
    /// Read up to here and sent, or skipped.
    sent: Cursor,
    /// Frames sent and not acknowledged: number they end at, bytes.
    in_flight: VecDeque<(u64, usize)>,
    /// When to tell the reader about rows that were skipped.
    pub(super) skip_due: Option<Instant>,
    /// Last number that the reader was told.
    told: u64,
    /// Last number that it has on disk.
    pub(super) delivered: u64,
    /// Trust documents that the peer has.
    pub(super) trust: Numbers,
    /// Set where the peer's words came by hand: nothing is read to it.
    pub(super) carried: Option<super::carried::Allowance>,
    /// It has said that it has much to send.
    pub(super) much_to_send: bool,
    /// Everything in its inbox has been sent to it.
    at_tail: bool,
    /// Entries that this hub asked the peer for.
    pub(super) wanted: BTreeSet<(DossierId, EntryName)>,
    /// Images go to it, before the inbox or beside it.
    pub(super) images: Option<Giving>,
    /// Its hello, while a place to begin at is made for it.
    pub(super) later: Option<Later>,
    /// Optional abilities that it has.
    pub(super) features: u64,
    /// Its data messages are read one at a time.
    pub(super) paced: bool,
}

impl Child {
    pub(super) fn greeting(peer: PublicKey) -> Self {
        Self {
            peer,
            binding: None,
            inbox: OfficeId::ZERO,
            sent: Cursor::default(),
            in_flight: VecDeque::new(),
            skip_due: None,
            told: 0,
            delivered: 0,
            trust: Numbers::default(),
            carried: None,
            much_to_send: false,
            at_tail: false,
            wanted: BTreeSet::new(),
            images: None,
            later: None,
            features: 0,
            paced: false,
        }
    }

    /// Bytes sent and not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        let rows: usize = self.in_flight.iter().map(|(_, bytes)| bytes).sum();
        rows + self.images.as_ref().map_or(0, Giving::in_flight)
    }

    /// Nothing of any size is missing on either side.
    pub(super) fn is_level(&self) -> bool {
        let bootstraps = self.images.as_ref().is_some_and(Giving::is_first);
        !self.much_to_send
            && self.at_tail
            && !bootstraps
            && self.in_flight() < limits::SMALL_WINDOW_BYTES
    }
}

/// What is known of a peer below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildStatus {
    /// Which machine.
    pub node: NodeId,
    /// Of which office.
    pub office: OfficeId,
    /// The link it is on, if it is connected.
    pub link: Option<LinkId>,
    /// Last message from it, by this machine's clock.
    pub last_contact: Timestamp,
    /// Inbox number it has acknowledged.
    pub delivered: u64,
    /// What it last said about itself.
    pub status: Option<Status>,
    /// Its clock beside this one; none before it has come in this process.
    pub clock: Option<ClockSeen>,
    /// Its software; empty before it has come in this process.
    pub software: String,
    /// Its last digest check against this hub: when it ended, by this machine's clock, and what
    /// came of it.
    pub check: Option<(Timestamp, Report)>,
}

impl ChildStatus {
    pub(super) fn left(&mut self, link: LinkId, wall: Timestamp) {
        if self.link == Some(link) {
            self.link = None;
            self.last_contact = wall;
        }
    }
}

/// Where an inbox is read from.
enum Start {
    At(Cursor),
    /// What the reader has read is not among the rows: of another numbering, or cut since.
    Anew,
    /// The reader has read rows of this very numbering that never were here.
    SetBack,
}

impl Replica {
    pub(super) fn greet(
        &mut self,
        (now, wall): (Instant, Timestamp),
        link: LinkId,
        hello: Hello,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(child) = self.children.get(&link) else {
            return Err(Fault::new("order", "hello comes from the side that dialled"));
        };
        if child.binding.is_some() || child.later.is_some() {
            return Err(Fault::new("order", "hello comes once"));
        }
        let peer = child.peer;
        let binding = self.admit(peer, &hello)?;
        if let Err(fault) = self.check_hop(&binding) {
            // It may come with documents from before it moved.
            if self.trust.numbers().ahead_of(&hello.trust) {
                self.hand_trust(link);
                self.leave(link, &fault.reason);
                return Ok(());
            }
            return Err(fault);
        }
        let version = hello.versions.1.min(VERSIONS.1);
        if version < hello.versions.0.max(VERSIONS.0) {
            let (low, high) = hello.versions;
            let words = format!("protocol versions {low} to {high} are not spoken here; update");
            return Err(Fault::new("version", words));
        }
        if let Some(head) = hello.acknowledged
            && self.logs.get(&head.log).map_or(0, InLog::stored_entries) < head.sequence
        {
            self.found_set_back(wall, head.root);
        }
        let office = binding.office;
        let tail = self.tail_of(office, store)?;
        match self.start_of(office, hello.cursor, tail, store)? {
            Start::At(from) => return self.greet_at((now, wall), link, hello, from, store),
            Start::Anew => {}
            Start::SetBack => self.found_set_back(wall, hello.cursor.hash),
        }
        if let Some(place) = self.place_of(peer.node_id(), office, store)? {
            return self.greet_at((now, wall), link, hello, place, store);
        }
        self.greet_later(link, (hello, wall), office, store)
    }

    /// A place that was made for this machine before and still stands: what it has to forget is
    /// behind it, with all that came later.
    fn place_of(
        &self,
        node: NodeId,
        office: OfficeId,
        store: &impl Store,
    ) -> Result<Option<Cursor>, Fault> {
        let row: Option<Reader> = super::read(store, Key::Cursor(node))?;
        let Some(row) = row.filter(|row| row.times > 0 && row.inbox == office) else {
            return Ok(None);
        };
        let tail = self.tail_of(office, store)?;
        Ok(match self.start_of(office, row.anew, tail, store)? {
            Start::At(_) if row.anew.epoch == tail.epoch => Some(row.anew),
            Start::At(_) | Start::Anew | Start::SetBack => None,
        })
    }

    /// The answer to a hello, once it is clear where the reader goes on.
    pub(super) fn greet_at(
        &mut self,
        (now, wall): (Instant, Timestamp),
        link: LinkId,
        hello: Hello,
        from: Cursor,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(peer) = self.children.get(&link).map(|child| child.peer) else { return Ok(()) };
        // Judged anew: documents may have come since it was said.
        let binding = self.admit(peer, &hello)?;
        let version = hello.versions.1.min(VERSIONS.1);
        let (node, office) = (peer.node_id(), binding.office);
        let tail = self.tail_of(office, store)?;
        let held = self.heads_from(&binding);
        let same = message::heads_digest(held.iter().copied()) == hello.heads;
        let images =
            hello.features & message::IMAGES != 0 && self.is_worth_images(peer, from, tail);
        let welcome = Welcome {
            version,
            features: if images { message::IMAGES } else { 0 },
            node: self.config.me.node,
            office: self.config.me.office,
            heads: (!same).then_some(held),
            from,
            tail,
            trust: self.trust.numbers(),
            clock: wall,
        };
        self.challenge_older_links(now, link, node);
        let known = self.known.get(&node);
        let status = ChildStatus {
            node,
            office,
            link: Some(link),
            last_contact: wall,
            delivered: from.number,
            status: None,
            clock: Some(ClockSeen::told(known.and_then(|known| known.clock), hello.clock, wall)),
            software: hello.software.chars().take(40).collect(),
            check: known.and_then(|known| known.check),
        };
        self.known.insert(node, status);
        if let Some(child) = self.children.get_mut(&link) {
            child.binding = Some(binding);
            child.inbox = office;
            child.sent = from;
            child.told = from.number;
            child.delivered = from.number;
            child.trust = hello.trust;
            child.images = images.then(Giving::expected);
            child.features = hello.features;
        }
        // Before the welcome, behind which an honest machine sends.
        self.tell_pace(link);
        self.say(link, &Control::Welcome(Box::new(welcome)));
        if self.trust.numbers().ahead_of(&hello.trust) {
            self.hand_trust(link);
        }
        self.event(Event::Greeted { node, office });
        self.pump_down(store, |child| child.peer == peer);
        self.tell_skips(link);
        self.tell_what_is_above(link);
        self.have_child_check(link, node);
        self.ask_again_on(link);
        self.scan_link_live(link, store)
    }

    /// Who may speak at all: a machine of this domain that speaks for its own key.
    pub(super) fn admit(&self, peer: PublicKey, hello: &Hello) -> Result<Binding, Fault> {
        if hello.domain != self.config.domain {
            return Err(Fault::new("domain", "this machine belongs to another trust domain"));
        }
        let signed = Signed::decode::<Binding>(&hello.binding)
            .map_err(|error| Fault::new("binding", error))?;
        let binding = self.trust.binding(&signed).map_err(|error| Fault::new("binding", error))?;
        if binding.key != peer {
            return Err(Fault::new("binding", "the binding is for another key"));
        }
        Ok(binding)
    }

    fn tail_of(&self, office: OfficeId, store: &impl Store) -> Result<Cursor, Fault> {
        let row: Cursor = super::read(store, Key::Inbox(office))?.unwrap_or_default();
        // Rows written before the numbering changed belong to the new one as well.
        Ok(Cursor { epoch: self.meta.epoch, ..row })
    }

    /// Where to read on: at the reader's cursor if it is one of ours. A cursor of another numbering
    /// says that the reader holds much already: it goes on at a place made for it, and a digest
    /// check finds what is missing on either side.
    fn start_of(
        &self,
        office: OfficeId,
        cursor: Cursor,
        tail: Cursor,
        store: &impl Store,
    ) -> Result<Start, Fault> {
        if cursor.number == 0 {
            let floor = inbox::floor(store, office)?.map_or(tail.number, |(number, _)| number);
            let beginning = Cursor { epoch: tail.epoch, ..Cursor::default() };
            return Ok(if floor == 0 { Start::At(beginning) } else { Start::Anew });
        }
        if cursor.epoch != tail.epoch {
            return Ok(Start::Anew);
        }
        if cursor.number > tail.number {
            return Ok(Start::SetBack);
        }
        let known = match cursor.number == tail.number {
            true => Some(tail.hash),
            false => inbox::hash_at(store, office, cursor.number)?,
        };
        Ok(match known {
            Some(hash) if hash == cursor.hash => Start::At(cursor),
            None => Start::Anew,
            Some(_) => Start::SetBack,
        })
    }

    pub(super) fn child_delivered(
        &mut self,
        (now, wall): (Instant, Timestamp),
        link: LinkId,
        cursor: Cursor,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let inbox = self.children.get(&link).map(|child| child.inbox);
        let Some(inbox) = inbox else {
            return Err(Fault::new("order", "only a reader acknowledges an inbox"));
        };
        let tail = self.tail_of(inbox, store)?.number;
        let Some(child) = self.children.get_mut(&link).filter(|_| cursor.number <= tail) else {
            let words = format!("row {} is acknowledged, the inbox ends at {tail}", cursor.number);
            return Err(Fault::new("cursor", words));
        };
        while child.in_flight.front().is_some_and(|(upto, _)| *upto <= cursor.number) {
            child.in_flight.pop_front();
        }
        child.delivered = child.delivered.max(cursor.number);
        let peer = child.peer;
        if let Some(status) = self.known.get_mut(&peer.node_id()) {
            status.delivered = status.delivered.max(cursor.number);
            status.last_contact = wall;
        }
        self.keeper.has_read(now);
        self.pump_down(store, |child| child.peer == peer);
        Ok(())
    }

    pub(super) fn child_status(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        status: Status,
    ) -> Result<(), Fault> {
        let child = self.children.get(&link).filter(|child| child.binding.is_some());
        let node = child.map(|child| child.peer.node_id());
        if node.is_some() {
            self.weigh(link, &status);
        }
        if let Some(known) = node.and_then(|node| self.known.get_mut(&node)) {
            known.status = Some(status);
            known.last_contact = wall;
        }
        Ok(())
    }

    /// Sends new inbox rows to the children that `wanted` picks.
    pub(super) fn pump_down(&mut self, store: &impl Store, wanted: impl Fn(&Child) -> bool) {
        let links: Vec<LinkId> = self
            .children
            .iter()
            .filter(|(_, child)| child.binding.is_some() && child.carried.is_none())
            .filter(|(_, child)| wanted(child))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            self.pump_link(link, store);
        }
    }

    /// The same for one link.
    pub(super) fn pump_link(&mut self, link: LinkId, store: &impl Store) {
        if let Err(fault) = self.pump_child(link, store) {
            self.refuse(link, fault);
        }
    }

    fn pump_child(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        // A link that may be dead is sent nothing but the question.
        if self.challenges.contains_key(&link) {
            return Ok(());
        }
        if !self.pump_images(link, store)? {
            return Ok(());
        }
        let (window, has_turn) = (self.down_window(link), self.admission.has_turn(link));
        let rows = if has_turn { ROWS_AT_ONCE } else { ROWS_WITHOUT_TURN };
        let Some(child) = self.children.get_mut(&link) else { return Ok(()) };
        if child.in_flight() >= window {
            child.at_tail = false;
            if !has_turn && !self.admission.waits(link) {
                self.asking.insert(link);
            }
            return Ok(());
        }
        let reader = child.peer.node_id();
        let next =
            assemble::next_frame(store, child.inbox, reader, child.sent, rows, &self.config)?;
        child.at_tail = matches!(next, Next::AtTail);
        let batch = match next {
            Next::Batch(batch) => batch,
            Next::AtTail => return Ok(()),
            Next::Cut => {
                self.leave(link, "rows that were not read yet are kept no more; begin anew");
                return Ok(());
            }
        };
        child.sent =
            Cursor { epoch: batch.frame.epoch, number: batch.frame.upto, hash: batch.frame.hash };
        // A frame at a time: whoever comes again and again with much to read would keep all others
        // waiting while its window is filled.
        self.unpumped.insert(link);
        if batch.frame.rows.is_empty() {
            return Ok(());
        }
        let frame = assemble::after(batch.frame, child.told);
        let upto = frame.upto;
        let bytes = frame.encode().map_err(|error| Fault::new("store", error))?;
        let length = self.send(link, &Data::Down(bytes));
        if let Some(child) = self.children.get_mut(&link) {
            child.told = upto;
            child.in_flight.push_back((upto, length));
        }
        Ok(())
    }

    /// Reads on to one of those that have more to read, the next after the one before.
    pub(super) fn pump_next(&mut self, store: &impl Store) {
        let after = (Excluded(self.pumped), Unbounded);
        let next = self.unpumped.range(after).next().or(self.unpumped.first()).copied();
        if let Some(link) = next {
            self.unpumped.remove(&link);
            self.pumped = link;
            self.pump_link(link, store);
        }
    }

    /// Arms or fires the notices about skipped rows.
    pub(super) fn flush_skips(&mut self, now: Instant, _store: &impl Store) {
        let mut due = Vec::new();
        for (link, child) in &mut self.children {
            let reads = child.binding.is_some() && child.carried.is_none();
            let behind = reads && child.sent.number > child.told;
            match child.skip_due {
                _ if !behind => child.skip_due = None,
                None => child.skip_due = Some(now.after(SKIP_DELAY)),
                Some(at) if at <= now => due.push(*link),
                Some(_) => {}
            }
        }
        due.into_iter().for_each(|link| self.tell_skips(link));
    }

    /// Moves the reader's cursor over rows that it needs not see.
    fn tell_skips(&mut self, link: LinkId) {
        let Some(child) = self.children.get_mut(&link) else { return };
        child.skip_due = None;
        if child.sent.number <= child.told {
            return;
        }
        let frame = assemble::skip(child.inbox, child.told, child.sent);
        child.told = child.sent.number;
        let upto = child.told;
        // A frame without rows has nothing that could break a limit.
        let Ok(frame) = frame.encode() else { return };
        let bytes = message::encode(&Data::Down(frame));
        child.in_flight.push_back((upto, bytes.len()));
        self.outputs.push_back(Output::Send { link, channel: super::Channel::Data, bytes });
    }
}
