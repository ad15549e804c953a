//! Inclusion proofs for any set of leaves at once.
//!
//! The tree is walked from the root. A subtree that holds none of the wanted leaves is one hash of
//! the proof; a wanted leaf is brought by the entry itself; everything else is computed. For one
//! leaf this is the path of RFC 9162, for a whole frame it is a few hashes more than nothing.

use super::tree::{branch, split};
use crate::id::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Proof that some leaves belong to the tree of `size` leaves with a known root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiproof {
    /// Leaves of the tree.
    pub size: u64,
    /// Hashes of the subtrees without wanted leaves, left to right.
    pub nodes: Vec<Hash>,
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// No leaf to prove.
    #[error("inclusion proof names no entry")]
    Empty,
    /// A leaf beyond the tree.
    #[error("entry {sequence} lies beyond the tree of {size} entries")]
    Beyond {
        /// Sequence of the entry (leaf index + 1).
        sequence: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// Hashes missing or left over.
    #[error("inclusion proof has the wrong number of hashes")]
    Count,
    /// The maker of a proof lacks a part of the tree.
    #[error("hash of entries {from}..{to} is not known here")]
    Missing {
        /// First leaf index.
        from: u64,
        /// One past the last leaf index.
        to: u64,
    },
}

/// Wanted leaves by index.
type Leaves = BTreeMap<u64, Hash>;

impl Multiproof {
    /// Builds the proof for `wanted` leaf indices in the tree of `size` leaves; `subtree` gives
    /// the hash over leaves `from..to`, a subtree of this very tree.
    ///
    /// # Errors
    /// [`ProofError`] when a leaf lies beyond the tree or `subtree` lacks a part.
    pub fn build(
        size: u64,
        wanted: &[u64],
        mut subtree: impl FnMut(u64, u64) -> Option<Hash>,
    ) -> Result<Self, ProofError> {
        let leaves: Leaves = wanted.iter().map(|index| (*index, Hash::ZERO)).collect();
        check_range(&leaves, size)?;
        let mut nodes = Vec::new();
        collect(&leaves, 0, size, &mut |from, to| {
            nodes.push(subtree(from, to).ok_or(ProofError::Missing { from, to })?);
            Ok(())
        })?;
        Ok(Self { size, nodes })
    }

    /// The root that these leaves (index, hash) and the proof add up to. The caller compares it
    /// with a signed one.
    ///
    /// # Errors
    /// [`ProofError`] when indices or the number of hashes cannot be right.
    pub fn root(&self, leaves: impl IntoIterator<Item = (u64, Hash)>) -> Result<Hash, ProofError> {
        let leaves: Leaves = leaves.into_iter().collect();
        check_range(&leaves, self.size)?;
        let mut nodes = self.nodes.iter().copied();
        let root = fold(&leaves, 0, self.size, &mut nodes)?;
        if nodes.next().is_some() { Err(ProofError::Count) } else { Ok(root) }
    }

    /// The proof for some of the leaves that this one proves: how a relay passes on one entry of
    /// a frame without knowing the rest of the author's tree.
    ///
    /// # Errors
    /// [`ProofError`] when `wanted` is not among `leaves` or the proof is not theirs.
    pub fn restrict(
        &self,
        leaves: impl IntoIterator<Item = (u64, Hash)>,
        wanted: &[u64],
    ) -> Result<Self, ProofError> {
        let leaves: Leaves = leaves.into_iter().collect();
        check_range(&leaves, self.size)?;
        if let Some(index) = wanted.iter().find(|index| !leaves.contains_key(index)) {
            return Err(ProofError::Missing { from: *index, to: index.saturating_add(1) });
        }
        let mut known = BTreeMap::new();
        let mut nodes = self.nodes.iter().copied();
        remember(&leaves, 0, self.size, &mut nodes, &mut known)?;
        Self::build(self.size, wanted, |from, to| known.get(&(from, to)).copied())
    }
}

fn check_range(leaves: &Leaves, size: u64) -> Result<(), ProofError> {
    match leaves.last_key_value() {
        None => Err(ProofError::Empty),
        Some((index, _)) if *index >= size => {
            Err(ProofError::Beyond { sequence: index.saturating_add(1), size })
        }
        Some(_) => Ok(()),
    }
}

fn holds_any(leaves: &Leaves, from: u64, to: u64) -> bool {
    leaves.range(from..to).next().is_some()
}

fn collect(
    leaves: &Leaves,
    from: u64,
    to: u64,
    emit: &mut impl FnMut(u64, u64) -> Result<(), ProofError>,
) -> Result<(), ProofError> {
    if !holds_any(leaves, from, to) {
        return emit(from, to);
    }
    if to - from == 1 {
        return Ok(());
    }
    let middle = from + split(to - from);
    collect(leaves, from, middle, emit)?;
    collect(leaves, middle, to, emit)
}

fn fold(
    leaves: &Leaves,
    from: u64,
    to: u64,
    nodes: &mut impl Iterator<Item = Hash>,
) -> Result<Hash, ProofError> {
    if !holds_any(leaves, from, to) {
        return nodes.next().ok_or(ProofError::Count);
    }
    if to - from == 1 {
        return leaves.get(&from).copied().ok_or(ProofError::Count);
    }
    let middle = from + split(to - from);
    let left = fold(leaves, from, middle, nodes)?;
    let right = fold(leaves, middle, to, nodes)?;
    Ok(branch(&left, &right))
}

/// As [`fold`], keeping every hash met on the way.
fn remember(
    leaves: &Leaves,
    from: u64,
    to: u64,
    nodes: &mut impl Iterator<Item = Hash>,
    known: &mut BTreeMap<(u64, u64), Hash>,
) -> Result<Hash, ProofError> {
    let hash = if !holds_any(leaves, from, to) {
        nodes.next().ok_or(ProofError::Count)?
    } else if to - from == 1 {
        leaves.get(&from).copied().ok_or(ProofError::Count)?
    } else {
        let middle = from + split(to - from);
        let left = remember(leaves, from, middle, nodes, known)?;
        let right = remember(leaves, middle, to, nodes, known)?;
        branch(&left, &right)
    };
    known.insert((from, to), hash);
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tree::tests::{leaves, reference_root};

    fn prove(all: &[Hash], wanted: &[u64]) -> Multiproof {
        Multiproof::build(all.len() as u64, wanted, |from, to| {
            Some(reference_root(&all[from as usize..to as usize]))
        })
        .expect("the whole tree is known")
    }

    fn pick(all: &[Hash], wanted: &[u64]) -> Vec<(u64, Hash)> {
        wanted.iter().map(|index| (*index, all[*index as usize])).collect()
    }

    #[test]
    fn any_set_of_leaves_proves_the_root() {
        for size in 1..=40u64 {
            let all = leaves(size);
            let root = reference_root(&all);
            for mask in [1u64, 0b101, 0b1001_0110, u64::MAX, 1 << (size - 1)] {
                let wanted: Vec<u64> = (0..size).filter(|n| (mask | 1) >> n & 1 == 1).collect();
                let proof = prove(&all, &wanted);
                assert_eq!(proof.root(pick(&all, &wanted)), Ok(root), "{size} {wanted:?}");
            }
        }
    }

    #[test]
    fn a_proof_of_one_leaf_is_as_long_as_the_tree_is_high() {
        let all = leaves(70);
        assert_eq!(prove(&all, &[3]).nodes.len(), 7);
        assert_eq!(prove(&all, &(0..70).collect::<Vec<_>>()).nodes.len(), 0);
    }

    #[test]
    fn a_wrong_leaf_place_or_hash_gives_another_root() {
        let all = leaves(21);
        let root = reference_root(&all);
        let proof = prove(&all, &[4, 9]);
        assert_ne!(proof.root([(4, all[9]), (9, all[4])]), Ok(root));
        assert_ne!(proof.root([(4, all[4]), (9, all[10])]), Ok(root));
        let mut bent = proof.clone();
        bent.nodes[0].0[0] ^= 1;
        assert_ne!(bent.root(pick(&all, &[4, 9])), Ok(root));
        assert_ne!(proof.root(pick(&all, &[4, 10])), Ok(root));
    }

    #[test]
    fn malformed_proofs_are_errors_not_panics() {
        let all = leaves(21);
        let mut proof = prove(&all, &[4]);
        assert_eq!(proof.root([]), Err(ProofError::Empty));
        assert_eq!(proof.root([(21, all[4])]), Err(ProofError::Beyond { sequence: 22, size: 21 }));
        proof.nodes.push(Hash::ZERO);
        assert_eq!(proof.root(pick(&all, &[4])), Err(ProofError::Count));
        proof.nodes.truncate(1);
        assert_eq!(proof.root(pick(&all, &[4])), Err(ProofError::Count));
        assert!(proof.root([(u64::MAX, all[4])]).is_err(), "no leaf has that index");
        let absurd = Multiproof { size: u64::MAX, nodes: vec![] };
        assert_eq!(absurd.root([(5, Hash::ZERO)]), Err(ProofError::Count));
    }

    #[test]
    fn a_relay_restricts_a_proof_to_what_it_passes_on() {
        let all = leaves(100);
        let root = reference_root(&all);
        let held: Vec<u64> = (10..60).collect();
        let proof = prove(&all, &held);
        for wanted in [vec![10], vec![59, 33], held.clone()] {
            let smaller = proof.restrict(pick(&all, &held), &wanted).expect("all are held");
            assert_eq!(smaller.root(pick(&all, &wanted)), Ok(root));
        }
        assert!(proof.restrict(pick(&all, &held), &[5]).is_err());
    }
}
