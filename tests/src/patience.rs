//! Waiting for what must come: the one place of the harness that sleeps between two looks. The first
//! looks follow close on each other, so that what is measured is hardly later than it happened;
//! the later ones leave the machine to those who work.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

const FIRST: Duration = Duration::from_millis(1);
const LAST: Duration = Duration::from_millis(20);

/// Looks again and again until there is something; `None` when the time is over.
pub fn until<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST;
    loop {
        // Asked before the look, so that there is always one look after the time is over.
        let is_last = Instant::now() >= deadline;
        let found = look();
        if found.is_some() || is_last {
            return found;
        }
        thread::sleep(pause);
        pause = (pause * 5 / 4).min(LAST);
    }
}

/// What came within `patience`.
///
/// # Panics
/// If it did not, naming it.
#[track_caller]
pub fn wait<T>(what: &str, patience: Duration, look: impl FnMut() -> Option<T>) -> T {
    until(patience, look).unwrap_or_else(|| panic!("not within {patience:?}: {what}"))
}

/// Waits until it is so, [`PATIENCE`] at most; how long it took.
///
/// # Panics
/// If it did not become so, naming it.
#[track_caller]
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    wait(what, PATIENCE, || is_so().then(|| began.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_found_and_what_does_not_ends_after_its_time() {
        let mut looks = 0;
        let found = until(PATIENCE, || {
            looks += 1;
            (looks == 5).then_some(looks)
        });
        assert_eq!(found, Some(5));
        let began = Instant::now();
        assert_eq!(until(Duration::from_millis(30), || None::<()>), None);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(30), "given up after {took:?}");
    }

    #[test]
    #[should_panic(expected = "not within 0ns: the hub has it")]
    fn what_did_not_come_is_named() {
        wait("the hub has it", Duration::ZERO, || None::<()>);
    }
}
