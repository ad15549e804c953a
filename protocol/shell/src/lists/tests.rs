#![allow(clippy::unwrap_used)]
use super::*;
use motcua_core::state::MemKv;
use motcua_dossier::{
    calendar,
    fact::{Act, Due, Fact, Forward, Kind, StateStep, Taken},
    lists::listing,
    state::State,
    view::view,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const OFFICES: [&str; 3] = ["01", "02", "03"];
/// 2026-03-10, 09:00 in Vietnam, in milliseconds.
const NOW: i64 = 1_773_108_000_000;
const DAY: i64 = 86_400_000;

/// An act as chance has it: kind, where, to where, when, on what it builds.
type Chance = (u8, usize, usize, i64, u8);

/// Facts that need not make sense: whatever comes from elsewhere must be in a list too.
fn facts(acts: &[Chance]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for (number, (kind, from, to, at, on)) in acts.iter().enumerate() {
        let id = format!("{number:026}");
        let office = OFFICES[from % 3].to_owned();
        let act = Act { at: *at, by: format!("clerk {from}"), office, ..Act::default() };
        let before = |kind: Kind| {
            let known: Vec<&Fact> = facts.iter().filter(|fact| fact.kind == kind).collect();
            (!known.is_empty()).then(|| known[usize::from(*on) % known.len()].id.clone())
        };
        facts.push(match kind {
            0..=6 => {
                let to = State::ALL[(usize::from(*kind) + to) % 10];
                let after = before(Kind::State).into_iter().collect();
                let step = StateStep { to: to.code(), after, act, ..StateStep::default() };
                Fact::new(Kind::State, id, &step)
            }
            7 => Fact::new(Kind::Due, id, &Due { at: *at, reason: String::new() }),
            8 => Fact::new(
                Kind::Forward,
                id,
                &Forward { to: OFFICES[to % 3].into(), list: String::new(), act },
            ),
            _ => {
                let forward = before(Kind::Forward).unwrap_or_default();
                Fact::new(Kind::Taken, id, &Taken { forward, act })
            }
        });
    }
    facts
}

fn dossier(number: usize) -> DossierId {
    let mut id = DossierId::ZERO;
    id.0[..8].copy_from_slice(&(number as u64).to_be_bytes());
    id
}

/// Every dossier by list, read page by page.
fn all(kv: &MemKv, now: i64, limit: usize) -> BTreeMap<DossierId, Vec<List>> {
    let mut found: BTreeMap<DossierId, Vec<List>> = BTreeMap::new();
    for list in List::ALL {
        let (mut after, mut seen) = (None, 0);
        loop {
            let read = page(kv, list, now, after.as_deref(), limit, None).expect("memory");
            for entry in read.entries {
                assert_eq!(entry.list, list, "a row says where it is");
                found.entry(entry.id).or_default().push(list);
                seen += 1;
            }
            after = read.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(count(kv, list, now).expect("memory"), seen, "{list:?}");
    }
    found
}

/// What a row holds of the time it is read at.
fn moments() -> impl Strategy<Value = i64> {
    // Also the very milliseconds at which rows stand, and times that no calendar has.
    prop_oneof![
        NOW - 3 * DAY..NOW + 3 * DAY,
        Just(NOW),
        Just(NOW + 15 * DAY / 24),
        Just(i64::MAX),
        Just(i64::MIN),
        Just(0)
    ]
}

proptest! {
    #[test]
    fn a_dossier_is_in_exactly_one_list_at_any_time_and_at_every_office(
        dossiers in prop::collection::vec(
            prop::collection::vec((0u8..11, 0usize..3, 0usize..10, moments(), any::<u8>()), 0..9),
            1..25
        ),
        now in moments(),
        limit in 1usize..7
    ) {
        for office in OFFICES {
            let mut kv = MemKv::default();
            let mut expected = BTreeMap::new();
            for (number, acts) in dossiers.iter().enumerate() {
                let listing = listing(&view(&facts(acts)), office, calendar::usual());
                kv.0.extend([row(dossier(number), &listing)]);
                expected.insert(dossier(number), vec![listing.list(now)]);
            }
            prop_assert_eq!(all(&kv, now, limit), expected);
        }
    }
}

fn filed(number: usize, shelf: Shelf, order: i64, owner: &str) -> (Vec<u8>, Vec<u8>) {
    let about = About { owner: owner.into(), ..About::default() };
    row(dossier(number), &Listing { shelf, order, about })
}

fn numbers(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|one| u64::from_be_bytes(one.id.0[..8].try_into().unwrap())).collect()
}

#[test]
fn what_is_due_first_comes_first_and_midnight_moves_it_without_a_row_being_written() {
    let mut kv = MemKv::default();
    // Nine in the morning: fifteen hours are left of the day.
    let midnight = NOW + 15 * DAY / 24;
    for (number, order) in
        [(1, midnight), (2, NOW - 1), (3, NOW), (4, midnight - 1), (5, i64::MAX - 1), (6, -5)]
    {
        kv.0.extend([filed(number, Shelf::Working, order, "")]);
    }
    kv.0.extend([filed(7, Shelf::ToAccept, NOW, ""), filed(8, Shelf::Citizen, NOW, "")]);
    let list = |list, now| numbers(&page(&kv, list, now, None, 50, None).unwrap());
    assert_eq!(list(List::Overdue, NOW), [6, 2]);
    assert_eq!(list(List::DueToday, NOW), [3, 4]);
    assert_eq!(list(List::InWork, NOW), [1, 5]);
    assert_eq!(list(List::Overdue, midnight), [6, 2, 3, 4]);
    assert_eq!(list(List::DueToday, midnight), [1]);
    assert_eq!(list(List::InWork, midnight), [5]);
}

#[test]
fn the_dossiers_of_one_owner_are_found_among_many_and_a_page_ends() {
    let mut kv = MemKv::default();
    for number in 0..2 * LOOKED_THROUGH {
        let owner = if number == 2 * LOOKED_THROUGH - 1 { "Lan" } else { "Minh" };
        kv.0.extend([filed(number, Shelf::Result, number as i64, owner)]);
    }
    let mine = |after: Option<&[u8]>| {
        page(&kv, List::Result, NOW, after, 10, Some(&|about: &About| about.is_of("Lan"))).unwrap()
    };
    let first = mine(None);
    assert_eq!(numbers(&first), [] as [u64; 0], "it did not look further");
    let second = mine(first.next.as_deref());
    assert_eq!(numbers(&second), [2 * LOOKED_THROUGH as u64 - 1]);
    assert_eq!(second.next, None);
}

#[test]
fn a_page_begins_in_its_list_whatever_it_is_told_to_begin_behind() {
    let rows = [filed(1, Shelf::Working, NOW - 1, ""), filed(2, Shelf::ToAccept, 6, "")];
    let kv = MemKv(rows.into_iter().collect());
    let other = start(Shelf::ToAccept, 5);
    let found = page(&kv, List::Overdue, NOW, Some(&other), 5, None).unwrap();
    assert_eq!(numbers(&found), [1]);
    let behind = start(Shelf::Closed, 5);
    assert_eq!(page(&kv, List::Overdue, NOW, Some(&behind), 5, None).unwrap(), Page::default());
}
