//! Pauses (tạm dừng): from which step to which the clock of a dossier stood still, and where the
//! promised date went through them. All of it follows from facts; design/life.md says why.

mod dates;
pub mod rules;

pub use dates::{Date, Why, dates};

use crate::{
    calendar::WorkTime,
    derive::{Derived, Step},
    due::Model,
    fact::Act,
    local,
    state::State,
};

/// A time in which the clock of a dossier stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Id of the step that began it.
    pub step: String,
    /// What is waited for: [`State::Supplement`], [`State::Payment`] or [`State::Stopped`].
    pub state: State,
    /// What it does with the term.
    pub model: Model,
    /// When it began, Unix milliseconds.
    pub from: i64,
    /// When it ended; none while it lasts.
    pub to: Option<i64>,
    /// Who began it, where and why.
    pub asked: Act,
    /// Who ended it.
    pub ended: Option<Act>,
}

impl Stretch {
    /// Working time in it, in seconds, up to its end or, while it lasts, up to `now`.
    pub fn worked(&self, time: &WorkTime, now: i64) -> u64 {
        let to = self.to.unwrap_or(now);
        match (local::of_millis(self.from), local::of_millis(to)) {
            (Some(from), Some(to)) => time.between(from, to),
            // A clock beyond all calendars.
            _ => 0,
        }
    }
}

/// Whether the clock stands still in a state.
pub fn is_pause(state: State) -> bool {
    matches!(state, State::Supplement | State::Payment | State::Stopped)
}

/// The pauses since the dossier was received, in order of their beginning.
pub fn stretches(derived: &Derived) -> Vec<Stretch> {
    let Some(received) = received(derived) else { return Vec::new() };
    let mut all: Vec<Stretch> = derived
        .steps
        .iter()
        .filter(|step| is_pause(step.to))
        .map(|step| {
            let after = |other: &&Step| other.fields.after.contains(&step.id);
            let next = derived.steps.iter().filter(after).min_by_key(|next| next.fields.when());
            let from = step.fields.when();
            Stretch {
                step: step.id.clone(),
                state: step.to,
                model: Model::from_word(&step.fields.pause).unwrap_or_default(),
                from,
                // Clocks of two offices differ: nothing ends before it begins.
                to: next.map(|next| next.fields.when().max(from)),
                asked: step.fields.act.clone(),
                ended: next.map(|next| next.fields.act.clone()),
            }
        })
        .filter(|stretch| stretch.from >= received)
        .collect();
    all.sort_by(|one, other| (one.from, &one.step).cmp(&(other.from, &other.step)));
    all
}

/// When it was received, Unix milliseconds.
pub fn received(derived: &Derived) -> Option<i64> {
    let accepted = derived.steps.iter().filter(|step| step.to == State::Accepted);
    let accepted = accepted.map(|step| step.fields.when()).min();
    // What was taken over from a list begins in whatever state it had there.
    let begun = derived.steps.iter().filter(|step| step.fields.after.is_empty());
    let begun = begun.filter(|step| step.to != State::Submitted).map(|step| step.fields.when());
    accepted.or_else(|| begun.min())
}
