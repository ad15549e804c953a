//! Trust documents come into force while dossiers are held: what a newer denial list, catalogue or
//! root document, or newer software, may turn is found and judged again.

use super::{Content, Ledger, Work, dossier::DossierWork, routes::Routes};
use crate::{
    id::{DossierId, LogId, NodeId},
    state::{
        Key, Kv, StoreError, held,
        rows::{Author, Log},
        tiles,
    },
    trust::{Denied, TrustView},
};
use std::collections::{BTreeMap, BTreeSet};

/// Dossiers judged again at once: a ban may concern tens of thousands.
const AT_ONCE: usize = 64;
/// Rows read at once.
const PAGE: usize = 1_000;

impl<C: Content> Ledger<C> {
    /// Newer trust documents are in force from here on.
    pub(super) fn take_trust<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        trust: TrustView,
    ) -> Result<(), StoreError> {
        // New trust documents are a boundary inside a batch: what came before them went by the
        // old ones, however the records are cut.
        self.settle_batch(work)?;
        work.routed.clear();
        self.routes = Routes::new(self.me, &trust);
        self.trust = trust;
        // Not what the ledger was started with: that may be newer than what the state reflects.
        let numbers = self.trust.numbers();
        if std::mem::replace(&mut work.meta.trusted, numbers) == numbers {
            return Ok(());
        }
        // What was kept out so far may come in: a ban was lifted, another office is above whom it
        // concerns. What is doubted from now on goes out.
        let mut concerned = work.ruled()?;
        self.doubted(work, &mut concerned)?;
        self.judge_again(work, concerned)
    }

    /// The software reads more than before.
    pub(super) fn updated<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        schema: u16,
    ) -> Result<(), StoreError> {
        self.settle_batch(work)?;
        work.meta.schema = schema;
        let ruled = work.ruled()?;
        self.judge_again(work, ruled)
    }

    fn judge_again<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        dossiers: BTreeSet<DossierId>,
    ) -> Result<(), StoreError> {
        let dossiers: Vec<DossierId> = dossiers.into_iter().collect();
        for some in dossiers.chunks(AT_ONCE) {
            for id in some {
                if !work.dossiers.contains_key(id) {
                    let dossier = DossierWork::load(&work.txn, *id)?;
                    work.dossiers.insert(*id, dossier);
                }
                if let Some(dossier) = work.dossiers.get_mut(id).filter(|one| !one.is_new()) {
                    dossier.judge_anew();
                }
            }
            self.settle_batch(work)?;
            some.iter().try_for_each(|id| work.put_away(*id))?;
        }
        Ok(())
    }

    /// Dossiers with an entry beyond the last good position of its machine.
    fn doubted<K: Kv + ?Sized>(
        &self,
        work: &mut Work<'_, K>,
        dossiers: &mut BTreeSet<DossierId>,
    ) -> Result<(), StoreError> {
        let denied = self.trust.denial().map(|list| list.denied.as_slice()).unwrap_or_default();
        let denied: BTreeMap<NodeId, &Denied> = denied.iter().map(|one| (one.node, one)).collect();
        if denied.is_empty() {
            return Ok(());
        }
        for (log, node) in work.logs_of(&denied.keys().copied().collect())? {
            let last = denied.get(&node).and_then(|one| one.last_good(log)).unwrap_or(0);
            work.wrote(log, last.saturating_add(1), dossiers)?;
        }
        Ok(())
    }
}

impl<K: Kv + ?Sized> Work<'_, K> {
    /// Every log of these machines that is known here.
    fn logs_of(&mut self, nodes: &BTreeSet<NodeId>) -> Result<Vec<(LogId, NodeId)>, StoreError> {
        let end = [Key::Author(LogId([0xff; 16])).bytes(), vec![0]].concat();
        let mut from = Key::Author(LogId::ZERO).bytes();
        let mut logs = Vec::new();
        loop {
            let page = self.txn.range(&from, &end, PAGE)?;
            let full = page.len() == PAGE;
            for (key, value) in page {
                let unreadable = || StoreError::Corrupt { what: "author row" };
                let author: Author = postcard::from_bytes(&value).map_err(|_| unreadable())?;
                let log = LogId::from_slice(&key[1..]).ok_or_else(unreadable)?;
                let node = author.key.node_id();
                if nodes.contains(&node) {
                    logs.push((log, node));
                }
                from = [key, vec![0]].concat();
            }
            if !full {
                return Ok(logs);
            }
        }
    }

    /// Dossiers in which a log wrote from a sequence on; all of them where it is not held whole.
    fn wrote(
        &mut self,
        log: LogId,
        from: u64,
        dossiers: &mut BTreeSet<DossierId>,
    ) -> Result<(), StoreError> {
        let held = match self.logs.get(&log) {
            Some(row) => Some(row.frontier.size()),
            None => self.txn.row::<Log>(Key::Log(log))?.map(|row| row.frontier.size()),
        };
        for sequence in from..=held.unwrap_or(0) {
            if let Some((_, dossier)) = tiles::change(&self.txn, log, sequence)? {
                dossiers.insert(dossier);
            }
        }
        let end = [Key::Wrote(log, DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let mut start = Key::Wrote(log, DossierId::ZERO).bytes();
        loop {
            let page = self.txn.range(&start, &end, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                dossiers.extend(DossierId::from_slice(&key[1 + LogId::LEN..]));
                start = [key, vec![0]].concat();
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Dossiers in which something is not plainly accepted, or was decided.
    fn ruled(&self) -> Result<BTreeSet<DossierId>, StoreError> {
        let end = [Key::Ruled(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let mut start = Key::Ruled(DossierId::ZERO).bytes();
        let mut dossiers = BTreeSet::new();
        loop {
            let page = self.txn.range(&start, &end, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                dossiers.extend(DossierId::from_slice(&key[1..]));
                start = [key, vec![0]].concat();
            }
            if !full {
                return Ok(dossiers);
            }
        }
    }

    /// Writes a dossier and lets go of it.
    pub(super) fn put_away(&mut self, id: DossierId) -> Result<(), StoreError> {
        if let Some(mut dossier) = self.dossiers.remove(&id)
            && !dossier.is_new()
        {
            dossier.write(&mut self.txn, id)?;
            held::settle(&mut self.txn, id, &dossier.row)?;
            self.applied.dossiers.insert(id);
        }
        Ok(())
    }
}
