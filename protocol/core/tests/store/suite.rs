//! What every state store must do, whatever it is made of: one suite, run over a [`Place`]. Used by
//! the tests of the store in memory, of the store of a hub and a node, and of any that follows. It
//! asks for nothing but [`Kv`] and [`KvWrite`], a way to open, and two ways to end.

use motcua_core::state::{Batch, Kv, KvWrite, Pairs};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Where a store stands; empty at first.
pub trait Place {
    /// The store in its writer's hands.
    type Store: KvWrite;
    /// The same store, for reading beside the writer.
    type Reader: Kv + Send;

    /// Opens it as the last one was left.
    fn open(&self) -> Self::Store;
    /// A reader beside the writer.
    fn reader(&self, store: &Self::Store) -> Self::Reader;
    /// Whatever the store does now and then by itself: nobody may notice.
    fn settle(&self, store: &mut Self::Store);
    /// Closed by a replica that ends.
    fn close(&self, store: Self::Store);
    /// Left as by a process that is killed.
    fn crash(&self, store: Self::Store);
}

/// A demand, by name.
pub type Check<P> = (&'static str, fn(&P));

/// All of them, each for a place of its own.
pub fn checks<P: Place>() -> [Check<P>; 8] {
    [
        ("a row is what was written last", rows),
        ("ranges are half open and in order of bytes", ranges),
        ("values are whole up to 64 KiB", sizes),
        ("a closed store opens as it was", reopened),
        ("a crash leaves the first batches, each whole", crashed),
        ("readers see a batch at once", seen_at_once),
        ("ranges beside the writer show no part of a batch", beside),
        ("any order of it all is as in a sorted map", at_random),
    ]
}

/// Runs all of them.
pub fn hold<P: Place>(new: impl Fn() -> P) {
    for (name, check) in checks() {
        println!("{name}");
        check(&new());
    }
}

fn put<const N: usize>(store: &mut impl KvWrite, rows: [(&[u8], Option<&[u8]>); N]) {
    let batch = rows.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)));
    store.write_batch(batch.into()).unwrap();
}

fn rows<P: Place>(place: &P) {
    let mut store = place.open();
    let get = |store: &P::Store, key: &[u8]| store.get(key).unwrap();
    assert_eq!(get(&store, b"a"), None, "nothing is there at first");
    put(&mut store, [(b"a", Some(b"one")), (b"ab", Some(b"")), (b"b", Some(b"two"))]);
    for settled in [false, true] {
        assert_eq!(get(&store, b"a"), Some(b"one".to_vec()));
        assert_eq!(get(&store, b"ab"), Some(Vec::new()), "an empty value is a value");
        assert_eq!(get(&store, b"abc"), None, "a longer key");
        assert_eq!(get(&store, b"A"), None, "another letter");
        if !settled {
            place.settle(&mut store);
        }
    }
    put(&mut store, [(b"a", Some(b"longer than before")), (b"ab", None), (b"none", None)]);
    assert_eq!(get(&store, b"a"), Some(b"longer than before".to_vec()), "overwritten");
    assert_eq!(get(&store, b"ab"), None, "removed");
    place.settle(&mut store);
    put(&mut store, [(b"a", Some(b"")), (b"ab", Some(b"again"))]);
    assert_eq!(get(&store, b"a"), Some(Vec::new()), "overwritten by nothing");
    assert_eq!(get(&store, b"ab"), Some(b"again".to_vec()), "back after it was removed");
    assert_eq!(get(&store, b"b"), Some(b"two".to_vec()), "left alone");
    put(&mut store, []);
    assert_eq!(store.range(b"", b"\xff", 9).unwrap().len(), 3, "an empty batch changes nothing");
}

