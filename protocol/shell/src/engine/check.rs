//! What became of the digest checks, for pages and metrics, and asking for one.

use super::Engine;
use crate::driver::Signal;
use motcua_core::{id::LogId, replica::Report, time::Timestamp};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Checks of this process against the hub above, and how often a hub found itself set back.
#[derive(Default)]
pub(super) struct Checks {
    last: Mutex<Option<(Timestamp, Report)>>,
    total: Mutex<(u64, Report)>,
    set_back: AtomicU64,
    /// Frames of other logs that the disk was found to have damaged, and those that came again.
    frames: (AtomicU64, AtomicU64),
}

impl Checks {
    pub(super) fn note(&self, at: Timestamp, report: Report) {
        if report.differing > 0 {
            tracing::warn!(
                checked = report.checked,
                differing = report.differing,
                from_hub = report.from_hub,
                to_hub = report.to_hub,
                decided = report.decided,
                unrepaired = report.unrepaired,
                "this machine and its hub did not hold the same; what was missing was sent"
            );
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, report));
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        total.0 += 1;
        total.1.differing += report.differing;
        total.1.from_hub += report.from_hub;
        total.1.to_hub += report.to_hub;
        total.1.decided += report.decided;
        total.1.unrepaired += report.unrepaired;
    }

    /// This machine itself was set back, or copied.
    pub(super) fn count_set_back(&self) {
        self.set_back.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_frame_lost(&self, log: LogId, first: u64, last: u64) {
        self.frames.0.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            %log, first, last,
            "the disk has damaged a frame that is passed on from here: its log waits, all others go on; \
             it is asked for again of those below who have it; have the disk of this machine looked at"
        );
    }

    pub(super) fn note_frame_mended(&self, log: LogId, first: u64, last: u64) {
        self.frames.1.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%log, first, last, "a damaged frame has come again; its log goes on");
    }

    pub(super) fn note_set_back(&self) {
        self.count_set_back();
        tracing::error!(
            "a machine below has read, or sent, more than this hub holds: the hub was set back to \
             an older copy of its disk; a new numbering has begun and what is missing is asked for; \
             tell central IT"
        );
    }
}

impl Engine {
    /// Asks for a check: of this machine with its hub, and of every connected machine below with
    /// this one.
    pub fn verify(&self) {
        self.driver.signal(Signal::Verify);
    }

    /// The last check with the hub above in this process: when it ended, and what came of it.
    pub fn last_check(&self) -> Option<(Timestamp, Report)> {
        *self.checks.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that ended in this process, and the sum of what they found.
    pub fn check_totals(&self) -> (u64, Report) {
        *self.checks.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames of other logs that the disk was found to have damaged in this process, and how many of them
    /// came again.
    pub fn damaged_frames(&self) -> (u64, u64) {
        let (lost, mended) = &self.checks.frames;
        (lost.load(Ordering::Relaxed), mended.load(Ordering::Relaxed))
    }

    /// How often this machine found in this process that it had been set back, or copied.
    pub fn set_backs(&self) -> u64 {
        self.checks.set_back.load(Ordering::Relaxed)
    }
}
