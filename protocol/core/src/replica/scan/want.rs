//! What this machine wants and from whom: a peer that offered it, a machine beside, the parent, or a
//! peer below that takes part in one of its dossiers.

use super::{LinkId, Peer, Replica, ScanMessage, ScanPending, Transfer};
use crate::{
    id::Hash,
    limits,
    record::{Record, ScanEvent},
    replica::{Fault, Pending, Store},
    scan,
    state::{Key, ScanTable},
    time::Instant,
};
use std::collections::BTreeSet;

/// How long a scan that nobody had, or that the disk here refused, is left alone, in milliseconds:
/// at first, and at most. Each time is twice the one before.
const AGAIN: (u64, u64) = (60_000, 3_600_000);

/// Why a scan is wanted; the later one is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A peer below or beside has it, and this machine lacks it.
    Offered,
    /// A peer below or beside wants it.
    Asked,
    /// Somebody here wants it, or its file here is damaged.
    Here,
}

/// A scan that is wanted.
#[derive(Debug)]
pub(super) struct Want {
    size: u64,
    reason: Reason,
    tried: BTreeSet<LinkId>,
    pub(super) reading: Option<Transfer>,
    /// The file is whole and its record on its way to the disk.
    recording: bool,
    again: Option<Instant>,
    /// How often it was left alone.
    rounds: u32,
}

impl Want {
    fn rest(&mut self, now: Instant) {
        let pause = (AGAIN.0 << self.rounds.min(10)).min(AGAIN.1);
        self.again = Some(now.after(pause));
        self.rounds = self.rounds.saturating_add(1);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.again
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.again.is_some_and(|at| at <= now)
    }

    /// This link has it after all.
    pub(super) fn untry(&mut self, link: LinkId) {
        self.tried.remove(&link);
        self.again = None;
    }
}

impl Replica {
    /// Wants a scan that some dossier here names; `lost` if its file here is known not to be good.
    pub(super) fn want(
        &mut self,
        hash: Hash,
        reason: Reason,
        lost: bool,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if !lost && self.scan_row(hash, store)?.here {
            return Ok(());
        }
        let sizes = scan::dossiers_of(store, hash)?;
        let sizes = sizes.into_iter().map(|(_, reference)| reference.size);
        let Some(size) = sizes.filter(|size| (1..=limits::SCAN_BYTES).contains(size)).min() else {
            return Ok(());
        };
        let full = self.scans.wants.len() >= limits::SCANS_WANTED;
        match self.scans.wants.get_mut(&hash) {
            Some(want) => want.reason = want.reason.max(reason),
            // What is offered is offered again; what somebody waits for is asked again.
            None if full && reason < Reason::Here => return Ok(()),
            None => {
                let fresh = Want {
                    size,
                    reason,
                    tried: BTreeSet::new(),
                    reading: None,
                    recording: false,
                    again: None,
                    rounds: 0,
                };
                self.scans.wants.insert(hash, fresh);
            }
        }
        self.seek(hash, store)
    }

    /// Begins to read a scan if somebody may have it and there is room on that link.
    pub(super) fn seek(&mut self, hash: Hash, store: &impl Store) -> Result<(), Fault> {
        let now = self.now;
        let Some(want) = self.scans.wants.get(&hash) else { return Ok(()) };
        if want.reading.is_some() || want.recording || want.again.is_some_and(|at| at > now) {
            return Ok(());
        }
        let sources = self.sources(hash, store)?;
        let Some(want) = self.scans.wants.get_mut(&hash) else { return Ok(()) };
        let untried: Vec<LinkId> =
            sources.iter().copied().filter(|link| !want.tried.contains(link)).collect();
        if untried.is_empty() {
            want.tried.clear();
            want.rest(now);
            let waited_for = match want.reason {
                Reason::Offered => false,
                Reason::Asked => self.scans.asked_by.contains_key(&hash),
                Reason::Here => true,
            };
            if !waited_for {
                self.scans.wants.remove(&hash);
            }
            return Ok(());
        }
        want.again = None;
        let size = want.size;
        let room = |link: &LinkId| self.readings_on(*link) < limits::SCANS_AT_ONCE;
        let free = untried.into_iter().find(room);
        if let Some(link) = free {
            let transfer = self.begin_pull(link, hash, size, false);
            if let Some(want) = self.scans.wants.get_mut(&hash) {
                want.reading = Some(transfer);
            }
        }
        Ok(())
    }

    /// A link or a place on it is free: what somebody waits for goes first, then what the peer has.
    pub(super) fn next_on(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let Some(state) = self.scans.links.get(&link) else { return Ok(()) };
        let wants = &self.scans.wants;
        let waits = wants.iter().filter(|(_, want)| {
            want.reading.is_none() && !want.recording && want.reason > Reason::Offered
        });
        let mut next: Vec<(Reason, Hash)> =
            waits.map(|(hash, want)| (want.reason, *hash)).collect();
        next.sort_by_key(|(reason, _)| std::cmp::Reverse(*reason));
        let idle = |hash: &&Hash| wants.get(hash).is_none_or(|want| want.reading.is_none());
        next.extend(state.has.iter().filter(idle).map(|hash| (Reason::Offered, *hash)));
        for (reason, hash) in next {
            if self.readings_on(link) >= limits::SCANS_AT_ONCE {
                break;
            }
            self.want(hash, reason, reason == Reason::Here, store)?;
        }
        Ok(())
    }

