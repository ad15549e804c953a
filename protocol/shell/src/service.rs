//! What node and hub share as services: identity and engine, the QUIC endpoint, dialling the
//! parent, and a clean end within a grace period.

use crate::{
    beside::{Beside, Neighbours},
    clock::{Clock, SystemClock},
    driver::{Driver, Signal},
    engine::{Changed, Durable, Engine, Eviction, Options, StartError, Told},
    identity::{Identity, IdentityError},
    recovery::{Books, BooksError, BoxFuture, HubRecovery, Issue, Issuing},
    renewal::{self, Watch},
    settings::PURGE_DELAY,
    startup::{Startup, Step},
    transport::{
        BindError, Carrier, Credentials, Endpoint, LinkEnd, LinkSink, LinkWriter, Listen, Recovery,
        Settings, TrustHandle,
        tls::{CredentialsError, WallClock},
    },
};
use motcua_core::{
    id::Nonce,
    key::PublicKey,
    ledger::Content,
    record::Record,
    replica::{Bounds, Channel, Event, LinkId, Quota},
    state::{Key, Kv, rows::UsedToken},
    trust::{Binding, HubRecord, NodeKind, Signed, renewal::Patience},
};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// What a service needs to start.
pub struct ServiceOptions<C> {
    /// Data directory with `identity/`.
    pub data_dir: PathBuf,
    /// Addresses for links from below; hubs only.
    pub listen: Option<Listen>,
    /// Address of the recovery ALPN, UDP and TCP; hubs only.
    pub recovery_listen: Option<SocketAddr>,
    /// What the dossiers' payloads mean.
    pub content: C,
    /// Called after each batch with the dossiers that changed.
    pub changed: Changed,
    /// For tests and measurements; empty in the services.
    pub probes: Probes,
    /// Told how far the start is.
    pub startup: Startup,
}

/// What tests and measurements look at and turn.
#[derive(Default)]
pub struct Probes {
    /// Told of events on links.
    pub event: Option<Told>,
    /// Told of records once they are on disk, on the journal's thread.
    pub durable: Option<Durable>,
    /// Bytes of a journal segment.
    pub segment_bytes: Option<u64>,
    /// Starts without dialling the parent.
    pub offline: bool,
    /// How links are set up.
    pub links: Settings,
    /// Other machines of the office.
    pub beside: Beside,
    /// When certificates are renewed.
    pub renewal: Patience,
    /// How long a purged dossier may stand in files, where it is not the usual time.
    pub purge_delay: Option<Duration>,
    /// What is kept of inboxes.
    pub keep: Bounds,
    /// What each machine of an office may write here.
    pub quota: Quota,
    /// When closed dossiers leave this machine; never if it is not said.
    pub evict: Option<Eviction>,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No usable identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The engine did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The endpoint did not open.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The machine's certificate and key do not go together.
    #[error("this machine's certificate cannot be used: {0}")]
    Credentials(#[from] CredentialsError),
    /// The engine's thread did not answer.
    #[error("the engine did not start: {0}")]
    Thread(String),
}

/// A service whose counter can write; links come when its state reflects the journal.
pub struct Opening {
    /// Journal, state, own log.
    pub engine: Arc<Engine>,
    engine_up: oneshot::Receiver<Result<(), StartError>>,
    links: Links,
}

/// What links are made of.
struct Links {
    listen: Option<Listen>,
    recovery_listen: Option<SocketAddr>,
    settings: Settings,
    beside: Beside,
    patience: Patience,
    credentials: Credentials,
    desk: Option<Issuing>,
    wall: WallClock,
    dialled: mpsc::UnboundedReceiver<()>,
    folder: PathBuf,
}

impl Opening {
    /// Waits until the state reflects the journal, and opens the links.
    ///
    /// # Errors
    /// [`ServiceError`] saying what did not start and what to do.
    pub async fn up(self) -> Result<Service, ServiceError> {
        let Self { engine, engine_up, links } = self;
        engine_up.await.unwrap_or(Err(StartError::Applier))?;
        let service = links.open(engine)?;
        service.engine.startup().begin(Step::Up, 0, 0);
        Ok(service)
    }

    /// Ends a service that is not up: what was answered is on disk, what was brought into the state is
    /// kept.
    pub async fn stop(self) {
        let engine = self.engine;
        if tokio::task::spawn_blocking(move || engine.stop()).await.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
    }
}

/// Engine and endpoint of a running service.
pub struct Service {
    /// Journal, state, driver.
    pub engine: Arc<Engine>,
    endpoint: Arc<Endpoint<Driver>>,
    dialer: tokio::task::JoinHandle<()>,
    renewer: tokio::task::JoinHandle<()>,
    neighbours: Option<Neighbours>,
}

impl Service {
    /// Starts engine and endpoint. Recovery blocks, so it runs off the async threads.
    ///
    /// # Errors
    /// [`ServiceError`] saying what did not start and what to do.
    pub async fn start<C: Content + Send + 'static>(
        options: ServiceOptions<C>,
    ) -> Result<Self, ServiceError> {
        Self::open(options).await?.up().await
    }

