//! A full disk, and one whose syncs fail, under the shipped programs: what is not saved is said so,
//! what was saved stays, and work goes on without a restart.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_power::{
    disk::{ALL, Disk, Mood},
    mount::obstacle,
    rig::Rig,
};
use motcua_tests::{
    census::{Census, Expected},
    city::{CITY, WARDS_1},
    desk::{Desk, Registered, Trouble, application, fresh_key},
    http::Answer,
    patience::{PATIENCE, wait, wait_for},
    scan::{attach, scan},
    seed::Seed,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

const WARD: &str = WARDS_1[0];
const OTHER: &str = WARDS_1[1];

/// A hub and two wards; what the wards promised.
struct Story {
    rig: Rig,
    seed: Seed,
    made: Vec<(String, Registered)>,
}

/// None where nothing can be mounted.
fn begin() -> Option<Story> {
    if let Some(words) = obstacle() {
        println!("{words}");
        return None;
    }
    let (seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let rig = Rig::start(&[CITY], &[WARD, OTHER], number).unwrap();
    Some(Story { rig, seed, made: Vec::new() })
}

impl Story {
    fn desk(&mut self, code: &str) -> Desk {
        Desk::new(self.rig.city.site(code).process.client())
    }

    fn register(&mut self, code: &str) -> Registered {
        let (key, body) = (fresh_key(), application(&mut self.seed));
        let made = self.desk(code).register(&key, &body).unwrap();
        self.made.push((code.to_owned(), made.clone()));
        made
    }

    /// Registers until the disk refuses: what was refused, and in which words.
    fn until_refused(&mut self, code: &str) -> (String, Value, Answer) {
        let desk = self.desk(code);
        for _ in 0..20_000 {
            let (key, body) = (fresh_key(), application(&mut self.seed));
            match desk.register(&key, &body) {
                Ok(made) => self.made.push((code.to_owned(), made)),
                Err(Trouble::Refused(answer)) => return (key, body, answer),
                Err(other) => panic!("{other}"),
            }
        }
        panic!("the disk took everything");
    }

    /// Waits until a request that was refused is done, in the same process as before.
    fn until_saved(&mut self, code: &str, key: &str, body: &Value) -> Registered {
        let desk = self.desk(code);
        let made = wait("the refused request is saved", PATIENCE, || desk.register(key, body).ok());
        assert_eq!(desk.register(key, body).unwrap(), made, "asked again it is the same dossier");
        self.made.push((code.to_owned(), made.clone()));
        made
    }

    /// All that was answered as saved is read at its ward.
    fn all_are_read(&mut self) {
        for (code, made) in self.made.clone() {
            let detail = self.desk(&code).detail(&made.id);
            assert_eq!(detail.unwrap()["code"], *made.code);
        }
    }

    /// Exactly what was answered is everywhere, no code twice, and after a restart too.
    fn settled(&mut self) {
        let mut expected = Expected::default();
        let codes: BTreeSet<&String> = self.made.iter().map(|(_, made)| &made.code).collect();
        assert_eq!(codes.len(), self.made.len(), "no code is issued twice");
        for (code, made) in &self.made {
            expected.at(&self.rig.city, &made.id, code);
        }
        Census::settled(&self.rig.city, &expected, PATIENCE).unwrap();
        self.rig.city.stop_all().unwrap();
        self.rig.city.start_all().unwrap();
        Census::settled(&self.rig.city, &expected, PATIENCE).unwrap();
        self.all_are_read();
    }

    fn pid(&mut self, code: &str) -> u32 {
        self.rig.city.site(code).process.id().unwrap()
    }
}

fn says_not_saved(answer: &Answer) {
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (507, &Value::from("not_saved")), "{error}");
    let words = |name: &str| error[name].as_str().unwrap().to_owned();
    assert!(words("message_vi").starts_with("KHÔNG lưu được: ổ đĩa"), "{error}");
    assert!(words("message_en").starts_with("NOT saved: this machine's disk"), "{error}");
}

#[test]
fn a_full_disk_refuses_in_words_keeps_what_it_has_and_goes_on_when_there_is_space() {
    let Some(mut story) = begin() else { return };
    (0..5).for_each(|_| drop(story.register(WARD)));
    let (disk, pid) = (story.rig.disk(WARD), story.pid(WARD));
    for round in 0..2 {
        disk.set_full(ALL, true);
        let (key, body, refused) = story.until_refused(WARD);
        says_not_saved(&refused);
        assert!(refused.text().contains("đã đầy") && refused.text().contains("full"), "{round}");
        for _ in 0..3 {
            let Err(Trouble::Refused(again)) = story.desk(WARD).register(&key, &body) else {
                panic!("a full disk saved something");
            };
            says_not_saved(&again);
        }
        story.all_are_read();
        assert!(story.desk(WARD).client.get("/api/v1/dossiers").unwrap().is_success());
        story.register(OTHER);
        disk.set_full(ALL, false);
        story.until_saved(WARD, &key, &body);
        story.register(WARD);
    }
    assert!(disk.counts().no_space > 0);
    assert_eq!(story.pid(WARD), pid, "nobody restarted it");
    story.settled();
}

#[test]
fn a_machine_starts_on_a_full_disk_shows_what_it_has_and_saves_when_there_is_space() {
    let Some(mut story) = begin() else { return };
    (0..20).for_each(|_| drop(story.register(WARD)));
    let disk = story.rig.disk(WARD);
    disk.set_budget(Some(disk.used() + 100_000));
    drop(story.until_refused(WARD));
    story.rig.cut(WARD, 1, Mood::Loses).unwrap();
    story.rig.power_on(WARD).unwrap();
    story.all_are_read();
    disk.set_budget(Some(disk.used()));
    let (key, body, refused) = story.until_refused(WARD);
    says_not_saved(&refused);
    disk.set_budget(None);
    story.until_saved(WARD, &key, &body);
    story.settled();
}

/// The bases of an office, as positions, and files of bases that are not finished.
fn bases(story: &mut Story, code: &str) -> (BTreeSet<String>, usize) {
    let folder = story.rig.city.site(code).data.join("bases");
    let Ok(files) = std::fs::read_dir(folder) else { return Default::default() };
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let (whole, rest): (BTreeSet<_>, BTreeSet<_>) = names.partition(|name| name.ends_with(".base"));
    (whole, rest.len())
}

/// From the next start on a base is written now and then.
fn with_bases(story: &mut Story, code: &str) {
    // A hub writes a frame where a ward writes some entries.
    let every = if code == CITY { "20" } else { "30" };
    let site = story.rig.city.site(code);
    site.stop().unwrap();
    site.process.set_variable("MOTCUA_BASE_EVERY", every);
    story.rig.power_on(code).unwrap();
}

#[test]
fn a_base_that_has_no_room_is_none_takes_none_and_is_written_when_there_is_room() {
    let Some(mut story) = begin() else { return };
    with_bases(&mut story, WARD);
    (0..40).for_each(|_| drop(story.register(WARD)));
    wait_for("a base", || bases(&mut story, WARD).0.len() == 1);
    let disk = story.rig.disk(WARD);
    disk.set_full("bases", true);
    let (before, tried) = (bases(&mut story, WARD), disk.counts().no_space);
    wait_for("another one was tried", || {
        story.register(WARD);
        disk.counts().no_space > tried
    });
    (0..40).for_each(|_| drop(story.register(WARD)));
    story.all_are_read();
    assert_eq!(bases(&mut story, WARD), before, "nothing unfinished counts, or stays");
    disk.set_full("bases", false);
    wait_for("another base, without as many records more", || {
        story.register(WARD);
        bases(&mut story, WARD).0 != before.0
    });
    // What the state is made from now is the new one.
    story.rig.city.site(WARD).stop().unwrap();
    std::fs::remove_dir_all(story.rig.city.site(WARD).state_dir()).unwrap();
    story.rig.power_on(WARD).unwrap();
    story.all_are_read();
    story.settled();
}

/// Power goes, the state is lost, and the disk is full when the program starts.
fn loses_its_state_on_a_full_disk(story: &mut Story, code: &str, whole: bool) {
    let disk = story.rig.disk(code);
    story.rig.cut(code, 1, Mood::Loses).unwrap();
    disk.power_on();
    std::fs::remove_dir_all(story.rig.city.site(code).state_dir()).unwrap();
    match whole {
        // Not even the reserve can be given up.
        true => disk.set_full(ALL, true),
        false => disk.set_budget(Some(disk.used())),
    }
    story.rig.power_on(code).unwrap();
}

#[test]
fn a_node_that_makes_its_state_from_a_base_on_a_full_disk_starts_reads_says_so_and_goes_on() {
    for whole in [true, false] {
        let Some(mut story) = begin() else { return };
        with_bases(&mut story, WARD);
        (0..60).for_each(|_| drop(story.register(WARD)));
        wait_for("a base", || !bases(&mut story, WARD).0.is_empty());
        loses_its_state_on_a_full_disk(&mut story, WARD, whole);
        story.all_are_read();
        let (disk, pid) = (story.rig.disk(WARD), story.pid(WARD));
        let (key, body, refused) = story.until_refused(WARD);
        says_not_saved(&refused);
        if whole {
            assert!(says_the_disk_is_full(&mut story, WARD));
            let told = story.desk(WARD).sync().unwrap()["start"]["words_vi"].to_string();
            assert!(told.contains("đã đầy"), "{told}");
        }
        disk.set_full(ALL, false);
        disk.set_budget(None);
        story.until_saved(WARD, &key, &body);
        (0..40).for_each(|_| drop(story.register(WARD)));
        wait_for("nothing is said any more", || !says_the_disk_is_full(&mut story, WARD));
        assert_eq!(story.pid(WARD), pid, "nobody restarted it");
        story.settled();
    }
}

#[test]
fn a_hub_that_makes_its_state_from_a_base_on_a_full_disk_starts_and_takes_again_when_there_is_space()
 {
    let Some(mut story) = begin() else { return };
    with_bases(&mut story, CITY);
    wait_for("a base", || {
        story.register(WARD);
        !bases(&mut story, CITY).0.is_empty()
    });
    let received = |story: &mut Story| story.desk(WARD).sync().unwrap()["unsent_changes"] == 0;
    wait_for("all is received", || received(&mut story));
    loses_its_state_on_a_full_disk(&mut story, CITY, true);
    let (disk, pid) = (story.rig.disk(CITY), story.pid(CITY));
    let hub = story.rig.city.site(CITY).process.client();
    let held = motcua_tests::census::holdings(&hub, false).unwrap();
    assert_eq!(held.len(), story.made.len(), "what it has is read");
    assert!(says_the_disk_is_full(&mut story, CITY));
    (0..20).for_each(|_| drop(story.register(WARD)));
    disk.set_full(ALL, false);
    wait_for("all is received again", || received(&mut story));
    wait_for("nothing is said any more", || !says_the_disk_is_full(&mut story, CITY));
    assert_eq!(story.pid(CITY), pid, "nobody restarted it");
    story.settled();
}

/// Whether a machine says that its state has no room on the disk.
fn says_the_disk_is_full(story: &mut Story, code: &str) -> bool {
    let metrics = story.rig.city.site(code).process.client().get("/metrics").unwrap().text();
    metrics.contains("motcua_state_lost{reason=\"disk_full\"} 1")
}

#[test]
fn a_state_without_space_stops_no_save_and_no_look_up_and_neither_does_one_without_scans() {
    let Some(mut story) = begin() else { return };
    let first = story.register(WARD);
    let (disk, pid) = (story.rig.disk(WARD), story.pid(WARD));
    disk.set_full("state", true);
    disk.set_full("attachments", true);
    let listed = |story: &mut Story| {
        let client = story.desk(WARD).client;
        motcua_tests::census::holdings(&client, false).unwrap().len()
    };
    (0..40).for_each(|_| drop(story.register(WARD)));
    story.all_are_read();
    wait_for("the list has all", || listed(&mut story) == 41);
    let client = story.desk(WARD).client;
    let (bytes, key) = (scan(&mut story.seed, 200_000), fresh_key());
    let refused = attach(client, &first.id, "to-khai.pdf", &bytes, &key).unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (507, &"not_saved".into()));
    let words = refused.text();
    assert!(words.contains("KHÔNG lưu được") && words.contains("NOT saved"), "{words}");
    disk.set_full("state", false);
    disk.set_full("attachments", false);
    let attached = attach(client, &first.id, "to-khai.pdf", &bytes, &key).unwrap();
    assert!(attached.is_success(), "{}", attached.text());
    assert_eq!(story.pid(WARD), pid, "nobody restarted it");
    story.settled();
}

