//! Recording half of an exchange for a bundle file: what would be sent, read from the stores.
//! Nothing is changed by it; what was recorded is not delivered until the answer comes back.

use super::{
    Channel, Config, Data, Fault, Head, Hello, Status, Store, VERSIONS, Welcome,
    assemble::{self, Next},
    message,
    outbound::{self, Relayed},
};
use crate::{
    bundle::Body,
    entry::Entry,
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    key::PublicKey,
    limits,
    log::{Checkpoint, Frontier},
    state::{
        Key, StoreError, inbox,
        rows::{self, Cursor, Meta, Position},
        tiles,
    },
    time::Timestamp,
    trust::TrustView,
    wire,
};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Rows read from an inbox at once.
const ROWS_AT_ONCE: usize = 512;

/// Nothing could be recorded.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A store or a record cannot be read.
    #[error("{0}")]
    Store(String),
    /// The machine asks for rows that were cut.
    #[error(
        "rows up to {upto} of this inbox are kept no more, and the machine has not read them all: \
         it has to be linked to its hub once, which then compares what both hold"
    )]
    Cut {
        /// Last row that is not here.
        upto: u64,
    },
    /// There is no hub above.
    #[error("this machine has no hub above it to make a bundle for")]
    NoParent,
}

impl From<Fault> for ExportError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.reason)
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// What goes up.
pub struct UpExport<'a, S> {
    store: &'a S,
    config: &'a Config,
    logs: VecDeque<UpLog>,
    waiting: VecDeque<Vec<u8>>,
}

/// One log on its way.
struct UpLog {
    log: LogId,
    binding: Vec<u8>,
    next: u64,
    last: u64,
    announced: bool,
    cut: Cut,
}

/// Where frames come from.
enum Cut {
    /// Cut and signed here, from own entries.
    Own { tree: Frontier, changes: HashMap<Hash, u64> },
    /// Passed on as they came.
    Relayed,
}

impl<'a, S: Store> UpExport<'a, S> {
    /// Everything held whole that the hub above is not known to have. `received` is what it is
    /// known to have, by log.
    ///
    /// # Errors
    /// [`ExportError`] when there is no hub above or the stores cannot be read.
    pub fn new(
        store: &'a S,
        config: &'a Config,
        trust: &TrustView,
        received: &BTreeMap<LogId, u64>,
        wall: Timestamp,
    ) -> Result<(Self, Body), ExportError> {
        if config.parent.is_none() {
            return Err(ExportError::NoParent);
        }
        let me = config.key.public();
        let (mut logs, mut heads, mut builds_on) = (VecDeque::new(), Vec::new(), Vec::new());
        let mut status = Status::default();
        for log in super::log_ids(store)? {
            let row: Option<rows::Log> = super::read(store, Key::Log(log))?;
            let author: Option<rows::Author> = super::read(store, Key::Author(log))?;
            let (Some(row), Some(author)) = (row, author) else { continue };
            let last = row.frontier.size();
            if last == 0 {
                continue;
            }
            heads.push(Head { log, sequence: last, root: row.frontier.root() });
            let known = received.get(&log).copied().unwrap_or_default().min(last);
            status.entries += last;
            status.unsent += last - known;
            let Some(tree) = frontier(store, log, known)? else { continue };
            if known > 0 {
                builds_on.push(Head { log, sequence: known, root: tree.root() });
            }
            if known == last {
                continue;
            }
            let cut = match author.key == me && is_own(store, log)? {
                true => Cut::Own { tree, changes: HashMap::new() },
                false => Cut::Relayed,
            };
            let next = known + 1;
            let binding = author.binding;
            logs.push_back(UpLog { log, binding, next, last, announced: false, cut });
        }
        let hello = Hello {
            versions: VERSIONS,
            features: 0,
            domain: config.domain,
            binding: config.binding.clone(),
            heads: message::heads_digest(heads),
            cursor: super::read(store, Key::Upstream)?.unwrap_or_default(),
            trust: trust.numbers(),
            clock: wall,
            software: config.software.clone(),
            acknowledged: None,
        };
        let body = Body::Up { hello: Box::new(hello), builds_on, status };
        Ok((Self { store, config, logs, waiting: VecDeque::new() }, body))
    }

    /// The next message for the data channel; `None` when all is recorded.
    ///
    /// # Errors
    /// [`ExportError`] when an entry cannot be read.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            let Some(log) = self.logs.front_mut() else { return Ok(None) };
            if log.next > log.last {
                self.logs.pop_front();
                continue;
            }
            if !log.announced {
                log.announced = true;
                let opening = Data::Log { log: log.log, binding: log.binding.clone() };
                self.waiting.push_back(message::encode(&opening));
            }
            if let Some(frame) = log.frame(self.store, self.config)? {
                self.waiting.push_back(message::encode(&Data::Up(frame)));
            }
        }
    }
}

