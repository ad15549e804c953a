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
use tokio::{sync::watch, task::JoinHandle};
use tower_service::Service;

/// How long answers may take when a service stops; shorter while its state is not up, where none takes
/// long.
pub const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// See [`LAST_ANSWERS`].
pub const LAST_EARLY_ANSWERS: Duration = Duration::from_secs(2);

/// Seconds after which whoever was told to wait may ask again.
const ASK_AGAIN: u64 = 2;

/// How long a question to the API waits for its routes: most starts are over by then, and nobody who
/// asks in between need know of them.
const ROUTES_WAIT: Duration = Duration::from_secs(2);

/// Routes that can be changed while they are served; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    routes: Arc<RwLock<Router>>,
    /// Whether they were changed.
    changed: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// Begins with these.
    pub fn new(router: Router) -> Self {
        let changed = Arc::new(watch::Sender::new(false));
        Self { routes: Arc::new(RwLock::new(router)), changed }
    }

    /// Requests from here on go there, and those that waited.
    pub fn set(&self, router: Router) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = router;
        self.changed.send_replace(true);
    }

    /// A moment's patience with a start; the line of the page is not to wait.
    async fn wait(&self, path: &str) {
        if path.starts_with("/api/") && path != "/api/v1/sync" {
            let mut changed = self.changed.subscribe();
            // Whoever has waited in vain is told how far the start is.
            let _ = tokio::time::timeout(ROUTES_WAIT, changed.wait_for(|is| *is)).await;
        }
    }

    /// For the listener.
    pub fn router(&self) -> Router {
        let gate = self.clone();
        Router::new().fallback(move |request: Request| async move {
            gate.wait(request.uri().path()).await;
            let mut router = gate.routes.read().unwrap_or_else(PoisonError::into_inner).clone();
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

    #[tokio::test]
    async fn who_asks_a_moment_too_early_is_answered_by_the_routes_that_come() {
        let gate = Gate::new(starting(&Startup::default(), &[]));
        let mut router = gate.router();
        let early = tokio::spawn(async move { ask(&mut router, "/api/v1/dossiers").await });
        tokio::task::yield_now().await;
        gate.set(Router::new().route("/api/v1/dossiers", get(|| async { "all of them" })));
        assert_eq!(early.await.unwrap(), (StatusCode::OK, "all of them".to_owned()));
    }
}
