//! Working lists of an office: the rows of the state that they are read from.
//!
//! ```text
//! w shelf order id  -> owner, place, since, by when it must be accepted
//! ```
//! A row says nothing of the time: the lists of work are ranges of one shelf, cut at now and at
//! midnight. Reading a page costs what it shows.

use motcua_core::{
    id::DossierId,
    state::{Key, Kv, StoreError},
};
use motcua_dossier::lists::{About, List, Listing, Shelf, list_at};

/// Second byte of the key.
const TABLE: u8 = b'w';
/// Most rows that a counter counts: a few milliseconds, and more than anybody works through.
pub const COUNTED: usize = 10_000;
/// Rows looked through for those that are wanted before the page is given as it is.
pub const LOOKED_THROUGH: usize = 4_096;

const SHELVES: [Shelf; 6] = [
    Shelf::ToAccept,
    Shelf::Working,
    Shelf::Citizen,
    Shelf::OtherOffice,
    Shelf::Result,
    Shelf::Closed,
];

/// The number under which rows keep a shelf.
fn number(shelf: Shelf) -> u8 {
    SHELVES.into_iter().zip(1..).find(|(one, _)| *one == shelf).map_or(0, |(_, number)| number)
}

/// The key of everything before a place on a shelf.
fn start(shelf: Shelf, order: i64) -> Vec<u8> {
    // With the sign turned round, the order of the bytes is that of the numbers.
    let order = (order as u64 ^ (1 << 63)).to_be_bytes();
    [&[Key::CONTENT, TABLE, number(shelf)], order.as_slice()].concat()
}

/// The row of a dossier.
pub fn row(id: DossierId, listing: &Listing) -> (Vec<u8>, Vec<u8>) {
    let key = [start(listing.shelf, listing.order).as_slice(), &id.0].concat();
    (key, postcard::to_stdvec(&listing.about).unwrap_or_default())
}

/// Where a dossier is, by what its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which dossier.
    pub id: DossierId,
    /// Its list at the time of asking.
    pub list: List,
    /// The rest.
    pub about: About,
}

fn entry(key: &[u8], value: &[u8], now: i64) -> Option<Entry> {
    let rest = key.strip_prefix(&[Key::CONTENT, TABLE])?;
    let (&[shelf], rest) = rest.split_first_chunk()?;
    let (order, id) = rest.split_first_chunk()?;
    let shelf = *SHELVES.get(usize::from(shelf).checked_sub(1)?)?;
    let order = (u64::from_be_bytes(*order) ^ (1 << 63)) as i64;
    let about = postcard::from_bytes(value).ok()?;
    Some(Entry { id: DossierId::from_slice(id)?, list: list_at(shelf, order, now), about })
}

/// Where the dossier is that has these index keys.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn entry_of<'a>(
    kv: &(impl Kv + ?Sized),
    index: impl IntoIterator<Item = &'a [u8]>,
    now: i64,
) -> Result<Option<Entry>, StoreError> {
    let mut keys = index.into_iter();
    let Some(key) = keys.find(|key| key.starts_with(&[Key::CONTENT, TABLE])) else {
        return Ok(None);
    };
    Ok(kv.get(key)?.and_then(|value| entry(key, &value, now)))
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In order.
    pub entries: Vec<Entry>,
    /// Where the next one begins, if there may be one.
    pub next: Option<Vec<u8>>,
}

/// At most `limit` dossiers of a list, from the first or behind where a page ended; only those that `of`
/// wants, if it is given.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn page(
    kv: &(impl Kv + ?Sized),
    list: List,
    now: i64,
    after: Option<&[u8]>,
    limit: usize,
    of: Option<&dyn Fn(&About) -> bool>,
) -> Result<Page, StoreError> {
    let part = list.part(now);
    let (first, end) = (start(list.shelf(), part.start), start(list.shelf(), part.end));
    let mut from = after.map_or_else(|| first.clone(), |key| [key, &[0]].concat()).max(first);
    let mut found = Page::default();
    let mut looked = 0;
    loop {
        let rows = kv.range(&from, &end, limit)?;
        let full = rows.len() == limit;
        for (key, value) in rows {
            looked += 1;
            let entry = entry(&key, &value, now);
            from = [key.as_slice(), &[0]].concat();
            let fits = |one: &Entry| of.is_none_or(|of| of(&one.about));
            found.entries.extend(entry.filter(fits));
            if found.entries.len() == limit || (looked >= LOOKED_THROUGH && of.is_some()) {
                found.next = (!kv.range(&from, &end, 1)?.is_empty()).then_some(key);
                return Ok(found);
            }
        }
        if !full {
            return Ok(found);
        }
    }
}

/// How many dossiers a list has; [`COUNTED`] if there are that many or more.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn count(kv: &(impl Kv + ?Sized), list: List, now: i64) -> Result<usize, StoreError> {
    let part = list.part(now);
    let (from, end) = (start(list.shelf(), part.start), start(list.shelf(), part.end));
    Ok(kv.range(&from, &end, COUNTED)?.len())
}

#[cfg(test)]
#[path = "lists/tests.rs"]
mod tests;
