//! Bases: a verified image of the state as (key, value) pairs, in a file of its own beside the journal.
//!
//! `base-<LSN>.base`, LSN in 16 hex digits: the state reflects every record up to it. Layout: header
//! of 80 bytes (magic `motcuaB1`, version 2, zero 6, LSN 8, owner 16, writer 32, CRC32C 4, zero 4);
//! frames (see `frame`) of pairs, each key length 4, value length 4, key, value; an empty frame head
//! (8 zero bytes); footer (pairs 8, frames 8, BLAKE3 of all decoded pairs 32, magic `motcuaBE`,
//! BLAKE3 of everything before 32).

mod read;
mod write;

pub use read::{Base, BaseFinding, Pairs};
pub use write::BaseWriter;

use crate::{Lsn, bytes::Cut, header::writer_text};

const HEADER: usize = 80;
const HEADER_CRC_AT: usize = 72;
const MAGIC: &[u8; 8] = b"motcuaB1";
const VERSION: u16 = 1;
const FOOTER: usize = 8 + 8 + 32 + 8 + 32;
const FOOTER_MAGIC: &[u8; 8] = b"motcuaBE";
/// Stands where the next frame head would: stored and raw length zero.
const NO_MORE_FRAMES: [u8; 8] = [0; 8];

/// Whether a file belongs to bases, so that the journal leaves it alone without remark.
pub(crate) fn is_base_file(name: &str) -> bool {
    name.starts_with("base-")
        && (name.ends_with(".base") || name.ends_with(".tmp") || name.contains(".base.bad"))
}

fn name(lsn: Lsn) -> String {
    format!("base-{lsn:016x}.base")
}

fn parse_name(name: &str) -> Option<Lsn> {
    let digits = name.strip_prefix("base-")?.strip_suffix(".base")?;
    let lsn = Lsn::from_str_radix(digits, 16).ok()?;
    (self::name(lsn) == name).then_some(lsn)
}

fn encode_header(lsn: Lsn, owner: &[u8; 16], writer: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&lsn.to_le_bytes());
    out.extend_from_slice(owner);
    out.extend_from_slice(&writer_text(writer));
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out.resize(HEADER, 0);
    out
}

/// Version, LSN and owner of a header that is not damaged.
fn decode_header(bytes: &[u8]) -> Option<(u16, Lsn, [u8; 16])> {
    let checked = bytes.get(..HEADER_CRC_AT)?;
    let crc = Cut(bytes.get(HEADER_CRC_AT..)?).u32()?;
    if !checked.starts_with(MAGIC) || crc32c::crc32c(checked) != crc {
        return None;
    }
    let mut cut = Cut(&checked[8..]);
    let version = cut.u16()?;
    cut.take(6)?;
    Some((version, cut.u64()?, cut.array()?))
}
