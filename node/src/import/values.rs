//! Values of a list as a dossier, and a dossier as values of a list.

use crate::desk::{Printed, TakenOver};
use motcua_core::id::{DossierId, Hash};
use motcua_dossier::{
    fact::{Applicant, Origin, Request},
    local,
    state::State,
    view::View,
};
use motcua_intake::{
    field::{Field, papers, papers_text},
    judge::Judged,
    mapping::WithoutCode,
};
use std::collections::BTreeMap;

/// Where a list came from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: Hash,
    pub(super) name: String,
    pub(super) sheet: Option<String>,
    pub(super) without_code: WithoutCode,
}

/// The dossier of a row.
pub(super) fn taken_over(judged: &Judged, source: &Source) -> TakenOver {
    let record = &judged.record;
    let text = |field: Field| record.value(field).to_owned();
    let millis = |field: Field| record.time(field).and_then(local::to_millis);
    let birth = text(Field::BirthDate);
    let applicant = Applicant {
        name: text(Field::Name),
        nationality: text(Field::Nationality),
        id_number: text(Field::IdNumber),
        birth_date: (!birth.is_empty()).then_some(birth),
        phone: text(Field::Phone),
        address: text(Field::Address),
        email: text(Field::Email),
        ..Applicant::default()
    };
    let channel = text(Field::Channel);
    let request = Request {
        procedure: text(Field::Procedure),
        procedure_name: text(Field::ProcedureName),
        channel: if channel.is_empty() { "direct".into() } else { channel },
        text: text(Field::Request),
        fee: record.value(Field::Fee).parse().ok(),
        ..Request::default()
    };
    let mut cells: BTreeMap<String, String> = record.others.clone();
    let written = record.written.iter();
    cells.extend(written.map(|(field, cell)| (field.header().to_owned(), cell.clone())));
    let hex = |key: &[u8; 16]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let origin = Origin {
        file: source.file.to_string(),
        name: source.name.clone(),
        sheet: source.sheet.clone().unwrap_or_default(),
        row: record.row,
        keys: judged.keys.iter().map(hex).collect(),
        cells,
    };
    let code = match (text(Field::Code), source.without_code) {
        (code, _) if !code.is_empty() => Printed::Before(code),
        (_, WithoutCode::Fresh) => Printed::Now,
        _ => Printed::Never,
    };
    let state = record.value(Field::State).parse().ok().and_then(State::from_code);
    TakenOver {
        applicant,
        request,
        papers: papers(record.value(Field::Papers)).unwrap_or_default(),
        received: millis(Field::Received),
        due: millis(Field::Due),
        state: state.unwrap_or(State::Accepted),
        code,
        note: text(Field::Note),
        origin,
    }
}

/// The values of a dossier.
pub(super) fn of(id: DossierId, view: &View) -> BTreeMap<Field, String> {
    let moment = |millis: Option<i64>| {
        millis.and_then(local::of_millis).map(|at| at.to_string()).unwrap_or_default()
    };
    let View { summary, applicant, request, .. } = view;
    let note = view.derived.steps.iter().min_by_key(|step| step.fields.after.len());
    let all = [
        (Field::Id, id.to_string()),
        (Field::Code, summary.code.clone()),
        (Field::Procedure, summary.procedure.clone()),
        (Field::ProcedureName, summary.procedure_name.clone()),
        (Field::Received, moment(summary.received)),
        (Field::Due, moment(summary.due)),
        (Field::State, summary.state.to_string()),
        (Field::Name, applicant.name.clone()),
        (Field::IdNumber, applicant.id_number.clone()),
        (Field::BirthDate, applicant.birth_date.clone().unwrap_or_default()),
        (Field::Phone, applicant.phone.clone()),
        (Field::Address, applicant.address.clone()),
        (Field::Email, applicant.email.clone()),
        (Field::Nationality, applicant.nationality.clone()),
        (Field::Request, request.text.clone()),
        (Field::Fee, request.fee.map(|fee| fee.to_string()).unwrap_or_default()),
        (Field::Channel, request.channel.clone()),
        (Field::Papers, papers_text(&view.papers)),
        (Field::Note, note.map(|step| step.fields.act.note.clone()).unwrap_or_default()),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}
