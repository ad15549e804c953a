//! Fields of a dossier that a column may hold, and how a cell of each is read.

mod code;
mod date;
mod digits;
mod identity;
mod money;
mod papers;
mod phone;
mod state;
mod text;

pub use identity::{Card, card};
pub use papers::{papers, papers_text};
pub use state::state_of;
pub(crate) use text::guarded;

use crate::{
    cell::{Cell, Value},
    encoding::Encoding,
    finding::{Reading, note, stop},
};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Id of a dossier in an export.
    Id,
    /// Printed code.
    Code,
    /// Procedure: code, or a name of the catalogue.
    Procedure,
    /// Name of the procedure.
    ProcedureName,
    /// When it was received.
    Received,
    /// Promised date.
    Due,
    /// Portal state.
    State,
    /// Name of the applicant.
    Name,
    /// Number of the identity card.
    IdNumber,
    /// Date of birth.
    BirthDate,
    /// Telephone.
    Phone,
    /// Address.
    Address,
    /// E-mail.
    Email,
    /// Country, two letters.
    Nationality,
    /// What is asked for.
    Request,
    /// Fee in đồng.
    Fee,
    /// `direct`, `online` or `post`.
    Channel,
    /// Papers handed in.
    Papers,
    /// Remark.
    Note,
}

impl Field {
    /// All fields, in the order of an export.
    pub const ALL: [Self; 19] = [
        Self::Id,
        Self::Code,
        Self::Procedure,
        Self::ProcedureName,
        Self::Received,
        Self::Due,
        Self::State,
        Self::Name,
        Self::IdNumber,
        Self::BirthDate,
        Self::Phone,
        Self::Address,
        Self::Email,
        Self::Nationality,
        Self::Request,
        Self::Fee,
        Self::Channel,
        Self::Papers,
        Self::Note,
    ];

    /// As in a mapping.
    pub fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Code => "code",
            Self::Procedure => "procedure",
            Self::ProcedureName => "procedure_name",
            Self::Received => "received",
            Self::Due => "due",
            Self::State => "state",
            Self::Name => "name",
            Self::IdNumber => "id_number",
            Self::BirthDate => "birth_date",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Email => "email",
            Self::Nationality => "nationality",
            Self::Request => "request",
            Self::Fee => "fee",
            Self::Channel => "channel",
            Self::Papers => "papers",
            Self::Note => "note",
        }
    }

    /// From a mapping.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }

    /// Header of an export, which every import knows again.
    pub fn header(self) -> &'static str {
        match self {
            Self::Id => "Mã nội bộ",
            Self::Code => "Mã hồ sơ",
            Self::Procedure => "Mã TTHC",
            Self::ProcedureName => "Tên thủ tục",
            Self::Received => "Ngày nhận",
            Self::Due => "Ngày hẹn trả",
            Self::State => "Trạng thái",
            Self::Name => "Họ và tên",
            Self::IdNumber => "Số định danh",
            Self::BirthDate => "Ngày sinh",
            Self::Phone => "Điện thoại",
            Self::Address => "Địa chỉ",
            Self::Email => "Thư điện tử",
            Self::Nationality => "Quốc tịch",
            Self::Request => "Nội dung",
            Self::Fee => "Lệ phí",
            Self::Channel => "Hình thức nộp",
            Self::Papers => "Thành phần hồ sơ",
            Self::Note => "Ghi chú",
        }
    }
}

/// What a reading depends on besides the cell.
#[derive(Debug, Clone, Copy)]
pub struct Around {
    /// Local time of the import.
    pub now: DateTime,
    /// The table of the file as a whole.
    pub encoding: Encoding,
    /// The workbook counts days from 1904.
    pub from_1904: bool,
}

/// Reads a cell for a field.
pub fn read(field: Field, cell: &Cell, around: Around) -> Reading {
    let doubts = text::doubts(cell, around.encoding);
    let stops = doubts.iter().any(|finding| finding.level == crate::finding::Level::Stop);
    let mut reading = match &cell.value {
        _ if stops => Reading::default(),
        Value::Empty => Reading::default(),
        Value::NoValue(formula) => Reading::stopped(stop(
            "cell.no_value",
            format!("công thức “={formula}” không có giá trị đã lưu; hãy mở bằng Excel và lưu lại"),
            format!("the formula “={formula}” has no stored value; open it in Excel and save it"),
        )),
        Value::Error(error) => Reading::stopped(stop(
            "cell.error",
            format!("ô báo lỗi {error}"),
            format!("the cell says {error}"),
        )),
        _ => of_field(field, cell, around),
    };
    reading.findings.extend(doubts);
    if let Some(area) = cell.merged.as_ref().filter(|_| !cell.is_empty()) {
        reading.findings.push(note(
            "cell.merged",
            format!("giá trị của vùng gộp ô {area}"),
            format!("the value of the merged cells {area}"),
        ));
    }
    if cell.hidden && !cell.is_empty() {
        reading.findings.push(note("cell.hidden", "ô nằm ở cột ẩn", "the column is hidden"));
    }
    reading
}

fn of_field(field: Field, cell: &Cell, around: Around) -> Reading {
    match field {
        Field::IdNumber => identity::read(cell, around.now),
        Field::Phone => phone::read(cell),
        Field::BirthDate => date::birth(cell, around.now, around.from_1904),
        Field::Received => date::received(cell, around.now, around.from_1904),
        Field::Due => date::due(cell, around.from_1904),
        Field::Code => code::read(cell),
        Field::Name => text::name(cell, around.encoding),
        Field::Fee => money::read(cell),
        Field::State => state::read(cell),
        Field::Channel => state::channel(cell),
        Field::Nationality => state::nationality(cell),
        Field::Papers => papers::read(cell),
        Field::Procedure => text::procedure(cell),
        Field::Id
        | Field::ProcedureName
        | Field::Address
        | Field::Email
        | Field::Request
        | Field::Note => text::line(cell),
    }
}

/// A cell of an export as the text that was exported.
pub(crate) fn as_exported(cell: &str) -> &str {
    text::unguarded(cell)
}
