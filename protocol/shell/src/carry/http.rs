//! Bundles over the local API: `GET /api/v1/bundle` writes one, `POST /api/v1/bundle` takes one in.
//! Both stream, so that a large file needs no memory; what a page or the command line does is only
//! to carry the bytes.

use super::{CarryError, Courier, Exported, Imported, Spool};
use crate::clock::Clock;
use axum::{
    Json, Router,
    body::{Body, Bytes, HttpBody},
    extract::{Query, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use http_body::{Frame, SizeHint};
use motcua_core::{
    bundle::BundleError,
    id::{NodeId, OfficeId},
    limits,
    time::Timestamp,
    trust::NodeKind,
};
use serde::Deserialize;
use std::{
    future::poll_fn,
    io::{Read, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::mpsc::{Receiver, channel};

/// Header of an answer that carries a bundle: [`Exported`] as JSON in ASCII.
pub const ABOUT: &str = "x-motcua-bundle";

/// The routes.
pub fn router(courier: Arc<Courier>) -> Router {
    Router::new().route("/api/v1/bundle", get(export).post(import)).with_state(courier)
}

impl IntoResponse for CarryError {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// At a node: also what the hub is known to have.
    #[serde(default)]
    all: bool,
    /// At a hub: code or id of the office.
    office: Option<String>,
    /// At a hub: one machine of it.
    node: Option<String>,
    /// Megabytes of scans at most.
    scans: Option<u64>,
}

async fn export(
    State(courier): State<Arc<Courier>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, CarryError> {
    let scans = wanted.scans.map(|mb| mb.saturating_mul(1_000_000));
    let scans = scans.unwrap_or(limits::BUNDLE_SCANS_BYTES);
    let (spool, about) = match (courier.engine.kind, &wanted.office) {
        (NodeKind::Node, _) | (NodeKind::Hub, None) => courier.export_up(wanted.all, scans).await?,
        (NodeKind::Hub, Some(office)) => {
            let office = courier.office(office)?;
            let node = wanted.node.as_deref().map(machine).transpose()?;
            courier.export_down(office, node, scans).await?
        }
    };
    send(&courier, spool, &about)
}

fn machine(text: &str) -> Result<NodeId, CarryError> {
    let value = text.chars().take(80).collect();
    text.parse().map_err(|_| CarryError::Unknown { what: "machine", value })
}

impl Courier {
    /// An office below by its id, or by a code that names one alone.
    fn office(&self, text: &str) -> Result<OfficeId, CarryError> {
        let trust = self.engine.trust();
        let all = trust.catalogue().map(|all| all.offices.as_slice()).unwrap_or_default();
        let id = text.parse::<OfficeId>().ok();
        let mut found = all.iter().filter(|office| {
            trust.next_hop(self.engine.me.office, office.id) == Some(office.id)
                && (Some(office.id) == id || office.code == text || office.org_code == text)
        });
        match (found.next(), found.next()) {
            (Some(office), None) => Ok(office.id),
            _ => {
                let value = text.chars().take(80).collect();
                Err(CarryError::Unknown { what: "office below this hub", value })
            }
        }
    }
}

fn send(courier: &Courier, spool: Spool, about: &Exported) -> Result<Response, CarryError> {
    let (length, file) = (about.bytes, spool.open()?);
    // The file goes when the last byte has been read.
    let body = file_body((spool, file), length, |(_, file), buffer| file.read(buffer));
    let about = serde_json::to_string(about).unwrap_or_default();
    let about = HeaderValue::from_str(&ascii(&about));
    let name = format!("attachment; filename=\"{}\"", file_name(courier.engine.clock().wall()));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(about) = about {
        headers.insert(ABOUT, about);
    }
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// A body of `length` bytes that are read while it is sent; whatever is read from goes at the end.
pub fn file_body<F: Send + 'static>(
    mut from: F,
    length: u64,
    read: impl Fn(&mut F, &mut [u8]) -> std::io::Result<usize> + Send + 'static,
) -> Body {
    let (send, chunks) = channel(4);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut chunk = vec![0; 64 * 1024];
            let read = read(&mut from, &mut chunk);
            let ended = !matches!(read, Ok(count) if count > 0);
            let chunk = read.map(|count| {
                chunk.truncate(count);
                Bytes::from(chunk)
            });
            if matches!(&chunk, Ok(chunk) if chunk.is_empty()) {
                return;
            }
            // Whoever asked has gone.
            if send.blocking_send(chunk).is_err() || ended {
                return;
            }
        }
    });
    Body::new(Chunks { chunks, left: length })
}

/// Says when and nothing else: a stick that is lost must not tell whose it was.
fn file_name(at: Timestamp) -> String {
    format!("motcua-{}.mcb", at.0 / 1_000)
}

/// JSON whose every character fits a header.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// A file as a body.
struct Chunks {
    chunks: Receiver<std::io::Result<Bytes>>,
    left: u64,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.chunks.poll_recv(context).map(|chunk| {
            chunk.map(|chunk| {
                chunk.map(|chunk| {
                    self.left = self.left.saturating_sub(chunk.len() as u64);
                    Frame::data(chunk)
                })
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[derive(serde::Serialize)]
struct Answer {
    #[serde(flatten)]
    imported: Imported,
    /// Where the answer to the bundle is written, at a hub.
    reply: Option<String>,
}

async fn import(
    State(courier): State<Arc<Courier>>,
    request: Request,
) -> Result<Response, CarryError> {
    let spool = receive(&courier, request.into_body()).await?;
    let imported = courier.import(spool).await?;
    let reply = (imported.direction == "up")
        .then(|| format!("/api/v1/bundle?office={}&node={}", imported.office, imported.machine));
    Ok((StatusCode::OK, Json(Answer { imported, reply })).into_response())
}

/// Writes a body into a spool, up to the limit.
async fn receive(courier: &Courier, mut body: Body) -> Result<Spool, CarryError> {
    let mut spool = courier.spool()?;
    let mut got = 0;
    let cut = |error: axum::Error| CarryError::Io(std::io::Error::other(error));
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(chunk) = frame.map_err(cut)?.into_data() else { continue };
        got += chunk.len() as u64;
        if got > limits::BUNDLE_BYTES {
            let limit = limits::BUNDLE_BYTES;
            return Err(BundleError::Limit { what: "bytes", got, limit }.into());
        }
        let written =
            tokio::task::spawn_blocking(move || spool.file().write_all(&chunk).map(|()| spool));
        spool = written.await.map_err(|_| CarryError::Stopping)??;
    }
    Ok(spool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_language_fit_a_header() {
        let text = ascii("{\"a\":\"Hub đã nhận 𝕏\"}");
        assert!(text.is_ascii());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(value["a"], "Hub đã nhận 𝕏");
    }

    #[test]
    fn the_name_of_a_file_says_when_and_nothing_else() {
        assert_eq!(file_name(Timestamp(1_795_575_600_123)), "motcua-1795575600.mcb");
    }
}
