//! What a hub keeps of its inboxes: who has read how far is written down now and then, and at a
//! look every hour rows that nobody needs leave the state, a journal record first. See
//! `design/retention.md`.

mod anew;
mod plan;

pub(super) use anew::Later;
pub use plan::{Bounds, Unread};

use super::{ChildStatus, Event, Pending, Replica, Store};
use crate::{
    id::{NodeId, OfficeId},
    record::{InboxEvent, Record},
    state::{
        Key, Kv, StoreError,
        rows::{Cursor, Reader},
    },
    time::{Instant, Timestamp},
    trust::DenyAction,
};
use plan::{Reading, age, look};
use std::collections::BTreeMap;

/// Between two records of who has read how far, in milliseconds: what a crash may forget of it, and
/// what keeps a city of 3,000 offices below a record of 100 KB in so long.
const READ_EVERY: u64 = 600_000;
/// Machines in one record.
const READERS: usize = 1_000;
/// Inboxes looked at in one go: some milliseconds, for whoever waits meanwhile.
const INBOXES_AT_ONCE: usize = 32;
/// Until the next go, in milliseconds.
const PAUSE: u64 = 20;
/// Until it is looked again whether anybody has said how late it is.
const NOT_YET: u64 = 5_000;
/// After the start of a process nothing that a silent machine lacks is cut for so long: those that
/// were linked when it stopped come back first.
const PATIENCE: u64 = 3_600_000;
/// An office that was abolished for so long, in milliseconds, and is silent reads no more: a day.
const ABOLISHED: u64 = 86_400_000;

/// What there is to be done about inboxes, and when.
pub(super) struct Keeper {
    /// What the journal says of each machine: last row acknowledged, when it was heard.
    written: BTreeMap<NodeId, (u64, Timestamp)>,
    /// Some machine has acknowledged more: when that is to be written down.
    write_at: Option<Instant>,
    /// The next look, or the next inboxes in the one under way.
    look_at: Instant,
    /// Inboxes up to here were looked at.
    after: Option<OfficeId>,
    /// Sum of all tails in the look under way, and in the last one.
    tails: (u64, u64),
    found: Vec<Unread>,
    /// What the last look found.
    unread: Vec<Unread>,
    /// What the clock said last, and when.
    clock: Option<(Instant, Timestamp)>,
}

impl Keeper {
    pub(super) fn new(readers: &[(NodeId, Reader)]) -> Self {
        let written = readers.iter().map(|(node, row)| (*node, (row.number, row.heard)));
        Self {
            written: written.collect(),
            write_at: None,
            look_at: Instant(PAUSE),
            after: None,
            tails: (0, 0),
            found: Vec::new(),
            unread: Vec::new(),
            clock: None,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.write_at.map_or(self.look_at, |at| at.min(self.look_at))
    }

    pub(super) fn it_is(&mut self, now: Instant, wall: Timestamp) {
        self.clock = Some((now, wall));
    }

    /// The time, as far as it was ever said.
    pub(in crate::replica) fn wall(&self, now: Instant) -> Option<Timestamp> {
        let (then, wall) = self.clock?;
        Some(Timestamp(wall.0.saturating_add_unsigned(now.since(then))))
    }

    /// A machine has acknowledged more than is written down.
    pub(super) fn has_read(&mut self, now: Instant) {
        self.write_at.get_or_insert(now.after(READ_EVERY));
    }
}

/// What the journal says of machines below.
pub(super) fn readers(store: &(impl Kv + ?Sized)) -> Result<Vec<(NodeId, Reader)>, StoreError> {
    const PAGE: usize = 1_000;
    let end = [Key::Cursor(NodeId([0xff; 16])).bytes(), vec![0]].concat();
    let mut from = Key::Cursor(NodeId::ZERO).bytes();
    let mut all = Vec::new();
    loop {
        let page = store.range(&from, &end, PAGE)?;
        let ended = page.len() < PAGE;
        for (key, value) in page {
            let corrupt = || StoreError::Corrupt { what: "reader" };
            let node = NodeId::from_slice(&key[1..]).ok_or_else(corrupt)?;
            all.push((node, postcard::from_bytes(&value).map_err(|_| corrupt())?));
            from = [key, vec![0]].concat();
        }
        if ended {
            return Ok(all);
        }
    }
}

impl Replica {
    /// Offices for which too much waits, as of the last look.
    pub fn unread(&self) -> &[Unread] {
        &self.keeper.unread
    }

