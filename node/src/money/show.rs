//! What a page shows of the money of a dossier, and how its history tells it.

use crate::{people::who::may, views::office_json};
use motcua_core::{id::DossierId, trust::TrustView};
use motcua_dossier::{
    fact::{Act, Fact, Kind},
    money::{
        Cancelled, Contested, FeeLine, Money, MoneyState, Receipt, ReceiptState, Refund, Settled,
        Standing,
    },
    people::Duty,
    steps::concerns,
    view::View,
};
use serde_json::{Value, json};

/// All of it; `acts` if something may be done with the dossier here.
pub(crate) fn whole(
    trust: &TrustView,
    id: DossierId,
    shown: &View,
    office: &str,
    acts: bool,
) -> Value {
    let one = &shown.money;
    let ours = acts && concerns(&shown.derived, office);
    let open = ours && one.state != MoneyState::InConflict;
    let in_force = !shown.standing.is_void();
    let given_back = |one: &ReceiptState| {
        one.left > 0 && one.standing == Standing::Holds && one.fields.act.office == office
    };
    json!({
        "state": one.state.word(),
        "state_vi": one.state.vi(),
        "state_en": one.state.en(),
        "demanded": one.demanded,
        "taken": one.taken,
        "refunded": one.refunded,
        "outstanding": one.outstanding,
        "owed": one.owed,
        "lines": one.lines.iter().map(fee_line).collect::<Vec<_>>(),
        "receipts": one.receipts.iter().map(|one| receipt_line(trust, id, one)).collect::<Vec<_>>(),
        "refunds": refund_lines(trust, one),
        "contested": one.contested.iter().map(|one| contested(trust, one)).collect::<Vec<_>>(),
        "faults": one.faults.len(),
        "heads": one.heads,
        "can_demand": open && in_force && may(Duty::Demand).is_ok(),
        "can_pay": open && in_force && one.outstanding > 0 && may(Duty::TakeMoney).is_ok(),
        "can_give": open && one.receipts.iter().any(given_back) && may(Duty::GiveMoney).is_ok(),
        "can_settle": ours && !one.contested.is_empty() && may(Duty::GiveMoney).is_ok(),
    })
}

fn fee_line(line: &FeeLine) -> Value {
    json!({
        "what": line.what,
        "name": line.name,
        "full": line.full,
        "amount": line.amount,
        "why": line.why,
        "basis": line.basis,
    })
}

/// A receipt.
pub(super) fn receipt_line(trust: &TrustView, id: DossierId, one: &ReceiptState) -> Value {
    let fields = &one.fields;
    let (standing, ended) = match &one.standing {
        Standing::Holds => ("holds", None),
        Standing::Cancelled(act) => ("cancelled", Some(act)),
        Standing::Dropped(act) => ("dropped", Some(act)),
    };
    json!({
        "id": one.id,
        "dossier": id.to_string(),
        "number": fields.number,
        "amount": fields.amount,
        "left": one.left,
        "way": fields.way.word(),
        "way_vi": fields.way.vi(),
        "way_en": fields.way.en(),
        "payer": fields.payer,
        "reference": fields.reference,
        "machine": fields.machine,
        "by": fields.act.by,
        "at": fields.act.at,
        "office": office_json(trust, &fields.act.office),
        "standing": standing,
        "ended_by": ended.map(|act| act.by.clone()),
        "ended_at": ended.map(|act| act.at),
        "ended_why": ended.map(|act| act.note.clone()),
    })
}

fn refund_lines(trust: &TrustView, all: &Money) -> Vec<Value> {
    let number = |id: &str| all.receipt(id).map(|one| one.fields.number.clone());
    let line = |(id, one): &(String, Refund)| {
        json!({
            "id": id,
            "receipt": one.receipt,
            "number": number(&one.receipt),
            "amount": one.amount,
            "way": one.way.word(),
            "way_vi": one.way.vi(),
            "way_en": one.way.en(),
            "by": one.act.by,
            "at": one.act.at,
            "office": office_json(trust, &one.act.office),
            "note": one.act.note,
        })
    };
    all.refunds.iter().map(line).collect()
}

fn contested(trust: &TrustView, one: &Contested) -> Value {
    let mut line = value(trust, one);
    line["id"] = one.id.as_str().into();
    line["amount"] = one.amount.into();
    line
}

/// Acts between which a person must decide, as conflicts show them.
pub(crate) fn values(trust: &TrustView, all: &[Contested]) -> Vec<Value> {
    all.iter().map(|one| value(trust, one)).collect()
}

fn value(trust: &TrustView, one: &Contested) -> Value {
    json!({
        "text": one.vi,
        "text_en": one.en,
        "state": null,
        "by": one.act.by,
        "at": one.act.at,
        "office": office_json(trust, &one.act.office),
        "note": one.act.note,
    })
}

/// For the history: the word of its kind, who, and what in Vietnamese and English.
pub(crate) fn sentence(
    brought: &[Fact],
    all: &[Fact],
    fact: &Fact,
) -> Option<(&'static str, String, String, String)> {
    let note = |act: &Act| match act.note.as_str() {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    let number = |id: &str| {
        let receipt = all.iter().find(|one| one.id == id && one.kind == Kind::Receipt);
        receipt.and_then(Fact::read::<Receipt>).map_or_else(|| "?".to_owned(), |one| one.number)
    };
    let by = |act: &Act| act.by.clone();
    Some(match fact.kind {
        Kind::Fee => {
            let first: FeeLine = fact.read()?;
            let lines = brought.iter().filter(|one| one.kind == Kind::Fee);
            let sum: u64 =
                lines.filter_map(Fact::read::<FeeLine>).map(|one| one.amount.get()).sum();
            let (sum, why) = (motcua_dossier::money::amount::written(sum), note(&first.act));
            let (vi, en) = (format!("Yêu cầu thu {sum}{why}"), format!("{sum} demanded{why}"));
            ("demanded", by(&first.act), vi, en)
        }
        Kind::Receipt => {
            let one: Receipt = fact.read()?;
            let (amount, number, why) = (one.amount, &one.number, note(&one.act));
            let vi = format!("Đã thu {amount} ({}), biên nhận {number}{why}", one.way.vi());
            let en = format!("{amount} taken ({}), receipt {number}{why}", one.way.en());
            ("paid", by(&one.act), vi, en)
        }
        Kind::ReceiptOff => {
            let one: Cancelled = fact.read()?;
            let (number, why) = (number(&one.receipt), note(&one.act));
            let vi = format!("Hủy biên nhận {number}{why}");
            ("receipt_cancelled", by(&one.act), vi, format!("Receipt {number} cancelled{why}"))
        }
        Kind::Refund => {
            let one: Refund = fact.read()?;
            let (amount, number, why) = (one.amount, number(&one.receipt), note(&one.act));
            let vi = format!("Hoàn {amount} của biên nhận {number}{why}");
            let en = format!("{amount} of receipt {number} refunded{why}");
            ("refunded", by(&one.act), vi, en)
        }
        Kind::Settled => {
            let one: Settled = fact.read()?;
            let (kept, of, why) = (one.keep.len(), one.about.len(), note(&one.act));
            let vi = format!("Giải quyết mâu thuẫn về tiền: giữ {kept} trong {of} việc{why}");
            let en = format!("Conflict about money settled: {kept} of {of} acts hold{why}");
            ("money_settled", by(&one.act), vi, en)
        }
        _ => return None,
    })
}
