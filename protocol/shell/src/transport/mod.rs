//! Links: carry whole messages between replicas that have shown who they are. They decide nothing
//! about them. QUIC first; where a network blocks UDP, the same over TLS on TCP.
//!
//! On the data ALPN nobody gets past the handshake without a certificate of a CA of the root
//! document in force ([`tls`]); the sink hears of nobody else. The recovery ALPN, where the caller
//! may be anybody, has a UDP socket of its own: what a QUIC server demands of its caller is fixed
//! before the caller says which ALPN it wants. Over TCP it is answered at the same number, and at
//! the port of the links as well, for networks that let one port through.

pub(crate) mod accept;
mod backlog;
mod beside;
mod budget;
mod callers;
mod dial;
mod end;
mod join;
mod link;
mod machines;
mod paths;
mod race;
mod reset;
pub mod settings;
pub(crate) mod tcp;
pub mod tls;
mod writer;

pub use dial::{Attempt, DialError, Dialed};
pub use end::{LinkEnd, SHUTTING_DOWN};
pub(crate) use race::{Attempts, Failed, race, reach};
pub use settings::Settings;
pub use tls::{Credentials, TrustHandle};
pub use writer::LinkWriter;
pub(crate) use writer::{Outgoing, outgoing};

use crate::recovery::{
    RecoveryService,
    serve::{self, Desk},
};
use accept::Gate;
use dial::Dialer;
use motcua_core::{key::PublicKey, replica::Channel, trust::HubRecord};
use quinn::{EndpointConfig, TokioRuntime, VarInt};
use settings::Side;
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// What carries a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// QUIC, over UDP.
    Quic,
    /// TLS over TCP, where UDP is blocked.
    Tcp,
}

impl Carrier {
    /// Both, the better one first.
    pub const ALL: [Self; 2] = [Self::Quic, Self::Tcp];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Quic => Self::Tcp,
            Self::Tcp => Self::Quic,
        }
    }

    /// For APIs and metrics: `quic` or `tcp`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::Tcp => "TLS over TCP",
        }
    }
}

/// Where links from below are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// UDP address, for QUIC.
    pub udp: SocketAddr,
    /// TCP address, for networks that block UDP; the same number as in UDP if there is none.
    pub tcp: Option<SocketAddr>,
}

impl From<SocketAddr> for Listen {
    fn from(udp: SocketAddr) -> Self {
        Self { udp, tcp: None }
    }
}

