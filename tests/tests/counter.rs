//! The clerk's page under real hands, in a real browser. Needs chromium and the page driver's packages,
//! which `./check` installs.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    seed::Seed,
};
use serde_json::Value;

/// The list of a node's page: codes by name.
fn listed(city: &mut City) -> Vec<(String, String)> {
    let client = city.site(WARDS_1[0]).process.client();
    let list = client.get("/api/v1/dossiers?limit=200").unwrap().json();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = list["dossiers"].as_array().unwrap().iter();
    let mut lines: Vec<_> =
        lines.map(|line| (text(line, "applicant"), text(line, "code"))).collect();
    lines.sort();
    lines
}

#[test]
fn a_double_click_a_held_key_and_a_scanner_register_one_dossier_each() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    let mut codes = Vec::new();
    drive(&["presses.mjs", &page], |said| {
        codes.extend(said.strip_prefix("code ").map(str::to_owned));
        None
    });
    let names = ["Bấm Đúp Mẫu", "Giữ Phím Mẫu", "Máy Quét Mẫu"];
    let expected: Vec<_> = names.map(str::to_owned).into_iter().zip(codes).collect();
    assert_eq!(expected.len(), 3);
    assert_eq!(listed(&mut city), expected, "one each, and the code that was shown");
}

#[test]
fn one_draft_in_two_tabs_and_on_two_pcs_loses_nothing_and_becomes_one_dossier() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    let mut made = Vec::new();
    drive(&["drafts.mjs", &page], |said| {
        let site = city.site(WARDS_1[0]);
        match said {
            "node kill" => site.process.kill().unwrap(),
            "node start" => site.start_ready().unwrap(),
            other => {
                let draft = other.strip_prefix("draft ").and_then(|rest| rest.rsplit_once(' '));
                made.extend(draft.map(|(name, code)| (name.to_owned(), code.to_owned())));
                return None;
            }
        }
        Some("done".into())
    });
    made.sort();
    assert_eq!(made.len(), 3);
    assert_eq!(listed(&mut city), made, "one dossier each, under the code that was shown");
    let client = city.site(WARDS_1[0]).process.client();
    let waiting = client.get("/api/v1/drafts").unwrap().json();
    assert_eq!(waiting["drafts"].as_array().unwrap().len(), 0, "{waiting}");
}

#[test]
fn ten_tabs_of_one_browser_are_all_there_and_none_shows_an_old_state() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let site = city.site(WARDS_1[0]);
    let page = format!("http://{}", site.page);
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let desk = Desk::new(site.process.client());
    let tabs: Vec<String> = (0..10)
        .map(|_| desk.register(&fresh_key(), &application(&mut seed)).unwrap())
        .map(|made| format!("{page}/#/d/{}", made.id))
        .collect();
    drive(&["tabs.mjs", &page, &tabs.join(",")], |said| {
        match said {
            "hub stop" => city.site(DISTRICT_1).stop().unwrap(),
            "hub start" => city.site(DISTRICT_1).start_ready().unwrap(),
            "asleep" => {
                wait_for("the machine knows", || {
                    desk.sync().is_ok_and(|state| state["link"] != "connected")
                });
            }
            _ => return None,
        }
        Some("done".into())
    });
    assert_eq!(listed(&mut city).len(), 11);
}

#[test]
fn ten_tabs_on_the_console_are_all_there_and_none_shows_an_old_state() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let (hub, name) = (city.site(DISTRICT_1), "Nguyễn Thị Mẫu");
    let page = format!("http://{}", hub.page);
    drive(&["hub_tabs.mjs", &page, name], |said| {
        match said {
            "operator" => return Some(city.site(DISTRICT_1).add_operator(name).unwrap()),
            "parent stop" => city.site(CITY).stop().unwrap(),
            "parent start" => city.site(CITY).start_ready().unwrap(),
            _ => return None,
        }
        Some("done".into())
    });
}
