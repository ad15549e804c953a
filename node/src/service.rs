//! The node as a service: settings, desk, link to the hub, page, and a clean end.

use crate::{
    api::{self, Api},
    desk::Desk,
    places::Places,
};
use anyhow::Context;
use motcua_core::id::DossierId;
use motcua_shell::{
    beside::Beside,
    carry::{self, Courier},
    content::DossierContent,
    engine::Progress,
    http,
    identity::Identity,
    service::{Probes, Service, ServiceOptions},
    settings::NodeSettings,
    shutdown::Readiness,
};
use std::{
    collections::BTreeSet,
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

/// A running node: what the page talks to.
pub struct Node {
    /// The desk.
    pub desk: Arc<Desk>,
    service: Service,
}

impl Node {
    /// Starts the node whose identity and data are in `data_dir`.
    ///
    /// # Errors
    /// What could not be opened, and what to do.
    pub async fn start(data_dir: PathBuf, probes: Probes) -> anyhow::Result<Self> {
        let binding = Identity::load(&data_dir)?.bound()?;
        let replaces = Identity::is_replacement(&data_dir);
        let content = DossierContent::default();
        let documents = Arc::clone(&content.documents);
        let opened: Arc<OnceLock<Arc<Desk>>> = Arc::default();
        let changed = {
            let opened = Arc::clone(&opened);
            Box::new(move |dossiers: &BTreeSet<DossierId>| {
                if let Some(desk) = opened.get()
                    && let Progress::At(applied) = *desk.engine().progress().borrow()
                {
                    desk.applied(dossiers, applied);
                }
            })
        };
        let service = Service::start(ServiceOptions {
            data_dir,
            listen: None,
            recovery_listen: None,
            content,
            changed,
            probes,
        })
        .await
        .context("the node did not start")?;
        let desk = Desk::open(Arc::clone(&service.engine), documents, &binding, replaces)?;
        let desk = Arc::clone(opened.get_or_init(|| Arc::new(desk)));
        Ok(Self { desk, service })
    }

    /// Ends the link and writes what waits.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

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
    let beside = Beside { listen: settings.sibling_listen, peers: settings.siblings.clone() };
    let probes = Probes {
        purge_delay: settings.purge_delay(),
        evict: settings.evict(),
        links: settings.links.transport(),
        beside,
        renewal: settings.renewal.patience(),
        ..Probes::default()
    };
    let node = Node::start(settings.data_dir.clone(), probes).await?;
    let (ready, latch) = Readiness::new();
    let courier = Courier::new(Arc::clone(node.desk.engine()))
        .context("the folder for bundles cannot be used")?;
    let courier = Arc::new(courier);
    let places =
        Places::start(node.desk.engine(), &settings).context("the second copy cannot be kept")?;
    let places = Arc::new(places);
    let bundles = carry::http::router(Arc::clone(&courier));
    let router = api::router(Api {
        desk: Arc::clone(&node.desk),
        ready,
        courier,
        places: Arc::clone(&places),
    })
    .merge(bundles);
    up(address);
    drop(latch);
    let served = http::serve(listener, router, stop).await;
    tracing::info!("draining");
    if tokio::task::spawn_blocking(move || places.stop()).await.is_err() {
        tracing::error!("the second copy did not stop cleanly");
    }
    node.stop().await;
    served.context("the page ended with an error")
}
