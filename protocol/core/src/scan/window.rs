//! How many pieces may be under way on a link. A reader asks for pieces, so it sees how long each
//! takes from its question to its arrival; what that is above the shortest ever seen is the queue on
//! the way, most of it our own. The window keeps that queue below a share of the shortest time, so
//! that whatever else uses the link hardly notices (the idea of LEDBAT, RFC 6817).

use crate::{limits, time::Instant};
use std::collections::VecDeque;

/// The shortest time is of the last ten minutes: a route may become slower for good.
const MINUTES: usize = 10;
const MINUTE: u64 = 60_000;
/// One late piece is an accident; the shortest of so many is a queue.
const RECENT: usize = 3;
/// Least queue that is worth noticing, in milliseconds: on a LAN everything takes one or two.
const LEAST: u64 = 4;
/// Most queue there may be however long the way is: what a person at a counter does not notice.
const MOST: u64 = 50;

/// See the module. Counts pieces; a piece that is proved and handed on is done.
#[derive(Debug, Clone)]
pub struct Window {
    /// Pieces that may be under way, in hundredths.
    size: u64,
    /// Shortest time of each of the last minutes, the newest last.
    shortest: VecDeque<(Instant, u64)>,
    recent: VecDeque<u64>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: 100, shortest: VecDeque::new(), recent: VecDeque::new() }
    }
}

impl Window {
    /// Pieces that may be under way; at least one.
    pub fn pieces(&self) -> usize {
        usize::try_from(self.size / 100).unwrap_or(1).max(1)
    }

    /// Queue on the way as last seen, in milliseconds.
    pub fn queue(&self) -> u64 {
        let recent = self.recent.iter().min().copied().unwrap_or_default();
        recent.saturating_sub(self.base())
    }

    /// A piece arrived that was asked for `took` milliseconds ago.
    pub fn arrived(&mut self, now: Instant, took: u64) {
        self.note(now, took);
        let (queue, target) = (self.queue(), self.target());
        if queue > target {
            self.size -= self.size / 6;
            // What was asked for under the old window says nothing about the new one.
            self.recent.clear();
        } else {
            // At most a piece more for each window full, less the nearer the target is. No doubling
            // at the start: on a thin line its last step alone would be the queue we must not make.
            let free = 100 * (target - queue) / target;
            self.size += (free * 100 / self.size).max(u64::from(free > 0));
        }
        self.size = self.size.clamp(100, 100 * limits::SCAN_PIECES_IN_FLIGHT as u64);
    }

    fn note(&mut self, now: Instant, took: u64) {
        match self.shortest.back_mut() {
            Some((since, least)) if now.since(*since) < MINUTE => *least = took.min(*least),
            _ => self.shortest.push_back((now, took)),
        }
        if self.shortest.len() > MINUTES {
            self.shortest.pop_front();
        }
        self.recent.push_back(took);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn base(&self) -> u64 {
        self.shortest.iter().map(|(_, least)| *least).min().unwrap_or_default()
    }

    /// Half the shortest time, which itself holds a round trip and one piece.
    fn target(&self) -> u64 {
        (self.base() / 2).clamp(LEAST, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of so many bits a second and a round trip, with a queue that never drops: pieces are
    /// served one after another, and every now and then a small packet asks to pass. Gives bytes a
    /// second that arrived, and the longest a small packet took there and back.
    fn line(bits_a_second: f64, round_trip: f64, seconds: f64, start_queue: f64) -> (f64, f64) {
        const BYTES: f64 = 4_400.0;
        let service = BYTES * 8.0 * 1_000.0 / bits_a_second;
        let mut window = Window::default();
        // Times in milliseconds. The question takes half a round trip, the piece the other half.
        let (mut now, mut free_at) = (0.0f64, start_queue);
        // Asked at, in the queue from, served at.
        let mut under_way: VecDeque<(f64, f64, f64)> = VecDeque::new();
        let (mut bytes, mut worst, mut next_packet) = (0.0, 0.0f64, 1_000.0);
        while now < seconds * 1_000.0 {
            while under_way.len() < window.pieces() {
                let enters = now + round_trip / 2.0;
                free_at = enters.max(free_at) + service;
                under_way.push_back((now, enters, free_at));
            }
            let arrives = under_way[0].2 + round_trip / 2.0;
            if next_packet < arrives {
                // Behind everything that is in the queue by then.
                let before = under_way.iter().filter(|(_, enters, _)| *enters <= next_packet);
                let last = before.map(|(_, _, served)| *served).fold(next_packet, f64::max);
                worst = worst.max(round_trip + last - next_packet);
                next_packet += 37.0;
                continue;
            }
            now = arrives;
            let (asked, _, _) = under_way.pop_front().unwrap_or_default();
            bytes += BYTES;
            window.arrived(Instant(now as u64), (now - asked).round() as u64);
        }
        (bytes / seconds, worst)
    }

    #[test]
    fn a_small_packet_never_waits_three_round_trips_and_the_line_is_used() {
        for (bits, round_trip, share) in [
            (2e6, 40.0, 0.8),
            (1e6, 80.0, 0.8),
            (4e6, 40.0, 0.8),
            (10e6, 30.0, 0.8),
            (20e6, 100.0, 0.65),
        ] {
            let (bytes, worst) = line(bits, round_trip, 120.0, 0.0);
            assert!(worst <= 3.0 * round_trip, "{bits} bit/s: {worst} ms");
            assert!(bytes * 8.0 >= share * bits, "{bits} bit/s: {} used", bytes * 8.0 / bits);
        }
    }

    #[test]
    fn on_a_slow_line_there_is_one_piece_at_a_time() {
        let (bytes, worst) = line(256e3, 60.0, 60.0, 0.0);
        // 138 ms for one piece, and one is always under way; a second one now and then finds that out.
        assert!(worst <= 60.0 + 3.0 * 138.0 + 1.0, "{worst} ms");
        assert!(bytes > 0.0);
    }

    #[test]
    fn a_queue_that_stood_there_at_the_start_is_not_taken_for_the_way() {
        let (_, worst) = line(2e6, 40.0, 60.0, 400.0);
        assert!(worst <= 440.0, "{worst} ms");
    }

    #[test]
    fn the_window_stays_within_its_bounds_whatever_the_clock_says() {
        let mut window = Window::default();
        for step in 0..20_000u64 {
            let took = [0, 1, u64::MAX / 4, 7, 300][(step % 5) as usize];
            window.arrived(Instant(step * 997 % 5_000), took);
            assert!((1..=limits::SCAN_PIECES_IN_FLIGHT).contains(&window.pieces()));
        }
    }
}
