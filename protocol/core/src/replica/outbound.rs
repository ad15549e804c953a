//! Frames that go up: the node's own log, cut and signed here, and the logs of offices below,
//! passed on as they came.

use super::{
    Data, Fault, Head, LinkId, Replica, Store,
    ahead::{Ahead, Cut},
    inbound::InLog,
    root_at,
};
use crate::{
    entry::Entry,
    id::{DossierId, Hash, LogId},
    limits,
    log::{Checkpoint, Frontier, empty_root},
    record::Record,
    state::{
        Key, StoreError, history,
        rows::{self, Position},
        tiles,
    },
    time::Instant,
    wire,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Range,
};

/// Own entries kept in memory so that a live one need not be read back.
const TAIL_ENTRIES: usize = 1_024;
/// Own changes that a frame may refer to by sequence; older ones are named by hash.
const KNOWN_CHANGES: usize = 128 * 1024;
/// Dossiers listed at once while an entry is looked for in all of them.
const SEARCHED_AT_ONCE: usize = 1_000;

/// The end of the own log.
pub(super) struct OwnTail {
    log: LogId,
    /// Tree of all durable own entries; `None` until the first one after a start.
    durable: Option<Frontier>,
    /// Newest entries, the last one being the head.
    entries: VecDeque<Entry>,
    /// Tree up to what was sent.
    sent: Frontier,
    /// Sequence of changes that went up in this process.
    changes: HashMap<Hash, u64>,
    /// Newest tree heads that were signed: size and root.
    signed: VecDeque<(u64, Hash)>,
    /// Until when entries wait to go up together.
    gathering: Option<Instant>,
    /// Frames that are ready for the next link.
    pub(super) ahead: Ahead,
}

/// How long live entries wait for each other while a frame is under way, in milliseconds, and how
/// many of them go at once in any case.
const GATHER_MILLIS: u64 = 3;
const GATHER_ENTRIES: u64 = 64;

/// Signed heads kept to recognise acknowledgements.
const SIGNED_HEADS: usize = 256;

impl OwnTail {
    pub(super) fn new(log: LogId) -> Self {
        Self {
            log,
            durable: None,
            entries: VecDeque::new(),
            sent: Frontier::default(),
            changes: HashMap::new(),
            signed: VecDeque::new(),
            gathering: None,
            ahead: Ahead::default(),
        }
    }

    /// Whether the parent's head is a part of this log, as far as memory tells.
    pub(super) fn agrees(&self, head: Head) -> Option<bool> {
        if head.sequence > self.head() {
            return Some(false);
        }
        let durable = self.durable().filter(|durable| durable.sequence == head.sequence);
        let signed = self.signed.iter().rev().find(|(size, _)| *size == head.sequence);
        let root = durable.map(|durable| durable.root).or(signed.map(|(_, root)| *root));
        root.map(|root| root == head.root)
    }

    pub(super) fn log(&self) -> LogId {
        self.log
    }

    pub(super) fn head(&self) -> u64 {
        self.durable.as_ref().map_or(0, Frontier::size)
    }

    pub(super) fn durable(&self) -> Option<Head> {
        self.durable.as_ref().map(|frontier| root_at(frontier, self.log))
    }

    /// The log as the state knows it at the start.
    pub(super) fn restore(&mut self, frontier: Frontier) {
        self.durable = Some(frontier);
    }

    pub(super) fn push(&mut self, log: LogId, sequence: u64, entry: Entry) {
        if log != self.log {
            *self = Self::new(log);
        }
        let durable = self.durable.get_or_insert_default();
        if sequence != durable.size() + 1 {
            return;
        }
        durable.push(entry.leaf());
        self.entries.push_back(entry);
        if self.entries.len() > TAIL_ENTRIES {
            self.entries.pop_front();
        }
    }

    /// When the first entry after `sequence` was written, as far as memory reaches.
    pub(super) fn oldest_after(&self, sequence: u64) -> Option<crate::time::Timestamp> {
        let entry = self.recent(sequence + 1).or_else(|| self.entries.front())?;
        Some(entry.header.claimed_at)
    }

