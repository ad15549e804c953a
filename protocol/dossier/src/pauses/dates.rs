//! The promised date and what became of it.

use super::Stretch;
use crate::{
    calendar::WorkTime,
    due::{Model, Pause, Term, after_pause},
    local,
};

/// A promised date. The first one was printed; later ones stand beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Date {
    /// Unix milliseconds.
    pub at: i64,
    /// Why it is what it is.
    pub why: Why,
    /// A year on the way is not decided yet: it may still move.
    pub provisional: bool,
}

/// Why a date is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It was promised at reception.
    Promised,
    /// Somebody set it since when, Unix milliseconds; with the reason.
    Set(i64, String),
    /// An apology was made for it since when, Unix milliseconds; with the reason.
    Extended(i64, String),
    /// A pause ended: the id of the step that had begun it.
    Paused(String),
}

impl Why {
    /// Since when it is known, Unix milliseconds: what stopped the clock before is in it.
    pub(crate) fn set_at(&self) -> i64 {
        match self {
            Self::Set(at, _) | Self::Extended(at, _) => *at,
            Self::Promised | Self::Paused(_) => i64::MIN,
        }
    }

    /// In Vietnamese and English; the reason of who set it is as it was written.
    pub fn words(&self) -> (String, String) {
        match self {
            Self::Promised => ("hẹn khi tiếp nhận".into(), "promised at reception".into()),
            Self::Set(_, reason) => (reason.clone(), reason.clone()),
            Self::Extended(_, reason) => (
                format!("xin lỗi, hẹn lại: {reason}"),
                format!("set anew with an apology: {reason}"),
            ),
            Self::Paused(_) => ("tính lại sau khi tạm dừng".into(), "moved by a pause".into()),
        }
    }
}

/// The promised dates, oldest first, from those that were stated and the pauses.
///
/// `stated` are dates with when they were set and why, the printed one first; `term` is that of the
/// procedure when the dossier was received, if it is known.
pub fn dates(
    time: &WorkTime,
    term: Option<Term>,
    stated: &[(i64, Why)],
    pauses: &[Stretch],
) -> Vec<Date> {
    let mut all: Vec<Date> = Vec::new();
    let mut since = i64::MIN;
    let mut pauses = merged(pauses).into_iter().peekable();
    for (position, (at, why)) in stated.iter().enumerate() {
        // What ended before a date was set was known to whoever set it, and moved the one before.
        since = since.max(why.set_at());
        all.push(date(time, *at, why.clone()));
        let next = stated.get(position + 1).map_or(i64::MAX, |(_, why)| why.set_at());
        while let Some(pause) = pauses.next_if(|pause| pause.to <= next) {
            let Some(before) = all.last().map(|date| date.at) else { break };
            let moved = moved(time, term, before, &pause, since);
            if let Some(at) = moved.filter(|at| *at > before) {
                all.push(date(time, at, Why::Paused(pause.step)));
            }
        }
    }
    all
}

/// A pause that is over.
struct Over {
    step: String,
    model: Model,
    from: i64,
    to: i64,
}

/// What is over, in order, and as one where it overlaps.
fn merged(pauses: &[Stretch]) -> Vec<Over> {
    let mut all: Vec<Over> = Vec::new();
    for pause in pauses {
        let Some(to) = pause.to else { continue };
        match all.last_mut().filter(|last| pause.from < last.to) {
            Some(last) => {
                last.to = last.to.max(to);
                last.model = last.model.max(pause.model);
            }
            None => {
                let (step, model, from) = (pause.step.clone(), pause.model, pause.from);
                all.push(Over { step, model, from, to });
            }
        }
    }
    all
}

/// The date after a pause, of which only what came after `since` counts.
fn moved(time: &WorkTime, term: Option<Term>, due: i64, pause: &Over, since: i64) -> Option<i64> {
    let from = local::of_millis(pause.from.max(since))?;
    let (to, due) = (local::of_millis(pause.to)?, local::of_millis(due)?);
    // Without the term there is nothing to begin anew.
    let model = if term.is_some() { pause.model } else { Model::StopClock };
    let pause = Pause { model, from, to };
    let at = after_pause(time, term.unwrap_or(Term::None), due, &pause)?;
    local::to_millis(at)
}

fn date(time: &WorkTime, at: i64, why: Why) -> Date {
    let year = local::of_millis(at).map(|at| at.year());
    let provisional = year.is_none_or(|year| !time.is_final(year, year));
    Date { at, why, provisional }
}
