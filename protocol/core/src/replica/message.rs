//! What replicas say to each other. Three channels a link: control (hello, acknowledgements, trust),
//! data (frames) and scans, so that an acknowledgement never waits behind a megabyte and nothing
//! waits behind a scan.

use super::{digest::Check, images::ImagesAsked, interface::Received};
use crate::{
    id::{DomainId, DossierId, Hash, LogId, NodeId, OfficeId},
    limits,
    state::rows::Cursor,
    time::Timestamp,
    trust::Numbers,
};
use serde::{Deserialize, Serialize};

/// Versions of this protocol that this crate speaks, lowest and highest.
pub const VERSIONS: (u16, u16) = (1, 1);

/// In a hello: this machine takes images. In a welcome: they are there, and the inbox waits until it has
/// asked for them.
pub(super) const IMAGES: u64 = 1;
/// In a hello: this machine gives frames again that the hub has lost ([`Control::Again`]).
pub(super) const AGAIN: u64 = 2;

/// Which stream a message goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Small messages that must not wait.
    Control,
    /// Frames.
    Data,
    /// Attachments, piece by piece; everything else goes first.
    Scan,
}

/// How far a log is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which log.
    pub log: LogId,
    /// Entries held.
    pub sequence: u64,
    /// Root of their tree.
    pub root: Hash,
}

impl Head {
    /// How much of the log that is.
    pub(super) fn received(&self) -> Received {
        Received { log: self.log, sequence: self.sequence }
    }
}

/// First message of the side that dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions it speaks.
    pub versions: (u16, u16),
    /// Optional abilities, a bit each: images (1), frames given again (2).
    pub features: u64,
    /// Trust domain.
    pub domain: DomainId,
    /// Its signed binding.
    #[serde(with = "serde_bytes")]
    pub binding: Vec<u8>,
    /// Digest over the heads of every log it sends up, see [`heads_digest`].
    pub heads: Hash,
    /// Its position in its inbox here.
    pub cursor: Cursor,
    /// Its trust documents.
    pub trust: Numbers,
    /// Its clock.
    pub clock: Timestamp,
    /// Software version, for the operator.
    pub software: String,
    /// What this very hub acknowledged of the own log, as far as memory reaches: a hub that has
    /// less was set back.
    pub acknowledged: Option<Head>,
}

/// Answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version both speak from here on.
    pub version: u16,
    /// Optional abilities both have.
    pub features: u64,
    /// Who answers.
    pub node: NodeId,
    /// For which office.
    pub office: OfficeId,
    /// What it holds of the logs this peer sends up; `None` when the digests agree.
    pub heads: Option<Vec<Head>>,
    /// Where the peer's inbox is read from: its own cursor; the tail when that one is of another
    /// numbering, with a digest check to follow; the beginning for a peer that has read nothing.
    pub from: Cursor,
    /// Tail of the peer's inbox.
    pub tail: Cursor,
    /// Its trust documents.
    pub trust: Numbers,
    /// Its clock.
    pub clock: Timestamp,
}

