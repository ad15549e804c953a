//! Working hours of one day.

use super::CalendarError;

/// Seconds of a day.
pub(crate) const DAY: u32 = 86_400;

/// A stretch of a day, in seconds since midnight: its start is inside, its end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First second.
    pub start: u32,
    /// First second that is not in it; 86,400 at the end of the day.
    pub end: u32,
}

/// The intervals of a day, in order; none on a day without work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours(Vec<Interval>);

impl Hours {
    /// 07:30 to 11:30 and 13:00 to 17:00, where an office has no others.
    pub fn usual() -> Self {
        let at = |hour: u32, minute: u32| hour * 3_600 + minute * 60;
        Self(vec![
            Interval { start: at(7, 30), end: at(11, 30) },
            Interval { start: at(13, 0), end: at(17, 0) },
        ])
    }

    /// From times such as `07:30`.
    ///
    /// # Errors
    /// [`CalendarError::Hours`] for what is no time, and for intervals that overlap or run
    /// backwards.
    pub fn read(pairs: &[(String, String)]) -> Result<Self, CalendarError> {
        let fault = |why| CalendarError::Hours { why };
        let mut all = Vec::new();
        for (start, end) in pairs {
            let interval = Interval { start: time(start)?, end: time(end)? };
            if interval.start >= interval.end {
                return Err(fault(format!("{start} to {end} runs backwards")));
            }
            all.push(interval);
        }
        all.sort_unstable();
        if let Some(pair) = all.windows(2).find(|pair| pair[0].end > pair[1].start) {
            return Err(fault(format!("{:?} and {:?} overlap", pair[0], pair[1])));
        }
        Ok(Self(all))
    }

    /// The intervals, in order.
    pub fn intervals(&self) -> &[Interval] {
        &self.0
    }
}

/// `HH:MM` or `HH:MM:SS`, up to `24:00`.
fn time(text: &str) -> Result<u32, CalendarError> {
    let fault = || CalendarError::Hours { why: format!("“{text}” is no time of day") };
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &str, below: u32| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let value = part.parse::<u32>().ok().filter(|_| digits);
        value.filter(|value| *value < below).ok_or_else(fault)
    };
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(fault()),
    };
    let time = number(hour, 25)? * 3_600 + number(minute, 60)? * 60 + number(second, 60)?;
    if time <= DAY { Ok(time) } else { Err(fault()) }
}
