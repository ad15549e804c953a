//! An office that takes no part in a dossier any more is told so, whatever was lost on the way of
//! the entry that took it out; and one that takes part again is not.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
    state::history::Verdict,
};
use world::{Place, Place::*, World};

fn let_in(world: &World, place: Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

fn take_out(world: &World, place: Place, role: Role) -> AudienceOp {
    AudienceOp { action: AudienceAction::Remove, role, office: world.office(place) }
}

/// Ward 1 received it, ward 3 takes part.
fn begun(seed: u64) -> (World, DossierId) {
    let mut world = World::new(seed);
    let dossier = world.create(Ward1);
    let op = let_in(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    (world, dossier)
}

fn assert_forgotten(world: &World, dossier: DossierId, places: &[Place]) {
    for place in places {
        assert_eq!(world.changes(*place, dossier), 0, "{place:?} still shows it");
        assert!(!world.keeps_of_others(*place, &world::marker(dossier)), "{place:?} keeps it");
    }
    assert_eq!(world.faults(), Vec::<String>::new());
}

/// Found by a simulated city (seed 5): while its district had no hub, a decision on a change led the
/// dossier another way. Nothing was written in it after the hub had come back, so it was never led anew, and every repair was followed by the word to forget.
#[test]
fn a_hub_that_was_retired_and_is_named_again_gets_back_what_it_had_to_forget() {
    let (mut world, dossier) = begun(1);
    world.name_hubs(&[City, District2]);
    Place::ALL.into_iter().for_each(|place| world.learn(place));
    world.settle();
    world.edit(Ward3, dossier, &[]);
    world.settle();
    let target = world.heads(City, dossier)[0];
    world.decide(City, dossier, target, Verdict::Quarantined, 1);
    world.settle();
    assert_eq!(world.confirmed(City, District1, dossier), Some(0), "it is told to forget");
    world.name_hubs(&[City, District1, District2]);
    Place::ALL.into_iter().for_each(|place| world.learn(place));
    world.settle();
    world.forget(District1);
    world.settle();
    for _ in 0..2 {
        world.verify(District1);
        world.settle();
        world.forget(District1);
        world.settle();
    }
    assert_eq!(world.forgetting(District1), 0, "what it is sent again it may keep");
    assert_eq!(world.heads(District1, dossier), world.heads(City, dossier));
    let before = world.meaning(City);
    world.lose_state(City);
    assert!(world.meaning(City) == before, "the city's state is made again as it was");
    assert_eq!(world.faults(), Vec::<String>::new());
}

/// Found by a simulated city (seed 13): of a dossier that left its district, only the word to
/// forget it came to the district's hub, and the entry that took the ward out never did.
#[test]
fn a_hub_that_forgets_tells_whom_it_handed_the_dossier() {
    let (mut world, dossier) = begun(2);
    let earlier = world.copy_of(City);
    world.cut(District2);
    let out = take_out(&world, Ward3, Role::Competent);
    world.edit(Ward1, dossier, &[out]);
    world.settle();
    world.put_back(City, earlier);
    world.settle();
    assert_eq!(world.set_backs(City), 1);
    world.restore(District2);
    world.settle();
    for place in [District2, Ward3] {
        world.forget(place);
        world.settle();
    }
    assert_forgotten(&world, dossier, &[District2, Ward3]);
    assert_eq!(world.confirmed(District2, Ward3, dossier), Some(1));
    let before = world.meaning(District2);
    world.lose_state(District2);
    assert!(world.meaning(District2) == before, "differs after a rebuild");
}

/// A machine that is new in an office gets the logs of those beside it, and with them what the
/// office had to forget: of a dossier that others above still have, and of one that they have not.
#[test]
fn what_a_log_from_beside_brings_back_is_forgotten_again() {
    for others_stay_in_the_district in [true, false] {
        let mut world = World::new(3);
        let dossier = world.create(Ward1);
        let by = if others_stay_in_the_district { Ward2 } else { Ward3 };
        let op = let_in(&world, by);
        world.edit(Ward1, dossier, &[op]);
        world.settle();
        let out = take_out(&world, Ward1, Role::Desk);
        world.edit(by, dossier, &[out]);
        world.settle();
        for place in [Ward1, District1] {
            world.forget(place);
            world.settle();
        }
        assert_forgotten(&world, dossier, &[Ward1]);
        // The rows that brought it are gone: a new machine reads only the word to forget it.
        let (_, tail) = world.kept(District1, Ward1);
        world.cut_inbox(District1, Ward1, tail);
        world.settle();
        world.add(Ward1B);
        world.settle();
        assert_eq!(world.changes(Ward1B, dossier), 0);
        world.cut(Ward1B);
        world.join(Ward1, Ward1B);
        world.settle();
        assert_ne!(world.changes(Ward1B, dossier), 0, "the log beside brought it");
        world.restore(Ward1B);
        world.settle();
        world.verify(Ward1B);
        world.settle();
        // Both read the inbox of their office.
        for place in [Ward1, Ward1B] {
            world.forget(place);
            world.settle();
        }
        assert_forgotten(&world, dossier, &[Ward1, Ward1B]);
        assert_eq!(world.changes(by, dossier), 3, "who takes part has all of it");
        let before = world.meaning(District1);
        world.lose_state(District1);
        assert!(world.meaning(District1) == before, "differs after a rebuild");
    }
}
