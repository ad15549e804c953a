//! The entry header: a fixed byte layout, because its hash is what authors sign (design/wire.md).
//!
//! ```text
//! 0   version (1)        1   kind            2   document type   3   flags
//! 4   dossier 16         20  claimed i64 LE  28  person 16       44  actor 16
//! 60  schema u16 LE      62  ops u32 LE      66  payload length u32 LE
//! 70  change hash 32     102 payload hash 32
//! 134 n audience u8, n x (action, role, office 16)
//!     n dependencies u8, n x 32
//!     creation nonce 16 (only in a Create)
//! ```
//! Flags: bit 0 sealed payload, bits 1-2 clock quality, others zero.

use super::{AudienceOp, DocType, Kind};
use crate::{
    hash::{Context, derive},
    id::{ActorId, DossierId, Hash, Nonce, PersonId},
    limits,
    time::{ClockQuality, Timestamp},
};

/// Everything about an entry that is checked without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the entry is.
    pub kind: Kind,
    /// What it belongs to.
    pub doc_type: DocType,
    /// Whether personal fields in the payload are sealed.
    pub sealed: bool,
    /// How far `claimed_at` may be trusted.
    pub clock: ClockQuality,
    /// Which dossier.
    pub dossier: DossierId,
    /// When the author's clock says it was written.
    pub claimed_at: Timestamp,
    /// Who typed it.
    pub person: PersonId,
    /// Automerge actor, self-certifying.
    pub actor: ActorId,
    /// Schema of the facts in the payload.
    pub schema: u16,
    /// Operations in the change.
    pub op_count: u32,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Automerge's name of the change.
    pub change_hash: Hash,
    /// Hash of the payload, so that a payload can go while the proof stands.
    pub payload_hash: Hash,
    /// Offices that join or leave with this entry.
    pub audience: Vec<AudienceOp>,
    /// Changes it builds on, sorted as in the change.
    pub deps: Vec<Hash>,
    /// In a `Create`: the nonce the dossier id is bound to.
    pub creation: Option<Nonce>,
}

/// Why bytes are not a header this version can read, or a header breaks a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Written by a later format.
    #[error("entry header version {0} is not known here; update this replica")]
    Version(u8),
    /// Bytes missing or left over.
    #[error("entry header has the wrong length")]
    Length,
    /// A reserved flag is set.
    #[error("entry header has unknown flags {0:#04x}")]
    Flags(u8),
    /// An audience operation that no replica could evaluate.
    #[error("entry header has an unknown audience action")]
    Audience,
    /// A count beyond its limit.
    #[error("entry has {got} {what}, at most {limit} are allowed")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
}

const FIXED: usize = 134;
const VERSION: u8 = 1;
const SEALED: u8 = 1;

impl Header {
    /// The byte form; hashed as it stands, never re-encoded from a received one.
    pub fn encode(&self) -> Vec<u8> {
        let variable = 2 + self.audience.len() * AudienceOp::LEN + self.deps.len() * Hash::LEN;
        let mut out = Vec::with_capacity(FIXED + variable + Nonce::LEN);
        out.extend_from_slice(&[VERSION, self.kind.byte(), self.doc_type.byte()]);
        out.push((u8::from(self.sealed) * SEALED) | (self.clock.bits() << 1));
        out.extend_from_slice(&self.dossier.0);
        out.extend_from_slice(&self.claimed_at.0.to_le_bytes());
        out.extend_from_slice(&self.person.0);
        out.extend_from_slice(&self.actor.0);
        out.extend_from_slice(&self.schema.to_le_bytes());
        out.extend_from_slice(&self.op_count.to_le_bytes());
        out.extend_from_slice(&self.payload_len.to_le_bytes());
        out.extend_from_slice(&self.change_hash.0);
        out.extend_from_slice(&self.payload_hash.0);
        out.push(self.audience.len() as u8);
        self.audience.iter().for_each(|op| op.encode(&mut out));
        out.push(self.deps.len() as u8);
        self.deps.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        if let Some(nonce) = self.creation {
            out.extend_from_slice(&nonce.0);
        }
        out
    }

