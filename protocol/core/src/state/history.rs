//! A dossier's history in the state store: its entries in order of arrival, compressed in chunks,
//! each value small enough for a store that likes small values.

use super::{Key, Kv, StoreError, Txn, rows::Dossier};
use crate::{
    entry::Entry,
    id::{DossierId, LogId},
    wire,
};
use serde::{Deserialize, Serialize};

/// Raw bytes after which a new chunk begins.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes of one stored value; sled keeps values under 8 KB well.
const PART_BYTES: usize = 7_900;
/// Cap on decoding: a chunk and one largest entry, with room.
const CHUNK_CAP: usize = 256 * 1024;
/// Fast and good enough: what counts is that seven changes of a dossier share their words.
const LEVEL: i32 = 1;

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
}

impl Verdict {
    /// Whether the entry is applied.
    pub fn applies(self) -> bool {
        matches!(self, Self::Accepted | Self::Flagged)
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

#[derive(Serialize, Deserialize)]
struct Row {
    log: LogId,
    sequence: u64,
    verdict: Verdict,
    reason: String,
    attestation: Option<[u8; 16]>,
    #[serde(with = "serde_bytes")]
    entry: Vec<u8>,
}

/// Reads the whole history of a dossier.
///
/// # Errors
/// [`StoreError`] when the store fails or a chunk is unreadable.
pub fn read(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
    dossier: &Dossier,
) -> Result<Vec<Stored>, StoreError> {
    let mut all = Vec::with_capacity(dossier.entries as usize);
    for chunk in 0..dossier.chunks {
        all.extend(read_chunk(kv, id, chunk)?);
    }
    Ok(all)
}

/// Writes `all`, of which the first `stored` stand already: the last chunk is rewritten while it
/// is small, others stay. With `stored` zero everything is written (a verdict changed).
///
/// # Errors
/// [`StoreError`] when the store fails or the last chunk is unreadable.
pub fn write<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    dossier: &mut Dossier,
    all: &[Stored],
    stored: usize,
) -> Result<(), StoreError> {
    let mut first = dossier.chunks.saturating_sub(1);
    let mut pending: Vec<&Stored> = Vec::new();
    let kept = if stored == 0 {
        first = 0;
        0
    } else {
        stored - read_chunk(txn, id, first)?.len()
    };
    let mut size = 0;
    let mut chunk = first;
    for entry in &all[kept.min(all.len())..] {
        let length = entry.entry.payload.len() + 200;
        if size > 0 && size + length > CHUNK_BYTES {
            write_chunk(txn, id, chunk, &pending)?;
            pending.clear();
            (size, chunk) = (0, chunk + 1);
        }
        size += length;
        pending.push(entry);
    }
    let parts = write_chunk(txn, id, chunk, &pending)?;
    if chunk + 1 == dossier.chunks {
        // A chunk that packs better than before leaves no stale part behind.
        (parts..dossier.parts).for_each(|part| txn.delete(Key::History(id, chunk, part).bytes()));
    }
    dossier.parts = parts;
    dossier.chunks = chunk + 1;
    Ok(())
}

fn read_chunk(
    kv: &(impl Kv + ?Sized),
    id: DossierId,
    chunk: u16,
) -> Result<Vec<Stored>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "dossier history" };
    let mut packed = Vec::new();
    for part in 0..=u8::MAX {
        let Some(bytes) = kv.get(&Key::History(id, chunk, part).bytes())? else { break };
        let last = bytes.len() < PART_BYTES;
        packed.extend(bytes);
        if last {
            break;
        }
    }
    let raw = zstd::bulk::decompress(&packed, CHUNK_CAP).map_err(|_| corrupt())?;
    let rows: Vec<Row> = postcard::from_bytes(&raw).map_err(|_| corrupt())?;
    rows.into_iter()
        .map(|row| {
            Ok(Stored {
                log: row.log,
                sequence: row.sequence,
                verdict: row.verdict,
                reason: row.reason,
                attestation: row.attestation,
                entry: wire::decode_entry(&row.entry).map_err(|_| corrupt())?,
            })
        })
        .collect()
}

fn write_chunk<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    chunk: u16,
    entries: &[&Stored],
) -> Result<u8, StoreError> {
    let rows: Vec<Row> = entries
        .iter()
        .map(|stored| Row {
            log: stored.log,
            sequence: stored.sequence,
            verdict: stored.verdict,
            reason: stored.reason.clone(),
            attestation: stored.attestation,
            entry: wire::encode_entry(&stored.entry),
        })
        .collect();
    let failed = |error: &dyn std::fmt::Display| StoreError::Backend(error.to_string());
    let raw = postcard::to_stdvec(&rows).map_err(|error| failed(&error))?;
    let packed = zstd::bulk::compress(&raw, LEVEL).map_err(|error| failed(&error))?;
    // A part shorter than PART_BYTES ends the chunk, so an exact multiple is followed by an
    // empty one.
    let mut parts: Vec<&[u8]> = packed.chunks(PART_BYTES).collect();
    if parts.last().is_none_or(|part| part.len() == PART_BYTES) {
        parts.push(&[]);
    }
    for (part, bytes) in parts.iter().enumerate() {
        txn.put(Key::History(id, chunk, part as u8).bytes(), bytes.to_vec());
    }
    Ok(parts.len() as u8)
}
