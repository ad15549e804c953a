//! The TCP half of a [`crate::relay::Relay`]: a connection below is a connection to the hub, and
//! what flows is held up as the line's shape says.

use crate::{
    line::Line,
    relay::{Lines, TICK, owner_of},
    shaper::Way,
};
use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Bytes taken from a connection at once.
const CHUNK: usize = 4 * 1024;
/// Chunks under way in one direction, at most; beyond them the sender waits, as before a router.
const UNDER_WAY: usize = 16;
/// How often a cut line is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Accepts until told to stop.
pub(crate) fn start(
    door: TcpListener,
    back: SocketAddr,
    lines: Lines,
    stop: Arc<AtomicBool>,
) -> io::Result<thread::JoinHandle<()>> {
    door.set_nonblocking(true)?;
    Ok(thread::spawn(move || {
        let mut streams = Vec::new();
        while !stop.load(Relaxed) {
            match door.accept() {
                Ok((office, from)) => {
                    let line = owner_of("tcp", from.port(), &lines);
                    // A stranger's connection ends at once, and so does one to a hub that is down.
                    if let Some(line) = line
                        && let Ok(threads) = join(office, back, &line, &stop)
                    {
                        streams.extend(threads);
                    }
                }
                Err(_) => thread::sleep(POLL),
            }
        }
        for thread in streams {
            let _ = thread.join();
        }
    }))
}

fn join(
    office: TcpStream,
    back: SocketAddr,
    line: &Arc<Line>,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<thread::JoinHandle<()>>> {
    let hub = TcpStream::connect(back)?;
    let mut threads = Vec::new();
    for (way, from, to) in [(Way::Up, &office, &hub), (Way::Down, &hub, &office)] {
        from.set_nonblocking(false)?;
        from.set_nodelay(true)?;
        from.set_read_timeout(Some(TICK))?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (send, receive) = mpsc::sync_channel(UNDER_WAY);
        let (line, stop) = (Arc::clone(line), Arc::clone(stop));
        let (own, ending) = (Arc::clone(&line), Arc::clone(&stop));
        threads.push(thread::spawn(move || take(way, from, &line, &send, &stop)));
        threads.push(thread::spawn(move || deliver(to, &own, &receive, &ending)));
    }
    Ok(threads)
}

type Chunk = (Instant, Vec<u8>);

fn take(
    way: Way,
    mut from: TcpStream,
    line: &Line,
    send: &mpsc::SyncSender<Chunk>,
    stop: &AtomicBool,
) {
    let mut buffer = vec![0; CHUNK];
    while !stop.load(Relaxed) {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let due = line.stream(way, length);
                if send.send((due, buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

fn deliver(mut to: TcpStream, line: &Line, queue: &mpsc::Receiver<Chunk>, stop: &AtomicBool) {
    while let Ok((due, bytes)) = queue.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        while line.is_cut() && !stop.load(Relaxed) {
            thread::sleep(POLL);
        }
        if stop.load(Relaxed) || to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
