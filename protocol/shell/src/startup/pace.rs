//! Whether a thread moves, by what the system counts of it; and, in builds for tests, a hand that slows a
//! start down.

use super::{Startup, Step};
use rustix::process::Pid;

/// Time that a thread has had, and bytes and calls of its reading and writing, in one number that only
/// grows while it does anything. Waiting, for a lock or for a disk that does not answer, adds nothing.
pub(super) fn of_thread(thread: Pid) -> u64 {
    let folder = format!("/proc/self/task/{}", thread.as_raw_nonzero());
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
    // Behind the name, which may hold anything: fields 14 and 15 are ticks of user and system time.
    let stat = read("stat");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    let io = read("io");
    let counts = io.lines().filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    ticks.chain(counts).fold(0, u64::wrapping_add)
}

/// Where tests slow a start down: `MOTCUA_SLOW_START=records:20:300` waits 300 ms after every 20
/// records, `state:0:5000` five seconds before the state is opened; `stands` instead of a number stands
/// still until the process ends. Builds for release know nothing of it.
#[cfg(debug_assertions)]
pub fn hold(startup: &Startup, step: Step) {
    use std::time::Duration;
    let Ok(text) = std::env::var("MOTCUA_SLOW_START") else { return };
    let mut parts = text.split(':');
    if parts.next() != Some(step.word()) {
        return;
    }
    let pause = parts.nth(1).unwrap_or_default();
    // Asleep in small steps, so that a stop is heard.
    let stands = pause == "stands";
    let mut left = pause.parse::<u64>().unwrap_or_default();
    while (stands || left > 0) && !startup.is_stopping() {
        let nap = if stands { 50 } else { left.min(50) };
        std::thread::sleep(Duration::from_millis(nap));
        left = left.saturating_sub(nap);
    }
}

/// Nothing slows a start down.
#[cfg(not(debug_assertions))]
pub fn hold(_: &Startup, _: Step) {}

/// Records brought into the state at once, where a test wants fewer than usual.
#[cfg(debug_assertions)]
pub(crate) fn records_at_once(usual: usize) -> usize {
    let Ok(text) = std::env::var("MOTCUA_SLOW_START") else { return usual };
    let few = text.strip_prefix("records:").and_then(|rest| rest.split(':').next()?.parse().ok());
    few.unwrap_or(usual)
}

/// As many as usual.
#[cfg(not(debug_assertions))]
pub(crate) fn records_at_once(usual: usize) -> usize {
    usual
}

/// Records between two bases, where a test wants them closer together: `MOTCUA_BASE_EVERY=50`.
#[cfg(debug_assertions)]
pub(crate) fn records_between_bases(usual: u64) -> u64 {
    let text = std::env::var("MOTCUA_BASE_EVERY").ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// As many as usual.
#[cfg(not(debug_assertions))]
pub(crate) fn records_between_bases(usual: u64) -> u64 {
    usual
}

/// A sabotage that a test must notice, `MOTCUA_SABOTAGE=journal-sync`: the journal answers and does not
/// sync. Builds for release have nothing that could leave a sync out.
#[cfg(debug_assertions)]
pub(crate) fn sabotage(options: &mut motcua_journal::Options) {
    if std::env::var("MOTCUA_SABOTAGE").is_ok_and(|what| what == "journal-sync") {
        tracing::error!("SABOTAGE: this machine answers \"saved\" without a sync");
        options.leaves_out_syncs = true;
    }
}

/// Nothing is left out.
#[cfg(not(debug_assertions))]
pub(crate) fn sabotage(_: &mut motcua_journal::Options) {}
