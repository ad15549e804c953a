//! A second local copy: "in two places" is true through kills, a pulled stick and a wrong one, and
//! when the first disk is gone nothing that was said to be in two places is missing.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, Registered, application, fresh_key},
    patience::wait_for,
    seed::Seed,
};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command, thread, time::Duration};

fn run(program: &Path, arguments: &[String]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}

fn second(desk: &Desk) -> Value {
    desk.sync().unwrap()["places"][1].clone()
}

#[test]
fn nothing_said_to_be_in_two_places_is_lost_with_the_first_disk() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let programs = Binaries::ready().unwrap();
    let code = WARDS_1[0];
    let stick = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();
    let site = city.site(code);
    site.line.cut();
    site.stop().unwrap();
    let file = site.data.join("node.toml");
    let plain = fs::read_to_string(&file).unwrap();
    let settings = format!(
        "{plain}second_copy = \"{}\"\nsecond_copy_same_disk = true\ncopies = 2\n",
        stick.display()
    );
    fs::write(&file, &settings).unwrap();
    site.start_ready().unwrap();
    let desk = Desk::new(site.process.client());

    // Saved, then in two places.
    let mut saved: Vec<Registered> = Vec::new();
    for _ in 0..20 {
        saved.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap());
    }
    wait_for("two places", || desk.sync().unwrap()["copies"] == 2);
    let words = desk.sync().unwrap()["words_vi"].as_str().unwrap().to_owned();
    assert!(words.contains("Đã lưu ở 2 nơi"), "{words}");

    // The stick is pulled: saving goes on, the words tell; put back, it is filled up.
    let away = city.dir.join("pocket");
    fs::rename(&stick, &away).unwrap();
    saved.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap());
    wait_for("the trouble is told", || second(&desk)["trouble_vi"].is_string());
    let told = desk.sync().unwrap();
    assert_eq!((&told["copies"], &told["places"][1]["complete"]), (&1.into(), &false.into()));
    assert!(told["words_vi"].as_str().unwrap().contains("Mới lưu ở 1 nơi"), "{told}");
    // An empty folder where it was mounted is not it, nor is a stick of another machine.
    fs::create_dir(&stick).unwrap();
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(fs::read_dir(&stick).unwrap().count(), 0, "an empty mount point is not filled");
    let marker = fs::read_to_string(away.join("motcua-second-copy.toml")).unwrap();
    let foreign = marker.replacen("node = \"", "node = \"0", 1);
    fs::write(stick.join("motcua-second-copy.toml"), foreign).unwrap();
    wait_for("another machine's stick is refused", || {
        second(&desk)["trouble_en"].as_str().unwrap_or_default().contains("another machine")
    });
    fs::remove_dir_all(&stick).unwrap();
    fs::rename(&away, &stick).unwrap();
    wait_for("filled up", || desk.sync().unwrap()["copies"] == 2);

    // Killed while it copies, again and again.
    for _ in 0..6 {
        for _ in 0..5 {
            saved.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap());
        }
        thread::sleep(seed.millis(0, 150));
        let site = city.site(code);
        site.process.kill().unwrap();
        site.start_ready().unwrap();
    }
    wait_for("two places again", || desk.sync().unwrap()["copies"] == 2);
    let metrics = desk.client.get("/metrics").unwrap().text();
    assert!(
        metrics.contains("motcua_second_copy_faults_total{kind=\"away\"}")
            || metrics.contains("motcua_places 2")
    );

    // More is saved while nothing is copied; only what was said counts.
    let holds = second(&desk)["holds"].as_u64().unwrap();
    assert_eq!(holds, saved.len() as u64);

    // The machine burns. A new one is enrolled and brought up from the stick.
    let site = city.site(code);
    site.process.kill().unwrap();
    let data = site.data.clone();
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    fs::write(&file, &plain).unwrap();
    let join = city.dir.join("join/again.join");
    let token = [
        "token".into(),
        "create".into(),
        format!("--city={}", city.dir.join("city").display()),
        format!("--office={code}"),
        format!("--out={}", join.display()),
    ];
    let (done, words) = run(&programs.provision, &token);
    assert!(done, "{words}");
    let (join, at) = (format!("--join={}", join.display()), format!("--data={}", data.display()));
    let (done, words) = run(&programs.node, &["enrol".into(), join, at.clone()]);
    assert!(done, "{words}");
    let restore = ["restore".into(), format!("--from={}", stick.display()), at, "--json".into()];
    let (done, words) = run(&programs.node, &restore);
    assert!(done, "{words}");
    let answer: Value = serde_json::from_str(words.trim()).unwrap();
    assert_eq!((&answer["entries"], &answer["left_out"]), (&holds.into(), &0.into()), "{answer}");
    let (done, words) = run(&programs.node, &restore);
    assert!(!done && words.contains("journal"), "a second time is refused: {words}");
    city.site(code).start_ready().unwrap();
    for one in &saved {
        assert!(desk.has(&one.id), "{} is missing", one.code);
    }
    // No number is given a second time, and the hub gets all of it.
    let before: BTreeSet<&String> = saved.iter().map(|one| &one.code).collect();
    for _ in 0..5 {
        let fresh = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
        assert!(!before.contains(&fresh.code), "{} twice", fresh.code);
    }
    city.site(code).line.restore();
    let hub = city.site(DISTRICT_1).process.client();
    let all = saved.len() as u64 + 5;
    wait_for("the hub has all", || {
        hub.get("/api/v1/hub").unwrap().json()["dossiers"].as_u64() == Some(all)
    });
}
