//! Lets callers in: bounded handshakes, bounded links, and nobody the root document does not know.

use super::{
    Credentials, LinkSink, Settings,
    link::{Open, OpenError},
    stopped,
};
use crate::certificate::device_key_of;
use motcua_core::key::PublicKey;
use quinn::{Connection, ConnectionError, Incoming};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

/// What stands between the socket and the sink.
pub(super) struct Gate<S: LinkSink> {
    credentials: Credentials,
    sink: S,
    settings: Arc<Settings>,
    stop: watch::Receiver<bool>,
    handshakes: Arc<Semaphore>,
    links: Arc<Semaphore>,
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
        }
    }

    /// Accepts until told to stop, then waits for the links to end.
    pub(super) async fn run(self, endpoint: quinn::Endpoint) {
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

    fn admit(&self, incoming: Incoming, tasks: &mut JoinSet<()>) {
        let remote = incoming.remote_address();
        let permits = (
            Arc::clone(&self.handshakes).try_acquire_owned(),
            Arc::clone(&self.links).try_acquire_owned(),
        );
        let (Ok(handshake), Ok(link)) = permits else {
            tracing::warn!(%remote, "caller refused: too many links or handshakes");
            return incoming.refuse();
        };
        // Under load an address has to prove itself before it costs a signature.
        let loaded = self.handshakes.available_permits() < self.settings.handshakes / 2;
        if loaded && incoming.may_retry() {
            if let Err(error) = incoming.retry() {
                error.into_incoming().refuse();
            }
            return;
        }
        let connecting = match incoming.accept() {
            Ok(connecting) => connecting,
            Err(error) => return tracing::debug!(%remote, %error, "caller not accepted"),
        };
        let (credentials, sink) = (self.credentials.clone(), self.sink.clone());
        let (settings, stop) = (Arc::clone(&self.settings), self.stop.clone());
        tasks.spawn(async move {
            let opening = async { open(connecting.await?, &credentials).await };
            let Ok(opened) = timeout(settings.handshake_timeout, opening).await else {
                return tracing::debug!(%remote, "caller was too slow to shake hands");
            };
            drop(handshake);
            match opened {
                Ok(open) => carry(open, sink, &settings, stop, link).await,
                Err(error) => tracing::info!(%remote, %error, "caller not admitted"),
            }
        });
    }
}

#[derive(Debug, thiserror::Error)]
enum AdmitError {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("it showed no device key, or the machine was denied meanwhile")]
    Peer,
    #[error("{0}")]
    Open(#[from] OpenError),
}

async fn open(connection: Connection, credentials: &Credentials) -> Result<Open, AdmitError> {
    let peer = peer_key(&connection)
        .filter(|key| credentials.trust.get().denied(key.node_id()).is_none())
        .ok_or(AdmitError::Peer)?;
    Ok(Open::accepted(connection, peer).await?)
}

async fn carry<S: LinkSink>(
    open: Open,
    sink: S,
    settings: &Settings,
    stop: watch::Receiver<bool>,
    _slot: OwnedSemaphorePermit,
) {
    let (node, remote) = (open.peer.node_id(), open.connection.remote_address());
    tracing::info!(%node, %remote, "link up");
    let end = open.run(sink, settings, stop).await;
    tracing::info!(%node, %remote, %end, "link down");
}

/// The device key in the certificate that the handshake verified.
pub(crate) fn peer_key(connection: &Connection) -> Option<PublicKey> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    device_key_of(chain.first()?)
}
