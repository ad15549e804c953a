//! States that will not do: moved beside the folder under a name with the time, kept in a bounded
//! number, and never removed without a word. Everything in them is in the journal as well; they are
//! kept for whoever wants to know what happened.

use super::{beside, io};
use crate::{
    clock::{Clock, SystemClock},
    startup::Rebuild,
};
use motcua_core::{state::StoreError, time::Timestamp};
use motcua_dossier::code::Day;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// States kept aside: the newest shows what happened, the one before whether it happened again.
/// Each may be as large as the state itself.
pub const KEPT: usize = 2;

/// Local time of the offices, ahead of UTC.
const LOCAL_MILLIS: i64 = 7 * 3_600_000;

/// Why a state will not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It would not open, or what is read in it makes no sense.
    Damaged(String),
    /// It was made by another version.
    OtherLayout,
    /// It reflects more than the journal holds.
    AheadOfJournal,
    /// It failed while it was in use.
    Failed(String),
    /// The disk has no space to open it.
    NoSpace,
}

impl Why {
    /// One word, for metrics and programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::OtherLayout => "other_layout",
            Self::AheadOfJournal => "ahead_of_journal",
            Self::Failed(_) => "failed",
            Self::NoSpace => "disk_full",
        }
    }

    /// What happened, in Vietnamese.
    pub fn vi(&self) -> String {
        match self {
            Self::Damaged(why) => format!("Kho trạng thái bị hỏng ({why})"),
            Self::OtherLayout => "Kho trạng thái thuộc phiên bản khác".into(),
            Self::AheadOfJournal => "Kho trạng thái không khớp với sổ ghi".into(),
            Self::Failed(why) => format!("Kho trạng thái gặp lỗi khi đang chạy ({why})"),
            Self::NoSpace => {
                "Ổ đĩa của máy này đã đầy, kho trạng thái chưa mở được: hãy báo bộ phận CNTT dọn ổ đĩa, \
                 không cần khởi động lại máy"
                    .into()
            }
        }
    }

    /// What happened, in English.
    pub fn en(&self) -> String {
        match self {
            Self::Damaged(why) => format!("The state store is damaged ({why})"),
            Self::OtherLayout => "The state store is of another version".into(),
            Self::AheadOfJournal => "The state store does not fit the journal".into(),
            Self::Failed(why) => format!("The state store failed while it was in use ({why})"),
            Self::NoSpace => {
                "This machine's disk is full and the state store cannot be opened: tell \
                              central IT to free space; the machine need not be restarted"
                    .into()
            }
        }
    }
}

/// Moves the state in `dir` aside and says where it stands now. Of those moved aside before only the
/// newest are kept.
pub(super) fn set_aside(dir: &Path) -> Result<PathBuf, StoreError> {
    let stamp = beside(dir, &format!("aside-{}-", stamp(SystemClock::default().wall())));
    // A number behind the time: two within a second stay in order.
    let last = those_aside(dir)?
        .into_iter()
        .rev()
        .find_map(|aside| aside.to_str()?.strip_prefix(stamp.to_str()?)?.parse::<u32>().ok());
    let number = last.map_or(1, |last| last.saturating_add(1));
    let mut target = stamp.into_os_string();
    target.push(format!("{number:03}"));
    let target = PathBuf::from(target);
    let refused = |error| StoreError::Backend(format!("{}: {error}", dir.display()));
    std::fs::rename(dir, &target).map_err(refused)?;
    let mut all = those_aside(dir)?;
    let surplus = all.len().saturating_sub(KEPT);
    for old in all.drain(..surplus) {
        tracing::warn!(folder = %old.display(), kept = KEPT, "a state set aside long ago is removed");
        remove(&old);
    }
    Ok(target)
}

/// States that stand aside, the oldest first.
pub fn those_aside(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let prefix = beside(dir, "aside-");
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(parent) = dir.parent() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(io)? {
        let entry = entry.map_err(io)?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            found.push(entry.path());
        }
    }
    // Names are times: their order is that of the moves.
    found.sort();
    Ok(found)
}

/// Removes states that were set aside, after a purge: what was purged must not lie about in them, and
/// everything else in them is in the journal.
pub(crate) fn remove_set_aside(dir: &Path) {
    match those_aside(dir) {
        Ok(all) => {
            for aside in all {
                tracing::info!(folder = %aside.display(), "a state set aside is removed after a purge");
                remove(&aside);
            }
        }
        Err(error) => tracing::warn!(%error, "states set aside were not looked for"),
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "an old state was not removed");
    }
}

/// Notes that the state failed while it was in use, so that the next start does not trust it.
pub(crate) fn mark_failed(dir: &Path, why: &str) {
    if let Err(error) = crate::identity::replace_file(&beside(dir, "failed"), why.as_bytes()) {
        tracing::warn!(%error, "that the state failed is not on the disk");
    }
}

/// Why the state failed when it was in use last, if it did.
pub(super) fn failed(dir: &Path) -> Option<String> {
    let bytes = std::fs::read(beside(dir, "failed")).ok()?;
    Some(String::from_utf8_lossy(&bytes).chars().take(200).collect())
}

/// The state that failed stands aside.
pub(super) fn forget_failure(dir: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(beside(dir, "failed")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
        _ => Ok(()),
    }
}

/// Notes that a lost state is being made again, for starts that go on with it.
pub(crate) fn note_rebuild(dir: &Path, rebuild: &Rebuild) {
    let text = serde_json::to_vec(rebuild).unwrap_or_default();
    if let Err(error) = crate::identity::replace_file(&beside(dir, "rebuild"), &text) {
        tracing::warn!(%error, "that the state is being rebuilt is not on the disk");
    }
}

/// The rebuild that a start before this one began, if it is not done.
pub(crate) fn noted_rebuild(dir: &Path) -> Option<Rebuild> {
    serde_json::from_slice(&std::fs::read(beside(dir, "rebuild")).ok()?).ok()
}

/// The state is whole again.
pub(crate) fn end_rebuild(dir: &Path) {
    if let Err(error) = std::fs::remove_file(beside(dir, "rebuild"))
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the note of a rebuild was not removed; the next start repeats it");
    }
}

/// Local date and time as in a name that sorts.
fn stamp(now: Timestamp) -> String {
    let Day { year, month, day } = Day::of(now.0);
    let second = (now.0 + LOCAL_MILLIS).div_euclid(1_000).rem_euclid(24 * 3_600);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{:02}", second % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_says_when_in_local_time() {
        // 2026-11-25 02:14 UTC is 09:14 in Hồ Chí Minh City.
        assert_eq!(stamp(Timestamp(1_795_572_840_000)), "20261125-091400");
    }

    #[test]
    fn the_newest_states_are_kept_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let mut moved = Vec::new();
        for number in 0..5 {
            std::fs::create_dir(&state).unwrap();
            std::fs::write(state.join("number"), [number]).unwrap();
            moved.push(set_aside(&state).unwrap());
            assert!(!state.exists());
        }
        let mut kept: Vec<u8> = those_aside(&state)
            .unwrap()
            .iter()
            .map(|aside| std::fs::read(aside.join("number")).unwrap()[0])
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, [3, 4]);
        assert!(moved.iter().all(|name| name.to_string_lossy().contains("state.aside-20")));
        remove_set_aside(&state);
        assert_eq!(those_aside(&state).unwrap(), Vec::<PathBuf>::new());
    }
}
