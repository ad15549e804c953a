//! An entry: one thing an author wrote. Header, payload and the leaf that stands for both in the
//! author's tree.

mod audience;
mod decision;
mod fact_ids;
mod header;
mod kind;

pub use audience::{AudienceAction, AudienceOp, Role};
pub use decision::{Decision, DecisionError};
pub use fact_ids::FactIds;
pub use header::{Header, HeaderError};
pub use kind::{DocType, Kind};

use crate::{
    hash::{Context, derive},
    id::{ActorId, DossierId, Hash, Nonce},
    key::PublicKey,
    time::Timestamp,
};

/// One thing an author wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Everything that is checked without looking into the payload.
    pub header: Header,
    /// Nonce of the process start that wrote it; with the key and the log it makes
    /// [`Header::actor`].
    pub boot: Nonce,
    /// For a change: one raw (uncompressed) automerge change chunk.
    pub payload: Vec<u8>,
}

impl Entry {
    /// The leaf of this entry in its author's tree.
    pub fn leaf(&self) -> Hash {
        self.header.leaf()
    }
}

/// The automerge actor of one process start. Nobody else can claim it: it is a hash of the
/// author's own key. The log is not part of it, so that an entry keeps its meaning when its author
/// has to write it into another log.
pub fn actor_id(key: &PublicKey, boot: Nonce) -> ActorId {
    let hash = derive(Context::Actor, &[&key.0, &boot.0]);
    let mut id = ActorId::ZERO;
    id.0.copy_from_slice(&hash.0[..ActorId::LEN]);
    id
}

/// The id of a dossier: 48 bits of creation time, then 80 bits that bind it to its creator, so
/// that nobody can register a dossier under an id that another office made.
pub fn dossier_id(creator: &PublicKey, nonce: Nonce, created: Timestamp) -> DossierId {
    let millis = created.0.clamp(0, (1 << 48) - 1).to_be_bytes();
    let hash = derive(Context::DossierId, &[&creator.0, &nonce.0, &millis]);
    let mut id = DossierId::ZERO;
    id.0[..6].copy_from_slice(&millis[2..]);
    id.0[6..].copy_from_slice(&hash.0[..10]);
    id
}

/// The name of an administrative entry: no change of automerge, so it is named by who carried it
/// in and what it says, and nobody can name it after another change.
pub fn act_hash(actor: ActorId, payload: &[u8]) -> Hash {
    derive(Context::Act, &[&actor.0, payload])
}

/// Hash of a payload as it stands in the header.
pub fn payload_hash(payload: &[u8]) -> Hash {
    derive(Context::Payload, &[payload])
}
