//! What an operator writes: `hub.toml` and `node.toml`. A key that is not known is an error, because
//! a misspelt one would silently do nothing.

use serde::{Deserialize, de::DeserializeOwned};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// `hub.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSettings {
    /// Holds `identity/` and everything the hub stores; relative to the file.
    pub data_dir: PathBuf,
    /// UDP address of the QUIC endpoint.
    pub listen: SocketAddr,
    /// UDP address of the recovery ALPN; without it no machine can enrol or come back here.
    #[serde(default)]
    pub recovery_listen: Option<SocketAddr>,
    /// TCP address of console, metrics and public look-up.
    pub http_listen: SocketAddr,
    /// Filter of log lines, such as `info` or `motcua_hub=debug`.
    #[serde(default = "info")]
    pub log: String,
}

/// `node.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// Holds `identity/` and everything the node stores; relative to the file.
    pub data_dir: PathBuf,
    /// TCP address of the office's page and API.
    pub http_listen: SocketAddr,
    /// Filter of log lines, such as `info` or `motcua_node=debug`.
    #[serde(default = "info")]
    pub log: String,
}

fn info() -> String {
    "info".to_owned()
}

/// Why settings were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings {file} cannot be read: {source}; give the path of the file")]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that is not understood; the source names line and key.
    #[error("the settings {file} are not understood: {source}")]
    Parse {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
}

impl HubSettings {
    /// Reads `hub.toml`.
    ///
    /// # Errors
    /// [`SettingsError`] naming the file and what is wrong in it.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = load(file)?;
        settings.data_dir = beside(file, &settings.data_dir);
        Ok(settings)
    }
}

impl NodeSettings {
    /// Reads `node.toml`.
    ///
    /// # Errors
    /// [`SettingsError`] naming the file and what is wrong in it.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let mut settings: Self = load(file)?;
        settings.data_dir = beside(file, &settings.data_dir);
        Ok(settings)
    }
}

fn load<T: DeserializeOwned>(file: &Path) -> Result<T, SettingsError> {
    let text = fs::read_to_string(file)
        .map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
    // Windows editors put a byte order mark.
    toml::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|source| SettingsError::Parse { file: file.to_owned(), source: Box::new(source) })
}

fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.toml");
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn settings_are_read_and_the_data_folder_is_beside_the_file() {
        let (dir, path) = file(
            "\u{feff}data_dir = \"data\"\nlisten = \"0.0.0.0:4433\"\nhttp_listen = \"[::1]:80\"\n",
        );
        let settings = HubSettings::load(&path).unwrap();
        assert_eq!(settings.data_dir, dir.path().join("data"));
        assert_eq!((settings.recovery_listen, settings.log.as_str()), (None, "info"));
    }

    #[test]
    fn a_misspelt_key_a_bad_address_and_a_missing_file_are_named() {
        let good = "data_dir = \"/d\"\nlisten = \"0.0.0.0:1\"\nhttp_listen = \"0.0.0.0:2\"\n";
        let (_dir, path) = file(&format!("{good}lgo = \"debug\"\n"));
        let words = HubSettings::load(&path).unwrap_err().to_string();
        assert!(words.contains("lgo") && words.contains("line 4"), "{words}");
        let (_dir, path) = file(&good.replace("0.0.0.0:1", "everywhere"));
        assert!(HubSettings::load(&path).unwrap_err().to_string().contains("listen"));
        let words = NodeSettings::load(Path::new("/nowhere/node.toml")).unwrap_err().to_string();
        assert!(words.contains("/nowhere/node.toml"), "{words}");
    }
}
