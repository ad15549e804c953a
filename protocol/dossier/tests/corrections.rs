//! Which value of a field is in force after corrections, and when a person must say.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::id::OfficeId;
use motcua_dossier::{
    action::{Action, ActionError, Registration, register},
    corrections::{
        Corrected, Correction, Field, Say, Value, Wanted, add_paper, as_printed, correct,
        corrected, since_printed, values_seen,
    },
    document::Document,
    fact::{Act, Applicant, Fact, Kind, Paper, Request},
    local,
    pauses::Why,
    printing::{self, printings},
    steps::{Fault, faults},
    view::view,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NAME: &str = "applicant.name";
const PHONE: &str = "applicant.phone";

fn at(text: &str) -> i64 {
    local::to_millis(text.parse().unwrap()).unwrap()
}

fn act(by: &str, note: &str) -> Act {
    let office = OfficeId([1; 16]).to_string();
    Act {
        at: at("2026-03-03T09:00"),
        by: by.into(),
        office,
        note: note.into(),
        asked: None,
        in_stead_of: String::new(),
    }
}

fn field(text: &str) -> Field {
    Field::read(text).unwrap()
}

/// A dossier as its facts, as one office has them.
#[derive(Clone)]
struct Dossier(Vec<Fact>);

impl Dossier {
    fn registered() -> Self {
        let name = |text: &str| Applicant {
            name: text.into(),
            phone: "0909".into(),
            ..Applicant::default()
        };
        let paper = |name: &str| Paper { name: name.into(), form: "copy".into(), count: 1 };
        let registration = Registration {
            applicant: name("Nguyễn Văn Mẫu"),
            request: Request { fee: Some(50_000), ..Request::default() },
            papers: vec![paper("Tờ khai"), paper("Sổ hộ khẩu")],
            due: Some(at("2026-03-09T09:00")),
            code: "H29.30.05-260302-0001".into(),
        };
        let mut one = Self(Vec::new());
        let when = Act { at: at("2026-03-02T09:00"), ..act("Lan", "") };
        one.wrote("A", register(registration, when, OfficeId([1; 16])).unwrap());
        one
    }

    /// Ids sort by the word that they begin with.
    fn wrote(&mut self, word: &str, action: Action) -> String {
        let mut last = String::new();
        for (number, draft) in action.facts.into_iter().enumerate() {
            last = format!("{word}{number:025}");
            self.0.push(draft.with_id(last.clone()));
        }
        self.0.sort();
        last
    }

    fn says(&mut self, word: &str, field: &str, value: &str) -> String {
        let wanted = Wanted { field: field.into(), say: Say::Value(value.into()), seen: None };
        let action = correct(&self.0, wanted, act(word, "ghi nhầm")).unwrap();
        self.wrote(word, action)
    }

    fn undoes(&mut self, word: &str, field: &str, id: &str) -> String {
        let wanted = Wanted { field: field.into(), say: Say::Undo(id.into()), seen: None };
        let action = correct(&self.0, wanted, act(word, "trả lại")).unwrap();
        self.wrote(word, action)
    }

    /// What both know.
    fn with(&self, other: &Self) -> Self {
        let all: BTreeSet<Fact> = self.0.iter().chain(&other.0).cloned().collect();
        Self(all.into_iter().collect())
    }

    fn of(&self, text: &str) -> Corrected {
        corrected(&self.0).remove(&field(text)).unwrap()
    }

    fn texts(&self, text: &str) -> Vec<String> {
        self.of(text).values.into_iter().map(|value| value.text).collect()
    }
}

#[test]
fn a_correction_is_shown_everywhere_and_the_first_value_stays_in_the_facts() {
    let mut one = Dossier::registered();
    one.says("B", NAME, "Nguyễn Văn Mậu");
    let shown = view(&one.0);
    assert_eq!(shown.applicant.name, "Nguyễn Văn Mậu");
    assert_eq!(shown.summary.applicant, "Nguyễn Văn Mậu", "lists and searches read this");
    assert!(!shown.summary.conflict);
    assert_eq!(one.of(NAME).first, "Nguyễn Văn Mẫu");
    let first: Vec<Applicant> =
        one.0.iter().filter(|fact| fact.kind == Kind::Applicant).filter_map(Fact::read).collect();
    assert_eq!(first[0].name, "Nguyễn Văn Mẫu");
}

#[test]
fn a_field_of_the_law_is_not_corrected_without_a_reason_and_a_telephone_is() {
    let one = Dossier::registered();
    let ask = |field: &str, note: &str| {
        let say = Say::Value("0912".into());
        correct(&one.0, Wanted { field: field.into(), say, seen: None }, act("Lan", note))
    };
    let refused = ask(NAME, "  ").unwrap_err();
    assert_eq!(refused, ActionError::FieldReason { vi: "Họ và tên", en: "Full name" });
    assert!(ask(PHONE, "").is_ok() && ask(NAME, "ghi nhầm").is_ok());
}

#[test]
fn what_came_from_elsewhere_without_its_reason_is_applied_and_flagged() {
    let mut one = Dossier::registered();
    let bare = Correction {
        field: NAME.into(),
        value: "Trần Văn Mẫu".into(),
        act: act("Minh", ""),
        ..Correction::default()
    };
    one.0.push(Fact::new(Kind::Correction, "B".into(), &bare));
    let stranger = Correction { act: Act { office: "x".into(), ..act("M", "vì") }, ..bare };
    one.0.push(Fact::new(Kind::Correction, "C".into(), &stranger));
    let found = faults(&one.0);
    assert_eq!(found, [("B".into(), Fault::NoReason), ("C".into(), Fault::NeverTheirs)]);
    assert_eq!(view(&one.0).applicant.name, "Trần Văn Mẫu");
}

#[test]
fn two_who_did_not_see_each_other_are_a_conflict_about_that_field_alone() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.says("B", NAME, "Nguyễn Văn Mậu");
    one.says("C", PHONE, "0911");
    two.says("D", NAME, "Nguyễn Văn Mâu");
    let both = one.with(&two);
    let shown = view(&both.0);
    assert_eq!(both.texts(NAME), ["Nguyễn Văn Mâu", "Nguyễn Văn Mậu"]);
    assert_eq!(shown.contested().map(|(field, _)| field.to_string()).collect::<Vec<_>>(), [NAME]);
    assert!(shown.summary.conflict);
    assert_eq!(shown.applicant.name, "Nguyễn Văn Mẫu", "neither wins: what both had seen is shown");
    assert_eq!(shown.applicant.phone, "0911");
}

