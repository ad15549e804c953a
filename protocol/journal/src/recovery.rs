//! Opening: what is on the disk, what of it counts, what is missing, where to go on.
//!
//! In order: leftovers go, files are loaded (`load`), voided records are dropped, missing ones are
//! found (`holes`), and the point to continue from is computed. Files are only ever renamed; removed
//! are unacknowledged leftovers, and the raw form of a segment whose sealed form verifies.

mod holes;
mod load;

use crate::{
    Lane, Lsn,
    catalog::{self, Form, Segment, Shared},
    error::{JournalError, Result},
    fs::Fs,
    header::{Abandoned, Header, Point},
    journal::{Mark, Start},
    limits, record,
    scan::Found,
};
use load::{Content, Loaded};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, RwLock},
};

/// What opening found. Everything but `last` and `point` is empty on a good day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The directory held no segment: a first start, or, where this replica was enrolled, an alarm.
    pub fresh: bool,
    /// Last LSN; the next record gets the one after.
    pub last: Lsn,
    /// The same with the running hash.
    pub point: Point,
    /// Records that were durable and are gone or unreadable. Reported at every opening until the
    /// segment is trimmed.
    pub holes: Vec<Hole>,
    /// Unfinished writes that were cut off: never acknowledged. Their bytes stay in the file.
    pub torn: Vec<Torn>,
    /// Files renamed because they could not be used.
    pub set_aside: Vec<SetAside>,
    /// Files that are not ours, left alone.
    pub unknown: Vec<String>,
    /// Segments whose header continues another history than the one before it: files of two
    /// journals, or of one journal at two times, were mixed.
    pub chain_breaks: Vec<String>,
}

/// Missing records of one lane. The other lane's records in the range are not affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The lane.
    pub lane: Lane,
    /// First LSN that may be missing.
    pub from: Lsn,
    /// Last LSN that may be missing.
    pub to: Lsn,
    /// The file they were in, or should be in.
    pub file: String,
    /// Where the damage begins in it; `None` if it is the end that is missing, or the file.
    pub offset: Option<u64>,
    /// True: the records were durable. False: they belong to the last commit before the stop, which
    /// may never have been answered; valid records of the same commit stand behind them and are kept.
    pub certain: bool,
}

/// A tail that was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The lane.
    pub lane: Lane,
    /// The file.
    pub file: String,
    /// Where the unfinished write begins.
    pub offset: u64,
}

/// A file that was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its name before.
    pub file: String,
    /// Its name now.
    pub now: String,
    /// Why.
    pub why: &'static str,
}

pub(crate) fn recover(fs: &dyn Fs, dir: &Path, owner: &[u8; 16]) -> Result<(Start, Recovery)> {
    let mut report = Recovery::default();
    let mut loaded = load::load(fs, dir, owner, &mut report)?;
    void(&mut loaded.segments);
    let conflicts = load::drop_conflicts(fs, dir, &mut loaded, &mut report)?;
    report.fresh = loaded.segments.is_empty() && loaded.lost.is_empty() && conflicts == 0;
    let proven = proven(&loaded.segments);
    if let Some(before) = holes::unfinished(&loaded, proven) {
        loaded.segments.iter_mut().for_each(|segment| drop_behind(segment, before));
        loaded.lost_tail = true;
    }
    let abandoned = holes::find(&loaded, proven, &mut report);
    let last = loaded.segments.iter().filter_map(Loaded::last).max().unwrap_or(0).max(proven);
    let last = holes::account_for_lost(&loaded, last, &mut report);
    let hash = running_hash(&loaded.segments, &mut report);
    report.last = last;
    report.point = Point { lsn: last, hash };
    make_durable(fs, dir, &loaded.segments, proven)?;
    log(&report);
    Ok((start(loaded, &report, abandoned), report))
}

/// Drops records that a later segment voids.
fn void(segments: &mut [Loaded]) {
    let voids: Vec<_> = segments
        .iter()
        .filter(|segment| segment.header.voids)
        .map(|segment| (segment.header.seq, segment.header.continues.lsn))
        .collect();
    for segment in segments {
        let later = voids.iter().filter(|(seq, _)| *seq > segment.header.seq);
        segment.cut = later.map(|(_, lsn)| *lsn).min();
        if let Some(cut) = segment.cut {
            drop_behind(segment, cut);
        }
    }
}

fn drop_behind(segment: &mut Loaded, cut: Lsn) {
    let Content::Raw(scan) = &mut segment.content else { return };
    scan.records.retain(|found| found.lsn <= cut);
    for bad in &mut scan.bad {
        bad.after = bad.after.filter(|lsn| *lsn <= cut);
    }
    // Of several damaged places behind the cut only the first means anything: the end.
    let last = scan.records.last().map_or(0, |found| found.offset);
    let tail = scan.bad.iter().position(|bad| bad.offset > last);
    scan.bad.truncate(tail.map_or(scan.bad.len(), |at| at + 1));
}

/// The highest LSN of which some other bytes say that it was durable.
fn proven(segments: &[Loaded]) -> Lsn {
    let of = |segment: &Loaded| match &segment.content {
        Content::Raw(scan) => {
            let before = |found: &Found| found.lsn - Lsn::from(found.since_sync);
            scan.records.iter().map(before).max().unwrap_or(0)
        }
        Content::Sealed(..) => segment.last().unwrap_or(0),
    };
    segments.iter().map(|segment| of(segment).max(segment.header.continues.lsn)).max().unwrap_or(0)
}