    /// Own entry `sequence`, if it is among the newest.
    fn recent(&self, sequence: u64) -> Option<&Entry> {
        let behind = usize::try_from(self.head().checked_sub(sequence)?).ok()?;
        self.entries.get(self.entries.len().checked_sub(behind + 1)?)
    }
}

impl Replica {
    /// Sends whatever the parent lacks, as far as the window allows.
    pub(super) fn pump_up(&mut self, store: &impl Store) {
        self.give_again(store);
        let Some(link) = self.upstream.live() else { return };
        let result = self
            .pump_own(link, store)
            .and_then(|()| self.pump_ended(link, store))
            .and_then(|()| self.pump_relayed(link, store));
        if let Err(fault) = result {
            self.refuse(link, fault);
        }
    }

    fn pump_own(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let log = self.own.log;
        if log.is_zero() || !self.may_send(log, store)? {
            return Ok(());
        }
        while !self.upstream.window_is_full() {
            let next = self.upstream.next(&log);
            if next > self.own.head() || self.gathers(next) {
                return Ok(());
            }
            let Some(Cut { tree, frame, .. }) = self.next_cut(log, next, store)? else {
                return Ok(());
            };
            self.announce(link, log, self.config.binding.clone());
            let length = self.send(link, &Data::Up(frame));
            self.upstream.sent(log, tree.size(), length);
            if self.own.signed.len() == SIGNED_HEADS {
                self.own.signed.pop_front();
            }
            self.own.signed.push_back((tree.size(), tree.root()));
            self.own.sent = tree;
            self.own.gathering = None;
        }
        Ok(())
    }

    /// Whether own entries from `next` on wait for a few more: while a frame is under way already,
    /// and for a moment only. A frame costs both sides about as much as ten entries in it do.
    fn gathers(&mut self, next: u64) -> bool {
        let few = self.own.head() - next < GATHER_ENTRIES;
        let busy = self.upstream.frames_in_flight(&self.own.log) > 0;
        if !few || !busy {
            self.own.gathering = None;
            return false;
        }
        let until = *self.own.gathering.get_or_insert(self.now.after(GATHER_MILLIS));
        until > self.now
    }

    /// When gathering ends; it may have ended already.
    pub(super) fn gathering_ends(&self) -> Option<Instant> {
        self.upstream.live().and(self.own.gathering)
    }

    /// The frame of own entries from `next` on: cut already, or now. `None` while the state lags
    /// behind what is to be sent.
    fn next_cut(
        &mut self,
        log: LogId,
        next: u64,
        store: &impl Store,
    ) -> Result<Option<Cut>, Fault> {
        if let Some(cut) = self.own.ahead.take(next) {
            return Ok(Some(cut));
        }
        let tree = if self.own.sent.size() + 1 == next {
            self.own.sent.clone()
        } else {
            match tiles::frontier_at(store, log, next - 1)? {
                Some(tree) => tree,
                None => return Ok(None),
            }
        };
        let mut entries = self.own_entries(next, store)?;
        // Up to what was cut already.
        let room = self.own.ahead.first().map_or(u64::MAX, |first| first - next);
        entries.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        match entries.is_empty() {
            true => Ok(None),
            false => self.cut_own(log, tree, &entries, wire::LEVEL).map(Some),
        }
    }

