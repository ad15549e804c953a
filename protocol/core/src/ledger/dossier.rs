//! One dossier while a batch is applied: its history in memory, what is accepted, what the
//! content makes of it.

use super::{
    Content, Folded,
    cause::{Cause, Code},
    verdicts::{self, Court, Faults},
};
use crate::{
    entry::{Entry, Kind},
    id::{DossierId, Hash, LogId},
    limits,
    state::{
        Key, Kv, StoreError, Txn, held, history,
        history::{Stored, Verdict},
        rows::Dossier,
    },
};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
};

pub(super) struct DossierWork {
    pub(super) row: Dossier,
    /// The history, causes before effects: whole, or without its first `unread` entries.
    pub(super) all: Vec<Stored>,
    /// Entries at the front of the history that were not read: plain ones, see [`super::plain`].
    pub(super) unread: usize,
    /// How many of `all` were stored before this batch.
    stored: usize,
    /// Place in `all` by change hash.
    by_change: HashMap<Hash, usize>,
    /// A stored verdict changed, so the history is written anew.
    rewritten: bool,
    /// Something happened that the content has not seen.
    pub(super) unfolded: bool,
    /// All verdicts must be made anew.
    anew: bool,
    /// Verdicts as they were when inboxes were last filled, by place.
    pub(super) told: Vec<Verdict>,
}

impl DossierWork {
    /// The row alone; the history stays unread until somebody asks.
    pub(super) fn open<K: Kv + ?Sized>(
        txn: &Txn<'_, K>,
        id: DossierId,
    ) -> Result<Self, StoreError> {
        let row: Dossier = txn.row(Key::Dossier(id))?.unwrap_or_default();
        Ok(Self {
            unread: row.entries as usize,
            row,
            all: Vec::new(),
            stored: 0,
            by_change: HashMap::new(),
            rewritten: false,
            unfolded: false,
            anew: false,
            told: Vec::new(),
        })
    }

    /// Row and history.
    pub(super) fn load<K: Kv + ?Sized>(
        txn: &Txn<'_, K>,
        id: DossierId,
    ) -> Result<Self, StoreError> {
        let mut work = Self::open(txn, id)?;
        work.read(txn, id)?;
        Ok(work)
    }

    /// Reads the history that is not here yet. Places stay what they were.
    pub(super) fn read<K: Kv + ?Sized>(
        &mut self,
        txn: &Txn<'_, K>,
        id: DossierId,
    ) -> Result<(), StoreError> {
        if self.unread == 0 {
            return Ok(());
        }
        let mut all = history::read(txn, id, &self.row)?;
        if all.len() != self.unread {
            return Err(StoreError::Corrupt { what: "dossier history" });
        }
        (self.stored, self.unread) = (all.len(), 0);
        let fresh = std::mem::take(&mut self.told);
        self.told = all.iter().map(|stored| stored.verdict).chain(fresh).collect();
        all.append(&mut self.all);
        self.all = all;
        self.by_change.clear();
        for (at, stored) in self.all.iter().enumerate() {
            if verdicts::names(stored) && !is_forged(stored) {
                self.by_change.entry(stored.entry.header.change_hash).or_insert(at);
            }
        }
        Ok(())
    }

    /// The parts in which a catch-up brought the history become one when it is written.
    pub(super) fn join_parts(&mut self) {
        self.rewritten |= self.row.parts > 1 && history::is_short(&self.row);
    }

    pub(super) fn is_new(&self) -> bool {
        self.all.is_empty() && self.unread == 0
    }

    pub(super) fn is_whole(&self) -> bool {
        self.unread == 0
    }

    /// Whether this very entry is here. The number alone does not say so: a machine that was set
    /// back gives numbers of its log a second time, and learns from its hub what the first were.
    pub(super) fn holds(&self, log: LogId, sequence: u64, entry: &Entry) -> bool {
        let change = entry.header.change_hash;
        self.all.iter().any(|stored| {
            (stored.log, stored.sequence) == (log, sequence)
                && stored.entry.header.change_hash == change
        })
    }

    /// The same entry, header and payload, in other logs: which, and whether it is accepted.
    pub(super) fn same_entries(&self, entry: &Entry) -> Vec<(LogId, bool)> {
        let change = entry.header.change_hash;
        let named = self.all.iter().filter(|stored| stored.entry.header.change_hash == change);
        let named: Vec<&Stored> = named.collect();
        if named.is_empty() {
            return Vec::new();
        }
        let leaf = entry.leaf();
        let same = named.into_iter().filter(|stored| stored.entry.leaf() == leaf);
        same.map(|stored| (stored.log, stored.verdict.applies())).collect()
    }

