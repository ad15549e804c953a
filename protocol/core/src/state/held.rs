//! What is held for each office: one digest a dossier, and sums over them in a fixed tree of 64 by
//! 64 buckets, so that two replicas find one differing dossier of 200,000 with three questions.
//!
//! A bucket is a count and a sum, so an update is a subtraction and an addition, the order of
//! updates does not matter, and nothing is ever redistributed. The tree has a bucket only where it
//! has a dossier: an office with ten dossiers costs ten rows, none costs more than 4,160.

use super::{Key, Kv, StoreError, Txn, rows::Dossier};
use crate::{
    hash::{Context, derive},
    id::{DossierId, Hash, OfficeId},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Buckets below the root, and below each of those.
pub const FAN: u16 = 64;

/// Digest of one held dossier: its id, its accepted heads, and what is beside them.
pub type HeldDigest = [u8; 16];

/// Count and sum over the digests of the dossiers in a part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bucket {
    /// Dossiers.
    pub count: u32,
    /// Sum of their digests as little-endian numbers, modulo 2^128.
    pub sum: [u8; 16],
}

impl Bucket {
    /// Adds a digest.
    pub fn add(&mut self, digest: HeldDigest) {
        self.count = self.count.saturating_add(1);
        self.sum = add(self.sum, digest);
    }

    /// Takes a digest back.
    pub fn take(&mut self, digest: HeldDigest) {
        self.count = self.count.saturating_sub(1);
        let sum = u128::from_le_bytes(self.sum).wrapping_sub(u128::from_le_bytes(digest));
        self.sum = sum.to_le_bytes();
    }
}

/// A part of the tree of one office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Everything.
    Root,
    /// One of [`FAN`] parts.
    Branch(u8),
    /// One of [`FAN`] parts of a branch: branch times [`FAN`] and place in it.
    Leaf(u16),
}

impl Part {
    /// The parts that hold a dossier, from the root down. The last bytes of a dossier's id are a
    /// hash of its creator, so dossiers spread evenly.
    pub fn of(dossier: DossierId) -> [Self; 3] {
        let leaf = place(dossier) >> 4;
        [Self::Root, Self::Branch((leaf / FAN) as u8), Self::Leaf(leaf)]
    }

    /// Level in the tree and number in the level; none for numbers that do not exist.
    fn address(self) -> Option<(u8, u16)> {
        match self {
            Self::Root => Some((0, 0)),
            Self::Branch(at) if u16::from(at) < FAN => Some((1, u16::from(at))),
            Self::Leaf(at) if at < FAN * FAN => Some((2, at)),
            Self::Branch(_) | Self::Leaf(_) => None,
        }
    }
}

/// Where a dossier stands among those held for an office.
pub(super) fn place(dossier: DossierId) -> u16 {
    let [.., high, low] = dossier.0;
    u16::from_be_bytes([high, low])
}

/// Sorts dossiers in the order of the tree.
pub fn order(dossier: DossierId) -> (u16, DossierId) {
    (place(dossier), dossier)
}

/// Digest of a dossier with these accepted heads (sorted, as the ledger keeps them) and the sum of
/// what is beside them.
pub fn digest(dossier: DossierId, heads: &[Hash], beside: HeldDigest) -> HeldDigest {
    let mut bytes = Vec::with_capacity(DossierId::LEN + heads.len() * Hash::LEN);
    bytes.extend(dossier.0);
    heads.iter().for_each(|head| bytes.extend(head.0));
    add(beside, short(&derive(Context::Held, &[&bytes])))
}

/// Sum of entries that no head stands for, in any order.
pub fn beside(entries: impl Iterator<Item = Hash>) -> HeldDigest {
    entries.fold(HeldDigest::default(), |sum, leaf| add(sum, short(&leaf)))
}

fn short(hash: &Hash) -> HeldDigest {
    let mut digest = HeldDigest::default();
    digest.copy_from_slice(&hash.0[..16]);
    digest
}

