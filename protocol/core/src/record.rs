//! Journal records: everything a replica accepted, decided or was told, in the order in which it
//! happened. The state is a fold over them.

use crate::{
    id::{DossierId, EpochId, Hash, LogId, NodeId, Nonce, OfficeId},
    key::PublicKey,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A request that may be repeated safely: the caller's key and what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    /// The caller's key, hashed to 16 bytes.
    pub key: [u8; 16],
    /// Hash of the body.
    pub body: Hash,
}

/// An entry that was not plainly accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Author's log.
    pub log: LogId,
    /// Sequence in it.
    pub sequence: u64,
    /// Verdict byte, see `state::history::Verdict`.
    pub verdict: u8,
    /// Why, in words.
    pub reason: String,
}

/// What happened to a scan on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanEvent {
    /// All its bytes are on this machine's disk, and were before this record.
    Here {
        /// How many.
        size: u64,
    },
    /// Its file here does not hold its bytes (any more).
    Damaged,
    /// The parent has it on its disk.
    Above,
    /// No dossier names it any more; its file is removed.
    Forgotten,
}

/// Something about the inboxes that are read from here, by this hub's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InboxEvent {
    /// It is so late here; these machines were heard, and have acknowledged so many rows.
    Read {
        /// When.
        at: Timestamp,
        /// Machine, inbox that it reads, number of the last row it has.
        readers: Vec<(NodeId, OfficeId, u64)>,
    },
    /// Rows leave the state.
    Cut {
        /// Of which inbox.
        inbox: OfficeId,
        /// Last of them; rows leave in whole blocks, so a few may stay.
        upto: u64,
        /// Why.
        why: CutReason,
        /// When.
        at: Timestamp,
    },
    /// A machine has come whose place is not among the rows: what its office has to forget is said
    /// again, and it goes on in front of that.
    Anew {
        /// The inbox that it reads.
        inbox: OfficeId,
        /// Which machine.
        node: NodeId,
        /// When.
        at: Timestamp,
    },
}

/// Why rows of an inbox were cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CutReason {
    /// Every machine has had them for long.
    Read,
    /// A machine was silent for so long, or so much waited for it, that a bound was reached.
    Silent,
    /// Nobody reads it from here any more.
    Gone,
}

