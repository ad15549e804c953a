//! What is known of this office and its machine: its name, the others, its procedures, where its work
//! stands.

use super::{Api, Seek, dossier_id};
use crate::{desk::Desk, error::DeskError, page_words, promise::promise, sync_words::sync_state};
use axum::{Json, Router, extract::State as Extract, response::Response, routing::get};
use motcua_dossier::procedure::Procedure;
use motcua_shell::{clock::Clock, http::Metrics, lan};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/office", get(office))
        .route("/api/v1/offices", get(offices))
        .route("/api/v1/procedures", get(procedures))
        .route("/api/v1/sync", get(sync))
        .route("/api/v1/held", get(held))
        .route("/metrics", get(scrape))
}

pub(crate) async fn office(Extract(desk): Extract<Arc<Desk>>) -> Json<Value> {
    let engine = desk.engine();
    let trust = engine.trust();
    let office = trust.office(engine.me.office);
    let hub = trust.hub_for(engine.me.office).and_then(|hub| trust.office(hub.office));
    Json(json!({
        "office": {
            "id": engine.me.office.to_string(),
            "name": office.map(|office| office.name.as_str()),
            "code": office.map(|office| office.code.as_str()),
        },
        "node": { "id": engine.me.node.to_string() },
        "hub": hub.map(|office| json!({ "name": office.name })),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

pub(crate) async fn offices(Extract(desk): Extract<Arc<Desk>>) -> Json<Value> {
    let engine = desk.engine();
    let trust = engine.trust();
    let all = trust.catalogue().map(|catalogue| catalogue.offices.as_slice()).unwrap_or_default();
    let lines: Vec<Value> = all
        .iter()
        .filter(|office| office.id != engine.me.office)
        .map(|office| {
            let parent = office.parent.and_then(|parent| trust.office(parent));
            json!({
                "id": office.id.to_string(),
                "name": office.name,
                "code": office.code,
                "tier": office.tier.word(),
                "parent_name": parent.map(|parent| parent.name.as_str()),
            })
        })
        .collect();
    Json(json!({ "offices": lines }))
}

pub(crate) async fn procedures(
    Extract(desk): Extract<Arc<Desk>>,
) -> Result<Json<Value>, DeskError> {
    let now = desk.engine().clock().wall();
    let mut lines = Vec::new();
    for procedure in desk.procedures() {
        let Procedure { code, name, sector, term_unit, term } = procedure;
        lines.push(json!({
            "code": code,
            "name": name,
            "sector": sector,
            "term_unit": term_unit,
            "term": term,
            "promise": promise(procedure, now)?,
        }));
    }
    Ok(Json(json!({ "procedures": lines })))
}

async fn sync(Extract(api): Extract<Api>) -> Result<Json<Value>, DeskError> {
    Ok(Json(sync_of(&api)?))
}

/// What the line at the top says.
pub(crate) fn sync_of(api: &Api) -> Result<Value, DeskError> {
    let mut state = sync_state(api.desk.engine())?;
    api.places.tell(&api.desk, &mut state)?;
    if let Some(certificate) = &api.certificate {
        page_words::tell(certificate, api.desk.engine().clock().wall(), &mut state);
    }
    Ok(json!(state))
}

#[derive(Deserialize)]
struct HeldQuery {
    after: Option<String>,
}

async fn held(
    Extract(api): Extract<Api>,
    Seek(query): Seek<HeldQuery>,
) -> Result<Json<Value>, DeskError> {
    let after = query.after.as_deref().map(dossier_id).transpose()?;
    Ok(Json(motcua_shell::odd::list(api.desk.engine(), after)?))
}

async fn scrape(Extract(api): Extract<Api>) -> Result<Response, DeskError> {
    let engine = api.desk.engine();
    let mut state = sync_state(engine)?;
    api.places.tell(&api.desk, &mut state)?;
    let mut out = Metrics::default();
    motcua_shell::measures::collect(engine, &mut out)?;
    for (name, help, value) in [
        ("motcua_unsent_changes", "Own changes that the hub lacks.", state.unsent_changes),
        (
            "motcua_hub_connected",
            "Whether the hub is connected.",
            u64::from(state.link == "connected"),
        ),
    ] {
        out.family(name, "gauge", help).sample(name, &[], value as f64);
    }
    api.courier.metrics(&mut out);
    api.places.metrics(&state, &mut out);
    api.desk.people().metrics(&mut out);
    if let Some(certificate) = &api.certificate {
        lan::collect(certificate, engine.clock().wall(), &mut out);
    }
    Ok(out.response())
}
