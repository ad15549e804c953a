//! A dossier's history in the state store: its entries in order of arrival, packed in parts, each
//! value small enough for a store that likes small values.

use super::{Key, Kv, StoreError, Txn, pack, read_row, rows::Dossier};
use crate::{
    entry::Entry,
    id::{DossierId, LogId},
};
use serde::{Deserialize, Serialize};

/// Bytes of one stored value; sled keeps values under 8 KB well.
const PIECE_BYTES: usize = 7_900;
/// Parts after which a history is packed anew as one: a change then costs a small part, and
/// reading a dossier a handful of values. One that is stale is packed anew when it is folded.
const PARTS: u16 = 4;
const STALE_PARTS: u16 = 64;
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

/// Row and whole history of a dossier, for a reader that runs beside the writer: the row is read
/// again behind the history, and both anew if it has changed meanwhile. `None` if it is not held.
///
/// # Errors
/// [`StoreError`] when the store fails or a part is unreadable.
pub fn held(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
) -> Result<Option<(Dossier, Vec<Stored>)>, StoreError> {
    let key = Key::Dossier(id);
    let mut row: Option<Dossier> = read_row(kv, key)?;
    loop {
        let Some(before) = row else { return Ok(None) };
        let all = read(kv, id, &before);
        row = read_row(kv, key)?;
        if row.as_ref() == Some(&before) {
            return Ok(Some((before, all?)));
        }
    }
}

/// Reads the whole history of a dossier, under a row that cannot change meanwhile.
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
        return append(txn, id, dossier, &all[stored..], pack::pack);
    }
    (0..dossier.parts).try_for_each(|part| delete_part(txn, id, part))?;
    dossier.parts = 0;
    append(txn, id, dossier, all, pack::pack)
}

/// Whether all parts are to become one with the next write.
pub(crate) fn is_due(dossier: &Dossier) -> bool {
    dossier.parts >= if dossier.stale { STALE_PARTS } else { PARTS } && is_short(dossier)
}

/// Whether the history is short enough to be written anew as one part.
pub(crate) fn is_short(dossier: &Dossier) -> bool {
    dossier.bytes <= PART_BYTES as u64
}

/// Writes entries behind those of a dossier that is folded, and its history joined, later.
///
/// # Errors
/// [`StoreError`], as everything that writes to a batch.
pub(crate) fn append_loosely<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &mut Dossier,
    entries: &[Stored],
) -> Result<(), StoreError> {
    append(txn, id, dossier, entries, |entries| Ok(pack::pack_loosely(entries)))
}

/// Writes entries behind those that stand already.
fn append<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &mut Dossier,
    entries: &[Stored],
    pack: impl Fn(&[&Stored]) -> Result<Vec<u8>, StoreError>,
) -> Result<(), StoreError> {
    let (mut pending, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if bytes > 0 && bytes + entry.entry.payload.len() > PART_BYTES {
            write_part(txn, id, dossier.parts, &pack(&pending)?);
            dossier.parts += 1;
            pending.clear();
            bytes = 0;
        }
        bytes += entry.entry.payload.len();
        pending.push(entry);
    }
    write_part(txn, id, dossier.parts, &pack(&pending)?);
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
    for piece in 0..=u8::MAX {
        let key = Key::History(id, part, piece).bytes();
        let Some(bytes) = txn.get(&key)? else { break };
        txn.delete(key);
        if bytes.len() < PIECE_BYTES {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::state::{MemKv, Pairs, pack::tests::stored};
    use std::cell::Cell;

    const ID: DossierId = DossierId([3; 16]);

    /// A store that another thread writes to: it changes after so many reads.
    struct Changing {
        states: Vec<MemKv>,
        after: usize,
        reads: Cell<usize>,
    }

    impl Changing {
        fn now(&self) -> &MemKv {
            let reads = self.reads.replace(self.reads.get() + 1);
            &self.states[(reads / self.after).min(self.states.len() - 1)]
        }
    }

    impl Kv for Changing {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.now().get(key)
        }

        fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
            self.now().range(from, to, limit)
        }
    }

    #[test]
    fn a_history_that_is_written_anew_while_it_is_read_is_read_whole() {
        let all = stored(1, 7, b"ho so");
        let (mut kv, mut row) = (MemKv::default(), Dossier::default());
        let mut states = Vec::new();
        for count in 1..=all.len() {
            let mut txn = Txn::new(&kv);
            row.entries = count as u32;
            write(&mut txn, ID, &mut row, &all[..count], count - 1).unwrap();
            txn.put_row(Key::Dossier(ID), &row);
            let writes = txn.into_writes();
            kv.write(writes);
            states.push(kv.clone());
        }
        assert!(row.parts < 7, "parts were joined on the way");
        for first in 0..states.len() {
            for after in 1..12 {
                let (states, reads) = (states[first..].to_vec(), Cell::new(0));
                let (row, read) = held(&Changing { states, after, reads }, ID).unwrap().unwrap();
                assert_eq!(read, all[..row.entries as usize]);
            }
        }
        assert!(held(&MemKv::default(), ID).unwrap().is_none());
    }
}
