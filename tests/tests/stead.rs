//! In somebody's stead: who stands in for whom, lent duties, a leaver's work handed on.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::application,
    http::Answer,
    people::{Person, account, first_account},
    seed::Seed,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const HOUR: i64 = 3_600_000;

struct Office {
    city: City,
    head: Person,
    people: Vec<(String, &'static str, Person)>,
    seed: Seed,
}

impl Office {
    /// A head and three clerks.
    fn open() -> Self {
        let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
        let site = city.site(WARDS_1[0]);
        let head = first_account(site.process.client(), &site.data, "trưởng phòng 2026").unwrap();
        let people = [("an", "Nguyễn Mẫu An"), ("binh", "Trần Mẫu Bình"), ("chi", "Lê Mẫu Chi")]
            .map(|(login, name)| {
                let (id, person) =
                    account(&head, (login, name), &["reception"], "quầy số một 2026").unwrap();
                (id, name, person)
            })
            .into();
        Self { city, head, people, seed: Seed::from_env().0 }
    }

    fn registered(&mut self, who: usize) -> String {
        let mut body = application(&mut self.seed);
        // Takes days: one that is due today stands in another list.
        body["procedure"] = "1.004222".into();
        let made = self.people[who].2.post("/api/v1/dossiers", &body).unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    fn shown(&self, id: &str) -> Value {
        self.head.get(&format!("/api/v1/dossiers/{id}")).unwrap().json()
    }

    fn term(&self, to: usize) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        json!({ "from": now - HOUR, "until": now + HOUR, "person": self.people[to].0, "why": "phép" })
    }

    fn away(&self, by: &Person, who: usize, to: usize) -> Answer {
        let path = format!("/api/v1/accounts/{}/absences", self.people[who].0);
        by.post(&path, &self.term(to)).unwrap()
    }
}

fn is(answer: &Answer, status: u16, code: &str) {
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{}", answer.text());
}

fn mine(person: &Person, name: &str) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for list in ["overdue", "due_today", "in_work"] {
        let owner: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = person.get(&format!("/api/v1/lists/{list}?owner={owner}")).unwrap().json();
        all.extend(page["dossiers"].as_array().unwrap().iter().map(|line| {
            (line["id"].as_str().unwrap().to_owned(), line["filed"]["in_stead_of"].clone())
        }));
    }
    all
}

