//! X.509 for TLS: a certificate says in TLS's own language what a binding says in ours. The key in
//! it is the device key (Ed25519, RFC 8410), so that the peer is known as soon as TLS is up.
//!
//! Certificates start in 1970 and a CA never ends (RFC 5280, 4.1.2.5): a clock that lost its
//! battery must not lock an office out, and what a CA may do is the root document's to say.

use motcua_core::{
    id::NodeId,
    key::{PublicKey, SecretKey},
    time::Timestamp,
    trust::NodeKind,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ED25519, SerialNumber, SubjectPublicKeyInfo,
    date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// Lifetime of a device's certificate: short, because the recovery ALPN re-issues it by itself.
pub const LIFETIME_DAYS: u32 = 90;

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The machine gave no random bytes.
    #[error("the system gave no random bytes for a certificate serial: {0}")]
    Random(getrandom::Error),
    /// The CA certificate is damaged or not the issuer's.
    #[error(
        "the CA certificate is damaged or is not that of the issuing key; restore it from the root document"
    )]
    Ca,
    /// The library refused.
    #[error("no certificate could be made for {whom}: {source}")]
    Make {
        /// For whom.
        whom: String,
        /// Why.
        source: rcgen::Error,
    },
}

/// The name a peer's certificate is for, and to be dialled with: `<node id>.motcua`.
pub fn server_name(node: NodeId) -> String {
    format!("{node}.motcua")
}

/// A CA certificate of the issuing key, DER, self-signed, without end.
///
/// # Errors
/// [`CertificateError`] if no random serial can be drawn or the library refuses.
pub fn make_ca(key: &SecretKey, name: &str) -> Result<Vec<u8>, CertificateError> {
    let make = |source| CertificateError::Make { whom: name.to_owned(), source };
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(9999, 12, 31) + Duration::from_secs(86_399);
    params.serial_number = Some(serial()?);
    // The key is part of the name: two CAs of one office, old and new, must not be mixed up.
    params.distinguished_name = distinguished(&short(name), &key.public().node_id().to_string());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key_pair(key).map_err(make)?).map_err(make)?;
    Ok(certificate.der().to_vec())
}

/// A certificate for a device key, followed by the CA's, both DER. Good for both ends of a
/// connection, from 1970 until `lifetime_days` after `now`.
///
/// # Errors
/// [`CertificateError::Ca`] if `ca_der` is not the certificate of `ca_key`, others if no random
/// serial can be drawn or the library refuses.
pub fn issue(
    ca_key: &SecretKey,
    ca_der: &[u8],
    device: &PublicKey,
    kind: NodeKind,
    now: Timestamp,
    lifetime_days: u32,
) -> Result<Vec<Vec<u8>>, CertificateError> {
    let node = device.node_id();
    let make = |source| CertificateError::Make { whom: format!("node {node}"), source };
    if device_key_of(ca_der) != Some(ca_key.public()) {
        return Err(CertificateError::Ca);
    }
    let ca =
        Issuer::from_ca_cert_der(&CertificateDer::from(ca_der), key_pair(ca_key).map_err(make)?)
            .map_err(|_| CertificateError::Ca)?;
    let mut params = CertificateParams::new(vec![server_name(node)]).map_err(make)?;
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end(now, lifetime_days));
    params.serial_number = Some(serial()?);
    params.distinguished_name = distinguished(&node.to_string(), kind.word());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let spki = SubjectPublicKeyInfo::from_der(&spki(device)).map_err(make)?;
    let certificate = params.signed_by(&spki, &ca).map_err(make)?;
    Ok(vec![certificate.der().to_vec(), ca_der.to_vec()])
}

/// The Ed25519 key a certificate is for; none if it cannot be read or has another kind of key. Says
/// nothing about who signed it.
pub fn device_key_of(certificate: &[u8]) -> Option<PublicKey> {
    let (rest, certificate) = X509Certificate::from_der(certificate).ok()?;
    let spki = certificate.public_key().raw;
    let key = spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok().map(PublicKey)?;
    rest.is_empty().then_some(key)
}

/// When a certificate ends; none if it cannot be read.
pub fn end_of(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    certificate.validity().not_after.timestamp().checked_mul(1_000).map(Timestamp)
}

/// The private key in the form rustls takes (PKCS #8, RFC 8410).
pub fn pkcs8(key: &SecretKey) -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
    der.extend_from_slice(&PKCS8_PREFIX);
    der.extend_from_slice(key.seed().as_slice());
    der
}

