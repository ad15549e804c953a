//! Two endpoints over loopback. Nothing sleeps: tests wait for what the sinks hear.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    certificate::{issue, make_ca},
    test_city::{City, DAY, NOW, certificates, clock_at, denial, hub, hub_record, key, node},
};
use motcua_core::{
    key::SecretKey,
    limits::{CONTROL_BYTES, MESSAGE_BYTES, SCAN_MESSAGE_BYTES},
    time::Timestamp,
    trust::{HubRecord, NodeKind},
};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

mod strangers;
mod ways;

/// Bound on everything that is awaited; far above what a loaded machine needs.
const SOON: Duration = Duration::from_secs(20);

enum Heard {
    Up { link: u64, peer: PublicKey, dialed: bool, carrier: Carrier, writer: LinkWriter },
    Message { channel: Channel, bytes: Vec<u8> },
    Down(Option<u64>),
}

#[derive(Clone)]
struct Ear {
    heard: UnboundedSender<Heard>,
    links: Arc<AtomicU64>,
    blames_udp: Arc<AtomicBool>,
    /// Data messages wait while it holds.
    stalls: watch::Sender<bool>,
}

impl Ear {
    fn new(heard: UnboundedSender<Heard>) -> Self {
        Self {
            heard,
            links: Arc::default(),
            blames_udp: Arc::default(),
            stalls: watch::Sender::new(false),
        }
    }
}

impl LinkSink for Ear {
    type Link = u64;

    fn link_up(
        &self,
        peer: PublicKey,
        dialed: bool,
        carrier: Carrier,
        writer: LinkWriter,
    ) -> (u64, Arc<Semaphore>) {
        let link = self.links.fetch_add(1, Ordering::Relaxed);
        let _ = self.heard.send(Heard::Up { link, peer, dialed, carrier, writer });
        (link, Arc::new(Semaphore::new(1)))
    }

    async fn message(&self, _: u64, _: &Arc<Semaphore>, channel: Channel, bytes: Vec<u8>) {
        if channel == Channel::Data {
            // The sender stands beside the receiver: it is never gone.
            let _ = self.stalls.subscribe().wait_for(|stalls| !stalls).await;
        }
        let _ = self.heard.send(Heard::Message { channel, bytes });
    }

    fn link_down(&self, link: Option<u64>) {
        let _ = self.heard.send(Heard::Down(link));
    }

    fn udp_blocked(&self, blocked: bool) {
        self.blames_udp.store(blocked, Ordering::Relaxed);
    }
}

struct Side {
    endpoint: Endpoint<Ear>,
    heard: UnboundedReceiver<Heard>,
}

impl Side {
    fn new(listen: bool, credentials: Credentials) -> Self {
        Self::with(listen, credentials, Settings::default())
    }