#[test]
fn a_stand_in_sees_and_takes_what_an_absent_person_has_and_nobody_else_does() {
    let mut office = Office::open();
    let (first, second) = (office.registered(0), office.registered(0));
    let [(an_id, an_name, an), (_, binh_name, binh), (_, chi_name, chi)] = &office.people[..]
    else {
        panic!("three clerks");
    };
    let stood = |who: &Person, id: &str| {
        let body = json!({ "person": an_name });
        who.post(&format!("/api/v1/dossiers/{id}/passes/stood"), &body).unwrap()
    };
    is(&stood(binh, &first), 403, "no_stand_in");
    is(&office.away(chi, 0, 1), 403, "role");
    assert_eq!(mine(binh, binh_name), []);
    let said = office.away(&office.head, 0, 1);
    assert_eq!(said.status, 200, "{}", said.text());
    let stead = said.json()["steads"][0]["id"].as_str().unwrap().to_owned();
    // Why is told to those it concerns.
    let told = |who: &Person| who.get("/api/v1/steads").unwrap().json()["steads"][0].clone();
    assert_eq!((&told(an)["why"], &told(chi)["why"]), (&json!("phép"), &Value::Null));

    let mut lines = mine(binh, binh_name);
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    let mut expected: Vec<(String, Value)> =
        [&first, &second].map(|id| (id.clone(), json!(an_name))).into();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(lines, expected);
    assert_eq!(mine(chi, chi_name), []);
    assert_eq!(mine(chi, binh_name), [], "only one's own list has them");

    is(&stood(chi, &first), 403, "no_stand_in");
    assert_eq!(stood(binh, &first).status, 200);
    let shown = office.shown(&first);
    assert_eq!(
        (&shown["filed"]["owner"], &shown["filed"]["untaken"]),
        (&json!(binh_name), &Value::Null)
    );
    let passed = shown["history"].as_array().unwrap().iter().find(|line| line["kind"] == "passed");
    let passed = passed.unwrap();
    assert_eq!((&passed["person"], &passed["in_stead_of"]), (&json!(binh_name), &json!(an_name)));
    let turn = shown["process"]["turns"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(turn["given_by"], format!("{binh_name} (thay {an_name})"));
    is(&stood(binh, &first), 409, "not_in_hands");

    // What was given to who is away is taken by the stand-in, who is not the giver.
    let give = json!({ "person": an_name });
    assert_eq!(chi.post(&format!("/api/v1/dossiers/{second}/passes"), &give).unwrap().status, 200);
    assert_eq!(stood(binh, &second).status, 200);
    assert_eq!(office.shown(&second)["filed"]["owner"], json!(binh_name));

    let end = format!("/api/v1/accounts/{an_id}/steads/{stead}/ended");
    is(&chi.post(&end, &json!({})).unwrap(), 403, "role");
    assert_eq!(an.post(&end, &json!({})).unwrap().status, 200);
    let third = office.registered(0);
    let binh = &office.people[1].2;
    let body = json!({ "person": "Nguyễn Mẫu An" });
    let answer = binh.post(&format!("/api/v1/dossiers/{third}/passes/stood"), &body).unwrap();
    is(&answer, 403, "no_stand_in");
}

#[test]
fn a_lent_duty_is_done_in_the_lenders_name_too_and_is_over_when_it_is_ended() {
    let mut office = Office::open();
    let id = office.registered(0);
    let (binh, head) = (&office.people[1].2, &office.head);
    let step = |to: u8| {
        let body = json!({ "to": to, "note": "lãnh đạo đi họp" });
        binh.post(&format!("/api/v1/dossiers/{id}/moves"), &body).unwrap()
    };
    assert_eq!(step(4).status, 200);
    is(&step(8), 403, "role");
    let own = head.get("/api/v1/session").unwrap().json()["person"]["id"].clone();
    let own = own.as_str().unwrap();
    let lend = |who: &Person, of: &str, duties: Value| {
        let mut body = office.term(1);
        body["duties"] = duties;
        who.post(&format!("/api/v1/accounts/{of}/loans"), &body).unwrap()
    };
    is(&lend(binh, own, json!(["direct"])), 403, "not_your_duties");
    is(&lend(&office.people[0].2, &office.people[0].0, json!(["direct"])), 403, "role");
    is(&lend(head, own, json!(["accounts"])), 422, "invalid");
    is(&lend(head, own, json!([])), 422, "invalid");
    let lent = lend(head, own, json!(["direct"]));
    assert_eq!(lent.status, 200, "{}", lent.text());
    is(&step(9), 403, "role");
    assert_eq!(step(8).status, 200);
    let shown = office.shown(&id);
    let last = shown["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["person"], &last["in_stead_of"]),
        (&json!("Trần Mẫu Bình"), &json!("Phạm Thị Mẫu Hạnh"))
    );
    // Their own work is in nobody's stead.
    assert_eq!(step(4).status, 200);
    let shown = office.shown(&id);
    let last = shown["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["in_stead_of"]), (&json!("moved"), &Value::Null));
    let stead = lent.json()["steads"][0]["id"].as_str().unwrap().to_owned();
    let end = format!("/api/v1/accounts/{own}/steads/{stead}/ended");
    assert_eq!(head.post(&end, &json!({})).unwrap().status, 200);
    is(&step(8), 403, "role");
}

#[test]
fn what_a_leaver_has_is_counted_until_it_is_handed_on_in_bulk_with_the_reason() {
    let mut office = Office::open();
    let all: Vec<String> = (0..3).map(|_| office.registered(0)).collect();
    let other = office.registered(1);
    let (an_id, an_name, _) = &office.people[0];
    let (binh, head) = (&office.people[1].2, &office.head);
    let left = || head.get("/api/v1/left-work").unwrap().json()["left"].clone();
    let work = format!("/api/v1/accounts/{an_id}/work");
    let give = |by: &Person, person: &str, dossiers: &[String], note: &str| {
        let body = json!({ "person": person, "dossiers": dossiers, "note": note });
        by.post(&work, &body).unwrap()
    };
    assert_eq!(left(), json!([]));
    is(&give(head, "Trần Mẫu Bình", &all, "nghỉ việc"), 409, "not_gone");
    let closing = format!("/api/v1/accounts/{an_id}/closing");
    assert_eq!(head.post(&closing, &json!({})).unwrap().status, 200);
    let told = left();
    assert_eq!(
        (&told[0]["name"], &told[0]["count"], &told[0]["closed"]),
        (&json!(an_name), &json!(3), &json!(true))
    );
    assert_eq!(told.as_array().unwrap().len(), 1);

    is(&give(binh, "Trần Mẫu Bình", &all, "x"), 403, "role");
    is(&binh.get("/api/v1/left-work").unwrap(), 403, "role");
    is(&give(head, "Trần Mẫu Bình", &all, " "), 422, "invalid");
    is(&give(head, "Ai Đó", &all, "nghỉ việc"), 422, "unknown");
    is(&give(head, an_name, &all, "nghỉ việc"), 422, "unknown");
    let some = [all[0].clone(), other];
    let done = give(head, "Trần Mẫu Bình", &some, "nghỉ việc").json();
    assert_eq!(done["given"], 1);
    assert_eq!(done["dossiers"][1]["error"]["code"], "not_in_hands", "{done}");
    assert_eq!(left()[0]["count"], 2);
    assert_eq!(give(head, "Lê Mẫu Chi", &all[1..], "nghỉ việc").json()["given"], 2);
    assert_eq!(left(), json!([]));

    let shown = office.shown(&all[0]);
    assert!(shown["filed"]["untaken"].is_i64(), "the taker has not taken it yet");
    let passed = shown["history"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&passed["person"], &passed["in_stead_of"]),
        (&json!("Phạm Thị Mẫu Hạnh"), &json!(an_name))
    );
    assert!(passed["text_vi"].as_str().unwrap().contains("nghỉ việc"));
    let take = format!("/api/v1/dossiers/{}/passes/taken", all[0]);
    assert_eq!(binh.post(&take, &json!({})).unwrap().status, 200);
    let turn =
        office.shown(&all[0])["process"]["turns"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(turn["taken_by"], "Trần Mẫu Bình");
    assert!(turn["given_at"].as_i64().unwrap() <= turn["taken_at"].as_i64().unwrap());
}

#[test]
fn who_is_away_is_said_on_the_page_and_work_is_taken_and_handed_on_there() {
    let mut office = Office::open();
    let (first, second) = (office.registered(0), office.registered(0));
    let page = format!("http://{}", office.city.site(WARDS_1[0]).page);
    drive(&["stead.mjs", &page, &first], |_| None);
    assert_eq!(office.shown(&first)["filed"]["owner"], "Trần Mẫu Bình");
    assert_eq!(office.shown(&second)["filed"]["owner"], "Lê Mẫu Chi");
}
