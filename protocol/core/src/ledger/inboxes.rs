//! What becomes of inboxes beside rows that are added: who has read how far, rows that leave, and a
//! reader whose place is gone. See `design/retention.md`.

use super::{
    Content, Ledger, Work,
    dossier::DossierWork,
    fanout::{Rows, notice},
};
use crate::{
    id::{DossierId, NodeId, OfficeId},
    record::InboxEvent,
    state::{
        Key, Kv, StoreError, inbox,
        rows::{Cursor, Cut, InboxItem, Purge, Reader},
    },
    time::Timestamp,
};

/// Rows of a table read at once.
const PAGE: usize = 1_000;

impl<C: Content> Ledger<C> {
    pub(super) fn inbox_event<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        event: InboxEvent,
    ) -> Result<(), StoreError> {
        // Rows of what came before have their numbers, and the time of before, however the records
        // are cut.
        self.settle_batch(work)?;
        match event {
            InboxEvent::Read { at, readers } => {
                work.meta.clock = at;
                readers.into_iter().try_for_each(|reader| work.has_read(reader, at))
            }
            InboxEvent::Cut { inbox, upto, why, at } => {
                work.meta.clock = at;
                let mut tail: Cursor = work.txn.row(Key::Inbox(inbox))?.unwrap_or_default();
                inbox::cut(&mut work.txn, inbox, &mut tail, upto)?;
                work.txn.put_row(Key::Inbox(inbox), &tail);
                work.txn.put_row(Key::Cut(inbox), &Cut { upto, why, at });
                work.applied.inboxes.insert(inbox);
                Ok(())
            }
            InboxEvent::Anew { inbox, node, at } => {
                work.meta.clock = at;
                self.begin_anew(work, inbox, node, at)
            }
        }
    }

    /// The place from which a machine goes on whose own one is not here, and behind it what it has
    /// to know before anything else.
    fn begin_anew<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        inbox: OfficeId,
        node: NodeId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let tail: Cursor = work.txn.row(Key::Inbox(inbox))?.unwrap_or_default();
        let before: Reader = work.txn.row(Key::Cursor(node))?.unwrap_or_default();
        let anew = Cursor { epoch: work.meta.epoch, ..tail };
        let times = before.times.wrapping_add(1);
        let reader = Reader { inbox, number: tail.number, heard: at, anew, times };
        work.txn.put_row(Key::Cursor(node), &reader);
        let mut rows = Rows::default();
        for dossier in work.unconfirmed(inbox, node)? {
            rows.push(inbox, InboxItem::Forget { dossier });
        }
        self.verdicts_again(work, &mut rows, inbox)?;
        rows.write(work)?;
        // Also where nothing was added: the machine waits for its place.
        work.applied.inboxes.insert(inbox);
        Ok(())
    }

    /// What holds now of everything that the readers of an inbox wrote, in dossiers in which
    /// anything was ever refused or decided: notices may have been among the rows that are gone.
    fn verdicts_again<K: Kv + ?Sized>(
        &self,
        work: &mut Work<'_, K>,
        rows: &mut Rows,
        inbox: OfficeId,
    ) -> Result<(), StoreError> {
        for id in work.listed(Key::Ruled(DossierId::ZERO), Key::Ruled(DossierId([0xff; 16])))? {
            // It may stand in this very batch.
            let mut dossier = match work.dossiers.remove(&id) {
                Some(dossier) => dossier,
                None => DossierWork::open(&work.txn, id)?,
            };
            if dossier.row.informed.contains(&inbox) {
                dossier.read(&work.txn, id)?;
                for stored in &dossier.all {
                    let author = work.author(stored.log)?.map(|author| author.office);
                    if author.and_then(|office| self.routes.hop(office)) == Some(inbox) {
                        rows.push(inbox, notice(id, stored));
                    }
                }
            }
            work.dossiers.insert(id, dossier);
        }
        Ok(())
    }
}

impl<K: Kv + ?Sized> Work<'_, K> {
    fn has_read(
        &mut self,
        (node, inbox, number): (NodeId, OfficeId, u64),
        heard: Timestamp,
    ) -> Result<(), StoreError> {
        let before: Reader = self.txn.row(Key::Cursor(node))?.unwrap_or_default();
        self.txn.put_row(Key::Cursor(node), &Reader { inbox, number, heard, ..before });
        Ok(())
    }

    /// Dossiers that an office was told to forget, and of which a machine has not said that it did.
    fn unconfirmed(&self, inbox: OfficeId, node: NodeId) -> Result<Vec<DossierId>, StoreError> {
        let (first, last) = (DossierId::ZERO, DossierId([0xff; 16]));
        let mut open = self.listed(Key::Purge(inbox, first), Key::Purge(inbox, last))?;
        let mut failed = None;
        open.retain(|id| match self.txn.row::<Purge>(Key::Purge(inbox, *id)) {
            Ok(row) => row.is_some_and(|row| row.confirmed.iter().all(|(who, _)| *who != node)),
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        failed.map_or(Ok(open), Err)
    }

    /// Dossiers at the end of the keys from one to another, both included.
    fn listed(&self, first: Key, last: Key) -> Result<Vec<DossierId>, StoreError> {
        let (mut from, to) = (first.bytes(), [last.bytes(), vec![0]].concat());
        let mut found = Vec::new();
        loop {
            let page = self.txn.range(&from, &to, PAGE)?;
            let ended = page.len() < PAGE;
            for (key, _) in page {
                let id = key.len().checked_sub(DossierId::LEN).and_then(|at| key.get(at..));
                let id = id.and_then(DossierId::from_slice);
                found.push(id.ok_or(StoreError::Corrupt { what: first.what() })?);
                from = [key, vec![0]].concat();
            }
            if ended {
                return Ok(found);
            }
        }
    }
}
