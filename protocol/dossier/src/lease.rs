//! Numbers of dossier codes, issued offline. A number is issued only from a lease, and a lease is a
//! journal record before its first number is used; so numbers may be skipped, never given twice.
//!
//! The nodes of one office share a day's numbers without talking: node `slot` of `slots` takes
//! blocks `slot`, `slot + slots`, ... of the day. A lease is bound to log, machine, organisation and
//! day: after a restore, on a clone or another machine, what was left of it is burnt.
//!
//! A copy of a journal does not know what the original goes on to print. So the day has parts:
//! the machine that made the journal's first lease is at *home* and counts up from the beginning;
//! whoever works on with its leases elsewhere (restored from a copy, cloned, a disk moved), and the
//! home machine itself on the day on which another log begins (set back, or after a failed disk), takes blocks
//! of the *guests'* part, from a place drawn from machine and log. So does, on its first day, a machine
//! that stands where another was lost: nobody knows what that one printed today and never sent.
//!
//! An office that goes live in the middle of a day has numbers on paper already: a [`Start`] says where the
//! day goes on. It is set once, holds for its day and organisation, and ends by itself at midnight.
//!
//! The last part is for a machine at home on its first day, while its state is being made again and it
//! cannot see the codes that came from elsewhere: whoever had its place before printed some of them.

use crate::code::{Code, CodeError, Day};
use motcua_core::id::LogId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers in a block.
pub const BLOCK: u32 = 100;
/// Blocks of the day for the machine at home; the rest is for guests. 6,000 a day is several
/// times what the largest office registers.
pub const HOME_BLOCKS: u32 = 60;
/// Highest number at home, where a day that began on paper can go on.
pub const HOME_LAST: u32 = HOME_BLOCKS * BLOCK;
/// Blocks before the last part: a thousand numbers are more than anybody registers in minutes, and
/// three thousand are left for guests.
pub const SEEN_BLOCKS: u32 = 90;
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

/// Where a day's numbers go on that began on paper, as journaled beside the leases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Organisation identifier in the codes.
    pub org: String,
    /// Local day: YYYY, MM, DD.
    pub day: (i32, u8, u8),
    /// First number that is issued; those below it stand on paper.
    pub number: u32,
    /// Who set it, as shown.
    pub by: String,
    /// When, Unix milliseconds.
    pub at: i64,
}

