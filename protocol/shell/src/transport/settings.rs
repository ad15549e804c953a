//! How QUIC is set up, with the reason for each number.

use quinn::{IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};
use std::{sync::Arc, time::Duration};

/// What an operator may have to change for a bad network, and what tests shorten.
#[derive(Debug, Clone)]
pub struct Settings {
    /// UDP payload that is sent from the start. 1200 passes everywhere (RFC 9000, 14); more only
    /// where the whole path is known.
    pub initial_mtu: u16,
    /// Probe for larger packets. Off, because five probes of 1.4 kB would be half the cost of an
    /// idle reconnect; on for hubs on a LAN that catch up gigabytes.
    pub mtu_discovery: bool,
    /// Hand the kernel several packets at once. Some rate-limited mobile links drop such bursts.
    pub segmentation_offload: bool,
    /// Links at once; the country has 3,355 offices.
    pub links: usize,
    /// Handshakes at once: each costs a hub two signatures and a signature check.
    pub handshakes: usize,
    /// How long one address may take to shake hands, and a caller to open its streams.
    pub handshake_timeout: Duration,
    /// How long a closing link may take to send what was queued.
    pub flush_timeout: Duration,
    /// How long closing the endpoint may take altogether.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            initial_mtu: 1200,
            mtu_discovery: false,
            segmentation_offload: true,
            links: 4096,
            handshakes: 512,
            handshake_timeout: Duration::from_secs(5),
            flush_timeout: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(3),
        }
    }
}

/// A dead peer is noticed after this long (sync needs no quicker word: the node keeps its work).
const IDLE: u32 = 45_000;
/// From the dialler only, thrice within the idle time; mobile NATs forget UDP after 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Unread bytes a peer may have with us, per link and per stream. A stream must hold the largest
/// message thrice; beyond it the peer waits.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes handed to quinn and not yet acknowledged.
const SEND_WINDOW: u64 = 8 * 1024 * 1024;
/// Control, data and scans, and room for one kind to come.
const STREAMS: u32 = 4;

pub(crate) enum Side {
    Dials,
    Accepts,
    Recovers,
}

impl Settings {
    pub(crate) fn transport(&self, side: Side) -> Arc<TransportConfig> {
        let mut config = TransportConfig::default();
        config
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE))))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
            .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
            .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
            .send_window(SEND_WINDOW)
            .datagram_receive_buffer_size(None)
            .datagram_send_buffer_size(0)
            .send_fairness(false)
            .initial_mtu(self.initial_mtu.max(1200))
            .mtu_discovery_config(self.mtu_discovery.then(MtuDiscoveryConfig::default))
            .enable_segmentation_offload(self.segmentation_offload);
        match side {
            Side::Dials => {
                config.keep_alive_interval(Some(KEEP_ALIVE));
                // Whoever is dialled opens nothing.
                config.max_concurrent_bidi_streams(VarInt::from_u32(0));
            }
            Side::Accepts => {}
            Side::Recovers => {
                // One request at a time, and no more unread bytes than one request has.
                let window = VarInt::from_u32(motcua_core::limits::RECOVERY_BYTES as u32 + 1);
                config
                    .max_concurrent_bidi_streams(VarInt::from_u32(1))
                    .receive_window(window)
                    .stream_receive_window(window);
            }
        }
        Arc::new(config)
    }
}
