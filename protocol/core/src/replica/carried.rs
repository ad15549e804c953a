//! What comes by hand: a recorded half of an exchange, taken in through a link that has no other
//! end. The same checks, the same journaling and the same acknowledgements as over a wire; what is
//! answered is recorded by whoever holds the link.
//!
//! A carried link may stand beside a real one of the same peer: it neither replaces it nor reads
//! an inbox over it.

use super::{
    Child, ChildStatus, ClockSeen, Control, Event, Fault, Head, Hello, LinkId, Replica, Welcome,
};
use crate::{id::LogId, key::PublicKey, state::rows::Cursor, time::Timestamp};

/// What a carried link from below may bring of its maker's logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Everything.
    All,
    /// The maker is banned; its work up to these places is still believed.
    Upto(Vec<(LogId, u64)>),
}

/// What came by hand from above.
#[derive(Debug, Clone)]
pub struct CarriedDown {
    /// Key that signed it.
    pub hub: PublicKey,
    /// What the hub would answer on a link.
    pub welcome: Welcome,
    /// The position it answers, if it knew one of this machine.
    pub asked: Option<Cursor>,
    /// What the root hub has.
    pub root_has: Vec<Head>,
}

impl Replica {
    /// Half an exchange from below begins: greeted as on a link, but for what only a live peer
    /// could use.
    pub(super) fn carried_up(
        &mut self,
        wall: Timestamp,
        link: LinkId,
        peer: PublicKey,
        hello: Hello,
    ) -> Result<(), Fault> {
        let node = peer.node_id();
        let allowance = match self.trust.denied(node) {
            None => Allowance::All,
            Some(denied) if denied.last_good.is_empty() => {
                let words = "the machine that made this is suspended or banned; ask central IT";
                return Err(Fault::new("denied", words));
            }
            Some(denied) => Allowance::Upto(denied.last_good),
        };
        let binding = self.admit(peer, &hello)?;
        self.check_hop(&binding)?;
        let office = binding.office;
        let mut child = Child::greeting(peer);
        child.binding = Some(binding);
        child.carried = Some(allowance);
        self.children.insert(link, child);
        let known = self.known.entry(node).or_insert_with(|| ChildStatus {
            node,
            office,
            link: None,
            last_contact: wall,
            delivered: 0,
            status: None,
            clock: Some(ClockSeen::told(None, hello.clock, wall)),
            software: hello.software.chars().take(40).collect(),
            check: None,
        });
        if hello.cursor.epoch == self.meta.epoch {
            known.delivered = known.delivered.max(hello.cursor.number);
        }
        self.event(Event::Greeted { node, office });
        Ok(())
    }

    /// Whether a carried link may bring a log up to a place; a live one always may.
    pub(super) fn check_allowance(&self, link: LinkId, log: LogId, upto: u64) -> Result<(), Fault> {
        let allowance = self.children.get(&link).and_then(|child| child.carried.as_ref());
        let Some(Allowance::Upto(good)) = allowance else { return Ok(()) };
        let last = good.iter().find(|(named, _)| *named == log).map_or(0, |(_, last)| *last);
        if upto <= last {
            return Ok(());
        }
        let words = format!(
            "the machine that made this is banned: of log {log} entries up to {last} are taken, \
             this goes up to {upto}"
        );
        Err(Fault::new("denied", words))
    }

    /// Half an exchange from above begins: the inbox is read on behind what is here, and what the
    /// hub had on disk when it was made counts as received.
    pub(super) fn carried_down(&mut self, link: LinkId, carried: CarriedDown) -> Result<(), Fault> {
        let CarriedDown { hub, welcome, asked, root_has } = carried;
        if self.config.parent != Some(hub) || welcome.node != hub.node_id() {
            let words = "it was not made by the hub that this machine belongs to";
            return Err(Fault::new("scope", words));
        }
        let here = self.upstream.read_position();
        let from = self.start_by_hand(here, welcome.from, asked)?;
        self.upstream.carry(link, from, welcome.tail);
        for head in welcome.heads.into_iter().flatten() {
            self.told_by_hand(head);
        }
        for head in root_has {
            if head.log == self.own.log() {
                self.event(Event::RootReceived(head.received()));
            }
        }
        Ok(())
    }

    /// Where the inbox is read on from.
    fn start_by_hand(
        &self,
        here: Cursor,
        from: Cursor,
        asked: Option<Cursor>,
    ) -> Result<Cursor, Fault> {
        if asked == Some(here) || (here.number == 0 && from.number == 0) {
            // It answers what this machine has: also when it begins anew, as a restored hub does.
            return Ok(from);
        }
        if from.epoch != here.epoch {
            let words = "it numbers the inbox otherwise than this machine knows it; make a bundle \
                         here, carry it to the hub, and bring back the answer";
            return Err(Fault::new("gap", words));
        }
        if from.number > here.number {
            let words = format!(
                "items {} to {} are missing before it: import the bundle that holds them first, \
                 or make one here and bring back the answer",
                here.number + 1,
                from.number
            );
            return Err(Fault::new("gap", words));
        }
        if from.number == here.number && from.hash != here.hash {
            let words = "it builds on other items than this machine has read: the hub was set \
                         back; make a bundle here and bring back the answer";
            return Err(Fault::new("gap", words));
        }
        Ok(here)
    }

    fn told_by_hand(&mut self, head: Head) {
        let known = self.upstream.received(&head.log).map_or(0, |known| known.sequence);
        if head.sequence < known {
            // Older news than a link has brought meanwhile.
            return;
        }
        self.upstream.note_received(head);
        self.compare_own(head);
        if head.log == self.own.log() && head.sequence <= self.own.head() {
            self.event(Event::Received(head.received()));
        } else {
            self.tell_bringers(head.log, &Control::RootReceived(head));
        }
    }

    /// A frame of this inbox that holds nothing new: already here, by another way. It is said to
    /// be here as soon as it is.
    pub(super) fn read_already(&mut self, link: LinkId) {
        let stored = self.upstream.cursor();
        self.say(link, &Control::Delivered(stored));
    }

    /// Links that are told how much of the inbox is on disk: the one that brought it, and the live
    /// one, whose hub may be sending the same.
    pub(super) fn tell_delivered(&mut self, link: LinkId, cursor: Cursor) {
        self.say(link, &Control::Delivered(cursor));
        if let Some(live) = self.upstream.live().filter(|live| *live != link) {
            self.say(live, &Control::Delivered(cursor));
        }
    }
}
