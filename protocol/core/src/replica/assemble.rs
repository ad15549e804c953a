//! Down frames: rows of an inbox with the entries they name, and proofs that need no trust in the
//! hub that sends them.

use super::{Config, Fault, Store, recall::Recall};
use crate::{
    entry::Entry,
    id::{DossierId, Hash, LogId, NodeId, OfficeId},
    key::{PublicKey, Purpose},
    ledger::attestation,
    limits,
    log::{Checkpoint, Multiproof},
    state::{
        Key,
        history::{self, Stored},
        inbox::rows_after,
        rows::{self, Cursor, InboxItem},
        tiles,
    },
    wire::{AuthorPart, DownFrame, LogProof, Row, RowItem, frame_len_hint},
};
use std::collections::{BTreeMap, BTreeSet};

/// A frame, complete but for the cursor that it builds on.
pub(super) struct Batch {
    pub(super) frame: DownFrame,
}

/// Where the proof of an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// The author's whole tree is here.
    Whole,
    /// As it was attested when it came from above.
    Attested([u8; 16]),
}

/// What follows a place in an inbox.
pub(super) enum Next {
    /// A frame; one without rows only moves the cursor.
    Batch(Batch),
    /// Nothing yet.
    AtTail,
    /// The row behind it is not here any more although later ones are.
    Cut,
}

/// The next rows after `sent`, without what the reader brought itself.
pub(super) fn next_frame(
    store: &impl Store,
    inbox: OfficeId,
    reader: NodeId,
    sent: Cursor,
    limit: usize,
    config: &Config,
) -> Result<Next, Fault> {
    let mut builder = Builder::new(store, reader, config);
    let mut upto = sent;
    let rows = rows_after(store, inbox, sent.number, limit)?;
    if rows.first().is_some_and(|row| row.number != sent.number + 1) {
        return Ok(Next::Cut);
    }
    for row in rows {
        builder.row(row.number, row.item)?;
        upto = Cursor { epoch: sent.epoch, number: row.number, hash: row.hash };
        if builder.bytes >= limits::FRAME_TARGET_BYTES {
            break;
        }
    }
    if upto.number == sent.number {
        return Ok(Next::AtTail);
    }
    let (authors, rows) = builder.finish()?;
    let frame = DownFrame {
        inbox,
        epoch: sent.epoch,
        after: sent.number,
        authors,
        rows,
        upto: upto.number,
        hash: upto.hash,
    };
    Ok(Next::Batch(Batch { frame }))
}

/// Entries with their proofs, in frames that need no inbox: what a hub lacks.
pub(super) fn refill(
    store: &impl Store,
    config: &Config,
    entries: &[Stored],
) -> Result<Vec<Vec<u8>>, Fault> {
    let mut frames = Vec::new();
    let mut left = entries;
    while !left.is_empty() {
        let mut builder = Builder::new(store, NodeId::ZERO, config);
        let mut number = 0;
        while let Some((stored, rest)) = left.split_first()
            && builder.bytes < limits::FRAME_TARGET_BYTES
        {
            left = rest;
            let Some(author) = builder.author(stored.log)? else { continue };
            if builder.is_signed(stored)? {
                number += 1;
                builder.stored_row(number, author, stored);
            }
        }
        let (authors, rows) = builder.finish()?;
        if rows.is_empty() {
            continue;
        }
        let frame = DownFrame {
            inbox: config.me.office,
            epoch: crate::id::EpochId::ZERO,
            after: 0,
            authors,
            rows,
            upto: number,
            hash: Hash::ZERO,
        };
        frames.push(frame.encode().map_err(|error| Fault::new("store", error))?);
    }
    Ok(frames)
}

/// The frame as it follows a cursor that lags behind skipped rows.
pub(super) fn after(mut frame: DownFrame, told: u64) -> DownFrame {
    frame.after = told;
    frame
}

/// A frame that only moves the cursor.
pub(super) fn skip(inbox: OfficeId, told: u64, upto: Cursor) -> DownFrame {
    DownFrame {
        inbox,
        epoch: upto.epoch,
        after: told,
        authors: Vec::new(),
        rows: Vec::new(),
        upto: upto.number,
        hash: upto.hash,
    }
}

