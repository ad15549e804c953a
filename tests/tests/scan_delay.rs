//! A large scan on a thin line leaves a change that was just saved alone. Two megabytes here; the
//! whole 50 MB (some four minutes) by
//! `MOTCUA_SCAN_MB=50 cargo test -p motcua-tests --test scan_delay -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait,
    seed::Seed,
    shaper::Shape,
};
use std::time::{Duration, Instant};

const ROUND_TRIP: Duration = Duration::from_millis(40);
/// 2 Mbit/s.
const RATE: u64 = 250_000;
/// What the line's queue holds: a second of it, as cheap routers do.
const QUEUE: u64 = 256 * 1024;
/// Samples of the quiet line.
const QUIET: usize = 30;

/// From "saved here" to "the hub has it", as the page sees it.
fn change(desk: &Desk, id: &str) -> Duration {
    desk.note(id, "Ghi chú").unwrap();
    let saved = Instant::now();
    wait("a change is at the hub", Duration::from_secs(30), || {
        (desk.sync().unwrap()["unsent_changes"] == 0).then(|| saved.elapsed())
    })
}

/// The middle one, and the one that nineteen of twenty do not exceed.
fn summary(mut samples: Vec<Duration>) -> (Duration, Duration) {
    samples.sort();
    (samples[samples.len() / 2], samples[samples.len() * 19 / 20])
}

#[test]
fn a_change_waits_less_than_two_round_trips_longer_while_a_scan_goes_up() {
    let (mut seed, number) = Seed::from_env();
    let megabytes = std::env::var("MOTCUA_SCAN_MB").ok().and_then(|text| text.parse().ok());
    let size = megabytes.unwrap_or(2usize) << 20;
    println!("MOTCUA_SEED={number}, {size} bytes");
    let mut city = City::start_with(&[CITY], &WARDS_1[..1]).unwrap();
    let line = city.site(WARDS_1[0]).line.clone();
    line.shape(Shape { rate: RATE, queue: QUEUE, delay: ROUND_TRIP / 2, ..Shape::default() });
    let client = city.site(WARDS_1[0]).process.client();
    let desk = Desk::new(client);
    // Few changes a dossier: what is measured is the line, not the folding of a long history.
    let mut dossiers = Vec::new();
    for _ in 0..10 {
        dossiers.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap().id);
    }
    let of = |at: usize| &dossiers[at % dossiers.len()];
    change(&desk, of(0));
    let (quiet, quiet_late) = summary((0..QUIET).map(|at| change(&desk, of(at))).collect());

    let mut bytes = b"%PDF-1.7\n".to_vec();
    while bytes.len() < size {
        bytes.extend((seed.below(1 << 30) as u32).to_le_bytes());
    }
    bytes.truncate(size);
    let path = format!("/api/v1/dossiers/{}/attachments?name=a.pdf", of(0));
    let answer = client.patient(Duration::from_secs(60)).send("POST", &path, &[], &bytes).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let began = Instant::now();
    let bound = Duration::from_secs(20) + Duration::from_secs(size as u64 * 3 / RATE);
    let mut busy = Vec::new();
    wait("the scan is through", bound, || {
        if desk.sync().unwrap()["unsent_scans"] == 0 {
            return Some(());
        }
        busy.push(change(&desk, of(busy.len())));
        None
    });
    let took = began.elapsed();
    let (count, share) = (busy.len(), size as f64 / RATE as f64 / took.as_secs_f64());
    let (middle, late) = summary(busy);
    println!(
        "quiet: middle {quiet:?}, 95 of 100 {quiet_late:?}; while the scan goes up: middle \
         {middle:?}, 95 of 100 {late:?}, {count} changes; {took:?}, {:.0} % of the line",
        share * 100.0
    );
    assert!(count >= 10, "only {count} changes were made meanwhile");
    assert!(middle <= quiet + 2 * ROUND_TRIP, "{middle:?} instead of {quiet:?}");
    assert!(share > 0.4, "the scan uses {share} of an idle line");
    city.stop_all().unwrap();
}
