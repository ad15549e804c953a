//! Biểu II.06a/VPCP/KSTT: how an office settled its dossiers in a period, from what happened to them.
//!
//! The report is as it stands at the closing instant: what happens later never changes it.

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
};
use std::collections::{BTreeMap, BTreeSet};

/// How a dossier came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Through the portal.
    Online,
    /// At the counter.
    Direct,
    /// By public post.
    Post,
}

/// What happened to a dossier, as far as the report asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was received.
    Received {
        /// How it came.
        channel: Channel,
        /// Which office holds it.
        office: String,
        /// When it is due.
        due: Option<DateTime>,
    },
    /// Another date was promised.
    Due(Option<DateTime>),
    /// Its term stands still.
    Paused,
    /// Its term runs on.
    Resumed,
    /// Its result was made.
    Finished,
    /// The citizen withdrew it.
    Withdrawn,
    /// It was taken up again.
    Reopened,
    /// Another office holds it.
    Moved {
        /// Which.
        office: String,
    },
}

/// An event, local time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same id is the same event, however often it is there.
    pub id: String,
    /// Of which dossier.
    pub dossier: String,
    /// When.
    pub at: DateTime,
    /// What.
    pub what: What,
}

/// From the first day to the last, both within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// Kinds of closing periods (kỳ báo cáo).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Month 1 to 12.
    Month,
    /// Quarter 1 to 4.
    Quarter,
    /// Half 1 or 2.
    Half,
    /// The year.
    Year,
}

impl Period {
    /// The period `index` (from 1) of a year: it ends on the 14th of its last month and begins on the
    /// 15th of the month before its first. None where there is none of that index.
    pub fn of(every: Every, year: i16, index: i8) -> Option<Self> {
        let months = match every {
            Every::Month => 1,
            Every::Quarter => 3,
            Every::Half => 6,
            Every::Year => 12,
        };
        if !(1..=12 / months).contains(&index) {
            return None;
        }
        let to = Date::new(year, index * months, 14).ok()?;
        let from = to.checked_sub(i32::from(months).months()).ok()?.tomorrow().ok()?;
        Some(Self { from, to })
    }

    /// The closing instant, which is outside.
    fn closing(self) -> DateTime {
        // The calendar's last day closes on itself.
        self.to.tomorrow().unwrap_or(self.to).to_datetime(jiff::civil::Time::midnight())
    }
}

/// Where a dossier counts that stands still at closing; to be named in every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// In process: columns 11 and 12 or 13.
    PausedOpen,
    /// Settled on time, columns 7 and 9, as one provincial print has it.
    PausedSettled,
}

/// Columns 3 to 13 of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// 4: received in the period, online.
    pub online: u64,
    /// 5: received in the period, at the counter or by post.
    pub direct: u64,
    /// 6: received earlier.
    pub carried_over: u64,
    /// 8: settled early.
    pub early: u64,
    /// 9: settled on time.
    pub on_time: u64,
    /// 10: settled late.
    pub late: u64,
    /// 12: in process, in term.
    pub in_term: u64,
    /// 13: in process, late.
    pub overdue: u64,
}

impl Counts {
    /// 3: all.
    pub fn received(&self) -> u64 {
        self.online + self.direct + self.carried_over
    }

    /// 7: settled.
    pub fn settled(&self) -> u64 {
        self.early + self.on_time + self.late
    }

    /// 11: in process.
    pub fn in_process(&self) -> u64 {
        self.in_term + self.overdue
    }

    fn add(&mut self, more: &Self) {
        self.online += more.online;
        self.direct += more.direct;
        self.carried_over += more.carried_over;
        self.early += more.early;
        self.on_time += more.on_time;
        self.late += more.late;
        self.in_term += more.in_term;
        self.overdue += more.overdue;
    }
}

/// A report: the counts of each office in the order asked for, and their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By office.
    pub rows: Vec<Counts>,
    /// Of all of them.
    pub total: Counts,
}

/// How a dossier was settled.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Finished { at: Date, due: Option<Date> },
    Withdrawn,
}

/// A dossier at the closing instant.
struct Standing {
    received: DateTime,
    channel: Channel,
    office: String,
    due: Option<DateTime>,
    paused: Option<DateTime>,
    /// Since when, and how in the end.
    settled: Option<(DateTime, Outcome)>,
}

/// The report of a period. Each dossier counts once, for the office that holds it at closing.
pub fn report(offices: &[String], events: &[Event], period: Period, variant: Variant) -> Report {
    let closing = period.closing();
    let mut seen = BTreeSet::new();
    let mut order: Vec<&Event> = events.iter().filter(|event| event.at < closing).collect();
    order.sort_by_key(|event| event.at);
    let mut standings: BTreeMap<&str, Standing> = BTreeMap::new();
    for event in order.into_iter().filter(|event| seen.insert(&event.id)) {
        happen(&mut standings, event);
    }
    let mut rows = vec![Counts::default(); offices.len()];
    for standing in standings.values() {
        let row = offices.iter().position(|office| *office == standing.office);
        if let Some(row) = row {
            count(&mut rows[row], standing, period, variant);
        }
    }
    let mut total = Counts::default();
    rows.iter().for_each(|row| total.add(row));
    Report { rows, total }
}

fn happen<'a>(standings: &mut BTreeMap<&'a str, Standing>, event: &'a Event) {
    let Some(standing) = standings.get_mut(event.dossier.as_str()) else {
        if let What::Received { channel, office, due } = &event.what {
            let (channel, office, due) = (*channel, office.clone(), *due);
            let (received, paused, settled) = (event.at, None, None);
            let standing = Standing { received, channel, office, due, paused, settled };
            standings.insert(&event.dossier, standing);
        }
        return;
    };
    let since = standing.settled.map_or(event.at, |(since, _)| since);
    match &event.what {
        // A second reception is of a dossier that is here.
        What::Received { .. } => {}
        What::Due(due) => standing.due = *due,
        What::Paused => {
            standing.paused.get_or_insert(event.at);
        }
        What::Resumed => standing.paused = None,
        What::Finished => {
            standing.paused = None;
            let due = standing.due.map(DateTime::date);
            standing.settled = Some((since, Outcome::Finished { at: event.at.date(), due }));
        }
        What::Withdrawn => standing.settled = Some((since, Outcome::Withdrawn)),
        What::Reopened => (standing.paused, standing.settled) = (None, None),
        What::Moved { office } => standing.office.clone_from(office),
    }
}

fn count(row: &mut Counts, standing: &Standing, period: Period, variant: Variant) {
    let from = period.from.to_datetime(jiff::civil::Time::midnight());
    if standing.settled.is_some_and(|(since, _)| since < from) {
        return;
    }
    *match standing.channel {
        _ if standing.received < from => &mut row.carried_over,
        Channel::Online => &mut row.online,
        Channel::Direct | Channel::Post => &mut row.direct,
    } += 1;
    let paused_settled = standing.paused.is_some() && variant == Variant::PausedSettled;
    *match standing.settled {
        Some((_, Outcome::Finished { at, due: Some(due) })) if at < due => &mut row.early,
        Some((_, Outcome::Finished { at, due: Some(due) })) if at > due => &mut row.late,
        Some(_) => &mut row.on_time,
        None if paused_settled => &mut row.on_time,
        None if is_overdue(standing, period.closing()) => &mut row.overdue,
        None => &mut row.in_term,
    } += 1;
}

fn is_overdue(standing: &Standing, closing: DateTime) -> bool {
    let Some(due) = standing.due else { return false };
    match standing.paused {
        Some(since) => since >= due,
        None => due < closing,
    }
}
