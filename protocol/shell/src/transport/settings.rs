//! How links are set up, with the reason for each number.

use crate::rate::Rate;
use motcua_core::{limits, replica::Channel};
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
    /// Nothing heard for this long means that the peer is gone. Sync needs no quicker word: the
    /// node keeps its work. Thrice [`Self::keep_alive`], so that two lost signs are no end.
    pub idle: Duration,
    /// How often the dialling side asks whether anybody is there; mobile NATs forget UDP after
    /// 30 s.
    pub keep_alive: Duration,
    /// How long QUIC (or what answered last) is alone before the other way is dialled as well. A
    /// handshake whose first packet is lost takes a second more; that is no reason to leave UDP.
    pub head_start: Duration,
    /// How long a link stays on TCP before QUIC is tried again, half as long to half as long again,
    /// where it was not heard for long.
    pub quic_again: Duration,
    /// The first such pause; each next one is twice as long. Short, because a hub that has just
    /// come up may have been reached by TCP for no other reason.
    pub quic_soon: Duration,
    /// How long one address may take to shake hands, and a caller to open its streams: three lost
    /// packets in a row at 600 ms.
    pub handshake_timeout: Duration,
    /// How long a caller of the recovery ALPN that has shown nothing may stay: two round trips on the
    /// worst link.
    pub stranger_time: Duration,
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
            idle: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            head_start: Duration::from_secs(2),
            quic_soon: Duration::from_secs(5),
            quic_again: Duration::from_secs(300),
            handshake_timeout: Duration::from_secs(10),
            stranger_time: Duration::from_secs(30),
            flush_timeout: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(3),
        }
    }
}

/// Unread bytes that the hub may have with the machine that dialled it, per link and per stream:
/// there is one such link.
const DIALER_WINDOW: u32 = 8 * 1024 * 1024;
const DIALER_STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// The same for a peer that dialled; a hub has thousands. 384 KiB at 100 ms are 30 Mbit/s, more than
/// an office's line. A message need not fit: what arrives is taken out as it comes.
pub(super) const CALLER_WINDOW: u32 = 384 * 1024;
/// Bytes handed to quinn and not yet acknowledged; the replica's windows bound what waits before.
pub(super) const SEND_WINDOW: u64 = 1024 * 1024;
/// Bytes that may wait on a channel for a caller to take them before nothing more of it is read. An
/// honest one stays below: on data by its window and a frame, on scans by the pieces that it may ask
/// for at once and as many of readings it has just closed; control messages are small.
pub(super) const fn most_waiting(channel: Channel) -> usize {
    match channel {
        Channel::Control => 4 * limits::CONTROL_BYTES,
        Channel::Data => limits::DOWN_WINDOW_BYTES + limits::MESSAGE_BYTES,
        Channel::Scan => 2 * limits::SCAN_PIECES_IN_FLIGHT * limits::SCAN_MESSAGE_BYTES,
    }
}
/// Links of one machine at once: its newest, one over the other carrier while it moves, and older ones
/// that are dead and not yet known to be, of a line that comes and goes. More would take others' places.
pub(super) const LINKS_OF_ONE: usize = 8;
/// Handshakes of one address: a district's offices may stand behind one gateway, and after a restart
/// of their hub 400 come back at once, over both carriers. Beyond that 64 a second, less than a tenth
/// of a CPU; links that are up are not concerned, and who is refused dials again.
pub(super) const HANDSHAKES_OF_ONE: Rate = Rate { burst: 1_024, per_second: 64.0 };
/// Of all addresses together: every office of the country, and half a CPU after that.
pub(super) const HANDSHAKES_OF_ALL: Rate = Rate { burst: 8_192, per_second: 512.0 };
/// Addresses that are remembered, 100 bytes each; beyond them new ones share what all have.
pub(super) const HANDSHAKE_SOURCES: usize = 16_384;
/// Control, data and scans, and room for one kind to come.
const STREAMS: u32 = 4;

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

pub(crate) enum Side {
    Dials,
    Accepts,
    Recovers,
}

impl Settings {
    pub(crate) fn transport(&self, side: Side) -> Arc<TransportConfig> {
        let mut config = TransportConfig::default();
        config
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(millis(self.idle)))))
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS))
            .receive_window(VarInt::from_u32(DIALER_WINDOW))
            .stream_receive_window(VarInt::from_u32(DIALER_STREAM_WINDOW))
            .send_window(SEND_WINDOW)
            .datagram_receive_buffer_size(None)
            .datagram_send_buffer_size(0)
            .send_fairness(false)
            .initial_mtu(self.initial_mtu.max(1200))
            .mtu_discovery_config(self.mtu_discovery.then(MtuDiscoveryConfig::default))
            .enable_segmentation_offload(self.segmentation_offload);
        match side {
            Side::Dials => {
                config.keep_alive_interval(Some(self.keep_alive));
                // Whoever is dialled opens nothing.
                config.max_concurrent_bidi_streams(VarInt::from_u32(0));
            }
            Side::Accepts => {
                let window = VarInt::from_u32(CALLER_WINDOW);
                config.receive_window(window).stream_receive_window(window);
            }
            Side::Recovers => {
                // One request at a time, and no more unread bytes than one request has.
                let window = VarInt::from_u32(limits::RECOVERY_BYTES as u32 + 1);
                config
                    .max_concurrent_bidi_streams(VarInt::from_u32(1))
                    .receive_window(window)
                    .stream_receive_window(window);
            }
        }
        Arc::new(config)
    }
}
