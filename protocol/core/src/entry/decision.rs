//! What a hub's decision on another entry says: the payload of an entry of kind
//! [`Kind::Decision`](super::Kind::Decision), whose one dependency is the change it is about.
//!
//! ```text
//! 0 version 1 | 1 verdict | 2 number u64 LE | 10 reason, UTF-8
//! ```

use crate::{limits, state::history::Verdict};

/// A hub's word on one entry of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it shall be. [`Verdict::Accepted`] releases what a ban or an earlier decision kept out.
    pub verdict: Verdict,
    /// Among decisions of one hub on one entry the highest counts.
    pub number: u64,
    /// Why, for people; at most [`limits::REASON_BYTES`] bytes and not blank.
    pub reason: String,
}

/// Why a decision is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// Bytes that are no decision of this version.
    #[error("a decision cannot be read")]
    Malformed,
    /// A verdict that nobody can decide on.
    #[error("a decision holds, quarantines, flags or releases; nothing else")]
    Verdict,
    /// Nobody would know why.
    #[error("a decision needs a reason of at most {} bytes", limits::REASON_BYTES)]
    Reason,
}

const VERSION: u8 = 1;
const FIXED: usize = 10;

impl Decision {
    /// The payload.
    ///
    /// # Errors
    /// [`DecisionError`] for a verdict that cannot be decided on, a blank or over-long reason.
    pub fn encode(&self) -> Result<Vec<u8>, DecisionError> {
        self.check()?;
        let mut out = Vec::with_capacity(FIXED + self.reason.len());
        out.extend_from_slice(&[VERSION, self.verdict.byte()]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(self.reason.as_bytes());
        Ok(out)
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`DecisionError`] for anything that [`Self::encode`] does not give.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecisionError> {
        let (fixed, reason) = bytes.split_first_chunk::<FIXED>().ok_or(DecisionError::Malformed)?;
        let [version, verdict, number @ ..] = *fixed;
        if version != VERSION || verdict > Verdict::Quarantined.byte() {
            return Err(DecisionError::Malformed);
        }
        let reason = std::str::from_utf8(reason).map_err(|_| DecisionError::Malformed)?;
        let decision = Self {
            verdict: Verdict::from_byte(verdict),
            number: u64::from_le_bytes(number),
            reason: reason.to_owned(),
        };
        decision.check()?;
        Ok(decision)
    }

    fn check(&self) -> Result<(), DecisionError> {
        if self.verdict == Verdict::Waiting {
            return Err(DecisionError::Verdict);
        }
        let blank = self.reason.trim().is_empty();
        if blank || self.reason.len() > limits::REASON_BYTES {
            return Err(DecisionError::Reason);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_round_trips_and_nothing_else_is_one() {
        let decision = Decision {
            verdict: Verdict::Quarantined,
            number: 7,
            reason: "Máy bị mất, chờ kiểm tra".into(),
        };
        let bytes = decision.encode().expect("well formed");
        assert_eq!(Decision::decode(&bytes), Ok(decision.clone()));
        for length in 0..=FIXED {
            assert!(Decision::decode(&bytes[..length]).is_err(), "{length}");
        }
        let with = |place: usize, byte: u8| {
            let mut bent = bytes.clone();
            bent[place] = byte;
            Decision::decode(&bent)
        };
        assert_eq!(with(0, 2), Err(DecisionError::Malformed));
        assert_eq!(with(1, Verdict::Waiting.byte()), Err(DecisionError::Malformed));
        assert_eq!(with(FIXED, 0xff), Err(DecisionError::Malformed));
        let blank = Decision { reason: " \n".into(), ..decision.clone() };
        assert_eq!(blank.encode(), Err(DecisionError::Reason));
        let long = Decision { reason: "ạ".repeat(limits::REASON_BYTES), ..decision };
        assert_eq!(long.encode(), Err(DecisionError::Reason));
    }
}
