//! Machines of the city that are enrolled and lie, against hubs that are honest; what a lie costs
//! others is what is looked at.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::Entry,
    id::LogId,
    key::SecretKey,
    log::{Checkpoint, Frontier},
    record::Record,
    replica::{Channel, Control, Data, Quota},
    state::{Key, Kv, rows},
    wire::{self, decode_entry},
};
use world::{Place, Place::*, Wire, World};

/// As the city's papers have it.
fn key(place: Place) -> SecretKey {
    SecretKey::from_seed([place as u8 + 100; 32])
}

/// Everything that a machine wrote into its log.
fn own_entries(world: &World, place: Place) -> Vec<Entry> {
    let records = world.sites[&place].store.journal.iter();
    records
        .filter_map(|record| match record {
            Record::Own { entry, .. } => Some(decode_entry(entry).unwrap()),
            _ => None,
        })
        .collect()
}

/// A frame of a machine's log with these entries, signed over the tree of those.
fn frame(log: LogId, place: Place, entries: &[Entry], signed: &[Entry]) -> Data {
    let key = key(place);
    let mut tree = Frontier::default();
    signed.iter().for_each(|entry| tree.push(entry.leaf()));
    let head = Checkpoint::sign(&key, world::DOMAIN, log, tree.size(), tree.root());
    let first = signed.len() as u64 + 1 - entries.len() as u64;
    let bytes = wire::encode_up(&key.public(), log, first, entries, |_, _| None, &head.signature);
    Data::Up(bytes.unwrap())
}

/// Says something to the hub in a machine's name, behind its replica's back.
fn send(world: &mut World, from: Place, to: Place, message: &Data) {
    post(world, from, to, Channel::Data, postcard::to_stdvec(message).unwrap());
}

/// The same on the control channel.
fn say(world: &mut World, from: Place, to: Place, message: &Control) {
    post(world, from, to, Channel::Control, postcard::to_stdvec(message).unwrap());
}

fn post(world: &mut World, from: Place, to: Place, channel: Channel, bytes: Vec<u8>) {
    let joins = |ends: &(Place, Place)| [(from, to), (to, from)].contains(ends);
    let link = *world.links.iter().find(|(_, ends)| joins(ends)).unwrap().0;
    world.deliver(Wire { link, from, to, channel, bytes });
}

#[test]
fn a_frame_that_repeats_its_log_otherwise_is_refused_and_stops_nobody_above() {
    let mut world = World::new(1);
    world.cut(District1);
    let mine: Vec<_> = (0..3).map(|_| world.create(Ward1)).collect();
    world.settle();
    let honest = own_entries(&world, Ward1);
    // The first entry in another version; the tree that is signed has the one that the hub knows.
    let mut bent = honest.clone();
    bent[0].header.claimed_at.0 += 1;
    let next = honest[1].clone();
    bent.push(next.clone());
    let signed: Vec<Entry> = honest.iter().cloned().chain([next]).collect();
    let log = world.sites[&Ward1].own_log().0;
    let fork = "fork: a frame repeats entries of its log otherwise than they are here";
    for (lies, signed) in [&signed, &bent].into_iter().enumerate() {
        send(&mut world, Ward1, District1, &frame(log, Ward1, &bent, signed));
        world.settle();
        assert_eq!(world.faults(), vec![fork; lies + 1]);
    }

    // The district goes up with everything, the liar's honest work included.
    let other = world.create(Ward2);
    world.restore(District1);
    world.settle();
    for dossier in mine.into_iter().chain([other]) {
        assert_eq!(world.changes(City, dossier), 1);
    }
    assert_eq!(world.faults(), [fork, fork]);
    assert!(world.in_sync(District1));
}

#[test]
fn a_frame_that_repeats_its_log_rightly_is_taken() {
    let mut world = World::new(2);
    world.cut(District1);
    for _ in 0..3 {
        world.create(Ward1);
    }
    world.settle();
    // From now on the machine's own replica finds itself overtaken, and begins another log.
    let (log, mut all) = (world.sites[&Ward1].own_log().0, own_entries(&world, Ward1));
    for from in 0..=3 {
        all.push(all[1].clone());
        send(&mut world, Ward1, District1, &frame(log, Ward1, &all[from..], &all));
        world.run(3);
        let bytes = world.state(District1).get(&Key::Log(log).bytes()).unwrap().unwrap();
        let row: rows::Log = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(row.frontier.size(), all.len() as u64, "repeated from {from}");
    }
    assert_eq!(world.faults(), Vec::<String>::new());
}

#[test]
fn rows_that_never_were_cannot_be_acknowledged() {
    let mut world = World::new(3);
    let dossier = world.create(Ward1);
    world.settle();
    let bytes = world.state(District1).get(&Key::Inbox(world.office(Ward1)).bytes()).unwrap();
    let tail: rows::Cursor = postcard::from_bytes(&bytes.unwrap()).unwrap();
    say(&mut world, Ward1, District1, &Control::Delivered(tail));
    world.settle();
    assert_eq!(world.faults(), Vec::<String>::new());
    let number = tail.number + 1;
    say(&mut world, Ward1, District1, &Control::Delivered(rows::Cursor { number, ..tail }));
    world.settle();
    let words = format!("cursor: row {number} is acknowledged, the inbox ends at {}", tail.number);
    assert_eq!(world.faults(), [words]);
    assert_eq!(world.changes(City, dossier), 1);
}

