//! What is missing: damage with valid records behind it, ends that later headers say were further on,
//! and whole files.

use super::{
    Hole, Recovery, Torn,
    load::{All, Content, Loaded},
    most_records,
};
use crate::{Lane, Lsn, header::Abandoned, scan::Bad, sealed};

/// Reports holes and torn tails; returns unfinished writes to be named in the next header, so that
/// later openings do not take them for losses.
pub(super) fn find(all: &All, proven: Lsn, report: &mut Recovery) -> Vec<Abandoned> {
    let known: Vec<&Abandoned> =
        all.segments.iter().flat_map(|segment| &segment.header.abandoned).collect();
    let raw = raw_lsns(&all.segments);
    let mut abandoned = Vec::new();
    for segment in &all.segments {
        let Content::Raw(scan) = &segment.content else { continue };
        for bad in &scan.bad {
            let Some(after) = bad.after else {
                tail(segment, bad, proven, &raw, report);
                continue;
            };
            let lane = segment.header.lane;
            let held = with_sealed(&raw, &all.segments, lane.other(), bad.before + 1, after - 1);
            let Some((from, to)) = missing(&held, bad.before + 1, after - 1) else { continue };
            let given_up = |known: &&Abandoned| {
                known.lane == lane && bad.before < known.from && known.to < after
            };
            if known.iter().any(given_up) {
                continue;
            }
            let certain = from <= proven;
            if !certain {
                abandoned.push(Abandoned { lane, from, to });
            }
            let (file, offset) = (segment.name.clone(), Some(bad.offset));
            report.holes.push(Hole { lane, from, to, file, offset, certain });
        }
    }
    missing_ends(&all.segments, report);
    abandoned
}

/// The last LSN before the first record that an unfinished commit never wrote, if later ones of it came
/// to the disk. Whatever is past the proven LSN belongs to that one commit, in both lanes, and none of
/// it was answered; kept, its later records would stand without those that they follow from.
pub(super) fn unfinished(all: &All, proven: Lsn) -> Option<Lsn> {
    let raw = raw_lsns(&all.segments);
    let past = &raw[raw.partition_point(|lsn| *lsn <= proven)..];
    let missing =
        (proven + 1..).zip(past).find(|(next, lsn)| next != *lsn).map(|(next, _)| next)?;
    // Damage can have taken an answered record: then it is kept, as what it may be.
    let damaged = Lane::ALL.into_iter().any(|lane| {
        // One that a later one voids cannot have been written to since.
        let open = |segment: &&Loaded| segment.header.lane == lane && segment.cut.is_none();
        let newest = all.segments.iter().rfind(open);
        let Some(Content::Raw(scan)) = newest.map(|newest| &newest.content) else { return false };
        let could_hold =
            |bad: &&Bad| bad.before < missing && bad.after.is_none_or(|after| after > missing);
        scan.bad.iter().filter(could_hold).any(|bad| !bad.unwritten)
    });
    (!damaged).then_some(missing - 1)
}

/// Bad bytes with nothing valid behind them: an unfinished write, unless their LSN was durable.
fn tail(segment: &Loaded, bad: &Bad, proven: Lsn, held: &[Lsn], report: &mut Recovery) {
    let lane = segment.header.lane;
    if segment.cut.is_some() {
        return;
    }
    let file = segment.name.clone();
    let durable = bad.claims.filter(|lsn| *lsn <= proven && held.binary_search(lsn).is_err());
    match durable {
        Some(to) => {
            let (from, offset) = (bad.before + 1, Some(bad.offset));
            report.holes.push(Hole { lane, from, to, file, offset, certain: true });
        }
        None => report.torn.push(Torn { lane, file, offset: bad.offset }),
    }
}

