//! The desk: a clerk's actions, checked, written into the own log, and answered when they are on
//! this machine's disk.

use crate::{codes::Codes, drafts::Drafts, error::DeskError, lists::Counted, promise::promise};
use motcua_core::{
    author::{Draft, OwnLog},
    entry::{FactIds, Kind, dossier_id},
    hash::{Context, derive},
    id::{DossierId, Hash, LogId, Nonce, OfficeId, PersonId},
    key::{Purpose, SecretKey},
    ledger::is_away,
    record::{Record, RequestKey},
    replica::UpstreamPhase,
    state::{
        Key, Kv,
        rows::{self, Meta, Request},
    },
    time::{ClockError, Timestamp},
    trust::Binding,
};
use motcua_dossier::{
    SCHEMA,
    action::{self, Action, Registration},
    asked::{self, Asked},
    code::{Code, Day},
    derive::{self, Derived},
    document::Document,
    fact::{self, Act, Applicant, Fact, Origin, Paper},
    lease::{Issuer, Lease, Leases, Start},
    procedure::{Procedure, built_in},
    state::State,
};
use motcua_shell::{
    clock::Clock,
    content,
    documents::{Documents, Held},
    driver::Signal,
    engine::{Engine, Saved},
    find,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A day that has certainly begun; a clock before it is wrong.
pub(crate) const FLOOR: Day = Day { year: 2_026, month: 1, day: 1 };

/// How long an act waits for the history of a dossier that came as an image only: some round trips of
/// a slow line.
const HISTORY_WAIT: Duration = Duration::from_secs(3);

/// Saves that the state may lack before another one waits for it: their documents are in memory.
const AHEAD: usize = 1_000;

/// What a page or program asks the desk to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDossier {
    /// Procedure code.
    pub procedure: String,
    /// Who asks.
    pub applicant: Applicant,
    /// What is asked for.
    pub request: String,
    /// Papers handed in.
    pub papers: Vec<Paper>,
    /// Promised date, Unix milliseconds.
    pub due: Option<i64>,
    /// Fee in đồng.
    pub fee: Option<u64>,
    /// A code that was printed already, of a dossier taken over from elsewhere; a fresh one is
    /// issued otherwise.
    pub code: Option<String>,
}

/// A dossier of a list, to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenOver {
    pub(crate) applicant: Applicant,
    pub(crate) request: fact::Request,
    pub(crate) papers: Vec<Paper>,
    /// When it was received, Unix milliseconds; now if the list does not say.
    pub(crate) received: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) state: State,
    pub(crate) code: Printed,
    pub(crate) note: String,
    pub(crate) origin: Origin,
}

/// Whether a dossier has a printed code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Printed {
    /// It had this one before.
    Before(String),
    /// It gets a fresh one.
    Now,
    /// It has none.
    Never,
}

/// Who acts and what it may be repeated by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// Clerk's name as shown.
    pub clerk: String,
    /// What may be repeated, if the caller gave a key.
    pub request: Option<Asking>,
}

/// A request under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Key and hash of what was asked, for the journal.
    pub key: RequestKey,
    /// The same for the act that it causes.
    pub asked: Asked,
}

/// The desk of one office on one machine.
pub struct Desk {
    engine: Arc<Engine>,
    documents: Arc<Documents>,
    leases: Mutex<Leases>,
    issuer_slot: (u32, u32),
    replaces: bool,
    machine: [u8; 16],
    /// Signs what the QR codes of forms say.
    signer: SecretKey,
    procedures: Vec<Procedure>,
    /// One request with a key at a time, so that a second one finds the first one's answer.
    keys: Mutex<HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>,
    /// Requests on disk that the state may not reflect yet.
    answered: Mutex<HashMap<[u8; 16], Request>>,
    /// One start of a day's numbers at a time.
    pub(crate) beginning: tokio::sync::Mutex<()>,
    /// Codes on their way to the state.
    pub(crate) codes: Codes,
    drafts: Drafts,
    last_saved: AtomicU64,
    /// Generation of the documents for which the state was waited for.
    caught_up: AtomicU64,
    /// Counters of the working lists.
    pub(crate) counted: Counted,
}

