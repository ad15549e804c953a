//! A state store that keeps the contract of the seam and nothing more: a batch is seen at once, but
//! a crash may go back to any earlier batch, and the store may refuse a batch or not open at all.

use crate::dice::{Dice, Throw};
use motcua_core::state::{Batch, Kv, MemKv, Pairs, StoreError};
use std::collections::VecDeque;

/// Batches that may be lost in a crash: sled flushes about once a second.
const UNFLUSHED: usize = 24;

/// The store of one machine.
#[derive(Debug, Clone, Default)]
pub struct StateStore {
    live: MemKv,
    durable: MemKv,
    since: VecDeque<Batch>,
    /// The batch after so many is refused.
    pub refuse_after: Option<u64>,
}

impl StateStore {
    /// Writes one batch, all or nothing.
    ///
    /// # Errors
    /// When it was told to refuse.
    pub fn write(&mut self, batch: Batch) -> Result<(), StoreError> {
        match &mut self.refuse_after {
            Some(0) => return Err(StoreError::Backend("the simulated store refuses".into())),
            Some(left) => *left -= 1,
            None => {}
        }
        self.live.write(batch.clone());
        self.since.push_back(batch);
        if self.since.len() > UNFLUSHED
            && let Some(oldest) = self.since.pop_front()
        {
            self.durable.write(oldest);
        }
        Ok(())
    }

    /// Everything so far stays.
    pub fn flush(&mut self) {
        for batch in std::mem::take(&mut self.since) {
            self.durable.write(batch);
        }
    }

    /// The process or the machine has died: some of the newest batches are gone.
    #[must_use]
    pub fn after_crash(mut self, dice: &mut Dice) -> Self {
        let kept = dice.below(self.since.len() as u64 + 1) as usize;
        for batch in self.since.drain(..).take(kept) {
            self.durable.write(batch);
        }
        Self { live: self.durable.clone(), durable: self.durable, ..Self::default() }
    }

    /// The same rows on another disk.
    pub fn copy(&self, dice: &mut Dice) -> Self {
        self.clone().after_crash(dice)
    }

    /// All rows.
    pub fn rows(&self) -> &MemKv {
        &self.live
    }

    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.live.0.is_empty()
    }

    /// One crash in so many leaves a store that does not open.
    pub fn opens(dice: &mut Dice) -> bool {
        !dice.one_in(4)
    }
}

impl Kv for StateStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.live.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Pairs, StoreError> {
        self.live.range(from, to, limit)
    }
}
