//! How far a start is, for whoever asks: the page while nothing else is there yet, metrics, the service
//! manager, and the watchdog, which wants to know whether anything moves.

mod pace;
mod words;

pub use pace::hold;
pub(crate) use pace::{records_at_once, records_between_bases, sabotage};

use crate::{
    clock::{Clock, SystemClock},
    store::Why,
};
use motcua_core::time::{Instant, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// What a start is busy with, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The journal is opened: one piece of work, nobody can say how far.
    Journal,
    /// The state store is opened, likewise.
    State,
    /// The own records that the state lacks are read: own log, leases, requests.
    Own,
    /// The newest base is looked for and verified.
    Verify,
    /// The newest base is copied into an empty state.
    Base,
    /// Records of the journal are brought into the state.
    Records,
    /// Journal and state are up; links and pages are opened.
    Links,
    /// Everything runs.
    Up,
}

/// A state that was lost and is made again, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuild {
    /// Why it is lost; none if it was not there at all.
    pub why: Option<Why>,
    /// Where the old one stands.
    pub aside: Option<PathBuf>,
    /// When that was found.
    pub found: Timestamp,
    /// When the state was whole again, lists included.
    pub whole: Option<Timestamp>,
}

/// How far the start is, as pages and programs are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// The step, in one word.
    pub step: &'static str,
    /// Parts of it that are done.
    pub done: u64,
    /// All of them; 0 where nobody knows.
    pub all: u64,
    /// Of a hundred.
    pub percent: u64,
    /// Seconds that are left of this step, as far as can be told.
    pub seconds_left: Option<u64>,
    /// Whether a lost state is being made again.
    pub rebuilding: bool,
    /// A sentence.
    pub words_vi: String,
    /// A sentence.
    pub words_en: String,
}

/// A start under way; cheap to clone.
#[derive(Clone, Default)]
pub struct Startup(Arc<Inner>);

/// Whether anything waits for the applier.
type Waiting = Box<dyn Fn() -> bool + Send + Sync>;

#[derive(Default)]
struct Inner {
    at: Mutex<At>,
    done: AtomicU64,
    all: AtomicU64,
    moves: AtomicU64,
    stopping: AtomicBool,
    /// The state cannot be used any more.
    broken: AtomicBool,
    /// It goes no further before there is space on the disk.
    no_space: AtomicBool,
    waiting: OnceLock<Waiting>,
    clock: SystemClock,
}

#[derive(Debug, Clone)]
struct At {
    step: Step,
    /// When it began, and what was done then.
    since: (Instant, u64),
    /// The thread that does it, where the step itself tells nothing; the applier's once all is up.
    thread: Option<rustix::process::Pid>,
    rebuild: Option<Rebuild>,
}

impl Default for At {
    fn default() -> Self {
        Self { step: Step::Journal, since: (Instant(0), 0), thread: None, rebuild: None }
    }
}

impl Startup {
    /// The calling thread is busy with this now.
    pub fn begin(&self, step: Step, done: u64, all: u64) {
        let mut at = self.at();
        self.0.done.store(done, Ordering::Relaxed);
        self.0.all.store(all, Ordering::Relaxed);
        at.step = step;
        at.since = (self.0.clock.monotonic(), done);
        if step != Step::Up {
            at.thread = step.is_opaque().then(rustix::thread::gettid);
        }
        drop(at);
        self.moved();
        tracing::debug!(step = step.word(), done, all, "start");
    }

    /// So much of the step is done.
    pub fn reached(&self, done: u64, all: u64) {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.all.store(all.max(done), Ordering::Relaxed);
        self.moved();
    }

