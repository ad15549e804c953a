//! Hand-overs inside the office over the API: given, taken, not taken; sections and whom to phone; many at
//! once on paper lists.

mod bulk;
pub(crate) mod hand_lists;
pub(crate) mod office;
mod returns;
pub(crate) mod show;
mod stood;

use crate::{
    api::{Acting, Api},
    desk::Desk,
    error::DeskError,
};
use axum::{
    Json, Router,
    extract::State as Extract,
    routing::{get, post},
};
use motcua_dossier::{
    action::Action,
    derive::derive,
    fact::{Act, Fact},
    process::{self, Addressee},
    view::view,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/sections", get(sections))
        .route("/api/v1/dossiers/{id}/passes", post(give))
        .route("/api/v1/dossiers/{id}/passes/taken", post(take))
        .route("/api/v1/dossiers/{id}/passes/refused", post(refuse))
        .merge(hand_lists::routes())
        .merge(returns::routes())
        .merge(stood::routes())
}

async fn sections(Extract(desk): Extract<Arc<Desk>>) -> Json<Value> {
    let office = show::own_code(&desk);
    let phone = |section: &str| desk.office_data().telephones.of(&office, section);
    let all = desk.office_data().processes.sections();
    let lines: Vec<Value> = all
        .into_iter()
        .map(|one| json!({ "id": one.id, "name": one.name, "phone": phone(&one.id) }))
        .collect();
    Json(json!({ "sections": lines }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Give {
    /// Id of a section.
    #[serde(default)]
    section: String,
    /// Who is to take it.
    #[serde(default)]
    person: String,
    /// Step of the process; found by the section where it is not said.
    #[serde(default)]
    step: Option<u32>,
    #[serde(default)]
    note: String,
}

async fn give(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Give>,
) -> Result<Json<Value>, DeskError> {
    let Give { section, person, step, note } = asked;
    let to = Wanted { section, person, step };
    api.carry_out(id, caller, note, |facts, act| to.pass(&api.desk, facts, String::new(), act))
        .await
}

/// To whom a dossier is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) section: String,
    pub(crate) person: String,
    pub(crate) step: Option<u32>,
}

impl Wanted {
    /// The pass of a dossier with these facts, on a paper list if one is named.
    pub(crate) fn pass(
        &self,
        desk: &Desk,
        facts: &[Fact],
        list: String,
        act: Act,
    ) -> Result<Action, DeskError> {
        motcua_dossier::void::in_force(facts)?;
        let shown = view(facts);
        let office = desk.office_data();
        let known = office.processes.sections();
        let section = known.iter().find(|one| one.id == self.section);
        if section.is_none() && !self.section.is_empty() {
            let value = self.section.chars().take(80).collect();
            return Err(DeskError::Unknown { field: "section", value });
        }
        let process = show::process_of(desk, &shown);
        let stage = match self.step {
            Some(step) => {
                let found = process.and_then(|process| process.stage(step));
                let unknown = || DeskError::Unknown { field: "step", value: step.to_string() };
                Some(found.filter(|_| step > 0).ok_or_else(unknown)?)
            }
            None => show::next_at(process, show::step_now(desk, &shown), &self.section),
        };
        let phone = office.telephones.of(&show::own_code(desk), &self.section);
        let to = Addressee {
            section: self.section.clone(),
            section_name: section.map(|one| one.name.clone()).unwrap_or_default(),
            phone: phone.unwrap_or_default().to_owned(),
            person: self.person.clone(),
            step: stage.map_or(0, |stage| stage.number),
            minutes: stage.and_then(|stage| stage.minutes),
            list,
        };
        Ok(process::pass(&shown.derived, to, act)?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    note: String,
}

async fn take(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Answer>,
) -> Result<Json<Value>, DeskError> {
    let make = |facts: &[Fact], act| Ok(process::take_pass(&derive(facts), act)?);
    api.carry_out(id, caller, asked.note, make).await
}

async fn refuse(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Answer>,
) -> Result<Json<Value>, DeskError> {
    let make = |facts: &[Fact], act| Ok(process::refuse_pass(&derive(facts), act)?);
    api.carry_out(id, caller, asked.note, make).await
}
