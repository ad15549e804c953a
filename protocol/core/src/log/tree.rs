//! The Merkle tree: RFC 9162 section 2.1 with BLAKE3 and one context for leaves, one for branches.

use crate::{
    hash::{Context, derive},
    id::Hash,
};
use serde::{Deserialize, Serialize};

/// Parent of two nodes.
pub fn branch(left: &Hash, right: &Hash) -> Hash {
    derive(Context::Branch, &[&left.0, &right.0])
}

/// Root of the tree without leaves.
pub fn empty_root() -> Hash {
    derive(Context::Branch, &[])
}

/// Where a subtree of `size` leaves splits: the largest power of two smaller than `size` (which
/// is at least 2).
pub fn split(size: u64) -> u64 {
    debug_assert!(size >= 2);
    1 << (63 - (size - 1).leading_zeros())
}

/// What is needed to append to a tree and to know its root: the roots of its complete subtrees,
/// largest first. At most 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// From the roots of the complete subtrees of a tree of `size` leaves, largest first.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Self {
        Self { size, peaks }
    }

    /// Leaves so far; the sequence of the newest entry.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        let mut size = self.size;
        while size & 1 == 1 {
            // An odd count means the last peak is as tall as the node in hand.
            match self.peaks.pop() {
                Some(left) => node = branch(&left, &node),
                None => break,
            }
            size >>= 1;
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| branch(left, &right)),
        }
    }

    /// Whether the parts belong together: one peak per set bit of the size. Values read from
    /// disk or wire are checked with it before use.
    pub fn is_consistent(&self) -> bool {
        self.size.count_ones() as usize == self.peaks.len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| derive(Context::Leaf, &[&n.to_le_bytes()])).collect()
    }

    /// RFC 9162 section 2.1.1, word by word.
    pub(crate) fn reference_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                branch(&reference_root(left), &reference_root(right))
            }
        }
    }

    #[test]
    fn frontier_agrees_with_the_definition_at_every_size() {
        let leaves = leaves(130);
        let mut frontier = Frontier::default();
        for (count, leaf) in leaves.iter().enumerate() {
            assert_eq!(frontier.root(), reference_root(&leaves[..count]), "size {count}");
            frontier.push(*leaf);
            assert!(frontier.is_consistent());
        }
        assert_eq!(frontier.root(), reference_root(&leaves));
    }

    #[test]
    fn split_is_the_largest_smaller_power_of_two() {
        for (size, expected) in [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (1 << 40, 1 << 39)]
        {
            assert_eq!(split(size), expected);
        }
    }
}
