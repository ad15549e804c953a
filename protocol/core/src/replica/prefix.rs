//! What the parent holds of a log must be a prefix of what is here. Where it is not, nothing more
//! of that log goes up: this machine was set back or copied (its own log), or somebody below was,
//! who is then told what the hub above holds: the hub between may have been set back as well, and
//! then only the one above it can tell.

use super::{Control, LinkId};
use super::{Event, Fault, Head, Replica, Store};
use crate::id::LogId;

impl Replica {
    /// A first look that needs no state: an own log, longer or other at the parent than here.
    pub(super) fn compare_own(&mut self, head: Head) {
        if head.log != self.own.log() {
            let me = self.config.key.public();
            let ended = self.logs.get(&head.log).filter(|row| row.author.key == me);
            if ended.is_some_and(|row| row.stored_entries() < head.sequence) {
                self.diverged(head);
            }
            return;
        }
        match self.own.agrees(head) {
            Some(true) => self.upstream.settle_doubt(&head.log, true),
            Some(false) => self.diverged(head),
            None => {}
        }
    }

    /// Whether the log may go on being sent. A parent that is ahead on a log which is only relayed
    /// here is no fault: there is nothing to send until this replica has passed it.
    pub(super) fn may_send(&mut self, log: LogId, store: &impl Store) -> Result<bool, Fault> {
        if self.upstream.next(&log) == u64::MAX {
            return Ok(false);
        }
        let Some(head) = self.upstream.doubted(&log) else { return Ok(true) };
        match self.root_of(log, head.sequence, store)? {
            // The state does not reach that far yet.
            None => Ok(false),
            Some(root) if root == head.root => {
                self.upstream.settle_doubt(&log, true);
                Ok(true)
            }
            Some(_) => {
                self.diverged(head);
                Ok(false)
            }
        }
    }

    /// A hub beyond the parent holds this much of a log that comes from here or from below.
    pub(super) fn held_above(
        &mut self,
        link: LinkId,
        head: Head,
        store: &impl Store,
    ) -> Result<(), Fault> {
        if !self.upstream.is(link) {
            return Ok(());
        }
        let me = self.config.key.public();
        let ended = self.logs.get(&head.log).is_some_and(|row| row.author.key == me);
        if head.log != self.own.log() && !ended {
            self.note_above(head);
            self.tell_bringers(head.log, &Control::RootReceived(head));
            return Ok(());
        }
        let agrees = match (ended, self.own.agrees(head)) {
            (false, Some(agrees)) => agrees,
            _ => match self.root_of(head.log, head.sequence, store)? {
                Some(root) => root == head.root,
                // More than there is of a log that has ended, or not in the state yet.
                None => !ended,
            },
        };
        if !agrees {
            self.upstream.settle_doubt(&head.log, false);
            self.event(Event::OwnLogDiverged { parent: head, whole: true });
        } else if !ended {
            self.event(Event::RootReceived(head.received()));
        }
        Ok(())
    }

    /// The parent holds more of a log from below than there is here: this hub was set back, and
    /// whoever brings the log is to know, before it brings another history of it.
    pub(super) fn pass_down_if_ahead(&mut self, head: Head) {
        let me = self.config.key.public();
        let known = self.logs.get(&head.log).filter(|row| row.author.key != me);
        if known.is_some_and(|row| row.stored_entries() < head.sequence) {
            self.note_above(head);
            self.tell_bringers(head.log, &Control::RootReceived(head));
        }
    }

    /// Somebody above holds more of a log than this replica: those who bring it are told, also
    /// those who come later.
    pub(super) fn note_above(&mut self, head: Head) {
        if self.stored_entries(head.log) < head.sequence {
            self.ahead.insert(head.log, head);
        }
    }

    /// Tells a peer that came in what is held above of the logs that it brings.
    pub(super) fn tell_what_is_above(&mut self, link: LinkId) {
        let mut ahead = std::mem::take(&mut self.ahead);
        ahead.retain(|log, head| {
            let passed = self.stored_entries(*log) >= head.sequence;
            !passed || self.upstream.stopped(log)
        });
        for head in ahead.values() {
            if self.bringers(head.log).contains(&link) {
                self.say(link, &Control::RootReceived(*head));
            }
        }
        self.ahead = ahead;
    }

    fn stored_entries(&self, log: LogId) -> u64 {
        self.logs.get(&log).map_or(0, |row| row.stored_entries())
    }

    fn diverged(&mut self, parent: Head) {
        self.upstream.settle_doubt(&parent.log, false);
        let me = self.config.key.public();
        let own = self.logs.get(&parent.log).is_some_and(|row| row.author.key == me);
        if own || parent.log == self.own.log() {
            return self.event(Event::OwnLogDiverged { parent, whole: false });
        }
        self.ahead.insert(parent.log, parent);
        self.tell_bringers(parent.log, &Control::RootReceived(parent));
        let reason = format!(
            "the hub above holds another history of log {} than this one; it goes up no further",
            parent.log
        );
        let peer = Some(self.upstream.hub());
        self.event(Event::Refused { peer, kind: "fork", reason });
    }
}
