//! A registration that was wrong, by page and API: void, found, in no list of work, and never again with its
//! code; and what was sent on already, which is not voided.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{Desk, Trouble, application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::{Value, json};
use std::fs;

fn refusal(done: Result<Value, Trouble>) -> (u16, Value) {
    match done {
        Err(Trouble::Refused(answer)) => (answer.status, answer.json()["error"]["code"].clone()),
        other => panic!("not refused: {other:?}"),
    }
}

fn get(desk: &Desk, path: &str) -> Value {
    desk.client.get(&format!("/api/v1/{path}")).unwrap().json()
}

fn ids(lines: &Value) -> Vec<String> {
    let lines = lines["dossiers"].as_array().unwrap().iter();
    lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// In which working lists it is.
fn lists(desk: &Desk, id: &str) -> Vec<String> {
    let all = get(desk, "lists")["lists"].clone();
    let names = all.as_array().unwrap().iter().map(|one| one["list"].as_str().unwrap().to_owned());
    names
        .filter(|name| ids(&get(desk, &format!("lists/{name}"))).contains(&id.to_owned()))
        .collect()
}

fn says(desk: &Desk, id: &str) -> Vec<Value> {
    let detail = desk.detail(id).unwrap();
    ["void", "voided", "links", "conflicts", "state"].map(|name| detail[name].clone()).to_vec()
}

#[test]
fn a_wrong_registration_is_void_and_found_in_no_list_of_work_and_what_was_sent_on_is_not_voided() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let other = story.city.site(two).office.clone();
    let (here, there) = (story.desk(one), story.desk(two));
    let form = application(&mut story.seed);
    let wrong = here.register(&fresh_key(), &form).unwrap();
    let right = here.register(&fresh_key(), &form).unwrap();
    let printed =
        here.act(&wrong.id, "forms/receipt/printings", &json!({ "paper": "a5" })).unwrap();
    for id in [&wrong.id, &right.id] {
        story.expected.at(&story.city, id, one);
    }

    let page = format!("http://{}", story.city.site(one).page);
    drive(&["voids.mjs", &page, &wrong.id, &right.id, &right.code], |_| None);

    assert_eq!(here.detail(&wrong.id).unwrap()["void"], true);
    assert_eq!(lists(&here, &wrong.id), ["closed"], "no list of work");
    assert!(ids(&get(&here, &format!("dossiers?q={}", wrong.code))).contains(&wrong.id));
    let sheet = printed["printing"]["html"].as_str().unwrap();
    let sheet = here.client.get(sheet).unwrap().text();
    assert!(sheet.contains("ĐÃ HỦY ĐĂNG KÝ"), "the printed sheet says so");
    let body = json!({ "office": other, "note": "" });
    for (act, body) in [
        ("forwards", body),
        ("moves", json!({ "to": 4 })),
        ("voids", json!({ "stands": true, "note": "x" })),
    ] {
        assert_eq!(refusal(here.act(&wrong.id, act, &body)), (409, json!("void")));
    }
    let next = here.register(&fresh_key(), &application(&mut story.seed)).unwrap();
    assert!(next.code != wrong.code && next.code != right.code, "its code is not given again");
    story.expected.at(&story.city, &next.id, one);

    // What was sent on is not voided, and not by another office.
    here.forward(&right.id, &other, "").unwrap();
    story.expected.at(&story.city, &right.id, two);
    wait_for("it is there", || there.has(&right.id));
    let void = json!({ "stands": true, "note": "nhầm", "leader": "Trần Thị Mẫu" });
    assert_eq!(refusal(here.act(&right.id, "voids", &void)), (409, json!("gone_on")));
    assert_eq!(refusal(there.act(&right.id, "voids", &void)), (409, json!("not_yours")));

    let told: Vec<_> = [&wrong.id, &right.id].map(|id| says(&here, id)).into();
    assert_eq!(told[0][2][0]["same"], false);
    let site = story.city.site(one);
    site.stop().unwrap();
    fs::remove_dir_all(site.state_dir()).unwrap();
    site.start_ready().unwrap();
    let here = story.desk(one);
    let again: Vec<_> = [&wrong.id, &right.id].map(|id| says(&here, id)).into();
    assert_eq!(again, told, "after a rebuild");
    story.settled("at the end");
}