    /// Something was done.
    pub fn moved(&self) {
        self.0.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// The state is lost and is made again.
    pub fn lost(&self, why: Option<Why>, aside: Option<PathBuf>) -> Rebuild {
        let found = self.0.clock.wall();
        let rebuild = Rebuild { why, aside, found, whole: None };
        self.goes_on(rebuild.clone());
        rebuild
    }

    /// A start before this one began to make it again.
    pub fn goes_on(&self, rebuild: Rebuild) {
        self.at().rebuild = Some(rebuild);
    }

    /// The state is whole, lists included; true if it was not before.
    pub fn whole(&self) -> bool {
        let now = self.0.clock.wall();
        match &mut self.at().rebuild {
            Some(rebuild) if rebuild.whole.is_none() => {
                rebuild.whole = Some(now);
                true
            }
            _ => false,
        }
    }

    /// The state that was made in memory for want of space stands in files: nobody has to be told any more.
    pub(crate) fn has_space_again(&self) {
        let mut at = self.at();
        if at.rebuild.as_ref().is_some_and(|rebuild| rebuild.why == Some(Why::NoSpace)) {
            at.rebuild = None;
            tracing::warn!("the disk has space again, and the state stands in its files");
        }
    }

    /// A state that was lost in this process, and what became of it.
    pub fn rebuild(&self) -> Option<Rebuild> {
        self.at().rebuild.clone()
    }

    /// What it is busy with.
    pub fn step(&self) -> Step {
        self.at().step
    }

    /// Whether the state reflects the journal, so that anything may be acted upon.
    pub fn is_level(&self) -> bool {
        self.step() > Step::Records
    }

    /// The process is to end: what takes long breaks off at the next point that is safe.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    /// Whether the process is to end.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// Whether the start goes no further before there is space on the disk. Waiting for a person counts
    /// as moving: nothing would be better if the process were killed.
    pub(crate) fn waits_for_space(&self, waits: bool) {
        self.0.no_space.store(waits, Ordering::Relaxed);
        self.moved();
    }

    /// From here on the applier works where `waiting` says that there is something to do.
    pub(crate) fn watch(&self, waiting: impl Fn() -> bool + Send + Sync + 'static) {
        // Told once a process; a second engine in a test is not watched.
        let _ = self.0.waiting.set(Box::new(waiting));
    }

    /// The state failed; only another start helps.
    pub(crate) fn broken(&self) {
        self.0.broken.store(true, Ordering::Release);
    }

    /// Whether the state failed.
    pub fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Acquire)
    }

    /// Whether something is to be done, so that something must move.
    pub fn is_busy(&self) -> bool {
        match self.step() {
            Step::Links | Step::Up => self.0.waiting.get().is_some_and(|waiting| waiting()),
            _ => true,
        }
    }

    /// For pages and programs.
    pub fn view(&self) -> View {
        let at = self.at().clone();
        let (done, all) = (self.0.done.load(Ordering::Relaxed), self.0.all.load(Ordering::Relaxed));
        let took = self.0.clock.monotonic().since(at.since.0);
        let seconds_left =
            seconds_left(done.saturating_sub(at.since.1), all.saturating_sub(done), took);
        let rebuilding = at.rebuild.as_ref().is_some_and(|rebuild| rebuild.whole.is_none());
        let (mut words_vi, mut words_en) = words::of(&at, (done, all), seconds_left);
        if self.0.no_space.load(Ordering::Relaxed) {
            (words_vi, words_en) = words::without_space(&words_vi, &words_en);
        }
        let percent = (done * 100).checked_div(all).unwrap_or_default();
        View {
            step: at.step.word(),
            done,
            all,
            percent,
            seconds_left,
            rebuilding,
            words_vi,
            words_en,
        }
    }

    /// What changes whenever anything moves: work that was counted, and where a step tells nothing, the
    /// time that its thread has had and the bytes that it has read and written.
    pub fn trace(&self) -> (u64, u64) {
        let thread = self.at().thread;
        (self.0.moves.load(Ordering::Relaxed), thread.map_or(0, pace::of_thread))
    }

    fn at(&self) -> MutexGuard<'_, At> {
        self.0.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    /// One word, for metrics and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::State => "state",
            Self::Own => "own",
            Self::Verify => "verify",
            Self::Base => "base",
            Self::Records => "records",
            Self::Links => "links",
            Self::Up => "up",
        }
    }

    /// Whether it is done by others in one call that says nothing until it returns.
    fn is_opaque(self) -> bool {
        matches!(self, Self::Journal | Self::State | Self::Verify | Self::Links)
    }
}

/// What is left, if it goes on as it went; nothing before there is something to go by.
fn seconds_left(done: u64, left: u64, took_millis: u64) -> Option<u64> {
    const ENOUGH: u64 = 1_000;
    let known = done > 0 && left > 0 && took_millis >= ENOUGH;
    let millis = || u128::from(left) * u128::from(took_millis) / u128::from(done);
    known.then(|| u64::try_from(millis().div_ceil(1_000)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        assert_eq!(seconds_left(1_000, 3_000, 2_000), Some(6));
        assert_eq!(seconds_left(0, 3_000, 2_000), None);
        assert_eq!(seconds_left(10, 0, 2_000), None);
        assert_eq!(seconds_left(10, 10, 10), None, "too early to tell");
    }

    #[test]
    fn a_view_says_what_is_lost_until_it_is_whole_again() {
        let startup = Startup::default();
        startup.lost(Some(Why::Damaged("x".into())), Some("/data/state.aside-1".into()));
        startup.begin(Step::Records, 100, 1_000);
        startup.reached(250, 1_000);
        let view = startup.view();
        assert_eq!((view.step, view.done, view.all, view.percent), ("records", 250, 1_000, 25));
        assert!(view.rebuilding && view.words_vi.contains("250/1000"), "{}", view.words_vi);
        startup.begin(Step::Up, 0, 0);
        startup.whole();
        assert!(!startup.view().rebuilding);
        assert!(startup.rebuild().is_some_and(|rebuild| rebuild.whole.is_some()));
    }

    #[test]
    fn an_opaque_step_moves_while_its_thread_works_and_not_while_it_waits() {
        let startup = Startup::default();
        startup.begin(Step::State, 0, 0);
        let before = startup.trace();
        // Work, until the system has counted it: a tick of its clock is 10 ms.
        let mut sum = 0u64;
        while startup.trace() == before {
            (0..100_000).for_each(|one| sum = sum.wrapping_mul(31).wrapping_add(one));
        }
        let (told, waiting) = std::sync::mpsc::channel::<()>();
        let other = startup.clone();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            other.begin(Step::State, 0, 0);
            let _ = begun.send(sum);
            let _ = waiting.recv();
        });
        assert!(has_begun.recv().is_ok());
        // It may take a moment until it waits; from then on nothing changes.
        let still = (0..1_000).any(|_| {
            let before = startup.trace();
            std::thread::yield_now();
            startup.trace() == before
        });
        assert!(still);
        drop(told);
        assert!(thread.join().is_ok());
    }
}
