//! Lists of dossiers: a line of each.

use super::{
    hex, office_json,
    sync::{sync_word, weakest},
    unhex,
};
use crate::{desk::Desk, error::DeskError};
use motcua_core::{
    entry::Role,
    id::{DossierId, LogId, OfficeId},
    state::{Key, Kv, rows},
    trust::TrustView,
};
use motcua_dossier::{state::State, twin, view::Summary};
use motcua_shell::{
    content,
    engine::Books,
    find::{self, Hits},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most dossiers of one page of a list.
pub(crate) const PAGE: usize = 200;

/// What a list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListQuery {
    /// Part of a name, or a code.
    pub q: Option<String>,
    /// Portal state.
    pub state: Option<u8>,
    /// Most dossiers.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// The code of a dossier by its summary; empty where it has none.
///
/// # Errors
/// [`DeskError::Store`] when the state cannot be read.
pub(crate) fn code_of(desk: &Desk, id: DossierId) -> Result<String, DeskError> {
    Ok(summary(desk, id)?.map(|one| one.code).unwrap_or_default())
}

/// A page of the list, newest act first.
///
/// # Errors
/// [`DeskError`] when the state cannot be read.
pub fn list(desk: &Desk, query: &ListQuery) -> Result<Value, DeskError> {
    let limit = query.limit.unwrap_or(50).clamp(1, PAGE);
    let wanted = |summary: &Summary| query.state.is_none_or(|state| state == summary.state);
    let text = query.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let (ids, next, mut more) = match text {
        Some(text) => {
            let Hits { dossiers, more } = find::find(desk.engine().books(), text)?;
            (dossiers, None, more)
        }
        None => {
            let (ids, next) = recent(desk, query.after.as_deref(), limit)?;
            (ids, next, false)
        }
    };
    let all = ids.len();
    let received = received(desk)?;
    let trust = desk.engine().trust();
    let mut lines = Vec::new();
    for (looked, id) in (1..).zip(ids) {
        let Some(summary) = summary(desk, id)? else { continue };
        if wanted(&summary) {
            lines.push(line(desk, &trust, received, id, &summary)?);
        }
        if lines.len() == limit {
            more |= text.is_some() && looked < all;
            break;
        }
    }
    Ok(json!({ "dossiers": lines, "next": next, "more": more }))
}

/// What lists say of some dossiers; one that left meanwhile is left out.
pub(crate) fn lines(
    desk: &Desk,
    ids: impl Iterator<Item = DossierId>,
) -> Result<Vec<Value>, DeskError> {
    let received = received(desk)?;
    let trust = desk.engine().trust();
    let mut lines = Vec::new();
    for id in ids {
        if let Some(summary) = summary(desk, id)? {
            lines.push(line(desk, &trust, received, id, &summary)?);
        }
    }
    Ok(lines)
}

type Page = (Vec<DossierId>, Option<String>);

fn recent(desk: &Desk, after: Option<&str>, limit: usize) -> Result<Page, DeskError> {
    let after = after.map(unhex).transpose()?;
    let (from, to) = find::recent_range(after.as_deref());
    let rows = desk.engine().books().range(&from, &to, limit)?;
    let full = rows.len() == limit;
    let next = rows.last().filter(|_| full).map(|(key, _)| hex(key));
    Ok((rows.iter().filter_map(|(key, _)| find::dossier_of(key)).collect(), next))
}

/// Own log, and how much of it the hub has.
pub(super) fn received(desk: &Desk) -> Result<(LogId, u64), DeskError> {
    let state = crate::sync_words::sync_state(desk.engine())?;
    Ok((desk.engine().own().log(), state.hub_received_seq))
}

pub(super) fn summary(desk: &Desk, id: DossierId) -> Result<Option<Summary>, DeskError> {
    let row: Option<rows::Summary> = desk.engine().books().row(Key::Summary(id))?;
    Ok(row.and_then(|row| content::read_summary(&row.bytes)))
}

pub(super) fn line(
    desk: &Desk,
    trust: &TrustView,
    received: (LogId, u64),
    id: DossierId,
    summary: &Summary,
) -> Result<Value, DeskError> {
    let books = desk.engine().books();
    let (row, history) = books.dossier(id)?.unwrap_or_default();
    let sync = match books.row::<rows::Image>(Key::Image(id))? {
        Some(_) => "unchecked",
        None if row.away => "away",
        None => weakest(history.iter().map(|stored| sync_word(received, stored))),
    };
    let filed = crate::lists::filed(desk, trust, id)?;
    let known = crate::links::known(desk, id)?;
    let members = row.members();
    let desk = members.iter().find(|(_, roles)| roles.contains(&Role::Desk)).map(|desk| desk.0);
    let mut line = line_of((trust, desk), id, summary, sync, history.len());
    line["filed"] = filed;
    line["possible_duplicates"] = json!(duplicates(books, &known, id, summary)?);
    Ok(line)
}

/// Dossiers that may be this one registered a second time.
fn duplicates(
    books: &Books,
    known: &BTreeSet<DossierId>,
    id: DossierId,
    of: &Summary,
) -> Result<Vec<Value>, DeskError> {
    let group = twin::group(&of.applicant, &of.procedure);
    let (Some(group), Some(received)) = (group, of.received) else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    // Where somebody has said whether it is, nobody is asked any more.
    let open = |other: &DossierId| !known.contains(other);
    for other in find::twins(books, id, group, received)?.into_iter().filter(open) {
        let row: Option<rows::Summary> = books.row(Key::Summary(other))?;
        let Some(other_of) = row.and_then(|row| content::read_summary(&row.bytes)) else {
            continue;
        };
        lines.push(json!({
            "id": other.to_string(),
            "code": other_of.code,
            "received": other_of.received,
        }));
    }
    Ok(lines)
}

pub(super) fn line_of(
    (trust, desk): (&TrustView, Option<OfficeId>),
    id: DossierId,
    summary: &Summary,
    sync: &str,
    changes: usize,
) -> Value {
    let state = State::from_code(summary.state).unwrap_or(State::Submitted);
    // What was never given on is still at the desk that received it.
    let holder = summary.holders.first().cloned().or_else(|| Some(desk?.to_string()));
    let holder = holder.map(|office| office_json(trust, &office));
    json!({
        "id": id.to_string(),
        "code": summary.code,
        "procedure": summary.procedure,
        "procedure_name": summary.procedure_name,
        "applicant": summary.applicant,
        "state": summary.state,
        "state_vi": state.vi(),
        "state_en": state.en(),
        "received": summary.received,
        "due": summary.due,
        "paused": summary.paused,
        "holder": holder,
        "conflict": summary.conflict,
        "void": summary.void,
        "possible_duplicates": [],
        "sync": sync,
        "changes": changes,
        "updated": summary.updated,
    })
}
