//! Bounds of the scanner's folder.

use std::time::Duration;

/// Entries of the folder that are read: ten thousand files at once still fit, and a look at them over a network
/// share ends.
pub(super) const ENTRIES: usize = 20_000;
/// Files that are shown: the newest.
pub(super) const SHOWN: usize = 200;
/// Files beyond those that are shown for a code in their names: the newest of them.
pub(super) const NAMED: usize = 50;
/// A file whose size and times did not change for so long, and that ends as its type ends, is there whole.
pub(super) const SETTLED: Duration = Duration::from_millis(1_500);
/// The same for one that does not end so: a scanner that feeds the next page pauses longer than [`SETTLED`].
pub(super) const SETTLED_WITHOUT_END: Duration = Duration::from_secs(30);
/// An answer is given again for so long, and for ten times as long as the look took: pages that ask together cost
/// one look, and a slow share is not asked all the time.
pub(super) const SAME_LOOK: Duration = Duration::from_millis(700);
/// Longest that an answer is given again.
pub(super) const SAME_LOOK_MOST: Duration = Duration::from_secs(30);
/// A folder that does not answer within this is said to be silent; nobody waits longer, and no second thread asks it.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes that one look reads to know files again by their content.
pub(super) const HASHED_AT_ONCE: u64 = 64 * 1024 * 1024;
/// Files that are attached with one request: as many as a dossier may have.
pub(super) const AT_ONCE: usize = 100;
/// Last bytes in which the end of a type is looked for.
pub(super) const TAIL: u64 = 1_024;
/// Longest name that is shown and attached under.
pub(super) const NAME_CHARACTERS: usize = 150;
