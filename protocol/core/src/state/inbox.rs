//! The rows of an inbox, numbered from 1, in blocks: one value of the store for [`BLOCK`] rows. A
//! row's running hash is not stored but made again from the start of its block.

use super::{
    Key, Kv, StoreError, Txn, read_row,
    rows::{Cursor, InboxItem},
};
use crate::{
    hash::{Context, derive},
    id::{Hash, OfficeId},
};
use serde::{Deserialize, Serialize};

/// Rows in a block: some 2 KB.
const BLOCK: u64 = 64;

/// A full block, or the last one of an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Running hash before the first row.
    before: Hash,
    rows: Vec<InboxItem>,
}

/// A row as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub number: u64,
    /// What the office must see.
    pub item: InboxItem,
    /// Running hash up to and with this row.
    pub hash: Hash,
}

/// Appends rows behind `tail`, which moves on.
///
/// # Errors
/// [`StoreError`] when the store fails or the last block is unreadable.
pub fn push<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    office: OfficeId,
    tail: &mut Cursor,
    items: Vec<InboxItem>,
) -> Result<(), StoreError> {
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let (number, place) = address(tail.number + 1);
        let key = Key::InboxBlock(office, number);
        let mut block = match place {
            0 => Block { before: tail.hash, rows: Vec::new() },
            _ => txn.row(key)?.unwrap_or_default(),
        };
        if block.rows.len() != place {
            return Err(StoreError::Corrupt { what: key.what() });
        }
        for item in items.by_ref().take(BLOCK as usize - place) {
            tail.hash = running_hash(tail.number, tail.hash, &item);
            tail.number += 1;
            block.rows.push(item);
        }
        txn.put_row(key, &block);
    }
    Ok(())
}

/// At most `limit` rows after number `after`, in order.
///
/// # Errors
/// [`StoreError`] when the store fails or a block is unreadable.
pub fn rows_after(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    after: u64,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    let first = address(after.saturating_add(1)).0;
    let (from, to) =
        (Key::InboxBlock(office, first).bytes(), Key::InboxBlock(office, u64::MAX).bytes());
    for (key, value) in kv.range(&from, &to, limit.div_ceil(BLOCK as usize) + 1)? {
        let corrupt = StoreError::Corrupt { what: "inbox block" };
        let block: Block = postcard::from_bytes(&value).map_err(|_| corrupt.clone())?;
        let number = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(corrupt)?;
        for row in block.read(number).filter(|row| row.number > after) {
            if rows.len() == limit {
                return Ok(rows);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Running hash up to and with row `number`, if it is here.
///
/// # Errors
/// [`StoreError`] when the store fails or the block is unreadable.
pub fn hash_at(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    number: u64,
) -> Result<Option<Hash>, StoreError> {
    let (block, place) = address(number);
    let row: Option<Block> = read_row(kv, Key::InboxBlock(office, block))?;
    Ok(row.and_then(|row| row.read(block).nth(place)).map(|row| row.hash))
}

impl Block {
    fn read(self, number: u64) -> impl Iterator<Item = Row> {
        let mut hash = self.before;
        (number * BLOCK..).zip(self.rows).map(move |(before, item)| {
            hash = running_hash(before, hash, &item);
            Row { number: before + 1, item, hash }
        })
    }
}

/// Block of a row and place in it.
fn address(number: u64) -> (u64, usize) {
    let index = number.saturating_sub(1);
    (index / BLOCK, (index % BLOCK) as usize)
}

fn running_hash(number_before: u64, before: Hash, item: &InboxItem) -> Hash {
    // Rows are plain data in memory: postcard has nothing to refuse.
    let bytes = postcard::to_stdvec(item).unwrap_or_default();
    derive(Context::Inbox, &[&before.0, &number_before.to_le_bytes(), &bytes])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::DossierId, state::MemKv};

    const OFFICE: OfficeId = OfficeId([7; 16]);

    fn item(number: u64) -> InboxItem {
        InboxItem::Forget { dossier: DossierId([number as u8; 16]) }
    }

    #[test]
    fn rows_come_back_as_they_were_numbered_however_they_were_cut() {
        let mut stores = Vec::new();
        for cut in [1usize, 7, 64, 65, 200] {
            let mut kv = MemKv::default();
            let mut tail = Cursor::default();
            let all: Vec<InboxItem> = (1..=200).map(item).collect();
            for some in all.chunks(cut) {
                let mut txn = Txn::new(&kv);
                push(&mut txn, OFFICE, &mut tail, some.to_vec()).expect("memory");
                let writes = txn.into_writes();
                kv.write(writes);
            }
            let rows = rows_after(&kv, OFFICE, 0, 1_000).expect("memory");
            let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
            assert_eq!(numbers, (1..=200).collect::<Vec<u64>>());
            assert!(rows.iter().all(|row| row.item == item(row.number)));
            assert_eq!(rows.last().map(|row| row.hash), Some(tail.hash));
            for row in &rows {
                assert_eq!(hash_at(&kv, OFFICE, row.number).expect("memory"), Some(row.hash));
            }
            assert_eq!(hash_at(&kv, OFFICE, 201).expect("memory"), None);
            stores.push(kv);
        }
        assert!(stores.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn reading_goes_on_anywhere_and_stops_at_the_limit() {
        let mut kv = MemKv::default();
        let mut txn = Txn::new(&kv);
        let all = (1..=200).map(item).collect();
        push(&mut txn, OFFICE, &mut Cursor::default(), all).expect("memory");
        let writes = txn.into_writes();
        kv.write(writes);
        for (after, limit, last) in [(0, 64, 64), (63, 1, 64), (64, 100, 164), (190, 64, 200)] {
            let rows = rows_after(&kv, OFFICE, after, limit).expect("memory");
            assert_eq!(rows.first().map(|row| row.number), Some(after + 1));
            assert_eq!(rows.last().map(|row| row.number), Some(last));
        }
        assert!(rows_after(&kv, OFFICE, 200, 64).expect("memory").is_empty());
        assert!(rows_after(&kv, OfficeId([8; 16]), 0, 64).expect("memory").is_empty());
    }
}
