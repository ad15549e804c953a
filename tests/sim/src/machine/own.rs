//! What clerks and operators write at a machine.

use super::{Clock, Life, life::Done};
use crate::{dice::Throw, sabotage::Sabotage};
use automerge::{Automerge, ROOT, ScalarValue, transaction::Transactable};
use motcua_core::{
    author::Draft,
    entry::{AudienceAction, AudienceOp, Decision, Kind, Role, act_hash, dossier_id},
    id::{DossierId, Hash, LogId, NodeId, Nonce, PersonId},
    record::{Record, RequestKey},
    state::{
        Key,
        history::{self, Verdict},
        rows,
    },
    time::{ClockQuality, Timestamp},
    wire,
};

/// What somebody wants written.
#[derive(Debug, Clone)]
pub enum Wish {
    /// A new dossier.
    Create,
    /// A change of a dossier, with offices that join or leave.
    Change(DossierId, Vec<AudienceOp>),
    /// A hub's decision on a change.
    Decide(DossierId, Hash, Verdict, u64),
    /// A registrar's act: what it says, and the offices that it lets in or takes out.
    Administer(DossierId, Vec<AudienceOp>, Vec<u8>),
}

/// What was handed to the journal; it is saved when the journal says so.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Number by which the answer comes.
    pub ticket: u64,
    /// Its author.
    pub node: NodeId,
    /// Its leaf: what it is, wherever it stands.
    pub leaf: Hash,
    /// Log that it was written into.
    pub log: LogId,
    /// Number in that log.
    pub sequence: u64,
    /// Of which dossier.
    pub dossier: DossierId,
    /// Kind of entry.
    pub kind: Kind,
    /// Name of the change.
    pub change: Hash,
    /// What it builds on.
    pub deps: Vec<Hash>,
    /// Offices that join or leave.
    pub audience: Vec<AudienceOp>,
}

/// Why nothing was handed to the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unable {
    /// The journal has failed and did not go on yet.
    Journal,
    /// The dossier is not here, or this office takes no part in it.
    NotHere,
    /// The same request was answered before: its dossier.
    Repeated(DossierId),
    /// A limit of an entry.
    Limit(String),
}

impl Life {
    /// Writes something, as the desk does; the answer comes with the journal's. `request` names a
    /// request that may be repeated.
    ///
    /// # Errors
    /// [`Unable`] when nothing was handed to the journal.
    pub fn write(
        &mut self,
        ticket: u64,
        request: Option<RequestKey>,
        wish: &Wish,
        clock: Clock,
    ) -> Result<Attempt, Unable> {
        if self.own_failed {
            self.recovery_due = true;
            return Err(Unable::Journal);
        }
        if let Some(key) = request
            && self.sabotage != Some(Sabotage::AnswersTwice)
            && let Some(dossier) = self.answered_before(&key)
        {
            return Err(Unable::Repeated(dossier));
        }
        let draft = match wish {
            Wish::Create => self.creation(clock),
            Wish::Change(dossier, audience) => {
                let document = self.document(*dossier).ok_or(Unable::NotHere)?;
                self.change(*dossier, document, audience.clone(), None, clock)
            }
            Wish::Decide(dossier, target, verdict, number) => {
                let decision =
                    Decision { verdict: *verdict, number: *number, reason: "thử".into() };
                let payload =
                    decision.encode().map_err(|error| Unable::Limit(error.to_string()))?;
                self.other(*dossier, Kind::Decision, vec![*target], vec![], payload, clock)
            }
            Wish::Administer(dossier, audience, act) => {
                let row = self.books.dossier(*dossier).ok_or(Unable::NotHere)?;
                let (audience, act) = (audience.clone(), act.clone());
                self.other(*dossier, Kind::Administrative, row.heads, audience, act, clock)
            }
        };
        let (dossier, kind, change) = (draft.dossier, draft.kind, draft.change_hash);
        let (deps, audience) = (draft.deps.clone(), draft.audience.clone());
        let written = self.own.append(draft);
        let (sequence, entry) = written.map_err(|error| Unable::Limit(error.to_string()))?;
        let (log, leaf) = (self.own.log(), entry.leaf());
        let record = Record::Own { log, sequence, request, entry: wire::encode_entry(&entry) };
        *self.ahead.entry(dossier).or_default() += 1;
        self.hand(vec![record], Done::Clerk(ticket), clock);
        self.write_unasked(dossier, clock);
        let node = self.key.public().node_id();
        Ok(Attempt { ticket, node, leaf, log, sequence, dossier, kind, change, deps, audience })
    }

    /// The dossier of a request that was answered, by this process or by what the state tells.
    fn answered_before(&self, key: &RequestKey) -> Option<DossierId> {
        let row = || self.books.row::<rows::Request>(Key::Request(key.key)).map(|row| row.dossier);
        self.answered.get(&key.key).copied().or_else(row)
    }

    /// The document as this desk shows it: only where the office takes part and all of it is here.
    pub(super) fn document(&self, dossier: DossierId) -> Option<Automerge> {
        if let Some(document) = self.documents.get(&dossier) {
            return Some(document.clone());
        }
        let row = self.books.dossier(dossier)?;
        let member = row.members().iter().any(|(office, _)| *office == self.office);
        if !member || row.away || row.stale {
            return None;
        }
        if self.books.row::<rows::Image>(Key::Image(dossier)).is_some() {
            return None;
        }
        let summary: rows::Summary = self.books.row(Key::Summary(dossier))?;
        Automerge::load(&summary.bytes).ok()
    }

