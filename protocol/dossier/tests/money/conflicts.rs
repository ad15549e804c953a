//! Money at two machines that did not see each other.

use super::*;

/// A dossier that two machines have, as each went on with it.
fn apart(
    fee: u64,
    before: impl Fn(&mut Dossier),
    one: impl Fn(&mut Dossier),
    other: impl Fn(&mut Dossier),
) -> Dossier {
    let mut start = Dossier::registered(Some(fee));
    before(&mut start);
    let (mut left, mut right) = (start.clone(), start);
    one(&mut left);
    other(&mut right);
    let met = left.meet(&right);
    assert_eq!(met.money(), right.meet(&left).money(), "in whatever order");
    met
}

fn ids(money: &Money) -> Vec<String> {
    money.contested.iter().map(|one| one.id.clone()).collect()
}

#[test]
fn a_payment_taken_twice_is_put_to_a_person_and_never_merged() {
    let pay = |id: &'static str| move |one: &mut Dossier| drop(one.pay(id, None).unwrap());
    let mut met = apart(50_000, |_| {}, pay("B"), pay("C"));
    let money = met.money();
    assert_eq!(
        (money.state, ids(&money)),
        (MoneyState::InConflict, vec!["B0".into(), "C0".into()])
    );
    assert!(view(&met.facts).summary.conflict, "the lists mark it");
    assert_eq!(met.pay("D", None), Err(MoneyError::Conflict.into()), "nothing else is done");
    assert_eq!(met.cancel("D", "B0"), Err(MoneyError::Conflict.into()));
    // Whoever kept one says why, and the other is taken back.
    let no_reason = money::settle(&met.facts, &[], String::new(), None, act("Dũng", ""));
    assert_eq!(no_reason, Err(ActionError::Missing { field: "note" }));
    let mut both = met.clone();
    met.settle("D", &["B0".into()]).unwrap();
    let money = met.money();
    assert_eq!((money.state, money.taken), (MoneyState::Paid, 50_000));
    assert!(matches!(money.receipt("C0").unwrap().standing, Standing::Dropped(_)));
    assert_eq!(sum_of_movements(&money), 50_000);
    // Or both were taken: then money is owed.
    both.settle("D", &["B0".into(), "C0".into()]).unwrap();
    let money = both.money();
    assert_eq!((money.state, money.owed), (MoneyState::OverPaid, 50_000));
    both.refund("E", "C0", None).unwrap();
    assert_eq!((both.state(), both.money().owed), (MoneyState::Paid, 0));
}

#[test]
fn a_conflict_stays_open_though_a_later_act_has_seen_both() {
    let pay = |id: &'static str| move |one: &mut Dossier| drop(one.pay(id, None).unwrap());
    let mut met = apart(50_000, |_| {}, pay("B"), pay("C"));
    let forged = money::Receipt {
        number: "BL26-9".into(),
        amount: Dong::new(1).unwrap(),
        seen: met.money().heads,
        act: act("Ai", ""),
        ..money::Receipt::default()
    };
    met.facts.push(Fact::new(motcua_dossier::fact::Kind::Receipt, "D0".into(), &forged));
    assert_eq!(met.state(), MoneyState::InConflict);
    assert_eq!(ids(&met.money()), ["B0", "C0"]);
}

#[test]
fn two_refunds_of_one_receipt_are_a_conflict_and_do_not_hold_beyond_it() {
    let refund = |id: &'static str, amount| {
        move |one: &mut Dossier| drop(one.refund(id, "B0", Some(amount)).unwrap())
    };
    let before = |one: &mut Dossier| drop(one.pay("B", None).unwrap());
    let mut met = apart(50_000, before, refund("C", 40_000), refund("D", 30_000));
    assert_eq!(met.state(), MoneyState::InConflict);
    assert!(sum_of_movements(&met.money()) >= 0);
    let both = ["C0".to_owned(), "D0".into()];
    assert_eq!(met.settle("E", &both), Err(MoneyError::DoesNotFit.into()));
    met.settle("E", &["D0".into()]).unwrap();
    let money = met.money();
    assert_eq!((money.refunded, money.receipt("B0").unwrap().left), (30_000, 20_000));
    assert_eq!((sum_of_movements(&money), money.faults.len()), (20_000, 0));
}

#[test]
fn a_demand_that_changes_while_somebody_pays_is_a_conflict() {
    let mut met = apart(
        50_000,
        |_| {},
        |one| drop(one.pay("B", None).unwrap()),
        |one| drop(one.demand("C", vec![line("Phí", 20_000)]).unwrap()),
    );
    assert_eq!(met.state(), MoneyState::InConflict);
    let mut former = met.clone();
    met.settle("D", &["B0".into(), "C0".into()]).unwrap();
    let money = met.money();
    assert_eq!((money.state, money.owed), (MoneyState::RefundOwed, 30_000));
    former.settle("D", &["B0".into()]).unwrap();
    assert_eq!((former.state(), former.money().demanded), (MoneyState::Paid, 50_000));
}

