//! Sealed segments: a full segment rewritten as independent frames with an index behind them.
//!
//! The header block of the raw segment, then frames (see `frame`), then the index (for each frame
//! its offset, 8 bytes, and its head again), then the footer:
//!
//! | bytes | what |
//! |--:|---|
//! | 8 + 8 + 8 | offset of the index, frames, records |
//! | 32 | BLAKE3 of the index |
//! | 8 | magic `motcuaSE` |
//! | 32 | BLAKE3 of everything before |
//!
//! A decoded frame holds records: LSN (8), payload length (4), kind (1), payload. If the index is
//! damaged the frames are found again by their heads.

use crate::{
    Lane, Lsn,
    bytes::Cut,
    error::{JournalError, Result},
    frame::{self, Head},
    fs::{File, read_range, read_tolerant},
    header::{BLOCK_LEN, Header, NoHeader, VERSION},
    limits,
    record::Record,
};
use std::path::Path;

const MAGIC: &[u8; 8] = b"motcuaSE";
const FOOTER: usize = 8 + 8 + 8 + 32 + 8 + 32;
const ENTRY: usize = 8 + frame::HEAD;
/// Bytes before the payload of a record in a decoded frame.
const RECORD_HEAD: usize = 13;

/// A frame and where its head stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) head: Head,
}

/// What a sealed file says about itself.
pub(crate) struct Opened {
    pub(crate) header: Header,
    pub(crate) frames: Vec<Frame>,
    /// Whether the index had to be rebuilt.
    pub(crate) rebuilt: bool,
}

/// Writes a sealed segment from records in order and syncs it.
pub(crate) fn write(
    file: &dyn File,
    path: &Path,
    header: &Header,
    records: impl Iterator<Item = Result<Record>>,
) -> Result<()> {
    let mut writer =
        Writer { file, path, at: 0, hasher: blake3::Hasher::new(), frames: Vec::new() };
    writer.put(&header.encode_block())?;
    let mut total = 0u64;
    let mut open = Open::default();
    for record in records {
        let record = record?;
        open.push(&record);
        total += 1;
        if open.raw.len() >= limits::FRAME {
            writer.frame(&mut open)?;
        }
    }
    if open.items > 0 {
        writer.frame(&mut open)?;
    }
    writer.finish(total)
}

#[derive(Default)]
struct Open {
    raw: Vec<u8>,
    items: u32,
    first: Lsn,
    last: Lsn,
}

impl Open {
    fn push(&mut self, record: &Record) {
        if self.items == 0 {
            self.first = record.lsn;
        }
        self.last = record.lsn;
        self.items += 1;
        self.raw.extend_from_slice(&record.lsn.to_le_bytes());
        self.raw.extend_from_slice(&(record.payload.len() as u32).to_le_bytes());
        self.raw.push(record.kind);
        self.raw.extend_from_slice(&record.payload);
    }
}

struct Writer<'a> {
    file: &'a dyn File,
    path: &'a Path,
    at: u64,
    hasher: blake3::Hasher,
    frames: Vec<Frame>,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_at(self.at, bytes)
            .map_err(|error| JournalError::io("write", self.path, &error))?;
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn frame(&mut self, open: &mut Open) -> Result<()> {
        let bytes = frame::encode(&open.raw, open.items, open.first, open.last)
            .map_err(|error| JournalError::io("compress", self.path, &error))?;
        let head = Head::decode(&bytes).expect("a head just encoded decodes");
        self.frames.push(Frame { offset: self.at, head });
        self.put(&bytes)?;
        *open = Open::default();
        Ok(())
    }

    fn finish(mut self, records: u64) -> Result<()> {
        let index_at = self.at;
        let mut index = Vec::with_capacity(self.frames.len() * ENTRY);
        for frame in &self.frames {
            index.extend_from_slice(&frame.offset.to_le_bytes());
            index.extend_from_slice(&frame.head.encode());
        }
        self.put(&index)?;
        let mut footer = Vec::with_capacity(FOOTER);
        for word in [index_at, self.frames.len() as u64, records] {
            footer.extend_from_slice(&word.to_le_bytes());
        }
        footer.extend_from_slice(blake3::hash(&index).as_bytes());
        footer.extend_from_slice(MAGIC);
        self.put(&footer)?;
        let hash = self.hasher.finalize();
        self.put(hash.as_bytes())?;
        self.file.sync_data().map_err(|error| JournalError::io("sync", self.path, &error))
    }
}

/// Reads header and index; `None` if there is nothing usable.
pub(crate) fn open(file: &dyn File, path: &Path) -> Result<Option<Opened>> {
    let block = read_range(file, path, 0, BLOCK_LEN)?;
    let header = match Header::decode_block(&block) {
        Ok(header) => header,
        Err(NoHeader::Damaged) => return Ok(None),
        Err(NoHeader::Newer(found)) => {
            let path = path.display().to_string();
            return Err(JournalError::NewerFormat { path, found, known: VERSION });
        }
    };
    if let Some(frames) = read_index(file, path)? {
        return Ok(Some(Opened { header, frames, rebuilt: false }));
    }
    let bytes = read_tolerant(file, path, limits::MAX_SEGMENT * 2)?;
    Ok(Some(Opened { header, frames: find_frames(&bytes), rebuilt: true }))
}

