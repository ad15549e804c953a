//! Bans, decisions, revocations and later schemas in the city of the tests.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Kind, Role},
    id::DossierId,
    ledger::{Cause, Code},
    state::history::Verdict::{self, *},
    trust::{ActStep, DenyAction},
};
use world::{Place, Place::*, World};

fn op(world: &World, action: AudienceAction, place: Place) -> AudienceOp {
    AudienceOp { action, role: Role::Competent, office: world.office(place) }
}

/// A city with a dossier of ward 1 in which ward 3, of another district, takes part.
fn begun(seed: u64) -> (World, DossierId) {
    let mut world = World::new(seed);
    let dossier = world.create(Ward1);
    let_in(&mut world, Ward1, dossier, Ward3);
    world.settle();
    (world, dossier)
}

fn let_in(world: &mut World, by: Place, dossier: DossierId, office: Place) {
    let grant = op(world, AudienceAction::Add, office);
    world.edit(by, dossier, &[grant]);
}

fn take_out(world: &mut World, by: Place, dossier: DossierId, office: Place) {
    let revoke = op(world, AudienceAction::Remove, office);
    world.edit(by, dossier, &[revoke]);
}

/// A change that everybody hears of; gives where its author's log stood before.
fn written_on(world: &mut World, by: Place, dossier: DossierId) -> u64 {
    let before = world.own_head(by);
    world.edit(by, dossier, &[]);
    world.settle();
    before
}

const ALL: [Place; 5] = [Ward1, District1, City, District2, Ward3];

/// The same entries have the same verdicts wherever they are, and accepted changes are applied.
fn assert_agreement(world: &World, dossier: DossierId, places: &[Place]) {
    let city = world.verdicts(City, dossier);
    for place in places {
        for (name, verdict) in world.verdicts(*place, dossier) {
            assert_eq!(Some(&verdict), city.get(&name), "{place:?} {name}");
        }
        // Who takes no part just now, because its grant is kept out, is not sent what is new.
        let takes_part = world.audience(City, dossier).contains(&Ward3);
        if !takes_part && [District2, Ward3].contains(place) {
            continue;
        }
        assert_eq!(world.heads(*place, dossier), world.heads(City, dossier), "{place:?}");
        assert_eq!(world.changes(*place, dossier), world.changes(City, dossier), "{place:?}");
    }
}

fn verdicts(world: &World, at: Place, by: Place, dossier: DossierId) -> Vec<Verdict> {
    world.written(at, by, dossier).into_iter().map(|(_, verdict)| verdict).collect()
}

#[test]
fn a_ban_quarantines_what_lies_beyond_its_position_wherever_it_is_and_holds_innocent_work_on_top() {
    let (mut world, dossier) = begun(20);
    let good = written_on(&mut world, Ward1, dossier);
    written_on(&mut world, Ward3, dossier);
    assert_eq!(world.changes(City, dossier), 4);

    world.publish(City, 1, &[(Ward1, DenyAction::Ban, good)]);
    world.settle();
    for place in [City, District1, District2, Ward3] {
        assert_eq!(verdicts(&world, place, Ward1, dossier), [Accepted, Accepted, Quarantined]);
        assert_eq!(verdicts(&world, place, Ward3, dossier), [Held], "{place:?}");
        assert_eq!(world.changes(place, dossier), 2, "{place:?}");
    }
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
    let ruled = world.ruled(Ward3, dossier).unwrap();
    assert_eq!((ruled.quarantined, ruled.held), (1, 1));
    assert_eq!(Cause::parse(&ruled.entries[0].reason).code, Code::Banned);

    // Innocent work goes on, on the accepted version.
    written_on(&mut world, Ward3, dossier);
    assert_eq!(verdicts(&world, City, Ward3, dossier), [Held, Accepted]);

    // The position is raised: everything is as if nothing had been.
    world.publish(City, 2, &[(Ward1, DenyAction::Ban, good + 1)]);
    world.settle();
    assert_eq!(world.changes(City, dossier), 5);
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
    assert_eq!(world.ruled(Ward3, dossier), None);
}

