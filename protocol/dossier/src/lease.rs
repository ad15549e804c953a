//! Numbers of dossier codes, issued offline. A number is issued only from a lease, and a lease is a
//! journal record before its first number is used; so numbers may be skipped, never given twice.
//!
//! The nodes of one office share a day's numbers without talking: node `slot` of `slots` takes
//! blocks `slot`, `slot + slots`, ... of the day. A lease is bound to log, machine, organisation and
//! day: after a restore, on a clone or another machine, what was left of it is burnt.

use crate::code::{Code, CodeError, Day};
use motcua_core::id::LogId;
use serde::{Deserialize, Serialize};

/// Numbers in a block.
pub const BLOCK: u32 = 100;
/// Highest number of a day: four digits are printed.
pub const LAST: u32 = 9_999;

/// A block of numbers, as journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Log that was being written.
    pub log: LogId,
    /// Machine it was made on: 16 bytes that differ between machines.
    pub machine: [u8; 16],
    /// Organisation identifier in the codes.
    pub org: String,
    /// Local day, YYMMDD digits as in the code, with the century: YYYY, MM, DD.
    pub day: (i32, u8, u8),
    /// First number.
    pub first: u32,
    /// Last number.
    pub last: u32,
}

/// Who issues: a lease made by anybody else is burnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Own log in use.
    pub log: LogId,
    /// This machine.
    pub machine: [u8; 16],
    /// Organisation identifier of the office.
    pub org: String,
    /// Which of the office's nodes this is, from 0.
    pub slot: u32,
    /// How many nodes the office has.
    pub slots: u32,
}

/// Why no code was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The day's numbers for this node are used up.
    #[error(
        "the numbers of {day} are used up for this machine; register on another machine of the office or tomorrow"
    )]
    Exhausted {
        /// Which day.
        day: Day,
    },
    /// The organisation cannot be written in a code.
    #[error(
        "no dossier code can be written: {0}; ask central IT to correct the office's identifier"
    )]
    Code(#[from] CodeError),
    /// The clock shows a day that cannot be right.
    #[error("the clock shows {shown}, but {known} has passed already; correct the clock first")]
    Clock {
        /// What the clock shows.
        shown: Day,
        /// A day that is known to have passed.
        known: Day,
    },
}

/// All leases so far: a fold over their records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leases {
    /// Highest number leased by day and organisation.
    highest: std::collections::BTreeMap<(Day, String), u32>,
    newest: Option<Lease>,
    /// Next number of the newest lease; `None` after a start, when nobody knows what was printed.
    next: Option<u32>,
}

/// A code, and the lease to be journaled before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The code.
    pub code: String,
    /// A new lease, if the code is its first.
    pub lease: Option<Lease>,
}

impl Leases {
    /// Takes in a journaled lease. What is left of any lease from before this start is burnt:
    /// receipts may have been printed that no disk remembers.
    pub fn replay(&mut self, lease: Lease) {
        let (year, month, day) = lease.day;
        let key = (Day { year, month, day }, lease.org.clone());
        let highest = self.highest.entry(key).or_default();
        *highest = (*highest).max(lease.last);
        self.newest = Some(lease);
        self.next = None;
    }

    /// The next code for a dossier received at `now` (Unix milliseconds). `floor` is a day that
    /// has certainly begun, such as that of the build.
    ///
    /// # Errors
    /// [`LeaseError`]; nothing is used up.
    pub fn issue(&mut self, issuer: &Issuer, now: i64, floor: Day) -> Result<Issued, LeaseError> {
        let day = Day::of(now);
        if day < floor {
            return Err(LeaseError::Clock { shown: day, known: floor });
        }
        if let (Some(lease), Some(next)) = (&self.newest, self.next)
            && lease.day == (day.year, day.month, day.day)
            && (lease.log, lease.machine, &lease.org) == (issuer.log, issuer.machine, &issuer.org)
            && next <= lease.last
        {
            let code = Code::write(&issuer.org, now, next)?;
            self.next = Some(next + 1);
            return Ok(Issued { code, lease: None });
        }
        let lease = self.lease(issuer, day)?;
        let code = Code::write(&issuer.org, now, lease.first)?;
        self.replay(lease.clone());
        self.next = Some(lease.first + 1);
        Ok(Issued { code, lease: Some(lease) })
    }

