//! Author trees in the state store: nodes in tiles of 32, every fifth level, so that any proof
//! needs a handful of small reads and an append touches one tile.

use super::{Key, Kv, StoreError, Txn};
use crate::{
    id::{DossierId, Hash, LogId},
    log::{Frontier, branch, split},
};

/// Bytes of a change reference: change hash, dossier.
const CHANGE: usize = Hash::LEN + DossierId::LEN;

/// Nodes in a tile.
pub const WIDTH: u64 = 32;
/// Levels between tiles: 2^5 = 32.
const STEP: u8 = 5;

/// Appends leaf `index` (from 0) and whatever tiles it completes.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn push<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    log: LogId,
    index: u64,
    leaf: Hash,
) -> Result<(), StoreError> {
    let (mut level, mut index, mut node) = (0, index, leaf);
    loop {
        let key = Key::Tile(log, level, index / WIDTH).bytes();
        let mut tile = txn.get(&key)?.unwrap_or_default();
        // Idempotent: replay after a crash may bring a leaf again.
        tile.truncate((index % WIDTH) as usize * Hash::LEN);
        tile.extend_from_slice(&node.0);
        let full = index % WIDTH == WIDTH - 1;
        if full {
            node = fold(&nodes(&tile));
        }
        txn.put(key, tile);
        if !full {
            return Ok(());
        }
        level += STEP;
        index /= WIDTH;
    }
}

/// Remembers change hash and dossier of entry `sequence` (from 1), which later frames refer to.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn push_change<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    log: LogId,
    sequence: u64,
    change: Hash,
    dossier: DossierId,
) -> Result<(), StoreError> {
    let index = sequence.saturating_sub(1);
    let key = Key::Changes(log, index / WIDTH).bytes();
    let mut tile = txn.get(&key)?.unwrap_or_default();
    tile.truncate((index % WIDTH) as usize * CHANGE);
    tile.extend_from_slice(&change.0);
    tile.extend_from_slice(&dossier.0);
    txn.put(key, tile);
    Ok(())
}

/// Change hash and dossier of entry `sequence`, if it is held.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn change(
    kv: &(impl Kv + ?Sized),
    log: LogId,
    sequence: u64,
) -> Result<Option<(Hash, DossierId)>, StoreError> {
    let Some(index) = sequence.checked_sub(1) else { return Ok(None) };
    let tile = kv.get(&Key::Changes(log, index / WIDTH).bytes())?.unwrap_or_default();
    let start = (index % WIDTH) as usize * CHANGE;
    Ok(tile.get(start..start + CHANGE).and_then(|bytes| {
        let (change, dossier) = bytes.split_at(Hash::LEN);
        Some((Hash::from_slice(change)?, DossierId::from_slice(dossier)?))
    }))
}

/// Hash over leaves `from..to`, a subtree of the log's tree (complete, or the ragged right edge).
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn subtree(
    kv: &(impl Kv + ?Sized),
    log: LogId,
    from: u64,
    to: u64,
) -> Result<Option<Hash>, StoreError> {
    let size = to.saturating_sub(from);
    if size == 0 {
        return Ok(None);
    }
    if size.is_power_of_two() && from.is_multiple_of(size) {
        return complete(kv, log, size.trailing_zeros() as u8, from / size);
    }
    let middle = from + split(size);
    match (subtree(kv, log, from, middle)?, subtree(kv, log, middle, to)?) {
        (Some(left), Some(right)) => Ok(Some(branch(&left, &right))),
        _ => Ok(None),
    }
}

/// The frontier of the tree when it had `size` leaves.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn frontier_at(
    kv: &(impl Kv + ?Sized),
    log: LogId,
    size: u64,
) -> Result<Option<Frontier>, StoreError> {
    let mut peaks = Vec::new();
    let mut from = 0;
    for level in (0..64).rev() {
        let width = 1u64 << level;
        if size & width != 0 {
            let Some(peak) = complete(kv, log, level, from / width)? else { return Ok(None) };
            peaks.push(peak);
            from += width;
        }
    }
    Ok(Some(Frontier::from_peaks(size, peaks)))
}

/// The complete subtree of 2^level leaves with this index.
fn complete(
    kv: &(impl Kv + ?Sized),
    log: LogId,
    level: u8,
    index: u64,
) -> Result<Option<Hash>, StoreError> {
    let above = level % STEP;
    let first = index << above;
    let key = Key::Tile(log, level - above, first / WIDTH).bytes();
    let tile = nodes(&kv.get(&key)?.unwrap_or_default());
    let start = (first % WIDTH) as usize;
    Ok(tile.get(start..start + (1 << above)).map(fold))
}

fn nodes(tile: &[u8]) -> Vec<Hash> {
    tile.chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect()
}

/// Root over a power of two of nodes.
fn fold(nodes: &[Hash]) -> Hash {
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| branch(&pair[0], &pair[pair.len() - 1])).collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::Multiproof,
        log::tests::{leaves, reference_root},
        state::MemKv,
    };

    #[test]
    fn tiles_give_every_subtree_frontier_and_proof() {
        let all = leaves(1_100);
        let log = LogId([1; 16]);
        let mut kv = MemKv::default();
        let mut txn = Txn::new(&kv);
        for (index, leaf) in all.iter().enumerate() {
            push(&mut txn, log, index as u64, *leaf).expect("memory");
        }
        let writes = txn.into_writes();
        kv.write(writes);
        for size in [1usize, 2, 31, 32, 33, 64, 100, 1_023, 1_024, 1_025, 1_100] {
            let root = reference_root(&all[..size]);
            let frontier = frontier_at(&kv, log, size as u64).expect("memory").expect("held");
            assert!(frontier.is_consistent());
            assert_eq!(frontier.root(), root, "size {size}");
            let wanted = [0, size as u64 / 2, size as u64 - 1];
            let proof = Multiproof::build(size as u64, &wanted, |from, to| {
                subtree(&kv, log, from, to).expect("memory")
            })
            .expect("all held");
            let picked = wanted.map(|index| (index, all[index as usize]));
            assert_eq!(proof.root(picked), Ok(root));
        }
        assert_eq!(subtree(&kv, log, 1_099, 1_101).expect("memory"), None);
    }
}
