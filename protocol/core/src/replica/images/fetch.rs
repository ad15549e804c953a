//! One dossier's history now: somebody wants to act on a dossier of which only an image is here. It
//! comes with the proofs with which the inbox would have brought it, and before its turn.

use crate::{
    id::DossierId,
    limits,
    record::Record,
    replica::{Control, Data, Fault, LinkId, Pending, Replica, Store, assemble},
    state::history::{self, Stored},
    wire::{DownFrame, RowItem},
};
use std::collections::BTreeSet;

/// Dossiers that this machine asked its hub for.
#[derive(Default)]
pub(in crate::replica) struct Fetching(BTreeSet<DossierId>);

impl Replica {
    /// Somebody at this machine wants the history of a dossier. Without a link nothing happens: the
    /// inbox brings it.
    pub(in crate::replica) fn want_history(&mut self, dossier: DossierId) {
        let Some(link) = self.upstream.live() else { return };
        if self.fetching.0.len() < limits::FETCHED_AT_ONCE && self.fetching.0.insert(dossier) {
            self.say(link, &Control::Fetch(dossier));
        }
    }

    /// What was asked for on an earlier link does not come any more.
    pub(in crate::replica) fn forget_fetching(&mut self) {
        self.fetching.0.clear();
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

    /// Everything that the hub has of it has come.
    pub(in crate::replica) fn fetched(&mut self, dossier: DossierId) {
        self.fetching.0.remove(&dossier);
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
            if !self.fetching.0.contains(&entry.header.dossier) {
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
