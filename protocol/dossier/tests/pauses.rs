//! Promised dates of a dossier beside the vectors: what two offices do at once, what somebody sets, and
//! what is the same as the reckoning of terms.
#![allow(clippy::unwrap_used, missing_docs)]

use jiff::{ToSpan, civil::DateTime};
use motcua_dossier::{
    action::{ActionError, Circumstances, move_under},
    calendar,
    due::{Model, Pause, Term, due},
    fact::{Act, Due, Fact, Kind, StateStep},
    local,
    pauses::{Stretch, Why, dates},
    state::State,
    view::view,
};
use proptest::prelude::*;

fn millis(at: &str) -> i64 {
    local::to_millis(at.parse().unwrap()).unwrap()
}

fn step(id: &str, to: State, after: &[&str], at: &str, pause: &str) -> Fact {
    let after = after.iter().map(ToString::to_string).collect();
    let act = Act { at: millis(at), ..Act::default() };
    let fields =
        StateStep { to: to.code(), after, pause: pause.into(), act, ..StateStep::default() };
    Fact::new(Kind::State, id.into(), &fields)
}

fn promised(at: &str) -> Fact {
    Fact::new(Kind::Due, "A".into(), &Due { at: millis(at), reason: String::new() })
}

/// The date in force.
fn in_force(facts: &[Fact]) -> DateTime {
    local::of_millis(view(facts).summary.due.unwrap()).unwrap()
}

fn day(text: &str) -> DateTime {
    text.parse().unwrap()
}

#[test]
fn two_offices_that_ask_at_once_pause_the_dossier_once() {
    let mut facts = vec![
        promised("2026-03-09T09:00"),
        step("A", State::Accepted, &[], "2026-03-02T09:00", ""),
        step("B", State::Supplement, &["A"], "2026-03-03T09:00", "stop_clock"),
        step("C", State::Supplement, &["A"], "2026-03-03T10:00", "stop_clock"),
        step("D", State::Accepted, &["B"], "2026-03-04T09:00", ""),
    ];
    assert_eq!(in_force(&facts), day("2026-03-10T09:00"), "the other one still waits");
    // Accepted here and waiting there: the more careful reading is that the clock runs.
    assert_eq!(view(&facts).summary.paused, None);
    assert_eq!(view(&facts).pauses[1].to, None);
    facts.push(step("E", State::Accepted, &["C", "D"], "2026-03-04T10:00", ""));
    // From 09:00 on the 3rd to 10:00 on the 4th: nine hours, not eight and eight.
    assert_eq!(in_force(&facts), day("2026-03-10T10:00"));
    assert_eq!(view(&facts).summary.paused, None);
    assert_eq!(view(&facts).dates.len(), 2);
}

#[test]
fn what_stood_before_reception_pauses_nothing() {
    let facts = [
        promised("2026-03-09T09:00"),
        step("A", State::Submitted, &[], "2026-02-27T09:00", ""),
        step("B", State::Supplement, &["A"], "2026-02-27T10:00", "stop_clock"),
        step("C", State::Submitted, &["B"], "2026-02-28T10:00", ""),
        step("D", State::Accepted, &["C"], "2026-03-02T09:00", ""),
    ];
    assert_eq!((in_force(&facts), view(&facts).pauses.len()), (day("2026-03-09T09:00"), 0));
}

#[test]
fn a_dossier_without_its_term_counts_on_where_another_would_begin_anew() {
    let facts = [
        promised("2026-03-09T09:00"),
        step("A", State::Accepted, &[], "2026-03-02T09:00", ""),
        step("B", State::Supplement, &["A"], "2026-03-03T09:00", "restart"),
        step("C", State::Accepted, &["B"], "2026-03-04T09:00", ""),
    ];
    assert_eq!(in_force(&facts), day("2026-03-10T09:00"));
}

#[test]
fn a_pause_whose_end_is_claimed_before_its_beginning_moves_nothing() {
    let facts = [
        promised("2026-03-09T09:00"),
        step("A", State::Accepted, &[], "2026-03-02T09:00", ""),
        step("B", State::Supplement, &["A"], "2026-03-04T09:00", "what is this"),
        step("C", State::Accepted, &["B"], "2026-03-03T09:00", ""),
    ];
    assert_eq!((in_force(&facts), view(&facts).summary.paused), (day("2026-03-09T09:00"), None));
    assert_eq!(view(&facts).pauses[0].to, Some(millis("2026-03-04T09:00")), "it ends at once");
}

