//! What was received on paper, entered: registering under the slip's code, with the time that stands on it.

use super::first_step;
use crate::{
    api::{Api, Body, Seek, brief, keyed, read},
    desk::{Desk, NewDossier},
    error::DeskError,
};
use axum::{
    Json,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use motcua_core::id::DossierId;
use motcua_dossier::{
    code::Code,
    digits,
    emergency::{EmergencyError, is_slip, received_then},
    fact::{Applicant, OnPaper, Paper},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// As on the slip, or its digits.
    code: String,
    /// When it was received on paper, Unix milliseconds.
    received: i64,
    /// Who received it.
    received_by: String,
    procedure: String,
    applicant: Applicant,
    #[serde(default)]
    request: String,
    #[serde(default)]
    papers: Vec<Paper>,
    /// The date that stands on the slip; by the term if none does.
    #[serde(default)]
    due: Option<i64>,
    #[serde(default)]
    fee: Option<u64>,
    /// The machine that drew the block is gone.
    #[serde(default)]
    gone: bool,
    #[serde(default)]
    clerk: String,
}

pub(super) async fn enter(Extract(api): Extract<Api>, body: Body) -> Result<Response, DeskError> {
    let asked: Entry = read(&body)?;
    let desk = &api.desk;
    desk.whole()?;
    desk.settled().await;
    let code = slip(&asked.code)?;
    let block = desk.emergency().blocks().of_code(&code).cloned();
    if block.is_none() {
        let org = desk.issuer(desk.engine().own().log()).org;
        if !is_slip(&code, &org) {
            return Err(EmergencyError::NoSlip(code.to_string()).into());
        }
        if !asked.gone {
            return Err(EmergencyError::Elsewhere(code.to_string()).into());
        }
    }
    let drawn = block.as_ref().map(|block| block.at);
    received_then(code.day, drawn, asked.received, asked.due, desk.wall())
        .map_err(EmergencyError::Time)?;
    let promised = asked.due.is_some();
    let due = match asked.due {
        Some(at) => Some(at),
        None => desk.promised_at(&asked.procedure, asked.received)?,
    };
    // Whichever page sends it, and under whatever key: a slip becomes one dossier.
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let key = format!("paper-{}", code.number());
    let caller = keyed(&key, "emergency/entries", &said, asked.clerk);
    let request = caller.request.clone();
    let block = block.map(|block| block.number).unwrap_or_default();
    let new = NewDossier {
        procedure: asked.procedure,
        applicant: asked.applicant,
        request: asked.request,
        papers: asked.papers,
        due,
        fee: asked.fee,
        code: Some(code.to_string()),
        on_paper: Some((OnPaper { by: asked.received_by, block, promised }, asked.received)),
    };
    let id = match desk.register(new, caller).await {
        Ok(id) | Err(DeskError::Repeated(id)) => id,
        Err(DeskError::KeyReused { dossier, .. } | DeskError::CodeTaken { dossier, .. }) => {
            return Err(entered(desk, code.to_string(), dossier)?);
        }
        Err(error) => return Err(error),
    };
    Ok((StatusCode::CREATED, Json(brief(desk, id, request.as_ref()).await?)).into_response())
}

/// A code as it stands on a slip, or its digits, however they are grouped.
fn slip(text: &str) -> Result<Code, DeskError> {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).take(60).collect();
    let read = Code::read(&bare.to_uppercase()).ok().or_else(|| digits::read(&bare));
    Ok(read.ok_or(EmergencyError::NoSlip(bare))?)
}

/// The refusal that names who entered a code, and when.
fn entered(desk: &Desk, code: String, dossier: DossierId) -> Result<DeskError, DeskError> {
    let first = first_step(desk, dossier)?.unwrap_or_default();
    let dossier = dossier.to_string();
    Ok(EmergencyError::Entered { code, by: first.act.by, at: first.act.at, dossier }.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    procedure: String,
    received: i64,
}

/// The date by the term for what was received then.
pub(super) async fn promise(
    Extract(api): Extract<Api>,
    Seek(asked): Seek<When>,
) -> Result<Json<Value>, DeskError> {
    let due = api.desk.promised_at(&asked.procedure, asked.received)?;
    Ok(Json(json!({ "due": due })))
}
