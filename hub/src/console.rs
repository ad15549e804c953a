//! The operator's console. Routes, by who may use them (see [`crate::access`]):
//!
//! Before the state reflects the journal all of it says how far that is.
//!
//! - anybody: `GET /` the page and its files; `GET /healthz` alive, `GET /readyz` ready to take
//!   links; `/api/v1/session`; what proves itself, see [`crate::rulings`]
//! - this machine, or whoever bears a token: `GET /metrics` Prometheus text, `/api/v1/machines`
//! - operators and the full token: the rest
//!   - `GET /api/v1/hub` this hub: link to its parent, backlog, counters
//!   - `GET /api/v1/offices` every office below, see [`crate::fleet::OfficeLine`]
//!   - `GET /api/v1/dossiers?after=&limit=` dossiers held: id, entries, held entries, members
//!   - `GET /api/v1/bundle?office=&node=`, `POST /api/v1/bundle` bundle files
//!   - `GET`, `POST /api/v1/verify` the digest check
//!   - `/api/v1/held`, `/decisions`, `/purges`, see [`crate::rulings`]

use crate::{
    access::{self, Access, Need},
    fleet, metrics, rulings,
};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use motcua_core::{id::DossierId, replica::UpstreamPhase, state::StoreError};
use motcua_shell::{
    carry::Courier,
    clock::Clock,
    engine::Engine,
    gate,
    http::{self, PageFile},
    lan::{self, PageCertificate},
    shutdown::Readiness,
    startup::{Startup, View},
    transport::Carrier,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

static PAGE: &[PageFile] = &[
    PageFile::html("/", include_str!("../page/index.html")),
    PageFile::style("/style.css", include_str!("../page/style.css")),
    PageFile::script("/words.js", include_str!("../page/words.js")),
    PageFile::script("/hub.js", include_str!("../page/hub.js")),
    PageFile::script("/office.js", include_str!("../page/office.js")),
    PageFile::script("/fleet.js", include_str!("../page/fleet.js")),
    PageFile::script("/held.js", include_str!("../page/held.js")),
    PageFile::script("/bundle.js", include_str!("../page/bundle.js")),
    PageFile::script("/login.js", include_str!("../page/login.js")),
    PageFile::script("/app.js", include_str!("../page/app.js")),
];

/// What the console shows.
#[derive(Clone)]
pub struct Console {
    /// The running hub.
    pub engine: Arc<Engine>,
    /// Whether links are taken.
    pub ready: Readiness,
    /// Writes and takes in bundles.
    pub courier: Arc<Courier>,
    /// What browsers on the network are shown, if they are served.
    pub certificate: Option<Arc<PageCertificate>>,
}

/// What is said before links are taken: a page of its own, for whoever looks, that asks again by itself.
pub(crate) fn starting(startup: &Startup) -> Router {
    let told = startup.clone();
    let page = move || async move { Html(starting_page(&told.view())) };
    gate::starting(startup, &[]).route("/", get(page))
}

fn starting_page(view: &View) -> String {
    let text = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"refresh\" content=\"2\"><title>Một Cửa – hub</title>\
         <link rel=\"stylesheet\" href=\"/parts/base.css\"></head>\
         <body><main class=\"wide\"><h1>Hub đang khởi động</h1><p id=\"start-vi\">{}.</p>\
         <p id=\"start-en\" lang=\"en\">{}.</p></main></body></html>",
        text(&view.words_vi),
        text(&view.words_en)
    )
}

/// The console's routes; `bundles` are those for bundle files.
pub(crate) fn router(console: Console, access: &Arc<Access>, bundles: Router) -> Router {
    let health = http::health(&console.engine, console.ready.clone());
    let operating = Router::new()
        .merge(motcua_shell::verify::route(Arc::clone(&console.engine)))
        .route("/api/v1/hub", get(hub))
        .route("/api/v1/offices", get(offices))
        .route("/api/v1/dossiers", get(dossiers))
        .merge(rulings::routes());
    let reading = Router::new().merge(rulings::reading_routes()).route("/metrics", get(scrape));
    http::files(PAGE)
        .merge(health)
        .merge(access::routes(access))
        .merge(access.guard(Need::Nothing, rulings::open_routes()))
        .merge(access.guard(Need::Reading, reading))
        .merge(access.guard(Need::Operating, operating))
        .with_state(console)
        .merge(access.guard(Need::Operating, bundles))
}

