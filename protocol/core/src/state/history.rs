//! A dossier's history in the state store: its entries in order of arrival, packed in parts, each
//! value small enough for a store that likes small values.

use super::{Key, Kv, StoreError, Txn, pack, rows::Dossier};
use crate::{
    entry::Entry,
    id::{DossierId, LogId},
};
use serde::{Deserialize, Serialize};

/// Bytes of one stored value; sled keeps values under 8 KB well.
const PIECE_BYTES: usize = 7_900;
/// Parts after which a history is packed anew as one: a change then costs a small part, and
/// reading a dossier a handful of values.
const PARTS: u16 = 8;
/// Payload bytes after which a part is closed, and beyond which the parts of a history are left as
/// they are: a long one is not rewritten.
const PART_BYTES: usize = 64 * 1024;

/// What was decided about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Part of the dossier.
    Accepted,
    /// Part of the dossier; a person should look.
    Flagged,
    /// Kept, not applied, until something known is missing no longer.
    Held,
    /// Kept, not applied, until a person releases it.
    Quarantined,
    /// Acceptable and passed on, but this version cannot read it: applied after an update.
    Waiting,
}

impl Verdict {
    /// Whether the entry is applied.
    pub fn applies(self) -> bool {
        matches!(self, Self::Accepted | Self::Flagged)
    }

    /// Whether the entry is passed on to those who take part.
    pub fn relays(self) -> bool {
        self.applies() || self == Self::Waiting
    }

    /// The byte on the wire.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// From the byte on the wire; what is not known holds.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Accepted,
            1 => Self::Flagged,
            3 => Self::Quarantined,
            4 => Self::Waiting,
            _ => Self::Held,
        }
    }
}

/// One entry of a dossier as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Author's log.
    pub log: LogId,
    /// Sequence in it.
    pub sequence: u64,
    /// What was decided.
    pub verdict: Verdict,
    /// Why, when it was not plainly accepted.
    pub reason: String,
    /// Proof material, for a log that is not held whole.
    pub attestation: Option<[u8; 16]>,
    /// The entry.
    pub entry: Entry,
}

/// Reads the whole history of a dossier.
///
/// # Errors
/// [`StoreError`] when the store fails or a part is unreadable.
pub fn read(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
    dossier: &Dossier,
) -> Result<Vec<Stored>, StoreError> {
    let mut all = Vec::with_capacity(dossier.entries as usize);
    for part in 0..dossier.parts {
        all.extend(pack::unpack(&read_part(kv, id, part)?)?);
    }
    Ok(all)
}

/// Writes `all`, of which the first `stored` stand already: what is new becomes a part of its own,
/// now and then all parts become one. With `stored` zero everything is written (a verdict changed).
///
/// # Errors
/// [`StoreError`] when the compression library refuses.
pub fn write<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &mut Dossier,
    all: &[Stored],
    stored: usize,
) -> Result<(), StoreError> {
    if stored > 0 && !is_due(dossier) {
        return append(txn, id, dossier, &all[stored..]);
    }
    (0..dossier.parts).try_for_each(|part| delete_part(txn, id, part))?;
    dossier.parts = 0;
    append(txn, id, dossier, all)
}

/// Whether all parts are to become one with the next write.
pub(crate) fn is_due(dossier: &Dossier) -> bool {
    dossier.parts >= PARTS && dossier.bytes <= PART_BYTES as u64
}

/// Writes entries behind those that stand already.
///
/// # Errors
/// [`StoreError`] when the compression library refuses.
pub(crate) fn append<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &mut Dossier,
    entries: &[Stored],
) -> Result<(), StoreError> {
    let (mut pending, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if bytes > 0 && bytes + entry.entry.payload.len() > PART_BYTES {
            write_part(txn, id, dossier.parts, &pack::pack(&pending)?);
            dossier.parts += 1;
            pending.clear();
            bytes = 0;
        }
        bytes += entry.entry.payload.len();
        pending.push(entry);
    }
    write_part(txn, id, dossier.parts, &pack::pack(&pending)?);
    dossier.parts += 1;
    Ok(())
}

/// Removes every part of a dossier's history.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn remove<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &Dossier,
) -> Result<(), StoreError> {
    (0..dossier.parts).try_for_each(|part| delete_part(txn, id, part))
}

/// The packed parts as they stand, to be copied to another replica.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn parts(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
    dossier: &Dossier,
) -> Result<Vec<Vec<u8>>, StoreError> {
    (0..dossier.parts).map(|part| read_part(kv, id, part)).collect()
}

fn read_part(kv: &(impl Kv + ?Sized), id: DossierId, part: u16) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for piece in 0..=u8::MAX {
        let Some(more) = kv.get(&Key::History(id, part, piece).bytes())? else { break };
        let last = more.len() < PIECE_BYTES;
        if bytes.is_empty() {
            bytes = more;
        } else {
            bytes.extend(more);
        }
        if last {
            break;
        }
    }
    Ok(bytes)
}

fn write_part<K: Kv + ?Sized>(txn: &mut Txn<'_, K>, id: DossierId, part: u16, bytes: &[u8]) {
    // A piece shorter than PIECE_BYTES ends the part, so an exact multiple is followed by an
    // empty one.
    let mut pieces: Vec<&[u8]> = bytes.chunks(PIECE_BYTES).collect();
    if pieces.last().is_none_or(|piece| piece.len() == PIECE_BYTES) {
        pieces.push(&[]);
    }
    for (piece, bytes) in pieces.iter().enumerate() {
        txn.put(Key::History(id, part, piece as u8).bytes(), bytes.to_vec());
    }
}

fn delete_part<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    part: u16,
) -> Result<(), StoreError> {
    let (from, to) = (Key::History(id, part, 0).bytes(), Key::History(id, part + 1, 0).bytes());
    for (key, _) in txn.range(&from, &to, usize::from(u8::MAX) + 1)? {
        txn.delete(key);
    }
    Ok(())
}
