//! What the pages of node and hub have in common: serving with a clean end, embedded files,
//! headers that leave a browser no room, and metrics in Prometheus' text form.

mod files;
mod sessions;

pub use files::{PageFile, files, weight};
pub use sessions::{Bounds as SessionBounds, Sessions};

use crate::{
    engine::{Engine, Progress},
    shutdown::Readiness,
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
    serve::{Listener, ListenerExt},
};
use std::{fmt::Write as _, future::Future, net::SocketAddr};
use tokio::net::TcpListener;

/// Everything comes from this machine; nothing runs inline; nobody may frame the page.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'";

/// By which the other end of a connection is named that did not come in the clear.
pub(crate) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// `GET /healthz`: alive, which means that the state still follows the journal. `GET /readyz`: every
/// part has started.
pub fn health<S: Clone + Send + Sync + 'static>(engine: &Engine, ready: Readiness) -> Router<S> {
    let progress = engine.progress();
    let alive = move || async move {
        match &*progress.borrow() {
            Progress::At(_) => (StatusCode::OK, "ok\n".to_owned()),
            Progress::Waiting(_, why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            Progress::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
        }
    };
    let started = move || async move {
        if ready.is_ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
        }
    };
    Router::new().route("/healthz", get(alive)).route("/readyz", get(started))
}

/// Adds the headers that every answer carries.
pub fn guarded(router: Router) -> Router {
    router.layer(middleware::from_fn(guard))
}

/// Requests that change something must come from this very page: a page of another origin is
/// refused by its `Origin`, and a name that is not ours by its `Host`.
async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) {
        let bare = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        if bare != host {
            return (StatusCode::FORBIDDEN, "this page belongs to another origin").into_response();
        }
    }
    let mut response = to_its_end(request, next).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is said of people stays in no browser's store; files of the page say otherwise themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What changes something is carried to its end although the caller has gone: an act is dropped before
/// its first step or never, so whoever asks again with the same key meets its answer.
async fn to_its_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request was not carried to its end");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Binds before anything is served, so that a taken address is said at once.
///
/// # Errors
/// What the system says about the address.
pub async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `stop` resolves and open requests are answered.
///
/// # Errors
/// What the listener says.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    serve_on(listener, router, stop).await
}

/// The same on connections of another kind.
pub(crate) async fn serve_on<L: Listener<Addr = SocketAddr>>(
    listener: L,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = guarded(router).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener.tap_io(|_| {}), service).with_graceful_shutdown(stop).await
}

/// The header line of a request that bears a token, or nothing.
pub fn bearer(token: Option<&str>) -> String {
    token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
}

/// Collects metrics in Prometheus' text form (version 0.0.4).
#[derive(Debug, Default)]
pub struct Metrics(String);

impl Metrics {
    /// Begins a metric.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// One sample; label values are escaped.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.0.push_str(name);
        for (position, (label, text)) in labels.iter().enumerate() {
            self.0.push(if position == 0 { '{' } else { ',' });
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{label}=\"{escaped}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
        self
    }

    /// The answer to a scrape.
    pub fn response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], self.0)
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_cannot_break_out() {
        let mut metrics = Metrics::default();
        metrics.sample("a_total", &[("office", "x\"}\n1")], 2.0);
        assert_eq!(metrics.0, "a_total{office=\"x\\\"}\\n1\"} 2\n");
    }
}
