//! Entries of one dossier packed together: what follows from the payload is left out as on the
//! wire, and what dossiers have in common stands in a dictionary. The form of histories in the
//! state store and of images.
//!
//! ```text
//! 0 form: 0 packed, 1 whole entries | 1 codec: 0 plain, 1 zstd with the dictionary
//! 2 raw length u32 LE | 6 raw, compressed
//! raw: length of the head u32 LE, head (postcard), one block of the wire format
//! ```

use super::{
    StoreError,
    history::{Stored, Verdict},
};
use crate::{
    id::{ActorId, LogId, Nonce},
    limits,
    wire::{self, block},
};
use serde::{Deserialize, Serialize};
use std::{cell::RefCell, sync::OnceLock};
use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
};

/// Made from invented dossiers (`cargo run -p motcua-tests --example history_dictionary`): words
/// and keys that every dossier has. It is part of the program, so a new one is a new layout of the
/// state ([`crate::ledger::STATE_LAYOUT`]) and a new number of images.
static DICTIONARY: &[u8] = include_bytes!("history.dictionary");
/// Measured: 6 saves another 3 % at twice the time.
const LEVEL: i32 = 3;
const PACKED: u8 = 0;
const WHOLE: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Fixed bytes before the body.
const HEAD: usize = 6;
/// Most bytes a pack may unpack to: what one block may hold, and what stands beside it.
const MOST_RAW: usize = limits::FRAME_RAW_BYTES * 2;

/// What stands beside the entries.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    logs: Vec<LogId>,
    attestations: Vec<[u8; 16]>,
    /// Boots with their actors.
    actors: Vec<(Nonce, ActorId)>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    log: u16,
    sequence: u64,
    verdict: u8,
    reason: String,
    /// From 1; 0 for none.
    attestation: u16,
}

#[derive(Serialize, Deserialize)]
struct Whole {
    log: LogId,
    sequence: u64,
    verdict: u8,
    reason: String,
    attestation: Option<[u8; 16]>,
    #[serde(with = "serde_bytes")]
    entry: Vec<u8>,
}

/// Packs entries of one dossier, in order.
///
/// # Errors
/// [`StoreError`] when the compression library refuses.
pub fn pack(entries: &[&Stored]) -> Result<Vec<u8>, StoreError> {
    let (form, raw) = formed(entries);
    let squeezed = squeeze(&raw)?;
    let smaller = squeezed.len() < raw.len();
    let (codec, body) = if smaller { (ZSTD, &squeezed) } else { (PLAIN, &raw) };
    Ok(joined(form, codec, raw.len(), body))
}

/// The same without compression, for what is packed anew before long.
pub fn pack_loosely(entries: &[&Stored]) -> Vec<u8> {
    let (form, raw) = formed(entries);
    joined(form, PLAIN, raw.len(), &raw)
}

fn formed(entries: &[&Stored]) -> (u8, Vec<u8>) {
    match packed(entries) {
        Some(raw) => (PACKED, raw),
        None => (WHOLE, whole(entries)),
    }
}

fn joined(form: u8, codec: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + body.len());
    out.extend([form, codec]);
    out.extend((length as u32).to_le_bytes());
    out.extend(body);
    out
}

/// Reads a pack.
///
/// # Errors
/// [`StoreError::Corrupt`] for bytes that are no pack.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Stored>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "dossier history" };
    let (form, raw) = raw(bytes).ok_or_else(corrupt)?;
    match form {
        PACKED => unpacked(&raw),
        WHOLE => unwhole(&raw),
        _ => None,
    }
    .ok_or_else(corrupt)
}

/// What the dictionary is made from: the bytes before compression.
#[doc(hidden)]
pub fn raw_for_dictionary(entries: &[&Stored]) -> Vec<u8> {
    packed(entries).unwrap_or_default()
}

