//! What was written last and is not in sled yet. A catch-up, and a day at the counter, write the
//! same rows again and again; sled is handed each of them once in a while, in order of keys, and
//! in one batch with the position that they reflect. What a crash loses of it the journal has.

use motcua_core::state::Pairs;
use std::{
    collections::{BTreeMap, btree_map},
    iter::Peekable,
    mem,
    sync::Arc,
};

/// Rows of one or more batches; `None` where a row was removed.
pub(super) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Bytes of keys and values, with what the map costs, from which on they go to sled.
const SPILL_BYTES: usize = 6 * 1024 * 1024;
/// What one row costs besides its bytes.
const ROW_BYTES: usize = 80;

/// Rows on their way to sled, newest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    fresh: Rows,
    bytes: usize,
    /// Being written to sled just now: still read from here.
    leaving: Arc<Rows>,
}

impl Recent {
    /// Takes in a batch.
    pub(super) fn add(&mut self, rows: Rows) {
        for (key, value) in rows {
            self.bytes += ROW_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
            match self.fresh.entry(key) {
                btree_map::Entry::Vacant(place) => drop(place.insert(value)),
                btree_map::Entry::Occupied(mut place) => {
                    let old = place.insert(value).map_or(0, |old| old.len());
                    self.bytes = self.bytes.saturating_sub(ROW_BYTES + place.key().len() + old);
                }
            }
        }
    }

    /// Forgets what is not in sled yet.
    pub(super) fn take_all(&mut self) -> Rows {
        self.bytes = 0;
        mem::take(&mut self.fresh)
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= SPILL_BYTES
    }

    /// What is to be written to sled now. Kept readable until [`Self::left`] says that it is there.
    pub(super) fn leave(&mut self) -> Arc<Rows> {
        debug_assert!(self.leaving.is_empty(), "one writer");
        self.leaving = Arc::new(mem::take(&mut self.fresh));
        self.bytes = 0;
        Arc::clone(&self.leaving)
    }

    /// Sled did not take what left: it is held on, below what came since.
    pub(super) fn stay(&mut self) {
        let leaving = mem::take(&mut self.leaving);
        for (key, value) in leaving.iter() {
            if let btree_map::Entry::Vacant(place) = self.fresh.entry(key.clone()) {
                self.bytes += ROW_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
                place.insert(value.clone());
            }
        }
    }

    /// Bytes of what is held, as the map has them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sled has what left.
    pub(super) fn left(&mut self) {
        self.leaving = Arc::default();
    }

    /// What is known here of a row; `None` if sled must be asked.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.fresh.get(key).or_else(|| self.leaving.get(key)).cloned()
    }

    /// At most `limit` pairs with `from <= key < to` over what `below` has of that range, in key
    /// order.
    pub(super) fn range<E>(
        &self,
        (from, to): (&[u8], &[u8]),
        limit: usize,
        below: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), E>>,
    ) -> Result<Pairs, E> {
        if from >= to {
            return Ok(Pairs::new());
        }
        let mut fresh = rows(&self.fresh, from, to);
        let mut leaving = rows(&self.leaving, from, to);
        let mut below = below.peekable();
        let mut pairs = Pairs::new();
        while pairs.len() < limit {
            if matches!(below.peek(), Some(Err(_))) {
                below.next().transpose()?;
            }
            let lowest = match below.peek() {
                Some(Ok((key, _))) => Some(key.as_slice()),
                Some(Err(_)) | None => None,
            };
            let heads = [
                fresh.peek().map(|row| row.0.as_slice()),
                leaving.peek().map(|row| row.0.as_slice()),
                lowest,
            ];
            let Some(key) = heads.into_iter().flatten().min().map(<[u8]>::to_vec) else { break };
            let (newest, older) = (take(&mut fresh, &key), take(&mut leaving, &key));
            let oldest =
                below.next_if(|row| matches!(row, Ok((at, _)) if *at == key)).transpose()?;
            let value = newest.or(older).unwrap_or_else(|| oldest.map(|(_, value)| value));
            pairs.extend(value.map(|value| (key, value)));
        }
        Ok(pairs)
    }
}

type Range<'a> = Peekable<btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>>;

fn rows<'a>(rows: &'a Rows, from: &[u8], to: &[u8]) -> Range<'a> {
    rows.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)))
        .peekable()
}

/// What this layer says of a row, if it stands there next.
fn take(rows: &mut Range<'_>, key: &[u8]) -> Option<Option<Vec<u8>>> {
    rows.next_if(|(at, _)| at.as_slice() == key).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    proptest! {
        #[test]
        fn rows_read_through_all_layers_are_those_written_last(
            steps in proptest::collection::vec(
                (0u8..4, proptest::collection::vec((0u8..20, proptest::option::of(any::<u8>())), 0..8)),
                1..30,
            ),
            from in 0u8..20, to in 0u8..22, limit in 0usize..25,
        ) {
            let (mut recent, mut sled) = (Recent::default(), BTreeMap::new());
            let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
            let mut leaving = None;
            let arrive = |sled: &mut BTreeMap<Vec<u8>, Vec<u8>>, rows: Arc<Rows>| {
                for (key, value) in rows.iter() {
                    match value {
                        Some(value) => sled.insert(key.clone(), value.clone()),
                        None => sled.remove(key),
                    };
                }
            };
            for (step, batch) in steps {
                // Now and then a part is on its way to sled, there already, or taken note of.
                match (step, leaving.take()) {
                    (0, None) => leaving = Some(recent.leave()),
                    (1, Some(rows)) => {
                        arrive(&mut sled, Arc::clone(&rows));
                        leaving = Some(rows);
                    }
                    (2, Some(rows)) => {
                        arrive(&mut sled, rows);
                        recent.left();
                    }
                    (_, still) => leaving = still,
                }
                let rows: Rows = batch.into_iter()
                    .map(|(key, value)| (vec![key], value.map(|value| vec![value]))).collect();
                for (key, value) in &rows {
                    match value {
                        Some(value) => model.insert(key.clone(), value.clone()),
                        None => model.remove(key),
                    };
                }
                recent.add(rows);
            }
            for key in 0u8..20 {
                let read = recent.get(&[key]).unwrap_or_else(|| sled.get(&vec![key]).cloned());
                prop_assert_eq!(read, model.get(&vec![key]).cloned());
            }
            let (from, to) = ([from], [to]);
            let within = |key: &[u8]| key >= from.as_slice() && key < to.as_slice();
            let below = sled.into_iter().filter(|(key, _)| within(key)).map(Ok::<_, Infallible>);
            let read = recent.range((&from, &to), limit, below).unwrap();
            let wanted: Pairs = model.into_iter().filter(|(key, _)| within(key)).take(limit).collect();
            prop_assert_eq!(read, wanted);
        }
    }

    #[test]
    fn a_row_that_is_written_again_counts_once() {
        let mut recent = Recent::default();
        let big = |byte| Rows::from([(vec![1], Some(vec![byte; 1_000_000]))]);
        (0..100).for_each(|byte| recent.add(big(byte)));
        assert!(!recent.is_full());
        (2..16u8).for_each(|key| recent.add(Rows::from([(vec![key], Some(vec![0; 1_000_000]))])));
        assert!(recent.is_full());
        recent.leave();
        assert!(!recent.is_full() && recent.get(&[1]).is_some());
        recent.left();
        assert!(recent.get(&[1]).is_none());
    }
}
