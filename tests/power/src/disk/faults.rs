//! What a disk is told to do wrong. Folders are named by their part: the first name below the mount,
//! up to its first dot, so that `state.new` is a part of `state`.

use std::collections::{BTreeMap, BTreeSet};

/// All parts.
pub const ALL: &str = "";

#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Bytes that files may take, all together.
    pub(super) budget: Option<u64>,
    /// Parts that may not grow.
    pub(super) full: BTreeSet<String>,
    /// Parts whose syncs fail: syncs until then, and how many fail.
    pub(super) failing: BTreeMap<String, (u64, u64)>,
    /// Parts whose syncs do nothing.
    pub(super) deaf: BTreeSet<String>,
    /// Parts of whose bytes one bit is flipped in one of so many reads.
    pub(super) flips: BTreeMap<String, usize>,
    /// How often each was done.
    pub(super) counts: Counts,
}

/// What a disk has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes, syncs and changes of names.
    pub events: u64,
    /// Syncs of files and directories that were answered well.
    pub syncs: u64,
    /// Answers that there is no space.
    pub no_space: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Bits flipped.
    pub flips: u64,
}

fn is_of<T>(map: &BTreeMap<String, T>, part: &str) -> Option<String> {
    [part, ALL].into_iter().find(|name| map.contains_key(*name)).map(str::to_owned)
}

impl Faults {
    pub(super) fn is_full(&self, part: &str) -> bool {
        self.full.contains(part) || self.full.contains(ALL)
    }

    pub(super) fn is_deaf(&self, part: &str) -> bool {
        self.deaf.contains(part) || self.deaf.contains(ALL)
    }

    /// Whether this sync fails; counts down.
    pub(super) fn sync_fails(&mut self, part: &str) -> bool {
        let Some(name) = is_of(&self.failing, part) else { return false };
        let Some((before, times)) = self.failing.get_mut(&name) else { return false };
        if *before > 0 {
            *before -= 1;
            return false;
        }
        let fails = *times > 0;
        *times = times.saturating_sub(1);
        self.counts.failed_syncs += u64::from(fails);
        fails
    }

    /// One in how many reads has a flipped bit.
    pub(super) fn flips(&self, part: &str) -> Option<usize> {
        is_of(&self.flips, part).and_then(|name| self.flips.get(&name).copied())
    }
}
