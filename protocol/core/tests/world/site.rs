//! One replica of the test city with its journal, state and content.

use super::{
    Place,
    paper::{DOMAIN, Papers, marker},
};
use automerge::{Automerge, ROOT, ScalarValue, transaction::Transactable};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{AudienceAction, AudienceOp, Kind, Role, dossier_id},
    id::{DossierId, EpochId, Hash, LogId, NodeId, Nonce, OfficeId, PersonId},
    key::SecretKey,
    ledger::{Content, ContentFault, Folded, Ledger, Me},
    record::{Record, ScanEvent},
    replica::{
        Config, Event, Input, Output, Replica, Report, Store, Token, own_entries_after, parent_of,
    },
    state::{Key, Kv, MemKv, Pairs, ScanTable, StoreError, history::Stored, rows},
    time::{ClockQuality, Instant, Timestamp},
    trust::{Binding, Signed, TrustView},
    wire,
};
use std::collections::{BTreeMap, VecDeque};

/// What a backup, a snapshot or a copied disk holds.
#[derive(Default, Clone)]
pub struct Shelf {
    pub kv: MemKv,
    pub journal: Vec<Record>,
}

impl Kv for Shelf {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.kv.get(key)
    }

    fn range(&self, a: &[u8], b: &[u8], n: usize) -> Result<Pairs, StoreError> {
        self.kv.range(a, b, n)
    }
}

impl Store for Shelf {
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError> {
        Ok(self.journal.get(position as usize - 1).cloned())
    }
}

/// Schema of changes that no content of this city can apply.
pub const FAULTY: u16 = 77;

/// Loads each dossier with automerge; an orphan or a bad chunk is a fault of its entry.
struct Automerging {
    reads: u16,
}

impl Content for Automerging {
    fn schema(&self) -> u16 {
        self.reads
    }

    fn fold(&mut self, id: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault> {
        let mut document = Automerge::new();
        for (position, stored) in entries.iter().enumerate() {
            let fault = |reason: String| ContentFault { position, reason };
            if stored.entry.header.schema == FAULTY {
                return Err(fault("injected".into()));
            }
            let change = automerge::Change::from_bytes(stored.entry.payload.clone())
                .map_err(|error| fault(error.to_string()))?;
            document.apply_changes([change]).map_err(|error| fault(error.to_string()))?;
        }
        Ok(Folded { summary: document.save(), index: super::disk::references(id, &document) })
    }
}

pub struct Site {
    place: Place,
    key: SecretKey,
    office: OfficeId,
    pub store: Shelf,
    ledger: Ledger<Automerging>,
    /// Highest schema that this machine's software reads, and the one it writes.
    pub reads: u16,
    pub schema: u16,
    pub replica: Replica,
    own: Option<OwnLog>,
    /// Handed to the journal, not yet on disk.
    unsynced: VecDeque<(Option<Token>, Vec<Record>)>,
    applied: usize,
    planted: BTreeMap<DossierId, Automerge>,
    pub faults: Vec<String>,
    /// Machines of which two were seen alive.
    pub two_alive: Vec<NodeId>,
    pub in_sync: bool,
    /// Leaves the folding of every batch for later.
    pub fold_later: bool,
    pub checks: Vec<Report>,
    pub set_backs: u32,
    pub diverged: u32,
    ended: Option<LogId>,
    binding: Vec<u8>,
    /// One disk sync in so many turns.
    pub sync_every: u64,
    pub disk: super::disk::Disk,
    turns: u64,
    /// Records that the ledger is given at once.
    pub batch: usize,
}

/// Random bytes, but for the run to be the same: never twice the same, whichever machine asks.
fn fresh_nonce() -> Nonce {
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut nonce = Nonce([0x6e; 16]);
    nonce.0[..8].copy_from_slice(&number.to_le_bytes());
    nonce
}

pub fn config(papers: &Papers, place: Place, trust: &TrustView) -> Config {
    let key = papers.key(place);
    let binding: Binding =
        Signed::decode::<Binding>(&papers.binding(place)).unwrap().open().unwrap();
    Config {
        me: Me { node: key.public().node_id(), office: papers.office(place) },
        domain: DOMAIN,
        binding: papers.binding(place),
        parent: parent_of(trust, &binding),
        seed: place as u64,
        software: "test".into(),
        key,
    }
}

impl Site {
    pub fn new(papers: &Papers, place: Place) -> Self {
        let config = config(papers, place, &papers.trust);
        let mut store = Shelf::default();
        let node = config.me.node;
        if let Place::City | Place::District1 | Place::District2 = place {
            store.journal.push(Record::Epoch(EpochId([place as u8 + 1; 16])));
        }
        let log = LogId([place as u8 + 50; 16]);
        store.journal.push(Record::LogStarted { log, continues: None });
        let binding = papers.binding(place);
        store.journal.push(Record::Author { log, binding, origin: node });
        let replica = Replica::new(config.clone(), papers.trust.clone(), &store).unwrap();
        let mut site = Self {
            place,
            key: config.key.clone(),
            office: config.me.office,
            store,
            ledger: Ledger::new(config.me, papers.trust.clone(), Automerging { reads: u16::MAX }),
            reads: u16::MAX,
            schema: 1,
            replica,
            own: None,
            unsynced: VecDeque::new(),
            applied: 0,
            planted: BTreeMap::new(),
            faults: Vec::new(),
            two_alive: Vec::new(),
            in_sync: false,
            fold_later: false,
            checks: Vec::new(),
            set_backs: 0,
            diverged: 0,
            ended: None,
            binding: papers.binding(place),
            sync_every: 1,
            turns: 0,
            batch: 3,
            disk: Default::default(),
        };
        site.start(papers, place);
        site
    }

