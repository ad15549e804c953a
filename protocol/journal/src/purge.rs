//! Purging: closed segments of a lane are rewritten so that chosen payloads are gone from the files.
//!
//! A purged record keeps its LSN, so nothing is renumbered and no gap looks like damage; what stands
//! in its place is the caller's (a kind and, say, the hash that its proof needs).

use crate::{
    Journal, Lane,
    catalog::Segment,
    error::{JournalError, Result},
    record::Record,
};
use std::{collections::VecDeque, sync::Arc};

/// Says what replaces a record: `None` keeps it. Called on the background thread, more than once for
/// the same record, and must answer the same each time.
pub type Replace = Arc<dyn Fn(&Record) -> Option<(u8, Vec<u8>)> + Send + Sync>;

/// A purge underway.
pub(crate) struct Purge {
    replace: Replace,
    left: VecDeque<Arc<Segment>>,
    failed: Option<JournalError>,
    done: Box<dyn FnOnce(Result<()>) + Send>,
}

impl Journal {
    /// Begins to rewrite all segments of a lane that hold a record at this moment, the active one
    /// included, which is closed for it. The work is done by the tasks of [`Self::next_task`]; `done`
    /// is called when no file of the journal holds a replaced payload any more, or with the first
    /// failure. Forgotten in a crash: the caller journals its purge and begins it again.
    ///
    /// A segment with a hole is rewritten too, and its hole is no longer reported. Files set aside
    /// (`.bad`) are not touched.
    ///
    /// # Errors
    /// When what was appended cannot be committed; `done` is not called then.
    pub fn purge(
        &mut self,
        lane: Lane,
        replace: Replace,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<()> {
        self.close_for_purge(lane)?;
        let held = self.shared.segments(lane).into_iter();
        let left = held.filter(|segment| segment.range().is_some()).collect();
        self.purges.push_back(Purge { replace, left, failed: None, done: Box::new(done) });
        self.answer_purges();
        Ok(())
    }

    /// The next segment to rewrite, in the form it has now.
    pub(crate) fn next_rewrite(&self) -> Option<(Arc<Segment>, Replace)> {
        let purge = self.purges.front()?;
        let seq = purge.left.front()?.header.seq;
        let lane = purge.left.front()?.header.lane;
        let now = self.shared.segments(lane).into_iter().find(|held| held.header.seq == seq);
        // Trimmed meanwhile: rewriting the form at hand finds that out.
        let segment = now.or_else(|| purge.left.front().cloned())?;
        Some((segment, purge.replace.clone()))
    }

    /// Notes that a segment was rewritten, or could not be.
    pub(crate) fn rewritten(&mut self, outcome: Result<()>) -> Result<()> {
        if let Some(purge) = self.purges.front_mut() {
            purge.left.pop_front();
            if let Err(error) = &outcome {
                purge.failed.get_or_insert(error.clone());
            }
        }
        self.answer_purges();
        outcome
    }

    fn answer_purges(&mut self) {
        while self.purges.front().is_some_and(|purge| purge.left.is_empty()) {
            let Some(purge) = self.purges.pop_front() else { return };
            (purge.done)(purge.failed.map_or(Ok(()), Err));
        }
    }
}
