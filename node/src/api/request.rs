//! A request, read: its body, its address, and who calls.

use crate::{
    desk::{Asking, Caller},
    error::DeskError,
    people::who::in_stead_of,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{HeaderMap, StatusCode, request::Parts},
};
use motcua_core::id::DossierId;
use motcua_dossier::asked::Asked;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longest request body: a dossier of 100 papers with long names fits many times.
pub(crate) const BODY_BYTES: usize = 256 * 1024;
/// Longest idempotency key.
const KEY_CHARACTERS: usize = 200;

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

/// The body as what is expected, or a refusal that names the field.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DeskError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(refused)?;
    json.end().map_err(|error| DeskError::Request(error.to_string()))?;
    Ok(value)
}

fn refused(error: serde_path_to_error::Error<serde_json::Error>) -> DeskError {
    let field = error.path().to_string();
    let why = error.into_inner().to_string();
    if field == "." { DeskError::Request(why) } else { DeskError::Field { field, why } }
}

/// The same of a body that may say beside it who the clerk is; and who calls.
pub(crate) fn by_clerk<T: DeserializeOwned>(
    headers: &HeaderMap,
    path: &str,
    body: &[u8],
) -> Result<(T, Caller), DeskError> {
    let said: Value = read(body)?;
    let mut asked = said.clone();
    let clerk = match asked.as_object_mut().and_then(|fields| fields.remove("clerk")) {
        None => String::new(),
        Some(Value::String(clerk)) => clerk,
        Some(_) => {
            return Err(DeskError::Field { field: "clerk".into(), why: "must be text".into() });
        }
    };
    let asked = serde_path_to_error::deserialize(asked).map_err(refused)?;
    Ok((asked, asking(headers, path, &said, clerk)?))
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
        return Ok(Caller { clerk: shown(&clerk), in_stead_of: in_stead_of(), request: None });
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > KEY_CHARACTERS {
        let why = format!("Idempotency-Key must be 1 to {KEY_CHARACTERS} visible characters");
        return Err(DeskError::Request(why));
    }
    Ok(keyed(text, path, said, clerk))
}

/// The same for one of the dossiers that a request names: under a key of its own, which follows from the
/// caller's, so that the whole request can be repeated.
pub(crate) fn one_of_many(
    headers: &HeaderMap,
    path: &str,
    said: &Value,
    clerk: String,
    which: &str,
) -> Result<Caller, DeskError> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    match key {
        // No header holds a line's end: no caller has such a key.
        Some(key) => Ok(keyed(&format!("{key}\n{which}"), path, said, clerk)),
        None => asking(headers, path, said, clerk),
    }
}

pub(crate) fn keyed(key: &str, path: &str, said: &Value, clerk: String) -> Caller {
    let mut fields = Vec::new();
    flatten(said, &mut fields);
    fields.push(("path".to_owned(), path.to_owned()));
    let asked = Asked::new(key, fields.iter().map(|(name, said)| (name.clone(), said.as_str())));
    let request = asked.request().map(|key| Asking { key, asked });
    Caller { clerk: shown(&clerk), in_stead_of: in_stead_of(), request }
}

/// A clerk's name as it is shown.
fn shown(clerk: &str) -> String {
    let clerk = crate::people::who::name_or(clerk);
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
