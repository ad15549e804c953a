//! Closed dossiers leave a ward's machine, are found as before, and come back when they are opened.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, Registered, Trouble, application, fresh_key},
    http::Client,
    patience::wait_for,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

const STEPS: [u64; 3] = [4, 9, 10];

fn scan_file(data: &Path, hash: &str) -> PathBuf {
    data.join("attachments").join(&hash[..2]).join(&hash[2..4]).join(hash)
}

fn line_of(client: Client, dossier: &Registered) -> Value {
    let found = client.get(&format!("/api/v1/dossiers?q={}", dossier.code)).unwrap().json();
    found["dossiers"][0].clone()
}

fn looks(client: Client) -> f64 {
    let text = client.get("/metrics").unwrap().text();
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix("motcua_eviction_looks_total "));
    found.unwrap().trim().parse().unwrap()
}

fn refused(trouble: Result<Value, Trouble>) -> (u16, Value) {
    match trouble {
        Err(Trouble::Refused(answer)) => (answer.status, answer.json()["error"].clone()),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn closed_dossiers_leave_are_found_and_come_back_with_their_scans_and_a_waiting_result_stays() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let ward = WARDS_1[0];
    // The district's hub has everything, the city's nothing yet.
    city.site(DISTRICT_1).line.cut();
    city.site(ward).stop().unwrap();
    let trial = "[eviction]\nafter_seconds = 1\nevery_seconds = 1\n[links]\nidle_seconds = 3\n";
    city.site(ward).add_settings(trial).unwrap();
    city.site(ward).start_ready().unwrap();
    let (client, data) = (city.site(ward).process.client(), city.site(ward).data.clone());
    let desk = Desk::new(client);
    let made: Vec<Registered> =
        (0..3).map(|_| desk.register(&fresh_key(), &application(&mut seed)).unwrap()).collect();
    let (first, second, waiting) = (&made[0], &made[1], &made[2]);
    let paper = [b"%PDF-1.7\n".to_vec(), seed.bits().to_le_bytes().repeat(9_000)].concat();
    let path = format!("/api/v1/dossiers/{}/attachments", first.id);
    let answer = client.send("POST", &format!("{path}?name=don.pdf"), &[], &paper).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let scan = answer.json();
    let file = scan_file(&data, scan["hash"].as_str().unwrap());
    // The same paper in a dossier that closes and in one that does not.
    let shared = [b"%PDF-1.7\n".to_vec(), seed.bits().to_le_bytes().repeat(500)].concat();
    let mut kept = PathBuf::new();
    for dossier in [second, waiting] {
        let path = format!("/api/v1/dossiers/{}/attachments?name=chung.pdf", dossier.id);
        let answer = client.send("POST", &path, &[], &shared).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        kept = scan_file(&data, answer.json()["hash"].as_str().unwrap());
    }
    wait_for("the hub has the scans", || desk.sync().unwrap()["unsent_scans"] == 0);
    assert!(file.exists());
    let mut whole = Value::Null;
    for dossier in &made {
        STEPS[..2].iter().for_each(|to| drop(desk.step(&dossier.id, *to, "").unwrap()));
        if dossier != waiting {
            desk.step(&dossier.id, 10, "").unwrap();
        }
        if dossier == first {
            whole = desk.detail(&first.id).unwrap();
        }
    }

    wait_for("the district has all of it", || desk.sync().unwrap()["unsent"] == 0);
    let before = looks(client);
    wait_for("they are looked at thrice", || looks(client) >= before + 3.0);
    let sync = desk.sync().unwrap();
    assert_eq!((&sync["away"], &sync["city_received_seq"]), (&json!(0), &json!(0)));
    city.site(DISTRICT_1).line.restore();

    // Two go; their lines are what they were but for the word.
    wait_for("two have left", || desk.sync().unwrap()["away"] == 2);
    wait_for("the scan has left with them", || !file.exists());
    for dossier in [first, second] {
        let line = line_of(client, dossier);
        assert_eq!((&line["sync"], &line["state"]), (&json!("away"), &json!(10)), "{line}");
    }
    let name = whole["applicant_name"].as_str().unwrap();
    assert_eq!(line_of(client, first)["applicant"], name);
    let stays = desk.detail(&waiting.id).unwrap();
    assert_eq!((&stays["away"], &stays["state"]), (&json!(false), &json!(9)));
    let report = client.send("POST", "/api/v1/verify", &[], b"").unwrap().json();
    assert_eq!(report["last"]["differing"], 0, "the check with the hub is quiet: {report}");
    assert_eq!(desk.sync().unwrap()["away"], 2);

    // No network: what is known is shown, and who wants more is told why not.
    city.site(ward).line.cut();
    wait_for("the link is gone", || desk.sync().unwrap()["link"] != "connected");
    let stub = desk.detail(&first.id).unwrap();
    assert_eq!((&stub["away"], &stub["history"]), (&json!(true), &json!([])));
    for known in ["applicant_name", "code", "state", "procedure_name", "received", "due"] {
        assert_eq!(stub[known], whole[known], "{known}");
    }
    let (status, error) = refused(desk.note(&first.id, "hỏi lại"));
    assert_eq!((status, &error["code"]), (409, &json!("away")));
    assert!(error["message_vi"].as_str().unwrap().contains("hub"), "{error}");

    // The network is back: one look brings all of it, and the scan when somebody opens it.
    city.site(ward).line.restore();
    wait_for("the link is back", || desk.sync().unwrap()["link"] == "connected");
    let back = desk.detail(&first.id).unwrap();
    assert_eq!((&back["away"], &back["heads"]), (&json!(false), &whole["heads"]));
    let entries = |of: &Value| of["history"].as_array().unwrap().len();
    assert_eq!((entries(&back), entries(&whole)), (5, 5));
    assert_eq!(back["applicant"], whole["applicant"]);
    let path = format!("{path}/{}", scan["id"].as_str().unwrap());
    wait_for("the scan has come", || client.get(&path).unwrap().status == 200);
    assert_eq!(client.get(&path).unwrap().body, paper);
    desk.note(&first.id, "đã trả lời").unwrap();
    wait_for("the hub has the note", || desk.sync().unwrap()["unsent"] == 0);
    assert_eq!(desk.sync().unwrap()["held"], 0);
    let before = looks(client);
    wait_for("they are looked at thrice", || looks(client) >= before + 3.0);
    assert_eq!(desk.sync().unwrap()["away"], 1, "what came back stays for a day");

    assert!(kept.exists(), "a dossier that is here names it");

    // The journal says the same again.
    city.site(ward).stop().unwrap();
    fs::remove_dir_all(city.site(ward).state_dir()).unwrap();
    city.site(ward).line.cut();
    city.site(ward).start_ready().unwrap();
    let desk = Desk::new(city.site(ward).process.client());
    wait_for("the state is rebuilt", || desk.sync().unwrap()["state_applying"] == false);
    assert_eq!(desk.sync().unwrap()["away"], 1);
    assert_eq!(desk.detail(&second.id).unwrap()["away"], true);
    assert_eq!(entries(&desk.detail(&first.id).unwrap()), 6);
    city.site(ward).line.restore();
    city.stop_all().unwrap();
}
