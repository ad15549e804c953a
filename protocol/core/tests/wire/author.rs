//! A node that writes dossiers with the real automerge, and the replicas that know its log.

use automerge::{
    ActorId, Automerge, ChangeHash, ROOT,
    transaction::{CommitOptions, Transactable as _},
};
use motcua_core::{
    entry::{
        AudienceAction, AudienceOp, DocType, Entry, FactIds, Header, Kind, Role, actor_id,
        dossier_id, payload_hash,
    },
    id::{DomainId, DossierId, Hash, LogId, Nonce, OfficeId, PersonId},
    key::{SecretKey, Signature},
    log::{Checkpoint, Frontier, Multiproof, branch, split},
    time::{ClockQuality, Timestamp},
};
use std::collections::BTreeMap;

/// The city of all tests.
pub const DOMAIN: DomainId = DomainId([0xd0; 16]);

/// One node and its log.
pub struct Author {
    /// Device key.
    pub key: SecretKey,
    /// Its log.
    pub log: LogId,
    /// The running process.
    pub boot: Nonce,
    /// Everything it wrote.
    pub entries: Vec<Entry>,
    /// Who is logged in.
    pub person: PersonId,
    /// Documents by dossier.
    pub docs: BTreeMap<DossierId, Automerge>,
    at: BTreeMap<(DossierId, Hash), u64>,
}

impl Author {
    /// A node whose ids all follow from `seed`.
    pub fn new(seed: u8) -> Self {
        Self {
            key: SecretKey::from_seed([seed; 32]),
            log: LogId([seed ^ 0x55; 16]),
            boot: Nonce([seed ^ 0xaa; 16]),
            entries: Vec::new(),
            person: PersonId([seed ^ 0x11; 16]),
            docs: BTreeMap::new(),
            at: BTreeMap::new(),
        }
    }

    /// The process starts anew: another actor from here on.
    pub fn restart(&mut self, boot: u8) {
        self.boot = Nonce([boot; 16]);
    }

    /// Registers a dossier.
    pub fn create(&mut self, nonce: Nonce, at: i64, facts: &[(String, String)]) -> DossierId {
        let id = dossier_id(&self.key.public(), nonce, Timestamp(at));
        self.docs.insert(id, Automerge::new());
        let office = OfficeId([self.key.public().0[0]; 16]);
        let audience = vec![
            AudienceOp { action: AudienceAction::Add, role: Role::Desk, office },
            AudienceOp { action: AudienceAction::Add, role: Role::Competent, office },
        ];
        self.write(id, at, None, facts, Some(nonce), audience);
        id
    }

    /// Adds facts to a dossier.
    pub fn change(&mut self, id: DossierId, at: i64, facts: &[(String, String)]) {
        self.write(id, at, None, facts, None, Vec::new());
    }

    /// Facts of these kinds under the ids that the next change of a dossier gives them.
    pub fn named(&self, id: DossierId, at: i64, list: &[(&str, String)]) -> Vec<(String, String)> {
        let heads = self.docs.get(&id).map(|doc| doc.get_heads()).unwrap_or_default();
        let parents: Vec<Hash> = heads.iter().map(|hash| Hash(hash.0)).collect();
        let actor = actor_id(&self.key.public(), self.boot);
        let ids = FactIds::new(actor, id, &parents, Timestamp(at));
        list.iter()
            .zip(ids)
            .map(|((kind, text), id)| (format!("{kind}/{id}"), text.clone()))
            .collect()
    }

    /// As [`Self::change`], with a message and audience operations.
    pub fn write(
        &mut self,
        id: DossierId,
        at: i64,
        message: Option<&str>,
        facts: &[(String, String)],
        creation: Option<Nonce>,
        audience: Vec<AudienceOp>,
    ) {
        let actor = actor_id(&self.key.public(), self.boot);
        let doc = self.docs.entry(id).or_default();
        doc.set_actor(ActorId::from(&actor.0[..]));
        let mut transaction = doc.transaction();
        for (key, value) in facts {
            transaction.put(ROOT, key, value.as_str()).unwrap();
        }
        let mut options = CommitOptions::default().with_time(at / 1_000);
        if let Some(message) = message {
            options.set_message(message);
        }
        transaction.commit_with(options).0.unwrap();
        let change = doc.get_last_local_change().unwrap();
        let payload = change.raw_bytes().to_vec();
        let header = Header {
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            doc_type: DocType::Dossier,
            sealed: false,
            clock: ClockQuality::Proven,
            dossier: id,
            claimed_at: Timestamp(at),
            person: self.person,
            actor,
            schema: 1,
            op_count: change.len() as u32,
            payload_len: payload.len() as u32,
            change_hash: Hash(change.hash().0),
            payload_hash: payload_hash(&payload),
            audience,
            deps: change.deps().iter().map(|ChangeHash(bytes)| Hash(*bytes)).collect(),
            creation,
        };
        self.push(Entry { header, boot: self.boot, payload });
    }

    /// Appends a finished entry.
    pub fn push(&mut self, entry: Entry) {
        let sequence = self.entries.len() as u64 + 1;
        self.at.insert((entry.header.dossier, entry.header.change_hash), sequence);
        self.entries.push(entry);
    }