    /// Cuts and signs a frame of the own entries that follow `tree`, packed at a zstd level.
    pub(super) fn cut_own(
        &mut self,
        log: LogId,
        mut tree: Frontier,
        entries: &[Entry],
        level: i32,
    ) -> Result<Cut, Fault> {
        let own = &mut self.own;
        let changes = &own.changes;
        let key = &self.config.key;
        let first = tree.size() + 1;
        for entry in entries {
            tree.push(entry.leaf());
        }
        let checkpoint = Checkpoint::sign(key, self.config.domain, log, tree.size(), tree.root());
        let resolve = |_: &DossierId, hash: &Hash| changes.get(hash).copied();
        let frame = wire::encode_up_at(
            level,
            &key.public(),
            log,
            first,
            entries,
            resolve,
            &checkpoint.signature,
        )
        .map_err(|error| Fault::new("own log", error))?;
        if own.changes.len() + entries.len() > KNOWN_CHANGES {
            own.changes.clear();
        }
        for (sequence, entry) in (first..).zip(entries) {
            own.changes.insert(entry.header.change_hash, sequence);
        }
        Ok(Cut { first, tree, frame })
    }

    /// Own entries from `next` on, about one frame of them: from memory, or read back.
    pub(super) fn own_entries(&self, next: u64, store: &impl Store) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        let mut block = OwnBlock::default();
        for sequence in next..=self.own.head() {
            let entry = match self.own.recent(sequence) {
                Some(entry) => Some(entry.clone()),
                None => block.read(self.own.log, sequence, store)?,
            };
            let Some(entry) = entry else { break };
            bytes += wire::frame_len_hint(&entry);
            entries.push(entry);
            if bytes >= limits::FRAME_TARGET_BYTES || entries.len() == limits::FRAME_ENTRIES {
                break;
            }
        }
        Ok(entries)
    }

    /// The own log ended and another one begins: what of it has not gone up still does.
    pub(super) fn keep_ended(&mut self, next: LogId) {
        let ended = self.own.log;
        if ended == next || ended.is_zero() || self.logs.contains_key(&ended) {
            return;
        }
        let author = rows::Author {
            key: self.config.key.public(),
            office: self.config.me.office,
            binding: self.config.binding.clone(),
            origin: Some(self.config.me.node),
        };
        let durable = self.own.durable.clone().unwrap_or_default();
        self.logs.insert(ended, InLog::new(durable, author));
    }

    /// Own logs of before: read back from the journal and signed like the one in use.
    fn pump_ended(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let me = self.config.key.public();
        let own = self.own.log;
        let ended = |log: &LogId, row: &InLog| *log != own && row.author.key == me;
        let logs: Vec<(LogId, u64)> = self
            .logs
            .iter()
            .filter(|(log, row)| ended(log, row) && self.upstream.next(log) <= row.stored_entries())
            .map(|(log, row)| (*log, row.stored_entries()))
            .collect();
        for (log, head) in logs {
            while !self.upstream.window_is_full() && self.may_send(log, store)? {
                let next = self.upstream.next(&log);
                if next > head {
                    break;
                }
                let Some(mut tree) = tiles::frontier_at(store, log, next - 1)? else { break };
                let entries = read_own(log, next, head, store)?;
                if entries.is_empty() {
                    break;
                }
                entries.iter().for_each(|entry| tree.push(entry.leaf()));
                let key = &self.config.key;
                let domain = self.config.domain;
                let checkpoint = Checkpoint::sign(key, domain, log, tree.size(), tree.root());
                let nowhere = |_: &DossierId, _: &Hash| None;
                let signature = &checkpoint.signature;
                let frame = wire::encode_up(&me, log, next, &entries, nowhere, signature)
                    .map_err(|error| Fault::new("own log", error))?;
                self.announce(link, log, self.config.binding.clone());
                let length = self.send(link, &Data::Up(frame));
                self.upstream.sent(log, tree.size(), length);
            }
        }
        Ok(())
    }

    /// Logs of offices below, frame by frame as received, once the ledger has taken them in.
    fn pump_relayed(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let me = self.config.key.public();
        let next = |log: &LogId| self.upstream.next(log);
        let behind = self
            .logs
            .iter()
            .filter(|(log, row)| **log != self.own.log && next(log) <= row.stored_entries())
            .filter(|(log, row)| row.author.key != me && !self.upstream.waits_for_frame(log));
        let logs: Vec<LogId> = behind.map(|(log, _)| *log).collect();
        for log in logs {
            while !self.upstream.window_is_full() && self.may_send(log, store)? {
                let next = self.upstream.next(&log);
                let (upto, frame) = match relayed_frame(log, next, store)? {
                    Relayed::Frame { last, bytes, .. } => (last, bytes),
                    Relayed::NotYet => break,
                    // Its author's signature is over the frame as it was: it must come again. All
                    // other logs go up meanwhile.
                    Relayed::Damaged { first, last } => {
                        self.lacks_frame(log, first, last);
                        break;
                    }
                };
                let Some(row) = self.logs.get(&log) else { break };
                let binding = row.author.binding.clone();
                self.announce(link, log, binding);
                let length = self.send(link, &Data::Up(frame));
                self.upstream.sent(log, upto, length);
            }
        }
        Ok(())
    }

    /// Root of a log at a sequence, if the state reaches that far.
    pub(super) fn root_of(
        &self,
        log: LogId,
        sequence: u64,
        store: &impl Store,
    ) -> Result<Option<Hash>, Fault> {
        if sequence == 0 {
            return Ok(Some(empty_root()));
        }
        Ok(tiles::frontier_at(store, log, sequence)?.map(|frontier| frontier.root()))
    }
}

