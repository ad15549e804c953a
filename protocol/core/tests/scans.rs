//! Scans in the small city: they come whole, over any cut and crash, to whoever has a right to them,
//! and a peer that lies is not believed.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod world;

use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::Hash,
    limits,
    replica::{Channel, Input, ScanDone, ScanMessage},
};
use world::{
    Place,
    Place::*,
    World,
    scanning::{Scanning, scan},
};

fn grant(world: &World, place: Place) -> AudienceOp {
    AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: world.office(place) }
}

#[test]
fn a_scan_goes_up_to_district_and_city_and_each_level_knows_it() {
    let mut world = World::new(1);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(1, 300_000));
    world.settle();
    for place in [Ward1, District1, City] {
        assert!(world.here(place, hash), "{place:?}");
    }
    for place in [Ward2, District2, Ward3] {
        assert!(!world.sites[&place].disk.files.contains_key(&hash), "{place:?}");
    }
    assert!(world.row(Ward1, hash).above && world.row(District1, hash).above);
    // Every pair of the proof once, some words, and nothing twice: two levels.
    assert!(world.scan_bytes < 2 * (300_000 * 103 / 100), "{} bytes", world.scan_bytes);
    let before = world.scan_bytes;
    world.cut(Ward1);
    world.settle();
    world.restore(Ward1);
    world.settle();
    assert_eq!(world.scan_bytes, before, "what the hub has is not offered again");
}

#[test]
fn scans_of_every_odd_size_arrive() {
    let mut world = World::new(2);
    let dossier = world.create(Ward1);
    let sizes = [9, 4_095, 4_096, 4_097, 8_192, 8_193, 12_289, 65_536, 65_537];
    let hashes: Vec<Hash> = (0u32..)
        .zip(sizes)
        .map(|(seed, size)| world.attach(Ward1, dossier, &scan(seed, size)))
        .collect();
    world.settle();
    assert!(hashes.iter().all(|hash| world.here(City, *hash)));
}

#[test]
fn a_transfer_that_is_cut_goes_on_where_it_was_and_costs_hardly_more() {
    const SIZE: usize = 5 * 1024 * 1024;
    let mut world = World::new(3);
    let dossier = world.create(Ward1);
    world.settle();
    world.cut(District1);
    let hash = world.attach(Ward1, dossier, &scan(3, SIZE));
    while world.scan_bytes < SIZE * 6 / 10 {
        world.step();
        world.now += 1;
    }
    // Both ends die in the middle; what had come to the disk stays.
    world.crash(Ward1);
    world.crash(District1);
    assert!(!world.here(District1, hash));
    world.settle();
    assert!(world.here(District1, hash));
    // 64 bytes of proof for each 4 KiB and some 40 of words, and what was under way at the cut.
    let whole = SIZE / 4_096 * (4_096 + 64 + 45);
    let extra = world.scan_bytes.saturating_sub(whole);
    assert!(extra < 12 * 4_096, "{extra} bytes more than once");
}

#[test]
fn a_link_cut_at_any_message_loses_nothing_and_repeats_little() {
    for at in 0..120 {
        let mut world = World::new(1_000 + at);
        let dossier = world.create(Ward1);
        world.settle();
        world.cut(District1);
        let hash = world.attach(Ward1, dossier, &scan(5, 40_000));
        for _ in 0..at {
            world.step();
            world.now += 1;
        }
        world.cut(Ward1);
        world.restore(Ward1);
        world.settle();
        assert!(world.here(District1, hash), "cut after {at} steps");
        assert_eq!(world.faults(), Vec::<String>::new(), "cut after {at} steps");
        let bytes = world.scan_bytes;
        assert!(bytes < 40_000 + 10 * 110 + 9 * 4_300, "cut after {at} steps: {bytes}");
    }
}

#[test]
fn any_side_may_crash_at_any_moment_and_the_books_are_never_ahead_of_the_bytes() {
    for seed in 0..60u64 {
        let mut world = World::new(2_000 + seed);
        let dossier = world.create(Ward1);
        world.settle();
        let hashes: Vec<Hash> = (0..4)
            .map(|n| world.attach(Ward1, dossier, &scan(n, 30_000 * (n as usize + 1))))
            .collect();
        for round in 0..6 {
            for _ in 0..(seed * 7 + round * 13) % 90 {
                world.step();
                world.now += 3;
            }
            world.crash([Ward1, District1, City][((seed + round) % 3) as usize]);
            for place in [Ward1, District1, City] {
                hashes.iter().for_each(|hash| {
                    world.here(place, *hash);
                });
            }
        }
        world.settle();
        for hash in hashes {
            // The first crash may have taken what the ward had not synced yet.
            if world.row(Ward1, hash).here {
                assert!(world.here(City, hash), "seed {seed}");
            }
        }
    }
}

