//! What the engine itself does about events on links, and about new documents.

use super::{Engine, words};
use crate::{clock::Clock, driver::Signal, identity::Identity};
use motcua_core::{
    record::Record,
    replica::{Event, Received},
    time::HubTime,
    trust::TrustView,
};
use std::sync::{Arc, PoisonError, atomic::Ordering};

impl Engine {
    /// This machine was bound anew: what it shows from now on.
    pub(crate) fn bound(&self, binding: Vec<u8>) {
        self.lock_config().binding.clone_from(&binding);
        self.own.bound(binding.clone());
        self.driver.signal(Signal::Bound(binding));
    }

    /// What the engine itself does about events.
    pub(super) fn react(self: &Arc<Self>, event: Event) {
        match event {
            Event::Trust(view) => self.adopt(*view),
            Event::OwnLogDiverged { parent, whole } => self.diverged(parent, whole),
            Event::Checked(report) => {
                self.checks.note(self.clock.wall(), report);
            }
            Event::SetBack => self.checks.note_set_back(),
            Event::FrameLost { log, first, last } => {
                self.checks.note_frame_lost(log, first, last);
            }
            Event::FrameMended { log, first, last } => {
                self.checks.note_frame_mended(log, first, last);
            }
            Event::Received(_) => {
                self.received_at.store(self.clock.wall().0, Ordering::Relaxed);
            }
            Event::RootReceived(told) => {
                if told.log == self.own.log() {
                    let mut root =
                        self.root_received.lock().unwrap_or_else(PoisonError::into_inner);
                    *root = Received { sequence: told.sequence.max(root.of(told.log)), ..told };
                }
            }
            Event::Settled(Received { log, sequence }) => {
                // The hub tells again at the next hello, so nobody waits for this record.
                if log == self.own.log() && sequence == self.own.head() {
                    let at = self.clock.wall();
                    let record = Record::Acknowledged { log, sequence, at };
                    self.pen.write(vec![record], Box::new(drop));
                }
            }
            Event::Refused { peer, kind, reason } => {
                let peer = peer.map(|peer| peer.to_string());
                tracing::warn!(peer, kind, %reason, "a link was refused");
                let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                *refusals.entry(kind).or_default() += 1;
            }
            Event::TwoAlive { node } => {
                tracing::error!(
                    %node,
                    "two machines hold the key of this one and both are connected: one is a copy; \
                     find it, and ban or enrol it anew"
                );
                let mut seen = self.two_alive.lock().unwrap_or_else(PoisonError::into_inner);
                *seen.entry(node).or_default() += 1;
            }
            Event::Unread(unread) => {
                let (trust, now) = (self.trust(), self.clock.wall());
                tracing::warn!(office = %unread.office, "{}", words::unread_en(&trust, &unread, now));
            }
            Event::Cut { office, upto, why } => {
                tracing::info!(%office, upto, ?why, "rows of an inbox are kept no more");
            }
            Event::HubClock(said) => {
                let at = self.clock.monotonic();
                *self.hub_time() = Some(HubTime { said, at });
            }
            Event::Greeted { .. } | Event::InSync => {}
        }
    }

    pub(super) fn put_in_force(&self, view: TrustView) {
        if let Err(error) = Identity::save_trust(&self.data_dir, &view) {
            tracing::warn!(%error, "new trust documents are in the journal only");
        }
        (self.trusted)(&view);
        // First the driver: whoever sees the new documents here may send it what needs them.
        self.driver.signal(Signal::Trust(Box::new(view.clone())));
        *self.trust.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}
