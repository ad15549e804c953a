//! The way around networks that block UDP: the same handshake, the same trust and the same messages
//! over TLS 1.3 on TCP.
//!
//! The side that was dialled speaks first, once it has judged the caller; so a dial that has heard
//! it has come through, and not merely been answered by something on the way.

mod link;
mod pieces;

pub(super) use link::{LATER_BYTES, Open};

use super::{
    Attempt, BindError, LinkSink,
    accept::{AdmitError, Gate},
    callers::Entry,
    machines::Place,
    stopped, tls,
};
use crate::{
    certificate::{device_key_of, server_name},
    recovery::serve::Desk,
};
use motcua_core::{key::PublicKey, limits::RECOVERY_BYTES};
use rustls::server::Acceptor;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{
    LazyConfigAcceptor, StartHandshake, TlsAcceptor, TlsConnector, TlsStream, client,
};

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

/// Who is behind a listening socket. What a TLS server demands of its caller is fixed once it
/// answers, so the caller's first words are read before: they name the ALPN.
pub(super) struct Door<S: LinkSink> {
    pub(super) gate: Arc<Gate<S>>,
    pub(super) links: Arc<rustls::ServerConfig>,
    /// Answers callers of the recovery ALPN, if this machine does.
    pub(super) desk: Option<Arc<Desk>>,
}

/// Accepts until told to stop, then waits for the links to end.
pub(super) async fn serve<S: LinkSink>(door: Door<S>, listener: TcpListener) {
    let door = Arc::new(door);
    let mut stop = door.gate.stop.clone();
    let mut tasks = JoinSet::new();
    accept(&listener, &mut stop, &mut tasks, |stream, remote, tasks| {
        admit(&door, stream, remote, tasks);
    })
    .await;
    // Nobody is taken any more; who waits in the system's queue sees the end at once.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Accepts callers of the recovery ALPN, and of nothing else, until told to stop.
pub(super) async fn serve_desk(
    desk: Arc<Desk>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) {
    let mut tasks = JoinSet::new();
    accept(&listener, &mut stop, &mut tasks, |stream, remote, tasks| {
        let Some(slot) = desk.slot(remote) else { return };
        if let Err(error) = tune(&stream, RECOVERY_BYTES) {
            return tracing::debug!(%remote, %error, "recovery caller gone");
        }
        let shaking = TlsAcceptor::from(Arc::clone(&desk.tls)).accept(stream);
        tasks.spawn(Arc::clone(&desk).over_tcp(shaking, remote, slot));
    })
    .await;
}

async fn accept(
    listener: &TcpListener,
    stop: &mut watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
    mut admit: impl FnMut(TcpStream, SocketAddr, &mut JoinSet<()>),
) {
    loop {
        tokio::select! {
            biased;
            () = stopped(stop) => return,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => admit(stream, remote, tasks),
                Err(error) => {
                    tracing::warn!(%error, "TCP callers cannot be accepted");
                    sleep(BREATH).await;
                }
            },
        }
    }
}

fn admit<S: LinkSink>(
    door: &Arc<Door<S>>,
    stream: TcpStream,
    remote: SocketAddr,
    tasks: &mut JoinSet<()>,
) {
    if door.gate.enter(remote.ip(), true) != Entry::Granted {
        return;
    }
    let Some((handshake, link)) = door.gate.permits() else {
        return tracing::warn!(%remote, "TCP caller refused: too many links or handshakes");
    };
    let door = Arc::clone(door);
    tasks.spawn(async move {
        let gate = &door.gate;
        let opening = open(&door, stream);
        let Ok(opened) = timeout(gate.settings.handshake_timeout, opening).await else {
            return tracing::debug!(%remote, "TCP caller was too slow to shake hands");
        };
        drop(handshake);
        match opened {
            Ok(Opened::Link(open, _place)) => {
                let node = open.peer.node_id();
                tracing::info!(%node, %remote, carrier = "tcp", "link up");
                let end = open.run(gate.sink.clone(), &gate.settings, gate.stop.clone()).await;
                tracing::info!(%node, %remote, %end, carrier = "tcp", "link down");
            }
            Ok(Opened::Recovery(hello, desk)) => {
                drop(link);
                let Some(slot) = desk.slot(remote) else { return };
                let mut stop = gate.stop.clone();
                let shaking = hello.into_stream(Arc::clone(&desk.tls));
                // Links are ended in order; who asks here asks again.
                tokio::select! {
                    () = stopped(&mut stop) => {}
                    () = desk.over_tcp(shaking, remote, slot) => {}
                }
            }
            Err(error) => tracing::info!(%remote, %error, "TCP caller not admitted"),
        }
    });
}

