//! The bytes of one automerge change (automerge 0.12, binary format, change chunk), taken apart
//! and put together again without automerge: what a receiver can compute does not travel.
//!
//! ```text
//! magic 85 6f 4a 83 | checksum 4 | type 1 | body length uleb | body
//! body: n uleb, n x dependency 32 | actor length uleb, actor | seq uleb | start op uleb
//!       | time sleb | rest: message, other actors, operation columns, extra bytes
//! ```
//! The name of a change is the SHA-256 of everything after the checksum; the checksum is its
//! first four bytes.

use super::varint::{Reader, put_signed, put_unsigned, signed_len, unsigned_len};
use crate::{
    hash::sha256,
    id::{ActorId, Hash},
    limits,
};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// A raw change; 0 is a document, 2 a deflated change, 3 a bundle. None of those is accepted: a
/// deflated chunk inflates without a limit in automerge.
const RAW_CHANGE: u8 = 1;
const CHECKSUM_END: usize = 8;

/// Why bytes are not one raw automerge change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Wrong first bytes.
    #[error("it does not begin like an automerge chunk")]
    Magic,
    /// Not an uncompressed change.
    #[error("it is an automerge chunk of type {0}, only uncompressed changes (1) are taken")]
    Type(u8),
    /// Too short, too long, or a number in it is malformed.
    #[error("its {0} is cut off or malformed")]
    Malformed(&'static str),
    /// Checksum and bytes disagree.
    #[error("its checksum does not fit its bytes")]
    Checksum,
    /// Larger than an entry's payload may be.
    #[error("it has {0} bytes, at most {limit} are allowed", limit = limits::ENTRY_PAYLOAD_BYTES)]
    TooLong(usize),
}

/// The name of the change in `bytes`, which must be exactly one raw change chunk with a right
/// checksum; its body is not looked into.
///
/// # Errors
/// [`ChunkError`].
pub fn change_hash(bytes: &[u8]) -> Result<Hash, ChunkError> {
    body(bytes)?;
    let hash = sha256(&bytes[CHECKSUM_END..]);
    if bytes[4..CHECKSUM_END] == hash.0[..4] { Ok(hash) } else { Err(ChunkError::Checksum) }
}

/// One change, taken apart; borrows from the chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Name of the change.
    pub hash: Hash,
    deps: &'a [u8],
    /// Actor, of any length.
    pub actor: &'a [u8],
    /// The actor's change counter, from 1.
    pub seq: u64,
    /// Counter of the first operation, from 1.
    pub start_op: u64,
    /// The author's time, in automerge's words seconds; what was meant is the writer's affair.
    pub time: i64,
    /// Message, other actors, operation columns, extra bytes.
    pub rest: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Takes one raw change chunk apart and checks its checksum.
    ///
    /// # Errors
    /// [`ChunkError`]; also where a number is not in its shortest form, for then the parts would
    /// not give the same bytes again.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        let hash = change_hash(bytes)?;
        let mut reader = Reader::new(body(bytes)?);
        let bad = |what| move |_| ChunkError::Malformed(what);
        let dep_count = reader
            .count("dependencies", limits::ENTRY_DEPENDENCIES, Hash::LEN)
            .map_err(bad("list of dependencies"))?;
        let deps =
            reader.take(dep_count * Hash::LEN, "dependencies").map_err(bad("dependencies"))?;
        let actor_len = reader.count("actor", bytes.len(), 1).map_err(bad("actor"))?;
        Ok(Self {
            hash,
            deps,
            actor: reader.take(actor_len, "actor").map_err(bad("actor"))?,
            seq: reader.unsigned("seq").map_err(bad("change counter"))?,
            start_op: reader.unsigned("start op").map_err(bad("operation counter"))?,
            time: reader.signed("time").map_err(bad("time"))?,
            rest: reader.rest(),
        })
    }

    /// Names of the changes it builds on, in the order of the chunk.
    pub fn deps(&self) -> impl ExactSizeIterator<Item = Hash> + 'a {
        self.deps.chunks_exact(Hash::LEN).map(|bytes| Hash::from_slice(bytes).unwrap_or_default())
    }
}

/// What a change is put together from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Names of the changes it builds on.
    pub deps: &'a [Hash],
    /// Actor.
    pub actor: ActorId,
    /// The actor's change counter.
    pub seq: u64,
    /// Counter of the first operation.
    pub start_op: u64,
    /// Time in the chunk.
    pub time: i64,
    /// Message, other actors, operation columns, extra bytes.
    pub rest: &'a [u8],
}

impl Parts<'_> {
    /// The chunk and its name. Byte for byte what [`Chunk::parse`] took apart.
    ///
    /// # Errors
    /// [`ChunkError::TooLong`] before anything is allocated.
    pub fn build(&self) -> Result<(Vec<u8>, Hash), ChunkError> {
        let mut out = self.assemble()?;
        let hash = sha256(&out[CHECKSUM_END..]);
        out[4..CHECKSUM_END].copy_from_slice(&hash.0[..4]);
        Ok((out, hash))
    }

    /// Whether these parts give `chunk` again, whose checksum [`Chunk::parse`] has found right.
    pub fn give(&self, chunk: &[u8]) -> bool {
        let assembled = self.assemble();
        assembled.is_ok_and(|out| chunk.get(CHECKSUM_END..) == Some(&out[CHECKSUM_END..]))
    }

    /// The chunk with an empty checksum.
    fn assemble(&self) -> Result<Vec<u8>, ChunkError> {
        let numbers = unsigned_len(self.seq) + unsigned_len(self.start_op) + signed_len(self.time);
        let body_len = unsigned_len(self.deps.len() as u64)
            + self.deps.len() * Hash::LEN
            + 1
            + ActorId::LEN
            + numbers
            + self.rest.len();
        let length = CHECKSUM_END + 1 + unsigned_len(body_len as u64) + body_len;
        if length > limits::ENTRY_PAYLOAD_BYTES {
            return Err(ChunkError::TooLong(length));
        }
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.push(RAW_CHANGE);
        put_unsigned(&mut out, body_len as u64);
        put_unsigned(&mut out, self.deps.len() as u64);
        self.deps.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        out.push(ActorId::LEN as u8);
        out.extend_from_slice(&self.actor.0);
        put_unsigned(&mut out, self.seq);
        put_unsigned(&mut out, self.start_op);
        put_signed(&mut out, self.time);
        out.extend_from_slice(self.rest);
        Ok(out)
    }
}

/// The body of exactly one raw change chunk; the checksum is not looked at.
fn body(bytes: &[u8]) -> Result<&[u8], ChunkError> {
    if bytes.len() > limits::ENTRY_PAYLOAD_BYTES {
        return Err(ChunkError::TooLong(bytes.len()));
    }
    let mut reader = Reader::new(bytes);
    if reader.array("magic") != Ok(MAGIC) {
        return Err(ChunkError::Magic);
    }
    let malformed = |_| ChunkError::Malformed("head");
    reader.take(4, "checksum").map_err(malformed)?;
    match reader.byte("type").map_err(malformed)? {
        RAW_CHANGE => {}
        other => return Err(ChunkError::Type(other)),
    }
    let length = reader.unsigned("length").map_err(malformed)?;
    if length == reader.rest().len() as u64 {
        Ok(reader.rest())
    } else {
        Err(ChunkError::Malformed("length"))
    }
}
