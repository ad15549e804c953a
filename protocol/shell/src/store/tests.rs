#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn a_renewed_store_has_the_same_pairs_and_nothing_of_what_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let (store, _) = SledStore::open(&path, 0).unwrap();
    let secret = b"khong con o day nua".repeat(20);
    let pair = |number: u32, value: Option<Vec<u8>>| {
        store.write(Rows::from([(number.to_be_bytes().to_vec(), value)])).unwrap();
    };
    pair(1, Some(secret.clone()));
    (2..500).for_each(|number| pair(number, Some(vec![number as u8; 300])));
    pair(1, None);
    store.flush().unwrap();
    let before: Vec<_> = store.iter().unwrap().map(Result::unwrap).collect();
    store.renew().unwrap();
    let after: Vec<_> = store.iter().unwrap().map(Result::unwrap).collect();
    assert_eq!(before, after);
    assert!(!beside(&beside(&path, "new"), "reserve").exists(), "one reserve for one store");
    pair(7, Some(vec![7]));
    store.flush().unwrap();
    let mut files = vec![dir.path().to_owned()];
    while let Some(at) = files.pop() {
        if at.is_dir() {
            files.extend(std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&at).unwrap();
        assert!(!bytes.windows(19).any(|window| window == &secret[..19]), "{}", at.display());
    }
    drop(store);
    assert_eq!(SledStore::open_again(&path).unwrap().iter().unwrap().count(), 498);
}

/// Rows of a position, many enough for several batches, in keys that share blocks.
fn many(position: u64) -> Rows {
    let value = |number: u64| Some(vec![(number ^ position) as u8; 900]);
    let mut rows: Rows = (0..2_000u64)
        .map(|number| ([b"k".as_slice(), &number.to_be_bytes()].concat(), value(number)))
        .collect();
    rows.insert(b"k".to_vec(), position.is_multiple_of(2).then(|| vec![1]));
    let meta = Meta { layout: STATE_LAYOUT, applied: position, ..Meta::default() };
    rows.insert(Key::Meta.bytes(), Some(postcard::to_stdvec(&meta).unwrap()));
    rows
}

/// A store with the rows of position 1, that died after so many batches of position 2.
fn died_after(dir: &Path, batches: usize) {
    let store = SledStore::open_again(dir).unwrap();
    store.write(many(1)).unwrap();
    store.flush().unwrap();
    let open = store.opened().unwrap();
    let died = open.take(dir, &many(2), batches);
    assert!(died.is_err(), "there are more batches than {batches}");
    open.db.flush().unwrap();
}

#[test]
fn rows_that_a_crash_cut_in_two_are_all_there_after_it() {
    for batches in [0, 1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        died_after(&path, batches);
        let store = SledStore::open_again(&path).unwrap();
        let rows: Rows = store
            .iter()
            .unwrap()
            .map(|row| row.unwrap())
            .map(|(key, value)| (key, Some(value)))
            .collect();
        assert!(rows == many(2), "after {batches} batches");
        assert!(!redo::path(&path).exists(), "the file is gone");
    }
}

#[test]
fn a_store_that_failed_is_opened_again_and_loses_nothing_that_it_was_handed() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open_again(&dir.path().join("state")).unwrap();
    store.write(many(1)).unwrap();
    store.flush().unwrap();
    store.write(Rows::from([(b"later".to_vec(), Some(vec![1]))])).unwrap();
    // sled takes some of the rows, and fails.
    let half: Rows = many(2);
    store.recent_mut().add(half);
    let rows = store.recent_mut().leave();
    let error = store.opened().unwrap().take(&store.dir, &rows, 1).unwrap_err();
    store.fail(&error);
    store.write(Rows::from([(b"later".to_vec(), Some(vec![2]))])).unwrap();
    let mut wanted = many(2);
    wanted.insert(b"later".to_vec(), Some(vec![2]));
    for (key, value) in &wanted {
        assert_eq!(store.get(key).unwrap(), *value);
    }
    store.flush().unwrap();
    let all: Rows =
        store.iter().unwrap().map(|row| row.unwrap()).map(|(k, v)| (k, Some(v))).collect();
    assert!(all == wanted);
}

#[test]
fn a_store_that_comes_back_with_less_than_it_had_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let store = SledStore::open_again(&dir.path().join("state")).unwrap();
    store.write(many(2)).unwrap();
    store.flush().unwrap();
    store.flushed.store(3, Ordering::Release);
    store.fail(&StoreError::Backend("a test".into()));
    let refused = store.get(b"k").unwrap_err().to_string();
    assert!(refused.contains("rebuilt at the next start"), "{refused}");
    assert!(store.waits_for_room());
}

#[test]
fn rows_cut_in_two_without_their_file_are_never_taken_for_a_state() {
    for damage in [0usize, 1] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        died_after(&path, 2);
        match damage {
            0 => std::fs::remove_file(redo::path(&path)).unwrap(),
            _ => std::fs::write(redo::path(&path), b"mcredo1\n").unwrap(),
        }
        // Threads of sled that still end may hold its lock for a moment.
        drop(SledStore::open_again(&path).map(drop));
        assert!(matches!(SledStore::open(&path, 9).unwrap().1, Opened::SetAside { .. }));
    }
}

