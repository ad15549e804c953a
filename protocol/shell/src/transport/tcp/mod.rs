//! The way around networks that block UDP: the same handshake, the same trust and the same messages
//! over TLS 1.3 on TCP.
//!
//! The side that was dialled speaks first, once it has judged the caller; so a dial that has heard
//! it has come through, and not merely been answered by something on the way.

mod link;
mod pieces;

pub(super) use link::Open;

use super::{
    Attempt, BindError, LinkSink,
    accept::{AdmitError, Gate},
    stopped, tls,
};
use crate::certificate::{device_key_of, server_name};
use motcua_core::key::PublicKey;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// Bytes that the system may hold unsent: what is urgent overtakes everything that is not in there.
const UNSENT: u32 = 16 * 1024;
/// The system's buffers of one link. They are the window: 256 KiB at 100 ms are 20 Mbit/s.
pub(super) const BUFFER: usize = 256 * 1024;
/// Callers that the system may hold before they are accepted: a district whose power is back.
const BACKLOG: i32 = 1_024;
/// Pause after the system could not accept (out of descriptors): it would say so at once again.
const BREATH: std::time::Duration = std::time::Duration::from_millis(100);

/// Opens the listening socket. To be called inside a tokio runtime.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let open = || -> io::Result<TcpListener> {
        use socket2::{Domain, Protocol, Socket, Type};
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A hub that restarts must get its port back although old connections linger.
        socket.set_reuse_address(true)?;
        socket.set_recv_buffer_size(BUFFER)?;
        socket.set_send_buffer_size(BUFFER)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(StdListener::from(socket))
    };
    open().map_err(|source| BindError::Listener { address, source })
}

/// Accepts until told to stop, then waits for the links to end.
pub(super) async fn serve<S: LinkSink>(
    gate: Arc<Gate<S>>,
    listener: TcpListener,
    config: Arc<rustls::ServerConfig>,
) {
    let acceptor = TlsAcceptor::from(config);
    let mut stop = gate.stop.clone();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => admit(&gate, &acceptor, stream, remote, &mut tasks),
                Err(error) => {
                    tracing::warn!(%error, "TCP callers cannot be accepted");
                    sleep(BREATH).await;
                }
            },
        }
    }
    // Nobody is taken any more; who waits in the system's queue sees the end at once.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

fn admit<S: LinkSink>(
    gate: &Arc<Gate<S>>,
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    remote: SocketAddr,
    tasks: &mut JoinSet<()>,
) {
    let Some((handshake, link)) = gate.permits() else {
        return tracing::warn!(%remote, "TCP caller refused: too many links or handshakes");
    };
    let (gate, acceptor) = (Arc::clone(gate), acceptor.clone());
    tasks.spawn(async move {
        let opening = open(&gate, acceptor, stream);
        let Ok(opened) = timeout(gate.settings.handshake_timeout, opening).await else {
            return tracing::debug!(%remote, "TCP caller was too slow to shake hands");
        };
        drop(handshake);
        match opened {
            Ok(open) => {
                let node = open.peer.node_id();
                tracing::info!(%node, %remote, carrier = "tcp", "link up");
                let end = open.run(gate.sink.clone(), &gate.settings, gate.stop.clone()).await;
                tracing::info!(%node, %remote, %end, carrier = "tcp", "link down");
            }
            Err(error) => tracing::info!(%remote, %error, "TCP caller not admitted"),
        }
        drop(link);
    });
}

async fn open<S: LinkSink>(
    gate: &Gate<S>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> Result<Open, AdmitError> {
    tune(&stream)?;
    let stream = acceptor.accept(stream).await?;
    let peer = shown(stream.get_ref().1).ok_or(AdmitError::Peer)?;
    gate.judge(peer)?;
    let mut stream = Box::new(TlsStream::Server(stream));
    link::accept(&mut stream).await?;
    Ok(Open { stream, peer, dialed: false })
}

/// Dials one address, until the other side has accepted this machine.
pub(super) async fn dial(
    config: Arc<rustls::ClientConfig>,
    key: PublicKey,
    remote: SocketAddr,
) -> Result<Open, Attempt> {
    let stream = TcpStream::connect(remote).await.map_err(Attempt::Tcp)?;
    tune(&stream).map_err(Attempt::Tcp)?;
    // The name is not sent; the certificate is judged by its key.
    let name = ServerName::try_from(server_name(key.node_id()))
        .map_err(|error| Attempt::Streams(error.to_string()))?;
    let connecting = TlsConnector::from(config).connect(name, stream);
    let stream = connecting.await.map_err(Attempt::Tcp)?;
    // The verifier has compared it already; without this ALPN the peer is no hub's link port.
    if shown(stream.get_ref().1) != Some(key) {
        return Err(Attempt::Streams("the other side speaks something else".to_owned()));
    }
    let mut stream = Box::new(TlsStream::Client(stream));
    link::accepted(&mut stream).await.map_err(Attempt::Tcp)?;
    Ok(Open { stream, peer: key, dialed: true })
}

/// The device key of a peer that agreed to speak our protocol. Unlike QUIC, TLS alone lets a
/// caller pass that names no protocol at all.
fn shown(tls: &rustls::CommonState) -> Option<PublicKey> {
    if tls.alpn_protocol() != Some(tls::DATA_ALPN) {
        return None;
    }
    device_key_of(tls.peer_certificates()?.first()?)
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    // Links ask by themselves whether anybody is there; this is for what never became a link.
    socket.set_tcp_keepalive(&TcpKeepalive::new())
}
