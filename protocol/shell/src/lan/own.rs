//! The machine's part in getting a certificate for its page: its key, its request, and what was issued for it.
//! Key and certificate stand in one file, which is replaced as one: there is no moment at which they
//! do not fit. The key of a request that is under way stands beside it.

use super::{
    certificate::{Files, PageCertificateError, Seen, fingerprint},
    issue::{self, DOMAIN, IssueError},
};
use crate::private;
use motcua_core::{id::NodeId, time::Timestamp};
use serde::Serialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Key and certificate in use, in the data folder.
pub const CURRENT: &str = "page/current.pem";
/// Key of a request that is under way.
const NEXT: &str = "page/next-key.pem";

/// Why it was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key or the names will not do.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What was issued cannot be used here.
    #[error(transparent)]
    Certificate(#[from] PageCertificateError),
    /// The settings name files that somebody else keeps.
    #[error(
        "the settings name certificate and key under [page]; they are kept there, not by this verb"
    )]
    Elsewhere,
    /// It was not asked for here.
    #[error("no request of this machine is under way; make one with page request")]
    NoRequest,
}

/// How the page's certificate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Names and addresses that it is for; empty without one.
    pub names: Vec<String>,
    /// Days until it ends, negative afterwards.
    pub days_left: Option<i64>,
    /// Whether it is to be renewed.
    pub ending: bool,
    /// SHA-256 of the root, to be compared at the PCs.
    pub root: Option<String>,
    /// What is wrong.
    pub trouble: Option<String>,
}

impl Status {
    /// Of the certificate in these files.
    pub fn of(files: &Files, now: Timestamp) -> Self {
        match files.read() {
            Ok(seen) => Self {
                days_left: Some(seen.days_left(now)),
                ending: seen.is_ending(now),
                root: seen.root.as_deref().map(fingerprint),
                names: seen.names,
                trouble: None,
            },
            Err(error) => Self {
                names: Vec::new(),
                days_left: None,
                ending: false,
                root: None,
                trouble: Some(error.to_string()),
            },
        }
    }
}

/// What this machine's page is called where nobody says otherwise.
pub fn default_name(node: NodeId) -> String {
    let node = node.to_string();
    format!("mot-cua-{}.{DOMAIN}", &node[..8.min(node.len())])
}

/// Makes a key, unless a request is under way, and the request for these names.
///
/// # Errors
/// [`OwnError`]
pub fn request(data_dir: &Path, names: &[String]) -> Result<String, OwnError> {
    let file = data_dir.join(NEXT);
    let failed = |source| OwnError::File { file: file.clone(), source };
    let key = match fs::read_to_string(&file) {
        Ok(key) => Zeroizing::new(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = issue::make_key()?;
            // Refused names leave no key behind.
            issue::request(&key, names)?;
            file.parent().map_or(Ok(()), private::create_folder).map_err(failed)?;
            private::write(&file, key.as_bytes()).map_err(failed)?;
            key
        }
        Err(error) => return Err(failed(error)),
    };
    Ok(issue::request(&key, names)?)
}

/// Puts what was issued for the request in use; the running service takes it up by itself. Nothing if it
/// is in use already.
///
/// # Errors
/// [`OwnError`]: it is not for the key of the request, or cannot be used.
pub fn install(data_dir: &Path, chain: &str) -> Result<Option<Seen>, OwnError> {
    let (current, next) = (data_dir.join(CURRENT), data_dir.join(NEXT));
    let failed = |file: &Path, source| OwnError::File { file: file.to_owned(), source };
    let key = match fs::read_to_string(&next) {
        Ok(key) => Zeroizing::new(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let used = fs::read_to_string(&current).unwrap_or_default();
            return match !chain.trim().is_empty() && used.contains(chain.trim()) {
                true => Ok(None),
                false => Err(OwnError::NoRequest),
            };
        }
        Err(error) => return Err(failed(&next, error)),
    };
    let both = Zeroizing::new(format!("{}\n{}\n", key.trim(), chain.trim()));
    let trial = data_dir.join("page/trial.pem");
    private::write(&trial, both.as_bytes()).map_err(|error| failed(&trial, error))?;
    let read = Files { certificate: trial.clone(), key: trial.clone() }.read();
    let removed = fs::remove_file(&trial).map_err(|error| failed(&trial, error));
    let seen = read?;
    removed?;
    private::write(&current, both.as_bytes()).map_err(|error| failed(&current, error))?;
    fs::remove_file(&next).map_err(|error| failed(&next, error))?;
    Ok(Some(seen))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{lan::PageCertificate, settings::PageSettings};

    const NOW: Timestamp = Timestamp(1_796_000_000_000);

    fn asked(dir: &Path, name: &str) -> String {
        request(dir, &[name.to_owned()]).unwrap()
    }

    #[test]
    fn a_certificate_is_for_the_key_that_asked_and_the_one_in_use_stands_until_then() {
        let dir = tempfile::tempdir().unwrap();
        let files = PageSettings::default().files(dir.path());
        let root = issue::make_root("Huế", NOW).unwrap();
        assert!(Status::of(&files, NOW).trouble.unwrap().contains("is not there"));
        assert!(matches!(install(dir.path(), "x"), Err(OwnError::NoRequest)));

        let first = asked(dir.path(), "192.168.1.10");
        assert_eq!(
            first.len(),
            asked(dir.path(), "192.168.1.10").len(),
            "asking again is no other key"
        );
        let issued = issue::issue(&root, &first, NOW).unwrap();
        let seen = install(dir.path(), &issued.chain).unwrap().unwrap();
        assert_eq!(seen.names, ["192.168.1.10"]);
        assert_eq!(install(dir.path(), &issued.chain).unwrap(), None, "it is in use");
        let status = Status::of(&files, NOW);
        assert_eq!((status.days_left, status.ending), (Some(397), false));
        let late = Timestamp(NOW.0 + 370 * 86_400_000);
        assert!(Status::of(&files, late).ending);
        assert_eq!(status.root.unwrap().len(), 32 * 3 - 1);

        // A new key is asked for; what belongs to the old one, or is none, is not taken, and nothing changes.
        let second = asked(dir.path(), "192.168.1.11");
        for wrong in [
            issued.chain.as_str(),
            "",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        ] {
            assert!(install(dir.path(), wrong).is_err(), "{wrong}");
            assert_eq!(Status::of(&files, NOW).names, ["192.168.1.10"]);
        }
        let renewed = issue::issue(&root, &second, NOW).unwrap();
        assert!(install(dir.path(), &renewed.chain).unwrap().is_some());
        assert_eq!(Status::of(&files, NOW).names, ["192.168.1.11"]);
        let left: Vec<_> = fs::read_dir(dir.path().join("page"))
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .collect();
        assert_eq!(left, ["current.pem"]);
    }

    #[test]
    fn a_page_without_a_certificate_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let page = PageCertificate::open(PageSettings::default().files(dir.path()));
        assert!(page.seen().is_none() && page.trouble().unwrap().contains("current.pem"));
    }
}