    /// Memory is gone; of what was handed to the journal a prefix made it to the disk.
    pub fn restart(&mut self, papers: &Papers, random: u64, lose_state: bool) {
        let kept = random as usize % (self.unsynced.len() + 1);
        for (_, records) in self.unsynced.drain(..).take(kept) {
            self.store.journal.extend(records);
        }
        self.unsynced.clear();
        self.disk.crash();
        if lose_state {
            self.store.kv = MemKv::default();
        }
        // What is replayed is cut otherwise than what came one by one.
        self.batch = if lose_state { 1_000 } else { 3 };
        let place = self.place;
        self.start(papers, place);
    }

    fn start(&mut self, papers: &Papers, place: Place) {
        let me = config(papers, place, &papers.trust).me;
        // As a real machine keeps its documents in a file of their own.
        let mut trusts = self.store.journal.iter().rev().filter_map(|record| match record {
            Record::Trust(bytes) => Some(bytes),
            _ => None,
        });
        let trust = trusts.next().map(|bytes| TrustView::from_bytes(bytes).unwrap());
        self.ledger = Ledger::new(
            me,
            trust.unwrap_or(papers.trust.clone()),
            Automerging { reads: self.reads },
        );
        self.applied = self.meta().applied as usize;
        if self.applied == 0 {
            self.ledger = Ledger::new(me, papers.trust.clone(), Automerging { reads: self.reads });
        }
        if self.fold_later {
            let ledger =
                Ledger::new(me, self.ledger.trust().clone(), Automerging { reads: self.reads });
            self.ledger = ledger.folding_at_once(0);
        }
        while self.apply() {}
        while self.fold_later && self.meta().stale > 0 {
            let applied = self.ledger.fold_stale(&self.store.kv, 3).unwrap();
            self.store.kv.write(applied.writes);
        }
        if std::mem::take(&mut self.fold_later) {
            self.ledger =
                Ledger::new(me, self.ledger.trust().clone(), Automerging { reads: self.reads });
        }
        let trust = self.ledger.trust().clone();
        let config = config(papers, place, &trust);
        self.replica = Replica::new(config.clone(), trust, &self.store).unwrap();
        self.ended = None;
        let log = self.meta().own_log;
        let row: Option<rows::Log> = self.typed(Key::Log(log));
        let frontier = row.map(|row| row.frontier).unwrap_or_default();
        let boot = fresh_nonce();
        self.own = (!log.is_zero()).then(|| OwnLog::new(config.key.public(), log, boot, frontier));
        self.in_sync = false;
    }

    pub fn parent(&self) -> Option<motcua_core::key::PublicKey> {
        self.replica.parent()
    }

