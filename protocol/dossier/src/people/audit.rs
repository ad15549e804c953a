//! Who saw what: facts of documents that only the own office takes part in. A document holds what one
//! machine wrote down since it began it; it never tells what stood in a dossier.

use crate::{
    action::Draft,
    fact::{Fact, Kind},
};
use serde::{Deserialize, Serialize};

/// Fields of [`Kind::Audit`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// [`Self::VIEWED`], [`Self::SCAN_SEEN`], [`Self::LOGGED_IN`], [`Self::REFUSED`], [`Self::RECOVERED`] or
    /// [`Self::FORBIDDEN`]; words of later versions are shown as they stand.
    pub what: String,
    /// Name as shown, where no account says it; empty where nobody is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Account, in hexadecimal; empty before there are accounts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Which dossier, in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dossier: String,
    /// When, Unix milliseconds by the machine's clock; the same within some minutes is not said again.
    pub at: i64,
    /// Machine, by the first digits of its id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Address of the PC in the office.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Name of the file, where what was seen is in no dossier yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
}

impl Seen {
    /// A dossier was looked at.
    pub const VIEWED: &str = "viewed";
    /// A file of the scanner's folder was looked at, which is in no dossier yet.
    pub const SCAN_SEEN: &str = "scan_seen";
    /// Somebody logged in.
    pub const LOGGED_IN: &str = "logged_in";
    /// A log-in was refused.
    pub const REFUSED: &str = "refused";
    /// A recovery code was used.
    pub const RECOVERED: &str = "recovered";
    /// A role forbade an act.
    pub const FORBIDDEN: &str = "forbidden";

    /// The fact, without an id.
    pub fn draft(&self) -> Draft {
        Draft::new(Kind::Audit, self)
    }

    /// All that facts say.
    pub fn all(facts: &[Fact]) -> impl Iterator<Item = Self> {
        facts.iter().filter(|fact| fact.kind == Kind::Audit).filter_map(Fact::read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_costs_what_it_says_and_is_read_back() {
        let line = Seen {
            what: Seen::VIEWED.into(),
            account: "a".into(),
            dossier: "d".into(),
            at: 5,
            ..Seen::default()
        };
        let fact = line.draft().with_id("X".into());
        assert_eq!(fact.json, r#"{"account":"a","at":5,"dossier":"d","what":"viewed"}"#);
        assert_eq!(Seen::all(&[fact]).next(), Some(line));
    }
}
