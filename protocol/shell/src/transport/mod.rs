//! Links over QUIC: carries whole messages between replicas that have shown who they are. Decides
//! nothing about them.
//!
//! On the data ALPN nobody gets past the handshake without a certificate of a CA of the root
//! document in force ([`tls`]); the sink hears of nobody else. The recovery ALPN, where the caller
//! may be anybody, has a socket of its own: what a TLS server demands of its caller is fixed
//! before the caller says which ALPN it wants.

pub(crate) mod accept;
mod dial;
mod link;
mod reset;
pub mod settings;
pub mod tls;

pub use dial::{Attempt, DialError, Dialed};
pub use link::{LinkEnd, SHUTTING_DOWN};
pub use settings::Settings;
pub use tls::{Credentials, TrustHandle};

use crate::recovery::{RecoveryService, serve};
use accept::Gate;
use motcua_core::{key::PublicKey, replica::Channel};
use quinn::{EndpointConfig, TokioRuntime, VarInt};
use settings::Side;
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Where a link's messages go out. Dropping all of it closes the link.
#[derive(Debug, Clone)]
pub struct LinkWriter {
    /// Control messages, in order.
    pub control: UnboundedSender<Vec<u8>>,
    /// Data messages, in order.
    pub data: UnboundedSender<Vec<u8>>,
    /// Pieces of scans, in order; they leave when nothing else waits.
    pub scan: UnboundedSender<Vec<u8>>,
    /// Asks for the link to be closed once what was sent has left.
    pub close: UnboundedSender<String>,
}

impl LinkWriter {
    /// Where messages of a channel go.
    pub fn queue(&self, channel: Channel) -> &UnboundedSender<Vec<u8>> {
        match channel {
            Channel::Control => &self.control,
            Channel::Data => &self.data,
            Channel::Scan => &self.scan,
        }
    }
}

/// Takes what links bring.
pub trait LinkSink: Clone + Send + Sync + 'static {
    /// Names a link.
    type Link: Copy + Send + Sync;

    /// A link is up with the machine that holds this device key. The semaphore is handed back with
    /// every message of the link.
    fn link_up(
        &self,
        peer: PublicKey,
        dialed: bool,
        writer: LinkWriter,
    ) -> (Self::Link, Arc<Semaphore>);

    /// A message arrived. The link is not read further until this returns.
    fn message(
        &self,
        link: Self::Link,
        room: &Arc<Semaphore>,
        channel: Channel,
        bytes: Vec<u8>,
    ) -> impl Future<Output = ()> + Send;

    /// A link is gone (told once, after its last message), or a dial came to nothing.
    fn link_down(&self, link: Option<Self::Link>);
}

