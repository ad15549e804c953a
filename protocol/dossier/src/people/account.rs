//! An account of an office, as facts: nothing is overwritten, what stands follows from them by a rule that
//! needs no order of arrival and no clock. Each fact that replaces something names what its writer had seen
//! (`after`); what nobody has replaced is in force. Where two machines changed one account without seeing
//! each other, the narrower stands: closed before open, the roles that both grant.

use super::{
    role::{Role, Roles},
    stead::{Stead, Term, steads},
};
use crate::{
    action::Draft,
    fact::{Act, Fact, Kind},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Somebody who logs in.
    Person,
    /// Software that bears a token.
    Program,
}

/// What a fact says of an account; the registry of its `what`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Said {
    /// It exists.
    Made {
        /// Whose.
        kind: AccountKind,
        /// What is typed to log in; empty for programs.
        login: String,
        /// The name that stands beside what was done; it never changes, since history keeps it.
        name: String,
    },
    /// From here on these roles.
    Roles {
        /// Words of [`Role`].
        roles: Vec<String>,
    },
    /// From here on this password.
    Password {
        /// PHC string of Argon2id.
        hash: String,
        /// Somebody else has seen it: it is to be changed at the first log-in.
        #[serde(default)]
        given: bool,
    },
    /// From here on this token.
    Token {
        /// BLAKE3 of it, in hexadecimal digits.
        hash: String,
    },
    /// From here on these recovery codes, and none from before.
    Codes {
        /// Keyed hashes, in hexadecimal digits.
        hashes: Vec<String>,
    },
    /// A recovery code was used.
    Used {
        /// Its hash.
        code: String,
    },
    /// Nobody logs in with it any more.
    Closed,
    /// It is open again.
    Opened,
    /// Its holder is not there.
    Away {
        /// When, and who stands in.
        #[serde(flatten)]
        term: Term,
    },
    /// Its holder lends duties.
    Lent {
        /// When, and to whom.
        #[serde(flatten)]
        term: Term,
        /// Words of [`super::stead::lendable`].
        duties: Vec<String>,
    },
    /// One of the two is over before its time.
    Ended {
        /// Id of its fact.
        of: String,
    },
}

/// Fields of [`Kind::Account`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFact {
    /// What.
    #[serde(flatten)]
    pub said: Said,
    /// Ids of facts of the same sort that it replaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Who, when, where.
    #[serde(flatten)]
    pub act: Act,
}

/// Sorts of facts of which a later one replaces an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Made,
    Roles,
    Secret,
    Codes,
    Used,
    Door,
    Stead,
}

impl Said {
    fn sort(&self) -> Sort {
        match self {
            Self::Made { .. } => Sort::Made,
            Self::Roles { .. } => Sort::Roles,
            Self::Password { .. } | Self::Token { .. } => Sort::Secret,
            Self::Codes { .. } => Sort::Codes,
            Self::Used { .. } => Sort::Used,
            Self::Closed | Self::Opened => Sort::Door,
            Self::Away { .. } | Self::Lent { .. } | Self::Ended { .. } => Sort::Stead,
        }
    }

    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Made { .. } => "made",
            Self::Roles { .. } => "roles",
            Self::Password { .. } => "password",
            Self::Token { .. } => "token",
            Self::Codes { .. } => "codes",
            Self::Used { .. } => "used",
            Self::Closed => "closed",
            Self::Opened => "opened",
            Self::Away { .. } => "away",
            Self::Lent { .. } => "lent",
            Self::Ended { .. } => "ended",
        }
    }
}

/// An account as its facts have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub kind: AccountKind,
    /// What is typed to log in.
    pub login: String,
    /// The name beside what was done.
    pub name: String,
    /// Roles in force.
    pub roles: Roles,
    /// Whether it is closed.
    pub closed: bool,
    /// The secret in force: id of its fact, and its hash.
    pub secret: Option<(String, String)>,
    /// Whether the password is to be changed because somebody else has seen it.
    pub given: bool,
    /// Recovery codes that are left.
    pub codes: BTreeSet<String>,
    /// Who takes its holder's stead, and when; those that are over before their time are left out.
    pub steads: Vec<Stead>,
    /// What happened to it, oldest first, with the ids of facts.
    pub history: Vec<(String, AccountFact)>,
}

