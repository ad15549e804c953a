//! What a clerk does, as facts to append and audience to change. Checked against what is known
//! before anything is written.

use crate::{
    derive::Derived,
    fact::{
        Act, Applicant, Clock, CodeField, Due, Fact, Forward, Kind, Note, OnPaper, Origin, Paper,
        Request, StateStep, Taken,
    },
    letters::with_right_d,
    state::State,
    void::in_force,
};
use motcua_core::{
    entry::{AudienceAction, AudienceOp, Role},
    id::OfficeId,
};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

pub use crate::moves::{Circumstances, move_to, move_under};

/// Longest text of one field, in characters.
pub const FIELD_CHARACTERS: usize = 2_000;
/// Longest name.
pub const NAME_CHARACTERS: usize = 200;
/// Most papers of one dossier.
pub const PAPERS: usize = 100;

/// Facts of one action and what they do to the audience.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Action {
    /// To append in one change; ids are given when it is written.
    pub facts: Vec<Draft>,
    /// Offices that join or leave.
    pub audience: Vec<AudienceOp>,
}

impl Action {
    /// The same, marked as written by a clock so many milliseconds ahead of the hub's, which shows
    /// `by_hub`.
    #[must_use]
    pub fn by_a_wrong_clock(mut self, ahead: i64, by_hub: i64) -> Self {
        self.facts.push(Draft::new(Kind::Clock, &Clock { ahead, by_hub }));
        self
    }
}

/// A fact without its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    kind: Kind,
    json: String,
}

impl Draft {
    pub(crate) fn new(kind: Kind, fields: &impl Serialize) -> Self {
        Self { kind, json: Fact::new(kind, String::new(), fields).json }
    }

    /// The fact under an id.
    pub fn with_id(self, id: String) -> Fact {
        Fact { id, kind: self.kind, json: self.json }
    }
}

/// Why an action is refused; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// A field is empty that must not be.
    #[error("{field} is missing")]
    Missing {
        /// Which field.
        field: &'static str,
    },
    /// A field is too long.
    #[error("{field} has {got} characters, at most {limit} are allowed")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Characters given.
        got: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// There are more of something than there may be.
    #[error("{field}: {got} are too many, at most {limit} are allowed")]
    TooMany {
        /// Of what.
        field: &'static str,
        /// How many there would be.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A field holds something that cannot be right.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The dossier cannot move there from where it is.
    #[error("a dossier that is “{}” cannot become “{}”", .from.en(), .to.en())]
    NotAllowed {
        /// Where it is.
        from: State,
        /// Where it was to go.
        to: State,
    },
    /// There is nothing to take over.
    #[error("no hand-over to this office is waiting")]
    NothingToTake,
    /// A step that must say why.
    #[error("“{}” needs a reason", .to.en())]
    NoReason {
        /// Where it was to go.
        to: State,
    },
    /// A field of the law that is corrected must say why.
    #[error("a correction of “{en}” needs a reason")]
    FieldReason {
        /// The field, in Vietnamese.
        vi: &'static str,
        /// In English.
        en: &'static str,
    },
    /// Only the office that registered it may void it.
    #[error("only the office that registered the dossier may void it")]
    NotRegistrar,
    /// It was sent on, or decided.
    #[error("the dossier was sent on or decided already, and cannot be voided any more")]
    GoneOn,
    /// It is later than the limit, and no leader agreed.
    #[error(
        "so late after reception a leader of the office must agree: by an account of a leader, or named where the office has no accounts"
    )]
    NoLeader,
    /// The registration is void.
    #[error("the registration is void; nothing more is done with this dossier")]
    Void,
    /// The office neither holds the dossier nor received it.
    #[error("this office neither holds the dossier nor received it")]
    NotTheirs,
    /// There is no promise to be moved.
    #[error("no promised date is running that could be set anew")]
    NothingToExtend,
    /// The date was set anew as often as is allowed.
    #[error("the date was set anew {times} times already, which is all that is allowed")]
    Extended {
        /// How often.
        times: usize,
    },
    /// The office does not have it, or has not taken it over.
    #[error("this office does not have the dossier, or has not taken it over yet")]
    NotHere,
    /// It is refused or returned.
    #[error("nothing is to be done with this dossier any more, so it is not given to anybody")]
    NothingToPass,
    /// About its money.
    #[error(transparent)]
    Money(#[from] crate::money::MoneyError),
    /// The office already has it.
    #[error("the dossier cannot be forwarded to the office that forwards it")]
    ToItself,
}

