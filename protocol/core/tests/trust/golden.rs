//! Bytes of every signed document, fixed: what was once signed must read and verify for ever.
//! After a deliberate change of format write them anew with `MOTCUA_GOLDEN=write`.

use crate::city::{
    WARD, bind, bundle, catalogue, denial, device, district_issuer, following, full_view,
    registrar, root_one, roots, sign_root, token,
};
use motcua_core::{
    id::{LogId, Nonce},
    trust::{
        Binding, Catalogue, DenialList, Denied, DenyAction, JoinBundle, JoinToken, Signed,
        SignedRoot, TrustView,
        enrol::{Audit, RecoveryReply, RecoveryRequest, Refusal, RefusalCode, prove},
    },
};
use std::{fs, path::PathBuf};

fn compare(name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/trust/golden").join(name);
    if std::env::var("MOTCUA_GOLDEN").is_ok_and(|value| value == "write") {
        fs::write(&path, to_hex(bytes)).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert_eq!(to_hex(bytes), golden, "{name} differs from the released bytes");
}

fn to_hex(bytes: &[u8]) -> String {
    let line = |chunk: &[u8]| chunk.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n";
    bytes.chunks(32).map(line).collect()
}

#[test]
fn root_documents() {
    let first = sign_root(&root_one(), &roots());
    let second = sign_root(&following(&first), &roots()[..2]);
    for (name, root) in [("root-1.hex", first), ("root-2.hex", second)] {
        compare(name, &root.encode());
        assert_eq!(SignedRoot::decode(&root.encode()), Ok(root));
    }
}

#[test]
fn documents_of_one_signer() {
    let signed = Signed::sign(&registrar(), &catalogue(1)).unwrap();
    compare("catalogue.hex", &signed.encode());
    assert_eq!(Signed::decode::<Catalogue>(&signed.encode()), Ok(signed.clone()));
    assert_eq!(signed.open(), Ok(catalogue(1)));

    let node = device().public().node_id();
    let last_good = vec![(LogId([7; 16]), 12)];
    let signed = denial(3, vec![Denied { node, action: DenyAction::Ban, last_good }]);
    compare("denial.hex", &signed.encode());
    assert_eq!(signed.open::<DenialList>().unwrap().denied.len(), 1);

    let signed = bind(&district_issuer(), &device(), WARD, 7);
    compare("binding.hex", &signed.encode());
    assert_eq!(signed.open::<Binding>().unwrap().serial, 7);

    let signed = Signed::sign(&registrar(), &token(WARD)).unwrap();
    compare("token.hex", &signed.encode());
    assert_eq!(signed.open::<JoinToken>(), Ok(token(WARD)));
}

#[test]
fn stores_and_bundles() {
    compare("trust.hex", &full_view().to_bytes());
    assert!(TrustView::from_bytes(&full_view().to_bytes()).is_ok());
    let text = bundle().to_text().unwrap();
    compare("bundle.hex", text.as_bytes());
    assert_eq!(JoinBundle::from_text(&text), Ok(bundle()));
}

#[test]
fn recovery_messages() {
    let (key, nonce) = (device().public(), Nonce([0xc0; 16]));
    let token = Signed::sign(&registrar(), &token(WARD)).unwrap();
    let proof = prove(&device(), crate::city::DOMAIN, nonce, Nonce([0x70; 16]));
    let binding = bind(&district_issuer(), &device(), WARD, 1);
    let requests = [
        RecoveryRequest::Hello { nonce },
        RecoveryRequest::Enrol { token, key, nonce, proof },
        RecoveryRequest::Renew { key, binding: Some(binding.clone()), nonce, proof },
        RecoveryRequest::Roots { after: 300 },
    ];
    for (name, request) in ["hello", "enrol", "renew", "roots"].iter().zip(requests) {
        compare(&format!("request-{name}.hex"), &request.encode());
    }
    let refusal = Refusal { code: RefusalCode::NotAdmitted, audit: Audit::Proof(key) };
    let chain = vec![vec![0x30, 1], vec![0x30, 2]];
    let time = crate::city::NOW;
    let hub = crate::city::key(31);
    let replies = [
        RecoveryReply::challenge(&hub, crate::city::DOMAIN, nonce, nonce, time),
        RecoveryReply::Enrolled { binding, certificate_chain: chain, trust: vec![1, 2, 3] },
        RecoveryReply::roots(&full_view(), 0),
        refusal.reply(),
    ];
    for (name, reply) in ["challenge", "enrolled", "roots", "refused"].iter().zip(replies) {
        compare(&format!("reply-{name}.hex"), &reply.encode());
        assert_eq!(RecoveryReply::decode(&reply.encode()), Ok(reply));
    }
}
