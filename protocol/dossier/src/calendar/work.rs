//! Walking through working time.

use super::{Calendar, CalendarError, Day, Hours, Interval, OfficeFile, file::layer, hours::DAY};
use jiff::{
    ToSpan,
    civil::{Date, DateTime, Weekday},
};
use std::collections::BTreeMap;

/// Days without any work after which there is none to be expected.
const IDLE_DAYS: usize = 400;

/// The working time of one office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTime {
    calendar: Calendar,
    hours: Hours,
    overrides: BTreeMap<Date, Day>,
}

impl WorkTime {
    /// Of an office that works in the usual hours.
    pub fn usual(calendar: Calendar) -> Self {
        Self { calendar, hours: Hours::usual(), overrides: BTreeMap::new() }
    }

    /// Of an office with hours and days of its own.
    ///
    /// # Errors
    /// [`CalendarError`] naming what in its file cannot be.
    pub fn of_office(calendar: Calendar, office: &OfficeFile) -> Result<Self, CalendarError> {
        let hours = match &office.hours {
            Some(pairs) => Hours::read(pairs)?,
            None => Hours::usual(),
        };
        Ok(Self { calendar, hours, overrides: layer(&office.overrides)? })
    }

    /// Whether the holidays of all years from one to another are decided.
    pub fn is_final(&self, from: i16, to: i16) -> bool {
        (from..=to).all(|year| self.calendar.is_final(year))
    }

    /// What is worked on a day.
    pub fn intervals(&self, date: Date) -> &[Interval] {
        match self.overrides.get(&date).or_else(|| self.calendar.day(date)) {
            Some(Day::Off) => &[],
            Some(Day::Worked(Some(hours))) => hours.intervals(),
            Some(Day::Worked(None)) => self.hours.intervals(),
            None => match date.weekday() {
                Weekday::Saturday | Weekday::Sunday => &[],
                _ => self.hours.intervals(),
            },
        }
    }

    /// Whether anything is worked on a day.
    pub fn is_worked(&self, date: Date) -> bool {
        !self.intervals(date).is_empty()
    }

    /// The instant itself if work is going on, else the next opening; none if there is none within
    /// 400 days.
    pub fn next_instant(&self, at: DateTime) -> Option<DateTime> {
        let from = second_of(at);
        let today = self.intervals(at.date()).iter().find(|interval| interval.end > from);
        if let Some(interval) = today {
            return if interval.start <= from {
                Some(at)
            } else {
                instant(at.date(), interval.start)
            };
        }
        let date = self.next_worked(at.date().tomorrow().ok()?)?;
        instant(date, self.intervals(date).first()?.start)
    }

    /// The first worked day from this one on.
    pub fn next_worked(&self, from: Date) -> Option<Date> {
        let days = std::iter::successors(Some(from), |date| date.tomorrow().ok());
        days.take(IDLE_DAYS).find(|date| self.is_worked(*date))
    }

    /// The `n`-th worked day after this one.
    pub fn worked_after(&self, date: Date, n: u32) -> Option<Date> {
        (0..n).try_fold(date, |date, _| self.next_worked(date.tomorrow().ok()?))
    }

    /// The end of the last interval of a worked day.
    pub fn close(&self, date: Date) -> Option<DateTime> {
        instant(date, self.intervals(date).last()?.end)
    }

    /// So many seconds of work later. Landing exactly on an interval's end stays there.
    pub fn walk(&self, from: DateTime, seconds: u64) -> Option<DateTime> {
        let mut at = self.next_instant(from)?;
        let mut left = seconds;
        loop {
            let now = second_of(at);
            let interval = self.intervals(at.date()).iter().find(|one| one.end > now)?;
            let here = u64::from(interval.end - now.max(interval.start));
            if left <= here {
                return at.checked_add(i64::try_from(left).ok()?.seconds()).ok();
            }
            left -= here;
            at = self.next_instant(instant(at.date(), interval.end)?)?;
        }
    }

    /// Seconds of work between two instants; none if the second is not later.
    pub fn between(&self, from: DateTime, to: DateTime) -> u64 {
        let days = std::iter::successors(Some(from.date()), |date| date.tomorrow().ok());
        let days = days.take_while(|date| *date <= to.date());
        days.map(|date| {
            let start = if date == from.date() { second_of(from) } else { 0 };
            let end = if date == to.date() { second_of(to) } else { DAY };
            let within = |one: &Interval| one.end.min(end).saturating_sub(one.start.max(start));
            self.intervals(date).iter().map(within).map(u64::from).sum::<u64>()
        })
        .sum()
    }
}

/// Seconds since midnight; what is below a second is not counted.
fn second_of(at: DateTime) -> u32 {
    (i32::from(at.hour()) * 3_600 + i32::from(at.minute()) * 60 + i32::from(at.second())) as u32
}

fn instant(date: Date, second: u32) -> Option<DateTime> {
    date.at(0, 0, 0, 0).checked_add(i64::from(second).seconds()).ok()
}
