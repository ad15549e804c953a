//! Data as words on paper.

use crate::{
    edition::{Cell, Rows, Value},
    model::{Data, Dossier, FeeLine, HandOver, Paper, Payment, Subject},
};
use jiff::civil::{Date, DateTime};
use motcua_dossier::{code::Code, digits};

/// What a field shows; none where it is not known.
pub(crate) fn value(value: Value, data: &Data) -> Option<String> {
    if let (Value::Period, Subject::Many { from, to, .. }) = (value, &data.subject) {
        return Some(format!("từ ngày {} đến ngày {}", day(*from), day(*to)));
    }
    if let Subject::List(list) = &data.subject {
        match value {
            Value::ListNumber => return known(&list.number),
            Value::ListGiven => return list.given.map(moment),
            Value::ListFrom => return known(&list.from),
            Value::ListTo => return known(&list.to),
            Value::ListGiver => return known(&list.giver),
            _ => {}
        }
    }
    if let Subject::Slips(slips) = &data.subject {
        match value {
            Value::SlipsNumber => return known(&slips.number),
            Value::SlipsDay => return slips.day.map(day),
            Value::SlipsOffice => return known(&data.office),
            Value::SlipsPhone => return known(&slips.phone),
            Value::SlipsDrawer => return known(&slips.drawer),
            _ => {}
        }
    }
    if value == Value::Clerk {
        return known(&data.clerk);
    }
    let dossier = data.dossier()?;
    match value {
        Value::Desk => known(&dossier.desk),
        Value::Applicant => known(&dossier.applicant),
        Value::ApplicantId => known(&dossier.applicant_id),
        Value::Address => known(&dossier.address),
        Value::Phone => known(&dossier.phone),
        Value::Email => known(&dossier.email),
        Value::Procedure => match (known(&dossier.procedure_name), known(&dossier.procedure)) {
            (Some(name), Some(code)) => Some(format!("{name} ({code})")),
            (name, code) => name.or(code),
        },
        Value::Request => known(&dossier.request),
        Value::Sets => dossier.sets.map(|sets| format!("{sets:02}")),
        Value::Term => known(&dossier.term),
        Value::Received => dossier.received.map(moment),
        Value::Due => dossier.due.last().copied().map(moment),
        Value::FirstDue => dossier.due.first().copied().map(moment),
        Value::Collect => known(&dossier.collect),
        Value::Fee => dossier.fee.map(dong),
        Value::Book => Some(Code::read(&dossier.code).ok()?.day.year.to_string()),
        Value::Line => {
            let code = Code::read(&dossier.code).ok()?;
            Some(format!("{} ngày {:02}/{:02}", code.seq, code.day.day, code.day.month))
        }
        Value::Reason => known(&dossier.reason),
        Value::State => known(&dossier.state),
        Value::PaymentNumber
        | Value::PaymentOffice
        | Value::Payer
        | Value::PaymentAmount
        | Value::PaymentWords
        | Value::PaymentWay
        | Value::PaymentTime
        | Value::PaymentRest
        | Value::PaymentClerk => of_payment(value, dossier.payment.as_ref()?),
        Value::Clerk
        | Value::Period
        | Value::ListNumber
        | Value::ListGiven
        | Value::ListFrom
        | Value::ListTo
        | Value::ListGiver
        | Value::SlipsNumber
        | Value::SlipsDay
        | Value::SlipsOffice
        | Value::SlipsPhone
        | Value::SlipsDrawer
        | Value::HandWritten => None,
    }
}

fn of_payment(value: Value, payment: &Payment) -> Option<String> {
    match value {
        Value::PaymentNumber => known(&payment.number),
        Value::PaymentOffice => known(&payment.office),
        Value::Payer => known(&payment.payer),
        Value::PaymentAmount => Some(dong(payment.amount)),
        Value::PaymentWords => Some(format!("{}.", motcua_dossier::money::words(payment.amount))),
        Value::PaymentWay => known(&payment.way),
        Value::PaymentTime => payment.time.map(moment),
        Value::PaymentRest => Some(dong(payment.rest)),
        Value::PaymentClerk => known(&payment.clerk),
        _ => None,
    }
}

