//! Promised dates (ngày hẹn trả): when a dossier is due, by its term, the working time of the office, and
//! its pauses.
//!
//! Units and pauses follow the practice of the one-stop shops; where the law is silent the choice is
//! said at its place. A term that cannot be is refused: there is never a default date.

use crate::calendar::{CalendarError, WorkTime};
use jiff::{ToSpan, civil::DateTime};

/// Longest term: some thirty years. What is longer is a slip of the hand.
const MOST_DAYS: f64 = 10_000.0;
/// In hours of eight a day.
const MOST_HOURS: f64 = 8.0 * MOST_DAYS;
/// Who comes from this second of the day on is served by the close of the next working day.
const SAME_DAY_ENDS: i8 = 15;

/// A term (thời hạn giải quyết).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Ngày làm việc: the day of reception is not counted.
    WorkingDays(u32),
    /// Ngày: ends on a working day.
    CalendarDays(u32),
    /// Giờ làm việc, in minutes.
    WorkingMinutes(u32),
    /// Trong ngày.
    SameDay,
    /// Không hẹn.
    None,
}

/// What a pause does with the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Model {
    /// The rest of the term runs on after it.
    #[default]
    StopClock,
    /// The whole term begins again after it.
    Restart,
}

impl Model {
    /// As facts and vectors write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::StopClock => "stop_clock",
            Self::Restart => "restart",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::StopClock, Self::Restart].into_iter().find(|model| model.word() == word)
    }
}

/// A pause (tạm dừng): for a supplement, or until a fee or tax is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// What it does.
    pub model: Model,
    /// Local time at which it begins.
    pub from: DateTime,
    /// Local time at which it ends.
    pub to: DateTime,
}

/// When a dossier is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueDate {
    /// Local time; none where there is no promise.
    pub at: Option<DateTime>,
    /// A year on the way is not decided yet: the date may still move.
    pub provisional: bool,
}

/// Why no date can be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DueError {
    /// Unknown unit, a negative or missing number, a fraction of a day or of a minute.
    #[error("the term cannot be: {why}")]
    Term {
        /// What is wrong.
        why: &'static str,
    },
    /// See there.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A pause that ends before it begins, or begins before the reception or the end of the one
    /// before.
    #[error("pause {number} does not follow on what was before it, or ends before it begins")]
    Pause {
        /// Which, from 1.
        number: usize,
    },
    /// Nothing is worked in 400 days.
    #[error("no working time in 400 days: check the office's hours")]
    NoWorkingTime,
}

impl Term {
    /// From a unit and a number as they stand in a catalogue.
    ///
    /// # Errors
    /// [`DueError::Term`]
    pub fn read(unit: &str, n: Option<f64>) -> Result<Self, DueError> {
        let fault = |why| DueError::Term { why };
        let whole = |most: f64| match n {
            None => Err(fault("a number is missing")),
            Some(n) if !n.is_finite() || n < 0.0 => Err(fault("its number is negative or none")),
            Some(n) if n > most => Err(fault("it is too long")),
            Some(n) => Ok(n),
        };
        let days = || match whole(MOST_DAYS)? {
            n if n.fract() == 0.0 => Ok(n as u32),
            _ => Err(fault("there are no fractions of a day")),
        };
        match unit {
            "working_days" => Ok(Self::WorkingDays(days()?)),
            "calendar_days" => Ok(Self::CalendarDays(days()?)),
            "working_hours" => {
                // 0.1 h are six minutes, however 0.1 is kept.
                let minutes = whole(MOST_HOURS)? * 60.0;
                if (minutes - minutes.round()).abs() > 1e-6 {
                    return Err(fault("there are no fractions of a minute"));
                }
                Ok(Self::WorkingMinutes(minutes.round() as u32))
            }
            "same_day" => Ok(Self::SameDay),
            "none" => Ok(Self::None),
            _ => Err(fault("its unit is not known")),
        }
    }

    /// When what is received at an instant is due.
    fn run(self, time: &WorkTime, received: DateTime) -> Option<DateTime> {
        // Papers that come outside of working time count as received at the next opening.
        let start = time.next_instant(received)?;
        let on = |date: jiff::civil::Date| time.next_instant(date.to_datetime(start.time()));
        match self {
            Self::WorkingDays(n) => on(time.worked_after(start.date(), n)?),
            Self::CalendarDays(n) => {
                on(time.next_worked(start.date().checked_add(i64::from(n).days()).ok()?)?)
            }
            Self::WorkingMinutes(0) => Some(start),
            Self::WorkingMinutes(n) => time.walk(start, u64::from(n) * 60),
            Self::SameDay if start.hour() < SAME_DAY_ENDS => time.close(start.date()),
            Self::SameDay => time.close(time.worked_after(start.date(), 1)?),
            Self::None => None,
        }
    }
}

/// When a dossier received at a local time is due, after its pauses in order.
///
/// # Errors
/// [`DueError`]; there is no date then.
pub fn due(
    time: &WorkTime,
    term: Term,
    received: DateTime,
    pauses: &[Pause],
) -> Result<DueDate, DueError> {
    let mut before = received;
    for (number, pause) in (1..).zip(pauses) {
        if pause.from < before || pause.to < pause.from {
            return Err(DueError::Pause { number });
        }
        before = pause.to;
    }
    if term == Term::None {
        return Ok(DueDate { at: None, provisional: false });
    }
    let first = term.run(time, received).ok_or(DueError::NoWorkingTime)?;
    let at = pauses.iter().try_fold(first, |due, pause| {
        after_pause(time, term, due, pause).ok_or(DueError::NoWorkingTime)
    })?;
    let provisional = !time.is_final(received.year(), at.year());
    Ok(DueDate { at: Some(at), provisional })
}

/// Where a date in force goes through one pause; none where nothing is worked any more.
pub fn after_pause(time: &WorkTime, term: Term, due: DateTime, pause: &Pause) -> Option<DateTime> {
    // Choice: a pause never brings a date forward. It could only where the date is an opening and
    // the walk stops at the closing before it.
    Some(due.max(paused(time, term, due, pause)?))
}

fn paused(time: &WorkTime, term: Term, due: DateTime, pause: &Pause) -> Option<DateTime> {
    // Choice: what is overdue stays so, and nothing is left that could be paused.
    if pause.from >= due {
        return Some(due);
    }
    match pause.model {
        Model::Restart => term.run(time, pause.to),
        Model::StopClock => match time.between(pause.from, due) {
            0 => time.next_instant(pause.to),
            left => time.walk(pause.to, left),
        },
    }
}
