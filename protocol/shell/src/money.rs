//! Money of the own office in the state: rows that the folds of dossiers and of counts leave.
//!
//! ```text
//! m day, id of the fact, place, dossier -> movement   money that went in or out on that day
//! b number of a receipt, dossier        -> receipt    its amount, and whether it holds
//! u state, since, dossier               -> sums       what is not settled yet
//! k day, document                       -> nothing    a count of that day's cash
//! ```
//! What other offices took is not here. A count says for itself whose it is; who reads counts looks who wrote
//! them.

use crate::{engine::Books, find::dossier_of};
use motcua_core::{
    entry::DocType,
    id::{DossierId, LogId, OfficeId},
    state::{Key, Kv, StoreError, rows::Author},
};
use motcua_dossier::{
    document::facts_in,
    fact::{Act, Fact},
    money::{
        Money, MoneyState, Movement, Standing, Way,
        cash::{Count, day_number, day_number_of},
    },
    state::State,
    steps::concerns,
    view::View,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MOVEMENTS: u8 = b'm';
const NUMBERS: u8 = b'b';
const OPEN: u8 = b'u';
const COUNTS: u8 = b'k';

/// Movements of one day that are read: fifty times what a busy office has.
pub const MOVED: usize = 20_000;
/// Receipts of a range that are read.
pub const NUMBERED: usize = 100_000;

/// A receipt by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Id of its fact.
    pub id: String,
    /// Đồng.
    pub amount: u64,
    /// How it was paid.
    pub way: Way,
    /// When it was taken, Unix milliseconds.
    pub at: i64,
    /// By whom.
    pub by: String,
    /// Machine.
    pub machine: String,
    /// Why it does not hold; none if it does.
    pub cancelled: Option<String>,
}

/// What a list says of money that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Open {
    /// Đồng still to be paid.
    pub outstanding: u64,
    /// Đồng to be given back.
    pub owed: u64,
}

type Row = (Vec<u8>, Vec<u8>);

fn day_bytes(millis: i64) -> [u8; 4] {
    day_number_of(millis).unwrap_or_default().to_be_bytes()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Rows of a dossier at an office.
pub fn rows(id: DossierId, shown: &View, office: &str) -> Vec<Row> {
    let money = &shown.money;
    let mut places: BTreeMap<&str, u8> = BTreeMap::new();
    let mut all: Vec<Row> = Vec::new();
    for one in money.movements.iter().filter(|one| one.office == office) {
        let place = places.entry(&one.id).or_default();
        let key = [
            [Key::CONTENT, MOVEMENTS].as_slice(),
            &day_bytes(one.act.at),
            one.id.as_bytes(),
            &[0, *place],
            &id.0,
        ];
        *place = place.saturating_add(1);
        let act = Act { asked: None, ..one.act.clone() };
        all.push((key.concat(), json(&Movement { act, ..one.clone() })));
    }
    all.extend(numbered(id, money, office));
    all.extend(open(id, shown, office));
    all
}

fn numbered(id: DossierId, money: &Money, office: &str) -> Vec<Row> {
    let own = money.receipts.iter().filter(|one| one.fields.act.office == office);
    let row = |one: &motcua_dossier::money::ReceiptState| {
        let fields = &one.fields;
        let number = fields.number.as_bytes();
        let key = [[Key::CONTENT, NUMBERS].as_slice(), number, &[0], &id.0].concat();
        let cancelled = match &one.standing {
            Standing::Holds => None,
            Standing::Cancelled(act) | Standing::Dropped(act) => Some(act.note.clone()),
        };
        let numbered = Numbered {
            id: one.id.clone(),
            amount: fields.amount.get(),
            way: fields.way,
            at: fields.act.at,
            by: fields.act.by.clone(),
            machine: fields.machine.clone(),
            cancelled,
        };
        (key, json(&numbered))
    };
    own.map(row).collect()
}

/// States of money that somebody has to do something about, in the order of the page.
pub const TO_SETTLE: [MoneyState; 5] = [
    MoneyState::InConflict,
    MoneyState::OverPaid,
    MoneyState::RefundOwed,
    MoneyState::PartPaid,
    MoneyState::Due,
];

fn place(state: MoneyState) -> Option<u8> {
    let at = TO_SETTLE.iter().position(|one| *one == state)?;
    u8::try_from(at).ok()
}

fn open(id: DossierId, shown: &View, office: &str) -> Option<Row> {
    let money = &shown.money;
    let place = place(money.state)?;
    let over = matches!(shown.derived.state, State::Refused | State::Withdrawn);
    let asks_nobody = over && money.state == MoneyState::Due;
    if asks_nobody || !concerns(&shown.derived, office) {
        return None;
    }
    let since = shown.summary.received.unwrap_or_default().max(0).to_be_bytes();
    let key = [[Key::CONTENT, OPEN, place].as_slice(), &since, &id.0].concat();
    Some((key, json(&Open { outstanding: money.outstanding, owed: money.owed })))
}

/// Rows of a document of counts.
pub(crate) fn count_rows(id: DossierId, facts: &[Fact]) -> Vec<Row> {
    let days = Count::all(facts).filter_map(|(_, one)| day(&one.day));
    let row =
        |day: [u8; 4]| ([[Key::CONTENT, COUNTS].as_slice(), &day, &id.0].concat(), Vec::new());
    days.map(row).collect()
}

fn day(named: &str) -> Option<[u8; 4]> {
    Some(day_number(named)?.to_be_bytes())
}

fn behind(from: &[u8]) -> Vec<u8> {
    [from, &[0xff; 64]].concat()
}

/// Movements of a day, YYYY-MM-DD, with their dossiers, by the id of the fact.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn movements(
    kv: &(impl Kv + ?Sized),
    named: &str,
) -> Result<Vec<(DossierId, Movement)>, StoreError> {
    let Some(day) = day(named) else { return Ok(Vec::new()) };
    let from = [[Key::CONTENT, MOVEMENTS].as_slice(), &day].concat();
    let rows = kv.range(&from, &behind(&from), MOVED)?;
    let read = |(key, value): &Row| Some((dossier_of(key)?, serde_json::from_slice(value).ok()?));
    Ok(rows.iter().filter_map(read).collect())
}

