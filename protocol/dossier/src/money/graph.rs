//! Who had seen what: acts about the money of a dossier, each with all that stands before it, and those between
//! which a person must decide. From the facts alone, in whatever order they are handed in.

use super::{
    facts::{Cancelled, FeeLine, Receipt, Refund, Settled},
    limits::{JUDGED, SEEN},
};
use crate::{
    corrections::Correction,
    fact::{Act, Fact, Kind},
};
use std::collections::{BTreeMap, BTreeSet};

/// The facts without acts about the money that the writer of this one had not seen: what a receipt is a receipt of,
/// whatever came later.
pub fn seen_by(facts: &[Fact], id: &str) -> Vec<Fact> {
    let graph = Graph::read(facts);
    let Some(node) = graph.get(id) else { return facts.to_vec() };
    let hidden: BTreeSet<&String> = graph
        .nodes
        .iter()
        .filter(|one| one.id != node.id && !node.past.contains(&one.id))
        .map(|one| &one.id)
        .collect();
    // Lines of a demand stand under the id of its first one.
    let sets: BTreeSet<String> = facts
        .iter()
        .filter(|fact| fact.kind == Kind::Fee && hidden.contains(&fact.id))
        .filter_map(|fact| Some(fact.read::<FeeLine>()?.set))
        .collect();
    let is_hidden = |fact: &Fact| match fact.kind {
        Kind::Fee => fact.read::<FeeLine>().is_some_and(|line| sets.contains(&line.set)),
        _ => hidden.contains(&fact.id),
    };
    facts.iter().filter(|fact| !is_hidden(fact)).cloned().collect()
}

/// What an act says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A demand, with its lines in order; never without one.
    Demand(Vec<FeeLine>),
    /// The registered fee was corrected.
    Corrected(Correction),
    Receipt(Receipt),
    Cancelled(Cancelled),
    Refund(Refund),
    Settled(Settled),
}

impl Said {
    pub(super) fn act(&self) -> &Act {
        match self {
            // There is at least one line.
            Self::Demand(lines) => &lines[0].act,
            Self::Corrected(one) => &one.act,
            Self::Receipt(one) => &one.act,
            Self::Cancelled(one) => &one.act,
            Self::Refund(one) => &one.act,
            Self::Settled(one) => &one.act,
        }
    }

    fn seen(&self) -> &[String] {
        match self {
            Self::Demand(lines) => &lines[0].seen,
            Self::Corrected(one) => &one.seen,
            Self::Receipt(one) => &one.seen,
            Self::Cancelled(one) => &one.seen,
            Self::Refund(one) => &one.seen,
            Self::Settled(one) => &one.seen,
        }
    }

    /// Whether both do the same, so that it does not matter that they did not see each other.
    fn does_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Demand(one), Self::Demand(other)) => {
                let said = |line: &FeeLine| {
                    (line.what.clone(), line.name.clone(), line.full, line.amount, line.why.clone())
                };
                one.iter().map(said).eq(other.iter().map(said))
            }
            (Self::Cancelled(one), Self::Cancelled(other)) => one.receipt == other.receipt,
            (Self::Settled(one), Self::Settled(other)) => {
                let sets = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
                sets(&one.about) == sets(&other.about) && sets(&one.keep) == sets(&other.keep)
            }
            // Conflicts among corrections are settled as corrections.
            (Self::Corrected(_), Self::Corrected(_)) => true,
            _ => false,
        }
    }
}

/// An act with what stands before it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Id of its fact, of a demand that of the first line.
    pub(super) id: String,
    pub(super) said: Said,
    /// All that its writer had seen, and what that had seen.
    pub(super) past: BTreeSet<String>,
}

/// All acts, causes first.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// There are more than are judged.
    beyond: bool,
}

