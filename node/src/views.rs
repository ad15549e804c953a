//! What the API says of dossiers: lists, and one dossier with its history.

use crate::{clock_words, desk::Desk, error::DeskError};
use motcua_core::{
    entry::Role,
    id::{DossierId, LogId, OfficeId},
    state::{
        Key, Kv,
        history::{Stored, Verdict},
        rows::{self, Author},
    },
    trust::TrustView,
};
use motcua_dossier::{
    action::waiting_for,
    attachment::Attachment,
    calendar,
    document::Document,
    fact::{Applicant, Extension, Fact, Forward, Kind, Note, Origin, StateStep},
    local,
    pauses::{Date, Why},
    printing::Printed,
    state::State,
    steps::{may_extend, moves},
    twin,
    view::{Summary, View, view},
};
use motcua_shell::{
    clock::Clock,
    content,
    engine::Books,
    find::{self, Hits},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most dossiers of one page of a list.
pub(crate) const PAGE: usize = 200;

/// What a list is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListQuery {
    /// Part of a name, or a code.
    pub q: Option<String>,
    /// Portal state.
    pub state: Option<u8>,
    /// Most dossiers.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub after: Option<String>,
}

/// A page of the list, newest act first.
///
/// # Errors
/// [`DeskError`] when the state cannot be read.
pub fn list(desk: &Desk, query: &ListQuery) -> Result<Value, DeskError> {
    let limit = query.limit.unwrap_or(50).clamp(1, PAGE);
    let wanted = |summary: &Summary| query.state.is_none_or(|state| state == summary.state);
    let text = query.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let (ids, next, mut more) = match text {
        Some(text) => {
            let Hits { dossiers, more } = find::find(desk.engine().books(), text)?;
            (dossiers, None, more)
        }
        None => {
            let (ids, next) = recent(desk, query.after.as_deref(), limit)?;
            (ids, next, false)
        }
    };
    let all = ids.len();
    let received = received(desk)?;
    let trust = desk.engine().trust();
    let mut lines = Vec::new();
    for (looked, id) in (1..).zip(ids) {
        let Some(summary) = summary(desk, id)? else { continue };
        if wanted(&summary) {
            lines.push(line(desk, &trust, received, id, &summary)?);
        }
        if lines.len() == limit {
            more |= text.is_some() && looked < all;
            break;
        }
    }
    Ok(json!({ "dossiers": lines, "next": next, "more": more }))
}

/// What lists say of some dossiers; one that left meanwhile is left out.
pub(crate) fn lines(
    desk: &Desk,
    ids: impl Iterator<Item = DossierId>,
) -> Result<Vec<Value>, DeskError> {
    let received = received(desk)?;
    let trust = desk.engine().trust();
    let mut lines = Vec::new();
    for id in ids {
        if let Some(summary) = summary(desk, id)? {
            lines.push(line(desk, &trust, received, id, &summary)?);
        }
    }
    Ok(lines)
}

type Page = (Vec<DossierId>, Option<String>);

