//! Machines of one office beside each other. The link is symmetric: both say what they hold of the
//! office's logs, each sends what the other lacks, its own log and those of further machines, in
//! the frames that also go up; acknowledged after the disk. So what one writes the others show
//! without the hub, either carries the other's work up, and each is a second place for it.
//!
//! There may be two links to one machine, when each dialled the other: both are read, and the
//! newer one is written.

use super::{
    Control, Data, Event, Fault, Head, LinkId, Replica, Store, VERSIONS, message,
    outbound::{self, Relayed},
};
use crate::{
    id::{DomainId, Hash, LogId, NodeId},
    key::PublicKey,
    limits,
    log::{Checkpoint, Frontier},
    state::tiles,
    time::Timestamp,
    trust::{Binding, NodeKind, Numbers, Signed},
    wire,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// Own changes that a frame may refer to by sequence; older ones are named by hash.
const KNOWN_CHANGES: usize = 16 * 1024;

/// First message of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingHello {
    /// Protocol versions it speaks.
    pub versions: (u16, u16),
    /// Trust domain.
    pub domain: DomainId,
    /// Its signed binding.
    #[serde(with = "serde_bytes")]
    pub binding: Vec<u8>,
    /// What it has on disk of the office's logs.
    pub heads: Vec<Head>,
    /// What the hub above has, as far as it knows.
    pub hub_has: Vec<Head>,
    /// Its trust documents.
    pub trust: Numbers,
}

/// What is known of another machine of this office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiblingStatus {
    /// Which machine.
    pub node: NodeId,
    /// Whether a link is up.
    pub connected: bool,
    /// Last message from it, by this machine's clock.
    pub last_contact: Timestamp,
    /// What it has on its disk of the own log in use here.
    pub holds: u64,
    /// Scans that the hub lacks and that it said to be whole on its disk.
    pub scans: Arc<BTreeSet<Hash>>,
}

/// One link.
pub(super) struct Sibling {
    pub(super) peer: PublicKey,
    /// Set by an accepted hello.
    pub(super) binding: Option<Binding>,
    /// Next sequence to send, by log; `u64::MAX` where nothing may be sent.
    next: BTreeMap<LogId, u64>,
    in_flight: VecDeque<(LogId, u64, usize)>,
    announced: BTreeSet<LogId>,
    /// Messages that overtook the hello: the channels are streams of their own.
    early: Vec<Vec<u8>>,
    /// The own log as sent here: its tree, and sequences of changes.
    own: (LogId, Frontier, HashMap<Hash, u64>),
}

impl Sibling {
    fn new(peer: PublicKey) -> Self {
        Self {
            peer,
            binding: None,
            next: BTreeMap::new(),
            in_flight: VecDeque::new(),
            announced: BTreeSet::new(),
            early: Vec::new(),
            own: Default::default(),
        }
    }

    fn next(&self, log: &LogId) -> u64 {
        self.next.get(log).copied().unwrap_or(1)
    }

    fn window_is_full(&self) -> bool {
        let bytes: usize = self.in_flight.iter().map(|(_, _, bytes)| bytes).sum();
        bytes >= limits::UP_WINDOW_BYTES
    }
}

impl Replica {
    /// Other machines of this office, connected or not, since this replica started.
    pub fn siblings(&self) -> impl Iterator<Item = &SiblingStatus> {
        self.known_siblings.values()
    }

    pub(super) fn sibling_up(&mut self, link: LinkId, peer: PublicKey) {
        if self.trust.denied(peer.node_id()).is_some() {
            return self.close(link, "this machine is suspended or banned; ask central IT");
        }
        self.siblings.insert(link, Sibling::new(peer));
        let hub_has = self.heads_received();
        let hello = SiblingHello {
            versions: VERSIONS,
            domain: self.config.domain,
            binding: self.config.binding.clone(),
            heads: self.heads_going_up(),
            hub_has,
            trust: self.trust.numbers(),
        };
        self.say(link, &Control::Sibling(Box::new(hello)));
    }

