//! The folder that the office's scanner writes to: what lies in it, and how a clerk attaches it to a dossier. See
//! design/scans.md. A file is moved only after it stands durably in the dossier, and known again by its content, so
//! that a crash between the two costs nothing and doubles nothing.

mod attach;
mod disk;
mod judge;
mod limits;
mod watch;

pub(crate) use watch::Watch;

use crate::{
    api::{self, Api},
    desk::Desk,
    drafts::draft::Phase,
    error::DeskError,
    scans::body::Outgoing,
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State as Extract},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use judge::Verdict;
use motcua_core::{id::DossierId, scan};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs::File, io, sync::Arc};
use tokio::sync::mpsc::{Sender, channel};
use watch::{Seen, Trouble};

/// Frames of a preview that wait for the browser.
const WAITING: usize = 4;
/// Bytes of a frame.
const FRAME: usize = 64 * 1024;

/// Routes of the scanner's folder.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/scan-folder", get(show))
        .route("/api/v1/scan-folder/files/{file}", get(give))
        .route("/api/v1/scan-folder/attached", post(attach::attach))
}

/// A file was not attached, or there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The settings name none.
    #[error("no folder of the scanner is set on this machine: [scan_folder] in node.toml")]
    NotSet,
    /// It is not there as it was shown.
    #[error(
        "this file is not there any more as it was shown: it was attached, moved or written anew; \
         look at the list again"
    )]
    Gone,
    /// It cannot be attached, or not yet.
    #[error("{name}: {}", .verdict.1)]
    Unfit {
        /// Name as shown.
        name: String,
        /// Why, in Vietnamese and English.
        verdict: (&'static str, &'static str),
    },
    /// The share stopped answering.
    #[error("the folder of the scanner does not answer; nothing was attached: look at the share")]
    Silent,
}

impl FolderError {
    /// Status and code of the answer.
    pub(crate) fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotSet => (StatusCode::CONFLICT, "no_scan_folder"),
            Self::Gone => (StatusCode::NOT_FOUND, "no_file"),
            Self::Unfit { .. } => (StatusCode::CONFLICT, "unfit"),
            Self::Silent => (StatusCode::SERVICE_UNAVAILABLE, "silent"),
        }
    }

    /// The same in Vietnamese.
    pub(crate) fn vi(&self) -> String {
        match self {
            Self::NotSet => {
                "Máy này chưa đặt thư mục máy quét: mục [scan_folder] trong node.toml.".into()
            }
            Self::Gone => {
                "Tệp không còn như lúc hiện ra: đã được đính kèm, chuyển đi hoặc ghi lại; \
                           hãy xem lại danh sách."
                    .into()
            }
            Self::Unfit { name, verdict } => format!("{name}: {}.", verdict.0),
            Self::Silent => {
                "Thư mục máy quét không trả lời; chưa đính kèm gì: hãy xem lại ổ chia sẻ.".into()
            }
        }
    }
}

