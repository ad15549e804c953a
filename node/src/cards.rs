//! The line of an identity card's QR, read for the form. It changes nothing and is kept nowhere.

use crate::{
    api::{Body, read},
    error::DeskError,
};
use axum::{Json, Router, routing::post};
use motcua_dossier::card;
use serde::Deserialize;
use serde_json::{Value, json};

/// The route; it needs neither journal nor state.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/api/v1/cards", post(show))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scanned {
    /// As the scanner typed it.
    text: String,
}

async fn show(body: Body) -> Result<Json<Value>, DeskError> {
    let Scanned { text } = read(&body)?;
    let card = card::read(&text)?;
    let doubts = card.doubts.iter().map(|doubt| {
        let (vi, en) = doubt.words();
        json!({ "vi": vi, "en": en })
    });
    Ok(Json(json!({
        "applicant": {
            "name": card.name,
            "id_number": card.number,
            "birth_date": card.birth,
            "address": card.address,
        },
        "doubts": doubts.collect::<Vec<_>>(),
    })))
}
