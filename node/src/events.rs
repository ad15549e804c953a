//! `GET /api/v1/events`: what changes, as server-sent events, so that one connection serves all tabs of a
//! browser (browsers open about six to one machine).
//!
//! - `sync`: the whole of `GET /sync`, at the beginning and whenever it is another
//! - `draft`: `{id, revision}` of a draft that changed
//! - `beat`: nothing changed; at the latest a second after the event before, so that whoever hears nothing
//!   for two knows that what is shown may be old

use crate::{
    api::{Api, sync_of},
    error::DeskError,
    scans::body::Outgoing,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State as Extract,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{
        broadcast::error::RecvError,
        mpsc::{Sender, channel},
    },
    time::{MissedTickBehavior, interval, sleep},
};

/// Longest silence.
const BEAT: Duration = Duration::from_secs(1);
/// Changes that follow each other are told together: a busy machine changes hundreds of times a second.
const TOGETHER: Duration = Duration::from_millis(100);
/// Streams at once: one for each browser of an office, several times over. Whoever comes later asks
/// `GET /sync`.
pub(crate) const STREAMS: usize = 200;
/// Events that wait for a slow reader; it then hears the newest later, never an old one twice.
const WAITING: usize = 4;

/// The route.
pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/events", get(events))
}

async fn events(Extract(api): Extract<Api>) -> Result<Response, DeskError> {
    let place = Arc::clone(&api.streams).try_acquire_owned().map_err(|_| DeskError::Streams)?;
    let (send, frames) = channel(WAITING);
    tokio::spawn(async move {
        tell(&api, &send).await;
        drop(place);
    });
    let media = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((media, Body::new(Outgoing(frames))).into_response())
}

/// Until whoever listens has gone, or the service stops.
async fn tell(api: &Api, send: &Sender<io::Result<Bytes>>) {
    let mut stopping = pin!(api.stop.clone().asked());
    let mut progress = api.desk.engine().progress();
    let mut drafts = api.desk.drafts().told();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = String::new();
    loop {
        let told = tokio::select! {
            () = &mut stopping => return,
            () = send.closed() => return,
            draft = drafts.recv() => match draft {
                Ok((id, revision)) => {
                    Some(event("draft", &format!("{{\"id\":\"{id}\",\"revision\":{revision}}}")))
                }
                // Who missed some finds them by asking, as every tab does now and then.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            _ = beats.tick() => Some(event("beat", "{}")),
            changed = async { (progress.changed().await, sleep(TOGETHER).await).0 } => match changed {
                Ok(()) => None,
                Err(_) => return,
            },
        };
        let state = match sync_of(api) {
            Ok(state) => state.to_string(),
            Err(error) => {
                tracing::warn!(%error, "listeners are not told: they see that it is silent");
                continue;
            }
        };
        let news = (state != said).then(|| event("sync", &state));
        said = state;
        for text in news.into_iter().chain(told) {
            if send.send(Ok(Bytes::from(text))).await.is_err() {
                return;
            }
        }
    }
}

fn event(name: &str, data: &str) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