    fn with(listen: bool, credentials: Credentials, settings: Settings) -> Self {
        let (send, heard) = unbounded_channel();
        let ear = Ear::new(send);
        let address = listen.then(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listen = address.map(Listen::from);
        let endpoint = Endpoint::bind(listen, credentials, ear, None, settings).unwrap();
        Self { endpoint, heard }
    }

    fn record(&self) -> HubRecord {
        hub_record(self.endpoint.local_addr().unwrap(), None)
    }

    async fn next(&mut self) -> Heard {
        timeout(SOON, self.heard.recv()).await.unwrap().unwrap()
    }

    async fn up(&mut self) -> (u64, PublicKey, bool, LinkWriter) {
        match self.next().await {
            Heard::Up { link, peer, dialed, writer, .. } => (link, peer, dialed, writer),
            Heard::Message { .. } => panic!("a message before the link"),
            Heard::Down(link) => panic!("link {link:?} is down"),
        }
    }

    /// The next link, whatever its number.
    async fn carrier(&mut self) -> (u64, Carrier, LinkWriter) {
        match self.next().await {
            Heard::Up { link, carrier, writer, .. } => (link, carrier, writer),
            Heard::Message { .. } => panic!("a message before the link"),
            Heard::Down(link) => panic!("link {link:?} is down"),
        }
    }

    async fn message(&mut self) -> (Channel, Vec<u8>) {
        match self.next().await {
            Heard::Message { channel, bytes } => (channel, bytes),
            Heard::Up { .. } => panic!("another link"),
            Heard::Down(link) => panic!("link {link:?} is down"),
        }
    }

    async fn down(&mut self) -> Option<u64> {
        match self.next().await {
            Heard::Down(link) => link,
            Heard::Up { .. } => panic!("another link"),
            Heard::Message { .. } => panic!("a message"),
        }
    }

    fn blames_udp(&self) -> bool {
        self.endpoint.dialer.sink.blames_udp.load(Ordering::Relaxed)
    }

    fn heard_nothing(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}

async fn end(dialed: Dialed) -> LinkEnd {
    timeout(SOON, dialed.ended).await.unwrap().unwrap()
}

/// A hub and a node with a link between them, over a carrier.
async fn linked_by(city: &City, carrier: Carrier) -> (Side, Side, LinkWriter, LinkWriter, Dialed) {
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let mut down = Side::new(false, city.credentials(&node(), NodeKind::Node));
    let dialed = down.endpoint.dialer.dial_by(up.record(), carrier).await.unwrap();
    assert_eq!(dialed.carrier, carrier);
    let (_, peer, dialed_here, from_node) = down.up().await;
    assert_eq!((peer, dialed_here), (hub().public(), true));
    let (_, peer, dialed_here, from_hub) = up.up().await;
    assert_eq!((peer, dialed_here), (node().public(), false));
    (up, down, from_hub, from_node, dialed)
}

/// The same over QUIC.
async fn linked(city: &City) -> (Side, Side, LinkWriter, LinkWriter, Dialed) {
    linked_by(city, Carrier::Quic).await
}

#[tokio::test]
async fn messages_of_every_size_arrive_whole_and_in_order_both_ways() {
    for carrier in Carrier::ALL {
        let city = City::new();
        let (mut up, mut down, from_hub, from_node, _dialed) = linked_by(&city, carrier).await;
        let sizes = [0, 1, 1199, 16 * 1024, 16 * 1024 + 1, 300_000, MESSAGE_BYTES, 5];
        for (writer, far) in [(&from_node, &mut up), (&from_hub, &mut down)] {
            writer.send(Channel::Scan, vec![9; SCAN_MESSAGE_BYTES]);
            assert_eq!(far.message().await, (Channel::Scan, vec![9; SCAN_MESSAGE_BYTES]));
            for (number, size) in sizes.iter().enumerate() {
                writer.send(Channel::Data, vec![number as u8; *size]);
            }
            for (number, size) in sizes.iter().enumerate() {
                assert_eq!(far.message().await, (Channel::Data, vec![number as u8; *size]));
            }
            writer.send(Channel::Control, vec![7; CONTROL_BYTES]);
            assert_eq!(far.message().await, (Channel::Control, vec![7; CONTROL_BYTES]));
        }
    }
}

#[tokio::test]
async fn a_link_whose_data_messages_have_to_wait_goes_on_with_everything_else() {
    let settings = Settings {
        idle: Duration::from_millis(900),
        keep_alive: Duration::from_millis(300),
        ..Settings::default()
    };
    for carrier in Carrier::ALL {
        let city = City::new();
        let (hub, node) =
            (city.credentials(&hub(), NodeKind::Hub), city.credentials(&node(), NodeKind::Node));
        let mut up = Side::with(true, hub, settings.clone());
        let mut down = Side::with(false, node, settings.clone());
        let _dialed = down.endpoint.dialer.dial_by(up.record(), carrier).await.unwrap();
        let ((_, _, _, from_node), (_, _, _, from_hub)) = (down.up().await, up.up().await);
        let stalls = up.endpoint.dialer.sink.stalls.clone();
        stalls.send_replace(true);
        let began = Instant::now();
        for number in 0..3 {
            from_node.send(Channel::Data, vec![number; 60_000]);
        }
        // Longer than a silent link lives.
        while began.elapsed() < settings.idle * 3 {
            from_node.send(Channel::Control, vec![1]);
            assert_eq!(up.message().await, (Channel::Control, vec![1]), "{carrier:?}");
            from_hub.send(Channel::Control, vec![2]);
            assert_eq!(down.message().await, (Channel::Control, vec![2]), "{carrier:?}");
        }
        stalls.send_replace(false);
        for number in 0..3 {
            assert_eq!(up.message().await, (Channel::Data, vec![number; 60_000]), "{carrier:?}");
        }
    }
}

#[tokio::test]
async fn closing_a_link_flushes_what_was_queued_and_tells_why() {
    for carrier in Carrier::ALL {
        let city = City::new();
        let (mut up, mut down, from_hub, _from_node, dialed) = linked_by(&city, carrier).await;
        for number in 0..20 {
            from_hub.send(Channel::Data, vec![number; 100_000]);
        }
        from_hub.close("máy bị khóa / machine suspended".to_owned());
        for number in 0..20 {
            assert_eq!(down.message().await, (Channel::Data, vec![number; 100_000]));
        }
        assert_eq!(down.down().await, Some(0));
        assert_eq!(up.down().await, Some(0));
        assert_eq!(end(dialed).await, LinkEnd::Peer("máy bị khóa / machine suspended".to_owned()));
    }
}

#[tokio::test]
async fn a_link_nobody_writes_to_any_more_is_closed() {
    for carrier in Carrier::ALL {
        let city = City::new();
        let (mut up, mut down, from_hub, _from_node, dialed) = linked_by(&city, carrier).await;
        drop(from_hub);
        assert_eq!((up.down().await, down.down().await), (Some(0), Some(0)));
        assert_eq!(end(dialed).await, LinkEnd::Peer(SHUTTING_DOWN.to_owned()));
    }
}

/// Dials the hub with these credentials and expects the given TLS alert, and silence at the hub.
async fn is_refused(city: &City, hub_at: Timestamp, caller: Credentials, alert: u8) {
    is_refused_by_tcp(city, hub_at, caller.clone(), alert).await;
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, city.trust(), clock_at(hub_at)).unwrap();
    let mut up = Side::new(true, credentials);
    let mut down = Side::new(false, caller);
    // The caller is done with its half of the handshake before the hub has judged it.
    if let Ok(dialed) = down.endpoint.dialer.dial_by(up.record(), Carrier::Quic).await {
        let (_link, _peer, _dialed, _writer) = down.up().await;
        let end = end(dialed).await;
        assert!(matches!(&end, LinkEnd::Certificate { alert: got, .. } if *got == alert), "{end}");
        assert_eq!(down.down().await, Some(0));
    } else {
        assert_eq!(down.down().await, None);
    }
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

/// Over TCP a dial comes through only once the hub has accepted the caller.
async fn is_refused_by_tcp(city: &City, hub_at: Timestamp, caller: Credentials, alert: u8) {
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, city.trust(), clock_at(hub_at)).unwrap();
    let mut up = Side::new(true, credentials);
    let mut down = Side::new(false, caller);
    let error = down.endpoint.dialer.dial_by(up.record(), Carrier::Tcp).await.unwrap_err();
    assert_eq!(error.is_of_certificate(), alert != 44, "{error}");
    let DialError::Unreachable { attempts, .. } = error else { panic!("{error}") };
    let [(_, Attempt::Tcp(error))] = attempts.as_slice() else { panic!("{attempts:?}") };
    let end = end::of_tls(error);
    assert!(matches!(&end, LinkEnd::Certificate { alert: got, .. } if *got == alert), "{error}");
    assert_eq!(down.down().await, None);
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn a_certificate_of_a_foreign_ca_is_refused() {
    let city = City::new();
    let foreign = key(99);
    let ca = make_ca(&foreign, "Thành phố").unwrap();
    let chain = issue(&foreign, &ca, &node().public(), NodeKind::Node, NOW, 90).unwrap();
    let caller = Credentials::new(&node(), &chain, city.trust(), clock_at(NOW)).unwrap();
    is_refused(&city, NOW, caller, 48).await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let city = City::new();
    // Under the name of the city's CA, to be thorough.
    let chain = vec![make_ca(&node(), "Thành phố").unwrap()];
    let caller = Credentials::new(&node(), &chain, city.trust(), clock_at(NOW)).unwrap();
    is_refused(&city, NOW, caller, 49).await;
}

#[tokio::test]
async fn a_certificate_is_refused_from_its_end_on_by_the_hubs_clock() {
    let city = City::new();
    let caller = city.credentials(&node(), NodeKind::Node);
    is_refused(&city, Timestamp(NOW.0 + 91 * DAY), caller, 45).await;
}

#[tokio::test]
async fn machines_beside_each_other_go_on_although_nobody_could_renew_their_certificates() {
    let city = City::new();
    let late = clock_at(Timestamp(NOW.0 + 400 * DAY));
    let chain = certificates(&hub(), NodeKind::Node, &city.ca);
    let one = Credentials::new(&hub(), &chain, city.trust(), late).unwrap();
    let mut one = Side::new(true, one.beside());
    let two = Side::new(false, city.credentials(&node(), NodeKind::Node).beside());
    let address = one.endpoint.local_addr().unwrap().to_string();
    let (key, _ended) = two.endpoint.dial_beside(&address).await.unwrap();
    assert_eq!(key, hub().public());
    assert_eq!(one.up().await.1, node().public());
}

#[tokio::test]
async fn a_denied_machine_is_refused_as_soon_as_the_list_is_adopted() {
    let city = City::new();
    let (mut up, mut down, _from_hub, _from_node, _dialed) = linked(&city).await;
    let trust = city.trust();
    let chain = certificates(&hub(), NodeKind::Hub, &city.ca);
    let credentials = Credentials::new(&hub(), &chain, trust.clone(), clock_at(NOW)).unwrap();
    let mut second = Side::new(true, credentials);
    let mut view = trust.get();
    view.adopt_denial(denial(2, &[node().public()])).unwrap();
    trust.set(view);
    let dialed = down.endpoint.dial(second.record()).await.unwrap();
    let (_link, _peer, _dialed, _writer) = down.up().await;
    assert!(matches!(end(dialed).await, LinkEnd::Certificate { alert: 44, .. }));
    assert_eq!(down.down().await, Some(1));
    second.endpoint.close().await;
    assert!(second.heard_nothing() && up.heard_nothing());
}

#[tokio::test]
async fn clocks_at_1970_and_in_the_far_future_do_not_keep_a_node_out() {
    let city = City::new();
    for (hub_at, node_at) in [(Timestamp(0), NOW), (NOW, Timestamp(NOW.0 * 4)), (NOW, Timestamp(0))]
    {
        let chain = |device: &SecretKey, kind| certificates(device, kind, &city.ca);
        let hub_side =
            Credentials::new(&hub(), &chain(&hub(), NodeKind::Hub), city.trust(), clock_at(hub_at));
        let node_side = Credentials::new(
            &node(),
            &chain(&node(), NodeKind::Node),
            city.trust(),
            clock_at(node_at),
        );
        let mut up = Side::new(true, hub_side.unwrap());
        let down = Side::new(false, node_side.unwrap());
        let _dialed = down.endpoint.dial(up.record()).await.unwrap();
        assert_eq!(up.up().await.1, node().public());
    }
}

/// quinn as it comes, with a TLS configuration of the test's choosing.
async fn raw_dial(
    config: rustls::ClientConfig,
    remote: SocketAddr,
) -> (quinn::Endpoint, Result<quinn::Connection, quinn::ConnectionError>) {
    let endpoint = dialing_endpoint(EndpointConfig::default()).unwrap();
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(config).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connection = endpoint.connect_with(config, remote, "hub.motcua").unwrap().await;
    (endpoint, connection)
}

#[tokio::test]
async fn without_a_client_certificate_nobody_gets_past_the_handshake() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let mut config = tls::recovery_client(Some(hub().public())).unwrap();
    config.alpn_protocols = vec![tls::DATA_ALPN.to_vec()];
    let remote = up.endpoint.local_addr().unwrap();
    let (_endpoint, connection) = raw_dial(config, remote).await;
    let connection = connection.unwrap();
    // The streams are opened and written to at once, ahead of the hub's verdict.
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(&[0, 1, 0, 0, 0, 9]).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(&[1, 1, 0, 0, 0, 9]).await;
    let closed = timeout(SOON, connection.closed()).await.unwrap();
    assert!(matches!(LinkEnd::of(&closed), LinkEnd::Certificate { alert: 116, .. }), "{closed}");
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn another_alpn_is_refused() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let remote = up.endpoint.local_addr().unwrap();
    let config = tls::recovery_client(Some(hub().public())).unwrap();
    let (_endpoint, connection) = raw_dial(config, remote).await;
    assert!(connection.is_err());
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn a_hub_with_another_key_is_refused_by_the_dialler() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&key(77), NodeKind::Hub));
    let mut down = Side::new(false, city.credentials(&node(), NodeKind::Node));
    let error = down.endpoint.dial(up.record()).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error}");
    assert_eq!(down.down().await, None);
    up.endpoint.close().await;
    assert!(up.heard_nothing() && down.heard_nothing());
}