/// One journal record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// An entry this node wrote.
    Own {
        /// Own log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
        /// The request that caused it, if it may be repeated.
        request: Option<RequestKey>,
        /// Stored form of the entry.
        #[serde(with = "serde_bytes")]
        entry: Vec<u8>,
    },
    /// A verified frame of an author log that came up.
    Up {
        /// Peer that brought it.
        from: NodeId,
        /// The frame as received.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// A verified frame of this office's inbox.
    Down {
        /// Hub that sent it.
        from: NodeId,
        /// The frame as received.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// Who writes a log; precedes its first frame.
    Author {
        /// Which log.
        log: LogId,
        /// The signed binding.
        #[serde(with = "serde_bytes")]
        binding: Vec<u8>,
        /// Peer that brings the log.
        origin: NodeId,
    },
    /// A new own log begins.
    LogStarted {
        /// The new log.
        log: LogId,
        /// The log it continues, with sequence and root.
        continues: Option<(LogId, u64, Hash)>,
    },
    /// A new numbering of this hub's inboxes begins.
    Epoch(EpochId),
    /// Every entry up to a position was judged; those not named were plainly accepted, or are as
    /// they were. A notice for people: verdicts are derived, never read back from here.
    Decided {
        /// Last record covered.
        upto: u64,
        /// What was not plainly accepted, and verdicts that changed.
        exceptions: Vec<Exception>,
    },
    /// Trust documents adopted.
    Trust(#[serde(with = "serde_bytes")] Vec<u8>),
    /// This hub let a machine in, or renewed it.
    Issued {
        /// The join token that is used up; none when renewing.
        token: Option<Nonce>,
        /// The machine's key.
        key: PublicKey,
        /// The signed binding.
        #[serde(with = "serde_bytes")]
        binding: Vec<u8>,
        /// When, by this hub's clock.
        at: Timestamp,
    },
    /// A lease of dossier numbers; opaque here.
    Lease(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The parent has everything of the own log up to here.
    Acknowledged {
        /// Own log.
        log: LogId,
        /// Sequence.
        sequence: u64,
        /// When this node learnt it.
        at: Timestamp,
    },
    /// Something happened to a scan's file; the file itself is beside the store.
    Scan {
        /// Which scan.
        hash: Hash,
        /// What.
        event: ScanEvent,
    },
    /// The software was updated and reads more than before; what waited for it is judged again.
    Updated {
        /// Highest schema of facts it reads.
        schema: u16,
        /// Its version, for people.
        software: String,
    },
    /// Rows that a peer below lacks are put into its inbox once more.
    Resend {
        /// Which inbox.
        inbox: OfficeId,
        /// Of which dossier.
        dossier: DossierId,
        /// Entries, by author's log and sequence.
        entries: Vec<(LogId, u64)>,
        /// Entries that were not accepted, whose decision is told again.
        decided: Vec<(LogId, u64)>,
    },
    /// Everything of an own log that the parent holds otherwise stands in another own log; the old
    /// one goes up no more.
    Rewritten(LogId),
    /// Verified entries that this hub had lost, brought by a reader in the form of a down frame.
    Refill {
        /// Peer that brought them.
        from: NodeId,
        /// The frame as received.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// A dossier was forgotten, as the hub said: it is out of the state from here on.
    Purged {
        /// Which dossier.
        dossier: DossierId,
        /// Scans that it named, which may be named by others as well.
        scans: Vec<Hash>,
    },
    /// No file of this machine holds what it had received of these dossiers.
    PurgeDone {
        /// Which dossiers.
        dossiers: Vec<DossierId>,
    },
    /// The hub has written down that these are forgotten here.
    PurgeNoted {
        /// Which dossiers.
        dossiers: Vec<DossierId>,
    },
    /// A machine below says that these are forgotten there.
    PurgeConfirmed {
        /// Its office.
        office: OfficeId,
        /// The machine.
        node: NodeId,
        /// Which dossiers.
        dossiers: Vec<DossierId>,
        /// When, by this hub's clock.
        at: Timestamp,
    },
    /// What the hub says of dossiers whose histories are still to come.
    Images {
        /// Hub that sent it.
        from: NodeId,
        /// The frame as received, see `wire::ImageFrame`.
        #[serde(with = "serde_bytes")]
        frame: Vec<u8>,
    },
    /// Something about the inboxes that are read from here.
    Inbox(InboxEvent),
    /// The history of a closed dossier is out of the state from here on; what lists and searches
    /// read of it stays. Void if more of it is held than whoever wrote this had seen.
    Evicted {
        /// Which dossier.
        dossier: DossierId,
        /// Entries held of it.
        entries: u32,
    },
    /// The hub has sent everything that it has of a dossier that was evicted.
    Returned {
        /// Which dossier.
        dossier: DossierId,
    },
}

/// Where a record stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Beside this node's own entries.
    Own,
    /// With everything else.
    Others,
}

/// The record is not readable by this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal record of kind {kind} is not readable by this version; update this machine")]
pub struct RecordError {
    /// The record's kind byte.
    pub kind: u8,
}

impl Record {
    /// Kind of [`Self::Decided`], for looking for it without decoding others.
    pub const DECIDED: u8 = 7;

    /// Kind byte of purge, eviction, rebase and adoption records, reserved for later work.
    pub const RESERVED: std::ops::RangeInclusive<u8> = 32..=47;
    const VERSION: u8 = 1;

    /// The kind byte beside the record in the journal; for tools that only skim.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Own { .. } => 1,
            Self::Up { .. } => 2,
            Self::Down { .. } => 3,
            Self::Author { .. } => 4,
            Self::LogStarted { .. } => 5,
            Self::Epoch(_) => 6,
            Self::Decided { .. } => Self::DECIDED,
            Self::Trust(_) => 8,
            Self::Issued { .. } => 9,
            Self::Lease(_) => 10,
            Self::Acknowledged { .. } => 11,
            Self::Scan { .. } => 12,
            Self::Updated { .. } => 13,
            Self::Resend { .. } => 20,
            Self::Refill { .. } => 21,
            Self::Rewritten(_) => 22,
            Self::Images { .. } => 23,
            Self::Inbox(_) => 24,
            Self::Purged { .. } => 32,
            Self::PurgeDone { .. } => 33,
            Self::PurgeNoted { .. } => 34,
            Self::PurgeConfirmed { .. } => 35,
            Self::Evicted { .. } => 36,
            Self::Returned { .. } => 37,
        }
    }

    /// Which lane it belongs to.
    pub fn shelf(&self) -> Shelf {
        match self {
            Self::Own { .. } | Self::LogStarted { .. } | Self::Lease(_) | Self::Rewritten(_) => {
                Shelf::Own
            }
            Self::Up { .. }
            | Self::Down { .. }
            | Self::Author { .. }
            | Self::Epoch(_)
            | Self::Decided { .. }
            | Self::Trust(_)
            | Self::Issued { .. }
            | Self::Acknowledged { .. }
            | Self::Scan { .. }
            | Self::Updated { .. }
            | Self::Resend { .. }
            | Self::Refill { .. }
            | Self::Purged { .. }
            | Self::PurgeDone { .. }
            | Self::PurgeNoted { .. }
            | Self::PurgeConfirmed { .. }
            | Self::Images { .. }
            | Self::Inbox(_)
            | Self::Evicted { .. }
            | Self::Returned { .. } => Shelf::Others,
        }
    }

    /// The stored bytes: version, then postcard.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![Self::VERSION]).unwrap_or_default()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`RecordError`] for a later version or bytes that are no record.
    pub fn decode(kind: u8, bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&Self::VERSION, body)) => {
                postcard::from_bytes(body).map_err(|_| RecordError { kind })
            }
            _ => Err(RecordError { kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip_and_foreign_bytes_are_named() {
        let record = Record::Own {
            log: LogId([1; 16]),
            sequence: 7,
            request: Some(RequestKey { key: [2; 16], body: Hash([3; 32]) }),
            entry: vec![1, 2, 3],
        };
        let bytes = record.encode();
        assert_eq!(Record::decode(record.kind(), &bytes), Ok(record));
        assert_eq!(Record::decode(40, &[9, 9]), Err(RecordError { kind: 40 }));
        assert_eq!(Record::decode(1, &[]), Err(RecordError { kind: 1 }));
    }
}