#[test]
fn a_failing_sync_is_not_saved_and_work_goes_on_when_syncs_work_again() {
    let Some(mut story) = begin() else { return };
    story.register(WARD);
    let (disk, pid) = (story.rig.disk(WARD), story.pid(WARD));
    disk.fail_syncs("journal", 0, u64::MAX);
    let (key, body, refused) = story.until_refused(WARD);
    says_not_saved(&refused);
    assert!(disk.counts().failed_syncs > 0);
    story.all_are_read();
    let Err(Trouble::Refused(again)) = story.desk(WARD).register(&key, &body) else {
        panic!("saved without a sync");
    };
    says_not_saved(&again);
    disk.fail_syncs("journal", 0, 0);
    story.until_saved(WARD, &key, &body);
    assert_eq!(story.pid(WARD), pid, "nobody restarted it");
    // What counts as clean since the failure may never come to the disk: nothing may rest on it.
    story.rig.cut(WARD, 1, Mood::Loses).unwrap();
    story.rig.power_on(WARD).unwrap();
    story.all_are_read();
    story.settled();
}

/// Clerks write, several at once, while single syncs fail again and again.
fn write_while_syncs_fail(story: &mut Story, disk: &Disk, times: usize) {
    let desk = story.desk(WARD);
    let (stop, made) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut seed = Seed::new(story.seed.bits());
            let (stop, made) = (&stop, &made);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    let (key, body) = (fresh_key(), application(&mut seed));
                    let one = wait("saved", PATIENCE, || match desk.register(&key, &body) {
                        Ok(one) => Some(one),
                        Err(Trouble::Refused(answer)) => {
                            says_not_saved(&answer);
                            None
                        }
                        Err(other) => panic!("{other}"),
                    });
                    made.lock().unwrap().push((WARD.to_owned(), one));
                }
            });
        }
        for round in 0..times as u64 {
            disk.fail_syncs("journal", story.seed.below(6) as u64, 1);
            wait_for("a sync failed", || disk.counts().failed_syncs > round);
        }
        stop.store(true, Relaxed);
    });
    story.made.extend(made.into_inner().unwrap());
}

