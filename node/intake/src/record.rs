//! A row as the values of a dossier, with what is to be said of it.

use crate::{
    cell::{Cell, Row, letters},
    field::{self, Around, Field, card},
    finding::{Finding, Level, stop, warn},
    mapping::{Columns, Mapping, WithoutCode},
};
use jiff::civil::{Date, DateTime};
use motcua_core::{
    hash::{Context, derive},
    id::Hash,
};
use motcua_dossier::{
    code::{Code, Day},
    procedure::Procedure,
    search::fold,
};
use std::collections::BTreeMap;

/// What a person accepts of the proposals.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choices {
    /// A kind such as `id.short` for all rows, or `12:id_number` for the field of one row; behind that, or
    /// behind the kind, `:2` for the second proposal.
    pub accept: Vec<String>,
    /// Hidden rows are taken too.
    pub hidden: bool,
}

impl Choices {
    /// The proposal that was accepted for a finding.
    pub(crate) fn of<'a>(&self, row: u32, finding: &'a Finding) -> Option<&'a String> {
        let place = finding.field.map(|field| format!("{row}:{}", field.word()));
        let place = place.unwrap_or_else(|| format!("{row}:row"));
        self.accept.iter().find_map(|accepted| {
            let rest = accepted.strip_prefix(place.as_str());
            let rest = rest.or_else(|| accepted.strip_prefix(finding.kind))?;
            let number = match rest.strip_prefix(':') {
                Some(number) => number.parse::<usize>().ok()?,
                None if rest.is_empty() => 1,
                None => return None,
            };
            finding.proposals.get(number.checked_sub(1)?)
        })
    }
}

/// By what a row is known again.
pub type RowKey = [u8; 16];

/// One row, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Row in the file.
    pub row: u32,
    /// Hidden there.
    pub hidden: bool,
    /// Values that would be taken.
    pub values: BTreeMap<Field, String>,
    /// Cells of fields as they are written, where that is not the value.
    pub written: BTreeMap<Field, String>,
    /// Cells of other columns, by header.
    pub others: BTreeMap<String, String>,
    /// What is to be said.
    pub findings: Vec<Finding>,
}

impl Record {
    /// A value; empty if there is none.
    pub fn value(&self, field: Field) -> &str {
        self.values.get(&field).map_or("", String::as_str)
    }

    /// Local time of a value.
    pub fn time(&self, field: Field) -> Option<DateTime> {
        self.value(field).parse().ok()
    }

    /// The worst that is to be said.
    pub fn level(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    /// The key of the values, for the n-th row that has them.
    pub fn key(&self, nth: u32) -> RowKey {
        let ignored = |field: &Field| matches!(field, Field::Id | Field::ProcedureName);
        let values = self.values.iter().filter(|(field, _)| !ignored(field));
        key("values", values.map(|(field, text)| (field.word(), text.as_str())), nth)
    }

    /// The key of the cells as they are written, for the n-th row that has them.
    pub fn written_key(&self, nth: u32) -> RowKey {
        let mut all = self.values.clone();
        all.extend(self.written.clone());
        let own = all.iter().map(|(field, text)| (field.word(), text.as_str()));
        let others = self.others.iter().map(|(header, text)| (header.as_str(), text.as_str()));
        key("written", own.chain(others), nth)
    }
}

pub(crate) fn key<'a>(
    what: &str,
    parts: impl Iterator<Item = (&'a str, &'a str)>,
    nth: u32,
) -> RowKey {
    let mut bytes = Vec::new();
    for (name, text) in parts {
        for part in [name, text] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
    }
    short(derive(
        Context::Document,
        &[b"row of a list", what.as_bytes(), &nth.to_be_bytes(), &bytes],
    ))
}

/// Half of a hash, which is enough to tell rows apart.
pub(crate) fn short(hash: Hash) -> RowKey {
    let mut key = [0; 16];
    key.copy_from_slice(&hash.0[..16]);
    key
}

/// What reading a row needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) columns: &'a Columns,
    pub(crate) choices: &'a Choices,
    pub(crate) around: Around,
    pub(crate) procedures: &'a [Procedure],
}

