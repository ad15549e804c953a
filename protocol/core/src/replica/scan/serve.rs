//! Serving scans to a peer that asks: whether it may, and the pieces as it asks for them. Every piece
//! is checked against the scan's address as it is read, so a damaged file is never sent on.

use super::{
    LinkId, Peer, Replica, ScanIo, ScanMessage, ScanProgress, ScanTrouble, Transfer, Unserved,
    want::Reason,
};
use crate::{
    id::Hash,
    limits,
    replica::{Fault, Store},
    scan::{Pair, groups},
    trust::NodeKind,
};
use std::collections::BTreeSet;

/// Pieces read at once for one peer: what it may ask for, and as much again of readings that it has
/// just closed.
const READS: usize = 2 * limits::SCAN_PIECES_IN_FLIGHT;

/// A scan that a peer reads.
pub(super) struct Serve {
    pub(super) hash: Hash,
    size: u64,
    /// Pieces asked for so far.
    asked: u32,
}

impl Serve {
    pub(super) fn progress(&self) -> ScanProgress {
        ScanProgress { hash: self.hash, coming: false, pieces: self.asked, of: groups(self.size) }
    }
}

impl Replica {
    pub(super) fn serve_open(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(peer) = self.peer_of(link) else { return Ok(()) };
        if let Peer::Beside(node) = peer {
            // Whoever asks for it does not have it, whatever was said before.
            self.not_beside(node, hash);
        }
        let state = self.scans.links.entry(link).or_default();
        if state.serves.contains_key(&transfer) {
            return Err(Fault::new("order", "two readings have one number"));
        }
        if state.serves.len() >= limits::SCANS_AT_ONCE {
            self.say_scan(link, &ScanMessage::Refused { transfer, why: Unserved::Busy });
            return Ok(());
        }
        if self.right_to(peer, hash, store)?.is_none() {
            // The same words as for what is not here: who has no right learns nothing.
            self.count_scan_fault("no right");
            self.say_scan(link, &ScanMessage::Refused { transfer, why: Unserved::NotHere });
            return Ok(());
        }
        let row = self.scan_row(hash, store)?;
        if !row.here {
            return self.serve_later(link, peer, transfer, hash, store);
        }
        let serve = Serve { hash, size: row.size, asked: 0 };
        self.scans.links.entry(link).or_default().serves.insert(transfer, serve);
        self.say_scan(link, &ScanMessage::Opened { transfer, size: row.size });
        Ok(())
    }

    /// A peer below or beside may have it and it is not here: it is fetched, and offered when it has
    /// come.
    fn serve_later(
        &mut self,
        link: LinkId,
        peer: Peer,
        transfer: Transfer,
        hash: Hash,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let asked = |links: &&BTreeSet<LinkId>| links.contains(&link);
        let mine = self.scans.asked_by.values().filter(asked).count();
        let known = self.scans.asked_by.get(&hash);
        let room = known.is_some() || self.scans.asked_by.len() < limits::SCANS_WANTED;
        let repeated = known.is_some_and(|links| links.contains(&link));
        let too_many = mine >= self.scans_of_one(link) && !repeated;
        if too_many {
            self.count_scan_fault("asked for too many");
        }
        if matches!(peer, Peer::Above | Peer::Hand) || too_many || !room {
            self.say_scan(link, &ScanMessage::Refused { transfer, why: Unserved::NotHere });
            return Ok(());
        }
        self.scans.asked_by.entry(hash).or_default().insert(link);
        self.say_scan(link, &ScanMessage::Refused { transfer, why: Unserved::Later });
        self.want(hash, Reason::Asked, false, store)
    }

    /// How many scans that are not here a peer may wait for.
    fn scans_of_one(&self, link: LinkId) -> usize {
        let below = self.children.get(&link).and_then(|child| child.binding.as_ref());
        match below.map(|binding| binding.kind) {
            Some(NodeKind::Hub) => limits::SCANS_ASKED_BY_HUB,
            Some(NodeKind::Node) | None => limits::SCANS_ASKED_BY_ONE,
        }
    }

    pub(super) fn serve_ask(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        piece: u32,
        first: bool,
    ) -> Result<(), Fault> {
        let state = self.scans.links.entry(link).or_default();
        // A reading that was refused or closed a moment ago.
        let Some(serve) = state.serves.get_mut(&transfer) else { return Ok(()) };
        if piece >= groups(serve.size) {
            return Err(Fault::new("limit", "a piece behind the end of a scan was asked for"));
        }
        if state.reads >= READS {
            return Err(Fault::new("limit", "more pieces were asked for than may be at once"));
        }
        state.reads += 1;
        serve.asked = serve.asked.max(piece);
        let (hash, size) = (serve.hash, serve.size);
        self.scan_io(ScanIo::Read { link, transfer, hash, size, piece, first });
        Ok(())
    }

    pub(super) fn serve_read(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        piece: u32,
        result: Result<(Vec<Pair>, Vec<u8>), ScanTrouble>,
        store: &impl Store,
    ) {
        let Some(state) = self.scans.links.get_mut(&link) else { return };
        state.reads = state.reads.saturating_sub(1);
        let Some(serve) = state.serves.get(&transfer) else { return };
        let hash = serve.hash;
        match result {
            Ok((proof, data)) => {
                self.say_scan(link, &ScanMessage::Piece { transfer, piece, proof, data });
            }
            Err(ScanTrouble::Damaged) => self.scan_damaged(hash, store),
            Err(ScanTrouble::Disk) => {
                self.count_scan_fault("disk");
                state_end(self, link, transfer, Unserved::NotHere);
            }
        }
    }

    /// A file proved damaged: nobody is served from it any further.
    pub(super) fn refuse_serves(&mut self, hash: Hash) {
        let mut ended = Vec::new();
        for (link, state) in &self.scans.links {
            let of = state.serves.iter().filter(|(_, serve)| serve.hash == hash);
            ended.extend(of.map(|(transfer, _)| (*link, *transfer)));
        }
        for (link, transfer) in ended {
            state_end(self, link, transfer, Unserved::Damaged);
        }
        for state in self.scans.links.values_mut() {
            state.offers.remove(&hash);
            // The same bytes may come again while the counters are as they were.
            state.walked = None;
        }
    }
}

fn state_end(replica: &mut Replica, link: LinkId, transfer: Transfer, why: Unserved) {
    if let Some(state) = replica.scans.links.get_mut(&link) {
        state.serves.remove(&transfer);
    }
    replica.say_scan(link, &ScanMessage::Refused { transfer, why });
}
