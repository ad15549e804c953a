//! What is left of each receipt: the acts are taken in one after the other, causes first, and no more goes out than
//! there is.

use super::{
    facts::Way,
    graph::{Graph, Node, Said},
    state::{Cause, Movement, ReceiptState, Standing},
};
use crate::fact::Act;
use std::collections::{BTreeMap, BTreeSet};

/// What was given back of a receipt by a refund or a cancellation.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) id: String,
    pub(super) receipt: String,
    pub(super) applied: u64,
    way: Way,
}

/// Receipts as the acts are taken in one after the other.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    pub(super) receipts: Vec<ReceiptState>,
    /// By the id of the act that gave it.
    pub(super) given: BTreeMap<String, Given>,
    /// Acts of which somebody said that they do not hold, with who said it.
    pub(super) dropped: BTreeMap<String, Act>,
    pub(super) faults: BTreeSet<String>,
    pub(super) movements: Vec<Movement>,
}

impl Boxes {
    pub(super) fn take(&mut self, node: &Node, graph: &Graph) {
        match &node.said {
            Said::Demand(_) | Said::Corrected(_) => {}
            Said::Receipt(fields) => {
                self.receipts.push(ReceiptState {
                    id: node.id.clone(),
                    fields: fields.clone(),
                    left: 0,
                    standing: Standing::Holds,
                });
                let (act, machine) = (&fields.act, &fields.machine);
                self.fill(&node.id, (&node.id, Cause::Taken, act, machine));
            }
            Said::Cancelled(one) => {
                let by = (&node.id, Cause::Cancelled, &one.act, &one.machine);
                self.give(&one.receipt, None, None, by);
            }
            Said::Refund(one) => {
                let by = (&node.id, Cause::Refunded, &one.act, &one.machine);
                self.give(&one.receipt, Some(one.amount.get()), Some(one.way), by);
            }
            Said::Settled(one) => {
                let by = (&node.id, Cause::Settled, &one.act, &one.machine);
                let about: BTreeSet<&String> =
                    one.about.iter().filter(|id| node.past.contains(*id)).collect();
                let keep: BTreeSet<&String> = one.keep.iter().collect();
                let (keep, drop): (Vec<&Node>, Vec<&Node>) = about
                    .into_iter()
                    .filter_map(|id| graph.get(id))
                    .partition(|node| keep.contains(&node.id));
                // What was given back comes back before a receipt is dropped, and a receipt is there
                // again before something is given back of it.
                let is_receipt = |node: &&&Node| matches!(node.said, Said::Receipt(_));
                drop.iter().filter(|node| !is_receipt(node)).for_each(|node| self.drop(node, by));
                drop.iter().filter(is_receipt).for_each(|node| self.drop(node, by));
                keep.iter().filter(is_receipt).for_each(|node| self.keep(node, by));
                keep.iter().filter(|node| !is_receipt(node)).for_each(|node| self.keep(node, by));
            }
        }
    }

    /// The whole of a receipt comes in.
    fn fill(&mut self, id: &str, by: By<'_>) {
        let Some(at) = self.receipts.iter().position(|one| one.id == *id) else { return };
        let amount = self.receipts[at].fields.amount.get();
        self.receipts[at].left = amount;
        self.receipts[at].standing = Standing::Holds;
        let way = self.receipts[at].fields.way;
        self.moved(at, way, amount.cast_signed(), by);
    }

    /// So much of a receipt goes out, or all that is left, but no more than that.
    fn give(&mut self, receipt: &str, wanted: Option<u64>, way: Option<Way>, by: By<'_>) {
        let (id, cause, act, _) = by;
        let found = self.receipts.iter().position(|one| one.id == receipt);
        let Some(at) = found.filter(|at| self.receipts[*at].fields.act.office == act.office) else {
            self.faults.insert(id.clone());
            return;
        };
        let one = &mut self.receipts[at];
        let applied = wanted.unwrap_or(one.left).min(one.left);
        let beyond =
            wanted.is_some_and(|wanted| wanted > applied || one.standing != Standing::Holds);
        if beyond {
            self.faults.insert(id.clone());
        }
        one.left -= applied;
        if cause == Cause::Cancelled && one.standing == Standing::Holds {
            one.standing = Standing::Cancelled(act.clone());
        }
        let way = way.unwrap_or(one.fields.way);
        let given = Given { id: id.clone(), receipt: receipt.to_owned(), applied, way };
        self.given.insert(id.clone(), given);
        self.moved(at, way, -applied.cast_signed(), by);
    }

