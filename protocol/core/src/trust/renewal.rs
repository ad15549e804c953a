//! When a machine asks for a new certificate or for newer documents, and whom. Pure: the shell hands
//! in time and chance.
//!
//! Before the first grant of a process the end of the certificate is judged by a wall clock that may
//! be wrong; too late, the hub's refusal tells. From then on the life that is left is the hub's word,
//! counted by the monotonic clock, so no clock can make a machine ask again and again.

use super::{HubRecord, NodeKind, TrustView};
use crate::{id::OfficeId, key::PublicKey, time::Instant};

/// Life of a certificate whose issue was not seen, in milliseconds: 90 days.
pub const LIFETIME: u64 = 90 * 86_400_000;
/// First and longest pause after a try that came to nothing, or that did not help.
const PAUSE: (u64, u64) = (5_000, 3_600_000);
/// How often the wait of a machine without a hub is doubled.
const AWAY_DOUBLINGS: u32 = 4;
/// An end that nobody waits for.
const NEVER: Instant = Instant(u64::MAX);

/// How patient a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Machines whose certificates are due at one moment ask within this many milliseconds.
    pub spread: u64,
    /// How long the hub may be out of reach before the others are asked for newer documents.
    pub away: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { spread: 30_000, away: 300_000 }
    }
}

/// What a machine means to do about its certificate.
#[derive(Debug)]
pub struct Plan {
    patience: Patience,
    /// By the age of the certificate.
    due: Instant,
    /// The hub has refused it.
    refused: bool,
    away_since: Option<Instant>,
    asked_while_away: u32,
    not_before: Instant,
    tries: u32,
    seed: u64,
}

impl Plan {
    /// A plan for a certificate that, by this machine's clock, is good for another `left`
    /// milliseconds, or ended that long ago.
    pub fn new(now: Instant, left: i64, patience: Patience, seed: u64) -> Self {
        let mut plan = Self {
            patience,
            due: now,
            refused: false,
            away_since: None,
            asked_while_away: 0,
            not_before: now,
            tries: 0,
            seed,
        };
        // A third of its life is left when it is renewed, or up to half for some.
        let margin = LIFETIME / 3 + plan.random() % (LIFETIME / 6);
        let left = u64::try_from(left).unwrap_or(0);
        plan.due = match left.checked_sub(margin) {
            Some(wait) => now.after(wait),
            None => now.after(plan.random() % plan.patience.spread.max(1)),
        };
        plan
    }

    /// When something is to be asked.
    pub fn due(&self) -> Instant {
        let refused = if self.refused { Instant(0) } else { NEVER };
        let wait = self.patience.away << self.asked_while_away.min(AWAY_DOUBLINGS);
        let away = self.away_since.map_or(NEVER, |since| since.after(wait));
        self.due.min(refused).min(away).max(self.not_before)
    }

    /// The hub did not take this machine's certificate.
    pub fn was_refused(&mut self) {
        self.refused = true;
    }

    /// A link to the hub is up, and stays.
    pub fn reached(&mut self) {
        (self.refused, self.away_since) = (false, None);
        (self.tries, self.asked_while_away) = (0, 0);
    }

    /// The hub was not reached, or did not let this machine in.
    pub fn not_reached(&mut self, now: Instant) {
        self.away_since.get_or_insert(now);
    }

    /// A hub gave a certificate that is good for `life` milliseconds by its own clock.
    pub fn granted(&mut self, now: Instant, life: i64) {
        let life = u64::try_from(life).unwrap_or(0);
        self.due = now.after(life / 2 + self.random() % (life / 6).max(1));
        self.refused = false;
        // If it does not help, the next try waits longer all the same.
        self.rest(now);
    }

    /// Nobody gave one.
    pub fn failed(&mut self, now: Instant) {
        self.rest(now);
    }

    fn rest(&mut self, now: Instant) {
        let longest = (PAUSE.0 << self.tries.min(10)).min(PAUSE.1);
        self.tries = self.tries.saturating_add(1);
        self.not_before = now.after(longest / 2 + self.random() % longest);
        if self.away_since.is_some() {
            self.away_since = Some(now);
            self.asked_while_away = self.asked_while_away.saturating_add(1);
        }
    }

