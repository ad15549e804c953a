//! A list as verdicts, row by row. What is here already and what stands in the file twice is judged here;
//! nothing is written.

use crate::{
    encoding::Encoding,
    error::ReadError,
    export::exported,
    field::{Around, Field},
    finding::{Finding, Level, stop},
    limits,
    mapping::{Columns, Header, Mapping},
    record::{Choices, Reader, Record, RowKey, key},
    table::{About, Table},
};
use jiff::civil::DateTime;
use motcua_core::{
    hash::{Context, derive},
    id::Hash,
};
use motcua_dossier::{code::Code, procedure::Procedure};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, Seek},
    ops::ControlFlow,
};

/// Raised whenever the same cells are read as other values: what was agreed to before is void then.
const RULES: u32 = 1;
/// Rows shown in each reading of the text.
const SAMPLE_ROWS: usize = 6;

/// What is here already.
pub trait Known {
    /// Why it cannot be said.
    type Error;

    /// The dossier that was made of a row with this key, in words.
    ///
    /// # Errors
    /// Whatever the store says.
    fn by_key(&self, key: &RowKey) -> Result<Option<String>, Self::Error>;

    /// The dossier that has this code, in words.
    ///
    /// # Errors
    /// Whatever the store says.
    fn by_code(&self, code: &str) -> Result<Option<String>, Self::Error>;

    /// Values of the dossier with this id.
    ///
    /// # Errors
    /// Whatever the store says.
    fn by_id(&self, id: &str) -> Result<Option<BTreeMap<Field, String>>, Self::Error>;
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It becomes a dossier.
    Taken,
    /// The same, and a person should look at it.
    Warned,
    /// It does not, unless a proposal is accepted or the file is put right.
    Stopped,
    /// It is hidden, and nobody agreed to take hidden rows.
    Hidden,
    /// It is a dossier already.
    Known,
}

impl Verdict {
    /// Whether a dossier is made of it.
    pub fn makes_one(self) -> bool {
        matches!(self, Self::Taken | Self::Warned)
    }
}

/// One row with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The row.
    pub record: Record,
    /// What becomes of it.
    pub verdict: Verdict,
    /// By what it is known again.
    pub keys: Vec<RowKey>,
}

/// How often something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Findings of the kind.
    pub found: u32,
    /// Those that stop a row.
    pub stops: u32,
    /// Those with a proposal that nobody accepted.
    pub proposed: u32,
    /// Those with a proposal that was accepted.
    pub accepted: u32,
}

/// How many rows there are: `read` is the sum of `taken`, `stopped`, `hidden` and `known`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Rows with something in them, without headers.
    pub read: u32,
    /// Those that become dossiers.
    pub taken: u32,
    /// Those of them that a person should look at.
    pub warned: u32,
    /// Those that do not.
    pub stopped: u32,
    /// Hidden ones that nobody agreed to.
    pub hidden: u32,
    /// Those that are dossiers already.
    pub known: u32,
    /// Rows that repeat the header; not in `read`.
    pub headers: u32,
    /// By kind of finding.
    pub kinds: BTreeMap<&'static str, Count>,
}

/// Something to be said of the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// What kind it is.
    pub kind: &'static str,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// The text of a file by one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Which table.
    pub encoding: Encoding,
    /// How many of its words with marks can be Vietnamese, in percent.
    pub percent: u32,
    /// Its first rows.
    pub rows: Vec<Vec<String>>,
}

/// What could go wrong.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError<E> {
    /// In the file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// In the store.
    #[error("what is here already cannot be read: {0}")]
    Known(E),
}

/// A file that is known to be a list.
#[derive(Debug)]
pub struct List<R> {
    table: Table<R>,
    columns: Columns,
    header: u32,
    mapping: Mapping,
    choices: Choices,
    procedures: Vec<Procedure>,
    around: Around,
}

