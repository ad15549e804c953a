//! Inboxes: after everything in a batch is decided, each accepted entry is given a row in the
//! inbox of every hop that leads to an office taking part, in order of arrival; a grant brings the
//! history along.

use super::{
    Content, Ledger, Work, arrive::turns, dossier::DossierWork, rules, verdicts::takes_out,
};
use crate::{
    entry::{AudienceAction, Role},
    id::{DossierId, LogId, OfficeId},
    state::{
        Key, Kv, StoreError,
        history::{Stored, Verdict},
        inbox,
        rows::{Cursor, InboxItem},
    },
};
use std::collections::{BTreeMap, BTreeSet};

impl<C: Content> Ledger<C> {
    pub(super) fn fan_out<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
    ) -> Result<(), StoreError> {
        let mut rows = Rows::default();
        for (id, place) in std::mem::take(&mut work.arrivals) {
            let Some(mut dossier) = work.dossiers.remove(&id) else { continue };
            if !dossier.is_whole() && !self.deliver_plain(&mut rows, work, &mut dossier, id, place)
            {
                dossier.read(&work.txn, id)?;
            }
            if !dossier.is_whole() {
                work.dossiers.insert(id, dossier);
                continue;
            }
            let stored = dossier.all[place].clone();
            dossier.told.push(stored.verdict);
            if stored.verdict != Verdict::Accepted {
                work.except(&stored);
            }
            work.meta.entries += u64::from(stored.verdict.applies());
            work.meta.held += u64::from(!stored.verdict.applies());
            if stored.verdict.relays() {
                self.deliver(&mut rows, work, &mut dossier, id, place)?;
            } else {
                self.notify_author(&mut rows, work, id, &stored)?;
            }
            work.dossiers.insert(id, dossier);
        }
        self.tell_turned(&mut rows, work)?;
        rows.write(work)
    }

    /// A plain entry of a dossier whose way has not changed, without its history; false if it has.
    fn deliver_plain<K: Kv + ?Sized>(
        &self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
        dossier: &mut DossierWork,
        id: DossierId,
        place: usize,
    ) -> bool {
        if !work.routed.contains(&id) {
            if self.inboxes(&dossier.row.members()) != dossier.row.inboxes {
                return false;
            }
            work.routed.insert(id);
        }
        let stored = &dossier.all[place - dossier.unread];
        for inbox in &dossier.row.inboxes {
            rows.push(*inbox, entry_item(id, stored));
        }
        dossier.told.push(stored.verdict);
        work.meta.entries += 1;
        true
    }

    /// One accepted entry to every inbox that is to see it. Where an office has joined, the history
    /// goes along.
    fn deliver<K: Kv + ?Sized>(
        &mut self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
        dossier: &mut DossierWork,
        id: DossierId,
        place: usize,
    ) -> Result<(), StoreError> {
        // Once a dossier and batch is enough. Before the entry counts: an office that it takes out
        // is to be told so on the way that leads to it now.
        if work.routed.insert(id) {
            self.lead_anew(rows, work, dossier, id, place)?;
        }
        if !dossier.row.away {
            let facts = rules::audience_facts(dossier, place);
            dossier.row.audience.extend(facts);
        }
        let before = dossier.row.inboxes.clone();
        let ops = dossier.all[place].entry.header.audience.clone();
        if !ops.is_empty() {
            dossier.row.inboxes = self.inboxes(&dossier.row.members());
        }
        let now = &dossier.row.inboxes;
        for inbox in &before {
            // Who is revoked learns so from the entry that does it.
            let leaves = || {
                ops.iter().any(|op| {
                    op.action == AudienceAction::Remove
                        && self.routes.hop(op.office) == Some(*inbox)
                })
            };
            if now.contains(inbox) || leaves() {
                rows.push(*inbox, entry_item(id, &dossier.all[place]));
            }
        }
        for inbox in now.iter().filter(|inbox| !before.contains(inbox)) {
            let again = work.takes_part_again(*inbox, id)?;
            let history = dossier.all[..=place].iter().filter(|stored| stored.verdict.relays());
            history.for_each(|stored| rows.push(*inbox, item(id, stored, again)));
        }
        if turns(&dossier.all[place].entry) {
            // Also to those who have it and take no part just now: it may be about that.
            let others = dossier.row.informed.iter();
            let others = others.filter(|inbox| !before.contains(inbox) && !now.contains(inbox));
            others.for_each(|inbox| rows.push(*inbox, entry_item(id, &dossier.all[place])));
        }
        let gone: Vec<OfficeId> = before
            .iter()
            .filter(|inbox| !now.contains(inbox) && takes_out(&dossier.all[place]))
            .copied()
            .collect();
        dossier.row.informed.extend(now.iter().copied());
        dossier.row.informed.sort_unstable();
        dossier.row.informed.dedup();
        dossier.row.informed.retain(|inbox| !gone.contains(inbox));
        for inbox in gone {
            let at = dossier.all[place].entry.header.claimed_at;
            work.leaves(rows, inbox, id, at);
        }
        Ok(())
    }

    /// The offices that take part are reached through inboxes that the trust in force names; one
    /// that the dossier did not go through before is given what stands before `place`.
    pub(super) fn lead_anew<K: Kv + ?Sized>(
        &self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
        dossier: &mut DossierWork,
        id: DossierId,
        place: usize,
    ) -> Result<(), StoreError> {
        let now = self.inboxes(&dossier.row.members());
        let before = std::mem::replace(&mut dossier.row.inboxes, now.clone());
        for inbox in now.iter().filter(|inbox| !before.contains(inbox)) {
            let again = work.takes_part_again(*inbox, id)?;
            let history = dossier.all[..place].iter().filter(|stored| stored.verdict.relays());
            history.for_each(|stored| rows.push(*inbox, item(id, stored, again)));
        }
        dossier.row.informed.extend(now);
        dossier.row.informed.sort_unstable();
        dossier.row.informed.dedup();
        Ok(())
    }

    /// Inboxes by which these offices are reached from here, sorted.
    pub(super) fn inboxes(&self, members: &[(OfficeId, Vec<Role>)]) -> Vec<OfficeId> {
        let hops: BTreeSet<OfficeId> =
            members.iter().filter_map(|(office, _)| self.routes.hop(*office)).collect();
        hops.into_iter().collect()
    }

    /// Rows that a reader was found to lack. What came before has its rows first, however the
    /// records are cut.
    pub(super) fn resend<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        inbox: OfficeId,
        id: DossierId,
        entries: &[(LogId, u64)],
        decided: &[(LogId, u64)],
    ) -> Result<(), StoreError> {
        self.settle_batch(work)?;
        let mut rows = Rows::default();
        let mut dossier = match work.dossiers.remove(&id) {
            Some(dossier) => dossier,
            None => DossierWork::open(&work.txn, id)?,
        };
        dossier.read(&work.txn, id)?;
        // The way may be another than when something was last written in it, and then back: what
        // was told to forget it takes part again.
        if !dossier.is_new() && work.routed.insert(id) {
            let end = dossier.all.len();
            self.lead_anew(&mut rows, work, &mut dossier, id, end)?;
        }
        let entries: BTreeSet<&(LogId, u64)> = entries.iter().collect();
        for (log, sequence) in entries {
            // Where a log forked, two entries have one place: a row for each, which of them it is
            // follows from its number.
            let held =
                dossier.all.iter().filter(|one| (one.log, one.sequence) == (*log, *sequence));
            for _ in 0..held.count().max(1) {
                let item = InboxItem::Repair { dossier: id, log: *log, sequence: *sequence };
                rows.push(inbox, item);
            }
        }
        let named = |one: &&Stored| decided.contains(&(one.log, one.sequence));
        for stored in dossier.all.iter().filter(named) {
            rows.push(inbox, notice(id, stored));
        }
        // Behind what arrives of it, which would mean that the office takes part again; and it may
        // have been let in since this was asked for.
        if work.txn.get(&Key::Purge(inbox, id).bytes())?.is_some() {
            rows.push(inbox, InboxItem::Forget { dossier: id });
        } else if self.has_left(work, &dossier, inbox, id)? {
            // Nobody behind this inbox was told yet.
            work.leaves(&mut rows, inbox, id, work.meta.clock);
        }
        if !dossier.is_new() {
            work.dossiers.insert(id, dossier);
        }
        rows.write(work)
    }

    /// Whether nobody behind an inbox takes part in a dossier that is, or was, known here.
    fn has_left<K: Kv + ?Sized>(
        &self,
        work: &Work<'_, K>,
        dossier: &DossierWork,
        inbox: OfficeId,
        id: DossierId,
    ) -> Result<bool, StoreError> {
        if dossier.is_new() {
            return Ok(work.txn.get(&Key::Purged(id).bytes())?.is_some());
        }
        Ok(!self.inboxes(&dossier.row.members()).contains(&inbox))
    }

    /// The office whose entry was not accepted is told so.
    fn notify_author<K: Kv + ?Sized>(
        &mut self,
        rows: &mut Rows,
        work: &mut Work<'_, K>,
        id: DossierId,
        stored: &Stored,
    ) -> Result<(), StoreError> {
        let Some(author) = work.author(stored.log)? else { return Ok(()) };
        if let Some(inbox) = self.routes.hop(author.office) {
            rows.push(inbox, notice(id, stored));
        }
        Ok(())
    }
}

