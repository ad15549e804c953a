//! Scans in a bundle that is taken in. Each is written beside the vault, hashed on the way, and gets
//! its place only if its bytes are the address, its first bytes a type that is taken, and its maker
//! has a business with it; then the replica is offered it on the carried link and judges as it does
//! an offer on any.

use super::{
    CarryError,
    import::{Items, Line},
};
use crate::{
    engine::Engine,
    scans::{Upload, UploadError},
};
use motcua_core::{
    bundle::{BundleError, Item, ScanHead},
    id::{Hash, OfficeId},
    limits,
    replica::{ExportError, ScanMessage},
    scan::size_for,
};
use std::sync::Arc;

/// What became of the scans of a bundle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ScansTaken {
    /// Taken, and on record.
    pub(super) fresh: u64,
    /// Not what they should be, or nothing that the maker may bring.
    pub(super) refused: u64,
    /// Good, and without room here.
    pub(super) no_room: u64,
}

/// Takes in a scan whose head was read; gives the item behind its bytes.
pub(super) fn take(
    engine: &Arc<Engine>,
    line: &mut Line,
    maker: Option<OfficeId>,
    head: ScanHead,
    items: &mut Items,
    taken: &mut ScansTaken,
) -> Result<Option<Item>, CarryError> {
    let unreadable = |error| CarryError::Export(ExportError::from(error));
    let row = engine.scans().row(head.hash).map_err(unreadable)?;
    let right = size_for(engine.books(), head.hash, maker).map_err(unreadable)?;
    let may = right == Some(head.size) && (1..=limits::SCAN_BYTES).contains(&head.size);
    let upload = match (row.here, may) {
        (true, _) => None,
        (false, false) => {
            taken.refused += 1;
            None
        }
        (false, true) => match engine.scans().upload() {
            Ok(upload) => Some(upload),
            Err(UploadError::Io(error)) => return Err(error.into()),
            Err(_) => {
                taken.no_room += 1;
                None
            }
        },
    };
    let Some(upload) = upload else { return pass_over(items) };
    let (whole, next) = fill(upload, head, items)?;
    match whole {
        true if offer(line, head)? => taken.fresh += 1,
        _ => taken.refused += 1,
    }
    Ok(next)
}

/// Its bytes are of no use.
fn pass_over(items: &mut Items) -> Result<Option<Item>, CarryError> {
    loop {
        match items.item()? {
            Some(Item::ScanBytes(_)) => {}
            next => return Ok(next),
        }
    }
}

/// Whether the scan is whole and durable under its name; with the item behind its bytes.
fn fill(
    mut upload: Upload,
    head: ScanHead,
    items: &mut Items,
) -> Result<(bool, Option<Item>), CarryError> {
    let mut got = 0;
    loop {
        match items.item()? {
            Some(Item::ScanBytes(bytes)) => {
                got += bytes.len() as u64;
                if got > head.size {
                    return Ok((false, pass_over(items)?));
                }
                match upload.write(&bytes) {
                    Ok(()) => {}
                    Err(UploadError::Io(error)) => return Err(error.into()),
                    Err(_) => return Ok((false, pass_over(items)?)),
                }
            }
            next => {
                let whole = match upload.finish_as(head.hash, head.size) {
                    Ok(whole) => whole,
                    Err(UploadError::Io(error)) => return Err(error.into()),
                    Err(_) => false,
                };
                return Ok((whole, next));
            }
        }
    }
}

/// Whether the replica took it: its record is on disk then.
fn offer(line: &mut Line, head: ScanHead) -> Result<bool, CarryError> {
    let ScanHead { hash, size } = head;
    line.say_scan(&ScanMessage::Offer { hash, size })?;
    loop {
        match line.hear_scan()? {
            ScanMessage::Stored { hash: stored } if stored == hash => return Ok(true),
            ScanMessage::Decline { hash: declined, .. } if declined == hash => return Ok(false),
            // Its file is here, so nothing is to be read from this end.
            ScanMessage::Open { transfer, .. } => {
                let why = motcua_core::replica::Unserved::NotHere;
                line.say_scan(&ScanMessage::Refused { transfer, why })?;
            }
            _ => {}
        }
    }
}

/// The hub that made the bundle has these of this machine's scans.
pub(super) fn stored(line: &mut Line, hashes: Vec<Hash>) -> Result<(), CarryError> {
    hashes.into_iter().try_for_each(|hash| line.say_scan(&ScanMessage::Stored { hash }))
}

/// Bytes that belong to no scan.
pub(super) fn stray() -> CarryError {
    BundleError::Malformed("it has bytes of a scan that did not begin").into()
}

/// A sentence about them, for whoever holds the stick.
pub(super) fn words(taken: &ScansTaken) -> (String, String) {
    let ScansTaken { fresh, refused, no_room } = *taken;
    let (mut vi, mut en) = (String::new(), String::new());
    if fresh > 0 {
        vi += &format!(" Đã nhận {fresh} bản quét.");
        en += &format!(" {fresh} scans taken in.");
    }
    if refused > 0 {
        vi += &format!(" Không nhận {refused} bản quét: không đúng nội dung hoặc không có quyền.");
        en +=
            &format!(" {refused} scans refused: not what they should be, or not theirs to bring.");
    }
    if no_room > 0 {
        vi += &format!(" {no_room} bản quét chưa nhận vì đĩa gần đầy; hãy nhập lại khi có chỗ.");
        en += &format!(
            " {no_room} scans were not taken, the disk is nearly full; import the file again when \
             there is room."
        );
    }
    (vi, en)
}
