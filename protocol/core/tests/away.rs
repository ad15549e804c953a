//! Closed dossiers leave a node and come back.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
    record::Record,
    state::{Key, Kv, history::Verdict},
    trust::DenyAction,
};
use world::{Place, Place::*, World};

/// A dossier of ward 1 in which ward 3, of another district, takes part; ten changes, all of them
/// everywhere.
fn closed(seed: u64) -> (World, DossierId) {
    let mut world = World::new(seed);
    let dossier = world.create(Ward1);
    world.edit(Ward1, dossier, &[op(&world, AudienceAction::Add, Ward3)]);
    for _ in 0..4 {
        world.settle();
        world.edit(Ward3, dossier, &[]);
        world.edit(Ward1, dossier, &[]);
    }
    world.settle();
    (world, dossier)
}

fn op(world: &World, action: AudienceAction, place: Place) -> AudienceOp {
    AudienceOp { action, role: Role::Competent, office: world.office(place) }
}

fn evict(world: &mut World, place: Place, dossier: DossierId) {
    let entries = world.sites[&place].row(dossier).entries;
    world.note(place, Record::Evicted { dossier, entries });
    world.settle();
}

fn away(world: &World, place: Place) -> u64 {
    world.sites[&place].meta().away
}

/// Entries here of a dossier.
fn here(world: &World, place: Place, dossier: DossierId) -> usize {
    world.sites[&place].history(dossier).len()
}

fn rebuilt_the_same(world: &mut World, place: Place) {
    let before = world.meaning(place);
    world.lose_state(place);
    assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
    world.lose_state_and_fold_later(place);
    assert!(world.meaning(place) == before, "{place:?} differs after a rebuild that folds later");
}

fn back_and_whole(world: &mut World, place: Place, dossier: DossierId, changes: usize) {
    assert_eq!(away(world, place), 0);
    assert_eq!(here(world, place, dossier), changes);
    assert_eq!(world.changes(place, dossier), changes);
    for other in [City, District1, District2, Ward1, Ward3] {
        assert_eq!(world.heads(other, dossier), world.heads(place, dossier), "{other:?}");
        assert_eq!(world.audience(other, dossier), world.audience(place, dossier), "{other:?}");
    }
    world.check_held();
    rebuilt_the_same(world, place);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn what_left_is_still_shown_and_the_check_with_the_hub_is_quiet() {
    let (mut world, dossier) = closed(1);
    let heads = world.heads(Ward1, dossier);
    let entries = world.sites[&Ward1].meta().entries;
    evict(&mut world, Ward1, dossier);
    assert_eq!((away(&world, Ward1), here(&world, Ward1, dossier)), (1, 0));
    assert_eq!(world.sites[&Ward1].meta().entries, entries - 10);
    assert_eq!(world.sites[&Ward1].meta().dossiers, 1);
    assert_eq!(world.changes(Ward1, dossier), 10, "the summary stays");
    assert_eq!(world.heads(Ward1, dossier), heads);
    world.check_held();
    let bytes = world.bytes_exchanged();
    world.verify(Ward1);
    world.settle();
    let report = world.checks(Ward1).pop().unwrap();
    assert_eq!(report.differing, 0, "{report:?}");
    assert!(world.bytes_exchanged() - bytes < 4_000, "{}", world.bytes_exchanged() - bytes);
    assert_eq!(away(&world, Ward1), 1);
    rebuilt_the_same(&mut world, Ward1);
    assert_eq!(away(&world, Ward1), 1);
}

#[test]
fn whoever_opens_it_has_all_of_it_back_and_acts_on_it() {
    let (mut world, dossier) = closed(2);
    evict(&mut world, Ward1, dossier);
    world.open(Ward1, dossier);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 10);
    world.settle();
    world.edit(Ward1, dossier, &[]);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
    let verdicts = world.verdicts(City, dossier);
    assert!(verdicts.values().all(|(verdict, _)| *verdict == Verdict::Accepted));
}

