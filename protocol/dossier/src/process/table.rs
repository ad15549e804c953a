//! The processes of procedures as data: which steps, where, in how many working hours, for what is received
//! on which days. Read whole or refused with line and column.

use super::limits::{FILE_BYTES, ROWS, SECTION_CHARACTERS, STEP_HOURS, STEPS};
use crate::action::NAME_CHARACTERS;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A step of a process (công đoạn, bước).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// From 1.
    pub number: u32,
    /// Section (bộ phận) that does it.
    pub section: Section,
    /// Who in it.
    pub role: StageRole,
    /// Working minutes; none where no real ones are known.
    pub minutes: Option<u32>,
}

/// A section of an office (bộ phận, phòng).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Section {
    /// Small letters, digits and hyphens; the same wherever it is named.
    pub id: String,
    /// As it is shown.
    pub name: String,
}

/// Whose work a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageRole {
    /// Who receives and returns (cán bộ một cửa).
    Reception,
    /// Who works on it (chuyên viên).
    Specialist,
    /// Who signs (lãnh đạo).
    Leader,
    /// Who takes the fee (thủ quỹ).
    Treasurer,
}

impl StageRole {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Reception, "reception", "Cán bộ một cửa"),
        (Self::Specialist, "specialist", "Chuyên viên"),
        (Self::Leader, "leader", "Lãnh đạo"),
        (Self::Treasurer, "treasurer", "Thủ quỹ"),
    ];

    /// As files and answers write it.
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        Self::ALL[self as usize].2
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.1 == word).map(|one| one.0)
    }
}

/// A version of a procedure's process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Number of the version.
    pub version: u32,
    /// First day of reception for which it holds.
    pub valid_from: Date,
    /// Last one.
    pub valid_until: Option<Date>,
    /// Its steps, in order.
    pub stages: Vec<Stage>,
}

impl Process {
    /// A step by its number.
    pub fn stage(&self, number: u32) -> Option<&Stage> {
        self.stages.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    fn holds(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|last| day <= last)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.holds(other.valid_from) || other.holds(self.valid_from)
    }
}

/// The processes of all procedures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table(BTreeMap<String, Vec<Process>>);

impl Table {
    /// The example that is compiled in.
    pub fn built_in() -> Self {
        Self::read(include_str!("../../data/process-steps.csv")).unwrap_or_default()
    }

    /// The process of a procedure for what is received on a day: its own, else that of all procedures; none
    /// where neither is in force.
    pub fn in_force(&self, procedure: &str, received: Date) -> Option<&Process> {
        let of = |name: &str| self.0.get(name)?.iter().find(|version| version.holds(received));
        of(procedure).or_else(|| of(""))
    }

    /// All sections, by id.
    pub fn sections(&self) -> Vec<&Section> {
        let stages = self.0.values().flatten().flat_map(|version| &version.stages);
        let all: BTreeMap<&str, &Section> =
            stages.map(|stage| (stage.section.id.as_str(), &stage.section)).collect();
        all.into_values().collect()
    }

    /// Reads a table. Lines that begin with `#` are remarks.
    ///
    /// # Errors
    /// [`TableError`] with line and column of the first fault.
    pub fn read(text: &str) -> Result<Self, TableError> {
        if text.len() > FILE_BYTES {
            return Err(TableError::TooLarge { what: "bytes", limit: FILE_BYTES });
        }
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        let mut table = Self::default();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (count, record) in reader.records().enumerate() {
            if count == ROWS {
                return Err(TableError::TooLarge { what: "rows", limit: ROWS });
            }
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Row = record.deserialize(Some(&headers))?;
            let fault = |(column, why): Fault| TableError::Row { line, column, why };
            let stage = row.stage().map_err(fault)?;
            let known = names.entry(stage.section.id.clone());
            if *known.or_insert_with(|| stage.section.name.clone()) != stage.section.name {
                return Err(fault(("section_name", "a section has one name")));
            }
            table.add(row, stage).map_err(fault)?;
        }
        Ok(table)
    }