impl UpLog {
    fn frame(
        &mut self,
        store: &impl Store,
        config: &Config,
    ) -> Result<Option<Vec<u8>>, ExportError> {
        let missing = |sequence: u64, log: LogId| {
            ExportError::Store(format!("entry {sequence} of log {log} is not in the journal"))
        };
        match &mut self.cut {
            Cut::Relayed => {
                match outbound::relayed_frame(self.log, self.next, store)? {
                    Relayed::Frame { last, bytes, .. } => {
                        self.next = last + 1;
                        Ok(Some(bytes))
                    }
                    // The rest of this log goes by another way or later, all others by this one.
                    Relayed::Damaged { .. } => {
                        self.next = self.last + 1;
                        Ok(None)
                    }
                    Relayed::NotYet => Err(missing(self.next, self.log)),
                }
            }
            Cut::Own { tree, changes } => {
                let entries = own_entries(store, self.log, self.next, self.last)?;
                if entries.is_empty() {
                    return Err(missing(self.next, self.log));
                }
                entries.iter().for_each(|entry| tree.push(entry.leaf()));
                let checkpoint = Checkpoint::sign(
                    &config.key,
                    config.domain,
                    self.log,
                    tree.size(),
                    tree.root(),
                );
                let resolve = |_: &DossierId, hash: &Hash| changes.get(hash).copied();
                let key = config.key.public();
                let (log, first) = (self.log, self.next);
                let signature = &checkpoint.signature;
                let frame = wire::encode_up(&key, log, first, &entries, resolve, signature)
                    .map_err(|error| ExportError::Store(error.to_string()))?;
                for (sequence, entry) in (first..).zip(&entries) {
                    changes.insert(entry.header.change_hash, sequence);
                }
                self.next += entries.len() as u64;
                Ok(Some(frame))
            }
        }
    }
}

fn frontier(
    store: &impl Store,
    log: LogId,
    sequence: u64,
) -> Result<Option<Frontier>, ExportError> {
    if sequence == 0 {
        return Ok(Some(Frontier::default()));
    }
    Ok(tiles::frontier_at(store, log, sequence)?)
}

/// Whether entries of a log stand in the journal one by one, as this machine wrote them.
fn is_own(store: &impl Store, log: LogId) -> Result<bool, ExportError> {
    let first: Option<Position> = super::read(store, Key::Frame(log, 1))?;
    Ok(matches!(first, Some(Position::Entries(_))))
}

fn own_entries(
    store: &impl Store,
    log: LogId,
    next: u64,
    last: u64,
) -> Result<Vec<Entry>, ExportError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let mut block = outbound::OwnBlock::default();
    for sequence in next..=last {
        let Some(entry) = block.read(log, sequence, store)? else { break };
        bytes += wire::frame_len_hint(&entry);
        entries.push(entry);
        if bytes >= limits::FRAME_TARGET_BYTES || entries.len() == limits::FRAME_ENTRIES {
            break;
        }
    }
    Ok(entries)
}

/// Whom a bundle that goes down answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The machine, if it is for one alone.
    pub node: Option<NodeId>,
    /// Its position in its inbox, if it said one; else the place from which all its readers are
    /// known to need it.
    pub cursor: Cursor,
    /// Whether the position is the machine's own word.
    pub said: bool,
}

/// What goes down.
pub struct DownExport<'a, S> {
    store: &'a S,
    config: &'a Config,
    office: OfficeId,
    reader: NodeId,
    sent: Cursor,
    told: u64,
    upto: u64,
    done: bool,
}

impl<'a, S: Store> DownExport<'a, S> {
    /// The inbox of an office, from the asker's position.
    ///
    /// # Errors
    /// [`ExportError`] when the stores cannot be read.
    pub fn new(
        store: &'a S,
        config: &'a Config,
        trust: &TrustView,
        office: OfficeId,
        asked: &Asked,
        root_has: Vec<Head>,
        wall: Timestamp,
    ) -> Result<(Self, Body), ExportError> {
        let meta: Meta = super::read(store, Key::Meta)?.unwrap_or_default();
        let fresh = Cursor { epoch: meta.epoch, ..Cursor::default() };
        let tail: Cursor = super::read(store, Key::Inbox(office))?.unwrap_or(fresh);
        let from = start(store, office, asked, tail)?;
        let mut heads = Vec::new();
        for log in super::log_ids(store)? {
            let author: Option<rows::Author> = super::read(store, Key::Author(log))?;
            let theirs = author.is_some_and(|author| trust.is_within(author.office, office));
            let row: Option<rows::Log> = super::read(store, Key::Log(log))?;
            if let (true, Some(row)) = (theirs, row)
                && row.frontier.size() > 0
            {
                let sequence = row.frontier.size();
                heads.push(Head { log, sequence, root: row.frontier.root() });
            }
        }
        let welcome = Welcome {
            version: VERSIONS.1,
            features: 0,
            node: config.me.node,
            office: config.me.office,
            heads: Some(heads),
            from,
            tail,
            trust: trust.numbers(),
            clock: wall,
        };
        let answers = asked.node.filter(|_| asked.said).map(|node| (node, asked.cursor));
        let welcome = Box::new(welcome);
        let body = Body::Down { office, welcome, asked: answers, root_has };
        let reader = asked.node.unwrap_or_default();
        let (sent, told, upto) = (from, from.number, tail.number);
        Ok((Self { store, config, office, reader, sent, told, upto, done: false }, body))
    }

