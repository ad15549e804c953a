//! Whom to phone: telephones of offices and their sections, as a file that central IT gives the machines.

use super::{TableError, limits::FILE_BYTES, table::is_section};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Longest telephone number.
const PHONE_CHARACTERS: usize = 50;

/// Telephones by administrative code of the office and id of the section, which is empty for the office.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telephones(BTreeMap<(String, String), String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    office: String,
    section: String,
    phone: String,
}

impl Telephones {
    /// Reads a file with the columns office, section, phone. Lines that begin with `#` are remarks.
    ///
    /// # Errors
    /// [`TableError`] with line and column of the first fault.
    pub fn read(text: &str) -> Result<Self, TableError> {
        if text.len() > FILE_BYTES {
            return Err(TableError::TooLarge { what: "bytes", limit: FILE_BYTES });
        }
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        let mut all = BTreeMap::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let Row { office, section, phone } = record.deserialize(Some(&headers))?;
            let fault = |column, why| Err(TableError::Row { line, column, why });
            if office.trim().is_empty() {
                return fault("office", "must be the administrative code of an office");
            }
            if !(section.is_empty() || is_section(&section)) {
                return fault("section", "must be 1 to 40 small letters, digits or hyphens");
            }
            let is_phone = |c: char| c.is_ascii_digit() || " +-.()/".contains(c);
            let digits = phone.chars().filter(char::is_ascii_digit).count();
            if digits < 3 || phone.len() > PHONE_CHARACTERS || !phone.chars().all(is_phone) {
                return fault("phone", "must be a telephone number of at most 50 characters");
            }
            if all.insert((office, section), phone).is_some() {
                return fault("section", "stands twice");
            }
        }
        Ok(Self(all))
    }

    /// The telephone of a section, else that of its office.
    pub fn of(&self, office: &str, section: &str) -> Option<&str> {
        let of = |section: &str| self.0.get(&(office.to_owned(), section.to_owned()));
        of(section).or_else(|| of("")).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_section_without_a_telephone_has_that_of_its_office() {
        let text = "office,section,phone\n# remark\n27439,,028 3855 0001\n27439,tu-phap,+84 28 3855-0002\n";
        let all = Telephones::read(text).unwrap();
        assert_eq!(all.of("27439", "tu-phap"), Some("+84 28 3855-0002"));
        assert_eq!(all.of("27439", "dia-chinh"), Some("028 3855 0001"));
        assert_eq!(all.of("27440", ""), None);
    }

    #[test]
    fn a_wrong_file_of_telephones_is_refused_naming_the_line() {
        let fault =
            |row: &str| Telephones::read(&format!("office,section,phone\n{row}\n")).unwrap_err();
        for (row, said) in [
            (",,113", "line 2, office"),
            ("1,Bộ,113", "line 2, section"),
            ("1,,call Lan", "line 2, phone"),
            ("1,,12", "line 2, phone"),
            ("1,,113\n1,,114", "line 3, section: stands twice"),
        ] {
            assert!(fault(row).to_string().contains(said), "{row}: {}", fault(row));
        }
    }
}
