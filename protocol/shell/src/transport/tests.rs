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

mod refused;
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
