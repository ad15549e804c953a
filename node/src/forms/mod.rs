//! Printed forms: looked at as often as one likes, printed and counted, and shown again as they were
//! printed (design/forms.md).

mod control;
mod data;
mod emergency;
mod hand_list;
mod register;

pub(crate) use data::reached;

use crate::{
    api::{self, Acting, Api},
    desk::{Asking, Desk},
    error::DeskError,
    people::who::name_or,
};
use axum::{
    Json, Router,
    extract::{Path, Query, State as Extract},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use data::Occasion;
use motcua_core::id::DossierId;
use motcua_dossier::{
    corrections,
    fact::Fact,
    local,
    printing::{self, Printed, Wanted},
    view::view,
    void::standing,
};
use motcua_forms::{
    edition::Form,
    font::Face,
    html::{self, Places},
    lay_out,
    layout::Layout,
    model::{Data, Printing},
    paper::Paper,
    pdf, trial,
};
use motcua_shell::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

/// Largest side of a paper that a style sheet is made for, millimetres: a roll of twenty metres.
const SIDE: u32 = 20_000;

/// Routes of forms.
pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/dossiers/{id}/forms/{form}", get(show))
        .route("/api/v1/dossiers/{id}/forms/{form}/printings", post(print))
        .route("/api/v1/register", get(register::show))
        .route("/api/v1/test-sheet", get(trial))
        .route("/api/v1/test-sheet/expected", get(expected))
        .route("/api/v1/hand-lists/{number}/sheet", get(hand_list::show))
        .route("/api/v1/emergency/{block}/sheet", get(emergency::show))
        .route("/forms/page.css", get(style))
        .route("/forms/{font}", get(font))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    #[serde(default)]
    paper: Option<String>,
    #[serde(default, rename = "as")]
    kind: Option<String>,
    #[serde(default)]
    printing: Option<String>,
    /// Which receipt, of a receipt for money; the newest that holds if none.
    #[serde(default)]
    receipt: String,
    #[serde(default)]
    clerk: String,
}

/// A form as it would be printed now, marked as not printed; with a printing, as that one was.
async fn show(
    Extract(api): Extract<Api>,
    Path((id, form)): Path<(String, String)>,
    api::Seek(asked): api::Seek<Look>,
) -> Result<Response, DeskError> {
    let (id, form) = (api::dossier_id(&id)?, known_form(&form)?);
    api.desk.settled().await;
    api.desk.brought_back(id).await?;
    let facts = api.desk.facts(id)?;
    let (data, paper) = match &asked.printing {
        Some(fact) => printed(&api.desk, &facts, form, fact)?,
        None => {
            let (at, printing) = (api.desk.engine().clock().wall().0, Printing::Preview);
            let clerk = name_or(&asked.clerk).chars().take(100).collect();
            let of = data::receipt_of(form, &facts, &asked.receipt)?;
            let occasion = Occasion { form, printing, at, clerk, of };
            let data = data::of_dossier(&api.desk, &facts, &occasion)?;
            let usual = motcua_forms::edition::in_force(form, data.day());
            let usual = usual.and_then(|edition| edition.papers.first().copied());
            let asked = asked.paper.as_deref().map(known_paper).transpose()?;
            (data, asked.or(usual).unwrap_or(Paper::A4))
        }
    };
    answer(api, form, data, paper, asked.kind.as_deref()).await
}

/// What a printing showed: the facts of then.
fn printed(
    desk: &Desk,
    facts: &[Fact],
    form: Form,
    fact: &str,
) -> Result<(Data, Paper), DeskError> {
    let mut all = printing::printings(facts);
    let found = all.find(|(id, printed)| id == fact && printed.form == form.word());
    let unknown =
        || DeskError::Unknown { field: "printing", value: fact.chars().take(80).collect() };
    let (id, one) = found.ok_or_else(unknown)?;
    let then = corrections::as_printed(facts, &id, &one);
    let Printed { paper, number, act, of, .. } = one;
    let printing = Printing::Number(number);
    let occasion = Occasion { form, printing, at: act.at, clerk: act.by, of: of.clone() };
    let mut data = data::of_dossier(desk, &then, &occasion)?;
    if let motcua_forms::model::Subject::One(dossier) = &mut data.subject {
        // The one thing that is said of a sheet though it was not known then.
        dossier.void = standing(facts).is_void();
        if let Some(payment) = &mut dossier.payment {
            payment.cancelled = data::is_cancelled(facts, &of);
        }
    }
    Ok((data, known_paper(&paper)?))
}

