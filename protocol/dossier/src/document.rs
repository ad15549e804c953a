//! The document: automerge, used as a set of facts that only grows. Everything from outside is
//! checked before automerge sees it, and automerge runs under a guard.

use crate::{
    columns,
    fact::{Fact, Kind},
};
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ROOT, ReadDoc, ScalarValue, Value, legacy,
    transaction::{CommitOptions, Transactable},
};
use motcua_core::wire::chunk::Chunk;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// One change as it is signed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Raw, uncompressed automerge chunk.
    pub bytes: Vec<u8>,
    /// Automerge's name of the change.
    pub hash: [u8; 32],
    /// Changes it builds on.
    pub deps: Vec<[u8; 32]>,
    /// Operations in it.
    pub ops: u32,
}

/// Why a change cannot be part of a dossier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFault {
    /// Not a raw automerge change.
    #[error("payload is not an uncompressed automerge change")]
    NotAChange,
    /// automerge cannot read it.
    #[error("automerge cannot read the change: {0}")]
    Unreadable(String),
    /// It does something other than adding facts.
    #[error("change does more than add facts: {0}")]
    NotAppendOnly(&'static str),
    /// More operations than a change may have, or numbers out of all proportion.
    #[error("change has too many operations")]
    TooMany,
    /// The actor has written another change with this number.
    #[error("actor wrote two different changes with one number")]
    Fork,
    /// Something it builds on is not here.
    #[error("change builds on one that is not here")]
    Missing,
    /// automerge panicked.
    #[error("automerge panicked on this change")]
    Panicked,
}

/// A dossier's document.
#[derive(Debug, Clone, Default)]
pub struct Document {
    inner: Automerge,
}

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE_CHUNK: u8 = 1;
/// Operations in one change.
const MOST_OPERATIONS: usize = 1_000;
/// Highest operation number: a hostile one near the end of the range would leave no room for the
/// next honest change.
pub(crate) const HIGHEST_OPERATION: u64 = 1 << 24;

impl Document {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds facts in one change under `actor`; `at` is the claimed time in Unix milliseconds.
    ///
    /// # Errors
    /// [`ChangeFault`] when automerge refuses; the document is as it was, unless automerge
    /// panicked: it is empty then, and to be thrown away. A copy for that case would cost each
    /// save as much as the change itself.
    pub fn append(
        &mut self,
        actor: [u8; 16],
        at: i64,
        facts: &[Fact],
    ) -> Result<Written, ChangeFault> {
        let mut inner = std::mem::take(&mut self.inner);
        let (inner, written) = guarded(move || {
            inner.set_actor(ActorId::from(actor));
            let written = commit(&mut inner, at, facts);
            Ok((inner, written))
        })?;
        self.inner = inner;
        written
    }

    /// Applies changes from elsewhere, causes first.
    ///
    /// # Errors
    /// The position of the first change that cannot be applied, and why. The document then holds
    /// those before it.
    pub fn apply<'a>(
        &mut self,
        changes: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), (usize, ChangeFault)> {
        let changes: Vec<&[u8]> = changes.into_iter().collect();
        let read = |(position, bytes): (usize, &&[u8])| {
            read_change(bytes).map(|(change, _)| change).map_err(|fault| (position, fault))
        };
        let parsed: Vec<Change> = changes.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let hashes: Vec<ChangeHash> = parsed.iter().map(Change::hash).collect();
        // One call for all is several times faster than one each; only when it fails are they
        // tried one by one, to name the one that is at fault.
        let mut copy = self.inner.clone();
        let whole = guarded(move || {
            copy.apply_changes(parsed).map_err(|_| ChangeFault::Fork)?;
            Ok(copy)
        });
        if let Ok(copy) = whole
            && hashes.iter().all(|hash| copy.get_change_meta_by_hash(hash).is_some())
        {
            self.inner = copy;
            return Ok(());
        }
        for one in changes.iter().enumerate() {
            let change = read(one)?;
            self.apply_one(change).map_err(|fault| (one.0, fault))?;
        }
        Ok(())
    }

    fn apply_one(&mut self, change: Change) -> Result<(), ChangeFault> {
        if !change.deps().iter().all(|dep| self.inner.get_change_meta_by_hash(dep).is_some()) {
            return Err(ChangeFault::Missing);
        }
        let mut copy = self.inner.clone();
        self.inner = guarded(move || {
            copy.apply_changes([change]).map_err(|_| ChangeFault::Fork)?;
            Ok(copy)
        })?;
        Ok(())
    }

    /// Changes nobody builds on yet.
    pub fn heads(&self) -> BTreeSet<[u8; 32]> {
        self.inner.get_heads().into_iter().map(|ChangeHash(hash)| hash).collect()
    }

    /// Changes in the document.
    pub fn changes(&self) -> usize {
        self.inner.get_changes(&[]).len()
    }

    /// Every fact of a known kind, in order of kind and id. Where two offices wrote under one key,
    /// both values are there.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for key in self.inner.keys(ROOT) {
            let Some((word, id)) = key.split_once('/') else { continue };
            let Some(kind) = Kind::from_word(word) else { continue };
            for (value, _) in self.inner.get_all(ROOT, key.as_str()).unwrap_or_default() {
                if let Value::Scalar(scalar) = value
                    && let ScalarValue::Str(json) = scalar.as_ref()
                {
                    facts.push(Fact { id: id.into(), kind, json: json.to_string() });
                }
            }
        }
        facts.sort();
        facts
    }
}