#[test]
fn what_a_banned_machine_wrote_is_judged_alike_whether_the_ban_or_the_work_came_first() {
    // Ward 1's work reaches district 1, not the city; the ban reaches the city, not district 1.
    let (mut world, dossier) = begun(21);
    let good = world.own_head(Ward1);
    world.cut(District1);
    world.edit(Ward1, dossier, &[]);
    let_in(&mut world, Ward1, dossier, Ward2);
    world.settle();
    written_on(&mut world, Ward2, dossier);
    assert_eq!(world.changes(Ward2, dossier), 5);
    world.publish(City, 1, &[(Ward1, DenyAction::Ban, good)]);
    world.settle();
    assert_eq!(world.changes(District1, dossier), 5, "the ban has not come through");
    world.restore(District1);
    world.settle();
    for place in [District1, City] {
        assert_eq!(
            verdicts(&world, place, Ward1, dossier),
            [Accepted, Accepted, Quarantined, Quarantined]
        );
        assert_eq!(verdicts(&world, place, Ward2, dossier), [Held], "{place:?}");
        assert_eq!(world.changes(place, dossier), 2, "{place:?}");
    }
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
    // Lifted: everybody gets what was kept from them.
    world.publish(City, 2, &[]);
    world.settle();
    assert_eq!(world.changes(City, dossier), 5);
    assert_agreement(&world, dossier, &ALL);
    assert_eq!(world.changes(Ward2, dossier), 5);
}

#[test]
fn a_suspension_holds_and_lifting_it_brings_everything_back() {
    let (mut world, dossier) = begun(22);
    let good = written_on(&mut world, Ward3, dossier);
    world.publish(City, 1, &[(Ward3, DenyAction::Suspend, good)]);
    world.settle();
    assert_eq!(verdicts(&world, Ward1, Ward3, dossier), [Held]);
    assert_eq!(world.changes(Ward1, dossier), 2);
    // Out: nothing of it arrives any more.
    written_on(&mut world, Ward3, dossier);
    assert_eq!(verdicts(&world, City, Ward3, dossier), [Held]);
    world.publish(City, 2, &[]);
    world.settle();
    assert_eq!(verdicts(&world, Ward1, Ward3, dossier), [Accepted, Accepted]);
    assert_agreement(&world, dossier, &ALL);
}

#[test]
fn a_hub_releases_quarantines_and_flags_and_everybody_with_the_dossier_hears_of_it() {
    let (mut world, dossier) = begun(23);
    let good = written_on(&mut world, Ward1, dossier);
    written_on(&mut world, Ward3, dossier);
    let (suspect, _) = world.written(City, Ward1, dossier)[2];
    world.publish(City, 1, &[(Ward1, DenyAction::Ban, good)]);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 2);

    world.decide(District1, dossier, suspect, Accepted, 1);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 4, "released, and what builds on it with it");
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);

    // The city's word overrides the district's, whatever its number.
    world.decide(City, dossier, suspect, Quarantined, 1);
    world.decide(District1, dossier, suspect, Accepted, 9);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 2);
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
    // Of the city's own, the highest number counts.
    world.decide(City, dossier, suspect, Accepted, 2);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 4);

    let (plain, _) = world.written(City, Ward3, dossier)[0];
    world.decide(District2, dossier, plain, Flagged, 1);
    world.settle();
    assert_eq!(verdicts(&world, District1, Ward3, dossier), [Flagged]);
    assert_eq!(world.changes(District1, dossier), 4);
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
}

