//! What leaves the shelf: copies of scans that the hub has, where those that it lacks or the log need
//! the room, and what was purged.

use super::shelf::{Machine, PAGE, RESERVE, Shelf, ShelfError, first};
use motcua_core::{
    id::{DossierId, Hash},
    scan,
    state::{
        Key, Kv, ScanTable,
        rows::{Purged, Scan},
    },
};

impl Shelf {
    /// Whether there is room for a scan beside what belongs to the log. For one that the hub lacks
    /// copies of those that it has are removed.
    pub(super) fn make_room(
        &mut self,
        size: u64,
        unsent: bool,
        machine: &Machine<'_, impl Kv>,
    ) -> Result<bool, ShelfError> {
        // A leaf of 32 bytes for 4 KiB, and a block or two.
        let need = RESERVE + size + size / 64 + 65_536;
        let enough = || (machine.free)().is_none_or(|free| free >= need);
        if enough() || !unsent {
            return Ok(enough());
        }
        self.give_way(machine.books, enough)
    }

    /// Removes copies of scans that the hub has until there is enough.
    pub(super) fn give_way(
        &mut self,
        books: &impl Kv,
        enough: impl Fn() -> bool,
    ) -> Result<bool, ShelfError> {
        let (mut from, to) = (first(ScanTable::Files), first(ScanTable::ToGo));
        loop {
            let page = books.range(&from, &to, PAGE)?;
            let full = page.len() == PAGE;
            for (key, value) in page {
                from = [key.as_slice(), &[0]].concat();
                let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
                let above = postcard::from_bytes::<Scan>(&value).is_ok_and(|scan| scan.above);
                if above && self.vault.length(hash)?.is_some() {
                    self.lose(hash)?;
                    if enough() {
                        return Ok(true);
                    }
                }
            }
            if !full {
                return Ok(enough());
            }
        }
    }

    /// Takes away what purged dossiers named and no other dossier here names. What the books do not
    /// know otherwise stays: a machine that was set back knows less than its stick.
    pub(super) fn forget(&mut self, books: &impl Kv) -> Result<(), ShelfError> {
        let mut from = Key::Purged(DossierId::ZERO).bytes();
        let to = [Key::Purged(DossierId([0xff; 16])).bytes(), vec![0]].concat();
        loop {
            let page = books.range(&from, &to, PAGE)?;
            let full = page.len() == PAGE;
            for (key, value) in page {
                from = [key.as_slice(), &[0]].concat();
                let purged = postcard::from_bytes::<Purged>(&value);
                for hash in purged.map(|purged| purged.scans).unwrap_or_default() {
                    if self.vault.length(hash)?.is_none()
                        || !scan::dossiers_of(books, hash)?.is_empty()
                    {
                        continue;
                    }
                    self.lose(hash)?;
                }
            }
            if !full {
                return Ok(());
            }
        }
    }
}
