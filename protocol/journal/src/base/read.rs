//! Finding and reading a base.

use super::{FOOTER, FOOTER_MAGIC, HEADER, NO_MORE_FRAMES, VERSION, decode_header, parse_name};
use crate::{
    Lsn, SetAside,
    bytes::Cut,
    error::{JournalError, Result},
    frame::{self, Head},
    fs::{File, Fs, read_range},
    limits, names,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A base that was verified whole when it was opened.
pub struct Base {
    file: Arc<dyn File>,
    path: PathBuf,
    lsn: Lsn,
    pairs: u64,
    content: [u8; 32],
}

/// What [`Base::newest`] found.
#[derive(Default)]
pub struct BaseFinding {
    /// The newest valid base.
    pub base: Option<Base>,
    /// Newer ones that did not verify, renamed.
    pub set_aside: Vec<SetAside>,
}

impl Base {
    /// The newest valid base in `dir`. Damaged ones met on the way are set aside, unfinished ones
    /// removed: call it at start, not while one is being written.
    ///
    /// # Errors
    /// When the disk fails, or the newest base is of a newer format.
    pub fn newest(fs: &dyn Fs, dir: &Path, owner: &[u8; 16]) -> Result<BaseFinding> {
        fs.create_dir(dir).map_err(|error| JournalError::io("create", dir, &error))?;
        let files = fs.list(dir).map_err(|error| JournalError::io("list", dir, &error))?;
        let mut found = BaseFinding::default();
        for file in files.iter().filter(|file| file.starts_with("base-") && file.ends_with(".tmp"))
        {
            let path = dir.join(file);
            fs.remove(&path).map_err(|error| JournalError::io("remove", &path, &error))?;
        }
        // Fixed-width names: the order of names is the order of LSNs.
        for file in files.iter().rev().filter(|file| parse_name(file).is_some()) {
            match Self::open(fs, &dir.join(file), owner) {
                Ok(base) => {
                    found.base = Some(base);
                    break;
                }
                Err(JournalError::Unverified { what, .. }) => {
                    tracing::error!(file, what, "a base is damaged and was set aside");
                    let now = names::set_aside(fs, dir, file, &files)?;
                    found.set_aside.push(SetAside { file: file.clone(), now, why: what });
                }
                Err(error) => return Err(error),
            }
        }
        fs.sync_dir(dir).map_err(|error| JournalError::io("sync directory", dir, &error))?;
        Ok(found)
    }

    /// Opens one base and verifies all of it: every frame, every pair, both hashes, the counts.
    ///
    /// # Errors
    /// [`JournalError::Unverified`] says what did not match.
    pub fn open(fs: &dyn Fs, path: &Path, owner: &[u8; 16]) -> Result<Self> {
        let file = fs.open(path).map_err(|error| JournalError::io("open", path, &error))?;
        let bad = |what| JournalError::Unverified { path: path.display().to_string(), what };
        let header = read_range(&*file, path, 0, HEADER)?;
        let (version, lsn, found_owner) =
            decode_header(&header).ok_or_else(|| bad("the header is damaged"))?;
        if version > VERSION {
            let path = path.display().to_string();
            return Err(JournalError::NewerFormat { path, found: version, known: VERSION });
        }
        if found_owner != *owner {
            return Err(bad("it belongs to another owner"));
        }
        let named = path.file_name().and_then(|name| parse_name(name.to_str()?));
        if named.is_some_and(|named| named != lsn) {
            return Err(bad("header and file name differ"));
        }
        let mut base = Self { file, path: path.to_owned(), lsn, pairs: 0, content: [0; 32] };
        base.verify()?;
        Ok(base)
    }

    /// The state reflects every record up to this one.
    pub fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many pairs it has.
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// BLAKE3 of all pairs as they stand in the decoded frames: equal for equal content.
    pub fn content_hash(&self) -> [u8; 32] {
        self.content
    }

    /// All pairs in the order they were written; checked again frame by frame.
    pub fn iter(&self) -> Pairs<'_> {
        Pairs { base: self, at: HEADER as u64, waiting: Vec::new().into_iter(), done: false }
    }

    fn verify(&mut self) -> Result<()> {
        let (mut pairs, mut frames) = (0u64, 0u64);
        let mut content = blake3::Hasher::new();
        let mut at = HEADER as u64;
        while let Some((raw, next)) = self.frame(at)? {
            content.update(&raw.bytes);
            pairs += u64::from(raw.items);
            frames += 1;
            raw.pairs().ok_or_else(|| self.bad("a frame holds no whole pairs"))?;
            at = next;
        }
        self.check_footer(at + NO_MORE_FRAMES.len() as u64, pairs, frames, &content)?;
        self.pairs = pairs;
        self.content = content.finalize().into();
        Ok(())
    }

    fn check_footer(
        &self,
        at: u64,
        pairs: u64,
        frames: u64,
        content: &blake3::Hasher,
    ) -> Result<()> {
        let footer = read_range(&*self.file, &self.path, at, FOOTER + 1)?;
        let parse = || {
            let mut cut = Cut(&footer);
            let counts = (cut.u64()?, cut.u64()?);
            let hash: [u8; 32] = cut.array()?;
            let magic = cut.take(8)?;
            let whole: [u8; 32] = cut.array()?;
            (magic == FOOTER_MAGIC && cut.0.is_empty()).then_some((counts, hash, whole))
        };
        let (counts, hash, whole) = parse().ok_or_else(|| self.bad("the footer is damaged"))?;
        if counts != (pairs, frames) || hash != *content.finalize().as_bytes() {
            return Err(self.bad("counts or content hash differ"));
        }
        let mut hasher = blake3::Hasher::new();
        let (mut from, end) = (0, at + FOOTER as u64 - 32);
        while from < end {
            let step = (end - from).min(limits::FRAME as u64);
            hasher.update(&read_range(&*self.file, &self.path, from, step as usize)?);
            from += step;
        }
        if whole == *hasher.finalize().as_bytes() {
            Ok(())
        } else {
            Err(self.bad("the hash differs"))
        }
    }

    /// The decoded frame at `at` and where the next one begins; `None` behind the last.
    fn frame(&self, at: u64) -> Result<Option<(RawFrame, u64)>> {
        let bytes = read_range(&*self.file, &self.path, at, frame::HEAD)?;
        if bytes.starts_with(&NO_MORE_FRAMES) {
            return Ok(None);
        }
        let head = Some(&bytes)
            .filter(|bytes| bytes.len() == frame::HEAD)
            .and_then(|bytes| Head::decode(bytes))
            .filter(|head| head.plausible(limits::MAX_BASE_FRAME_RAW))
            .ok_or_else(|| self.bad("a frame head is damaged"))?;
        let stored_at = at + frame::HEAD as u64;
        let stored = read_range(&*self.file, &self.path, stored_at, head.stored as usize)?;
        let bytes = frame::decode(&head, &stored, limits::MAX_BASE_FRAME_RAW)
            .ok_or_else(|| self.bad("a frame is damaged"))?;
        Ok(Some((RawFrame { bytes, items: head.items }, at + head.span())))
    }

    fn bad(&self, what: &'static str) -> JournalError {
        JournalError::Unverified { path: self.path.display().to_string(), what }
    }
}

struct RawFrame {
    bytes: Vec<u8>,
    items: u32,
}

impl RawFrame {
    fn pairs(&self) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut cut = Cut(&self.bytes);
        let mut pairs = Vec::new();
        for _ in 0..self.items {
            let (key, value) = (cut.u32()? as usize, cut.u32()? as usize);
            pairs.push((cut.take(key)?.to_vec(), cut.take(value)?.to_vec()));
        }
        cut.0.is_empty().then_some(pairs)
    }
}

/// Iterator of [`Base::iter`]; ends after the first error.
pub struct Pairs<'a> {
    base: &'a Base,
    at: u64,
    waiting: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    done: bool,
}

impl Iterator for Pairs<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(pair) = self.waiting.next() {
                return Some(Ok(pair));
            }
            if self.done {
                return None;
            }
            match self.base.frame(self.at) {
                Ok(Some((raw, next))) => {
                    self.at = next;
                    match raw.pairs() {
                        Some(pairs) => self.waiting = pairs.into_iter(),
                        None => {
                            self.done = true;
                            return Some(Err(self.base.bad("a frame holds no whole pairs")));
                        }
                    }
                }
                Ok(None) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