#[test]
fn a_date_that_was_set_knows_the_pauses_before_it_and_moves_by_those_after() {
    let pause = |from: &str, to: &str| Stretch {
        step: from.into(),
        state: State::Supplement,
        model: Model::StopClock,
        from: millis(from),
        to: Some(millis(to)),
        asked: Act::default(),
        ended: None,
    };
    let pauses = [
        pause("2026-03-03T09:00", "2026-03-04T09:00"),
        pause("2026-03-06T09:00", "2026-03-06T10:00"),
    ];
    let set = Why::Set(millis("2026-03-05T08:00"), "chờ cơ quan khác".into());
    let stated = [(millis("2026-03-09T09:00"), Why::Promised), (millis("2026-03-12T15:00"), set)];
    let all = dates(calendar::usual(), None, &stated, &pauses);
    let at: Vec<DateTime> = all.iter().map(|date| local::of_millis(date.at).unwrap()).collect();
    let expected = ["2026-03-09T09:00", "2026-03-10T09:00", "2026-03-12T15:00", "2026-03-12T16:00"];
    assert_eq!(at, expected.map(day));
    // Of a wait in the middle of which it was set, what came before is in it already.
    let stated = &stated;
    let all =
        dates(calendar::usual(), None, stated, &[pause("2026-03-03T09:00", "2026-03-06T09:00")]);
    let last = local::of_millis(all[2].at).unwrap();
    assert_eq!((all.len(), last), (3, day("2026-03-13T16:00")), "nine hours, not 25");
}

#[test]
fn when_a_step_happened_lies_between_the_step_before_and_now() {
    let accepted = [step("A", State::Accepted, &[], "2026-03-02T09:00:30", "")];
    let made = |happened: &str| {
        let note = "thiếu giấy".into();
        let act = Act { at: millis("2026-03-02T10:00"), note, ..Act::default() };
        let happened = Some(millis(happened));
        let circumstances = Circumstances { pause: None, happened, ..Circumstances::default() };
        let action = move_under(&accepted, State::Supplement, circumstances, act)?;
        let id = "B".to_owned();
        let facts: Vec<Fact> =
            action.facts.into_iter().map(|draft| draft.with_id(id.clone())).collect();
        Ok::<_, ActionError>(facts[0].read::<StateStep>().unwrap())
    };
    let field = |happened: &str| match made(happened) {
        Err(ActionError::Invalid { field, why }) => (field, why),
        other => panic!("{happened}: {other:?}"),
    };
    assert_eq!(field("2026-03-02T10:00:01"), ("happened", "it is later than now"));
    assert_eq!(field("2026-03-02T08:59").0, "happened");
    // People write minutes: 09:00 is the minute in which it was accepted.
    assert_eq!(made("2026-03-02T09:00").unwrap().when(), millis("2026-03-02T09:00:30"));
    assert_eq!(made("2026-03-02T09:30").unwrap().when(), millis("2026-03-02T09:30"));
    assert_eq!(made("2026-03-02T09:30").unwrap().pause, "stop_clock", "the usual one is written");
}

#[test]
fn a_pause_is_said_only_of_a_step_that_begins_one() {
    let accepted = [step("A", State::Accepted, &[], "2026-03-02T09:00", "")];
    let act = Act { at: millis("2026-03-02T10:00"), ..Act::default() };
    let restart =
        Circumstances { pause: Some(Model::Restart), happened: None, ..Circumstances::default() };
    let refused =
        move_under(&accepted, State::InProcess, restart.clone(), act.clone()).unwrap_err();
    assert!(matches!(refused, ActionError::Invalid { field: "pause", .. }));
    let made = move_under(&accepted, State::Payment, restart, act).unwrap();
    let fact = made.facts[0].clone().with_id("B".into());
    assert_eq!(fact.read::<StateStep>().unwrap().pause, "restart");
}

proptest! {
    #[test]
    fn dates_from_facts_are_those_of_the_reckoning(
        begins in 0i64..300 * 86_400, days in 0u32..30,
        waits in prop::collection::vec((0i64..9 * 86_400, 0i64..9 * 86_400, any::<bool>()), 0..4)
    ) {
        let time = calendar::usual();
        let received: DateTime = day("2026-01-05T08:00").checked_add(begins.seconds()).unwrap();
        let term = Term::WorkingDays(days);
        let first = due(time, term, received, &[]).unwrap().at.unwrap();
        let (mut at, mut plain, mut stretches) = (received, Vec::new(), Vec::new());
        for (number, (after, lasts, restart)) in waits.into_iter().enumerate() {
            // One second apart, so that no two are the same wait.
            let from = at.checked_add((after + 1).seconds()).unwrap();
            let to = from.checked_add(lasts.seconds()).unwrap();
            let model = if restart { Model::Restart } else { Model::StopClock };
            plain.push(Pause { model, from, to });
            stretches.push(Stretch {
                step: number.to_string(),
                state: State::Supplement,
                model,
                from: local::to_millis(from).unwrap(),
                to: local::to_millis(to),
                asked: Act::default(),
                ended: None,
            });
            at = to;
        }
        let stated = [(local::to_millis(first).unwrap(), Why::Promised)];
        let found = dates(time, Some(term), &stated, &stretches);
        let last = found.last().and_then(|date| local::of_millis(date.at));
        prop_assert_eq!(last, due(time, term, received, &plain).unwrap().at);
        prop_assert!(found.is_sorted_by_key(|date| date.at));
    }
}
