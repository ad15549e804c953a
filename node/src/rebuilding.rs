//! The node while its state is brought up to the journal, which takes minutes where it was lost. The
//! counter registers and prints; what is there already can be read, with the word that it may not be all;
//! whatever would act on a dossier, or say that there is none, says how far it is instead.

use crate::{
    api::{self, Body},
    desk::Desk,
    error::DeskError,
    sync_words,
    views::{self, ListQuery},
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State as Extract},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::get,
};
use motcua_shell::{
    gate,
    http::{self, Metrics},
    startup::Startup,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Routes for as long as that takes.
pub(crate) fn router(desk: &Arc<Desk>, startup: &Startup) -> Router {
    let told = startup.clone();
    http::files(api::PAGE)
        .merge(gate::health(startup))
        .route("/api/v1/office", get(api::office))
        .route("/api/v1/offices", get(api::offices))
        .route("/api/v1/procedures", get(api::procedures))
        .route("/api/v1/sync", get(sync))
        .route("/api/v1/dossiers", get(list).post(register))
        .route("/api/v1/dossiers/{id}", get(show))
        .merge(crate::drafts::routes::routes())
        .merge(crate::cards::routes())
        .merge(crate::people::early_routes())
        .route("/metrics", get(scrape))
        .fallback(
            move || async move { DeskError::Rebuilding(Box::new(told.view())).into_response() },
        )
        .layer(DefaultBodyLimit::max(api::BODY_BYTES))
        .with_state(Arc::clone(desk))
}

async fn sync(Extract(desk): Extract<Arc<Desk>>) -> Result<Json<Value>, DeskError> {
    Ok(Json(json!(sync_words::sync_state(desk.engine())?)))
}

async fn register(
    Extract(desk): Extract<Arc<Desk>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    api::register_at(&desk, &headers, &body).await
}

async fn list(
    Extract(desk): Extract<Arc<Desk>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>, DeskError> {
    let mut list = views::list(&desk, &query)?;
    list["start"] = json!(desk.engine().startup().view());
    Ok(Json(list))
}

async fn show(
    Extract(desk): Extract<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let id = api::dossier_id(&id)?;
    let view = desk.engine().startup().view();
    let mut shown = match desk.is_fresh(id) {
        // Registered just now: all of it is in memory.
        true => views::fresh(&desk, id)?,
        false => match views::dossier(&desk, id) {
            Err(DeskError::NoDossier(_)) => return Err(DeskError::Rebuilding(Box::new(view))),
            shown => shown?,
        },
    };
    // What came later may be missing: nobody is invited to build on it.
    shown["allowed"] = json!([]);
    shown["can_take"] = json!(false);
    shown["start"] = json!(view);
    Ok(Json(shown))
}

async fn scrape(Extract(desk): Extract<Arc<Desk>>) -> Response {
    let mut out = Metrics::default();
    gate::collect(desk.engine().startup(), &mut out);
    out.response()
}