impl Desk {
    /// Opens the desk over a running engine.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the leases cannot be read.
    pub(crate) fn open(
        engine: Arc<Engine>,
        documents: Arc<Documents>,
        binding: &Binding,
        replaces: bool,
        signer: SecretKey,
        drafts: Drafts,
    ) -> Result<Self, DeskError> {
        let (from, to) = (Key::Lease(0).bytes(), Key::Lease(u64::MAX).bytes());
        let rows = engine.books().range(&from, &to, usize::MAX)?;
        let mut records: Vec<Vec<u8>> = rows.into_iter().map(|(_, bytes)| bytes).collect();
        // What the state does not reflect yet: of a state that is being made again, nearly all.
        records.extend(engine.own_records().leases.iter().cloned());
        let mut all = Leases::default();
        for bytes in records {
            match Lease::decode(&bytes) {
                Some(lease) => all.replay(lease),
                None => Start::decode(&bytes).into_iter().for_each(|start| all.replay_start(start)),
            }
        }
        Ok(Self {
            engine,
            documents,
            leases: Mutex::new(all),
            issuer_slot: (u32::from(binding.slot), u32::from(binding.slots)),
            replaces,
            machine: machine(),
            signer,
            procedures: built_in(),
            keys: Mutex::default(),
            answered: Mutex::default(),
            beginning: tokio::sync::Mutex::default(),
            codes: Codes::default(),
            drafts,
            last_saved: AtomicU64::new(0),
            caught_up: AtomicU64::new(0),
            counted: Counted::default(),
        })
    }

    /// The engine below.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What stands behind the content of a form's QR code: eight hex digits of this machine's id and its
    /// signature (design/forms.md).
    pub(crate) fn sign_form(&self, text: &str) -> String {
        let domain = self.engine.trust().domain();
        let signature = self.signer.sign(Purpose::Form, domain, text.as_bytes());
        let node: String = self.engine.me.node.to_string().chars().take(8).collect();
        format!("{node}.{}", motcua_forms::qr::base64url(&signature.0))
    }

    /// What is being typed.
    pub(crate) fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// Procedures of this office.
    pub fn procedures(&self) -> &[Procedure] {
        &self.procedures
    }

    /// The date by the term of a procedure for somebody who is received now, Unix milliseconds; none
    /// where nothing is promised, or the procedure is not known.
    ///
    /// # Errors
    /// [`DeskError::Due`]
    pub fn promised(&self, procedure: &str) -> Result<Option<i64>, DeskError> {
        let known = self.procedures.iter().find(|known| known.code == procedure);
        let Some(known) = known else { return Ok(None) };
        Ok(promise(known, self.engine.clock().wall())?.at)
    }

    /// Waits until everything saved here can be read.
    pub async fn settled(&self) {
        self.engine.applied(self.last_saved.load(Ordering::Acquire)).await;
    }

