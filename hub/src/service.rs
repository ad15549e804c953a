//! The hub as a service: settings, content, links, console, and a clean end.

use crate::{
    access::Access,
    console::{self, Console},
};
use anyhow::Context;
use motcua_shell::{
    carry::{self, Courier},
    content::DossierContent,
    gate::{self, Gate},
    lan::{Lan, PageCertificate},
    manager::Manager,
    service::{Probes, Service, ServiceOptions},
    settings::HubSettings,
    shutdown::{Readiness, Stop},
    startup::Startup,
    transport::Listen,
};
use std::{future::Future, net::SocketAddr, sync::Arc};
use tokio::task::JoinHandle;

/// Addresses that a hub listens on.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Links from below, UDP.
    pub links: SocketAddr,
    /// Console, TCP.
    pub console: SocketAddr,
}

/// Runs a hub until `stop` resolves, then drains. The console answers from the first moment on; `up` is
/// told once links are taken.
///
/// # Errors
/// What could not be opened, and what to do.
pub async fn run(
    settings: HubSettings,
    stop: impl Future<Output = ()> + Send + 'static,
    up: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    let lan = Lan::bind(settings.http_listen, &settings.page, &settings.data_dir).await?;
    let (console_address, certificate) = (lan.addresses().here, lan.certificate());
    let (startup, stop) = (Startup::default(), Stop::when(stop));
    let manager = Manager::start(startup.clone());
    let gate = Gate::new(console::starting(&startup));
    let serving = tokio::spawn(lan.serve(gate.router(), stop.clone()));
    let served = serving.abort_handle();
    manager.ready();
    let up = move |links| up(Addresses { links, console: console_address });
    let worked =
        work(&settings, &startup, &stop, (&gate, &manager, certificate), serving, up).await;
    // If it failed, there is nothing more to say.
    served.abort();
    worked
}

/// Everything behind the console, from the journal to the drain.
async fn work(
    settings: &HubSettings,
    startup: &Startup,
    stop: &Stop,
    (gate, manager, certificate): (&Gate, &Manager, Option<Arc<PageCertificate>>),
    serving: JoinHandle<std::io::Result<()>>,
    up: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let opening = Service::open(ServiceOptions {
        data_dir: settings.data_dir.clone(),
        listen: Some(Listen { udp: settings.listen, tcp: settings.tcp_listen }),
        recovery_listen: settings.recovery_listen,
        content: DossierContent::of_hub(),
        changed: Box::new(|_| {}),
        probes: Probes {
            purge_delay: settings.purge_delay(),
            links: settings.links.transport(),
            renewal: settings.renewal.patience(),
            keep: settings.retention.bounds(),
            quota: settings.allowance.quota(),
            ..Probes::default()
        },
        startup: startup.clone(),
    });
    let opening = tokio::select! {
        opening = opening => opening.context("the hub did not start")?,
        () = stop.clone().asked() => {
            // Nothing was written yet; what is being opened is left as after a kill.
            manager.stopping();
            startup.stop();
            return Ok(());
        }
    };
    let engine = Arc::clone(&opening.engine);
    let service = tokio::select! {
        service = opening.up() => service.context("the hub did not start")?,
        () = stop.clone().asked() => {
            manager.stopping();
            tracing::info!("ending before the state is up; what is done of it is kept");
            let answered = gate::last_answers(serving, gate::LAST_EARLY_ANSWERS).await;
            if tokio::task::spawn_blocking(move || engine.stop()).await.is_err() {
                tracing::error!("the engine did not stop cleanly");
            }
            return answered;
        }
    };
    let (ready, latch) = Readiness::new();
    let courier =
        Courier::new(Arc::clone(&engine)).context("the folder for bundles cannot be used")?;
    let courier = Arc::new(courier);
    let bundles = carry::http::router(Arc::clone(&courier));
    let access = Access::new(&settings.data_dir, engine.me.node)
        .context("the console's operators and tokens cannot be used")?;
    let console = Console { engine: Arc::clone(&engine), ready, courier, certificate };
    gate.set(console::router(console, &access, bundles));
    up(service.local_addr()?);
    tokio::spawn(async move {
        engine.whole().await;
        drop(latch);
    });
    stop.clone().asked().await;
    manager.stopping();
    let answered = gate::last_answers(serving, gate::LAST_ANSWERS).await;
    tracing::info!("draining");
    service.stop().await;
    answered.context("the console ended with an error")
}
