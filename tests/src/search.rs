//! Whether bytes lie anywhere in a data directory: in the files as they are, in whatever zstd
//! frame lies in them, in every record of the journal decoded, and in every pair of the state store.

use anyhow::Context;
use motcua_core::{
    entry::Entry,
    id::NodeId,
    record::Record,
    wire::{DownFrame, RowItem, decode_entry},
};
use motcua_journal::{Journal, Options, RealFs};
use motcua_shell::{identity::Identity, store::SledStore};
use std::{fs, io::Read, path::Path, sync::Arc};

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Find {
    /// In a file, as it is.
    File(String),
    /// In a zstd frame in a file.
    Packed(String),
    /// In a decoded record of the journal.
    Journal(u64),
    /// In a pair of the state store.
    State,
}

/// How much was looked at, so that a search of nothing is not taken for a clean one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files.
    pub files: usize,
    /// Records of the journal.
    pub records: usize,
    /// Entries in them.
    pub entries: usize,
    /// Pairs of the state.
    pub pairs: usize,
}

/// Looks for any of the markers in a data directory whose process does not run; journal and state
/// are opened as copies, so that looking changes nothing.
///
/// # Errors
/// If something cannot be read or decoded.
pub fn search(data: &Path, markers: &[&[u8]]) -> anyhow::Result<(Vec<Find>, Looked)> {
    let mut search = Search { markers, finds: Vec::new(), looked: Looked::default() };
    search.files(data, data)?;
    let copy = tempfile::tempdir()?;
    for folder in ["journal", "state"] {
        copy_all(&data.join(folder), &copy.path().join(folder))?;
    }
    let owner = Identity::load(data)?.device.public().node_id();
    search.journal(owner, &copy.path().join("journal"))?;
    search.state(&copy.path().join("state"))?;
    search.finds.sort();
    search.finds.dedup();
    Ok((search.finds, search.looked))
}

/// Whether bytes hold a marker, as they are or in a zstd frame in them.
pub fn holds(bytes: &[u8], marker: &[u8]) -> bool {
    contains(bytes, marker) || unpacked(bytes).iter().any(|raw| contains(raw, marker))
}

struct Search<'a> {
    markers: &'a [&'a [u8]],
    finds: Vec<Find>,
    looked: Looked,
}

impl Search<'_> {
    fn is_in(&self, bytes: &[u8]) -> bool {
        self.markers.iter().any(|marker| contains(bytes, marker))
    }

    fn files(&mut self, root: &Path, folder: &Path) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                self.files(root, &path)?;
                continue;
            }
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            self.looked.files += 1;
            if self.is_in(&bytes) {
                self.finds.push(Find::File(name.clone()));
            }
            if unpacked(&bytes).iter().any(|raw| self.is_in(raw)) {
                self.finds.push(Find::Packed(name));
            }
        }
        Ok(())
    }

    fn journal(&mut self, owner: NodeId, dir: &Path) -> anyhow::Result<()> {
        let (journal, _) = Journal::open(Arc::new(RealFs::new()), dir, Options::seeded(owner.0, 1))
            .context("the journal does not open")?;
        for record in journal.view().iter_from(1) {
            let record = record?;
            self.looked.records += 1;
            let decoded = Record::decode(record.kind, &record.payload)?;
            let found = self.is_in(&record.payload)
                || unpacked(&record.payload).iter().any(|raw| self.is_in(raw))
                || self.is_in_entries(&decoded)?;
            if found {
                self.finds.push(Find::Journal(record.lsn));
            }
        }
        Ok(())
    }

    fn is_in_entries(&mut self, record: &Record) -> anyhow::Result<bool> {
        let entries: Vec<Entry> = match record {
            Record::Own { entry, .. } => vec![decode_entry(entry)?],
            Record::Down { frame, .. } => {
                let rows = DownFrame::decode(frame)?.rows;
                let entry = |row: motcua_core::wire::Row| match row.item {
                    RowItem::Entry { entry, .. } => Some(entry),
                    _ => None,
                };
                rows.into_iter().filter_map(entry).collect()
            }
            // Up frames are read with their author's key; their zstd body was looked at above.
            _ => Vec::new(),
        };
        self.looked.entries += entries.len();
        let found = |entry: &Entry| {
            self.is_in(&entry.payload) || self.is_in(entry.header.dossier.as_bytes())
        };
        Ok(entries.iter().any(found))
    }

    fn state(&mut self, dir: &Path) -> anyhow::Result<()> {
        let (store, _) = SledStore::open(dir, u64::MAX).context("the state does not open")?;
        for pair in store.iter()? {
            let (key, value) = pair?;
            self.looked.pairs += 1;
            if self.is_in(&key) || self.is_in(&value) {
                self.finds.push(Find::State);
            }
        }
        Ok(())
    }
}

fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    !marker.is_empty() && bytes.windows(marker.len()).any(|window| window == marker)
}

/// Frame magic of zstd (RFC 8878 section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// More than any frame of ours unpacks to.
const UNPACKED_LIMIT: u64 = 64 << 20;

/// What every zstd frame in the bytes unpacks to, as far as it does.
fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = bytes.windows(4).enumerate().filter(|(_, window)| *window == ZSTD_MAGIC);
    starts
        .filter_map(|(at, _)| {
            let reader = zstd::stream::read::Decoder::with_buffer(&bytes[at..]).ok()?;
            let mut raw = Vec::new();
            // What came before a fault counts as well.
            let _ = reader.single_frame().take(UNPACKED_LIMIT).read_to_end(&mut raw);
            Some(raw)
        })
        .collect()
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a file without a name")?);
        if path.is_dir() {
            copy_all(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_marker_is_found_behind_zstd_and_behind_other_bytes() {
        // Long and varied enough that zstd codes its letters instead of copying them.
        let text: String =
            (0..400).map(|number| format!("ho so mau {} ", number * 7_919)).collect();
        let packed = zstd::bulk::compress(&[text.as_bytes(), b"MARK"].concat(), 3).unwrap();
        let file = [&b"head"[..], &packed, &b"tail"[..]].concat();
        assert!(!contains(&file, b"MARK"));
        assert!(unpacked(&file).iter().any(|raw| contains(raw, b"MARK")));
        assert!(unpacked(&file[..4]).is_empty());
    }
}
