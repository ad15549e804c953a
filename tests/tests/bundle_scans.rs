//! Scans carried by file, through the shipped programs: what fits and what is left, both ways, cut in
//! the middle, and brought by somebody who may not.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::{
    bundle::{Body, End, Item, Manifest, Recipient, ScanHead, Writer},
    id::Hash,
    replica::{Hello, Status},
    time::Timestamp,
};
use motcua_shell::{engine::random, identity::Identity};
use motcua_tests::{
    binaries::Binaries,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    scan::{MEGABYTE, attach, attachments, file, holds, line, metric, scan},
    seed::Seed,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// `bundle` of a place's program.
fn command(city: &mut City, code: &str, arguments: &[&str]) -> Command {
    let programs = Binaries::ready().unwrap();
    let hub = city.hubs.contains_key(code);
    let (program, name) =
        if hub { (&programs.hub, "hub.toml") } else { (&programs.node, "node.toml") };
    let config = city.site(code).data.join(name);
    let mut command = Command::new(program);
    command.arg("bundle").args(arguments).arg("--json").arg("--config").arg(config);
    command
}

/// Its exit code and its JSON.
fn bundle(city: &mut City, code: &str, arguments: &[&str]) -> (i32, Value) {
    let output = command(city, code, arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answer = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("{code} {arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().unwrap(), answer)
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

fn attached(desk: &Desk, id: &str, bytes: &[u8]) -> String {
    let answer = attach(desk.client, id, "quet.pdf", bytes, &fresh_key()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["hash"].as_str().unwrap().to_owned()
}

fn state(desk: &Desk, id: &str, hash: &str) -> String {
    line(desk.client, id, hash)["state"].as_str().unwrap_or_default().to_owned()
}

/// Asks for a scan as a page does: 200 with its bytes, or 202.
fn open(desk: &Desk, id: &str, hash: &str) -> (u16, Vec<u8>) {
    let fact = line(desk.client, id, hash)["id"].as_str().unwrap_or_default().to_owned();
    let answer = desk.client.get(&format!("{}/{fact}", attachments(id))).unwrap();
    (answer.status, answer.body)
}

/// Length of a file.
fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |data| data.len())
}

#[test]
fn an_office_without_a_line_sends_and_gets_its_scans_by_file() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (away, near) = (WARDS_1[0], WARDS_1[1]);
    city.site(away).line.cut();
    let desk = Desk::new(city.site(away).process.client());
    let neighbour = Desk::new(city.site(near).process.client());
    let (hub, top) = (city.site(DISTRICT_1).data.clone(), city.site(CITY).data.clone());
    let (data, office) = (city.site(away).data.clone(), city.site(away).office.clone());
    let stick: PathBuf = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();

    // Small ones first, as many as there is room for; the rest is said.
    let id = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let sizes = [300_000, 40 * MEGABYTE, 2 * MEGABYTE];
    let mine = sizes.map(|size| attached(&desk, &id, &scan(&mut seed, size)));
    let up = stick.join("up.mcb");
    let (code, wrote) = bundle(&mut city, away, &["export", path(&up), "--scans", "3"]);
    assert_eq!((code, &wrote["scans"], &wrote["scans_left"]), (0, &2.into(), &1.into()), "{wrote}");
    assert!(wrote["words_vi"].as_str().unwrap().contains("Chưa kèm 1 bản quét (42 MB)"), "{wrote}");
    let carried = (sizes[0] + sizes[2]) as u64;
    let bytes = length(&up);
    println!("{bytes} bytes of bundle for {carried} of scans and two changes");
    assert!((carried..carried * 101 / 100 + 20_000).contains(&bytes), "{bytes} for {carried}");
    assert_eq!(desk.sync().unwrap()["unsent_scans"], 3, "exported is not delivered");
    let reply = stick.join("reply.mcb");
    let (code, took) =
        bundle(&mut city, DISTRICT_1, &["import", path(&up), "--reply", path(&reply)]);
    assert_eq!((code, &took["scans"]), (0, &2.into()), "{took}");
    assert!(took["words_vi"].as_str().unwrap().contains("Đã nhận 2 bản quét"), "{took}");
    assert!(holds(&hub, &mine[0]) && holds(&hub, &mine[2]) && !file(&hub, &mine[1]).exists());
    wait_for("they go on by wire", || holds(&top, &mine[0]) && holds(&top, &mine[2]));
    let (code, took) = bundle(&mut city, DISTRICT_1, &["import", path(&up)]);
    assert_eq!((code, &took["scans"]), (4, &0.into()), "the same file again: {took}");

    // The answer says which of them the hub has; they are not carried back.
    assert!(length(&reply) < 100_000, "{} bytes", length(&reply));
    assert_eq!(bundle(&mut city, away, &["import", path(&reply)]).0, 0);
    wait_for("the hub's word", || desk.sync().unwrap()["unsent_scans"] == 1);
    let states = [&mine[0], &mine[1], &mine[2]].map(|hash| state(&desk, &id, hash));
    assert_eq!(states, ["received", "saved", "received"]);

    // The hub dies while the rest is taken in; the same file finishes it.
    let more = attached(&desk, &id, &scan(&mut seed, MEGABYTE));
    let second = stick.join("second.mcb");
    let (_, wrote) = bundle(&mut city, away, &["export", path(&second)]);
    assert_eq!((&wrote["scans"], &wrote["scans_left"]), (&2.into(), &0.into()), "{wrote}");
    let mut importing = command(&mut city, DISTRICT_1, &["import", path(&second)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let incoming = hub.join("attachments/incoming");
    wait_for("the large one is being written", || {
        let entries = fs::read_dir(&incoming).unwrap();
        entries.flatten().any(|entry| length(&entry.path()) > 4 << 20) || holds(&hub, &mine[1])
    });
    city.site(DISTRICT_1).process.kill().unwrap();
    importing.wait().unwrap();
    // On a machine that is busy otherwise the kill may come late.
    let middle = !file(&hub, &mine[1]).exists();
    println!("killed in the middle: {middle}");
    assert!(holds(&hub, &more), "the one before it was taken");
    city.site(DISTRICT_1).start_ready().unwrap();
    assert_eq!(fs::read_dir(&incoming).unwrap().count(), 0, "half a scan is nothing");
    let (_, took) = bundle(&mut city, DISTRICT_1, &["import", path(&second)]);
    assert!(!middle || took["scans"] == 1, "{took}");
    assert_eq!(took["scans_refused"], 0, "{took}");
    assert!(holds(&hub, &mine[1]));

    // What this office attached itself is not carried back with what another wrote there.
    let near_office = city.site(near).office.clone();
    desk.forward(&id, &near_office, "").unwrap();
    let forward = stick.join("forward.mcb");
    assert_eq!(bundle(&mut city, away, &["export", path(&forward), "--all", "--scans", "0"]).0, 0);
    assert_eq!(bundle(&mut city, DISTRICT_1, &["import", path(&forward)]).0, 0);
    wait_for("the neighbour has it", || neighbour.has(&id));
    neighbour.note(&id, "bên nhận ghi").unwrap();
    wait_for("the hub has the note", || neighbour.sync().unwrap()["unsent"] == 0);
    wait_for("the note comes by file", || {
        let down = stick.join(format!("note-{}.mcb", fresh_key()));
        let (_, wrote) = bundle(&mut city, DISTRICT_1, &["export", "--office", away, path(&down)]);
        assert_eq!(wrote["scans"], 0, "{wrote}");
        bundle(&mut city, away, &["import", path(&down)]);
        desk.detail(&id).unwrap().to_string().contains("bên nhận ghi")
    });

    // What another office sends: with its dossier, or, when somebody opens it, with the next answer.
    let theirs = neighbour.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let first = attached(&neighbour, &theirs, &scan(&mut seed, MEGABYTE));
    neighbour.forward(&theirs, &office, "").unwrap();
    wait_for("the hub has it", || state(&neighbour, &theirs, &first) == "received");
    wait_for("the hub has the dossier for it", || {
        let down = stick.join(format!("down-{}.mcb", fresh_key()));
        let (_, wrote) = bundle(&mut city, DISTRICT_1, &["export", "--office", away, path(&down)]);
        bundle(&mut city, away, &["import", path(&down)]);
        desk.has(&theirs) && wrote["scans"].as_u64() > Some(0)
    });
    assert!(holds(&data, &first));
    assert_eq!(state(&desk, &theirs, &first), "received", "it is not carried back");
    let late_bytes = scan(&mut seed, 2 * MEGABYTE);
    let late = attached(&neighbour, &theirs, &late_bytes);
    wait_for("the hub has that too", || state(&neighbour, &theirs, &late) == "received");
    wait_for("the hub has its entry for it", || {
        let down = stick.join(format!("none-{}.mcb", fresh_key()));
        let export = ["export", "--office", away, "--scans", "0", path(&down)];
        let (_, wrote) = bundle(&mut city, DISTRICT_1, &export);
        assert_eq!(wrote["scans"], 0);
        bundle(&mut city, away, &["import", path(&down)]);
        !state(&desk, &theirs, &late).is_empty()
    });
    assert!(!holds(&data, &late));
    assert_eq!(open(&desk, &theirs, &late).0, 202);
    let (ask, answer) = (stick.join("ask.mcb"), stick.join("answer.mcb"));
    wait_for("somebody waits for it", || {
        let _ = fs::remove_file(&ask);
        let _ = fs::remove_file(&answer);
        assert_eq!(bundle(&mut city, away, &["export", path(&ask)]).0, 0);
        bundle(&mut city, DISTRICT_1, &["import", path(&ask), "--reply", path(&answer)]);
        let (_, took) = bundle(&mut city, away, &["import", path(&answer)]);
        took["scans"] == 1
    });
    assert_eq!(open(&desk, &theirs, &late), (200, late_bytes));

    // A damaged copy is not carried on, and the rest of the file is good.
    let (bad, good) = (scan(&mut seed, 400_000), scan(&mut seed, 600_000));
    let (bad, good) = (attached(&desk, &id, &bad), attached(&desk, &id, &good));
    motcua_tests::scan::spoil(&file(&data, &bad), |bytes| bytes[200_000] ^= 1).unwrap();
    let third = stick.join("third.mcb");
    let (code, wrote) = bundle(&mut city, away, &["export", path(&third)]);
    assert_eq!((code, &wrote["scans"]), (0, &1.into()), "{wrote}");
    let (_, took) = bundle(&mut city, DISTRICT_1, &["import", path(&third)]);
    assert_eq!((&took["scans"], &took["scans_refused"]), (&1.into(), &1.into()), "{took}");
    assert!(holds(&hub, &good) && !file(&hub, &bad).exists());
    wait_for("the page says so", || state(&desk, &id, &bad) == "damaged");

    // The line comes back: nothing is sent twice.
    let before = city.site(away).line.bytes().0;
    city.site(away).line.restore();
    wait_for("all is level", || desk.sync().unwrap()["unsent_scans"] == 0);
    let sent = city.site(away).line.bytes().0 - before;
    println!("{sent} bytes went up when the line came back");
    assert!(sent < 300_000, "{sent} bytes went up of what had been carried");
    city.stop_all().unwrap();
}

/// Files of scans below a folder of data, whatever they are named.
fn whole_scans(data: &Path) -> usize {
    let folders = |dir: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
        entries.collect()
    };
    let outer = folders(&data.join("attachments"));
    let outer = outer.iter().filter(|dir| dir.file_name().is_some_and(|name| name.len() == 2));
    let inner = outer.flat_map(|dir| folders(dir));
    let files = inner.flat_map(|dir| folders(&dir));
    files.filter(|file| file.extension().is_none()).count()
}

/// A bundle going up, made by hand with a machine's own key.
fn forged(data: &Path, hub: &Path, scans: &[(Hash, u64, &[u8])]) -> Vec<u8> {
    let (maker, reader) = (Identity::load(data).unwrap(), Identity::load(hub).unwrap());
    let (domain, binding) = (maker.trust.domain(), maker.binding.encode());
    let readers = [Recipient(reader.device.public())];
    let mut writer =
        Writer::new(Vec::new(), &maker.device, &binding, domain, &readers, &random()).unwrap();
    let hello = Hello {
        versions: (1, 1),
        features: 0,
        domain,
        binding,
        heads: Hash::ZERO,
        cursor: Default::default(),
        trust: maker.trust.numbers(),
        clock: Timestamp(1),
        software: "test".into(),
        acknowledged: None,
    };
    let (hello, builds_on, status) = (Box::new(hello), Vec::new(), Status::default());
    let body = Body::Up { hello, builds_on, status };
    let manifest = Manifest { made_at: Timestamp(1), body };
    writer.item(&Item::Manifest(Box::new(manifest))).unwrap();
    for (hash, size, bytes) in scans {
        writer.item(&Item::Scan(ScanHead { hash: *hash, size: *size })).unwrap();
        for part in bytes.chunks(60_000) {
            writer.item(&Item::ScanBytes(part.to_vec())).unwrap();
        }
    }
    writer.item(&Item::End(End { messages: 0, more: false })).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_scan_that_its_bringer_may_not_bring_is_passed_over_and_the_rest_is_taken() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (away, liar) = (WARDS_1[0], WARDS_1[1]);
    city.site(away).line.cut();
    let desk = Desk::new(city.site(away).process.client());
    let other = Desk::new(city.site(liar).process.client());
    let client = city.site(DISTRICT_1).process.client();
    let hub = city.site(DISTRICT_1).data.clone();
    let stick: PathBuf = city.dir.join("stick");
    fs::create_dir(&stick).unwrap();

    // The hub knows what both offices' dossiers name, and has none of the bytes.
    let id = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let foreign_bytes = scan(&mut seed, 200_000);
    let foreign = attached(&desk, &id, &foreign_bytes);
    let up = stick.join("up.mcb");
    assert_eq!(bundle(&mut city, away, &["export", path(&up), "--scans", "0"]).0, 0);
    assert_eq!(bundle(&mut city, DISTRICT_1, &["import", path(&up)]).0, 0);
    let theirs = other.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    wait_for("the dossier is at the hub", || other.sync().unwrap()["unsent"] == 0);
    city.site(liar).line.cut();
    let own_bytes = [scan(&mut seed, 100_000), scan(&mut seed, 150_000), scan(&mut seed, 70_000)];
    let own = own_bytes.each_ref().map(|bytes| attached(&other, &theirs, bytes));
    let entries = stick.join("entries.mcb");
    assert_eq!(bundle(&mut city, liar, &["export", path(&entries), "--scans", "0"]).0, 0);
    assert_eq!(bundle(&mut city, DISTRICT_1, &["import", path(&entries)]).0, 0);
    assert_eq!(metric(client, "motcua_scans "), 0.0);

    let address = |text: &str| text.parse::<Hash>().unwrap();
    let unnamed = scan(&mut seed, 90_000);
    let unnamed_hash = Hash(*blake3::hash(&unnamed).as_bytes());
    let mut bent = own_bytes[1].clone();
    bent[99_000] ^= 1;
    let long = [own_bytes[1].as_slice(), b"more"].concat();
    let scans: [(Hash, u64, &[u8]); 8] = [
        // Of another office's dossier; of none; under another's address; bent; longer and shorter
        // than it says; of a size that it does not have; and one that is as it should be.
        (address(&foreign), 200_000, &foreign_bytes),
        (unnamed_hash, 90_000, &unnamed),
        (address(&own[0]), 100_000, &own_bytes[1][..100_000]),
        (address(&own[1]), 150_000, &bent),
        (address(&own[1]), 150_000, &long),
        (address(&own[1]), 150_000, &own_bytes[1][..140_000]),
        (address(&own[1]), u64::MAX, &own_bytes[1]),
        (address(&own[2]), 70_000, &own_bytes[2]),
    ];
    let data = city.site(liar).data.clone();
    let lie = stick.join("lie.mcb");
    fs::write(&lie, forged(&data, &hub, &scans)).unwrap();
    let (code, took) = bundle(&mut city, DISTRICT_1, &["import", path(&lie)]);
    assert_eq!((code, &took["scans"], &took["scans_refused"]), (0, &1.into(), &7.into()), "{took}");
    assert!(took["words_vi"].as_str().unwrap().contains("Không nhận 7 bản quét"), "{took}");
    assert!(holds(&hub, &own[2]));
    for hash in [&foreign, &unnamed_hash.to_string(), &own[0], &own[1]] {
        assert!(!file(&hub, hash).exists(), "{hash}");
    }
    assert_eq!(whole_scans(&hub), 1, "something lies there under another name");
    for folder in ["incoming", "partial", "damaged"] {
        assert_eq!(fs::read_dir(hub.join("attachments").join(folder)).unwrap().count(), 0);
    }
    assert_eq!(metric(client, "motcua_scans "), 1.0);

    // Bytes of a scan that did not begin, and a file that is cut in the middle of one.
    let whole = forged(&data, &hub, &[(address(&own[0]), 100_000, &own_bytes[0])]);
    let cut = stick.join("cut.mcb");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let (code, answer) = bundle(&mut city, DISTRICT_1, &["import", path(&cut)]);
    assert_eq!((code, answer["error"]["code"].as_str()), (5, Some("truncated")), "{answer}");
    fs::write(&cut, &whole).unwrap();
    let (code, took) = bundle(&mut city, DISTRICT_1, &["import", path(&cut)]);
    assert_eq!((code, &took["scans"]), (0, &1.into()), "honest again: {took}");
    assert!(holds(&hub, &own[0]));
    city.stop_all().unwrap();
}
