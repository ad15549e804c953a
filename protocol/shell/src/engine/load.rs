//! An empty state from the newest base. The copy is on the disk now and then, and a process that ends in
//! the middle of it goes on behind the last row that is there; the meta row, which says what the state
//! reflects, comes when everything else is there.

use super::{StartError, books::Books, recover::wait_for_space};
use crate::{
    clock::{Clock, SystemClock},
    startup::{Startup, Step, hold},
    store::{Opened, SledStore},
};
use motcua_core::{
    ledger::STATE_LAYOUT,
    state::{Key, rows::Meta},
};
use motcua_journal::{Base, RealFs};
use std::{collections::BTreeMap, path::Path};

/// Pairs of a base written to the state at once.
const BASE_BATCH: usize = 10_000;
/// How often the copy is put on the disk, in milliseconds; as for records.
const KEPT_EVERY: u64 = 3_000;

/// Copies the newest base that fits into the state, which is empty or holds a part of it; false if the
/// process is to end.
pub(super) fn load_base(
    (dir, owner): (&Path, &[u8; 16]),
    books: &Books,
    opened: &Opened,
    startup: &Startup,
) -> Result<bool, StartError> {
    let (state, last) = (&books.state, books.journal.durable());
    startup.begin(Step::Verify, 0, 0);
    let base = newest_base((dir, owner), last)?;
    if let Opened::HalfLoaded(position) = opened
        && base.as_ref().is_none_or(|base| base.lsn() != *position)
    {
        tracing::warn!(position, "the base that was being copied is gone; the copy is begun anew");
        state.clear()?;
    }
    let Some(base) = base else { return Ok(true) };
    copy(state, &base, startup)
}

/// The newest base that a state of this version can be made from.
pub(super) fn newest_base(
    (dir, owner): (&Path, &[u8; 16]),
    last: u64,
) -> Result<Option<Base>, StartError> {
    let found = Base::newest(&RealFs::new(), dir, owner)?;
    // A base that reflects more than the journal holds belongs to a journal that was set back.
    let Some(base) = found.base.filter(|base| base.lsn() <= last) else { return Ok(None) };
    if !has_this_layout(&base)? {
        tracing::info!(position = base.lsn(), "the newest base is of another layout; not used");
        return Ok(None);
    }
    Ok(Some(base))
}

fn copy(state: &SledStore, base: &Base, startup: &Startup) -> Result<bool, StartError> {
    let clock = SystemClock::default();
    let behind = state.load(base.lsn())?;
    tracing::info!(
        position = base.lsn(),
        pairs = base.pairs(),
        goes_on = behind.is_some(),
        "loading the newest base"
    );
    startup.begin(Step::Base, 0, base.pairs());
    let mut kept = clock.monotonic();
    let (mut batch, mut meta) = (BTreeMap::new(), None);
    for (number, pair) in (1u64..).zip(base.iter()) {
        let (key, value) = pair?;
        if key == Key::Meta.bytes() {
            meta = Some(value);
        } else if behind.as_ref().is_none_or(|behind| key > *behind) {
            batch.insert(key, Some(value));
        }
        if number % BASE_BATCH as u64 == 0 {
            if !wait_for_space(state, startup) {
                return Ok(false);
            }
            state.write(std::mem::take(&mut batch))?;
            if clock.monotonic().since(kept) >= KEPT_EVERY {
                state.keep()?;
                kept = clock.monotonic();
            }
            startup.reached(number, base.pairs());
            hold(startup, Step::Base);
            if startup.is_stopping() {
                state.keep()?;
                return Ok(false);
            }
        }
    }
    if !wait_for_space(state, startup) {
        return Ok(false);
    }
    state.write(batch)?;
    state.loaded(meta.unwrap_or_default())?;
    Ok(true)
}

