//! Starting and ending: the signal to stop, and the latch that says when a service is ready.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    signal::unix::{SignalKind, signal as unix_signal},
    sync::watch,
};

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

/// The wish to stop, for everybody who wants to hear of it.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Once this resolves. Inside a runtime.
    pub fn when(asked: impl Future<Output = ()> + Send + 'static) -> Self {
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            asked.await;
            tell.send_replace(true);
        });
        Self(told)
    }

    /// Resolves when the process is to stop.
    pub async fn asked(mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Who would have told has gone, which is the end of the runtime.
            std::future::pending::<()>().await;
        }
    }

    /// Whether it is.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
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