    /// Reads exactly one header.
    ///
    /// # Errors
    /// [`HeaderError`] for a later version, a wrong length, unknown flags or a crossed limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut reader = Reader(bytes);
        let [version, kind, doc_type, flags] = reader.array()?;
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        if flags & !0b111 != 0 {
            return Err(HeaderError::Flags(flags));
        }
        let kind = Kind::from_byte(kind);
        let header = Self {
            kind,
            doc_type: DocType::from_byte(doc_type),
            sealed: flags & SEALED != 0,
            clock: ClockQuality::from_bits(flags >> 1),
            dossier: DossierId(reader.array()?),
            claimed_at: Timestamp(i64::from_le_bytes(reader.array()?)),
            person: PersonId(reader.array()?),
            actor: ActorId(reader.array()?),
            schema: u16::from_le_bytes(reader.array()?),
            op_count: u32::from_le_bytes(reader.array()?),
            payload_len: u32::from_le_bytes(reader.array()?),
            change_hash: Hash(reader.array()?),
            payload_hash: Hash(reader.array()?),
            audience: reader.audience()?,
            deps: reader.deps()?,
            creation: if kind == Kind::Create { Some(Nonce(reader.array()?)) } else { None },
        };
        if !reader.0.is_empty() {
            return Err(HeaderError::Length);
        }
        header.check_limits()?;
        Ok(header)
    }

    /// Whether every count is within its limit.
    ///
    /// # Errors
    /// [`HeaderError::Limit`] naming the first that is not.
    pub fn check_limits(&self) -> Result<(), HeaderError> {
        let checks = [
            ("operations", self.op_count as usize, limits::ENTRY_OPERATIONS as usize),
            ("payload bytes", self.payload_len as usize, limits::ENTRY_PAYLOAD_BYTES),
            ("audience operations", self.audience.len(), limits::ENTRY_AUDIENCE_OPERATIONS),
            ("dependencies", self.deps.len(), limits::ENTRY_DEPENDENCIES),
        ];
        match checks.into_iter().find(|(_, got, limit)| got > limit) {
            Some((what, got, limit)) => Err(HeaderError::Limit { what, got, limit }),
            None => Ok(()),
        }
    }

    /// The leaf that stands for this entry in its author's tree.
    pub fn leaf(&self) -> Hash {
        derive(Context::Leaf, &[&self.encode()])
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(HeaderError::Length)?;
        self.0 = rest;
        Ok(*head)
    }

    fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, HeaderError> {
        let [count] = self.array()?;
        let got = usize::from(count);
        if got > limit { Err(HeaderError::Limit { what, got, limit }) } else { Ok(got) }
    }

    fn audience(&mut self) -> Result<Vec<AudienceOp>, HeaderError> {
        let count = self.count("audience operations", limits::ENTRY_AUDIENCE_OPERATIONS)?;
        (0..count)
            .map(|_| {
                let bytes: [u8; AudienceOp::LEN] = self.array()?;
                AudienceOp::decode(&bytes).ok_or(HeaderError::Audience)
            })
            .collect()
    }

    fn deps(&mut self) -> Result<Vec<Hash>, HeaderError> {
        let count = self.count("dependencies", limits::ENTRY_DEPENDENCIES)?;
        (0..count).map(|_| self.array().map(Hash)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        entry::{AudienceAction, Role},
        id::OfficeId,
    };

    pub(crate) fn sample() -> Header {
        Header {
            kind: Kind::Create,
            doc_type: DocType::Dossier,
            sealed: false,
            clock: ClockQuality::Proven,
            dossier: DossierId([1; 16]),
            claimed_at: Timestamp(1_764_000_000_000),
            person: PersonId([2; 16]),
            actor: ActorId([3; 16]),
            schema: 1,
            op_count: 25,
            payload_len: 1_204,
            change_hash: Hash([4; 32]),
            payload_hash: Hash([5; 32]),
            audience: vec![AudienceOp {
                action: AudienceAction::Add,
                role: Role::Desk,
                office: OfficeId([6; 16]),
            }],
            deps: vec![],
            creation: Some(Nonce([7; 16])),
        }
    }

    #[test]
    fn header_round_trips() {
        let header = sample();
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn every_truncation_and_extension_is_refused() {
        let bytes = sample().encode();
        for length in 0..bytes.len() {
            assert!(Header::decode(&bytes[..length]).is_err(), "{length}");
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(Header::decode(&longer), Err(HeaderError::Length));
    }

    #[test]
    fn limits_and_later_versions_are_named() {
        let mut header = sample();
        header.op_count = limits::ENTRY_OPERATIONS + 1;
        let error = Header::decode(&header.encode()).expect_err("too many operations");
        assert_eq!(error.to_string(), "entry has 1001 operations, at most 1000 are allowed");
        let mut bytes = sample().encode();
        bytes[0] = 2;
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Version(2)));
        bytes[0] = 1;
        bytes[3] = 0x80;
        assert_eq!(Header::decode(&bytes), Err(HeaderError::Flags(0x80)));
    }

    #[test]
    fn leaf_changes_with_any_byte() {
        let header = sample();
        let mut other = header.clone();
        other.person = PersonId([9; 16]);
        assert_ne!(header.leaf(), other.leaf());
    }
}
