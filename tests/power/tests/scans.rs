//! Power is cut under a scan: one that was answered as saved is whole afterwards, and one that is not
//! there was never answered (P01 of the cases, its second half).
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_power::{
    disk::{Disk, Mood},
    mount::obstacle,
    rig::Rig,
};
use motcua_tests::{
    city::{CITY, WARDS_1},
    desk::{Desk, application, fresh_key},
    http::Answer,
    patience::wait_for,
    scan::{attach, attachments, holds, line, scan},
    seed::Seed,
};

const WARD: &str = WARDS_1[0];
/// Bytes of a scan: some dozen writes and syncs.
const SIZE: usize = 3 << 20;

/// A ward below a hub it cannot reach, and a dossier in it.
struct Story {
    rig: Rig,
    seed: Seed,
    dossier: String,
}

fn begin() -> Option<Story> {
    if let Some(words) = obstacle() {
        println!("{words}");
        return None;
    }
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut rig = Rig::start(&[CITY], &[WARD], number).unwrap();
    let desk = Desk::new(rig.city.site(WARD).process.client());
    let dossier = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    wait_for("the hub has the dossier", || desk.sync().unwrap()["unsent"] == 0);
    // Whatever is whole afterwards, nobody else can have healed it.
    rig.isolate(WARD, true);
    Some(Story { rig, seed, dossier })
}

impl Story {
    /// Attaches a scan; the power goes at the `events`-th change of the disk, or right behind the answer.
    fn cut_under(&mut self, bytes: &[u8], key: &str, events: u64, mood: Mood) -> Option<Answer> {
        let client = self.rig.city.site(WARD).process.client();
        let pid = self.rig.city.site(WARD).process.id().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let disk: Disk = self.rig.disk(WARD);
        disk.cut_after(events, mood, move || {
            // Not reaped before `kill` below, so the number is still that of this process.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        });
        let answer = attach(client, &self.dossier, "can-cuoc.pdf", bytes, key).ok();
        disk.cut(mood);
        self.rig.city.site(WARD).process.kill().unwrap();
        self.rig.power_on(WARD).unwrap();
        answer.filter(Answer::is_success)
    }

    /// Whether a scan that was answered is read, every byte of it.
    fn is_read(&mut self, answer: &Answer, bytes: &[u8]) -> bool {
        let client = self.rig.city.site(WARD).process.client();
        let fact = answer.json()["id"].as_str().unwrap().to_owned();
        let read = client.get(&format!("{}/{fact}", attachments(&self.dossier)));
        read.is_ok_and(|read| read.status == 200 && read.body == bytes)
    }

    fn state(&mut self, hash: &str) -> String {
        let client = self.rig.city.site(WARD).process.client();
        line(client, &self.dossier, hash)["state"].as_str().unwrap_or("not there").to_owned()
    }
}

#[test]
fn a_scan_that_was_answered_is_whole_after_a_power_cut_and_one_that_is_not_there_never_was_answered()
 {
    let Some(mut story) = begin() else { return };
    let (mut answered, mut all) = (0, Vec::new());
    // Close to each other at the end, where file, leaves, names and record follow one another.
    let cuts = (1..=4).map(|step| step * 12).chain(52..64).chain([1_000_000; 4]);
    for (number, events) in cuts.enumerate() {
        let mood = [Mood::Loses, Mood::Mixes][number % 2];
        let (bytes, key) = (scan(&mut story.seed, SIZE), fresh_key());
        let hash = blake3::hash(&bytes).to_hex().to_string();
        let answer = story.cut_under(&bytes, &key, events, mood);
        let what = format!("cut at {events}, {mood:?}");
        let answer = match answer {
            Some(answer) => {
                answered += 1;
                assert!(story.is_read(&answer, &bytes), "{what}: answered, and not whole");
                answer
            }
            None => {
                // Whatever is left of it, the books and the file agree, and asked again it is one scan.
                let state = story.state(&hash);
                assert!(["not there", "saved"].contains(&state.as_str()), "{what}: {state}");
                let client = story.rig.city.site(WARD).process.client();
                let again = attach(client, &story.dossier, "can-cuoc.pdf", &bytes, &key).unwrap();
                assert!(again.is_success(), "{what}: {}", again.text());
                assert!(story.is_read(&again, &bytes), "{what}: asked again, and not whole");
                again
            }
        };
        assert_eq!(answer.json()["hash"], hash.as_str());
        assert_eq!(story.state(&hash), "saved", "{what}");
        all.push(hash);
    }
    println!("{answered} of {} were answered before the cut", all.len());
    assert!((4..all.len()).contains(&answered), "cuts on one side of the answer only: {answered}");
    let client = story.rig.city.site(WARD).process.client();
    let named = client.get("/api/v1/scans/damaged").unwrap().json()["damaged"].clone();
    assert_eq!(named.as_array().unwrap().len(), 0, "{named}");
    let listed = client.get(&attachments(&story.dossier)).unwrap().json();
    assert_eq!(listed["attachments"].as_array().unwrap().len(), all.len(), "none twice");
    story.rig.isolate(WARD, false);
    let city = story.rig.city.site(CITY).data.clone();
    wait_for("the hub has all of them", || all.iter().all(|hash| holds(&city, hash)));
}

#[test]
fn a_scan_whose_syncs_are_left_out_is_lost_by_a_power_cut_and_named_to_be_scanned_again() {
    let Some(mut story) = begin() else { return };
    story.rig.disk(WARD).ignore_syncs("attachments");
    let bytes = scan(&mut story.seed, SIZE);
    let hash = blake3::hash(&bytes).to_hex().to_string();
    let answer = story.cut_under(&bytes, &fresh_key(), 1_000_000, Mood::Loses);
    let answer = answer.expect("answered as saved, which it is not");
    assert!(!story.is_read(&answer, &bytes), "the test above cannot fail");
    wait_for("the page says so", || story.state(&hash) == "damaged");
    let client = story.rig.city.site(WARD).process.client();
    assert_eq!(line(client, &story.dossier, &hash)["words_vi"], "Hỏng: quét lại");
    let named = client.get("/api/v1/scans/damaged").unwrap().json()["damaged"][0].clone();
    assert_eq!(named["dossier"], story.dossier.as_str(), "{named}");
    assert_eq!((&named["name"], &named["size"]), (&"can-cuoc.pdf".into(), &SIZE.into()));
    // The paper is scanned again, on a disk that syncs: after a power cut it is whole.
    story.rig.disk(WARD).heed_syncs("attachments");
    let again = story.cut_under(&bytes, &fresh_key(), 1_000_000, Mood::Loses).unwrap();
    assert!(story.is_read(&again, &bytes));
}
