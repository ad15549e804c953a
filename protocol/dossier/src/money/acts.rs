//! What is written of money, checked against what is known before anything is written.

use super::{
    amount::{Dong, written},
    facts::{Cancelled, FeeLine, Receipt, Refund, Settled, Way},
    limits::{ACTS, LINES},
    state::{Money, MoneyState, ReceiptState, Standing},
};
use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, NAME_CHARACTERS, tidy},
    fact::{Act, Fact, Kind},
    steps::concerns,
    view::{View, view},
    void::in_force,
};
use motcua_core::hash::{Context, derive};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Why nothing is written about money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// A person must settle what is there first.
    #[error("people differ about the money of this dossier; settle that first")]
    Conflict,
    /// There is nothing to settle.
    #[error("there is no conflict about the money of this dossier")]
    NoConflict,
    /// Somebody acted on the money meanwhile.
    #[error("the money of this dossier has changed since it was shown; look at it again")]
    Changed,
    /// There is nothing to pay.
    #[error("nothing is due")]
    NothingDue,
    /// It is more than what is due.
    #[error("{} is more than what is due, {}", written(*asked), written(*due))]
    MoreThanDue {
        /// Đồng that were named.
        asked: u64,
        /// Đồng that are due.
        due: u64,
    },
    /// It is more than what is left of the receipt.
    #[error("{} is more than what is left of receipt {number}, {}", written(*asked), written(*left))]
    MoreThanLeft {
        /// Its number.
        number: String,
        /// Đồng that were named.
        asked: u64,
        /// Đồng that are left.
        left: u64,
    },
    /// There is no such receipt, or it does not hold any more.
    #[error("the dossier has no receipt in force with this id")]
    NoReceipt,
    /// Another office has the money.
    #[error("another office took this money; only that one gives it back or cancels the receipt")]
    OtherOffice,
    /// Some of a receipt was given back already.
    #[error("part of receipt {number} was refunded; refund the rest instead of cancelling it")]
    PartRefunded {
        /// Its number.
        number: String,
    },
    /// The day was counted.
    #[error(
        "this day was counted already; to count it again, look at that count and give the reason"
    )]
    Counted,
    /// What is to hold cannot hold together.
    #[error(
        "what you kept gives back more than was taken, or keeps two demands; choose again what holds"
    )]
    DoesNotFit,
}

impl MoneyError {
    /// In Vietnamese.
    pub fn vi(&self) -> String {
        match self {
            Self::Conflict => "Tiền của hồ sơ này đang có mâu thuẫn; hãy giải quyết trước.".into(),
            Self::NoConflict => "Tiền của hồ sơ này không có mâu thuẫn nào.".into(),
            Self::Changed => {
                "Tiền của hồ sơ này đã thay đổi sau khi hiển thị; hãy xem lại rồi làm tiếp.".into()
            }
            Self::NothingDue => "Không còn khoản nào phải thu.".into(),
            Self::MoreThanDue { asked, due } => {
                format!("{} nhiều hơn số phải thu {}.", written(*asked), written(*due))
            }
            Self::MoreThanLeft { number, asked, left } => format!(
                "{} nhiều hơn số còn lại của biên nhận {number}, {}.",
                written(*asked),
                written(*left)
            ),
            Self::NoReceipt => "Hồ sơ không có biên nhận nào còn hiệu lực như vậy.".into(),
            Self::OtherOffice => {
                "Cơ quan khác đã thu khoản này; chỉ nơi đó được hoàn hoặc hủy biên nhận.".into()
            }
            Self::PartRefunded { number } => {
                format!("Biên nhận {number} đã hoàn một phần; hãy hoàn phần còn lại thay vì hủy.")
            }
            Self::Counted => {
                "Ngày này đã kiểm quỹ; muốn kiểm lại, hãy xem lần kiểm trước và ghi lý do.".into()
            }
            Self::DoesNotFit => {
                "Các khoản được giữ hoàn nhiều hơn đã thu, hoặc giữ hai yêu cầu thu; \
                                 hãy chọn lại."
                    .into()
            }
        }
    }
}