    /// A link of a machine has ended: what it has read, and when it was heard, is written down.
    pub(super) fn reader_left(&mut self, node: NodeId, wall: Timestamp) {
        let Some(known) = self.known.get(&node).filter(|known| known.link.is_none()) else {
            return;
        };
        let news = match self.keeper.written.get(&node) {
            Some((number, heard)) => *number != known.delivered || age(wall, *heard) >= READ_EVERY,
            None => true,
        };
        if news {
            let reader = (node, known.office, known.delivered);
            self.write_read(wall, vec![reader]);
        }
    }

    pub(super) fn keep_timeout(&mut self, now: Instant, store: &impl Store) {
        let Some(wall) = self.keeper.wall(now) else { return self.look_later(now) };
        if self.keeper.write_at.is_some_and(|at| at <= now) {
            self.keeper.write_at = None;
            let more = |status: &&ChildStatus| {
                let written = self.keeper.written.get(&status.node);
                status.link.is_some() && written.is_none_or(|(upto, _)| *upto != status.delivered)
            };
            let moved = self.known.values().filter(more);
            let moved: Vec<_> = moved.map(|one| (one.node, one.office, one.delivered)).collect();
            for some in moved.chunks(READERS) {
                self.write_read(wall, some.to_vec());
            }
        }
        if self.keeper.look_at <= now
            && let Err(error) = self.look_on(now, wall, store)
        {
            // The state is rebuilt at the next start; until then nothing is cut.
            self.event(Event::Refused { peer: None, kind: "store", reason: error.to_string() });
            self.keeper.after = None;
            self.keeper.look_at = now.after(self.config.keep.look);
        }
    }

    /// Nobody has said yet how late it is.
    fn look_later(&mut self, now: Instant) {
        if self.keeper.look_at <= now {
            self.keeper.look_at = now.after(NOT_YET);
        }
    }

    fn write_read(&mut self, at: Timestamp, readers: Vec<(NodeId, OfficeId, u64)>) {
        for (node, _, number) in &readers {
            self.keeper.written.insert(*node, (*number, at));
        }
        let record = Record::Inbox(InboxEvent::Read { at, readers });
        self.journal(vec![record], Pending::Nothing);
    }

    /// Looks at the next inboxes.
    fn look_on(
        &mut self,
        now: Instant,
        at: Timestamp,
        store: &impl Store,
    ) -> Result<(), StoreError> {
        let from = match self.keeper.after {
            None => Key::Inbox(OfficeId::ZERO).bytes(),
            Some(office) => [Key::Inbox(office).bytes(), vec![0]].concat(),
        };
        let end = [Key::Inbox(OfficeId([0xff; 16])).bytes(), vec![0]].concat();
        let page = store.range(&from, &end, INBOXES_AT_ONCE)?;
        let ended = page.len() < INBOXES_AT_ONCE;
        let mut readers = self.reading();
        for (key, value) in page {
            let corrupt = || StoreError::Corrupt { what: "inbox" };
            let office = OfficeId::from_slice(&key[1..]).ok_or_else(corrupt)?;
            let tail: Cursor = postcard::from_bytes(&value).map_err(|_| corrupt())?;
            self.keeper.after = Some(office);
            self.keeper.tails.0 = self.keeper.tails.0.wrapping_add(tail.number);
            let readers = readers.remove(&office).unwrap_or_default();
            self.look_at_one(now, at, (office, tail.number), readers, store)?;
        }
        if !ended {
            self.keeper.look_at = now.after(PAUSE);
            return Ok(());
        }
        self.look_ended(now, at);
        Ok(())
    }

