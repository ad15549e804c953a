//! Callers of the recovery ALPN over TCP, who may be anybody: they get an answer, and nothing of what
//! links live on.

use super::*;
use crate::recovery::{BoxFuture, RecoverySession, call::Call};
use motcua_core::{
    id::Nonce,
    limits::RECOVERY_BYTES,
    trust::enrol::{RecoveryReply, RecoveryRequest, RefusalCode},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// Slots of the desk (`recovery/serve.rs`).
const SLOTS: usize = 64;

/// Refuses everybody.
struct Refuses;

impl RecoveryService for Refuses {
    fn handle<'a>(
        &'a self,
        _: RecoveryRequest,
        _: &'a mut RecoverySession,
    ) -> BoxFuture<'a, RecoveryReply> {
        Box::pin(async { no(RefusalCode::NotAdmitted) })
    }
}

fn no(code: RefusalCode) -> RecoveryReply {
    RecoveryReply::Refused { code: code as u16, words: code.words().to_owned() }
}

fn hello() -> Vec<u8> {
    RecoveryRequest::Hello { nonce: Nonce([5; 16]) }.encode()
}

/// A hub that answers the recovery ALPN, on a socket of its own or at the port of the links only.
fn hub_with_desk(city: &City, own: bool, stranger_time: Duration) -> Side {
    let (send, heard) = unbounded_channel();
    let ear = Ear::new(send);
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let recovery = Recovery { listen: own.then_some(here), service: Arc::new(Refuses) };
    let credentials = city.credentials(&hub(), NodeKind::Hub);
    let settings = Settings { stranger_time, ..Settings::default() };
    let endpoint = Endpoint::bind(Some(here.into()), credentials, ear, Some(recovery), settings);
    Side { endpoint: endpoint.unwrap(), heard }
}

async fn asks(at: SocketAddr) -> Result<RecoveryReply, String> {
    let key = hub().public();
    let addresses = [at.to_string()];
    let call = Call::by(Carrier::Tcp, Some(key), key, &addresses).await;
    let mut call = call.map_err(|attempts| format!("{attempts:?}"))?;
    let bytes = timeout(SOON, call.exchange(&hello())).await.unwrap()?;
    Ok(RecoveryReply::decode(&bytes).unwrap())
}

/// A link over TCP by another machine each time, and a message each way.
async fn links_and_talks(city: &City, up: &mut Side, number: u8) {
    let mut down = Side::with(
        false,
        city.credentials(&key(number), NodeKind::Node),
        Settings { keep_alive: Duration::from_secs(1), ..Settings::default() },
    );
    let dialing = down.endpoint.dialer.dial_by(up.record(), Carrier::Tcp);
    let _dialed = timeout(SOON, dialing).await.unwrap().unwrap();
    let (from_node, from_hub) = (down.up().await.3, up.up().await.3);
    from_node.send(Channel::Data, vec![number; 300_000]);
    assert_eq!(up.message().await, (Channel::Data, vec![number; 300_000]));
    from_hub.send(Channel::Control, vec![number]);
    assert_eq!(down.message().await, (Channel::Control, vec![number]));
    from_node.close("done".to_owned());
    up.down().await;
}

/// A connection from an address of its own, so that rates by address do not hide the slots.
async fn from(source: u8, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, source], 0))).unwrap();
    timeout(SOON, socket.connect(to)).await.unwrap().unwrap()
}

/// What the hub says before it ends the connection.
async fn last_words(mut stream: TcpStream) -> usize {
    let mut answer = Vec::new();
    // An end in disorder is an end.
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap();
    answer.len()
}

/// Shakes hands as a caller of the recovery ALPN and hands the stream over.
async fn shaken(to: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let config = Arc::new(tls::recovery_client(Some(hub().public())).unwrap());
    tcp::shake_hands(config, hub().public(), to, tls::RECOVERY_ALPN).await.unwrap().0
}

#[tokio::test]
async fn a_machine_without_a_certificate_is_answered_at_the_port_of_the_links_as_well() {
    let city = City::new();
    for own in [true, false] {
        let mut up = hub_with_desk(&city, own, SOON);
        let links = up.endpoint.tcp_addr().unwrap();
        assert_eq!(asks(links).await, Ok(no(RefusalCode::NotAdmitted)));
        links_and_talks(&city, &mut up, 20).await;
        match up.endpoint.recovery_addr() {
            Some(recovery) => {
                assert_eq!(asks(recovery).await, Ok(no(RefusalCode::NotAdmitted)));
                // Links have their own port, also for those who show a certificate.
                let credentials = city.credentials(&node(), NodeKind::Node);
                let config = tls::data_client(&credentials, hub().public()).unwrap();
                let dial = tcp::dial(Arc::new(config), hub().public(), recovery);
                assert!(dial.await.is_err());
            }
            None => assert!(!own),
        }
        timeout(SOON, up.endpoint.close()).await.unwrap();
    }
}