/// What a caller is after.
enum Opened {
    Link(Open, Place),
    Recovery(Box<StartHandshake<TcpStream>>, Arc<Desk>),
}

async fn open<S: LinkSink>(door: &Door<S>, stream: TcpStream) -> Result<Opened, AdmitError> {
    tune(&stream, BUFFER)?;
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let names = |alpn| hello.client_hello().alpn().is_some_and(|mut all| all.any(|it| it == alpn));
    let recovers = names(tls::RECOVERY_ALPN) && !names(tls::DATA_ALPN);
    if let (true, Some(desk)) = (recovers, &door.desk) {
        return Ok(Opened::Recovery(Box::new(hello), Arc::clone(desk)));
    }
    let stream = hello.into_stream(Arc::clone(&door.links)).await?;
    let peer = shown(stream.get_ref().1, tls::DATA_ALPN).ok_or(AdmitError::Peer)?;
    let place = door.gate.judge(peer)?;
    let mut stream = Box::new(TlsStream::Server(stream));
    link::accept(&mut stream).await?;
    Ok(Opened::Link(Open { stream, peer, dialed: false }, place))
}

/// Dials one address, until the other side has accepted this machine.
pub(super) async fn dial(
    config: Arc<rustls::ClientConfig>,
    key: PublicKey,
    remote: SocketAddr,
) -> Result<Open, Attempt> {
    let (stream, shown) = shake_hands(config, key, remote, tls::DATA_ALPN).await?;
    // The verifier has compared it already.
    if shown != key {
        return Err(Attempt::Streams("it showed another device key".to_owned()));
    }
    let mut stream = Box::new(TlsStream::Client(stream));
    link::accepted(&mut stream).await.map_err(Attempt::Tcp)?;
    Ok(Open { stream, peer: key, dialed: true })
}

/// Connects to one address and shakes hands; also gives the device key that answered.
pub(crate) async fn shake_hands(
    config: Arc<rustls::ClientConfig>,
    expected: PublicKey,
    remote: SocketAddr,
    alpn: &[u8],
) -> Result<(client::TlsStream<TcpStream>, PublicKey), Attempt> {
    let stream = TcpStream::connect(remote).await.map_err(Attempt::Tcp)?;
    tune(&stream, BUFFER).map_err(Attempt::Tcp)?;
    // The name is not sent; the certificate is judged by its key.
    let name = ServerName::try_from(server_name(expected.node_id()))
        .map_err(|error| Attempt::Streams(error.to_string()))?;
    let connecting = TlsConnector::from(config).connect(name, stream);
    let stream = connecting.await.map_err(Attempt::Tcp)?;
    let nothing = || Attempt::Streams("the other side speaks something else".to_owned());
    let key = shown(stream.get_ref().1, alpn).ok_or_else(nothing)?;
    Ok((stream, key))
}

/// The device key of a peer that agreed to speak this protocol of ours. Unlike QUIC, TLS alone lets
/// a caller pass that names no protocol at all.
fn shown(tls: &rustls::CommonState, alpn: &[u8]) -> Option<PublicKey> {
    if tls.alpn_protocol() != Some(alpn) {
        return None;
    }
    device_key_of(tls.peer_certificates()?.first()?)
}

/// `unread` is what the system may hold of what the peer sent.
fn tune(stream: &TcpStream, unread: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_recv_buffer_size(unread)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    // Links ask by themselves whether anybody is there; this is for what never became a link.
    socket.set_tcp_keepalive(&TcpKeepalive::new())
}
