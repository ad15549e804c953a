//! The folder on the other disk: its marker, and the journal in it.

use super::SecondSettings;
use crate::{engine::random, identity::replace_file};
use motcua_core::{
    id::{DomainId, LogId, NodeId},
    ledger::Me,
    record::Record,
    wire,
};
use motcua_journal::{Journal, JournalError, Lane, Options, RealFs};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// File that tells one stick from another, in the folder and in the data directory.
pub const MARKER: &str = "motcua-second-copy.toml";
/// Bytes of a segment: a stick is small, and a year of an office a few MB.
const SEGMENT: u64 = 1024 * 1024;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Machine whose work stands here.
    pub(super) node: String,
    /// City.
    pub(super) domain: String,
    /// This very stick.
    pub(super) stick: String,
}

/// Why the copy is not being written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Nothing is mounted there, or not the stick that was used.
    #[error(
        "{0} is not there, or holds another stick than the one in use; put the stick in, or, to \
         use a new one, delete {MARKER} in the data folder"
    )]
    Away(PathBuf),
    /// The stick of another machine.
    #[error("{0} holds the copy of another machine; nothing is written over it")]
    Wrong(PathBuf),
    /// No second place at all.
    #[error("{0} is on the same disk as the data; a copy there would die with it")]
    SameDisk(PathBuf),
    /// The disk is full.
    #[error("{0} is full; use a larger stick or free space on it")]
    Full(PathBuf),
    /// The disk refused.
    #[error("{dir} cannot be written: {why}")]
    Failed {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        why: String,
    },
    /// What should be copied cannot be read.
    #[error("what should be copied cannot be read: {0}")]
    Source(String),
}

impl DiskError {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Away(_) => "away",
            Self::Wrong(_) => "wrong",
            Self::SameDisk(_) => "same_disk",
            Self::Full(_) => "full",
            Self::Failed { .. } => "failed",
            Self::Source(_) => "unreadable",
        }
    }

    /// Whether nothing may be said any more of what stands there.
    pub(super) fn loses_count(&self) -> bool {
        match self {
            Self::Away(_) | Self::Full(_) | Self::Source(_) => false,
            Self::Wrong(_) | Self::SameDisk(_) | Self::Failed { .. } => true,
        }
    }

    pub(super) fn vi(&self) -> String {
        match self {
            Self::Away(dir) => format!(
                "Chưa gắn USB hoặc gắn nhầm USB khác tại {}; hãy gắn lại, hoặc để dùng USB mới hãy \
                 xóa tệp {MARKER} trong thư mục dữ liệu.",
                dir.display()
            ),
            Self::Wrong(dir) => {
                format!("{} chứa bản sao của máy khác; không ghi đè.", dir.display())
            }
            Self::SameDisk(dir) => {
                format!("{} nằm cùng ổ đĩa với dữ liệu; hỏng ổ là mất cả hai.", dir.display())
            }
            Self::Full(dir) => format!("{} đã đầy; hãy dùng USB lớn hơn.", dir.display()),
            Self::Failed { dir, why } => format!("{} không ghi được ({why}).", dir.display()),
            Self::Source(why) => format!("Không đọc được dữ liệu cần sao chép ({why})."),
        }
    }
}

/// The open copy.
pub(super) struct Disk {
    dir: PathBuf,
    marker: Marker,
    journal: Journal,
    /// Synced there, and appended.
    held: BTreeMap<LogId, u64>,
    appended: BTreeMap<LogId, u64>,
    leases: BTreeSet<[u8; 32]>,
    authors: BTreeSet<LogId>,
}

impl Disk {
    /// Opens the copy, or begins one on a stick that holds none. Every record is read: what is
    /// damaged is written again.
    pub(super) fn open(
        settings: &SecondSettings,
        data_dir: &Path,
        me: Me,
        domain: DomainId,
    ) -> Result<Self, DiskError> {
        let dir = settings.dir.clone();
        let away = || DiskError::Away(dir.clone());
        let there = fs::metadata(&dir).map_err(|_| away())?;
        let here = fs::metadata(data_dir).map_err(|error| failed(&dir, &error))?;
        if there.dev() == here.dev() && !settings.same_disk {
            return Err(DiskError::SameDisk(dir));
        }
        let remembered = read_marker(data_dir)?;
        let marker = match (read_marker(&dir)?, remembered) {
            (Some(marker), _) if marker.node != me.node.to_string() => {
                return Err(DiskError::Wrong(dir));
            }
            (Some(marker), Some(known)) if marker.stick != known.stick => return Err(away()),
            (Some(marker), _) => marker,
            (None, Some(_)) => return Err(away()),
            (None, None) => Marker {
                node: me.node.to_string(),
                domain: domain.to_string(),
                stick: random::<16>().iter().map(|byte| format!("{byte:02x}")).collect(),
            },
        };
        let text = toml::to_string(&marker).unwrap_or_default();
        for folder in [&dir, data_dir] {
            let file = folder.join(MARKER);
            if !file.exists() {
                replace_file(&file, text.as_bytes()).map_err(|error| failed(&dir, &error))?;
            }
        }
        let journal = open_journal(&dir, me.node)?;
        let mut disk = Self {
            dir,
            marker,
            journal,
            held: BTreeMap::new(),
            appended: BTreeMap::new(),
            leases: BTreeSet::new(),
            authors: BTreeSet::new(),
        };
        disk.count();
        Ok(disk)
    }

