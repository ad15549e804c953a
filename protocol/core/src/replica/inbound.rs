//! Frames that come in: author logs from below, the inbox from above. Everything is checked
//! before it is written, and acknowledged after.

use super::{
    Data, Event, Fault, Head, LinkId, Output, Pending, Replica, Store, assemble::decision_message,
    root_at, scope::speaks_for,
};
use crate::{
    id::{DossierId, Hash, LogId},
    key::Purpose,
    limits,
    log::{Checkpoint, Frontier},
    record::Record,
    state::{
        Key,
        rows::{Author, Cursor},
        tiles,
    },
    trust::{Binding, Signed},
    wire::{self, DownFrame, RowItem},
};
use std::collections::VecDeque;

/// Change hashes kept to resolve references into a log; beyond it the state is asked.
const RECENT_CHANGES: usize = 128 * 1024;

/// An author log that comes up from below (or the node's own, as it stood at the start).
pub(super) struct InLog {
    pub(super) author: Author,
    /// Tree of what was received.
    received: Frontier,
    /// Tree of what is on disk.
    stored: Frontier,
    /// Trees after each frame that is on its way to the disk.
    waiting: VecDeque<Frontier>,
    /// Change hashes and dossiers of the newest entries received.
    recent: VecDeque<(Hash, DossierId)>,
}

