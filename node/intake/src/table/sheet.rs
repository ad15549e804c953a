//! One sheet, row by row: what is stored, where it is hidden, and where it is merged.

use super::workbook::{Part, add_text, attribute, damaged, each_event, unescaped, yes};
use crate::{
    cell::{Cell, Row, Value, place},
    error::ReadError,
    limits,
};
use quick_xml::{Reader, events::BytesStart, events::Event};
use std::{collections::BTreeMap, ops::ControlFlow};

/// What is to be known before the first row.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) from_1904: bool,
    /// By style.
    pub(super) dates: Vec<bool>,
    pub(super) strings: Vec<Box<str>>,
    /// Hidden columns.
    pub(super) hidden: Vec<usize>,
    /// Areas merged downwards, by their first row: last row, column, name.
    pub(super) merged: BTreeMap<u32, Vec<(u32, usize, String)>>,
}

/// Reads what stands before and behind the rows: hidden columns and merged areas.
pub(super) fn look(xml: &mut Reader<Part<'_>>, context: &mut Context) -> Result<(), ReadError> {
    let mut areas = 0;
    each_event(xml, |event| {
        let Event::Start(element) = &event else { return Ok(ControlFlow::Continue(())) };
        match element.local_name().as_ref() {
            "col" => {
                let end =
                    |name| attribute(element, name).and_then(|text| text.parse::<usize>().ok());
                let none = attribute(element, "width").is_some_and(|width| width == "0");
                if none || attribute(element, "hidden").is_some_and(yes) {
                    let (from, to) = (end("min").unwrap_or(1).max(1), end("max").unwrap_or(1));
                    context.hidden.extend(from - 1..to.min(limits::COLUMNS));
                }
            }
            "mergeCell" => {
                areas += 1;
                if areas > limits::MERGES {
                    return Err(ReadError::Bomb("mergeCells".into()));
                }
                let name = attribute(element, "ref").unwrap_or_default();
                let ends = name.split_once(':');
                let ends = ends.and_then(|(from, to)| Some((place(from)?, place(to)?)));
                if let Some(((column, from), (_, to))) =
                    ends.filter(|(from, to)| to.1 > from.1 && from.0 < limits::COLUMNS)
                {
                    context.merged.entry(from).or_default().push((to, column, name));
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// A cell that is being read.
#[derive(Default)]
struct Open {
    column: usize,
    kind: String,
    is_date: bool,
    formula: Option<String>,
    value: Option<String>,
    text: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Nothing,
    Formula,
    Value,
    Text,
}

/// Hands out the rows.
pub(super) fn rows(
    xml: &mut Reader<Part<'_>>,
    context: &Context,
    each: &mut dyn FnMut(Row) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let (mut row, mut open, mut inside) = (Row::default(), Open::default(), Inside::Nothing);
    let (mut aside, mut next) = (0u32, 0usize);
    let mut areas = Areas::default();
    each_event(xml, |event| {
        match &event {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => {
                    row = begun_row(element, row.number)?;
                    next = 0;
                }
                "c" => {
                    open = begun_cell(element, context, next);
                    next = open.column + 1;
                }
                "f" => (inside, open.formula) = (Inside::Formula, Some(String::new())),
                "v" => (inside, open.value) = (Inside::Value, Some(String::new())),
                "t" if aside == 0 => {
                    inside = Inside::Text;
                    open.text.get_or_insert_default();
                }
                "rPh" => aside += 1,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "row" => {
                    let mut done = std::mem::take(&mut row);
                    row.number = done.number;
                    areas.fill(&mut done, context);
                    return Ok(each(done));
                }
                "c" => {
                    let done = std::mem::take(&mut open);
                    if done.column < limits::COLUMNS {
                        let column = done.column;
                        let value = value(done, context)?;
                        let hidden = context.hidden.contains(&column);
                        row.cells.resize_with(row.cells.len().max(column + 1), Cell::default);
                        row.cells[column] = Cell { value, hidden, ..Cell::default() };
                    }
                }
                "sheetData" => return Ok(ControlFlow::Break(())),
                "f" | "v" | "t" => inside = Inside::Nothing,
                "rPh" => aside = aside.saturating_sub(1),
                _ => {}
            },
            event => {
                let into = match inside {
                    Inside::Formula => open.formula.as_mut(),
                    Inside::Value => open.value.as_mut(),
                    Inside::Text => open.text.as_mut(),
                    Inside::Nothing => None,
                };
                if let Some(text) = into {
                    add_text(text, event)?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn begun_row(element: &BytesStart<'_>, before: u32) -> Result<Row, ReadError> {
    let number = attribute(element, "r").and_then(|text| text.parse().ok()).unwrap_or(before + 1);
    if number > limits::ROWS {
        return Err(ReadError::TooManyRows);
    }
    if number <= before {
        return Err(damaged("sheet", &format!("row {number} stands behind row {before}")));
    }
    let none = attribute(element, "ht").is_some_and(|height| height == "0");
    let hidden = none || attribute(element, "hidden").is_some_and(yes);
    Ok(Row { number, hidden, cells: Vec::new() })
}

fn begun_cell(element: &BytesStart<'_>, context: &Context, next: usize) -> Open {
    let column = attribute(element, "r").and_then(|text| place(&text));
    let style = attribute(element, "s").and_then(|text| text.parse::<usize>().ok());
    let is_date = context.dates.get(style.unwrap_or_default()).copied().unwrap_or_default();
    Open {
        column: column.map_or(next, |(column, _)| column),
        kind: attribute(element, "t").unwrap_or_default(),
        is_date,
        ..Open::default()
    }
}

fn value(open: Open, context: &Context) -> Result<Value, ReadError> {
    let Open { kind, is_date, formula, value, text, .. } = open;
    // A formula whose value is an empty text was computed; one without a value was not.
    let computed = value.as_ref().is_some_and(|value| !value.is_empty() || kind == "str");
    if let Some(formula) = formula.filter(|_| !computed) {
        return Ok(Value::NoValue(formula));
    }
    let value = value.unwrap_or_default();
    let text = match kind.as_str() {
        "s" => {
            let at = value.trim().parse::<usize>().ok();
            let known = at.and_then(|at| context.strings.get(at));
            // Whoever only asks whether a sheet has rows brings no strings.
            match known {
                Some(text) => text.to_string(),
                None if context.strings.is_empty() => "?".into(),
                None => return Err(damaged("sharedStrings", &format!("no string {value}"))),
            }
        }
        "inlineStr" => unescaped(&text.unwrap_or_default()),
        "str" => unescaped(&value),
        "d" => value,
        "b" => return Ok(Value::Bool(value.trim() == "1")),
        "e" => return Ok(Value::Error(value)),
        _ if value.trim().is_empty() => return Ok(Value::Empty),
        _ if is_date => {
            let written = value.trim().to_owned();
            return Ok(Value::Serial { written, from_1904: context.from_1904 });
        }
        _ => return Ok(Value::Number(value.trim().to_owned())),
    };
    Ok(if text.is_empty() { Value::Empty } else { Value::Text(text) })
}

/// Merged areas that the rows have reached.
#[derive(Default)]
struct Areas {
    /// Last row, column, name and value.
    open: Vec<(u32, usize, String, Value)>,
    reached: u32,
}

impl Areas {
    /// Gives a row what areas that begin above it hold, and remembers those that begin here.
    fn fill(&mut self, row: &mut Row, context: &Context) {
        self.open.retain(|(to, ..)| *to >= row.number);
        for (_, column, name, value) in &self.open {
            row.cells.resize_with(row.cells.len().max(column + 1), Cell::default);
            let hidden = context.hidden.contains(column);
            let (value, merged) = (value.clone(), Some(name.clone()));
            row.cells[*column] = Cell { value, merged, hidden, doubt: None };
        }
        // An area may begin in a row that is not stored, and is empty then.
        for (_, areas) in context.merged.range(self.reached + 1..=row.number) {
            for (to, column, name) in areas {
                let here = areas_begin_here(row.number, context, name);
                let cell = row.cells.get_mut(*column).filter(|_| here);
                let Some(cell) = cell else { continue };
                cell.merged = Some(name.clone());
                self.open.push((*to, *column, name.clone(), cell.value.clone()));
            }
        }
        self.reached = row.number;
    }
}

fn areas_begin_here(row: u32, context: &Context, name: &str) -> bool {
    context.merged.get(&row).is_some_and(|areas| areas.iter().any(|(_, _, known)| known == name))
}
