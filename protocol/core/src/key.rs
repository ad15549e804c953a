//! Keys and signatures: Ed25519 (RFC 8032), verified strictly, over bytes that name their context,
//! suite and trust domain.

use crate::{
    hash::{Context, derive},
    id::{DomainId, NodeId},
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Signature suite 1: Ed25519. A byte inside everything signed, so that national or post-quantum
/// suites can follow without a second reading of old bytes.
pub const SUITE_ED25519: u8 = 1;

/// What a signature is about. The strings are part of the format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signed tree head of an author log.
    Checkpoint,
    /// Root document.
    RootDocument,
    /// Device key to office.
    Binding,
    /// Denial list.
    Denial,
    /// Catalogue of offices.
    Catalogue,
    /// Join token.
    JoinToken,
    /// Proof that the caller of the recovery ALPN holds the device key.
    Possession,
    /// A hub's decision on an entry.
    Decision,
    /// A hub's time over the asker's nonce.
    Time,
    /// A bundle file, by the machine that made it.
    Bundle,
    /// A registrar's act on a dossier whose office is gone.
    Act,
    /// What the QR code of a printed form says, by the machine that printed it.
    Form,
}

impl Purpose {
    /// The context string under the signature.
    pub fn context(self) -> &'static str {
        match self {
            Self::Checkpoint => "motcua 2026 checkpoint v1",
            Self::RootDocument => "motcua 2026 root document v1",
            Self::Binding => "motcua 2026 node binding v1",
            Self::Denial => "motcua 2026 denial list v1",
            Self::Catalogue => "motcua 2026 catalogue v1",
            Self::JoinToken => "motcua 2026 join token v1",
            Self::Possession => "motcua 2026 possession v1",
            Self::Decision => "motcua 2026 decision v1",
            Self::Time => "motcua 2026 hub time v1",
            Self::Bundle => "motcua 2026 bundle v1",
            Self::Act => "motcua 2026 registrar act v1",
            Self::Form => "motcua 2026 printed form v1",
        }
    }
}

/// An Ed25519 public key, 32 bytes compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The id of the node that holds this device key.
    pub fn node_id(&self) -> NodeId {
        let hash = derive(Context::NodeId, &[&self.0]);
        let mut id = NodeId::ZERO;
        id.0.copy_from_slice(&hash.0[..NodeId::LEN]);
        id
    }

    /// Whether `signature` is this key's over the bytes; small-order keys and malleable
    /// signatures are refused.
    pub fn verify(
        &self,
        purpose: Purpose,
        domain: DomainId,
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&signed_bytes(purpose, domain, message), &signature).is_ok()
    }
}

impl PublicKey {
    /// The X25519 key of the same machine (the birational map of RFC 7748, section 4.1), to which
    /// bundles are sealed; `None` for bytes that are no point or one of small order.
    pub fn agreement(&self) -> Option<[u8; 32]> {
        let key = VerifyingKey::from_bytes(&self.0).ok().filter(|key| !key.is_weak())?;
        Some(key.to_montgomery().to_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.0[..32], &self.0[32..]).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (low, high) = <(Vec<u8>, Vec<u8>)>::deserialize(deserializer)?;
        let bytes: Vec<u8> = low.into_iter().chain(high).collect();
        let length = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| serde::de::Error::invalid_length(length, &"64 bytes"))
    }
}

/// An Ed25519 secret key. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From 32 secret random bytes (RFC 8032, the seed).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The seed, for writing the key file.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The X25519 scalar of this key: opens what was sealed to [`PublicKey::agreement`].
    pub fn agreement(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_scalar_bytes())
    }

    /// Signs the message for one purpose in one domain.
    pub fn sign(&self, purpose: Purpose, domain: DomainId, message: &[u8]) -> Signature {
        Signature(self.0.sign(&signed_bytes(purpose, domain, message)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

/// (context length, context, suite, domain, message): what every signature covers.
fn signed_bytes(purpose: Purpose, domain: DomainId, message: &[u8]) -> Vec<u8> {
    let context = purpose.context().as_bytes();
    let mut bytes = Vec::with_capacity(context.len() + 18 + message.len());
    bytes.push(context.len() as u8);
    bytes.extend_from_slice(context);
    bytes.push(SUITE_ED25519);
    bytes.extend_from_slice(&domain.0);
    bytes.extend_from_slice(message);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_one_purpose_domain_and_message_only() {
        let key = SecretKey::from_seed([7; 32]);
        let domain = DomainId([1; 16]);
        let signature = key.sign(Purpose::Checkpoint, domain, b"head");
        let public = key.public();
        assert!(public.verify(Purpose::Checkpoint, domain, b"head", &signature));
        assert!(!public.verify(Purpose::Binding, domain, b"head", &signature));
        assert!(!public.verify(Purpose::Checkpoint, DomainId([2; 16]), b"head", &signature));
        assert!(!public.verify(Purpose::Checkpoint, domain, b"heaD", &signature));
        assert!(!PublicKey([0; 32]).verify(Purpose::Checkpoint, domain, b"head", &signature));
    }
}