/// A line that is to be demanded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// `fee` or `charge`.
    pub what: String,
    /// Name.
    pub name: String,
    /// Without exemption and reduction.
    pub full: Dong,
    /// What is demanded.
    pub amount: Dong,
    /// Why it is less.
    #[serde(default)]
    pub why: String,
    /// Act of law.
    #[serde(default)]
    pub basis: String,
}

/// What of a dossier decides whether its money may be touched by an office: checked as all of these acts need.
fn may_act(facts: &[Fact], act: &mut Act, seen: Option<&[String]>) -> Result<Money, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    let View { derived, money, .. } = view(facts);
    if !concerns(&derived, &act.office) {
        return Err(ActionError::NotTheirs);
    }
    let about = |fact: &&Fact| {
        use Kind::{Fee, ReceiptOff, Refund, Settled};
        matches!(fact.kind, Fee | Kind::Receipt | ReceiptOff | Refund | Settled)
    };
    let got = facts.iter().filter(about).count() + 1;
    if got > ACTS {
        return Err(ActionError::TooMany { field: "money", got, limit: ACTS });
    }
    let same = |seen: &[String]| {
        seen.iter().collect::<BTreeSet<_>>() == money.heads.iter().collect::<BTreeSet<_>>()
    };
    if !seen.is_none_or(same) {
        return Err(MoneyError::Changed.into());
    }
    Ok(money)
}

fn no_conflict(money: &Money) -> Result<(), ActionError> {
    match money.state {
        MoneyState::InConflict => Err(MoneyError::Conflict.into()),
        _ => Ok(()),
    }
}

/// What the next act names as seen. The registered fee's corrections are acts on money too.
fn seen_now(facts: &[Fact], money: &Money) -> Vec<String> {
    let fee = crate::corrections::corrected(facts).into_iter();
    let fee = fee.filter(|(field, _)| field.word() == "request.fee");
    let all: BTreeSet<String> =
        money.heads.iter().cloned().chain(fee.flat_map(|(_, one)| one.heads)).collect();
    all.into_iter().collect()
}

/// Demands these lines in place of what is demanded by now.
///
/// # Errors
/// [`ActionError`] naming what is wrong.
pub fn demand(
    facts: &[Fact],
    lines: Vec<Line>,
    seen: Option<&[String]>,
    mut act: Act,
) -> Result<Action, ActionError> {
    let money = may_act(facts, &mut act, seen)?;
    in_force(facts)?;
    no_conflict(&money)?;
    if lines.is_empty() {
        return Err(ActionError::Missing { field: "lines" });
    }
    if lines.len() > LINES {
        return Err(ActionError::TooMany { field: "lines", got: lines.len(), limit: LINES });
    }
    let seen = seen_now(facts, &money);
    let mut all: Vec<FeeLine> = Vec::new();
    for (nr, mut line) in (1..).zip(lines) {
        if !matches!(line.what.as_str(), "fee" | "charge") {
            let why = "must be fee or charge";
            return Err(ActionError::Invalid { field: "lines.what", why });
        }
        tidy(&mut line.name, "lines.name", NAME_CHARACTERS, true)?;
        tidy(&mut line.why, "lines.why", NAME_CHARACTERS, line.amount < line.full)?;
        tidy(&mut line.basis, "lines.basis", NAME_CHARACTERS, false)?;
        if line.amount > line.full {
            let why = "is more than the full amount";
            return Err(ActionError::Invalid { field: "lines.amount", why });
        }
        let Line { what, name, full, amount, why, basis } = line;
        let (set, act) = (String::new(), act.clone());
        all.push(FeeLine {
            set,
            nr,
            what,
            name,
            full,
            amount,
            why,
            basis,
            seen: seen.clone(),
            act,
        });
    }
    let said = |line: &FeeLine| {
        (line.what.clone(), line.name.clone(), line.full, line.amount, line.why.clone())
    };
    if money.lines.iter().map(said).eq(all.iter().map(said)) {
        let why = "that is what is demanded already";
        return Err(ActionError::Invalid { field: "lines", why });
    }
    let word = serde_json::to_vec(&all).unwrap_or_default();
    let word = derive(Context::Document, &[b"demand", &word]);
    let word: String = word.0[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let draft = |line: FeeLine| Draft::new(Kind::Fee, &FeeLine { set: word.clone(), ..line });
    Ok(Action { facts: all.into_iter().map(draft).collect(), audience: vec![] })
}

/// Money that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paying {
    /// How much; all that is due if none.
    pub amount: Option<Dong>,
    /// How.
    pub way: Way,
    /// Who paid, where that is not the applicant.
    pub payer: String,
    /// What a bank or card reader said.
    pub reference: String,
    /// Machine, by the first digits of its id.
    pub machine: String,
}

