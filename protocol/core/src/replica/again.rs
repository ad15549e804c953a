//! A frame of a log from below whose record the own disk has damaged: the log cannot be passed on from
//! here. It is asked for again of whoever below brings that log, compared with the tree that is held,
//! and written anew; the log goes on then. Nothing else waits for it. Who is asked may find its own
//! record damaged too: it asks further down first, down to the author, who has the entries themselves.

use super::{
    Control, Data, Event, Fault, LinkId, Pending, Replica, Store, message, outbound,
    outbound::Relayed, root_at,
};
use crate::{
    id::{DossierId, Hash, LogId, NodeId},
    limits,
    log::Checkpoint,
    record::Record,
    state::tiles,
    wire::{self, UpHead},
};
use std::collections::BTreeMap;

/// A frame, by its log and the sequence that it begins at.
pub(super) type Place = (LogId, u64);

/// Frames of other logs that are damaged here, and frames that the hub above has asked for.
#[derive(Debug, Default)]
pub(super) struct Again {
    lacking: BTreeMap<Place, Lacking>,
    owed: BTreeMap<Place, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Lacking {
    last: u64,
    /// It has come, and is on its way to the disk or the state.
    came: bool,
}

impl Again {
    /// Whether a frame that begins here was asked for and has not come.
    pub(super) fn wants(&self, place: Place) -> bool {
        self.lacking.get(&place).is_some_and(|one| !one.came)
    }

    /// What the hub above asked for on a link that is gone is asked for again on the next.
    pub(super) fn forget_owed(&mut self) {
        self.owed.clear();
    }
}

impl Replica {
    /// A frame cannot be read back: its log stops here, and it is asked for.
    pub(super) fn lacks_frame(&mut self, log: LogId, first: u64, last: u64) {
        self.upstream.wait_for_frame(log);
        let place = (log, first);
        if self.again.lacking.contains_key(&place)
            || self.again.lacking.len() >= limits::FRAMES_LACKING
        {
            return;
        }
        self.again.lacking.insert(place, Lacking { last, came: false });
        self.event(Event::FrameLost { log, first, last });
        self.ask_again(place, last);
    }

    fn ask_again(&mut self, (log, first): Place, last: u64) {
        let knows = |link: &LinkId| {
            let child = self.children.get(link);
            child.is_some_and(|child| child.features & message::AGAIN != 0)
        };
        let links: Vec<LinkId> = self.bringers(log).into_iter().filter(knows).collect();
        for link in links {
            self.say(link, &Control::Again { log, first, last });
        }
    }

    /// A peer below has come: it may have what is lacking.
    pub(super) fn ask_again_on(&mut self, link: LinkId) {
        if self.children.get(&link).is_none_or(|child| child.features & message::AGAIN == 0) {
            return;
        }
        let open = self.again.lacking.iter().filter(|(_, one)| !one.came);
        let open: Vec<(Place, u64)> = open.map(|(place, one)| (*place, one.last)).collect();
        for ((log, first), last) in open {
            if self.bringers(log).contains(&link) {
                self.say(link, &Control::Again { log, first, last });
            }
        }
    }

    /// The hub above has lost a frame that it had from here.
    pub(super) fn asked_again(
        &mut self,
        link: LinkId,
        (log, first): Place,
        last: u64,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if self.upstream.live() != Some(link) {
            return Err(Fault::new("order", "frames are asked for again from above only"));
        }
        if first == 0 || last < first || last - first >= limits::FRAME_ENTRIES as u64 {
            return Err(Fault::new("limit", "more was asked for again than a frame holds"));
        }
        if self.again.owed.len() < limits::FRAMES_LACKING {
            self.again.owed.insert((log, first), last);
        }
        self.give_again(store);
        Ok(())
    }

    /// Gives what the hub above asked for, as far as it can be read, and goes on with logs whose frame
    /// is here again. Called whenever anything may have changed.
    pub(super) fn give_again(&mut self, store: &impl Store) {
        self.go_on_where_mended(store);
        let Some(link) = self.upstream.live() else { return };
        for ((log, first), last) in self.again.owed.clone() {
            match self.frame_again(log, first, last, store) {
                Ok(Some(frame)) => {
                    self.again.owed.remove(&(log, first));
                    self.send(link, &Data::Up(frame));
                }
                // It comes from below, or with the state.
                Ok(None) => {}
                Err(fault) => {
                    self.again.owed.remove(&(log, first));
                    self.event(Event::Refused {
                        peer: None,
                        kind: fault.kind,
                        reason: fault.reason,
                    });
                }
            }
        }
    }

