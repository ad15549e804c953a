//! Which value of a field is in force, or that a person must say: from the facts alone, whatever the
//! order in which they came.

use super::{Correction, Field};
use crate::fact::{Fact, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Heads of one field beyond which what was agreed on before is not looked for: the first value is
/// shown. Nobody makes so many without seeing each other but to make readers work.
const HEADS: usize = 64;

/// A value that a field has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// As text; empty for nothing.
    pub text: String,
    /// Id of the correction that says so; `None` for what was registered.
    pub by: Option<String>,
}

/// A field of which there are corrections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// What was registered.
    pub first: String,
    /// What stands there now: one, or those between which a person must decide; different texts, in
    /// order.
    pub values: Vec<Value>,
    /// What is shown: the value, or while there are several the one that was last agreed on.
    pub shown: Value,
    /// Ids of the corrections that none has seen: what the next one builds on.
    pub heads: Vec<String>,
}

impl Corrected {
    /// Whether a person must decide.
    pub fn is_conflict(&self) -> bool {
        self.values.len() > 1
    }
}

/// All fields of which there are corrections.
pub fn corrected(facts: &[Fact]) -> BTreeMap<Field, Corrected> {
    let mut all: BTreeMap<Field, BTreeMap<String, Correction>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.kind == Kind::Correction) {
        let Some(one) = fact.read::<Correction>() else { continue };
        let Some(field) = Field::read(&one.field).filter(|field| !field.only_grows()) else {
            continue;
        };
        all.entry(field).or_default().insert(fact.id.clone(), one);
    }
    let one = |(field, nodes): (Field, _)| {
        let first = field.first(facts)?;
        Some((field, Graph { first, nodes }.corrected()))
    };
    all.into_iter().filter_map(one).collect()
}

/// The corrections of one field by id.
struct Graph {
    first: String,
    nodes: BTreeMap<String, Correction>,
}

impl Graph {
    fn corrected(self) -> Corrected {
        let seen: BTreeSet<&String> = self.nodes.values().flat_map(|node| &node.seen).collect();
        let mut heads: BTreeSet<&String> =
            self.nodes.keys().filter(|id| !seen.contains(id)).collect();
        if heads.is_empty() {
            // They claim to have seen each other: nobody is dropped for it.
            heads = self.nodes.keys().collect();
        }
        let values = self.values(&heads);
        let shown = self.agreed(heads.clone());
        let heads = heads.into_iter().cloned().collect();
        Corrected { values, shown, heads, first: self.first.clone() }
    }

    /// The different values that these corrections stand for; what takes one back stands for those
    /// which that one had seen.
    fn values(&self, heads: &BTreeSet<&String>) -> Vec<Value> {
        let mut found: BTreeMap<&str, Option<&String>> = BTreeMap::new();
        let mut stack: Vec<&String> = heads.iter().copied().collect();
        let mut known: BTreeSet<&String> = BTreeSet::new();
        while let Some(id) = stack.pop() {
            let Some(node) = self.nodes.get(id).filter(|_| known.insert(id)) else { continue };
            match self.undone(node) {
                Some(taken_back) if taken_back.seen.is_empty() => {
                    found.insert(&self.first, None);
                }
                Some(taken_back) => stack.extend(&taken_back.seen),
                None => {
                    let by = found.entry(&node.value).or_insert(Some(id));
                    *by = (*by).min(Some(id));
                }
            }
        }
        if found.is_empty() {
            found.insert(&self.first, None);
        }
        let value =
            |(text, by): (&str, Option<&String>)| Value { text: text.to_owned(), by: by.cloned() };
        found.into_iter().map(value).collect()
    }

    fn undone(&self, node: &Correction) -> Option<&Correction> {
        self.nodes.get(node.undo.as_ref()?)
    }

    /// The one value of these, or what was last agreed on before them.
    fn agreed<'a>(&'a self, mut heads: BTreeSet<&'a String>) -> Value {
        for _ in 0..=self.nodes.len() {
            let mut values = self.values(&heads);
            if values.len() == 1
                && let Some(value) = values.pop()
            {
                return value;
            }
            let only = heads.first().and_then(|id| self.nodes.get(*id));
            let taken_back = only.filter(|_| heads.len() == 1).and_then(|node| self.undone(node));
            heads = match taken_back {
                Some(node) => node.seen.iter().collect(),
                None => self.common(&heads),
            };
            if heads.is_empty() {
                break;
            }
        }
        Value { text: self.first.clone(), by: None }
    }

    /// The newest corrections that all of these had seen.
    fn common<'a>(&'a self, heads: &BTreeSet<&'a String>) -> BTreeSet<&'a String> {
        if heads.len() > HEADS {
            return BTreeSet::new();
        }
        let mut before = heads.iter().map(|head| self.before(head));
        let first = before.next().unwrap_or_default();
        let common = before.fold(first, |all, one| &all & &one);
        let seen: BTreeSet<&String> =
            common.iter().filter_map(|id| self.nodes.get(*id)).flat_map(|one| &one.seen).collect();
        common.into_iter().filter(|id| !seen.contains(id)).collect()
    }

    /// Everything that a correction had seen, and what that had seen.
    fn before(&self, id: &str) -> BTreeSet<&String> {
        let mut found = BTreeSet::new();
        let mut stack: Vec<&Correction> = self.nodes.get(id).into_iter().collect();
        while let Some(node) = stack.pop() {
            for seen in &node.seen {
                let Some(next) = self.nodes.get(seen) else { continue };
                if found.insert(seen) {
                    stack.push(next);
                }
            }
        }
        found
    }
}
