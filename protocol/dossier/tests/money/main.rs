//! What is due, taken and given back; what people settle; and that no đồng appears or vanishes.
#![allow(clippy::unwrap_used, missing_docs)]

mod any_order;
mod cash;
mod conflicts;

use motcua_core::id::OfficeId;
use motcua_dossier::{
    action::{Action, ActionError, Registration, register},
    corrections::{Say, Wanted, correct},
    document::Document,
    fact::{Act, Applicant, Fact, Request},
    local,
    money::{
        self, Cause, Dong, Line, Money, MoneyError, MoneyState, Paying, Refunding, Standing, Way,
    },
    view::view,
    void,
};

fn at(text: &str) -> i64 {
    local::to_millis(text.parse().unwrap()).unwrap()
}

fn office(number: u8) -> String {
    OfficeId([number; 16]).to_string()
}

fn act(by: &str, note: &str) -> Act {
    Act {
        at: at("2026-03-03T09:00"),
        by: by.into(),
        office: office(1),
        note: note.into(),
        asked: None,
        in_stead_of: String::new(),
    }
}

fn line(name: &str, amount: u64) -> Line {
    let amount = Dong::new(amount).unwrap();
    Line { what: "fee".into(), name: name.into(), full: amount, amount, ..Line::default() }
}

fn paying(amount: Option<u64>) -> Paying {
    Paying { amount: amount.map(|one| Dong::new(one).unwrap()), ..Paying::default() }
}

fn refunding(receipt: &str, amount: Option<u64>) -> Refunding {
    let amount = amount.map(|one| Dong::new(one).unwrap());
    Refunding { receipt: receipt.into(), amount, ..Refunding::default() }
}

/// A dossier as its facts, as one machine has them.
#[derive(Clone)]
struct Dossier {
    facts: Vec<Fact>,
    receipts: u32,
}

impl Dossier {
    fn registered(fee: Option<u64>) -> Self {
        let registration = Registration {
            applicant: Applicant { name: "Nguyễn Văn Mẫu".into(), ..Applicant::default() },
            request: Request { fee, ..Request::default() },
            papers: vec![],
            due: None,
            code: "H29.30.05-260302-0001".into(),
        };
        let mut one = Self { facts: Vec::new(), receipts: 0 };
        let when = Act { at: at("2026-03-02T09:00"), ..act("Lan", "") };
        one.wrote("A", register(registration, when, OfficeId([1; 16])).unwrap());
        one
    }

    /// What an action wrote, under ids that begin so.
    fn wrote(&mut self, begin: &str, action: Action) -> String {
        let drafts = (0..).zip(action.facts);
        let new: Vec<Fact> = drafts.map(|(n, one)| one.with_id(format!("{begin}{n}"))).collect();
        self.facts.extend(new);
        self.facts.sort();
        format!("{begin}0")
    }

    fn money(&self) -> Money {
        money::money(&self.facts)
    }

    fn state(&self) -> MoneyState {
        self.money().state
    }

    fn demand(&mut self, id: &str, lines: Vec<Line>) -> Result<String, ActionError> {
        let action = money::demand(&self.facts, lines, None, act("Bình", ""))?;
        Ok(self.wrote(id, action))
    }

    fn pay(&mut self, id: &str, amount: Option<u64>) -> Result<String, ActionError> {
        self.receipts += 1;
        let number = format!("BL26-{id}{:04}", self.receipts);
        let number = || Ok::<_, ActionError>(number);
        let made = money::pay(&self.facts, paying(amount), number, None, act("Châu", ""))?;
        Ok(self.wrote(id, made))
    }

    fn refund(&mut self, id: &str, of: &str, amount: Option<u64>) -> Result<String, ActionError> {
        let why = act("Châu", "rút hồ sơ");
        let made = money::refund(&self.facts, refunding(of, amount), None, why)?;
        Ok(self.wrote(id, made))
    }

    fn cancel(&mut self, id: &str, receipt: &str) -> Result<String, ActionError> {
        let why = act("Châu", "ghi nhầm");
        let made = money::cancel(&self.facts, receipt, String::new(), None, why)?;
        Ok(self.wrote(id, made))
    }

    fn settle(&mut self, id: &str, keep: &[String]) -> Result<String, ActionError> {
        let why = act("Dũng", "đã hỏi hai quầy");
        let made = money::settle(&self.facts, keep, String::new(), None, why)?;
        Ok(self.wrote(id, made))
    }

    /// Both have all facts.
    fn meet(&self, other: &Self) -> Self {
        let mut facts = [self.facts.clone(), other.facts.clone()].concat();
        facts.sort();
        facts.dedup();
        Self { facts, receipts: self.receipts + other.receipts }
    }
}

