//! Local time: Asia/Ho_Chi_Minh, +07:00 all year, without a database of zones.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, offset},
};

const LOCAL: Offset = offset(7);

/// The local time of an instant in Unix milliseconds; none beyond the years -9999 to 9999.
pub fn of_millis(millis: i64) -> Option<DateTime> {
    Some(LOCAL.to_datetime(Timestamp::from_millisecond(millis).ok()?))
}

/// Unix milliseconds of a local time; none at the very ends of the calendar.
pub fn to_millis(local: DateTime) -> Option<i64> {
    Some(LOCAL.to_timestamp(local).ok()?.as_millisecond())
}

/// The local time of an instant as ISO 8601 writes it, with any offset.
pub fn of_text(text: &str) -> Option<DateTime> {
    Some(LOCAL.to_datetime(text.parse::<Timestamp>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_seven_hours_ahead_of_utc() {
        let there = of_text("2026-03-09T18:30:00Z").expect("an instant");
        assert_eq!(there.to_string(), "2026-03-10T01:30:00");
        let millis = to_millis(there).expect("within range");
        assert_eq!(of_millis(millis), Some(there));
        assert_eq!(of_text("2026-03-10"), None);
        assert_eq!(of_millis(i64::MAX), None);
    }
}
