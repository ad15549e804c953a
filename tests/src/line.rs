//! One office's line to its hub, as the relays carry it out: cut or not, shaped, counted.

use crate::shaper::{Pipe, Shape, Way};
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// A line. Counters are bytes of UDP and TCP payload that went through.
#[derive(Debug)]
pub struct Line {
    cut: AtomicBool,
    shape: Mutex<Shape>,
    /// UDP and TCP have a queue each way of their own.
    pipes: [Mutex<Pipe>; 4],
    began: Instant,
    up: AtomicU64,
    down: AtomicU64,
    udp: AtomicU64,
    tcp: AtomicU64,
    cuts: AtomicU64,
    owner: AtomicU64,
    twin: AtomicU64,
    address: AtomicU64,
}

impl Default for Line {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Line {
    /// A line that passes everything; the seed is for what is shaped later.
    pub fn new(seed: u64) -> Self {
        let pipe = |way, lane| Mutex::new(Pipe::new(way, seed.wrapping_add(lane)));
        Self {
            cut: AtomicBool::new(false),
            shape: Mutex::default(),
            pipes: [pipe(Way::Up, 0), pipe(Way::Down, 0), pipe(Way::Up, 1), pipe(Way::Down, 1)],
            began: Instant::now(),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            udp: AtomicU64::new(0),
            tcp: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            owner: AtomicU64::new(0),
            twin: AtomicU64::new(0),
            address: AtomicU64::new(0),
        }
    }

    /// Nothing passes any more, in either direction; what is under way is lost, or, over TCP,
    /// waits.
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

    /// Gives the line a shape from now on; datagrams are counted anew.
    pub fn shape(&self, shape: Shape) {
        *lock(&self.shape) = shape;
        self.udp.store(0, Relaxed);
    }

    /// The shape it has.
    pub fn shaped(&self) -> Shape {
        *lock(&self.shape)
    }

    /// Everything takes this much longer, each way.
    pub fn delay(&self, by: Duration) {
        lock(&self.shape).delay = by;
    }

    /// From now on the hub sees the office at another address, in the middle of its links.
    pub fn change_address(&self) {
        self.address.fetch_add(1, Relaxed);
    }

    /// Bytes to the hub and from it so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.up.load(Relaxed), self.down.load(Relaxed))
    }

    /// Bytes that went over TCP so far, both ways.
    pub fn tcp_bytes(&self) -> u64 {
        self.tcp.load(Relaxed)
    }

    /// Bytes that went over UDP so far, both ways.
    pub fn udp_bytes(&self) -> u64 {
        let (up, down) = self.bytes();
        (up + down).saturating_sub(self.tcp_bytes())
    }

    /// The process at the lower end; 0 when there is none.
    pub fn set_owner(&self, process: u32) {
        self.owner.store(u64::from(process), Relaxed);
    }

    /// A second process at the lower end, such as that of a copied disk; 0 when there is none.
    pub fn set_twin(&self, process: u32) {
        self.twin.store(u64::from(process), Relaxed);
    }

    /// The processes at the lower end.
    pub(crate) fn owners(&self) -> impl Iterator<Item = u64> {
        [&self.owner, &self.twin].map(|owner| owner.load(Relaxed)).into_iter().filter(|id| *id > 0)
    }

    pub(crate) fn address(&self) -> u64 {
        self.address.load(Relaxed)
    }

    /// When copies of a datagram arrive; none if it is lost.
    pub(crate) fn datagram(&self, way: Way, length: usize) -> Vec<Instant> {
        if self.is_cut() {
            return Vec::new();
        }
        let (shape, before) = (self.shaped(), self.udp.fetch_add(1, Relaxed));
        let mut pipe = lock(&self.pipes[way as usize]);
        let arrivals = pipe.offer(&shape, self.began.elapsed(), length, before);
        if !arrivals.is_empty() {
            self.count(way, length);
        }
        arrivals.into_iter().map(|at| self.began + at).collect()
    }

    /// When bytes of a stream arrive; a stream loses nothing, so its queue is the sender's.
    pub(crate) fn stream(&self, way: Way, length: usize) -> Instant {
        let shape = Shape { queue: u64::MAX, ..self.shaped() };
        let mut pipe = lock(&self.pipes[2 + way as usize]);
        let now = self.began.elapsed();
        let left_at = pipe.leave(&shape, now, length).unwrap_or(now);
        self.count(way, length);
        self.tcp.fetch_add(length as u64, Relaxed);
        self.began + left_at + shape.delay
    }

    fn count(&self, way: Way, length: usize) {
        let counter = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        counter.fetch_add(length as u64, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
