//! What pages and lists show of a dossier: plain values that follow from its facts.

use crate::{
    calendar,
    corrections::{Corrected, Field, corrected, correction},
    derive::{Derived, derive},
    due::Term,
    fact::{Applicant, CodeField, Due, Fact, Kind, Paper, Request},
    links::{Linked, links},
    money::{Money, MoneyState, rule},
    pauses::{self, Date, Stretch, Why},
    state::State,
    steps,
    void::{Standing, standing},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of a list; kept in the state store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Printed code; empty if the dossier has none.
    pub code: String,
    /// Procedure code.
    pub procedure: String,
    /// Its name.
    pub procedure_name: String,
    /// Applicant's name.
    pub applicant: String,
    /// Portal state.
    pub state: u8,
    /// When it was accepted, Unix milliseconds.
    pub received: Option<i64>,
    /// Promised date in force.
    pub due: Option<i64>,
    /// Since when its clock stands still; none while it runs.
    pub paused: Option<i64>,
    /// Office ids that hold it; empty if it never left its desk.
    pub holders: Vec<String>,
    /// Whether a person must settle something.
    pub conflict: bool,
    /// Whether the registration is void.
    pub void: bool,
    /// Facts.
    pub facts: u32,
    /// Newest act.
    pub updated: i64,
}

impl Summary {
    /// Whether nothing is to happen any more: its result was handed over, it was refused or is void, and
    /// nobody has to settle anything. A result that waits at the desk is still to be handed over.
    pub fn is_closed(&self) -> bool {
        !self.conflict && (self.void || State::from_code(self.state).is_some_and(State::is_final))
    }
}

/// A dossier, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The line of the list.
    pub summary: Summary,
    /// Who asks, with corrections.
    pub applicant: Applicant,
    /// What is asked for, with corrections.
    pub request: Request,
    /// Papers handed in, with corrections.
    pub papers: Vec<Paper>,
    /// Promised dates, oldest first; the first one was printed, the last one is in force.
    pub dates: Vec<Date>,
    /// When its clock stood still.
    pub pauses: Vec<Stretch>,
    /// Status and hand-overs.
    pub derived: Derived,
    /// Fields of which there are corrections.
    pub corrected: BTreeMap<Field, Corrected>,
    /// Whether the registration stands.
    pub standing: Standing,
    /// What is said of other dossiers.
    pub links: Vec<Linked>,
    /// What is due, taken and given back.
    pub money: Money,
}

impl View {
    /// Fields about which a person must decide.
    pub fn contested(&self) -> impl Iterator<Item = (&Field, &Corrected)> {
        self.corrected.iter().filter(|(_, one)| one.is_conflict())
    }

    /// Who asks by each of the values that are in conflict, one at a time: searches find the dossier
    /// by all of them.
    pub fn other_applicants(&self) -> impl Iterator<Item = Applicant> {
        let values = self
            .contested()
            .flat_map(|(field, one)| one.values.iter().map(move |value| (field, value)));
        values.filter_map(|(field, value)| {
            let mut applicant = self.applicant.clone();
            field.put(&value.text, &mut applicant, &mut Request::default(), &mut []);
            (applicant != self.applicant).then_some(applicant)
        })
    }
}

