//! The writer: append, commit, start segments, and go on after a failure.

use crate::{
    JournalView, Lane, Lsn,
    catalog::{Form, Segment, Shared},
    error::{JournalError, Result},
    fs::{File, Fs},
    header::{Abandoned, BLOCK_LEN, Header, Point},
    limits, names,
    options::{Counters, Options},
    purge::Purge,
    record,
    recovery::{self, Recovery},
};
use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

/// The journal, open for appending. One owner, no locks; see [`crate::GroupCommit`] for many callers.
pub struct Journal {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) dir: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Counters,
    pub(crate) blank: Blank,
    pub(crate) spoiled: BTreeSet<u64>,
    pub(crate) temporaries: u64,
    pub(crate) purges: VecDeque<Purge>,
    options: Options,
    lanes: [LaneState; 2],
    saved: Mark,
    last: Mark,
    next_seq: u64,
    void_next: bool,
    abandoned: Vec<Abandoned>,
    state: State,
    _lock: Box<dyn Send>,
}

/// The file prepared for the next segment.
pub(crate) enum Blank {
    Missing,
    Underway,
    Ready {
        path: PathBuf,
        file: Arc<dyn File>,
        len: u64,
    },
    /// Could not be made; tried again once a segment was begun.
    Failed,
}

enum State {
    Ready,
    /// By what, and whether that was a full disk.
    Poisoned(String, bool),
}

/// A place in the journal, and the last LSN of each lane there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    pub(crate) point: Point,
    pub(crate) lane_last: [Lsn; 2],
}

/// What opening found out, for the writer to go on from.
pub(crate) struct Start {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mark: Mark,
    pub(crate) next_seq: u64,
    /// Segments to append to, with the end of what they hold.
    pub(crate) active: [Option<(Arc<Segment>, u64)>; 2],
    /// A tail was cut: the next segment voids what lies behind it.
    pub(crate) void_next: bool,
    pub(crate) abandoned: Vec<Abandoned>,
}

#[derive(Default)]
struct LaneState {
    active: Option<Active>,
    pending: Vec<u8>,
    waiting: Vec<Waiting>,
}

struct Active {
    segment: Arc<Segment>,
    end: u64,
    len: u64,
}

/// A record not yet written: its place is relative to the end of the segment.
struct Waiting {
    lsn: Lsn,
    at: u64,
    size: u64,
}