/// What a node tells its hub about itself now and then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// Entries it has for this hub in all its logs.
    pub entries: u64,
    /// Of those, not yet acknowledged.
    pub unsent: u64,
    /// When the oldest of them was written, by its own clock.
    pub oldest_unsent: Option<Timestamp>,
}

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// From the side that dialled.
    Hello(Box<Hello>),
    /// Its answer.
    Welcome(Box<Welcome>),
    /// This much of a log is on the disk of the side that says so.
    Received(Head),
    /// The root hub has this much of a log.
    RootReceived(Head),
    /// This much of the inbox is on the disk of the side that says so.
    Delivered(Cursor),
    /// About itself.
    Status(Status),
    /// Trust documents that the other side lacks.
    Trust(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The link is about to be closed because of what this side did.
    Refuse(String),
    /// The link is about to be closed, and nobody is at fault.
    Bye(String),
    /// Another link of the same machine has come up: whoever lives at the end of this one says so.
    Challenge(u64),
    /// The answer, with the same number.
    Alive(u64),
    /// It is this peer's turn to catch up in bulk: large windows.
    Bulk,
    /// It is not: small windows, until its turn comes in about so many milliseconds.
    Later {
        /// From now.
        millis: u64,
    },
    /// From both sides, between machines of one office.
    Sibling(Box<super::SiblingHello>),
    /// Comparing what both sides hold.
    Check(Box<Check>),
    /// No file of the side that says so holds what it had received of these dossiers, which its
    /// office no longer takes part in.
    Purged(Vec<DossierId>),
    /// The side that says so has that on its disk.
    PurgeNoted(Vec<DossierId>),
    /// From a machine that has read nothing yet: images of what its office takes part in, please.
    Images(ImagesAsked),
    /// So many frames of images are on the disk of the side that says so, on this link.
    ImagesTaken(u64),
    /// The history of this dossier before its turn, please: somebody waits for it.
    Fetch(DossierId),
    /// The clock of the side that says so, which has jumped since it was last told.
    Clock(Timestamp),
    /// From above: the disk there has damaged a frame of this log, which was acknowledged; as an up
    /// frame, please, from its first entry on.
    Again {
        /// Which log.
        log: LogId,
        /// Its first entry.
        first: u64,
        /// Its last one.
        last: u64,
    },
}

/// A data message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Data {
    /// A log whose frames follow, with its author's signed binding.
    Log {
        /// Which log.
        log: LogId,
        /// The signed binding.
        #[serde(with = "serde_bytes")]
        binding: Vec<u8>,
    },
    /// An up frame.
    Up(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A down frame.
    Down(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Trust documents that are too long for the control channel.
    Trust(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Entries that the other side asked for, in the form of a down frame.
    Refill(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A frame of images.
    Images(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Everything there is of this dossier has been sent in refills.
    Fetched(DossierId),
}

/// Bytes are no message of this protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than its channel allows.
    #[error("message of {got} bytes, at most {limit} are allowed on this channel")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not decodable.
    #[error("message cannot be read")]
    Malformed,
}

impl Channel {
    /// Every channel of a link, most urgent first: on every kind of link what waits for an earlier
    /// one waits less.
    pub const ALL: [Self; 3] = [Self::Control, Self::Data, Self::Scan];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// First byte of the channel's stream; its place in [`Self::ALL`].
    pub fn tag(self) -> u8 {
        self as u8
    }

    /// The same as an index.
    pub fn place(self) -> usize {
        self as usize
    }

    /// From the first byte of a stream.
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.get(usize::from(tag)).copied()
    }

    /// Longest message on this channel, in bytes.
    pub fn limit(self) -> usize {
        match self {
            Self::Control => limits::CONTROL_BYTES,
            Self::Data => limits::MESSAGE_BYTES,
            Self::Scan => limits::SCAN_MESSAGE_BYTES,
        }
    }
}

/// Message bytes.
pub(super) fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(message).unwrap_or_default()
}

/// Reads exactly one message.
pub(super) fn decode<'a, M: Deserialize<'a>>(
    channel: Channel,
    bytes: &'a [u8],
) -> Result<M, MessageError> {
    if bytes.len() > channel.limit() {
        return Err(MessageError::TooLong { got: bytes.len(), limit: channel.limit() });
    }
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        _ => Err(MessageError::Malformed),
    }
}

/// One hash over log heads in order of log id: equal digests mean equal heads, whatever their
/// number.
pub(super) fn heads_digest(heads: impl IntoIterator<Item = Head>) -> Hash {
    let mut bytes = Vec::new();
    for head in heads {
        bytes.extend(head.log.0);
        bytes.extend(head.sequence.to_le_bytes());
        bytes.extend(head.root.0);
    }
    crate::hash::derive(crate::hash::Context::Heads, &[&bytes])
}
