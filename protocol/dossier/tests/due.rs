//! Promised dates beside the vectors: a pause over a weekend and a holiday, and what must hold of every
//! term.
#![allow(clippy::unwrap_used, missing_docs)]

use jiff::{ToSpan, civil::DateTime};
use motcua_dossier::{
    calendar::{Calendar, CalendarError, CalendarFile, OfficeFile, WorkTime},
    due::{DueError, Model, Pause, Term, due},
};
use proptest::prelude::*;

fn usual() -> WorkTime {
    WorkTime::usual(Calendar::vietnam())
}

#[test]
fn a_term_that_cannot_be_is_refused_and_never_becomes_a_date() {
    for (unit, n) in [
        ("working_days", None),
        ("working_days", Some(1.5)),
        ("working_days", Some(1e300)),
        ("calendar_days", Some(f64::NAN)),
        ("calendar_days", Some(f64::INFINITY)),
        ("working_hours", Some(-0.5)),
        ("working_hours", Some(0.001)),
        ("weeks", Some(1.0)),
        ("", None),
    ] {
        let refused = Term::read(unit, n);
        assert!(matches!(refused, Err(DueError::Term { .. })), "{unit} {n:?}: {refused:?}");
    }
    assert_eq!(Term::read("working_hours", Some(0.1)), Ok(Term::WorkingMinutes(6)));
    assert_eq!(Term::read("same_day", None), Ok(Term::SameDay));
}

#[test]
fn a_calendar_that_cannot_be_names_its_fault() {
    let file = |text: &str| serde_json::from_str::<CalendarFile>(text).unwrap().read(|_| None);
    let fault = |text| file(text).unwrap_err().to_string();
    assert_eq!(
        fault(r#"{"dates":[{"date":"2026-02-30","kind":"off"}]}"#),
        "“2026-02-30” is no date of the calendar"
    );
    assert_eq!(
        fault(r#"{"dates":[{"date":"2026-02-03","kind":"half"}]}"#),
        "2026-02-03: “half” is neither off nor worked"
    );
    assert_eq!(
        fault(
            r#"{"dates":[{"date":"2026-02-03","kind":"off"},{"date":"2026-02-03","kind":"off"}]}"#
        ),
        "2026-02-03 stands there twice"
    );
    assert!(matches!(file(r#"{"extends":"mars"}"#), Err(CalendarError::Unknown { .. })));
    let office = |text: &str| {
        let office: OfficeFile = serde_json::from_str(text).unwrap();
        WorkTime::of_office(Calendar::vietnam(), &office).map_err(|error| error.to_string())
    };
    for (hours, said) in [
        (r#"[["11:30","07:30"]]"#, "runs backwards"),
        (r#"[["07:30","11:30"],["11:00","17:00"]]"#, "overlap"),
        (r#"[["07:30","24:30"]]"#, "no time of day"),
        (r#"[["7:30","11:30"]]"#, "no time of day"),
    ] {
        let error = office(&format!(r#"{{"hours":{hours}}}"#)).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    // Hours that touch, in any order, and work until midnight.
    let night = office(r#"{"hours":[["13:00","24:00"],["07:30","13:00"]]}"#).unwrap();
    let late = due(&night, Term::SameDay, "2026-03-10T09:00".parse().unwrap(), &[]).unwrap();
    assert_eq!(late.at, Some("2026-03-11T00:00".parse().unwrap()));
}

#[test]
fn an_office_that_never_works_promises_nothing() {
    let office: OfficeFile = serde_json::from_str(r#"{"hours":[]}"#).unwrap();
    let time = WorkTime::of_office(Calendar::vietnam(), &office).unwrap();
    let at = "2026-03-10T09:00".parse().unwrap();
    for term in
        [Term::WorkingDays(0), Term::CalendarDays(1), Term::WorkingMinutes(1), Term::SameDay]
    {
        assert_eq!(due(&time, term, at, &[]), Err(DueError::NoWorkingTime), "{term:?}");
    }
    assert_eq!(due(&time, Term::None, at, &[]).unwrap().at, None);
    // At the very end of the calendar there is no next day either.
    let last = DateTime::MAX;
    assert_eq!(due(&usual(), Term::WorkingDays(1), last, &[]), Err(DueError::NoWorkingTime));
}

fn instants() -> impl Strategy<Value = DateTime> {
    (0i64..3 * 366 * 86_400).prop_map(|second| {
        let start: DateTime = "2025-01-01T00:00".parse().unwrap();
        start.checked_add(second.seconds()).unwrap()
    })
}

fn terms() -> impl Strategy<Value = Term> {
    prop_oneof![
        (0u32..70).prop_map(Term::WorkingDays),
        (0u32..70).prop_map(Term::CalendarDays),
        (0u32..5_000).prop_map(Term::WorkingMinutes),
        Just(Term::SameDay),
    ]
}

proptest! {
    #[test]
    fn walking_takes_as_long_as_was_walked(at in instants(), seconds in 1u64..400_000) {
        let time = usual();
        let there = time.walk(at, seconds).unwrap();
        prop_assert_eq!(time.between(at, there), seconds);
    }

    #[test]
    fn a_date_is_in_working_time_and_who_comes_later_is_not_served_earlier(
        first in instants(), second in instants(), term in terms()
    ) {
        let time = usual();
        let (first, second) = (first.min(second), first.max(second));
        let at = |received| due(&time, term, received, &[]).unwrap().at.unwrap();
        let (one, two) = (at(first), at(second));
        prop_assert!(one <= two, "{one} after {two}");
        prop_assert!(first <= one);
        let worked = time.next_instant(one) == Some(one) || time.close(one.date()) == Some(one)
            || time.intervals(one.date()).iter().any(|interval| {
                let end = one.date().to_datetime(jiff::civil::Time::midnight());
                end.checked_add(i64::from(interval.end).seconds()).unwrap() == one
            });
        prop_assert!(worked, "{one} is outside of working time");
    }

    #[test]
    fn a_pause_never_brings_a_date_forward_and_none_at_all_changes_nothing(
        received in instants(), term in terms(),
        begins in 0i64..40 * 86_400, lasts in 0i64..40 * 86_400, restart in any::<bool>()
    ) {
        let time = usual();
        let model = if restart { Model::Restart } else { Model::StopClock };
        let from = received.checked_add(begins.seconds()).unwrap();
        let to = from.checked_add(lasts.seconds()).unwrap();
        let plain = due(&time, term, received, &[]).unwrap().at.unwrap();
        let paused = due(&time, term, received, &[Pause { model, from, to }]).unwrap().at.unwrap();
        prop_assert!(paused >= plain);
        if model == Model::StopClock && time.between(from, to) == 0 && time.next_instant(from) == Some(from) {
            prop_assert!(time.between(plain, paused) == 0, "{plain} became {paused}");
        }
    }
}
