//! The writing end of an own log: from a change to an entry with a number.
//!
//! A number is given when the entry is handed to the journal and is never given twice in one log:
//! if the journal then fails, the log ends there and a new one begins.

use crate::{
    entry::{AudienceOp, DocType, Entry, Header, HeaderError, Kind, actor_id, payload_hash},
    id::{ActorId, DossierId, Hash, LogId, Nonce, PersonId},
    key::PublicKey,
    log::Frontier,
    time::{ClockQuality, Timestamp},
};
use std::collections::HashMap;

/// What a clerk's action amounts to, before it has a place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Create or change.
    pub kind: Kind,
    /// What it belongs to.
    pub doc_type: DocType,
    /// Which dossier.
    pub dossier: DossierId,
    /// Who typed it.
    pub person: PersonId,
    /// When, by this machine's clock.
    pub claimed_at: Timestamp,
    /// How far that clock may be trusted.
    pub clock: ClockQuality,
    /// Schema of the facts.
    pub schema: u16,
    /// Operations in the change.
    pub op_count: u32,
    /// Automerge's name of the change.
    pub change_hash: Hash,
    /// Changes it builds on.
    pub deps: Vec<Hash>,
    /// Offices that join or leave.
    pub audience: Vec<AudienceOp>,
    /// In a creation: the nonce the dossier id is bound to.
    pub creation: Option<Nonce>,
    /// The raw change.
    pub payload: Vec<u8>,
}

/// One own log in one process.
#[derive(Debug, Clone)]
pub struct OwnLog {
    key: PublicKey,
    log: LogId,
    boot: Nonce,
    frontier: Frontier,
    /// Newest change of each dossier under this actor.
    newest: HashMap<DossierId, Hash>,
}

impl OwnLog {
    /// Goes on with a log whose entries so far make up `frontier`; `boot` is fresh random bytes,
    /// so that the actor of this process start was never used.
    pub fn new(key: PublicKey, log: LogId, boot: Nonce, frontier: Frontier) -> Self {
        Self { key, log, boot, frontier, newest: HashMap::new() }
    }

    /// Goes on under another actor where that is needed: `holds` says whether the document that is
    /// about to be written to has a change. It lacks an own one when a verdict took that out; the
    /// actor would then give its number a second time. `boot` is fresh random bytes.
    pub fn begin_anew_unless(
        &mut self,
        dossier: DossierId,
        holds: impl Fn(&Hash) -> bool,
        boot: Nonce,
    ) {
        if self.newest.get(&dossier).is_some_and(|change| !holds(change)) {
            self.boot = boot;
            self.newest.clear();
        }
    }

    /// Which log.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// Entries so far, those on their way to the disk included.
    pub fn head(&self) -> u64 {
        self.frontier.size()
    }

    /// Automerge actor of this process start.
    pub fn actor(&self) -> ActorId {
        actor_id(&self.key, self.boot)
    }

    /// Gives an entry of an ended log of the same key a place in this one: the same change, the
    /// same leaf, another number. Gives the sequence.
    pub fn append_again(&mut self, entry: &Entry) -> u64 {
        self.frontier.push(entry.leaf());
        self.frontier.size()
    }

    /// Gives a draft its place: the entry and its sequence.
    ///
    /// # Errors
    /// [`HeaderError`] when it breaks a limit; no number is used then.
    pub fn append(&mut self, draft: Draft) -> Result<(u64, Entry), HeaderError> {
        let header = Header {
            kind: draft.kind,
            doc_type: draft.doc_type,
            sealed: false,
            clock: draft.clock,
            dossier: draft.dossier,
            claimed_at: draft.claimed_at,
            person: draft.person,
            actor: self.actor(),
            schema: draft.schema,
            op_count: draft.op_count,
            payload_len: draft.payload.len() as u32,
            change_hash: draft.change_hash,
            payload_hash: payload_hash(&draft.payload),
            audience: draft.audience,
            deps: draft.deps,
            creation: draft.creation,
        };
        header.check_limits()?;
        if header.kind.is_change() {
            self.newest.insert(header.dossier, header.change_hash);
        }
        let entry = Entry { header, boot: self.boot, payload: draft.payload };
        self.frontier.push(entry.leaf());
        Ok((self.frontier.size(), entry))
    }
}
