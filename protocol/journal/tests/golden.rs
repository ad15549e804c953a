//! Stored formats, byte for byte: these files must open for ever. Set `MOTCUA_WRITE_GOLDEN=1` to write
//! new ones after a deliberate change of format, or of the compressor: a new zstd may pack the sealed
//! segment and the base differently, and the old files must then still open.
#![allow(clippy::unwrap_used)]

use motcua_journal::{Base, BaseWriter, Journal, Lane, Options, Record, mem::MemFs};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

const OWNER: [u8; 16] = *b"golden owner 016";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn compare(name: &str, bytes: &[u8]) {
    if std::env::var_os("MOTCUA_WRITE_GOLDEN").is_some() {
        fs::write(golden(name), bytes).unwrap();
    }
    let expected = fs::read(golden(name)).unwrap();
    let differs = expected.iter().zip(bytes).position(|(a, b)| a != b);
    assert_eq!((expected.len(), None), (bytes.len(), differs), "{name} is written differently");
}

fn options() -> Options {
    let mut options = Options::seeded(OWNER, 2026);
    options.segment_size = 8 << 10;
    options.writer = "golden 1".to_owned();
    options
}

fn records() -> Vec<Record> {
    let payload = |n: u64| format!("hồ sơ số {n} ").repeat(n as usize * 2).into_bytes();
    let lane = |n| if n % 3 == 0 { Lane::Others } else { Lane::Own };
    (1..=22).map(|n| Record { lsn: n, lane: lane(n), kind: n as u8, payload: payload(n) }).collect()
}

fn write() -> (MemFs, Journal) {
    let mem = MemFs::new();
    let (mut journal, _) =
        Journal::open(Arc::new(mem.clone()), Path::new("/g"), options()).unwrap();
    for record in records() {
        journal.append(record.lane, record.kind, &record.payload).unwrap();
        if record.lsn % 2 == 0 {
            journal.commit().unwrap();
        }
    }
    (mem, journal)
}

const RAW: &str = "own-0000000000000001-0000000000000001.seg";
const SEALED: &str = "own-0000000000000001-0000000000000001.sealed";
const OTHERS: &str = "others-0000000000000002-0000000000000003.seg";
const NEXT: &str = "own-0000000000000003-0000000000000013.seg";

#[test]
fn segments_are_written_as_they_always_were() {
    let (mem, mut journal) = write();
    let read = |name: &str| mem.content(&Path::new("/g").join(name)).unwrap();
    let names: Vec<_> =
        mem.paths().into_iter().map(|p| p.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, [OTHERS, RAW, NEXT]);
    for name in [RAW, OTHERS, NEXT] {
        compare(name, &read(name));
    }
    journal.maintain().unwrap();
    compare(SEALED, &read(SEALED));
}

#[test]
fn golden_segments_open_raw_and_sealed() {
    for first in [RAW, SEALED] {
        let mem = MemFs::new();
        for name in [first, OTHERS, NEXT] {
            mem.plant(&Path::new("/g").join(name), &fs::read(golden(name)).unwrap());
        }
        let (journal, recovery) = Journal::open(Arc::new(mem), Path::new("/g"), options()).unwrap();
        let seen: Vec<_> = journal.view().iter_from(1).map(Result::unwrap).collect();
        assert_eq!(seen, records());
        assert!(recovery.holes.is_empty() && recovery.set_aside.is_empty(), "{recovery:?}");
        assert!(recovery.chain_breaks.is_empty() && recovery.torn.is_empty(), "{recovery:?}");
        assert_eq!(journal.point(), write().1.point(), "the running hash comes out the same");
    }
}

#[test]
fn a_base_is_written_as_it_always_was_and_opens() {
    let mem = MemFs::new();
    let fs_arc = Arc::new(mem.clone());
    let mut writer = BaseWriter::create(fs_arc, Path::new("/b"), 22, OWNER, "golden 1").unwrap();
    for record in records() {
        writer.put(&record.lsn.to_be_bytes(), &record.payload).unwrap();
    }
    writer.finish().unwrap();
    let name = "base-0000000000000016.base";
    let path = Path::new("/b").join(name);
    compare(name, &mem.content(&path).unwrap());
    mem.plant(&path, &fs::read(golden(name)).unwrap());
    let base = Base::open(&mem, &path, &OWNER).unwrap();
    let values: Vec<_> = base.iter().map(|pair| pair.unwrap().1).collect();
    assert_eq!(values, records().into_iter().map(|r| r.payload).collect::<Vec<_>>());
}