#[test]
fn the_fee_corrected_while_somebody_pays_is_a_conflict_too() {
    let met = apart(
        50_000,
        |_| {},
        |one| drop(one.pay("B", None).unwrap()),
        |one| {
            let say = Say::Value("20000".into());
            let wanted = Wanted { field: "request.fee".into(), say, seen: None };
            let made = correct(&one.facts, wanted, act("An", "nhầm")).unwrap();
            one.wrote("C", made);
        },
    );
    assert_eq!((met.state(), met.money().contested.len()), (MoneyState::InConflict, 2));
}

#[test]
fn two_different_demands_are_a_conflict_and_the_same_twice_is_none() {
    let demand = |id: &'static str, amount| {
        move |one: &mut Dossier| drop(one.demand(id, vec![line("Phí", amount)]).unwrap())
    };
    let mut met = apart(50_000, |_| {}, demand("B", 20_000), demand("C", 30_000));
    assert_eq!(met.state(), MoneyState::InConflict);
    let both = ["B0".to_owned(), "C0".into()];
    assert_eq!(met.settle("D", &both), Err(MoneyError::DoesNotFit.into()));
    met.settle("D", &["B0".into()]).unwrap();
    assert_eq!((met.state(), met.money().demanded), (MoneyState::Due, 20_000));
    let same = apart(50_000, |_| {}, demand("B", 20_000), demand("C", 20_000));
    assert_eq!(
        (same.state(), same.money().demanded),
        (MoneyState::Due, 20_000),
        "not twice as much"
    );
}

#[test]
fn one_receipt_cancelled_twice_is_no_conflict_and_gives_back_once() {
    let before = |one: &mut Dossier| drop(one.pay("B", None).unwrap());
    let cancel = |id: &'static str| move |one: &mut Dossier| drop(one.cancel(id, "B0").unwrap());
    let met = apart(50_000, before, cancel("C"), cancel("D"));
    let money = met.money();
    assert_eq!((money.state, money.faults.len()), (MoneyState::Due, 0));
    assert_eq!(sum_of_movements(&money), 0);
}

#[test]
fn a_receipt_cancelled_here_and_refunded_there_is_a_conflict() {
    let before = |one: &mut Dossier| drop(one.pay("B", None).unwrap());
    let mut met = apart(
        50_000,
        before,
        |one| drop(one.cancel("C", "B0").unwrap()),
        |one| drop(one.refund("D", "B0", None).unwrap()),
    );
    assert_eq!(met.state(), MoneyState::InConflict);
    let both = ["C0".to_owned(), "D0".into()];
    assert_eq!(met.settle("E", &both), Err(MoneyError::DoesNotFit.into()));
    met.settle("E", &["D0".into()]).unwrap();
    assert_eq!((met.state(), sum_of_movements(&met.money())), (MoneyState::Refunded, 0));
}

#[test]
fn who_settles_it_in_two_ways_is_in_conflict_again() {
    let pay = |id: &'static str| move |one: &mut Dossier| drop(one.pay(id, None).unwrap());
    let met = apart(50_000, |_| {}, pay("B"), pay("C"));
    let (mut one, mut other) = (met.clone(), met);
    one.settle("D", &["B0".into()]).unwrap();
    other.settle("E", &["C0".into()]).unwrap();
    let mut again = one.meet(&other);
    assert_eq!(again.state(), MoneyState::InConflict);
    assert_eq!(ids(&again.money()), ["B0", "C0"], "it is decided about the payments once more");
    again.settle("F", &["B0".into()]).unwrap();
    let money = again.money();
    assert_eq!((money.state, money.taken), (MoneyState::Paid, 50_000));
    assert_eq!((money.receipt("B0").unwrap().left, sum_of_movements(&money)), (50_000, 50_000));
}

#[test]
fn another_office_does_not_say_that_our_money_was_not_taken() {
    let pay = |id: &'static str| move |one: &mut Dossier| drop(one.pay(id, None).unwrap());
    let mut met = apart(50_000, |_| {}, pay("B"), pay("C"));
    let to = OfficeId([2; 16]);
    let made = motcua_dossier::action::forward(OfficeId([1; 16]), to, act("Lan", "")).unwrap();
    met.wrote("D", made);
    let theirs = Act { office: office(2), ..act("Em", "x") };
    assert_eq!(
        money::settle(&met.facts, &["B0".into()], String::new(), None, theirs),
        Err(MoneyError::OtherOffice.into())
    );
}
