//! Status from facts, by a pure rule: the same facts give the same status, whatever the order in
//! which they came. There is no status field that the last writer could win.

use crate::{
    fact::{Fact, Forward, Kind, StateStep, Taken},
    process::{Passing, holdings, passings},
    state::State,
};
use std::collections::{BTreeMap, BTreeSet};

/// A step of the life cycle with the id of its fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Id of the fact.
    pub id: String,
    /// The state it leads to.
    pub to: State,
    /// Its fields.
    pub fields: StateStep,
}

/// A hand-over: given by one office, acknowledged by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// Id of the forward fact.
    pub id: String,
    /// Its fields.
    pub given: Forward,
    /// Acknowledgement, if there is one.
    pub taken: Option<Taken>,
}

/// Something a person must settle. Nothing is dropped and nothing wins silently.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conflict {
    /// Two offices moved the dossier to different states without seeing each other.
    States(Vec<State>),
    /// A step that the table does not allow.
    Forbidden {
        /// From which state.
        from: State,
        /// To which.
        to: State,
    },
    /// Given to two offices at once.
    Holders(Vec<String>),
    /// Given to different people or sections of an office at once, or taken by different ones.
    Passes(Vec<String>),
}

impl Conflict {
    /// In Vietnamese and English.
    pub fn words(&self) -> (String, String) {
        let join = |words: Vec<&str>| words.join(" / ");
        match self {
            Self::States(states) => (
                format!(
                    "Hai nơi cùng chuyển trạng thái: {}",
                    join(states.iter().map(|state| state.vi()).collect())
                ),
                format!(
                    "Moved to different states at once: {}",
                    join(states.iter().map(|state| state.en()).collect())
                ),
            ),
            Self::Forbidden { from, to } => (
                format!("Bước chuyển không được phép: từ “{}” sang “{}”", from.vi(), to.vi()),
                format!("Step that is not allowed: from “{}” to “{}”", from.en(), to.en()),
            ),
            Self::Holders(_) => (
                "Hồ sơ được chuyển cho hai cơ quan cùng lúc".into(),
                "Given to two offices at once".into(),
            ),
            Self::Passes(names) => {
                let names = join(names.iter().map(String::as_str).collect());
                (
                    format!("Hồ sơ được giao nội bộ cho nhiều nơi cùng lúc: {names}"),
                    format!("Given to several within the office at once: {names}"),
                )
            }
        }
    }
}

/// What follows from the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// Shown state. With a conflict, the one with the lowest portal code among those in question:
    /// the most careful reading.
    pub state: State,
    /// The state before it.
    pub before: Option<State>,
    /// Ids of the state facts that nothing follows: what the next step builds on.
    pub heads: Vec<String>,
    /// All steps by id.
    pub steps: Vec<Step>,
    /// All hand-overs by id.
    pub hand_overs: Vec<HandOver>,
    /// All hand-overs within offices, by id.
    pub passings: Vec<Passing>,
    /// What a person must settle.
    pub conflicts: Vec<Conflict>,
}

impl Derived {
    /// States the dossier may move to now.
    pub fn allowed(&self) -> Vec<State> {
        let mut next = self.state.next(self.before);
        // A conflict is settled by choosing one of the states in question.
        for conflict in &self.conflicts {
            if let Conflict::States(states) = conflict {
                next.extend(states.iter().copied());
            }
        }
        // As long as nothing follows it, the choice may be taken back.
        next.extend(self.not_chosen());
        next.sort();
        next.dedup();
        next
    }

    /// States that lost when the conflict was settled with which the dossier stands where it does.
    fn not_chosen(&self) -> Vec<State> {
        let steps: BTreeMap<String, Step> =
            self.steps.iter().map(|step| (step.id.clone(), step.clone())).collect();
        let heads = self.heads.iter().filter_map(|id| steps.get(id));
        heads.flat_map(|head| lost(head, &steps)).collect()
    }

    /// Whether a step settles a conflict between states, or takes back how one was settled.
    pub fn is_settled_by_choice(&self, to: State) -> bool {
        let open = self.conflicts.iter().any(|one| matches!(one, Conflict::States(_)));
        open || (self.not_chosen().contains(&to) && !self.state.next(self.before).contains(&to))
    }

