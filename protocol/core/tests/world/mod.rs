//! The city of the tests: six replicas, a queue of messages, and a clock that only moves when
//! everybody waits.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of the city")]

mod beside;
mod carry;
pub mod disk;
mod meaning;
mod paper;
pub mod site;

pub use paper::marker;

use motcua_core::{
    entry::{AudienceOp, Decision, Kind},
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    record::Record,
    replica::{Channel, Control, Data, Input, LinkId, Output, ScanMessage},
    state::{Key, MemKv, history::Verdict},
    time::Instant,
    trust::{ActStep, Denied, DenyAction},
    wire::{DownFrame, RowItem},
};
pub use site::{Shelf, Site};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    City,
    District1,
    District2,
    Ward1,
    Ward2,
    Ward3,
    /// Further machines of the office of ward 1; in the world once they are added.
    Ward1B,
    Ward1C,
}

use Place::*;

impl Place {
    pub const ALL: [Self; 6] = [City, District1, District2, Ward1, Ward2, Ward3];

    pub fn parent(self) -> Option<Self> {
        match self {
            City => None,
            District1 | District2 => Some(City),
            Ward1 | Ward2 | Ward1B | Ward1C => Some(District1),
            Ward3 => Some(District2),
        }
    }
}

/// What a hostile hub does to frames that it passes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    Content,
    Key,
    Binding,
    KeyAndBinding,
    Decision,
}

impl Trick {
    pub const ALL: [Self; 5] =
        [Self::Content, Self::Key, Self::Binding, Self::KeyAndBinding, Self::Decision];
}

pub type ScanTrick = fn(&mut ScanMessage);

pub struct Wire {
    pub link: LinkId,
    pub from: Place,
    pub to: Place,
    pub channel: Channel,
    pub bytes: Vec<u8>,
}

