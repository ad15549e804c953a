//! A file as rows of cells, read as a stream and as often as needed.

mod csv;
mod format;
mod sheet;
mod workbook;

pub use self::workbook::SheetName;

use crate::{
    cell::Row,
    encoding::{Encoding, Guess},
    error::ReadError,
    limits,
};
use std::{
    io::{Read, Seek, SeekFrom},
    ops::ControlFlow,
};

/// What a person may say about a file beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Name of the sheet.
    pub sheet: Option<String>,
    /// Table of the text.
    pub encoding: Option<Encoding>,
    /// What stands between two fields.
    pub separator: Option<u8>,
}

/// What was found out about a file as a whole.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// `csv` or `xlsx`.
    pub format: &'static str,
    /// The sheet that is read.
    pub sheet: Option<String>,
    /// All sheets.
    pub sheets: Vec<SheetName>,
    /// Readings of the text, the one that is used first; none for a workbook.
    pub readings: Vec<Guess>,
    /// What stands between two fields of a CSV.
    pub separator: Option<char>,
    /// Hidden columns, by their letters.
    pub hidden_columns: Vec<String>,
    /// Days are counted from 1904.
    pub from_1904: bool,
}

/// An open file.
#[derive(Debug)]
pub struct Table<R> {
    kind: Kind<R>,
    about: About,
}

#[derive(Debug)]
enum Kind<R> {
    Csv(csv::Csv<R>),
    Workbook(Box<workbook::Workbook<R>>),
}

impl<R: Read + Seek> Table<R> {
    /// Opens a file, whatever its name says it is.
    ///
    /// # Errors
    /// [`ReadError`] when it is no list.
    pub fn open(mut file: R, hints: &Hints) -> Result<Self, ReadError> {
        let size = file.seek(SeekFrom::End(0))?;
        if size > limits::FILE_BYTES {
            return Err(ReadError::TooLong);
        }
        file.rewind()?;
        let mut head = Vec::new();
        file.by_ref().take(512).read_to_end(&mut head)?;
        file.rewind()?;
        if head.starts_with(b"PK") {
            let (book, about) = workbook::Workbook::open(file, hints)?;
            return Ok(Self { kind: Kind::Workbook(Box::new(book)), about });
        }
        if let Some((what, vi)) = other_kind(&head) {
            return Err(ReadError::Kind { what, vi });
        }
        let (csv, about) = csv::Csv::open(file, hints)?;
        Ok(Self { kind: Kind::Csv(csv), about })
    }

    /// What was found out about it.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Hands out its rows from the first one on, until told to stop.
    ///
    /// # Errors
    /// [`ReadError`]; the rows before were handed out.
    pub fn rows(&mut self, each: &mut dyn FnMut(Row) -> ControlFlow<()>) -> Result<(), ReadError> {
        match &mut self.kind {
            Kind::Csv(csv) => csv.rows(each),
            Kind::Workbook(book) => book.rows(each),
        }
    }

    /// The first rows of a CSV as another table would have them; none of a workbook.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn sample(
        &mut self,
        encoding: Encoding,
        rows: usize,
    ) -> Result<Vec<Vec<String>>, ReadError> {
        match &mut self.kind {
            Kind::Csv(csv) => csv.sample(encoding, rows),
            Kind::Workbook(_) => Ok(Vec::new()),
        }
    }
}

/// Kinds of files that offices hand over instead of lists.
fn other_kind(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let text: String = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').to_lowercase();
    let begun = text.trim_start();
    if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        Some((
            "a workbook of Excel 97-2003 (.xls), or one with a password",
            "bảng tính Excel 97-2003 (.xls) hoặc có mật khẩu",
        ))
    } else if head.starts_with(b"%PDF") {
        Some(("a PDF", "tệp PDF"))
    } else if begun.starts_with("<html") || begun.starts_with("<!doctype") {
        Some(("a web page", "trang web"))
    } else if begun.starts_with("<?xml") {
        Some(("an XML file", "tệp XML"))
    } else if begun.starts_with("{\\rtf") {
        Some(("a text document", "văn bản RTF"))
    } else if head.is_empty() {
        Some(("an empty file", "tệp rỗng"))
    } else {
        None
    }
}
