//! Machines of one office side by side: what one writes the others have without the hub, and
//! either carries the other's work up.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::entry::{AudienceAction, AudienceOp, Role};
use world::{Place::*, World};

fn grant(world: &World, place: world::Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

/// Two machines in ward 1, without a line to the hub.
fn office_of_two(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add(Ward1B);
    world.settle();
    world.cut(Ward1);
    world.cut(Ward1B);
    world
}

#[test]
fn what_one_writes_the_other_has_without_the_hub_and_both_go_on_with_it() {
    let mut world = office_of_two(1);
    let before = world.create(Ward1);
    world.settle();
    world.join(Ward1, Ward1B);
    let live = world.create(Ward1B);
    world.settle();
    for dossier in [before, live] {
        assert_eq!(world.changes(Ward1, dossier), 1);
        assert_eq!(world.changes(Ward1B, dossier), 1);
    }
    world.edit(Ward1B, before, &[]);
    world.edit(Ward1, live, &[]);
    world.settle();
    world.edit(Ward1, before, &[]);
    world.settle();
    assert_eq!(world.heads(Ward1, before), world.heads(Ward1B, before));
    assert_eq!((world.changes(Ward1B, before), world.changes(Ward1, live)), (3, 2));
    assert_eq!(world.changes(District1, before), 0);
    assert_eq!(world.held_beside(Ward1), [3], "the other machine is a second place");
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn the_machine_that_has_a_line_carries_the_other_ones_work_and_brings_the_hubs_word_back() {
    let mut world = office_of_two(2);
    world.join(Ward1, Ward1B);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    world.restore(Ward1B);
    world.settle();
    assert_eq!(world.changes(City, dossier), 2);
    assert_eq!(world.changes(Ward3, dossier), 2);
    assert_eq!(world.received_by_parent(Ward1), 2, "the hub's word comes over the other machine");
    // Then both have a line, and the same frames are offered twice.
    world.restore(Ward1);
    world.edit(Ward3, dossier, &[]);
    world.edit(Ward1, dossier, &[]);
    world.settle();
    for place in [Ward1, Ward1B, City, Ward3] {
        assert_eq!(world.changes(place, dossier), 4, "{place:?}");
        assert_eq!(world.heads(place, dossier), world.heads(City, dossier), "{place:?}");
    }
    assert!(world.in_sync(Ward1) && world.in_sync(Ward1B));
    assert_eq!(world.changes(Ward2, dossier), 0);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn three_in_a_row_relay_to_each_other() {
    let mut world = office_of_two(3);
    world.add(Ward1C);
    world.cut(Ward1C);
    let first = world.create(Ward1);
    world.join(Ward1, Ward1B);
    world.join(Ward1B, Ward1C);
    world.settle();
    let last = world.create(Ward1C);
    world.settle();
    world.edit(Ward1C, first, &[]);
    world.settle();
    assert_eq!(world.changes(Ward1C, first), 2);
    assert_eq!((world.changes(Ward1, first), world.changes(Ward1, last)), (2, 1));
    world.restore(Ward1C);
    world.settle();
    assert_eq!((world.changes(City, first), world.changes(City, last)), (2, 1));
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn two_links_between_the_same_two_do_no_harm_and_either_may_end() {
    let mut world = office_of_two(4);
    let one = world.join(Ward1, Ward1B);
    let two = world.join(Ward1B, Ward1);
    let mut all = vec![world.create(Ward1)];
    world.run(3);
    all.push(world.create(Ward1B));
    world.part(two);
    world.run(2);
    all.push(world.create(Ward1));
    world.settle();
    let three = world.join(Ward1B, Ward1);
    world.part(one);
    all.push(world.create(Ward1));
    world.settle();
    world.part(three);
    all.push(world.create(Ward1));
    world.join(Ward1, Ward1B);
    world.settle();
    for dossier in all {
        assert_eq!((world.changes(Ward1, dossier), world.changes(Ward1B, dossier)), (1, 1));
    }
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn crashes_and_cut_lines_lose_nothing_that_was_said_to_be_in_two_places() {
    for seed in 0..25 {
        let mut world = office_of_two(50 + seed);
        world.slow_disk(Ward1B, 3);
        let mut said = 0;
        let mut line = world.join(Ward1, Ward1B);
        let mut mine = Vec::new();
        for round in 0..12 {
            mine.push(world.create(Ward1));
            world.run((seed + round) % 5);
            said = said.max(world.held_beside(Ward1).first().copied().unwrap_or_default());
            if (seed + round).is_multiple_of(4) {
                world.crash(Ward1B);
                line = world.join(Ward1, Ward1B);
            } else if (seed + round).is_multiple_of(3) {
                world.part(line);
                line = world.join(Ward1B, Ward1);
            }
        }
        said = said.max(world.held_beside(Ward1).first().copied().unwrap_or_default());
        // Ward1's machine is lost; what it said to be in two places reaches the city all the same.
        world.kill(Ward1);
        world.crash(Ward1B);
        world.restore(Ward1B);
        world.settle();
        for dossier in mine.iter().take(said as usize) {
            assert_eq!(world.changes(City, *dossier), 1, "seed {seed}, said {said}");
        }
        assert!(seed > 0 || said > 0);
    }
}

#[test]
fn a_machine_of_another_office_is_not_taken_for_one_of_this() {
    let mut world = office_of_two(5);
    let secret = world.create(Ward1);
    world.settle();
    world.join(Ward1, Ward2);
    world.settle();
    assert_eq!(world.changes(Ward2, secret), 0);
    assert!(!world.bytes_seen(Ward2, &world::marker(secret)));
    assert!(world.faults().iter().any(|fault| fault.contains("another office")));
}

#[test]
fn a_machine_that_was_set_back_learns_so_from_the_one_beside_it() {
    let mut world = office_of_two(6);
    world.create(Ward1);
    world.settle();
    let backup = world.image(Ward1);
    let link = world.join(Ward1, Ward1B);
    world.create(Ward1);
    world.settle();
    world.part(link);
    world.set_back(Ward1, backup);
    world.join(Ward1, Ward1B);
    world.settle();
    assert_eq!(world.diverged(Ward1), 1, "{:?}", world.faults());
}