fn sum_of_movements(money: &Money) -> i64 {
    money.movements.iter().map(|one| one.amount).sum()
}

#[test]
fn what_is_due_is_the_registered_fee_until_something_is_demanded() {
    assert_eq!(Dossier::registered(None).state(), MoneyState::Nothing);
    let mut one = Dossier::registered(Some(50_000));
    assert_eq!((one.state(), one.money().outstanding), (MoneyState::Due, 50_000));
    let wanted =
        Wanted { field: "request.fee".into(), say: Say::Value("40000".into()), seen: None };
    let made = correct(&one.facts, wanted.clone(), act("An", "nhầm")).unwrap();
    one.wrote("B", made);
    assert_eq!(one.money().outstanding, 40_000);
    one.demand("C", vec![line("Phí", 8_000), line("Lệ phí", 5_000)]).unwrap();
    assert_eq!((one.money().outstanding, one.money().lines.len()), (13_000, 2));
    assert_eq!(view(&one.facts).request.fee, Some(13_000), "forms and lists say the same");
    let refused = correct(&one.facts, Wanted { seen: None, ..wanted }, act("An", "nhầm"));
    assert!(matches!(refused, Err(ActionError::Invalid { field: "field", .. })), "{refused:?}");
}

#[test]
fn a_payment_may_be_part_of_what_is_due_and_never_more() {
    let mut one = Dossier::registered(Some(50_000));
    assert!(matches!(
        one.pay("B", Some(50_001)),
        Err(ActionError::Money(MoneyError::MoreThanDue { asked: 50_001, due: 50_000 }))
    ));
    assert!(one.pay("B", Some(0)).is_err());
    one.pay("B", Some(20_000)).unwrap();
    assert_eq!((one.state(), one.money().outstanding), (MoneyState::PartPaid, 30_000));
    one.pay("C", None).unwrap();
    assert_eq!((one.state(), one.money().taken), (MoneyState::Paid, 50_000));
    assert_eq!(one.pay("D", None), Err(MoneyError::NothingDue.into()));
    assert_eq!(sum_of_movements(&one.money()), 50_000);
}

#[test]
fn a_refund_is_never_more_than_what_is_left_of_its_receipt() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    one.refund("C", &receipt, Some(20_000)).unwrap();
    let refused = one.refund("D", &receipt, Some(30_001));
    assert!(matches!(
        refused,
        Err(ActionError::Money(MoneyError::MoreThanLeft { asked: 30_001, left: 30_000, .. }))
    ));
    assert_eq!(
        one.cancel("D", &receipt),
        Err(MoneyError::PartRefunded { number: "BL26-B0001".into() }.into())
    );
    one.refund("D", &receipt, None).unwrap();
    let money = one.money();
    assert_eq!((money.state, money.refunded), (MoneyState::Refunded, 50_000));
    assert_eq!((money.outstanding, money.owed, sum_of_movements(&money)), (0, 0, 0));
    assert!(one.refund("E", &receipt, None).is_err());
    // What is demanded afterwards is due again.
    one.demand("E", vec![line("Phí", 30_000)]).unwrap();
    assert_eq!((one.state(), one.money().outstanding), (MoneyState::Due, 30_000));
}

#[test]
fn a_refund_from_elsewhere_that_is_more_than_its_receipt_is_a_fault_and_makes_no_money() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    let forged = money::Refund {
        receipt,
        amount: Dong::new(70_000).unwrap(),
        seen: one.money().heads,
        act: act("Ai", "x"),
        ..money::Refund::default()
    };
    one.facts.push(Fact::new(motcua_dossier::fact::Kind::Refund, "C0".into(), &forged));
    let money = one.money();
    assert_eq!((money.refunded, money.faults.len()), (50_000, 1));
    assert_eq!(sum_of_movements(&money), 0);
}

#[test]
fn a_cancelled_receipt_keeps_its_number_and_what_it_took_is_due_again() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    let no_reason = money::cancel(&one.facts, &receipt, String::new(), None, act("Châu", " "));
    assert_eq!(no_reason, Err(ActionError::Missing { field: "note" }));
    one.cancel("C", &receipt).unwrap();
    let money = one.money();
    assert_eq!((money.state, money.outstanding, money.taken), (MoneyState::Due, 50_000, 0));
    let kept = money.receipt(&receipt).unwrap();
    assert!(matches!(&kept.standing, Standing::Cancelled(act) if act.note == "ghi nhầm"));
    assert_eq!(kept.fields.number, "BL26-B0001");
    let causes: Vec<Cause> = money.movements.iter().map(|one| one.cause).collect();
    assert_eq!((causes, sum_of_movements(&money)), (vec![Cause::Taken, Cause::Cancelled], 0));
    assert!(one.cancel("D", &receipt).is_err());
}

