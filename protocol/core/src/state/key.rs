//! Key layout of the state store: a letter for the table, then big-endian parts, so that order of
//! bytes is order of meaning.

use crate::id::{DossierId, Hash, LogId, NodeId, OfficeId};

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Which journal position the state reflects, counters.
    Meta,
    /// Position in the parent's inbox.
    Upstream,
    /// Author of a log: key, office, binding.
    Author(LogId),
    /// A log held whole: frontier, newest checkpoint.
    Log(LogId),
    /// Tree nodes: level, block of nodes.
    Tile(LogId, u8, u64),
    /// Change hashes by sequence: block.
    Changes(LogId, u64),
    /// Journal positions of a log's entries or frames, by first sequence.
    Frame(LogId, u64),
    /// A dossier's row.
    Dossier(DossierId),
    /// A piece of a dossier's history: chunk, part.
    History(DossierId, u16, u8),
    /// What the content made of a dossier.
    Summary(DossierId),
    /// Proof material for entries of a log that is not held whole.
    Attestation([u8; 16]),
    /// Entries that wait for a change: the missing hash, log and sequence of the waiting one.
    Parked(Hash, LogId, u64),
    /// Tail of an inbox.
    Inbox(OfficeId),
    /// Rows of an inbox: block, see [`super::inbox`].
    InboxBlock(OfficeId, u64),
    /// How far a machine below has read its inbox.
    Cursor(NodeId),
    /// Why and when an inbox was cut last.
    Cut(OfficeId),
    /// Join token that was used.
    Token([u8; 16]),
    /// Newest binding issued to a machine.
    Issued(NodeId),
    /// Answer to a request with an idempotency key.
    Request([u8; 16]),
    /// Lease of dossier numbers, by journal position.
    Lease(u64),
    /// A scan's file on this machine, in one of [`ScanTable`].
    Scan(ScanTable, Hash),
    /// Digest of a dossier held for an office, see [`super::held`].
    Held(OfficeId, DossierId),
    /// Sum over digests of an office: level, number in the level.
    Bucket(OfficeId, u8, u16),
    /// Dossiers in which a log that is not held whole wrote.
    Wrote(LogId, DossierId),
    /// What of a dossier is not plainly accepted, and decisions.
    Ruled(DossierId),
    /// What the hub above said of an entry.
    Told(LogId, u64),
    /// A dossier with entries that the content has not folded yet.
    Stale(DossierId),
    /// An own log that stands in another one and goes up no more.
    Rewritten(LogId),
    /// Dossier that an office below was told to forget.
    Purge(OfficeId, DossierId),
    /// Dossier that this machine is to forget.
    Forgetting(DossierId),
    /// Dossier that this machine has forgotten.
    Purged(DossierId),
    /// What the hub said of a dossier whose history has not come yet.
    Image(DossierId),
    /// How far the images of this office have come.
    Images,
    /// A dossier whose history was evicted and is wanted back.
    Returning(DossierId),
    /// Journal position of an own entry that stands behind a hole in its log.
    Stranded(LogId, u64),
}

/// Tables of scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanTable {
    /// What is known of each.
    Files,
    /// Those that are here and that the parent lacks.
    ToGo,
    /// Those whose file is damaged.
    Damaged,
    /// One row of counters, under the zero hash.
    Counts,
}

impl Key {
    /// First byte of every key that the content chooses for its own indexes.
    pub const CONTENT: u8 = b'x';

