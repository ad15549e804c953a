//! What is asked of a step where it is made, and what is said of one that came from elsewhere.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_dossier::{
    action::{Action, ActionError, Circumstances, move_under},
    fact::{Act, Due, Extension, Fact, Forward, Kind, StateStep},
    local,
    pauses::Why,
    state::State::{self, *},
    steps::{Fault, extend, faults, may_extend, moves},
    view::view,
};

const DESK: &str = "desk";
const OTHER: &str = "other";
const STRANGER: &str = "stranger";

fn at(text: &str) -> i64 {
    local::to_millis(text.parse().unwrap()).unwrap()
}

fn act(time: &str, office: &str, note: &str) -> Act {
    let (by, office, note) = ("Lan".into(), office.into(), note.into());
    Act { at: at(time), by, office, note, ..Act::default() }
}

/// Received at the desk, due on 9 March, in work.
struct Dossier(Vec<Fact>);

impl Dossier {
    fn in_work() -> Self {
        let due = Due { at: at("2026-03-09T09:00"), reason: String::new() };
        let mut dossier = Self(vec![Fact::new(Kind::Due, "due".into(), &due)]);
        dossier.came(Accepted, "2026-03-02T09:00", DESK, "");
        dossier.came(InProcess, "2026-03-02T10:00", DESK, "");
        dossier
    }

    fn add(&mut self, kind: Kind, fields: &impl serde::Serialize) -> String {
        let id = format!("{:026}", self.0.len());
        self.0.push(Fact::new(kind, id.clone(), fields));
        id
    }

    /// A step as it comes from elsewhere.
    fn came(&mut self, to: State, time: &str, office: &str, note: &str) -> String {
        let after = view(&self.0).derived.heads;
        let act = act(time, office, note);
        self.add(Kind::State, &StateStep { to: to.code(), after, act, ..StateStep::default() })
    }

    fn made(&self, to: State, office: &str, note: &str) -> Result<StateStep, ActionError> {
        let act = act("2026-03-03T09:00", office, note);
        let action = move_under(&self.0, to, Circumstances::default(), act)?;
        Ok(action.facts[0].clone().with_id("made".into()).read().unwrap())
    }

    fn wrote(&mut self, action: Action) {
        for draft in action.facts {
            let id = format!("{:026}", self.0.len());
            self.0.push(draft.with_id(id));
        }
    }

    fn extended(&mut self, until: &str, time: &str) -> Result<(), ActionError> {
        let action = extend(&self.0, at(until), act(time, DESK, "chờ cơ quan thuế"))?;
        self.wrote(action);
        Ok(())
    }
}

#[test]
fn a_reason_is_asked_for_where_the_step_is_made() {
    let dossier = Dossier::in_work();
    for to in [Supplement, Stopped] {
        assert_eq!(dossier.made(to, DESK, "  "), Err(ActionError::NoReason { to }));
        assert_eq!(dossier.made(to, DESK, "thiếu giấy").unwrap().act.note, "thiếu giấy");
    }
    assert!(dossier.made(Finished, DESK, "").is_ok() && dossier.made(Withdrawn, DESK, "").is_ok());
    let mut dossier = dossier;
    dossier.came(Finished, "2026-03-02T11:00", DESK, "");
    assert_eq!(dossier.made(InProcess, DESK, ""), Err(ActionError::NoReason { to: InProcess }));
    let offered = |office| moves(&view(&dossier.0), office, 0);
    assert_eq!(offered(DESK), [(InProcess, true), (Returned, false)]);
    assert_eq!(offered(STRANGER), []);
}

#[test]
fn an_office_that_neither_holds_nor_received_it_moves_nothing() {
    let mut dossier = Dossier::in_work();
    assert_eq!(dossier.made(Finished, STRANGER, ""), Err(ActionError::NotTheirs));
    let given =
        Forward { to: OTHER.into(), list: String::new(), act: act("2026-03-02T11:00", DESK, "") };
    dossier.add(Kind::Forward, &given);
    assert!(dossier.made(Finished, OTHER, "").is_ok() && dossier.made(Finished, DESK, "").is_ok());
    let given_on = Forward {
        to: STRANGER.into(),
        list: String::new(),
        act: act("2026-03-02T12:00", OTHER, ""),
    };
    dossier.add(Kind::Forward, &given_on);
    assert_eq!(dossier.made(Finished, OTHER, ""), Err(ActionError::NotTheirs));
}

