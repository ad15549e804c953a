//! What a journal is opened with, and what it counts.

use crate::limits;

/// What a journal is opened with.
pub struct Options {
    /// Who the journal belongs to: the node or hub id.
    pub owner: [u8; 16],
    /// 16 fresh random bytes for each segment; in a simulator, from its seed.
    pub nonce: Box<dyn FnMut() -> [u8; 16] + Send>,
    /// Bytes of a new segment, between [`limits::MIN_SEGMENT`] and [`limits::MAX_SEGMENT`].
    pub segment_size: u64,
    /// Name and version of the program, for the headers; cut at 32 bytes.
    pub writer: String,
    /// A sabotage, for tests that must notice it: commits are answered and never synced. There is no such
    /// thing in a build for release.
    #[cfg(debug_assertions)]
    pub leaves_out_syncs: bool,
}

impl Options {
    /// Default size, this crate's version.
    pub fn new(owner: [u8; 16], nonce: impl FnMut() -> [u8; 16] + Send + 'static) -> Self {
        Self {
            owner,
            nonce: Box::new(nonce),
            segment_size: limits::DEFAULT_SEGMENT,
            writer: concat!("motcua ", env!("CARGO_PKG_VERSION")).to_owned(),
            #[cfg(debug_assertions)]
            leaves_out_syncs: false,
        }
    }

    /// Whether commits are synced: always, but for the sabotage of a test.
    pub(crate) fn syncs(&self) -> bool {
        #[cfg(debug_assertions)]
        return !self.leaves_out_syncs;
        #[cfg(not(debug_assertions))]
        true
    }

    /// Nonces counted up from a seed, for simulators and tests.
    pub fn seeded(owner: [u8; 16], seed: u64) -> Self {
        let mut count = 0u64;
        Self::new(owner, move || {
            count += 1;
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&seed.to_le_bytes());
            nonce[8..].copy_from_slice(&count.to_le_bytes());
            nonce
        })
    }
}

/// What has been done since opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Records appended.
    pub appends: u64,
    /// Their payload bytes.
    pub payload_bytes: u64,
    /// Bytes written to segments, with heads and padding.
    pub written_bytes: u64,
    /// Commits that had something to write.
    pub commits: u64,
    /// `fdatasync` calls of commits.
    pub syncs: u64,
    /// Microseconds spent in them.
    pub sync_micros: u64,
    /// Longest of them.
    pub sync_micros_max: u64,
    /// Segments begun.
    pub segments: u64,
    /// Of these, how many found no prepared file and waited for one to be zero-filled.
    pub segments_unprepared: u64,
    /// Segments sealed.
    pub sealed: u64,
    /// Failures that poisoned the journal.
    pub failures: u64,
}