#[test]
fn an_exemption_needs_its_reason_and_a_demand_that_falls_below_what_was_taken_owes_a_refund() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    let exempt = Line { amount: Dong::ZERO, ..line("Phí", 50_000) };
    assert_eq!(
        one.demand("C", vec![exempt.clone()]),
        Err(ActionError::Missing { field: "lines.why" })
    );
    one.demand("C", vec![Line { why: "Hộ nghèo".into(), ..exempt }]).unwrap();
    let money = one.money();
    assert_eq!((money.state, money.owed), (MoneyState::RefundOwed, 50_000));
    one.refund("D", &receipt, None).unwrap();
    assert_eq!(one.state(), MoneyState::Refunded);
}

#[test]
fn a_void_registration_demands_nothing_and_owes_what_it_took() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    let when = Act { at: at("2026-03-02T09:05"), ..act("Lan", "nhầm người") };
    let made = void::void(&one.facts, String::new(), when).unwrap();
    one.wrote("C", made);
    assert_eq!((one.state(), one.money().owed), (MoneyState::RefundOwed, 50_000));
    assert_eq!(one.pay("D", None), Err(ActionError::Void));
    one.refund("D", &receipt, None).unwrap();
    assert_eq!((one.state(), one.money().owed), (MoneyState::Refunded, 0));
}

#[test]
fn another_offices_money_is_not_given_back_here_and_its_word_moves_nothing_of_ours() {
    let mut one = Dossier::registered(Some(50_000));
    let receipt = one.pay("B", None).unwrap();
    let to = OfficeId([2; 16]);
    let made = motcua_dossier::action::forward(OfficeId([1; 16]), to, act("Lan", "")).unwrap();
    one.wrote("C", made);
    let theirs = || Act { office: office(2), ..act("Em", "x") };
    assert_eq!(
        money::refund(&one.facts, refunding(&receipt, None), None, theirs()),
        Err(MoneyError::OtherOffice.into())
    );
    let forged = money::Refund {
        receipt: receipt.clone(),
        amount: Dong::new(1).unwrap(),
        seen: one.money().heads,
        act: theirs(),
        ..money::Refund::default()
    };
    one.facts.push(Fact::new(motcua_dossier::fact::Kind::Refund, "D0".into(), &forged));
    let money = one.money();
    assert_eq!((money.taken, money.faults.len(), sum_of_movements(&money)), (50_000, 1, 50_000));
}

#[test]
fn who_acts_on_money_that_has_changed_since_it_was_shown_is_told_so() {
    let mut one = Dossier::registered(Some(50_000));
    let shown = one.money().heads;
    let receipt = one.pay("B", None).unwrap();
    let stale = Some(shown.as_slice());
    let number = || -> Result<String, ActionError> { panic!("no number is used up") };
    assert_eq!(
        money::pay(&one.facts, paying(None), number, stale, act("An", "")),
        Err(MoneyError::Changed.into())
    );
    assert_eq!(
        money::refund(&one.facts, refunding(&receipt, None), stale, act("An", "x")),
        Err(MoneyError::Changed.into())
    );
}

#[test]
fn money_goes_in_and_out_by_different_ways_and_each_is_told() {
    let mut one = Dossier::registered(Some(50_000));
    let by_card = Paying { way: Way::Card, reference: "A1".into(), ..paying(None) };
    let number = || Ok::<_, ActionError>("BL26-1".into());
    let made = money::pay(&one.facts, by_card, number, None, act("An", "")).unwrap();
    let receipt = one.wrote("B", made);
    one.refund("C", &receipt, Some(10_000)).unwrap();
    let ways: Vec<(Way, i64)> =
        one.money().movements.iter().map(|one| (one.way, one.amount)).collect();
    assert_eq!(ways, [(Way::Card, 50_000), (Way::Cash, -10_000)]);
}

#[test]
fn a_document_keeps_it_all() {
    let mut one = Dossier::registered(Some(50_000));
    one.demand("B", vec![line("Phí", 8_000)]).unwrap();
    let receipt = one.pay("C", None).unwrap();
    one.refund("D", &receipt, Some(1_000)).unwrap();
    let mut document = Document::new();
    document.append([1; 16], 1, &one.facts).unwrap();
    assert_eq!(money::money(&document.facts()), one.money());
}