pub struct World {
    papers: paper::Papers,
    pub sites: BTreeMap<Place, Site>,
    /// Both ends of every link.
    pub links: BTreeMap<LinkId, (Place, Place)>,
    pub wires: VecDeque<Wire>,
    next_link: u64,
    pub now: u64,
    cut: BTreeSet<Place>,
    /// Links at whose lower end nobody lives any more.
    ghosts: BTreeSet<LinkId>,
    /// The last hello of each place.
    hellos: BTreeMap<Place, Vec<u8>>,
    /// Links that are being closed, if what is under way on them still arrives.
    closing: Option<BTreeSet<LinkId>>,
    dead: BTreeSet<Place>,
    seen: BTreeMap<Place, Vec<Vec<u8>>>,
    bytes: usize,
    /// Of those, on the channel of scans.
    pub scan_bytes: usize,
    /// Bends what a place says about scans.
    pub scan_trick: Option<(Place, ScanTrick)>,
    trick: Option<(Place, Trick)>,
    tricked: bool,
    random: u64,
    /// Control messages on links that have no other end.
    answers: Vec<(LinkId, Vec<u8>)>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let papers = paper::Papers::new();
        let sites =
            Place::ALL.into_iter().map(|place| (place, Site::new(&papers, place))).collect();
        Self {
            papers,
            sites,
            links: BTreeMap::new(),
            wires: VecDeque::new(),
            next_link: 1,
            now: 1,
            cut: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            hellos: BTreeMap::new(),
            closing: None,
            dead: BTreeSet::new(),
            seen: BTreeMap::new(),
            bytes: 0,
            scan_bytes: 0,
            scan_trick: None,
            trick: None,
            tricked: false,
            random: seed,
            answers: Vec::new(),
        }
    }

    pub fn office(&self, place: Place) -> OfficeId {
        self.papers.office(place)
    }

    pub fn create(&mut self, place: Place) -> DossierId {
        let now = self.now;
        self.site(place).create(now)
    }

    pub fn edit(&mut self, place: Place, dossier: DossierId, audience: &[AudienceOp]) {
        let now = self.now;
        self.site(place).edit(now, dossier, audience);
    }

    /// Gives `thief` the changes of a dossier without any right to it.
    pub fn smuggle(&mut self, from: Place, thief: Place, dossier: DossierId) {
        let document = self.site(from).document(dossier);
        self.site(thief).plant(dossier, document);
    }

    pub fn changes(&self, place: Place, dossier: DossierId) -> usize {
        self.sites[&place].changes(dossier)
    }

    /// Own entries of a dossier in the author's journal.
    pub fn durable(&self, place: Place, dossier: DossierId) -> usize {
        self.sites[&place].durable(dossier)
    }

    /// A hub decides on a change.
    pub fn decide(
        &mut self,
        hub: Place,
        dossier: DossierId,
        target: Hash,
        verdict: Verdict,
        number: u64,
    ) {
        let now = self.now;
        let payload = Decision { verdict, number, reason: "thử".into() }.encode().unwrap();
        let site = self.site(hub);
        site.write_other(now, dossier, Kind::Decision, vec![target], vec![], payload);
    }

    /// A registrar's act is carried in at a hub.
    pub fn administer(&mut self, hub: Place, dossier: DossierId, steps: Vec<ActStep>) {
        let now = self.now;
        let (act, payload) = self.papers.act(dossier, steps);
        let deps = self.heads(hub, dossier);
        let audience = act.audience();
        self.site(hub).write_other(now, dossier, Kind::Administrative, deps, audience, payload);
    }

    /// Something that is not a kind anybody knows, in the own log.
    pub fn write_other(&mut self, place: Place, dossier: DossierId, kind: Kind, payload: Vec<u8>) {
        let now = self.now;
        let deps = self.heads(place, dossier);
        self.site(place).write_other(now, dossier, kind, deps, vec![], payload);
    }

    /// A denial list is published at a hub. Each denial is a place and the last good position of
    /// its log.
    pub fn publish(&mut self, hub: Place, number: u64, denied: &[(Place, DenyAction, u64)]) {
        let denied = denied.iter().map(|(place, action, last)| {
            let (log, _) = self.sites[place].own_log();
            let node = self.papers.key(*place).public().node_id();
            Denied { node, action: *action, last_good: vec![(log, *last)] }
        });
        let trust = self.papers.denying(number, denied.collect());
        self.site(hub).adopt(trust);
    }

    pub fn node(&self, place: Place) -> NodeId {
        self.papers.key(place).public().node_id()
    }

    /// Own entries so far.
    pub fn own_head(&self, place: Place) -> u64 {
        self.sites[&place].own_log().1
    }

    /// Verdicts of a dossier by change or, for what is no change, by its place in its log.
    pub fn verdicts(
        &self,
        place: Place,
        dossier: DossierId,
    ) -> BTreeMap<String, (Verdict, String)> {
        let history = self.sites[&place].history(dossier);
        let name = |stored: &motcua_core::state::history::Stored| {
            format!("{} {}", stored.log, stored.sequence)
        };
        let verdict =
            |stored: &motcua_core::state::history::Stored| (stored.verdict, stored.reason.clone());
        history.iter().map(|stored| (name(stored), verdict(stored))).collect()
    }

    /// Changes of a dossier that a place wrote, in order, with their verdicts where `at`.
    pub fn written(&self, at: Place, by: Place, dossier: DossierId) -> Vec<(Hash, Verdict)> {
        let (log, _) = self.sites[&by].own_log();
        let mut found: Vec<_> = self.sites[&at]
            .history(dossier)
            .into_iter()
            .filter(|stored| stored.log == log)
            .map(|stored| (stored.sequence, stored.entry.header.change_hash, stored.verdict))
            .collect();
        found.sort();
        found.into_iter().map(|(_, hash, verdict)| (hash, verdict)).collect()
    }

    pub fn ruled(&self, place: Place, dossier: DossierId) -> Option<motcua_core::ledger::Ruled> {
        self.sites[&place].ruled(dossier)
    }

    pub fn heads(&self, place: Place, dossier: DossierId) -> Vec<Hash> {
        self.sites[&place].row(dossier).heads
    }

    pub fn audience(&self, place: Place, dossier: DossierId) -> Vec<Place> {
        let members = self.sites[&place].row(dossier).members();
        let place_of = |office| Place::ALL.into_iter().find(|p| self.office(*p) == office);
        members.into_iter().filter_map(|(office, _)| place_of(office)).collect()
    }

    pub fn held(&self, place: Place) -> u64 {
        self.sites[&place].meta().held
    }

    pub fn received_by_parent(&self, place: Place) -> u64 {
        self.sites[&place].replica.received_by_parent()
    }

    pub fn in_sync(&self, place: Place) -> bool {
        self.sites[&place].in_sync
    }

    pub fn state(&self, place: Place) -> &MemKv {
        &self.sites[&place].store.kv
    }

    pub fn meaning(&self, place: Place) -> meaning::Meaning {
        meaning::meaning(self.state(place))
    }

    pub fn faults(&self) -> Vec<String> {
        self.sites.values().flat_map(|site| site.faults.clone()).collect()
    }

    pub fn bytes_exchanged(&self) -> usize {
        self.bytes
    }

    /// Whether a site was ever sent, or keeps anywhere, these bytes: frames are looked through as
    /// decoded, not as packed.
    pub fn bytes_seen(&self, place: Place, marker: &[u8]) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
        let sent = self
            .seen
            .get(&place)
            .into_iter()
            .flatten()
            .any(|bytes| holds(bytes) || unpack(bytes).iter().any(|entry| holds(entry)));
        sent || self.keeps(place, marker)
    }

    /// Whether a site keeps these bytes in its journal or state.
    pub fn keeps(&self, place: Place, marker: &[u8]) -> bool {
        self.keeps_in(place, marker, |_| true)
    }

    /// The same, without what it, or an office below it, wrote itself.
    pub fn keeps_of_others(&self, place: Place, marker: &[u8]) -> bool {
        self.keeps_in(place, marker, |record| {
            !matches!(record, Record::Own { .. } | Record::Up { .. })
        })
    }

    fn keeps_in(&self, place: Place, marker: &[u8], wanted: impl Fn(&Record) -> bool) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
        let site = &self.sites[&place];
        let journal = site.store.journal.iter().filter(|record| wanted(record)).any(|record| {
            let bytes = record.encode();
            holds(&bytes) || unpack_record(record).iter().any(|entry| holds(entry))
        });
        let state = site.store.kv.0.iter().any(|(key, value)| {
            let unpacked = zstd::bulk::decompress(value, 1 << 20).unwrap_or_default();
            holds(key) || holds(value) || holds(&unpacked)
        });
        journal || state
    }

    /// What a hub makes of a dossier when the same records reach it in another order: verdicts,
    /// heads and offices that take part, all sorted.
    pub fn in_another_order(&mut self, hub: Place, dossier: DossierId) -> Opinion {
        let papers = self.papers.clone();
        let mut seed = self.random();
        let kv = self.sites[&hub].in_another_order(&papers, |below| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        });
        opinion(&kv, dossier)
    }

    /// The same as it is there.
    pub fn opinion(&self, hub: Place, dossier: DossierId) -> Opinion {
        opinion(self.state(hub), dossier)
    }

    /// A machine forgets what its hub told it to.
    pub fn forget(&mut self, place: Place) {
        let now = Instant(self.now);
        self.site(place).forget(now);
    }

    pub fn confirmed(&self, hub: Place, below: Place, dossier: DossierId) -> Option<usize> {
        self.sites[&hub].confirmed(self.office(below), dossier)
    }

    /// From the next start on, the software of a machine reads facts up to this schema.
    pub fn reads(&mut self, place: Place, schema: u16) {
        self.site(place).reads = schema;
        self.crash(place);
        self.site(place).update();
    }

    /// The software of a machine writes facts of this schema.
    pub fn writes(&mut self, place: Place, schema: u16) {
        self.site(place).schema = schema;
    }

    /// The disk of a place takes long to sync.
    pub fn slow_disk(&mut self, place: Place, sync_every: u64) {
        self.site(place).sync_every = sync_every;
    }

    pub fn cut(&mut self, place: Place) {
        self.cut.insert(place);
        let gone: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, (from, _))| *from == place)
            .map(|(link, _)| *link)
            .collect();
        gone.into_iter().for_each(|link| self.drop_link(link));
    }

    pub fn restore(&mut self, place: Place) {
        self.cut.remove(&place);
    }

    /// The machine is gone: nobody reaches it and it does nothing.
    pub fn kill(&mut self, place: Place) {
        self.crash(place);
        self.dead.insert(place);
    }

    pub fn revive(&mut self, place: Place) {
        self.dead.remove(&place);
    }

    /// What the disk of a place holds now.
    pub fn copy_of(&self, place: Place) -> Shelf {
        self.sites[&place].store.clone()
    }

    /// The disk of a place is what it was then; nobody told the machine.
    pub fn put_back(&mut self, place: Place, shelf: Shelf) {
        self.crash(place);
        let papers = self.papers.clone();
        self.site(place).put_back(&papers, shelf);
    }

    /// A second machine from the same disk.
    pub fn clone_of(&self, place: Place) -> Site {
        let mut twin = Site::new(&self.papers, place);
        twin.put_back(&self.papers, self.copy_of(place));
        twin
    }

    /// The machine at a place and its twin change seats: one is on the line, the other works on
    /// without it.
    pub fn swap(&mut self, place: Place, twin: &mut Site) {
        let gone: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, (from, to))| *from == place || *to == place)
            .map(|(link, _)| *link)
            .collect();
        gone.into_iter().for_each(|link| self.drop_link(link));
        std::mem::swap(self.site(place), twin);
    }

    /// How often the own log was found to be another one at the hub, and a hub to be set back.
    pub fn diverged(&self, place: Place) -> u32 {
        self.sites[&place].diverged
    }

    pub fn set_backs(&self, place: Place) -> u32 {
        self.sites[&place].set_backs
    }

    /// Digest checks that ended at a place.
    pub fn checks(&self, place: Place) -> Vec<motcua_core::replica::Report> {
        self.sites[&place].checks.clone()
    }

    /// Somebody wants a check.
    pub fn verify(&mut self, place: Place) {
        self.input(place, Input::Verify);
    }

    /// A root document that names these hubs is signed; whoever asks gets it from here on.
    pub fn name_hubs(&mut self, hubs: &[Place]) {
        self.papers.name_hubs(hubs);
    }

    /// A machine learns the newest documents over the recovery address, or from an operator.
    pub fn learn(&mut self, place: Place) {
        let newest = self.papers.newest.clone();
        self.site(place).adopt(newest);
    }

    /// The hub that a machine dials, by the documents it has.
    pub fn parent(&self, place: Place) -> Option<Place> {
        let key = self.sites[&place].parent()?;
        Place::ALL.into_iter().find(|place| self.papers.key(*place).public() == key)
    }

    /// Digests of what is held are what a count from nothing gives, at every replica.
    pub fn check_held(&self) {
        self.sites.values().for_each(Site::check_held);
    }

    /// The process dies: memory and whatever was not on disk is gone.
    pub fn crash(&mut self, place: Place) {
        let gone: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, (from, to))| *from == place || *to == place)
            .map(|(link, _)| *link)
            .collect();
        gone.into_iter().for_each(|link| self.drop_link(link));
        let random = self.random();
        let papers = self.papers.clone();
        self.site(place).restart(&papers, random, false);
    }

    /// The process dies and the state store is gone as well.
    pub fn lose_state(&mut self, place: Place) {
        self.crash(place);
        let papers = self.papers.clone();
        self.site(place).restart(&papers, u64::MAX, true);
    }

    /// As [`Self::lose_state`]; the content folds only when everything else is done.
    pub fn lose_state_and_fold_later(&mut self, place: Place) {
        self.site(place).fold_later = true;
        self.site(place).batch = 7;
        self.lose_state(place);
    }

    pub fn corrupt_downward(&mut self, hub: Place, trick: Trick) {
        self.trick = Some((hub, trick));
    }

    pub fn heal(&mut self) {
        self.trick = None;
    }

    pub fn tricked(&self) -> bool {
        self.tricked
    }

    /// Runs until nobody has anything to do for a long while.
    pub fn settle(&mut self) {
        let mut quiet = 0;
        // A lying hub is dialled again and again; that much is enough to see what gets through.
        let mut left = if self.trick.is_some() { 500 } else { 200_000 };
        while quiet < 4 && left > 0 {
            left -= 1;
            quiet = if self.step() { 0 } else { quiet + 1 };
            if quiet > 0 {
                self.now += 30_000;
            }
        }
        assert!(left > 0 || self.trick.is_some(), "the city never comes to rest");
    }

    /// Runs a number of steps.
    pub fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            // Time passes while there is work, so that a link may be back before a disk is done.
            self.now += if self.step() { 100 } else { 1_000 };
        }
    }

    pub fn step(&mut self) -> bool {
        let mut busy = false;
        for place in self
            .sites
            .keys()
            .copied()
            .filter(|place| !self.dead.contains(place))
            .collect::<Vec<_>>()
        {
            let now = Instant(self.now);
            let site = self.site(place);
            busy |= site.work(now);
            for output in site.take_outputs(now) {
                busy |= self.carry(place, output);
            }
        }
        // A few messages a step, so that a crash finds some under way.
        for _ in 0..4 {
            // Channels are streams of their own: what was sent on one may overtake the other.
            let turn = self.random();
            let Some(wire) = self.next_wire(turn.is_multiple_of(3)) else { break };
            busy = true;
            if self.links.contains_key(&wire.link) {
                self.deliver(wire);
            }
        }
        let under_way = |link: &LinkId| self.wires.iter().any(|wire| wire.link == *link);
        let done = self.closing.iter().flatten().find(|link| !under_way(link)).copied();
        if let (Some(link), Some(closing)) = (done, &mut self.closing) {
            closing.remove(&link);
            self.drop_link(link);
            busy = true;
        }
        busy
    }

    /// The oldest message, or, now and then, the oldest that is not a control message.
    fn next_wire(&mut self, data_first: bool) -> Option<Wire> {
        let is_bulk = |wire: &Wire| wire.channel != Channel::Control;
        let place = if data_first { self.wires.iter().position(is_bulk) } else { None };
        self.wires.remove(place.unwrap_or(0))
    }

    fn carry(&mut self, place: Place, output: Output) -> bool {
        match output {
            Output::Send { link, channel, bytes } => {
                if let Some((a, b)) = self.links.get(&link) {
                    let to = if *a == place { *b } else { *a };
                    self.wires.push_back(Wire { link, from: place, to, channel, bytes });
                } else {
                    self.answers.push((link, bytes));
                }
                true
            }
            Output::Close { link, .. } => {
                match &mut self.closing {
                    None => self.drop_link(link),
                    Some(closing) => {
                        closing.insert(link);
                    }
                }
                true
            }
            Output::Dial => {
                // A dial into a cut line, or to a hub that refuses it, is not progress.
                self.dial(place)
            }
            Output::Journal { token, records } => {
                self.site(place).journal(token, records);
                true
            }
            Output::Event(event) => {
                self.site(place).note(event);
                true
            }
            Output::Scan(request) => {
                self.site(place).disk.ask(request);
                true
            }
        }
    }

    /// Another link to the parent while the older one is up, as when QUIC answers again.
    pub fn second_link(&mut self, place: Place) {
        self.dial(place);
    }

    /// From now on a link that is closed delivers what is under way on it first.
    pub fn close_slowly(&mut self) {
        self.closing = Some(BTreeSet::new());
    }

    /// The process dies and starts again, and its hub is not told: the old link stays there.
    pub fn vanish(&mut self, place: Place) {
        let mine = |(_, ends): &(&LinkId, &(Place, Place))| ends.0 == place;
        let ghosts: Vec<LinkId> = self.links.iter().filter(mine).map(|(link, _)| *link).collect();
        self.ghosts.extend(ghosts);
        let (random, papers) = (self.random(), self.papers.clone());
        self.site(place).restart(&papers, random, false);
    }

    /// A copy of a machine connects; its hello is what it was copied with.
    pub fn copy_connects(&mut self, place: Place) {
        let hello = self.hellos[&place].clone();
        let parent = place.parent().unwrap();
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (place, parent));
        self.ghosts.insert(link);
        let peer = self.papers.key(place).public();
        self.input(parent, Input::LinkUp { link, peer, dialed: false });
        let channel = Channel::Control;
        self.input(parent, Input::Message { link, channel, bytes: hello });
    }

    /// Machines of which this hub saw two alive.
    pub fn two_alive(&self, place: Place) -> usize {
        self.sites[&place].two_alive.len()
    }

    /// Links from a place to its parent that are up.
    pub fn links_up(&self, place: Place) -> usize {
        self.links
            .values()
            .filter(|ends| ends.0 == place && Some(ends.1) == self.parent(place))
            .count()
    }

    fn dial(&mut self, place: Place) -> bool {
        let parent = self.parent(place);
        let Some(parent) = parent.filter(|hub| {
            !self.cut.contains(&place)
                && !self.dead.contains(hub)
                && !self.sites[hub].denies(self.node(place))
        }) else {
            self.input(place, Input::LinkDown { link: None });
            return false;
        };
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (place, parent));
        let keys = [self.papers.key(place).public(), self.papers.key(parent).public()];
        self.input(parent, Input::LinkUp { link, peer: keys[0], dialed: false });
        self.input(place, Input::LinkUp { link, peer: keys[1], dialed: true });
        true
    }

    fn drop_link(&mut self, link: LinkId) {
        if let Some((a, b)) = self.links.remove(&link) {
            self.wires.retain(|wire| wire.link != link);
            if self.ghosts.remove(&link) {
                return self.input(b, Input::LinkDown { link: Some(link) });
            }
            self.input(a, Input::LinkDown { link: Some(link) });
            self.input(b, Input::LinkDown { link: Some(link) });
        }
    }

    pub fn deliver(&mut self, mut wire: Wire) {
        if self.ghosts.contains(&wire.link) && self.links[&wire.link].0 == wire.to {
            return;
        }
        if matches!(postcard::from_bytes(&wire.bytes), Ok(Control::Hello(_))) {
            self.hellos.insert(wire.from, wire.bytes.clone());
        }
        self.bytes += wire.bytes.len();
        if wire.channel == Channel::Scan {
            self.scan_bytes += wire.bytes.len();
            if let Some((place, bend)) = self.scan_trick
                && place == wire.from
            {
                let mut message = postcard::from_bytes(&wire.bytes).unwrap();
                bend(&mut message);
                wire.bytes = postcard::to_stdvec(&message).unwrap();
            }
        }
        if let Some((hub, trick)) = self.trick
            && hub == wire.from
            && let Some(bent) = self.bend(&wire, trick)
        {
            self.tricked = true;
            wire.bytes = bent;
        }
        self.seen.entry(wire.to).or_default().push(wire.bytes.clone());
        let input = Input::Message { link: wire.link, channel: wire.channel, bytes: wire.bytes };
        self.input(wire.to, input);
    }

    fn bend(&self, wire: &Wire, trick: Trick) -> Option<Vec<u8>> {
        let Ok(Data::Down(bytes)) = postcard::from_bytes(&wire.bytes) else { return None };
        let mut frame = DownFrame::decode(&bytes).ok()?;
        paper::bend(&self.papers, &mut frame, trick).then(|| {
            let bytes = frame.encode().unwrap();
            postcard::to_stdvec(&Data::Down(bytes)).unwrap()
        })
    }

    pub fn input(&mut self, place: Place, input: Input) {
        let now = Instant(self.now);
        self.site(place).input(now, input);
    }

    pub fn site(&mut self, place: Place) -> &mut Site {
        self.sites.get_mut(&place).unwrap()
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 33
    }
}