impl Graph {
    /// Empty where nothing was said of money but the registered fee.
    pub(super) fn read(facts: &[Fact]) -> Self {
        let about = |fact: &&Fact| {
            use Kind::{Fee, Receipt, ReceiptOff, Refund, Settled};
            matches!(fact.kind, Fee | Receipt | ReceiptOff | Refund | Settled)
        };
        if !facts.iter().any(|fact| about(&fact)) {
            return Self::default();
        }
        let (mut all, mut alias) = (BTreeMap::new(), BTreeMap::new());
        let mut sets: BTreeMap<String, BTreeMap<String, FeeLine>> = BTreeMap::new();
        for fact in facts {
            let id = fact.id.clone();
            let said = match fact.kind {
                Kind::Fee => {
                    let Some(line) = fact.read::<FeeLine>() else { continue };
                    sets.entry(line.set.clone()).or_default().insert(id, line);
                    continue;
                }
                Kind::Correction => {
                    let one = fact.read::<Correction>();
                    one.filter(|one| one.field == "request.fee").map(Said::Corrected)
                }
                Kind::Receipt => fact.read().map(Said::Receipt),
                Kind::ReceiptOff => fact.read().map(Said::Cancelled),
                Kind::Refund => fact.read().map(Said::Refund),
                Kind::Settled => fact.read().map(Said::Settled),
                _ => None,
            };
            all.extend(said.map(|said| (id, said)));
        }
        for lines in sets.into_values() {
            let Some(first) = lines.keys().next().cloned() else { continue };
            alias.extend(lines.keys().map(|id| (id.clone(), first.clone())));
            // One line for each place: the same demand may have been written by two machines.
            let by_place: BTreeMap<u32, FeeLine> =
                lines.into_values().rev().map(|line| (line.nr, line)).collect();
            all.insert(first, Said::Demand(by_place.into_values().collect()));
        }
        Self::of(all, &alias)
    }

    fn of(all: BTreeMap<String, Said>, alias: &BTreeMap<String, String>) -> Self {
        let beyond = all.len() > JUDGED;
        let seen = |said: &Said| -> Vec<String> {
            let seen = said.seen().iter().take(SEEN);
            seen.map(|id| alias.get(id).unwrap_or(id).clone()).collect()
        };
        let before = |id: &String, said: &Said| {
            let (mut past, mut stack) = (BTreeSet::new(), seen(said));
            while let Some(next) = stack.pop() {
                if let Some(said) = all.get(&next).filter(|_| !past.contains(&next)) {
                    stack.extend(seen(said));
                    past.insert(next);
                }
            }
            past.remove(id);
            past
        };
        let mut nodes: Vec<Node> = all
            .iter()
            .map(|(id, said)| {
                let past = if beyond { BTreeSet::new() } else { before(id, said) };
                Node { id: id.clone(), said: said.clone(), past }
            })
            .collect();
        // Whoever had seen another had seen more than that one.
        nodes.sort_by(|one, other| (one.past.len(), &one.id).cmp(&(other.past.len(), &other.id)));
        Self { nodes, beyond }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Acts that none has seen: what the next one builds on.
    pub(super) fn heads(&self) -> Vec<String> {
        let seen: BTreeSet<&String> = self.nodes.iter().flat_map(|node| &node.past).collect();
        let free = self.nodes.iter().map(|node| &node.id).filter(|id| !seen.contains(id));
        let heads: BTreeSet<String> = free.cloned().collect();
        if heads.is_empty() {
            // They claim to have seen each other: nobody is dropped for it.
            return self.nodes.iter().map(|node| node.id.clone()).take(SEEN).collect();
        }
        heads.into_iter().collect()
    }

    /// Acts that did not see each other, until a person who had seen both has settled it.
    pub(super) fn contested(&self) -> BTreeSet<String> {
        if self.beyond {
            return self.nodes.iter().map(|node| node.id.clone()).collect();
        }
        let settled: Vec<(&Node, BTreeSet<&String>)> = self
            .nodes
            .iter()
            .filter_map(|node| match &node.said {
                Said::Settled(one) => Some((node, one.about.iter().collect())),
                _ => None,
            })
            .collect();
        let is_settled = |one: &Node, other: &Node| {
            settled.iter().any(|(by, about)| {
                let both = [&one.id, &other.id];
                both.iter().all(|id| about.contains(id) && by.past.contains(*id))
            })
        };
        let mut found = BTreeSet::new();
        for (at, one) in self.nodes.iter().enumerate() {
            for other in &self.nodes[at + 1..] {
                let apart = !other.past.contains(&one.id) && !one.past.contains(&other.id);
                if apart && !one.said.does_the_same(&other.said) && !is_settled(one, other) {
                    found.extend([one.id.clone(), other.id.clone()]);
                }
            }
        }
        self.with_what_they_settled(found)
    }

    /// Who settled something in two ways, or without an act, decides about that once more.
    fn with_what_they_settled(&self, mut found: BTreeSet<String>) -> BTreeSet<String> {
        let mut stack: Vec<String> = found.iter().cloned().collect();
        while let Some(id) = stack.pop() {
            let Some(Said::Settled(one)) = self.get(&id).map(|node| &node.said) else { continue };
            for about in one.about.iter().filter(|id| self.get(id).is_some()) {
                if found.insert(about.clone()) {
                    stack.push(about.clone());
                }
            }
        }
        found
    }
}
