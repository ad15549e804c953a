//! Two machines in one office: what one writes the other shows within a second while the hub is
//! out of reach, and the one that has a line carries the work of both. Scans go the same ways.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, START, WARDS_1},
    desk::{Desk, application, fresh_key},
    machines::two_counters,
    patience::wait_for,
    scan::{MEGABYTE, attach, attachments, file, holds, line, scan, spoil},
    seed::Seed,
};
use std::{collections::BTreeSet, fs, time::Duration};

/// Whether a page's list shows a dossier.
fn listed(desk: &Desk, id: &str) -> bool {
    let answer = desk.client.get("/api/v1/dossiers?limit=100").unwrap().json();
    answer["dossiers"].as_array().unwrap().iter().any(|line| line["id"] == id)
}

#[test]
fn two_machines_of_an_office_work_as_one_without_the_hub() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let (code, near) = (WARDS_1[0], WARDS_1[1]);
    let (mut second, _) = two_counters(&mut city, code).unwrap();
    let (one, two) = (Desk::new(city.site(code).process.client()), Desk::new(second.client()));

    let mut codes = BTreeSet::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        for (from, to) in [(&one, &two), (&two, &one)] {
            let saved = from.register(&fresh_key(), &application(&mut seed)).unwrap();
            assert!(codes.insert(saved.code.clone()), "{} twice", saved.code);
            slowest = slowest.max(wait_for("the other shows it", || listed(to, &saved.id)));
        }
    }
    println!("slowest {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "the other machine showed it after {slowest:?}");

    // The counter goes on at whichever machine, on the same dossier.
    let shared = one.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    wait_for("it is there", || two.has(&shared));
    two.note(&shared, "tiếp tục ở quầy 2").unwrap();
    let noted = |desk: &Desk| desk.detail(&shared).unwrap().to_string().contains("tiếp tục ở");
    wait_for("the note came back", || noted(&one));

    // Killed and started again, each finds the other and what it missed.
    second.kill().unwrap();
    let missed = one.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    wait_for("what was missed", || listed(&two, &missed));

    // The first machine has a line again: it carries both, and brings the hub's word back.
    let last = two.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let office = city.site(near).office.clone();
    two.forward(&last, &office, "").unwrap();
    city.site(code).line.restore();
    let neighbour = Desk::new(city.site(near).process.client());
    wait_for("the neighbour has the second machine's dossier", || neighbour.has(&last));
    wait_for("the second machine knows", || two.sync().unwrap()["unsent"] == 0);
    let all = two.sync().unwrap();
    assert_eq!(all["hub_received_seq"], all["saved_total"], "{all}");
    second.stop(Duration::from_secs(15)).unwrap();
}

#[test]
fn a_scan_taken_in_at_one_counter_opens_at_the_other_and_goes_up_by_whichever_line() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let code = WARDS_1[0];
    let (mut second, there) = two_counters(&mut city, code).unwrap();
    let here = city.site(code).data.clone();
    let (one, two) = (Desk::new(city.site(code).process.client()), Desk::new(second.client()));
    let take_in = |desk: &Desk, id: &str, bytes: &[u8]| {
        let answer = attach(desk.client, id, "quet.pdf", bytes, &fresh_key()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["hash"].as_str().unwrap().to_owned()
    };
    let open = |desk: &Desk, id: &str, hash: &str| {
        let fact = line(desk.client, id, hash)["id"].as_str().unwrap_or_default().to_owned();
        desk.client.get(&format!("{}/{fact}", attachments(id))).unwrap()
    };

    // Two places are said when there are two, and the other counter can open it.
    let id = one.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let bytes = scan(&mut seed, 3 * MEGABYTE);
    let first = take_in(&one, &id, &bytes);
    let took = wait_for("two places", || one.sync().unwrap()["copies"] == 2);
    println!("3 MB stand beside after {took:?}");
    assert!(holds(&there, &first), "said, and not so");
    wait_for("the second counter opens it", || open(&two, &id, &first).status == 200);
    assert_eq!(open(&two, &id, &first).body, bytes);

    // Killed in the middle, it goes on where it was.
    let large = take_in(&one, &id, &scan(&mut seed, 30 * MEGABYTE));
    let partial = there.join("attachments/partial").join(&large);
    let came = || fs::metadata(&partial).map_or(0, |data| data.len());
    wait_for("a part has come", || came() > 4 << 20 || holds(&there, &large));
    second.kill().unwrap();
    assert!(!holds(&there, &large), "too fast to be killed in the middle of");
    let before = came();
    assert_ne!(one.sync().unwrap()["copies"], 2);
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    let mut least = u64::MAX;
    wait_for("it has come", || {
        least = least.min(if holds(&there, &large) { u64::MAX } else { came() });
        holds(&there, &large)
    });
    assert!(least >= before, "{least} bytes were kept of {before}");
    wait_for("two places again", || one.sync().unwrap()["copies"] == 2);

    // What was damaged at one comes back from the other, without the hub.
    second.stop(Duration::from_secs(15)).unwrap();
    spoil(&file(&there, &first), |bytes| bytes[MEGABYTE] ^= 1).unwrap();
    second.start().unwrap();
    second.wait_ready(START).unwrap();
    wait_for("it is whole again", || holds(&there, &first));

    // The first machine has a line: it carries the other's scan, and brings the word for it back.
    let third = take_in(&two, &id, &scan(&mut seed, MEGABYTE));
    city.site(code).line.restore();
    let above = city.site(CITY).data.clone();
    for hash in [&first, &large, &third] {
        wait_for("the city has it", || holds(&above, hash));
        wait_for("both know", || {
            [&one, &two].iter().all(|desk| line(desk.client, &id, hash)["state"] == "received")
        });
    }
    wait_for("nothing is left to send", || {
        [&one, &two].iter().all(|desk| desk.sync().unwrap()["unsent_scans"] == 0)
    });
    assert!(holds(&here, &third));
    // Once over the line, whoever offered it: three megabytes of proofs and words are many.
    let up = city.site(code).line.bytes().0 as usize;
    println!("{up} bytes went up for 34 MB of scans");
    assert!(up < 37 * MEGABYTE, "{up} bytes went up for 34 MB");
    second.stop(Duration::from_secs(15)).unwrap();
    city.stop_all().unwrap();
}
