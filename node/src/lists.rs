//! Working lists over the API: how much is in each, and a page of one.

use crate::{
    api::{Api, Seek},
    desk::Desk,
    emergency::open_codes,
    error::DeskError,
    people::who,
    process::show,
    views::{self, hex, unhex},
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::get,
};
use motcua_core::{
    id::DossierId,
    state::{Key, rows},
    trust::TrustView,
};
use motcua_dossier::{
    calendar,
    lists::{About, List, listing},
    view::View,
};
use motcua_shell::{
    clock::Clock,
    lists::{self, COUNTED, Entry},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// In milliseconds; the counters are counted again in every minute in which somebody asks.
const MINUTE: i64 = 60_000;

/// Routes of working lists.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/lists", get(counters)).route("/api/v1/lists/{list}", get(page))
}

/// Counters as they stood at a position of the journal, in a minute.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Option<((u64, i64), Value)>>);

async fn counters(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let mut told = count(&api.desk)?;
    // Slips of days that are over: a task until each is settled.
    let open = if api.desk.whole().is_ok() { Some(open_codes(&api.desk)?) } else { None };
    told["paper_open"] = open.into();
    Ok(Json(told))
}

fn count(desk: &Desk) -> Result<Value, DeskError> {
    let now = desk.engine().clock().wall().0;
    let key = (desk.meta()?.applied, now.div_euclid(MINUTE));
    let mut counted = desk.counted.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = counted.as_ref().filter(|(at, _)| *at == key) {
        return Ok(known.clone());
    }
    let line = |list: List| {
        let count = lists::count(desk.engine().books(), list, now)?;
        let mut line = named(list);
        line["count"] = count.into();
        line["more"] = (count == COUNTED).into();
        Ok(line)
    };
    let all: Vec<Value> = List::ALL.into_iter().map(line).collect::<Result<_, DeskError>>()?;
    let answer = json!({ "lists": all });
    *counted = Some((key, answer.clone()));
    Ok(answer)
}

fn named(list: List) -> Value {
    json!({ "list": list.word(), "list_vi": list.vi(), "list_en": list.en() })
}

#[derive(Debug, Deserialize)]
struct PageQuery {
    /// Most dossiers.
    limit: Option<usize>,
    /// Where the page before ended.
    after: Option<String>,
    /// Only those of this person.
    owner: Option<String>,
    /// Only those that this section has, by its name.
    section: Option<String>,
}

async fn page(
    Extract(api): Extract<Api>,
    Path(name): Path<String>,
    Seek(query): Seek<PageQuery>,
) -> Result<Json<Value>, DeskError> {
    let unknown = || DeskError::Unknown { field: "list", value: name.chars().take(80).collect() };
    let list = List::from_word(&name).ok_or_else(unknown)?;
    let after = query.after.as_deref().map(unhex).transpose()?;
    api.desk.settled().await;
    let desk = &api.desk;
    let limit = query.limit.unwrap_or(50).clamp(1, views::PAGE);
    let now = desk.engine().clock().wall().0;
    let said = |text: &Option<String>| {
        let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let (owner, section) = (said(&query.owner), said(&query.section));
    // Of whoever looks for their own: with those of whom they stand in for.
    let own = who::asks().filter(|who| owner.as_ref() == Some(&who.name));
    let stood = own.map(|_| desk.people().stood_for(desk)).unwrap_or_default();
    let of = |about: &About| {
        let stands = || stood.iter().any(|name| about.is_of(name));
        owner.as_ref().is_none_or(|owner| about.is_of(owner) || stands())
            && section.as_ref().is_none_or(|section| about.is_at(section))
    };
    let of: Option<&dyn Fn(&About) -> bool> =
        if owner.is_some() || section.is_some() { Some(&of) } else { None };
    let books = desk.engine().books();
    let found = lists::page(books, list, now, after.as_deref(), limit, of)?;
    let ids = found.entries.iter().map(|entry| entry.id);
    let mut answer = named(list);
    answer["dossiers"] = views::lines(desk, ids)?.into();
    answer["next"] = found.next.map(|key| hex(&key)).into();
    Ok(Json(answer))
}

/// In which list a dossier is, from its row; null until the state has it.
pub(crate) fn filed(desk: &Desk, trust: &TrustView, id: DossierId) -> Result<Value, DeskError> {
    let row: Option<rows::Summary> = desk.engine().books().row(Key::Summary(id))?;
    let index = row.map(|row| row.index).unwrap_or_default();
    let now = desk.engine().clock().wall().0;
    let keys = index.iter().map(|key| key.as_slice());
    Ok(lists::entry_of(desk.engine().books(), keys, now)?
        .map_or(Value::Null, |entry| told(desk, trust, &entry)))
}

/// The same of a dossier that is in memory only.
pub(crate) fn filed_fresh(desk: &Desk, trust: &TrustView, id: DossierId, shown: &View) -> Value {
    let filed = listing(shown, &desk.engine().me.office.to_string(), calendar::usual());
    let list = filed.list(desk.engine().clock().wall().0);
    told(desk, trust, &Entry { id, list, about: filed.about })
}

fn told(desk: &Desk, trust: &TrustView, entry: &Entry) -> Value {
    let mut told = named(entry.list);
    let about = &entry.about;
    let stood = desk.people().stood_for(desk).into_iter().find(|name| about.is_of(name));
    let also = about.also.iter();
    let also = also.map(|(person, section)| json!({ "person": person, "section": section }));
    told["owner"] = about.owner.as_str().into();
    told["section"] = about.section.as_str().into();
    told["also"] = also.collect();
    told["in_stead_of"] = stood.into();
    told["untaken"] = about.untaken.into();
    told["phone"] = show::phone(desk, trust, &about.place, &about.phone).into();
    told["place"] = views::office_json(trust, &entry.about.place);
    told["since"] = entry.about.since.into();
    told["accept_by"] = entry.about.accept_by.into();
    told
}
