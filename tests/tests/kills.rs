//! `kill -9` of a node, a district's hub and the city's hub in turn, while clerks write everywhere.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, WARDS_1},
    clerk::{Clerk, Pace, Promise, miscounted},
    seed::Seed,
};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// How often something is killed.
const ROUNDS: usize = 50;
/// The whole run; a slow machine does fewer rounds, but never fewer than this many.
const BOUND: Duration = Duration::from_secs(170);
const AT_LEAST: usize = 15;
/// Longer than any restart.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn nothing_answered_is_lost_or_astray_after_fifty_kills() {
    let (seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start().unwrap();
    let stop = AtomicBool::new(false);

    let promises: Vec<Promise> = thread::scope(|scope| {
        let clerks: Vec<_> = Clerk::of_all(&city, number)
            .into_iter()
            .map(|clerk| {
                let (stop, pace) = (&stop, Pace { from: 100, to: 500 });
                scope.spawn(move || clerk.work(pace, PATIENCE, stop).unwrap())
            })
            .collect();
        let rounds = kill_in_turn(&mut city, seed);
        stop.store(true, Relaxed);
        let promises = clerks.into_iter().flat_map(|clerk| clerk.join().unwrap()).collect();
        let rounds = rounds.unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
        println!("{rounds} rounds");
        assert!(rounds >= AT_LEAST, "only {rounds} rounds within {BOUND:?}");
        promises
    });

    let mut expected = Expected::default();
    promises.iter().for_each(|promise| promise.count_on(&mut expected, &city));
    assert!(promises.len() > 100, "the clerks got only {} dossiers through", promises.len());
    city.stop_all().unwrap();
    city.start_all().unwrap();
    let census = Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    assert_eq!(census.count(CITY), promises.len(), "seed {number}");
    assert_eq!(miscounted(&city, &promises).unwrap(), [""; 0], "seed {number}");
}

fn kill_in_turn(city: &mut City, mut seed: Seed) -> anyhow::Result<usize> {
    let began = Instant::now();
    for round in 0..ROUNDS {
        if began.elapsed() > BOUND {
            return Ok(round);
        }
        let victim = match round % 3 {
            0 => *seed.pick(&WARDS_1),
            1 => DISTRICT_1,
            _ => CITY,
        };
        thread::sleep(seed.millis(50, 900));
        let site = city.site(victim);
        site.process.kill()?;
        thread::sleep(seed.millis(0, 300));
        site.start_ready()?;
    }
    Ok(ROUNDS)
}
