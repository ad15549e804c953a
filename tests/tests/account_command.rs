//! Accounts on the command line of the machine: what it may, what it says, and that nobody else may.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    people::{first_account, log_in, try_log_in},
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// Exit code and what was said.
fn run(data: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(&Binaries::ready().unwrap().node)
        .arg("account")
        .args(arguments)
        .arg("--config")
        .arg(data.join("node.toml"))
        .output()
        .unwrap();
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn json_of(data: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, said) = run(data, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[test]
fn the_command_line_of_the_machine_does_with_accounts_what_the_page_does() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let (client, data) = (site.process.client(), site.data.clone());
    // Whoever made accounts before the head's would lock the office out.
    let add = ["add", "quay1", "Nguyễn Thị Mẫu An", "--role", "reception"];
    assert_eq!(json_of(&data, &add).1["error"]["code"], "log_in");
    let head = first_account(client, &data, "trưởng phòng 2026").unwrap();

    let (code, made) = json_of(&data, &add);
    assert_eq!((code, &made["account"]["roles"]), (0, &json!(["reception"])), "{made}");
    let given = made["password"].as_str().unwrap();
    let an = log_in(client, "quay1", given).unwrap();
    let (code, again) = json_of(&data, &add);
    assert_eq!((code, &again["error"]["code"]), (5, &json!("login_taken")));
    assert_eq!(run(&data, &["add", "quay2", "B", "--role", "vua"]).0, 5);
    assert_eq!(run(&data, &["add", "quay2", "B"]).0, 2, "a role has to be said");

    let (code, said) = run(&data, &["list"]);
    assert_eq!(code, 0);
    assert!(said.contains("Nguyễn Thị Mẫu An (quay1): reception"), "{said}");
    let roles = ["role", "QUAY1", "--role", "treasurer", "--role", "specialist"];
    assert_eq!(json_of(&data, &roles).1["account"]["roles"], json!(["specialist", "treasurer"]));
    assert_eq!(json_of(&data, &["close", "ai đó"]).1["error"]["code"], "no_account");
    assert_eq!(json_of(&data, &["close", "lanhdao"]).1["error"]["code"], "last_admin");

    let (_, reset) = json_of(&data, &["reset", "Nguyễn Thị Mẫu An"]);
    assert_eq!(an.get("/api/v1/dossiers").unwrap().status, 401, "its sessions are over");
    assert_eq!(try_log_in(client, "quay1", given).unwrap().status, 401);
    assert_eq!(
        try_log_in(client, "quay1", reset["password"].as_str().unwrap()).unwrap().status,
        200
    );
    assert_eq!(json_of(&data, &["codes", "quay1"]).1["codes"].as_array().unwrap().len(), 10);
    assert_eq!(json_of(&data, &["close", "quay1"]).1["account"]["closed"], true);
    assert!(run(&data, &["list"]).1.contains("(quay1): specialist, treasurer [đã khóa]"));
    assert_eq!(json_of(&data, &["open", "quay1"]).1["account"]["closed"], false);

    let (_, token) = json_of(&data, &["token", "add", "Kế toán", "--role", "treasurer"]);
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let asked = || client.send("GET", "/api/v1/dossiers", &[("authorization", &bearer)], b"");
    assert_eq!(asked().unwrap().status, 200);
    assert_eq!(run(&data, &["token", "revoke", "Kế toán"]).0, 0);
    assert_eq!(asked().unwrap().status, 401);
    assert_eq!(json_of(&data, &["token", "list"]).1["tokens"][0]["closed"], true);

    // The act is the command line's in the history.
    let all = head.get("/api/v1/accounts").unwrap().json();
    let history = all["accounts"][1]["history"].as_array().unwrap();
    assert_eq!(history.last().unwrap()["by"], "Dòng lệnh trên máy");

    // Without the machine's token nothing is done, and what is wrong is said.
    let token = data.join("people/token");
    let kept = fs::read(&token).unwrap();
    fs::write(&token, "khong-phai").unwrap();
    assert_eq!(json_of(&data, &["list"]).1["error"]["code"], "token");
    assert_eq!(json_of(&data, &["reset", "lanhdao"]).0, 5);
    fs::write(&token, kept).unwrap();
    city.site(WARDS_1[0]).stop().unwrap();
    let (code, said) = run(&data, &["list"]);
    assert!(code == 1 && said.contains("start it first"), "{code} {said}");
}

#[test]
fn commands_are_completed_in_a_shell() {
    let node = &Binaries::ready().unwrap().node;
    let script = Command::new(node).args(["completions", "bash"]).output().unwrap();
    let script = String::from_utf8(script.stdout).unwrap();
    for word in ["account", "token", "revoke", "reset"] {
        assert!(script.contains(word), "{word}");
    }
}
