//! Papers of a city for benchmark and storm: one hub, one office with two machines, and 400 more
//! offices. Issued here in process; enrolment is not what is measured.

use anyhow::{Context, ensure};
use motcua_core::{
    id::{DomainId, Hash, OfficeId},
    key::SecretKey,
    time::Timestamp,
    trust::{
        Binding, Catalogue, HubRecord, Issuer, NodeKind, OfficeRecord, RootDocument, Signed,
        SignedRoot, Tier, TrustView,
    },
};
use motcua_shell::{certificate, identity::Identity};
use std::path::Path;

/// Offices beside the one that the scenarios use.
pub const OFFICES: u16 = 400;

fn key(name: &str, number: u16) -> SecretKey {
    let seed = motcua_core::hash::sha256(format!("bench {name} {number}").as_bytes());
    SecretKey::from_seed(seed.0)
}

fn office(number: u16) -> OfficeId {
    let mut id = OfficeId([0xb0; 16]);
    id.0[14..].copy_from_slice(&number.to_be_bytes());
    id
}

/// The hub's office.
const CITY: u16 = u16::MAX;

fn trust(port: u16, offices: u16) -> anyhow::Result<TrustView> {
    let domain = DomainId([0xbe; 16]);
    let issuer = key("issuer", 0);
    let hub = HubRecord {
        office: office(CITY),
        key: key("hub", 0).public(),
        addresses: vec![format!("127.0.0.1:{port}")],
        recovery_addresses: vec![],
    };
    let root = RootDocument {
        domain,
        number: 1,
        previous: Hash::ZERO,
        issued_at: Timestamp(0),
        name: "bench".into(),
        threshold: 1,
        roots: vec![key("root", 0).public()],
        issuers: vec![Issuer {
            key: issuer.public(),
            scope: office(CITY),
            ca_cert: certificate::make_ca(&issuer, "bench")?,
        }],
        registrars: vec![key("registrar", 0).public()],
        denial_key: key("denial", 0).public(),
        hubs: vec![hub],
    };
    let signed = SignedRoot::sign(&root, &[&key("root", 0)])?;
    let mut trust = TrustView::new(signed.hash(), signed)?;
    let record = |number: u16, tier, parent| OfficeRecord {
        id: office(number),
        code: format!("{number}"),
        org_code: format!("H49.{:02}.{:02}", 10 + number % 80, 10 + number / 80 % 80),
        name: format!("Cơ quan {number}"),
        tier,
        parent,
        valid_from: Timestamp(0),
        valid_to: None,
        location: None,
    };
    let wards = (0..=offices).map(|number| record(number, Tier::Ward, Some(office(CITY))));
    let offices = std::iter::once(record(CITY, Tier::City, None)).chain(wards).collect();
    let catalogue = Catalogue { domain, number: 1, issued_at: Timestamp(0), offices };
    trust.adopt_catalogue(Signed::sign(&key("registrar", 0), &catalogue)?)?;
    Ok(trust)
}

/// Writes the identity of a machine in a city of so many offices, the same for all of its machines:
/// the hub, or machine `slot` of office `number`.
///
/// # Errors
/// What could not be made or written.
pub fn write_identity(
    offices: u16,
    dir: &Path,
    kind: NodeKind,
    number: u16,
    slot: u16,
    port: u16,
) -> anyhow::Result<()> {
    ensure!(number <= offices, "only {offices} offices in the benchmark's city");
    let trust = trust(port, offices)?;
    let (device, office_number) = match kind {
        NodeKind::Hub => (key("hub", 0), CITY),
        NodeKind::Node => (key(&format!("node {slot}"), number), number),
    };
    let issuer = key("issuer", 0);
    let binding = Binding {
        domain: trust.domain(),
        key: device.public(),
        office: office(office_number),
        kind,
        slot,
        slots: 2,
        serial: 1,
        issued_at: Timestamp(0),
    };
    let ca = trust.issuer(&issuer.public()).context("the issuer is in the root")?.ca_cert.clone();
    // Far from any clock that the machines of a benchmark may have.
    let now = Timestamp(1_795_000_000_000);
    let tls_chain =
        certificate::issue(&issuer, &ca, &device.public(), kind, now, certificate::LIFETIME_DAYS)?;
    let identity = Identity {
        device,
        binding: Signed::sign(&issuer, &binding)?,
        tls_chain,
        trust,
        issuer: None,
    };
    identity.save(dir)?;
    Ok(())
}
