//! A join token: a registrar's word that one machine may join an office, once, until a date.

use super::{
    TrustError,
    binding::{NodeKind, check_slot},
    signed::Document,
};
use crate::{
    id::{DomainId, Nonce, OfficeId},
    key::Purpose,
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Lets one device key join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// The city.
    pub domain: DomainId,
    /// Random; what the hub notes as used.
    pub id: Nonce,
    /// Which office.
    pub office: OfficeId,
    /// As what.
    pub kind: NodeKind,
    /// Which of the office's machines, from 0.
    pub slot: u16,
    /// How many machines the office is to have.
    pub slots: u16,
    /// Until when it may be used first, by the hub's clock.
    pub expires_at: Timestamp,
}

impl Document for JoinToken {
    const PURPOSE: Purpose = Purpose::JoinToken;
    const WHAT: &'static str = "join token";
    const MAX_BYTES: usize = limits::SMALL_DOCUMENT_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        check_slot(Self::WHAT, self.slot, self.slots)
    }
}
