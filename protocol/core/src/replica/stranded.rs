//! Own entries behind a hole in their log. A record that is damaged, or torn in the last commit
//! before a power cut, takes its number with it; what stands behind it in the same log can be read
//! and not be proved. It is written into a new log, where its author's tree has no hole.

use super::{Store, read};
use crate::{
    entry::Entry,
    id::{Hash, LogId},
    record::Record,
    state::{
        Key, StoreError, history,
        rows::{Author, Meta},
    },
    wire,
};
use serde_bytes::ByteBuf;

/// What a start finds behind holes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stranded {
    /// The log in use must end: numbers behind its head were given, or nobody is known to write it.
    pub log_is_over: bool,
    /// To be written again, in this order: the state has them nowhere else.
    pub entries: Vec<Entry>,
}

/// Looked at once in a start, when the state reflects the journal.
///
/// # Errors
/// [`StoreError`] when state or journal cannot be read.
pub fn stranded(store: &impl Store) -> Result<Stranded, StoreError> {
    let meta: Meta = read(store, Key::Meta)?.unwrap_or_default();
    let author: Option<Author> = read(store, Key::Author(meta.own_log))?;
    let mut found = Stranded { log_is_over: author.is_none(), entries: Vec::new() };
    let from = Key::Stranded(LogId::ZERO, 0).bytes();
    let to = [Key::Stranded(LogId([0xff; 16]), u64::MAX).bytes(), vec![0]].concat();
    let mut positions = Vec::new();
    for (key, value) in store.range(&from, &to, usize::MAX)? {
        let corrupt = |_| StoreError::Corrupt { what: "stranded entry" };
        positions.push(postcard::from_bytes::<u64>(&value).map_err(corrupt)?);
        found.log_is_over |= key.get(1..17) == Some(meta.own_log.as_bytes().as_slice());
    }
    // In order of writing: causes come first.
    positions.sort_unstable();
    for position in positions {
        let Some(Record::Own { entry, .. }) = store.record(position)? else { continue };
        let Ok(entry) = wire::decode_entry(&entry) else { continue };
        if !is_known(store, &entry)? {
            found.entries.push(entry);
        }
    }
    Ok(found)
}

/// Whether an entry stands in its dossier, waits for a cause, or was of a dossier that is forgotten.
fn is_known(store: &impl Store, entry: &Entry) -> Result<bool, StoreError> {
    let (dossier, leaf) = (entry.header.dossier, entry.leaf());
    if store.get(&Key::Purged(dossier).bytes())?.is_some() {
        return Ok(true);
    }
    let held = history::held(store, dossier)?;
    if held.is_some_and(|(_, all)| all.iter().any(|stored| stored.entry.leaf() == leaf)) {
        return Ok(true);
    }
    for missing in &entry.header.deps {
        if waits_for(store, *missing, leaf)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn waits_for(store: &impl Store, missing: Hash, leaf: Hash) -> Result<bool, StoreError> {
    let from = Key::Parked(missing, LogId::ZERO, 0).bytes();
    let to = [Key::Parked(missing, LogId([0xff; 16]), u64::MAX).bytes(), vec![0]].concat();
    for (_, value) in store.range(&from, &to, usize::MAX)? {
        let corrupt = |_| StoreError::Corrupt { what: "parked entry" };
        let (_, bytes): (Option<[u8; 16]>, ByteBuf) =
            postcard::from_bytes(&value).map_err(corrupt)?;
        if wire::decode_entry(&bytes).is_ok_and(|entry| entry.leaf() == leaf) {
            return Ok(true);
        }
    }
    Ok(false)
}