/// What a hub signs when it decides on an entry.
pub(super) fn decision_message(
    log: LogId,
    sequence: u64,
    number: u64,
    verdict: u8,
    reason: &str,
) -> Vec<u8> {
    let mut out = log.0.to_vec();
    out.extend(sequence.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.push(verdict);
    out.extend_from_slice(reason.as_bytes());
    out
}

struct Builder<'a, S> {
    store: &'a S,
    config: &'a Config,
    reader: NodeId,
    authors: BTreeMap<LogId, Option<rows::Author>>,
    histories: BTreeMap<DossierId, Vec<Stored>>,
    recall: Recall,
    parts: Vec<(LogId, Source, rows::Author)>,
    rows: Vec<Row>,
    brought: BTreeSet<(LogId, u64)>,
    bytes: usize,
}

impl<'a, S: Store> Builder<'a, S> {
    fn new(store: &'a S, reader: NodeId, config: &'a Config) -> Self {
        Self {
            store,
            config,
            reader,
            authors: BTreeMap::new(),
            histories: BTreeMap::new(),
            recall: Recall::default(),
            parts: Vec::new(),
            rows: Vec::new(),
            brought: BTreeSet::new(),
            bytes: 0,
        }
    }

    fn row(&mut self, number: u64, item: InboxItem) -> Result<(), Fault> {
        match item {
            InboxItem::Forget { dossier } => {
                self.bytes += 32;
                self.rows.push(Row { number, item: RowItem::Forget(dossier) });
            }
            InboxItem::Entry { dossier, log, sequence } => {
                let Some(author) = self.author(log)? else { return Ok(()) };
                let own = author.origin == Some(self.reader) || author.key.node_id() == self.reader;
                if own {
                    return Ok(());
                }
                // Kept out and released again before it was read: once is enough.
                if !self.brought.insert((log, sequence)) {
                    return Ok(());
                }
                if let Some((source, entry)) = self.entry(dossier, log, &author.key, sequence)? {
                    self.entry_row(number, author, source, entry, (log, sequence));
                }
            }
            InboxItem::Repair { dossier, log, sequence } => {
                let Some(author) = self.author(log)? else { return Ok(()) };
                // Of a log that forked there are several, with a row each, one after the other; the
                // reader knows those it has.
                let held = self.history(dossier)?.iter();
                let held = held.filter(|held| (held.log, held.sequence) == (log, sequence));
                let held: Vec<(Source, Entry)> = held.map(found).collect();
                let which = number.checked_rem(held.len() as u64).unwrap_or_default();
                let alone = held.len() == 1;
                if alone && !self.brought.insert((log, sequence)) {
                    return Ok(());
                }
                if let Some((source, entry)) = held.into_iter().nth(which as usize) {
                    self.entry_row(number, author, source, entry, (log, sequence));
                }
            }
            InboxItem::Decision { log, sequence, verdict, reason, .. } => {
                let Some(author) = self.author(log)? else { return Ok(()) };
                let author = self.part(log, Source::Whole, author);
                self.bytes += reason.len() + 128;
                let message = decision_message(log, sequence, number, verdict, &reason);
                let Config { key, domain, me, .. } = self.config;
                let signature = key.sign(Purpose::Decision, *domain, &message);
                let hub = me.node;
                let item =
                    RowItem::Decision { author, sequence, number, verdict, reason, hub, signature };
                self.rows.push(Row { number, item });
            }
        }
        Ok(())
    }

    fn entry_row(
        &mut self,
        number: u64,
        author: rows::Author,
        source: Source,
        entry: Entry,
        (log, sequence): (LogId, u64),
    ) {
        self.bytes += frame_len_hint(&entry);
        let author = self.part(log, source, author);
        self.rows.push(Row { number, item: RowItem::Entry { author, sequence, entry } });
    }

    fn stored_row(&mut self, number: u64, author: rows::Author, stored: &Stored) {
        let (source, entry) = found(stored);
        self.entry_row(number, author, source, entry, (stored.log, stored.sequence));
    }

    /// Whether the signature over this log is here; the own one is signed only when it goes up.
    fn is_signed(&self, stored: &Stored) -> Result<bool, Fault> {
        let row: Option<rows::Log> = super::read(self.store, Key::Log(stored.log))?;
        Ok(stored.attestation.is_some() || row.is_some_and(|row| row.signature.is_some()))
    }

