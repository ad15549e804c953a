//! Money at the counter over the API: what is demanded, taken and given back, what a day's cash is, and which money
//! is not settled yet. design/money.md has the rules.

mod acts;
mod cash;
mod lists;
mod numbers;
pub(crate) mod show;

use crate::{
    api::{Api, Seek},
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, routing::get};
use motcua_dossier::money::{cash::day_of, tariff};
use motcua_shell::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/fees", get(fees))
        .merge(acts::routes())
        .merge(cash::routes())
        .merge(lists::routes())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    procedure: String,
}

/// What a procedure costs that is received now, and for which reasons it may be less.
async fn fees(
    Extract(api): Extract<Api>,
    Seek(asked): Seek<Asked>,
) -> Result<Json<Value>, DeskError> {
    let today = day_of(api.desk.engine().clock().wall().0).unwrap_or_default();
    let line = |one: &&tariff::Tariff| {
        json!({
            "what": one.what,
            "name": one.name,
            "amount": one.amount,
            "unit": one.unit,
            "basis": one.basis,
        })
    };
    let reduction = |one: &&tariff::Reduction| {
        json!({
            "code": one.code,
            "percent": one.percent,
            "vi": one.vi,
            "en": one.en,
            "basis": one.basis,
        })
    };
    Ok(Json(json!({
        "procedure": asked.procedure.chars().take(80).collect::<String>(),
        "lines": tariff::tariffs(&asked.procedure, today).iter().map(line).collect::<Vec<_>>(),
        "reductions": tariff::reductions(today).iter().map(reduction).collect::<Vec<_>>(),
    })))
}
