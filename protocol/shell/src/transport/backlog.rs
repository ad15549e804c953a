//! What waits for a peer to take it. Most answers are larger than their questions, so a caller that
//! asks and does not read would have the hub keep the answers: it is not read any further until it
//! has read.

use super::settings::most_waiting;
use motcua_core::replica::Channel;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::sync::Notify;

/// Bytes of a link that were queued and not handed to the network yet, by channel.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: [AtomicUsize; Channel::COUNT],
    fewer: Notify,
}

impl Backlog {
    pub(super) fn queued(&self, channel: Channel, bytes: usize) {
        self.bytes[channel.place()].fetch_add(bytes, SeqCst);
    }

    pub(super) fn sent(&self, channel: Channel, bytes: usize) {
        // A message may be taken from its queue before it was counted; the two add up all the same.
        self.bytes[channel.place()].fetch_sub(bytes, SeqCst);
        self.fewer.notify_waiters();
    }

    /// Ends when no more waits than may.
    pub(super) async fn small_enough(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if !self.is_full() {
                return;
            }
            fewer.await;
        }
    }

    fn is_full(&self) -> bool {
        Channel::ALL.into_iter().any(|channel| {
            // Counted down before it was counted up: nothing waits.
            let waiting = self.bytes[channel.place()].load(SeqCst) as isize;
            waiting > most_waiting(channel) as isize
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::Future, pin::pin, task::Poll};

    #[tokio::test]
    async fn a_caller_waits_while_too_much_waits_for_it_on_any_channel() {
        for channel in Channel::ALL {
            let backlog = Backlog::default();
            backlog.queued(channel, most_waiting(channel));
            backlog.small_enough().await;
            backlog.queued(channel, 1);
            let mut waiting = pin!(backlog.small_enough());
            let pending = std::future::poll_fn(|context| {
                Poll::Ready(waiting.as_mut().poll(context).is_pending())
            });
            assert!(pending.await, "{channel:?}");
            backlog.sent(channel, 1);
            waiting.await;
        }
    }
}
