//! Scans in a bundle that is made: which of those that its reader lacks, the small ones first, as far
//! as there is room, and each piece checked as it is read.

use super::{CarryError, ScansSaid};
use crate::engine::Engine;
use motcua_core::{
    bundle::{BundleError, Item, ScanHead, ScanNotes, Writer},
    id::{DossierId, Hash, OfficeId},
    limits,
    replica::{ExportError, ScanTrouble},
    scan::{dossiers_of, groups, scan_of, size_for},
    state::{
        Key, Kv, ScanTable, StoreError,
        rows::{Scan, Summary},
    },
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Pieces in one item, 64 KiB.
const PIECES: u32 = (limits::BUNDLE_PIECE_BYTES / limits::SCAN_PIECE_BYTES) as u32;

/// Scans of a bundle that was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ScansCarried {
    /// Scans in the file.
    pub scans: u64,
    /// Their bytes.
    pub scan_bytes: u64,
    /// Scans that its reader lacks and that are not in it.
    pub scans_left: u64,
    /// Their bytes.
    pub scan_bytes_left: u64,
}

/// What goes into a bundle.
pub(super) struct Load {
    notes: ScanNotes,
    scans: Vec<(Hash, u64)>,
    carried: ScansCarried,
}

impl Load {
    /// What the hub above lacks, or, for one that was set back, everything that is here; and what
    /// somebody here waits for.
    pub(super) fn up(engine: &Engine, all: bool, room: u64) -> Result<Self, CarryError> {
        let books = engine.books();
        let table = if all { ScanTable::Files } else { ScanTable::ToGo };
        let from = Key::Scan(table, Hash::ZERO).bytes();
        let to = [Key::Scan(table, Hash([0xff; 32])).bytes(), vec![0]].concat();
        let rows = books.range(&from, &to, limits::BUNDLE_SCANS_NAMED).map_err(unreadable)?;
        let mut found = Vec::new();
        for (key, _) in rows {
            let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
            let row = engine.scans().row(hash).map_err(unreadable)?;
            // A scan whose entry was not accepted here goes nowhere.
            if row.here && !dossiers_of(books, hash).map_err(unreadable)?.is_empty() {
                found.push((hash, row.size));
            }
        }
        let wanted = engine.snapshot().scans.wanted;
        let wants = wanted.into_iter().take(limits::BUNDLE_SCANS_NAMED).collect();
        let has = found.iter().map(|(hash, _)| *hash).collect();
        Ok(Self::pack(ScanNotes { has, wants }, Vec::new(), found, room))
    }

    /// What the asker waits for, then what else the dossiers of the bundle name and the asker is not
    /// known to have. `asked` is what it said about scans.
    pub(super) fn down(
        engine: &Engine,
        office: OfficeId,
        dossiers: &BTreeSet<DossierId>,
        asked: &ScansSaid,
        room: u64,
    ) -> Result<Self, CarryError> {
        let books = engine.books();
        let here = |hash: Hash| -> Result<Option<u64>, StoreError> {
            let row: Scan = engine.scans().row(hash)?;
            let right = size_for(books, hash, Some(office))?;
            Ok(right.filter(|size| row.here && *size == row.size))
        };
        let ScansSaid { last, has } = asked;
        let (mut first, mut found) = (Vec::new(), BTreeMap::new());
        for hash in &last.wants {
            if let Some(size) = here(*hash).map_err(unreadable)? {
                first.push((*hash, size));
            }
        }
        for dossier in dossiers {
            let summary: Option<Summary> = books.row(Key::Summary(*dossier)).map_err(unreadable)?;
            let index = summary.map(|summary| summary.index).unwrap_or_default();
            for hash in index.iter().filter_map(|key| scan_of(key)) {
                if !has.contains(&hash)
                    && !last.wants.contains(&hash)
                    && let Some(size) = here(hash).map_err(unreadable)?
                {
                    found.insert(hash, size);
                }
            }
        }
        let mut stored = Vec::new();
        for hash in &last.has {
            if engine.scans().row(*hash).map_err(unreadable)?.here {
                stored.push(*hash);
            }
        }
        let notes = ScanNotes { has: stored, wants: Vec::new() };
        Ok(Self::pack(notes, first, found.into_iter().collect(), room))
    }

