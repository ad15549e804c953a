//! Machines put back, copied and moved behind their own back, with the shipped programs: nothing that
//! any level acknowledged is lost, and everybody agrees in the end.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::id::DossierId;
use motcua_tests::{
    census::holdings,
    city::{CITY, DISTRICT_1, DISTRICT_3, START, WARD_3, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::{PATIENCE, wait, wait_for},
    seed::Seed,
    story::{Story, address_of, metric},
};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

const WARDS: [&str; 3] = [WARDS_1[0], WARDS_1[1], WARD_3];

#[test]
fn a_hub_put_back_to_an_older_copy_is_filled_again_by_those_around_it() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    let first = story.work(one, two, 6);
    story.settled("before");
    for hub in [DISTRICT_1, CITY] {
        let old = story.copy(hub, "old");
        let epoch = story.epoch(hub);
        // What the hub receives and hands out after the copy.
        story.work(one, three, 6);
        story.work(two, one, 6);
        story.work(three, two, 6);
        story.desk(one).note(&first[0], "sau bản sao").unwrap();
        story.desk(two).note(&first[0], "cũng sau bản sao").unwrap();
        story.settled("after the copy");
        story.put_back(hub, &old);
        story.start(hub);
        // It works on as if nothing had happened, and so do the counters.
        story.work(one, two, 2);
        story.settled("put back");
        wait_for("the hub says that it was set back", || {
            story.metric(hub, "motcua_set_back_total ") == 1.0
        });
        assert_ne!(story.epoch(hub), epoch, "{hub}: a new numbering");
        story.checked();
        story.settled("checked");
    }
    assert_eq!(story.changes(one, &first[0]), 2 + 4);
    story.city.stop_all().unwrap();
    story.city.start_all().unwrap();
    story.settled("after a restart");
}

#[test]
fn a_late_standby_of_the_city_at_another_address_takes_its_place() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    for code in [DISTRICT_1, DISTRICT_3] {
        story.stop(code);
        story.city.site(code).add_settings("[links]\nidle_seconds = 4\n").unwrap();
        story.start(code);
    }
    story.work(one, three, 6);
    story.settled("before");
    let late = story.copy(CITY, "late");
    story.work(one, three, 6);
    story.work(three, two, 6);
    story.settled("after the copy");

    story.city.site(CITY).process.kill().unwrap();
    story.work(two, three, 4);
    story.promote(late, CITY, &[CITY, DISTRICT_1, DISTRICT_3]);
    story.work(one, three, 2);
    story.settled("at work");
    story.checked();
}

#[test]
fn offices_find_the_late_standby_of_their_district_by_themselves() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    for code in [one, two] {
        story.stop(code);
        let site = story.city.site(code);
        // A hub that is killed says no farewell: its silence is noticed sooner than usual.
        site.add_settings("[links]\nidle_seconds = 4\n[renewal]\naway_seconds = 1\n").unwrap();
        story.start(code);
    }
    story.work(one, two, 4);
    story.settled("before");
    let late = story.copy(DISTRICT_1, "late");
    story.work(one, two, 4);
    story.settled("after the copy");
    story.city.site(DISTRICT_1).process.kill().unwrap();
    story.work(two, one, 4);
    story.promote(late, DISTRICT_1, &[CITY, DISTRICT_1]);
    story.work(one, two, 2);
    story.settled("at work");
    story.checked();
}

#[test]
fn a_node_put_back_to_an_older_copy_goes_on_in_a_new_log_and_prints_no_code_twice() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let first = story.work(one, two, 4);
    story.settled("before");
    let old = story.copy(one, "old");
    let later = story.work(one, two, 6);
    story.desk(one).note(&first[0], "sau bản sao").unwrap();
    story.settled("after the copy");
    assert_eq!(story.logs(DISTRICT_1, one), 1);

    story.put_back(one, &old);
    story.start(one);
    story.connected();
    wait_for("the machine finds out", || story.metric(one, "motcua_set_back_total ") == 1.0);
    // The counter goes on at once, under codes that no receipt has.
    story.work(one, two, 6);
    story.desk(one).note(&first[0], "sau khi khôi phục").unwrap();
    story.settled("put back");
    assert_eq!(story.changes(one, &first[0]), 2 + 2);
    let desk = story.desk(one);
    assert!(later.iter().all(|id| desk.has(id)), "its own acknowledged dossiers are back");
    assert_eq!(story.logs(DISTRICT_1, one), 2, "work goes on in a new log");
    story.checked();

    // The state lost as well: the same is there, and still no code twice.
    let site = story.city.site(one);
    site.process.kill().unwrap();
    std::fs::remove_dir_all(site.state_dir()).unwrap();
    story.start(one);
    story.work(one, two, 3);
    story.settled("rebuilt");
    assert_eq!(story.logs(DISTRICT_1, one), 2, "found out once");
}

