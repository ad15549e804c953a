//! The root document: which keys may do what in one city. Signed by offline keys; document n+1 is
//! signed by a threshold of the keys of n and names its hash, so that whoever holds n can check
//! everything after it alone, however long it was away.

use super::{
    TrustError,
    signed::{Document, document_hash, duplicate, read_versioned, readable, versioned, within},
};
use crate::{
    id::{DomainId, Hash, OfficeId},
    key::{PublicKey, Purpose, SecretKey, Signature},
    limits,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// One root document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootDocument {
    /// The city.
    pub domain: DomainId,
    /// 1, 2, 3 and so on.
    pub number: u64,
    /// [`SignedRoot::hash`] of the document before; zero in document 1.
    pub previous: Hash,
    /// When the signers say it was made; for people, never judged.
    pub issued_at: Timestamp,
    /// Name of the city.
    pub name: String,
    /// How many of `roots` must sign the next document.
    pub threshold: u8,
    /// The root keys.
    pub roots: Vec<PublicKey>,
    /// Who may bind device keys to offices. An issuer stays listed while its bindings are to
    /// count; taking it off is the answer to a stolen key.
    pub issuers: Vec<Issuer>,
    /// Who may sign catalogues, join tokens and administrative entries.
    pub registrars: Vec<PublicKey>,
    /// Who may sign denial lists: an online key.
    pub denial_key: PublicKey,
    /// The hubs, preferred ones first where an office has several.
    pub hubs: Vec<HubRecord>,
}

/// A key that binds device keys to offices, with the CA that signs their TLS certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Signs bindings; also the key of the CA certificate.
    pub key: PublicKey,
    /// May bind machines of this office and all below it.
    pub scope: OfficeId,
    /// X.509 DER of the CA that signs TLS certificates.
    pub ca_cert: Vec<u8>,
}

/// Where a hub is and which device key it answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubRecord {
    /// The office it serves, with all below that have no nearer hub.
    pub office: OfficeId,
    /// Its device key.
    pub key: PublicKey,
    /// `ip:port` or `host:port` of the data ALPN, to be tried in order.
    pub addresses: Vec<String>,
    /// The same for the recovery ALPN; empty means the same endpoint.
    pub recovery_addresses: Vec<String>,
}

impl HubRecord {
    /// Where to enrol and recover.
    pub fn recovery(&self) -> &[String] {
        if self.recovery_addresses.is_empty() { &self.addresses } else { &self.recovery_addresses }
    }
}

impl Document for RootDocument {
    const PURPOSE: Purpose = Purpose::RootDocument;
    const WHAT: &'static str = "root document";
    const MAX_BYTES: usize = limits::ROOT_DOCUMENT_BYTES;

    fn domain(&self) -> DomainId {
        self.domain
    }

    fn check(&self) -> Result<(), TrustError> {
        let what = Self::WHAT;
        within(what, "root keys", self.roots.len(), limits::ROOT_KEYS)?;
        within(what, "issuers", self.issuers.len(), limits::ISSUERS)?;
        within(what, "registrars", self.registrars.len(), limits::ROOT_KEYS)?;
        within(what, "hubs", self.hubs.len(), limits::HUBS)?;
        readable(what, "the name of the city", &self.name, limits::NAME_BYTES)?;
        self.check_chain_fields()?;
        self.check_keys()?;
        self.hubs.iter().try_for_each(HubRecord::check)
    }
}

impl RootDocument {
    fn check_chain_fields(&self) -> Result<(), TrustError> {
        let wrong = if self.domain.is_zero() {
            "its trust domain is zero"
        } else if self.number == 0 {
            "its number is zero, numbers start at 1"
        } else if (self.number == 1) != self.previous.is_zero() {
            "document 1, and no other, has no predecessor"
        } else if self.threshold == 0 || usize::from(self.threshold) > self.roots.len() {
            "its threshold is not between 1 and the number of root keys"
        } else {
            return Ok(());
        };
        Err(TrustError::Invalid { what: Self::WHAT, why: wrong.to_owned() })
    }

    fn check_keys(&self) -> Result<(), TrustError> {
        let lists = [
            ("root key", duplicate(self.roots.iter().copied())),
            ("issuer", duplicate(self.issuers.iter().map(|issuer| issuer.key))),
            ("registrar", duplicate(self.registrars.iter().copied())),
            ("hub key", duplicate(self.hubs.iter().map(|hub| hub.key))),
        ];
        for (list, twice) in lists {
            if let Some(key) = twice {
                let why = format!("{list} {key} is listed twice");
                return Err(TrustError::Invalid { what: Self::WHAT, why });
            }
        }
        self.issuers.iter().try_for_each(|issuer| {
            let bytes = issuer.ca_cert.len();
            within(Self::WHAT, "bytes in a CA certificate", bytes, limits::CERTIFICATE_BYTES)
        })
    }
}

impl HubRecord {
    fn check(&self) -> Result<(), TrustError> {
        let what = RootDocument::WHAT;
        for list in [&self.addresses, &self.recovery_addresses] {
            within(what, "addresses of one hub", list.len(), limits::HUB_ADDRESSES)?;
            list.iter().try_for_each(|address| check_address(what, address))?;
        }
        Ok(())
    }
}

