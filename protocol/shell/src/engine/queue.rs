//! What waits for the applier, bounded in bytes: what does not fit is read back from the journal,
//! where it is anyway. So receipt never waits for the state, and a slow state costs no memory.

use motcua_core::record::Record;
use std::{
    collections::VecDeque,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

/// Bytes of records kept in memory; frames count as what they unpack to.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of records in one batch: enough that a catch-up of many small changes is applied dossier
/// by dossier, little enough for the memory of a mini-PC.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Records in one batch.
pub(super) const BATCH_RECORDS: usize = 20_000;
/// How long the applier waits for one more record, and how long for all of a batch. A batch costs
/// by dossier, not by change, and while receipt is busy it has the machine first.
const GATHER: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(200));

/// A pause of this length is used for housekeeping, once.
const IDLE: Duration = Duration::from_secs(1);

/// What to apply next.
#[derive(Debug)]
pub(super) enum Batch {
    /// These, in order.
    Records(Vec<(u64, Record)>),
    /// Everything in this range of the journal.
    Journal {
        /// First position.
        from: u64,
        /// Last position.
        upto: u64,
    },
    /// Nothing waits; there is time for what was put off.
    Quiet,
    /// Nothing has come for a while: a good moment for housekeeping.
    Idle,
    /// The state is to be copied into fresh files; say how it went.
    Renew(SyncSender<Result<(), String>>),
    /// Nothing follows.
    End,
}

#[derive(Debug, Default)]
struct Inner {
    records: VecDeque<(u64, Record, usize)>,
    bytes: usize,
    /// Last position handed over, whether kept here or not.
    last: u64,
    /// Last position the state reflects.
    applied: u64,
    /// Somebody waits for this position.
    wanted: u64,
    /// Dossiers that the content has yet to fold.
    stale: u64,
    /// The present pause was used for housekeeping.
    rested: bool,
    renew: Option<SyncSender<Result<(), String>>>,
    closed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

impl Queue {
    /// Before anything is appended: how far the journal and the state are.
    pub(super) fn begin(&self, last: u64, applied: u64) {
        let mut inner = self.lock();
        (inner.last, inner.applied) = (last, applied);
    }

    /// A record that is on disk, in order of position.
    pub(super) fn push(&self, position: u64, record: Record) {
        let size = size(&record);
        let mut inner = self.lock();
        inner.last = position;
        inner.rested = false;
        // Once one was left out, so are those behind it: the queue has no holes inside.
        let follows = inner.records.back().is_none_or(|(at, _, _)| at + 1 == position);
        if inner.bytes + size <= QUEUE_BYTES && follows {
            inner.bytes += size;
            inner.records.push_back((position, record, size));
        }
        drop(inner);
        self.arrived.notify_one();
    }

    /// Somebody waits for the state to reflect this position.
    pub(super) fn hurry(&self, position: u64) {
        let mut inner = self.lock();
        inner.wanted = inner.wanted.max(position);
        drop(inner);
        self.arrived.notify_one();
    }

    /// The state reflects everything up to here, but for dossiers that the content has yet to
    /// fold.
    pub(super) fn applied(&self, position: u64, stale: u64) {
        let mut inner = self.lock();
        inner.applied = position;
        inner.stale = stale;
    }

    /// Records that the state does not reflect yet, and dossiers that lists do not.
    pub(super) fn waiting(&self) -> u64 {
        let inner = self.lock();
        inner.last.saturating_sub(inner.applied) + inner.stale
    }

    /// Has the state copied into fresh files between two batches, and waits for it.
    pub(super) fn renew(&self) -> Result<(), String> {
        let (told, answer) = sync_channel(1);
        let mut inner = self.lock();
        if inner.closed {
            return Err("the applier has stopped".into());
        }
        inner.renew = Some(told);
        drop(inner);
        self.arrived.notify_one();
        answer.recv().unwrap_or_else(|_| Err("the applier has stopped".into()))
    }

    /// Waits so long, or until nothing follows; whether that is so.
    pub(super) fn closed_within(&self, pause: Duration) -> bool {
        let open = |inner: &mut Inner| !inner.closed;
        let waited = self.arrived.wait_timeout_while(self.lock(), pause, open);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Nothing follows.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.renew = None;
        drop(inner);
        self.arrived.notify_one();
    }