#[test]
fn a_node_put_back_and_at_work_without_a_line_loses_neither_branch() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let first = story.work(one, two, 4);
    story.settled("before");
    let old = story.copy(one, "old");
    story.work(one, two, 5);
    story.desk(one).note(&first[1], "nhánh cũ").unwrap();
    story.settled("after the copy");

    story.put_back(one, &old);
    story.city.site(one).line.cut();
    story.start(one);
    let desk = story.desk(one);
    // Nobody can know these codes to be taken: no hub was there to say so.
    let mut alone = Vec::new();
    for _ in 0..5 {
        let made = desk.register(&fresh_key(), &application(&mut story.seed)).unwrap();
        story.expected.at(&story.city, &made.id, one);
        alone.push(made.id);
    }
    desk.note(&first[1], "nhánh mới").unwrap();
    // Clerks register all the while: no answer is an error, not even in the moment in which the
    // machine begins its new log. Then it is killed while it writes its log again, and goes on.
    let found = AtomicBool::new(false);
    let made: Vec<String> = thread::scope(|scope| {
        let clerks: Vec<_> = (0..4)
            .map(|clerk| {
                let (found, mut seed) = (&found, Seed::new(story.number ^ clerk));
                scope.spawn(move || {
                    let mut made = Vec::new();
                    while !found.load(Relaxed) {
                        made.push(desk.register(&fresh_key(), &application(&mut seed)).unwrap().id);
                    }
                    made
                })
            })
            .collect();
        story.city.site(one).line.restore();
        wait_for("the machine finds out", || metric(desk.client, "motcua_set_back_total ") == 1.0);
        found.store(true, Relaxed);
        clerks.into_iter().flat_map(|clerk| clerk.join().unwrap()).collect()
    });
    made.iter().for_each(|id| story.expected.at(&story.city, id, one));
    story.city.site(one).process.kill().unwrap();
    story.start(one);
    story.connected();
    story.settled("both branches");
    assert_eq!(story.changes(one, &first[1]), 1 + 2);
    let held = holdings(&desk.client, false).unwrap();
    assert!(alone.iter().all(|id| held.contains_key(id)));
    story.work(one, two, 3);
    story.settled("at work");
    story.checked();
}

#[test]
fn two_machines_from_one_disk_are_seen_and_the_work_of_both_is_kept() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let first = story.work(one, two, 4);
    story.settled("before");
    // A machine that comes back, by a new process or from another address, is no clone.
    for _ in 0..3 {
        story.city.site(one).process.kill().unwrap();
        story.start(one);
        story.connected();
        story.work(one, two, 1);
        story.settled("came back");
        story.city.site(one).line.change_address();
        story.work(one, two, 1);
        story.settled("from another address");
    }
    assert_eq!(story.metric(DISTRICT_1, "motcua_two_alive_total "), 0.0);
    assert_eq!(story.metric(one, "motcua_set_back_total "), 0.0);

    let copy = story.copy(one, "disk");
    let mut twin = copy.clone_node(&story.city, one).unwrap();
    twin.start().unwrap();
    story.city.site(one).line.set_twin(twin.id().unwrap());
    twin.wait_ready(START).unwrap();
    let desk = Desk::new(twin.client());
    let district = story.client(DISTRICT_1);
    wait_for("the hub sees two alive", || metric(district, "motcua_two_alive_total ") >= 1.0);
    let lines = district.get("/api/v1/offices").unwrap().json();
    let line = lines["offices"].as_array().unwrap().iter().find(|line| line["code"] == one);
    assert!(line.unwrap()["two_alive"].as_u64() >= Some(1), "the console says which: {lines}");
    // Both write, also to one dossier. Codes may clash until each has its own numbers; both are
    // kept.
    for round in 0..4 {
        let here = story.desk(one);
        for (at, desk) in [(0, &here), (1, &desk)] {
            let made = desk.register(&fresh_key(), &application(&mut story.seed)).unwrap();
            story.expected.at(&story.city, &made.id, one);
            desk.note(&first[0], &format!("máy {at} lần {round}")).unwrap();
        }
    }
    let all = story.expected.len();
    wait_for("the work of both is at the district", || {
        district.get("/api/v1/hub").unwrap().json()["dossiers"].as_u64() == Some(all as u64)
    });
    story.settled("both at work");
    let there = story.client(two);
    let shared = format!("/api/v1/dossiers/{}", first[0]);
    wait("eight notes at the other ward", PATIENCE, || {
        let history = there.get(&shared).unwrap().json()["history"].to_string();
        (0..4)
            .all(|round| (0..2).all(|at| history.contains(&format!("máy {at} lần {round}"))))
            .then_some(())
    });
    // The copy is found and switched off; the other one has everything.
    twin.stop(Duration::from_secs(15)).unwrap();
    story.connected();
    story.settled("one again");
    story.checked();
}

