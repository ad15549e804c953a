//! Working time: the week, holidays and swapped days (hoán đổi ngày làm việc, làm bù), the hours of an
//! office, and walking through them.
//!
//! Local time is that of Asia/Ho_Chi_Minh, +07:00 all year. Holidays follow the yearly notices of
//! the Government for civil servants; what was not decided yet is marked as not final.

mod file;
mod hours;
mod work;

pub use file::{CalendarFile, DateFile, OfficeFile, YearFile};
pub use hours::{Hours, Interval};
pub use work::WorkTime;

use jiff::civil::Date;
use std::{collections::BTreeMap, sync::LazyLock};

/// Every office works in the usual hours, until offices can say theirs.
static USUAL: LazyLock<WorkTime> = LazyLock::new(|| WorkTime::usual(Calendar::vietnam()));

/// The working time by which dates are reckoned.
pub fn usual() -> &'static WorkTime {
    &USUAL
}

/// A day that is not as its weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Day {
    /// Nobody works.
    Off,
    /// It is worked, in these hours or the office's, whatever the weekday.
    Worked(Option<Hours>),
}

/// Holidays and swapped days of some years.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// Years, and whether they are decided; a year that is not here is not.
    years: BTreeMap<i16, bool>,
    dates: BTreeMap<Date, Day>,
}

/// A calendar or hours that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Hours that overlap, run backwards or are no times.
    #[error("working hours: {why}")]
    Hours {
        /// What is wrong.
        why: String,
    },
    /// Not a date or year.
    #[error("“{text}” is no date of the calendar")]
    Date {
        /// What stands there.
        text: String,
    },
    /// A day that is neither off nor worked.
    #[error("{date}: “{kind}” is neither off nor worked")]
    Kind {
        /// Which day.
        date: Date,
        /// What stands there.
        kind: String,
    },
    /// Two entries for one day.
    #[error("{date} stands there twice")]
    Twice {
        /// Which day.
        date: Date,
    },
    /// It builds on a calendar that is not here.
    #[error("there is no calendar “{name}” to build on")]
    Unknown {
        /// Its name.
        name: String,
    },
}

impl Calendar {
    /// The calendar of civil servants, 2025 to 2027, compiled in. From public notices; 2027 is not
    /// final. To be checked against the notices in force before real use.
    pub fn vietnam() -> Self {
        let file: Result<CalendarFile, _> =
            serde_json::from_str(include_str!("../../data/calendar-vn.json"));
        file.ok().and_then(|file| file.read(|_| None).ok()).unwrap_or_default()
    }

    /// Whether the holidays of a year are decided.
    pub fn is_final(&self, year: i16) -> bool {
        self.years.get(&year).copied().unwrap_or_default()
    }

    fn day(&self, date: Date) -> Option<&Day> {
        self.dates.get(&date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_calendar_is_whole() {
        let calendar = Calendar::vietnam();
        assert!(calendar.is_final(2_025) && calendar.is_final(2_026) && !calendar.is_final(2_027));
        let holiday: Date = "2026-11-24".parse().expect("a date");
        assert_eq!(calendar.day(holiday), Some(&Day::Off));
    }
}
