//! Keeps this machine's certificate good, and finds the city again when its hub is gone: asks hubs
//! over the recovery ALPN when [`Plan`] says so, and puts what they give in force without a restart.

use crate::{
    certificate,
    clock::{Clock, SystemClock},
    engine::{Engine, random},
    identity::{Identity, IdentityError},
    recovery::{EnrolError, Enrolment, renew},
    transport::{Credentials, tls::CredentialsError},
};
use motcua_core::{
    time::{Instant, Timestamp},
    trust::renewal::{Patience, Plan},
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};

/// How often a machine looks whether the documents in force name a hub above it at all.
const LOOK: Duration = Duration::from_secs(60);

/// What is known of this machine's certificate; for metrics and operators.
#[derive(Debug, Default)]
pub struct Certificate {
    /// Unix milliseconds.
    end: AtomicI64,
    renewed: AtomicU64,
    failed: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Certificate {
    /// When it ends.
    pub fn end(&self) -> Timestamp {
        Timestamp(self.end.load(Relaxed))
    }

    /// Renewals since the start, and tries that came to nothing.
    pub fn renewals(&self) -> (u64, u64) {
        (self.renewed.load(Relaxed), self.failed.load(Relaxed))
    }

    /// Why the last try came to nothing.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// What links tell the plan.
pub(crate) struct Watch {
    plan: Mutex<Plan>,
    changed: Notify,
    clock: SystemClock,
}

impl Watch {
    pub(crate) fn new(end: Timestamp, patience: Patience) -> Self {
        let clock = SystemClock::default();
        let left = end.0.saturating_sub(clock.wall().0);
        let plan = Plan::new(Instant(0), left, patience, u64::from_le_bytes(random()));
        Self { plan: Mutex::new(plan), changed: Notify::new(), clock }
    }

    pub(crate) fn was_refused(&self) {
        self.plan().was_refused();
        self.changed.notify_one();
    }

    pub(crate) fn reached(&self) {
        self.plan().reached();
        self.changed.notify_one();
    }

    pub(crate) fn not_reached(&self) {
        self.plan().not_reached(self.now());
        self.changed.notify_one();
    }

    fn now(&self) -> Instant {
        self.clock.monotonic()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is to be asked.
    async fn due(&self) {
        loop {
            let wait = self.plan().due().since(self.now());
            if wait == 0 {
                return;
            }
            tokio::select! {
                () = sleep(Duration::from_millis(wait)) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

/// Why this machine has no new certificate.
#[derive(Debug, thiserror::Error)]
enum RenewError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("{0}")]
    Hubs(String),
    #[error("this machine is shutting down")]
    Stopping,
}

/// Renews for as long as the engine is there.
pub(crate) async fn run(
    engine: Weak<Engine>,
    data_dir: PathBuf,
    credentials: Credentials,
    watch: Arc<Watch>,
) {
    loop {
        let Some(alive) = engine.upgrade() else { return };
        // Nobody is dialled, so nobody else would tell: a hub that was retired learns here that it
        // stands again.
        if alive.config().parent.is_none() {
            watch.not_reached();
        }
        drop(alive);
        if tokio::time::timeout(LOOK, watch.due()).await.is_err() {
            continue;
        }
        let Some(engine) = engine.upgrade() else { return };
        let done = attempt(&engine, data_dir.clone(), &credentials).await;
        let now = watch.now();
        match done {
            Ok(None) => watch.plan().granted(now, i64::MAX),
            Ok(Some(life)) => {
                engine.certificate().renewed.fetch_add(1, Relaxed);
                engine.certificate().tell(None);
                watch.plan().granted(now, life);
            }
            Err(error) => {
                engine.certificate().failed.fetch_add(1, Relaxed);
                engine.certificate().tell(Some(error.to_string()));
                let end = engine.certificate().end();
                match end < engine.clock().wall() {
                    true => {
                        tracing::error!(%error, "this machine's certificate has ended and no hub renewed it; asked again by itself")
                    }
                    false => {
                        tracing::warn!(%error, "no hub renewed this machine's certificate; asked again by itself")
                    }
                }
                watch.plan().failed(now);
            }
        }
    }
}

/// Asks one hub after another. Gives how long the new certificate is good for, by the hub's clock;
/// none where this machine needs none.
async fn attempt(
    engine: &Arc<Engine>,
    data_dir: PathBuf,
    credentials: &Credentials,
) -> Result<Option<i64>, RenewError> {
    let folder = data_dir.clone();
    let identity = off_the_async_threads(move || Identity::load(&folder)).await??;
    let own = identity.device.public();
    let mut tried = Vec::new();
    // Documents that a hub elsewhere hands out may name another hub: those are asked again.
    for _ in 0..2 {
        let trust = engine.trust();
        let hubs = trust.hubs_to_ask(engine.me.office, engine.kind, &own);
        if hubs.is_empty() && tried.is_empty() {
            return Ok(None);
        }
        tried.clear();
        let mut newer = false;
        for hub in hubs {
            match renew(&hub, &identity.device, Some(&identity.binding), &trust).await {
                Ok(enrolment) => {
                    return put_in_force(engine, data_dir, credentials, identity, enrolment)
                        .await
                        .map(Some);
                }
                Err(EnrolError::Elsewhere(view)) if view.numbers().ahead_of(&trust.numbers()) => {
                    engine.offer_view(*view).await;
                    newer = true;
                    break;
                }
                Err(error) => tried.push(format!("{}: {error}", hub.key.node_id())),
            }
        }
        if !newer {
            break;
        }
    }
    Err(RenewError::Hubs(tried.join("; ")))
}

/// Documents first, then binding, certificate, and what is shown to hubs from now on.
async fn put_in_force(
    engine: &Arc<Engine>,
    data_dir: PathBuf,
    credentials: &Credentials,
    identity: Identity,
    enrolment: Enrolment,
) -> Result<i64, RenewError> {
    let Enrolment { binding, certificate_chain, trust, hub_time } = enrolment;
    let leaf = certificate_chain.first().map(Vec::as_slice).unwrap_or_default();
    let end = certificate::end_of(leaf).unwrap_or(hub_time);
    engine.offer_view(trust).await;
    let (bound, chain) = (binding.clone(), certificate_chain.clone());
    off_the_async_threads(move || Identity::save_renewed(&data_dir, &bound, &chain)).await??;
    credentials.renewed(&identity.device, &certificate_chain)?;
    engine.certificate().set_end(end);
    engine.bound(binding.encode());
    tracing::info!(end = end.0, "this machine's certificate was renewed");
    Ok(end.0.saturating_sub(hub_time.0))
}

impl Certificate {
    pub(crate) fn set_end(&self, end: Timestamp) {
        self.end.store(end.0, Relaxed);
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RenewError> {
    tokio::task::spawn_blocking(run).await.map_err(|_| RenewError::Stopping)
}

/// Says it to a scraper.
pub fn collect(engine: &Engine, out: &mut crate::http::Metrics) {
    let certificate = engine.certificate();
    let name = "motcua_certificate_expires_timestamp_seconds";
    out.family(name, "gauge", "When this machine's certificate ends.");
    out.sample(name, &[], certificate.end().0 as f64 / 1_000.0);
    let name = "motcua_certificate_renewals_total";
    out.family(name, "counter", "Renewals of the certificate since the start, by what came of it.");
    let (renewed, failed) = certificate.renewals();
    out.sample(name, &[("result", "done")], renewed as f64);
    out.sample(name, &[("result", "failed")], failed as f64);
}
