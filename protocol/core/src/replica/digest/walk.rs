//! Comparing two lists that are in the same order.

use crate::{
    id::DossierId,
    state::held::{Bucket, HeldDigest, Part},
};
use std::collections::BTreeMap;

/// Parts whose sums differ, with the larger count of the two.
pub(super) fn differing_parts(
    mine: &[(Part, Bucket)],
    theirs: &[(Part, Bucket)],
) -> Vec<(Part, u32)> {
    let mine: BTreeMap<Part, Bucket> = mine.iter().copied().collect();
    let theirs: BTreeMap<Part, Bucket> = theirs.iter().copied().collect();
    let parts = mine.keys().chain(theirs.keys().filter(|part| !mine.contains_key(part)));
    let of = |side: &BTreeMap<Part, Bucket>, part| side.get(part).copied().unwrap_or_default();
    parts
        .map(|part| (*part, of(&mine, part), of(&theirs, part)))
        .filter(|(_, mine, theirs)| mine != theirs)
        .map(|(part, mine, theirs)| (part, mine.count.max(theirs.count)))
        .collect()
}

/// Dossiers that only one side has, or that differ.
pub(super) fn differing_dossiers(
    mine: &[(DossierId, HeldDigest)],
    theirs: &[(DossierId, HeldDigest)],
) -> Vec<DossierId> {
    let mut sides: BTreeMap<DossierId, [Option<HeldDigest>; 2]> = BTreeMap::new();
    for (id, digest) in mine {
        sides.entry(*id).or_default()[0] = Some(*digest);
    }
    for (id, digest) in theirs {
        sides.entry(*id).or_default()[1] = Some(*digest);
    }
    let differ = sides.into_iter().filter(|(_, [mine, theirs])| mine != theirs);
    differ.map(|(id, _)| id).collect()
}
