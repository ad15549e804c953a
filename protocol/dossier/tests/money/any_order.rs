//! Against a model of plain sums: whatever is done, in whatever order its facts come, no đồng appears or vanishes.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Do {
    Demand(u64),
    Pay(u64),
    Refund(usize, u64),
    Cancel(usize),
}

fn acts() -> impl Strategy<Value = Vec<Do>> {
    let one = prop_oneof![
        (0..9u64).prop_map(|n| Do::Demand(n * 1_000)),
        (1..9u64).prop_map(|n| Do::Pay(n * 1_000)),
        (0..6usize, 1..9u64).prop_map(|(at, n)| Do::Refund(at, n * 1_000)),
        (0..6usize).prop_map(Do::Cancel),
    ];
    proptest::collection::vec(one, 1..10)
}

/// Plain sums of what is done one after the other.
#[derive(Debug, Default)]
struct Model {
    demand: u64,
    /// What each receipt took, and what was given back of it; none once it is cancelled.
    receipts: Vec<Option<(u64, u64)>>,
    refunded_before: u64,
}

impl Model {
    fn sums(&self) -> (u64, u64) {
        let all = || self.receipts.iter().flatten();
        (all().map(|one| one.0).sum(), all().map(|one| one.1).sum())
    }

    fn due(&self) -> u64 {
        let (taken, _) = self.sums();
        (self.demand + self.refunded_before).saturating_sub(taken)
    }
}

/// Does it at both, and says that both allow the same.
fn done(dossier: &mut Dossier, model: &mut Model, names: &mut Vec<String>, at: usize, one: &Do) {
    let id = format!("M{at:02}");
    match *one {
        Do::Demand(amount) => {
            let amount = amount + 1;
            if dossier.demand(&id, vec![line(&id, amount)]).is_ok() {
                model.demand = amount;
                model.refunded_before = model.sums().1;
            }
        }
        Do::Pay(amount) => {
            let may = amount <= model.due();
            let done = dossier.pay(&id, Some(amount));
            assert_eq!(done.is_ok(), may, "{amount} of {}", model.due());
            if let Ok(id) = done {
                model.receipts.push(Some((amount, 0)));
                names.push(id);
            }
        }
        Do::Refund(which, amount) => {
            let Some(name) = names.get(which) else { return };
            let may = model.receipts[which].is_some_and(|one| one.1 + amount <= one.0);
            assert_eq!(dossier.refund(&id, name, Some(amount)).is_ok(), may);
            if let Some(one) = model.receipts[which].as_mut().filter(|_| may) {
                one.1 += amount;
            }
        }
        Do::Cancel(which) => {
            let Some(name) = names.get(which) else { return };
            let may = model.receipts[which].is_some_and(|one| one.1 == 0);
            assert_eq!(dossier.cancel(&id, name).is_ok(), may);
            if may {
                model.receipts[which] = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn one_after_the_other_it_is_as_plain_sums_say(all in acts()) {
        let mut dossier = Dossier::registered(None);
        let (mut model, mut names) = (Model::default(), Vec::new());
        for (at, one) in all.iter().enumerate() {
            done(&mut dossier, &mut model, &mut names, at, one);
            let money = dossier.money();
            let (taken, refunded) = model.sums();
            prop_assert_eq!((money.taken, money.refunded), (taken, refunded));
            prop_assert_eq!(money.outstanding, model.due());
            prop_assert_eq!(money.owed, (taken - refunded).saturating_sub(model.demand));
            prop_assert_eq!(sum_of_movements(&money), (taken - refunded).cast_signed());
            prop_assert!(money.contested.is_empty() && money.faults.is_empty());
        }
    }

    #[test]
    fn apart_nothing_is_merged_silently_and_the_order_of_facts_means_nothing(
        before in acts(),
        left in acts(),
        right in acts(),
        keep in any::<u64>(),
        shuffle in any::<u64>(),
    ) {
        let mut start = Dossier::registered(Some(5_000));
        let mut at = 0;
        let mut go = |one: &mut Dossier, all: &[Do], begin: usize| {
            for one_act in all {
                at += 1;
                let id = format!("{}{at:03}", ["L", "M", "R"][begin]);
                let receipts: Vec<String> =
                    one.money().receipts.iter().map(|one| one.id.clone()).collect();
                let receipt = |which: usize| receipts.get(which).cloned().unwrap_or_default();
                let _ = match *one_act {
                    Do::Demand(amount) => one.demand(&id, vec![line(&id, amount + 1)]),
                    Do::Pay(amount) => one.pay(&id, Some(amount)),
                    Do::Refund(which, amount) => one.refund(&id, &receipt(which), Some(amount)),
                    Do::Cancel(which) => one.cancel(&id, &receipt(which)),
                };
            }
        };
        go(&mut start, &before, 0);
        let (mut one, mut other) = (start.clone(), start.clone());
        go(&mut one, &left, 1);
        go(&mut other, &right, 2);
        let mut met = one.meet(&other);
        let new = |side: &Dossier| side.facts.len() > start.facts.len();
        let money = met.money();
        let cancels_alone = {
            let kinds = met.facts.iter().filter(|fact| !start.facts.contains(fact));
            kinds.into_iter().all(|fact| fact.kind == motcua_dossier::fact::Kind::ReceiptOff)
        };
        if new(&one) && new(&other) && !cancels_alone {
            prop_assert_eq!(money.state, MoneyState::InConflict);
        }
        // Any order of the same facts.
        let mut turned = met.facts.clone();
        let length = turned.len();
        turned.rotate_left((shuffle as usize) % length);
        turned.reverse();
        prop_assert_eq!(&money::money(&turned), &money);
        // No sum is negative, and movements add up to what is left of all receipts.
        let left: u64 = money.receipts.iter().map(|one| one.left).sum();
        prop_assert_eq!(sum_of_movements(&money), left.cast_signed());
        // However it is settled, that stays so, and nothing is open any more.
        let ids: Vec<String> = money.contested.iter().map(|one| one.id.clone()).collect();
        let kept: Vec<String> =
            ids.iter().enumerate().filter(|(at, _)| keep >> (at % 64) & 1 == 1).map(|(_, id)| id.clone()).collect();
        if met.settle("Z", &kept).is_ok() {
            let money = met.money();
            let left: u64 = money.receipts.iter().map(|one| one.left).sum();
            prop_assert_eq!(sum_of_movements(&money), left.cast_signed());
            prop_assert!(money.state != MoneyState::InConflict && money.faults.is_empty());
            prop_assert_eq!(money.taken - money.refunded, left);
        }
    }
}
