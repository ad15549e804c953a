//! SIGTERM drains: every process ends with 0 within its grace period, and what it answered stays.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, GRACE, WARDS_1},
    desk::{Desk, application, fresh_key},
    seed::Seed,
};
use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

#[test]
fn sigterm_under_load_ends_well_and_loses_nothing_answered() {
    let (seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let code = WARDS_1[0];
    let client = city.site(code).process.client().patient(Duration::from_secs(5));
    let answered = Mutex::new(Vec::new());
    let mut doubtful = 0;

    thread::scope(|scope| {
        let clerks: Vec<_> = (0..6)
            .map(|clerk| {
                let (answered, mut seed) = (&answered, Seed::new(number ^ clerk));
                scope.spawn(move || {
                    let desk = Desk::new(client);
                    // Until the node no longer answers; what was asked last is in doubt.
                    while let Ok(dossier) = desk.register(&fresh_key(), &application(&mut seed)) {
                        answered.lock().unwrap().push(dossier.id);
                    }
                })
            })
            .collect();
        let mut seed = seed.clone();
        thread::sleep(seed.millis(400, 1_200));
        let began = Instant::now();
        city.site(code).stop().unwrap();
        assert!(began.elapsed() < GRACE);
        for clerk in clerks {
            clerk.join().unwrap();
            doubtful += 1;
        }
    });
    let answered = answered.into_inner().unwrap();
    assert!(answered.len() > 10, "only {} were registered", answered.len());
    let mut expected = Expected::default();
    answered.iter().for_each(|id| expected.at(&city, id, code));
    expected.doubtful_at(&city, code);

    // The hubs as well, in the middle of taking in what the node has.
    city.site(code).start_ready().unwrap();
    for hub in [DISTRICT_1, CITY] {
        city.site(hub).stop().unwrap();
    }
    city.start_all().unwrap();
    let census = Census::settled(&city, &expected, Duration::from_secs(60))
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    let more = census.count(code) - answered.len();
    assert!(more <= doubtful, "{more} dossiers that nobody asked for, seed {number}");
}

#[test]
fn a_process_that_is_told_to_stop_while_it_starts_ends_as_well() {
    let mut city = City::start_with(&[CITY], &[]).unwrap();
    let hub = city.site(CITY);
    for _ in 0..5 {
        hub.stop().unwrap();
        hub.start().unwrap();
        thread::sleep(Duration::from_millis(30));
        let status = hub.process.stop(GRACE).unwrap();
        // Before it listens to the signal, the signal ends it as the system does.
        let ended_by_signal = status.code().is_none();
        assert!(status.success() || ended_by_signal, "{status}\n{}", hub.process.tail());
        hub.start_ready().unwrap();
    }
}
