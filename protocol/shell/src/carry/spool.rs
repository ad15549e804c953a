//! A bundle on its way through the service: a file in a folder of its own, gone when dropped.

use crate::engine::random;
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// A file that nobody else sees.
#[derive(Debug)]
pub struct Spool {
    file: File,
    path: PathBuf,
}

impl Spool {
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let name: String = random::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = dir.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self { file: options.open(&path)?, path })
    }

    /// The file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Bytes in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// The same file, read from its beginning.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self) -> io::Result<io::BufReader<File>> {
        Ok(io::BufReader::with_capacity(64 * 1024, File::open(&self.path)?))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // The next start removes what this cannot.
        let _ = fs::remove_file(&self.path);
    }
}

/// The folder, empty. It is made when something is to stand in it: a full disk ends no start.
pub(super) fn fresh_folder(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
