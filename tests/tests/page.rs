//! The clerk's page in a real browser: what a clerk does, and what the line at the top says while the
//! hub is away. Needs chromium and the page driver's packages, which `./check` installs.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use motcua_tests::city::{CITY, City, DISTRICT_1, WARDS_1};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn a_clerk_registers_forwards_and_sees_the_hub_go_and_come_back() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        here.join("page/node_modules/playwright-core").is_dir(),
        "the page driver's packages are missing: run npm ci in tests/page"
    );
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (from, to) = (WARDS_1[0], WARDS_1[1]);
    let page = format!("http://{}", city.site(from).process.client().address);
    let office = city.site(to).office.clone();
    let mut driver = Command::new("timeout")
        .args(["--kill-after=5", "240", "node", "drive.mjs"])
        .arg(&page)
        .arg(&office)
        .arg(here.join("../target/page"))
        .current_dir(here.join("page"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = driver.stdin.take().unwrap();
    let mut done = None;
    for said in BufReader::new(driver.stdout.take().unwrap()).lines() {
        let said = said.unwrap();
        println!("page driver: {said}");
        match said.as_str() {
            "hub stop" => city.site(DISTRICT_1).stop().unwrap(),
            "hub start" => city.site(DISTRICT_1).start_ready().unwrap(),
            other => {
                done = other.strip_prefix("done ").map(str::to_owned);
                continue;
            }
        }
        writeln!(answers, "done").unwrap();
    }
    assert!(driver.wait().unwrap().success(), "the page driver did not see what it should");
    // What was forwarded by hand is at the other ward.
    let id = done.expect("the driver names the dossier");
    let there = city.site(to).process.client().get(&format!("/api/v1/dossiers/{id}")).unwrap();
    assert_eq!(there.json()["state"], 4);
}