    /// What the parent has of the logs that go up from here.
    fn heads_received(&self) -> Vec<Head> {
        let logs = self.backlog().map(|(log, _, _)| log);
        logs.filter_map(|log| self.upstream.received(&log).copied()).collect()
    }

    pub(super) fn sibling_hello(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        hello: SiblingHello,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(sibling) = self.siblings.get(&link) else {
            return Err(Fault::new("order", "only machines of one office say this"));
        };
        if sibling.binding.is_some() {
            return Err(Fault::new("order", "hello comes once"));
        }
        let peer = sibling.peer;
        let binding = self.admit_sibling(peer, &hello)?;
        let node = peer.node_id();
        if let Some(sibling) = self.siblings.get_mut(&link) {
            sibling.binding = Some(binding);
            sibling.next = hello.heads.iter().map(|head| (head.log, head.sequence + 1)).collect();
        }
        let office = self.config.me.office;
        let status = SiblingStatus {
            node,
            connected: true,
            last_contact: wall,
            holds: 0,
            scans: Arc::default(),
        };
        let status = self.known_siblings.entry(node).or_insert(status);
        (status.connected, status.last_contact) = (true, wall);
        // It may have been set back since: it says anew which scans it has.
        status.scans = Arc::default();
        for head in &hello.heads {
            self.compare_with_sibling(link, *head, store)?;
        }
        for head in hello.hub_has {
            self.hub_has_by_sibling(head);
        }
        if self.trust.numbers().ahead_of(&hello.trust) {
            self.hand_documents(link, hello.trust);
        }
        self.event(Event::Greeted { node, office });
        self.pump_siblings(store);
        self.scan_link_live(link, store)?;
        let early = self.siblings.get_mut(&link).map(|one| std::mem::take(&mut one.early));
        early.into_iter().flatten().try_for_each(|bytes| self.data(link, bytes, store))
    }

    /// Keeps a message that overtook the hello; gives it back if there is none to wait for.
    pub(super) fn keep_early_of_sibling(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let waiting = self.siblings.get_mut(&link).filter(|one| one.binding.is_none());
        let Some(sibling) = waiting else { return Ok(Some(bytes)) };
        let kept: usize = sibling.early.iter().map(Vec::len).sum();
        if kept + bytes.len() > limits::UP_WINDOW_BYTES + limits::MESSAGE_BYTES {
            return Err(Fault::new("limit", "too much was sent before hello"));
        }
        sibling.early.push(bytes);
        Ok(None)
    }

    fn admit_sibling(&self, peer: PublicKey, hello: &SiblingHello) -> Result<Binding, Fault> {
        if hello.domain != self.config.domain {
            return Err(Fault::new("domain", "this machine belongs to another trust domain"));
        }
        let (low, high) = hello.versions;
        if high.min(VERSIONS.1) < low.max(VERSIONS.0) {
            let words = format!("protocol versions {low} to {high} are not spoken here; update");
            return Err(Fault::new("version", words));
        }
        let signed = Signed::decode::<Binding>(&hello.binding)
            .map_err(|error| Fault::new("binding", error))?;
        let binding = self.trust.binding(&signed).map_err(|error| Fault::new("binding", error))?;
        if binding.key != peer {
            return Err(Fault::new("binding", "the binding is for another key"));
        }
        if binding.kind != NodeKind::Node || binding.office != self.config.me.office {
            return Err(Fault::new("scope", "this machine belongs to another office"));
        }
        if peer == self.config.key.public() {
            return Err(Fault::new("scope", "this is the same machine; correct its list"));
        }
        Ok(binding)
    }

    /// What a sibling holds of a log must be a part of what is here, or go beyond it: on the own
    /// log neither more nor other, or this machine was set back or copied.
    fn compare_with_sibling(
        &mut self,
        link: LinkId,
        head: Head,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if head.log != self.own.log() {
            return Ok(());
        }
        let agrees = match self.own.agrees(head) {
            Some(agrees) => agrees,
            None => {
                self.root_of(head.log, head.sequence, store)?.is_none_or(|root| root == head.root)
            }
        };
        if agrees {
            self.sibling_holds(link, head);
        } else {
            if let Some(sibling) = self.siblings.get_mut(&link) {
                sibling.next.insert(head.log, u64::MAX);
            }
            self.event(Event::OwnLogDiverged { parent: head, whole: false });
        }
        Ok(())
    }

