//! Scans between replicas. A node offers what its hub lacks, a hub reads it piece by piece, keeps it
//! and offers it further up; downward a scan moves when somebody asks for it. What is read from where
//! is decided in [`want`], the reading itself is [`pull`], the other side of it [`serve`], and
//! [`offer`] says what is here. Machines of one office do the same beside each other: [`beside`].

mod beside;
mod io;
mod message;
mod offer;
mod pull;
mod serve;
mod want;

pub use io::{ScanDone, ScanIo, ScanTrouble};
pub use message::{ScanMessage, Transfer, Unserved, Unwanted};

use super::{Channel, Fault, LinkId, Output, Pending, Replica, Store, message as wire};
use crate::{
    id::{Hash, NodeId, OfficeId},
    limits,
    record::{Record, ScanEvent},
    scan::{self, Window},
    state::{Key, ScanTable, rows},
    time::Instant,
};
use pull::Pull;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use want::Want;

/// Messages kept that overtook the welcome; a hub says little before it is asked.
const EARLY: usize = 64;
/// Scans of one peer that turned out wrong before the link is closed.
const BARRED: usize = 64;

/// Everything about scans that is not on disk.
#[derive(Default)]
pub(super) struct Scans {
    links: BTreeMap<LinkId, ScanLink>,
    pulls: BTreeMap<Transfer, Pull>,
    wants: BTreeMap<Hash, Want>,
    /// Peers below that asked for something that is not here yet.
    asked_by: BTreeMap<Hash, BTreeSet<LinkId>>,
    /// Links with offers that wait for their entry.
    undecided: BTreeSet<LinkId>,
    /// What machines beside said to be above while its record here is still on its way.
    above: BTreeSet<Hash>,
    next_transfer: Transfer,
    /// Faults by kind, since the start.
    faults: BTreeMap<&'static str, u64>,
}

/// What is known about scans on one link.
#[derive(Default)]
struct ScanLink {
    window: Window,
    /// Pieces asked for and not arrived, in order.
    in_flight: VecDeque<(Transfer, u32, Instant)>,
    /// Readings that ended with pieces on their way, and how many.
    closing: BTreeMap<Transfer, usize>,
    /// Readings in the order in which they are asked next.
    turns: VecDeque<Transfer>,
    /// Offers that no accepted entry accounts for yet.
    undecided: BTreeMap<Hash, (u64, Instant)>,
    /// What the peer says it has, and that is wanted here.
    has: BTreeSet<Hash>,
    /// What it did not serve, or served wrongly.
    barred: BTreeSet<Hash>,
    serves: BTreeMap<Transfer, serve::Serve>,
    /// Pieces being read from disk for it.
    reads: usize,
    /// Offered to it, not answered; and not taken by it.
    offers: BTreeSet<Hash>,
    declined: BTreeSet<Hash>,
    /// On its disk by its own word, while the state here does not show that yet.
    told: BTreeSet<Hash>,
    /// Counters of the scans when all of them had been offered; nothing has changed while they stand.
    walked: Option<rows::ScanCounts>,
    /// Arrived before the welcome.
    early: Vec<ScanMessage>,
}

/// Who is at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Above,
    /// With the office whose inbox it reads.
    Below(OfficeId),
    /// Another machine of this office.
    Beside(NodeId),
    /// The hub above, by a file.
    Hand,
}

/// What a record means once it is on disk.
#[derive(Debug, Clone, Copy)]
pub(super) enum ScanPending {
    Here {
        hash: Hash,
        size: u64,
    },
    /// The hub has it.
    Above {
        hash: Hash,
    },
    Noted,
}

/// A scan that is moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanProgress {
    /// Which scan.
    pub hash: Hash,
    /// Whether it comes here; otherwise it goes to a peer.
    pub coming: bool,
    /// Pieces the reader has.
    pub pieces: u32,
    /// Pieces there are.
    pub of: u32,
}

