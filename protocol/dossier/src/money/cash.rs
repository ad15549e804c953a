//! The cash of a day: what ought to be in the box by the movements that are known, and counts of what is. A count is a
//! document of the office's own with one fact; it stays as it was counted, and what comes to be known later is shown
//! as such. design/money.md has the rules.

use super::{facts::Way, state::Movement};
use crate::{
    action::{ActionError, Draft, FIELD_CHARACTERS, tidy},
    fact::{Act, Fact, Kind},
    local,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Notes and coins, in đồng, as they are in circulation.
pub const NOTES: [u64; 11] =
    [500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200];
/// Most of one of them: more do not fit a box.
pub const PIECES: u32 = 100_000;
/// Most acts of a day that a count names as known: forty times what a busy office has.
pub const KNOWN: usize = 10_000;

/// Fields of [`Kind::Cash`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// Which day, YYYY-MM-DD.
    pub day: String,
    /// Đồng that were in the box in the morning.
    pub float: u64,
    /// Đồng that were counted in the evening, the float included.
    pub counted: u64,
    /// Pieces by note or coin; empty where only the sum was said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, u32>,
    /// Cash that ought to have come in, less what went out, by what was known then.
    pub expected: i64,
    /// Acts of the day that were known then, of whatever way.
    pub known: Vec<String>,
    /// Counts of the day that its writer had seen, whose place it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Who, when, where; why it does not come out even, and why it was counted again, in its note.
    #[serde(flatten)]
    pub act: Act,
}

impl Count {
    /// Đồng too much; too little if negative.
    pub fn difference(&self) -> i64 {
        let should = i128::from(self.float) + i128::from(self.expected);
        i64::try_from(i128::from(self.counted) - should).unwrap_or(i64::MAX)
    }

    /// All that facts say.
    pub fn all(facts: &[Fact]) -> impl Iterator<Item = (String, Self)> {
        let counts = facts.iter().filter(|fact| fact.kind == Kind::Cash);
        counts.filter_map(|fact| Some((fact.id.clone(), fact.read()?)))
    }
}

/// The local day of a time, Unix milliseconds.
pub fn day_of(millis: i64) -> Option<Date> {
    Some(local::of_millis(millis)?.date())
}

/// A day as a number, 20260303; none for what is no day.
pub fn day_number(named: &str) -> Option<u32> {
    numbered(named.parse().ok()?)
}

/// The same of the local day of a time, Unix milliseconds.
pub fn day_number_of(millis: i64) -> Option<u32> {
    numbered(day_of(millis)?)
}

fn numbered(day: Date) -> Option<u32> {
    let (year, month, day) = (i32::from(day.year()), i32::from(day.month()), i32::from(day.day()));
    u32::try_from(year * 10_000 + month * 100 + day).ok()
}

/// What came in and went out by one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Đồng that came in.
    pub taken: u64,
    /// Đồng that went out.
    pub given: u64,
}

impl Sums {
    /// What is left of it.
    pub fn net(self) -> i64 {
        self.taken.cast_signed() - self.given.cast_signed()
    }
}

/// A day, as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Day {
    /// By way.
    pub ways: BTreeMap<Way, Sums>,
    /// Counts that none has replaced: one, or several made at machines that did not know of each other.
    pub counts: Vec<(String, Count)>,
    /// Counts that were replaced.
    pub before: Vec<(String, Count)>,
    /// Acts that the count did not know.
    pub late: BTreeSet<String>,
}

