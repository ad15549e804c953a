//! A state that will not open, and starts that take long, under a service manager that kills what is not
//! ready in time: nobody is killed for being slow, the counter works meanwhile, and nothing is done twice.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, City, DISTRICT_1, Site, WARDS_1},
    desk::{Desk, Registered, Trouble, application, fresh_key},
    http::Client,
    patience::{PATIENCE, wait, wait_for},
    seed::Seed,
    service_manager::{Limits, Manager},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

const WARD: &str = WARDS_1[0];
/// What the manager grants: a third of what the slowed rebuild takes, or less.
const LIMITS: Limits = Limits { start: Duration::from_secs(3), watchdog: Duration::from_secs(4) };
/// The promise: within this time the page answers, and takes registrations.
const ANSWERS: Duration = Duration::from_secs(5);

/// A ward below two hubs, with dossiers that all of them have.
fn worked_city(
    seed: &mut Seed,
    dossiers: usize,
) -> (City, Expected, Vec<(String, Value, Registered)>) {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &[WARD]).unwrap();
    let desk = Desk::new(city.site(WARD).process.client());
    let (mut expected, mut made) = (Expected::default(), Vec::new());
    for _ in 0..dossiers {
        let (key, body) = (fresh_key(), application(seed));
        let one = desk.register(&key, &body).unwrap();
        expected.at(&city, &one.id, WARD);
        made.push((key, body, one));
    }
    Census::settled(&city, &expected, PATIENCE).unwrap();
    (city, expected, made)
}

/// The state store will not open at the next start.
fn damage(site: &Site) {
    for name in ["db", "conf"] {
        let file = site.state_dir().join(name);
        let length = fs::metadata(&file).unwrap().len();
        fs::write(&file, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    }
}

/// States that stand aside.
fn aside(site: &Site) -> Vec<PathBuf> {
    let entries = fs::read_dir(&site.data).unwrap().map(|entry| entry.unwrap().path());
    let is_aside = |path: &PathBuf| path.to_string_lossy().contains("state.aside-20");
    let mut all: Vec<PathBuf> = entries.filter(is_aside).collect();
    all.sort();
    all
}

/// Starts it under the manager; its line knows it from now on.
fn start_under(manager: &mut Manager, site: &mut Site) {
    manager.start(&mut site.process).unwrap();
    site.line.set_owner(site.process.id().unwrap());
}

/// How far the page says the start is.
fn start_of(client: &Client) -> Option<Value> {
    let answer = client.patient(Duration::from_secs(2)).get("/api/v1/sync").ok()?;
    let start = answer.json()["start"].clone();
    start.is_object().then_some(start)
}

fn is_ready(client: &Client) -> bool {
    client.patient(Duration::from_secs(2)).get("/readyz").is_ok_and(|answer| answer.status == 200)
}

/// The code of a refusal.
fn refused(answer: Result<impl std::fmt::Debug, Trouble>) -> String {
    match answer.unwrap_err() {
        Trouble::Refused(answer) => answer.json()["error"]["code"].as_str().unwrap().to_owned(),
        Trouble::Doubtful(error) => panic!("no answer: {error}"),
    }
}

#[test]
fn a_rebuild_longer_than_the_managers_limit_is_not_killed_and_the_counter_registers_meanwhile() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut expected, made) = worked_city(&mut seed, 100);
    let mut manager = Manager::new(&city.dir, LIMITS).unwrap();
    let site = city.site(WARD);
    site.stop().unwrap();
    damage(site);
    site.process.set_variable("MOTCUA_SLOW_START", "records:8:500");
    let began = Instant::now();
    start_under(&mut manager, site);
    manager.tend(&mut site.process, PATIENCE, |manager| manager.heard.ready.is_some()).unwrap();
    let client = site.process.client();
    let desk = Desk::new(client);
    let start = wait("the page says how far it is", ANSWERS, || {
        start_of(&client).filter(|start| start["step"] == "records")
    });
    assert_eq!(start["rebuilding"], true);
    assert!(start["words_vi"].as_str().unwrap().contains("Đang dựng lại"), "{start}");

    // The counter registers, under codes that were never given, and shows what it registered.
    let mut codes: BTreeSet<String> = made.iter().map(|(.., one)| one.code.clone()).collect();
    let mut fresh = Vec::new();
    for _ in 0..5 {
        let (key, body) = (fresh_key(), application(&mut seed));
        let one = wait("the counter registers", ANSWERS, || desk.register(&key, &body).ok());
        assert!(codes.insert(one.code.clone()), "{} was given before", one.code);
        if fresh.is_empty() {
            assert!(began.elapsed() < ANSWERS, "the counter worked after {:?}", began.elapsed());
        }
        assert_eq!(desk.detail(&one.id).unwrap()["code"], one.code.as_str());
        fresh.push(one);
    }
    // What is not there yet is not called missing; nothing is acted upon; nothing is done twice.
    let (key, body, last) = made.last().unwrap();
    assert_eq!(refused(desk.detail(&last.id)), "rebuilding");
    assert_eq!(refused(desk.step(&last.id, 4, "")), "rebuilding");
    assert_eq!(refused(desk.forward(&made[0].2.id, &made[0].2.id, "")), "rebuilding");
    assert_eq!(refused(desk.register(key, body)), "rebuilding");
    assert!(!is_ready(&client));

    manager.tend(&mut site.process, PATIENCE, |_| is_ready(&client)).unwrap();
    let took = began.elapsed();
    assert!(took > 2 * LIMITS.start, "the rebuild took only {took:?}: it says nothing");
    assert_eq!((manager.starts, &manager.kills), (1, &Vec::new()), "{manager:?}");
    assert!(manager.heard.alive > 2, "{manager:?}");
    assert!(manager.heard.statuses.iter().any(|words| words.contains("Rebuilding the state")));
    // Everything is back, and what was asked before is answered as it was.
    assert_eq!(desk.register(key, body).unwrap(), *last);
    for one in &fresh {
        expected.at(&city, &one.id, WARD);
    }
    let site = city.site(WARD);
    assert_eq!(aside(site).len(), 1, "the damaged state is kept");
    let words = desk.sync().unwrap()["words_vi"].as_str().unwrap().to_owned();
    assert!(words.contains("đã dựng lại xong"), "{words}");
    let one = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    assert!(codes.insert(one.code.clone()), "{} was given before", one.code);
    expected.at(&city, &one.id, WARD);
    // Once more on the same day: what was given in the rebuild before is known to this one.
    let site = city.site(WARD);
    site.stop().unwrap();
    damage(site);
    site.start().unwrap();
    for _ in 0..2 {
        let (key, body) = (fresh_key(), application(&mut seed));
        let one = wait("the counter registers", PATIENCE, || desk.register(&key, &body).ok());
        assert!(!is_ready(&client), "the rebuild is over: it says nothing");
        assert!(codes.insert(one.code.clone()), "{} was given before", one.code);
        expected.at(&city, &one.id, WARD);
    }
    let site = city.site(WARD);
    site.process.wait_ready(PATIENCE).unwrap();
    // Whoever looks after the offices sees it at the hub.
    let hub = city.site(DISTRICT_1).process.client();
    wait_for("the hub tells that the ward's state was lost", || {
        let offices = hub.get("/api/v1/offices").unwrap().json();
        let mut lines = offices["offices"].as_array().unwrap().iter();
        lines.any(|line| line["code"] == WARD && line["state_rebuilt_at"].is_i64())
    });
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