/// Verdicts by log and sequence, heads, offices that take part.
pub type Opinion = (BTreeMap<(LogId, u64), (Verdict, String)>, Vec<Hash>, Vec<OfficeId>);

fn opinion(kv: &MemKv, dossier: DossierId) -> Opinion {
    let bytes = motcua_core::state::Kv::get(kv, &Key::Dossier(dossier).bytes()).unwrap();
    let row: motcua_core::state::rows::Dossier = postcard::from_bytes(&bytes.unwrap()).unwrap();
    let history = motcua_core::state::history::read(kv, dossier, &row).unwrap();
    let verdicts = history
        .into_iter()
        .map(|stored| ((stored.log, stored.sequence), (stored.verdict, stored.reason)));
    let offices = row.members().into_iter().map(|(office, _)| office).collect();
    (verdicts.collect(), row.heads, offices)
}

fn unpack(message: &[u8]) -> Vec<Vec<u8>> {
    match postcard::from_bytes(message) {
        Ok(Data::Down(bytes)) => unpack_down(&bytes),
        _ => Vec::new(),
    }
}

fn unpack_record(record: &Record) -> Vec<Vec<u8>> {
    match record {
        Record::Down { frame, .. } => unpack_down(frame),
        _ => Vec::new(),
    }
}

fn unpack_down(bytes: &[u8]) -> Vec<Vec<u8>> {
    let frame = DownFrame::decode(bytes).unwrap();
    frame
        .rows
        .into_iter()
        .filter_map(|row| match row.item {
            RowItem::Entry { entry, .. } => Some(entry.payload),
            _ => None,
        })
        .collect()
}
