//! Staying in step when something was lost, set back, copied or moved, in the city of the tests.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
};
use world::{Place, Place::*, World};

fn grant(world: &World, place: Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

fn assert_same(world: &World, dossier: DossierId, places: &[Place], words: &str) {
    for place in places {
        assert_eq!(world.heads(*place, dossier), world.heads(City, dossier), "{place:?} {words}");
    }
}

#[test]
fn a_ward_whose_district_has_no_hub_dials_the_city() {
    let mut world = World::new(1);
    world.name_hubs(&[City, District2]);
    Place::ALL.into_iter().for_each(|place| world.learn(place));
    world.settle();
    assert_eq!(world.parent(Ward1), Some(City));
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    world.edit(Ward3, dossier, &[]);
    world.settle();
    assert_eq!(world.changes(Ward1, dossier), 3);
    assert_same(&world, dossier, &[Ward1, District2, Ward3], "through the city");
    assert!(world.in_sync(Ward1));
    assert_eq!(world.changes(District1, dossier), 0);
    assert_eq!(world.changes(Ward2, dossier), 0);
    world.check_held();
}

#[test]
fn a_change_of_hubs_inside_a_replay_gives_the_same_rows_however_records_are_cut() {
    let mut world = World::new(2);
    let hubs: [&[Place]; 3] =
        [&[City, District2], &[City, District1, District2], &[City, District1]];
    for (round, hubs) in (0..6).zip(hubs.iter().cycle()) {
        let from = [Ward1, Ward2, Ward3][round % 3];
        let dossier = world.create(from);
        let op = grant(&world, [Ward3, Ward1, Ward2][round % 3]);
        world.edit(from, dossier, &[op]);
        world.run(5 * round as u64);
        world.name_hubs(hubs);
        Place::ALL.into_iter().for_each(|place| world.learn(place));
        world.edit(from, dossier, &[]);
    }
    world.settle();
    world.check_held();
    for place in Place::ALL {
        let before = world.meaning(place);
        world.lose_state(place);
        assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
    }
}
