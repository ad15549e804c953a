//! Which pause is usual where: rules with the days on which they hold, as data.

use crate::{due::Model, state::State};
use jiff::civil::Date;
use serde::Deserialize;
use std::sync::LazyLock;

/// A row of the table.
#[derive(Debug, Clone, Deserialize)]
pub struct PauseRule {
    /// Procedure code; every procedure if empty.
    pub procedure: String,
    /// Stage in which it is asked for, a portal state; every one if empty.
    pub from_state: Option<u8>,
    /// State in which is waited.
    pub to_state: u8,
    /// A word of [`Model`].
    pub model: String,
    /// First day of reception for which it holds.
    pub valid_from: Date,
    /// Last one.
    pub valid_until: Option<Date>,
    /// Where it stands.
    pub source: String,
}

static RULES: LazyLock<Vec<PauseRule>> =
    LazyLock::new(|| read(include_str!("../../data/pause-rules.csv")).unwrap_or_default());

/// Reads a table.
///
/// # Errors
/// [`csv::Error`] with the line.
pub fn read(text: &str) -> Result<Vec<PauseRule>, csv::Error> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect()
}

/// The usual pause of a procedure, for a dossier received on a day, that goes from one state into
/// another: the row that says most about it, the clock that stops if there is none.
pub fn usual(procedure: &str, from: State, to: State, received: Date) -> Model {
    choose(&RULES, procedure, from, to, received)
}

fn choose(rules: &[PauseRule], procedure: &str, from: State, to: State, received: Date) -> Model {
    let fits = |rule: &&PauseRule| {
        rule.to_state == to.code()
            && (rule.procedure.is_empty() || rule.procedure == procedure)
            && rule.from_state.is_none_or(|state| state == from.code())
            && rule.valid_from <= received
            && rule.valid_until.is_none_or(|last| received <= last)
    };
    let says = |rule: &&PauseRule| {
        (!rule.procedure.is_empty(), rule.from_state.is_some(), rule.valid_from)
    };
    let found = rules.iter().filter(fits).max_by_key(says);
    found.and_then(|rule| Model::from_word(&rule.model)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_built_in_rules_are_whole() {
        let rules = read(include_str!("../../data/pause-rules.csv")).unwrap();
        for rule in &rules {
            assert!(Model::from_word(&rule.model).is_some(), "{rule:?}");
            let state = State::from_code(rule.to_state).unwrap();
            assert!(super::super::is_pause(state) && !rule.source.is_empty(), "{rule:?}");
        }
        for to in State::ALL.into_iter().filter(|state| super::super::is_pause(*state)) {
            assert!(rules.iter().any(|rule| rule.to_state == to.code()), "{to:?}");
        }
    }

    #[test]
    fn the_rule_in_force_at_reception_that_says_most_is_taken() {
        let rules = read(
            "procedure,from_state,to_state,model,valid_from,valid_until,source\n\
             ,,5,stop_clock,2018-06-21,,a\n\
             ,4,5,restart,2027-03-01,,b\n\
             1.1,,5,restart,2020-01-01,2020-12-31,c\n",
        )
        .unwrap();
        let model = |procedure, from, day: &str| {
            choose(&rules, procedure, from, State::Supplement, day.parse().unwrap()).word()
        };
        assert_eq!(model("1.2", State::InProcess, "2027-02-28"), "stop_clock");
        assert_eq!(model("1.2", State::InProcess, "2027-03-01"), "restart");
        assert_eq!(model("1.2", State::Accepted, "2027-03-01"), "stop_clock");
        assert_eq!(model("1.1", State::Accepted, "2020-12-31"), "restart");
        assert_eq!(model("1.1", State::Accepted, "2021-01-01"), "stop_clock");
    }
}
