//! Hand-overs inside an office: who has a dossier, and until when its step should take.
#![allow(clippy::unwrap_used, missing_docs)]

mod any_order;
mod deadlines;

use motcua_dossier::{
    action::{Action, ActionError},
    calendar,
    derive::Conflict,
    fact::{Act, Due, Fact, Forward, Kind, PassAnswer, StateStep, Taken},
    lists::{List, Listing, listing},
    local,
    process::{self, Addressee, Holding},
    state::State::{self, *},
    view::view,
};

const DESK: &str = "desk";
const OTHER: &str = "other";

fn at(text: &str) -> i64 {
    local::to_millis(text.parse().unwrap()).unwrap()
}

fn act(time: &str, office: &str, by: &str) -> Act {
    Act { at: at(time), by: by.into(), office: office.into(), ..Act::default() }
}

fn to(section: &str, person: &str) -> Addressee {
    let section_name = section.to_uppercase();
    Addressee {
        section: section.into(),
        section_name,
        person: person.into(),
        ..Addressee::default()
    }
}

/// Received at the desk on Monday, 2 March 2026, nine o'clock, by Lan; due a week later.
#[derive(Clone)]
struct Dossier(Vec<Fact>);

impl Dossier {
    fn received() -> Self {
        let due = Due { at: at("2026-03-09T09:00"), reason: String::new() };
        let mut dossier = Self(vec![Fact::new(Kind::Due, "due".into(), &due)]);
        dossier.step(Accepted, "2026-03-02T09:00");
        dossier
    }

    fn add(&mut self, kind: Kind, fields: &impl serde::Serialize) -> String {
        let id = format!("{:026}", self.0.len());
        self.0.push(Fact::new(kind, id.clone(), fields));
        id
    }

    fn step(&mut self, to: State, time: &str) {
        let after = view(&self.0).derived.heads;
        let act = act(time, DESK, "Lan");
        self.add(Kind::State, &StateStep { to: to.code(), after, act, ..StateStep::default() });
    }

    fn forwarded(&mut self, from: &str, to: &str, time: &str) {
        let act = act(time, from, "Lan");
        let forward = self
            .add(Kind::Forward, &Forward { to: to.into(), list: String::new(), act: act.clone() });
        let act = Act { office: to.into(), by: "Minh".into(), ..act };
        self.add(Kind::Taken, &Taken { forward, act });
    }

    fn wrote(&mut self, action: Action) -> String {
        let id = format!("{:026}", self.0.len());
        for (number, draft) in (self.0.len()..).zip(action.facts) {
            self.0.push(draft.with_id(format!("{number:026}")));
        }
        id
    }

    fn passed(&mut self, to: Addressee, time: &str, by: &str) -> String {
        let action = process::pass(&view(&self.0).derived, to, act(time, DESK, by)).unwrap();
        self.wrote(action)
    }

    fn took(&mut self, time: &str, by: &str) {
        let action = process::take_pass(&view(&self.0).derived, act(time, DESK, by)).unwrap();
        self.wrote(action);
    }

    fn refused(&mut self, time: &str, by: &str, note: &str) -> Result<(), ActionError> {
        let act = Act { note: note.into(), ..act(time, DESK, by) };
        let action = process::refuse_pass(&view(&self.0).derived, act)?;
        self.wrote(action);
        Ok(())
    }

    fn held(&self) -> Vec<Holding> {
        let derived = view(&self.0).derived;
        process::holdings(&derived.hand_overs, &derived.passings, DESK)
    }

    /// Person, section, since when, and whether it waits to be taken.
    fn with(&self) -> Vec<(String, String, i64, bool)> {
        let held = self.held().into_iter();
        held.map(|one| (one.person, one.section, one.since, one.waiting)).collect()
    }

    fn listed(&self, office: &str) -> Listing {
        listing(&view(&self.0), office, calendar::usual())
    }
}

fn with(person: &str, section: &str, since: &str, waiting: bool) -> (String, String, i64, bool) {
    (person.into(), section.into(), at(since), waiting)
}

