//! What the law asks of a step beside the table of states: a reason, an office that has to do with the
//! dossier, one extension. Rules are data with the days of reception for which they hold.

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, tidy},
    corrections::{Correction, Field},
    derive::Derived,
    fact::{Act, Extension, Fact, Kind},
    lists::origin,
    local,
    state::State,
    view::{View, view},
    void::{Void, in_force, is_late},
};
use jiff::civil::Date;
use serde::Deserialize;
use std::{collections::BTreeSet, sync::LazyLock};

#[derive(Debug, Deserialize)]
struct StepRule {
    from_state: Option<u8>,
    to_state: u8,
    reason: bool,
    valid_from: Date,
    valid_until: Option<Date>,
}

#[derive(Debug, Deserialize)]
struct ExtensionRule {
    valid_from: Date,
    valid_until: Option<Date>,
    most: usize,
}

static STEPS: LazyLock<Vec<StepRule>> =
    LazyLock::new(|| read(include_str!("../data/step-rules.csv")).unwrap_or_default());
static EXTENSIONS: LazyLock<Vec<ExtensionRule>> =
    LazyLock::new(|| read(include_str!("../data/extension-rules.csv")).unwrap_or_default());

fn read<R: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<R>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect()
}

fn holds(from: Date, until: Option<Date>, day: Date) -> bool {
    from <= day && until.is_none_or(|last| day <= last)
}

/// Whether a step must say why, of a dossier received on a day.
pub fn needs_reason(from: State, to: State, received: Date) -> bool {
    STEPS.iter().any(|rule| {
        rule.reason
            && rule.to_state == to.code()
            && rule.from_state.is_none_or(|state| state == from.code())
            && holds(rule.valid_from, rule.valid_until, received)
    })
}

/// How often a date may be set anew, of a dossier received on a day; not at all where no rule holds.
fn most_extensions(received: Date) -> usize {
    let rule = EXTENSIONS.iter().find(|rule| holds(rule.valid_from, rule.valid_until, received));
    rule.map_or(0, |rule| rule.most)
}

/// Whether an office, by its id, has to do with the dossier now: it holds it or received it.
pub fn concerns(derived: &Derived, office: &str) -> bool {
    let holders = derived.holders();
    let origin = origin(derived);
    holders.iter().any(|holder| holder == office)
        || origin == Some(office)
        // Nobody is known to have it.
        || (holders.is_empty() && origin.is_none())
}

/// States to which an office may move a dossier at a time, Unix milliseconds, each with whether it must
/// say why.
pub fn moves(view: &View, office: &str, now: i64) -> Vec<(State, bool)> {
    let derived = &view.derived;
    if !concerns(derived, office) || view.standing.is_void() {
        return Vec::new();
    }
    let received = day(view.summary.received.or(Some(now)));
    let asks = |to| {
        derived.is_settled_by_choice(to)
            || received.is_some_and(|day| needs_reason(derived.state, to, day))
    };
    derived.allowed().into_iter().map(|to| (to, asks(to))).collect()
}

/// What is wrong with something that came from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A step without the reason that it needs.
    NoReason,
    /// Made by an office that never had the dossier.
    NeverTheirs,
    /// The date was set anew more often than it may be.
    ExtendedAgain,
    /// Voided by an office that did not register it.
    NotRegistrar,
    /// Voided late without a leader.
    LateVoid,
}

impl Fault {
    /// In Vietnamese and English.
    pub fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoReason => ("Thiếu lý do bắt buộc", "The reason that it needs is missing"),
            Self::NeverTheirs => {
                ("Cơ quan này chưa từng được giao hồ sơ", "This office was never given the dossier")
            }
            Self::NotRegistrar => (
                "Cơ quan này không tiếp nhận hồ sơ nên không được hủy",
                "Voided by an office that did not register it",
            ),
            Self::LateVoid => (
                "Hủy quá thời hạn mà không ghi lãnh đạo đồng ý",
                "Voided late without a leader who agreed",
            ),
            Self::ExtendedAgain => (
                "Hẹn lại nhiều lần hơn mức cho phép",
                "A new date was set more often than is allowed",
            ),
        }
    }
}