    /// Opens journal and state; the rest goes on behind. What blocks has a thread of its own, which
    /// nobody waits for when the process ends before that.
    ///
    /// # Errors
    /// [`ServiceError`] saying what did not open and what to do.
    pub async fn open<C: Content + Send + 'static>(
        options: ServiceOptions<C>,
    ) -> Result<Opening, ServiceError> {
        let ServiceOptions { data_dir, listen, recovery_listen, content, changed, probes, startup } =
            options;
        let purge_delay = probes.purge_delay.unwrap_or(PURGE_DELAY);
        let Probes {
            event: told,
            durable,
            segment_bytes,
            offline,
            links: settings,
            beside,
            renewal: patience,
            evict,
            keep,
            quota,
            ..
        } = probes;
        let identity = Identity::load(&data_dir)?;
        let trust = TrustHandle::new(identity.trust.clone());
        let clock = SystemClock::default();
        let wall: WallClock = Arc::new(move || clock.wall());
        let credentials =
            Credentials::new(&identity.device, &identity.tls_chain, trust.clone(), wall.clone())?;
        let desk = desk(&identity);
        let (dials, dialled) = mpsc::unbounded_channel::<()>();
        let folder = data_dir.clone();
        let options = Options {
            data_dir,
            identity,
            content,
            changed,
            dial: Box::new(move || {
                // At the end nobody dials any more.
                let _ = dials.send(());
            }),
            trusted: Box::new(move |view| trust.set(view.clone())),
            event: Box::new(move |event| {
                if let Some(told) = &told {
                    told(event);
                }
            }),
            durable,
            segment_bytes,
            offline,
            purge_delay,
            keep,
            quota,
            evict,
            startup,
        };
        let (engine, engine_up) = open_engine(options).await?;
        let links = Links {
            listen,
            recovery_listen,
            settings,
            beside,
            patience,
            credentials,
            desk,
            wall,
            dialled,
            folder,
        };
        Ok(Opening { engine, engine_up, links })
    }

    /// UDP address of the endpoint.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Ends links, then the engine: what was answered is on disk, what waits is written.
    pub async fn stop(self) {
        self.dialer.abort();
        self.renewer.abort();
        if let Some(neighbours) = self.neighbours {
            neighbours.stop().await;
        }
        self.endpoint.close().await;
        let engine = self.engine;
        if tokio::task::spawn_blocking(move || engine.stop()).await.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
    }
}

type EngineUp = oneshot::Receiver<Result<(), StartError>>;