/// Whether a base holds rows as this version writes them.
fn has_this_layout(base: &Base) -> Result<bool, StartError> {
    let meta = Key::Meta.bytes();
    for pair in base.iter() {
        let (key, value) = pair?;
        if key == meta {
            // One that cannot be read is of another layout as well.
            let row = postcard::from_bytes::<Meta>(&value);
            return Ok(row.is_ok_and(|row| row.layout == STATE_LAYOUT));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::random;
    use motcua_core::state::Kv;
    use motcua_journal::{BaseWriter, Journal, Lane, Options};
    use std::sync::Arc;

    const OWNER: [u8; 16] = [7; 16];

    /// A journal of nine records, a state that is empty, and a base of the fifth with these rows.
    fn found(dir: &Path, meta: &[u8], rows: u32) -> Books {
        let fs = Arc::new(RealFs::new());
        let mut base =
            BaseWriter::create(fs.clone(), &dir.join("bases"), 5, OWNER, "test").unwrap();
        // Rows before and behind the meta row.
        let row = |table: u8, number: u32| [&[table][..], &number.to_be_bytes()].concat();
        (0..rows).for_each(|number| base.put(&row(b'D', number), b"before").unwrap());
        base.put(&Key::Meta.bytes(), meta).unwrap();
        (0..rows).for_each(|number| base.put(&row(b'x', number), b"behind").unwrap());
        base.finish().unwrap();
        let options = Options::new(OWNER, random);
        let (mut journal, _) = Journal::open(fs, &dir.join("journal"), options).unwrap();
        for _ in 0..9 {
            journal.append(Lane::Others, 1, &[0]).unwrap();
        }
        journal.commit().unwrap();
        let (state, _) = SledStore::open(&dir.join("state"), 9).unwrap();
        Books::new(state, journal.view())
    }

    fn meta(layout: u16) -> Vec<u8> {
        postcard::to_stdvec(&Meta { layout, applied: 5, ..Meta::default() }).unwrap()
    }

    fn load(dir: &Path, books: &Books, opened: &Opened) -> bool {
        load_base((&dir.join("bases"), &OWNER), books, opened, &Startup::default()).unwrap()
    }

    #[test]
    fn a_base_of_another_layout_is_not_loaded() {
        let rows = [(meta(STATE_LAYOUT), true), (meta(STATE_LAYOUT - 1), false), (vec![1], false)];
        for (row, loaded) in rows {
            let dir = tempfile::tempdir().unwrap();
            let books = found(dir.path(), &row, 3);
            assert!(load(dir.path(), &books, &Opened::Empty));
            assert_eq!(books.row::<Meta>(Key::Meta).unwrap().is_some(), loaded);
            assert_eq!(books.get(b"x\0\0\0\x02").unwrap().is_some(), loaded);
        }
    }

    #[test]
    fn a_copy_that_breaks_off_is_never_taken_for_the_state_and_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let books = found(dir.path(), &meta(STATE_LAYOUT), 3 * BASE_BATCH as u32);
        let stopping = Startup::default();
        stopping.stop();
        let place = (dir.path().join("bases"), OWNER);
        let whole = load_base((&place.0, &place.1), &books, &Opened::Empty, &stopping).unwrap();
        assert!(!whole, "it broke off");
        let Books { state, journal, .. } = books;
        let rows = state.iter().unwrap().count();
        assert!(rows > BASE_BATCH && rows < 2 * BASE_BATCH, "{rows} rows are there");
        drop(state);
        let opened = reopened(dir.path());
        assert_eq!(opened.1, Opened::HalfLoaded(5));
        let books = Books::new(opened.0, journal);
        let behind = books.state.load(5).unwrap().unwrap();
        assert_eq!(behind[0], b'D', "the copy goes on behind the rows that are there");
        assert!(load(dir.path(), &books, &opened.1));
        assert_eq!(books.row::<Meta>(Key::Meta).unwrap().unwrap().applied, 5);
        assert_eq!(books.state.iter().unwrap().count(), 6 * BASE_BATCH + 1);
        drop(books);
        assert_eq!(reopened(dir.path()).1, Opened::At(5));
    }

    #[test]
    fn half_a_copy_of_a_base_that_is_gone_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let books = found(dir.path(), &meta(STATE_LAYOUT), 3);
        books.state.load(4).unwrap();
        books.state.write([(b"Dold".to_vec(), Some(vec![1]))].into()).unwrap();
        assert!(load(dir.path(), &books, &Opened::HalfLoaded(4)));
        assert_eq!(books.get(b"Dold").unwrap(), None);
        assert_eq!(books.row::<Meta>(Key::Meta).unwrap().unwrap().applied, 5);
    }

    /// Threads of sled that still end may hold its lock for a moment.
    fn reopened(dir: &Path) -> (SledStore, Opened) {
        let state = dir.join("state");
        drop(SledStore::open_again(&state).unwrap());
        SledStore::open(&state, 9).unwrap()
    }
}