/// A frame that is passed on, as the journal has it.
#[derive(Debug)]
pub(super) enum Relayed {
    /// As it came.
    Frame { first: u64, last: u64, bytes: Vec<u8> },
    /// The state does not know of one yet.
    NotYet,
    /// Its record cannot be read any more.
    Damaged { first: u64, last: u64 },
}

/// The frame that holds `next`, read back from the journal.
pub(super) fn relayed_frame(log: LogId, next: u64, store: &impl Store) -> Result<Relayed, Fault> {
    let Some((first, Position::Frame { record, count })) = frame_of(log, next, store)? else {
        return Ok(Relayed::NotYet);
    };
    let last = first + count - 1;
    Ok(match store.record(record)? {
        Some(Record::Up { frame, .. }) => Relayed::Frame { first, last, bytes: frame },
        _ => Relayed::Damaged { first, last },
    })
}

/// Where the frame that holds `sequence` stands, with the sequence it begins at.
pub(super) fn frame_of(
    log: LogId,
    sequence: u64,
    store: &impl Store,
) -> Result<Option<(u64, Position)>, Fault> {
    // Frames are keyed by their first sequence; the one wanted usually begins at `sequence`.
    match super::read::<Position>(store, Key::Frame(log, sequence))? {
        Some(position) => Ok(Some((sequence, position))),
        None => frame_around(log, sequence, store),
    }
}

/// A frame that begins before `next` and reaches it: the parent stopped inside one, or the author
/// cut its frames anew after a reconnect, so that they overlap.
fn frame_around(
    log: LogId,
    next: u64,
    store: &impl Store,
) -> Result<Option<(u64, Position)>, Fault> {
    let lowest = next.saturating_sub(limits::FRAME_ENTRIES as u64);
    let (from, to) = (Key::Frame(log, lowest).bytes(), Key::Frame(log, next).bytes());
    for (key, value) in store.range(&from, &to, limits::FRAME_ENTRIES)?.into_iter().rev() {
        let position = postcard::from_bytes(&value)
            .map_err(|_| Fault::new("store", "frame position is unreadable"))?;
        let first = key[key.len() - 8..].try_into().map(u64::from_be_bytes).unwrap_or_default();
        if matches!(position, Position::Frame { count, .. } if first + count > next) {
            return Ok(Some((first, position)));
        }
    }
    Ok(None)
}

/// Entries of an own log after a sequence, about a frame of them, from the journal: for writing
/// them into another log when this one has to be given up.
///
/// # Errors
/// [`StoreError`] when state or journal cannot be read.
pub fn own_entries_after(
    store: &impl Store,
    log: LogId,
    after: u64,
) -> Result<Vec<Entry>, StoreError> {
    let row: Option<rows::Log> = super::read(store, Key::Log(log))?;
    let head = row.map_or(0, |row| row.frontier.size());
    read_own(log, after + 1, head, store).map_err(|fault| StoreError::Backend(fault.reason))
}

