//! Entries of a log that is held whole, read back from the frames in which they came. A reader who
//! has been away gets rows in order of arrival, which is nearly that of the frames: one frame is
//! unpacked for all its entries, where a history would be read for each.

use super::{Fault, Store, outbound};
use crate::{
    entry::Entry,
    id::LogId,
    key::PublicKey,
    record::Record,
    state::{rows::Position, tiles},
    wire,
};

/// The frame unpacked last.
#[derive(Debug, Default)]
pub(super) struct Recall(Option<(LogId, u64, Vec<Entry>)>);

impl Recall {
    /// Entry `sequence` of a log, if its frame is here; the histories have it in any case.
    pub(super) fn entry(
        &mut self,
        store: &impl Store,
        log: LogId,
        author: &PublicKey,
        sequence: u64,
    ) -> Result<Option<Entry>, Fault> {
        if let Some(entry) = self.unpacked(log, sequence) {
            return Ok(Some(entry));
        }
        let Some((first, Position::Frame { record, .. })) =
            outbound::frame_of(log, sequence, store)?
        else {
            return Ok(None);
        };
        let Some(Record::Up { frame, .. }) = store.record(record)? else { return Ok(None) };
        // A record that cannot be read back is no reason to stop: the history is asked next.
        let change = |sequence| tiles::change(store, log, sequence).ok().flatten();
        let Ok(frame) = wire::decode_up(&frame, author, change) else { return Ok(None) };
        self.0 = Some((log, first, frame.entries));
        Ok(self.unpacked(log, sequence))
    }

    fn unpacked(&self, log: LogId, sequence: u64) -> Option<Entry> {
        let (of, first, entries) = self.0.as_ref()?;
        let place = usize::try_from(sequence.checked_sub(*first)?).ok()?;
        (*of == log).then(|| entries.get(place).cloned()).flatten()
    }
}
