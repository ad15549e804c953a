//! The line between offices and a hub: a UDP relay of our own that can be cut, delayed and counted,
//! one office at a time.
//!
//! All offices know their hub by one address, that of the relay. Which office a datagram comes from
//! is asked of the kernel once per socket: the process that owns the port (`/proc/net/udp`).

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// One office's line to its hub. Counters are bytes of UDP payload that went through.
#[derive(Debug, Default)]
pub struct Line {
    cut: AtomicBool,
    delay_ms: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    cuts: AtomicU64,
    owner: AtomicU64,
}

impl Line {
    /// Nothing passes any more, in either direction.
    pub fn cut(&self) {
        if !self.cut.swap(true, Relaxed) {
            self.cuts.fetch_add(1, Relaxed);
        }
    }

    /// Everything passes again.
    pub fn restore(&self) {
        self.cut.store(false, Relaxed);
    }

    /// Whether it is cut now.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }

    /// How often it was cut.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Relaxed)
    }

    /// Every datagram takes this much longer, each way.
    pub fn delay(&self, by: Duration) {
        self.delay_ms.store(by.as_millis() as u64, Relaxed);
    }

    /// Bytes to the hub and from it so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.up.load(Relaxed), self.down.load(Relaxed))
    }

    /// The process at the lower end; 0 when there is none.
    pub fn set_owner(&self, process: u32) {
        self.owner.store(u64::from(process), Relaxed);
    }
}

/// A relay in front of one hub; ends when dropped.
#[derive(Debug)]
pub struct Relay {
    /// The address to give to the offices.
    pub front: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(50);
/// Larger than any UDP payload.
const DATAGRAM: usize = 65_536;

type Lines = Arc<BTreeMap<String, Arc<Line>>>;

impl Relay {
    /// Relays between `front` and the hub at `back`; `lines` by the offices' codes.
    ///
    /// # Errors
    /// What the system says about the socket.
    pub fn start(
        front: UdpSocket,
        back: SocketAddr,
        lines: BTreeMap<String, Arc<Line>>,
    ) -> io::Result<Self> {
        front.set_read_timeout(Some(TICK))?;
        let (stop, address) = (Arc::new(AtomicBool::new(false)), front.local_addr()?);
        let (late, queue) = mpsc::channel();
        let post = thread::spawn(move || deliver_late(&queue));
        let mut hall = Hall {
            front: Arc::new(front),
            back,
            lines: Arc::new(lines),
            guests: HashMap::new(),
            stop: Arc::clone(&stop),
            late,
        };
        let door = thread::spawn(move || hall.run());
        Ok(Self { front: address, stop, threads: vec![door, post] })
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
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
    line: Arc<Line>,
}

/// One socket below and what stands for it towards the hub.
struct Guest {
    line: Arc<Line>,
    towards_hub: Arc<UdpSocket>,
    thread: Option<thread::JoinHandle<()>>,
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
            if !self.guests.contains_key(&from) {
                match self.admit(from) {
                    Ok(guest) => self.guests.insert(from, guest),
                    Err(_) => continue,
                };
            }
            let Some(guest) = self.guests.get(&from) else { continue };
            if !guest.line.is_cut() {
                guest.line.up.fetch_add(length as u64, Relaxed);
                let (socket, line) = (&guest.towards_hub, &guest.line);
                pass(&self.late, socket, self.back, &buffer[..length], line);
            }
        }
        for (_, mut guest) in self.guests.drain() {
            if let Some(thread) = guest.thread.take() {
                let _ = thread.join();
            }
        }
    }

    fn admit(&self, from: SocketAddr) -> io::Result<Guest> {
        // A stranger's datagram is dropped; a process that is not known yet sends again.
        let line = owner_of(from.port(), &self.lines).ok_or(io::ErrorKind::NotFound)?;
        let towards_hub = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?);
        towards_hub.set_read_timeout(Some(TICK))?;
        let (socket, front) = (Arc::clone(&towards_hub), Arc::clone(&self.front));
        let (own, stop, late) = (Arc::clone(&line), Arc::clone(&self.stop), self.late.clone());
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; DATAGRAM];
            while !stop.load(Relaxed) {
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
                if !own.is_cut() {
                    own.down.fetch_add(length as u64, Relaxed);
                    pass(&late, &front, from, &buffer[..length], &own);
                }
            }
        });
        Ok(Guest { line, towards_hub, thread: Some(thread) })
    }
}

fn pass(
    late: &mpsc::Sender<Late>,
    socket: &Arc<UdpSocket>,
    to: SocketAddr,
    bytes: &[u8],
    line: &Arc<Line>,
) {
    match line.delay_ms.load(Relaxed) {
        // A datagram may be lost; that is what UDP is.
        0 => drop(socket.send_to(bytes, to)),
        delay => {
            let due = Instant::now() + Duration::from_millis(delay);
            let (socket, line) = (Arc::clone(socket), Arc::clone(line));
            let _ = late.send(Late { due, socket, to, bytes: bytes.to_vec(), line });
        }
    }
}

/// Delays of one line are equal, so that datagrams are due nearly in the order they came.
fn deliver_late(queue: &mpsc::Receiver<Late>) {
    while let Ok(next) = queue.recv() {
        thread::sleep(next.due.saturating_duration_since(Instant::now()));
        if !next.line.is_cut() {
            let _ = next.socket.send_to(&next.bytes, next.to);
        }
    }
}

/// The line whose process owns the local UDP port.
fn owner_of(port: u16, lines: &Lines) -> Option<Arc<Line>> {
    let inode = ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|table| inode_of(&table, port))?;
    let wanted = format!("socket:[{inode}]");
    let owns = |process: u64| {
        fs::read_dir(format!("/proc/{process}/fd")).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == &*wanted)
            })
        })
    };
    lines.values().find(|line| owns(line.owner.load(Relaxed))).cloned()
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

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        socket
    }

    #[test]
    fn a_line_passes_both_ways_until_it_is_cut_and_counts_what_passed() {
        let (office, hub, front) = (socket(), socket(), socket());
        let line = Arc::new(Line::default());
        line.set_owner(std::process::id());
        let lines = BTreeMap::from([("26734".to_owned(), Arc::clone(&line))]);
        let relay = Relay::start(front, hub.local_addr().unwrap(), lines).unwrap();

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
}
