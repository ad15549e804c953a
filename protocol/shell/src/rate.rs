//! Token buckets: how often something may be asked, by one source and by all. Time is handed in.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};
use tokio::time::Instant;

/// How often: `burst` at once, then `per_second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many at once after a pause.
    pub burst: u32,
    /// How many a second for ever.
    pub per_second: f64,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { left: f64::from(rate.burst), at: now }
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * rate.per_second).min(f64::from(rate.burst));
        self.at = now;
    }

    fn has_one(&self) -> bool {
        self.left >= 1.0
    }
}

/// A rate for each source address and one for all together.
#[derive(Debug)]
pub struct SourceRates {
    each: Rate,
    all: Rate,
    sources: HashMap<IpAddr, Bucket>,
    capacity: usize,
    together: Bucket,
}

impl SourceRates {
    /// Remembers at most `capacity` sources; beyond it new ones share the rate of all.
    pub fn new(each: Rate, all: Rate, capacity: usize, now: Instant) -> Self {
        let together = Bucket::full(all, now);
        Self { each, all, sources: HashMap::new(), capacity, together }
    }

    /// Takes one from the source and from all, or from neither.
    pub fn allow(&mut self, source: IpAddr, now: Instant) -> bool {
        self.together.refill(self.all, now);
        if !self.together.has_one() {
            return false;
        }
        if let Some(bucket) = self.bucket(subnet(source), now) {
            if !bucket.has_one() {
                return false;
            }
            bucket.left -= 1.0;
        }
        self.together.left -= 1.0;
        true
    }

    /// Whether a source has less than half of its burst left.
    pub fn is_low(&mut self, source: IpAddr, now: Instant) -> bool {
        let half = f64::from(self.each.burst) / 2.0;
        self.bucket(subnet(source), now).is_some_and(|bucket| bucket.left < half)
    }

    fn bucket(&mut self, source: IpAddr, now: Instant) -> Option<&mut Bucket> {
        let each = self.each;
        if !self.sources.contains_key(&source) && self.sources.len() >= self.capacity {
            // Whoever has its whole burst again need not be remembered.
            self.sources.retain(|_, bucket| {
                bucket.refill(each, now);
                bucket.left < f64::from(each.burst)
            });
            if self.sources.len() >= self.capacity {
                return None;
            }
        }
        let bucket = self.sources.entry(source).or_insert_with(|| Bucket::full(each, now));
        bucket.refill(each, now);
        Some(bucket)
    }
}

/// One subscriber: an IPv4 address, or the /64 that an IPv6 host may roam in.
fn subnet(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    const EACH: Rate = Rate { burst: 2, per_second: 1.0 };

    fn rates(all: u32, capacity: usize) -> (SourceRates, Instant) {
        let now = Instant::now();
        (SourceRates::new(EACH, Rate { burst: all, per_second: 10.0 }, capacity, now), now)
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_rate() {
        let (mut rates, now) = rates(100, 10);
        assert_eq!([0; 3].map(|_| rates.allow(ip(1), now)), [true, true, false]);
        assert!(rates.allow(ip(2), now), "another source is not affected");
        let later = now + Duration::from_secs(1);
        assert_eq!([0; 2].map(|_| rates.allow(ip(1), later)), [true, false]);
    }

    #[test]
    fn all_together_are_bounded_and_a_refused_source_costs_the_others_nothing() {
        let (mut rates, now) = rates(4, 10);
        let asked = [1, 1, 1, 1, 2, 2, 3].map(|last| rates.allow(ip(last), now));
        assert_eq!(asked, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn memory_is_bounded_and_rested_sources_make_room() {
        let (mut rates, now) = rates(100, 2);
        assert!([1, 2, 3, 3, 3].map(|last| rates.allow(ip(last), now)).iter().all(|ok| *ok));
        assert_eq!(rates.sources.len(), 2);
        let later = now + Duration::from_secs(5);
        assert!(rates.allow(ip(4), later));
        assert_eq!(rates.sources.keys().copied().collect::<Vec<_>>(), [ip(4)]);
    }

    #[test]
    fn an_ipv6_subnet_and_a_mapped_ipv4_address_are_one_source_each() {
        let [one, two]: [IpAddr; 2] =
            ["2001:db8::1", "2001:db8::ffff:2"].map(|ip| ip.parse().unwrap());
        assert_eq!(subnet(one), subnet(two));
        assert_eq!(subnet("::ffff:10.0.0.1".parse().unwrap()), ip(1));
    }
}
