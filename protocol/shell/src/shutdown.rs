//! Starting and ending: the signal to stop, and the latch that says when a service is ready.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::signal::unix::{SignalKind, signal as unix_signal};

/// Resolves on SIGTERM or SIGINT. Both are listened to from the call on, not from the first poll: a
/// service that says it is up before it waits for its end must not be killed in between.
///
/// # Panics
/// Outside a runtime, which takes the signals in.
pub fn signal() -> impl Future<Output = ()> + Send + 'static {
    let listening = unix_signal(SignalKind::terminate())
        .and_then(|term| Ok((term, unix_signal(SignalKind::interrupt())?)));
    async move {
        match listening {
            Ok((mut term, mut int)) => tokio::select! {
                _ = term.recv() => tracing::info!("SIGTERM"),
                _ = int.recv() => tracing::info!("SIGINT"),
            },
            Err(error) => {
                tracing::error!(%error, "signals cannot be listened to; only a kill ends this process");
                std::future::pending().await
            }
        }
    }
}

/// Tells the service manager that the service is up, if there is one that listens.
pub fn announce_ready() {
    if let Err(error) = sd_notify::notify(true, &[sd_notify::NotifyState::Ready]) {
        tracing::debug!(%error, "no service manager was told");
    }
}

/// Ready once every latch is dropped, and then for ever.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<AtomicUsize>);

/// Held by a part that is not ready yet.
#[derive(Debug)]
pub struct Latch(Arc<AtomicUsize>);

impl Readiness {
    /// Not ready until the latch, and every other taken from it, is dropped.
    pub fn new() -> (Self, Latch) {
        let held = Arc::new(AtomicUsize::new(1));
        (Self(Arc::clone(&held)), Latch(held))
    }

    /// Whether every part is ready.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Clone for Latch {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ready_when_the_last_latch_is_dropped() {
        let (ready, first) = Readiness::new();
        let second = first.clone();
        drop(first);
        assert!(!ready.is_ready());
        drop(second);
        assert!(ready.is_ready());
    }

    #[test]
    fn a_signal_that_comes_before_anybody_waits_is_not_the_end_of_the_process() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let asked = signal();
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        runtime.block_on(asked);
    }
}
