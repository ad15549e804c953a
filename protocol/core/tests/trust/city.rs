//! A small city with fixed keys: one city hub, two districts (one with a hub), three wards.

use motcua_core::{
    id::{DomainId, Hash, Nonce, OfficeId},
    key::{PublicKey, SecretKey},
    time::Timestamp,
    trust::{
        Binding, Catalogue, DenialList, Denied, HubRecord, Issuer, JoinBundle, JoinToken, Location,
        NodeKind, OfficeRecord, RootDocument, Signed, SignedRoot, Tier, TrustView,
    },
};

pub(crate) const DOMAIN: DomainId = DomainId([0xd0; 16]);
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);
pub(crate) const CITY: OfficeId = OfficeId([1; 16]);
pub(crate) const DISTRICT: OfficeId = OfficeId([2; 16]);
pub(crate) const OTHER_DISTRICT: OfficeId = OfficeId([3; 16]);
pub(crate) const WARD: OfficeId = OfficeId([4; 16]);
pub(crate) const WARD_TWO: OfficeId = OfficeId([5; 16]);
pub(crate) const FAR_WARD: OfficeId = OfficeId([6; 16]);

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

pub(crate) fn roots() -> [SecretKey; 3] {
    [key(1), key(2), key(3)]
}
pub(crate) fn registrar() -> SecretKey {
    key(10)
}
pub(crate) fn denial_key() -> SecretKey {
    key(11)
}
pub(crate) fn city_issuer() -> SecretKey {
    key(20)
}
pub(crate) fn district_issuer() -> SecretKey {
    key(21)
}
pub(crate) fn device() -> SecretKey {
    key(40)
}

pub(crate) fn root_one() -> RootDocument {
    RootDocument {
        domain: DOMAIN,
        number: 1,
        previous: Hash::ZERO,
        issued_at: NOW,
        name: "Thành phố Hồ Chí Minh".into(),
        threshold: 2,
        roots: roots().iter().map(SecretKey::public).collect(),
        issuers: vec![
            Issuer { key: city_issuer().public(), scope: CITY, ca_cert: vec![0x30, 1, 2] },
            Issuer { key: district_issuer().public(), scope: DISTRICT, ca_cert: vec![0x30, 3] },
        ],
        registrars: vec![registrar().public()],
        denial_key: denial_key().public(),
        hubs: vec![
            hub(CITY, key(30).public(), "10.0.0.1:4433"),
            hub(DISTRICT, key(31).public(), "quan1.example:4433"),
        ],
    }
}

fn hub(office: OfficeId, key: PublicKey, address: &str) -> HubRecord {
    HubRecord { office, key, addresses: vec![address.into()], recovery_addresses: vec![] }
}

pub(crate) fn sign_root(document: &RootDocument, keys: &[SecretKey]) -> SignedRoot {
    SignedRoot::sign(document, &keys.iter().collect::<Vec<_>>()).unwrap()
}

/// Document n+1 of `before`, with nothing else changed.
pub(crate) fn following(before: &SignedRoot) -> RootDocument {
    let document = before.read().unwrap();
    RootDocument { number: document.number + 1, previous: before.hash(), ..document }
}

pub(crate) fn catalogue(number: u64) -> Catalogue {
    let offices = vec![
        office(CITY, "79", "H29", "Thành phố Hồ Chí Minh", Tier::City, None),
        office(DISTRICT, "760", "H29.01", "Quận 1", Tier::District, Some(CITY)),
        office(OTHER_DISTRICT, "778", "H29.07", "Quận 7", Tier::District, Some(CITY)),
        office(WARD, "26734", "H29.01.01", "Phường Tân Định", Tier::Ward, Some(DISTRICT)),
        office(WARD_TWO, "26737", "H29.01.02", "Phường Đa Kao", Tier::Ward, Some(DISTRICT)),
        office(
            FAR_WARD,
            "27463",
            "H29.07.01",
            "Phường Tân Thuận Đông",
            Tier::Ward,
            Some(OTHER_DISTRICT),
        ),
    ];
    Catalogue { domain: DOMAIN, number, issued_at: NOW, offices }
}

pub(crate) fn office(
    id: OfficeId,
    code: &str,
    org_code: &str,
    name: &str,
    tier: Tier,
    parent: Option<OfficeId>,
) -> OfficeRecord {
    OfficeRecord {
        id,
        code: code.into(),
        org_code: org_code.into(),
        name: name.into(),
        tier,
        parent,
        valid_from: NOW,
        valid_to: None,
        location: Some(Location { lat_e6: 10_793_097, lon_e6: 106_690_295 }),
    }
}

pub(crate) fn denial(number: u64, denied: Vec<Denied>) -> Signed {
    let list = DenialList { domain: DOMAIN, number, issued_at: NOW, denied };
    Signed::sign(&denial_key(), &list).unwrap()
}

pub(crate) fn bind(
    issuer: &SecretKey,
    device: &SecretKey,
    office: OfficeId,
    serial: u64,
) -> Signed {
    let kind = NodeKind::Node;
    let key = device.public();
    let binding =
        Binding { domain: DOMAIN, key, office, kind, slot: 0, slots: 1, serial, issued_at: NOW };
    Signed::sign(issuer, &binding).unwrap()
}

pub(crate) fn token(office: OfficeId) -> JoinToken {
    JoinToken {
        domain: DOMAIN,
        id: Nonce([0x70; 16]),
        office,
        kind: NodeKind::Node,
        slot: 0,
        slots: 2,
        expires_at: Timestamp(NOW.0 + 7 * 86_400_000),
    }
}

pub(crate) fn bundle() -> JoinBundle {
    JoinBundle {
        domain: DOMAIN,
        root_pin: sign_root(&root_one(), &roots()).hash(),
        hub_key: key(31).public(),
        hub_addresses: vec!["quan1.example:4433".into(), "10.0.1.1:4433".into()],
        office_name: "Phường Tân Định, Quận 1".into(),
        token: Signed::sign(&registrar(), &token(WARD)).unwrap(),
        replaces: false,
    }
}

/// Root 1, catalogue 1, denial list 1.
pub(crate) fn full_view() -> TrustView {
    let root = sign_root(&root_one(), &roots());
    let mut view = TrustView::new(root.hash(), root).unwrap();
    view.adopt_catalogue(Signed::sign(&registrar(), &catalogue(1)).unwrap()).unwrap();
    view.adopt_denial(denial(1, vec![])).unwrap();
    view
}