#[test]
fn a_decision_counts_only_of_a_hub_above_and_never_admits_what_the_rules_refuse() {
    let (mut world, dossier) = begun(24);
    let (plain, _) = world.written(City, Ward1, dossier)[1];
    // Neither a ward nor the hub of another district may decide on ward 1's work.
    world.decide(Ward3, dossier, plain, Quarantined, 5);
    world.decide(District2, dossier, plain, Quarantined, 5);
    world.settle();
    assert_eq!(verdicts(&world, City, Ward1, dossier), [Accepted, Accepted]);
    assert_eq!(world.changes(Ward3, dossier), 2);
    // Ward 2 takes no part: no release lets its change in.
    world.smuggle(Ward1, Ward2, dossier);
    written_on(&mut world, Ward2, dossier);
    let (smuggled, verdict) = world.written(District1, Ward2, dossier)[0];
    assert_eq!(verdict, Quarantined);
    world.decide(City, dossier, smuggled, Accepted, 1);
    world.decide(District1, dossier, smuggled, Accepted, 1);
    world.settle();
    for place in ALL {
        assert_eq!(world.changes(place, dossier), 2, "{place:?}");
    }
}

#[test]
fn decisions_survive_the_loss_of_state_everywhere() {
    let (mut world, dossier) = begun(25);
    let good = written_on(&mut world, Ward1, dossier);
    let (suspect, _) = world.written(City, Ward1, dossier)[2];
    world.publish(City, 1, &[(Ward1, DenyAction::Ban, good)]);
    world.settle();
    world.decide(City, dossier, suspect, Accepted, 1);
    world.settle();
    for place in ALL {
        let before = world.meaning(place);
        world.lose_state(place);
        assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
    }
    world.settle();
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
    assert_eq!(world.changes(Ward3, dossier), 3);
}

#[test]
fn grant_and_revoke_at_the_same_time_converge_in_any_order_and_the_unseen_write_is_flagged() {
    for late in [Ward3, District1, District2] {
        let (mut world, dossier) = begun(26);
        world.cut(late);
        let away = if late == District1 { District2 } else { Ward3 };
        world.cut(away);
        // Ward 1 takes ward 3 out while ward 3 writes and lets ward 2 in.
        take_out(&mut world, Ward1, dossier, Ward3);
        let_in(&mut world, Ward3, dossier, Ward2);
        written_on(&mut world, Ward3, dossier);
        world.restore(late);
        world.settle();
        world.restore(away);
        world.settle();
        for place in [City, District1, Ward1, Ward2] {
            assert_eq!(verdicts(&world, place, Ward3, dossier), [Flagged, Flagged], "{place:?}");
            assert_eq!(world.changes(place, dossier), 5, "{place:?}, {late:?} late");
            assert_eq!(world.audience(place, dossier), [Ward1, Ward2], "{place:?}");
        }
        assert_agreement(&world, dossier, &[District1, Ward1, Ward2]);
        let ruled = world.ruled(Ward1, dossier).unwrap();
        assert_eq!(Cause::parse(&ruled.entries[0].reason).code, Code::RevokedMeanwhile);
        // Nothing more is delivered to who was taken out.
        let before = world.changes(Ward3, dossier);
        written_on(&mut world, Ward2, dossier);
        assert_eq!(world.changes(City, dossier), 6);
        assert!(world.changes(Ward3, dossier) <= before, "{late:?} late");
    }
}

#[test]
fn a_registrars_act_lets_an_office_in_and_another_out_although_nobody_is_left_to_say_so() {
    let mut world = World::new(27);
    let dossier = world.create(Ward1);
    world.settle();
    let good = world.own_head(Ward1);
    world.publish(City, 1, &[(Ward1, DenyAction::Ban, good)]);
    world.settle();
    let step = |joins, place: Place, role: Role| ActStep {
        joins,
        role: role.byte(),
        office: world.office(place),
    };
    let steps = vec![step(true, Ward3, Role::Desk), step(false, Ward1, Role::Desk)];
    world.administer(City, dossier, steps);
    world.settle();
    assert_eq!(world.audience(City, dossier), [Ward3]);
    assert_eq!(world.changes(Ward3, dossier), 1, "the history came along");
    written_on(&mut world, Ward3, dossier);
    assert_eq!(verdicts(&world, City, Ward3, dossier), [Accepted]);
    assert_agreement(&world, dossier, &[District2, Ward3]);
    // An act that says something else than its header is refused everywhere.
    let mut world = World::new(28);
    let dossier = world.create(Ward1);
    world.settle();
    world.write_other(City, dossier, Kind::Administrative, b"no act".to_vec());
    world.settle();
    assert_eq!(verdicts(&world, City, City, dossier), [Quarantined]);
}