/// Why a day's numbers do not go on there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Not a number that a counter could begin with.
    #[error("a day can go on at 2 to {last}, not at {0}", last = HOME_LAST)]
    Bounds(u32),
    /// It was set before.
    #[error("today's numbers go on at {} already, set by {}: it is set once a day", .0.number, .0.by)]
    Already(Start),
    /// A number that is not below it is in use.
    #[error(
        "number {issued} was issued already (code {code}); today's numbers can go on behind it only"
    )]
    Issued {
        /// The highest that is in use.
        issued: u32,
        /// Its code.
        code: String,
    },
    /// Its block is another machine's.
    #[error(
        "number {number} is in the block {first} to {last}, which is another machine's of this office; \
         set it there, and {} here if the paper register has gone beyond this machine's own blocks",
        .last + 1
    )]
    OtherMachine {
        /// What was asked for.
        number: u32,
        /// First number of the block.
        first: u32,
        /// Last number of the block.
        last: u32,
    },
    /// What was issued cannot be seen.
    #[error(
        "the state is being made again: what was issued today is not known yet; try again in a moment"
    )]
    Blind,
    /// Codes cannot be written now.
    #[error(transparent)]
    Lease(#[from] LeaseError),
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
    /// Another machine had these numbers before this one.
    pub replaces: bool,
    /// Codes that came from elsewhere cannot be seen now, because the state is being made again.
    pub blind: bool,
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
    /// Blocks leased, by day and organisation.
    days: BTreeMap<(Day, String), BTreeSet<u32>>,
    /// The first day on which each log leased.
    logs: BTreeMap<LogId, Day>,
    /// Machine of the first lease of all.
    home: Option<[u8; 16]>,
    /// Where days go on that began on paper.
    starts: BTreeMap<(Day, String), Start>,
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
        self.days.entry(key).or_default().insert(lease.first.saturating_sub(1) / BLOCK);
        self.logs.entry(lease.log).or_insert(Day { year, month, day });
        self.home.get_or_insert(lease.machine);
        self.newest = Some(lease);
        self.next = None;
    }

    /// Takes in a journaled start. What was set first holds.
    pub fn replay_start(&mut self, start: Start) {
        let (year, month, day) = start.day;
        let key = (Day { year, month, day }, start.org.clone());
        self.starts.entry(key).or_insert(start);
    }

    /// All that were set, the oldest first.
    pub fn starts(&self) -> impl Iterator<Item = &Start> {
        self.starts.values()
    }

    /// Where the numbers of a day go on, if it began on paper.
    pub fn start_of(&self, org: &str, day: Day) -> Option<&Start> {
        self.starts.get(&(day, org.to_owned()))
    }

    /// Whether a day's numbers may go on at `number`; the start to be journaled, before
    /// [`Self::replay_start`] makes it hold. `known` are numbers of that day that dossiers here have, with
    /// their codes; `elsewhere` those of them that another machine of the office gave.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn may_start(
        &self,
        issuer: &Issuer,
        (number, by): (u32, &str),
        (now, floor): (i64, Day),
        known: &BTreeMap<u32, String>,
        elsewhere: &BTreeSet<u32>,
    ) -> Result<Start, StartError> {
        let day = Day::of(now);
        if day < floor {
            return Err(LeaseError::Clock { shown: day, known: floor }.into());
        }
        let start = Start {
            org: issuer.org.clone(),
            day: (day.year, day.month, day.day),
            number,
            by: by.to_owned(),
            at: now,
        };
        if let Some(before) = self.start_of(&issuer.org, day) {
            // Asked again, the answer is the same.
            let same = before.number == number;
            return if same {
                Ok(before.clone())
            } else {
                Err(StartError::Already(before.clone()))
            };
        }
        if issuer.blind {
            return Err(StartError::Blind);
        }
        if !(2..=HOME_LAST).contains(&number) {
            return Err(StartError::Bounds(number));
        }
        let (slots, block) = (issuer.slots.max(1), (number - 1) / BLOCK);
        let in_block = |number: u32| number.saturating_sub(1) / BLOCK == block;
        if block % slots != issuer.slot % slots || elsewhere.iter().any(|one| in_block(*one)) {
            let (first, last) = (block * BLOCK + 1, (block + 1) * BLOCK);
            return Err(StartError::OtherMachine { number, first, last });
        }
        let home = |one: &u32| *one <= HOME_LAST && !elsewhere.contains(one);
        let issued = known.iter().rfind(|(one, _)| home(one));
        if let Some((issued, code)) = issued.filter(|(issued, _)| **issued >= number) {
            return Err(StartError::Issued { issued: *issued, code: code.clone() });
        }
        // A number may have been given a moment ago, to a dossier that is on its way to the disk.
        let given = self.next.and_then(|next| {
            let lease = self.newest.as_ref().filter(|lease| lease.day == start.day)?;
            (lease.org == issuer.org && next > number && next > lease.first).then_some(next - 1)
        });
        match given {
            Some(issued) => {
                let code = Code::write(&issuer.org, now, issued).map_err(LeaseError::from)?;
                Err(StartError::Issued { issued, code })
            }
            None => Ok(start),
        }
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
        let from = self.start_of(&issuer.org, day).map_or(1, |start| start.number);
        if let (Some(lease), Some(next)) = (&self.newest, self.next.map(|next| next.max(from)))
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
        let none = BTreeSet::new();
        let leased = self.days.get(&(day, issuer.org.clone())).unwrap_or(&none);
        let mine = |blocks: std::ops::Range<u32>| {
            blocks.filter(|block| block % slots == issuer.slot % slots).collect::<Vec<u32>>()
        };
        let abroad = self.home.is_some_and(|home| home != issuer.machine);
        // What a log that ended today went on to print may be lost with the disk's newer state.
        let begun_today = self.logs.get(&issuer.log).is_none_or(|begun| *begun == day);
        let again =
            begun_today && (issuer.replaces || self.logs.keys().any(|log| *log != issuer.log));
        // Whoever had this machine's place before it may have printed numbers of the day on which it
        // came; they are known from other offices and copies, if they can be seen.
        let new_here = issuer.blind && self.days.keys().all(|(leased, _)| *leased >= day);
        let from = self.start_of(&issuer.org, day).map_or(1, |start| start.number);
        let order = if abroad || again {
            let mut blocks = mine(HOME_BLOCKS..SEEN_BLOCKS);
            let start = place(issuer, blocks.len());
            blocks.rotate_left(start);
            blocks
        } else if new_here {
            mine(SEEN_BLOCKS..LAST.div_ceil(BLOCK))
        } else {
            // Behind the highest, so that numbers rise over the day.
            let highest = leased.range(..HOME_BLOCKS).last().map_or(0, |block| block + 1);
            // What is below the start stands on paper.
            let highest = highest.max((from - 1) / BLOCK);
            mine(highest..HOME_BLOCKS)
        };
        let free = order.into_iter().find(|block| !leased.contains(block));
        let free = free.ok_or(LeaseError::Exhausted { day })?;
        Ok(Lease {
            log: issuer.log,
            machine: issuer.machine,
            org: issuer.org.clone(),
            day: (day.year, day.month, day.day),
            first: if (from - 1) / BLOCK == free { from } else { free * BLOCK + 1 },
            last: ((free + 1) * BLOCK).min(LAST),
        })
    }
}

