//! Writing a base: streamed, synced, read back, and only then given its name.

use super::{Base, FOOTER_MAGIC, NO_MORE_FRAMES, encode_header, name, parse_name};
use crate::{
    Lsn,
    error::{JournalError, Result},
    frame,
    fs::{File, Fs},
    limits, names,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Streams pairs into a new base. Memory stays at about one frame. Dropped without
/// [`Self::finish`], or when that fails, it takes its temporary file away: on a full disk that is the
/// space which everything else waits for. What a crash leaves, [`Base::newest`] removes.
pub struct BaseWriter {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    temporary: PathBuf,
    file: Arc<dyn File>,
    lsn: Lsn,
    owner: [u8; 16],
    at: u64,
    raw: Vec<u8>,
    items: u32,
    pairs: u64,
    frames: u64,
    whole: blake3::Hasher,
    content: blake3::Hasher,
    /// The file has its name.
    named: bool,
}

impl Drop for BaseWriter {
    fn drop(&mut self) {
        if !self.named {
            // A leftover is removed at the next opening too.
            let _ = self.fs.remove(&self.temporary);
        }
    }
}

impl BaseWriter {
    /// Begins a base in `dir` that reflects the journal up to `lsn`. `writer` is name and version of
    /// the program.
    ///
    /// # Errors
    /// When the directory or file cannot be made.
    pub fn create(
        fs: Arc<dyn Fs>,
        dir: &Path,
        lsn: Lsn,
        owner: [u8; 16],
        writer: &str,
    ) -> Result<Self> {
        fs.create_dir(dir).map_err(|error| JournalError::io("create", dir, &error))?;
        let temporary = dir.join(format!("base-{lsn:016x}.tmp"));
        match fs.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::io("remove", &temporary, &error));
            }
            _ => {}
        }
        let file = fs
            .create(&temporary)
            .map_err(|error| JournalError::io("create", &temporary, &error))?;
        let mut base = Self {
            fs,
            dir: dir.to_owned(),
            temporary,
            file,
            lsn,
            owner,
            at: 0,
            raw: Vec::new(),
            items: 0,
            pairs: 0,
            frames: 0,
            whole: blake3::Hasher::new(),
            content: blake3::Hasher::new(),
            named: false,
        };
        base.write(&encode_header(lsn, &owner, writer))?;
        Ok(base)
    }

    /// Adds a pair. Order and uniqueness are the caller's.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] changes nothing; after any other failure drop the writer.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        for (what, len, limit) in [
            ("base key", key.len(), limits::MAX_KEY),
            ("base value", value.len(), limits::MAX_VALUE),
        ] {
            if len > limit {
                return Err(JournalError::TooLarge { what, len, limit });
            }
        }
        self.raw.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.raw.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.raw.extend_from_slice(key);
        self.raw.extend_from_slice(value);
        self.items += 1;
        self.pairs += 1;
        if self.raw.len() >= limits::FRAME { self.close_frame() } else { Ok(()) }
    }

    /// Completes the base: footer, sync, read back whole, rename, sync the directory, and then
    /// removes bases older than the last [`limits::BASES_KEPT`] valid ones.
    ///
    /// # Errors
    /// The base does not exist then; older ones are as before.
    pub fn finish(mut self) -> Result<Base> {
        if self.items > 0 {
            self.close_frame()?;
        }
        self.write(&NO_MORE_FRAMES)?;
        let mut footer = Vec::new();
        footer.extend_from_slice(&self.pairs.to_le_bytes());
        footer.extend_from_slice(&self.frames.to_le_bytes());
        footer.extend_from_slice(self.content.finalize().as_bytes());
        footer.extend_from_slice(FOOTER_MAGIC);
        self.write(&footer)?;
        let hash = self.whole.finalize();
        self.write(hash.as_bytes())?;
        self.file.sync_data().map_err(|error| JournalError::io("sync", &self.temporary, &error))?;
        Base::open(&*self.fs, &self.temporary, &self.owner)?;
        let path = self.dir.join(name(self.lsn));
        let renamed = self.fs.rename(&self.temporary, &path);
        self.named = renamed.is_ok();
        renamed
            .and_then(|()| self.fs.sync_dir(&self.dir))
            .map_err(|error| JournalError::io("rename", &self.temporary, &error))?;
        let base = Base::open(&*self.fs, &path, &self.owner)?;
        self.remove_old()?;
        Ok(base)
    }

    /// Removes what is older than the valid ones to keep; a damaged one does not count and is set
    /// aside.
    fn remove_old(&self) -> Result<()> {
        let fail = |action| move |error| JournalError::io(action, &self.dir, &error);
        let files = self.fs.list(&self.dir).map_err(fail("list"))?;
        let mut older: Vec<_> = files
            .iter()
            .filter(|file| parse_name(file).is_some_and(|lsn| lsn < self.lsn))
            .collect();
        older.sort();
        let mut valid = 1;
        for file in older.into_iter().rev() {
            let path = self.dir.join(file);
            if valid >= limits::BASES_KEPT {
                self.fs.remove(&path).map_err(|error| JournalError::io("remove", &path, &error))?;
                continue;
            }
            match Base::open(&*self.fs, &path, &self.owner) {
                Ok(_) => valid += 1,
                Err(JournalError::Unverified { what, .. }) => {
                    tracing::error!(path = %path.display(), what, "a base is damaged, set aside");
                    names::set_aside(&*self.fs, &self.dir, file, &files)?;
                }
                Err(error) => return Err(error),
            }
        }
        self.fs.sync_dir(&self.dir).map_err(fail("sync directory"))
    }

    fn close_frame(&mut self) -> Result<()> {
        let bytes = frame::encode(&self.raw, self.items, 0, 0)
            .map_err(|error| JournalError::io("compress", &self.temporary, &error))?;
        self.content.update(&self.raw);
        self.write(&bytes)?;
        self.raw.clear();
        self.items = 0;
        self.frames += 1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_at(self.at, bytes)
            .map_err(|error| JournalError::io("write", &self.temporary, &error))?;
        self.whole.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }
}
