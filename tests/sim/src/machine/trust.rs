//! The trust documents of a machine, in a file of their own that is replaced whole.

use motcua_core::trust::TrustView;
use motcua_journal::{Fs, mem::MemFs};
use std::{io, path::Path};

const FILE: &str = "/identity/trust";
const BESIDE: &str = "/identity/trust.new";
const WORKED: &str = "/identity/worked-before";

/// Replaces the documents: written beside, synced, renamed, the folder synced.
pub(super) fn save(fs: &MemFs, trust: &TrustView) -> io::Result<()> {
    replace(fs, FILE, &trust.to_bytes())
}

/// The documents, if the file is there and whole.
pub(super) fn load(fs: &MemFs) -> Option<TrustView> {
    let bytes = fs.content(Path::new(FILE))?;
    TrustView::from_bytes(&bytes).ok()
}

/// Notes that this machine has begun to work.
pub(super) fn mark(fs: &MemFs) -> io::Result<()> {
    replace(fs, WORKED, b"")
}

/// Whether it has worked before.
pub(super) fn marked(fs: &MemFs) -> bool {
    fs.content(Path::new(WORKED)).is_some()
}

fn replace(fs: &MemFs, to: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = Path::new(BESIDE);
    match fs.remove(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = fs.create(beside)?;
    file.write_at(0, bytes)?;
    file.sync_data()?;
    fs.rename(beside, Path::new(to))?;
    fs.sync_dir(Path::new("/identity"))
}
