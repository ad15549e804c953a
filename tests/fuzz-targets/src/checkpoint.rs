//! Proofs and signed heads: whatever leaves, hashes and sizes somebody hands in, nothing proves an
//! entry into a signed tree that does not stand in it.

use crate::{Outcome, bytes::Tape};
use motcua_core::{
    id::{DomainId, Hash, LogId},
    key::SecretKey,
    log::{Checkpoint, Frontier, Multiproof, branch, split},
};

pub const FREE: u8 = 0;
pub const BENT: u8 = 1;
pub const HEAD: u8 = 2;
const DOMAIN: DomainId = DomainId([7; 16]);
const LOG: LogId = LogId([3; 16]);
/// Leaves of the largest tree.
const LEAVES: u64 = 40;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    match tape.byte() % 3 {
        FREE => free(&mut tape),
        BENT => bent(&mut tape),
        _ => head(&mut tape),
    }
}

fn leaf(index: u64) -> Hash {
    Hash(*blake3::hash(&index.to_le_bytes()).as_bytes())
}

/// The hash over leaves `from..to`, made the long way.
fn subtree(from: u64, to: u64) -> Hash {
    if to - from == 1 {
        return leaf(from);
    }
    let middle = from + split(to - from);
    branch(&subtree(from, middle), &subtree(middle, to))
}

/// Any proof over any leaves: if it adds up to the root of the tree, every leaf stands there.
fn free(tape: &mut Tape<'_>) -> Outcome {
    let size = u64::from(tape.byte()) % LEAVES + 1;
    let leaves = some_leaves(tape);
    let Ok(proof) = postcard::from_bytes::<Multiproof>(tape.0) else { return Outcome::Refused };
    proves_only_what_stands(&proof, &leaves, size)
}

/// A true proof of some entries, of which pieces are taken, put in or changed.
fn bent(tape: &mut Tape<'_>) -> Outcome {
    let size = u64::from(tape.byte()) % LEAVES + 1;
    let bits = u64::from(tape.short()) | u64::from(tape.short()) << 16;
    let wanted: Vec<u64> = (0..size).filter(|at| bits >> (at % 32) & 1 == 1).collect();
    let built = Multiproof::build(size, &wanted, |from, to| Some(subtree(from, to)));
    let Ok(mut proof) = built else { return Outcome::Refused };
    let mut leaves: Vec<(u64, Hash)> = wanted.iter().map(|at| (*at, leaf(*at))).collect();
    let untouched = tape.0.is_empty();
    while !tape.0.is_empty() {
        let (what, at) = (tape.byte(), usize::from(tape.byte()));
        let count = proof.nodes.len();
        match what % 6 {
            0 => drop((at < proof.nodes.len()).then(|| proof.nodes.remove(at))),
            1 => proof.nodes.insert(at.min(proof.nodes.len()), leaf(at as u64)),
            2 if count > 0 => proof.nodes.swap(at % count, 0),
            3 => proof.size = proof.size.wrapping_add(at as u64).wrapping_sub(8),
            4 if !leaves.is_empty() => {
                let place = at % leaves.len();
                leaves[place] = (u64::from(tape.byte()) % LEAVES, leaves[place].1);
            }
            _ => leaves.push((at as u64 % LEAVES, subtree(0, size))),
        }
    }
    let outcome = proves_only_what_stands(&proof, &leaves, size);
    assert!(!untouched || outcome == Outcome::Taken, "a true proof holds");
    outcome
}

fn some_leaves(tape: &mut Tape<'_>) -> Vec<(u64, Hash)> {
    let count = tape.byte() % 8;
    (0..count)
        .map(|_| {
            let (index, of) = (tape.byte(), tape.byte());
            (u64::from(index), leaf(u64::from(of)))
        })
        .collect()
}

fn proves_only_what_stands(proof: &Multiproof, leaves: &[(u64, Hash)], size: u64) -> Outcome {
    let all: Vec<u64> = leaves.iter().map(|(index, _)| *index).collect();
    let root = proof.root(leaves.iter().copied());
    let part = proof.restrict(leaves.iter().copied(), &all[..all.len().min(1)]);
    if root != Ok(subtree(0, size)) || proof.size != size {
        return Outcome::Refused;
    }
    // Of two leaves at one place the last one counts.
    let last: std::collections::BTreeMap<u64, Hash> = leaves.iter().copied().collect();
    for (index, hash) in &last {
        assert!(*index < size && *hash == leaf(*index), "entry {index} is proved and is not there");
    }
    let first = all[0];
    let part = part.expect("what is proved together is proved alone");
    assert_eq!(part.root([(first, leaf(first))]), root, "a relay's proof");
    Outcome::Taken
}

/// A head is taken only as its author signed it, in its domain.
fn head(tape: &mut Tape<'_>) -> Outcome {
    let author = SecretKey::from_seed([5; 32]);
    let mut tree = Frontier::default();
    (0..u64::from(tape.byte()) % LEAVES).for_each(|index| tree.push(leaf(index)));
    assert!(tree.is_consistent());
    assert!(tree.size() == 0 || tree.root() == subtree(0, tree.size()), "appended or at once");
    let signed = Checkpoint::sign(&author, DOMAIN, LOG, tree.size(), tree.root());
    let mut bytes = postcard::to_allocvec(&signed).expect("a head is written");
    while !tape.0.is_empty() {
        let at = usize::from(tape.byte()) % bytes.len();
        bytes[at] ^= tape.byte();
    }
    let Ok(read) = postcard::from_bytes::<Checkpoint>(&bytes) else { return Outcome::Refused };
    let holds = read.verify(&author.public(), DOMAIN).is_ok();
    assert_eq!(holds, read == signed, "signed is what was signed");
    assert!(read.verify(&author.public(), DomainId([8; 16])).is_err(), "of another city");
    if holds { Outcome::Taken } else { Outcome::Refused }
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let proof = |size: u64, wanted: &[u64]| {
        let proof = Multiproof::build(size, wanted, |from, to| Some(subtree(from, to)));
        let mut out = vec![FREE, size as u8 - 1, wanted.len() as u8];
        wanted.iter().for_each(|at| out.extend([*at as u8, *at as u8]));
        out.extend(postcard::to_allocvec(&proof.expect("it is there")).expect("it is written"));
        out
    };
    let mut wrong = proof(9, &[2]);
    wrong[4] = 3;
    vec![
        ("one-of-nine".into(), proof(9, &[4])),
        ("three-of-forty".into(), proof(40, &[0, 17, 39])),
        ("all-of-four".into(), proof(4, &[0, 1, 2, 3])),
        ("another-leaf".into(), wrong),
        ("no-proof".into(), vec![FREE, 3, 1, 0, 0, 0xff, 0xff]),
        ("true".into(), vec![BENT, 20, 0x11, 0x02, 0, 0]),
        ("a-hash-less".into(), vec![BENT, 20, 0x11, 0x02, 0, 0, 0, 1]),
        ("a-hash-more".into(), vec![BENT, 20, 0x11, 0x02, 0, 0, 1, 1]),
        ("another-size".into(), vec![BENT, 20, 0x11, 0x02, 0, 0, 3, 9]),
        ("head".into(), vec![HEAD, 17]),
        ("bent-head".into(), vec![HEAD, 17, 20, 1]),
    ]
}
