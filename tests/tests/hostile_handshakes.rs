//! A machine that shakes hands with a hub as fast as it can, beside an honest office whose link is up
//! and which stands behind the same address. Table of all attacks: design/faults.md.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    hostile::{Peer, Stage},
    patience::{PATIENCE, wait},
};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// Threads that dial; more only wait for a CPU.
const CALLERS: usize = 6;
/// A delay that is noise on a machine that does other things as well.
const FLOOR: Duration = Duration::from_millis(150);
/// Handshakes that an address may begin in a second once it has used up its burst.
const A_SECOND: f64 = 64.0;

#[test]
fn who_shakes_hands_without_end_is_refused_counted_and_costs_an_office_that_is_linked_nothing() {
    let mut stage = Stage::start("dau vet").unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    let load = stage.quiet().unwrap();
    println!("quiet: {load:?}");
    let (over, dials, links) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (cost, links, took) = thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                // Another machine than the hub's: where they share one, it goes last.
                let _ = rustix::process::nice(19);
                while !over.load(Relaxed) {
                    dials.fetch_add(1, Relaxed);
                    if let Ok(line) = liar.dial() {
                        links.fetch_add(1, Relaxed);
                        line.close();
                    }
                }
            });
        }
        // Also where measuring fails.
        let _over = Over(&over);
        // What an address may do at once is used up first; it must end whatever the machine does.
        wait("callers are refused", PATIENCE, || {
            (stage.refused("handshakes").unwrap() > 0).then_some(())
        });
        let (before, began) = ((dials.load(Relaxed), links.load(Relaxed)), Instant::now());
        let cost = stage.measure(&load, Duration::from_secs(3)).unwrap();
        let (dials, links) = (dials.load(Relaxed) - before.0, links.load(Relaxed) - before.1);
        println!("{dials} dials, {links} links, {cost:.2?}");
        (cost, links, began.elapsed())
    });
    let refused = stage.refused("handshakes").unwrap();
    assert!(refused > 50, "{refused} callers were refused");
    let (waits, quiet) = (cost.delay, load.delay);
    assert!(waits <= FLOOR.max(quiet * 2), "the honest office waits {waits:?}, not {quiet:?}");
    assert!(links as f64 <= A_SECOND * (took.as_secs_f64() + 1.0), "{links} links in {took:?}");
    // It is over with the flood: whoever stands behind that address gets in.
    wait("a link comes up", PATIENCE, || liar.dial().ok()).close();
    stage.change().unwrap();
    assert!(stage.node.ended().unwrap().is_none() && stage.hub.ended().unwrap().is_none());
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
