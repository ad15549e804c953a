//! Chance that can be repeated: every run prints its seed, and the seed gives the same run again as
//! far as real processes allow.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose moments and names.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// From a number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// From the environment variable `MOTCUA_SEED`, else from the system; with the number to print.
    pub fn from_env() -> (Self, u64) {
        let given = std::env::var("MOTCUA_SEED").ok().and_then(|text| text.trim().parse().ok());
        let number = given.unwrap_or_else(|| {
            let mut bytes = [0; 4];
            // Without system randomness the run is still a run, only always the same one.
            let _ = getrandom::fill(&mut bytes);
            u64::from(u32::from_le_bytes(bytes))
        });
        (Self(number), number)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % (end.max(1) as u64)) as usize
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A duration between two, both in milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below((to.saturating_sub(from) + 1) as usize) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gives_the_same_run_and_stays_in_range() {
        let (mut one, mut two) = (Seed::new(7), Seed::new(7));
        for _ in 0..1_000 {
            assert_eq!(one.bits(), two.bits());
            assert!(one.below(3) < 3);
            two.below(3);
            let pause = one.millis(5, 9).as_millis();
            two.millis(5, 9);
            assert!((5..=9).contains(&pause));
        }
    }
}
