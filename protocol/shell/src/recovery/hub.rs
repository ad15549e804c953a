//! The hub's side: decides by [`motcua_core::trust::enrol`], has the grant journaled, and only then
//! answers with binding, certificate and trust.

use super::{BoxFuture, RecoveryService, RecoverySession, refused};
use crate::{
    certificate::{self, CertificateError, LIFETIME_DAYS},
    transport::tls::{TrustHandle, WallClock},
};
use motcua_core::{
    id::{Nonce, OfficeId},
    key::{PublicKey, SecretKey, Signature},
    time::Timestamp,
    trust::{
        Binding, Signed, TrustError, TrustView,
        enrol::{
            EnrolmentGrant, RecoveryReply, RecoveryRequest, Refusal, RefusalCode, decide_enrolment,
            decide_renewal,
        },
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a hub has on file about who was let in, and how more is put there.
pub trait Books: Send + Sync + 'static {
    /// Who used a join token, from the journal.
    fn consumed(&self, token: Nonce) -> Option<PublicKey>;

    /// The newest binding issued for a key, from the journal.
    fn on_file(&self, key: &PublicKey) -> Option<Signed>;

    /// Puts an issue into the journal; done when it is on disk. May be dropped at any point, and
    /// is then called again with the same token and key.
    fn record(&self, issue: Issue) -> BoxFuture<'_, Result<(), BooksError>>;

    /// Something for audit log and alarms; also written to the program's log.
    fn note(&self, note: Note<'_>) {
        let _ = note;
    }
}

/// What is to be journaled before it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The join token that is used up; none when renewing.
    pub token: Option<Nonce>,
    /// The device key.
    pub key: PublicKey,
    /// When, by this hub's clock.
    pub at: Timestamp,
    /// The signed [`Binding`].
    pub binding: Signed,
}

/// Why an issue is not on disk.
#[derive(Debug, thiserror::Error)]
#[error("not journaled: {0}")]
pub struct BooksError(pub String);

