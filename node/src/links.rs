//! Two dossiers that a person says are one case, or are not, over the API; both speak of it.

use crate::{
    api::{Acting, Api, dossier_id},
    desk::Desk,
    error::DeskError,
    views::office_json,
};
use axum::{Json, Router, extract::State as Extract, routing::post};
use motcua_core::{id::DossierId, trust::TrustView};
use motcua_dossier::{
    fact::Fact,
    links::{Link, keeper, link, links},
    view::view,
};
use motcua_shell::find;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The route.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/dossiers/{id}/links", post(make))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    /// Id of the other dossier.
    other: String,
    /// Whether both are one case.
    same: bool,
    #[serde(default)]
    note: String,
}

async fn make(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Other>,
) -> Result<Json<Value>, DeskError> {
    let other = dossier_id(&asked.other)?;
    if other == id {
        let value = asked.other.chars().take(80).collect();
        return Err(DeskError::Unknown { field: "other", value });
    }
    // Both are here, whichever of them keeps it.
    api.desk.facts_saved(id).await?;
    api.desk.facts_saved(other).await?;
    let (kept, named) = keeper(id, other);
    api.carry_out(kept, caller, asked.note, |facts, act| Ok(link(facts, named, asked.same, act)?))
        .await
}

/// What is said of this dossier and others, wherever it is kept.
///
/// # Errors
/// [`DeskError::Store`] when the state cannot be read.
pub(crate) fn lines(
    desk: &Desk,
    trust: &TrustView,
    id: DossierId,
) -> Result<Vec<Value>, DeskError> {
    let mut lines = Vec::new();
    for other in find::linked(desk.engine().books(), id)? {
        let (kept, named) = keeper(id, other);
        // What left this machine meanwhile is named by its id alone.
        let said = desk.facts(kept).map(|facts| links(&facts)).unwrap_or_default();
        let Some(linked) = said.into_iter().find(|one| one.other == named) else { continue };
        let shown = desk.facts(other).map(|facts| view(&facts).summary).unwrap_or_default();
        let values: Vec<Value> = linked.said.iter().map(|one| value(trust, one)).collect();
        lines.push(json!({
            "id": other.to_string(),
            "code": shown.code,
            "void": shown.void,
            "same": linked.same(),
            "said": values,
        }));
    }
    Ok(lines)
}

fn value(trust: &TrustView, one: &Link) -> Value {
    json!({
        "same": one.same,
        "by": one.act.by,
        "at": one.act.at,
        "office": office_json(trust, &one.act.office),
        "note": one.act.note,
    })
}

/// Dossiers of which a person has said whether they are this one.
///
/// # Errors
/// [`DeskError::Store`] when the state cannot be read.
pub(crate) fn known(desk: &Desk, id: DossierId) -> Result<BTreeSet<DossierId>, DeskError> {
    Ok(find::linked(desk.engine().books(), id)?.into_iter().collect())
}

/// For the history: who, and what in Vietnamese and English.
pub(crate) fn sentence(desk: &Desk, fact: &Fact) -> Option<(String, String, String)> {
    let one: Link = fact.read()?;
    let facts = one.other.parse().ok().and_then(|other| desk.facts(other).ok());
    let code = facts.map(|facts| view(&facts).summary.code).filter(|code| !code.is_empty());
    let other = code.unwrap_or_else(|| one.other.clone());
    let note = format!(" ({})", one.act.note);
    let (vi, en) = match one.same {
        true => ("Cùng một vụ việc với", "The same case as"),
        false => ("Không cùng vụ việc với", "Not the same case as"),
    };
    Some((one.act.by, format!("{vi} {other}{note}"), format!("{en} {other}{note}")))
}
