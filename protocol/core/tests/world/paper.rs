//! Trust papers of the test city, and how a hostile hub bends a frame.

use super::{Place, Place::*, Trick};
use motcua_core::{
    id::{DomainId, DossierId, Nonce, OfficeId},
    key::{Purpose, SecretKey},
    replica::{Bounds, Quota},
    time::Timestamp,
    trust::{
        ActStep, Binding, Catalogue, DenialList, Denied, HubRecord, Issuer, NodeKind, OfficeRecord,
        RegistrarAct, RootDocument, Signed, SignedRoot, Tier, TrustView,
    },
    wire::{AuthorPart, DownFrame, Row, RowItem},
};

pub const DOMAIN: DomainId = DomainId([0xd0; 16]);

#[derive(Clone)]
pub struct Papers {
    /// As every machine was enrolled with.
    pub trust: TrustView,
    /// The newest documents.
    pub newest: TrustView,
    /// What every hub keeps of its inboxes.
    pub keep: Bounds,
    /// What a machine may write.
    pub quota: Quota,
}

/// Found in every payload of a dossier.
pub fn marker(dossier: DossierId) -> Vec<u8> {
    format!("dấu vết {dossier}").into_bytes()
}

fn hub_record(place: Place) -> HubRecord {
    HubRecord {
        office: office(place),
        key: key(place).public(),
        addresses: vec!["127.0.0.1:7001".into()],
        recovery_addresses: vec![],
    }
}