    /// Takes in another node's changes of a dossier.
    pub fn receive(&mut self, from: &Self, id: DossierId) {
        let changes = from.docs[&id].get_changes(&[]);
        self.docs.entry(id).or_default().apply_changes(changes).unwrap();
    }

    /// The heads of a dossier.
    pub fn heads(&self, id: DossierId) -> usize {
        self.docs[&id].get_heads().len()
    }

    /// Sequence of a change.
    pub fn sequence_of(&self, dossier: &DossierId, hash: &Hash) -> Option<u64> {
        self.at.get(&(*dossier, *hash)).copied()
    }

    /// Change and dossier of a sequence.
    pub fn change_at(&self, sequence: u64) -> Option<(Hash, DossierId)> {
        let entry = self.entries.get(usize::try_from(sequence).ok()?.checked_sub(1)?)?;
        Some((entry.header.change_hash, entry.header.dossier))
    }

    /// The tree's root over the first `size` entries.
    pub fn root(&self, size: u64) -> Hash {
        let mut frontier = Frontier::default();
        self.entries[..size as usize].iter().for_each(|entry| frontier.push(entry.leaf()));
        frontier.root()
    }

    /// The signature over the first `size` entries.
    pub fn sign(&self, size: u64) -> Signature {
        Checkpoint::sign(&self.key, DOMAIN, self.log, size, self.root(size)).signature
    }

    /// Proof of some sequences in the tree of all entries.
    pub fn prove(&self, sequences: &[u64]) -> Multiproof {
        let leaves: Vec<Hash> = self.entries.iter().map(Entry::leaf).collect();
        let wanted: Vec<u64> = sequences.iter().map(|sequence| sequence - 1).collect();
        let subtree = |from: u64, to: u64| Some(subtree(&leaves[from as usize..to as usize]));
        Multiproof::build(leaves.len() as u64, &wanted, subtree).unwrap()
    }
}

fn subtree(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
    branch(&subtree(left), &subtree(right))
}

/// Facts as the model writes them: `kind/ULID` and JSON.
pub fn facts(list: &[(&str, &str)], salt: u64) -> Vec<(String, String)> {
    list.iter()
        .enumerate()
        .map(|(n, (kind, text))| {
            (format!("{kind}/{:026}", salt * 100 + n as u64), format!("{{\"nd\":\"{text}\"}}"))
        })
        .collect()
}

/// Three hours at a counter: several dossiers, a restart, a colleague's concurrent change, a
/// message, another actor overwritten, an attachment notice.
pub fn morning() -> (Author, Author) {
    let (mut desk, mut tax) = (Author::new(1), Author::new(2));
    let start = 1_764_000_000_000;
    let mut ids = Vec::new();
    for n in 0..6 {
        let list =
            [("chu_ho_so", "Nguyễn Thị Hạnh"), ("dia_chi", "Số 12 đường Lê Lợi"), ("phi", "35000")];
        ids.push(desk.create(
            Nonce([n; 16]),
            start + i64::from(n) * 61_003,
            &facts(&list, u64::from(n)),
        ));
    }
    for n in 0..20u64 {
        let id = ids[n as usize * 5 % 6];
        let at = start + 600_000 + n as i64 * 47_777;
        desk.change(id, at, &facts(&[("buoc", "Đang thẩm định")], 100 + n));
        if n == 8 {
            desk.restart(77);
        }
    }
    tax.receive(&desk, ids[0]);
    tax.change(ids[0], start + 2_000_500, &facts(&[("thue", "Đã nộp")], 300));
    desk.change(ids[0], start + 2_000_400, &facts(&[("ghi_chu", "Chờ bản vẽ")], 301));
    desk.receive(&tax, ids[0]);
    assert_eq!(desk.heads(ids[0]), 2, "two concurrent heads to join");
    // The same key again, so that the other's actor is named in the change.
    let over = facts(&[("thue", "Đã nộp đủ")], 300);
    desk.write(ids[0], start + 2_100_000, Some("Hợp nhất"), &over, None, Vec::new());
    let office = OfficeId([9; 16]);
    let remove = AudienceOp { action: AudienceAction::Remove, role: Role::Unknown(77), office };
    desk.write(ids[1], start - 5, Some(""), &facts(&[("x", "lùi giờ")], 400), None, vec![remove]);
    let mut notice = desk.entries[3].clone();
    notice.header.kind = Kind::Attach;
    notice.header.creation = None;
    notice.header.deps = vec![Hash([0xee; 32]), desk.entries[3].header.change_hash];
    notice.header.sealed = true;
    notice.payload = b"plain bytes".to_vec();
    notice.header.payload_len = notice.payload.len() as u32;
    notice.header.payload_hash = payload_hash(&notice.payload);
    notice.header.change_hash = Hash::ZERO;
    desk.push(notice.clone());
    notice.header.change_hash = Hash([0xcc; 32]);
    notice.header.kind = Kind::Unknown(0x33);
    notice.header.doc_type = DocType::Other(200);
    desk.push(notice);
    let at = start + 2_200_000;
    let named =
        desk.named(ids[2], at, &[("ket_qua", "Đã có".to_owned()), ("phi", "5000".to_owned())]);
    desk.change(ids[2], at, &named);
    (desk, tax)
}
