//! Why somebody is not let in, or an account is not changed, in words.

use super::{SetupError, limits};
use axum::http::StatusCode;
use motcua_dossier::people::Duty;
use motcua_shell::password::PasswordError;
use std::time::Duration;

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Nobody is logged in, or not any more.
    #[error("log in first; programs bear a token of this office")]
    LogIn,
    /// Accounts exist, and their histories have not come yet.
    #[error("the accounts of this office are still coming from its hub; try again in a moment")]
    Coming,
    /// Unknown, closed, or wrong: it is not said which.
    #[error("login or password is wrong")]
    Wrong,
    /// Too many attempts.
    #[error("too many attempts; wait {} seconds and try again", seconds(.0))]
    Wait(Duration),
    /// Not from this page.
    #[error("the request does not come from this page")]
    Origin,
    /// No token of this office.
    #[error("this is no token of this office, or it was revoked")]
    Token,
    /// No role for this.
    #[error("{}", .0.refusal_en())]
    Role(Duty),
    /// Somebody else has seen the password.
    #[error("somebody gave you this password: choose your own first")]
    MustChange,
    /// No set-up code.
    #[error(
        "this is not the set-up code; on the machine itself, run motcua-node account setup for a new one"
    )]
    SetUp,
    /// There is an account already.
    #[error("this office has accounts already; an administrator makes further ones")]
    Exists,
    /// Somebody has this login.
    #[error("somebody has this login already")]
    LoginTaken,
    /// Somebody has this name.
    #[error(
        "somebody has this name, or had it: what they did stands under it; add something to it"
    )]
    NameTaken,
    /// A field is no good.
    #[error("{field}: {en}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        vi: String,
        /// The same in English.
        en: String,
    },
    /// No such account.
    #[error("this office has no such account")]
    Unknown,
    /// Duties are their holder's to lend.
    #[error("only who has these duties can lend them")]
    NotYours,
    /// Nobody said that the caller stands in.
    #[error("you do not stand in for this person now")]
    NotStandIn,
    /// Somebody else has it by now.
    #[error("{name} does not have this dossier any more")]
    NotInHands {
        /// Who was thought to have it.
        name: String,
    },
    /// Neither closed nor away: they hand on themselves.
    #[error("this account is open and its holder is not away: they hand their work on themselves")]
    NotGone,
    /// Nobody would be left to change accounts.
    #[error("this is the only administrator: make another one first")]
    LastAdmin,
    /// It is closed.
    #[error("the account is closed; open it first")]
    Closed,
    /// Too many, or changed too often.
    #[error("this office has {} accounts, or this one was changed too often", limits::ACCOUNTS)]
    Full,
    /// A file of this machine.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No hash.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

fn seconds(wait: &Duration) -> u64 {
    wait.as_millis().div_ceil(1_000) as u64
}

impl PeopleError {
    /// Status and code of the answer.
    pub(crate) fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::LogIn => (StatusCode::UNAUTHORIZED, "log_in"),
            Self::Coming => (StatusCode::SERVICE_UNAVAILABLE, "accounts_coming"),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "wrong"),
            Self::Wait(_) => (StatusCode::TOO_MANY_REQUESTS, "too_often"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin"),
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            Self::Role(_) => (StatusCode::FORBIDDEN, "role"),
            Self::MustChange => (StatusCode::FORBIDDEN, "change_password"),
            Self::SetUp => (StatusCode::FORBIDDEN, "set_up_code"),
            Self::Exists => (StatusCode::CONFLICT, "set_up_done"),
            Self::LoginTaken => (StatusCode::CONFLICT, "login_taken"),
            Self::NameTaken => (StatusCode::CONFLICT, "name_taken"),
            Self::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Unknown => (StatusCode::NOT_FOUND, "no_account"),
            Self::LastAdmin => (StatusCode::CONFLICT, "last_admin"),
            Self::Closed => (StatusCode::CONFLICT, "account_closed"),
            Self::NotYours => (StatusCode::FORBIDDEN, "not_your_duties"),
            Self::NotStandIn => (StatusCode::FORBIDDEN, "no_stand_in"),
            Self::NotInHands { .. } => (StatusCode::CONFLICT, "not_in_hands"),
            Self::NotGone => (StatusCode::CONFLICT, "not_gone"),
            Self::Full => (StatusCode::CONFLICT, "too_many_accounts"),
            Self::Setup(_) | Self::Password(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable"),
        }
    }

    /// Which field is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } => Some(field),
            Self::LoginTaken => Some("login"),
            Self::NameTaken => Some("name"),
            Self::SetUp => Some("code"),
            _ => None,
        }
    }

    /// The refusal in Vietnamese.
    pub(crate) fn vi(&self) -> String {
        match self {
            Self::LogIn => "Hãy đăng nhập.".into(),
            Self::Coming => {
                "Tài khoản của cơ quan đang được tải về từ hub; hãy thử lại sau giây lát.".into()
            }
            Self::Wrong => "Tên đăng nhập hoặc mật khẩu không đúng.".into(),
            Self::Wait(wait) => {
                format!("Đã thử quá nhiều lần; hãy đợi {} giây rồi thử lại.", seconds(wait))
            }
            Self::Origin => "Yêu cầu không đến từ trang này.".into(),
            Self::Token => "Mã truy cập không đúng hoặc đã bị thu hồi.".into(),
            Self::Role(duty) => duty.refusal_vi(),
            Self::MustChange => {
                "Mật khẩu này do người khác cấp: hãy đặt mật khẩu của bạn trước.".into()
            }
            Self::SetUp => {
                "Mã thiết lập không đúng; trên chính máy này, chạy motcua-node account setup \
                            để có mã mới."
                    .into()
            }
            Self::Exists => "Cơ quan đã có tài khoản; người quản trị tạo thêm tài khoản.".into(),
            Self::LoginTaken => "Đã có người dùng tên đăng nhập này.".into(),
            Self::NameTaken => {
                "Đã có hoặc từng có người mang tên này, việc họ làm đứng tên ấy; hãy thêm \
                                chữ để phân biệt."
                    .into()
            }
            Self::Invalid { vi, .. } => vi.clone(),
            Self::Unknown => "Cơ quan không có tài khoản này.".into(),
            Self::LastAdmin => {
                "Đây là người quản trị duy nhất; hãy có thêm một người trước.".into()
            }
            Self::Closed => "Tài khoản đã khóa; hãy mở lại trước.".into(),
            Self::NotYours => "Chỉ người có quyền mới ủy quyền việc của mình được.".into(),
            Self::NotStandIn => "Hiện không có ai giao bạn làm thay người này.".into(),
            Self::NotInHands { name } => format!("{name} không còn giữ hồ sơ này."),
            Self::NotGone => {
                "Tài khoản này đang mở và người đó không vắng: họ tự giao việc của mình.".into()
            }
            Self::Full => {
                "Đã có quá nhiều tài khoản, hoặc tài khoản này đã thay đổi quá nhiều lần.".into()
            }
            Self::Setup(error) => format!("Không dùng được tệp của máy này: {error}."),
            Self::Password(error) => format!("Không xử lý được mật khẩu: {error}."),
        }
    }
}
