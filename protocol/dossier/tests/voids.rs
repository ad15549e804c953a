//! Registrations that are void, and dossiers that are said to be one case.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::id::{DossierId, OfficeId};
use motcua_dossier::{
    action::{Action, ActionError, Circumstances, Registration, hand_on, move_under, register},
    calendar,
    corrections::{Say, Wanted, correct},
    fact::{Act, Applicant, Fact, Kind, Request, StateStep},
    links::{keeper, link, links},
    lists::{List, listing},
    local,
    state::State,
    steps::{Fault, faults, moves},
    twin::Twin,
    view::view,
    void::{Standing, Void, may_void, minutes, revive, standing, void},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const HERE: OfficeId = OfficeId([1; 16]);
const THERE: OfficeId = OfficeId([2; 16]);
const MINUTE: i64 = 60_000;

fn received() -> i64 {
    local::to_millis("2026-03-02T09:00".parse().unwrap()).unwrap()
}

fn limit() -> i64 {
    minutes("2026-03-02".parse().unwrap())
}

fn act(office: OfficeId, after: i64, note: &str) -> Act {
    let (at, office) = (received() + after * MINUTE, office.to_string());
    Act { at, by: "Lan".into(), office, note: note.into(), asked: None, in_stead_of: String::new() }
}

/// A dossier as its facts, as one office has them.
#[derive(Clone)]
struct Dossier(Vec<Fact>);

impl Dossier {
    fn registered() -> Self {
        let registration = Registration {
            applicant: Applicant { name: "Nguyễn Văn Mẫu".into(), ..Applicant::default() },
            request: Request::default(),
            papers: vec![],
            due: None,
            code: "H29.30.05-260302-0001".into(),
        };
        let mut one = Self(Vec::new());
        one.wrote("A", register(registration, act(HERE, 0, ""), HERE).unwrap());
        one
    }

    fn wrote(&mut self, word: &str, action: Action) {
        for (number, draft) in action.facts.into_iter().enumerate() {
            self.0.push(draft.with_id(format!("{word}{number:025}")));
        }
        self.0.sort();
    }

    fn voided(&mut self, word: &str) {
        let action = void(&self.0, String::new(), act(HERE, 1, "nhầm thủ tục")).unwrap();
        self.wrote(word, action);
    }

    fn forwarded(&mut self, word: &str) {
        let action = hand_on(&self.0, HERE, THERE, act(HERE, 2, "")).unwrap();
        self.wrote(word, action);
    }

    fn with(&self, other: &Self) -> Self {
        let all: BTreeSet<Fact> = self.0.iter().chain(&other.0).cloned().collect();
        Self(all.into_iter().collect())
    }

    fn list(&self, office: OfficeId) -> List {
        let filed = listing(&view(&self.0), &office.to_string(), calendar::usual());
        filed.list(received() + MINUTE)
    }
}

#[test]
fn a_void_registration_leaves_the_working_lists_and_nothing_more_is_done_with_it() {
    let mut one = Dossier::registered();
    assert_eq!(one.list(HERE), List::InWork);
    assert!(Twin::of(&view(&one.0)).is_some());
    one.voided("B");
    let shown = view(&one.0);
    assert!(shown.summary.void && shown.summary.is_closed() && !shown.summary.conflict);
    assert_eq!(one.list(HERE), List::Closed);
    assert_eq!(shown.summary.code, "H29.30.05-260302-0001", "its code stays its own");
    assert!(Twin::of(&shown).is_none(), "nobody is warned of what is void");
    assert_eq!(moves(&shown, &HERE.to_string(), received()), []);
    let late = act(HERE, 3, "vì");
    let to = State::InProcess;
    let moved = move_under(&one.0, to, Circumstances::default(), late.clone());
    assert_eq!(moved, Err(ActionError::Void));
    assert_eq!(hand_on(&one.0, HERE, THERE, late.clone()), Err(ActionError::Void));
    let wanted = Wanted { field: "due".into(), say: Say::Value("1".into()), seen: None };
    assert_eq!(correct(&one.0, wanted, late.clone()), Err(ActionError::Void));
    assert_eq!(void(&one.0, String::new(), late), Err(ActionError::Void));
}

#[test]
fn it_is_voided_within_minutes_and_later_only_with_a_leader() {
    let one = Dossier::registered();
    let ask =
        |after: i64, leader: &str, note: &str| void(&one.0, leader.into(), act(HERE, after, note));
    assert!(ask(limit(), "", "nhầm").is_ok());
    assert_eq!(ask(limit() + 1, "", "nhầm"), Err(ActionError::NoLeader));
    assert_eq!(ask(limit() + 1, "  ", "nhầm"), Err(ActionError::NoLeader));
    assert!(ask(limit() + 1, "Trần Thị Mẫu", "nhầm").is_ok());
    let refused = ask(1, "", " ").unwrap_err();
    assert_eq!(refused, ActionError::Missing { field: "note" });
}

#[test]
fn only_the_office_that_registered_it_voids_it_and_only_before_it_was_sent_on() {
    let mut one = Dossier::registered();
    let elsewhere = act(THERE, 1, "nhầm");
    assert_eq!(void(&one.0, String::new(), elsewhere), Err(ActionError::NotRegistrar));
    one.forwarded("B");
    let late = void(&one.0, "Trần Thị Mẫu".into(), act(HERE, 3, "nhầm"));
    assert_eq!(late, Err(ActionError::GoneOn));
    assert!(may_void(&one.0, &HERE.to_string(), received()).is_err());
}

#[test]
fn what_was_sent_on_by_somebody_who_did_not_know_is_a_conflict_and_stays_in_the_lists() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.voided("B");
    two.forwarded("C");
    let both = one.with(&two);
    let shown = view(&both.0);
    assert!(shown.standing.is_contested() && shown.summary.conflict && !shown.summary.void);
    assert_eq!(both.list(THERE), List::ToAccept, "it is worked on until somebody says");

    let mut void_it = both.clone();
    let alone = void(&both.0, String::new(), act(HERE, 4, "nhầm"));
    assert_eq!(alone, Err(ActionError::NoLeader));
    let action = void(&both.0, "Trần Thị Mẫu".into(), act(HERE, 4, "nhầm")).unwrap();
    void_it.wrote("D", action);
    assert!(view(&void_it.0).summary.void);

    let mut keep_it = both.clone();
    keep_it.wrote("E", revive(&both.0, act(THERE, 4, "đúng hồ sơ")).unwrap());
    assert_eq!(standing(&keep_it.0), Standing::Valid);
    assert!(standing(&void_it.with(&keep_it).0).is_contested(), "settled apart: open again");
}

