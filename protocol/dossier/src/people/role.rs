//! Roles of people within an office. An account has any number of them: in a small ward one person receives,
//! decides and returns.

use std::{collections::BTreeSet, fmt};

/// What somebody is in an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Receives papers, hands results over: the one-stop shop's counter.
    Reception,
    /// Works on dossiers.
    Specialist,
    /// Decides and signs: the head of the office and deputies.
    Leader,
    /// Takes money.
    Treasurer,
    /// Looks after accounts, tokens and the machine.
    Admin,
}

/// Roles of one account.
pub type Roles = BTreeSet<Role>;

impl Role {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 5] =
        [Self::Reception, Self::Specialist, Self::Leader, Self::Treasurer, Self::Admin];

    /// The word in facts and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::Specialist => "specialist",
            Self::Leader => "leader",
            Self::Treasurer => "treasurer",
            Self::Admin => "admin",
        }
    }

    /// From its word; `None` for roles of later versions, which allow nothing here.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Reception => "tiếp nhận và trả kết quả",
            Self::Specialist => "chuyên viên",
            Self::Leader => "lãnh đạo",
            Self::Treasurer => "thủ quỹ",
            Self::Admin => "quản trị",
        }
    }

    /// In English.
    pub fn en(self) -> &'static str {
        match self {
            Self::Reception => "reception",
            Self::Specialist => "specialist",
            Self::Leader => "leader",
            Self::Treasurer => "treasurer",
            Self::Admin => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_unknown_ones_are_no_role() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("auditor"), None);
    }
}
