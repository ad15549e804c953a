//! Who takes whose stead: of somebody who is away, and with duties that somebody lends. Both are facts of the
//! account of who is replaced, and hold from one instant until another unless somebody ends them before.

use super::{
    Duty,
    account::{Account, AccountFact, Said},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// When, and who takes the stead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Term {
    /// First instant, Unix milliseconds.
    pub from: i64,
    /// First instant at which it is over, Unix milliseconds.
    pub until: i64,
    /// Id of the account of who takes the stead.
    pub person: String,
    /// Their name.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Term {
    /// Whether it holds at a time, Unix milliseconds.
    pub fn holds(&self, now: i64) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// One that nobody has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stead {
    /// Id of its fact.
    pub id: String,
    /// When, and who.
    pub term: Term,
    /// Duties that are lent; none where the holder is away.
    pub duties: Option<Vec<Duty>>,
    /// Who said so.
    pub by: String,
    /// When, Unix milliseconds.
    pub at: i64,
}

/// Duties that may be lent, each with its word: what a leader signs for, and what keeps a counter from
/// standing still. Accounts and the log of who saw what are nobody's to lend.
pub const LENDABLE: [(Duty, &str); 5] = [
    (Duty::Decide, "decide"),
    (Duty::Direct, "direct"),
    (Duty::TurnAway, "turn_away"),
    (Duty::Money, "money"),
    (Duty::Return, "return"),
];

/// The duty that a word means, if it may be lent.
pub fn lendable(word: &str) -> Option<Duty> {
    LENDABLE.iter().find(|(_, known)| *known == word).map(|(duty, _)| *duty)
}

/// The word of a duty that may be lent.
pub fn word(duty: Duty) -> Option<&'static str> {
    LENDABLE.iter().find(|(known, _)| *known == duty).map(|(_, word)| *word)
}

/// All that are not ended, by id.
pub(super) fn steads(history: &[(String, AccountFact)]) -> Vec<Stead> {
    let ended = |(_, fact): &(String, AccountFact)| match &fact.said {
        Said::Ended { of } => Some(of.clone()),
        _ => None,
    };
    let ended: BTreeSet<String> = history.iter().filter_map(ended).collect();
    let open = history.iter().filter(|(id, _)| !ended.contains(id));
    open.filter_map(|(id, fact)| {
        let (term, duties) = match &fact.said {
            Said::Away { term } => (term, None),
            Said::Lent { term, duties } => {
                (term, Some(duties.iter().filter_map(|one| lendable(one)).collect()))
            }
            _ => return None,
        };
        let (by, at) = (fact.act.by.clone(), fact.act.at);
        Some(Stead { id: id.clone(), term: term.clone(), duties, by, at })
    })
    .collect()
}

impl Account {
    /// Whether somebody, by the id of their account, stands in for its holder at a time, Unix milliseconds.
    pub fn is_stood_for(&self, person: &str, now: i64) -> bool {
        let of = |one: &Stead| one.duties.is_none() && one.term.person == person;
        !self.closed && self.steads.iter().any(|one| of(one) && one.term.holds(now))
    }

    /// Whether its holder is away at a time, Unix milliseconds.
    pub fn is_away(&self, now: i64) -> bool {
        self.steads.iter().any(|one| one.duties.is_none() && one.term.holds(now))
    }

    /// Whether its holder lends a duty to somebody, by the id of their account, at a time, Unix
    /// milliseconds. What the holder may not do any more is not lent any more.
    pub fn lends(&self, duty: Duty, person: &str, now: i64) -> bool {
        let of = |one: &Stead| {
            let lent = one.duties.as_ref().is_some_and(|duties| duties.contains(&duty));
            lent && one.term.person == person && one.term.holds(now)
        };
        !self.closed && duty.is_of(&self.roles) && self.steads.iter().any(of)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        fact::{Act, Fact},
        people::AccountKind,
    };

    fn account(said: Vec<Said>) -> Vec<Fact> {
        let made = Said::Made { kind: AccountKind::Person, login: "a".into(), name: "A".into() };
        let roles = Said::Roles { roles: vec!["leader".into()] };
        let more = std::iter::once(roles).chain(said).collect();
        let facts = Account::make(made, more, &Act { at: 1, ..Act::default() });
        let ids = (1..).map(|n| format!("{n:02}"));
        facts.into_iter().zip(ids).map(|(draft, id)| draft.with_id(id)).collect()
    }

    fn term(from: i64, until: i64) -> Term {
        Term { from, until, person: "b".into(), name: "B".into(), why: "phép".into() }
    }

    fn read(facts: &[Fact]) -> Account {
        Account::read(facts).unwrap()
    }

    #[test]
    fn a_stand_in_stands_in_from_the_first_instant_to_the_last_and_nobody_else_does() {
        let away = read(&account(vec![Said::Away { term: term(10, 20) }]));
        let stood = |now| away.is_stood_for("b", now);
        assert!(!stood(9) && stood(10) && stood(19) && !stood(20));
        assert!(!away.is_stood_for("c", 15) && away.is_away(15) && !away.is_away(20));
        assert!(!away.lends(Duty::Direct, "b", 15), "who stands in has no duty of theirs");
    }

    #[test]
    fn what_is_lent_is_this_duty_to_this_person_and_only_while_the_lender_may_do_it() {
        let duties = vec!["direct".to_owned(), "accounts".to_owned(), "rocket".to_owned()];
        let facts = account(vec![Said::Lent { term: term(10, 20), duties }]);
        let lender = read(&facts);
        assert!(lender.lends(Duty::Direct, "b", 10) && !lender.lends(Duty::Direct, "b", 20));
        assert!(!lender.lends(Duty::Decide, "b", 15) && !lender.lends(Duty::Direct, "c", 15));
        assert!(!lender.lends(Duty::Accounts, "b", 15), "not a leader's to lend");
        assert!(!lender.is_stood_for("b", 15));
        for said in [Said::Roles { roles: vec!["admin".into()] }, Said::Closed] {
            let later = lender.say(said, Act::default()).with_id("90".into());
            let facts: Vec<Fact> = facts.iter().cloned().chain([later]).collect();
            assert!(!read(&facts).lends(Duty::Direct, "b", 15));
        }
    }

    #[test]
    fn an_ended_one_is_over_in_any_order_and_the_other_holds() {
        let (one, two) = (Said::Away { term: term(0, 50) }, Said::Away { term: term(10, 60) });
        let mut facts = account(vec![one, two, Said::Ended { of: "03".into() }]);
        for _ in 0..facts.len() {
            facts.rotate_left(1);
            let account = read(&facts);
            assert!(!account.is_stood_for("b", 5) && account.is_stood_for("b", 15));
            assert_eq!(account.steads.len(), 1);
        }
    }

    #[test]
    fn every_duty_that_may_be_lent_has_one_word() {
        for (duty, said) in LENDABLE {
            assert_eq!((lendable(said), word(duty)), (Some(duty), Some(said)));
        }
    }
}
