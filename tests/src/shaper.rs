//! What a line does to datagrams, told by numbers: which are lost, and when the others arrive.
//! Pure and the same for the same seed; [`crate::relay`] carries it out.

use crate::seed::Seed;
use std::time::Duration;

/// What a line is like, each way. [`Shape::default`] passes everything at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Of 1,000 datagrams so many are lost.
    pub loss: u32,
    /// Of 1,000 datagrams so many arrive twice.
    pub duplicates: u32,
    /// Of 1,000 datagrams so many are overtaken: they take [`Self::late`] longer.
    pub reordered: u32,
    /// How much longer those take.
    pub late: Duration,
    /// Time that every datagram takes.
    pub delay: Duration,
    /// Up to so much more, by chance.
    pub jitter: Duration,
    /// Bytes per second; 0 is no limit.
    pub rate: u64,
    /// Bytes that may wait for the rate; what finds the queue full is lost.
    pub queue: u64,
    /// Larger datagrams are lost; 0 is no limit.
    pub mtu: usize,
    /// Nothing from the office gets through.
    pub no_up: bool,
    /// Nothing to the office gets through.
    pub no_down: bool,
    /// After so many datagrams, both ways together, UDP is lost; 0 is never.
    pub udp_ends_after: u64,
}

impl Shape {
    /// Nothing at all by UDP; TCP passes.
    pub fn udp_blocked() -> Self {
        Self { no_up: true, no_down: true, ..Self::default() }
    }
}

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the office to the hub.
    Up,
    /// From the hub to the office.
    Down,
}

/// One direction of a line: its queue and its chance.
#[derive(Debug)]
pub struct Pipe {
    way: Way,
    chance: Seed,
    /// When the last byte of what waits for the rate will have left.
    free_at: Duration,
}

impl Pipe {
    /// An empty pipe; the same seed makes the same choices.
    pub fn new(way: Way, seed: u64) -> Self {
        Self { way, chance: Seed::new(seed ^ (way as u64) << 32), free_at: Duration::ZERO }
    }

    /// A datagram of `length` bytes at `now`: when copies of it arrive, none if it is lost.
    /// `before` counts the line's datagrams up to this one.
    pub fn offer(
        &mut self,
        shape: &Shape,
        now: Duration,
        length: usize,
        before: u64,
    ) -> Vec<Duration> {
        let blocked = match self.way {
            Way::Up => shape.no_up,
            Way::Down => shape.no_down,
        };
        let over = shape.udp_ends_after > 0 && before >= shape.udp_ends_after;
        let too_large = shape.mtu > 0 && length > shape.mtu;
        if blocked || over || too_large || self.happens(shape.loss) {
            return Vec::new();
        }
        let Some(left_at) = self.leave(shape, now, length) else { return Vec::new() };
        let mut arrivals = Vec::new();
        for _ in 0..1 + usize::from(self.happens(shape.duplicates)) {
            let jitter = self.part_of(shape.jitter);
            let late = if self.happens(shape.reordered) { shape.late } else { Duration::ZERO };
            arrivals.push(left_at + shape.delay + jitter + late);
        }
        arrivals
    }

    /// When its last byte has left, if there is room in the queue.
    pub fn leave(&mut self, shape: &Shape, now: Duration, length: usize) -> Option<Duration> {
        if shape.rate == 0 {
            return Some(now);
        }
        let begins = self.free_at.max(now);
        let waiting = (begins - now).as_secs_f64() * shape.rate as f64;
        if waiting as u64 + length as u64 > shape.queue.max(length as u64) {
            return None;
        }
        self.free_at = begins + Duration::from_secs_f64(length as f64 / shape.rate as f64);
        Some(self.free_at)
    }

    fn happens(&mut self, of_thousand: u32) -> bool {
        of_thousand > 0 && self.chance.below(1_000) < of_thousand as usize
    }

    fn part_of(&mut self, whole: Duration) -> Duration {
        let micros = whole.as_micros() as usize;
        Duration::from_micros(if micros == 0 { 0 } else { self.chance.below(micros) as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(5);

    /// What becomes of so many datagrams of 1,000 bytes, offered at one moment.
    fn offered(shape: Shape, seed: u64, count: u64) -> Vec<Vec<Duration>> {
        let mut pipe = Pipe::new(Way::Up, seed);
        (0..count).map(|number| pipe.offer(&shape, NOW, 1_000, number)).collect()
    }

    #[test]
    fn a_line_without_faults_passes_everything_at_once() {
        assert!(offered(Shape::default(), 1, 500).iter().all(|arrivals| arrivals == &[NOW]));
    }

    #[test]
    fn one_in_five_is_lost_and_the_same_seed_loses_the_same() {
        let shape = Shape { loss: 200, ..Shape::default() };
        let lost = |seed| offered(shape, seed, 10_000).iter().filter(|a| a.is_empty()).count();
        assert!((1_850..2_150).contains(&lost(1)), "{}", lost(1));
        assert_eq!(offered(shape, 7, 1_000), offered(shape, 7, 1_000));
        assert_ne!(offered(shape, 7, 1_000), offered(shape, 8, 1_000));
    }

    #[test]
    fn delay_is_kept_and_jitter_stays_within_its_bound() {
        let (delay, jitter) = (Duration::from_millis(600), Duration::from_millis(100));
        let shape = Shape { delay, jitter, ..Shape::default() };
        let arrivals: Vec<Duration> = offered(shape, 1, 1_000).concat();
        let (first, last) = (arrivals.iter().min(), arrivals.iter().max());
        assert!(first.is_some_and(|at| *at >= NOW + delay && *at < NOW + delay + jitter / 10));
        assert!(
            last.is_some_and(|at| *at < NOW + delay + jitter && *at > NOW + delay + jitter / 2)
        );
    }

    #[test]
    fn a_rate_spreads_datagrams_over_time_and_a_full_queue_loses_the_rest() {
        // 64 kbit/s and a queue of 16 kB: 16 datagrams, one every 125 ms.
        let shape = Shape { rate: 8_000, queue: 16_000, ..Shape::default() };
        let arrivals = offered(shape, 1, 100).concat();
        assert_eq!(arrivals.len(), 16);
        for (number, at) in (1..).zip(&arrivals) {
            assert_eq!(*at, NOW + Duration::from_millis(125) * number);
        }
    }

    #[test]
    fn duplicates_arrive_twice_and_overtaken_ones_later() {
        let shape = Shape { duplicates: 300, ..Shape::default() };
        let twice = offered(shape, 1, 10_000).iter().filter(|a| a.len() == 2).count();
        assert!((2_800..3_200).contains(&twice), "{twice}");
        let late = Duration::from_millis(80);
        let shape = Shape { reordered: 250, late, ..Shape::default() };
        let later = offered(shape, 1, 10_000).iter().filter(|a| a[..] == [NOW + late]).count();
        assert!((2_300..2_700).contains(&later), "{later}");
    }

    #[test]
    fn one_way_mtu_and_an_end_after_some_datagrams_lose_what_they_say() {
        let mut pipes = [Pipe::new(Way::Up, 1), Pipe::new(Way::Down, 1)];
        let shape = Shape { no_down: true, mtu: 1_280, udp_ends_after: 10, ..Shape::default() };
        let [up, down] = &mut pipes;
        assert_eq!(up.offer(&shape, NOW, 1_280, 9).len(), 1);
        assert!(up.offer(&shape, NOW, 1_281, 9).is_empty());
        assert!(up.offer(&shape, NOW, 1, 10).is_empty());
        assert!(down.offer(&shape, NOW, 1, 0).is_empty());
    }
}
