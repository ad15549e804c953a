//! Working lists: in which one of an office's lists a dossier is, who has it there, since when.
//! By a pure rule, so that no dossier is in none and none in two; design/life.md has the table.

use crate::{
    calendar::WorkTime,
    derive::{Derived, HandOver},
    due::{Term, due},
    fact::Act,
    local,
    process::{Holding, holdings},
    state::State,
    view::View,
    void::Standing,
};
use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use std::{ops::Range, sync::LazyLock};

/// Order of what has no date: behind all that have one.
pub const NO_DATE: i64 = i64::MAX - 1;

/// Where a dossier is filed at an office, whatever the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Given to the office and not confirmed, or filed online and not accepted.
    ToAccept,
    /// Held and worked on.
    Working,
    /// The applicant is waited for.
    Citizen,
    /// Elsewhere.
    OtherOffice,
    /// To be handed out.
    Result,
    /// Done.
    Closed,
}

/// A list that a clerk works through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// See [`Shelf::ToAccept`].
    ToAccept,
    /// Worked on, and the promised date has passed.
    Overdue,
    /// Worked on, and promised for today.
    DueToday,
    /// Worked on, and promised for a later day or not at all.
    InWork,
    /// See [`Shelf::Citizen`].
    Citizen,
    /// See [`Shelf::OtherOffice`].
    OtherOffice,
    /// See [`Shelf::Result`].
    Result,
    /// See [`Shelf::Closed`].
    Closed,
}

impl List {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::ToAccept,
        Self::Overdue,
        Self::DueToday,
        Self::InWork,
        Self::Citizen,
        Self::OtherOffice,
        Self::Result,
        Self::Closed,
    ];

    /// As addresses and answers write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ToAccept => "to_accept",
            Self::Overdue => "overdue",
            Self::DueToday => "due_today",
            Self::InWork => "in_work",
            Self::Citizen => "citizen",
            Self::OtherOffice => "other_office",
            Self::Result => "result",
            Self::Closed => "closed",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.word() == word)
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::ToAccept => "Chờ tiếp nhận",
            Self::Overdue => "Quá hạn",
            Self::DueToday => "Đến hạn hôm nay",
            Self::InWork => "Đang xử lý",
            Self::Citizen => "Chờ công dân",
            Self::OtherOffice => "Chờ cơ quan khác",
            Self::Result => "Chờ trả kết quả",
            Self::Closed => "Đã kết thúc",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::ToAccept => "To accept",
            Self::Overdue => "Overdue",
            Self::DueToday => "Due today",
            Self::InWork => "In work",
            Self::Citizen => "Waiting for the citizen",
            Self::OtherOffice => "With another office",
            Self::Result => "Result at the desk",
            Self::Closed => "Closed",
        }
    }

    /// The shelf it is a part of.
    pub fn shelf(self) -> Shelf {
        match self {
            Self::ToAccept => Shelf::ToAccept,
            Self::Overdue | Self::DueToday | Self::InWork => Shelf::Working,
            Self::Citizen => Shelf::Citizen,
            Self::OtherOffice => Shelf::OtherOffice,
            Self::Result => Shelf::Result,
            Self::Closed => Shelf::Closed,
        }
    }

    /// Which part of the shelf it is at a time, Unix milliseconds: the lists of a shelf share it out
    /// without a gap.
    pub fn part(self, now: i64) -> Range<i64> {
        let midnight = midnight_after(now);
        match self {
            Self::Overdue => i64::MIN..now,
            Self::DueToday => now..midnight,
            Self::InWork => midnight..i64::MAX,
            _ => i64::MIN..i64::MAX,
        }
    }
}

/// When the day ends, Unix milliseconds; never before `now`.
fn midnight_after(now: i64) -> i64 {
    let day = local::of_millis(now).map(|now| now.date());
    let next = day.and_then(|day| day.checked_add(1.day()).ok());
    // A clock beyond all calendars.
    next.and_then(|next| local::to_millis(next.to_datetime(jiff::civil::Time::midnight())))
        .unwrap_or(now)
        .max(now)
}

/// Where a dossier is filed at an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// On which shelf.
    pub shelf: Shelf,
    /// Its place there, lowest first: when it must be accepted or is due, since when it waits, or
    /// the newest first of what is closed. Never [`i64::MAX`].
    pub order: i64,
    /// What is said of it there.
    pub about: About,
}

/// What a list says of a dossier beside what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct About {
    /// Name of who has it where it is, by what was given inside that office, else of who acted last
    /// there; empty if nobody has.
    pub owner: String,
    /// Name of the section that has it; empty where nothing was given inside.
    pub section: String,
    /// Telephone of the section; empty where it is not known.
    pub phone: String,
    /// Others to whom it was given at once: person and section of each. For a person to settle.
    pub also: Vec<(String, String)>,
    /// Since when it waits to be taken by whom it was given to, Unix milliseconds.
    pub untaken: Option<i64>,
    /// Id of the office where it is; empty if that is not known.
    pub place: String,
    /// Since when it is on its shelf, Unix milliseconds.
    pub since: i64,
    /// By when it must be accepted, where it must, Unix milliseconds.
    pub accept_by: Option<i64>,
}

impl Listing {
    /// In which list it is at a time, Unix milliseconds.
    pub fn list(&self, now: i64) -> List {
        list_at(self.shelf, self.order, now)
    }
}

/// In which list a place on a shelf is at a time, Unix milliseconds.
pub fn list_at(shelf: Shelf, order: i64, now: i64) -> List {
    let holds = |list: &List| list.shelf() == shelf && list.part(now).contains(&order);
    // Only what stands behind all that can be written is in no part.
    List::ALL.into_iter().find(holds).unwrap_or(List::InWork)
}

