//! The file system of the machine.

use super::{File, Fs};
use std::{fs, io, os::unix::fs::FileExt, path::Path, sync::Arc, time::Instant};

/// `std::fs` with directory syncs, locks, and preallocation that writes its zeros.
#[derive(Debug, Clone, Copy)]
pub struct RealFs {
    start: Instant,
}

impl RealFs {
    /// The machine's file system.
    #[expect(clippy::disallowed_methods, reason = "an injected clock, of counters only")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for RealFs {
    fn default() -> Self {
        Self::new()
    }
}

impl Fs for RealFs {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_dir(parent)?;
        }
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let synced = self.sync_dir(parent.unwrap_or(Path::new(".")));
        if synced.is_err() {
            // Whoever finds it there takes its name for durable: it is made again, or stays in doubt with
            // what was put into it.
            let _ = fs::remove_dir(dir);
        }
        synced
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(RealFile(fs::OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Send>> {
        let handle = fs::File::open(dir)?;
        rustix::fs::flock(&handle, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(handle))
    }

    fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

struct RealFile(fs::File);

impl File for RealFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.0.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(got) => done += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        // Reserving first gives one contiguous extent and an early "disk full"; file systems that
        // cannot reserve are served by the zeros alone.
        let reserve = rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), 0, len);
        if let Err(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) = reserve {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let zeros = vec![0; 1 << 20];
        let mut done = 0;
        while done < len {
            let step = (len - done).min(zeros.len() as u64);
            self.0.write_all_at(&zeros[..step as usize], done)?;
            done += step;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
