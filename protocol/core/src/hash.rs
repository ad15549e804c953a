//! Hashing with one context per use, so that a hash of one kind never passes for another.

use crate::id::Hash;
use blake3::hazmat::{ContextKey, HasherExt};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// A use of BLAKE3 in `derive_key` mode. The strings are part of the format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Entry header to Merkle leaf.
    Leaf,
    /// Two Merkle nodes to their parent.
    Branch,
    /// Payload of an entry.
    Payload,
    /// Device key to node id.
    NodeId,
    /// Device key and boot nonce to automerge actor.
    Actor,
    /// Creator key, nonce and time to dossier id.
    DossierId,
    /// Previous running hash and row to the next running hash of an inbox.
    Inbox,
    /// Sorted log heads to one digest for hello.
    Heads,
    /// Bytes of a trust document to its reference.
    Document,
    /// Actor, dossier and parents to the ids of the facts in a change.
    FactId,
    /// Dossier id and accepted heads to the digest of what is held.
    Held,
    /// A bundle file up to its signature.
    Bundle,
    /// Randomness handed in to what is drawn from it.
    Tape,
    /// Importing hub's actor and a registrar's act to the name of the administrative entry.
    Act,
    /// Old epoch and what showed that it has ended to the next one.
    Epoch,
}

impl Context {
    const ALL: [(Self, &'static str); 15] = [
        (Self::Leaf, "motcua 2026 leaf v1"),
        (Self::Branch, "motcua 2026 tree node v1"),
        (Self::Payload, "motcua 2026 payload v1"),
        (Self::NodeId, "motcua 2026 node id v1"),
        (Self::Actor, "motcua 2026 actor v1"),
        (Self::DossierId, "motcua 2026 dossier id v1"),
        (Self::Inbox, "motcua 2026 inbox row v1"),
        (Self::Heads, "motcua 2026 log heads v1"),
        (Self::Document, "motcua 2026 trust document v1"),
        (Self::FactId, "motcua 2026 fact id v1"),
        (Self::Held, "motcua 2026 held dossier v1"),
        (Self::Bundle, "motcua 2026 bundle file v1"),
        (Self::Tape, "motcua 2026 tape v1"),
        (Self::Act, "motcua 2026 registrar act v1"),
        (Self::Epoch, "motcua 2026 inbox epoch v1"),
    ];

    /// The context's key, derived once per process: deriving it anew would double the cost of a
    /// leaf.
    fn key(self) -> &'static ContextKey {
        static KEYS: OnceLock<[ContextKey; 15]> = OnceLock::new();
        let keys = KEYS.get_or_init(|| {
            Self::ALL.map(|(_, text)| blake3::hazmat::hash_derive_key_context(text))
        });
        &keys[self as usize]
    }
}

/// A hasher under `context`, for bytes that come piece by piece.
pub(crate) fn running(context: Context) -> blake3::Hasher {
    blake3::Hasher::new_from_context_key(context.key())
}

/// BLAKE3 `derive_key` of the concatenated parts under `context`.
pub fn derive(context: Context, parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new_from_context_key(context.key());
    for part in parts {
        hasher.update(part);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// SHA-256, which automerge uses to name a change.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// The same of bytes that come in pieces.
#[derive(Debug, Clone, Default)]
pub struct Sha(Sha256);

impl Sha {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces.
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_listed_in_the_order_of_the_enum_and_differ() {
        for (position, (context, text)) in Context::ALL.into_iter().enumerate() {
            assert_eq!(context as usize, position);
            let expected = blake3::derive_key(text, b"ab");
            assert_eq!(derive(context, &[b"a", b"b"]), Hash(expected));
        }
    }
}
