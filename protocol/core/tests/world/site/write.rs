//! What a machine writes into its own log, and into the one that follows it.

use super::{Site, fresh_nonce};
use crate::world::paper::marker;
use automerge::{Automerge, ROOT, ScalarValue, transaction::Transactable};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{AudienceAction, AudienceOp, DocType, Kind, Role, act_hash, dossier_id},
    id::{DossierId, Hash, LogId, Nonce, PersonId},
    record::{Record, ScanEvent},
    replica::{own_entries_after, stranded},
    state::{Key, Kv},
    time::{ClockQuality, Instant, Timestamp},
    trust::TrustView,
    wire,
};

impl Site {
    pub fn plant(&mut self, dossier: DossierId, document: Automerge) {
        self.planted.insert(dossier, document);
    }

    pub fn create(&mut self, now: u64) -> DossierId {
        let created = Timestamp(1_700_000_000_000 + now as i64);
        let nonce = fresh_nonce();
        let dossier = dossier_id(&self.key.public(), nonce, created);
        let add = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office: self.office };
        self.write(created, dossier, Automerge::new(), vec![add], Some(nonce), None);
        dossier
    }

    pub fn can_edit(&mut self, now: u64, dossier: DossierId) -> bool {
        while self.sync_one(Instant(now)) {}
        while self.apply() {}
        self.changes(dossier) > 0
    }

    pub fn edit(&mut self, now: u64, dossier: DossierId, audience: &[AudienceOp]) {
        while self.sync_one(Instant(now)) {}
        while self.apply() {}
        let at = Timestamp(1_700_000_000_000 + now as i64);
        let document = self.document(dossier);
        self.write(at, dossier, document, audience.to_vec(), None, None);
    }

    /// Stores a scan's file, then writes its record and the entry that names it.
    pub fn attach(&mut self, now: u64, dossier: DossierId, bytes: &[u8]) -> Hash {
        while self.sync_one(Instant(now)) {}
        while self.apply() {}
        let hash = self.disk.put(bytes);
        let at = Timestamp(1_700_000_000_000 + now as i64);
        let document = self.document(dossier);
        self.write(at, dossier, document, vec![], None, Some((hash, bytes.len() as u64)));
        hash
    }

    pub(super) fn write(
        &mut self,
        at: Timestamp,
        dossier: DossierId,
        mut document: Automerge,
        audience: Vec<AudienceOp>,
        creation: Option<Nonce>,
        scan: Option<(Hash, u64)>,
    ) {
        let own = self.own.as_mut().unwrap();
        let held: Vec<Hash> =
            document.get_changes(&[]).iter().map(|change| Hash(change.hash().0)).collect();
        let boot = fresh_nonce();
        own.begin_anew_unless(dossier, |change| held.contains(change), boot);
        document.set_actor(automerge::ActorId::from(own.actor().0));
        let text = String::from_utf8(marker(dossier)).unwrap();
        let mut transaction = document.transaction();
        let key = format!("note/{}/{}", own.log(), own.head());
        transaction.put(ROOT, key, ScalarValue::Str(text.into())).unwrap();
        if let Some((hash, size)) = scan {
            transaction.put(ROOT, format!("scan/{hash}"), size).unwrap();
        }
        transaction.commit();
        let change = document.get_last_local_change().unwrap();
        let draft = Draft {
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            doc_type: DocType::Dossier,
            dossier,
            person: PersonId([1; 16]),
            claimed_at: at,
            clock: ClockQuality::Unproven,
            schema: self.schema,
            op_count: change.len() as u32,
            change_hash: Hash(change.hash().0),
            deps: change.deps().iter().map(|hash| Hash(hash.0)).collect(),
            audience,
            creation,
            payload: change.raw_bytes().to_vec(),
        };
        let (sequence, entry) = own.append(draft).unwrap();
        if let Some(planted) = self.planted.get_mut(&dossier) {
            *planted = document;
        }
        let log = own.log();
        let entry = wire::encode_entry(&entry);
        let here = scan.map(|(hash, size)| Record::Scan { hash, event: ScanEvent::Here { size } });
        let own = Record::Own { log, sequence, request: None, entry };
        self.unsynced.push_back((None, here.into_iter().chain([own]).collect()));
    }

    /// Writes an entry that is no change into the own log.
    pub fn write_other(
        &mut self,
        now: u64,
        dossier: DossierId,
        kind: Kind,
        deps: Vec<Hash>,
        audience: Vec<AudienceOp>,
        payload: Vec<u8>,
    ) {
        let own = self.own.as_mut().unwrap();
        let change_hash = match kind {
            Kind::Administrative => act_hash(own.actor(), &payload),
            _ => Hash::ZERO,
        };
        let draft = Draft {
            doc_type: DocType::Dossier,
            kind,
            dossier,
            person: PersonId([3; 16]),
            claimed_at: Timestamp(1_700_000_000_000 + now as i64),
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: 0,
            change_hash,
            deps,
            audience,
            creation: None,
            payload,
        };
        let (sequence, entry) = own.append(draft).unwrap();
        let log = own.log();
        let entry = wire::encode_entry(&entry);
        self.unsynced.push_back((None, vec![Record::Own { log, sequence, request: None, entry }]));
    }

    /// The software says what it reads, as at a start after an update.
    pub fn update(&mut self) {
        let (schema, software) = (self.reads, "test".into());
        self.unsynced.push_back((None, vec![Record::Updated { schema, software }]));
    }

    /// Work goes on in a new log; what the old one has is written into it again, as the engine
    /// does it.
    pub(super) fn diverge(&mut self, ended: LogId) {
        let done = self.store.kv.get(&Key::Rewritten(ended).bytes()).unwrap().is_some();
        if done || self.ended.is_some() {
            return;
        }
        self.ended = Some(ended);
        let own = self.own.as_ref().unwrap();
        if own.log() != ended {
            return;
        }
        self.diverged += 1;
        self.begin_log();
    }

    fn begin_log(&mut self) {
        let own = self.own.as_ref().unwrap();
        let log = LogId(fresh_nonce().0);
        let continues = Some((own.log(), own.head(), Hash::ZERO));
        self.own = Some(OwnLog::new(self.key.public(), log, fresh_nonce(), Default::default()));
        let binding = self.binding.clone();
        let origin = self.key.public().node_id();
        self.unsynced.push_back((
            None,
            vec![Record::LogStarted { log, continues }, Record::Author { log, binding, origin }],
        ));
    }

    /// What stands in the journal behind a hole is written into a new log, as the engine does it.
    pub(super) fn rescue(&mut self) {
        let found = stranded(&self.store).unwrap();
        if found.log_is_over && self.own.is_some() {
            self.begin_log();
        }
        for entry in found.entries {
            let own = self.own.as_mut().unwrap();
            let sequence = own.append_again(&entry);
            let (log, entry) = (own.log(), wire::encode_entry(&entry));
            let record = Record::Own { log, sequence, request: None, entry };
            self.unsynced.push_back((None, vec![record]));
        }
    }

    /// Entries of the ended log once more, when all of it is on disk and applied.
    pub(super) fn sign_again(&mut self) {
        let Some(ended) = self.ended else { return };
        if !self.unsynced.is_empty() || self.applied < self.store.journal.len() {
            return;
        }
        self.ended = None;
        let (mut after, own) = (0, self.own.as_mut().unwrap());
        loop {
            let entries = own_entries_after(&self.store, ended, after).unwrap();
            if entries.is_empty() {
                self.unsynced.push_back((None, vec![Record::Rewritten(ended)]));
                return;
            }
            after += entries.len() as u64;
            for entry in entries {
                let sequence = own.append_again(&entry);
                let (log, entry) = (own.log(), wire::encode_entry(&entry));
                let record = Record::Own { log, sequence, request: None, entry };
                self.unsynced.push_back((None, vec![record]));
            }
        }
    }

    /// Newer documents: journaled, then in force, as the engine does it.
    pub fn adopt(&mut self, view: TrustView) {
        self.unsynced.push_back((None, vec![Record::Trust(view.to_bytes())]));
    }
}
