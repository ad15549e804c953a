//! Why an engine did not start, in words for whoever has to mend it.

use std::path::PathBuf;

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The identity does not hold together.
    #[error("this machine's identity is not in order: {0}")]
    Identity(#[from] motcua_core::trust::TrustError),
    /// The journal of another machine stands where this machine's should.
    #[error(
        "sổ ghi ở đây là của máy khác ({0}); không ghi gì vào đó: hãy đặt lại thư mục dữ liệu của máy này \
         / the journal that stands here is another machine's: {0}"
    )]
    Foreign(motcua_journal::JournalError),
    /// The journal cannot be opened.
    #[error("the journal cannot be opened: {0}")]
    Journal(#[from] motcua_journal::JournalError),
    /// The state cannot be opened or rebuilt.
    #[error("the state cannot be opened: {0}")]
    State(#[from] motcua_core::state::StoreError),
    /// The machine has worked before, and its journal is gone.
    #[error(
        "sổ ghi ở {dir} trống dù máy này đã từng làm việc; không chạy trên đĩa trống: hãy khôi phục dữ \
         liệu (lệnh restore), hoặc đăng ký lại máy / the journal in {dir} is empty although this machine \
         has worked before; do not start it on an empty disk: restore the data, or enrol the machine anew"
    )]
    DataMissing {
        /// Where the journal should be.
        dir: PathBuf,
    },
    /// The state has to be made from nothing, and the journal does not begin at its beginning.
    #[error(
        "mất trạng thái và sổ ghi ở {dir} bắt đầu từ bản ghi {first}, phần trước không còn và không có \
         ảnh trạng thái thay thế; hãy khôi phục dữ liệu, hoặc cài lại phiên bản đã ghi nó / the state is \
         lost and the journal in {dir} begins at record {first}: what stood before it is gone, and there \
         is no base of this version's layout in its place; restore the data, or put back the version that \
         wrote it"
    )]
    BeginningMissing {
        /// Where the journal is.
        dir: PathBuf,
        /// First record that is there.
        first: u64,
    },
    /// Records of the own log are damaged or missing, and the state does not reflect them.
    #[error(
        "sổ ghi của máy này bị hỏng ({what}); không ghi tiếp vào đó: hãy khôi phục dữ liệu, hoặc đăng ký \
         lại máy / this machine's own records in the journal are damaged ({what}), and nothing is written \
         behind them: restore the data, or enrol the machine anew"
    )]
    OwnRecords {
        /// What is wrong.
        what: &'static str,
    },
    /// The process was to end before the start was through.
    #[error("the start was broken off because the process is to end")]
    Stopped,
    /// The thread that brings the state up to the journal ended without a word.
    #[error("the applier ended while it was starting; the log says why")]
    Applier,
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl StartError {
    /// Whether data that must be there are not: no start can mend that, a person has to.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::DataMissing { .. }
            | Self::BeginningMissing { .. }
            | Self::Foreign(_)
            | Self::OwnRecords { .. } => true,
            Self::Identity(_)
            | Self::Journal(_)
            | Self::State(_)
            | Self::Stopped
            | Self::Applier
            | Self::Io { .. } => false,
        }
    }
}
