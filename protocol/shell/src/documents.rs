//! Documents in memory: those whose newest change the state does not reflect yet, and those used
//! last. The desk and the fold share them, so that a clerk's save is not read back, and parsed
//! anew, by the same machine a moment later.
//!
//! Nothing here is needed to be right: whatever is missing is built from the state.

use lru::LruCache;
use motcua_core::id::{DossierId, Hash};
use motcua_dossier::{document::Document, fact::Fact};
use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Documents kept although the state reflects them. One of seven changes takes some 30 kB.
const WARM: NonZeroUsize = NonZeroUsize::new(512).expect("a positive number");

/// A document with what was read out of it.
#[derive(Debug, Clone)]
pub struct Held {
    /// The document.
    pub document: Document,
    /// Its facts, sorted.
    pub facts: Arc<Vec<Fact>>,
    /// Its changes, sorted.
    changes: Vec<Hash>,
}

impl Held {
    /// A document that consists of these changes.
    pub fn new(document: Document, changes: impl IntoIterator<Item = Hash>) -> Self {
        let mut changes: Vec<Hash> = changes.into_iter().collect();
        changes.sort_unstable();
        let facts = Arc::new(document.facts());
        Self { document, facts, changes }
    }

    /// Whether a change is in it.
    pub fn has(&self, change: &Hash) -> bool {
        self.changes.binary_search(change).is_ok()
    }

    /// The document after one more change, which added `facts`.
    pub fn grown(mut self, document: Document, change: Hash, facts: Vec<Fact>) -> Self {
        let all = Arc::make_mut(&mut self.facts);
        all.extend(facts);
        all.sort();
        if let Err(place) = self.changes.binary_search(&change) {
            self.changes.insert(place, change);
        }
        Self { document, ..self }
    }
}

/// A document with changes on their way to the disk or to the state.
#[derive(Debug)]
struct Ahead {
    held: Held,
    /// Changes that are on their way to the disk.
    under_way: usize,
    /// Journal position of the last change that is on it.
    position: u64,
    generation: u64,
    /// Whether the state's last fold had exactly these changes.
    level: bool,
}

/// What the fold found.
#[derive(Debug)]
pub(crate) enum Found {
    /// A document of exactly the changes that were asked for: its facts.
    Level(Arc<Vec<Fact>>),
    /// A document that lacks some of them; it was taken out.
    Behind(Box<Held>, BTreeSet<Hash>),
    /// Nothing of use.
    Nothing,
}

#[derive(Debug)]
struct Inner {
    ahead: HashMap<DossierId, Ahead>,
    warm: LruCache<DossierId, Held>,
    /// Journal position up to which the state reflects everything.
    applied: u64,
    /// Documents of another generation may hold what never reached the disk.
    generation: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Documents(Mutex<Inner>);

impl Default for Documents {
    fn default() -> Self {
        let warm = LruCache::new(WARM);
        Self(Mutex::new(Inner { ahead: HashMap::new(), warm, applied: 0, generation: 0 }))
    }
}

impl Inner {
    /// A document that is ahead no more is used last.
    fn settle(&mut self, id: DossierId) {
        let is_in_state = |ahead: &Ahead| ahead.under_way == 0 && ahead.position <= self.applied;
        if self.ahead.get(&id).is_some_and(is_in_state)
            && let Some(ahead) = self.ahead.remove(&id)
            && ahead.level
            && ahead.generation == self.generation
        {
            self.warm.put(id, ahead.held);
        }
    }
}

impl Documents {
    /// Takes out the newest document, to be put back by [`Self::put`] with one change more or by
    /// [`Self::give_back`] as it was. Only under the own log's lock: there is one writer.
    pub fn take(&self, id: DossierId, generation: u64) -> Option<Held> {
        let mut inner = self.lock(generation);
        match inner.ahead.get(&id) {
            // Copied, so that a reader in between never sees less than was saved.
            Some(ahead) => Some(ahead.held.clone()),
            None => inner.warm.pop(&id),
        }
    }

    /// Puts back a document that was not changed after all.
    pub fn give_back(&self, id: DossierId, held: Held, generation: u64) {
        let mut inner = self.lock(generation);
        if !inner.ahead.contains_key(&id) {
            inner.warm.put(id, held);
        }
    }

