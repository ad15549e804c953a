//! Verified pieces: BLAKE3's own tree, cut into groups of four chunks. A group is a piece on the
//! wire, so that no byte is kept that was not proved on arrival.
//!
//! A piece carries the pairs of nodes that lead to it from what its reader has proved already,
//! top-down: the whole path for the first one asked for, and from then on only the pairs that begin
//! with this piece. So every pair travels once, 64 bytes for 4 KiB.

use crate::{id::Hash, limits};
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::ops::Range;

/// Two children of a node, left and right.
pub type Pair = [Hash; 2];

/// Bytes of a piece; a power of two of chunks, so that BLAKE3's tree has a node for each.
const PIECE: u64 = limits::SCAN_PIECE_BYTES as u64;
const _: () = assert!((limits::SCAN_PIECE_BYTES / 1024).is_power_of_two());

/// Why a piece is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has another length than its place in the scan asks for.
    #[error("piece {piece} has {got} bytes, {expected} belong there")]
    Length {
        /// Which piece.
        piece: u32,
        /// Bytes that came.
        got: usize,
        /// Bytes that belong there.
        expected: usize,
    },
    /// A pair or the data does not hash to what was proved before.
    #[error("piece {piece} is not of this scan")]
    Mismatch {
        /// Which piece.
        piece: u32,
    },
    /// What is held from an earlier time is not of this scan.
    #[error("what is held of this scan from before is not of it")]
    Held,
}

/// Pieces of a scan of `size` bytes.
pub fn groups(size: u64) -> u32 {
    u32::try_from(size.div_ceil(PIECE)).unwrap_or(u32::MAX)
}

/// Bytes of a piece within a scan of `size` bytes; empty behind its end.
pub fn piece_range(size: u64, piece: u32) -> Range<u64> {
    let start = u64::from(piece) * PIECE;
    start.min(size)..(start + PIECE).min(size)
}

/// Node over one piece.
pub fn leaf(piece: u32, data: &[u8]) -> Hash {
    if data.is_empty() {
        return Hash::ZERO;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(u64::from(piece) * PIECE).update(data);
    Hash(hasher.finalize_non_root())
}

/// Node over two others.
fn join(pair: &Pair, root: bool) -> Hash {
    let [left, right] = pair;
    match root {
        true => Hash(*merge_subtrees_root(&left.0, &right.0, Mode::Hash).as_bytes()),
        false => Hash(merge_subtrees_non_root(&left.0, &right.0, Mode::Hash)),
    }
}

/// Where a node over these pieces is cut in two: the left part is the largest power of two that
/// leaves something for the right.
fn cut(range: &Range<u32>) -> u32 {
    let pieces = range.end - range.start;
    range.start + (pieces.next_power_of_two() / 2).max(1)
}

/// Node over a run of leaves, which must be one of the tree's.
fn node(leaves: &[Hash], root: bool) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [one] => *one,
        _ => {
            let at = cut(&(0..leaves.len() as u32)) as usize;
            join(&[node(&leaves[..at], false), node(&leaves[at..], false)], root)
        }
    }
}

/// The whole tree of a scan that is here, as its leaves: what a sender proves pieces from. 32 bytes
/// for 4 KiB, as stored beside the scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    leaves: Vec<Hash>,
}

impl Tree {
    /// A tree from stored leaves, if they are those of `hash`. The only piece of a small scan has no
    /// leaf of its own: its node is the root.
    pub fn from_leaves(hash: Hash, size: u64, leaves: Vec<Hash>) -> Option<Self> {
        let right = leaves.len() == groups(size) as usize
            && match leaves.as_slice() {
                [] => false,
                // Known only from the data; see `proves`.
                [_] => true,
                several => node(several, true) == hash,
            };
        right.then_some(Self { size, leaves })
    }

    /// Bytes of the scan.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether these bytes are that piece of the scan.
    pub fn proves(&self, hash: Hash, piece: u32, data: &[u8]) -> bool {
        if self.leaves.len() == 1 {
            return piece == 0 && blake3::hash(data).as_bytes() == &hash.0;
        }
        self.leaves.get(piece as usize).is_some_and(|held| *held == leaf(piece, data))
    }

