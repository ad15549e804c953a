//! A running process: what it hands to the journal, what the journal answers, and what the state
//! makes of it.

use super::{Books, Clock, JOURNAL, Machine, lane_of, rewrite::Rewriting, trust};
use crate::{
    content::Notes,
    dice::{Dice, Throw},
    sabotage::Sabotage,
    shape::office_id,
};
use automerge::Automerge;
use motcua_core::{
    author::OwnLog,
    id::{DossierId, Hash, LogId, Nonce, OfficeId},
    key::SecretKey,
    ledger::{Applied, Ledger},
    record::Record,
    replica::{
        Channel, Event, ImageDone, ImageIo, Input, LinkId, Output, Received, Replica, Token, cut,
        list,
    },
    state::{Key, StoreError, rows},
    trust::{NodeKind, Offered, TrustView},
    wire,
};
use motcua_journal::{Journal, Lsn, mem::MemFs};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something that the city around it is to hear of.
#[derive(Debug)]
pub enum Happening {
    /// A message for the other end of a link.
    Send {
        /// Which link.
        link: LinkId,
        /// Which channel.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A link is to be closed.
    Close {
        /// Which link.
        link: LinkId,
        /// Why, in words.
        reason: String,
    },
    /// The hub above is to be dialled.
    Dial,
    /// The replica told something.
    Event(Event),
    /// A clerk was told "saved".
    Saved(u64),
    /// A clerk was told that it is not known whether it was saved.
    InDoubt(u64),
}

/// Who waits for records.
pub(super) enum Done {
    Nobody,
    Replica(Token),
    Clerk(u64),
    Documents(Box<TrustView>),
    Decision,
    NewLog,
    Rewrite(LogId),
    Rewritten(LogId),
}

pub(super) struct Handed {
    pub(super) records: Vec<Record>,
    pub(super) done: Done,
}

/// The process.
pub struct Life {
    /// Its files.
    pub fs: MemFs,
    /// What it reads.
    pub books: Books,
    /// The sync machine.
    pub replica: Replica,
    /// Why nothing is applied any more.
    pub broken: Option<String>,
    /// For the city.
    pub out: Vec<Happening>,
    pub(super) journal: Journal,
    pub(super) ledger: Ledger<Notes>,
    pub(super) own: OwnLog,
    pub(super) key: SecretKey,
    pub(super) office: OfficeId,
    pub(super) kind: NodeKind,
    pub(super) binding: Vec<u8>,
    pub(super) queue: VecDeque<Handed>,
    pub(super) to_apply: VecDeque<(u64, Record)>,
    pub(super) offered: Offered,
    pub(super) recovery_due: bool,
    /// Numbers of the own log were lost: it ends before anything else is written into it.
    pub(super) own_failed: bool,
    pub(super) documents: BTreeMap<DossierId, Automerge>,
    /// Requests that this process has answered.
    pub(super) answered: BTreeMap<[u8; 16], DossierId>,
    /// Own changes of a dossier that the state does not show yet.
    pub(super) ahead: BTreeMap<DossierId, u32>,
    pub(super) rewriting: BTreeMap<LogId, Rewriting>,
    pub(super) files_due: bool,
    /// The next frame from below is damaged on the disk as soon as it stands there.
    pub spoil_next: bool,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) dice: Dice,
    images: VecDeque<ImageIo>,
    decided: Option<bool>,
    known_decided: u64,
}

impl Life {
    pub(super) fn new(
        machine: &mut Machine,
        fs: MemFs,
        books: Books,
        journal: Journal,
        ledger: Ledger<Notes>,
        replica: Replica,
    ) -> Self {
        let mut dice = machine.dice.part();
        let log = books.meta().own_log;
        let row: Option<rows::Log> = books.row(Key::Log(log));
        let frontier = row.map(|row| row.frontier).unwrap_or_default();
        let own = OwnLog::new(machine.key.public(), log, Nonce(dice.bytes()), frontier);
        Self {
            fs,
            books,
            replica,
            broken: None,
            out: Vec::new(),
            journal,
            offered: Offered::new(ledger.trust().clone()),
            ledger,
            own,
            key: machine.key.clone(),
            office: office_id(machine.seat.office),
            kind: machine.seat.kind,
            binding: machine.binding.clone(),
            queue: VecDeque::new(),
            to_apply: VecDeque::new(),
            recovery_due: false,
            own_failed: false,
            documents: BTreeMap::new(),
            answered: BTreeMap::new(),
            ahead: BTreeMap::new(),
            rewriting: BTreeMap::new(),
            files_due: true,
            spoil_next: false,
            sabotage: machine.sabotage,
            dice,
            images: VecDeque::new(),
            decided: None,
            known_decided: 0,
        }
    }