/// Where a guest begins among its blocks: two guests who do not know of each other seldom meet.
fn place(issuer: &Issuer, blocks: usize) -> usize {
    let mixed =
        issuer.machine.iter().chain(&issuer.log.0).fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    usize::try_from(mixed % blocks.max(1) as u64).unwrap_or_default()
}

/// A journal form: its version, then the value.
fn written(version: u8, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![version]).unwrap_or_default()
}

/// The value of a journal form; `None` for another version.
fn read<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Option<T> {
    match bytes.split_first() {
        Some((first, body)) if *first == version => postcard::from_bytes(body).ok(),
        _ => None,
    }
}

impl Lease {
    const VERSION: u8 = 1;

    /// Journal form.
    pub fn encode(&self) -> Vec<u8> {
        written(Self::VERSION, self)
    }

    /// Reads the journal form; `None` for a later version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(Self::VERSION, bytes)
    }
}

impl Start {
    /// Told from a lease by the first byte, so that a program that knows only leases passes it over.
    const VERSION: u8 = 2;

    /// Journal form: a record like that of a lease.
    pub fn encode(&self) -> Vec<u8> {
        written(Self::VERSION, self)
    }

    /// Reads the journal form; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        read(Self::VERSION, bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const MORNING: i64 = 1_795_575_600_000;
    const FLOOR: Day = Day { year: 2_026, month: 1, day: 1 };