#[test]
fn an_office_that_takes_part_fetches_on_demand_and_another_is_refused() {
    let mut world = World::new(6);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(6, 100_000));
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    assert!(!world.here(Ward3, hash) && !world.here(District2, hash), "not before it is asked for");
    world.ask_for(Ward3, hash);
    world.settle();
    assert!(world.here(District2, hash) && world.here(Ward3, hash));
    // The neighbour has heard of the address, and asks its hub outright.
    world.say(Ward2, District1, &ScanMessage::Open { transfer: 77, hash });
    world.settle();
    assert_eq!(world.fault(District1, "no right"), 1);
    assert!(!world.sites[&Ward2].disk.files.contains_key(&hash));
    // Asking here for what no dossier here names asks nobody.
    let before = world.scan_bytes;
    world.ask_for(Ward2, hash);
    world.settle();
    assert_eq!(world.scan_bytes, before);
}

#[test]
fn what_is_asked_for_before_the_hub_has_it_comes_when_it_has_come() {
    let mut world = World::new(7);
    let dossier = world.create(Ward1);
    let op = grant(&world, Ward3);
    world.edit(Ward1, dossier, &[op]);
    world.settle();
    // The entry gets through, the scan not yet: the city's line is cut in between.
    let hash = world.attach(Ward1, dossier, &scan(7, 400_000));
    while world.changes(Ward3, dossier) < 3 {
        world.step();
        world.now += 1;
    }
    assert!(!world.here(City, hash));
    world.ask_for(Ward3, hash);
    world.settle();
    assert!(world.here(Ward3, hash));
}

#[test]
fn a_damaged_file_is_never_sent_on_and_comes_back_from_the_hub() {
    let mut world = World::new(8);
    let dossier = world.create(Ward1);
    let first = world.attach(Ward1, dossier, &scan(8, 300_000));
    world.settle();
    world.cut(Ward1);
    let second = world.attach(Ward1, dossier, &scan(9, 300_000));
    world.settle();
    // Both are spoilt behind everybody's back: emptied, and zeroed in the middle.
    world.site(Ward1).disk.files.get_mut(&first).unwrap().data.clear();
    world.site(Ward1).disk.files.get_mut(&second).unwrap().data[100_000..165_536].fill(0);
    world.input(Ward1, Input::Scan(ScanDone::Damaged { hash: first }));
    world.restore(Ward1);
    world.settle();
    assert!(world.here(Ward1, first), "fetched again by itself");
    assert!(world.here(District1, first) && world.here(City, first));
    for place in [Ward1, District1, City] {
        assert!(!world.here(place, second), "{place:?}");
    }
    assert!(world.row(Ward1, second).damaged && !world.row(Ward1, second).above);
    assert_eq!(world.fault(Ward1, "damaged"), 2);
    assert_eq!(world.faults(), Vec::<String>::new(), "no link is closed for it");
    // The paper is scanned again: the same bytes, or others, both go up.
    let again = world.attach(Ward1, dossier, &scan(9, 300_000));
    let other = world.attach(Ward1, dossier, &scan(10, 200_000));
    world.settle();
    assert!(again == second && world.here(City, again) && world.here(City, other));
}

#[test]
fn a_hub_that_lost_a_file_fetches_it_from_a_participant() {
    let mut world = World::new(9);
    let dossier = world.create(Ward1);
    let hash = world.attach(Ward1, dossier, &scan(9, 90_000));
    world.settle();
    for hub in [City, District1] {
        world.site(hub).disk.files.remove(&hash);
        world.input(hub, Input::Scan(ScanDone::Damaged { hash }));
    }
    world.settle();
    assert!(world.here(District1, hash) && world.here(City, hash));
}

