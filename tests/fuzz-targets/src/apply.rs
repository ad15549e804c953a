//! Entries that an enrolled author signed, and that are otherwise as it likes: through frame and
//! ledger, with the content that the services have.

use crate::{
    Outcome,
    bytes::{Tape, put_piece},
    world::{DOMAIN, Place, meaning_of, papers},
};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{AudienceAction, AudienceOp, Kind, Role, act_hash, dossier_id},
    id::{DossierId, Hash, LogId, Nonce, OfficeId, PersonId},
    key::SecretKey,
    ledger::{Content, ContentFault, Folded, Ledger, Me},
    limits,
    log::{Checkpoint, Frontier},
    record::Record,
    state::{Key, Kv, MemKv, history::Stored, rows},
    time::{ClockQuality, Timestamp},
    wire::{
        self,
        chunk::{Chunk, Parts},
    },
};
use motcua_dossier::{
    document::{Document, facts_of},
    fact::{Fact, Kind as FactKind},
    view::view,
};

/// Entries of one input.
const ENTRIES: usize = 24;

/// The fold of the services, without their memory of documents.
struct Facts;

impl Content for Facts {
    fn fold(&mut self, _: DossierId, entries: &[&Stored]) -> Result<Folded, ContentFault> {
        let payloads = || entries.iter().map(|stored| stored.entry.payload.as_slice());
        let mut document = Document::new();
        let by_automerge = document.apply(payloads()).map(|()| document.facts());
        let short = facts_of(payloads());
        if let (Some(short), Ok(long)) = (&short, &by_automerge) {
            assert_eq!(short, long, "facts by columns and by automerge");
        }
        let facts = match (short, by_automerge) {
            (Some(facts), _) | (None, Ok(facts)) => facts,
            (None, Err((position, fault))) => {
                return Err(ContentFault { position, reason: fault.to_string() });
            }
        };
        let summary = format!("{:?}", view(&facts).summary).into_bytes();
        Ok(Folded { summary, index: Vec::new() })
    }

    fn show(&mut self, _: DossierId, _: &[u8]) -> Option<Folded> {
        None
    }
}

struct Author {
    key: SecretKey,
    office: OfficeId,
    own: OwnLog,
    tree: Frontier,
    records: Vec<Record>,
    /// Changes and dossiers so far, of both authors.
    changes: Vec<Hash>,
    dossiers: Vec<DossierId>,
}

impl Author {
    fn new(place: Place, log: u8) -> Self {
        let papers = papers();
        let key = papers.key(place);
        let log = LogId([log; 16]);
        let own = OwnLog::new(key.public(), log, Nonce([log.0[0]; 16]), Frontier::default());
        let (binding, origin) = (papers.binding(place), key.public().node_id());
        let records = vec![Record::Author { log, binding, origin }];
        let office = papers.office(place);
        let tree = Frontier::default();
        Self { key, office, own, tree, records, changes: vec![], dossiers: vec![] }
    }

    /// Signs what it can; what cannot be sent is not.
    fn write(&mut self, draft: Draft) -> bool {
        let (change, dossier) = (draft.change_hash, draft.dossier);
        let mut own = self.own.clone();
        let Ok((sequence, entry)) = own.append(draft) else { return false };
        let mut tree = self.tree.clone();
        tree.push(entry.leaf());
        let log = own.log();
        let signature = Checkpoint::sign(&self.key, DOMAIN, log, sequence, tree.root()).signature;
        let key = self.key.public();
        let one = std::slice::from_ref(&entry);
        let Ok(frame) = wire::encode_up(&key, log, sequence, one, |_, _| None, &signature) else {
            return false;
        };
        let from = key.node_id();
        (self.own, self.tree) = (own, tree);
        self.records.push(Record::Up { from, frame });
        self.changes.push(change);
        self.dossiers.push(dossier);
        true
    }
}