#[tokio::test]
async fn addresses_are_tried_in_order_until_one_answers() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let stranger = Side::new(true, city.credentials(&key(77), NodeKind::Hub));
    let mut down = Side::new(false, city.credentials(&node(), NodeKind::Node));
    let mut record = up.record();
    record.addresses.insert(0, stranger.endpoint.local_addr().unwrap().to_string());
    record.addresses.insert(0, "no port".to_owned());
    let dialed = down.endpoint.dial(record).await.unwrap();
    assert_eq!(dialed.remote, up.endpoint.local_addr().unwrap());
    assert_eq!((up.up().await.1, down.up().await.1), (node().public(), hub().public()));
}

#[tokio::test]
async fn a_dial_that_is_dropped_or_has_no_address_is_told_once() {
    let city = City::new();
    let mut down = Side::new(false, city.credentials(&node(), NodeKind::Node));
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut record = hub_record(silent.local_addr().unwrap(), None);
    drop(timeout(Duration::from_millis(1), down.endpoint.dial(record.clone())).await);
    assert_eq!(down.down().await, None);
    record.addresses.clear();
    let error = down.endpoint.dial(record).await.unwrap_err();
    assert!(matches!(error, DialError::NoAddress(_)));
    assert_eq!(down.down().await, None);
    assert!(down.heard_nothing());
}

