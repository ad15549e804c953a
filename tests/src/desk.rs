//! A clerk by program: registers, moves and forwards dossiers over a node's API. The people are
//! invented; every name holds *Mẫu* (sample).

use crate::{
    http::{Answer, Client},
    patience::until,
    seed::Seed,
};
use serde_json::{Value, json};
use std::{io, time::Duration};

const PROCEDURES: &str = include_str!("../data/procedures-commune.csv");

/// Why a request gave no "yes".
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No whole answer: it may have been done or not; ask again with the same key.
    #[error("no answer: {0}")]
    Doubtful(#[from] io::Error),
    /// The node said no.
    #[error("refused with {}: {}", .0.status, .0.text())]
    Refused(Answer),
}

/// What a node promised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registered {
    /// Id of the dossier.
    pub id: String,
    /// Its code, as printed on the receipt.
    pub code: String,
}

/// One node's API.
#[derive(Debug, Clone, Copy)]
pub struct Desk {
    /// The client below.
    pub client: Client,
}

impl Desk {
    /// At a node.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Registers a dossier.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn register(&self, key: &str, body: &Value) -> Result<Registered, Trouble> {
        let answer = self.post("/api/v1/dossiers", key, body)?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok(Registered { id: text("id"), code: text("code") })
    }

    /// Registers, asking again with the same key until there is an answer or the time is over.
    ///
    /// # Errors
    /// [`Trouble`] of the last try.
    pub fn register_surely(
        &self,
        key: &str,
        body: &Value,
        patience: Duration,
    ) -> Result<Registered, Trouble> {
        surely(patience, || self.register(key, body))
    }

    /// Moves a dossier to a state of the portal, 1 to 10.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn step(&self, id: &str, to: u64, note: &str) -> Result<Value, Trouble> {
        let body = json!({ "to": to, "note": note });
        self.post(&format!("/api/v1/dossiers/{id}/moves"), &fresh_key(), &body)
    }

    /// Forwards a dossier to the office with this id.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn forward(&self, id: &str, office: &str, note: &str) -> Result<Value, Trouble> {
        let body = json!({ "office": office, "note": note });
        self.post(&format!("/api/v1/dossiers/{id}/forwards"), &fresh_key(), &body)
    }

    /// The same under a key, to be asked again until there is an answer.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn forward_under(&self, key: &str, id: &str, office: &str) -> Result<Value, Trouble> {
        let body = json!({ "office": office, "note": "" });
        self.post(&format!("/api/v1/dossiers/{id}/forwards"), key, &body)
    }

    /// Confirms a hand-over.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn take(&self, id: &str, note: &str) -> Result<Value, Trouble> {
        let body = json!({ "note": note });
        self.post(&format!("/api/v1/dossiers/{id}/taken"), &fresh_key(), &body)
    }

    /// Adds a note.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn note(&self, id: &str, text: &str) -> Result<Value, Trouble> {
        self.note_under(&fresh_key(), id, text)
    }

    /// The same under a key, to be asked again until there is an answer.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn note_under(&self, key: &str, id: &str, text: &str) -> Result<Value, Trouble> {
        let body = json!({ "text": text });
        self.post(&format!("/api/v1/dossiers/{id}/notes"), key, &body)
    }

    /// A dossier in detail.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn detail(&self, id: &str) -> Result<Value, Trouble> {
        let answer = self.client.get(&format!("/api/v1/dossiers/{id}"))?;
        if answer.is_success() { Ok(answer.json()) } else { Err(Trouble::Refused(answer)) }
    }

    /// Whether the dossier is here.
    pub fn has(&self, id: &str) -> bool {
        self.detail(id).is_ok()
    }

    /// The node's sync state.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn sync(&self) -> Result<Value, Trouble> {
        let answer = self.client.get("/api/v1/sync")?;
        if answer.is_success() { Ok(answer.json()) } else { Err(Trouble::Refused(answer)) }
    }

    /// Any act on a dossier, by the name of its route.
    ///
    /// # Errors
    /// [`Trouble`]
    pub fn act(&self, id: &str, act: &str, body: &Value) -> Result<Value, Trouble> {
        self.post(&format!("/api/v1/dossiers/{id}/{act}"), &fresh_key(), body)
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, Trouble> {
        let answer = self.client.post(path, &[("idempotency-key", key)], body)?;
        if answer.is_success() { Ok(answer.json()) } else { Err(Trouble::Refused(answer)) }
    }
}

/// Asks again while there is no answer, until the time is over.
///
/// # Errors
/// [`Trouble`] of the last try; a refusal at once.
pub fn surely<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let mut silence = None;
    let answer = until(patience, || match ask() {
        Err(Trouble::Doubtful(error)) => {
            silence = Some(error);
            None
        }
        // It says itself that it can be asked again: its start is under way.
        Err(Trouble::Refused(answer)) if is_starting(&answer) => None,
        done => Some(done),
    });
    let silence = silence.unwrap_or_else(|| io::ErrorKind::TimedOut.into());
    answer.unwrap_or(Err(Trouble::Doubtful(silence)))
}

fn is_starting(answer: &Answer) -> bool {
    let code = answer.json()["error"]["code"].clone();
    answer.status == 503 && (code == "starting" || code == "rebuilding")
}

/// A key that nobody used before.
pub fn fresh_key() -> String {
    let mut bytes = [0; 16];
    // All zero only where the system has no randomness; then keys repeat and tests say so.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An application of an invented person.
pub fn application(seed: &mut Seed) -> Value {
    const FAMILY: [&str; 6] = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ"];
    const MIDDLE: [&str; 5] = ["Văn", "Thị", "Minh", "Ngọc", "Đức"];
    const GIVEN: [&str; 8] = ["An", "Bình", "Châu", "Dũng", "Hạnh", "Khánh", "Quỳnh", "Tuấn"];
    const STREETS: [&str; 4] = ["Hai Bà Trưng", "Đồng Khởi", "Nguyễn Huệ", "Lê Lợi"];
    let (family, middle) = (seed.pick(&FAMILY), seed.pick(&MIDDLE));
    let given = seed.pick(&GIVEN);
    let procedure = seed.pick(&procedures()).clone();
    json!({
        "procedure": procedure,
        "applicant": {
            "name": format!("{family} {middle} Mẫu {given}"),
            "id_number": format!("079{:09}", seed.below(1_000_000_000)),
            "birth_date": format!("{}-{:02}-{:02}", 1950 + seed.below(55), 1 + seed.below(12), 1 + seed.below(28)),
            "phone": format!("09{:08}", seed.below(100_000_000)),
            "address": format!("{} {}, mẫu", 1 + seed.below(300), seed.pick(&STREETS)),
            "email": "",
        },
        "request": format!("Hồ sơ mẫu số {}", seed.below(1_000_000)),
        "papers": [{ "name": "Tờ khai", "form": "original", "count": 1 }],
        "due": null,
        "fee": null,
    })
}

/// Codes of the procedures of the demo catalogue.
fn procedures() -> Vec<String> {
    let rows = PROCEDURES.lines().skip(1);
    rows.filter_map(|row| row.split_once(',')).map(|(code, _)| code.to_owned()).collect()
}
