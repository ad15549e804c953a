//! Corrections over the API: a field that says something else, a conflict settled, either taken back, and a
//! paper that was forgotten; and what a page shows of them.

use crate::{
    api::{Acting, Api},
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, routing::post};
use motcua_dossier::{
    corrections::{
        Corrected, Correction, Field, Say, Value as Said, Wanted, add_paper, correct, corrected,
        correction, values_seen,
    },
    fact::{Fact, Paper},
    local,
    view::View,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/dossiers/{id}/corrections", post(make))
        .route("/api/v1/dossiers/{id}/papers", post(add))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Correcting {
    field: String,
    /// What it is to say; without it a correction is taken back.
    #[serde(default)]
    value: Option<String>,
    /// The correction that is taken back.
    #[serde(default)]
    undo: Option<String>,
    /// The heads that whoever asks has seen.
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn make(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Correcting>,
) -> Result<Json<Value>, DeskError> {
    let say = match (asked.value, asked.undo) {
        (Some(value), None) => Say::Value(value),
        (None, Some(id)) => Say::Undo(id),
        _ => {
            let why = "give a value, or what is to be taken back".to_owned();
            return Err(DeskError::Field { field: "value".into(), why });
        }
    };
    let wanted = Wanted { field: asked.field, say, seen: asked.seen };
    api.carry_out(id, caller, asked.note, |facts, act| Ok(correct(facts, wanted.clone(), act)?))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgotten {
    name: String,
    form: String,
    count: u32,
    #[serde(default)]
    note: String,
}

async fn add(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Forgotten>,
) -> Result<Json<Value>, DeskError> {
    let paper = Paper { name: asked.name, form: asked.form, count: asked.count };
    api.carry_out(id, caller, asked.note, |facts, act| Ok(add_paper(facts, paper.clone(), act)?))
        .await
}

/// What may be corrected, with what it says, what was registered and what a correction builds on.
pub(crate) fn field_lines(facts: &[Fact], shown: &View) -> Vec<Value> {
    let received = shown.summary.received.and_then(local::of_millis).map(|at| at.date());
    let fields = Field::all(facts).into_iter().filter_map(|field| {
        let first = field.first(facts)?;
        let of = shown.corrected.get(&field);
        let (vi, en) = field.names();
        let heads = of.map(|one| one.heads.clone()).unwrap_or_default();
        Some(json!({
            "field": field.to_string(),
            "name_vi": vi,
            "name_en": en,
            "legal": field.is_legal(received),
            "value": of.map_or(&first, |one| &one.shown.text),
            "first": first,
            "conflict": of.is_some_and(Corrected::is_conflict),
            "undo": heads.first().filter(|_| heads.len() == 1),
            "heads": heads,
        }))
    });
    fields.collect()
}

/// What it said before a correction, for the history.
fn before(facts: &[Fact], field: &Field, one: &Correction) -> Vec<Said> {
    match field.word() {
        "papers" => Vec::new(),
        _ => values_seen(facts, field, &one.seen),
    }
}

/// What a correction did, of a dossier with these facts, in Vietnamese and English; with who did it.
pub(crate) fn sentence(facts: &[Fact], fact: &Fact) -> Option<(String, String, String)> {
    let one: Correction = fact.read()?;
    let field = Field::read(&one.field)?;
    let (name_vi, name_en) = field.names();
    let old: Vec<String> =
        before(facts, &field, &one).iter().map(|value| shown(&field, &value.text)).collect();
    let old = old.join(" / ");
    let note = if one.act.note.is_empty() { String::new() } else { format!(" ({})", one.act.note) };
    let by = one.act.by.clone();
    if field.word() == "papers" {
        let value = &one.value;
        return Some((
            by,
            format!("{name_vi}: {value}{note}"),
            format!("{name_en}: {value}{note}"),
        ));
    }
    if let Some(id) = &one.undo {
        let seen = correction(facts, id).map(|taken| taken.seen).unwrap_or_default();
        let back = values_seen(facts, &field, &seen);
        let back: Vec<String> = back.iter().map(|value| shown(&field, &value.text)).collect();
        let back = back.join(" / ");
        let vi = format!("Hoàn tác sửa {name_vi}: “{old}” trở lại “{back}”{note}");
        return Some((by, vi, format!("{name_en} taken back: “{old}” is “{back}” again{note}")));
    }
    let new = shown(&field, &one.value);
    let settles = one.seen.len() > 1;
    let vi = if settles { "Giải quyết xung đột" } else { "Sửa" };
    let en = if settles { "Conflict settled" } else { "Corrected" };
    Some((
        by,
        format!("{vi}, {name_vi}: “{old}” thành “{new}”{note}"),
        format!("{en}, {name_en}: “{old}” became “{new}”{note}"),
    ))
}

/// A value as people read it.
fn shown(field: &Field, text: &str) -> String {
    match field.word() {
        "due" => text.parse().map_or_else(|_| text.to_owned(), crate::views::date_words),
        "request.fee" => text.parse::<u64>().map_or_else(|_| text.to_owned(), dong),
        "applicant.birth_date" => text.split('-').rev().collect::<Vec<_>>().join("/"),
        _ => text.to_owned(),
    }
}

/// Thousands parted as they are here.
pub(crate) fn dong(amount: u64) -> String {
    let digits = amount.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    format!("{out} đồng")
}

/// Fields that say something else now than they did on a printing.
pub(crate) fn since_printed(
    facts: &[Fact],
    id: &str,
    printed: &motcua_dossier::printing::Printed,
) -> Vec<Value> {
    // Most dossiers have none, and looking costs a fold.
    if corrected(facts).is_empty() && !facts.iter().any(is_correction) {
        return Vec::new();
    }
    let fields = motcua_dossier::corrections::since_printed(facts, id, printed);
    let names = fields.iter().map(|field| {
        let (vi, en) = field.names();
        json!({ "field": field.to_string(), "vi": vi, "en": en })
    });
    names.collect()
}

fn is_correction(fact: &Fact) -> bool {
    fact.kind == motcua_dossier::fact::Kind::Correction
}

#[cfg(test)]
mod tests {
    use super::dong;

    #[test]
    fn thousands_are_parted_from_behind() {
        let said = [0, 999, 1_000, 50_000, 1_234_567].map(dong);
        assert_eq!(said, ["0 đồng", "999 đồng", "1.000 đồng", "50.000 đồng", "1.234.567 đồng"]);
    }
}