#[tokio::test]
async fn one_tcp_port_may_serve_links_and_strangers() {
    let city = City::new();
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let listen = Listen { udp: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), tcp: Some(at) };
    let recovery = Recovery { listen: Some(at), service: Arc::new(Refuses) };
    let (credentials, ear) =
        (city.credentials(&hub(), NodeKind::Hub), Ear::new(unbounded_channel().0));
    let settings = Settings::default();
    let up = Endpoint::bind(Some(listen), credentials, ear, Some(recovery), settings).unwrap();
    assert_eq!((up.tcp_addr(), up.recovery_addr()), (Some(at), Some(at)));
    assert_eq!(asks(at).await, Ok(no(RefusalCode::NotAdmitted)));
    let key = hub().public();
    assert!(Call::by(Carrier::Quic, Some(key), key, &[at.to_string()]).await.is_ok());
}

#[tokio::test]
async fn a_hub_that_issues_nothing_answers_no_stranger_over_tcp() {
    let city = City::new();
    let up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    assert!(asks(up.endpoint.tcp_addr().unwrap()).await.is_err());
}

#[tokio::test]
async fn strangers_who_send_nonsense_to_the_recovery_port_are_ended_and_links_go_on() {
    let city = City::new();
    let mut up = hub_with_desk(&city, true, SOON * 10);
    let at = up.endpoint.recovery_addr().unwrap();
    let mut seed = 1_u64;
    for length in [1, 5, 16, 300, 5_000, 70_000] {
        let mut stream = from(2, at).await;
        let mut garbage = vec![0; length];
        for byte in &mut garbage {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (seed >> 56) as u8;
        }
        let _ = stream.write_all(&garbage).await;
        let _ = stream.shutdown().await;
        assert!(last_words(stream).await < 64, "an alert at most");
    }
    // Over TLS, with no protocol named.
    let mut config = tls::recovery_client(Some(hub().public())).unwrap();
    config.alpn_protocols.clear();
    let stream = TcpStream::connect(at).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from("x.motcua").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let length = u32::try_from(hello().len()).unwrap().to_le_bytes();
    let _ = stream.write_all(&[&length[..], &hello()].concat()).await;
    let mut answer = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "it named no protocol");
    // In the right protocol: nonsense is answered in words, and what is too long is not read.
    let bad = no(RefusalCode::BadRequest).encode();
    let bad = [&u32::try_from(bad.len()).unwrap().to_le_bytes()[..], &bad].concat();
    let nonsense = [4, 0, 0, 0, 9, 9, 9, 9];
    let mut stream = shaken(at).await;
    stream.write_all(&nonsense).await.unwrap();
    let mut answer = vec![0; bad.len()];
    timeout(SOON, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, bad);
    let too_long = u32::try_from(RECOVERY_BYTES).unwrap() + 1;
    stream.write_all(&too_long.to_le_bytes()).await.unwrap();
    answer.clear();
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, bad, "and the end");
    links_and_talks(&city, &mut up, 21).await;
    assert_eq!(asks(at).await, Ok(no(RefusalCode::NotAdmitted)));
}

#[tokio::test]
async fn too_many_and_slow_strangers_take_the_desks_slots_for_their_time_and_disturb_no_link() {
    let time = Duration::from_secs(8);
    let city = City::new();
    let mut up = hub_with_desk(&city, true, time);
    let (at, links) = (up.endpoint.recovery_addr().unwrap(), up.endpoint.tcp_addr().unwrap());
    let began = Instant::now();
    // One shakes hands and then drips: a request of 100 bytes, one byte at a time.
    let (mut read, mut write) = tokio::io::split(shaken(at).await);
    let slow = tokio::spawn(async move {
        let drip = async {
            write.write_all(&[100, 0, 0, 0]).await?;
            let mut drops = tokio::time::interval(Duration::from_millis(200));
            for _ in 0..99 {
                drops.tick().await;
                write.write_all(&[7]).await?;
                write.flush().await?;
            }
            std::future::pending::<io::Result<()>>().await
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ = drip => {}
            _ = read.read_to_end(&mut answer) => {}
        }
        assert!(answer.is_empty(), "nothing was asked to its end");
    });
    let mut others = JoinSet::new();
    for number in 0..SLOTS - 1 + 40 {
        let stream = from(if number % 2 == 0 { 2 } else { 3 }, at).await;
        others.spawn(last_words(stream));
    }
    // Beyond the slots everybody is ended at once; who has one says nothing and keeps it.
    for _ in 0..40 {
        assert_eq!(timeout(SOON, others.join_next()).await.unwrap().unwrap().unwrap(), 0);
    }
    assert!(began.elapsed() < time, "{:?}: nobody was refused for want of a slot", began.elapsed());
    // The same slots at the port of the links, and nothing that links need.
    assert!(asks(at).await.is_err() && asks(links).await.is_err());
    links_and_talks(&city, &mut up, 22).await;
    assert!(began.elapsed() < time, "the slots were free again: {:?}", began.elapsed());
    timeout(time + SOON, slow).await.unwrap().unwrap();
    assert!(began.elapsed() >= time, "{:?}", began.elapsed());
    while let Some(words) = timeout(SOON, others.join_next()).await.unwrap() {
        assert_eq!(words.unwrap(), 0);
    }
    assert!(began.elapsed() < time + SOON);
    assert_eq!(asks(at).await, Ok(no(RefusalCode::NotAdmitted)));
    links_and_talks(&city, &mut up, 23).await;
}