impl Reader<'_> {
    /// Reads a row, field by field and then as a whole.
    pub(crate) fn read(&self, row: &Row) -> Record {
        let mut record = Record { row: row.number, hidden: row.hidden, ..Record::default() };
        for (at, header) in self.columns.others() {
            let text = row.cell(at).written();
            if !text.is_empty() {
                record.others.insert(header, text);
            }
        }
        for field in Field::ALL {
            self.field(row, field, &mut record);
        }
        self.procedure(&mut record);
        self.needed(&mut record);
        self.together(&mut record);
        record
    }

    fn field(&self, row: &Row, field: Field, record: &mut Record) {
        let column = self.columns.by_field.get(&field).copied();
        let cell = column.map(|column| row.cell(column));
        let default = self.mapping.default_of(field).map(Cell::text);
        let (cell, column) = match (cell.filter(|cell| !cell.is_empty()), default.as_ref()) {
            (Some(cell), _) => (cell, column),
            (None, Some(default)) => (default, None),
            (None, None) => return,
        };
        let mut reading = field::read(field, cell, self.around);
        for finding in &mut reading.findings {
            finding.field = Some(field);
            finding.cell = column.map(|column| format!("{}{}", letters(column), row.number));
            if let Some(accepted) = self.choices.of(row.number, finding).cloned() {
                reading.value.clone_from(&accepted);
                finding.accepted = Some(accepted);
                finding.level = Level::Note;
            }
        }
        let written = cell.written();
        if !written.is_empty() && written != reading.value {
            record.written.insert(field, written);
        }
        if !reading.value.is_empty() {
            record.values.insert(field, reading.value);
        }
        record.findings.extend(reading.findings);
    }

    /// A name of the catalogue as its code, and a code with its name.
    fn procedure(&self, record: &mut Record) {
        let said = record.value(Field::Procedure).to_owned();
        if said.is_empty() {
            return;
        }
        let folded = fold(&said);
        let known = self.procedures.iter().find(|known| known.code == said);
        let known =
            known.or_else(|| self.procedures.iter().find(|known| fold(&known.name) == folded));
        match known {
            Some(known) => {
                if known.code != said {
                    record.written.entry(Field::Procedure).or_insert(said);
                }
                record.values.insert(Field::Procedure, known.code.clone());
                let name = || known.name.clone();
                record.values.entry(Field::ProcedureName).or_insert_with(name);
            }
            None => {
                let is_code =
                    said.contains('.') && said.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                let vi = format!("danh mục không có thủ tục “{said}”; giữ như đã ghi");
                let en = format!("the catalogue has no procedure {said:?}; kept as written");
                self.say(record, Some(Field::Procedure), warn("procedure.unknown", vi, en));
                if !is_code {
                    record.values.entry(Field::ProcedureName).or_insert(said);
                    record.values.remove(&Field::Procedure);
                }
            }
        }
    }

    /// What no dossier can be without.
    fn needed(&self, record: &mut Record) {
        let mut lacks = |field: Field, vi: &str, en: &str| {
            let stopped = record.findings.iter().any(|finding| finding.field == Some(field));
            if record.value(field).is_empty() && !stopped {
                self.say(
                    record,
                    Some(field),
                    stop("row.lacks", format!("thiếu {vi}"), format!("{en} is missing")),
                );
            }
        };
        lacks(Field::Name, "họ tên", "the name");
        if self.columns.by_field.contains_key(&Field::Received) {
            lacks(Field::Received, "ngày nhận", "the day of reception");
        }
        if self.mapping.without_code == WithoutCode::Stop {
            lacks(Field::Code, "mã hồ sơ", "the code");
        }
    }

    /// What must fit together.
    fn together(&self, record: &mut Record) {
        let now = self.around.now;
        let received = record.time(Field::Received);
        let birth = record.value(Field::BirthDate).to_owned();
        let born: Option<Date> = birth.parse().ok();
        let year: Option<i16> = birth.get(..4).and_then(|year| year.parse().ok());
        let ahead =
            born.is_some_and(|born| born > now.date()) || received.is_some_and(|at| at > now);
        if ahead && !self.is_stopped(record) {
            let (vi, en) = ("ngày đã chọn chưa đến", "the date that was chosen has not come yet");
            self.say(record, None, stop("date.ahead", vi, en));
        }
        if let (Some(born), Some(at)) = (born, received)
            && born > at.date()
        {
            let (vi, en) = ("ngày nhận trước ngày sinh", "received before the applicant was born");
            self.say(record, Some(Field::Received), stop("received.before_birth", vi, en));
        }
        if let (Some(due), Some(at)) = (record.time(Field::Due), received)
            && due.date() < at.date()
        {
            let (vi, en) = ("ngày hẹn trả trước ngày nhận", "due before it was received");
            self.say(record, Some(Field::Due), stop("due.before_received", vi, en));
        }
        if let (Some(card), Some(year)) = (card(record.value(Field::IdNumber)), year)
            && card.year != year
        {
            let vi = format!("năm sinh {year} và số định danh (sinh {}) không khớp", card.year);
            let en = format!("the birth year {year} and the number (born {}) disagree", card.year);
            self.say(record, Some(Field::BirthDate), warn("birth.id_differs", vi, en));
        }
        // A number that may have lost its zeros must at least fit the person.
        for finding in record.findings.iter_mut().filter(|finding| finding.kind == "id.short") {
            let fits = |proposal: &String| match (card(proposal), year) {
                (Some(card), Some(year)) => card.year == year,
                _ => true,
            };
            finding.proposals.retain(fits);
        }
        if let (Ok(code), Some(at)) = (Code::read(record.value(Field::Code)), received) {
            let date = at.date();
            let day =
                Day { year: date.year().into(), month: date.month() as u8, day: date.day() as u8 };
            if code.day != day {
                let vi = format!("ngày trong mã hồ sơ ({}) khác ngày nhận ({day})", code.day);
                let en =
                    format!("the day in the code ({}) is not that of reception ({day})", code.day);
                self.say(record, Some(Field::Code), warn("code.day", vi, en));
            }
        }
    }

    fn is_stopped(&self, record: &Record) -> bool {
        record.level() == Some(Level::Stop)
    }

    fn say(&self, record: &mut Record, field: Option<Field>, finding: Finding) {
        let column = field.and_then(|field| self.columns.by_field.get(&field));
        let cell = column.map(|column| format!("{}{}", letters(*column), record.row));
        record.findings.push(Finding { field, cell, ..finding });
    }
}
