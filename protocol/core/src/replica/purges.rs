//! Purges are confirmed: a reader says what it has forgotten until its hub has written that down.

use super::{Control, Fault, LinkId, Pending, Replica, Store};
use crate::{
    id::DossierId,
    limits,
    record::Record,
    state::{
        Key,
        rows::{self, Purged},
    },
    time::Timestamp,
};

/// Dossiers in one message; it then fits the control channel several times.
const AT_ONCE: usize = 1_000;
const _: () = assert!(AT_ONCE * (DossierId::LEN + 1) * 2 < limits::CONTROL_BYTES);
/// Purged dossiers looked through for those that the hub has not noted.
const LOOKED_THROUGH: usize = 100_000;

impl Replica {
    /// Tells the parent which dossiers were forgotten and not noted by it yet.
    pub(super) fn report_purges(&mut self, store: &impl Store) {
        let Some(link) = self.upstream.live() else { return };
        let from = Key::Purged(DossierId::ZERO).bytes();
        let to = [Key::Purged(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        let rows = match store.range(&from, &to, LOOKED_THROUGH) {
            Ok(rows) => rows,
            Err(error) => return self.refuse(link, error.into()),
        };
        let done: Vec<DossierId> = rows
            .into_iter()
            .filter(|(_, value)| {
                postcard::from_bytes::<Purged>(value).is_ok_and(|row| row.done && !row.noted)
            })
            .filter_map(|(key, _)| DossierId::from_slice(&key[1..]))
            .collect();
        for some in done.chunks(AT_ONCE) {
            self.say(link, &Control::Purged(some.to_vec()));
        }
    }

    /// A peer below has forgotten: written down, then it is told so. What it was not told to forget, or
    /// has confirmed before, costs no record: the word for it is given at once.
    pub(super) fn purge_confirmed(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        dossiers: Vec<DossierId>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let child = self.children.get(&link).filter(|child| child.binding.is_some());
        let Some(child) = child else {
            return Err(Fault::new("order", "only a reader says what it has forgotten"));
        };
        if dossiers.len() > AT_ONCE {
            return Err(Fault::new(
                "limit",
                "more purges are confirmed in one message than may be",
            ));
        }
        let (office, node) = (child.inbox, child.peer.node_id());
        let mut open = Vec::new();
        for dossier in &dossiers {
            let row: Option<rows::Purge> = super::read(store, Key::Purge(office, *dossier))?;
            if row.is_some_and(|row| row.confirmed.iter().all(|(known, _)| *known != node)) {
                open.push(*dossier);
            }
        }
        if open.is_empty() {
            self.say(link, &Control::PurgeNoted(dossiers));
            return Ok(());
        }
        let record = Record::PurgeConfirmed { office, node, dossiers: open, at: wall };
        self.journal(vec![record], Pending::Purged { link, dossiers });
        Ok(())
    }

    /// The parent has it written down.
    pub(super) fn purge_noted(
        &mut self,
        link: LinkId,
        dossiers: Vec<DossierId>,
    ) -> Result<(), Fault> {
        if self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "a purge is noted by the hub only"));
        }
        self.journal(vec![Record::PurgeNoted { dossiers }], Pending::Nothing);
        Ok(())
    }
}