/// A dossier as it is registered at the counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Who asks.
    pub applicant: Applicant,
    /// What is asked for.
    pub request: Request,
    /// Papers handed in.
    pub papers: Vec<Paper>,
    /// Promised date, Unix milliseconds.
    pub due: Option<i64>,
    /// Printed code.
    pub code: String,
}

/// Registers a dossier: it starts as accepted, its office is desk and receiver.
///
/// # Errors
/// [`ActionError`] naming the field.
pub fn register(
    mut registration: Registration,
    act: Act,
    office: OfficeId,
) -> Result<Action, ActionError> {
    tidy_applicant(&mut registration.applicant)?;
    tidy(&mut registration.request.text, "request", FIELD_CHARACTERS, false)?;
    if registration.papers.len() > PAPERS {
        let got = registration.papers.len();
        return Err(ActionError::TooLong { field: "papers", got, limit: PAPERS });
    }
    for paper in &mut registration.papers {
        tidy_paper(paper)?;
    }
    let first = StateStep { to: State::Accepted.code(), act, ..StateStep::default() };
    let mut facts = vec![
        Draft::new(Kind::Applicant, &registration.applicant),
        Draft::new(Kind::Request, &registration.request),
        Draft::new(Kind::Code, &CodeField { code: registration.code }),
        Draft::new(Kind::State, &first),
    ];
    facts.extend(registration.papers.iter().map(|paper| Draft::new(Kind::Paper, paper)));
    if let Some(at) = registration.due {
        facts.push(Draft::new(Kind::Due, &Due { at, reason: String::new() }));
    }
    let grant = |role| AudienceOp { action: AudienceAction::Add, role, office };
    Ok(Action { facts, audience: vec![grant(Role::Desk), grant(Role::ReceivedBy)] })
}

/// Registers a dossier that was received on paper at a time, Unix milliseconds, and is entered now.
///
/// # Errors
/// See [`register`]; [`ActionError`] when nobody is named who received it.
pub fn register_from_paper(
    registration: Registration,
    (mut paper, received): (OnPaper, i64),
    act: Act,
    office: OfficeId,
) -> Result<Action, ActionError> {
    tidy(&mut paper.by, "received_by", NAME_CHARACTERS, true)?;
    let mut action = register(registration, act.clone(), office)?;
    let first = StateStep {
        to: State::Accepted.code(),
        happened: Some(received),
        paper: Some(paper),
        act,
        ..StateStep::default()
    };
    action.facts.retain(|fact| fact.kind != Kind::State);
    action.facts.push(Draft::new(Kind::State, &first));
    Ok(action)
}

/// The fields of who asks, put right or refused.
pub(crate) fn tidy_applicant(applicant: &mut Applicant) -> Result<(), ActionError> {
    tidy(&mut applicant.name, "applicant.name", NAME_CHARACTERS, true)?;
    tidy(&mut applicant.nationality, "applicant.nationality", 2, false)?;
    let country = &applicant.nationality;
    let is_code = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    if !(country.is_empty() || is_code(country)) {
        let why = "write it as two capital letters, such as VN";
        return Err(ActionError::Invalid { field: "applicant.nationality", why });
    }
    applicant.typed_name = None;
    if matches!(country.as_str(), "" | "VN")
        && let Some(right) = with_right_d(&applicant.name)
    {
        applicant.typed_name = Some(std::mem::replace(&mut applicant.name, right));
    }
    tidy(&mut applicant.id_number, "applicant.id_number", 50, false)?;
    tidy(&mut applicant.phone, "applicant.phone", 50, false)?;
    tidy(&mut applicant.address, "applicant.address", FIELD_CHARACTERS, false)?;
    tidy(&mut applicant.email, "applicant.email", NAME_CHARACTERS, false)?;
    if let Some(date) = &mut applicant.birth_date {
        tidy(date, "applicant.birth_date", 10, true)?;
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        if digits + date.matches('-').count() != date.len() {
            let why = "write it as YYYY-MM-DD, YYYY-MM or YYYY";
            return Err(ActionError::Invalid { field: "applicant.birth_date", why });
        }
    }
    Ok(())
}

