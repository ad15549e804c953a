//! One replica of the test city with its journal, state and content.

mod look;
mod shelf;
mod write;

pub use shelf::{FAULTY, Shelf};

use super::{
    Place,
    disk::Disk,
    paper::{DOMAIN, Papers},
};
use automerge::Automerge;
use motcua_core::{
    author::OwnLog,
    id::{DossierId, EpochId, LogId, NodeId, Nonce, OfficeId},
    key::SecretKey,
    ledger::{Ledger, Me},
    record::Record,
    replica::{
        Config, Event, ImageDone, ImageIo, ImageOrder, Input, Output, Replica, Report, Token,
        Unread, cut, list, parent_of,
    },
    state::{Key, MemKv, rows},
    time::{Instant, Timestamp},
    trust::{Binding, Signed, TrustView},
    wire,
};
use shelf::Automerging;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// Frames that the disk had damaged, and those that came again: log, first and last entry.
    pub frames_lost: Vec<(LogId, u64, u64)>,
    pub frames_mended: Vec<(LogId, u64, u64)>,
    pub diverged: u32,
    /// Offices for which too much was found to wait.
    pub unread: Vec<Unread>,
    ended: Option<LogId>,
    binding: Vec<u8>,
    /// One disk sync in so many turns.
    pub sync_every: u64,
    pub disk: Disk,
    /// Images to be listed or cut for machines below.
    to_paint: VecDeque<ImageIo>,
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
        keep: papers.keep,
        quota: papers.quota,
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
            frames_lost: Vec::new(),
            frames_mended: Vec::new(),
            diverged: 0,
            unread: Vec::new(),
            ended: None,
            binding: papers.binding(place),
            sync_every: 1,
            turns: 0,
            batch: 3,
            disk: Default::default(),
            to_paint: VecDeque::new(),
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
        self.to_paint.clear();
        self.disk.crash();
        if lose_state {
            self.store.kv = MemKv::default();
        }
        // What is replayed is cut otherwise than what came one by one.
        self.batch = match (lose_state, self.fold_later) {
            (true, true) => 7,
            (true, false) => 1_000,
            (false, _) => 3,
        };
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
        self.rescue();
        self.in_sync = false;
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
            if let Record::Images { frame, .. } = record {
                let images = wire::ImageFrame::decode(frame).unwrap();
                let before = |id| gone.get(&id).is_some_and(|row| position < row.position);
                if let Some(taken) = images.without(before) {
                    *frame = taken.encode();
                }
            }
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
        loop {
            let before = self.applied;
            let inboxes = self.apply_batch();
            if self.applied == before {
                return;
            }
            self.input(now, Input::Applied { inboxes });
        }
    }

    /// A record gets to the disk together with a frame from above that waits for it.
    pub fn note_with_the_next_frame(&mut self, record: Record) -> bool {
        let brings = |record: &Record| matches!(record, Record::Down { .. });
        let mut waiting = self.unsynced.iter_mut();
        let Some((_, records)) = waiting.find(|(_, records)| records.iter().any(brings)) else {
            return false;
        };
        records.push(record);
        true
    }

    pub fn journal(&mut self, token: Token, records: Vec<Record>) {
        self.unsynced.push_back((Some(token), records));
    }

    pub fn write_down(&mut self, record: Record) {
        self.unsynced.push_back((None, vec![record]));
    }

    pub fn paint(&mut self, request: ImageIo) {
        self.to_paint.push_back(request);
    }

    /// Images of a dossier for an office that asked for it.
    pub fn images_for(&self, office: OfficeId, dossier: DossierId) -> Vec<wire::Image> {
        let places = vec![wire::Place { urgency: 0, dossier }];
        let order = ImageOrder { office, places, listed: true, last: true };
        let cut = cut(&self.store.kv, &Automerging { reads: self.reads }, &order).unwrap();
        wire::ImageFrame::decode(&cut.frame).unwrap().images
    }

    fn paint_one(&mut self, now: Instant) -> bool {
        let Some(request) = self.to_paint.pop_front() else { return false };
        let (kv, painter) = (&self.store.kv, &Automerging { reads: self.reads });
        let done = match request {
            ImageIo::List { link, office, after } => {
                let places = list(kv, painter, office, after).unwrap();
                ImageDone::Listed { link, places: Some(places) }
            }
            ImageIo::Cut { link, order } => {
                ImageDone::Cut { link, cut: Some(cut(kv, painter, &order).unwrap()) }
            }
        };
        self.input(now, Input::Images(done));
        true
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
        served |= self.paint_one(now);
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

    fn apply_batch(&mut self) -> BTreeSet<OfficeId> {
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
            Event::OwnLogDiverged { parent, .. } => self.diverge(parent.log),
            Event::Greeted { .. }
            | Event::Received(_)
            | Event::RootReceived(_)
            | Event::Settled(_) => {}
            Event::Trust(view) => self.adopt(*view),
            Event::TwoAlive { node } => self.two_alive.push(node),
            Event::Checked(report) => self.checks.push(report),
            Event::FrameLost { log, first, last } => self.frames_lost.push((log, first, last)),
            Event::FrameMended { log, first, last } => self.frames_mended.push((log, first, last)),
            Event::SetBack => self.set_backs += 1,
            Event::Unread(unread) => self.unread.push(unread),
            Event::Cut { .. } | Event::HubClock(_) => {}
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
}
