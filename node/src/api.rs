//! Page and JSON API of the node. Routes under `/api/v1`, described whole in `openapi.json`:
//!
//! - `GET /office`, `/offices`, `/procedures`, `/sync`, `/openapi.json`
//! - `GET /verify` and `POST /verify`
//! - `POST /dossiers`, `GET /dossiers`, `GET /dossiers/{id}`
//! - `GET /lists`, `GET /lists/{list}`: working lists
//! - `POST` and `GET /dossiers/{id}/attachments`, `GET /dossiers/{id}/attachments/{scan}`,
//!   `GET /scans/damaged`
//! - `POST /dossiers/{id}/moves`, `/forwards`, `/taken`, `/notes`, `/extensions`, `/withdrawals`,
//!   `/redo`
//! - `GET /dossiers/{id}/forms/{form}`, `POST /dossiers/{id}/forms/{form}/printings`,
//!   `GET /register`
//! - `GET /events`: server-sent events; `GET` and `POST /numbers`: where today's codes go on
//! - `/drafts`: see [`crate::drafts::routes`]
//! - `POST /import/files`, `/import/preview`, `GET` and `POST /import/run`, `GET /export`: lists, see
//!   [`crate::import`]
//! - `GET /bundle`, `POST /bundle`: bundle files, see [`motcua_shell::carry`]
//!
//! beside them `GET /` (the page), `/healthz`, `/readyz`, `/metrics`. Every POST may carry an
//! `Idempotency-Key`; repeated with the same body it gives the same answer.

