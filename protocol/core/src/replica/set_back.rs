//! A hub that was set back behind its own back: a reader has read rows, or has had entries
//! acknowledged, that are not here. A new numbering begins, so that no cursor given out before is
//! taken for one of now; readers begin anew and compare.

use super::{Event, Pending, Replica};
use crate::{
    hash::{Context, derive},
    id::{EpochId, Hash},
    record::Record,
    time::Timestamp,
};

impl Replica {
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