/// Everything that follows from the facts.
pub fn view(facts: &[Fact]) -> View {
    let derived = derive(facts);
    let mut applicant: Applicant = last(facts, Kind::Applicant).unwrap_or_default();
    let mut request: Request = last(facts, Kind::Request).unwrap_or_default();
    let papers = facts.iter().filter(|fact| fact.kind == Kind::Paper);
    let mut papers: Vec<(String, Paper)> =
        papers.filter_map(|fact| Some((fact.id.clone(), fact.read()?))).collect();
    let corrected = corrected(facts);
    let (standing, links) = (standing(facts), links(facts));
    for (field, one) in &corrected {
        field.put(&one.shown.text, &mut applicant, &mut request, &mut papers);
    }
    let fee_contested =
        corrected.iter().any(|(field, one)| field.word() == "request.fee" && one.is_conflict());
    let fee = request.fee.unwrap_or_default();
    let registered = rule::Registered { fee, contested: fee_contested, void: standing.is_void() };
    let money = rule::judged(facts, registered);
    if money.demand.is_some() {
        // What is demanded by now is what forms and lists say.
        request.fee = Some(money.lines.iter().map(|line| line.amount.get()).sum());
    }
    // A paper that was registered by mistake is struck out by its count.
    papers.retain(|(_, paper)| paper.count > 0);
    let code: Option<CodeField> = all(facts, Kind::Code).next();
    let pauses = pauses::stretches(&derived);
    let dates = dates(facts, &request, &pauses, &corrected);
    let paused = pauses.iter().filter(|pause| pause.to.is_none()).map(|pause| pause.from).min();
    let acts = derived.steps.iter().map(|step| step.fields.act.at);
    let given = derived.hand_overs.iter().flat_map(|hand_over| {
        [Some(hand_over.given.act.at), hand_over.taken.as_ref().map(|taken| taken.act.at)]
    });
    let summary = Summary {
        code: code.map(|field| field.code).unwrap_or_default(),
        procedure: request.procedure.clone(),
        procedure_name: request.procedure_name.clone(),
        applicant: applicant.name.clone(),
        state: derived.state.code(),
        received: pauses::received(&derived),
        due: dates.last().map(|date| date.at),
        paused: paused.filter(|_| pauses::is_pause(derived.state)),
        holders: derived.holders(),
        conflict: !derived.conflicts.is_empty()
            || corrected.values().any(Corrected::is_conflict)
            || standing.is_contested()
            || money.state == MoneyState::InConflict
            || links.iter().any(|one| one.same().is_none()),
        void: standing.is_void(),
        facts: u32::try_from(facts.len()).unwrap_or(u32::MAX),
        updated: acts.chain(given.flatten()).max().unwrap_or_default(),
    };
    let papers = papers.into_iter().map(|(_, paper)| paper).collect();
    View {
        summary,
        applicant,
        request,
        papers,
        dates,
        pauses,
        derived,
        corrected,
        standing,
        links,
        money,
    }
}

/// The promised dates: those that were stated, and where pauses moved them.
fn dates(
    facts: &[Fact],
    request: &Request,
    pauses: &[Stretch],
    corrected: &BTreeMap<Field, Corrected>,
) -> Vec<Date> {
    let term = Term::read(&request.term_unit, request.term.map(f64::from)).ok();
    let due = facts.iter().filter(|fact| fact.kind == Kind::Due);
    let mut due =
        due.filter_map(|fact| Some((fact.time().unwrap_or_default(), fact.read::<Due>()?)));
    let promised = due.next().map(|(_, due)| (due.at, Why::Promised));
    let set = due.map(|(time, due)| (due.at, Why::Set(time, due.reason)));
    let extended = steps::extensions(facts)
        .into_iter()
        .map(|(_, new)| (new.until, Why::Extended(new.act.at, new.act.note)));
    let agreed = corrected.iter().find(|(field, _)| field.word() == "due").and_then(|(_, one)| {
        let by = correction(facts, one.shown.by.as_ref()?)?;
        Some((one.shown.text.parse().ok()?, Why::Set(by.act.at, by.act.note)))
    });
    let mut later: Vec<(i64, Why)> = set.chain(extended).chain(agreed).collect();
    later.sort_by_key(|(_, why)| why.set_at());
    let stated: Vec<(i64, Why)> = promised.into_iter().chain(later).collect();
    pauses::dates(calendar::usual(), term, &stated, pauses)
}

fn all<'a, F: serde::de::DeserializeOwned + 'a>(
    facts: &'a [Fact],
    kind: Kind,
) -> impl Iterator<Item = F> + 'a {
    facts.iter().filter(move |fact| fact.kind == kind).filter_map(Fact::read)
}

fn last<F: serde::de::DeserializeOwned>(facts: &[Fact], kind: Kind) -> Option<F> {
    all(facts, kind).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_final_and_in_no_conflict_is_closed() {
        let closed = |state: State, conflict| {
            Summary { state: state.code(), conflict, ..Summary::default() }.is_closed()
        };
        let all = State::ALL.into_iter().filter(|state| closed(*state, false));
        assert_eq!(all.collect::<Vec<_>>(), [State::Refused, State::Returned]);
        assert!(!closed(State::Returned, true));
        assert!(!Summary::default().is_closed());
    }
}