#[tokio::test]
async fn an_oversized_length_closes_that_link_only() {
    let city = City::new();
    let (mut up, mut down, _from_hub, from_node, dialed) = linked(&city).await;
    let credentials = city.credentials(&key(42), NodeKind::Node);
    let config = tls::data_client(&credentials, hub().public()).unwrap();
    let remote = up.endpoint.local_addr().unwrap();
    let (_endpoint, connection) = raw_dial(config, remote).await;
    let connection = connection.unwrap();
    let mut streams = Vec::new();
    let prefix = (MESSAGE_BYTES as u32 + 1).to_le_bytes();
    for (tag, prefix) in [(2, &[][..]), (0, &[0; 4]), (1, &prefix)] {
        let (mut send, receive) = connection.open_bi().await.unwrap();
        send.write_all(&[&[tag], prefix].concat()).await.unwrap();
        streams.push((send, receive));
    }
    assert_eq!(up.up().await.0, 1);
    assert_eq!(up.message().await, (Channel::Control, vec![]));
    assert_eq!(up.down().await, Some(1));
    let closed = timeout(SOON, connection.closed()).await.unwrap().to_string();
    assert!(closed.contains(&format!("{} bytes, at most {MESSAGE_BYTES}", MESSAGE_BYTES + 1)));
    from_node.send(Channel::Data, vec![1, 2, 3]);
    assert_eq!(up.message().await, (Channel::Data, vec![1, 2, 3]));
    drop(dialed);
    assert!(down.heard_nothing());
}

