//! How a caller is refused: what it is told, and what the hub notes.

use super::RecoveryReply;
use crate::{
    id::{Nonce, OfficeId},
    key::PublicKey,
    trust::TrustError,
};

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
    /// The machine belongs to another office already.
    OtherOffice = 8,
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
            Self::OtherOffice => {
                "the machine already belongs to another office; use one with an empty data folder"
            }
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
    /// The key speaks for another office.
    #[error("the key {key} is bound to office {office} and shows a token for office {wanted}")]
    Bound {
        /// The device key.
        key: PublicKey,
        /// Its office.
        office: OfficeId,
        /// The token's office.
        wanted: OfficeId,
    },
    /// On the denial list.
    #[error("machine with key {0} is on the denial list")]
    Denied(PublicKey),
    /// Nothing is on file for the key.
    #[error("the key {0} is not bound here")]
    Unbound(PublicKey),
}

impl Refusal {
    pub(super) fn new(code: RefusalCode, audit: Audit) -> Self {
        Self { code, audit }
    }

    /// The answer to send.
    pub fn reply(&self) -> RecoveryReply {
        RecoveryReply::Refused { code: self.code as u16, words: self.code.words().to_owned() }
    }

    /// Whether the caller has shown a registrar's token or a bound key: refused here, but no stranger.
    pub fn is_known(&self) -> bool {
        self.code == RefusalCode::OtherHub
    }

    /// Whether a person should look: somebody may have copied a token.
    pub fn is_incident(&self) -> bool {
        matches!(self.audit, Audit::Reused { .. })
    }
}
