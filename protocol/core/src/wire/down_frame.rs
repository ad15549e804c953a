//! Down: rows of one office's inbox, from several authors, each with the proof that leads to the
//! author's own signature: the hub that sends them need not be believed.
//!
//! ```text
//! 0  version 1 | 1 kind 2 | 2 inbox 16 | 18 epoch 16 | 34 running hash 32
//! 66 after uleb, upto uleb, codec 1, raw length uleb
//! .. body, packed by the codec:
//!    n authors uleb, each: key 32, log 16, binding length uleb (0 none) and bytes,
//!      proof size uleb (0 none); if any: signature 64, n uleb, n x hash 32
//!    n rows uleb, each: number uleb (difference to the row before), kind 1, then
//!      0 entry:    author uleb, sequence sleb (difference to the author's row before)
//!      1 decision: author uleb, sequence sleb (likewise), number uleb, verdict 1, hub 16,
//!                  signature 64, reason length uleb and bytes
//!      2 forget:   length uleb (16), dossier 16
//!      3 gone:     author uleb, sequence sleb (likewise), boot 16, length uleb and header: an
//!                  entry whose payload was taken out after it was proved; in journals only
//!      other:      length uleb and bytes
//!    one block: the entries, in the order of their rows
//! ```

use super::{
    KIND_DOWN, VERSION, WireError, block, codec, open_frame,
    up_frame::{Actors, check_raw},
    varint::{Reader, put_signed, put_unsigned},
};
use crate::{
    entry::{Entry, Header, actor_id},
    id::{DomainId, DossierId, EpochId, Hash, LogId, NodeId, Nonce, OfficeId},
    key::{PublicKey, Signature},
    limits,
    log::{Checkpoint, Multiproof},
};

/// Bytes of a signed node binding: key, office, serial and dates make some 300.
const BINDING_BYTES: usize = 4 * 1024;
/// Bytes of an entry's header with as many operations and dependencies as there may be.
const HEADER_BYTES: usize = 2 * 1024;
/// Bytes of a decision's reason, for a person to read.
const REASON_BYTES: usize = 512;
/// Hashes of one proof: every entry of a full frame alone in a tree as high as a log can be.
const PROOF_NODES: usize = limits::FRAME_RAW_BYTES / Hash::LEN;

/// Rows of an inbox, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownFrame {
    /// Whose inbox.
    pub inbox: OfficeId,
    /// Its numbering.
    pub epoch: EpochId,
    /// Number that the frame builds on: the reader's cursor.
    pub after: u64,
    /// Who wrote what the rows bring or speak of.
    pub authors: Vec<AuthorPart>,
    /// By rising number. A gap is a row that this reader need not see.
    pub rows: Vec<Row>,
    /// Number up to which nothing is missing for this reader.
    pub upto: u64,
    /// Running hash of the inbox at `upto`.
    pub hash: Hash,
}

/// One author log that rows refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorPart {
    /// The author's device key.
    pub key: PublicKey,
    /// Signed binding of the key to an office, at most 4 KiB, judged by the reader; `None` when
    /// the reader has it. Never empty.
    pub binding: Option<Vec<u8>>,
    /// The log.
    pub log: LogId,
    /// What proves this author's entries; `None` when the frame only speaks of them.
    pub proof: Option<LogProof>,
}

/// That entries stand in a tree which the author signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// The tree and what of it the frame does not bring.
    pub proof: Multiproof,
    /// The author's, over the checkpoint at the proof's size.
    pub signature: Signature,
}

/// One numbered thing in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// What it brings.
    pub item: RowItem,
}

