//! Why a bundle was not written or not taken, in words for whoever holds the stick.

use axum::http::StatusCode;
use motcua_core::{bundle::BundleError, replica::ExportError};
use serde_json::{Value, json};

/// Why. What had been accepted before stays; nothing else was changed.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The file itself.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The disk here refused.
    #[error("the disk here refused: {0}")]
    Io(#[from] std::io::Error),
    /// A store or a record cannot be read.
    #[error("it cannot be recorded: {0}")]
    Export(#[from] ExportError),
    /// Another bundle is being worked on.
    #[error("another bundle is being written or taken in; try again when it is done")]
    Busy,
    /// The service is shutting down or its state has failed.
    #[error("this machine is shutting down")]
    Stopping,
    /// The maker may not speak here.
    #[error("the bundle's maker is not known here: {0}")]
    Maker(motcua_core::trust::TrustError),
    /// The machine that made it is banned.
    #[error("the machine that made it is suspended or banned{}; ask central IT", beyond(*.0))]
    Denied(Option<u64>),
    /// It was made for another hub, or by another.
    #[error("{0}")]
    Scope(&'static str),
    /// Something is missing before it.
    #[error("{what} {from} to {to} are missing before it: {then}")]
    Gap {
        /// Entries or items.
        what: &'static str,
        /// First that is missing.
        from: u64,
        /// Last that is missing.
        to: u64,
        /// What to do.
        then: &'static str,
    },
    /// The two sides number the inbox differently.
    #[error(
        "the hub numbers the inbox otherwise than this machine knows it; make a bundle here, carry \
         it to the hub, and bring back the answer"
    )]
    Renumbered,
    /// The replica found something that cannot be right.
    #[error("it was not taken: {0}")]
    Refused(String),
    /// No such office or machine.
    #[error("{what} {value:?} is not known here")]
    Unknown {
        /// Office or machine.
        what: &'static str,
        /// What was asked for.
        value: String,
    },
    /// Nothing answered in time.
    #[error("the journal did not answer in time; what was taken in stays, import it again")]
    Silent,
}

fn beyond(last_good: Option<u64>) -> String {
    last_good.map_or_else(String::new, |last| {
        format!(", and its work is believed up to entry {last} only")
    })
}

impl CarryError {
    /// A word for metrics, JSON and scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.kind(),
            Self::Io(_) => "disk",
            Self::Export(ExportError::Cut { .. }) => "cut",
            Self::Export(_) => "unreadable",
            Self::Busy => "busy",
            Self::Stopping => "stopping",
            Self::Maker(_) => "maker",
            Self::Denied(_) => "denied",
            Self::Scope(_) => "scope",
            Self::Gap { .. } => "gap",
            Self::Renumbered => "renumbered",
            Self::Refused(_) => "refused",
            Self::Unknown { .. } => "unknown",
            Self::Silent => "silent",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Bundle(BundleError::Limit { what: "bytes", .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Bundle(BundleError::Io(_)) | Self::Io(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Bundle(_) | Self::Maker(_) | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy
            | Self::Gap { .. }
            | Self::Renumbered
            | Self::Export(ExportError::Cut { .. }) => StatusCode::CONFLICT,
            Self::Export(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stopping | Self::Silent => StatusCode::SERVICE_UNAVAILABLE,
            Self::Denied(_) | Self::Scope(_) => StatusCode::FORBIDDEN,
            Self::Unknown { .. } => StatusCode::NOT_FOUND,
        }
    }

    /// In Vietnamese; `Display` is the English.
    pub fn vi(&self) -> String {
        match self {
            Self::Bundle(error) => bundle_vi(error),
            Self::Io(error) => format!("Đĩa của máy này không ghi hoặc đọc được ({error})."),
            Self::Export(ExportError::Cut { upto }) => format!(
                "Hub không còn giữ các mục đến số {upto} của hộp này mà máy đó chưa đọc hết: máy \
                 phải nối với hub một lần để hai bên đối chiếu."
            ),
            Self::Export(error) => format!("Không lập được gói dữ liệu: {error}."),
            Self::Busy => "Một gói dữ liệu khác đang được xử lý; hãy thử lại khi xong.".into(),
            Self::Stopping => "Máy này đang tắt.".into(),
            Self::Maker(error) => format!("Không nhận ra nơi lập gói dữ liệu: {error}."),
            Self::Denied(None) => {
                "Máy lập gói này đã bị đình chỉ hoặc cấm; hãy hỏi bộ phận CNTT.".into()
            }
            Self::Denied(Some(last)) => format!(
                "Máy lập gói này đã bị cấm, dữ liệu chỉ được tin đến mục {last}; hãy hỏi bộ phận \
                 CNTT."
            ),
            Self::Scope(_) => "Gói dữ liệu này không dành cho nơi này hoặc không do hub của nơi \
                               này lập; hãy mang đến đúng hub."
                .into(),
            Self::Gap { from, to, .. } => format!(
                "Còn thiếu các mục {from} đến {to} trước gói này: hãy nhập gói chứa chúng trước, \
                 hoặc lập lại gói từ đầu."
            ),
            Self::Renumbered => "Hub đã đánh số lại; hãy xuất gói tại máy này, mang đến hub và \
                                 mang gói trả lời về."
                .into(),
            Self::Refused(why) => format!("Không nhận gói dữ liệu: {why}."),
            Self::Unknown { value, .. } => format!("Không biết “{value}”."),
            Self::Silent => {
                "Sổ ghi không trả lời kịp; phần đã nhận được giữ lại, hãy nhập gói lần nữa.".into()
            }
        }
    }

    /// The answer's body.
    pub fn body(&self) -> Value {
        json!({ "error": {
            "code": self.code(),
            "message_vi": self.vi(),
            "message_en": self.to_string(),
            "field": null,
        }})
    }
}

fn bundle_vi(error: &BundleError) -> String {
    match error {
        BundleError::Empty => "Tệp rỗng; hãy chép lại.".into(),
        BundleError::NotABundle => "Đây không phải gói dữ liệu của Một Cửa.".into(),
        BundleError::Version(version) => {
            format!(
                "Gói dữ liệu có định dạng phiên bản {version}, máy này chưa biết; hãy cập nhật."
            )
        }
        BundleError::Domain { .. } => "Gói dữ liệu thuộc thành phố (miền tin cậy) khác.".into(),
        BundleError::Truncated => "Gói dữ liệu bị cụt; hãy chép lại từ nơi lập.".into(),
        BundleError::Signature => {
            "Gói dữ liệu bị hỏng hoặc bị sửa trên đường; hãy chép lại từ nơi lập.".into()
        }
        BundleError::Sender(why) => format!("Gói dữ liệu không cho biết đúng nơi lập: {why}."),
        BundleError::NotForUs(_) => {
            "Gói dữ liệu được lập cho máy khác, máy này không mở được.".into()
        }
        BundleError::Unsealing => {
            "Không mở được gói dữ liệu bằng khóa của máy này; hãy lập lại gói.".into()
        }
        BundleError::Malformed(why) => format!("Nội dung gói dữ liệu không đọc được ({why})."),
        BundleError::Limit { what, got, limit } => {
            format!("Gói dữ liệu vượt giới hạn ({what}: {got}, tối đa {limit}).")
        }
        BundleError::NoReader => "Không có máy nào để lập gói cho.".into(),
        BundleError::ReaderKey(node) => format!("Không dùng được khóa của máy {node}."),
        BundleError::Io(error) => format!("Không đọc hoặc ghi được tệp ({error})."),
    }
}