    fn add(&mut self, row: Row, stage: Stage) -> Result<(), Fault> {
        if row.valid_until.is_some_and(|last| last < row.valid_from) {
            return Err(("valid_until", "is before valid_from"));
        }
        let versions = self.0.entry(row.procedure).or_default();
        let Row { version, valid_from, valid_until, .. } = row;
        let open = versions.iter_mut().find(|one| one.version == version);
        if let Some(open) = open {
            if (open.valid_from, open.valid_until) != (valid_from, valid_until) {
                return Err(("valid_from", "differs from the earlier steps of this version"));
            }
            if stage.number as usize != open.stages.len() + 1 {
                return Err(("step", "does not follow on the step before it"));
            }
            open.stages.push(stage);
            return Ok(());
        }
        if stage.number != 1 {
            return Err(("step", "the first step of a version is 1"));
        }
        let new = Process { version, valid_from, valid_until, stages: vec![stage] };
        if versions.iter().any(|known| known.overlaps(&new)) {
            return Err(("valid_from", "another version is in force on the same days"));
        }
        versions.push(new);
        Ok(())
    }
}

/// Column and reason.
type Fault = (&'static str, &'static str);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    procedure: String,
    version: u32,
    valid_from: Date,
    valid_until: Option<Date>,
    step: u32,
    section: String,
    section_name: String,
    role: String,
    hours: Option<f64>,
    source: String,
}

impl Row {
    fn stage(&self) -> Result<Stage, Fault> {
        if !self.procedure.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return Err(("procedure", "must be digits and dots, or empty for all procedures"));
        }
        if !(1..=STEPS).contains(&self.step) {
            return Err(("step", "must be between 1 and 50"));
        }
        if !is_section(&self.section) {
            return Err(("section", "must be 1 to 40 small letters, digits or hyphens"));
        }
        let length = self.section_name.chars().count();
        if self.section_name.trim().is_empty() || length > NAME_CHARACTERS {
            return Err(("section_name", "must have 1 to 200 characters"));
        }
        let role = StageRole::from_word(&self.role);
        let role = role.ok_or(("role", "must be reception, specialist, leader or treasurer"))?;
        if self.source.trim().is_empty() {
            return Err(("source", "must say where the step comes from"));
        }
        let minutes = match self.hours {
            None => None,
            Some(hours) if !(hours > 0.0 && hours <= STEP_HOURS) => {
                return Err(("hours", "must be more than 0 and at most 2000, or empty"));
            }
            Some(hours) if (hours * 60.0 - (hours * 60.0).round()).abs() > 1e-6 => {
                return Err(("hours", "must be whole minutes"));
            }
            Some(hours) => Some((hours * 60.0).round() as u32),
        };
        let section = Section { id: self.section.clone(), name: self.section_name.clone() };
        Ok(Stage { number: self.step, section, role, minutes })
    }
}

