//! Scans in a second copy: never called safe before they are, made anew when damaged, brought back,
//! and gone with the dossiers that named them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, Site, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    scan::{MEGABYTE, attach, attachments, file, holds, line, metric, scan, spoil},
    seed::Seed,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn run(program: &Path, arguments: &[String]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {words}");
    words
}

/// Gives a stopped node a stick; its settings without it come back.
fn with_stick(site: &Site, stick: &Path) -> String {
    let file = site.data.join("node.toml");
    let plain = fs::read_to_string(&file).unwrap();
    let more = format!(
        "second_copy = \"{}\"\nsecond_copy_same_disk = true\ncopies = 2\n",
        stick.display()
    );
    fs::write(&file, format!("{more}{plain}")).unwrap();
    plain
}

fn copies(desk: &Desk) -> Value {
    desk.sync().unwrap()["copies"].clone()
}

fn attached(desk: &Desk, id: &str, bytes: &[u8]) -> String {
    let answer = attach(desk.client, id, "quet.pdf", bytes, &fresh_key()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["hash"].as_str().unwrap().to_owned()
}

/// Whether anything lies in a folder of the copy.
fn any(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

#[test]
fn a_scan_on_this_disk_alone_is_never_called_saved_in_two_places_and_outlives_the_disk() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let code = WARDS_1[0];
    let stick = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();
    let site = city.site(code);
    site.line.cut();
    site.stop().unwrap();
    let plain = with_stick(site, &stick);
    site.start_ready().unwrap();
    let (desk, data) = (Desk::new(site.process.client()), site.data.clone());
    let id = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;

    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for size in [200_000, 3 * MEGABYTE, 12 * MEGABYTE] {
        let bytes = scan(&mut seed, size);
        all.push((attached(&desk, &id, &bytes), bytes));
        // Whenever the page says two places, the bytes are in both.
        wait_for("two places", || copies(&desk) == 2);
        for (hash, _) in &all {
            assert!(holds(&stick, hash) && holds(&data, hash), "said, and not so");
        }
    }

    // Killed in the middle of copying: what was half written is nothing.
    let bytes = scan(&mut seed, 40 * MEGABYTE);
    let last = attached(&desk, &id, &bytes);
    wait_for("it is being copied", || {
        any(&stick.join("attachments/incoming")) || holds(&stick, &last)
    });
    city.site(code).process.kill().unwrap();
    println!("killed in the middle: {}", !holds(&stick, &last));
    city.site(code).start_ready().unwrap();
    wait_for("two places after the kill", || copies(&desk) == 2);
    assert!(holds(&stick, &last));
    all.push((last, bytes));

    // A copy that was damaged is found and made anew.
    city.site(code).stop().unwrap();
    spoil(&file(&stick, &all[1].0), |bytes| bytes[MEGABYTE] ^= 1).unwrap();
    spoil(&file(&stick, &all[0].0), Vec::clear).unwrap();
    city.site(code).start_ready().unwrap();
    wait_for("two places after the damage", || copies(&desk) == 2);
    assert!(all.iter().all(|(hash, _)| holds(&stick, hash)));
    let name = "motcua_second_copy_faults_total{kind=\"scan_copy\"}";
    assert_eq!(metric(desk.client, name), 1.0, "an emptied file is seen by its length");

    // A file here that was damaged comes back from the copy, without the hub.
    city.site(code).stop().unwrap();
    spoil(&file(&data, &all[1].0), |bytes| bytes[2 * MEGABYTE..].fill(0)).unwrap();
    city.site(code).start_ready().unwrap();
    wait_for("it is found and comes back", || holds(&data, &all[1].0));
    wait_for("the books say so", || line(desk.client, &id, &all[1].0)["state"] == "saved");

    // After a start the copy is looked through before anything is said of it.
    wait_for("two places after the repair", || copies(&desk) == 2);
    // Pulled: what is attached now stands here alone, and the page says so.
    let pocket = city.dir.join("pocket");
    fs::rename(&stick, &pocket).unwrap();
    let bytes = scan(&mut seed, MEGABYTE);
    let alone = attached(&desk, &id, &bytes);
    wait_for("told", || desk.sync().unwrap()["scans_only_here"] == 1);
    let told = desk.sync().unwrap();
    assert_eq!((&told["copies"], &told["places"][1]["scans_missing"]), (&1.into(), &1.into()));
    assert!(told["words_vi"].as_str().unwrap().contains("1 bản quét chỉ nằm trên máy"), "{told}");
    assert!(told["only_here_since"].is_i64(), "{told}");
    fs::rename(&pocket, &stick).unwrap();
    wait_for("two places again", || copies(&desk) == 2);
    assert!(holds(&stick, &alone));
    all.push((alone, bytes));

    // The machine burns, and a copy has gone bad in the meantime.
    city.site(code).process.kill().unwrap();
    spoil(&file(&stick, &all[0].0), |bytes| bytes[100_000] ^= 1).unwrap();
    // Somebody put a scan there that no dossier of this office names.
    let planted = scan(&mut seed, 50_000);
    let foreign = blake3::hash(&planted).to_hex().to_string();
    fs::create_dir_all(file(&stick, &foreign).parent().unwrap()).unwrap();
    fs::write(file(&stick, &foreign), &planted).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(data.join("node.toml"), &plain).unwrap();
    restore(&city, code, &data, &stick, all.len() as u64 - 1);
    city.site(code).start_ready().unwrap();
    assert!(!file(&data, &foreign).exists(), "it would stay for ever, and nobody could see it");
    let lost = all.remove(0).0;
    assert_eq!(line(desk.client, &id, &lost)["state"], "absent", "not here, and not said to be");
    for (hash, bytes) in &all {
        assert!(holds(&data, hash), "{hash} is missing");
        let shown = line(desk.client, &id, hash);
        assert_eq!(shown["state"], "saved", "{shown}");
        let path = format!("{}/{}", attachments(&id), shown["id"].as_str().unwrap());
        assert_eq!(&desk.client.get(&path).unwrap().body, bytes);
    }
    city.site(code).line.restore();
    let above = city.site(CITY).data.clone();
    wait_for("the city has them", || all.iter().all(|(hash, _)| holds(&above, hash)));
    city.stop_all().unwrap();
}

fn restore(city: &City, code: &str, data: &Path, stick: &Path, scans: u64) {
    let programs = Binaries::ready().unwrap();
    let join: PathBuf = city.dir.join("join/again.join");
    let folder = city.dir.join("city").display().to_string();
    let (office, out) = (format!("--office={code}"), format!("--out={}", join.display()));
    let create = ["token".into(), "create".into(), format!("--city={folder}"), office, out];
    run(&programs.provision, &create);
    let (join, at) = (format!("--join={}", join.display()), format!("--data={}", data.display()));
    run(&programs.node, &["enrol".into(), join, at.clone()]);
    let from = format!("--from={}", stick.display());
    let words = run(&programs.node, &["restore".into(), from, at, "--json".into()]);
    let answer: Value = serde_json::from_str(words.trim()).unwrap();
    let counts = (&answer["scans"], &answer["scans_left_out"], &answer["left_out"]);
    assert_eq!(counts, (&scans.into(), &1.into(), &0.into()), "{answer}");
}

#[test]
fn what_is_purged_leaves_the_copy_too_and_what_stays_named_stays() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (a, b) = (WARDS_1[0], WARDS_1[1]);
    let stick = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();
    let site = city.site(b);
    site.stop().unwrap();
    with_stick(site, &stick);
    let settings = site.data.join("node.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("purge_after_minutes = 0\n{text}")).unwrap();
    site.start_ready().unwrap();
    let (data, office_b) = (site.data.clone(), site.office.clone());
    let there = Desk::new(site.process.client());
    let here = Desk::new(city.site(a).process.client());

    let mut named = Vec::new();
    for _ in 0..2 {
        let id = here.register(&fresh_key(), &application(&mut seed)).unwrap().id;
        let hash = attached(&here, &id, &scan(&mut seed, 300_000));
        here.forward(&id, &office_b, "").unwrap();
        wait_for("the dossier is there", || line(there.client, &id, &hash)["id"].is_string());
        let fact = line(there.client, &id, &hash)["id"].as_str().unwrap().to_owned();
        let path = format!("{}/{fact}", attachments(&id));
        wait_for("the scan has come", || there.client.get(&path).unwrap().status == 200);
        named.push((id, hash));
    }
    wait_for("both are copied", || named.iter().all(|(_, hash)| holds(&stick, hash)));

    // Withdrawn while the stick is in a pocket.
    let pocket = city.dir.join("pocket");
    fs::rename(&stick, &pocket).unwrap();
    let body = json!({ "office": office_b, "reason": "chuyển nhầm cơ quan" });
    let path = format!("/api/v1/dossiers/{}/withdrawals", named[0].0);
    let answer = here.client.post(&path, &[], &body).unwrap();
    assert!(answer.is_success(), "{}", answer.text());
    wait_for("the file is gone here", || !file(&data, &named[0].1).exists());
    fs::rename(&pocket, &stick).unwrap();
    wait_for("and from the copy", || !file(&stick, &named[0].1).exists());
    let leaves = file(&stick, &named[0].1).with_extension("tree");
    wait_for("with its leaves", || !leaves.exists());
    assert!(holds(&stick, &named[1].1) && holds(&data, &named[1].1));
    city.stop_all().unwrap();
}
