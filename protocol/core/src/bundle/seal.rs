//! Sealing: a fresh key for each file, wrapped to every reader (RFC 9180, base mode, X25519), and
//! ChaCha20-Poly1305 over the pieces.
//!
//! Nonce of a piece: its number in 11 bytes, then 1 for the last one and 0 for all before it. So
//! pieces can be neither swapped nor left out nor cut off at the end, and no nonce comes twice
//! under one key.

use super::{BundleError, Recipient};
use crate::{
    hash::{Context, running},
    id::DomainId,
    key::{PublicKey, SecretKey},
};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable,
    aead::ChaCha20Poly1305 as Wrap,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// Bytes of an encapsulated key and of a wrapped file key.
pub(super) const ENCAPSULATED: usize = 32;
pub(super) const WRAPPED: usize = 48;

/// Random bytes as they are drawn from a seed that was handed in: the pure side of randomness.
pub(super) struct Tape(blake3::OutputReader);

impl Tape {
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mut hasher = running(Context::Tape);
        hasher.update(seed);
        Self(hasher.finalize_xof())
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Tape {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Tape {}

/// The key of one file.
pub(super) struct FileKey(Zeroizing<[u8; 32]>);

impl FileKey {
    pub(super) fn fresh(tape: &mut Tape) -> Self {
        Self(Zeroizing::new(tape.bytes()))
    }

    /// Wraps it to a reader; city and sender are bound in, so that nobody can sign another's
    /// sealed pieces as their own.
    pub(super) fn wrap(
        &self,
        reader: Recipient,
        domain: DomainId,
        sender: PublicKey,
        tape: &mut Tape,
    ) -> Result<([u8; ENCAPSULATED], [u8; WRAPPED]), BundleError> {
        let bad = || BundleError::ReaderKey(reader.0.node_id());
        let key = reader.0.agreement().ok_or_else(bad)?;
        let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key).map_err(|_| bad())?;
        let (encapsulated, wrapped) =
            hpke::single_shot_seal_with_rng::<Wrap, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &key,
                &info(domain, sender),
                self.0.as_slice(),
                b"",
                tape,
            )
            .map_err(|_| bad())?;
        let wrapped = wrapped.try_into().map_err(|_| bad())?;
        Ok((encapsulated.to_bytes().into(), wrapped))
    }

    /// Unwraps it.
    pub(super) fn unwrap(
        key: &SecretKey,
        domain: DomainId,
        sender: PublicKey,
        encapsulated: &[u8],
        wrapped: &[u8],
    ) -> Result<Self, BundleError> {
        let scalar = key.agreement();
        let key = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(scalar.as_slice())
            .map_err(|_| BundleError::Unsealing)?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(|_| BundleError::Unsealing)?;
        let plain = hpke::single_shot_open::<Wrap, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &key,
            &encapsulated,
            &info(domain, sender),
            wrapped,
            b"",
        )
        .map(Zeroizing::new)
        .map_err(|_| BundleError::Unsealing)?;
        let plain = plain.as_slice().try_into().map_err(|_| BundleError::Unsealing)?;
        Ok(Self(Zeroizing::new(plain)))
    }

    /// Seals a piece.
    pub(super) fn seal(&self, number: u64, last: bool, plain: &[u8]) -> Vec<u8> {
        self.cipher()
            .encrypt(&nonce(number, last).into(), Payload::from(plain))
            .expect("64 KiB are below the cipher's limit of 256 GiB")
    }

    /// Opens a piece.
    pub(super) fn open(
        &self,
        number: u64,
        last: bool,
        sealed: &[u8],
    ) -> Result<Vec<u8>, BundleError> {
        self.cipher()
            .decrypt(&nonce(number, last).into(), Payload::from(sealed))
            .map_err(|_| BundleError::Unsealing)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&(*self.0).into())
    }
}

fn info(domain: DomainId, sender: PublicKey) -> Vec<u8> {
    [b"motcua 2026 bundle seal v1".as_slice(), &domain.0, &sender.0].concat()
}

fn nonce(number: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}
