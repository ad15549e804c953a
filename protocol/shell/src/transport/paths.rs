//! Which way to the hub is tried first. Pure: the time is an argument.
//!
//! QUIC is first wherever nothing is known. What answered last is first for an hour. A QUIC link
//! that falls silent may mean that UDP is dropped here, or that the whole network was away: only if
//! TCP answers at the next dial is UDP to blame, and from the second such time on QUIC is tried
//! again later (but always again).
//!
//! That TCP won a race says little: the hub may have been about to come up. QUIC is tried again
//! soon, and only after it was not heard several times over some time, while TCP went on, is the
//! network said to block UDP.

use super::Carrier;
use std::time::Duration;
use tokio::time::Instant;

/// How long the last winner is first.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// A QUIC link that lived this long clears its name.
const CLEARED: Duration = Duration::from_secs(600);
/// Doublings of the pause before QUIC is tried again.
const DOUBLINGS: u32 = 3;

/// Tries of QUIC in a row beside a TCP link that were not answered, after which UDP is blocked.
const UNANSWERED: u32 = 3;
/// And at least so long after the first of them ended: longer than a hub takes to restart.
const FOR_SOME_TIME: Duration = Duration::from_secs(20);

/// What is known about the ways to the hub.
#[derive(Debug, Default)]
pub(super) struct Paths {
    last: Option<(Carrier, Instant)>,
    /// The last QUIC link fell silent and nothing has answered since.
    silent: bool,
    /// Times in a row that QUIC fell silent while TCP went on.
    strikes: u32,
    /// Tries of QUIC in a row that were not answered while a TCP link stood, and the first one's end.
    unanswered: Option<(u32, Instant)>,
    blocked: bool,
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
        if carrier == Carrier::Quic {
            self.quic_answered();
        }
    }

    /// QUIC was tried beside a TCP link, and nothing came back.
    pub(super) fn quic_unanswered(&mut self, now: Instant) {
        let (before, since) = self.unanswered.unwrap_or((0, now));
        let tries = before.saturating_add(1);
        self.unanswered = Some((tries, since));
        self.blocked |= tries >= UNANSWERED && now.duration_since(since) >= FOR_SOME_TIME;
    }

    /// Something came back over UDP, be it a refusal.
    pub(super) fn quic_answered(&mut self) {
        (self.unanswered, self.blocked) = (None, false);
    }

    /// A TCP link ended. If it fell silent, the whole network may have been away for a while, and
    /// the last tries prove nothing.
    pub(super) fn tcp_ended(&mut self, silently: bool) {
        if silently && !self.blocked {
            self.unanswered = None;
        }
    }

    /// Whether it was found out that UDP is blocked.
    pub(super) fn is_udp_blocked(&self) -> bool {
        self.blocked
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

    /// Pause before QUIC is tried beside a TCP link, before jitter: from `soon` on twice as long
    /// each time, up to `base`; where QUIC fell silent again and again, longer than that.
    pub(super) fn quic_again(&self, soon: Duration, base: Duration) -> Duration {
        if self.strikes > 1 {
            return base * (1 << (self.strikes - 1).min(DOUBLINGS));
        }
        let tries = self.unanswered.map_or(0, |(tries, _)| tries);
        soon.saturating_mul(1 << tries.min(16)).min(base)
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
        assert_eq!(paths.quic_again(SECOND, 60 * SECOND), SECOND);
        // UDP alone is dropped; but once may have been a hub that came back in that moment.
        for pause in [1, 120, 240] {
            paths.won(Carrier::Quic, start);
            paths.quic_ended(60 * SECOND, true);
            paths.won(Carrier::Tcp, start);
            assert_eq!(paths.quic_again(SECOND, 60 * SECOND), pause * SECOND);
        }
        assert!(!paths.is_udp_blocked(), "it passes, if only for a while");
    }

    #[test]
    fn quic_is_tried_again_ever_later_but_always_again() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        for _ in 0..40 {
            paths.won(Carrier::Quic, start);
            paths.quic_ended(SECOND, true);
            paths.won(Carrier::Tcp, start);
        }
        assert_eq!(paths.quic_again(SECOND, SECOND), 8 * SECOND);
        paths.won(Carrier::Quic, start);
        paths.quic_ended(CLEARED, false);
        assert_eq!(paths.quic_again(SECOND, SECOND), SECOND);
    }

    #[test]
    fn a_link_that_was_closed_in_words_says_nothing_about_udp() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        paths.won(Carrier::Quic, start);
        paths.quic_ended(SECOND, false);
        assert_eq!(paths.first(start), Carrier::Quic);
    }
    #[test]
    fn after_a_win_of_tcp_quic_is_tried_again_soon_and_then_ever_later() {
        let (mut paths, start) = (Paths::default(), Instant::now());
        paths.won(Carrier::Tcp, start);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(paths.quic_again(5 * SECOND, 300 * SECOND).as_secs());
            paths.quic_unanswered(start);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        paths.won(Carrier::Quic, start);
        paths.won(Carrier::Tcp, start);
        assert_eq!(paths.quic_again(5 * SECOND, 300 * SECOND), 5 * SECOND);
    }

    #[test]
    fn udp_is_called_blocked_after_several_tries_over_some_time_and_not_before() {
        let start = Instant::now();
        let tried = |at: &[u32]| {
            let mut paths = Paths::default();
            paths.won(Carrier::Tcp, start);
            at.iter().for_each(|at| paths.quic_unanswered(start + *at * SECOND));
            paths
        };
        assert!(!tried(&[]).is_udp_blocked(), "TCP won, and that is all");
        assert!(!tried(&[15, 300]).is_udp_blocked(), "two tries");
        assert!(!tried(&[1, 2, 3, 4, 20]).is_udp_blocked(), "all while the hub was coming up");
        let mut paths = tried(&[15, 25, 35]);
        assert!(paths.is_udp_blocked());
        // Until something comes back over UDP.
        paths.tcp_ended(true);
        paths.won(Carrier::Tcp, start + 60 * SECOND);
        assert!(paths.is_udp_blocked());
        paths.quic_answered();
        assert!(!paths.is_udp_blocked());
        // The network was away: what was not answered then does not count.
        let mut paths = tried(&[15, 25]);
        paths.tcp_ended(true);
        paths.quic_unanswered(start + 60 * SECOND);
        assert!(!paths.is_udp_blocked());
    }
}