/// Takes what links bring.
pub trait LinkSink: Clone + Send + Sync + 'static {
    /// Names a link.
    type Link: Copy + Send + Sync + 'static;

    /// A link is up with the machine that holds this device key. The semaphore is handed back with
    /// every message of the link.
    fn link_up(
        &self,
        peer: PublicKey,
        dialed: bool,
        carrier: Carrier,
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

    /// A machine was not let in, or only for so long: of which kind its fault is, and why.
    fn turned_away(&self, _peer: PublicKey, _kind: &'static str, _reason: &str) {}

    /// A caller was refused before its handshake, because its address calls too often.
    fn caller_refused(&self) {}

    /// What is known now of UDP on the way to the hub: whether QUIC was tried again and again, and
    /// not heard, while TCP went on.
    fn udp_blocked(&self, _blocked: bool) {}
}

/// Where, and by whom, machines without a certificate are answered.
#[derive(Clone)]
pub struct Recovery {
    /// Address of the recovery ALPN, UDP and TCP. Without it only TCP callers at the port of the
    /// links are answered.
    pub listen: Option<SocketAddr>,
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
    /// The same, for links from networks that block UDP.
    #[error(
        "TCP address {address} cannot be used: {source}; is another instance, or another program, \
         using it? The keys tcp_listen and recovery_listen of hub.toml name others"
    )]
    Listener {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// The sockets with all links over them. Dropping it ends every task and link at once; see
/// [`Self::close`] for the orderly end.
pub struct Endpoint<S: LinkSink> {
    dialer: Arc<Dialer<S>>,
    recovery: Option<quinn::Endpoint>,
    tcp: Option<SocketAddr>,
}

impl<S: LinkSink> Endpoint<S> {
    /// Opens the sockets and accepts links on `listen`; without it, this machine only dials. To be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] naming the address.
    pub fn bind(
        listen: Option<Listen>,
        credentials: Credentials,
        sink: S,
        recovery: Option<Recovery>,
        settings: Settings,
    ) -> Result<Self, BindError> {
        let settings = Arc::new(settings);
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut tcp = None;
        let desk = match &recovery {
            Some(Recovery { service, .. }) => {
                let tls = tls::recovery_server(&credentials).map_err(refused)?;
                Some(Arc::new(Desk::new(Arc::clone(service), tls, settings.stranger_time)))
            }
            None => None,
        };
        let data = match listen {
            None => dialing_endpoint(credentials.reset.endpoint_config())?,
            Some(listen) => {
                let tls = tls::data_server(&credentials).map_err(refused)?;
                let (endpoint, listener) = both(listen, || {
                    let config = server_config(tls.clone(), &settings, Side::Accepts)?;
                    Ok((config, credentials.reset.endpoint_config()))
                })?;
                tcp = listener.local_addr().ok();
                let gate = Gate::new(&credentials, sink.clone(), &settings, stopping.clone());
                let gate = Arc::new(gate);
                let (links, desk) = (Arc::new(tls), desk.clone());
                let door = tcp::Door { gate: Arc::clone(&gate), links, desk };
                tasks.spawn(tcp::serve(door, listener));
                tasks.spawn(gate.run(endpoint.clone()));
                endpoint
            }
        };
        let recovery = match (recovery.and_then(|recovery| recovery.listen), desk) {
            (Some(at), Some(desk)) => {
                let make = || {
                    let tls = (*desk.tls).clone();
                    Ok((server_config(tls, &settings, Side::Recovers)?, EndpointConfig::default()))
                };
                // The port of the links answers there already.
                let shared = at.port() > 0 && listen.is_some_and(|listen| listen.tcp == Some(at));
                let endpoint = if shared {
                    let (config, own) = make()?;
                    endpoint(at, Some(config), own)?
                } else {
                    let (endpoint, listener) = both(at.into(), make)?;
                    let (desk, stop) = (Arc::clone(&desk), stopping.clone());
                    tasks.spawn(tcp::serve_desk(desk, listener, stop));
                    endpoint
                };
                tasks.spawn(serve::run(endpoint.clone(), desk, stopping));
                Some(endpoint)
            }
            _ => None,
        };
        let dialer = Dialer::new(data, credentials, sink, settings, stop, tasks);
        Ok(Self { dialer: Arc::new(dialer), recovery, tcp })
    }

    /// Dials a hub and hands the link to the sink. Whatever goes wrong before, including that this
    /// future is dropped, the sink is told once that a dial came to nothing. A link over TCP may
    /// later be followed by one over QUIC, which the sink hears of as another link to the same hub.
    ///
    /// # Errors
    /// [`DialError`] naming every address tried.
    pub async fn dial(&self, hub: HubRecord) -> Result<Dialed, DialError> {
        self.dialer.dial(hub).await
    }

    /// The UDP address links come from and go to.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.dialer.data.local_addr()
    }

    /// The TCP address on which links are accepted, if they are.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// The address of the recovery ALPN, UDP and TCP, if it has one of its own.
    pub fn recovery_addr(&self) -> Option<SocketAddr> {
        self.recovery.as_ref().and_then(|endpoint| endpoint.local_addr().ok())
    }

    /// Stops accepting, closes every link with [`SHUTTING_DOWN`] after flushing it, and waits for
    /// the peers to hear it, all within [`Settings::drain_timeout`].
    pub async fn close(&self) {
        let by = Instant::now() + self.dialer.settings.drain_timeout;
        self.dialer.stop.send_replace(true);
        let endpoints = [Some(&self.dialer.data), self.recovery.as_ref()];
        for endpoint in endpoints.into_iter().flatten() {
            endpoint.set_server_config(None);
        }
        let mut tasks = std::mem::take(&mut *self.dialer.tasks());
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
}

impl<S: LinkSink> Drop for Endpoint<S> {
    fn drop(&mut self) {
        // Links over TCP end with their tasks; connections that only quinn knows end here.
        self.dialer.tasks().abort_all();
        let code = VarInt::from_u32(0);
        self.dialer.data.close(code, SHUTTING_DOWN.as_bytes());
        if let Some(recovery) = &self.recovery {
            recovery.close(code, SHUTTING_DOWN.as_bytes());
        }
    }
}

/// Ends when the endpoint begins to close, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopping| *stopping).await;
}

fn refused(error: rustls::Error) -> BindError {
    BindError::Tls(error.to_string())
}

/// Places tried when the system chooses the port: a port free in UDP may be taken in TCP.
const PORTS_TRIED: usize = 16;

/// UDP and TCP, by default at the same port.
fn both(
    listen: Listen,
    make: impl Fn() -> Result<(quinn::ServerConfig, EndpointConfig), BindError>,
) -> Result<(quinn::Endpoint, TcpListener), BindError> {
    let mut tries = if listen.udp.port() == 0 { PORTS_TRIED } else { 1 };
    loop {
        let (config, own) = make()?;
        let udp = endpoint(listen.udp, Some(config), own)?;
        let here = udp.local_addr().unwrap_or(listen.udp);
        tries -= 1;
        match tcp::listen(listen.tcp.unwrap_or(here)) {
            Ok(listener) => return Ok((udp, listener)),
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn server_config(
    tls: rustls::ServerConfig,
    settings: &Settings,
    side: Side,
) -> Result<quinn::ServerConfig, BindError> {
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
