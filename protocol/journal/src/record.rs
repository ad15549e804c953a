//! Records as they stand in a raw segment.
//!
//! | at | bytes | what |
//! |--:|--:|---|
//! | 0 | 4 | length: 1 + payload bytes; 0 = end of the written area |
//! | 4 | 4 | CRC32C of (segment nonce, length, everything from byte 8 to the end of the payload) |
//! | 8 | 8 | LSN |
//! | 16 | 4 | how many LSNs this one is past the last durable one when it was written |
//! | 20 | 1 | kind |
//! | 21 | n | payload, then zeros to a multiple of 8 |
//!
//! The distance at 16 tells an unfinished write from damage: a bad record was durable, and so may
//! have been acknowledged, if a valid one says that its LSN was durable already.

use crate::{Lane, Lsn, bytes::Cut, limits};

pub(crate) const HEAD: usize = 21;
/// Records begin at multiples of this, so that a search behind damage has few places to look.
pub(crate) const ALIGN: usize = 8;

/// One record, as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, over both lanes, from 1.
    pub lsn: Lsn,
    /// The lane it was appended to.
    pub lane: Lane,
    /// The caller's kind.
    pub kind: u8,
    /// The caller's bytes.
    pub payload: Vec<u8>,
}

/// A record inside a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    pub(crate) lsn: Lsn,
    pub(crate) since_sync: u32,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    /// Bytes it takes in the segment, with padding.
    pub(crate) size: usize,
}

/// What stands at one place of a segment.
pub(crate) enum Slot<'a> {
    End,
    Record(Raw<'a>),
    Bad,
}

/// Bytes a record takes in a segment.
pub(crate) fn size_of(payload: usize) -> usize {
    (HEAD + payload).next_multiple_of(ALIGN)
}

pub(crate) fn encode(
    out: &mut Vec<u8>,
    nonce: &[u8; 16],
    lsn: Lsn,
    since_sync: u32,
    kind: u8,
    payload: &[u8],
) {
    let start = out.len();
    let len = (payload.len() as u32 + 1).to_le_bytes();
    out.extend_from_slice(&len);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&lsn.to_le_bytes());
    out.extend_from_slice(&since_sync.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(payload);
    let crc = checksum(nonce, &len, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + size_of(payload.len()), 0);
}

/// Reads what stands at the start of `bytes`.
pub(crate) fn decode<'a>(bytes: &'a [u8], nonce: &[u8; 16]) -> Slot<'a> {
    let mut cut = Cut(bytes);
    match cut.u32() {
        None | Some(0) => Slot::End,
        Some(len) => decode_body(bytes, len, cut, nonce).map_or(Slot::Bad, Slot::Record),
    }
}

fn decode_body<'a>(
    bytes: &'a [u8],
    len: u32,
    mut cut: Cut<'a>,
    nonce: &[u8; 16],
) -> Option<Raw<'a>> {
    let payload = (len as usize).checked_sub(1).filter(|len| *len <= limits::MAX_RECORD)?;
    let crc = cut.u32()?;
    let checked = bytes.get(8..HEAD + payload)?;
    let lsn = cut.u64()?;
    let since_sync = cut.u32()?;
    let kind = cut.u8()?;
    let sound = (Lsn::from(since_sync).max(1)..=limits::MAX_NUMBER).contains(&lsn);
    if !sound || checksum(nonce, &len.to_le_bytes(), checked) != crc {
        return None;
    }
    Some(Raw { lsn, since_sync, kind, payload: cut.take(payload)?, size: size_of(payload) })
}

/// Length and LSN that a damaged head still claims.
pub(crate) fn claims(bytes: &[u8]) -> Option<(usize, Lsn)> {
    let mut cut = Cut(bytes);
    let len = cut.u32()? as usize;
    cut.u32()?;
    Some((len, cut.u64()?))
}

fn checksum(nonce: &[u8; 16], len: &[u8; 4], rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(nonce), len), rest)
}

pub(crate) fn digest(lsn: Lsn, lane: Lane, kind: u8, payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&lsn.to_le_bytes());
    hasher.update(&[lane as u8, kind]);
    hasher.update(payload);
    hasher.finalize().into()
}

/// The running hash after one more record.
pub(crate) fn chain(hash: &[u8; 32], digest: &[u8; 32]) -> [u8; 32] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(hash);
    both[32..].copy_from_slice(digest);
    blake3::hash(&both).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_before_the_padding_is_noticed() {
        let mut out = Vec::new();
        encode(&mut out, &[5; 16], 77, 3, 9, b"ho so");
        for bit in 0..(HEAD + 5) * 8 {
            let mut damaged = out.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(decode(&damaged, &[5; 16]), Slot::Record(_)), "bit {bit}");
        }
        assert!(matches!(decode(&out, &[5; 16]), Slot::Record(Raw { lsn: 77, kind: 9, .. })));
    }

    #[test]
    fn a_record_of_another_segment_is_not_taken() {
        let mut out = Vec::new();
        encode(&mut out, &[5; 16], 77, 3, 9, b"ho so");
        assert!(matches!(decode(&out, &[6; 16]), Slot::Bad));
    }

    #[test]
    fn an_empty_payload_is_a_record_and_zeros_are_the_end() {
        let mut out = Vec::new();
        encode(&mut out, &[0; 16], 1, 1, 0, b"");
        assert!(matches!(decode(&out, &[0; 16]), Slot::Record(Raw { payload: b"", size: 24, .. })));
        assert!(matches!(decode(&[0; 64], &[0; 16]), Slot::End));
    }
}