/// A dossier of an honest office with one fact.
fn honest() -> (Author, DossierId) {
    let mut author = Author::new(Place::Ward1, 61);
    let (nonce, at) = (Nonce([1; 16]), Timestamp(1_700_000_000_000));
    let dossier = dossier_id(&author.key.public(), nonce, at);
    let json = r#"{"text":"ghi chú"}"#.to_owned();
    let fact = Fact { id: format!("{:026}", 1), kind: FactKind::Note, json };
    let written = Document::new().append(author.own.actor().0, at.0, &[fact]).unwrap();
    let add = AudienceOp { action: AudienceAction::Add, role: Role::Desk, office: author.office };
    let taken = author.write(Draft {
        doc_type: motcua_core::entry::DocType::Dossier,
        kind: Kind::Create,
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
    });
    assert!(taken);
    (author, dossier)
}

fn ledger() -> (Ledger<Facts>, MemKv) {
    let papers = papers();
    let key = papers.key(Place::District1);
    let me = Me { node: key.public().node_id(), office: papers.office(Place::District1) };
    (Ledger::new(me, papers.trust, Facts), MemKv::default())
}

/// State after these records, cut into batches of that size.
fn state(records: &[Record], batch: usize) -> MemKv {
    let (mut ledger, mut kv) = ledger();
    let numbered: Vec<(u64, Record)> = (1..).zip(records.iter().cloned()).collect();
    for some in numbered.chunks(batch) {
        let applied = ledger.apply(&kv, some.to_vec()).expect("the state can be read");
        kv.write(applied.writes);
    }
    kv
}

/// automerge panics on some changes, and whoever applies them keeps a guard (design/wire.md): only here
/// is a panic of its own no finding.
fn allow_panics_of_automerge() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|at| at.file().contains("automerge-")) {
                before(info);
            }
        }));
    });
}

pub fn run(input: &[u8]) -> Outcome {
    allow_panics_of_automerge();
    let (author, dossier) = honest();
    let mut liar = Author::new(Place::Ward2, 62);
    let mut tape = Tape(input);
    let mut written = 0;
    while !tape.0.is_empty() && written < ENTRIES {
        let draft = draft(&mut tape, &liar, &author);
        written += usize::from(liar.write(draft));
    }
    if written == 0 {
        return Outcome::Refused;
    }
    let (theirs, others) = (author.records.clone(), liar.records);
    let before = state(&theirs, 100);
    let all: Vec<Record> = theirs.into_iter().chain(others).collect();
    let after = state(&all, 100);
    // Nobody changes what another office's dossier says.
    let summary = |kv: &MemKv| kv.get(&Key::Summary(dossier).bytes()).unwrap();
    assert_eq!(summary(&before), summary(&after), "the honest dossier is as it was");
    // How records are cut into batches changes nothing.
    let one_by_one = state(&all, 1);
    assert!(meaning_of(&one_by_one) == meaning_of(&after), "state differs by batches");
    let accepted = |kv: &MemKv| {
        let row = kv.get(&Key::Meta.bytes()).unwrap().unwrap();
        postcard::from_bytes::<rows::Meta>(&row).unwrap().entries
    };
    match accepted(&after) > accepted(&before) {
        true => Outcome::Taken,
        false => Outcome::Refused,
    }
}