#[test]
fn what_came_from_elsewhere_is_applied_and_marked() {
    let mut dossier = Dossier::in_work();
    assert_eq!(faults(&dossier.0), []);
    let silent = dossier.came(Supplement, "2026-03-03T09:00", DESK, "");
    let stranger = dossier.came(InProcess, "2026-03-03T10:00", STRANGER, "");
    assert_eq!(view(&dossier.0).derived.state, InProcess);
    let expected = [(silent, Fault::NoReason), (stranger.clone(), Fault::NeverTheirs)];
    assert_eq!(faults(&dossier.0), expected);
    // An office that had it once may have had it then.
    let given = Forward {
        to: STRANGER.into(),
        list: String::new(),
        act: act("2026-03-02T11:00", DESK, ""),
    };
    dossier.add(Kind::Forward, &given);
    assert!(faults(&dossier.0).iter().all(|(id, _)| *id != stranger));
}

#[test]
fn a_new_date_is_set_once_with_a_reason_and_the_printed_one_stays() {
    let mut dossier = Dossier::in_work();
    let silent = extend(&dossier.0, at("2026-03-12T09:00"), act("2026-03-05T09:00", DESK, " "));
    assert_eq!(silent, Err(ActionError::Missing { field: "note" }));
    let stranger =
        extend(&dossier.0, at("2026-03-12T09:00"), act("2026-03-05T09:00", STRANGER, "a"));
    assert_eq!(stranger, Err(ActionError::NotTheirs));
    let earlier = dossier.extended("2026-03-09T09:00", "2026-03-05T09:00");
    assert!(matches!(earlier, Err(ActionError::Invalid { field: "until", .. })));
    let passed = dossier.extended("2026-03-10T09:00", "2026-03-10T09:00");
    assert!(matches!(passed, Err(ActionError::Invalid { field: "until", .. })));

    dossier.extended("2026-03-12T09:00", "2026-03-05T09:00").unwrap();
    let shown = view(&dossier.0);
    assert_eq!(shown.summary.due, Some(at("2026-03-12T09:00")));
    assert_eq!(shown.dates[0].at, at("2026-03-09T09:00"));
    let why = Why::Extended(at("2026-03-05T09:00"), "chờ cơ quan thuế".into());
    assert_eq!(shown.dates[1].why, why);
    let again = dossier.extended("2026-03-20T09:00", "2026-03-06T09:00");
    assert_eq!(again, Err(ActionError::Extended { times: 1 }));
    assert_eq!(faults(&dossier.0), []);

    // A pause after it moves the new date.
    dossier.came(Supplement, "2026-03-06T09:00", DESK, "thiếu giấy");
    dossier.came(InProcess, "2026-03-06T10:00", DESK, "");
    assert_eq!(view(&dossier.0).summary.due, Some(at("2026-03-12T10:00")));
}

#[test]
fn two_offices_that_extend_at_once_are_shown_and_the_second_is_marked() {
    let mut dossier = Dossier::in_work();
    let extension =
        |until, time, office| Extension { until: at(until), act: act(time, office, "b") };
    // Written under an earlier id, made later.
    let second =
        dossier.add(Kind::Extension, &extension("2026-03-13T09:00", "2026-03-05T10:00", OTHER));
    dossier.add(Kind::Extension, &extension("2026-03-12T09:00", "2026-03-05T09:00", DESK));
    assert_eq!(faults(&dossier.0), [(second, Fault::ExtendedAgain)]);
    let shown = view(&dossier.0);
    assert_eq!((shown.dates.len(), shown.summary.due), (3, Some(at("2026-03-13T09:00"))));
}