/// Whether a hub address is of the form `host:port` or `ip:port`, for whoever takes one from a
/// person.
///
/// # Errors
/// [`TrustError`] showing the address and the form.
pub fn check_hub_address(address: &str) -> Result<(), TrustError> {
    check_address("hub record", address)
}

/// Whether the text is `host:port` or `ip:port`; names are resolved only when dialled.
pub(super) fn check_address(what: &'static str, address: &str) -> Result<(), TrustError> {
    readable(what, "an address", address, limits::ADDRESS_BYTES)?;
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    let whole = !address.contains(char::is_whitespace);
    match port.and_then(|port| port.parse::<u16>().ok()) {
        Some(port) if port > 0 && whole => Ok(()),
        _ => {
            let why = format!("the address {address:?} is not of the form host:port or ip:port");
            Err(TrustError::Invalid { what, why })
        }
    }
}

/// A root document with the signatures of several keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoot {
    /// Version byte and [`RootDocument`], as received.
    pub payload: Vec<u8>,
    /// Signatures over the payload. Those of unknown keys are ignored.
    pub signatures: Vec<(PublicKey, Signature)>,
}

const ENVELOPE: usize = 16 + limits::ROOT_KEYS * 2 * (32 + 66);

impl SignedRoot {
    /// Signs a document with all the keys: those of the document before and its own.
    ///
    /// # Errors
    /// [`TrustError`] if the document breaks its own rules or limits.
    pub fn sign(document: &RootDocument, keys: &[&SecretKey]) -> Result<Self, TrustError> {
        let payload = document.to_payload()?;
        let sign = |key: &&SecretKey| {
            (key.public(), key.sign(Purpose::RootDocument, document.domain, &payload))
        };
        let signatures = keys.iter().map(sign).collect();
        Ok(Self { payload, signatures })
    }

    /// The reference of the document: what the pin and the next document name.
    pub fn hash(&self) -> Hash {
        document_hash(&self.payload)
    }

    /// The document, read and checked for itself; signatures are not looked at.
    ///
    /// # Errors
    /// [`TrustError`] if it cannot be read or breaks its own rules.
    pub fn read(&self) -> Result<RootDocument, TrustError> {
        within(RootDocument::WHAT, "signatures", self.signatures.len(), limits::ROOT_KEYS * 2)?;
        RootDocument::from_payload(&self.payload)
    }

    /// The first document of a city, accepted because its hash is the pinned one.
    ///
    /// # Errors
    /// [`TrustError`] if it is another, is not number 1, or its own keys have not signed it.
    pub fn verify_first(&self, pin: Hash) -> Result<RootDocument, TrustError> {
        if self.hash() != pin {
            return Err(TrustError::Pin);
        }
        let document = self.read()?;
        if document.number != 1 {
            return Err(TrustError::Gap { have: 0, got: document.number });
        }
        self.verify_threshold(&document, &document)?;
        Ok(document)
    }

    /// The document that follows `before`, whose hash is `before_hash`. Its own keys must have
    /// signed too: a rotation to keys nobody holds would lock the city out for ever.
    ///
    /// # Errors
    /// [`TrustError`] naming the broken rule of the chain.
    pub fn verify_next(
        &self,
        before: &RootDocument,
        before_hash: Hash,
    ) -> Result<RootDocument, TrustError> {
        let document = self.read()?;
        if document.domain != before.domain {
            let (ours, theirs) = (before.domain, document.domain);
            return Err(TrustError::Domain { what: RootDocument::WHAT, ours, theirs });
        }
        if before.number.checked_add(1) != Some(document.number) {
            return Err(TrustError::Gap { have: before.number, got: document.number });
        }
        if document.previous != before_hash {
            return Err(TrustError::Chain { number: document.number });
        }
        self.verify_threshold(&document, before)?;
        self.verify_threshold(&document, &document)?;
        Ok(document)
    }

    fn verify_threshold(
        &self,
        document: &RootDocument,
        by: &RootDocument,
    ) -> Result<(), TrustError> {
        let signed = |key: &&PublicKey| {
            self.signatures.iter().filter(|(signer, _)| signer == *key).any(|(_, signature)| {
                key.verify(Purpose::RootDocument, document.domain, &self.payload, signature)
            })
        };
        let got = by.roots.iter().filter(signed).count();
        let need = usize::from(by.threshold);
        if got >= need {
            return Ok(());
        }
        Err(TrustError::Threshold { number: document.number, by: by.number, got, need })
    }

    /// Version byte and postcard form.
    pub fn encode(&self) -> Vec<u8> {
        versioned(RootDocument::WHAT, self)
            .expect("bytes and byte arrays always have a postcard form")
    }

    /// Reads exactly one signed root document; signatures are checked by the view.
    ///
    /// # Errors
    /// [`TrustError`] for a later version, bytes missing or left over, or too many.
    pub fn decode(bytes: &[u8]) -> Result<Self, TrustError> {
        read_versioned(RootDocument::WHAT, bytes, RootDocument::MAX_BYTES + ENVELOPE)
    }
}
