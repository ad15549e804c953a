//! A wrong registration voided, or said to stand after all, over the API.

use crate::{
    api::{Acting, Api},
    error::DeskError,
    people::who::{asks, may},
    views::office_json,
};
use axum::{Json, Router, extract::State as Extract, routing::post};
use motcua_core::trust::TrustView;
use motcua_dossier::{
    fact::{Fact, Kind},
    people::Duty,
    void::{Standing, Void, may_void, revive, void},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The route.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/dossiers/{id}/voids", post(make))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    /// Whether it is void, or is not after all.
    stands: bool,
    #[serde(default)]
    leader: String,
    #[serde(default)]
    note: String,
}

async fn make(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Wrong>,
) -> Result<Json<Value>, DeskError> {
    let leader = agreed(asked.leader);
    api.carry_out(id, caller, asked.note, |facts, act| {
        Ok(match asked.stands {
            true => void(facts, leader.clone(), act)?,
            false => revive(facts, act)?,
        })
    })
    .await
}

/// The leader who agrees: whoever was typed while the office has no accounts, and with accounts who asks,
/// if that is one.
fn agreed(typed: String) -> String {
    match (asks(), may(Duty::Direct)) {
        (None, _) => typed,
        (Some(who), Ok(())) => who.name,
        (Some(_), Err(_)) => String::new(),
    }
}

/// Whether who asks may void the dossier now: `no`, `yes`, or `leader` where one must be named.
pub(crate) fn allowed(facts: &[Fact], office: &str, now: i64) -> &'static str {
    match (may_void(facts, office, now), asks()) {
        (Err(_), _) => "no",
        (Ok(false), _) => "yes",
        (Ok(true), None) => "leader",
        (Ok(true), Some(_)) if may(Duty::Direct).is_ok() => "yes",
        (Ok(true), Some(_)) => "no",
    }
}

/// By whom it is void; null where it is not.
pub(crate) fn line(trust: &TrustView, standing: &Standing) -> Value {
    match standing {
        Standing::Void(one) => said(trust, one),
        Standing::Valid | Standing::Contested(_) => Value::Null,
    }
}

fn said(trust: &TrustView, one: &Void) -> Value {
    json!({
        "by": one.act.by,
        "at": one.act.at,
        "office": office_json(trust, &one.act.office),
        "leader": one.leader,
        "note": one.act.note,
    })
}

/// What is said of it in a conflict.
pub(crate) fn values(trust: &TrustView, all: &[Void]) -> Vec<Value> {
    let values = all.iter().map(|one| {
        let (vi, en) = match one.stands {
            true => ("Hủy đăng ký", "Void"),
            false => ("Không hủy", "Not void"),
        };
        let mut line = said(trust, one);
        if let Value::Object(line) = &mut line {
            line.remove("leader");
            line.insert("text".into(), vi.into());
            line.insert("text_en".into(), en.into());
            line.insert("state".into(), Value::Null);
        }
        line
    });
    values.collect()
}

/// For the history: who, and what in Vietnamese and English.
pub(crate) fn sentence(fact: &Fact) -> Option<(String, String, String)> {
    if fact.kind != Kind::Void {
        return None;
    }
    let one: Void = fact.read()?;
    let (note, by) = (format!(" ({})", one.act.note), one.act.by.clone());
    if !one.stands {
        let vi = format!("Không hủy đăng ký{note}");
        return Some((by, vi, format!("The registration stands after all{note}")));
    }
    let (vi, en) = match one.leader.as_str() {
        "" => (String::new(), String::new()),
        leader => (format!(", lãnh đạo đồng ý: {leader}"), format!(", agreed by {leader}")),
    };
    Some((by, format!("Hủy đăng ký{vi}{note}"), format!("Registration voided{en}{note}")))
}