/// What pages and metrics show of scans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanReport {
    /// Scans that move right now.
    pub moving: Vec<ScanProgress>,
    /// Scans this machine waits for.
    pub wanted: BTreeSet<Hash>,
    /// Faults by kind, since the start.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Replica {
    /// Handles one message of the scan channel.
    pub(super) fn scan(
        &mut self,
        link: LinkId,
        bytes: &[u8],
        store: &impl Store,
    ) -> Result<(), Fault> {
        let message: ScanMessage = wire::decode(Channel::Scan, bytes)?;
        if self.peer_of(link).is_none() {
            return self.keep_early_scan(link, message);
        }
        self.scan_message(link, message, store)
    }

    fn scan_message(
        &mut self,
        link: LinkId,
        message: ScanMessage,
        store: &impl Store,
    ) -> Result<(), Fault> {
        match message {
            ScanMessage::Offer { hash, size } => self.scan_offered(link, hash, size, store),
            ScanMessage::Decline { hash, .. } => self.scan_declined(link, hash, store),
            ScanMessage::Stored { hash } => self.scan_stored_there(link, hash, store),
            ScanMessage::Open { transfer, hash } => self.serve_open(link, transfer, hash, store),
            ScanMessage::Opened { transfer, size } => self.pull_opened(link, transfer, size, store),
            ScanMessage::Refused { transfer, why } => self.pull_refused(link, transfer, why, store),
            ScanMessage::Ask { transfer, piece, first } => {
                self.serve_ask(link, transfer, piece, first)
            }
            ScanMessage::Piece { transfer, piece, proof, data } => {
                self.pull_piece(link, transfer, piece, &proof, data, store)
            }
            ScanMessage::Close { transfer } => {
                self.scans.links.entry(link).or_default().serves.remove(&transfer);
                Ok(())
            }
            ScanMessage::Above { hash } => self.scan_above_beside(link, hash, store),
        }
    }

    /// Channels are streams of their own: a hub's offer may overtake its welcome, and a machine
    /// beside its hello.
    fn keep_early_scan(&mut self, link: LinkId, message: ScanMessage) -> Result<(), Fault> {
        if !self.upstream.is(link) && !self.siblings.contains_key(&link) {
            return Err(Fault::new("order", "scans come after hello"));
        }
        let early = &mut self.scans.links.entry(link).or_default().early;
        if early.len() == EARLY {
            return Err(Fault::new("limit", "too much about scans was sent before welcome"));
        }
        early.push(message);
        Ok(())
    }

    /// A link has been greeted: what waited for one may move.
    pub(super) fn scan_link_live(&mut self, link: LinkId, store: &impl Store) -> Result<(), Fault> {
        let state = self.scans.links.entry(link).or_default();
        let early = std::mem::take(&mut state.early);
        if !self.children.contains_key(&link) {
            // A hub above or a machine beside may have what nobody had. What one below has and is
            // waited for, it offers: a hub does not go through all it lacks for each office that
            // comes back.
            self.scans.wants.values_mut().for_each(|want| want.untry(link));
            // What a machine beside was known to have is asked anew, over any link to it.
            self.scans.links.values_mut().for_each(|state| state.walked = None);
        }
        self.offer_scans(store)?;
        self.want_damaged(store)?;
        self.next_on(link, store)?;
        early.into_iter().try_for_each(|message| self.scan_message(link, message, store))
    }

    /// A link is gone: what was read over it goes on over another, or later.
    pub(super) fn scan_link_down(&mut self, link: LinkId, store: &impl Store) {
        self.scans.links.remove(&link);
        for links in self.scans.asked_by.values_mut() {
            links.remove(&link);
        }
        self.scans.asked_by.retain(|_, links| !links.is_empty());
        let gone = self.scans.pulls.iter().filter(|(_, pull)| pull.link == link);
        let gone: Vec<Transfer> = gone.map(|(transfer, _)| *transfer).collect();
        let left: Vec<Hash> = gone.into_iter().filter_map(|one| self.leave_pull(one)).collect();
        self.scan_faultless(|replica| {
            left.into_iter().try_for_each(|hash| replica.seek(hash, store))
        });
    }

    /// The state has moved on: offers may be accounted for, and there may be more to offer.
    pub(super) fn scans_applied(&mut self, store: &impl Store) {
        self.scan_faultless(|replica| {
            replica.note_scans_above(store)?;
            replica.judge_offers(store)?;
            replica.offer_scans(store)
        });
    }

    /// The disk has answered.
    pub(super) fn scan_done(&mut self, done: ScanDone, store: &impl Store) {
        match done {
            ScanDone::Begun { transfer, held } => self.pull_begun(transfer, held),
            ScanDone::Whole { transfer } => self.pull_here(transfer, store),
            ScanDone::Written { transfer } => self.pull_written(transfer),
            ScanDone::Finished { transfer, whole } => self.pull_whole(transfer, whole, store),
            ScanDone::Failed { transfer } => self.pull_failed(transfer, "disk", store),
            ScanDone::Read { link, transfer, piece, result } => {
                self.serve_read(link, transfer, piece, result, store);
            }
            ScanDone::Damaged { hash } => self.scan_damaged(hash, store),
        }
    }

    /// Somebody at this machine wants to see a scan.
    pub(super) fn want_scan(&mut self, hash: Hash, store: &impl Store) {
        self.scan_faultless(|replica| replica.want(hash, want::Reason::Here, false, store));
    }

    /// Records about scans are on disk.
    pub(super) fn scan_journaled(&mut self, pending: ScanPending) {
        match pending {
            ScanPending::Here { hash, size } => self.scan_complete(hash, size),
            ScanPending::Above { hash } => self.tell_beside(hash),
            ScanPending::Noted => {}
        }
    }

    /// They are not: nothing was promised yet, so it is tried again later.
    pub(super) fn scan_journal_failed(&mut self, pending: ScanPending) {
        if let ScanPending::Here { hash, .. } = pending {
            self.want_later(hash);
        }
    }

    /// Acts on deadlines that have passed.
    pub(super) fn scan_timeout(&mut self, now: Instant, store: &impl Store) {
        let stalled: Vec<Transfer> = self.stalled_pulls().collect();
        for transfer in stalled {
            self.pull_failed(transfer, "stalled", store);
        }
        self.drop_old_offers();
        let due = self.scans.wants.iter().filter(|(_, want)| want.is_due(now));
        let due: Vec<Hash> = due.map(|(hash, _)| *hash).collect();
        self.scan_faultless(|replica| {
            due.into_iter().try_for_each(|hash| replica.seek(hash, store))
        });
    }

    /// When [`Self::scan_timeout`] has something to do.
    pub(super) fn scan_deadline(&self) -> Option<Instant> {
        let wants = self.scans.wants.values().filter_map(Want::due);
        let pulls = self.scans.pulls.values().filter_map(Pull::due);
        wants.chain(pulls).chain(self.oldest_offer()).min()
    }

    /// What pages and metrics show.
    pub fn scan_report(&self) -> ScanReport {
        let coming = self.scans.pulls.values().map(Pull::progress);
        let serves = self.scans.links.values().flat_map(|link| link.serves.values());
        ScanReport {
            moving: coming.chain(serves.map(serve::Serve::progress)).collect(),
            wanted: self.scans.wants.keys().copied().collect(),
            faults: self.scans.faults.clone(),
        }
    }

    /// Who is at the other end, once it has been greeted.
    fn peer_of(&self, link: LinkId) -> Option<Peer> {
        if let Some(child) = self.children.get(&link) {
            // By a file no inbox is read, so it is the office that counts.
            return child.binding.as_ref().map(|bound| Peer::Below(bound.office));
        }
        if let Some(sibling) = self.siblings.get(&link) {
            return sibling.binding.as_ref().map(|bound| Peer::Beside(bound.node()));
        }
        if self.upstream.is_carried(link) {
            return Some(Peer::Hand);
        }
        (self.upstream.live() == Some(link)).then_some(Peer::Above)
    }

    /// Whether a peer has a business with a scan, and how large its dossiers say that it is: some
    /// dossier that it takes part in names it in an accepted entry.
    fn right_to(&self, peer: Peer, hash: Hash, store: &impl Store) -> Result<Option<u64>, Fault> {
        let office = match peer {
            // What goes up goes to whoever may read it anyway; what this office takes part in is every
            // machine's of it.
            Peer::Above | Peer::Hand | Peer::Beside(_) => None,
            Peer::Below(office) => Some(office),
        };
        Ok(scan::size_for(store, hash, office)?)
    }

    fn scan_row(&self, hash: Hash, store: &impl Store) -> Result<rows::Scan, Fault> {
        Ok(super::read(store, Key::Scan(ScanTable::Files, hash))?.unwrap_or_default())
    }

    fn note_scan(&mut self, hash: Hash, event: ScanEvent, then: ScanPending) {
        self.journal(vec![Record::Scan { hash, event }], Pending::Scan(then));
    }

    fn say_scan(&mut self, link: LinkId, message: &ScanMessage) {
        let bytes = wire::encode(message);
        self.outputs.push_back(Output::Send { link, channel: Channel::Scan, bytes });
    }

    fn scan_io(&mut self, request: ScanIo) {
        self.outputs.push_back(Output::Scan(request));
    }

    fn count_scan_fault(&mut self, kind: &'static str) {
        *self.scans.faults.entry(kind).or_default() += 1;
    }

    /// Runs something that can only fail with the state store; a scan is no reason to end a link.
    fn scan_faultless(&mut self, run: impl FnOnce(&mut Self) -> Result<(), Fault>) {
        if let Err(fault) = run(self) {
            self.count_scan_fault(fault.kind);
        }
    }
}

/// Keeps the bound honest: what a peer may still send after a reading was closed is what was asked.
const _: () = assert!(limits::SCAN_OFFERS <= limits::SCANS_WANTED);
