//! The denial list: machines that may not take part. Small, numbered, signed by an online key that
//! can do nothing else, so that a ban needs no safe to be opened.

use super::{
    TrustError,
    signed::{Document, duplicate, within},
};
use crate::{
    id::{DomainId, LogId, NodeId},
    key::Purpose,
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// All machines denied now; a later list replaces it whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialList {
    /// The city.
    pub domain: DomainId,
    /// 1, 2, 3 and so on; never goes back.
    pub number: u64,
    /// When the signer says it was made; for people, never judged.
    pub issued_at: Timestamp,
    /// The machines.
    pub denied: Vec<Denied>,
}

/// One machine that may not take part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Which machine.
    pub node: NodeId,
    /// For a while or for good.
    pub action: DenyAction,
    /// Its logs and the last sequence still believed. A position, not a time, because clocks prove
    /// nothing. A log that is not named is not believed at all: a machine could begin a new one.
    pub last_good: Vec<(LogId, u64)>,
}

/// How a machine is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DenyAction {
    /// May return: a later list leaves it out. What lies beyond its position is held.
    Suspend,
    /// Not with this key again: the office enrols anew. What lies beyond its position is
    /// quarantined.
    Ban,
}

impl Denied {
    /// The last sequence of a log that is still believed, if the list names one.
    pub fn last_good(&self, log: LogId) -> Option<u64> {
        self.last_good.iter().find(|(named, _)| *named == log).map(|(_, sequence)| *sequence)
    }

    /// Whether an entry lies beyond what is still believed. The list is the only thing that says
    /// so: not when the entry came, nor by whom.
    pub fn doubts(&self, log: LogId, sequence: u64) -> bool {
        sequence > self.last_good(log).unwrap_or(0)
    }
}

impl Document for DenialList {
    const PURPOSE: Purpose = Purpose::Denial;
    const WHAT: &'static str = "denial list";
    const MAX_BYTES: usize = limits::DENIAL_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        let invalid = |why: String| Err(TrustError::Invalid { what: Self::WHAT, why });
        within(Self::WHAT, "machines", self.denied.len(), limits::DENIED_NODES)?;
        if self.number == 0 {
            return invalid("its number is zero, numbers start at 1".to_owned());
        }
        if let Some(node) = duplicate(self.denied.iter().map(|denied| denied.node)) {
            return invalid(format!("machine {node} is listed twice"));
        }
        for denied in &self.denied {
            within(Self::WHAT, "logs of a machine", denied.last_good.len(), limits::DENIED_LOGS)?;
            if let Some(log) = duplicate(denied.last_good.iter().map(|(log, _)| *log)) {
                return invalid(format!("log {log} of machine {} is listed twice", denied.node));
            }
        }
        Ok(())
    }
}
