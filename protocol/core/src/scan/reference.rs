//! Which dossiers a scan belongs to: rows of the content's index, so that they come and go with the
//! facts that name the scan. Whoever holds no such row has no business with the scan.

use crate::{
    id::{DossierId, Hash, OfficeId},
    state::{Key, Kv, StoreError, read_row, rows},
};
use serde::{Deserialize, Serialize};

/// Second byte of the keys.
const TABLE: u8 = b'a';
/// Dossiers asked about one scan: the same bytes in more dossiers than that are a blank page.
pub const DOSSIERS: usize = 256;

/// What a dossier's facts say about a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Bytes.
    pub size: u64,
}

/// The index row by which a content says that a dossier names a scan.
pub fn reference_row(hash: Hash, dossier: DossierId, reference: Reference) -> (Vec<u8>, Vec<u8>) {
    let key = [&[Key::CONTENT, TABLE], hash.0.as_slice(), &dossier.0].concat();
    (key, postcard::to_stdvec(&reference).unwrap_or_default())
}

/// The scan that an index row names, if it is such a row.
pub fn scan_of(key: &[u8]) -> Option<Hash> {
    let rest = key.strip_prefix(&[Key::CONTENT, TABLE])?;
    (rest.len() == Hash::LEN + DossierId::LEN).then(|| Hash::from_slice(&rest[..Hash::LEN]))?
}

/// Dossiers whose accepted facts name a scan, and what they say of it.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn dossiers_of(
    kv: &(impl Kv + ?Sized),
    hash: Hash,
) -> Result<Vec<(DossierId, Reference)>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "reference to a scan" };
    let (from, _) = reference_row(hash, DossierId::ZERO, Reference { size: 0 });
    let (mut to, _) = reference_row(hash, DossierId([0xff; 16]), Reference { size: 0 });
    to.push(0);
    let rows = kv.range(&from, &to, DOSSIERS)?;
    rows.into_iter()
        .map(|(key, value)| {
            let at = key.len().checked_sub(DossierId::LEN).ok_or_else(corrupt)?;
            let dossier = DossierId::from_slice(&key[at..]).ok_or_else(corrupt)?;
            Ok((dossier, postcard::from_bytes(&value).map_err(|_| corrupt())?))
        })
        .collect()
}

/// Bytes of a scan that an office has a business with: some dossier that it takes part in names the
/// scan in an accepted entry. For this machine's own office, which has a business with all that is
/// here, `None`.
///
/// # Errors
/// [`StoreError`] when the store fails or a row is unreadable.
pub fn size_for(
    kv: &(impl Kv + ?Sized),
    hash: Hash,
    office: Option<OfficeId>,
) -> Result<Option<u64>, StoreError> {
    for (dossier, reference) in dossiers_of(kv, hash)? {
        let right = match office {
            None => true,
            Some(office) => {
                let row: Option<rows::Dossier> = read_row(kv, Key::Dossier(dossier))?;
                row.is_some_and(|row| row.inboxes.contains(&office))
            }
        };
        if right {
            return Ok(Some(reference.size));
        }
    }
    Ok(None)
}
