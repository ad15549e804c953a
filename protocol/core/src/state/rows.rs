//! Rows of the state store. Read with postcard; a row that cannot be read means the state is
//! rebuilt, so rows carry no version of their own.

use super::held::HeldDigest;
use crate::{
    entry::{AudienceAction, AudienceOp, Role},
    id::{DossierId, EpochId, Hash, LogId, NodeId, OfficeId},
    key::{PublicKey, Signature},
    log::{Frontier, Multiproof},
    record::CutReason,
    time::Timestamp,
    trust::Numbers,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which journal position the state reflects, and counters over everything held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Layout of the state; another number means rebuild.
    pub layout: u16,
    /// Last journal record the state reflects.
    pub applied: u64,
    /// Numbering of this hub's inboxes.
    pub epoch: EpochId,
    /// Dossiers held.
    pub dossiers: u64,
    /// Entries accepted.
    pub entries: u64,
    /// Entries held back.
    pub held: u64,
    /// Entries that wait for a cause.
    pub parked: u64,
    /// This node's own current log.
    pub own_log: LogId,
    /// What the parent acknowledged of the own log, and when.
    pub acknowledged: u64,
    /// When the parent had everything for the last time.
    pub acknowledged_at: Timestamp,
    /// Highest schema of facts that the journal says this machine reads; zero before it says so.
    pub schema: u16,
    /// Numbers of the trust documents by which everything here was judged last.
    pub trusted: Numbers,
    /// Dossiers that the content has yet to fold.
    pub stale: u64,
    /// Dossiers that are to be forgotten once what was written here is with the hub.
    pub forgetting: u64,
    /// Dossiers that are shown by their images, because their histories have not come.
    pub imaged: u64,
    /// Time at this hub, as the last record about its inboxes says; new blocks of rows are marked
    /// with it.
    pub clock: Timestamp,
    /// Dossiers whose histories have left this machine and are not back.
    pub away: u64,
}

/// Position in an inbox: epoch, number of the last row, running hash up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Which numbering.
    pub epoch: EpochId,
    /// Last row.
    pub number: u64,
    /// Running hash of the rows up to it.
    pub hash: Hash,
}

/// A machine below, as it reads an inbox of this hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reader {
    /// The inbox: its office, or the office whose hub it is.
    pub inbox: OfficeId,
    /// Last row that it has acknowledged, or need not be read to.
    pub number: u64,
    /// When it was heard last, by this hub's clock.
    pub heard: Timestamp,
    /// Where it goes on when its own place is not among the rows: in front of what it has to
    /// forget.
    pub anew: Cursor,
    /// How often such a place was made for it.
    pub times: u32,
}

/// The last cut of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Rows up to here have left.
    pub upto: u64,
    /// Why.
    pub why: CutReason,
    /// When, by this hub's clock.
    pub at: Timestamp,
}

/// Who writes a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Device key.
    pub key: PublicKey,
    /// Office the key is bound to.
    pub office: OfficeId,
    /// The signed binding, as received.
    #[serde(with = "serde_bytes")]
    pub binding: Vec<u8>,
    /// Peer that brings this log, for a log that comes up from below; the own node for its own.
    pub origin: Option<NodeId>,
}

/// A log held whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Tree so far.
    pub frontier: Frontier,
    /// Signature over the newest checkpoint, whose size is the frontier's.
    pub signature: Option<Signature>,
    /// Size that `signature` covers.
    pub signed: u64,
}

/// An audience operation as it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceFact {
    /// Which office.
    pub office: OfficeId,
    /// Role byte.
    pub role: u8,
    /// Grant, else revoke.
    pub grant: bool,
    /// The change that carried it.
    pub change: Hash,
    /// For a revocation: the grants it had seen. Others, made at the same time, stand.
    pub revokes: Vec<Hash>,
}

impl AudienceFact {
    /// The operation and the change that carried it; `revokes` are the grants of the same office
    /// and role in its causal past.
    pub fn new(op: &AudienceOp, change: Hash, revokes: Vec<Hash>) -> Self {
        let grant = op.action == AudienceAction::Add;
        Self { office: op.office, role: op.role.byte(), grant, change, revokes }
    }

    /// The role.
    pub fn role(&self) -> Role {
        Role::from_byte(self.role)
    }
}

/// A dossier as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dossier {
    /// Entries, held ones included.
    pub entries: u32,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Parts of the history in use.
    pub parts: u16,
    /// Accepted changes nobody builds on yet, sorted.
    pub heads: Vec<Hash>,
    /// Audience operations in order of acceptance.
    pub audience: Vec<AudienceFact>,
    /// Child inboxes that receive this dossier.
    pub inboxes: Vec<OfficeId>,
    /// Entries not applied.
    pub held: u32,
    /// Child inboxes that were sent this dossier and have not been taken out of it. More than
    /// those that receive it while a grant is quarantined.
    pub informed: Vec<OfficeId>,
    /// Whether each new entry needs all verdicts to be made anew: something was decided, refused
    /// or taken out here.
    pub ruled: bool,
    /// Whether the content has yet to fold what arrived last.
    pub stale: bool,
    /// Whether the history has left this machine and is not, or not all, back. Heads and audience
    /// are then what they were, and counts are of what has come back.
    pub away: bool,
    /// Sum over the passed-on entries that are no changes and so in no head: decisions, acts of a
    /// registrar.
    pub beside: HeldDigest,
}