    fn issuer(log: u8, slot: u32, slots: u32) -> Issuer {
        Issuer {
            log: LogId([log; 16]),
            machine: [1; 16],
            org: "H29.30.05".into(),
            slot,
            slots,
            replaces: false,
            blind: false,
        }
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

    /// Sets the start as a node does, with these numbers known here.
    fn set(
        leases: &mut Leases,
        who: &Issuer,
        number: u32,
        known: &[u32],
        elsewhere: &[u32],
    ) -> Result<(), StartError> {
        let known = known.iter().map(|one| (*one, format!("code {one}"))).collect();
        let elsewhere = elsewhere.iter().copied().collect();
        let asked = (number, "Lê Thị Mẫu");
        let start = leases.may_start(who, asked, (MORNING, FLOOR), &known, &elsewhere)?;
        assert_eq!(Start::decode(&start.encode()).as_ref(), Some(&start));
        assert_eq!(Lease::decode(&start.encode()), None);
        leases.replay_start(start);
        Ok(())
    }

    fn number(leases: &mut Leases, who: &Issuer, now: i64) -> u32 {
        let code = leases.issue(who, now, FLOOR).unwrap().code;
        Code::read(&code).unwrap().seq.parse().unwrap()
    }

    #[test]
    fn a_day_that_began_on_paper_goes_on_behind_it_and_the_next_begins_at_one() {
        let (mut leases, who) = (Leases::default(), issuer(1, 0, 2));
        set(&mut leases, &who, 38, &[1, 2, 37], &[]).unwrap();
        let mut other = Leases::default();
        let mut all: BTreeSet<u32> = (0..6).map(|_| number(&mut leases, &who, MORNING)).collect();
        all.extend((0..3).map(|_| number(&mut other, &issuer(2, 1, 2), MORNING)));
        assert_eq!(all.len(), 9);
        assert!(*all.first().unwrap() == 38, "{all:?}");
        // A restart burns what was left, and never falls below.
        let mut again = Leases::default();
        again.replay(leases.newest.clone().unwrap());
        again.replay_start(leases.start_of("H29.30.05", Day::of(MORNING)).unwrap().clone());
        let next = number(&mut again, &who, MORNING);
        assert!(next > 43 && !all.contains(&next), "{next}");
        assert_eq!(number(&mut leases, &who, MORNING + 86_400_000), 1);
        assert_eq!(number(&mut again, &who, MORNING + 86_400_000), 1);
    }

    #[test]
    fn a_start_at_or_below_what_was_issued_or_in_anothers_block_is_refused_with_the_reason() {
        let (mut leases, who) = (Leases::default(), issuer(1, 0, 2));
        assert!(matches!(set(&mut leases, &who, 1, &[], &[]), Err(StartError::Bounds(1))));
        assert!(matches!(set(&mut leases, &who, 6_001, &[], &[]), Err(StartError::Bounds(_))));
        let other = set(&mut leases, &who, 150, &[], &[]).unwrap_err();
        assert_eq!(other, StartError::OtherMachine { number: 150, first: 101, last: 200 });
        // Where the machines do not know of each other, what came over tells.
        let alone = issuer(1, 0, 1);
        let met = set(&mut leases, &alone, 150, &[101], &[101]).unwrap_err();
        assert!(matches!(met, StartError::OtherMachine { .. }));
        for known in [38, 39] {
            let refused = set(&mut leases, &who, 38, &[known], &[]).unwrap_err();
            assert!(matches!(refused, StartError::Issued { issued, .. } if issued == known));
        }
        // A guest's numbers are not in the way.
        let mut guest = leases.clone();
        set(&mut guest, &who, 38, &[6_001, 140], &[140]).unwrap();
        // Given a moment ago, and not in the state yet.
        assert_eq!(number(&mut leases, &who, MORNING), 1);
        assert_eq!(number(&mut leases, &who, MORNING), 2);
        let refused = set(&mut leases, &who, 2, &[], &[]).unwrap_err();
        assert!(matches!(refused, StartError::Issued { issued: 2, .. }), "{refused}");
        set(&mut leases, &who, 100, &[], &[]).unwrap();
        assert_eq!(number(&mut leases, &who, MORNING), 100);
        assert_eq!(number(&mut leases, &who, MORNING), 201);
        set(&mut leases, &who, 100, &[], &[]).unwrap();
        let again = set(&mut leases, &who, 300, &[], &[]).unwrap_err();
        assert!(matches!(again, StartError::Already(Start { number: 100, .. })));
        let blind = Issuer { blind: true, ..who };
        let blind = set(&mut Leases::default(), &blind, 38, &[], &[]);
        assert_eq!(blind, Err(StartError::Blind));
    }

    #[test]
    fn a_start_in_a_block_whose_last_number_it_is_leaves_that_one() {
        let (mut leases, who) = (Leases::default(), issuer(1, 0, 1));
        set(&mut leases, &who, 200, &[], &[]).unwrap();
        assert_eq!(number(&mut leases, &who, MORNING), 200);
        assert_eq!(number(&mut leases, &who, MORNING), 201);
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
        assert_eq!(codes.len(), 2_000);
    }

    #[test]
    fn a_new_machine_that_cannot_see_other_codes_keeps_clear_of_those_of_its_predecessor() {
        let mut before = Leases::default();
        let predecessor = Issuer { machine: [9; 16], ..issuer(9, 0, 1) };
        let mut printed: BTreeSet<String> = BTreeSet::new();
        for _ in 0..250 {
            printed.insert(before.issue(&predecessor, MORNING, FLOOR).unwrap().code);
        }
        let mut leases = Leases::default();
        let blind = Issuer { blind: true, ..issuer(1, 0, 1) };
        let mut lease = None;
        for _ in 0..250 {
            let issued = leases.issue(&blind, MORNING, FLOOR).unwrap();
            lease = lease.or(issued.lease);
            assert!(printed.insert(issued.code.clone()), "{} twice", issued.code);
        }
        assert_eq!(lease.unwrap().first, SEEN_BLOCKS * BLOCK + 1);
        // Once it sees them it goes on where it would have begun, and the next day as ever.
        let mut again = Leases::default();
        again.replay(leases.newest.unwrap());
        assert!(again.issue(&issuer(1, 0, 1), MORNING, FLOOR).unwrap().code.ends_with("-0001"));
        let tomorrow = MORNING + 86_400_000;
        assert!(again.issue(&blind, tomorrow, FLOOR).unwrap().code.ends_with("-0001"));
    }

    #[test]
    fn a_copy_that_works_on_elsewhere_never_meets_the_original() {
        let mut original = Leases::default();
        let mut codes = BTreeSet::new();
        let home = issuer(1, 0, 1);
        assert!(codes.insert(original.issue(&home, MORNING, FLOOR).unwrap().code));
        let mut copy = original.clone();
        copy.next = None;
        let abroad = Issuer { machine: [2; 16], ..home.clone() };
        let mut give = |leases: &mut Leases, who: &Issuer, now| {
            let mut count = 0;
            while let Ok(issued) = leases.issue(who, now, FLOOR) {
                assert!(codes.insert(issued.code.clone()), "{} twice", issued.code);
                count += 1;
            }
            count
        };
        for day in 0..2 {
            let now = MORNING + day * 86_400_000;
            assert!(give(&mut copy, &abroad, now) >= 2_900);
            assert!(give(&mut original, &home, now) >= 5_900);
        }
    }

    #[test]
    fn a_machine_in_the_place_of_a_lost_one_repeats_none_of_its_numbers_of_that_day() {
        let mut codes = BTreeSet::new();
        let (mut lost, mut new) = (Leases::default(), Leases::default());
        let old = issuer(1, 0, 1);
        while let Ok(issued) = lost.issue(&old, MORNING, FLOOR) {
            assert!(codes.insert(issued.code));
        }
        let replaces = Issuer { machine: [2; 16], replaces: true, ..issuer(2, 0, 1) };
        for number in 0..500 {
            if number == 250 {
                // A restart changes nothing.
                let kept = new.newest.clone().unwrap();
                new.replay(kept);
            }
            let issued = new.issue(&replaces, MORNING, FLOOR).unwrap();
            assert!(codes.insert(issued.code.clone()), "{} twice", issued.code);
        }
        let next = new.issue(&replaces, MORNING + 86_400_000, FLOOR).unwrap();
        assert!(next.code.ends_with("-0001"), "the next day is its own: {}", next.code);
    }

    /// A machine in the property below.
    #[derive(Clone)]
    struct Machine {
        journal: Vec<Lease>,
        memory: Leases,
        log: u8,
        machine: u8,
        slot: u32,
    }

    impl Machine {
        fn restart(&mut self) {
            self.memory = Leases::default();
            for lease in &self.journal {
                self.memory.replay(lease.clone());
            }
        }
    }

    proptest! {
        /// Crashes, several nodes, and for each either backups restored on the machine (it learns
        /// so and begins a new log, once a day) or a copy that works on beside it for good: no
        /// code twice.
        #[test]
        fn no_code_is_ever_given_twice(
            steps in proptest::collection::vec((0u8..10, 0usize..6), 1..250)
        ) {
            let fresh = |slot: u32| Machine {
                journal: Vec::new(),
                memory: Leases::default(),
                log: slot as u8 + 1,
                machine: slot as u8 + 1,
                slot,
            };
            let mut machines: Vec<Machine> = (0..3).map(fresh).collect();
            let mut backups: Vec<Vec<Lease>> = vec![Vec::new(); 3];
            let (mut day, mut next_log) = (0i64, 10u8);
            let mut set_back: BTreeSet<usize> = BTreeSet::new();
            let mut given = BTreeSet::new();
            for (mut what, which) in steps {
                let at = which % machines.len();
                match what {
                    0 => machines[at].restart(),
                    1 if at < 3 => backups[at] = machines[at].journal.clone(),
                    2 if at < 3
                        && at.is_multiple_of(2)
                        && !backups[at].is_empty()
                        && set_back.insert(at) =>
                    {
                        machines[at].journal = backups[at].clone();
                        machines[at].log = next_log;
                        next_log = next_log.wrapping_add(1).max(10);
                        machines[at].restart();
                        // The counter goes on.
                        what = 8;
                    }
                    // The disk, or its backup, goes on in another machine beside this one.
                    3 if at == 1 && machines.len() == 3 => {
                        let mut copy = machines[at].clone();
                        if !copy.journal.is_empty() {
                            copy.machine += 100;
                            copy.restart();
                            machines.push(copy);
                        }
                    }
                    4 => {
                        day += 1;
                        set_back.clear();
                    }
                    _ => {}
                }
                if what > 4 {
                    let one = &mut machines[at];
                    let who = Issuer {
                        machine: [one.machine; 16],
                        // Now and then its state is being made again.
                        blind: what == 9,
                        ..issuer(one.log, one.slot, 3)
                    };
                    if let Ok(issued) =
                        one.memory.issue(&who, MORNING + day * 86_400_000, FLOOR)
                    {
                        one.journal.extend(issued.lease);
                        prop_assert!(given.insert(issued.code.clone()), "{} twice", issued.code);
                    }
                }
            }
        }
    }
}