async fn answer(
    api: Api,
    form: Form,
    data: Data,
    paper: Paper,
    kind: Option<&str>,
) -> Result<Response, DeskError> {
    let as_pdf = is_pdf(kind)?;
    let desk = api.desk;
    let made = tokio::task::spawn_blocking(move || {
        let layout = lay_out(form, &data, paper, &|text| desk.sign_form(text))?;
        drawn(&layout, form.word(), as_pdf)
    });
    made.await.map_err(|_| DeskError::Busy)?
}

fn is_pdf(kind: Option<&str>) -> Result<bool, DeskError> {
    match kind {
        None | Some("html") => Ok(false),
        Some("pdf") => Ok(true),
        Some(other) => {
            let value = other.chars().take(80).collect();
            Err(DeskError::Unknown { field: "as", value })
        }
    }
}

fn drawn(layout: &Layout, name: &str, as_pdf: bool) -> Result<Response, DeskError> {
    if !as_pdf {
        return Ok(axum::response::Html(page(layout)).into_response());
    }
    let name = format!("inline; filename=\"{name}-{}.pdf\"", layout.paper.word());
    let headers =
        [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, pdf::write(layout)?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    paper: String,
    #[serde(default, rename = "as")]
    kind: Option<String>,
}

/// The test sheet of a printer and a scanner; not counted, and of no dossier.
async fn trial(
    Extract(api): Extract<Api>,
    api::Seek(asked): api::Seek<Trial>,
) -> Result<Response, DeskError> {
    let (paper, as_pdf) = (known_paper(&asked.paper)?, is_pdf(asked.kind.as_deref())?);
    let engine = api.desk.engine();
    let trust = engine.trust();
    let office = trust.office(engine.me.office).map(|office| office.name.clone());
    let time = local::of_millis(engine.clock().wall().0);
    let time = time.map(|time| time.strftime("%H:%M %d/%m/%Y").to_string()).unwrap_or_default();
    let made = tokio::task::spawn_blocking(move || {
        drawn(&trial::sheet(paper, &office.unwrap_or_default(), &time), "in-thu", as_pdf)
    });
    made.await.map_err(|_| DeskError::Busy)?
}

/// What a scanner must type when it reads the test sheet.
async fn expected() -> Json<Value> {
    Json(json!({
        "digits": trial::DIGITS,
        "card": trial::CARD,
        "ruler": trial::RULER,
        "short_ruler": trial::SHORT_RULER,
    }))
}

fn page(layout: &Layout) -> String {
    let first = layout.pages.first();
    let size = |side: f64| side.ceil() as u32;
    let (wide, high) = first.map_or((0, 0), |page| (size(page.width), size(page.height)));
    html::write(layout, &Places { style: format!("/forms/page.css?w={wide}&h={high}") })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnPaper {
    paper: String,
    /// Which receipt, of a receipt for money; the newest that holds if none.
    #[serde(default)]
    receipt: String,
}

/// Counts a printing; answered when it is on this machine's disk. The answer says where it is shown.
async fn print(
    Extract(api): Extract<Api>,
    Path((_, form)): Path<(String, String)>,
    Acting { id, asked, caller }: Acting<OnPaper>,
) -> Result<Json<Value>, DeskError> {
    let (form, paper) = (known_form(&form)?, known_paper(&asked.paper)?);
    let request = caller.request.clone();
    let key = request.as_ref().map(|request| request.key.key);
    let key = key.unwrap_or_else(motcua_shell::engine::random);
    let known_by: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let desk = &api.desk;
    desk.brought_back(id).await?;
    // Whatever could not be shown is not counted.
    let facts = desk.facts_saved(id).await?;
    let of = data::receipt_of(form, &facts, &asked.receipt)?;
    let wanted = Wanted {
        form: form.word().into(),
        paper: paper.word().into(),
        asked: known_by.clone(),
        of: of.clone(),
    };
    let (at, clerk) = (desk.engine().clock().wall().0, caller.clerk.clone());
    let occasion = Occasion { form, printing: Printing::Number(1), at, clerk, of };
    let data = data::of_dossier(desk, &facts, &occasion)?;
    lay_out(form, &data, paper, &|text| desk.sign_form(text))?;
    let make = |facts: &[Fact], act| Ok(printing::print(facts, wanted.clone(), act)?);
    let done = desk.act_after(Vec::new(), id, caller, String::new(), make).await;
    match done {
        Ok(id) | Err(DeskError::Repeated(id)) => {
            said(desk, id, form, &known_by, request.as_ref()).await
        }
        Err(error) => Err(error),
    }
}

async fn said(
    desk: &Desk,
    id: DossierId,
    form: Form,
    known_by: &str,
    request: Option<&Asking>,
) -> Result<Json<Value>, DeskError> {
    let facts = desk.facts_saved(id).await?;
    let found = printing::printings(&facts).find(|(_, printed)| printed.asked == known_by);
    let mut answer = api::brief(desk, id, request).await?;
    let (fact, printed) = found.ok_or_else(|| {
        let code = answer["code"].as_str().unwrap_or_default().to_owned();
        DeskError::KeyReused { dossier: id, code, fields: Vec::new() }
    })?;
    answer["printing"] = line(id, form.word(), &fact, &printed);
    Ok(Json(answer))
}

fn line(id: DossierId, form: &str, fact: &str, printed: &Printed) -> Value {
    let address = format!("/api/v1/dossiers/{id}/forms/{form}?printing={fact}");
    json!({
        "id": fact,
        "form": form,
        "paper": printed.paper,
        "number": printed.number,
        "at": printed.act.at,
        "by": printed.act.by,
        "outdated": [],
        "html": format!("{address}&as=html"),
        "pdf": format!("{address}&as=pdf"),
    })
}

/// Forms that a dossier has reached, with their papers.
pub(crate) fn form_lines(facts: &[Fact]) -> Vec<Value> {
    let editions = reached(&view(facts)).into_iter().map(|edition| {
        let papers: Vec<&str> = edition.papers.iter().map(|paper| paper.word()).collect();
        json!({
            "form": edition.form.word(),
            "number": edition.number,
            "title": edition.title,
            "source": edition.source,
            "papers": papers,
        })
    });
    editions.collect()
}

/// All printings of a dossier, oldest first.
pub(crate) fn printing_lines(id: DossierId, facts: &[Fact]) -> Vec<Value> {
    let all = printing::printings(facts);
    let lines = all.map(|(fact, printed)| {
        let mut line = line(id, &printed.form, &fact, &printed);
        line["outdated"] = json!(crate::corrections::since_printed(facts, &fact, &printed));
        line
    });
    lines.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    w: u32,
    h: u32,
}

async fn style(Query(size): Query<Size>) -> Response {
    let text = html::style(size.w.min(SIDE), size.h.min(SIDE), "/forms/");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text).into_response()
}

async fn font(Path(font): Path<String>) -> Result<Response, DeskError> {
    let name = font.strip_suffix(".ttf").unwrap_or_default();
    let face = Face::ALL.into_iter().find(|face| face.name() == name);
    let unknown = || DeskError::Unknown { field: "font", value: font.chars().take(80).collect() };
    let face = face.ok_or_else(unknown)?;
    Ok(([(header::CONTENT_TYPE, "font/ttf")], face.file()).into_response())
}

fn known_form(word: &str) -> Result<Form, DeskError> {
    let unknown = || DeskError::Unknown { field: "form", value: word.chars().take(80).collect() };
    Form::from_word(word).ok_or_else(unknown)
}

fn known_paper(word: &str) -> Result<Paper, DeskError> {
    let unknown = || DeskError::Unknown { field: "paper", value: word.chars().take(80).collect() };
    Paper::from_word(word).ok_or_else(unknown)
}

/// In Vietnamese and English, for the history.
pub(crate) fn sentence(printed: &Printed) -> (String, String) {
    let again = |vi: &str, en: &str| match printed.number {
        0 | 1 => (vi.to_owned(), en.to_owned()),
        number => (format!("{vi}, in lại lần {}", number - 1), format!("{en}, copy {number}")),
    };
    match Form::from_word(&printed.form) {
        Some(form) => again(&format!("In {}", vi(form)), &format!("Printed: {}", en(form))),
        None => again("In biểu mẫu", "Form printed"),
    }
}

/// A form in Vietnamese, whatever its edition calls it.
pub(crate) fn vi(form: Form) -> &'static str {
    match form {
        Form::Receipt => "giấy tiếp nhận và hẹn trả",
        Form::Supplement => "phiếu yêu cầu bổ sung",
        Form::Refusal => "phiếu từ chối",
        Form::Extension => "văn bản xin lỗi và gia hạn",
        Form::Stop => "thông báo dừng giải quyết",
        Form::Control => "phiếu kiểm soát",
        Form::Register => "sổ theo dõi",
        Form::HandList => "phiếu bàn giao",
        Form::Payment => "biên nhận thu tiền",
        Form::Emergency => "mã hồ sơ dự phòng trên giấy",
    }
}

/// In English.
pub(crate) fn en(form: Form) -> &'static str {
    match form {
        Form::Receipt => "receipt and appointment",
        Form::Supplement => "request to supplement",
        Form::Refusal => "refusal",
        Form::Extension => "apology and new date",
        Form::Stop => "notice of stopping",
        Form::Control => "control sheet",
        Form::Register => "register",
        Form::HandList => "hand-over list",
        Form::Payment => "receipt for money",
        Form::Emergency => "codes on paper",
    }
}
