//! What a form shows, from the facts of a dossier and the offices of the city.

use crate::{desk::Desk, error::DeskError};
use jiff::civil::DateTime;
use motcua_core::{id::OfficeId, trust::TrustView};
use motcua_dossier::{
    derive::Derived,
    fact::Fact,
    local,
    money::{ReceiptState, Standing, cash::day_of, money, seen_by, tariff::tariffs},
    state::State,
    view::{View, view},
};
use motcua_forms::{
    edition::{Edition, Form, in_force},
    model::{Data, Dossier, FeeLine, Paper, Payment, Printing, Subject},
};

/// Who prints what when.
pub(super) struct Occasion {
    pub(super) form: Form,
    pub(super) printing: Printing,
    /// Unix milliseconds.
    pub(super) at: i64,
    pub(super) clerk: String,
    /// Id of the receipt, of a receipt for money.
    pub(super) of: String,
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
    let mut dossier = dossier(desk, &trust, &shown, Some(occasion.form));
    if occasion.form == Form::Payment {
        dossier.payment = payment(&trust, facts, &occasion.of);
    }
    around(desk, &trust, occasion, Subject::One(Box::new(dossier)))
}

/// Which receipt is meant, of a receipt for money: the one that is named, or the newest that holds.
///
/// # Errors
/// [`DeskError::NoForm`] when there is none.
pub(super) fn receipt_of(form: Form, facts: &[Fact], named: &str) -> Result<String, DeskError> {
    if form != Form::Payment {
        return Ok(String::new());
    }
    let all = money(facts).receipts;
    let holds = |one: &&ReceiptState| one.standing == Standing::Holds;
    let found = match named {
        "" => all.iter().rev().find(holds).or(all.last()),
        named => all.iter().find(|one| one.id == named),
    };
    found.map(|one| one.id.clone()).ok_or(DeskError::NoForm(form))
}

/// Whether a receipt holds no longer.
pub(super) fn is_cancelled(facts: &[Fact], receipt: &str) -> bool {
    money(facts).receipt(receipt).is_some_and(|one| one.standing != Standing::Holds)
}

/// A receipt for money, with what was demanded when it was written, whatever came later.
fn payment(trust: &TrustView, facts: &[Fact], receipt: &str) -> Option<Payment> {
    let then = view(&seen_by(facts, receipt));
    let one = then.money.receipt(receipt)?;
    let fields = &one.fields;
    let office = fields.act.office.parse::<OfficeId>().ok().and_then(|id| trust.office(id));
    let line = |line: &motcua_dossier::money::FeeLine| {
        let less = if line.amount < line.full { format!(" ({})", line.why) } else { String::new() };
        FeeLine { name: format!("{}{less}", line.name), amount: line.amount.get() }
    };
    let mut fees: Vec<FeeLine> = then.money.lines.iter().map(line).collect();
    if fees.is_empty() {
        let day = then.summary.received.and_then(day_of).unwrap_or_default();
        let known = tariffs(&then.request.procedure, day);
        let name = match known.as_slice() {
            [only] => only.name.clone(),
            _ => "Phí, lệ phí".to_owned(),
        };
        fees.push(FeeLine { name, amount: then.money.demanded });
    }
    let payer = if fields.payer.is_empty() { &then.applicant.name } else { &fields.payer };
    let way = match fields.reference.as_str() {
        "" => fields.way.vi().to_owned(),
        reference => format!("{} ({reference})", fields.way.vi()),
    };
    Some(Payment {
        number: fields.number.clone(),
        office: office.map(office_name).unwrap_or_default(),
        payer: payer.clone(),
        amount: fields.amount.get(),
        way,
        time: local::of_millis(fields.act.at),
        rest: then.money.outstanding,
        clerk: fields.act.by.clone(),
        fees,
        cancelled: is_cancelled(facts, receipt),
    })
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
        Form::Payment => !shown.money.receipts.is_empty(),
        Form::Register | Form::HandList | Form::Emergency => false,
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
pub(super) fn dossier(
    desk_here: &Desk,
    trust: &TrustView,
    shown: &View,
    form: Option<Form>,
) -> Dossier {
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
        void: shown.standing.is_void(),
        state: if shown.standing.is_void() { "Đã hủy đăng ký" } else { derived.state.vi() }.into(),
        reason: reason.unwrap_or_default().into(),
        payment: None,
        hand_overs: super::control::rows(desk_here, shown, &named),
        desk,
        holder,
    }
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