#[tokio::test]
async fn a_cut_message_and_wrong_tags_end_the_link() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let remote = up.endpoint.local_addr().unwrap();
    let cut = [[0, 5], [1, 0], [2, 0]];
    for bytes in [cut, [[0, 0], [0, 0], [2, 0]], [[3, 0], [1, 0], [2, 0]]] {
        let credentials = city.credentials(&node(), NodeKind::Node);
        let config = tls::data_client(&credentials, hub().public()).unwrap();
        let (_endpoint, connection) = raw_dial(config, remote).await;
        let connection = connection.unwrap();
        for bytes in bytes {
            let (mut send, _receive) = connection.open_bi().await.unwrap();
            send.write_all(&bytes).await.unwrap();
            send.finish().unwrap();
        }
        timeout(SOON, connection.closed()).await.unwrap();
        if bytes == cut {
            assert_eq!((up.up().await.0, up.down().await), (0, Some(0)));
        }
    }
    up.endpoint.close().await;
    assert!(up.heard_nothing());
}

#[tokio::test]
async fn closing_the_endpoint_flushes_and_ends_its_links_in_time() {
    for carrier in Carrier::ALL {
        let city = City::new();
        let (mut up, mut down, from_hub, _from_node, dialed) = linked_by(&city, carrier).await;
        from_hub.send(Channel::Data, vec![1; 500_000]);
        timeout(Settings::default().drain_timeout * 2, up.endpoint.close()).await.unwrap();
        assert_eq!(down.message().await, (Channel::Data, vec![1; 500_000]));
        assert_eq!((up.down().await, down.down().await), (Some(0), Some(0)));
        assert_eq!(end(dialed).await, LinkEnd::Peer(SHUTTING_DOWN.to_owned()));
        assert!(up.endpoint.dial(up.record()).await.is_err());
        assert_eq!(up.down().await, None);
    }
}

