//! Asking for a digest check over HTTP, and from the command line of the same machine.
//!
//! `GET /api/v1/verify` tells of the last check with the hub above; `POST` asks for one, at a hub
//! also of every connected machine below, and waits for its end a while.

use crate::engine::Engine;
use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

/// How long a caller waits for the end of a check. A quiet one takes a few seconds, one with
/// thousands of differences goes on behind the answer.
const WAIT: Duration = Duration::from_secs(60);
/// How often the end is looked for.
const POLL: Duration = Duration::from_millis(200);
/// Longest answer that the command line reads.
const ANSWER_BYTES: u64 = 64 * 1024;

/// The route, to be merged into a page's own.
pub fn route<S: Clone + Send + Sync + 'static>(engine: Arc<Engine>) -> Router<S> {
    let asked = Arc::clone(&engine);
    let show = move || async move { Json(state(&engine)) };
    let ask = move || async move { check(&asked).await };
    Router::new().route("/api/v1/verify", get(show).post(ask))
}

fn state(engine: &Engine) -> Value {
    let (ended, totals) = engine.check_totals();
    let last = engine.last_check().map(|(at, report)| {
        json!({
            "at": at.0,
            "checked": report.checked,
            "differing": report.differing,
            "repaired_here": report.from_hub,
            "repaired_at_hub": report.to_hub,
            "not_accepted_at_hub": report.decided,
            "unrepaired": report.unrepaired,
        })
    });
    json!({
        "last": last,
        "checks": ended,
        "differing_total": totals.differing,
        "unrepaired_total": totals.unrepaired,
        "set_back": engine.set_backs(),
    })
}

async fn check(engine: &Engine) -> Response {
    let (before, _) = engine.check_totals();
    engine.verify();
    if engine.trust().hub_above(engine.me.office).is_none() && engine.snapshot().children.is_empty()
    {
        return (StatusCode::ACCEPTED, Json(state(engine))).into_response();
    }
    let has_parent = engine.snapshot().upstream != motcua_core::replica::UpstreamPhase::NoParent;
    let until = tokio::time::Instant::now() + WAIT;
    while has_parent && engine.check_totals().0 == before {
        if tokio::time::Instant::now() >= until {
            let body = json!({ "error": {
                "code": "check_not_ended", "field": null,
                "message_vi": "Chưa đối chiếu xong với hub: hub không kết nối được hoặc còn thay đổi \
                    đang gửi. Việc đối chiếu sẽ tự chạy tiếp khi có mạng.",
                "message_en": "The check with the hub has not ended: the hub is not reached, or \
                    changes are still on their way. It goes on by itself once there is a line.",
            }});
            return (StatusCode::GATEWAY_TIMEOUT, Json(body)).into_response();
        }
        tokio::time::sleep(POLL).await;
    }
    (StatusCode::OK, Json(state(engine))).into_response()
}

/// Why the running service could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody answers there.
    #[error("nothing answers on {at}: {source}; is the service running?")]
    Unreachable {
        /// Address of its page.
        at: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// It answered with something else.
    #[error("the service on {at} answered: {words}")]
    Answer {
        /// Address of its page.
        at: SocketAddr,
        /// Its words, or what is wrong with them.
        words: String,
    },
}

/// Asks the service of this machine, with its token where it wants one, for a check and gives its
/// answer as JSON text.
///
/// # Errors
/// [`AskError`] when it does not answer, or says that the check has not ended.
pub fn ask(at: SocketAddr, token: Option<&str>) -> Result<String, AskError> {
    request(at, token, "POST /api/v1/verify", ANSWER_BYTES)
}

/// Sends a request without a body, given as method and path, to the service of this machine and
/// gives its answer, of at most `limit` bytes.
///
/// # Errors
/// [`AskError`] when it does not answer, or not with success.
pub fn request(
    at: SocketAddr,
    token: Option<&str>,
    what: &str,
    limit: u64,
) -> Result<String, AskError> {
    let unreachable = |source| AskError::Unreachable { at, source };
    let mut stream = TcpStream::connect(at).map_err(unreachable)?;
    let patience = Some(WAIT + Duration::from_secs(10));
    stream.set_read_timeout(patience).map_err(unreachable)?;
    let bearer = crate::http::bearer(token);
    let request = format!(
        "{what} HTTP/1.1\r\nhost: {at}\r\n{bearer}connection: close\r\n\
         content-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(unreachable)?;
    let mut bytes = Vec::new();
    stream.take(limit).read_to_end(&mut bytes).map_err(unreachable)?;
    let text = String::from_utf8_lossy(&bytes);
    let answer = |words: &str| AskError::Answer { at, words: words.chars().take(400).collect() };
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| answer("nothing"))?;
    match head.split(' ').nth(1) {
        Some("200" | "202") => Ok(body.to_owned()),
        _ => Err(answer(body)),
    }
}