fn read_index(file: &dyn File, path: &Path) -> Result<Option<Vec<Frame>>> {
    let len = file.len().map_err(|error| JournalError::io("measure", path, &error))?;
    let Some(footer_at) = len.checked_sub(FOOTER as u64) else { return Ok(None) };
    let footer = read_range(file, path, footer_at, FOOTER)?;
    let Some((index_at, count, hash)) = parse_footer(&footer) else { return Ok(None) };
    let size = count.checked_mul(ENTRY as u64);
    let sound = count <= limits::MAX_FRAMES as u64
        && size.and_then(|size| size.checked_add(index_at)) == Some(footer_at);
    if !sound {
        return Ok(None);
    }
    let index = read_range(file, path, index_at, count as usize * ENTRY)?;
    if hash != *blake3::hash(&index).as_bytes() {
        return Ok(None);
    }
    let frames: Option<Vec<_>> = index
        .chunks_exact(ENTRY)
        .map(|entry| {
            let mut cut = Cut(entry);
            let offset = cut.u64()?;
            let head = Head::decode(cut.0)?;
            let inside = offset.checked_add(head.span()).is_some_and(|end| end <= index_at);
            (inside && head.plausible(limits::MAX_FRAME_RAW)).then_some(Frame { offset, head })
        })
        .collect();
    Ok(frames.filter(|frames| in_order(frames)))
}

fn parse_footer(footer: &[u8]) -> Option<(u64, u64, [u8; 32])> {
    let mut cut = Cut(footer);
    let (index_at, count, _records) = (cut.u64()?, cut.u64()?, cut.u64()?);
    let hash = cut.array()?;
    (cut.take(8)? == MAGIC).then_some((index_at, count, hash))
}

fn in_order(frames: &[Frame]) -> bool {
    frames.iter().all(|frame| sound(&frame.head))
        && frames.windows(2).all(|pair| pair[0].head.last < pair[1].head.first)
}

fn sound(head: &Head) -> bool {
    (1..=head.last).contains(&head.first) && head.last <= limits::MAX_NUMBER
}

/// Finds frames by their heads, going on behind damage.
fn find_frames(bytes: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = BLOCK_LEN;
    while at + frame::HEAD <= bytes.len() && frames.len() < limits::MAX_FRAMES {
        let last = frames.last().map_or(0, |frame| frame.head.last);
        let head = Head::decode(&bytes[at..]).filter(|head| {
            head.plausible(limits::MAX_FRAME_RAW)
                && head.first > last
                && sound(head)
                && at as u64 + head.span() <= bytes.len() as u64
        });
        match head {
            Some(head) => {
                frames.push(Frame { offset: at as u64, head });
                at += head.span() as usize;
            }
            None => at += frame::ALIGN,
        }
    }
    frames
}

/// Reads, checks and decodes one frame; `None` if it is damaged.
pub(crate) fn read_frame(
    file: &dyn File,
    path: &Path,
    frame: &Frame,
    lane: Lane,
) -> Result<Option<Vec<Record>>> {
    let at = frame.offset + frame::HEAD as u64;
    let stored = match read_range(file, path, at, frame.head.stored as usize) {
        Ok(stored) => stored,
        Err(error) => {
            tracing::error!(%error, "a frame cannot be read");
            return Ok(None);
        }
    };
    let raw = frame::decode(&frame.head, &stored, limits::MAX_FRAME_RAW);
    Ok(raw.and_then(|raw| parse(&frame.head, &raw, lane)))
}

fn parse(head: &Head, raw: &[u8], lane: Lane) -> Option<Vec<Record>> {
    let mut cut = Cut(raw);
    let mut records = Vec::with_capacity((head.items as usize).min(raw.len() / RECORD_HEAD));
    let mut last = head.first.checked_sub(1)?;
    for _ in 0..head.items {
        let lsn = cut.u64()?;
        let len = cut.u32()? as usize;
        let kind = cut.u8()?;
        let payload = cut.take(len)?.to_vec();
        if lsn <= last {
            return None;
        }
        last = lsn;
        records.push(Record { lsn, lane, kind, payload });
    }
    (cut.0.is_empty() && last == head.last).then_some(records)
}

/// Whether the trailing hash matches and every frame decodes: what allows the raw one to go.
pub(crate) fn verify(file: &dyn File, path: &Path, lane: Lane) -> Result<Option<Opened>> {
    let len = file.len().map_err(|error| JournalError::io("measure", path, &error))?;
    let Some(hashed) = len.checked_sub(32) else { return Ok(None) };
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    while at < hashed {
        let step = (hashed - at).min(limits::FRAME as u64) as usize;
        hasher.update(&read_range(file, path, at, step)?);
        at += step as u64;
    }
    if read_range(file, path, hashed, 32)? != hasher.finalize().as_bytes() {
        return Ok(None);
    }
    let Some(opened) = open(file, path)?.filter(|opened| !opened.rebuilt) else { return Ok(None) };
    for frame in &opened.frames {
        if read_frame(file, path, frame, lane)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(opened))
}
