//! What hubs keep for readers that are away, in the city of the tests; see `design/retention.md`.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::DossierId,
    record::CutReason,
    replica::Bounds,
    state::history::Verdict,
    time::Timestamp,
    trust::DenyAction,
};
use world::{Place, Place::*, World};

const MINUTE: u64 = 60_000;
const BOUNDS: Bounds =
    Bounds { read: 30 * MINUTE, unread: 600 * MINUTE, rows: 256, silent: 5 * MINUTE, look: MINUTE };

fn op(world: &World, action: AudienceAction, place: Place) -> AudienceOp {
    AudienceOp { action, role: Role::Competent, office: world.office(place) }
}

fn handed(world: &mut World, from: Place, to: Place) -> DossierId {
    let dossier = world.create(from);
    let grant = op(world, AudienceAction::Add, to);
    world.edit(from, dossier, &[grant]);
    dossier
}

fn taken(world: &mut World, by: Place, dossier: DossierId, from: Place) {
    let revoke = op(world, AudienceAction::Remove, from);
    world.edit(by, dossier, &[revoke]);
}

fn assert_same(world: &World, dossiers: &[DossierId], places: &[Place]) {
    for dossier in dossiers {
        for place in places {
            let heads = world.heads(*place, *dossier);
            assert_eq!(heads, world.heads(City, *dossier), "{place:?} {dossier}");
        }
    }
    world.check_held();
    assert_eq!(world.faults(), Vec::<String>::new());
}

fn assert_rebuilds(world: &mut World) {
    for place in Place::ALL {
        let before = world.meaning(place);
        world.lose_state(place);
        assert!(world.meaning(place) == before, "{place:?} differs after a rebuild");
        world.lose_state_and_fold_later(place);
        assert!(world.meaning(place) == before, "{place:?} differs when folded later");
    }
}

/// Ward 3 holds 30 dossiers and goes silent; of these it is taken out of ten, gets ten new ones,
/// and is cut off by all that happens beside. It writes three changes meanwhile.
struct Silence {
    world: World,
    kept: Vec<DossierId>,
    gone: Vec<DossierId>,
    new: Vec<DossierId>,
}

fn silence(seed: u64) -> Silence {
    let mut world = World::keeping(seed, BOUNDS);
    let mut kept: Vec<DossierId> = (0..30).map(|_| handed(&mut world, Ward1, Ward3)).collect();
    world.settle();
    assert_same(&world, &kept, &[Ward3]);
    world.cut(Ward3);
    for dossier in &kept[..3] {
        world.edit(Ward3, *dossier, &[]);
    }
    let gone = kept.split_off(20);
    gone.iter().for_each(|dossier| taken(&mut world, Ward1, *dossier, Ward3));
    let new: Vec<DossierId> = (0..10).map(|_| handed(&mut world, Ward1, Ward3)).collect();
    for round in 0..300 {
        world.edit(Ward1, kept[round % 20], &[]);
    }
    world.pass(10 * MINUTE);
    world.forget(District2);
    world.settle();
    Silence { world, kept, gone, new }
}

#[test]
fn an_office_whose_inbox_was_cut_forgets_first_and_is_then_brought_level() {
    for seed in 0..3 {
        let Silence { mut world, kept, gone, new } = silence(seed);
        let (floor, tail) = world.kept(District2, Ward3);
        assert!(floor > 64 && tail > 300, "{floor} of {tail} rows were cut");
        assert_eq!(world.last_cut(District2, Ward3), Some(CutReason::Silent));
        if seed % 2 == 1 {
            world.crash(District2);
        }
        let said = world.cursor(Ward3);
        assert!(world.refuses_down(Ward3, said).unwrap().contains("linked to its hub once"));
        world.restore(Ward3);
        // Until it has forgotten it is sent nothing that it missed, however long that takes.
        let new_are = |world: &World| new.iter().any(|one| world.changes(Ward3, *one) > 0);
        for _ in 0..400 {
            world.run(1);
            assert!(!new_are(&world), "seed {seed}");
        }
        world.settle();
        assert_eq!(world.forgetting(Ward3), 10, "seed {seed}");
        assert!(!new_are(&world), "seed {seed}");
        world.forget(Ward3);
        world.settle();
        for dossier in &gone {
            assert_eq!(world.changes(Ward3, *dossier), 0, "seed {seed}");
            assert!(!world.keeps_of_others(Ward3, &world::marker(*dossier)), "seed {seed}");
            assert_eq!(world.confirmed(District2, Ward3, *dossier), Some(1), "seed {seed}");
        }
        assert_same(&world, &[kept, new].concat(), &[Ward1, District1, District2, Ward3]);
        assert!(world.in_sync(Ward3), "seed {seed}");
        let own = world.own_head(Ward3);
        assert_eq!((own, world.received_by_parent(Ward3)), (3, 3), "its own work is taken");
        let checks = world.checks(Ward3);
        assert_eq!(checks.last().map(|report| report.unrepaired), Some(0));
        if seed == 0 {
            assert_rebuilds(&mut world);
            world.settle();
        }
        let checks = world.checks(Ward3).len();
        world.cut(Ward3);
        world.settle();
        world.restore(Ward3);
        world.settle();
        assert_eq!(world.checks(Ward3).len(), checks, "it goes on at its place from then on");
    }
}

