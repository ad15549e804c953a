//! Accounts of the own office in the state, and who saw what: rows that the fold of such a document leaves.
//!
//! ```text
//! p document                   -> nothing  an account, checked
//! q document                   -> nothing  an account of which only a hub's image is here
//! v dossier, id of the fact    -> fact     somebody saw the dossier
//! g id of the fact             -> fact     log-ins, and what was refused
//! ```
//! `p` names documents only: who lets somebody in reads their entries, and who wrote those.

use crate::engine::Books;
use motcua_core::{
    entry::DocType,
    id::{DossierId, LogId, OfficeId},
    state::{Key, Kv, StoreError, rows::Author},
};
use motcua_dossier::{
    document::facts_in,
    fact::{Fact, Kind},
    people::{Account, Seen},
};
use std::collections::HashMap;

const CHECKED: [u8; 2] = [Key::CONTENT, b'p'];
const ATTESTED: [u8; 2] = [Key::CONTENT, b'q'];
const VIEWS: [u8; 2] = [Key::CONTENT, b'v'];
const DOOR: [u8; 2] = [Key::CONTENT, b'g'];

/// An account, with the document that it is.
pub type Known = (DossierId, Account);

/// Index rows of a document that is no dossier; `checked` if its history is here.
pub(crate) fn rows(
    kind: DocType,
    id: DossierId,
    facts: &[Fact],
    checked: bool,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    match kind {
        DocType::Account => {
            let table = if checked { CHECKED } else { ATTESTED };
            vec![([table.as_slice(), &id.0].concat(), Vec::new())]
        }
        DocType::Audit => {
            facts.iter().filter(|fact| fact.kind == Kind::Audit).filter_map(seen_row).collect()
        }
        DocType::Cash => crate::money::count_rows(id, facts),
        DocType::Dossier | DocType::Other(_) => Vec::new(),
    }
}

fn seen_row(fact: &Fact) -> Option<(Vec<u8>, Vec<u8>)> {
    let seen: Seen = fact.read()?;
    let key = match seen.dossier.parse::<DossierId>() {
        Ok(dossier) if seen.what == Seen::VIEWED => {
            [&VIEWS[..], &dossier.0, fact.id.as_bytes()].concat()
        }
        _ => [&DOOR[..], fact.id.as_bytes()].concat(),
    };
    Some((key, fact.json.clone().into_bytes()))
}

/// What a document is by its facts alone, where no entry says it.
pub fn kind_of(facts: &[Fact]) -> DocType {
    match facts.first().map(|fact| fact.kind) {
        Some(Kind::Account) => DocType::Account,
        Some(Kind::Audit) => DocType::Audit,
        Some(Kind::Cash) => DocType::Cash,
        _ => DocType::Dossier,
    }
}

/// Accounts of an office, oldest first, from what its own machines wrote.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn accounts(books: &Books, office: OfficeId, own_log: LogId) -> Result<Vec<Known>, StoreError> {
    let mut offices: HashMap<LogId, bool> = HashMap::from([(own_log, true)]);
    let mut all = Vec::new();
    for id in documents(books, CHECKED)? {
        let Some((_, history)) = books.dossier(id)? else { continue };
        let mut facts = Vec::new();
        for stored in &history {
            let header = &stored.entry.header;
            let is_one = header.doc_type == DocType::Account && header.kind.is_change();
            if !is_one || !stored.verdict.applies() {
                continue;
            }
            let is_ours = match offices.get(&stored.log) {
                Some(known) => *known,
                None => {
                    let author: Option<Author> = books.row(Key::Author(stored.log))?;
                    let is_ours = author.is_some_and(|author| author.office == office);
                    offices.insert(stored.log, is_ours);
                    is_ours
                }
            };
            if is_ours {
                facts.extend(facts_in(&stored.entry.payload).unwrap_or_default());
            }
        }
        all.extend(Account::read(&facts).map(|account| (id, account)));
    }
    all.sort_by_key(|(id, account)| (account.made_at(), *id));
    Ok(all)
}