    /// Pairs that prove a piece: the whole path if it is the `first` that is asked for, else those
    /// that begin with it.
    pub fn proof(&self, piece: u32, first: bool) -> Vec<Pair> {
        let mut pairs = Vec::new();
        let mut range = 0..self.leaves.len() as u32;
        if !range.contains(&piece) {
            return pairs;
        }
        while range.end - range.start > 1 {
            let at = cut(&range);
            if first || (range.start == piece) {
                let of = |from: u32, to: u32| node(&self.leaves[from as usize..to as usize], false);
                pairs.push([of(range.start, at), of(at, range.end)]);
            }
            range = if piece < at { range.start..at } else { at..range.end };
        }
        pairs
    }
}

/// Proves pieces as they arrive, in order.
#[derive(Debug, Clone)]
pub struct Decoder {
    hash: Hash,
    size: u64,
    next: u32,
    /// Proved nodes that are not opened yet, the next one last: pieces they cover and their hash.
    open: Vec<(Range<u32>, Hash)>,
    /// Leaves held from before, until the first path has proved them.
    held: Vec<Hash>,
}

impl Decoder {
    /// Begins behind the leaves that are `held` already; the first piece's path proves them too.
    pub fn new(hash: Hash, size: u64, mut held: Vec<Hash>) -> Self {
        let all = groups(size);
        // A scan whose every piece is held is finished elsewhere; here its last piece is asked again.
        held.truncate(all.saturating_sub(1) as usize);
        Self { hash, size, next: held.len() as u32, open: vec![(0..all, hash)], held }
    }

    /// The piece that must come next; `None` when all are proved.
    pub fn next(&self) -> Option<u32> {
        (self.next < groups(self.size)).then_some(self.next)
    }