/// `PrivateKeyInfo`, version 0, id-Ed25519, then the seed in two octet strings (RFC 8410, 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// `SubjectPublicKeyInfo`, id-Ed25519, then a bit string of 32 bytes (RFC 8410, 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

fn spki(key: &PublicKey) -> Vec<u8> {
    [SPKI_PREFIX.as_slice(), &key.0].concat()
}

fn key_pair(key: &SecretKey) -> Result<KeyPair, rcgen::Error> {
    let der = pkcs8(key);
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_slice()), &PKCS_ED25519)
}

fn distinguished(common_name: &str, unit: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Mot Cua");
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::CommonName, common_name);
    name
}

/// X.520 bounds a common name to 64 characters.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

fn serial() -> Result<SerialNumber, CertificateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(CertificateError::Random)?;
    // RFC 5280, 4.1.2.2: positive, and never zero.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// Seconds since 1970 of the end, within what X.509 can write.
fn end(now: Timestamp, lifetime_days: u32) -> u64 {
    const LAST: u64 = 253_402_300_799;
    let now = u64::try_from(now.0 / 1000).unwrap_or(0);
    now.saturating_add(u64::from(lifetime_days) * 86_400).clamp(86_400, LAST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls_pki_types::{ServerName, UnixTime};
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn chain(now: Timestamp) -> (SecretKey, Vec<Vec<u8>>) {
        let (ca_key, device) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
        let ca = make_ca(&ca_key, "Ủy ban nhân dân Quận 1").unwrap();
        let chain = issue(&ca_key, &ca, &device.public(), NodeKind::Node, now, LIFETIME_DAYS);
        (device, chain.unwrap())
    }

    fn accepted(chain: &[Vec<u8>], at: u64) -> bool {
        let leaf = CertificateDer::from(chain[0].as_slice());
        let ca = CertificateDer::from(chain[1].as_slice());
        let anchors = [anchor_from_trusted_cert(&ca).unwrap()];
        let time = UnixTime::since_unix_epoch(Duration::from_secs(at));
        [KeyUsage::client_auth(), KeyUsage::server_auth()].into_iter().all(|usage| {
            EndEntityCert::try_from(&leaf)
                .unwrap()
                .verify_for_usage(&[webpki::ring::ED25519], &anchors, &[], time, usage, None, None)
                .is_ok()
        })
    }

    #[test]
    fn a_certificate_carries_the_device_key_and_is_accepted_at_both_ends() {
        let (device, chain) = chain(NOW);
        assert_eq!(device_key_of(&chain[0]), Some(device.public()));
        assert_eq!(device_key_of(&chain[1]), Some(SecretKey::from_seed([1; 32]).public()));
        let life = i64::from(LIFETIME_DAYS) * 86_400_000;
        assert_eq!(end_of(&chain[0]), Some(Timestamp(NOW.0 + life)));
        let now = (NOW.0 / 1000) as u64;
        assert!(accepted(&chain, now) && accepted(&chain, 0), "also with a clock at 1970");
        assert!(accepted(&chain, now + 89 * 86_400) && !accepted(&chain, now + 91 * 86_400));
        let leaf = CertificateDer::from(chain[0].as_slice());
        let name = ServerName::try_from(server_name(device.public().node_id())).unwrap();
        EndEntityCert::try_from(&leaf).unwrap().verify_is_valid_for_subject_name(&name).unwrap();
    }

    #[test]
    fn any_clock_gives_a_certificate() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(chain(Timestamp(now)).1.len(), 2);
        }
    }

    #[test]
    fn a_ca_certificate_of_another_key_issues_nothing() {
        let ca = make_ca(&SecretKey::from_seed([1; 32]), "Quận 1").unwrap();
        let other = SecretKey::from_seed([3; 32]);
        let issued = issue(&other, &ca, &other.public(), NodeKind::Hub, NOW, 1);
        assert!(matches!(issued, Err(CertificateError::Ca)));
        let issued = issue(&other, b"rubbish", &other.public(), NodeKind::Hub, NOW, 1);
        assert!(matches!(issued, Err(CertificateError::Ca)));
    }

    #[test]
    fn cut_and_flipped_certificates_do_not_panic() {
        let (_, chain) = chain(NOW);
        for at in 0..chain[0].len() {
            assert_eq!(device_key_of(&chain[0][..at]), None);
            let mut flipped = chain[0].clone();
            flipped[at] ^= 0xff;
            let _ = device_key_of(&flipped);
        }
    }
}