async fn open_engine<C: Content + Send + 'static>(
    options: Options<C>,
) -> Result<(Arc<Engine>, EngineUp), ServiceError> {
    let runtime = tokio::runtime::Handle::current();
    let (opened, opening) = oneshot::channel();
    let (up, engine_up) = oneshot::channel();
    let work = move || {
        // What the engine starts on the runtime is started from here.
        let _inside = runtime.enter();
        match Engine::open(options) {
            Ok(opening) => {
                // Whoever asked may have gone: the process ends.
                let _ = opened.send(Ok(Arc::clone(&opening.engine)));
                let _ = up.send(opening.wait().map(drop));
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        }
    };
    std::thread::Builder::new()
        .name("start".into())
        .spawn(work)
        .map_err(|error| ServiceError::Thread(error.to_string()))?;
    let engine = opening.await.map_err(|error| ServiceError::Thread(error.to_string()))??;
    Ok((engine, engine_up))
}

impl Links {
    fn open(self, engine: Arc<Engine>) -> Result<Service, ServiceError> {
        let Self { credentials, settings, wall, .. } = self;
        let recovery = match (engine.kind, self.desk) {
            (NodeKind::Hub, Some(desk)) => {
                let register = Register(Arc::downgrade(&engine));
                let trust = credentials.trust.clone();
                let service = HubRecovery::new(desk, trust, wall.clone(), register);
                Some(Recovery { listen: self.recovery_listen, service: Arc::new(service) })
            }
            _ => None,
        };
        let neighbours = Neighbours::start(
            &self.beside,
            credentials.clone(),
            engine.driver().clone(),
            engine.own().key(),
            settings.clone(),
        )?;
        let watch = Arc::new(Watch::new(engine.certificate().end(), self.patience));
        let weak = Arc::downgrade(&engine);
        let renewing = renewal::run(weak, self.folder, credentials.clone(), Arc::clone(&watch));
        let driver = engine.driver().clone();
        let endpoint = Endpoint::bind(self.listen, credentials, driver, recovery, settings)?;
        let endpoint = Arc::new(endpoint);
        let dialing = dial(Arc::clone(&engine), Arc::clone(&endpoint), self.dialled, watch);
        let (dialer, renewer) = (tokio::spawn(dialing), tokio::spawn(renewing));
        Ok(Service { engine, endpoint, dialer, renewer, neighbours })
    }
}

/// A link that lives this long was accepted.
const STANDS: Duration = Duration::from_secs(5);

/// What a hub issues with; none where the root document does not let it.
fn desk(identity: &Identity) -> Option<Issuing> {
    let issuer = identity.issuer.clone()?;
    let ca_cert = identity.trust.issuer(&issuer.public())?.ca_cert.clone();
    let office = identity.bound().ok()?.office;
    Some(Issuing { device: identity.device.clone(), issuer, ca_cert, office })
}

/// Dials the parent whenever the replica asks for it, at the addresses that the root document in
/// force names.
async fn dial(
    engine: Arc<Engine>,
    endpoint: Arc<Endpoint<Driver>>,
    mut asked: mpsc::UnboundedReceiver<()>,
    watch: Arc<Watch>,
) {
    while asked.recv().await.is_some() {
        let trust = engine.trust();
        let hub: Option<HubRecord> = match engine.kind {
            NodeKind::Node => trust.hub_for(engine.me.office).cloned(),
            NodeKind::Hub => trust.hub_above(engine.me.office).cloned(),
        };
        match hub {
            None => {
                engine.driver().signal(Signal::LinkDown(None));
            }
            Some(hub) => match endpoint.dial(hub).await {
                Ok(dialed) => {
                    tokio::spawn(tell_end(dialed.ended, Arc::clone(&watch)));
                }
                Err(error) => {
                    tracing::debug!(%error, "hub not reached");
                    watch.not_reached();
                    if error.is_of_certificate() {
                        watch.was_refused();
                    }
                }
            },
        }
    }
}

/// A hub judges the certificate, and who it is that dials, after the link is up on this side: only
/// a link that stood for a moment counts.
async fn tell_end(mut ended: oneshot::Receiver<LinkEnd>, watch: Arc<Watch>) {
    let mut stood = false;
    let end = match tokio::time::timeout(STANDS, &mut ended).await {
        Ok(end) => end,
        Err(_) => {
            stood = true;
            watch.reached();
            ended.await
        }
    };
    match end {
        Ok(end) if end.is_of_certificate() => watch.was_refused(),
        Ok(_) if !stood => watch.not_reached(),
        Ok(_) | Err(_) => {}
    }
}

impl LinkSink for Driver {
    type Link = LinkId;

    fn link_up(
        &self,
        peer: PublicKey,
        dialed: bool,
        carrier: Carrier,
        writer: LinkWriter,
    ) -> (LinkId, Arc<Semaphore>) {
        Self::link_up(self, peer, dialed, carrier, writer)
    }

    async fn message(&self, link: LinkId, room: &Arc<Semaphore>, channel: Channel, bytes: Vec<u8>) {
        Self::message(self, link, room, channel, bytes).await;
    }

    fn link_down(&self, link: Option<LinkId>) {
        self.signal(Signal::LinkDown(link));
    }

    fn turned_away(&self, peer: PublicKey, kind: &'static str, reason: &str) {
        let event = Event::Refused { peer: Some(peer.node_id()), kind, reason: reason.to_owned() };
        self.signal(Signal::Tell(event));
    }

    fn caller_refused(&self) {
        self.count_refused_caller();
    }

    fn udp_blocked(&self, blocked: bool) {
        self.set_udp_blocked(blocked);
    }
}

/// The hub's register of machines it let in: journaled before the answer.
struct Register(Weak<Engine>);

impl Books for Register {
    fn consumed(&self, token: Nonce) -> Option<PublicKey> {
        let row: Option<UsedToken> = self.0.upgrade()?.books().row(Key::Token(token.0)).ok()?;
        row.map(|row| row.key)
    }

    fn on_file(&self, key: &PublicKey) -> Option<Signed> {
        let bytes = self.0.upgrade()?.books().get(&Key::Issued(key.node_id()).bytes()).ok()?;
        Signed::decode::<Binding>(&bytes?).ok()
    }

    fn record(&self, issue: Issue) -> BoxFuture<'_, Result<(), BooksError>> {
        Box::pin(async move {
            let stopping = || BooksError("the hub is shutting down".into());
            let engine = self.0.upgrade().ok_or_else(stopping)?;
            let (told, answer) = oneshot::channel();
            let record = Record::Issued {
                token: issue.token,
                key: issue.key,
                binding: issue.binding.encode(),
                at: issue.at,
            };
            engine.pen().write(
                vec![record],
                Box::new(move |result| {
                    // Whoever asked may have gone; the record stands.
                    let _ = told.send(result);
                }),
            );
            let positions = answer.await.map_err(|_| stopping())?;
            let positions = positions.map_err(|error| BooksError(error.to_string()))?;
            // The next question about this token must find it.
            engine.applied(positions.last().copied().unwrap_or_default()).await;
            Ok(())
        })
    }
}
