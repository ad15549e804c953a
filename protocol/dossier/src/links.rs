//! Dossiers that a person says are one case registered twice, or are not: a fact in one of the two, always
//! the one with the later id, so that both speak of the same. design/corrections.md has the rules.

use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, tidy},
    derive::derive,
    fact::{Act, Fact, Kind},
    steps::concerns,
};
use motcua_core::id::DossierId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most other dossiers that one is held beside.
pub const LINKS: usize = 50;

/// Fields of [`Kind::Link`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Link {
    /// Id of the other dossier.
    pub other: String,
    /// Whether both are one case.
    pub same: bool,
    /// What was said of the two before, as far as its writer had seen it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
    /// Who, when, where; why in its note.
    #[serde(flatten)]
    pub act: Act,
}

/// What is said of another dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The other one.
    pub other: DossierId,
    /// What nothing follows, oldest first; never empty.
    pub said: Vec<Link>,
}

impl Linked {
    /// Whether both are one case; none while people differ.
    pub fn same(&self) -> Option<bool> {
        let first = self.said.first()?.same;
        self.said.iter().all(|one| one.same == first).then_some(first)
    }
}

/// Which of two dossiers holds what is said of both.
pub fn keeper(one: DossierId, other: DossierId) -> (DossierId, DossierId) {
    if one.0 > other.0 { (one, other) } else { (other, one) }
}

/// What this dossier says of others.
pub fn links(facts: &[Fact]) -> Vec<Linked> {
    let mut all: BTreeMap<DossierId, BTreeMap<&String, Link>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.kind == Kind::Link) {
        let Some(link) = fact.read::<Link>() else { continue };
        let Ok(other) = link.other.parse() else { continue };
        all.entry(other).or_default().insert(&fact.id, link);
    }
    let one = |(other, all): (DossierId, BTreeMap<&String, Link>)| {
        let seen: BTreeSet<&String> = all.values().flat_map(|link| &link.seen).collect();
        let heads = all.iter().filter(|(id, _)| !seen.contains(*id));
        let mut said: Vec<Link> = heads.map(|(_, link)| link.clone()).collect();
        if said.is_empty() {
            // They claim to have seen each other: nobody is dropped for it.
            said = all.values().cloned().collect();
        }
        said.sort_by_key(|link| link.act.at);
        Linked { other, said }
    };
    all.into_iter().map(one).collect()
}

/// Says that another dossier is the same case, or is not; in the one that keeps it.
///
/// # Errors
/// [`ActionError`] without a reason, at an office that has nothing to do with the dossier, and where it is
/// said already.
pub fn link(
    facts: &[Fact],
    other: DossierId,
    same: bool,
    mut act: Act,
) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, true)?;
    if !concerns(&derive(facts), &act.office) {
        return Err(ActionError::NotTheirs);
    }
    let all = links(facts);
    if all.len() >= LINKS && !all.iter().any(|one| one.other == other) {
        return Err(ActionError::TooMany { field: "links", got: all.len() + 1, limit: LINKS });
    }
    if all.iter().any(|one| one.other == other && one.same() == Some(same)) {
        return Err(ActionError::Invalid { field: "same", why: "that is said of both already" });
    }
    let before = facts.iter().filter(|fact| fact.kind == Kind::Link);
    let before =
        before.filter(|fact| fact.read::<Link>().is_some_and(|one| one.other.parse() == Ok(other)));
    let seen = before.map(|fact| fact.id.clone()).collect();
    let fields = Link { other: other.to_string(), same, seen, act };
    Ok(Action { facts: vec![Draft::new(Kind::Link, &fields)], audience: vec![] })
}
