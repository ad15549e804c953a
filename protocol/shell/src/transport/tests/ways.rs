//! QUIC and TCP against each other, through a UDP relay that drops what the test says.

use super::*;
use tokio::net::UdpSocket;

/// Stands before a hub's UDP socket; TCP callers at the same port reach the hub itself.
struct Gateway {
    front: SocketAddr,
    blocked: Arc<AtomicBool>,
    lose: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

/// A hub behind a gateway.
async fn behind_gateway(city: &City, settings: Settings) -> (Side, Gateway) {
    let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = front.local_addr().unwrap();
    let credentials = city.credentials(&hub(), NodeKind::Hub);
    let (send, heard) = unbounded_channel();
    let ear = Ear::new(send);
    let listen = Listen { udp: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), tcp: Some(address) };
    let endpoint = Endpoint::bind(Some(listen), credentials, ear, None, settings).unwrap();
    let back = endpoint.local_addr().unwrap();
    let (blocked, lose) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let mut task = JoinSet::new();
    task.spawn(relay(front, back, Arc::clone(&blocked), Arc::clone(&lose)));
    (Side { endpoint, heard }, Gateway { front: address, blocked, lose, _task: task })
}

/// One caller at a time: what comes from the hub goes to whoever sent last.
async fn relay(front: UdpSocket, back: SocketAddr, blocked: Arc<AtomicBool>, lose: Arc<AtomicU64>) {
    let towards_hub = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut caller = None;
    loop {
        let (from_below, length) = tokio::select! {
            Ok((length, from)) = front.recv_from(&mut up) => {
                caller = Some(from);
                (true, length)
            }
            Ok((length, _)) = towards_hub.recv_from(&mut down) => (false, length),
        };
        let lost = lose.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if blocked.load(Ordering::Relaxed) || lost.is_ok() {
            continue;
        }
        let _ = match (from_below, caller) {
            (true, _) => towards_hub.send_to(&up[..length], back).await,
            (false, Some(caller)) => front.send_to(&down[..length], caller).await,
            (false, None) => Ok(0),
        };
    }
}

fn quick() -> Settings {
    Settings {
        idle: Duration::from_millis(900),
        keep_alive: Duration::from_millis(300),
        quic_again: Duration::from_millis(300),
        ..Settings::default()
    }
}

fn caller(city: &City, settings: Settings) -> Side {
    Side::with(false, city.credentials(&node(), NodeKind::Node), settings)
}