/// What a row brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowItem {
    /// An entry.
    Entry {
        /// Index of the author part.
        author: u16,
        /// Sequence in the author's log.
        sequence: u64,
        /// The entry itself.
        entry: Entry,
    },
    /// A hub's decision on an entry; signed by the hub over bytes that the reader composes.
    Decision {
        /// Index of the author part of the entry decided on.
        author: u16,
        /// Its sequence.
        sequence: u64,
        /// The hub's own numbering of its decisions.
        number: u64,
        /// Verdict byte.
        verdict: u8,
        /// Why, for a person; at most 512 bytes.
        reason: String,
        /// Who decided.
        hub: NodeId,
        /// The hub's signature.
        signature: Signature,
    },
    /// A row of a later version: kind and bytes, kept and counted.
    Unknown(u8, Vec<u8>),
    /// The office no longer takes part in this dossier: what is held of it goes.
    Forget(DossierId),
    /// An entry whose dossier was purged: its header, so that the proof of the others holds and
    /// that what followed from it follows again when state is rebuilt.
    Gone {
        /// Index of the author part.
        author: u16,
        /// Sequence in the author's log.
        sequence: u64,
        /// The entry without its payload.
        entry: Box<Entry>,
    },
}

const ROW_ENTRY: u8 = 0;
const ROW_DECISION: u8 = 1;
const ROW_FORGET: u8 = 2;
const ROW_GONE: u8 = 3;

impl DownFrame {
    /// The frame's bytes.
    ///
    /// # Errors
    /// [`WireError`] for rows that do not rise, a crossed limit, or an entry that is not its
    /// author's or whose header is not that of its payload.
    pub fn encode(&self) -> Result<Vec<u8>, WireError> {
        let mut raw = Vec::new();
        limit("authors", self.authors.len(), limits::FRAME_ENTRIES)?;
        limit("rows", self.rows.len(), limits::FRAME_ENTRIES)?;
        put_unsigned(&mut raw, self.authors.len() as u64);
        for part in &self.authors {
            part.encode(&mut raw)?;
        }
        put_unsigned(&mut raw, self.rows.len() as u64);
        let mut places = Places::new(self);
        let mut writer = block::Writer::new(0);
        let mut actors = Actors::default();
        for row in &self.rows {
            put_unsigned(&mut raw, places.row(row.number)?);
            if let RowItem::Entry { author, entry, .. } = &row.item {
                let part = self.part(*author)?;
                let actor = actors.of(&part.key, part.log, entry.boot);
                writer.push(entry, actor, &mut |_, _| None)?;
            }
            row.item.encode(&mut places, &mut raw)?;
        }
        places.end()?;
        writer.finish(&mut raw);
        check_raw(&raw)?;
        let mut out = vec![VERSION, KIND_DOWN];
        out.extend_from_slice(&self.inbox.0);
        out.extend_from_slice(&self.epoch.0);
        out.extend_from_slice(&self.hash.0);
        put_unsigned(&mut out, self.after);
        put_unsigned(&mut out, self.upto);
        codec::put_body(&mut out, &raw, codec::LEVEL);
        Ok(out)
    }

