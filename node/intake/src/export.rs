//! Lists out: CSV and XLSX of text, which a spreadsheet neither computes nor rounds, and which an import
//! reads as what it was.

use crate::field::{Field, guarded, state_of};
use jiff::civil::{Date, DateTime};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::{
    collections::BTreeMap,
    io::{Seek, Write},
    path::Path,
};

/// Widths of columns in letters, where the usual eight are not enough.
const WIDTH: f64 = 22.0;

/// Why a list was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// As CSV.
    #[error("the list cannot be written: {0}")]
    Csv(#[from] csv::Error),
    /// As a workbook.
    #[error("the workbook cannot be written: {0}")]
    Xlsx(#[from] XlsxError),
    /// The disk.
    #[error("the list cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// A value as a person reads it.
pub fn exported(field: Field, value: &str) -> String {
    let shown = match field {
        Field::Received | Field::Due => value.parse::<DateTime>().ok().map(moment),
        Field::BirthDate => value.parse::<Date>().ok().map(day).or_else(|| {
            let (year, month) = value.split_once('-')?;
            Some(format!("{month}/{year}"))
        }),
        Field::State => state_of(value).map(|state| state.vi().to_owned()),
        Field::Channel => match value {
            "direct" => Some("Trực tiếp".to_owned()),
            "online" => Some("Trực tuyến".to_owned()),
            "post" => Some("Bưu chính".to_owned()),
            _ => None,
        },
        _ => None,
    };
    shown.unwrap_or_else(|| value.to_owned())
}

fn day(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

fn moment(at: DateTime) -> String {
    let (date, millis) = (day(at.date()), at.millisecond());
    let time = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    if millis == 0 { format!("{date} {time}") } else { format!("{date} {time}.{millis:03}") }
}

/// Writes a list, row by row; memory does not grow with it.
#[expect(missing_debug_implementations, reason = "the writer of workbooks has none")]
pub struct Export<W: Write>(Out<W>);

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Xlsx { book: Box<Workbook>, text: Box<Format>, next: u32, out: W },
}

impl<W: Write + Seek + Send> Export<W> {
    /// UTF-8 with a mark, by which spreadsheets know it.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn csv(mut out: W) -> Result<Self, ExportError> {
        out.write_all(b"\xef\xbb\xbf")?;
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(out);
        writer.write_record(Field::ALL.map(Field::header))?;
        Ok(Self(Out::Csv(Box::new(writer))))
    }

    /// A workbook of one sheet; rows wait in the folder `aside`.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn xlsx(out: W, aside: &Path) -> Result<Self, ExportError> {
        let mut book = Workbook::new();
        book.set_tempdir(aside)?;
        let text = Format::new().set_num_format("@");
        let head = Format::new().set_num_format("@").set_bold();
        let sheet = book.add_worksheet_with_constant_memory()?;
        sheet.set_name("Hồ sơ")?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, field) in (0..).zip(Field::ALL) {
            sheet.set_column_width(column, WIDTH)?;
            sheet.write_string_with_format(0, column, field.header(), &head)?;
        }
        Ok(Self(Out::Xlsx { book: Box::new(book), text: Box::new(text), next: 1, out }))
    }

    /// Writes the values of a dossier.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn row(&mut self, values: &BTreeMap<Field, String>) -> Result<(), ExportError> {
        let shown = |field: Field| {
            values.get(&field).map(|value| exported(field, value)).unwrap_or_default()
        };
        match &mut self.0 {
            Out::Csv(writer) => {
                writer.write_record(Field::ALL.map(|field| guarded(&shown(field))))?;
            }
            Out::Xlsx { book, text, next, .. } => {
                let sheet = book.worksheet_from_index(0)?;
                for (column, field) in (0..).zip(Field::ALL) {
                    let value = shown(field);
                    if !value.is_empty() {
                        // A cell of text is never computed; only the apostrophe would be lost.
                        let value = if value.starts_with('\'') { guarded(&value) } else { value };
                        sheet.write_string_with_format(*next, column, value, text)?;
                    }
                }
                *next += 1;
            }
        }
        Ok(())
    }

    /// Ends the list.
    ///
    /// # Errors
    /// [`ExportError`]
    pub fn finish(self) -> Result<(), ExportError> {
        match self.0 {
            Out::Csv(mut writer) => writer.flush()?,
            Out::Xlsx { mut book, out, .. } => book.save_to_writer(out)?,
        }
        Ok(())
    }
}
