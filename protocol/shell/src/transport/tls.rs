//! TLS 1.3 with certificates at both ends, judged by the root document in force at the moment of
//! the handshake. Ed25519 only, ring only, no tickets, no session cache, no early data: a resumed
//! session would skip the judgement, and a banned machine would be back.
//!
//! Clocks: "not before" is never judged, because a hub or node whose clock lost its battery is in
//! 1970. "Not after" is judged by the accepting side against its own clock; the dialling side
//! knows the hub by its key in the root document, which is stronger than any date.

use super::reset::ResetKeys;
use crate::certificate;
use motcua_core::{key::PublicKey, key::SecretKey, limits, time::Timestamp, trust::TrustView};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Replicas talking to each other.
pub const DATA_ALPN: &[u8] = b"motcua/1";
/// Enrolment and return of machines without a valid certificate. The format is frozen.
pub const RECOVERY_ALPN: &[u8] = b"motcua-recovery/1";

/// Reads the wall clock; handed in so that tests can be in any year.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Trust in force, shared by every handshake. Documents adopted later act from the next one on.
#[derive(Debug, Clone)]
pub struct TrustHandle(Arc<RwLock<TrustView>>);

impl TrustHandle {
    /// Starts with a view.
    pub fn new(view: TrustView) -> Self {
        Self(Arc::new(RwLock::new(view)))
    }

    /// The view in force; cheap.
    pub fn get(&self) -> TrustView {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another view in force.
    pub fn set(&self, view: TrustView) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = view;
    }
}

/// What this machine shows in handshakes and judges peers by. Cloning shares everything.
#[derive(Clone)]
pub struct Credentials {
    pub(super) shown: Arc<Shown>,
    /// Trust in force.
    pub trust: TrustHandle,
    /// This machine's clock.
    pub clock: WallClock,
    pub(super) reset: ResetKeys,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// No certificate at all.
    #[error("there is no TLS certificate for device key {0}; renew it from the hub")]
    Empty(PublicKey),
    /// A certificate of somebody else's key.
    #[error(
        "the TLS certificate is not for this machine's device key {key}; renew it from the hub"
    )]
    OtherKey {
        /// This machine's key.
        key: PublicKey,
    },
    /// The library refused the device key.
    #[error("the device key cannot be used for TLS: {0}")]
    Key(Error),
}

impl Credentials {
    /// From the device key and its certificates (DER, the device's first).
    ///
    /// # Errors
    /// [`CredentialsError`] if the first certificate is not the device key's.
    pub fn new(
        device: &SecretKey,
        chain: &[Vec<u8>],
        trust: TrustHandle,
        clock: WallClock,
    ) -> Result<Self, CredentialsError> {
        let shown = Arc::new(Shown(RwLock::new(certified(device, chain)?)));
        Ok(Self { shown, trust, clock, reset: ResetKeys::of(device) })
    }

    /// For links between machines of one office: the end of a certificate is not judged, because no
    /// hub may be in reach to renew it for as long as the line is cut. The denial list is.
    pub fn beside(self) -> Self {
        Self { clock: Arc::new(|| Timestamp(0)), ..self }
    }

    /// Shows renewed certificates from the next handshake on.
    ///
    /// # Errors
    /// As [`Self::new`]; the old ones stay.
    pub fn renewed(&self, device: &SecretKey, chain: &[Vec<u8>]) -> Result<(), CredentialsError> {
        let certified = certified(device, chain)?;
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(())
    }
}

fn certified(device: &SecretKey, chain: &[Vec<u8>]) -> Result<Arc<CertifiedKey>, CredentialsError> {
    let key = device.public();
    // The CA's certificate stays at home: whoever judges has it in the root document, and it would
    // be a third of the bytes of a reconnect.
    let leaf = chain.first().ok_or(CredentialsError::Empty(key))?;
    if certificate::device_key_of(leaf) != Some(key) {
        return Err(CredentialsError::OtherKey { key });
    }
    let der = certificate::pkcs8(device);
    let signer = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice()))
        .map_err(CredentialsError::Key)?;
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(leaf.clone())], signer)))
}

/// The certificate shown, replaceable while connections come and go.
pub(super) struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        schemes.contains(&SignatureScheme::ED25519).then(|| self.get())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// TLS of the accepting side of the data ALPN.
pub(super) fn data_server(credentials: &Credentials) -> Result<rustls::ServerConfig, Error> {
    let judge = Judge { trust: credentials.trust.clone(), clock: Arc::clone(&credentials.clock) };
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(Callers(judge)))
        .with_cert_resolver(Arc::clone(&credentials.shown) as Arc<dyn ResolvesServerCert>);
    Ok(without_memory(config, DATA_ALPN))
}

/// TLS of the answering side of the recovery ALPN: the caller shows nothing here.
pub(super) fn recovery_server(credentials: &Credentials) -> Result<rustls::ServerConfig, Error> {
    let config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(&credentials.shown) as Arc<dyn ResolvesServerCert>);
    Ok(without_memory(config, RECOVERY_ALPN))
}

fn without_memory(mut config: rustls::ServerConfig, alpn: &[u8]) -> rustls::ServerConfig {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config
}

/// TLS of the side that dials the hub with this key.
pub(super) fn data_client(
    credentials: &Credentials,
    hub: PublicKey,
) -> Result<rustls::ClientConfig, Error> {
    client(credentials, Some(hub))
}

/// TLS of the side that dials a machine of its own office, whose key it does not know: any machine
/// of the city that is not denied.
pub(super) fn beside_client(credentials: &Credentials) -> Result<rustls::ClientConfig, Error> {
    client(credentials, None)
}

