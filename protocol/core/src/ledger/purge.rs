//! Forgetting a dossier that the office no longer takes part in. The hub puts a row into the inbox
//! and remembers whom it told; the reader takes the dossier out of its state once that is written
//! down, and says so when no file holds it any more.
//!
//! ```text
//! hub: Purge row, inbox row Forget --> reader: Forgetting row
//!   own entries with the hub, Record::Purged --> out of the state, Purged row
//!   files rewritten, Record::PurgeDone --> Control::Purged --> hub: Record::PurgeConfirmed
//!   reader: Record::PurgeNoted <-- Control::PurgeNoted
//! ```
//! What the office itself wrote stays in its own log: it is its own record of what it did.

use super::{Content, Ledger, Work, fanout::Rows};
use crate::{
    entry::Entry,
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    limits,
    state::{
        Key, Kv, StoreError, held, history,
        rows::{Dossier, InboxItem, Purge, Purged, Summary},
    },
    time::Timestamp,
    wire,
};

impl<C: Content> Ledger<C> {
    /// A dossier is out of the state from here on; nothing happens when the office takes part
    /// again meanwhile.
    pub(super) fn purged<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        id: DossierId,
        scans: Vec<Hash>,
        position: u64,
    ) -> Result<(), StoreError> {
        if work.txn.get(&Key::Forgetting(id).bytes())?.is_none() {
            return Ok(());
        }
        self.settle_batch(work)?;
        if let Some(mut dossier) = work.dossiers.remove(&id) {
            dossier.write(&mut work.txn, id)?;
            held::settle(&mut work.txn, id, &dossier.row)?;
        }
        work.not_forgotten(id)?;
        work.have_forgotten_below(id)?;
        work.take_out(id)?;
        let row = Purged { position, scans, done: false, noted: false };
        work.txn.put_row(Key::Purged(id), &row);
        work.applied.dossiers.insert(id);
        Ok(())
    }
}