    fn typed<R: serde::de::DeserializeOwned>(&self, key: Key) -> Option<R> {
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

    pub fn plant(&mut self, dossier: DossierId, document: Automerge) {
        self.planted.insert(dossier, document);
    }

    pub fn create(&mut self, now: u64) -> DossierId {
        let created = Timestamp(1_700_000_000_000 + now as i64);
        let nonce = fresh_nonce();
        let dossier = dossier_id(&self.key.public(), nonce, created);
        let add = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office: self.office };
        self.write(created, dossier, Automerge::new(), vec![add], Some(nonce), None);
        dossier
    }

    pub fn edit(&mut self, now: u64, dossier: DossierId, audience: &[AudienceOp]) {
        while self.sync_one(Instant(now)) {}
        while self.apply() {}
        let at = Timestamp(1_700_000_000_000 + now as i64);
        let document = self.document(dossier);
        self.write(at, dossier, document, audience.to_vec(), None, None);
    }

    /// Stores a scan's file, then writes its record and the entry that names it.
    pub fn attach(&mut self, now: u64, dossier: DossierId, bytes: &[u8]) -> Hash {
        while self.sync_one(Instant(now)) {}
        while self.apply() {}
        let hash = self.disk.put(bytes);
        let at = Timestamp(1_700_000_000_000 + now as i64);
        let document = self.document(dossier);
        self.write(at, dossier, document, vec![], None, Some((hash, bytes.len() as u64)));
        hash
    }

    pub fn scan_row(&self, hash: Hash) -> rows::Scan {
        self.typed(Key::Scan(ScanTable::Files, hash)).unwrap_or_default()
    }

    fn write(
        &mut self,
        at: Timestamp,
        dossier: DossierId,
        mut document: Automerge,
        audience: Vec<AudienceOp>,
        creation: Option<Nonce>,
        scan: Option<(Hash, u64)>,
    ) {
        let own = self.own.as_mut().unwrap();
        let held: Vec<Hash> =
            document.get_changes(&[]).iter().map(|change| Hash(change.hash().0)).collect();
        let boot = fresh_nonce();
        own.begin_anew_unless(dossier, |change| held.contains(change), boot);
        document.set_actor(automerge::ActorId::from(own.actor().0));
        let text = String::from_utf8(marker(dossier)).unwrap();
        let mut transaction = document.transaction();
        let key = format!("note/{}/{}", own.log(), own.head());
        transaction.put(ROOT, key, ScalarValue::Str(text.into())).unwrap();
        if let Some((hash, size)) = scan {
            transaction.put(ROOT, format!("scan/{hash}"), size).unwrap();
        }
        transaction.commit();
        let change = document.get_last_local_change().unwrap();
        let draft = Draft {
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            dossier,
            person: PersonId([1; 16]),
            claimed_at: at,
            clock: ClockQuality::Unproven,
            schema: self.schema,
            op_count: change.len() as u32,
            change_hash: Hash(change.hash().0),
            deps: change.deps().iter().map(|hash| Hash(hash.0)).collect(),
            audience,
            creation,
            payload: change.raw_bytes().to_vec(),
        };
        let (sequence, entry) = own.append(draft).unwrap();
        if let Some(planted) = self.planted.get_mut(&dossier) {
            *planted = document;
        }
        let log = own.log();
        let entry = wire::encode_entry(&entry);
        let here = scan.map(|(hash, size)| Record::Scan { hash, event: ScanEvent::Here { size } });
        let own = Record::Own { log, sequence, request: None, entry };
        self.unsynced.push_back((None, here.into_iter().chain([own]).collect()));
    }

    /// Writes an entry that is no change into the own log.
    pub fn write_other(
        &mut self,
        now: u64,
        dossier: DossierId,
        kind: Kind,
        deps: Vec<Hash>,
        audience: Vec<AudienceOp>,
        payload: Vec<u8>,
    ) {
        let own = self.own.as_mut().unwrap();
        let change_hash = match kind {
            Kind::Administrative => motcua_core::entry::act_hash(own.actor(), &payload),
            _ => Hash::ZERO,
        };
        let draft = Draft {
            kind,
            dossier,
            person: PersonId([3; 16]),
            claimed_at: Timestamp(1_700_000_000_000 + now as i64),
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: 0,
            change_hash,
            deps,
            audience,
            creation: None,
            payload,
        };
        let (sequence, entry) = own.append(draft).unwrap();
        let log = own.log();
        let entry = wire::encode_entry(&entry);
        self.unsynced.push_back((None, vec![Record::Own { log, sequence, request: None, entry }]));
    }

