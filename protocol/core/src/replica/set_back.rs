//! A hub that was set back behind its own back: a reader has read rows, or has had entries
//! acknowledged, that are not here. A new numbering begins, so that no cursor given out before is
//! taken for one of now; readers go on at the tail and compare.

use super::{Event, Pending, Replica};
use crate::{
    hash::{Context, derive},
    id::{EpochId, Hash},
    record::Record,
    state::rows::Cursor,
    time::Timestamp,
};

impl Replica {
    /// The cursor at which a reader goes on whose own one speaks of rows that are not here.
    pub(super) fn set_back(&mut self, wall: Timestamp, read: Cursor, tail: Cursor) -> Cursor {
        self.found_set_back(wall, read.hash);
        Cursor { epoch: self.meta.epoch, ..tail }
    }

    /// Begins a new numbering, once in the life of a process: every cursor of before is of another
    /// numbering then, and one of after that does not fit is a lie, which costs nobody else a check.
    pub(super) fn found_set_back(&mut self, wall: Timestamp, evidence: Hash) {
        if self.renumbered {
            return;
        }
        self.renumbered = true;
        // Two hubs set up from one image must not choose the same name.
        let seed = self.config.seed.to_le_bytes();
        let parts = [&self.meta.epoch.0[..], &evidence.0, &seed, &wall.0.to_le_bytes()];
        let name = derive(Context::Epoch, &parts);
        let mut epoch = EpochId::ZERO;
        epoch.0.copy_from_slice(&name.0[..EpochId::LEN]);
        self.meta.epoch = epoch;
        self.journal(vec![Record::Epoch(epoch)], Pending::Nothing);
        self.event(Event::SetBack);
    }
}
