//! The ledger: what a replica makes of the journal. It judges entries by pure rules, keeps each
//! dossier's history, and numbers what every office below must see.
//!
//! [`Ledger::apply`] is a function of the records in journal order: how they are cut into batches
//! changes nothing, so state that was lost comes back with every number as it was.

mod arrive;
mod away;
mod cause;
mod denial;
mod dossier;
mod fanout;
mod images;
mod inboxes;
mod listing;
mod past;
mod plain;
mod purge;
mod routes;
mod rules;
mod scans;
mod turned;
mod verdicts;

pub(crate) use arrive::{POSITIONS, attestation};
pub use away::{is_away, may_leave};
pub use cause::{Cause, Code};
pub use listing::{Ruled, RuledEntry};

use crate::{
    id::{DossierId, LogId, NodeId, OfficeId},
    record::{Exception, Record},
    state::{
        Key, Kv, StoreError, Txn, held,
        history::Stored,
        rows::{Meta, Summary},
    },
    trust::TrustView,
};
use dossier::DossierWork;
use routes::Routes;
use std::collections::{BTreeMap, BTreeSet};
use verdicts::Court;

/// Layout of the state; raised whenever old state must be rebuilt.
pub const STATE_LAYOUT: u16 = 20;

/// What a dossier's payloads mean; the core itself never looks into them.
pub trait Content {
    /// Highest schema of facts that this version reads; entries of a later one are kept, passed on
    /// and shown as waiting for an update.
    fn schema(&self) -> u16 {
        u16::MAX
    }

    /// Folds the accepted entries of a dossier, given in an order in which causes come first.
    ///
    /// # Errors
    /// [`ContentFault`] names the entry that cannot be applied; it is then held and the rest is
    /// folded again without it and what builds on it.
    fn fold(&mut self, dossier: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault>;

    /// What is shown of a dossier by its image alone; none if this version cannot read it.
    fn show(&mut self, dossier: DossierId, image: &[u8]) -> Option<Folded>;
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

/// How far the journal holds notices of verdicts already. Verdicts are derived from entries and
/// signed facts, so the notices are for people and are not read back.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    /// Last record they cover.
    pub upto: u64,
}

/// What applying a batch of records amounts to.
#[derive(Debug, Default)]
pub struct Applied {
    /// To be written in one batch.
    pub writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Last record covered.
    pub upto: u64,
    /// Entries that were not plainly accepted, and verdicts that changed; recorded before anybody
    /// is told.
    pub exceptions: Vec<Exception>,
    /// Whether any new decision was made at all.
    pub decided: bool,
    /// Inboxes with new rows.
    pub inboxes: BTreeSet<OfficeId>,
    /// Dossiers that changed.
    pub dossiers: BTreeSet<DossierId>,
    /// Dossiers that the content has yet to fold, see [`Ledger::fold_stale`].
    pub stale: u64,
}

/// Dossiers in one batch from which on the content folds them later: in a catch-up a dossier comes
/// up in batch after batch, and folding is most of the work.
pub const FOLD_AT_ONCE: usize = 1_000;

/// The ledger of one replica.
pub struct Ledger<C> {
    me: Me,
    trust: TrustView,
    routes: Routes,
    content: C,
    fold_at_once: usize,
}

impl<C: Content> Ledger<C> {
    /// A ledger that knows only who it is; everything else comes from records.
    pub fn new(me: Me, trust: TrustView, content: C) -> Self {
        let routes = Routes::new(me, &trust);
        Self { me, routes, trust, content, fold_at_once: FOLD_AT_ONCE }
    }

    /// Changes from how many dossiers in a batch on they are folded later.
    #[must_use]
    pub fn folding_at_once(self, dossiers: usize) -> Self {
        Self { fold_at_once: dossiers, ..self }
    }

    /// The same for a ledger at work: while a lost state is made again, none is folded more than once.
    pub fn fold_at_once(&mut self, dossiers: usize) {
        self.fold_at_once = dossiers;
    }

    /// The trust documents in force.
    pub fn trust(&self) -> &TrustView {
        &self.trust
    }

    /// Highest schema of facts that the content reads.
    pub fn reads(&self) -> u16 {
        self.content.schema()
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
    ) -> Result<Applied, StoreError> {
        let mut work = Work::open(kv)?;
        for (position, record) in records {
            if position <= work.meta.applied {
                continue;
            }
            self.record(&mut work, position, record)?;
            work.meta.applied = position;
        }
        self.settle_batch(&mut work)?;
        work.finish()
    }

    /// Folds up to `limit` dossiers that were left for later: nothing new is judged, and nobody is
    /// shown anything but what was shown already, so it does not matter when it happens.
    ///
    /// # Errors
    /// [`StoreError`] when the state cannot be read; nothing is written then.
    pub fn fold_stale<K: Kv + ?Sized>(
        &mut self,
        kv: &K,
        limit: usize,
    ) -> Result<Applied, StoreError> {
        let mut work = Work::open(kv)?;
        let (from, to) =
            (Key::Stale(DossierId::ZERO).bytes(), Key::Stale(DossierId([0xff; 16])).bytes());
        for (key, _) in work.txn.range(&from, &to, limit)? {
            let id = DossierId::from_slice(&key[1..]);
            let id = id.ok_or(StoreError::Corrupt { what: "stale dossier" })?;
            let mut dossier = DossierWork::load(&work.txn, id)?;
            dossier.unfolded = true;
            dossier.join_parts();
            work.dossiers.insert(id, dossier);
        }
        self.fold_all(&mut work)?;
        self.fan_out(&mut work)?;
        work.finish()
    }

