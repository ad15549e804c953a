//! From journal records to entries of dossiers: unpacks frames, extends author trees, judges each
//! entry and parks what waits for its cause.

use super::{
    Content, Ledger, Work,
    dossier::DossierWork,
    plain,
    rules::{self, Look},
};
use crate::{
    entry::{Entry, Kind},
    hash::{Context, derive},
    id::{DossierId, Hash, LogId},
    limits,
    log::Frontier,
    record::Record,
    state::{
        Key, Kv, StoreError,
        history::{Stored, Verdict},
        rows::{Attestation, Author, Cursor, Log, Position, Request, Told, UsedToken},
        tiles,
    },
    trust::{Binding, Signed, TrustView},
    wire::{self, DownFrame, RowItem},
};
use std::collections::{BTreeMap, VecDeque};

/// Entries of an own log whose journal positions share a row.
pub(crate) const POSITIONS: u64 = 64;

impl<C: Content> Ledger<C> {
    pub(super) fn record<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        position: u64,
        record: Record,
    ) -> Result<(), StoreError> {
        match record {
            Record::Own { log, sequence, request, entry } => {
                let entry = wire::decode_entry(&entry).map_err(|_| corrupt("own entry"))?;
                if let Some(request) = request {
                    let row = Request { body: request.body, dossier: entry.header.dossier };
                    work.txn.put_row(Key::Request(request.key), &row);
                }
                if work.stands_behind_a_hole(log, sequence)? {
                    // Written down, and not to be proved any more: to be written into a new log, see
                    // `replica::stranded`.
                    work.txn.put_row(Key::Stranded(log, sequence), &position);
                } else if work.extend_log(log, sequence, &entry)? {
                    work.remember_own_position(log, sequence, position)?;
                    let turns = turns(&entry);
                    if turns {
                        self.settle_batch(work)?;
                    }
                    self.arrive(work, log, sequence, None, entry)?;
                    if turns {
                        self.settle_batch(work)?;
                    }
                }
            }
            Record::Up { frame, .. } => self.up(work, position, &frame)?,
            Record::Down { frame, .. } => self.down(work, &frame)?,
            Record::Images { frame, .. } => self.images(work, position, &frame)?,
            Record::Author { log, binding, origin } => {
                let row = author_row(binding, Some(origin))?;
                work.txn.put_row(Key::Author(log), &row);
                work.authors.insert(log, Some(row));
            }
            Record::LogStarted { log, .. } => {
                work.meta.own_log = log;
                work.meta.acknowledged = 0;
            }
            Record::Rewritten(log) => work.txn.put(Key::Rewritten(log).bytes(), vec![1]),
            Record::Epoch(epoch) => work.meta.epoch = epoch,
            Record::Trust(bytes) => {
                let trust = TrustView::from_bytes(&bytes).map_err(|_| corrupt("trust record"))?;
                self.take_trust(work, trust)?;
            }
            Record::Purged { dossier, scans } => self.purged(work, dossier, scans, position)?,
            Record::Evicted { dossier, entries } => self.evicted(work, dossier, entries)?,
            Record::Returned { dossier } => self.returned(work, dossier)?,
            Record::PurgeDone { dossiers } => work.purge_done(&dossiers)?,
            Record::PurgeNoted { dossiers } => work.purge_noted(&dossiers)?,
            Record::PurgeConfirmed { office, node, dossiers, at } => {
                // The purge itself may stand in this very batch.
                self.settle_batch(work)?;
                work.purge_confirmed(office, node, &dossiers, at)?;
            }
            Record::Updated { schema, .. } => self.updated(work, schema)?,
            Record::Issued { token, key, binding, at } => {
                if let Some(token) = token {
                    work.txn.put_row(Key::Token(token.0), &UsedToken { key, at });
                }
                work.txn.put(Key::Issued(key.node_id()).bytes(), binding);
            }
            Record::Lease(bytes) => work.txn.put(Key::Lease(position).bytes(), bytes),
            Record::Acknowledged { log, sequence, at } => {
                if log == work.meta.own_log {
                    work.meta.acknowledged = sequence;
                    work.meta.acknowledged_at = at;
                }
            }
            Record::Refill { frame, .. } => self.refill(work, &frame)?,
            Record::Resend { inbox, dossier, entries, decided } => {
                self.resend(work, inbox, dossier, &entries, &decided)?;
            }
            Record::Inbox(event) => self.inbox_event(work, event)?,
            Record::Decided { .. } => {}
            Record::Scan { hash, event } => super::scans::note(&mut work.txn, hash, event)?,
        }
        Ok(())
    }

    fn up<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        position: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let head = wire::UpFrame::peek(bytes).map_err(|_| corrupt("up frame"))?;
        // Its author is asked for it again: this replica says that it has less.
        let Some(author) = work.author(head.log)? else { return Ok(()) };
        if work.stands_behind_a_hole(head.log, head.first)? {
            return Ok(());
        }
        let txn = &work.txn;
        let mut failed = None;
        let frame = wire::decode_up(bytes, &author.key, |sequence| {
            tiles::change(txn, head.log, sequence).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let frame = frame.map_err(|_| corrupt("up frame"))?;
        let row = Position::Frame { record: position, count: head.count };
        work.txn.put_row(Key::Frame(head.log, head.first), &row);
        let turns = frame.entries.iter().any(turns);
        if turns {
            self.settle_batch(work)?;
        }
        for (sequence, entry) in (head.first..).zip(frame.entries) {
            if work.extend_log(head.log, sequence, &entry)? {
                self.arrive(work, head.log, sequence, None, entry)?;
            }
        }
        if turns {
            self.settle_batch(work)?;
        }
        // Not by one that came again because the disk had damaged it: it ends further down.
        if let Some(log) = work.logs.get_mut(&head.log)
            && log.frontier.size() == head.last()
        {
            log.signed = log.frontier.size();
            log.signature = Some(frame.signature);
        }
        Ok(())
    }

    fn down<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let frame = DownFrame::decode(bytes).map_err(|_| corrupt("down frame"))?;
        let cursor = Cursor { epoch: frame.epoch, number: frame.upto, hash: frame.hash };
        work.txn.put_row(Key::Upstream, &cursor);
        self.take_rows(work, frame)?;
        self.bear_out_images(work, &cursor)
    }

    /// Entries that a reader brought back to this hub.
    pub(super) fn refill<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let frame = DownFrame::decode(bytes).map_err(|_| corrupt("refill frame"))?;
        self.take_rows(work, frame)
    }

    fn take_rows<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        frame: DownFrame,
    ) -> Result<(), StoreError> {
        let attestations = self.attest(work, &frame)?;
        let turns = frame
            .rows
            .iter()
            .any(|row| matches!(&row.item, RowItem::Entry { entry, .. } if turns(entry)));
        if turns {
            self.settle_batch(work)?;
        }
        for row in frame.rows {
            // What was purged arrives again without its payload when state is rebuilt, so that
            // inboxes are numbered as before; the record of the purge follows.
            let item = match row.item {
                RowItem::Gone { author, sequence, entry } => {
                    RowItem::Entry { author, sequence, entry: *entry }
                }
                item => item,
            };
            match item {
                RowItem::Entry { author, sequence, entry } => {
                    let Some((log, id)) = attestations.get(usize::from(author)) else { continue };
                    // The frame that named its author was damaged; a check brings both.
                    if work.author(*log)?.is_none() {
                        continue;
                    }
                    let dossier = entry.header.dossier;
                    work.not_forgotten(dossier)?;
                    work.txn.put(Key::Wrote(*log, dossier).bytes(), Vec::new());
                    self.arrive(work, *log, sequence, *id, entry)?;
                }
                RowItem::Decision { author, sequence, verdict, reason, .. } => {
                    if let Some((log, _)) = attestations.get(usize::from(author)) {
                        work.told(*log, sequence, Verdict::from_byte(verdict), reason);
                    }
                }
                RowItem::Forget(dossier) => work.forget(dossier)?,
                RowItem::Gone { .. } | RowItem::Unknown(..) => {}
            }
        }
        if turns {
            self.settle_batch(work)?;
        }
        Ok(())
    }

    /// An entry arrives: it is looked at, and so is whatever waited for it.
    fn arrive<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        log: LogId,
        sequence: u64,
        attestation: Option<[u8; 16]>,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let (verdict, reason) = (Verdict::Accepted, String::new());
        let first = Stored { log, sequence, verdict, reason, attestation, entry };
        let mut open = VecDeque::from([first]);
        let schema = self.schema(&work.meta);
        while let Some(stored) = open.pop_front() {
            let id = stored.entry.header.dossier;
            let change = stored.entry.header.change_hash;
            if work.settle(stored, &self.trust, schema)? && work.meta.parked > 0 {
                open.extend(work.unpark(id, change)?);
            }
        }
        Ok(())
    }

    /// Stores authors and proof material of a down frame; gives log and attestation of each part.
    fn attest<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        frame: &DownFrame,
    ) -> Result<Vec<Part>, StoreError> {
        let mut leaves: BTreeMap<u16, Vec<(u64, Hash)>> = BTreeMap::new();
        for row in &frame.rows {
            if let RowItem::Gone { author, sequence, entry } = &row.item {
                let leaf = (sequence.saturating_sub(1), entry.leaf());
                leaves.entry(*author).or_default().push(leaf);
            }
            if let RowItem::Entry { author, sequence, entry } = &row.item {
                leaves.entry(*author).or_default().push((sequence.saturating_sub(1), entry.leaf()));
            }
        }
        let mut parts = Vec::new();
        for (index, part) in frame.authors.iter().enumerate() {
            if let (None, Some(binding)) = (work.author(part.log)?, &part.binding) {
                let row = author_row(binding.clone(), None)?;
                work.txn.put_row(Key::Author(part.log), &row);
                work.authors.insert(part.log, Some(row));
            }
            let id = match (leaves.remove(&(index as u16)), &part.proof) {
                (None, _) | (_, None) => None,
                (Some(mut leaves), Some(proof)) => {
                    leaves.sort();
                    leaves.dedup();
                    let row = Attestation {
                        log: part.log,
                        signature: proof.signature,
                        proof: proof.proof.clone(),
                        leaves,
                    };
                    let bytes = postcard::to_stdvec(&row).unwrap_or_default();
                    let hash = derive(Context::Document, &[&bytes]);
                    let mut id = [0; 16];
                    id.copy_from_slice(&hash.0[..16]);
                    put_large(work, id, bytes);
                    Some(id)
                }
            };
            parts.push((part.log, id));
        }
        Ok(parts)
    }
}

