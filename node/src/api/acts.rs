//! Acts on a dossier: a step, a hand-over, a note, an office taken out, work done again.

use super::{Acting, Api, dossier_id};
use crate::{
    error::DeskError,
    people::{PeopleError, who},
};
use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    routing::{get, post},
};
use motcua_dossier::{
    action::{self, Circumstances},
    derive::derive,
    due::Model,
    people::Duty,
    state::State,
};
use serde::Deserialize;
use serde_json::Value;

/// The routes.
pub(super) fn routes() -> Router<Api> {
    let of = |act: &str| format!("/api/v1/dossiers/{{id}}/{act}");
    Router::new()
        .route(&of("moves"), post(move_to))
        .route(&of("forwards"), post(forward))
        .route(&of("taken"), post(take))
        .route(&of("withdrawals"), post(withdraw))
        .route(&of("notes"), post(note))
        .route(&of("redo"), get(redo_list).post(redo))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    to: u8,
    /// What the pause that begins with it does.
    #[serde(default)]
    pause: Option<String>,
    /// When it happened, where that is not now.
    #[serde(default)]
    happened: Option<i64>,
    /// Who collected the result.
    #[serde(default)]
    collector: String,
    #[serde(default)]
    note: String,
}

async fn move_to(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Move>,
) -> Result<Json<Value>, DeskError> {
    let unknown = || DeskError::Unknown { field: "to", value: asked.to.to_string() };
    let to = State::from_code(asked.to).ok_or_else(unknown)?;
    who::may(Duty::of_step(to)).map_err(PeopleError::Role)?;
    let pause = asked.pause.map(|word| {
        let unknown =
            || DeskError::Unknown { field: "pause", value: word.chars().take(80).collect() };
        Model::from_word(&word).ok_or_else(unknown)
    });
    let (happened, collector) = (asked.happened, asked.collector);
    let circumstances = Circumstances { pause: pause.transpose()?, happened, collector };
    api.carry_out(id, caller, asked.note, |facts, act| {
        Ok(action::move_under(facts, to, circumstances.clone(), act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForwardTo {
    office: String,
    #[serde(default)]
    note: String,
}

async fn forward(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<ForwardTo>,
) -> Result<Json<Value>, DeskError> {
    let (from, to) = (api.desk.engine().me.office, api.desk.office(&asked.office)?);
    api.carry_out(id, caller, asked.note, |facts, act| Ok(action::hand_on(facts, from, to, act)?))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Take {
    #[serde(default)]
    note: String,
}

async fn take(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Take>,
) -> Result<Json<Value>, DeskError> {
    let office = api.desk.engine().me.office;
    api.carry_out(id, caller, asked.note, |facts, act| {
        Ok(action::take(&derive(facts), office, act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    office: String,
    reason: String,
}

/// Takes an office out of a dossier: nothing more is delivered to it, and it purges what it holds.
async fn withdraw(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Withdrawal>,
) -> Result<Json<Value>, DeskError> {
    let office = api.desk.office(&asked.office)?;
    let roles = api.desk.roles(id, office)?;
    let name = api.desk.engine().trust().office(office).map(|office| office.name.clone());
    let name = name.unwrap_or_else(|| office.to_string());
    api.carry_out(id, caller, String::new(), |_, act| {
        Ok(action::withdraw(&name, office, &roles, &asked.reason, act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

async fn note(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Note>,
) -> Result<Json<Value>, DeskError> {
    api.carry_out(id, caller, String::new(), |_, act| Ok(action::note(asked.text.clone(), act)?))
        .await
}

async fn redo_list(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    Ok(Json(crate::redo::list(&api.desk, dossier_id(&id)?).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redo {}

async fn redo(
    Extract(api): Extract<Api>,
    Acting { id, caller, .. }: Acting<Redo>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    Ok(Json(crate::redo::run(&api.desk, id, caller).await?))
}
