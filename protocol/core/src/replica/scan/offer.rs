//! Saying what is here: upward and beside whatever the parent lacks, downward what somebody asked
//! for. An offer is judged by the entries that arrived, not by who makes it.

use super::{LinkId, Peer, Replica, ScanMessage, ScanPending, Unwanted, want::Reason};
use crate::{
    id::Hash,
    limits,
    record::ScanEvent,
    replica::{Fault, Store},
    scan,
    state::{Key, ScanTable, rows},
    time::Instant,
};
use std::collections::BTreeSet;

/// How long an offer may wait for its entry, in milliseconds. Entries go first, so a minute is long.
const UNDECIDED: u64 = 60_000;
/// Rows looked through at once for something to offer.
const PAGE: usize = 128;
/// Declined scans after which nothing more is offered on a link.
const DECLINED: usize = 512;

impl Replica {
    /// Offers the parent what it lacks, and machines beside the same, as far as the windows of open
    /// offers allow.
    pub(super) fn offer_scans(&mut self, store: &impl Store) -> Result<(), Fault> {
        let beside = self.siblings.iter().filter(|(_, sibling)| sibling.binding.is_some());
        let beside = beside.map(|(link, _)| *link);
        let links: Vec<LinkId> = self.upstream.live().into_iter().chain(beside).collect();
        links.into_iter().try_for_each(|link| self.offer_on(link, store))
    }

