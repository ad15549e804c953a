//! What a change adds, read from its columns: the shape that this program writes, texts put under new
//! keys of the root map, without automerge, which builds an operation tree for it. Whatever has any
//! other shape is automerge's to read.
//!
//! ```text
//! rest of a chunk: message length uleb, message | n other actors uleb (0)
//!   | n columns uleb, n x (kind uleb, length uleb) | columns | extra bytes
//! columns: 0x15 keys, 0x34 insert flags, 0x42 actions, 0x56 kinds and lengths of values,
//!   0x57 values, 0x70 predecessors
//! runs (keys, numbers): length sleb: n > 0 one value n times, n < 0 that many values, 0 that many
//!   nulls uleb; flags: lengths uleb, the first of false ones
//! ```
//! Format: automerge 0.12, "binary format", operation columns of a change.

use crate::document::HIGHEST_OPERATION;
use motcua_core::wire::{chunk::Chunk, varint::Reader};

const KEYS: u64 = 0x15;
const INSERTS: u64 = 0x34;
const ACTIONS: u64 = 0x42;
const VALUE_KINDS: u64 = 0x56;
const VALUES: u64 = 0x57;
const PREDECESSORS: u64 = 0x70;
/// Action "put".
const PUT: u64 = 1;
/// Kind of a value: text.
const TEXT: u64 = 6;

/// Keys and texts that a change puts, in its order. `None` where it does anything else, or more than
/// `limit` times.
pub(crate) fn puts<'a>(chunk: &Chunk<'a>, limit: usize) -> Option<Vec<(&'a str, &'a str)>> {
    let mut reader = Reader::new(chunk.rest);
    let message = reader.count("message", chunk.rest.len(), 1).ok()?;
    reader.take(message, "message").ok()?;
    if reader.unsigned("actors").ok()? != 0 {
        return None;
    }
    let mut columns = Columns::read(&mut reader)?;
    let keys = texts(columns.take(KEYS), limit)?;
    let puts = |number| number == PUT;
    let is_plain = all_false(columns.take(INSERTS), keys.len())
        && numbers(columns.take(ACTIONS), keys.len())?.into_iter().all(puts)
        && numbers(columns.take(PREDECESSORS), keys.len())?.into_iter().all(|count| count == 0);
    let kinds = numbers(columns.take(VALUE_KINDS), keys.len())?;
    let mut values = Reader::new(columns.take(VALUES));
    if !is_plain || !columns.0.is_empty() {
        return None;
    }
    let mut found = Vec::with_capacity(keys.len());
    for (key, kind) in keys.into_iter().zip(kinds) {
        if kind & 15 != TEXT {
            return None;
        }
        let value = values.take(usize::try_from(kind >> 4).ok()?, "value").ok()?;
        found.push((key, std::str::from_utf8(value).ok()?));
    }
    let last = chunk.start_op.checked_add(found.len() as u64)?.checked_sub(1)?;
    let counted = chunk.start_op > 0 && last <= HIGHEST_OPERATION;
    (counted && values.rest().is_empty()).then_some(found)
}

/// Columns by kind, in the order of the chunk.
struct Columns<'a>(Vec<(u64, &'a [u8])>);

impl<'a> Columns<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let count = reader.count("columns", 16, 2).ok()?;
        let mut heads = Vec::with_capacity(count);
        for _ in 0..count {
            let kind = reader.unsigned("column kind").ok()?;
            heads.push((kind, usize::try_from(reader.unsigned("column length").ok()?).ok()?));
        }
        if !heads.is_sorted_by(|one, next| one.0 < next.0) {
            return None;
        }
        let columns = heads
            .into_iter()
            .map(|(kind, length)| Some((kind, reader.take(length, "column").ok()?)));
        columns.collect::<Option<Vec<_>>>().map(Self)
    }

    /// A column, empty if it is not there.
    fn take(&mut self, kind: u64) -> &'a [u8] {
        match self.0.iter().position(|(found, _)| *found == kind) {
            Some(at) => self.0.remove(at).1,
            None => &[],
        }
    }
}

/// Texts without nulls.
fn texts(column: &[u8], limit: usize) -> Option<Vec<&str>> {
    let mut reader = Reader::new(column);
    let mut found = Vec::new();
    while !reader.rest().is_empty() {
        // A key that stands there several times overwrites itself; automerge is to look at that.
        let run = reader.signed("run").ok()?;
        let count = if run == 1 { 1 } else { usize::try_from(run.checked_neg()?).ok()? };
        if count == 0 || found.len() + count > limit {
            return None;
        }
        for _ in 0..count {
            let length = reader.count("text", column.len(), 1).ok()?;
            found.push(std::str::from_utf8(reader.take(length, "text").ok()?).ok()?);
        }
    }
    Some(found)
}

/// Numbers without nulls, `count` of them.
fn numbers(column: &[u8], count: usize) -> Option<Vec<u64>> {
    let mut reader = Reader::new(column);
    let mut found = Vec::with_capacity(count);
    while !reader.rest().is_empty() {
        let run = reader.signed("run").ok()?;
        let length = usize::try_from(run.unsigned_abs()).ok()?;
        if length == 0 || found.len() + length > count {
            return None;
        }
        if run > 0 {
            let number = reader.unsigned("number").ok()?;
            found.extend(std::iter::repeat_n(number, length));
        } else {
            for _ in 0..length {
                found.push(reader.unsigned("number").ok()?);
            }
        }
    }
    (found.len() == count).then_some(found)
}

