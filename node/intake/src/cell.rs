//! One cell as it stands in the file: what is stored, not how it is shown.

use crate::encoding::Encoding;

/// What is stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A number, in the digits of the file.
    Number(String),
    /// A number that is shown as a date.
    Serial {
        /// The number in the digits of the file.
        written: String,
        /// Days are counted from 1 January 1904.
        from_1904: bool,
    },
    /// Yes or no.
    Bool(bool),
    /// `#N/A` and its like.
    Error(String),
    /// A formula whose value was never stored. Nothing is computed here.
    NoValue(String),
}

/// What is odd about the text of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It reads well in another table than the rest of the file, and was read in that one.
    Other(Encoding),
    /// Bytes that the table does not define; what a wider table makes of the cell.
    Undefined {
        /// The bytes.
        bytes: Vec<u8>,
        /// The wider reading, if there is one.
        wider: Option<String>,
    },
    /// No table reads it.
    Broken(Vec<u8>),
    /// Letters of an old font inside of Unicode, and what they mean.
    Font(Encoding, String),
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// What is stored.
    pub value: Value,
    /// What is odd about its text.
    pub doubt: Option<Doubt>,
    /// The merged area that it got its value from, such as `E10:E12`.
    pub merged: Option<String>,
    /// Its column is hidden.
    pub hidden: bool,
}

impl Cell {
    /// A cell of text.
    pub fn text(text: &str) -> Self {
        let value = if text.is_empty() { Value::Empty } else { Value::Text(text.into()) };
        Self { value, ..Self::default() }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Empty => true,
            Value::Text(text) => text.trim().is_empty() && self.doubt.is_none(),
            _ => false,
        }
    }

    /// As a person would copy it from the file.
    pub fn written(&self) -> String {
        match &self.value {
            Value::Empty => String::new(),
            Value::Text(text) => text.clone(),
            Value::Number(digits) | Value::Serial { written: digits, .. } => digits.clone(),
            Value::Bool(yes) => if *yes { "TRUE" } else { "FALSE" }.into(),
            Value::Error(error) => error.clone(),
            Value::NoValue(formula) => format!("={formula}"),
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// As a spreadsheet counts: the first is 1.
    pub number: u32,
    /// Hidden, filtered away or of no height.
    pub hidden: bool,
    /// Its cells from column A on.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A cell; an empty one beyond the end.
    pub fn cell(&self, column: usize) -> &Cell {
        static NOTHING: Cell =
            Cell { value: Value::Empty, doubt: None, merged: None, hidden: false };
        self.cells.get(column).unwrap_or(&NOTHING)
    }

    /// Whether all its cells are empty, but for what an area that is merged from above gives it.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| {
            let first = cell.merged.as_deref().and_then(|name| name.split(':').next());
            let from_above = first.and_then(place).is_some_and(|(_, row)| row != self.number);
            from_above || cell.is_empty()
        })
    }
}

/// Letters of a column: A, B, ... Z, AA.
pub fn letters(column: usize) -> String {
    let mut rest = column + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

/// The column and row of a reference such as `D13`; none if it is not one.
pub fn place(reference: &str) -> Option<(usize, u32)> {
    let split = reference.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = reference.split_at(split);
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    let mut column = 0usize;
    for letter in letters.bytes() {
        if !letter.is_ascii_uppercase() {
            return None;
        }
        column = column * 26 + usize::from(letter - b'A') + 1;
    }
    Some((column - 1, digits.parse().ok().filter(|row| *row > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_as_a_spreadsheet_does() {
        let all: Vec<String> = [0, 3, 25, 26, 701, 702].into_iter().map(letters).collect();
        assert_eq!(all, ["A", "D", "Z", "AA", "ZZ", "AAA"]);
        for column in [0, 3, 25, 26, 701, 702] {
            assert_eq!(place(&format!("{}13", letters(column))), Some((column, 13)));
        }
        for bad in ["", "D", "13", "D0", "d13", "ABCD1", "D1x"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
