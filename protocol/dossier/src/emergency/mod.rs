//! Codes on paper for the day on which the machine is dead: blocks that are drawn before, printed, and entered
//! later or said to be unused. Rules and what lost: design/emergency.md.
//!
//! Numbers of a block are from the day's paper part ([`crate::lease::PAPER`]), which registration never gives.

mod record;
#[cfg(test)]
mod tests;

pub use record::{Block, Printing, Unused};

use crate::{
    action::{ActionError, FIELD_CHARACTERS, tidy},
    calendar::WorkTime,
    code::{Code, CodeError, Day},
    lease::{Issuer, Leases, PAPER},
    local,
};
use jiff::{ToSpan, civil::Date};
use motcua_core::id::LogId;
use std::collections::{BTreeMap, BTreeSet};

/// Most codes of a block: a day at the busiest counter without its machine, on thirteen sheets of paper.
pub const CODES: u32 = 50;
/// Working days after today for which a block can be drawn: a week's worth, put in the drawer on Monday.
pub const AHEAD: usize = 5;
/// Days within which [`AHEAD`] working days lie, also over Tết; so long a log before this one may have drawn for.
pub const HORIZON: i64 = 21;
/// Places of the paper part for the machine at home under its first log; the others are for strangers.
const HOME_PLACES: u32 = 8;
/// Places of the paper part.
const PLACES: u32 = (PAPER.1 - PAPER.0 + 1) / CODES;
/// In milliseconds: people write minutes.
const MINUTE: i64 = 60_000;

const _: () = assert!(PLACES > HOME_PLACES && PLACES * CODES == PAPER.1 - PAPER.0 + 1);

/// Why no block was drawn, or nothing was entered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmergencyError {
    /// Too few or too many codes.
    #[error("a block has 1 to {CODES} codes, not {0}")]
    Count(u32),
    /// A day for which none is drawn.
    #[error("a block is drawn for today or one of the next {AHEAD} working days, not for {0}")]
    NotThen(Day),
    /// The paper part of the day is used up for this machine.
    #[error(
        "this machine has no more codes on paper for {0}; use those that are drawn, or draw on another machine of the office"
    )]
    Exhausted(Day),
    /// The clock shows a day that cannot be right.
    #[error("the clock shows {shown}, but {known} has passed already; correct the clock first")]
    Clock {
        /// What it shows.
        shown: Day,
        /// A day that is known to have passed.
        known: Day,
    },
    /// Codes cannot be written.
    #[error(
        "no dossier code can be written: {0}; ask central IT to correct the office's identifier"
    )]
    Code(#[from] CodeError),
    /// The key was used for another draw.
    #[error("this Idempotency-Key drew block {0} before, of another size or for another day")]
    OtherDraw(String),
    /// No such block.
    #[error("this machine drew no block {0}")]
    NoBlock(String),
    /// A code that is in no block of this machine.
    #[error(
        "code {0} is in no block that this machine drew: enter it at the machine that did, or say that that machine is gone"
    )]
    Elsewhere(String),
    /// Not a code of a slip.
    #[error("{0} is no code of a slip of this office")]
    NoSlip(String),
    /// A time that cannot be.
    #[error("{}", .0.en())]
    Time(WrongTime),
    /// A dossier has the code.
    #[error("code {code} was entered already, by {by}")]
    Entered {
        /// The code.
        code: String,
        /// By whom, as shown.
        by: String,
        /// When, Unix milliseconds.
        at: i64,
        /// Id of the dossier.
        dossier: String,
    },
    /// A field.
    #[error(transparent)]
    Field(#[from] ActionError),
}

/// Why a slip was not received when it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongTime {
    /// After now.
    Ahead,
    /// On another day than the block's.
    OtherDay(Day),
    /// Before the block was drawn, Unix milliseconds.
    BeforeDrawn(i64),
    /// The promised date is before it.
    DueBefore,
}