    fn author(&mut self, log: LogId) -> Result<Option<rows::Author>, Fault> {
        if !self.authors.contains_key(&log) {
            self.authors.insert(log, super::read(self.store, Key::Author(log))?);
        }
        Ok(self.authors.get(&log).cloned().flatten())
    }

    fn entry(
        &mut self,
        dossier: DossierId,
        log: LogId,
        author: &PublicKey,
        sequence: u64,
    ) -> Result<Option<(Source, Entry)>, Fault> {
        // Where the log forked, its other branch may have another dossier at this place.
        if let Some(entry) = self.recall.entry(self.store, log, author, sequence)?
            && entry.header.dossier == dossier
        {
            return Ok(Some((Source::Whole, entry)));
        }
        let history = self.history(dossier)?;
        let held = history.iter().find(|held| (held.log, held.sequence) == (log, sequence));
        Ok(held.map(found))
    }

    fn history(&mut self, dossier: DossierId) -> Result<&[Stored], Fault> {
        if !self.histories.contains_key(&dossier) {
            let held = history::held(self.store, dossier)?;
            self.histories.insert(dossier, held.map(|(_, all)| all).unwrap_or_default());
        }
        Ok(self.histories.get(&dossier).map_or(&[][..], Vec::as_slice))
    }

    fn part(&mut self, log: LogId, source: Source, author: rows::Author) -> u16 {
        let known = self.parts.iter().position(|(l, s, _)| (*l, *s) == (log, source));
        let index = known.unwrap_or_else(|| {
            self.parts.push((log, source, author));
            self.parts.len() - 1
        });
        index as u16
    }

    fn finish(self) -> Result<(Vec<AuthorPart>, Vec<Row>), Fault> {
        let mut leaves: BTreeMap<u16, BTreeMap<u64, Hash>> = BTreeMap::new();
        for row in &self.rows {
            if let RowItem::Entry { author, sequence, entry } = &row.item {
                leaves.entry(*author).or_default().insert(sequence - 1, Entry::leaf(entry));
            }
        }
        let mut parts = Vec::new();
        for (index, (log, source, author)) in self.parts.into_iter().enumerate() {
            let wanted: Vec<u64> =
                leaves.remove(&(index as u16)).unwrap_or_default().into_keys().collect();
            let proof = match wanted.as_slice() {
                [] => None,
                wanted => Some(prove(self.store, self.config, log, source, wanted)?),
            };
            parts.push(AuthorPart { key: author.key, binding: Some(author.binding), log, proof });
        }
        Ok((parts, self.rows))
    }
}

/// An entry, and what proves it.
fn found(stored: &Stored) -> (Source, Entry) {
    let source = stored.attestation.map_or(Source::Whole, Source::Attested);
    (source, stored.entry.clone())
}

fn prove(
    store: &impl Store,
    config: &Config,
    log: LogId,
    source: Source,
    wanted: &[u64],
) -> Result<LogProof, Fault> {
    let lacking = || Fault::new("store", "proof of an entry is not here");
    match source {
        Source::Whole => {
            let row: rows::Log = super::read(store, Key::Log(log))?.ok_or_else(lacking)?;
            // The own log, in which a hub decides, is signed when it is shown.
            let own =
                super::read::<rows::Meta>(store, Key::Meta)?.is_some_and(|m| m.own_log == log);
            let (size, signature) = if own {
                let (size, root) = (row.frontier.size(), row.frontier.root());
                (size, Checkpoint::sign(&config.key, config.domain, log, size, root).signature)
            } else {
                (row.signed, row.signature.ok_or_else(lacking)?)
            };
            let proof = Multiproof::build(size, wanted, |from, to| {
                tiles::subtree(store, log, from, to).ok().flatten()
            });
            Ok(LogProof { signature, proof: proof.map_err(|error| Fault::new("store", error))? })
        }
        Source::Attested(id) => {
            let row = attestation(store, id)?.ok_or_else(lacking)?;
            let proof = row.proof.restrict(row.leaves, wanted);
            let proof = proof.map_err(|error| Fault::new("store", error))?;
            Ok(LogProof { signature: row.signature, proof })
        }
    }
}