/// From which position the last start brought its state up to the journal.
fn began_from(site: &Site) -> u64 {
    let log = fs::read_to_string(site.process.log()).unwrap();
    let told = |line: &&str| line.contains("bringing the state up to the journal");
    let line = log.lines().rev().find(told).unwrap();
    let (_, from) = line.split_once("from=").unwrap();
    from.split_whitespace().next().unwrap().parse().unwrap()
}

fn done(client: &Client) -> u64 {
    let start = start_of(client).filter(|start| start["step"] == "records");
    start.and_then(|start| start["done"].as_u64()).unwrap_or_default()
}

#[test]
fn a_rebuild_that_is_stopped_or_killed_again_and_again_goes_on_where_it_was() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, expected, _) = worked_city(&mut seed, 100);
    let site = city.site(WARD);
    site.stop().unwrap();
    damage(site);
    site.process.set_variable("MOTCUA_SLOW_START", "records:4:400");
    site.start().unwrap();
    let client = site.process.client();
    wait_for("some of it is done", || done(&client) > 12);
    let reached = done(&client);
    let asked = Instant::now();
    site.stop().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "the stop took {:?}", asked.elapsed());

    site.start().unwrap();
    wait_for("it goes on", || done(&client) > 0);
    let mut from = began_from(site);
    assert!(from >= reached, "it began again at {from}, {reached} were done");
    // By kill: what was brought in more than some seconds before is kept.
    for _ in 0..2 {
        // 44 records are 4.4 seconds; they are put on the disk every three.
        wait_for("some seconds of work are done", || done(&client) >= from + 44);
        site.process.kill().unwrap();
        site.start().unwrap();
        wait_for("it goes on", || done(&client) > 0);
        let again = began_from(site);
        assert!(again > from, "killed, it began again at {again}, as before at {from}");
        from = again;
    }
    assert_eq!(aside(site).len(), 1, "only the damaged one was moved aside");
    site.process.kill().unwrap();
    site.process.clear_variables();
    site.start_ready().unwrap();
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

