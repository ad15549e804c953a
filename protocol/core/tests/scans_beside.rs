//! Scans between machines of one office: kept by each, fetched from whoever has them, brought up by
//! whoever has a line, and the hub's word for them brought back.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::Hash,
    replica::{Input, ScanDone, ScanMessage},
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

/// Two machines in the office of ward 1, beside each other, without a line to the hub.
fn office_of_two(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add(Ward1B);
    world.settle();
    world.cut(Ward1);
    world.cut(Ward1B);
    world.join(Ward1, Ward1B);
    world.settle();
    world
}

/// Whether a machine knows that the one beside it holds a scan.
fn stands_beside(world: &World, place: Place, hash: Hash) -> bool {
    world.sites[&place].replica.siblings().any(|sibling| sibling.scans.contains(&hash))
}

#[test]
fn what_the_hub_lacks_stands_at_both_and_whoever_has_a_line_brings_it_up_and_the_word_back() {
    let mut world = office_of_two(1);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(1, 300_000));
    assert!(!stands_beside(&world, Ward1, hash));
    world.settle();
    assert!(world.here(Ward1B, hash));
    assert!(stands_beside(&world, Ward1, hash) && stands_beside(&world, Ward1B, hash));
    assert!(world.scan_bytes < 300_000 * 103 / 100, "{} bytes", world.scan_bytes);
    let before = world.scan_bytes;
    world.restore(Ward1B);
    world.settle();
    assert!(world.here(District1, hash) && world.here(City, hash));
    assert!(world.row(Ward1B, hash).above);
    assert!(world.row(Ward1, hash).above, "the hub's word comes over the other machine");
    assert!(!stands_beside(&world, Ward1, hash), "of what the hub has nothing need be known");
    let up = world.scan_bytes - before;
    assert!(up < 2 * 300_000 * 103 / 100, "{up} bytes");
    // With two lines nothing is brought twice.
    let before = world.scan_bytes;
    world.restore(Ward1);
    world.settle();
    assert_eq!(world.scan_bytes, before);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn with_a_line_at_each_the_hub_reads_a_scan_once() {
    for seed in 0..6 {
        let mut world = office_of_two(20 + seed);
        world.restore(Ward1);
        world.restore(Ward1B);
        world.settle();
        let before = world.scan_bytes;
        let dossier = world.create(Ward1);
        let hash = world.attach(Ward1, dossier, &scan(2, 400_000));
        world.settle();
        assert!(world.here(City, hash) && world.row(Ward1, hash).above);
        // Up to the district and to the city, and once beside at most.
        let bytes = world.scan_bytes - before;
        assert!(bytes < 3 * 400_000 * 103 / 100, "seed {seed}: {bytes} bytes");
        for place in [Ward1, Ward1B] {
            let row = world.row(place, hash);
            assert!(!row.here || row.above, "{place:?} goes on offering");
        }
        assert_eq!(world.faults(), Vec::<String>::new());
    }
}