fn all_false(column: &[u8], count: usize) -> bool {
    let mut reader = Reader::new(column);
    reader.unsigned("run").is_ok_and(|run| run == count as u64) && reader.rest().is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use automerge::{
        ActorId, AutoCommit, Automerge, Change, ROOT, ScalarValue, legacy,
        transaction::{CommitOptions, Transactable},
    };
    use proptest::prelude::*;

    /// What automerge says that a change puts into the root map, if that is all that it does.
    fn by_automerge(bytes: &[u8]) -> Option<Vec<(String, String)>> {
        let change = Change::from_bytes(bytes.to_vec()).ok()?;
        let puts = change.decode().operations.into_iter().map(|op| {
            let legacy::Key::Map(key) = &op.key else { return None };
            let legacy::OpType::Put(ScalarValue::Str(text)) = &op.action else { return None };
            let root = op.obj == legacy::ObjectId::Root && op.pred.is_empty();
            root.then(|| (key.to_string(), text.to_string()))
        });
        puts.collect()
    }

    fn read(bytes: &[u8]) -> Option<Vec<(String, String)>> {
        let chunk = Chunk::parse(bytes).ok()?;
        let puts = puts(&chunk, 1_000)?;
        Some(puts.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect())
    }

    fn change(facts: &[(String, String)]) -> Vec<u8> {
        let mut document = Automerge::new().with_actor(ActorId::from([7; 16]));
        let mut transaction = document.transaction();
        for (key, text) in facts {
            transaction.put(ROOT, key, ScalarValue::Str(text.as_str().into())).unwrap();
        }
        transaction.commit_with(CommitOptions::default().with_time(1_700_000_000));
        document.get_last_local_change().unwrap().raw_bytes().to_vec()
    }

    /// The change with other counters: of the actor's changes, and of the first operation.
    fn recounted(bytes: &[u8], seq: u64, start_op: u64) -> Vec<u8> {
        let uleb = |mut number: u64| {
            let mut bytes = Vec::new();
            loop {
                let low = (number & 0x7f) as u8;
                number >>= 7;
                bytes.push(if number == 0 { low } else { low | 0x80 });
                if number == 0 {
                    return bytes;
                }
            }
        };
        // Two bytes of length stand before the body; it begins with no dependency and the actor.
        let (head, rest) = (&bytes[11..29], &bytes[31..]);
        let body = [head, &uleb(seq), &uleb(start_op), rest].concat();
        let mut named = [&[1], uleb(body.len() as u64).as_slice(), &body].concat();
        let checksum = motcua_core::hash::sha256(&named).0;
        let mut bytes = [&[0x85, 0x6f, 0x4a, 0x83], &checksum[..4]].concat();
        bytes.append(&mut named);
        bytes
    }

    #[test]
    fn counters_that_automerge_refuses_are_left_to_it() {
        let facts: Vec<_> = (0..7).map(|at| (format!("note/{at:026}"), "x".to_owned())).collect();
        let good = change(&facts);
        assert_eq!(recounted(&good, 1, 1), good);
        let highest = HIGHEST_OPERATION - 6;
        for start_op in [0, 1, highest, highest + 1, 1 << 32, i64::MAX as u64, u64::MAX] {
            let bytes = recounted(&good, 1, start_op);
            let found = read(&bytes);
            assert_eq!(found.is_some(), (1..=highest).contains(&start_op), "{start_op}");
            assert!(found.is_none() || found == by_automerge(&bytes), "{start_op}");
        }
    }

    #[test]
    fn what_is_not_a_plain_addition_is_left_to_automerge() {
        let last = |document: &mut AutoCommit| {
            document.commit();
            document.get_last_local_change().unwrap().raw_bytes().to_vec()
        };
        let mut document = AutoCommit::new();
        document.put(ROOT, "a", "text").unwrap();
        assert!(read(&last(&mut document)).is_some());
        document.put(ROOT, "a", "again").unwrap();
        assert_eq!(read(&last(&mut document)), None, "it overwrites");
        document.put(ROOT, "b", 7).unwrap();
        assert_eq!(read(&last(&mut document)), None, "a number");
        document.delete(ROOT, "a").unwrap();
        assert_eq!(read(&last(&mut document)), None, "it removes");
        let list = document.put_object(ROOT, "l", automerge::ObjType::List).unwrap();
        assert_eq!(read(&last(&mut document)), None, "an object");
        document.insert(&list, 0, "text").unwrap();
        assert_eq!(read(&last(&mut document)), None, "inside an object");
        document.put(ROOT, "c", "twice").unwrap();
        document.put(ROOT, "c", "at once").unwrap();
        assert_eq!(read(&last(&mut document)), None, "one key twice");
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_automerge_reads(
            facts in prop::collection::btree_map("[a-z]{1,3}/[0-9A-Z]{1,26}", "\\PC{0,80}", 1..40),
        ) {
            let facts: Vec<(String, String)> = facts.into_iter().collect();
            let bytes = change(&facts);
            prop_assert_eq!(read(&bytes), by_automerge(&bytes));
            prop_assert_eq!(read(&bytes), Some(facts));
        }

        #[test]
        fn bent_bytes_are_read_as_automerge_does_or_left_to_it(
            at in any::<prop::sample::Index>(), byte in any::<u8>(), count in 1usize..12,
        ) {
            let facts: Vec<(String, String)> =
                (0..count).map(|at| (format!("note/{at:026}"), format!("{{\"n\":{at}}}"))).collect();
            let mut bytes = change(&facts);
            let at = 9 + at.index(bytes.len() - 9);
            bytes[at] = byte;
            let checksum = motcua_core::hash::sha256(&bytes[8..]).0;
            bytes[4..8].copy_from_slice(&checksum[..4]);
            if let Some(found) = read(&bytes) {
                prop_assert_eq!(Some(found), by_automerge(&bytes));
            }
        }
    }
}
