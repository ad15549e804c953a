//! A dossier's history: what each entry brought, as a sentence.

use super::{office_json, sync::sync_word};
use crate::{clock_words, desk::Desk, error::DeskError};
use motcua_core::{
    id::{LogId, OfficeId},
    state::{Key, history::Stored, rows::Author},
    trust::TrustView,
};
use motcua_dossier::{
    attachment::Attachment,
    document::Document,
    fact::{Act, Applicant, Extension, Fact, Forward, Kind, Note, OnPaper, Origin, StateStep},
    local,
    printing::Printed,
    state::State,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What each entry brought, in an order in which causes come first.
pub(super) fn entries(
    desk: &Desk,
    trust: &TrustView,
    received: (LogId, u64),
    history: &[Stored],
    facts: &[Fact],
) -> Result<Vec<Value>, DeskError> {
    let flags = crate::extensions::flags(facts);
    let mut document = Document::new();
    let mut known: BTreeSet<Fact> = BTreeSet::new();
    let mut offices: BTreeMap<LogId, Option<Author>> = BTreeMap::new();
    let mut lines = Vec::new();
    for stored in history {
        if let std::collections::btree_map::Entry::Vacant(free) = offices.entry(stored.log) {
            free.insert(desk.engine().books().row(Key::Author(stored.log))?);
        }
        let office = offices.get(&stored.log).cloned().flatten().map(|author| author.office);
        let mut brought: Vec<Fact> = Vec::new();
        if stored.verdict.applies() && document.apply([stored.entry.payload.as_slice()]).is_ok() {
            brought = document.facts();
            brought.retain(|fact| known.insert(fact.clone()));
        }
        let (kind, person, vi, en) = sentence((desk, trust), stored, &brought, facts);
        let wrong = brought.iter().filter_map(|fact| flags.get(&fact.id)).flatten();
        lines.push(json!({
            "at": stored.entry.header.claimed_at.0,
            "office": office.map(|office| office_json(trust, &office.to_string())),
            "person": person,
            "in_stead_of": stead_of(&brought),
            "kind": kind,
            "text_vi": vi,
            "text_en": en,
            "clock": clock_words::flag(&brought),
            "flags": wrong.collect::<Vec<_>>(),
            "sync": sync_word(received, stored),
        }));
    }
    Ok(lines)
}

/// In whose stead it was done; null where it was done in nobody's.
fn stead_of(brought: &[Fact]) -> Option<String> {
    let named = |fact: &Fact| Some(fact.read::<Act>()?.in_stead_of).filter(|name| !name.is_empty());
    brought.iter().find_map(named)
}

fn sentence(
    (desk, trust): (&Desk, &TrustView),
    stored: &Stored,
    facts: &[Fact],
    all: &[Fact],
) -> (&'static str, String, String, String) {
    if !stored.verdict.applies() {
        let cause = motcua_core::ledger::Cause::parse(&stored.reason);
        let vi = format!("Thay đổi chưa được áp dụng: {}", cause.vi());
        return ("held", String::new(), vi, format!("Change is not applied: {}", cause.en()));
    }
    for fact in facts {
        match fact.kind {
            Kind::State => {
                let Some(step) = fact.read::<StateStep>() else { continue };
                let Some(state) = State::from_code(step.to) else { continue };
                let (by, mut note) = (step.act.by.clone(), with_note(&step.act.note));
                let (mut note_en, collector) = (note.clone(), &step.collector);
                if !collector.is_empty() {
                    note = format!(", người nhận: {collector}{note}");
                    note_en = format!(", collected by {collector}{note_en}");
                }
                let created = facts.iter().any(|fact| fact.kind == Kind::Applicant);
                if let Some(origin) = facts.iter().find(|fact| fact.kind == Kind::Origin) {
                    let (vi, en) = taken_over(origin);
                    return ("taken_over", by, format!("{vi}{note}"), format!("{en}{note}"));
                }
                if let (true, Some(paper)) = (created, &step.paper) {
                    let (vi, en) = on_paper(paper, step.when());
                    let (typed_vi, typed_en) = typed_name(facts);
                    return ("entered", by, format!("{vi}{typed_vi}"), format!("{en}{typed_en}"));
                }
                return if created {
                    let (typed_vi, typed_en) = typed_name(facts);
                    let vi = format!("Tiếp nhận hồ sơ{note}{typed_vi}");
                    ("registered", by, vi, format!("Dossier registered{note_en}{typed_en}"))
                } else {
                    let vi = format!("Chuyển trạng thái: {}{note}", state.vi());
                    ("moved", by, vi, format!("Moved to: {}{note_en}", state.en()))
                };
            }
            Kind::Forward => {
                let Some(forward) = fact.read::<Forward>() else { continue };
                let to = forward.to.parse::<OfficeId>().ok();
                let name = to.and_then(|to| trust.office(to)).map(|office| office.name.clone());
                let (name, note) = (name.unwrap_or(forward.to), with_note(&forward.act.note));
                let vi = format!("Chuyển liên thông đến {name}{note}");
                let en = format!("Forwarded to {name}{note}");
                return ("forwarded", forward.act.by, vi, en);
            }
            Kind::Taken => {
                let by = fact.read::<motcua_dossier::fact::Taken>().map(|taken| taken.act.by);
                let (vi, en) = ("Đã nhận bàn giao".into(), "Hand-over acknowledged".into());
                return ("taken", by.unwrap_or_default(), vi, en);
            }
            Kind::Note => {
                let Some(note) = fact.read::<Note>() else { continue };
                let vi = format!("Ghi chú: {}", note.text);
                return ("note", note.act.by, vi, format!("Note: {}", note.text));
            }
            Kind::Attachment => {
                let Some(scan) = fact.read::<Attachment>() else { continue };
                let vi = format!("Đính kèm bản quét: {}", scan.name);
                return ("attached", scan.act.by, vi, format!("Scan attached: {}", scan.name));
            }
            Kind::Extension => {
                let Some(new) = fact.read::<Extension>() else { continue };
                let (date, note) = (date_words(new.until), with_note(&new.act.note));
                let vi = format!("Xin lỗi và hẹn lại {date}{note}");
                let en = format!("Apology and a new date, {date}{note}");
                return ("extended", new.act.by, vi, en);
            }
            Kind::Correction => {
                let said = crate::corrections::sentence(all, fact);
                let Some((by, vi, en)) = said else { continue };
                return ("corrected", by, vi, en);
            }
            Kind::Void => {
                let Some((by, vi, en)) = crate::voids::sentence(fact) else { continue };
                return ("voided", by, vi, en);
            }
            Kind::Link => {
                let Some((by, vi, en)) = crate::links::sentence(desk, fact) else { continue };
                return ("linked", by, vi, en);
            }
            Kind::Applicant
            | Kind::Request
            | Kind::Paper
            | Kind::Code
            | Kind::Due
            | Kind::Clock
            | Kind::Origin
            | Kind::Account
            | Kind::Audit
            | Kind::Cash => {}
            Kind::Fee | Kind::Receipt | Kind::ReceiptOff | Kind::Refund | Kind::Settled => {
                if let Some(said) = crate::money::show::sentence(facts, all, fact) {
                    return said;
                }
            }
            Kind::Pass | Kind::PassTaken | Kind::PassRefused => {
                if let Some(said) = crate::process::show::sentence(fact) {
                    return said;
                }
            }
            Kind::Printed => {
                let Some(printed) = fact.read::<Printed>() else { continue };
                let (vi, en) = crate::forms::sentence(&printed);
                return ("printed", printed.act.by, vi, en);
            }
        }
    }
    ("other", String::new(), "Thay đổi khác".into(), "Other change".into())
}

/// By whom and when it was received on paper; who entered it and when stands beside the line.
fn on_paper(paper: &OnPaper, at: i64) -> (String, String) {
    let (by, at) = (&paper.by, date_words(at));
    let (promise_vi, promise_en) = match paper.promised {
        true => ("; hẹn trả theo giấy", "; promised as on the slip"),
        false => ("", ""),
    };
    (
        format!("Nhập lại hồ sơ {by} đã nhận trên giấy lúc {at}{promise_vi}"),
        format!("Entered what {by} received on paper at {at}{promise_en}"),
    )
}

/// From which row of which list it came.
fn taken_over(fact: &Fact) -> (String, String) {
    let Origin { name, sheet, row, .. } = fact.read().unwrap_or_default();
    let sheet = if sheet.is_empty() { sheet } else { format!(", {sheet}") };
    (
        format!("Nhập từ danh sách {name}{sheet}, dòng {row}"),
        format!("Taken over from the list {name}{sheet}, row {row}"),
    )
}

/// What stood in the form, where a letter of the name was put right.
fn typed_name(facts: &[Fact]) -> (String, String) {
    let applicant = facts.iter().find(|fact| fact.kind == Kind::Applicant);
    let typed = applicant.and_then(|fact| fact.read::<Applicant>()?.typed_name);
    typed.map_or_else(Default::default, |typed| {
        (format!("; họ tên đã gõ: “{typed}”, sửa chữ Đ"), format!("; the name was typed “{typed}”"))
    })
}

/// A time as people here read it.
pub(crate) fn date_words(millis: i64) -> String {
    local::of_millis(millis).map_or_else(String::new, |at| {
        let (hour, minute) = (at.hour(), at.minute());
        format!("{hour:02}:{minute:02} {:02}/{:02}/{}", at.day(), at.month(), at.year())
    })
}

fn with_note(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(" ({note})") }
}
