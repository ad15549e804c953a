//! Which way to the hub is tried first. Pure: the time is an argument.
//!
//! QUIC is first wherever nothing is known. What answered last is first for an hour. A QUIC link
//! that falls silent may mean that UDP is dropped here, or that the whole network was away: only if
//! TCP answers at the next dial is UDP to blame, and after each such time QUIC is tried again later
//! (but always again).

use super::Carrier;
use std::time::Duration;
use tokio::time::Instant;

/// How long the last winner is first.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// A QUIC link that lived this long clears its name.
const CLEARED: Duration = Duration::from_secs(600);
/// Doublings of the pause before QUIC is tried again.
const DOUBLINGS: u32 = 3;

/// What is known about the ways to the hub.
#[derive(Debug, Default)]
pub(super) struct Paths {
    last: Option<(Carrier, Instant)>,
    /// The last QUIC link fell silent and nothing has answered since.
    silent: bool,
    /// Times in a row that QUIC fell silent while TCP went on.
    strikes: u32,
}

impl Paths {
    /// Who is dialled first; the other follows after the head start.
    pub(super) fn first(&self, now: Instant) -> Carrier {
        match self.last {
            _ if self.silent => Carrier::Tcp,
            Some((carrier, at)) if now.duration_since(at) < REMEMBERED => carrier,
            _ => Carrier::Quic,
        }
    }

    /// A dial ended with a link.
    pub(super) fn won(&mut self, carrier: Carrier, now: Instant) {
        if self.silent && carrier == Carrier::Tcp {
            self.strikes = self.strikes.saturating_add(1);
        }
        self.silent = false;
        self.last = Some((carrier, now));
    }

    /// Neither answered: the network or the hub is away, which says nothing about UDP.
    pub(super) fn none_answered(&mut self) {
        self.silent = false;
    }

    /// A QUIC link ended after so long.
    pub(super) fn quic_ended(&mut self, lived: Duration, silently: bool) {
        if lived >= CLEARED {
            self.strikes = 0;
        }
        self.silent = silently;
    }

    /// Pause before QUIC is tried beside a TCP link, before jitter.
    pub(super) fn quic_again(&self, base: Duration) -> Duration {
        base * (1 << self.strikes.min(DOUBLINGS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn quic_is_first_until_tcp_has_won_and_then_for_an_hour_tcp_is() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        assert_eq!(paths.first(start), Carrier::Quic);
        paths.won(Carrier::Tcp, start);
        assert_eq!(paths.first(start + REMEMBERED - SECOND), Carrier::Tcp);
        assert_eq!(paths.first(start + REMEMBERED), Carrier::Quic);
        paths.won(Carrier::Quic, start);
        assert_eq!(paths.first(start), Carrier::Quic);
    }

    #[test]
    fn silence_is_held_against_udp_only_if_tcp_answers_then() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        paths.won(Carrier::Quic, start);
        paths.quic_ended(60 * SECOND, true);
        assert_eq!(paths.first(start), Carrier::Tcp);
        // The cable was out: nobody answered.
        paths.none_answered();
        assert_eq!(paths.first(start), Carrier::Quic);
        assert_eq!(paths.quic_again(SECOND), SECOND);
        // UDP alone is dropped.
        paths.quic_ended(60 * SECOND, true);
        paths.won(Carrier::Tcp, start);
        assert_eq!(paths.quic_again(SECOND), 2 * SECOND);
    }

    #[test]
    fn quic_is_tried_again_ever_later_but_always_again() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        for _ in 0..40 {
            paths.won(Carrier::Quic, start);
            paths.quic_ended(SECOND, true);
            paths.won(Carrier::Tcp, start);
        }
        assert_eq!(paths.quic_again(SECOND), 8 * SECOND);
        paths.won(Carrier::Quic, start);
        paths.quic_ended(CLEARED, false);
        assert_eq!(paths.quic_again(SECOND), SECOND);
    }

    #[test]
    fn a_link_that_was_closed_in_words_says_nothing_about_udp() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        paths.won(Carrier::Quic, start);
        paths.quic_ended(SECOND, false);
        assert_eq!(paths.first(start), Carrier::Quic);
    }
}
