//! Money at the counter by the shipped programs: a payment that is asked for again is one, two machines that take it
//! apart are in conflict until a person settles it, and the day's cash has what every machine took.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    desk::{Desk, Trouble, application, fresh_key},
    machines::two_counters,
    patience::wait_for,
    people::{account, first_account},
    seed::Seed,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FEE: u64 = 50_000;

fn costly(seed: &mut Seed) -> Value {
    let mut body = application(seed);
    body["fee"] = FEE.into();
    body
}

fn money(desk: &Desk, id: &str) -> Value {
    desk.detail(id).unwrap()["money"].clone()
}

fn state(desk: &Desk, id: &str) -> String {
    money(desk, id)["state"].as_str().unwrap().to_owned()
}

fn cash(desk: &Desk) -> Value {
    desk.client.get("/api/v1/cash").unwrap().json()
}

fn pay(desk: &Desk, id: &str) -> String {
    let answer = desk.act(id, "payments", &json!({ "way": "cash" })).unwrap();
    answer["receipt"]["number"].as_str().unwrap().to_owned()
}

fn count(desk: &Desk, counted: u64, seen: &Value, note: &str) -> (u16, Value) {
    let day = cash(desk)["day"].clone();
    let body = json!({ "day": day, "counted": counted, "seen": seen, "note": note });
    let answer = desk.client.post("/api/v1/cash", &[], &body).unwrap();
    (answer.status, answer.json())
}

fn refusal(done: Result<Value, Trouble>) -> (u16, Value) {
    match done {
        Err(Trouble::Refused(answer)) => (answer.status, answer.json()["error"]["code"].clone()),
        other => panic!("not refused: {other:?}"),
    }
}

/// A city with one office, and a dossier there that costs [`FEE`].
fn one_counter() -> (City, Desk, String) {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let desk = Desk::new(city.site(WARDS_1[0]).process.client());
    let id = desk.register(&fresh_key(), &costly(&mut seed)).unwrap().id;
    (city, desk, id)
}

#[test]
fn a_payment_that_is_asked_for_again_is_one_and_every_number_is_accounted_for() {
    let (mut city, desk, id) = one_counter();
    assert_eq!(state(&desk, &id), "due");
    let path = format!("/api/v1/dossiers/{id}/payments");
    let key = fresh_key();
    let hostile = "<script>alert('\"')</script>";
    let body = json!({ "way": "cash", "amount": 20_000, "payer": hostile });
    let ask = |body: &Value| desk.client.post(&path, &[("idempotency-key", &key)], body).unwrap();
    let first = ask(&body);
    assert_eq!(first.status, 200, "{}", first.text());
    let receipt = first.json()["receipt"]["number"].clone();
    assert_eq!(first.json()["receipt"]["payer"], hostile, "kept as typed");
    assert_eq!(ask(&body).json()["receipt"]["number"], receipt);
    city.site(WARDS_1[0]).process.kill().unwrap();
    city.site(WARDS_1[0]).start_ready().unwrap();
    assert_eq!(ask(&body).json()["receipt"]["number"], receipt, "after a power cut too");
    assert_eq!(ask(&json!({ "way": "card", "amount": 20_000 })).status, 409, "another request");
    assert_eq!(money(&desk, &id)["taken"], 20_000);
    assert_eq!(state(&desk, &id), "part_paid");
    // The range of before the power cut is burnt; no number is given again.
    let second = pay(&desk, &id);
    assert_ne!(json!(second), receipt);
    let refused = refusal(desk.act(&id, "payments", &json!({ "way": "cash" })));
    assert_eq!(refused, (409, json!("not_allowed")));
    let receipts = money(&desk, &id)["receipts"].clone();
    let body = json!({ "receipt": receipts[1]["id"], "note": "ghi nhầm" });
    desk.act(&id, "cancellations", &body).unwrap();
    let ranges = cash(&desk)["numbers"].clone();
    let used: u64 =
        ranges.as_array().unwrap().iter().map(|one| one["used"].as_u64().unwrap()).sum();
    assert_eq!(used, 2, "{ranges}");
    assert_eq!(ranges[0]["unused"][0][1], ranges[0]["last"], "burnt to its end: {ranges}");
    let last = ranges.as_array().unwrap().last().unwrap();
    let off = json!([{ "number": second, "why": "ghi nhầm" }]);
    assert_eq!((&last["cancelled"], last["open"].is_array()), (&off, true), "{ranges}");
    let body =
        json!({ "receipt": receipts[0]["id"], "way": "cash", "amount": 20_001, "note": "x" });
    assert_eq!(refusal(desk.act(&id, "refunds", &body)), (422, json!("invalid")));
    let told = cash(&desk);
    assert_eq!(told["expected"], 20_000, "{told}");
    let due = desk.client.get("/api/v1/money").unwrap().json();
    let part = due["states"].as_array().unwrap().iter().find(|one| one["state"] == "part_paid");
    assert_eq!(part.unwrap()["outstanding"], 30_000, "{due}");
}

