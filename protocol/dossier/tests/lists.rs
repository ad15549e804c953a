//! In which list of an office a dossier is.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_dossier::{
    calendar,
    fact::{Act, Due, Fact, Forward, Kind, StateStep, Taken},
    lists::{About, List, Listing, NO_DATE, listing},
    local,
    state::State::{self, *},
    view::view,
};

const DESK: &str = "desk";
const OTHER: &str = "other";
const THIRD: &str = "third";

fn at(text: &str) -> i64 {
    local::to_millis(text.parse().unwrap()).unwrap()
}

fn act(time: &str, office: &str, by: &str) -> Act {
    Act { at: at(time), by: by.into(), office: office.into(), ..Act::default() }
}

/// A dossier that is received at the desk on Monday, 2 March 2026, nine o'clock, and due a week later.
struct Dossier(Vec<Fact>);

impl Dossier {
    fn received() -> Self {
        let due = Due { at: at("2026-03-09T09:00"), reason: String::new() };
        let mut dossier = Self(vec![Fact::new(Kind::Due, "due".into(), &due)]);
        dossier.step(Accepted, "2026-03-02T09:00", DESK, "Lan");
        dossier
    }

    fn add(&mut self, kind: Kind, fields: &impl serde::Serialize) -> String {
        let id = format!("{:026}", self.0.len());
        self.0.push(Fact::new(kind, id.clone(), fields));
        id
    }

    fn step(&mut self, to: State, time: &str, office: &str, by: &str) {
        let after = view(&self.0).derived.heads;
        let fields =
            StateStep { to: to.code(), after, act: act(time, office, by), ..StateStep::default() };
        self.add(Kind::State, &fields);
    }

    fn given(&mut self, from: &str, to: &str, time: &str) -> String {
        self.add(
            Kind::Forward,
            &Forward { to: to.into(), list: String::new(), act: act(time, from, "Lan") },
        )
    }

    fn taken(&mut self, forward: &str, office: &str, time: &str) {
        let act = act(time, office, "Minh");
        self.add(Kind::Taken, &Taken { forward: forward.into(), act });
    }

    fn at(&self, office: &str) -> Listing {
        listing(&view(&self.0), office, calendar::usual())
    }

    /// Its lists at the desk, the other office and a third, on the evening of the 3rd of March.
    fn lists(&self) -> [List; 3] {
        [DESK, OTHER, THIRD].map(|office| self.at(office).list(at("2026-03-03T18:00")))
    }
}

#[test]
fn a_received_dossier_is_in_work_then_due_today_then_overdue() {
    let dossier = Dossier::received();
    let filed = dossier.at(DESK);
    assert_eq!(filed.list(at("2026-03-08T23:59:59")), List::InWork);
    assert_eq!(filed.list(at("2026-03-09T00:00")), List::DueToday);
    assert_eq!(filed.list(at("2026-03-09T09:00")), List::DueToday);
    assert_eq!(filed.list(at("2026-03-09T09:00") + 1), List::Overdue);
    let since = at("2026-03-02T09:00");
    let about = About { owner: "Lan".into(), place: DESK.into(), since, ..About::default() };
    assert_eq!(filed.about, about);
}

#[test]
fn a_dossier_without_a_date_is_in_work_behind_all_others() {
    let mut dossier = Dossier::received();
    dossier.0.remove(0);
    let filed = dossier.at(DESK);
    assert_eq!((filed.order, filed.list(NO_DATE - 1)), (NO_DATE, List::InWork));
}

#[test]
fn what_was_given_is_to_be_accepted_there_within_a_working_day_and_then_in_work() {
    let mut dossier = Dossier::received();
    // On a Friday at four: the working day ends on Monday at four.
    let forward = dossier.given(DESK, OTHER, "2026-03-06T16:00");
    let there = dossier.at(OTHER);
    assert_eq!(there.about.accept_by, Some(at("2026-03-09T16:00")));
    assert_eq!((there.order, there.about.since), (at("2026-03-09T16:00"), at("2026-03-06T16:00")));
    assert_eq!(there.about.owner, "", "nobody there has acted");
    assert_eq!(dossier.lists()[..2], [List::OtherOffice, List::ToAccept]);
    assert_eq!(dossier.at(DESK).about.place, OTHER);

    dossier.taken(&forward, OTHER, "2026-03-09T08:00");
    assert_eq!(dossier.lists()[..2], [List::OtherOffice, List::InWork]);
    let there = dossier.at(OTHER).about;
    assert_eq!((there.owner.as_str(), there.since), ("Minh", at("2026-03-09T08:00")));
    assert_eq!(dossier.at(DESK).about.owner, "Minh", "the desk sees who has it there");
}