    /// Dossiers that a clerk here can act on.
    pub fn desk(&self) -> Vec<DossierId> {
        let table = Key::Dossier(DossierId::ZERO).bytes()[0];
        let rows = self.books.state.rows().0.range(vec![table]..vec![table + 1]);
        let held = rows.filter_map(|(key, _)| DossierId::from_slice(&key[1..]));
        let mut all: Vec<DossierId> = held.chain(self.documents.keys().copied()).collect();
        all.sort();
        all.dedup();
        all.retain(|dossier| self.document(*dossier).is_some());
        all
    }

    /// Logs of a machine that are held here, with their heads.
    pub fn logs_of(&self, node: NodeId) -> Vec<(LogId, u64)> {
        let table = Key::Log(LogId::ZERO).bytes()[0];
        let rows = self.books.state.rows().0.range(vec![table]..vec![table + 1]);
        let logs = rows.filter_map(|(key, value)| {
            let log = LogId::from_slice(&key[1..])?;
            let row: rows::Log = postcard::from_bytes(value).ok()?;
            let author: rows::Author = self.books.row(Key::Author(log))?;
            (author.key.node_id() == node).then(|| (log, row.frontier.size()))
        });
        logs.collect()
    }

    /// Whether the hub has acknowledged everything in the own log, and nothing is written again.
    pub fn is_with_the_hub(&self) -> bool {
        self.received() >= self.own.head() && !self.is_rewriting()
    }

    /// Entries of the own log that the hub has said to have.
    pub(super) fn received(&self) -> u64 {
        self.replica.received_by_parent().of(self.own.log())
    }

    fn creation(&mut self, clock: Clock) -> Draft {
        let nonce = Nonce(self.dice.bytes());
        let dossier = dossier_id(&self.key.public(), nonce, clock.wall);
        let add = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office: self.office };
        self.change(dossier, Automerge::new(), vec![add], Some(nonce), clock)
    }

    pub(super) fn change(
        &mut self,
        dossier: DossierId,
        mut document: Automerge,
        audience: Vec<AudienceOp>,
        creation: Option<Nonce>,
        clock: Clock,
    ) -> Draft {
        let held: Vec<Hash> =
            document.get_changes(&[]).iter().map(|change| Hash(change.hash().0)).collect();
        let boot = Nonce(self.dice.bytes());
        self.own.begin_anew_unless(dossier, |change| held.contains(change), boot);
        document.set_actor(automerge::ActorId::from(self.own.actor().0));
        let mut transaction = document.transaction();
        // A machine that was put back comes to the same place twice, and the same words under the same
        // key would be no change.
        let key = format!("note/{}/{}/{}", self.own.log(), self.own.head(), boot);
        let text = ScalarValue::Str(marker(dossier).into());
        transaction.put(ROOT, key, text).expect("a note goes into any document");
        transaction.commit();
        let change = document.get_last_local_change().expect("it was just made");
        let draft = Draft {
            doc_type: motcua_core::entry::DocType::Dossier,
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            dossier,
            person: PersonId([1; 16]),
            claimed_at: clock.wall,
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: change.len() as u32,
            change_hash: Hash(change.hash().0),
            deps: change.deps().iter().map(|hash| Hash(hash.0)).collect(),
            audience,
            creation,
            payload: change.raw_bytes().to_vec(),
        };
        self.documents.insert(dossier, document);
        draft
    }

    fn other(
        &self,
        dossier: DossierId,
        kind: Kind,
        deps: Vec<Hash>,
        audience: Vec<AudienceOp>,
        payload: Vec<u8>,
        clock: Clock,
    ) -> Draft {
        let change_hash = match kind {
            Kind::Administrative => act_hash(self.own.actor(), &payload),
            _ => Hash::ZERO,
        };
        Draft {
            doc_type: motcua_core::entry::DocType::Dossier,
            kind,
            dossier,
            person: PersonId([3; 16]),
            claimed_at: Timestamp(clock.wall.0),
            clock: ClockQuality::Unproven,
            schema: 1,
            op_count: 0,
            change_hash,
            deps,
            audience,
            creation: None,
            payload,
        }
    }

    /// One more than the highest number of a decision on a change, as the operators' tools count.
    pub fn next_decision(&self, dossier: DossierId, target: &Hash) -> u64 {
        let held = history::held(&self.books, dossier).ok().flatten();
        let all = held.map(|(_, all)| all).unwrap_or_default();
        let decisions = all.iter().filter(|stored| {
            stored.entry.header.kind == Kind::Decision && stored.entry.header.deps == [*target]
        });
        let numbers = decisions.filter_map(|stored| Decision::decode(&stored.entry.payload).ok());
        numbers.map(|decision| decision.number).max().unwrap_or(0) + 1
    }
}

/// Stands in every change of a dossier.
fn marker(dossier: DossierId) -> String {
    format!("dấu vết {dossier}")
}
