//! Bringing up a new disk from a second copy. The work in it stands under the log and key that
//! wrote it, proved anew entry by entry; this machine begins a log of its own, and every lease of
//! numbers found is burnt. Scans come first, so that the journal never says "here" of bytes that
//! are not.

use super::{
    disk::{DiskError, MARKER, open_journal, read_marker},
    unpack::{Unpacked, unpack},
};
use crate::{
    engine::{begin_journal, lane_of, random, worked_before},
    identity::{Identity, IdentityError},
};
use motcua_core::{
    id::{DossierId, Hash, LogId, NodeId},
    log::{Checkpoint, Frontier},
    record::{Record, ScanEvent},
    trust::{Binding, Signed, TrustError},
    wire,
};
use motcua_journal::{Journal, JournalError, Options, RealFs};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Logs.
    pub logs: u64,
    /// Entries in them.
    pub entries: u64,
    /// Leases of numbers, all burnt.
    pub leases: u64,
    /// Records that cannot be read or proved, and were left out.
    pub left_out: u64,
    /// Scans.
    pub scans: u64,
    /// Files there that are no whole scan, and were left out.
    pub scans_left_out: u64,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// This machine has no identity, or a damaged one.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The identity does not hold together.
    #[error("this machine's identity is not in order: {0}")]
    Bound(#[from] TrustError),
    /// The copy cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No copy there.
    #[error("{0} holds no second copy ({MARKER} is missing)")]
    NoCopy(PathBuf),
    /// The copy of another city.
    #[error("{0} holds a copy of another city")]
    OtherCity(PathBuf),
    /// Work is here already.
    #[error(
        "{0} holds a journal already, which is not touched: restore into a data folder that has \
         only an identity"
    )]
    Occupied(PathBuf),
    /// The disk here cannot take all scans.
    #[error(
        "this disk has no room for the {0} MB of scans in the copy; free space or use a larger disk, \
         nothing was restored"
    )]
    NoRoom(u64),
    /// The journal here cannot be written.
    #[error("the journal here cannot be written: {0}")]
    Journal(#[from] JournalError),
    /// The first records cannot be written.
    #[error("{0}")]
    Start(String),
    /// The system refused.
    #[error("{file}: {source}")]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Brings up `data_dir`, which has an identity and nothing else, from the copy in `from`. Cut at
/// any moment, it can be begun again; the journal appears whole or not at all.
///
/// # Errors
/// [`RestoreError`]; the copy is not changed.
pub fn restore(data_dir: &Path, from: &Path) -> Result<Restored, RestoreError> {
    let identity = Identity::load(data_dir)?;
    let binding = identity.bound()?;
    let marker = read_marker(from)?.ok_or_else(|| RestoreError::NoCopy(from.to_owned()))?;
    if marker.domain != identity.trust.domain().to_string() {
        return Err(RestoreError::OtherCity(from.to_owned()));
    }
    let owner: NodeId = marker.node.parse().map_err(|_| RestoreError::NoCopy(from.to_owned()))?;
    let journal_dir = data_dir.join("journal");
    if journal_dir.exists() || worked_before(data_dir).exists() {
        return Err(RestoreError::Occupied(journal_dir));
    }
    let io = |file: &Path| {
        let file = file.to_owned();
        move |source| RestoreError::Io { file, source }
    };
    let building = data_dir.join("journal.restoring");
    if building.exists() {
        fs::remove_dir_all(&building).map_err(io(&building))?;
    }
    let me = identity.device.public().node_id();
    let options = Options::new(me.0, random);
    let (mut journal, _) = Journal::open(Arc::new(RealFs::new()), &building, options)?;
    begin_journal(&mut journal, &identity)
        .map_err(|error| RestoreError::Start(error.to_string()))?;
    let copy = open_journal(Arc::new(RealFs::new()), from, owner)?;
    let mut judge = Judge {
        identity: &identity,
        office: binding.office,
        logs: BTreeMap::new(),
        named: BTreeSet::new(),
    };
    let mut restored = Restored::default();
    for raw in copy.view().iter_from(1) {
        let record = raw.ok().and_then(|raw| Record::decode(raw.kind, &raw.payload).ok());
        match record.map(|record| (judge.fits(&record), record)) {
            Some((Fits::Yes, record)) => {
                restored.leases += u64::from(matches!(record, Record::Lease(_)));
                journal.append(lane_of(&record), record.kind(), &record.encode())?;
            }
            Some((Fits::Known, _)) => {}
            Some((Fits::No, _)) | None => restored.left_out += 1,
        }
    }
    let Unpacked { scans, left_out } = unpack(from, data_dir, &judge.named)?;
    restored.scans = scans.len() as u64;
    restored.scans_left_out = left_out;
    for (hash, size) in scans {
        let record = Record::Scan { hash, event: ScanEvent::Here { size } };
        journal.append(lane_of(&record), record.kind(), &record.encode())?;
    }
    journal.commit()?;
    drop(journal);
    restored.logs = judge.logs.len() as u64;
    restored.entries = judge.logs.values().map(|log| log.tree.size()).sum();
    fs::rename(&building, &journal_dir).map_err(io(&journal_dir))?;
    File::open(data_dir).and_then(|folder| folder.sync_all()).map_err(io(data_dir))?;
    let marker = worked_before(data_dir);
    crate::identity::replace_file(&marker, b"")?;
    Ok(restored)
}

/// What becomes of a record.
enum Fits {
    Yes,
    /// It is here already, from an earlier filling of the copy.
    Known,
    No,
}

/// Lets through what this machine's trust documents and the authors' signatures prove.
struct Judge<'a> {
    identity: &'a Identity,
    office: motcua_core::id::OfficeId,
    logs: BTreeMap<LogId, Proven>,
    /// What the entries may mean by an address of a scan.
    named: BTreeSet<Hash>,
}

