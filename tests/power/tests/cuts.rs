//! Power is cut under the shipped programs while clerks write.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_power::{
    mount::obstacle,
    story::{Plan, run},
};
use motcua_tests::seed::Seed;

#[test]
fn nothing_that_was_answered_is_lost_after_thirty_power_cuts() {
    if let Some(words) = obstacle() {
        return println!("{words}");
    }
    let (_, seed) = Seed::from_env();
    println!("MOTCUA_SEED={seed}");
    let report = run(&Plan { seed, cuts: 30, deaf: None, until_fault: false }).unwrap();
    println!("{report:#?}");
    assert!(report.faults.is_empty(), "seed {seed}: {:#?}", report.faults);
    assert!(report.promises > 100, "the clerks got only {} through", report.promises);
}

#[test]
fn a_city_whose_journals_are_not_synced_breaks_its_promises_and_is_caught() {
    if let Some(words) = obstacle() {
        return println!("{words}");
    }
    let report = run(&Plan { seed: 1, cuts: 30, deaf: Some("journal"), until_fault: true });
    // One that does not even start again is caught as well.
    let faults = report.map_or_else(|error| vec![format!("{error:#}")], |report| report.faults);
    println!("{faults:#?}");
    assert!(!faults.is_empty(), "thirty cuts without a sync, and nobody noticed");
}
