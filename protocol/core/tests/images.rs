//! A new machine in an office with much to read: it shows everything before it has read it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use automerge::Automerge;
use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::{DossierId, Hash},
    record::Record,
    replica::{Channel, Control, Data, ImagesAsked, Input, LinkId},
    state::{Key, Kv, rows},
    time::Instant,
    wire::{Image, ImageFrame, Place as ImagePlace},
};
use world::{Place::*, World, marker};

const DOSSIERS: usize = 130;
const EDITS: usize = 8;

/// Ward 1 has written a good thousand entries; its second machine is set up and has no link yet.
fn office_with_a_new_machine(seed: u64) -> (World, Vec<DossierId>) {
    let mut world = World::new(seed);
    let dossiers: Vec<DossierId> = (0..DOSSIERS).map(|_| world.create(Ward1)).collect();
    for dossier in &dossiers {
        (1..EDITS).for_each(|_| world.edit(Ward1, *dossier, &[]));
    }
    // The one that may wait least, by the measure of this city.
    (0..EDITS).for_each(|_| world.edit(Ward1, dossiers[77], &[]));
    world.settle();
    world.add(Ward1B);
    (world, dossiers)
}

/// Changes in what a place shows of a dossier; none if it shows nothing.
fn shown(world: &World, place: world::Place, dossier: DossierId) -> Option<usize> {
    let row = world.state(place).get(&Key::Summary(dossier).bytes()).unwrap()?;
    let row: rows::Summary = postcard::from_bytes(&row).unwrap();
    Some(Automerge::load(&row.bytes).unwrap().get_changes(&[]).len())
}

fn imaged(world: &World, place: world::Place) -> u64 {
    world.sites[&place].meta().imaged
}

fn frames(world: &World, place: world::Place) -> Vec<ImageFrame> {
    let journal = world.sites[&place].store.journal.iter();
    let frames = journal.filter_map(|record| match record {
        Record::Images { frame, .. } => Some(ImageFrame::decode(frame).unwrap()),
        _ => None,
    });
    frames.collect()
}

/// Entries of a dossier that have come.
fn come(world: &World, place: world::Place, dossier: DossierId) -> usize {
    let row = world.state(place).get(&Key::Dossier(dossier).bytes()).unwrap();
    row.map_or(0, |row| postcard::from_bytes::<rows::Dossier>(&row).unwrap().entries as usize)
}

fn run_until(world: &mut World, mut done: impl FnMut(&World) -> bool) {
    for _ in 0..100_000 {
        if done(world) {
            return;
        }
        world.run(1);
    }
    panic!("it does not come to that");
}

fn all_shown(world: &World) -> bool {
    imaged(world, Ward1B) >= DOSSIERS as u64
}

fn cursor(world: &World, place: world::Place) -> u64 {
    world.cursor(place).number
}

fn bear_all_out(world: &mut World, dossiers: &[DossierId]) {
    world.settle();
    assert_eq!(imaged(world, Ward1B), 0, "every image went");
    for dossier in dossiers {
        assert_eq!(world.heads(Ward1B, *dossier), world.heads(Ward1, *dossier));
        assert_eq!(shown(world, Ward1B, *dossier), shown(world, Ward1, *dossier));
    }
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    let before = world.meaning(Ward1B);
    world.lose_state(Ward1B);
    assert_eq!(world.meaning(Ward1B), before, "the journal says the same again");
}

#[test]
fn a_new_machine_shows_every_dossier_before_it_has_read_any() {
    let (mut world, dossiers) = office_with_a_new_machine(1);
    run_until(&mut world, all_shown);
    assert_eq!(cursor(&world, Ward1B), 0, "nothing was read yet");
    for dossier in &dossiers {
        assert_eq!(come(&world, Ward1B, *dossier), 0);
        assert_eq!(shown(&world, Ward1B, *dossier), shown(&world, Ward1, *dossier));
    }
    bear_all_out(&mut world, &dossiers);
    let frames = frames(&world, Ward1B);
    let images: Vec<&Image> = frames.iter().flat_map(|frame| &frame.images).collect();
    assert_eq!(images.len(), DOSSIERS, "each came once");
    assert_eq!(images[0].dossier, dossiers[77], "the most urgent one first");
    let last: Vec<bool> = frames.iter().map(|frame| frame.last).collect();
    assert_eq!(last, [false, false, true]);
}

