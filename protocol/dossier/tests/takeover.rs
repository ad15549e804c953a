//! Dossiers that come from a list.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::id::OfficeId;
use motcua_dossier::{
    action::{Registration, take_over},
    fact::{Act, Applicant, Fact, Kind, Origin, Request},
    state::State,
    view::{View, view},
};

fn taken_over(state: State, code: &str) -> (Vec<Fact>, View) {
    let registration = Registration {
        applicant: Applicant { name: "Lê Mẫu An".into(), ..Applicant::default() },
        request: Request::default(),
        papers: Vec::new(),
        due: Some(9),
        code: code.into(),
    };
    let act = Act { at: 5, by: "clerk".into(), ..Act::default() };
    let origin = Origin { row: 12, keys: vec!["0a".into()], ..Origin::default() };
    let action = take_over(registration, state, &origin, act, OfficeId::ZERO).unwrap();
    let facts = action.facts.into_iter().enumerate();
    let facts: Vec<Fact> = facts.map(|(at, fact)| fact.with_id(format!("{at:02}"))).collect();
    let view = view(&facts);
    (facts, view)
}

#[test]
fn it_begins_in_its_state_at_its_time_and_says_where_it_came_from() {
    for state in State::ALL.into_iter().filter(|state| *state != State::Submitted) {
        let (facts, view) = taken_over(state, "H29.30.05-261125-0001");
        assert_eq!((view.derived.state, view.summary.received), (state, Some(5)), "{state:?}");
        assert_eq!(view.derived.conflicts, []);
        assert_eq!(view.dates.first().map(|date| date.at), Some(9));
        let origin = facts.iter().find(|fact| fact.kind == Kind::Origin).unwrap();
        assert_eq!(origin.read::<Origin>().unwrap().row, 12);
    }
}

#[test]
fn what_was_never_received_has_no_time_and_what_had_no_code_gets_none() {
    let (facts, view) = taken_over(State::Submitted, "");
    assert_eq!((view.summary.received, view.summary.code.as_str()), (None, ""));
    assert!(facts.iter().all(|fact| fact.kind != Kind::Code));
}
