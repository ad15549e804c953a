//! What stands inside a bundle.

use super::BundleError;
use crate::{
    id::{NodeId, OfficeId},
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
    /// Nothing follows.
    End(End),
}

const MANIFEST: u8 = 0;
const TRUST: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
/// Tag and length.
pub(super) const ITEM_HEAD: usize = 5;

impl Item {
    /// Tag and bytes.
    pub(super) fn parts(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Manifest(manifest) => (MANIFEST, bytes(manifest)),
            Self::Trust(bytes) => (TRUST, bytes.clone()),
            Self::Data(bytes) => (DATA, bytes.clone()),
            Self::End(end) => (END, bytes(end)),
        }
    }

    pub(super) fn read(tag: u8, bytes: Vec<u8>) -> Result<Self, BundleError> {
        Ok(match tag {
            MANIFEST => Self::Manifest(exactly(&bytes, "its manifest")?),
            TRUST => Self::Trust(bytes),
            DATA => Self::Data(bytes),
            END => Self::End(exactly(&bytes, "its end")?),
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
