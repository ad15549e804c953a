//! The append-only journal: what a replica accepted and decided, on its own disk before it says so.
//!
//! A [`Journal`] appends records to two [`Lane`]s of segment files and makes them durable with one
//! [`Journal::commit`] for all that wait; [`GroupCommit`] is the same on a thread of its own, and what
//! services use. A [`JournalView`] reads what is durable. A [`BaseWriter`] writes a verified image of
//! the state beside it, below which the journal may be trimmed.
//!
//! What holds, whatever the disk does (design/journal.md has the formats and the reasons):
//! - a record whose commit returned is there after any crash, in order, with its bytes;
//! - nothing is read that was not appended; a record of another segment is never taken for one;
//! - damage costs the records it touches, is reported as a [`Hole`], and hides nothing behind it;
//! - after a failed append or sync nothing is accepted until [`Journal::recover_after_failure`] has
//!   started a segment that voids what was in doubt;
//! - [`Journal::purge`] leaves no byte of what it replaced, and renumbers nothing;
//! - opening deletes nothing that was acknowledged: what cannot be used is renamed.
//!
//! It refuses to interpret payloads, knows no network, and reaches the disk only through [`Fs`], so
//! that a simulator runs the same code.

mod base;
mod bytes;
mod catalog;
mod error;
mod frame;
mod fs;
mod group;
mod header;
mod journal;
pub mod limits;
mod maintain;
pub mod mem;
mod names;
mod options;
mod purge;
mod record;
mod recovery;
mod scan;
mod sealed;
mod view;

pub use base::{Base, BaseFinding, BaseWriter, Pairs};
pub use error::{JournalError, Result};
pub use fs::{File, Fs, RealFs};
pub use group::{Done, GroupCommit, NewRecord};
pub use header::Point;
pub use journal::Journal;
pub use maintain::{Finished, Task};
pub use options::{Counters, Options};
pub use purge::Replace;
pub use record::Record;
pub use recovery::{Hole, Recovery, SetAside, Torn};
pub use view::{JournalView, Records};

use std::fmt;

/// Log sequence number: the place of a record in the journal, from 1, over both lanes.
pub type Lsn = u64;

/// Which segments a record goes to. They are apart so that own segments can go up as they are and
/// others' can be rewritten when a dossier is purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// What this replica wrote itself.
    Own = 0,
    /// What it received; a hub keeps everything here.
    Others = 1,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Own, Self::Others];

    /// Its name in file names and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Others => "others",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Own => Self::Others,
            Self::Others => Self::Own,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| *lane as u8 == byte)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
