//! One scan on its way between two vaults, or being read where it lies: a stretch at a time, every
//! piece checked against the scan's address.

use crate::scans::{Hashed, Reading, Vault};
use motcua_core::{
    id::Hash,
    limits,
    replica::ScanTrouble,
    scan::{groups, leaf},
};
use motcua_journal::File;
use std::{io, path::PathBuf, sync::Arc};

/// Pieces of one stretch, 1 MiB: at the 10 MB/s of a slow stick an entry waits 0.1 s for one.
const STRETCH: u32 = 256;

/// What is done with a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Its copy is read.
    Check,
    /// It is copied to the other disk.
    Copy,
    /// It is brought back from there, because the file here is damaged.
    Back,
}

/// How a scan is doing.
#[derive(Debug)]
pub(super) enum Went {
    /// There is more to do.
    On,
    /// All of it was read, and written where it was to be.
    Done,
    /// The file that is read is not the scan, or cannot be read.
    Bad(ScanTrouble),
    /// The disk that is written refused; nothing of it stays.
    Refused(io::Error),
}

/// What is done with which scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) hash: Hash,
    pub(super) size: u64,
    /// Whether the hub lacks it.
    pub(super) unsent: bool,
    /// Whether the copy that is read was written a moment ago.
    pub(super) fresh: bool,
}

/// A scan in work.
pub(super) struct Job {
    pub(super) item: Item,
    reading: Reading,
    next: u32,
    out: Option<Out>,
}

/// Where it is written.
struct Out {
    vault: Vault,
    path: PathBuf,
    file: Arc<dyn File>,
    leaves: Vec<Hash>,
    settled: bool,
}

impl Drop for Out {
    fn drop(&mut self) {
        if !self.settled {
            // What stays is cleared away when the vault is opened next.
            let _ = self.vault.fs().remove(&self.path);
        }
    }
}

impl Job {
    /// Opens what is read, and a file to write unless it is only read.
    pub(super) fn begin(item: Item, here: &Vault, copy: &Vault) -> Result<Self, Went> {
        let (from, to) = match item.what {
            What::Check => (copy, copy),
            What::Copy => (here, copy),
            What::Back => (copy, here),
        };
        let reading = Reading::open(from, item.hash, item.size).map_err(Went::Bad)?;
        let out = match item.what {
            What::Check => None,
            What::Copy | What::Back => {
                let (path, file) = to.incoming().map_err(Went::Refused)?;
                let (vault, leaves) = (to.clone(), Vec::new());
                Some(Out { vault, path, file, leaves, settled: false })
            }
        };
        Ok(Self { item, reading, next: 0, out })
    }

    /// One stretch. When it says done, what was written is durable under its name.
    pub(super) fn step(&mut self) -> Went {
        let from = u64::from(self.next) * limits::SCAN_PIECE_BYTES as u64;
        let Item { hash, size, .. } = self.item;
        let until = groups(size).min(self.next.saturating_add(STRETCH));
        let mut bytes = Vec::new();
        for piece in self.next..until {
            match self.reading.piece(piece) {
                Ok(data) => {
                    if let Some(out) = &mut self.out {
                        out.leaves.push(leaf(piece, &data));
                        bytes.extend(data);
                    }
                }
                Err(trouble) => return Went::Bad(trouble),
            }
        }
        self.next = until;
        let Some(out) = &mut self.out else {
            return if until == groups(size) { Went::Done } else { Went::On };
        };
        if let Err(error) = out.file.write_at(from, &bytes) {
            return Went::Refused(error);
        }
        if until < groups(size) {
            return Went::On;
        }
        let found = Hashed { hash, size, leaves: std::mem::take(&mut out.leaves) };
        match out.vault.settle(&out.path, &*out.file, &found) {
            Ok(()) => {
                out.settled = true;
                Went::Done
            }
            Err(error) => Went::Refused(error),
        }
    }
}
