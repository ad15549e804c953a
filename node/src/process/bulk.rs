//! Acts on many dossiers at once: each by itself, each under a key of its own that follows from the
//! caller's, each with its answer. What one refuses stops no other.

use crate::{api::Api, desk::Caller, error::DeskError};
use axum::http::HeaderMap;
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::{Action, ActionError},
    code::Code,
    digits,
    fact::{Act, Fact},
    process::LISTED,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::JoinSet;

/// Acts that are on their way to the disk together: what waits shares one sync.
const TOGETHER: usize = 16;

/// A request that names many dossiers.
#[derive(Clone)]
pub(super) struct Many {
    pub(super) headers: HeaderMap,
    /// Route and body, for the key.
    pub(super) path: &'static str,
    pub(super) said: Value,
    pub(super) clerk: String,
    pub(super) note: String,
}

impl Many {
    /// Who calls, for one of the dossiers.
    pub(super) fn caller(&self, id: DossierId) -> Result<Caller, DeskError> {
        let (path, clerk) = (self.path, self.clerk.clone());
        crate::api::one_of_many(&self.headers, path, &self.said, clerk, &id.to_string())
    }
}

/// What became of one dossier of a request.
#[derive(Debug)]
pub(super) struct Line {
    /// As it was said.
    pub(super) said: String,
    /// Which it is, if that is known.
    pub(super) id: Option<DossierId>,
    /// Why it was not done.
    pub(super) error: Option<DeskError>,
}

impl Line {
    /// As answers write it.
    pub(super) fn told(&self, api: &Api) -> Value {
        let code = self.id.and_then(|id| {
            let facts = api.desk.facts(id).ok()?;
            Some(motcua_dossier::view::view(&facts).summary.code)
        });
        json!({
            "said": self.said,
            "id": self.id.map(|id| id.to_string()),
            "code": code,
            "done": self.error.is_none(),
            "error": self.error.as_ref().map(DeskError::told),
        })
    }
}

/// The dossier that a text means: its id, its code however spelt, or the digits of its bar code.
///
/// # Errors
/// [`DeskError::NoDossier`] when there is none here.
pub(super) fn meant(api: &Api, said: &str) -> Result<DossierId, DeskError> {
    let none = || DeskError::NoDossier(said.chars().take(80).collect());
    if let Ok(id) = said.parse::<DossierId>() {
        return Ok(id);
    }
    let code = digits::read(said).or_else(|| Code::read(said).ok()).ok_or_else(none)?;
    api.desk.holder_of_code(&code)?.ok_or_else(none)
}

/// Dossiers of a request as they were said, in that order, and what is no dossier here.
pub(super) type Meant = (Vec<(String, DossierId)>, Vec<Line>);

/// What texts mean, each dossier once.
///
/// # Errors
/// [`DeskError`] when there is none or there are too many.
pub(super) fn all_meant(
    api: &Api,
    field: &'static str,
    said: &[String],
) -> Result<Meant, DeskError> {
    if said.is_empty() {
        return Err(ActionError::Missing { field }.into());
    }
    if said.len() > LISTED {
        let got = said.len();
        return Err(ActionError::TooMany { field, got, limit: LISTED }.into());
    }
    let (mut known, mut unknown) = (BTreeMap::new(), Vec::new());
    for (place, said) in said.iter().enumerate() {
        match meant(api, said.trim()) {
            Ok(id) => drop(known.entry(id).or_insert((place, said.clone()))),
            Err(error @ DeskError::NoDossier(_)) => {
                let said = said.chars().take(80).collect();
                unknown.push(Line { said, id: None, error: Some(error) });
            }
            Err(error) => return Err(error),
        }
    }
    let mut known: Vec<(usize, String, DossierId)> =
        known.into_iter().map(|(id, (place, said))| (place, said, id)).collect();
    known.sort_by_key(|(place, ..)| *place);
    Ok((known.into_iter().map(|(_, said, id)| (said, id)).collect(), unknown))
}

/// Acts on each; what was done before by the same request is done.
///
/// # Errors
/// [`DeskError`] of a request that cannot be repeated safely: nothing more is done then.
pub(super) async fn each<M>(
    api: &Api,
    many: &Many,
    dossiers: Vec<(String, DossierId)>,
    make: M,
) -> Result<Vec<Line>, DeskError>
where
    M: Fn(&Api, DossierId, &[Fact], Act) -> Result<Action, DeskError> + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let mut lines: BTreeMap<usize, Line> = BTreeMap::new();
    let mut running: JoinSet<(usize, Line)> = JoinSet::new();
    for (place, (said, id)) in dossiers.into_iter().enumerate() {
        if running.len() == TOGETHER {
            lines.extend(running.join_next().await.and_then(Result::ok));
        }
        let caller = many.caller(id)?;
        let (api, note, make) = (api.clone(), many.note.clone(), Arc::clone(&make));
        running.spawn(async move {
            let make = |facts: &[Fact], act| make(&api, id, facts, act);
            let error = match api.desk.act_after(Vec::new(), id, caller, note, make).await {
                Ok(_) | Err(DeskError::Repeated(_)) => None,
                Err(error) => Some(error),
            };
            (place, Line { said, id: Some(id), error })
        });
    }
    while let Some(done) = running.join_next().await {
        lines.extend(done.ok());
    }
    Ok(lines.into_values().collect())
}