/// A paper, put right or refused.
pub(crate) fn tidy_paper(paper: &mut Paper) -> Result<(), ActionError> {
    tidy(&mut paper.name, "papers.name", NAME_CHARACTERS, true)?;
    if !matches!(paper.form.as_str(), "original" | "copy") {
        let why = "must be original or copy";
        return Err(ActionError::Invalid { field: "papers.form", why });
    }
    if !(1..=1_000).contains(&paper.count) {
        let why = "must be between 1 and 1000";
        return Err(ActionError::Invalid { field: "papers.count", why });
    }
    Ok(())
}

/// Takes over a dossier from a list: it begins in the state that it had there, with the printed code that
/// it had, if it had one. `act` says when it was received.
///
/// # Errors
/// [`ActionError`] naming the field.
pub fn take_over(
    registration: Registration,
    state: State,
    origin: &Origin,
    mut act: Act,
    office: OfficeId,
) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let has_code = !registration.code.is_empty();
    let mut action = register(registration, act.clone(), office)?;
    let first = StateStep { to: state.code(), act, ..StateStep::default() };
    action.facts.retain(|fact| match fact.kind {
        Kind::State => false,
        Kind::Code => has_code,
        _ => true,
    });
    action.facts.push(Draft::new(Kind::State, &first));
    action.facts.push(Draft::new(Kind::Origin, origin));
    Ok(action)
}

/// Gives a dossier to another office, which takes part from here on as the competent one.
///
/// # Errors
/// [`ActionError`] when it would go to the office that gives it.
pub fn forward(from: OfficeId, to: OfficeId, act: Act) -> Result<Action, ActionError> {
    forward_on(from, to, String::new(), act)
}

/// The same on a paper list with a number.
///
/// # Errors
/// See [`forward`].
pub fn forward_on(
    from: OfficeId,
    to: OfficeId,
    list: String,
    mut act: Act,
) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    if from == to {
        return Err(ActionError::ToItself);
    }
    let fields = Forward { to: to.to_string(), list, act };
    let grant = AudienceOp { action: AudienceAction::Add, role: Role::Competent, office: to };
    Ok(Action { facts: vec![Draft::new(Kind::Forward, &fields)], audience: vec![grant] })
}

/// The same for a dossier with these facts.
///
/// # Errors
/// [`ActionError`] when it is void besides.
pub fn hand_on(
    facts: &[Fact],
    from: OfficeId,
    to: OfficeId,
    act: Act,
) -> Result<Action, ActionError> {
    in_force(facts)?;
    forward(from, to, act)
}

/// Acknowledges the oldest hand-over to this office that nobody acknowledged.
///
/// # Errors
/// [`ActionError::NothingToTake`] when there is none.
pub fn take(derived: &Derived, office: OfficeId, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let waiting = waiting_for(derived, office).ok_or(ActionError::NothingToTake)?;
    let fields = Taken { forward: waiting, act };
    Ok(Action { facts: vec![Draft::new(Kind::Taken, &fields)], audience: vec![] })
}

/// Id of the oldest hand-over to this office that nobody acknowledged.
pub fn waiting_for(derived: &Derived, office: OfficeId) -> Option<String> {
    let office = office.to_string();
    derived
        .hand_overs
        .iter()
        .find(|hand_over| hand_over.taken.is_none() && hand_over.given.to == office)
        .map(|hand_over| hand_over.id.clone())
}

/// Adds a remark.
///
/// # Errors
/// [`ActionError`] when it is empty or too long.
pub fn note(mut text: String, act: Act) -> Result<Action, ActionError> {
    tidy(&mut text, "text", FIELD_CHARACTERS, true)?;
    Ok(Action { facts: vec![Draft::new(Kind::Note, &Note { text, act })], audience: vec![] })
}

