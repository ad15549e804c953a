//! One dossier, whole.

use super::{
    history::entries,
    list::{line, line_of, received, summary},
    office_json,
};
use crate::{desk::Desk, error::DeskError};
use motcua_core::{
    entry::Role,
    id::{DossierId, OfficeId},
    trust::TrustView,
};
use motcua_dossier::{
    action::waiting_for,
    calendar,
    fact::Applicant,
    pauses::{Date, Why},
    process::{may_pass, waits_inside},
    steps::{concerns, may_extend, moves},
    view::{Summary, View, view},
    void::Standing,
};
use motcua_shell::clock::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
        "fields": [],
        "voided": null,
        "links": [],
        "applicant": shown.applicant,
        "applicant_name": shown.applicant.name,
        "request": shown.request.text,
        "fee": shown.request.fee,
        "money": crate::money::show::whole(&trust, id, &shown, "", false),
        "papers": shown.papers,
        "attachments": [],
        "forms": [],
        "printings": [],
        "due_dates": date_lines(&shown.dates),
        "pauses": [],
        "audience": [],
        "steps": [],
        "process": crate::process::show::process(desk, &trust, &shown),
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
    let now = desk.engine().clock().wall().0;
    let in_force = !shown.standing.is_void();
    let allowed: Vec<Value> = moves(&shown, &me, now)
        .into_iter()
        .filter(|_| acts)
        .map(|(state, reason)| {
            json!({ "state": state.code(), "vi": state.vi(), "en": state.en(), "reason": reason })
        })
        .collect();
    let known = facts.as_ref().map_or(&[][..], |facts| facts);
    let conflicts = crate::conflicts::lines(&trust, known, &shown);
    let mut whole = line(desk, &trust, received, id, &shown.summary)?;
    let more = json!({
        "conflicts": conflicts,
        "fields": crate::corrections::field_lines(known, &shown),
        "applicant": shown.applicant,
        "applicant_name": shown.applicant.name,
        "request": shown.request.text,
        "fee": shown.request.fee,
        "money": crate::money::show::whole(&trust, id, &shown, &me, acts),
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
        "process": crate::process::show::process(desk, &trust, &shown),
        "history": entries(desk, &trust, received, &history, known)?,
        "heads": row.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "allowed": allowed,
        "can_extend": acts && may_extend(known, &me).is_ok(),
        "can_correct": acts && concerns(derived, &me) && in_force,
        "can_void": if acts { crate::voids::allowed(known, &me, now) } else { "no" },
        "can_revive": acts && concerns(derived, &me) && shown.standing != Standing::Valid,
        "voided": crate::voids::line(&trust, &shown.standing),
        "links": crate::links::lines(desk, &trust, id)?,
        "can_pass": acts && in_force && may_pass(derived, &me).is_ok(),
        "can_take_pass": acts && in_force && waits_inside(derived, &me),
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
