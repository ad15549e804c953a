//! Paper hand-over lists over the API: given together under one number, looked at, printed, and taken by
//! what was scanned (design/process.md).

use super::{
    Wanted,
    bulk::{Line, Many, all_meant, each, meant},
};
use crate::{
    api::{self, Api, Body},
    error::DeskError,
    views::{self, office_json},
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    http::HeaderMap,
    routing::{get, post},
};
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::{self, ActionError},
    asked,
    derive::derive,
    fact::Fact,
    process::{Given, given, is_number, number, take_listed, waits},
    view::{View, view},
};
use motcua_shell::find;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/hand-lists", post(give))
        .route("/api/v1/hand-lists/{number}", get(show))
        .route("/api/v1/hand-lists/{number}/taken", post(take))
        .route("/api/v1/scanned", get(scanned))
}

#[derive(Deserialize)]
struct Typed {
    text: String,
}

/// The dossier that a scanner typed.
async fn scanned(
    Extract(api): Extract<Api>,
    api::Seek(asked): api::Seek<Typed>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let id = meant(&api, asked.text.trim())?;
    let line = views::lines(&api.desk, std::iter::once(id))?.into_iter().next();
    line.map(Json).ok_or_else(|| DeskError::NoDossier(id.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Give {
    /// Id of another office, or empty.
    #[serde(default)]
    office: String,
    /// Id of a section of this one.
    #[serde(default)]
    section: String,
    /// Who is to take them.
    #[serde(default)]
    person: String,
    /// Ids, codes or digits of bar codes.
    dossiers: Vec<String>,
    #[serde(default)]
    note: String,
}

async fn give(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller) = api::by_clerk::<Give>(&headers, "hand-lists", &body)?;
    let outside = match asked.office.as_str() {
        "" => None,
        office => Some(api.desk.office(office)?),
    };
    if outside.is_none() && asked.section.is_empty() && asked.person.trim().is_empty() {
        return Err(ActionError::Missing { field: "section" }.into());
    }
    let number = match &caller.request {
        // The same request again is the same list.
        Some(request) => number(first_bytes(request.key.key)),
        None => number(first_bytes(motcua_shell::engine::random())),
    };
    api.desk.settled().await;
    let (known, unknown) = all_meant(&api, "dossiers", &asked.dossiers)?;
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let Give { section, person, note, .. } = asked;
    let many = Many { headers, path: "hand-lists", said, clerk: caller.clerk, note };
    same_request(&api, &many, &number)?;
    let (from, list) = (api.desk.engine().me.office, number.clone());
    let to = Wanted { section, person, step: None };
    let lines = each(&api, &many, known, move |api, _, facts, act| match outside {
        Some(office) => Ok(action::forward_on(from, office, list.clone(), act)?),
        None => to.pass(&api.desk, facts, list.clone(), act),
    });
    let lines: Vec<Line> = lines.await?.into_iter().chain(unknown).collect();
    let done = lines.iter().filter(|line| line.error.is_none()).count();
    let lines: Vec<Value> = lines.iter().map(|line| line.told(&api)).collect();
    Ok(Json(json!({ "number": number, "given": done, "dossiers": lines })))
}

fn first_bytes(of: [u8; 16]) -> [u8; 8] {
    std::array::from_fn(|at| of[at])
}

/// Refuses a key that was used for another list.
fn same_request(api: &Api, many: &Many, number: &str) -> Result<(), DeskError> {
    for id in find::by_hand_list(api.desk.engine().books(), number)? {
        let Some(now) = many.caller(id)?.request else { return Ok(()) };
        let facts = api.desk.facts(id)?;
        let before = asked::requests(&facts).find(|(_, before)| before.key == now.asked.key);
        let Some((_, before)) = before else { continue };
        let fields = before.differs(&now.asked);
        if !fields.is_empty() {
            let code = view(&facts).summary.code;
            return Err(DeskError::KeyReused { dossier: id, code, fields });
        }
    }
    Ok(())
}

/// A dossier of a list with what is known of it.
pub(crate) struct Listed {
    id: DossierId,
    pub(crate) shown: View,
}

/// The dossiers of a list, by code.
///
/// # Errors
/// [`DeskError::Unknown`] when it is none, or nothing of it is here.
pub(crate) fn listed(api: &Api, number: &str) -> Result<Vec<Listed>, DeskError> {
    let unknown =
        || DeskError::Unknown { field: "number", value: number.chars().take(80).collect() };
    if !is_number(number) {
        return Err(unknown());
    }
    let mut all = Vec::new();
    for id in find::by_hand_list(api.desk.engine().books(), number)? {
        match api.desk.facts(id) {
            Ok(facts) => all.push(Listed { id, shown: view(&facts) }),
            // Its history left this machine, or the dossier did.
            Err(DeskError::Away | DeskError::NoDossier(_)) => {}
            Err(error) => return Err(error),
        }
    }
    all.sort_by(|one, other| one.shown.summary.code.cmp(&other.shown.summary.code));
    if all.is_empty() { Err(unknown()) } else { Ok(all) }
}

async fn show(
    Extract(api): Extract<Api>,
    Path(number): Path<String>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let all = listed(&api, &number)?;
    let me = api.desk.engine().me.office.to_string();
    let trust = api.desk.engine().trust();
    let head = all.first().and_then(|one| given(&one.shown.derived, &number));
    let act = head.as_ref().map(Given::act).cloned().unwrap_or_default();
    let (to, section, person) = match &head {
        Some(Given::Inside(passing)) => {
            let given = &passing.given;
            (act.office.clone(), given.section_name.clone(), given.person.clone())
        }
        Some(Given::Forwarded(one)) => (one.given.to.clone(), String::new(), String::new()),
        None => Default::default(),
    };
    let lines: Vec<Value> = all
        .iter()
        .map(|one| {
            let summary = &one.shown.summary;
            let taken = given(&one.shown.derived, &number);
            let taken = taken.as_ref().and_then(Given::taken).cloned();
            json!({
                "id": one.id.to_string(),
                "code": summary.code,
                "applicant": summary.applicant,
                "procedure_name": summary.procedure_name,
                "waits": waits(&one.shown.derived, &number, &me),
                "taken_at": taken.as_ref().map(|act| act.at),
                "taken_by": taken.map(|act| act.by),
            })
        })
        .collect();
    Ok(Json(json!({
        "number": number,
        "from": office_json(&trust, &act.office),
        "to": office_json(&trust, &to),
        "section_name": section,
        "person": person,
        "given_at": act.at,
        "given_by": act.by,
        "dossiers": lines,
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Take {
    /// What was scanned: ids, codes or digits of bar codes.
    scanned: Vec<String>,
    #[serde(default)]
    note: String,
}

async fn take(
    Extract(api): Extract<Api>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let path = format!("hand-lists/{number}/taken");
    let (asked, caller) = api::by_clerk::<Take>(&headers, &path, &body)?;
    api.desk.settled().await;
    let all: BTreeSet<DossierId> = listed(&api, &number)?.iter().map(|one| one.id).collect();
    let (known, unknown) = all_meant(&api, "scanned", &asked.scanned)?;
    let (on, off): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, id)| all.contains(id));
    let scanned: BTreeSet<DossierId> = on.iter().map(|(_, id)| *id).collect();
    let mut said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    said["number"] = number.as_str().into();
    // A second scanning of a list is another request: what it names differs, and each dossier is taken once.
    let many =
        Many { headers, path: "hand-lists/taken", said, clerk: caller.clerk, note: asked.note };
    let list = number.clone();
    let make = move |_: &Api, _, facts: &[Fact], act| Ok(take_listed(&derive(facts), &list, act)?);
    let mut lines = each(&api, &many, on, make).await?;
    for line in &mut lines {
        if let (Some(id), Some(DeskError::Action(ActionError::NothingToTake))) =
            (line.id, &line.error)
            && given(&derive(&api.desk.facts(id)?), &number)
                .is_some_and(|one| one.taken().is_some())
        {
            // Taken before, on its own or by another scanning: it is here.
            line.error = None;
        }
    }
    let taken = lines.iter().filter(|line| line.error.is_none()).count();
    let missing: Vec<Value> = listed(&api, &number)?
        .iter()
        .filter(|one| !scanned.contains(&one.id))
        .filter(|one| given(&one.shown.derived, &number).is_none_or(|one| one.taken().is_none()))
        .map(|one| json!({ "id": one.id.to_string(), "code": one.shown.summary.code }))
        .collect();
    let extra = off.into_iter().map(|(said, id)| Line { said, id: Some(id), error: None });
    let extra: Vec<Value> = extra
        .map(|line| {
            let told = line.told(&api);
            json!({ "said": told["said"], "id": told["id"], "code": told["code"] })
        })
        .collect();
    let lines: Vec<Value> = lines.iter().map(|line| line.told(&api)).collect();
    let unknown: Vec<&str> = unknown.iter().map(|line| line.said.as_str()).collect();
    Ok(Json(json!({
        "number": number,
        "taken": taken,
        "dossiers": lines,
        "missing": missing,
        "extra": extra,
        "unknown": unknown,
    })))
}
