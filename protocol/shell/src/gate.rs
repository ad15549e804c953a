//! The page from the first moment on. A listener is served by a gate; behind it stands at first what can
//! be said before journal and state are open, later the real routes.

use crate::{
    http::{self, Metrics, PageFile},
    startup::{Startup, View},
};
use axum::{
    Json, Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::task::JoinHandle;
use tower_service::Service;

/// How long answers may take when a service stops; shorter while its state is not up, where none takes
/// long.
pub const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// See [`LAST_ANSWERS`].
pub const LAST_EARLY_ANSWERS: Duration = Duration::from_secs(2);

/// Seconds after which whoever was told to wait may ask again.
const ASK_AGAIN: u64 = 2;

/// Routes that can be changed while they are served; cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<RwLock<Router>>);

impl Gate {
    /// Begins with these.
    pub fn new(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }

    /// Requests from here on go there.
    pub fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// For the listener.
    pub fn router(&self) -> Router {
        let gate = self.clone();
        Router::new().fallback(move |request: Request| async move {
            let mut router = gate.0.read().unwrap_or_else(PoisonError::into_inner).clone();
            // A router is always ready and never fails.
            router.call(request).await.unwrap_or_else(|never| match never {})
        })
    }
}

/// Waits for the answers that are under way when a service is to stop, for as long as there is time.
///
/// # Errors
/// What the listener says.
pub async fn last_answers(
    serving: JoinHandle<std::io::Result<()>>,
    time: Duration,
) -> anyhow::Result<()> {
    match tokio::time::timeout(time, serving).await {
        Ok(served) => Ok(served??),
        Err(_) => {
            tracing::warn!(?time, "answers that were under way are cut off");
            Ok(())
        }
    }
}

/// What is said before journal and state are open: health, metrics, files of a page, and to everything
/// else what is being done and how far it is.
pub fn starting(startup: &Startup, files: &'static [PageFile]) -> Router {
    let (scraped, told) = (startup.clone(), startup.clone());
    let scrape = move || async move {
        let mut out = Metrics::default();
        collect(&scraped, &mut out);
        out.response()
    };
    http::files(files)
        .merge(health(startup))
        .route("/metrics", get(scrape))
        .fallback(move || async move { refusal(&told.view()) })
}

/// `/healthz` and `/readyz` of a service that is not up: alive unless the state has failed.
pub fn health<S: Clone + Send + Sync + 'static>(startup: &Startup) -> Router<S> {
    let startup = startup.clone();
    let alive = move || async move {
        match startup.is_broken() {
            false => (StatusCode::OK, "ok\n"),
            true => (StatusCode::INTERNAL_SERVER_ERROR, "the state failed\n"),
        }
    };
    let ready = || async { (StatusCode::SERVICE_UNAVAILABLE, "starting\n") };
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// Not now, and why, in words and numbers.
pub fn refusal(view: &View) -> Response {
    let body = json!({
        "error": {
            "code": "starting",
            "message_vi": format!("{}. Hãy thử lại sau ít phút.", view.words_vi),
            "message_en": format!("{}. Try again in a few minutes.", view.words_en),
            "field": null,
        },
        "start": view,
    });
    let again = [(header::RETRY_AFTER, ASK_AGAIN)];
    (StatusCode::SERVICE_UNAVAILABLE, again, Json(body)).into_response()
}

/// How far the start is, for a scraper.
pub fn collect(startup: &Startup, out: &mut Metrics) {
    let view = startup.view();
    out.family("motcua_start_step", "gauge", "1 for what the start is busy with; up is all of it.");
    out.sample("motcua_start_step", &[("step", view.step)], 1.0);
    for (name, help, value) in [
        ("motcua_start_done", "Parts of this step of the start that are done.", view.done),
        ("motcua_start_all", "Parts of this step of the start; 0 where nobody knows.", view.all),
        (
            "motcua_state_rebuilding",
            "Whether a lost state is being made again from the journal.",
            u64::from(view.rebuilding),
        ),
    ] {
        out.family(name, "gauge", help).sample(name, &[], value as f64);
    }
    let name = "motcua_state_lost";
    out.family(name, "gauge", "1 if the state was lost when this process started, by reason.");
    if let Some(rebuild) = startup.rebuild() {
        let why = rebuild.why.as_ref().map_or("missing", |why| why.word());
        out.sample(name, &[("reason", why)], 1.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::Body;

    async fn ask(router: &mut Router, path: &str) -> (StatusCode, String) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.call(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_same_listener_answers_before_the_routes_are_there_and_after() {
        let startup = Startup::default();
        let gate = Gate::new(starting(&startup, &[]));
        let mut router = gate.router();
        let (status, body) = ask(&mut router, "/api/v1/dossiers").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("Đang mở sổ ghi") && body.contains("\"step\":\"journal\""), "{body}");
        assert_eq!(ask(&mut router, "/healthz").await.0, StatusCode::OK);
        assert_eq!(ask(&mut router, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ask(&mut router, "/metrics").await.1.contains("step=\"journal\"} 1"));
        gate.set(Router::new().route("/api/v1/dossiers", get(|| async { "all of them" })));
        assert_eq!(ask(&mut router, "/api/v1/dossiers").await.1, "all of them");
    }
}
