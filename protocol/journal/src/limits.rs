//! Every limit of the journal, in one place, each with its reason.

/// Longest payload of one record, in bytes. An entry is at most 64 KiB; images and decisions with
/// many parts are larger. Two MiB keeps one record well inside one segment and one decode buffer.
pub const MAX_RECORD: usize = 2 << 20;

/// Largest LSN or segment number believed in a record or header, so that arithmetic on what stands on
/// the disk cannot overflow.
pub const MAX_NUMBER: u64 = 1 << 62;

/// Largest LSN or segment number believed in a file name: nine centuries at 10,000 records a second.
/// A stray file must not push the numbers near [`MAX_NUMBER`].
pub const MAX_NAMED_NUMBER: u64 = 1 << 48;

/// Size of a segment when the options name none. About 10,000 entries of 400 bytes: a new segment
/// (one directory sync) is rare, and reading the open ones at start takes tens of milliseconds.
pub const DEFAULT_SEGMENT: u64 = 4 << 20;

/// Size of the first segments, which doubles every few of them: a lane that hardly fills, and the
/// file prepared ahead, cost a small office half a megabyte each and not eight.
pub const FIRST_SEGMENT: u64 = 512 << 10;

/// Segments begun before their size doubles.
pub const SEGMENTS_A_SIZE: u64 = 3;

/// Smallest segment: the header block and a few records. Only tests go this low.
pub const MIN_SEGMENT: u64 = 8 << 10;

/// Largest segment. A raw segment is read whole at start, so this bounds memory.
pub const MAX_SEGMENT: u64 = 64 << 20;

/// Bytes of records behind one entry of the in-memory index of a raw segment: a look-up reads about
/// this much, and eight MiB need 256 entries.
pub const BLOCK: usize = 32 << 10;

/// Uncompressed bytes after which a frame of a sealed segment or base is closed. Independent frames
/// of 256 KiB compress within a few percent of one stream, and one damaged frame costs no more.
pub const FRAME: usize = 256 << 10;

/// Most bytes one sealed frame may decode to: a frame is closed once it is past [`FRAME`], so one
/// record may stand over. The cap holds whatever a damaged or hostile frame claims.
pub const MAX_FRAME_RAW: usize = FRAME + MAX_RECORD + 64;

/// Most frames in one sealed segment: the largest raw segment cut into frames, with a wide margin.
/// Bounds what a damaged footer can make us allocate.
pub const MAX_FRAMES: usize = 4096;

/// How many times its own length a segment may be hashed while looking for valid records behind
/// damage. Real damage needs a fraction of one; bytes made to look like record heads at every
/// eighth byte would otherwise make opening quadratic.
pub const SCAN_BUDGET: u64 = 16;

/// Unfinished writes a segment header can name as given up. One power cut leaves at most one for
/// each lane, and a header starts with an empty list.
pub const MAX_ABANDONED: usize = 64;

/// Bytes of the version text of the writer in headers.
pub const WRITER_TEXT: usize = 32;

/// Batches that may wait for the group-commit thread before a caller is held back. At one commit
/// for all that wait, a longer queue adds only latency.
pub const QUEUE: usize = 1024;

/// Payload bytes gathered into one commit: half a segment, so that a commit rolls at most once or
/// twice and its latency stays bounded.
pub const GATHER_BYTES: usize = 4 << 20;

/// Longest key in a base.
pub const MAX_KEY: usize = 4 << 10;

/// Longest value in a base: a dossier image is at most a few MiB.
pub const MAX_VALUE: usize = 8 << 20;

/// Most bytes one base frame may decode to, see [`MAX_FRAME_RAW`].
pub const MAX_BASE_FRAME_RAW: usize = FRAME + MAX_KEY + MAX_VALUE + 64;

/// Valid bases kept: the newest, and one more in case the newest is found damaged later.
pub const BASES_KEPT: usize = 2;
