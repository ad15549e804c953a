//! Growing waits between failed log-ins, for a login and for an address apart, whether or not there is such an
//! account. Time is handed in, memory is bounded.

use super::limits;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};
use tokio::time::Instant;

/// Who failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A login as typed, folded; hashed, so that a long one costs no memory.
    Login([u8; 32]),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        let beyond = self.count.saturating_sub(limits::FREE);
        match beyond {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 1).min(16)).min(limits::LONGEST_WAIT),
        }
    }

    fn left(&self, now: Instant) -> Duration {
        self.wait().saturating_sub(now.saturating_duration_since(self.last))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Waits(HashMap<Key, Failures>);

impl Waits {
    /// How long this login from this address has to wait still.
    pub(super) fn left(&self, login: &str, from: IpAddr, now: Instant) -> Duration {
        let of = |key: Key| self.0.get(&key).map(|failures| failures.left(now));
        keys(login, from).into_iter().filter_map(of).max().unwrap_or_default()
    }

    /// It failed.
    pub(super) fn failed(&mut self, login: &str, from: IpAddr, now: Instant) {
        for key in keys(login, from) {
            self.make_room(&key, now);
            let failures = self.0.entry(key).or_insert(Failures { count: 0, last: now });
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
    }

    /// It was right: what failed before was a slip.
    pub(super) fn succeeded(&mut self, login: &str, from: IpAddr) {
        for key in keys(login, from) {
            self.0.remove(&key);
        }
    }

    /// Whoever rested is forgotten; if all are busy, who failed least, so that many made-up logins do not
    /// push out the one that is being guessed.
    fn make_room(&mut self, key: &Key, now: Instant) {
        if self.0.contains_key(key) || self.0.len() < limits::REMEMBERED {
            return;
        }
        self.0
            .retain(|_, failures| now.saturating_duration_since(failures.last) < limits::FORGOTTEN);
        while self.0.len() >= limits::REMEMBERED {
            let least = self.0.iter().min_by_key(|(_, failures)| (failures.count, failures.last));
            let Some(least) = least.map(|(key, _)| key.clone()) else { return };
            self.0.remove(&least);
        }
    }
}

fn keys(login: &str, from: IpAddr) -> [Key; 2] {
    let login = *blake3::hash(super::roster::fold(login).as_bytes()).as_bytes();
    // An IPv6 host roams within its /64.
    let address = match from.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    };
    [Key::Login(login), Key::Address(address)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn pc(last: u16) -> IpAddr {
        let [high, low] = last.to_be_bytes();
        IpAddr::from([10, 1, high, low])
    }

    #[test]
    fn waits_grow_after_a_few_slips_and_end_at_a_minute() {
        let (mut waits, mut now) = (Waits::default(), Instant::now());
        let mut told = Vec::new();
        for _ in 0..12 {
            waits.failed("an", PC, now);
            let left = waits.left("an", PC, now);
            told.push(left.as_secs());
            now += left;
            assert_eq!(waits.left("an", PC, now), Duration::ZERO);
        }
        assert_eq!(told, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn the_login_waits_from_any_address_and_the_address_with_any_login() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        for n in 0..5 {
            waits.failed("An ", pc(n), now);
        }
        assert_eq!(waits.left("an", pc(99), now), Duration::from_secs(2));
        assert_eq!(waits.left("bình", pc(0), now), Duration::ZERO);
        for n in 0..5 {
            waits.failed(&n.to_string(), PC, now);
        }
        assert_eq!(waits.left("nobody", PC, now), Duration::from_secs(2));
        waits.succeeded("nobody", PC);
        assert_eq!(waits.left("nobody", PC, now), Duration::ZERO);
    }

    #[test]
    fn memory_is_bounded_and_the_login_that_is_guessed_is_not_pushed_out() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        for n in 0..10 {
            waits.failed("guessed", pc(n), now);
        }
        for n in 0..4_000 {
            waits.failed(&n.to_string(), pc(n), now);
            assert!(waits.0.len() <= limits::REMEMBERED);
        }
        assert_eq!(waits.left("guessed", pc(9_999), now), limits::LONGEST_WAIT);
        let rested = now + limits::FORGOTTEN;
        waits.failed("new", PC, rested);
        assert_eq!(waits.0.len(), 2);
    }
}
