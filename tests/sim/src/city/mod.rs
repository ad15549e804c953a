//! A city at work: machines, links between them, people, and what befalls them, one event after
//! another in simulated time.

mod acts;
mod check;
mod fate;
mod heal;
mod links;
mod tick;

pub use fate::Fault;
pub use heal::BOUND;
pub use links::Link;

use crate::{
    dice::{Dice, Throw},
    machine::{Disk, Machine, Wish},
    model::Model,
    papers::{Papers, key},
    sabotage::Sabotage,
    shape::{Seat, Shape},
    state::StateStore,
    trace::Trace,
};
use motcua_core::{
    key::SecretKey,
    replica::{Channel, LinkId},
    trust::NodeKind,
};
use motcua_journal::mem::MemFs;
use std::collections::{BTreeMap, BTreeSet};

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Something that must never be.
    Safety(String),
    /// The city did not come to agree within the bound.
    Liveness(String),
}

/// Shorthand.
pub type Outcome = Result<(), Failure>;

/// Something that is to happen.
#[derive(Debug, Clone)]
enum Event {
    Sync(usize, u64),
    Apply(usize, u64),
    Timeout(usize, u64),
    House(usize, u64),
    Dial(usize, u64),
    Boot(usize),
    Deliver(LinkId, usize, Channel),
    Down(LinkId, usize),
    Beside(usize, usize),
    Retry(usize, u64),
    Lift(Lift),
}

/// A fault that passes.
#[derive(Debug, Clone, Copy)]
enum Lift {
    Line(usize),
    Disk(usize),
}

/// A request of a clerk that may be repeated.
#[derive(Debug, Clone)]
struct Request {
    wish: Wish,
    answered: bool,
}

/// The line from a machine to the hub above.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// Nothing passes, and dialling fails.
    cut: bool,
    /// Nothing passes in this direction (up, down) before that moment.
    blocked: [u64; 2],
    /// Longest and shortest time of a message, in milliseconds.
    slow: u64,
}

/// What of a machine is on the calendar.
#[derive(Debug, Clone, Copy, Default)]
struct Calendar {
    sync: bool,
    apply: bool,
    boot: bool,
    timeout: Option<u64>,
    /// Milliseconds until the next housekeeping.
    house: u64,
    /// When that is.
    house_at: Option<u64>,
    /// Dialling came to nothing since.
    lonely: Option<u64>,
}

/// A city at work.
pub struct City {
    /// Its shape.
    pub shape: Shape,
    /// Its machines, those that are gone included.
    pub machines: Vec<Machine>,
    /// What must be true.
    pub model: Model,
    /// What happened.
    pub trace: Trace,
    /// Milliseconds since the beginning.
    pub now: u64,
    /// Faults so far, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Links that replicas refused, by kind.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Simulated milliseconds until a healed city must agree.
    pub patience: u64,
    /// Damaged frames that were asked for again.
    pub asked_again: u64,
    /// Of damaged frames, how many came again.
    pub mended: u64,
    papers: Papers,
    dice: Dice,
    sabotage: Option<Sabotage>,
    events: BTreeMap<(u64, u64, u64), Event>,
    serial: u64,
    links: BTreeMap<LinkId, Link>,
    lines: Vec<Line>,
    calendar: Vec<Calendar>,
    requests: BTreeMap<u64, Request>,
    /// Tickets that nobody has answered: machine and request.
    open: BTreeMap<u64, (usize, u64)>,
    tickets: u64,
    keys: u64,
    /// Machines of which a copy runs.
    twins: BTreeMap<usize, usize>,
    /// Machines whose journal was damaged, put back or copied: their disk is not what they said.
    touched: BTreeSet<usize>,
    enabled: Vec<Fault>,
    /// Bytes that went over the line of each machine, both ways.
    bytes: Vec<u64>,
    /// Images of disks taken earlier.
    backups: Vec<(usize, Disk)>,
    /// Hubs that the root document names no more.
    unnamed: BTreeSet<usize>,
    /// A message that went to another office before.
    strayed: Option<(usize, Vec<u8>)>,
}