    /// Whoever settled it says that an act does not hold. Another office's money stays where it is.
    fn drop(&mut self, node: &Node, by: By<'_>) {
        let (_, _, act, _) = by;
        let demands = matches!(node.said, Said::Demand(_) | Said::Corrected(_));
        let ours = node.said.act().office == act.office;
        if self.dropped.contains_key(&node.id) || !(demands || ours) {
            return;
        }
        self.dropped.insert(node.id.clone(), act.clone());
        match &node.said {
            Said::Receipt(fields) => {
                let found = self.receipts.iter().position(|one| one.id == node.id);
                let Some(at) = found else { return };
                let left = std::mem::take(&mut self.receipts[at].left);
                self.receipts[at].standing = Standing::Dropped(act.clone());
                self.moved(at, fields.way, -left.cast_signed(), by);
            }
            Said::Cancelled(_) | Said::Refund(_) => {
                self.faults.remove(&node.id);
                let Some(given) = self.given.remove(&node.id) else { return };
                let found = self.receipts.iter().position(|one| one.id == given.receipt);
                let Some(at) = found else { return };
                self.receipts[at].left += given.applied;
                if matches!(node.said, Said::Cancelled(_)) {
                    self.receipts[at].standing = Standing::Holds;
                }
                self.moved(at, given.way, given.applied.cast_signed(), by);
            }
            Said::Demand(_) | Said::Corrected(_) | Said::Settled(_) => {}
        }
    }

    /// It holds after all.
    fn keep(&mut self, node: &Node, by: By<'_>) {
        if self.dropped.remove(&node.id).is_none() {
            self.fill_up(node, by);
            return;
        }
        match &node.said {
            Said::Receipt(_) => self.fill(&node.id, by),
            Said::Cancelled(one) => self.give_again(node, &one.receipt, None, None, by),
            Said::Refund(one) => {
                self.give_again(node, &one.receipt, Some(one.amount.get()), Some(one.way), by);
            }
            Said::Demand(_) | Said::Corrected(_) | Said::Settled(_) => {}
        }
    }

    /// What could not be given back whole, because another that does not hold had taken of it, is by now.
    fn fill_up(&mut self, node: &Node, by: By<'_>) {
        let wanted = match &node.said {
            Said::Refund(one) => Some(one.amount.get()),
            Said::Cancelled(_) => None,
            _ => return,
        };
        let Some(given) = self.given.get(&node.id).cloned() else { return };
        let Some(at) = self.receipts.iter().position(|one| one.id == given.receipt) else { return };
        let one = &mut self.receipts[at];
        let more = wanted.map_or(one.left, |all| all - given.applied).min(one.left);
        one.left -= more;
        let applied = given.applied + more;
        if wanted.is_none_or(|all| all == applied) {
            self.faults.remove(&node.id);
        }
        if let (None, Standing::Holds) = (wanted, &one.standing) {
            one.standing = Standing::Cancelled(node.said.act().clone());
        }
        self.given.insert(node.id.clone(), Given { applied, ..given.clone() });
        self.moved(at, given.way, -more.cast_signed(), by);
    }

    fn give_again(
        &mut self,
        node: &Node,
        receipt: &str,
        wanted: Option<u64>,
        way: Option<Way>,
        (id, _, act, machine): By<'_>,
    ) {
        let before = self.movements.len();
        let cause = match node.said {
            Said::Cancelled(_) => Cause::Cancelled,
            _ => Cause::Refunded,
        };
        self.give(receipt, wanted, way, (&node.id, cause, node.said.act(), machine));
        // The money goes out on the day on which it was settled so.
        let settled = self.movements.len() > before;
        if let Some(moved) = self.movements.last_mut().filter(|_| settled) {
            moved.id.clone_from(id);
            moved.act.clone_from(act);
            moved.cause = Cause::Settled;
        }
    }

    fn moved(&mut self, receipt: usize, way: Way, amount: i64, (id, cause, act, machine): By<'_>) {
        let fields = &self.receipts[receipt].fields;
        if amount == 0 {
            return;
        }
        self.movements.push(Movement {
            id: id.clone(),
            cause,
            office: fields.act.office.clone(),
            way,
            amount,
            number: fields.number.clone(),
            act: act.clone(),
            machine: machine.clone(),
        });
    }
}

/// By which act money moves: its id, the cause, who, on which machine.
type By<'a> = (&'a String, Cause, &'a Act, &'a String);