impl WrongTime {
    /// In Vietnamese.
    pub fn vi(self) -> String {
        match self {
            Self::Ahead => "giờ nhận trên giấy ở sau bây giờ".into(),
            Self::OtherDay(day) => format!("phiếu này chỉ dùng ngày {}", shown(day)),
            Self::BeforeDrawn(at) => format!("giờ nhận ở trước lúc lấy khối mã ({})", moment(at)),
            Self::DueBefore => "ngày hẹn trả ở trước giờ nhận".into(),
        }
    }

    /// In English.
    pub fn en(self) -> String {
        match self {
            Self::Ahead => "it cannot have been received on paper after now".into(),
            Self::OtherDay(day) => format!("this slip is for {} only", shown(day)),
            Self::BeforeDrawn(at) => {
                format!("it cannot have been received before its block was drawn ({})", moment(at))
            }
            Self::DueBefore => "the promised date is before the reception".into(),
        }
    }
}

/// `25/11/2026`
pub fn shown(day: Day) -> String {
    format!("{:02}/{:02}/{:04}", day.day, day.month, day.year)
}

fn moment(at: i64) -> String {
    local::of_millis(at).map_or_else(String::new, |at| at.strftime("%d/%m/%Y %H:%M").to_string())
}

/// A block that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What it will be known by: follows from the request, so that asking again is the same block.
    pub number: &'a str,
    /// How many codes.
    pub count: u32,
    /// For which day.
    pub day: Day,
    /// Who draws, as shown.
    pub by: &'a str,
}

/// What a moment hands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Unix milliseconds.
    pub now: i64,
    /// A day that has certainly begun.
    pub floor: Day,
    /// Random: which place is taken.
    pub seed: u64,
}

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<D> {
    /// Nothing yet.
    Open,
    /// It was entered.
    Entered(D),
    /// It was not used.
    Unused(Unused),
}

/// All blocks of this machine: a fold over their records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocks {
    blocks: BTreeMap<String, Block>,
    /// Blocks whose write was begun and not confirmed.
    begun: BTreeMap<String, Block>,
    unused: BTreeMap<(String, u32), Unused>,
    printings: BTreeMap<String, Vec<Printing>>,
    /// Machine of the first block of all.
    home: Option<[u8; 16]>,
    /// The first day on which each log drew.
    logs: BTreeMap<LogId, Day>,
}

impl Blocks {
    /// Takes in a journal record of the kinds of this module; whether it was one.
    pub fn replay_bytes(&mut self, bytes: &[u8]) -> bool {
        if let Some(block) = Block::decode(bytes) {
            self.replay(block);
        } else if let Some(unused) = Unused::decode(bytes) {
            self.replay_unused(unused);
        } else if let Some(printing) = Printing::decode(bytes) {
            self.replay_printing(printing);
        } else {
            return false;
        }
        true
    }

    /// Takes in a journaled block.
    pub fn replay(&mut self, block: Block) {
        self.begun.remove(&block.number);
        self.home.get_or_insert(block.machine);
        self.logs.entry(block.log).or_insert(Day::of(block.at));
        self.blocks.entry(block.number.clone()).or_insert(block);
    }

    /// A block is being written: should the answer be lost, the next try is the same one.
    pub fn begin(&mut self, block: Block) {
        self.begun.insert(block.number.clone(), block);
    }

    /// Takes in that codes were not used; what was said first holds.
    pub fn replay_unused(&mut self, unused: Unused) {
        for one in &unused.numbers {
            self.unused.entry((unused.block.clone(), *one)).or_insert_with(|| unused.clone());
        }
    }

    /// Takes in a printing.
    pub fn replay_printing(&mut self, printing: Printing) {
        self.printings.entry(printing.block.clone()).or_default().push(printing);
    }

    /// All blocks, by day.
    pub fn all(&self) -> Vec<&Block> {
        let mut all: Vec<&Block> = self.blocks.values().collect();
        all.sort_by_key(|block| (block.day, block.first));
        all
    }