#[test]
fn what_somebody_opens_comes_from_the_other_machine_while_the_line_is_cut() {
    let mut world = World::new(3);
    world.add(Ward1B);
    let dossier = world.create(Ward3);
    let hash = world.attach(Ward3, dossier, &scan(3, 200_000));
    let op = grant(&world, Ward1);
    world.edit(Ward3, dossier, &[op]);
    world.settle();
    world.ask_for(Ward1B, hash);
    world.settle();
    assert!(world.here(Ward1B, hash) && !world.here(Ward1, hash));
    world.cut(Ward1);
    world.cut(Ward1B);
    world.settle();
    world.ask_for(Ward1, hash);
    world.settle();
    assert!(!world.here(Ward1, hash), "nobody can be asked");
    // A new link is asked at once, not when the pause is over.
    let began = world.now;
    world.join(Ward1, Ward1B);
    for _ in 0..2_000 {
        world.step();
    }
    assert!(world.here(Ward1, hash), "after {} ms", world.now - began);
    assert_eq!(world.now, began);
    world.settle();
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn a_machine_with_a_line_fetches_for_the_one_without() {
    let mut world = office_of_two(4);
    let dossier = world.create(Ward3);
    let hash = world.attach(Ward3, dossier, &scan(4, 200_000));
    let op = grant(&world, Ward1);
    world.edit(Ward3, dossier, &[op]);
    world.restore(Ward1);
    world.settle();
    world.cut(Ward1);
    world.restore(Ward1B);
    world.join(Ward1, Ward1B);
    world.settle();
    world.ask_for(Ward1, hash);
    world.settle();
    assert!(world.here(Ward1B, hash) && world.here(Ward1, hash));
    assert!(world.row(Ward1, hash).above, "it is known to come from above");
}

#[test]
fn two_that_lack_a_scan_do_not_ask_each_other_in_circles() {
    let mut world = World::new(5);
    for place in [Ward1B, Ward1C] {
        world.add(place);
    }
    let dossier = world.create(Ward3);
    let hash = world.attach(Ward3, dossier, &scan(5, 50_000));
    let op = grant(&world, Ward1);
    world.edit(Ward3, dossier, &[op]);
    world.settle();
    for place in [Ward1, Ward1B, Ward1C] {
        world.cut(place);
    }
    world.join(Ward1, Ward1B);
    world.join(Ward1B, Ward1C);
    world.join(Ward1C, Ward1);
    world.settle();
    let before = world.scan_bytes;
    for place in [Ward1, Ward1B, Ward1C] {
        world.ask_for(place, hash);
    }
    world.settle();
    let asked = world.scan_bytes - before;
    assert!(asked < 5_000, "{asked} bytes of questions");
    world.restore(Ward1B);
    world.settle();
    for place in [Ward1, Ward1B, Ward1C] {
        assert!(world.here(place, hash), "{place:?}");
    }
}

#[test]
fn crashes_and_cut_lines_at_any_moment_leave_no_books_ahead_of_the_bytes() {
    for seed in 0..40u64 {
        let mut world = office_of_two(100 + seed);
        let dossier = world.create(Ward1);
        world.settle();
        let hashes: Vec<Hash> = (0..3)
            .map(|n| world.attach(Ward1, dossier, &scan(n, 40_000 * (n as usize + 1))))
            .collect();
        world.run(1);
        let mut line = None;
        for round in 0..5 {
            for _ in 0..(seed * 11 + round * 17) % 70 {
                world.step();
                world.now += 3;
            }
            match (seed + round) % 3 {
                0 => world.crash(Ward1B),
                1 => world.crash(Ward1),
                _ => line.into_iter().for_each(|link| world.part(link)),
            }
            line = Some(world.join(Ward1B, Ward1));
            for hash in &hashes {
                for (place, other) in [(Ward1, Ward1B), (Ward1B, Ward1)] {
                    world.here(place, *hash);
                    // What is said to be beside is on the disk there.
                    let said = stands_beside(&world, place, *hash);
                    let there = world.sites[&other].disk.files.get(hash);
                    assert!(!said || there.is_some_and(|file| file.whole), "seed {seed}");
                }
            }
        }
        world.settle();
        for hash in &hashes {
            if world.row(Ward1, *hash).here {
                assert!(world.here(Ward1B, *hash), "seed {seed}");
                assert!(stands_beside(&world, Ward1, *hash), "seed {seed}");
            }
        }
        // The first machine is lost: what it said to be in two places reaches the city.
        world.kill(Ward1);
        world.restore(Ward1B);
        world.settle();
        for hash in hashes.iter().filter(|hash| world.row(Ward1B, **hash).here) {
            assert!(world.here(City, *hash), "seed {seed}");
        }
    }
}

#[test]
fn a_reading_that_a_cut_beside_ended_goes_on_at_once_over_the_next_link() {
    let mut world = World::new(10);
    world.add(Ward1B);
    world.settle();
    world.cut(Ward1);
    world.cut(Ward1B);
    let link = world.join(Ward1, Ward1B);
    world.settle();
    let dossier = world.create(Ward1);
    world.settle();
    let hash = world.attach(Ward1, dossier, &scan(10, 400_000));
    while world.scan_bytes < 200_000 {
        world.step();
        world.now += 1;
    }
    world.part(link);
    world.join(Ward1B, Ward1);
    // No time passes in which a silent peer would be given up.
    for _ in 0..3_000 {
        world.step();
    }
    assert!(world.here(Ward1B, hash));
    assert!(world.scan_bytes < 400_000 * 108 / 100, "{} bytes", world.scan_bytes);
}

#[test]
fn the_hubs_word_that_came_while_the_two_were_parted_is_told_when_they_meet() {
    let mut world = office_of_two(11);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(11, 60_000));
    world.settle();
    assert!(world.here(Ward1B, hash));
    // The first machine is alone while the other brings the scan up.
    world.cut(Ward1);
    world.restore(Ward1B);
    world.settle();
    assert!(world.row(Ward1B, hash).above && !world.row(Ward1, hash).above);
    world.cut(Ward1B);
    world.join(Ward1, Ward1B);
    world.settle();
    assert!(world.row(Ward1, hash).above);
}

