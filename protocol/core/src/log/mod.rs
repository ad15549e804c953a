//! Author logs: the entries of one node since one start of its history, numbered 1.. without
//! holes, as the leaves of a Merkle tree of RFC 9162 shape whose heads the author signs.
//!
//! Leaf `i` of the tree (from 0) is the entry with sequence `i + 1`.

mod checkpoint;
mod proof;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use proof::{Multiproof, ProofError};
#[cfg(test)]
pub(crate) use tree::tests;
pub use tree::{Frontier, branch, empty_root, split};