#[tokio::test]
async fn where_udp_is_blocked_the_link_comes_up_over_tcp_after_the_head_start_and_at_once_the_next_time()
 {
    let city = City::new();
    let (mut up, gateway) = behind_gateway(&city, quick()).await;
    gateway.blocked.store(true, Ordering::Relaxed);
    let settings = Settings { head_start: Duration::from_millis(400), ..Settings::default() };
    let mut down = caller(&city, settings);
    let began = Instant::now();
    let dialed = down.endpoint.dial(hub_record(gateway.front, None)).await.unwrap();
    assert_eq!(dialed.carrier, Carrier::Tcp);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    let (_, carrier, writer) = down.carrier().await;
    let (_, there, _from_hub) = up.carrier().await;
    assert_eq!((carrier, there), (Carrier::Tcp, Carrier::Tcp));
    writer.send(Channel::Data, vec![7; 500_000]);
    assert_eq!(up.message().await, (Channel::Data, vec![7; 500_000]));
    writer.close("again".to_owned());
    end(dialed).await;
    let began = Instant::now();
    let dialed = down.endpoint.dial(hub_record(gateway.front, None)).await.unwrap();
    assert_eq!(dialed.carrier, Carrier::Tcp);
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_lost_packet_is_no_reason_to_leave_udp() {
    let city = City::new();
    let (_up, gateway) = behind_gateway(&city, Settings::default()).await;
    gateway.lose.store(1, Ordering::Relaxed);
    let down = caller(&city, Settings::default());
    let dialed = down.endpoint.dial(hub_record(gateway.front, None)).await.unwrap();
    assert_eq!(dialed.carrier, Carrier::Quic);
}

#[tokio::test]
async fn udp_that_dies_after_the_handshake_ends_in_tcp_and_quic_is_used_again_when_udp_is_back() {
    let city = City::new();
    let (mut up, gateway) = behind_gateway(&city, quick()).await;
    let mut down = caller(&city, quick());
    let record = hub_record(gateway.front, None);
    let dialed = down.endpoint.dial(record.clone()).await.unwrap();
    let (_, carrier, _first) = down.carrier().await;
    assert_eq!((dialed.carrier, carrier), (Carrier::Quic, Carrier::Quic));
    let _from_hub = up.carrier().await;
    gateway.blocked.store(true, Ordering::Relaxed);
    assert_eq!(end(dialed).await, LinkEnd::Silent);
    down.down().await;

    let began = Instant::now();
    let dialed = down.endpoint.dial(record).await.unwrap();
    let (_, carrier, _second) = down.carrier().await;
    assert_eq!((dialed.carrier, carrier), (Carrier::Tcp, Carrier::Tcp));
    // No head start for what has just fallen silent.
    assert!(began.elapsed() < quick().head_start, "{:?}", began.elapsed());

    gateway.blocked.store(false, Ordering::Relaxed);
    let (second, carrier, writer) = down.carrier().await;
    assert_eq!((second, carrier), (2, Carrier::Quic));
    writer.send(Channel::Control, b"here".to_vec());
    // The hub heard the first link end and the second one begin before it hears this.
    let mut held = Vec::new();
    loop {
        match up.next().await {
            Heard::Message { bytes, .. } => break assert_eq!(bytes, b"here"),
            Heard::Up { writer, .. } => held.push(writer),
            Heard::Down(_) => {}
        }
    }
    // The older link is the sink's to leave.
    assert!(down.heard_nothing());
}

#[tokio::test]
async fn after_a_win_of_tcp_quic_is_tried_again_within_seconds_and_the_network_is_not_blamed() {
    let city = City::new();
    let (_up, gateway) = behind_gateway(&city, Settings::default()).await;
    gateway.blocked.store(true, Ordering::Relaxed);
    let mut down = caller(&city, Settings { head_start: Duration::ZERO, ..Settings::default() });
    let dialed = down.endpoint.dial(hub_record(gateway.front, None)).await.unwrap();
    let (_, carrier, _tcp) = down.carrier().await;
    assert_eq!((dialed.carrier, carrier), (Carrier::Tcp, Carrier::Tcp));
    assert!(!down.blames_udp());
    gateway.blocked.store(false, Ordering::Relaxed);
    let (_, carrier, _quic) = down.carrier().await;
    assert_eq!(carrier, Carrier::Quic);
    assert!(!down.blames_udp());
}

#[tokio::test]
async fn a_silent_tcp_peer_is_found_out_and_an_idle_one_is_not() {
    let city = City::new();
    let (mut up, gateway) = behind_gateway(&city, quick()).await;
    gateway.blocked.store(true, Ordering::Relaxed);
    let mut down = caller(&city, Settings { head_start: Duration::ZERO, ..quick() });
    let dialed = down.endpoint.dial(hub_record(gateway.front, None)).await.unwrap();
    assert_eq!(dialed.carrier, Carrier::Tcp);
    let (_, _, writer) = down.carrier().await;
    let _from_hub = up.carrier().await;
    // Thrice the idle time with nothing to say, and the link is not given up.
    let given_up = timeout(quick().idle * 3, up.down()).await;
    assert!(given_up.is_err(), "{given_up:?}");
    writer.send(Channel::Control, vec![1]);
    assert_eq!(up.message().await, (Channel::Control, vec![1]));

    // A caller that shakes hands and then says nothing at all.
    let clients = down.endpoint.dialer.clients(hub().public()).unwrap();
    let record = hub_record(gateway.front, None);
    let mute = down.endpoint.dialer.reach(&record, &clients, Carrier::Tcp).await;
    let Ok((dial::Ready::Tcp(_mute), _)) = mute else { panic!("not reached") };
    let (link, _, _writer) = up.carrier().await;
    assert_eq!(up.down().await, Some(link));
}

#[tokio::test]
async fn tcp_callers_that_name_no_protocol_or_send_nonsense_get_nowhere() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let remote = up.endpoint.tcp_addr().unwrap();
    assert_eq!(remote.port(), up.endpoint.local_addr().unwrap().port());
    let credentials = city.credentials(&node(), NodeKind::Node);
    let mut config = tls::data_client(&credentials, hub().public()).unwrap();
    config.alpn_protocols.clear();
    let error = tcp::dial(Arc::new(config), hub().public(), remote).await.unwrap_err();
    assert!(matches!(error, Attempt::Streams(_)), "{error}");
    let mut config = tls::recovery_client(Some(hub().public())).unwrap();
    config.alpn_protocols = vec![tls::DATA_ALPN.to_vec()];
    let error = tcp::dial(Arc::new(config), hub().public(), remote).await.unwrap_err();
    let Attempt::Tcp(error) = error else { panic!("{error}") };
    assert!(matches!(end::of_tls(&error), LinkEnd::Certificate { alert: 116, .. }), "{error}");
    let mut stranger = tokio::net::TcpStream::connect(remote).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stranger, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stranger, &mut answer).await;
    assert!(answer.len() < 64, "an alert at most");
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn a_restarted_hub_tells_all_its_callers_at_once_and_none_takes_udp_for_blocked() {
    let city = City::new();
    let credentials = city.credentials(&hub(), NodeKind::Hub);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut up = runtime.spawn(async move { Side::new(true, credentials) }).await.unwrap();
    let at = up.endpoint.local_addr().unwrap();
    let mut callers = Vec::new();
    for number in 10..26 {
        let settings = Settings { keep_alive: Duration::from_millis(500), ..Settings::default() };
        let credentials = city.credentials(&key(number), NodeKind::Node);
        let mut caller = Side::with(false, credentials, settings);
        let dialed = caller.endpoint.dialer.dial_by(up.record(), Carrier::Quic).await.unwrap();
        let writer = caller.up().await.3;
        let there = up.up().await.3;
        callers.push((caller, dialed, writer, there));
    }
    // As if killed: nobody is told, and the next process has the same port.
    runtime.shutdown_background();
    drop(up);
    let listen = Listen { udp: at, tcp: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))) };
    let second = loop {
        let credentials = city.credentials(&hub(), NodeKind::Hub);
        let ear = Ear::new(unbounded_channel().0);
        match Endpoint::bind(Some(listen), credentials, ear, None, Settings::default()) {
            Ok(endpoint) => break endpoint,
            // The last task of the dead process is about to let go of the socket.
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let began = Instant::now();
    let mut lost = 0;
    for (_caller, dialed, _writer, _there) in callers {
        match end(dialed).await {
            LinkEnd::Lost(_) => lost += 1,
            // A task of the dead process was still running, and said good-bye.
            LinkEnd::Peer(_) => {}
            other => panic!("{other}"),
        }
    }
    assert!(lost > 0, "nobody was told by the second process");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(second);
}
