//! The city of the tests: six replicas, a queue of messages, and a clock that only moves when
//! everybody waits.

#![allow(dead_code, unused_imports, reason = "each test file uses a part of the city")]

mod act;
mod beside;
mod carry;
pub mod disk;
mod fate;
mod kept;
mod look;
mod meaning;
mod paper;
pub mod scanning;
pub mod site;
mod wires;

pub use meaning::meaning as meaning_of;
pub use paper::{DOMAIN, marker};

pub use look::Opinion;
use motcua_core::{
    id::OfficeId,
    replica::{Bounds, Channel, Input, LinkId, Quota, ScanMessage},
    time::Instant,
    wire::ImageFrame,
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
    Hollow,
}

impl Trick {
    pub const ALL: [Self; 6] = [
        Self::Content,
        Self::Key,
        Self::Binding,
        Self::KeyAndBinding,
        Self::Decision,
        Self::Hollow,
    ];
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
    /// Inbox rows to this place stay on the line.
    pub hold_inbox: Option<Place>,
    /// Bends images on their way down.
    pub bend_images: Option<fn(&mut ImageFrame)>,
    trick: Option<(Place, Trick)>,
    tricked: bool,
    random: u64,
    /// Links on which a place reads data messages one at a time: whose, and from when on the next.
    pub paces: BTreeMap<LinkId, (Place, Option<u64>)>,
    /// Control messages on links that have no other end.
    answers: Vec<(LinkId, Vec<u8>)>,
}

/// The papers of a city before anything happens in it.
pub fn papers() -> paper::Papers {
    paper::Papers::new()
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::keeping(seed, Bounds::default())
    }

    /// The same city; hubs keep so much of their inboxes.
    pub fn keeping(seed: u64, keep: Bounds) -> Self {
        Self::of(seed, paper::Papers { keep, ..paper::Papers::new() })
    }

    /// The same city; each machine of an office may write so much.
    pub fn allowing(seed: u64, quota: Quota) -> Self {
        Self::of(seed, paper::Papers { quota, ..paper::Papers::new() })
    }

    fn of(seed: u64, papers: paper::Papers) -> Self {
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
            hold_inbox: None,
            bend_images: None,
            trick: None,
            tricked: false,
            random: seed,
            paces: BTreeMap::new(),
            answers: Vec::new(),
        }
    }

    pub fn office(&self, place: Place) -> OfficeId {
        self.papers.office(place)
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
