//! The catalogue of procedures (thủ tục hành chính): a CSV, read whole or refused with row and
//! column.

use crate::due::{DueError, Term};
use serde::{Deserialize, Serialize};

/// One procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Procedure {
    /// Code, such as `1.001193`.
    pub code: String,
    /// Name.
    pub name: String,
    /// Sector.
    pub sector: String,
    /// Unit of the term, see [`Term::read`].
    pub term_unit: String,
    /// Term in that unit; 0 for units without a number.
    pub term: u32,
}

impl Procedure {
    /// How long it may take.
    ///
    /// # Errors
    /// [`DueError::Term`]; never for one that was read from a catalogue.
    pub fn term(&self) -> Result<Term, DueError> {
        Term::read(&self.term_unit, Some(f64::from(self.term)))
    }
}

/// Why a catalogue is refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not a CSV of the right columns.
    #[error("procedure catalogue: {0}")]
    Csv(#[from] csv::Error),
    /// A row that cannot be right.
    #[error("procedure catalogue, line {line}, {column}: {why}")]
    Row {
        /// Line in the file.
        line: u64,
        /// Which column.
        column: &'static str,
        /// Why.
        why: String,
    },
}

#[derive(Deserialize)]
struct Row {
    code: String,
    name_vi: String,
    sector_vi: String,
    unit: String,
    term: u32,
}

/// Common procedures of a commune, compiled in: codes and names widely published, terms from memory
/// and to be checked against the catalogue in force before real use.
pub fn built_in() -> Vec<Procedure> {
    read(include_str!("../data/procedures-commune.csv")).unwrap_or_default()
}

/// Reads a catalogue with the columns code, name_vi, sector_vi, unit, term.
///
/// # Errors
/// [`CatalogueError`] naming line and column of the first fault.
pub fn read(text: &str) -> Result<Vec<Procedure>, CatalogueError> {
    let mut procedures: Vec<Procedure> = Vec::new();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row: Row = record.deserialize(Some(&headers))?;
        let fault = |column, why: &str| CatalogueError::Row { line, column, why: why.into() };
        if row.code.is_empty() || !row.code.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return Err(fault("code", "must be digits and dots"));
        }
        if procedures.iter().any(|known| known.code == row.code) {
            return Err(fault("code", "stands twice"));
        }
        let procedure = Procedure {
            code: row.code,
            name: row.name_vi,
            sector: row.sector_vi,
            term_unit: row.unit,
            term: row.term,
        };
        procedure.term().map_err(|error| fault("unit", &error.to_string()))?;
        procedures.push(procedure);
    }
    Ok(procedures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_whole() {
        let all = built_in();
        assert_eq!(all.len(), 22);
        assert!(all.iter().any(|p| p.code == "1.001193" && p.name == "Đăng ký khai sinh"));
    }

    #[test]
    fn faults_are_named_by_line_and_column() {
        let head = "code,name_vi,sector_vi,unit,term\n";
        let fault = |rows: &str| read(&format!("{head}{rows}")).expect_err("bad").to_string();
        assert_eq!(
            fault("1.1,A,B,weeks,3\n"),
            "procedure catalogue, line 2, unit: the term cannot be: its unit is not known"
        );
        assert_eq!(
            fault("1.1,A,B,same_day,0\n1.1,A,B,same_day,0\n"),
            "procedure catalogue, line 3, code: stands twice"
        );
        assert!(fault("1.1,A,B,same_day,x\n").contains("line: 2"));
    }
}
