//! Bundle files: the half of an exchange that one side recorded, carried by hand to where no link
//! leads. Signed by the machine that made it, sealed to the machines that may read it, written and
//! read piece by piece.
//!
//! ```text
//! magic 8 | version 1 | domain 16
//! sender's binding (u16 LE length, bytes)
//! readers (u8): node 16, encapsulated key 32, wrapped file key 48 each
//! pieces: 64 KiB sealed, 16 bytes tag each; the last one shorter or as long
//! end mark 8 | signature 64, over the hash of everything before it
//! ```
//! Inside: items (tag, u32 LE length, bytes): a [`Manifest`] first, then trust documents and data
//! messages as they would go over a link, then scans, each a head and its bytes, then an [`End`].
//!
//! Reading takes two passes: [`check`] hashes the file and verifies the signature, and only then
//! [`Reader`] opens the pieces. What the sender may say is for the replica to judge.

mod item;
mod read;
mod seal;
mod write;

pub use item::{Body, End, Item, Manifest, ScanHead, ScanNotes};
pub use read::{Checked, Reader, check};
pub use write::Writer;

use crate::{
    id::{DomainId, NodeId},
    key::PublicKey,
    trust::TrustError,
};

/// First bytes of every bundle.
pub const MAGIC: &[u8; 8] = b"MCBUNDLE";
const VERSION: u8 = 1;
const END_MARK: &[u8; 8] = b"MCBNDEND";
const SIGNATURE: usize = 64;
const TAG: usize = 16;

/// A machine that a bundle is sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient(pub PublicKey);

/// Why a bundle cannot be read or written. Nothing is changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// No bytes at all.
    #[error("the file is empty; copy it again")]
    Empty,
    /// Something else.
    #[error("this is not a bundle of Một Cửa")]
    NotABundle,
    /// Made by a later release.
    #[error("the bundle has format version {0}, which is not known here; update this machine")]
    Version(u8),
    /// Of another city.
    #[error("the bundle belongs to trust domain {theirs}, this machine to {ours}")]
    Domain {
        /// Ours.
        ours: DomainId,
        /// The bundle's.
        theirs: DomainId,
    },
    /// The end is missing.
    #[error("the bundle is cut short; copy the file again from where it was made")]
    Truncated,
    /// The bytes are not those that were signed.
    #[error("the bundle was damaged or changed on the way; copy it again from where it was made")]
    Signature,
    /// The sender's binding is not one.
    #[error("the bundle does not say rightly who made it: {0}")]
    Sender(TrustError),
    /// Sealed to others.
    #[error("the bundle is for other machines ({}), not for this one", names(.0))]
    NotForUs(Vec<NodeId>),
    /// Sealed wrongly, though signed.
    #[error("the bundle cannot be opened with this machine's key; make it again")]
    Unsealing,
    /// What was opened is not what a bundle holds.
    #[error("the bundle's content cannot be read: {0}")]
    Malformed(&'static str),
    /// More than the limit allows.
    #[error("the bundle has {got} {what}, at most {limit} are allowed")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Nobody to seal it to.
    #[error("there is no machine to make the bundle for")]
    NoReader,
    /// A reader's key is no key.
    #[error("the key of machine {0} cannot be sealed to")]
    ReaderKey(NodeId),
    /// The file or the disk refused.
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
}

impl BundleError {
    /// A word for metrics and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotABundle => "not_a_bundle",
            Self::Version(_) => "version",
            Self::Domain { .. } => "domain",
            Self::Truncated => "truncated",
            Self::Signature => "signature",
            Self::Sender(_) => "sender",
            Self::NotForUs(_) => "not_for_us",
            Self::Unsealing => "unsealing",
            Self::Malformed(_) => "malformed",
            Self::Limit { .. } => "limit",
            Self::NoReader => "no_reader",
            Self::ReaderKey(_) => "reader_key",
            Self::Io(_) => "io",
        }
    }
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