impl Account {
    /// From its facts, in any order; `None` where they make no account.
    pub fn read(facts: &[Fact]) -> Option<Self> {
        let mut history: Vec<(String, AccountFact)> = facts
            .iter()
            .filter(|fact| fact.kind == Kind::Account)
            .filter_map(|fact| Some((fact.id.clone(), fact.read()?)))
            .collect();
        history.sort_by(|one, other| one.0.cmp(&other.0));
        let of = |sort| in_force(&history, sort);
        let Said::Made { kind, login, name } = &history.iter().find_map(made)?.said else {
            return None;
        };
        let (kind, login, name) = (*kind, login.clone(), name.clone());
        let granted = of(Sort::Roles).filter_map(|(_, fact)| match &fact.said {
            Said::Roles { roles } => {
                Some(roles.iter().filter_map(|word| Role::from_word(word)).collect::<Roles>())
            }
            _ => None,
        });
        let roles = granted.reduce(|one, other| &one & &other).unwrap_or_default();
        let closed = of(Sort::Door).any(|(_, fact)| fact.said == Said::Closed);
        // Of two that were set apart the later id; the other one is out, and its holder is given a new one.
        let newest = of(Sort::Secret).last();
        let (secret, given) = match newest.map(|(id, fact)| (id, &fact.said)) {
            Some((id, Said::Password { hash, given })) => {
                (Some((id.clone(), hash.clone())), *given)
            }
            Some((id, Said::Token { hash })) => (Some((id.clone(), hash.clone())), false),
            _ => (None, false),
        };
        let mut codes = BTreeSet::new();
        for (_, fact) in of(Sort::Codes) {
            if let Said::Codes { hashes } = &fact.said {
                codes.extend(hashes.iter().cloned());
            }
        }
        for (_, fact) in &history {
            if let Said::Used { code } = &fact.said {
                codes.remove(code);
            }
        }
        let steads = steads(&history);
        Some(Self { kind, login, name, roles, closed, secret, given, codes, steads, history })
    }

    /// The fact that says so now, replacing what is in force.
    pub fn say(&self, said: Said, act: Act) -> Draft {
        let sort = said.sort();
        let after = match sort {
            Sort::Made | Sort::Used | Sort::Stead => Vec::new(),
            sort => in_force(&self.history, sort).map(|(id, _)| id.clone()).collect(),
        };
        draft(said, after, act)
    }

    /// The facts of a new account.
    pub fn make(first: Said, more: Vec<Said>, act: &Act) -> Vec<Draft> {
        let all = std::iter::once(first).chain(more);
        all.map(|said| draft(said, Vec::new(), act.clone())).collect()
    }

    /// When it was made, Unix milliseconds.
    pub fn made_at(&self) -> i64 {
        self.history.iter().find_map(made).map(|fact| fact.act.at).unwrap_or_default()
    }
}

fn made((_, fact): &(String, AccountFact)) -> Option<&AccountFact> {
    (fact.said.sort() == Sort::Made).then_some(fact)
}

fn draft(said: Said, after: Vec<String>, act: Act) -> Draft {
    Draft::new(Kind::Account, &AccountFact { said, after, act })
}

