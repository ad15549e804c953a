//! A city of one hub and one ward for tests, with real certificates.
#![allow(clippy::unwrap_used)]

use crate::{
    certificate::{issue, make_ca},
    transport::{Credentials, TrustHandle, tls::WallClock},
};
use motcua_core::{
    id::{DomainId, Hash, Nonce, OfficeId},
    key::{PublicKey, SecretKey},
    time::Timestamp,
    trust::{
        Catalogue, DenialList, Denied, DenyAction, HubRecord, Issuer, JoinBundle, JoinToken,
        NodeKind, OfficeRecord, RootDocument, Signed, SignedRoot, Tier, TrustView,
    },
};
use std::{net::SocketAddr, sync::Arc};

pub(crate) const DOMAIN: DomainId = DomainId([0xd0; 16]);
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);
pub(crate) const CITY: OfficeId = OfficeId([1; 16]);
pub(crate) const WARD: OfficeId = OfficeId([2; 16]);
pub(crate) const DAY: i64 = 86_400_000;

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub(crate) fn root_key() -> SecretKey {
    key(1)
}
pub(crate) fn registrar() -> SecretKey {
    key(2)
}
pub(crate) fn denial_key() -> SecretKey {
    key(3)
}
pub(crate) fn issuer() -> SecretKey {
    key(4)
}
pub(crate) fn hub() -> SecretKey {
    key(5)
}
pub(crate) fn node() -> SecretKey {
    key(6)
}

pub(crate) fn ca() -> Vec<u8> {
    make_ca(&issuer(), "Thành phố").unwrap()
}

pub(crate) fn hub_record(address: SocketAddr, recovery: Option<SocketAddr>) -> HubRecord {
    HubRecord {
        office: CITY,
        key: hub().public(),
        addresses: vec![address.to_string()],
        recovery_addresses: recovery.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn root_one(ca_cert: Vec<u8>) -> RootDocument {
    RootDocument {
        domain: DOMAIN,
        number: 1,
        previous: Hash::ZERO,
        issued_at: NOW,
        name: "Thành phố".into(),
        threshold: 1,
        roots: vec![root_key().public()],
        issuers: vec![Issuer { key: issuer().public(), scope: CITY, ca_cert }],
        registrars: vec![registrar().public()],
        denial_key: denial_key().public(),
        hubs: vec![hub_record(SocketAddr::from(([127, 0, 0, 1], 4433)), None)],
    }
}

pub(crate) fn sign_root(document: &RootDocument) -> SignedRoot {
    SignedRoot::sign(document, &[&root_key()]).unwrap()
}

pub(crate) fn view(ca_cert: Vec<u8>) -> TrustView {
    let root = sign_root(&root_one(ca_cert));
    let mut view = TrustView::new(root.hash(), root).unwrap();
    let office = |id, name: &str, tier, parent| OfficeRecord {
        id,
        code: name.into(),
        org_code: name.into(),
        name: name.into(),
        tier,
        parent,
        valid_from: NOW,
        valid_to: None,
        location: None,
    };
    let offices =
        vec![office(CITY, "H29", Tier::City, None), office(WARD, "26734", Tier::Ward, Some(CITY))];
    let catalogue = Catalogue { domain: DOMAIN, number: 1, issued_at: NOW, offices };
    view.adopt_catalogue(Signed::sign(&registrar(), &catalogue).unwrap()).unwrap();
    view.adopt_denial(denial(1, &[])).unwrap();
    view
}

pub(crate) fn denial(number: u64, banned: &[PublicKey]) -> Signed {
    let deny = |key: &PublicKey| Denied {
        node: key.node_id(),
        action: DenyAction::Ban,
        last_good: vec![],
    };
    let denied = banned.iter().map(deny).collect();
    let list = DenialList { domain: DOMAIN, number, issued_at: NOW, denied };
    Signed::sign(&denial_key(), &list).unwrap()
}

pub(crate) fn certificates(device: &SecretKey, kind: NodeKind, ca_cert: &[u8]) -> Vec<Vec<u8>> {
    issue(&issuer(), ca_cert, &device.public(), kind, NOW, 90).unwrap()
}

pub(crate) fn clock_at(now: Timestamp) -> WallClock {
    Arc::new(move || now)
}

/// A city whose CA certificate is made once.
pub(crate) struct City {
    pub(crate) ca: Vec<u8>,
    pub(crate) view: TrustView,
}

impl City {
    pub(crate) fn new() -> Self {
        let ca = ca();
        let view = view(ca.clone());
        Self { ca, view }
    }

    pub(crate) fn trust(&self) -> TrustHandle {
        TrustHandle::new(self.view.clone())
    }

    pub(crate) fn credentials(&self, device: &SecretKey, kind: NodeKind) -> Credentials {
        let chain = certificates(device, kind, &self.ca);
        Credentials::new(device, &chain, self.trust(), clock_at(NOW)).unwrap()
    }

    pub(crate) fn bundle(&self, recovery: SocketAddr, expires_at: Timestamp) -> JoinBundle {
        let token = JoinToken {
            domain: DOMAIN,
            id: Nonce([0x70; 16]),
            office: WARD,
            kind: NodeKind::Node,
            slot: 0,
            slots: 2,
            expires_at,
        };
        JoinBundle {
            domain: DOMAIN,
            root_pin: self.view.pin(),
            hub_key: hub().public(),
            hub_addresses: vec![recovery.to_string()],
            office_name: "Phường Tân Định".into(),
            token: Signed::sign(&registrar(), &token).unwrap(),
            replaces: false,
        }
    }
}
