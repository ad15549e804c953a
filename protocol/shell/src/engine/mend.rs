//! After a failed append or sync: one thread brings the journal back, and tries again until it can,
//! so that work goes on by itself once there is space, or the disk writes again (design/journal.md).

use motcua_journal::JournalError;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Pauses between two tries, the first and the longest: short enough that a clerk who saves again
/// finds it mended, long enough that a disk that stays full is not kept busy.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Brings the journal back once; what was handed in before has been answered by then.
pub(super) type Attempt = Box<dyn Fn() -> Result<(), JournalError> + Send>;

#[derive(Debug, Default)]
struct State {
    asked: bool,
    stopped: bool,
    /// How often it was mended.
    mended: u64,
}

/// Asks for the journal to be mended, and waits for it; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Mender(Arc<(Mutex<State>, Condvar)>);

impl Mender {
    /// Something was not written. Returns at once.
    pub(super) fn ask(&self) {
        self.lock().asked = true;
        self.0.1.notify_all();
    }

    /// How often it was mended until now, for [`Self::wait_after`].
    pub(super) fn count(&self) -> u64 {
        self.lock().mended
    }

    /// Waits until it was mended more often than that; false if it never will be.
    pub(super) fn wait_after(&self, count: u64) -> bool {
        let waiting = |state: &mut State| state.mended <= count && !state.stopped;
        let waited = self.0.1.wait_while(self.lock(), waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// Ends [`Self::run`], and everybody's waiting.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.0.1.notify_all();
    }

    /// Waits for somebody to ask, tries until it is mended, and again, until it is stopped.
    pub(super) fn run(&self, attempt: &Attempt) {
        loop {
            let idle = |state: &mut State| !state.asked && !state.stopped;
            let waited = self.0.1.wait_while(self.lock(), idle);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            if state.stopped {
                return;
            }
            state.asked = false;
            drop(state);
            if !self.mend(attempt) {
                return;
            }
            self.lock().mended += 1;
            self.0.1.notify_all();
        }
    }

    fn mend(&self, attempt: &Attempt) -> bool {
        let (mut pause, mut said) = (PAUSE.0, false);
        loop {
            match attempt() {
                Ok(()) => {
                    tracing::warn!("the journal writes again");
                    return true;
                }
                Err(JournalError::Stopped) => return false,
                // Once is enough to be read; the disk may stay full for days.
                Err(error) if !said => {
                    tracing::error!(%error, "the journal cannot go on yet; tried again until it can");
                    said = true;
                }
                Err(_) => {}
            }
            let waiting = |state: &mut State| !state.stopped;
            let waited = self.0.1.wait_timeout_while(self.lock(), pause, waiting);
            if waited.unwrap_or_else(PoisonError::into_inner).0.stopped {
                return false;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn it_is_tried_until_it_can_and_whoever_waits_is_told_also_at_the_end() {
        let (mender, tries) = (Mender::default(), Arc::new(AtomicU32::new(0)));
        let attempt: Attempt = {
            let tries = Arc::clone(&tries);
            Box::new(move || match tries.fetch_add(1, Ordering::SeqCst) {
                0..3 => Err(JournalError::Exhausted { last: 1 }),
                _ => Ok(()),
            })
        };
        let running = {
            let mender = mender.clone();
            std::thread::spawn(move || mender.run(&attempt))
        };
        let before = mender.count();
        mender.ask();
        assert!(mender.wait_after(before));
        assert_eq!(tries.load(Ordering::SeqCst), 4);
        let waiting = {
            let mender = mender.clone();
            std::thread::spawn(move || mender.wait_after(u64::MAX))
        };
        mender.stop();
        assert!(!waiting.join().unwrap());
        running.join().unwrap();
    }
}
