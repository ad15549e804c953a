//! The header block of a raw segment.
//!
//! The header fills the first 4 KiB block twice (at 0 and at 2048), so that no later append rewrites
//! its sectors and one damaged byte does not make a whole segment unreadable. Layout, little-endian:
//!
//! | at | bytes | what |
//! |--:|--:|---|
//! | 0 | 8 | magic `motcuaJ1` |
//! | 8 | 2 | format version |
//! | 10 | 1 | lane: 0 own, 1 others |
//! | 11 | 1 | flags: bit 0 = voids later records of segments with a smaller number |
//! | 12 | 4 | count of abandoned ranges, at most 64 |
//! | 16 | 16 | nonce, part of every record's checksum |
//! | 32 | 8 | number of this segment, rising over both lanes |
//! | 40 | 8 | first LSN it may hold |
//! | 48 | 40 | the (LSN, running hash) it continues |
//! | 88 | 16 | last LSN of each lane at that point |
//! | 104 | 16 | owner |
//! | 120 | 32 | hash of the compression dictionary, zero = none |
//! | 152 | 32 | writer version, UTF-8, zero-padded |
//! | 256 | 24 each | abandoned ranges: lane (8 bytes), from, to |
//! | 2044 | 4 | CRC32C of bytes 0..2044 |

use crate::{Lane, Lsn, bytes::Cut, limits};

pub(crate) const VERSION: u16 = 1;
/// Where records begin.
pub(crate) const BLOCK_LEN: usize = 4096;
pub(crate) const COPY_LEN: usize = 2048;
const MAGIC: &[u8; 8] = b"motcuaJ1";
const ABANDONED_AT: usize = 256;
const CRC_AT: usize = COPY_LEN - 4;

/// A place in the journal: the last LSN, and the running hash over all records up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// Last LSN, 0 = before the first.
    pub lsn: Lsn,
    /// Running BLAKE3 hash, zero before the first record.
    pub hash: [u8; 32],
}

/// An unfinished write that was never acknowledged but has valid records behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abandoned {
    pub(crate) lane: Lane,
    pub(crate) from: Lsn,
    pub(crate) to: Lsn,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) lane: Lane,
    pub(crate) voids: bool,
    pub(crate) nonce: [u8; 16],
    pub(crate) seq: u64,
    pub(crate) first: Lsn,
    pub(crate) continues: Point,
    pub(crate) lane_last: [Lsn; 2],
    pub(crate) owner: [u8; 16],
    pub(crate) dictionary: [u8; 32],
    pub(crate) writer: String,
    pub(crate) abandoned: Vec<Abandoned>,
}

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    Damaged,
    Newer(u16),
}

