//! What stands on this machine's disk, by part: for whoever has to know whether it will do.

use crate::{engine::Engine, http::Metrics};
use motcua_core::state::StoreError;
use serde::Serialize;
use std::path::Path;

/// Bytes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DiskUse {
    /// Segments of the journal.
    pub journal: u64,
    /// The state store's files.
    pub state: u64,
    /// Scans that are here.
    pub scans: u64,
    /// Free for this program; none if the system does not say.
    pub free: Option<u64>,
}

/// Measures it: a look at a few files.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn disk_use(engine: &Engine) -> Result<DiskUse, StoreError> {
    let dir = engine.data_dir();
    let free = rustix::fs::statvfs(dir).ok();
    Ok(DiskUse {
        journal: bytes_in(&dir.join("journal"), 1),
        // sled keeps values that are too large for its log in a folder of their own.
        state: bytes_in(&dir.join("state"), 2),
        scans: engine.scans().counts()?.bytes,
        free: free.map(|found| found.f_bavail.saturating_mul(found.f_frsize)),
    })
}

/// The same for a scraper.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn collect(engine: &Engine, out: &mut Metrics) -> Result<(), StoreError> {
    let found = disk_use(engine)?;
    let name = "motcua_disk_bytes";
    out.family(name, "gauge", "Bytes on this machine's disk, by what they are for.");
    for (part, bytes) in
        [("journal", found.journal), ("state", found.state), ("scans", found.scans)]
    {
        out.sample(name, &[("part", part)], bytes as f64);
    }
    if let Some(free) = found.free {
        let name = "motcua_disk_free_bytes";
        out.family(name, "gauge", "Bytes that are free on the disk of the data.");
        out.sample(name, &[], free as f64);
    }
    Ok(())
}

/// Bytes of the files of a folder and of folders in it; what goes away meanwhile counts nothing.
pub(crate) fn bytes_in(dir: &Path, deep: u32) -> u64 {
    let Ok(files) = std::fs::read_dir(dir) else { return 0 };
    let bytes = files.flatten().map(|file| match file.metadata() {
        Ok(about) if about.is_dir() && deep > 1 => bytes_in(&file.path(), deep - 1),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_count_with_those_of_inner_folders_and_a_missing_folder_with_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("blobs/deeper")).unwrap();
        for (name, bytes) in [("db", 100), ("blobs/one", 30), ("blobs/deeper/two", 7)] {
            std::fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        assert_eq!((bytes_in(dir.path(), 1), bytes_in(dir.path(), 2)), (100, 130));
        assert_eq!(bytes_in(&dir.path().join("none"), 2), 0);
    }
}