/// `None` when an entry cannot be told from its payload: taken out, or not its header's.
fn packed(entries: &[&Stored]) -> Option<Vec<u8>> {
    let mut head = Head::default();
    let mut writer = block::Writer::new(1);
    for stored in entries {
        let entry = &stored.entry;
        let known = head.actors.contains(&(entry.boot, entry.header.actor));
        if !known {
            head.actors.push((entry.boot, entry.header.actor));
        }
        head.rows.push(Row {
            log: place(&mut head.logs, stored.log)?,
            sequence: stored.sequence,
            verdict: stored.verdict.byte(),
            reason: stored.reason.clone(),
            attestation: match stored.attestation {
                None => 0,
                Some(id) => place(&mut head.attestations, id)?.checked_add(1)?,
            },
        });
        writer.push(entry, entry.header.actor, &mut |_, _| None).ok()?;
    }
    // One actor a boot, or the reader could not tell which.
    let boots: std::collections::BTreeSet<Nonce> =
        head.actors.iter().map(|(boot, _)| *boot).collect();
    if boots.len() != head.actors.len() {
        return None;
    }
    let head = postcard::to_stdvec(&head).ok()?;
    let mut raw = (head.len() as u32).to_le_bytes().to_vec();
    raw.extend(head);
    writer.finish(&mut raw);
    Some(raw)
}

fn place<T: PartialEq>(table: &mut Vec<T>, value: T) -> Option<u16> {
    let known = table.iter().position(|known| *known == value);
    let place = known.unwrap_or(table.len());
    if known.is_none() {
        table.push(value);
    }
    u16::try_from(place).ok()
}

fn unpacked(raw: &[u8]) -> Option<Vec<Stored>> {
    let (length, rest) = raw.split_first_chunk::<4>()?;
    let (head, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let head: Head = postcard::from_bytes(head).ok()?;
    let mut reader = wire::varint::Reader::new(body);
    let actor = |_, boot: Nonce| {
        let known = head.actors.iter().find(|(known, _)| *known == boot);
        known.map_or(ActorId::ZERO, |(_, actor)| *actor)
    };
    let entries = block::read(&mut reader, head.rows.len(), 1, actor, &mut |_| None).ok()?;
    reader.finish("block").ok()?;
    head.rows
        .into_iter()
        .zip(entries)
        .map(|(row, entry)| {
            Some(Stored {
                log: *head.logs.get(usize::from(row.log))?,
                sequence: row.sequence,
                verdict: Verdict::from_byte(row.verdict),
                reason: row.reason,
                attestation: match row.attestation.checked_sub(1) {
                    None => None,
                    Some(place) => Some(*head.attestations.get(usize::from(place))?),
                },
                entry,
            })
        })
        .collect()
}

fn whole(entries: &[&Stored]) -> Vec<u8> {
    let rows: Vec<Whole> = entries
        .iter()
        .map(|stored| Whole {
            log: stored.log,
            sequence: stored.sequence,
            verdict: stored.verdict.byte(),
            reason: stored.reason.clone(),
            attestation: stored.attestation,
            entry: wire::encode_entry(&stored.entry),
        })
        .collect();
    postcard::to_stdvec(&rows).unwrap_or_default()
}

fn unwhole(raw: &[u8]) -> Option<Vec<Stored>> {
    let rows: Vec<Whole> = postcard::from_bytes(raw).ok()?;
    rows.into_iter()
        .map(|row| {
            Some(Stored {
                log: row.log,
                sequence: row.sequence,
                verdict: Verdict::from_byte(row.verdict),
                reason: row.reason,
                attestation: row.attestation,
                entry: wire::decode_entry(&row.entry).ok()?,
            })
        })
        .collect()
}

fn raw(bytes: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (head, body) = bytes.split_first_chunk::<HEAD>()?;
    let [form, codec, length @ ..] = *head;
    let length = u32::from_le_bytes(length) as usize;
    let raw = match codec {
        PLAIN => body.to_vec(),
        ZSTD if length <= MOST_RAW => stretch(body, length)?,
        _ => return None,
    };
    (raw.len() == length).then_some((form, raw))
}

thread_local! {
    /// Setting up zstd costs more than a small history does.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn squeeze(raw: &[u8]) -> Result<Vec<u8>, StoreError> {
    static PREPARED: OnceLock<EncoderDictionary<'static>> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
    let failed = |error: std::io::Error| StoreError::Backend(format!("compression: {error}"));
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some(Compressor::with_prepared_dictionary(prepared).map_err(failed)?);
        }
        match slot {
            Some(compressor) => compressor.compress(raw).map_err(failed),
            None => Err(StoreError::Backend("compression is not set up".into())),
        }
    })
}

