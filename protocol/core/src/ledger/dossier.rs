//! One dossier while a batch is applied: its history in memory, what is accepted, what the
//! content makes of it.

use super::{Content, Folded};
use crate::{
    entry::Kind,
    id::{DossierId, Hash, LogId},
    state::{
        Key, Kv, StoreError, Txn, history,
        history::{Stored, Verdict},
        rows::Dossier,
    },
};
use std::collections::{BTreeSet, HashMap};

pub(super) struct DossierWork {
    pub(super) row: Dossier,
    /// Whole history, causes before effects.
    pub(super) all: Vec<Stored>,
    /// How many of `all` were stored before this batch.
    stored: usize,
    /// Place in `all` by change hash.
    by_change: HashMap<Hash, usize>,
    /// A stored verdict changed, so the history is written anew.
    rewritten: bool,
}

impl DossierWork {
    pub(super) fn load<K: Kv + ?Sized>(
        txn: &Txn<'_, K>,
        id: DossierId,
    ) -> Result<Self, StoreError> {
        let row: Dossier = txn.row(Key::Dossier(id))?.unwrap_or_default();
        let all = history::read(txn, id, &row)?;
        let by_change =
            all.iter().enumerate().map(|(at, s)| (s.entry.header.change_hash, at)).collect();
        Ok(Self { row, stored: all.len(), all, by_change, rewritten: false })
    }

    pub(super) fn is_new(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn holds(&self, log: LogId, sequence: u64) -> bool {
        self.all.iter().any(|stored| (stored.log, stored.sequence) == (log, sequence))
    }

    pub(super) fn place_of(&self, change: &Hash) -> Option<usize> {
        self.by_change.get(change).copied()
    }

    pub(super) fn push(&mut self, stored: Stored) -> usize {
        let place = self.all.len();
        self.by_change.insert(stored.entry.header.change_hash, place);
        self.row.entries += 1;
        self.row.bytes += u64::from(stored.entry.header.payload_len);
        self.all.push(stored);
        place
    }

    /// Places of everything the given changes build on, themselves included.
    pub(super) fn past(&self, changes: &[Hash]) -> BTreeSet<usize> {
        let mut past = BTreeSet::new();
        let mut open: Vec<usize> = changes.iter().filter_map(|hash| self.place_of(hash)).collect();
        while let Some(place) = open.pop() {
            if past.insert(place) {
                let deps = &self.all[place].entry.header.deps;
                open.extend(deps.iter().filter_map(|hash| self.place_of(hash)));
            }
        }
        past
    }

    /// Folds what is accepted. An entry that the content cannot apply is held, with everything
    /// that builds on it; the rest of the dossier goes on.
    pub(super) fn fold(&mut self, id: DossierId, content: &mut impl Content) -> Folded {
        loop {
            let accepted: Vec<usize> = (0..self.all.len())
                .filter(|place| {
                    let stored = &self.all[*place];
                    stored.verdict.applies() && stored.entry.header.kind.is_change()
                })
                .collect();
            let entries: Vec<&Stored> = accepted.iter().map(|place| &self.all[*place]).collect();
            match content.fold(id, &entries) {
                Ok(folded) => {
                    self.row.heads = self.heads(&accepted);
                    return folded;
                }
                Err(fault) => match accepted.get(fault.position) {
                    Some(place) => self.hold(*place, fault.reason),
                    // A fault that names no entry would loop for ever; nothing is shown instead.
                    None => return Folded::default(),
                },
            }
        }
    }

    pub(super) fn write<K: Kv + ?Sized>(
        &mut self,
        txn: &mut Txn<'_, K>,
        id: DossierId,
    ) -> Result<(), StoreError> {
        self.row.held = self.all.iter().filter(|s| !s.verdict.applies()).count() as u32;
        let stored = if self.rewritten { 0 } else { self.stored };
        if self.all.len() > stored {
            history::write(txn, id, &mut self.row, &self.all, stored)?;
        }
        txn.put_row(Key::Dossier(id), &self.row);
        Ok(())
    }

    fn hold(&mut self, place: usize, reason: String) {
        self.set_held(place, reason);
        // `all` has causes before effects, so one pass finds every effect.
        for later in place + 1..self.all.len() {
            let builds_on_held = self.all[later].entry.header.deps.iter().any(|dep| {
                self.place_of(dep).is_some_and(|place| !self.all[place].verdict.applies())
            });
            if builds_on_held && self.all[later].verdict.applies() {
                self.set_held(later, super::rules::BUILDS_ON_HELD.into());
            }
        }
    }

    fn set_held(&mut self, place: usize, reason: String) {
        self.rewritten |= place < self.stored;
        let stored = &mut self.all[place];
        stored.verdict = Verdict::Held;
        stored.reason = reason;
    }

    fn heads(&self, accepted: &[usize]) -> Vec<Hash> {
        let built_on: BTreeSet<&Hash> =
            accepted.iter().flat_map(|place| &self.all[*place].entry.header.deps).collect();
        let mut heads: Vec<Hash> = accepted
            .iter()
            .map(|place| self.all[*place].entry.header.change_hash)
            .filter(|change| !built_on.contains(change))
            .collect();
        heads.sort();
        heads
    }

    /// The creation, if it is here and accepted.
    pub(super) fn root(&self) -> Option<&Stored> {
        self.all.iter().find(|s| s.entry.header.kind == Kind::Create && s.verdict.applies())
    }
}