fn client(
    credentials: &Credentials,
    hub: Option<PublicKey>,
) -> Result<rustls::ClientConfig, Error> {
    let judge = Judge { trust: credentials.trust.clone(), clock: Arc::clone(&credentials.clock) };
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Hub { judge, key: hub }))
        .with_client_cert_resolver(Arc::clone(&credentials.shown) as Arc<dyn ResolvesClientCert>);
    Ok(without_client_memory(config, DATA_ALPN))
}

/// TLS of the side that asks to be enrolled or let back in: the hub is known by its key alone, if
/// at all. See [`crate::recovery`] for what it may say before it is known.
pub(crate) fn recovery_client(hub: Option<PublicKey>) -> Result<rustls::ClientConfig, Error> {
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(hub)))
        .with_no_client_auth();
    Ok(without_client_memory(config, RECOVERY_ALPN))
}

fn without_client_memory(mut config: rustls::ClientConfig, alpn: &[u8]) -> rustls::ClientConfig {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    // The name would tell everybody on the path which hub is dialled, and the hub has one anyway.
    config.enable_sni = false;
    config
}

/// Whether a CA of the root document in force signed a certificate for a machine that is not
/// denied; dates are not looked at.
pub(crate) fn is_of_a_known_ca(leaf: &[u8], trust: &TrustHandle) -> bool {
    let judge = Judge { trust: trust.clone(), clock: Arc::new(|| Timestamp(0)) };
    judge.device(&CertificateDer::from(leaf), KeyUsage::client_auth(), Ends::Ignored).is_ok()
}

/// ring, handed over explicitly: a process default may be another library's or none.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || {
        let mut provider = ring::default_provider();
        provider.signature_verification_algorithms = ALGORITHMS;
        Arc::new(provider)
    };
    Arc::clone(PROVIDER.get_or_init(make))
}

static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[webpki::ring::ED25519],
    mapping: &[(SignatureScheme::ED25519, &[webpki::ring::ED25519])],
};

/// What every verifier here says of signatures: those of TLS 1.3, and Ed25519 only.
macro_rules! signatures_of_tls13 {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Err(old_tls())
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signature, &ALGORITHMS)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    };
}

struct Judge {
    trust: TrustHandle,
    clock: WallClock,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

impl Judge {
    /// The device key of a certificate that a CA of the root document in force signed directly,
    /// unless its machine is denied.
    fn device(
        &self,
        leaf: &CertificateDer<'_>,
        usage: KeyUsage,
        ends: Ends,
    ) -> Result<PublicKey, Error> {
        if leaf.len() > limits::CERTIFICATE_BYTES {
            return Err(CertificateError::BadEncoding.into());
        }
        let key = certificate::device_key_of(leaf).ok_or(CertificateError::BadEncoding)?;
        let not_before = not_before(leaf).ok_or(CertificateError::BadEncoding)?;
        let time = match ends {
            Ends::Judged => not_before.max((self.clock)()),
            Ends::Ignored => not_before,
        };
        let view = self.trust.get();
        let issuers: Vec<CertificateDer<'_>> = (view.root().issuers.iter())
            .map(|issuer| CertificateDer::from(issuer.ca_cert.as_slice()))
            .collect();
        // A CA certificate that cannot be read admits nobody; the others still count.
        let anchors: Vec<_> =
            issuers.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
        EndEntityCert::try_from(leaf)
            .and_then(|leaf| {
                let algorithms = &[webpki::ring::ED25519];
                // Intermediates that the peer sends are not looked at: who may vouch for a device
                // is the root document's to say, by name.
                let time = unix(time);
                leaf.verify_for_usage(algorithms, &anchors, &[], time, usage, None, None).map(drop)
            })
            .map_err(reason)?;
        if view.denied(key.node_id()).is_some() {
            return Err(CertificateError::Revoked.into());
        }
        Ok(key)
    }
}

fn not_before(certificate: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(Timestamp(certificate.validity().not_before.timestamp().checked_mul(1000)?))
}

enum Ends {
    Judged,
    Ignored,
}

fn unix(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(time.0).unwrap_or(0)))
}

fn reason(error: webpki::Error) -> Error {
    match error {
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::BadDer | webpki::Error::BadDerTime => CertificateError::BadEncoding,
        _ => CertificateError::ApplicationVerificationFailure,
    }
    .into()
}

/// Judges who dials.
#[derive(Debug)]
struct Callers(Judge);

impl ClientCertVerifier for Callers {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A machine has one certificate; naming the CAs would only cost bytes.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.device(end_entity, KeyUsage::client_auth(), Ends::Judged)?;
        Ok(ClientCertVerified::assertion())
    }

    signatures_of_tls13!();
}

/// Judges the hub that is dialled.
#[derive(Debug)]
struct Hub {
    judge: Judge,
    /// None for a machine beside.
    key: Option<PublicKey>,
}

impl ServerCertVerifier for Hub {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = self.judge.device(end_entity, KeyUsage::server_auth(), Ends::Ignored)?;
        same_key(key, self.key.unwrap_or(key))
    }

    signatures_of_tls13!();
}

/// Knows a hub by its key alone; without one, takes note of whoever answers.
#[derive(Debug)]
struct Pinned(Option<PublicKey>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = certificate::device_key_of(end_entity).ok_or(CertificateError::BadEncoding)?;
        same_key(key, self.0.unwrap_or(key))
    }

    signatures_of_tls13!();
}

fn same_key(shown: PublicKey, expected: PublicKey) -> Result<ServerCertVerified, Error> {
    if shown == expected {
        Ok(ServerCertVerified::assertion())
    } else {
        Err(CertificateError::NotValidForName.into())
    }
}

fn old_tls() -> Error {
    Error::PeerIncompatible(rustls::PeerIncompatible::Tls13RequiredForQuic)
}
