//! Days as spreadsheets count them: from 1 January 1900 as day 1, with a 29 February 1900 that never was as
//! day 60, or from 1 January 1904 as day 0.

use super::Said;
use crate::finding::{Finding, stop};
use jiff::{
    SignedDuration,
    civil::{Date, Time},
};

const DAY_MILLIS: f64 = 86_400_000.0;
/// 31 December 9999.
const LAST: i64 = 2_958_465;

fn epoch(from_1904: bool, day: i64) -> Date {
    match (from_1904, day) {
        (true, _) => Date::constant(1_904, 1, 1),
        (false, ..60) => Date::constant(1_899, 12, 31),
        (false, _) => Date::constant(1_899, 12, 30),
    }
}

fn wrong(written: &str) -> Finding {
    stop(
        "date.serial",
        format!("ô ngày chứa số {written}, không phải ngày nào"),
        format!("the date cell holds the number {written}, which is no day"),
    )
}

/// The day and time of a number that is shown as a date.
pub(super) fn of(written: &str, from_1904: bool) -> Said {
    let number = written.parse::<f64>().ok().filter(|number| number.is_finite());
    let Some(number) = number else { return Said::Wrong(wrong(written)) };
    let first = if from_1904 { 0 } else { 1 };
    if !(first as f64..(LAST + 1) as f64).contains(&number) {
        return Said::Wrong(wrong(written));
    }
    let day = number.floor() as i64;
    if day == 60 && !from_1904 {
        return Said::Wrong(stop(
            "date.sixty",
            format!("ô ngày chứa số {written}: ngày 29/02/1900 không có thật"),
            format!("the date cell holds {written}: 29 February 1900 never was"),
        ));
    }
    // To the millisecond, which is finer than a number of this size can be wrong.
    let millis = ((number - number.floor()) * DAY_MILLIS).round() as i64;
    let at = epoch(from_1904, day)
        .at(0, 0, 0, 0)
        .checked_add(SignedDuration::from_hours(24 * day))
        .and_then(|at| at.checked_add(SignedDuration::from_millis(millis)));
    match at {
        Ok(at) => {
            let time = Some(at.time()).filter(|time| *time != Time::midnight() || millis != 0);
            Said::Whole(at.date(), time)
        }
        Err(_) => Said::Wrong(wrong(written)),
    }
}

/// A year that stands as a number: as a day it would lie before anybody who is alive.
pub(super) fn year(digits: &str) -> Option<i16> {
    let digits = digits.strip_suffix(".0").unwrap_or(digits);
    digits.parse::<i16>().ok().filter(|year| digits.len() == 4 && (1_900..=2_100).contains(year))
}

/// A number that is shown as a number, or digits without signs between.
pub(super) fn bare(digits: &str, from_1904: bool) -> Said {
    let compact = || {
        let at = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
        let real = |year: i16, month: i16, day: i16| {
            let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
            (1_900..=2_100).contains(&year).then_some(date)
        };
        let day_first = real(at(4, 8)?, at(2, 4)?, at(0, 2)?);
        let year_first = real(at(0, 4)?, at(4, 6)?, at(6, 8)?);
        match (day_first, year_first) {
            (Some(date), None) | (None, Some(date)) => Some(date),
            _ => None,
        }
    };
    let date = match digits.len() {
        8 if digits.bytes().all(|byte| byte.is_ascii_digit()) => compact(),
        _ => match of(digits, from_1904) {
            // Smaller numbers are counts of something.
            Said::Whole(date, _) if date.year() >= 1_920 => Some(date),
            _ => None,
        },
    };
    Said::Bare(digits.into(), date)
}