#[test]
fn what_was_agreed_on_last_is_shown_while_two_differ() {
    let mut one = Dossier::registered();
    one.says("B", NAME, "Lê Văn Mẫu");
    let mut two = one.clone();
    one.says("C", NAME, "Lê Văn Mậu");
    two.says("D", NAME, "Lê Văn Mâu");
    assert_eq!(view(&one.with(&two).0).applicant.name, "Lê Văn Mẫu");
}

#[test]
fn the_same_said_twice_is_no_conflict_and_neither_are_two_parts_of_a_paper() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    let paper = one.0.iter().find(|fact| fact.kind == Kind::Paper).unwrap().id.clone();
    one.says("B", NAME, "Nguyễn Văn Mậu");
    two.says("C", NAME, "Nguyễn Văn Mậu");
    one.says("D", &format!("paper.form/{paper}"), "original");
    two.says("E", &format!("paper.count/{paper}"), "3");
    let shown = view(&one.with(&two).0);
    assert!(!shown.summary.conflict);
    let expected = Paper { name: "Tờ khai".into(), form: "original".into(), count: 3 };
    assert_eq!(shown.papers[0], expected);
}

#[test]
fn a_person_settles_with_either_value_or_a_new_one_and_the_loser_stays_in_the_history() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.says("B", NAME, "Mậu");
    let lost = two.says("C", NAME, "Mâu");
    for chosen in ["Mậu", "Mâu", "Nguyễn Văn Mẫu", "Mạu"] {
        let mut both = one.with(&two);
        both.says("D", NAME, chosen);
        assert_eq!(both.texts(NAME), [chosen]);
        assert!(!view(&both.0).summary.conflict);
        assert!(both.0.iter().any(|fact| fact.id == lost));
    }
}

