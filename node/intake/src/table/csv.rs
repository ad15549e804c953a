//! CSV: fields between commas, semicolons, tabs or bars; lines that end in LF, CRLF or CR; line breaks
//! within quotes. Rows are numbered as a spreadsheet does, blank ones with them.

use super::{About, Hints};
use crate::{
    cell::{Cell, Row, Value},
    encoding::{self, Encoding, Guess, Words, guess},
    error::ReadError,
    limits,
};
use std::{
    io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom},
    ops::ControlFlow,
};

const SEPARATORS: [u8; 4] = *b",;\t|";
/// Bytes by which the separator is judged.
const HEAD_BYTES: usize = 64 * 1024;

/// An open CSV.
#[derive(Debug)]
pub(super) struct Csv<R> {
    source: Source<R>,
    /// Bytes before the first field.
    skip: u64,
    /// Rows before it: the line `sep=;` of a spreadsheet.
    rows_before: u32,
    separator: u8,
    encoding: Encoding,
}

#[derive(Debug)]
enum Source<R> {
    File(R),
    /// UTF-16, as UTF-8.
    Memory(Cursor<Vec<u8>>),
}

impl<R: Read + Seek> Csv<R> {
    pub(super) fn open(mut file: R, hints: &Hints) -> Result<(Self, About), ReadError> {
        let mut head = Vec::new();
        file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let pairs = pairs(&head, hints.encoding);
        let (source, head, known) = match pairs {
            Some(table) => {
                file.rewind()?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                let text = encoding::decode(&bytes, table).text.into_bytes();
                let head = text[..text.len().min(HEAD_BYTES)].to_vec();
                (Source::Memory(Cursor::new(text)), head, Some(table))
            }
            None => (Source::File(file), head, None),
        };
        let marked = head.starts_with(b"\xef\xbb\xbf");
        let mut skip = if marked { 3 } else { 0 };
        let mut rows_before = 0;
        let mut separator = hints.separator;
        if let Some((said, length)) = said_separator(&head[skip..]) {
            separator = separator.or(Some(said));
            skip += length;
            rows_before = 1;
        }
        let separator = separator.unwrap_or_else(|| likeliest_separator(&head[skip..]));
        let (skip, encoding) = (skip as u64, Encoding::Utf8);
        let mut csv = Self { source, skip, rows_before, separator, encoding };
        let mut readings = csv.readings()?;
        let first = match known.or(hints.encoding).or(marked.then_some(Encoding::Utf8)) {
            Some(encoding) => Guess { encoding, words: Words::default() },
            None => readings[0],
        };
        readings.retain(|reading| reading.encoding != first.encoding);
        readings.insert(0, first);
        csv.encoding = if known.is_some() { Encoding::Utf8 } else { first.encoding };
        let about = About {
            format: "csv",
            readings,
            separator: Some(char::from(separator)),
            ..About::default()
        };
        Ok((csv, about))
    }

