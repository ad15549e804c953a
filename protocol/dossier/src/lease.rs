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
//! Receipts are numbered by the same leases in a sequence of their own, with other bounds and a year for a day: see
//! [`Shape`].
//!
//! Between home and guests is the paper part: no number of it is ever given here ([`crate::emergency`]).
//!
//! The last part is for a machine at home on its first day, while its state is being made again and it
//! cannot see the codes that came from elsewhere: whoever had its place before printed some of them.

use crate::code::{Code, CodeError, Day};
use motcua_core::id::LogId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers in a block.
pub const BLOCK: u32 = 100;
/// Blocks of the day for the machine at home. 5,000 a day is several times what the largest office
/// registers.
pub const HOME_BLOCKS: u32 = 50;
/// Blocks before the guests' part. Those from [`HOME_BLOCKS`] on are for slips that are printed before
/// ([`crate::emergency`]): no number of them is ever given here.
pub const PAPER_BLOCKS: u32 = 60;
/// First and last number of that part.
pub const PAPER: (u32, u32) = (HOME_BLOCKS * BLOCK + 1, PAPER_BLOCKS * BLOCK);
/// Highest number at home, where a day that began on paper can go on.
pub const HOME_LAST: u32 = HOME_BLOCKS * BLOCK;
/// Blocks before the last part: a thousand numbers are more than anybody registers in minutes, and
/// three thousand are left for guests.
pub const SEEN_BLOCKS: u32 = 90;
/// Highest number of a day: four digits are printed.
pub const LAST: u32 = 9_999;

/// Bounds of a sequence of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Numbers in a block.
    block: u32,
    /// Blocks for the machine at home.
    home_blocks: u32,
    /// Blocks before the guests' part; those between are given by nobody here.
    paper_blocks: u32,
    /// Blocks before the last part; those between are the guests'.
    seen_blocks: u32,
    /// Highest number.
    last: u32,
}

impl Shape {
    /// Dossier codes of a day.
    pub const CODES: Self = Self {
        block: BLOCK,
        home_blocks: HOME_BLOCKS,
        paper_blocks: PAPER_BLOCKS,
        seen_blocks: SEEN_BLOCKS,
        last: LAST,
    };
    /// Receipts of a year: seven digits. Six million at home are twenty thousand a day; of the guests' thirty
    /// thousand blocks two strangers draw the same, or one next to the other's, once in thousands of times.
    pub const RECEIPTS: Self = Self {
        block: BLOCK,
        home_blocks: 60_000,
        paper_blocks: 60_000,
        seen_blocks: 90_000,
        last: 9_999_999,
    };
}

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leases {
    shape: Shape,
    /// Blocks leased, by day and organisation.
    days: BTreeMap<(Day, String), BTreeSet<u32>>,
    /// The first day on which each log leased.
    logs: BTreeMap<LogId, Day>,
    /// Machine of the first lease of all.
    home: Option<[u8; 16]>,
    /// Where days go on that began on paper.
    starts: BTreeMap<(Day, String), Start>,
    newest: Option<Lease>,
    /// The newest is not known to be on the disk: every number of it is given with it until that is known, for the
    /// write that was to bring it there may have been refused.
    unsaved: bool,
    /// Next number of the newest lease; `None` after a start, when nobody knows what was printed.
    next: Option<u32>,
}

/// A code, and the lease to be journaled before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The code.
    pub code: String,
    /// Its lease, as long as that is not known to be on the disk.
    pub lease: Option<Lease>,
}

impl Default for Leases {
    fn default() -> Self {
        Self::new(Shape::CODES)
    }
}

