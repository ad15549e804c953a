//! What can be seen of the city: verdicts, heads, and who was ever sent or keeps which bytes.

use super::{Place, Site, World, meaning};
use motcua_core::{
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    ledger::Ruled,
    record::Record,
    replica::{Data, Report},
    state::{
        Key, Kv, MemKv,
        history::{self, Stored, Verdict},
        rows,
    },
    wire::{DownFrame, ImageFrame, RowItem},
};
use std::collections::BTreeMap;

impl World {
    pub fn changes(&self, place: Place, dossier: DossierId) -> usize {
        self.sites[&place].changes(dossier)
    }

    /// Own entries of a dossier in the author's journal.
    pub fn durable(&self, place: Place, dossier: DossierId) -> usize {
        self.sites[&place].durable(dossier)
    }

    pub fn node(&self, place: Place) -> NodeId {
        self.papers.key(place).public().node_id()
    }

    /// Own entries so far.
    pub fn own_head(&self, place: Place) -> u64 {
        self.sites[&place].own_log().1
    }

    /// Verdicts of a dossier by change or, for what is no change, by its place in its log.
    pub fn verdicts(
        &self,
        place: Place,
        dossier: DossierId,
    ) -> BTreeMap<String, (Verdict, String)> {
        let history = self.sites[&place].history(dossier);
        let name = |stored: &Stored| format!("{} {}", stored.log, stored.sequence);
        let verdict = |stored: &Stored| (stored.verdict, stored.reason.clone());
        history.iter().map(|stored| (name(stored), verdict(stored))).collect()
    }

    /// Changes of a dossier that a place wrote, in order, with their verdicts where `at`.
    pub fn written(&self, at: Place, by: Place, dossier: DossierId) -> Vec<(Hash, Verdict)> {
        let (log, _) = self.sites[&by].own_log();
        let mut found: Vec<_> = self.sites[&at]
            .history(dossier)
            .into_iter()
            .filter(|stored| stored.log == log)
            .map(|stored| (stored.sequence, stored.entry.header.change_hash, stored.verdict))
            .collect();
        found.sort();
        found.into_iter().map(|(_, hash, verdict)| (hash, verdict)).collect()
    }

    pub fn ruled(&self, place: Place, dossier: DossierId) -> Option<Ruled> {
        self.sites[&place].ruled(dossier)
    }

    pub fn heads(&self, place: Place, dossier: DossierId) -> Vec<Hash> {
        self.sites[&place].row(dossier).heads
    }

    pub fn audience(&self, place: Place, dossier: DossierId) -> Vec<Place> {
        let members = self.sites[&place].row(dossier).members();
        let place_of = |office| Place::ALL.into_iter().find(|p| self.office(*p) == office);
        members.into_iter().filter_map(|(office, _)| place_of(office)).collect()
    }

    pub fn held(&self, place: Place) -> u64 {
        self.sites[&place].meta().held
    }

    pub fn received_by_parent(&self, place: Place) -> u64 {
        self.sites[&place].replica.received_by_parent().sequence
    }

    pub fn in_sync(&self, place: Place) -> bool {
        self.sites[&place].in_sync
    }

    pub fn state(&self, place: Place) -> &MemKv {
        &self.sites[&place].store.kv
    }

    pub fn meaning(&self, place: Place) -> meaning::Meaning {
        meaning::meaning(self.state(place))
    }

    pub fn faults(&self) -> Vec<String> {
        self.sites.values().flat_map(|site| site.faults.clone()).collect()
    }

    /// Entries in each frame in which a hub was brought the own log of a place below.
    pub fn frames_of(&self, hub: Place, place: Place) -> Vec<u64> {
        let log = self.sites[&place].own_log().0;
        let (from, to) = (Key::Frame(log, 0).bytes(), Key::Frame(log, u64::MAX).bytes());
        let rows = self.state(hub).0.range(from..to);
        rows.map(|(_, row)| match postcard::from_bytes(row).unwrap() {
            rows::Position::Frame { count, .. } => count,
            rows::Position::Entries(one) => one.len() as u64,
        })
        .collect()
    }

    pub fn bytes_exchanged(&self) -> usize {
        self.bytes
    }

