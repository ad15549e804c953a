//! Accounts of an office over the API of real nodes: log-in without a network, roles, and what of it holds
//! when a machine is beside another one, loses its state, or has a clock that leaps.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    clock::WallClock,
    desk::application,
    http::{Answer, Client},
    machines::two_counters,
    patience::wait_for,
    people::{Person, account, first_account, log_in, session, set_up_code, try_log_in},
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};

const HEAD: &str = "trưởng phòng 2026";
const CLERK: &str = "quầy số một 2026";

fn is(answer: &Answer, status: u16, code: &str) {
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (status, Some(code)), "{}", answer.text());
    for language in ["message_vi", "message_en"] {
        assert!(!error[language].as_str().unwrap().is_empty());
    }
}

fn one_ward() -> City {
    City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap()
}

/// The head's session, and a clerk of the counter with id.
fn staffed(client: Client, data: &std::path::Path) -> (Person, String, Person) {
    let head = first_account(client, data, HEAD).unwrap();
    let (id, clerk) =
        account(&head, ("quay1", "Nguyễn Thị Mẫu An"), &["reception"], CLERK).unwrap();
    (head, id, clerk)
}

fn registered(person: &Person, seed: &mut Seed) -> String {
    let mut body = application(seed);
    body["clerk"] = "Kẻ mạo danh".into();
    let made = person.post("/api/v1/dossiers", &body).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn history(person: &Person, id: &str) -> Value {
    person.get(&format!("/api/v1/dossiers/{id}")).unwrap().json()["history"].clone()
}

#[test]
fn an_office_is_open_until_its_head_has_an_account_and_then_nobody_gets_in_without_one() {
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let told = client.get("/api/v1/session").unwrap().json();
    assert_eq!((&told["accounts"], &told["person"]), (&json!(false), &json!(null)));
    assert_eq!(client.get("/api/v1/dossiers").unwrap().status, 200);
    // Nobody can lock the office out from a PC of it.
    let body = json!({ "login": "an", "name": "An", "roles": ["admin"] });
    is(&client.post("/api/v1/accounts", &[], &body).unwrap(), 401, "log_in");
    let first = |code: &str, password: &str| {
        let body = json!({ "code": code, "login": "an", "name": "An", "password": password });
        client.post("/api/v1/accounts/first", &[], &body).unwrap()
    };
    is(&first("0000-0000-0000-0000-0000", HEAD), 403, "set_up_code");
    let void = set_up_code(&data).unwrap();
    let code = set_up_code(&data).unwrap();
    is(&first(&void, HEAD), 403, "set_up_code");
    is(&first(&code, "ngắn"), 422, "invalid");

    let head = first_account(client, &data, HEAD).unwrap();
    let again = set_up_code(&data).unwrap();
    is(&first(&again, HEAD), 409, "set_up_done");
    let told = head.get("/api/v1/session").unwrap().json();
    assert_eq!(told["person"]["roles"], json!(["leader", "admin"]), "{told}");

    for path in ["/", "/app.js", "/healthz", "/readyz", "/metrics", "/api/v1/office"] {
        assert_eq!(client.get(path).unwrap().status, 200, "{path}");
    }
    for path in ["dossiers", "sync", "events", "drafts", "lists", "bundle", "accounts", "export"] {
        is(&client.get(&format!("/api/v1/{path}")).unwrap(), 401, "log_in");
    }
    is(&client.post("/api/v1/dossiers", &[], &json!({})).unwrap(), 401, "log_in");
    // A session changes nothing for a page that does not say which it is.
    let cookie = [("cookie", head.cookie.as_str())];
    is(&client.post("/api/v1/drafts/x", &cookie, &json!({})).unwrap(), 403, "origin");
    assert_eq!(head.delete("/api/v1/session").unwrap().status, 204);
    is(&head.get("/api/v1/dossiers").unwrap(), 401, "log_in");
    // The command line of the machine bears the machine's own token.
    let token = fs::read_to_string(data.join("people/token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    let answer = client.send("GET", "/api/v1/dossiers", &[("authorization", &bearer)], b"");
    assert_eq!(answer.unwrap().status, 200);
    let answer = client.send("GET", "/api/v1/dossiers", &[("authorization", "Bearer x")], b"");
    is(&answer.unwrap(), 401, "token");
}

#[test]
fn who_did_it_comes_from_the_session_and_a_role_that_may_not_is_told_which_may() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let (head, id, clerk) = staffed(client, &data);
    let (_, money) =
        account(&head, ("thuquy", "Lê Văn Mẫu Bình"), &["treasurer"], "thủ quỹ 2026").unwrap();
    // A name and a login are given once.
    let twice = |login: &str, name: &str| {
        let body = json!({ "login": login, "name": name, "roles": ["reception"] });
        head.post("/api/v1/accounts", &body).unwrap()
    };
    is(&twice("QUAY1", "Khác"), 409, "login_taken");
    is(&twice("khac", "nguyễn thị mẫu an"), 409, "name_taken");
    is(&twice("a b", "Khác"), 422, "invalid");

    let dossier = registered(&clerk, &mut seed);
    let lines = history(&clerk, &dossier);
    assert!(lines.to_string().contains("Nguyễn Thị Mẫu An"), "{lines}");
    assert!(!lines.to_string().contains("mạo danh"), "{lines}");
    let step = |person: &Person, to: u8| {
        let body = json!({ "to": to, "note": "thử vai trò", "clerk": "Kẻ mạo danh" });
        person.post(&format!("/api/v1/dossiers/{dossier}/moves"), &body).unwrap()
    };
    assert_eq!(step(&clerk, 4).status, 200);
    let refused = step(&clerk, 8);
    is(&refused, 403, "role");
    assert!(refused.json()["error"]["message_vi"].as_str().unwrap().contains("lãnh đạo"));
    is(&step(&money, 4), 403, "role");
    is(&money.post("/api/v1/dossiers", &application(&mut seed)).unwrap(), 403, "role");
    is(&clerk.get("/api/v1/accounts").unwrap(), 403, "role");
    is(&head.post("/api/v1/dossiers", &application(&mut seed)).unwrap(), 403, "role");
    assert_eq!(step(&head, 8).status, 200);
    let state = head.get(&format!("/api/v1/dossiers/{dossier}")).unwrap().json();
    assert_eq!(state["state"], 8);

    // An account is no dossier, under whichever route.
    for path in [format!("/api/v1/dossiers/{id}"), format!("/api/v1/dossiers/{id}/attachments")] {
        assert_eq!(head.get(&path).unwrap().status, 404, "{path}");
    }
    let note = head.post(&format!("/api/v1/dossiers/{id}/notes"), &json!({ "text": "x" })).unwrap();
    assert_eq!(note.status, 404);
    let found = head.get("/api/v1/dossiers").unwrap().json();
    assert_eq!(found["dossiers"].as_array().unwrap().len(), 1, "{found}");

    // Another session of the clerk goes with the roles that stand.
    let body = json!({ "roles": ["specialist"] });
    let changed = head.post(&format!("/api/v1/accounts/{id}/roles"), &body).unwrap();
    assert_eq!(changed.status, 200, "{}", changed.text());
    is(&clerk.post("/api/v1/dossiers", &application(&mut seed)).unwrap(), 403, "role");
    // Closing it ends the session, and nobody logs in.
    assert_eq!(
        head.post(&format!("/api/v1/accounts/{id}/closing"), &json!({})).unwrap().status,
        200
    );
    is(&clerk.get("/api/v1/dossiers").unwrap(), 401, "log_in");
    is(&try_log_in(client, "quay1", CLERK).unwrap(), 401, "wrong");
    let me = head.get("/api/v1/session").unwrap().json()["person"]["id"].clone();
    let own = format!("/api/v1/accounts/{}/closing", me.as_str().unwrap());
    is(&head.post(&own, &json!({})).unwrap(), 409, "last_admin");
    // History keeps the name.
    assert!(history(&head, &dossier).to_string().contains("Nguyễn Thị Mẫu An"));
}

#[test]
fn an_unknown_login_is_answered_like_a_wrong_password_and_takes_as_long() {
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let (head, _, clerk) = staffed(client, &data);
    let closed =
        account(&head, ("cu", "Trần Văn Mẫu Cũ"), &["reception"], "đã nghỉ việc 1").unwrap().0;
    head.post(&format!("/api/v1/accounts/{closed}/closing"), &json!({})).unwrap();
    let timed = |login: &str, password: &str| {
        let begun = Instant::now();
        let answer = try_log_in(client, login, password).unwrap();
        (begun.elapsed(), answer)
    };
    let asked = [("quay1", "sai mật khẩu"), ("khongco", "sai mật khẩu"), ("cu", "đã nghỉ việc 1")];
    let mut shortest = [Duration::MAX; 3];
    for _ in 0..2 {
        for (n, (login, password)) in asked.iter().enumerate() {
            let (time, answer) = timed(login, password);
            is(&answer, 401, "wrong");
            let words = &answer.json()["error"]["message_vi"];
            assert_eq!(words, "Tên đăng nhập hoặc mật khẩu không đúng.");
            shortest[n] = shortest[n].min(time);
        }
        // Three slips cost no wait; a log-in that is right forgives the address, and no other login.
        log_in(client, "lanhdao", HEAD).unwrap();
    }
    println!("wrong, unknown, closed: {shortest:?}");
    let (least, most) = (shortest.iter().min().unwrap(), shortest.iter().max().unwrap());
    assert!(*most < *least * 3 && *least > Duration::from_millis(5), "{shortest:?}");

    // Waits begin alike for a login that is one and for one that is none.
    let failures = |login: &str| {
        let mut tries = (0..10).map(|_| timed(login, "sai mật khẩu").1.status);
        let count = tries.by_ref().take_while(|status| *status == 401).count();
        wait_for("the wait is over", || log_in(client, "lanhdao", HEAD).is_ok());
        count
    };
    let (none, one) = (failures("khongco"), failures("quay1"));
    assert_eq!((none, one), (2, 2), "two were before");
    // The right password waits as well.
    for _ in 0..4 {
        timed("quay1", "sai mật khẩu");
    }
    is(&timed("quay1", CLERK).1, 429, "too_often");
    // Whoever is in stays in.
    assert_eq!(clerk.get("/api/v1/dossiers").unwrap().status, 200);
}

#[test]
fn recovery_codes_work_once_each_and_a_given_password_has_to_be_changed() {
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let (head, id, clerk) = staffed(client, &data);
    is(&clerk.post(&format!("/api/v1/accounts/{id}/recovery"), &json!({})).unwrap(), 403, "role");
    let sheet = head.post(&format!("/api/v1/accounts/{id}/recovery"), &json!({})).unwrap().json();
    let codes = sheet["codes"].as_array().unwrap().clone();
    assert_eq!((codes.len(), &sheet["account"]["codes"]), (10, &json!(10)));
    let recover = |code: &Value, password: &str| {
        let body = json!({ "login": "quay1", "code": code, "password": password });
        client.post("/api/v1/session/recovery", &[], &body).unwrap()
    };
    is(&recover(&json!("1111-2222-3333-4444-5555"), "mật khẩu mới 1"), 401, "wrong");
    let back = recover(&codes[0], "mật khẩu mới 1");
    assert_eq!(back.status, 200, "{}", back.text());
    // The password is another one, so the session from before has ended.
    is(&clerk.get("/api/v1/dossiers").unwrap(), 401, "log_in");
    is(&recover(&codes[0], "mật khẩu mới 2"), 401, "wrong");
    is(&try_log_in(client, "quay1", CLERK).unwrap(), 401, "wrong");
    assert!(log_in(client, "quay1", "mật khẩu mới 1").is_ok());
    // A new sheet voids the old one.
    head.post(&format!("/api/v1/accounts/{id}/recovery"), &json!({})).unwrap();
    is(&recover(&codes[1], "mật khẩu mới 2"), 401, "wrong");

    let given = head.post(&format!("/api/v1/accounts/{id}/password"), &json!({})).unwrap().json();
    let given = given["password"].as_str().unwrap();
    let clerk = log_in(client, "quay1", given).unwrap();
    is(&clerk.get("/api/v1/dossiers").unwrap(), 403, "change_password");
    let change = |old: &str, new: &str| {
        clerk.post("/api/v1/session/password", &json!({ "old": old, "new": new })).unwrap()
    };
    is(&change("sai sai sai", "mật khẩu mới 3"), 401, "wrong");
    is(&change(given, "quay1quay1"), 422, "invalid");
    let clerk = session(client, &change(given, "mật khẩu mới 3")).unwrap();
    assert_eq!(clerk.get("/api/v1/dossiers").unwrap().status, 200);
}

#[test]
fn a_program_bears_a_token_with_roles_and_a_name_until_it_is_revoked() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    let (head, _, clerk) = staffed(client, &data);
    let body = json!({ "name": "Phần mềm Hộ tịch", "roles": ["reception"] });
    is(&clerk.post("/api/v1/tokens", &body).unwrap(), 403, "role");
    let made = head.post("/api/v1/tokens", &body).unwrap().json();
    let token = format!("Bearer {}", made["token"].as_str().unwrap());
    let known = head.get("/api/v1/tokens").unwrap();
    assert!(!known.text().contains(made["token"].as_str().unwrap()), "it is shown once");
    let bearer = [("authorization", token.as_str())];
    let dossier = client.post("/api/v1/dossiers", &bearer, &application(&mut seed)).unwrap();
    assert_eq!(dossier.status, 201, "{}", dossier.text());
    let id = dossier.json()["id"].as_str().unwrap().to_owned();
    assert!(history(&head, &id).to_string().contains("Phần mềm Hộ tịch"));
    let step = client
        .post(&format!("/api/v1/dossiers/{id}/moves"), &bearer, &json!({ "to": 8, "note": "x" }))
        .unwrap();
    is(&step, 403, "role");
    let account = made["account"]["id"].as_str().unwrap();
    assert_eq!(
        head.post(&format!("/api/v1/accounts/{account}/closing"), &json!({})).unwrap().status,
        200
    );
    let late = client.send("GET", "/api/v1/dossiers", &bearer, b"").unwrap();
    is(&late, 401, "token");
}

#[test]
fn accounts_are_the_office_s_on_both_its_machines_and_outlive_the_state() {
    let mut city = one_ward();
    let code = WARDS_1[0];
    let (mut second, there) = two_counters(&mut city, code).unwrap();
    let site = city.site(code);
    let (one, two, data) = (site.process.client(), second.client(), site.data.clone());
    let (head, id, _) = staffed(one, &data);
    // Neither machine has a line to the hub.
    wait_for("the other machine knows the clerk", || log_in(two, "quay1", CLERK).is_ok());
    is(&two.get("/api/v1/dossiers").unwrap(), 401, "log_in");
    let at_two = log_in(two, "quay1", CLERK).unwrap();
    // What one closes ends at the other too.
    assert_eq!(
        head.post(&format!("/api/v1/accounts/{id}/closing"), &json!({})).unwrap().status,
        200
    );
    wait_for("the session ends there", || at_two.get("/api/v1/sync").unwrap().status == 401);
    let body = json!({});
    assert_eq!(head.post(&format!("/api/v1/accounts/{id}/opening"), &body).unwrap().status, 200);
    wait_for("it is open there again", || log_in(two, "quay1", CLERK).is_ok());

    // The state goes; nobody is let in meanwhile who was not before, and everybody is who was.
    second.stop(Duration::from_secs(30)).unwrap();
    fs::remove_dir_all(there.join("state")).unwrap();
    second.start().unwrap();
    wait_for("it answers", || two.get("/api/v1/session").is_ok_and(|told| told.status == 200));
    is(&two.get("/api/v1/dossiers").unwrap(), 401, "log_in");
    assert!(log_in(two, "quay1", CLERK).is_ok());
    second.wait_ready(motcua_tests::city::START).unwrap();
    assert!(log_in(two, "quay1", CLERK).is_ok());
    second.stop(Duration::from_secs(30)).unwrap();
}

#[test]
fn who_saw_a_dossier_is_told_to_the_head_once_a_person_and_outlives_a_kill() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = one_ward();
    let code = WARDS_1[0];
    let (mut second, _) = two_counters(&mut city, code).unwrap();
    let site = city.site(code);
    let (client, two, data) = (site.process.client(), second.client(), site.data.clone());
    // While nobody is known nobody is written down.
    let early = client.post("/api/v1/dossiers", &[], &application(&mut seed)).unwrap().json();
    let early = early["id"].as_str().unwrap().to_owned();
    client.get(&format!("/api/v1/dossiers/{early}")).unwrap();
    let (head, _, clerk) = staffed(client, &data);
    let (one, other) = (registered(&clerk, &mut seed), registered(&clerk, &mut seed));
    let names = |person: &Person, id: &str| {
        let told = person.get(&format!("/api/v1/dossiers/{id}/views")).unwrap().json();
        let views = told["views"].as_array().unwrap().clone();
        views.iter().map(|one| one["by"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for _ in 0..5 {
        assert_eq!(clerk.get(&format!("/api/v1/dossiers/{one}")).unwrap().status, 200);
    }
    clerk.get(&format!("/api/v1/dossiers/{one}/attachments")).unwrap();
    head.get(&format!("/api/v1/dossiers/{one}")).unwrap();
    let both = ["Phạm Thị Mẫu Hạnh", "Nguyễn Thị Mẫu An"];
    assert_eq!(names(&head, &one), both);
    // Asking who saw it is no view; another dossier has lines of its own.
    assert_eq!(names(&head, &one), both);
    assert_eq!(names(&head, &other), [""; 0]);
    assert_eq!(names(&head, &early), [""; 0]);
    is(&clerk.get(&format!("/api/v1/dossiers/{one}/views")).unwrap(), 403, "role");
    // Log-ins stand apart, without what was typed.
    try_log_in(client, "mật khẩu của tôi", "x").unwrap();
    let door = head.get("/api/v1/audit").unwrap();
    for what in ["logged_in", "refused", "forbidden"] {
        assert!(door.text().contains(what), "{what} {}", door.text());
    }
    assert!(!door.text().contains("mật khẩu của tôi"));

    // The office's other machine tells it too, and what was written outlives a kill.
    wait_for("the other machine knows", || {
        log_in(two, "lanhdao", HEAD).is_ok_and(|head| names(&head, &one) == both)
    });
    site.process.kill().unwrap();
    site.start_ready().unwrap();
    let head = log_in(client, "lanhdao", HEAD).unwrap();
    assert_eq!(names(&head, &one), both);
    let metrics = client.get("/metrics").unwrap().text();
    assert!(metrics.contains("motcua_audit_lost_total 0"), "{metrics}");
    second.stop(Duration::from_secs(30)).unwrap();
}

#[test]
fn the_page_locks_keeps_what_was_typed_and_lets_another_person_begin_afresh() {
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    let (page, data) = (format!("http://{}", site.page), site.data.clone());
    let mut done = None;
    drive(&["people.mjs", &page], |said| match said {
        "code" => Some(set_up_code(&data).unwrap()),
        other => {
            done = other.strip_prefix("done ").map(str::to_owned);
            None
        }
    });
    // What was typed before the lock and saved behind it is hers.
    let head = log_in(city.site(WARDS_1[0]).process.client(), "lanhdao", "một hai ba bốn").unwrap();
    let lines = history(&head, &done.expect("the driver names the dossier"));
    assert!(lines.to_string().contains("Nguyễn Thị Mẫu An"), "{lines}");
}

#[test]
fn a_clock_that_leaps_logs_nobody_out() {
    let mut city = one_ward();
    let site = city.site(WARDS_1[0]);
    site.stop().unwrap();
    let clock = WallClock::of(&mut site.process, &site.data).unwrap();
    site.start_ready().unwrap();
    let (client, data) = (site.process.client(), site.data.clone());
    let (head, id, clerk) = staffed(client, &data);
    for ahead in [7 * 3_600, 0] {
        clock.leap(ahead).unwrap();
        for person in [&head, &clerk] {
            assert_eq!(person.get("/api/v1/dossiers").unwrap().status, 200, "{ahead}");
        }
    }
    // What was changed by the wrong clock is put right by the right one.
    clock.leap(7 * 3_600).unwrap();
    let roles = |roles: &[&str]| {
        head.post(&format!("/api/v1/accounts/{id}/roles"), &json!({ "roles": roles }))
            .unwrap()
            .json()["account"]["roles"]
            .clone()
    };
    assert_eq!(roles(&["treasurer"]), json!(["treasurer"]));
    clock.leap(0).unwrap();
    assert_eq!(roles(&["reception"]), json!(["reception"]));
}
