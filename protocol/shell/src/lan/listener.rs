//! Connections over TLS, as axum takes them: handshakes go on beside each other, so that one that hangs
//! holds up nobody, and what one address may hold is bounded.

use super::certificate::PageCertificate;
use axum::serve::Listener;
use rustls::version::TLS13;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections, handshakes among them, of all and of one address.
const PLACES: Bounds = Bounds { all: 1_024, each: 256 };
/// Where the system has no descriptors left, others end theirs meanwhile.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Bounds {
    all: usize,
    each: usize,
}

/// A listener whose connections have shaken hands.
pub(super) struct TlsListener {
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Takes connections from here on, until it is dropped.
    pub(super) fn start(tcp: TcpListener, certificate: Arc<PageCertificate>) -> io::Result<Self> {
        let address = tcp.local_addr()?;
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (hand_on, ready) = mpsc::channel(16);
        tokio::spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), hand_on));
        Ok(Self { ready, address })
    }
}

impl Listener for TlsListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Its task has ended with the runtime.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    hand_on: mpsc::Sender<(Connection, SocketAddr)>,
) {
    let places = Arc::new(Places::default());
    loop {
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = hand_on.closed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection to the page could be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Some(place) = Places::take(&places, peer.ip().to_canonical(), PLACES) else {
            tracing::debug!(%peer, "too many connections to the page");
            continue;
        };
        let (acceptor, hand_on) = (acceptor.clone(), hand_on.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    // Fails only where nobody takes connections any more.
                    let _ = hand_on.send((Connection { stream, _place: place }, peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no handshake with the page"),
                Err(_) => tracing::debug!(%peer, "a handshake with the page took too long"),
            }
        });
    }
}

/// Who holds how many connections.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place, given back when it ends.
#[derive(Debug)]
struct Place {
    of: IpAddr,
    places: Arc<Places>,
}

impl Places {
    fn take(places: &Arc<Self>, of: IpAddr, bounds: Bounds) -> Option<Place> {
        let mut held = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.get(&of).copied().unwrap_or(0);
        if own >= bounds.each || held.values().sum::<usize>() >= bounds.all {
            return None;
        }
        held.insert(of, own + 1);
        Some(Place { of, places: Arc::clone(places) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.of) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.of)),
        }
    }
}

/// A connection that holds its place.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    _place: Place,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_address_takes_its_part_and_what_ends_is_free_again() {
        let (places, bounds) = (Arc::new(Places::default()), Bounds { all: 3, each: 2 });
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        let first = Places::take(&places, ip(1), bounds).unwrap();
        let _second = Places::take(&places, ip(1), bounds).unwrap();
        assert!(Places::take(&places, ip(1), bounds).is_none());
        let _other = Places::take(&places, ip(2), bounds).unwrap();
        assert!(Places::take(&places, ip(3), bounds).is_none(), "all are taken");
        drop(first);
        assert!(Places::take(&places, ip(1), bounds).is_some());
        assert_eq!(places.0.lock().unwrap().len(), 2, "who holds none is not remembered");
    }
}
