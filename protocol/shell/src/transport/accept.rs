//! Lets callers in: bounded handshakes, bounded links, and nobody the root document does not know.

use super::{
    Credentials, LinkSink, Settings,
    callers::{Callers, Entry},
    link::{Open, OpenError},
    machines::{Machines, Place},
    settings::LINKS_OF_ONE,
    stopped,
};
use crate::certificate::device_key_of;
use motcua_core::key::PublicKey;
use quinn::{Connection, ConnectionError, Incoming};
use rustls_pki_types::CertificateDer;
use std::{io, net::IpAddr, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

/// What stands between the sockets and the sink; the same for QUIC and TCP.
pub(super) struct Gate<S: LinkSink> {
    credentials: Credentials,
    pub(super) sink: S,
    pub(super) settings: Arc<Settings>,
    pub(super) stop: watch::Receiver<bool>,
    handshakes: Arc<Semaphore>,
    links: Arc<Semaphore>,
    machines: Machines,
    callers: Callers,
}

impl<S: LinkSink> Gate<S> {
    pub(super) fn new(
        credentials: &Credentials,
        sink: S,
        settings: &Arc<Settings>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            credentials: credentials.clone(),
            sink,
            settings: Arc::clone(settings),
            stop,
            handshakes: Arc::new(Semaphore::new(settings.handshakes)),
            links: Arc::new(Semaphore::new(settings.links)),
            machines: Machines::default(),
            callers: Callers::new(Instant::now()),
        }
    }

    /// Whether an address may shake hands now; refusals are counted.
    pub(super) fn enter(&self, source: IpAddr, proven: bool) -> Entry {
        let entry = self.callers.enter(source, proven, Instant::now());
        if entry == Entry::Refused {
            self.sink.caller_refused();
        }
        entry
    }

    /// Room for one handshake and the link that may come of it; `None` if there is none.
    pub(super) fn permits(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let handshake = Arc::clone(&self.handshakes).try_acquire_owned().ok()?;
        Some((handshake, Arc::clone(&self.links).try_acquire_owned().ok()?))
    }

    /// The certificate was judged in the handshake; a list adopted since then counts too. The place
    /// lasts as long as the link, also while that is not open yet.
    pub(super) fn judge(&self, peer: PublicKey) -> Result<Place, AdmitError> {
        if self.credentials.trust.get().denied(peer.node_id()).is_some() {
            return Err(AdmitError::Peer);
        }
        self.machines.place(peer).ok_or_else(|| {
            self.sink.turned_away(peer, "links", "a machine has too many links at once");
            AdmitError::Links
        })
    }

    /// Accepts QUIC callers until told to stop, then waits for the links to end.
    pub(super) async fn run(self: Arc<Self>, endpoint: quinn::Endpoint) {
        let mut stop = self.stop.clone();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(_) = tasks.join_next() => {}
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) => self.admit(incoming, &mut tasks),
                    None => break,
                },
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    fn admit(self: &Arc<Self>, incoming: Incoming, tasks: &mut JoinSet<()>) {
        let remote = incoming.remote_address();
        let entry = self.enter(remote.ip(), incoming.remote_address_validated());
        if entry == Entry::Refused {
            // Thousands a second may come: no word in the log for each.
            return incoming.refuse();
        }
        let Some((handshake, link)) = self.permits() else {
            tracing::warn!(%remote, "caller refused: too many links or handshakes");
            return incoming.refuse();
        };
        // Under load an address has to prove itself before it costs a signature.
        let loaded = self.handshakes.available_permits() < self.settings.handshakes / 2;
        if (loaded || entry == Entry::Proof) && incoming.may_retry() {
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        let connecting = match incoming.accept() {
            Ok(connecting) => connecting,
            Err(error) => return tracing::debug!(%remote, %error, "caller not accepted"),
        };
        let gate = Arc::clone(self);
        tasks.spawn(async move {
            let opening = async { gate.open(connecting.await?).await };
            let Ok(opened) = timeout(gate.settings.handshake_timeout, opening).await else {
                return tracing::debug!(%remote, "caller was too slow to shake hands");
            };
            drop(handshake);
            match opened {
                Ok(open) => gate.carry(open, link).await,
                Err(error) => tracing::info!(%remote, %error, "caller not admitted"),
            }
        });
    }

    async fn open(&self, connection: Connection) -> Result<(Open, Place), AdmitError> {
        let peer = peer_key(&connection).ok_or(AdmitError::Peer)?;
        let place = self.judge(peer)?;
        Ok((Open::accepted(connection, peer).await?, place))
    }

    async fn carry(&self, (open, _place): (Open, Place), _slot: OwnedSemaphorePermit) {
        let (node, remote) = (open.peer.node_id(), open.connection.remote_address());
        tracing::info!(%node, %remote, carrier = "quic", "link up");
        let end = open.run(self.sink.clone(), &self.settings, self.stop.clone()).await;
        tracing::info!(%node, %remote, %end, carrier = "quic", "link down");
    }
}

/// Why a caller did not become a link.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdmitError {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("{0}")]
    Stream(#[from] io::Error),
    #[error("it showed no device key, or the machine was denied meanwhile")]
    Peer,
    #[error("the machine has {LINKS_OF_ONE} links already")]
    Links,
    #[error("{0}")]
    Open(#[from] OpenError),
}

/// The device key in the certificate that the handshake verified.
pub(crate) fn peer_key(connection: &Connection) -> Option<PublicKey> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    device_key_of(chain.first()?)
}
