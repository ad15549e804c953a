//! What a form shows, from the facts of a dossier and the offices of the city.

use crate::{desk::Desk, error::DeskError};
use jiff::civil::DateTime;
use motcua_core::{id::OfficeId, trust::TrustView};
use motcua_dossier::{
    derive::Derived,
    fact::Fact,
    local,
    state::State,
    view::{View, view},
};
use motcua_forms::{
    edition::{Edition, Form, in_force},
    model::{Data, Dossier, HandOver, Paper, Printing, Subject},
};

/// Who prints what when.
pub(super) struct Occasion {
    pub(super) form: Form,
    pub(super) printing: Printing,
    /// Unix milliseconds.
    pub(super) at: i64,
    pub(super) clerk: String,
}

/// Everything a form of one dossier needs.
pub(super) fn of_dossier(
    desk: &Desk,
    facts: &[Fact],
    occasion: &Occasion,
) -> Result<Data, DeskError> {
    let trust = desk.engine().trust();
    let shown = view(facts);
    if !exists(occasion.form, &shown) {
        return Err(DeskError::NoForm(occasion.form));
    }
    let dossier = dossier(&trust, &shown, Some(occasion.form));
    around(desk, &trust, occasion, Subject::One(Box::new(dossier)))
}

/// Office, place, system and time around a subject.
pub(super) fn around(
    desk: &Desk,
    trust: &TrustView,
    occasion: &Occasion,
    subject: Subject,
) -> Result<Data, DeskError> {
    let me = trust.office(desk.engine().me.office);
    let above = me.and_then(|office| trust.office(office.parent?));
    let mut top = me;
    // A catalogue has no cycle; this ends even in one.
    for _ in 0..8 {
        top = top.and_then(|office| trust.office(office.parent?)).or(top);
    }
    let name = |office: Option<&_>| office.map(office_name).unwrap_or_default();
    let place = name(top);
    let issued = local::of_millis(occasion.at);
    Ok(Data {
        office: name(me),
        above: name(above),
        system: format!("Một Cửa, {place}"),
        place,
        issued: issued.ok_or(DeskError::Request("a time beyond any calendar".into()))?,
        printing: occasion.printing,
        clerk: occasion.clerk.clone(),
        subject,
    })
}

fn office_name(office: &motcua_core::trust::OfficeRecord) -> String {
    office.name.clone()
}

/// The forms that a dossier has reached, each in the edition of its day.
pub(crate) fn reached(shown: &View) -> Vec<&'static Edition> {
    let received = shown.summary.received.and_then(local::of_millis);
    let Some(day) = received.map(DateTime::date) else { return Vec::new() };
    let reached = Form::ALL.into_iter().filter(|form| exists(*form, shown));
    reached.filter_map(|form| in_force(form, day)).collect()
}

/// Whether what a form tells has happened.
fn exists(form: Form, shown: &View) -> bool {
    match form {
        Form::Receipt | Form::Control => shown.summary.received.is_some(),
        Form::Supplement => note(&shown.derived, State::Supplement).is_some(),
        Form::Refusal => note(&shown.derived, State::Refused).is_some(),
        Form::Stop => note(&shown.derived, State::Stopped).is_some(),
        Form::Extension => extension(shown).is_some(),
        Form::Register => false,
    }
}

/// The remark of the newest step to a state.
fn note(derived: &Derived, state: State) -> Option<&str> {
    let step = derived.steps.iter().rev().find(|step| step.to == state)?;
    Some(&step.fields.act.note)
}

/// Reason of the newest date that somebody set in the place of the promised one, with an apology or not.
fn extension(shown: &View) -> Option<&str> {
    use motcua_dossier::pauses::Why;
    shown.dates.iter().rev().find_map(|date| match &date.why {
        Why::Set(_, reason) | Why::Extended(_, reason) => Some(reason.as_str()),
        Why::Promised | Why::Paused(_) => None,
    })
}

/// A dossier as a form shows it.
pub(super) fn dossier(trust: &TrustView, shown: &View, form: Option<Form>) -> Dossier {
    let View { summary, applicant, request, derived, .. } = shown;
    let named = |id: &str| {
        let office = id.parse::<OfficeId>().ok().and_then(|id| trust.office(id));
        office.map_or_else(|| id.to_owned(), office_name)
    };
    let first = derived.steps.iter().find(|step| step.to == State::Accepted);
    let desk = first.map(|step| named(&step.fields.act.office)).unwrap_or_default();
    let holder = summary.holders.first().map_or_else(|| desk.clone(), |id| named(id));
    let returned = derived.steps.iter().rev().find(|step| step.to == State::Returned);
    let reason = match form {
        Some(Form::Supplement) => note(derived, State::Supplement),
        Some(Form::Refusal) => note(derived, State::Refused),
        Some(Form::Stop) => note(derived, State::Stopped),
        Some(Form::Extension) => extension(shown),
        _ => None,
    };
    let paper = |paper: &motcua_dossier::fact::Paper| Paper {
        name: paper.name.clone(),
        original: paper.form == "original",
        count: paper.count,
    };
    Dossier {
        code: summary.code.clone(),
        procedure: request.procedure.clone(),
        procedure_name: request.procedure_name.clone(),
        term: term(&request.term_unit, request.term),
        applicant: applicant.name.clone(),
        applicant_id: applicant.id_number.clone(),
        address: applicant.address.clone(),
        phone: applicant.phone.clone(),
        email: applicant.email.clone(),
        request: request.text.clone(),
        papers: shown.papers.iter().map(paper).collect(),
        sets: None,
        fee: request.fee,
        received: summary.received.and_then(local::of_millis),
        due: shown.dates.iter().filter_map(|date| local::of_millis(date.at)).collect(),
        returned: returned.and_then(|step| local::of_millis(step.fields.when())),
        collect: desk.clone(),
        state: derived.state.vi().into(),
        reason: reason.unwrap_or_default().into(),
        hand_overs: hand_overs(derived, &named),
        desk,
        holder,
    }
}

fn hand_overs(derived: &Derived, named: &dyn Fn(&str) -> String) -> Vec<HandOver> {
    let all = derived.hand_overs.iter().map(|step| HandOver {
        from: named(&step.given.act.office),
        to: named(&step.given.to),
        given: local::of_millis(step.given.act.at),
        giver: step.given.act.by.clone(),
        taken: step.taken.as_ref().and_then(|taken| local::of_millis(taken.act.at)),
        taker: step.taken.as_ref().map(|taken| taken.act.by.clone()).unwrap_or_default(),
        // Terms of single steps are not kept, so nothing is said of them.
        outcome: String::new(),
        note: step.given.act.note.clone(),
    });
    all.collect()
}

/// The term as the receipt words it; empty where it was not kept.
fn term(unit: &str, term: Option<u32>) -> String {
    use motcua_dossier::due::Term;
    match Term::read(unit, term.map(f64::from)) {
        Ok(Term::WorkingDays(days)) => format!("{days:02} ngày làm việc"),
        Ok(Term::CalendarDays(days)) => format!("{days:02} ngày"),
        Ok(Term::WorkingMinutes(minutes)) if minutes % 60 == 0 => {
            format!("{:02} giờ làm việc", minutes / 60)
        }
        Ok(Term::WorkingMinutes(minutes)) => format!("{minutes} phút làm việc"),
        Ok(Term::SameDay) => "trong ngày".into(),
        Ok(Term::None) => "không hẹn trước".into(),
        Err(_) => String::new(),
    }
}
