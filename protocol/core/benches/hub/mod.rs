//! A hub's ledger that takes in one node's catch-up. Its content folds nothing: automerge's time is
//! automerge's.

use crate::{
    author::{Author, DOMAIN},
    workload,
};
use motcua_core::{
    id::{DossierId, Hash, OfficeId},
    key::SecretKey,
    ledger::{Content, ContentFault, Folded, Ledger, Me},
    record::Record,
    state::history::Stored,
    time::Timestamp,
    trust::{
        Binding, Catalogue, Issuer, NodeKind, OfficeRecord, RootDocument, Signed, SignedRoot, Tier,
        TrustView,
    },
    wire,
};

pub struct Blank;

impl Content for Blank {
    fn fold(&mut self, _: DossierId, _: &[&Stored]) -> Result<Folded, ContentFault> {
        Ok(Folded::default())
    }

    fn show(&mut self, _: DossierId, _: &[u8]) -> Option<Folded> {
        Some(Folded::default())
    }
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

const CITY: OfficeId = OfficeId([0xc1; 16]);

fn trust(ward: OfficeId) -> TrustView {
    let root = RootDocument {
        domain: DOMAIN,
        number: 1,
        previous: Hash::ZERO,
        issued_at: Timestamp(0),
        name: "Thành phố đo".into(),
        threshold: 1,
        roots: vec![key(201).public()],
        issuers: vec![Issuer { key: key(202).public(), scope: CITY, ca_cert: vec![1] }],
        registrars: vec![key(203).public()],
        denial_key: key(204).public(),
        hubs: vec![],
    };
    let signed = SignedRoot::sign(&root, &[&key(201)]).unwrap();
    let mut trust = TrustView::new(signed.hash(), signed).unwrap();
    let office = |id, tier, parent| OfficeRecord {
        id,
        code: format!("{tier:?}"),
        org_code: "H49.10".into(),
        name: format!("{tier:?}"),
        tier,
        parent,
        valid_from: Timestamp(0),
        valid_to: None,
        location: None,
    };
    let offices = vec![office(CITY, Tier::City, None), office(ward, Tier::Ward, Some(CITY))];
    let catalogue = Catalogue { domain: DOMAIN, number: 1, issued_at: Timestamp(0), offices };
    trust.adopt_catalogue(Signed::sign(&key(203), &catalogue).unwrap()).unwrap();
    trust
}

/// The hub's ledger, and the records of its journal: who writes the log, then its frames.
pub fn catch_up(author: &Author) -> (impl Fn() -> Ledger<Blank>, Vec<(u64, Record)>) {
    let public = author.key.public();
    let ward = OfficeId([public.0[0]; 16]);
    let trust = trust(ward);
    let binding = Binding {
        domain: DOMAIN,
        key: public,
        office: ward,
        kind: NodeKind::Node,
        slot: 0,
        slots: 1,
        serial: 1,
        issued_at: Timestamp(0),
    };
    let binding = Signed::sign(&key(202), &binding).unwrap().encode();
    let mut records = vec![Record::Author { log: author.log, binding, origin: public.node_id() }];
    let (mut rest, mut first) = (&author.entries[..], 1);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(wire::entries_for_frame(rest));
        let frame = frame(author, first, now);
        records.push(Record::Up { from: public.node_id(), frame });
        first += now.len() as u64;
        rest = later;
    }
    let me = Me { node: key(205).public().node_id(), office: CITY };
    let ledger = move || Ledger::new(me, trust.clone(), Blank);
    (ledger, (1..).zip(records).collect())
}

/// One frame of a log.
pub fn frame(author: &Author, first: u64, entries: &[motcua_core::entry::Entry]) -> Vec<u8> {
    let resolve = |dossier: &DossierId, hash: &Hash| author.sequence_of(dossier, hash);
    let signature = author.sign(1);
    wire::encode_up(&author.key.public(), author.log, first, entries, resolve, &signature).unwrap()
}

/// A node with a log of so many dossiers of seven revisions.
pub fn node(dossiers: u64) -> Author {
    workload::write(dossiers)
}