#[test]
fn what_is_shown_never_goes_back_while_the_histories_come() {
    let (mut world, dossiers) = office_with_a_new_machine(2);
    run_until(&mut world, all_shown);
    let mut last = u64::MAX;
    run_until(&mut world, |world| {
        for dossier in &dossiers {
            assert_eq!(shown(world, Ward1B, *dossier), shown(world, Ward1, *dossier));
        }
        imaged(world, Ward1B) == 0
    });
    run_until(&mut world, |world| {
        let now = world.sites[&Ward1B].meta().applied;
        let calm = now == last;
        last = now;
        calm
    });
    bear_all_out(&mut world, &dossiers);
}

#[test]
fn images_go_on_where_a_link_broke() {
    let (mut world, dossiers) = office_with_a_new_machine(3);
    run_until(&mut world, |world| frames(world, Ward1B).len() == 1);
    world.cut(Ward1B);
    world.run(20);
    world.crash(Ward1B);
    world.crash(District1);
    world.restore(Ward1B);
    bear_all_out(&mut world, &dossiers);
    let images: usize = frames(&world, Ward1B).iter().map(|frame| frame.images.len()).sum();
    assert_eq!(images, DOSSIERS, "what was on disk did not come again");
}

#[test]
fn a_change_made_meanwhile_is_shown_before_its_turn() {
    let (mut world, dossiers) = office_with_a_new_machine(4);
    world.hold_inbox = Some(Ward1B);
    run_until(&mut world, all_shown);
    let changed = dossiers[5];
    let before = shown(&world, Ward1B, changed).unwrap();
    world.edit(Ward1, changed, &[]);
    run_until(&mut world, |world| shown(world, Ward1B, changed) == Some(before + 1));
    assert_eq!(come(&world, Ward1B, changed), 0, "its history has not come");
    world.hold_inbox = None;
    bear_all_out(&mut world, &dossiers);
}

#[test]
fn a_history_that_somebody_waits_for_comes_before_its_turn() {
    let (mut world, dossiers) = office_with_a_new_machine(5);
    world.hold_inbox = Some(Ward1B);
    run_until(&mut world, all_shown);
    let wanted = dossiers[5];
    let now = Instant(world.now);
    world.site(Ward1B).input(now, Input::WantHistory(wanted));
    run_until(&mut world, |world| come(world, Ward1B, wanted) == EDITS);
    assert_eq!(imaged(&world, Ward1B), DOSSIERS as u64 - 1, "its image has gone, and no other");
    world.edit(Ward1B, wanted, &[]);
    run_until(&mut world, |world| come(world, City, wanted) == EDITS + 1);
    world.hold_inbox = None;
    bear_all_out(&mut world, &dossiers);
}

#[test]
fn an_image_that_the_inbox_does_not_bear_out_is_dropped() {
    let (mut world, dossiers) = office_with_a_new_machine(6);
    let invented = DossierId([0xee; 16]);
    // A hub that claims a head which does not exist, and a dossier which does not.
    world.bend_images = Some(|frame| {
        let image = &mut frame.images[0];
        image.heads = vec![Hash([1; 32])];
        let more = Image { dossier: DossierId([0xee; 16]), ..image.clone() };
        frame.images.push(more);
    });
    world.hold_inbox = Some(Ward1B);
    run_until(&mut world, |world| imaged(world, Ward1B) == DOSSIERS as u64 + 1);
    assert!(shown(&world, Ward1B, invented).is_some(), "the hub is believed until then");
    world.bend_images = None;
    world.hold_inbox = None;
    bear_all_out(&mut world, &dossiers);
    assert_eq!(shown(&world, Ward1B, invented), None);
}

