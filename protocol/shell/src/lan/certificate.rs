//! The certificate of the page: two PEM files, looked at again while it is in use, so that a new one needs
//! no restart. One that cannot be read never takes the place of one that serves.

use motcua_core::time::Timestamp;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio::time::Instant;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

/// Files are looked at again at most so often.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// A file that is larger is no certificate.
const FILE_BYTES: u64 = 256 * 1024;
/// From this many days before its end on, a certificate is to be renewed.
const SOON_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// Where certificate and key stand, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The machine's certificate first, then those above it; the root last, if it is there.
    pub certificate: PathBuf,
    /// Its key (PKCS #8).
    pub key: PathBuf,
}

/// Why a certificate is not used.
#[derive(Debug, thiserror::Error)]
pub enum PageCertificateError {
    /// One of the files is not there.
    #[error("{file} is not there; make a request and install what central IT issues for it")]
    Missing {
        /// Which.
        file: PathBuf,
    },
    /// One of the files cannot be read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of the files holds something else.
    #[error("{file} holds no {what} in PEM form")]
    NotPem {
        /// Which.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The certificate is for another key.
    #[error("the certificate in {file} is not for this machine's key; issue it for its request")]
    OtherKey {
        /// Which.
        file: PathBuf,
    },
    /// It cannot be used for TLS.
    #[error("the certificate in {file} cannot be used: {why}")]
    Unfit {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// When it ends.
    pub not_after: Timestamp,
    /// The root that it comes from (DER), where the file has it.
    pub root: Option<Vec<u8>>,
}

impl Seen {
    /// Whole days until it ends; negative afterwards.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.0.saturating_sub(now.0).div_euclid(DAY_MS)
    }

    /// Whether it is to be renewed now.
    pub fn is_ending(&self, now: Timestamp) -> bool {
        self.days_left(now) < SOON_DAYS
    }
}

#[derive(Debug)]
struct Loaded {
    shown: Arc<CertifiedKey>,
    seen: Seen,
}

/// A certificate in use.
#[derive(Debug)]
pub struct PageCertificate {
    files: Files,
    loaded: RwLock<Option<Loaded>>,
    looked: Mutex<Look>,
}

/// When the files were looked at last, and how they were then.
#[derive(Debug)]
struct Look {
    at: Instant,
    files: Stamp,
    trouble: Option<String>,
}

/// Two files as the system knows them: length and time of change.
type Stamp = [Option<(u64, SystemTime)>; 2];

impl PageCertificate {
    /// Looks at the files; what is wrong with them is said in the log and by [`Self::trouble`].
    pub fn open(files: Files) -> Self {
        let look = Look { at: Instant::now(), files: [None; 2], trouble: None };
        let page = Self { files, loaded: RwLock::default(), looked: Mutex::new(look) };
        page.look(true);
        page
    }

    /// What is shown.
    pub fn seen(&self) -> Option<Seen> {
        self.look(false);
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|loaded| loaded.seen.clone())
    }

    /// What is wrong with the files.
    pub fn trouble(&self) -> Option<String> {
        self.look(false);
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    fn look(&self, first: bool) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if !first && looked.at.elapsed() < LOOK_AGAIN {
            return;
        }
        looked.at = Instant::now();
        let stamp = [stamp(&self.files.certificate), stamp(&self.files.key)];
        // What could not be read is tried again: perhaps half of it was written then.
        if !first && stamp == looked.files && looked.trouble.is_none() {
            return;
        }
        looked.files = stamp;
        match load(&self.files) {
            Ok(loaded) => {
                tracing::info!(names = ?loaded.seen.names, "the page has a certificate");
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
                looked.trouble = None;
            }
            Err(error) => {
                let words = error.to_string();
                if looked.trouble.as_ref() != Some(&words) {
                    tracing::error!(%error, "the page's certificate is not taken");
                }
                looked.trouble = Some(words);
            }
        }
    }
}

impl ResolvesServerCert for PageCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.look(false);
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|loaded| Arc::clone(&loaded.shown))
    }
}

impl Files {
    /// What they say, if they can be used together.
    ///
    /// # Errors
    /// [`PageCertificateError`]
    pub fn read(&self) -> Result<Seen, PageCertificateError> {
        load(self).map(|loaded| loaded.seen)
    }
}

/// SHA-256 of a certificate as browsers and Windows show it: pairs of hexadecimal digits.
pub fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn key_of(file: &Path) -> Result<PrivateKeyDer<'static>, PageCertificateError> {
    let pem = read(file)?;
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| PageCertificateError::NotPem { file: file.to_owned(), what: "private key" })
}

fn load(files: &Files) -> Result<Loaded, PageCertificateError> {
    let file = || files.certificate.clone();
    let not_pem = || PageCertificateError::NotPem { file: file(), what: "certificate" };
    let pem = read(&files.certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&pem).collect();
    let mut chain = chain.map_err(|_| not_pem())?;
    let seen = seen(&chain).ok_or_else(not_pem)?;
    if seen.root.is_some() && chain.len() > 1 {
        // Who trusts the root has it.
        chain.pop();
    }
    let unfit = |why: rustls::Error| match why {
        rustls::Error::InconsistentKeys(_) => PageCertificateError::OtherKey { file: file() },
        why => PageCertificateError::Unfit { file: file(), why: why.to_string() },
    };
    let shown = CertifiedKey::from_der(
        chain,
        key_of(&files.key)?,
        &rustls::crypto::ring::default_provider(),
    )
    .map_err(unfit)?;
    Ok(Loaded { shown: Arc::new(shown), seen })
}

fn seen(chain: &[CertificateDer<'_>]) -> Option<Seen> {
    let (_, own) = X509Certificate::from_der(chain.first()?).ok()?;
    let listed = own.subject_alternative_name().ok()??;
    let names = listed.value.general_names.iter().filter_map(name).collect();
    let not_after = own.validity().not_after.timestamp().checked_mul(1_000).map(Timestamp)?;
    let last = chain.last()?;
    let (_, above) = X509Certificate::from_der(last).ok()?;
    let root = (above.issuer() == above.subject()).then(|| last.to_vec());
    Some(Seen { names, not_after, root })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|ip| std::net::IpAddr::from(ip).to_string());
            let sixteen =
                || <[u8; 16]>::try_from(*bytes).map(|ip| std::net::IpAddr::from(ip).to_string());
            four.or_else(|_| sixteen()).ok()
        }
        _ => None,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, PageCertificateError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => PageCertificateError::Missing { file: file.to_owned() },
        _ => PageCertificateError::Read { file: file.to_owned(), source },
    };
    if fs::metadata(file).map_err(failed)?.len() > FILE_BYTES {
        let too_large = io::Error::new(io::ErrorKind::FileTooLarge, "more than 256 KiB");
        return Err(failed(too_large));
    }
    fs::read(file).map_err(failed)
}

fn stamp(file: &Path) -> Option<(u64, SystemTime)> {
    let about = fs::metadata(file).ok()?;
    Some((about.len(), about.modified().ok()?))
}
