//! The node as a service: settings, desk, link to the hub, page, and a clean end.

use crate::{
    api::{self, Api},
    desk::Desk,
    drafts::Drafts,
    events,
    import::Imports,
    people::{self, People},
    places::Places,
    process::office::Office,
    rebuilding,
    scan_folder::Watch,
};
use anyhow::Context;
use motcua_core::id::DossierId;
use motcua_journal::RealFs;
use motcua_shell::{
    beside::Beside,
    carry::{self, Courier},
    content::DossierContent,
    engine::Progress,
    gate::{self, Gate},
    identity::Identity,
    lan::{Lan, PageAddresses, PageCertificate},
    manager::Manager,
    service::{Probes, Service, ServiceOptions},
    settings::NodeSettings,
    shutdown::{Readiness, Stop},
    startup::Startup,
};
use std::{
    collections::BTreeSet,
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinHandle};

/// A node whose desk can register, while its state is brought up to the journal.
pub struct Opening {
    /// The desk.
    pub desk: Arc<Desk>,
    service: motcua_shell::service::Opening,
}

impl Opening {
    /// Waits until the state reflects the journal, and opens the links.
    ///
    /// # Errors
    /// What did not start, and what to do.
    pub async fn up(self) -> anyhow::Result<Node> {
        let service = self.service.up().await.context("the node did not start")?;
        Ok(Node { desk: self.desk, service })
    }
}

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
        Self::open(data_dir, probes, Startup::default()).await?.up().await
    }

    /// Opens journal and state; the rest goes on behind.
    ///
    /// # Errors
    /// What could not be opened, and what to do.
    pub async fn open(
        data_dir: PathBuf,
        probes: Probes,
        startup: Startup,
    ) -> anyhow::Result<Opening> {
        let identity = Identity::load(&data_dir)?;
        let (binding, signer) = (identity.bound()?, identity.device.clone());
        let replaces = Identity::is_replacement(&data_dir);
        let content = DossierContent::of_office(binding.office);
        let documents = Arc::clone(&content.documents);
        let me = (binding.office, binding.key.node_id());
        let people = People::open(&data_dir, me, Arc::clone(&content.accounts))?;
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
        let service = Service::open(ServiceOptions {
            data_dir,
            listen: None,
            recovery_listen: None,
            content,
            changed,
            probes,
            startup,
        })
        .await
        .context("the node did not start")?;
        let drafts = Drafts::open(Arc::new(RealFs::default()), service.engine.data_dir())
            .context("the folder of drafts cannot be used")?;
        let office = Office::read(service.engine.data_dir())
            .context("the node did not start: a file about the office is wrong")?;
        let engine = Arc::clone(&service.engine);
        let opened_beside = (drafts, people, office);
        let desk = Desk::open(engine, documents, &binding, replaces, signer, opened_beside)?;
        let desk = Arc::clone(opened.get_or_init(|| Arc::new(desk)));
        Ok(Opening { desk, service })
    }

    /// Ends the link and writes what waits.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

/// Runs a node until `stop` resolves, then drains. `up` is told the page's addresses once it answers,
/// which it does from the first moment on, whatever the state needs.
///
/// # Errors
/// What could not be opened, and what to do.
pub async fn run(
    settings: NodeSettings,
    stop: impl Future<Output = ()> + Send + 'static,
    up: impl FnOnce(PageAddresses),
) -> anyhow::Result<()> {
    let lan = Lan::bind(settings.http_listen, &settings.page, &settings.data_dir).await?;
    let (addresses, certificate) = (lan.addresses(), lan.certificate());
    let (startup, stop) = (Startup::default(), Stop::when(stop));
    let manager = Manager::start(startup.clone());
    let gate = Gate::new(api::starting(&startup));
    let serving = tokio::spawn(lan.serve(gate.router(), stop.clone()));
    let served = serving.abort_handle();
    up(addresses);
    manager.ready();
    let shown = (&gate, &manager, certificate);
    let worked = work(&settings, &startup, &stop, shown, serving).await;
    // If it failed, there is nothing more to say.
    served.abort();
    worked
}

/// A state that is level by then needs no routes of its own until it is; nearly every start.
const SOON: Duration = Duration::from_secs(1);

/// Everything behind the page, from the journal to the drain.
async fn work(
    settings: &NodeSettings,
    startup: &Startup,
    stop: &Stop,
    (gate, manager, certificate): (&Gate, &Manager, Option<Arc<PageCertificate>>),
    serving: JoinHandle<std::io::Result<()>>,
) -> anyhow::Result<()> {
    let beside = Beside { listen: settings.sibling_listen, peers: settings.siblings.clone() };
    let probes = Probes {
        purge_delay: settings.purge_delay(),
        evict: settings.evict(),
        links: settings.links.transport(),
        beside,
        renewal: settings.renewal.patience(),
        ..Probes::default()
    };
    let opening = Node::open(settings.data_dir.clone(), probes, startup.clone());
    let opening = tokio::select! {
        opening = opening => opening?,
        () = stop.clone().asked() => {
            // Nothing was written yet; what is being opened is left as after a kill.
            manager.stopping();
            startup.stop();
            return Ok(());
        }
    };
    let engine = Arc::clone(opening.desk.engine());
    let desk = Arc::clone(&opening.desk);
    let audit = tokio::spawn(people::write_audit(Arc::clone(&desk)));
    let mut up = pin!(opening.up());
    let mut soon = pin!(tokio::time::sleep(SOON));
    let mut early = true;
    let node = loop {
        tokio::select! {
            node = &mut up => break node?,
            () = &mut soon, if early => {
                early = false;
                gate.set(people::guard(&desk, rebuilding::router(&desk, startup)));
            }
            () = stop.clone().asked() => {
                manager.stopping();
                tracing::info!("ending before the state is up; what is done of it is kept");
                let answered = gate::last_answers(serving, gate::LAST_EARLY_ANSWERS).await;
                if tokio::task::spawn_blocking(move || engine.stop()).await.is_err() {
                    tracing::error!("the engine did not stop cleanly");
                }
                return answered;
            }
        }
    };
    let (ready, latch) = Readiness::new();
    let courier =
        Courier::new(Arc::clone(&engine)).context("the folder for bundles cannot be used")?;
    let courier = Arc::new(courier);
    let places = Places::start(&engine, settings).context("the second copy cannot be kept")?;
    let places = Arc::new(places);
    let bundles = carry::http::router(Arc::clone(&courier));
    let router = api::router(Api {
        desk: Arc::clone(&node.desk),
        ready,
        courier,
        places: Arc::clone(&places),
        certificate,
        imports: Arc::new(Imports::new(&settings.data_dir)),
        scan_folder: settings.scan_folder.clone().map(|folder| Watch::new(folder.path)),
        streams: Arc::new(Semaphore::new(events::STREAMS)),
        stop: stop.clone(),
    });
    gate.set(people::guard(&node.desk, router.merge(bundles)));
    tokio::spawn(async move {
        engine.whole().await;
        drop(latch);
    });
    stop.clone().asked().await;
    manager.stopping();
    let answered = gate::last_answers(serving, gate::LAST_ANSWERS).await;
    tracing::info!("draining");
    audit.abort();
    people::flush(&node.desk).await;
    if tokio::task::spawn_blocking(move || places.stop()).await.is_err() {
        tracing::error!("the second copy did not stop cleanly");
    }
    node.stop().await;
    answered.context("the page ended with an error")
}