/// About one frame of entries of an own log, from the journal.
pub(super) fn read_own(
    log: LogId,
    next: u64,
    head: u64,
    store: &impl Store,
) -> Result<Vec<Entry>, Fault> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut bytes = 0;
    let mut block = OwnBlock::default();
    for sequence in next..=head {
        let Some(entry) = block.read(log, sequence, store)? else { break };
        bytes += wire::frame_len_hint(&entry);
        entries.push(entry);
        if bytes >= limits::FRAME_TARGET_BYTES || entries.len() == limits::FRAME_ENTRIES {
            break;
        }
    }
    Ok(entries)
}

/// Entries of a log as their dossiers have them.
fn in_state(
    log: LogId,
    wanted: Range<u64>,
    store: &impl Store,
) -> Result<BTreeMap<u64, Entry>, StoreError> {
    let mut found = BTreeMap::new();
    let mut from = Key::Dossier(DossierId::ZERO).bytes();
    let to = [Key::Dossier(DossierId([0xff; 16])).bytes(), vec![0]].concat();
    loop {
        let rows = store.range(&from, &to, SEARCHED_AT_ONCE)?;
        let Some((last, _)) = rows.last() else { return Ok(found) };
        from = [&last[..], &[0]].concat();
        for id in rows.iter().filter_map(|(key, _)| DossierId::from_slice(&key[1..])) {
            let Some((_, all)) = history::held(store, id)? else { continue };
            let mine = all.into_iter().filter(|one| one.log == log);
            let mine = mine.filter(|one| wanted.contains(&one.sequence));
            found.extend(mine.map(|one| (one.sequence, one.entry)));
        }
    }
}

/// Journal positions of a block of own entries, read once.
#[derive(Default)]
pub(super) struct OwnBlock {
    first: u64,
    positions: Vec<u64>,
    /// The block as its dossiers have it, looked for when a record of it is damaged.
    shown: Option<BTreeMap<u64, Entry>>,
}

impl OwnBlock {
    pub(super) fn read(
        &mut self,
        log: LogId,
        sequence: u64,
        store: &impl Store,
    ) -> Result<Option<Entry>, Fault> {
        use crate::ledger::POSITIONS;
        let first = (sequence - 1) / POSITIONS * POSITIONS + 1;
        let place = (sequence - first) as usize;
        if self.first != first || self.positions.len() <= place {
            self.first = first;
            self.shown = None;
            self.positions = match super::read(store, Key::Frame(log, first))? {
                Some(Position::Entries(positions)) => positions,
                _ => Vec::new(),
            };
        }
        let Some(position) = self.positions.get(place) else { return Ok(None) };
        match store.record(*position)? {
            Some(Record::Own { entry, .. }) => {
                let entry =
                    wire::decode_entry(&entry).map_err(|error| Fault::new("store", error))?;
                Ok(Some(entry))
            }
            // A bit flipped in a record that was good when the state was made. Without it no hub that
            // is new would ever take anything more from this machine.
            _ => match self.shown(log, store)?.remove(&sequence) {
                Some(entry) => Ok(Some(entry)),
                None => {
                    let words = format!("own entry {sequence} is neither in journal nor state");
                    Err(Fault::new("store", words))
                }
            },
        }
    }

    /// Nothing says in which dossier an entry stands, so all are looked through, once a block.
    fn shown(
        &mut self,
        log: LogId,
        store: &impl Store,
    ) -> Result<&mut BTreeMap<u64, Entry>, Fault> {
        use crate::ledger::POSITIONS;
        let block = self.first..self.first + POSITIONS;
        let found = match self.shown.take() {
            Some(found) => found,
            None => in_state(log, block, store).map_err(Fault::from)?,
        };
        Ok(self.shown.insert(found))
    }
}