#[test]
fn a_peer_that_serves_something_else_is_not_believed_and_the_rest_goes_on() {
    let tricks: [fn(&mut ScanMessage); 4] = [
        |message| {
            if let ScanMessage::Piece { data, .. } = message {
                data[7] ^= 1;
            }
        },
        |message| {
            if let ScanMessage::Piece { proof, .. } = message
                && let Some(pair) = proof.first_mut()
            {
                pair[1].0[0] ^= 1;
            }
        },
        |message| {
            if let ScanMessage::Opened { size, .. } = message {
                *size += 1;
            }
        },
        |message| {
            if let ScanMessage::Offer { size, .. } = message {
                *size = u64::MAX;
            }
        },
    ];
    for (number, trick) in tricks.into_iter().enumerate() {
        let mut world = World::new(10);
        let dossier = world.create(Ward1);
        world.settle();
        world.scan_trick = Some((Ward1, trick));
        let hash = world.attach(Ward1, dossier, &scan(10, 100_000));
        world.settle();
        assert!(!world.here(District1, hash), "trick {number}");
        let counted = ["proof", "size"].map(|kind| world.fault(District1, kind));
        assert!(counted.iter().sum::<u64>() > 0, "trick {number} was not counted");
        let after = world.create(Ward1);
        world.settle();
        assert_eq!(world.changes(City, after), 1, "trick {number} held up a dossier");
        // Honest again, on the next link.
        world.scan_trick = None;
        world.cut(Ward1);
        world.settle();
        world.restore(Ward1);
        world.settle();
        assert!(world.here(City, hash), "trick {number}");
    }
}

#[test]
fn a_file_of_a_type_that_is_not_taken_is_not_kept() {
    let mut world = World::new(11);
    let dossier = world.create(Ward1);
    let mut bytes = scan(11, 50_000);
    bytes[..2].copy_from_slice(b"MZ");
    let hash = world.attach(Ward1, dossier, &bytes);
    let good = world.attach(Ward1, dossier, &scan(12, 50_000));
    world.settle();
    assert!(!world.here(District1, hash) && world.here(City, good));
    assert_eq!(world.fault(District1, "media type"), 1);
}

