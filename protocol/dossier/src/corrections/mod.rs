//! Corrections of what was registered or printed, each beside the first value, and the conflicts that
//! only a person settles; design/corrections.md has the rules.

mod fields;
mod rule;

pub use fields::{FEE, Field, Row};
pub use rule::{Corrected, Value, corrected};

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, tidy, tidy_paper},
    fact::{Act, Fact, Kind, Paper},
    local,
    money::money,
    printing::Printed,
    steps::concerns,
    view::{View, view},
    void::in_force,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most corrections of one dossier that are made here: more are a program gone wrong.
pub const CORRECTIONS: usize = 500;

/// Fields of [`Kind::Correction`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Correction {
    /// Which field, as [`Field`] writes it.
    pub field: String,
    /// The new value as text; empty for nothing.
    #[serde(default)]
    pub value: String,
    /// The correction that it takes back; then it has no value of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Corrections of the field that its writer had seen: what concurrency means is read from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// What a field is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// This.
    Value(String),
    /// What it said before this correction.
    Undo(String),
}

/// A correction that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which field, as [`Field`] writes it.
    pub field: String,
    /// What it is to say.
    pub say: Say,
    /// The heads of the field that were on the page; what is there now, where none are given.
    pub seen: Option<Vec<String>>,
}

/// Corrects a field, settles a conflict about it, or takes a correction back.
///
/// # Errors
/// [`ActionError`] naming what is wrong; [`ActionError::FieldReason`] when a field of the law is corrected
/// without a reason.
pub fn correct(facts: &[Fact], wanted: Wanted, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let unknown = ActionError::Invalid { field: "field", why: "the dossier has no such field" };
    let field = Field::read(&wanted.field).filter(|field| !field.only_grows()).ok_or(unknown)?;
    may_correct(facts, &field, &act)?;
    if field.word() == "request.fee" && !money(facts).heads.is_empty() {
        let why = "money was demanded or taken already; what is due is changed by a new demand";
        return Err(ActionError::Invalid { field: "field", why });
    }
    let all = corrected(facts);
    let standing = all.get(&field);
    let first = field
        .first(facts)
        .ok_or(ActionError::Invalid { field: "field", why: "the dossier has no such field" })?;
    let seen = match wanted.seen {
        None => standing.map(|one| one.heads.clone()).unwrap_or_default(),
        Some(seen) => {
            let own = |id: &String| {
                let same =
                    facts.iter().find(|fact| fact.kind == Kind::Correction && fact.id == *id);
                let fields = same.and_then(Fact::read::<Correction>);
                fields.is_some_and(|one| one.field == wanted.field)
            };
            if !seen.iter().all(own) {
                let why = "names what is no correction of this field";
                return Err(ActionError::Invalid { field: "seen", why });
            }
            seen.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
        }
    };
    let (value, undo) = match wanted.say {
        Say::Undo(id) if seen.contains(&id) => (String::new(), Some(id)),
        Say::Undo(_) => {
            let why = "only what stands there now can be taken back";
            return Err(ActionError::Invalid { field: "undo", why });
        }
        Say::Value(text) => (field.checked(&text)?, None),
    };
    let conflict = standing.is_some_and(Corrected::is_conflict);
    let now = standing.map_or(first.as_str(), |one| one.shown.text.as_str());
    if undo.is_none() && !conflict && value == now {
        let why = "that is what the field says already";
        return Err(ActionError::Invalid { field: "value", why });
    }
    let fields = Correction { field: field.to_string(), value, undo, seen, act };
    Ok(Action { facts: vec![Draft::new(Kind::Correction, &fields)], audience: vec![] })
}

/// Adds a paper that was handed in and forgotten, or came later.
///
/// # Errors
/// [`ActionError`] naming what is wrong.
pub fn add_paper(facts: &[Fact], mut paper: Paper, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let field = Field::papers();
    may_correct(facts, &field, &act)?;
    tidy_paper(&mut paper)?;
    let got = facts.iter().filter(|fact| fact.kind == Kind::Paper).count() + 1;
    if got > crate::action::PAPERS {
        return Err(ActionError::TooMany { field: "papers", got, limit: crate::action::PAPERS });
    }
    let value = paper.name.clone();
    let fields = Correction { field: field.to_string(), value, act, ..Correction::default() };
    let facts = vec![Draft::new(Kind::Paper, &paper), Draft::new(Kind::Correction, &fields)];
    Ok(Action { facts, audience: vec![] })
}

