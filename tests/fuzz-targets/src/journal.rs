//! Segments of a journal: records of any content behind a header that is right, their checksums made
//! right as well, or some bytes bent anywhere. Opening must find what is there and lose nothing that
//! it then says it has.

use crate::{
    Outcome,
    bytes::{Tape, put_piece},
};
use motcua_journal::{File, Fs, Journal, Lane, Options, Record, mem::MemFs};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

const OWNER: [u8; 16] = *b"owner of journal";
const BLOCK: usize = 4096;
const HEAD: usize = 21;

fn open(fs: &MemFs, seed: u64) -> Result<Journal, motcua_journal::JournalError> {
    let mut options = Options::seeded(OWNER, seed);
    options.segment_size = 8 << 10;
    Journal::open(Arc::new(fs.clone()), Path::new("/journal"), options).map(|(journal, _)| journal)
}

/// A journal with a few durable records in both lanes.
fn founded() -> (MemFs, Vec<Record>) {
    let fs = MemFs::new();
    let mut journal = open(&fs, 1).unwrap();
    for number in 0..6u8 {
        let lane = Lane::ALL[usize::from(number % 2)];
        journal.append(lane, number, &[number; 40]).unwrap();
        journal.commit().unwrap();
    }
    let records = all(&journal);
    (fs, records)
}

fn all(journal: &Journal) -> Vec<Record> {
    journal.view().iter_from(1).map_while(Result::ok).collect()
}

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let (fs, before) = founded();
    let mode = tape.byte();
    let file = segment(&fs, mode & 1);
    match mode & 2 {
        // Records of the stranger's, with right checksums.
        0 => rewrite(&*file, &mut tape),
        // Bytes bent anywhere, the header too.
        _ => {
            while !tape.0.is_empty() {
                let at = u64::from(tape.short()) % (8 << 10);
                let piece = tape.byte() % 8;
                file.write_at(at, tape.take(usize::from(piece) + 1)).unwrap();
            }
        }
    }
    drop(file);
    let Ok(mut journal) = open(&fs, 2) else { return Outcome::Refused };
    let seen = all(&journal);
    // No damage gives a right checksum to a wrong number, and no peer writes here.
    if mode & 2 != 0 {
        assert!(seen.windows(2).all(|pair| pair[0].lsn < pair[1].lsn), "numbers rise");
        for record in &seen {
            let read = journal.view().read(record.lsn).unwrap();
            assert_eq!(read.as_ref(), Some(record), "look-up and scan say the same");
            assert!(before.contains(record), "a record that was never written");
        }
    }
    // It goes on, gives no number twice, and keeps what it showed.
    let lsn = journal.append(Lane::Own, 9, b"after").expect("it takes a record");
    journal.commit().expect("and keeps it");
    assert!(seen.iter().all(|record| record.lsn < lsn), "no number is given twice");
    drop(journal);
    let journal = open(&fs, 3).expect("it opens again");
    let again = all(&journal);
    for record in &seen {
        assert!(again.contains(record), "record {} was there and is gone", record.lsn);
    }
    assert_eq!(again.last().map(|record| &record.payload[..]), Some(&b"after"[..]));
    if seen.len() >= before.len() { Outcome::Taken } else { Outcome::Refused }
}

fn segment(fs: &MemFs, which: u8) -> Arc<dyn File> {
    let paths: Vec<PathBuf> = fs
        .paths()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "seg"))
        .collect();
    fs.open(&paths[usize::from(which) % paths.len()]).unwrap()
}

/// Puts the pieces of the tape behind each other as records: kind, distance, how far the number is
/// past the one before, payload.
fn rewrite(file: &dyn File, tape: &mut Tape<'_>) {
    let mut head = vec![0; BLOCK];
    file.read_at(0, &mut head).unwrap();
    let nonce = &head[16..32];
    let (mut at, mut lsn) = (BLOCK as u64, u64::from_le_bytes(head[40..48].try_into().unwrap()));
    while !tape.0.is_empty() && at < 7 << 10 {
        let (kind, since, step) = (tape.byte(), tape.short(), tape.byte());
        let payload = tape.piece();
        let payload = &payload[..payload.len().min(256)];
        lsn = lsn.wrapping_add(u64::from(step));
        let mut out = Vec::new();
        let length = (payload.len() as u32 + 1).to_le_bytes();
        out.extend_from_slice(&length);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&lsn.to_le_bytes());
        out.extend_from_slice(&u32::from(since).to_le_bytes());
        out.push(kind);
        out.extend_from_slice(payload);
        let sum = crc32c::crc32c_append(crc32c::crc32c(nonce), &length);
        let sum = crc32c::crc32c_append(sum, &out[8..]);
        out[4..8].copy_from_slice(&sum.to_le_bytes());
        out.resize((HEAD + payload.len()).next_multiple_of(8), 0);
        file.write_at(at, &out).unwrap();
        at += out.len() as u64;
    }
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let records = |mode: u8, steps: &[(u8, u16, u8)]| {
        let mut out = vec![mode];
        for (kind, since, step) in steps {
            out.push(*kind);
            out.extend_from_slice(&since.to_le_bytes());
            out.push(*step);
            put_piece(&mut out, &[*kind; 40]);
        }
        out
    };
    vec![
        ("nothing".into(), vec![2]),
        ("as-it-was".into(), records(0, &[(0, 1, 0), (2, 1, 2), (4, 1, 2)])),
        ("others".into(), records(1, &[(1, 1, 0), (3, 1, 2), (5, 1, 2)])),
        ("back".into(), records(0, &[(0, 1, 2), (2, 1, 0)])),
        ("bent".into(), [&[2][..], &[40, 16, 0, 7], &[0, 0, 3, 1, 2, 3, 4]].concat()),
        ("bent-header".into(), [&[3][..], &[16, 0, 7], &[1; 8]].concat()),
    ]
}
