//! A small city in memory: wards, district hubs, city hub. The same state machines that run in the
//! services, over a journal that is a list and a state that is a map.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

#[path = "world/links.rs"]
mod links;
mod world;

use motcua_core::entry::{AudienceAction, AudienceOp, Role};
use world::{Place::*, World};

fn grant(world: &World, place: world::Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

#[test]
fn a_dossier_reaches_district_and_city_and_nobody_else() {
    let mut world = World::new(1);
    let dossier = world.create(Ward1);
    world.settle();
    for place in [Ward1, District1, City] {
        assert_eq!(world.changes(place, dossier), 1, "{place:?}");
    }
    for place in [Ward2, District2, Ward3] {
        assert_eq!(world.changes(place, dossier), 0, "{place:?}");
    }
    assert_eq!(world.received_by_parent(Ward1), 1);
    assert!(world.in_sync(Ward1));
}

#[test]
fn a_forwarded_dossier_crosses_districts_with_its_history_and_both_see_later_changes() {
    let mut world = World::new(2);
    let dossier = world.create(Ward1);
    world.edit(Ward1, dossier, &[]);
    world.settle();
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 3);
    world.edit(Ward3, dossier, &[]);
    world.settle();
    world.edit(Ward1, dossier, &[]);
    world.settle();
    for place in [Ward1, District1, City, District2, Ward3] {
        assert_eq!(world.changes(place, dossier), 5, "{place:?}");
        assert_eq!(world.heads(place, dossier), world.heads(City, dossier), "{place:?}");
    }
    assert_eq!(world.changes(Ward2, dossier), 0);
}

#[test]
fn no_third_ward_is_sent_a_byte_of_it() {
    let mut world = World::new(3);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    assert!(world.bytes_seen(Ward3, &world::marker(dossier)), "the marker is looked for rightly");
    assert!(!world.bytes_seen(Ward2, &world::marker(dossier)));
}

#[test]
fn concurrent_edits_meet_in_the_same_heads_everywhere() {
    let mut world = World::new(4);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    world.cut(Ward3);
    world.cut(District1);
    for _ in 0..5 {
        world.edit(Ward1, dossier, &[]);
        world.edit(Ward3, dossier, &[]);
    }
    world.settle();
    world.restore(Ward3);
    world.restore(District1);
    world.settle();
    for place in [Ward1, District1, City, District2, Ward3] {
        assert_eq!(world.changes(place, dossier), 12, "{place:?}");
        assert_eq!(world.heads(place, dossier).len(), 2, "{place:?}");
        assert_eq!(world.heads(place, dossier), world.heads(Ward1, dossier), "{place:?}");
    }
}

#[test]
fn wards_of_one_district_exchange_while_the_city_hub_is_away() {
    let mut world = World::new(5);
    world.cut(District1);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward2);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    world.edit(Ward2, dossier, &[]);
    world.settle();
    assert_eq!(world.changes(Ward1, dossier), 3);
    assert_eq!(world.changes(Ward2, dossier), 3);
    assert_eq!(world.changes(City, dossier), 0);
    world.restore(District1);
    world.settle();
    assert_eq!(world.changes(City, dossier), 3);
}

#[test]
fn state_rebuilt_from_the_journal_is_the_same_to_the_last_row() {
    let mut world = World::new(6);
    for round in 0..10 {
        let dossier = world.create(Ward1);
        let to = if round % 2 == 0 { Ward3 } else { Ward2 };
        let op = grant(&world, to);
        world.edit(Ward1, dossier, &[op]);
        world.settle();
        world.edit(to, dossier, &[]);
        world.settle();
    }
    for place in [Ward1, Ward2, District1, City, District2, Ward3] {
        let before = world.meaning(place);
        world.lose_state(place);
        assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
        world.lose_state_and_fold_later(place);
        assert!(world.meaning(place) == before, "{place:?} differs when folded later");
    }
    let dossier = world.create(Ward2);
    world.settle();
    assert_eq!(world.changes(City, dossier), 1);
}

#[test]
fn any_replica_may_crash_at_any_moment() {
    for seed in 0..40 {
        let mut world = World::new(100 + seed);
        let mut made = Vec::new();
        for step in 0..12u64 {
            let place = [Ward1, Ward2, Ward3][(step % 3) as usize];
            let dossier = world.create(place);
            let op = grant(&world, if place == Ward3 { Ward1 } else { Ward3 });
            world.edit(place, dossier, &[op]);
            made.push((place, dossier));
            world.run((seed * 7 + step * 13) % 40);
            let victim = [Ward1, District1, City, District2, Ward3][((seed + step) % 5) as usize];
            world.crash(victim);
        }
        world.settle();
        for (author, dossier) in made {
            // What was on the author's disk when it crashed is everywhere it belongs, nothing else.
            let durable = world.durable(author, dossier);
            for place in [author, City].into_iter().chain(world.audience(City, dossier)) {
                assert_eq!(world.changes(place, dossier), durable, "seed {seed} {place:?}");
            }
        }
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
        world.check_held();
    }
}

#[test]
fn an_idle_reconnect_costs_the_same_for_ten_dossiers_and_a_thousand() {
    let mut costs = Vec::new();
    for count in [10, 1_000] {
        let mut world = World::new(7);
        for _ in 0..count {
            world.create(Ward1);
        }
        world.settle();
        world.cut(Ward1);
        world.settle();
        let before = world.bytes_exchanged();
        world.restore(Ward1);
        world.settle();
        assert!(world.in_sync(Ward1));
        costs.push(world.bytes_exchanged() - before);
    }
    assert!(costs[0].abs_diff(costs[1]) <= 16, "{costs:?}");
    assert!(costs[1] < 1_200, "{costs:?}");
}