#[test]
fn others_notice_nothing_of_a_silent_office_and_it_holds_back_nobody_s_rows() {
    let Silence { mut world, kept, new, .. } = silence(20);
    let checks = |world: &World| [Ward1, District1, District2].map(|one| world.checks(one).len());
    let before = checks(&world);
    // What District 2 has read goes, half an hour later, although nobody below it has.
    world.pass(35 * MINUTE);
    let more = handed(&mut world, Ward1, Ward3);
    world.pass(2 * MINUTE);
    let (floor, tail) = world.kept(City, District2);
    assert!(floor + 64 >= tail - 5 && floor > 300, "{floor} of {tail}");
    assert_eq!(world.last_cut(City, District2), Some(CutReason::Read));
    assert_same(&world, &[kept, new, vec![more]].concat(), &[Ward1, District1, District2]);
    assert_eq!(checks(&world), before);
    assert_eq!(world.set_backs(City) + world.set_backs(District2), 0);
    // Its place is cut off: nothing more gathers for it.
    let (floor, tail) = world.kept(District2, Ward3);
    assert!(tail - floor < 64, "{floor} of {tail}");
    let bytes = world.inbox_bytes(District2, Ward3);
    assert!(bytes < 64 * 60, "{bytes} bytes");
}

#[test]
fn a_restarted_hub_knows_who_has_read_what_and_since_when_nobody_was_heard() {
    let mut world = World::keeping(21, BOUNDS);
    for _ in 0..5 {
        handed(&mut world, Ward1, Ward3);
    }
    world.settle();
    let left = world.now;
    world.cut(Ward3);
    world.settle();
    let said = world.reader(District2, Ward3).unwrap();
    assert_eq!((said.number, said.inbox), (10, world.office(Ward3)));
    assert!(said.heard.0 >= left as i64 && said.heard.0 < left as i64 + 1_000);
    for lost in [false, true] {
        if lost {
            world.lose_state(District2)
        } else {
            world.crash(District2)
        }
        let known = world.site(District2).replica.children().next().cloned().unwrap();
        assert_eq!((known.delivered, known.last_contact, known.link), (10, said.heard, None));
    }
    // One that stays is written down as well, ten minutes later at most.
    assert_eq!(world.reader(District1, Ward1).map(|one| one.number), None);
    world.pass(11 * MINUTE);
    let tail = world.kept(District1, Ward1).1;
    assert_eq!(world.reader(District1, Ward1).map(|one| one.number), Some(tail));
    let journal = world.site(District1).store.journal.len();
    world.pass(60 * MINUTE);
    assert_eq!(world.site(District1).store.journal.len(), journal, "and not again");
}

#[test]
fn an_alarm_comes_well_before_the_cut_once_and_ends_when_the_office_is_back() {
    let mut world = World::keeping(22, BOUNDS);
    world.pass(MINUTE);
    let dossier = handed(&mut world, Ward1, Ward3);
    world.settle();
    world.cut(Ward3);
    world.settle();
    let heard = world.reader(District2, Ward3).unwrap().heard;
    (0..120).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.pass(20 * MINUTE);
    assert_eq!(world.unread(District2), []);
    let (_, before) = world.kept(District2, Ward3);
    (0..20).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.pass(20 * MINUTE);
    let unread = world.unread(District2);
    let [one] = unread[..] else { panic!("{unread:?}") };
    let (_, tail) = world.kept(District2, Ward3);
    assert_eq!((one.office, one.rows), (world.office(Ward3), tail - 2));
    assert_eq!((one.since, one.heard), (heard, true));
    assert_eq!(world.marked(District2, Ward3, 1), Some(one.oldest), "marked from the first row on");
    assert!(one.oldest.0 > 0 && one.oldest < Timestamp(world.now as i64) && tail > before);
    assert_eq!((world.alarms(District2), world.last_cut(District2, Ward3)), (1, None));
    assert_eq!(world.unread(City), []);
    world.restore(Ward3);
    world.pass(5 * MINUTE);
    assert_eq!((world.unread(District2), world.alarms(District2)), (vec![], 1));
    assert_same(&world, &[dossier], &[Ward3]);
}