/// As little-endian numbers, modulo 2^128.
fn add(one: HeldDigest, other: HeldDigest) -> HeldDigest {
    u128::from_le_bytes(one).wrapping_add(u128::from_le_bytes(other)).to_le_bytes()
}

/// Brings the digests of a dossier up to its row, for every office that ever took part in it.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn settle<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    id: DossierId,
    row: &Dossier,
) -> Result<(), StoreError> {
    let members: BTreeSet<OfficeId> = row.members().into_iter().map(|(office, _)| office).collect();
    let now = (!row.heads.is_empty()).then(|| digest(id, &row.heads, row.beside));
    let offices: BTreeSet<OfficeId> = row.audience.iter().map(|fact| fact.office).collect();
    for office in offices {
        replace(txn, office, id, now.filter(|_| members.contains(&office)))?;
    }
    Ok(())
}

/// Sets or removes what is held of a dossier for one office.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn replace<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    office: OfficeId,
    id: DossierId,
    now: Option<HeldDigest>,
) -> Result<(), StoreError> {
    let before = of_dossier(txn, office, id)?;
    if before == now {
        return Ok(());
    }
    let key = Key::Held(office, id).bytes();
    match now {
        Some(digest) => txn.put(key, digest.to_vec()),
        None => txn.delete(key),
    }
    for part in Part::of(id) {
        let mut sum = bucket(txn, office, part)?;
        before.into_iter().for_each(|digest| sum.take(digest));
        now.into_iter().for_each(|digest| sum.add(digest));
        let Some((level, at)) = part.address() else { continue };
        match sum.count {
            0 => txn.delete(Key::Bucket(office, level, at).bytes()),
            _ => txn.put_row(Key::Bucket(office, level, at), &sum),
        }
    }
    Ok(())
}

/// What is held of one dossier for an office.
///
/// # Errors
/// [`StoreError`] when the store fails or the row is unreadable.
pub fn of_dossier(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    id: DossierId,
) -> Result<Option<HeldDigest>, StoreError> {
    kv.get(&Key::Held(office, id).bytes())?.map(|value| read_digest(&value)).transpose()
}

/// Count and sum of a part; empty where nothing is held.
///
/// # Errors
/// [`StoreError`] when the store fails or the row is unreadable.
pub fn bucket(kv: &(impl Kv + ?Sized), office: OfficeId, part: Part) -> Result<Bucket, StoreError> {
    let Some((level, at)) = part.address() else { return Ok(Bucket::default()) };
    Ok(super::read_row(kv, Key::Bucket(office, level, at))?.unwrap_or_default())
}

/// The parts of a part that hold anything, in order; none for a leaf.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn parts(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    of: Part,
) -> Result<Vec<(Part, Bucket)>, StoreError> {
    let (level, first) = match of.address() {
        Some((0, _)) => (1, 0),
        Some((1, at)) => (2, at * FAN),
        Some(_) | None => return Ok(Vec::new()),
    };
    let from = Key::Bucket(office, level, first).bytes();
    let to = Key::Bucket(office, level, first + FAN).bytes();
    let rows = kv.range(&from, &to, usize::from(FAN))?;
    rows.into_iter()
        .map(|(key, value)| {
            let corrupt = StoreError::Corrupt { what: "bucket" };
            let [.., high, low] = key[..] else { return Err(corrupt) };
            let at = u16::from_be_bytes([high, low]);
            let part = if level == 1 { Part::Branch(at as u8) } else { Part::Leaf(at) };
            Ok((part, postcard::from_bytes(&value).map_err(|_| corrupt)?))
        })
        .collect()
}

