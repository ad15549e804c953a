//! Simulated cities hold what they promise; a seed is a city, every time.
#![allow(clippy::unwrap_used, clippy::panic)]

use motcua_sim::{Fault, Plan, Report, run};

fn held(report: &Report) {
    if let Some(failure) = &report.failure {
        let tail = report.tail.join("\n");
        panic!("{tail}\nseed {} {failure:?}", report.seed);
    }
}

/// The cities that every check builds; a nightly run builds thousands (`cargo sim`).
const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

#[test]
fn cities_under_every_fault_lose_nothing_that_was_promised_and_come_to_agree() {
    let mut faults = std::collections::BTreeMap::new();
    let (mut asked, mut mended) = (0, 0);
    // And one that found something.
    for seed in SEEDS.chain([30]) {
        let report = run(seed, &Plan::default());
        held(&report);
        assert!(report.entries > 0, "seed {seed}: nobody wrote anything");
        (asked, mended) = (asked + report.again.0, mended + report.again.1);
        for (fault, count) in report.faults {
            *faults.entry(fault).or_insert(0) += count;
        }
    }
    for fault in Fault::ALL {
        assert!(faults.contains_key(&fault), "{fault:?} never happened: {faults:?}");
    }
    assert!(asked > 0 && mended > 0, "{asked} frames asked for again, {mended} came");
}

#[test]
fn a_seed_is_the_same_city_to_the_last_byte() {
    for seed in [6, 8] {
        let (one, other) = (run(seed, &Plan::default()), run(seed, &Plan::default()));
        assert_eq!((one.digest, one.steps), (other.digest, other.steps), "seed {seed}");
    }
    let (one, other) = (run(3, &Plan::default()), run(4, &Plan::default()));
    assert_ne!(one.digest, other.digest, "another seed is another city");
}
