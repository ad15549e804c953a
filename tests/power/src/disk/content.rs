//! One file: as programs see it, as it is on the disk, and what of it is on the way.

use super::mood::Mood;
use motcua_tests::seed::Seed;
use std::collections::{BTreeMap, BTreeSet};

/// What a disk writes as one, unless the cut comes in the middle of it.
pub(super) const PAGE: usize = 4096;
/// What a disk writes as one even then.
const SECTOR: usize = 512;
/// Written bytes that a file may have waiting before the older half goes to the disk by itself, as a
/// kernel would see to.
const WAITING: usize = 8 << 20;

#[derive(Debug, Clone)]
enum Op {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// As programs see it.
    pub(super) seen: Vec<u8>,
    safe: Vec<u8>,
    /// Since the last sync, in order.
    pending: Vec<Op>,
    waiting: usize,
    /// Pages whose sync failed: clean for the kernel, and perhaps not on the disk.
    forsaken: BTreeSet<usize>,
}

impl Content {
    /// A file that is on the disk as it is.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { safe: bytes.clone(), seen: bytes, ..Self::default() }
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.seen.len() {
            self.set_len(end);
        }
        self.seen[at..end].copy_from_slice(bytes);
        self.pending.push(Op::Write { at, bytes: bytes.to_vec() });
        self.waiting += bytes.len();
        if self.waiting > WAITING {
            self.write_back();
        }
    }

    pub(super) fn set_len(&mut self, len: usize) {
        if len != self.seen.len() {
            self.seen.resize(len, 0);
            self.pending.push(Op::Length(len));
        }
    }

    /// Everything is on the disk, but for pages whose sync failed and that nobody wrote to since.
    pub(super) fn sync(&mut self) {
        let dirty = self.dirty();
        // Shortened and grown again, it is zero from the shortest length on.
        let least = self.pending.iter().filter_map(|op| match op {
            Op::Length(to) => Some(*to),
            Op::Write { .. } => None,
        });
        self.safe.truncate(least.min().unwrap_or(usize::MAX));
        self.safe.resize(self.seen.len(), 0);
        for page in dirty {
            self.forsaken.remove(&page);
            copy(&self.seen, &mut self.safe, page * PAGE..(page + 1) * PAGE);
        }
        self.pending.clear();
        self.waiting = 0;
    }

    /// The sync failed: the pages count as clean from now on.
    pub(super) fn fail_sync(&mut self) {
        let dirty = self.dirty();
        self.forsaken.extend(dirty);
        self.pending.retain(|op| matches!(op, Op::Length(_)));
        self.waiting = 0;
    }

    /// What may be on the disk after a cut at this moment.
    pub(super) fn after_cut(&self, mood: Mood, seed: &mut Seed) -> Vec<u8> {
        let mut out = self.safe.clone();
        for page in &self.forsaken {
            let end = self.seen.len().min((page + 1) * PAGE);
            if mood.keeps(seed) && page * PAGE < end {
                out.resize(out.len().max(end), 0);
                copy(&self.seen, &mut out, page * PAGE..end);
            }
        }
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        let mut lengths = 0;
        for op in &self.pending {
            match op {
                Op::Length(_) => lengths += 1,
                Op::Write { at, bytes } => {
                    pages(*at, bytes.len()).for_each(|page| *counts.entry(page).or_default() += 1);
                }
            }
        }
        // Which version each page, and the length, have reached.
        let reached: BTreeMap<usize, (usize, bool)> = counts
            .into_iter()
            .map(|(page, count)| (page, (mood.reached(seed, count), mood.tears(seed))))
            .collect();
        let mut lengths_left = mood.reached(seed, lengths);
        let (mut len, mut now) = (self.safe.len(), self.safe.len());
        let mut passed: BTreeMap<usize, usize> = BTreeMap::new();
        for op in &self.pending {
            match op {
                Op::Length(to) if lengths_left > 0 => {
                    lengths_left -= 1;
                    if *to < now {
                        out.truncate(*to);
                    }
                    (len, now) = (*to, *to);
                }
                // What came after a shortening that is lost was written into other blocks.
                Op::Length(to) if *to < now => break,
                Op::Length(to) => now = *to,
                Op::Write { at, bytes } => {
                    for page in pages(*at, bytes.len()) {
                        let turn = passed.entry(page).or_default();
                        let (reached, torn) = reached[&page];
                        let (from, to) =
                            ((page * PAGE).max(*at), ((page + 1) * PAGE).min(at + bytes.len()));
                        out.resize(out.len().max(to), 0);
                        if *turn < reached {
                            out[from..to].copy_from_slice(&bytes[from - at..to - at]);
                        } else if *turn == reached && torn {
                            for sector in sectors(from, to).filter(|_| seed.below(2) == 0) {
                                let part = sector.start - at..sector.end - at;
                                out[sector].copy_from_slice(&bytes[part]);
                            }
                        }
                        *turn += 1;
                    }
                }
            }
        }
        out.resize(len, 0);
        out
    }

    /// Bytes it takes on the disk.
    pub(super) fn room(&self) -> u64 {
        room_of(self.seen.len() as u64)
    }

    fn dirty(&self) -> BTreeSet<usize> {
        let written = self.pending.iter().filter_map(|op| match op {
            Op::Write { at, bytes } => Some(pages(*at, bytes.len())),
            Op::Length(_) => None,
        });
        written.flatten().collect()
    }

    fn write_back(&mut self) {
        let half = self.pending.len() / 2;
        for op in self.pending.drain(..half) {
            match op {
                Op::Length(to) => self.safe.resize(to, 0),
                Op::Write { at, bytes } => {
                    let end = at + bytes.len();
                    // Behind a length that is not there yet: the length goes first.
                    self.safe.resize(self.safe.len().max(end), 0);
                    self.safe[at..end].copy_from_slice(&bytes);
                }
            }
        }
        let left = self.pending.iter().map(|op| match op {
            Op::Write { bytes, .. } => bytes.len(),
            Op::Length(_) => 0,
        });
        self.waiting = left.sum();
    }
}

