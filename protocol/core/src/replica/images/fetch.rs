//! One dossier's history now: somebody wants to act on a dossier of which only an image is here, or
//! whose history was evicted, or a new entry of the latter has come. It comes with the proofs with
//! which the inbox would have brought it, and before its turn.

use crate::{
    id::DossierId,
    ledger, limits,
    record::Record,
    replica::{Control, Data, Fault, LinkId, Pending, Replica, Store, assemble},
    state::{
        Key, StoreError,
        history::{self, Stored},
        rows::Meta,
    },
    wire::{DownFrame, RowItem},
};
use std::collections::BTreeSet;

/// Dossiers that this machine asked its hub for.
#[derive(Default)]
pub(in crate::replica) struct Fetching {
    asked: BTreeSet<DossierId>,
    /// Of those that come back because something of them has arrived: asked for on this link, also
    /// if the answer is here and not applied yet.
    returning: BTreeSet<DossierId>,
}

impl Replica {
    /// Somebody at this machine wants the history of a dossier. Without a link nothing happens: the
    /// inbox brings that of an image, and who wants another asks again.
    pub(in crate::replica) fn want_history(&mut self, dossier: DossierId) {
        let Some(link) = self.upstream.live() else { return };
        let room = self.fetching.asked.len() < limits::FETCHED_AT_ONCE;
        if room && self.fetching.asked.insert(dossier) {
            self.say(link, &Control::Fetch(dossier));
        }
    }

    /// Dossiers that were evicted, and of which something has arrived since: as many as may be asked
    /// for at once, the rest when these are back.
    pub(in crate::replica) fn ask_for_returning(&mut self, store: &impl Store) {
        if self.upstream.live().is_none() {
            return;
        }
        // What cannot be read now is read at the next turn.
        let Ok(wanted) = returning(store) else { return };
        self.fetching.returning.retain(|dossier| wanted.contains(dossier));
        for dossier in wanted {
            if !self.fetching.returning.contains(&dossier) {
                self.want_history(dossier);
                if self.fetching.asked.contains(&dossier) {
                    self.fetching.returning.insert(dossier);
                }
            }
        }
    }

    /// What was asked for on an earlier link does not come any more.
    pub(in crate::replica) fn forget_fetching(&mut self) {
        self.fetching = Fetching::default();
    }

    /// A reader wants the history of a dossier. It gets nothing of one that its office takes no part
    /// in, as of one that does not exist.
    pub(in crate::replica) fn fetch_asked(
        &mut self,
        link: LinkId,
        dossier: DossierId,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let child = self.children.get(&link).filter(|child| child.binding.is_some());
        let Some(office) = child.map(|child| child.inbox) else {
            return Err(Fault::new("order", "a history is asked for after hello"));
        };
        let mut entries: Vec<Stored> = Vec::new();
        if let Some((row, history)) = history::held(store, dossier)?
            && row.members().iter().any(|(member, _)| *member == office)
        {
            entries = history.into_iter().filter(|stored| stored.verdict.relays()).collect();
        }
        for bytes in assemble::refill(store, &self.config, &entries)? {
            self.send(link, &Data::Refill(bytes));
        }
        self.send(link, &Data::Fetched(dossier));
        Ok(())
    }

    /// Everything that the hub has of it has come. For one that was evicted that is written down:
    /// it is judged from there on.
    pub(in crate::replica) fn fetched(
        &mut self,
        dossier: DossierId,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.fetching.asked.remove(&dossier) && ledger::is_away(store, dossier)? {
            self.journal(vec![Record::Returned { dossier }], Pending::Nothing);
        }
        Ok(())
    }

    /// Entries of a history that was asked for: checked up to the root key like an inbox frame.
    pub(in crate::replica) fn history_arrived(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "a history that was not asked for"));
        }
        let frame = DownFrame::decode(&bytes).map_err(|error| Fault::new("frame", error))?;
        for row in &frame.rows {
            let RowItem::Entry { entry, .. } = &row.item else {
                return Err(Fault::new("order", "a history has entries only"));
            };
            if !self.fetching.asked.contains(&entry.header.dossier) {
                return Err(Fault::new("order", "a history that was not asked for"));
            }
        }
        self.check_authors(&frame, store)?;
        frame.verify(self.config.domain).map_err(|error| Fault::new("proof", error))?;
        let from = self.upstream.hub();
        self.journal(vec![Record::Refill { from, frame: bytes }], Pending::Nothing);
        Ok(())
    }
}

/// Dossiers that come back, the first of them.
fn returning(store: &impl Store) -> Result<BTreeSet<DossierId>, StoreError> {
    let meta: Meta = crate::replica::read(store, Key::Meta)?.unwrap_or_default();
    if meta.away == 0 {
        return Ok(BTreeSet::new());
    }
    let from = Key::Returning(DossierId::ZERO).bytes();
    let to = [Key::Returning(DossierId([0xff; 16])).bytes(), vec![0]].concat();
    let rows = store.range(&from, &to, limits::FETCHED_AT_ONCE)?;
    Ok(rows.iter().filter_map(|(key, _)| DossierId::from_slice(&key[1..])).collect())
}
