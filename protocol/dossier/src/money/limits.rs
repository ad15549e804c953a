//! Limits of money, with reasons.

/// Highest amount, in đồng: what no fee of an office comes near, and a slip of the zeros does. A sum of all that a
/// dossier may have stays far below 2^53, beyond which a browser's numbers are not exact.
pub const MOST: u64 = 100_000_000_000;
/// Lines of a demand: no procedure has a third of them.
pub const LINES: usize = 20;
/// Acts about the money of one dossier that are written here: more are a program gone wrong.
pub const ACTS: usize = 200;
/// Acts that are judged by who had seen whom, which costs their square: a dossier from elsewhere with more is in
/// conflict as a whole.
pub const JUDGED: usize = 400;
/// Acts that one names as seen: heads, of which there are as many as people who did not see each other.
pub const SEEN: usize = 64;
