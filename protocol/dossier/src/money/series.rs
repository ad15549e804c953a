//! Numbers of receipts: the symbol and form of a year, as data by the day on which money is taken.

use super::tariff::{holds, read};
use jiff::civil::Date;
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
struct Row {
    symbol: String,
    digits: usize,
    valid_from: Date,
    valid_until: Option<Date>,
}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| read(include_str!("../../data/receipt-series.csv")).unwrap_or_default());

/// How receipts of a day are numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its symbol, such as `BL26`.
    pub symbol: String,
    digits: usize,
}

impl Series {
    /// That of a day; none where no rule holds.
    pub fn of(day: Date) -> Option<Self> {
        let row = ROWS.iter().find(|row| holds(day, row.valid_from, row.valid_until))?;
        let year = format!("{:02}", day.year().rem_euclid(100));
        Some(Self { symbol: row.symbol.replace("{yy}", &year), digits: row.digits })
    }

    /// A number as it is written.
    pub fn written(&self, number: u32) -> String {
        format!("{}-{number:0digits$}", self.symbol, digits = self.digits)
    }
}

/// Symbol and number of a receipt's text; none for anything else.
pub fn parts(text: &str) -> Option<(&str, u32)> {
    let (symbol, number) = text.rsplit_once('-')?;
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((symbol, plain.then(|| number.parse().ok())??))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_number_has_the_symbol_of_its_year_and_is_read_back() {
        let series = Series::of("2026-12-31".parse().unwrap()).unwrap();
        assert_eq!(series.written(123), "BL26-0000123");
        assert_eq!(parts("BL26-0000123"), Some(("BL26", 123)));
        let next = Series::of("2027-01-01".parse().unwrap()).unwrap();
        assert_eq!(next.written(123), "BL27-0000123");
        assert_eq!(Series::of("2018-06-20".parse().unwrap()), None);
        for bad in ["", "BL26", "BL26-", "BL26-12x", "BL26-99999999999"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
