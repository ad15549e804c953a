//! What only a person settles, as a page shows it: what differs, and of each value who, when, where and
//! why. Nothing is chosen beforehand.

use crate::views::office_json;
use motcua_core::trust::TrustView;
use motcua_dossier::{
    corrections::{Value as Said, correction},
    derive::Conflict,
    fact::{Act, Fact},
    local,
    process::holdings,
    view::View,
    void::Standing,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All of a dossier, fields first.
pub(crate) fn lines(trust: &TrustView, facts: &[Fact], shown: &View) -> Vec<Value> {
    let received = shown.summary.received.and_then(local::of_millis).map(|at| at.date());
    let fields = shown.contested().map(|(field, one)| {
        let (vi, en) = field.names();
        let values = one.values.iter().map(|value| of_field(trust, facts, shown, value));
        json!({
            "kind": "field",
            "text_vi": format!("{vi}: {} giá trị khác nhau", one.values.len()),
            "text_en": format!("{en}: {} different values", one.values.len()),
            "field": field.to_string(),
            "legal": field.is_legal(received),
            "heads": one.heads,
            "values": values.collect::<Vec<_>>(),
        })
    });
    let others = shown.derived.conflicts.iter().map(|conflict| {
        let (vi, en) = conflict.words();
        let (kind, values) = match conflict {
            Conflict::States(_) => ("states", states(trust, shown)),
            Conflict::Holders(holders) => ("holders", holding(trust, shown, holders)),
            Conflict::Forbidden { .. } => ("step", Vec::new()),
            Conflict::Passes(_) => ("passes", handed(trust, shown)),
        };
        json!({
            "kind": kind,
            "text_vi": vi,
            "text_en": en,
            "field": null,
            "legal": true,
            "heads": [],
            "values": values,
        })
    });
    let void = match &shown.standing {
        Standing::Contested(all) => Some(json!({
            "kind": "void",
            "text_vi": "Đăng ký đã bị hủy, nhưng nơi khác đã xử lý tiếp hoặc không đồng ý",
            "text_en": "The registration was voided, and went on elsewhere or was said to stand",
            "field": null,
            "legal": true,
            "heads": [],
            "values": crate::voids::values(trust, all),
        })),
        Standing::Valid | Standing::Void(_) => None,
    };
    let money = Some(&shown.money.contested).filter(|all| !all.is_empty()).map(|all| {
        json!({
            "kind": "money",
            "text_vi": "Tiền được ghi ở hai nơi mà không thấy nhau",
            "text_en": "Money was noted at two places that did not see each other",
            "field": null,
            "legal": true,
            "heads": shown.money.heads,
            "values": crate::money::show::values(trust, all),
        })
    });
    fields.chain(void).chain(others).chain(money).collect()
}

fn of_field(trust: &TrustView, facts: &[Fact], shown: &View, value: &Said) -> Value {
    let registered = || shown.derived.steps.first().map(|step| step.fields.act.clone());
    let by = value.by.as_ref().and_then(|id| correction(facts, id));
    let act = by.map(|one| one.act).or_else(registered).unwrap_or_default();
    line(trust, &value.text, None, act.at, &act)
}

/// The steps that nothing follows.
fn states(trust: &TrustView, shown: &View) -> Vec<Value> {
    let heads = shown.derived.steps.iter().filter(|step| shown.derived.heads.contains(&step.id));
    let lines = heads.map(|step| {
        let fields = &step.fields;
        let mut line = line(trust, step.to.vi(), Some(step.to.code()), fields.when(), &fields.act);
        line["text_en"] = json!(step.to.en());
        line
    });
    lines.collect()
}

/// The hand-overs by which several have it.
fn holding(trust: &TrustView, shown: &View, holders: &[String]) -> Vec<Value> {
    let last = |holder: &String| {
        let given = shown.derived.hand_overs.iter().rev().find(|one| one.given.to == *holder)?;
        let office = office_json(trust, holder);
        let name = office["name"].as_str().unwrap_or(holder).to_owned();
        Some(line(trust, &name, None, given.given.act.at, &given.given.act))
    };
    holders.iter().filter_map(last).collect()
}

/// The hand-overs inside an office by which several have it; the next one settles it.
fn handed(trust: &TrustView, shown: &View) -> Vec<Value> {
    let passings = &shown.derived.passings;
    let offices: BTreeSet<&str> =
        passings.iter().map(|one| one.given.act.office.as_str()).collect();
    let held =
        offices.into_iter().map(|office| holdings(&shown.derived.hand_overs, passings, office));
    let lines = held.filter(|held| held.len() > 1).flatten().filter_map(|one| {
        let act = &passings.iter().find(|passing| passing.id == one.pass)?.given.act;
        Some(line(trust, &one.shown(), None, one.since, act))
    });
    lines.collect()
}

fn line(trust: &TrustView, text: &str, state: Option<u8>, at: i64, act: &Act) -> Value {
    json!({
        "text": text,
        "text_en": text,
        "state": state,
        "by": act.by,
        "at": at,
        "office": office_json(trust, &act.office),
        "note": act.note,
    })
}
