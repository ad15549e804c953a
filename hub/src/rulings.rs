//! What an operator does about entries and machines:
//!
//! - `GET /api/v1/held?after=` dossiers with entries that are held, quarantined, waiting, flagged
//! - `POST /api/v1/decisions` `{dossier, change, verdict, reason, with_causes}`; the verdict is
//!   `release`, `hold`, `quarantine` or `flag`. Recorded is whoever logged in; a program with the
//!   token names an `operator`
//! - `GET /api/v1/purges?open=` dossiers that offices were told to forget: since when, who has
//! - `GET /api/v1/machines` machines and how much of their logs is here: what a ban needs
//! - `POST /api/v1/acts` a registrar's act, as `motcua-provision` wrote it
//! - `GET`, `POST /api/v1/trust`, `GET /api/v1/trust/numbers` trust documents
//!
//! Acts and trust documents prove themselves, so anybody may hand them over.

use crate::{
    access::Caller,
    console::{Console, Unavailable},
};
use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use motcua_core::{
    id::{DossierId, Hash, OfficeId},
    limits,
    state::{
        Key, Kv, StoreError,
        history::Verdict,
        rows::{Author, Log, Purge},
    },
    trust::TrustError,
};
use motcua_shell::{
    engine::{Ruling, RulingError},
    odd,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest body of a decision or an act.
const BODY_BYTES: usize = 16 * 1024;

/// For operators.
pub(crate) fn routes() -> Router<Console> {
    Router::new()
        .route("/api/v1/held", get(held))
        .route("/api/v1/purges", get(purges))
        .route("/api/v1/decisions", post(decide))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// For whoever may read figures.
pub(crate) fn reading_routes() -> Router<Console> {
    Router::new().route("/api/v1/machines", get(machines))
}

/// For anybody: what is handed in is signed by those who may, and what is handed out is what every
/// machine of the city is given.
pub(crate) fn open_routes() -> Router<Console> {
    let documents = get(all_trust).post(trust);
    Router::new()
        .route("/api/v1/acts", post(act))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .route("/api/v1/trust/numbers", get(numbers))
        .route("/api/v1/trust", documents.layer(DefaultBodyLimit::max(limits::TRUST_BYTES)))
}

/// A refusal in words.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    vi: String,
    en: String,
    causes: Vec<Hash>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let causes: Vec<String> = self.causes.iter().map(ToString::to_string).collect();
        let body = json!({ "error": {
            "code": self.code, "message_vi": self.vi, "message_en": self.en, "field": null,
            "causes": causes,
        }});
        (self.status, Json(body)).into_response()
    }
}

impl From<RulingError> for Refusal {
    fn from(error: RulingError) -> Self {
        let en = error.to_string();
        let (status, code, vi) = match &error {
            RulingError::NotAHub => {
                (StatusCode::CONFLICT, "not_a_hub", "Máy này không phải là hub.".to_owned())
            }
            RulingError::Retired => {
                let vi = "Hub này đã được cho ngừng phục vụ, quyết định tại đây không đến được ai; \
                          hãy quyết định tại hub đang phục vụ các cơ quan này.";
                (StatusCode::CONFLICT, "retired", vi.to_owned())
            }
            RulingError::NoDossier(id) => {
                (StatusCode::NOT_FOUND, "no_dossier", format!("Hub này không giữ hồ sơ {id}."))
            }
            RulingError::NoEntry { change, .. } => {
                (StatusCode::NOT_FOUND, "no_change", format!("Hồ sơ không có thay đổi {change}."))
            }
            RulingError::NotBelow => (
                StatusCode::CONFLICT,
                "not_below",
                "Thay đổi của cơ quan không thuộc hub này; hãy quyết định ở hub cấp trên.".into(),
            ),
            RulingError::Refused(cause) => {
                (StatusCode::CONFLICT, "refused", format!("Không thể giải tỏa: {}.", cause.vi()))
            }
            RulingError::Causes(causes) => (
                StatusCode::CONFLICT,
                "causes",
                format!(
                    "Thay đổi dựa trên {} mục chưa được chấp nhận; hãy giải tỏa cùng các mục đó.",
                    causes.len()
                ),
            ),
            RulingError::Decision(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                format!("Cần lý do, tối đa {} byte.", limits::REASON_BYTES),
            ),
            RulingError::Trust(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_valid",
                "Văn bản không hợp lệ hoặc người ký không có thẩm quyền.".into(),
            ),
            RulingError::Save(_) => {
                (StatusCode::INSUFFICIENT_STORAGE, "not_saved", format!("KHÔNG lưu được: {error}."))
            }
            RulingError::Store(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "state_unavailable",
                "Không đọc được kho trạng thái; khởi động lại máy.".into(),
            ),
        };
        let causes = match error {
            RulingError::Causes(causes) => causes,
            _ => Vec::new(),
        };
        Self { status, code, vi, en, causes }
    }
}

impl From<TrustError> for Refusal {
    fn from(error: TrustError) -> Self {
        RulingError::Trust(error).into()
    }
}

fn bad(field: &'static str, why: impl ToString) -> Refusal {
    let why = why.to_string();
    Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "bad_request",
        vi: format!("{field} không đọc được ({why})."),
        en: format!("{field} cannot be read: {why}"),
        causes: Vec::new(),
    }
}

#[derive(Deserialize)]
struct Page {
    after: Option<String>,
}