/// The hash at the end, from the newest header on, and a comparison of each header with the one
/// before wherever all records between are at hand.
fn running_hash(segments: &[Loaded], report: &mut Recovery) -> [u8; 32] {
    let mut digests = BTreeMap::new();
    for segment in segments {
        if let Content::Raw(scan) = &segment.content {
            digests.extend(scan.records.iter().map(|found| (found.lsn, found.digest)));
        }
    }
    let fold = |from: Point, to: Lsn| {
        digests
            .range(from.lsn.saturating_add(1)..)
            .take_while(|(lsn, _)| **lsn <= to)
            .fold((from.hash, 0), |(hash, count), (_, digest)| {
                (record::chain(&hash, digest), count + 1)
            })
    };
    for pair in segments.windows(2) {
        let (from, to) = (pair[0].header.continues, pair[1].header.continues);
        if to.lsn < from.lsn {
            continue;
        }
        let (hash, count) = fold(from, to.lsn);
        if count == to.lsn - from.lsn && hash != to.hash {
            report.chain_breaks.push(pair[1].name.clone());
        }
    }
    segments.last().map_or([0; 32], |newest| fold(newest.header.continues, Lsn::MAX).0)
}

/// Whatever may be only in the page cache, after a kill or a failed sync, is written again and
/// synced: only then is it as good as acknowledged.
fn make_durable(fs: &dyn Fs, dir: &Path, segments: &[Loaded], proven: Lsn) -> Result<()> {
    for segment in segments {
        let Content::Raw(scan) = &segment.content else { continue };
        let mut doubtful = scan.records.iter().filter(|found| found.lsn > proven);
        let Some(from) = doubtful.next() else { continue };
        let to = doubtful.next_back().unwrap_or(from);
        let path = dir.join(&segment.name);
        let len = (to.offset + to.size - from.offset) as usize;
        let bytes = crate::fs::read_range(&*segment.file, &path, from.offset, len)?;
        segment
            .file
            .write_at(from.offset, &bytes)
            .and_then(|()| segment.file.sync_data())
            .map_err(|error| JournalError::io("write again the tail of", &path, &error))?;
    }
    fs.sync_dir(dir).map_err(|error| JournalError::io("sync directory", dir, &error))
}

fn start(loaded: load::All, report: &Recovery, abandoned: Vec<Abandoned>) -> Start {
    let newest = Lane::ALL.map(|lane| {
        let of_lane = |segment: &&Loaded| segment.header.lane == lane;
        loaded.segments.iter().rfind(of_lane).map(|segment| segment.header.seq)
    });
    let lane_last = Lane::ALL.map(|lane| {
        let held = loaded.segments.iter().filter(|segment| segment.header.lane == lane);
        let ends = held.filter_map(Loaded::last_or_before).max().unwrap_or(0);
        // Numbers that a lost file may have given out stay on record as missing.
        let lost = report.holes.iter().filter(|hole| hole.lane == lane && hole.certain);
        lost.map(|hole| hole.to).max().unwrap_or(0).max(ends)
    });
    let shared = Arc::new(Shared::default());
    shared.set_durable(report.last);
    let voided_below = loaded.segments.iter().rfind(|segment| segment.header.voids);
    let voided_below = voided_below.map_or(0, |segment| segment.header.seq);
    let mut active = [None, None];
    let mut void_next = loaded.lost_tail || !abandoned.is_empty();
    let next_seq = loaded.next_seq;
    for segment in loaded.segments {
        let lane = segment.header.lane as usize;
        let is_newest = newest[lane] == Some(segment.header.seq);
        // A lane goes on in its newest segment unless that is sealed, torn, damaged or voided.
        let open_end = segment.header.seq >= voided_below;
        let torn = matches!(&segment.content, Content::Raw(scan) if !scan.clean());
        void_next |= is_newest && open_end && torn;
        let end = segment.clean_end().filter(|_| is_newest && open_end);
        let damaged = report.holes.iter().any(|hole| hole.file == segment.name);
        let segment = Arc::new(index(segment, damaged));
        shared.push(segment.clone());
        active[lane] = end.map(|end| (segment, end));
    }
    if void_next {
        active = [None, None];
    }
    let mark = Mark { point: report.point, lane_last };
    Start { shared, mark, next_seq, active, void_next, abandoned }
}

/// The in-memory index of a loaded segment.
fn index(segment: Loaded, damaged: bool) -> Segment {
    let Loaded { header, path, file, content, .. } = segment;
    let form = match content {
        Content::Raw(scan) => {
            let mut blocks = Vec::new();
            for found in &scan.records {
                catalog::add(&mut blocks, found.lsn, found.offset, found.size);
            }
            Form::Raw(RwLock::new(blocks))
        }
        Content::Sealed(frames) => Form::Sealed(frames),
    };
    Segment { header, path, file, form, damaged }
}

fn log(report: &Recovery) {
    for hole in &report.holes {
        tracing::error!(?hole, "journal records are missing; heal them from another copy");
    }
    for aside in &report.set_aside {
        tracing::error!(?aside, "a journal file could not be used and was set aside");
    }
    for name in &report.chain_breaks {
        tracing::error!(segment = %name, "this segment continues another history");
    }
    for torn in &report.torn {
        tracing::warn!(?torn, "an unfinished write was cut off");
    }
}

/// An LSN bound for a file that cannot be read: no more records than heads fit in it.
fn most_records(len: u64) -> u64 {
    len.min(limits::MAX_SEGMENT) / record::HEAD as u64
}

impl Header {
    fn lane_last(&self, lane: Lane) -> Lsn {
        self.lane_last[lane as usize]
    }
}
