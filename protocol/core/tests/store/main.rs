//! The store in memory is held to what every store must do, and so is the suite itself: a store
//! with a fault does not pass.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod faulty;
mod suite;

use faulty::{Desk, FAULTS, Fault};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn the_store_in_memory_does_what_every_store_must() {
    suite::hold(|| Desk::new(Fault::None));
}

#[test]
fn every_demand_is_missed_by_a_store_with_the_fault_it_is_for() {
    for (fault, demand) in FAULTS {
        let missed: Vec<&str> = suite::checks::<Desk>()
            .into_iter()
            .filter(|(_, check)| {
                catch_unwind(AssertUnwindSafe(|| check(&Desk::new(fault)))).is_err()
            })
            .map(|(name, _)| name)
            .collect();
        assert!(missed.contains(&demand), "{fault:?} was found by {missed:?} only");
    }
    for (name, _) in suite::checks::<Desk>() {
        assert!(FAULTS.iter().any(|(_, demand)| *demand == name), "no fault for \"{name}\"");
    }
}