struct Proven {
    key: motcua_core::key::PublicKey,
    tree: Frontier,
    changes: Vec<(Hash, DossierId)>,
}

impl Judge<'_> {
    fn fits(&mut self, record: &Record) -> Fits {
        match record {
            Record::Lease(_) => Fits::Yes,
            Record::Author { log, binding, .. } => self.author(*log, binding),
            Record::Up { frame, .. } => self.frame(frame).unwrap_or(Fits::No),
            _ => Fits::No,
        }
    }

    fn author(&mut self, log: LogId, binding: &[u8]) -> Fits {
        if self.logs.contains_key(&log) {
            return Fits::Known;
        }
        let signed = Signed::decode::<Binding>(binding);
        let Ok(binding) = signed.and_then(|signed| self.identity.trust.binding(&signed)) else {
            return Fits::No;
        };
        if binding.office != self.office {
            return Fits::No;
        }
        let (key, tree, changes) = (binding.key, Frontier::default(), Vec::new());
        self.logs.insert(log, Proven { key, tree, changes });
        Fits::Yes
    }

    /// A frame that continues its log and is signed at its end.
    fn frame(&mut self, bytes: &[u8]) -> Option<Fits> {
        let head = wire::UpFrame::peek(bytes).ok()?;
        let log = self.logs.get_mut(&head.log)?;
        let held = log.tree.size();
        if head.last() <= held {
            return Some(Fits::Known);
        }
        if head.first > held + 1 {
            return None;
        }
        let frame = wire::decode_up(bytes, &log.key, |sequence| {
            log.changes.get(usize::try_from(sequence.checked_sub(1)?).ok()?).copied()
        })
        .ok()?;
        let (mut tree, mut fresh) = (log.tree.clone(), Vec::new());
        let mut named = Vec::new();
        for (sequence, entry) in (head.first..).zip(&frame.entries) {
            if sequence > held {
                tree.push(entry.leaf());
                fresh.push((entry.header.change_hash, entry.header.dossier));
                named.extend(addresses(&entry.payload));
            }
        }
        let (size, root) = (tree.size(), tree.root());
        let checkpoint = Checkpoint { log: head.log, size, root, signature: frame.signature };
        checkpoint.verify(&log.key, self.identity.trust.domain()).ok()?;
        log.tree = tree;
        log.changes.extend(fresh);
        self.named.extend(named);
        Some(Fits::Yes)
    }
}

/// Whatever in a payload has the form of a scan's address: 64 lower-case hexadecimal digits. Changes
/// are stored as they are written, so that every address in one can be seen; what else has the form
/// names no file.
fn addresses(payload: &[u8]) -> impl Iterator<Item = Hash> + '_ {
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let windows = payload.windows(2 * Hash::LEN).filter(move |window| window.iter().all(hex));
    windows.filter_map(|window| std::str::from_utf8(window).ok()?.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_address_in_a_payload_is_seen_wherever_it_stands() {
        let hash = |byte: u8| Hash([byte; 32]);
        let text = format!("\0x{}ff\u{7f}{{\"hash\":\"{}\"}}", hash(0xab), hash(0x01));
        let found: Vec<Hash> = addresses(text.as_bytes()).collect();
        assert!(found.contains(&hash(0xab)) && found.contains(&hash(0x01)));
        assert_eq!(addresses(b"0123").count() + addresses(&[b'a'; 63]).count(), 0);
        assert_eq!(addresses(&[b'A'; 64]).count(), 0);
    }
}
