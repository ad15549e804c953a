//! How much of what was on its way a cut lets through.

use motcua_tests::seed::Seed;

/// The extremes are where mistakes show; the middle is where those show that nobody thought of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Nothing that was not synced.
    Loses,
    /// Everything, in order.
    Keeps,
    /// Each thing on its own; pages are torn.
    Mixes,
}

impl Mood {
    /// One by chance: every second cut mixes.
    pub fn choose(seed: &mut Seed) -> Self {
        match seed.below(4) {
            0 => Self::Loses,
            1 => Self::Keeps,
            _ => Self::Mixes,
        }
    }

    pub(super) fn keeps(self, seed: &mut Seed) -> bool {
        match self {
            Self::Loses => false,
            Self::Keeps => true,
            Self::Mixes => seed.below(2) == 0,
        }
    }

    /// How many of `count` versions of a thing have come to the disk.
    pub(super) fn reached(self, seed: &mut Seed, count: usize) -> usize {
        match self {
            Self::Loses => 0,
            Self::Keeps => count,
            Self::Mixes => seed.below(count + 1),
        }
    }

    /// Whether the next version has come in parts.
    pub(super) fn tears(self, seed: &mut Seed) -> bool {
        self == Self::Mixes && seed.below(2) == 0
    }
}