    /// What the row is, in words for errors.
    pub fn what(&self) -> &'static str {
        self.tag().1
    }

    fn tag(&self) -> (u8, &'static str) {
        match self {
            Self::Meta => (b'M', "meta row"),
            Self::Upstream => (b'U', "upstream cursor"),
            Self::Author(_) => (b'A', "author row"),
            Self::Log(_) => (b'L', "log row"),
            Self::Tile(..) => (b'T', "tree tile"),
            Self::Changes(..) => (b'Q', "change tile"),
            Self::Frame(..) => (b'F', "frame position"),
            Self::Dossier(_) => (b'D', "dossier row"),
            Self::History(..) => (b'H', "dossier history"),
            Self::Summary(_) => (b'S', "dossier summary"),
            Self::Stale(_) => (b'G', "stale dossier"),
            Self::Attestation(_) => (b'W', "attestation"),
            Self::Parked(..) => (b'P', "parked entry"),
            Self::Inbox(_) => (b'O', "inbox"),
            Self::InboxBlock(..) => (b'R', "inbox block"),
            Self::Cursor(_) => (b'C', "reader"),
            Self::Cut(_) => (b'o', "cut of an inbox"),
            Self::Token(_) => (b'K', "used token"),
            Self::Issued(_) => (b'B', "issued binding"),
            Self::Request(_) => (b'I', "request"),
            Self::Lease(_) => (b'N', "lease"),
            Self::Scan(..) => (b'Z', "scan"),
            Self::Held(..) => (b'h', "held dossier"),
            Self::Bucket(..) => (b'b', "bucket"),
            Self::Wrote(..) => (b'V', "author's dossier"),
            Self::Ruled(_) => (b'J', "ruling"),
            Self::Told(..) => (b'Y', "hub's word"),
            Self::Rewritten(_) => (b'g', "rewritten log"),
            Self::Purge(..) => (b'e', "purge"),
            Self::Forgetting(_) => (b'f', "dossier to forget"),
            Self::Purged(_) => (b'p', "purged dossier"),
            Self::Image(_) => (b'i', "image"),
            Self::Images => (b'j', "position in the images"),
            Self::Stranded(..) => (b's', "stranded entry"),
            Self::Returning(_) => (b'a', "dossier that comes back"),
        }
    }

    /// The key as stored.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(58);
        out.push(self.tag().0);
        match self {
            Self::Meta | Self::Upstream | Self::Images => {}
            Self::Author(log) | Self::Log(log) | Self::Rewritten(log) => out.extend(log.0),
            Self::Tile(log, level, block) => {
                out.extend(log.0);
                out.push(*level);
                out.extend(block.to_be_bytes());
            }
            Self::Changes(log, number)
            | Self::Frame(log, number)
            | Self::Told(log, number)
            | Self::Stranded(log, number) => {
                out.extend(log.0);
                out.extend(number.to_be_bytes());
            }
            Self::Dossier(id)
            | Self::Summary(id)
            | Self::Ruled(id)
            | Self::Stale(id)
            | Self::Forgetting(id)
            | Self::Purged(id)
            | Self::Image(id)
            | Self::Returning(id) => out.extend(id.0),
            Self::Purge(office, id) => {
                out.extend(office.0);
                out.extend(id.0);
            }
            Self::Wrote(log, id) => {
                out.extend(log.0);
                out.extend(id.0);
            }
            Self::History(id, chunk, part) => {
                out.extend(id.0);
                out.extend(chunk.to_be_bytes());
                out.push(*part);
            }
            Self::Parked(missing, log, sequence) => {
                out.extend(missing.0);
                out.extend(log.0);
                out.extend(sequence.to_be_bytes());
            }
            Self::Inbox(office) | Self::Cut(office) => out.extend(office.0),
            Self::Lease(record) => out.extend(record.to_be_bytes()),
            Self::Scan(table, hash) => {
                out.push(*table as u8);
                out.extend(hash.0);
            }
            Self::InboxBlock(office, number) => {
                out.extend(office.0);
                out.extend(number.to_be_bytes());
            }
            Self::Cursor(node) | Self::Issued(node) => out.extend(node.0),
            Self::Attestation(id) | Self::Token(id) | Self::Request(id) => out.extend(id),
            Self::Held(office, id) => {
                out.extend(office.0);
                // In the order of the tree, so that a part of it is one range.
                out.extend(super::held::place(*id).to_be_bytes());
                out.extend(id.0);
            }
            Self::Bucket(office, level, at) => {
                out.extend(office.0);
                out.push(*level);
                out.extend(at.to_be_bytes());
            }
        }
        out
    }

    /// Where the dossiers held for an office begin whose place in the tree is `place` or higher.
    pub(super) fn held_from(office: OfficeId, place: u16) -> Vec<u8> {
        let mut out = vec![Self::Held(office, DossierId::ZERO).tag().0];
        out.extend(office.0);
        out.extend(place.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers_and_tables_do_not_mix() {
        let office = OfficeId([1; 16]);
        assert!(Key::InboxBlock(office, 255).bytes() < Key::InboxBlock(office, 256).bytes());
        assert!(Key::Inbox(office).bytes() < Key::InboxBlock(office, 0).bytes());
        let dossier = DossierId([2; 16]);
        assert!(Key::History(dossier, 0, 255).bytes() < Key::History(dossier, 1, 0).bytes());
    }
}