    /// The frame that begins at `first`: passed on as it came, or cut anew from own entries.
    fn frame_again(
        &mut self,
        log: LogId,
        first: u64,
        last: u64,
        store: &impl Store,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let me = self.config.key.public();
        let relayed = self.logs.get(&log).is_some_and(|row| row.author.key != me);
        if relayed {
            return Ok(match outbound::relayed_frame(log, first, store)? {
                Relayed::Frame { first: found, bytes, .. } if found == first => Some(bytes),
                Relayed::Damaged { first, last } => {
                    self.lacks_frame(log, first, last);
                    None
                }
                Relayed::Frame { .. } | Relayed::NotYet => None,
            });
        }
        if log != self.own.log() && !self.logs.contains_key(&log) {
            return Err(Fault::new("scope", "a frame of a log that does not go up from here"));
        }
        let Some(mut tree) = tiles::frontier_at(store, log, first - 1)? else { return Ok(None) };
        let entries = outbound::read_own(log, first, last, store)?;
        if entries.is_empty() {
            return Ok(None);
        }
        entries.iter().for_each(|entry| tree.push(entry.leaf()));
        let key = &self.config.key;
        let head = Checkpoint::sign(key, self.config.domain, log, tree.size(), tree.root());
        let nowhere = |_: &DossierId, _: &Hash| None;
        let frame = wire::encode_up(&me, log, first, &entries, nowhere, &head.signature)
            .map_err(|error| Fault::new("own log", error))?;
        Ok(Some(frame))
    }

    /// A frame that was asked for again: it must be what the tree says that it was.
    pub(super) fn take_again(
        &mut self,
        from: NodeId,
        head: UpHead,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(log) = self.logs.get(&head.log) else { return Ok(()) };
        let change = |sequence| tiles::change(store, head.log, sequence).ok().flatten();
        let frame = wire::decode_up(&bytes, &log.author.key, change)
            .map_err(|error| Fault::new("frame", error))?;
        let before = tiles::frontier_at(store, head.log, head.first - 1)?;
        let held = tiles::frontier_at(store, head.log, head.last())?;
        let (Some(mut tree), Some(held)) = (before, held) else { return Ok(()) };
        frame.entries.iter().for_each(|entry| tree.push(entry.leaf()));
        if tree != held {
            return Err(Fault::new("fork", "a frame that was asked for again is another one"));
        }
        let reached = root_at(&tree, head.log);
        let (size, root, signature) = (reached.sequence, reached.root, frame.signature);
        let checkpoint = Checkpoint { log: head.log, size, root, signature };
        checkpoint
            .verify(&log.author.key, self.config.domain)
            .map_err(|error| Fault::new("signature", error))?;
        let place = (head.log, head.first);
        if let Some(one) = self.again.lacking.get_mut(&place) {
            one.came = true;
            // An author cuts its frames anew, perhaps shorter.
            let last = std::mem::replace(&mut one.last, head.last());
            if head.last() < last {
                let rest = (head.log, head.last() + 1);
                self.again.lacking.insert(rest, Lacking { last, came: false });
                self.ask_again(rest, last);
            }
        }
        self.journal(vec![Record::Up { from, frame: bytes }], Pending::Again { place });
        Ok(())
    }

    /// It could not be written: asked for again with the next link.
    pub(super) fn not_mended(&mut self, place: Place) {
        if let Some(one) = self.again.lacking.get_mut(&place) {
            one.came = false;
        }
    }

    /// Logs whose lost frame is in the state again go on.
    fn go_on_where_mended(&mut self, store: &impl Store) {
        let came = self.again.lacking.iter().filter(|(_, one)| one.came);
        let came: Vec<(Place, u64)> = came.map(|(place, one)| (*place, one.last)).collect();
        for ((log, first), last) in came {
            let found = outbound::relayed_frame(log, first, store);
            if !matches!(found, Ok(Relayed::Frame { first: found, .. }) if found == first) {
                continue;
            }
            self.again.lacking.remove(&(log, first));
            self.event(Event::FrameMended { log, first, last });
            let open = self.again.lacking.keys().any(|(lacking, _)| *lacking == log);
            if !open {
                self.upstream.go_on(log);
            }
        }
    }
}