    /// A block.
    ///
    /// # Errors
    /// [`EmergencyError::NoBlock`]
    pub fn get(&self, number: &str) -> Result<&Block, EmergencyError> {
        let none = || EmergencyError::NoBlock(number.chars().take(20).collect());
        self.blocks.get(number).ok_or_else(none)
    }

    /// The block of a code.
    pub fn of_code(&self, code: &Code) -> Option<&Block> {
        let number: u32 = code.seq.parse().ok()?;
        self.blocks.values().find(|block| {
            block.org == code.org && block.on() == code.day && block.numbers().contains(&number)
        })
    }

    /// Printings of a block, oldest first.
    pub fn printings(&self, number: &str) -> &[Printing] {
        self.printings.get(number).map_or(&[], Vec::as_slice)
    }

    /// What became of a number of a block, where `dossier` is the one that has its code.
    pub fn fate<D>(&self, block: &Block, number: u32, dossier: Option<D>) -> Fate<D> {
        match (dossier, self.unused.get(&(block.number.clone(), number))) {
            // Paper that a citizen holds weighs more than what was said of it.
            (Some(dossier), _) => Fate::Entered(dossier),
            (None, Some(unused)) => Fate::Unused(unused.clone()),
            (None, None) => Fate::Open,
        }
    }

    /// The block to be journaled; what was drawn under its number before, if it was.
    ///
    /// `used` are numbers of that day that dossiers here have.
    ///
    /// # Errors
    /// [`EmergencyError`]
    pub fn draw(
        &self,
        leases: &Leases,
        (issuer, time): (&Issuer, &WorkTime),
        wanted: Wanted<'_>,
        moment: Moment,
        used: &BTreeSet<u32>,
    ) -> Result<Block, EmergencyError> {
        let today = Day::of(moment.now);
        let Wanted { number, count, day, by } = wanted;
        if let Some(known) = self.blocks.get(number).or(self.begun.get(number)) {
            let same = known.on() == day && known.count() == count;
            let other = || EmergencyError::OtherDraw(number.to_owned());
            return if same { Ok(known.clone()) } else { Err(other()) };
        }
        if today < moment.floor {
            return Err(EmergencyError::Clock { shown: today, known: moment.floor });
        }
        if !(1..=CODES).contains(&count) {
            return Err(EmergencyError::Count(count));
        }
        if !days(time, today).contains(&day) {
            return Err(EmergencyError::NotThen(day));
        }
        let leased = leases.ranges(&issuer.org, day);
        let free = |place: &u32| {
            let (first, last) = span(*place);
            let meets = |from: u32, to: u32| from <= last && first <= to;
            let drawn = self.blocks.values().chain(self.begun.values());
            let mut drawn = drawn.filter(|block| block.org == issuer.org && block.on() == day);
            !drawn.any(|block| meets(block.first, block.last))
                && !leased.iter().any(|(from, to)| meets(*from, *to))
                && used.range(first..=last).next().is_none()
        };
        let mut free: Vec<u32> = self.places(leases, issuer, (today, day)).filter(free).collect();
        if free.is_empty() {
            return Err(EmergencyError::Exhausted(day));
        }
        let chosen = usize::try_from(moment.seed % free.len() as u64).unwrap_or_default();
        let (first, _) = span(free.swap_remove(chosen));
        let block = Block {
            number: number.to_owned(),
            log: issuer.log,
            machine: issuer.machine,
            org: issuer.org.clone(),
            day: (day.year, day.month, day.day),
            first,
            last: first + count - 1,
            by: by.to_owned(),
            at: moment.now,
        };
        // Whatever cannot be written is not drawn.
        block.code(first)?;
        Ok(block)
    }

