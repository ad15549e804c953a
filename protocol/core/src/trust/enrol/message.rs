//! The messages of the recovery ALPN. Frozen: variants are only ever added at the end.

use crate::{
    id::{DomainId, Nonce},
    key::{PublicKey, Purpose, SecretKey, Signature},
    limits,
    time::Timestamp,
    trust::{
        Signed, TrustError, TrustView,
        signed::{read_versioned, versioned, within},
    },
};
use serde::{Deserialize, Serialize};

/// What a machine asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryRequest {
    /// Asks for a challenge and the hub's time.
    Hello {
        /// Random; the hub's time is signed over it.
        nonce: Nonce,
    },
    /// Joins with a token. May be repeated for ever with the same key.
    Enrol {
        /// A [`crate::trust::JoinToken`].
        token: Signed,
        /// The device key.
        key: PublicKey,
        /// The challenge that is answered.
        nonce: Nonce,
        /// See [`super::prove`].
        proof: Signature,
    },
    /// Asks for a new binding and certificate for a key that is bound.
    Renew {
        /// The device key.
        key: PublicKey,
        /// The newest [`crate::trust::Binding`] the machine holds: proof towards a hub that has none on file,
        /// and an old serial shows a clone. None if the machine lost it.
        binding: Option<Signed>,
        /// The challenge that is answered.
        nonce: Nonce,
        /// See [`super::prove`], with the zero token.
        proof: Signature,
    },
    /// Asks for the root documents after a number.
    Roots {
        /// The newest the machine holds.
        after: u64,
    },
}

/// What the hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryReply {
    /// To `Hello`.
    Challenge {
        /// Random, single use, on this connection only.
        nonce: Nonce,
        /// The hub's clock.
        time: Timestamp,
        /// The hub's over [`time_message`].
        signature: Signature,
    },
    /// To `Enrol` and `Renew`.
    Enrolled {
        /// A [`crate::trust::Binding`] of the caller's key.
        binding: Signed,
        /// TLS certificates, DER, the device's first.
        certificate_chain: Vec<Vec<u8>>,
        /// [`TrustView::to_bytes`] of the hub.
        trust: Vec<u8>,
    },
    /// To `Roots`.
    Roots {
        /// [`crate::trust::SignedRoot::encode`]d, oldest first.
        documents: Vec<Vec<u8>>,
        /// Whether there are newer ones that did not fit.
        more: bool,
    },
    /// To anything.
    Refused {
        /// [`super::RefusalCode`] as a number; later hubs may use later codes.
        code: u16,
        /// What to do, for the operator.
        words: String,
    },
}

const REQUEST: &str = "recovery request";
const REPLY: &str = "recovery reply";

impl RecoveryRequest {
    /// Version byte and postcard form.
    pub fn encode(&self) -> Vec<u8> {
        versioned(REQUEST, self).expect("bytes and byte arrays always have a postcard form")
    }

    /// Reads exactly one request of at most [`limits::RECOVERY_BYTES`].
    ///
    /// # Errors
    /// [`TrustError`] naming what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, TrustError> {
        read_versioned(REQUEST, bytes, limits::RECOVERY_BYTES)
    }
}

impl RecoveryReply {
    /// Version byte and postcard form.
    pub fn encode(&self) -> Vec<u8> {
        versioned(REPLY, self).expect("bytes and byte arrays always have a postcard form")
    }

    /// Reads exactly one reply of at most [`limits::RECOVERY_REPLY_BYTES`].
    ///
    /// # Errors
    /// [`TrustError`] naming what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, TrustError> {
        let reply = read_versioned(REPLY, bytes, limits::RECOVERY_REPLY_BYTES)?;
        if let Self::Enrolled { certificate_chain, .. } = &reply {
            within(REPLY, "certificates", certificate_chain.len(), limits::CERTIFICATE_CHAIN)?;
            certificate_chain.iter().try_for_each(|certificate| {
                let bytes = certificate.len();
                within(REPLY, "bytes in a certificate", bytes, limits::CERTIFICATE_BYTES)
            })?;
        }
        Ok(reply)
    }

    /// The root documents after a number, as many as fit into one reply.
    pub fn roots(view: &TrustView, after: u64) -> Self {
        let mut room = limits::RECOVERY_REPLY_BYTES - 1024;
        let mut documents = Vec::new();
        for root in view.roots_after(after) {
            let bytes = root.encode();
            let Some(left) = room.checked_sub(bytes.len() + 8) else {
                return Self::Roots { documents, more: true };
            };
            room = left;
            documents.push(bytes);
        }
        Self::Roots { documents, more: false }
    }

    /// The answer to `Hello`.
    pub fn challenge(
        hub: &SecretKey,
        domain: DomainId,
        asked: Nonce,
        nonce: Nonce,
        time: Timestamp,
    ) -> Self {
        let signature = hub.sign(Purpose::Time, domain, &time_message(asked, nonce, time));
        Self::Challenge { nonce, time, signature }
    }
}

/// Asker's nonce 16, challenge 16, time i64 LE: what a hub signs with [`Purpose::Time`].
pub fn time_message(asked: Nonce, challenge: Nonce, time: Timestamp) -> [u8; 40] {
    let mut out = [0; 40];
    out[..16].copy_from_slice(&asked.0);
    out[16..32].copy_from_slice(&challenge.0);
    out[32..].copy_from_slice(&time.0.to_le_bytes());
    out
}
