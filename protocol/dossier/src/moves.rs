//! Steps of the life cycle, as facts: checked where they are made.

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, tidy},
    derive::Derived,
    due::Model,
    fact::{Act, Fact, Kind, StateStep},
    local,
    pauses::{is_pause, rules},
    state::State,
    view::{View, view},
};

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// What may be said of a move beside where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// What the pause that begins with it does; none of a move that begins none, and where the one
    /// that is usual is meant.
    pub pause: Option<Model>,
    /// When it happened, Unix milliseconds, where that is not now.
    pub happened: Option<i64>,
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
/// [`ActionError`] when the table has no such step from here, when no pause begins with it, and when
/// it happened after now or before what it follows.
pub fn move_under(
    facts: &[Fact],
    to: State,
    circumstances: Circumstances,
    mut act: Act,
) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let View { derived, request, summary, .. } = view(facts);
    if !derived.allowed().contains(&to) {
        return Err(ActionError::NotAllowed { from: derived.state, to });
    }
    let Circumstances { pause, mut happened } = circumstances;
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
    let usual = || {
        let received = local::of_millis(summary.received.unwrap_or(act.at))?;
        Some(rules::usual(&request.procedure, derived.state, to, received.date()))
    };
    let pause = is_pause(to).then(|| pause.or_else(usual).unwrap_or_default().word().to_owned());
    let pause = pause.unwrap_or_default();
    let after = derived.heads;
    Ok(step(&StateStep { to: to.code(), after, pause, happened, act }))
}

fn step(fields: &StateStep) -> Action {
    Action { facts: vec![Draft::new(Kind::State, fields)], audience: vec![] }
}
