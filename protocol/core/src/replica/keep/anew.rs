//! A reader whose place is not among the rows of its inbox. Its hello is answered when the state
//! has a place for it: in front of all that it has to forget, so that nothing of what it missed
//! comes before that.

use super::super::{Fault, Hello, LinkId, Pending, Replica, Store, read};
use crate::{
    id::OfficeId,
    record::{InboxEvent, Record},
    state::{
        Key,
        rows::{Cursor, Reader},
    },
    time::{Instant, Timestamp},
};

/// A hello that waits for a place to begin at.
pub(in crate::replica) struct Later {
    hello: Hello,
    wall: Timestamp,
    /// How many places had been made for the machine before.
    times: u32,
}

impl Replica {
    /// The place that was made for the machine on this link, once it is there.
    pub(in crate::replica) fn place_made(
        &self,
        link: LinkId,
        store: &impl Store,
    ) -> Result<Option<Cursor>, Fault> {
        let Some(child) = self.children.get(&link) else { return Ok(None) };
        let Some(later) = &child.later else { return Ok(None) };
        let row: Option<Reader> = read(store, Key::Cursor(child.peer.node_id()))?;
        Ok(row.filter(|row| row.times != later.times).map(|row| row.anew))
    }

    /// Has a place made, and keeps the hello until then.
    pub(in crate::replica) fn greet_later(
        &mut self,
        link: LinkId,
        (hello, wall): (Hello, Timestamp),
        inbox: OfficeId,
        store: &impl Store,
    ) -> Result<(), Fault> {
        let Some(child) = self.children.get_mut(&link) else { return Ok(()) };
        let node = child.peer.node_id();
        let row: Option<Reader> = read(store, Key::Cursor(node))?;
        let times = row.map_or(0, |row| row.times);
        child.later = Some(Later { hello, wall, times });
        let record = Record::Inbox(InboxEvent::Anew { inbox, node, at: wall });
        self.journal(vec![record], Pending::Anew { link });
        Ok(())
    }

    /// The state has moved on: those that wait for their place may have it.
    pub(in crate::replica) fn greet_those_who_wait(&mut self, now: Instant, store: &impl Store) {
        let waits: Vec<LinkId> = self
            .children
            .iter()
            .filter(|(_, child)| child.later.is_some() && child.binding.is_none())
            .map(|(link, _)| *link)
            .collect();
        for link in waits {
            let greeted = match self.place_made(link, store) {
                Ok(None) => Ok(()),
                Ok(Some(place)) => {
                    let later = self.children.get_mut(&link).and_then(|child| child.later.take());
                    match later {
                        Some(later) => {
                            self.greet_at((now, later.wall), link, later.hello, place, store)
                        }
                        None => Ok(()),
                    }
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = greeted {
                self.refuse(link, fault);
            }
        }
    }
}
