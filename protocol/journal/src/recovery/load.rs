//! Reads the files of a journal directory and sets aside what cannot be used.

use super::{Recovery, SetAside};
use crate::{
    Lane, Lsn,
    bytes::hex,
    error::{JournalError, Result},
    fs::{File, Fs, read_tolerant},
    header::{BLOCK_LEN, Header, NoHeader, VERSION},
    limits,
    names::{self, Kind, Name},
    scan::{self, Scan},
    sealed::{self, Frame},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One usable segment.
pub(super) struct Loaded {
    pub(super) header: Header,
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    pub(super) content: Content,
    /// Last LSN not voided by a later segment.
    pub(super) cut: Option<Lsn>,
}

pub(super) enum Content {
    Raw(Scan),
    Sealed(Vec<Frame>),
}

/// A segment that had to be set aside, now or earlier.
pub(super) struct Lost {
    pub(super) name: Name,
    pub(super) file: String,
    pub(super) len: u64,
}

pub(super) struct All {
    /// In order of their numbers.
    pub(super) segments: Vec<Loaded>,
    pub(super) lost: Vec<Lost>,
    pub(super) next_seq: u64,
    /// The newest segment of all is among the lost ones.
    pub(super) lost_tail: bool,
}

impl Loaded {
    pub(super) fn last(&self) -> Option<Lsn> {
        match &self.content {
            Content::Raw(scan) => scan.records.last().map(|found| found.lsn),
            Content::Sealed(frames) => frames.last().map(|frame| frame.head.last),
        }
    }

    fn first(&self) -> Option<Lsn> {
        match &self.content {
            Content::Raw(scan) => scan.records.first().map(|found| found.lsn),
            Content::Sealed(frames) => frames.first().map(|frame| frame.head.first),
        }
    }

    /// The last LSN of this lane up to and with this segment.
    pub(super) fn last_or_before(&self) -> Option<Lsn> {
        self.last().or(Some(self.header.lane_last[self.header.lane as usize]))
    }

    /// Where to append, if nothing but zeros stands behind the last record.
    pub(super) fn clean_end(&self) -> Option<u64> {
        match &self.content {
            Content::Raw(scan) if scan.clean() && self.cut.is_none() => {
                let end = scan.records.last().map(|found| found.offset + found.size);
                Some(end.unwrap_or(BLOCK_LEN as u64))
            }
            _ => None,
        }
    }
}

/// Files by segment number: the raw and the sealed form may both be there after a crash.
#[derive(Default)]
struct Pair {
    raw: Option<(Name, String)>,
    sealed: Option<(Name, String)>,
}

/// What became of one file.
enum Outcome {
    Usable(Box<Loaded>),
    Unusable(&'static str),
}

struct Loader<'a> {
    fs: &'a dyn Fs,
    dir: &'a Path,
    owner: &'a [u8; 16],
    files: Vec<String>,
    foreign: Option<(String, [u8; 16])>,
    lost: Vec<Lost>,
    asides: Vec<(Name, String, &'static str)>,
}

pub(super) fn load(
    fs: &dyn Fs,
    dir: &Path,
    owner: &[u8; 16],
    report: &mut Recovery,
) -> Result<All> {
    let files = fs.list(dir).map_err(|error| JournalError::io("list", dir, &error))?;
    let (mut pairs, mut next_seq) = (BTreeMap::<(u64, Lane), Pair>::new(), 1);
    let mut loader =
        Loader { fs, dir, owner, files, foreign: None, lost: Vec::new(), asides: Vec::new() };
    for file in loader.files.clone() {
        if names::is_leftover(&file) {
            loader.remove(&file)?;
            continue;
        }
        let Some(name) = names::parse(&file) else {
            if !crate::base::is_base_file(&file) {
                report.unknown.push(file);
            }
            continue;
        };
        next_seq = next_seq.max(name.seq.saturating_add(1));
        let pair = pairs.entry((name.seq, name.lane)).or_default();
        match name.kind {
            Kind::Raw => pair.raw = Some((name, file)),
            Kind::Sealed => pair.sealed = Some((name, file)),
            Kind::Bad => loader.note_lost(name, file)?,
        }
    }
    let mut segments = Vec::new();
    for pair in pairs.into_values() {
        segments.extend(loader.load_pair(pair)?);
    }
    if let (Some((file, found)), true) = (&loader.foreign, segments.is_empty()) {
        return Err(JournalError::Foreign {
            path: dir.join(file).display().to_string(),
            found: hex(found),
            expected: hex(owner),
        });
    }
    loader.set_aside_all(report)?;
    // Both lanes may claim a number only if a file was copied; the order is still total.
    segments.sort_by_key(|segment| (segment.header.seq, segment.header.lane));
    let newest = segments.last().map_or(0, |segment| segment.header.seq);
    let lost_tail = loader.lost.iter().any(|lost| lost.name.seq > newest);
    Ok(All { segments, lost: loader.lost, next_seq, lost_tail })
}

impl Loader<'_> {
    fn load_pair(&mut self, pair: Pair) -> Result<Option<Loaded>> {
        if let (Some(raw), Some(sealed)) = (&pair.raw, &pair.sealed) {
            // A crash between renaming the sealed form and removing the raw one.
            let path = self.dir.join(&sealed.1);
            let file = self.open(&path)?;
            if sealed::verify(&*file, &path, sealed.0.lane)?.is_some() {
                self.remove(&raw.1)?;
                return self.load_one(sealed.clone());
            }
            self.asides.push((sealed.0, sealed.1.clone(), "sealed form does not verify"));
            return self.load_one(raw.clone());
        }
        match pair.raw.or(pair.sealed) {
            Some(one) => self.load_one(one),
            None => Ok(None),
        }
    }

    fn load_one(&mut self, (name, file): (Name, String)) -> Result<Option<Loaded>> {
        let outcome = match name.kind {
            Kind::Sealed => self.load_sealed(&file)?,
            Kind::Raw | Kind::Bad => self.load_raw(&file)?,
        };
        let why = match outcome {
            Outcome::Usable(loaded) => match self.objection(&name, &loaded) {
                None => return Ok(Some(*loaded)),
                Some(why) => why,
            },
            Outcome::Unusable(why) => why,
        };
        self.asides.push((name, file, why));
        Ok(None)
    }

    fn objection(&mut self, name: &Name, loaded: &Loaded) -> Option<&'static str> {
        let header = &loaded.header;
        if header.owner != *self.owner {
            self.foreign = Some((loaded.name.clone(), header.owner));
            return Some("belongs to another owner");
        }
        let same = (header.lane, header.seq, header.first) == (name.lane, name.seq, name.first);
        (!same).then_some("header and file name differ")
    }

    fn load_raw(&self, file: &str) -> Result<Outcome> {
        let path = self.dir.join(file);
        let handle = self.open(&path)?;
        let bytes = read_tolerant(&*handle, &path, limits::MAX_SEGMENT + BLOCK_LEN as u64)?;
        let header = match Header::decode_block(&bytes[..bytes.len().min(BLOCK_LEN)]) {
            Ok(header) => header,
            Err(NoHeader::Damaged) => return Ok(Outcome::Unusable("both headers are damaged")),
            Err(NoHeader::Newer(found)) => {
                let path = path.display().to_string();
                return Err(JournalError::NewerFormat { path, found, known: VERSION });
            }
        };
        let scan = scan::scan(&bytes, &header.nonce, header.lane, header.first);
        let content = Content::Raw(scan);
        let name = file.to_owned();
        Ok(Outcome::Usable(Box::new(Loaded {
            header,
            name,
            path,
            file: handle,
            content,
            cut: None,
        })))
    }

    fn load_sealed(&self, file: &str) -> Result<Outcome> {
        let path = self.dir.join(file);
        let handle = self.open(&path)?;
        let Some(opened) = sealed::open(&*handle, &path)? else {
            return Ok(Outcome::Unusable("both headers are damaged"));
        };
        if opened.rebuilt {
            tracing::error!(file, "index of a sealed segment is damaged; rebuilt from its frames");
        }
        let content = Content::Sealed(opened.frames);
        let (header, name) = (opened.header, file.to_owned());
        Ok(Outcome::Usable(Box::new(Loaded {
            header,
            name,
            path,
            file: handle,
            content,
            cut: None,
        })))
    }

    fn note_lost(&mut self, name: Name, file: String) -> Result<()> {
        let path = self.dir.join(&file);
        let len = self.open(&path)?.len();
        let len = len.map_err(|error| JournalError::io("measure", &path, &error))?;
        self.lost.push(Lost { name, file, len });
        Ok(())
    }

    fn set_aside_all(&mut self, report: &mut Recovery) -> Result<()> {
        for (name, file, why) in std::mem::take(&mut self.asides) {
            let now = names::set_aside(self.fs, self.dir, &file, &self.files)?;
            self.files.push(now.clone());
            self.note_lost(name, now.clone())?;
            report.set_aside.push(SetAside { file, now, why });
        }
        Ok(())
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn File>> {
        self.fs.open(path).map_err(|error| JournalError::io("open", path, &error))
    }

    fn remove(&self, file: &str) -> Result<()> {
        let path = self.dir.join(file);
        self.fs.remove(&path).map_err(|error| JournalError::io("remove", &path, &error))
    }
}

/// Sets aside segments whose records do not come after those of the one before in their lane: they
/// can only be copies or files of another time. Returns how many.
pub(super) fn drop_conflicts(
    fs: &dyn Fs,
    dir: &Path,
    all: &mut All,
    report: &mut Recovery,
) -> Result<usize> {
    let mut last = [0; 2];
    let mut files = fs.list(dir).map_err(|error| JournalError::io("list", dir, &error))?;
    let mut kept = Vec::new();
    let mut dropped = 0;
    for segment in std::mem::take(&mut all.segments) {
        let lane = segment.header.lane as usize;
        if segment.first().is_some_and(|first| first <= last[lane]) {
            let now = names::set_aside(fs, dir, &segment.name, &files)?;
            files.push(now.clone());
            let why = "its records are held by an older segment";
            report.set_aside.push(SetAside { file: segment.name, now, why });
            dropped += 1;
            continue;
        }
        last[lane] = segment.last().unwrap_or(last[lane]);
        kept.push(segment);
    }
    all.segments = kept;
    Ok(dropped)
}