    /// A document with a change that was handed to the journal.
    pub fn put(&self, id: DossierId, held: Held, generation: u64) {
        let mut inner = self.lock(generation);
        inner.warm.pop(&id);
        let before = inner.ahead.remove(&id);
        let (under_way, position) = before.map_or((0, 0), |one| (one.under_way, one.position));
        let ahead = Ahead { held, under_way: under_way + 1, position, generation, level: false };
        inner.ahead.insert(id, ahead);
    }

    /// Facts of the newest document, if it is in memory.
    pub fn facts(&self, id: DossierId, generation: u64) -> Option<Arc<Vec<Fact>>> {
        let mut inner = self.lock(generation);
        match inner.ahead.get(&id) {
            Some(ahead) => Some(Arc::clone(&ahead.held.facts)),
            None => inner.warm.get(&id).map(|held| Arc::clone(&held.facts)),
        }
    }

    /// Changes under way: what a save waits for when the state is far behind.
    pub fn ahead(&self) -> usize {
        self.unchecked().ahead.len()
    }

    /// Whether changes of a dossier are here that the state lacks.
    pub fn is_ahead(&self, id: DossierId) -> bool {
        self.unchecked().ahead.contains_key(&id)
    }

    /// The change is on disk at this position. The state may reflect it by now: the applier does not
    /// wait until who saved has been told.
    pub fn saved(&self, id: DossierId, position: u64) {
        let mut inner = self.unchecked();
        if let Some(ahead) = inner.ahead.get_mut(&id) {
            ahead.under_way = ahead.under_way.saturating_sub(1);
            ahead.position = ahead.position.max(position);
        }
        inner.settle(id);
    }

    /// The change did not get to the disk.
    pub fn failed(&self, id: DossierId) {
        let mut inner = self.unchecked();
        inner.ahead.remove(&id);
        inner.warm.pop(&id);
    }

    /// The state has taken in everything up to `applied`.
    pub fn applied(&self, dossiers: &BTreeSet<DossierId>, applied: u64) {
        let mut inner = self.unchecked();
        inner.applied = inner.applied.max(applied);
        dossiers.iter().for_each(|id| inner.settle(*id));
    }

    /// For the fold: what there is of a dossier that consists of these changes.
    pub(crate) fn find(&self, id: DossierId, changes: impl Iterator<Item = Hash>) -> Found {
        let mut wanted: Vec<Hash> = changes.collect();
        wanted.sort_unstable();
        let mut inner = self.unchecked();
        if let Some(ahead) = inner.ahead.get_mut(&id) {
            ahead.level = ahead.held.changes == wanted;
            return match ahead.level {
                true => Found::Level(Arc::clone(&ahead.held.facts)),
                false => Found::Nothing,
            };
        }
        let Some(held) = inner.warm.get(&id) else { return Found::Nothing };
        if held.changes == wanted {
            return Found::Level(Arc::clone(&held.facts));
        }
        let mut lacking: BTreeSet<Hash> = wanted.into_iter().collect();
        let only_lacks = held.changes.iter().all(|change| lacking.remove(change));
        match inner.warm.pop(&id) {
            Some(held) if only_lacks => Found::Behind(Box::new(held), lacking),
            _ => Found::Nothing,
        }
    }

    /// For the fold: keeps a document that the state reflects.
    pub(crate) fn keep(&self, id: DossierId, held: Held) {
        let mut inner = self.unchecked();
        if !inner.ahead.contains_key(&id) {
            inner.warm.put(id, held);
        }
    }

    /// After a failed write nothing that was in memory can be trusted.
    fn lock(&self, generation: u64) -> MutexGuard<'_, Inner> {
        let mut inner = self.unchecked();
        if inner.generation != generation {
            inner.ahead.clear();
            inner.warm.clear();
            inner.generation = generation;
        }
        inner
    }

