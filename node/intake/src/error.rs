//! Why a whole file or mapping is refused. A fault of one row is a finding instead.

use crate::limits;

/// Why a file cannot be read as a list.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk or the sender broke off.
    #[error("the file cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Larger than any list.
    #[error("the file has more than {} MB", limits::FILE_BYTES >> 20)]
    TooLong,
    /// Another kind of file.
    #[error("this is {what}, and no list; save it as XLSX or CSV")]
    Kind {
        /// What it seems to be, in English.
        what: &'static str,
        /// The same in Vietnamese.
        vi: &'static str,
    },
    /// A workbook that breaks its own format.
    #[error("the workbook is damaged: {part}: {why}")]
    Damaged {
        /// Which part of the package.
        part: String,
        /// What is wrong with it.
        why: String,
    },
    /// A part that is larger unpacked than any list.
    #[error("the workbook unpacks to more than a list can be: {0}")]
    Bomb(String),
    /// No sheet of that name, or no visible one.
    #[error("there is no sheet {wanted:?}; there are: {}", .sheets.join(", "))]
    NoSheet {
        /// The name looked for.
        wanted: String,
        /// What there is.
        sheets: Vec<String>,
    },
    /// A quotation mark that opens in a row and never closes.
    #[error("row {0}: a quotation mark opens here and does not close")]
    Unclosed(u32),
    /// More rows than [`limits::ROWS`].
    #[error("the list has more than {} rows; divide it", limits::ROWS)]
    TooManyRows,
    /// No row looks like the header.
    #[error(
        "none of the first {} rows names the columns that were asked for; found were: {}",
        limits::HEADER_ROWS, .0.join(" | ")
    )]
    NoHeader(Vec<String>),
    /// A column of the mapping is not there, or is there twice.
    #[error("{field}: the header has no column {wanted:?} of its own; it has: {}", .headers.join(" | "))]
    Column {
        /// For which field.
        field: &'static str,
        /// Which one.
        wanted: String,
        /// What there is.
        headers: Vec<String>,
    },
    /// The mapping itself cannot be read.
    #[error("the mapping cannot be used: {0}")]
    Mapping(String),
}

impl ReadError {
    /// In Vietnamese.
    pub fn vi(&self) -> String {
        match self {
            Self::Io(error) => format!("Không đọc được tệp: {error}."),
            Self::TooLong => format!("Tệp lớn hơn {} MB.", limits::FILE_BYTES >> 20),
            Self::Kind { vi, .. } => format!("Đây là {vi}; hãy lưu lại thành XLSX hoặc CSV."),
            Self::Damaged { part, why } => format!("Tệp Excel bị hỏng: {part}: {why}."),
            Self::Bomb(part) => format!("Tệp Excel giải nén ra quá lớn: {part}."),
            Self::NoSheet { wanted, sheets } => {
                format!("Không có trang tính “{wanted}”; có: {}.", sheets.join(", "))
            }
            Self::Unclosed(row) => {
                format!("Dòng {row}: có dấu ngoặc kép mở mà không đóng.")
            }
            Self::TooManyRows => {
                format!("Danh sách có hơn {} dòng; hãy chia nhỏ.", limits::ROWS)
            }
            Self::NoHeader(found) => format!(
                "Trong {} dòng đầu không thấy dòng tiêu đề có các cột cần tìm; chỉ thấy: {}.",
                limits::HEADER_ROWS,
                found.join(" | ")
            ),
            Self::Column { field, wanted, headers } => format!(
                "{field}: tiêu đề không có đúng một cột “{wanted}”; có: {}.",
                headers.join(" | ")
            ),
            Self::Mapping(why) => format!("Không dùng được tệp ánh xạ: {why}."),
        }
    }
}