    /// Judges and folds what arrived, and fills inboxes. Also called within a batch wherever what
    /// follows may turn a verdict, so that a verdict that was told is told however batches are cut.
    fn settle_batch<K: Kv + ?Sized>(&mut self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        self.fold_or_defer(work)?;
        self.fan_out(work)
    }

    /// Plain dossiers are folded later when there are many; what must be judged is judged now.
    fn fold_or_defer<K: Kv + ?Sized>(&mut self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        self.leave_to_images(work)?;
        work.leave_away();
        let plain = |dossier: &DossierWork| dossier.unfolded && !dossier.must_be_judged();
        let count = work.dossiers.values().filter(|dossier| plain(dossier)).count();
        if count > self.fold_at_once {
            for (id, dossier) in work.dossiers.iter_mut().filter(|(_, dossier)| plain(dossier)) {
                dossier.unfolded = false;
                dossier.settle_heads();
                if !std::mem::replace(&mut dossier.row.stale, true) {
                    work.meta.stale += 1;
                    work.txn.put(Key::Stale(*id).bytes(), Vec::new());
                }
            }
        }
        self.fold_all(work)
    }

    fn fold_all<K: Kv + ?Sized>(&mut self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        work.leave_away();
        let unfolded: Vec<DossierId> = work
            .dossiers
            .iter()
            .filter(|(_, dossier)| dossier.unfolded)
            .map(|(id, _)| *id)
            .collect();
        for id in unfolded {
            let Some(mut dossier) = work.dossiers.remove(&id) else { continue };
            dossier.read(&work.txn, id)?;
            if std::mem::take(&mut dossier.row.stale) {
                work.meta.stale = work.meta.stale.saturating_sub(1);
                work.txn.delete(Key::Stale(id).bytes());
            }
            let looked_into = dossier.must_be_judged();
            work.load_authors(&dossier)?;
            let schema = self.schema(&work.meta);
            let court = Court { trust: &self.trust, authors: &work.authors, schema };
            let folded = dossier.fold(id, &mut self.content, &court);
            if looked_into || dossier.must_be_judged() {
                work.list(id, &dossier);
            }
            let image_stands = work.awaits_image(id, &mut dossier)?;
            work.dossiers.insert(id, dossier);
            if !image_stands {
                work.drop_image(id)?;
                work.show(id, folded)?;
            }
        }
        Ok(())
    }

    /// Highest schema that is read: what the content can, but not before the journal says so, or a
    /// rebuilt state would be another.
    fn schema(&self, meta: &Meta) -> u16 {
        match meta.schema {
            0 => self.content.schema(),
            noted => self.content.schema().min(noted),
        }
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

impl<'a, K: Kv + ?Sized> Work<'a, K> {
    fn open(kv: &'a K) -> Result<Self, StoreError> {
        let txn = Txn::new(kv);
        let mut meta: Meta = txn.row(Key::Meta)?.unwrap_or_default();
        meta.layout = STATE_LAYOUT;
        Ok(Self {
            txn,
            meta,
            dossiers: BTreeMap::new(),
            logs: BTreeMap::new(),
            authors: BTreeMap::new(),
            arrivals: Vec::new(),
            routed: BTreeSet::new(),
            applied: Applied::default(),
        })
    }
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
        self.applied.stale = self.meta.stale;
        self.txn.put_row(Key::Meta, &self.meta);
        self.applied.writes = self.txn.into_writes();
        Ok(self.applied)
    }

    /// Summary and index rows of a dossier take the place of those before.
    fn show(&mut self, id: DossierId, folded: Folded) -> Result<(), StoreError> {
        let key = Key::Summary(id);
        let before: Summary = self.txn.row(key)?.unwrap_or_default();
        for old in before.index {
            self.txn.delete(old.into_vec());
        }
        let index = folded.index.iter().map(|(key, _)| key.clone().into()).collect();
        self.txn.put_row(key, &Summary { bytes: folded.summary, index });
        for (key, value) in folded.index {
            debug_assert_eq!(key.first(), Some(&Key::CONTENT));
            self.txn.put(key, value);
        }
        Ok(())
    }

    fn except(&mut self, stored: &Stored) {
        self.applied.exceptions.push(Exception {
            log: stored.log,
            sequence: stored.sequence,
            verdict: stored.verdict.byte(),
            reason: stored.reason.clone(),
        });
    }

    /// Authors of everything in a dossier.
    fn load_authors(&mut self, dossier: &DossierWork) -> Result<(), StoreError> {
        // Also of a plain one: it may turn out in the fold that it is none.
        let logs: BTreeSet<LogId> = dossier.all.iter().map(|stored| stored.log).collect();
        logs.into_iter().try_for_each(|log| self.author(log).map(drop))
    }
}
