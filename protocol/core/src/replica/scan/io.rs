//! What the replica asks of the disk, and what the disk says. Requests of one machine are carried
//! out in order; each is answered once, except [`ScanIo::Leave`].

use super::super::LinkId;
use super::message::Transfer;
use crate::{id::Hash, scan::Pair};

/// To be done with files, off the thread that drives the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanIo {
    /// Opens the unfinished file of a scan, or begins one; answered with [`ScanDone::Begun`],
    /// [`ScanDone::Whole`] or [`ScanDone::Failed`].
    Begin {
        /// Names the reading from here on.
        transfer: Transfer,
        /// Which scan.
        hash: Hash,
        /// Its bytes.
        size: u64,
        /// Whether what is held of it is thrown away, because it proved to be of something else.
        anew: bool,
    },
    /// Writes a proved piece, its data first and its leaf after; answered with
    /// [`ScanDone::Written`] or [`ScanDone::Failed`].
    Write {
        /// Which reading.
        transfer: Transfer,
        /// Which piece.
        piece: u32,
        /// Its leaf.
        leaf: Hash,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// All pieces are written: checks the whole, makes it durable under its own name; answered with
    /// [`ScanDone::Finished`].
    Finish {
        /// Which reading.
        transfer: Transfer,
    },
    /// The reading is over for now; what was proved stays for the next one.
    Leave {
        /// Which reading.
        transfer: Transfer,
    },
    /// Reads a piece and its proof, checking both against the scan's address; answered with
    /// [`ScanDone::Read`].
    Read {
        /// Whom it is for.
        link: LinkId,
        /// Names the reader's reading.
        transfer: Transfer,
        /// Which scan.
        hash: Hash,
        /// Its bytes.
        size: u64,
        /// Which piece.
        piece: u32,
        /// Whether the whole path goes with it.
        first: bool,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanDone {
    /// The unfinished file is open; these leaves are on disk with their data.
    Begun {
        /// Which reading.
        transfer: Transfer,
        /// Leaves of the first pieces.
        held: Vec<Hash>,
    },
    /// The scan was here all along, whole and checked.
    Whole {
        /// Which reading.
        transfer: Transfer,
    },
    /// A piece is written, not yet synced.
    Written {
        /// Which reading.
        transfer: Transfer,
    },
    /// The scan is whole, synced and under its name; or it proved not to be what it should.
    Finished {
        /// Which reading.
        transfer: Transfer,
        /// Whether it is whole.
        whole: bool,
    },
    /// The disk refused.
    Failed {
        /// Which reading.
        transfer: Transfer,
    },
    /// A piece was read, or was not.
    Read {
        /// Whom it is for.
        link: LinkId,
        /// Names the reader's reading.
        transfer: Transfer,
        /// Which piece.
        piece: u32,
        /// Pairs and data.
        result: Result<(Vec<Pair>, Vec<u8>), ScanTrouble>,
    },
    /// The file of a scan that should be here is not, or does not hold its bytes.
    Damaged {
        /// Which scan.
        hash: Hash,
    },
}

/// Why a piece could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanTrouble {
    /// The file is missing, has another length, or does not hold its bytes.
    Damaged,
    /// The disk did not answer; nothing is known about the file.
    Disk,
}
