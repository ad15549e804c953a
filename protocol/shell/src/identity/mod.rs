//! Who this machine is: the folder `identity/` of its data directory.
//!
//! ```text
//! device.key   32-byte seed, hex, mode 0600      made here, never leaves
//! binding      Signed Binding                     from the hub (or provisioning, for a hub)
//! tls-chain    u32 LE length and DER, repeated    the device's certificate first
//! trust        TrustView                          replaced whenever something newer is adopted
//! issuer.key   as device.key                      hubs only
//! replaces     its presence counts                nodes in the place of another machine
//! ```
//! Every file is replaced whole (written beside, synced, renamed, folder synced), so that a power
//! cut leaves the old or the new. A missing file where others exist is an alarm, never a first
//! start: a new key would silently make the office a stranger to its own past.

mod chain;
mod files;

use chain::{read_chain, write_chain};
use files::{create_folder, read, read_key, remove_remains, write};
use motcua_core::{
    key::SecretKey,
    trust::{Binding, Signed, TrustError, TrustView},
};
use std::path::{Path, PathBuf};

/// Everything that makes this machine this machine.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The device key.
    pub device: SecretKey,
    /// The newest binding of the device key.
    pub binding: Signed,
    /// TLS certificates, DER, the device's first.
    pub tls_chain: Vec<Vec<u8>>,
    /// What is known of the city's trust.
    pub trust: TrustView,
    /// Signs bindings and certificates; hubs only.
    pub issuer: Option<SecretKey>,
}

/// Why an identity was not loaded or saved. Nothing was deleted or replaced.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no identity here at all.
    #[error(
        "{folder} holds no identity: this machine has not joined yet; join it with its join bundle"
    )]
    Absent {
        /// The identity folder.
        folder: PathBuf,
    },
    /// Some files are there and this one is not.
    #[error(
        "{file} is missing although the machine has joined: restore it from the backup, or have the machine replaced with a new join bundle; nothing was deleted"
    )]
    Missing {
        /// Which file.
        file: PathBuf,
    },
    /// The file is there and says nothing sensible.
    #[error(
        "{file} is damaged ({why}): restore it from the backup, or have the machine replaced with a new join bundle; nothing was deleted"
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Two files belong to different machines.
    #[error(
        "{file} belongs to another machine than device.key beside it: two identity folders were mixed; restore all of one"
    )]
    Mixed {
        /// The file that does not belong.
        file: PathBuf,
    },
    /// Another device key is here already.
    #[error(
        "{file} holds another key already, which is not replaced: use an empty data folder for a new machine"
    )]
    Occupied {
        /// The key file.
        file: PathBuf,
    },
    /// The file system refused.
    #[error("{file} cannot be {did}: {source}; check the disk and the owner of the folder")]
    Io {
        /// Which file.
        file: PathBuf,
        /// Read or written.
        did: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// No random bytes.
    #[error("the system gave no random bytes for a device key: {0}")]
    Random(getrandom::Error),
}

impl Identity {
    /// Reads the identity of a data directory and checks that its files belong together. A binding
    /// whose issuer has since left the root document still loads: the machine renews it.
    ///
    /// # Errors
    /// [`IdentityError`] naming the file and what to do.
    pub fn load(data_dir: &Path) -> Result<Self, IdentityError> {
        let folder = folder(data_dir);
        remove_remains(&folder);
        let present =
            ["device.key", "binding", "tls-chain", "trust"].map(|n| folder.join(n).exists());
        // A key alone is a machine that was cut while it joined: it joins again with the same key.
        if !present[1..].contains(&true) {
            return Err(IdentityError::Absent { folder });
        }
        let device = read_key(&folder.join("device.key"))?;
        let identity = Self {
            binding: read_binding(&folder.join("binding"))?,
            tls_chain: read_chain(&folder.join("tls-chain"))?,
            trust: read_trust(&folder.join("trust"))?,
            issuer: read_issuer(&folder.join("issuer.key"))?,
            device,
        };
        identity.check(&folder)?;
        Ok(identity)
    }

    /// Writes the identity into a data directory, each file whole, the device key first.
    ///
    /// # Errors
    /// [`IdentityError::Occupied`] if the folder holds another device key, [`IdentityError::Io`]
    /// naming the file that could not be written, [`IdentityError::Mixed`] if the parts do not
    /// belong together.
    pub fn save(&self, data_dir: &Path) -> Result<(), IdentityError> {
        let folder = folder(data_dir);
        self.check(&folder)?;
        create_folder(&folder)?;
        save_key(&folder.join("device.key"), &self.device)?;
        if let Some(issuer) = &self.issuer {
            save_key(&folder.join("issuer.key"), issuer)?;
        }
        write(&folder.join("trust"), &self.trust.to_bytes())?;
        write(&folder.join("binding"), &self.binding.encode())?;
        write(&folder.join("tls-chain"), &write_chain(&self.tls_chain))
    }

