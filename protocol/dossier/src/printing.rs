//! Printings of forms: each is a fact, so that the second one says so, whoever prints it and on whichever
//! machine (design/forms.md).

use crate::{
    action::{Action, ActionError, Draft},
    corrections::heads,
    fact::{Act, Fact, Kind},
};
use serde::{Deserialize, Serialize};

/// Most printings of one dossier: a stuck key must not fill it.
pub const PRINTINGS: usize = 200;

/// Fields of [`Kind::Printed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// Word of the form, such as `receipt`.
    pub form: String,
    /// Word of the paper, such as `a5`.
    pub paper: String,
    /// 1 for the first printing of this form, as far as its writer knew.
    pub number: u32,
    /// What the request is known by: the same again is the same printing.
    pub asked: String,
    /// Fact that the form is about, where a dossier has several of it: the receipt of a payment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// Corrections that it shows and that nothing followed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrected: Vec<String>,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// A printing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Word of the form.
    pub form: String,
    /// Word of the paper.
    pub paper: String,
    /// What the request is known by.
    pub asked: String,
    /// Fact that the form is about; empty where a dossier has one of it.
    pub of: String,
}

/// Counts a printing.
///
/// # Errors
/// [`ActionError::TooMany`]
pub fn print(facts: &[Fact], wanted: Wanted, act: Act) -> Result<Action, ActionError> {
    let all: Vec<(String, Printed)> = printings(facts).collect();
    if all.len() >= PRINTINGS {
        let got = all.len() + 1;
        return Err(ActionError::TooMany { field: "printings", got, limit: PRINTINGS });
    }
    let same =
        all.iter().filter(|(_, printed)| printed.form == wanted.form && printed.of == wanted.of);
    let most = same.map(|(_, printed)| printed.number).max().unwrap_or(0);
    let Wanted { form, paper, asked, of } = wanted;
    let (number, corrected) = (most.saturating_add(1), heads(facts));
    let fields = Printed { form, paper, number, asked, of, corrected, act };
    Ok(Action { facts: vec![Draft::new(Kind::Printed, &fields)], audience: vec![] })
}

/// All printings with the ids of their facts, oldest first.
pub fn printings(facts: &[Fact]) -> impl Iterator<Item = (String, Printed)> {
    let all = facts.iter().filter(|fact| fact.kind == Kind::Printed);
    all.filter_map(|fact| Some((fact.id.clone(), fact.read()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(form: &str) -> Wanted {
        Wanted { form: form.into(), paper: "a5".into(), asked: "x".into(), of: String::new() }
    }

    #[test]
    fn each_form_is_counted_by_itself_from_one() {
        let mut facts: Vec<Fact> = Vec::new();
        for (form, number) in [("receipt", 1), ("receipt", 2), ("refusal", 1), ("receipt", 3)] {
            let action = print(&facts, wanted(form), Act::default()).expect("a printing");
            let id = format!("{:026}", facts.len());
            facts.extend(action.facts.into_iter().map(|fact| fact.with_id(id.clone())));
            let (_, last) = printings(&facts).last().expect("one");
            assert_eq!((last.form.as_str(), last.number), (form, number));
        }
    }

    #[test]
    fn a_stuck_key_is_stopped_in_words() {
        let action = print(&[], wanted("receipt"), Act::default()).expect("a printing");
        let fact = action.facts.into_iter().next().expect("one").with_id("A".into());
        let many = vec![fact; PRINTINGS];
        let refused = print(&many, wanted("receipt"), Act::default()).expect_err("too many");
        assert_eq!(refused.to_string(), "printings: 201 are too many, at most 200 are allowed");
    }
}
