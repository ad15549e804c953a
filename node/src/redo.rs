//! Doing again: what this office wrote on top of something that is kept out, as new entries of its
//! own on top of the accepted version. Listed first; one action then does all that can be done.
//! Each new act names the change that it repeats, so that none is done twice.

use crate::{
    desk::{Caller, Desk},
    error::DeskError,
};
use motcua_core::{
    id::{DossierId, Hash, OfficeId},
    ledger::{Cause, Code},
    state::{
        Key,
        history::{Stored, Verdict},
        rows::Author,
    },
};
use motcua_dossier::{
    action::{self, Circumstances},
    document::Document,
    due::Model,
    fact::{Fact, Forward, Kind, Note, StateStep, Taken},
    state::State,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something that is to be done again.
struct Step {
    change: Hash,
    fact: Fact,
    at: i64,
}

/// What a step is made of.
enum Again {
    Note(String),
    Move(State, Circumstances, String),
    Forward(OfficeId, String),
    Take(String),
    /// Not by this action: a person types it in.
    ByHand,
}

/// What would be done again.
///
/// # Errors
/// [`DeskError`] when the dossier cannot be read.
pub async fn list(desk: &Desk, id: DossierId) -> Result<Value, DeskError> {
    desk.brought_back(id).await?;
    let steps = steps(desk, id)?;
    Ok(json!({ "steps": steps.iter().map(line).collect::<Vec<_>>() }))
}

/// Does it; says of each step what became of it.
///
/// # Errors
/// [`DeskError`] when the dossier cannot be read, or the disk refuses.
pub async fn run(desk: &Desk, id: DossierId, caller: Caller) -> Result<Value, DeskError> {
    let office = desk.engine().me.office;
    let mut lines = Vec::new();
    for step in steps(desk, id)? {
        let again = again(&step.fact);
        let clerk = Caller { request: None, ..caller.clone() };
        let mark = mark(&step.change);
        let note = |text: &str| format!("{text} {mark}").trim().to_owned();
        let done = match &again {
            Again::Note(text) => {
                let text = note(text);
                desk.act(id, clerk, String::new(), |_, act| Ok(action::note(text.clone(), act)?))
                    .await
            }
            Again::Move(to, circumstances, text) => {
                desk.act_after(Vec::new(), id, clerk, note(text), |facts, act| {
                    Ok(action::move_under(facts, *to, circumstances.clone(), act)?)
                })
                .await
            }
            Again::Forward(to, text) => {
                desk.act(id, clerk, note(text), |_, act| Ok(action::forward(office, *to, act)?))
                    .await
            }
            Again::Take(text) => {
                desk.act(id, clerk, note(text), |derived, act| {
                    Ok(action::take(derived, office, act)?)
                })
                .await
            }
            Again::ByHand => {
                Err(DeskError::Unknown { field: "step", value: line(&step).to_string() })
            }
        };
        let mut said = line(&step);
        match done {
            Ok(_) | Err(DeskError::Repeated(_)) => said["done"] = json!(true),
            Err(error @ (DeskError::Save(_) | DeskError::Store(_))) => return Err(error),
            Err(error) => {
                said["done"] = json!(false);
                said["why"] = json!(error.to_string());
            }
        }
        lines.push(said);
    }
    Ok(json!({ "steps": lines }))
}

/// Facts that this office added in changes which are held because of others, and has not added
/// again, in order.
fn steps(desk: &Desk, id: DossierId) -> Result<Vec<Step>, DeskError> {
    let books = desk.engine().books();
    let held = books.dossier(id)?;
    let (row, history) = held.ok_or_else(|| DeskError::NoDossier(id.to_string()))?;
    if row.away {
        return Err(DeskError::Away);
    }
    let accepted = desk.facts(id)?;
    let done = |change: &Hash| {
        let mark = mark(change);
        accepted.iter().any(|fact| fact.json.contains(&mark))
    };
    let mut document = Document::new();
    let mut known: BTreeSet<Fact> = BTreeSet::new();
    let mut steps = Vec::new();
    for stored in history.iter().filter(|stored| stored.entry.header.kind.is_change()) {
        let refused = matches!(stored.verdict, Verdict::Quarantined | Verdict::Held)
            && Cause::parse(&stored.reason).code == Code::Forged;
        if refused || document.apply([stored.entry.payload.as_slice()]).is_err() {
            continue;
        }
        let mut fresh = document.facts();
        fresh.retain(|fact| known.insert(fact.clone()));
        let (change, at) = (stored.entry.header.change_hash, stored.entry.header.claimed_at.0);
        if is_ours_on_top(desk, stored)? && !done(&change) {
            steps.extend(fresh.into_iter().map(|fact| Step { change, fact, at }));
        }
    }
    Ok(steps)
}

/// Whether this office wrote it, and only what it builds on keeps it out.
fn is_ours_on_top(desk: &Desk, stored: &Stored) -> Result<bool, DeskError> {
    if stored.verdict != Verdict::Held || Cause::parse(&stored.reason).code != Code::BuildsOnHeld {
        return Ok(false);
    }
    let author: Option<Author> = desk.engine().books().row(Key::Author(stored.log))?;
    Ok(author.is_some_and(|author| author.office == desk.engine().me.office))
}

fn again(fact: &Fact) -> Again {
    let made = match fact.kind {
        Kind::Note => fact.read::<Note>().map(|note| Again::Note(note.text)),
        Kind::State => fact.read::<StateStep>().and_then(|step| {
            let pause = Model::from_word(&step.pause);
            let (happened, collector) = (step.happened, step.collector);
            let circumstances = Circumstances { pause, happened, collector };
            State::from_code(step.to).map(|to| Again::Move(to, circumstances, step.act.note))
        }),
        Kind::Forward => fact.read::<Forward>().and_then(|forward| {
            forward.to.parse().ok().map(|to| Again::Forward(to, forward.act.note))
        }),
        Kind::Taken => fact.read::<Taken>().map(|taken| Again::Take(taken.act.note)),
        _ => None,
    };
    made.unwrap_or(Again::ByHand)
}

fn line(step: &Step) -> Value {
    let (kind, vi, en) = match again(&step.fact) {
        Again::Note(text) => ("note", format!("Ghi chú: {text}"), format!("Note: {text}")),
        Again::Move(state, ..) => (
            "move",
            format!("Chuyển trạng thái: {}", state.vi()),
            format!("Move to: {}", state.en()),
        ),
        Again::Forward(..) => {
            ("forward", "Chuyển liên thông".to_owned(), "Forward to another office".to_owned())
        }
        Again::Take(_) => {
            ("take", "Nhận bàn giao".to_owned(), "Acknowledge the hand-over".to_owned())
        }
        Again::ByHand => (
            "by_hand",
            "Nhập lại bằng tay (không làm lại tự động được)".to_owned(),
            "To be typed in again by hand".to_owned(),
        ),
    };
    json!({
        "change": step.change.to_string(), "kind": kind, "text_vi": vi, "text_en": en,
        "written_at": step.at,
    })
}

/// Stands in the text of what repeats a change.
fn mark(change: &Hash) -> String {
    let name: String = change.to_string().chars().take(12).collect();
    format!("(làm lại {name})")
}
