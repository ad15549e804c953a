//! What a disk holds, found by walking its journal record by record and its state row by row; the
//! ledger is not asked.

use crate::machine::JOURNAL;
use motcua_core::{
    id::{DossierId, Hash, LogId},
    key::PublicKey,
    record::Record,
    state::{
        Key, MemKv,
        history::{self, Stored},
        rows::Dossier,
    },
    trust::{Binding, Signed},
    wire::{self, DownFrame, RowItem},
};
use motcua_journal::{Journal, Options, mem::MemFs};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Leaves of all entries in the journal of a file system, which is spoilt by looking: give it a
/// copy. None if the journal does not open.
pub fn in_journal(fs: MemFs, owner: [u8; 16]) -> Option<BTreeSet<Hash>> {
    let (journal, _) =
        Journal::open(Arc::new(fs), Path::new(JOURNAL), Options::seeded(owner, 0)).ok()?;
    let mut walk = Walk::default();
    for raw in journal.view().iter_from(1).flatten() {
        if let Ok(record) = Record::decode(raw.kind, &raw.payload) {
            walk.record(&record);
        }
    }
    Some(walk.leaves)
}

/// Leaves of all entries in the histories of a state.
pub fn in_state(kv: &MemKv) -> BTreeSet<Hash> {
    histories(kv).into_values().flatten().map(|stored| stored.entry.leaf()).collect()
}

/// Histories of all dossiers in a state.
pub fn histories(kv: &MemKv) -> BTreeMap<DossierId, Vec<Stored>> {
    let table = Key::Dossier(DossierId::ZERO).bytes()[0];
    let rows = kv.0.range(vec![table]..vec![table + 1]);
    rows.filter_map(|(key, value)| {
        let id = DossierId::from_slice(&key[1..])?;
        let row: Dossier = postcard::from_bytes(value).ok()?;
        Some((id, history::read(kv, id, &row).ok()?))
    })
    .collect()
}

#[derive(Default)]
struct Walk {
    leaves: BTreeSet<Hash>,
    keys: BTreeMap<LogId, PublicKey>,
    changes: BTreeMap<(LogId, u64), (Hash, DossierId)>,
}

impl Walk {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Own { log, sequence, entry, .. } => {
                if let Ok(entry) = wire::decode_entry(entry) {
                    self.entry(*log, *sequence, &entry);
                }
            }
            Record::Author { log, binding, .. } => {
                let bound = Signed::decode::<Binding>(binding).and_then(|signed| signed.open());
                if let Ok(Binding { key, .. }) = bound {
                    self.keys.insert(*log, key);
                }
            }
            Record::Up { frame, .. } => self.up(frame),
            Record::Down { frame, .. } | Record::Refill { frame, .. } => {
                for row in DownFrame::decode(frame).map(|frame| frame.rows).unwrap_or_default() {
                    if let RowItem::Entry { entry, .. } = row.item {
                        self.leaves.insert(entry.leaf());
                    }
                }
            }
            _ => {}
        }
    }

    fn up(&mut self, frame: &[u8]) {
        let Ok(head) = wire::UpFrame::peek(frame) else { return };
        let Some(key) = self.keys.get(&head.log).copied() else { return };
        let changes = &self.changes;
        let resolve = |sequence| changes.get(&(head.log, sequence)).copied();
        let Ok(frame) = wire::decode_up(frame, &key, resolve) else { return };
        for (sequence, entry) in (head.first..).zip(&frame.entries) {
            self.entry(head.log, sequence, entry);
        }
    }

    fn entry(&mut self, log: LogId, sequence: u64, entry: &motcua_core::entry::Entry) {
        self.leaves.insert(entry.leaf());
        let change = (entry.header.change_hash, entry.header.dossier);
        self.changes.insert((log, sequence), change);
    }
}