/// Dossiers held for an office in a part of its tree, after one of them, in the tree's order: at
/// most `limit`.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn dossiers(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    part: Part,
    after: Option<DossierId>,
    limit: usize,
) -> Result<Vec<(DossierId, HeldDigest)>, StoreError> {
    let (first, width) = match part.address() {
        Some((0, _)) => (0, u32::from(u16::MAX) + 1),
        Some((1, at)) => (u32::from(at) << 10, 1 << 10),
        Some((_, at)) => (u32::from(at) << 4, 1 << 4),
        None => return Ok(Vec::new()),
    };
    let from = match after {
        Some(id) => [Key::Held(office, id).bytes(), vec![0]].concat(),
        None => Key::held_from(office, first as u16),
    };
    let to = match u16::try_from(first + width) {
        Ok(end) => Key::held_from(office, end),
        Err(_) => [Key::held_from(office, u16::MAX), vec![0xff; DossierId::LEN + 1]].concat(),
    };
    if from >= to {
        return Ok(Vec::new());
    }
    kv.range(&from, &to, limit)?
        .into_iter()
        .map(|(key, value)| {
            let id = key.len().checked_sub(DossierId::LEN).and_then(|at| key.get(at..));
            let id = id.and_then(DossierId::from_slice);
            let id = id.ok_or(StoreError::Corrupt { what: "held dossier" })?;
            Ok((id, read_digest(&value)?))
        })
        .collect()
}

/// Offices that anything is held for, after one of them: at most `limit`.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn offices(
    kv: &(impl Kv + ?Sized),
    after: Option<OfficeId>,
    limit: usize,
) -> Result<Vec<(OfficeId, Bucket)>, StoreError> {
    let mut found = Vec::new();
    let mut from = match after {
        None => Key::Bucket(OfficeId::ZERO, 0, 0).bytes(),
        Some(office) => Key::Bucket(office, u8::MAX, u16::MAX).bytes(),
    };
    let end = [Key::Bucket(OfficeId([0xff; 16]), u8::MAX, u16::MAX).bytes(), vec![0]].concat();
    while found.len() < limit {
        // The root bucket of an office is its first row: one read an office, whatever it holds.
        let Some((key, value)) = kv.range(&from, &end, 1)?.pop() else { break };
        let corrupt = || StoreError::Corrupt { what: "bucket" };
        let office = key.get(1..1 + OfficeId::LEN).and_then(OfficeId::from_slice);
        let office = office.ok_or_else(corrupt)?;
        if key == Key::Bucket(office, 0, 0).bytes() {
            found.push((office, postcard::from_bytes(&value).map_err(|_| corrupt())?));
        }
        from = Key::Bucket(office, u8::MAX, u16::MAX).bytes();
    }
    Ok(found)
}

