//! The stored form of one entry, for state stores: needs no frame around it, and leaves out what
//! the payload already says.
//!
//! ```text
//! 0  version 1 | 1 kind | 2 document type | 3 flags
//! 4  dossier 16 | 20 claimed i64 LE | 28 person 16 | 44 boot 16
//! 60 schema uleb, operations uleb, n audience uleb, n x 18
//!    bit 3: change hash 32
//!    bit 4: actor 16, n dependencies uleb, n x 32; otherwise they are those of the change
//!    bit 5: payload length u32 LE, payload hash 32; otherwise those of the payload
//!    creation nonce 16 in a Create
//! .. payload
//! ```
//! Flags: bit 0 sealed, bits 1-2 clock quality, 3-5 as above, others zero.

use super::{
    VERSION, WireError,
    chunk::{Chunk, change_hash},
    varint::{Reader, put_unsigned},
};
use crate::{
    entry::{AudienceOp, DocType, Entry, Header, HeaderError, Kind, payload_hash},
    id::{ActorId, DossierId, Hash, Nonce, PersonId},
    limits,
    time::{ClockQuality, Timestamp},
};

const SEALED: u8 = 1;
const CHANGE_HASH: u8 = 8;
const ORIGIN: u8 = 16;
const PAYLOAD_HASH: u8 = 32;

/// The stored form. Any entry survives, also one whose payload was taken out.
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    let header = &entry.header;
    let implied = Implied::read(header.kind, &entry.payload).ok();
    let mut flags = (u8::from(header.sealed) * SEALED) | (header.clock.bits() << 1);
    if implied.as_ref().is_none_or(|implied| implied.change_hash != header.change_hash) {
        flags |= CHANGE_HASH;
    }
    let origin = implied.and_then(|implied| implied.origin);
    if origin.is_none_or(|(actor, deps)| actor != header.actor || deps != header.deps) {
        flags |= ORIGIN;
    }
    let as_stored = header.payload_len as usize == entry.payload.len()
        && header.payload_hash == payload_hash(&entry.payload);
    if !as_stored {
        flags |= PAYLOAD_HASH;
    }
    let mut out = Vec::with_capacity(160 + entry.payload.len());
    out.extend_from_slice(&[VERSION, header.kind.byte(), header.doc_type.byte(), flags]);
    out.extend_from_slice(&header.dossier.0);
    out.extend_from_slice(&header.claimed_at.0.to_le_bytes());
    out.extend_from_slice(&header.person.0);
    out.extend_from_slice(&entry.boot.0);
    put_unsigned(&mut out, u64::from(header.schema));
    put_unsigned(&mut out, u64::from(header.op_count));
    put_unsigned(&mut out, header.audience.len() as u64);
    header.audience.iter().for_each(|op| op.encode(&mut out));
    if flags & CHANGE_HASH != 0 {
        out.extend_from_slice(&header.change_hash.0);
    }
    if flags & ORIGIN != 0 {
        out.extend_from_slice(&header.actor.0);
        put_unsigned(&mut out, header.deps.len() as u64);
        header.deps.iter().for_each(|hash| out.extend_from_slice(&hash.0));
    }
    if flags & PAYLOAD_HASH != 0 {
        out.extend_from_slice(&header.payload_len.to_le_bytes());
        out.extend_from_slice(&header.payload_hash.0);
    }
    if let Some(nonce) = header.creation {
        out.extend_from_slice(&nonce.0);
    }
    out.extend_from_slice(&entry.payload);
    out
}

