//! The package of a workbook (ECMA-376): its sheets, formats and strings. The strings are the only part
//! that is held in memory.

use super::{About, Hints, format, sheet};
use crate::{
    cell::{Row, letters},
    error::ReadError,
    limits,
};
use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Seek},
    ops::ControlFlow,
};
use zip::{ZipArchive, result::ZipError};

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SheetName {
    /// As on its tab.
    pub name: String,
    /// Not shown.
    pub hidden: bool,
}

/// An open workbook.
#[derive(Debug)]
pub(super) struct Workbook<R> {
    package: ZipArchive<R>,
    part: String,
    sheet: sheet::Context,
}

/// What `xl/workbook.xml` says.
#[derive(Debug, Default)]
struct Book {
    sheets: Vec<(SheetName, String)>,
    from_1904: bool,
}

impl<R: Read + Seek> Workbook<R> {
    pub(super) fn open(file: R, hints: &Hints) -> Result<(Self, About), ReadError> {
        let mut package = ZipArchive::new(file).map_err(|error| damaged("zip", &error))?;
        if package.index_for_name("xl/workbook.xml").is_none() {
            let (what, vi) =
                ("a zip or another kind of document", "tệp nén hoặc loại tài liệu khác");
            return Err(ReadError::Kind { what, vi });
        }
        let book = book(&mut package)?;
        let targets = targets(&mut package)?;
        let names = || book.sheets.iter().map(|(sheet, _)| sheet.name.clone()).collect();
        let chosen = book.sheets.iter().find(|(sheet, _)| match &hints.sheet {
            Some(wanted) => sheet.name == *wanted,
            None => !sheet.hidden && !is_empty(&mut package, &targets, &book, &sheet.name),
        });
        let chosen = chosen.or_else(|| {
            book.sheets.iter().find(|(sheet, _)| !sheet.hidden && hints.sheet.is_none())
        });
        let wanted = || hints.sheet.clone().unwrap_or_default();
        let Some((sheet, relation)) = chosen else {
            return Err(ReadError::NoSheet { wanted: wanted(), sheets: names() });
        };
        let no_part = || ReadError::NoSheet { wanted: sheet.name.clone(), sheets: names() };
        let part = targets.get(relation).cloned().ok_or_else(no_part)?;
        let mut context = sheet::Context {
            from_1904: book.from_1904,
            dates: dates(&mut package)?,
            strings: strings(&mut package)?,
            ..sheet::Context::default()
        };
        with_part(&mut package, &part, |xml| sheet::look(xml, &mut context))?;
        let about = About {
            format: "xlsx",
            sheet: Some(sheet.name.clone()),
            sheets: book.sheets.iter().map(|(sheet, _)| sheet.clone()).collect(),
            hidden_columns: context.hidden.iter().map(|column| letters(*column)).collect(),
            from_1904: book.from_1904,
            ..About::default()
        };
        Ok((Self { package, part, sheet: context }, about))
    }

    pub(super) fn rows(
        &mut self,
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let context = &self.sheet;
        with_part(&mut self.package, &self.part, |xml| sheet::rows(xml, context, each))
    }
}

