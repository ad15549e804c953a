//! Everything that is left to chance comes from the seed of the run.

pub use motcua_journal::mem::Dice;

/// Choices made with dice.
pub trait Throw {
    /// True once in `n` times.
    fn one_in(&mut self, n: u64) -> bool;
    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: u64, high: u64) -> u64;
    /// One of these; none of none.
    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T>;
    /// Sixteen bytes that nobody else draws.
    fn bytes(&mut self) -> [u8; 16];
    /// Dice of somebody's own, so that what one does changes nothing for the other.
    fn part(&mut self) -> Self;
}

impl Throw for Dice {
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len() as u64) as usize).copied()
    }

    fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_le_bytes());
        bytes
    }

    fn part(&mut self) -> Self {
        Self(self.next_u64())
    }
}