fn recent(desk: &Desk, after: Option<&str>, limit: usize) -> Result<Page, DeskError> {
    let after = after.map(unhex).transpose()?;
    let (from, to) = find::recent_range(after.as_deref());
    let rows = desk.engine().books().range(&from, &to, limit)?;
    let full = rows.len() == limit;
    let next = rows.last().filter(|_| full).map(|(key, _)| hex(key));
    Ok((rows.iter().filter_map(|(key, _)| find::dossier_of(key)).collect(), next))
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

/// Own log, and how much of it the hub has.
fn received(desk: &Desk) -> Result<(LogId, u64), DeskError> {
    let state = crate::sync_words::sync_state(desk.engine())?;
    Ok((desk.engine().own().log(), state.hub_received_seq))
}

fn summary(desk: &Desk, id: DossierId) -> Result<Option<Summary>, DeskError> {
    let row: Option<rows::Summary> = desk.engine().books().row(Key::Summary(id))?;
    Ok(row.and_then(|row| content::read_summary(&row.bytes)))
}

fn line(
    desk: &Desk,
    trust: &TrustView,
    received: (LogId, u64),
    id: DossierId,
    summary: &Summary,
) -> Result<Value, DeskError> {
    let books = desk.engine().books();
    let (row, history) = books.dossier(id)?.unwrap_or_default();
    let sync = match books.row::<rows::Image>(Key::Image(id))? {
        Some(_) => "unchecked",
        None if row.away => "away",
        None => weakest(history.iter().map(|stored| sync_word(received, stored))),
    };
    let filed = crate::lists::filed(desk, trust, id)?;
    let members = row.members();
    let desk = members.iter().find(|(_, roles)| roles.contains(&Role::Desk)).map(|desk| desk.0);
    let mut line = line_of((trust, desk), id, summary, sync, history.len());
    line["filed"] = filed;
    line["possible_duplicates"] = json!(duplicates(books, id, summary)?);
    Ok(line)
}

/// Dossiers that may be this one registered a second time.
fn duplicates(books: &Books, id: DossierId, of: &Summary) -> Result<Vec<Value>, DeskError> {
    let group = twin::group(&of.applicant, &of.procedure);
    let (Some(group), Some(received)) = (group, of.received) else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for other in find::twins(books, id, group, received)? {
        let row: Option<rows::Summary> = books.row(Key::Summary(other))?;
        let Some(other_of) = row.and_then(|row| content::read_summary(&row.bytes)) else {
            continue;
        };
        lines.push(json!({
            "id": other.to_string(),
            "code": other_of.code,
            "received": other_of.received,
        }));
    }
    Ok(lines)
}

fn line_of(
    (trust, desk): (&TrustView, Option<OfficeId>),
    id: DossierId,
    summary: &Summary,
    sync: &str,
    changes: usize,
) -> Value {
    let state = State::from_code(summary.state).unwrap_or(State::Submitted);
    // What was never given on is still at the desk that received it.
    let holder = summary.holders.first().cloned().or_else(|| Some(desk?.to_string()));
    let holder = holder.map(|office| office_json(trust, &office));
    json!({
        "id": id.to_string(),
        "code": summary.code,
        "procedure": summary.procedure,
        "procedure_name": summary.procedure_name,
        "applicant": summary.applicant,
        "state": summary.state,
        "state_vi": state.vi(),
        "state_en": state.en(),
        "received": summary.received,
        "due": summary.due,
        "paused": summary.paused,
        "holder": holder,
        "conflict": summary.conflict,
        "possible_duplicates": [],
        "sync": sync,
        "changes": changes,
        "updated": summary.updated,
    })
}

/// `saved` here, `received` by the hub, `accepted` by it (it sent it to us), or `held`.
fn sync_word((log, received): (LogId, u64), stored: &Stored) -> &'static str {
    match stored.verdict {
        Verdict::Held | Verdict::Quarantined => "held",
        Verdict::Waiting => "waiting",
        Verdict::Accepted | Verdict::Flagged if stored.log != log => "accepted",
        Verdict::Accepted | Verdict::Flagged if stored.sequence <= received => "received",
        Verdict::Accepted | Verdict::Flagged => "saved",
    }
}