impl Leases {
    /// None so far.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            days: BTreeMap::new(),
            logs: BTreeMap::new(),
            home: None,
            starts: BTreeMap::new(),
            newest: None,
            unsaved: false,
            next: None,
        }
    }

    /// Takes in a journaled lease. What is left of any lease from before this start is burnt:
    /// receipts may have been printed that no disk remembers.
    pub fn replay(&mut self, lease: Lease) {
        let (year, month, day) = lease.day;
        let key = (Day { year, month, day }, lease.org.clone());
        self.days.entry(key).or_default().insert(lease.first.saturating_sub(1) / self.shape.block);
        self.logs.entry(lease.log).or_insert(Day { year, month, day });
        self.home.get_or_insert(lease.machine);
        self.newest = Some(lease);
        self.unsaved = false;
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
        let (code, lease) =
            self.next(issuer, day, |number| Ok(Code::write(&issuer.org, now, number)?))?;
        Ok(Issued { code, lease })
    }

    /// The next receipt of the year in which `now` is: its number, and a lease to be journaled before it is used.
    ///
    /// # Errors
    /// [`LeaseError`]; nothing is used up.
    pub fn receipt(
        &mut self,
        issuer: &Issuer,
        now: i64,
        floor: Day,
    ) -> Result<(u32, Option<Lease>), LeaseError> {
        let day = Day::of(now);
        if day < floor {
            return Err(LeaseError::Clock { shown: day, known: floor });
        }
        self.next(issuer, Day { month: 1, day: 1, ..day }, Ok)
    }

    /// Machine of the first lease of all.
    pub(crate) fn home(&self) -> Option<[u8; 16]> {
        self.home
    }

    /// The first day on which a log leased.
    pub(crate) fn begun(&self, log: LogId) -> Option<Day> {
        self.logs.get(&log).copied()
    }

    /// Whether another log leased as well.
    pub(crate) fn has_other_log(&self, log: LogId) -> bool {
        self.logs.keys().any(|known| *known != log)
    }

    /// The ranges of a day that were leased, as far as they are known here.
    pub fn ranges(&self, org: &str, day: Day) -> Vec<(u32, u32)> {
        let blocks = self.days.get(&(day, org.to_owned())).into_iter().flatten();
        let Shape { block: size, last, .. } = self.shape;
        blocks.map(|block| (block * size + 1, ((block + 1) * size).min(last))).collect()
    }

    /// The number that is given next, and the last of its range: what of it is still open.
    pub fn open(&self, org: &str, day: Day) -> Option<(u32, u32)> {
        let lease = self.newest.as_ref()?;
        let open = lease.org == org && lease.day == (day.year, day.month, day.day);
        Some((self.next.filter(|_| open)?, lease.last))
    }

    /// The next number of a day, as `written` has it.
    fn next<T>(
        &mut self,
        issuer: &Issuer,
        day: Day,
        written: impl Fn(u32) -> Result<T, LeaseError>,
    ) -> Result<(T, Option<Lease>), LeaseError> {
        let from = self.start_of(&issuer.org, day).map_or(1, |start| start.number);
        if let (Some(lease), Some(next)) = (&self.newest, self.next.map(|next| next.max(from)))
            && lease.day == (day.year, day.month, day.day)
            && (lease.log, lease.machine, &lease.org) == (issuer.log, issuer.machine, &issuer.org)
            && next <= lease.last
        {
            let one = written(next)?;
            let lease = lease.clone();
            self.next = Some(next + 1);
            return Ok((one, self.unsaved.then_some(lease)));
        }
        let lease = self.lease(issuer, day)?;
        let one = written(lease.first)?;
        self.replay(lease.clone());
        (self.next, self.unsaved) = (Some(lease.first + 1), true);
        Ok((one, Some(lease)))
    }

    /// A lease is on the disk.
    pub fn saved(&mut self, lease: &Lease) {
        if self.newest.as_ref() == Some(lease) {
            self.unsaved = false;
        }
    }

    /// The next free block of this node on that day.
    fn lease(&self, issuer: &Issuer, day: Day) -> Result<Lease, LeaseError> {
        let slots = issuer.slots.max(1);
        let Shape { block: size, home_blocks, paper_blocks, seen_blocks, last } = self.shape;
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
            let mut blocks = mine(paper_blocks..seen_blocks);
            let start = place(issuer, blocks.len());
            blocks.rotate_left(start);
            blocks
        } else if new_here {
            mine(seen_blocks..last.div_ceil(size))
        } else {
            // Behind the highest, so that numbers rise over the day.
            let highest = leased.range(..home_blocks).last().map_or(0, |block| block + 1);
            // What is below the start stands on paper.
            let highest = highest.max((from - 1) / size);
            mine(highest..home_blocks)
        };
        let free = order.into_iter().find(|block| !leased.contains(block));
        let free = free.ok_or(LeaseError::Exhausted { day })?;
        Ok(Lease {
            log: issuer.log,
            machine: issuer.machine,
            org: issuer.org.clone(),
            day: (day.year, day.month, day.day),
            first: if (from - 1) / size == free { from } else { free * size + 1 },
            last: ((free + 1) * size).min(last),
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
pub(crate) fn written(version: u8, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![version]).unwrap_or_default()
}

/// The value of a journal form; `None` for another version.
pub(crate) fn read<T: DeserializeOwned>(version: u8, bytes: &[u8]) -> Option<T> {
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

    /// Told from a lease of codes by the first byte: a program that knows only those passes it over.
    const RECEIPTS: u8 = 3;

    /// Journal form of a lease of receipts.
    pub fn encode_receipts(&self) -> Vec<u8> {
        written(Self::RECEIPTS, self)
    }

    /// Reads that form; `None` for anything else.
    pub fn decode_receipts(bytes: &[u8]) -> Option<Self> {
        read(Self::RECEIPTS, bytes)
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
mod tests;