#[test]
fn a_node_and_its_hub_both_put_back_lose_nothing_that_anybody_holds() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    story.work(one, two, 4);
    story.settled("before");
    let hub = story.copy(DISTRICT_1, "older");
    let first = story.work(one, two, 4);
    story.settled("between the copies");
    let node = story.copy(one, "old");
    story.work(one, two, 4);
    story.work(two, one, 4);
    story.desk(one).note(&first[0], "sau hai bản sao").unwrap();
    story.settled("after the copies");

    story.stop(one);
    story.put_back(one, &node);
    story.put_back(DISTRICT_1, &hub);
    story.start(one);
    story.start(DISTRICT_1);
    story.connected();
    story.settled("both put back");
    assert_eq!(story.changes(one, &first[0]), 2 + 1);
    story.work(one, two, 4);
    story.settled("at work");
    story.checked();
}

#[test]
fn offices_whose_hub_is_retired_move_to_the_city_and_back_without_loss() {
    let mut story = Story::begin(&[CITY, DISTRICT_1, DISTRICT_3], &WARDS);
    let [one, two, three] = WARDS;
    story.work(one, three, 4);
    story.work(three, two, 4);
    story.settled("before");
    let page = story.city.site(CITY).page.to_string();
    let address = address_of(&story.city, DISTRICT_1);

    let done = story.city.provision(&["hub", "retire", DISTRICT_1, "--hub", &page]).unwrap();
    assert_eq!((&done["number"], &done["retired"][0]), (&2.into(), &DISTRICT_1.into()), "{done}");
    wait_for("the offices dial the city", || {
        let lines = story.client(CITY).get("/api/v1/offices").unwrap().json();
        let lines = lines["offices"].as_array().unwrap().clone();
        [one, two].iter().all(|code| {
            lines.iter().any(|line| line["code"] == **code && line["link"] == "connected")
        })
    });
    // What is decided where nobody listens any more would be lost.
    let (dossier, change) = (DossierId([1; 16]).to_string(), "0".repeat(64));
    let body = json!({
        "dossier": dossier, "change": change, "verdict": "quarantine", "reason": "thử", "operator": "T",
    });
    wait_for("the retired hub decides nothing more", || {
        let refused = story.client(DISTRICT_1).post("/api/v1/decisions", &[], &body).unwrap();
        refused.status == 409 && refused.json()["error"]["code"] == "retired"
    });
    story.stop(DISTRICT_1);
    story.city.site(DISTRICT_1).add_settings("[renewal]\naway_seconds = 1\n").unwrap();
    story.city.follow_root().unwrap();
    story.connected();
    let sent = story.city.site(one).line.bytes().0;
    story.work(one, three, 4);
    story.work(two, one, 4);
    story.settled("without the district");
    let sent = story.city.site(one).line.bytes().0 - sent;
    println!("{sent} bytes went up from the first ward at the city");

    // The tier is there again: the same machine, which nobody tells, with what it missed.
    let done = story.city.provision(&["hub", "set", &address, "--hub", &page]).unwrap();
    assert_eq!(done["number"], 3, "{done}");
    story.start(DISTRICT_1);
    story.city.follow_root().unwrap();
    story.connected();
    // What was made meanwhile belongs there too.
    let held = holdings(&story.client(CITY), false).unwrap();
    for code in [one, two] {
        let here = holdings(&story.client(code), false).unwrap();
        here.keys().for_each(|id| story.expected.at(&story.city, id, code));
        assert!(here.keys().all(|id| held.contains_key(id)));
    }
    story.work(one, three, 4);
    story.settled("with the district again");
    story.checked();
}
