//! What all acts on a dossier have in common: how they are asked for, carried out and answered.

use super::{Api, Body, dossier_id, request::by_clerk};
use crate::{
    desk::{Asking, Caller, Desk},
    error::DeskError,
    people::who::in_stead_of,
};
use axum::{
    Json, RequestExt,
    extract::{FromRequest, Path, Request},
};
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::Action,
    asked,
    fact::{Act, Fact},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An act that is asked for: `POST /api/v1/dossiers/{id}/...` with a body of `T`, which may say besides
/// who the clerk is.
pub(crate) struct Acting<T> {
    /// On which dossier.
    pub(crate) id: DossierId,
    /// What.
    pub(crate) asked: T,
    /// By whom, and under which key.
    pub(crate) caller: Caller,
}

impl<T: DeserializeOwned> FromRequest<Api> for Acting<T> {
    type Rejection = DeskError;

    async fn from_request(mut request: Request, api: &Api) -> Result<Self, DeskError> {
        let path = request.extract_parts::<Path<BTreeMap<String, String>>>().await;
        let Path(named) = path.map_err(|error| DeskError::Request(error.body_text()))?;
        let id = dossier_id(named.get("id").map_or("", String::as_str))?;
        // The key holds for this act on this dossier, however its id was spelt.
        let act = request.uri().path().splitn(6, '/').nth(5).unwrap_or_default().to_owned();
        let headers = std::mem::take(request.headers_mut());
        let body = Body::from_request(request, api).await?;
        let (asked, caller) = by_clerk(&headers, &format!("dossiers/{id}/{act}"), &body)?;
        Ok(Self { id, asked, caller })
    }
}

impl Api {
    /// Carries out an act that is judged by the dossier's facts, and answers when it is on the disk.
    ///
    /// # Errors
    /// [`DeskError`]
    pub(crate) async fn carry_out(
        &self,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&[Fact], Act) -> Result<Action, DeskError>,
    ) -> Result<Json<Value>, DeskError> {
        let request = caller.request.clone();
        // A duty that a step asks for is judged behind the request's reading.
        let stead = in_stead_of();
        let caller =
            if stead.is_empty() { caller } else { Caller { in_stead_of: stead, ..caller } };
        let done = self.desk.act_after(Vec::new(), id, caller, note, make).await;
        answer(&self.desk, done, request.as_ref()).await
    }
}

pub(crate) async fn answer(
    desk: &Desk,
    done: Result<DossierId, DeskError>,
    request: Option<&Asking>,
) -> Result<Json<Value>, DeskError> {
    match done {
        Ok(id) | Err(DeskError::Repeated(id)) => Ok(Json(brief(desk, id, request).await?)),
        Err(error) => Err(error),
    }
}

/// What every saved action answers with; it is on this machine's disk by then. Under a key it is what
/// the dossier was right behind the act, whenever it is asked for again.
pub(crate) async fn brief(
    desk: &Desk,
    id: DossierId,
    request: Option<&Asking>,
) -> Result<Value, DeskError> {
    let facts = desk.facts_saved(id).await?;
    let acts = || asked::requests(&facts);
    let act = request.and_then(|one| acts().filter(|(_, asked)| asked.key == one.asked.key).last());
    let upto = act.map_or(facts.len(), |(act, _)| facts.partition_point(|fact| fact.id <= act.id));
    let state = motcua_dossier::derive::derive(&facts[..upto]).state;
    Ok(json!({
        "id": id.to_string(),
        "code": motcua_dossier::view::view(&facts).summary.code,
        "state": state.code(),
        "state_vi": state.vi(),
        "state_en": state.en(),
        "saved": true,
    }))
}
