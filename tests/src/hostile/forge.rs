//! Entries and frames that a liar signs: with its own key, and otherwise as it likes.

use anyhow::Context;
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{AudienceAction, AudienceOp, DocType, Entry, Kind, Role, dossier_id},
    id::{DossierId, Hash, LogId, Nonce, OfficeId, PersonId},
    key::{SecretKey, Signature},
    log::{Checkpoint, Frontier},
    replica::Data,
    time::{ClockQuality, Timestamp},
    trust::TrustView,
    wire::{
        self,
        chunk::{Chunk, Parts},
    },
};
use motcua_dossier::{
    document::Document,
    fact::{Fact, Kind as FactKind},
};
use motcua_shell::identity::Identity;

/// A log of a machine that writes what it likes.
pub struct Liar {
    /// Its key.
    pub key: SecretKey,
    /// Everything it wrote into this log.
    pub entries: Vec<Entry>,
    binding: Vec<u8>,
    office: OfficeId,
    trust: TrustView,
    own: OwnLog,
    number: u64,
    /// What an orphan says, once it was made.
    said: Option<(Vec<u8>, u32)>,
}

impl Liar {
    /// A new log of the machine.
    ///
    /// # Errors
    /// If its papers cannot be read.
    pub fn new(identity: &Identity, log: u8) -> anyhow::Result<Self> {
        let key = identity.device.clone();
        let own =
            OwnLog::new(key.public(), LogId([log; 16]), Nonce([log; 16]), Frontier::default());
        Ok(Self {
            key,
            entries: Vec::new(),
            binding: identity.binding.encode(),
            office: identity.bound()?.office,
            trust: identity.trust.clone(),
            own,
            number: u64::from(log) << 32,
            said: None,
        })
    }

    /// Its log.
    pub fn log(&self) -> LogId {
        self.own.log()
    }

    /// The announcement of it.
    pub fn announced(&self) -> Data {
        Data::Log { log: self.log(), binding: self.binding.clone() }
    }

