//! Money that is not settled: how much of each kind, and which dossiers.

use crate::{
    api::{Api, Seek},
    error::DeskError,
    views,
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::get,
};
use motcua_dossier::money::MoneyState;
use motcua_shell::{lists::COUNTED, money};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/money", get(sums)).route("/api/v1/money/{state}", get(page))
}

fn named(state: MoneyState) -> Value {
    json!({ "state": state.word(), "state_vi": state.vi(), "state_en": state.en() })
}

async fn sums(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let books = api.desk.engine().books();
    let line = |state: MoneyState| {
        let all = money::to_settle(books, state, COUNTED)?;
        let mut line = named(state);
        line["count"] = all.len().into();
        line["more"] = (all.len() == COUNTED).into();
        line["outstanding"] = all.iter().map(|(_, one)| one.outstanding).sum::<u64>().into();
        line["owed"] = all.iter().map(|(_, one)| one.owed).sum::<u64>().into();
        Ok(line)
    };
    let all: Result<Vec<Value>, DeskError> = money::TO_SETTLE.into_iter().map(line).collect();
    Ok(Json(json!({ "states": all? })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Most dossiers.
    limit: Option<usize>,
}

async fn page(
    Extract(api): Extract<Api>,
    Path(word): Path<String>,
    Seek(asked): Seek<Asked>,
) -> Result<Json<Value>, DeskError> {
    let unknown = || DeskError::Unknown { field: "state", value: word.chars().take(80).collect() };
    let state = money::TO_SETTLE.into_iter().find(|state| state.word() == word);
    let state = state.ok_or_else(unknown)?;
    api.desk.settled().await;
    let limit = asked.limit.unwrap_or(views::PAGE).clamp(1, views::PAGE);
    let found = money::to_settle(api.desk.engine().books(), state, limit)?;
    let lines = views::lines(&api.desk, found.iter().map(|(id, _)| *id))?;
    let sums = found.iter().map(|(id, open)| {
        json!({ "id": id.to_string(), "outstanding": open.outstanding, "owed": open.owed })
    });
    let mut answer = named(state);
    answer["sums"] = sums.collect();
    answer["dossiers"] = lines.into();
    answer["more"] = (found.len() == limit).into();
    Ok(Json(answer))
}
