//! What stands inside a bundle.

use super::BundleError;
use crate::{
    id::{Hash, NodeId, OfficeId},
    limits,
    replica::{Head, Hello, Status, Welcome},
    state::rows::Cursor,
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a bundle is about; its first item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// When it was made, by the maker's clock; for people.
    pub made_at: Timestamp,
    /// Which half of an exchange it is.
    pub body: Body,
}

/// Which half of an exchange a bundle is, and what it builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// From below to a hub.
    Up {
        /// What the maker would say first on a link.
        hello: Box<Hello>,
        /// What the hub is known to have, by log: the frames go on behind it.
        builds_on: Vec<Head>,
        /// About the maker.
        status: Status,
    },
    /// From a hub to the machines of an office.
    Down {
        /// Which office's inbox.
        office: OfficeId,
        /// What the hub would answer, with every head it holds of the office's logs and the
        /// position that the frames build on.
        welcome: Box<Welcome>,
        /// The position and machine that it answers, if the hub was told one.
        asked: Option<(NodeId, Cursor)>,
        /// What the root hub has, as far as this hub knows.
        root_has: Vec<Head>,
    },
}

/// What a bundle says about scans. It follows the data messages, and the scans follow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanNotes {
    /// Going up: scans here that the hub above is not known to have, in this file or not. Going
    /// down: of those that the asker named so, what is on the hub's disk.
    pub has: Vec<Hash>,
    /// Scans that somebody at the maker waits for.
    pub wants: Vec<Hash>,
}

/// A scan; its bytes follow, in items of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanHead {
    /// Its address.
    pub hash: Hash,
    /// Bytes.
    pub size: u64,
}

/// The last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Data messages before it.
    pub messages: u64,
    /// The file was full: there is more to be carried after this one.
    pub more: bool,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// What the bundle is about.
    Manifest(Box<Manifest>),
    /// Trust documents in force at the maker's.
    Trust(Vec<u8>),
    /// A message of the data channel.
    Data(Vec<u8>),
    /// What is said about scans.
    ScanNotes(ScanNotes),
    /// A scan begins.
    Scan(ScanHead),
    /// The next bytes of the scan that began last.
    ScanBytes(Vec<u8>),
    /// Nothing follows.
    End(End),
}

const MANIFEST: u8 = 0;
const TRUST: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
const SCAN_NOTES: u8 = 4;
const SCAN: u8 = 5;
const SCAN_BYTES: u8 = 6;
/// Tag and length.
pub(super) const ITEM_HEAD: usize = 5;

impl Item {
    /// Tag and bytes.
    pub(super) fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Manifest(manifest) => (MANIFEST, bytes(manifest)),
            Self::Trust(bytes) => (TRUST, bytes.clone()),
            Self::Data(bytes) => (DATA, bytes.clone()),
            Self::ScanNotes(notes) => (SCAN_NOTES, bytes(notes)),
            Self::Scan(head) => (SCAN, bytes(head)),
            Self::ScanBytes(bytes) => (SCAN_BYTES, bytes.clone()),
            Self::End(end) => (END, bytes(end)),
        }
    }

    pub(super) fn read(tag: u8, bytes: Vec<u8>) -> Result<Self, BundleError> {
        Ok(match tag {
            MANIFEST => Self::Manifest(exactly(&bytes, "its manifest")?),
            TRUST => Self::Trust(bytes),
            DATA => Self::Data(bytes),
            END => Self::End(exactly(&bytes, "its end")?),
            SCAN_NOTES => Self::ScanNotes(exactly(&bytes, "what it says about scans")?),
            SCAN => Self::Scan(exactly(&bytes, "the head of a scan")?),
            SCAN_BYTES => Self::ScanBytes(bytes),
            _ => return Err(BundleError::Malformed("it has an item that is not known here")),
        })
    }
}

/// Longest item of a kind; checked before anything is allocated.
pub(super) fn limit(tag: u8) -> Result<usize, BundleError> {
    match tag {
        MANIFEST => Ok(limits::BUNDLE_MANIFEST_BYTES),
        TRUST => Ok(limits::TRUST_BYTES),
        DATA => Ok(limits::MESSAGE_BYTES),
        END => Ok(32),
        SCAN_NOTES => Ok(2 * limits::BUNDLE_SCANS_NAMED * Hash::LEN + 32),
        SCAN => Ok(Hash::LEN + 16),
        SCAN_BYTES => Ok(limits::BUNDLE_PIECE_BYTES),
        _ => Err(BundleError::Malformed("it has an item that is not known here")),
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values always have a postcard form")
}

fn exactly<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, BundleError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(BundleError::Malformed(what)),
    }
}
