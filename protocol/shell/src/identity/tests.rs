#![allow(clippy::unwrap_used)]
use super::*;
use crate::certificate::{issue, make_ca};
use motcua_core::{
    id::{DomainId, Hash, OfficeId},
    time::Timestamp,
    trust::{Catalogue, Issuer, NodeKind, OfficeRecord, RootDocument, SignedRoot, Tier},
};
use std::{fs, os::unix::fs::PermissionsExt};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const OFFICE: OfficeId = OfficeId([1; 16]);
const DOMAIN: DomainId = DomainId([0xd0; 16]);

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

fn trust() -> TrustView {
    let root = RootDocument {
        domain: DOMAIN,
        number: 1,
        previous: Hash::ZERO,
        issued_at: NOW,
        name: "Thành phố".into(),
        threshold: 1,
        roots: vec![key(1).public()],
        issuers: vec![Issuer { key: key(2).public(), scope: OFFICE, ca_cert: vec![] }],
        registrars: vec![key(3).public()],
        denial_key: key(4).public(),
        hubs: vec![],
    };
    let root = SignedRoot::sign(&root, &[&key(1)]).unwrap();
    let mut view = TrustView::new(root.hash(), root).unwrap();
    let office = OfficeRecord {
        id: OFFICE,
        code: "79".into(),
        org_code: "H29.00".into(),
        name: "Thành phố".into(),
        tier: Tier::City,
        parent: None,
        valid_from: NOW,
        valid_to: None,
        location: None,
    };
    let catalogue = Catalogue { domain: DOMAIN, number: 1, issued_at: NOW, offices: vec![office] };
    view.adopt_catalogue(Signed::sign(&key(3), &catalogue).unwrap()).unwrap();
    view
}

fn identity(device: u8) -> Identity {
    let (device, issuer) = (key(device), key(2));
    let binding = Binding {
        domain: DOMAIN,
        key: device.public(),
        office: OFFICE,
        kind: NodeKind::Node,
        slot: 0,
        slots: 1,
        serial: 1,
        issued_at: NOW,
    };
    let ca = make_ca(&issuer, "CA").unwrap();
    Identity {
        binding: Signed::sign(&issuer, &binding).unwrap(),
        tls_chain: issue(&issuer, &ca, &device.public(), NodeKind::Node, NOW, 90).unwrap(),
        trust: trust(),
        issuer: None,
        device,
    }
}

#[test]
fn an_identity_round_trips_and_its_keys_are_for_the_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut saved = identity(10);
    saved.issuer = Some(key(2));
    saved.save(dir.path()).unwrap();
    saved.save(dir.path()).unwrap();
    let loaded = Identity::load(dir.path()).unwrap();
    assert_eq!(loaded.device.public(), key(10).public());
    assert_eq!((&loaded.binding, &loaded.tls_chain), (&saved.binding, &saved.tls_chain));
    assert_eq!(loaded.trust.numbers(), saved.trust.numbers());
    assert_eq!(loaded.issuer.map(|key| key.public()), Some(key(2).public()));
    for name in ["device.key", "issuer.key"] {
        let mode = fs::metadata(dir.path().join("identity").join(name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::read_dir(dir.path().join("identity")).unwrap().count(), 5, "no remains");
}

#[test]
fn a_machine_that_has_not_joined_says_so_and_keeps_its_key_over_a_cut() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Identity::load(dir.path()), Err(IdentityError::Absent { .. })));
    let first = Identity::device_key(dir.path()).unwrap();
    assert!(matches!(Identity::load(dir.path()), Err(IdentityError::Absent { .. })));
    let again = Identity::device_key(dir.path()).unwrap();
    assert_eq!(again.public(), first.public());
}

#[test]
fn a_missing_file_is_an_alarm_and_never_a_first_start() {
    for name in ["device.key", "binding", "tls-chain", "trust"] {
        let dir = tempfile::tempdir().unwrap();
        identity(10).save(dir.path()).unwrap();
        fs::remove_file(dir.path().join("identity").join(name)).unwrap();
        let error = Identity::load(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Missing { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        if name == "device.key" {
            assert!(Identity::device_key(dir.path()).is_err(), "no new key over an old binding");
        }
    }
}

#[test]
fn damage_is_named_with_its_file_and_changes_nothing() {
    for name in ["device.key", "binding", "tls-chain", "trust"] {
        let dir = tempfile::tempdir().unwrap();
        identity(10).save(dir.path()).unwrap();
        let file = dir.path().join("identity").join(name);
        for bytes in [&b""[..], b"\xff\xff\xff\xff", &[1; 70]] {
            fs::write(&file, bytes).unwrap();
            let error = Identity::load(dir.path()).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("restore"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
    }
}

#[test]
fn files_of_two_machines_are_not_mixed() {
    let dir = tempfile::tempdir().unwrap();
    identity(10).save(dir.path()).unwrap();
    assert!(matches!(identity(11).save(dir.path()), Err(IdentityError::Occupied { .. })));
    let other = tempfile::tempdir().unwrap();
    identity(11).save(other.path()).unwrap();
    for name in ["binding", "tls-chain"] {
        identity(10).save(dir.path()).unwrap();
        let file = |dir: &Path| dir.join("identity").join(name);
        fs::copy(file(other.path()), file(dir.path())).unwrap();
        let error = Identity::load(dir.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Mixed { .. }), "{error}");
    }
}

#[test]
fn remains_of_a_cut_write_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    identity(10).save(dir.path()).unwrap();
    let remains = dir.path().join("identity/trust.new");
    fs::write(&remains, b"half").unwrap();
    assert!(Identity::load(dir.path()).is_ok());
    assert!(!remains.exists());
    let mut newer = trust();
    let catalogue = Catalogue { number: 2, ..newer.catalogue().unwrap().clone() };
    newer.adopt_catalogue(Signed::sign(&key(3), &catalogue).unwrap()).unwrap();
    Identity::save_trust(dir.path(), &newer).unwrap();
    assert_eq!(Identity::load(dir.path()).unwrap().trust.numbers().catalogue, 2);
}
