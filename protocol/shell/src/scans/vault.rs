//! Where scans lie on the disk, and the one way in which a file gets its place there: written under
//! another name, synced, renamed, its directory synced.
//!
//! ```text
//! attachments/ab/cd/<hash>          a scan, whole
//! attachments/ab/cd/<hash>.tree     its leaves, 32 bytes for each 4 KiB
//! attachments/partial/<hash>        a scan that is being read from a peer, and .tree with the leaves
//!                                   of what was proved so far
//! attachments/incoming/<name>       being taken in at the counter; removed at the start
//! attachments/damaged/<hash>        files that did not hold their bytes, kept as evidence
//! ```

use motcua_core::{
    id::Hash,
    limits,
    scan::{Tree, groups, leaf, piece_range},
};
use motcua_journal::{File, Fs};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Bytes read at once when a whole file is hashed; a multiple of a piece.
const STRETCH: usize = 64 * limits::SCAN_PIECE_BYTES;

/// The directory of scans.
#[derive(Clone)]
pub struct Vault {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
}

/// What a whole file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// BLAKE3 of its bytes.
    pub hash: Hash,
    /// How many.
    pub size: u64,
    /// Leaves of its pieces.
    pub leaves: Vec<Hash>,
}

impl Vault {
    /// Opens the directory and clears away what was being taken in when the machine last stopped:
    /// nobody was told that it was saved.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path) -> io::Result<Self> {
        let vault = Self { fs, dir: dir.to_owned() };
        for name in ["partial", "incoming", "damaged"] {
            vault.fs.create_dir(&dir.join(name))?;
        }
        let incoming = dir.join("incoming");
        for name in vault.fs.list(&incoming)? {
            vault.fs.remove(&incoming.join(name))?;
        }
        Ok(vault)
    }

    /// The file system below.
    pub(crate) fn fs(&self) -> &dyn Fs {
        &*self.fs
    }

    /// Directory of everything.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A scan's file.
    pub fn path(&self, hash: Hash) -> PathBuf {
        let name = hash.to_string();
        self.dir.join(&name[..2]).join(&name[2..4]).join(name)
    }

    /// The leaves beside it.
    pub fn tree_path(&self, hash: Hash) -> PathBuf {
        self.path(hash).with_extension("tree")
    }

    /// A scan that is being read from a peer.
    pub(super) fn partial(&self, hash: Hash) -> PathBuf {
        self.dir.join("partial").join(hash.to_string())
    }

    /// A new file for something that is being taken in.
    pub(crate) fn incoming(&self) -> io::Result<(PathBuf, Arc<dyn File>)> {
        let name = u128::from_le_bytes(crate::engine::random());
        let path = self.dir.join("incoming").join(format!("{name:032x}"));
        let file = self.fs.create(&path)?;
        Ok((path, file))
    }

    /// Length of a scan's file, if there is one.
    ///
    /// # Errors
    /// What the file system says, except that there is no such file.
    pub fn length(&self, hash: Hash) -> io::Result<Option<u64>> {
        present(self.fs.open(&self.path(hash)))?.map(|file| file.len()).transpose()
    }

    /// Whether a scan's file is there and holds its bytes: all of them are read.
    ///
    /// # Errors
    /// When the file cannot be read; nothing is known about it then.
    pub fn is_whole(&self, hash: Hash, size: u64) -> io::Result<bool> {
        let Some(file) = present(self.fs.open(&self.path(hash)))? else { return Ok(false) };
        if file.len()? != size {
            return Ok(false);
        }
        let found = hash_file(&*file, &mut |_| {})?;
        if found.hash != hash {
            return Ok(false);
        }
        if self.tree(hash, size)?.is_none() {
            self.write_tree(hash, &found.leaves)?;
        }
        Ok(true)
    }

    /// A scan's leaves, if they are there and its own.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn tree(&self, hash: Hash, size: u64) -> io::Result<Option<Tree>> {
        let Some(file) = present(self.fs.open(&self.tree_path(hash)))? else { return Ok(None) };
        let leaves = read_leaves(&*file, groups(size))?;
        Ok(Tree::from_leaves(hash, size, leaves))
    }

    /// Gives a written file its place, with its leaves. When this returns both are durable.
    ///
    /// # Errors
    /// What the file system says; the scan is not here then.
    pub(crate) fn settle(&self, from: &Path, file: &dyn File, found: &Hashed) -> io::Result<()> {
        file.sync_data()?;
        let to = self.path(found.hash);
        let parent = to.parent().unwrap_or(&self.dir);
        self.fs.create_dir(parent)?;
        // Leaves first: a scan under its name always has them.
        self.write_tree(found.hash, &found.leaves)?;
        self.set_aside(found.hash)?;
        self.fs.rename(from, &to)?;
        self.fs.sync_dir(parent)?;
        if let Some(from) = from.parent() {
            self.fs.sync_dir(from)?;
        }
        Ok(())
    }

    fn write_tree(&self, hash: Hash, leaves: &[Hash]) -> io::Result<()> {
        let (path, file) = self.incoming()?;
        let bytes: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        file.write_at(0, &bytes)?;
        file.sync_data()?;
        self.fs.rename(&path, &self.tree_path(hash))
    }

    /// A file that does not hold its bytes makes room for a good one; it is never removed.
    pub(crate) fn set_aside(&self, hash: Hash) -> io::Result<()> {
        let path = self.path(hash);
        if present(self.fs.open(&path))?.is_none() {
            return Ok(());
        }
        let aside = self.dir.join("damaged");
        self.fs.rename(&path, &aside.join(hash.to_string()))?;
        self.fs.sync_dir(&aside)
    }

    /// Removes everything that is left of a scan: file, leaves, unfinished and damaged copies.
    ///
    /// # Errors
    /// What the file system says; call again then.
    pub fn remove(&self, hash: Hash) -> io::Result<()> {
        let partial = self.partial(hash);
        let damaged = self.dir.join("damaged").join(hash.to_string());
        self.remove_all(&[
            self.path(hash),
            self.tree_path(hash),
            partial.with_extension("tree"),
            partial,
            damaged,
        ])
    }

    /// Removes a whole scan's file; what lies beside it as evidence stays.
    ///
    /// # Errors
    /// What the file system says; call again.
    pub(super) fn let_go(&self, hash: Hash) -> io::Result<()> {
        self.remove_all(&[self.path(hash), self.tree_path(hash)])
    }

    fn remove_all(&self, paths: &[PathBuf]) -> io::Result<()> {
        for path in paths {
            present(self.fs.remove(path))?;
            if let Some(parent) = path.parent() {
                present(self.fs.sync_dir(parent))?;
            }
        }
        Ok(())
    }
}

