//! Reading one scan from a peer: file, question, pieces, end.

use super::{
    BARRED, LinkId, Peer, Replica, ScanIo, ScanMessage, ScanProgress, Transfer, Unserved, Unwanted,
};
use crate::{
    id::Hash,
    limits,
    replica::{Fault, Store},
    scan::{Decoder, Media, Pair, ProofError, groups},
    time::Instant,
};

/// Pieces that may wait for the disk here, per reading: 1 MiB.
const UNWRITTEN: u32 = 256;
/// A peer that answers nothing for so long, in milliseconds, is not asked any further.
const STALLED: u64 = 60_000;

/// One reading.
pub(super) struct Pull {
    pub(super) link: LinkId,
    hash: Hash,
    size: u64,
    stage: Stage,
    /// Last time the peer or the disk did something for it.
    since: Instant,
    /// What was held of it proved to be of something else; once is an accident.
    anew: bool,
}

enum Stage {
    /// The file here is being opened.
    File,
    /// The peer was asked whether it serves it.
    Opening { decoder: Decoder },
    /// Pieces come.
    Reading { decoder: Decoder, next: u32, first: bool, unwritten: u32 },
    /// The file is being checked and made durable.
    Finishing,
}

impl Pull {
    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Opening { .. } | Stage::Reading { .. } => Some(self.since.after(STALLED)),
            // The disk here always answers.
            Stage::File | Stage::Finishing => None,
        }
    }

    pub(super) fn progress(&self) -> ScanProgress {
        let of = groups(self.size);
        let pieces = match &self.stage {
            Stage::File => 0,
            Stage::Opening { decoder } | Stage::Reading { decoder, .. } => {
                decoder.next().unwrap_or(of)
            }
            Stage::Finishing => of,
        };
        ScanProgress { hash: self.hash, coming: true, pieces, of }
    }
}

impl Replica {
    pub(super) fn begin_pull(
        &mut self,
        link: LinkId,
        hash: Hash,
        size: u64,
        anew: bool,
    ) -> Transfer {
        let transfer = self.scans.next_transfer;
        self.scans.next_transfer += 1;
        let since = self.now;
        let pull = Pull { link, hash, size, stage: Stage::File, since, anew };
        self.scans.pulls.insert(transfer, pull);
        self.scan_io(ScanIo::Begin { transfer, hash, size, anew });
        transfer
    }

    /// The file is open: the peer is asked.
    pub(super) fn pull_begun(&mut self, transfer: Transfer, held: Vec<Hash>) {
        let now = self.now;
        let Some(pull) = self.scans.pulls.get_mut(&transfer) else { return };
        let decoder = Decoder::new(pull.hash, pull.size, held);
        (pull.stage, pull.since) = (Stage::Opening { decoder }, now);
        let (link, hash) = (pull.link, pull.hash);
        self.say_scan(link, &ScanMessage::Open { transfer, hash });
    }

    pub(super) fn pull_opened(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        size: u64,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let now = self.now;
        let Some(pull) = self.pull_on(link, transfer) else { return Ok(()) };
        let Stage::Opening { decoder } = &pull.stage else {
            return Err(Fault::new("order", "a scan was opened that nobody asked for"));
        };
        if size != pull.size {
            return self.bar(transfer, "size", store);
        }
        let (decoder, next) = (decoder.clone(), decoder.next().unwrap_or_default());
        pull.stage = Stage::Reading { decoder, next, first: true, unwritten: 0 };
        pull.since = now;
        self.scans.links.entry(link).or_default().turns.push_back(transfer);
        self.ask(link);
        Ok(())
    }

    pub(super) fn pull_refused(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        why: Unserved,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.pull_on(link, transfer).is_some() {
            let kind = match why {
                Unserved::NotHere => "not at the peer",
                Unserved::Later => "later",
                Unserved::Busy => "busy",
                Unserved::Damaged => "damaged at the peer",
            };
            // Nothing of it follows, so nothing of it is on its way.
            let state = self.scans.links.entry(link).or_default();
            state.in_flight.retain(|(asked, _, _)| *asked != transfer);
            if matches!(why, Unserved::NotHere | Unserved::Damaged)
                && let Some(pull) = self.scans.pulls.get(&transfer)
            {
                // Until it is offered again.
                state.has.remove(&pull.hash);
            }
            self.pull_failed(transfer, kind, store);
        }
        Ok(())
    }