/// A visible sheet without a row is passed over: new workbooks have two of them.
fn is_empty<R: Read + Seek>(
    package: &mut ZipArchive<R>,
    targets: &HashMap<String, String>,
    book: &Book,
    name: &str,
) -> bool {
    let relation = book.sheets.iter().find(|(sheet, _)| sheet.name == name);
    let Some(part) = relation.and_then(|(_, relation)| targets.get(relation)) else { return true };
    let mut found = false;
    let context = sheet::Context::default();
    let looked = with_part(package, part, |xml| {
        sheet::rows(xml, &context, &mut |row| {
            found = !row.cells.is_empty();
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    looked.is_ok() && !found
}

fn book<R: Read + Seek>(package: &mut ZipArchive<R>) -> Result<Book, ReadError> {
    let mut book = Book::default();
    with_part(package, "xl/workbook.xml", |xml| {
        each_element(xml, |element| {
            match element.local_name().as_ref() {
                "workbookPr" => book.from_1904 = attribute(element, "date1904").is_some_and(yes),
                "sheet" => {
                    let hidden = attribute(element, "state")
                        .is_some_and(|state| matches!(state.as_str(), "hidden" | "veryHidden"));
                    let name = attribute(element, "name").unwrap_or_default();
                    let relation = attribute(element, "id").unwrap_or_default();
                    book.sheets.push((SheetName { name, hidden }, relation));
                }
                _ => {}
            }
            Ok(())
        })
    })?;
    Ok(book)
}

/// Parts by the id of their relation to the workbook.
fn targets<R: Read + Seek>(
    package: &mut ZipArchive<R>,
) -> Result<HashMap<String, String>, ReadError> {
    let mut targets = HashMap::new();
    with_part(package, "xl/_rels/workbook.xml.rels", |xml| {
        each_element(xml, |element| {
            let (id, target) = (attribute(element, "Id"), attribute(element, "Target"));
            if let (Some(id), Some(target)) = (id, target) {
                let part =
                    target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
                targets.insert(id, part);
            }
            Ok(())
        })
    })?;
    Ok(targets)
}

/// Which of the styles of cells show dates.
fn dates<R: Read + Seek>(package: &mut ZipArchive<R>) -> Result<Vec<bool>, ReadError> {
    let (mut own, mut dates, mut within) = (HashMap::new(), Vec::new(), false);
    if package.index_for_name("xl/styles.xml").is_none() {
        return Ok(dates);
    }
    with_part(package, "xl/styles.xml", |xml| {
        each_element(xml, |element| {
            let number = |name| attribute(element, name).and_then(|text| text.parse::<u32>().ok());
            match element.local_name().as_ref() {
                "numFmt" => {
                    let code = attribute(element, "formatCode").unwrap_or_default();
                    own.insert(number("numFmtId").unwrap_or_default(), format::is_date(&code));
                }
                "cellXfs" => within = true,
                "cellStyleXfs" | "cellStyles" | "dxfs" => within = false,
                "xf" if within => {
                    let id = number("numFmtId").unwrap_or_default();
                    let built_in = || format::is_built_in_date(id);
                    dates.push(own.get(&id).copied().unwrap_or_else(built_in));
                }
                _ => {}
            }
            Ok(())
        })
    })?;
    Ok(dates)
}

/// The table of strings: runs of rich text joined, readings for Japanese left out.
fn strings<R: Read + Seek>(package: &mut ZipArchive<R>) -> Result<Vec<Box<str>>, ReadError> {
    const PART: &str = "xl/sharedStrings.xml";
    let (mut strings, mut bytes) = (Vec::new(), 0u64);
    if package.index_for_name(PART).is_none() {
        return Ok(strings);
    }
    with_part(package, PART, |xml| {
        let (mut text, mut inside, mut aside) = (String::new(), false, 0u32);
        each_event(xml, |event| {
            match event {
                Event::Start(element) => match element.local_name().as_ref() {
                    "si" => text.clear(),
                    "t" => inside = true,
                    "rPh" => aside += 1,
                    _ => {}
                },
                Event::End(element) => match element.local_name().as_ref() {
                    "si" => {
                        bytes += text.len() as u64;
                        if bytes > limits::STRING_BYTES {
                            return Err(ReadError::Bomb(PART.into()));
                        }
                        strings.push(unescaped(&text).into());
                    }
                    "t" => inside = false,
                    "rPh" => aside = aside.saturating_sub(1),
                    _ => {}
                },
                event if inside && aside == 0 => add_text(&mut text, &event)?,
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })
    })?;
    Ok(strings)
}

/// `_x000D_` and its like, by which a workbook writes what XML cannot.
pub(super) fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let letter = code.and_then(char::from_u32);
        match letter.filter(|_| rest.get(at + 6..at + 7) == Some("_")) {
            Some(letter) => {
                out.push_str(&rest[..at]);
                out.push(letter);
                rest = &rest[at + 7..];
            }
            None => {
                out.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Adds what an event has of text.
pub(super) fn add_text(text: &mut String, event: &Event<'_>) -> Result<(), ReadError> {
    match event {
        Event::Text(piece) => text.push_str(&piece.xml10_content()),
        Event::CData(piece) => text.push_str(&piece.xml10_content()),
        Event::GeneralRef(reference) => text.push(letter(reference)?),
        _ => {}
    }
    if text.len() > 4 * limits::CELL_CHARACTERS {
        return Err(ReadError::Bomb("a cell".into()));
    }
    Ok(())
}

/// Only what XML itself defines: entities of the file's own are not expanded.
fn letter(reference: &BytesRef<'_>) -> Result<char, ReadError> {
    let resolved = reference.resolve_char_ref().map_err(|error| damaged("XML", &error))?;
    let name = reference.xml10_content();
    let known = match name.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    };
    resolved.or(known).ok_or_else(|| damaged("XML", &format!("entity {name:?}")))
}

/// Opens a part and reads it to its limit.
fn with_part<R: Read + Seek, T>(
    package: &mut ZipArchive<R>,
    name: &str,
    read: impl FnOnce(&mut Reader<Part<'_>>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let file = package.by_name(name).map_err(|error| match error {
        ZipError::FileNotFound => damaged(name, &"not there"),
        error => damaged(name, &error),
    })?;
    let limited: Box<dyn Read + '_> = Box::new(file.take(limits::PART_BYTES));
    let mut xml = Reader::from_reader(BufReader::with_capacity(1 << 16, limited));
    xml.config_mut().expand_empty_elements = true;
    read(&mut xml)
}

/// A part as it is unpacked.
pub(super) type Part<'a> = BufReader<Box<dyn Read + 'a>>;

fn each_element<B: BufRead>(
    xml: &mut Reader<B>,
    mut each: impl FnMut(&BytesStart<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    each_event(xml, |event| {
        if let Event::Start(element) = &event {
            each(element)?;
        }
        Ok(ControlFlow::Continue(()))
    })
}

pub(super) fn each_event<B: BufRead>(
    xml: &mut Reader<B>,
    mut each: impl FnMut(Event<'_>) -> Result<ControlFlow<()>, ReadError>,
) -> Result<(), ReadError> {
    let mut buffer = Vec::new();
    loop {
        let event = xml.read_event_into(&mut buffer).map_err(|error| damaged("XML", &error))?;
        if matches!(event, Event::Eof) || each(event)?.is_break() {
            return Ok(());
        }
        buffer.clear();
    }
}

/// An attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut all = element.attributes().flatten();
    let found = all.find(|attribute| attribute.key.local_name().as_ref() == name)?;
    found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(Into::into)
}

/// `1` or `true`.
#[expect(clippy::needless_pass_by_value, reason = "the end of a chain")]
pub(super) fn yes(text: String) -> bool {
    matches!(text.as_str(), "1" | "true" | "on")
}

pub(super) fn damaged(part: &str, why: &dyn std::fmt::Display) -> ReadError {
    ReadError::Damaged { part: part.into(), why: why.to_string() }
}