#[test]
fn a_purge_that_was_not_asked_for_is_noted_and_costs_no_record() {
    let mut world = World::new(4);
    let dossier = world.create(Ward1);
    world.settle();
    let before = world.sites[&District1].store.journal.len();
    for _ in 0..100 {
        say(&mut world, Ward2, District1, &Control::Purged(vec![dossier]));
    }
    world.settle();
    assert_eq!(world.sites[&District1].store.journal.len(), before);
    assert_eq!(world.faults(), Vec::<String>::new());
    say(&mut world, Ward2, District1, &Control::Purged(vec![dossier; 1_001]));
    world.settle();
    assert_eq!(world.faults(), ["limit: more purges are confirmed in one message than may be"]);
}

#[test]
fn a_frame_that_a_hub_asks_for_again_must_be_the_one_that_it_had() {
    let is_frame = |record: &Record| matches!(record, Record::Up { .. });
    // Another entry; and the right one, signed over another tree.
    for (lie, fault) in [(true, "fork: "), (false, "signature: ")] {
        let mut world = World::new(5);
        let empty = world.copy_of(City);
        let dossier = world.create(Ward1);
        world.settle();
        let journal = &mut world.site(District1).store.journal;
        let lost = journal.iter().position(is_frame).unwrap();
        journal[lost] = Record::Lease(Vec::new());
        let (log, honest) = (world.sites[&Ward1].own_log().0, own_entries(&world, Ward1));
        let mut bent = honest.clone();
        bent[0].header.claimed_at.0 += 1;
        world.put_back(City, empty);
        while world.sites[&District1].frames_lost.is_empty() {
            world.run(1);
        }
        let written = |world: &World| {
            world.sites[&District1].store.journal.iter().filter(|one| is_frame(one)).count()
        };
        // Before the honest answer comes.
        let entries = if lie { &bent } else { &honest };
        send(&mut world, Ward1, District1, &frame(log, Ward1, entries, &bent));
        assert_eq!(written(&world), 0, "nothing of it is written down");
        world.settle();
        let faults = world.faults();
        assert!(faults[0].starts_with(fault), "{faults:?}");
        assert_eq!(
            (world.changes(City, dossier), written(&world)),
            (1, 1),
            "the honest one is taken"
        );
    }
}

#[test]
fn a_hub_asks_again_for_no_more_than_a_frame_and_only_from_above() {
    let mut world = World::new(6);
    world.create(Ward1);
    world.settle();
    let log = world.sites[&Ward1].own_log().0;
    say(&mut world, Ward1, District1, &Control::Again { log, first: 1, last: 1 });
    world.settle();
    say(&mut world, District1, Ward1, &Control::Again { log, first: 1, last: 1 << 40 });
    world.settle();
    // A log that is none of this machine's is not given.
    let other = world.sites[&Ward2].own_log().0;
    say(&mut world, District1, Ward1, &Control::Again { log: other, first: 1, last: 1 });
    world.settle();
    assert_eq!(
        world.faults(),
        [
            "order: frames are asked for again from above only",
            "limit: more was asked for again than a frame holds",
            "scope: a frame of a log that does not go up from here",
        ]
    );
    assert!(world.in_sync(Ward1));
}

/// A hundred entries, and one more a second.
const FEW: Quota =
    Quota { entries: 100, entries_a_second: 1, bytes: 1 << 30, bytes_a_second: 1 << 20 };

/// Entries of a machine's log that its hub has.
fn stored(world: &World, place: Place, hub: Place) -> u64 {
    let log = world.sites[&place].own_log().0;
    let bytes = world.state(hub).get(&Key::Log(log).bytes()).unwrap();
    bytes.map_or(0, |bytes| postcard::from_bytes::<rows::Log>(&bytes).unwrap().frontier.size())
}

#[test]
fn a_machine_that_writes_beyond_its_allowance_is_read_at_its_rate_and_loses_nothing() {
    let mut world = World::allowing(4, FEW);
    world.settle();
    world.cut(Ward1);
    let mine: Vec<_> = (0..400).map(|_| world.create(Ward1)).collect();
    world.restore(Ward1);
    let began = world.now;
    let (mut slowed, mut other) = (false, None);
    for _ in 0..20_000 {
        world.run(1);
        let has = stored(&world, Ward1, District1);
        let may = 100 + (world.now - began) / 1_000;
        // The first frames were on their way before anything was said.
        assert!(has <= may + 16, "{has} entries after {} ms", world.now - began);
        let told: Vec<_> = world.sites[&District1].replica.slowed().collect();
        slowed |= told.iter().any(|(node, _)| *node == key(Ward1).public().node_id());
        assert!(told.len() <= 1, "nobody else is slowed: {told:?}");
        if slowed && other.is_none() {
            // Another office at the same hub is not held up.
            other = Some((world.create(Ward2), world.now));
        }
        if has == 400 {
            break;
        }
    }
    assert!(slowed, "it was never over its allowance");
    assert!(world.now - began >= 280_000, "400 entries within {} ms", world.now - began);
    world.settle();
    for dossier in mine.into_iter().chain(other.map(|(dossier, _)| dossier)) {
        assert_eq!(world.changes(City, dossier), 1);
    }
    assert_eq!(world.faults(), Vec::<String>::new());
    assert_eq!(world.sites[&District1].replica.slowed().count(), 0, "it has rested");
    assert_eq!(world.sites[&City].replica.slowed().count(), 0, "hubs passing on are not counted");
}