/// Takes an office out of the dossier: it is delivered nothing more and purges what it holds.
///
/// # Errors
/// [`ActionError`] when no reason is given or it is too long.
pub fn withdraw(
    name: &str,
    office: OfficeId,
    roles: &[Role],
    reason: &str,
    act: Act,
) -> Result<Action, ActionError> {
    let mut reason = reason.to_owned();
    tidy(&mut reason, "reason", FIELD_CHARACTERS / 2, true)?;
    let text = format!("Rút {name} khỏi hồ sơ: {reason}");
    let Action { facts, .. } = note(text, act)?;
    let remove = |role: &Role| AudienceOp { action: AudienceAction::Remove, role: *role, office };
    Ok(Action { facts, audience: roles.iter().map(remove).collect() })
}

/// NFC as typed, without control characters or outer spaces, within a length.
pub(crate) fn tidy(
    text: &mut String,
    field: &'static str,
    limit: usize,
    required: bool,
) -> Result<(), ActionError> {
    // Counted before it is normalised: ten megabytes are refused, not worked on.
    let got = text.chars().take(limit * 4 + 1).count();
    if got > limit {
        return Err(ActionError::TooLong { field, got: text.chars().count(), limit });
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(ActionError::Invalid { field, why: "holds control characters" });
    }
    *text = text.trim().nfc().collect();
    if required && text.is_empty() {
        return Err(ActionError::Missing { field });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::derive::derive;

    fn registration(name: &str) -> Registration {
        Registration {
            applicant: Applicant { name: name.into(), ..Applicant::default() },
            request: Request::default(),
            papers: vec![],
            due: None,
            code: "H29.30.05-261125-0001".into(),
        }
    }

    fn facts(action: Action, prefix: &str) -> Vec<Fact> {
        let drafts = action.facts.into_iter().enumerate();
        drafts.map(|(n, draft)| draft.with_id(format!("{prefix}{n}"))).collect()
    }

    #[test]
    fn a_registered_dossier_is_accepted_and_belongs_to_its_desk() {
        let office = OfficeId([1; 16]);
        let action = register(registration(" Nguyễn Văn Mẫu "), Act::default(), office).unwrap();
        assert!(action.audience.iter().all(|op| op.office == office));
        let facts = facts(action, "A");
        assert_eq!(derive(&facts).state, State::Accepted);
        let applicant: Applicant =
            facts.iter().find(|fact| fact.kind == Kind::Applicant).unwrap().read().unwrap();
        assert_eq!(applicant.name, "Nguyễn Văn Mẫu", "NFC, without outer spaces");
    }

    #[test]
    fn bad_fields_are_named() {
        let refuse = |name: &str| {
            register(registration(name), Act::default(), OfficeId([1; 16])).unwrap_err().to_string()
        };
        assert_eq!(refuse("  "), "applicant.name is missing");
        assert_eq!(refuse("a\0b"), "applicant.name: holds control characters");
        assert_eq!(
            refuse(&"x".repeat(201)),
            "applicant.name has 201 characters, at most 200 are allowed"
        );
    }

    #[test]
    fn a_move_is_checked_and_builds_on_what_was_seen() {
        let office = OfficeId([1; 16]);
        let mut all = facts(register(registration("A"), Act::default(), office).unwrap(), "A");
        let refused = move_to(&derive(&all), State::Returned, Act::default()).unwrap_err();
        assert_eq!(refused, ActionError::NotAllowed { from: State::Accepted, to: State::Returned });
        let moved = move_to(&derive(&all), State::InProcess, Act::default()).unwrap();
        all.extend(facts(moved, "B"));
        assert_eq!(derive(&all).state, State::InProcess);
    }

    #[test]
    fn a_hand_over_is_given_then_taken_once() {
        let (here, there) = (OfficeId([1; 16]), OfficeId([2; 16]));
        let act = Act { office: here.to_string(), ..Act::default() };
        assert_eq!(forward(here, here, act.clone()), Err(ActionError::ToItself));
        let mut all = facts(forward(here, there, act).unwrap(), "A");
        let derived = derive(&all);
        assert_eq!(derived.holders(), [there.to_string()]);
        assert_eq!(take(&derived, here, Act::default()), Err(ActionError::NothingToTake));
        all.extend(facts(take(&derived, there, Act::default()).unwrap(), "B"));
        let derived = derive(&all);
        assert!(derived.hand_overs[0].taken.is_some());
        assert_eq!(take(&derived, there, Act::default()), Err(ActionError::NothingToTake));
    }
}
