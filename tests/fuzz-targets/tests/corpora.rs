//! Every input that a fuzzer found worth keeping, in every run of the checks.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_fuzz_targets::{TARGETS, replay::replay};
use std::time::Duration;

/// What one input may cost in a build without optimisation; they are small.
const LONGEST: Duration = Duration::from_secs(5);

// One test: memory is counted for the whole process.
#[test]
fn every_kept_input_holds_within_its_bounds_and_no_corpus_stops_at_the_door() {
    for target in TARGETS {
        let replayed = replay(target);
        println!("{}: {replayed:?}", target.name);
        assert!(replayed.taken > 2, "{}: the corpus does not get in", target.name);
        assert!(replayed.refused > 2, "{}: the corpus has nothing to refuse", target.name);
        let (took, name) = replayed.slowest;
        assert!(took < LONGEST, "{name} took {took:?}");
    }
}
