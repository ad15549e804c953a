//! Tokens for programs: made at the first start, in files that only the hub's user may read.
//! `console/token` may do what an operator may, `console/read-token` reads figures.

use anyhow::{Context, ensure};
use motcua_shell::{password, private, program::TOKEN_FILE};
use std::{fs, io, path::Path};

/// What both are compared with: hashes, which compare in constant time.
#[derive(Debug)]
pub(super) struct Tokens {
    full: blake3::Hash,
    read: blake3::Hash,
}

/// What a token lets its bearer do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    Full,
    Read,
}

impl Tokens {
    /// Reads the tokens, and makes those that are missing.
    pub(super) fn of(data: &Path) -> anyhow::Result<Self> {
        private::create_folder(&super::folder(data))
            .with_context(|| format!("{} cannot be made", super::folder(data).display()))?;
        Ok(Self {
            full: token(&data.join(TOKEN_FILE))?,
            read: token(&super::folder(data).join("read-token"))?,
        })
    }

    pub(super) fn bearer(&self, token: &str) -> Option<Bearer> {
        let given = blake3::hash(token.as_bytes());
        match (given == self.full, given == self.read) {
            (true, _) => Some(Bearer::Full),
            (false, true) => Some(Bearer::Read),
            (false, false) => None,
        }
    }
}

fn token(file: &Path) -> anyhow::Result<blake3::Hash> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text.trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = password::secret()?.to_string();
            private::write(file, format!("{text}\n").as_bytes())
                .with_context(|| format!("{} cannot be written", file.display()))?;
            text
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", file.display()));
        }
    };
    // An empty file would let in whoever sends an empty token.
    ensure!(
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{} is damaged: remove it, and the next start makes a new token",
        file.display()
    );
    Ok(blake3::hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn tokens_are_made_once_are_private_and_open_what_they_are_for() {
        let data = tempfile::tempdir().unwrap();
        let first = Tokens::of(data.path()).unwrap();
        let again = Tokens::of(data.path()).unwrap();
        for (name, bearer) in [("token", Bearer::Full), ("read-token", Bearer::Read)] {
            let file = data.path().join("console").join(name);
            let text = fs::read_to_string(&file).unwrap();
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(first.bearer(text.trim()).as_ref(), Some(&bearer));
            assert_eq!(again.bearer(text.trim()), Some(bearer));
        }
        assert_eq!(first.bearer(""), None);
        assert_eq!(first.bearer(&password::secret().unwrap()), None);
    }

    #[test]
    fn an_empty_token_file_lets_nobody_in_and_is_named() {
        let data = tempfile::tempdir().unwrap();
        Tokens::of(data.path()).unwrap();
        fs::write(data.path().join("console/token"), "").unwrap();
        let words = Tokens::of(data.path()).unwrap_err().to_string();
        assert!(words.contains("console/token") && words.contains("remove it"), "{words}");
    }
}