    /// Reads a frame. Signatures are not looked at: see [`Self::verify`].
    ///
    /// # Errors
    /// [`WireError`] for whatever does not hold.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        open_frame(&mut reader, KIND_DOWN)?;
        let mut frame = Self {
            inbox: OfficeId(reader.array("inbox")?),
            epoch: EpochId(reader.array("epoch")?),
            hash: Hash(reader.array("running hash")?),
            after: reader.unsigned("cursor")?,
            upto: reader.unsigned("last number")?,
            authors: Vec::new(),
            rows: Vec::new(),
        };
        let raw = codec::take_body(reader)?;
        let mut reader = Reader::new(&raw);
        let count = reader.count("authors", limits::FRAME_ENTRIES, AuthorPart::LEAST_BYTES)?;
        frame.authors =
            (0..count).map(|_| AuthorPart::decode(&mut reader)).collect::<Result<_, _>>()?;
        let slots = frame.slots(&mut reader)?;
        frame.rows = frame.fill(slots, &mut reader)?;
        reader.finish("block")?;
        Ok(frame)
    }

    /// Checks that each author signed the tree in which all its entries of this frame stand, and
    /// that each entry's actor is its author's. Whether the key may speak for an office is for
    /// the caller to judge, by the binding.
    ///
    /// # Errors
    /// [`WireError`] naming the author whose part does not hold.
    pub fn verify(&self, domain: DomainId) -> Result<(), WireError> {
        let mut leaves: Vec<Vec<(u64, Hash)>> = vec![Vec::new(); self.authors.len()];
        let mut actors = Actors::default();
        for row in &self.rows {
            if let RowItem::Gone { author, sequence, entry } = &row.item {
                self.part(*author)?;
                let index = leaf_index(*sequence)?;
                leaves[usize::from(*author)].push((index, entry.leaf()));
            }
            let RowItem::Entry { author, sequence, entry } = &row.item else { continue };
            let part = self.part(*author)?;
            if entry.header.actor != actors.of(&part.key, part.log, entry.boot) {
                return Err(WireError::Mismatch { position: *sequence, what: "actor" });
            }
            let index = leaf_index(*sequence)?;
            if let Some(of_author) = leaves.get_mut(usize::from(*author)) {
                of_author.push((index, entry.leaf()));
            }
        }
        for (index, (part, mut leaves)) in self.authors.iter().zip(leaves).enumerate() {
            part.verify(index as u16, &mut leaves, domain)?;
        }
        Ok(())
    }

    /// The same frame without the payloads of some dossiers: headers stand in their place.
    /// `None` where it holds none of them.
    pub fn without(&self, gone: impl Fn(&DossierId) -> bool) -> Option<Self> {
        let mut frame = self.clone();
        let mut any = false;
        for row in &mut frame.rows {
            if let RowItem::Entry { author, sequence, entry } = &row.item
                && gone(&entry.header.dossier)
            {
                any = true;
                let (header, boot) = (entry.header.clone(), entry.boot);
                let entry = Box::new(Entry { header, boot, payload: Vec::new() });
                row.item = RowItem::Gone { author: *author, sequence: *sequence, entry };
            }
        }
        any.then_some(frame)
    }

    fn part(&self, author: u16) -> Result<&AuthorPart, WireError> {
        let missing = WireError::Reference { what: "author", got: u64::from(author) };
        self.authors.get(usize::from(author)).ok_or(missing)
    }

    /// The rows without their entries, which stand in the block behind them.
    fn slots(&self, reader: &mut Reader<'_>) -> Result<Vec<Slot>, WireError> {
        let count = reader.count("rows", limits::FRAME_ENTRIES, 3)?;
        let mut places = Places::new(self);
        let mut slots = Vec::with_capacity(count);
        for _ in 0..count {
            let step = reader.unsigned("row number")?;
            let number = places.after.checked_add(step);
            let number = number.ok_or(WireError::Number("row number"))?;
            places.row(number)?;
            slots.push(Slot { number, item: SlotItem::decode(reader, &mut places)? });
        }
        places.end()?;
        Ok(slots)
    }

    fn fill(&self, slots: Vec<Slot>, reader: &mut Reader<'_>) -> Result<Vec<Row>, WireError> {
        let authors: Vec<&AuthorPart> = slots
            .iter()
            .filter_map(|slot| match slot.item {
                SlotItem::Entry { author, .. } => self.authors.get(usize::from(author)),
                SlotItem::Whole(_) => None,
            })
            .collect();
        let actor = |index: usize, boot| {
            authors.get(index).map(|part| actor_id(&part.key, boot)).unwrap_or_default()
        };
        let entries = block::read(reader, authors.len(), 0, actor, &mut |_| None)?;
        let mut entries = entries.into_iter();
        slots
            .into_iter()
            .map(|Slot { number, item }| {
                let item = match item {
                    SlotItem::Whole(item) => item,
                    SlotItem::Entry { author, sequence } => {
                        let entry = entries.next().ok_or(WireError::Truncated("entries"))?;
                        RowItem::Entry { author, sequence, entry }
                    }
                };
                Ok(Row { number, item })
            })
            .collect()
    }
}

