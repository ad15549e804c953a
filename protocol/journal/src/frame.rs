//! Independent frames, shared by sealed segments and bases: a checked head, then bytes that are
//! zstd where that helps and raw where it does not.
//!
//! | at | bytes | what |
//! |--:|--:|---|
//! | 0 | 4 | stored bytes behind this head; 0 = no more frames |
//! | 4 | 4 | bytes after decoding |
//! | 8 | 4 | codec: 0 raw, 1 zstd |
//! | 12 | 4 | items in it |
//! | 16 | 16 | first and last LSN (a base: 0, 0) |
//! | 32 | 32 | BLAKE3 of the stored bytes |
//! | 64 | 4 | CRC32C of bytes 0..64 |
//! | 68 | 4 | zero |

use crate::{Lsn, bytes::Cut};
use std::io;

pub(crate) const HEAD: usize = 72;
/// Frames begin at multiples of this.
pub(crate) const ALIGN: usize = 8;
/// Level 3: 59 ms for 31 MB of entries, within a tenth of level 9 in size.
const LEVEL: i32 = 3;
const RAW: u32 = 0;
const ZSTD: u32 = 1;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) stored: u32,
    pub(crate) raw: u32,
    pub(crate) codec: u32,
    pub(crate) items: u32,
    pub(crate) first: Lsn,
    pub(crate) last: Lsn,
    pub(crate) hash: [u8; 32],
}

impl Head {
    pub(crate) fn encode(&self) -> [u8; HEAD] {
        let mut out = Vec::with_capacity(HEAD);
        for word in [self.stored, self.raw, self.codec, self.items] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.last.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        let mut fixed = [0; HEAD];
        fixed[..out.len()].copy_from_slice(&out);
        fixed
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut cut = Cut(bytes);
        let head = Self {
            stored: cut.u32()?,
            raw: cut.u32()?,
            codec: cut.u32()?,
            items: cut.u32()?,
            first: cut.u64()?,
            last: cut.u64()?,
            hash: cut.array()?,
        };
        (crc32c::crc32c(&bytes[..64]) == cut.u32()?).then_some(head)
    }

    /// Bytes of the frame with its head and padding.
    pub(crate) fn span(&self) -> u64 {
        (HEAD as u64 + u64::from(self.stored)).next_multiple_of(ALIGN as u64)
    }

    /// Whether the lengths are ones we would have written, so that memory stays bounded.
    pub(crate) fn plausible(&self, raw_limit: usize) -> bool {
        self.raw as usize <= raw_limit && self.stored <= self.raw && self.items > 0
    }
}

/// Compresses one frame: head, stored bytes, padding.
pub(crate) fn encode(raw: &[u8], items: u32, first: Lsn, last: Lsn) -> io::Result<Vec<u8>> {
    let packed = zstd::bulk::compress(raw, LEVEL)?;
    let (codec, stored) = if packed.len() < raw.len() { (ZSTD, &packed[..]) } else { (RAW, raw) };
    let head = Head {
        stored: stored.len() as u32,
        raw: raw.len() as u32,
        codec,
        items,
        first,
        last,
        hash: blake3::hash(stored).into(),
    };
    let mut out = Vec::with_capacity(HEAD + stored.len() + ALIGN);
    out.extend_from_slice(&head.encode());
    out.extend_from_slice(stored);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
    Ok(out)
}

/// Checks and decodes the stored bytes of a frame; never more than `raw_limit` bytes come out.
pub(crate) fn decode(head: &Head, stored: &[u8], raw_limit: usize) -> Option<Vec<u8>> {
    let whole = stored.len() == head.stored as usize && head.plausible(raw_limit);
    if !whole || head.hash != *blake3::hash(stored).as_bytes() {
        return None;
    }
    let raw = match head.codec {
        RAW => stored.to_vec(),
        ZSTD => zstd::bulk::decompress(stored, head.raw as usize).ok()?,
        _ => return None,
    };
    (raw.len() == head.raw as usize).then_some(raw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn incompressible_bytes_are_stored_as_they_are() {
        let noise: Vec<u8> = blake3::Hasher::new().finalize_xof().take_bytes(10_000);
        let frame = encode(&noise, 1, 1, 1).unwrap();
        let head = Head::decode(&frame).unwrap();
        assert_eq!((head.codec, head.stored as usize), (RAW, noise.len()));
        assert_eq!(decode(&head, &frame[HEAD..HEAD + noise.len()], 10_000).unwrap(), noise);
    }

    #[test]
    fn a_frame_never_decodes_to_more_than_its_head_or_the_limit_allows() {
        let bomb = zstd::bulk::compress(&vec![0; 8 << 20], 3).unwrap();
        let mut head = Head {
            stored: bomb.len() as u32,
            raw: 100_000,
            codec: ZSTD,
            items: 1,
            first: 1,
            last: 1,
            hash: blake3::hash(&bomb).into(),
        };
        assert_eq!(decode(&head, &bomb, 1 << 20), None);
        head.raw = 8 << 20;
        assert_eq!(decode(&head, &bomb, 1 << 20), None);
        assert!(decode(&head, &bomb, 8 << 20).is_some());
    }

    trait TakeBytes {
        fn take_bytes(self, len: usize) -> Vec<u8>;
    }

    impl TakeBytes for blake3::OutputReader {
        fn take_bytes(mut self, len: usize) -> Vec<u8> {
            let mut out = vec![0; len];
            self.fill(&mut out);
            out
        }
    }
}
