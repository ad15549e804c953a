//! Steps of the life cycle, as facts: checked where they are made.

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, NAME_CHARACTERS, tidy},
    derive::Derived,
    due::Model,
    fact::{Act, Fact, Kind, StateStep},
    local,
    pauses::{is_pause, rules},
    state::State,
    steps::{concerns, needs_reason},
    view::{View, view},
    void::in_force,
};

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// What may be said of a move beside where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// What the pause that begins with it does; none of a move that begins none, and where the one
    /// that is usual is meant.
    pub pause: Option<Model>,
    /// When it happened, Unix milliseconds, where that is not now.
    pub happened: Option<i64>,
    /// Who collected the result, of a move that returns it; empty if that is not said.
    pub collector: String,
}

/// Moves a dossier to another state.
///
/// # Errors
/// [`ActionError::NotAllowed`] when the table has no such step from here.
pub fn move_to(derived: &Derived, to: State, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    if !derived.allowed().contains(&to) {
        return Err(ActionError::NotAllowed { from: derived.state, to });
    }
    let after = derived.heads.clone();
    Ok(step(&StateStep { to: to.code(), after, act, ..StateStep::default() }))
}

/// Moves a dossier to another state, with what is to be said of it. Where a pause begins, the step
/// says which, so that a later rule changes nothing.
///
/// # Errors
/// [`ActionError`] when the table has no such step from here, when the office has nothing to do with
/// the dossier, when a reason is missing, when no pause begins with it, and when it happened after now or
/// before what it follows.
pub fn move_under(
    facts: &[Fact],
    to: State,
    circumstances: Circumstances,
    mut act: Act,
) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    in_force(facts)?;
    let View { derived, request, summary, .. } = view(facts);
    if !derived.allowed().contains(&to) {
        return Err(ActionError::NotAllowed { from: derived.state, to });
    }
    if !concerns(&derived, &act.office) {
        return Err(ActionError::NotTheirs);
    }
    let received = local::of_millis(summary.received.unwrap_or(act.at)).map(|at| at.date());
    let by_law = || received.is_some_and(|day| needs_reason(derived.state, to, day));
    // A state is never chosen silently.
    if act.note.is_empty() && (derived.is_settled_by_choice(to) || by_law()) {
        return Err(ActionError::NoReason { to });
    }
    let Circumstances { pause, mut happened, mut collector } = circumstances;
    tidy(&mut collector, "collector", NAME_CHARACTERS, false)?;
    if !collector.is_empty() && to != State::Returned {
        let why = "nothing is collected with this step";
        return Err(ActionError::Invalid { field: "collector", why });
    }
    if pause.is_some() && !is_pause(to) {
        let why = "no pause begins with this step";
        return Err(ActionError::Invalid { field: "pause", why });
    }
    if let Some(happened) = &mut happened {
        let invalid = |why| Err(ActionError::Invalid { field: "happened", why });
        if *happened > act.at {
            return invalid("it is later than now");
        }
        let heads = derived.steps.iter().filter(|step| derived.heads.contains(&step.id));
        let before = heads.map(|step| step.fields.when()).max().unwrap_or(i64::MIN);
        // People write minutes: what happened in the same one happened after it.
        if happened.div_euclid(MINUTE) < before.div_euclid(MINUTE) {
            return invalid("it is earlier than the step that it follows");
        }
        *happened = before.max(*happened);
    }
    let usual = || Some(rules::usual(&request.procedure, derived.state, to, received?));
    let pause = is_pause(to).then(|| pause.or_else(usual).unwrap_or_default().word().to_owned());
    let pause = pause.unwrap_or_default();
    let after = derived.heads;
    Ok(step(&StateStep { to: to.code(), after, pause, happened, collector, paper: None, act }))
}

fn step(fields: &StateStep) -> Action {
    Action { facts: vec![Draft::new(Kind::State, fields)], audience: vec![] }
}
