//! Deadlines of steps.

use super::{DESK, Dossier, OTHER, act, at, to};
use motcua_dossier::{
    calendar,
    fact::{Kind, Pass},
    process::{Addressee, Leg, Outcome, Table, legs},
    state::State::*,
    view::view,
};

const STEPS: &str =
    "procedure,version,valid_from,valid_until,step,section,section_name,role,hours,source
,1,2018-06-21,2026-03-02,1,mot-cua,A,reception,2,x
,1,2018-06-21,2026-03-02,2,tu-phap,B,specialist,14,x
,2,2026-03-03,,1,mot-cua,A,reception,1,x
";

fn turns(dossier: &Dossier) -> Vec<Leg> {
    let shown = view(&dossier.0);
    let table = Table::read(STEPS).unwrap();
    let process = table.in_force("1.1", "2026-03-02".parse().unwrap());
    legs(&shown, process, calendar::usual())
}

fn timed(section: &str, step: u32, hours: u32) -> Addressee {
    Addressee { step, minutes: Some(hours * 60), ..to(section, "Minh") }
}

/// Given at ten on Monday for fourteen working hours: until eight on Wednesday.
fn given() -> Dossier {
    let mut dossier = Dossier::received();
    dossier.passed(timed("tu-phap", 2, 14), "2026-03-02T10:00", "Lan");
    dossier.took("2026-03-03T16:00", "Minh");
    dossier
}

#[test]
fn a_turn_runs_from_being_given_until_it_is_given_on() {
    let mut dossier = given();
    let all = turns(&dossier);
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].step, all[0].minutes), (1, Some(120)));
    assert_eq!((all[0].from, all[0].to), (at("2026-03-02T09:00"), Some(at("2026-03-02T10:00"))));
    // Eleven o'clock was its deadline, and it was the same day.
    assert_eq!((all[0].due, all[0].outcome), (Some(at("2026-03-02T11:00")), Some(Outcome::OnTime)));
    // Taken only on Tuesday at four, which gains nothing.
    assert_eq!((all[1].from, all[1].due), (at("2026-03-02T10:00"), Some(at("2026-03-04T08:00"))));
    assert_eq!((all[1].to, all[1].outcome), (None, None));
    for (ended, outcome) in [
        ("2026-03-03T17:00", Outcome::Early),
        ("2026-03-04T08:00", Outcome::OnTime),
        ("2026-03-04T08:01", Outcome::Late),
    ] {
        let mut dossier = dossier.clone();
        dossier.passed(to("lanh-dao", "Hoa"), ended, "Minh");
        let all = turns(&dossier);
        assert_eq!((all[1].to, all[1].outcome), (Some(at(ended)), Some(outcome)), "{ended}");
        assert_eq!((all[2].due, all[2].outcome), (None, None), "no hours are known of it");
    }
    dossier.step(InProcess, "2026-03-03T16:30");
    dossier.step(Finished, "2026-03-04T09:00");
    assert_eq!(turns(&dossier)[1].outcome, Some(Outcome::Late), "finished ends it as well");
    let mut forwarded = given();
    forwarded.forwarded(DESK, OTHER, "2026-03-03T16:30");
    assert_eq!(turns(&forwarded)[1].to, Some(at("2026-03-03T16:30")));
}

#[test]
fn a_pause_stands_the_clock_of_a_step_still_as_far_as_it_lies_within_it() {
    let mut dossier = given();
    dossier.step(InProcess, "2026-03-03T16:00");
    dossier.step(Supplement, "2026-03-03T16:30");
    assert_eq!(turns(&dossier)[1].due, Some(at("2026-03-04T08:00")), "an open one moves nothing");
    let mut back = dossier.clone();
    // One hour of it was left on Tuesday at half past four.
    back.step(InProcess, "2026-03-05T08:00");
    assert_eq!(turns(&back)[1].due, Some(at("2026-03-05T09:00")));
    // Given on while it stood still: on time, and the next step is moved by the rest only.
    dossier.passed(timed("lanh-dao", 3, 1), "2026-03-04T09:00", "Minh");
    dossier.step(InProcess, "2026-03-05T08:00");
    let all = turns(&dossier);
    assert_eq!((all[1].due, all[1].outcome), (Some(at("2026-03-04T10:00")), Some(Outcome::OnTime)));
    assert_eq!(all[2].due, Some(at("2026-03-05T09:00")));
}

#[test]
fn what_was_refused_was_with_its_giver_all_the_time() {
    let mut dossier = given();
    dossier.passed(timed("lanh-dao", 3, 1), "2026-03-03T17:00", "Minh");
    dossier.refused("2026-03-04T09:00", "Hoa", "thiếu tờ trình").unwrap();
    let all = turns(&dossier);
    assert_eq!(all[1].to, None, "the specialist has it still");
    assert_eq!((all[2].to, all[2].due), (Some(at("2026-03-04T09:00")), None));
    dossier.passed(timed("lanh-dao", 3, 1), "2026-03-04T10:00", "Minh");
    let all = turns(&dossier);
    assert_eq!((all[1].to, all[1].outcome), (Some(at("2026-03-04T10:00")), Some(Outcome::Late)));
    assert_eq!(all[3].due, Some(at("2026-03-04T11:00")));
}

#[test]
fn the_minutes_that_were_promised_stay_whatever_the_file_says_later() {
    let dossier = given();
    let shown = view(&dossier.0);
    let later = Table::read(STEPS).unwrap();
    let later = later.in_force("1.1", "2026-03-03".parse().unwrap());
    let all = legs(&shown, later, calendar::usual());
    assert_eq!(all[1].due, Some(at("2026-03-04T08:00")));
    assert_eq!(all[0].minutes, Some(60), "the first is that of the version it is asked with");
    assert_eq!(legs(&shown, None, calendar::usual())[0].minutes, None);
}

#[test]
fn clocks_that_go_wrong_end_nothing_before_it_began() {
    let mut dossier = given();
    let after = view(&dossier.0).derived.passings[0].id.clone();
    let fields = Pass {
        after: vec![after],
        section: "b".into(),
        minutes: Some(60),
        act: act("2026-03-01T10:00", DESK, "Minh"),
        ..Pass::default()
    };
    dossier.add(Kind::Pass, &fields);
    let mut beyond = fields;
    beyond.act.at = i64::MAX;
    beyond.minutes = Some(u32::MAX);
    dossier.add(Kind::Pass, &beyond);
    for leg in turns(&dossier) {
        assert!(leg.to.is_none_or(|to| to >= leg.from), "{leg:?}");
    }
}