    /// Registers a dossier under a fresh code.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::Repeated`] names the dossier that the same request made before.
    pub async fn register(&self, new: NewDossier, caller: Caller) -> Result<DossierId, DeskError> {
        let procedure = self.procedures.iter().find(|known| known.code == new.procedure);
        let Some(procedure) = procedure else {
            let value = new.procedure.chars().take(80).collect();
            return Err(DeskError::Unknown { field: "procedure", value });
        };
        let office = self.engine.me.office;
        let act = self.act_of(&caller, String::new());
        let now = Timestamp(act.at);
        let nonce = Nonce(motcua_shell::engine::random());
        let registration = Registration {
            applicant: new.applicant,
            request: fact::Request {
                procedure: procedure.code.clone(),
                procedure_name: procedure.name.clone(),
                channel: "direct".into(),
                text: new.request,
                fee: new.fee,
                term_unit: procedure.term_unit.clone(),
                term: Some(procedure.term),
            },
            papers: new.papers,
            due: new.due,
            code: new.code.clone().unwrap_or_default(),
        };
        let taken_over = match &new.code {
            Some(code) => Some(Code::read(code).map_err(|_| DeskError::Unknown {
                field: "code",
                value: code.chars().take(80).collect(),
            })?),
            None => None,
        };
        let taken_over = taken_over.as_ref();
        // Checked before a number is used up.
        action::register(registration.clone(), act.clone(), office)?;
        let key = self.public_key();
        self.once(caller.request.clone(), &mut |request| {
            let (registration, act) = (registration.clone(), act.clone());
            let caller = caller.clone();
            async move {
                let id = dossier_id(&key, nonce, now);
                let saved = self
                    .engine
                    .own()
                    .write(request, |own| {
                        let (mut registration, mut records) = (registration, Vec::new());
                        match taken_over {
                            Some(code) => self.free(code)?,
                            None => {
                                let issuer = self.issuer(own.log());
                                registration.code = self.fresh_code(&issuer, now, &mut records)?;
                            }
                        }
                        self.codes.begin(&registration.code, id);
                        let action = action::register(registration, act, office)?;
                        let held = Held::new(Document::new(), []);
                        let draft = self.draft(own, id, action, &caller, now, held, Some(nonce))?;
                        Ok((draft, records))
                    })
                    .await;
                self.finish(id, request, saved)?;
                Ok(id)
            }
        })
        .await
    }

    /// A code that no dossier known here has: leases keep machines apart, and what came from
    /// beside, from the hub or from a copy is passed over besides.
    fn fresh_code(
        &self,
        issuer: &Issuer,
        now: Timestamp,
        records: &mut Vec<Record>,
    ) -> Result<String, DeskError> {
        loop {
            let issued = self.leases().issue(issuer, now.0, FLOOR)?;
            records.extend(issued.lease.map(|one| Record::Lease(one.encode())));
            let read = Code::read(&issued.code);
            if read.map_or(Ok(None), |code| self.holder_of_code(&code))?.is_none() {
                return Ok(issued.code);
            }
            tracing::warn!("a code of a lease is in use already; it is passed over");
        }
    }