impl AuthorPart {
    const LEAST_BYTES: usize = 32 + LogId::LEN + 2;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        let binding = self.binding.as_deref().unwrap_or_default();
        limit("bytes of a binding", binding.len(), BINDING_BYTES)?;
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.log.0);
        put_unsigned(out, binding.len() as u64);
        out.extend_from_slice(binding);
        let Some(LogProof { proof, signature }) = &self.proof else {
            put_unsigned(out, 0);
            return Ok(());
        };
        if proof.size == 0 {
            return Err(WireError::Empty("leaves in a proof's tree"));
        }
        limit("hashes of a proof", proof.nodes.len(), PROOF_NODES)?;
        put_unsigned(out, proof.size);
        out.extend_from_slice(&signature.0);
        put_unsigned(out, proof.nodes.len() as u64);
        proof.nodes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        Ok(())
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let key = PublicKey(reader.array("author key")?);
        let log = LogId(reader.array("author log")?);
        let length = reader.count("bytes of a binding", BINDING_BYTES, 1)?;
        let binding = reader.take(length, "binding")?;
        let size = reader.unsigned("proof size")?;
        let proof = if size == 0 {
            None
        } else {
            let signature = Signature(reader.array("signature")?);
            let count = reader.count("hashes of a proof", PROOF_NODES, Hash::LEN)?;
            let nodes = (0..count).map(|_| reader.array("proof").map(Hash));
            let nodes = nodes.collect::<Result<_, _>>()?;
            Some(LogProof { proof: Multiproof { size, nodes }, signature })
        };
        let binding = (!binding.is_empty()).then(|| binding.to_vec());
        Ok(Self { key, binding, log, proof })
    }

    fn verify(
        &self,
        author: u16,
        leaves: &mut Vec<(u64, Hash)>,
        domain: DomainId,
    ) -> Result<(), WireError> {
        let (leaves, proof) = match (leaves.is_empty(), &self.proof) {
            (true, None) => return Ok(()),
            (false, Some(proof)) => (leaves, proof),
            _ => return Err(WireError::Unproven(author)),
        };
        leaves.sort_unstable_by_key(|(index, _)| *index);
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(WireError::Twice { author, sequence: pair[0].0 + 1 });
        }
        let LogProof { proof, signature } = proof;
        let root = proof.root(leaves.iter().copied());
        let root = root.map_err(|source| WireError::Proof { author, source })?;
        let head = Checkpoint { log: self.log, size: proof.size, root, signature: *signature };
        Ok(head.verify(&self.key, domain)?)
    }
}