    /// Registers a dossier that holds a note of so many bytes.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub fn register(&mut self, note: usize) -> anyhow::Result<DossierId> {
        self.create(FactKind::Note, &[format!("{{\"text\":\"{}\"}}", "x".repeat(note))])
    }

    /// Registers a dossier that names these scans.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub fn name_scans(&mut self, hashes: &[Hash]) -> anyhow::Result<DossierId> {
        let named = |hash: &Hash| {
            serde_json::json!({
                "name": "a.pdf", "hash": format!("{hash}"), "size": 9_000,
                "media": "application/pdf", "at": 1_795_000_000_000_i64, "clerk": "kẻ dối trá",
                "by": "kẻ dối trá", "office": self.office.to_string(),
            })
            .to_string()
        };
        self.create(FactKind::Attachment, &hashes.iter().map(named).collect::<Vec<String>>())
    }

    fn create(&mut self, kind: FactKind, all: &[String]) -> anyhow::Result<DossierId> {
        self.number += 1;
        let at = Timestamp(1_795_000_000_000 + self.number as i64);
        let mut nonce = Nonce([7; 16]);
        nonce.0[..8].copy_from_slice(&self.number.to_le_bytes());
        let dossier = dossier_id(&self.key.public(), nonce, at);
        let facts = all.iter().enumerate().map(|(place, json)| {
            let id = format!("{:026}", self.number * 1_000 + place as u64);
            Fact { id, kind, json: json.clone() }
        });
        let facts: Vec<Fact> = facts.collect();
        let written = Document::new().append(self.own.actor().0, at.0, &facts)?;
        let add = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office: self.office };
        self.push(Draft {
            kind: Kind::Create,
            doc_type: DocType::Dossier,
            dossier,
            person: PersonId([1; 16]),
            claimed_at: at,
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: written.ops,
            change_hash: Hash(written.hash),
            deps: vec![],
            audience: vec![add],
            creation: Some(nonce),
            payload: written.bytes,
        })?;
        Ok(dossier)
    }

    /// A change that builds on one that nobody has.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub fn orphan(&mut self) -> anyhow::Result<()> {
        self.number += 1;
        let at = Timestamp(1_795_000_000_000);
        let (rest, ops) = match self.said.take() {
            Some(said) => said,
            None => {
                let json = "{}".into();
                let fact = Fact { id: format!("{:026}", 1), kind: FactKind::Note, json };
                let written = Document::new().append(self.own.actor().0, at.0, &[fact])?;
                (Chunk::parse(&written.bytes)?.rest.to_vec(), written.ops)
            }
        };
        let mut nobody = Hash([0xee; 32]);
        nobody.0[..8].copy_from_slice(&self.number.to_le_bytes());
        let parts = Parts {
            deps: &[nobody],
            actor: self.own.actor(),
            seq: 1,
            start_op: 2,
            time: 0,
            rest: &rest,
        };
        let (payload, change_hash) = parts.build()?;
        self.said = Some((rest.clone(), ops));
        let mut dossier = DossierId([0xdd; 16]);
        dossier.0[..8].copy_from_slice(&self.number.to_le_bytes());
        self.change(dossier, at, vec![nobody], change_hash, payload, ops)
    }

    /// Writes into another's dossier, in which its office takes no part.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub fn intrude(&mut self, dossier: DossierId) -> anyhow::Result<()> {
        let at = Timestamp(1_795_000_000_001);
        let fact = Fact { id: format!("{:026}", 2), kind: FactKind::Note, json: "{}".into() };
        let written = Document::new().append(self.own.actor().0, at.0, &[fact])?;
        self.change(dossier, at, vec![], Hash(written.hash), written.bytes, written.ops)
    }

    /// An entry of a kind that no version knows.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub fn unknown(&mut self, kind: u8, dossier: DossierId) -> anyhow::Result<()> {
        self.push(Draft {
            kind: Kind::from_byte(kind),
            doc_type: DocType::Dossier,
            dossier,
            person: PersonId([1; 16]),
            claimed_at: Timestamp(1_795_000_000_002),
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: 0,
            change_hash: Hash::ZERO,
            deps: vec![],
            audience: vec![],
            creation: None,
            payload: vec![kind; 100],
        })
    }

    fn change(
        &mut self,
        dossier: DossierId,
        at: Timestamp,
        deps: Vec<Hash>,
        change_hash: Hash,
        payload: Vec<u8>,
        op_count: u32,
    ) -> anyhow::Result<()> {
        self.push(Draft {
            kind: Kind::Change,
            doc_type: DocType::Dossier,
            dossier,
            person: PersonId([1; 16]),
            claimed_at: at,
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count,
            change_hash,
            deps,
            audience: vec![],
            creation: None,
            payload,
        })
    }

    fn push(&mut self, draft: Draft) -> anyhow::Result<()> {
        let (_, entry) = self.own.append(draft)?;
        self.entries.push(entry);
        Ok(())
    }

    /// What it signed over the first entries of its log.
    pub fn signature(&self, size: u64) -> Signature {
        let mut frontier = Frontier::default();
        let all = self.entries.iter().take(size as usize);
        all.for_each(|entry| frontier.push(entry.leaf()));
        let domain = self.trust.domain();
        Checkpoint::sign(&self.key, domain, self.log(), size, frontier.root()).signature
    }

    /// A frame of its entries from one sequence to another, as an honest machine would send it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn frame(&self, first: u64, last: u64) -> anyhow::Result<Vec<u8>> {
        self.frame_signed(first, last, &self.signature(last))
    }

    /// The same with any signature.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn frame_signed(
        &self,
        first: u64,
        last: u64,
        signature: &Signature,
    ) -> anyhow::Result<Vec<u8>> {
        let range = first as usize - 1..last as usize;
        let entries = self.entries.get(range).context("entries that were written")?;
        self.frame_of(first, entries, signature)
    }

    /// A frame of any entries of this key.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn frame_of(
        &self,
        first: u64,
        entries: &[Entry],
        signature: &Signature,
    ) -> anyhow::Result<Vec<u8>> {
        let key = self.key.public();
        Ok(wire::encode_up(&key, self.log(), first, entries, |_, _| None, signature)?)
    }
}
