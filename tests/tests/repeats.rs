//! Requests whose answers are lost and that are sent again: one dossier, one answer, whichever machine
//! of the office is asked, and a word where the same is meant twice.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    clock::WallClock,
    desk::{Desk, application, fresh_key},
    http::{Answer, Client},
    machines::two_counters,
    patience::wait_for,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{fs, io::Write, net::TcpStream, thread};

fn ask(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    client.post(path, &[("idempotency-key", key)], body).unwrap()
}

/// Sends a registration and is gone before there is an answer.
fn ask_and_leave(client: &Client, key: &str, body: &Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(client.address).unwrap();
    let head = format!(
        "POST /api/v1/dossiers HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
        client.address,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
}

fn count(client: &Client) -> usize {
    let list = client.get("/api/v1/dossiers?limit=200").unwrap().json();
    list["dossiers"].as_array().unwrap().len()
}

/// Status and body: all that a caller sees of an answer.
fn seen(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json())
}

fn twins(desk: &Desk, id: &str) -> Vec<String> {
    let detail = desk.detail(id).unwrap();
    let list = desk.client.get("/api/v1/dossiers?limit=200").unwrap().json();
    let line = list["dossiers"].as_array().unwrap().iter().find(|line| line["id"] == id).cloned();
    assert_eq!(line.unwrap()["possible_duplicates"], detail["possible_duplicates"]);
    let all = detail["possible_duplicates"].as_array().unwrap();
    all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn ten_lost_answers_are_one_dossier_and_two_without_a_key_know_of_each_other() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (client, body, key) = (site.process.client(), application(&mut seed), fresh_key());

    for _ in 0..3 {
        ask_and_leave(&client, &key, &body);
    }
    let both = [(); 2].map(|()| {
        let (key, body) = (key.clone(), body.clone());
        thread::spawn(move || seen(&ask(&client, "/api/v1/dossiers", &key, &body)))
    });
    let mut answers: Vec<_> = both.into_iter().map(|one| one.join().unwrap()).collect();
    site.process.kill().unwrap();
    site.start_ready().unwrap();
    // What only a form is: the order of its fields, and fields that say nothing.
    let mut other_order: Value = serde_json::from_str(&body.to_string()).unwrap();
    other_order.as_object_mut().unwrap().remove("fee");
    for body in [&body, &other_order, &body] {
        answers.push(seen(&ask(&client, "/api/v1/dossiers", &key, body)));
    }
    let (status, first) = answers[0].clone();
    assert_eq!(status, 201, "{first}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(count(&client), 1);

    // The dossier goes on; the answer to its registration does not.
    let id = first["id"].as_str().unwrap().to_owned();
    let desk = Desk::new(client);
    desk.step(&id, 4, "").unwrap();
    assert_eq!(seen(&ask(&client, "/api/v1/dossiers", &key, &body)), answers[0]);

    // The same key for somebody else.
    let mut other = body.clone();
    other["applicant"]["name"] = "Người Khác".into();
    other["papers"] = json!([]);
    let refused = ask(&client, "/api/v1/dossiers", &key, &other);
    let error = refused.json()["error"].clone();
    assert_eq!((refused.status, &error["code"]), (409, &json!("idempotency_mismatch")), "{error}");
    assert_eq!(error["fields"], json!(["applicant.name", "papers"]));
    assert_eq!(error["dossier"], json!({ "id": id, "code": first["code"] }));
    let words = error["message_vi"].as_str().unwrap();
    assert!(words.contains("applicant.name") && words.contains("papers"), "{words}");

    // Acts: the same answer later, and never what another act was answered.
    let (key, notes) = (fresh_key(), format!("/api/v1/dossiers/{id}/notes"));
    let note = json!({ "text": "một lần" });
    let noted = seen(&ask(&client, &notes, &key, &note));
    desk.step(&id, 9, "").unwrap();
    assert_eq!(seen(&ask(&client, &notes, &key, &note)), noted);
    assert_eq!(noted.1["state"], 4);
    let detail = desk.detail(&id).unwrap();
    let said = detail["history"].as_array().unwrap().iter().filter(|one| one["kind"] == "note");
    assert_eq!(said.count(), 1, "{detail}");
    let moved = ask(&client, &format!("/api/v1/dossiers/{id}/moves"), &key, &json!({ "to": 10 }));
    assert_eq!(moved.json()["error"]["fields"], json!(["path", "text", "to"]), "{}", moved.text());

    // Without a key both are kept, and each names the other.
    let body = application(&mut seed);
    let bare = || client.post("/api/v1/dossiers", &[], &body).unwrap().json()["id"].clone();
    let (one, two) = (bare(), bare());
    let (one, two) = (one.as_str().unwrap(), two.as_str().unwrap());
    assert_ne!(one, two);
    assert_eq!(count(&client), 3);
    assert_eq!((twins(&desk, one), twins(&desk, two)), (vec![two.into()], vec![one.into()]));
    assert_eq!(twins(&desk, &id), [""; 0]);
}

#[test]
fn the_other_machine_of_the_office_gives_the_same_answer_once_they_met() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (mut second, _) = two_counters(&mut city, WARDS_1[0]).unwrap();
    let (one, two) = (city.site(WARDS_1[0]).process.client(), second.client());
    let (key, body) = (fresh_key(), application(&mut seed));
    let made = seen(&ask(&one, "/api/v1/dossiers", &key, &body));
    let id = made.1["id"].as_str().unwrap().to_owned();
    let (act, text) = (fresh_key(), json!({ "text": "ghi chú" }));
    let notes = format!("/api/v1/dossiers/{id}/notes");
    let noted = seen(&ask(&one, &notes, &act, &text));
    wait_for("they met", || {
        Desk::new(two).detail(&id).is_ok_and(|detail| detail.to_string().contains("ghi chú"))
    });
    assert_eq!(seen(&ask(&two, "/api/v1/dossiers", &key, &body)), made);
    assert_eq!(seen(&ask(&two, &notes, &act, &text)), noted);
    let mut other = body.clone();
    other["applicant"]["phone"] = "0911111111".into();
    let refused = ask(&two, "/api/v1/dossiers", &key, &other);
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(refused.json()["error"]["fields"], json!(["applicant.phone"]));
    assert_eq!((count(&one), count(&two)), (1, 1));
    second.stop(START).unwrap();
}

#[test]
fn a_key_is_known_for_as_long_as_its_dossier_through_a_lost_state_and_a_year() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (client, body, key) = (site.process.client(), application(&mut seed), fresh_key());
    let made = seen(&ask(&client, "/api/v1/dossiers", &key, &body));
    site.stop().unwrap();
    fs::remove_dir_all(site.data.join("state")).unwrap();
    let clock = WallClock::of(&mut site.process, &site.data).unwrap();
    clock.leap(400 * 86_400).unwrap();
    // It answers although the hub does not let a machine in whose clock is a year ahead.
    site.process.start().unwrap();
    wait_for("it answers", || client.get("/api/v1/office").is_ok_and(|answer| answer.is_success()));
    let again = ask(&client, "/api/v1/dossiers", &key, &body);
    assert_eq!(seen(&again), made);
    assert_eq!(count(&client), 1);
}
