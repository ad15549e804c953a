//! Paper hand-over lists and results returned in bulk: two hundred dossiers, requests that are repeated,
//! what is missing and what is too much, by page and API.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::{Value, json};
use std::time::Instant;

const MANY: usize = 200;

fn post(desk: &Desk, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/{path}");
    let answer = desk.client.post(&path, &[("idempotency-key", key)], body).unwrap();
    (answer.status, answer.json())
}

fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = run();
    println!("{what}: {MANY} dossiers in {} ms", begun.elapsed().as_millis());
    done
}

#[test]
fn what_is_on_a_list_is_given_once_and_taken_by_what_was_scanned() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let other = story.city.site(two).office.clone();
    let (here, there) = (story.desk(one), story.desk(two));
    let made: Vec<(String, String)> = (0..MANY + 1)
        .map(|_| {
            let form = application(&mut story.seed);
            let made = here.register(&fresh_key(), &form).unwrap();
            story.expected.at(&story.city, &made.id, one);
            (made.id, made.code)
        })
        .collect();
    let ids: Vec<&str> = made[..MANY].iter().map(|(id, _)| id.as_str()).collect();
    let (key, body) = (fresh_key(), json!({ "section": "tu-phap", "dossiers": ids }));
    let first = timed("given", || post(&here, &key, "hand-lists", &body));
    assert_eq!((first.0, &first.1["given"]), (200, &json!(MANY)), "{}", first.1);
    // Ten answers lost: one list, and each dossier is given once.
    for _ in 0..3 {
        assert_eq!(post(&here, &key, "hand-lists", &body), first);
    }
    let turns = |id: &str| here.detail(id).unwrap()["process"]["turns"].as_array().unwrap().len();
    assert_eq!((turns(ids[0]), turns(ids[MANY - 1])), (2, 2));
    let mut wrong = body.clone();
    wrong["section"] = "lanh-dao".into();
    let (status, refused) = post(&here, &key, "hand-lists", &wrong);
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("idempotency_mismatch")));
    assert_eq!(refused["error"]["fields"], json!(["section"]));
    assert_eq!(turns(ids[0]), 2, "nothing was done of it");

    // One is not there, one is too much, one is none.
    let number = first.1["number"].as_str().unwrap().to_owned();
    let mut scanned: Vec<Value> = ids[1..].iter().map(|id| json!(id)).collect();
    scanned.extend([json!(made[MANY].1), json!("000000")]);
    let (key, body) = (fresh_key(), json!({ "scanned": scanned, "clerk": "Trần Văn Mẫu" }));
    let path = format!("hand-lists/{number}/taken");
    let taken = timed("taken", || post(&here, &key, &path, &body));
    assert_eq!((taken.0, &taken.1["taken"]), (200, &json!(MANY - 1)), "{}", taken.1);
    let named = |of: &str| taken.1[of].as_array().unwrap().clone();
    assert_eq!((named("missing").len(), named("extra").len()), (1, 1));
    assert_eq!(
        (&named("missing")[0]["id"], named("unknown")),
        (&json!(ids[0]), vec![json!("000000")])
    );
    assert_eq!(post(&here, &key, &path, &body).1["taken"], json!(MANY - 1), "the same again");
    assert_eq!(turns(&made[MANY].0), 1);
    let sheet = here.client.get(&format!("/api/v1/hand-lists/{number}/sheet?as=pdf")).unwrap();
    assert!(sheet.is_success());

    // Returned in bulk; what is not finished is refused by itself.
    for id in &ids[..MANY - 1] {
        here.step(id, 4, "").unwrap();
        here.step(id, 9, "").unwrap();
    }
    let results: Vec<Value> =
        ids.iter().map(|id| json!({ "dossier": id, "collector": format!("Người {id}") })).collect();
    let (key, body) = (fresh_key(), json!({ "results": results }));
    let (status, done) = timed("returned", || post(&here, &key, "returns", &body));
    assert_eq!((status, &done["returned"]), (200, &json!(MANY - 1)), "{done}");
    assert_eq!(done["dossiers"][MANY - 1]["error"]["code"], "not_allowed");
    assert_eq!(here.detail(ids[5]).unwrap()["state"], 10);
    let history = here.detail(ids[5]).unwrap()["history"].to_string();
    assert!(history.contains(&format!("người nhận: Người {}", ids[5])));

    // To another office, and taken there by what was scanned, through the page.
    let page = format!("http://{}", story.city.site(one).page);
    let there_page = format!("http://{}", story.city.site(two).page);
    let last = &made[MANY];
    let body = json!({ "office": other, "dossiers": [last.0] });
    let (_, given) = post(&here, &fresh_key(), "hand-lists", &body);
    story.expected.at(&story.city, &last.0, two);
    wait_for("it is there", || there.has(&last.0));
    let number = given["number"].as_str().unwrap();
    drive(&["hand.mjs", &page, ids[MANY - 1], &there_page, number, &last.1], |_| None);
    assert_eq!(there.detail(&last.0).unwrap()["can_take"], false);
    assert_eq!(here.detail(ids[MANY - 1]).unwrap()["filed"]["owner"], "Trần Văn Mẫu");
    story.settled("at the end");
}