    /// By cells of the whole file, since the first ones may be plain.
    fn readings(&mut self) -> Result<Vec<Guess>, ReadError> {
        let mut sample: Vec<Vec<u8>> = Vec::new();
        self.records(&mut |_, fields| {
            sample.extend(fields.into_iter().filter(|field| !field.is_ascii()));
            match sample.len() > limits::SAMPLE_CELLS {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        let mut found = guess(sample.iter().map(Vec::as_slice));
        // Whole cells that are UTF-8 by chance do not exist, whatever language they are in.
        if sample.iter().all(|cell| std::str::from_utf8(cell).is_ok()) {
            found.sort_by_key(|guess| guess.encoding != Encoding::Utf8);
        }
        Ok(found)
    }

    pub(super) fn rows(
        &mut self,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let main = self.encoding;
        self.records(&mut |number, fields| {
            let cells = fields.iter().take(limits::COLUMNS).map(|bytes| cell(bytes, main));
            each(Row { number, hidden: false, cells: cells.collect() })
        })
    }

    pub(super) fn sample(
        &mut self,
        encoding: Encoding,
        rows: usize,
    ) -> Result<Vec<Vec<String>>, ReadError> {
        let mut sample = Vec::new();
        self.records(&mut |_, fields| {
            let cells = fields.iter().map(|bytes| encoding::decode(bytes, encoding).text);
            sample.push(cells.collect());
            match sample.len() < rows {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        Ok(sample)
    }

    fn records(&mut self, each: Each<'_>) -> Result<(), ReadError> {
        let (skip, before, separator) = (self.skip, self.rows_before, self.separator);
        match &mut self.source {
            Source::File(file) => {
                file.seek(SeekFrom::Start(skip))?;
                records(BufReader::with_capacity(1 << 16, file), separator, before, each)
            }
            Source::Memory(text) => {
                text.seek(SeekFrom::Start(skip))?;
                records(text, separator, before, each)
            }
        }
    }
}

fn cell(bytes: &[u8], main: Encoding) -> Cell {
    let (text, doubt) = encoding::read(bytes, main);
    let value = if text.is_empty() { Value::Empty } else { Value::Text(text) };
    Cell { value, doubt, ..Cell::default() }
}

/// UTF-16, by its mark or by its zeros.
fn pairs(head: &[u8], hint: Option<Encoding>) -> Option<Encoding> {
    let of_hint = hint.filter(|table| matches!(table, Encoding::Utf16le | Encoding::Utf16be));
    if head.starts_with(&[0xff, 0xfe]) {
        return Some(Encoding::Utf16le);
    }
    if head.starts_with(&[0xfe, 0xff]) {
        return Some(Encoding::Utf16be);
    }
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let many = head.len() / 8;
    match (zeros(0), zeros(1)) {
        (high, low) if low > many && low > high => Some(Encoding::Utf16le),
        (high, low) if high > many && high > low => Some(Encoding::Utf16be),
        _ => of_hint,
    }
}

/// The first line `sep=;`, and its length with its end.
fn said_separator(head: &[u8]) -> Option<(u8, usize)> {
    let rest = head.strip_prefix(b"sep=")?;
    let separator = *rest.first()?;
    let ends = match rest.get(1..3)? {
        [b'\r', b'\n'] => 2,
        [b'\n' | b'\r', _] => 1,
        _ => return None,
    };
    Some((separator, 5 + ends))
}

/// The one by which most rows have the same number of fields, and more than one.
fn likeliest_separator(head: &[u8]) -> u8 {
    let score = |separator: u8| {
        let mut counts: Vec<usize> = Vec::new();
        let mut each = |_, fields: Vec<Vec<u8>>| {
            counts.push(fields.len());
            if counts.len() < 40 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        // A head that ends within quotes is none the worse for this.
        let _ = records(head, separator, 0, &mut each);
        let alike = |width: usize| counts.iter().filter(|count| **count == width).count();
        let widths = counts.iter().copied().filter(|width| *width > 1);
        widths.map(|width| (alike(width), width)).max().unwrap_or_default()
    };
    let best = SEPARATORS.into_iter().rev().max_by_key(|separator| score(*separator));
    best.unwrap_or(b',')
}

type Each<'a> = &'a mut dyn FnMut(u32, Vec<Vec<u8>>) -> ControlFlow<()>;

#[derive(Clone, Copy, PartialEq)]
enum At {
    Begin,
    Plain,
    Quoted,
    /// Behind a quotation mark that may be the closing one.
    Closing,
}

/// Splits a stream into records. A blank line is a record of one empty field.
fn records(
    mut source: impl BufRead,
    separator: u8,
    before: u32,
    each: Each<'_>,
) -> Result<(), ReadError> {
    let (mut at, mut fields, mut field) = (At::Begin, Vec::new(), Vec::new());
    let (mut number, mut lines, mut after_cr) = (before + 1, 0, false);
    loop {
        let chunk = source.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let used = chunk.len();
        for byte in chunk.iter().copied() {
            if std::mem::take(&mut after_cr) && byte == b'\n' {
                continue;
            }
            let ends = matches!(byte, b'\n' | b'\r');
            match at {
                At::Quoted if byte == b'"' => at = At::Closing,
                At::Quoted => {
                    lines += usize::from(byte == b'\n');
                    field.push(byte);
                    if lines > limits::CELL_LINES || field.len() > 4 * limits::CELL_CHARACTERS {
                        return Err(ReadError::Unclosed(number));
                    }
                }
                At::Closing if byte == b'"' => {
                    field.push(byte);
                    at = At::Quoted;
                }
                At::Begin if byte == b'"' => (at, lines) = (At::Quoted, 0),
                _ if byte == separator => {
                    fields.push(std::mem::take(&mut field));
                    at = At::Begin;
                }
                _ if ends => {
                    after_cr = byte == b'\r';
                    fields.push(std::mem::take(&mut field));
                    at = At::Begin;
                    if each(number, std::mem::take(&mut fields)).is_break() {
                        return Ok(());
                    }
                    number += 1;
                    if number > limits::ROWS {
                        return Err(ReadError::TooManyRows);
                    }
                }
                _ if field.len() > 4 * limits::CELL_CHARACTERS => {
                    return Err(ReadError::Unclosed(number));
                }
                _ => {
                    field.push(byte);
                    at = At::Plain;
                }
            }
        }
        source.consume(used);
    }
    if at == At::Quoted {
        return Err(ReadError::Unclosed(number));
    }
    if at != At::Begin || !fields.is_empty() {
        fields.push(field);
        let _ = each(number, fields);
    }
    Ok(())
}
