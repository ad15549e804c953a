//! Up: consecutive entries of one author log, with the author's signature over the tree that ends
//! with the last of them. The root does not travel: the receiver computes it from the entries.
//!
//! ```text
//! 0  version 1 | 1  kind 1 | 2  node 16 | 18  log 16
//! 34 first sequence uleb, entries uleb, codec 1, raw length uleb
//! .. body: one block, packed by the codec
//! -64 signature over the tree of first + entries - 1
//! ```

use super::{
    KIND_UP, VERSION, WireError, block, codec, open_frame, varint::Reader, varint::put_unsigned,
};
use crate::{
    entry::{Entry, actor_id},
    id::{ActorId, DossierId, Hash, LogId, NodeId, Nonce},
    key::{PublicKey, Signature},
    limits,
};

/// Which entries an up frame brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpHead {
    /// The author.
    pub node: NodeId,
    /// Its log.
    pub log: LogId,
    /// Sequence of the first entry, from 1.
    pub first: u64,
    /// How many entries, from 1.
    pub count: u64,
}

impl UpHead {
    /// Sequence of the last entry: the size of the tree that the signature is over.
    pub fn last(&self) -> u64 {
        self.first + (self.count - 1)
    }
}

/// A decoded up frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpFrame {
    /// Which entries these are.
    pub head: UpHead,
    /// The entries, in sequence.
    pub entries: Vec<Entry>,
    /// The author's, over the checkpoint at [`UpHead::last`]; not yet checked, for that takes the
    /// tree before this frame.
    pub signature: Signature,
}

impl UpFrame {
    /// Only the head, without unpacking.
    ///
    /// # Errors
    /// [`WireError`] when it is not the head of an up frame within the limits.
    pub fn peek(bytes: &[u8]) -> Result<UpHead, WireError> {
        head(&mut Reader::new(bytes))
    }
}

/// One frame of `entries`, which follow each other in the log from sequence `first`. `resolve`
/// gives the sequence before `first`, in this same log, of a change of a dossier; what it does not
/// know travels as 32 bytes. Cut the entries with [`super::entries_for_frame`].
///
/// # Errors
/// [`WireError`] naming the first entry that breaks a limit, is not the author's, or whose header
/// is not that of its payload.
pub fn encode_up(
    author: &PublicKey,
    log: LogId,
    first: u64,
    entries: &[Entry],
    resolve: impl FnMut(&DossierId, &Hash) -> Option<u64>,
    signature: &Signature,
) -> Result<Vec<u8>, WireError> {
    encode_up_at(codec::LEVEL, author, log, first, entries, resolve, signature)
}

/// As [`encode_up`] at another zstd level; readers do not care.
///
/// # Errors
/// See [`encode_up`].
pub fn encode_up_at(
    level: i32,
    author: &PublicKey,
    log: LogId,
    first: u64,
    entries: &[Entry],
    mut resolve: impl FnMut(&DossierId, &Hash) -> Option<u64>,
    signature: &Signature,
) -> Result<Vec<u8>, WireError> {
    check_range(first, entries.len() as u64)?;
    let mut actors = Actors::default();
    let mut writer = block::Writer::new(first);
    for entry in entries {
        writer.push(entry, actors.of(author, log, entry.boot), &mut |dossier, hash| {
            resolve(dossier, hash).filter(|sequence| (1..first).contains(sequence))
        })?;
    }
    let mut raw = Vec::new();
    writer.finish(&mut raw);
    check_raw(&raw)?;
    let mut out = vec![VERSION, KIND_UP];
    out.extend_from_slice(&author.node_id().0);
    out.extend_from_slice(&log.0);
    put_unsigned(&mut out, first);
    put_unsigned(&mut out, entries.len() as u64);
    codec::put_body(&mut out, &raw, level);
    out.extend_from_slice(&signature.0);
    Ok(out)
}

/// Reads a frame that came under `author`'s key. `resolve` gives change and dossier of an earlier
/// entry of the same log; the sequences asked for lie before the frame.
///
/// # Errors
/// [`WireError`]; [`WireError::Unknown`] when the frame builds on an entry not held here.
pub fn decode_up(
    bytes: &[u8],
    author: &PublicKey,
    mut resolve: impl FnMut(u64) -> Option<(Hash, DossierId)>,
) -> Result<UpFrame, WireError> {
    let mut reader = Reader::new(bytes);
    let head = head(&mut reader)?;
    let expected = author.node_id();
    if head.node != expected {
        return Err(WireError::Node { got: head.node, expected });
    }
    let (body, signature) =
        reader.rest().split_last_chunk::<64>().ok_or(WireError::Truncated("signature"))?;
    let raw = codec::take_body(Reader::new(body))?;
    let mut reader = Reader::new(&raw);
    let mut actors = Actors::default();
    let entries = block::read(
        &mut reader,
        head.count as usize,
        head.first,
        |_, boot| actors.of(author, head.log, boot),
        &mut resolve,
    )?;
    reader.finish("block")?;
    Ok(UpFrame { head, entries, signature: Signature(*signature) })
}

fn head(reader: &mut Reader<'_>) -> Result<UpHead, WireError> {
    open_frame(reader, KIND_UP)?;
    let head = UpHead {
        node: NodeId(reader.array("node")?),
        log: LogId(reader.array("log")?),
        first: reader.unsigned("first sequence")?,
        count: reader.unsigned("entries")?,
    };
    check_range(head.first, head.count)?;
    Ok(head)
}

fn check_range(first: u64, count: u64) -> Result<(), WireError> {
    let limit = limits::FRAME_ENTRIES as u64;
    match (first, count) {
        (0, _) => Err(WireError::Empty("first sequence; sequences begin at 1")),
        (_, 0) => Err(WireError::Empty("entries")),
        _ if count > limit => Err(WireError::Limit { what: "entries", got: count, limit }),
        _ if first.checked_add(count).is_none() => {
            Err(WireError::Limit { what: "as first sequence", got: first, limit: u64::MAX - limit })
        }
        _ => Ok(()),
    }
}

/// Refuses a block that its receiver would refuse.
pub(super) fn check_raw(raw: &[u8]) -> Result<(), WireError> {
    let (got, limit) = (raw.len() as u64, limits::FRAME_RAW_BYTES as u64);
    if got > limit { Err(WireError::Limit { what: "raw bytes", got, limit }) } else { Ok(()) }
}

/// The newest actor, kept because a process start writes many entries in a row.
#[derive(Debug, Default)]
pub(super) struct Actors {
    last: Option<(PublicKey, LogId, Nonce, ActorId)>,
}

impl Actors {
    pub(super) fn of(&mut self, key: &PublicKey, log: LogId, boot: Nonce) -> ActorId {
        match self.last {
            Some((k, l, b, actor)) if (k, l, b) == (*key, log, boot) => actor,
            _ => {
                let actor = actor_id(key, boot);
                self.last = Some((*key, log, boot, actor));
                actor
            }
        }
    }
}