#[test]
fn two_machines_that_take_money_apart_are_in_conflict_and_the_days_cash_has_both() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let code = WARDS_1[0];
    let (mut second, _) = two_counters(&mut city, code).unwrap();
    let (one, two) = (Desk::new(city.site(code).process.client()), Desk::new(second.client()));
    let mut numbers = BTreeSet::new();
    for (here, there) in [(&one, &two), (&two, &one)] {
        let id = here.register(&fresh_key(), &costly(&mut seed)).unwrap().id;
        assert!(numbers.insert(pay(here, &id)));
        wait_for("the other machine knows of it", || there.has(&id) && state(there, &id) == "paid");
        assert!(numbers.insert(pay_more(there, &id)), "{numbers:?}");
    }
    let id = one.register(&fresh_key(), &costly(&mut seed)).unwrap().id;
    wait_for("it is at both", || two.has(&id));
    wait_for("all money is at both", || {
        [&one, &two].iter().all(|desk| cash(desk)["expected"] == 4 * FEE)
    });
    // Counted while the second machine is away, which takes money meanwhile.
    second.kill().unwrap();
    assert!(numbers.insert(pay(&one, &id)));
    let (status, counted) = count(&one, 5 * FEE, &json!([]), "");
    assert_eq!((status, &counted["counts"][0]["difference"]), (200, &json!(0)), "{counted}");
    assert_eq!(count(&one, 5 * FEE, &json!([]), "").0, 409, "a day is counted once");
    city.site(code).process.kill().unwrap();
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    assert_eq!(state(&two, &id), "due", "it does not know");
    assert!(numbers.insert(pay(&two, &id)));
    city.site(code).start_ready().unwrap();
    for desk in [&one, &two] {
        wait_for("both know of both", || state(desk, &id) == "conflict");
        let contested = money(desk, &id)["contested"].clone();
        assert_eq!(contested.as_array().unwrap().len(), 2, "{contested}");
        let conflicts = desk.detail(&id).unwrap()["conflicts"].clone();
        assert_eq!(conflicts[0]["kind"], "money");
        wait_for("what came after the count is said", || cash(desk)["late"] == 1);
        let told = cash(desk);
        assert_eq!(
            (&told["expected"], &told["counts"][0]["expected"]),
            (&json!(6 * FEE), &json!(5 * FEE))
        );
    }
    let refused = refusal(two.act(&id, "payments", &json!({ "way": "cash" })));
    assert_eq!(refused, (409, json!("money_conflict")));
    let page = format!("http://{}", city.site(code).page);
    drive(&["money_settle.mjs", &page, &id], |_| None);
    for desk in [&one, &two] {
        wait_for("it is settled", || state(desk, &id) == "paid");
        wait_for("what is not true is taken back", || cash(desk)["expected"] == 5 * FEE);
    }
    let seen = json!([cash(&two)["counts"][0]["id"]]);
    assert_eq!(count(&two, 5 * FEE, &seen, "").0, 422, "counted again with the reason");
    let (status, again) = count(&two, 5 * FEE, &seen, "máy quầy 2 có mạng lại");
    assert_eq!((status, &again["late"], &again["before"][0]["id"]), (200, &json!(0), &seen[0]));
    wait_for("the other machine has the count", || cash(&one)["counts"] == again["counts"]);
    second.stop(std::time::Duration::from_secs(15)).unwrap();
}

#[test]
fn money_at_the_counter_is_taken_given_back_and_counted_on_the_page_by_keys() {
    let (mut city, desk, id) = one_counter();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    drive(&["money.mjs", &page, &id], |_| None);
    let told = money(&desk, &id);
    assert_eq!((&told["taken"], &told["refunded"]), (&json!(FEE), &json!(20_000)));
    let counted = cash(&desk)["counts"][0].clone();
    assert_eq!(counted["difference"], 520_000 - 500_000 - 40_000, "{counted}");
    // A receipt that does not hold any more says so on its sheet, also on one that was printed.
    let receipt = told["receipts"][1]["id"].clone();
    let print = json!({ "paper": "80", "receipt": receipt });
    let printed = desk.act(&id, "forms/payment/printings", &print).unwrap()["printing"].clone();
    let again = desk.act(&id, "forms/payment/printings", &print).unwrap()["printing"].clone();
    assert_eq!((&printed["number"], &again["number"]), (&json!(1), &json!(2)));
    let sheet = |one: &Value| desk.client.get(one["html"].as_str().unwrap()).unwrap().text();
    assert!(sheet(&again).contains("In lại lần 1") && !sheet(&printed).contains("ĐÃ HỦY"));
    desk.act(&id, "cancellations", &json!({ "receipt": receipt, "note": "nhầm" })).unwrap();
    assert!(sheet(&printed).contains("BIÊN NHẬN ĐÃ HỦY"));
}

/// Demands once more as much, and takes it.
fn pay_more(desk: &Desk, id: &str) -> String {
    let line = json!({ "what": "charge", "name": "Lệ phí", "full": 2 * FEE, "amount": 2 * FEE });
    desk.act(id, "demands", &json!({ "lines": [line] })).unwrap();
    pay(desk, id)
}

#[test]
fn who_may_take_money_and_who_may_give_it_back_is_by_role() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let head = first_account(client, &data, "trưởng phòng 2026").unwrap();
    let person = |login: &str, role: &str| {
        let name = format!("Nguyễn Thị Mẫu {login}");
        account(&head, (login, &name), &[role], "quầy số một 2026").unwrap().1
    };
    let (clerk, treasurer) = (person("quay1", "reception"), person("thuquy", "treasurer"));
    let specialist = person("chuyenvien", "specialist");
    let made = clerk.post("/api/v1/dossiers", &costly(&mut seed)).unwrap().json();
    let path = |act: &str| format!("/api/v1/dossiers/{}/{act}", made["id"].as_str().unwrap());
    let cash = json!({ "way": "cash" });
    assert_eq!(specialist.post(&path("payments"), &cash).unwrap().status, 403);
    let paid = clerk.post(&path("payments"), &cash).unwrap();
    assert_eq!(paid.status, 200, "{}", paid.text());
    let back = json!({ "receipt": paid.json()["receipt"]["id"], "way": "cash", "note": "rút" });
    assert_eq!(clerk.post(&path("refunds"), &back).unwrap().status, 403);
    let given = treasurer.post(&path("refunds"), &back).unwrap();
    assert_eq!(given.status, 200, "{}", given.text());
}
