//! A record that a disk has damaged: what is lost with it, what is not, and how it comes again.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
    record::Record,
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

/// The journal of a place as a flipped bit leaves it: the record that matters is gone, and its
/// number with it. Gives how many there were to choose from.
fn damage(world: &mut World, place: Place, which: usize, wanted: fn(&Record) -> bool) -> usize {
    let journal = &mut world.site(place).store.journal;
    let found: Vec<usize> = (0..journal.len()).filter(|at| wanted(&journal[*at])).collect();
    journal[found[which]] = Record::Lease(Vec::new());
    found.len()
}

/// Found by simulated cities (rot, seeds 9, 30, 34, 39): no machine came up over such a journal.
#[test]
fn a_hub_with_a_hole_in_its_journal_starts_without_its_state_and_is_sent_again_what_it_lacks() {
    let frames = |record: &Record| matches!(record, Record::Up { .. });
    let authors = |record: &Record| matches!(record, Record::Author { .. });
    for wanted in [frames, authors] {
        for which in 0..3 {
            let mut world = World::new(700);
            let made: Vec<DossierId> = [Ward1, Ward2, Ward1, Ward2, Ward1]
                .into_iter()
                .map(|place| {
                    let dossier = world.create(place);
                    world.settle();
                    dossier
                })
                .collect();
            assert!(damage(&mut world, District1, which, wanted) >= 3);
            world.lose_state(District1);
            world.settle();
            for dossier in made {
                assert_same(&world, dossier, &[District1], "after the damage");
                assert_eq!(world.changes(District1, dossier), 1);
            }
            assert_eq!(world.faults(), Vec::<String>::new());
        }
    }
}

#[test]
fn own_work_behind_a_hole_in_the_own_log_is_written_again_and_only_what_was_damaged_is_lost() {
    for which in 0..3 {
        let mut world = World::new(800);
        world.settle();
        world.cut(Ward1);
        let made: Vec<DossierId> = (0..3).map(|_| world.create(Ward1)).collect();
        world.settle();
        let (before, _) = world.sites[&Ward1].own_log();
        assert_eq!(damage(&mut world, Ward1, which, |one| matches!(one, Record::Own { .. })), 3);
        world.lose_state(Ward1);
        // Damage at the very end looks like a write that was never answered.
        let goes_on = world.sites[&Ward1].own_log().0 == before;
        assert_eq!(goes_on, which == 2, "nothing more into a log with a hole");
        // A second start before anything went up changes nothing.
        world.settle();
        world.lose_state(Ward1);
        let more = world.create(Ward1);
        world.restore(Ward1);
        world.settle();
        for (number, dossier) in made.into_iter().enumerate() {
            let left = usize::from(number != which);
            assert_eq!(world.changes(City, dossier), left, "{number} with {which} damaged");
            assert_eq!(world.changes(Ward1, dossier), left);
        }
        assert_eq!(world.changes(City, more), 1);
        assert_eq!(world.faults(), Vec::<String>::new());
        assert!(world.in_sync(Ward1));
    }
}

/// Found by a simulated city (rot and a lost hub, seed 668): the machine refused its own link for ever,
/// and nothing it saved from then on went anywhere.
#[test]
fn a_hub_that_is_new_gets_an_own_entry_whose_record_is_damaged_from_the_state() {
    let mut world = World::new(701);
    let empty = world.copy_of(District1);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward2);
    world.edit(Ward1, dossier, &[op]);
    let other = world.create(Ward1);
    world.edit(Ward1, dossier, &[]);
    world.settle();
    let own = |record: &Record| matches!(record, Record::Own { .. });
    assert_eq!(damage(&mut world, Ward1, 1, own), 4);
    // What is kept in memory hides it.
    world.crash(Ward1);
    world.cut(City);
    world.put_back(District1, empty);
    world.settle();
    world.edit(Ward1, other, &[]);
    world.settle();
    for place in [District1, Ward1] {
        assert_eq!(
            (world.changes(place, dossier), world.changes(place, other)),
            (3, 2),
            "{place:?}"
        );
    }
    assert!(world.in_sync(Ward1));
    assert_eq!(world.faults(), Vec::<String>::new());
}

fn frames(record: &Record) -> bool {
    matches!(record, Record::Up { .. })
}

/// A district whose disk has damaged a frame of the first ward's log, below a city that has nothing:
/// two dossiers of that ward, in a frame each, and one of the second.
fn damaged_district(seed: u64, which: usize) -> (World, [DossierId; 3]) {
    let mut world = World::new(seed);
    let empty = world.copy_of(City);
    let made = [Ward1, Ward1, Ward2].map(|place| {
        let dossier = world.create(place);
        world.settle();
        dossier
    });
    assert_eq!(damage(&mut world, District1, which, frames), 3);
    world.put_back(City, empty);
    (world, made)
}