fn ranges<P: Place>(place: &P) {
    let mut store = place.open();
    assert_eq!(store.range(b"", b"\xff", 9).unwrap(), Pairs::new(), "nothing is there at first");
    let keys: [&[u8]; 12] = [
        b"\0",
        b"\0\0",
        b"\0\xff",
        b"\x01",
        b"Z",
        b"a",
        b"a\0",
        b"ab",
        b"\x7f",
        b"\x80",
        b"\xff",
        b"\xff\xff",
    ];
    let model: BTreeMap<Vec<u8>, Vec<u8>> =
        keys.iter().map(|key| (key.to_vec(), key.repeat(2))).collect();
    let rows = model.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
    store.write_batch(rows.collect()).unwrap();
    let odd: [&[u8]; 5] = [b"", b"\0\x01", b"b", b"\x7f\xff\xff", b"\xff\xff\xff\xff"];
    let bounds: Vec<&[u8]> = keys.into_iter().chain(odd).collect();
    for settled in [false, true] {
        for from in &bounds {
            for to in &bounds {
                for limit in [0, 1, 3, 12, usize::MAX] {
                    let read = store.range(from, to, limit).unwrap();
                    let what = format!("{from:02x?} to {to:02x?}, {limit}, settled {settled}");
                    assert_eq!(read, wanted(&model, from, to, limit), "{what}");
                }
            }
        }
        if !settled {
            place.settle(&mut store);
        }
    }
}

/// What a range has to give.
fn wanted(model: &BTreeMap<Vec<u8>, Vec<u8>>, from: &[u8], to: &[u8], limit: usize) -> Pairs {
    let inside = model.iter().filter(|(key, _)| key.as_slice() >= from && key.as_slice() < to);
    inside.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn sizes<P: Place>(place: &P) {
    let mut store = place.open();
    let mut chance = Chance(1);
    let mut model = BTreeMap::new();
    // Around what blocks, pages and length fields end at.
    for size in [1, 127, 128, 255, 256, 2_500, 4_000, 4_096, 8_192, 16_384, 32_768, 65_535, 65_536]
    {
        for near in 0..3u8 {
            let value: Vec<u8> = (0..size).map(|_| chance.below(256) as u8).collect();
            model.insert([(size as u32).to_be_bytes().as_slice(), &[near]].concat(), value);
        }
    }
    model.insert(vec![b'k'; 200], b"under a long key".to_vec());
    for (key, value) in &model {
        put(&mut store, [(key, Some(value))]);
    }
    for settled in [false, true] {
        for (key, value) in &model {
            let read = store.get(key).unwrap();
            assert!(read.as_ref() == Some(value), "{} bytes, settled {settled}", value.len());
        }
        let all = store.range(b"", b"\xff", usize::MAX).unwrap();
        assert!(all == wanted(&model, b"", b"\xff", usize::MAX), "a range, settled {settled}");
        if !settled {
            place.settle(&mut store);
        }
    }
}

fn reopened<P: Place>(place: &P) {
    let mut store = place.open();
    put(&mut store, [(b"gone", Some(b"1")), (b"kept", Some(b"1")), (b"new", Some(b"1"))]);
    place.close(store);
    let mut store = place.open();
    assert_eq!(store.get(b"gone").unwrap(), Some(b"1".to_vec()), "before it was removed");
    put(&mut store, [(b"gone", None), (b"new", Some(b"2"))]);
    place.close(store);
    for turn in 0..2 {
        let store = place.open();
        let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        let all = store.range(b"", b"\xff", 9).unwrap();
        assert_eq!(all, [pair(b"kept", b"1"), pair(b"new", b"2")], "opened {turn} times before");
        place.close(store);
    }
}

/// Rows of a batch that bears one number, far apart among others.
const SPREAD: u8 = 40;

/// Batch `number` writes its number over the whole spread, and a row of its own.
fn stamp(number: u32) -> Batch {
    let value = |size: usize| Some(number.to_be_bytes().repeat(size));
    let spread = (0..SPREAD).map(|at| (vec![b's', at], value(1 + usize::from(at) * 20)));
    let own = ([&b"t"[..], &number.to_be_bytes()].concat(), value(1));
    // Every other batch removes a row that the one before has put.
    let turned = (vec![b'u'], number.is_multiple_of(2).then(|| vec![1]));
    spread.chain([own, turned]).collect()
}

/// The number of the batch that these rows show, if they show one and the same.
fn stamped(rows: &Pairs) -> Option<u32> {
    let mut numbers =
        rows.iter().map(|(_, value)| value.first_chunk().map(|at| u32::from_be_bytes(*at)));
    let first = numbers.next()??;
    (rows.len() == usize::from(SPREAD) && numbers.all(|number| number == Some(first)))
        .then_some(first)
}

fn crashed<P: Place>(place: &P) {
    let (mut lowest, mut next) = (0, 1);
    for settled_after in [0, 3, 7] {
        let mut store = place.open();
        for turn in 0..10 {
            store.write_batch(stamp(next)).unwrap();
            next += 1;
            if turn + 1 == settled_after {
                place.settle(&mut store);
            }
        }
        place.crash(store);
        let store = place.open();
        let spread = store.range(b"s", b"t", 99).unwrap();
        let last = if spread.is_empty() { 0 } else { stamped(&spread).expect("one whole batch") };
        assert!((lowest..next).contains(&last), "{last} is neither the old state nor a new batch");
        let own: Vec<Vec<u8>> =
            store.range(b"t", b"u", 99).unwrap().into_iter().map(|(key, _)| key).collect();
        let all: Vec<Vec<u8>> =
            (1..=last).map(|number| [&b"t"[..], &number.to_be_bytes()].concat()).collect();
        assert_eq!(own, all, "batches up to {last}, none left out");
        let turned = store.get(b"u").unwrap().is_some();
        assert_eq!(turned, last > 0 && last.is_multiple_of(2), "what batch {last} removed or put");
        // Lost batches are written again, as from a journal; what was there stays there.
        (lowest, next) = (last, last + 1);
        place.close(store);
    }
}

fn seen_at_once<P: Place>(place: &P) {
    let mut store = place.open();
    let before = place.reader(&store);
    for number in 1..=20u32 {
        store.write_batch(stamp(number)).unwrap();
        let fresh = place.reader(&store);
        for reader in [&before, &fresh] {
            let read = stamped(&reader.range(b"s", b"t", 99).unwrap());
            assert_eq!(read, Some(number), "read after it was written");
            assert_eq!(reader.get(b"u").unwrap().is_some(), number.is_multiple_of(2));
        }
        if number.is_multiple_of(6) {
            place.settle(&mut store);
        }
    }
}

/// Ends the reader beside also when its writer panics.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn beside<P: Place>(place: &P) {
    let mut store = place.open();
    store.write_batch(stamp(1)).unwrap();
    let (reader, over) = (place.reader(&store), &AtomicBool::new(false));
    thread::scope(|scope| {
        let until = Until(over);
        scope.spawn(move || {
            let mut newest = 0;
            while !over.load(Ordering::Acquire) {
                let rows = reader.range(b"s", b"t", 99).unwrap();
                let read = stamped(&rows);
                assert!(read.is_some(), "a range of {} rows shows parts of batches", rows.len());
                assert!(read >= Some(newest), "batch {newest} was seen before {read:?}");
                newest = read.unwrap_or_default();
            }
        });
        for number in 2..=400 {
            store.write_batch(stamp(number)).unwrap();
            if number.is_multiple_of(50) {
                place.settle(&mut store);
            }
        }
        drop(until);
    });
}