/// Every header says where both lanes ended when it was written; a lane that now ends earlier has
/// lost records, or a whole file.
fn missing_ends(segments: &[Loaded], report: &mut Recovery) {
    for lane in Lane::ALL {
        let of_lane: Vec<&Loaded> =
            segments.iter().filter(|segment| segment.header.lane == lane).collect();
        if of_lane.is_empty() {
            // Trimming leaves the last segment of a lane, so none at all means loss.
            let ends = segments.iter().map(|segment| (segment.header.lane_last(lane), segment));
            if let Some((to, by)) = ends.max_by_key(|(to, _)| *to).filter(|(to, _)| *to > 0) {
                let file = format!("{lane} segments, named by {}", by.name);
                let (from, offset, certain) = (1, None, true);
                report.holes.push(Hole { lane, from, to, file, offset, certain });
            }
            continue;
        }
        for (at, segment) in of_lane.iter().enumerate() {
            let ends = segment.last_or_before().unwrap_or(0);
            let next = of_lane.get(at + 1).map_or(u64::MAX, |next| next.header.seq);
            let witness = segments
                .iter()
                .filter(|by| by.header.seq > segment.header.seq && by.header.seq <= next)
                .map(|by| by.header.lane_last(lane))
                .max()
                .unwrap_or(0);
            if witness <= ends {
                continue;
            }
            let tail = report.holes.iter_mut().find(|hole| {
                hole.lane == lane && hole.file == segment.name && hole.from == ends + 1
            });
            match tail {
                Some(hole) => hole.to = hole.to.max(witness),
                None => report.holes.push(Hole {
                    lane,
                    from: ends + 1,
                    to: witness,
                    file: segment.name.clone(),
                    offset: None,
                    certain: true,
                }),
            }
        }
    }
}

/// A lost file that no later header speaks of: how many numbers it gave out is unknown, so as many as
/// it could have held are never given again. Returns the LSN to go on from.
pub(super) fn account_for_lost(all: &All, last: Lsn, report: &mut Recovery) -> Lsn {
    let newest = all.segments.last().map_or(0, |segment| segment.header.seq);
    let mut last = last;
    for lost in all.lost.iter().filter(|lost| lost.name.seq > newest) {
        let (lane, from) = (lost.name.lane, lost.name.first);
        let to = from.saturating_add(most_records(lost.len));
        last = last.max(to);
        let (file, offset, certain) = (lost.file.clone(), None, true);
        report.holes.push(Hole { lane, from, to, file, offset, certain });
    }
    last
}

fn raw_lsns(segments: &[Loaded]) -> Vec<Lsn> {
    let mut held: Vec<Lsn> = segments
        .iter()
        .filter_map(|segment| match &segment.content {
            Content::Raw(scan) => Some(scan.records.iter().map(|found| found.lsn)),
            Content::Sealed(_) => None,
        })
        .flatten()
        .collect();
    held.sort_unstable();
    held
}

/// Adds the LSNs of a range that sealed segments of a lane hold, so that a missing number is not
/// looked for in the wrong lane. Only frames that touch the range are read.
fn with_sealed(raw: &[Lsn], segments: &[Loaded], lane: Lane, from: Lsn, to: Lsn) -> Vec<Lsn> {
    let mut held = raw.to_vec();
    for segment in segments.iter().filter(|segment| segment.header.lane == lane) {
        let Content::Sealed(frames) = &segment.content else { continue };
        for frame in frames.iter().filter(|frame| frame.head.first <= to && frame.head.last >= from)
        {
            // An unreadable frame adds nothing: the hole then looks larger, which is the safe side.
            let records = sealed::read_frame(&*segment.file, &segment.path, frame, lane);
            let records = records.ok().flatten().unwrap_or_default();
            held.extend(records.iter().map(|record| record.lsn));
        }
    }
    held.sort_unstable();
    held
}

/// First and last LSN of a range that no raw segment holds.
fn missing(held: &[Lsn], from: Lsn, to: Lsn) -> Option<(Lsn, Lsn)> {
    let start = held.partition_point(|lsn| *lsn < from);
    let inside = &held[start..held.partition_point(|lsn| *lsn <= to).max(start)];
    let (mut first, mut last) = (from, to);
    for lsn in inside {
        first += Lsn::from(*lsn == first);
    }
    for lsn in inside.iter().rev() {
        last -= Lsn::from(*lsn == last);
    }
    (first <= last).then_some((first, last))
}