#[test]
fn an_entry_of_an_unknown_critical_kind_waits_is_passed_on_and_stops_nothing() {
    let (mut world, dossier) = begun(29);
    world.write_other(Ward1, dossier, Kind::Unknown(0xf0), b"later".to_vec());
    world.edit(Ward1, dossier, &[]);
    world.edit(Ward3, dossier, &[]);
    let other = world.create(Ward1);
    world.settle();
    for place in ALL {
        assert!(verdicts(&world, place, Ward1, dossier).contains(&Waiting), "{place:?}");
        assert_eq!(world.changes(place, dossier), 4, "{place:?}");
    }
    assert_eq!(world.changes(City, other), 1);
    let ruled = world.ruled(Ward3, dossier).unwrap();
    assert_eq!((ruled.waiting, ruled.held), (1, 0));
    assert_agreement(&world, dossier, &ALL);
}

#[test]
fn rulings_agree_when_replicas_crash_and_lines_fail_at_random_moments() {
    for seed in 0..40u64 {
        let (mut world, dossier) = begun(500 + seed);
        let good = world.own_head(Ward1);
        let mut pick = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            pick = pick.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (pick >> 33) % below
        };
        for step in 0..14 {
            let victim = ALL[next(5) as usize];
            match next(7) {
                0 => world.crash(victim),
                1 if victim != City => world.cut(victim),
                2 => ALL.iter().for_each(|place| world.restore(*place)),
                3 => {
                    let last = good + next(3);
                    let list = [(Ward1, DenyAction::Ban, last)];
                    let list = if next(3) == 0 { &list[..0] } else { &list[..] };
                    world.publish(City, step + 1, list);
                }
                4 => {
                    let written = world.written(City, Ward1, dossier);
                    let (target, _) = written[next(written.len() as u64) as usize];
                    let verdict = [Accepted, Flagged, Held, Quarantined][next(4) as usize];
                    let hub = [City, District1][next(2) as usize];
                    world.decide(hub, dossier, target, verdict, step);
                }
                _ => {
                    let place = [Ward1, Ward3][next(2) as usize];
                    if world.changes(place, dossier) > 0 {
                        world.edit(place, dossier, &[]);
                    }
                }
            }
            world.run(next(60));
        }
        ALL.iter().for_each(|place| world.restore(*place));
        world.publish(City, 100, &[(Ward1, DenyAction::Ban, good + 1)]);
        world.settle();
        assert_agreement(&world, dossier, &[District1, District2, Ward3]);
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn an_office_taken_out_forgets_and_says_so_and_gets_all_of_it_back_when_let_in_again() {
    let (mut world, dossier) = begun(30);
    written_on(&mut world, Ward3, dossier);
    assert!(world.keeps(Ward3, &world::marker(dossier)), "the marker is looked for rightly");
    let own_before = world.own_head(Ward3);
    take_out(&mut world, Ward1, dossier, Ward3);
    world.settle();
    // District 2 has no other office in it, so both are told; each forgets on its own.
    for place in [Ward3, District2] {
        world.forget(place);
        world.settle();
        assert_eq!(world.changes(place, dossier), 0, "{place:?}");
        assert!(!world.keeps_of_others(place, &world::marker(dossier)), "{place:?}");
    }
    assert_eq!(world.confirmed(District2, Ward3, dossier), Some(1));
    assert_eq!(world.confirmed(City, District2, dossier), Some(1));
    for place in [Ward3, District2] {
        let before = world.meaning(place);
        world.lose_state(place);
        assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
    }
    world.settle();
    assert_eq!(world.own_head(Ward3), own_before, "what it wrote itself stays its own");
    let_in(&mut world, Ward1, dossier, Ward3);
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 5, "its own change included");
    written_on(&mut world, Ward3, dossier);
    assert_agreement(&world, dossier, &ALL);
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn let_in_again_before_it_has_forgotten_an_office_keeps_what_it_holds() {
    let (mut world, dossier) = begun(31);
    take_out(&mut world, Ward1, dossier, Ward3);
    world.settle();
    let_in(&mut world, Ward1, dossier, Ward3);
    world.settle();
    for place in [Ward3, District2] {
        world.forget(place);
    }
    world.settle();
    assert_eq!(world.changes(Ward3, dossier), 4);
    assert_agreement(&world, dossier, &ALL);
}

#[test]
fn what_waited_for_an_update_is_applied_after_it_by_itself() {
    let (mut world, dossier) = begun(32);
    world.reads(Ward3, 1);
    world.writes(Ward1, 2);
    written_on(&mut world, Ward1, dossier);
    assert_eq!(verdicts(&world, Ward3, Ward1, dossier)[2], Waiting);
    let before = world.changes(Ward3, dossier);
    let other = world.create(Ward3);
    world.settle();
    assert_eq!(world.changes(City, other), 1, "nothing else waits");
    world.reads(Ward3, 2);
    world.settle();
    assert_eq!(verdicts(&world, Ward3, Ward1, dossier)[2], Accepted);
    assert!(world.changes(Ward3, dossier) > before);
    assert_eq!(world.ruled(Ward3, dossier), None);
    let meaning = world.meaning(Ward3);
    world.lose_state(Ward3);
    assert!(world.meaning(Ward3) == meaning, "differs after a rebuild");
}

#[test]
fn a_change_that_the_content_cannot_apply_waits_alone_and_the_dossier_goes_on() {
    let (mut world, dossier) = begun(33);
    world.writes(Ward1, world::site::FAULTY);
    world.edit(Ward1, dossier, &[]);
    world.writes(Ward1, 1);
    world.edit(Ward1, dossier, &[]);
    written_on(&mut world, Ward3, dossier);
    for place in ALL {
        let verdicts = verdicts(&world, place, Ward1, dossier);
        assert_eq!(verdicts, [Accepted, Accepted, Waiting, Accepted], "{place:?}");
    }
    let ruled = world.ruled(City, dossier).unwrap();
    assert_eq!(Cause::parse(&ruled.entries[0].reason).code, Code::Content);
    for place in ALL {
        assert_eq!(world.changes(place, dossier), 4, "{place:?}");
    }
    assert_agreement(&world, dossier, &[District1, District2, Ward3]);
}

#[test]
fn the_same_entries_and_papers_give_the_same_verdicts_in_any_order_of_arrival() {
    for seed in 0..6u64 {
        let (mut world, dossier) = begun(700 + seed);
        let good = world.own_head(Ward1);
        // Written side by side, each without the others' newest.
        world.cut(Ward3);
        world.cut(District1);
        world.edit(Ward1, dossier, &[]);
        let_in(&mut world, Ward1, dossier, Ward2);
        world.settle();
        world.edit(Ward2, dossier, &[]);
        let revoke = op(&world, AudienceAction::Remove, Ward2);
        world.edit(Ward3, dossier, &[]);
        world.edit(Ward1, dossier, &[revoke]);
        world.writes(Ward3, world::site::FAULTY);
        world.edit(Ward3, dossier, &[]);
        world.writes(Ward3, 1);
        written_on(&mut world, Ward3, dossier);
        [Ward3, District1].into_iter().for_each(|place| world.restore(place));
        world.settle();
        if seed % 3 != 0 {
            world.publish(City, 1, &[(Ward1, DenyAction::Ban, good + seed % 3)]);
            world.settle();
        }
        let written = world.written(City, Ward1, dossier);
        let (target, _) = written[written.len() - 1 - (seed % 2) as usize];
        world.decide(District1, dossier, target, Accepted, 1);
        world.decide(City, dossier, target, if seed % 2 == 0 { Flagged } else { Accepted }, 2);
        world.settle();
        let expected = world.opinion(City, dossier);
        assert!(expected.0.len() >= 10, "{expected:?}");
        for round in 0..12 {
            assert_eq!(
                world.in_another_order(City, dossier),
                expected,
                "seed {seed}, round {round}"
            );
        }
    }
}