#[test]
fn an_office_whose_machines_are_all_banned_costs_nothing_after_a_while_and_may_come_back() {
    let mut world = World::keeping(23, BOUNDS);
    let dossier = handed(&mut world, Ward1, Ward3);
    (0..100).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.settle();
    let good = world.own_head(Ward3);
    world.publish(City, 1, &[(Ward3, DenyAction::Suspend, good)]);
    (0..10).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.pass(10 * MINUTE);
    assert_eq!(world.last_cut(District2, Ward3), None, "who is suspended may return");
    world.publish(City, 2, &[(Ward3, DenyAction::Ban, good)]);
    world.pass(10 * MINUTE);
    assert_eq!(world.last_cut(District2, Ward3), Some(CutReason::Gone));
    let (floor, tail) = world.kept(District2, Ward3);
    assert_eq!(floor, tail);
    assert!(world.inbox_bytes(District2, Ward3) < 150, "no row is left");
    // What comes later goes again, and numbers never go back.
    (0..10).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.pass(10 * MINUTE);
    assert!(world.inbox_bytes(District2, Ward3) < 150, "no row is left");
    assert!(world.kept(District2, Ward3).1 > tail);
    assert_rebuilds(&mut world);
    world.publish(City, 3, &[]);
    world.pass(10 * MINUTE);
    assert_eq!(world.set_backs(District2), 0);
    assert_eq!(world.changes(Ward3, dossier), 122);
    world.edit(Ward3, dossier, &[]);
    world.settle();
    let mut faults = world.faults();
    faults.retain(|fault| !fault.contains("suspended or banned"));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(world.heads(Ward3, dossier), world.heads(City, dossier));
}

#[test]
fn rows_cut_under_a_reader_s_eyes_are_never_skipped_in_silence() {
    for seed in 0..4 {
        let mut world = World::new(30 + seed);
        let mut made: Vec<DossierId> = (0..30).map(|_| handed(&mut world, Ward1, Ward3)).collect();
        world.settle();
        world.cut(District1);
        for round in 0..200 {
            world.edit(Ward1, made[round % 30], &[]);
        }
        made.extend((0..20).map(|_| handed(&mut world, Ward1, Ward3)));
        world.settle();
        let before = world.kept(District2, Ward3).1;
        world.slow_disk(District2, 5 + seed);
        world.restore(District1);
        while !world.cut_with_the_next_frame(District2, Ward3, before + 128) {
            world.run(1);
        }
        world.settle();
        assert!(world.kept(District2, Ward3).0 > before, "seed {seed}");
        assert_same(&world, &made, &[Ward1, District2, Ward3]);
        assert!(world.in_sync(Ward3), "seed {seed}");
        assert_eq!(world.reader(District2, Ward3).unwrap().times, 1, "seed {seed}");
    }
}

#[test]
fn an_empty_machine_whose_inbox_has_no_beginning_is_brought_level_as_well() {
    let Silence { mut world, kept, gone, new } = silence(40);
    let empty = World::keeping(40, BOUNDS).copy_of(Ward3);
    world.put_back(Ward3, empty);
    world.restore(Ward3);
    world.settle();
    assert_same(&world, &[kept, new].concat(), &[District2, Ward3]);
    assert_eq!(world.forgetting(Ward3), 0);
    for dossier in &gone {
        assert_eq!(world.changes(Ward3, *dossier), 0);
        assert_eq!(world.confirmed(District2, Ward3, *dossier), Some(1), "it is not there");
    }
}

#[test]
fn a_verdict_that_was_taken_back_while_an_office_was_away_is_taken_back_there_too() {
    let mut world = World::keeping(41, BOUNDS);
    let dossier = handed(&mut world, Ward1, Ward3);
    world.settle();
    world.edit(Ward3, dossier, &[]);
    world.settle();
    let (change, _) = world.written(City, Ward3, dossier)[0];
    world.decide(City, dossier, change, Verdict::Quarantined, 1);
    world.settle();
    assert!(world.told(Ward3, dossier));
    world.cut(Ward3);
    world.decide(City, dossier, change, Verdict::Accepted, 2);
    world.settle();
    (0..400).for_each(|_| world.edit(Ward1, dossier, &[]));
    world.pass(10 * MINUTE);
    assert!(world.kept(District2, Ward3).0 > 64);
    world.restore(Ward3);
    world.settle();
    assert!(!world.told(Ward3, dossier));
    assert_same(&world, &[dossier], &[Ward1, District2, Ward3]);
}

#[test]
fn a_machine_that_comes_again_and_again_without_its_place_costs_one_record() {
    let Silence { mut world, kept, .. } = silence(50);
    let old = world.copy_of(Ward3);
    world.restore(Ward3);
    world.settle();
    let journal = |world: &mut World| world.site(District2).store.journal.len();
    let tail = world.kept(District2, Ward3).1;
    let before = journal(&mut world);
    for _ in 0..5 {
        world.put_back(Ward3, old.clone());
        world.settle();
    }
    assert_eq!(world.kept(District2, Ward3).1, tail, "nothing is said twice");
    let places = world.reader(District2, Ward3).unwrap().times;
    assert_eq!(places, 1);
    // What it wrote is told when its link ends, and what the check brings it, nothing else.
    assert!(journal(&mut world) - before <= 5 * 3, "{}", journal(&mut world) - before);
    world.forget(Ward3);
    world.settle();
    assert_same(&world, &kept, &[District2, Ward3]);
    // That place is cut as well: the next silence costs another one.
    world.cut(Ward3);
    for round in 0..400 {
        world.edit(Ward1, kept[round % 20], &[]);
    }
    world.pass(10 * MINUTE);
    world.restore(Ward3);
    world.settle();
    assert_eq!(world.reader(District2, Ward3).unwrap().times, 2);
    assert_same(&world, &kept, &[District2, Ward3]);
}
