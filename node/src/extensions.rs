//! An apology with a new date, once, over the API.

use crate::{
    api::{Acting, Api},
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, routing::post};
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
struct Longer {
    /// The new date, Unix milliseconds.
    until: i64,
    /// Why it takes longer.
    note: String,
}

async fn make(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Longer>,
) -> Result<Json<Value>, DeskError> {
    api.carry_out(id, caller, asked.note, |facts, act| Ok(extend(facts, asked.until, act)?)).await
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
