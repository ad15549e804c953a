//! Whatever clerks at several machines do, and in whatever order it arrives.

use super::{DESK, OTHER, at};
use motcua_dossier::{
    calendar,
    derive::Conflict,
    fact::{Act, Fact, Forward, Kind, StateStep, Taken},
    lists::{List, listing},
    process::{self, Addressee, Table, holdings, legs},
    state::State,
    view::{View, view},
};
use proptest::prelude::*;

/// What a clerk tries at one of the machines.
#[derive(Debug, Clone)]
enum Try {
    Pass {
        section: u8,
        person: u8,
    },
    Take,
    Refuse,
    Forward,
    TakeOver,
    Step(u8),
    /// The machine hears of all that the others did.
    Meet,
}

fn tries() -> impl Strategy<Value = Vec<(usize, u16, Try)>> {
    let one = prop_oneof![
        4 => (0..3u8, 0..3u8).prop_map(|(section, person)| Try::Pass { section, person }),
        3 => Just(Try::Take),
        1 => Just(Try::Refuse),
        1 => Just(Try::Forward),
        1 => Just(Try::TakeOver),
        1 => (1..=10u8).prop_map(Try::Step),
        2 => Just(Try::Meet),
    ];
    proptest::collection::vec((0..3usize, 1..3_000u16, one), 1..24)
}

/// Two machines of the desk and one of the other office.
const OFFICES: [&str; 3] = [DESK, DESK, OTHER];

fn facts_of(made: &[(usize, u16, Try)]) -> Vec<Fact> {
    let received = Act { at: at("2026-03-02T09:00"), office: DESK.into(), ..Act::default() };
    let first = StateStep { to: 2, act: received.clone(), ..StateStep::default() };
    let mut all = vec![Fact::new(Kind::State, "0".repeat(26), &first)];
    let mut known = [all.clone(), all.clone(), all.clone()];
    let mut now = received.at;
    for (number, (machine, minutes, made)) in (1..).zip(made) {
        now += i64::from(*minutes) * 60_000;
        let (here, office) = (&mut known[*machine], OFFICES[*machine].to_owned());
        let by = format!("P{machine}");
        let act = Act {
            at: now,
            by,
            office: office.clone(),
            note: "x".into(),
            asked: None,
            in_stead_of: String::new(),
        };
        let derived = view(here).derived;
        let id = |part: usize| format!("{number:020}{part:06}");
        let mut new: Vec<Fact> = Vec::new();
        let mut wrote = |action: Result<motcua_dossier::action::Action, _>| {
            let facts = action.map(|action| action.facts).unwrap_or_default();
            new.extend(facts.into_iter().enumerate().map(|(part, one)| one.with_id(id(part))));
            Ok::<(), motcua_dossier::action::ActionError>(())
        };
        match made {
            Try::Pass { section, person } => {
                let person = if *person == 0 { String::new() } else { format!("P{person}") };
                let section = format!("s{section}");
                let minutes = Some(240);
                let to = Addressee { section, person, minutes, step: 1, ..Addressee::default() };
                wrote(process::pass(&derived, to, act)).unwrap();
            }
            Try::Take => wrote(process::take_pass(&derived, act)).unwrap(),
            Try::Refuse => wrote(process::refuse_pass(&derived, act)).unwrap(),
            Try::Forward => {
                let to = if office == DESK { OTHER } else { DESK };
                new.push(Fact::new(
                    Kind::Forward,
                    id(0),
                    &Forward { to: to.into(), list: String::new(), act },
                ));
            }
            Try::TakeOver => {
                let waits = |one: &&motcua_dossier::derive::HandOver| {
                    one.taken.is_none() && one.given.to == office
                };
                if let Some(waiting) = derived.hand_overs.iter().find(waits) {
                    let forward = waiting.id.clone();
                    new.push(Fact::new(Kind::Taken, id(0), &Taken { forward, act }));
                }
            }
            Try::Step(to) => {
                let allowed = derived.allowed();
                if allowed.contains(&State::from_code(*to).unwrap()) {
                    let after = derived.heads;
                    let step = StateStep { to: *to, after, act, ..StateStep::default() };
                    new.push(Fact::new(Kind::State, id(0), &step));
                }
            }
            Try::Meet => *here = all.clone(),
        }
        here.extend(new.clone());
        here.sort_by(|one, other| one.id.cmp(&other.id));
        all.extend(new);
    }
    all
}

/// Everything that a page shows of where it is.
fn shown(facts: &[Fact]) -> impl PartialEq + std::fmt::Debug {
    let shown: View = view(facts);
    let listed = [DESK, OTHER].map(|office| listing(&shown, office, calendar::usual()));
    let table = Table::built_in();
    let process = table.in_force("1.004873", "2026-03-02".parse().unwrap());
    let turns = legs(&shown, process, calendar::usual());
    (listed, turns, shown.derived.conflicts, shown.derived.passings)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_arrival_moves_a_deadline_a_holder_or_a_list(
        made in tries(),
        order in proptest::collection::vec(any::<u32>(), 64),
    ) {
        let facts = facts_of(&made);
        let mut turned: Vec<(u32, Fact)> =
            order.iter().copied().cycle().zip(facts.iter().cloned()).collect();
        turned.sort_by_key(|(order, _)| *order);
        let turned: Vec<Fact> = turned.into_iter().map(|(_, fact)| fact).collect();
        prop_assert_eq!(shown(&turned), shown(&facts));
    }

    #[test]
    fn there_is_one_holder_or_a_conflict_that_says_so_and_one_list(made in tries()) {
        let facts = facts_of(&made);
        let shown = view(&facts);
        let derived = &shown.derived;
        let mut offices = derived.holders();
        if offices.is_empty() {
            offices.push(DESK.into());
        }
        let several = offices.iter().any(|office| {
            holdings(&derived.hand_overs, &derived.passings, office).len() > 1
        });
        let said = derived.conflicts.iter().any(|one| matches!(one, Conflict::Passes(_)));
        prop_assert_eq!(several, said);
        for office in [DESK, OTHER] {
            let filed = listing(&shown, office, calendar::usual());
            let about = &filed.about;
            let held = holdings(&derived.hand_overs, &derived.passings, &about.place);
            // Everybody who has it finds it among his own.
            prop_assert!(held.iter().all(|one| about.is_of(&one.person)));
            prop_assert_eq!(held.len().saturating_sub(1), about.also.len());
            for now in [i64::MIN, at("2026-03-09T00:00"), i64::MAX - 1] {
                let of = |list: &List| {
                    list.shelf() == filed.shelf && list.part(now).contains(&filed.order)
                };
                prop_assert_eq!(List::ALL.iter().filter(|list| of(list)).count(), 1);
            }
        }
    }

    #[test]
    fn a_turn_never_ends_before_it_began_and_never_is_late_before_its_deadline(made in tries()) {
        let facts = facts_of(&made);
        let table = Table::built_in();
        let process = table.in_force("1.004873", "2026-03-02".parse().unwrap());
        for leg in legs(&view(&facts), process, calendar::usual()) {
            prop_assert!(leg.to.is_none_or(|to| to >= leg.from));
            prop_assert!(leg.due.is_none_or(|due| due > leg.from));
            let late = leg.to.zip(leg.due).map(|(to, due)| to > due);
            prop_assert_eq!(leg.outcome.map(|one| one == process::Outcome::Late), late);
        }
    }
}