/// Documents of accounts whose histories are still to come.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn awaited(books: &Books) -> Result<Vec<DossierId>, StoreError> {
    documents(books, ATTESTED)
}

fn documents(kv: &(impl Kv + ?Sized), table: [u8; 2]) -> Result<Vec<DossierId>, StoreError> {
    let to = [table[0], table[1] + 1];
    // Not bounded here: an office that sends documents of this kind must not crowd out our own.
    let rows = kv.range(&table, &to, usize::MAX)?;
    Ok(rows.iter().filter_map(|(key, _)| DossierId::from_slice(key.get(2..)?)).collect())
}

/// Who saw a dossier, newest first, at most so many.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn views(
    kv: &(impl Kv + ?Sized),
    dossier: DossierId,
    limit: usize,
) -> Result<Vec<Seen>, StoreError> {
    let from = [VIEWS.as_slice(), &dossier.0].concat();
    // Ids of facts are ASCII.
    let to = [from.as_slice(), &[0xff]].concat();
    newest(kv, &from, &to, limit)
}

/// Log-ins and what was refused, newest first, at most so many.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub fn door(kv: &(impl Kv + ?Sized), limit: usize) -> Result<Vec<Seen>, StoreError> {
    newest(kv, &DOOR, &[DOOR[0], DOOR[1] + 1], limit)
}

/// Rows stand oldest first; of those within [`LOOKED`] the newest are told.
const LOOKED: usize = 10_000;

fn newest(
    kv: &(impl Kv + ?Sized),
    from: &[u8],
    to: &[u8],
    limit: usize,
) -> Result<Vec<Seen>, StoreError> {
    let rows = kv.range(from, to, LOOKED)?;
    let read = |(_, json): &(Vec<u8>, Vec<u8>)| serde_json::from_slice(json).ok();
    Ok(rows.iter().rev().filter_map(read).take(limit).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeMap;

    fn line(id: &str, what: &str, dossier: &str, by: &str) -> Fact {
        let seen = Seen {
            what: what.into(),
            dossier: dossier.into(),
            by: by.into(),
            at: 1,
            ..Seen::default()
        };
        seen.draft().with_id(id.into())
    }

    #[test]
    fn who_saw_a_dossier_is_found_newest_first_and_apart_from_log_ins() {
        let (one, two) = (DossierId([1; 16]), DossierId([2; 16]));
        let facts = [
            line("01", Seen::VIEWED, &one.to_string(), "An"),
            line("02", Seen::VIEWED, &two.to_string(), "Bình"),
            line("03", Seen::VIEWED, &one.to_string(), "Châu"),
            line("04", "logged_in", "", "An"),
            line("05", "forbidden", &one.to_string(), "An"),
        ];
        let kv: BTreeMap<Vec<u8>, Vec<u8>> =
            rows(DocType::Audit, DossierId([9; 16]), &facts, true).into_iter().collect();
        let kv = motcua_core::state::MemKv(kv);
        let names = |all: Vec<Seen>| all.into_iter().map(|seen| seen.by).collect::<Vec<_>>();
        assert_eq!(names(views(&kv, one, 10).unwrap()), ["Châu", "An"]);
        assert_eq!(names(views(&kv, one, 1).unwrap()), ["Châu"]);
        assert_eq!(names(views(&kv, DossierId([3; 16]), 10).unwrap()), [""; 0]);
        let what = door(&kv, 10).unwrap().into_iter().map(|seen| seen.what).collect::<Vec<_>>();
        assert_eq!(what, ["forbidden", "logged_in"]);
    }

    #[test]
    fn an_account_that_only_a_hub_attests_is_awaited_and_not_one() {
        let id = DossierId([7; 16]);
        let checked = rows(DocType::Account, id, &[], true);
        let attested = rows(DocType::Account, id, &[], false);
        assert_eq!((checked[0].0[1], attested[0].0[1]), (b'p', b'q'));
        assert!(rows(DocType::Dossier, id, &[], true).is_empty());
    }
}