#[test]
fn what_another_office_says_is_void_is_not_by_that() {
    let mut one = Dossier::registered();
    let seen = one.0.iter().map(|fact| fact.id.clone()).collect();
    let theirs = Void { stands: true, seen, act: act(THERE, 90, ""), leader: String::new() };
    one.0.push(Fact::new(Kind::Void, "B".into(), &theirs));
    assert!(standing(&one.0).is_contested());
    let found: Vec<Fault> = faults(&one.0).into_iter().map(|(_, fault)| fault).collect();
    assert_eq!(found, [Fault::NoReason, Fault::NotRegistrar, Fault::LateVoid]);
}

#[test]
fn a_void_registration_is_taken_back_with_a_reason_and_nothing_else_is() {
    let mut one = Dossier::registered();
    let nothing = revive(&one.0, act(HERE, 1, "vì")).unwrap_err();
    assert!(matches!(nothing, ActionError::Invalid { field: "stands", .. }));
    one.voided("B");
    assert!(revive(&one.0, act(HERE, 2, "")).is_err());
    assert_eq!(revive(&one.0, act(THERE, 2, "vì")), Err(ActionError::NotTheirs));
    one.wrote("C", revive(&one.0, act(HERE, 2, "hủy nhầm hồ sơ")).unwrap());
    assert_eq!(one.list(HERE), List::InWork);
    one.voided("D");
    assert!(view(&one.0).summary.void, "and may be void again");
}

#[test]
fn both_of_two_dossiers_speak_of_one_link() {
    let (one, other) = (DossierId([1; 16]), DossierId([9; 16]));
    assert_eq!(keeper(one, other), keeper(other, one));
    assert_eq!(keeper(one, other).0, other);
}

#[test]
fn a_link_says_why_is_taken_back_and_is_a_conflict_where_two_differ() {
    let other = DossierId([3; 16]);
    let mut one = Dossier::registered();
    let say = |one: &Dossier, same: bool, note: &str| link(&one.0, other, same, act(HERE, 1, note));
    assert!(say(&one, true, "").is_err(), "it must say why");
    assert_eq!(link(&one.0, other, true, act(THERE, 1, "vì")), Err(ActionError::NotTheirs));
    let mut two = one.clone();
    one.wrote("B", say(&one, true, "nộp hai lần").unwrap());
    assert_eq!(links(&one.0)[0].same(), Some(true));
    assert!(say(&one, true, "lại").is_err(), "that is said already");
    let mut back = one.clone();
    back.wrote("C", say(&one, false, "hai người khác nhau").unwrap());
    assert_eq!(links(&back.0)[0].same(), Some(false));
    assert_eq!(links(&back.0)[0].said.len(), 1);

    two.wrote("D", say(&two, false, "hai việc khác nhau").unwrap());
    let mut both = one.with(&two);
    assert_eq!(links(&both.0)[0].same(), None);
    assert!(view(&both.0).summary.conflict);
    both.wrote("E", say(&both, true, "đã hỏi").unwrap());
    assert_eq!(links(&both.0)[0].same(), Some(true));
    assert!(!view(&both.0).summary.conflict);
}

proptest! {
    #[test]
    fn whether_it_stands_does_not_depend_on_the_order_and_an_act_nobody_saw_is_never_void(
        said in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..6)), 0..6),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut one = Dossier::registered();
        let head = view(&one.0).derived.heads;
        let step = StateStep { to: 4, after: head, act: act(HERE, 1, ""), ..StateStep::default() };
        one.0.push(Fact::new(Kind::State, format!("B{:025}", 0), &step));
        for (number, (stands, seen)) in said.iter().enumerate() {
            let seen = seen.iter().map(|at| one.0[at.index(one.0.len())].id.clone()).collect();
            let act = act(HERE, 2, "vì");
            let fields = Void { stands: *stands, leader: String::new(), seen, act };
            one.0.push(Fact::new(Kind::Void, format!("C{number:025}"), &fields));
        }
        let told = standing(&one.0);
        let mut turned = one.0.clone();
        let at = turn.index(turned.len());
        turned.rotate_left(at);
        prop_assert_eq!(standing(&turned), told.clone());
        if told.is_void() {
            let voids: Vec<Void> = one.0.iter().filter(|fact| fact.kind == Kind::Void).filter_map(Fact::read).collect();
            let seen: BTreeSet<&String> = voids.iter().flat_map(|one| &one.seen).collect();
            let acts = one.0.iter().filter(|fact| fact.kind == Kind::State);
            prop_assert!(acts.into_iter().all(|fact| seen.contains(&fact.id)));
        }
    }
}