fn folder(api: &Api) -> Result<&Arc<Watch>, DeskError> {
    Ok(api.scan_folder.as_ref().ok_or(FolderError::NotSet)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct For {
    #[serde(default)]
    dossier: Option<String>,
}

async fn show(
    Extract(api): Extract<Api>,
    api::Seek(asked): api::Seek<For>,
) -> Result<Json<Value>, DeskError> {
    let Some(watch) = &api.scan_folder else {
        return Ok(Json(json!({ "state": "not_set", "files": [] })));
    };
    let sight = watch.look().await;
    api.desk.settled().await;
    let wished = match &asked.dossier {
        Some(id) => Wished::of(&api.desk, api::dossier_id(id)?)?,
        None => Wished::default(),
    };
    let mut lines = Vec::new();
    for seen in &sight.files {
        lines.push(wished.line(&api.desk, seen)?);
    }
    // A stable sort: those offered for this dossier first, the newest first among each.
    lines.sort_by_key(|line| line["offered"].is_null());
    let (state, vi, en) = words(sight.trouble.as_ref());
    Ok(Json(json!({
        "state": state,
        "words_vi": vi,
        "words_en": en,
        "path": watch.dir().display().to_string(),
        "can_write": sight.can_write,
        "total": sight.total,
        "more": sight.is_more || sight.files.len() < sight.total,
        "files": lines,
    })))
}

fn words(trouble: Option<&Trouble>) -> (&'static str, String, String) {
    let said = |vi: &str, en: &str| (vi.to_owned(), en.to_owned());
    let (state, (vi, en)) = match trouble {
        None => ("ok", said("Thư mục máy quét đang dùng được", "The scanner's folder can be used")),
        Some(Trouble::Missing) => (
            "missing",
            said(
                "Không thấy thư mục máy quét: ổ chia sẻ chưa nối, hoặc đường dẫn sai. Tự dùng lại khi thư mục có lại.",
                "The scanner's folder is not there: the share is not mounted, or the path is wrong. It is used \
                 again by itself when it is back.",
            ),
        ),
        Some(Trouble::Denied) => (
            "denied",
            said(
                "Máy không có quyền đọc thư mục máy quét: báo người quản trị.",
                "This machine may not read the scanner's folder: tell the administrator.",
            ),
        ),
        Some(Trouble::Silent) => (
            "silent",
            said(
                "Thư mục máy quét không trả lời: ổ chia sẻ hoặc mạng đang treo. Mọi việc khác vẫn làm được.",
                "The scanner's folder does not answer: the share or its network hangs. Everything else works.",
            ),
        ),
        Some(Trouble::Failed(why)) => (
            "failed",
            (
                format!("Không đọc được thư mục máy quét: {why}."),
                format!("The scanner's folder cannot be read: {why}."),
            ),
        ),
    };
    (state, vi, en)
}

/// Which files are offered for a dossier.
#[derive(Default)]
struct Wished {
    code: String,
    /// Chosen while it was typed.
    chosen: BTreeSet<String>,
}

impl Wished {
    fn of(desk: &Desk, id: DossierId) -> Result<Self, DeskError> {
        let code = motcua_dossier::view::view(&desk.facts(id)?).summary.code;
        let text = id.to_string();
        let mut chosen = BTreeSet::new();
        for draft in desk.drafts().list() {
            if matches!(&draft.phase, Phase::Registered { dossier, .. } if *dossier == text) {
                let chose = |(field, all): (&String, &Vec<crate::drafts::draft::Typed>)| {
                    let is_chosen = all.iter().any(|typed| !typed.value.is_empty());
                    field.strip_prefix("scan.").filter(|_| is_chosen).map(str::to_owned)
                };
                chosen.extend(draft.fields.iter().filter_map(chose));
            }
        }
        Ok(Self { code, chosen })
    }

    fn line(&self, desk: &Desk, seen: &Seen) -> Result<Value, DeskError> {
        let offered = match () {
            () if seen.verdict.media().is_none() => None,
            () if self.chosen.contains(&seen.id) => Some("draft"),
            () if judge::names(&seen.entry.name, &self.code) => Some("name"),
            () => None,
        };
        let mut attached = Vec::new();
        if let Some(hash) = seen.hash {
            for (dossier, _) in scan::dossiers_of(desk.engine().books(), hash)? {
                let code = match desk.facts(dossier) {
                    Ok(facts) => motcua_dossier::view::view(&facts).summary.code,
                    Err(_) => String::new(),
                };
                attached.push(json!({ "id": dossier.to_string(), "code": code }));
            }
        }
        let stamp = seen.entry.stamp;
        let (vi, en) = seen.verdict.words();
        Ok(json!({
            "id": seen.id,
            "name": judge::shown(&seen.entry.name),
            "size": stamp.size,
            "at": stamp.seconds.saturating_mul(1_000).saturating_add(stamp.nanos / 1_000_000),
            "state": seen.verdict.word(),
            "media": seen.verdict.media().map(scan::Media::word),
            "words_vi": vi,
            "words_en": en,
            "offered": offered,
            "attached": attached,
        }))
    }
}

/// A file before it is attached. It is in no dossier yet; who looked is written down all the same.
async fn give(Extract(api): Extract<Api>, Path(id): Path<String>) -> Result<Response, DeskError> {
    let watch = folder(&api)?;
    let seen = watch.find(&id).await.ok_or(FolderError::Gone)?;
    let name = judge::shown(&seen.entry.name);
    let (Some(media), size) = (seen.verdict.media(), seen.entry.stamp.size) else {
        return Err(unfit(&seen).into());
    };
    let dir = watch.dir().to_owned();
    let opened = tokio::task::spawn_blocking(move || disk::open(&dir, &seen.entry));
    let opened =
        tokio::time::timeout(limits::PATIENCE, opened).await.map_err(|_| FolderError::Silent)?;
    let file = opened.map_err(|_| DeskError::Busy)?.map_err(|_| FolderError::Gone)?;
    crate::people::saw_file(&api.desk, &name);
    let (send, frames) = channel(WAITING);
    tokio::task::spawn_blocking(move || send_out(&file, size, &send));
    let mut response = Body::new(Outgoing(frames)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.word()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

fn send_out(file: &File, size: u64, send: &Sender<io::Result<Bytes>>) {
    let mut at = 0;
    while at < size {
        let mut frame = vec![0; FRAME.min(usize::try_from(size - at).unwrap_or(FRAME))];
        let got = match disk::read_at(file, &mut frame, at) {
            // The length was said before, so the reader sees that this is not all of it.
            Ok(0) => Err(io::Error::other("the file was cut meanwhile")),
            got => got,
        };
        let is_over = got.is_err();
        let sent = send.blocking_send(got.map(|got| {
            frame.truncate(got);
            at += got as u64;
            Bytes::from(frame)
        }));
        if is_over || sent.is_err() {
            return;
        }
    }
}

fn unfit(seen: &Seen) -> FolderError {
    FolderError::Unfit {
        name: judge::shown(&seen.entry.name),
        verdict: Verdict::words(seen.verdict),
    }
}