#[test]
fn eight_working_hours_are_the_time_to_accept_of_what_came_under_the_earlier_rule() {
    let mut dossier = Dossier::received();
    dossier.given(DESK, OTHER, "2025-06-30T16:00");
    assert_eq!(dossier.at(OTHER).about.accept_by, Some(at("2025-07-01T16:00")));
    dossier.given(OTHER, THIRD, "2017-01-04T16:00");
    let third = dossier.at(THIRD);
    assert_eq!((third.about.accept_by, third.order), (None, at("2017-01-04T16:00")));
}

#[test]
fn the_citizen_is_waited_for_where_it_is_and_at_the_desk() {
    for state in [Supplement, Payment, Stopped] {
        let mut dossier = Dossier::received();
        let forward = dossier.given(DESK, OTHER, "2026-03-02T10:00");
        dossier.taken(&forward, OTHER, "2026-03-02T11:00");
        dossier.step(state, "2026-03-03T09:00", OTHER, "Minh");
        assert_eq!(dossier.lists(), [List::Citizen, List::Citizen, List::OtherOffice], "{state:?}");
        assert_eq!(dossier.at(DESK).order, at("2026-03-03T09:00"), "who waits longest comes first");
    }
}

#[test]
fn a_result_is_at_the_desk_and_where_it_is_held_and_done_everywhere_once_it_is_returned() {
    let mut dossier = Dossier::received();
    for (from, to) in [(DESK, THIRD), (THIRD, OTHER)] {
        let forward = dossier.given(from, to, "2026-03-02T10:00");
        dossier.taken(&forward, to, "2026-03-02T11:00");
    }
    dossier.step(InProcess, "2026-03-02T12:00", OTHER, "Minh");
    assert_eq!(dossier.lists(), [List::OtherOffice, List::InWork, List::OtherOffice]);
    dossier.step(Finished, "2026-03-03T12:00", OTHER, "Minh");
    assert_eq!(dossier.lists(), [List::Result, List::Result, List::Closed]);
    // Given back to the desk, which has to confirm that it has it.
    let back = dossier.given(OTHER, DESK, "2026-03-03T14:00");
    assert_eq!(dossier.lists(), [List::ToAccept, List::Closed, List::Closed]);
    dossier.taken(&back, DESK, "2026-03-03T15:00");
    assert_eq!(dossier.lists(), [List::Result, List::Closed, List::Closed]);
    dossier.step(Returned, "2026-03-03T16:00", DESK, "Lan");
    assert_eq!(dossier.lists(), [List::Closed; 3]);
    let mut later = Dossier::received();
    later.step(Refused, "2026-03-04T09:00", DESK, "Lan");
    assert!(later.at(DESK).order < dossier.at(DESK).order, "the newest of what is closed first");
}

#[test]
fn what_was_filed_online_is_to_be_accepted_where_it_was_filed() {
    let mut dossier = Dossier(vec![]);
    dossier.step(Submitted, "2026-03-02T18:00", DESK, "Cổng dịch vụ công");
    let filed = dossier.at(DESK);
    // In the evening: it counts from the next opening.
    assert_eq!(filed.about.accept_by, Some(at("2026-03-04T07:30")));
    assert_eq!(filed.list(0), List::ToAccept);
}

#[test]
fn what_was_given_on_unconfirmed_is_not_waited_for_here_any_more() {
    let mut dossier = Dossier::received();
    dossier.given(DESK, OTHER, "2026-03-02T10:00");
    dossier.given(OTHER, THIRD, "2026-03-02T11:00");
    assert_eq!(dossier.lists(), [List::OtherOffice, List::OtherOffice, List::ToAccept]);
}

#[test]
fn a_dossier_of_which_nobody_says_where_it_is_is_in_work_here() {
    let facts = [Fact::new(Kind::State, "A".into(), &StateStep { to: 4, ..StateStep::default() })];
    let filed = listing(&view(&facts), OTHER, calendar::usual());
    assert_eq!((filed.list(0), filed.about.place.as_str()), (List::InWork, OTHER));
    assert_eq!(listing(&view(&[]), OTHER, calendar::usual()).list(0), List::ToAccept);
}