/// Whether a text can be the id of a section.
pub(crate) fn is_section(text: &str) -> bool {
    (1..=SECTION_CHARACTERS).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not a CSV of the right columns.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// A row that cannot be right.
    #[error("line {line}, {column}: {why}")]
    Row {
        /// Line in the file.
        line: u64,
        /// Which column.
        column: &'static str,
        /// Why.
        why: &'static str,
    },
    /// More than any city has.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &str =
        "procedure,version,valid_from,valid_until,step,section,section_name,role,hours,source\n";

    #[test]
    fn the_built_in_table_is_whole_and_every_procedure_has_a_process() {
        let text = include_str!("../../data/process-steps.csv");
        assert_eq!(Table::read(text).unwrap(), Table::built_in());
        let day = "2026-11-25".parse().unwrap();
        for procedure in crate::procedure::built_in() {
            let process = Table::built_in();
            let process = process.in_force(&procedure.code, day).unwrap();
            assert_eq!(process.stages[0].role, StageRole::Reception, "{}", procedure.code);
        }
        // Where hours are given they share out the term.
        let own = Table::built_in().in_force("1.004873", day).unwrap().clone();
        let minutes: u32 = own.stages.iter().filter_map(|stage| stage.minutes).sum();
        assert_eq!((own.stages.len(), minutes), (4, 3 * 8 * 60));
        assert_eq!(Table::built_in().sections().len(), 4);
    }

    #[test]
    fn the_version_in_force_on_the_day_of_reception_is_taken() {
        let rows = "1.1,1,2020-01-01,2026-06-30,1,a,A,reception,4,x\n\
                    1.1,2,2026-07-01,,1,a,A,reception,2,x\n\
                    1.1,2,2026-07-01,,2,b,B,leader,0.1,x\n\
                    ,1,2020-01-01,,1,c,C,specialist,,x\n";
        let table = Table::read(&format!("# a remark\n{HEAD}{rows}")).unwrap();
        let found = |procedure, day: &str| {
            let process = table.in_force(procedure, day.parse().unwrap())?;
            Some((process.version, process.stages.len(), process.stages[0].minutes))
        };
        assert_eq!(found("1.1", "2026-06-30"), Some((1, 1, Some(240))));
        assert_eq!(found("1.1", "2026-07-01"), Some((2, 2, Some(120))));
        assert_eq!(found("2.2", "2026-07-01"), Some((1, 1, None)), "the one of all procedures");
        assert_eq!(found("1.1", "2019-12-31"), None);
        let second = table.in_force("1.1", "2026-07-01".parse().unwrap()).unwrap().stage(2);
        assert_eq!(second.unwrap().minutes, Some(6));
    }

    #[test]
    fn a_wrong_file_is_refused_naming_line_and_column() {
        let good = "1.1,1,2020-01-01,,1,a,A,reception,4,x\n";
        let fault = |rows: &str| Table::read(&format!("{HEAD}{rows}")).unwrap_err().to_string();
        let after = |row: &str| fault(&format!("{good}{row}"));
        for (row, said) in [
            ("1.1,1,2020-01-01,,3,a,A,reception,4,x", "line 3, step: does not follow"),
            ("1.1,1,2020-01-01,,1,a,A,reception,4,x", "line 3, step: does not follow"),
            ("1.1,1,2020-01-02,,2,a,A,reception,4,x", "line 3, valid_from: differs"),
            ("1.1,2,2026-01-01,,1,a,A,reception,4,x", "line 3, valid_from: another version"),
            ("1.1,2,2019-01-01,2018-01-01,1,a,A,leader,4,x", "line 3, valid_until: is before"),
            ("1.2,1,2020-01-01,,2,a,A,reception,4,x", "line 3, step: the first"),
            ("1.1,1,2020-01-01,,2,a,Khác,reception,4,x", "line 3, section_name: a section has"),
            ("1.1,1,2020-01-01,,2,Bộ,A,reception,4,x", "line 3, section: must be"),
            ("1.1,1,2020-01-01,,2,b,A,boss,4,x", "line 3, role: must be"),
            ("1.1,1,2020-01-01,,2,b,A,leader,0,x", "line 3, hours: must be more"),
            ("1.1,1,2020-01-01,,2,b,A,leader,NaN,x", "line 3, hours: must be more"),
            ("1.1,1,2020-01-01,,2,b,A,leader,0.001,x", "line 3, hours: must be whole"),
            ("1.1,1,2020-01-01,,2,b,A,leader,4,", "line 3, source: must say"),
            ("x,1,2020-01-01,,1,a,A,reception,4,x", "line 3, procedure: must be"),
            ("1.1,1,2020-01-01,,51,a,A,reception,4,x", "line 3, step: must be between"),
        ] {
            let found = after(row);
            assert!(found.starts_with(said), "{row}: {found}");
        }
        assert!(fault("1.1,1,yesterday,,1,a,A,reception,4,x\n").contains("line: 2"));
        assert!(Table::read("a,b\n1,2\n").is_err());
        let large = "#".repeat(FILE_BYTES + 1);
        assert!(matches!(Table::read(&large), Err(TableError::TooLarge { what: "bytes", .. })));
    }
}
