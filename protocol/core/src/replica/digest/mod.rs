//! The digest check: a reader and its hub compare what they hold, find the dossiers in which they
//! differ with three questions, and repair them. Cursors say what was sent; this says what is
//! there.
//!
//! The reader asks. It does so when its own logs are acknowledged, its inbox is read and both are
//! applied, and looks at every difference a second time after what was in flight has landed. What
//! it lacks comes as rows of its inbox; what the hub lacks goes up as entries with their proofs.

mod allowance;
mod answer;
mod ask;
mod walk;

pub(super) use allowance::Allowance;
pub(super) use ask::Checker;

use crate::{
    id::{DossierId, OfficeId},
    state::held::{Bucket, HeldDigest, Part},
};
use serde::{Deserialize, Serialize};

/// Short name of an entry: the first half of its leaf. The same entry written again into another
/// log of its author has the same name.
pub type EntryName = [u8; 16];

/// One message of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// Reader: what it holds for the offices after one, up to the last named, or to the end.
    Roots {
        /// Offices up to here were compared already.
        after: Option<OfficeId>,
        /// Office and sum over everything held for it, in order.
        sums: Vec<(OfficeId, Bucket)>,
        /// Nothing follows.
        last: bool,
    },
    /// Hub: the offices in which it differs.
    Offices {
        /// Which.
        differing: Vec<OfficeId>,
        /// Sums of the parts of the first of them.
        first: Vec<(Part, Bucket)>,
        /// Where the hub stands.
        cut: Cut,
    },
    /// Reader: show this part, or the dossiers in it.
    Open {
        /// Of which office.
        office: OfficeId,
        /// Which part.
        part: Part,
        /// Dossiers after this one.
        after: Option<DossierId>,
        /// Dossiers, else sums of its parts.
        list: bool,
    },
    /// Hub: sums of the parts of a part.
    Sums {
        /// Of which office.
        office: OfficeId,
        /// Of which part.
        of: Part,
        /// The sums, in order; what is not named is empty.
        parts: Vec<(Part, Bucket)>,
    },
    /// Hub: dossiers of a part.
    Rows {
        /// Of which office.
        office: OfficeId,
        /// Of which part.
        of: Part,
        /// Dossiers after this one.
        after: Option<DossierId>,
        /// Dossiers and their digests, in the order of the tree.
        rows: Vec<(DossierId, HeldDigest)>,
        /// There are more.
        more: bool,
    },
    /// Reader: all it has of a dossier in which the two differed.
    Mine {
        /// Which dossier.
        dossier: DossierId,
        /// Its entries, and whether each is accepted.
        entries: Vec<(EntryName, bool)>,
    },
    /// Hub: what it lacks of it, and what it will send.
    Theirs {
        /// Which dossier.
        dossier: DossierId,
        /// Entries it asks for.
        lacking: Vec<EntryName>,
        /// Entries that come in the inbox.
        coming: u32,
        /// Decisions that come in the inbox.
        verdicts: u32,
        /// Where the hub stands.
        cut: Cut,
    },
    /// Hub: please check now.
    Please,
    /// Reader: what came of it.
    Done(Report),
}

/// Where the hub stood when it answered. Unless both sides have applied everything, a difference
/// means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// It has applied all it acknowledged to the reader.
    pub applied: bool,
    /// Tail of the reader's inbox.
    pub tail: u64,
}

/// What came of a check, by the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Dossiers held here that were compared.
    pub checked: u64,
    /// Dossiers that differed at a second look.
    pub differing: u64,
    /// Of these, dossiers of which the hub sent what was missing here.
    pub from_hub: u64,
    /// Dossiers of which the hub was sent what it lacked.
    pub to_hub: u64,
    /// Dossiers in which the hub did not accept what is accepted here.
    pub decided: u64,
    /// Dossiers that still differed after every repair.
    pub unrepaired: u64,
}

/// Parts asked for at once.
const ASKED: usize = 8;
/// Part with at most so many dossiers is listed at once.
const LIST: u32 = 64;
/// Offices in one message.
const OFFICES: usize = 512;
/// Dossiers in one answer.
const ROWS: usize = 1_000;
/// Differences followed up in one round; what is left is found by the next round.
const SUSPECTS: usize = 4_096;
/// Dossiers whose entries are compared at once; a name is 17 bytes, a dossier has at most 2,000.
const COMPARED: usize = 4;
/// Rounds before what still differs is left to a person and the next night.
const ROUNDS: u32 = 4;
/// The same where a round cannot follow up all that it finds: each of them repairs a part. A city
/// of a million dossiers.
const ROUNDS_IN_PARTS: u32 = 256;
/// Entries that the hub waits for from one reader.
const WANTED: usize = 100_000;

const _: () = assert!(ROWS * 33 + 64 < crate::limits::CONTROL_BYTES);
const _: () = assert!(OFFICES * 38 + 64 < crate::limits::CONTROL_BYTES);
const _: () =
    assert!(crate::limits::DOSSIER_ENTRIES as usize * 17 + 64 < crate::limits::CONTROL_BYTES);
