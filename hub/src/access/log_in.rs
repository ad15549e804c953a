//! `POST /api/v1/session` `{name, password}` logs in, `GET` says who is logged in, `DELETE` logs out.

use super::{Access, Caller, Need, Refused};
use crate::limits;
use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError},
};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(access: &Arc<Access>) -> Router<S> {
    let path = "/api/v1/session";
    let known = Router::new().route(path, get(who).delete(log_out));
    Router::new()
        .route(path, post(log_in))
        .merge(access.guard(Need::Operating, known))
        .layer(DefaultBodyLimit::max(limits::LOG_IN_BYTES))
        .with_state(Arc::clone(access))
}

async fn who(Extension(caller): Extension<Caller>) -> Json<Value> {
    let name = match caller {
        Caller::Operator(name) => Some(name),
        Caller::Program | Caller::Reader | Caller::Nobody => None,
    };
    Json(json!({ "operator": name, "idle_minutes": limits::SESSIONS.idle.as_secs() / 60 }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    name: String,
    password: String,
}

async fn log_in(
    State(access): State<Arc<Access>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let asked: LogIn = serde_json::from_slice(&body).map_err(|_| Refused::Body)?;
    let now = Instant::now();
    if !access.attempts.lock().unwrap_or_else(PoisonError::into_inner).allow(peer.ip(), now) {
        tracing::warn!(from = %peer.ip(), "console: log-in refused, too many attempts");
        return Err(Refused::TooOften);
    }
    let operators = access.operators.clone();
    let turn = access.hashing.acquire().await.map_err(|_| Refused::TooOften)?;
    let (name, password) = (asked.name, Zeroizing::new(asked.password));
    let checked = tokio::task::spawn_blocking(move || operators.log_in(&name, &password)).await;
    drop(turn);
    // A panic of the hash is no log-in.
    let operator = checked.map_err(|_| Refused::Wrong)?.map_err(Refused::Operators)?;
    let Some(operator) = operator else {
        // Not the name: people type their password there.
        tracing::warn!(from = %peer.ip(), "console: log-in refused, wrong name or password");
        return Err(Refused::Wrong);
    };
    tracing::info!(operator = operator.name, from = %peer.ip(), "console: logged in");
    let body =
        json!({ "operator": operator.name, "idle_minutes": limits::SESSIONS.idle.as_secs() / 60 });
    let (name, hash) = (operator.name, operator.hash);
    let opened = access.sessions.open(&headers, name, &hash, Instant::now());
    let cookie = opened.map_err(|_| Refused::Wrong)?;
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie)], Json(body)).into_response())
}

async fn log_out(State(access): State<Arc<Access>>, headers: HeaderMap) -> Response {
    let cookie = access.sessions.close(&headers);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}