#[test]
fn no_dossier_is_doubled_lost_or_kept_from_the_hub_by_syncs_that_fail_now_and_then() {
    let Some(mut story) = begin() else { return };
    let disk = story.rig.disk(WARD);
    write_while_syncs_fail(&mut story, &disk, 30);
    story.settled();
    story.rig.verify().unwrap();
}

#[test]
fn a_hub_with_a_full_disk_acknowledges_nothing_keeps_its_links_and_goes_on_when_there_is_space() {
    let Some(mut story) = begin() else { return };
    story.register(WARD);
    story.register(OTHER);
    let received = |story: &mut Story, code: &str| {
        story.desk(code).sync().unwrap()["hub_received_seq"].as_u64().unwrap()
    };
    wait_for("all is received", || {
        [WARD, OTHER].iter().all(|code| story.desk(code).sync().unwrap()["unsent_changes"] == 0)
    });
    let (disk, pid) = (story.rig.disk(CITY), story.pid(CITY));
    for fault in ["full", "sync"] {
        let before = received(&mut story, WARD);
        match fault {
            "full" => disk.set_full(ALL, true),
            _ => disk.fail_syncs("journal", 0, u64::MAX),
        }
        // Until the hub has refused: what it has room for, it may still take.
        let refusals = disk.counts();
        wait_for("the hub's disk refuses", || {
            story.register(WARD);
            let now = disk.counts();
            now.no_space > refusals.no_space + 3 || now.failed_syncs > refusals.failed_syncs + 3
        });
        let held = received(&mut story, WARD);
        (0..5).for_each(|_| drop(story.register(WARD)));
        assert!(held >= before);
        let other = story.desk(OTHER).sync().unwrap();
        assert_eq!(other["link"], "connected", "who sends nothing is not sent away: {other}");
        match fault {
            "full" => disk.set_full(ALL, false),
            _ => disk.fail_syncs("journal", 0, 0),
        }
        wait_for("all is received again", || {
            [WARD, OTHER].iter().all(|code| story.desk(code).sync().unwrap()["unsent_changes"] == 0)
        });
    }
    assert_eq!(story.pid(CITY), pid, "nobody restarted it");
    // What it acknowledged is on its disk.
    story.rig.isolate(CITY, true);
    let heard = story.made.len();
    story.rig.cut(CITY, 1, Mood::Loses).unwrap();
    story.rig.power_on(CITY).unwrap();
    let hub = story.rig.city.site(CITY).process.client();
    let held = motcua_tests::census::holdings(&hub, false).unwrap();
    assert_eq!(held.len(), heard);
    story.rig.isolate(CITY, false);
    story.settled();
}