/// A log that a down frame speaks of, and its proof material.
type Part = (LogId, Option<[u8; 16]>);

/// Attestations of big frames exceed what a small-value store likes; they are cut in parts keyed
/// by id and part number.
fn put_large<K: Kv + ?Sized>(work: &mut Work<'_, K>, id: [u8; 16], bytes: Vec<u8>) {
    const PART: usize = 7_900;
    for (part, chunk) in bytes.chunks(PART).enumerate() {
        let mut key = Key::Attestation(id).bytes();
        key.extend((part as u16).to_be_bytes());
        work.txn.put(key, chunk.to_vec());
    }
}

/// Reads an attestation.
///
/// # Errors
/// [`StoreError`] when the store fails or the row is unreadable.
pub(crate) fn attestation(
    kv: &(impl Kv + ?Sized),
    id: [u8; 16],
) -> Result<Option<Attestation>, StoreError> {
    let from = Key::Attestation(id).bytes();
    let to = [from.clone(), vec![0xff; 3]].concat();
    let parts = kv.range(&from, &to, usize::from(u16::MAX))?;
    if parts.is_empty() {
        return Ok(None);
    }
    let bytes: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part).collect();
    postcard::from_bytes(&bytes).map(Some).map_err(|_| corrupt("attestation"))
}

fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

/// The binding was judged when the record was written; here it is only read.
fn author_row(binding: Vec<u8>, origin: Option<crate::id::NodeId>) -> Result<Author, StoreError> {
    let signed = Signed::decode::<Binding>(&binding).map_err(|_| corrupt("binding"))?;
    let read: Binding = signed.open().map_err(|_| corrupt("binding"))?;
    Ok(Author { key: read.key, office: read.office, binding, origin })
}

impl<K: Kv + ?Sized> Work<'_, K> {
    pub(super) fn author(&mut self, log: LogId) -> Result<Option<Author>, StoreError> {
        if let Some(author) = self.authors.get(&log) {
            return Ok(author.clone());
        }
        let row: Option<Author> = self.txn.row(Key::Author(log))?;
        self.authors.insert(log, row.clone());
        Ok(row)
    }

    /// Whether records of a log before this sequence, or the one that names its author, are missing
    /// from the journal: damaged, or torn in the last commit before a power cut.
    fn stands_behind_a_hole(&mut self, log: LogId, sequence: u64) -> Result<bool, StoreError> {
        if self.author(log)?.is_none() {
            return Ok(true);
        }
        self.open_log(log)?;
        Ok(self.logs.get(&log).is_some_and(|row| sequence > row.frontier.size() + 1))
    }

    fn open_log(&mut self, log: LogId) -> Result<(), StoreError> {
        if !self.logs.contains_key(&log) {
            let fresh = Log { frontier: Frontier::default(), signature: None, signed: 0 };
            let row = self.txn.row(Key::Log(log))?.unwrap_or(fresh);
            self.logs.insert(log, row);
        }
        Ok(())
    }

    /// Appends an entry to its author's tree; false when it is there already.
    fn extend_log(&mut self, log: LogId, sequence: u64, entry: &Entry) -> Result<bool, StoreError> {
        self.open_log(log)?;
        let Some(row) = self.logs.get_mut(&log) else { return Ok(false) };
        if sequence <= row.frontier.size() {
            return Ok(false);
        }
        if sequence != row.frontier.size() + 1 {
            return Err(corrupt("author log (a sequence is missing)"));
        }
        let leaf = entry.leaf();
        row.frontier.push(leaf);
        tiles::push(&mut self.txn, log, sequence - 1, leaf)?;
        tiles::push_change(
            &mut self.txn,
            log,
            sequence,
            entry.header.change_hash,
            entry.header.dossier,
        )?;
        Ok(true)
    }

    fn remember_own_position(
        &mut self,
        log: LogId,
        sequence: u64,
        position: u64,
    ) -> Result<(), StoreError> {
        let block = (sequence - 1) / POSITIONS;
        let key = Key::Frame(log, block * POSITIONS + 1);
        let mut positions = match self.txn.row(key)? {
            Some(Position::Entries(positions)) => positions,
            _ => Vec::new(),
        };
        positions.truncate(((sequence - 1) % POSITIONS) as usize);
        positions.push(position);
        self.txn.put_row(key, &Position::Entries(positions));
        Ok(())
    }

    /// Looks at one entry; true when it now stands in its dossier.
    fn settle(
        &mut self,
        stored: Stored,
        trust: &TrustView,
        schema: u16,
    ) -> Result<bool, StoreError> {
        let id = stored.entry.header.dossier;
        let author = self.author(stored.log)?.ok_or(corrupt("author of an entry"))?;
        if !self.dossiers.contains_key(&id) {
            let work = DossierWork::open(&self.txn, id)?;
            self.dossiers.insert(id, work);
        }
        self.wanted_back(id);
        let Some(dossier) = self.dossiers.get_mut(&id) else { return Ok(false) };
        if !dossier.is_whole() {
            if plain::is_on_top(dossier, &author, &stored, trust, schema) {
                let place = dossier.push(stored);
                self.arrivals.push((id, place));
                self.applied.decided = true;
                return Ok(true);
            }
            dossier.read(&self.txn, id)?;
        }
        if dossier.holds(stored.log, stored.sequence, &stored.entry) {
            return Ok(false);
        }
        // The author wrote the same entry into another log of its own: a repeat, not a second one.
        // A stranger's copy of it does not count as that.
        for (other, applies) in dossier.same_entries(&stored.entry) {
            if applies || self.author(other)?.is_some_and(|other| other.key == author.key) {
                return Ok(false);
            }
        }
        let Some(dossier) = self.dossiers.get_mut(&id) else { return Ok(false) };
        let fresh = dossier.is_new();
        match rules::look(dossier, &author, &stored, trust, schema) {
            Look::Plain => {}
            Look::Wait(missing) if self.meta.parked < limits::PARKED_ENTRIES as u64 => {
                if fresh {
                    self.dossiers.remove(&id);
                }
                self.park(missing, &stored);
                return Ok(false);
            }
            Look::Closely | Look::Wait(_) => dossier.judge_anew(),
        }
        self.meta.dossiers += u64::from(fresh && !dossier.row.away);
        let place = dossier.push(stored);
        self.arrivals.push((id, place));
        self.applied.decided = true;
        Ok(true)
    }

    fn park(&mut self, missing: Hash, stored: &Stored) {
        let bytes = serde_bytes::ByteBuf::from(wire::encode_entry(&stored.entry));
        let row = (stored.attestation, bytes);
        self.txn.put_row(Key::Parked(missing, stored.log, stored.sequence), &row);
        self.meta.parked += 1;
    }

    fn unpark(&mut self, id: DossierId, change: Hash) -> Result<Vec<Stored>, StoreError> {
        let from = Key::Parked(change, LogId::ZERO, 0).bytes();
        let to = Key::Parked(change, LogId([0xff; 16]), u64::MAX).bytes();
        let mut freed = Vec::new();
        for (key, value) in self.txn.range(&from, &to, limits::PARKED_ENTRIES)? {
            let (attestation, bytes): (Option<[u8; 16]>, serde_bytes::ByteBuf) =
                postcard::from_bytes(&value).map_err(|_| corrupt("parked entry"))?;
            let entry = wire::decode_entry(&bytes).map_err(|_| corrupt("parked entry"))?;
            let (log, sequence) = parked_place(&key).ok_or(corrupt("parked entry"))?;
            if entry.header.dossier == id {
                self.txn.delete(key);
                self.meta.parked = self.meta.parked.saturating_sub(1);
                let (verdict, reason) = (Verdict::Accepted, String::new());
                freed.push(Stored { log, sequence, verdict, reason, attestation, entry });
            }
        }
        Ok(freed)
    }

    /// What the hub above makes of an entry; it may know more, and it narrows only what is shown.
    fn told(&mut self, log: LogId, sequence: u64, verdict: Verdict, reason: String) {
        let key = Key::Told(log, sequence);
        match verdict {
            Verdict::Accepted => self.txn.delete(key.bytes()),
            _ => self.txn.put_row(key, &Told { verdict, reason }),
        }
    }
}

/// Whether an entry may turn verdicts of others that were told already.
pub(super) fn turns(entry: &Entry) -> bool {
    matches!(entry.header.kind, Kind::Decision | Kind::Administrative)
}

fn parked_place(key: &[u8]) -> Option<(LogId, u64)> {
    let rest = key.get(1 + Hash::LEN..)?;
    let (log, sequence) = rest.split_at_checked(LogId::LEN)?;
    Some((LogId::from_slice(log)?, u64::from_be_bytes(sequence.try_into().ok()?)))
}
