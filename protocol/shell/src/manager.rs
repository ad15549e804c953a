//! The service manager (systemd's protocol): ready as soon as the page answers, what is being done in
//! words, more time while something long moves, and the watchdog's sign of life only while work moves.
//!
//! A start may take as long as it takes; what must not be is that nothing moves. So the sign of life is
//! withheld when there is work and none of it was done for half of the manager's patience, when the
//! state has failed, and when the page's runtime runs nothing. The log says what stands still.

use crate::{
    clock::{Clock, SystemClock},
    startup::Startup,
};
use motcua_core::time::Instant;
use sd_notify::NotifyState;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Patience where no manager says its own, in milliseconds; the log still tells of what stands still.
const OWN_PATIENCE: u64 = 60_000;
/// Longest pause between two looks, in milliseconds.
const LOOK: u64 = 1_000;
/// Shortest one: a patience that small is a test's.
const LEAST: u64 = 50;
/// How much more time is asked for at once, of a manager that waits for the start or the end.
const MORE: Duration = Duration::from_secs(30);

enum Tell {
    Ready,
    Stopping,
    End,
}

/// Speaks with the manager until it is dropped.
pub struct Manager {
    tell: Sender<Tell>,
    thread: Option<JoinHandle<()>>,
}

impl Manager {
    /// Begins to tell; does nothing but log where no manager listens. Inside the runtime that serves
    /// the page.
    pub fn start(startup: Startup) -> Self {
        let (tell, told) = channel();
        let runtime = tokio::runtime::Handle::current();
        let granted = patience(&|name| std::env::var(name).ok(), std::process::id());
        let (watched, patience) = (granted.is_some(), granted.unwrap_or(OWN_PATIENCE));
        let speaker = Speaker { startup, runtime, served: Arc::default(), watched, patience };
        let thread = std::thread::Builder::new().name("manager".into());
        let thread = match thread.spawn(move || speaker.run(&told)) {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!(%error, "no thread speaks with the service manager");
                None
            }
        };
        Self { tell, thread }
    }

    /// The page answers.
    pub fn ready(&self) {
        let _ = self.tell.send(Tell::Ready);
    }

    /// The process is about to end.
    pub fn stopping(&self) {
        let _ = self.tell.send(Tell::Stopping);
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.tell.send(Tell::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Speaker {
    startup: Startup,
    runtime: tokio::runtime::Handle,
    /// Tasks of this thread that the runtime has run.
    served: Arc<AtomicU64>,
    watched: bool,
    patience: u64,
}

impl Speaker {
    fn run(self, told: &Receiver<Tell>) {
        let clock = SystemClock::default();
        let mut watch = Watch::new(clock.monotonic(), self.patience / 2);
        let mut waits = true;
        let (mut status, mut seen) = (String::new(), self.startup.trace());
        let look = Duration::from_millis((self.patience / 8).clamp(LEAST, LOOK));
        loop {
            match told.recv_timeout(look) {
                Ok(Tell::End) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Tell::Ready) => {
                    waits = false;
                    say(&[NotifyState::Ready]);
                }
                Ok(Tell::Stopping) => {
                    waits = true;
                    say(&[NotifyState::Stopping]);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let view = self.startup.view();
            let words = format!("{} / {}", view.words_vi, view.words_en);
            if words != status {
                say(&[NotifyState::Status(&words)]);
                status = words;
            }
            let moves = self.look(&mut watch, clock.monotonic(), view.step);
            let now = self.startup.trace();
            // More time only for what was done: an end that hangs is cut short.
            if waits && std::mem::replace(&mut seen, now) != now {
                let more = u32::try_from(MORE.as_micros()).unwrap_or(u32::MAX);
                say(&[NotifyState::ExtendTimeoutUsec(more)]);
            }
            if moves && self.watched {
                say(&[NotifyState::Watchdog]);
            }
        }
    }

    /// Whether all is well: what has to move moves.
    fn look(&self, watch: &mut Watch, now: Instant, step: &'static str) -> bool {
        let (work, thread) = self.startup.trace();
        let served = self.served.load(Ordering::Relaxed);
        let seen = Seen { work: (work, thread), busy: self.startup.is_busy(), served };
        let served = Arc::clone(&self.served);
        self.runtime.spawn(async move { served.fetch_add(1, Ordering::Relaxed) });
        let stands = watch.look(now, seen);
        if let Some((what, millis)) = watch.news() {
            tracing::error!(step, what, millis, "nothing has moved; the watchdog is told nothing");
        }
        !stands && !self.startup.is_broken()
    }
}

/// What was seen at one look.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// See [`Startup::trace`].
    work: (u64, u64),
    busy: bool,
    served: u64,
}

/// Finds what stands still; pure.
struct Watch {
    patience: u64,
    work: (Instant, (u64, u64)),
    served: (Instant, u64),
    stands: Option<(&'static str, u64)>,
    news: bool,
}

impl Watch {
    fn new(now: Instant, patience: u64) -> Self {
        Self { patience, work: (now, (0, 0)), served: (now, 0), stands: None, news: false }
    }

    /// True if something has stood still for longer than there is patience.
    fn look(&mut self, now: Instant, seen: Seen) -> bool {
        if seen.work != self.work.1 || !seen.busy {
            self.work = (now, seen.work);
        }
        if seen.served != self.served.1 {
            self.served = (now, seen.served);
        }
        let (work, pages) = (now.since(self.work.0), now.since(self.served.0));
        let stands = if work > self.patience {
            Some(("state", work))
        } else if pages > self.patience {
            Some(("pages", pages))
        } else {
            None
        };
        self.news = stands.is_some() && self.stands.is_none();
        self.stands = stands;
        stands.is_some()
    }

    /// What has just been found to stand still, and for how many milliseconds.
    fn news(&mut self) -> Option<(&'static str, u64)> {
        std::mem::take(&mut self.news).then_some(self.stands).flatten()
    }
}

/// How long the manager's watchdog waits for a sign of life, in milliseconds; none if it does not, or
/// waits for another process.
fn patience(variable: &dyn Fn(&str) -> Option<String>, process: u32) -> Option<u64> {
    let ours = variable("WATCHDOG_PID").is_none_or(|id| id.parse() == Ok(process));
    let micros: u64 = variable("WATCHDOG_USEC")?.parse().ok()?;
    (ours && micros > 0).then_some(micros / 1_000)
}

/// Nobody may be listening; then nothing is sent.
fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_heeded_where_it_is_meant_for_this_process() {
        let grants = |of: Option<&'static str>, micros: Option<&'static str>| {
            let variable = move |name: &str| match name {
                "WATCHDOG_PID" => of.map(String::from),
                _ => micros.map(String::from),
            };
            patience(&variable, 7)
        };
        assert_eq!(grants(Some("7"), Some("3000000")), Some(3_000));
        assert_eq!(grants(None, Some("3000000")), Some(3_000));
        assert_eq!(grants(Some("8"), Some("3000000")), None);
        assert_eq!(grants(Some("7"), None), None);
        assert_eq!(grants(Some("7"), Some("0")), None);
    }

    fn seen(work: u64, busy: bool, served: u64) -> Seen {
        Seen { work: (work, 0), busy, served }
    }

    #[test]
    fn work_that_moves_however_slowly_is_never_reported() {
        let mut watch = Watch::new(Instant(0), 1_000);
        for at in 0..100 {
            assert!(!watch.look(Instant(at * 900), seen(at, true, at)), "at {at}");
            assert_eq!(watch.news(), None);
        }
    }

    #[test]
    fn work_that_stands_still_is_found_once_its_time_is_over_and_told_once() {
        let mut watch = Watch::new(Instant(0), 1_000);
        assert!(!watch.look(Instant(500), seen(1, true, 1)));
        assert!(!watch.look(Instant(1_500), seen(1, true, 2)));
        assert!(watch.look(Instant(1_501), seen(1, true, 3)));
        assert_eq!(watch.news(), Some(("state", 1_001)));
        assert!(watch.look(Instant(1_600), seen(1, true, 4)));
        assert_eq!(watch.news(), None);
        assert!(!watch.look(Instant(1_700), seen(2, true, 5)), "it moves again");
    }

    #[test]
    fn who_has_nothing_to_do_does_not_stand_still_but_a_page_that_does_not_answer_does() {
        let mut watch = Watch::new(Instant(0), 1_000);
        assert!(!watch.look(Instant(5_000), seen(1, false, 1)));
        assert!(!watch.look(Instant(5_900), seen(1, false, 1)));
        assert!(watch.look(Instant(6_100), seen(1, false, 1)));
        assert_eq!(watch.news(), Some(("pages", 1_100)));
    }
}
