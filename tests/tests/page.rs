//! The pages in a real browser: what a clerk does, and what the line at the top says while the hub is
//! away; how an operator gets into the console and out. Needs chromium and the page driver's
//! packages, which `./check` installs.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
};

#[test]
fn a_clerk_registers_forwards_and_sees_the_hub_go_and_come_back() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (from, to) = (WARDS_1[0], WARDS_1[1]);
    let page = format!("http://{}", city.site(from).page);
    let office = city.site(to).office.clone();
    let mut done = None;
    drive(&["drive.mjs", &page, &office], |said| {
        match said {
            "hub stop" => city.site(DISTRICT_1).stop().unwrap(),
            "hub start" => city.site(DISTRICT_1).start_ready().unwrap(),
            other => {
                done = other.strip_prefix("done ").map(str::to_owned);
                return None;
            }
        }
        Some("done".into())
    });
    // What was forwarded by hand is at the other ward.
    let id = done.expect("the driver names the dossier");
    let there = city.site(to).process.client().get(&format!("/api/v1/dossiers/{id}")).unwrap();
    assert_eq!(there.json()["state"], 4);
}

#[test]
fn an_operator_logs_in_to_the_console_and_leaves_nothing_on_the_screen() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (hub, name) = (city.site(DISTRICT_1), "Nguyễn Thị Mẫu");
    hub.add_operator(name).unwrap();
    let page = format!("http://{}", hub.page);
    drive(&["console.mjs", &page, name], |said| match said {
        "operator" => Some(hub.add_operator(name).unwrap()),
        _ => None,
    });
}
