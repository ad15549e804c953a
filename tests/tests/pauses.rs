//! A pause over a weekend, by a clerk's page: counted in working time, and the same at every office that
//! holds the dossier and after a rebuild.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use jiff::{
    ToSpan,
    civil::{Date, DateTime, Weekday},
};
use motcua_dossier::{calendar, local};
use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    clock::WallClock,
    desk::{application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::Value;
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

const MINUTE: i64 = 60_000;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn millis(day: Date, time: &str) -> i64 {
    local::to_millis(format!("{day}T{time}").parse::<DateTime>().unwrap()).unwrap()
}

/// The next Friday after today that is worked, like the ten days behind it, weekends left out.
fn friday() -> Date {
    let today = local::of_millis(now()).unwrap().date();
    let worked = |day: Date| {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        calendar::usual().is_worked(day) != weekend
    };
    (1..400)
        .map(|days| today.checked_add(days.days()).unwrap())
        .filter(|day| day.weekday() == Weekday::Friday)
        .find(|friday| (0..11).all(|days| worked(friday.checked_add(days.days()).unwrap())))
        .unwrap()
}

/// What an office says of dates and pauses.
fn says(story: &mut Story, at: &str, id: &str) -> [Value; 4] {
    let detail = story.desk(at).detail(id).unwrap();
    ["due_dates", "pauses", "due", "paused"].map(|name| detail[name].clone())
}

#[test]
fn a_pause_over_the_weekend_is_an_hour_and_a_half_at_every_office_and_after_a_rebuild() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let mut clocks = Vec::new();
    for code in [CITY, DISTRICT_1, two, one] {
        story.stop(code);
        let site = story.city.site(code);
        clocks.push(WallClock::of(&mut site.process, &site.data).unwrap());
    }
    let leap = |to: i64| {
        clocks.iter().for_each(|clock| clock.leap((to - now()) / 1_000).unwrap());
    };
    let friday = friday();
    let monday = friday.checked_add(3.days()).unwrap();
    leap(millis(friday, "09:00:30"));
    story.city.start_all().unwrap();

    let mut form = application(&mut story.seed);
    let promised = millis(friday.checked_add(7.days()).unwrap(), "09:00");
    form["due"] = promised.into();
    let id = story.desk(one).register(&fresh_key(), &form).unwrap().id;
    let other = story.city.site(two).office.clone();
    story.desk(one).forward(&id, &other, "").unwrap();
    story.expected.at(&story.city, &id, one);
    story.expected.at(&story.city, &id, two);

    let page = format!("http://{}", story.city.site(one).page);
    drive(&["pauses.mjs", &page, &id], |said| {
        match said {
            "clock friday 16:00" => leap(millis(friday, "16:00:30")),
            "clock monday 08:00" => leap(millis(monday, "08:00:30")),
            _ => return None,
        }
        Some("done".into())
    });

    let told = says(&mut story, one, &id);
    let [dates, pauses, due, paused] = &told;
    assert_eq!(dates[0]["at"], promised, "the printed promise is kept: {dates}");
    assert_eq!(dates.as_array().unwrap().len(), 2, "{dates}");
    assert_eq!(dates[1]["at"], *due);
    // The clocks were set half a minute past; what the clerk did took a few seconds more.
    let moved = due.as_i64().unwrap() - promised;
    assert!((moved - 90 * MINUTE).abs() < 2 * MINUTE, "moved by {moved} ms: {pauses}");
    assert_eq!(*paused, Value::Null);

    wait_for("the other office says the same", || says(&mut story, two, &id) == told);
    for code in [one, two] {
        let site = story.city.site(code);
        site.stop().unwrap();
        fs::remove_dir_all(site.state_dir()).unwrap();
        site.start_ready().unwrap();
        assert_eq!(says(&mut story, code, &id), told, "after a rebuild at {code}");
    }
    story.settled("after the pause");
}
