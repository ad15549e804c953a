//! What only somebody at the machine can read: the set-up code of the first account, and the token that the
//! command line of this machine bears. Both stand in `people/` of the data folder.

use super::limits;
use motcua_shell::{
    password::{self, PasswordError},
    private,
};
use std::{
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

/// Where the token of the command line stands, in the data folder.
pub const TOKEN_FILE: &str = "people/token";
const CODE_FILE: &str = "people/setup";

/// Why a file of the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file system refused.
    #[error("{file} cannot be {did}: {source}; run this as the node's user or as root")]
    Io {
        /// Which file.
        file: PathBuf,
        /// Read or written.
        did: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No secret could be made.
    #[error(transparent)]
    Secret(#[from] PasswordError),
}

/// The folder, made if it is not there.
pub(super) fn folder(data: &Path) -> Result<PathBuf, SetupError> {
    let folder = data.join("people");
    let failed = |source| SetupError::Io { file: folder.clone(), did: "made", source };
    private::create_folder(&folder).map_err(failed)?;
    give(&folder, data).map_err(failed)?;
    Ok(folder)
}

/// Makes a set-up code; the one before is void. It is nowhere but in what is returned.
///
/// # Errors
/// [`SetupError`]; the one before stands then.
pub fn new_code(data: &Path) -> Result<String, SetupError> {
    folder(data)?;
    let code = password::digits(limits::CODE_GROUPS)?;
    let file = data.join(CODE_FILE);
    private::write(&file, hash_of(&code).as_bytes())
        .and_then(|()| give(&file, data))
        .map_err(|source| SetupError::Io { file, did: "written", source })?;
    Ok((*code).clone())
}

/// Uses a set-up code up, if it is the one.
pub(super) fn use_code(data: &Path, typed: &str) -> Result<bool, SetupError> {
    let file = data.join(CODE_FILE);
    let failed = |did| {
        let file = file.clone();
        move |source| SetupError::Io { file, did, source }
    };
    let kept = match fs::read_to_string(&file) {
        Ok(kept) => kept,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("read")(error)),
    };
    if kept.trim().is_empty() || kept.trim() != hash_of(typed) {
        return Ok(false);
    }
    fs::remove_file(&file).map_err(failed("removed"))?;
    Ok(true)
}

/// The hash of this machine's own token, which is made at the first start.
pub(super) fn machine_token(data: &Path) -> Result<String, SetupError> {
    folder(data)?;
    let file = data.join(TOKEN_FILE);
    let failed = |did, source| SetupError::Io { file: file.clone(), did, source };
    let text = match fs::read_to_string(&file) {
        Ok(text) if text.trim().len() == 64 => text.trim().to_owned(),
        // A damaged one opens nothing, and is made anew.
        Ok(_) => make(&file).map_err(|source| failed("written", source))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(&file).map_err(|source| failed("written", source))?
        }
        Err(source) => return Err(failed("read", source)),
    };
    Ok(token_hash(&text))
}

fn make(file: &Path) -> io::Result<String> {
    let text = password::secret().map_err(io::Error::other)?;
    private::write(file, format!("{}\n", *text).as_bytes())?;
    Ok((*text).clone())
}

/// What a token is compared by, in hexadecimal digits.
pub(super) fn token_hash(token: &str) -> String {
    hex(blake3::derive_key("motcua 2026-11 token", token.trim().as_bytes()))
}

fn hash_of(code: &str) -> String {
    hex(blake3::derive_key("motcua 2026-11 set-up code", password::tidy(code).as_bytes()))
}

fn hex(bytes: [u8; 32]) -> String {
    blake3::Hash::from(bytes).to_hex().to_string()
}

/// Root writes for the node's own user, who must read it.
fn give(file: &Path, data: &Path) -> io::Result<()> {
    let owner = fs::metadata(data)?;
    if fs::metadata(file)?.uid() != owner.uid() {
        chown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_set_up_code_is_used_once_and_a_newer_one_takes_its_place() {
        let data = tempfile::tempdir().unwrap();
        assert!(!use_code(data.path(), "").unwrap(), "there is none");
        let old = new_code(data.path()).unwrap();
        let code = new_code(data.path()).unwrap();
        let kept = fs::read_to_string(data.path().join(CODE_FILE)).unwrap();
        assert!(!kept.contains(&*password::tidy(&code)));
        for wrong in [old.as_str(), "", "0000-0000-0000-0000-0000"] {
            assert!(!use_code(data.path(), wrong).unwrap(), "{wrong}");
        }
        assert!(use_code(data.path(), &code.replace('-', " ")).unwrap());
        assert!(!use_code(data.path(), &code).unwrap(), "it is used up");
    }

    #[test]
    fn the_machine_s_token_is_private_and_stays() {
        let data = tempfile::tempdir().unwrap();
        let hash = machine_token(data.path()).unwrap();
        let file = data.path().join(TOKEN_FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!((token_hash(&text), machine_token(data.path()).unwrap()), (hash.clone(), hash));
        fs::write(&file, "").unwrap();
        assert_ne!(machine_token(data.path()).unwrap(), token_hash(""));
    }
}