impl<R: Read + Seek> List<R> {
    /// Opens a file and finds its header.
    ///
    /// # Errors
    /// [`ReadError`] when it is no list, or not one with these columns.
    pub fn open(
        file: R,
        mapping: Mapping,
        choices: Choices,
        procedures: Vec<Procedure>,
        now: DateTime,
    ) -> Result<Self, ReadError> {
        let mut table = Table::open(file, &mapping.hints())?;
        let (mut found, mut seen) = (Ok(None), Vec::new());
        table.rows(&mut |row| {
            if seen.len() < 5 && !row.is_blank() {
                let cells = row.cells.iter().map(|cell| cell.written());
                let named: Vec<String> = cells.filter(|text| !text.is_empty()).take(20).collect();
                seen.push(named.join(", "));
            }
            let looked = row.number >= limits::HEADER_ROWS.max(mapping.header.unwrap_or_default());
            if mapping.header.is_none_or(|header| header == row.number) {
                found =
                    mapping.columns_in(&row).map(|columns| columns.map(|some| (some, row.number)));
            }
            match matches!(found, Ok(None)) && !looked {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        let Some((columns, header)) = found? else { return Err(ReadError::NoHeader(seen)) };
        let about = table.about();
        let encoding = about.readings.first().map_or(Encoding::Utf8, |reading| reading.encoding);
        let around = Around { now, encoding, from_1904: about.from_1904 };
        Ok(Self { table, columns, header, mapping, choices, procedures, around })
    }

    /// The file as a whole.
    pub fn about(&self) -> &About {
        self.table.about()
    }

    /// Where its header stands.
    pub fn header(&self) -> u32 {
        self.header
    }

    /// Header of each field that has a column.
    pub fn columns(&self) -> BTreeMap<Field, String> {
        let header = |at: usize| self.columns.headers.get(at).cloned().unwrap_or_default();
        self.columns.by_field.iter().map(|(field, at)| (*field, header(*at))).collect()
    }

    /// All columns in their order.
    pub fn headers(&self) -> Vec<Header> {
        self.columns.named()
    }

    /// The first rows by the likeliest tables, and by UTF-8.
    ///
    /// # Errors
    /// [`ReadError`]
    pub fn shown(&mut self) -> Result<Vec<Shown>, ReadError> {
        let readings = self.about().readings.clone();
        // Where nobody could be in doubt there is nothing to compare.
        if readings.first().is_none_or(|first| {
            matches!(first.encoding, Encoding::Utf8 | Encoding::Utf16le | Encoding::Utf16be)
        }) {
            return Ok(Vec::new());
        }
        let wanted = |(at, encoding): (usize, Encoding)| at < 2 || encoding == Encoding::Utf8;
        let mut shown = Vec::new();
        for (at, reading) in readings.iter().enumerate() {
            if wanted((at, reading.encoding)) {
                let rows = self.table.sample(reading.encoding, SAMPLE_ROWS)?;
                let (encoding, percent) = (reading.encoding, reading.percent());
                shown.push(Shown { encoding, percent, rows });
            }
        }
        Ok(shown)
    }

    /// What a person agrees to: this file, this mapping, these choices, by these rules.
    pub fn agreement(&self, file: Hash) -> String {
        let parts = [
            b"import".to_vec(),
            RULES.to_be_bytes().to_vec(),
            file.0.to_vec(),
            spelled(&self.mapping),
            spelled(&self.choices),
        ];
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        derive(Context::Document, &parts).to_string().chars().take(32).collect()
    }

    /// What is to be said before the first row.
    pub fn remarks(&self) -> Vec<Remark> {
        let about = self.about();
        let mut remarks = Vec::new();
        let mut say = |kind, vi: String, en: String| remarks.push(Remark { kind, vi, en });
        if let Some(reading) = about.readings.first() {
            let (name, percent) = (reading.encoding.name(), reading.percent());
            say(
                "file.encoding",
                format!("Bảng mã: {name}, {percent}% số chữ có dấu đọc được thành tiếng Việt."),
                format!("Encoding: {name}; {percent}% of the words with marks can be Vietnamese."),
            );
        }
        for sheet in about.sheets.iter().filter(|sheet| Some(&sheet.name) != about.sheet.as_ref()) {
            let (vi, en) = if sheet.hidden { ("đang ẩn, ", "hidden and ") } else { ("", "") };
            say(
                "file.sheet",
                format!("Trang tính “{}” {vi}không được đọc.", sheet.name),
                format!("The sheet “{}” is {en}not read.", sheet.name),
            );
        }
        if !about.hidden_columns.is_empty() {
            let columns = about.hidden_columns.join(", ");
            say(
                "file.columns",
                format!("Cột ẩn: {columns}."),
                format!("Hidden columns: {columns}."),
            );
        }
        if about.from_1904 {
            let (vi, en) = ("Tệp đếm ngày từ năm 1904.", "The workbook counts days from 1904.");
            say("file.from_1904", vi.into(), en.into());
        }
        let has = |field| {
            self.columns.by_field.contains_key(&field) || self.mapping.default_of(field).is_some()
        };
        if !has(Field::Received) {
            say(
                "file.received",
                "Không có cột ngày nhận: lấy ngày nhập.".into(),
                "No column says when it was received: the day of the import is taken.".into(),
            );
        }
        if !has(Field::Procedure) && !has(Field::ProcedureName) {
            say(
                "file.procedure",
                "Không có cột thủ tục: hồ sơ không ghi thủ tục nào.".into(),
                "No column names the procedure: the dossiers have none.".into(),
            );
        }
        let others: Vec<String> = self.columns.others().map(|(_, header)| header).collect();
        if !others.is_empty() {
            let others = others.join(", ");
            say(
                "file.others",
                format!("Cột giữ nguyên văn, không đưa vào trường nào: {others}."),
                format!("Columns kept as they are written, in no field: {others}."),
            );
        }
        remarks
    }

    /// Judges every row.
    ///
    /// # Errors
    /// [`JudgeError`]; the rows before were handed out.
    pub fn judge<K: Known>(
        &mut self,
        known: &K,
        mut each: impl FnMut(Judged) -> ControlFlow<()>,
    ) -> Result<Totals, JudgeError<K::Error>> {
        let mut codes = self.codes()?;
        let Self { table, columns, header, mapping, choices, procedures, around } = self;
        let reader = Reader { mapping, columns, choices, around: *around, procedures };
        let mapped: Vec<Field> = columns.by_field.keys().copied().collect();
        let mut judge = Judge { choices, mapped, codes: &mut codes, known, seen: HashMap::new() };
        let (mut totals, mut failed) = (Totals::default(), None);
        table.rows(&mut |row| {
            if row.number <= *header || row.is_blank() {
                return ControlFlow::Continue(());
            }
            if columns.is_repeated(&row) {
                totals.headers += 1;
                return ControlFlow::Continue(());
            }
            match judge.judge(reader.read(&row)) {
                Ok(judged) => {
                    totals.add(&judged);
                    each(judged)
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed {
            Some(error) => Err(JudgeError::Known(error)),
            None => Ok(totals),
        }
    }

    /// The first row of each code that is spelled as a code.
    fn codes(&mut self) -> Result<HashMap<String, u32>, ReadError> {
        let mut codes = HashMap::new();
        let Some(column) = self.columns.by_field.get(&Field::Code).copied() else {
            return Ok(codes);
        };
        let (header, hidden, around) = (self.header, self.choices.hidden, self.around);
        self.table.rows(&mut |row| {
            if row.number > header && (hidden || !row.hidden) {
                let reading = crate::field::read(Field::Code, row.cell(column), around);
                if !reading.value.is_empty() {
                    codes.entry(number(&reading.value)).or_insert(row.number);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(codes)
    }
}

/// The number of a code, which has more than one spelling.
fn number(code: &str) -> String {
    Code::read(code).map_or_else(|_| code.to_owned(), |code| code.number())
}

/// Settings in their one spelling: plain structs of texts and numbers, in which there is nothing to refuse.
fn spelled(settings: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(settings).unwrap_or_default()
}

struct Judge<'a, K> {
    choices: &'a Choices,
    /// Fields that have a column.
    mapped: Vec<Field>,
    codes: &'a mut HashMap<String, u32>,
    known: &'a K,
    /// Keys of rows so far: the first row with it, and how many there are.
    seen: HashMap<RowKey, (u32, u32)>,
}

impl<K: Known> Judge<'_, K> {
    fn judge(&mut self, mut record: Record) -> Result<Judged, K::Error> {
        if record.hidden && !self.choices.hidden {
            return Ok(Judged { record, verdict: Verdict::Hidden, keys: Vec::new() });
        }
        let id = record.value(Field::Id).to_owned();
        if !id.is_empty()
            && let Some(here) = self.known.by_id(&id)?
        {
            return Ok(same_as_here(record, &here, &self.mapped));
        }
        let written = record.written_key(0);
        let (_, nth) = self.count(written, record.row);
        let mut keys = vec![record.written_key(nth)];
        let mut twin = None;
        if record.level() != Some(Level::Stop) {
            let (first, nth) = self.count(record.key(0), record.row);
            keys.push(record.key(nth));
            twin = (nth > 0).then_some(first);
        }
        if !id.is_empty() {
            keys.push(key("id", [("id", id.as_str())].into_iter(), 0));
        }
        for key in &keys {
            if let Some(here) = self.known.by_key(key)? {
                let finding =
                    said("row.known", format!("đã có: {here}"), format!("here already: {here}"));
                record.findings.push(finding);
                return Ok(Judged { record, verdict: Verdict::Known, keys });
            }
        }
        self.code(&mut record)?;
        if let (Some(first), "") = (twin, record.value(Field::Code)) {
            let vi = format!("giống hệt dòng {first}; nếu là hồ sơ khác, hãy chấp nhận");
            let en = format!("the same as row {first}; accept it if it is another dossier");
            self.say(&mut record, stop("row.twin", vi, en).or("+"));
        }
        let verdict = match record.level() {
            Some(Level::Stop) => Verdict::Stopped,
            Some(Level::Warn) => Verdict::Warned,
            _ => Verdict::Taken,
        };
        Ok(Judged { record, verdict, keys })
    }

    /// The first row with a key, and how many there were before this one.
    fn count(&mut self, key: RowKey, row: u32) -> (u32, u32) {
        let entry = self.seen.entry(key).or_insert((row, 0));
        let nth = entry.1;
        entry.1 += 1;
        (entry.0, nth)
    }

    /// A code belongs to one dossier, here and in the file; what is proposed must be free too.
    fn code(&mut self, record: &mut Record) -> Result<(), K::Error> {
        let (row, code) = (record.row, record.value(Field::Code).to_owned());
        if !code.is_empty() {
            if let Some(finding) = self.has_code(row, &code)? {
                self.say(record, Finding { field: Some(Field::Code), ..finding });
            } else {
                self.codes.entry(number(&code)).or_insert(row);
            }
            return Ok(());
        }
        for at in 0..record.findings.len() {
            let finding = &record.findings[at];
            let proposal =
                finding.proposals.first().filter(|_| finding.kind == "code.form").cloned();
            let Some(proposal) = proposal else { continue };
            if let Some(taken) = self.has_code(row, &proposal)? {
                let finding = &mut record.findings[at];
                finding.proposals.clear();
                finding.vi = format!("{}; có thể là {proposal}, nhưng {}", finding.vi, taken.vi);
                finding.en = format!("{}; it may be {proposal}, but {}", finding.en, taken.en);
            }
        }
        Ok(())
    }

    fn has_code(&self, row: u32, code: &str) -> Result<Option<Finding>, K::Error> {
        if let Some(first) = self.codes.get(&number(code)).filter(|first| **first != row) {
            let vi = format!("mã {code} đã có ở dòng {first}");
            return Ok(Some(stop(
                "code.twin",
                vi,
                format!("the code {code} stands in row {first}"),
            )));
        }
        Ok(self.known.by_code(code)?.map(|here| {
            let vi = format!("mã {code} đã cấp cho hồ sơ {here}");
            stop("code.here", vi, format!("the code {code} belongs to the dossier {here}"))
        }))
    }

    fn say(&self, record: &mut Record, mut finding: Finding) {
        if let Some(accepted) = self.choices.of(record.row, &finding).cloned() {
            finding.accepted = Some(accepted);
            finding.level = Level::Note;
        }
        record.findings.push(finding);
    }
}

fn said(kind: &'static str, vi: String, en: String) -> Finding {
    Finding::new(Level::Note, kind, vi, en)
}

/// A row of an export against the dossier it came from: an import changes nothing that is here.
fn same_as_here(mut record: Record, here: &BTreeMap<Field, String>, mapped: &[Field]) -> Judged {
    let differs = |field: &Field| {
        let text = here.get(field).map_or("", String::as_str);
        let cell = record.written.get(field).or_else(|| record.values.get(field));
        let cell = crate::field::as_exported(cell.map_or("", String::as_str));
        // A name that only the catalogue gave stands in no cell.
        let of_catalogue = *field == Field::ProcedureName && text.is_empty();
        cell != exported(*field, text) && record.value(*field) != text && !of_catalogue
    };
    let different: Vec<&'static str> =
        mapped.iter().filter(|field| differs(field)).map(|field| field.header()).collect();
    record.findings.clear();
    let verdict = if different.is_empty() {
        let (vi, en) = ("đã có, không khác", "here already, no difference");
        record.findings.push(said("row.same", vi.into(), en.into()));
        Verdict::Known
    } else {
        let fields = different.join(", ");
        record.findings.push(stop(
            "row.differs",
            format!("đã có ở đây nhưng khác ở: {fields}; nhập không sửa hồ sơ đã có"),
            format!("here already and different in: {fields}; an import changes no dossier"),
        ));
        Verdict::Stopped
    };
    Judged { record, verdict, keys: Vec::new() }
}

impl Totals {
    fn add(&mut self, judged: &Judged) {
        self.read += 1;
        match judged.verdict {
            Verdict::Taken => self.taken += 1,
            Verdict::Warned => {
                self.taken += 1;
                self.warned += 1;
            }
            Verdict::Stopped => self.stopped += 1,
            Verdict::Hidden => self.hidden += 1,
            Verdict::Known => self.known += 1,
        }
        for finding in &judged.record.findings {
            let count = self.kinds.entry(finding.kind).or_default();
            count.found += 1;
            count.stops += u32::from(finding.level == Level::Stop);
            let has = !finding.proposals.is_empty();
            count.accepted += u32::from(finding.accepted.is_some());
            count.proposed += u32::from(has && finding.accepted.is_none());
        }
    }
}