/// The word of a dossier is that of its weakest entry.
fn weakest(words: impl Iterator<Item = &'static str>) -> &'static str {
    let order = ["held", "waiting", "saved", "received", "accepted"];
    let rank = |word: &&str| order.iter().position(|known| known == word).unwrap_or(0);
    words.min_by_key(rank).unwrap_or("saved")
}

pub(crate) fn office_json(trust: &TrustView, id: &str) -> Value {
    let office = id.parse::<OfficeId>().ok().and_then(|id| trust.office(id).cloned());
    json!({ "id": id, "name": office.map(|office| office.name) })
}

/// A dossier of which the state has nothing yet, from what was just saved.
///
/// # Errors
/// [`DeskError`] when it is not in memory any more.
pub fn fresh(desk: &Desk, id: DossierId) -> Result<Value, DeskError> {
    let trust = desk.engine().trust();
    let shown = view(&desk.facts(id)?);
    let office = Some(desk.engine().me.office);
    let mut whole = line_of((&trust, office), id, &shown.summary, "saved", 1);
    whole["filed"] = crate::lists::filed_fresh(desk, &trust, id, &shown);
    let more = json!({
        "conflicts": [],
        "applicant": shown.applicant,
        "applicant_name": shown.applicant.name,
        "request": shown.request.text,
        "fee": shown.request.fee,
        "papers": shown.papers,
        "attachments": [],
        "forms": [],
        "printings": [],
        "due_dates": date_lines(&shown.dates),
        "pauses": [],
        "audience": [],
        "steps": [],
        "history": [],
        "heads": [],
        "unchecked": false,
        "away": false,
    });
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    Ok(whole)
}

/// One dossier, whole.
///
/// # Errors
/// [`DeskError::NoDossier`] when it is not here.
pub fn dossier(desk: &Desk, id: DossierId) -> Result<Value, DeskError> {
    let image = match desk.is_unchecked(id)? {
        true => desk.engine().books().image(id)?,
        false => None,
    };
    let held = desk.engine().books().dossier(id)?;
    let (row, history) = match held {
        Some(held) => held,
        None if image.is_some() => Default::default(),
        None => return Err(DeskError::NoDossier(id.to_string())),
    };
    let trust = desk.engine().trust();
    let received = received(desk)?;
    let away = row.away;
    let facts = match desk.facts(id) {
        Err(DeskError::Away) => None,
        facts => Some(facts?),
    };
    let shown = match &facts {
        Some(facts) => view(facts),
        None => outline(summary(desk, id)?.unwrap_or_default()),
    };
    let derived = &shown.derived;
    let conflicts: Vec<Value> = derived
        .conflicts
        .iter()
        .map(|conflict| {
            let (vi, en) = conflict.words();
            json!({ "text_vi": vi, "text_en": en })
        })
        .collect();
    let steps: Vec<Value> = derived
        .hand_overs
        .iter()
        .map(|step| {
            json!({
                "from": office_json(&trust, &step.given.act.office),
                "to": office_json(&trust, &step.given.to),
                "given_at": step.given.act.at,
                "given_by": step.given.act.by,
                "note": step.given.act.note,
                "taken_at": step.taken.as_ref().map(|taken| taken.act.at),
                "taken_by": step.taken.as_ref().map(|taken| taken.act.by.clone()),
            })
        })
        .collect();
    let members = match &image {
        Some(image) => roles_of(&image.members),
        None => row.members(),
    };
    let audience: Vec<Value> = members
        .into_iter()
        .map(|(office, roles)| {
            let roles: Vec<String> = roles.iter().map(|role| format!("{role:?}")).collect();
            json!({ "office": office_json(&trust, &office.to_string()), "roles": roles })
        })
        .collect();
    let me = desk.engine().me.office.to_string();
    let acts = image.is_none() && !away;
    let allowed: Vec<Value> = moves(&shown, &me, desk.engine().clock().wall().0)
        .into_iter()
        .filter(|_| acts)
        .map(|(state, reason)| {
            json!({ "state": state.code(), "vi": state.vi(), "en": state.en(), "reason": reason })
        })
        .collect();
    let known = facts.as_ref().map_or(&[][..], |facts| facts);
    let mut whole = line(desk, &trust, received, id, &shown.summary)?;
    let more = json!({
        "conflicts": conflicts,
        "applicant": shown.applicant,
        "applicant_name": shown.applicant.name,
        "request": shown.request.text,
        "fee": shown.request.fee,
        "papers": shown.papers,
        "forms": facts.as_ref().map(|facts| crate::forms::form_lines(facts)).unwrap_or_default(),
        "printings": facts
            .as_ref()
            .map(|facts| crate::forms::printing_lines(id, facts))
            .unwrap_or_default(),
        "attachments": if facts.is_some() { crate::scans::lines(desk, id)? } else { Vec::new() },
        "due_dates": date_lines(&shown.dates),
        "pauses": pause_lines(desk, &trust, &shown),
        "audience": audience,
        "steps": steps,
        "history": entries(desk, &trust, received, &history, known)?,
        "heads": row.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "allowed": allowed,
        "can_extend": acts && may_extend(known, &me).is_ok(),
        "can_take": acts && waiting_for(derived, desk.engine().me.office).is_some(),
        "unchecked": image.is_some(),
        "away": away,
    });
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    Ok(whole)
}

/// Promised dates, oldest first.
fn date_lines(dates: &[Date]) -> Vec<Value> {
    dates
        .iter()
        .map(|date| {
            let (vi, en) = date.why.words();
            let reason = if date.why == Why::Promised { "" } else { &vi };
            json!({
                "at": date.at,
                "reason": reason,
                "reason_vi": vi,
                "reason_en": en,
                "provisional": date.provisional,
            })
        })
        .collect()
}

/// When the clock stood still, oldest first.
fn pause_lines(desk: &Desk, trust: &TrustView, shown: &View) -> Vec<Value> {
    let now = desk.engine().clock().wall().0;
    shown
        .pauses
        .iter()
        .map(|pause| {
            json!({
                "state": pause.state.code(),
                "state_vi": pause.state.vi(),
                "state_en": pause.state.en(),
                "model": pause.model.word(),
                "from": pause.from,
                "to": pause.to,
                "worked_minutes": pause.worked(calendar::usual(), now) / 60,
                "by": pause.asked.by,
                "office": office_json(trust, &pause.asked.office),
                "note": pause.asked.note,
                "ended_by": pause.ended.as_ref().map(|act| act.by.clone()),
            })
        })
        .collect()
}

/// What is known here of a dossier whose history is at the hub.
///
/// # Errors
/// [`DeskError::Store`] when the state cannot be read.
pub(crate) fn known(desk: &Desk, id: DossierId) -> Result<View, DeskError> {
    Ok(outline(summary(desk, id)?.unwrap_or_default()))
}

/// What is known of a dossier whose history is at the hub.
pub(crate) fn outline(summary: Summary) -> View {
    View {
        applicant: Applicant { name: summary.applicant.clone(), ..Applicant::default() },
        dates: summary
            .due
            .map(|at| Date { at, why: Why::Promised, provisional: false })
            .into_iter()
            .collect(),
        summary,
        ..view(&[])
    }
}

fn roles_of(members: &[(OfficeId, u8)]) -> Vec<(OfficeId, Vec<Role>)> {
    let mut all: BTreeMap<OfficeId, Vec<Role>> = BTreeMap::new();
    for (office, role) in members {
        all.entry(*office).or_default().push(Role::from_byte(*role));
    }
    all.into_iter().collect()
}

/// What each entry brought, in an order in which causes come first.
fn entries(
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
        let (kind, person, vi, en) = sentence(trust, stored, &brought);
        let wrong = brought.iter().filter_map(|fact| flags.get(&fact.id)).flatten();
        lines.push(json!({
            "at": stored.entry.header.claimed_at.0,
            "office": office.map(|office| office_json(trust, &office.to_string())),
            "person": person,
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

fn sentence(
    trust: &TrustView,
    stored: &Stored,
    facts: &[Fact],
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
            Kind::Applicant
            | Kind::Request
            | Kind::Paper
            | Kind::Code
            | Kind::Due
            | Kind::Clock
            | Kind::Origin => {}
            Kind::Printed => {
                let Some(printed) = fact.read::<Printed>() else { continue };
                let (vi, en) = crate::forms::sentence(&printed);
                return ("printed", printed.act.by, vi, en);
            }
        }
    }
    ("other", String::new(), "Thay đổi khác".into(), "Other change".into())
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
fn date_words(millis: i64) -> String {
    local::of_millis(millis).map_or_else(String::new, |at| {
        let (hour, minute) = (at.hour(), at.minute());
        format!("{hour:02}:{minute:02} {:02}/{:02}/{}", at.day(), at.month(), at.year())
    })
}

fn with_note(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(" ({note})") }
}