/// The news that an entry is, or is not, applied.
pub(super) fn notice(dossier: DossierId, stored: &Stored) -> InboxItem {
    InboxItem::Decision {
        dossier,
        log: stored.log,
        sequence: stored.sequence,
        verdict: stored.verdict.byte(),
        reason: stored.reason.clone(),
    }
}

/// An entry, to its author's machine as well where `again`.
pub(super) fn item(dossier: DossierId, stored: &Stored, again: bool) -> InboxItem {
    let (log, sequence) = (stored.log, stored.sequence);
    match again {
        true => InboxItem::Repair { dossier, log, sequence },
        false => InboxItem::Entry { dossier, log, sequence },
    }
}

pub(super) fn entry_item(dossier: DossierId, stored: &Stored) -> InboxItem {
    InboxItem::Entry { dossier, log: stored.log, sequence: stored.sequence }
}

/// New rows by inbox, numbered when written.
#[derive(Default)]
pub(super) struct Rows(BTreeMap<OfficeId, Vec<InboxItem>>);

impl Rows {
    pub(super) fn push(&mut self, inbox: OfficeId, item: InboxItem) {
        self.0.entry(inbox).or_default().push(item);
    }

    pub(super) fn write<K: Kv + ?Sized>(self, work: &mut Work<'_, K>) -> Result<(), StoreError> {
        for (office, items) in self.0 {
            let mut tail: Cursor = work.txn.row(Key::Inbox(office))?.unwrap_or_default();
            inbox::push(&mut work.txn, office, &mut tail, work.meta.clock, items)?;
            tail.epoch = work.meta.epoch;
            work.txn.put_row(Key::Inbox(office), &tail);
            work.applied.inboxes.insert(office);
        }
        Ok(())
    }
}