    /// Splitmix64, as for redialling: it need only differ between machines.
    fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl TrustView {
    /// Hubs that may renew a machine of this office, nearest first, then the others, which can hand
    /// out newer root documents. None for a hub with nothing above it: nobody judges the end of its
    /// certificate.
    pub fn hubs_to_ask(&self, office: OfficeId, kind: NodeKind, own: &PublicKey) -> Vec<HubRecord> {
        if kind == NodeKind::Hub && self.hub_above(office).is_none() {
            return Vec::new();
        }
        let above = self.upwards(office).filter_map(|at| self.hub(at));
        let mut hubs: Vec<HubRecord> = Vec::new();
        for hub in above.chain(&self.root().hubs) {
            if hub.key != *own && !hubs.iter().any(|known| known.key == hub.key) {
                hubs.push(hub.clone());
            }
        }
        hubs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const PATIENCE: Patience = Patience { spread: 30_000, away: 300_000 };

    fn plan(left: i64) -> Plan {
        Plan::new(Instant(7), left, PATIENCE, 1)
    }

    fn days(instant: Instant) -> u64 {
        instant.0 / DAY as u64
    }

    #[test]
    fn a_certificate_is_renewed_between_half_and_two_thirds_of_its_life() {
        let mut at = Vec::new();
        for seed in 0..200 {
            let plan = Plan::new(Instant(0), 90 * DAY, PATIENCE, seed);
            assert!((44..60).contains(&days(plan.due())), "{}", days(plan.due()));
            at.push(days(plan.due()));
            let mut plan = Plan::new(Instant(0), 0, PATIENCE, seed);
            plan.granted(Instant(0), 90 * DAY);
            assert!((45..60).contains(&days(plan.due())), "{}", days(plan.due()));
            plan.granted(Instant(0), 600_000);
            assert!((300_000..400_000).contains(&plan.due().0), "{:?}", plan.due());
        }
        at.sort_unstable();
        at.dedup();
        assert!(at.len() > 10, "a city does not ask on one day");
    }

    #[test]
    fn an_ended_certificate_is_renewed_at_once_and_by_the_hubs_word_from_then_on() {
        for left in [0, -400 * DAY, i64::MIN, 10 * DAY] {
            assert!(plan(left).due().0 <= 7 + PATIENCE.spread, "{left}");
        }
        // A clock at 2099: the certificate seems to have ended for ever.
        let mut plan = plan(-70 * 365 * DAY);
        plan.granted(Instant(20), 90 * DAY);
        assert!(days(plan.due()) >= 45);
    }

    #[test]
    fn with_a_clock_at_1970_the_hubs_refusal_tells() {
        let mut plan = plan(56 * 365 * DAY);
        assert!(days(plan.due()) > 50 * 365);
        plan.was_refused();
        assert_eq!(plan.due(), Instant(7));
        plan.granted(Instant(8), 90 * DAY);
        assert!(days(plan.due()) >= 45);
        // It is refused all the same, as by a hub whose clock is ahead: slower and slower.
        let mut now = 8;
        let mut pauses = Vec::new();
        for _ in 0..14 {
            plan.was_refused();
            pauses.push(plan.due().0 - now);
            now = plan.due().0;
            plan.granted(Instant(now), 90 * DAY);
        }
        assert!(pauses[0] < 10_000 && pauses[13] > 1_500_000, "{pauses:?}");
        plan.reached();
        plan.was_refused();
        plan.failed(Instant(now));
        assert!(plan.due().0 - now < 10_000, "a link that stood begins it anew");
    }

    #[test]
    fn without_its_hub_a_machine_asks_the_others_less_and_less_often() {
        let mut plan = plan(90 * DAY);
        plan.not_reached(Instant(1_000));
        plan.not_reached(Instant(2_000));
        assert_eq!(plan.due(), Instant(301_000));
        let mut now = 301_000;
        let mut pauses = Vec::new();
        for round in 0..8 {
            if round % 2 == 0 {
                plan.granted(Instant(now), 90 * DAY);
            } else {
                plan.failed(Instant(now));
            }
            pauses.push(plan.due().0 - now);
            now = plan.due().0;
        }
        assert!(pauses.iter().all(|pause| (600_000..=4_800_000).contains(pause)), "{pauses:?}");
        assert!(pauses[7] >= 4_800_000, "{pauses:?}");
        plan.reached();
        assert!(days(plan.due()) > 1, "nothing to ask while the hub is there");
    }
}
