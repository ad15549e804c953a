//! Dials a hub: its addresses in order, each with a bounded handshake.

use super::{
    Endpoint, LinkSink, SHUTTING_DOWN,
    link::{LinkEnd, Open},
    settings::Side,
    stopped, tls,
};
use crate::certificate::server_name;
use motcua_core::{id::NodeId, key::PublicKey, trust::HubRecord};
use std::{fmt, io, net::SocketAddr, sync::Arc};
use tokio::{net::lookup_host, sync::oneshot, time::timeout};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// A link that is up.
#[derive(Debug)]
pub struct Dialed {
    /// Where the hub answered.
    pub remote: SocketAddr,
    /// How the link ended, when it has. A hub judges the caller's certificate after the caller has
    /// judged the hub's, so a refusal is found here: [`LinkEnd::Certificate`].
    pub ended: oneshot::Receiver<LinkEnd>,
}

/// Why no link came to be.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// This machine is stopping.
    #[error("{SHUTTING_DOWN}")]
    Closed,
    /// The hub's record names no address.
    #[error("the root document names no address of hub {0}; it needs a newer one")]
    NoAddress(NodeId),
    /// No address led to the hub.
    #[error("hub {hub} was not reached: {}", Attempts(.attempts))]
    Unreachable {
        /// Which hub.
        hub: NodeId,
        /// Each address tried, and what came of it.
        attempts: Vec<(String, Attempt)>,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Why one address did not lead to the hub.
#[derive(Debug, thiserror::Error)]
pub enum Attempt {
    /// The name is not known.
    #[error("the name is not known ({0})")]
    Name(io::Error),
    /// Nobody answered in time: down, or UDP is blocked.
    #[error("no answer in time; the hub is down or UDP is blocked")]
    Silent,
    /// The socket refused.
    #[error("{0}")]
    Socket(#[from] quinn::ConnectError),
    /// The handshake failed.
    #[error("{0}")]
    Handshake(quinn::ConnectionError),
    /// The connection ended before the streams were open.
    #[error("{0}")]
    Streams(String),
}

struct Attempts<'a>(&'a [(String, Attempt)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (address, attempt)) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {attempt}")?;
        }
        Ok(())
    }
}

impl<S: LinkSink> Endpoint<S> {
    /// Dials a hub and hands the link to the sink. Whatever goes wrong before, including that this
    /// future is dropped, the sink is told once that a dial came to nothing.
    ///
    /// # Errors
    /// [`DialError`] naming every address tried.
    pub async fn dial(&self, hub: HubRecord) -> Result<Dialed, DialError> {
        let mut pending = Pending(Some(&self.sink));
        let mut stop = self.stop.subscribe();
        let (open, remote) = tokio::select! {
            biased;
            () = stopped(&mut stop) => return Err(DialError::Closed),
            open = self.reach(&hub) => open?,
        };
        pending.0 = None;
        let (sink, settings) = (self.sink.clone(), Arc::clone(&self.settings));
        let (end, ended) = oneshot::channel();
        let node = hub.key.node_id();
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let how = open.run(sink, &settings, stop).await;
            tracing::info!(hub = %node, %remote, end = %how, "link down");
            // Whoever dialled need not wait for the end.
            let _ = end.send(how);
        });
        tracing::info!(hub = %node, %remote, "link up");
        Ok(Dialed { remote, ended })
    }

    pub(super) async fn reach(&self, hub: &HubRecord) -> Result<(Open, SocketAddr), DialError> {
        let node = hub.key.node_id();
        let config = self.client_config(hub.key)?;
        let mut attempts = Vec::new();
        for address in &hub.addresses {
            let found = match timeout(self.settings.handshake_timeout, lookup_host(address)).await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => {
                    attempts.push((address.clone(), Attempt::Name(error)));
                    continue;
                }
                Err(_) => {
                    attempts.push((address.clone(), Attempt::Silent));
                    continue;
                }
            };
            for remote in found.take(ADDRESSES) {
                let shaking = self.shake_hands(config.clone(), hub.key, remote);
                let attempt = match timeout(self.settings.handshake_timeout, shaking).await {
                    Ok(Ok(open)) => return Ok((open, remote)),
                    Ok(Err(attempt)) => attempt,
                    Err(_) => Attempt::Silent,
                };
                tracing::debug!(hub = %node, %remote, %attempt, "hub not reached");
                attempts.push((remote.to_string(), attempt));
            }
        }
        if attempts.is_empty() {
            return Err(DialError::NoAddress(node));
        }
        Err(DialError::Unreachable { hub: node, attempts })
    }

    async fn shake_hands(
        &self,
        config: quinn::ClientConfig,
        key: PublicKey,
        remote: SocketAddr,
    ) -> Result<Open, Attempt> {
        let connecting = self.data.connect_with(config, remote, &server_name(key.node_id()))?;
        let connection = connecting.await.map_err(Attempt::Handshake)?;
        Open::dialed(connection, key).await.map_err(|error| Attempt::Streams(error.to_string()))
    }

    fn client_config(&self, hub: PublicKey) -> Result<quinn::ClientConfig, DialError> {
        let config = tls::data_client(&self.credentials, hub)
            .map_err(|error| DialError::Tls(error.to_string()))?;
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config)
            .map_err(|error| DialError::Tls(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(self.settings.transport(Side::Dials));
        Ok(config)
    }
}

/// A dial that has not come to anything yet.
struct Pending<'a, S: LinkSink>(Option<&'a S>);

impl<S: LinkSink> Drop for Pending<'_, S> {
    fn drop(&mut self) {
        if let Some(sink) = self.0 {
            sink.link_down(None);
        }
    }
}