    /// Asks for as many pieces as the window allows, each reading in turn.
    pub(super) fn ask(&mut self, link: LinkId) {
        let now = self.now;
        let Some(state) = self.scans.links.get_mut(&link) else { return };
        let mut asks = Vec::new();
        let mut idle = 0;
        while state.in_flight.len() < state.window.pieces() && idle < state.turns.len() {
            let Some(transfer) = state.turns.pop_front() else { break };
            let Some(pull) = self.scans.pulls.get_mut(&transfer) else { continue };
            let Stage::Reading { decoder, next, first, unwritten } = &mut pull.stage else {
                continue;
            };
            state.turns.push_back(transfer);
            let coming = *next - decoder.next().unwrap_or(*next);
            if *next == groups(pull.size) || *unwritten + coming >= UNWRITTEN {
                idle += 1;
                continue;
            }
            idle = 0;
            asks.push(ScanMessage::Ask { transfer, piece: *next, first: *first });
            state.in_flight.push_back((transfer, *next, now));
            (*next, *first) = (*next + 1, false);
        }
        asks.iter().for_each(|ask| self.say_scan(link, ask));
    }

    pub(super) fn pull_piece(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        piece: u32,
        proof: &[Pair],
        data: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let now = self.now;
        let state = self.scans.links.entry(link).or_default();
        if let Some(left) = state.closing.get_mut(&transfer) {
            *left -= 1;
            if *left == 0 {
                state.closing.remove(&transfer);
            }
            return Ok(());
        }
        match state.in_flight.front() {
            Some((asked, number, since)) if (*asked, *number) == (transfer, piece) => {
                state.window.arrived(now, now.since(*since));
                state.in_flight.pop_front();
            }
            _ => return Err(Fault::new("order", "a piece of a scan that was not asked for")),
        }
        let Some(pull) = self.scans.pulls.get_mut(&transfer) else { return Ok(()) };
        let Stage::Reading { decoder, unwritten, .. } = &mut pull.stage else { return Ok(()) };
        if piece == 0 && Media::of(&data).is_err() {
            return self.bar(transfer, "media type", store);
        }
        match decoder.take(proof, &data) {
            Ok(leaf) => {
                *unwritten += 1;
                pull.since = now;
                self.scan_io(ScanIo::Write { transfer, piece, leaf, data });
            }
            Err(ProofError::Held) if !pull.anew => self.pull_anew(transfer),
            Err(_) => return self.bar(transfer, "proof", store),
        }
        self.ask(link);
        Ok(())
    }

    /// What was held is of something else: it goes, and the reading begins at the first piece.
    fn pull_anew(&mut self, transfer: Transfer) {
        self.count_scan_fault("held");
        let Some(pull) = self.end_pull(transfer) else { return };
        let again = self.begin_pull(pull.link, pull.hash, pull.size, true);
        if let Some(want) = self.scans.wants.get_mut(&pull.hash) {
            want.reading = Some(again);
        }
    }

    pub(super) fn pull_written(&mut self, transfer: Transfer) {
        let now = self.now;
        let Some(pull) = self.scans.pulls.get_mut(&transfer) else { return };
        let link = pull.link;
        let Stage::Reading { decoder, unwritten, .. } = &mut pull.stage else { return };
        *unwritten = unwritten.saturating_sub(1);
        if *unwritten == 0 && decoder.next().is_none() {
            (pull.stage, pull.since) = (Stage::Finishing, now);
            self.say_scan(link, &ScanMessage::Close { transfer });
            self.scan_io(ScanIo::Finish { transfer });
        }
        self.ask(link);
    }

    /// The file was here all along, whole: nothing was read from the peer.
    pub(super) fn pull_here(&mut self, transfer: Transfer, store: &impl Store) {
        let Some(pull) = self.scans.pulls.get(&transfer) else { return };
        let state = self.scans.links.get(&pull.link);
        let offered = state.is_some_and(|state| state.has.contains(&pull.hash));
        self.pull_ended(transfer, offered, store);
    }