    fn sibling_holds(&mut self, link: LinkId, head: Head) {
        let own = head.log == self.own.log();
        let node = self.siblings.get(&link).map(|sibling| sibling.peer.node_id());
        if let Some(status) = node.and_then(|node| self.known_siblings.get_mut(&node))
            && own
        {
            status.holds = head.sequence;
        }
    }

    /// A sibling has this much of a log on its disk.
    pub(super) fn sibling_received(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        head: Head,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(sibling) = self.siblings.get_mut(&link) else { return Ok(()) };
        sibling.in_flight.retain(|(log, upto, _)| *log != head.log || *upto > head.sequence);
        let node = sibling.peer.node_id();
        if let Some(status) = self.known_siblings.get_mut(&node) {
            status.last_contact = wall;
        }
        if head.log == self.own.log() {
            self.compare_with_sibling(link, head, store)?;
        }
        self.pump_siblings(store);
        Ok(())
    }

    /// The hub has this much of a log, says a machine of this office that heard it from the hub.
    pub(super) fn hub_has_by_sibling(&mut self, head: Head) {
        let known = self.upstream.received(&head.log).map_or(0, |known| known.sequence);
        let own = head.log == self.own.log();
        if !own || head.sequence <= known || self.own.agrees(head) == Some(false) {
            return;
        }
        self.upstream.note_received(head);
        self.event(Event::Received(head.received()));
    }

    /// Forgets a link to a sibling; false if it was none.
    pub(super) fn sibling_down(&mut self, wall: Timestamp, link: LinkId) -> bool {
        let Some(gone) = self.siblings.remove(&link) else { return false };
        let node = gone.peer.node_id();
        let still =
            self.siblings.values().any(|other| other.binding.is_some() && other.peer == gone.peer);
        if let Some(status) = self.known_siblings.get_mut(&node)
            && gone.binding.is_some()
        {
            (status.connected, status.last_contact) = (still, wall);
        }
        true
    }

