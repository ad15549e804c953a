//! From journal records to entries of dossiers: unpacks frames, extends author trees, judges each
//! entry and parks what waits for its cause.

use super::{Content, Decisions, Ledger, Work, dossier::DossierWork, rules, rules::Judgement};
use crate::{
    entry::Entry,
    hash::{Context, derive},
    id::{DossierId, Hash, LogId},
    limits,
    log::Frontier,
    record::Record,
    state::{
        Key, Kv, StoreError,
        history::{Stored, Verdict},
        rows::{Attestation, Author, Cursor, Log, Position, Request, UsedToken},
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
        known: &Decisions,
    ) -> Result<(), StoreError> {
        let known = (position <= known.upto).then_some(known);
        match record {
            Record::Own { log, sequence, request, entry } => {
                let entry = wire::decode_entry(&entry).map_err(|_| corrupt("own entry"))?;
                if let Some(request) = request {
                    let row = Request { body: request.body, dossier: entry.header.dossier };
                    work.txn.put_row(Key::Request(request.key), &row);
                }
                if work.extend_log(log, sequence, &entry)? {
                    work.remember_own_position(log, sequence, position)?;
                    work.arrive(log, sequence, None, entry, known)?;
                }
            }
            Record::Up { frame, .. } => self.up(work, position, &frame, known)?,
            Record::Down { frame, .. } => self.down(work, &frame, known)?,
            Record::Author { log, binding, origin } => {
                let row = author_row(binding, Some(origin))?;
                work.txn.put_row(Key::Author(log), &row);
                work.authors.insert(log, Some(row));
            }
            Record::LogStarted { log, .. } => work.meta.own_log = log,
            Record::Epoch(epoch) => work.meta.epoch = epoch,
            Record::Trust(bytes) => {
                let trust = TrustView::from_bytes(&bytes).map_err(|_| corrupt("trust record"))?;
                self.adopt(work, trust)?;
            }
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
        known: Option<&Decisions>,
    ) -> Result<(), StoreError> {
        let head = wire::UpFrame::peek(bytes).map_err(|_| corrupt("up frame"))?;
        let author = work.author(head.log)?.ok_or(corrupt("author of an up frame"))?;
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
        for (sequence, entry) in (head.first..).zip(frame.entries) {
            if work.extend_log(head.log, sequence, &entry)? {
                work.arrive(head.log, sequence, None, entry, known)?;
            }
        }
        if let Some(log) = work.logs.get_mut(&head.log) {
            log.signed = log.frontier.size();
            log.signature = Some(frame.signature);
        }
        Ok(())
    }

    fn down<K: Kv + ?Sized>(
        &mut self,
        work: &mut Work<'_, K>,
        bytes: &[u8],
        known: Option<&Decisions>,
    ) -> Result<(), StoreError> {
        let frame = DownFrame::decode(bytes).map_err(|_| corrupt("down frame"))?;
        let cursor = Cursor { epoch: frame.epoch, number: frame.upto, hash: frame.hash };
        work.txn.put_row(Key::Upstream, &cursor);
        let attestations = self.attest(work, &frame)?;
        for row in frame.rows {
            match row.item {
                RowItem::Entry { author, sequence, entry } => {
                    let Some((log, id)) = attestations.get(usize::from(author)) else { continue };
                    work.arrive(*log, sequence, *id, entry, known)?;
                }
                RowItem::Decision { author, sequence, verdict, reason, .. } => {
                    if let Some((log, _)) = attestations.get(usize::from(author)) {
                        work.told(*log, sequence, Verdict::from_byte(verdict), reason)?;
                    }
                }
                RowItem::Unknown(..) => {}
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

    /// Appends an entry to its author's tree; false when it is there already.
    fn extend_log(&mut self, log: LogId, sequence: u64, entry: &Entry) -> Result<bool, StoreError> {
        if !self.logs.contains_key(&log) {
            let fresh = Log { frontier: Frontier::default(), signature: None, signed: 0 };
            let row = self.txn.row(Key::Log(log))?.unwrap_or(fresh);
            self.logs.insert(log, row);
        }
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

    /// An entry arrives: it is judged, and so is whatever waited for it.
    fn arrive(
        &mut self,
        log: LogId,
        sequence: u64,
        attestation: Option<[u8; 16]>,
        entry: Entry,
        known: Option<&Decisions>,
    ) -> Result<(), StoreError> {
        let mut open = VecDeque::from([(log, sequence, attestation, entry)]);
        while let Some((log, sequence, attestation, entry)) = open.pop_front() {
            let id = entry.header.dossier;
            let change = entry.header.change_hash;
            if self.settle(log, sequence, attestation, entry, known)? && self.meta.parked > 0 {
                open.extend(self.unpark(id, change)?);
            }
        }
        Ok(())
    }

    /// Judges one entry; true when it now stands in its dossier.
    fn settle(
        &mut self,
        log: LogId,
        sequence: u64,
        attestation: Option<[u8; 16]>,
        entry: Entry,
        known: Option<&Decisions>,
    ) -> Result<bool, StoreError> {
        let id = entry.header.dossier;
        let author = self.author(log)?.ok_or(corrupt("author of an entry"))?;
        if !self.dossiers.contains_key(&id) {
            let work = DossierWork::load(&self.txn, id)?;
            self.dossiers.insert(id, work);
        }
        let Some(dossier) = self.dossiers.get_mut(&id) else { return Ok(false) };
        if dossier.holds(log, sequence) {
            return Ok(false);
        }
        let fresh = dossier.is_new();
        let recorded = known.and_then(|known| known.exceptions.get(&(log, sequence)));
        let judgement = match recorded {
            Some(exception) => {
                Judgement::Verdict(Verdict::from_byte(exception.verdict), exception.reason.clone())
            }
            None => rules::judge(dossier, &author, log, &entry),
        };
        let (verdict, reason) = match judgement {
            Judgement::Verdict(verdict, reason) => (verdict, reason),
            Judgement::Wait(missing) if self.meta.parked < limits::PARKED_ENTRIES as u64 => {
                if fresh {
                    self.dossiers.remove(&id);
                }
                self.park(missing, log, sequence, attestation, &entry);
                return Ok(false);
            }
            Judgement::Wait(_) => (
                Verdict::Held,
                format!("more than {} entries wait for a cause", limits::PARKED_ENTRIES),
            ),
        };
        self.meta.dossiers += u64::from(fresh);
        let place = dossier.push(Stored { log, sequence, verdict, reason, attestation, entry });
        self.arrivals.push((id, place));
        Ok(true)
    }

    fn park(
        &mut self,
        missing: Hash,
        log: LogId,
        sequence: u64,
        attestation: Option<[u8; 16]>,
        entry: &Entry,
    ) {
        let row = (attestation, serde_bytes::ByteBuf::from(wire::encode_entry(entry)));
        self.txn.put_row(Key::Parked(missing, log, sequence), &row);
        self.meta.parked += 1;
    }

    #[expect(clippy::type_complexity, reason = "the parts of an arriving entry, used once")]
    fn unpark(
        &mut self,
        id: DossierId,
        change: Hash,
    ) -> Result<Vec<(LogId, u64, Option<[u8; 16]>, Entry)>, StoreError> {
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
                freed.push((log, sequence, attestation, entry));
            }
        }
        Ok(freed)
    }

    /// A hub above did not accept an entry of this office: the verdict narrows ours.
    fn told(
        &mut self,
        log: LogId,
        sequence: u64,
        verdict: Verdict,
        reason: String,
    ) -> Result<(), StoreError> {
        let mut key = vec![Key::CONTENT, b'!'];
        key.extend(log.0);
        key.extend(sequence.to_be_bytes());
        let value = postcard::to_stdvec(&(verdict.byte(), reason)).unwrap_or_default();
        self.txn.put(key, value);
        Ok(())
    }
}

fn parked_place(key: &[u8]) -> Option<(LogId, u64)> {
    let rest = key.get(1 + Hash::LEN..)?;
    let (log, sequence) = rest.split_at_checked(LogId::LEN)?;
    Some((LogId::from_slice(log)?, u64::from_be_bytes(sequence.try_into().ok()?)))
}
