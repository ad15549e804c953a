//! Offices without a line: bundles carried between them and their hub, between links, lost, twice,
//! out of order, and cut by a crash in the middle.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::Hash,
    replica::{Channel, Input, LinkId, ScanMessage, Unwanted},
    trust::DenyAction,
};
use world::{
    Place,
    Place::*,
    World,
    scanning::{Scanning, scan},
};

fn grant(world: &World, place: Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

/// Ward 1 has no line; everybody else has.
fn without_line(seed: u64) -> World {
    let mut world = World::new(seed);
    world.settle();
    world.cut(Ward1);
    world
}

#[test]
fn an_office_without_a_line_works_both_ways_by_file_alone() {
    let mut world = without_line(1);
    let mine: Vec<_> = (0..30).map(|_| world.create(Ward1)).collect();
    let op = grant(&world, Ward3);
    world.edit(Ward1, mine[0], &[op]);
    let theirs = world.create(Ward3);
    let op = grant(&world, Ward1);
    world.edit(Ward3, theirs, &[op]);
    world.settle();

    let up = world.record_up(Ward1);
    assert_eq!(world.received_by_parent(Ward1), 0, "exported is not delivered");
    assert_eq!(world.bring(District1, &up), None);
    world.settle();
    assert_eq!(world.changes(City, mine[29]), 1, "what came by hand goes on by wire");
    assert_eq!(world.changes(Ward3, mine[0]), 2);
    assert_eq!(world.received_by_parent(Ward1), 0);

    let reply = world.record_down(Ward1, Some(world.cursor(Ward1)));
    assert_eq!(world.bring(Ward1, &reply), None);
    world.settle();
    assert_eq!(world.received_by_parent(Ward1), 31);
    assert_eq!(world.changes(Ward1, theirs), 2);
    assert_eq!(world.changes(Ward2, theirs), 0);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn the_same_file_twice_changes_nothing_and_an_older_one_after_a_newer_neither() {
    let mut world = without_line(2);
    let first = world.create(Ward1);
    world.settle();
    let older = world.record_up(Ward1);
    let second = world.create(Ward1);
    world.settle();
    let newer = world.record_up(Ward1);
    for file in [&newer, &older, &newer, &older] {
        assert_eq!(world.bring(District1, file), None);
    }
    world.settle();
    let before = world.state(District1).0.clone();
    assert_eq!(world.bring(District1, &older), None);
    world.settle();
    assert!(world.state(District1).0 == before);
    assert_eq!((world.changes(City, first), world.changes(City, second)), (1, 1));

    let start = world.cursor(Ward1);
    let old_reply = world.record_down(Ward1, Some(start));
    let other = world.create(Ward2);
    let op = grant(&world, Ward1);
    world.edit(Ward2, other, &[op]);
    world.settle();
    let new_reply = world.record_down(Ward1, Some(start));
    let mut at = 0;
    for file in [&new_reply, &old_reply, &new_reply] {
        assert_eq!(world.bring(Ward1, file), None);
        world.settle();
        let now = world.cursor(Ward1).number;
        assert!(now >= at, "the place in the inbox went back from {at} to {now}");
        at = now;
        assert_eq!(world.changes(Ward1, other), 2);
        assert_eq!(world.received_by_parent(Ward1), 2);
    }
}

#[test]
fn a_gap_is_refused_in_words_that_name_what_is_missing() {
    let mut world = without_line(3);
    let other = world.create(Ward2);
    let op = grant(&world, Ward1);
    world.edit(Ward2, other, &[op]);
    world.settle();
    let first = world.record_down(Ward1, None);
    let start = world.cursor(Ward1);
    // A twin takes the first file; what the hub then makes for it begins behind that.
    assert_eq!(world.bring(Ward1, &first), None);
    world.settle();
    let after = world.cursor(Ward1);
    assert!(after.number > start.number);
    world.edit(Ward2, other, &[]);
    world.settle();
    let second = world.record_down(Ward1, Some(after));
    let mut set_back = without_line(3);
    set_back.settle();
    let why = set_back.bring(Ward1, &second).unwrap();
    assert!(why.contains("missing") || why.contains("numbers"), "{why}");
    assert_eq!(set_back.changes(Ward1, other), 0);
}

#[test]
fn files_and_links_mix() {
    let mut world = World::new(4);
    world.settle();
    let mut all = Vec::new();
    for round in 0..6u64 {
        world.cut(Ward1);
        for _ in 0..3 {
            all.push(world.create(Ward1));
        }
        let other = world.create(Ward2);
        let op = grant(&world, Ward1);
        world.edit(Ward2, other, &[op]);
        all.push(other);
        world.run(40);
        let up = world.record_up(Ward1);
        let before = world.cursor(Ward1);
        world.restore(Ward1);
        world.run(round);
        // The file is on its way while the line comes back.
        let link = world.take_in(District1, &up, 2);
        world.run(3);
        let reply = world.record_down(Ward1, Some(before));
        let second = world.take_in(Ward1, &reply, 3);
        world.run(20);
        for (place, link) in [(District1, link), (Ward1, second)] {
            world.end(place, link);
        }
        world.settle();
    }
    for dossier in all {
        assert_eq!(world.heads(Ward1, dossier), world.heads(City, dossier));
        assert!(world.changes(Ward1, dossier) > 0);
    }
    assert!(world.in_sync(Ward1));
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn a_crash_in_the_middle_loses_nothing_and_the_same_file_finishes_it() {
    for seed in 0..40 {
        let mut world = without_line(100 + seed);
        let mine: Vec<_> = (0..8).map(|_| world.create(Ward1)).collect();
        let other = world.create(Ward2);
        let op = grant(&world, Ward1);
        world.edit(Ward2, other, &[op]);
        world.settle();
        let up = world.record_up(Ward1);
        world.slow_disk(District1, 3);
        world.take_in(District1, &up, seed as usize % 3);
        world.run(seed % 4);
        world.crash(District1);
        assert_eq!(world.bring(District1, &up), None);
        world.settle();
        let reply = world.record_down(Ward1, Some(world.cursor(Ward1)));
        world.take_in(Ward1, &reply, seed as usize % 3);
        world.run(seed % 3);
        world.crash(Ward1);
        let reply = world.record_down(Ward1, Some(world.cursor(Ward1)));
        assert_eq!(world.bring(Ward1, &reply), None);
        world.settle();
        assert_eq!(world.received_by_parent(Ward1), 8, "seed {seed}");
        assert_eq!(world.changes(Ward1, other), 2, "seed {seed}");
        assert!(mine.iter().all(|dossier| world.changes(City, *dossier) == 1));
    }
}

#[test]
fn a_file_for_another_hub_or_by_another_is_not_taken() {
    let mut world = without_line(5);
    world.create(Ward1);
    world.settle();
    let up = world.record_up(Ward1);
    // The city can open it, and does not serve the ward itself.
    let why = world.bring(City, &up).unwrap();
    assert!(why.contains("served by a hub nearer"), "{why}");
    assert_eq!(world.sealed_to(&up), [District1, City]);
    let down = world.record_down(Ward1, None);
    assert_eq!(world.sealed_to(&down), [Ward1]);
}

#[test]
fn a_banned_machines_file_is_taken_up_to_the_ban_and_refused_beyond_it() {
    let mut world = without_line(6);
    let before: Vec<_> = (0..3).map(|_| world.create(Ward1)).collect();
    world.settle();
    let good = world.record_up(Ward1);
    let after: Vec<_> = (0..2).map(|_| world.create(Ward1)).collect();
    world.settle();
    let more = world.record_up(Ward1);
    world.publish(District1, 1, &[(Ward1, DenyAction::Ban, 3)]);
    world.settle();
    let why = world.bring(District1, &more).unwrap();
    assert!(why.contains("banned") && why.contains("up to 3"), "{why}");
    assert_eq!(world.bring(District1, &good), None);
    world.settle();
    assert!(before.iter().all(|dossier| world.changes(District1, *dossier) == 1));
    assert!(after.iter().all(|dossier| world.changes(District1, *dossier) == 0));

    let mut world = without_line(7);
    world.create(Ward2);
    world.settle();
    world.cut(Ward2);
    let lost = world.create(Ward2);
    world.settle();
    let file = world.record_up(Ward2);
    world.publish(District1, 1, &[(Ward2, DenyAction::Ban, 0)]);
    world.settle();
    assert!(world.bring(District1, &file).unwrap().contains("banned"));
    assert_eq!(world.changes(District1, lost), 0);
}

#[test]
fn dialling_a_line_that_is_cut_does_not_disturb_a_file_being_taken_in() {
    // A ward that never had a line knows nothing of its hub's numbering.
    let mut world = World::new(8);
    world.cut(Ward1);
    world.settle();
    let other = world.create(Ward2);
    let op = grant(&world, Ward1);
    world.edit(Ward2, other, &[op]);
    world.settle();
    let reply = world.record_down(Ward1, Some(world.cursor(Ward1)));
    // Long enough for several dials that come to nothing.
    let link = world.take_in_with(Ward1, &reply, usize::MAX, |world| world.run(200));
    world.run(20);
    world.end(Ward1, link);
    assert_eq!(world.changes(Ward1, other), 2);
    assert_eq!(world.faults(), Vec::<String>::new());
}

/// What was said about scans on a link without another end.
fn said(world: &World, link: LinkId) -> Vec<ScanMessage> {
    let of = world.answers().iter().filter(|(of, _)| *of == link);
    // Other channels' messages stand between, and are no scan's to their last byte.
    let whole = of.filter_map(|(_, bytes)| match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Some(message),
        _ => None,
    });
    whole.collect()
}

fn tell(world: &mut World, place: Place, link: LinkId, message: &ScanMessage) {
    let bytes = postcard::to_stdvec(message).unwrap();
    world.input(place, Input::Message { link, channel: Channel::Scan, bytes });
    world.run(30);
}

#[test]
fn a_scan_that_comes_by_file_is_judged_as_on_a_link() {
    let mut world = without_line(9);
    let dossier = world.create(Ward1);
    let mine = world.attach(Ward1, dossier, &scan(1, 50_000));
    // The neighbour's scan is named at the hub, and its bytes never came.
    let other = world.create(Ward2);
    world.settle();
    world.scan_trick = Some((Ward2, |message| {
        if let ScanMessage::Offer { size, .. } = message {
            *size += 1;
        }
    }));
    let theirs = world.attach(Ward2, other, &scan(2, 40_000));
    world.settle();
    world.scan_trick = None;
    let up = world.record_up(Ward1);
    let link = world.take_in(District1, &up, usize::MAX);
    world.run(40);
    // As the shell does: the bytes are in their place when they are offered.
    for (hash, size, bytes) in [
        (mine, 50_001, scan(1, 50_000)),
        (mine, 50_000, scan(1, 50_000)),
        (theirs, 40_000, scan(2, 40_000)),
        (Hash(*blake3::hash(&scan(3, 30_000)).as_bytes()), 30_000, scan(3, 30_000)),
    ] {
        world.site(District1).disk.put(&bytes);
        tell(&mut world, District1, link, &ScanMessage::Offer { hash, size });
    }
    world.now += 61_000;
    world.run(4);
    assert!(world.here(District1, mine));
    assert!(!world.here(District1, theirs), "taken from an office that has no part in it");
    let answers = said(&world, link);
    let refused = |hash: Hash, why: Unwanted| answers.contains(&ScanMessage::Decline { hash, why });
    assert!(answers.contains(&ScanMessage::Stored { hash: mine }), "{answers:?}");
    assert!(refused(mine, Unwanted::NotAllowed) && refused(theirs, Unwanted::Unknown));
    assert_eq!(answers.len(), 4, "{answers:?}");
    world.end(District1, link);
    world.settle();
    assert!(world.here(City, mine), "what came by hand goes on by wire");
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn a_file_from_the_hub_brings_scans_and_its_word_for_those_it_has() {
    let mut world = without_line(10);
    let dossier = world.create(Ward1);
    let mine = world.attach(Ward1, dossier, &scan(4, 20_000));
    let other = world.create(Ward2);
    let op = grant(&world, Ward1);
    world.edit(Ward2, other, &[op]);
    let theirs = world.attach(Ward2, other, &scan(5, 60_000));
    world.settle();
    let reply = world.record_down(Ward1, Some(world.cursor(Ward1)));
    let link = world.take_in(Ward1, &reply, usize::MAX);
    world.run(40);
    world.site(Ward1).disk.put(&scan(5, 60_000));
    tell(&mut world, Ward1, link, &ScanMessage::Offer { hash: theirs, size: 60_000 });
    assert!(world.here(Ward1, theirs));
    assert!(world.row(Ward1, theirs).above, "it would be carried back to where it came from");
    assert!(!world.row(Ward1, mine).above);
    tell(&mut world, Ward1, link, &ScanMessage::Stored { hash: mine });
    tell(&mut world, Ward1, link, &ScanMessage::Stored { hash: Hash([7; 32]) });
    assert!(world.row(Ward1, mine).above);
    assert_eq!(world.row(Ward1, Hash([7; 32])), Default::default());
    // What only machines of one office say to each other ends the link.
    let before = world.faults().len();
    tell(&mut world, Ward1, link, &ScanMessage::Above { hash: mine });
    assert_eq!(world.faults().len(), before + 1);
    world.end(Ward1, link);
    world.settle();
}