#[test]
fn a_peer_that_floods_loses_its_link_and_nothing_else() {
    type Flood = (&'static str, fn(&mut World, Hash));
    let floods: [Flood; 4] = [
        ("ten thousand offers of what nobody knows", |world, _| {
            for number in 0..10_000u32 {
                let mut hash = Hash([9; 32]);
                hash.0[..4].copy_from_slice(&number.to_le_bytes());
                world.say(Ward2, District1, &ScanMessage::Offer { hash, size: 10 });
            }
        }),
        ("pieces that nobody asked for", |world, _| {
            for piece in 0..1_000 {
                let data = vec![1; 4_096];
                let message = ScanMessage::Piece { transfer: 0, piece, proof: vec![], data };
                world.say(Ward2, District1, &message);
            }
        }),
        ("pieces behind the end", |world, hash| {
            world.say(Ward1, District1, &ScanMessage::Open { transfer: 5, hash });
            let ask = ScanMessage::Ask { transfer: 5, piece: u32::MAX, first: true };
            world.say(Ward1, District1, &ask);
        }),
        ("more pieces than may be under way", |world, hash| {
            world.say(Ward1, District1, &ScanMessage::Open { transfer: 6, hash });
            for piece in 0..10_000 {
                let ask = ScanMessage::Ask { transfer: 6, piece: piece % 10, first: false };
                world.say(Ward1, District1, &ask);
            }
        }),
    ];
    for (what, flood) in floods {
        let mut world = World::new(12);
        let dossier = world.create(Ward1);
        let hash = world.attach(Ward1, dossier, &scan(12, 60_000));
        world.settle();
        flood(&mut world, hash);
        // The messages arrive faster than the disk answers.
        while let Some(wire) = world.wires.pop_front() {
            if world.links.contains_key(&wire.link) {
                world.deliver(wire);
            }
        }
        world.settle();
        assert!(!world.faults().is_empty(), "{what}: not found");
        let report = world.sites[&District1].replica.scan_report();
        assert!(report.wanted.len() <= limits::SCANS_WANTED, "{what}");
        let other = world.create(Ward1);
        let later = world.attach(Ward1, other, &scan(13, 20_000));
        world.settle();
        assert!(world.here(City, later), "{what}: others are held up");
    }
}

#[test]
fn a_message_of_scans_that_is_too_long_or_no_message_ends_the_link() {
    for bytes in [vec![0; limits::SCAN_MESSAGE_BYTES + 1], vec![200, 1, 2], vec![]] {
        let mut world = World::new(13);
        world.settle();
        let found = world.links.iter().find(|(_, ends)| **ends == (Ward2, District1));
        let link = *found.unwrap().0;
        let input = Input::Message { link, channel: Channel::Scan, bytes };
        world.input(District1, input);
        world.settle();
        assert_eq!(world.faults().len(), 1, "{:?}", world.faults());
    }
}

#[test]
fn a_peer_that_opens_and_says_nothing_more_is_left_for_another() {
    let mut world = World::new(14);
    let dossier = world.create(Ward1);
    world.settle();
    world.scan_trick = Some((Ward1, |message| {
        // Never answered.
        if let ScanMessage::Opened { transfer, .. } = message {
            *transfer = u64::MAX;
        }
    }));
    let hash = world.attach(Ward1, dossier, &scan(14, 20_000));
    world.settle();
    assert!(!world.here(District1, hash));
    assert!(world.fault(District1, "stalled") > 0);
    assert!(world.sites[&District1].replica.scan_report().moving.is_empty());
}

#[test]
fn a_full_disk_takes_no_scan_and_goes_on_when_there_is_room() {
    let mut world = World::new(15);
    let dossier = world.create(Ward1);
    world.settle();
    world.site(District1).disk.full = true;
    let hash = world.attach(Ward1, dossier, &scan(15, 20_000));
    world.settle();
    assert!(!world.here(District1, hash) && world.fault(District1, "disk") > 0);
    world.site(District1).disk.full = false;
    world.now += 120_000;
    world.settle();
    assert!(world.here(City, hash));
}

#[test]
fn every_deadline_of_scans_is_announced() {
    let mut world = World::new(16);
    let dossier = world.create(Ward1);
    world.settle();
    world.site(District1).disk.full = true;
    world.attach(Ward1, dossier, &scan(16, 20_000));
    world.settle();
    let site = world.site(District1);
    let due = site.replica.poll_timeout().unwrap();
    site.replica.handle_timeout(due, &site.store);
    assert!(site.replica.poll_timeout().is_none_or(|next| next > due));
}

#[test]
fn a_link_on_which_hundreds_of_scans_went_up_goes_on_offering() {
    let mut world = World::new(40);
    let mut last = Hash::ZERO;
    for wave in 0..6u32 {
        let dossier = world.create(Ward1);
        for number in 0..100 {
            last = world.attach(Ward1, dossier, &scan(wave * 100 + number, 16));
        }
        world.settle();
    }
    assert!(world.here(District1, last) && world.here(City, last));
}

#[test]
fn a_machine_that_asks_for_ever_more_scans_takes_no_place_from_another() {
    const MANY: usize = limits::SCANS_ASKED_BY_ONE + 20;
    let mut world = World::new(40);
    // Named, and lost before anybody else had them: the machine wants them back, and nobody has them.
    let lost = |world: &mut World, place: Place, seeds: std::ops::Range<u32>| -> Vec<Hash> {
        world.cut(place);
        world.settle();
        let mut hashes = Vec::new();
        for seed in seeds {
            let dossier = world.create(place);
            hashes.push(world.attach(place, dossier, &scan(seed, 5_000)));
        }
        hashes.iter().for_each(|hash| drop(world.site(place).disk.files.remove(hash)));
        world.restore(place);
        hashes
    };
    let greedy = lost(&mut world, Ward1, 1_000..1_000 + MANY as u32);
    world.settle();
    let modest = lost(&mut world, Ward2, 9_000..9_003);
    world.settle();
    greedy.iter().for_each(|hash| world.ask_for(Ward1, *hash));
    world.settle();
    modest.iter().for_each(|hash| world.ask_for(Ward2, *hash));
    world.settle();
    let wanted = world.sites[&District1].replica.scan_report().wanted;
    let of = |hashes: &[Hash]| hashes.iter().filter(|hash| wanted.contains(*hash)).count();
    assert_eq!((of(&greedy), of(&modest)), (limits::SCANS_ASKED_BY_ONE, 3));
    assert!(world.fault(District1, "asked for too many") > 0, "it is counted");
    assert_eq!(world.faults(), Vec::<String>::new(), "and nobody is sent away for it");
}
