//! Paper hand-over lists (phiếu bàn giao): dossiers that are given together, on a sheet with a number that
//! both sides sign. A list is no thing of its own: it is what the hand-overs say that carry its number.

use super::{
    passings::{Passing, heads},
    take_pass,
};
use crate::{
    action::{Action, ActionError, Draft, FIELD_CHARACTERS, tidy},
    derive::{Derived, HandOver},
    digits::check_digit,
    fact::{Act, Fact, Forward, Kind, Pass, Taken},
};
use std::collections::BTreeSet;

/// Most dossiers of one list: a trolley, and twenty pages.
pub const LISTED: usize = 500;
/// Digits of a number; dossier codes have 16 and more, so neither is taken for the other.
const NUMBER_DIGITS: usize = 12;

/// A number from eight bytes that stand for what asked for it: eleven digits and a check digit, which a
/// scanner types whatever the keyboard does to letters.
pub fn number(of: [u8; 8]) -> String {
    let digits = format!("{:011}", u64::from_be_bytes(of) % 100_000_000_000);
    let check = check_digit(&digits);
    format!("{digits}{check}")
}

/// Whether a text is the number of a list, with its check digit.
pub fn is_number(text: &str) -> bool {
    text.len() == NUMBER_DIGITS
        && text.bytes().all(|c| c.is_ascii_digit())
        && check_digit(&text[..NUMBER_DIGITS - 1]).to_string() == text[NUMBER_DIGITS - 1..]
}

/// Numbers of the lists that a dossier was given on.
pub fn numbers(facts: &[Fact]) -> BTreeSet<String> {
    let given = facts.iter().filter(|fact| fact.json.contains("\"list\":"));
    let on = given.filter_map(|fact| match fact.kind {
        Kind::Pass => Some(fact.read::<Pass>()?.list),
        Kind::Forward => Some(fact.read::<Forward>()?.list),
        _ => None,
    });
    on.filter(|list| is_number(list)).collect()
}

/// How a dossier was given on a list, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given<'a> {
    /// Inside an office.
    Inside(&'a Passing),
    /// To another office.
    Forwarded(&'a HandOver),
}

impl Given<'_> {
    /// Who gave it, when, where.
    pub fn act(&self) -> &Act {
        match self {
            Self::Inside(passing) => &passing.given.act,
            Self::Forwarded(hand_over) => &hand_over.given.act,
        }
    }

    /// Who took it.
    pub fn taken(&self) -> Option<&Act> {
        match self {
            Self::Inside(passing) => passing.taken().map(|answer| &answer.act),
            Self::Forwarded(hand_over) => hand_over.taken.as_ref().map(|taken| &taken.act),
        }
    }
}

/// How a dossier was given on a list; the first time where it stands on it twice.
pub fn given<'a>(derived: &'a Derived, list: &str) -> Option<Given<'a>> {
    let passing = derived.passings.iter().find(|one| one.given.list == list);
    let forwarded = derived.hand_overs.iter().find(|one| one.given.list == list);
    passing.map(Given::Inside).or(forwarded.map(Given::Forwarded))
}

/// Whether a dossier of a list waits to be taken at an office.
pub fn waits(derived: &Derived, list: &str, office: &str) -> bool {
    match given(derived, list) {
        Some(Given::Inside(passing)) => {
            let heads = heads(&derived.hand_overs, &derived.passings, office);
            passing.is_open() && heads.iter().any(|one| one.id == passing.id)
        }
        Some(Given::Forwarded(one)) => one.taken.is_none() && one.given.to == office,
        None => false,
    }
}

/// Takes a dossier of a list.
///
/// # Errors
/// [`ActionError::NothingToTake`] when it is not on it, or does not wait to be taken here.
pub fn take_listed(derived: &Derived, list: &str, mut act: Act) -> Result<Action, ActionError> {
    tidy(&mut act.note, "note", FIELD_CHARACTERS, false)?;
    if !waits(derived, list, &act.office) {
        return Err(ActionError::NothingToTake);
    }
    match given(derived, list) {
        Some(Given::Forwarded(one)) => {
            let fields = Taken { forward: one.id.clone(), act };
            Ok(Action { facts: vec![Draft::new(Kind::Taken, &fields)], audience: vec![] })
        }
        _ => take_pass(derived, act),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_known_from_a_dossiers_digits_and_from_one_typed_wrong() {
        let number = number([0xff, 1, 2, 3, 4, 5, 6, 7]);
        assert!(is_number(&number), "{number}");
        assert_eq!(crate::digits::read(&number), None);
        for place in 0..NUMBER_DIGITS {
            for digit in b'0'..=b'9' {
                let mut wrong = number.clone().into_bytes();
                if std::mem::replace(&mut wrong[place], digit) != digit {
                    let wrong = String::from_utf8(wrong).expect("digits");
                    assert!(!is_number(&wrong), "{wrong}");
                }
            }
        }
        assert!(!is_number("") && !is_number("12345678901x") && !is_number("١٢٣٤٥٦"));
    }
}