/// Where an office, by its id, files a dossier.
pub fn listing(view: &View, me: &str, time: &WorkTime) -> Listing {
    let derived = &view.derived;
    let origin = origin(derived).unwrap_or(me);
    let mut holders = derived.holders();
    if holders.is_empty() {
        holders.push(origin.to_owned());
    }
    let here = holders.iter().any(|holder| holder == me);
    let ours = here || origin == me;
    let mut unconfirmed =
        derived.hand_overs.iter().filter(|one| one.taken.is_none() && one.given.to == me);
    let waiting = unconfirmed.next().map(|one| one.given.act.at);
    let place = if here { me } else { holders[0].as_str() };
    let came = came(derived, place);
    let last = last_step(derived);
    let (shelf, since) = match derived.state {
        // What is void leaves the working lists, wherever it was.
        _ if let Standing::Void(by) = &view.standing => (Shelf::Closed, Some(by.act.at)),
        State::Refused | State::Returned => (Shelf::Closed, last),
        _ if here && waiting.is_some() => (Shelf::ToAccept, waiting),
        State::Submitted if here => (Shelf::ToAccept, came.or(last)),
        State::Finished | State::Withdrawn if ours => (Shelf::Result, last),
        State::Finished | State::Withdrawn => (Shelf::Closed, last),
        State::Supplement | State::Payment | State::Stopped if ours => (Shelf::Citizen, last),
        _ if here => (Shelf::Working, came.max(last)),
        _ => (Shelf::OtherOffice, came),
    };
    let since = since.unwrap_or_default();
    let accept_by = (shelf == Shelf::ToAccept).then(|| accept_by(time, since)).flatten();
    let order = match shelf {
        Shelf::ToAccept => accept_by.unwrap_or(since),
        Shelf::Working | Shelf::OtherOffice => view.summary.due.unwrap_or(NO_DATE),
        Shelf::Citizen | Shelf::Result => since,
        Shelf::Closed => since.saturating_neg(),
    };
    let about = About { since, accept_by, ..held(derived, place) };
    Listing { shelf, order: order.min(NO_DATE), about }
}

impl About {
    /// Whether a section has it, by its name, alone or among others.
    pub fn is_at(&self, section: &str) -> bool {
        self.section == section || self.also.iter().any(|(_, other)| other == section)
    }

    /// Whether a person has it, alone or among others.
    pub fn is_of(&self, person: &str) -> bool {
        self.owner == person || self.also.iter().any(|(other, _)| other == person)
    }
}

/// Who has a dossier at an office.
fn held(derived: &Derived, place: &str) -> About {
    let mut all = holdings(&derived.hand_overs, &derived.passings, place).into_iter();
    let Some(Holding { person, section_name, phone, since, waiting, .. }) = all.next() else {
        let owner = owner(derived, place).unwrap_or_default().to_owned();
        return About { owner, place: place.to_owned(), ..About::default() };
    };
    About {
        owner: person,
        section: section_name,
        phone,
        also: all.map(|other| (other.person, other.section_name)).collect(),
        untaken: waiting.then_some(since),
        place: place.to_owned(),
        ..About::default()
    }
}

/// The office that made the first step.
pub(crate) fn origin(derived: &Derived) -> Option<&str> {
    let first = derived.steps.iter().find(|step| step.fields.after.is_empty());
    first.map(|step| step.fields.act.office.as_str()).filter(|office| !office.is_empty())
}

/// When the newest of the steps happened that nothing follows.
fn last_step(derived: &Derived) -> Option<i64> {
    let heads = derived.steps.iter().filter(|step| derived.heads.contains(&step.id));
    heads.map(|step| step.fields.when()).max()
}

/// When a dossier was last given to an office, or taken over there.
fn came(derived: &Derived, place: &str) -> Option<i64> {
    let given = derived.hand_overs.iter().filter(|one| one.given.to == place);
    let when = |one: &HandOver| {
        let taken = one.taken.as_ref().map(|taken| taken.act.at);
        taken.unwrap_or(one.given.act.at)
    };
    given.map(when).max()
}

/// Who acted last at an office.
fn owner<'a>(derived: &'a Derived, place: &str) -> Option<&'a str> {
    let steps = derived.steps.iter().map(|step| &step.fields.act);
    let taken = derived.hand_overs.iter().filter_map(|one| Some(&one.taken.as_ref()?.act));
    let here = steps.chain(taken).filter(|act| act.office == place && !act.by.is_empty());
    here.max_by_key(|act| (act.at, &act.by)).map(|act: &Act| act.by.as_str())
}

/// A row of the rules for accepting.
#[derive(Debug, Clone, Deserialize)]
struct AcceptRule {
    valid_from: Date,
    valid_until: Option<Date>,
    unit: String,
    term: f64,
}

static RULES: LazyLock<Vec<(AcceptRule, Term)>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("../data/accept-rules.csv").as_bytes());
    let rules = reader.deserialize::<AcceptRule>().filter_map(Result::ok);
    let read = |rule: AcceptRule| Some((Term::read(&rule.unit, Some(rule.term)).ok()?, rule));
    rules.filter_map(read).map(|(term, rule)| (rule, term)).collect()
});

/// By when what came at a time must be accepted, Unix milliseconds; none where no rule was in force.
fn accept_by(time: &WorkTime, came: i64) -> Option<i64> {
    let came = local::of_millis(came)?;
    let holds = |rule: &AcceptRule| {
        rule.valid_from <= came.date() && rule.valid_until.is_none_or(|last| came.date() <= last)
    };
    let (_, term) = RULES.iter().find(|(rule, _)| holds(rule))?;
    local::to_millis(due(time, *term, came, &[]).ok()?.at?)
}
