//! Rows in blocks: sled is given one value for a run of neighbouring rows. Its cost is by item,
//! in time, memory and disk alike, and most rows of a dossier are a few dozen bytes.
//!
//! A block stands under its **fence**, a key that is not above its first row; the lowest fence is
//! empty. It holds every row from its fence up to the next one. In a block each row is: length of
//! what its key shares with the one before, length of the rest, length of the value (LEB128), the
//! rest of the key, the value.

use super::recent::Rows;
use motcua_core::state::{Pairs, StoreError};
use std::iter::Peekable;

/// Bytes at which a block is closed when rows are cut into several.
const CLOSED: usize = 2_500;
/// Bytes up to which a block is left whole. A leaf of sled's tree has up to 16 of them.
const WHOLE: usize = 4_000;

/// A fence and the rows from there on; `None` when they go.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// The rows of a block.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is not one.
pub(super) fn read(block: &[u8]) -> Result<Pairs, StoreError> {
    let mut rows = Pairs::new();
    let mut left = block;
    let mut key = Vec::new();
    while !left.is_empty() {
        let (rest, value) = next(&mut left, &mut key).ok_or_else(corrupt)?;
        key.extend_from_slice(rest);
        rows.push((key.clone(), value.to_vec()));
    }
    Ok(rows)
}

/// The value under a key in a block.
///
/// # Errors
/// [`StoreError::Corrupt`] when it is not one.
pub(super) fn find(block: &[u8], wanted: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut left = block;
    let mut key = Vec::new();
    while !left.is_empty() {
        let (rest, value) = next(&mut left, &mut key).ok_or_else(corrupt)?;
        key.extend_from_slice(rest);
        match key.as_slice().cmp(wanted) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Ok(Some(value.to_vec())),
            std::cmp::Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// A block with the changes to its rows: what stands at its fence now, and the blocks that are
/// split off it.
///
/// # Errors
/// [`StoreError::Corrupt`] when the old block cannot be read.
pub(super) fn change<'a>(
    fence: &[u8],
    block: &[u8],
    changes: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
) -> Result<Vec<Change>, StoreError> {
    let mut rows = Rows::new();
    rows.extend(read(block)?.into_iter().map(|(key, value)| (key, Some(value))));
    rows.extend(changes.map(|(key, value)| (key.clone(), value.clone())));
    let rows = rows.into_iter().filter_map(|(key, value)| value.map(|value| (key, value)));
    let mut rows = rows.collect::<Pairs>().into_iter().peekable();
    if rows.peek().is_none() {
        // The lowest fence stays: every key has a block.
        return Ok(vec![(fence.to_vec(), fence.is_empty().then(Vec::new))]);
    }
    let whole: usize = rows.clone().map(|(key, value)| key.len() + value.len()).sum();
    let most = if whole <= WHOLE { usize::MAX } else { CLOSED };
    let mut blocks = vec![(fence.to_vec(), Some(write(&mut rows, most)))];
    while let Some((first, _)) = rows.peek() {
        let fence = first.clone();
        blocks.push((fence, Some(write(&mut rows, most))));
    }
    Ok(blocks)
}

/// Rows until a block has `most` bytes, or there are no more.
fn write(rows: &mut Peekable<impl Iterator<Item = (Vec<u8>, Vec<u8>)>>, most: usize) -> Vec<u8> {
    let (mut block, mut before) = (Vec::new(), Vec::new());
    while let Some((key, value)) = rows
        .next_if(|(_, value)| block.is_empty() || block.len().saturating_add(value.len()) <= most)
    {
        let shared = key.iter().zip(&before).take_while(|(one, other)| one == other).count();
        let rest = &key[shared..];
        [shared, rest.len(), value.len()].into_iter().for_each(|length| put(&mut block, length));
        block.extend_from_slice(rest);
        block.extend_from_slice(&value);
        before = key;
    }
    block
}

/// The next row: what follows in its key, of which `key` keeps what is shared, and its value.
fn next<'a>(left: &mut &'a [u8], key: &mut Vec<u8>) -> Option<(&'a [u8], &'a [u8])> {
    let (shared, rest, value) = (length(left)?, length(left)?, length(left)?);
    if shared > key.len() {
        return None;
    }
    key.truncate(shared);
    Some((left.split_off(..rest)?, left.split_off(..value)?))
}

fn put(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn length(left: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = *left.split_off_first()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "block of rows" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_cut_where_a_block_is_full_and_nothing_is_left_of_removed_ones() {
        let rows: Rows = (0..40u8).map(|key| (vec![b'k', key], Some(vec![key; 300]))).collect();
        let blocks = change(&[], &[], rows.iter()).unwrap();
        assert!(blocks.len() > 3);
        assert_eq!(blocks[0].0, Vec::<u8>::new());
        let read_back: Pairs =
            blocks.iter().flat_map(|(_, block)| read(block.as_ref().unwrap()).unwrap()).collect();
        assert_eq!(
            read_back,
            rows.iter().map(|(k, v)| (k.clone(), v.clone().unwrap())).collect::<Pairs>()
        );
        for (fence, block) in &blocks[1..] {
            let block = block.as_ref().unwrap();
            assert!(block.len() <= CLOSED + 400);
            assert_eq!(read(block).unwrap()[0].0, *fence);
            assert_eq!(find(block, fence).unwrap(), Some(vec![fence[1]; 300]));
            assert_eq!(find(block, b"none").unwrap(), None);
            let gone: Rows = read(block).unwrap().into_iter().map(|(key, _)| (key, None)).collect();
            assert_eq!(change(fence, block, gone.iter()).unwrap(), [(fence.clone(), None)]);
        }
    }

    proptest! {
        #[test]
        fn damaged_blocks_are_errors_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..60), key in any::<[u8; 3]>(),
        ) {
            let read = read(&bytes);
            let found = find(&bytes, &key);
            prop_assert!(read.is_err() || found.is_ok());
        }
    }
}