async fn held(
    State(console): State<Console>,
    Query(page): Query<Page>,
) -> Result<Response, Unavailable> {
    let after = match page.after.as_deref().map(str::parse::<DossierId>).transpose() {
        Ok(after) => after,
        Err(error) => return Ok(bad("after", error).into_response()),
    };
    Ok(Json(odd::list(&console.engine, after)?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    dossier: String,
    change: String,
    verdict: String,
    reason: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    with_causes: bool,
}

async fn decide(
    State(console): State<Console>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let asked: DecisionBody = serde_json::from_slice(&body).map_err(|error| bad("body", error))?;
    let verdict = match asked.verdict.as_str() {
        "release" => Verdict::Accepted,
        "flag" => Verdict::Flagged,
        "hold" => Verdict::Held,
        "quarantine" => Verdict::Quarantined,
        other => {
            let other: String = other.chars().take(40).collect();
            return Err(bad(
                "verdict",
                format!("{other:?} is none of release, flag, hold, quarantine"),
            ));
        }
    };
    let ruling = Ruling {
        dossier: asked.dossier.parse().map_err(|error| bad("dossier", error))?,
        change: asked.change.parse().map_err(|error| bad("change", error))?,
        verdict,
        reason: asked.reason,
        operator: by(caller, asked.operator),
        with_causes: asked.with_causes,
    };
    tracing::info!(
        operator = ruling.operator,
        dossier = %ruling.dossier,
        change = %ruling.change,
        verdict = asked.verdict,
        "console: decision"
    );
    let done = console.engine.decide(ruling).await?;
    let done: Vec<String> = done.iter().map(ToString::to_string).collect();
    Ok(Json(json!({ "decided": done })))
}

/// Whose name is written down: that of the log-in, or what a program with the token says. Nobody
/// else puts a name to anything.
fn by(caller: Caller, named: String) -> String {
    match caller {
        Caller::Operator(name) => name,
        Caller::Program => named,
        Caller::Reader | Caller::Nobody => String::new(),
    }
}

#[derive(Deserialize)]
struct Operator {
    #[serde(default)]
    operator: String,
}

async fn act(
    State(console): State<Console>,
    Extension(caller): Extension<Caller>,
    Query(named): Query<Operator>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let operator = by(caller, named.operator);
    let act = console.engine.carry_in(&body, &operator).await?;
    tracing::info!(operator, dossier = %act.dossier, "console: registrar's act");
    Ok(Json(json!({ "dossier": act.dossier.to_string(), "reason": act.reason })))
}

async fn trust(State(console): State<Console>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let numbers = console.engine.offer_trust(&body)?;
    Ok(Json(json!({
        "root": numbers.root, "catalogue": numbers.catalogue, "denial": numbers.denial,
    })))
}

/// Purges listed at once.
const PURGES: usize = 2_000;

async fn purges(State(console): State<Console>) -> Result<Json<Value>, Unavailable> {
    let (engine, trust) = (&console.engine, console.engine.trust());
    let from = Key::Purge(OfficeId::ZERO, DossierId::ZERO).bytes();
    let to = [Key::Purge(OfficeId([0xff; 16]), DossierId([0xff; 16])).bytes(), vec![0]].concat();
    let mut lines = Vec::new();
    for (key, value) in engine.books().range(&from, &to, PURGES)? {
        let corrupt = || StoreError::Corrupt { what: "purge" };
        let (office, dossier) = key[1..].split_at_checked(OfficeId::LEN).ok_or_else(corrupt)?;
        let office = OfficeId::from_slice(office).ok_or_else(corrupt)?;
        let dossier = DossierId::from_slice(dossier).ok_or_else(corrupt)?;
        let row: Purge = postcard::from_bytes(&value).map_err(|_| corrupt())?;
        let confirmed = row.confirmed.iter();
        let confirmed = confirmed.map(|(node, at)| json!({ "node": node.to_string(), "at": at.0 }));
        lines.push(json!({
            "office": office.to_string(),
            "name": trust.office(office).map(|office| office.name.as_str()),
            "code": trust.office(office).map(|office| office.code.as_str()),
            "dossier": dossier.to_string(),
            "revoked_at": row.revoked_at.0,
            "confirmed": confirmed.collect::<Vec<_>>(),
        }));
    }
    Ok(Json(json!({ "purges": lines })))
}

async fn all_trust(State(console): State<Console>) -> Vec<u8> {
    console.engine.trust().to_bytes()
}

async fn numbers(State(console): State<Console>) -> Json<Value> {
    let numbers = console.engine.trust().numbers();
    Json(json!({
        "root": numbers.root, "catalogue": numbers.catalogue, "denial": numbers.denial,
    }))
}

async fn machines(State(console): State<Console>) -> Result<Json<Value>, Unavailable> {
    let (engine, trust) = (&console.engine, console.engine.trust());
    let mut lines = Vec::new();
    for log in engine.books().logs()? {
        let author: Option<Author> = engine.books().row(Key::Author(log))?;
        let row: Option<Log> = engine.books().row(Key::Log(log))?;
        let (Some(author), Some(row)) = (author, row) else { continue };
        let office = trust.office(author.office);
        let node = author.key.node_id();
        lines.push(json!({
            "node": node.to_string(),
            "office": author.office.to_string(),
            "code": office.map(|office| office.code.as_str()),
            "name": office.map(|office| office.name.as_str()),
            "log": log.to_string(),
            "entries": row.frontier.size(),
            "denied": trust.denied(node).is_some(),
        }));
    }
    Ok(Json(json!({ "machines": lines, "denial": trust.numbers().denial })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_bears_the_name_of_the_log_in_and_no_other() {
        let said = || "Trần Văn Mẫu".to_owned();
        assert_eq!(by(Caller::Operator("Nguyễn Thị Mẫu".into()), said()), "Nguyễn Thị Mẫu");
        assert_eq!(by(Caller::Program, said()), said());
        assert_eq!([Caller::Reader, Caller::Nobody].map(|nobody| by(nobody, said())), ["", ""]);
    }
}
