//! A calendar as it is written down: JSON that people edit, read whole or refused.

use super::{Calendar, CalendarError, Day, Hours};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A calendar in a file. With `extends`, its years and dates replace those of the same key in the
/// calendar of that name.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct CalendarFile {
    /// Name of the calendar that it builds on.
    #[serde(default)]
    pub extends: Option<String>,
    /// Years, and whether their holidays are decided.
    #[serde(default)]
    pub years: BTreeMap<String, YearFile>,
    /// Days that are not as their weekday.
    #[serde(default)]
    pub dates: Vec<DateFile>,
}

/// A year.
#[derive(Debug, Clone, Deserialize)]
pub struct YearFile {
    /// Whether the authority has decided its holidays.
    #[serde(rename = "final")]
    pub is_final: bool,
}

/// A day that is not as its weekday.
#[derive(Debug, Clone, Deserialize)]
pub struct DateFile {
    /// `YYYY-MM-DD`.
    pub date: String,
    /// `off` or `worked`.
    pub kind: String,
    /// Hours of a worked day that are not the office's.
    #[serde(default)]
    pub hours: Option<Vec<(String, String)>>,
}

/// Hours of an office, as it writes them down.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct OfficeFile {
    /// Hours of a working day; the usual ones if there are none here.
    #[serde(default)]
    pub hours: Option<Vec<(String, String)>>,
    /// Days of this office alone; they beat the calendar's.
    #[serde(default)]
    pub overrides: Vec<DateFile>,
}

impl CalendarFile {
    /// Puts it on top of the calendar that it extends, if any.
    ///
    /// # Errors
    /// [`CalendarError`] naming the first fault, and for a calendar that is not known here.
    pub fn read(
        &self,
        known: impl Fn(&str) -> Option<Calendar>,
    ) -> Result<Calendar, CalendarError> {
        let mut calendar = match &self.extends {
            None => Calendar::default(),
            Some(name) => {
                known(name).ok_or_else(|| CalendarError::Unknown { name: name.clone() })?
            }
        };
        for (year, file) in &self.years {
            let year: i16 = year.parse().map_err(|_| CalendarError::Date { text: year.clone() })?;
            calendar.years.insert(year, file.is_final);
        }
        calendar.dates.extend(layer(&self.dates)?);
        Ok(calendar)
    }
}

/// Days of one layer, each at most once.
pub(super) fn layer(dates: &[DateFile]) -> Result<BTreeMap<Date, Day>, CalendarError> {
    let mut days = BTreeMap::new();
    for file in dates {
        let fault = || CalendarError::Date { text: file.date.clone() };
        let date: Date = file.date.parse().map_err(|_| fault())?;
        let hours = file.hours.as_deref().map(Hours::read).transpose()?;
        let day = match file.kind.as_str() {
            "off" => Day::Off,
            "worked" => Day::Worked(hours),
            kind => return Err(CalendarError::Kind { date, kind: kind.to_owned() }),
        };
        if days.insert(date, day).is_some() {
            return Err(CalendarError::Twice { date });
        }
    }
    Ok(days)
}