use crate::{
    desk::{Asking, Caller, Desk, NewDossier},
    drafts,
    error::DeskError,
    events, extensions,
    import::Imports,
    lists, numbers,
    places::Places,
    promise::promise,
    scans,
    sync_words::sync_state,
    views::{self, ListQuery},
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State as Extract,
    },
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use motcua_core::id::DossierId;
use motcua_dossier::{
    action::{self, Circumstances},
    asked::{self, Asked},
    due::Model,
    fact::{Applicant, Fact, Paper},
    procedure::Procedure,
    state::State,
};
use motcua_shell::{
    carry::Courier,
    clock::Clock,
    http::{self, Metrics, PageFile},
    shutdown::{Readiness, Stop},
    startup::Startup,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Longest request body: a dossier of 100 papers with long names fits many times.
pub(crate) const BODY_BYTES: usize = 256 * 1024;
/// Longest idempotency key.
const KEY_CHARACTERS: usize = 200;

pub(crate) static PAGE: &[PageFile] = &[
    PageFile::html("/", include_str!("../page/index.html")),
    PageFile::style("/style.css", include_str!("../page/style.css")),
    PageFile::script("/words.js", include_str!("../page/words.js")),
    PageFile::script("/live.js", include_str!("../page/live.js")),
    PageFile::script("/live_worker.js", include_str!("../page/live_worker.js")),
    PageFile::script("/sync.js", include_str!("../page/sync.js")),
    PageFile::script("/list.js", include_str!("../page/list.js")),
    PageFile::script("/lists.js", include_str!("../page/lists.js")),
    PageFile::script("/fields.js", include_str!("../page/fields.js")),
    PageFile::script("/papers.js", include_str!("../page/papers.js")),
    PageFile::script("/drafts.js", include_str!("../page/drafts.js")),
    PageFile::script("/draft_view.js", include_str!("../page/draft_view.js")),
    PageFile::script("/register.js", include_str!("../page/register.js")),
    PageFile::script("/pauses.js", include_str!("../page/pauses.js")),
    PageFile::script("/extend.js", include_str!("../page/extend.js")),
    PageFile::script("/dossier.js", include_str!("../page/dossier.js")),
    PageFile::script("/acts.js", include_str!("../page/acts.js")),
    PageFile::script("/scans.js", include_str!("../page/scans.js")),
    PageFile::script("/forms.js", include_str!("../page/forms.js")),
    PageFile::script("/numbers.js", include_str!("../page/numbers.js")),
    PageFile::script("/held.js", include_str!("../page/held.js")),
    PageFile::script("/app.js", include_str!("../page/app.js")),
    PageFile {
        path: "/api/v1/openapi.json",
        media: "application/json",
        text: include_str!("../openapi.json"),
    },
];

/// What the routes work on.
#[derive(Clone)]
pub struct Api {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Whether the node is ready.
    pub ready: Readiness,
    /// Writes and takes in bundles.
    pub courier: Arc<Courier>,
    /// Where this machine's own work stands.
    pub places: Arc<Places>,
    /// Lists on their way in.
    pub(crate) imports: Arc<Imports>,
    /// Streams that may still be opened.
    pub streams: Arc<Semaphore>,
    /// The wish to stop: streams end by it.
    pub stop: Stop,
}

impl axum::extract::FromRef<Api> for Arc<Desk> {
    fn from_ref(api: &Api) -> Self {
        Self::clone(&api.desk)
    }
}

/// What is said before journal and state are open: the page, and in its line what is being done.
pub fn starting(startup: &Startup) -> Router {
    let told = startup.clone();
    let sync = move || async move { Json(crate::sync_words::starting(&told)) };
    motcua_shell::gate::starting(startup, PAGE).route("/api/v1/sync", get(sync))
}

/// All routes.
pub fn router(api: Api) -> Router {
    let dossier = "/api/v1/dossiers/{id}";
    let health = http::health(api.desk.engine(), api.ready.clone());
    http::files(PAGE)
        .merge(health)
        .merge(motcua_shell::verify::route(Arc::clone(api.desk.engine())))
        .route("/api/v1/office", get(office))
        .route("/api/v1/offices", get(offices))
        .route("/api/v1/procedures", get(procedures))
        .route("/api/v1/sync", get(sync))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/held", get(held))
        .route("/api/v1/numbers", get(numbers::show).post(numbers::begin))
        .route("/api/v1/dossiers", get(list).post(register))
        .route(dossier, get(show))
        .route(&format!("{dossier}/moves"), axum::routing::post(move_to))
        .route(&format!("{dossier}/forwards"), axum::routing::post(forward))
        .route(&format!("{dossier}/taken"), axum::routing::post(take))
        .route(&format!("{dossier}/withdrawals"), axum::routing::post(withdraw))
        .route(&format!("{dossier}/redo"), get(redo_list).post(redo))
        .route(&format!("{dossier}/notes"), axum::routing::post(note))
        .merge(scans::routes())
        .merge(lists::routes())
        .merge(crate::forms::routes())
        .merge(drafts::routes::routes())
        .merge(crate::import::routes())
        .merge(extensions::routes())
        .route("/metrics", get(scrape))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(api)
}

pub(crate) async fn office(Extract(desk): Extract<Arc<Desk>>) -> Json<Value> {
    let engine = desk.engine();
    let trust = engine.trust();
    let office = trust.office(engine.me.office);
    let hub = trust.hub_for(engine.me.office).and_then(|hub| trust.office(hub.office));
    Json(json!({
        "office": {
            "id": engine.me.office.to_string(),
            "name": office.map(|office| office.name.as_str()),
            "code": office.map(|office| office.code.as_str()),
        },
        "node": { "id": engine.me.node.to_string() },
        "hub": hub.map(|office| json!({ "name": office.name })),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

pub(crate) async fn offices(Extract(desk): Extract<Arc<Desk>>) -> Json<Value> {
    let engine = desk.engine();
    let trust = engine.trust();
    let all = trust.catalogue().map(|catalogue| catalogue.offices.as_slice()).unwrap_or_default();
    let lines: Vec<Value> = all
        .iter()
        .filter(|office| office.id != engine.me.office)
        .map(|office| {
            let parent = office.parent.and_then(|parent| trust.office(parent));
            json!({
                "id": office.id.to_string(),
                "name": office.name,
                "code": office.code,
                "tier": office.tier.word(),
                "parent_name": parent.map(|parent| parent.name.as_str()),
            })
        })
        .collect();
    Json(json!({ "offices": lines }))
}

pub(crate) async fn procedures(
    Extract(desk): Extract<Arc<Desk>>,
) -> Result<Json<Value>, DeskError> {
    let now = desk.engine().clock().wall();
    let mut lines = Vec::new();
    for procedure in desk.procedures() {
        let Procedure { code, name, sector, term_unit, term } = procedure;
        lines.push(json!({
            "code": code,
            "name": name,
            "sector": sector,
            "term_unit": term_unit,
            "term": term,
            "promise": promise(procedure, now)?,
        }));
    }
    Ok(Json(json!({ "procedures": lines })))
}

async fn sync(Extract(api): Extract<Api>) -> Result<Response, DeskError> {
    Ok(Json(sync_of(&api)?).into_response())
}

/// What the line at the top says.
pub(crate) fn sync_of(api: &Api) -> Result<Value, DeskError> {
    let mut state = sync_state(api.desk.engine())?;
    api.places.tell(&api.desk, &mut state)?;
    Ok(json!(state))
}

#[derive(Deserialize)]
struct HeldQuery {
    after: Option<String>,
}

async fn held(
    Extract(api): Extract<Api>,
    Seek(query): Seek<HeldQuery>,
) -> Result<Json<Value>, DeskError> {
    let after = query.after.as_deref().map(dossier_id).transpose()?;
    Ok(Json(motcua_shell::odd::list(api.desk.engine(), after)?))
}

async fn list(
    Extract(api): Extract<Api>,
    Seek(query): Seek<ListQuery>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    Ok(Json(views::list(&api.desk, &query)?))
}

async fn show(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    let id = dossier_id(&id)?;
    api.desk.settled().await;
    api.desk.brought_back(id).await?;
    Ok(Json(views::dossier(&api.desk, id)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    procedure: String,
    applicant: Applicant,
    #[serde(default)]
    request: String,
    #[serde(default)]
    papers: Vec<Paper>,
    #[serde(default)]
    due: Option<i64>,
    #[serde(default)]
    fee: Option<u64>,
    #[serde(default)]
    clerk: String,
    /// The draft that it was typed in; its key then follows from it.
    #[serde(default)]
    draft: Option<String>,
}

async fn register(
    Extract(api): Extract<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, DeskError> {
    register_at(&api.desk, &headers, &body).await
}

/// Registers, also while the state is being made again.
pub(crate) async fn register_at(
    desk: &Desk,
    headers: &HeaderMap,
    body: &Body,
) -> Result<Response, DeskError> {
    let asked: RegisterBody = read(body)?;
    let caller = match &asked.draft {
        Some(draft) => {
            // Whichever tab sends it, and whatever key it brings: a draft becomes one dossier.
            drafts::check_id(draft)?;
            let key = key_of_draft(draft);
            keyed(
                &key,
                "dossiers",
                &serde_json::from_slice(body).unwrap_or(Value::Null),
                asked.clerk,
            )
        }
        None => caller(headers, "dossiers", body, asked.clerk)?,
    };
    let request = caller.request.clone();
    let due = match asked.due {
        Some(at) => Some(at),
        None => desk.promised(&asked.procedure)?,
    };
    let new = NewDossier {
        procedure: asked.procedure,
        applicant: asked.applicant,
        request: asked.request,
        papers: asked.papers,
        due,
        fee: asked.fee,
        code: None,
    };
    // Whoever repeats a request gets the answer that was lost, not another one.
    let done = desk.register(new, caller).await;
    if let (Some(draft), Some(id)) = (&asked.draft, made(&done)) {
        // If this fails the dossier is there all the same, and the draft's key tells.
        if let Err(error) = drafts::routes::became(desk, draft, id).await {
            tracing::warn!(%error, "a draft was not told which dossier it has become");
        }
    }
    let id = match done {
        Ok(id) | Err(DeskError::Repeated(id)) => id,
        Err(error) => return Err(error),
    };
    Ok((StatusCode::CREATED, Json(brief(desk, id, request.as_ref()).await?)).into_response())
}

/// The dossier that a registration made, now or before.
fn made(done: &Result<DossierId, DeskError>) -> Option<DossierId> {
    match done {
        Ok(id) | Err(DeskError::Repeated(id) | DeskError::KeyReused { dossier: id, .. }) => {
            Some(*id)
        }
        Err(_) => None,
    }
}

/// The idempotency key of a draft's registration, whichever tab sends it.
pub(crate) fn key_of_draft(id: &str) -> String {
    format!("draft-{id}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    to: u8,
    /// What the pause that begins with it does.
    #[serde(default)]
    pause: Option<String>,
    /// When it happened, where that is not now.
    #[serde(default)]
    happened: Option<i64>,
    /// Who collected the result.
    #[serde(default)]
    collector: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    clerk: String,
}

async fn move_to(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<MoveBody>(&body)?);
    let unknown = || DeskError::Unknown { field: "to", value: asked.to.to_string() };
    let to = State::from_code(asked.to).ok_or_else(unknown)?;
    let pause = asked.pause.map(|word| {
        let unknown =
            || DeskError::Unknown { field: "pause", value: word.chars().take(80).collect() };
        Model::from_word(&word).ok_or_else(unknown)
    });
    let (happened, collector) = (asked.happened, asked.collector);
    let circumstances = Circumstances { pause: pause.transpose()?, happened, collector };
    let caller = caller(&headers, &format!("dossiers/{id}/moves"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let make = |facts: &[Fact], act| Ok(action::move_under(facts, to, circumstances.clone(), act)?);
    let done = api.desk.act_after(Vec::new(), id, caller, asked.note, make);
    answer(&api, done.await, request.as_ref()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForwardBody {
    office: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    clerk: String,
}

async fn forward(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<ForwardBody>(&body)?);
    let (from, to) = (api.desk.engine().me.office, api.desk.office(&asked.office)?);
    let caller = caller(&headers, &format!("dossiers/{id}/forwards"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let done = api.desk.act(id, caller, asked.note, |_, act| Ok(action::forward(from, to, act)?));
    answer(&api, done.await, request.as_ref()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenBody {
    #[serde(default)]
    note: String,
    #[serde(default)]
    clerk: String,
}

async fn take(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<TakenBody>(&body)?);
    let office = api.desk.engine().me.office;
    let caller = caller(&headers, &format!("dossiers/{id}/taken"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let done = api
        .desk
        .act(id, caller, asked.note, |derived, act| Ok(action::take(derived, office, act)?));
    answer(&api, done.await, request.as_ref()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawalBody {
    office: String,
    reason: String,
    #[serde(default)]
    clerk: String,
}

/// Takes an office out of a dossier: nothing more is delivered to it, and it purges what it holds.
async fn withdraw(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<WithdrawalBody>(&body)?);
    let office = api.desk.office(&asked.office)?;
    let roles = api.desk.roles(id, office)?;
    let name = api.desk.engine().trust().office(office).map(|office| office.name.clone());
    let name = name.unwrap_or_else(|| office.to_string());
    let caller = caller(&headers, &format!("dossiers/{id}/withdrawals"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let reason = asked.reason;
    let done = api.desk.act(id, caller, String::new(), |_, act| {
        Ok(action::withdraw(&name, office, &roles, &reason, act)?)
    });
    answer(&api, done.await, request.as_ref()).await
}

async fn redo_list(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, DeskError> {
    api.desk.settled().await;
    Ok(Json(crate::redo::list(&api.desk, dossier_id(&id)?).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedoBody {
    #[serde(default)]
    clerk: String,
}

async fn redo(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<RedoBody>(&body)?);
    let caller = caller(&headers, &format!("dossiers/{id}/redo"), &body, asked.clerk)?;
    api.desk.settled().await;
    Ok(Json(crate::redo::run(&api.desk, id, caller).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteBody {
    text: String,
    #[serde(default)]
    clerk: String,
}

async fn note(
    Extract(api): Extract<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, DeskError> {
    let (id, asked) = (dossier_id(&id)?, read::<NoteBody>(&body)?);
    let caller = caller(&headers, &format!("dossiers/{id}/notes"), &body, asked.clerk)?;
    let request = caller.request.clone();
    let text = asked.text;
    let done =
        api.desk.act(id, caller, String::new(), |_, act| Ok(action::note(text.clone(), act)?));
    answer(&api, done.await, request.as_ref()).await
}

pub(crate) async fn answer(
    api: &Api,
    done: Result<DossierId, DeskError>,
    request: Option<&Asking>,
) -> Result<Json<Value>, DeskError> {
    match done {
        Ok(id) | Err(DeskError::Repeated(id)) => Ok(Json(brief(&api.desk, id, request).await?)),
        Err(error) => Err(error),
    }
}

/// What every saved action answers with; it is on this machine's disk by then. Under a key it is what
/// the dossier was right behind the act, whenever it is asked for again.
pub(crate) async fn brief(
    desk: &Desk,
    id: DossierId,
    request: Option<&Asking>,
) -> Result<Value, DeskError> {
    let facts = desk.facts_saved(id).await?;
    let acts = || asked::requests(&facts);
    let act = request.and_then(|one| acts().filter(|(_, asked)| asked.key == one.asked.key).last());
    let upto = act.map_or(facts.len(), |(act, _)| facts.partition_point(|fact| fact.id <= act.id));
    let state = motcua_dossier::derive::derive(&facts[..upto]).state;
    Ok(json!({
        "id": id.to_string(),
        "code": motcua_dossier::view::view(&facts).summary.code,
        "state": state.code(),
        "state_vi": state.vi(),
        "state_en": state.en(),
        "saved": true,
    }))
}

/// A body within [`BODY_BYTES`], or a refusal in words.
pub(crate) struct Body(Bytes);

impl std::ops::Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = DeskError;

    async fn from_request(request: Request, state: &S) -> Result<Self, DeskError> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(DeskError::TooLong { limit: BODY_BYTES })
            }
            Err(error) => Err(DeskError::Request(error.body_text())),
        }
    }
}

/// What stands behind the question mark, or a refusal in words.
pub(crate) struct Seek<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Seek<T> {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, DeskError> {
        let found = Query::from_request_parts(parts, state).await;
        let Query(found) = found.map_err(|error| DeskError::Request(error.body_text()))?;
        Ok(Self(found))
    }
}

pub(crate) fn dossier_id(text: &str) -> Result<DossierId, DeskError> {
    text.parse().map_err(|_| DeskError::NoDossier(text.chars().take(80).collect()))
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DeskError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let why = error.into_inner().to_string();
        if field == "." { DeskError::Request(why) } else { DeskError::Field { field, why } }
    })?;
    json.end().map_err(|error| DeskError::Request(error.to_string()))?;
    Ok(value)
}

/// Who calls: the clerk's name, and the key under which this very request may be repeated.
pub(crate) fn caller(
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
    clerk: String,
) -> Result<Caller, DeskError> {
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    asking(headers, path, &body, clerk)
}

/// The same where what is asked for is not the body.
pub(crate) fn asking(
    headers: &HeaderMap,
    path: &str,
    said: &Value,
    clerk: String,
) -> Result<Caller, DeskError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(Caller { clerk: shown(&clerk), request: None });
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > KEY_CHARACTERS {
        let why = format!("Idempotency-Key must be 1 to {KEY_CHARACTERS} visible characters");
        return Err(DeskError::Request(why));
    }
    Ok(keyed(text, path, said, clerk))
}

fn keyed(key: &str, path: &str, said: &Value, clerk: String) -> Caller {
    let mut fields = Vec::new();
    flatten(said, &mut fields);
    fields.push(("path".to_owned(), path.to_owned()));
    let asked = Asked::new(key, fields.iter().map(|(name, said)| (name.clone(), said.as_str())));
    let request = asked.request().map(|key| Asking { key, asked });
    Caller { clerk: shown(&clerk), request }
}

/// A clerk's name as it is shown.
pub(crate) fn shown(clerk: &str) -> String {
    let clerk: String = clerk.trim().chars().take(100).collect();
    if clerk.is_empty() { "Quầy tiếp nhận".into() } else { clerk }
}

/// What a body says, field by field: the order of its keys and what is empty mean nothing.
fn flatten(said: &Value, fields: &mut Vec<(String, String)>) {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.is_empty() => String::new(),
        other => other.to_string(),
    };
    for (name, value) in said.as_object().into_iter().flatten() {
        match value {
            Value::Object(inner) => {
                fields.extend(
                    inner.iter().map(|(sub, value)| (format!("{name}.{sub}"), text(value))),
                );
            }
            value => fields.push((name.clone(), text(value))),
        }
    }
}

async fn scrape(Extract(api): Extract<Api>) -> Result<Response, DeskError> {
    let engine = api.desk.engine();
    let mut state = sync_state(engine)?;
    api.places.tell(&api.desk, &mut state)?;
    let mut out = Metrics::default();
    motcua_shell::measures::collect(engine, &mut out)?;
    for (name, help, value) in [
        ("motcua_unsent_changes", "Own changes that the hub lacks.", state.unsent_changes),
        (
            "motcua_hub_connected",
            "Whether the hub is connected.",
            u64::from(state.link == "connected"),
        ),
    ] {
        out.family(name, "gauge", help).sample(name, &[], value as f64);
    }
    api.courier.metrics(&mut out);
    api.places.metrics(&state, &mut out);
    Ok(out.response())
}