/// `None` for a file that does not exist.
pub(crate) fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Stored leaves, at most as many as there may be.
pub(super) fn read_leaves(file: &dyn File, most: u32) -> io::Result<Vec<Hash>> {
    let length = file.len()?.min(u64::from(most) * Hash::LEN as u64);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let got = file.read_at(0, &mut bytes)?;
    Ok(bytes[..got].chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect())
}

/// Reads a whole file; `read` is told of the bytes as they come.
pub(crate) fn hash_file(file: &dyn File, read: &mut dyn FnMut(usize)) -> io::Result<Hashed> {
    let mut hasher = blake3::Hasher::new();
    let mut leaves = Vec::new();
    let mut buffer = vec![0; STRETCH];
    let mut size = 0;
    loop {
        let got = file.read_at(size, &mut buffer)?;
        if got == 0 {
            break;
        }
        hasher.update(&buffer[..got]);
        for data in buffer[..got].chunks(limits::SCAN_PIECE_BYTES) {
            let piece = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
            leaves.push(leaf(piece, data));
        }
        size += got as u64;
        read(got);
        if got < STRETCH || size > limits::SCAN_BYTES {
            break;
        }
    }
    Ok(Hashed { hash: Hash(*hasher.finalize().as_bytes()), size, leaves })
}

/// Reads a piece of a file of `size` bytes; shorter where the file is.
pub(super) fn read_piece(file: &dyn File, size: u64, piece: u32) -> io::Result<Vec<u8>> {
    let range = piece_range(size, piece);
    let mut data = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
    let got = file.read_at(range.start, &mut data)?;
    data.truncate(got);
    Ok(data)
}