/// Whatever the tape says an entry is.
fn draft(tape: &mut Tape<'_>, liar: &Author, victim: &Author) -> Draft {
    let kinds = [Kind::Create, Kind::Change, Kind::Attach, Kind::Decision, Kind::Administrative];
    let kind = tape.byte();
    let kind = kinds.get(usize::from(kind)).copied().unwrap_or(Kind::from_byte(kind));
    let at = Timestamp(i64::from(tape.short()) * 86_400_000);
    let mut nonce = Nonce([2; 16]);
    nonce.0[0] = tape.byte();
    let mut deps = Vec::new();
    for _ in 0..tape.byte() % 4 {
        let at = usize::from(tape.byte());
        let known = liar.changes.iter().chain(&victim.changes).nth(at);
        deps.push(known.copied().unwrap_or(Hash([at as u8; 32])));
    }
    let which = usize::from(tape.byte());
    let dossier = match kind {
        Kind::Create if which % 4 > 0 => dossier_id(&liar.key.public(), nonce, at),
        _ => {
            let known = liar.dossiers.iter().chain(&victim.dossiers).nth(which);
            known.copied().unwrap_or(victim.dossiers[0])
        }
    };
    let mut audience = Vec::new();
    for _ in 0..tape.byte() % 3 {
        let add = tape.byte();
        let action =
            if add.is_multiple_of(2) { AudienceAction::Add } else { AudienceAction::Remove };
        let places = [Place::Ward1, Place::Ward2, Place::Ward3, Place::City];
        let office = papers().office(places[usize::from(add / 2) % places.len()]);
        audience.push(AudienceOp { action, role: Role::Desk, office });
    }
    let (seq, start_op, ops) = (tape.byte(), tape.short(), tape.byte());
    let schema = u16::from(tape.byte());
    let rest = tape.piece();
    let (payload, change_hash) = match kind.is_change() {
        true => {
            let parts = Parts {
                deps: &deps,
                actor: liar.own.actor(),
                seq: u64::from(seq),
                start_op: u64::from(start_op),
                time: at.0,
                rest,
            };
            parts.build().unwrap_or_default()
        }
        false => (rest.to_vec(), Hash::ZERO),
    };
    let change_hash = match kind {
        Kind::Administrative => act_hash(liar.own.actor(), &payload),
        _ => change_hash,
    };
    Draft {
        doc_type: motcua_core::entry::DocType::Dossier,
        kind,
        dossier,
        person: PersonId([4; 16]),
        claimed_at: at,
        clock: ClockQuality::Unproven,
        schema,
        op_count: u32::from(ops).min(limits::ENTRY_OPERATIONS),
        change_hash,
        deps,
        audience,
        creation: (kind == Kind::Create).then_some(nonce),
        payload,
    }
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let facts = |count: usize| {
        let fact = |number| Fact {
            id: format!("{number:026}"),
            kind: FactKind::Note,
            json: r#"{"text":"x"}"#.to_owned(),
        };
        let facts: Vec<Fact> = (0..count).map(fact).collect();
        let written = Document::new().append([7; 16], 1_000, &facts).unwrap();
        Chunk::parse(&written.bytes).unwrap().rest.to_vec()
    };
    // Kind, day, nonce, dependencies, dossier, audience, counters, operations, schema, rest.
    let entry =
        |kind: u8, deps: &[u8], dossier: u8, audience: &[u8], seq: u8, op: u16, rest: &[u8]| {
            let mut out = vec![kind, 9, 0, seq, deps.len() as u8];
            out.extend_from_slice(deps);
            out.push(dossier);
            out.push(audience.len() as u8);
            out.extend_from_slice(audience);
            out.push(seq);
            out.extend_from_slice(&op.to_le_bytes());
            out.extend_from_slice(&[2, 1]);
            put_piece(&mut out, rest);
            out
        };
    let create = entry(0, &[], 1, &[2], 1, 1, &facts(2));
    let change = entry(1, &[0], 0, &[4], 2, 3, &facts(1));
    let intrudes = entry(1, &[2], 2, &[2], 3, 9, &facts(1));
    let orphan = entry(1, &[200], 0, &[], 3, 9, &facts(1));
    let attach = entry(2, &[0], 0, &[], 0, 0, b"bytes");
    let decides = entry(3, &[0], 0, &[], 0, 0, &[1, 1, 0]);
    let unknown = entry(0xb3, &[0], 0, &[], 0, 0, b"later");
    // The first thing that its author writes, on top of another office's change.
    let first = entry(1, &[0], 0, &[2], 1, 2, &facts(1));
    let quiet = entry(1, &[0], 0, &[], 1, 2, &facts(1));
    vec![
        ("intrudes-first".into(), first),
        ("intrudes-quietly".into(), quiet),
        ("creates".into(), create.clone()),
        ("changes".into(), [create.clone(), change.clone()].concat()),
        ("intrudes".into(), [create.clone(), change.clone(), intrudes].concat()),
        ("orphan".into(), [create.clone(), orphan].concat()),
        ("others".into(), [create, change, attach, decides, unknown].concat()),
    ]
}
