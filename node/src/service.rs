//! The node as a service: settings, desk, link to the hub, page, and a clean end.

use crate::{
    api::{self, Api},
    cache::Cache,
    desk::Desk,
};
use anyhow::Context;
use motcua_shell::{
    content::DossierContent,
    engine::Progress,
    http,
    identity::Identity,
    service::{Service, ServiceOptions},
    settings::NodeSettings,
    shutdown::Readiness,
};
use std::{
    future::Future,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

/// Runs a node until `stop` resolves, then drains. `up` is told the page's address once it
/// answers.
///
/// # Errors
/// What could not be opened, and what to do.
pub async fn run(
    settings: NodeSettings,
    stop: impl Future<Output = ()> + Send + 'static,
    up: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let (listener, address) = http::bind(settings.http_listen)
        .await
        .with_context(|| format!("the page cannot listen on {}", settings.http_listen))?;
    let binding = Identity::load(&settings.data_dir)?.bound()?;
    let cache = Arc::new(Cache::default());
    let opened: Arc<OnceLock<Arc<Desk>>> = Arc::default();
    let changed = {
        let opened = Arc::clone(&opened);
        Box::new(move |dossiers: &std::collections::BTreeSet<_>| {
            if let Some(desk) = opened.get()
                && let Progress::At(applied) = *desk.engine().progress().borrow()
            {
                desk.applied(dossiers, applied);
            }
        })
    };
    let service = Service::start(ServiceOptions {
        data_dir: settings.data_dir.clone(),
        listen: None,
        recovery_listen: None,
        content: DossierContent,
        changed,
    })
    .await
    .context("the node did not start")?;
    let desk = Desk::open(Arc::clone(&service.engine), cache, &binding)?;
    let desk = Arc::clone(opened.get_or_init(|| Arc::new(desk)));
    let (ready, latch) = Readiness::new();
    let router = api::router(Api { desk, ready });
    up(address);
    drop(latch);
    let served = http::serve(listener, router, stop).await;
    tracing::info!("draining");
    service.stop().await;
    served.context("the page ended with an error")
}
