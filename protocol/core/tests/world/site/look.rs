//! What a machine holds, read from its state and its journal.

use super::{Site, config, shelf::Automerging};
use crate::world::paper::Papers;
use automerge::Automerge;
use motcua_core::{
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    key::PublicKey,
    ledger::{Ledger, Ruled},
    record::Record,
    state::{
        Key, Kv, MemKv, ScanTable, Txn, held,
        history::{self, Stored},
        rows,
    },
    wire,
};
use std::collections::{BTreeMap, VecDeque};

impl Site {
    pub fn parent(&self) -> Option<PublicKey> {
        self.replica.parent()
    }

    pub fn typed<R: serde::de::DeserializeOwned>(&self, key: Key) -> Option<R> {
        let bytes = self.store.kv.get(&key.bytes()).unwrap()?;
        Some(postcard::from_bytes(&bytes).unwrap())
    }

    pub fn meta(&self) -> rows::Meta {
        self.typed(Key::Meta).unwrap_or_default()
    }

    pub fn row(&self, dossier: DossierId) -> rows::Dossier {
        self.typed(Key::Dossier(dossier)).unwrap_or_default()
    }

    pub fn changes(&self, dossier: DossierId) -> usize {
        let summary: Option<rows::Summary> = self.typed(Key::Summary(dossier));
        let Some(summary) = summary else { return 0 };
        Automerge::load(&summary.bytes).unwrap().get_changes(&[]).len()
    }

    pub fn cursor(&self) -> rows::Cursor {
        self.typed(Key::Upstream).unwrap_or_default()
    }

    pub fn durable(&self, dossier: DossierId) -> usize {
        let own = self.store.journal.iter().filter(|record| match record {
            Record::Own { entry, .. } => {
                wire::decode_entry(entry).unwrap().header.dossier == dossier
            }
            _ => false,
        });
        own.count()
    }

    pub fn document(&self, dossier: DossierId) -> Automerge {
        if let Some(planted) = self.planted.get(&dossier) {
            return planted.clone();
        }
        let summary: rows::Summary = self.typed(Key::Summary(dossier)).unwrap();
        Automerge::load(&summary.bytes).unwrap()
    }

    pub fn scan_row(&self, hash: Hash) -> rows::Scan {
        self.typed(Key::Scan(ScanTable::Files, hash)).unwrap_or_default()
    }

    pub(super) fn rows_of(&self, first: Key) -> Vec<(Vec<u8>, Vec<u8>)> {
        let from = first.bytes();
        let to = vec![from[0] + 1];
        self.store.kv.range(&from, &to, 10_000).unwrap()
    }

    /// The state that a replica in this place comes to when the same records reach it in another
    /// order: each author's log in its own, everything else as chance has it.
    pub fn in_another_order(
        &self,
        papers: &Papers,
        mut random: impl FnMut(usize) -> usize,
    ) -> MemKv {
        let mut streams: BTreeMap<Vec<u8>, VecDeque<Record>> = BTreeMap::new();
        for record in &self.store.journal {
            let stream = match record {
                Record::Author { log, .. } => log.0.to_vec(),
                Record::Up { frame, .. } => wire::UpFrame::peek(frame).unwrap().log.0.to_vec(),
                Record::Own { log, .. } | Record::LogStarted { log, .. } => log.0.to_vec(),
                Record::Trust(_) => b"trust".to_vec(),
                _ => b"others".to_vec(),
            };
            streams.entry(stream).or_default().push_back(record.clone());
        }
        let mut streams: Vec<VecDeque<Record>> = streams.into_values().collect();
        let me = config(papers, self.place, &papers.trust).me;
        let mut ledger = Ledger::new(me, papers.trust.clone(), Automerging { reads: u16::MAX });
        let mut kv = MemKv::default();
        let mut position = 0;
        while !streams.is_empty() {
            let at = random(streams.len());
            let Some(record) = streams[at].pop_front() else {
                streams.remove(at);
                continue;
            };
            position += 1;
            let applied = ledger.apply(&kv, vec![(position, record)]).unwrap();
            kv.write(applied.writes);
        }
        kv
    }

    /// How many machines of an office below said that they have forgotten a dossier.
    pub fn confirmed(&self, office: OfficeId, dossier: DossierId) -> Option<usize> {
        let row: Option<rows::Purge> = self.typed(Key::Purge(office, dossier));
        row.map(|row| row.confirmed.len())
    }

    /// Whether the handshake refuses a machine here.
    pub fn denies(&self, node: NodeId) -> bool {
        self.ledger.trust().denied(node).is_some()
    }

    /// Everything held of a dossier.
    pub fn history(&self, dossier: DossierId) -> Vec<Stored> {
        history::read(&self.store.kv, dossier, &self.row(dossier)).unwrap()
    }

    pub fn ruled(&self, dossier: DossierId) -> Option<Ruled> {
        self.typed(Key::Ruled(dossier))
    }

    /// Own log and entries in it.
    pub fn own_log(&self) -> (LogId, u64) {
        let own = self.own.as_ref().unwrap();
        (own.log(), own.head())
    }

    /// Every digest of what is held, kept up by the ledger, as it is when made from the dossiers.
    pub fn check_held(&self) {
        let mut made = MemKv::default();
        for (key, value) in &self.store.kv.0 {
            if key[0] != Key::Dossier(DossierId::ZERO).bytes()[0] {
                continue;
            }
            let row: rows::Dossier = postcard::from_bytes(value).unwrap();
            let id = DossierId::from_slice(&key[1..]).unwrap();
            let mut txn = Txn::new(&made);
            held::settle(&mut txn, id, &row).unwrap();
            let writes = txn.into_writes();
            made.write(writes);
        }
        let tables = [
            Key::Held(OfficeId::ZERO, DossierId::ZERO).bytes()[0],
            Key::Bucket(OfficeId::ZERO, 0, 0).bytes()[0],
        ];
        let kept = self.store.kv.0.iter().filter(|(key, _)| tables.contains(&key[0]));
        assert!(kept.eq(made.0.iter()), "digests of {:?} are not what is held", self.office);
    }
}