#[tokio::test]
async fn closing_with_a_peer_that_never_answers_stays_within_the_bound() {
    let city = City::new();
    let drain_timeout = Duration::from_millis(300);
    let settings = Settings { drain_timeout, ..Settings::default() };
    let mut up = Side::with(true, city.credentials(&hub(), NodeKind::Hub), settings);
    let credentials = city.credentials(&node(), NodeKind::Node);
    let config = tls::data_client(&credentials, hub().public()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let remote = up.endpoint.local_addr().unwrap();
    let raw = runtime.spawn(async move {
        let (endpoint, connection) = raw_dial(config, remote).await;
        let connection = connection.unwrap();
        let mut streams = Vec::new();
        for tag in [0, 1, 2] {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(&[tag]).await.unwrap();
            streams.push((send, receive));
        }
        (endpoint, connection, streams)
    });
    let held = raw.await.unwrap();
    let (_, _, _, writer) = up.up().await;
    // The peer's machine stops: its runtime is gone, nothing acknowledges any more.
    runtime.shutdown_background();
    writer.send(Channel::Data, vec![0; MESSAGE_BYTES]);
    timeout(SOON, up.endpoint.close()).await.unwrap();
    assert_eq!(up.down().await, Some(0));
    drop(held);
}

#[tokio::test]
async fn dropping_the_endpoint_ends_its_links() {
    for carrier in Carrier::ALL {
        let city = City::new();
        let (up, mut down, _from_hub, _from_node, _dialed) = linked_by(&city, carrier).await;
        let Side { endpoint, mut heard } = up;
        drop(endpoint);
        assert!(matches!(timeout(SOON, heard.recv()).await.unwrap(), Some(Heard::Down(Some(0)))));
        assert_eq!(down.down().await, Some(0));
    }
}

#[tokio::test]
async fn an_idle_reconnect_costs_at_most_six_kilobytes() {
    let city = City::new();
    let mut up = Side::new(true, city.credentials(&hub(), NodeKind::Hub));
    let credentials = city.credentials(&node(), NodeKind::Node);
    let mut down = Side::new(false, credentials);
    let dialer = Arc::clone(&down.endpoint.dialer);
    let clients = dialer.clients(hub().public()).unwrap();
    let reached = dialer.reach(&up.record(), &clients, Carrier::Quic).await;
    let Ok((dial::Ready::Quic(open), _)) = reached else { panic!("not reached") };
    let statistics = open.connection.clone();
    let (sink, stop) = (dialer.sink.clone(), dialer.stop.subscribe());
    let settings = Settings::default();
    let running = tokio::spawn(async move { open.run(sink, &settings, stop).await });
    let (_, _, _, from_node) = down.up().await;
    let (_, _, _, from_hub) = up.up().await;
    // Hello and answer, as large as they are when nothing changed.
    from_node.send(Channel::Control, vec![1; 400]);
    up.message().await;
    from_hub.send(Channel::Control, vec![1; 300]);
    down.message().await;
    from_node.close("done".to_owned());
    timeout(SOON, running).await.unwrap().unwrap();
    up.down().await;
    let sent = statistics.stats();
    let bytes = sent.udp_tx.bytes + sent.udp_rx.bytes;
    assert!(bytes <= 6_000, "{bytes} bytes: {sent:?}");
}
