//! What goes wrong, one thing after another; lines heal by themselves after a while.

use crate::{city::CITY, copies::Copy, seed::Seed, shaper::Shape, story::Story};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    time::{Duration, Instant},
};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `kill -9`, and started again.
    Kill,
    /// SIGTERM, and started again.
    Restart,
    /// `kill -9`, and the state store is gone.
    StateLost,
    /// A line is cut.
    Cut,
    /// A line is slow and loses much.
    Slow,
    /// Nothing by UDP.
    UdpBlocked,
    /// Nothing comes down any more.
    OneWay,
    /// The hub sees the office at another address.
    NewAddress,
    /// A hub is put back to a copy of some minutes ago.
    HubSetBack,
}

const ALL: [Kind; 9] = [
    Kind::Kill,
    Kind::Restart,
    Kind::StateLost,
    Kind::Cut,
    Kind::Slow,
    Kind::UdpBlocked,
    Kind::OneWay,
    Kind::NewAddress,
    Kind::HubSetBack,
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Kill => "kill -9",
            Self::Restart => "restart",
            Self::StateLost => "state lost",
            Self::Cut => "line cut",
            Self::Slow => "line slow",
            Self::UdpBlocked => "UDP blocked",
            Self::OneWay => "line one-way",
            Self::NewAddress => "new address",
            Self::HubSetBack => "hub set back",
        };
        f.write_str(word)
    }
}

/// EDGE on a bad day.
const SLOW: Shape = Shape {
    loss: 30,
    duplicates: 5,
    reordered: 20,
    late: Duration::from_millis(300),
    delay: Duration::from_millis(150),
    jitter: Duration::from_millis(100),
    rate: 12_000,
    queue: 32 * 1024,
    mtu: 0,
    no_up: false,
    no_down: false,
    udp_ends_after: 0,
};
const ONE_WAY: Shape =
    Shape { no_down: true, delay: Duration::ZERO, jitter: Duration::ZERO, ..SLOW };
/// Longest that a line stays bad, and how old a copy may become, in seconds.
const BAD: usize = 120;
/// Lines that are bad at once, at most.
const LINES: usize = 5;

/// Everything that is wrong now, and chance.
pub(super) struct Faults {
    pub(super) counts: BTreeMap<Kind, u32>,
    seed: Seed,
    alone: BTreeSet<String>,
    calm: Duration,
    next: Instant,
    /// Offices whose line is bad, and until when.
    lines: BTreeMap<String, Instant>,
    /// A copy of a hub, and when it is put back.
    copy: Option<(String, Copy, Instant)>,
    copies: u32,
}

impl Faults {
    pub(super) fn new(seed: Seed, alone: &[&str], calm: Duration) -> Self {
        Self {
            counts: BTreeMap::new(),
            seed,
            alone: alone.iter().map(|code| (*code).to_owned()).collect(),
            calm,
            next: Instant::now() + calm,
            lines: BTreeMap::new(),
            copy: None,
            copies: 0,
        }
    }

    /// Mends what is due, and breaks the next thing when it is time.
    pub(super) fn tick(&mut self, story: &mut Story) -> anyhow::Result<()> {
        let now = Instant::now();
        let due: Vec<String> = self
            .lines
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(code, _)| code.clone())
            .collect();
        due.iter().for_each(|code| self.mend(story, code));
        if self.copy.as_ref().is_some_and(|(_, _, at)| *at <= now) {
            self.set_back(story);
        }
        if now >= self.next {
            let kind = *self.seed.pick(&ALL);
            if self.breaks(story, kind)? {
                *self.counts.entry(kind).or_default() += 1;
            }
            self.next = Instant::now() + self.seed.millis(0, self.calm.as_millis() as u64);
        }
        Ok(())
    }

    /// Everything is well again.
    pub(super) fn heal(&mut self, story: &mut Story) {
        let codes: Vec<String> = self.lines.keys().cloned().collect();
        codes.iter().for_each(|code| self.mend(story, code));
        if self.copy.is_some() {
            self.set_back(story);
        }
    }

    /// Whether something was broken.
    fn breaks(&mut self, story: &mut Story, kind: Kind) -> anyhow::Result<bool> {
        match kind {
            Kind::Kill | Kind::Restart | Kind::StateLost => {
                let Some(code) = self.victim(story) else { return Ok(false) };
                let site = story.city.site(&code);
                match kind {
                    Kind::Restart => site.stop()?,
                    _ => site.process.kill()?,
                }
                if kind == Kind::StateLost {
                    fs::remove_dir_all(site.state_dir())?;
                }
                site.start_ready()?;
                Ok(true)
            }
            Kind::Cut => Ok(self.line(story, |line| line.cut())),
            Kind::Slow => Ok(self.line(story, |line| line.shape(SLOW))),
            Kind::UdpBlocked => Ok(self.line(story, |line| line.shape(Shape::udp_blocked()))),
            Kind::OneWay => Ok(self.line(story, |line| line.shape(ONE_WAY))),
            Kind::NewAddress => Ok(self.line(story, |line| line.change_address())),
            Kind::HubSetBack => self.copy(story),
        }
    }

    /// Anybody who is not to be left alone.
    fn victim(&mut self, story: &Story) -> Option<String> {
        let codes: Vec<String> = story
            .city
            .sites()
            .map(|site| site.code.clone())
            .filter(|code| !self.alone.contains(code))
            .collect();
        (!codes.is_empty()).then(|| self.seed.pick(&codes).clone())
    }

    fn line(&mut self, story: &mut Story, does: impl Fn(&crate::line::Line)) -> bool {
        let free: Vec<String> = story
            .city
            .sites()
            .map(|site| site.code.clone())
            .filter(|code| code != CITY && !self.lines.contains_key(code))
            .collect();
        if self.lines.len() >= LINES || free.is_empty() {
            return false;
        }
        let code = self.seed.pick(&free).clone();
        does(&story.city.site(&code).line);
        let bad = Duration::from_secs(5 + self.seed.below(BAD) as u64);
        self.lines.insert(code, Instant::now() + bad);
        true
    }

    fn mend(&mut self, story: &mut Story, code: &str) {
        let line = &story.city.site(code).line;
        line.restore();
        line.shape(Shape::default());
        self.lines.remove(code);
    }

    fn copy(&mut self, story: &mut Story) -> anyhow::Result<bool> {
        if self.copy.is_some() {
            return Ok(false);
        }
        let hubs: Vec<String> =
            story.city.hubs.keys().filter(|code| !self.alone.contains(*code)).cloned().collect();
        let Some(code) = hubs.first().cloned() else { return Ok(false) };
        self.copies += 1;
        story.stop(&code);
        let copy = Copy::of(&mut story.city, &code, &format!("soak-{}", self.copies))?;
        story.start(&code);
        let age = Duration::from_secs(30 + self.seed.below(BAD) as u64);
        self.copy = Some((code, copy, Instant::now() + age));
        Ok(true)
    }

    fn set_back(&mut self, story: &mut Story) {
        let Some((code, copy, _)) = self.copy.take() else { return };
        story.put_back(&code, &copy);
        story.start(&code);
        copy.discard();
    }
}