#[test]
fn a_late_change_by_another_office_brings_it_back() {
    let (mut world, dossier) = closed(3);
    evict(&mut world, Ward1, dossier);
    world.edit(Ward3, dossier, &[]);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
    assert_eq!(world.sites[&Ward1].meta().parked, 0);
}

#[test]
fn what_is_shown_and_held_stays_as_it_was_until_all_of_it_is_back() {
    let (mut world, dossier) = closed(4);
    evict(&mut world, Ward1, dossier);
    let heads = world.heads(Ward1, dossier);
    world.edit(Ward3, dossier, &[]);
    for _ in 0..100_000 {
        world.run(1);
        world.check_held();
        if away(&world, Ward1) == 0 {
            break;
        }
        assert_eq!(world.changes(Ward1, dossier), 10);
        assert_eq!(world.heads(Ward1, dossier), heads);
    }
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
}

#[test]
fn a_return_that_is_cut_off_anywhere_is_taken_up_again() {
    for steps in (0..60).step_by(3) {
        let (mut world, dossier) = closed(5);
        evict(&mut world, Ward1, dossier);
        world.edit(Ward3, dossier, &[]);
        world.run(steps);
        world.cut(Ward1);
        world.run(20);
        world.crash(Ward1);
        world.restore(Ward1);
        world.settle();
        back_and_whole(&mut world, Ward1, dossier, 11);
    }
}

#[test]
fn what_was_written_while_it_left_keeps_it_here_and_what_is_written_on_it_after_brings_it_back() {
    let (mut world, dossier) = closed(6);
    let entries = world.sites[&Ward1].row(dossier).entries;
    world.edit(Ward1, dossier, &[]);
    world.note(Ward1, Record::Evicted { dossier, entries });
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
    world.settle();
    evict(&mut world, Ward1, dossier);
    assert_eq!(away(&world, Ward1), 1);
    world.edit(Ward1, dossier, &[]);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 12);
}

#[test]
fn without_its_hub_it_stays_away_and_comes_when_the_hub_is_back() {
    let (mut world, dossier) = closed(7);
    evict(&mut world, Ward1, dossier);
    world.cut(Ward1);
    world.settle();
    world.open(Ward1, dossier);
    world.settle();
    assert_eq!((away(&world, Ward1), world.changes(Ward1, dossier)), (1, 10));
    world.restore(Ward1);
    world.settle();
    assert_eq!(away(&world, Ward1), 1, "a wish without a link is no promise");
    world.open(Ward1, dossier);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 10);
}

#[test]
fn an_office_that_is_taken_out_meanwhile_forgets_the_stub_too() {
    let (mut world, dossier) = closed(8);
    evict(&mut world, Ward3, dossier);
    let leaves = op(&world, AudienceAction::Remove, Ward3);
    world.edit(Ward1, dossier, &[leaves]);
    world.settle();
    world.forget(Ward3);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 0);
    let meta = world.sites[&Ward3].meta();
    assert_eq!((meta.away, meta.dossiers, meta.parked, meta.entries), (0, 0, 0, 0));
    assert!(!world.keeps_of_others(Ward3, &world::marker(dossier)));
    world.check_held();
    rebuilt_the_same(&mut world, Ward3);
    world.settle();
    assert_eq!(world.confirmed(District2, Ward3, dossier), Some(1));
    let grant = op(&world, AudienceAction::Add, Ward3);
    world.edit(Ward1, dossier, &[grant]);
    world.settle();
    back_and_whole(&mut world, Ward3, dossier, 12);
}