/// Facts of a sort that no other one replaces, by id.
fn in_force(
    history: &[(String, AccountFact)],
    sort: Sort,
) -> impl Iterator<Item = &(String, AccountFact)> {
    let of_sort = move |one: &&(String, AccountFact)| one.1.said.sort() == sort;
    let replaced: BTreeSet<&String> =
        history.iter().filter(of_sort).flat_map(|(_, fact)| &fact.after).collect();
    history.iter().filter(of_sort).filter(move |(id, _)| !replaced.contains(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn act(at: i64) -> Act {
        Act { at, by: "Trưởng phòng Mẫu".into(), office: "o".into(), ..Act::default() }
    }

    /// Facts get their ids where they are written.
    fn write(facts: &mut Vec<Fact>, id: &str, draft: Draft) {
        facts.push(draft.with_id(id.into()));
    }

    fn roles(words: &[&str]) -> Said {
        Said::Roles { roles: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    fn password(hash: &str, given: bool) -> Said {
        Said::Password { hash: hash.into(), given }
    }

    fn made() -> Vec<Fact> {
        let first = Said::Made {
            kind: AccountKind::Person,
            login: "mau".into(),
            name: "Nguyễn Thị Mẫu".into(),
        };
        let all = Account::make(first, vec![roles(&["reception"]), password("p", true)], &act(1));
        let ids = ["01", "02", "03"].map(str::to_owned);
        all.into_iter().zip(ids).map(|(draft, id)| draft.with_id(id)).collect()
    }

    #[test]
    fn a_new_account_has_what_it_was_made_with() {
        let account = Account::read(&made()).unwrap();
        assert_eq!((account.login.as_str(), account.name.as_str()), ("mau", "Nguyễn Thị Mẫu"));
        assert_eq!(account.roles, Roles::from([Role::Reception]));
        assert_eq!(account.secret, Some(("03".into(), "p".into())));
        assert!(account.given && !account.closed && account.made_at() == 1);
        assert_eq!(Account::read(&made()[1..]), None, "nothing says that it exists");
    }

    #[test]
    fn what_is_said_later_stands_although_its_clock_is_behind() {
        let mut facts = made();
        let before = Account::read(&facts).unwrap();
        // Written by a clock that was ahead.
        write(&mut facts, "99", before.say(roles(&["admin"]), act(99)));
        let ahead = Account::read(&facts).unwrap();
        assert_eq!(ahead.roles, Roles::from([Role::Admin]));
        // Put right by a clock that is right.
        write(&mut facts, "04", ahead.say(roles(&["specialist"]), act(4)));
        assert_eq!(Account::read(&facts).unwrap().roles, Roles::from([Role::Specialist]));
    }

    #[test]
    fn two_machines_that_did_not_meet_leave_the_narrower() {
        let mut facts = made();
        let seen = Account::read(&facts).unwrap();
        write(&mut facts, "05", seen.say(roles(&["reception", "leader"]), act(5)));
        write(&mut facts, "06", seen.say(roles(&["reception", "admin"]), act(6)));
        write(&mut facts, "07", seen.say(Said::Closed, act(7)));
        write(&mut facts, "08", seen.say(Said::Opened, act(8)));
        write(&mut facts, "09", seen.say(password("a", false), act(9)));
        write(&mut facts, "10", seen.say(password("b", false), act(10)));
        let met = Account::read(&facts).unwrap();
        assert_eq!(met.roles, Roles::from([Role::Reception]));
        assert!(met.closed);
        assert_eq!(met.secret, Some(("10".into(), "b".into())));
        // Whoever has seen both settles it.
        write(&mut facts, "11", met.say(Said::Opened, act(11)));
        write(&mut facts, "12", met.say(roles(&["leader"]), act(12)));
        let settled = Account::read(&facts).unwrap();
        assert!(!settled.closed);
        assert_eq!(settled.roles, Roles::from([Role::Leader]));
    }

    #[test]
    fn a_recovery_code_is_gone_once_used_and_new_codes_take_the_place_of_old_ones() {
        let codes =
            |all: &[&str]| Said::Codes { hashes: all.iter().map(|c| (*c).into()).collect() };
        let mut facts = made();
        let account = Account::read(&facts).unwrap();
        write(&mut facts, "04", account.say(codes(&["a", "b"]), act(4)));
        let account = Account::read(&facts).unwrap();
        write(&mut facts, "05", account.say(Said::Used { code: "a".into() }, act(5)));
        let account = Account::read(&facts).unwrap();
        assert_eq!(account.codes, BTreeSet::from(["b".to_owned()]));
        write(&mut facts, "06", account.say(codes(&["c"]), act(6)));
        let account = Account::read(&facts).unwrap();
        assert_eq!(account.codes, BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn what_a_later_version_says_is_passed_over() {
        let mut facts = made();
        let json = r#"{"what":"fingerprint","at":1,"by":"","office":"o"}"#.to_owned();
        facts.push(Fact { id: "04".into(), kind: Kind::Account, json });
        assert_eq!(Account::read(&facts), Account::read(&made()));
    }

    proptest! {
        #[test]
        fn the_order_of_facts_means_nothing(order in Just((0usize..9).collect::<Vec<_>>()).prop_shuffle()) {
            let mut facts = made();
            let seen = Account::read(&facts).unwrap();
            for (id, said) in [
                ("04", roles(&["leader"])), ("05", Said::Closed), ("06", Said::Opened),
                ("07", password("x", false)),
                ("08", Said::Codes { hashes: vec!["a".into(), "b".into()] }),
                ("09", Said::Used { code: "a".into() }),
            ] {
                write(&mut facts, id, seen.say(said, act(5)));
            }
            let shuffled: Vec<Fact> = order.iter().map(|at| facts[*at].clone()).collect();
            prop_assert_eq!(Account::read(&shuffled), Account::read(&facts));
        }
    }
}