    /// Office ids that hold the dossier: where it was last given to, or nobody if it never left.
    pub fn holders(&self) -> Vec<String> {
        holders(&self.hand_overs)
    }
}

/// Applies the rule.
pub fn derive(facts: &[Fact]) -> Derived {
    let steps: BTreeMap<String, Step> = facts
        .iter()
        .filter(|fact| fact.kind == Kind::State)
        .filter_map(|fact| {
            let fields: StateStep = fact.read()?;
            let to = State::from_code(fields.to)?;
            Some((fact.id.clone(), Step { id: fact.id.clone(), to, fields }))
        })
        .collect();
    let hand_overs = hand_overs(facts);
    let mut conflicts = forbidden(&steps);
    let followed: BTreeSet<&String> = steps.values().flat_map(|step| &step.fields.after).collect();
    let heads: Vec<&Step> = steps.values().filter(|step| !followed.contains(&step.id)).collect();
    let states: BTreeSet<State> = heads.iter().map(|step| step.to).collect();
    if states.len() > 1 {
        conflicts.push(Conflict::States(states.iter().copied().collect()));
    }
    let holding = holders(&hand_overs);
    if holding.len() > 1 {
        conflicts.push(Conflict::Holders(holding));
    }
    let passings = passings(facts);
    if !passings.is_empty() {
        conflicts.extend(passes_at_once(&steps, &hand_overs, &passings));
    }
    conflicts.sort();
    conflicts.dedup();
    let shown = heads.iter().min_by_key(|step| (step.to, &step.id));
    let before = shown.and_then(|step| {
        let earlier = step.fields.after.iter().filter_map(|id| steps.get(id));
        earlier.map(|step| step.to).min()
    });
    Derived {
        state: shown.map_or(State::Submitted, |step| step.to),
        before,
        heads: heads.iter().map(|step| step.id.clone()).collect(),
        conflicts,
        hand_overs,
        passings,
        steps: steps.values().cloned().collect(),
    }
}

/// Steps that the table does not allow from any state they build on. Settling a conflict by
/// choosing one of the states in question is allowed.
fn forbidden(steps: &BTreeMap<String, Step>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for step in steps.values() {
        let after: Vec<&Step> = step.fields.after.iter().filter_map(|id| steps.get(id)).collect();
        let allowed = after.is_empty()
            || after.iter().any(|from| {
                let before = from.fields.after.iter().filter_map(|id| steps.get(id));
                from.to.next(before.map(|step| step.to).min()).contains(&step.to)
                    || (after.len() > 1 && from.to == step.to)
                    || lost(from, steps).any(|state| state == step.to)
            });
        if let (false, Some(from)) = (allowed, after.iter().map(|step| step.to).min()) {
            found.push(Conflict::Forbidden { from, to: step.to });
        }
    }
    found
}

/// States that lost when a step settled a conflict.
fn lost<'a>(
    settled: &'a Step,
    steps: &'a BTreeMap<String, Step>,
) -> impl Iterator<Item = State> + 'a {
    let after = settled.fields.after.iter().filter(|_| settled.fields.after.len() > 1);
    after.filter_map(|id| steps.get(id)).map(|step| step.to).filter(|state| *state != settled.to)
}

/// Offices that have the dossier in which it was given to several at once.
fn passes_at_once(
    steps: &BTreeMap<String, Step>,
    hand_overs: &[HandOver],
    passings: &[Passing],
) -> Vec<Conflict> {
    let mut offices = holders(hand_overs);
    if offices.is_empty() {
        let first = steps.values().find(|step| step.fields.after.is_empty());
        offices.extend(first.map(|step| step.fields.act.office.clone()));
    }
    let held = offices.iter().map(|office| holdings(hand_overs, passings, office));
    let several = held.filter(|held| held.len() > 1);
    several.map(|held| Conflict::Passes(held.iter().map(|one| one.shown()).collect())).collect()
}

fn hand_overs(facts: &[Fact]) -> Vec<HandOver> {
    let mut taken: BTreeMap<String, Taken> = BTreeMap::new();
    for fact in by_id(facts, Kind::Taken) {
        // The first acknowledgement stands.
        if let Some(fields) = fact.read::<Taken>() {
            taken.entry(fields.forward.clone()).or_insert(fields);
        }
    }
    by_id(facts, Kind::Forward)
        .into_iter()
        .filter_map(|fact| {
            let given = fact.read()?;
            Some(HandOver { id: fact.id.clone(), given, taken: taken.remove(&fact.id) })
        })
        .collect()
}