#[test]
fn what_was_given_waits_with_its_age_until_somebody_takes_it() {
    let mut dossier = Dossier::received();
    assert_eq!(dossier.held(), []);
    assert_eq!(dossier.listed(DESK).about.owner, "Lan", "who acted last");
    dossier.passed(to("tu-phap", ""), "2026-03-02T09:30", "Lan");
    assert_eq!(dossier.with(), [with("", "tu-phap", "2026-03-02T09:30", true)]);
    let about = dossier.listed(DESK).about;
    assert_eq!((about.owner.as_str(), about.section.as_str()), ("", "TU-PHAP"));
    assert_eq!(about.untaken, Some(at("2026-03-02T09:30")));

    dossier.took("2026-03-02T14:00", "Minh");
    assert_eq!(dossier.with(), [with("Minh", "tu-phap", "2026-03-02T14:00", false)]);
    let about = dossier.listed(DESK).about;
    assert_eq!((about.owner.as_str(), about.untaken), ("Minh", None));
    assert!(about.is_of("Minh") && !about.is_of("Lan"));
    // What somebody else does with it does not move it.
    dossier.step(InProcess, "2026-03-02T15:00");
    assert_eq!(dossier.listed(DESK).about.owner, "Minh");
    assert_eq!(view(&dossier.0).derived.conflicts, []);
}

#[test]
fn what_was_refused_is_with_its_giver_again() {
    let mut dossier = Dossier::received();
    dossier.passed(to("tu-phap", "Minh"), "2026-03-02T09:30", "Lan");
    dossier.took("2026-03-02T10:00", "Minh");
    dossier.passed(to("lanh-dao", "Hoa"), "2026-03-02T11:00", "Minh");
    assert_eq!(
        dossier.refused("2026-03-02T13:30", "Hoa", "  "),
        Err(ActionError::Missing { field: "note" })
    );
    dossier.refused("2026-03-02T13:30", "Hoa", "thiếu tờ trình").unwrap();
    assert_eq!(dossier.with(), [with("Minh", "tu-phap", "2026-03-02T11:00", false)]);
    assert_eq!(dossier.listed(DESK).about.owner, "Minh");
    // Refused twice in a row: still with the one who gave.
    dossier.passed(to("lanh-dao", "Hoa"), "2026-03-02T14:00", "Minh");
    dossier.refused("2026-03-02T14:30", "Hoa", "vẫn thiếu").unwrap();
    assert_eq!(dossier.with(), [with("Minh", "tu-phap", "2026-03-02T14:00", false)]);
    let nothing = process::take_pass(&view(&dossier.0).derived, act("2026-03-02T15:00", DESK, "x"));
    assert_eq!(nothing, Err(ActionError::NothingToTake));
}

#[test]
fn two_at_once_are_shown_until_somebody_who_sees_both_gives_it_on() {
    let start = Dossier::received();
    let (mut one, mut two) = (start.clone(), start.clone());
    one.passed(to("tu-phap", "Minh"), "2026-03-02T09:30", "Lan");
    // Made on another machine without seeing the first.
    two.0.push(Fact::new(Kind::Note, "filler".into(), &"x"));
    two.passed(to("dia-chinh", "Hoa"), "2026-03-02T09:40", "Tuấn");
    let mut both = one.clone();
    both.0.push(two.0.last().unwrap().clone());
    let expected = [
        with("Hoa", "dia-chinh", "2026-03-02T09:40", true),
        with("Minh", "tu-phap", "2026-03-02T09:30", true),
    ];
    assert_eq!(both.with(), expected);
    let named = vec!["Hoa, DIA-CHINH".to_owned(), "Minh, TU-PHAP".to_owned()];
    assert_eq!(view(&both.0).derived.conflicts, [Conflict::Passes(named)]);
    assert!(view(&both.0).summary.conflict);
    let about = both.listed(DESK).about;
    assert!(about.is_of("Hoa") && about.is_of("Minh"), "it stands in the list of either");

    both.passed(to("tu-phap", "Minh"), "2026-03-02T10:00", "Lan");
    assert_eq!(both.with(), [with("Minh", "tu-phap", "2026-03-02T10:00", true)]);
    assert_eq!(view(&both.0).derived.conflicts, []);
}

#[test]
fn a_double_press_is_no_conflict_and_an_answer_by_two_people_is_one() {
    let mut one = Dossier::received();
    let mut two = one.clone();
    one.passed(to("tu-phap", "Minh"), "2026-03-02T09:30", "Lan");
    two.0.push(Fact::new(Kind::Note, "filler".into(), &"x"));
    two.passed(to("tu-phap", "Minh"), "2026-03-02T09:31", "Lan");
    one.0.push(two.0.last().unwrap().clone());
    assert_eq!(one.held().len(), 1);
    assert_eq!(view(&one.0).derived.conflicts, []);
    one.took("2026-03-02T10:00", "Minh");
    assert_eq!(one.with(), [with("Minh", "tu-phap", "2026-03-02T10:00", false)], "both at once");

    let mut shared = Dossier::received();
    let pass = shared.passed(to("tu-phap", ""), "2026-03-02T09:30", "Lan");
    for by in ["Minh", "Hoa"] {
        let act = act("2026-03-02T10:00", DESK, by);
        shared.add(Kind::PassTaken, &PassAnswer { pass: pass.clone(), act });
    }
    assert_eq!(shared.held().len(), 2);
    assert!(matches!(view(&shared.0).derived.conflicts[..], [Conflict::Passes(_)]));
}

