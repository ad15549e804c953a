//! Working lists at two offices: each dossier in exactly one list of each, by page and API.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    browser::drive,
    census::holdings,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{application, fresh_key},
    http::Client,
    patience::wait_for,
    story::Story,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every dossier of an office with its list, read page by page; each stands in one list only, which is
/// the one that the dossier itself says, and the counters are right.
fn lists(client: &Client) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let counters = client.get("/api/v1/lists").unwrap().json();
    let mut counted = 0;
    for counter in counters["lists"].as_array().unwrap() {
        let list = counter["list"].as_str().unwrap();
        let (mut after, mut seen) = (String::new(), 0);
        loop {
            let page = client.get(&format!("/api/v1/lists/{list}?limit=3{after}")).unwrap().json();
            for line in page["dossiers"].as_array().unwrap() {
                assert_eq!(line["filed"]["list"], list);
                let id = line["id"].as_str().unwrap().to_owned();
                let before = found.insert(id, list.to_owned());
                assert_eq!(before, None, "in two lists: {line}");
                seen += 1;
            }
            match &page["next"] {
                Value::String(next) => after = format!("&after={next}"),
                _ => break,
            }
        }
        assert_eq!((&counter["count"], &counter["more"]), (&seen.into(), &false.into()), "{list}");
        counted += seen;
    }
    assert_eq!(counted, found.len());
    found
}

#[test]
fn every_dossier_is_in_exactly_one_list_of_each_office_and_goes_from_list_to_list() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let desk = story.desk(one);
    let mut made = Vec::new();
    for _ in 0..10 {
        let mut form = application(&mut story.seed);
        // In ten days: neither due today nor without a date.
        let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        form["due"] = (soon.as_millis() as i64 + 10 * 86_400_000).into();
        let id = desk.register(&fresh_key(), &form).unwrap().id;
        story.expected.at(&story.city, &id, one);
        made.push(id);
    }
    let office = story.city.site(two).office.clone();
    desk.forward(&made[0], &office, "").unwrap();
    story.expected.at(&story.city, &made[0], two);
    for id in &made[1..4] {
        desk.step(id, 4, "").unwrap();
    }
    desk.step(&made[1], 5, "Thiếu giấy").unwrap();
    desk.step(&made[2], 9, "").unwrap();
    desk.step(&made[3], 9, "").unwrap();
    desk.step(&made[3], 10, "").unwrap();

    let here = lists(&desk.client);
    let held = holdings(&desk.client, false).unwrap();
    assert_eq!(
        here.keys().collect::<Vec<_>>(),
        held.keys().collect::<Vec<_>>(),
        "no dossier is lost"
    );
    let list = |id: &String| here[id].as_str();
    assert_eq!(list(&made[0]), "other_office");
    assert_eq!([list(&made[1]), list(&made[2]), list(&made[3])], ["citizen", "result", "closed"]);
    assert!(made[4..].iter().all(|id| list(id) == "in_work"));

    let there = story.client(two);
    wait_for("it is there", || lists(&there).len() == 1);
    assert_eq!(lists(&there)[&made[0]], "to_accept");
    let page = format!("http://{}", story.city.site(two).page);
    drive(&["lists.mjs", &page, &made[0]], |_| None);
    assert_eq!(lists(&there)[&made[0]], "in_work");
    wait_for("the desk sees who has it", || {
        story.desk(one).detail(&made[0]).unwrap()["filed"]["owner"] == "Trần Thị Mẫu"
    });
    let refused = there.get("/api/v1/lists/nowhere").unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["field"]), (422, &"list".into()));
    story.settled("at the end");
}
