//! Hand-overs inside an office as the facts say them, and who has the dossier by them.

use crate::{
    derive::HandOver,
    fact::{Fact, Kind, Pass, PassAnswer},
};
use std::collections::{BTreeMap, BTreeSet};

/// A hand-over inside an office, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Id of the pass fact.
    pub id: String,
    /// Its fields.
    pub given: Pass,
    /// Who answered, by id; more than one where two did without seeing each other.
    pub answers: Vec<Answer>,
}

/// An answer to a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Id of its fact.
    pub id: String,
    /// Taken, rather than refused.
    pub taken: bool,
    /// Its fields.
    pub fields: PassAnswer,
}

impl Passing {
    /// The first answer of who took it.
    pub fn taken(&self) -> Option<&PassAnswer> {
        self.answers.iter().find(|answer| answer.taken).map(|answer| &answer.fields)
    }

    /// The refusal, where nobody took it.
    pub fn refused(&self) -> Option<&PassAnswer> {
        let refused = self.answers.first().map(|answer| &answer.fields);
        refused.filter(|_| self.taken().is_none())
    }

    /// Whether nobody answered.
    pub fn is_open(&self) -> bool {
        self.answers.is_empty()
    }
}

/// Who has a dossier within an office.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Holding {
    /// Id of the section; empty if only a person is known.
    pub section: String,
    /// Its name.
    pub section_name: String,
    /// Telephone of the section, if it was known.
    pub phone: String,
    /// Who; empty while nobody of the section took it.
    pub person: String,
    /// Since when, Unix milliseconds: when it was taken, else when it was given.
    pub since: i64,
    /// Whether nobody has confirmed to have it.
    pub waiting: bool,
    /// Step of the process; 0 where it is none of them.
    pub step: u32,
    /// Id of the pass.
    pub pass: String,
}

impl Holding {
    /// Whether it is the same place.
    pub fn is_at(&self, section: &str, person: &str) -> bool {
        (self.section.as_str(), self.person.as_str()) == (section, person)
    }

    /// Person and section in words.
    pub fn shown(&self) -> String {
        let parts = [self.person.as_str(), self.section_name.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    }
}

/// All hand-overs within offices, by id, whatever the order of the facts.
pub fn passings(facts: &[Fact]) -> Vec<Passing> {
    let mut answers: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    let answered =
        facts.iter().filter(|fact| matches!(fact.kind, Kind::PassTaken | Kind::PassRefused));
    for fact in answered {
        let Some(fields) = fact.read::<PassAnswer>() else { continue };
        let answer = Answer { id: fact.id.clone(), taken: fact.kind == Kind::PassTaken, fields };
        answers.entry(answer.fields.pass.clone()).or_default().push(answer);
    }
    let given = facts.iter().filter(|fact| fact.kind == Kind::Pass);
    let mut all: Vec<Passing> = given
        .filter_map(|fact| {
            let mut answers = answers.remove(&fact.id).unwrap_or_default();
            answers.sort_by(|one, other| one.id.cmp(&other.id));
            Some(Passing { id: fact.id.clone(), given: fact.read()?, answers })
        })
        .collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

/// The stay of a dossier at an office: the forward that brought it there last; empty if none did.
pub fn stay<'a>(hand_overs: &'a [HandOver], office: &str) -> &'a str {
    let brought = hand_overs.iter().filter(|one| one.given.to == office);
    brought.map(|one| one.id.as_str()).max().unwrap_or_default()
}

/// Passes of an office in the present stay that nothing follows.
pub(super) fn heads<'a>(
    hand_overs: &[HandOver],
    passings: &'a [Passing],
    office: &str,
) -> Vec<&'a Passing> {
    let stay = stay(hand_overs, office);
    let here = |one: &&Passing| one.given.act.office == office && one.given.stay.as_str() == stay;
    let here: Vec<&Passing> = passings.iter().filter(here).collect();
    let followed: BTreeSet<&String> = here.iter().flat_map(|one| &one.given.after).collect();
    here.into_iter().filter(|one| !followed.contains(&one.id)).collect()
}

/// Who has a dossier within an office: one, none where nothing was given inside, or several, which is
/// for a person to settle.
pub fn holdings(hand_overs: &[HandOver], passings: &[Passing], office: &str) -> Vec<Holding> {
    let mut all: BTreeMap<(String, String), Holding> = BTreeMap::new();
    for head in heads(hand_overs, passings, office) {
        for holding in of_head(passings, head) {
            let place = (holding.section.clone(), holding.person.clone());
            let known = all.entry(place).or_insert_with(|| holding.clone());
            // The same place twice is one, and confirmed if either is.
            if known.waiting && !holding.waiting {
                *known = holding;
            }
        }
    }
    all.into_values().collect()
}

fn of_head(passings: &[Passing], head: &Passing) -> Vec<Holding> {
    let Pass { section, section_name, phone, person, step, act, .. } = &head.given;
    let there = |person: &str, since, waiting| Holding {
        section: section.clone(),
        section_name: section_name.clone(),
        phone: phone.clone(),
        person: person.to_owned(),
        since,
        waiting,
        step: *step,
        pass: head.id.clone(),
    };
    let answer = |answer: &Answer| match answer.taken {
        true => there(&answer.fields.act.by, answer.fields.act.at, false),
        false => giver(passings, head),
    };
    match head.is_open() {
        true => vec![there(person, act.at, true)],
        false => head.answers.iter().map(answer).collect(),
    }
}

/// Who gave a pass, with the section in which it was there.
fn giver(passings: &[Passing], pass: &Passing) -> Holding {
    let before = bases(passings, pass).into_iter().min_by_key(|one| &one.id);
    let act = &pass.given.act;
    let base = before.map(|one| &one.given);
    let of = |text: fn(&Pass) -> &String| base.map(text).cloned().unwrap_or_default();
    Holding {
        section: of(|base| &base.section),
        section_name: of(|base| &base.section_name),
        phone: of(|base| &base.phone),
        person: act.by.clone(),
        since: act.at,
        waiting: false,
        step: base.map_or(0, |base| base.step),
        pass: pass.id.clone(),
    }
}

/// The passes that one was made after, seen through those that were refused: who refuses never had it.
pub(super) fn bases<'a>(passings: &'a [Passing], pass: &Passing) -> Vec<&'a Passing> {
    let find = |id: &String| passings.iter().find(|one| one.id == *id);
    let (mut found, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut open: Vec<&String> = pass.given.after.iter().collect();
    while let Some(id) = open.pop() {
        let Some(before) = find(id).filter(|_| seen.insert(id.clone())) else { continue };
        match before.refused() {
            Some(_) => open.extend(&before.given.after),
            None => drop(found.insert(&before.id, before)),
        }
    }
    found.into_values().collect()
}