    fn offer_on(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        // An office without a line may have thousands, and every save comes by here.
        let counts: Option<rows::ScanCounts> =
            super::super::read(store, Key::Scan(ScanTable::Counts, Hash::ZERO))?;
        let state = self.scans.links.entry(link).or_default();
        if state.walked.is_some() && state.walked == counts {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        let mut unnamed = false;
        let mut from = Key::Scan(ScanTable::ToGo, Hash::ZERO).bytes();
        let end = Key::Scan(ScanTable::Damaged, Hash::ZERO).bytes();
        loop {
            let state = self.scans.links.entry(link).or_default();
            if state.offers.len() >= limits::SCAN_OFFERS || state.declined.len() >= DECLINED {
                return Ok(());
            }
            let page = store.range(&from, &end, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                from = [key.as_slice(), &[0]].concat();
                let Some(hash) = key.get(2..).and_then(Hash::from_slice) else { continue };
                unnamed |= !self.offer(link, hash, store)?;
                seen.insert(hash);
            }
            if !full {
                // What the state knows to be above is offered no more in any case.
                let state = self.scans.links.entry(link).or_default();
                state.told.retain(|hash| seen.contains(hash));
                // What waits for its entry is looked for again, and what the window did not let go.
                let all_said = !unnamed && state.offers.len() < limits::SCAN_OFFERS;
                state.walked = counts.filter(|_| all_said);
                self.forget_beside(link, &seen);
                return Ok(());
            }
        }
    }

    /// False if no entry here names it yet.
    fn offer(&mut self, link: LinkId, hash: Hash, store: &impl Store) -> Result<bool, Fault> {
        if self.stands_beside(link, hash) {
            return Ok(true);
        }
        let state = self.scans.links.entry(link).or_default();
        let known = state.offers.contains(&hash)
            || state.declined.contains(&hash)
            || state.told.contains(&hash);
        if known || state.offers.len() >= limits::SCAN_OFFERS {
            return Ok(true);
        }
        // A scan whose entry was not accepted here goes nowhere.
        if scan::dossiers_of(store, hash)?.is_empty() {
            return Ok(false);
        }
        let size = self.scan_row(hash, store)?.size;
        self.scans.links.entry(link).or_default().offers.insert(hash);
        self.say_scan(link, &ScanMessage::Offer { hash, size });
        Ok(true)
    }

    /// A peer has a scan.
    pub(super) fn scan_offered(
        &mut self,
        link: LinkId,
        hash: Hash,
        size: u64,
        store: &impl Store,
    ) -> Result<(), Fault> {
        match self.peer_of(link) {
            Some(Peer::Above) => {
                if let Some(want) = self.scans.wants.get_mut(&hash) {
                    want.untry(link);
                    self.scans.links.entry(link).or_default().has.insert(hash);
                    self.seek(hash, store)?;
                }
                Ok(())
            }
            Some(peer @ (Peer::Below(_) | Peer::Beside(_) | Peer::Hand)) => {
                if let Peer::Beside(node) = peer {
                    self.note_beside(node, hash, store)?;
                }
                let now = self.now;
                let undecided = &mut self.scans.links.entry(link).or_default().undecided;
                if undecided.len() >= limits::SCAN_OFFERS {
                    let words = format!("more than {} open offers", limits::SCAN_OFFERS);
                    return Err(Fault::new("limit", words));
                }
                undecided.insert(hash, (size, now));
                self.scans.undecided.insert(link);
                self.judge_offer(link, hash, store)
            }
            None => Ok(()),
        }
    }

    /// Looks at every offer that waits for its entry.
    pub(super) fn judge_offers(&mut self, store: &impl Store) -> Result<(), Fault> {
        let links = &self.scans.links;
        self.scans
            .undecided
            .retain(|link| links.get(link).is_some_and(|state| !state.undecided.is_empty()));
        let waiting = self.scans.undecided.iter().filter_map(|link| Some((link, links.get(link)?)));
        let waiting =
            waiting.flat_map(|(link, state)| state.undecided.keys().map(|hash| (*link, *hash)));
        let waiting: Vec<(LinkId, Hash)> = waiting.collect();
        waiting.into_iter().try_for_each(|(link, hash)| self.judge_offer(link, hash, store))
    }

    fn judge_offer(&mut self, link: LinkId, hash: Hash, store: &impl Store) -> Result<(), Fault> {
        let Some(peer) = self.peer_of(link) else { return Ok(()) };
        let Some(expected) = self.right_to(peer, hash, store)? else { return Ok(()) };
        let row = self.scan_row(hash, store)?;
        let state = self.scans.links.entry(link).or_default();
        let Some((size, _)) = state.undecided.remove(&hash) else { return Ok(()) };
        if size != expected || size > limits::SCAN_BYTES || size == 0 {
            return self.decline(link, hash, Unwanted::NotAllowed, "size");
        }
        if state.barred.contains(&hash) {
            self.say_scan(link, &ScanMessage::Decline { hash, why: Unwanted::Wrong });
            return Ok(());
        }
        if row.here {
            self.say_scan(link, &ScanMessage::Stored { hash });
        }
        if row.above && matches!(peer, Peer::Beside(_)) {
            self.say_scan(link, &ScanMessage::Above { hash });
            // It needs no other place than the hub, unless it is waited for.
            if !self.scans.wants.contains_key(&hash) {
                return Ok(());
            }
        }
        if row.here {
            return Ok(());
        }
        let state = self.scans.links.entry(link).or_default();
        state.has.insert(hash);
        if let Some(want) = self.scans.wants.get_mut(&hash) {
            want.untry(link);
        }
        self.want(hash, Reason::Offered, false, store)
    }

    pub(super) fn decline(
        &mut self,
        link: LinkId,
        hash: Hash,
        why: Unwanted,
        kind: &'static str,
    ) -> Result<(), Fault> {
        self.count_scan_fault(kind);
        if self.peer_of(link) != Some(Peer::Above) {
            self.say_scan(link, &ScanMessage::Decline { hash, why });
        }
        Ok(())
    }

    /// Offers whose entry never came are given back: the peer may offer them on its next link.
    pub(super) fn drop_old_offers(&mut self) {
        let now = self.now;
        let mut old = Vec::new();
        for link in &self.scans.undecided {
            let Some(state) = self.scans.links.get_mut(link) else { continue };
            state.undecided.retain(|hash, (_, since)| {
                let keep = now.since(*since) < UNDECIDED;
                if !keep {
                    old.push((*link, *hash));
                }
                keep
            });
        }
        for (link, hash) in old {
            self.count_scan_fault("unknown");
            self.say_scan(link, &ScanMessage::Decline { hash, why: Unwanted::Unknown });
        }
    }

    pub(super) fn oldest_offer(&self) -> Option<Instant> {
        let links = self.scans.undecided.iter().filter_map(|link| self.scans.links.get(link));
        let since = links.flat_map(|state| state.undecided.values().map(|(_, since)| *since));
        since.min().map(|since| since.after(UNDECIDED))
    }

    /// A peer does not take a scan; others go on.
    pub(super) fn scan_declined(
        &mut self,
        link: LinkId,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let state = self.scans.links.entry(link).or_default();
        if state.offers.remove(&hash) {
            state.declined.insert(hash);
            let beside = matches!(self.peer_of(link), Some(Peer::Beside(_)));
            self.count_scan_fault(if beside { "declined beside" } else { "declined by the hub" });
        }
        self.offer_scans(store)
    }

    /// A peer's disk has a scan.
    pub(super) fn scan_stored_there(
        &mut self,
        link: LinkId,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let state = self.scans.links.entry(link).or_default();
        state.serves.retain(|_, serve| serve.hash != hash);
        let offered = state.offers.remove(&hash);
        match self.peer_of(link) {
            Some(Peer::Above) if offered => {
                // Not offered again on this link, also before the record shows in the state.
                self.scans.links.entry(link).or_default().told.insert(hash);
                self.note_scan(hash, ScanEvent::Above, ScanPending::Above { hash });
            }
            Some(Peer::Beside(node)) => self.note_beside(node, hash, store)?,
            // What a hub had on its disk when it made the file.
            Some(Peer::Hand) => {
                let row = self.scan_row(hash, store)?;
                if (row.here || row.damaged) && !row.above {
                    self.note_scan(hash, ScanEvent::Above, ScanPending::Above { hash });
                }
            }
            Some(Peer::Above | Peer::Below(_)) | None => {}
        }
        self.offer_scans(store)
    }
}