impl City {
    /// A city for this seed, with every machine about to start.
    pub fn new(seed: u64, sabotage: Option<Sabotage>, loud: bool) -> Self {
        let mut dice = Dice(seed ^ 0x6d6f_7463_7561);
        let shape = Shape::throw(&mut dice);
        let keys: Vec<SecretKey> = (0..shape.seats.len() as u64).map(|at| key(100 + at)).collect();
        let hubs = shape.seats.iter().zip(&keys).filter(|(seat, _)| seat.kind == NodeKind::Hub);
        let hubs = hubs.map(|(seat, key)| (seat.office, key.public())).collect();
        let papers = Papers::new(&shape, hubs);
        let mut city = Self {
            machines: Vec::new(),
            model: Model::default(),
            trace: Trace::new(loud),
            now: 1,
            faults: BTreeMap::new(),
            refusals: BTreeMap::new(),
            patience: BOUND,
            asked_again: 0,
            mended: 0,
            papers,
            sabotage,
            events: BTreeMap::new(),
            serial: 0,
            links: BTreeMap::new(),
            lines: Vec::new(),
            calendar: Vec::new(),
            requests: BTreeMap::new(),
            open: BTreeMap::new(),
            tickets: 0,
            keys: 100 + keys.len() as u64,
            twins: BTreeMap::new(),
            touched: BTreeSet::new(),
            enabled: Vec::new(),
            bytes: Vec::new(),
            backups: Vec::new(),
            unnamed: BTreeSet::new(),
            strayed: None,
            shape,
            dice,
        };
        for (seat, key) in city.shape.seats.clone().into_iter().zip(keys) {
            let disk = Disk { fs: MemFs::new(), state: StateStore::default() };
            city.add_machine(seat, key, disk);
        }
        city.enabled = fate::swarm(&mut city.dice);
        city.look_for_siblings();
        city
    }

    fn add_machine(&mut self, seat: Seat, key: SecretKey, disk: Disk) -> usize {
        let binding = self.papers.bind(&key.public(), seat.office, seat.kind);
        let at = self.machines.len();
        let dice = self.dice.part();
        self.machines.push(Machine {
            seat,
            key,
            binding,
            disk,
            skew: 0,
            life: None,
            boots: 0,
            retired: false,
            sabotage: self.sabotage,
            dice,
        });
        self.lines.push(Line::default());
        self.bytes.push(0);
        self.calendar.push(Calendar { boot: true, ..Calendar::default() });
        self.plan(1, Event::Boot(at));
        at
    }

    fn look_for_siblings(&mut self) {
        (0..self.machines.len()).for_each(|at| self.look_for_siblings_of(at));
    }

    /// Machines of the same office that were there before.
    fn look_for_siblings_of(&mut self, at: usize) {
        for other in 0..at {
            let (one, two) = (self.machines[other].seat, self.machines[at].seat);
            if one.office == two.office && one.kind == NodeKind::Node {
                self.plan(1, Event::Beside(other, at));
            }
        }
    }

    /// Puts something on the calendar; what is due at the same moment happens in any order.
    fn plan(&mut self, delay: u64, event: Event) {
        self.serial += 1;
        let tie = self.dice.next_u64();
        self.events.insert((self.now + delay.max(1), tie, self.serial), event);
    }

    fn note(&mut self, what: impl Into<String>) {
        self.trace.note(self.now, what.into());
    }

    /// Handles what is next, if it is due before `until`; false if nothing is.
    ///
    /// # Errors
    /// [`Failure`] when something is true that must not be.
    pub fn step(&mut self, until: u64) -> Result<bool, Failure> {
        let Some((&(at, tie, serial), _)) = self.events.first_key_value() else { return Ok(false) };
        if at > until {
            self.now = until;
            return Ok(false);
        }
        let Some(event) = self.events.remove(&(at, tie, serial)) else { return Ok(false) };
        self.now = at;
        self.handle(event)?;
        Ok(true)
    }

    /// Everything up to a moment.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn run_until(&mut self, until: u64) -> Outcome {
        while self.step(until)? {}
        Ok(())
    }
}