fn may_correct(facts: &[Fact], field: &Field, act: &Act) -> Result<(), ActionError> {
    in_force(facts)?;
    let View { derived, summary, .. } = view(facts);
    if !concerns(&derived, &act.office) {
        return Err(ActionError::NotTheirs);
    }
    let received = summary.received.and_then(local::of_millis).map(|at| at.date());
    if act.note.is_empty() && field.is_legal(received) {
        let (vi, en) = field.names();
        return Err(ActionError::FieldReason { vi, en });
    }
    let got = facts.iter().filter(|fact| fact.kind == Kind::Correction).count() + 1;
    match got > CORRECTIONS {
        true => Err(ActionError::TooMany { field: "corrections", got, limit: CORRECTIONS }),
        false => Ok(()),
    }
}

/// What a correction is read from, by its id.
pub fn correction(facts: &[Fact], id: &str) -> Option<Correction> {
    facts.iter().find(|fact| fact.kind == Kind::Correction && fact.id == id)?.read()
}

/// What a field said to whoever had seen these corrections of it: one value, or several in conflict.
pub fn values_seen(facts: &[Fact], field: &Field, seen: &[String]) -> Vec<Value> {
    let then = seen_facts(facts, seen);
    match corrected(&then).remove(field) {
        Some(one) => one.values,
        None => field.first(facts).map(|text| Value { text, by: None }).into_iter().collect(),
    }
}

/// The facts without corrections that were not seen, neither themselves nor by one that was.
fn seen_facts(facts: &[Fact], seen: &[String]) -> Vec<Fact> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut stack = seen.to_vec();
    while let Some(id) = stack.pop() {
        if !known.contains(&id)
            && let Some(one) = correction(facts, &id)
        {
            stack.extend(one.seen);
            known.insert(id);
        }
    }
    let kept = |fact: &&Fact| fact.kind != Kind::Correction || known.contains(&fact.id);
    facts.iter().filter(kept).cloned().collect()
}

/// Ids of all corrections that nothing follows, of whatever field: what a printing shows.
pub fn heads(facts: &[Fact]) -> Vec<String> {
    let fields = corrected(facts).into_values().flat_map(|one| one.heads);
    let added = facts.iter().filter(|fact| fact.kind == Kind::Correction);
    let added = added.filter(|fact| {
        let field = fact.read::<Correction>().and_then(|one| Field::read(&one.field));
        field.is_some_and(|field| field.only_grows())
    });
    fields.chain(added.map(|fact| fact.id.clone())).collect()
}

/// The facts that a printing showed, whatever came since.
pub fn as_printed(facts: &[Fact], id: &str, printed: &Printed) -> Vec<Fact> {
    let mut then = seen_facts(facts, &printed.corrected);
    then.retain(|fact| fact.id.as_str() <= id);
    then
}

/// Fields that say something else now than on a printing, in order.
pub fn since_printed(facts: &[Fact], id: &str, printed: &Printed) -> Vec<Field> {
    let then = as_printed(facts, id, printed);
    let (before, after) = (corrected(&then), corrected(facts));
    let said = |field: &Field| before.get(field).map(|one| one.shown.text.clone());
    let differs = |(field, one): (&Field, &Corrected)| {
        let then = said(field).or_else(|| field.first(&then));
        (then.as_ref() != Some(&one.shown.text)).then(|| field.clone())
    };
    let mut fields: Vec<Field> = after.iter().filter_map(differs).collect();
    let added = |facts: &[Fact]| facts.iter().filter(|fact| fact.kind == Kind::Paper).count();
    if added(&then) != added(facts) {
        fields.push(Field::papers());
    }
    fields
}