#[test]
fn what_a_ban_takes_out_meanwhile_is_found_when_it_is_back() {
    let (mut world, dossier) = closed(9);
    let last_good = world.own_head(Ward3) - 1;
    evict(&mut world, Ward1, dossier);
    world.publish(City, 7, &[(Ward3, DenyAction::Ban, last_good)]);
    world.settle();
    assert_ne!(
        world.heads(Ward1, dossier),
        world.heads(City, dossier),
        "the ban took something out"
    );
    world.open(Ward1, dossier);
    world.settle();
    assert_eq!(away(&world, Ward1), 0);
    for hub in [City, District1] {
        assert_eq!(world.heads(Ward1, dossier), world.heads(hub, dossier), "{hub:?}");
    }
    world.check_held();
    rebuilt_the_same(&mut world, Ward1);
}

#[test]
fn a_check_that_finds_a_difference_in_what_left_brings_it_back() {
    let (mut world, dossier) = closed(10);
    let last_good = world.own_head(Ward3) - 1;
    evict(&mut world, Ward1, dossier);
    world.publish(City, 7, &[(Ward3, DenyAction::Ban, last_good)]);
    world.settle();
    world.verify(Ward1);
    world.settle();
    assert_eq!(away(&world, Ward1), 0);
    assert_eq!(world.heads(Ward1, dossier), world.heads(District1, dossier));
    world.verify(Ward1);
    world.settle();
    assert_eq!(world.checks(Ward1).pop().unwrap().differing, 0);
}

#[test]
fn what_is_ruled_on_or_read_below_never_leaves() {
    let (mut world, dossier) = closed(11);
    evict(&mut world, District1, dossier);
    assert_eq!(away(&world, District1), 0, "a hub keeps what is read below it");
    let last_good = world.own_head(Ward3) - 1;
    world.publish(City, 7, &[(Ward3, DenyAction::Ban, last_good)]);
    world.settle();
    let before = here(&world, Ward1, dossier);
    evict(&mut world, Ward1, dossier);
    assert_eq!((away(&world, Ward1), here(&world, Ward1, dossier)), (0, before));
}

#[test]
fn an_office_taken_out_while_it_was_away_leaves_the_same_verdicts_here_as_everywhere() {
    let (mut world, dossier) = closed(12);
    evict(&mut world, Ward1, dossier);
    world.cut(Ward1);
    world.run(5);
    let leaves = op(&world, AudienceAction::Remove, Ward3);
    world.edit(Ward1, dossier, &[leaves]);
    world.edit(Ward3, dossier, &[]);
    world.settle();
    world.restore(Ward1);
    world.settle();
    assert_eq!((away(&world, Ward1), here(&world, Ward1, dossier)), (0, 12));
    let verdicts = world.verdicts(City, dossier);
    assert!(verdicts.values().any(|(verdict, _)| *verdict == Verdict::Flagged));
    assert_eq!(world.verdicts(Ward1, dossier), verdicts);
    world.check_held();
    rebuilt_the_same(&mut world, Ward1);
    evict(&mut world, Ward1, dossier);
    assert_eq!(away(&world, Ward1), 0, "what was ruled on stays");
}

#[test]
fn a_return_that_was_asked_for_on_a_lost_link_is_asked_for_on_the_next() {
    let (mut world, dossier) = closed(13);
    evict(&mut world, Ward1, dossier);
    world.edit(Ward3, dossier, &[]);
    let wanted = Key::Returning(dossier).bytes();
    while world.state(Ward1).get(&wanted).unwrap().is_none() {
        world.run(1);
    }
    world.cut(Ward1);
    world.crash(Ward1);
    world.settle();
    assert_eq!(away(&world, Ward1), 1);
    // Nothing arrives that would give occasion to ask.
    world.hold_inbox = Some(Ward1);
    world.restore(Ward1);
    world.settle();
    world.hold_inbox = None;
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
}