    /// All pieces came: the file is whole and synced under its name, or proved not to be.
    pub(super) fn pull_whole(&mut self, transfer: Transfer, whole: bool, store: &impl Store) {
        match whole {
            true => self.pull_ended(transfer, true, store),
            false => self.pull_failed(transfer, "whole", store),
        }
    }

    /// The file is here; `there` if the peer is known to have it.
    fn pull_ended(&mut self, transfer: Transfer, there: bool, store: &impl Store) {
        let Some(pull) = self.scans.pulls.remove(&transfer) else { return };
        let (link, hash, size) = (pull.link, pull.hash, pull.size);
        let peer = self.peer_of(link);
        if let Some(Peer::Beside(_)) = peer {
            // Told once it is on disk: this machine is another place for it.
            self.scans.links.entry(link).or_default().has.insert(hash);
        }
        // What the hub gave need not be offered to it.
        let above = there && matches!(peer, Some(Peer::Above | Peer::Hand));
        self.want_recording(hash, size, above);
        self.scan_faultless(|replica| replica.next_on(link, store));
    }

    /// A reading came to nothing; others go on.
    pub(super) fn pull_failed(
        &mut self,
        transfer: Transfer,
        kind: &'static str,
        store: &impl Store,
    ) {
        self.count_scan_fault(kind);
        let Some(pull) = self.end_pull(transfer) else { return };
        if matches!(kind, "stalled" | "whole")
            && let Some(state) = self.scans.links.get_mut(&pull.link)
        {
            // Not from this peer again before its next link.
            state.has.remove(&pull.hash);
            state.barred.insert(pull.hash);
        }
        match kind {
            "disk" => self.want_later(pull.hash),
            _ => self.want_elsewhere(pull.hash, pull.link, store),
        }
        self.ask(pull.link);
    }

    /// What the peer serves is not the scan: it is not asked for it again on this link, and a peer
    /// that does so again and again loses the link.
    fn bar(
        &mut self,
        transfer: Transfer,
        kind: &'static str,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(pull) = self.scans.pulls.get(&transfer) else { return Ok(()) };
        let (link, hash) = (pull.link, pull.hash);
        let state = self.scans.links.entry(link).or_default();
        state.has.remove(&hash);
        state.barred.insert(hash);
        if state.barred.len() > BARRED {
            return Err(Fault::new(
                "scan",
                format!("more than {BARRED} scans were not themselves"),
            ));
        }
        let why = if kind == "proof" { Unwanted::Wrong } else { Unwanted::NotAllowed };
        self.pull_failed(transfer, kind, store);
        self.decline(link, hash, why, "barred")
    }

    /// Ends a reading whose link is gone; gives what it read.
    pub(super) fn leave_pull(&mut self, transfer: Transfer) -> Option<Hash> {
        let pull = self.end_pull(transfer)?;
        if let Some(want) = self.scans.wants.get_mut(&pull.hash) {
            want.reading = None;
        }
        Some(pull.hash)
    }

    fn end_pull(&mut self, transfer: Transfer) -> Option<Pull> {
        let pull = self.scans.pulls.remove(&transfer)?;
        self.scan_io(ScanIo::Leave { transfer });
        if let Some(state) = self.scans.links.get_mut(&pull.link) {
            let before = state.in_flight.len();
            state.in_flight.retain(|(asked, _, _)| *asked != transfer);
            let coming = before - state.in_flight.len();
            if coming > 0 {
                // They may be on their way, or be dropped by the peer when it hears of the end.
                state.closing.insert(transfer, coming);
                while state.closing.len() > limits::SCANS_AT_ONCE * 16 {
                    state.closing.pop_first();
                }
            }
            if matches!(pull.stage, Stage::Opening { .. } | Stage::Reading { .. }) {
                self.say_scan(pull.link, &ScanMessage::Close { transfer });
            }
        }
        Some(pull)
    }

    pub(super) fn stalled_pulls(&self) -> impl Iterator<Item = Transfer> + '_ {
        let now = self.now;
        let due = move |pull: &Pull| pull.due().is_some_and(|at| at <= now);
        self.scans.pulls.iter().filter(move |(_, pull)| due(pull)).map(|(transfer, _)| *transfer)
    }

    fn pull_on(&mut self, link: LinkId, transfer: Transfer) -> Option<&mut Pull> {
        self.scans.pulls.get_mut(&transfer).filter(|pull| pull.link == link)
    }
}
