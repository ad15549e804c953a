//! An office whose line is cut all the time works by files alone, through the shipped programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    seed::Seed,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Runs `bundle` of a place's program; gives the exit code and its JSON.
fn bundle(city: &mut City, code: &str, arguments: &[&str]) -> (i32, Value) {
    let programs = Binaries::ready().unwrap();
    let hub = city.hubs.contains_key(code);
    let (program, file) =
        if hub { (&programs.hub, "hub.toml") } else { (&programs.node, "node.toml") };
    let config = city.site(code).data.join(file);
    let output = Command::new(program)
        .arg("bundle")
        .args(arguments)
        .arg("--json")
        .arg("--config")
        .arg(config)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answer = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("{code} {arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().unwrap(), answer)
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[test]
fn an_office_whose_line_is_cut_all_the_time_works_by_files() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..3]).unwrap();
    let (away, near, third) = (WARDS_1[0], WARDS_1[1], WARDS_1[2]);
    city.site(away).line.cut();
    let desk = Desk::new(city.site(away).process.client());
    let neighbour = Desk::new(city.site(near).process.client());
    let (office, near_office) = (city.site(away).office.clone(), city.site(near).office.clone());
    let stick: PathBuf = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();

    let mut mine = Vec::new();
    for _ in 0..30 {
        mine.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap().id);
    }
    desk.forward(&mine[7], &near_office, "").unwrap();
    let theirs = neighbour.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    neighbour.forward(&theirs, &office, "").unwrap();
    let before = desk.sync().unwrap();
    assert_eq!(before["unsent_changes"], 31, "{before}");

    // To the hub.
    let up = stick.join("up.mcb");
    let (code, wrote) = bundle(&mut city, away, &["export", path(&up)]);
    assert_eq!((code, wrote["items"].as_u64()), (0, Some(31)), "{wrote}");
    let still = desk.sync().unwrap();
    assert_eq!(still["unsent_changes"], before["unsent_changes"], "exported is not delivered");
    let (code, _) = bundle(&mut city, away, &["export", path(&up)]);
    assert_eq!(code, 5, "a file is not overwritten");
    let reply = stick.join("reply.mcb");
    let (code, took) =
        bundle(&mut city, DISTRICT_1, &["import", path(&up), "--reply", path(&reply)]);
    assert_eq!((code, took["fresh"].as_u64()), (0, Some(31)), "{took}");
    wait_for("the neighbour has it", || neighbour.has(&mine[7]));
    assert!(!Desk::new(city.site(third).process.client()).has(&mine[7]));
    let (code, took) = bundle(&mut city, DISTRICT_1, &["import", path(&up)]);
    assert_eq!((code, took["fresh"].as_u64()), (4, Some(0)), "{took}");

    // And back.
    let (code, took) = bundle(&mut city, away, &["import", path(&reply)]);
    assert_eq!(code, 0, "{took}");
    let after = desk.sync().unwrap();
    assert_eq!((&after["unsent"], &after["hub_received_seq"]), (&0.into(), &31.into()), "{after}");
    assert!(after["words_vi"].as_str().unwrap().starts_with("Hub đã nhận tất cả"), "{after}");
    assert!(desk.has(&theirs), "the other office's dossier came down");
    let shown = desk.detail(&mine[7]).unwrap();
    assert_eq!(shown["sync"], "received", "{shown}");

    // Known over a kill, still without a line.
    city.site(away).process.kill().unwrap();
    city.site(away).start_ready().unwrap();
    assert_eq!(desk.sync().unwrap()["unsent"], 0);

    // What is wrong with a file is said, and changes nothing.
    let good = fs::read(&reply).unwrap();
    for (name, bytes, kind) in [
        ("empty", Vec::new(), "empty"),
        ("cut", good[..good.len() / 2].to_vec(), "truncated"),
        ("flipped", flipped(&good), "signature"),
        ("photo", b"\xff\xd8\xff\xe0 a photograph".to_vec(), "not_a_bundle"),
    ] {
        let file = stick.join(name);
        fs::write(&file, bytes).unwrap();
        let (code, answer) = bundle(&mut city, away, &["import", path(&file)]);
        assert_eq!((code, answer["error"]["code"].as_str()), (5, Some(kind)), "{name}: {answer}");
        assert!(!answer["error"]["message_vi"].as_str().unwrap().is_empty());
    }
    let (code, answer) = bundle(&mut city, near, &["import", path(&reply)]);
    assert_eq!((code, answer["error"]["code"].as_str()), (5, Some("not_for_us")), "{answer}");
    let (code, answer) = bundle(&mut city, away, &["import", path(&up)]);
    assert_eq!((code, answer["error"]["code"].as_str()), (5, Some("not_for_us")), "{answer}");

    // The hub may begin too, and a file builds on the one before it.
    let second = neighbour.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    neighbour.forward(&second, &office, "").unwrap();
    wait_for("the hub has it", || {
        let down = stick.join(format!("down-{}.mcb", fresh_key()));
        let (code, _) = bundle(&mut city, DISTRICT_1, &["export", "--office", away, path(&down)]);
        assert_eq!(code, 0);
        bundle(&mut city, away, &["import", path(&down)]);
        desk.has(&second)
    });
    assert_eq!(fs::read_dir(city.site(away).data.join("bundles")).unwrap().count(), 0);

    // The line comes back: nothing is sent twice, nothing is missing.
    city.site(away).line.restore();
    let last = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    desk.forward(&last, &near_office, "").unwrap();
    wait_for("the line works as before", || neighbour.has(&last));
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    bytes
}
