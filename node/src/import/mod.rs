//! Old lists in, everything out (design/migration.md): a file is sent and kept, previewed as often as
//! needed, and taken over once a person agrees to just that preview.

mod export;
mod files;
mod preview;
mod run;
mod store;
mod values;

pub(crate) use run::Imports;

use crate::{
    api::{Api, Body, caller, read},
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Query, State as Extract},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use motcua_core::id::Hash;
use motcua_intake::{error::ReadError, limits, mapping::Mapping, record::Choices};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Why nothing was imported or exported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is no list, or not one with these columns.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file was not sent to this machine.
    #[error("no file {0} was sent to this machine")]
    NoFile(String),
    /// What is to be done is not what was agreed to.
    #[error(
        "this is not what was agreed to: file, mapping or choices differ; look at the preview again \
         and agree to {0}"
    )]
    NotAgreed(String),
    /// One import at a time.
    #[error("another import is running; wait for its end")]
    Running,
    /// The disk.
    #[error("the disk says {0}")]
    Io(#[from] std::io::Error),
    /// The list could not be written.
    #[error(transparent)]
    Export(#[from] motcua_intake::export::ExportError),
}

impl ImportError {
    pub(crate) fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Read(ReadError::TooLong) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Read(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_a_list"),
            Self::NoFile(_) => (StatusCode::NOT_FOUND, "no_file"),
            Self::NotAgreed(_) => (StatusCode::CONFLICT, "not_agreed"),
            Self::Running => (StatusCode::CONFLICT, "import_running"),
            Self::Io(_) | Self::Export(_) => (StatusCode::INSUFFICIENT_STORAGE, "not_saved"),
        }
    }

    pub(crate) fn vi(&self) -> String {
        match self {
            Self::Read(error) => error.vi(),
            Self::NoFile(file) => format!("Máy này chưa nhận tệp {file}."),
            Self::NotAgreed(now) => format!(
                "Khác với bản xem trước đã đồng ý (tệp, ánh xạ hoặc lựa chọn đã đổi); hãy xem lại và đồng ý \
                 với {now}."
            ),
            Self::Running => "Đang nhập một danh sách khác; hãy chờ xong.".into(),
            Self::Io(error) => format!("Ổ đĩa báo {error}."),
            Self::Export(error) => format!("Không ghi được danh sách: {error}."),
        }
    }
}

/// The routes.
pub(crate) fn routes() -> Router<Api> {
    let most = DefaultBodyLimit::max(limits::FILE_BYTES as usize);
    Router::new()
        .route("/api/v1/import/files", post(send).layer(most))
        .route("/api/v1/import/preview", post(look))
        .route("/api/v1/import/run", get(progress).post(start))
        .route("/api/v1/export", get(export::give))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
}

/// The body is the file; it is kept as it came.
async fn send(
    Extract(api): Extract<Api>,
    Query(about): Query<About>,
    body: axum::body::Body,
) -> Result<Response, DeskError> {
    let kept = files::take(body, &api.imports, &about.name).await?;
    Ok((StatusCode::CREATED, Json(kept)).into_response())
}

/// What is to be imported, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// SHA-256 of the file, as sending it answered.
    file: String,
    /// A mapping as TOML, JSON in a text, or an object; the usual names of columns without one.
    #[serde(default)]
    mapping: Value,
    /// Proposals that are accepted.
    #[serde(default)]
    accept: Vec<String>,
    /// Hidden rows are taken too.
    #[serde(default)]
    hidden: bool,
    /// For a run: the agreement of the preview.
    #[serde(default)]
    agreed: String,
    /// Who agreed.
    #[serde(default)]
    clerk: String,
    /// For a preview: rows with this verdict only.
    #[serde(default)]
    verdict: String,
    /// For a preview: rows behind this one.
    #[serde(default)]
    after: u32,
    /// For a preview: most rows.
    #[serde(default)]
    limit: Option<usize>,
}

impl Asked {
    fn hash(&self) -> Result<Hash, ImportError> {
        let no_file = || ImportError::NoFile(self.file.chars().take(80).collect());
        self.file.parse().map_err(|_| no_file())
    }

    fn mapping(&self) -> Result<Mapping, ImportError> {
        Ok(match &self.mapping {
            Value::Null => Mapping::default(),
            Value::String(text) => Mapping::read(text)?,
            object => Mapping::read(&object.to_string())?,
        })
    }

    fn choices(&self) -> Choices {
        Choices { accept: self.accept.clone(), hidden: self.hidden }
    }
}

async fn look(Extract(api): Extract<Api>, body: Body) -> Result<Json<Value>, DeskError> {
    let asked: Asked = read(&body)?;
    api.desk.whole()?;
    api.desk.settled().await;
    Ok(Json(preview::look(&api.desk, &api.imports, asked).await?))
}

async fn start(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    let asked: Asked = read(&body)?;
    // A run is repeated by the file itself; a key has nothing to add.
    let clerk = caller(&headers, "/import/run", &body, asked.clerk.clone())?.clerk;
    api.desk.whole()?;
    api.desk.settled().await;
    let begun = run::start(&api.desk, &api.imports, asked, clerk).await?;
    Ok((StatusCode::ACCEPTED, Json(begun)).into_response())
}

async fn progress(Extract(api): Extract<Api>) -> Json<Value> {
    Json(api.imports.progress())
}

/// The desk and the imports of one request, for threads that may block.
type Parts = (Arc<crate::desk::Desk>, Arc<Imports>);