/// Bytes that a file of this length takes.
pub(super) fn room_of(len: u64) -> u64 {
    len.next_multiple_of(PAGE as u64)
}

fn pages(at: usize, len: usize) -> std::ops::Range<usize> {
    at / PAGE..(at + len).div_ceil(PAGE)
}

fn sectors(from: usize, to: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let ends = (from / SECTOR..to.div_ceil(SECTOR)).map(|sector| sector * SECTOR);
    ends.map(move |start| start.max(from)..(start + SECTOR).min(to))
}

fn copy(from: &[u8], to: &mut [u8], range: std::ops::Range<usize>) {
    let end = range.end.min(from.len()).min(to.len());
    if range.start < end {
        to[range.start..end].copy_from_slice(&from[range.start..end]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cuts(file: &Content) -> Vec<Vec<u8>> {
        let mut seed = Seed::new(1);
        (0..400).map(|_| file.after_cut(Mood::choose(&mut seed), &mut seed)).collect()
    }

    #[test]
    fn what_was_synced_is_there_after_every_cut() {
        let mut file = Content::default();
        file.write(0, &[1; 10_000]);
        file.sync();
        assert!(cuts(&file).iter().all(|after| *after == vec![1; 10_000]));
        file.set_len(0);
        file.set_len(5_000);
        file.sync();
        assert!(cuts(&file).iter().all(|after| *after == vec![0; 5_000]));
    }

    #[test]
    fn what_was_not_synced_is_lost_kept_or_torn_each_page_on_its_own() {
        let mut file = Content::durable(vec![1; 3 * PAGE]);
        file.write(0, &[2; 3 * PAGE]);
        let after = cuts(&file);
        assert!(after.contains(&vec![1; 3 * PAGE]) && after.contains(&vec![2; 3 * PAGE]));
        let page = |after: &Vec<u8>, at: usize| after[at * PAGE..(at + 1) * PAGE].to_vec();
        let whole = |page: &[u8]| page.iter().all(|byte| *byte == page[0]);
        assert!(after.iter().any(|a| page(a, 0) == [1; PAGE] && page(a, 2) == [2; PAGE]));
        assert!(after.iter().any(|a| page(a, 0) == [2; PAGE] && page(a, 2) == [1; PAGE]));
        assert!(after.iter().any(|a| !whole(&page(a, 1))));
        for sector in after.iter().flat_map(|after| after.chunks(SECTOR)) {
            assert!(whole(sector), "a sector is never torn");
        }
    }

    #[test]
    fn a_file_that_grows_has_any_length_it_had_and_zeros_for_what_did_not_come() {
        let mut file = Content::default();
        for byte in 1..4 {
            file.write(file.seen.len(), &[byte; 1_000]);
        }
        let lengths: BTreeSet<usize> = cuts(&file).iter().map(Vec::len).collect();
        assert_eq!(lengths, BTreeSet::from([0, 1_000, 2_000, 3_000]));
        for after in cuts(&file) {
            for (at, byte) in after.iter().enumerate() {
                assert!([0, 1 + (at / 1_000) as u8].contains(byte));
            }
        }
    }

    #[test]
    fn after_a_failed_sync_the_next_good_one_does_not_save_what_was_written_before() {
        let mut file = Content::durable(vec![0; 2 * PAGE]);
        file.write(0, &[1; 100]);
        file.fail_sync();
        assert_eq!(file.seen[0], 1, "it is still read");
        file.write(PAGE, &[2; 100]);
        file.sync();
        let after = cuts(&file);
        assert!(after.iter().all(|after| after[PAGE] == 2));
        assert!(after.iter().any(|after| after[0] == 0) && after.iter().any(|after| after[0] == 1));
        file.write(50, &[3]);
        file.sync();
        assert!(
            cuts(&file).iter().all(|after| after[0] == 1),
            "written to again, it is dirty again"
        );
    }
}