    /// The next message for the data channel; `None` when all is recorded.
    ///
    /// # Errors
    /// [`ExportError`] when a row or an entry cannot be read.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        while !self.done {
            let next = match self.sent.number < self.upto {
                true => assemble::next_frame(
                    self.store,
                    self.office,
                    self.reader,
                    self.sent,
                    ROWS_AT_ONCE,
                    self.config,
                )?,
                false => Next::AtTail,
            };
            let frame = match next {
                Next::Cut => return Err(ExportError::Cut { upto: self.sent.number + 1 }),
                Next::Batch(batch) => {
                    let (epoch, number, hash) =
                        (batch.frame.epoch, batch.frame.upto, batch.frame.hash);
                    self.sent = Cursor { epoch, number, hash };
                    if batch.frame.rows.is_empty() {
                        continue;
                    }
                    assemble::after(batch.frame, self.told)
                }
                Next::AtTail => {
                    self.done = true;
                    if self.sent.number <= self.told {
                        return Ok(None);
                    }
                    assemble::skip(self.office, self.told, self.sent)
                }
            };
            self.told = frame.upto;
            let bytes = frame.encode().map_err(|error| ExportError::Store(error.to_string()))?;
            return Ok(Some(message::encode(&Data::Down(bytes))));
        }
        Ok(None)
    }
}

/// Where to read on: at the asker's position if it is one of ours, else from the first row that is
/// here. A machine that said where it stands must not be led past rows that were cut.
fn start(
    store: &impl Store,
    office: OfficeId,
    asked: &Asked,
    tail: Cursor,
) -> Result<Cursor, ExportError> {
    let (cursor, epoch) = (asked.cursor, tail.epoch);
    if cursor.epoch == epoch && cursor.number > 0 && cursor.number <= tail.number {
        let hash = inbox::hash_at(store, office, cursor.number).map_err(Fault::from)?;
        if hash == Some(cursor.hash) || (cursor.number, cursor.hash) == (tail.number, tail.hash) {
            return Ok(cursor);
        }
    }
    match inbox::floor(store, office)?.unwrap_or((tail.number, tail.hash)) {
        (upto, _) if upto > 0 && asked.said => Err(ExportError::Cut { upto }),
        (number, hash) if number > 0 => Ok(Cursor { epoch, number, hash }),
        _ => Ok(Cursor { epoch, ..Cursor::default() }),
    }
}

/// What a data message of a bundle is about, for whoever hands it to the replica and waits for
/// its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// A log is announced.
    Log(LogId),
    /// Entries of a log, up to a sequence.
    Up {
        /// Which log.
        log: LogId,
        /// First entry.
        first: u64,
        /// Last entry.
        last: u64,
    },
    /// Rows of an inbox, up to a number.
    Down {
        /// Builds on this number.
        after: u64,
        /// Last row.
        upto: u64,
    },
}

impl Carried {
    /// Looks into a data message.
    ///
    /// # Errors
    /// [`ExportError`] when it is none.
    pub fn peek(bytes: &[u8]) -> Result<Self, ExportError> {
        let bad = |error: &dyn std::fmt::Display| ExportError::Store(error.to_string());
        match message::decode::<Data>(Channel::Data, bytes).map_err(|error| bad(&error))? {
            Data::Log { log, .. } => Ok(Self::Log(log)),
            Data::Up(frame) => {
                let head = wire::UpFrame::peek(&frame).map_err(|error| bad(&error))?;
                Ok(Self::Up { log: head.log, first: head.first, last: head.last() })
            }
            Data::Down(frame) => {
                let frame = wire::DownFrame::decode(&frame).map_err(|error| bad(&error))?;
                Ok(Self::Down { after: frame.after, upto: frame.upto })
            }
            Data::Trust(_) => Err(bad(&"trust documents travel in a part of their own")),
            Data::Refill(_) => Err(bad(&"what a hub asked for on a link is not carried by hand")),
            Data::Images(_) | Data::Fetched(_) => {
                Err(bad(&"what was asked for on a link is not carried by hand"))
            }
        }
    }
}

/// Machines that may read a bundle going up: every hub from the one above to the root.
pub fn readers_up(trust: &TrustView, from: OfficeId, parent: PublicKey) -> Vec<PublicKey> {
    let mut keys = vec![parent];
    let above = trust.upwards(from).filter_map(|office| trust.hub(office)).map(|hub| hub.key);
    keys.extend(above.filter(|key| *key != parent));
    keys.truncate(limits::BUNDLE_READERS);
    keys
}
