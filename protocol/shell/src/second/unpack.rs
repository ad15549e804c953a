//! Scans out of a second copy: each is read against its address and its first bytes, and put into
//! the vault here in the vault's order. What is there already from a restore that was cut stays.

use super::{SCANS, restore::RestoreError};
use crate::scans::{Hashed, Vault, free_bytes, hash_file, present};
use motcua_core::{id::Hash, limits, scan::Media};
use motcua_journal::{File, RealFs};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes copied at once.
const STRETCH: usize = 1024 * 1024;
/// Free bytes that stay for the journal here.
const RESERVE: u64 = 256 * 1024 * 1024;

/// What came of it.
pub(super) struct Unpacked {
    /// Scans that are durable here, with their bytes.
    pub(super) scans: Vec<(Hash, u64)>,
    /// Files that are no whole scan.
    pub(super) left_out: u64,
}

/// Copies every whole scan of the copy in `from` that the entries there may name into the vault of
/// `data_dir`. What other offices' dossiers named comes from the hub again, if they still do.
pub(super) fn unpack(
    from: &Path,
    data_dir: &Path,
    named: &BTreeSet<Hash>,
) -> Result<Unpacked, RestoreError> {
    let dir = from.join(SCANS);
    let io = |file: &Path| {
        let file = file.to_owned();
        move |source| RestoreError::Io { file, source }
    };
    let mut found = files(&dir).map_err(io(&dir))?;
    found.retain(|(hash, _, _)| named.contains(hash));
    let mut unpacked = Unpacked { scans: Vec::new(), left_out: 0 };
    if found.is_empty() {
        return Ok(unpacked);
    }
    let to = data_dir.join("attachments");
    let vault = Vault::open(Arc::new(RealFs::new()), &to).map_err(io(&to))?;
    let missing = missing(&vault, &found);
    if free_bytes(&to).is_some_and(|free| free < missing + RESERVE) {
        return Err(RestoreError::NoRoom(missing.div_ceil(1_000_000)));
    }
    for (hash, path, size) in found {
        match copy(&vault, hash, size, &path) {
            Ok(true) => unpacked.scans.push((hash, size)),
            Ok(false) => unpacked.left_out += 1,
            Err(Trouble::There(error)) => {
                tracing::warn!(%error, scan = %hash, "a copy cannot be read and is left out");
                unpacked.left_out += 1;
            }
            Err(Trouble::Here(source)) => {
                return Err(RestoreError::Io { file: vault.path(hash), source });
            }
        }
    }
    Ok(unpacked)
}

fn missing(vault: &Vault, found: &[(Hash, PathBuf, u64)]) -> u64 {
    let lacks = |hash: &Hash, size: &u64| !matches!(vault.length(*hash), Ok(Some(length)) if length == *size);
    found.iter().filter(|(hash, _, size)| lacks(hash, size)).map(|(_, _, size)| size).sum()
}

/// Which disk refused.
enum Trouble {
    There(io::Error),
    Here(io::Error),
}

/// Whether the file is that scan; it is durable here then.
fn copy(vault: &Vault, hash: Hash, size: u64, path: &Path) -> Result<bool, Trouble> {
    use motcua_journal::Fs;
    if size == 0 || size > limits::SCAN_BYTES {
        return Ok(false);
    }
    let file = RealFs::new().open(path).map_err(Trouble::There)?;
    let mut first = [0; 16];
    let got = file.read_at(0, &mut first).map_err(Trouble::There)?;
    let found = hash_file(&*file, &mut |_| {}).map_err(Trouble::There)?;
    if found.hash != hash || Media::of(&first[..got]).is_err() {
        return Ok(false);
    }
    if vault.is_whole(hash, size).map_err(Trouble::Here)? {
        return Ok(true);
    }
    let (incoming, out) = vault.incoming().map_err(Trouble::Here)?;
    let written = write(&*file, &*out, &found);
    let whole = match written {
        Ok(whole) => whole,
        Err(trouble) => {
            // What stays is cleared away when the vault is opened next.
            let _ = vault.fs().remove(&incoming);
            return Err(trouble);
        }
    };
    if !whole {
        let _ = present(vault.fs().remove(&incoming));
        return Ok(false);
    }
    vault.settle(&incoming, &*out, &found).map_err(Trouble::Here)?;
    Ok(true)
}

/// Copies, and reads what was written: whether it is what was found before.
fn write(from: &dyn File, to: &dyn File, found: &Hashed) -> Result<bool, Trouble> {
    let mut buffer = vec![0; STRETCH];
    let mut at = 0;
    while at < found.size {
        let got = from.read_at(at, &mut buffer).map_err(Trouble::There)?;
        if got == 0 {
            return Ok(false);
        }
        to.write_at(at, &buffer[..got]).map_err(Trouble::Here)?;
        at += got as u64;
    }
    let written = hash_file(to, &mut |_| {}).map_err(Trouble::Here)?;
    Ok(written == *found)
}

/// Files named as scans are, two folders deep, with their lengths; in order, so that a restore that
/// was cut goes on alike.
fn files(dir: &Path) -> io::Result<Vec<(Hash, PathBuf, u64)>> {
    let mut found = Vec::new();
    for outer in folders(dir)? {
        for inner in folders(&outer)? {
            for entry in fs::read_dir(&inner)? {
                let entry = entry?;
                let name = entry.file_name();
                let hash = name.to_str().and_then(|name| name.parse::<Hash>().ok());
                if let (Some(hash), true) = (hash, entry.file_type()?.is_file()) {
                    found.push((hash, entry.path(), entry.metadata()?.len()));
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Folders with names of two hexadecimal digits.
fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let hex = name.to_str().is_some_and(|name| {
            name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if hex && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
