//! Time as a number handed in. Nothing in this crate reads a clock.

use serde::{Deserialize, Serialize};

/// Unix time in milliseconds, as some clock claimed it. Proves nothing, orders nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

/// A monotonic instant in milliseconds since the process started; for durations only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// The instant `millis` later; saturates.
    pub fn after(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since `earlier`, zero if that lies ahead.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A hub's time, as it said it at a moment of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubTime {
    /// What the hub said.
    pub said: Timestamp,
    /// When.
    pub at: Instant,
}

/// How far a wall clock is from the hub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockError {
    /// Milliseconds ahead of the hub; behind if negative.
    pub ahead: i64,
    /// The hub's time at that moment, as it is reckoned.
    pub by_hub: Timestamp,
}

impl HubTime {
    /// The error of a wall clock that shows `wall` at `now`, where it matters.
    pub fn error(self, now: Instant, wall: Timestamp) -> Option<ClockError> {
        let since = i64::try_from(now.since(self.at)).unwrap_or(i64::MAX);
        let by_hub = Timestamp(self.said.0.saturating_add(since));
        let ahead = wall.0.saturating_sub(by_hub.0);
        let is_wrong = ahead.unsigned_abs() > crate::limits::CLOCK_WRONG_MILLIS;
        is_wrong.then_some(ClockError { ahead, by_hub })
    }
}

/// How far the claimed time may be trusted; two bits of the entry header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ClockQuality {
    /// Nobody has confirmed this clock since the process started.
    #[default]
    Unproven,
    /// A hub's signed time agreed with it.
    Proven,
    /// The clerk confirmed the date by hand.
    Confirmed,
    /// Known to be wrong when it was read.
    Wrong,
}

impl ClockQuality {
    /// The two header bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::Unproven => 0,
            Self::Proven => 1,
            Self::Confirmed => 2,
            Self::Wrong => 3,
        }
    }

    /// From the two header bits; higher bits are ignored.
    pub fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Unproven,
            1 => Self::Proven,
            2 => Self::Confirmed,
            _ => Self::Wrong,
        }
    }
}
