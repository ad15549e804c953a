//! Codes on paper for the day on which the machine is dead, over the API: drawn, printed, entered later or said to
//! be unused (design/emergency.md). What may be is decided in [`motcua_dossier::emergency`].

mod draw;
mod enter;
mod words;

pub(crate) use words::vietnamese;

use crate::{
    api::{Api, Seek},
    desk::Desk,
    error::DeskError,
    people::who::may,
};
use axum::{
    Json, Router,
    extract::State as Extract,
    routing::{get, post},
};
use motcua_core::{id::DossierId, state::StoreError};
use motcua_dossier::{
    calendar,
    code::{Code, Day},
    digits,
    emergency::{Block, Blocks, Fate, days},
    fact::{Kind, StateStep},
    people::Duty,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Blocks with nothing open that are still shown.
const SETTLED_SHOWN: usize = 20;

/// Blocks of this machine.
#[derive(Debug, Default)]
pub(crate) struct Emergency {
    blocks: Mutex<Blocks>,
    /// One draw, printing or settlement at a time.
    turn: tokio::sync::Mutex<()>,
    /// Blocks none of whose codes is open; that lasts.
    settled: Mutex<BTreeSet<String>>,
}

impl Emergency {
    pub(crate) fn new(blocks: Blocks) -> Self {
        Self { blocks: Mutex::new(blocks), ..Self::default() }
    }

    pub(crate) fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/emergency", get(show).post(draw::draw))
        .route("/api/v1/emergency/promise", get(enter::promise))
        .route("/api/v1/emergency/entries", post(enter::enter))
        .route("/api/v1/emergency/{block}/printings", post(draw::print))
        .route("/api/v1/emergency/{block}/unused", post(draw::not_used))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn show(
    Extract(api): Extract<Api>,
    Seek(Nothing {}): Seek<Nothing>,
) -> Result<Json<Value>, DeskError> {
    let desk = &api.desk;
    desk.settled().await;
    desk.whole()?;
    let today = Day::of(desk.wall());
    let mut all: Vec<Block> = desk.emergency().blocks().all().into_iter().cloned().collect();
    // The newest first; of those that are settled only some.
    all.reverse();
    let (mut lines, mut shown) = (Vec::new(), 0);
    for block in &all {
        if desk.emergency().settled().contains(&block.number) {
            shown += 1;
            if shown > SETTLED_SHOWN {
                continue;
            }
        }
        lines.push(line(desk, block)?);
    }
    let next: Vec<String> =
        days(calendar::usual(), today).iter().map(ToString::to_string).collect();
    Ok(Json(json!({
        "today": today.to_string(),
        "days": next,
        "may_draw": may(Duty::Emergency).is_ok(),
        "may_enter": may(Duty::Receive).is_ok(),
        "open": open_codes(desk)?,
        "blocks": lines,
    })))
}

/// A block with what became of each of its codes.
fn line(desk: &Desk, block: &Block) -> Result<Value, DeskError> {
    let (mut codes, mut open) = (Vec::new(), 0);
    for number in block.numbers() {
        let code = written(block, number)?;
        let fate = fate(desk, block, number)?;
        open += usize::from(fate == Fate::Open);
        let mut told = json!({
            "code": code,
            "number": number,
            "digits": Code::read(&code).ok().and_then(|code| digits::write(&code)),
            "fate": match fate {
                Fate::Open => "open",
                Fate::Entered(_) => "entered",
                Fate::Unused(_) => "unused",
            },
            "dossier": Value::Null,
            "by": Value::Null,
            "at": Value::Null,
            "received": Value::Null,
            "received_by": Value::Null,
            "why": Value::Null,
        });
        match fate {
            Fate::Open => {}
            Fate::Entered(id) => {
                told["dossier"] = id.to_string().into();
                if let Some(first) = first_step(desk, id)? {
                    told["by"] = first.act.by.as_str().into();
                    told["at"] = first.act.at.into();
                    told["received"] = first.when().into();
                    told["received_by"] = first.paper.map(|paper| paper.by).into();
                }
            }
            Fate::Unused(unused) => {
                told["by"] = unused.by.into();
                told["at"] = unused.at.into();
                told["why"] = unused.why.into();
            }
        }
        codes.push(told);
    }
    let printings = desk.emergency().blocks().printings(&block.number).len();
    Ok(json!({
        "block": block.number,
        "day": block.on().to_string(),
        "count": block.count(),
        "drawn_by": block.by,
        "drawn_at": block.at,
        "printings": printings,
        "open": open,
        "over": block.on() < Day::of(desk.wall()),
        "codes": codes,
        "html": format!("/api/v1/emergency/{}/sheet?as=html", block.number),
        "pdf": format!("/api/v1/emergency/{}/sheet?as=pdf", block.number),
    }))
}

/// The first step of a dossier; none where its history is not here.
fn first_step(desk: &Desk, id: DossierId) -> Result<Option<StateStep>, DeskError> {
    let facts = match desk.facts(id) {
        Err(DeskError::Away | DeskError::NoDossier(_)) => return Ok(None),
        facts => facts?,
    };
    let mut steps = facts.iter().filter(|fact| fact.kind == Kind::State);
    Ok(steps.find_map(|fact| fact.read::<StateStep>().filter(|step| step.after.is_empty())))
}

fn written(block: &Block, number: u32) -> Result<String, DeskError> {
    Ok(block.code(number).map_err(motcua_dossier::emergency::EmergencyError::from)?)
}

/// What became of a code.
fn fate(desk: &Desk, block: &Block, number: u32) -> Result<Fate<DossierId>, DeskError> {
    let code = written(block, number)?;
    let holder = match Code::read(&code) {
        Ok(code) => desk.holder_of_code(&code)?,
        Err(_) => None,
    };
    Ok(desk.emergency().blocks().fate(block, number, holder))
}

/// Codes of blocks whose day is over of which nobody has said what became of them.
///
/// # Errors
/// [`StoreError`] when the state cannot be read.
pub(crate) fn open_codes(desk: &Desk) -> Result<usize, DeskError> {
    let today = Day::of(desk.wall());
    let all: Vec<Block> = desk.emergency().blocks().all().into_iter().cloned().collect();
    let mut open = 0;
    for block in all.iter().filter(|block| block.on() < today) {
        if desk.emergency().settled().contains(&block.number) {
            continue;
        }
        let mut here = 0;
        for number in block.numbers() {
            here += usize::from(fate(desk, block, number)? == Fate::Open);
        }
        if here == 0 {
            desk.emergency().settled().insert(block.number.clone());
        }
        open += here;
    }
    Ok(open)
}

/// Numbers of the paper part of a day that dossiers here have.
fn used(desk: &Desk, org: &str, day: Day) -> Result<BTreeSet<u32>, StoreError> {
    let begin = format!("{org}-{}-", day.digits());
    let codes = motcua_shell::find::codes(desk.engine().books(), &begin)?;
    let number = |code: String| Code::read(&code).ok()?.seq.parse().ok();
    Ok(codes.into_iter().filter_map(|(code, _)| number(code)).collect())
}
