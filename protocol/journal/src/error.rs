//! What can go wrong, in words for the operator: what failed, on which file, what to do.

use crate::{Lane, Lsn};
use std::{io, path::Path};

/// A failure of the journal or a base. It is cloneable because one failed commit answers everybody
/// who waited for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The file system refused an operation.
    #[error("cannot {action} {path}: {message}; check the disk and its free space")]
    Io {
        /// What was tried, as an English verb phrase.
        action: &'static str,
        /// The file or directory.
        path: String,
        /// The kind, so that callers can tell a full disk from a broken one.
        kind: io::ErrorKind,
        /// The system's own words.
        message: String,
    },
    /// An earlier append or sync failed. Nothing since the last good commit counts as saved.
    #[error("the journal takes nothing until it has recovered from a failure ({cause})")]
    Poisoned {
        /// The failure that poisoned it.
        cause: String,
        /// Whether that was a full disk.
        full: bool,
    },
    /// A record, key or value over its limit. Nothing was written.
    #[error("{what} of {len} bytes is over the limit of {limit}; nothing was written")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Another process has this directory open.
    #[error("{path} is in use by another process; stop it first")]
    Locked {
        /// The directory.
        path: String,
    },
    /// The directory holds the journal of another owner and nothing of this one.
    #[error("{path} belongs to owner {found}, not to {expected}; check the data directory")]
    Foreign {
        /// A file of the other owner.
        path: String,
        /// The owner written in it, in hex.
        found: String,
        /// The owner this process runs as, in hex.
        expected: String,
    },
    /// Written by a newer version. Nothing was changed.
    #[error(
        "{path} has format {found}, this program reads up to {known}; install the newer version again"
    )]
    NewerFormat {
        /// The file.
        path: String,
        /// Its format version.
        found: u16,
        /// The newest this program reads.
        known: u16,
    },
    /// Stored bytes do not match their checksum. Records from `from` to `to` of that lane may be
    /// missing; records around them are not affected.
    #[error(
        "records {from} to {to} ({lane}) are damaged in {path} at byte {offset}; heal them from another copy"
    )]
    Damaged {
        /// Lane of the damaged records.
        lane: Lane,
        /// First sequence number that may be missing.
        from: Lsn,
        /// Last sequence number that may be missing.
        to: Lsn,
        /// The file.
        path: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// A base, or a segment just sealed, does not verify. The older base, or the raw segment, is
    /// still there.
    #[error("{path} does not verify: {what}; the copy before it is used")]
    Unverified {
        /// The file.
        path: String,
        /// What did not match.
        what: &'static str,
    },
    /// The numbers are used up, which only a damaged or forged file can bring about.
    #[error("the journal has no numbers left after {last}; move it aside and start from a base")]
    Exhausted {
        /// The last number given.
        last: Lsn,
    },
    /// The journal thread has been stopped.
    #[error("the journal has been stopped; nothing was written")]
    Stopped,
}

impl JournalError {
    pub(crate) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io {
            action,
            path: path.display().to_string(),
            kind: error.kind(),
            message: error.to_string(),
        }
    }

    /// Whether freeing disk space is what helps.
    pub fn is_disk_full(&self) -> bool {
        matches!(
            self,
            Self::Io { kind: io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, .. }
                | Self::Poisoned { full: true, .. }
        )
    }
}

/// Shorthand of this crate.
pub type Result<T, E = JournalError> = std::result::Result<T, E>;
