//! What the machine takes and gives: inputs, outputs, events, and what it reads.

use super::{
    Bounds, Channel, Hello, ImageDone, ImageIo, Quota, Report, ScanDone, ScanIo, Unread,
    carried::CarriedDown, message::Head,
};
use crate::{
    entry::Entry,
    id::{DomainId, DossierId, Hash, LogId, NodeId, OfficeId},
    key::{PublicKey, SecretKey},
    ledger::Me,
    record::{CutReason, Record},
    state::{Kv, StoreError},
    time::Timestamp,
    trust::TrustView,
};
use std::collections::BTreeSet;

/// What the replica reads: the state, and journal records by position.
pub trait Store: Kv {
    /// The journal record at a position, if it is still there.
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be read.
    fn record(&self, position: u64) -> Result<Option<Record>, StoreError>;
}

/// One connection; the driver numbers them and never reuses a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct LinkId(pub u64);

/// Names one request to the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub struct Token(pub u64);

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A link is up; the peer proved that it holds this device key.
    LinkUp {
        /// Which link.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
        /// Whether this side dialled.
        dialed: bool,
    },
    /// A link is gone, or a dial failed.
    LinkDown {
        /// Which link; `None` for a dial that came to nothing.
        link: Option<LinkId>,
    },
    /// Bytes of one message.
    Message {
        /// Which link.
        link: LinkId,
        /// Which channel.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The records of this request are on disk.
    Journaled(Token),
    /// The records of this request did not get to the disk.
    JournalFailed(Token),
    /// An own entry is on disk. Given in order of sequence.
    Own {
        /// Own log.
        log: LogId,
        /// Sequence in it.
        sequence: u64,
        /// The entry.
        entry: Box<Entry>,
    },
    /// The state reflects the journal up to a position.
    Applied {
        /// Inboxes with new rows.
        inboxes: BTreeSet<OfficeId>,
    },
    /// New trust documents are in force.
    Trust(Box<TrustView>),
    /// This machine was bound anew, and its certificate renewed: shown from now on, and the hub is
    /// dialled at once if it is not linked.
    Bound(Vec<u8>),
    /// Dossiers were forgotten, and no file holds them any more: the hub is to know.
    Purged,
    /// The operator wants this machine to stay away from its hub, or to come back at once.
    Pause(bool),
    /// The disk has answered about a scan.
    Scan(ScanDone),
    /// Somebody at this machine wants to see a scan that is not here.
    WantScan(Hash),
    /// Somebody at this machine wants to act on a dossier whose history is not here.
    WantHistory(DossierId),
    /// Images were listed or cut.
    Images(ImageDone),
    /// Half an exchange from below came by hand; its data messages follow, then the link's end.
    CarriedUp {
        /// A link with no other end.
        link: LinkId,
        /// Key that signed it.
        peer: PublicKey,
        /// What its maker says first.
        hello: Box<Hello>,
    },
    /// Half an exchange from above came by hand.
    CarriedDown {
        /// A link with no other end.
        link: LinkId,
        /// What stands before its frames.
        carried: Box<CarriedDown>,
    },
    /// A link to another machine is up, said to be of this office; the peer proved that it holds
    /// this device key.
    SiblingUp {
        /// Which link.
        link: LinkId,
        /// The peer's device key.
        peer: PublicKey,
    },
    /// Somebody wants what is held here to be compared with the hub above, and that of every peer
    /// below with what is held here.
    Verify,
}