    /// The software says what it reads, as at a start after an update.
    pub fn update(&mut self) {
        let (schema, software) = (self.reads, "test".into());
        self.unsynced.push_back((None, vec![Record::Updated { schema, software }]));
    }

    /// What the forgetter of a real machine does: state, files, word to the hub.
    pub fn forget(&mut self, now: Instant) {
        self.finish_work(now);
        for (key, _) in self.rows_of(Key::Forgetting(DossierId::ZERO)) {
            let dossier = DossierId::from_slice(&key[1..]).unwrap();
            self.unsynced.push_back((None, vec![Record::Purged { dossier, scans: vec![] }]));
        }
        self.finish_work(now);
        let gone: BTreeMap<DossierId, rows::Purged> = self
            .rows_of(Key::Purged(DossierId::ZERO))
            .into_iter()
            .map(|(key, value)| {
                (DossierId::from_slice(&key[1..]).unwrap(), postcard::from_bytes(&value).unwrap())
            })
            .filter(|(_, row): &(DossierId, rows::Purged)| !row.done)
            .collect();
        for (position, record) in (1u64..).zip(&mut self.store.journal) {
            let Record::Down { frame, .. } = record else { continue };
            let decoded = wire::DownFrame::decode(frame).unwrap();
            let taken =
                decoded.without(|id| gone.get(id).is_some_and(|row| position < row.position));
            if let Some(taken) = taken {
                *frame = taken.encode().unwrap();
                let read = wire::DownFrame::decode(frame).unwrap();
                read.verify(DOMAIN).expect("the proof of the others holds");
            }
        }
        let dossiers = gone.into_keys().collect();
        self.unsynced.push_back((None, vec![Record::PurgeDone { dossiers }]));
        self.finish_work(now);
        self.input(now, Input::Purged);
    }

    fn finish_work(&mut self, now: Instant) {
        while self.sync_one(now) {}
        while self.apply() {}
    }

    fn rows_of(&self, first: Key) -> Vec<(Vec<u8>, Vec<u8>)> {
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
        motcua_core::state::history::read(&self.store.kv, dossier, &self.row(dossier)).unwrap()
    }

    pub fn ruled(&self, dossier: DossierId) -> Option<motcua_core::ledger::Ruled> {
        self.typed(Key::Ruled(dossier))
    }

    /// Own log and entries in it.
    pub fn own_log(&self) -> (LogId, u64) {
        let own = self.own.as_ref().unwrap();
        (own.log(), own.head())
    }

    pub fn journal(&mut self, token: Token, records: Vec<Record>) {
        self.unsynced.push_back((Some(token), records));
    }

    pub fn input(&mut self, now: Instant, input: Input) {
        self.replica.handle_input(now, Timestamp(now.0 as i64), input, &self.store);
    }

    /// One disk sync and one batch for the ledger.
    pub fn work(&mut self, now: Instant) -> bool {
        self.replica.handle_timeout(now, &self.store);
        self.turns += 1;
        let waits = !self.turns.is_multiple_of(self.sync_every) && !self.unsynced.is_empty();
        let synced = waits || self.sync_one(now);
        let mut served = false;
        for done in self.disk.work() {
            served = true;
            self.input(now, Input::Scan(done));
        }
        let before = self.applied;
        let inboxes = self.apply_batch();
        if self.applied > before {
            self.input(now, Input::Applied { inboxes });
        }
        self.sign_again();
        synced || served || self.applied > before
    }

    fn sync_one(&mut self, now: Instant) -> bool {
        let Some((token, records)) = self.unsynced.pop_front() else { return false };
        for record in records {
            self.store.journal.push(record.clone());
            match record {
                Record::Own { log, sequence, entry, .. } => {
                    let entry = Box::new(wire::decode_entry(&entry).unwrap());
                    self.input(now, Input::Own { log, sequence, entry });
                }
                Record::Trust(bytes) => {
                    let view = TrustView::from_bytes(&bytes).unwrap();
                    self.input(now, Input::Trust(Box::new(view)));
                }
                _ => {}
            }
        }
        if let Some(token) = token {
            self.input(now, Input::Journaled(token));
        }
        true
    }