    /// Waits for something to apply after `applied`, then a little for more of it; does not wait
    /// while dossiers are stale.
    pub(super) fn next(&self, applied: u64, stale: u64) -> Batch {
        let mut inner = self.lock();
        inner.applied = inner.applied.max(applied);
        inner.stale = stale;
        if let Some(told) = inner.renew.take() {
            return Batch::Renew(told);
        }
        if stale > 0 && inner.last <= inner.applied && !inner.closed {
            return Batch::Quiet;
        }
        while inner.last <= inner.applied && !inner.closed {
            let (waited, pause) =
                self.arrived.wait_timeout(inner, IDLE).unwrap_or_else(PoisonError::into_inner);
            inner = waited;
            if let Some(told) = inner.renew.take() {
                return Batch::Renew(told);
            }
            if pause.timed_out() && !std::mem::replace(&mut inner.rested, true) {
                return Batch::Idle;
            }
        }
        self.gather(inner).take()
    }

    /// Waits while more comes, the batch is not full and nobody is waiting for it.
    fn gather<'a>(&self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        #[expect(clippy::disallowed_methods, reason = "a pause between threads, not a time")]
        let began = Instant::now();
        loop {
            let full = inner.bytes >= BATCH_BYTES || inner.records.len() >= BATCH_RECORDS;
            let full = full || inner.begins_with_images();
            let before = inner.last;
            if full || inner.closed || inner.wanted > inner.applied || began.elapsed() >= GATHER.1 {
                return inner;
            }
            let waited = self.arrived.wait_timeout(inner, GATHER.0);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
            if inner.last == before {
                return inner;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Images make batches of their own, at once: somebody may be looking for what they show, and
    /// histories cost a multiple.
    fn begins_with_images(&self) -> bool {
        matches!(self.records.front(), Some((_, Record::Images { .. }, _)))
    }

    fn take(&mut self) -> Batch {
        if self.last <= self.applied {
            return Batch::End;
        }
        let from = self.applied + 1;
        match self.records.front() {
            Some((first, _, _)) if *first <= from => {}
            // What comes first did not fit, or was written before the queue was there.
            Some((first, _, _)) => {
                return Batch::Journal { from, upto: first - 1 };
            }
            None => return Batch::Journal { from, upto: self.last },
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let images = self.begins_with_images();
        while bytes < BATCH_BYTES
            && batch.len() < BATCH_RECORDS
            && self.begins_with_images() == images
            && let Some((position, record, size)) = self.records.pop_front()
        {
            bytes += size;
            self.bytes -= size;
            batch.push((position, record));
        }
        Batch::Records(batch)
    }
}

/// Rough size once unpacked; frames are compressed about six times.
pub(super) fn size(record: &Record) -> usize {
    match record {
        Record::Up { frame, .. } | Record::Down { frame, .. } => frame.len() * 6,
        Record::Images { frame, .. } => frame.len() * 5,
        Record::Own { entry, .. } => entry.len() + 64,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use motcua_core::id::EpochId;

    fn small() -> Record {
        Record::Epoch(EpochId::default())
    }

    fn large() -> Record {
        Record::Lease(vec![0; 10])
    }

    #[test]
    fn records_come_out_in_order_and_what_did_not_fit_is_named() {
        let queue = Queue::default();
        for position in 1..=3 {
            queue.push(position, small());
        }
        assert!(matches!(queue.next(0, 0), Batch::Records(batch) if batch.len() == 3));
        // Position 4 was written by another hand: only the journal has it.
        queue.push(5, large());
        assert!(matches!(queue.next(3, 0), Batch::Journal { from: 4, upto: 4 }));
        assert!(matches!(queue.next(4, 0), Batch::Records(batch) if batch.len() == 1));
        queue.applied(5, 0);
        assert_eq!(queue.waiting(), 0);
        assert!(matches!(queue.next(5, 3), Batch::Quiet));
        assert_eq!(queue.waiting(), 3);
        queue.close();
        assert!(matches!(queue.next(5, 3), Batch::End));
    }

    #[test]
    fn a_slow_state_costs_a_bounded_number_of_bytes() {
        let queue = Queue::default();
        let frame = vec![0; 1024 * 1024];
        for position in 1..=8 {
            queue.push(position, Record::Up { from: Default::default(), frame: frame.clone() });
        }
        assert!(queue.lock().bytes <= QUEUE_BYTES);
        assert_eq!(queue.waiting(), 8);
        let mut applied = 0;
        while applied < 8 {
            match queue.next(applied, 0) {
                Batch::Records(batch) => {
                    for (position, _) in batch {
                        assert_eq!(position, applied + 1);
                        applied = position;
                    }
                }
                Batch::Journal { from, upto } => {
                    assert_eq!(from, applied + 1);
                    applied = upto;
                }
                Batch::Quiet | Batch::Idle | Batch::Renew(_) | Batch::End => {
                    panic!("something is left")
                }
            }
        }
    }

    #[test]
    fn whoever_waits_is_not_kept_waiting_by_the_gathering() {
        let queue = Queue::default();
        queue.push(1, small());
        queue.hurry(1);
        assert!(matches!(queue.next(0, 0), Batch::Records(_)));
    }
}
