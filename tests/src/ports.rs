//! Free loopback ports, outside the range from which the system gives ports to clients: a program
//! that is down for a moment finds its own port free when it comes back.
//!
//! Test programs run side by side, and the server of one binds its port long after it was chosen.
//! So each process first claims a block of ports, by listening on the block's first port until it
//! ends, and gives out the others: the system keeps two processes from one block, in whatever way
//! either of them ends.

use anyhow::bail;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{Mutex, PoisonError},
};

const FIRST: u16 = 20_000;
const BLOCK: u16 = 50;
const BLOCKS: u16 = 240;

/// What this process has claimed.
struct Claimed {
    /// One listener for each block: the claim itself.
    blocks: Vec<TcpListener>,
    /// Of the last block, in falling order.
    left: Vec<u16>,
}

/// An address on loopback whose TCP and UDP port nobody uses; never the same twice in a process,
/// and never one that another process was given.
///
/// # Errors
/// If all are taken.
pub fn free() -> anyhow::Result<SocketAddr> {
    static CLAIMED: Mutex<Claimed> = Mutex::new(Claimed { blocks: Vec::new(), left: Vec::new() });
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while let Some(port) = claimed.left.pop() {
            let address = at(port);
            // A program that claims nothing may sit here.
            let is_free = TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok();
            if is_free && !given_to_clients(port) {
                return Ok(address);
            }
        }
        let Some((first, claim)) = next_block() else {
            bail!("no port from {FIRST} on is free on {}", Ipv4Addr::LOCALHOST)
        };
        claimed.blocks.push(claim);
        claimed.left = (first + 1..first + BLOCK).rev().collect();
    }
}

/// The first port of a block that nobody had, and the claim on it.
fn next_block() -> Option<(u16, TcpListener)> {
    // Far from those of other processes, so that few tries are in vain.
    let start = std::process::id().wrapping_mul(2_654_435_761) >> 8;
    (0..u32::from(BLOCKS)).find_map(|step| {
        let block = (start.wrapping_add(step) % u32::from(BLOCKS)) as u16;
        let first = FIRST + block * BLOCK;
        Some((first, TcpListener::bind(at(first)).ok()?))
    })
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn given_to_clients(port: u16) -> bool {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = range.split_whitespace().filter_map(|end| end.parse().ok());
    match (ends.next(), ends.next()) {
        (Some(first), Some(last)) => (first..=last).contains(&port),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::{
        collections::BTreeSet,
        env,
        io::{self, BufRead, BufReader, Write},
        process::{Child, Command, Stdio},
    };

    /// Set for the processes that the test below starts: they say their ports and wait.
    const SAY: &str = "MOTCUA_PORTS_SAY";
    const EACH: usize = 120;

    #[test]
    fn processes_side_by_side_are_never_given_one_port() {
        let ports: Vec<_> = (0..EACH).map(|_| free().unwrap().port()).collect();
        if env::var_os(SAY).is_some() {
            writeln!(io::stderr(), "{ports:?}").unwrap();
            // Until the process that asked has ended, or killed this one.
            let _ = io::stdin().read_line(&mut String::new());
            return;
        }
        let mut others: Vec<Child> = (0..4).map(|_| side_by_side()).collect();
        let mut all = ports;
        for other in &mut others {
            let mut line = String::new();
            let said = other.stderr.take().unwrap();
            BufReader::new(said).read_line(&mut line).unwrap();
            let theirs: Vec<u16> = serde_json::from_str(&line).unwrap();
            assert_eq!(theirs.len(), EACH);
            all.extend(theirs);
        }
        // Only now: what one had is free again for those that begin after its end.
        for mut other in others {
            other.kill().unwrap();
            other.wait().unwrap();
        }
        let different: BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    fn side_by_side() -> Child {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "ports::tests::processes_side_by_side_are_never_given_one_port"])
            .arg("--nocapture")
            .env(SAY, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}
