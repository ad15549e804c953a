//! An account of every number of a receipt that this machine was given: used, cancelled, still open, or unused for
//! ever because the machine was started anew, or another log or machine went on.

use crate::{
    desk::{Desk, receipt_issuer, series, year},
    error::DeskError,
};
use motcua_dossier::money::series::parts;
use motcua_shell::money;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Ranges of the year in which `now` is, as far as this machine has them.
pub(super) fn ranges(desk: &Desk, now: i64) -> Result<Vec<Value>, DeskError> {
    let series = series(now)?;
    let issuer = receipt_issuer(desk, desk.engine().own().log(), &series);
    let (all, open) = {
        let leases = desk.receipts();
        (leases.ranges(&issuer.org, year(now)), leases.open(&issuer.org, year(now)))
    };
    let mut told = Vec::new();
    for (first, last) in all {
        let (from, to) = (series.written(first), series.written(last));
        let used = money::receipts(desk.engine().books(), &from, &to)?;
        let mut cancelled: BTreeMap<String, String> = BTreeMap::new();
        let mut known: BTreeSet<u32> = BTreeSet::new();
        for (number, _, one) in &used {
            known.extend(parts(number).map(|(_, number)| number));
            if let Some(why) = &one.cancelled {
                cancelled.insert(number.clone(), why.clone());
            }
        }
        let next = open.filter(|(_, end)| *end == last).map(|(next, _)| next);
        let end = next.unwrap_or(last + 1);
        let gaps = gaps(first, end, &known);
        let words = |(from, to): &(u32, u32)| json!([series.written(*from), series.written(*to)]);
        told.push(json!({
            "first": from,
            "last": to,
            "used": known.len(),
            "cancelled": cancelled
                .iter()
                .map(|(number, why)| json!({ "number": number, "why": why }))
                .collect::<Vec<_>>(),
            "unused": gaps.iter().map(words).collect::<Vec<_>>(),
            "open": next.filter(|next| *next <= last).map(|next| words(&(next, last))),
        }));
    }
    Ok(told)
}

/// Numbers from the first to before the end that nobody has, as ranges.
fn gaps(first: u32, end: u32, known: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for number in (first..end).filter(|number| !known.contains(number)) {
        match found.last_mut().filter(|(_, to)| to + 1 == number) {
            Some((_, to)) => *to = number,
            None => found.push((number, number)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_range_is_known_or_in_a_gap() {
        let known = BTreeSet::from([1, 2, 5]);
        assert_eq!(gaps(1, 9, &known), [(3, 4), (6, 8)]);
        assert_eq!(gaps(1, 3, &known), []);
        let all = gaps(1, 101, &known).iter().map(|(from, to)| to - from + 1).sum::<u32>();
        assert_eq!(all + 3, 100);
    }
}