    fn unchecked(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_dossier::fact::Kind;

    const ID: DossierId = DossierId([1; 16]);

    fn fact(number: usize) -> Fact {
        Fact { id: format!("{number:026}"), kind: Kind::Note, json: format!("{{\"n\":{number}}}") }
    }

    fn grow(held: Held, actor: u8, number: usize) -> (Held, Hash) {
        let mut document = held.document.clone();
        let written = document.append([actor; 16], number as i64, &[fact(number)]).unwrap();
        let change = Hash(written.hash);
        (held.grown(document, change, vec![fact(number)]), change)
    }

    fn empty() -> Held {
        Held::new(Document::new(), [])
    }

    #[test]
    fn the_fold_finds_what_the_desk_saved_and_nothing_that_differs() {
        let documents = Documents::default();
        let (held, first) = grow(empty(), 1, 1);
        documents.put(ID, held, 0);
        documents.saved(ID, 7);
        assert!(matches!(documents.find(ID, [first].into_iter()), Found::Level(f) if f.len() == 1));
        // A second save is under way while the first is folded: the newer document stays.
        let (held, second) = grow(documents.take(ID, 0).unwrap(), 1, 2);
        documents.put(ID, held, 0);
        let found = documents.find(ID, [first].into_iter());
        assert!(matches!(found, Found::Nothing));
        documents.applied(&BTreeSet::from([ID]), 7);
        assert_eq!(documents.facts(ID, 0).unwrap().len(), 2);
        assert_eq!(documents.ahead(), 1);
        documents.saved(ID, 8);
        assert!(matches!(documents.find(ID, [second, first].into_iter()), Found::Level(_)));
        documents.applied(&BTreeSet::from([ID]), 8);
        assert_eq!((documents.ahead(), documents.facts(ID, 0).unwrap().len()), (0, 2));
    }

    #[test]
    fn a_document_leaves_memory_although_the_state_had_it_before_the_clerk_was_told() {
        let documents = Documents::default();
        let (held, change) = grow(empty(), 1, 1);
        documents.put(ID, held, 0);
        assert!(matches!(documents.find(ID, [change].into_iter()), Found::Level(_)));
        documents.applied(&BTreeSet::from([ID]), 7);
        assert_eq!(documents.ahead(), 1, "nobody said yet that it is on disk");
        documents.saved(ID, 7);
        assert_eq!((documents.ahead(), documents.facts(ID, 0).unwrap().len()), (0, 1));
    }

    #[test]
    fn a_document_stays_while_one_of_its_changes_is_under_way_and_nothing_is_built_on_less() {
        let documents = Documents::default();
        documents.put(ID, grow(empty(), 1, 1).0, 0);
        let (held, _) = grow(documents.take(ID, 0).unwrap(), 1, 2);
        documents.put(ID, held, 0);
        documents.saved(ID, 7);
        documents.applied(&BTreeSet::from([ID]), 7);
        assert_eq!(documents.take(ID, 0).unwrap().facts.len(), 2, "the second is on no disk yet");
        documents.saved(ID, 8);
        assert_eq!(documents.ahead(), 1, "the state does not have it");
        documents.applied(&BTreeSet::from([ID]), 8);
        assert_eq!(documents.ahead(), 0);
    }

    #[test]
    fn a_document_that_lacks_a_colleagues_change_never_serves_the_desk() {
        let documents = Documents::default();
        let (base, first) = grow(empty(), 1, 1);
        let (theirs, foreign) = grow(base.clone(), 2, 2);
        let (mine, own) = grow(base, 1, 3);
        documents.put(ID, mine, 0);
        documents.saved(ID, 9);
        let all = || [first, foreign, own].into_iter();
        assert!(matches!(documents.find(ID, all()), Found::Nothing));
        documents.applied(&BTreeSet::from([ID]), 9);
        assert!(documents.facts(ID, 0).is_none(), "it lacks what the state has");
        documents.keep(ID, theirs);
        let Found::Behind(_, lacking) = documents.find(ID, all()) else { panic!("it lacks one") };
        assert_eq!(lacking, BTreeSet::from([own]));
        assert!(documents.facts(ID, 0).is_none(), "taken out while it is brought up");
    }

    #[test]
    fn after_a_failed_write_nothing_in_memory_is_used() {
        let documents = Documents::default();
        documents.put(ID, grow(empty(), 1, 1).0, 0);
        assert!(documents.take(ID, 1).is_none());
        let (held, first) = grow(empty(), 1, 1);
        documents.put(ID, held, 1);
        documents.failed(ID);
        assert!(documents.facts(ID, 1).is_none());
        assert!(matches!(documents.find(ID, [first].into_iter()), Found::Nothing));
    }

    #[test]
    fn facts_that_grew_are_those_of_the_document() {
        let mut held = empty();
        for number in [5, 1, 3] {
            held = grow(held, 1, number).0;
        }
        assert_eq!(*held.facts, held.document.facts());
    }
}
