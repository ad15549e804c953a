//! Enrolment and return, as pure messages and decisions: the recovery ALPN. The caller has no
//! client certificate and may be anybody, so it learns nothing but a challenge and a uniform
//! refusal until it has shown a registrar's token or a bound device key.
//!
//! The format is frozen: variants are only ever added at the end, so that a machine that was away
//! for years is understood.

mod decide;
mod message;
mod refusal;

pub use decide::{EnrolmentGrant, decide_enrolment, decide_renewal};
pub use message::{RecoveryReply, RecoveryRequest, time_message};
pub use refusal::{Audit, Refusal, RefusalCode};

use super::TrustView;
use crate::{
    id::{DomainId, Nonce},
    key::{PublicKey, Purpose, SecretKey, Signature},
};

/// Shows that the caller holds the device key: its signature over challenge 16, token id 16 (zero
/// when renewing) and the key itself.
pub fn prove(key: &SecretKey, domain: DomainId, challenge: Nonce, token: Nonce) -> Signature {
    key.sign(Purpose::Possession, domain, &possession(challenge, token, &key.public()))
}

fn possession(challenge: Nonce, token: Nonce, key: &PublicKey) -> [u8; 64] {
    let mut out = [0; 64];
    out[..16].copy_from_slice(&challenge.0);
    out[16..32].copy_from_slice(&token.0);
    out[32..].copy_from_slice(&key.0);
    out
}

fn proven(
    view: &TrustView,
    key: &PublicKey,
    proof: &Signature,
    challenge: Nonce,
    token: Nonce,
) -> bool {
    key.verify(Purpose::Possession, view.domain(), &possession(challenge, token, key), proof)
}
