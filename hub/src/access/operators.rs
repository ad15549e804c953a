//! Who may log in: `console/operators` in the data folder, a line an operator, the Argon2id hash of
//! the password before the name. The command line writes it and the running hub reads it at every
//! request of a session, so that whoever was removed is out at once.

use crate::limits;
use motcua_shell::{
    password::{self, Cost, PasswordError},
    private,
};
use std::{
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// What a guess costs.
const COST: Cost = Cost { kib: limits::HASH_KIB, passes: limits::HASH_PASSES };

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Name, as decisions show it.
    pub name: String,
    pub(super) hash: String,
}

/// Why the list of operators cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OperatorsError {
    /// The file system refused.
    #[error("{file} cannot be {did}: {source}; run this as the hub's user or as root")]
    Io {
        /// Which file.
        file: PathBuf,
        /// Read or written.
        did: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A line is none of ours.
    #[error(
        "{file} is damaged in line {line}: remove the line and add its operator again with `motcua-hub operator add`"
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The name cannot stand in the list.
    #[error("an operator's name has 1 to {} characters on one line", limits::NAME)]
    Name,
    /// Nobody of that name.
    #[error("there is no operator {0:?}; `motcua-hub operator list` names them")]
    Unknown(String),
    /// Too many.
    #[error("this hub has {} operators already; remove one first", limits::OPERATORS)]
    Full,
    /// No hash or no password could be made.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// The list in a data folder.
#[derive(Debug, Clone)]
pub struct Operators {
    data: PathBuf,
    file: PathBuf,
}

impl Operators {
    /// Of the hub with this data folder.
    pub fn of(data: &Path) -> Self {
        Self { data: data.to_owned(), file: super::folder(data).join("operators") }
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// [`OperatorsError`] naming the file.
    pub fn list(&self) -> Result<Vec<Operator>, OperatorsError> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.failed("read", source)),
        };
        let line = |(number, line): (usize, &str)| match line.split_once(' ') {
            Some((hash, name)) if password::is_hash(hash) => {
                Ok(Operator { name: name.to_owned(), hash: hash.to_owned() })
            }
            _ => Err(OperatorsError::Damaged { file: self.file.clone(), line: number + 1 }),
        };
        text.lines().enumerate().map(line).collect()
    }

    /// Lets somebody in, or gives them a new password, which ends their sessions. The password is
    /// returned here and is nowhere else.
    ///
    /// # Errors
    /// [`OperatorsError`]; nothing was changed.
    pub fn add(&self, name: &str) -> Result<Zeroizing<String>, OperatorsError> {
        let name = tidy(name).ok_or(OperatorsError::Name)?;
        let mut all = self.list()?;
        all.retain(|known| known.name != name);
        if all.len() >= limits::OPERATORS {
            return Err(OperatorsError::Full);
        }
        let password = password::digits(limits::PASSWORD_GROUPS)?;
        all.push(Operator { name, hash: password::hash(&password, COST)? });
        self.write(all)?;
        Ok(password)
    }

    /// Lets somebody in no more; open sessions end.
    ///
    /// # Errors
    /// [`OperatorsError`]; nothing was changed.
    pub fn remove(&self, name: &str) -> Result<(), OperatorsError> {
        let name = tidy(name).ok_or(OperatorsError::Name)?;
        let mut all = self.list()?;
        let before = all.len();
        all.retain(|known| known.name != name);
        if all.len() == before {
            return Err(OperatorsError::Unknown(name));
        }
        self.write(all)
    }

    /// Whoever has this name and password. An unknown name takes as long as a wrong password.
    ///
    /// # Errors
    /// [`OperatorsError`] where nobody can be let in.
    pub fn log_in(&self, name: &str, password: &str) -> Result<Option<Operator>, OperatorsError> {
        let (all, name) = (self.list()?, tidy(name));
        let Some(known) = all.into_iter().find(|known| Some(&known.name) == name.as_ref()) else {
            password::hash(password, COST)?;
            return Ok(None);
        };
        Ok(password::verify(password, &known.hash)?.then_some(known))
    }

    fn write(&self, mut all: Vec<Operator>) -> Result<(), OperatorsError> {
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let lines: String = all.iter().map(|one| format!("{} {}\n", one.hash, one.name)).collect();
        let folder = super::folder(&self.data);
        private::create_folder(&folder)
            .and_then(|()| private::write(&self.file, lines.as_bytes()))
            .and_then(|()| self.give_to_owner(&folder))
            .map_err(|source| self.failed("written", source))
    }

    /// Root writes for the hub's own user, who must read it.
    fn give_to_owner(&self, folder: &Path) -> io::Result<()> {
        let owner = fs::metadata(&self.data)?;
        for path in [folder, &self.file] {
            if fs::metadata(path)?.uid() != owner.uid() {
                chown(path, Some(owner.uid()), Some(owner.gid()))?;
            }
        }
        Ok(())
    }

    fn failed(&self, did: &'static str, source: io::Error) -> OperatorsError {
        OperatorsError::Io { file: self.file.clone(), did, source }
    }
}

/// A name as it is kept: keyboards compose Vietnamese letters in more than one way.
fn tidy(name: &str) -> Option<String> {
    let name: String = name.trim().nfc().collect();
    let fits = (1..=limits::NAME).contains(&name.chars().count());
    (fits && !name.chars().any(char::is_control)).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_operator_gets_in_with_the_password_that_was_shown_and_with_no_other() {
        let data = tempfile::tempdir().unwrap();
        let operators = Operators::of(data.path());
        // Decomposed, as some keyboards type it.
        let shown = operators.add(" Nguye\u{302}\u{303}n Thị Mẫu ").unwrap();
        assert_eq!(shown.len(), 24);
        let (name, typed) = ("Nguyễn Thị Mẫu", shown.replace('-', " "));
        assert_eq!(operators.log_in(name, &typed).unwrap().unwrap().name, name);
        for (name, password) in [(name, "0000-0000"), (name, ""), ("Trần Văn Mẫu", &*shown)] {
            assert_eq!(operators.log_in(name, password).unwrap(), None, "{name} {password}");
        }
        let kept = fs::read_to_string(&operators.file).unwrap();
        assert!(
            kept.starts_with("$argon2id$") && !kept.contains(&*password::tidy(&shown)),
            "{kept}"
        );
        let mode = fs::metadata(&operators.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_new_password_takes_the_place_of_the_old_and_whoever_is_removed_is_out() {
        let data = tempfile::tempdir().unwrap();
        let operators = Operators::of(data.path());
        let old = operators.add("A").unwrap();
        let new = operators.add("A").unwrap();
        assert_eq!(operators.log_in("A", &old).unwrap(), None);
        assert!(operators.log_in("A", &new).unwrap().is_some());
        assert!(matches!(operators.remove("B"), Err(OperatorsError::Unknown(_))));
        operators.remove("A").unwrap();
        assert_eq!(operators.list().unwrap(), []);
    }

    #[test]
    fn a_damaged_line_is_named_and_bad_names_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let operators = Operators::of(data.path());
        for name in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(matches!(operators.add(name), Err(OperatorsError::Name)), "{name:?}");
        }
        operators.add("A").unwrap();
        let good = fs::read_to_string(&operators.file).unwrap();
        fs::write(&operators.file, format!("{good}plain A\n")).unwrap();
        let error = operators.list().unwrap_err();
        assert!(matches!(error, OperatorsError::Damaged { line: 2, .. }), "{error}");
    }
}
