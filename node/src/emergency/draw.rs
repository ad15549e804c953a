//! A block drawn, printed, and what was not used of it: each a record in the journal, on the disk before it is answered.

use super::{fate, first_step, line, used, written};
use crate::{
    api::{Api, Body, by_clerk},
    desk::{Desk, FLOOR},
    error::DeskError,
};
use axum::{
    Json,
    extract::{Path, State as Extract},
    http::HeaderMap,
};
use motcua_core::record::Record;
use motcua_dossier::{
    calendar,
    code::{Code, Day},
    emergency::{EmergencyError, Fate, Moment, Printing, Wanted, not_used as settle},
    process::number,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draw {
    /// YYYY-MM-DD.
    day: String,
    count: u32,
}

pub(super) async fn draw(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller) = by_clerk::<Draw>(&headers, "emergency", &body)?;
    let bad = || DeskError::Unknown { field: "day", value: asked.day.chars().take(80).collect() };
    let day: jiff::civil::Date = asked.day.parse().map_err(|_| bad())?;
    let day = Day { year: day.year().into(), month: day.month() as u8, day: day.day() as u8 };
    let key = caller.request.map_or_else(motcua_shell::engine::random, |one| one.key.key);
    let name = number(std::array::from_fn(|at| key[at]));
    let desk = &api.desk;
    let _turn = begun(desk).await?;
    let issuer = desk.issuer(desk.engine().own().log());
    let taken = used(desk, &issuer.org, day)?;
    let wanted = Wanted { number: &name, count: asked.count, day, by: &caller.clerk };
    let seed = u64::from_be_bytes(motcua_shell::engine::random());
    let moment = Moment { now: desk.wall(), floor: FLOOR, seed };
    let block = {
        let (leases, mut blocks) = (desk.leases(), desk.emergency().blocks());
        let by = (&issuer, calendar::usual());
        let block = blocks.draw(&leases, by, wanted, moment, &taken)?;
        if blocks.get(&name).is_err() {
            blocks.begin(block.clone());
        }
        block
    };
    if desk.emergency().blocks().get(&name).is_err() {
        desk.engine().record(Record::Lease(block.encode())).await?;
        desk.emergency().blocks().replay(block.clone());
        tracing::info!(block = name, count = block.count(), "codes on paper were drawn");
    }
    Ok(Json(line(desk, &block)?))
}

/// Alone, and on a state that shows everything saved here.
async fn begun(desk: &Desk) -> Result<tokio::sync::MutexGuard<'_, ()>, DeskError> {
    desk.whole()?;
    let turn = desk.emergency().turn.lock().await;
    desk.settled().await;
    Ok(turn)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Counts a printing of the sheet, and says where it is shown.
pub(super) async fn print(
    Extract(api): Extract<Api>,
    Path(block): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let path = format!("emergency/{block}/printings");
    let (Nothing {}, caller) = by_clerk(&headers, &path, &body)?;
    let desk = &api.desk;
    let _turn = begun(desk).await?;
    desk.emergency().blocks().get(&block)?;
    let asked = caller.request.map_or_else(motcua_shell::engine::random, |one| one.key.key);
    let place = || {
        let blocks = desk.emergency().blocks();
        blocks.printings(&block).iter().position(|one| one.asked == asked)
    };
    if place().is_none() {
        let printing = Printing { block: block.clone(), asked, by: caller.clerk, at: desk.wall() };
        desk.engine().record(Record::Lease(printing.encode())).await?;
        desk.emergency().blocks().replay_printing(printing);
    }
    let count = place().map_or(0, |at| at + 1);
    let address = format!("/api/v1/emergency/{block}/sheet?printing={count}");
    Ok(Json(json!({
        "block": block,
        "printing": count,
        "html": format!("{address}&as=html"),
        "pdf": format!("{address}&as=pdf"),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotUsed {
    codes: Vec<String>,
    why: String,
}

pub(super) async fn not_used(
    Extract(api): Extract<Api>,
    Path(block): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let path = format!("emergency/{block}/unused");
    let (NotUsed { codes, why }, caller) = by_clerk(&headers, &path, &body)?;
    let desk = &api.desk;
    let _turn = begun(desk).await?;
    let block = desk.emergency().blocks().get(&block)?.clone();
    let mut numbers = Vec::new();
    for text in &codes {
        let none = || EmergencyError::NoSlip(text.chars().take(50).collect());
        let code = Code::read(text).map_err(|_| none())?;
        let number: u32 = code.seq.parse().map_err(|_| none())?;
        if !block.numbers().contains(&number) || written(&block, number)? != *text {
            return Err(none().into());
        }
        numbers.push(number);
    }
    let unused = settle(&block, &numbers, why, (&caller.clerk, desk.wall()))?;
    let mut open = Vec::new();
    for number in &unused.numbers {
        match fate(desk, &block, *number)? {
            Fate::Open => open.push(*number),
            // Said before: it is the same.
            Fate::Unused(_) => {}
            Fate::Entered(dossier) => {
                let first = first_step(desk, dossier)?.unwrap_or_default();
                return Err(EmergencyError::Entered {
                    code: written(&block, *number)?,
                    by: first.act.by,
                    at: first.act.at,
                    dossier: dossier.to_string(),
                }
                .into());
            }
        }
    }
    if !open.is_empty() {
        let unused = motcua_dossier::emergency::Unused { numbers: open, ..unused };
        desk.engine().record(Record::Lease(unused.encode())).await?;
        desk.emergency().blocks().replay_unused(unused);
    }
    Ok(Json(line(desk, &block)?))
}