/// How much would be taken: checked before a number is used up.
///
/// # Errors
/// [`ActionError`] when it may not be.
pub fn may_pay(
    facts: &[Fact],
    paying: &Paying,
    seen: Option<&[String]>,
    act: &mut Act,
) -> Result<(Money, Dong), ActionError> {
    let money = may_act(facts, act, seen)?;
    in_force(facts)?;
    no_conflict(&money)?;
    let due = money.outstanding;
    if due == 0 {
        return Err(MoneyError::NothingDue.into());
    }
    let invalid = |why| ActionError::Invalid { field: "amount", why };
    let all = Dong::new(due).ok_or_else(|| invalid("is beyond what is taken at once"));
    let amount = paying.amount.map_or(all, Ok)?;
    if amount == Dong::ZERO {
        return Err(invalid("must be more than nothing"));
    }
    if amount.get() > due {
        return Err(MoneyError::MoreThanDue { asked: amount.get(), due }.into());
    }
    Ok((money, amount))
}

/// Takes money under a number.
///
/// # Errors
/// [`ActionError`] when nothing, or less, is due, and as long as people differ.
pub fn pay<E: From<ActionError>>(
    facts: &[Fact],
    mut paying: Paying,
    number: impl FnOnce() -> Result<String, E>,
    seen: Option<&[String]>,
    mut act: Act,
) -> Result<Action, E> {
    tidy(&mut paying.payer, "payer", NAME_CHARACTERS, false)?;
    tidy(&mut paying.reference, "reference", NAME_CHARACTERS, false)?;
    let (money, amount) = may_pay(facts, &paying, seen, &mut act)?;
    let Paying { way, payer, reference, machine, .. } = paying;
    let seen = seen_now(facts, &money);
    let number = number()?;
    let fields = Receipt { number, amount, way, payer, reference, machine, seen, act };
    Ok(Action { facts: vec![Draft::new(Kind::Receipt, &fields)], audience: vec![] })
}

/// A receipt of the office that still holds.
fn own_receipt<'a>(money: &'a Money, id: &str, act: &Act) -> Result<&'a ReceiptState, ActionError> {
    let one = money.receipt(id).filter(|one| one.standing == Standing::Holds);
    let one = one.ok_or(MoneyError::NoReceipt)?;
    match one.fields.act.office == act.office {
        true => Ok(one),
        false => Err(MoneyError::OtherOffice.into()),
    }
}

/// Cancels a receipt that was made by mistake: nothing was taken, or it is given back with it.
///
/// # Errors
/// [`ActionError`] without a reason, and where part of it was given back.
pub fn cancel(
    facts: &[Fact],
    receipt: &str,
    machine: String,
    seen: Option<&[String]>,
    mut act: Act,
) -> Result<Action, ActionError> {
    let money = may_act(facts, &mut act, seen)?;
    no_conflict(&money)?;
    let one = own_receipt(&money, receipt, &act)?;
    if one.left < one.fields.amount.get() {
        return Err(MoneyError::PartRefunded { number: one.fields.number.clone() }.into());
    }
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    let seen = seen_now(facts, &money);
    let fields = Cancelled { receipt: receipt.to_owned(), machine, seen, act };
    Ok(Action { facts: vec![Draft::new(Kind::ReceiptOff, &fields)], audience: vec![] })
}

