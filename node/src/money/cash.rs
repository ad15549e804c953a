//! The cash of a day: what every machine of the office took and gave, the counts, and an account of the numbers.

use super::numbers;
use crate::{
    api::{Api, Body, Seek, by_clerk},
    desk::Desk,
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, http::HeaderMap, routing::get};
use motcua_core::id::DossierId;
use motcua_dossier::money::{
    Movement, Way,
    cash::{Count, Counting, Day, count, day_number, day_of},
};
use motcua_shell::{clock::Clock, money};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/cash", get(show).post(make))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// YYYY-MM-DD; today if none.
    #[serde(default)]
    day: Option<String>,
}

async fn show(
    Extract(api): Extract<Api>,
    Seek(asked): Seek<Asked>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    let day = match asked.day {
        Some(day) => day,
        None => today(&api.desk),
    };
    Ok(Json(told(&api.desk, &day)?))
}

fn today(desk: &Desk) -> String {
    day_of(desk.engine().clock().wall().0).map(|day| day.to_string()).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    day: String,
    /// In the box in the morning.
    #[serde(default)]
    float: u64,
    /// In the evening; the sum of the pieces if none.
    #[serde(default)]
    counted: Option<u64>,
    /// Pieces by note or coin.
    #[serde(default)]
    notes: BTreeMap<String, u32>,
    /// Counts that were on the page.
    #[serde(default)]
    seen: Vec<String>,
    #[serde(default)]
    note: String,
}

async fn make(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (asked, caller) = by_clerk::<Counted>(&headers, "cash", &body)?;
    let desk = &api.desk;
    desk.whole()?;
    let _turn = desk.counting.lock().await;
    desk.settled().await;
    let Counted { day, float, counted, notes, seen, note } = asked;
    let (all, known) = read(desk, &day)?;
    let act = desk.act_of(&caller, note);
    let key = act.asked.as_ref().map(|asked| asked.key.clone());
    let again = |(_, one): &(String, Count)| {
        let asked = one.act.asked.as_ref().map(|asked| &asked.key);
        key.is_some() && asked == key.as_ref()
    };
    // Who repeats it has counted once.
    if !known.counts.iter().chain(&known.before).any(again) {
        let machine = desk.machine_word();
        let asked = Counting { day: day.clone(), float, counted, notes, seen, machine };
        let moved: Vec<Movement> = all.into_iter().map(|(_, one)| one).collect();
        let fact = count(&known, &moved, asked, act)?;
        desk.write_count(fact, &caller.clerk).await?;
        desk.settled().await;
    }
    Ok(Json(told(desk, &day)?))
}

type Moved = Vec<(DossierId, Movement)>;

fn read(desk: &Desk, day: &str) -> Result<(Moved, Day), DeskError> {
    if day_number(day).is_none() {
        let why = "write it as YYYY-MM-DD".to_owned();
        return Err(DeskError::Field { field: "day".into(), why });
    }
    let engine = desk.engine();
    let all = money::movements(engine.books(), day)?;
    let counts = money::counts(engine.books(), engine.me.office, engine.own().log(), day)?;
    let moved: Vec<Movement> = all.iter().map(|(_, one)| one.clone()).collect();
    let known = Day::of(&moved, counts);
    Ok((all, known))
}

fn told(desk: &Desk, day: &str) -> Result<Value, DeskError> {
    let (all, known) = read(desk, day)?;
    let now = desk.engine().clock().wall().0;
    let ways = Way::ALL.iter().map(|way| {
        let sums = known.ways.get(way).copied().unwrap_or_default();
        json!({
            "way": way.word(),
            "way_vi": way.vi(),
            "way_en": way.en(),
            "taken": sums.taken,
            "given": sums.given,
            "net": sums.net(),
        })
    });
    let ids: BTreeSet<DossierId> = all.iter().map(|(id, _)| *id).collect();
    let mut codes: BTreeMap<DossierId, String> = BTreeMap::new();
    for id in ids {
        let line = crate::views::code_of(desk, id)?;
        codes.insert(id, line);
    }
    let movements = all.iter().map(|(id, one)| {
        json!({
            "dossier": id.to_string(),
            "code": codes.get(id),
            "cause": one.cause.word(),
            "number": one.number,
            "way": one.way.word(),
            "way_vi": one.way.vi(),
            "way_en": one.way.en(),
            "amount": one.amount,
            "by": one.act.by,
            "at": one.act.at,
            "note": one.act.note,
            "machine": one.machine,
            "late": known.late.contains(&one.id),
        })
    });
    let counts = |all: &[(String, Count)]| all.iter().map(line).collect::<Vec<_>>();
    Ok(json!({
        "day": day,
        "today": day == today(desk),
        "machine": desk.machine_word(),
        "ways": ways.collect::<Vec<_>>(),
        "expected": known.expected(),
        "movements": movements.collect::<Vec<_>>(),
        "counts": counts(&known.counts),
        "before": counts(&known.before),
        "contested": known.is_contested(),
        "late": known.late.len(),
        "numbers": numbers::ranges(desk, now)?,
    }))
}

fn line((id, one): &(String, Count)) -> Value {
    json!({
        "id": id,
        "float": one.float,
        "counted": one.counted,
        "notes": one.notes,
        "expected": one.expected,
        "difference": one.difference(),
        "machine": one.machine,
        "by": one.act.by,
        "at": one.act.at,
        "note": one.act.note,
    })
}
