//! The ledger: what a replica makes of the journal. It judges entries by pure rules, keeps each
//! dossier's history, and numbers what every office below must see.
//!
//! [`Ledger::apply`] is a function of the records in journal order (and of decisions already
//! recorded): how they are cut into batches changes nothing, so state that was lost comes back
//! with every number as it was.

mod arrive;
mod dossier;
mod fanout;
mod routes;
mod rules;
mod scans;

pub(crate) use arrive::{POSITIONS, attestation};

use crate::{
    id::{DossierId, LogId, NodeId, OfficeId},
    record::{Exception, Record},
    state::{
        Key, Kv, StoreError, Txn, held,
        history::{Stored, Verdict},
        rows::{Meta, Summary},
    },
    trust::TrustView,
};
use dossier::DossierWork;
use routes::Routes;
use std::collections::{BTreeMap, BTreeSet};

/// Layout of the state; raised whenever old state must be rebuilt.
pub const STATE_LAYOUT: u16 = 3;

/// What a dossier's payloads mean; the core itself never looks into them.
pub trait Content {
    /// Folds the accepted entries of a dossier, given in an order in which causes come first.
    ///
    /// # Errors
    /// [`ContentFault`] names the entry that cannot be applied; it is then held and the rest is
    /// folded again without it and what builds on it.
    fn fold(&mut self, dossier: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault>;
}

/// What the content made of a dossier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// Shown in lists and look-ups.
    pub summary: Vec<u8>,
    /// Index rows; each key begins with [`Key::CONTENT`].
    pub index: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An entry whose payload cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFault {
    /// Position in the slice that was given.
    pub position: usize,
    /// Why, in words.
    pub reason: String,
}

/// Who this replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Me {
    /// This machine.
    pub node: NodeId,
    /// Its office.
    pub office: OfficeId,
}

/// Decisions that the journal holds already; they are taken as they stand.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// Last record they cover.
    pub upto: u64,
    /// What was not plainly accepted.
    pub exceptions: BTreeMap<(LogId, u64), Exception>,
}

/// What applying a batch of records amounts to.
#[derive(Debug, Default)]
pub struct Applied {
    /// To be written in one batch.
    pub writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Last record covered.
    pub upto: u64,
    /// New decisions other than plain acceptance; recorded before anybody is told.
    pub exceptions: Vec<Exception>,
    /// Whether any new decision was made at all.
    pub decided: bool,
    /// Inboxes with new rows.
    pub inboxes: BTreeSet<OfficeId>,
    /// Dossiers that changed.
    pub dossiers: BTreeSet<DossierId>,
}

/// The ledger of one replica.
pub struct Ledger<C> {
    me: Me,
    trust: TrustView,
    routes: Routes,
    content: C,
}

impl<C: Content> Ledger<C> {
    /// A ledger that knows only who it is; everything else comes from records.
    pub fn new(me: Me, trust: TrustView, content: C) -> Self {
        Self { me, routes: Routes::new(me, &trust), trust, content }
    }

    /// The trust documents in force.
    pub fn trust(&self) -> &TrustView {
        &self.trust
    }

    /// Applies records, each with its journal position, in order. Records at or below the
    /// position that the state reflects are skipped.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; nothing is written then.
    pub fn apply<K: Kv + ?Sized>(
        &mut self,
        kv: &K,
        records: Vec<(u64, Record)>,
        known: &Decisions,
    ) -> Result<Applied, StoreError> {
        let txn = Txn::new(kv);
        let mut meta: Meta = txn.row(Key::Meta)?.unwrap_or_default();
        meta.layout = STATE_LAYOUT;
        let mut work = Work {
            txn,
            meta,
            dossiers: BTreeMap::new(),
            logs: BTreeMap::new(),
            authors: BTreeMap::new(),
            arrivals: Vec::new(),
            routed: BTreeSet::new(),
            applied: Applied::default(),
        };
        for (position, record) in records {
            if position <= work.meta.applied {
                continue;
            }
            self.record(&mut work, position, record, known)?;
            work.meta.applied = position;
        }
        self.close(&mut work)?;
        work.finish()
    }

    /// Folds and fans out what has arrived so far.
    fn close<K: Kv + ?Sized>(&mut self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        self.fold_contents(work)?;
        self.fan_out(work)?;
        work.applied.decided |= !work.arrivals.is_empty();
        work.arrivals.clear();
        Ok(())
    }

    /// New trust documents are a boundary inside a batch: what came before them went by the old
    /// ones, however the records are cut.
    fn adopt<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        trust: TrustView,
    ) -> Result<(), StoreError> {
        self.close(work)?;
        work.routed.clear();
        self.routes = Routes::new(self.me, &trust);
        self.trust = trust;
        Ok(())
    }

    fn fold_contents<K: Kv + ?Sized>(&mut self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        for (id, dossier) in &mut work.dossiers {
            let folded = dossier.fold(*id, &mut self.content);
            let key = Key::Summary(*id);
            let before: Summary = work.txn.row(key)?.unwrap_or_default();
            for old in before.index {
                work.txn.delete(old.into_vec());
            }
            let index = folded.index.iter().map(|(key, _)| key.clone().into()).collect();
            work.txn.put_row(key, &Summary { bytes: folded.summary, index });
            for (key, value) in folded.index {
                debug_assert_eq!(key.first(), Some(&Key::CONTENT));
                work.txn.put(key, value);
            }
        }
        Ok(())
    }
}

/// One batch under way.
struct Work<'a, K: Kv + ?Sized> {
    txn: Txn<'a, K>,
    meta: Meta,
    dossiers: BTreeMap<DossierId, DossierWork>,
    logs: BTreeMap<LogId, crate::state::rows::Log>,
    authors: BTreeMap<LogId, Option<crate::state::rows::Author>>,
    /// Entries in order of arrival: dossier and place in its history.
    arrivals: Vec<(DossierId, usize)>,
    /// Dossiers whose inboxes were worked out under the trust in force.
    routed: BTreeSet<DossierId>,
    applied: Applied,
}

impl<K: Kv + ?Sized> Work<'_, K> {
    fn finish(mut self) -> Result<Applied, StoreError> {
        for (log, row) in &self.logs {
            self.txn.put_row(Key::Log(*log), row);
        }
        for (id, dossier) in &mut self.dossiers {
            dossier.write(&mut self.txn, *id)?;
            held::settle(&mut self.txn, *id, &dossier.row)?;
            self.applied.dossiers.insert(*id);
        }
        self.applied.upto = self.meta.applied;
        self.txn.put_row(Key::Meta, &self.meta);
        self.applied.writes = self.txn.into_writes();
        Ok(self.applied)
    }

    fn except(&mut self, stored: &Stored) {
        if stored.verdict != Verdict::Accepted {
            self.applied.exceptions.push(Exception {
                log: stored.log,
                sequence: stored.sequence,
                verdict: stored.verdict.byte(),
                reason: stored.reason.clone(),
            });
        }
    }
}
