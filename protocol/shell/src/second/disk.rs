//! The folder on the other disk: its marker, and the journal in it.

use super::SecondSettings;
use crate::{engine::random, identity::replace_file};
use motcua_core::{
    id::{DomainId, LogId, NodeId},
    ledger::Me,
    record::Record,
    wire,
};
use motcua_journal::{Fs, Journal, JournalError, Lane, Options};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs as files, io,
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
    pub(super) fn io(dir: &Path, error: &io::Error) -> Self {
        match super::shelf::is_full(error) {
            true => Self::Full(dir.to_owned()),
            false => failed(dir, error),
        }
    }

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
        fs: Arc<dyn Fs>,
    ) -> Result<Self, DiskError> {
        let dir = settings.dir.clone();
        let away = || DiskError::Away(dir.clone());
        let there = files::metadata(&dir).map_err(|_| away())?;
        let here = files::metadata(data_dir).map_err(|error| failed(&dir, &error))?;
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
        let journal = open_journal(fs, &dir, me.node)?;
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
pub(super) fn open_journal(
    fs: Arc<dyn Fs>,
    dir: &Path,
    node: NodeId,
) -> Result<Journal, DiskError> {
    let mut options = Options::new(node.0, random);
    options.segment_size = SEGMENT;
    let opened = Journal::open(fs, &dir.join("journal"), options);
    let (journal, recovery) = opened.map_err(|error| refused(dir, &error))?;
    for hole in &recovery.holes {
        tracing::warn!(?hole, "records of the second copy are damaged; they are written again");
    }
    Ok(journal)
}

pub(super) fn read_marker(dir: &Path) -> Result<Option<Marker>, DiskError> {
    match files::read_to_string(dir.join(MARKER)) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_core::id::OfficeId;
    use motcua_journal::mem::MemFs;
    use tempfile::TempDir;

    struct Office {
        data: TempDir,
        stick: TempDir,
        fs: MemFs,
    }

    impl Office {
        fn new() -> Self {
            let (data, stick) = (TempDir::new().unwrap(), TempDir::new().unwrap());
            Self { data, stick, fs: MemFs::new() }
        }

        fn open_as(&self, node: u8, same_disk: bool) -> Result<Disk, DiskError> {
            let me = Me { node: NodeId([node; 16]), office: OfficeId([1; 16]) };
            let settings = SecondSettings { dir: self.stick.path().to_owned(), same_disk };
            let fs = Arc::new(self.fs.clone());
            Disk::open(&settings, self.data.path(), me, DomainId([7; 16]), fs)
        }

        fn open(&self) -> Result<Disk, DiskError> {
            self.open_as(1, true)
        }
    }

    fn lease(number: u16) -> Vec<u8> {
        [&number.to_le_bytes()[..], &[0; 2_000]].concat()
    }

    #[test]
    fn a_full_stick_is_told_and_goes_on_where_it_was_once_there_is_room() {
        let office = Office::new();
        let mut disk = office.open().unwrap();
        for number in 0..100 {
            disk.lease(lease(number)).unwrap();
        }
        disk.sync().unwrap();
        office.fs.disk_full_after(Some(0));
        let mut full = None;
        for number in 100..2_000 {
            let written = disk.lease(lease(number)).and_then(|()| disk.sync());
            if let Err(error) = written {
                full = Some(error);
                break;
            }
        }
        let error = full.expect("a full disk refuses in the end");
        assert_eq!(error.kind(), "full", "{error}");
        assert!(!error.loses_count(), "what was synced is still there");
        drop(disk);
        office.fs.disk_full_after(None);
        let mut disk = office.open().unwrap();
        assert!(disk.leases.len() >= 100, "{}", disk.leases.len());
        for number in 0..2_000 {
            disk.lease(lease(number)).unwrap();
        }
        disk.sync().unwrap();
        drop(disk);
        assert_eq!(office.open().unwrap().leases.len(), 2_000);
    }

    #[test]
    fn sticks_are_told_apart() {
        let office = Office::new();
        drop(office.open().unwrap());
        assert_eq!(office.open_as(2, true).err().unwrap().kind(), "wrong");
        let marker = office.stick.path().join(MARKER);
        let ours = files::read_to_string(&marker).unwrap();
        files::remove_file(&marker).unwrap();
        assert_eq!(office.open().err().unwrap().kind(), "away", "an empty mount point");
        let stick = read_marker(office.data.path()).unwrap().unwrap().stick;
        files::write(&marker, ours.replace(&stick, &"0".repeat(32))).unwrap();
        assert_eq!(office.open().err().unwrap().kind(), "away", "another stick of this machine");
        files::write(&marker, "not a marker").unwrap();
        assert_eq!(office.open().err().unwrap().kind(), "failed");
        files::write(&marker, &ours).unwrap();
        assert!(office.open().is_ok());
    }

    #[test]
    fn a_stick_that_is_pulled_is_noticed_before_more_is_said_to_be_on_it() {
        let office = Office::new();
        let disk = office.open().unwrap();
        assert!(disk.present().is_ok());
        files::remove_file(office.stick.path().join(MARKER)).unwrap();
        assert_eq!(disk.present().err().unwrap().kind(), "away");
    }

    #[test]
    fn a_folder_on_the_disk_of_the_data_is_no_second_place() {
        let office = Office::new();
        assert_eq!(office.open_as(1, false).err().unwrap().kind(), "same_disk");
    }
}