impl RowItem {
    fn encode(&self, places: &mut Places, out: &mut Vec<u8>) -> Result<(), WireError> {
        match self {
            Self::Entry { author, sequence, .. } => {
                out.push(ROW_ENTRY);
                places.put(*author, *sequence, out)
            }
            Self::Decision { author, sequence, number, verdict, reason, hub, signature } => {
                limit("bytes of a reason", reason.len(), REASON_BYTES)?;
                out.push(ROW_DECISION);
                places.put(*author, *sequence, out)?;
                put_unsigned(out, *number);
                out.push(*verdict);
                out.extend_from_slice(&hub.0);
                out.extend_from_slice(&signature.0);
                put_unsigned(out, reason.len() as u64);
                out.extend_from_slice(reason.as_bytes());
                Ok(())
            }
            Self::Forget(dossier) => {
                out.push(ROW_FORGET);
                put_unsigned(out, DossierId::LEN as u64);
                out.extend_from_slice(&dossier.0);
                Ok(())
            }
            Self::Gone { author, sequence, entry } => {
                out.push(ROW_GONE);
                places.put(*author, *sequence, out)?;
                out.extend_from_slice(&entry.boot.0);
                let header = entry.header.encode();
                put_unsigned(out, header.len() as u64);
                out.extend_from_slice(&header);
                Ok(())
            }
            Self::Unknown(kind @ ROW_ENTRY..=ROW_GONE, _) => {
                Err(WireError::Reference { what: "unknown row kind", got: u64::from(*kind) })
            }
            Self::Unknown(kind, bytes) => {
                limit("bytes of a row", bytes.len(), limits::ENTRY_PAYLOAD_BYTES)?;
                out.push(*kind);
                put_unsigned(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

struct Slot {
    number: u64,
    item: SlotItem,
}

#[expect(clippy::large_enum_variant, reason = "lives for one frame")]
enum SlotItem {
    Entry { author: u16, sequence: u64 },
    Whole(RowItem),
}

impl SlotItem {
    fn decode(reader: &mut Reader<'_>, places: &mut Places) -> Result<Self, WireError> {
        match reader.byte("row kind")? {
            ROW_ENTRY => {
                let (author, sequence) = places.take(reader)?;
                Ok(Self::Entry { author, sequence })
            }
            ROW_DECISION => {
                let (author, sequence) = places.take(reader)?;
                let number = reader.unsigned("decision number")?;
                let verdict = reader.byte("verdict")?;
                let hub = NodeId(reader.array("deciding hub")?);
                let signature = Signature(reader.array("decision signature")?);
                let length = reader.count("bytes of a reason", REASON_BYTES, 1)?;
                let reason = String::from_utf8(reader.take(length, "reason")?.to_vec());
                let reason = reason.map_err(|_| WireError::Text("reason of a decision"))?;
                let decision =
                    RowItem::Decision { author, sequence, number, verdict, reason, hub, signature };
                Ok(Self::Whole(decision))
            }
            ROW_FORGET => {
                if reader.byte("row length")? != DossierId::LEN as u8 {
                    return Err(WireError::Number("row length"));
                }
                let dossier = DossierId(reader.array("dossier to forget")?);
                Ok(Self::Whole(RowItem::Forget(dossier)))
            }
            ROW_GONE => {
                let (author, sequence) = places.take(reader)?;
                let boot = Nonce(reader.array("boot")?);
                let length = reader.count("bytes of a header", HEADER_BYTES, 1)?;
                let header = Header::decode(reader.take(length, "header")?)
                    .map_err(|source| WireError::Header { position: sequence, source })?;
                let entry = Box::new(Entry { header, boot, payload: Vec::new() });
                Ok(Self::Whole(RowItem::Gone { author, sequence, entry }))
            }
            kind => {
                let length = reader.count("bytes of a row", limits::ENTRY_PAYLOAD_BYTES, 1)?;
                let bytes = reader.take(length, "row")?.to_vec();
                Ok(Self::Whole(RowItem::Unknown(kind, bytes)))
            }
        }
    }
}

/// Where in the inbox and in each author's log the rows have got to; the same on both sides.
struct Places {
    after: u64,
    upto: u64,
    sequences: Vec<u64>,
}

impl Places {
    fn new(frame: &DownFrame) -> Self {
        let sequences = vec![0; frame.authors.len()];
        Self { after: frame.after, upto: frame.upto, sequences }
    }

    /// Steps to the row `number`; by how much.
    fn row(&mut self, number: u64) -> Result<u64, WireError> {
        let wrong = WireError::RowOrder { got: number, after: self.after, upto: self.upto };
        let step = number.checked_sub(self.after).filter(|step| *step > 0 && number <= self.upto);
        let step = step.ok_or(wrong)?;
        self.after = number;
        Ok(step)
    }

    fn end(&self) -> Result<(), WireError> {
        let (got, after) = (self.upto, self.after);
        if got < after { Err(WireError::RowOrder { got, after, upto: got }) } else { Ok(()) }
    }

    fn last(&mut self, author: u16) -> Result<&mut u64, WireError> {
        let missing = WireError::Reference { what: "author", got: u64::from(author) };
        self.sequences.get_mut(usize::from(author)).ok_or(missing)
    }

    fn put(&mut self, author: u16, sequence: u64, out: &mut Vec<u8>) -> Result<(), WireError> {
        leaf_index(sequence)?;
        let last = self.last(author)?;
        put_unsigned(out, u64::from(author));
        put_signed(out, sequence.wrapping_sub(*last) as i64);
        *last = sequence;
        Ok(())
    }

    fn take(&mut self, reader: &mut Reader<'_>) -> Result<(u16, u64), WireError> {
        let got = reader.unsigned("author")?;
        let author = u16::try_from(got);
        let author = author.map_err(|_| WireError::Reference { what: "author", got })?;
        let last = self.last(author)?;
        *last = last.wrapping_add(reader.signed("sequence")? as u64);
        // Whatever a row speaks of, it speaks of an entry that can exist.
        leaf_index(*last)?;
        Ok((author, *last))
    }
}

/// The leaf of an entry in its author's tree.
fn leaf_index(sequence: u64) -> Result<u64, WireError> {
    sequence.checked_sub(1).ok_or(WireError::Empty("sequence; sequences begin at 1"))
}

fn limit(what: &'static str, got: usize, limit: usize) -> Result<(), WireError> {
    let (got, limit) = (got as u64, limit as u64);
    if got > limit { Err(WireError::Limit { what, got, limit }) } else { Ok(()) }
}