/// Where, and by whom, machines without a certificate are answered.
#[derive(Clone)]
pub struct Recovery {
    /// UDP address of the recovery ALPN.
    pub listen: SocketAddr,
    /// Answers.
    pub service: Arc<dyn RecoveryService>,
}

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken or not this machine's.
    #[error("UDP address {address} cannot be used: {source}; is another instance running?")]
    Socket {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// A UDP socket with all links over it. Dropping it ends every task and link at once; see
/// [`Self::close`] for the orderly end.
pub struct Endpoint<S: LinkSink> {
    data: quinn::Endpoint,
    recovery: Option<quinn::Endpoint>,
    credentials: Credentials,
    sink: S,
    settings: Arc<Settings>,
    stop: watch::Sender<bool>,
    tasks: Mutex<JoinSet<()>>,
}

impl<S: LinkSink> Endpoint<S> {
    /// Opens the sockets and accepts links on `listen`; without it, this machine only dials. To be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] naming the address.
    pub fn bind(
        listen: Option<SocketAddr>,
        credentials: Credentials,
        sink: S,
        recovery: Option<Recovery>,
        settings: Settings,
    ) -> Result<Self, BindError> {
        let settings = Arc::new(settings);
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let data = match listen {
            None => dialing_endpoint(credentials.reset.endpoint_config())?,
            Some(address) => {
                let config =
                    server_config(tls::data_server(&credentials), &settings, Side::Accepts)?;
                let endpoint =
                    endpoint(address, Some(config), credentials.reset.endpoint_config())?;
                let gate = Gate::new(&credentials, sink.clone(), &settings, stopping.clone());
                tasks.spawn(gate.run(endpoint.clone()));
                endpoint
            }
        };
        let recovery = match recovery {
            None => None,
            Some(Recovery { listen, service }) => {
                let config =
                    server_config(tls::recovery_server(&credentials), &settings, Side::Recovers)?;
                let endpoint = endpoint(listen, Some(config), EndpointConfig::default())?;
                tasks.spawn(serve::run(endpoint.clone(), service, stopping));
                Some(endpoint)
            }
        };
        let tasks = Mutex::new(tasks);
        Ok(Self { data, recovery, credentials, sink, settings, stop, tasks })
    }

    /// The UDP address links come from and go to.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.data.local_addr()
    }

    /// The UDP address of the recovery ALPN, if it is served.
    pub fn recovery_addr(&self) -> Option<SocketAddr> {
        self.recovery.as_ref().and_then(|endpoint| endpoint.local_addr().ok())
    }

    /// Stops accepting, closes every link with [`SHUTTING_DOWN`] after flushing it, and waits for
    /// the peers to hear it, all within [`Settings::drain_timeout`].
    pub async fn close(&self) {
        let by = Instant::now() + self.settings.drain_timeout;
        self.stop.send_replace(true);
        let endpoints = [Some(&self.data), self.recovery.as_ref()];
        for endpoint in endpoints.into_iter().flatten() {
            endpoint.set_server_config(None);
        }
        let mut tasks = std::mem::take(&mut *self.tasks());
        let joined = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(by, joined).await.is_err() {
            tracing::warn!("links did not end in time and are cut");
        }
        tasks.shutdown().await;
        for endpoint in endpoints.into_iter().flatten() {
            endpoint.close(VarInt::from_u32(0), SHUTTING_DOWN.as_bytes());
            // Peers that do not answer find out by their idle timeout.
            let _ = timeout_at(by, endpoint.wait_idle()).await;
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: LinkSink> Drop for Endpoint<S> {
    fn drop(&mut self) {
        // The tasks end with the set; connections that only quinn knows end here.
        let code = VarInt::from_u32(0);
        self.data.close(code, SHUTTING_DOWN.as_bytes());
        if let Some(recovery) = &self.recovery {
            recovery.close(code, SHUTTING_DOWN.as_bytes());
        }
    }
}

/// Ends when the endpoint begins to close, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopping| *stopping).await;
}

fn server_config(
    tls: Result<rustls::ServerConfig, rustls::Error>,
    settings: &Settings,
    side: Side,
) -> Result<quinn::ServerConfig, BindError> {
    let tls = tls.map_err(|error| BindError::Tls(error.to_string()))?;
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls)
        .map_err(|error| BindError::Tls(error.to_string()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let mut tokens = quinn::ValidationTokenConfig::default();
    // An address is proven by the handshake; tokens for the next time are bytes for nothing.
    tokens.sent(0);
    config
        .transport_config(settings.transport(side))
        .validation_token_config(tokens)
        .max_incoming(settings.handshakes)
        // A first flight has two packets; early data is not accepted.
        .incoming_buffer_size(16 * 1024)
        .incoming_buffer_size_total(4 * 1024 * 1024);
    Ok(config)
}

/// For dialling only: both address families if the machine has both.
pub(crate) fn dialing_endpoint(config: EndpointConfig) -> Result<quinn::Endpoint, BindError> {
    endpoint(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), None, config.clone())
        .or_else(|_| endpoint(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), None, config))
}

fn endpoint(
    address: SocketAddr,
    server: Option<quinn::ServerConfig>,
    config: EndpointConfig,
) -> Result<quinn::Endpoint, BindError> {
    UdpSocket::bind(address)
        .and_then(|socket| {
            let runtime = Arc::new(TokioRuntime);
            quinn::Endpoint::new(config, server, socket, runtime)
        })
        .map_err(|source| BindError::Socket { address, source })
}

#[cfg(test)]
mod tests;