#[test]
fn what_was_given_inside_before_it_left_says_nothing_of_where_it_is_after_it_came_back() {
    let mut dossier = Dossier::received();
    dossier.passed(to("tu-phap", "Minh"), "2026-03-02T09:30", "Lan");
    dossier.took("2026-03-02T10:00", "Minh");
    dossier.forwarded(DESK, OTHER, "2026-03-02T11:00");
    let away = dossier.listed(DESK);
    assert_eq!((away.about.place.as_str(), away.about.owner.as_str()), (OTHER, "Minh"));
    let refused = process::pass(
        &view(&dossier.0).derived,
        to("tu-phap", "Hoa"),
        act("2026-03-02T12:00", DESK, "Lan"),
    );
    assert_eq!(refused, Err(ActionError::NotHere));
    dossier.forwarded(OTHER, DESK, "2026-03-03T09:00");
    assert_eq!(dossier.held(), [], "nothing was given inside since");
    dossier.passed(to("dia-chinh", "Hoa"), "2026-03-03T09:30", "Lan");
    assert_eq!(dossier.with(), [with("Hoa", "dia-chinh", "2026-03-03T09:30", true)]);
    assert_eq!(view(&dossier.0).derived.conflicts, []);
}

#[test]
fn who_does_not_have_it_gives_nothing_and_nothing_is_given_to_nobody() {
    let mut dossier = Dossier::received();
    let give = |dossier: &Dossier, to: Addressee, office: &str| {
        process::pass(&view(&dossier.0).derived, to, act("2026-03-02T10:00", office, "Lan"))
            .map(|_| ())
    };
    assert_eq!(give(&dossier, to("a", ""), OTHER), Err(ActionError::NotHere));
    assert_eq!(give(&dossier, to("", " "), DESK), Err(ActionError::Missing { field: "section" }));
    let bad = give(&dossier, to("Phòng", ""), DESK);
    assert!(matches!(bad, Err(ActionError::Invalid { field: "section", .. })));
    dossier.passed(to("a", "Minh"), "2026-03-02T09:30", "Lan");
    let again = give(&dossier, to("a", "Minh"), DESK);
    assert!(matches!(again, Err(ActionError::Invalid { field: "person", .. })));
    // Given by mistake, and not taken: it is given elsewhere.
    assert_eq!(give(&dossier, to("b", ""), DESK), Ok(()));

    // Forwarded to this office and not confirmed: first that.
    let act_of = act("2026-03-02T11:00", OTHER, "Minh");
    dossier.forwarded(DESK, OTHER, "2026-03-02T10:30");
    dossier.add(Kind::Forward, &Forward { to: DESK.into(), list: String::new(), act: act_of });
    assert_eq!(give(&dossier, to("b", ""), DESK), Err(ActionError::NotHere));

    let mut done = Dossier::received();
    for state in [InProcess, Finished] {
        done.step(state, "2026-03-02T10:00");
    }
    assert_eq!(give(&done, to("a", ""), DESK), Ok(()), "the result goes to the desk");
    done.step(Returned, "2026-03-02T11:00");
    assert_eq!(give(&done, to("a", ""), DESK), Err(ActionError::NothingToPass));
}

#[test]
fn a_pass_leaves_a_dossier_in_its_one_list() {
    let mut dossier = Dossier::received();
    let before = dossier.listed(DESK);
    dossier.passed(to("tu-phap", "Minh"), "2026-03-02T09:30", "Lan");
    let after = dossier.listed(DESK);
    assert_eq!((before.shelf, before.order), (after.shelf, after.order));
    assert_eq!(after.list(at("2026-03-03T09:00")), List::InWork);
}

#[test]
fn the_telephone_of_the_section_stands_in_the_list() {
    let mut dossier = Dossier::received();
    let addressee = Addressee { phone: "028 3855 0000".into(), ..to("tu-phap", "Minh") };
    dossier.passed(addressee, "2026-03-02T09:30", "Lan");
    assert_eq!(dossier.listed(DESK).about.phone, "028 3855 0000");
    assert_eq!(dossier.listed(OTHER).about.phone, "028 3855 0000", "as every office sees it");
}
