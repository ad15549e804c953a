//! The city folder: what lies where. Secrets stand in `secret/` (mode 0700) and in each hub's
//! identity; everything else may be shown to anybody.
//!
//! ```text
//! trust               TrustView: root chain, catalogue, denial list
//! offices.csv         code, organisation code, id, name, tier, parent: for people
//! secret/root-1.key   root keys: take them off this machine, each to its own safe
//! secret/registrar.key, secret/denial.key
//! page-root.pem       root that PCs trust for the offices' pages; secret/page-root.key signs for it
//! pages.jsonl         certificates of pages that were issued
//! hubs/CODE/          hub.toml and identity/: copy it to the hub, then delete it here
//! tokens/ID.json      what bundles were made, without their secret
//! denials.jsonl       who was banned, suspended, let back in, when and why
//! ```

use crate::outcome::{Exit, Failure};
use motcua_core::{key::SecretKey, trust::TrustView};
use motcua_shell::identity::{IdentityError, load_key};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A city folder that was made before.
#[derive(Debug)]
pub struct City {
    /// The folder.
    pub dir: PathBuf,
    /// What it says.
    pub trust: TrustView,
}

impl City {
    /// Opens a city folder.
    ///
    /// # Errors
    /// [`Failure`] if it is not one or is damaged.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let file = dir.join("trust");
        let bytes = fs::read(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let message =
                    format!("{} is not a city folder: it has no file trust", dir.display());
                Failure::usage(message)
            }
            _ => Failure::failed(format!("{} cannot be read: {error}", file.display())),
        })?;
        let trust = TrustView::from_bytes(&bytes).map_err(|error| {
            Failure::failed(format!("{} is damaged: {error}; restore it", file.display()))
        })?;
        Ok(Self { dir: dir.to_owned(), trust })
    }

    /// The registrar's key.
    ///
    /// # Errors
    /// [`Failure`] if it is not in the folder or is another's.
    pub fn registrar(&self) -> Result<SecretKey, Failure> {
        let file = self.dir.join("secret/registrar.key");
        let key = load_key(&file).map_err(|error| match error {
            IdentityError::Missing { file } => Failure::new(
                Exit::Refused,
                format!(
                    "{} is not here: only the registrar makes tokens; work where its key is",
                    file.display()
                ),
            ),
            other => Failure::failed(other),
        })?;
        if self.trust.root().registrars.contains(&key.public()) {
            return Ok(key);
        }
        let message = format!("{} is not a registrar of this city", file.display());
        Err(Failure::new(Exit::Refused, message))
    }

    /// The online key that signs denial lists.
    ///
    /// # Errors
    /// [`Failure`] if it is not in the folder or is another's.
    pub fn denial_key(&self) -> Result<SecretKey, Failure> {
        let file = self.dir.join("secret/denial.key");
        let key = load_key(&file).map_err(|error| match error {
            IdentityError::Missing { file } => {
                let message =
                    format!("{} is not here: only it signs bans; work where it is", file.display());
                Failure::new(Exit::Refused, message)
            }
            other => Failure::failed(other),
        })?;
        if self.trust.root().denial_key == key.public() {
            return Ok(key);
        }
        let message = format!("{} is not the denial key of this city", file.display());
        Err(Failure::new(Exit::Refused, message))
    }

    /// Where records of tokens stand.
    pub fn tokens(&self) -> PathBuf {
        self.dir.join("tokens")
    }
}