    /// What was applied without a recorded decision is decided now.
    pub(super) fn settle_undecided(&mut self, known: u64, clock: Clock) {
        self.known_decided = known;
        let meta = self.books.meta();
        if meta.applied > known {
            let record = Record::Decided { upto: meta.applied, exceptions: Vec::new() };
            self.hand(vec![record], Done::Nobody, clock);
        }
        let schema = self.ledger.reads();
        if schema > meta.schema {
            let record = Record::Updated { schema, software: "sim".into() };
            self.hand(vec![record], Done::Nobody, clock);
        }
    }

    /// The trust documents in force.
    pub fn trust(&self) -> &TrustView {
        self.ledger.trust()
    }

    /// Own log in use and entries in it.
    pub fn own_log(&self) -> (LogId, u64) {
        (self.own.log(), self.own.head())
    }

    /// Whether anything waits for the disk.
    pub fn has_to_sync(&self) -> bool {
        !self.queue.is_empty() || self.recovery_due
    }

    /// Whether anything waits for the state.
    pub fn has_to_apply(&self) -> bool {
        self.broken.is_none() && (!self.to_apply.is_empty() || !self.images.is_empty())
    }

    /// Something happened.
    pub fn input(&mut self, clock: Clock, input: Input) {
        self.replica.handle_input(clock.now, clock.wall, input, &self.books);
        self.outputs(clock);
    }

    /// Time has passed.
    pub fn timeout(&mut self, clock: Clock) {
        self.replica.handle_timeout(clock.now, &self.books);
        self.outputs(clock);
    }

    fn outputs(&mut self, clock: Clock) {
        while let Some(output) = self.replica.poll_output() {
            match output {
                Output::Send { link, channel, bytes } => {
                    self.out.push(Happening::Send { link, channel, bytes });
                }
                Output::Close { link, reason } => self.out.push(Happening::Close { link, reason }),
                Output::Dial => self.out.push(Happening::Dial),
                Output::Journal { token, records } => {
                    self.hand(records, Done::Replica(token), clock);
                }
                Output::Images(request) => self.images.push_back(request),
                // Nobody writes that much here.
                Output::Pace { .. } => {}
                // No scans in these cities.
                Output::Scan(_) => {}
                Output::Event(event) => {
                    self.react(&event, clock);
                    self.out.push(Happening::Event(event));
                }
            }
        }
    }

    /// What the engine itself does about events.
    fn react(&mut self, event: &Event, clock: Clock) {
        match event {
            Event::Trust(view) => self.adopt(view, clock),
            Event::OwnLogDiverged { parent, whole } => self.diverged(parent.log, *whole, clock),
            Event::Settled(Received { log, sequence })
                if (*log, *sequence) == (self.own.log(), self.own.head()) =>
            {
                let (log, sequence, at) = (*log, *sequence, clock.wall);
                let record = Record::Acknowledged { log, sequence, at };
                self.hand(vec![record], Done::Nobody, clock);
            }
            _ => {}
        }
    }

    /// Newer documents: journaled, then in force.
    pub fn adopt(&mut self, view: &TrustView, clock: Clock) {
        if self.does_not_hear(view) {
            return;
        }
        // What cannot be taken leaves what was there, as in the engine.
        let Some((newest, _)) = self.offered.offer(view) else { return };
        let record = Record::Trust(newest.to_bytes());
        self.hand(vec![record], Done::Documents(Box::new(newest)), clock);
    }

    pub(super) fn hand(&mut self, mut records: Vec<Record>, done: Done, clock: Clock) {
        self.take_authorship(&mut records);
        let done = match (self.sabotage, done) {
            (Some(Sabotage::AnswersBeforeSync), Done::Clerk(ticket)) => {
                self.out.push(Happening::Saved(ticket));
                Done::Nobody
            }
            (Some(Sabotage::AcknowledgesBeforeSync), Done::Replica(token)) => {
                self.queue.push_back(Handed { records, done: Done::Nobody });
                return self.input(clock, Input::Journaled(token));
            }
            (_, done) => done,
        };
        self.queue.push_back(Handed { records, done });
    }

    /// One group commit: some of what waits is appended, synced once, and answered in order.
    pub fn sync(&mut self, clock: Clock) {
        let some = self.dice.between(0, self.queue.len() as u64) as usize;
        let some = if self.dice.one_in(2) { self.queue.len() } else { some.max(1) };
        self.commit(some, clock);
        if self.recovery_due {
            self.recover(clock);
        }
        if self.dice.one_in(6) {
            self.maintain();
        }
    }

