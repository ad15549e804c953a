//! From a list of offices to a machine that has joined: provisioning, the pure exchange as hub and
//! machine make it, and what both keep.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_core::{
    id::Nonce,
    key::SecretKey,
    time::Timestamp,
    trust::{
        JoinBundle, NodeKind, Signed, TrustView,
        enrol::{RecoveryReply, RecoveryRequest, decide_enrolment, decide_renewal, prove},
    },
};
use motcua_provision::{
    city::{CreateCity, HubSpec, plan},
    folder::City,
    offices,
    token::{self, CreateToken},
};
use motcua_shell::{
    certificate::{LIFETIME_DAYS, issue, server_name},
    identity::Identity,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::{fs, path::Path, time::Duration};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const CHALLENGE: Nonce = Nonce([0xc0; 16]);
const OFFICES: &str = "gso_code,name,tier,parent_gso_code,lat,lon
79,Thành phố Hồ Chí Minh,city,,,
760,Quận 1,district,79,,
26734,Phường Tân Định,ward,760,,
";

fn make_city(dir: &Path) -> City {
    let hub = |code: &str, address: &str| HubSpec {
        code: code.into(),
        addresses: vec![address.into()],
        recovery_addresses: vec![],
    };
    let wanted = CreateCity {
        name: "Thành phố Hồ Chí Minh".into(),
        offices: offices::parse(OFFICES.as_bytes()).unwrap(),
        hubs: vec![hub("79", "10.0.0.1:4433"), hub("760", "10.0.1.1:4433")],
        only: vec![],
        root_keys: 3,
        threshold: 2,
        org_code_prefix: "H29".into(),
    };
    plan(&wanted, NOW).unwrap().write(&dir.join("city")).unwrap();
    City::open(&dir.join("city")).unwrap()
}

fn make_bundle(city: &City, dir: &Path) -> JoinBundle {
    let out = dir.join("ward.join");
    let wanted = CreateToken {
        office: "26734".into(),
        slot: 1,
        slots: 1,
        lifetime_ms: 86_400_000,
        out: out.clone(),
    };
    token::create(city, &wanted, NOW).unwrap();
    JoinBundle::from_text(&fs::read_to_string(out).unwrap()).unwrap()
}

/// The hub's side of one request, as far as it is pure.
fn answer(hub: &Identity, request: &[u8]) -> RecoveryReply {
    let own = hub.bound().unwrap().office;
    let grant = match RecoveryRequest::decode(request).unwrap() {
        RecoveryRequest::Enrol { token, key, proof, .. } => {
            decide_enrolment(&hub.trust, &token, &key, &proof, CHALLENGE, NOW, None, None, own)
        }
        RecoveryRequest::Renew { key, binding, proof, .. } => {
            decide_renewal(&hub.trust, &key, binding.as_ref(), &proof, CHALLENGE, None, own)
        }
        other => panic!("not expected here: {other:?}"),
    };
    let grant = match grant {
        Ok(grant) => grant,
        Err(refusal) => return refusal.reply(),
    };
    let issuer = hub.issuer.as_ref().unwrap();
    let binding = Signed::sign(issuer, &grant.binding(hub.trust.domain(), NOW)).unwrap();
    let ca = &hub.trust.issuer(&issuer.public()).unwrap().ca_cert;
    let certificate_chain = issue(issuer, ca, &grant.key, grant.kind, NOW, LIFETIME_DAYS).unwrap();
    RecoveryReply::Enrolled { binding, certificate_chain, trust: hub.trust.to_bytes() }
}

/// The machine's side: what it keeps of an answer, checked with nothing but the pin.
fn keep(bundle: &JoinBundle, device: SecretKey, reply: &[u8]) -> Identity {
    let RecoveryReply::Enrolled { binding, certificate_chain, trust } =
        RecoveryReply::decode(reply).unwrap()
    else {
        panic!("refused")
    };
    let trust = TrustView::from_peer(&trust, bundle.root_pin).unwrap();
    assert_eq!(trust.binding(&binding).unwrap().key, device.public());
    Identity { device, binding, tls_chain: certificate_chain, trust, issuer: None }
}

/// What a peer checks of a certificate: one of the CAs of the root document, and the name.
fn accepted(trust: &TrustView, chain: &[Vec<u8>], name: &str) -> bool {
    let cas: Vec<CertificateDer<'_>> =
        trust.root().issuers.iter().map(|issuer| issuer.ca_cert.as_slice().into()).collect();
    let anchors: Vec<_> = cas.iter().map(|ca| anchor_from_trusted_cert(ca).unwrap()).collect();
    let leaf = CertificateDer::from(chain[0].as_slice());
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let time = UnixTime::since_unix_epoch(Duration::from_millis(NOW.0 as u64));
    let usage = KeyUsage::client_auth();
    let verified =
        leaf.verify_for_usage(&[webpki::ring::ED25519], &anchors, &[], time, usage, None, None);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verified.is_ok() && leaf.verify_is_valid_for_subject_name(&name).is_ok()
}

#[test]
fn a_machine_joins_with_its_bundle_and_comes_back_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let city = make_city(dir.path());
    let bundle = make_bundle(&city, dir.path());
    let hub = Identity::load(&dir.path().join("city/hubs/760")).unwrap();
    assert_eq!(bundle.hub_key, hub.device.public());

    let data = dir.path().join("node");
    let device = Identity::device_key(&data).unwrap();
    let token_id = bundle.check().unwrap().id;
    let proof = prove(&device, bundle.domain, CHALLENGE, token_id);
    let (key, nonce) = (device.public(), CHALLENGE);
    let request = RecoveryRequest::Enrol { token: bundle.token.clone(), key, nonce, proof };
    let reply = answer(&hub, &request.encode()).encode();
    keep(&bundle, device, &reply).save(&data).unwrap();

    let node = Identity::load(&data).unwrap();
    let bound = node.trust.binding(&node.binding).unwrap();
    assert_eq!((bound.kind, bound.serial), (NodeKind::Node, 1));
    assert_eq!(node.trust.office(bound.office).unwrap().name, "Phường Tân Định");
    assert!(accepted(&hub.trust, &node.tls_chain, &server_name(bound.node())));
    assert!(accepted(&node.trust, &hub.tls_chain, &server_name(hub.device.public().node_id())));
    assert!(!accepted(&node.trust, &hub.tls_chain, &server_name(bound.node())));

    // The hub lost its journal: the binding that the machine shows is enough.
    let proof = prove(&node.device, bundle.domain, CHALLENGE, Nonce::ZERO);
    let binding = Some(node.binding.clone());
    let request = RecoveryRequest::Renew { key: node.device.public(), binding, nonce, proof };
    let reply = answer(&hub, &request.encode()).encode();
    let renewed = keep(&bundle, node.device, &reply);
    renewed.save(&data).unwrap();
    assert_eq!(Identity::load(&data).unwrap().bound().unwrap().serial, 2);
}

#[test]
fn a_bundle_of_another_city_is_refused_by_hub_and_machine() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    make_city(ours.path());
    let bundle = make_bundle(&make_city(theirs.path()), theirs.path());
    let hub = Identity::load(&ours.path().join("city/hubs/760")).unwrap();
    let device = SecretKey::from_seed([9; 32]);
    let proof = prove(&device, bundle.domain, CHALLENGE, bundle.check().unwrap().id);
    let (token, key, nonce) = (bundle.token.clone(), device.public(), CHALLENGE);
    let request = RecoveryRequest::Enrol { token, key, nonce, proof };
    let reply = answer(&hub, &request.encode());
    assert!(matches!(reply, RecoveryReply::Refused { code: 1, .. }), "{reply:?}");
    assert!(TrustView::from_peer(&hub.trust.to_bytes(), bundle.root_pin).is_err());
}
