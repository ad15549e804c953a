//! A ban that comes in the moment in which a hub's disk writes nothing.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_power::{mount::obstacle, rig::Rig};
use motcua_tests::{
    binaries::Binaries,
    city::{CITY, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    seed::Seed,
};
use std::process::Command;

/// The exit code of what is done in part (design/provisioning.md).
const PARTLY: i32 = 3;

#[test]
fn a_ban_that_could_not_be_written_is_in_force_when_the_disk_writes_and_nobody_sends_it_again() {
    if let Some(words) = obstacle() {
        println!("{words}");
        return;
    }
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (one, other) = (WARDS_1[0], WARDS_1[1]);
    let mut rig = Rig::start(&[CITY], &[one, other], number).unwrap();
    let desk = Desk::new(rig.city.site(one).process.client());
    desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    wait_for("all is received", || desk.sync().unwrap()["unsent_changes"] == 0);
    let pid = rig.city.site(CITY).process.id();
    let hub = rig.city.site(CITY).process.client();
    wait_for("the hub lists the machine", || {
        let all = hub.get("/api/v1/machines").unwrap().json();
        let lines = all["machines"].as_array().cloned().unwrap_or_default();
        lines.iter().any(|line| line["code"] == one && line["entries"].as_u64() >= Some(1))
    });
    let denial = || hub.get("/api/v1/trust/numbers").unwrap().json()["denial"].as_u64();
    let before = denial();

    let disk = rig.disk(CITY);
    disk.fail_syncs("journal", 0, u64::MAX);
    let failed = disk.counts().failed_syncs;
    let page = rig.city.site(CITY).page.to_string();
    let folder = rig.city.dir.join("city").display().to_string();
    let ban = ["--json", "ban", "--city", &folder, "--office", one, "--hub", &page];
    let said = Command::new(&Binaries::ready().unwrap().provision)
        .args(ban)
        .args(["--reason", "máy bị mất"])
        .output()
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(said.status.code(), Some(PARTLY), "nothing is in force yet");
    let words = [&said.stdout[..], &said.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(words.contains("NOT in force yet") && words.contains("CHƯA có hiệu lực"), "{words}");
    assert!(words.contains(&format!("publish --hub {page}")), "{words}");
    wait_for("the disk refuses", || disk.counts().failed_syncs > failed);
    assert_eq!(denial(), before, "what is not on the disk is not in force");
    assert_eq!(desk.sync().unwrap()["link"], "connected");

    disk.fail_syncs("journal", 0, 0);
    wait_for("the ban is in force", || denial() > before);
    let again = ["publish", "--city", &folder, "--hub", &page];
    let said = Command::new(&Binaries::ready().unwrap().provision).args(again).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let words = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(words.contains(&format!("published at {page}")), "{words}");
    wait_for("its machine is out", || desk.sync().unwrap()["link"] != "connected");
    assert_eq!(rig.city.site(CITY).process.id(), pid, "nobody restarted it");
}