impl<K: Kv + ?Sized> Work<'_, K> {
    /// The hub says that this office takes no part any more.
    pub(super) fn forget(&mut self, id: DossierId) -> Result<(), StoreError> {
        let known = self.dossiers.contains_key(&id)
            || self.txn.get(&Key::Dossier(id).bytes())?.is_some()
            || self.image_of(id)?.is_some()
            || self.meta.parked > 0;
        if !known {
            return self.nothing_to_forget(id);
        }
        let key = Key::Forgetting(id);
        if self.txn.get(&key.bytes())?.is_none() {
            self.txn.put(key.bytes(), Vec::new());
            self.meta.forgetting += 1;
        }
        Ok(())
    }

    /// It never came here, or went before: the hub waits for the word that it is not here.
    fn nothing_to_forget(&mut self, id: DossierId) -> Result<(), StoreError> {
        let key = Key::Purged(id);
        let none = Purged { position: 0, scans: Vec::new(), done: true, noted: false };
        let row = self.txn.row::<Purged>(key)?.unwrap_or(none);
        self.txn.put_row(key, &Purged { noted: false, ..row });
        Ok(())
    }

    /// Something of a dossier arrives: the office takes part in it again.
    pub(super) fn not_forgotten(&mut self, id: DossierId) -> Result<(), StoreError> {
        if self.meta.forgetting == 0 {
            return Ok(());
        }
        let key = Key::Forgetting(id).bytes();
        if self.txn.get(&key)?.is_some() {
            self.txn.delete(key);
            self.meta.forgetting -= 1;
        }
        Ok(())
    }

    /// An office below leaves: it is told so, and that it was told is remembered.
    pub(super) fn leaves(
        &mut self,
        rows: &mut Rows,
        inbox: OfficeId,
        id: DossierId,
        revoked_at: Timestamp,
    ) {
        rows.push(inbox, InboxItem::Forget { dossier: id });
        let row = Purge { revoked_at, confirmed: Vec::new() };
        self.txn.put_row(Key::Purge(inbox, id), &row);
    }

    /// Whether an office below that takes part from now on had to forget the dossier before: it
    /// then lacks also what it wrote itself.
    pub(super) fn takes_part_again(
        &mut self,
        inbox: OfficeId,
        id: DossierId,
    ) -> Result<bool, StoreError> {
        let key = Key::Purge(inbox, id).bytes();
        let told = self.txn.get(&key)?.is_some();
        if told {
            self.txn.delete(key);
        }
        Ok(told)
    }

    /// Who was handed the dossier from here and was not told to forget it is told so now: the entry
    /// that took its office out may never have come here, where this hub, or the one above, was set
    /// back.
    fn have_forgotten_below(&mut self, id: DossierId) -> Result<(), StoreError> {
        let row: Dossier = self.txn.row(Key::Dossier(id))?.unwrap_or_default();
        let mut rows = Rows::default();
        for inbox in row.informed {
            self.leaves(&mut rows, inbox, id, self.meta.clock);
        }
        rows.write(self)
    }

    /// Takes every row of a dossier out of the state.
    fn take_out(&mut self, id: DossierId) -> Result<(), StoreError> {
        let imaged = self.drop_image(id)?;
        let Some(mut row) = self.txn.row::<Dossier>(Key::Dossier(id))? else {
            if imaged {
                self.show_nothing(id)?;
            }
            return self.take_out_parked(id);
        };
        for stored in history::read(&self.txn, id, &row)? {
            self.txn.delete(Key::Wrote(stored.log, id).bytes());
            self.txn.delete(Key::Told(stored.log, stored.sequence).bytes());
            let count = match stored.verdict.applies() {
                true => &mut self.meta.entries,
                false => &mut self.meta.held,
            };
            *count = count.saturating_sub(1);
        }
        history::remove(&mut self.txn, id, &row)?;
        self.meta.away -= u64::from(row.away);
        self.txn.delete(Key::Returning(id).bytes());
        if row.stale {
            self.meta.stale = self.meta.stale.saturating_sub(1);
            self.txn.delete(Key::Stale(id).bytes());
        }
        self.show_nothing(id)?;
        for key in [Key::Ruled(id), Key::Dossier(id)] {
            self.txn.delete(key.bytes());
        }
        row.heads.clear();
        held::settle(&mut self.txn, id, &row)?;
        self.meta.dossiers = self.meta.dossiers.saturating_sub(1);
        self.take_out_parked(id)
    }

    /// Takes summary and index rows of a dossier out of the state.
    pub(super) fn show_nothing(&mut self, id: DossierId) -> Result<(), StoreError> {
        if let Some(summary) = self.txn.row::<Summary>(Key::Summary(id))? {
            summary.index.into_iter().for_each(|key| self.txn.delete(key.into_vec()));
            self.txn.delete(Key::Summary(id).bytes());
        }
        Ok(())
    }

    fn take_out_parked(&mut self, id: DossierId) -> Result<(), StoreError> {
        if self.meta.parked == 0 {
            return Ok(());
        }
        let from = Key::Parked(Hash::ZERO, LogId::ZERO, 0).bytes();
        let to = Key::Parked(Hash([0xff; 32]), LogId([0xff; 16]), u64::MAX).bytes();
        for (key, value) in self.txn.range(&from, &to, limits::PARKED_ENTRIES)? {
            let corrupt = || StoreError::Corrupt { what: "parked entry" };
            let (_, bytes): (Option<[u8; 16]>, serde_bytes::ByteBuf) =
                postcard::from_bytes(&value).map_err(|_| corrupt())?;
            let entry: Entry = wire::decode_entry(&bytes).map_err(|_| corrupt())?;
            if entry.header.dossier == id {
                self.txn.delete(key);
                self.meta.parked = self.meta.parked.saturating_sub(1);
            }
        }
        Ok(())
    }

    pub(super) fn purge_done(&mut self, dossiers: &[DossierId]) -> Result<(), StoreError> {
        self.purge_is(dossiers, |row| row.done = true)
    }

    pub(super) fn purge_noted(&mut self, dossiers: &[DossierId]) -> Result<(), StoreError> {
        self.purge_is(dossiers, |row| row.noted = true)
    }

    fn purge_is(
        &mut self,
        dossiers: &[DossierId],
        change: impl Fn(&mut Purged),
    ) -> Result<(), StoreError> {
        for id in dossiers {
            if let Some(mut row) = self.txn.row::<Purged>(Key::Purged(*id))? {
                change(&mut row);
                self.txn.put_row(Key::Purged(*id), &row);
            }
        }
        Ok(())
    }

    /// A machine below has forgotten; those that were granted again meanwhile are no matter of
    /// this any more.
    pub(super) fn purge_confirmed(
        &mut self,
        office: OfficeId,
        node: NodeId,
        dossiers: &[DossierId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        for id in dossiers {
            let key = Key::Purge(office, *id);
            if let Some(mut row) = self.txn.row::<Purge>(key)?
                && !row.confirmed.iter().any(|(known, _)| *known == node)
            {
                row.confirmed.push((node, at));
                self.txn.put_row(key, &row);
            }
        }
        Ok(())
    }
}
