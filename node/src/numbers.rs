//! Where a day's numbers go on that began on paper: `GET` and `POST /api/v1/numbers`. What may be is decided in
//! [`motcua_dossier::lease`]; who set it, and when, stands in the journal and is told for every day.

use crate::{
    api::{Api, Body, by_clerk},
    desk::{Desk, FLOOR},
    error::DeskError,
};
use axum::{Json, Router, extract::State as Extract, http::HeaderMap, routing::get};
use motcua_core::{
    record::Record,
    state::{Key, rows::Author},
};
use motcua_dossier::{
    code::{Code, Day},
    lease::{Start, StartError},
};
use motcua_shell::{clock::Clock, find};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The route.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/numbers", get(show).post(begin))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    number: u32,
}

async fn show(Extract(api): Extract<Api>) -> Json<Value> {
    let now = api.desk.engine().clock().wall().0;
    let leases = api.desk.leases();
    let lines: Vec<Value> = leases.starts().map(line).collect();
    let today = api.desk.issuer(api.desk.engine().own().log()).org;
    let today = leases.start_of(&today, Day::of(now)).map(line);
    Json(json!({ "day": Day::of(now).to_string(), "start": today, "starts": lines }))
}

async fn begin(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (Begin { number }, caller) = by_clerk(&headers, "numbers", &body)?;
    Ok(Json(line(&begin_at(&api.desk, number, &caller.clerk).await?)))
}

fn line(start: &Start) -> Value {
    let (year, month, day) = start.day;
    json!({
        "day": Day { year, month, day }.to_string(),
        "number": start.number,
        "by": start.by,
        "at": start.at,
    })
}

/// Sets where today's numbers go on; on the disk when this returns.
async fn begin_at(desk: &Desk, number: u32, by: &str) -> Result<Start, DeskError> {
    desk.whole()?;
    let _turn = desk.beginning.lock().await;
    desk.settled().await;
    let engine = desk.engine();
    let now = engine.clock().wall().0;
    let issuer = desk.issuer(engine.own().log());
    let (mut known, mut elsewhere) = (BTreeMap::new(), BTreeSet::new());
    let begun = format!("{}-{}-", issuer.org, Day::of(now).digits());
    for (code, id) in find::codes(engine.books(), &begun)? {
        let Some(one) = Code::read(&code).ok().and_then(|code| code.seq.parse().ok()) else {
            continue;
        };
        if !is_by_this_machine(desk, id)? {
            elsewhere.insert(one);
        }
        known.insert(one, code);
    }
    let asked = (number, by);
    let (start, set) = {
        let leases = desk.leases();
        let start = leases.may_start(&issuer, asked, (now, FLOOR), &known, &elsewhere)?;
        let set = leases.start_of(&issuer.org, Day::of(now)).is_some();
        (start, set)
    };
    if !set {
        engine.record(Record::Lease(start.encode())).await?;
        desk.leases().replay_start(start.clone());
        tracing::info!(number, by, "today's numbers go on behind the paper register");
    }
    Ok(start)
}

/// Whether this machine registered a dossier.
fn is_by_this_machine(desk: &Desk, id: motcua_core::id::DossierId) -> Result<bool, DeskError> {
    let books = desk.engine().books();
    let Some((_, history)) = books.dossier(id)? else { return Ok(true) };
    let Some(first) = history.first() else { return Ok(true) };
    let author: Option<Author> = books.row(Key::Author(first.log))?;
    Ok(author.is_none_or(|author| author.key == desk.public_key()))
}

/// The refusal in Vietnamese.
pub(crate) fn vietnamese(error: &StartError) -> String {
    match error {
        StartError::Bounds(number) => {
            format!(
                "Số bắt đầu phải từ 2 đến {}, không phải {number}.",
                motcua_dossier::lease::HOME_LAST
            )
        }
        StartError::Already(start) => format!(
            "Hôm nay đã đặt bắt đầu từ số {}, do {} đặt; mỗi ngày chỉ đặt một lần.",
            start.number, start.by
        ),
        StartError::Issued { issued, code } => {
            format!("Số {issued} đã cấp rồi (mã {code}); chỉ có thể bắt đầu sau số ấy.")
        }
        StartError::OtherMachine { number, first, last } => format!(
            "Số {number} nằm trong khối {first} đến {last} của máy khác trong cơ quan; hãy đặt tại máy ấy, \
             và đặt {} ở đây nếu sổ giấy đã vượt các khối của máy này.",
            last + 1
        ),
        StartError::Blind => {
            "Đang dựng lại dữ liệu nên chưa biết hôm nay đã cấp những số nào; thử lại sau giây lát."
                .into()
        }
        StartError::Lease(error) => format!("Chưa cấp được mã: {error}."),
    }
}