#[test]
fn two_who_settle_at_once_are_in_conflict_again_unless_they_say_the_same() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.says("B", NAME, "Mậu");
    two.says("C", NAME, "Mâu");
    let both = one.with(&two);
    let (mut here, mut there, mut alike) = (both.clone(), both.clone(), both);
    here.says("D", NAME, "Mậu");
    there.says("E", NAME, "Mạu");
    alike.says("F", NAME, "Mậu");
    assert_eq!(here.with(&there).texts(NAME), ["Mạu", "Mậu"]);
    assert_eq!(here.with(&alike).texts(NAME), ["Mậu"]);
}

#[test]
fn a_settlement_taken_back_opens_the_conflict_and_a_correction_gives_back_what_was() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.says("B", NAME, "Mậu");
    two.says("C", NAME, "Mâu");
    let mut both = one.with(&two);
    let settled = both.says("D", NAME, "Mạu");
    let back = both.undoes("E", NAME, &settled);
    assert_eq!(both.texts(NAME), ["Mâu", "Mậu"]);
    assert_eq!(view(&both.0).applicant.name, "Nguyễn Văn Mẫu");
    both.undoes("F", NAME, &back);
    assert_eq!(both.texts(NAME), ["Mạu"], "and the taking back can be taken back");

    let mut alone = Dossier::registered();
    let only = alone.says("B", NAME, "Mậu");
    alone.undoes("C", NAME, &only);
    let value = Value { text: "Nguyễn Văn Mẫu".into(), by: None };
    assert_eq!(alone.of(NAME).values, [value]);
}

#[test]
fn taking_back_and_correcting_on_at_once_is_a_conflict() {
    let mut one = Dossier::registered();
    let first = one.says("B", NAME, "Mậu");
    let mut two = one.clone();
    one.undoes("C", NAME, &first);
    two.says("D", NAME, "Mâu");
    assert_eq!(one.with(&two).texts(NAME), ["Mâu", "Nguyễn Văn Mẫu"]);
}

#[test]
fn two_pages_that_showed_the_same_are_in_conflict_although_the_office_had_both() {
    let mut one = Dossier::registered();
    let page = Some(Vec::new());
    one.says("B", NAME, "Mậu");
    let say = Say::Value("Mâu".into());
    let wanted = Wanted { field: NAME.into(), say: say.clone(), seen: page };
    let action = correct(&one.0, wanted, act("Hoa", "nghe nhầm")).unwrap();
    one.wrote("C", action);
    assert_eq!(one.texts(NAME), ["Mâu", "Mậu"]);

    let seen = Some(vec!["nowhere".to_owned()]);
    let refused = correct(&one.0, Wanted { field: NAME.into(), say, seen }, act("Hoa", "x"));
    assert!(matches!(refused, Err(ActionError::Invalid { field: "seen", .. })));
}