    pub(super) fn place_of(&self, change: &Hash) -> Option<usize> {
        self.by_change.get(change).copied()
    }

    /// Whether a change has arrived, if only as a forged copy: what builds on it is then judged with it,
    /// and does not wait. That must not depend on whether the copy was judged already.
    pub(super) fn has_arrived(&self, change: &Hash) -> bool {
        let claims =
            |stored: &Stored| verdicts::names(stored) && stored.entry.header.change_hash == *change;
        self.by_change.contains_key(change) || self.all.iter().any(claims)
    }

    /// Whether a quick look at the next entry will not do.
    pub(super) fn must_be_judged(&self) -> bool {
        self.anew || self.row.ruled
    }

    /// What has come back of an evicted history waits until all of it has: nothing is judged or shown.
    pub(super) fn wait_for_the_rest(&mut self) {
        (self.anew, self.unfolded) = (false, false);
    }

    /// All verdicts are to be made anew before anybody is told anything.
    pub(super) fn judge_anew(&mut self) {
        self.anew = true;
        self.unfolded = true;
    }

    pub(super) fn push(&mut self, stored: Stored) -> usize {
        let place = self.unread + self.all.len();
        if !self.is_whole() {
            self.grow_heads(&stored);
        } else if verdicts::names(&stored) {
            self.by_change.insert(stored.entry.header.change_hash, place);
        }
        self.row.entries += 1;
        self.row.bytes += u64::from(stored.entry.header.payload_len);
        self.unfolded = true;
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

    /// Judges, where that is needed, and folds what is accepted. An entry that the content cannot
    /// apply is held, with everything that builds on it; the rest of the dossier goes on.
    pub(super) fn fold(
        &mut self,
        id: DossierId,
        content: &mut impl Content,
        court: &Court<'_>,
    ) -> Folded {
        self.unfolded = false;
        if self.lacks_payloads() {
            // Purged later in the journal that is being replayed; nobody is shown it.
            if self.must_be_judged() {
                self.take(verdicts::rule(&self.all, court, &Faults::new()));
            }
            self.anew = false;
            let applied: Vec<usize> =
                (0..self.all.len()).filter(|place| self.is_applied(*place)).collect();
            self.row.heads = self.heads(&applied);
            self.row.beside = self.beside();
            return Folded::default();
        }
        if !self.must_be_judged() {
            let applied: Vec<usize> =
                (0..self.all.len()).filter(|place| self.is_applied(*place)).collect();
            match content.fold(id, &self.entries(&applied)) {
                Ok(folded) => {
                    self.settle_heads();
                    return folded;
                }
                // Which entry is at fault must not depend on which came first.
                Err(_) => self.anew = true,
            }
        }
        self.anew = false;
        let mut faults = Faults::new();
        loop {
            self.take(verdicts::rule(&self.all, court, &faults));
            let applied = self.applied_in_order();
            let fault = match content.fold(id, &self.entries(&applied)) {
                Ok(folded) => {
                    self.settle_heads();
                    return folded;
                }
                Err(fault) => fault,
            };
            // A fault that names no entry would loop for ever; nothing is shown instead.
            let Some(at) = applied.get(fault.position) else { return Folded::default() };
            let crowded = faults.len() >= limits::DOSSIER_FAULTS;
            let held = if crowded { &applied[fault.position..] } else { std::slice::from_ref(at) };
            for place in held {
                let stored = &self.all[*place];
                let reason = fault.reason.chars().take(limits::REASON_BYTES / 4).collect();
                faults.insert((stored.log, stored.sequence), reason);
            }
        }
    }

    fn lacks_payloads(&self) -> bool {
        self.all
            .iter()
            .any(|stored| stored.entry.payload.is_empty() && stored.entry.header.payload_len > 0)
    }

    /// Makes the verdicts those of `rulings`.
    fn take(&mut self, rulings: Vec<verdicts::Ruling>) {
        // From the first entry that is not plain, a quick look will not do any more.
        self.row.ruled = rulings.iter().zip(&self.all).any(|(ruling, stored)| {
            let kind = stored.entry.header.kind;
            ruling.verdict != Verdict::Accepted
                || matches!(kind, Kind::Decision | Kind::Administrative)
                || verdicts::takes_out(stored)
        });
        for (place, ruling) in rulings.into_iter().enumerate() {
            self.name_after(place, &ruling);
            let reason = ruling.cause.to_string();
            let stored = &mut self.all[place];
            if (stored.verdict, &stored.reason) != (ruling.verdict, &reason) {
                (stored.verdict, stored.reason) = (ruling.verdict, reason);
                self.rewritten |= place < self.stored;
            }
        }
    }

    /// A forged entry does not stand for the change that it claims to be, see [`is_forged`].
    fn name_after(&mut self, place: usize, ruling: &verdicts::Ruling) {
        if place == 0 {
            self.by_change.clear();
        }
        let stored = &self.all[place];
        if verdicts::names(stored) && ruling.cause.code != Code::Forged {
            self.by_change.entry(stored.entry.header.change_hash).or_insert(place);
        }
    }

    pub(super) fn write<K: Kv + ?Sized>(
        &mut self,
        txn: &mut Txn<'_, K>,
        id: DossierId,
    ) -> Result<(), StoreError> {
        if !self.is_whole() {
            if !history::is_due(&self.row) {
                history::append_loosely(txn, id, &mut self.row, &self.all)?;
                txn.put_row(Key::Dossier(id), &self.row);
                return Ok(());
            }
            self.read(txn, id)?;
        }
        self.row.held = self.all.iter().filter(|s| !s.verdict.applies()).count() as u32;
        let stored = if self.rewritten { 0 } else { self.stored };
        if self.all.len() > stored {
            history::write(txn, id, &mut self.row, &self.all, stored)?;
        }
        txn.put_row(Key::Dossier(id), &self.row);
        Ok(())
    }

    fn is_applied(&self, place: usize) -> bool {
        let stored = &self.all[place];
        stored.verdict.applies() && stored.entry.header.kind.is_change()
    }

    fn entries(&self, places: &[usize]) -> Vec<&Stored> {
        places.iter().map(|place| &self.all[*place]).collect()
    }

    /// Applied changes in an order that does not depend on arrival: causes first, then by name.
    fn applied_in_order(&self) -> Vec<usize> {
        let applied: Vec<usize> =
            (0..self.all.len()).filter(|place| self.is_applied(*place)).collect();
        let mut effects: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut causes: HashMap<usize, usize> = HashMap::new();
        for place in &applied {
            let deps = self.all[*place].entry.header.deps.iter();
            let deps: BTreeSet<usize> = deps.filter_map(|dep| self.place_of(dep)).collect();
            causes.insert(*place, deps.len());
            deps.into_iter().for_each(|dep| effects.entry(dep).or_default().push(*place));
        }
        let name = |place: usize| {
            let stored = &self.all[place];
            Reverse((stored.entry.header.change_hash, stored.log, stored.sequence, place))
        };
        let free = applied.iter().filter(|place| causes.get(place) == Some(&0));
        let mut ready: BinaryHeap<_> = free.map(|place| name(*place)).collect();
        let mut order = Vec::with_capacity(applied.len());
        while let Some(Reverse((.., place))) = ready.pop() {
            order.push(place);
            for effect in effects.get(&place).into_iter().flatten() {
                if let Some(left) = causes.get_mut(effect) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(name(*effect));
                    }
                }
            }
        }
        order
    }

    /// What nobody builds on, among all that is passed on: not among what this version can read,
    /// or two replicas would differ for no other reason.
    pub(super) fn settle_heads(&mut self) {
        if !self.is_whole() {
            // They have grown with each entry.
            return;
        }
        let relayed = |place: &usize| {
            let stored = &self.all[*place];
            stored.verdict.relays() && stored.entry.header.kind.is_change()
        };
        let places: Vec<usize> = (0..self.all.len()).filter(relayed).collect();
        self.row.heads = self.heads(&places);
        self.row.beside = self.beside();
    }

    /// What is passed on and in no head.
    fn beside(&self) -> held::HeldDigest {
        let is_beside = |one: &&Stored| one.verdict.relays() && !one.entry.header.kind.is_change();
        held::beside(self.all.iter().filter(is_beside).map(|stored| stored.entry.leaf()))
    }

    /// A plain change on top of everything takes the place of what it builds on.
    fn grow_heads(&mut self, stored: &Stored) {
        let header = &stored.entry.header;
        self.row.heads.retain(|head| !header.deps.contains(head));
        if let Err(place) = self.row.heads.binary_search(&header.change_hash) {
            self.row.heads.insert(place, header.change_hash);
        }
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
        heads.dedup();
        heads
    }
}

/// Whether it was found to be another's work under the author's name.
fn is_forged(stored: &Stored) -> bool {
    !stored.verdict.applies() && Cause::parse(&stored.reason).code == Code::Forged
}