impl Day {
    /// What follows from the movements of one office's day and the counts of it.
    pub fn of(movements: &[Movement], counts: Vec<(String, Count)>) -> Self {
        let mut ways: BTreeMap<Way, Sums> = BTreeMap::new();
        for one in movements {
            let sums = ways.entry(one.way).or_default();
            match u64::try_from(one.amount) {
                Ok(amount) => sums.taken += amount,
                Err(_) => sums.given += one.amount.unsigned_abs(),
            }
        }
        let replaced: BTreeSet<String> =
            counts.iter().flat_map(|(_, one)| one.seen.iter().cloned()).collect();
        let (mut counts, mut before): (Vec<_>, Vec<_>) =
            counts.into_iter().partition(|(id, _)| !replaced.contains(id));
        counts.sort_by(|one, other| one.0.cmp(&other.0));
        before.sort_by(|one, other| one.0.cmp(&other.0));
        let known: BTreeSet<&String> = counts.iter().flat_map(|(_, one)| &one.known).collect();
        let late = movements.iter().map(|one| &one.id).filter(|id| !known.contains(id));
        let late = if counts.is_empty() { BTreeSet::new() } else { late.cloned().collect() };
        Self { ways, counts, before, late }
    }

    /// Cash that ought to have come in, less what went out.
    pub fn expected(&self) -> i64 {
        self.ways.get(&Way::Cash).copied().unwrap_or_default().net()
    }

    /// Whether people counted it apart and a person must count again.
    pub fn is_contested(&self) -> bool {
        self.counts.len() > 1
    }
}

/// A count that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counting {
    /// Which day.
    pub day: String,
    /// In the box in the morning, đồng.
    pub float: u64,
    /// Counted in the evening, đồng; by pieces if none.
    pub counted: Option<u64>,
    /// Pieces by note or coin.
    pub notes: BTreeMap<String, u32>,
    /// Counts that were on the page.
    pub seen: Vec<String>,
    /// Machine, by the first digits of its id.
    pub machine: String,
}

/// Counts a day, or counts it again.
///
/// # Errors
/// [`ActionError`] for a day to come, one that was counted unless its counts were seen, a sum that does not
/// follow from the pieces, and a difference or another count without its reason.
pub fn count(
    day: &Day,
    movements: &[Movement],
    asked: Counting,
    mut act: Act,
) -> Result<Draft, ActionError> {
    let invalid = |field, why| ActionError::Invalid { field, why };
    let date: Date = asked.day.parse().map_err(|_| invalid("day", "write it as YYYY-MM-DD"))?;
    if day_of(act.at).is_none_or(|today| date > today) {
        return Err(invalid("day", "has not come yet"));
    }
    let mut sum = 0u64;
    for (note, pieces) in &asked.notes {
        let value = note.parse().ok().filter(|value| NOTES.contains(value));
        let value = value.ok_or_else(|| invalid("notes", "names no note or coin"))?;
        if *pieces > PIECES {
            return Err(invalid("notes", "has more pieces than a box holds"));
        }
        sum += value * u64::from(*pieces);
    }
    let counted = asked.counted.unwrap_or(sum);
    if asked.counted.is_none() && asked.notes.is_empty() {
        return Err(ActionError::Missing { field: "counted" });
    }
    if !asked.notes.is_empty() && sum != counted {
        return Err(invalid("counted", "is not the sum of the pieces"));
    }
    let most = super::limits::MOST;
    if counted > most || asked.float > most {
        return Err(invalid("counted", "is beyond what a box holds"));
    }
    let standing: BTreeSet<&String> = day.counts.iter().map(|(id, _)| id).collect();
    if standing != asked.seen.iter().collect() {
        return Err(super::MoneyError::Counted.into());
    }
    let known: BTreeSet<&String> = movements.iter().map(|one| &one.id).collect();
    if known.len() > KNOWN {
        let got = known.len();
        return Err(ActionError::TooMany { field: "movements", got, limit: KNOWN });
    }
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let Counting { day: named, float, notes, seen, machine, .. } = asked;
    let expected = day.expected();
    let known = known.into_iter().cloned().collect();
    let one = Count { day: named, float, counted, notes, expected, known, seen, machine, act };
    if one.act.note.is_empty() && (one.difference() != 0 || !one.seen.is_empty()) {
        return Err(ActionError::Missing { field: "note" });
    }
    Ok(Draft::new(Kind::Cash, &one))
}