    /// Replaces the trust alone, after something newer was adopted.
    ///
    /// # Errors
    /// [`IdentityError::Io`] naming the file.
    pub fn save_trust(data_dir: &Path, trust: &TrustView) -> Result<(), IdentityError> {
        write(&folder(data_dir).join("trust"), &trust.to_bytes())
    }

    /// Replaces binding and certificates, after a hub renewed them for the same device key.
    ///
    /// # Errors
    /// [`IdentityError::Io`] naming the file.
    pub fn save_renewed(
        data_dir: &Path,
        binding: &Signed,
        chain: &[Vec<u8>],
    ) -> Result<(), IdentityError> {
        let folder = folder(data_dir);
        write(&folder.join("binding"), &binding.encode())?;
        write(&folder.join("tls-chain"), &write_chain(chain))
    }

    /// Notes, before a machine joins, that another was there before it: of its codes of today nobody
    /// here can know which were printed.
    ///
    /// # Errors
    /// [`IdentityError::Io`] naming the file.
    pub fn mark_replacement(data_dir: &Path) -> Result<(), IdentityError> {
        let folder = folder(data_dir);
        create_folder(&folder)?;
        write(&folder.join(REPLACES), b"another machine had these numbers before\n")
    }

    /// Whether [`Self::mark_replacement`] was noted.
    pub fn is_replacement(data_dir: &Path) -> bool {
        folder(data_dir).join(REPLACES).exists()
    }

    /// The device key of a machine that is about to join: the one on disk, or a new one that is on
    /// disk before this returns, so that a cut exchange goes on with the same key.
    ///
    /// # Errors
    /// [`IdentityError::Missing`] if the machine joined before and its key is gone; others if the
    /// disk or the random source refuses.
    pub fn device_key(data_dir: &Path) -> Result<SecretKey, IdentityError> {
        let folder = folder(data_dir);
        let file = folder.join("device.key");
        let joined =
            ["binding", "tls-chain", "trust"].iter().any(|name| folder.join(name).exists());
        if file.exists() || joined {
            return read_key(&file);
        }
        create_folder(&folder)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(IdentityError::Random)?;
        let key = SecretKey::from_seed(seed);
        save_key(&file, &key)?;
        Ok(key)
    }

    /// What the binding says; its authority is the view's question.
    ///
    /// # Errors
    /// [`TrustError`] if the binding is damaged.
    pub fn bound(&self) -> Result<Binding, TrustError> {
        self.binding.open()
    }

    fn check(&self, folder: &Path) -> Result<(), IdentityError> {
        let file = |name: &str| folder.join(name);
        let bound = self.bound().map_err(|error| damaged(&file("binding"), &error))?;
        if bound.key != self.device.public() {
            return Err(IdentityError::Mixed { file: file("binding") });
        }
        if bound.domain != self.trust.domain() {
            return Err(IdentityError::Mixed { file: file("trust") });
        }
        let certified =
            self.tls_chain.first().and_then(|der| crate::certificate::device_key_of(der));
        if certified != Some(self.device.public()) {
            return Err(IdentityError::Mixed { file: file("tls-chain") });
        }
        Ok(())
    }
}

/// Writes a key file (32-byte seed, hex, mode 0600); the same key again does nothing.
///
/// # Errors
/// [`IdentityError::Occupied`] if another key is there, [`IdentityError::Io`] if the disk refuses.
pub fn save_key(file: &Path, key: &SecretKey) -> Result<(), IdentityError> {
    if !file.exists() {
        return files::write_key(file, key);
    }
    let same = read_key(file)?.public() == key.public();
    if same { Ok(()) } else { Err(IdentityError::Occupied { file: file.to_owned() }) }
}

/// Reads a key file.
///
/// # Errors
/// [`IdentityError`] naming the file.
pub fn load_key(file: &Path) -> Result<SecretKey, IdentityError> {
    read_key(file)
}

/// Replaces a file whole: written beside it, synced, renamed, its folder synced.
///
/// # Errors
/// [`IdentityError::Io`] naming the file.
pub fn replace_file(file: &Path, bytes: &[u8]) -> Result<(), IdentityError> {
    write(file, bytes)
}

const REPLACES: &str = "replaces";

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("identity")
}

fn read_binding(file: &Path) -> Result<Signed, IdentityError> {
    Signed::decode::<Binding>(&read(file)?).map_err(|error| damaged(file, &error))
}

fn read_trust(file: &Path) -> Result<TrustView, IdentityError> {
    TrustView::from_bytes(&read(file)?).map_err(|error| damaged(file, &error))
}

fn read_issuer(file: &Path) -> Result<Option<SecretKey>, IdentityError> {
    if file.exists() { read_key(file).map(Some) } else { Ok(None) }
}

fn damaged(file: &Path, why: &dyn std::fmt::Display) -> IdentityError {
    IdentityError::Damaged { file: file.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests;
