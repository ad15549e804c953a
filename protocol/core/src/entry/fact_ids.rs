//! Ids of the facts in one change: ULIDs (ulid/spec, monotonic) that follow from what is in the
//! header, so that they need not travel: 80 random bits a fact would be half of what goes up.

use crate::{
    hash::{Context, derive},
    id::{ActorId, DossierId, Hash},
    time::Timestamp,
};

/// The ids of one change, in order. Unique: an actor writes at most one change on the same parents
/// of a dossier, since its next builds on it; and nobody else has that actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactIds {
    first: u128,
    given: u32,
}

impl FactIds {
    /// Characters of one id.
    pub const TEXT_LEN: usize = 26;

    /// For the change that `actor` writes at `at`, the header's claimed time, on `parents`, the
    /// heads of the dossier, in any order.
    pub fn new(actor: ActorId, dossier: DossierId, parents: &[Hash], at: Timestamp) -> Self {
        let hash = match parents {
            [] => derive(Context::FactId, &[&actor.0, &dossier.0]),
            // Nearly always; spares the receiver two allocations an entry.
            [parent] => derive(Context::FactId, &[&actor.0, &dossier.0, &parent.0]),
            several => {
                let mut sorted = several.to_vec();
                sorted.sort_unstable();
                let mut parts: Vec<&[u8]> = vec![&actor.0, &dossier.0];
                parts.extend(sorted.iter().map(|hash| hash.0.as_slice()));
                derive(Context::FactId, &parts)
            }
        };
        let random = hash.0[..10].iter().fold(0, |value, byte| value << 8 | u128::from(*byte));
        let millis = at.0.clamp(0, (1 << 48) - 1) as u128;
        // The top random bit is clear, so that counting on never runs into the time.
        Self { first: millis << 80 | random & ((1 << 79) - 1), given: 0 }
    }

    /// The n-th id, from 0, in Crockford's base 32.
    pub fn text(&self, n: u32) -> [u8; Self::TEXT_LEN] {
        const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut value = self.first + u128::from(n);
        let mut out = [0; Self::TEXT_LEN];
        for digit in out.iter_mut().rev() {
            *digit = DIGITS[(value & 31) as usize];
            value >>= 5;
        }
        out
    }
}

impl Iterator for FactIds {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let text = self.text(self.given);
        self.given = self.given.checked_add(1)?;
        Some(text.iter().map(|digit| char::from(*digit)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(parents: &[Hash], at: i64) -> FactIds {
        FactIds::new(ActorId([1; 16]), DossierId([2; 16]), parents, Timestamp(at))
    }

    #[test]
    fn ids_rise_and_carry_the_time() {
        let all: Vec<String> = ids(&[], 1_469_918_176_385).take(1_000).collect();
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            all.iter().all(|id| id.len() == 26 && id.starts_with("01ARYZ6S41")),
            "as in the spec"
        );
    }

    #[test]
    fn ids_follow_from_actor_dossier_and_parents_in_any_order() {
        let (a, b) = (Hash([3; 32]), Hash([4; 32]));
        assert_eq!(ids(&[a, b], 5), ids(&[b, a], 5));
        assert_ne!(ids(&[a], 5).text(0), ids(&[b], 5).text(0));
        assert_ne!(ids(&[], 5).text(0)[10..], ids(&[a], 5).text(0)[10..]);
        let other = FactIds::new(ActorId([9; 16]), DossierId([2; 16]), &[a], Timestamp(5));
        assert_ne!(other.text(0), ids(&[a], 5).text(0));
        for at in [i64::MIN, -1, 0, i64::MAX] {
            assert!(ids(&[], at).text(u32::MAX)[0] <= b'7', "stays a ULID");
        }
    }
}