    fn pack(
        notes: ScanNotes,
        first: Vec<(Hash, u64)>,
        mut found: Vec<(Hash, u64)>,
        room: u64,
    ) -> Self {
        // Small ones first: most papers are, and a large one goes in the next file.
        found.sort_by_key(|(hash, size)| (*size, *hash));
        let (mut scans, mut carried) = (Vec::new(), ScansCarried::default());
        for (hash, size) in first.into_iter().chain(found) {
            if carried.scan_bytes + size <= room {
                carried.scans += 1;
                carried.scan_bytes += size;
                scans.push((hash, size));
            } else {
                carried.scans_left += 1;
                carried.scan_bytes_left += size;
            }
        }
        Self { notes, scans, carried }
    }

    /// Writes them into the bundle, and says what is in it.
    pub(super) fn write<W: Write>(
        self,
        engine: &Engine,
        writer: &mut Writer<W>,
    ) -> Result<ScansCarried, CarryError> {
        let Self { notes, scans, mut carried } = self;
        if notes != ScanNotes::default() {
            writer.item(&Item::ScanNotes(notes))?;
        }
        for (hash, size) in scans {
            if !write_one(engine, writer, hash, size)? {
                carried.scans -= 1;
                carried.scan_bytes -= size;
                carried.scans_left += 1;
                carried.scan_bytes_left += size;
            }
        }
        Ok(carried)
    }
}

/// Whether it is whole in the bundle. What breaks off in the middle is passed over by the reader.
fn write_one<W: Write>(
    engine: &Engine,
    writer: &mut Writer<W>,
    hash: Hash,
    size: u64,
) -> Result<bool, BundleError> {
    let Ok(reading) = engine.scans().open(hash, size) else { return Ok(false) };
    let (mut piece, all) = (0, groups(size));
    let mut begun = false;
    while piece < all {
        let until = all.min(piece + PIECES);
        let mut bytes = Vec::with_capacity(limits::BUNDLE_PIECE_BYTES);
        for number in piece..until {
            match reading.piece(number) {
                Ok(data) => bytes.extend(data),
                Err(trouble) => {
                    if trouble == ScanTrouble::Damaged {
                        engine.scans().damaged(hash);
                    }
                    return Ok(false);
                }
            }
        }
        if !std::mem::replace(&mut begun, true) {
            writer.item(&Item::Scan(ScanHead { hash, size }))?;
        }
        writer.item(&Item::ScanBytes(bytes))?;
        piece = until;
    }
    Ok(true)
}

/// A sentence about what is in the file, and what is not.
pub(super) fn words(carried: &ScansCarried) -> (String, String) {
    let mb = |bytes: u64| bytes.div_ceil(1_000_000);
    let ScansCarried { scans, scan_bytes, scans_left, scan_bytes_left } = *carried;
    let (mut vi, mut en) = (String::new(), String::new());
    if scans > 0 {
        vi += &format!(" Kèm {scans} bản quét ({} MB).", mb(scan_bytes));
        en += &format!(" With {scans} scans ({} MB).", mb(scan_bytes));
    }
    if scans_left > 0 {
        vi += &format!(
            " Chưa kèm {scans_left} bản quét ({} MB): hãy xuất gói tiếp theo, hoặc cho phép gói lớn \
             hơn.",
            mb(scan_bytes_left)
        );
        en += &format!(
            " {scans_left} scans ({} MB) are not in it: export another, or allow a larger one.",
            mb(scan_bytes_left)
        );
    }
    (vi, en)
}

fn unreadable(error: StoreError) -> CarryError {
    ExportError::from(error).into()
}