    /// Links to machines that the documents in force deny.
    pub(super) fn leave_denied_siblings(&mut self) {
        let denied = |sibling: &Sibling| self.trust.denied(sibling.peer.node_id()).is_some();
        let links: Vec<LinkId> = (self.siblings.iter())
            .filter(|(_, sibling)| denied(sibling))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            self.close(link, "this machine is suspended or banned; ask central IT");
        }
    }

    /// Sends every sibling what it lacks, over the newest link to it.
    pub(super) fn pump_siblings(&mut self, store: &impl Store) {
        let mut newest: BTreeMap<PublicKey, LinkId> = BTreeMap::new();
        for (link, sibling) in &self.siblings {
            if sibling.binding.is_some() {
                newest.insert(sibling.peer, *link);
            }
        }
        for link in newest.into_values() {
            let pumped = self
                .send_own_to_sibling(link, store)
                .and_then(|()| self.relay_to_sibling(link, store));
            if let Err(fault) = pumped {
                self.refuse(link, fault);
            }
        }
    }

    fn send_own_to_sibling(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let log = self.own.log();
        if log.is_zero() {
            return Ok(());
        }
        loop {
            let Some(sibling) = self.siblings.get_mut(&link) else { return Ok(()) };
            let next = sibling.next(&log);
            if sibling.window_is_full() || next > self.own.head() {
                return Ok(());
            }
            if sibling.own.0 != log || sibling.own.1.size() + 1 != next {
                let at = match next {
                    1 => Some(Frontier::default()),
                    _ => tiles::frontier_at(store, log, next - 1)?,
                };
                // The state may lag behind a moment; it is told when it does no longer.
                let Some(tree) = at else { return Ok(()) };
                sibling.own = (log, tree, HashMap::new());
            }
            let entries = self.own_entries(next, store)?;
            if entries.is_empty() {
                return Ok(());
            }
            let Some(sibling) = self.siblings.get_mut(&link) else { return Ok(()) };
            let (_, tree, changes) = &mut sibling.own;
            entries.iter().for_each(|entry| tree.push(entry.leaf()));
            let (key, domain) = (&self.config.key, self.config.domain);
            let checkpoint = Checkpoint::sign(key, domain, log, tree.size(), tree.root());
            let resolve = |_: &crate::id::DossierId, hash: &Hash| changes.get(hash).copied();
            let signature = &checkpoint.signature;
            let frame = wire::encode_up(&key.public(), log, next, &entries, resolve, signature)
                .map_err(|error| Fault::new("own log", error))?;
            if changes.len() + entries.len() > KNOWN_CHANGES {
                changes.clear();
            }
            for (sequence, entry) in (next..).zip(&entries) {
                changes.insert(entry.header.change_hash, sequence);
            }
            let upto = tree.size();
            let binding = self.config.binding.clone();
            self.send_to_sibling(link, log, binding, upto, frame);
        }
    }

    /// Logs of further machines of the office, frame by frame as they came.
    fn relay_to_sibling(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let Some(sibling) = self.siblings.get(&link) else { return Ok(()) };
        let peer = sibling.peer;
        let office = self.config.me.office;
        let lacking = |log: &LogId, row: &super::inbound::InLog| {
            row.author.office == office
                && row.author.key != peer
                && sibling.next(log) <= row.stored_entries()
        };
        let logs: Vec<(LogId, Vec<u8>)> = (self.logs.iter())
            .filter(|(log, row)| lacking(log, row))
            .map(|(log, row)| (*log, row.author.binding.clone()))
            .collect();
        for (log, binding) in logs {
            loop {
                let Some(sibling) = self.siblings.get(&link) else { return Ok(()) };
                if sibling.window_is_full() {
                    return Ok(());
                }
                let next = sibling.next(&log);
                let (upto, frame) = match outbound::relayed_frame(log, next, store)? {
                    Relayed::Frame { last, bytes, .. } => (last, bytes),
                    Relayed::NotYet => break,
                    // Its author gives it to this peer, or the hub does; other logs go on. Whoever looks
                    // after this machine is told that its disk damages what it holds.
                    Relayed::Damaged { first, last } => {
                        self.event(Event::FrameLost { log, first, last });
                        if let Some(sibling) = self.siblings.get_mut(&link) {
                            sibling.next.insert(log, u64::MAX);
                        }
                        break;
                    }
                };
                self.send_to_sibling(link, log, binding.clone(), upto, frame);
            }
        }
        Ok(())
    }

    fn send_to_sibling(
        &mut self,
        link: LinkId,
        log: LogId,
        binding: Vec<u8>,
        upto: u64,
        frame: Vec<u8>,
    ) {
        let fresh = self.siblings.get_mut(&link).is_some_and(|one| one.announced.insert(log));
        if fresh {
            self.say_data(link, &Data::Log { log, binding });
        }
        let length = self.say_data(link, &Data::Up(frame));
        if let Some(sibling) = self.siblings.get_mut(&link) {
            sibling.next.insert(log, upto + 1);
            sibling.in_flight.push_back((log, upto, length));
        }
    }

    fn say_data(&mut self, link: LinkId, message: &Data) -> usize {
        let bytes = message::encode(message);
        let length = bytes.len();
        let channel = super::Channel::Data;
        self.outputs.push_back(super::Output::Send { link, channel, bytes });
        length
    }

    /// Who is at the other end of a link from below or beside, once it is greeted.
    pub(super) fn bringer_on(&self, link: LinkId) -> Option<(NodeId, Binding)> {
        let child = self.children.get(&link).and_then(|child| child.binding.clone());
        let beside = || self.siblings.get(&link).and_then(|sibling| sibling.binding.clone());
        let binding = child.or_else(beside)?;
        Some((binding.node(), binding))
    }
}
