//! What can be wrong with bytes from a wire, and with what was asked to be sent.

use super::chunk::ChunkError;
use crate::{
    entry::HeaderError,
    id::NodeId,
    log::{CheckpointError, ProofError},
};

/// Why bytes are not a frame (or a stored entry), or an entry cannot be put into one. Nothing of
/// a refused frame is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Written by a later format.
    #[error("{what} has version {got}, this replica reads version {known}; update it")]
    Version {
        /// Frame or stored entry.
        what: &'static str,
        /// The version byte.
        got: u8,
        /// What is read here.
        known: u8,
    },
    /// Another kind of frame than the stream carries.
    #[error("frame is of kind {got}, expected kind {expected}")]
    FrameKind {
        /// The kind byte.
        got: u8,
        /// What was asked for.
        expected: u8,
    },
    /// The bytes end too early.
    #[error("frame ends within its {0}")]
    Truncated(&'static str),
    /// Bytes are left over.
    #[error("frame has {bytes} bytes too many after its {what}")]
    Trailing {
        /// The last thing read.
        what: &'static str,
        /// How many.
        bytes: usize,
    },
    /// A number that is too large or not in its shortest form.
    #[error("{0} is not a number in its shortest form")]
    Number(&'static str),
    /// A count or length beyond its limit.
    #[error("frame has {got} {what}, at most {limit} are allowed")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A count of nothing where something must be.
    #[error("frame has no {0}")]
    Empty(&'static str),
    /// A reference into a table, to a row or to an entry that does not exist.
    #[error("{what} {got} does not exist in this frame")]
    Reference {
        /// What is referred to.
        what: &'static str,
        /// The number given.
        got: u64,
    },
    /// A dependency on an entry of the same log that this replica does not hold.
    #[error("frame builds on entry {0} of its log, which is not held here; send from there")]
    Unknown(u64),
    /// A compression this version does not read.
    #[error("frame is compressed with codec {0}, which is not known here")]
    Codec(u8),
    /// Compressed bytes that do not give what the head promised.
    #[error("compressed body does not hold the {promised} bytes its head promises")]
    Decompress {
        /// Raw length in the head.
        promised: usize,
    },
    /// A compressed body that would need more memory than allowed.
    #[error("compressed body asks for a window of {got} bytes, at most {limit} are allowed")]
    Window {
        /// Window asked for.
        got: u64,
        /// Largest allowed.
        limit: u64,
    },
    /// A payload form this version does not read, or one that does not suit the entry's kind.
    #[error("entry {position} has payload form {form}, which does not suit it here")]
    PayloadForm {
        /// Sequence, or row, of the entry.
        position: u64,
        /// The form byte.
        form: u8,
    },
    /// Reserved bits are set.
    #[error("entry {position} has unknown flags {flags:#04x}")]
    Flags {
        /// Sequence, or row, of the entry.
        position: u64,
        /// All the bits.
        flags: u8,
    },
    /// An entry whose payload is not the change it is said to be.
    #[error("payload of entry {position}: {source}")]
    Chunk {
        /// Sequence, or row, of the entry.
        position: u64,
        /// What is wrong with it.
        source: ChunkError,
    },
    /// An entry whose header breaks a limit or cannot be read.
    #[error("header of entry {position}: {source}")]
    Header {
        /// Sequence, or row, of the entry.
        position: u64,
        /// What is wrong with it.
        source: HeaderError,
    },
    /// A header that says something else than what follows from payload, boot and key.
    #[error("{what} of entry {position} is not that of its payload and author")]
    Mismatch {
        /// Sequence, or row, of the entry.
        position: u64,
        /// The header's field.
        what: &'static str,
    },
    /// The frame names another node than the key it came under.
    #[error("frame is of node {got}, but came under the key of node {expected}")]
    Node {
        /// The id in the frame.
        got: NodeId,
        /// The id of the key.
        expected: NodeId,
    },
    /// Row numbers that do not rise, or lie outside what the frame covers.
    #[error("row {got} does not follow {after} within a frame up to {upto}")]
    RowOrder {
        /// The offending number.
        got: u64,
        /// The number before.
        after: u64,
        /// Last number the frame covers.
        upto: u64,
    },
    /// Text that is not UTF-8.
    #[error("{0} is not UTF-8 text")]
    Text(&'static str),
    /// The same entry twice, which one proof cannot cover.
    #[error("entry {sequence} of author {author} stands in the frame twice")]
    Twice {
        /// Index of the author part.
        author: u16,
        /// Sequence of the entry.
        sequence: u64,
    },
    /// An author part that brings entries without a proof, or a proof without entries.
    #[error("author {0} of the frame has entries without a proof, or a proof without entries")]
    Unproven(u16),
    /// The proof does not lead from the entries to one root.
    #[error("author {author} of the frame: {source}")]
    Proof {
        /// Index of the author part.
        author: u16,
        /// What is wrong with it.
        source: ProofError,
    },
    /// The author did not sign these entries.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
