//! The accounts of the office in memory, as the state has them, and the copy beside the journal that holds
//! while the state is made again.

use motcua_core::id::{DossierId, OfficeId};
use motcua_dossier::{
    fact::{Fact, Kind},
    people::{Account, AccountKind, Role, account::AccountFact},
};
use motcua_shell::{
    engine::Engine,
    people::{self, Known},
    private,
};
use serde::{Deserialize, Serialize};
use std::{io, path::Path};
use unicode_normalization::UnicodeNormalization;

/// Accounts, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roster {
    all: Vec<Known>,
    /// Accounts of which only a hub's word is here: they exist, and nobody gets in by them yet.
    pub(super) awaited: Vec<DossierId>,
}

/// One account in the copy.
#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    facts: Vec<(String, AccountFact)>,
}

impl Roster {
    /// As the state has them.
    pub(super) fn read(
        engine: &Engine,
        office: OfficeId,
    ) -> Result<Self, motcua_core::state::StoreError> {
        let books = engine.books();
        let all = people::accounts(books, office, engine.own().log())?;
        Ok(Self { all, awaited: people::awaited(books)? })
    }

    /// From the copy; empty where there is none.
    pub(super) fn load(file: &Path) -> io::Result<Self> {
        let text = match std::fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let lines: Vec<Line> = serde_json::from_slice(&text)?;
        let one = |line: Line| {
            let id = line.id.parse().ok()?;
            let fact = |(id, fact): (String, AccountFact)| Fact::new(Kind::Account, id, &fact);
            let facts: Vec<Fact> = line.facts.into_iter().map(fact).collect();
            Some((id, Account::read(&facts)?))
        };
        Ok(Self { all: lines.into_iter().filter_map(one).collect(), awaited: Vec::new() })
    }

    /// Where nobody can say whether there are accounts: nobody is let in.
    pub(super) fn unknown() -> Self {
        Self { all: Vec::new(), awaited: vec![DossierId::ZERO] }
    }

    /// Writes the copy.
    pub(super) fn keep(&self, file: &Path) -> io::Result<()> {
        let line =
            |(id, account): &Known| Line { id: id.to_string(), facts: account.history.clone() };
        let lines: Vec<Line> = self.all.iter().map(line).collect();
        private::write(file, &serde_json::to_vec(&lines)?)
    }

    /// Whether the office has accounts; programs alone lock nobody out.
    pub(super) fn is_in_use(&self) -> bool {
        !self.awaited.is_empty() || self.persons().next().is_some()
    }

    pub(super) fn all(&self) -> &[Known] {
        &self.all
    }

    /// Those of persons.
    pub(super) fn persons(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().filter(|(_, account)| account.kind == AccountKind::Person)
    }

    pub(super) fn get(&self, id: DossierId) -> Option<&Account> {
        self.all.iter().find(|(known, _)| *known == id).map(|(_, account)| account)
    }

    /// Whose login it is: of two, made on machines that had not met, the older account's.
    pub(super) fn by_login(&self, login: &str) -> Option<&Known> {
        let login = fold(login);
        self.persons().find(|(_, account)| fold(&account.login) == login)
    }

    /// Whose token has this hash.
    pub(super) fn by_token(&self, hash: &str) -> Option<&Known> {
        self.all.iter().find(|(_, account)| {
            let is_program = account.kind == AccountKind::Program && !account.closed;
            is_program && account.secret.as_ref().is_some_and(|(_, kept)| kept == hash)
        })
    }

    /// Whether an older account has its login.
    pub(super) fn is_shadowed(&self, id: DossierId) -> bool {
        let account = self.get(id).filter(|account| account.kind == AccountKind::Person);
        account.is_some_and(|account| {
            self.by_login(&account.login).is_some_and(|(older, _)| *older != id)
        })
    }

    /// Whether it is the only open administrator: without one nobody could ever change an account again.
    pub(super) fn is_last_admin(&self, id: DossierId) -> bool {
        let is_admin = |account: &Account| !account.closed && account.roles.contains(&Role::Admin);
        let mut admins = self.persons().filter(|(_, account)| is_admin(account));
        admins.next().is_some_and(|(first, _)| *first == id) && admins.next().is_none()
    }
}

/// A text as it is kept: keyboards compose Vietnamese letters in more than one way.
pub(super) fn tidy(text: &str) -> String {
    text.trim().nfc().collect()
}

/// A login as it is compared: how its letters are composed, and their case, mean nothing.
pub(super) fn fold(login: &str) -> String {
    tidy(login).to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use motcua_dossier::{fact::Act, people::Said};

    fn account(login: &str, roles: &[&str], at: i64) -> Account {
        let act = Act { at, ..Act::default() };
        let said =
            Said::Made { kind: AccountKind::Person, login: login.into(), name: login.into() };
        let roles = Said::Roles { roles: roles.iter().map(|role| (*role).into()).collect() };
        let password = Said::Password { hash: "p".into(), given: false };
        let all = Account::make(said, vec![roles, password], &act);
        let ids = ["1", "2", "3"].map(str::to_owned);
        let facts: Vec<Fact> = all.into_iter().zip(ids).map(|(d, id)| d.with_id(id)).collect();
        Account::read(&facts).unwrap()
    }

    fn id(byte: u8) -> DossierId {
        DossierId([byte; 16])
    }

    #[test]
    fn of_two_accounts_with_one_login_the_older_has_it_and_the_other_says_so() {
        let all = vec![(id(1), account("An", &[], 1)), (id(2), account("an ", &[], 2))];
        let roster = Roster { all, awaited: vec![] };
        assert_eq!(roster.by_login("AN").unwrap().0, id(1));
        assert!(!roster.is_shadowed(id(1)) && roster.is_shadowed(id(2)));
    }

    #[test]
    fn the_last_administrator_is_known() {
        let mut all =
            vec![(id(1), account("a", &["admin"], 1)), (id(2), account("b", &["admin"], 2))];
        assert!(!Roster { all: all.clone(), awaited: vec![] }.is_last_admin(id(1)));
        all[1].1.closed = true;
        let roster = Roster { all, awaited: vec![] };
        assert!(roster.is_last_admin(id(1)) && !roster.is_last_admin(id(2)));
    }

    #[test]
    fn the_copy_holds_what_the_state_has_and_a_damaged_one_opens_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        assert_eq!(Roster::load(&file).unwrap(), Roster::default());
        let roster =
            Roster { all: vec![(id(1), account("an", &["admin", "leader"], 1))], awaited: vec![] };
        roster.keep(&file).unwrap();
        assert_eq!(Roster::load(&file).unwrap(), roster);
        std::fs::write(&file, "{").unwrap();
        assert!(Roster::load(&file).is_err());
    }

    #[test]
    fn an_office_whose_accounts_are_still_coming_is_not_open() {
        assert!(!Roster::default().is_in_use());
        assert!(Roster { all: vec![], awaited: vec![id(1)] }.is_in_use());
    }
}