/// The state store could not answer; said in words, with what happens next.
pub(crate) struct Unavailable(StoreError);

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let body = json!({ "error": {
            "code": "state_unavailable",
            "message_vi": format!("Không đọc được kho trạng thái ({}); khởi động lại máy, trạng thái được dựng lại từ sổ ghi.", self.0),
            "message_en": format!("The state store cannot be read ({}); restart, the state is rebuilt from the journal.", self.0),
            "field": null,
        }});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

async fn hub(State(console): State<Console>) -> Result<Json<Value>, Unavailable> {
    let engine = &console.engine;
    let (trust, meta, snapshot) = (engine.trust(), engine.meta()?, engine.snapshot());
    let office = trust.office(engine.me.office);
    let parent = trust.hub_above(engine.me.office).map(|hub| {
        let name = trust.office(hub.office).map(|office| office.name.clone());
        let carrier = snapshot.carrier.map(Carrier::word);
        let link = link_word(snapshot.upstream);
        json!({ "name": name, "link": link, "carrier": carrier, "udp_blocked": snapshot.udp_blocked })
    });
    Ok(Json(json!({
        "office": {
            "id": engine.me.office.to_string(),
            "name": office.map(|office| office.name.as_str()),
            "code": office.map(|office| office.code.as_str()),
        },
        "node": engine.me.node.to_string(),
        "parent": parent,
        "version": env!("CARGO_PKG_VERSION"),
        "dossiers": meta.dossiers,
        "entries": meta.entries,
        "held": meta.held,
        "waiting_for_cause": meta.parked,
        "applied_lag_entries": engine.unapplied(),
        "entries_up": snapshot.backlog.0,
        "unsent_to_parent": snapshot.backlog.1,
        "epoch": meta.epoch.to_string(),
        "start": engine.startup().rebuild().map(|_| engine.startup().view()),
    })))
}

fn link_word(phase: UpstreamPhase) -> &'static str {
    match phase {
        UpstreamPhase::Live => "connected",
        UpstreamPhase::Connecting => "connecting",
        UpstreamPhase::Waiting | UpstreamPhase::Paused | UpstreamPhase::NoParent => "offline",
    }
}

async fn offices(State(console): State<Console>) -> Result<Json<Value>, Unavailable> {
    Ok(Json(json!({ "offices": fleet::offices(&console.engine)? })))
}

#[derive(Deserialize)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

/// Dossiers a page may hold.
const PAGE_LIMIT: usize = 1_000;

async fn dossiers(
    State(console): State<Console>,
    Query(page): Query<Page>,
) -> Result<Response, Unavailable> {
    let after = match page.after.as_deref().map(str::parse::<DossierId>).transpose() {
        Ok(after) => after,
        Err(error) => {
            let body = json!({ "error": {
                "code": "bad_id", "field": "after",
                "message_vi": format!("Mã trang không đúng: {error}"),
                "message_en": error.to_string(),
            }});
            return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
        }
    };
    let limit = page.limit.unwrap_or(100).clamp(1, PAGE_LIMIT);
    let rows = console.engine.books().dossiers(after, limit)?;
    let next = (rows.len() == limit).then(|| rows.last().map(|(id, _)| id.to_string())).flatten();
    let lines: Vec<Value> = rows
        .into_iter()
        .map(|(id, row)| {
            let members: Vec<String> =
                row.members().into_iter().map(|(office, _)| office.to_string()).collect();
            json!({
                "id": id.to_string(),
                "entries": row.entries,
                "held": row.held,
                "heads": row.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "members": members,
            })
        })
        .collect();
    Ok(Json(json!({ "dossiers": lines, "next": next })).into_response())
}

async fn scrape(State(console): State<Console>) -> Result<Response, Unavailable> {
    let mut metrics = metrics::collect(&console.engine)?;
    console.courier.metrics(&mut metrics);
    if let Some(certificate) = &console.certificate {
        lan::collect(certificate, console.engine.clock().wall(), &mut metrics);
    }
    Ok(metrics.response())
}