/// What is wrong, with the id of the fact.
pub fn faults(facts: &[Fact]) -> Vec<(String, Fault)> {
    let View { derived, summary, .. } = view(facts);
    let Some(received) = day(summary.received) else { return Vec::new() };
    let given = derived.hand_overs.iter().map(|one| one.given.to.as_str());
    let theirs: BTreeSet<&str> = given.chain(origin(&derived)).collect();
    let mut found = Vec::new();
    for step in &derived.steps {
        let before = derived.steps.iter().find(|one| step.fields.after.contains(&one.id));
        let Some(before) = before else { continue };
        if step.fields.act.note.is_empty() && needs_reason(before.to, step.to, received) {
            found.push((step.id.clone(), Fault::NoReason));
        }
        if !theirs.contains(step.fields.act.office.as_str()) {
            found.push((step.id.clone(), Fault::NeverTheirs));
        }
    }
    for fact in facts.iter().filter(|fact| fact.kind == Kind::Correction) {
        let Some(one) = fact.read::<Correction>() else { continue };
        let legal = Field::read(&one.field).is_some_and(|field| field.is_legal(Some(received)));
        if one.act.note.is_empty() && legal {
            found.push((fact.id.clone(), Fault::NoReason));
        }
        if !theirs.contains(one.act.office.as_str()) {
            found.push((fact.id.clone(), Fault::NeverTheirs));
        }
    }
    let registrar = origin(&derived).unwrap_or_default();
    for fact in facts.iter().filter(|fact| fact.kind == Kind::Void) {
        let Some(one) = fact.read::<Void>() else { continue };
        if one.act.note.is_empty() {
            found.push((fact.id.clone(), Fault::NoReason));
        }
        if one.stands && one.act.office != registrar {
            found.push((fact.id.clone(), Fault::NotRegistrar));
        }
        if is_late(&one, summary.received.unwrap_or(one.act.at)) {
            found.push((fact.id.clone(), Fault::LateVoid));
        }
    }
    let again = extensions(facts).into_iter().skip(most_extensions(received));
    found.extend(again.map(|(id, _)| (id, Fault::ExtendedAgain)));
    found
}

/// Extensions in the order in which they were made, with the ids of their facts.
pub fn extensions(facts: &[Fact]) -> Vec<(String, Extension)> {
    let all = facts.iter().filter(|fact| fact.kind == Kind::Extension);
    let mut all: Vec<(String, Extension)> =
        all.filter_map(|fact| Some((fact.id.clone(), fact.read()?))).collect();
    all.sort_by(|(one, first), (other, second)| (first.act.at, one).cmp(&(second.act.at, other)));
    all
}

fn day(millis: Option<i64>) -> Option<Date> {
    Some(local::of_millis(millis?)?.date())
}

/// Whether an office may set a new date now.
///
/// # Errors
/// [`ActionError`] saying why not.
pub fn may_extend(facts: &[Fact], office: &str) -> Result<i64, ActionError> {
    in_force(facts)?;
    let View { derived, summary, .. } = view(facts);
    if !concerns(&derived, office) {
        return Err(ActionError::NotTheirs);
    }
    let open = !matches!(
        derived.state,
        State::Refused | State::Withdrawn | State::Finished | State::Returned
    );
    let (Some(due), Some(received), true) = (summary.due, day(summary.received), open) else {
        return Err(ActionError::NothingToExtend);
    };
    let times = extensions(facts).len();
    match times < most_extensions(received) {
        true => Ok(due),
        false => Err(ActionError::Extended { times }),
    }
}

/// Apologises and sets a new date, Unix milliseconds.
///
/// # Errors
/// [`ActionError`] without a reason, when none may be set, or when it is not later than now and than
/// the one in force.
pub fn extend(facts: &[Fact], until: i64, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    let due = may_extend(facts, &act.office)?;
    let invalid = |why| Err(ActionError::Invalid { field: "until", why });
    if until <= due {
        return invalid("it is not later than the date in force");
    }
    if until <= act.at {
        return invalid("it has passed");
    }
    let fields = Extension { until, act };
    Ok(Action { facts: vec![Draft::new(Kind::Extension, &fields)], audience: vec![] })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_built_in_rules_are_whole() {
        assert_eq!(read::<StepRule>(include_str!("../data/step-rules.csv")).unwrap().len(), 4);
        let extensions: Vec<ExtensionRule> =
            read(include_str!("../data/extension-rules.csv")).unwrap();
        assert_eq!(extensions.len(), 1);
    }

    #[test]
    fn a_rule_holds_for_what_was_received_while_it_was_in_force() {
        let needs =
            |day: &str| needs_reason(State::Accepted, State::Supplement, day.parse().unwrap());
        assert!(needs("2018-06-21") && !needs("2018-06-20"));
        let day = "2026-03-02".parse().unwrap();
        assert!(needs_reason(State::Finished, State::InProcess, day), "a result is taken back");
        assert!(!needs_reason(State::Accepted, State::InProcess, day));
        assert_eq!(most_extensions("2018-06-20".parse().unwrap()), 0);
    }
}