/// Something should be done.
#[derive(Debug)]
pub enum Output {
    /// Send a message.
    Send {
        /// On which link.
        link: LinkId,
        /// On which channel.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a link after what was sent on it has left.
    Close {
        /// Which link.
        link: LinkId,
        /// Why, in words.
        reason: String,
    },
    /// Write records, then report [`Input::Journaled`]. In order.
    Journal {
        /// Names the request.
        token: Token,
        /// What to write.
        records: Vec<Record>,
    },
    /// Read data messages of a link one at a time: the next one after so many milliseconds, and none
    /// behind it before the next word about this link; or, where no time is said, as they come. Other
    /// channels of the link are not concerned.
    Pace {
        /// Which link.
        link: LinkId,
        /// Milliseconds until the next one may be read; `None` for as they come.
        wait: Option<u64>,
    },
    /// Dial the parent, then report [`Input::LinkUp`] or [`Input::LinkDown`].
    Dial,
    /// Tell whoever is interested.
    Event(Event),
    /// Do something with a scan's file, then report [`Input::Scan`]. In order, and not on the thread
    /// that drives the replica.
    Scan(ScanIo),
    /// List dossiers, or cut a frame of images, then report [`Input::Images`]. Not on the thread that
    /// drives the replica.
    Images(ImageIo),
}

/// How much of an own log somebody has. It names the log: at any moment work may go on in a new one,
/// of which nobody has anything yet, while word of the old one is still under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// The log it counts in.
    pub log: LogId,
    /// Its entries up to here.
    pub sequence: u64,
}

impl Received {
    /// Entries of `log` that it is about: none where it counts in another one.
    pub fn of(self, log: LogId) -> u64 {
        if self.log == log { self.sequence } else { 0 }
    }
}

/// What is worth knowing outside.
#[derive(Debug, Clone)]
pub enum Event {
    /// A peer's hello was accepted.
    Greeted {
        /// Peer.
        node: NodeId,
        /// Its office.
        office: OfficeId,
    },
    /// Nothing is missing on either side, as far as both know.
    InSync,
    /// The parent has this much of the own log.
    Received(Received),
    /// The root hub has this much of the own log.
    RootReceived(Received),
    /// The parent has had all of the own log for a moment; told at most every two seconds, so that
    /// it may be written down.
    Settled(Received),
    /// A peer sent something that cannot be right; the link is closed.
    Refused {
        /// Which peer, if it said.
        peer: Option<NodeId>,
        /// Kind of fault, for the metric.
        kind: &'static str,
        /// What, in words.
        reason: String,
    },
    /// The parent holds something else, or more, of an own log than this machine does: the machine
    /// was set back, or cloned. If it is the log in use a new one must begin; what the old one has
    /// must be written into it again, then [`Record::Rewritten`].
    OwnLogDiverged {
        /// What the parent, or a hub beyond it, holds.
        parent: Head,
        /// What the parent has acknowledged says nothing: a hub beyond it holds another history.
        whole: bool,
    },
    /// Newer trust documents arrived and were checked.
    Trust(Box<TrustView>),
    /// A machine connected while its older link is alive and answers: two hold one key.
    TwoAlive {
        /// Which machine.
        node: NodeId,
    },
    /// What is held here was compared with the hub above.
    Checked(Report),
    /// A frame of a log from below cannot be read back: the disk has damaged it. The log goes no further
    /// up from here until it has come again.
    FrameLost {
        /// Which log.
        log: LogId,
        /// Its first entry.
        first: u64,
        /// Its last one.
        last: u64,
    },
    /// It has come again, and is written anew.
    FrameMended {
        /// Which log.
        log: LogId,
        /// Its first entry.
        first: u64,
        /// Its last one.
        last: u64,
    },
    /// A peer below has seen more of this hub than there is: it was set back. A new numbering of
    /// its inboxes has begun.
    SetBack,
    /// So much waits for a silent office that its inbox will be cut; told once, and again when it
    /// was not so meanwhile.
    Unread(Unread),
    /// The parent's clock, as it said a moment ago.
    HubClock(Timestamp),
    /// Rows of an inbox leave the state.
    Cut {
        /// Whose inbox.
        office: OfficeId,
        /// Up to which row.
        upto: u64,
        /// Why.
        why: CutReason,
    },
}

/// Who this replica is and how it reaches its parent.
#[derive(Debug, Clone)]
pub struct Config {
    /// Device key.
    pub key: SecretKey,
    /// Node and office.
    pub me: Me,
    /// Trust domain.
    pub domain: DomainId,
    /// Own signed binding.
    pub binding: Vec<u8>,
    /// Key of the hub above, if there is one.
    pub parent: Option<PublicKey>,
    /// Seed for the jitter of redials.
    pub seed: u64,
    /// Shown to operators.
    pub software: String,
    /// What is kept of inboxes.
    pub keep: Bounds,
    /// What each machine of an office may write at the hub that hears it.
    pub quota: Quota,
}
