//! Drafts over HTTP, under `/api/v1`:
//!
//! - `GET /drafts`: those that wait for somebody, newest first
//! - `GET /drafts/{id}`, `POST /drafts/{id}` (what was typed), `DELETE /drafts/{id}`
//! - `POST /drafts/{id}/kept` takes a discarded one back, `POST /drafts/{id}/settled` takes away what
//!   was offered and dealt with
//!
//! All of it works from the first moment of a start on: drafts need no state.

use super::draft::{Change, Draft, Phase, Who};
use crate::{
    api::{Body, key_of_draft, read},
    desk::Desk,
    error::DeskError,
    people::who::name_or,
};
use axum::{
    Json, Router,
    extract::{FromRef, Path, State as Extract},
    routing::{get, post},
};
use motcua_dossier::asked;
use motcua_shell::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes, for a node that is up and for one that is coming up.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Desk>: FromRef<S>,
{
    Router::new()
        .route("/api/v1/drafts", get(list))
        .route("/api/v1/drafts/{id}", get(show).post(save).delete(discard))
        .route("/api/v1/drafts/{id}/kept", post(keep))
        .route("/api/v1/drafts/{id}/settled", post(settle))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaveBody {
    changes: Vec<Change>,
    #[serde(default)]
    clerk: String,
    #[serde(default)]
    pc: String,
    #[serde(default)]
    tab: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscardBody {
    #[serde(default)]
    clerk: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    numbers: Vec<u64>,
}

async fn list(Extract(desk): Extract<Arc<Desk>>) -> Result<Json<Value>, DeskError> {
    let mut lines = Vec::new();
    for draft in desk.drafts().list() {
        let draft = whole(&desk, draft).await?;
        let waits = draft.phase == Phase::Open || !draft.late.is_empty();
        if !waits {
            continue;
        }
        let newest = draft.newest();
        let said = |field: &str| {
            let typed = draft.fields.get(field).and_then(|all| all.last());
            typed.map(|typed| typed.value.clone()).unwrap_or_default()
        };
        let mut line = json!({
            "id": draft.id,
            "name": said("applicant-name"),
            "procedure": said("procedure"),
            "begun_at": draft.begun_at,
            "at": newest.map_or(draft.begun_at, |typed| typed.at),
            "by": newest.map(|typed| typed.by.clone()).unwrap_or_default(),
            "pc": newest.map(|typed| typed.pc.clone()).unwrap_or_default(),
            "to_choose": draft.to_choose().count(),
            "late": draft.late.len(),
        });
        said_phase(&mut line, &draft.phase);
        lines.push(line);
    }
    Ok(Json(json!({ "drafts": lines })))
}

async fn show(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let draft = whole(&desk, desk.drafts().get(&id)?).await?;
    Ok(Json(answer(&draft)))
}

async fn save(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let SaveBody { changes, clerk: by, pc, tab } = read(&body)?;
    if let Ok(draft) = desk.drafts().get(&id) {
        whole(&desk, draft).await?;
    }
    let who = Who { by: name_or(&by), pc, tab };
    let draft = desk.drafts().save(&id, &changes, &who, now(&desk)).await?;
    Ok(Json(answer(&draft)))
}

async fn discard(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let DiscardBody { clerk } =
        if body.is_empty() { DiscardBody { clerk: String::new() } } else { read(&body)? };
    whole(&desk, desk.drafts().get(&id)?).await?;
    let (at, clerk) = (now(&desk), name_or(&clerk));
    let draft = desk.drafts().change(&id, |draft| draft.discard(clerk.trim(), at)).await?;
    Ok(Json(answer(&draft)))
}

async fn keep(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let draft = desk.drafts().change(&id, Draft::keep).await?;
    Ok(Json(answer(&draft)))
}

async fn settle(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let SettleBody { numbers } = read(&body)?;
    let draft = desk.drafts().change(&id, |draft| draft.settle(&numbers)).await?;
    Ok(Json(answer(&draft)))
}

/// A draft with what became of it, also where the machine died before that was noted: its key tells.
async fn whole(desk: &Desk, draft: Draft) -> Result<Draft, DeskError> {
    if draft.phase != Phase::Open {
        return Ok(draft);
    }
    match desk.answered(&asked::name_of(&key_of_draft(&draft.id)))? {
        Some(dossier) => became(desk, &draft.id, dossier).await,
        None => Ok(draft),
    }
}

/// Notes which dossier a draft has become.
pub(crate) async fn became(
    desk: &Desk,
    id: &str,
    dossier: motcua_core::id::DossierId,
) -> Result<Draft, DeskError> {
    let facts = desk.facts_saved(dossier).await?;
    let code = motcua_dossier::view::view(&facts).summary.code;
    let at = now(desk);
    let noted = |draft: &mut Draft| draft.registered(dossier.to_string(), code, at);
    Ok(desk.drafts().change(id, noted).await?)
}

fn now(desk: &Desk) -> i64 {
    desk.engine().clock().wall().0
}

fn said_phase(said: &mut Value, phase: &Phase) {
    said["phase"] = match phase {
        Phase::Open => json!("open"),
        Phase::Registered { dossier, code, at } => {
            said["dossier"] = json!({ "id": dossier, "code": code, "at": at });
            json!("registered")
        }
        Phase::Discarded { by, at } => {
            said["discarded"] = json!({ "by": by, "at": at });
            json!("discarded")
        }
    };
}

fn answer(draft: &Draft) -> Value {
    let mut said = json!({
        "id": draft.id,
        "revision": draft.revision,
        "begun_at": draft.begun_at,
        "fields": draft.fields,
        "late": draft.late,
    });
    said_phase(&mut said, &draft.phase);
    said
}