impl InLog {
    pub(super) fn new(stored: Frontier, author: Author) -> Self {
        Self {
            author,
            received: stored.clone(),
            stored,
            waiting: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    pub(super) fn durable(&self) -> Head {
        Head { log: LogId::ZERO, sequence: self.stored.size(), root: self.stored.root() }
    }

    /// Entries on disk.
    pub(super) fn stored_entries(&self) -> u64 {
        self.stored.size()
    }

    /// Entries received, those on their way to the disk included.
    pub(super) fn received_entries(&self) -> u64 {
        self.received.size()
    }

    /// The oldest frame that waited is on disk; journal requests are answered in order.
    pub(super) fn stored(&mut self) {
        if let Some(frontier) = self.waiting.pop_front() {
            self.stored = frontier;
        }
    }

    pub(super) fn forget_unstored(&mut self) {
        self.received = self.stored.clone();
        self.waiting.clear();
        self.recent.clear();
    }

    /// Change hash and dossier of an earlier entry of this log.
    fn change(
        &self,
        log: LogId,
        sequence: u64,
        before: u64,
        store: &impl Store,
    ) -> Option<(Hash, DossierId)> {
        let behind = before.checked_sub(sequence)?;
        let from_end = usize::try_from(behind).ok()?;
        match self.recent.len().checked_sub(from_end + 1) {
            Some(place) => self.recent.get(place).copied(),
            None => tiles::change(store, log, sequence).ok().flatten(),
        }
    }

    /// The tree of what stands before a frame; none if the state does not reach that far yet.
    fn tree_before(&self, head: wire::UpHead, store: &impl Store) -> Option<Frontier> {
        let size = head.first - 1;
        let known = self.waiting.iter().chain([&self.received, &self.stored]);
        match known.into_iter().find(|tree| tree.size() == size) {
            Some(tree) => Some(tree.clone()),
            None => tiles::frontier_at(store, head.log, size).ok().flatten(),
        }
    }

    fn remember(&mut self, change: (Hash, DossierId)) {
        if self.recent.len() == RECENT_CHANGES {
            self.recent.pop_front();
        }
        self.recent.push_back(change);
    }
}

impl Replica {
    /// A log is announced: its author must be bound to an office that this peer may speak for.
    pub(super) fn log_opened(
        &mut self,
        link: LinkId,
        log: LogId,
        binding: Vec<u8>,
    ) -> Result<(), Fault> {
        let Some((origin, peer)) = self.bringer_on(link) else {
            return Err(Fault::new("order", "a log was announced before hello"));
        };
        if log == self.own.log() {
            return Err(Fault::new("scope", "only this machine itself writes that log"));
        }
        let signed =
            Signed::decode::<Binding>(&binding).map_err(|error| Fault::new("binding", error))?;
        let author = self.trust.binding(&signed).map_err(|error| Fault::new("binding", error))?;
        if !speaks_for(&self.trust, &peer, author.office) {
            return Err(Fault::new("scope", "this peer may not bring that author's log"));
        }
        if let Some(known) = self.logs.get(&log) {
            if known.author.key != author.key {
                return Err(Fault::new("scope", "this log belongs to another author"));
            }
            return Ok(());
        }
        let known = self.logs.values().filter(|known| known.author.key == author.key).count();
        if known >= limits::LOGS_PER_AUTHOR {
            return Err(Fault::new(
                "limit",
                "this author has too many logs; enrol the machine anew",
            ));
        }
        let row = Author {
            key: author.key,
            office: author.office,
            binding: binding.clone(),
            origin: Some(origin),
        };
        self.logs.insert(log, InLog::new(Frontier::default(), row));
        self.journal(vec![Record::Author { log, binding, origin }], Pending::Author { link, log });
        Ok(())
    }

    /// A frame of an author log.
    pub(super) fn up_frame(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some((from, peer)) = self.bringer_on(link) else {
            return Err(Fault::new("order", "up frames come from below or beside only"));
        };
        let head = wire::UpFrame::peek(&bytes).map_err(|error| Fault::new("frame", error))?;
        self.check_allowance(link, head.log, head.last())?;
        let domain = self.config.domain;
        let Some(log) = self.logs.get_mut(&head.log) else {
            return Err(Fault::new("order", "frame of a log that was not announced"));
        };
        if !speaks_for(&self.trust, &peer, log.author.office) {
            return Err(Fault::new("scope", "this peer may not bring that author's log"));
        }
        let end = head.last();
        if end <= log.stored.size() && self.again.wants((head.log, head.first)) {
            return self.take_again(from, head, bytes, store);
        }
        if end <= log.stored.size() {
            let known = Head { log: head.log, ..log.durable() };
            self.say(link, &super::Control::Received(known));
            return Ok(());
        }
        if end <= log.received.size() {
            // Sent again after a reconnect while the first copy is on its way to the disk; the
            // acknowledgement of that one goes to the new link.
            return Ok(());
        }
        if head.first > log.received.size() + 1 {
            let expected = log.received.size() + 1;
            let words = format!("frame begins at {}, expected {expected}", head.first);
            return Err(Fault::new("gap", words));
        }
        let frame = wire::decode_up(&bytes, &log.author.key, |sequence| {
            log.change(head.log, sequence, log.received.size(), store)
        })
        .map_err(|error| Fault::new("frame", error))?;
        let Some(mut tree) = log.tree_before(head, store) else {
            // The state will have it in a moment; what is sent again then is judged by it.
            self.leave(link, "what was received is not applied yet; begin anew");
            return Ok(());
        };
        for entry in &frame.entries {
            tree.push(entry.leaf());
            // A frame may begin before the end of what is here; it is passed on as it came, so what it
            // repeats must be the same.
            if tree.size() == log.received.size() && tree != log.received {
                let words = "a frame repeats entries of its log otherwise than they are here";
                return Err(Fault::new("fork", words));
            }
        }
        let reached = root_at(&tree, head.log);
        let checkpoint = Checkpoint {
            log: head.log,
            size: reached.sequence,
            root: reached.root,
            signature: frame.signature,
        };
        checkpoint
            .verify(&log.author.key, domain)
            .map_err(|error| Fault::new("signature", error))?;
        for (sequence, entry) in (head.first..).zip(&frame.entries) {
            if sequence > log.received.size() {
                log.remember((entry.header.change_hash, entry.header.dossier));
            }
        }
        log.received = tree;
        log.waiting.push_back(log.received.clone());
        self.spend(link, frame.entries.len(), bytes.len());
        self.journal(vec![Record::Up { from, frame: bytes }], Pending::Up { head: reached });
        Ok(())
    }

    /// A frame of this replica's inbox.
    pub(super) fn down_frame(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(at) = self.upstream.reading(link) else {
            return Err(Fault::new("order", "down frames come from above, after welcome"));
        };
        let frame = DownFrame::decode(&bytes).map_err(|error| Fault::new("frame", error))?;
        if frame.inbox != self.config.me.office {
            return Err(Fault::new("scope", "this inbox belongs to another office"));
        }
        if frame.epoch == at.epoch && frame.after < at.number && frame.upto <= at.number {
            // It came by another way already; it need not be looked into.
            self.read_already(link);
            return Ok(());
        }
        // What overlaps is taken whole: entries that are here already change nothing.
        if frame.epoch != at.epoch || frame.after > at.number || frame.upto < frame.after {
            let words = format!("inbox frame builds on {}, expected {}", frame.after, at.number);
            return Err(Fault::new("gap", words));
        }
        // So it stands in a journal after a purge. From a hub it would take the place of the content
        // for good, since an entry that is here is not taken again.
        if frame.rows.iter().any(|row| matches!(row.item, RowItem::Gone { .. })) {
            return Err(Fault::new("frame", "an entry without what it says"));
        }
        self.check_authors(&frame, store)?;
        self.check_decisions(&frame)?;
        frame.verify(self.config.domain).map_err(|error| Fault::new("proof", error))?;
        self.regained |= self.is_of_those_below(&frame, store)?;
        let cursor = Cursor { epoch: frame.epoch, number: frame.upto, hash: frame.hash };
        self.upstream.read_upto(cursor);
        let from = self.upstream.hub();
        self.journal(vec![Record::Down { from, frame: bytes }], Pending::Down { link, cursor });
        Ok(())
    }

    /// Every author in a frame must be bound, up to the root key, to an office of this domain. A
    /// hub that swaps keys or bindings is found out here, one that swaps content by the proofs.
    pub(super) fn check_authors(&self, frame: &DownFrame, store: &impl Store) -> Result<(), Fault> {
        for part in &frame.authors {
            let bound = match &part.binding {
                Some(bytes) => {
                    let signed = Signed::decode::<Binding>(bytes)
                        .map_err(|error| Fault::new("binding", error))?;
                    self.trust.binding(&signed).map_err(|error| Fault::new("binding", error))?.key
                }
                None => match super::read::<Author>(store, Key::Author(part.log))? {
                    Some(author) => author.key,
                    None => return Err(Fault::new("binding", "author without a binding")),
                },
            };
            if bound != part.key {
                return Err(Fault::new("binding", "binding is for another key"));
            }
        }
        Ok(())
    }

    /// Whether a frame from above brings what offices below wrote: this hub had lost it, or it never
    /// came this way, and they may lack it as well.
    fn is_of_those_below(&self, frame: &DownFrame, store: &impl Store) -> Result<bool, Fault> {
        let me = self.config.me.office;
        for part in frame.authors.iter().filter(|part| part.proof.is_some()) {
            let office = match &part.binding {
                Some(bytes) => {
                    let bound = Signed::decode::<Binding>(bytes).and_then(|signed| signed.open());
                    bound.map(|binding: Binding| binding.office).ok()
                }
                None => super::read::<Author>(store, Key::Author(part.log))?.map(|row| row.office),
            };
            if office.is_some_and(|office| office != me && self.trust.is_within(office, me)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decisions are the parent's own, signed by it.
    fn check_decisions(&self, frame: &DownFrame) -> Result<(), Fault> {
        for row in &frame.rows {
            let RowItem::Decision { author, sequence, number, verdict, reason, hub, signature } =
                &row.item
            else {
                continue;
            };
            let log = frame.authors.get(usize::from(*author)).map(|part| part.log);
            let message =
                decision_message(log.unwrap_or_default(), *sequence, *number, *verdict, reason);
            let signed = self.config.parent.is_some_and(|parent| {
                parent.node_id() == *hub
                    && parent.verify(Purpose::Decision, self.config.domain, &message, signature)
            });
            if !signed {
                return Err(Fault::new("signature", "decision is not signed by this hub"));
            }
        }
        Ok(())
    }

    /// Heads of every log that goes up from here, in order of log id.
    pub(super) fn heads_going_up(&self) -> Vec<Head> {
        let mut heads: std::collections::BTreeMap<LogId, Head> = self
            .logs
            .iter()
            .map(|(log, row)| (*log, Head { log: *log, ..row.durable() }))
            .collect();
        if let Some(head) = self.own.durable() {
            heads.insert(head.log, head);
        }
        heads.into_values().filter(|head| head.sequence > 0).collect()
    }

    /// Announces a log once a link, before its first frame.
    pub(super) fn announce(&mut self, link: LinkId, log: LogId, binding: Vec<u8>) {
        if self.upstream.announce(log) {
            self.send(link, &Data::Log { log, binding });
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// Keeps the bound honest: what is received but not stored fits the recent window.
const _: () = assert!(RECENT_CHANGES >= 4 * limits::FRAME_ENTRIES);