fn at_random<P: Place>(place: &P) {
    let mut chance = Chance(7);
    let mut model = BTreeMap::new();
    let mut store = place.open();
    for _ in 0..150 {
        let mut batch = Batch::new();
        for _ in 0..chance.below(30) {
            let key: Vec<u8> = (0..1 + chance.below(3)).map(|_| chance.below(6) as u8).collect();
            let size = [0, 3, 40, 1_500][chance.below(4)];
            let value = (chance.below(3) > 0).then(|| vec![chance.below(256) as u8; size]);
            batch.insert(key, value);
        }
        for (key, value) in &batch {
            match value {
                Some(value) => drop(model.insert(key.clone(), value.clone())),
                None => drop(model.remove(key)),
            }
        }
        store.write_batch(batch).unwrap();
        match chance.below(12) {
            0 => place.settle(&mut store),
            1 => {
                place.close(store);
                store = place.open();
            }
            _ => {}
        }
        let (from, to) = ([chance.below(6) as u8], [chance.below(7) as u8, chance.below(6) as u8]);
        let limit = chance.below(40);
        let read = store.range(&from, &to, limit).unwrap();
        assert!(read == wanted(&model, &from, &to, limit), "{from:?} to {to:?}, {limit}");
    }
    // In pages, as a long table is read.
    let (mut from, mut all) = (Vec::new(), Pairs::new());
    loop {
        let page = store.range(&from, b"\xff", 7).unwrap();
        let Some((last, _)) = page.last() else { break };
        from = [last.as_slice(), b"\0"].concat();
        all.extend(page);
    }
    assert!(all == wanted(&model, b"", b"\xff", usize::MAX), "pages give every row once");
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