#[test]
fn nothing_is_written_that_says_what_stands_there_already() {
    let one = Dossier::registered();
    let ask = |field: &str, value: &str| {
        let say = Say::Value(value.into());
        correct(&one.0, Wanted { field: field.into(), say, seen: None }, act("Lan", "vì"))
    };
    let named = |done: Result<Action, ActionError>| match done {
        Err(ActionError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(ask(NAME, "Nguyễn Văn Mẫu")), "value");
    assert_eq!(named(ask("request.procedure", "1.2")), "field");
    assert_eq!(named(ask("paper.count/ABC", "2")), "field");
    assert_eq!(named(ask("papers", "x")), "field");
}

#[test]
fn a_paper_is_struck_out_or_added_with_who_and_why() {
    let mut one = Dossier::registered();
    let paper = one.0.iter().find(|fact| fact.kind == Kind::Paper).unwrap().id.clone();
    one.says("B", &format!("paper.count/{paper}"), "0");
    let added = Paper { name: " Giấy khai sinh ".into(), form: "original".into(), count: 1 };
    assert!(add_paper(&one.0, added.clone(), act("Lan", "")).is_err(), "it must say why");
    let action = add_paper(&one.0, added, act("Lan", "nộp thêm")).unwrap();
    one.wrote("C", action);
    let names: Vec<String> = view(&one.0).papers.into_iter().map(|paper| paper.name).collect();
    assert_eq!(names, ["Sổ hộ khẩu", "Giấy khai sinh"]);
    assert!(!view(&one.0).summary.conflict);
}

#[test]
fn a_corrected_date_stands_behind_the_printed_one() {
    let mut one = Dossier::registered();
    one.says("B", "due", &at("2026-03-12T10:00").to_string());
    let shown = view(&one.0);
    let dates: Vec<i64> = shown.dates.iter().map(|date| date.at).collect();
    assert_eq!(dates, [at("2026-03-09T09:00"), at("2026-03-12T10:00")]);
    assert_eq!(shown.dates[1].why, Why::Set(at("2026-03-03T09:00"), "ghi nhầm".into()));
    assert_eq!(shown.summary.due, Some(at("2026-03-12T10:00")));
    let mut two = Dossier::registered();
    two.says("C", "due", &at("2026-03-13T10:00").to_string());
    let both = view(&one.with(&two).0);
    assert_eq!(
        both.summary.due,
        Some(at("2026-03-09T09:00")),
        "the printed one until it is settled"
    );
    assert!(both.summary.conflict);
}

#[test]
fn a_printing_is_shown_as_it_was_whatever_came_later_and_says_what_changed() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    one.says("C", NAME, "Mậu");
    // Written before the printing, and not known there then.
    two.says("B", PHONE, "0911");
    let wanted = printing::Wanted {
        form: "receipt".into(),
        paper: "a5".into(),
        asked: "x".into(),
        of: String::new(),
    };
    let action = printing::print(&one.0, wanted, act("Lan", "")).unwrap();
    one.wrote("D", action);
    let mut both = one.with(&two);
    both.says("E", NAME, "Mâu");
    let (id, printed) = printings(&both.0).next().unwrap();
    let then = view(&as_printed(&both.0, &id, &printed));
    assert_eq!((then.applicant.name.as_str(), then.applicant.phone.as_str()), ("Mậu", "0909"));
    let since: Vec<String> =
        since_printed(&both.0, &id, &printed).iter().map(ToString::to_string).collect();
    assert_eq!(since, [NAME, PHONE]);
    assert_eq!(since_printed(&one.0, &id, &printed), []);
}

#[test]
fn what_was_said_before_is_told_from_what_was_seen() {
    let (mut one, mut two) = (Dossier::registered(), Dossier::registered());
    let first = one.says("B", NAME, "Mậu");
    let second = two.says("C", NAME, "Mâu");
    let both = one.with(&two);
    let texts = |seen: &[String]| {
        let values = values_seen(&both.0, &field(NAME), seen);
        values.into_iter().map(|value| value.text).collect::<Vec<_>>()
    };
    assert_eq!(texts(&[]), ["Nguyễn Văn Mẫu"]);
    assert_eq!(texts(std::slice::from_ref(&first)), ["Mậu"]);
    assert_eq!(texts(&[first, second]), ["Mâu", "Mậu"]);
}

#[test]
fn strangers_corrections_that_name_each_other_or_nothing_drop_nobodys_value() {
    let node = |id: &str, value: &str, seen: &[&str], undo: Option<&str>| {
        let seen = seen.iter().map(ToString::to_string).collect();
        let undo = undo.map(str::to_owned);
        let (field, value) = (NAME.into(), value.into());
        let fields = Correction { field, value, seen, undo, act: act("M", "vì") };
        Fact::new(Kind::Correction, id.into(), &fields)
    };
    let mut one = Dossier::registered();
    one.0.extend([node("B", "Mậu", &["C"], None), node("C", "Mâu", &["B"], None)]);
    assert_eq!(one.texts(NAME), ["Mâu", "Mậu"]);
    let mut two = Dossier::registered();
    two.0.extend([node("B", "", &["C"], Some("C")), node("C", "", &["B"], Some("B"))]);
    assert_eq!(two.texts(NAME), ["Nguyễn Văn Mẫu"]);
    let mut three = Dossier::registered();
    three.0.push(node("B", "Mậu", &["Z"], Some("Z")));
    assert_eq!(three.texts(NAME), ["Mậu"], "what it takes back is nowhere");
}

/// What an office does next in the property test.
#[derive(Debug, Clone)]
enum Deed {
    Say(usize, u8),
    Undo(usize),
    Meet(usize, usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0usize..3, 0u8..4).prop_map(|(who, value)| Deed::Say(who, value)),
        1 => (0usize..3).prop_map(Deed::Undo),
        3 => (0usize..3, 0usize..3).prop_map(|(who, whom)| Deed::Meet(who, whom)),
    ]
}

