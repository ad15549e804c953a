//! The line between offices and a hub: a relay of our own for UDP and TCP that cuts, shapes and
//! counts, one office at a time.
//!
//! All offices know their hub by one address, that of the relay. Which office a datagram or a
//! connection comes from is asked of the kernel once per socket: the process that owns the port
//! (`/proc/net`).

pub use crate::line::Line;
use crate::{shaper::Way, stream_relay};
use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap, HashMap},
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// A relay in front of one hub; ends when dropped.
#[derive(Debug)]
pub struct Relay {
    /// The address to give to the offices.
    pub front: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// How often a thread looks whether it should end.
pub(crate) const TICK: Duration = Duration::from_millis(50);
/// Larger than any UDP payload.
const DATAGRAM: usize = 65_536;

pub(crate) type Lines = Arc<BTreeMap<String, Arc<Line>>>;

/// Under this instead of a code: the line of processes that nobody knows. Without it they do not
/// get through.
pub const STRANGERS: &str = "";

impl Relay {
    /// Relays UDP and TCP between the front and the hub at `back`; `lines` by the offices' codes.
    ///
    /// # Errors
    /// What the system says about the sockets.
    pub fn start(
        front: (UdpSocket, TcpListener),
        back: SocketAddr,
        lines: BTreeMap<String, Arc<Line>>,
    ) -> io::Result<Self> {
        let (front, door) = front;
        front.set_read_timeout(Some(TICK))?;
        let (stop, address) = (Arc::new(AtomicBool::new(false)), front.local_addr()?);
        let (late, queue) = mpsc::channel();
        let post = thread::spawn(move || deliver_late(&queue));
        let lines: Lines = Arc::new(lines);
        let streams = stream_relay::start(door, back, Arc::clone(&lines), Arc::clone(&stop))?;
        let mut hall = Hall {
            front: Arc::new(front),
            back,
            lines,
            guests: HashMap::new(),
            stop: Arc::clone(&stop),
            late,
        };
        let door = thread::spawn(move || hall.run());
        Ok(Self { front: address, stop, threads: vec![door, post, streams] })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A datagram that is still on its way.
struct Late {
    due: Instant,
    number: u64,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
    line: Arc<Line>,
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Late {}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

/// One socket below and what stands for it towards the hub.
struct Guest {
    line: Arc<Line>,
    towards_hub: Arc<UdpSocket>,
    /// The line's address when this was made.
    address: u64,
    gone: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.gone.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Hall {
    front: Arc<UdpSocket>,
    back: SocketAddr,
    lines: Lines,
    guests: HashMap<SocketAddr, Guest>,
    stop: Arc<AtomicBool>,
    late: mpsc::Sender<Late>,
}

impl Hall {
    fn run(&mut self) {
        let mut buffer = vec![0; DATAGRAM];
        while !self.stop.load(Relaxed) {
            let Ok((length, from)) = self.front.recv_from(&mut buffer) else { continue };
            let known = self.guests.get(&from).is_some_and(|g| g.address == g.line.address());
            if !known {
                match self.admit(from) {
                    Ok(guest) => self.guests.insert(from, guest),
                    Err(_) => continue,
                };
            }
            let Some(guest) = self.guests.get(&from) else { continue };
            let (socket, line) = (&guest.towards_hub, &guest.line);
            pass(&self.late, Way::Up, socket, self.back, &buffer[..length], line);
        }
        self.guests.clear();
    }

    fn admit(&self, from: SocketAddr) -> io::Result<Guest> {
        // A stranger's datagram is dropped; a process that is not known yet sends again.
        let line = match self.guests.get(&from) {
            Some(guest) => Arc::clone(&guest.line),
            None => owner_of("udp", from.port(), &self.lines).ok_or(io::ErrorKind::NotFound)?,
        };
        let address = line.address();
        let towards_hub = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        towards_hub.set_read_timeout(Some(TICK))?;
        let (socket, front) = (Arc::clone(&towards_hub), Arc::clone(&self.front));
        let (own, late, gone) =
            (Arc::clone(&line), self.late.clone(), Arc::<AtomicBool>::default());
        let stop = Arc::clone(&gone);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; DATAGRAM];
            while !stop.load(Relaxed) {
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
                pass(&late, Way::Down, &front, from, &buffer[..length], &own);
            }
        });
        Ok(Guest { line, towards_hub, address, gone, thread: Some(thread) })
    }
}

fn pass(
    late: &mpsc::Sender<Late>,
    way: Way,
    socket: &Arc<UdpSocket>,
    to: SocketAddr,
    bytes: &[u8],
    line: &Arc<Line>,
) {
    for due in line.datagram(way, bytes.len()) {
        if due <= Instant::now() {
            // A datagram may be lost; that is what UDP is.
            let _ = socket.send_to(bytes, to);
            continue;
        }
        let (socket, line) = (Arc::clone(socket), Arc::clone(line));
        let _ = late.send(Late { due, number: 0, socket, to, bytes: bytes.to_vec(), line });
    }
}

/// Delivers each when it is due; those due at the same moment in the order they came.
fn deliver_late(queue: &mpsc::Receiver<Late>) {
    let mut waiting: BinaryHeap<Reverse<Late>> = BinaryHeap::new();
    let mut number = 0;
    loop {
        let wait =
            waiting.peek().map(|Reverse(next)| next.due.saturating_duration_since(Instant::now()));
        let came = match wait {
            None => queue.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(wait) => queue.recv_timeout(wait),
        };
        match came {
            Ok(late) => {
                number += 1;
                waiting.push(Reverse(Late { number, ..late }));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some(Reverse(next)) = waiting.pop()
                    && !next.line.is_cut()
                {
                    let _ = next.socket.send_to(&next.bytes, next.to);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The line whose process owns the local port, `table` being `udp` or `tcp`.
pub(crate) fn owner_of(table: &str, port: u16, lines: &Lines) -> Option<Arc<Line>> {
    let inode = ["", "6"]
        .iter()
        .filter_map(|family| fs::read_to_string(format!("/proc/net/{table}{family}")).ok())
        .find_map(|table| inode_of(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    let owns = |process: u64| {
        fs::read_dir(format!("/proc/{process}/fd")).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == &*wanted)
            })
        })
    };
    lines.values().find(|line| line.owners().any(owns)).or_else(|| lines.get(STRANGERS)).cloned()
}

/// Column 2 is the local address in hexadecimal, column 10 the inode (proc(5)).
fn inode_of(table: &str, port: u16) -> Option<u64> {
    let ending = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(1)?.ends_with(&ending).then(|| columns.get(9)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        patience::{PATIENCE, until},
        shaper::Shape,
    };
    use std::io::{Read, Write};

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        socket
    }

    /// A hub's two sockets at one port.
    fn pair() -> (UdpSocket, TcpListener) {
        loop {
            let udp = socket();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                return (udp, tcp);
            }
        }
    }

    fn relay() -> (Relay, Arc<Line>, UdpSocket, TcpListener) {
        let line = Arc::new(Line::default());
        line.set_owner(std::process::id());
        let lines = BTreeMap::from([("26734".to_owned(), Arc::clone(&line))]);
        let (udp, tcp) = pair();
        let relay = Relay::start(pair(), udp.local_addr().unwrap(), lines).unwrap();
        (relay, line, udp, tcp)
    }

    #[test]
    fn a_line_passes_both_ways_until_it_is_cut_and_counts_what_passed() {
        let (relay, line, hub, _tcp) = relay();
        let office = socket();
        let mut buffer = [0; 16];
        office.send_to(b"up", relay.front).unwrap();
        let (length, from) = hub.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"up");
        hub.send_to(b"down", from).unwrap();
        let (length, from) = office.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (&b"down"[..], relay.front));
        assert_eq!(line.bytes(), (2, 4));