    /// Counts what is there without a hole; whatever is behind one is written again.
    fn count(&mut self) {
        for raw in self.journal.view().iter_from(1) {
            // Damage found now: what it held is missing, and so is written again.
            let Ok(raw) = raw else { continue };
            match Record::decode(raw.kind, &raw.payload) {
                Ok(Record::Up { frame, .. }) => {
                    let Ok(head) = wire::UpFrame::peek(&frame) else { continue };
                    let held = self.held.entry(head.log).or_default();
                    if head.first <= *held + 1 {
                        *held = (*held).max(head.last());
                    }
                }
                Ok(Record::Lease(lease)) => {
                    self.leases.insert(*blake3::hash(&lease).as_bytes());
                }
                Ok(Record::Author { log, .. }) => {
                    self.authors.insert(log);
                }
                _ => {}
            }
        }
        self.appended = self.held.clone();
    }

    /// Whether the very stick is still there: a journal's open files outlive an unmounted disk.
    pub(super) fn present(&self) -> Result<(), DiskError> {
        match read_marker(&self.dir)? {
            Some(marker) if marker == self.marker => Ok(()),
            _ => Err(DiskError::Away(self.dir.clone())),
        }
    }

    pub(super) fn held(&self, log: LogId) -> u64 {
        self.held.get(&log).copied().unwrap_or_default()
    }

    pub(super) fn all_held(&self) -> &BTreeMap<LogId, u64> {
        &self.held
    }

    pub(super) fn lease(&mut self, lease: Vec<u8>) -> Result<(), DiskError> {
        if self.leases.insert(*blake3::hash(&lease).as_bytes()) {
            self.append(&Record::Lease(lease))?;
        }
        Ok(())
    }

    /// Who writes a log; once a log.
    pub(super) fn author(&mut self, record: &Record) -> Result<(), DiskError> {
        match record {
            Record::Author { log, .. } if self.authors.insert(*log) => self.append(record),
            _ => Ok(()),
        }
    }

    pub(super) fn append(&mut self, record: &Record) -> Result<(), DiskError> {
        if let Record::Up { frame, .. } = record
            && let Ok(head) = wire::UpFrame::peek(frame)
        {
            let upto = self.appended.entry(head.log).or_default();
            *upto = (*upto).max(head.last());
        }
        let appended = self.journal.append(Lane::Own, record.kind(), &record.encode());
        appended.map(drop).map_err(|error| refused(&self.dir, &error))
    }

    /// Only what is synced counts.
    pub(super) fn sync(&mut self) -> Result<(), DiskError> {
        self.journal.commit().map_err(|error| refused(&self.dir, &error))?;
        self.held = self.appended.clone();
        Ok(())
    }
}

/// The journal in a copy's folder.
pub(super) fn open_journal(dir: &Path, node: NodeId) -> Result<Journal, DiskError> {
    let mut options = Options::new(node.0, random);
    options.segment_size = SEGMENT;
    let opened = Journal::open(Arc::new(RealFs::new()), &dir.join("journal"), options);
    let (journal, recovery) = opened.map_err(|error| refused(dir, &error))?;
    for hole in &recovery.holes {
        tracing::warn!(?hole, "records of the second copy are damaged; they are written again");
    }
    Ok(journal)
}

pub(super) fn read_marker(dir: &Path) -> Result<Option<Marker>, DiskError> {
    match fs::read_to_string(dir.join(MARKER)) {
        Ok(text) => toml::from_str(&text).map(Some).map_err(|_| DiskError::Failed {
            dir: dir.to_owned(),
            why: format!("{MARKER} cannot be read"),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(dir, &error)),
    }
}

fn failed(dir: &Path, error: &dyn std::fmt::Display) -> DiskError {
    DiskError::Failed { dir: dir.to_owned(), why: error.to_string() }
}

fn refused(dir: &Path, error: &JournalError) -> DiskError {
    match error.is_disk_full() {
        true => DiskError::Full(dir.to_owned()),
        false => failed(dir, error),
    }
}
