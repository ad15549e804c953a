//! `kill -9` of a node, a district's hub and the city's hub in turn, while clerks write everywhere.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, Trouble, application, fresh_key, surely},
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

/// What one clerk was promised: the dossier and where it went.
type Promise = (String, Vec<String>);

#[test]
fn nothing_answered_is_lost_or_astray_after_fifty_kills() {
    let (seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start().unwrap();
    let stop = AtomicBool::new(false);
    let offices: Vec<(String, String)> =
        city.nodes.values().map(|site| (site.code.clone(), site.office.clone())).collect();
    let desks: Vec<(String, Desk)> = city
        .nodes
        .values()
        .map(|site| (site.code.clone(), Desk::new(site.process.client())))
        .collect();

    let promises: Vec<Promise> = thread::scope(|scope| {
        let clerks: Vec<_> = (0u64..)
            .zip(&desks)
            .map(|(at, (code, desk))| {
                let (stop, offices) = (&stop, &offices);
                let seed = Seed::new(number ^ at.wrapping_mul(0x1234_5678_9abc));
                scope.spawn(move || write(desk, code, offices, seed, stop))
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
    for (id, places) in &promises {
        places.iter().for_each(|code| expected.at(&city, id, code));
    }
    assert!(promises.len() > 100, "the clerks got only {} dossiers through", promises.len());
    city.stop_all().unwrap();
    city.start_all().unwrap();
    let census = Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    assert_eq!(census.count(CITY), promises.len(), "seed {number}");
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

/// Registers, and forwards some, until told to stop; asks again with the same key after each
/// silence, as a page does.
fn write(
    desk: &Desk,
    code: &str,
    offices: &[(String, String)],
    mut seed: Seed,
    stop: &AtomicBool,
) -> Vec<Promise> {
    let desk = Desk::new(desk.client.patient(Duration::from_secs(5)));
    let mut promises = Vec::new();
    while !stop.load(Relaxed) {
        let (key, body) = (fresh_key(), application(&mut seed));
        let registered = desk.register_surely(&key, &body, PATIENCE).unwrap();
        let mut places = vec![code.to_owned()];
        let (to, office) = seed.pick(offices).clone();
        if to != code && seed.below(3) == 0 {
            let key = fresh_key();
            surely(PATIENCE, || desk.forward_under(&key, &registered.id, &office))
                .unwrap_or_else(|trouble: Trouble| panic!("{code}: {trouble}"));
            places.push(to);
        }
        promises.push((registered.id, places));
        thread::sleep(seed.millis(100, 500));
    }
    promises
}