    /// The next free block of this node on that day.
    fn lease(&self, issuer: &Issuer, day: Day) -> Result<Lease, LeaseError> {
        let slots = issuer.slots.max(1);
        let highest = self.highest.get(&(day, issuer.org.clone())).copied().unwrap_or_default();
        let blocks = LAST.div_ceil(BLOCK);
        let free = (issuer.slot % slots..blocks)
            .step_by(slots as usize)
            .find(|block| block * BLOCK + 1 > highest)
            .ok_or(LeaseError::Exhausted { day })?;
        Ok(Lease {
            log: issuer.log,
            machine: issuer.machine,
            org: issuer.org.clone(),
            day: (day.year, day.month, day.day),
            first: free * BLOCK + 1,
            last: ((free + 1) * BLOCK).min(LAST),
        })
    }
}

impl Lease {
    const VERSION: u8 = 1;

    /// Journal form.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![Self::VERSION]).unwrap_or_default()
    }

    /// Reads the journal form; `None` for a later version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&Self::VERSION, body)) => postcard::from_bytes(body).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MORNING: i64 = 1_795_575_600_000;
    const FLOOR: Day = Day { year: 2_026, month: 1, day: 1 };

    fn issuer(log: u8, slot: u32, slots: u32) -> Issuer {
        Issuer { log: LogId([log; 16]), machine: [1; 16], org: "H29.30.05".into(), slot, slots }
    }

    #[test]
    fn codes_run_on_and_a_lease_is_journaled_before_its_first_number() {
        let mut leases = Leases::default();
        let first = leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
        assert!(first.lease.is_some());
        let second = leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
        assert_eq!(second.lease, None);
        assert!(first.code.ends_with("-0001") && second.code.ends_with("-0002"), "{first:?}");
        let lease = first.lease.unwrap();
        assert_eq!(Lease::decode(&lease.encode()), Some(lease));
        assert_eq!(Lease::decode(&[9, 9]), None);
    }

    #[test]
    fn the_next_day_begins_at_one_and_a_clock_set_back_is_refused() {
        let mut leases = Leases::default();
        leases.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap();
        let tomorrow = leases.issue(&issuer(1, 0, 1), MORNING + 86_400_000, FLOOR).unwrap();
        assert!(tomorrow.code.ends_with("-0001"));
        let refused = leases.issue(&issuer(1, 0, 1), 0, FLOOR).unwrap_err();
        assert!(matches!(refused, LeaseError::Clock { .. }));
    }

    #[test]
    fn a_days_numbers_end_with_a_clear_refusal() {
        let mut leases = Leases::default();
        let mut codes = BTreeSet::new();
        let refused = loop {
            match leases.issue(&issuer(1, 1, 3), MORNING, FLOOR) {
                Ok(issued) => assert!(codes.insert(issued.code)),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, LeaseError::Exhausted { .. }));
        assert_eq!(codes.len(), 3_300);
    }

    proptest! {
        /// Crashes, clones with a new log, other machines, several nodes: no code twice.
        #[test]
        fn no_code_is_ever_given_twice(
            steps in proptest::collection::vec((0u8..5, 0u32..3, 0i64..3), 1..300)
        ) {
            let mut journal: [Vec<Lease>; 3] = Default::default();
            let mut memory = [Leases::default(), Leases::default(), Leases::default()];
            let mut logs = [1u8, 2, 3];
            let mut given = BTreeSet::new();
            for (what, node, day) in steps {
                let slot = node as usize;
                match what {
                    // A restart: memory is gone, the journal is not.
                    0 => {
                        memory[slot] = Leases::default();
                        for lease in &journal[slot] {
                            memory[slot].replay(lease.clone());
                        }
                    }
                    // A new log after a restore.
                    1 => logs[slot] += 3,
                    _ => {
                        let who = issuer(logs[slot], node, 3);
                        let now = MORNING + day * 86_400_000;
                        if let Ok(issued) = memory[slot].issue(&who, now, FLOOR) {
                            journal[slot].extend(issued.lease);
                            prop_assert!(given.insert(issued.code.clone()), "{} twice", issued.code);
                        }
                    }
                }
            }
        }
    }
}