/// What happened at the desk.
#[derive(Debug, Clone, Copy)]
pub enum Note<'a> {
    /// A caller was refused.
    Refused(&'a Refusal),
    /// Two machines may hold this key: a person decides.
    CloneSuspected(&'a PublicKey),
}

/// What a hub issues with.
#[derive(Debug, Clone)]
pub struct Issuing {
    /// The hub's device key; signs its time.
    pub device: SecretKey,
    /// Signs bindings and certificates.
    pub issuer: SecretKey,
    /// Certificate of the issuer's CA, DER, as in the root document.
    pub ca_cert: Vec<u8>,
    /// The office the hub serves.
    pub office: OfficeId,
}

/// Answers the recovery ALPN for a hub.
pub struct HubRecovery<B> {
    issuing: Issuing,
    trust: TrustHandle,
    clock: WallClock,
    books: B,
    desk: Mutex<Desk>,
}

/// What is being granted at this moment.
#[derive(Default)]
struct Desk {
    /// Tokens granted since the start. A grant whose journaling was cut may be on disk without
    /// being in the books yet; until then the token is its first user's.
    tokens: HashMap<Nonce, PublicKey>,
    /// Keys being served, so that two callers with one key get two serials.
    keys: HashSet<PublicKey>,
}

/// Why a grant was not carried out, for the hub's operator.
#[derive(Debug, thiserror::Error)]
enum IssueError {
    #[error("the root document does not let this hub issue; replace its issuing key: {0}")]
    Binding(#[from] TrustError),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    #[error("{0}")]
    Books(#[from] BooksError),
}

impl<B: Books> HubRecovery<B> {
    /// Answers with these keys and books.
    pub fn new(issuing: Issuing, trust: TrustHandle, clock: WallClock, books: B) -> Self {
        Self { issuing, trust, clock, books, desk: Mutex::default() }
    }

    async fn answer(
        &self,
        request: RecoveryRequest,
        session: &mut RecoverySession,
    ) -> RecoveryReply {
        match request {
            RecoveryRequest::Hello { nonce } => self.hello(nonce, session),
            RecoveryRequest::Enrol { token, key, nonce, proof } => {
                let Some(challenge) = answered(session, nonce) else {
                    return refused(RefusalCode::NotAdmitted);
                };
                let Some(_turn) = self.turn(key) else { return refused(RefusalCode::Busy) };
                let view = self.trust.get();
                let decided = self.decide(&view, &token, &key, &proof, challenge);
                self.grant(&view, decided, session).await
            }
            RecoveryRequest::Renew { key, binding, nonce, proof } => {
                let Some(challenge) = answered(session, nonce) else {
                    return refused(RefusalCode::NotAdmitted);
                };
                let Some(_turn) = self.turn(key) else { return refused(RefusalCode::Busy) };
                let view = self.trust.get();
                let on_file: Option<Binding> =
                    self.books.on_file(&key).and_then(|signed| signed.open().ok());
                let (shown, on_file) = (binding.as_ref(), on_file.as_ref());
                let office = self.issuing.office;
                let decided =
                    decide_renewal(&view, &key, shown, &proof, challenge, on_file, office);
                self.grant(&view, decided, session).await
            }
            // The chain names every hub and its addresses: not for strangers.
            RecoveryRequest::Roots { .. } if !session.is_admitted() => {
                refused(RefusalCode::NotAdmitted)
            }
            RecoveryRequest::Roots { after } => RecoveryReply::roots(&self.trust.get(), after),
        }
    }

    fn hello(&self, asked: Nonce, session: &mut RecoverySession) -> RecoveryReply {
        let mut nonce = Nonce::ZERO;
        if let Err(error) = getrandom::fill(&mut nonce.0) {
            tracing::error!(%error, "no random bytes for a challenge");
            return refused(RefusalCode::Busy);
        }
        session.challenge(nonce);
        let domain = self.trust.get().domain();
        RecoveryReply::challenge(&self.issuing.device, domain, asked, nonce, (self.clock)())
    }

    /// Decides and, in the same breath, keeps the token for its first user.
    fn decide(
        &self,
        view: &TrustView,
        token: &Signed,
        key: &PublicKey,
        proof: &Signature,
        challenge: Nonce,
    ) -> Result<EnrolmentGrant, Refusal> {
        let mut desk = self.desk();
        // A token that cannot be read was used by nobody; the decision says what is wrong with it.
        let id = view.token(token).ok().map(|token| token.id);
        let consumed =
            id.and_then(|id| self.books.consumed(id).or_else(|| desk.tokens.get(&id).copied()));
        let (now, office) = ((self.clock)(), self.issuing.office);
        let filed = self.books.on_file(key).and_then(|signed| signed.open::<Binding>().ok());
        let filed = filed.as_ref();
        let grant =
            decide_enrolment(view, token, key, proof, challenge, now, consumed, filed, office)?;
        desk.tokens.insert(grant.token, *key);
        Ok(grant)
    }

    async fn grant(
        &self,
        view: &TrustView,
        decided: Result<EnrolmentGrant, Refusal>,
        session: &mut RecoverySession,
    ) -> RecoveryReply {
        let grant = match decided {
            Ok(grant) => grant,
            Err(refusal) => {
                let remote = session.remote;
                if refusal.is_incident() {
                    tracing::error!(%remote, %refusal, "a join token was copied");
                } else {
                    tracing::info!(%remote, %refusal, "recovery caller refused");
                }
                self.books.note(Note::Refused(&refusal));
                if refusal.is_known() {
                    session.admit();
                }
                return refusal.reply();
            }
        };
        let node = grant.key.node_id();
        if grant.clone_suspected {
            tracing::error!(%node, "two machines may hold one device key");
            self.books.note(Note::CloneSuspected(&grant.key));
        }
        match self.issue(view, &grant).await {
            Ok((binding, certificate_chain)) => {
                session.admit();
                tracing::info!(%node, office = %grant.office, serial = grant.serial, "issued");
                RecoveryReply::Enrolled { binding, certificate_chain, trust: view.to_bytes() }
            }
            Err(error) => {
                tracing::error!(%node, %error, "nothing was issued");
                refused(RefusalCode::Busy)
            }
        }
    }

    async fn issue(
        &self,
        view: &TrustView,
        grant: &EnrolmentGrant,
    ) -> Result<(Signed, Vec<Vec<u8>>), IssueError> {
        let Issuing { issuer, ca_cert, .. } = &self.issuing;
        let now = (self.clock)();
        let given = self.given_before(view, grant);
        let journaled = given.is_some();
        let binding = match given {
            Some(binding) => binding,
            None => Signed::sign(issuer, &grant.binding(view.domain(), now))?,
        };
        view.binding(&binding)?;
        let chain =
            certificate::issue(issuer, ca_cert, &grant.key, grant.kind, now, LIFETIME_DAYS)?;
        let token = Some(grant.token).filter(|token| *token != Nonce::ZERO);
        let used = token.is_none_or(|token| self.books.consumed(token).is_some());
        if !(journaled && used) {
            let issue = Issue { token, key: grant.key, at: now, binding: binding.clone() };
            self.books.record(issue).await?;
        }
        if let Some(token) = token {
            // From here on the books know.
            if self.books.consumed(token).is_some() {
                self.desk().tokens.remove(&token);
            }
        }
        Ok((binding, chain))
    }

    /// The binding of a grant that was given before, while it still holds.
    fn given_before(&self, view: &TrustView, grant: &EnrolmentGrant) -> Option<Signed> {
        let signed = self.books.on_file(&grant.key).filter(|_| grant.repeated)?;
        let binding = view.binding(&signed).ok()?;
        let same = grant.binding(binding.domain, binding.issued_at) == binding;
        same.then_some(signed)
    }

    /// One caller a key at a time.
    fn turn(&self, key: PublicKey) -> Option<Turn<'_>> {
        let mine = self.desk().keys.insert(key);
        // Made only if it is ours: dropping one gives the key's turn back.
        mine.then(|| Turn { desk: &self.desk, key })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The challenge, if it is the one that was given and not yet answered.
fn answered(session: &mut RecoverySession, nonce: Nonce) -> Option<Nonce> {
    session.take_challenge().filter(|challenge| *challenge == nonce)
}

struct Turn<'a> {
    desk: &'a Mutex<Desk>,
    key: PublicKey,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).keys.remove(&self.key);
    }
}

impl<B: Books> RecoveryService for HubRecovery<B> {
    fn handle<'a>(
        &'a self,
        request: RecoveryRequest,
        session: &'a mut RecoverySession,
    ) -> BoxFuture<'a, RecoveryReply> {
        Box::pin(self.answer(request, session))
    }
}
