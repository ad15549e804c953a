//! An apology with a new date, once, over the API.

use crate::{
    api::{self, Api, Body},
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    http::HeaderMap,
    routing::post,
};
use motcua_dossier::{
    fact::Fact,
    steps::{extend, faults},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The route.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/dossiers/{id}/extensions", post(make))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtensionBody {
    /// The new date, Unix milliseconds.
    until: i64,
    /// Why it takes longer.
    note: String,
    #[serde(default)]
    clerk: String,
}

async fn make(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (api::dossier_id(&id)?, api::read::<ExtensionBody>(&body)?);
    let caller = api::caller(&headers, &format!("dossiers/{id}/extensions"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let make = |facts: &[Fact], act| Ok(extend(facts, asked.until, act)?);
    let done = api.desk.act_after(Vec::new(), id, caller, asked.note, make);
    api::answer(&api, done.await, request.as_ref()).await
}

/// What is wrong with the acts of a dossier that came from elsewhere, by the id of the fact.
pub(crate) fn flags(facts: &[Fact]) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (id, fault) in faults(facts) {
        let (vi, en) = fault.words();
        all.entry(id).or_default().push(json!({ "vi": vi, "en": en }));
    }
    all
}
