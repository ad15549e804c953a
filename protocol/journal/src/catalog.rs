//! The in-memory index that the writer and all readers share: which segment, which part of it.

use crate::{
    Lane, Lsn,
    error::{JournalError, Result},
    fs::{File, read_range},
    header::Header,
    limits,
    record::{self, Record, Slot},
    scan,
    sealed::{self, Frame},
};
use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// A run of valid records of a raw segment, without damage inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: Lsn,
    pub(crate) last: Lsn,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

pub(crate) enum Form {
    /// As appended; grows while active.
    Raw(RwLock<Vec<Block>>),
    /// Compressed, final.
    Sealed(Vec<Frame>),
}

pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn File>,
    pub(crate) form: Form,
    /// Damaged places keep the raw file as evidence.
    pub(crate) damaged: bool,
}

/// Records of one part, and the damage met in it, in order.
pub(crate) type Part = Vec<Result<Record>>;

#[derive(Clone, Copy)]
enum Place {
    Block(Block),
    Frame(Frame),
}

impl Segment {
    /// First and last LSN held, if any.
    pub(crate) fn range(&self) -> Option<(Lsn, Lsn)> {
        match &self.form {
            Form::Raw(blocks) => {
                let blocks = read(blocks);
                Some((blocks.first()?.first, blocks.last()?.last))
            }
            Form::Sealed(frames) => Some((frames.first()?.head.first, frames.last()?.head.last)),
        }
    }

    /// Adds records that have become durable.
    pub(crate) fn extend(&self, records: impl Iterator<Item = (Lsn, u64, u64)>) {
        let Form::Raw(blocks) = &self.form else { return };
        let mut blocks = write(blocks);
        for (lsn, offset, size) in records {
            add(&mut blocks, lsn, offset, size);
        }
    }

    /// The part that holds the first record at or after `from`.
    fn place(&self, from: Lsn) -> Option<Place> {
        match &self.form {
            Form::Raw(blocks) => {
                let blocks = read(blocks);
                let at = blocks.partition_point(|block| block.last < from);
                blocks.get(at).copied().map(Place::Block)
            }
            Form::Sealed(frames) => {
                let at = frames.partition_point(|frame| frame.head.last < from);
                frames.get(at).copied().map(Place::Frame)
            }
        }
    }

    /// Records of one part at or after `from`, with the last LSN that the part covers.
    pub(crate) fn part(&self, from: Lsn) -> Result<Option<(Part, Lsn)>> {
        let (mut part, last) = match self.place(from) {
            None => return Ok(None),
            Some(Place::Block(block)) => (self.read_block(&block)?, block.last),
            Some(Place::Frame(frame)) => (self.read_frame(&frame)?, frame.head.last),
        };
        part.retain(|item| match item {
            Ok(record) => record.lsn >= from,
            Err(JournalError::Damaged { to, .. }) => *to >= from,
            Err(_) => true,
        });
        Ok(Some((part, last)))
    }

    fn read_block(&self, block: &Block) -> Result<Part> {
        let bytes = read_range(&*self.file, &self.path, block.offset, block.len as usize)?;
        let mut part = Vec::new();
        let mut last = block.first.saturating_sub(1);
        let mut budget = limits::SCAN_BUDGET * block.len;
        let mut at = 0;
        while at < bytes.len() {
            if let Slot::Record(raw) = record::decode(&bytes[at..], &self.header.nonce)
                && raw.lsn > last
            {
                last = raw.lsn;
                at += raw.size;
                part.push(Ok(self.owned(&raw)));
                continue;
            }
            let next = scan::next_valid(&bytes, at, &self.header.nonce, last, &mut budget);
            let to = next.map_or(block.last, |(_, lsn)| lsn - 1);
            part.push(Err(self.damage(last + 1, to, block.offset + at as u64)));
            match next {
                Some((offset, _)) => at = offset,
                None => return Ok(part),
            }
        }
        if last < block.last {
            part.push(Err(self.damage(last + 1, block.last, block.offset + at as u64)));
        }
        Ok(part)
    }

