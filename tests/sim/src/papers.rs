//! Trust papers of a simulated city: what its operators sign.

use crate::shape::{OfficeAt, Shape, office_id};
use motcua_core::{
    id::{DomainId, Hash, NodeId},
    key::{PublicKey, SecretKey},
    time::Timestamp,
    trust::{
        Binding, Catalogue, DenialList, Denied, HubRecord, Issuer, NodeKind, OfficeRecord,
        RootDocument, Signed, SignedRoot, TrustView,
    },
};
use std::collections::BTreeMap;

/// The trust domain of every simulated city.
pub(crate) const DOMAIN: DomainId = DomainId([0xd0; 16]);

const ROOT: u64 = 1;
const ISSUER: u64 = 2;
const REGISTRAR: u64 = 3;
const DENIAL: u64 = 4;

/// What stands signed.
#[derive(Clone)]
pub(crate) struct Papers {
    /// As the first machines were enrolled with.
    pub first: TrustView,
    /// The newest documents.
    pub newest: TrustView,
    /// Who is denied, by the newest list.
    pub denied: BTreeMap<NodeId, Denied>,
    hubs: BTreeMap<OfficeAt, PublicKey>,
}

/// A key by its number; numbers below 100 are the operators'.
pub(crate) fn key(number: u64) -> SecretKey {
    let hash = blake3::hash(&number.to_le_bytes());
    SecretKey::from_seed(*hash.as_bytes())
}

impl Papers {
    /// Papers of a city in which these keys stand at its hubs.
    pub(crate) fn new(shape: &Shape, hubs: BTreeMap<OfficeAt, PublicKey>) -> Self {
        let root = RootDocument {
            domain: DOMAIN,
            number: 1,
            previous: Hash::ZERO,
            issued_at: Timestamp(0),
            name: "Thành phố mô phỏng".into(),
            threshold: 1,
            roots: vec![key(ROOT).public()],
            issuers: vec![Issuer {
                key: key(ISSUER).public(),
                scope: office_id(0),
                ca_cert: vec![1],
            }],
            registrars: vec![key(REGISTRAR).public()],
            denial_key: key(DENIAL).public(),
            hubs: hubs.iter().map(|(office, key)| hub_record(*office, *key)).collect(),
        };
        let signed = SignedRoot::sign(&root, &[&key(ROOT)]).expect("a root document of limits");
        let mut first = TrustView::new(signed.hash(), signed).expect("its own pin");
        let offices = shape.offices.iter().enumerate().map(|(at, office)| OfficeRecord {
            id: office_id(at),
            code: format!("{at}"),
            org_code: "H29.30".into(),
            name: format!("{:?} {at}", office.tier),
            tier: office.tier,
            parent: office.parent.map(office_id),
            valid_from: Timestamp(0),
            valid_to: None,
            location: None,
        });
        let catalogue = Catalogue {
            domain: DOMAIN,
            number: 1,
            issued_at: Timestamp(0),
            offices: offices.collect(),
        };
        let catalogue = Signed::sign(&key(REGISTRAR), &catalogue).expect("a catalogue of limits");
        first.adopt_catalogue(catalogue).expect("the registrar signed it");
        Self { newest: first.clone(), first, denied: BTreeMap::new(), hubs }
    }

    /// A new machine stands in for the hub of an office, or none does any more.
    pub(crate) fn name_hub(&mut self, office: OfficeAt, key_there: Option<PublicKey>) {
        match key_there {
            Some(key) => self.hubs.insert(office, key),
            None => self.hubs.remove(&office),
        };
        let before = self.newest.roots_after(0).last().cloned().expect("there is a root document");
        let document = before.read().expect("signed here");
        let next = RootDocument {
            number: document.number + 1,
            previous: before.hash(),
            hubs: self.hubs.iter().map(|(office, key)| hub_record(*office, *key)).collect(),
            ..document
        };
        let signed = SignedRoot::sign(&next, &[&key(ROOT)]).expect("a root document of limits");
        self.newest.adopt_root(signed).expect("it follows");
    }

    /// A new denial list, with one machine denied otherwise than before, or let in again.
    pub(crate) fn deny(&mut self, node: NodeId, denied: Option<Denied>) {
        match denied {
            Some(denied) => self.denied.insert(node, denied),
            None => self.denied.remove(&node),
        };
        let list = DenialList {
            domain: DOMAIN,
            number: self.newest.denial().map_or(0, |list| list.number) + 1,
            issued_at: Timestamp(0),
            denied: self.denied.values().cloned().collect(),
        };
        let signed = Signed::sign(&key(DENIAL), &list).expect("a list of limits");
        self.newest.adopt_denial(signed).expect("the denial key signed it");
    }

    /// The binding of a machine's key to its office.
    pub(crate) fn bind(&self, key_there: &PublicKey, office: OfficeAt, kind: NodeKind) -> Vec<u8> {
        let binding = Binding {
            domain: DOMAIN,
            key: *key_there,
            office: office_id(office),
            kind,
            slot: 0,
            slots: 1,
            serial: 1,
            issued_at: Timestamp(0),
        };
        Signed::sign(&key(ISSUER), &binding).expect("a binding of limits").encode()
    }
}

fn hub_record(office: OfficeAt, key: PublicKey) -> HubRecord {
    HubRecord {
        office: office_id(office),
        key,
        addresses: vec!["127.0.0.1:7001".into()],
        recovery_addresses: vec![],
    }
}
