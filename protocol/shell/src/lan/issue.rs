//! Roots, requests and certificates of pages (design/page-tls.md), as PEM texts: what central IT and a machine
//! hand each other in files. The roots have nothing to do with those of links.

use motcua_core::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CidrSubnet,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber, date_time_ymd,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use zeroize::Zeroizing;

/// Names of pages stand below this one, which is reserved for private use.
pub const DOMAIN: &str = "motcua.internal";
/// Days that a certificate lasts: browsers may refuse longer ones.
pub const LIFETIME_DAYS: u32 = 397;
/// Days that a root lasts: it is installed on every PC.
const ROOT_DAYS: u32 = 3_653;
/// Names of one certificate.
const NAMES: usize = 16;
/// Clocks of PCs may be behind.
const BEFORE: i64 = 86_400_000;

/// Addresses that a root may speak for: those that no network routes to strangers (RFC 1918, RFC 4193).
const PRIVATE_V4: [(Ipv4Addr, u8); 3] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
];
const PRIVATE_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7);

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name that no root of ours speaks for.
    #[error(
        "{0:?} is neither a name below {DOMAIN} nor a private address such as 192.168.1.10; \
         a certificate for other names comes from the PKI that speaks for them"
    )]
    Name(String),
    /// None, or more than can be told apart.
    #[error("a certificate has 1 to {NAMES} names; {0} were asked for")]
    Count(usize),
    /// Not a request, or not signed by its key.
    #[error("this is no request for a page's certificate, or it was changed on the way")]
    Request,
    /// Not a root and its key.
    #[error("the root's certificate and key do not fit or are damaged; restore them")]
    Root,
    /// The machine gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// The library refused.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// A certificate with its key, PEM.
#[derive(Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: Zeroizing<String>,
}