/// The facts of a history, causes first, without the document: in a set that only grows they are
/// those of its changes, one after the other. `None` where automerge has to look: something is
/// missing, stands there twice, or cannot be read.
pub fn facts_of<'a>(changes: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<Fact>> {
    let mut seen = BTreeSet::new();
    // Number of its last change and operation, by actor.
    let mut last: BTreeMap<Vec<u8>, (u64, u64)> = BTreeMap::new();
    let mut facts = Vec::new();
    for bytes in changes {
        let change = Additions::read(bytes)?;
        let follows = last.get(&change.actor).copied().unwrap_or_default();
        let in_order = change.seq == follows.0 + 1 && change.start_op > follows.1;
        if !in_order || !change.deps.iter().all(|dep| seen.contains(dep)) {
            return None;
        }
        seen.insert(change.hash);
        last.insert(change.actor, (change.seq, change.max_op));
        facts.extend(change.facts);
    }
    facts.sort();
    Some(facts)
}

/// The facts that one change adds, whatever it builds on; `None` where it does more, or cannot be read.
pub fn facts_in(change: &[u8]) -> Option<Vec<Fact>> {
    Additions::read(change).map(|change| change.facts)
}

/// What is to be known of a change that only adds facts.
struct Additions {
    hash: [u8; 32],
    deps: Vec<[u8; 32]>,
    actor: Vec<u8>,
    seq: u64,
    start_op: u64,
    max_op: u64,
    facts: Vec<Fact>,
}

impl Additions {
    fn read(bytes: &[u8]) -> Option<Self> {
        match Self::by_columns(bytes) {
            Some(additions) => Some(additions),
            None => Self::by_automerge(bytes),
        }
    }

    /// For the shape that this program writes; a seventh of the work.
    fn by_columns(bytes: &[u8]) -> Option<Self> {
        let chunk = Chunk::parse(bytes).ok()?;
        let puts = columns::puts(&chunk, MOST_OPERATIONS)?;
        // The columns were read only where neither bound is passed.
        let max_op = chunk.start_op + puts.len() as u64 - 1;
        Some(Self {
            hash: chunk.hash.0,
            deps: chunk.deps().map(|hash| hash.0).collect(),
            actor: chunk.actor.to_vec(),
            seq: chunk.seq,
            start_op: chunk.start_op,
            max_op,
            facts: puts.into_iter().filter_map(|(key, json)| fact_of(key, json)).collect(),
        })
    }

    fn by_automerge(bytes: &[u8]) -> Option<Self> {
        let (change, operations) = read_change(bytes).ok()?;
        let puts = operations.iter().filter_map(|op| match (&op.key, &op.action) {
            (legacy::Key::Map(key), legacy::OpType::Put(ScalarValue::Str(json))) => {
                fact_of(key, json)
            }
            _ => None,
        });
        Some(Self {
            hash: change.hash().0,
            deps: change.deps().iter().map(|hash| hash.0).collect(),
            actor: change.actor_id().to_bytes().to_vec(),
            seq: change.seq(),
            start_op: change.start_op().get(),
            max_op: change.max_op(),
            facts: puts.collect(),
        })
    }
}

/// What a key and its text add, if this version knows the kind.
fn fact_of(key: &str, json: &str) -> Option<Fact> {
    let (word, id) = key.split_once('/')?;
    Some(Fact { id: id.into(), kind: Kind::from_word(word)?, json: json.to_owned() })
}