fn read_digest(value: &[u8]) -> Result<HeldDigest, StoreError> {
    value.try_into().map_err(|_| StoreError::Corrupt { what: "held dossier" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{id::Hash, state::MemKv};
    use std::collections::BTreeMap;

    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *seed >> 20
    }

    fn dossier(number: u64) -> DossierId {
        let mut id = DossierId([7; 16]);
        id.0[8..].copy_from_slice(&derive(Context::Held, &[&number.to_le_bytes()]).0[..8]);
        id
    }

    fn commit(kv: &mut MemKv, change: impl FnOnce(&mut Txn<'_, MemKv>)) {
        let mut txn = Txn::new(&*kv);
        change(&mut txn);
        let writes = txn.into_writes();
        kv.write(writes);
    }

    #[test]
    fn sums_kept_up_equal_sums_made_anew_after_any_history() {
        let office = [OfficeId([1; 16]), OfficeId([2; 16])];
        for seed in 1..20 {
            let mut random_state = seed;
            let mut kv = MemKv::default();
            let mut truth: BTreeMap<(OfficeId, DossierId), HeldDigest> = BTreeMap::new();
            for _ in 0..300 {
                let id = dossier(random(&mut random_state) % 80);
                let office = office[(random(&mut random_state) % 2) as usize];
                let head = Hash([random(&mut random_state) as u8; 32]);
                let now = (!random(&mut random_state).is_multiple_of(3))
                    .then(|| digest(id, &[head], HeldDigest::default()));
                commit(&mut kv, |txn| replace(txn, office, id, now).unwrap());
                match now {
                    Some(digest) => truth.insert((office, id), digest),
                    None => truth.remove(&(office, id)),
                };
            }
            let mut anew = MemKv::default();
            commit(&mut anew, |txn| {
                for ((office, id), digest) in &truth {
                    replace(txn, *office, *id, Some(*digest)).unwrap();
                }
            });
            assert!(kv == anew, "seed {seed}");
            for office in office {
                let rows = dossiers(&kv, office, Part::Root, None, 1_000).unwrap();
                let held = truth.iter().filter(|((of, _), _)| *of == office);
                let held: BTreeSet<_> = held.map(|((_, id), digest)| (*id, *digest)).collect();
                assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), held);
                let root = bucket(&kv, office, Part::Root).unwrap();
                assert_eq!(root.count as usize, held.len());
                let mut sum = 0;
                for (branch, of_branch) in parts(&kv, office, Part::Root).unwrap() {
                    let mut below = 0;
                    for (leaf, of_leaf) in parts(&kv, office, branch).unwrap() {
                        let listed = dossiers(&kv, office, leaf, None, 1_000).unwrap();
                        assert_eq!(listed.len(), of_leaf.count as usize);
                        assert!(listed.iter().all(|(id, _)| Part::of(*id)[2] == leaf));
                        below += of_leaf.count;
                    }
                    assert_eq!(below, of_branch.count);
                    sum += below;
                }
                assert_eq!(sum, root.count);
            }
        }
    }

    #[test]
    fn every_dossier_is_listed_once_page_by_page_and_the_last_part_has_an_end() {
        let office = OfficeId([3; 16]);
        let other = OfficeId([4; 16]);
        let mut kv = MemKv::default();
        let mut ids: Vec<DossierId> = (0..500).map(dossier).collect();
        ids.push(DossierId([0xff; 16]));
        ids.push(DossierId([0; 16]));
        commit(&mut kv, |txn| {
            for id in &ids {
                replace(txn, office, *id, Some(digest(*id, &[], HeldDigest::default()))).unwrap();
            }
            replace(txn, other, ids[0], Some([1; 16])).unwrap();
        });
        let mut listed = Vec::new();
        while let page = dossiers(&kv, office, Part::Root, listed.last().copied(), 7).unwrap()
            && !page.is_empty()
        {
            listed.extend(page.into_iter().map(|(id, _)| id));
        }
        assert_eq!(listed.len(), ids.len());
        assert_eq!(listed.iter().collect::<BTreeSet<_>>(), ids.iter().collect());
        let last = Part::of(DossierId([0xff; 16]))[2];
        assert!(!dossiers(&kv, office, last, None, 10).unwrap().is_empty());
        let found = offices(&kv, None, 10).unwrap();
        assert_eq!(found.iter().map(|(office, _)| *office).collect::<Vec<_>>(), [office, other]);
        assert_eq!(offices(&kv, Some(office), 10).unwrap().len(), 1);
    }

    #[test]
    fn parts_that_do_not_exist_hold_nothing() {
        let office = OfficeId([3; 16]);
        let mut kv = MemKv::default();
        commit(&mut kv, |txn| replace(txn, office, dossier(1), Some([1; 16])).unwrap());
        for part in [Part::Branch(64), Part::Branch(255), Part::Leaf(4_096), Part::Leaf(u16::MAX)] {
            assert_eq!(bucket(&kv, office, part).unwrap(), Bucket::default());
            assert_eq!(parts(&kv, office, part).unwrap(), vec![]);
            assert_eq!(dossiers(&kv, office, part, None, 9).unwrap(), vec![]);
        }
    }
}
