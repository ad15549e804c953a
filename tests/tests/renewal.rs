//! Certificates end, hubs are retired: a machine comes back by itself, without a restart and without
//! anybody looking, with the shipped programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::{key::SecretKey, time::Timestamp, trust::NodeKind};
use motcua_shell::{
    certificate::{end_of, issue, make_ca},
    clock::{Clock, SystemClock},
    identity::{Identity, load_key},
};
use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    http::Client,
    patience::{PATIENCE, wait, wait_for},
    seed::Seed,
    shaper::Shape,
};
use std::sync::Arc;

const DAY: i64 = 86_400_000;

fn metric(client: Client, name: &str) -> f64 {
    let text = client.get("/metrics").unwrap().text();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_default()
}

/// Gives a machine that does not run another certificate for its key.
fn show(city: &mut City, code: &str, issuer: &SecretKey, ca: &[u8], days_left: i64) {
    let data = city.site(code).data.clone();
    let identity = Identity::load(&data).unwrap();
    let issued_at = Timestamp(SystemClock::default().wall().0 + (days_left - 1) * DAY);
    let key = identity.device.public();
    let chain = issue(issuer, ca, &key, NodeKind::Node, issued_at, 1).unwrap();
    Identity::save_renewed(&data, &identity.binding, &chain).unwrap();
}

/// The issuing key of a hub, and its CA.
fn issuer(city: &mut City, hub: &str) -> (SecretKey, Vec<u8>) {
    let data = city.site(hub).data.clone();
    let key = load_key(&data.join("identity/issuer.key")).unwrap();
    let trust = Identity::load(&data).unwrap().trust;
    let ca = trust.issuer(&key.public()).unwrap().ca_cert.clone();
    (key, ca)
}

/// When the certificate on disk ends, in days from now.
fn days_left(city: &mut City, code: &str) -> i64 {
    let identity = Identity::load(&city.site(code).data).unwrap();
    (end_of(&identity.tls_chain[0]).unwrap().0 - SystemClock::default().wall().0) / DAY
}

#[test]
fn a_machine_renews_before_the_end_after_it_and_when_its_hub_does_not_take_what_it_shows() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let code = WARDS_1[0];
    let mut expected = Expected::default();
    let (key, ca) = issuer(&mut city, DISTRICT_1);
    let stranger = SecretKey::from_seed([9; 32]);
    let strange_ca = make_ca(&stranger, "Nơi khác").unwrap();
    city.site(code).add_settings("[renewal]\nspread_seconds = 0\n").unwrap();
    assert!(days_left(&mut city, code) > 80);
    // Near its end; ended a year ago; and one that this machine's clock finds good and its hub does
    // not take, as when the clock of the machine stands at 1970.
    let cases = [(&key, &ca, 10), (&key, &ca, -365), (&stranger, &strange_ca, 89)];
    for (issuer, ca, left) in cases {
        city.site(code).stop().unwrap();
        show(&mut city, code, issuer, ca, left);
        city.site(code).start_ready().unwrap();
        let client = city.site(code).process.client();
        let took = wait_for("a renewal", || {
            metric(client, "motcua_certificate_renewals_total{result=\"done\"} ") == 1.0
        });
        city.wait_connected(PATIENCE).unwrap();
        let end = metric(client, "motcua_certificate_expires_timestamp_seconds ");
        let now = SystemClock::default().wall().0 as f64 / 1_000.0;
        println!("{left} days left: renewed after {took:?}");
        assert!((88.0..91.0).contains(&((end - now) / 86_400.0)), "{end}");
        assert!(days_left(&mut city, code) > 80, "on disk as well");
        let made = Desk::new(client).register(&fresh_key(), &application(&mut seed)).unwrap();
        expected.at(&city, &made.id, code);
        Census::settled(&city, &expected, PATIENCE).unwrap();
    }
    // The district's hub dials the city with a certificate of its own.
    city.site(DISTRICT_1).stop().unwrap();
    show(&mut city, DISTRICT_1, &key, &ca, -365);
    city.site(DISTRICT_1).start_ready().unwrap();
    let made = Desk::new(city.site(code).process.client())
        .register(&fresh_key(), &application(&mut seed))
        .unwrap();
    expected.at(&city, &made.id, code);
    city.wait_connected(PATIENCE).unwrap();
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    assert!(days_left(&mut city, DISTRICT_1) > 80);
}