    /// Places of the paper part that this machine may take for a day.
    fn places(
        &self,
        leases: &Leases,
        issuer: &Issuer,
        (today, day): (Day, Day),
    ) -> impl Iterator<Item = u32> + use<> {
        let (slot, slots) = (issuer.slot % issuer.slots.max(1), issuer.slots.max(1));
        let homes = [leases.home(), self.home];
        let abroad = homes.into_iter().flatten().any(|home| home != issuer.machine);
        let begun = [leases.begun(issuer.log), self.logs.get(&issuer.log).copied()];
        let begun = begun.into_iter().flatten().min().unwrap_or(today);
        let recent = days_between(begun, day).is_none_or(|days| days <= HORIZON);
        let other =
            leases.has_other_log(issuer.log) || self.logs.keys().any(|log| *log != issuer.log);
        let stranger = abroad || (recent && (other || issuer.replaces));
        let mine = move |place: &u32| place % slots == slot;
        let at_home = 0..HOME_PLACES;
        // In an office of many machines some have no place of the first ones.
        match stranger || !at_home.clone().any(|place| mine(&place)) {
            true => (HOME_PLACES..PLACES).filter(mine),
            false => at_home.filter(mine),
        }
    }
}

/// First and last number of a place.
fn span(place: u32) -> (u32, u32) {
    let first = PAPER.0 + place * CODES;
    (first, first + CODES - 1)
}

fn civil(day: Day) -> Option<Date> {
    Date::new(i16::try_from(day.year).ok()?, day.month as i8, day.day as i8).ok()
}

fn of_civil(date: Date) -> Day {
    Day { year: date.year().into(), month: date.month() as u8, day: date.day() as u8 }
}

fn days_between(from: Day, to: Day) -> Option<i64> {
    Some(civil(to)?.since(civil(from)?).ok()?.get_days().into())
}

/// Days for which a block can be drawn: today and the next working ones.
pub fn days(time: &WorkTime, today: Day) -> Vec<Day> {
    let Some(first) = civil(today) else { return Vec::new() };
    let later =
        std::iter::successors(first.checked_add(1.day()).ok(), |day| day.checked_add(1.day()).ok());
    let later = later.take(usize::try_from(HORIZON).unwrap_or_default());
    let worked = later.filter(|day| time.is_worked(*day)).take(AHEAD);
    std::iter::once(first).chain(worked).map(of_civil).collect()
}

/// Whether a code could stand on a slip of an office.
pub fn is_slip(code: &Code, org: &str) -> bool {
    let number = code.seq.parse::<u32>().unwrap_or_default();
    code.org == org && (PAPER.0..=PAPER.1).contains(&number)
}

/// Checks the time on a slip. `block` is what is known of it: its day, and when it was drawn.
///
/// # Errors
/// [`WrongTime`]
pub fn received_then(
    day: Day,
    drawn: Option<i64>,
    received: i64,
    due: Option<i64>,
    now: i64,
) -> Result<(), WrongTime> {
    if received > now {
        return Err(WrongTime::Ahead);
    }
    if Day::of(received) != day {
        return Err(WrongTime::OtherDay(day));
    }
    // What was drawn and used in one minute is one minute on paper.
    if let Some(drawn) = drawn
        && received.div_euclid(MINUTE) < drawn.div_euclid(MINUTE)
    {
        return Err(WrongTime::BeforeDrawn(drawn));
    }
    match due {
        Some(due) if due < received => Err(WrongTime::DueBefore),
        _ => Ok(()),
    }
}

/// That codes of a block were not used; to be journaled.
///
/// # Errors
/// [`EmergencyError`] where one is not of the block or nothing is said of why.
pub fn not_used(
    block: &Block,
    numbers: &[u32],
    mut why: String,
    (by, at): (&str, i64),
) -> Result<Unused, EmergencyError> {
    tidy(&mut why, "why", FIELD_CHARACTERS, true)?;
    if numbers.is_empty() {
        return Err(ActionError::Missing { field: "codes" }.into());
    }
    if let Some(other) = numbers.iter().find(|one| !block.numbers().contains(one)) {
        return Err(EmergencyError::NoSlip(other.to_string()));
    }
    let numbers: BTreeSet<u32> = numbers.iter().copied().collect();
    Ok(Unused {
        block: block.number.clone(),
        numbers: numbers.into_iter().collect(),
        why,
        by: by.to_owned(),
        at,
    })
}
