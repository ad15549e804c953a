//! What the parent holds of a log must be a prefix of what is here. Where it is not, nothing more
//! of that log goes up: this machine was set back or copied (its own log), or somebody below was.

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

    fn diverged(&mut self, parent: Head) {
        self.upstream.settle_doubt(&parent.log, false);
        let me = self.config.key.public();
        let own = self.logs.get(&parent.log).is_some_and(|row| row.author.key == me);
        if own || parent.log == self.own.log() {
            return self.event(Event::OwnLogDiverged { parent });
        }
        let reason = format!(
            "the hub above holds another history of log {} than this one; it goes up no further",
            parent.log
        );
        let peer = Some(self.upstream.hub());
        self.event(Event::Refused { peer, kind: "fork", reason });
    }
}
