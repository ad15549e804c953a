//! Hostile and mistaken forms: a clear answer that names the thing, and nothing changed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::holdings,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    http::Answer,
    seed::Seed,
};
use serde_json::{Value, json};

/// Applies `change` to a good application.
fn form(seed: &mut Seed, change: impl Fn(&mut Value)) -> Value {
    let mut body = application(seed);
    change(&mut body);
    body
}

/// The refusal is JSON, in both languages, and names what is wrong.
fn assert_refused(what: &str, answer: &Answer, statuses: &[u16], names: &str) {
    let error = &answer.json()["error"];
    let words = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    for name in ["code", "message_vi", "message_en"] {
        assert!(!words(name).is_empty(), "{what}: no {name} in {}", answer.text());
    }
    let told = format!("{} {}", words("field"), words("message_en"));
    assert!(told.contains(names), "{what}: {names} is not named in {}", answer.text());
    assert!(answer.body.len() < 4_096, "{what}: the answer has {} bytes", answer.body.len());
}

#[test]
fn what_is_wrong_is_named_and_nothing_changes() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (client, own_office) = (site.process.client(), site.office.clone());
    let desk = Desk::new(client);
    let (key, body) = (fresh_key(), application(&mut seed));
    let good = desk.register(&key, &body).unwrap();
    let id = good.id.clone();
    let before = (holdings(&client, true).unwrap(), desk.detail(&id).unwrap());

    let long = "ă".repeat(5_000_000);
    let forms: Vec<(&str, Value, &[u16], &str)> = vec![
        (
            "unknown procedure",
            form(&mut seed, |b| b["procedure"] = "9.999999".into()),
            &[422],
            "procedure",
        ),
        (
            "no procedure",
            form(&mut seed, |b| drop(b.as_object_mut().unwrap().remove("procedure"))),
            &[400, 422],
            "procedure",
        ),
        (
            "procedure as a number",
            form(&mut seed, |b| b["procedure"] = 5.into()),
            &[400, 422],
            "procedure",
        ),
        (
            "applicant as a list",
            form(&mut seed, |b| b["applicant"] = json!([])),
            &[400, 422],
            "applicant",
        ),
        (
            "name as a number",
            form(&mut seed, |b| b["applicant"]["name"] = 5.into()),
            &[400, 422],
            "name",
        ),
        (
            "empty name",
            form(&mut seed, |b| b["applicant"]["name"] = "  ".into()),
            &[422],
            "applicant.name",
        ),
        (
            "long name",
            form(&mut seed, |b| b["applicant"]["name"] = "ă".repeat(50_000).into()),
            &[422],
            "applicant.name",
        ),
        (
            "NUL in the name",
            form(&mut seed, |b| b["applicant"]["name"] = "An\0Bình".into()),
            &[422],
            "applicant.name",
        ),
        (
            "NUL in the request",
            form(&mut seed, |b| b["request"] = "a\0b".into()),
            &[422],
            "request",
        ),
        (
            "bad birth date",
            form(&mut seed, |b| b["applicant"]["birth_date"] = "hôm qua".into()),
            &[422],
            "birth_date",
        ),
        ("papers as text", form(&mut seed, |b| b["papers"] = "giấy".into()), &[400, 422], "papers"),
        (
            "paper of no form",
            form(&mut seed, |b| b["papers"][0]["form"] = "rolled".into()),
            &[400, 422],
            "form",
        ),
        (
            "minus papers",
            form(&mut seed, |b| b["papers"][0]["count"] = (-1).into()),
            &[400, 422],
            "count",
        ),
        ("due as text", form(&mut seed, |b| b["due"] = "mai".into()), &[400, 422], "due"),
        ("fee below zero", form(&mut seed, |b| b["fee"] = (-5).into()), &[400, 422], "fee"),
        ("fee without end", form(&mut seed, |b| b["fee"] = json!(1e300)), &[400, 422], "fee"),
        ("unknown field", form(&mut seed, |b| b["surprise"] = 1.into()), &[400, 422], "surprise"),
        (
            "10 MB name",
            form(&mut seed, |b| b["applicant"]["name"] = long.clone().into()),
            &[413],
            "bytes",
        ),
        ("10 MB request", form(&mut seed, |b| b["request"] = long.clone().into()), &[413], "bytes"),
    ];
    for (what, body, statuses, names) in forms {
        let answer = client.post("/api/v1/dossiers", &[("idempotency-key", &fresh_key())], &body);
        assert_refused(what, &answer.unwrap(), statuses, names);
    }

    // Bodies that are no form at all.
    let json = [("content-type", "application/json")];
    let deep = "[".repeat(100_000);
    for body in [&b""[..], b"{", b"null", b"\xff\xfe\x00", deep.as_bytes()] {
        let answer = client.send("POST", "/api/v1/dossiers", &json, body).unwrap();
        assert_refused("no form", &answer, &[400, 422], "");
    }

    // Keys.
    let other = application(&mut seed);
    let answer = client.post("/api/v1/dossiers", &[("idempotency-key", &key)], &other).unwrap();
    assert_refused("same key, other body", &answer, &[409], "Idempotency-Key");
    let huge = "k".repeat(10_000);
    let answer = client.post("/api/v1/dossiers", &[("idempotency-key", &huge)], &other).unwrap();
    assert_refused("huge key", &answer, &[400, 422], "Idempotency-Key");
    assert_eq!(desk.register(&key, &body).unwrap(), good, "the same request again");

    // Actions on dossiers.
    let nobody = "00".repeat(16);
    let actions: Vec<(&str, String, Value, &[u16], &str)> = vec![
        ("unknown dossier", format!("{nobody}/notes"), json!({ "text": "a" }), &[404], &nobody),
        ("no id", "nonsense/notes".into(), json!({ "text": "a" }), &[404], "nonsense"),
        ("no such state", format!("{id}/moves"), json!({ "to": 99 }), &[422], "to"),
        (
            "state of another type",
            format!("{id}/moves"),
            json!({ "to": "four" }),
            &[400, 422],
            "to",
        ),
        ("a move that is not allowed", format!("{id}/moves"), json!({ "to": 1 }), &[409], "to"),
        ("unknown office", format!("{id}/forwards"), json!({ "office": nobody }), &[422], "office"),
        ("to itself", format!("{id}/forwards"), json!({ "office": own_office }), &[422], "office"),
        ("nothing to take", format!("{id}/taken"), json!({}), &[409], "hand-over"),
        ("empty note", format!("{id}/notes"), json!({ "text": "" }), &[422], "text"),
    ];
    for (what, path, body, statuses, names) in actions {
        let answer = client.post(&format!("/api/v1/dossiers/{path}"), &[], &body).unwrap();
        assert_refused(what, &answer, statuses, names);
    }

    let after = (holdings(&client, true).unwrap(), desk.detail(&id).unwrap());
    let quiet = |mut detail: Value| {
        // What the hub has received meanwhile is no change of the dossier.
        detail["sync"].take();
        detail["history"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|entry| drop(entry["sync"].take()));
        detail
    };
    assert_eq!(after.0, before.0);
    assert_eq!(quiet(after.1), quiet(before.1));
    assert_eq!(client.get("/healthz").unwrap().status, 200);
}

