//! Links come, go, and carry messages: each goes to the part of the replica that it is for.

use super::{
    Channel, Control, Data, Event, Fault, Hello, LinkId, Output, Replica, Store, UpstreamPhase,
    VERSIONS, child::Child, clock, message,
};
use crate::{
    key::PublicKey,
    time::{Instant, Timestamp},
};

impl Replica {
    pub(super) fn link_up(
        &mut self,
        (now, wall): (Instant, Timestamp),
        link: LinkId,
        peer: PublicKey,
        dialed: bool,
    ) {
        let node = peer.node_id();
        if self.trust.denied(node).is_some() {
            return self.close(link, "this machine is suspended or banned; ask central IT");
        }
        if !dialed {
            self.children.insert(link, Child::greeting(peer));
            return;
        }
        if self.upstream.phase() == UpstreamPhase::Paused {
            return self.leave(link, "this machine goes offline");
        }
        if self.config.parent != Some(peer) {
            // The parent changed while its predecessor was being dialled.
            self.upstream.lost(None, now);
            return self.close(link, "the machine that answered is not this office's hub");
        }
        if let Some(older) = self.upstream.link() {
            // The same hub over a better way: everything that is not on a disk starts over there.
            self.upstream.forget_link();
            self.checker.interrupted(now);
            self.leave(older, "this machine goes on over another link");
        }
        let heads = self.heads_going_up();
        let digest = message::heads_digest(heads.iter().copied());
        self.upstream.connected(link, heads);
        self.upstream.lead_told = clock::lead(now, wall);
        let hello = Control::Hello(Box::new(Hello {
            versions: VERSIONS,
            features: message::AGAIN | if self.takes_images() { message::IMAGES } else { 0 },
            domain: self.config.domain,
            binding: self.config.binding.clone(),
            heads: digest,
            cursor: self.upstream.cursor(),
            trust: self.trust.numbers(),
            clock: wall,
            software: self.config.software.clone(),
            acknowledged: self.upstream.received(&self.own.log()).copied(),
        }));
        self.say(link, &hello);
    }

    pub(super) fn link_down(
        &mut self,
        now: Instant,
        wall: Timestamp,
        link: Option<LinkId>,
        store: &impl Store,
    ) {
        if let Some(link) = link.filter(|link| self.sibling_down(wall, *link)) {
            return self.scan_link_down(link, store);
        }
        match link {
            Some(link) if self.children.contains_key(&link) => {
                self.link_ended(link, now);
                if let Some(child) = self.children.remove(&link)
                    && let Some(status) = self.known.get_mut(&child.peer.node_id())
                {
                    status.left(link, wall);
                    self.reader_left(child.peer.node_id(), wall);
                }
            }
            _ => {
                self.upstream.lost(link, now);
                if self.upstream.live().is_none() {
                    self.checker.interrupted(now);
                }
            }
        }
        if let Some(link) = link {
            self.scan_link_down(link, store);
        }
    }

    pub(super) fn control(
        &mut self,
        now: Instant,
        wall: Timestamp,
        link: LinkId,
        bytes: &[u8],
        store: &impl Store,
    ) -> Result<(), Fault> {
        match message::decode(Channel::Control, bytes)? {
            Control::Hello(hello) => self.greet((now, wall), link, *hello, store),
            Control::Welcome(welcome) => self.welcomed(now, link, *welcome, store),
            Control::Received(head) if self.siblings.contains_key(&link) => {
                self.sibling_received(wall, link, head, store)
            }
            Control::Received(head) => self.parent_received(link, head, store),
            Control::RootReceived(head) if self.siblings.contains_key(&link) => {
                self.hub_has_by_sibling(head);
                Ok(())
            }
            Control::RootReceived(head) => self.held_above(link, head, store),
            Control::Delivered(cursor) => self.child_delivered((now, wall), link, cursor, store),
            Control::Status(status) => self.child_status(wall, link, status),
            Control::Trust(bytes) => self.trust_arrived(link, &bytes),
            Control::Refuse(reason) => {
                let event = Event::Refused { peer: None, kind: "refused by peer", reason };
                self.outputs.push_back(Output::Event(event));
                Ok(())
            }
            Control::Bye(_) => Ok(()),
            Control::Images(asked) => self.images_asked(link, asked, store),
            Control::ImagesTaken(frames) => self.images_taken(link, frames, store),
            Control::Fetch(dossier) => self.fetch_asked(link, dossier, store),
            Control::Purged(dossiers) => self.purge_confirmed(wall, link, dossiers, store),
            Control::PurgeNoted(dossiers) => self.purge_noted(link, dossiers),
            Control::Challenge(nonce) => self.challenged(link, nonce),
            Control::Alive(nonce) => self.answered(link, nonce),
            Control::Bulk => self.turn_told(link, None, store),
            Control::Later { millis } => self.turn_told(link, Some(millis), store),
            Control::Sibling(hello) => self.sibling_hello(wall, link, *hello, store),
            Control::Again { log, first, last } => {
                self.asked_again(link, (log, first), last, store)
            }
            Control::Clock(theirs) => {
                self.clock_told(wall, link, theirs);
                Ok(())
            }
            Control::Check(check) if self.upstream.is(link) => {
                self.check_answered(now, link, *check, store)
            }
            Control::Check(check) => self.answer_check(wall, link, *check, store),
        }
    }

    pub(super) fn data(
        &mut self,
        link: LinkId,
        bytes: Vec<u8>,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(bytes) = self.upstream.keep_early(link, bytes)? else { return Ok(()) };
        let Some(bytes) = self.keep_early_of_sibling(link, bytes)? else { return Ok(()) };
        if self.is_beyond(link) {
            return Ok(());
        }
        self.data_read(link, bytes, store)?;
        self.tell_pace(link);
        Ok(())
    }

    fn data_read(&mut self, link: LinkId, bytes: Vec<u8>, store: &impl Store) -> Result<(), Fault> {
        match message::decode(Channel::Data, &bytes)? {
            Data::Log { log, binding } => self.log_opened(link, log, binding),
            Data::Up(frame) => self.up_frame(link, frame, store),
            Data::Down(frame) => self.down_frame(link, frame, store),
            Data::Trust(bytes) => self.trust_arrived(link, &bytes),
            Data::Refill(frame) if self.upstream.is(link) => {
                self.history_arrived(link, frame, store)
            }
            Data::Refill(frame) => self.refill(link, frame, store),
            Data::Images(frame) => self.images_arrived(link, frame),
            Data::Fetched(dossier) if self.upstream.live() == Some(link) => {
                self.fetched(dossier, store)
            }
            Data::Fetched(_) => Err(Fault::new("order", "a history that was not asked for")),
        }
    }

    /// Newer documents from above: checked against those in force, then told outside, which
    /// journals them and hands them back as [`super::Input::Trust`].
    pub(super) fn trust_arrived(&mut self, link: LinkId, bytes: &[u8]) -> Result<(), Fault> {
        if !self.upstream.is(link) && !self.siblings.contains_key(&link) {
            return Err(Fault::new("trust", "trust documents come from above or beside only"));
        }
        let mut merged = self.trust.clone();
        let result = merged.adopt_all(bytes);
        // A document that is refused does not hold up the others.
        if merged.numbers() != self.trust.numbers() {
            self.event(Event::Trust(Box::new(merged)));
        }
        result.map(drop).map_err(|error| Fault::new("trust", error))
    }
}
