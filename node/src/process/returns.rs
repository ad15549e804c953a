//! Results given back to many citizens at once, with who collected each.

use super::bulk::{Many, all_meant, each};
use crate::{
    api::{self, Api, Body},
    error::DeskError,
    people::{PeopleError, who},
};
use axum::{Json, Router, extract::State as Extract, http::HeaderMap, routing::post};
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::{ActionError, Circumstances, move_under},
    people::Duty,
    state::State,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The route.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/returns", post(give_back))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Return {
    results: Vec<OneResult>,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneResult {
    /// Id, code or digits of the bar code.
    dossier: String,
    /// Who collected it.
    collector: String,
}

async fn give_back(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller) = api::by_clerk::<Return>(&headers, "returns", &body)?;
    if asked.results.iter().any(|one| one.collector.trim().is_empty()) {
        return Err(ActionError::Missing { field: "collector" }.into());
    }
    // Judged here: who asks is not known to the tasks that act on each.
    who::may(Duty::Return).map_err(PeopleError::Role)?;
    api.desk.settled().await;
    let said: Vec<String> = asked.results.iter().map(|one| one.dossier.clone()).collect();
    let (known, unknown) = all_meant(&api, "results", &said)?;
    let named: BTreeMap<&str, &str> =
        asked.results.iter().map(|one| (one.dossier.as_str(), one.collector.as_str())).collect();
    let collectors: BTreeMap<DossierId, String> = known
        .iter()
        .map(|(said, id)| (*id, named.get(said.as_str()).copied().unwrap_or_default().to_owned()))
        .collect();
    let said = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let many = Many { headers, path: "returns", said, clerk: caller.clerk, note: asked.note };
    let lines = each(&api, &many, known, move |_, id, facts, act| {
        let collector = collectors.get(&id).cloned().unwrap_or_default();
        let circumstances = Circumstances { collector, ..Circumstances::default() };
        Ok(move_under(facts, State::Returned, circumstances, act)?)
    });
    let lines: Vec<_> = lines.await?.into_iter().chain(unknown).collect();
    let done = lines.iter().filter(|line| line.error.is_none()).count();
    let lines: Vec<Value> = lines.iter().map(|line| line.told(&api)).collect();
    Ok(Json(json!({ "returned": done, "dossiers": lines })))
}