/// One change of additions to the root map, and what is signed of it.
fn commit(document: &mut Automerge, at: i64, facts: &[Fact]) -> Result<Written, ChangeFault> {
    let mut transaction = document.transaction();
    for fact in facts {
        let value = ScalarValue::Str(fact.json.as_str().into());
        transaction
            .put(ROOT, fact.key(), value)
            .map_err(|error| ChangeFault::Unreadable(error.to_string()))?;
    }
    transaction.commit_with(CommitOptions::default().with_time(at.div_euclid(1_000)));
    let change = document.get_last_local_change().ok_or(ChangeFault::NotAChange)?;
    Ok(Written {
        bytes: change.raw_bytes().to_vec(),
        hash: change.hash().0,
        deps: change.deps().iter().map(|hash| hash.0).collect(),
        ops: u32::try_from(change.len()).unwrap_or(u32::MAX),
    })
}

/// Reads one raw change, with its operations, and refuses everything but additions to the root map.
fn read_change(bytes: &[u8]) -> Result<(Change, Vec<legacy::Op>), ChangeFault> {
    if bytes.get(..4) != Some(MAGIC.as_slice()) || bytes.get(8) != Some(&CHANGE_CHUNK) {
        return Err(ChangeFault::NotAChange);
    }
    let owned = bytes.to_vec();
    guarded(move || {
        let change = Change::from_bytes(owned)
            .map_err(|error| ChangeFault::Unreadable(error.to_string()))?;
        // automerge takes a wrong checksum; one chunk must have one form.
        if change.hash().0[..4] != change.raw_bytes()[4..8] {
            return Err(ChangeFault::Unreadable("checksum is wrong".into()));
        }
        // Run-length columns can stand for far more operations than they have bytes.
        if change.len() > MOST_OPERATIONS || change.max_op() > HIGHEST_OPERATION {
            return Err(ChangeFault::TooMany);
        }
        let operations = change.decode().operations;
        for op in &operations {
            if op.obj != legacy::ObjectId::Root {
                return Err(ChangeFault::NotAppendOnly("it writes inside an object"));
            }
            if !op.pred.is_empty() {
                return Err(ChangeFault::NotAppendOnly("it overwrites or removes a value"));
            }
            match &op.action {
                legacy::OpType::Put(_) => {}
                _ => return Err(ChangeFault::NotAppendOnly("it does more than set a value")),
            }
        }
        Ok((change, operations))
    })
}

