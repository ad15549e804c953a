//! Scans at the counter: taking one in, showing what became of each, and giving one out, fetched
//! from the hub first where it is not here.

pub(crate) mod body;
mod state;

pub(crate) use state::{damaged, words_of_counts};

use crate::{
    api::{self, Api},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use motcua_core::{
    id::{DossierId, Hash},
    limits,
    record::{Record, ScanEvent},
    scan::Media,
};
use motcua_dossier::attachment::{Attachment, Scanned, attach, attachments};
use motcua_shell::scans::{Stored, Upload};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Scans taken in at once: more would only wait for the same disk.
const AT_ONCE: usize = 4;
static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

/// Routes of scans.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/dossiers/{id}/attachments", get(list).post(take_in))
        .route("/api/v1/dossiers/{id}/attachments/{scan}", get(give))
        .route("/api/v1/scans/damaged", get(damaged_ones))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
    #[serde(default)]
    paper: String,
    #[serde(default)]
    clerk: String,
}

/// The body is the file. Answered when file and dossier are on this machine's disk.
async fn take_in(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    api::Seek(about): api::Seek<About>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let id = api::dossier_id(&id)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > limits::SCAN_BYTES) {
        // Said before fifty megabytes have crossed the office's network.
        let limit = limits::SCAN_BYTES;
        return Err(motcua_shell::scans::UploadError::TooLong { limit }.into());
    }
    api.desk.brought_back(id).await?;
    // Refused before the file is taken in: no such dossier, a name or a paper that cannot be.
    let facts = api.desk.facts(id)?;
    let scanned = |stored: Stored| Scanned {
        name: about.name.clone(),
        media: stored.media,
        size: stored.size,
        hash: stored.hash,
        paper: about.paper.clone(),
    };
    let probe = Stored { hash: Hash::ZERO, size: 1, media: Media::Pdf };
    attach(&facts, scanned(probe), Default::default())?;
    let _turn = ROOM.try_acquire().map_err(|_| DeskError::Busy)?;
    let engine = Arc::clone(api.desk.engine());
    let begun = tokio::task::spawn_blocking(move || engine.scans().upload()).await;
    let upload: Upload = begun.map_err(|_| DeskError::Busy)??;
    let stored = body::take(body, upload).await?;
    // The same file under the same name with the same key is the same request.
    let said = json!({
        "name": about.name, "paper": about.paper, "clerk": about.clerk, "file": stored.hash.to_string(),
    });
    let path = format!("dossiers/{id}/attachments");
    let caller = api::asking(&headers, &path, &said, about.clerk.clone())?;
    let here = ScanEvent::Here { size: stored.size };
    let before = vec![Record::Scan { hash: stored.hash, event: here }];
    let make = |facts: &[_], act| Ok(attach(facts, scanned(stored), act)?);
    let id = match api.desk.act_after(before, id, caller, String::new(), make).await {
        Ok(id) | Err(DeskError::Repeated(id)) => id,
        Err(error) => return Err(error),
    };
    api.desk.settled().await;
    let line =
        lines(&api.desk, id)?.into_iter().rfind(|line| line["hash"] == stored.hash.to_string());
    Ok((StatusCode::CREATED, Json(line.unwrap_or(Value::Null))).into_response())
}

async fn list(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let id = api::dossier_id(&id)?;
    api.desk.settled().await;
    api.desk.brought_back(id).await?;
    Ok(Json(json!({ "attachments": lines(&api.desk, id)? })))
}

async fn damaged_ones(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    Ok(Json(json!({ "damaged": damaged(&api.desk)? })))
}

/// Every scan of a dossier with what became of it, oldest first.
pub(crate) fn lines(desk: &Desk, id: DossierId) -> Result<Vec<Value>, DeskError> {
    let (facts, report) = (desk.facts(id)?, desk.engine().snapshot().scans);
    let mut lines = Vec::new();
    for (fact, scan) in attachments(&facts) {
        let Some((hash, size)) = scan.address() else { continue };
        let state = state::of(desk.engine(), &report, hash)?;
        lines.push(json!({
            "id": fact,
            "name": scan.name,
            "media": scan.media,
            "size": size,
            "hash": scan.hash,
            "paper": scan.paper,
            "at": scan.act.at,
            "by": scan.act.by,
            "state": state.word,
            "percent": state.percent,
            "words_vi": state.words().0,
            "words_en": state.words().1,
        }));
    }
    Ok(lines)
}

fn named(desk: &Desk, id: DossierId, fact: &str) -> Result<Attachment, DeskError> {
    let facts = desk.facts(id)?;
    let found = attachments(&facts).find(|(known, _)| *known == fact).map(|(_, scan)| scan);
    found.ok_or_else(|| DeskError::NoScan(fact.chars().take(80).collect()))
}

/// The file, whole or a part; 202 with the state while it is being fetched.
async fn give(
    Extract(api): Extract<Api>,
    Path((id, fact)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, DeskError> {
    let id = api::dossier_id(&id)?;
    api.desk.settled().await;
    api.desk.brought_back(id).await?;
    let scan = named(&api.desk, id, &fact)?;
    let Some((hash, size)) = scan.address() else { return Err(DeskError::NoScan(fact)) };
    let engine = api.desk.engine();
    if !engine.scans().row(hash)?.here {
        return fetching(&api.desk, hash);
    }
    let part = body::part(&headers, size)?;
    let reader = Arc::clone(engine);
    let opened = tokio::task::spawn_blocking(move || body::open(&reader, hash, size, part)).await;
    let Some((media, bytes)) = opened.map_err(|_| DeskError::Busy)? else {
        return fetching(&api.desk, hash);
    };
    let (from, to) = part.unwrap_or((0, size - 1));
    let status = if part.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    let number = |text: String| HeaderValue::from_str(&text).ok();
    for (name, value) in [
        (header::CONTENT_TYPE, Some(HeaderValue::from_static(media.word()))),
        (header::CONTENT_LENGTH, number((to - from + 1).to_string())),
        (header::ACCEPT_RANGES, Some(HeaderValue::from_static("bytes"))),
        (header::ETAG, number(format!("\"{hash}\""))),
        (header::CONTENT_RANGE, part.and_then(|_| number(format!("bytes {from}-{to}/{size}")))),
        (header::CONTENT_DISPOSITION, Some(HeaderValue::from_static("inline"))),
    ] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Asks for it, and says how far it is.
fn fetching(desk: &Desk, hash: Hash) -> Result<Response, DeskError> {
    let engine = desk.engine();
    engine.scans().want(hash);
    let state = state::of(engine, &engine.snapshot().scans, hash)?;
    if state.word == "damaged" && !state.coming {
        return Err(DeskError::ScanDamaged);
    }
    let body = json!({
        "state": if state.word == "absent" { "fetching" } else { state.word },
        "percent": state.percent,
        "words_vi": state.words().0,
        "words_en": state.words().1,
    });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}
