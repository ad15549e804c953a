//! The hub as a service: settings, content, links, console, and a clean end.

use crate::{
    access::Access,
    console::{self, Console},
};
use anyhow::Context;
use motcua_shell::{
    carry::{self, Courier},
    content::DossierContent,
    http,
    service::{Probes, Service, ServiceOptions},
    settings::HubSettings,
    shutdown::Readiness,
    transport::Listen,
};
use std::{future::Future, net::SocketAddr, sync::Arc};

/// Addresses that a hub listens on.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Links from below, UDP.
    pub links: SocketAddr,
    /// Console, TCP.
    pub console: SocketAddr,
}

/// Runs a hub until `stop` resolves, then drains. `up` is told once everything listens.
///
/// # Errors
/// What could not be opened, and what to do.
pub async fn run(
    settings: HubSettings,
    stop: impl Future<Output = ()> + Send + 'static,
    up: impl FnOnce(Addresses),
) -> anyhow::Result<()> {
    let (listener, console_address) = http::bind(settings.http_listen)
        .await
        .with_context(|| format!("the console cannot listen on {}", settings.http_listen))?;
    let service = Service::start(ServiceOptions {
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
            ..Probes::default()
        },
    })
    .await
    .context("the hub did not start")?;
    let (ready, latch) = Readiness::new();
    let engine = Arc::clone(&service.engine);
    let courier =
        Courier::new(Arc::clone(&engine)).context("the folder for bundles cannot be used")?;
    let courier = Arc::new(courier);
    let bundles = carry::http::router(Arc::clone(&courier));
    let access = Access::new(&settings.data_dir, engine.me.node)
        .context("the console's operators and tokens cannot be used")?;
    let router = console::router(Console { engine, ready, courier }, &access, bundles);
    up(Addresses { links: service.local_addr()?, console: console_address });
    drop(latch);
    let served = http::serve(listener, router, stop).await;
    tracing::info!("draining");
    service.stop().await;
    served.context("the console ended with an error")
}
