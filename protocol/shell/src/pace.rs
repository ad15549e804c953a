//! When the next data message of a link may be read. A link of which nothing is said here is read as
//! messages come; of the others the replica lets in one at a time ([`Output::Pace`]).
//!
//! Whoever waits has read one message and holds nothing else: the rest stays with the sender.
//!
//! [`Output::Pace`]: motcua_core::replica::Output::Pace

use motcua_core::replica::LinkId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// What was said last of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// One message, from then on.
    At(Instant),
    /// It was let in; the replica has not answered yet.
    Used,
}

/// Links that are read one message at a time.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<LinkId, watch::Sender<Turn>>>);

impl Paces {
    /// One message after so many milliseconds; or as they come.
    pub(crate) fn set(&self, link: LinkId, wait: Option<u64>) {
        let Some(wait) = wait else { return self.forget(link) };
        let turn = Turn::At(Instant::now() + Duration::from_millis(wait));
        self.links().entry(link).or_insert_with(|| watch::Sender::new(turn)).send_replace(turn);
    }

    /// A link is gone, or may send as it likes: nobody waits for it any more.
    pub(crate) fn forget(&self, link: LinkId) {
        self.links().remove(&link);
    }

    /// Waits until a message of the link may be handed over.
    pub(crate) async fn turn(&self, link: LinkId) {
        let Some(mut said) = self.links().get(&link).map(watch::Sender::subscribe) else { return };
        loop {
            let turn = *said.borrow_and_update();
            let changed = match turn {
                Turn::At(at) if at <= Instant::now() => {
                    if self.take(link, turn) {
                        return;
                    }
                    continue;
                }
                Turn::At(at) => timeout_at(at, said.changed()).await.unwrap_or(Ok(())),
                Turn::Used => said.changed().await,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Uses a turn, unless something else was said meanwhile.
    fn take(&self, link: LinkId, turn: Turn) -> bool {
        let links = self.links();
        // Forgotten since: it is free.
        links.get(&link).is_none_or(|said| {
            said.send_if_modified(|now| {
                let taken = *now == turn;
                if taken {
                    *now = Turn::Used;
                }
                taken
            })
        })
    }

    fn links(&self) -> MutexGuard<'_, HashMap<LinkId, watch::Sender<Turn>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::*;
    use std::{
        future::Future,
        pin::{Pin, pin},
        task::{Context, Waker},
    };

    const LINK: LinkId = LinkId(7);
    /// Longer than any of these waits.
    const PATIENCE: Duration = Duration::from_secs(20);
    const HOUR: Option<u64> = Some(3_600_000);

    fn is_over(turn: Pin<&mut impl Future<Output = ()>>) -> bool {
        turn.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn a_link_of_which_nothing_was_said_is_read_as_messages_come() {
        let paces = Paces::default();
        paces.set(LinkId(8), HOUR);
        for _ in 0..3 {
            assert!(is_over(pin!(paces.turn(LINK))));
        }
        assert!(!is_over(pin!(paces.turn(LinkId(8)))));
    }

    #[tokio::test]
    async fn one_message_passes_when_its_time_has_come_and_the_next_after_the_next_word() {
        let paces = Paces::default();
        let began = Instant::now();
        paces.set(LINK, Some(50));
        tokio::time::timeout(PATIENCE, paces.turn(LINK)).await.expect("its time comes");
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
        let mut second = pin!(paces.turn(LINK));
        assert!(!is_over(second.as_mut()), "one only");
        paces.set(LINK, Some(0));
        tokio::time::timeout(PATIENCE, second).await.expect("the next word");
        assert!(!is_over(pin!(paces.turn(LINK))));
    }

    #[tokio::test]
    async fn who_waits_hears_of_a_new_time_of_freedom_and_of_the_links_end() {
        let paces = Paces::default();
        paces.set(LINK, HOUR);
        let mut waiting = pin!(paces.turn(LINK));
        assert!(!is_over(waiting.as_mut()));
        paces.set(LINK, Some(0));
        tokio::time::timeout(PATIENCE, waiting).await.expect("a nearer time");
        for free in [true, false] {
            paces.set(LINK, HOUR);
            let mut waiting = pin!(paces.turn(LINK));
            assert!(!is_over(waiting.as_mut()));
            if free {
                paces.set(LINK, None)
            } else {
                paces.forget(LINK)
            }
            tokio::time::timeout(PATIENCE, waiting).await.expect("nobody waits for it");
            assert!(is_over(pin!(paces.turn(LINK))));
        }
    }
}
