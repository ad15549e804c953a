//! Clerks at work: a thread that registers, moves, forwards and takes over dossiers at a visible
//! pace, and keeps book of where each belongs.

use super::event::Event;
use crate::{
    desk::{self, Desk, Registered, Trouble},
    http::Client,
    seed::Seed,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// One counter.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Code of its office.
    pub office_code: String,
    /// Name of its office.
    pub name: String,
    /// Id of its office.
    pub office: String,
    /// Its node's API.
    pub client: Client,
}

/// A dossier and where it went.
#[derive(Debug, Clone)]
pub struct Track {
    /// Id.
    pub id: String,
    /// Printed code.
    pub code: String,
    /// Counters (by place in the list) that take part, in order; the last one holds it.
    pub at: Vec<usize>,
    /// Forwarded at this moment and not yet seen at the last counter.
    sent: Option<Instant>,
    /// Forwarded and not yet taken over.
    untaken: bool,
}

impl Track {
    /// One that was just registered.
    pub fn registered(registered: Registered, counter: usize) -> Self {
        let Registered { id, code } = registered;
        Self { id, code, at: vec![counter], sent: None, untaken: false }
    }
}

/// A registration without an answer; asked again with the same key.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// The counter.
    pub counter: usize,
    /// Idempotency key.
    pub key: String,
    /// The application.
    pub body: Value,
}

/// What the feeding thread leaves.
#[derive(Debug, Default)]
pub struct Fed {
    /// All dossiers that were promised.
    pub tracks: Vec<Track>,
    /// Registrations that are still without an answer.
    pub doubts: Vec<Doubt>,
    /// Forwards that were answered.
    pub forwards: usize,
    /// Saved here to seen there, of every forward that was seen while feeding.
    pub delays: Vec<Duration>,
    /// Forwards without an answer: the dossier, and the counter it may have gone to.
    pub maybe: BTreeSet<(String, usize)>,
}

/// Switches of the running thread.
#[derive(Debug, Default)]
pub struct Switches {
    /// No new work while set.
    pub paused: AtomicBool,
    /// End.
    pub stop: AtomicBool,
    /// Codes of offices whose node is down: nobody works there.
    pub down: Mutex<BTreeSet<String>>,
}

/// Starts feeding, one action each `pace`.
pub fn start(
    counters: Vec<Counter>,
    seed: Seed,
    pace: Duration,
    switches: Arc<Switches>,
    events: mpsc::Sender<Event>,
) -> thread::JoinHandle<Fed> {
    thread::spawn(move || {
        let mut feed = Feed { counters, seed, events, switches, fed: Fed::default() };
        feed.run(pace);
        feed.fed
    })
}

struct Feed {
    counters: Vec<Counter>,
    seed: Seed,
    events: mpsc::Sender<Event>,
    switches: Arc<Switches>,
    fed: Fed,
}

/// Longer than any save, shorter than a viewer's patience.
const PATIENCE: Duration = Duration::from_secs(3);

