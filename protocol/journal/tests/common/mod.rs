//! A model of what a journal was told and what it answered, to hold it to.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

use motcua_journal::{
    Journal, JournalError, Lane, Lsn, Options, Record, Recovery,
    mem::{Dice, MemFs},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

pub const OWNER: [u8; 16] = *b"owner of journal";

pub fn dir() -> &'static Path {
    Path::new("/journal")
}

pub fn open(fs: &MemFs, seed: u64) -> Result<(Journal, Recovery), JournalError> {
    let mut options = Options::seeded(OWNER, seed);
    options.segment_size = 8 << 10;
    Journal::open(Arc::new(fs.clone()), dir(), options)
}

pub fn all(journal: &Journal) -> Vec<Record> {
    journal.view().iter_from(1).map(Result::unwrap).collect()
}

/// Paths of files whose name ends so, sorted.
pub fn files(fs: &MemFs, ending: &str) -> Vec<PathBuf> {
    let ends = |path: &PathBuf| path.to_str().unwrap().ends_with(ending);
    fs.paths().into_iter().filter(ends).collect()
}

/// What may and what must be there.
#[derive(Default)]
pub struct Model {
    /// Every record that could have reached the disk and was not voided.
    pub possible: BTreeMap<Lsn, Record>,
    /// Every LSN up to this one was acknowledged.
    pub acked: Vec<Lsn>,
    unique: u64,
    /// Writes and syncs failed too: a record that was never answered may then be missing before others.
    pub gaps: bool,
}

impl Model {
    /// A record like no other.
    pub fn record(&mut self, dice: &mut Dice) -> (Lane, u8, Vec<u8>) {
        self.unique += 1;
        let len = match dice.below(20) {
            0 => 0,
            1 => 3000 + dice.below(9000),
            _ => 20 + dice.below(700),
        };
        let mut payload = format!("{}:", self.unique).into_bytes();
        payload.resize(len as usize, self.unique as u8);
        (Lane::ALL[dice.below(2) as usize], dice.below(256) as u8, payload)
    }

    /// Appends a few records and commits, noting what was answered.
    pub fn step(&mut self, journal: &mut Journal, dice: &mut Dice) -> Result<(), JournalError> {
        let mut lsns = Vec::new();
        for _ in 0..1 + dice.below(5) {
            let (lane, kind, payload) = self.record(dice);
            let lsn = journal.append(lane, kind, &payload)?;
            self.possible.insert(lsn, Record { lsn, lane, kind, payload });
            lsns.push(lsn);
        }
        journal.commit()?;
        self.acked.extend(lsns);
        Ok(())
    }

    /// After `recover_after_failure`: what lay behind the last commit may never be seen again.
    pub fn voided_behind(&mut self, lsn: Lsn) {
        self.possible.retain(|held, _| *held <= lsn);
    }

    /// Holds an opened journal to the model; what is visible now must stay.
    pub fn check(&mut self, journal: &Journal, recovery: &Recovery, what: &str) {
        let seen = all(journal);
        assert!(seen.windows(2).all(|pair| pair[0].lsn < pair[1].lsn), "{what}: order");
        let by_lsn: BTreeMap<Lsn, &Record> =
            seen.iter().map(|record| (record.lsn, record)).collect();
        for lsn in &self.acked {
            assert_eq!(by_lsn.get(lsn), self.possible.get(lsn).as_ref(), "{what}: lsn {lsn} lost");
        }
        for record in &seen {
            let expected = self.possible.get(&record.lsn);
            assert_eq!(Some(record), expected, "{what}: never appended");
            if record.lsn % 4 == 0 {
                let read = journal.view().read(record.lsn).unwrap();
                assert_eq!(read.as_ref(), expected, "{what}: look-up differs");
            }
        }
        assert!(recovery.holes.is_empty(), "{what}: {recovery:?}");
        let gaps = seen.windows(2).find(|pair| pair[0].lsn + 1 != pair[1].lsn);
        assert!(
            self.gaps || gaps.is_none(),
            "{what}: a record stands without the one before it: {gaps:?}"
        );
        assert!(recovery.set_aside.is_empty(), "{what}: {recovery:?}");
        assert!(recovery.chain_breaks.is_empty(), "{what}: {recovery:?}");
        self.acked = seen.iter().map(|record| record.lsn).collect();
        self.possible = seen.into_iter().map(|record| (record.lsn, record)).collect();
    }
}