#[test]
fn where_udp_is_blocked_a_machine_enrols_works_and_renews_all_the_same() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let dir = tempfile::Builder::new().prefix("motcua-").tempdir().unwrap();
    let mut city = City::found(dir.path(), &[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (code, other) = (WARDS_1[0], WARDS_1[1]);
    let line = Arc::clone(&city.site(code).line);
    line.shape(Shape::udp_blocked());
    // Enrols, too.
    city.open(&mut |_| {}).unwrap();
    city.site(code).stop().unwrap();
    city.site(code).add_settings("[renewal]\nspread_seconds = 0\n").unwrap();
    let (key, ca) = issuer(&mut city, DISTRICT_1);
    let office = city.site(other).office.clone();
    let mut expected = Expected::default();
    // Near its end, when the hub still takes it; and ended, when there is no link to be had.
    for left in [10, -365] {
        show(&mut city, code, &key, &ca, left);
        city.site(code).start_ready().unwrap();
        let client = city.site(code).process.client();
        let took = wait_for("a renewal", || {
            metric(client, "motcua_certificate_renewals_total{result=\"done\"} ") == 1.0
        });
        city.wait_connected(PATIENCE).unwrap();
        println!("{left} days left: renewed over TCP after {took:?}");
        assert!(days_left(&mut city, code) > 80);
        let desk = Desk::new(client);
        let made = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
        desk.forward(&made.id, &office, "").unwrap();
        expected.at(&city, &made.id, code);
        expected.at(&city, &made.id, other);
        Census::settled(&city, &expected, PATIENCE)
            .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
        assert_eq!(desk.sync().unwrap()["carrier"], "tcp");
        city.site(code).stop().unwrap();
    }
    assert!(line.tcp_bytes() > 0);
    assert_eq!(line.udp_bytes(), 0, "not a byte passed over UDP");
}

#[test]
fn offices_of_a_dead_hub_find_the_one_that_serves_them_now() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let codes = [WARDS_1[0], WARDS_1[1]];
    let mut expected = Expected::default();
    for code in codes {
        let site = city.site(code);
        site.stop().unwrap();
        // A hub that burns says no farewell: its silence is noticed sooner than usual.
        site.add_settings("[links]\nidle_seconds = 4\n[renewal]\naway_seconds = 1\n").unwrap();
        site.start_ready().unwrap();
    }
    city.wait_connected(PATIENCE).unwrap();
    for code in codes {
        let desk = Desk::new(city.site(code).process.client());
        let made = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
        expected.at(&city, &made.id, code);
    }
    Census::settled(&city, &expected, PATIENCE).unwrap();

    // The district's hub burns, and nobody but the city's hub can be told.
    city.site(DISTRICT_1).process.kill().unwrap();
    let page = city.site(CITY).page.to_string();
    city.provision(&["hub", "retire", DISTRICT_1, "--hub", &page]).unwrap();
    city.follow_root().unwrap();
    let top = city.site(CITY).process.client();
    wait("both offices at the city", PATIENCE, || {
        let lines = top.get("/api/v1/offices").unwrap().json();
        let lines = lines["offices"].as_array()?.clone();
        let linked = |code: &&str| {
            lines.iter().any(|line| line["code"] == **code && line["link"] == "connected")
        };
        codes.iter().all(linked).then_some(())
    });
    let desk = Desk::new(city.site(codes[0]).process.client());
    let made = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    let office = city.site(codes[1]).office.clone();
    desk.forward(&made.id, &office, "").unwrap();
    codes.iter().for_each(|code| expected.at(&city, &made.id, code));
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}
