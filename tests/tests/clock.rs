//! A clock that leaps over midnight and back: codes stay distinct, nothing waits, everybody is told.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, DISTRICT_1, START, WARDS_1},
    clock::WallClock,
    desk::{Desk, Registered, application, fresh_key},
    patience::{wait, wait_for},
    story::Story,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const DAY: i64 = 86_400;
/// Live again after the clock was set right.
const SOON: Duration = Duration::from_secs(5);

/// Seconds until twenty past midnight in Vietnam.
fn until_next_day() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    DAY + 1_200 - (now + 7 * 3_600) % DAY
}

fn register(story: &mut Story, at: &str) -> Registered {
    let desk = story.desk(at);
    let made = desk.register(&fresh_key(), &application(&mut story.seed)).unwrap();
    story.expected.at(&story.city, &made.id, at);
    made
}

/// The flags of a dossier's acts, first act first.
fn flags(desk: &Desk, id: &str) -> Vec<Value> {
    let history = desk.detail(id).unwrap()["history"].clone();
    history.as_array().unwrap().iter().map(|act| act["clock"].clone()).collect()
}

fn line(story: &mut Story, office: &str) -> Value {
    let offices = story.client(DISTRICT_1).get("/api/v1/offices").unwrap().json();
    let lines = offices["offices"].as_array().unwrap();
    lines.iter().find(|line| line["code"] == office).unwrap().clone()
}

#[test]
fn a_clock_that_leaps_over_midnight_and_back_costs_a_flag_and_nothing_else() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let mut clocks = Vec::new();
    for code in [CITY, DISTRICT_1, two, one] {
        story.stop(code);
        let site = story.city.site(code);
        clocks.push(WallClock::of(&mut site.process, &site.data).unwrap());
    }
    story.city.start_all().unwrap();
    let ward = clocks.last().unwrap();
    let desk = story.desk(one);
    wait_for("the hub knows the ward's clock", || {
        line(&mut story, one)["clock_offset"].as_i64().is_some_and(|off| off.abs() < 60_000)
    });

    let leap = until_next_day();
    ward.leap(leap).unwrap();
    let odd = [register(&mut story, one), register(&mut story, one)];
    let other = story.city.site(two).office.clone();
    desk.forward(&odd[0].id, &other, "").unwrap();
    story.expected.at(&story.city, &odd[0].id, two);
    wait_for("the hub is told of the leap", || {
        line(&mut story, one)["clock_offset"]
            .as_i64()
            .is_some_and(|off| (off / 1_000 - leap).abs() < 60)
    });
    let words = desk.sync().unwrap()["words_vi"].as_str().unwrap().to_owned();
    assert!(words.contains("giờ máy lệch +"), "{words}");

    ward.leap(0).unwrap();
    let after = register(&mut story, one);
    wait("live again", SOON, || (desk.sync().unwrap()["unsent"] == 0).then_some(()));
    let words = desk.sync().unwrap()["words_vi"].as_str().unwrap().to_owned();
    assert!(!words.contains("giờ máy lệch"), "{words}");
    wait_for("the hub is told that it is right again", || {
        line(&mut story, one)["clock_offset"].as_i64().is_some_and(|off| off.abs() < 60_000)
    });
    let spike = line(&mut story, one)["clock_worst_offset"].as_i64().unwrap();
    assert!((spike / 1_000 - leap).abs() < 60, "{spike}");
    assert_eq!(line(&mut story, two)["clock_worst_offset"], Value::Null);
    assert!(
        story
            .metric(DISTRICT_1, &format!("motcua_office_clock_offset_seconds{{office=\"{one}\""))
            .abs()
            < 60.0
    );

    // Every office that holds an odd one says so, beside its acts and no others.
    story.settled("after the leap");
    let there = story.desk(two);
    for desk in [&desk, &there] {
        let flags = flags(desk, &odd[0].id);
        assert_eq!(flags.len(), 2, "registered and forwarded");
        for flag in flags {
            assert!((flag["ahead"].as_i64().unwrap() / 1_000 - leap).abs() < 60, "{flag}");
            assert!(flag["vi"].as_str().unwrap().starts_with("giờ máy lệch +"), "{flag}");
        }
    }
    assert_ne!(flags(&desk, &odd[1].id), [Value::Null]);
    assert_eq!(flags(&desk, &after.id), [Value::Null]);

    // The next morning comes for everybody.
    story.city.stop_all().unwrap();
    clocks.iter().for_each(|clock| clock.leap(DAY).unwrap());
    story.city.start_all().unwrap();
    let morning = [register(&mut story, one), register(&mut story, one)];
    let codes: BTreeSet<&String> =
        odd.iter().chain([&after]).chain(&morning).map(|made| &made.code).collect();
    assert_eq!(codes.len(), 5, "{codes:?}");
    assert_eq!(
        day_of(&odd[0].code),
        day_of(&morning[0].code),
        "the day that the clock had leapt to"
    );
    story.settled("the next morning");
    assert_eq!(flags(&story.desk(one), &morning[0].id), [Value::Null]);
    story.city.site(one).process.wait_ready(START).unwrap();
    story.checked();
}

/// The date in a code.
fn day_of(code: &str) -> &str {
    code.split('-').nth(1).unwrap()
}