impl Journal {
    /// Opens the journal in `dir`, or begins one, and says what it found.
    ///
    /// Records that may be only in the page cache are written again and synced first, so that
    /// everything readable afterwards is durable.
    ///
    /// # Errors
    /// When the directory is in use, belongs to another owner, holds a newer format, or the disk
    /// fails. Damage is no error: see [`Recovery`].
    pub fn open(fs: Arc<dyn Fs>, dir: &Path, mut options: Options) -> Result<(Self, Recovery)> {
        options.segment_size = options.segment_size.clamp(limits::MIN_SEGMENT, limits::MAX_SEGMENT);
        fs.create_dir(dir).map_err(|error| JournalError::io("create", dir, &error))?;
        let lock = fs.lock(dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => {
                JournalError::Locked { path: dir.display().to_string() }
            }
            _ => JournalError::io("lock", dir, &error),
        })?;
        let (start, recovery) = recovery::recover(&*fs, dir, &options.owner)?;
        let mut lanes: [LaneState; 2] = Default::default();
        for (lane, active) in lanes.iter_mut().zip(start.active) {
            let Some((segment, end)) = active else { continue };
            let len = segment.file.len();
            let len = len.map_err(|error| JournalError::io("measure", &segment.path, &error))?;
            lane.active = Some(Active { segment, end, len });
        }
        let journal = Self {
            fs,
            dir: dir.to_owned(),
            shared: start.shared,
            counters: Counters::default(),
            blank: Blank::Missing,
            spoiled: BTreeSet::new(),
            temporaries: 0,
            purges: VecDeque::new(),
            options,
            lanes,
            saved: start.mark,
            last: start.mark,
            next_seq: start.next_seq,
            void_next: start.void_next,
            abandoned: start.abandoned,
            state: State::Ready,
            _lock: lock,
        };
        Ok((journal, recovery))
    }

    /// Puts a record behind the others and returns its LSN. It counts as saved only when a later
    /// [`Self::commit`] has returned.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] changes nothing; any other failure poisons the journal.
    pub fn append(&mut self, lane: Lane, kind: u8, payload: &[u8]) -> Result<Lsn> {
        self.ready()?;
        if payload.len() > limits::MAX_RECORD {
            let (what, len, limit) = ("record", payload.len(), limits::MAX_RECORD);
            return Err(JournalError::TooLarge { what, len, limit });
        }
        if self.last.point.lsn >= limits::MAX_NUMBER || self.next_seq >= limits::MAX_NUMBER {
            return Err(JournalError::Exhausted { last: self.last.point.lsn });
        }
        let size = record::size_of(payload.len()) as u64;
        if !self.fits(lane, size) {
            self.roll(lane, size)?;
        }
        let lsn = self.last.point.lsn + 1;
        // At most what one commit gathers, so far below 2^32.
        let since_sync = u32::try_from(lsn - self.saved.point.lsn).unwrap_or(u32::MAX);
        let state = &mut self.lanes[lane as usize];
        let Some(active) = &state.active else {
            return Err(self.poison(JournalError::Stopped));
        };
        let at = state.pending.len() as u64;
        let nonce = &active.segment.header.nonce;
        record::encode(&mut state.pending, nonce, lsn, since_sync, kind, payload);
        state.waiting.push(Waiting { lsn, at, size });
        let digest = record::digest(lsn, lane, kind, payload);
        self.last.point = Point { lsn, hash: record::chain(&self.last.point.hash, &digest) };
        self.last.lane_last[lane as usize] = lsn;
        self.counters.appends += 1;
        self.counters.payload_bytes += payload.len() as u64;
        Ok(lsn)
    }

    /// Writes and syncs everything appended so far; one sync for each lane that has something.
    ///
    /// # Errors
    /// The journal is poisoned, and nothing since the last good commit counts as saved.
    pub fn commit(&mut self) -> Result<()> {
        self.ready()?;
        if self.lanes.iter().all(|lane| lane.waiting.is_empty()) {
            return Ok(());
        }
        match self.write_and_sync() {
            Ok(()) => {
                self.settle();
                Ok(())
            }
            Err(error) => Err(self.poison(error)),
        }
    }

    /// Goes on after a failure: what was appended since the last good commit is given up, and a new
    /// segment voids whatever of it may have reached the disk. Its numbers are used again. Callers
    /// first drop everything they derived from it. Does nothing on a healthy journal.
    ///
    /// # Errors
    /// When the new segment cannot be made; the journal stays poisoned, try again.
    pub fn recover_after_failure(&mut self) -> Result<()> {
        if matches!(self.state, State::Ready) {
            return Ok(());
        }
        // The segment goes where the failing work was; either lane would do.
        let lane = Lane::ALL[usize::from(self.last.lane_last[0] == self.saved.lane_last[0])];
        for state in &mut self.lanes {
            *state = LaneState::default();
        }
        self.last = self.saved;
        self.void_next = true;
        self.begin_segment(lane, 0)?;
        self.state = State::Ready;
        Ok(())
    }

    /// A reader of everything durable.
    pub fn view(&self) -> JournalView {
        JournalView::new(self.shared.clone())
    }

    /// Last durable LSN and the running hash there.
    pub fn point(&self) -> Point {
        self.saved.point
    }

    /// Whether [`Self::recover_after_failure`] is due.
    pub fn is_poisoned(&self) -> bool {
        matches!(self.state, State::Poisoned(..))
    }

    /// What has been done since opening.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Removes closed segments of a lane that hold nothing at or above `below`, and returns how many.
    /// The caller answers for what design section 5 asks: acknowledged by the root hub, in a verified
    /// backup, 30 days old, and under a verified base.
    ///
    /// # Errors
    /// When a file cannot be removed; what was removed stays removed.
    pub fn trim(&mut self, lane: Lane, below: Lsn) -> Result<usize> {
        let held = self.shared.segments(lane);
        let mut removed = 0;
        // The last one stays, full or not: it says where the lane ended.
        for segment in held.iter().take(held.len().saturating_sub(1)) {
            let old = segment.range().is_none_or(|(_, last)| last < below);
            if !old || !self.removable(segment) {
                break;
            }
            self.fs
                .remove(&segment.path)
                .map_err(|error| JournalError::io("remove", &segment.path, &error))?;
            self.shared.remove(lane, segment.header.seq);
            removed += 1;
        }
        if removed > 0 {
            self.sync_dir()?;
        }
        Ok(removed)
    }

    /// A segment that voids others goes only when no raw one it may void is left: otherwise voided
    /// records would come back.
    pub(crate) fn removable(&self, segment: &Segment) -> bool {
        if self.is_active(segment) {
            return false;
        }
        let may_be_voided = |other: &Arc<Segment>| {
            matches!(other.form, Form::Raw(_)) && other.header.seq < segment.header.seq
        };
        let mut held = Lane::ALL.into_iter().flat_map(|lane| self.shared.segments(lane));
        !segment.header.voids || !held.any(|other| may_be_voided(&other))
    }

    pub(crate) fn is_active(&self, segment: &Segment) -> bool {
        let active = self.lanes[segment.header.lane as usize].active.as_ref();
        active.is_some_and(|active| active.segment.header.seq == segment.header.seq)
    }

    /// Whether closed segments may be sealed: not while the end of the journal is in doubt.
    pub(crate) fn settled(&self) -> bool {
        !self.void_next && matches!(self.state, State::Ready)
    }

    /// Bytes of the next segment: small while the journal is young.
    pub(crate) fn segment_size(&self) -> u64 {
        let doublings = (self.next_seq / limits::SEGMENTS_A_SIZE).min(16);
        self.options.segment_size.min(limits::FIRST_SEGMENT << doublings)
    }

    pub(crate) fn sync_dir(&self) -> Result<()> {
        self.fs
            .sync_dir(&self.dir)
            .map_err(|error| JournalError::io("sync directory", &self.dir, &error))
    }

    fn ready(&self) -> Result<()> {
        match &self.state {
            State::Ready => Ok(()),
            State::Poisoned(cause, full) => {
                Err(JournalError::Poisoned { cause: cause.clone(), full: *full })
            }
        }
    }

    fn poison(&mut self, error: JournalError) -> JournalError {
        tracing::error!(%error, "the journal failed; nothing since the last commit is saved");
        self.counters.failures += 1;
        self.state = State::Poisoned(error.to_string(), error.is_disk_full());
        error
    }

    fn fits(&self, lane: Lane, size: u64) -> bool {
        let state = &self.lanes[lane as usize];
        let room = |active: &Active| active.end + state.pending.len() as u64 + size <= active.len;
        state.active.as_ref().is_some_and(room)
    }

    fn write_and_sync(&mut self) -> Result<()> {
        let busy = || |lane: &&LaneState| !lane.waiting.is_empty();
        for lane in self.lanes.iter().filter(busy()) {
            let Some(active) = &lane.active else { continue };
            let written = active.segment.file.write_at(active.end, &lane.pending);
            written.map_err(|error| JournalError::io("write", &active.segment.path, &error))?;
            self.counters.written_bytes += lane.pending.len() as u64;
        }
        for lane in self.lanes.iter().filter(busy()) {
            let Some(active) = &lane.active else { continue };
            let start = self.fs.micros();
            let file = &active.segment.file;
            let synced = if self.options.syncs() { file.sync_data() } else { Ok(()) };
            let micros = self.fs.micros().saturating_sub(start);
            synced.map_err(|error| JournalError::io("sync", &active.segment.path, &error))?;
            self.counters.syncs += 1;
            self.counters.sync_micros += micros;
            self.counters.sync_micros_max = self.counters.sync_micros_max.max(micros);
        }
        self.counters.commits += 1;
        Ok(())
    }

    /// Everything appended is durable: let readers see it.
    fn settle(&mut self) {
        for lane in &mut self.lanes {
            let Some(active) = &mut lane.active else { continue };
            let end = active.end;
            let settled = lane.waiting.drain(..);
            active.segment.extend(settled.map(|wait| (wait.lsn, end + wait.at, wait.size)));
            active.end += lane.pending.len() as u64;
            lane.pending.clear();
        }
        self.saved = self.last;
        self.shared.set_durable(self.saved.point.lsn);
    }

    /// Begins a new segment. What was appended before is committed first, so that a header always
    /// continues a durable point and a gap before it can only be damage.
    fn roll(&mut self, lane: Lane, size: u64) -> Result<()> {
        self.commit()?;
        match self.begin_segment(lane, size) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.poison(error)),
        }
    }

    fn begin_segment(&mut self, lane: Lane, size: u64) -> Result<()> {
        let (blank, file, len) = self.take_blank(BLOCK_LEN as u64 + size)?;
        // A number is never used twice, even if this attempt fails half-way. Where there is no space
        // it does not begin: sizes grow with the numbers, and tries may go on for days.
        let seq = self.next_seq;
        self.next_seq += 1;
        let first = self.saved.point.lsn + 1;
        let header = Header {
            lane,
            voids: self.void_next,
            nonce: (self.options.nonce)(),
            seq,
            first,
            continues: self.saved.point,
            lane_last: self.saved.lane_last,
            owner: self.options.owner,
            dictionary: [0; 32],
            writer: self.options.writer.clone(),
            abandoned: self.abandoned.clone(),
        };
        let written = file.write_at(0, &header.encode_block()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // A leftover is removed at the next opening too.
            let _ = self.fs.remove(&blank);
            return Err(JournalError::io("write header of", &blank, &error));
        }
        let path = self.dir.join(names::raw(lane, seq, first));
        self.fs
            .rename(&blank, &path)
            .map_err(|error| JournalError::io("rename", &blank, &error))?;
        self.sync_dir()?;
        if self.void_next {
            // Both lanes go on in new segments: the void counts for all older ones.
            for state in &mut self.lanes {
                state.active = None;
            }
        }
        let form = Form::Raw(RwLock::default());
        let segment = Arc::new(Segment { header, path, file, form, damaged: false });
        self.shared.push(segment.clone());
        let state = &mut self.lanes[lane as usize];
        state.active = Some(Active { segment, end: BLOCK_LEN as u64, len });
        self.void_next = false;
        self.abandoned.clear();
        self.counters.segments += 1;
        Ok(())
    }

    /// The prepared file, or a new one made here and now.
    fn take_blank(&mut self, need: u64) -> Result<(PathBuf, Arc<dyn File>, u64)> {
        match std::mem::replace(&mut self.blank, Blank::Missing) {
            Blank::Ready { path, file, len } if len >= need => return Ok((path, file, len)),
            Blank::Failed => {}
            other => self.blank = other,
        }
        self.counters.segments_unprepared += 1;
        let len = self.segment_size().max(need);
        let path = self.next_temporary("blank");
        let file = make_blank(&*self.fs, &path, len)?;
        Ok((path, file, len))
    }

    /// Closes the active segment of a lane by beginning a new one, unless it holds nothing.
    pub(crate) fn close_for_purge(&mut self, lane: Lane) -> Result<()> {
        self.commit()?;
        let active = self.lanes[lane as usize].active.as_ref();
        let holds = active.is_some_and(|active| active.segment.range().is_some());
        let newest = self.shared.segments(lane).last().is_some_and(|last| last.range().is_some());
        if holds || (newest && active.is_none()) { self.roll(lane, 0) } else { Ok(()) }
    }

    pub(crate) fn next_temporary(&mut self, purpose: &str) -> PathBuf {
        self.temporaries += 1;
        self.dir.join(names::temporary(purpose, self.temporaries))
    }
}

/// Makes a zero-filled, synced file; nothing is left behind if that fails.
pub(crate) fn make_blank(fs: &dyn Fs, path: &Path, len: u64) -> Result<Arc<dyn File>> {
    let file = fs.create(path).map_err(|error| JournalError::io("create", path, &error))?;
    let filled = file.allocate(len).and_then(|()| file.sync_data());
    if let Err(error) = filled {
        // Space matters most when the disk is full; a leftover is removed at the next opening too.
        let _ = fs.remove(path);
        return Err(JournalError::io("allocate", path, &error));
    }
    Ok(file)
}
