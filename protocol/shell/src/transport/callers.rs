//! How often callers of one address may shake hands: each time costs a hub two signatures and the
//! check of one, before it knows who calls.

use super::settings::{HANDSHAKE_SOURCES, HANDSHAKES_OF_ALL, HANDSHAKES_OF_ONE};
use crate::rate::SourceRates;
use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// What becomes of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It may shake hands.
    Granted,
    /// Its address has to prove itself first: half of what it may have is used, perhaps by somebody
    /// who only writes this address on his packets.
    Proof,
    /// Its address has used up what it may have.
    Refused,
}

/// Handshakes by address.
#[derive(Debug)]
pub(super) struct Callers(Mutex<SourceRates>);

impl Callers {
    pub(super) fn new(now: Instant) -> Self {
        let rates = SourceRates::new(HANDSHAKES_OF_ONE, HANDSHAKES_OF_ALL, HANDSHAKE_SOURCES, now);
        Self(Mutex::new(rates))
    }

    /// Takes one handshake from an address that `proven` says to be its caller's.
    pub(super) fn enter(&self, source: IpAddr, proven: bool, now: Instant) -> Entry {
        let mut rates = self.lock();
        // What is not proven takes only of the first half: the second is for who can be answered.
        if !proven && rates.is_low(source, now) {
            return Entry::Proof;
        }
        match rates.allow(source, now) {
            true => Entry::Granted,
            false => Entry::Refused,
        }
    }

    fn lock(&self) -> MutexGuard<'_, SourceRates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn who_calls_without_end_is_refused_and_another_address_is_not() {
        let now = Instant::now();
        let callers = Callers::new(now);
        let granted = (0..5_000).filter(|_| callers.enter(ip(1), true, now) == Entry::Granted);
        assert_eq!(granted.count() as u32, HANDSHAKES_OF_ONE.burst);
        assert_eq!(callers.enter(ip(1), true, now), Entry::Refused);
        assert_eq!(callers.enter(ip(2), true, now), Entry::Granted);
        let later = now + Duration::from_secs(1);
        assert_eq!(callers.enter(ip(1), true, later), Entry::Granted);
    }

    #[test]
    fn an_address_that_others_write_on_their_packets_is_kept_for_who_stands_behind_it() {
        let now = Instant::now();
        let callers = Callers::new(now);
        let entries: Vec<Entry> = (0..5_000).map(|_| callers.enter(ip(1), false, now)).collect();
        assert!(!entries.contains(&Entry::Refused) && entries.last() == Some(&Entry::Proof));
        assert_eq!(callers.enter(ip(1), true, now), Entry::Granted);
    }
}