    fn look_at_one(
        &mut self,
        now: Instant,
        at: Timestamp,
        (office, tail): (OfficeId, u64),
        readers: Vec<(NodeId, Reading)>,
        store: &impl Store,
    ) -> Result<(), StoreError> {
        let bounds = self.config.keep;
        let banned = |node: NodeId| {
            self.trust.denied(node).is_some_and(|denied| denied.action == DenyAction::Ban)
        };
        let gone = self.is_gone(office, &readers, banned, at);
        let here = readers.iter().filter(|(node, _)| !banned(*node));
        let here: Vec<Reading> = here.map(|(_, reading)| *reading).collect();
        let seen = look(store, (office, tail), &here, gone, &bounds, at)?;
        self.keeper.found.extend(seen.unread);
        let in_time = |why| {
            why == crate::record::CutReason::Read || now >= Instant(PATIENCE.min(bounds.silent))
        };
        if let Some((upto, why)) = seen.cut.filter(|(_, why)| in_time(*why)) {
            let record = Record::Inbox(InboxEvent::Cut { inbox: office, upto, why, at });
            self.journal(vec![record], Pending::Nothing);
            self.event(Event::Cut { office, upto, why });
        }
        Ok(())
    }

    /// Whether nobody reads an inbox from here any more.
    fn is_gone(
        &self,
        office: OfficeId,
        readers: &[(NodeId, Reading)],
        banned: impl Fn(NodeId) -> bool,
        at: Timestamp,
    ) -> bool {
        let me = self.config.me.office;
        if self.trust.office(me).is_none() || readers.iter().any(|(_, one)| one.linked) {
            return false;
        }
        if self.trust.next_hop(me, office) != Some(office) {
            return true;
        }
        let end = self.trust.office(office).and_then(|office| office.valid_to);
        let abolished = end.is_some_and(|end| age(at, end) >= ABOLISHED);
        let out = !readers.is_empty() && readers.iter().all(|(node, _)| banned(*node));
        (abolished || out) && !readers.iter().any(|(_, one)| one.is_heard(&self.config.keep, at))
    }

    /// Machines below, by the inbox that they read.
    fn reading(&self) -> BTreeMap<OfficeId, Vec<(NodeId, Reading)>> {
        let mut all: BTreeMap<OfficeId, Vec<(NodeId, Reading)>> = BTreeMap::new();
        for one in self.known.values() {
            let reading = Reading {
                number: one.delivered,
                heard: one.last_contact,
                linked: one.link.is_some(),
                by_link: one.link.is_some() || self.keeper.written.contains_key(&one.node),
            };
            all.entry(one.office).or_default().push((one.node, reading));
        }
        all
    }

    fn look_ended(&mut self, now: Instant, at: Timestamp) {
        let found = std::mem::take(&mut self.keeper.found);
        let known = |one: &&Unread| self.keeper.unread.iter().all(|old| old.office != one.office);
        let fresh: Vec<Unread> = found.iter().filter(known).copied().collect();
        fresh.into_iter().for_each(|one| self.event(Event::Unread(one)));
        self.keeper.unread = found;
        self.keeper.after = None;
        let (tails, before) = self.keeper.tails;
        self.keeper.tails = (0, tails);
        let me = self.config.me;
        let first = self.meta.clock == Timestamp(0) && self.trust.is_hub(me.office, me.node);
        if tails != before || first {
            // Rows have come: those that come next are marked with a time that is not older than
            // one look, also where no machine below is linked.
            self.meta.clock = at;
            self.write_read(at, Vec::new());
        }
        self.keeper.look_at = now.after(self.config.keep.look.max(1));
    }
}

/// A machine as it is known from the journal.
pub(super) fn remembered(node: NodeId, reader: &Reader) -> ChildStatus {
    ChildStatus {
        node,
        office: reader.inbox,
        link: None,
        last_contact: reader.heard,
        delivered: reader.number,
        status: None,
        clock: None,
        software: String::new(),
        check: None,
    }
}