#[test]
fn a_damaged_store_is_moved_aside_and_an_empty_one_opens() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let fill = || {
        let (store, opened) = SledStore::open(&path, 0).unwrap();
        assert_eq!(opened, Opened::Empty);
        let meta = Meta { layout: STATE_LAYOUT, applied: 5, ..Meta::default() };
        let row = postcard::to_stdvec(&meta).unwrap();
        store.write(Rows::from([(Key::Meta.bytes(), Some(row))])).unwrap();
        store.flush().unwrap();
    };
    fill();
    assert_eq!(SledStore::open(&path, 5).unwrap().1, Opened::At(5));
    // The journal ends before what the state claims to reflect.
    assert!(matches!(SledStore::open(&path, 4).unwrap().1, Opened::SetAside { .. }));
    fill();
    // Damage of every kind: whatever sled makes of it, it never claims to reflect the journal.
    for file in ["db", "conf"] {
        let length = std::fs::metadata(path.join(file)).unwrap().len() as usize;
        std::fs::write(path.join(file), vec![0x5a; length]).unwrap();
    }
    assert!(!matches!(SledStore::open(&path, 5).unwrap().1, Opened::At(_)));
}

/// What is done to a state that reflects position 5.
type Fault = fn(&Path);

#[test]
fn whatever_is_wrong_with_a_state_it_is_kept_aside_and_the_reason_is_said() {
    let meta = |layout| {
        let meta = Meta { layout, applied: 5, ..Meta::default() };
        postcard::to_stdvec(&meta).unwrap()
    };
    let faults: [(&str, u16, u64, Fault); 6] = [
        ("other_layout", STATE_LAYOUT - 1, 5, |_| {}),
        ("ahead_of_journal", STATE_LAYOUT, 4, |_| {}),
        ("failed", STATE_LAYOUT, 5, |state| mark_failed(state, "a row that cannot be read")),
        ("damaged", STATE_LAYOUT, 5, |state| {
            std::fs::write(state.join("conf"), b"nothing of sled's").unwrap();
        }),
        ("damaged", STATE_LAYOUT, 5, |state| {
            std::fs::remove_file(state.join("db")).unwrap();
            std::fs::create_dir(state.join("db")).unwrap();
        }),
        // Rows, and nothing that says what they reflect.
        ("damaged", 0, 5, |_| {}),
    ];
    for (word, layout, last, fault) in faults {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let (store, _) = SledStore::open(&path, 0).unwrap();
        let row = (layout > 0).then(|| meta(layout));
        store.write(Rows::from([(Key::Meta.bytes(), row)])).unwrap();
        store.write(Rows::from([(b"x".to_vec(), Some(vec![1]))])).unwrap();
        store.flush().unwrap();
        drop(store);
        drop(SledStore::open_again(&path).unwrap());
        fault(&path);
        let (fresh, opened) = SledStore::open(&path, last).unwrap();
        let Opened::SetAside { to, why } = opened else { panic!("{word}: {opened:?}") };
        assert_eq!(why.word(), word, "{why:?}");
        assert!(to.is_dir() && !why.vi().is_empty() && !why.en().is_empty());
        assert_eq!(fresh.get(b"x").unwrap(), None, "{word}");
        // It is blamed once.
        drop(fresh);
        drop(SledStore::open_again(&path).unwrap());
        assert_eq!(SledStore::open(&path, last).unwrap().1, Opened::Empty, "{word}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn rows_are_found_in_order_whatever_was_written_and_removed_before(
        batches in proptest::collection::vec(
            (proptest::prelude::any::<bool>(), proptest::collection::vec(
                (0u8..120, proptest::option::of(1usize..3_000)), 1..60)),
            1..12,
        ),
        (from, to, limit) in (0u8..120, 0u8..130, 0usize..50),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = SledStore::open(&dir.path().join("state"), 0).unwrap();
        let mut model = std::collections::BTreeMap::new();
        for (spill, batch) in batches {
            let key = |number: u8| vec![b'a' + number / 40, number];
            let rows: Rows = batch.into_iter()
                .map(|(number, size)| (key(number), size.map(|size| vec![number; size]))).collect();
            for (key, value) in &rows {
                match value {
                    Some(value) => model.insert(key.clone(), value.clone()),
                    None => model.remove(key),
                };
            }
            store.write(rows).unwrap();
            if spill {
                store.spill().unwrap();
            }
        }
        for number in 0..120 {
            let key = [b'a' + number / 40, number];
            proptest::prop_assert_eq!(store.get(&key).unwrap(), model.get(key.as_slice()).cloned());
        }
        let (from, to) = ([b'a' + from / 40, from], [b'a' + to / 40, to]);
        let within = model.iter().filter(|(key, _)| **key >= from.to_vec() && **key < to.to_vec());
        let wanted: Pairs = within.take(limit).map(|(k, v)| (k.clone(), v.clone())).collect();
        proptest::prop_assert_eq!(store.range(&from, &to, limit).unwrap(), wanted);
        let all: Pairs = store.iter().unwrap().map(Result::unwrap).collect();
        proptest::prop_assert_eq!(all, model.into_iter().collect::<Pairs>());
    }
}