fn stretch(body: &[u8], length: usize) -> Option<Vec<u8>> {
    static PREPARED: OnceLock<DecoderDictionary<'static>> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| DecoderDictionary::copy(DICTIONARY));
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::with_prepared_dictionary(prepared).ok();
        }
        slot.as_mut()?.decompress(body, length).ok()
    })
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        author::OwnLog,
        entry::{AudienceAction, AudienceOp, DocType, Kind, Role},
        id::{DossierId, Hash, OfficeId},
        key::SecretKey,
        log::Frontier,
        time::{ClockQuality, Timestamp},
    };
    use proptest::prelude::*;

    pub(crate) fn stored(seed: u8, count: usize, payload: &[u8]) -> Vec<Stored> {
        let key = SecretKey::from_seed([seed; 32]);
        let log = LogId([seed; 16]);
        let mut own = OwnLog::new(key.public(), log, Nonce([seed; 16]), Frontier::default());
        (0..count)
            .map(|index| {
                let draft = crate::author::Draft {
                    kind: Kind::from_byte(90),
                    doc_type: DocType::Dossier,
                    dossier: DossierId([3; 16]),
                    person: Default::default(),
                    claimed_at: Timestamp(1_700_000_000_000 + index as i64),
                    clock: ClockQuality::Unproven,
                    schema: 1,
                    op_count: 1,
                    change_hash: Hash::ZERO,
                    deps: vec![Hash([index as u8; 32])],
                    audience: vec![AudienceOp {
                        action: AudienceAction::Add,
                        office: OfficeId([4; 16]),
                        role: Role::from_byte(0),
                    }],
                    creation: None,
                    payload: payload.to_vec(),
                };
                let (sequence, entry) = own.append(draft).unwrap();
                let attestation = (index % 2 == 0).then_some([index as u8; 16]);
                let verdict = if index == 1 { Verdict::Held } else { Verdict::Accepted };
                let reason = if index == 1 { "vì sao".into() } else { String::new() };
                Stored { log, sequence, verdict, reason, attestation, entry }
            })
            .collect()
    }

    #[test]
    fn what_is_packed_comes_back_whole() {
        let mut entries = stored(1, 5, b"xin cap ban sao giay khai sinh");
        entries.extend(stored(2, 3, b""));
        let refs: Vec<&Stored> = entries.iter().collect();
        assert_eq!(unpack(&pack(&refs).unwrap()).unwrap(), entries);
    }

    #[test]
    fn an_entry_whose_payload_was_taken_out_is_kept_as_it_stands() {
        let mut entries = stored(1, 2, b"xin cap ban sao giay khai sinh");
        entries[1].entry.payload.clear();
        let refs: Vec<&Stored> = entries.iter().collect();
        let packed = pack(&refs).unwrap();
        assert_eq!(packed[0], WHOLE);
        assert_eq!(unpack(&packed).unwrap(), entries);
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_pack_are_corrupt_and_allocate_nothing_beyond_the_limit(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            real in any::<bool>(), place in any::<proptest::sample::Index>(), bit in 0u8..8,
        ) {
            if real {
                let entries = stored(1, 3, b"xin cap ban sao giay khai sinh");
                bytes = pack(&entries.iter().collect::<Vec<_>>()).unwrap();
                let place = place.index(bytes.len());
                bytes[place] ^= 1 << bit;
            }
            // Whatever comes out, it comes out.
            let _ = unpack(&bytes);
            bytes.splice(0..6.min(bytes.len()), [PACKED, ZSTD, 0xff, 0xff, 0xff, 0xff]);
            prop_assert!(unpack(&bytes).is_err());
        }
    }
}
