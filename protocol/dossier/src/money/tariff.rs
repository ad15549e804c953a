//! Fees and charges of procedures, and reasons for which they are less: tables by the day of reception.

use super::amount::Dong;
use jiff::civil::Date;
use serde::Deserialize;
use std::sync::LazyLock;

/// A fee or charge of a procedure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tariff {
    /// Code of the procedure.
    pub procedure: String,
    /// `fee` (phí) or `charge` (lệ phí).
    pub what: String,
    /// Name.
    pub name: String,
    /// Đồng for one unit.
    pub amount: Dong,
    /// Unit, such as a copy or a page.
    pub unit: String,
    /// Act of law that sets it.
    pub basis: String,
    valid_from: Date,
    valid_until: Option<Date>,
}

/// A reason for which a fee is not, or not wholly, due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reduction {
    /// Its word.
    pub code: String,
    /// Percent that is not due.
    pub percent: u8,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
    /// Act of law.
    pub basis: String,
    valid_from: Date,
    valid_until: Option<Date>,
}

static TARIFFS: LazyLock<Vec<Tariff>> =
    LazyLock::new(|| read(include_str!("../../data/fees.csv")).unwrap_or_default());
static REDUCTIONS: LazyLock<Vec<Reduction>> =
    LazyLock::new(|| read(include_str!("../../data/fee-reductions.csv")).unwrap_or_default());

pub(super) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    reader.deserialize().collect()
}

/// Whether a day lies within an interval.
pub(super) fn holds(day: Date, from: Date, until: Option<Date>) -> bool {
    from <= day && until.is_none_or(|last| day <= last)
}

/// What a procedure costs that was received on a day.
pub fn tariffs(procedure: &str, received: Date) -> Vec<&'static Tariff> {
    let all = TARIFFS.iter().filter(|one| one.procedure == procedure);
    all.filter(|one| holds(received, one.valid_from, one.valid_until)).collect()
}

/// Reasons for less, on a day of reception.
pub fn reductions(received: Date) -> Vec<&'static Reduction> {
    let all = REDUCTIONS.iter();
    all.filter(|one| holds(received, one.valid_from, one.valid_until)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::procedure::built_in;

    #[test]
    fn the_tables_are_whole_and_speak_of_procedures_that_there_are() {
        let all: Vec<Tariff> = read(include_str!("../../data/fees.csv")).unwrap();
        assert_eq!(all.len(), 6);
        let known = built_in();
        for one in &all {
            assert!(known.iter().any(|procedure| procedure.code == one.procedure), "{one:?}");
            assert!(matches!(one.what.as_str(), "fee" | "charge") && !one.basis.is_empty());
        }
        let all: Vec<Reduction> = read(include_str!("../../data/fee-reductions.csv")).unwrap();
        assert!(all.len() == 6 && all.iter().all(|one| one.percent <= 100));
    }

    #[test]
    fn a_fee_is_that_of_the_day_of_reception() {
        let day = |text: &str| text.parse().unwrap();
        assert_eq!(tariffs("2.000884", day("2026-03-02"))[0].amount.get(), 10_000);
        assert!(tariffs("2.000884", day("2016-12-31")).is_empty());
        assert!(tariffs("1.001193", day("2026-03-02")).is_empty(), "not known, so not invented");
        assert!(reductions(day("2016-12-31")).is_empty());
    }
}
