//! Own frames cut before anybody can be sent them. Cutting, packing and signing is most of what a
//! machine does when it comes back to its hub; while there is no link it has all the time.
//!
//! Nothing here is needed to be right: what is not at hand is cut when it is sent.

use super::{Fault, Replica, Store};
use crate::{limits, log::Frontier, state::tiles, wire};
use std::collections::VecDeque;

/// Entries that wait until a frame is cut of them: about [`limits::FRAME_TARGET_BYTES`].
const CUT_ENTRIES: u64 = 640;
/// Bytes of frames that are kept: a week of a busy ward without a link, or twice the benchmark's
/// 10,000 dossiers.
const KEPT_BYTES: usize = 2 * limits::UP_WINDOW_BYTES;

/// A frame of own entries, ready to be sent.
pub(super) struct Cut {
    pub(super) first: u64,
    /// Tree up to the last entry, which the frame is signed at.
    pub(super) tree: Frontier,
    pub(super) frame: Vec<u8>,
}

/// Frames without a gap between them.
#[derive(Default)]
pub(super) struct Ahead {
    frames: VecDeque<Cut>,
    bytes: usize,
}

impl Ahead {
    /// The frame that begins at `next`, if it is here; those before it are of no use any more.
    pub(super) fn take(&mut self, next: u64) -> Option<Cut> {
        while self.first().is_some_and(|first| first <= next)
            && let Some(cut) = self.frames.pop_front()
        {
            self.bytes -= cut.frame.len();
            if cut.first == next {
                return Some(cut);
            }
        }
        None
    }

    /// Where the first frame begins.
    pub(super) fn first(&self) -> Option<u64> {
        self.frames.front().map(|cut| cut.first)
    }

    /// The parent has this much of the log, by whatever way it came there.
    fn forget_upto(&mut self, sequence: u64) {
        while self.frames.front().is_some_and(|cut| cut.tree.size() <= sequence)
            && let Some(cut) = self.frames.pop_front()
        {
            self.bytes -= cut.frame.len();
        }
    }

    fn push(&mut self, cut: Cut) {
        self.bytes += cut.frame.len();
        self.frames.push_back(cut);
    }

    fn is_full(&self) -> bool {
        self.bytes >= KEPT_BYTES
    }
}

impl Replica {
    /// Cuts one more frame if there is no link and enough has been saved for it.
    pub(super) fn cut_ahead(&mut self, store: &impl Store) -> Result<(), Fault> {
        let log = self.own.log();
        let at_parent = match self.upstream.received(&log) {
            Some(head) => head.sequence,
            None if log == self.meta.own_log => self.meta.acknowledged,
            None => 0,
        };
        self.own.ahead.forget_upto(at_parent);
        let last = self.own.ahead.frames.back().map(|cut| cut.tree.clone());
        let done = last.as_ref().map_or(at_parent, Frontier::size);
        let enough = self.own.head() >= done + CUT_ENTRIES;
        if self.upstream.live().is_some() || !enough || self.own.ahead.is_full() {
            return Ok(());
        }
        let tree = match last {
            Some(tree) => tree,
            None => match tiles::frontier_at(store, log, done)? {
                Some(tree) => tree,
                // The state lags behind; another save will do as well.
                None => return Ok(()),
            },
        };
        let entries = self.own_entries(done + 1, store)?;
        if !entries.is_empty() {
            let cut = self.cut_own(log, tree, &entries, wire::PATIENT_LEVEL)?;
            self.own.ahead.push(cut);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Hash;

    /// Three frames of ten entries.
    fn three() -> Ahead {
        let (mut ahead, mut tree) = (Ahead::default(), Frontier::default());
        for first in [1, 11, 21] {
            (0..10).for_each(|_| tree.push(Hash::ZERO));
            ahead.push(Cut { first, tree: tree.clone(), frame: vec![0; 100] });
        }
        ahead
    }

    #[test]
    fn a_frame_is_given_where_it_begins_and_what_lies_before_is_dropped() {
        let mut ahead = three();
        assert_eq!(ahead.take(11).map(|cut| cut.tree.size()), Some(20));
        assert_eq!((ahead.first(), ahead.bytes), (Some(21), 100));
        assert!(ahead.take(15).is_none());
        assert_eq!(ahead.first(), Some(21));
        assert!(ahead.take(25).is_none());
        assert_eq!((ahead.first(), ahead.bytes), (None, 0));
    }

    #[test]
    fn frames_that_the_parent_got_on_another_way_make_room() {
        let mut ahead = three();
        ahead.forget_upto(19);
        assert_eq!((ahead.first(), ahead.bytes), (Some(11), 200));
        ahead.forget_upto(30);
        assert_eq!((ahead.first(), ahead.bytes), (None, 0));
    }
}
