//! Dossiers over the API: registering one, listing them, showing one.

use super::{Api, Body, Seek, brief, caller, dossier_id, read, request::keyed};
use crate::{
    desk::{Desk, NewDossier},
    drafts,
    error::DeskError,
    views::{self, ListQuery},
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use motcua_core::id::DossierId;
use motcua_dossier::fact::{Applicant, Paper};
use serde::Deserialize;
use serde_json::Value;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/dossiers", get(list).post(register))
        .route("/api/v1/dossiers/{id}", get(show))
}

async fn list(
    Extract(api): Extract<Api>,
    Seek(query): Seek<ListQuery>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    Ok(Json(views::list(&api.desk, &query)?))
}

async fn show(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let id = dossier_id(&id)?;
    api.desk.settled().await;
    api.desk.brought_back(id).await?;
    Ok(Json(views::dossier(&api.desk, id)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    procedure: String,
    applicant: Applicant,
    #[serde(default)]
    request: String,
    #[serde(default)]
    papers: Vec<Paper>,
    #[serde(default)]
    due: Option<i64>,
    #[serde(default)]
    fee: Option<u64>,
    #[serde(default)]
    clerk: String,
    /// The draft that it was typed in; its key then follows from it.
    #[serde(default)]
    draft: Option<String>,
}

async fn register(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    register_at(&api.desk, &headers, &body).await
}

/// Registers, also while the state is being made again.
pub(crate) async fn register_at(
    desk: &Desk,
    headers: &HeaderMap,
    body: &Body,
) -> Result<Response, DeskError> {
    let asked: RegisterBody = read(body)?;
    let caller = match &asked.draft {
        Some(draft) => {
            // Whichever tab sends it, and whatever key it brings: a draft becomes one dossier.
            drafts::check_id(draft)?;
            let key = key_of_draft(draft);
            keyed(
                &key,
                "dossiers",
                &serde_json::from_slice(body).unwrap_or(Value::Null),
                asked.clerk,
            )
        }
        None => caller(headers, "dossiers", body, asked.clerk)?,
    };
    let request = caller.request.clone();
    let due = match asked.due {
        Some(at) => Some(at),
        None => desk.promised(&asked.procedure)?,
    };
    let new = NewDossier {
        procedure: asked.procedure,
        applicant: asked.applicant,
        request: asked.request,
        papers: asked.papers,
        due,
        fee: asked.fee,
        code: None,
        on_paper: None,
    };
    // Whoever repeats a request gets the answer that was lost, not another one.
    let done = desk.register(new, caller).await;
    if let (Some(draft), Some(id)) = (&asked.draft, made(&done)) {
        // If this fails the dossier is there all the same, and the draft's key tells.
        if let Err(error) = drafts::routes::became(desk, draft, id).await {
            tracing::warn!(%error, "a draft was not told which dossier it has become");
        }
    }
    let id = match done {
        Ok(id) | Err(DeskError::Repeated(id)) => id,
        Err(error) => return Err(error),
    };
    Ok((StatusCode::CREATED, Json(brief(desk, id, request.as_ref()).await?)).into_response())
}

/// The dossier that a registration made, now or before.
fn made(done: &Result<DossierId, DeskError>) -> Option<DossierId> {
    match done {
        Ok(id) | Err(DeskError::Repeated(id) | DeskError::KeyReused { dossier: id, .. }) => {
            Some(*id)
        }
        Err(_) => None,
    }
}

/// The idempotency key of a draft's registration, whichever tab sends it.
pub(crate) fn key_of_draft(id: &str) -> String {
    format!("draft-{id}")
}
