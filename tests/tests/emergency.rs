//! Codes on paper for the day on which the machine is dead: drawn, printed, never given to anybody else, entered
//! later with the time on the slip, and open until each is settled.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    clock::WallClock,
    desk::{Desk, application, fresh_key},
    http::{Answer, Client},
    machines::second_machine,
    patience::wait_for,
    people::{account, first_account},
    picture::words_of_pdf,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn post(client: &Client, key: &str, path: &str, body: &Value) -> Answer {
    client.post(&format!("/api/v1/{path}"), &[("idempotency-key", key)], body).unwrap()
}

fn draw(client: &Client, day: &Value, count: u32) -> Value {
    let body = json!({ "day": day, "count": count, "clerk": "Phạm Thị Mẫu" });
    let drawn = post(client, &fresh_key(), "emergency", &body);
    assert_eq!(drawn.status, 200, "{}", drawn.text());
    drawn.json()
}

fn told(client: &Client) -> Value {
    let answer = client.get("/api/v1/emergency").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn codes(block: &Value) -> Vec<String> {
    let codes = block["codes"].as_array().unwrap();
    codes.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

fn slip(seed: &mut Seed, code: &str, received: i64) -> Value {
    let mut body = application(seed);
    body["code"] = code.into();
    body["received"] = received.into();
    body["received_by"] = "Lê Văn Giấy".into();
    body["clerk"] = "Trần Thị Nhập".into();
    body
}

fn is(answer: &Answer, status: u16, code: &str, words: &str) {
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{error}");
    assert!(error["message_vi"].as_str().unwrap().contains(words), "{error}");
}

fn up(client: &Client) {
    wait_for("it answers whole", || {
        client.get("/api/v1/emergency").is_ok_and(|answer| answer.is_success())
    });
}

#[test]
fn codes_on_paper_are_nobody_elses_and_are_entered_with_the_time_on_the_slip() {
    let (mut seed, random) = Seed::from_env();
    println!("MOTCUA_SEED={random}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let mut second = second_machine(&city, WARDS_1[0], "").unwrap();
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    let site = city.site(WARDS_1[0]);
    site.stop().unwrap();
    // In the middle of a morning, whatever the hour of the test: midnight is not near.
    let clock = WallClock::of(&mut site.process, &site.data).unwrap();
    let mut ahead = 86_400 + 10 * 3_600 - (now() / 1_000 + 7 * 3_600) % 86_400;
    clock.leap(ahead).unwrap();
    site.line.cut();
    site.process.start().unwrap();
    let (one, two) = (site.process.client(), second.client());
    up(&one);
    let then = |ahead: i64| now() + ahead * 1_000;

    let before = told(&one);
    assert_eq!((&before["blocks"], &before["open"]), (&json!([]), &json!(0)));
    let today = before["days"][0].clone();
    let key = fresh_key();
    let body = json!({ "day": today, "count": 12, "clerk": "Phạm Thị Mẫu" });
    let drawn = post(&one, &key, "emergency", &body);
    assert_eq!(drawn.status, 200, "{}", drawn.text());
    // On the disk by then; and the answer may have been lost.
    site.process.kill().unwrap();
    std::fs::remove_dir_all(site.data.join("state")).unwrap();
    site.process.start().unwrap();
    up(&one);
    assert_eq!(post(&one, &key, "emergency", &body).json(), drawn.json(), "the same block");
    let other = json!({ "day": today, "count": 13, "clerk": "Phạm Thị Mẫu" });
    is(&post(&one, &key, "emergency", &other), 409, "idempotency_mismatch", "khối");
    let block = drawn.json();
    let slips = codes(&block);
    assert_eq!(slips.len(), 12);
    for count in [0, 51] {
        let body = json!({ "day": today, "count": count, "clerk": "A" });
        is(&post(&one, &fresh_key(), "emergency", &body), 422, "invalid", "từ 1 đến 50");
    }
    let body = json!({ "day": "2020-01-06", "count": 1, "clerk": "A" });
    is(&post(&one, &fresh_key(), "emergency", &body), 422, "invalid", "ngày làm việc tới");
    let more = codes(&draw(&one, &today, 50));

    // Ordinary registrations of both machines take none of them.
    let mut given = BTreeSet::new();
    for _ in 0..9 {
        for client in [one, two] {
            let made = Desk::new(client).register(&fresh_key(), &application(&mut seed)).unwrap();
            assert!(given.insert(made.code.clone()), "{}", made.code);
        }
    }
    assert!(slips.iter().chain(&more).all(|code| !given.contains(code)));
    assert_eq!(slips.iter().chain(&more).collect::<BTreeSet<_>>().len(), 62);

    // Printed, and printed again.
    let number = block["block"].as_str().unwrap();
    let printings = format!("emergency/{number}/printings");
    let sheet = |address: &Value| {
        let answer = one.get(address.as_str().unwrap()).unwrap();
        assert!(answer.is_success(), "{}", answer.text());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("emergency");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("sheet.pdf");
        std::fs::write(&path, &answer.body).unwrap();
        words_of_pdf(&path).unwrap()
    };
    assert!(sheet(&block["pdf"]).contains("BẢN XEM TRƯỚC"));
    let key = fresh_key();
    let printed = post(&one, &key, &printings, &json!({ "clerk": "Phạm Thị Mẫu" })).json();
    assert_eq!(post(&one, &key, &printings, &json!({ "clerk": "Phạm Thị Mẫu" })).json(), printed);
    let words = sheet(&printed["pdf"]);
    assert!(!words.contains("In lại") && !words.contains("XEM TRƯỚC"), "{words}");
    let bare: String = words.split_whitespace().collect();
    for code in &slips {
        assert!(bare.contains(code.as_str()), "{code} is not on {words}");
    }
    assert!(bare.contains(number) && !bare.contains(more[0].as_str()));
    let again = post(&one, &fresh_key(), &printings, &json!({})).json();
    assert!(sheet(&again["pdf"]).contains("In lại lần 1"));

    // Entered: the time on the slip counts.
    clock.leap(ahead + 3_600).unwrap();
    ahead += 3_600;
    let at = (then(ahead) - 20 * MINUTE).div_euclid(MINUTE) * MINUTE;
    let entry = slip(&mut seed, &slips[0], at);
    let enter = |body: &Value| one.post("/api/v1/emergency/entries", &[], body).unwrap();
    let mut wrong = entry.clone();
    for (received, words) in [
        (then(ahead) + 5 * MINUTE, "sau bây giờ"),
        (at - 2 * 3_600_000, "trước lúc lấy khối mã"),
        (at - DAY, "chỉ dùng ngày"),
    ] {
        wrong["received"] = received.into();
        is(&enter(&wrong), 422, "invalid", words);
    }
    let made = enter(&entry);
    assert_eq!((made.status, &made.json()["code"]), (201, &json!(slips[0])), "{}", made.text());
    assert_eq!(enter(&entry).json(), made.json(), "the same dossier");
    let desk = Desk::new(one);
    let shown = desk.detail(made.json()["id"].as_str().unwrap()).unwrap();
    assert_eq!(shown["received"], at);
    let promise = |received: i64| {
        let procedure = entry["procedure"].as_str().unwrap();
        let path = format!("/api/v1/emergency/promise?procedure={procedure}&received={received}");
        one.get(&path).unwrap().json()["due"].clone()
    };
    assert_eq!(shown["due"], promise(at));
    let line = shown["history"][0].clone();
    assert_eq!((&line["kind"], &line["person"]), (&json!("entered"), &json!("Trần Thị Nhập")));
    assert!(line["text_vi"].as_str().unwrap().contains("Lê Văn Giấy"), "{line}");
    let mut differs = entry.clone();
    differs["applicant"]["name"] = "Người Khác".into();
    let refused = enter(&differs);
    is(&refused, 409, "code_taken", "Trần Thị Nhập");
    assert_eq!(refused.json()["error"]["dossier"]["id"], made.json()["id"]);

    // A date that was promised on the slip is kept, and said to be.
    let mut promised = slip(&mut seed, &slips[1], at);
    promised["due"] = json!(at + 9 * DAY);
    let kept = enter(&promised).json();
    let shown = desk.detail(kept["id"].as_str().unwrap()).unwrap();
    assert_eq!(shown["due"], at + 9 * DAY);
    assert!(shown["history"][0]["text_vi"].as_str().unwrap().contains("hẹn trả theo giấy"));
    // Its digits do as well as the code; an ordinary code does not.
    let mut digits = slip(&mut seed, &slips[2], at);
    digits["code"] = block["codes"][2]["digits"].clone();
    assert_eq!(enter(&digits).json()["code"], json!(slips[2]));
    let ordinary = slip(&mut seed, given.first().unwrap(), at);
    is(&enter(&ordinary), 422, "unknown", "không phải mã trên phiếu");
    // Another machine says where to go, and takes it if that machine is gone.
    let mut elsewhere = slip(&mut seed, &slips[3], at);
    let there = |body: &Value| two.post("/api/v1/emergency/entries", &[], body).unwrap();
    is(&there(&elsewhere), 409, "other_machine", "máy đã lấy khối ấy");
    elsewhere["gone"] = true.into();
    // That machine's clock is on the day before: the slip is of a day to come.
    is(&there(&elsewhere), 422, "invalid", "sau bây giờ");

    // Open until each is settled; what is said to be unused stays used up.
    let open = |client: &Client| {
        client.get("/api/v1/lists").unwrap().json()["paper_open"].as_u64().unwrap()
    };
    assert_eq!(open(&one), 0, "its day is not over");
    clock.leap(ahead + 86_400).unwrap();
    wait_for("the day is over", || open(&one) == 9 + 50);
    let unused = format!("emergency/{number}/unused");
    let say = |codes: &[String], why: &str| {
        post(&one, &fresh_key(), &unused, &json!({ "codes": codes, "why": why, "clerk": "An" }))
    };
    is(&say(&slips[3..5], " "), 422, "invalid", "why");
    is(&say(&more[..1], "x"), 422, "unknown", "không phải mã");
    is(&say(&slips[..1], "x"), 409, "code_taken", "Trần Thị Nhập");
    let settled = say(&slips[3..], "máy chạy lại lúc 9 giờ").json();
    assert_eq!((&settled["open"], &settled["codes"][4]["fate"]), (&json!(0), &json!("unused")));
    assert_eq!(settled["codes"][4]["why"], "máy chạy lại lúc 9 giờ");
    assert_eq!(settled["codes"][0]["received_by"], "Lê Văn Giấy");
    assert_eq!(open(&one), 50);
    site.process.kill().unwrap();
    std::fs::remove_dir_all(site.data.join("state")).unwrap();
    site.process.start().unwrap();
    up(&one);
    assert_eq!(open(&one), 50);
    let after = told(&one)["blocks"].as_array().unwrap().clone();
    let same = after.iter().find(|one| one["block"] == number).unwrap();
    assert_eq!(same["printings"], 2);
    assert_eq!(same["codes"], settled["codes"]);
    // A slip that turns up after all weighs more.
    let found = enter(&slip(&mut seed, &slips[4], at));
    assert_eq!(found.status, 201, "{}", found.text());
    second.stop(START).unwrap();
}

#[test]
fn codes_are_drawn_by_those_who_may_and_slips_entered_by_the_counter() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let head = first_account(site.process.client(), &site.data, "trưởng phòng 2026").unwrap();
    let made = |login: &str, name: &str, role: &str| {
        account(&head, (login, name), &[role], "quầy số một 2026").unwrap().1
    };
    let counter = made("an", "Nguyễn Mẫu An", "reception");
    let treasurer = made("quy", "Trần Mẫu Quỹ", "treasurer");
    let told = |who: &motcua_tests::people::Person| who.get("/api/v1/emergency").unwrap().json();
    let day = told(&head)["days"][0].clone();
    let body = json!({ "day": day, "count": 2 });
    let drawn = treasurer.post("/api/v1/emergency", &body).unwrap();
    assert_eq!((drawn.status, &drawn.json()["drawn_by"]), (200, &json!("Trần Mẫu Quỹ")));
    is(&counter.post("/api/v1/emergency", &body).unwrap(), 403, "role", "mã dự phòng");
    assert_eq!(
        (&told(&counter)["may_draw"], &told(&counter)["may_enter"]),
        (&json!(false), &json!(true))
    );
    let mut seed = Seed::from_env().0;
    let entry = slip(&mut seed, &codes(&drawn.json())[0], now());
    is(&treasurer.post("/api/v1/emergency/entries", &entry).unwrap(), 403, "role", "tiếp nhận");
    let entered = counter.post("/api/v1/emergency/entries", &entry).unwrap();
    assert_eq!(entered.status, 201, "{}", entered.text());
}

#[test]
fn a_block_is_drawn_printed_entered_and_settled_on_the_page() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    let site = city.site(WARDS_1[0]);
    site.stop().unwrap();
    let clock = WallClock::of(&mut site.process, &site.data).unwrap();
    let noon = 86_400 + 12 * 3_600 - (now() / 1_000 + 7 * 3_600) % 86_400;
    clock.leap(noon).unwrap();
    site.process.start().unwrap();
    let client = site.process.client();
    up(&client);
    drive(&["emergency.mjs", &page], |what| {
        let (word, _) = what.split_once(' ').unwrap_or((what, ""));
        match word {
            "later" => clock.leap(noon + 3_600).unwrap(),
            "tomorrow" => clock.leap(noon + 86_400).unwrap(),
            _ => return None,
        }
        Some("done".into())
    });
    let blocks = told(&client)["blocks"].as_array().unwrap().clone();
    assert_eq!((blocks.len(), &blocks[0]["open"]), (1, &json!(0)));
    assert_eq!(blocks[0]["codes"][0]["fate"], "entered");
}