fn seed(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

impl Papers {
    pub fn new() -> Self {
        let root = RootDocument {
            domain: DOMAIN,
            number: 1,
            previous: motcua_core::id::Hash::ZERO,
            issued_at: Timestamp(0),
            name: "Thành phố thử".into(),
            threshold: 1,
            roots: vec![seed(1).public()],
            issuers: vec![Issuer { key: seed(2).public(), scope: office(City), ca_cert: vec![1] }],
            registrars: vec![seed(3).public()],
            denial_key: seed(4).public(),
            hubs: [City, District1, District2].map(hub_record).to_vec(),
        };
        let signed = SignedRoot::sign(&root, &[&seed(1)]).unwrap();
        let mut trust = TrustView::new(signed.hash(), signed).unwrap();
        let offices = Place::ALL.map(|place| OfficeRecord {
            id: office(place),
            code: format!("{place:?}"),
            org_code: "H29.30".into(),
            name: format!("{place:?}"),
            tier: match place {
                City => Tier::City,
                District1 | District2 => Tier::District,
                Ward1 | Ward2 | Ward3 | Ward1B | Ward1C => Tier::Ward,
            },
            parent: place.parent().map(office),
            valid_from: Timestamp(0),
            valid_to: None,
            location: None,
        });
        let catalogue = Catalogue {
            domain: DOMAIN,
            number: 1,
            issued_at: Timestamp(0),
            offices: offices.to_vec(),
        };
        trust.adopt_catalogue(Signed::sign(&seed(3), &catalogue).unwrap()).unwrap();
        Self { newest: trust.clone(), trust, keep: Bounds::default(), quota: Quota::default() }
    }

    /// Signs a root document that names these hubs and no others.
    pub fn name_hubs(&mut self, hubs: &[Place]) {
        let before = self.newest.roots_after(0).last().unwrap().clone();
        let document = before.read().unwrap();
        let next = RootDocument {
            number: document.number + 1,
            previous: before.hash(),
            hubs: hubs.iter().map(|place| hub_record(*place)).collect(),
            ..document
        };
        let signed = SignedRoot::sign(&next, &[&seed(1)]).unwrap();
        self.newest.adopt_root(signed).unwrap();
    }

    /// The same city with another denial list in force.
    pub fn denying(&self, number: u64, denied: Vec<Denied>) -> TrustView {
        let list = DenialList { domain: DOMAIN, number, issued_at: Timestamp(0), denied };
        let mut trust = self.trust.clone();
        trust.adopt_denial(Signed::sign(&seed(4), &list).unwrap()).unwrap();
        trust
    }

    /// A registrar's act on a dossier.
    pub fn act(&self, dossier: DossierId, steps: Vec<ActStep>) -> (RegistrarAct, Vec<u8>) {
        let act = RegistrarAct {
            domain: DOMAIN,
            id: Nonce([9; 16]),
            root: 1,
            dossier,
            steps,
            reason: "Cơ quan đã giải thể".into(),
            issued_at: Timestamp(0),
        };
        let signed = Signed::sign(&seed(3), &act).unwrap().encode();
        (act, signed)
    }

    pub fn office(&self, place: Place) -> OfficeId {
        office(place)
    }

    pub fn key(&self, place: Place) -> SecretKey {
        key(place)
    }

    pub fn binding(&self, place: Place) -> Vec<u8> {
        bind(&seed(2), &key(place), office(place), place)
    }
}

fn bind(issuer: &SecretKey, key: &SecretKey, office: OfficeId, place: Place) -> Vec<u8> {
    let kind = match place {
        City | District1 | District2 => NodeKind::Hub,
        Ward1 | Ward2 | Ward3 | Ward1B | Ward1C => NodeKind::Node,
    };
    let binding = Binding {
        domain: DOMAIN,
        key: key.public(),
        office,
        kind,
        slot: 0,
        slots: 1,
        serial: 1,
        issued_at: Timestamp(0),
    };
    Signed::sign(issuer, &binding).unwrap().encode()
}

fn office(place: Place) -> OfficeId {
    let place = if matches!(place, Ward1B | Ward1C) { Ward1 } else { place };
    OfficeId([place as u8 + 1; 16])
}

fn key(place: Place) -> SecretKey {
    seed(place as u8 + 100)
}

/// What a hub that lies can do, with every key but the author's and the city's.
pub fn bend(papers: &Papers, frame: &mut DownFrame, trick: Trick) -> bool {
    if frame.authors.is_empty() {
        return false;
    }
    let liar = key(District2);
    let part = &mut frame.authors[0];
    match trick {
        Trick::Content => {
            // Another payload with an honest header for it: the leaf no longer fits the tree.
            for row in &mut frame.rows {
                if let RowItem::Entry { entry, .. } = &mut row.item {
                    entry.header.claimed_at.0 += 1;
                }
            }
        }
        Trick::Key => forge(papers, frame, &liar, None),
        Trick::Binding => {
            // The author's key bound to another office by the liar itself.
            part.binding = Some(bind(&liar, &key(Ward1), office(Ward2), Ward2));
        }
        Trick::KeyAndBinding => {
            let binding = bind(&liar, &liar, office(Ward1), Ward1);
            forge(papers, frame, &liar, Some(binding));
        }
        // The content is left out, as a purge leaves it out: header, place and proof are true.
        Trick::Hollow => *frame = frame.without(|_| true).unwrap_or_else(|| frame.clone()),
        Trick::Decision => {
            let message = b"not what is checked";
            frame.rows = vec![Row {
                number: frame.rows[0].number,
                item: RowItem::Decision {
                    author: 0,
                    sequence: 1,
                    number: 1,
                    verdict: 3,
                    reason: "bịa".into(),
                    hub: key(City).public().node_id(),
                    signature: liar.sign(Purpose::Decision, DOMAIN, message),
                },
            }];
            frame.authors[0].proof = None;
        }
    }
    true
}

/// Everything signed anew under the liar's key: consistent in itself, bound to nobody.
fn forge(_: &Papers, frame: &mut DownFrame, liar: &SecretKey, binding: Option<Vec<u8>>) {
    use motcua_core::{
        entry::actor_id,
        log::{Checkpoint, Multiproof},
        wire::LogProof,
    };
    let AuthorPart { log, .. } = frame.authors[0];
    let mut leaves = Vec::new();
    for row in &mut frame.rows {
        if let RowItem::Entry { author, sequence, entry } = &mut row.item {
            *author = 0;
            entry.header.kind = motcua_core::entry::Kind::Boot;
            entry.header.op_count = 0;
            entry.header.deps.clear();
            entry.header.creation = None;
            entry.header.change_hash = motcua_core::id::Hash::ZERO;
            entry.payload = b"forged".to_vec();
            entry.header.payload_len = 6;
            entry.header.payload_hash = motcua_core::entry::payload_hash(b"forged");
            entry.header.actor = actor_id(&liar.public(), entry.boot);
            leaves.push((*sequence - 1, entry.leaf()));
        }
    }
    let size = leaves.len() as u64;
    let proof = Multiproof { size, nodes: vec![] };
    let root = proof.root(leaves).unwrap();
    let checkpoint = Checkpoint::sign(liar, DOMAIN, log, size, root);
    let part = &mut frame.authors[0];
    part.key = liar.public();
    part.proof = Some(LogProof { proof, signature: checkpoint.signature });
    if let Some(binding) = binding {
        part.binding = Some(binding);
    }
    frame.authors.truncate(1);
}