#[test]
fn who_comes_now_is_promised_the_date_of_the_term_unless_another_is_given() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let office = city.site(WARDS_1[0]).office.clone();
    let client = city.site(WARDS_1[0]).process.client();
    let desk = Desk::new(client);
    let promised = |unit: &str| {
        let list = client.get("/api/v1/procedures").unwrap().json();
        let procedures = list["procedures"].as_array().unwrap().clone();
        procedures.into_iter().find(|one| one["term_unit"] == unit).unwrap()
    };
    for unit in ["same_day", "working_days", "calendar_days"] {
        let before = promised(unit);
        let asked = form(&mut seed, |b| b["procedure"] = before["code"].clone());
        let made = desk.register(&fresh_key(), &asked).unwrap();
        let detail = desk.detail(&made.id).unwrap();
        let at = |one: &Value| one["promise"]["at"].as_i64().unwrap();
        let due = detail["due"].as_i64().unwrap();
        // Who comes later is not served earlier, and the clock went on between the looks.
        assert!((at(&before)..=at(&promised(unit))).contains(&due), "{unit}: {detail}");
        assert!(Some(due) > detail["received"].as_i64(), "{detail}");
        assert_eq!(detail["due_dates"].as_array().unwrap().len(), 1);
        assert_eq!(detail["holder"]["id"], office.as_str(), "it is at the desk that received it");
    }
    let given = 1_795_659_240_000i64;
    let asked = form(&mut seed, |b| b["due"] = given.into());
    let made = desk.register(&fresh_key(), &asked).unwrap();
    assert_eq!(desk.detail(&made.id).unwrap()["due"], given);
}
