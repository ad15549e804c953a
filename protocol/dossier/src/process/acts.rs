//! Giving inside an office, taking and refusing: as facts, checked where they are made.

use super::{
    limits::PASSES,
    passings::{heads, holdings, stay},
    table::is_section,
};
use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, NAME_CHARACTERS, tidy},
    derive::Derived,
    fact::{Act, Kind, Pass, PassAnswer},
    lists::origin,
    state::State,
};

/// To whom a dossier is given, and for which step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addressee {
    /// Id of the section; empty if only a person is meant.
    pub section: String,
    /// Its name.
    pub section_name: String,
    /// Its telephone, if it is known.
    pub phone: String,
    /// Who; empty for anybody of the section.
    pub person: String,
    /// Step of the process; 0 where it is none of them.
    pub step: u32,
    /// Working minutes of that step, by the process in force at reception.
    pub minutes: Option<u32>,
    /// Number of the paper list; empty where there is none.
    pub list: String,
}

/// Whether an office has the dossier, so that it can be given on inside.
fn has(derived: &Derived, office: &str) -> bool {
    let holders = derived.holders();
    match holders.is_empty() {
        true => origin(derived).is_none_or(|origin| origin == office),
        false => holders.iter().any(|holder| holder == office),
    }
}

/// Whether an office may give a dossier on inside.
///
/// # Errors
/// [`ActionError`] saying why not.
pub fn may_pass(derived: &Derived, office: &str) -> Result<(), ActionError> {
    let untaken =
        derived.hand_overs.iter().any(|one| one.taken.is_none() && one.given.to == office);
    if !has(derived, office) || untaken {
        return Err(ActionError::NotHere);
    }
    if matches!(derived.state, State::Refused | State::Returned) {
        return Err(ActionError::NothingToPass);
    }
    if derived.passings.len() >= PASSES {
        let got = derived.passings.len() + 1;
        return Err(ActionError::TooMany { field: "passes", got, limit: PASSES });
    }
    Ok(())
}

/// Whether something that was given inside an office waits to be taken.
pub fn waits_inside(derived: &Derived, office: &str) -> bool {
    let heads = heads(&derived.hand_overs, &derived.passings, office);
    has(derived, office) && heads.iter().any(|one| one.is_open())
}

/// Gives a dossier to a section or person of the same office.
///
/// # Errors
/// [`ActionError`] when the office does not have it or has not taken it over, when nothing is to be done
/// any more, when neither section nor person is named, and when they have it already.
pub fn pass(derived: &Derived, to: Addressee, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let Addressee { section, mut section_name, mut phone, mut person, step, minutes, list } = to;
    tidy(&mut person, "person", NAME_CHARACTERS, false)?;
    tidy(&mut section_name, "section", NAME_CHARACTERS, false)?;
    tidy(&mut phone, "phone", 50, false)?;
    if section.is_empty() && person.is_empty() {
        return Err(ActionError::Missing { field: "section" });
    }
    if !(section.is_empty() || is_section(&section)) {
        let why = "must be 1 to 40 small letters, digits or hyphens";
        return Err(ActionError::Invalid { field: "section", why });
    }
    let office = act.office.as_str();
    may_pass(derived, office)?;
    let held = holdings(&derived.hand_overs, &derived.passings, office);
    if let [held] = held.as_slice()
        && held.is_at(&section, &person)
    {
        return Err(ActionError::Invalid { field: "person", why: "has it already" });
    }
    let open = heads(&derived.hand_overs, &derived.passings, office);
    let after = open.into_iter().map(|one| one.id.clone()).collect();
    let stay = stay(&derived.hand_overs, office).to_owned();
    let fields =
        Pass { stay, after, section, section_name, person, phone, step, minutes, list, act };
    Ok(Action { facts: vec![Draft::new(Kind::Pass, &fields)], audience: vec![] })
}

/// Takes what was given inside this office and nobody answered.
///
/// # Errors
/// [`ActionError::NothingToTake`] when nothing waits.
pub fn take_pass(derived: &Derived, act: Act) -> Result<Action, ActionError> {
    answer(derived, Kind::PassTaken, act)
}

/// Says that it is not taken, and why.
///
/// # Errors
/// [`ActionError`] without a reason, and when nothing waits.
pub fn refuse_pass(derived: &Derived, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    answer(derived, Kind::PassRefused, act)
}

fn answer(derived: &Derived, kind: Kind, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    if !has(derived, &act.office) {
        return Err(ActionError::NotHere);
    }
    let open = heads(&derived.hand_overs, &derived.passings, &act.office);
    let fields = |pass: &str| PassAnswer { pass: pass.to_owned(), act: act.clone() };
    let facts: Vec<Draft> = open
        .iter()
        .filter(|one| one.is_open())
        .map(|one| Draft::new(kind, &fields(&one.id)))
        .collect();
    match facts.is_empty() {
        true => Err(ActionError::NothingToTake),
        false => Ok(Action { facts, audience: vec![] }),
    }
}