    fn commit(&mut self, some: usize, clock: Clock) {
        let some = some.min(self.queue.len());
        let handed: Vec<Handed> = self.queue.drain(..some).collect();
        let appended: Vec<_> = handed
            .iter()
            .map(|one| {
                let append = |record: &Record| {
                    self.journal.append(lane_of(record), record.kind(), &record.encode())
                };
                one.records.iter().map(append).collect::<Result<Vec<Lsn>, _>>()
            })
            .collect();
        let committed = self.journal.commit();
        let durable = self.journal.point().lsn;
        for (one, lsns) in handed.into_iter().zip(appended) {
            let good = match (&committed, &lsns) {
                (Err(_), Ok(lsns)) => lsns.iter().all(|lsn| *lsn <= durable),
                (_, lsns) => lsns.is_ok(),
            };
            match lsns {
                Ok(lsns) if good => self.on_disk(lsns, one, clock),
                _ => self.not_on_disk(one, clock),
            }
        }
    }

    fn on_disk(&mut self, lsns: Vec<Lsn>, one: Handed, clock: Clock) {
        let last = lsns.last().copied().unwrap_or_else(|| self.books.journal.durable());
        for (lsn, record) in lsns.into_iter().zip(one.records) {
            self.spoil(&record);
            if let Record::Own { log, sequence, entry, request } = &record
                && let Ok(entry) = wire::decode_entry(entry)
            {
                if let Some(request) = request {
                    self.answered.insert(request.key, entry.header.dossier);
                }
                let (log, sequence, entry) = (*log, *sequence, Box::new(entry));
                self.input(clock, Input::Own { log, sequence, entry });
            }
            if !self.passes_over(&record) {
                self.to_apply.push_back((lsn, record));
            }
        }
        match one.done {
            Done::Nobody | Done::NewLog => {}
            Done::Replica(token) => self.input(clock, Input::Journaled(token)),
            Done::Clerk(ticket) => self.out.push(Happening::Saved(ticket)),
            Done::Documents(view) => {
                self.offered.written(&view);
                // In the journal it is; the file is there to begin with.
                let _ = trust::save(&self.fs, &view);
                self.input(clock, Input::Trust(view));
            }
            Done::Decision => self.decided = Some(true),
            Done::Rewrite(ended) => self.rewrite_on_disk(ended, last),
            Done::Rewritten(ended) => drop(self.rewriting.insert(ended, Rewriting::Done)),
        }
    }

    fn spoil(&mut self, record: &Record) {
        if self.spoil_next
            && let Record::Up { frame, .. } = record
        {
            self.spoil_next = !spoil(&self.fs, frame, self.dice.next_u64());
        }
    }

    fn not_on_disk(&mut self, one: Handed, clock: Clock) {
        match one.done {
            Done::Nobody => return,
            Done::Documents(_) => drop(self.offered.not_written()),
            Done::Replica(token) => self.input(clock, Input::JournalFailed(token)),
            Done::Clerk(ticket) => {
                self.own_failed = true;
                self.out.push(Happening::InDoubt(ticket));
            }
            Done::NewLog => self.own_failed = true,
            Done::Decision => self.decided = Some(false),
            Done::Rewrite(ended) | Done::Rewritten(ended) => {
                self.own_failed = true;
                self.rewriting.remove(&ended);
            }
        }
        self.recovery_due = true;
    }

    /// After a failed append or sync. What was handed in meanwhile fails too; then the journal goes
    /// on in a new segment and, if numbers of the own log were lost, the machine in a new log.
    fn recover(&mut self, clock: Clock) {
        self.commit(usize::MAX, clock);
        self.recovery_due = false;
        if self.journal.recover_after_failure().is_err() {
            // The next write that fails tries again.
            return;
        }
        if let Some(view) = self.offered.again() {
            self.adopt(&view, clock);
        }
        if std::mem::take(&mut self.own_failed) {
            let ended = self.own.log();
            self.begin_log(ended, clock);
            self.documents.clear();
            self.ahead.clear();
        }
    }

    pub(super) fn begin_log(&mut self, ended: LogId, clock: Clock) {
        let log = LogId(self.dice.bytes());
        let continues = Some((ended, self.own.head(), Hash::ZERO));
        let boot = Nonce(self.dice.bytes());
        self.own = OwnLog::new(self.key.public(), log, boot, Default::default());
        let (binding, origin) = (self.binding.clone(), self.key.public().node_id());
        let records =
            vec![Record::LogStarted { log, continues }, Record::Author { log, binding, origin }];
        self.hand(records, Done::NewLog, clock);
    }

