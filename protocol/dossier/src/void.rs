//! Voiding a wrong registration: by the office that made it, within minutes, before anything was sent on.
//! The code is never given again and the dossier stays found; design/corrections.md has the rules.

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, NAME_CHARACTERS, tidy},
    derive::derive,
    fact::{Act, Fact, Kind},
    lists::origin,
    local, pauses,
    state::State,
    steps::concerns,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::LazyLock};

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// Fields of [`Kind::Void`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Void {
    /// Whether the registration is void; no longer so, if not.
    pub stands: bool,
    /// Name of the leader who agreed, where that is needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub leader: String,
    /// Acts that its writer had seen: steps, hand-overs and what was said of voiding before.
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// Whether a registration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Valid,
    /// It is void, by this.
    Void(Void),
    /// It was said to be void, and somebody who did not know went on with it or said otherwise. It
    /// counts as valid until a person settles it.
    Contested(Vec<Void>),
}

impl Standing {
    /// Whether it is void.
    pub fn is_void(&self) -> bool {
        matches!(self, Self::Void(_))
    }

    /// Whether a person must decide.
    pub fn is_contested(&self) -> bool {
        matches!(self, Self::Contested(_))
    }
}

#[derive(Debug, Deserialize)]
struct Rule {
    minutes: i64,
    valid_from: Date,
    valid_until: Option<Date>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("../data/void-rules.csv").as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
});

/// Minutes within which no leader is needed, of a dossier received on a day; none where no rule holds.
pub fn minutes(received: Date) -> i64 {
    let holds = |rule: &&Rule| {
        rule.valid_from <= received && rule.valid_until.is_none_or(|last| received <= last)
    };
    RULES.iter().find(holds).map_or(0, |rule| rule.minutes)
}

/// Acts that a voiding must have seen to be in force.
fn acts(facts: &[Fact]) -> impl Iterator<Item = &String> {
    let counts = |fact: &&Fact| matches!(fact.kind, Kind::State | Kind::Forward | Kind::Taken);
    facts.iter().filter(counts).map(|fact| &fact.id)
}

fn said(facts: &[Fact]) -> Vec<(&String, Void)> {
    let all = facts.iter().filter(|fact| fact.kind == Kind::Void);
    all.filter_map(|fact| Some((&fact.id, fact.read()?))).collect()
}

/// What follows from the facts.
pub fn standing(facts: &[Fact]) -> Standing {
    let all = said(facts);
    if all.is_empty() {
        return Standing::Valid;
    }
    let derived = derive(facts);
    let registrar = origin(&derived).unwrap_or_default();
    let followed: BTreeSet<&String> = all.iter().flat_map(|(_, one)| &one.seen).collect();
    let mut heads: Vec<(i64, &String, Void)> = all
        .iter()
        .filter(|(id, _)| !followed.contains(id))
        .map(|(id, one)| (one.act.at, *id, one.clone()))
        .collect();
    heads.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    let heads: Vec<Void> = heads.into_iter().map(|(_, _, one)| one).collect();
    let seen: BTreeSet<&String> = heads.iter().flat_map(|one| &one.seen).collect();
    let all_seen = acts(facts).all(|id| seen.contains(id));
    let void = |one: &Void| one.stands && one.act.office == registrar;
    match heads.first() {
        Some(_) if heads.iter().all(|one| !one.stands) => Standing::Valid,
        Some(first) if all_seen && heads.iter().all(void) => Standing::Void(first.clone()),
        // Those that claim to have seen each other leave it to a person as well.
        _ => Standing::Contested(heads),
    }
}

/// Refuses to go on with what is void.
///
/// # Errors
/// [`ActionError::Void`]
pub fn in_force(facts: &[Fact]) -> Result<(), ActionError> {
    if standing(facts).is_void() { Err(ActionError::Void) } else { Ok(()) }
}

/// Whether an office may void the registration at a time, Unix milliseconds, and whether it needs a
/// leader for it by then.
///
/// # Errors
/// [`ActionError`] saying why not.
pub fn may_void(facts: &[Fact], office: &str, now: i64) -> Result<bool, ActionError> {
    let derived = derive(facts);
    if origin(&derived) != Some(office) {
        return Err(ActionError::NotRegistrar);
    }
    let standing = standing(facts);
    if standing.is_void() {
        return Err(ActionError::Void);
    }
    let decided = matches!(
        derived.state,
        State::Refused | State::Withdrawn | State::Finished | State::Returned
    );
    // What went on although it was void elsewhere is settled by saying which holds.
    if !standing.is_contested() && (decided || facts.iter().any(|fact| fact.kind == Kind::Forward))
    {
        return Err(ActionError::GoneOn);
    }
    let received = pauses::received(&derived).unwrap_or(now);
    let minutes = local::of_millis(received).map_or(0, |at| minutes(at.date()));
    let late = now.saturating_sub(received) > minutes.saturating_mul(MINUTE);
    Ok(late || standing.is_contested())
}

/// Voids the registration.
///
/// # Errors
/// [`ActionError`] without a reason, at another office, when it was sent on or decided, and later than
/// the limit without a leader.
pub fn void(facts: &[Fact], mut leader: String, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    tidy(&mut leader, "leader", NAME_CHARACTERS, false)?;
    if may_void(facts, &act.office, act.at)? && leader.is_empty() {
        return Err(ActionError::NoLeader);
    }
    Ok(say(facts, true, leader, act))
}

/// Says that the registration stands after all.
///
/// # Errors
/// [`ActionError`] without a reason, where nothing is void, and at an office that has nothing to do with
/// the dossier.
pub fn revive(facts: &[Fact], mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    if !concerns(&derive(facts), &act.office) {
        return Err(ActionError::NotTheirs);
    }
    if standing(facts) == Standing::Valid {
        let why = "the registration is not void";
        return Err(ActionError::Invalid { field: "stands", why });
    }
    Ok(say(facts, false, String::new(), act))
}

fn say(facts: &[Fact], stands: bool, leader: String, act: Act) -> Action {
    let before = said(facts).into_iter().map(|(id, _)| id.clone());
    let seen = acts(facts).cloned().chain(before).collect();
    let fields = Void { stands, leader, seen, act };
    Action { facts: vec![Draft::new(Kind::Void, &fields)], audience: vec![] }
}

/// Whether a voiding that came from elsewhere lacks the leader that it needed.
pub(crate) fn is_late(one: &Void, received: i64) -> bool {
    let minutes = local::of_millis(received).map_or(0, |at| minutes(at.date()));
    let late = one.act.at.saturating_sub(received) > minutes.saturating_mul(MINUTE);
    one.stands && one.leader.is_empty() && late
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_data_and_without_a_rule_there_is_none() {
        assert!(minutes(Date::constant(2026, 3, 2)) >= 5);
        assert_eq!(minutes(Date::constant(1999, 3, 2)), 0);
    }
}
