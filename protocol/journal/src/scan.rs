//! Reads a raw segment from end to end and says what is there: records, damage, a torn tail.

use crate::{
    Lane, Lsn,
    header::BLOCK_LEN,
    limits,
    record::{self, ALIGN, Slot},
};

/// What a disk writes as one, also when the power goes.
const SECTOR: usize = 512;

/// A valid record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) lsn: Lsn,
    pub(crate) since_sync: u32,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) digest: [u8; 32],
}

/// Bytes that are neither a record nor unwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) offset: u64,
    /// LSN of the last valid record before, or the one the segment continues.
    pub(crate) before: Lsn,
    /// LSN of the first valid record behind, if there is one.
    pub(crate) after: Option<Lsn>,
    /// LSN in the damaged head, if it still looks like one.
    pub(crate) claims: Option<Lsn>,
    /// A whole sector of it was never written, so the write it belongs to never finished: a flipped or
    /// torn byte leaves no such thing in a file of written zeros.
    pub(crate) unwritten: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    pub(crate) records: Vec<Found>,
    pub(crate) bad: Vec<Bad>,
}

impl Scan {
    /// Whether records can be appended behind the last one.
    pub(crate) fn clean(&self) -> bool {
        self.bad.is_empty()
    }
}

/// Scans the bytes of a whole segment (header block included).
pub(crate) fn scan(segment: &[u8], nonce: &[u8; 16], lane: Lane, first: Lsn) -> Scan {
    let mut out = Scan::default();
    let mut last = first.saturating_sub(1);
    let mut at = BLOCK_LEN;
    let mut budget = limits::SCAN_BUDGET * segment.len() as u64;
    while at < segment.len() {
        let rest = &segment[at..];
        let slot = record::decode(rest, nonce);
        if let Slot::Record(raw) = &slot
            && raw.lsn > last
        {
            let digest = record::digest(raw.lsn, lane, raw.kind, raw.payload);
            let (offset, size) = (at as u64, raw.size as u64);
            out.records.push(Found {
                lsn: raw.lsn,
                since_sync: raw.since_sync,
                offset,
                size,
                digest,
            });
            last = raw.lsn;
            at += raw.size;
            continue;
        }
        if matches!(slot, Slot::End) && rest.iter().all(|byte| *byte == 0) {
            break;
        }
        let found = next_valid(segment, at + ALIGN, nonce, last, &mut budget);
        let claims = record::claims(rest)
            .filter(|(len, lsn)| (1..=limits::MAX_RECORD + 1).contains(len) && *lsn > last)
            .map(|(_, lsn)| lsn);
        let after = found.map(|(_, lsn)| lsn);
        // At the tail it ends where its head says, or where the last byte stands.
        let end = found.map_or_else(|| end_of_tail(segment, at), |(offset, _)| offset);
        let unwritten = has_unwritten_sector(segment, at, end);
        out.bad.push(Bad { offset: at as u64, before: last, after, claims, unwritten });
        match found {
            Some((offset, _)) => at = offset,
            None => break,
        }
    }
    out
}

fn end_of_tail(segment: &[u8], at: usize) -> usize {
    let claimed = record::claims(&segment[at..])
        .map_or(0, |(len, _)| record::HEAD + len.min(limits::MAX_RECORD));
    let last = segment.iter().rposition(|byte| *byte != 0).map_or(at, |last| last + 1);
    last.max(at + claimed).next_multiple_of(SECTOR).min(segment.len())
}

fn has_unwritten_sector(segment: &[u8], from: usize, to: usize) -> bool {
    let boundary = from.next_multiple_of(SECTOR).min(to);
    // The rest of a sector that was written before: a head is not zero.
    if from < boundary && segment[from..boundary].iter().all(|byte| *byte == 0) {
        return true;
    }
    let whole = &segment[boundary..to];
    whole.chunks_exact(SECTOR).any(|sector| sector.iter().all(|byte| *byte == 0))
}

/// The next place from `at` on that holds a valid record with an LSN above `last`.
pub(crate) fn next_valid(
    bytes: &[u8],
    at: usize,
    nonce: &[u8; 16],
    last: Lsn,
    budget: &mut u64,
) -> Option<(usize, Lsn)> {
    let mut at = at;
    while at + record::HEAD <= bytes.len() {
        let here = &bytes[at..];
        let plausible = record::claims(here).filter(|(len, lsn)| {
            (1..=limits::MAX_RECORD + 1).contains(len) && *lsn > last && *len <= here.len()
        });
        if let Some((len, _)) = plausible {
            *budget = budget.checked_sub(len as u64)?;
            if let Slot::Record(raw) = record::decode(here, nonce) {
                return Some((at, raw.lsn));
            }
        }
        at += ALIGN;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 16] = [3; 16];

    fn segment(lsns: &[Lsn]) -> Vec<u8> {
        let mut out = vec![0; BLOCK_LEN];
        for lsn in lsns {
            record::encode(&mut out, &NONCE, *lsn, 1, 0, format!("record {lsn}").as_bytes());
        }
        out.resize(8 << 10, 0);
        out
    }

    #[test]
    fn damage_in_the_middle_keeps_what_follows() {
        let clean = segment(&[1, 2, 4, 5]);
        for at in BLOCK_LEN + 32..BLOCK_LEN + 32 + 29 {
            let mut bytes = clean.clone();
            bytes[at] ^= 0x10;
            let scan = scan(&bytes, &NONCE, Lane::Own, 1);
            let lsns: Vec<_> = scan.records.iter().map(|found| found.lsn).collect();
            assert_eq!(lsns, [1, 4, 5], "byte {at}");
            assert_eq!((scan.bad[0].before, scan.bad[0].after), (1, Some(4)));
        }
    }

    #[test]
    fn a_zeroed_record_with_valid_ones_behind_is_damage() {
        let mut bytes = segment(&[1, 2, 3]);
        bytes[BLOCK_LEN + 32..BLOCK_LEN + 64].fill(0);
        let scan = scan(&bytes, &NONCE, Lane::Own, 1);
        assert_eq!(scan.records.len(), 2);
        assert_eq!(scan.bad[0].after, Some(3));
    }

    #[test]
    fn a_bad_last_record_is_a_tail() {
        let mut bytes = segment(&[1, 2]);
        bytes[BLOCK_LEN + 32 + 25] ^= 1;
        let scan = scan(&bytes, &NONCE, Lane::Own, 1);
        assert_eq!(scan.records.len(), 1);
        assert_eq!((scan.bad[0].after, scan.bad[0].claims), (None, Some(2)));
    }

    #[test]
    fn heads_at_every_place_do_not_make_the_search_quadratic() {
        let mut bytes = vec![0; 1 << 20];
        let at = BLOCK_LEN;
        let mut head = Vec::new();
        head.extend_from_slice(&(400_000u32).to_le_bytes());
        head.extend_from_slice(&1u32.to_le_bytes());
        for chunk in bytes[at..].chunks_mut(8) {
            chunk.copy_from_slice(&head);
        }
        let scan = scan(&bytes, &NONCE, Lane::Own, 1);
        assert!(scan.records.is_empty() && !scan.clean());
    }
}