#[test]
fn a_second_machine_of_the_office_gets_what_was_written_in_it_and_lets_it_go_by_itself() {
    let (mut world, dossier) = closed(14);
    evict(&mut world, Ward1, dossier);
    world.add(Ward1B);
    world.cut(Ward1B);
    world.join(Ward1, Ward1B);
    world.settle();
    assert_eq!(world.changes(Ward1B, dossier), 3, "the log brings what builds on own work alone");
    world.restore(Ward1B);
    world.settle();
    assert_eq!(world.changes(Ward1B, dossier), 10);
    assert_eq!((away(&world, Ward1), away(&world, Ward1B)), (1, 0));
    evict(&mut world, Ward1B, dossier);
    assert_eq!(away(&world, Ward1B), 1);
    // What one writes in it after all brings it back at both.
    world.open(Ward1B, dossier);
    world.settle();
    assert_eq!((away(&world, Ward1), away(&world, Ward1B)), (1, 0));
    world.edit(Ward1B, dossier, &[]);
    world.settle();
    assert_eq!(here(&world, Ward1B, dossier), 11);
    back_and_whole(&mut world, Ward1, dossier, 11);
}

#[test]
fn files_carried_both_ways_pass_it_by_and_what_they_bring_of_it_waits_for_a_link() {
    let (mut world, dossier) = closed(15);
    evict(&mut world, Ward1, dossier);
    world.cut(Ward1);
    world.settle();
    world.edit(Ward3, dossier, &[]);
    let other = world.create(Ward1);
    world.settle();
    let up = world.record_up(Ward1);
    assert_eq!(world.bring(District1, &up), None);
    world.settle();
    assert_eq!(world.changes(City, other), 1);
    let down = world.record_down(Ward1, Some(world.cursor(Ward1)));
    assert_eq!(world.bring(Ward1, &down), None);
    world.settle();
    assert_eq!((away(&world, Ward1), world.changes(Ward1, dossier)), (1, 10));
    rebuilt_the_same(&mut world, Ward1);
    world.restore(Ward1);
    world.settle();
    back_and_whole(&mut world, Ward1, dossier, 11);
}

#[test]
fn many_that_come_and_go_at_random_moments_end_as_everybody_has_them() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        let dossiers: Vec<DossierId> = (0..12).map(|_| world.create(Ward1)).collect();
        let grant = op(&world, AudienceAction::Add, Ward3);
        dossiers.iter().for_each(|id| world.edit(Ward1, *id, &[grant]));
        world.settle();
        let mut chance = seed;
        let mut below = |bound: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (chance >> 33) % bound
        };
        for _ in 0..80 {
            let dossier = dossiers[below(12) as usize];
            let place = if below(2) == 0 { Ward1 } else { Ward3 };
            match below(8) {
                0..=2 => {
                    let entries = world.sites[&place].row(dossier).entries;
                    world.note(place, Record::Evicted { dossier, entries });
                }
                3 | 4 => world.open(place, dossier),
                5 if world.changes(place, dossier) > 0 => world.edit(place, dossier, &[]),
                6 => world.crash(place),
                _ => {
                    world.cut(place);
                    world.run(10);
                    world.restore(place);
                }
            }
            world.run(below(30));
        }
        world.settle();
        for (place, dossier) in
            [Ward1, Ward3].into_iter().flat_map(|p| dossiers.iter().map(move |d| (p, *d)))
        {
            world.open(place, dossier);
            world.settle();
        }
        for dossier in &dossiers {
            for place in [District1, District2, Ward1, Ward3] {
                assert_eq!(
                    world.heads(place, *dossier),
                    world.heads(City, *dossier),
                    "seed {seed}"
                );
                assert_eq!(world.changes(place, *dossier), world.changes(City, *dossier));
            }
        }
        for place in [Ward1, Ward3] {
            let journal = &world.sites[&place].store.journal;
            let returned = journal.iter().filter(|one| matches!(one, Record::Returned { .. }));
            assert!(returned.count() > 3, "seed {seed}: they do come and go");
        }
        assert_eq!((away(&world, Ward1), away(&world, Ward3)), (0, 0));
        world.check_held();
        [Ward1, Ward3].iter().for_each(|place| rebuilt_the_same(&mut world, *place));
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
    }
}
