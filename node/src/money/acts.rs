//! Acts on the money of one dossier. "Taken" is answered when it is on this machine's disk.

use super::show::receipt_line;
use crate::{
    api::{Acting, Api, brief},
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, routing::post};
use motcua_dossier::{
    fact::{Fact, Kind},
    money::{
        Dong, Line, Paying, Receipt, Refunding, Way, cancel, demand, money, pay, refund, settle,
    },
};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn routes() -> Router<Api> {
    let of = |act: &str| format!("/api/v1/dossiers/{{id}}/{act}");
    Router::new()
        .route(&of("demands"), post(demand_it))
        .route(&of("payments"), post(pay_it))
        .route(&of("cancellations"), post(cancel_it))
        .route(&of("refunds"), post(refund_it))
        .route(&of("settlements"), post(settle_it))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Demanding {
    lines: Vec<Line>,
    /// What was on the page.
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn demand_it(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Demanding>,
) -> Result<Json<Value>, DeskError> {
    let Demanding { lines, seen, note } = asked;
    api.carry_out(id, caller, note, |facts, act| {
        Ok(demand(facts, lines.clone(), seen.as_deref(), act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    /// All that is due if none.
    #[serde(default)]
    amount: Option<Dong>,
    way: Way,
    #[serde(default)]
    payer: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn pay_it(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Payment>,
) -> Result<Json<Value>, DeskError> {
    let (desk, request) = (&api.desk, caller.request.clone());
    let Payment { amount, way, payer, reference, seen, note } = asked;
    let paying = Paying { amount, way, payer, reference, machine: desk.machine_word() };
    let given = std::sync::Mutex::new(String::new());
    let done = desk
        .act_numbered(Vec::new(), id, caller, note, |facts, act, numbers| {
            let number = || {
                let number = numbers.receipt()?;
                given.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(&number);
                Ok::<_, DeskError>(number)
            };
            pay(facts, paying.clone(), number, seen.as_deref(), act)
        })
        .await;
    let id = match done {
        Ok(id) | Err(DeskError::Repeated(id)) => id,
        Err(error) => return Err(error),
    };
    let mut answer = brief(desk, id, request.as_ref()).await?;
    let facts = desk.facts_saved(id).await?;
    let given = given.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let key = request.map(|request| request.asked.key);
    // Who repeats it gets the receipt of then.
    let is_meant = |fact: &Fact| {
        let Some(receipt) = fact.read::<Receipt>() else { return false };
        let asked = receipt.act.asked.map(|asked| asked.key);
        (!given.is_empty() && receipt.number == given) || (key.is_some() && asked == key)
    };
    let found = facts.iter().find(|fact| fact.kind == Kind::Receipt && is_meant(fact));
    let trust = desk.engine().trust();
    let shown = money(&facts);
    answer["receipt"] = found
        .and_then(|fact| shown.receipt(&fact.id))
        .map_or(Value::Null, |one| receipt_line(&trust, id, one));
    Ok(Json(answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancelling {
    receipt: String,
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn cancel_it(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Cancelling>,
) -> Result<Json<Value>, DeskError> {
    let machine = api.desk.machine_word();
    let Cancelling { receipt, seen, note } = asked;
    api.carry_out(id, caller, note, |facts, act| {
        Ok(cancel(facts, &receipt, machine.clone(), seen.as_deref(), act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivingBack {
    receipt: String,
    /// All that is left if none.
    #[serde(default)]
    amount: Option<Dong>,
    way: Way,
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn refund_it(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<GivingBack>,
) -> Result<Json<Value>, DeskError> {
    let GivingBack { receipt, amount, way, seen, note } = asked;
    let wanted = Refunding { receipt, amount, way, machine: api.desk.machine_word() };
    api.carry_out(id, caller, note, |facts, act| {
        Ok(refund(facts, wanted.clone(), seen.as_deref(), act)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settling {
    /// Acts that hold; the others in question do not.
    keep: Vec<String>,
    #[serde(default)]
    seen: Option<Vec<String>>,
    #[serde(default)]
    note: String,
}

async fn settle_it(
    Extract(api): Extract<Api>,
    Acting { id, asked, caller }: Acting<Settling>,
) -> Result<Json<Value>, DeskError> {
    let machine = api.desk.machine_word();
    let Settling { keep, seen, note } = asked;
    api.carry_out(id, caller, note, |facts, act| {
        Ok(settle(facts, &keep, machine.clone(), seen.as_deref(), act)?)
    })
    .await
}