#[test]
fn a_start_that_stands_still_is_found_by_the_watchdog_and_the_log_says_where() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, expected, _) = worked_city(&mut seed, 5);
    let limits = Limits { watchdog: Duration::from_secs(3), ..LIMITS };
    let mut manager = Manager::new(&city.dir, limits).unwrap();
    let site = city.site(WARD);
    for (slow, step) in [("state:0:stands", "state"), ("records:4:stands", "records")] {
        site.stop().unwrap();
        damage(site);
        let before = fs::read_to_string(site.process.log()).unwrap().len();
        site.process.set_variable("MOTCUA_SLOW_START", slow);
        let kills = manager.kills.len();
        manager.start(&mut site.process).unwrap();
        manager.tend(&mut site.process, PATIENCE, |manager| manager.kills.len() > kills).unwrap();
        assert_eq!(manager.kills.last(), Some(&"watchdog"));
        let log = fs::read_to_string(site.process.log()).unwrap();
        let line = log[before..].lines().find(|line| line.contains("nothing has moved")).unwrap();
        assert!(line.contains(&format!("step=\"{step}\"")), "{line}");
        site.process.kill().unwrap();
        site.process.clear_variables();
        site.start_ready().unwrap();
    }
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

#[test]
fn a_hub_rebuilds_under_its_manager_says_so_and_takes_what_was_written_meanwhile() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut expected, _) = worked_city(&mut seed, 60);
    let desk = Desk::new(city.site(WARD).process.client());
    let mut manager = Manager::new(&city.dir, LIMITS).unwrap();
    let site = city.site(DISTRICT_1);
    site.process.kill().unwrap();
    damage(site);
    site.process.set_variable("MOTCUA_SLOW_START", "records:4:700");
    let began = Instant::now();
    start_under(&mut manager, site);
    manager.tend(&mut site.process, PATIENCE, |manager| manager.heard.ready.is_some()).unwrap();
    let client = site.process.client();
    let page = wait("the console says how far it is", ANSWERS, || {
        let page = client.get("/").ok()?.text();
        page.contains("Đang dựng lại").then_some(page)
    });
    assert!(page.contains("Kho trạng thái bị hỏng") && page.contains("records"), "{page}");
    let answer = client.get("/api/v1/offices").unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &json!("starting")));
    // The ward works on.
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap());
    }
    manager.tend(&mut site.process, PATIENCE, |_| is_ready(&client)).unwrap();
    assert!(began.elapsed() > 2 * LIMITS.start, "the rebuild took only {:?}", began.elapsed());
    assert_eq!((manager.starts, &manager.kills), (1, &Vec::new()), "{manager:?}");
    assert_eq!(aside(site).len(), 1);
    let hub = client.get("/api/v1/hub").unwrap().json();
    assert!(hub["start"]["words_vi"].as_str().unwrap().contains("đã dựng lại xong"), "{hub}");
    let metrics = client.get("/metrics").unwrap().text();
    assert!(metrics.contains("motcua_state_lost{reason=\"damaged\"} 1"), "{metrics}");
    for one in &made {
        expected.at(&city, &one.id, WARD);
    }
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

/// Exit code of the programs where data are missing.
const MISSING: i32 = 66;

#[test]
fn data_missing_where_a_machine_was_at_work_are_an_alarm_and_never_a_first_start() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, expected, _) = worked_city(&mut seed, 3);
    let foreign = city.site(CITY).data.join("journal");
    for code in [WARD, DISTRICT_1] {
        city.site(code).stop().unwrap();
    }
    city.site(CITY).stop().unwrap();
    for code in [WARD, DISTRICT_1] {
        let site = city.site(code);
        let away = site.data.with_file_name(format!("{code}-away"));
        let words = "sổ ghi";
        let cases: [(&str, &[&str], bool); 5] = [
            ("the journal", &["journal"], false),
            ("journal and state", &["journal", "state"], false),
            ("everything but the identity", &["journal", "state", "bases", "attachments"], false),
            // As a machine of an older version left it: nothing but the data say that it worked.
            ("the journal and the marker", &["journal", "identity/worked-before"], false),
            ("the journal, for another's", &["journal"], true),
        ];
        for (what, parts, swap) in cases {
            fs::create_dir_all(away.join("identity")).unwrap();
            let there = |part: &&&str| site.data.join(part).exists();
            let parts: Vec<&&str> = parts.iter().filter(there).collect();
            for part in &parts {
                fs::rename(site.data.join(part), away.join(part)).unwrap();
            }
            match swap {
                // An emptied folder is the same as none.
                false => fs::create_dir(site.data.join("journal")).unwrap(),
                true => copy(&foreign, &site.data.join("journal")),
            }
            site.start().unwrap();
            let status = site.process.wait_end(PATIENCE).unwrap();
            assert_eq!(
                status.code(),
                Some(MISSING),
                "{code} without {what}\n{}",
                site.process.tail()
            );
            let said = site.process.tail();
            assert!(
                said.contains(words) && said.contains("journal"),
                "{code} without {what}: {said}"
            );
            for part in &parts {
                // What was made in its place goes, and none of it is a record.
                let place = site.data.join(part);
                assert!(*part == &"journal" || !place.exists(), "{code} without {what}: {part}");
                if place.exists() {
                    fs::remove_dir_all(&place).unwrap();
                }
                fs::rename(away.join(part), place).unwrap();
            }
        }
    }
    for code in [CITY, DISTRICT_1, WARD] {
        city.site(code).start_ready().unwrap();
    }
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