fn guarded<T>(run: impl FnOnce() -> Result<T, ChangeFault>) -> Result<T, ChangeFault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(ChangeFault::Panicked))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn fact(number: usize) -> Fact {
        Fact { id: format!("{number:026}"), kind: Kind::Note, json: format!("{{\"n\":{number}}}") }
    }

    #[test]
    fn what_is_appended_is_read_back_elsewhere() {
        let mut here = Document::new();
        let first = here.append([1; 16], 5, &[fact(1), fact(2)]).unwrap();
        let second = here.append([1; 16], 6, &[fact(3)]).unwrap();
        assert_eq!((first.ops, second.deps.as_slice()), (2, [first.hash].as_slice()));
        let mut there = Document::new();
        there.apply([first.bytes.as_slice(), &second.bytes]).unwrap();
        assert_eq!(there.facts(), here.facts());
        assert_eq!(there.heads(), here.heads());
    }

    #[test]
    fn overwriting_removing_and_nesting_are_refused() {
        let bend = |edit: &dyn Fn(&mut automerge::transaction::Transaction<'_>)| {
            let mut document = Document::new();
            let base = document.append([1; 16], 5, &[fact(1)]).unwrap();
            let mut other = document.inner.clone();
            other.set_actor(ActorId::from([2; 16]));
            let mut transaction = other.transaction();
            edit(&mut transaction);
            transaction.commit();
            let bent = other.get_last_local_change().unwrap().raw_bytes().to_vec();
            let mut there = Document::new();
            there.apply([base.bytes.as_slice()]).unwrap();
            let before = there.facts();
            let fault = there.apply([bent.as_slice()]).unwrap_err();
            assert_eq!(there.facts(), before);
            fault
        };
        let key = fact(1).key();
        for edit in [
            &(|t: &mut automerge::transaction::Transaction<'_>| t.put(ROOT, &key, "x").unwrap())
                as &dyn Fn(&mut automerge::transaction::Transaction<'_>),
            &|t| t.delete(ROOT, &key).unwrap(),
            &|t| {
                t.put_object(ROOT, "note/object", automerge::ObjType::Map).unwrap();
            },
        ] {
            assert!(matches!(bend(edit), (0, ChangeFault::NotAppendOnly(_))));
        }
    }

    #[test]
    fn a_forked_actor_and_a_missing_cause_are_named() {
        let mut a = Document::new();
        let root = a.append([1; 16], 1, &[fact(1)]).unwrap();
        let mut b = a.clone();
        let left = a.append([2; 16], 2, &[fact(2)]).unwrap();
        let right = b.append([2; 16], 2, &[fact(3)]).unwrap();
        let mut there = Document::new();
        assert_eq!(
            there.apply([root.bytes.as_slice(), &left.bytes, &right.bytes]),
            Err((2, ChangeFault::Fork))
        );
        assert_eq!(there.facts().len(), 2);
        let mut empty = Document::new();
        assert_eq!(empty.apply([left.bytes.as_slice()]), Err((0, ChangeFault::Missing)));
        assert_eq!(empty.apply([b"\x85\x6f".as_slice()]), Err((0, ChangeFault::NotAChange)));
        // Reading facts without a document leaves all of these to automerge.
        assert_eq!(facts_of([root.bytes.as_slice(), &left.bytes, &right.bytes]), None);
        assert_eq!(facts_of([left.bytes.as_slice()]), None);
        assert_eq!(facts_of([root.bytes.as_slice(), &root.bytes]), None);
        assert_eq!(facts_of([b"\x85\x6f".as_slice()]), None);
    }

    proptest! {
        #[test]
        fn the_same_changes_in_any_order_and_path_give_the_same_document(
            plan in proptest::collection::vec((0usize..3, 0usize..3), 1..24),
            order in any::<u64>(),
        ) {
            // Three offices write and now and then take over each other's work.
            let mut sites = [Document::new(), Document::new(), Document::new()];
            let root = sites[0].append([9; 16], 1, &[fact(0)]).unwrap();
            for site in &mut sites[1..] {
                site.apply([root.bytes.as_slice()]).unwrap();
            }
            let mut log: Vec<Written> = vec![root];
            for (step, (writer, reader)) in plan.iter().enumerate() {
                let written =
                    sites[*writer].append([*writer as u8; 16], step as i64, &[fact(step + 1)]).unwrap();
                log.push(written);
                let news: Vec<Vec<u8>> = sites[*writer]
                    .inner.get_changes(&[]).into_iter().map(|c| c.raw_bytes().to_vec()).collect();
                sites[*reader].apply(news.iter().map(Vec::as_slice)).unwrap();
            }
            // A reader that gets everything in another causal order.
            let mut there = Document::new();
            let mut left = log.clone();
            let mut seed = order;
            while !left.is_empty() {
                let have: BTreeSet<[u8; 32]> = there
                    .inner.get_changes(&[]).iter().map(|change| change.hash().0).collect();
                let ready: Vec<usize> = left.iter().enumerate()
                    .filter(|(_, w)| w.deps.iter().all(|dep| have.contains(dep)))
                    .map(|(place, _)| place).collect();
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let pick = ready[(seed >> 33) as usize % ready.len()];
                let next = left.remove(pick);
                there.apply([next.bytes.as_slice()]).unwrap();
                there.apply([next.bytes.as_slice()]).unwrap();
            }
            let mut whole = Document::new();
            whole.apply(log.iter().map(|written| written.bytes.as_slice())).unwrap();
            prop_assert_eq!(whole.facts(), there.facts());
            prop_assert_eq!(whole.heads(), there.heads());
            let read = facts_of(log.iter().map(|written| written.bytes.as_slice()));
            prop_assert_eq!(read, Some(whole.facts()));
        }

        #[test]
        fn bytes_from_strangers_are_faults_never_panics(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
            place in any::<proptest::sample::Index>(), bit in 0u8..8, real in any::<bool>(),
        ) {
            if real {
                let mut document = Document::new();
                bytes = document.append([1; 16], 5, &[fact(1), fact(2)]).unwrap().bytes;
                let place = place.index(bytes.len());
                bytes[place] ^= 1 << bit;
            }
            let mut there = Document::new();
            let result = there.apply([bytes.as_slice()]);
            prop_assert!(result.is_err());
            prop_assert!(there.facts().is_empty());
        }
    }
}
