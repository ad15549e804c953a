//! Refusals in words: what failed, in Vietnamese and English, and which field it was.

use crate::drafts::DraftError;
use crate::import::ImportError;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use motcua_core::{id::DossierId, state::StoreError};
use motcua_dossier::{
    action::ActionError,
    card::CardError,
    due::DueError,
    emergency::{EmergencyError, WrongTime},
    lease::{LeaseError, StartError},
    money::MoneyError,
};
use motcua_forms::FormError;
use motcua_shell::{engine::SaveError, scans::UploadError, startup::View};
use serde_json::json;

/// Why a request was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The request breaks a rule of the dossier.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// No code can be issued.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// No date follows from the term.
    #[error("no date can be promised: {0}")]
    Due(#[from] DueError),
    /// What was scanned is no identity card, or came mangled.
    #[error("{}", .0.words().1)]
    Card(#[from] CardError),
    /// The disk refused.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such dossier here.
    #[error("this office holds no dossier {0}")]
    NoDossier(String),
    /// Of this dossier only what the hub says is here.
    #[error(
        "this dossier was just received from the hub and its history is still coming: it can be read, \
         and worked on in a moment"
    )]
    Unchecked,
    /// The history of a closed dossier stands at the hub, and did not come in time.
    #[error(
        "the history of this closed dossier is kept at the hub and is fetched when it is opened; the \
         hub cannot be reached now: try again when the connection is back"
    )]
    Away,
    /// The state is being made again, and what this needs of it is not there yet.
    #[error(
        "{}. This cannot be done before that: nothing is acted upon that may not be whole",
        .0.words_en
    )]
    Rebuilding(Box<View>),
    /// Something named in the request is not known.
    #[error("{field}: {value:?} is not known here")]
    Unknown {
        /// Which field.
        field: &'static str,
        /// What it said.
        value: String,
    },
    /// The dossier's document cannot be built.
    #[error("the dossier cannot be opened: {0}")]
    Document(String),
    /// The idempotency key was used for something else.
    #[error(
        "this Idempotency-Key was used for another request before, for dossier {code}; what differs: {}",
        said(.fields, "cannot be told")
    )]
    KeyReused {
        /// The dossier that it made or changed.
        dossier: DossierId,
        /// Its code.
        code: String,
        /// Fields that differ; empty where that is not known any more.
        fields: Vec<String>,
    },
    /// A code that was printed elsewhere is that of a dossier here.
    #[error("code {code} is already held by dossier {dossier}")]
    CodeTaken {
        /// The code.
        code: String,
        /// Who has it.
        dossier: DossierId,
    },
    /// The request was carried out before.
    #[error("carried out before")]
    Repeated(DossierId),
    /// The request itself cannot be read.
    #[error("{0}")]
    Request(String),
    /// A field of the request cannot be read.
    #[error("{field}: {why}")]
    Field {
        /// Where it stands.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A scan was not taken in.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The dossier names no such scan.
    #[error("this dossier names no scan {0}")]
    NoScan(String),
    /// The scan's file here is damaged and nobody who is connected has it.
    #[error("the file of this scan is damaged here; scan the paper again")]
    ScanDamaged,
    /// The part that was asked for is not of this scan.
    #[error("the scan has {size} bytes; the range is not within it")]
    Range {
        /// Bytes of the scan.
        size: u64,
    },
    /// What the form tells did not happen to this dossier.
    #[error("this dossier has no {}: that step was not taken", crate::forms::en(*.0))]
    NoForm(motcua_forms::edition::Form),
    /// The form cannot be made.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The body broke off.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// A draft was not changed.
    #[error(transparent)]
    Draft(DraftError),
    /// A list was not imported or exported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file of the scanner's folder was not attached.
    #[error(transparent)]
    ScanFolder(#[from] crate::scan_folder::FolderError),
    /// Too many listen already.
    #[error("too many listen already; ask for the sync state instead")]
    Streams,
    /// Somebody is not let in, or an account is not changed.
    #[error(transparent)]
    People(#[from] crate::people::PeopleError),
    /// Today's numbers do not go on there.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No codes on paper, or nothing entered of them.
    #[error(transparent)]
    Emergency(EmergencyError),
    /// Too many scans are being taken in.
    #[error("other scans are being taken in; try again in a moment")]
    Busy,
    /// The request is longer than anything that could be meant.
    #[error("the request has more than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
}

impl From<EmergencyError> for DeskError {
    fn from(error: EmergencyError) -> Self {
        match error {
            EmergencyError::Field(error) => Self::Action(error),
            other => Self::Emergency(other),
        }
    }
}

impl DeskError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Action(ActionError::NotAllowed { .. }) => (StatusCode::CONFLICT, "not_allowed"),
            Self::Action(ActionError::NothingToTake) => (StatusCode::CONFLICT, "nothing_to_take"),
            Self::Action(
                ActionError::NotTheirs | ActionError::NotHere | ActionError::NotRegistrar,
            ) => (StatusCode::CONFLICT, "not_yours"),
            Self::Action(ActionError::NothingToPass) => (StatusCode::CONFLICT, "not_allowed"),
            Self::Action(ActionError::GoneOn) => (StatusCode::CONFLICT, "gone_on"),
            Self::Action(ActionError::Void) => (StatusCode::CONFLICT, "void"),
            Self::Action(ActionError::NothingToExtend | ActionError::Extended { .. }) => {
                (StatusCode::CONFLICT, "no_extension")
            }
            Self::Action(ActionError::Money(error)) => match error {
                MoneyError::Conflict | MoneyError::Changed | MoneyError::NoConflict => {
                    (StatusCode::CONFLICT, "money_conflict")
                }
                MoneyError::NothingDue
                | MoneyError::NoReceipt
                | MoneyError::PartRefunded { .. } => (StatusCode::CONFLICT, "not_allowed"),
                MoneyError::OtherOffice => (StatusCode::CONFLICT, "not_yours"),
                MoneyError::Counted => (StatusCode::CONFLICT, "counted"),
                MoneyError::MoreThanDue { .. }
                | MoneyError::MoreThanLeft { .. }
                | MoneyError::DoesNotFit => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            },
            Self::Action(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Lease(_) => (StatusCode::CONFLICT, "no_code"),
            Self::Due(_) => (StatusCode::CONFLICT, "no_date"),
            Self::Card(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no_card"),
            Self::Save(SaveError::Limit(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Save(_) => (StatusCode::INSUFFICIENT_STORAGE, "not_saved"),
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "state_unavailable"),
            Self::NoDossier(_) => (StatusCode::NOT_FOUND, "no_dossier"),
            Self::Unchecked => (StatusCode::CONFLICT, "unchecked"),
            Self::Away => (StatusCode::CONFLICT, "away"),
            Self::Rebuilding(_) => (StatusCode::SERVICE_UNAVAILABLE, "rebuilding"),
            Self::Unknown { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unknown"),
            Self::Document(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable"),
            Self::KeyReused { .. } => (StatusCode::CONFLICT, "idempotency_mismatch"),
            Self::CodeTaken { .. } => (StatusCode::CONFLICT, "code_taken"),
            Self::Streams => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Start(StartError::Bounds(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Start(_) => (StatusCode::CONFLICT, "no_start"),
            Self::Draft(DraftError::Disk(_)) => (StatusCode::INSUFFICIENT_STORAGE, "not_saved"),
            Self::Draft(DraftError::Unknown(_)) => (StatusCode::NOT_FOUND, "no_draft"),
            Self::Draft(DraftError::Discarded { .. }) => (StatusCode::GONE, "draft_discarded"),
            Self::Draft(DraftError::Many(_)) => (StatusCode::CONFLICT, "too_many_drafts"),
            Self::Draft(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::People(error) => error.code(),
            Self::Emergency(error) => match error {
                EmergencyError::Count(_) | EmergencyError::NotThen(_) | EmergencyError::Time(_) => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
                }
                EmergencyError::NoSlip(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown"),
                EmergencyError::Field(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
                EmergencyError::Exhausted(_)
                | EmergencyError::Clock { .. }
                | EmergencyError::Code(_) => (StatusCode::CONFLICT, "no_code"),
                EmergencyError::OtherDraw(_) => (StatusCode::CONFLICT, "idempotency_mismatch"),
                EmergencyError::NoBlock(_) => (StatusCode::NOT_FOUND, "no_block"),
                EmergencyError::Elsewhere(_) => (StatusCode::CONFLICT, "other_machine"),
                EmergencyError::Entered { .. } => (StatusCode::CONFLICT, "code_taken"),
            },
            Self::Repeated(_) => (StatusCode::OK, "repeated"),
            Self::Request(_) | Self::Field { .. } => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Upload(UploadError::TooLong { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large")
            }
            Self::Upload(UploadError::Empty) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Upload(UploadError::Media(_)) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type")
            }
            Self::Upload(UploadError::NoRoom | UploadError::Io(_)) => {
                (StatusCode::INSUFFICIENT_STORAGE, "not_saved")
            }
            Self::NoScan(_) => (StatusCode::NOT_FOUND, "no_scan"),
            Self::ScanDamaged => (StatusCode::CONFLICT, "damaged"),
            Self::Range { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "range"),
            Self::NoForm(_) => (StatusCode::CONFLICT, "no_form"),
            Self::Form(FormError::Paper { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, "paper"),
            Self::Form(FormError::NotThen { .. }) => (StatusCode::CONFLICT, "no_form"),
            Self::Form(FormError::QrTooLong { .. } | FormError::TooManyPages) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "form_too_long")
            }
            Self::Form(FormError::Font(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "font"),
            Self::Broken(_) => (StatusCode::BAD_REQUEST, "broken_off"),
            Self::Import(error) => error.code(),
            Self::ScanFolder(error) => error.code(),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        }
    }

    /// As answers write it: code, words in both languages, and the field.
    pub(crate) fn told(&self) -> serde_json::Value {
        json!({
            "code": self.code().1,
            "message_vi": self.vi(),
            "message_en": self.to_string(),
            "field": self.field(),
        })
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Action(
                ActionError::Missing { field }
                | ActionError::TooLong { field, .. }
                | ActionError::TooMany { field, .. }
                | ActionError::Invalid { field, .. },
            )
            | Self::Unknown { field, .. } => Some(field),
            Self::Action(ActionError::NotAllowed { .. }) => Some("to"),
            Self::Action(ActionError::NoReason { .. } | ActionError::FieldReason { .. }) => {
                Some("note")
            }
            Self::Action(ActionError::NoLeader) => Some("leader"),
            Self::Action(ActionError::ToItself) => Some("office"),
            Self::Action(ActionError::Money(
                MoneyError::MoreThanDue { .. } | MoneyError::MoreThanLeft { .. },
            )) => Some("amount"),
            Self::Action(ActionError::Money(MoneyError::DoesNotFit)) => Some("keep"),
            Self::Field { field, .. } => Some(field),
            Self::Due(_) => Some("due"),
            Self::Card(_) => Some("text"),
            Self::KeyReused { .. } => Some("Idempotency-Key"),
            Self::CodeTaken { .. } => Some("code"),
            Self::Start(_) => Some("number"),
            Self::People(error) => error.field(),
            Self::Emergency(error) => match error {
                EmergencyError::Count(_) => Some("count"),
                EmergencyError::NotThen(_) | EmergencyError::Exhausted(_) => Some("day"),
                EmergencyError::Time(WrongTime::DueBefore) => Some("due"),
                EmergencyError::Time(_) => Some("received"),
                EmergencyError::NoSlip(_)
                | EmergencyError::Elsewhere(_)
                | EmergencyError::Entered { .. } => Some("code"),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn vi(&self) -> String {
        match self {
            Self::Action(ActionError::Missing { field }) => format!("Thiếu {field}."),
            Self::Action(ActionError::TooLong { field, got, limit }) => {
                format!("{field} có {got} ký tự, tối đa {limit}.")
            }
            Self::Action(ActionError::TooMany { field, got, limit }) => {
                format!("{field}: {got} là quá nhiều, tối đa {limit}.")
            }
            Self::Action(ActionError::Invalid { field, why }) => {
                format!("{field} không hợp lệ ({why}).")
            }
            Self::Action(ActionError::NotAllowed { from, to }) => {
                format!("Hồ sơ đang “{}” không thể chuyển sang “{}”.", from.vi(), to.vi())
            }
            Self::Action(ActionError::NoReason { to }) => {
                format!("Việc “{}” phải có lý do; hãy ghi lý do.", to.vi())
            }
            Self::Action(ActionError::FieldReason { vi, .. }) => {
                format!("Sửa “{vi}” phải có lý do; hãy ghi lý do.")
            }
            Self::Action(ActionError::Money(error)) => error.vi(),
            Self::Action(ActionError::NotRegistrar) => {
                "Chỉ cơ quan đã tiếp nhận hồ sơ mới được hủy đăng ký.".into()
            }
            Self::Action(ActionError::GoneOn) => {
                "Hồ sơ đã chuyển đi hoặc đã có kết quả, không hủy đăng ký được nữa.".into()
            }
            Self::Action(ActionError::NoLeader) => {
                "Đã quá thời hạn tự hủy: phải có lãnh đạo đồng ý: lãnh đạo hủy bằng tài khoản của mình, hoặc ghi tên lãnh đạo khi cơ quan chưa có tài khoản.".into()
            }
            Self::Action(ActionError::Void) => {
                "Đăng ký đã hủy; không làm gì thêm với hồ sơ này.".into()
            }
            Self::Action(ActionError::NotTheirs) => {
                "Cơ quan này không giữ và không tiếp nhận hồ sơ, nên không thể làm việc này.".into()
            }
            Self::Action(ActionError::NotHere) => {
                "Cơ quan này không giữ hồ sơ, hoặc chưa nhận bàn giao từ cơ quan khác; hãy nhận trước."
                    .into()
            }
            Self::Action(ActionError::NothingToPass) => {
                "Hồ sơ đã kết thúc, không còn gì để giao nội bộ.".into()
            }
            Self::Action(ActionError::NothingToExtend) => {
                "Hồ sơ chưa hẹn ngày hoặc đã xong, không có ngày hẹn nào để hẹn lại.".into()
            }
            Self::Action(ActionError::Extended { times }) => {
                format!("Đã xin lỗi và hẹn lại {times} lần; quy định không cho hẹn lại nữa.")
            }
            Self::Action(ActionError::NothingToTake) => {
                "Không có lần chuyển nào đang chờ cơ quan này nhận.".into()
            }
            Self::Action(ActionError::ToItself) => {
                "Không thể chuyển hồ sơ cho chính cơ quan đang giữ.".into()
            }
            Self::Lease(LeaseError::Exhausted { day }) => {
                format!(
                    "Máy này đã dùng hết số hồ sơ của ngày {day}; hãy dùng máy khác của cơ quan."
                )
            }
            Self::Lease(LeaseError::Clock { shown, known }) => format!(
                "Đồng hồ máy chỉ ngày {shown}, nhưng ngày {known} đã qua; hãy chỉnh đồng hồ trước."
            ),
            Self::Lease(LeaseError::Code(_)) => {
                "Không ghi được mã hồ sơ; báo bộ phận CNTT kiểm tra mã định danh cơ quan.".into()
            }
            Self::Due(error) => {
                format!(
                    "Không tính được ngày hẹn trả ({error}); hãy ghi ngày hẹn hoặc báo bộ phận CNTT."
                )
            }
            Self::Card(error) => error.words().0,
            Self::Save(error) => error.vi(),
            Self::Store(_) => {
                "Không đọc được kho trạng thái; khởi động lại máy, dữ liệu vẫn còn trong sổ ghi."
                    .into()
            }
            Self::NoDossier(id) => format!("Cơ quan này không giữ hồ sơ {id}."),
            Self::Unchecked => "Hồ sơ vừa nhận từ hub, lịch sử đang về: xem được ngay, xử lý được \
                                sau ít phút."
                .into(),
            Self::Away => {
                "Lịch sử của hồ sơ đã kết thúc này được giữ ở hub và tải về khi mở; hiện \
                           chưa kết nối được với hub: hãy thử lại khi có mạng."
                    .into()
            }
            Self::Rebuilding(view) => format!(
                "{}. Việc này phải chờ dựng lại xong: không xử lý trên dữ liệu chưa đủ.",
                view.words_vi
            ),
            Self::Unknown { field, value } => format!("{field}: không biết “{value}”."),
            Self::Document(why) => format!("Không mở được hồ sơ: {why}."),
            Self::KeyReused { code, fields, .. } => format!(
                "Khóa Idempotency-Key này đã dùng cho yêu cầu khác, của hồ sơ {code}. Khác nhau ở: {}.",
                said(fields, "không còn biết")
            ),
            Self::CodeTaken { code, dossier } => {
                format!("Mã {code} đã thuộc về hồ sơ {dossier}.")
            }
            Self::Streams => "Đã có quá nhiều nơi theo dõi; hãy hỏi trạng thái đồng bộ.".into(),
            Self::Start(error) => crate::numbers::vietnamese(error),
            Self::Draft(error) => error.vietnamese(),
            Self::People(error) => error.vi(),
            Self::Emergency(error) => crate::emergency::vietnamese(error),
            Self::Repeated(_) => "Đã thực hiện trước đó.".into(),
            Self::Field { field, why } => format!("{field} không đọc được ({why})."),
            Self::TooLong { limit } => format!("Yêu cầu dài hơn {limit} byte."),
            Self::Request(why) => format!("Yêu cầu không đọc được: {why}."),
            Self::Upload(UploadError::Empty) => "Tệp rỗng; hãy quét lại.".into(),
            Self::Upload(UploadError::TooLong { limit }) => {
                format!("Tệp lớn hơn {} MB; hãy quét với độ phân giải thấp hơn.", limit >> 20)
            }
            Self::Upload(UploadError::Media(_)) => {
                "Chỉ nhận PDF, JPEG, PNG hoặc TIFF; tệp này không phải.".into()
            }
            Self::Upload(UploadError::NoRoom) => {
                "KHÔNG lưu được: ổ đĩa gần đầy; báo bộ phận CNTT. Hồ sơ vẫn lưu được.".into()
            }
            Self::Upload(UploadError::Io(error)) => format!(
                "KHÔNG lưu được: ổ đĩa báo {error}. Hãy gửi lại bản quét khi ổ đĩa ghi được, không cần \
                 khởi động lại máy."
            ),
            Self::NoScan(id) => format!("Hồ sơ này không có bản quét {id}."),
            Self::ScanDamaged => "Tệp bản quét trên máy này bị hỏng; hãy quét lại.".into(),
            Self::Range { size } => format!("Bản quét có {size} byte; đoạn yêu cầu nằm ngoài."),
            Self::NoForm(form) => {
                format!("Hồ sơ này không có {}: chưa có bước xử lý đó.", crate::forms::vi(*form))
            }
            Self::Form(FormError::Paper { form, paper, instead }) => {
                format!("Mẫu {form} không in trên khổ {paper}; hãy chọn {instead}.")
            }
            Self::Form(FormError::NotThen { form, day }) => format!(
                "Hồ sơ ngày {day} không có {}: thông tư có hiệu lực ngày đó không có mẫu này.",
                crate::forms::vi(*form)
            ),
            Self::Form(FormError::QrTooLong { .. }) => {
                "Số định danh hoặc tên hệ thống quá dài, mã QR không vừa khổ giấy.".into()
            }
            Self::Form(FormError::TooManyPages) => {
                "Biểu mẫu quá nhiều trang; hãy chọn ít ngày hơn.".into()
            }
            Self::Form(FormError::Font(_)) => {
                "Không đọc được phông chữ của biểu mẫu; báo bộ phận CNTT.".into()
            }
            Self::Broken(why) => format!("KHÔNG lưu được: tệp chưa đến hết ({why})."),
            Self::Import(error) => error.vi(),
            Self::ScanFolder(error) => error.vi(),
            Self::Busy => "Máy đang nhận các bản quét khác; hãy thử lại sau giây lát.".into(),
        }
    }
}

fn said(fields: &[String], unknown: &str) -> String {
    if fields.is_empty() { unknown.to_owned() } else { fields.join(", ") }
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let (status, _) = self.code();
        if status.is_server_error() && !matches!(self, Self::Rebuilding(_)) {
            tracing::error!(error = %self, "a request failed");
        }
        let mut body = json!({ "error": self.told() });
        match &self {
            Self::Rebuilding(view) => body["start"] = json!(view),
            Self::KeyReused { dossier, code, fields } => {
                body["error"]["dossier"] = json!({ "id": dossier.to_string(), "code": code });
                body["error"]["fields"] = json!(fields);
            }
            Self::CodeTaken { dossier, code } => {
                body["error"]["dossier"] = json!({ "id": dossier.to_string(), "code": code });
            }
            Self::Emergency(EmergencyError::Entered { dossier, code, .. }) => {
                body["error"]["dossier"] = json!({ "id": dossier, "code": code });
            }
            _ => {}
        }
        (status, Json(body)).into_response()
    }
}