    fn apply(&mut self) -> bool {
        let before = self.applied;
        self.apply_batch();
        self.applied > before
    }

    fn apply_batch(&mut self) -> std::collections::BTreeSet<OfficeId> {
        let batch: Vec<(u64, Record)> = (1..)
            .zip(&self.store.journal)
            .skip(self.applied)
            .take(self.batch)
            .map(|(position, record)| (position, record.clone()))
            .collect();
        if batch.is_empty() {
            return Default::default();
        }
        self.applied += batch.len();
        let applied = self.ledger.apply(&self.store.kv, batch).unwrap();
        self.store.kv.write(applied.writes);
        applied.inboxes
    }

    pub fn take_outputs(&mut self, _: Instant) -> Vec<Output> {
        std::iter::from_fn(|| self.replica.poll_output()).collect()
    }

    pub fn note(&mut self, event: Event) {
        match event {
            Event::InSync => self.in_sync = true,
            Event::Refused { kind, reason, .. } => self.faults.push(format!("{kind}: {reason}")),
            Event::OwnLogDiverged { parent } => self.diverge(parent.log),
            Event::Greeted { .. }
            | Event::Received(_)
            | Event::RootReceived(_)
            | Event::Settled(_) => {}
            Event::Trust(view) => self.adopt(*view),
            Event::TwoAlive { node } => self.two_alive.push(node),
            Event::Checked(report) => self.checks.push(report),
            Event::SetBack => self.set_backs += 1,
        }
    }

    /// Work goes on in a new log; what the old one has is written into it again, as the engine
    /// does it.
    fn diverge(&mut self, ended: LogId) {
        let done = self.store.kv.get(&Key::Rewritten(ended).bytes()).unwrap().is_some();
        if done || self.ended.is_some() {
            return;
        }
        self.ended = Some(ended);
        let own = self.own.as_ref().unwrap();
        if own.log() != ended {
            return;
        }
        self.diverged += 1;
        let log = LogId(fresh_nonce().0);
        let continues = Some((ended, own.head(), Hash::ZERO));
        self.own = Some(OwnLog::new(self.key.public(), log, fresh_nonce(), Default::default()));
        let binding = self.binding.clone();
        let origin = self.key.public().node_id();
        self.unsynced.push_back((
            None,
            vec![Record::LogStarted { log, continues }, Record::Author { log, binding, origin }],
        ));
    }

    /// Entries of the ended log once more, when all of it is on disk and applied.
    fn sign_again(&mut self) {
        let Some(ended) = self.ended else { return };
        if !self.unsynced.is_empty() || self.applied < self.store.journal.len() {
            return;
        }
        self.ended = None;
        let (mut after, own) = (0, self.own.as_mut().unwrap());
        loop {
            let entries = own_entries_after(&self.store, ended, after).unwrap();
            if entries.is_empty() {
                self.unsynced.push_back((None, vec![Record::Rewritten(ended)]));
                return;
            }
            after += entries.len() as u64;
            for entry in entries {
                let sequence = own.append_again(&entry);
                let (log, entry) = (own.log(), wire::encode_entry(&entry));
                let record = Record::Own { log, sequence, request: None, entry };
                self.unsynced.push_back((None, vec![record]));
            }
        }
    }

    /// Everything on the disk is what it was then.
    pub fn put_back(&mut self, papers: &Papers, shelf: Shelf) {
        self.unsynced.clear();
        self.planted.clear();
        self.ended = None;
        self.store = shelf;
        let place = self.place;
        self.start(papers, place);
    }

    /// Newer documents: journaled, then in force, as the engine does it.
    pub fn adopt(&mut self, view: TrustView) {
        self.unsynced.push_back((None, vec![Record::Trust(view.to_bytes())]));
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
            let mut txn = motcua_core::state::Txn::new(&made);
            motcua_core::state::held::settle(&mut txn, id, &row).unwrap();
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