impl Feed {
    fn run(&mut self, pace: Duration) {
        let mut next = Instant::now();
        while !self.switches.stop.load(Relaxed) {
            self.look();
            if Instant::now() >= next {
                next = Instant::now() + pace;
                if !self.switches.paused.load(Relaxed) {
                    self.act();
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn desk(&self, counter: usize) -> Desk {
        Desk::new(self.counters[counter].client.patient(PATIENCE))
    }

    fn is_down(&self, counter: usize) -> bool {
        let down = self.switches.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.contains(&self.counters[counter].office_code)
    }

    /// Looks for forwarded dossiers at the offices they went to.
    fn look(&mut self) {
        for index in 0..self.fed.tracks.len() {
            let track = &self.fed.tracks[index];
            let (Some(sent), Some(&to)) = (track.sent, track.at.last()) else { continue };
            // An office that had it before sees the hand-over, not only the dossier.
            let is_seen = |detail: Value| detail["can_take"] == true;
            if self.is_down(to) || !self.desk(to).detail(&track.id).is_ok_and(is_seen) {
                continue;
            }
            let after = sent.elapsed();
            let (at, code) = (self.counters[to].name.clone(), track.code.clone());
            self.fed.delays.push(after);
            self.fed.tracks[index].sent = None;
            self.tell(Event::Arrived { at, code, after });
        }
    }

    fn act(&mut self) {
        if let Some(doubt) = self.fed.doubts.iter().position(|doubt| !self.is_down(doubt.counter)) {
            let doubt = self.fed.doubts.swap_remove(doubt);
            return self.register(doubt);
        }
        let dice = self.seed.below(10);
        if self.fed.tracks.is_empty() || dice < 4 {
            let counter = self.seed.below(self.counters.len());
            if !self.is_down(counter) {
                let body = desk::application(&mut self.seed);
                self.register(Doubt { counter, key: desk::fresh_key(), body });
            }
            return;
        }
        let index = self.seed.below(self.fed.tracks.len());
        let track = &self.fed.tracks[index];
        let holder = track.at.last().copied().unwrap_or_default();
        if track.sent.is_some() || self.is_down(holder) {
            return;
        }
        match (track.untaken, dice) {
            (true, _) => self.take(index, holder),
            (false, 4..=6) => self.forward(index, holder),
            (false, _) => self.step(index, holder),
        }
    }

    fn register(&mut self, doubt: Doubt) {
        let office = self.counters[doubt.counter].name.clone();
        match self.desk(doubt.counter).register(&doubt.key, &doubt.body) {
            Ok(registered) => {
                let name = doubt.body["applicant"]["name"].as_str().unwrap_or_default().to_owned();
                let code = registered.code.clone();
                self.fed.tracks.push(Track::registered(registered, doubt.counter));
                self.tell(Event::Registered { office, code, name });
            }
            Err(trouble) => {
                if matches!(trouble, Trouble::Doubtful(_)) {
                    self.fed.doubts.push(doubt);
                }
                self.trouble(office, &trouble);
            }
        }
    }

    fn forward(&mut self, index: usize, holder: usize) {
        let track = self.fed.tracks[index].clone();
        let to = self.seed.below(self.counters.len());
        if to == holder || track.at.len() > 3 {
            return;
        }
        let office = self.counters[to].office.clone();
        let sent = Instant::now();
        match self.desk(holder).forward(&track.id, &office, "Chuyển mẫu") {
            Ok(_) => {
                let track = &mut self.fed.tracks[index];
                track.at.push(to);
                (track.sent, track.untaken) = (Some(sent), true);
                self.fed.forwards += 1;
                let name = |counter: usize| self.counters[counter].name.clone();
                let (from, to, code) = (name(holder), name(to), track.code.clone());
                self.tell(Event::Forwarded { from, to, code });
            }
            Err(trouble) => {
                if matches!(trouble, Trouble::Doubtful(_)) {
                    self.fed.maybe.insert((track.id, to));
                }
                self.trouble(self.counters[holder].name.clone(), &trouble);
            }
        }
    }

    fn take(&mut self, index: usize, holder: usize) {
        let Track { id, code, .. } = self.fed.tracks[index].clone();
        let office = self.counters[holder].name.clone();
        match self.desk(holder).take(&id, "") {
            Ok(_) => {
                self.fed.tracks[index].untaken = false;
                self.tell(Event::Taken { office, code });
            }
            Err(trouble) => self.trouble(office, &trouble),
        }
    }

    /// One step that the node itself offers, with a reason where it asks for one.
    fn step(&mut self, index: usize, holder: usize) {
        let Track { id, code, .. } = self.fed.tracks[index].clone();
        let desk = self.desk(holder);
        let office = self.counters[holder].name.clone();
        let done = desk.detail(&id).and_then(|detail| {
            let allowed = detail["allowed"].as_array().cloned().unwrap_or_default();
            let offered: Vec<&Value> = allowed
                .iter()
                .filter(|offer| matches!(offer["state"].as_u64(), Some(4 | 9 | 10)))
                .collect();
            if offered.is_empty() {
                return Ok(None);
            }
            let offer = *self.seed.pick(&offered);
            let to = offer["state"].as_u64().unwrap_or_default();
            let reason = if offer["reason"] == true { "Kết quả mẫu cần sửa" } else { "" };
            desk.step(&id, to, reason)?;
            Ok(Some(offer["vi"].as_str().map_or_else(|| to.to_string(), str::to_owned)))
        });
        match done {
            Ok(Some(state)) => self.tell(Event::Moved { office, code, state }),
            Ok(None) => {}
            Err(trouble) => self.trouble(office, &trouble),
        }
    }

    fn trouble(&self, office: String, trouble: &Trouble) {
        self.tell(Event::Trouble { office, why: trouble.to_string() });
    }

    fn tell(&self, event: Event) {
        // The viewer may have gone; the work goes on.
        let _ = self.events.send(event);
    }
}
