//! Who may do what at the console, see design/console.md. Operators log in and have a session in a
//! cookie; programs bear a token; figures may also be read from this machine.

mod log_in;
mod operators;
mod tokens;

pub(crate) use log_in::routes;
pub use operators::{Operator, Operators, OperatorsError};

use crate::limits;
use axum::{
    Json, Router,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use motcua_core::id::NodeId;
use motcua_shell::{http::Sessions, rate::SourceRates};
use serde_json::json;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokens::{Bearer, Tokens};
use tokio::{sync::Semaphore, time::Instant};

/// Set by the page where a person did something since it last asked.
const BY_HAND: &str = "x-motcua-by-hand";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An operator who has logged in.
    Operator(String),
    /// A program with the token.
    Program,
    /// A program with the token for reading, or anybody on this machine.
    Reader,
    /// Nobody in particular.
    Nobody,
}

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: what is handed in proves itself.
    Nothing,
    /// To read figures.
    Reading,
    /// To operate the hub.
    Operating,
}

/// The console's door.
#[derive(Debug)]
pub(crate) struct Access {
    operators: Operators,
    tokens: Tokens,
    /// By name; what opened it is the hash of the password.
    sessions: Sessions<String>,
    attempts: Mutex<SourceRates>,
    /// Hashes that are made at once: each takes much memory.
    hashing: Semaphore,
}

/// Folder of operators and tokens.
fn folder(data: &Path) -> PathBuf {
    data.join("console")
}

impl Access {
    /// Of the hub with this data folder.
    pub(crate) fn new(data: &Path, node: NodeId) -> anyhow::Result<Arc<Self>> {
        let (each, all) = (limits::ATTEMPTS, limits::ATTEMPTS_OF_ALL);
        let attempts = SourceRates::new(each, all, limits::SOURCES, Instant::now());
        let operators = Operators::of(data);
        if operators.list()?.is_empty() {
            tracing::warn!("nobody can log in at the console yet: run motcua-hub operator add");
        }
        Ok(Arc::new(Self {
            operators,
            tokens: Tokens::of(data)?,
            sessions: Sessions::new(node, limits::SESSIONS),
            attempts: Mutex::new(attempts),
            hashing: Semaphore::new(1),
        }))
    }

    /// Puts the door before routes.
    pub(crate) fn guard<S: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        need: Need,
        routes: Router<S>,
    ) -> Router<S> {
        routes.route_layer(middleware::from_fn_with_state((Arc::clone(self), need), pass))
    }

    fn caller(&self, request: &Request, peer: SocketAddr) -> Result<Caller, Refused> {
        let headers = request.headers();
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(token) = bearer.and_then(|text| text.strip_prefix("Bearer ")) {
            return match self.tokens.bearer(token.trim()) {
                Some(Bearer::Full) => Ok(Caller::Program),
                Some(Bearer::Read) => Ok(Caller::Reader),
                None => Err(Refused::Token),
            };
        }
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        if let Some(name) = self.session(headers, changes)? {
            // Browsers name the page that makes them change something, and a name that is not this
            // page's was refused before.
            if changes && !headers.contains_key(header::ORIGIN) {
                return Err(Refused::Origin);
            }
            return Ok(Caller::Operator(name));
        }
        let is_here = peer.ip().to_canonical().is_loopback() && is_direct(headers);
        Ok(if is_here { Caller::Reader } else { Caller::Nobody })
    }

    fn session(&self, headers: &HeaderMap, changes: bool) -> Result<Option<String>, Refused> {
        let all = self.operators.list().map_err(Refused::Operators)?;
        let by_hand = changes || headers.contains_key(BY_HAND);
        let known = |name: &String, hash: &str| {
            all.iter().any(|operator| operator.name == *name && operator.hash == hash)
        };
        Ok(self.sessions.check(headers, Instant::now(), by_hand, known))
    }
}

/// Neither passed on by a proxy of this machine, nor asked for under a name that somebody else may
/// have pointed here, so that a browser of this machine takes it for that somebody's page.
fn is_direct(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let name = name.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_own = name == "localhost" || name.parse::<IpAddr>().is_ok();
    is_own && !["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name))
}

async fn pass(
    State((access, need)): State<(Arc<Access>, Need)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match access.caller(&request, peer) {
        Ok(caller) => caller,
        Err(refused) => return refused.into_response(),
    };
    let may = match (need, &caller) {
        (Need::Nothing, _) | (_, Caller::Operator(_) | Caller::Program) => true,
        (Need::Reading, Caller::Reader) => true,
        (Need::Reading | Need::Operating, Caller::Reader | Caller::Nobody) => false,
    };
    if !may {
        let refused = match access.operators.list() {
            Ok(all) if all.is_empty() => Refused::NoOperator,
            Ok(_) => Refused::LogIn,
            Err(error) => Refused::Operators(error),
        };
        return refused.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Why somebody is not let in.
#[derive(Debug)]
enum Refused {
    LogIn,
    NoOperator,
    Token,
    Origin,
    Wrong,
    TooOften,
    Body,
    Operators(OperatorsError),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code, vi, en) = match &self {
            Self::LogIn => (
                StatusCode::UNAUTHORIZED,
                "log_in",
                "Hãy đăng nhập.".to_owned(),
                "Log in first; programs bear the token of this hub.".to_owned(),
            ),
            Self::NoOperator => (
                StatusCode::UNAUTHORIZED,
                "no_operator",
                "Chưa ai đăng nhập được: trên máy hub, hãy chạy motcua-hub operator add.".into(),
                "Nobody can log in yet: on the hub's machine, run motcua-hub operator add.".into(),
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "token",
                "Mã truy cập không đúng.".into(),
                "This is not a token of this hub.".into(),
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "origin",
                "Yêu cầu không đến từ trang này.".into(),
                "The request does not come from this page.".into(),
            ),
            Self::Wrong => (
                StatusCode::UNAUTHORIZED,
                "wrong",
                "Tên hoặc mật khẩu không đúng.".into(),
                "Name or password is wrong.".into(),
            ),
            Self::TooOften => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_often",
                "Đã thử quá nhiều lần; hãy đợi nửa phút rồi thử lại.".into(),
                "Too many attempts; wait half a minute and try again.".into(),
            ),
            Self::Body => (
                StatusCode::BAD_REQUEST,
                "bad_request",
                "Yêu cầu đăng nhập không đọc được.".into(),
                "The log-in cannot be read; it is JSON with name and password.".into(),
            ),
            Self::Operators(error) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "operators",
                format!("Không đọc được danh sách người vận hành ({error})."),
                error.to_string(),
            ),
        };
        let body = json!({ "error": {
            "code": code, "message_vi": vi, "message_en": en, "field": null,
        }});
        (status, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_is_direct_under_an_address_or_localhost_and_not_through_a_proxy() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &str)| {
                (axum::http::HeaderName::from_static(name), value.parse().unwrap())
            };
            pairs.iter().map(pair).collect()
        };
        for host in ["127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[::1]", "localhost:8080"] {
            assert!(is_direct(&headers(&[("host", host)])), "{host}");
            for proxy in ["forwarded", "x-forwarded-for"] {
                assert!(!is_direct(&headers(&[("host", host), (proxy, "for=192.0.2.1")])));
            }
        }
        for host in ["", "rebound.example:8080", "localhost.example", "127.0.0.1.example:80"] {
            assert!(!is_direct(&headers(&[("host", host)])), "{host}");
        }
    }
}
