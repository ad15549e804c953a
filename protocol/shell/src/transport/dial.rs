//! Dials a hub: QUIC and TCP against each other, each at the hub's addresses in order, each with a
//! bounded handshake.

use super::{
    Carrier, Credentials, LinkEnd, LinkSink, SHUTTING_DOWN, Settings, end,
    paths::Paths,
    race::{Attempts, Failed, race, reach},
    settings::Side,
    stopped, tls,
};
use crate::certificate::server_name;
use motcua_core::{id::NodeId, key::PublicKey, trust::HubRecord};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

/// A link that is up.
#[derive(Debug)]
pub struct Dialed {
    /// Where the hub answered.
    pub remote: SocketAddr,
    /// What carries the link.
    pub carrier: Carrier,
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
    /// Whoever knows names did not answer in time.
    #[error("the name was not found in time")]
    NameSilent,
    /// Nobody answered in time.
    #[error("no answer by {} in time; the hub is down or the network blocks it", .0.words())]
    Silent(Carrier),
    /// The TCP connection or its handshake failed.
    #[error("TCP: {0}")]
    Tcp(io::Error),
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

impl Attempt {
    /// Whether something was sent there and nothing at all came back.
    fn is_silence(&self) -> bool {
        use quinn::ConnectionError::TimedOut;
        matches!(self, Self::Silent(_) | Self::Handshake(TimedOut))
    }

    /// Whether something came back, be it a refusal.
    fn is_answer(&self) -> bool {
        !self.is_silence() && matches!(self, Self::Handshake(_) | Self::Streams(_) | Self::Tcp(_))
    }
}

impl DialError {
    /// Whether a hub answered and another certificate may help.
    pub fn is_of_certificate(&self) -> bool {
        let Self::Unreachable { attempts, .. } = self else { return false };
        attempts.iter().any(|(_, attempt)| match attempt {
            Attempt::Tcp(error) => end::of_tls(error).is_of_certificate(),
            Attempt::Handshake(error) => LinkEnd::of(error).is_of_certificate(),
            Attempt::Name(_)
            | Attempt::NameSilent
            | Attempt::Silent(_)
            | Attempt::Socket(_)
            | Attempt::Streams(_) => false,
        })
    }
}

/// The dialling half of an endpoint.
pub(super) struct Dialer<S: LinkSink> {
    pub(super) data: quinn::Endpoint,
    pub(super) credentials: Credentials,
    pub(super) sink: S,
    pub(super) settings: Arc<Settings>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) tasks: Mutex<JoinSet<()>>,
    /// What is known of the ways to the hub that was dialled last.
    paths: Mutex<(NodeId, Paths)>,
}

/// A link that is ready to carry messages.
pub(super) enum Ready {
    Quic(super::link::Open),
    Tcp(super::tcp::Open),
}

impl Ready {
    fn carrier(&self) -> Carrier {
        match self {
            Self::Quic(_) => Carrier::Quic,
            Self::Tcp(_) => Carrier::Tcp,
        }
    }

    async fn run<S: LinkSink>(
        self,
        sink: S,
        settings: &Settings,
        stop: watch::Receiver<bool>,
    ) -> LinkEnd {
        match self {
            Self::Quic(open) => open.run(sink, settings, stop).await,
            Self::Tcp(open) => open.run(sink, settings, stop).await,
        }
    }
}

pub(super) type Reached = (Ready, SocketAddr);

/// The same TLS for both ways.
pub(super) struct Clients {
    quic: quinn::ClientConfig,
    tcp: Arc<rustls::ClientConfig>,
}

impl<S: LinkSink> Dialer<S> {
    pub(super) fn new(
        data: quinn::Endpoint,
        credentials: Credentials,
        sink: S,
        settings: Arc<Settings>,
        stop: watch::Sender<bool>,
        tasks: JoinSet<()>,
    ) -> Self {
        let (tasks, paths) = (Mutex::new(tasks), Mutex::default());
        Self { data, credentials, sink, settings, stop, tasks, paths }
    }

    pub(super) async fn dial(self: &Arc<Self>, hub: HubRecord) -> Result<Dialed, DialError> {
        let mut pending = Pending(Some(&self.sink));
        let mut stop = self.stop.subscribe();
        let (ready, remote) = tokio::select! {
            biased;
            () = stopped(&mut stop) => return Err(DialError::Closed),
            reached = self.race(&hub) => reached?,
        };
        pending.0 = None;
        Ok(self.carry(hub, ready, remote))
    }

    /// As [`Self::dial`], one way only.
    #[cfg(test)]
    pub(super) async fn dial_by(
        self: &Arc<Self>,
        hub: HubRecord,
        carrier: Carrier,
    ) -> Result<Dialed, DialError> {
        let mut pending = Pending(Some(&self.sink));
        let node = hub.key.node_id();
        let clients = self.clients(hub.key)?;
        let (ready, remote) = (self.reach(&hub, &clients, carrier).await)
            .map_err(|attempts| DialError::Unreachable { hub: node, attempts })?;
        pending.0 = None;
        Ok(self.carry(hub, ready, remote))
    }