#[test]
fn a_machine_that_lost_a_scan_no_longer_counts_as_a_place_and_gets_it_again() {
    let mut world = office_of_two(6);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(6, 300_000));
    world.settle();
    assert!(stands_beside(&world, Ward1, hash));
    world.site(Ward1B).disk.files.get_mut(&hash).unwrap().data[100_000] ^= 1;
    world.input(Ward1B, Input::Scan(ScanDone::Damaged { hash }));
    let mut lost = false;
    for _ in 0..200 {
        world.step();
        lost |= !stands_beside(&world, Ward1, hash);
    }
    assert!(lost, "it went on counting");
    world.settle();
    assert!(world.here(Ward1B, hash) && stands_beside(&world, Ward1, hash));
    // The other way round: the one that took it in loses it, and it comes back.
    world.site(Ward1).disk.files.get_mut(&hash).unwrap().data.clear();
    world.input(Ward1, Input::Scan(ScanDone::Damaged { hash }));
    world.settle();
    assert!(world.here(Ward1, hash));
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn a_machine_that_was_set_back_is_asked_again_what_it_has() {
    let mut world = office_of_two(7);
    let dossier = world.create(Ward1);
    world.settle();
    let image = world.image(Ward1B);
    let hash = world.attach(Ward1, dossier, &scan(7, 100_000));
    world.settle();
    assert!(stands_beside(&world, Ward1, hash));
    world.set_back(Ward1B, image);
    world.site(Ward1B).disk.files.clear();
    world.join(Ward1, Ward1B);
    let mut again = false;
    for _ in 0..400 {
        world.step();
        let whole = world.sites[&Ward1B].disk.files.get(&hash).is_some_and(|file| file.whole);
        // From its new hello on it counts only when it is there.
        again |= !stands_beside(&world, Ward1, hash);
        assert!(!again || whole || !stands_beside(&world, Ward1, hash));
    }
    assert!(again, "what it said before it was set back went on counting");
    world.settle();
    assert!(world.here(Ward1B, hash) && stands_beside(&world, Ward1, hash));
}

#[test]
fn a_second_link_that_ends_at_once_takes_nothing_from_what_is_known_of_the_other_machine() {
    let mut world = office_of_two(12);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(12, 20_000));
    world.settle();
    assert!(stands_beside(&world, Ward1, hash));
    // Its hello says nothing of scans yet, and its offers are never answered.
    let second = world.join(Ward1B, Ward1);
    while stands_beside(&world, Ward1, hash) {
        world.step();
    }
    world.part(second);
    world.settle();
    assert!(stands_beside(&world, Ward1, hash) && stands_beside(&world, Ward1B, hash));
}

#[test]
fn neither_another_office_nor_a_hub_speaks_as_a_machine_beside() {
    let mut world = office_of_two(8);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(8, 50_000));
    world.settle();
    world.join(Ward1, Ward2);
    world.settle();
    assert!(!world.sites[&Ward2].disk.files.contains_key(&hash));
    assert!(world.faults().iter().any(|fault| fault.contains("another office")));
    // A ward tells its hub what only machines of one office tell each other.
    let before = world.faults().len();
    world.say(Ward2, District1, &ScanMessage::Above { hash });
    world.settle();
    assert!(world.faults().len() > before && !world.row(District1, hash).above);
}

#[test]
fn a_machine_beside_that_serves_something_else_is_not_believed() {
    let mut world = office_of_two(9);
    let dossier = world.create(Ward1);
    world.settle();
    world.scan_trick = Some((Ward1, |message| {
        if let ScanMessage::Piece { data, .. } = message {
            data[5] ^= 1;
        }
    }));
    let hash = world.attach(Ward1, dossier, &scan(9, 90_000));
    world.settle();
    assert!(!world.here(Ward1B, hash) && !stands_beside(&world, Ward1, hash));
    assert_eq!(world.fault(Ward1B, "proof"), 1);
    let after = world.create(Ward1);
    world.settle();
    assert_eq!(world.changes(Ward1B, after), 1, "dossiers go on");
}
