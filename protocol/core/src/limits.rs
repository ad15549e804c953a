//! Every bound of the protocol, with its reason. Crossing one gets a clear answer that names the
//! thing and the limit, is counted, and changes nothing.

/// Payload of one entry. A dossier's change is 0.3 to 2 KB; a long note or a form of 200 fields
/// still fits with room to spare, and 64 KiB bounds what one hostile entry costs everybody.
pub const ENTRY_PAYLOAD_BYTES: usize = 64 * 1024;
/// Operations one entry may carry; applying them is what costs time.
pub const ENTRY_OPERATIONS: u32 = 1_000;
/// Direct dependencies of one entry: concurrent heads it joins.
pub const ENTRY_DEPENDENCIES: usize = 32;
/// Audience operations in one entry: a dossier goes to a handful of offices, mail to 168 offices
/// uses groups.
pub const ENTRY_AUDIENCE_OPERATIONS: usize = 16;
/// Entries in one frame.
pub const FRAME_ENTRIES: usize = 4_096;
/// Raw bytes in one frame once decompressed: the cap on what a small hostile frame can inflate to.
pub const FRAME_RAW_BYTES: usize = 1024 * 1024;
/// Raw bytes after which a sender closes a frame. Larger frames compress little better and delay
/// the first acknowledgement.
pub const FRAME_TARGET_BYTES: usize = 256 * 1024;
/// One message on a stream, length prefix excluded.
pub const MESSAGE_BYTES: usize = FRAME_RAW_BYTES + 64 * 1024;
/// One control message: hello, welcome, acknowledgements. A district of 400 logs fits.
pub const CONTROL_BYTES: usize = 64 * 1024;
/// One message on the recovery ALPN, where the caller may be anybody.
pub const RECOVERY_BYTES: usize = 64 * 1024;
/// zstd window (2^20 = 1 MiB): the receiver's memory per stream.
pub const ZSTD_WINDOW_LOG: u32 = 20;
/// Up-frame bytes a sender keeps in flight per log without an acknowledgement.
pub const UP_WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// Down-frame bytes a hub keeps in flight per link without an acknowledgement.
pub const DOWN_WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// Entries waiting for a change they build on, per replica. Honest peers send causes first.
pub const PARKED_ENTRIES: usize = 10_000;
/// Entries of one dossier: 5 to 30 are usual; a thousand is a fault or an attack.
pub const DOSSIER_ENTRIES: u32 = 2_000;
/// Bytes of one dossier's history.
pub const DOSSIER_BYTES: u64 = 4 * 1024 * 1024;
/// Depth of the office tree: ward, district, city, ministry and room for two more.
pub const TREE_DEPTH: usize = 8;
/// Offices in a catalogue: the country has 3,355.
pub const CATALOGUE_OFFICES: usize = 8_192;

const _: () = assert!(FRAME_TARGET_BYTES + ENTRY_PAYLOAD_BYTES * 2 <= FRAME_RAW_BYTES);
const _: () = assert!(MESSAGE_BYTES >= FRAME_RAW_BYTES);
const _: () = assert!(UP_WINDOW_BYTES >= 2 * MESSAGE_BYTES);
