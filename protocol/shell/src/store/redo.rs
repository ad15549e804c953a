//! Rows on their way to sled, in a file of their own first. sled keeps the waste of a batch until the
//! batch is through, so many rows go to it in small ones; a crash in between would leave some of them
//! there and others not. A mark in sled says that this is so, and from the file they are done again.
//!
//! ```text
//! 0  "mcredo1\n" | 8 mark 8 | 16 rows: n u32, then n times key length u32, key, value length u32
//!    (u32::MAX: removed), value | BLAKE3 of all before
//! ```
//! No barrier is asked of the disk: after a power cut sled itself may be anything, and where mark and
//! file do not fit the state is rebuilt.

use super::recent::Rows;
use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const MAGIC: [u8; 8] = *b"mcredo1\n";
const HASH: usize = 32;
const REMOVED: u32 = u32::MAX;

/// Name of the tree and key of the mark.
pub(super) const TREE: &str = "redo";
pub(super) const MARK: &[u8] = b"under way";

/// The file beside a store.
pub(super) fn path(store: &Path) -> PathBuf {
    super::beside(store, "redo")
}

/// Writes rows under a mark.
///
/// # Errors
/// What the system says.
pub(super) fn write(path: &Path, mark: u64, rows: &Rows) -> io::Result<()> {
    let mut file =
        Hashing { out: BufWriter::new(fs::File::create(path)?), hash: blake3::Hasher::new() };
    file.put(&MAGIC)?;
    file.put(&mark.to_le_bytes())?;
    file.put(&length(rows.len())?.to_le_bytes())?;
    for (key, value) in rows {
        file.put(&length(key.len())?.to_le_bytes())?;
        file.put(key)?;
        match value {
            Some(value) => {
                file.put(&length(value.len())?.to_le_bytes())?;
                file.put(value)?;
            }
            None => file.put(&REMOVED.to_le_bytes())?,
        }
    }
    let hash = file.hash.finalize();
    file.out.write_all(hash.as_bytes())?;
    file.out.flush()
}

/// The rows written under this mark; `None` if the file holds anything else.
///
/// # Errors
/// What the system says; a file that is not there is one that holds nothing.
pub(super) fn read(path: &Path, mark: u64) -> io::Result<Option<Rows>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((body, hash)) = bytes.split_last_chunk::<HASH>() else { return Ok(None) };
    if blake3::hash(body).as_bytes() != hash {
        return Ok(None);
    }
    Ok(rows(body, mark))
}

/// Removes the file: what was purged must not lie about in it.
///
/// # Errors
/// What the system says.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

struct Hashing {
    out: BufWriter<fs::File>,
    hash: blake3::Hasher,
}

impl Hashing {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }
}

fn length(length: usize) -> io::Result<u32> {
    let fits = u32::try_from(length).ok().filter(|length| *length != REMOVED);
    fits.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a row is too long"))
}

fn rows(body: &[u8], mark: u64) -> Option<Rows> {
    let mut left = body;
    let mut take = |length: usize| {
        let (head, rest) = left.split_at_checked(length)?;
        left = rest;
        Some(head)
    };
    if take(MAGIC.len())? != MAGIC || take(8)? != mark.to_le_bytes() {
        return None;
    }
    let count = number(take(4)?)?;
    let mut rows = Rows::new();
    for _ in 0..count {
        let length = number(take(4)?)?;
        let key = take(length as usize)?.to_vec();
        let value = match number(take(4)?)? {
            REMOVED => None,
            length => Some(take(length as usize)?.to_vec()),
        };
        rows.insert(key, value);
    }
    left.is_empty().then_some(rows)
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_come_back_under_their_mark_and_no_bent_file_gives_any() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        let rows = Rows::from([
            (vec![1], Some(vec![7; 300])),
            (vec![2, 3], None),
            (vec![4], Some(vec![])),
        ]);
        assert_eq!(read(&path, 5).unwrap(), None, "no file");
        write(&path, 5, &rows).unwrap();
        assert_eq!(read(&path, 5).unwrap(), Some(rows));
        assert_eq!(read(&path, 6).unwrap(), None, "another mark");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x10;
            fs::write(&path, &bent).unwrap();
            assert_eq!(read(&path, 5).unwrap(), None, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(&path, 5).unwrap(), None, "cut at {at}");
        }
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}