/// Reads the stored form.
///
/// # Errors
/// [`WireError`] for a later version, cut or malformed bytes, or a crossed limit. Bytes that rot
/// in the payload of a change fail its checksum.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, WireError> {
    let mut reader = Reader::new(bytes);
    let [version, kind, doc_type, flags] = reader.array("head")?;
    if version != VERSION {
        return Err(WireError::Version { what: "stored entry", got: version, known: VERSION });
    }
    if flags >> 6 != 0 {
        return Err(WireError::Flags { position: 0, flags });
    }
    let kind = Kind::from_byte(kind);
    let dossier = DossierId(reader.array("dossier")?);
    let claimed_at = Timestamp(i64::from_le_bytes(reader.array("claimed time")?));
    let person = PersonId(reader.array("person")?);
    let boot = Nonce(reader.array("boot")?);
    let schema = reader.count("schema", usize::from(u16::MAX), 0)? as u16;
    let op_count = reader.count("operations", limits::ENTRY_OPERATIONS as usize, 0)? as u32;
    let audience = audience(&mut reader)?;
    let has = |flag| flags & flag != 0;
    let change_hash =
        if has(CHANGE_HASH) { Some(Hash(reader.array("change hash")?)) } else { None };
    let origin = if has(ORIGIN) { Some(origin(&mut reader)?) } else { None };
    let withheld = if has(PAYLOAD_HASH) {
        let length = u32::from_le_bytes(reader.array("payload length")?);
        Some((length, Hash(reader.array("payload hash")?)))
    } else {
        None
    };
    let creation =
        if kind == Kind::Create { Some(Nonce(reader.array("creation nonce")?)) } else { None };
    let payload = reader.rest();
    let got = payload.len() as u64;
    let limit = limits::ENTRY_PAYLOAD_BYTES as u64;
    if got > limit {
        return Err(WireError::Limit { what: "payload bytes", got, limit });
    }
    let implied = if change_hash.is_some() && origin.is_some() {
        Implied::default()
    } else {
        Implied::read(kind, payload)?
    };
    let (actor, deps) =
        origin.or(implied.origin).ok_or(WireError::Empty("actor and dependencies"))?;
    let (payload_len, payload_hash) =
        withheld.unwrap_or_else(|| (payload.len() as u32, payload_hash(payload)));
    let header = Header {
        kind,
        doc_type: DocType::from_byte(doc_type),
        sealed: has(SEALED),
        clock: ClockQuality::from_bits(flags >> 1),
        dossier,
        claimed_at,
        person,
        actor,
        schema,
        op_count,
        payload_len,
        change_hash: change_hash.unwrap_or(implied.change_hash),
        payload_hash,
        audience,
        deps,
        creation,
    };
    header.check_limits().map_err(|source| WireError::Header { position: 0, source })?;
    Ok(Entry { header, boot, payload: payload.to_vec() })
}

fn audience(reader: &mut Reader<'_>) -> Result<Vec<AudienceOp>, WireError> {
    let limit = limits::ENTRY_AUDIENCE_OPERATIONS;
    let count = reader.count("audience operations", limit, AudienceOp::LEN)?;
    let unknown = WireError::Header { position: 0, source: HeaderError::Audience };
    (0..count)
        .map(|_| {
            let bytes = reader.take(AudienceOp::LEN, "audience operations")?;
            AudienceOp::decode(bytes).ok_or_else(|| unknown.clone())
        })
        .collect()
}

fn origin(reader: &mut Reader<'_>) -> Result<(ActorId, Vec<Hash>), WireError> {
    let actor = ActorId(reader.array("actor")?);
    let count = reader.count("dependencies", limits::ENTRY_DEPENDENCIES, Hash::LEN)?;
    let deps =
        (0..count).map(|_| reader.array("dependencies").map(Hash)).collect::<Result<_, _>>()?;
    Ok((actor, deps))
}

/// What the payload says by itself.
#[derive(Debug, Default)]
struct Implied {
    change_hash: Hash,
    origin: Option<(ActorId, Vec<Hash>)>,
}

impl Implied {
    fn read(kind: Kind, payload: &[u8]) -> Result<Self, WireError> {
        if !kind.is_change() {
            return Ok(Self::default());
        }
        if let Ok(chunk) = Chunk::parse(payload) {
            let actor = ActorId::from_slice(chunk.actor);
            let origin = actor.map(|actor| (actor, chunk.deps().collect()));
            return Ok(Self { change_hash: chunk.hash, origin });
        }
        let hash =
            change_hash(payload).map_err(|source| WireError::Chunk { position: 0, source })?;
        Ok(Self { change_hash: hash, origin: None })
    }
}