#[test]
fn what_was_set_last_is_in_force_whichever_way_it_was_set() {
    let mut dossier = Dossier::in_work();
    dossier.extended("2026-03-12T09:00", "2026-03-05T09:00").unwrap();
    let time = at("2026-03-06T09:00");
    let digit =
        |place: i64| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(time >> (5 * place) & 31) as usize];
    let time = String::from_utf8((0..10).rev().map(digit).collect()).unwrap();
    let due =
        Due { at: at("2026-03-11T09:00"), reason: "thỏa thuận với người nộp".into() };
    dossier.0.push(Fact::new(Kind::Due, format!("{time}{:016}", 0), &due));
    let found: Vec<i64> = view(&dossier.0).dates.iter().map(|date| date.at).collect();
    let days = ["2026-03-09T09:00", "2026-03-12T09:00", "2026-03-11T09:00"];
    assert_eq!(found, days.map(at));
}

#[test]
fn nothing_is_extended_that_is_finished_or_was_never_promised() {
    let mut dossier = Dossier::in_work();
    assert_eq!(may_extend(&dossier.0, DESK), Ok(at("2026-03-09T09:00")));
    dossier.came(Finished, "2026-03-03T09:00", DESK, "");
    assert_eq!(may_extend(&dossier.0, DESK), Err(ActionError::NothingToExtend));
    let mut undated = Dossier::in_work();
    undated.0.remove(0);
    assert_eq!(may_extend(&undated.0, DESK), Err(ActionError::NothingToExtend));
}

#[test]
fn who_collected_is_said_of_a_return_and_of_nothing_else() {
    let mut dossier = Dossier::in_work();
    let collected =
        || Circumstances { collector: " Trần Văn Mẫu ".into(), ..Circumstances::default() };
    let made = |dossier: &Dossier, to| {
        let action = move_under(&dossier.0, to, collected(), act("2026-03-03T09:00", DESK, ""))?;
        Ok::<_, ActionError>(
            action.facts[0].clone().with_id("A".into()).read::<StateStep>().unwrap(),
        )
    };
    let early = made(&dossier, Finished);
    assert!(matches!(early, Err(ActionError::Invalid { field: "collector", .. })));
    dossier.came(Finished, "2026-03-02T11:00", DESK, "");
    assert_eq!(made(&dossier, Returned).unwrap().collector, "Trần Văn Mẫu");
}

#[test]
fn a_conflict_between_states_is_settled_with_a_reason_and_the_loser_may_be_chosen_after_all() {
    let mut dossier = Dossier::in_work();
    let seen = view(&dossier.0).derived.heads;
    for (to, office) in [(Finished, DESK), (Stopped, OTHER)] {
        let (after, act) = (seen.clone(), act("2026-03-03T08:00", office, "vì"));
        let fields = StateStep { to: to.code(), after, act, ..StateStep::default() };
        dossier.add(Kind::State, &fields);
    }
    let asks = |dossier: &Dossier, to: State| {
        let moves = moves(&view(&dossier.0), DESK, at("2026-03-03T09:00"));
        moves.into_iter().find(|(state, _)| *state == to).map(|(_, reason)| reason)
    };
    assert_eq!(asks(&dossier, Finished), Some(true));
    assert_eq!(dossier.made(Finished, DESK, ""), Err(ActionError::NoReason { to: Finished }));

    let act = act("2026-03-03T09:00", DESK, "kết quả đã có");
    let action = move_under(&dossier.0, Finished, Circumstances::default(), act.clone()).unwrap();
    dossier.wrote(action);
    assert!(!view(&dossier.0).summary.conflict);
    assert_eq!(asks(&dossier, Stopped), Some(true), "taken back, with a reason");
    assert_eq!(asks(&dossier, Returned), Some(false), "or gone on with");

    let mut back = Dossier(dossier.0.clone());
    let undone = move_under(&back.0, Stopped, Circumstances::default(), act.clone()).unwrap();
    back.wrote(undone);
    let shown = view(&back.0);
    assert_eq!((shown.derived.state, shown.summary.conflict), (Stopped, false));

    let on = Act { note: String::new(), ..act };
    let on = move_under(&dossier.0, Returned, Circumstances::default(), on).unwrap();
    dossier.wrote(on);
    assert_eq!(asks(&dossier, Stopped), None, "something followed");
}
