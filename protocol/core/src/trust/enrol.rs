//! Enrolment and return, as pure messages and decisions: the recovery ALPN. The caller has no
//! client certificate and may be anybody, so it learns nothing but a challenge and a uniform
//! refusal until it has shown a registrar's token or a bound device key.
//!
//! The format is frozen: variants are only ever added at the end, so that a machine that was away
//! for years is understood.

use super::{
    Binding, JoinToken, NodeKind, Signed, TrustError, TrustView,
    signed::{read_versioned, versioned, within},
};
use crate::{
    id::{DomainId, Nonce, OfficeId},
    key::{PublicKey, Purpose, SecretKey, Signature},
    limits,
    time::Timestamp,
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
        /// A [`JoinToken`].
        token: Signed,
        /// The device key.
        key: PublicKey,
        /// The challenge that is answered.
        nonce: Nonce,
        /// See [`prove`].
        proof: Signature,
    },
    /// Asks for a new binding and certificate for a key that is bound.
    Renew {
        /// The device key.
        key: PublicKey,
        /// The newest [`Binding`] the machine holds: proof towards a hub that has none on file,
        /// and an old serial shows a clone. None if the machine lost it.
        binding: Option<Signed>,
        /// The challenge that is answered.
        nonce: Nonce,
        /// See [`prove`], with the zero token.
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
        /// A [`Binding`] of the caller's key.
        binding: Signed,
        /// TLS certificates, DER, the device's first.
        certificate_chain: Vec<Vec<u8>>,
        /// [`TrustView::to_bytes`] of the hub.
        trust: Vec<u8>,
    },
    /// To `Roots`.
    Roots {
        /// [`super::SignedRoot::encode`]d, oldest first.
        documents: Vec<Vec<u8>>,
        /// Whether there are newer ones that did not fit.
        more: bool,
    },
    /// To anything.
    Refused {
        /// [`RefusalCode`] as a number; later hubs may use later codes.
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

/// The hub may bind this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentGrant {
    /// The token that is used up by it; zero when renewing.
    pub token: Nonce,
    /// The device key.
    pub key: PublicKey,
    /// The office it will speak for.
    pub office: OfficeId,
    /// As what.
    pub kind: NodeKind,
    /// Which of the office's machines.
    pub slot: u16,
    /// How many machines the office has.
    pub slots: u16,
    /// Serial of the binding to issue.
    pub serial: u64,
    /// The same was granted before and the answer may have been lost: answer the same binding.
    pub repeated: bool,
    /// The caller showed a serial older than the answer it may have missed: two machines may hold
    /// this key. Raise an alarm; a person decides.
    pub clone_suspected: bool,
}

impl EnrolmentGrant {
    /// The binding to sign, once the grant is on the hub's disk.
    pub fn binding(&self, domain: DomainId, issued_at: Timestamp) -> Binding {
        let Self { key, office, kind, slot, slots, serial, .. } = *self;
        Binding { domain, key, office, kind, slot, slots, serial, issued_at }
    }
}

/// What a refused caller is told. The numbers are part of the frozen format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RefusalCode {
    /// Not known here; the same for every caller that has shown nothing.
    NotAdmitted = 1,
    /// The token's date has passed.
    TokenExpired = 2,
    /// The token was used by another machine.
    TokenUsed = 3,
    /// Another hub enrols this office.
    OtherHub = 4,
    /// The machine is suspended or banned.
    Denied = 5,
    /// Too many requests; come back later.
    Busy = 6,
    /// The request cannot be read or does not fit here.
    BadRequest = 7,
}

impl RefusalCode {
    /// What to tell the person at the machine.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotAdmitted => {
                "this hub does not admit the machine; check that the join bundle is for this hub"
            }
            Self::TokenExpired => "the join bundle is out of date; ask for a new one",
            Self::TokenUsed => {
                "the join bundle was already used by another machine; ask for a new one, and report \
                 it if nobody of your office used it"
            }
            Self::OtherHub => {
                "the office belongs to another hub; ask for a join bundle that names it"
            }
            Self::Denied => "the machine is suspended or banned; ask the city's operators",
            Self::Busy => "the hub is busy; the machine will try again by itself",
            Self::BadRequest => "the hub could not read the request; update this machine",
        }
    }
}

/// Why the hub does not bind a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("enrolment refused: {audit}")]
pub struct Refusal {
    /// What the caller is told.
    pub code: RefusalCode,
    /// What the hub's audit log is told, and the caller never.
    pub audit: Audit,
}

/// The exact reason, for the hub's audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Audit {
    /// The proof is not the key's over this challenge.
    #[error("the caller did not prove that it holds the key {0}")]
    Proof(PublicKey),
    /// The token is not a registrar's.
    #[error("{0}")]
    Token(TrustError),
    /// Too late.
    #[error("join token {token} expired")]
    Expired {
        /// The token.
        token: Nonce,
    },
    /// Somebody else has it: an incident.
    #[error("join token {token} was used by {first} and is now shown by {second}")]
    Reused {
        /// The token.
        token: Nonce,
        /// Who used it.
        first: PublicKey,
        /// Who shows it now.
        second: PublicKey,
    },
    /// Not below this hub, or not in the catalogue.
    #[error("office {0} is not enrolled by this hub")]
    Office(OfficeId),
    /// On the denial list.
    #[error("machine with key {0} is on the denial list")]
    Denied(PublicKey),
    /// Nothing is on file for the key.
    #[error("the key {0} is not bound here")]
    Unbound(PublicKey),
}

