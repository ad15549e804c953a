//! The way of a dossier through sections: how long each had it, and whether that was within its step.

use super::{Passing, Process, passings::bases};
use crate::{
    calendar::WorkTime,
    due::Term,
    lists::origin,
    local,
    pauses::{self, Stretch, Why},
    state::State,
    view::View,
};

/// A section's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Id of the pass that it began with; empty for the first, which began with the reception.
    pub pass: String,
    /// Step of the process; 0 where it is none of them.
    pub step: u32,
    /// Working minutes of that step; none where it has none.
    pub minutes: Option<u32>,
    /// When it began, Unix milliseconds.
    pub from: i64,
    /// When it ended; none while it lasts.
    pub to: Option<i64>,
    /// Until when it should take, after the pauses that are over.
    pub due: Option<i64>,
    /// How it ended; none while it lasts, and where the step has no time of its own.
    pub outcome: Option<Outcome>,
}

/// How a step ended (Mẫu 06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// On a day before its deadline.
    Early,
    /// On the day of its deadline and not after it.
    OnTime,
    /// After it.
    Late,
}

impl Outcome {
    /// As answers write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::OnTime => "on_time",
            Self::Late => "late",
        }
    }

    /// As Mẫu 06 names it.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Early => "Trước hạn",
            Self::OnTime => "Đúng hạn",
            Self::Late => "Quá hạn",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Early => "Early",
            Self::OnTime => "On time",
            Self::Late => "Late",
        }
    }

    fn of(ended: i64, due: i64) -> Option<Self> {
        let day = |at| local::of_millis(at).map(|at| at.date());
        Some(match ended {
            _ if ended > due => Self::Late,
            _ if day(ended)? == day(due)? => Self::OnTime,
            _ => Self::Early,
        })
    }
}

/// The legs of a dossier: the one from its reception, then one for each pass, by id of the pass. `process`
/// is the one in force when it was received.
pub fn legs(view: &View, process: Option<&Process>, time: &WorkTime) -> Vec<Leg> {
    let passings = &view.derived.passings;
    let mut all = Vec::new();
    if let (Some(from), Some(office)) = (view.summary.received, origin(&view.derived)) {
        let first = |one: &&Passing| {
            one.given.stay.is_empty()
                && one.given.act.office == office
                && one.refused().is_none()
                && bases(passings, one).is_empty()
        };
        let given = passings.iter().filter(first).map(|one| one.given.act.at).min();
        let stage = process.and_then(|process| process.stage(1));
        all.push(Leg {
            pass: String::new(),
            step: stage.map_or(0, |stage| stage.number),
            minutes: stage.and_then(|stage| stage.minutes),
            from,
            to: end(view, office, from, given),
            due: None,
            outcome: None,
        });
    }
    for passing in passings {
        let act = &passing.given.act;
        let next = passings.iter().filter(|next| {
            next.refused().is_none() && bases(passings, next).iter().any(|one| one.id == passing.id)
        });
        let given = next.map(|next| next.given.act.at).min();
        let refused = passing.refused().map(|answer| answer.act.at.max(act.at));
        all.push(Leg {
            pass: passing.id.clone(),
            step: passing.given.step,
            minutes: passing.given.minutes.filter(|_| refused.is_none()),
            from: act.at,
            to: refused.or_else(|| end(view, &act.office, act.at, given)),
            due: None,
            outcome: None,
        });
    }
    for leg in &mut all {
        leg.due = leg.minutes.and_then(|minutes| due(leg, minutes, &view.pauses, time));
        leg.outcome = leg.to.zip(leg.due).and_then(|(ended, due)| Outcome::of(ended, due));
    }
    all
}

/// When a turn ended at an office: given on inside, forwarded, or the dossier finished.
fn end(view: &View, office: &str, from: i64, given: Option<i64>) -> Option<i64> {
    let derived = &view.derived;
    let left = derived.hand_overs.iter().filter(|one| one.given.act.office == office);
    let left = left.map(|one| one.given.act.at).filter(|at| *at >= from);
    let done = derived.steps.iter().filter(|step| {
        matches!(step.to, State::Refused | State::Withdrawn | State::Finished | State::Returned)
    });
    let done = done.map(|step| step.fields.when()).filter(|at| *at > from);
    // Clocks of two machines differ: nothing ends before it began.
    left.chain(done).chain(given.map(|at| at.max(from))).min()
}

/// Until when a turn should take: its minutes, and what it stood still.
fn due(leg: &Leg, minutes: u32, stood: &[Stretch], time: &WorkTime) -> Option<i64> {
    let start = local::of_millis(leg.from)?;
    let start = time.next_instant(start)?;
    let first = local::to_millis(time.walk(start, u64::from(minutes) * 60)?)?;
    let until = leg.to.unwrap_or(i64::MAX);
    let within = stood.iter().filter(|pause| pause.from < until);
    let within: Vec<Stretch> = within
        .filter(|pause| pause.to.is_none_or(|to| to > leg.from))
        .map(|pause| Stretch {
            from: pause.from.max(leg.from),
            // One that goes on after the turn has moved it no further than its end.
            to: pause.to.or(leg.to).map(|to| to.min(until)),
            ..pause.clone()
        })
        .collect();
    let stated = [(first, Why::Promised)];
    let dates = pauses::dates(time, Some(Term::WorkingMinutes(minutes)), &stated, &within);
    dates.last().map(|date| date.at)
}
