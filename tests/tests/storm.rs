//! A district whose power is back.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_core::limits::BULK_PEERS;
use motcua_tests::{
    seed::Seed,
    storm::{Plan, run},
};
use std::time::Duration;

#[test]
fn offices_with_keys_and_logs_of_their_own_come_back_at_once_and_all_become_level() {
    let (_, seed) = Seed::from_env();
    println!("MOTCUA_SEED={seed}");
    let plan = Plan {
        offices: 60,
        dossiers: (150, 3),
        within: Duration::from_secs(1),
        seed,
        patience: Duration::from_secs(60),
    };
    let outcome = run(&plan).unwrap();
    println!("{outcome:#?}");
    let (applied, registered) = outcome.dossiers;
    assert_eq!((applied, registered), (30 * 150 + 30 * 3, 30 * 150 + 30 * 3), "seed {seed}");
    assert!(outcome.most.0 <= BULK_PEERS as u64, "seed {seed}: {outcome:?}");
    // On a quick machine nobody is seen catching up: the question comes after the answer.
    assert_eq!(outcome.refused, 0, "seed {seed}");
    // Who has little waits for nobody's bulk.
    assert!(outcome.little.1 <= Duration::from_secs(10), "seed {seed}: {outcome:?}");
}