    /// Whether a site was ever sent, or keeps anywhere, these bytes: frames are looked through as
    /// decoded, not as packed.
    pub fn bytes_seen(&self, place: Place, marker: &[u8]) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
        let sent = self
            .seen
            .get(&place)
            .into_iter()
            .flatten()
            .any(|bytes| holds(bytes) || unpack(bytes).iter().any(|entry| holds(entry)));
        sent || self.keeps(place, marker)
    }

    /// Whether a site keeps these bytes in its journal or state.
    pub fn keeps(&self, place: Place, marker: &[u8]) -> bool {
        self.keeps_in(place, marker, |_| true)
    }

    /// The same, without what it, or an office below it, wrote itself.
    pub fn keeps_of_others(&self, place: Place, marker: &[u8]) -> bool {
        self.keeps_in(place, marker, |record| {
            !matches!(record, Record::Own { .. } | Record::Up { .. })
        })
    }

    pub(super) fn keeps_in(
        &self,
        place: Place,
        marker: &[u8],
        wanted: impl Fn(&Record) -> bool,
    ) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
        let site = &self.sites[&place];
        let journal = site.store.journal.iter().filter(|record| wanted(record)).any(|record| {
            let bytes = record.encode();
            holds(&bytes) || unpack_record(record).iter().any(|entry| holds(entry))
        });
        let state = site.store.kv.0.iter().any(|(key, value)| {
            let unpacked = zstd::bulk::decompress(value, 1 << 20).unwrap_or_default();
            holds(key) || holds(value) || holds(&unpacked)
        });
        journal || state
    }

    /// What a hub makes of a dossier when the same records reach it in another order: verdicts,
    /// heads and offices that take part, all sorted.
    pub fn in_another_order(&mut self, hub: Place, dossier: DossierId) -> Opinion {
        let papers = self.papers.clone();
        let mut seed = self.random();
        let kv = self.sites[&hub].in_another_order(&papers, |below| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        });
        opinion(&kv, dossier)
    }

    /// The same as it is there.
    pub fn opinion(&self, hub: Place, dossier: DossierId) -> Opinion {
        opinion(self.state(hub), dossier)
    }

    pub fn confirmed(&self, hub: Place, below: Place, dossier: DossierId) -> Option<usize> {
        self.sites[&hub].confirmed(self.office(below), dossier)
    }

    /// How often the own log was found to be another one at the hub, and a hub to be set back.
    pub fn diverged(&self, place: Place) -> u32 {
        self.sites[&place].diverged
    }

    pub fn set_backs(&self, place: Place) -> u32 {
        self.sites[&place].set_backs
    }

    /// Digest checks that ended at a place.
    pub fn checks(&self, place: Place) -> Vec<Report> {
        self.sites[&place].checks.clone()
    }

    /// The hub that a machine dials, by the documents it has.
    pub fn parent(&self, place: Place) -> Option<Place> {
        let key = self.sites[&place].parent()?;
        Place::ALL.into_iter().find(|place| self.papers.key(*place).public() == key)
    }

    /// Digests of what is held are what a count from nothing gives, at every replica.
    pub fn check_held(&self) {
        self.sites.values().for_each(Site::check_held);
    }

    pub fn tricked(&self) -> bool {
        self.tricked
    }

    /// Machines of which this hub saw two alive.
    pub fn two_alive(&self, place: Place) -> usize {
        self.sites[&place].two_alive.len()
    }

    /// Links from a place to its parent that are up.
    pub fn links_up(&self, place: Place) -> usize {
        self.links
            .values()
            .filter(|ends| ends.0 == place && Some(ends.1) == self.parent(place))
            .count()
    }
}

/// Verdicts by log and sequence, heads, offices that take part.
pub type Opinion = (BTreeMap<(LogId, u64), (Verdict, String)>, Vec<Hash>, Vec<OfficeId>);

fn opinion(kv: &MemKv, dossier: DossierId) -> Opinion {
    let bytes = kv.get(&Key::Dossier(dossier).bytes()).unwrap();
    let row: rows::Dossier = postcard::from_bytes(&bytes.unwrap()).unwrap();
    let history = history::read(kv, dossier, &row).unwrap();
    let verdicts = history
        .into_iter()
        .map(|stored| ((stored.log, stored.sequence), (stored.verdict, stored.reason)));
    let offices = row.members().into_iter().map(|(office, _)| office).collect();
    (verdicts.collect(), row.heads, offices)
}

/// What stands in a message. One that was bent on its way may be none that can be read: then its bytes.
fn unpack(message: &[u8]) -> Vec<Vec<u8>> {
    match postcard::from_bytes(message) {
        Ok(Data::Down(bytes) | Data::Refill(bytes)) => match DownFrame::decode(&bytes) {
            Ok(frame) => payloads(frame),
            Err(_) => vec![bytes],
        },
        Ok(Data::Images(bytes)) => match ImageFrame::decode(&bytes) {
            Ok(frame) => contents(frame),
            Err(_) => vec![bytes],
        },
        _ => Vec::new(),
    }
}

/// What stands in a record; whatever was written down can be read.
fn unpack_record(record: &Record) -> Vec<Vec<u8>> {
    match record {
        Record::Down { frame, .. } | Record::Refill { frame, .. } => {
            payloads(DownFrame::decode(frame).unwrap())
        }
        Record::Images { frame, .. } => contents(ImageFrame::decode(frame).unwrap()),
        _ => Vec::new(),
    }
}

fn contents(frame: ImageFrame) -> Vec<Vec<u8>> {
    frame.images.into_iter().map(|image| image.content).collect()
}

fn payloads(frame: DownFrame) -> Vec<Vec<u8>> {
    frame
        .rows
        .into_iter()
        .filter_map(|row| match row.item {
            RowItem::Entry { entry, .. } => Some(entry.payload),
            _ => None,
        })
        .collect()
}