impl Refusal {
    fn new(code: RefusalCode, audit: Audit) -> Self {
        Self { code, audit }
    }

    /// The answer to send.
    pub fn reply(&self) -> RecoveryReply {
        RecoveryReply::Refused { code: self.code as u16, words: self.code.words().to_owned() }
    }

    /// Whether a person should look: somebody may have copied a token.
    pub fn is_incident(&self) -> bool {
        matches!(self.audit, Audit::Reused { .. })
    }
}

/// Whether the hub of `this_hub_office` binds `key` on the strength of `token`. `challenge` is the
/// nonce this hub gave on this connection; `consumed` is who used the token before, from the hub's
/// journal. The grant must be journaled before it is answered.
///
/// # Errors
/// [`Refusal`] with what to tell the caller and what to note. A caller without a registrar's token
/// and the proof always gets [`RefusalCode::NotAdmitted`].
#[expect(clippy::too_many_arguments, reason = "each is a separate fact of the decision")]
pub fn decide_enrolment(
    view: &TrustView,
    token: &Signed,
    key: &PublicKey,
    proof: &Signature,
    challenge: Nonce,
    now: Timestamp,
    consumed: Option<PublicKey>,
    this_hub_office: OfficeId,
) -> Result<EnrolmentGrant, Refusal> {
    let refuse = |code, audit| Err(Refusal::new(code, audit));
    let token = view
        .token(token)
        .map_err(|error| Refusal::new(RefusalCode::NotAdmitted, Audit::Token(error)))?;
    if !proven(view, key, proof, challenge, token.id) {
        return refuse(RefusalCode::NotAdmitted, Audit::Proof(*key));
    }
    if let Some(first) = consumed.filter(|first| first != key) {
        let audit = Audit::Reused { token: token.id, first, second: *key };
        return refuse(RefusalCode::TokenUsed, audit);
    }
    if view.denied(key.node_id()).is_some() {
        return refuse(RefusalCode::Denied, Audit::Denied(*key));
    }
    if !view.is_within(token.office, this_hub_office) {
        return refuse(RefusalCode::OtherHub, Audit::Office(token.office));
    }
    // A used token stays good for its user: the answer may have been lost on the way, and the
    // machine may be back only weeks later.
    if consumed.is_none() && now >= token.expires_at {
        return refuse(RefusalCode::TokenExpired, Audit::Expired { token: token.id });
    }
    Ok(EnrolmentGrant::first(&token, *key, consumed.is_some()))
}

/// Whether the hub of `this_hub_office` re-issues for `key`. `on_file` is the newest binding it
/// journaled for the key; how old it is, and whether its issuer is still listed, does not matter: a
/// machine that was away comes back by itself. Without one, `shown` counts if it holds up to the
/// root in force, so that a restored hub or one that took over the office knows its machines.
///
/// # Errors
/// [`Refusal`]; a caller whose key is not bound gets [`RefusalCode::NotAdmitted`].
pub fn decide_renewal(
    view: &TrustView,
    key: &PublicKey,
    shown: Option<&Signed>,
    proof: &Signature,
    challenge: Nonce,
    on_file: Option<&Binding>,
    this_hub_office: OfficeId,
) -> Result<EnrolmentGrant, Refusal> {
    let refuse = |code, audit| Err(Refusal::new(code, audit));
    if !proven(view, key, proof, challenge, Nonce::ZERO) {
        return refuse(RefusalCode::NotAdmitted, Audit::Proof(*key));
    }
    let own = |binding: &Binding| binding.key == *key;
    let proved = shown.and_then(|signed| view.binding(signed).ok()).filter(own);
    let on_file = on_file.filter(|binding| own(binding));
    let newest = match (on_file, &proved) {
        (Some(filed), Some(proved)) if proved.serial > filed.serial => proved,
        (Some(filed), _) => filed,
        (None, Some(proved)) => proved,
        (None, None) => return refuse(RefusalCode::NotAdmitted, Audit::Unbound(*key)),
    };
    if view.denied(key.node_id()).is_some() {
        return refuse(RefusalCode::Denied, Audit::Denied(*key));
    }
    if !view.is_within(newest.office, this_hub_office) {
        return refuse(RefusalCode::OtherHub, Audit::Office(newest.office));
    }
    // Only the machine's word if its issuer is no longer listed, which is enough to tell a clone.
    let holds = shown.and_then(|signed| signed.open::<Binding>().ok()).filter(own);
    Ok(EnrolmentGrant::renewed(newest, holds.map(|binding| binding.serial)))
}

impl EnrolmentGrant {
    fn first(token: &JoinToken, key: PublicKey, repeated: bool) -> Self {
        let JoinToken { id, office, kind, slot, slots, .. } = *token;
        let clone_suspected = false;
        Self { token: id, key, office, kind, slot, slots, serial: 1, repeated, clone_suspected }
    }

    /// One behind, or nothing held: the last answer was lost on the way, and is given again.
    fn renewed(newest: &Binding, holds: Option<u64>) -> Self {
        let Binding { key, office, kind, slot, slots, serial: issued, .. } = *newest;
        let behind = holds.map(|serial| issued.saturating_sub(serial));
        let repeated = behind != Some(0);
        let serial = if repeated { issued } else { issued.saturating_add(1) };
        let clone_suspected = behind.is_some_and(|behind| behind > 1);
        Self {
            token: Nonce::ZERO,
            key,
            office,
            kind,
            slot,
            slots,
            serial,
            repeated,
            clone_suspected,
        }
    }
}