    /// Takes the next piece; gives its leaf, to be stored beside it.
    ///
    /// # Errors
    /// [`ProofError`]; nothing of the piece may be kept then.
    pub fn take(&mut self, proof: &[Pair], data: &[u8]) -> Result<Hash, ProofError> {
        let piece = self.next;
        let wanted = piece_range(self.size, piece);
        let expected = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
        if data.len() != expected || data.is_empty() {
            return Err(ProofError::Length { piece, got: data.len(), expected });
        }
        let mismatch = || ProofError::Mismatch { piece };
        if groups(self.size) == 1 {
            let whole = blake3::hash(data).as_bytes() == &self.hash.0 && proof.is_empty();
            self.next += u32::from(whole);
            return if whole { Ok(leaf(0, data)) } else { Err(mismatch()) };
        }
        let mut open = self.open.clone();
        let mut pairs = proof.iter();
        let (mut range, mut expected) = open.pop().ok_or_else(mismatch)?;
        while range.end - range.start > 1 {
            let pair = pairs.next().ok_or_else(mismatch)?;
            let root = range == (0..groups(self.size));
            if join(pair, root) != expected {
                return Err(mismatch());
            }
            let at = cut(&range);
            if piece < at {
                open.push((at..range.end, pair[1]));
                (range, expected) = (range.start..at, pair[0]);
            } else {
                let left = &self.held[range.start as usize..at as usize];
                if node(left, false) != pair[0] {
                    return Err(ProofError::Held);
                }
                (range, expected) = (at..range.end, pair[1]);
            }
        }
        let found = leaf(piece, data);
        if pairs.next().is_some() || found != expected {
            return Err(mismatch());
        }
        self.open = open;
        self.held = Vec::new();
        self.next += 1;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scan(size: usize) -> (Vec<u8>, Hash, Tree) {
        let mut state = 7u32;
        let data: Vec<u8> = (0..size)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let leaves: Vec<Hash> = (0u32..)
            .zip(data.chunks(limits::SCAN_PIECE_BYTES))
            .map(|(piece, data)| leaf(piece, data))
            .collect();
        let hash = Hash(*blake3::hash(&data).as_bytes());
        let tree = Tree::from_leaves(hash, size as u64, leaves).unwrap();
        (data, hash, tree)
    }

    /// Longest proof that a piece of the largest scan may carry.
    fn longest_proof() -> usize {
        groups(limits::SCAN_BYTES).next_power_of_two().trailing_zeros() as usize
    }

    fn piece_of(data: &[u8], piece: u32) -> &[u8] {
        let range = piece_range(data.len() as u64, piece);
        &data[range.start as usize..range.end as usize]
    }

    const SIZES: [usize; 11] =
        [1, 1024, 4095, 4096, 4097, 8192, 8193, 20_000, 32_768, 32_769, 150_001];

    #[test]
    fn leaves_of_any_size_meet_in_the_plain_hash_and_others_do_not() {
        for size in SIZES {
            let (_, hash, tree) = scan(size);
            let mut leaves = tree.leaves.clone();
            if leaves.len() > 1 {
                leaves[0].0[0] ^= 1;
                assert_eq!(Tree::from_leaves(hash, size as u64, leaves), None, "{size}");
            }
            let short = tree.leaves[1..].to_vec();
            assert_eq!(Tree::from_leaves(hash, size as u64, short), None, "{size}");
        }
    }

    #[test]
    fn pieces_are_proved_from_any_place_and_each_pair_travels_once() {
        for size in SIZES {
            let (data, hash, tree) = scan(size);
            for from in 0..groups(size as u64) {
                let held = tree.leaves[..from as usize].to_vec();
                let mut decoder = Decoder::new(hash, size as u64, held);
                let mut pairs = 0;
                while let Some(piece) = decoder.next() {
                    let proof = tree.proof(piece, piece == from);
                    pairs += proof.len();
                    let taken = decoder.take(&proof, piece_of(&data, piece)).unwrap();
                    assert_eq!(taken, leaf(piece, piece_of(&data, piece)));
                    assert!(tree.proves(hash, piece, piece_of(&data, piece)));
                }
                let left = (groups(size as u64) - from) as usize;
                assert!(pairs < left + longest_proof(), "{size} from {from}: {pairs} pairs");
            }
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found_and_the_right_piece_is_still_taken() {
        let (data, hash, tree) = scan(150_001);
        let mut decoder = Decoder::new(hash, 150_001, tree.leaves[..20].to_vec());
        let good = piece_of(&data, 20);
        let proof = tree.proof(20, true);
        let mut bad = good.to_vec();
        bad[4_000] ^= 1;
        assert_eq!(decoder.take(&proof, &bad), Err(ProofError::Mismatch { piece: 20 }));
        for level in 0..proof.len() {
            for side in 0..2 {
                let mut bent = proof.clone();
                bent[level][side].0[31] ^= 1;
                decoder.take(&bent, good).unwrap_err();
            }
        }
        let longer = [proof.clone(), vec![proof[0]]].concat();
        decoder.take(&longer, good).unwrap_err();
        decoder.take(&proof[1..], good).unwrap_err();
        let length = ProofError::Length { piece: 20, got: 5, expected: 4_096 };
        assert_eq!(decoder.take(&proof, &good[..5]), Err(length));
        decoder.take(&proof, good).unwrap();
        assert!(!tree.proves(hash, 20, &bad) && !tree.proves(hash, 99, good));
    }

    #[test]
    fn what_is_held_from_before_is_proved_by_the_first_path() {
        let (data, hash, tree) = scan(150_001);
        for wrong in [0, 7, 19] {
            let mut held = tree.leaves[..20].to_vec();
            held[wrong].0[0] ^= 1;
            let mut decoder = Decoder::new(hash, 150_001, held);
            let taken = decoder.take(&tree.proof(20, true), piece_of(&data, 20));
            assert_eq!(taken, Err(ProofError::Held), "leaf {wrong}");
        }
    }

    #[test]
    fn the_longest_proof_and_its_piece_fit_a_message() {
        let pairs = longest_proof() * size_of::<Pair>();
        assert!(limits::SCAN_PIECE_BYTES + pairs + 64 <= limits::SCAN_MESSAGE_BYTES);
    }
}