#[test]
fn a_purge_takes_the_image_as_well() {
    let (mut world, mut dossiers) = office_with_a_new_machine(7);
    let op = |world: &World, action| AudienceOp {
        action,
        role: Role::Competent,
        office: world.office(Ward1),
    };
    let lent = world.create(Ward3);
    let grant = op(&world, AudienceAction::Add);
    world.edit(Ward3, lent, &[grant]);
    // The new machine gets images, and no histories: its disk is slow, and it is cut off then.
    world.cut(Ward1B);
    world.settle();
    world.restore(Ward1B);
    world.hold_inbox = Some(Ward1B);
    run_until(&mut world, |world| imaged(world, Ward1B) == DOSSIERS as u64 + 1);
    assert!(world.keeps(Ward1B, &marker(lent)), "the marker is looked for rightly");
    world.hold_inbox = None;
    let revoke = op(&world, AudienceAction::Remove);
    world.edit(Ward3, lent, &[revoke]);
    world.settle();
    world.forget(Ward1B);
    world.settle();
    assert!(!world.keeps(Ward1B, &marker(lent)));
    assert_eq!(shown(&world, Ward1B, lent), None);
    dossiers.retain(|dossier| *dossier != lent);
    bear_all_out(&mut world, &dossiers);
}

/// A message that an ill-meaning machine sends on its link, and what comes of it.
fn says(world: &mut World, from: world::Place, message: &Control) {
    let link = link_of(world, from);
    let bytes = postcard::to_stdvec(message).unwrap();
    let hub = world.links[&link].1;
    world.input(hub, Input::Message { link, channel: Channel::Control, bytes });
    world.run(20);
}

fn link_of(world: &World, place: world::Place) -> LinkId {
    *world.links.iter().find(|(_, (from, _))| *from == place).unwrap().0
}

#[test]
fn who_asks_for_what_is_not_its_own_gets_nothing() {
    let (mut world, dossiers) = office_with_a_new_machine(8);
    world.settle();
    let seen = marker(dossiers[3]);
    assert!(world.bytes_seen(Ward1B, &seen), "the marker is looked for rightly");
    says(&mut world, Ward2, &Control::Fetch(dossiers[3]));
    assert!(!world.bytes_seen(Ward2, &seen), "another office's history stays where it is");
    let all = Control::Images(ImagesAsked::All(None));
    says(&mut world, Ward2, &all);
    world.settle();
    assert!(!world.bytes_seen(Ward2, &seen), "and so do its images");
    says(&mut world, District1, &all);
    let faults = world.faults().join("; ");
    assert!(faults.contains("only a machine at a counter needs images"), "{faults}");
}

#[test]
fn an_office_that_has_left_meanwhile_gets_no_image() {
    let (mut world, dossiers) = office_with_a_new_machine(10);
    let (inside, outside) = (world.office(Ward1), world.office(Ward2));
    let hub = world.site(District1);
    assert_eq!(hub.images_for(inside, dossiers[3]).len(), 1);
    assert_eq!(hub.images_for(outside, dossiers[3]), [], "listed, and out by the time of the cut");
}

#[test]
fn a_machine_is_not_shown_what_it_wrote_itself() {
    let (mut world, _) = office_with_a_new_machine(11);
    // The first one wrote all there is; whether it was told to skip its own rows does not matter.
    world.crash(Ward1);
    let mut shelf = world.copy_of(Ward1);
    shelf.kv.0.remove(&Key::Upstream.bytes());
    world.put_back(Ward1, shelf);
    assert_eq!(cursor(&world, Ward1), 0);
    world.settle();
    assert!(frames(&world, Ward1).is_empty());
}

#[test]
fn images_that_nobody_asked_for_end_the_link() {
    let (mut world, _) = office_with_a_new_machine(9);
    world.settle();
    let link = link_of(&world, Ward2);
    let frame = ImageFrame {
        inbox: world.office(Ward2),
        epoch: Default::default(),
        cut: 0,
        place: Some(ImagePlace { urgency: 0, dossier: DossierId::ZERO }),
        last: true,
        images: vec![],
    };
    for message in [Data::Images(frame.encode()), Data::Refill(vec![1, 2, 3])] {
        let link = if world.links.contains_key(&link) { link } else { link_of(&world, Ward2) };
        let bytes = postcard::to_stdvec(&message).unwrap();
        world.input(Ward2, Input::Message { link, channel: Channel::Data, bytes });
        world.run(1);
        assert!(!world.links.contains_key(&link), "{message:?}");
        world.settle();
    }
    assert!(frames(&world, Ward2).is_empty());
}
