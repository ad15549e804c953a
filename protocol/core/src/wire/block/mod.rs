//! A block: the entries of one frame before compression, in columns. Ids stand once per frame in
//! tables, numbers beside numbers, text beside text; what follows from payload, key and earlier
//! entries is left out and restored exactly (design/wire.md has the byte tables).
//!
//! ```text
//! tables: dossiers, persons, boots, audience operations; each n uleb, n x (16, 16, 16, 18)
//! lanes:  9 x length uleb, then their bytes, in the order of `Lane`
//! ```

mod ids;
mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::Writer;

use crate::{
    entry::{AudienceOp, Entry},
    id::Hash,
    limits,
};

/// Columns of a block. The order is part of the format.
#[derive(Debug, Clone, Copy)]
enum Lane {
    /// kind, document type, flags, payload form: 4 bytes an entry.
    Shape,
    /// Person, boot, number of audience operations, those; uleb each.
    Refs,
    /// Claimed time, sleb of the difference to the entry before.
    Times,
    /// Schema, operations; for a change without its frame: counters, and time unless it follows
    /// from the claimed one.
    Numbers,
    /// Number of dependencies, those, dossier; uleb each.
    Parents,
    /// Hashes and nonces that travel in full.
    Full,
    /// Length of what is in `Payload`, uleb.
    Lengths,
    /// Payloads, or what is left of them.
    Payload,
    /// Where fact ids were taken out: how many, then the gap before each; uleb.
    Ids,
}

const LANES: usize = 9;

/// The payload stands as it is; no change.
const FORM_PLAIN: u8 = 1;
/// A change, as it is.
const FORM_CHUNK: u8 = 2;
/// A change without magic, checksum, lengths, dependencies and actor.
const FORM_REST: u8 = 3;
/// As [`FORM_REST`], and its time is the claimed one in milliseconds.
const FORM_REST_MILLIS: u8 = 4;
/// As [`FORM_REST`], and its time is the claimed one in whole seconds.
const FORM_REST_SECONDS: u8 = 5;
/// Added to one of the three above: the ids of its facts are those of
/// [`FactIds`](crate::entry::FactIds) and are left out.
const FORM_WITHOUT_IDS: u8 = 16;

const FLAG_SEALED: u8 = 1;
const FLAG_CHANGE_HASH: u8 = 8;

/// A dependency given in full, a table entry met for the first time.
const NEW: u64 = 0;
/// Dossier: that of the first dependency given by distance.
const DOSSIER_OF_PARENT: u64 = 0;
const DOSSIER_NEW: u64 = 1;

/// What the entry takes of [`limits::FRAME_RAW_BYTES`] at the receiver, once restored.
fn restored_bytes(payload: usize, deps: usize, audience: usize) -> usize {
    payload + deps * Hash::LEN + audience * AudienceOp::LEN
}

/// About how many raw bytes the entry adds to a frame. A sender closes a frame when the sum
/// reaches [`limits::FRAME_TARGET_BYTES`]; see [`entries_for_frame`].
pub fn frame_len_hint(entry: &Entry) -> usize {
    let header = &entry.header;
    let restored = restored_bytes(entry.payload.len(), header.deps.len(), header.audience.len());
    let elided = if header.kind.is_change() { 28 + header.deps.len() * 33 } else { 0 };
    // A third of the restored size at least, so that a full frame stays within what the receiver
    // restores, however well the entries shrink.
    (40 + entry.payload.len()).saturating_sub(elided).max(restored / 3)
}

/// How many of `entries`, from the first, make one frame: at least one if there is any.
pub fn entries_for_frame<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> usize {
    let mut raw = 0;
    let mut count = 0;
    for entry in entries.into_iter().take(limits::FRAME_ENTRIES) {
        if raw >= limits::FRAME_TARGET_BYTES {
            break;
        }
        raw += frame_len_hint(entry);
        count += 1;
    }
    count
}
