//! What replicas say about scans, on the channel of their own.

use crate::{id::Hash, scan::Pair};
use serde::{Deserialize, Serialize};

/// Names one reading of a scan; chosen by the reader, never used twice on a link.
pub type Transfer = u64;

/// A message about scans. The side that has a scan serves it, the other reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanMessage {
    /// Server: this scan is whole here.
    Offer {
        /// Which scan.
        hash: Hash,
        /// Its bytes.
        size: u64,
    },
    /// Reader: an offer is not taken. The server does not offer it again on this link.
    Decline {
        /// Which scan.
        hash: Hash,
        /// Why.
        why: Unwanted,
    },
    /// Reader: this scan is whole on its disk.
    Stored {
        /// Which scan.
        hash: Hash,
    },
    /// Reader: it is going to ask for pieces of this scan.
    Open {
        /// Names the reading.
        transfer: Transfer,
        /// Which scan.
        hash: Hash,
    },
    /// Server: it may.
    Opened {
        /// Names the reading.
        transfer: Transfer,
        /// Bytes of the scan.
        size: u64,
    },
    /// Server: it may not, or not any more. Nothing of this reading follows.
    Refused {
        /// Names the reading.
        transfer: Transfer,
        /// Why.
        why: Unserved,
    },
    /// Reader: send this piece. Answered in order.
    Ask {
        /// Names the reading.
        transfer: Transfer,
        /// Which piece.
        piece: u32,
        /// Whether it is the first one of this reading, which brings its whole path.
        first: bool,
    },
    /// Server: a piece, and the pairs of nodes that prove it.
    Piece {
        /// Names the reading.
        transfer: Transfer,
        /// Which piece.
        piece: u32,
        /// Pairs, top-down.
        proof: Vec<Pair>,
        /// Its bytes.
        #[serde(with = "serde_bytes")]
        data: Vec<u8>,
    },
    /// Reader: it asks for no more of this reading.
    Close {
        /// Names the reading.
        transfer: Transfer,
    },
    /// Between machines of one office: the hub above has this scan on its disk.
    Above {
        /// Which scan.
        hash: Hash,
    },
}

/// Why an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unwanted {
    /// No accepted entry that the offering office takes part in names it.
    Unknown,
    /// It is no scan that may be stored: too large, or of a type that is not taken.
    NotAllowed,
    /// What was sent did not prove to be it.
    Wrong,
}

/// Why a scan is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unserved {
    /// It is not here, or the reader has no right to it.
    NotHere,
    /// It is being fetched; an offer follows when it is here.
    Later,
    /// As many are read at once as may be.
    Busy,
    /// The file here turned out to be damaged.
    Damaged,
}