    fn owned(&self, raw: &record::Raw<'_>) -> Record {
        let payload = raw.payload.to_vec();
        Record { lsn: raw.lsn, lane: self.header.lane, kind: raw.kind, payload }
    }

    fn read_frame(&self, frame: &Frame) -> Result<Part> {
        let records = sealed::read_frame(&*self.file, &self.path, frame, self.header.lane)?;
        Ok(match records {
            Some(records) => records.into_iter().map(Ok).collect(),
            None => vec![Err(self.damage(frame.head.first, frame.head.last, frame.offset))],
        })
    }

    fn damage(&self, from: Lsn, to: Lsn, offset: u64) -> JournalError {
        let path = self.path.display().to_string();
        JournalError::Damaged { lane: self.header.lane, from, to, path, offset }
    }

    /// All records in order, part by part.
    pub(crate) fn records(&self) -> impl Iterator<Item = Result<Record>> + '_ {
        let mut next = Some(1);
        let mut waiting = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(item) = waiting.next() {
                    return Some(item);
                }
                match self.part(next?) {
                    Ok(Some((part, last))) => {
                        next = last.checked_add(1);
                        waiting = part.into_iter();
                    }
                    Ok(None) => return None,
                    Err(error) => {
                        next = None;
                        return Some(Err(error));
                    }
                }
            }
        })
    }
}

/// Appends one record to an index, opening a new block where the last one is full or does not touch.
pub(crate) fn add(blocks: &mut Vec<Block>, lsn: Lsn, offset: u64, size: u64) {
    match blocks.last_mut() {
        Some(block)
            if block.offset + block.len == offset && block.len + size <= limits::BLOCK as u64 =>
        {
            block.last = lsn;
            block.len += size;
        }
        _ => blocks.push(Block { first: lsn, last: lsn, offset, len: size }),
    }
}

/// What the journal and its readers share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Segments of each lane, in order of their numbers and so of their LSNs.
    lanes: RwLock<[Vec<Arc<Segment>>; 2]>,
    durable: AtomicU64,
}

impl Shared {
    pub(crate) fn durable(&self) -> Lsn {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn set_durable(&self, lsn: Lsn) {
        self.durable.store(lsn, Ordering::Release);
    }

    pub(crate) fn push(&self, segment: Arc<Segment>) {
        write(&self.lanes)[segment.header.lane as usize].push(segment);
    }

    pub(crate) fn segments(&self, lane: Lane) -> Vec<Arc<Segment>> {
        read(&self.lanes)[lane as usize].clone()
    }

    /// Puts the sealed form in the place of the raw one; false if it is no longer there.
    pub(crate) fn replace(&self, segment: Arc<Segment>) -> bool {
        let mut lanes = write(&self.lanes);
        let slot = lanes[segment.header.lane as usize]
            .iter_mut()
            .find(|held| held.header.seq == segment.header.seq);
        slot.map(|slot| *slot = segment).is_some()
    }

    pub(crate) fn remove(&self, lane: Lane, seq: u64) {
        write(&self.lanes)[lane as usize].retain(|held| held.header.seq != seq);
    }

    /// Records of one lane from `from` up to the durable end: one part, and the last LSN it covers.
    pub(crate) fn part(&self, lane: Lane, from: Lsn) -> Result<Option<(Part, Lsn)>> {
        let durable = self.durable();
        if from > durable {
            return Ok(None);
        }
        let segment = {
            let lanes = read(&self.lanes);
            let held = &lanes[lane as usize];
            // An active segment without records counts as "behind": it is last in its lane.
            let behind = |segment: &Arc<Segment>| {
                segment.range().map_or(segment.header.first <= from, |(_, last)| last < from)
            };
            let at = held.partition_point(behind);
            held[at..].iter().find(|segment| segment.range().is_some()).cloned()
        };
        let Some(segment) = segment else { return Ok(None) };
        let Some((mut part, last)) = segment.part(from)? else { return Ok(None) };
        part.retain(|item| !matches!(item, Ok(record) if record.lsn > durable));
        Ok(Some((part, last.min(durable))))
    }
}

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