    /// Everything that waits, to the disk.
    pub(super) fn sync_all(&mut self, clock: Clock) {
        for _ in 0..64 {
            if !self.has_to_sync() {
                return;
            }
            self.commit(usize::MAX, clock);
            if self.recovery_due {
                self.recover(clock);
            }
        }
    }

    /// Background work of the journal.
    pub fn maintain(&mut self) {
        // What fails is tried again with the next segment; the journal stays usable.
        let _ = self.journal.maintain();
    }

    /// One batch for the ledger, and one image if somebody asks for images.
    pub fn apply(&mut self, clock: Clock) {
        if let Some(request) = self.images.pop_front() {
            self.paint(request, clock);
        }
        if self.to_apply.is_empty() || self.broken.is_some() {
            return;
        }
        let most = self.to_apply.len() as u64;
        let size = if self.dice.one_in(2) { most } else { self.dice.between(1, most) };
        let batch: Vec<(u64, Record)> = self.to_apply.drain(..size as usize).collect();
        let own: Vec<DossierId> =
            batch.iter().filter_map(|(_, record)| own_dossier(record)).collect();
        let applied = self.ledger.apply(&self.books, batch);
        let done = applied.and_then(|applied| self.take(applied, &own, clock));
        let stale = match done {
            Ok(stale) => stale,
            Err(error) => return self.broken = Some(error.to_string()),
        };
        if stale > 0 && self.dice.one_in(2) {
            self.fold_stale(clock);
        }
        self.rewrite_on(clock);
    }

    /// Folds what was left for later.
    pub fn fold_stale(&mut self, clock: Clock) {
        if self.broken.is_some() || self.books.meta().stale == 0 {
            return;
        }
        let applied = self.ledger.fold_stale(&self.books, 2);
        if let Err(error) = applied.and_then(|applied| self.take(applied, &[], clock)) {
            self.broken = Some(error.to_string());
        }
    }

    /// Decisions are on disk before anybody is shown their consequences; then the state has them.
    fn take(
        &mut self,
        mut applied: Applied,
        own: &[DossierId],
        clock: Clock,
    ) -> Result<u64, StoreError> {
        if applied.decided && applied.upto > self.known_decided {
            let exceptions = std::mem::take(&mut applied.exceptions);
            let record = Record::Decided { upto: applied.upto, exceptions };
            self.decided = None;
            self.hand(vec![record], Done::Decision, clock);
            if !applied.inboxes.is_empty() {
                self.sync_all(clock);
                if self.decided != Some(true) {
                    return Err(StoreError::Backend("decision not written".into()));
                }
            }
        }
        self.keep_one_head(&mut applied);
        self.mistake_authors(&mut applied);
        self.books.state.write(applied.writes)?;
        for dossier in own {
            if let Some(ahead) = self.ahead.get_mut(dossier) {
                *ahead = ahead.saturating_sub(1);
            }
        }
        self.ahead.retain(|_, ahead| *ahead > 0);
        let ahead: BTreeSet<DossierId> = self.ahead.keys().copied().collect();
        self.documents.retain(|id, _| ahead.contains(id) || !applied.dossiers.contains(id));
        self.input(clock, Input::Applied { inboxes: applied.inboxes });
        Ok(applied.stale)
    }

    fn paint(&mut self, request: ImageIo, clock: Clock) {
        let done = match request {
            ImageIo::List { link, office, after } => {
                let places = list(&self.books.state, &Notes::default(), office, after).ok();
                ImageDone::Listed { link, places }
            }
            ImageIo::Cut { link, order } => {
                ImageDone::Cut { link, cut: cut(&self.books.state, &Notes::default(), &order).ok() }
            }
        };
        self.input(clock, Input::Images(done));
    }
}

/// Flips a bit of a frame wherever it stands in the journal; false where it does not.
fn spoil(fs: &MemFs, frame: &[u8], chance: u64) -> bool {
    let ours = fs.paths().into_iter().filter(|path| path.starts_with(JOURNAL));
    let mut found = ours.filter_map(|path| {
        let content = fs.content(&path)?;
        let at = content.windows(frame.len()).position(|bytes| bytes == frame)?;
        Some((path, at + (chance % frame.len() as u64) as usize))
    });
    // The newest segment has it.
    found.next_back().is_some_and(|(path, at)| fs.flip(&path, at, 1 << (chance % 8)))
}

fn own_dossier(record: &Record) -> Option<DossierId> {
    match record {
        Record::Own { entry, .. } => Some(wire::decode_entry(entry).ok()?.header.dossier),
        _ => None,
    }
}