    /// Files that were found damaged here are fetched by themselves.
    pub(super) fn want_damaged(&mut self, store: &impl Store) -> Result<(), Fault> {
        let from = Key::Scan(ScanTable::Damaged, Hash::ZERO).bytes();
        let end = Key::Scan(ScanTable::Counts, Hash::ZERO).bytes();
        for (key, _) in store.range(&from, &end, limits::SCANS_WANTED)? {
            if let Some(hash) = key.get(2..).and_then(Hash::from_slice) {
                self.want(hash, Reason::Here, true, store)?;
            }
        }
        Ok(())
    }

    fn readings_on(&self, link: LinkId) -> usize {
        self.scans.pulls.values().filter(|pull| pull.link == link).count()
    }

    /// Links that may have a scan, the likeliest first.
    fn sources(&self, hash: Hash, store: &impl Store) -> Result<Vec<LinkId>, Fault> {
        let bars = |link: &LinkId| {
            self.scans.links.get(link).is_some_and(|state| state.barred.contains(&hash))
        };
        let offering = self.scans.links.iter().filter(|(_, state)| state.has.contains(&hash));
        let mut links: Vec<LinkId> = offering.map(|(link, _)| *link).collect();
        // Where it was offered, asking everybody else would cost more than it finds.
        let reason = self.scans.wants.get(&hash).map(|want| want.reason);
        if reason > Some(Reason::Offered) || self.scan_row(hash, store)?.damaged {
            // The local network costs nothing.
            let beside = self.siblings.iter().filter(|(_, sibling)| sibling.binding.is_some());
            links.extend(beside.map(|(link, _)| *link));
            links.extend(self.upstream.live());
            for (link, child) in &self.children {
                let peer = Peer::Below(child.inbox);
                if child.binding.is_some() && self.right_to(peer, hash, store)?.is_some() {
                    links.push(*link);
                }
            }
        }
        let mut seen = BTreeSet::new();
        links.retain(|link| !bars(link) && seen.insert(*link));
        Ok(links)
    }

    /// A reading came to nothing on this link; the next source is tried.
    pub(super) fn want_elsewhere(&mut self, hash: Hash, link: LinkId, store: &impl Store) {
        if let Some(want) = self.scans.wants.get_mut(&hash) {
            want.reading = None;
            want.tried.insert(link);
        }
        self.scan_faultless(|replica| {
            replica.seek(hash, store)?;
            replica.next_on(link, store)
        });
    }

    /// The disk here refused: tried again after a while.
    pub(super) fn want_later(&mut self, hash: Hash) {
        let now = self.now;
        if let Some(want) = self.scans.wants.get_mut(&hash) {
            (want.reading, want.recording) = (None, false);
            want.rest(now);
        }
    }

    /// The file is whole and synced; it counts from the moment its record is on disk.
    pub(super) fn want_recording(&mut self, hash: Hash, size: u64, above: bool) {
        if let Some(want) = self.scans.wants.get_mut(&hash) {
            (want.reading, want.recording) = (None, true);
        }
        let above = above.then_some(ScanEvent::Above);
        let events = [ScanEvent::Here { size }].into_iter().chain(above);
        let records = events.map(|event| Record::Scan { hash, event }).collect();
        self.journal(records, Pending::Scan(ScanPending::Here { hash, size }));
    }

    /// File and record are on disk: whoever waited is told.
    pub(super) fn scan_complete(&mut self, hash: Hash, size: u64) {
        self.scans.wants.remove(&hash);
        let links = self.scans.links.iter_mut();
        let had = links.filter_map(|(link, state)| state.has.remove(&hash).then_some(*link));
        let had: Vec<LinkId> = had.collect();
        had.into_iter().for_each(|link| self.say_scan(link, &ScanMessage::Stored { hash }));
        for link in self.scans.asked_by.remove(&hash).unwrap_or_default() {
            self.say_scan(link, &ScanMessage::Offer { hash, size });
        }
    }

    /// The file here is not what the books said: they are corrected first, then it is fetched again.
    pub(super) fn scan_damaged(&mut self, hash: Hash, store: &impl Store) {
        self.scan_faultless(|replica| {
            if replica.scan_row(hash, store)?.here {
                replica.count_scan_fault("damaged");
                replica.note_scan(hash, ScanEvent::Damaged, ScanPending::Noted);
            }
            replica.refuse_serves(hash);
            replica.want(hash, Reason::Here, true, store)
        });
    }
}
