//! A binding: an issuer says that a device key belongs to a machine of an office. It travels with
//! proofs, so that every reader can check an author up to the root by itself.

use super::{TrustError, signed::Document};
use crate::{
    id::{DomainId, NodeId, OfficeId},
    key::{PublicKey, Purpose},
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Device key to office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The city.
    pub domain: DomainId,
    /// The device key, made on the device.
    pub key: PublicKey,
    /// The office it speaks for.
    pub office: OfficeId,
    /// What the machine is.
    pub kind: NodeKind,
    /// Which of the office's machines it is, from 0: its share of the dossier code numbers.
    pub slot: u16,
    /// How many machines share the office's numbers.
    pub slots: u16,
    /// Counts the issues for this key: two machines that hold one key show by it.
    pub serial: u64,
    /// When the issuer says it was made; for people, never judged.
    pub issued_at: Timestamp,
}

/// What a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NodeKind {
    /// In an office, dials its hub.
    Node,
    /// Is dialled by the offices below.
    Hub,
}

impl NodeKind {
    /// The word in files and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Hub => "hub",
        }
    }
}

impl Binding {
    /// The id of the machine.
    pub fn node(&self) -> NodeId {
        self.key.node_id()
    }
}

impl Document for Binding {
    const PURPOSE: Purpose = Purpose::Binding;
    const WHAT: &'static str = "node binding";
    const MAX_BYTES: usize = limits::SMALL_DOCUMENT_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        check_slot(Self::WHAT, self.slot, self.slots)
    }
}

pub(super) fn check_slot(what: &'static str, slot: u16, slots: u16) -> Result<(), TrustError> {
    if slot < slots {
        return Ok(());
    }
    let why = format!("slot {slot} is not below the number of slots {slots}; slots count from 0");
    Err(TrustError::Invalid { what, why })
}
