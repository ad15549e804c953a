//! What the API says of dossiers: lists, one dossier whole, and its history in words.

mod dossier;
mod history;
mod list;
mod sync;

pub use dossier::{dossier, fresh};
pub(crate) use dossier::{known, outline};
pub(crate) use history::date_words;
pub use list::{ListQuery, list};
pub(crate) use list::{PAGE, code_of, lines};

use crate::error::DeskError;
use motcua_core::{id::OfficeId, trust::TrustView};
use serde_json::{Value, json};

pub(crate) fn office_json(trust: &TrustView, id: &str) -> Value {
    let office = id.parse::<OfficeId>().ok().and_then(|id| trust.office(id).cloned());
    json!({ "id": id, "name": office.map(|office| office.name) })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, DeskError> {
    let bad = || DeskError::Unknown { field: "after", value: text.chars().take(80).collect() };
    if !text.is_ascii() || !text.len().is_multiple_of(2) || text.len() > 200 {
        return Err(bad());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad()))
        .collect()
}
