//! Lines that are cut and hubs that are down: nothing is lost, nobody waits who need not.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::{PATIENCE, until, wait_for},
    seed::Seed,
    shaper::Shape,
};
use std::{sync::Arc, thread, time::Duration};

#[test]
fn a_line_cut_during_a_transfer_and_restored_brings_all_of_it() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (from, to) = (WARDS_1[0], WARDS_1[1]);
    let desk = Desk::new(city.site(from).process.client());
    let office = city.site(to).office.clone();
    let mut expected = Expected::default();

    // Saved without a line, a third of it for the neighbour.
    city.site(from).line.cut();
    for number in 0..300 {
        let dossier = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
        expected.at(&city, &dossier.id, from);
        if number % 3 == 0 {
            desk.forward(&dossier.id, &office, "").unwrap();
            expected.at(&city, &dossier.id, to);
        }
    }
    let hub_has = |city: &mut City| {
        city.site(DISTRICT_1).process.client().get("/api/v1/hub").unwrap().json()["dossiers"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(hub_has(&mut city), 0, "a cut line brings nothing");
    assert!(desk.sync().unwrap()["unsent"].as_u64().unwrap() >= 300);

    // Slow, so that it can be cut in the middle, again and again.
    for _ in 0..4 {
        let line = &city.site(from).line;
        line.delay(Duration::from_millis(30));
        let before = line.bytes().0;
        line.restore();
        let limit = before + 3_000 + seed.below(20_000) as u64;
        // Cut where it stands if that is all that goes over it.
        until(Duration::from_secs(8), || (line.bytes().0 >= limit).then_some(()));
        city.site(from).line.cut();
        thread::sleep(seed.millis(100, 600));
    }
    city.site(from).line.delay(Duration::ZERO);
    city.site(from).line.restore();
    let census = Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    assert_eq!((census.count(DISTRICT_1), census.count(CITY), census.count(to)), (300, 300, 100));
    wait_for("everything received", || desk.sync().unwrap()["unsent"] == 0);
}

#[test]
fn wards_of_a_district_exchange_while_the_city_is_down() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..3]).unwrap();
    let [one, two, third] = [WARDS_1[0], WARDS_1[1], WARDS_1[2]];
    let (here, there) =
        (Desk::new(city.site(one).process.client()), Desk::new(city.site(two).process.client()));
    let (own, other) = (city.site(one).office.clone(), city.site(two).office.clone());
    city.site(CITY).process.kill().unwrap();

    let mut expected = Expected::default();
    for _ in 0..10 {
        let dossier = here.register(&fresh_key(), &application(&mut seed)).unwrap();
        let id = &dossier.id;
        expected.at(&city, id, one);
        here.forward(id, &other, "Nhờ xác minh").unwrap();
        expected.at(&city, id, two);
        wait_for("the neighbour sees the dossier", || there.has(id));
        there.take(id, "").unwrap();
        there.note(id, "Đã xác minh").unwrap();
        there.forward(id, &own, "Trả kết quả").unwrap();
        wait_for("it comes back", || {
            here.detail(id).is_ok_and(|detail| detail["can_take"] == true)
        });
        here.take(id, "").unwrap();
    }
    let nobody = Desk::new(city.site(third).process.client());
    assert!(expected.ids().all(|id| !nobody.has(id)));

    city.site(CITY).start_ready().unwrap();
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

#[test]
fn a_hub_that_was_killed_is_used_again_soon_after_it_is_back() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let desk = Desk::new(city.site(WARDS_1[0]).process.client());
    city.site(DISTRICT_1).process.kill().unwrap();
    city.site(DISTRICT_1).start_ready().unwrap();
    let dossier = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    // Far below the idle time of a link, 45 s: the hub says that it knows nothing of the old one.
    let mut expected = Expected::default();
    expected.at(&city, &dossier.id, WARDS_1[0]);
    Census::settled(&city, &expected, Duration::from_secs(25))
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

#[test]
fn a_hub_that_comes_back_where_tcp_is_quicker_is_no_network_that_blocks_udp() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let desk = Desk::new(city.site(WARDS_1[0]).process.client());
    let state = || {
        let sync = desk.sync().unwrap();
        (sync["carrier"].as_str().unwrap_or("none").to_owned(), sync["udp_blocked"] == true)
    };
    assert_eq!(state(), ("quic".to_owned(), false));
    city.site(DISTRICT_1).stop().unwrap();
    wait_for("the link's end", || state().0 == "none");
    let line = Arc::clone(&city.site(WARDS_1[0]).line);
    line.shape(Shape::udp_blocked());
    city.site(DISTRICT_1).start_ready().unwrap();
    wait_for("a link over TCP", || state().0 == "tcp");
    line.shape(Shape::default());
    assert!(!state().1, "TCP has won once");
    // Not after the five minutes of a network that has let no UDP through for long.
    let back = until(Duration::from_secs(25), || (state().0 == "quic").then_some(()));
    back.expect("QUIC is used again soon");
    assert!(!state().1);
}
