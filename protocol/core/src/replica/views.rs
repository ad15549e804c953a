//! What others may ask of the replica without changing it.

use super::{ChildStatus, LinkId, Received, Replica, UpstreamPhase};
use crate::{id::LogId, key::PublicKey};
use std::collections::BTreeMap;

impl Replica {
    /// Peers below, connected or not.
    pub fn children(&self) -> impl Iterator<Item = &ChildStatus> {
        self.known.values()
    }

    /// The hub that this replica dials, by the documents in force.
    pub fn parent(&self) -> Option<PublicKey> {
        self.config.parent
    }

    /// State of the link to the parent.
    pub fn upstream(&self) -> UpstreamPhase {
        self.upstream.phase()
    }

    /// The link to the parent, while there is one.
    pub fn upstream_link(&self) -> Option<LinkId> {
        self.upstream.link()
    }

    /// Entries of the own log that the parent has.
    pub fn received_by_parent(&self) -> Received {
        let log = self.own.log();
        let sequence = self.upstream.received(&log).map_or(0, |head| head.sequence);
        Received { log, sequence }
    }

    /// Of every log that goes up: head here, and sequence that the parent has.
    pub fn backlog(&self) -> impl Iterator<Item = (LogId, u64, u64)> + '_ {
        let relayed = self.logs.iter().map(|(log, row)| (*log, row.stored_entries()));
        let own = (self.own.log(), self.own.head());
        let logs: BTreeMap<LogId, u64> = relayed
            .chain([own])
            .filter(|(log, _)| !log.is_zero() && !self.upstream.stopped(log))
            .collect();
        logs.into_iter().map(|(log, head)| {
            (log, head, self.upstream.received(&log).map_or(0, |head| head.sequence))
        })
    }
}
