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
    let report =
        run(&Plan { seed, cuts: 30, deaf: None, unsynced: false, until_fault: false }).unwrap();
    println!("{report:#?}");
    assert!(report.faults.is_empty(), "seed {seed}: {:#?}", report.faults);
    assert!(report.promises > 100, "the clerks got only {} through", report.promises);
}

/// Whether a plan is found out. A city that does not even start again is found out as well.
fn is_caught(plan: &Plan) -> bool {
    let faults = run(plan).map_or_else(|error| vec![format!("{error:#}")], |report| report.faults);
    println!("{faults:#?}");
    !faults.is_empty()
}

#[test]
fn a_city_whose_disks_leave_out_the_journals_syncs_breaks_its_promises_and_is_caught() {
    if let Some(words) = obstacle() {
        return println!("{words}");
    }
    let deaf =
        Plan { seed: 1, cuts: 30, deaf: Some("journal"), unsynced: false, until_fault: true };
    assert!(is_caught(&deaf), "thirty cuts without a sync, and nobody noticed");
}

#[test]
fn programs_that_leave_out_the_sync_of_a_commit_break_their_promises_and_are_caught() {
    if let Some(words) = obstacle() {
        return println!("{words}");
    }
    // All other syncs are done, of files, names and directories: only this one is missing.
    let unsynced = Plan { seed: 1, cuts: 30, deaf: None, unsynced: true, until_fault: true };
    assert!(is_caught(&unsynced), "thirty cuts of programs that do not sync, and nobody noticed");
}