/// Receipts from one number to another, in their order; more than one under a number if it was given twice.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn receipts(
    kv: &(impl Kv + ?Sized),
    first: &str,
    last: &str,
) -> Result<Vec<(String, DossierId, Numbered)>, StoreError> {
    let key = |number: &str| [[Key::CONTENT, NUMBERS].as_slice(), number.as_bytes()].concat();
    let rows = kv.range(&key(first), &[key(last).as_slice(), &[1]].concat(), NUMBERED)?;
    let read = |(key, value): &Row| {
        let number = key.get(2..key.len().checked_sub(DossierId::LEN + 1)?)?;
        let number = String::from_utf8(number.to_vec()).ok()?;
        Some((number, dossier_of(key)?, serde_json::from_slice(value).ok()?))
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Whether a receipt of the office has this number.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn is_used(kv: &(impl Kv + ?Sized), number: &str) -> Result<bool, StoreError> {
    let from = [[Key::CONTENT, NUMBERS].as_slice(), number.as_bytes(), &[0]].concat();
    Ok(!kv.range(&from, &behind(&from), 1)?.is_empty())
}

/// Dossiers whose money is in a state, the oldest first, at most so many.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn to_settle(
    kv: &(impl Kv + ?Sized),
    state: MoneyState,
    limit: usize,
) -> Result<Vec<(DossierId, Open)>, StoreError> {
    let Some(place) = place(state) else { return Ok(Vec::new()) };
    let from = [Key::CONTENT, OPEN, place];
    let rows = kv.range(&from, &[Key::CONTENT, OPEN, place + 1], limit)?;
    let read = |(key, value): &Row| Some((dossier_of(key)?, serde_json::from_slice(value).ok()?));
    Ok(rows.iter().filter_map(read).collect())
}

/// Counts of a day that machines of the office wrote.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn counts(
    books: &Books,
    office: OfficeId,
    own_log: LogId,
    named: &str,
) -> Result<Vec<(String, Count)>, StoreError> {
    let Some(day) = day(named) else { return Ok(Vec::new()) };
    let from = [[Key::CONTENT, COUNTS].as_slice(), &day].concat();
    let rows = books.range(&from, &behind(&from), usize::MAX)?;
    let mut all = Vec::new();
    for id in rows.iter().filter_map(|(key, _)| dossier_of(key)) {
        let Some((_, history)) = books.dossier(id)? else { continue };
        for stored in &history {
            let header = &stored.entry.header;
            let is_one = header.doc_type == DocType::Cash && header.kind.is_change();
            if !is_one || !stored.verdict.applies() {
                continue;
            }
            let is_ours = stored.log == own_log || {
                let author: Option<Author> = books.row(Key::Author(stored.log))?;
                author.is_some_and(|author| author.office == office)
            };
            if is_ours {
                let facts = facts_in(&stored.entry.payload).unwrap_or_default();
                all.extend(Count::all(&facts).filter(|(_, one)| one.day == named));
            }
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_core::state::MemKv;
    use motcua_dossier::{
        fact::{Kind, Request},
        money::{Dong, Receipt},
        view::view,
    };

    const NOON: i64 = 1_772_510_400_000; // 2026-03-03 11:00 in Việt Nam

    fn receipt(id: &str, office: &str, amount: u64, number: &str) -> Fact {
        let act = Act { at: NOON, office: office.into(), ..Act::default() };
        let amount = Dong::new(amount).unwrap();
        Fact::new(
            Kind::Receipt,
            id.into(),
            &Receipt { number: number.into(), amount, act, ..Receipt::default() },
        )
    }

    #[test]
    fn a_day_has_every_movement_of_the_office_and_none_of_another() {
        let fee = Request { fee: Some(9_000), ..Request::default() };
        let facts = [
            Fact::new(Kind::Request, "A".into(), &fee),
            receipt("B", "here", 5_000, "BL26-0000001"),
            receipt("C", "there", 4_000, "BL26-0000001"),
        ];
        let (one, other) = (DossierId([1; 16]), DossierId([2; 16]));
        let mut kv = MemKv::default();
        kv.0.extend(rows(one, &view(&facts), "here"));
        kv.0.extend(rows(other, &view(&[receipt("D", "here", 700, "BL26-0000002")]), "here"));
        let moved = movements(&kv, "2026-03-03").unwrap();
        let sums: Vec<(DossierId, i64)> = moved.iter().map(|(id, one)| (*id, one.amount)).collect();
        assert_eq!(sums, [(one, 5_000), (other, 700)]);
        assert_eq!(movements(&kv, "2026-03-04").unwrap(), []);
        assert_eq!(movements(&kv, "hôm nay").unwrap(), []);
        let numbers: Vec<String> = receipts(&kv, "BL26-0000001", "BL26-0000002")
            .unwrap()
            .into_iter()
            .map(|one| one.0)
            .collect();
        assert_eq!(numbers, ["BL26-0000001", "BL26-0000002"]);
        assert!(is_used(&kv, "BL26-0000001").unwrap() && !is_used(&kv, "BL26-000000").unwrap());
        let open = to_settle(&kv, MoneyState::InConflict, 10).unwrap();
        assert_eq!(open.len(), 1, "two took money without seeing each other");
    }
}
