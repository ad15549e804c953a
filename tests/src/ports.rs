//! Free loopback ports, outside the range from which the system gives ports to clients: a program
//! that is down for a moment finds its own port free when it comes back.

use anyhow::bail;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// An address on loopback whose TCP and UDP port nobody uses; never the same twice in a process.
///
/// # Errors
/// If all are taken.
pub fn free() -> anyhow::Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run side by side begin at different places.
    let start = std::process::id().wrapping_mul(2_654_435_761) >> 8;
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Relaxed));
        let port = FIRST + ((start.wrapping_add(step)) % u32::from(COUNT)) as u16;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let is_free = TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok();
        if is_free && !given_to_clients(port) {
            return Ok(address);
        }
    }
    bail!("no port from {FIRST} on is free on {}", Ipv4Addr::LOCALHOST)
}

fn given_to_clients(port: u16) -> bool {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range.split_whitespace().filter_map(|end| end.parse().ok());
    match (ends.next(), ends.next()) {
        (Some(first), Some(last)) => (first..=last).contains(&port),
        _ => false,
    }
}