impl Header {
    /// One copy of the header, [`COPY_LEN`] bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COPY_LEN);
        let abandoned = &self.abandoned[..self.abandoned.len().min(limits::MAX_ABANDONED)];
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.push(self.lane as u8);
        out.push(u8::from(self.voids));
        out.extend_from_slice(&(abandoned.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.continues.lsn.to_le_bytes());
        out.extend_from_slice(&self.continues.hash);
        for last in self.lane_last {
            out.extend_from_slice(&last.to_le_bytes());
        }
        out.extend_from_slice(&self.owner);
        out.extend_from_slice(&self.dictionary);
        out.extend_from_slice(&writer_text(&self.writer));
        out.resize(ABANDONED_AT, 0);
        for range in abandoned {
            for word in [range.lane as u64, range.from, range.to] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
        out.resize(CRC_AT, 0);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// The whole header block.
    pub(crate) fn encode_block(&self) -> Vec<u8> {
        self.encode().repeat(BLOCK_LEN / COPY_LEN)
    }

    /// Reads the first undamaged copy of a header block.
    pub(crate) fn decode_block(block: &[u8]) -> Result<Self, NoHeader> {
        let mut verdict = NoHeader::Damaged;
        for copy in block.chunks(COPY_LEN).take(BLOCK_LEN / COPY_LEN) {
            match Self::decode(copy) {
                Ok(header) => return Ok(header),
                Err(NoHeader::Newer(version)) => verdict = NoHeader::Newer(version),
                Err(NoHeader::Damaged) => {}
            }
        }
        Err(verdict)
    }

    pub(crate) fn decode(copy: &[u8]) -> Result<Self, NoHeader> {
        let (body, crc) = copy.split_at_checked(CRC_AT).ok_or(NoHeader::Damaged)?;
        let crc_ok = Cut(crc).u32() == Some(crc32c::crc32c(body));
        if !crc_ok || copy.len() != COPY_LEN || !body.starts_with(MAGIC) {
            return Err(NoHeader::Damaged);
        }
        match Cut(&body[8..]).u16() {
            Some(VERSION) => Self::decode_body(Cut(&body[10..]), body).ok_or(NoHeader::Damaged),
            Some(version) if version > VERSION => Err(NoHeader::Newer(version)),
            _ => Err(NoHeader::Damaged),
        }
    }

    fn decode_body(mut cut: Cut<'_>, body: &[u8]) -> Option<Self> {
        let lane = Lane::from_byte(cut.u8()?)?;
        let voids = cut.u8()? & 1 == 1;
        let count = cut.u32()? as usize;
        let nonce = cut.array()?;
        let (seq, first) = (cut.u64()?, cut.u64()?);
        let continues = Point { lsn: cut.u64()?, hash: cut.array()? };
        let lane_last = [cut.u64()?, cut.u64()?];
        let (owner, dictionary) = (cut.array()?, cut.array()?);
        let writer = cut.take(limits::WRITER_TEXT)?;
        let writer = String::from_utf8_lossy(writer).trim_end_matches('\0').to_owned();
        let highest = seq.max(first).max(lane_last[0]).max(lane_last[1]);
        if highest > limits::MAX_NUMBER || count > limits::MAX_ABANDONED {
            return None;
        }
        if continues.lsn.checked_add(1)? != first {
            return None;
        }
        let mut cut = Cut(body.get(ABANDONED_AT..)?);
        let mut abandoned = Vec::with_capacity(count);
        for _ in 0..count {
            let lane = Lane::from_byte(u8::try_from(cut.u64()?).ok()?)?;
            let (from, to) = (cut.u64()?, cut.u64()?);
            abandoned.push(Abandoned { lane, from, to });
        }
        Some(Self {
            lane,
            voids,
            nonce,
            seq,
            first,
            continues,
            lane_last,
            owner,
            dictionary,
            writer,
            abandoned,
        })
    }
}

/// The version text of a writer, cut at a character and zero-padded.
pub(crate) fn writer_text(text: &str) -> [u8; limits::WRITER_TEXT] {
    let mut end = text.len().min(limits::WRITER_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = [0; limits::WRITER_TEXT];
    out[..end].copy_from_slice(&text.as_bytes()[..end]);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header() -> Header {
        Header {
            lane: Lane::Others,
            voids: true,
            nonce: [7; 16],
            seq: 3,
            first: 42,
            continues: Point { lsn: 41, hash: [9; 32] },
            lane_last: [40, 41],
            owner: [1; 16],
            dictionary: [0; 32],
            writer: "một cửa 0.1".into(),
            abandoned: vec![Abandoned { lane: Lane::Own, from: 5, to: 6 }],
        }
    }

    #[test]
    fn header_survives_the_loss_of_either_copy() {
        let block = header().encode_block();
        assert_eq!(block.len(), BLOCK_LEN);
        for at in [0, 100, 300, 2047, 2048, 4095] {
            let mut damaged = block.clone();
            damaged[at] ^= 1;
            assert_eq!(Header::decode_block(&damaged), Ok(header()));
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut copy = header().encode();
        copy[8] = 2;
        let crc = crc32c::crc32c(&copy[..CRC_AT]);
        copy[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&copy), Err(NoHeader::Newer(2)));
        copy[9] ^= 1;
        assert_eq!(Header::decode(&copy), Err(NoHeader::Damaged));
    }

    #[test]
    fn writer_text_is_cut_at_a_character() {
        let long = "ửửửửửửửửửửửửửử";
        let text = writer_text(long);
        assert!(std::str::from_utf8(&text).unwrap().starts_with("ửử"));
    }
}