/// Who writes, who only reads, and who passes on; after a cut line, and after a start, which compares
/// sums as well.
#[test]
fn whoever_reconnects_pays_the_same_whatever_it_holds() {
    for place in [Ward1, Ward2, District1] {
        for starts in [false, true] {
            let costs = [10, 200].map(|count| {
                let mut world = World::new(70);
                let op = grant(&world, Ward2);
                for _ in 0..count {
                    let dossier = world.create(Ward1);
                    world.edit(Ward1, dossier, std::slice::from_ref(&op));
                }
                world.settle();
                assert_eq!(world.sites[&place].meta().dossiers, count, "{place:?} holds all");
                world.cut(place);
                if starts {
                    world.crash(place);
                }
                world.settle();
                let before = world.bytes_exchanged();
                world.restore(place);
                world.settle();
                world.bytes_exchanged() - before
            });
            let what = format!("{place:?}, starts: {starts}: {costs:?}");
            assert!(costs[0].abs_diff(costs[1]) <= 64 && costs[1] < 3_000, "{what}");
        }
    }
}

#[test]
fn a_hub_that_swaps_or_leaves_out_content_key_or_binding_is_found_out() {
    for trick in world::Trick::ALL {
        let mut world = World::new(8);
        world.corrupt_downward(District2, trick);
        let dossier = world.create(Ward1);
        let op = grant(&world, Ward3);
        world.edit(Ward1, dossier, &[op]);
        world.settle();
        assert!(world.tricked(), "{trick:?} was never played");
        assert_eq!(world.changes(Ward3, dossier), 0, "{trick:?} got through");
        assert!(!world.faults().is_empty(), "{trick:?} was not reported");
        world.heal();
        world.settle();
        assert_eq!(world.changes(Ward3, dossier), 2, "{trick:?}: honest again, all arrives");
    }
}

#[test]
fn a_node_cannot_write_into_or_receive_a_dossier_it_takes_no_part_in() {
    let mut world = World::new(9);
    let dossier = world.create(Ward1);
    world.settle();
    // A modified client: it got hold of the dossier's changes and writes on top of them.
    world.smuggle(Ward1, Ward2, dossier);
    world.edit(Ward2, dossier, &[]);
    world.settle();
    assert_eq!(world.changes(Ward1, dossier), 1);
    assert_eq!(world.changes(City, dossier), 1);
    assert_eq!(world.held(District1), 1, "kept, shown, not applied");
    // It grants itself the right in the same breath: still no part in the causal past.
    let op = grant(&world, Ward2);
    world.edit(Ward2, dossier, &[op]);
    world.settle();
    assert_eq!(world.changes(City, dossier), 1);
    // And innocent work of that ward goes on.
    let own = world.create(Ward2);
    world.settle();
    assert_eq!(world.changes(City, own), 1);
}

#[test]
fn a_link_that_breaks_while_frames_are_on_their_way_to_the_disk_loses_nothing() {
    for seed in 0..40 {
        let mut world = World::new(300 + seed);
        world.slow_disk(District1, 12);
        let mut made = Vec::new();
        for step in 0..10 {
            made.push(world.create(Ward1));
            world.run((seed + step) % 17);
            world.cut(Ward1);
            world.restore(Ward1);
            world.run((seed + step * 3) % 11);
        }
        world.settle();
        for dossier in made {
            assert_eq!(world.changes(City, dossier), 1, "seed {seed}");
        }
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
        assert!(world.in_sync(Ward1), "seed {seed}");
    }
}

#[test]
fn what_is_saved_while_a_frame_is_under_way_goes_up_together_and_soon() {
    let mut world = World::new(77);
    let dossier = world.create(Ward1);
    world.settle();
    let before = world.frames_of(District1, Ward1).len();
    (0..20).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.settle();
    assert_eq!(world.changes(District1, dossier), 21);
    let frames = world.frames_of(District1, Ward1).len() - before;
    assert!(frames < 8, "{frames} frames for 20 changes saved at once");
    // A hub that is slow to acknowledge does not keep the next change back.
    world.slow_disk(District1, 1_000);
    let before = world.bytes_exchanged();
    let mut grew = Vec::new();
    for _ in 0..4 {
        world.edit(Ward1, dossier, &[]);
        world.run(4);
        grew.push(world.bytes_exchanged());
    }
    assert!(before < grew[0] && grew.windows(2).all(|pair| pair[0] < pair[1]), "{before} {grew:?}");
}

#[test]
fn frames_that_were_cut_offline_go_up_as_they_are_and_where_they_do_not_fit_others_do() {
    for set_back in [false, true] {
        let mut world = World::new(78);
        let dossier = world.create(Ward1);
        world.settle();
        let earlier = world.copy_of(District1);
        (0..10).for_each(|_| world.edit(Ward1, dossier, &[]));
        world.settle();
        world.cut(Ward1);
        for _ in 0..140 {
            let dossier = world.create(Ward1);
            (0..10).for_each(|_| world.edit(Ward1, dossier, &[]));
            world.run(2);
        }
        if set_back {
            // Cut behind eleven entries; the hub is one that has a single one.
            world.put_back(District1, earlier);
        }
        world.restore(Ward1);
        world.settle();
        assert_eq!(world.received_by_parent(Ward1), 11 + 140 * 11);
        assert_eq!(world.faults(), Vec::<String>::new());
        assert!(world.in_sync(Ward1));
        // Cut as soon as there was enough for a frame, not when the link came.
        let frames = world.frames_of(District1, Ward1);
        assert_eq!(frames.iter().filter(|entries| **entries == 640).count(), 2, "{frames:?}");
    }
}
