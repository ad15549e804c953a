//! What must be true of a city, from outside: who wrote what, what was promised to whom, and who may
//! see it. Sets and names only; nothing of the production code's rules, and no documents.

pub mod holdings;

use crate::{
    machine::Attempt,
    shape::{OfficeAt, office_id},
};
use motcua_core::{
    entry::{AudienceAction, Kind},
    id::{DossierId, Hash, LogId, NodeId},
};
use std::collections::{BTreeMap, BTreeSet};

/// One entry that somebody wrote.
#[derive(Debug, Clone)]
pub struct Written {
    /// What was handed to the journal.
    pub attempt: Attempt,
    /// At which machine.
    pub machine: usize,
    /// The clerk was told that it is saved.
    pub saved: bool,
    /// A fault that may lose it has destroyed the last copy.
    pub lost: bool,
    /// The request that it answers.
    pub request: u64,
}

/// See the module.
#[derive(Default)]
pub struct Model {
    /// By leaf.
    pub written: BTreeMap<Hash, Written>,
    /// Leaf of each ticket.
    pub tickets: BTreeMap<u64, Hash>,
    /// Offices that somebody ever let into a dossier.
    pub parties: BTreeMap<DossierId, BTreeSet<OfficeAt>>,
    /// What each hub said it has on its disk, and was not set back since.
    pub acked: BTreeMap<usize, BTreeSet<Hash>>,
    /// Leaf of each place that was given in a log at a machine.
    pub places: BTreeMap<(LogId, u64), BTreeSet<Hash>>,
    /// Logs of which somebody noticed that there are two histories.
    pub diverged: BTreeSet<LogId>,
    /// Dossiers in which a hub decided, or a machine wrote that was ever denied.
    pub ruled: BTreeSet<DossierId>,
    /// Dossiers in which a hub decided.
    pub decided: BTreeSet<DossierId>,
    denied: BTreeSet<NodeId>,
    by_change: BTreeMap<Hash, Hash>,
}

impl Model {
    /// Something was handed to a journal.
    pub fn write(&mut self, machine: usize, request: u64, attempt: Attempt, office: OfficeAt) {
        let parties = self.parties.entry(attempt.dossier).or_default();
        if attempt.kind == Kind::Create {
            parties.insert(office);
        }
        for op in &attempt.audience {
            if op.action == AudienceAction::Add {
                parties.insert(usize::from(op.office.0[0]) - 1);
            }
        }
        debug_assert_eq!(office_id(office).0[0] as usize, office + 1);
        if attempt.kind == Kind::Decision {
            self.decided.insert(attempt.dossier);
        }
        if attempt.kind == Kind::Decision || self.denied.contains(&attempt.node) {
            self.ruled.insert(attempt.dossier);
        }
        let leaf = attempt.leaf;
        self.tickets.insert(attempt.ticket, leaf);
        self.places.entry((attempt.log, attempt.sequence)).or_default().insert(leaf);
        if attempt.kind != Kind::Decision {
            self.by_change.insert(attempt.change, leaf);
        }
        let written = Written { attempt, machine, saved: false, lost: false, request };
        self.written.insert(leaf, written);
    }

    /// A machine is denied: what it wrote may not count, now or for a while.
    pub fn deny(&mut self, node: NodeId) {
        self.denied.insert(node);
        let by = self.written.values().filter(|written| written.attempt.node == node);
        self.ruled.extend(by.map(|written| written.attempt.dossier));
    }

    /// A clerk was told "saved"; gives the leaf.
    pub fn saved(&mut self, ticket: u64) -> Option<Hash> {
        let leaf = *self.tickets.get(&ticket)?;
        self.written.get_mut(&leaf)?.saved = true;
        Some(leaf)
    }

    /// Whether an entry was promised and nothing that may lose it has happened, nor to what it
    /// builds on.
    pub fn is_owed(&self, leaf: &Hash) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![*leaf];
        while let Some(leaf) = open.pop() {
            let Some(written) = self.written.get(&leaf) else { return false };
            if written.lost {
                return false;
            }
            let deps = written.attempt.deps.iter().filter_map(|dep| self.by_change.get(dep));
            open.extend(deps.filter(|dep| seen.insert(**dep)).copied());
        }
        self.written.get(leaf).is_some_and(|written| written.saved)
    }

    /// All that is owed.
    pub fn owed(&self) -> Vec<Hash> {
        self.written.keys().filter(|leaf| self.is_owed(leaf)).copied().collect()
    }

    /// A machine, or what its disk held, is gone; `held` is what all disks hold now. Gives what is
    /// gone although some machine that was not touched had acknowledged it.
    pub fn after_loss(&mut self, held: &BTreeSet<Hash>) -> Vec<Hash> {
        let promised: BTreeSet<Hash> = self.acked.values().flatten().copied().collect();
        let mut broken = Vec::new();
        for (leaf, written) in &mut self.written {
            if written.saved && !written.lost && !held.contains(leaf) {
                written.lost = true;
                if promised.contains(leaf) {
                    broken.push(*leaf);
                }
            }
        }
        broken
    }
}
