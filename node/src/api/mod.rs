//! Page and JSON API of the node. Routes under `/api/v1`, described whole in `openapi.json`:
//!
//! - `GET /office`, `/offices`, `/procedures`, `/sync`, `/openapi.json`
//! - `GET /verify` and `POST /verify`
//! - `POST /dossiers`, `GET /dossiers`, `GET /dossiers/{id}`
//! - `GET /lists`, `GET /lists/{list}`: working lists
//! - `POST` and `GET /dossiers/{id}/attachments`, `GET /dossiers/{id}/attachments/{scan}`,
//!   `GET /scans/damaged`
//! - `GET /scan-folder`, `GET /scan-folder/files/{file}`, `POST /scan-folder/attached`: see [`crate::scan_folder`]
//! - `POST /dossiers/{id}/passes`, `/passes/taken`, `/passes/refused`, `GET /sections`: inside the office
//! - `POST /hand-lists`, `GET /hand-lists/{number}`, `/sheet`, `POST .../taken`, `/returns`, `GET /scanned`: many at once
//! - `POST /dossiers/{id}/moves`, `/forwards`, `/taken`, `/notes`, `/extensions`, `/withdrawals`,
//!   `/redo`
//! - `POST /cards`: the line of an identity card, see [`crate::cards`]
//! - `POST /dossiers/{id}/corrections`, `/papers`: see [`crate::corrections`]
//! - `POST /dossiers/{id}/voids`, `/links`: see [`crate::voids`] and [`crate::links`]
//! - `POST /dossiers/{id}/demands`, `/payments`, `/cancellations`, `/refunds`, `/settlements`, `GET /fees`, `/money`,
//!   `/money/{state}`, `GET` and `POST /cash`: see [`crate::money`]
//! - `GET /dossiers/{id}/forms/{form}`, `POST /dossiers/{id}/forms/{form}/printings`,
//!   `GET /register`
//! - `GET /events`: server-sent events; `GET` and `POST /numbers`: where today's codes go on
//! - `GET` and `POST /emergency`, `/emergency/entries`, `/emergency/{block}/printings`, `/unused`, `/sheet`: codes on
//!   paper, see [`crate::emergency`]
//! - `/drafts`: see [`crate::drafts::routes`]
//! - `POST /import/files`, `/import/preview`, `GET` and `POST /import/run`, `GET /export`: lists, see
//!   [`crate::import`]
//! - `GET /bundle`, `POST /bundle`: bundle files, see [`motcua_shell::carry`]
//!
//! beside them `GET /` (the page), `/healthz`, `/readyz`, `/metrics`. Every POST may carry an
//! `Idempotency-Key`; repeated with the same body it gives the same answer.

mod acting;
mod acts;
mod dossiers;
mod office;
mod page;
mod request;

pub(crate) use acting::{Acting, brief};
pub(crate) use dossiers::{key_of_draft, register_at};
pub(crate) use office::{office, offices, procedures, sync_of};
pub(crate) use page::PAGE;
pub(crate) use request::{
    BODY_BYTES, Body, Seek, asking, by_clerk, caller, dossier_id, keyed, one_of_many, read,
};

use crate::{
    desk::Desk, drafts, events, extensions, import::Imports, lists, numbers, places::Places, scans,
};
use axum::{Json, Router, extract::DefaultBodyLimit, routing::get};
use motcua_shell::{
    carry::Courier,
    http,
    lan::PageCertificate,
    shutdown::{Readiness, Stop},
    startup::Startup,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the routes work on.
#[derive(Clone)]
pub struct Api {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Whether the node is ready.
    pub ready: Readiness,
    /// Writes and takes in bundles.
    pub courier: Arc<Courier>,
    /// Where this machine's own work stands.
    pub places: Arc<Places>,
    /// What browsers on the network are shown, if they are served.
    pub certificate: Option<Arc<PageCertificate>>,
    /// Lists on their way in.
    pub(crate) imports: Arc<Imports>,
    /// Where the office's scanner writes.
    pub(crate) scan_folder: Option<Arc<crate::scan_folder::Watch>>,
    /// Streams that may still be opened.
    pub streams: Arc<Semaphore>,
    /// The wish to stop: streams end by it.
    pub stop: Stop,
}

impl axum::extract::FromRef<Api> for Arc<Desk> {
    fn from_ref(api: &Api) -> Self {
        Self::clone(&api.desk)
    }
}

/// What is said before journal and state are open: the page, and in its line what is being done.
pub fn starting(startup: &Startup) -> Router {
    let told = startup.clone();
    let sync = move || async move { Json(crate::sync_words::starting(&told)) };
    motcua_shell::gate::starting(startup, PAGE).route("/api/v1/sync", get(sync))
}

/// All routes.
pub fn router(api: Api) -> Router {
    let health = http::health(api.desk.engine(), api.ready.clone());
    http::files(PAGE)
        .merge(health)
        .merge(motcua_shell::verify::route(Arc::clone(api.desk.engine())))
        .merge(office::routes())
        .merge(dossiers::routes())
        .merge(acts::routes())
        .merge(events::routes())
        .merge(numbers::routes())
        .merge(scans::routes())
        .merge(crate::scan_folder::routes())
        .merge(lists::routes())
        .merge(crate::forms::routes())
        .merge(drafts::routes::routes())
        .merge(crate::import::routes())
        .merge(extensions::routes())
        .merge(crate::cards::routes())
        .merge(crate::corrections::routes())
        .merge(crate::people::routes())
        .merge(crate::process::routes())
        .merge(crate::emergency::routes())
        .merge(crate::voids::routes())
        .merge(crate::links::routes())
        .merge(crate::money::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(api)
}
