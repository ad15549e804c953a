//! What a page shows of the internal process: its steps, who had it how long, and who has it now.

use crate::{desk::Desk, views::office_json};
use motcua_core::{id::OfficeId, trust::TrustView};
use motcua_dossier::{
    calendar,
    fact::{Fact, Kind, Pass, PassAnswer},
    local,
    process::{Leg, Passing, Process, Stage, holdings, legs},
    view::View,
};
use serde_json::{Value, json};

/// Administrative code of this office.
pub(crate) fn own_code(desk: &Desk) -> String {
    let trust = desk.engine().trust();
    trust.office(desk.engine().me.office).map(|office| office.code.clone()).unwrap_or_default()
}

/// Whom to phone about a dossier at an office: its section as it was given there, else the office.
pub(crate) fn phone(desk: &Desk, trust: &TrustView, place: &str, section: &str) -> Option<String> {
    if !section.is_empty() {
        return Some(section.to_owned());
    }
    let office = place.parse::<OfficeId>().ok().and_then(|id| trust.office(id))?;
    desk.office_data().telephones.of(&office.code, "").map(str::to_owned)
}

/// The process in force when a dossier was received.
pub(crate) fn process_of<'a>(desk: &'a Desk, shown: &View) -> Option<&'a Process> {
    let received = local::of_millis(shown.summary.received?)?.date();
    desk.office_data().processes.in_force(&shown.request.procedure, received)
}

/// The step that a dossier is at here: the first before anything was given, 0 where it is none.
pub(crate) fn step_now(desk: &Desk, shown: &View) -> u32 {
    let me = desk.engine().me.office.to_string();
    let held = holdings(&shown.derived.hand_overs, &shown.derived.passings, &me);
    held.first().map_or(1, |held| held.step.max(u32::from(held.pass.is_empty())))
}

/// The step that giving to a section means: the next one at it behind the present one, else the last
/// one before that, of what goes back.
pub(crate) fn next_at<'a>(
    process: Option<&'a Process>,
    now: u32,
    section: &str,
) -> Option<&'a Stage> {
    let at = process?.stages.iter().filter(|stage| stage.section.id == section);
    let (before, behind): (Vec<&Stage>, Vec<&Stage>) = at.partition(|stage| stage.number <= now);
    behind.first().or(before.last()).copied()
}

/// The process and its turns, for the page of one dossier.
pub(crate) fn process(desk: &Desk, trust: &TrustView, shown: &View) -> Value {
    let process = process_of(desk, shown);
    let stages: Vec<Value> = process
        .map(|process| process.stages.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|stage| {
            json!({
                "number": stage.number,
                "section": stage.section.id,
                "section_name": stage.section.name,
                "role": stage.role.word(),
                "minutes": stage.minutes,
            })
        })
        .collect();
    let now = step_now(desk, shown);
    let next = process.and_then(|process| process.stage(now + 1)).map(|stage| stage.number);
    let turns: Vec<Value> =
        legs(shown, process, calendar::usual()).iter().map(|leg| turn(trust, shown, leg)).collect();
    json!({
        "version": process.map(|process| process.version),
        "stages": stages,
        "now": now,
        "next": next,
        "turns": turns,
    })
}

fn turn(trust: &TrustView, shown: &View, leg: &Leg) -> Value {
    let passing = shown.derived.passings.iter().find(|one| one.id == leg.pass);
    let first = shown.derived.steps.iter().find(|step| step.fields.after.is_empty());
    let received = first.map(|step| &step.fields.act);
    let act = passing.map(|one| &one.given.act).or(received).cloned().unwrap_or_default();
    let given = passing.map(|one| one.given.clone()).unwrap_or_default();
    let answered = |one: fn(&Passing) -> Option<&PassAnswer>| passing.and_then(one);
    let (taken, refused) = (answered(Passing::taken), answered(Passing::refused));
    json!({
        "reception": passing.is_none(),
        "office": office_json(trust, &act.office),
        "step": leg.step,
        "section": given.section,
        "section_name": given.section_name,
        "person": given.person,
        "list": given.list,
        "given_at": act.at,
        "given_by": act.who(),
        "taken_at": taken.map(|answer| answer.act.at),
        "taken_by": taken.map(|answer| answer.act.who()),
        "refused_at": refused.map(|answer| answer.act.at),
        "refused_by": refused.map(|answer| answer.act.who()),
        "refused_why": refused.map(|answer| answer.act.note.clone()),
        "note": given.act.note,
        "minutes": leg.minutes,
        "due": leg.due,
        "ended": leg.to,
        "outcome": leg.outcome.map(|outcome| outcome.word()),
    })
}

/// What a fact of a hand-over inside says in the history: kind, person, and words in both languages.
pub(crate) fn sentence(fact: &Fact) -> Option<(&'static str, String, String, String)> {
    let with_note = |note: &str| match note.is_empty() {
        true => String::new(),
        false => format!(" ({note})"),
    };
    match fact.kind {
        Kind::Pass => {
            let Pass { section_name, person, list, act, .. } = fact.read()?;
            let parts = [person, section_name];
            let to: Vec<&str> =
                parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let (to, note) = (to.join(", "), with_note(&act.note));
            let on = |words: &str| match list.is_empty() {
                true => String::new(),
                false => format!(", {words} {list}"),
            };
            let vi = format!("Giao nội bộ cho {to}{}{note}", on("phiếu bàn giao"));
            let en = format!("Given within the office to {to}{}{note}", on("hand-over list"));
            Some(("passed", act.by, vi, en))
        }
        Kind::PassTaken => {
            let PassAnswer { act, .. } = fact.read()?;
            let note = with_note(&act.note);
            let vi = format!("Đã nhận bàn giao nội bộ{note}");
            Some(("pass_taken", act.by, vi, format!("Taken within the office{note}")))
        }
        Kind::PassRefused => {
            let PassAnswer { act, .. } = fact.read()?;
            let note = with_note(&act.note);
            let vi = format!("Không nhận bàn giao nội bộ{note}");
            Some(("pass_refused", act.by, vi, format!("Not taken within the office{note}")))
        }
        _ => None,
    }
}