    /// The dossier here that has a code, under whatever spelling of its number: `0037` and `00037` are
    /// one number.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub fn holder_of_code(&self, code: &Code) -> Result<Option<DossierId>, DeskError> {
        if let Some(id) = self.codes.holder(code) {
            return Ok(Some(id));
        }
        for spelt in code.spellings() {
            if let Some(id) = find::by_code(self.engine.books(), &spelt)?.first() {
                return Ok(Some(*id));
            }
        }
        Ok(None)
    }

    /// Refuses a code that a dossier has.
    fn free(&self, code: &Code) -> Result<(), DeskError> {
        match self.holder_of_code(code)? {
            Some(dossier) => Err(DeskError::CodeTaken { code: code.to_string(), dossier }),
            None => Ok(()),
        }
    }

    /// Takes over a dossier of a list.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::CodeTaken`] when another dossier has its code by now.
    pub(crate) async fn take_over(
        &self,
        new: TakenOver,
        caller: &Caller,
    ) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.room().await?;
        let office = self.engine.me.office;
        let mut act = self.act_of(caller, new.note);
        let now = Timestamp(act.at);
        act.at = new.received.unwrap_or(act.at);
        let nonce = Nonce(motcua_shell::engine::random());
        let id = dossier_id(&self.public_key(), nonce, now);
        let TakenOver { applicant, request, papers, due, state, code, origin, .. } = new;
        let saved = self
            .engine
            .own()
            .write(None, |own| {
                let mut records = Vec::new();
                let code = match code {
                    Printed::Before(code) => {
                        let read = Code::read(&code);
                        self.free(&read.map_err(|_| DeskError::Unknown {
                            field: "code",
                            value: code.chars().take(80).collect(),
                        })?)?;
                        code
                    }
                    Printed::Now => self.fresh_code(&self.issuer(own.log()), now, &mut records)?,
                    Printed::Never => String::new(),
                };
                let registration =
                    Registration { applicant, request, papers, due, code: code.clone() };
                let action = action::take_over(registration, state, &origin, act, office)?;
                if !code.is_empty() {
                    self.codes.begin(&code, id);
                }
                let held = Held::new(Document::new(), []);
                let draft = self.draft(own, id, action, caller, now, held, Some(nonce))?;
                Ok((draft, records))
            })
            .await;
        self.finish(id, None, saved)?;
        Ok(id)
    }

    /// Carries out an action on a dossier that is here.
    ///
    /// # Errors
    /// [`DeskError`]; [`DeskError::Repeated`] when the same request was carried out before.
    pub async fn act(
        &self,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&Derived, Act) -> Result<Action, DeskError>,
    ) -> Result<DossierId, DeskError> {
        let make = |facts: &[Fact], act| make(&derive::derive(facts), act);
        self.act_after(Vec::new(), id, caller, note, make).await
    }

    /// The same for an action that needs records on disk before it, and is judged by the facts.
    ///
    /// # Errors
    /// See [`Self::act`].
    pub(crate) async fn act_after(
        &self,
        before: Vec<Record>,
        id: DossierId,
        caller: Caller,
        note: String,
        make: impl Fn(&[Fact], Act) -> Result<Action, DeskError>,
    ) -> Result<DossierId, DeskError> {
        self.whole()?;
        self.checked(id).await?;
        self.brought_back(id).await?;
        let act = self.act_of(&caller, note);
        let now = Timestamp(act.at);
        self.once(caller.request.clone(), &mut |request| {
            let (act, caller, make) = (act.clone(), caller.clone(), &make);
            let before = before.clone();
            async move {
                let saved = self
                    .engine
                    .own()
                    .write(request, |own| {
                        let held = self.newest(id)?;
                        let action = match make(&held.facts, act) {
                            Ok(action) => action,
                            Err(error) => {
                                self.documents.give_back(id, held, self.generation());
                                return Err(error);
                            }
                        };
                        let draft = self.draft(own, id, action, &caller, now, held, None)?;
                        Ok((draft, before))
                    })
                    .await;
                self.finish(id, request, saved)?;
                Ok(id)
            }
        })
        .await
    }

    /// Facts of a dossier, whether the state reflects the newest of them already or not.
    pub(crate) fn facts(&self, id: DossierId) -> Result<Arc<Vec<Fact>>, DeskError> {
        if let Some(facts) = self.documents.facts(id, self.generation()) {
            return Ok(facts);
        }
        match self.load(id) {
            Err(DeskError::Unchecked) => {
                let image = self.engine.books().image(id)?;
                let said = image.and_then(|image| content::read_image(&image.content));
                // It may have gone meanwhile, because the history has come.
                said.map_or_else(|| Ok(self.load(id)?.facts), |(_, facts)| Ok(Arc::new(facts)))
            }
            loaded => Ok(loaded?.facts),
        }
    }

    /// Whether only what the hub says of a dossier is here. Then its history is asked for.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) fn is_unchecked(&self, id: DossierId) -> Result<bool, DeskError> {
        let unchecked = self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some();
        if unchecked {
            self.engine.driver().signal(Signal::WantHistory(id));
        }
        Ok(unchecked)
    }

    /// Waits a moment for the history of a dossier of which only an image is here: nobody builds on
    /// what was not checked.
    async fn checked(&self, id: DossierId) -> Result<(), DeskError> {
        if !self.is_unchecked(id)? {
            return Ok(());
        }
        let mut progress = self.engine.progress();
        let come = async {
            while self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some() {
                if progress.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        // Whoever comes too early is told so under the own log's lock.
        tokio::time::timeout(HISTORY_WAIT, come).await.unwrap_or(Ok(()))
    }

    /// Brings the history of a closed dossier back from the hub, if it left, and waits a moment for
    /// it. It may be away still: whoever needs it is told so.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) async fn brought_back(&self, id: DossierId) -> Result<(), DeskError> {
        let books = self.engine.books();
        if !is_away(books, id)? {
            return Ok(());
        }
        let mut progress = self.engine.progress();
        self.engine.driver().signal(Signal::WantHistory(id));
        if self.engine.snapshot().upstream != UpstreamPhase::Live {
            return Ok(());
        }
        let come = async {
            while is_away(books, id)? {
                if progress.changed().await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        tokio::time::timeout(HISTORY_WAIT, come).await.unwrap_or(Ok(()))
    }

    /// The newest document of a dossier, to be written to. Only under the own log's lock.
    fn newest(&self, id: DossierId) -> Result<Held, DeskError> {
        // Also if the document is still in memory: what is built on it here could not be judged here.
        if is_away(self.engine.books(), id)? {
            return Err(DeskError::Away);
        }
        match self.documents.take(id, self.generation()) {
            Some(held) => Ok(held),
            None => self.load(id),
        }
    }

    fn generation(&self) -> u64 {
        self.engine.own().generation()
    }

    /// The same for a dossier that was just saved: if nothing of it is in memory, because a write
    /// after it failed, the state has it in a moment.
    pub(crate) async fn facts_saved(&self, id: DossierId) -> Result<Arc<Vec<Fact>>, DeskError> {
        match self.facts(id) {
            Err(DeskError::NoDossier(_)) => {
                self.settled().await;
                self.facts(id)
            }
            found => found,
        }
    }

    /// The document as the state has it.
    fn load(&self, id: DossierId) -> Result<Held, DeskError> {
        if self.engine.books().row::<rows::Image>(Key::Image(id))?.is_some() {
            return Err(DeskError::Unchecked);
        }
        let held = self.engine.books().dossier(id)?;
        let (row, history) = held.ok_or_else(|| DeskError::NoDossier(id.to_string()))?;
        if row.away {
            return Err(DeskError::Away);
        }
        let accepted: Vec<_> = history
            .iter()
            .filter(|stored| stored.verdict.applies() && stored.entry.header.kind.is_change())
            .collect();
        let document =
            content::document(&accepted).map_err(|fault| DeskError::Document(fault.reason))?;
        Ok(Held::new(document, accepted.iter().map(|stored| stored.entry.header.change_hash)))
    }

    /// Lets the state catch up when it is far behind, so that memory stays bounded, and when what was
    /// in memory was dropped, so that nothing is built on less than was saved. Nothing else waits.
    /// While the state is made again nobody waits for it either.
    async fn room(&self) -> Result<(), DeskError> {
        let generation = self.generation();
        let dropped = self.caught_up.load(Ordering::Acquire) != generation;
        if dropped || self.documents.ahead() >= AHEAD {
            self.whole()?;
            self.settled().await;
            self.caught_up.store(generation, Ordering::Release);
        }
        Ok(())
    }

    /// Refuses what must not be done on a state that does not reflect the journal.
    ///
    /// # Errors
    /// [`DeskError::Rebuilding`] with how far it is.
    pub(crate) fn whole(&self) -> Result<(), DeskError> {
        let startup = self.engine.startup();
        match startup.is_level() {
            true => Ok(()),
            false => Err(DeskError::Rebuilding(Box::new(startup.view()))),
        }
    }

    /// Whether all of a dossier is in memory, of one that was registered while the state is made again.
    pub(crate) fn is_fresh(&self, id: DossierId) -> bool {
        self.documents.is_ahead(id)
    }

    /// Runs a request once per idempotency key.
    async fn once<F: Future<Output = Result<DossierId, DeskError>>>(
        &self,
        request: Option<Asking>,
        run: &mut impl FnMut(Option<RequestKey>) -> F,
    ) -> Result<DossierId, DeskError> {
        self.room().await?;
        let Some(Asking { key, asked }) = request else { return run(None).await };
        let turn = Arc::clone(lock(&self.keys).entry(key.key).or_default());
        let guard = turn.lock().await;
        let known = || match lock(&self.answered).get(&key.key).cloned() {
            Some(row) => Ok(Some(row)),
            None => self.engine.books().row::<Request>(Key::Request(key.key)),
        };
        // Asked first: once the state has it, this says no.
        let seen = self.engine.own_records().answered(&key.key);
        let mut before = known()?;
        if before.is_none() && seen {
            // It was answered before this start, and the answer is not in the state yet.
            self.whole()?;
            before = known()?;
        }
        let result = match before {
            Some(row) if row.body == key.body => Err(DeskError::Repeated(row.dossier)),
            Some(row) => Err(self.reused(row.dossier, &asked)),
            // Another machine of the office may have answered it.
            None => match find::by_request(self.engine.books(), &key.key)?.first() {
                Some(id) => Err(self.asked_elsewhere(*id, &asked).await?),
                None => run(Some(key)).await,
            },
        };
        drop(guard);
        // Nobody else waits for this key: two handles are this one and the map's.
        let mut keys = lock(&self.keys);
        if Arc::strong_count(&turn) <= 2 {
            keys.remove(&key.key);
        }
        result
    }

    /// The dossier that a request under this key made or changed, as far as the state and this start tell.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub(crate) fn answered(&self, key: &[u8; 16]) -> Result<Option<DossierId>, DeskError> {
        if let Some(row) = lock(&self.answered).get(key) {
            return Ok(Some(row.dossier));
        }
        let books = self.engine.books();
        match books.row::<Request>(Key::Request(*key))? {
            Some(row) => Ok(Some(row.dossier)),
            None => Ok(find::by_request(books, key)?.first().copied()),
        }
    }

    /// What a key is answered with that another machine of the office answered first.
    async fn asked_elsewhere(&self, id: DossierId, asked: &Asked) -> Result<DeskError, DeskError> {
        self.brought_back(id).await?;
        let facts = self.facts(id)?;
        let before = asked::requests(&facts).find(|(_, before)| before.key == asked.key);
        Ok(match before {
            Some((_, before)) if before.fields == asked.fields => DeskError::Repeated(id),
            _ => self.reused(id, asked),
        })
    }

    /// A refusal that names what differs from the request that the key was used for.
    fn reused(&self, dossier: DossierId, asked: &Asked) -> DeskError {
        let facts = self.facts(dossier).unwrap_or_default();
        let before = asked::requests(&facts).find(|(_, before)| before.key == asked.key);
        let fields = before.map(|(_, before)| before.differs(asked)).unwrap_or_default();
        let code = motcua_dossier::view::view(&facts).summary.code;
        DeskError::KeyReused { dossier, code, fields }
    }

    fn finish(
        &self,
        id: DossierId,
        request: Option<RequestKey>,
        saved: Result<Saved, DeskError>,
    ) -> Result<Saved, DeskError> {
        match saved {
            Ok(saved) => {
                self.documents.saved(id, saved.position);
                self.codes.saved(id, saved.position);
                self.last_saved.fetch_max(saved.position, Ordering::AcqRel);
                if let Some(request) = request {
                    let row = Request { body: request.body, dossier: id };
                    lock(&self.answered).insert(request.key, row);
                }
                Ok(saved)
            }
            Err(error) => {
                self.codes.failed(id);
                if matches!(error, DeskError::Save(_)) {
                    self.documents.failed(id);
                }
                Err(error)
            }
        }
    }

    /// Called by the applier: what the state reflects need not be remembered here.
    pub(crate) fn applied(&self, dossiers: &BTreeSet<DossierId>, applied: u64) {
        self.documents.applied(dossiers, applied);
        self.codes.applied(applied);
        if applied >= self.last_saved.load(Ordering::Acquire) {
            lock(&self.answered).clear();
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one entry, put together once")]
    fn draft(
        &self,
        own: &mut OwnLog,
        id: DossierId,
        action: Action,
        caller: &Caller,
        now: Timestamp,
        mut held: Held,
        creation: Option<Nonce>,
    ) -> Result<Draft, DeskError> {
        let boot = Nonce(motcua_shell::engine::random());
        own.begin_anew_unless(id, |change| held.has(change), boot);
        let mut document = std::mem::take(&mut held.document);
        let parents: Vec<Hash> = document.heads().into_iter().map(Hash).collect();
        let ids = FactIds::new(own.actor(), id, &parents, now);
        let (clock, error) = self.engine.judge_clock(now);
        let action = match error {
            Some(ClockError { ahead, by_hub }) => action.by_a_wrong_clock(ahead, by_hub.0),
            None => action,
        };
        let facts: Vec<Fact> =
            action.facts.into_iter().zip(ids).map(|(fact, id)| fact.with_id(id)).collect();
        let written = document
            .append(own.actor().0, now.0, &facts)
            .map_err(|fault| DeskError::Document(fault.to_string()))?;
        let held = held.grown(document, Hash(written.hash), facts);
        self.documents.put(id, held, self.generation());
        Ok(Draft {
            kind: if creation.is_some() { Kind::Create } else { Kind::Change },
            dossier: id,
            person: person(&caller.clerk),
            claimed_at: now,
            clock,
            schema: SCHEMA,
            op_count: written.ops,
            change_hash: Hash(written.hash),
            deps: written.deps.into_iter().map(Hash).collect(),
            audience: action.audience,
            creation,
            payload: written.bytes,
        })
    }

    pub(crate) fn issuer(&self, log: LogId) -> Issuer {
        let trust = self.engine.trust();
        let org = trust.office(self.engine.me.office).map(|office| office.org_code.clone());
        let (slot, slots) = self.issuer_slot;
        let org = org.unwrap_or_default();
        let replaces = self.replaces;
        // Codes that came from elsewhere are known from the state alone.
        let blind = !self.engine.startup().is_level();
        Issuer { log, machine: self.machine, org, slot, slots, replaces, blind }
    }

    fn act_of(&self, caller: &Caller, note: String) -> Act {
        Act {
            at: self.engine.clock().wall().0,
            by: caller.clerk.clone(),
            office: self.engine.me.office.to_string(),
            note,
            asked: caller.request.as_ref().map(|request| request.asked.clone()),
        }
    }

    pub(crate) fn public_key(&self) -> motcua_core::key::PublicKey {
        self.engine.own().key()
    }

    pub(crate) fn leases(&self) -> MutexGuard<'_, Leases> {
        lock(&self.leases)
    }

    /// Counters of the state.
    ///
    /// # Errors
    /// [`DeskError::Store`] when the state cannot be read.
    pub fn meta(&self) -> Result<Meta, DeskError> {
        Ok(self.engine.meta()?)
    }

    /// In which roles another office takes part in a dossier.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] when it takes no part, or is this one.
    pub fn roles(
        &self,
        id: DossierId,
        office: OfficeId,
    ) -> Result<Vec<motcua_core::entry::Role>, DeskError> {
        let row: Option<rows::Dossier> = self.engine.books().row(Key::Dossier(id))?;
        let members = row.map(|row| row.members()).unwrap_or_default();
        let other = office != self.engine.me.office;
        let found = members.into_iter().find(|(member, _)| *member == office && other);
        found
            .map(|(_, roles)| roles)
            .ok_or_else(|| DeskError::Unknown { field: "office", value: office.to_string() })
    }

    /// An office of the catalogue that a dossier may be forwarded to.
    ///
    /// # Errors
    /// [`DeskError::Unknown`] when the text is no office of this city.
    pub fn office(&self, text: &str) -> Result<OfficeId, DeskError> {
        let unknown =
            || DeskError::Unknown { field: "office", value: text.chars().take(80).collect() };
        let id: OfficeId = text.parse().map_err(|_| unknown())?;
        self.engine.trust().office(id).map(|office| office.id).ok_or_else(unknown)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opaque to the protocol; the same clerk of the same office has the same one.
fn person(clerk: &str) -> PersonId {
    let hash = derive(Context::Document, &[b"person", clerk.as_bytes()]);
    let mut id = PersonId::ZERO;
    id.0.copy_from_slice(&hash.0[..PersonId::LEN]);
    id
}

/// Sixteen bytes that differ between machines, from the system's machine id; a copied disk image
/// keeps it, which is why leases are bound to the log as well.
fn machine() -> [u8; 16] {
    let text = std::fs::read("/etc/machine-id").unwrap_or_default();
    let hash = derive(Context::Document, &[b"machine", &text]);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.0[..16]);
    id
}