/// A row of a table.
pub(crate) enum Row<'a> {
    Fee(&'a FeeLine),
    Paper(&'a Paper),
    Reason(&'a str),
    HandOver(&'a HandOver),
    Dossier(&'a Dossier),
    Slip(&'a str),
}

pub(crate) fn rows(rows: Rows, data: &Data) -> Vec<Row<'_>> {
    match (rows, &data.subject) {
        (Rows::Papers, Subject::One(dossier)) => dossier.papers.iter().map(Row::Paper).collect(),
        (Rows::Reasons, Subject::One(dossier)) => {
            let lines = dossier.reason.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(Row::Reason).collect()
        }
        (Rows::HandOvers, Subject::One(dossier)) => {
            dossier.hand_overs.iter().map(Row::HandOver).collect()
        }
        (Rows::Fees, Subject::One(dossier)) => {
            let fees = dossier.payment.iter().flat_map(|payment| &payment.fees);
            fees.map(Row::Fee).collect()
        }
        (Rows::Dossiers, Subject::Many { dossiers, .. }) => {
            dossiers.iter().map(Row::Dossier).collect()
        }
        (Rows::Dossiers, Subject::List(list)) => list.dossiers.iter().map(Row::Dossier).collect(),
        (Rows::Slips, Subject::Slips(slips)) => {
            slips.codes.iter().map(|code| Row::Slip(code)).collect()
        }
        _ => Vec::new(),
    }
}

/// What stands in a cell of row `number`.
pub(crate) fn cell(cell: Cell, number: usize, row: &Row<'_>) -> String {
    if cell == Cell::Number {
        return number.to_string();
    }
    match row {
        Row::Paper(paper) => of_paper(cell, paper),
        Row::Fee(line) => match cell {
            Cell::FeeName => line.name.clone(),
            Cell::FeeAmount => dong(line.amount),
            _ => String::new(),
        },
        Row::Reason(line) if cell == Cell::Reason => (*line).to_owned(),
        Row::Reason(_) => String::new(),
        Row::HandOver(hand_over) => of_hand_over(cell, hand_over),
        Row::Dossier(dossier) => of_dossier(cell, dossier),
        Row::Slip(code) => of_slip(cell, code),
    }
}

/// The code as it is written and as digits with a check digit; the rest is room to write in.
fn of_slip(cell: Cell, code: &str) -> String {
    let labels: &[&str] = match cell {
        Cell::SlipCode => {
            let digits = Code::read(code).ok().and_then(|code| digits::write(&code));
            let digits = digits.unwrap_or_default();
            let groups: Vec<&str> = (0..digits.len())
                .step_by(4)
                .map(|at| &digits[at..digits.len().min(at + 4)])
                .collect();
            return format!("{code}\n{}", groups.join(" "));
        }
        Cell::SlipPerson => &["Họ tên:", "", "Số định danh:", "Điện thoại:", "Địa chỉ:", ""],
        Cell::SlipMatter => &["Thủ tục:", "", "Giấy tờ:", "", "", "Lệ phí:"],
        Cell::SlipTime => &[
            "Nhận lúc: …… : ……",
            "Hẹn trả: …… : ……",
            "ngày …… / …… / ……",
            "Người nộp ký:",
            "",
            "Người nhận ký:",
        ],
        _ => return String::new(),
    };
    let line = |label: &&str| {
        if label.contains('…') { (*label).to_owned() } else { format!("{label} {DOTS}") }
    };
    labels.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn of_paper(cell: Cell, paper: &Paper) -> String {
    let count_if = |is: bool| if is { paper.count.to_string() } else { String::new() };
    match cell {
        Cell::Paper => paper.name.clone(),
        Cell::PaperForm => if paper.original { "Bản chính" } else { "Bản sao" }.into(),
        Cell::PaperCount => paper.count.to_string(),
        Cell::Originals => count_if(paper.original),
        Cell::Copies => count_if(!paper.original),
        _ => String::new(),
    }
}

fn of_hand_over(cell: Cell, step: &HandOver) -> String {
    let at = |time: Option<DateTime>| time.map_or_else(|| DOTS.into(), moment);
    match cell {
        Cell::Offices => format!("{}\n→ {}", step.from, step.to),
        Cell::GivenTaken => format!("1. Giao: {}\n2. Nhận: {}", at(step.given), at(step.taken)),
        Cell::Giver => step.giver.clone(),
        Cell::Taker => step.taker.clone(),
        Cell::Outcome => step.outcome.clone(),
        Cell::Note => step.note.clone(),
        _ => String::new(),
    }
}

fn of_dossier(cell: Cell, dossier: &Dossier) -> String {
    let on = |time: Option<DateTime>| time.map_or_else(String::new, |time| day(time.date()));
    match cell {
        Cell::Code => dossier.code.clone(),
        Cell::ProcedureName => dossier.procedure_name.clone(),
        Cell::SetCount => dossier.sets.map_or_else(String::new, |sets| sets.to_string()),
        Cell::Name => dossier.applicant.clone(),
        Cell::Reach => {
            let parts = [dossier.address.as_str(), dossier.phone.as_str()];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join("\n")
        }
        Cell::Holder => dossier.holder.clone(),
        Cell::ReceivedDay => on(dossier.received),
        Cell::DueDay => on(dossier.due.last().copied()),
        Cell::ReturnedDay => on(dossier.returned),
        Cell::How => dossier.collect.clone(),
        Cell::StateName => dossier.state.clone(),
        _ => String::new(),
    }
}

/// To write on.
pub(crate) const DOTS: &str = "……………………";

fn known(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `25/11/2026`
pub(crate) fn day(day: Date) -> String {
    format!("{:02}/{:02}/{:04}", day.day(), day.month(), day.year())
}

/// `10 giờ 41 phút, ngày 25/11/2026`
pub(crate) fn moment(time: DateTime) -> String {
    format!("{:02} giờ {:02} phút, ngày {}", time.hour(), time.minute(), day(time.date()))
}

/// `150.000 đồng`
fn dong(fee: u64) -> String {
    let digits = fee.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    out + " đồng"
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn money_and_moments_are_written_as_the_forms_do() {
        let fees = [0, 7, 999, 1_000, 150_000, 1_234_567_890].map(dong);
        assert_eq!(
            fees,
            ["0 đồng", "7 đồng", "999 đồng", "1.000 đồng", "150.000 đồng", "1.234.567.890 đồng"]
        );
        let time = date(2026, 3, 5).at(7, 4, 59, 0);
        assert_eq!(moment(time), "07 giờ 04 phút, ngày 05/03/2026");
    }
}