/// What a hub passes on: one frame that is damaged there must not stop all others, and nobody's hand is
/// needed for its own log to go on.
#[test]
fn a_damaged_frame_stops_its_log_alone_and_comes_again_from_its_author() {
    for which in 0..2 {
        let (mut world, [first, second, other]) = damaged_district(702, which);
        world.cut(Ward1);
        world.settle();
        let third = world.create(Ward2);
        world.settle();
        assert_eq!(
            (world.changes(City, other), world.changes(City, third)),
            (1, 1),
            "others go on"
        );
        assert_eq!(world.sites[&District1].frames_lost.len(), 1, "told once");
        let unsent = |world: &World| {
            let backlog = world.sites[&District1].replica.backlog();
            backlog.map(|(_, head, received)| head - received).sum::<u64>()
        };
        assert_eq!(unsent(&world), 2 - which as u64, "whatever a check has brought, it is unsent");

        world.restore(Ward1);
        world.edit(Ward1, first, &[]);
        world.settle();
        let reached = [first, second].map(|dossier| world.changes(City, dossier));
        assert_eq!(reached, [2, 1], "frame {which} has come again");
        let district = &world.sites[&District1];
        assert_eq!(district.frames_mended, district.frames_lost);
        assert_eq!(unsent(&world), 0);
        assert_eq!(world.faults(), Vec::<String>::new());
        // It stands in the journal: a state made from that holds all of it, and so does a new hub above.
        let empty = World::new(1).copy_of(City);
        world.lose_state(District1);
        world.put_back(City, empty);
        world.settle();
        for (dossier, count) in [(first, 2), (second, 1), (other, 1), (third, 1)] {
            assert_eq!(world.changes(District1, dossier), count);
            assert_eq!(world.changes(City, dossier), count);
        }
        assert_eq!(world.sites[&District1].frames_lost.len(), 1);
    }
}

#[test]
fn a_damaged_frame_comes_again_also_where_the_authors_record_is_damaged_too() {
    let (mut world, [first, second, _]) = damaged_district(703, 0);
    let own = |record: &Record| matches!(record, Record::Own { .. });
    assert_eq!(damage(&mut world, Ward1, 0, own), 2);
    // What is kept in memory hides it.
    world.crash(Ward1);
    world.settle();
    assert_eq!([first, second].map(|dossier| world.changes(City, dossier)), [1, 1]);
    assert_eq!(world.sites[&District1].frames_mended.len(), 1);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn what_stood_in_a_damaged_frame_comes_by_the_check_where_its_author_is_gone() {
    let (mut world, [first, second, _]) = damaged_district(704, 0);
    world.cut(Ward1);
    world.settle();
    world.verify(District1);
    world.settle();
    assert_eq!([first, second].map(|dossier| world.changes(City, dossier)), [1, 1]);
    assert_eq!(world.sites[&District1].frames_lost.len(), 1);
    assert_eq!(world.faults(), Vec::<String>::new());
}

/// A file is written from what can be read: one frame that cannot must not keep all others from going.
#[test]
fn a_file_carries_all_but_the_log_of_a_damaged_frame_and_all_of_it_once_that_came_again() {
    for which in 0..2 {
        let mut world = World::new(705);
        world.settle();
        world.cut(District1);
        let made = [Ward1, Ward1, Ward2].map(|place| {
            let dossier = world.create(place);
            world.settle();
            dossier
        });
        assert_eq!(damage(&mut world, District1, which, frames), 3);
        let file = world.record_up(District1);
        assert_eq!(world.bring(City, &file), None, "it is a whole file");
        world.settle();
        let there = |world: &World| made.map(|dossier| world.changes(City, dossier));
        assert_eq!(there(&world), [which, 0, 1], "what came before it, and all other logs");

        // With a line its author is asked, and the next file goes on with that log.
        world.restore(District1);
        world.settle();
        assert_eq!(there(&world), [1, 1, 1]);
        let district = &world.sites[&District1];
        assert_eq!((district.frames_lost.len(), district.frames_mended.len()), (1, 1));
        world.cut(District1);
        world.edit(Ward1, made[0], &[]);
        world.settle();
        let file = world.record_up(District1);
        assert_eq!(world.bring(City, &file), None);
        world.settle();
        assert_eq!(there(&world), [2, 1, 1]);
        assert_eq!(world.faults(), Vec::<String>::new());
    }
}

/// The same between machines of one office, where one passes on what another wrote.
#[test]
fn a_link_beside_goes_on_past_a_damaged_frame_and_what_it_held_comes_by_the_hub() {
    let mut world = World::new(706);
    [Ward1B, Ward1C].into_iter().for_each(|place| world.add(place));
    world.settle();
    [Ward1, Ward1B, Ward1C].into_iter().for_each(|place| world.cut(place));
    world.join(Ward1, Ward1B);
    let gone = world.create(Ward1);
    world.settle();
    let own = world.create(Ward1B);
    world.settle();
    assert_eq!(damage(&mut world, Ward1B, 0, frames), 1);
    world.join(Ward1B, Ward1C);
    world.settle();
    assert_eq!((world.changes(Ward1C, gone), world.changes(Ward1C, own)), (0, 1));
    assert_eq!(world.sites[&Ward1B].frames_lost.len(), 1, "told once");
    // The link is up and used: what is written now goes over it both ways.
    let (here, there) = (world.create(Ward1B), world.create(Ward1C));
    world.settle();
    assert_eq!((world.changes(Ward1C, here), world.changes(Ward1B, there)), (1, 1));
    assert_eq!(world.sites[&Ward1B].frames_lost.len(), 1);

    [Ward1, Ward1C].into_iter().for_each(|place| world.restore(place));
    world.settle();
    for dossier in [gone, own, here, there] {
        assert_eq!(world.changes(Ward1C, dossier), 1);
    }
    assert_eq!(world.faults(), Vec::<String>::new());
}