impl Dossier {
    /// Offices that take part now, with their roles, sorted: every grant that no revocation had
    /// seen. The same set gives the same answer in any order.
    pub fn members(&self) -> Vec<(OfficeId, Vec<Role>)> {
        members(&self.audience)
    }
}

/// See [`Dossier::members`].
pub fn members(audience: &[AudienceFact]) -> Vec<(OfficeId, Vec<Role>)> {
    let revoked = |grant: &AudienceFact| {
        audience.iter().any(|fact| {
            !fact.grant
                && (fact.office, fact.role) == (grant.office, grant.role)
                && fact.revokes.contains(&grant.change)
        })
    };
    let mut members: BTreeMap<OfficeId, Vec<Role>> = BTreeMap::new();
    for fact in audience.iter().filter(|fact| fact.grant && !revoked(fact)) {
        let roles = members.entry(fact.office).or_default();
        if !roles.contains(&fact.role()) {
            roles.push(fact.role());
            roles.sort();
        }
    }
    members.into_iter().collect()
}

/// Where entries of a log stand in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// One record holds a frame of this many entries.
    Frame {
        /// Journal position.
        record: u64,
        /// Entries.
        count: u64,
    },
    /// One record an entry; positions in order of sequence.
    Entries(Vec<u64>),
}

/// What the content made of a dossier.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The content's own bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// Index keys it set, so that they can be taken back.
    pub index: Vec<serde_bytes::ByteBuf>,
}

/// Proof material for entries of a log that is not held whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Which log.
    pub log: LogId,
    /// Author's signature over the tree of `proof.size` entries.
    pub signature: Signature,
    /// Proof for `leaves`.
    pub proof: Multiproof,
    /// Leaf index and hash of every entry it proves.
    pub leaves: Vec<(u64, Hash)>,
}

/// Where the image of a dossier stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Journal position of the frame.
    pub record: u64,
    /// Which image of the frame.
    pub at: u32,
    /// Changes that went into it.
    pub entries: u64,
    /// Those that nobody builds on, sorted.
    pub heads: Vec<Hash>,
}

/// How far the images of this office have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Images {
    /// Place of the last one.
    pub place: Option<crate::wire::Place>,
    /// Every dossier had one.
    pub done: bool,
    /// Numbering of the inbox, and number up to which it must be read to bear all of them out.
    pub epoch: EpochId,
    /// See `epoch`.
    pub cut: u64,
}

/// What an inbox row is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InboxItem {
    /// An accepted entry.
    Entry {
        /// Of which dossier.
        dossier: DossierId,
        /// Author's log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
    },
    /// This hub did not accept an entry of the office.
    Decision {
        /// Of which dossier.
        dossier: DossierId,
        /// Author's log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
        /// Verdict byte.
        verdict: u8,
        /// Why, in words.
        reason: String,
    },
    /// The office no longer takes part: what it holds of the dossier goes.
    Forget {
        /// Which dossier.
        dossier: DossierId,
    },
    /// An accepted entry that the reader was found to lack, or had to forget and takes part in
    /// again; sent even if it wrote it itself.
    Repair {
        /// Of which dossier.
        dossier: DossierId,
        /// Author's log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
    },
}

/// A dossier that an office below was told to forget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Purge {
    /// When the entry that took the office out was written, by its author's clock.
    pub revoked_at: Timestamp,
    /// Machines that say it is done, and when by this hub's clock.
    pub confirmed: Vec<(NodeId, Timestamp)>,
}

/// A dossier that this machine was told to forget, and has forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// Journal position at which it was; what stands before it is taken out of the files.
    pub position: u64,
    /// Scans that it named.
    pub scans: Vec<Hash>,
    /// Whether no file holds it any more.
    pub done: bool,
    /// Whether the hub has written down that it is done.
    pub noted: bool,
}

/// What the hub above said of an entry that it does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its verdict.
    pub verdict: super::history::Verdict,
    /// Its cause, see `ledger::Cause`.
    pub reason: String,
}

/// A used join token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedToken {
    /// Key that used it.
    pub key: PublicKey,
    /// When, by this hub's clock.
    pub at: Timestamp,
}

/// A scan's file on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scan {
    /// Bytes.
    pub size: u64,
    /// Whether all of them are on this machine's disk, as far as is known.
    pub here: bool,
    /// Whether they were, and the file was then found not to hold them.
    pub damaged: bool,
    /// Whether the parent has it.
    pub above: bool,
}

/// Counters over all scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScanCounts {
    /// Scans here, whole.
    pub here: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Scans here that the parent lacks.
    pub to_go: u64,
    /// Scans whose file is damaged.
    pub damaged: u64,
}

/// Answer to a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Hash of the request's body.
    pub body: Hash,
    /// The dossier it made or changed.
    pub dossier: DossierId,
}
