//! An office goes live in the middle of a day that began on paper: its codes go on behind the register, at
//! every machine, and tomorrow begins at one.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    clock::WallClock,
    desk::{Desk, application, fresh_key},
    http::{Answer, Client},
    machines::second_machine,
    patience::wait_for,
    seed::Seed,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

/// Seconds until twenty past midnight in Vietnam.
fn until_next_day() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    86_400 + 1_200 - (now + 7 * 3_600) % 86_400
}

fn begin(client: &Client, number: u32) -> Answer {
    let body = json!({ "number": number, "clerk": "Lê Thị Mẫu" });
    client.post("/api/v1/numbers", &[], &body).unwrap()
}

fn refused(answer: &Answer, words: &str) {
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, &error["code"]), (409, &json!("no_start")), "{error}");
    assert!(error["message_vi"].as_str().unwrap().contains(words), "{error}");
}

fn register(client: Client, seed: &mut Seed) -> String {
    Desk::new(client).register(&fresh_key(), &application(seed)).unwrap().code
}

fn number(code: &str) -> u32 {
    code.rsplit_once('-').unwrap().1.parse().unwrap()
}

#[test]
fn a_day_that_began_on_paper_goes_on_behind_the_register_and_the_next_one_at_one() {
    let (mut seed, random) = Seed::from_env();
    println!("MOTCUA_SEED={random}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let code = WARDS_1[0];
    let mut second = second_machine(&city, code, "").unwrap();
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    let site = city.site(code);
    site.stop().unwrap();
    let clock = WallClock::of(&mut site.process, &site.data).unwrap();
    // Neither machine hears of the other.
    site.line.cut();
    site.process.start().unwrap();
    let (one, two) = (site.process.client(), second.client());
    wait_for("it answers", || one.get("/api/v1/numbers").is_ok_and(|answer| answer.is_success()));

    assert_eq!(begin(&one, 1).status, 422);
    let set = begin(&one, 38);
    assert_eq!((set.status, &set.json()["number"]), (200, &json!(38)), "{}", set.text());
    // It is on the disk by then.
    site.process.kill().unwrap();
    site.process.start().unwrap();
    wait_for("it answers", || one.get("/api/v1/numbers").is_ok_and(|answer| answer.is_success()));
    let told = one.get("/api/v1/numbers").unwrap().json();
    assert_eq!(told["start"], set.json());
    assert_eq!(told["starts"], json!([set.json()]));
    assert_eq!((&told["start"]["by"], &told["start"]["day"]), (&json!("Lê Thị Mẫu"), &told["day"]));
    // Asked again it is the same; anything else is refused with the reason.
    assert_eq!(begin(&one, 38).json(), set.json());
    refused(&begin(&one, 40), "Lê Thị Mẫu");
    refused(&begin(&two, 50), "khối 1 đến 100");

    let clerks = [one, one, two].map(|client| {
        let mut seed = Seed::new(seed.below(1_000_000) as u64);
        thread::spawn(move || [(); 3].map(|()| register(client, &mut seed)))
    });
    let codes: Vec<String> = clerks.into_iter().flat_map(|one| one.join().unwrap()).collect();
    let distinct: BTreeSet<&String> = codes.iter().collect();
    assert_eq!(distinct.len(), 9, "{codes:?}");
    assert!(codes.iter().all(|code| number(code) >= 38), "{codes:?}");
    assert!(codes[..6].iter().any(|code| number(code) == 38), "{codes:?}");

    clock.leap(until_next_day()).unwrap();
    let tomorrow = [(); 2].map(|()| register(one, &mut seed));
    assert_eq!(tomorrow.each_ref().map(|code| number(code)), [1, 2], "{tomorrow:?}");
    assert_eq!(one.get("/api/v1/numbers").unwrap().json()["start"], json!(null));
    refused(&begin(&one, 2), &tomorrow[1]);
    // A number alone finds the dossiers that have it, and says whose they are.
    let found = one.get("/api/v1/dossiers?q=0002").unwrap().json();
    let lines = found["dossiers"].as_array().unwrap();
    let line = lines.iter().find(|line| line["code"] == tomorrow[1].as_str()).unwrap();
    assert_eq!(line["holder"]["id"], site.office.as_str());
    assert!(!line["holder"]["name"].as_str().unwrap().is_empty());
    second.stop(START).unwrap();
}
