//! A document as it travels: payload bytes, who signed, the signature. The payload is kept as
//! received, because a re-encoded one need not have the same bytes.

use super::TrustError;
use crate::{
    hash::{Context, derive},
    id::{DomainId, Hash},
    key::{PublicKey, Purpose, SecretKey, Signature},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// First byte of every payload and of every signed form.
pub(super) const VERSION: u8 = 1;
/// Bytes of a signed form beside its payload: version, length, key, signature.
const ENVELOPE: usize = 1 + 5 + 32 + 66;

/// What can be signed by one key.
pub trait Document: Serialize + DeserializeOwned {
    /// The context of its signature.
    const PURPOSE: Purpose;
    /// Its name in messages.
    const WHAT: &'static str;
    /// Largest payload in bytes.
    const MAX_BYTES: usize;

    /// The city it belongs to.
    fn domain(&self) -> DomainId;

    /// Whether it keeps its own rules and limits.
    ///
    /// # Errors
    /// [`TrustError::Limit`] or [`TrustError::Invalid`] naming the first that is broken.
    fn check(&self) -> Result<(), TrustError>;

    /// Version byte and postcard form.
    ///
    /// # Errors
    /// As [`Self::check`], and [`TrustError::Limit`] if the whole is too long.
    fn to_payload(&self) -> Result<Vec<u8>, TrustError> {
        self.check()?;
        let bytes = versioned(Self::WHAT, self)?;
        within(Self::WHAT, "bytes", bytes.len(), Self::MAX_BYTES)?;
        Ok(bytes)
    }

    /// Reads a payload; says nothing about who signed it.
    ///
    /// # Errors
    /// [`TrustError`] for a later version, bytes missing or left over, a crossed limit, a broken
    /// rule.
    fn from_payload(bytes: &[u8]) -> Result<Self, TrustError> {
        let document: Self = read_versioned(Self::WHAT, bytes, Self::MAX_BYTES)?;
        document.check()?;
        Ok(document)
    }
}

/// A document signed by one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Version byte and document, as received.
    pub payload: Vec<u8>,
    /// Who says to have signed; whether they may is the view's question.
    pub signer: PublicKey,
    /// Over the payload, in the document's purpose and domain.
    pub signature: Signature,
}

impl Signed {
    /// Signs a document.
    ///
    /// # Errors
    /// [`TrustError`] if the document breaks its own rules or limits.
    pub fn sign<D: Document>(key: &SecretKey, document: &D) -> Result<Self, TrustError> {
        let payload = document.to_payload()?;
        let signature = key.sign(D::PURPOSE, document.domain(), &payload);
        Ok(Self { payload, signer: key.public(), signature })
    }

    /// The document, if the named signer signed it. Says nothing about what the signer may do.
    ///
    /// # Errors
    /// [`TrustError`] if the payload cannot be read or the signature is not the signer's.
    pub fn open<D: Document>(&self) -> Result<D, TrustError> {
        let document = D::from_payload(&self.payload)?;
        let domain = document.domain();
        if self.signer.verify(D::PURPOSE, domain, &self.payload, &self.signature) {
            Ok(document)
        } else {
            Err(TrustError::Signature { what: D::WHAT, signer: self.signer })
        }
    }

    /// Version byte and postcard form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ENVELOPE + self.payload.len());
        out.push(VERSION);
        postcard::to_extend(self, out).expect("bytes and byte arrays always have a postcard form")
    }

    /// Reads exactly one signed form of a `D`; its signature is checked by [`Self::open`].
    ///
    /// # Errors
    /// [`TrustError`] for a later version, bytes missing or left over, or too many.
    pub fn decode<D: Document>(bytes: &[u8]) -> Result<Self, TrustError> {
        read_versioned(D::WHAT, bytes, D::MAX_BYTES + ENVELOPE)
    }

    /// The reference of the payload.
    pub fn hash(&self) -> Hash {
        document_hash(&self.payload)
    }
}

/// The reference of a document: a hash of its payload bytes.
pub fn document_hash(payload: &[u8]) -> Hash {
    derive(Context::Document, &[payload])
}

/// Version byte and postcard form of anything.
pub(super) fn versioned<T: Serialize>(
    what: &'static str,
    value: &T,
) -> Result<Vec<u8>, TrustError> {
    postcard::to_extend(value, vec![VERSION])
        .map_err(|_| TrustError::Malformed { what, why: "it has no byte form" })
}

/// Reads exactly one versioned value of at most `limit` bytes.
pub(super) fn read_versioned<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
) -> Result<T, TrustError> {
    within(what, "bytes", bytes.len(), limit)?;
    let (version, body) =
        bytes.split_first().ok_or(TrustError::Malformed { what, why: "it is empty" })?;
    if *version != VERSION {
        return Err(TrustError::Version { what, version: *version });
    }
    let (value, rest) = postcard::take_from_bytes(body)
        .map_err(|_| TrustError::Malformed { what, why: "its bytes are damaged or cut short" })?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(TrustError::Malformed { what, why: "bytes are left over after its end" })
    }
}

/// Whether a count is within its limit.
pub(super) fn within(
    what: &'static str,
    unit: &'static str,
    got: usize,
    limit: usize,
) -> Result<(), TrustError> {
    if got <= limit { Ok(()) } else { Err(TrustError::Limit { what, unit, got, limit }) }
}

/// Whether a text is short enough, not blank and free of control characters, which could hide
/// what a person reads.
pub(super) fn readable(
    what: &'static str,
    field: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), TrustError> {
    let invalid = |why: String| Err(TrustError::Invalid { what, why });
    if text.len() > limit {
        return invalid(format!("{field} has {} bytes, at most {limit} are allowed", text.len()));
    }
    if text.trim().is_empty() {
        return invalid(format!("{field} is blank"));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{field} {text:?} has a control character"));
    }
    Ok(())
}

/// The first value that occurs twice.
pub(super) fn duplicate<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut seen = std::collections::BTreeSet::new();
    values.into_iter().find(|value| !seen.insert(*value))
}