        line.cut();
        office.send_to(b"lost", relay.front).unwrap();
        assert!(hub.recv_from(&mut buffer).is_err());
        line.restore();
        line.delay(Duration::from_millis(60));
        let sent = Instant::now();
        office.send_to(b"late", relay.front).unwrap();
        assert_eq!(hub.recv_from(&mut buffer).unwrap().0, 4);
        assert!(sent.elapsed() >= Duration::from_millis(60));
        assert_eq!((line.bytes(), line.cuts()), ((6, 4), 1));
    }

    #[test]
    fn an_overtaken_datagram_arrives_after_a_later_one() {
        let (relay, line, hub, _tcp) = relay();
        let office = socket();
        let late = Duration::from_millis(120);
        line.shape(Shape { reordered: 1_000, late, ..Shape::default() });
        office.send_to(b"first", relay.front).unwrap();
        let mut buffer = [0; 16];
        // Once the relay has taken it, the line is straight again.
        assert!(until(PATIENCE, || (line.bytes().0 == 5).then_some(())).is_some());
        line.shape(Shape::default());
        office.send_to(b"second", relay.front).unwrap();
        let mut next = || {
            let length = hub.recv_from(&mut buffer).unwrap().0;
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        assert_eq!((next().as_str(), next().as_str()), ("second", "first"));
    }

    #[test]
    fn a_changed_address_is_seen_by_the_hub_in_the_middle_of_a_connection() {
        let (relay, line, hub, _tcp) = relay();
        let office = socket();
        let mut buffer = [0; 16];
        office.send_to(b"one", relay.front).unwrap();
        let (_, before) = hub.recv_from(&mut buffer).unwrap();
        line.change_address();
        office.send_to(b"two", relay.front).unwrap();
        let (_, after) = hub.recv_from(&mut buffer).unwrap();
        assert_ne!(before, after);
        hub.send_to(b"old", before).unwrap();
        hub.send_to(b"new", after).unwrap();
        assert_eq!(office.recv_from(&mut buffer).unwrap().0, 3);
        assert_eq!(&buffer[..3], b"new");
        assert!(office.recv_from(&mut buffer).is_err());
    }

    #[test]
    fn a_stream_passes_while_udp_is_blocked_waits_while_cut_and_keeps_rate_and_delay() {
        let (relay, line, udp, hub) = relay();
        line.shape(Shape::udp_blocked());
        socket().send_to(b"lost", relay.front).unwrap();
        let mut office = std::net::TcpStream::connect(relay.front).unwrap();
        let (mut there, _) = hub.accept().unwrap();
        office.write_all(b"up").unwrap();
        let mut buffer = [0; 2_000];
        assert_eq!(there.read(&mut buffer).unwrap(), 2);
        there.write_all(b"down").unwrap();
        assert_eq!(office.read(&mut buffer).unwrap(), 4);
        assert!(udp.recv_from(&mut buffer).is_err(), "UDP is blocked");

        line.cut();
        office.write_all(b"later").unwrap();
        there.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(there.read(&mut buffer).is_err(), "a cut line carries nothing");
        line.restore();
        there.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert_eq!(there.read(&mut buffer).unwrap(), 5);

        // 1,000 bytes at 10,000 a second and 50 ms.
        line.shape(Shape { rate: 10_000, delay: Duration::from_millis(50), ..Shape::default() });
        let sent = Instant::now();
        office.write_all(&[7; 1_000]).unwrap();
        there.read_exact(&mut buffer[..1_000]).unwrap();
        let took = sent.elapsed();
        assert!(took >= Duration::from_millis(150), "{took:?}");
        assert_eq!(line.tcp_bytes(), 2 + 4 + 5 + 1_000);
        drop(office);
        assert_eq!(there.read(&mut buffer).unwrap(), 0, "an end is passed on");
    }
}
