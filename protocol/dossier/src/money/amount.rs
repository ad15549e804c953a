//! Whole đồng.

use super::limits::MOST;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in đồng, at most [`MOST`]. Sums of amounts are plain numbers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Dong(u64);

impl Dong {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// That many; none beyond the limit.
    pub fn new(amount: u64) -> Option<Self> {
        (amount <= MOST).then_some(Self(amount))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// What is left when a percentage of it is not due; part of a đồng is not asked for.
    #[must_use]
    pub fn less_percent(self, percent: u8) -> Self {
        Self(self.0 * u64::from(100 - percent.min(100)) / 100)
    }
}

impl TryFrom<u64> for Dong {
    type Error = String;

    fn try_from(amount: u64) -> Result<Self, String> {
        Self::new(amount).ok_or_else(|| format!("an amount is at most {}", written(MOST)))
    }
}

impl From<Dong> for u64 {
    fn from(amount: Dong) -> Self {
        amount.0
    }
}

impl fmt::Display for Dong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0))
    }
}

/// A number of đồng as people here read it, `1.250.000 ₫`.
pub fn written(amount: u64) -> String {
    let digits = amount.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    out + " ₫"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_amount_is_whole_đồng_within_the_limit_and_is_written_in_thousands() {
        assert_eq!(Dong::new(1_250_000).unwrap().to_string(), "1.250.000 ₫");
        assert_eq!(Dong::new(999).unwrap().to_string(), "999 ₫");
        assert_eq!((Dong::new(MOST).map(Dong::get), Dong::new(MOST + 1)), (Some(MOST), None));
        assert_eq!(serde_json::from_str::<Dong>("8000").unwrap().get(), 8_000);
        for bad in ["-1", "1.5", "1e3", "\"8000\"", "100000000001"] {
            assert!(serde_json::from_str::<Dong>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reduction_never_asks_for_part_of_a_đồng() {
        assert_eq!(Dong::new(8_001).unwrap().less_percent(50).get(), 4_000);
        assert_eq!(Dong::new(8_000).unwrap().less_percent(100), Dong::ZERO);
        assert_eq!(Dong::new(MOST).unwrap().less_percent(0).get(), MOST);
    }
}