/// A new root: for servers' names below [`DOMAIN`] and private addresses, and nothing else.
///
/// # Errors
/// [`IssueError`] if the system gives no random bytes.
pub fn make_root(city: &str, now: Timestamp) -> Result<Pair, IssueError> {
    let key = new_key()?;
    let mut params = CertificateParams::default();
    lasting(&mut params, now, ROOT_DAYS)?;
    let own: String =
        key.public_key_raw().iter().rev().take(4).map(|b| format!("{b:02x}")).collect();
    let name: String = city.chars().take(40).collect();
    params.distinguished_name = distinguished(&format!("Một Cửa {name} {own}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let v4 = PRIVATE_V4.map(|(net, bits)| CidrSubnet::from_v4_prefix(net.octets(), bits));
    let v6 = CidrSubnet::from_v6_prefix(PRIVATE_V6.0.octets(), PRIVATE_V6.1);
    let subnets = v4.into_iter().chain([v6]).map(GeneralSubtree::IpAddress);
    let names = [GeneralSubtree::DnsName(DOMAIN.to_owned())];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.into_iter().chain(subnets).collect(),
        excluded_subtrees: Vec::new(),
    });
    let certificate = params.self_signed(&key)?.pem();
    Ok(Pair { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

/// A new key, PEM.
///
/// # Errors
/// [`IssueError`] if the system gives no random bytes.
pub fn make_key() -> Result<Zeroizing<String>, IssueError> {
    Ok(Zeroizing::new(new_key()?.serialize_pem()))
}

/// A request for a certificate of these names, signed by the key (PKCS #10, RFC 2986).
///
/// # Errors
/// [`IssueError::Name`], [`IssueError::Count`]
pub fn request(key: &str, names: &[String]) -> Result<String, IssueError> {
    let names = checked(names)?;
    let key = KeyPair::from_pem(key).map_err(|_| IssueError::Request)?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = distinguished("page");
    Ok(params.serialize_request(&key)?.pem()?)
}

/// A certificate as it was issued.
#[derive(Debug)]
pub struct Issued {
    /// The machine's certificate and the root's, PEM.
    pub chain: String,
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// Whose it is: the key (SHA-256 of it), in hexadecimal digits.
    pub key: String,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Signs a request.
///
/// # Errors
/// [`IssueError`]: the request is none, was changed, or asks for what the root does not speak for.
pub fn issue(root: &Pair, request: &str, now: Timestamp) -> Result<Issued, IssueError> {
    let asked =
        CertificateSigningRequestParams::from_pem(request).map_err(|_| IssueError::Request)?;
    let names: Vec<String> = asked.params.subject_alt_names.iter().map(word).collect();
    let names = checked(&names)?;
    let key = KeyPair::from_pem(&root.key).map_err(|_| IssueError::Root)?;
    let issuer = Issuer::from_ca_cert_pem(&root.certificate, key).map_err(|_| IssueError::Root)?;
    // Nothing but the names is taken from whoever asks.
    let mut params = CertificateParams::new(names.clone())?;
    let not_after = lasting(&mut params, now, LIFETIME_DAYS)?;
    params.distinguished_name = distinguished(&names[0].chars().take(64).collect::<String>());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&asked.public_key, &issuer)?;
    let fingerprint =
        super::fingerprint(&rcgen::PublicKeyData::subject_public_key_info(&asked.public_key));
    let key = fingerprint.replace(':', "").to_ascii_lowercase();
    Ok(Issued { chain: certificate.pem() + &root.certificate, names, key, not_after })
}

fn checked(names: &[String]) -> Result<Vec<String>, IssueError> {
    if names.is_empty() || names.len() > NAMES {
        return Err(IssueError::Count(names.len()));
    }
    let mut checked = Vec::with_capacity(names.len());
    for name in names {
        let name = name.trim().to_ascii_lowercase();
        let is_ours = match name.parse() {
            Ok(IpAddr::V4(ip)) => PRIVATE_V4.iter().any(|(net, bits)| {
                let shift = 32 - u32::from(*bits);
                u32::from(ip) >> shift == u32::from(*net) >> shift
            }),
            Ok(IpAddr::V6(ip)) => ip.octets()[0] & 0xfe == 0xfc,
            Err(_) => is_name(&name),
        };
        match is_ours {
            true if checked.contains(&name) => {}
            true => checked.push(name),
            false => return Err(IssueError::Name(name)),
        }
    }
    Ok(checked)
}

/// A host below our domain (RFC 1123).
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let below = name.strip_suffix(DOMAIN).and_then(|below| below.strip_suffix('.'));
    name.len() <= 253 && below.is_some_and(|below| below.split('.').all(label))
}

fn word(name: &SanType) -> String {
    match name {
        SanType::DnsName(name) => name.as_str().to_owned(),
        SanType::IpAddress(ip) => ip.to_string(),
        // Refused by its name.
        other => format!("{other:?}"),
    }
}

fn new_key() -> Result<KeyPair, IssueError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

/// Sets when it begins, when it ends, and a serial; gives the end.
fn lasting(
    params: &mut CertificateParams,
    now: Timestamp,
    days: u32,
) -> Result<Timestamp, IssueError> {
    let epoch = date_time_ymd(1970, 1, 1);
    let seconds = |at: i64| Duration::from_secs(u64::try_from(at / 1_000).unwrap_or(0));
    let end = now.0.saturating_add(i64::from(days) * 86_400_000);
    params.not_before = epoch + seconds(now.0 - BEFORE);
    params.not_after = epoch + seconds(end);
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(IssueError::Random)?;
    // RFC 5280, 4.1.2.2: positive, and never zero.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(Timestamp(end / 1_000 * 1_000))
}

fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Mot Cua");
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

    const NOW: Timestamp = Timestamp(1_796_000_000_000);

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Whether a browser that trusts the root of `by` takes `chain` for `name` at that time.
    fn is_taken(by: &Pair, chain: &str, name: &str, at: Timestamp) -> bool {
        let root = CertificateDer::from_pem_slice(by.certificate.as_bytes()).unwrap();
        let own = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        let anchors = [anchor_from_trusted_cert(&root).unwrap()];
        let own = EndEntityCert::try_from(&own).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at.0).unwrap()));
        let path = own.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &[],
            time,
            KeyUsage::server_auth(),
            None,
            None,
        );
        path.is_ok()
            && own.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()).is_ok()
    }

    #[test]
    fn a_browser_takes_it_for_its_names_in_its_time_and_from_its_root_alone() {
        let (root, other) = (make_root("Hà Nội", NOW).unwrap(), make_root("Hà Nội", NOW).unwrap());
        let key = make_key().unwrap();
        let asked = request(&key, &names(&["Mot-Cua-1.motcua.internal", "192.168.1.10"])).unwrap();
        let issued = issue(&root, &asked, NOW).unwrap();
        assert_eq!(issued.names, ["mot-cua-1.motcua.internal", "192.168.1.10"]);
        for name in ["mot-cua-1.motcua.internal", "192.168.1.10"] {
            assert!(is_taken(&root, &issued.chain, name, NOW), "{name}");
            assert!(!is_taken(&other, &issued.chain, name, NOW), "{name}, of another root");
        }
        assert!(!is_taken(&root, &issued.chain, "mot-cua-2.motcua.internal", NOW));
        let after = Timestamp(issued.not_after.0 + 1_000);
        assert!(!is_taken(&root, &issued.chain, "192.168.1.10", after));
        assert!(is_taken(&root, &issued.chain, "192.168.1.10", Timestamp(NOW.0 - BEFORE / 2)));
    }

    #[test]
    fn a_root_speaks_for_no_name_of_the_world_even_where_its_key_is_stolen() {
        let root = make_root("Hà Nội", NOW).unwrap();
        for name in ["bank.example", "8.8.8.8"] {
            let key = new_key().unwrap();
            let issuer =
                Issuer::from_ca_cert_pem(&root.certificate, KeyPair::from_pem(&root.key).unwrap());
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            lasting(&mut params, NOW, 10).unwrap();
            let forged = params.signed_by(&key, &issuer.unwrap()).unwrap().pem();
            assert!(!is_taken(&root, &forged, name, NOW), "{name}");
        }
    }

    #[test]
    fn what_a_root_does_not_speak_for_is_refused_by_its_name() {
        let key = make_key().unwrap();
        for bad in [
            "bank.example",
            "motcua.internal",
            "xmotcua.internal",
            "a..motcua.internal",
            "-a.motcua.internal",
            "*.motcua.internal",
            "8.8.8.8",
            "172.32.0.1",
            "::1",
            "",
        ] {
            let words = request(&key, &names(&[bad])).unwrap_err().to_string();
            assert!(words.contains(&format!("{bad:?}")), "{bad}: {words}");
        }
        assert!(matches!(request(&key, &[]), Err(IssueError::Count(0))));
        // A request that another program made.
        let pair = KeyPair::from_pem(&key).unwrap();
        let params = CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
        let asked = params.serialize_request(&pair).unwrap().pem().unwrap();
        let root = make_root("Hà Nội", NOW).unwrap();
        assert!(matches!(issue(&root, &asked, NOW), Err(IssueError::Name(_))));
    }

    #[test]
    fn a_request_that_was_changed_on_the_way_is_none() {
        let root = make_root("Hà Nội", NOW).unwrap();
        let asked = request(&make_key().unwrap(), &names(&["192.168.1.10"])).unwrap();
        let der = pem_bytes(&asked);
        let ip = der.windows(4).position(|four| four == [192, 168, 1, 10]).unwrap();
        let mut bent = der.clone();
        bent[ip + 3] = 11;
        let issued = |der: &[u8]| {
            let der = rustls_pki_types::CertificateSigningRequestDer::from(der);
            CertificateSigningRequestParams::from_der(&der).is_ok()
        };
        assert!(issued(&der) && !issued(&bent));
        for text in ["", "nothing", root.certificate.as_str()] {
            assert!(matches!(issue(&root, text, NOW), Err(IssueError::Request)), "{text}");
        }
        let other = make_root("Hà Nội", NOW).unwrap();
        let mixed = Pair { certificate: root.certificate.clone(), key: other.key };
        let signed = issue(&mixed, &asked, NOW)
            .map(|issued| is_taken(&root, &issued.chain, "192.168.1.10", NOW));
        assert!(!matches!(signed, Ok(true)), "another root's key signs nothing for this one");
    }

    fn pem_bytes(text: &str) -> Vec<u8> {
        rustls_pki_types::CertificateSigningRequestDer::from_pem_slice(text.as_bytes())
            .unwrap()
            .to_vec()
    }
}
