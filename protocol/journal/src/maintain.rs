//! Work beside the hot path: preparing the next file, sealing full segments, dropping empty ones.
//!
//! [`Journal::next_task`] hands out one piece, [`Task::run`] does it on any thread without the
//! journal, [`Journal::finish_task`] takes the outcome. A simulator calls [`Journal::maintain`].

use crate::{
    Journal, Lane,
    catalog::{Form, Segment, Shared},
    error::{JournalError, Result},
    fs::{File, Fs},
    journal::{Blank, make_blank},
    names,
    purge::Replace,
    record::Record,
    sealed,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// One piece of background work.
pub struct Task {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    temporary: PathBuf,
    shared: Arc<Shared>,
    work: Work,
}

enum Work {
    Prepare { len: u64 },
    Seal(Arc<Segment>, Replace),
    Rewrite(Arc<Segment>, Replace),
    Discard(Arc<Segment>),
}

/// The outcome of a [`Task`].
pub struct Finished(Outcome);

enum Outcome {
    Prepared { path: PathBuf, len: u64, file: Result<Arc<dyn File>> },
    Sealed { seq: u64, done: Result<()> },
    Rewritten { done: Result<()> },
    Discarded { seq: u64, done: Result<()> },
}

impl Journal {
    /// The next piece of background work, if any. At most one should be underway at a time.
    pub fn next_task(&mut self) -> Option<Task> {
        let work = if matches!(self.blank, Blank::Missing) {
            self.blank = Blank::Underway;
            Work::Prepare { len: self.segment_size() }
        } else if let Some((segment, replace)) = self.next_rewrite() {
            Work::Rewrite(segment, replace)
        } else {
            self.closed_segment()?
        };
        let temporary = self.next_temporary(match work {
            Work::Prepare { .. } => "blank",
            Work::Seal(..) | Work::Rewrite(..) | Work::Discard(_) => "seal",
        });
        let (fs, dir, shared) = (self.fs.clone(), self.dir.clone(), self.shared.clone());
        Some(Task { fs, dir, temporary, shared, work })
    }

    /// Takes the outcome of a task.
    ///
    /// # Errors
    /// What made the task fail. The journal is as before and stays usable; the task is not tried
    /// again before the next segment, or the next opening.
    pub fn finish_task(&mut self, finished: Finished) -> Result<()> {
        match finished.0 {
            Outcome::Prepared { path, len, file: Ok(file) } => {
                self.blank = Blank::Ready { path, file, len };
                Ok(())
            }
            Outcome::Prepared { file: Err(error), .. } => {
                self.blank = Blank::Failed;
                Err(error)
            }
            Outcome::Sealed { done: Ok(()), .. } => {
                self.counters.sealed += 1;
                Ok(())
            }
            Outcome::Rewritten { done } => self.rewritten(done),
            Outcome::Discarded { done: Ok(()), .. } => Ok(()),
            Outcome::Sealed { seq, done: Err(error) }
            | Outcome::Discarded { seq, done: Err(error) } => {
                self.spoiled.insert(seq);
                Err(error)
            }
        }
    }

    /// Does all background work here and now, and returns how many pieces it was.
    ///
    /// # Errors
    /// The first failure; see [`Self::finish_task`].
    pub fn maintain(&mut self) -> Result<usize> {
        let mut count = 0;
        while let Some(task) = self.next_task() {
            self.finish_task(task.run())?;
            count += 1;
        }
        Ok(count)
    }

    /// A closed raw segment to seal, or to drop if it never held anything.
    fn closed_segment(&self) -> Option<Work> {
        if !self.settled() {
            return None;
        }
        let held = Lane::ALL.into_iter().flat_map(|lane| self.shared.segments(lane));
        let mut held: Vec<_> = held.collect();
        held.sort_by_key(|segment| segment.header.seq);
        // The newest header is where the running hash starts at the next opening.
        held.pop();
        held.into_iter().find_map(|segment| {
            let raw = matches!(segment.form, Form::Raw(_));
            let skip = segment.damaged || self.spoiled.contains(&segment.header.seq);
            if !raw || skip || self.is_active(&segment) {
                return None;
            }
            match segment.range() {
                Some(_) => Some(Work::Seal(segment, Arc::new(|_| None))),
                None => self.removable(&segment).then_some(Work::Discard(segment)),
            }
        })
    }
}

impl Task {
    /// Does the work.
    pub fn run(self) -> Finished {
        let Self { fs, dir, temporary, shared, work } = self;
        Finished(match work {
            Work::Prepare { len } => {
                let file = make_blank(&*fs, &temporary, len);
                Outcome::Prepared { path: temporary, len, file }
            }
            Work::Seal(segment, keep_all) => {
                let done = seal(&*fs, &dir, &temporary, &shared, &segment, &keep_all);
                Outcome::Sealed { seq: segment.header.seq, done }
            }
            Work::Rewrite(segment, replace) => {
                let changes = |item| matches!(item, Ok(record) if replace(&record).is_some());
                let touched = segment.records().any(changes);
                let done = match touched {
                    true => seal(&*fs, &dir, &temporary, &shared, &segment, &replace),
                    false => Ok(()),
                };
                Outcome::Rewritten { done }
            }
            Work::Discard(segment) => {
                let (lane, seq) = (segment.header.lane, segment.header.seq);
                shared.remove(lane, seq);
                Outcome::Discarded { seq, done: remove(&*fs, &segment.path) }
            }
        })
    }
}

/// Write, sync, read back, rename, sync the directory, and only then remove the raw form.
fn seal(
    fs: &dyn Fs,
    dir: &Path,
    temporary: &Path,
    shared: &Shared,
    old: &Segment,
    replace: &Replace,
) -> Result<()> {
    let file =
        fs.create(temporary).map_err(|error| JournalError::io("create", temporary, &error))?;
    let frames = match write_verified(&*file, temporary, old, replace) {
        Ok(frames) => frames,
        Err(error) => {
            // A leftover is removed at the next opening too.
            let _ = fs.remove(temporary);
            return Err(error);
        }
    };
    let header = old.header.clone();
    let path = dir.join(names::sealed(header.lane, header.seq, header.first));
    fs.rename(temporary, &path).map_err(|error| JournalError::io("rename", temporary, &error))?;
    fs.sync_dir(dir).map_err(|error| JournalError::io("sync directory", dir, &error))?;
    let form = Form::Sealed(frames);
    let sealed = Arc::new(Segment { header, path: path.clone(), file, form, damaged: false });
    if !shared.replace(sealed) {
        // Trimmed meanwhile.
        return remove(fs, &path);
    }
    match old.form {
        Form::Raw(_) => remove(fs, &old.path),
        // The rename has taken its place.
        Form::Sealed(_) => Ok(()),
    }
}

fn write_verified(
    file: &dyn File,
    path: &Path,
    old: &Segment,
    replace: &Replace,
) -> Result<Vec<sealed::Frame>> {
    let records = || old.records().map(|item| item.map(|record| replaced(record, replace)));
    sealed::write(file, path, &old.header, records())?;
    let bad = |what| JournalError::Unverified { path: path.display().to_string(), what };
    let opened = sealed::verify(file, path, old.header.lane)?
        .ok_or_else(|| bad("the sealed form does not read back"))?;
    let mut originals = records();
    for frame in &opened.frames {
        let records = sealed::read_frame(file, path, frame, old.header.lane)?
            .ok_or_else(|| bad("a sealed frame does not read back"))?;
        for record in records {
            if originals.next().transpose()? != Some(record) {
                return Err(bad("the sealed form differs from the raw one"));
            }
        }
    }
    match originals.next() {
        None => Ok(opened.frames),
        Some(_) => Err(bad("the sealed form is shorter than the raw one")),
    }
}

fn replaced(record: Record, replace: &Replace) -> Record {
    match replace(&record) {
        Some((kind, payload)) => Record { kind, payload, ..record },
        None => record,
    }
}

fn remove(fs: &dyn Fs, path: &Path) -> Result<()> {
    fs.remove(path).map_err(|error| JournalError::io("remove", path, &error))
}
