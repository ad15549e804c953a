//! A machine with valid papers that writes more than it may, beside an honest office: it is read at
//! its rate, whatever links it makes, nobody waits for it, and what it wrote arrives. Table of all
//! attacks: design/faults.md.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_core::{
    limits,
    replica::{Control, Data, Head},
};
use motcua_tests::{
    hostile::{Liar, Line, Peer, Stage},
    patience::{PATIENCE, wait},
};
use std::time::{Duration, Instant};

/// What a machine may write at this hub.
const AT_ONCE: u64 = 400;
const A_SECOND: u64 = 20;
/// What it writes, in frames of so many.
const ALL: u64 = 760;
const FRAME: u64 = 20;
/// A delay that is noise on a machine that does other things as well.
const FLOOR: Duration = Duration::from_millis(150);

/// What is not at the hub yet, all at once.
fn send_rest(line: &Line, log: &Liar, from: u64) {
    line.send(&log.announced());
    for first in (from + 1..=ALL).step_by(FRAME as usize) {
        let last = (first + FRAME - 1).min(ALL);
        line.send(&Data::Up(log.frame(first, last).unwrap()));
    }
}

/// Entries that the hub has from the liar's office, and whether it is read slowly.
fn seen(stage: &Stage) -> (u64, bool) {
    let of = |name: &str| {
        let all = stage.metric(name).unwrap();
        all.iter()
            .find(|(labels, _)| labels.contains("office=\"2\""))
            .map_or(0, |(_, value)| *value)
    };
    (of("motcua_office_received_entries"), of("motcua_office_slowed") == 1)
}

#[test]
fn a_flood_of_true_entries_is_read_at_its_allowance_and_all_of_it_arrives_in_the_end() {
    let allowance =
        format!("[allowance]\nentries = {AT_ONCE}\nentries_a_second = {A_SECOND}\nmegabytes = 1\n");
    let mut stage = Stage::with("dau vet", &allowance).unwrap();
    let liar = Peer::new(&stage.papers_of(2).unwrap()).unwrap();
    let mut log = Liar::new(&liar.identity, 60).unwrap();
    for _ in 0..ALL {
        log.register(40).unwrap();
    }
    let load = stage.quiet().unwrap();
    println!("quiet: {load:?}");

    let (mut line, _) = liar.greet().unwrap();
    let began = Instant::now();
    send_rest(&line, &log, 0);
    // What it may, and a frame that was read when the last of it was spent.
    let may = |at: Instant| AT_ONCE + FRAME + A_SECOND * (at.elapsed().as_secs() + 1);
    wait("it is read slowly", PATIENCE, || seen(&stage).1.then_some(()));
    let cost = stage.measure(&load, Duration::from_secs(3)).unwrap();
    println!("read slowly: {cost:.2?}, {} entries", seen(&stage).0);
    let (waits, quiet) = (cost.delay, load.delay);
    assert!(waits <= FLOOR.max(quiet * 2), "the honest office waits {waits:?}, not {quiet:?}");
    assert!(cost.memory <= 24 << 20, "{} bytes more", cost.memory);

    // Its link is up, and what is not entries goes on.
    assert_eq!(liar.links(), 1);
    let heard = liar.heard();
    line.say(&Control::Fetch(stage.dossiers()[0].parse().unwrap()));
    wait("an answer on the link that is read slowly", PATIENCE, || {
        (liar.heard() > heard).then_some(())
    });

    // The operator reads whose it is, since when, and what to do.
    let offices = stage.hub.client().get("/api/v1/offices").unwrap().json();
    let lines = offices["offices"].as_array().unwrap();
    let slowed: Vec<_> = lines.iter().filter(|line| line["slowed"].is_object()).collect();
    assert_eq!(slowed.len(), 1, "{offices}");
    assert_eq!(slowed[0]["code"], "2");
    let words = |language: &str| slowed[0]["slowed"][language].as_str().unwrap().to_owned();
    let node = liar.identity.device.public().node_id().to_string();
    assert!(words("vi").contains(&node) && words("vi").contains("đình chỉ"), "{}", words("vi"));
    assert!(words("en").contains(&node) && words("en").contains("[allowance]"), "{}", words("en"));
    assert!(slowed[0]["slowed_at"].is_i64());

    // New links are no new allowance.
    for _ in 0..3 {
        line.close();
        wait("the link ends", PATIENCE, || (liar.links() == 0).then_some(()));
        let (next, welcome) = liar.greet().unwrap();
        line = next;
        let has = |head: &&Head| head.log == log.log();
        let heads = welcome.heads.unwrap();
        send_rest(&line, &log, heads.iter().find(has).map_or(0, |head| head.sequence));
        let (has, _) = seen(&stage);
        assert!(has <= may(began), "{has} entries after {:?}", began.elapsed());
    }
    let mut left = 0;
    let all = wait("everything arrives", Duration::from_secs(120), || {
        let (has, slowed) = seen(&stage);
        let may = may(began);
        assert!(has <= may, "{has} entries after {:?}, {may} may be", began.elapsed());
        left = left.max(u64::from(slowed));
        (has == ALL).then_some(began.elapsed())
    });
    assert!(left == 1, "it was slowed meanwhile");
    let least = (ALL - AT_ONCE - FRAME) / A_SECOND;
    assert!(all.as_secs() >= least, "all within {all:?}");
    wait("it is slowed no more", PATIENCE * 2, || (!seen(&stage).1).then_some(()));
    println!("all after {all:.1?}");
    let faults = stage.metric("motcua_refused_total").unwrap();
    assert!(faults.values().all(|count| *count == 0), "nothing is refused: {faults:?}");
    stage.change().unwrap();
    line.close();
    assert!(stage.node.ended().unwrap().is_none() && stage.hub.ended().unwrap().is_none());
}

/// A hub that was lost is filled again at the speed of the line: the usual allowance is a ward's
/// history of years.
const _: () = assert!(limits::AUTHOR_ENTRIES >= 20 * 365 * 200);
