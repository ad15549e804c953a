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
/// The same, either way, for a peer whose turn to catch up in bulk it is not: two frames of a
/// hundred recent changes, in use for one round trip.
pub const SMALL_WINDOW_BYTES: usize = 64 * 1024;
/// Inbox rows from which on a machine that has read nothing is sent images first: below that the
/// histories themselves are there as soon.
pub const IMAGES_FROM_ROWS: u64 = 1_000;
/// Dossiers for which images are cut at once, some 150 KB of facts: little enough to be sent while the
/// next ones are cut.
pub const IMAGES_AT_ONCE: usize = 64;
/// Histories that a machine asks its hub for at once: clerks opening dossiers in the first minutes.
pub const FETCHED_AT_ONCE: usize = 64;
/// One image. A dossier with more to say is shown once its history has come.
pub const IMAGE_BYTES: usize = 128 * 1024;
/// Heads of one dossier in an image: changes made at the same time that nobody has seen together.
pub const IMAGE_HEADS: usize = 64;
/// Offices of one dossier in an image.
pub const IMAGE_MEMBERS: usize = 64;
/// Entries, or inbox rows, that pass without a turn: a morning's work of an office.
pub const SMALL_ENTRIES: u64 = 128;
/// Peers below that may catch up in bulk at once. Thirty-two links share what the hub can check and
/// write; more would only make each slower and hold more memory.
pub const BULK_PEERS: usize = 32;
/// How long a peer has its turn while others wait, in milliseconds: 20 MB at 8 Mbit/s.
pub const BULK_TURN_MILLIS: u64 = 20_000;
/// How long an older link of a machine that has connected again has for one sign of life, in
/// milliseconds: a round trip at 600 ms with three lost packets.
pub const CHALLENGE_MILLIS: u64 = 10_000;
/// Logs of one device key: one for each time its history had to begin anew.
pub const LOGS_PER_AUTHOR: usize = 64;
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
/// One reply on the recovery ALPN: a whole trust store. The asker has pinned the hub's key, so it
/// is not anybody who may make it allocate this much.
pub const RECOVERY_REPLY_BYTES: usize = 8 * 1024 * 1024;
/// Name of an office or a city, UTF-8 bytes: 200 Vietnamese characters.
pub const NAME_BYTES: usize = 600;
/// Code of an office, opaque; the longest in use is 35 characters.
pub const CODE_BYTES: usize = 64;
/// Root keys, registrars, or signatures on a root document: people with a safe, not machines.
pub const ROOT_KEYS: usize = 32;
/// Issuing keys in a root document: one per hub and one more while it is being replaced.
pub const ISSUERS: usize = 1_024;
/// Hubs in a root document: a three-tier city has 23, the country had some 700 districts.
pub const HUBS: usize = 1_024;
/// Addresses of one hub, per list.
pub const HUB_ADDRESSES: usize = 8;
/// One address: a DNS name of 253 bytes, a colon, a port.
pub const ADDRESS_BYTES: usize = 260;
/// X.509 certificate of one CA or device; ours have about 400 bytes.
pub const CERTIFICATE_BYTES: usize = 2_048;
/// Certificates in one TLS chain: device, issuing CA and room for an intermediate.
pub const CERTIFICATE_CHAIN: usize = 4;
/// One root document.
pub const ROOT_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Root documents in one chain: a rotation a month for 85 years.
pub const ROOT_CHAIN: usize = 1_024;
/// One catalogue: 8,192 offices of about 130 bytes, with room for long names.
pub const CATALOGUE_BYTES: usize = 4 * 1024 * 1024;
/// Machines on a denial list.
pub const DENIED_NODES: usize = 8_192;
/// Log positions named for one denied machine: one per start of its history.
pub const DENIED_LOGS: usize = 64;
/// One denial list.
pub const DENIAL_BYTES: usize = 1024 * 1024;
/// One binding or join token; they have about 100 bytes.
pub const SMALL_DOCUMENT_BYTES: usize = 512;
/// Reason of a decision, an act or a notice, for people: three lines of Vietnamese. A notice on
/// the wire has room for 512 bytes with its code.
pub const REASON_BYTES: usize = 400;
/// Entries of one dossier that take an office out of it. Each is compared with every entry of the
/// offices it takes out; honest dossiers have a handful.
pub const DOSSIER_REVOCATIONS: usize = 64;
/// Entries of one dossier that its content cannot apply, before the rest is held unread: each costs
/// a fold of the dossier.
pub const DOSSIER_FAULTS: usize = 32;
/// One registrar's act.
pub const ACT_BYTES: usize = 2 * 1024;
/// One join bundle, text form.
pub const JOIN_BUNDLE_BYTES: usize = 32 * 1024;
/// All adopted trust documents of one city, as stored.
pub const TRUST_BYTES: usize = 16 * 1024 * 1024;
/// Data of one piece of a scan. At 2 Mbit/s it takes 16 ms: with 8 KiB, two pieces in the queue
/// are all that a change may wait for there, and the link stands idle or the bound is broken.
pub const SCAN_PIECE_BYTES: usize = 4 * 1024;
/// One message about scans: a piece and the 14 pairs of hashes that prove it in the largest scan.
pub const SCAN_MESSAGE_BYTES: usize = SCAN_PIECE_BYTES + 1024;
/// One scan: 50 MB, and a little for those who count in MiB.
pub const SCAN_BYTES: u64 = 53 * 1024 * 1024;
/// Scans of one dossier. A thick one has thirty papers.
pub const SCANS_PER_DOSSIER: usize = 100;
/// Pieces a reader may have asked for and not got, per link: 1 MiB, enough for 100 Mbit/s over
/// 80 ms.
pub const SCAN_PIECES_IN_FLIGHT: usize = 256;
/// Scans that move at once on a link in one direction: a small one passes beside a large one.
pub const SCANS_AT_ONCE: usize = 4;
/// Scans a sender may have offered on a link and got no answer about.
pub const SCAN_OFFERS: usize = 64;
/// Scans that a reader waits for, per replica; more are asked for when some have come.
pub const SCANS_WANTED: usize = 1_024;
/// How many of these one machine below or beside may have asked for: what waits for it takes no place from
/// others. What is refused is asked for again after a minute.
pub const SCANS_ASKED_BY_ONE: usize = 64;
/// The same for a hub below, behind which many offices stand.
pub const SCANS_ASKED_BY_HUB: usize = SCANS_WANTED / 2;
/// Scans that the hub lacks and that a machine beside is known to have, per machine: a year of an
/// office without a line. Of more it is not said that they stand in two places.
pub const SCANS_BESIDE: usize = 20_000;
/// How long rows of an inbox stay that every machine has acknowledged, in milliseconds: ten years. A
/// new machine reads its office's inbox from the beginning, behind images; where that was cut the
/// digest check fills it, dossier by dossier and without images. A busy ward's year is some 15 MB.
pub const INBOX_READ_MILLIS: u64 = 3_650 * 86_400_000;
/// How long rows stay for a machine that is silent: 180 days, a long building site. What comes
/// back later is brought level by the digest check, which costs by what differs.
pub const INBOX_UNREAD_MILLIS: u64 = 180 * 86_400_000;
/// Rows that stay for a machine that is silent: some years of an office's changes, 9 MB on disk. From
/// there on the digest check is cheaper than reading.
pub const INBOX_UNREAD_ROWS: u64 = 100_000;
/// A machine that is not linked and was not heard for so long is silent: a day, so that a night or
/// a cut cable is none.
pub const INBOX_SILENT_MILLIS: u64 = 86_400_000;
/// Between two looks at what of inboxes can go: an hour. Each reads a few rows for each office.
pub const INBOX_LOOK_MILLIS: u64 = 3_600_000;
/// A wall clock that moves so far against the monotonic one has jumped; below that, clocks drift and
/// are set right.
pub const CLOCK_STEP_MILLIS: u64 = 60_000;
/// A wall clock that is further from its hub's is wrong: within five minutes no date that anybody is
/// promised differs.
pub const CLOCK_WRONG_MILLIS: u64 = 300_000;
/// Frames of logs from below that are asked for again at once because the disk has damaged them, and that
/// a hub above may ask for: a bad stretch of a disk, and not enough to be of use to a liar.
pub const FRAMES_LACKING: usize = 64;
/// Rows of its inbox that a machine may have written once more because it says that it lacks what they
/// brought: some 3,000 dossiers, which is a disk that was set back by months. Each stays in the journal.
pub const RESENT_ROWS: u64 = 100_000;
/// How many of them it may have again each second, so that a bucket is full again after a day: a machine
/// that asks for ever costs some 10 MB a day.
pub const RESENT_ROWS_A_SECOND: u64 = 1;
/// The same two for a hub, by so much: it asks for all offices below it.
pub const RESENT_BY_HUB: u64 = 50;
/// Entries that a machine of an office may write at the hub that hears it, all at once: the history of
/// a busy ward of years, so that a hub that was lost is filled again at the speed of the line.
pub const AUTHOR_ENTRIES: u64 = 4_000_000;
/// Entries more a second, for ever: ten clerks' haste, and 1.5 GB of a hub's disk a week.
pub const AUTHOR_ENTRIES_A_SECOND: u64 = 50;
/// Bytes of its frames, the same: a thousand bytes an entry, which is packed ten times what one has.
pub const AUTHOR_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of its frames a second: 5.5 GB a day from a machine that never rests, which leaves weeks to
/// find out why.
pub const AUTHOR_BYTES_A_SECOND: u64 = 64 * 1000;
/// What is left of an allowance when frames begin to be read one at a time: what an honest machine may
/// have on its way by then, and what was read and waits for the driver on all its links.
pub const AUTHOR_LOW_ENTRIES: u64 = 16 * FRAME_ENTRIES as u64;
/// The same in bytes.
pub const AUTHOR_LOW_BYTES: u64 = (UP_WINDOW_BYTES + 16 * MESSAGE_BYTES) as u64;
/// What may be owed before a machine is left that goes on without waiting, link after link: the
/// messages of eight links that were read before they were told. An honest one owes a frame.
pub const AUTHOR_BEYOND_ENTRIES: u64 = 16 * FRAME_ENTRIES as u64;
/// The same in bytes.
pub const AUTHOR_BEYOND_BYTES: u64 = 16 * MESSAGE_BYTES as u64;
/// The longest that a link is told to wait for its next frame, in milliseconds: what may be owed, paid
/// off. After the largest frame of an honest machine, 400 entries, it is eight seconds.
pub const AUTHOR_WAIT_MILLIS: u64 = AUTHOR_BEYOND_ENTRIES * 1_000 / AUTHOR_ENTRIES_A_SECOND;
/// One bundle file. An office's year is a few MB; 1 GiB fits every stick's file system and spool,
/// and what is longer goes in several files, each building on the one before.
pub const BUNDLE_BYTES: u64 = 1024 * 1024 * 1024;
/// Readers a bundle is sealed to: hubs up to the root, or the machines of an office.
pub const BUNDLE_READERS: usize = 16;
/// Plain bytes sealed at once: what a reader of a bundle holds in memory.
pub const BUNDLE_PIECE_BYTES: usize = 64 * 1024;
/// What a bundle says about itself: a hub's 10,000 logs with their heads.
pub const BUNDLE_MANIFEST_BYTES: usize = 1024 * 1024;
/// Scans that a bundle names: an office's year without a line, 1 MiB with those it waits for.
pub const BUNDLE_SCANS_NAMED: usize = 16_384;
/// Scans in one bundle, bytes, unless whoever makes it says otherwise: a slow stick takes half a
/// minute for so much, and the dossiers of a day have less.
pub const BUNDLE_SCANS_BYTES: u64 = 256 * 1024 * 1024;

const _: () = assert!(FRAME_TARGET_BYTES + ENTRY_PAYLOAD_BYTES * 2 <= FRAME_RAW_BYTES);
const _: () = assert!(MESSAGE_BYTES >= FRAME_RAW_BYTES);
const _: () = assert!(FRAME_TARGET_BYTES + IMAGE_BYTES * 2 <= FRAME_RAW_BYTES);
const _: () = assert!(UP_WINDOW_BYTES >= 2 * MESSAGE_BYTES);