    /// Runs a link to its end; beside one over TCP, QUIC is tried again.
    fn carry(self: &Arc<Self>, hub: HubRecord, ready: Ready, remote: SocketAddr) -> Dialed {
        let (carrier, node) = (ready.carrier(), hub.key.node_id());
        self.with_paths(node, |paths| paths.won(carrier, Instant::now()));
        self.tell_of_udp(node);
        let (end, ended) = oneshot::channel();
        let (over, until_over) = oneshot::channel::<()>();
        let dialer = Arc::clone(self);
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let began = Instant::now();
            let stop = dialer.stop.subscribe();
            let how = ready.run(dialer.sink.clone(), &dialer.settings, stop).await;
            tracing::info!(hub = %node, %remote, ?carrier, end = %how, "link down");
            let silent = how == LinkEnd::Silent;
            dialer.with_paths(node, |paths| match carrier {
                Carrier::Quic => paths.quic_ended(began.elapsed(), silent),
                Carrier::Tcp => paths.tcp_ended(silent),
            });
            drop(over);
            // Whoever dialled need not wait for the end.
            let _ = end.send(how);
        });
        if carrier == Carrier::Tcp {
            tasks.spawn(Arc::clone(self).come_back(hub, until_over));
        }
        tracing::info!(hub = %node, %remote, ?carrier, "link up");
        Dialed { remote, carrier, ended }
    }

    fn tell_of_udp(&self, hub: NodeId) {
        self.sink.udp_blocked(self.with_paths(hub, |paths| paths.is_udp_blocked()));
    }

    /// While a TCP link lasts, dials by QUIC, soon and then ever later; a handshake that comes through becomes
    /// the link, and whoever reads the sink leaves the older one.
    async fn come_back(self: Arc<Self>, hub: HubRecord, mut over: oneshot::Receiver<()>) {
        let node = hub.key.node_id();
        let Ok(clients) = self.clients(hub.key) else { return };
        let mut stop = self.stop.subscribe();
        loop {
            let (soon, base) = (self.settings.quic_soon, self.settings.quic_again);
            let pause = jittered(self.with_paths(node, |paths| paths.quic_again(soon, base)));
            let attempt = async {
                sleep(pause).await;
                self.reach(&hub, &clients, Carrier::Quic).await
            };
            let reached = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                _ = &mut over => return,
                reached = attempt => reached,
            };
            match reached {
                Ok((ready, remote)) => {
                    tracing::info!(hub = %node, %remote, "QUIC answers again");
                    self.carry(hub, ready, remote);
                    return;
                }
                Err(attempts) => {
                    let any = |is: fn(&Attempt) -> bool| attempts.iter().any(|(_, it)| is(it));
                    self.with_paths(node, |paths| match any(Attempt::is_answer) {
                        true => paths.quic_answered(),
                        false if any(Attempt::is_silence) => paths.quic_unanswered(Instant::now()),
                        // A name that is not known says nothing about UDP.
                        false => {}
                    });
                    self.tell_of_udp(node);
                }
            }
        }
    }

    /// One way first, the other beside it after the head start.
    async fn race(&self, hub: &HubRecord) -> Result<Reached, DialError> {
        let node = hub.key.node_id();
        let clients = self.clients(hub.key)?;
        let first = self.with_paths(node, |paths| paths.first(Instant::now()));
        let one = self.reach(hub, &clients, first);
        let two = self.reach(hub, &clients, first.other());
        let attempts = match race(self.settings.head_start, one, two).await {
            Ok(reached) => return Ok(reached),
            Err(attempts) => attempts,
        };
        self.with_paths(node, Paths::none_answered);
        match attempts.is_empty() {
            true => Err(DialError::NoAddress(node)),
            false => Err(DialError::Unreachable { hub: node, attempts }),
        }
    }

    /// Tries a hub's addresses in order.
    pub(super) async fn reach(
        &self,
        hub: &HubRecord,
        clients: &Clients,
        carrier: Carrier,
    ) -> Result<Reached, Failed> {
        let patience = self.settings.handshake_timeout;
        let shake = |remote| self.shake_hands(clients, hub.key, remote, carrier);
        reach(&hub.addresses, carrier, patience, shake).await
    }

    async fn shake_hands(
        &self,
        clients: &Clients,
        key: PublicKey,
        remote: SocketAddr,
        carrier: Carrier,
    ) -> Result<Ready, Attempt> {
        if carrier == Carrier::Tcp {
            return super::tcp::dial(Arc::clone(&clients.tcp), key, remote).await.map(Ready::Tcp);
        }
        let name = server_name(key.node_id());
        let connecting = self.data.connect_with(clients.quic.clone(), remote, &name)?;
        let connection = connecting.await.map_err(Attempt::Handshake)?;
        let open = super::link::Open::dialed(connection.clone(), key).await;
        // The hub judges the caller while the caller opens its streams.
        open.map(Ready::Quic).map_err(|error| match connection.close_reason() {
            Some(reason) => Attempt::Handshake(reason),
            None => Attempt::Streams(error.to_string()),
        })
    }

    pub(super) fn clients(&self, hub: PublicKey) -> Result<Clients, DialError> {
        let tls = tls::data_client(&self.credentials, hub)
            .map_err(|error| DialError::Tls(error.to_string()))?;
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls.clone())
            .map_err(|error| DialError::Tls(error.to_string()))?;
        let mut quic = quinn::ClientConfig::new(Arc::new(crypto));
        quic.transport_config(self.settings.transport(Side::Dials));
        Ok(Clients { quic, tcp: Arc::new(tls) })
    }

    /// What was learnt of one hub's ways says nothing about another's.
    fn with_paths<T>(&self, hub: NodeId, then: impl FnOnce(&mut Paths) -> T) -> T {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.0 != hub {
            *paths = (hub, Paths::default());
        }
        then(&mut paths.1)
    }

    pub(super) fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half as long to half as long again, so that a district on TCP does not try all at once.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 2];
    // Without randomness the middle is as good a pause as any.
    let part = getrandom::fill(&mut random).map_or(0x8000, |()| u16::from_le_bytes(random));
    pause / 2 + pause.mul_f64(f64::from(part) / f64::from(u16::MAX))
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
