//! The clerk's page under real hands, in a real browser. Needs chromium and the page driver's packages,
//! which `./check` installs.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
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