/// Money that is given back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refunding {
    /// Id of the fact of its receipt.
    pub receipt: String,
    /// How much; all that is left if none.
    pub amount: Option<Dong>,
    /// How.
    pub way: Way,
    /// Machine, by the first digits of its id.
    pub machine: String,
}

/// Gives back money of a receipt.
///
/// # Errors
/// [`ActionError`] without a reason, and beyond what is left.
pub fn refund(
    facts: &[Fact],
    asked: Refunding,
    seen: Option<&[String]>,
    mut act: Act,
) -> Result<Action, ActionError> {
    let money = may_act(facts, &mut act, seen)?;
    no_conflict(&money)?;
    let one = own_receipt(&money, &asked.receipt, &act)?;
    let (left, number) = (one.left, one.fields.number.clone());
    if left == 0 {
        return Err(MoneyError::NoReceipt.into());
    }
    let invalid = |why| ActionError::Invalid { field: "amount", why };
    let amount = asked.amount.or_else(|| Dong::new(left)).unwrap_or_default();
    if amount == Dong::ZERO {
        return Err(invalid("must be more than nothing"));
    }
    if amount.get() > left {
        return Err(MoneyError::MoreThanLeft { number, asked: amount.get(), left }.into());
    }
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    let Refunding { receipt, way, machine, .. } = asked;
    let fields = Refund { receipt, amount, way, machine, seen: seen_now(facts, &money), act };
    Ok(Action { facts: vec![Draft::new(Kind::Refund, &fields)], audience: vec![] })
}

/// Settles a conflict: of the acts between which is to be decided, these hold and the others do not.
///
/// # Errors
/// [`ActionError`] without a reason, without a conflict, and where what is kept cannot hold together.
pub fn settle(
    facts: &[Fact],
    keep: &[String],
    machine: String,
    seen: Option<&[String]>,
    mut act: Act,
) -> Result<Action, ActionError> {
    let money = may_act(facts, &mut act, seen)?;
    if money.undecided.is_empty() {
        return Err(MoneyError::NoConflict.into());
    }
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    let about: BTreeSet<&String> = money.contested.iter().map(|one| &one.id).collect();
    let keep: BTreeSet<&String> = keep.iter().collect();
    if !keep.is_subset(&about) {
        let why = "names what nobody has to decide about";
        return Err(ActionError::Invalid { field: "keep", why });
    }
    let others = money.contested.iter().filter(|one| one.act.office != act.office);
    // What is demanded is anybody's to say who has the dossier; money is in one office's box.
    let demands = facts.iter().filter(|fact| matches!(fact.kind, Kind::Fee | Kind::Correction));
    let demands: BTreeSet<&str> = demands.map(|fact| fact.id.as_str()).collect();
    if others.into_iter().any(|one| !demands.contains(one.id.as_str()) && !keep.contains(&one.id)) {
        return Err(MoneyError::OtherOffice.into());
    }
    let keep: Vec<String> = keep.into_iter().cloned().collect();
    let about = money.undecided.clone();
    let fields = Settled { about, keep, machine, seen: seen_now(facts, &money), act };
    let draft = Draft::new(Kind::Settled, &fields);
    // Behind all that there is.
    let then = [facts, &[draft.clone().with_id("~".into())]].concat();
    let after = view(&then).money;
    let fits =
        after.undecided.is_empty() && !after.faults.iter().any(|id| fields.keep.contains(id));
    if !fits || demands_apart(&then, &fields) {
        return Err(MoneyError::DoesNotFit.into());
    }
    Ok(Action { facts: vec![draft], audience: vec![] })
}

/// Whether two demands are kept that did not see each other.
fn demands_apart(facts: &[Fact], settled: &Settled) -> bool {
    let graph = super::graph::Graph::read(facts);
    let kept = |id: &String| {
        let node = graph.get(id)?;
        matches!(node.said, super::graph::Said::Demand(_)).then_some(node)
    };
    let demands: Vec<_> = settled.keep.iter().filter_map(kept).collect();
    demands.iter().enumerate().any(|(at, one)| {
        let later = &demands[at + 1..];
        later.iter().any(|other| !one.past.contains(&other.id) && !other.past.contains(&one.id))
    })
}