/// An office with a document of its own.
struct Office {
    document: Document,
    /// Every change that it knows, in the order in which it came to know it.
    known: Vec<Vec<u8>>,
}

impl Office {
    fn learn(&mut self, changes: &[Vec<u8>]) {
        let new: Vec<Vec<u8>> =
            changes.iter().filter(|one| !self.known.contains(one)).cloned().collect();
        self.document.apply(new.iter().map(Vec::as_slice)).unwrap();
        self.known.extend(new);
    }

    fn write(&mut self, who: usize, number: usize, facts: Vec<Fact>) {
        let actor = [who as u8 + 1; 16];
        let written = self.document.append(actor, number as i64, &facts).unwrap();
        self.known.push(written.bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn offices_agree_whatever_the_order_and_no_value_that_nobody_saw_is_dropped(
        deeds in prop::collection::vec(deed(), 1..24),
        turn in any::<prop::sample::Index>(),
    ) {
        let begin = Dossier::registered();
        let mut offices: Vec<Office> =
            (0..3).map(|_| Office { document: Document::new(), known: vec![] }).collect();
        offices[0].write(9, 0, begin.0);
        let first = offices[0].known.clone();
        offices.iter_mut().skip(1).for_each(|office| office.learn(&first));
        for (number, deed) in deeds.iter().enumerate() {
            let say = |office: &Office, say| {
                let facts = office.document.facts();
                let wanted = Wanted { field: NAME.into(), say, seen: None };
                let action = correct(&facts, wanted, act("x", "vì")).ok()?;
                let id = format!("B{number:025}");
                Some(action.facts.into_iter().map(|draft| draft.with_id(id.clone())).collect())
            };
            match *deed {
                Deed::Say(who, value) => {
                    let said = say(&offices[who], Say::Value(format!("Mẫu {value}")));
                    if let Some(facts) = said { offices[who].write(who, number, facts) }
                }
                Deed::Undo(who) => {
                    let heads = corrected(&offices[who].document.facts());
                    let head = heads.values().next().and_then(|one| one.heads.first().cloned());
                    let said = head.and_then(|head| say(&offices[who], Say::Undo(head)));
                    if let Some(facts) = said { offices[who].write(who, number, facts) }
                }
                Deed::Meet(who, whom) => {
                    let told = offices[whom].known.clone();
                    offices[who].learn(&told);
                }
            }
        }
        for (who, whom) in [(0, 1), (1, 2), (2, 0), (0, 1), (1, 2)] {
            let told = offices[whom].known.clone();
            offices[who].learn(&told);
        }
        let told: Vec<_> = offices.iter().map(|office| view(&office.document.facts())).collect();
        prop_assert!(told.iter().all(|one| *one == told[0]), "{:?}", told);
        // The same facts in another order.
        let mut facts = offices[0].document.facts();
        let at = turn.index(facts.len());
        facts.rotate_left(at);
        let turned = corrected(&facts);
        prop_assert_eq!(&turned, &told[0].corrected);

        // What nobody saw is among the values, and nothing else is but what was taken back to.
        let all: Vec<(String, Correction)> = facts
            .iter()
            .filter(|fact| fact.kind == Kind::Correction)
            .filter_map(|fact| Some((fact.id.clone(), fact.read()?)))
            .collect();
        let seen: BTreeSet<&String> = all.iter().flat_map(|(_, one)| &one.seen).collect();
        let unseen: Vec<_> = all.iter().filter(|(id, _)| !seen.contains(id)).collect();
        let Some(one) = turned.values().next() else { return Ok(()) };
        let texts: BTreeSet<&str> = one.values.iter().map(|value| value.text.as_str()).collect();
        for (_, head) in unseen.iter().filter(|(_, head)| head.undo.is_none()) {
            prop_assert!(texts.contains(head.value.as_str()));
        }
        if unseen.iter().all(|(_, head)| head.undo.is_none()) {
            let said: BTreeSet<&str> = unseen.iter().map(|(_, one)| one.value.as_str()).collect();
            prop_assert_eq!(&texts, &said);
        }
        prop_assert_eq!(told[0].summary.conflict, texts.len() > 1);
        prop_assert!(texts.len() == 1 || !one.shown.text.is_empty());
    }
}