/// The facts of a kind by id, in whatever order they are handed in.
fn by_id(facts: &[Fact], kind: Kind) -> Vec<&Fact> {
    let mut all: Vec<&Fact> = facts.iter().filter(|fact| fact.kind == kind).collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

/// A forward ends the hold of the office that made it. Whoever was given the dossier and has not
/// given it on holds it.
fn holders(hand_overs: &[HandOver]) -> Vec<String> {
    let mut holders: BTreeSet<String> = BTreeSet::new();
    for hand_over in hand_overs {
        holders.remove(&hand_over.given.act.office);
        holders.insert(hand_over.given.to.clone());
    }
    holders.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Act;

    fn step(id: &str, to: State, after: &[&str]) -> Fact {
        let after = after.iter().map(ToString::to_string).collect();
        let fields = StateStep { to: to.code(), after, ..StateStep::default() };
        Fact::new(Kind::State, id.into(), &fields)
    }

    #[test]
    fn the_last_step_is_the_state() {
        let facts = [
            step("A", State::Accepted, &[]),
            step("B", State::InProcess, &["A"]),
            step("C", State::Supplement, &["B"]),
        ];
        let derived = derive(&facts);
        assert_eq!((derived.state, derived.before), (State::Supplement, Some(State::InProcess)));
        assert_eq!(derived.allowed(), [State::InProcess, State::Withdrawn, State::Stopped]);
        assert!(derived.conflicts.is_empty());
    }

    #[test]
    fn handed_over_here_and_stopped_there_is_a_conflict_whatever_the_order() {
        let facts = [
            step("A", State::Accepted, &[]),
            step("B", State::InProcess, &["A"]),
            step("C", State::Finished, &["B"]),
            step("D", State::Stopped, &["B"]),
        ];
        let derived = derive(&facts);
        assert_eq!(derived.conflicts, [Conflict::States(vec![State::Stopped, State::Finished])]);
        assert_eq!(derived.state, State::Stopped, "the most careful reading is shown");
        let mut turned = facts.to_vec();
        turned.reverse();
        assert_eq!(derive(&turned).conflicts, derived.conflicts);
        assert!(derived.allowed().contains(&State::Finished), "a person may choose either");
        let settled = [&facts[..], &[step("E", State::Finished, &["C", "D"])]].concat();
        let settled = derive(&settled);
        assert_eq!((settled.state, settled.conflicts.len()), (State::Finished, 0));
    }

    #[test]
    fn the_same_step_taken_twice_is_no_conflict() {
        let facts = [
            step("A", State::Accepted, &[]),
            step("B", State::InProcess, &["A"]),
            step("C", State::InProcess, &["A"]),
        ];
        assert_eq!(derive(&facts).conflicts, []);
        assert_eq!(derive(&facts).heads.len(), 2);
    }

    #[test]
    fn a_forbidden_step_is_shown_and_flagged() {
        let facts = [step("A", State::Accepted, &[]), step("B", State::Returned, &["A"])];
        let derived = derive(&facts);
        assert_eq!(derived.state, State::Returned);
        let expected = Conflict::Forbidden { from: State::Accepted, to: State::Returned };
        assert_eq!(derived.conflicts, [expected]);
    }

    #[test]
    fn two_holders_are_a_conflict_until_one_gives_it_on() {
        let forward = |id: &str, from: &str, to: &str| {
            let act = Act { office: from.into(), ..Act::default() };
            Fact::new(
                Kind::Forward,
                id.into(),
                &Forward { to: to.into(), list: String::new(), act },
            )
        };
        let facts = [forward("A", "one", "two"), forward("B", "one", "three")];
        let derived = derive(&facts);
        assert_eq!(derived.conflicts, [Conflict::Holders(vec!["three".into(), "two".into()])]);
        let settled = [&facts[..], &[forward("C", "three", "two")]].concat();
        assert_eq!(derive(&settled).holders(), ["two"]);
        assert_eq!(derive(&settled).conflicts, []);
    }
}
