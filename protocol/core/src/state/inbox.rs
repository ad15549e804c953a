//! The rows of an inbox, numbered from 1, in blocks: one value of the store for [`BLOCK`] rows. A
//! row's running hash is not stored but made again from the start of its block. Rows leave in whole
//! blocks, from the beginning on; see `design/retention.md`.

use super::{
    Key, Kv, StoreError, Txn, read_row,
    rows::{Cursor, InboxItem},
};
use crate::{
    hash::{Context, derive},
    id::{Hash, OfficeId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Rows in a block: some 2 KB.
pub const BLOCK: u64 = 64;

/// A full block, or the last one of an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Running hash before the first row.
    before: Hash,
    /// Time at the hub when the block was begun: all rows before it are older. Zero where no record
    /// had said it yet.
    since: Timestamp,
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

/// Appends rows behind `tail`, which moves on. `at` is the time at the hub.
///
/// # Errors
/// [`StoreError`] when the store fails or the last block is unreadable.
pub fn push<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    office: OfficeId,
    tail: &mut Cursor,
    at: Timestamp,
    items: Vec<InboxItem>,
) -> Result<(), StoreError> {
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let (number, place) = address(tail.number + 1);
        let key = Key::InboxBlock(office, number);
        let mut block = match place {
            0 => Block { before: tail.hash, since: at, rows: Vec::new() },
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

/// Running hash up to and with row `number`, if that is known: it, or the row behind it, is here.
///
/// # Errors
/// [`StoreError`] when the store fails or the block is unreadable.
pub fn hash_at(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    number: u64,
) -> Result<Option<Hash>, StoreError> {
    let (block, place) = address(number);
    if let Some(row) = read_block(kv, office, block)? {
        return Ok(row.read(block).nth(place).map(|row| row.hash));
    }
    let next = address(number + 1);
    if next.1 > 0 {
        return Ok(None);
    }
    Ok(read_block(kv, office, next.0)?.map(|block| block.before))
}

/// The place in front of the first row that is here, if there is any row.
///
/// # Errors
/// [`StoreError`] when the store fails or the block is unreadable.
pub fn floor(kv: &(impl Kv + ?Sized), office: OfficeId) -> Result<Option<(u64, Hash)>, StoreError> {
    let (from, to) =
        (Key::InboxBlock(office, 0).bytes(), Key::InboxBlock(office, u64::MAX).bytes());
    let Some((key, value)) = kv.range(&from, &to, 1)?.pop() else { return Ok(None) };
    let corrupt = StoreError::Corrupt { what: "inbox block" };
    let block: Block = postcard::from_bytes(&value).map_err(|_| corrupt.clone())?;
    let number = key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes)).ok_or(corrupt)?;
    Ok(Some((number * BLOCK, block.before)))
}

/// The time with which the block of a row is marked: the row is not older. None if it is not here,
/// or if it was not known how late it was.
///
/// # Errors
/// [`StoreError`] when the store fails or the block is unreadable.
pub fn marked(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    number: u64,
) -> Result<Option<Timestamp>, StoreError> {
    let since = read_block(kv, office, address(number).0)?.map(|block| block.since);
    Ok(since.filter(|since| *since > Timestamp(0)))
}

/// The highest number behind `floor`, itself the end of a block, up to which all rows are older
/// than `limit`; `floor` if none is. Marks are looked for as if no clock ever went back: one that
/// did leaves rows for a later look. A mark beyond `now` is none.
///
/// # Errors
/// [`StoreError`] when the store fails or a block is unreadable.
pub fn older_than(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    floor: u64,
    tail: u64,
    limit: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let since = |block: u64| -> Result<Timestamp, StoreError> {
        Ok(read_block(kv, office, block)?.map_or(Timestamp(i64::MAX), |block| block.since))
    };
    // Of the blocks behind the first, the last one that was begun before the limit.
    let (mut old, mut young) = (floor / BLOCK, tail.div_ceil(BLOCK));
    let mut next = old + 1;
    while next < young && since(next)? > now {
        next += 1;
    }
    // Nothing to do is by far the most usual.
    if next >= young || since(next)? > limit {
        return Ok(floor);
    }
    old = next;
    while old + 1 < young {
        let middle = old + (young - old) / 2;
        match since(middle)? <= limit {
            true => old = middle,
            false => young = middle,
        }
    }
    // Blocks without a mark stand in front of all others; they prove nothing.
    Ok(if since(old)? > Timestamp(0) { old * BLOCK } else { floor })
}

/// Takes blocks out of the state whose rows all have numbers up to `upto`. Where that is every row,
/// the last block goes as well, and numbers go on with the next one: none is ever given twice.
///
/// # Errors
/// [`StoreError`] when the store fails or a block is unreadable.
pub fn cut<K: Kv + ?Sized>(
    txn: &mut Txn<'_, K>,
    office: OfficeId,
    tail: &mut Cursor,
    upto: u64,
) -> Result<(), StoreError> {
    let Some((floor, _)) = floor(txn, office)? else { return Ok(()) };
    let end = match upto >= tail.number {
        true => tail.number.div_ceil(BLOCK),
        false => upto / BLOCK,
    };
    for block in floor / BLOCK..end {
        txn.delete(Key::InboxBlock(office, block).bytes());
    }
    tail.number = tail.number.max(end * BLOCK);
    Ok(())
}

fn read_block(
    kv: &(impl Kv + ?Sized),
    office: OfficeId,
    number: u64,
) -> Result<Option<Block>, StoreError> {
    read_row(kv, Key::InboxBlock(office, number))
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
    const NOW: Timestamp = Timestamp(10_000);

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
                push(&mut txn, OFFICE, &mut tail, Timestamp(0), some.to_vec()).expect("memory");
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
        push(&mut txn, OFFICE, &mut Cursor::default(), Timestamp(0), all).expect("memory");
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

    /// An inbox of so many rows, each written at its own number.
    fn filled(rows: u64) -> (MemKv, Cursor) {
        let (mut kv, mut tail) = (MemKv::default(), Cursor::default());
        for number in 1..=rows {
            let mut txn = Txn::new(&kv);
            let at = Timestamp(number as i64);
            push(&mut txn, OFFICE, &mut tail, at, vec![item(number)]).expect("memory");
            let writes = txn.into_writes();
            kv.write(writes);
        }
        (kv, tail)
    }

    fn cut_at(kv: &mut MemKv, tail: &mut Cursor, upto: u64) {
        let mut txn = Txn::new(&*kv);
        cut(&mut txn, OFFICE, tail, upto).expect("memory");
        let writes = txn.into_writes();
        kv.write(writes);
    }

    #[test]
    fn a_cut_leaves_the_rows_behind_it_and_a_reader_that_stands_at_it_is_known() {
        let (whole, tail) = filled(200);
        for upto in [0, 1, 63, 64, 65, 127, 128, 199] {
            let (mut kv, mut moved) = (whole.clone(), tail);
            cut_at(&mut kv, &mut moved, upto);
            let floor = upto / 64 * 64;
            assert_eq!(moved, tail);
            let left = rows_after(&kv, OFFICE, 0, 1_000).expect("memory");
            assert_eq!(left, rows_after(&whole, OFFICE, floor, 1_000).expect("memory"));
            for number in 1..=200 {
                let known = hash_at(&whole, OFFICE, number).expect("memory");
                let expected = known.filter(|_| number >= floor);
                assert_eq!(hash_at(&kv, OFFICE, number).expect("memory"), expected, "{number}");
            }
            let at = super::floor(&kv, OFFICE).expect("memory").map(|(number, _)| number);
            assert_eq!(at, Some(floor));
        }
    }

    #[test]
    fn an_inbox_that_goes_whole_leaves_no_row_and_gives_no_number_again() {
        let (mut kv, mut tail) = filled(100);
        let hash = tail.hash;
        cut_at(&mut kv, &mut tail, 100);
        assert!(kv.0.is_empty());
        assert_eq!((tail.number, tail.hash), (128, hash));
        let mut txn = Txn::new(&kv);
        push(&mut txn, OFFICE, &mut tail, Timestamp(0), vec![item(1)]).expect("memory");
        let writes = txn.into_writes();
        kv.write(writes);
        let rows = rows_after(&kv, OFFICE, 0, 10).expect("memory");
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [129]);
        assert_eq!(hash_at(&kv, OFFICE, 100).expect("memory"), None, "its old place is gone");
    }

    #[test]
    fn rows_are_older_than_a_time_where_a_later_block_was_begun_by_then() {
        let (kv, _) = filled(640);
        // Blocks begin with rows 1, 65, 129 and so on, written at these times.
        for (limit, upto) in [(0, 0), (64, 0), (65, 64), (128, 64), (129, 128), (9_999, 576)] {
            let found = older_than(&kv, OFFICE, 0, 640, Timestamp(limit), NOW).expect("memory");
            assert_eq!(found, upto, "older than {limit}");
        }
        let found = older_than(&kv, OFFICE, 128, 640, Timestamp(100), NOW).expect("memory");
        assert_eq!(found, 128, "nothing behind the floor is");
        assert_eq!(marked(&kv, OFFICE, 130).expect("memory"), Some(Timestamp(129)));
    }

    #[test]
    fn rows_of_a_time_that_nobody_said_are_not_taken_for_old() {
        let (mut kv, mut tail) = (MemKv::default(), Cursor::default());
        for at in [0, 0, 0, 50, 60] {
            let mut txn = Txn::new(&kv);
            let some = (0..64).map(item).collect();
            push(&mut txn, OFFICE, &mut tail, Timestamp(at), some).expect("memory");
            let writes = txn.into_writes();
            kv.write(writes);
        }
        for (limit, upto) in [(49, 0), (50, 192), (59, 192), (60, 256)] {
            let found = older_than(&kv, OFFICE, 0, 320, Timestamp(limit), NOW).expect("memory");
            assert_eq!(found, upto, "older than {limit}");
        }
        assert_eq!(marked(&kv, OFFICE, 70).expect("memory"), None);
    }

    #[test]
    fn a_clock_that_once_stood_in_the_far_future_keeps_no_row_for_ever() {
        let (mut kv, mut tail) = (MemKv::default(), Cursor::default());
        for at in [10, 99_999, 99_999, 20, 30, 99_999, 40, 50] {
            let mut txn = Txn::new(&kv);
            let some = (0..64).map(item).collect();
            push(&mut txn, OFFICE, &mut tail, Timestamp(at), some).expect("memory");
            let writes = txn.into_writes();
            kv.write(writes);
        }
        let older = |floor, limit| {
            older_than(&kv, OFFICE, floor, 512, Timestamp(limit), NOW).expect("memory")
        };
        assert_eq!(older(0, 19), 0);
        assert!(older(0, 20) >= 3 * 64, "past the leap");
        assert_eq!(older(5 * 64, 39), 5 * 64);
        assert_eq!(older(5 * 64, 50), 7 * 64);
    }
}
