//! What follows from the acts: the demand in force, sums, and the state.

use super::{
    boxes::{Boxes, Given},
    facts::FeeLine,
    graph::{Graph, Node, Said},
    state::{Contested, Money, MoneyState, Standing},
};
use crate::fact::{Act, Fact};
use std::collections::{BTreeMap, BTreeSet};

/// What else of a dossier decides about its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Registered {
    /// The fee that was registered, with corrections.
    pub(crate) fee: u64,
    /// People differ about it.
    pub(crate) contested: bool,
    /// The registration is void: nothing is demanded.
    pub(crate) void: bool,
}

/// Applies the rule.
pub fn money(facts: &[Fact]) -> Money {
    crate::view::view(facts).money
}

pub(crate) fn judged(facts: &[Fact], registered: Registered) -> Money {
    let graph = Graph::read(facts);
    let contested = graph.contested();
    let mut boxes = Boxes::default();
    for node in &graph.nodes {
        boxes.take(node, &graph);
    }
    let demand = in_force(&graph, &boxes.dropped);
    let lines = demand.map(|(_, lines)| lines.to_vec()).unwrap_or_default();
    let asked = demand.map_or(registered.fee, |(_, lines)| total(lines));
    let demanded = if registered.void { 0 } else { asked };
    let left: u64 = boxes.receipts.iter().map(|one| one.left).sum();
    let holding = |id: &String| {
        let receipt = boxes.receipts.iter().find(|one| one.id == *id);
        receipt.is_some_and(|one| one.standing == Standing::Holds)
    };
    let given: Vec<&Given> = boxes.given.values().filter(|one| holding(&one.receipt)).collect();
    let refunded: u64 = given.iter().map(|one| one.applied).sum();
    let past = demand.map(|(node, _)| &node.past);
    let before = |one: &&&Given| past.is_some_and(|past| past.contains(&one.id));
    let refunded_before: u64 = given.iter().filter(before).map(|one| one.applied).sum();
    let taken = left + refunded;
    let outstanding = demanded.saturating_sub(taken - refunded_before);
    let owed = left.saturating_sub(demanded);
    let largest = graph.nodes.iter().filter_map(|node| match &node.said {
        Said::Demand(lines) if !boxes.dropped.contains_key(&node.id) => Some(total(lines)),
        _ => None,
    });
    let largest = largest.max().unwrap_or_default().max(registered.fee);
    let corrected_apart = registered.contested && demand.is_none();
    let state = match () {
        () if !contested.is_empty() || corrected_apart => MoneyState::InConflict,
        () if owed > 0 && taken > largest => MoneyState::OverPaid,
        () if owed > 0 => MoneyState::RefundOwed,
        () if outstanding > 0 && left == 0 => MoneyState::Due,
        () if outstanding > 0 => MoneyState::PartPaid,
        () if left > 0 => MoneyState::Paid,
        () if refunded > 0 => MoneyState::Refunded,
        () => MoneyState::Nothing,
    };
    let said = |id: &String| {
        let node = graph.get(id).filter(|node| !matches!(node.said, Said::Settled(_)))?;
        Some(shown(node, &boxes, registered.fee))
    };
    let refunds = boxes.given.values().filter(|one| one.applied > 0).filter_map(|one| match &graph
        .get(&one.id)?
        .said
    {
        Said::Refund(refund) => Some((one.id.clone(), refund.clone())),
        _ => None,
    });
    Money {
        state,
        demand: demand.map(|(node, _)| node.id.clone()),
        lines,
        demanded,
        taken,
        refunded,
        outstanding,
        owed,
        refunds: refunds.collect(),
        contested: contested.iter().filter_map(said).collect(),
        undecided: contested.into_iter().collect(),
        heads: graph.heads(),
        receipts: boxes.receipts,
        faults: boxes.faults.into_iter().collect(),
        movements: boxes.movements,
    }
}

fn total(lines: &[FeeLine]) -> u64 {
    lines.iter().map(|line| line.amount.get()).sum()
}

/// The demand that no other follows; of several that did not see each other, the one that asks for most, until
/// a person has settled it.
fn in_force<'a>(
    graph: &'a Graph,
    dropped: &BTreeMap<String, Act>,
) -> Option<(&'a Node, &'a [FeeLine])> {
    let demands = || {
        graph.nodes.iter().filter(|node| !dropped.contains_key(&node.id)).filter_map(|node| {
            match &node.said {
                Said::Demand(lines) => Some((node, lines.as_slice())),
                _ => None,
            }
        })
    };
    let followed: BTreeSet<&String> = demands().flat_map(|(node, _)| &node.past).collect();
    let free = demands().filter(|(node, _)| !followed.contains(&node.id));
    // Those that claim to have seen each other are all followed.
    free.max_by_key(|(_, lines)| total(lines))
        .or_else(|| demands().max_by_key(|(_, lines)| total(lines)))
}

fn shown(node: &Node, boxes: &Boxes, registered: u64) -> Contested {
    let number = |id: &String| {
        let receipt = boxes.receipts.iter().find(|one| one.id == *id);
        receipt.map_or("?", |one| one.fields.number.as_str())
    };
    let dong = super::amount::written;
    let (vi, en, amount) = match &node.said {
        Said::Demand(lines) => {
            let sum = total(lines);
            (format!("Yêu cầu thu {}", dong(sum)), format!("{} demanded", dong(sum)), sum)
        }
        Said::Corrected(one) => {
            let sum = one.value.parse().unwrap_or(registered);
            (
                format!("Sửa mức thu thành {}", dong(sum)),
                format!("Fee corrected to {}", dong(sum)),
                sum,
            )
        }
        Said::Receipt(one) => (
            format!("Đã thu {} ({}), biên nhận {}", one.amount, one.way.vi(), one.number),
            format!("{} taken ({}), receipt {}", one.amount, one.way.en(), one.number),
            one.amount.get(),
        ),
        Said::Cancelled(one) => (
            format!("Hủy biên nhận {}", number(&one.receipt)),
            format!("Receipt {} cancelled", number(&one.receipt)),
            boxes.given.get(&node.id).map_or(0, |given| given.applied),
        ),
        Said::Refund(one) => (
            format!("Hoàn {} của biên nhận {}", one.amount, number(&one.receipt)),
            format!("{} of receipt {} refunded", one.amount, number(&one.receipt)),
            one.amount.get(),
        ),
        Said::Settled(_) => {
            ("Giải quyết mâu thuẫn theo cách khác".into(), "Settled in another way".into(), 0)
        }
    };
    Contested { id: node.id.clone(), vi, en, amount, act: node.said.act().clone() }
}
