//! Nothing is acknowledged before it is on the disk: what waits for the journal, and what is said
//! once it has answered.

use super::{Control, Head, LinkId, Output, Replica, ScanPending, Store, Token, again::Place};
use crate::{
    id::{DossierId, LogId},
    record::Record,
    state::rows::Cursor,
};

/// What to do once records are on disk.
pub(super) enum Pending {
    /// Acknowledge a log head to whoever brings that log, on the link it has by then.
    Up { head: Head },
    /// Nothing; but without it no frame of the log may be written.
    Author { link: LinkId, log: LogId },
    /// Nothing.
    Nothing,
    /// Acknowledge the inbox.
    Down { link: LinkId, cursor: Cursor },
    /// See [`ScanPending`].
    Scan(ScanPending),
    /// Tell the hub that a frame of images is here.
    Images { link: LinkId },
    /// Tell a peer that its purges are written down.
    Purged { link: LinkId, dossiers: Vec<DossierId> },
    /// Nothing; a lost frame is written anew, and its log goes on once the state says so.
    Again { place: Place },
    /// Nothing; but a hello waits for what comes of it.
    Anew { link: LinkId },
}

impl Replica {
    pub(super) fn journal(&mut self, records: Vec<Record>, then: Pending) {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.pending.insert(token, then);
        self.outputs.push_back(Output::Journal { token, records });
    }

    pub(super) fn journaled(&mut self, token: Token, store: &impl Store) {
        match self.pending.remove(&token) {
            Some(Pending::Up { head }) => {
                if let Some(log) = self.logs.get_mut(&head.log) {
                    log.stored();
                }
                self.tell_bringers(head.log, &Control::Received(head));
            }
            Some(Pending::Down { link, cursor }) => {
                self.upstream.delivered(cursor);
                self.tell_delivered(link, cursor);
                self.check_in_sync(store);
            }
            Some(Pending::Scan(pending)) => self.scan_journaled(pending),
            Some(Pending::Images { link }) => self.images_stored(link),
            Some(Pending::Purged { link, dossiers }) => {
                self.say(link, &Control::PurgeNoted(dossiers));
            }
            Some(
                Pending::Author { .. }
                | Pending::Anew { .. }
                | Pending::Again { .. }
                | Pending::Nothing,
            )
            | None => {}
        }
    }

    /// What could not be written was not received: the link is closed and the sender will offer
    /// it again.
    pub(super) fn journal_failed(&mut self, token: Token) {
        match self.pending.remove(&token) {
            Some(Pending::Up { head }) => {
                if let Some(log) = self.logs.get_mut(&head.log) {
                    log.forget_unstored();
                }
                for link in self.bringers(head.log) {
                    self.close(link, "the disk here refused to write; try again later");
                }
            }
            Some(Pending::Author { link, log }) => {
                self.logs.remove(&log);
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Down { link, .. }) => {
                self.upstream.forget_unstored();
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Anew { link }) => {
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Scan(pending)) => self.scan_journal_failed(pending),
            Some(Pending::Images { link }) => {
                self.close(link, "the disk here refused to write; try again later");
            }
            Some(Pending::Again { place }) => self.not_mended(place),
            // Whatever it was for is found again by the next check.
            Some(Pending::Purged { .. } | Pending::Nothing) | None => {}
        }
    }
}
