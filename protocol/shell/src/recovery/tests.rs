//! A hub's recovery ALPN over loopback.
#![allow(clippy::unwrap_used)]

use super::{call::Call, *};
use crate::{
    certificate::device_key_of,
    test_city::{
        CITY, City, DAY, DOMAIN, NOW, WARD, clock_at, denial, hub, hub_record, issuer, key, node,
        root_one, sign_root,
    },
    transport::{
        Carrier, Credentials, Endpoint, LinkSink, LinkWriter, Recovery, Settings, TrustHandle,
    },
};
use motcua_core::{
    id::{Nonce, OfficeId},
    key::{PublicKey, SecretKey},
    limits,
    replica::Channel,
    time::Timestamp,
    trust::{Binding, JoinBundle, NodeKind, RootDocument, Signed, TrustError, enrol::prove},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);
const WEEK: Timestamp = Timestamp(NOW.0 + 7 * DAY);

/// A journal that is on disk when it says so.
#[derive(Default)]
struct Memory {
    tokens: Mutex<HashMap<Nonce, PublicKey>>,
    bindings: Mutex<HashMap<PublicKey, Signed>>,
    issues: Mutex<Vec<Issue>>,
    incidents: Mutex<u32>,
    /// The disk hangs until told otherwise.
    hangs: AtomicBool,
    /// The disk fails.
    fails: AtomicBool,
    reached: Notify,
}

#[derive(Clone, Default)]
struct Journal(Arc<Memory>);

impl Books for Journal {
    fn consumed(&self, token: Nonce) -> Option<PublicKey> {
        self.0.tokens.lock().unwrap().get(&token).copied()
    }

    fn on_file(&self, key: &PublicKey) -> Option<Signed> {
        self.0.bindings.lock().unwrap().get(key).cloned()
    }

    fn record(&self, issue: Issue) -> BoxFuture<'_, Result<(), BooksError>> {
        Box::pin(async move {
            self.0.reached.notify_one();
            if self.0.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.0.fails.load(Ordering::SeqCst) {
                return Err(BooksError("disk full".to_owned()));
            }
            if let Some(token) = issue.token {
                self.0.tokens.lock().unwrap().insert(token, issue.key);
            }
            self.0.bindings.lock().unwrap().insert(issue.key, issue.binding.clone());
            self.0.issues.lock().unwrap().push(issue);
            Ok(())
        })
    }

    fn note(&self, note: Note<'_>) {
        let incident = match note {
            Note::Refused(refusal) => refusal.is_incident(),
            Note::CloneSuspected(_) => true,
        };
        *self.0.incidents.lock().unwrap() += u32::from(incident);
    }
}

/// Nobody links here.
#[derive(Clone)]
struct Deaf;

impl LinkSink for Deaf {
    type Link = ();

    fn link_up(&self, _: PublicKey, _: bool, _: Carrier, _: LinkWriter) -> ((), Arc<Semaphore>) {
        panic!("a link over the recovery ALPN");
    }

    async fn message(&self, (): (), _: &Arc<Semaphore>, _: Channel, _: Vec<u8>) {}

    fn link_down(&self, _: Option<()>) {}
}

struct Hub {
    city: City,
    trust: TrustHandle,
    journal: Journal,
    clock: Arc<AtomicI64>,
    endpoint: Endpoint<Deaf>,
}

impl Hub {
    fn new() -> Self {
        Self::with_key(&hub())
    }

    fn with_key(device: &SecretKey) -> Self {
        Self::at(device, CITY)
    }

    fn serving(office: OfficeId) -> Self {
        Self::at(&hub(), office)
    }

    fn at(device: &SecretKey, office: OfficeId) -> Self {
        let city = City::new();
        let trust = city.trust();
        let journal = Journal::default();
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let hands = Arc::clone(&clock);
        let issuing =
            Issuing { device: device.clone(), issuer: issuer(), ca_cert: city.ca.clone(), office };
        let service = HubRecovery::new(
            issuing,
            trust.clone(),
            Arc::new(move || Timestamp(hands.load(Ordering::SeqCst))),
            journal.clone(),
        );
        let recovery =
            Recovery { listen: Some(([127, 0, 0, 1], 0).into()), service: Arc::new(service) };
        let credentials = city.credentials(device, NodeKind::Hub);
        let endpoint =
            Endpoint::bind(None, credentials, Deaf, Some(recovery), Settings::default()).unwrap();
        Self { city, trust, journal, clock, endpoint }
    }

    fn address(&self) -> SocketAddr {
        self.endpoint.recovery_addr().unwrap()
    }

    fn bundle(&self) -> JoinBundle {
        self.city.bundle(self.address(), WEEK)
    }

    fn issued(&self) -> Vec<Issue> {
        self.journal.0.issues.lock().unwrap().clone()
    }

    fn incidents(&self) -> u32 {
        *self.journal.0.incidents.lock().unwrap()
    }

    async fn stranger(&self, carrier: Carrier) -> Stranger {
        let key = hub().public();
        let addresses = [self.address().to_string()];
        Stranger(Call::by(carrier, Some(key), key, &addresses).await.unwrap())
    }
}

/// Says whatever it likes.
struct Stranger(Call);

impl Stranger {
    async fn say(&mut self, bytes: &[u8]) -> Vec<u8> {
        timeout(SOON, self.0.exchange(bytes)).await.unwrap().unwrap()
    }

    async fn ask(&mut self, request: &RecoveryRequest) -> RecoveryReply {
        RecoveryReply::decode(&self.say(&request.encode()).await).unwrap()
    }

    async fn challenge(&mut self) -> Nonce {
        match self.ask(&RecoveryRequest::Hello { nonce: Nonce([5; 16]) }).await {
            RecoveryReply::Challenge { nonce, .. } => nonce,
            reply => panic!("{reply:?}"),
        }
    }
}

fn code(error: &EnrolError) -> u16 {
    match error {
        EnrolError::Refused { code, .. } => *code,
        error => panic!("{error}"),
    }
}

fn ask_to_enrol(token: &Signed, id: Nonce, device: &SecretKey, nonce: Nonce) -> RecoveryRequest {
    let proof = prove(device, DOMAIN, nonce, id);
    RecoveryRequest::Enrol { token: token.clone(), key: device.public(), nonce, proof }
}

#[tokio::test]
async fn a_machine_with_a_bundle_gets_all_it_needs_to_link() {
    let hub = Hub::new();
    let got = enrol(&hub.bundle(), &node()).await.unwrap();
    let bound = got.trust.binding(&got.binding).unwrap();
    assert_eq!((bound.key, bound.office, bound.slot), (node().public(), WARD, 0));
    assert_eq!((bound.slots, bound.serial), (2, 1));
    assert_eq!(device_key_of(&got.certificate_chain[0]), Some(node().public()));
    assert_eq!(got.trust.numbers(), hub.city.view.numbers());
    assert_eq!(got.hub_time, NOW);
    let issued = hub.issued();
    assert_eq!(issued.len(), 1);
    assert_eq!((issued[0].token, &issued[0].binding), (Some(Nonce([0x70; 16])), &got.binding));
    let trust = TrustHandle::new(got.trust);
    Credentials::new(&node(), &got.certificate_chain, trust, clock_at(NOW)).unwrap();
}

#[tokio::test]
async fn a_stranger_learns_a_challenge_and_a_refusal_and_changes_nothing() {
    for carrier in Carrier::ALL {
        is_told_little(carrier).await;
    }
}

async fn is_told_little(carrier: Carrier) {
    let hub = Hub::new();
    let mut stranger = hub.stranger(carrier).await;
    let device = key(66);
    let forged = {
        let token = hub.bundle().check().unwrap();
        Signed::sign(&device, &token).unwrap()
    };
    let hello = RecoveryRequest::Hello { nonce: Nonce([5; 16]) }.encode();
    let challenge = stranger.say(&hello).await;
    // Version, variant, nonce, time, signature: nothing that names office, city or hub.
    assert!(challenge.len() <= 2 + 16 + 10 + 66, "{}", challenge.len());
    let nonce = stranger.challenge().await;
    let real = hub.bundle();
    let proof = prove(&device, DOMAIN, nonce, Nonce::ZERO);
    let mut asked = vec![
        ask_to_enrol(&forged, Nonce([0x70; 16]), &device, nonce).encode(),
        // A real token and no proof for the challenge.
        ask_to_enrol(&real.token, Nonce([0x70; 16]), &device, Nonce([9; 16])).encode(),
        RecoveryRequest::Renew { key: device.public(), binding: None, nonce, proof }.encode(),
        RecoveryRequest::Roots { after: 0 }.encode(),
    ];
    let not_admitted = refused(RefusalCode::NotAdmitted).encode();
    for request in &asked {
        assert_eq!(stranger.say(request).await, not_admitted, "the same words for all");
    }
    asked = vec![vec![], vec![1, 200], vec![0xff; 100], vec![7; limits::RECOVERY_BYTES + 1]];
    let bad_request = refused(RefusalCode::BadRequest).encode();
    for request in &asked {
        assert_eq!(stranger.say(request).await, bad_request);
    }
    assert!(not_admitted.len() < 160 && bad_request.len() < 160);
    assert!(hub.issued().is_empty());
    // The bundle is as good as before.
    enrol(&real, &node()).await.unwrap();
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_on_its_own_connection_only() {
    for (one, two) in [(Carrier::Quic, Carrier::Tcp), (Carrier::Tcp, Carrier::Quic)] {
        answers_once(one, two).await;
    }
}

async fn answers_once(one: Carrier, two: Carrier) {
    let hub = Hub::new();
    let (mut one, mut two) = (hub.stranger(one).await, hub.stranger(two).await);
    let bundle = hub.bundle();
    let nonce = one.challenge().await;
    two.challenge().await;
    let request = ask_to_enrol(&bundle.token, Nonce([0x70; 16]), &node(), nonce);
    let not_admitted = refused(RefusalCode::NotAdmitted);
    assert_eq!(two.ask(&request).await, not_admitted);
    assert!(matches!(one.ask(&request).await, RecoveryReply::Enrolled { .. }));
    assert_eq!(one.ask(&request).await, not_admitted);
    assert_eq!(hub.issued().len(), 1);
    // Whoever was let in may have the chain.
    let roots = one.ask(&RecoveryRequest::Roots { after: 0 }).await;
    assert!(matches!(roots, RecoveryReply::Roots { documents, .. } if documents.len() == 1));
}

#[tokio::test]
async fn a_token_gives_its_user_the_same_for_ever_and_others_nothing() {
    let hub = Hub::new();
    let first = enrol(&hub.bundle(), &node()).await.unwrap();
    let again = enrol(&hub.bundle(), &node()).await.unwrap();
    assert_eq!((again.binding == first.binding, hub.issued().len()), (true, 1));
    assert_eq!(hub.incidents(), 0);
    let error = enrol(&hub.bundle(), &key(66)).await.unwrap_err();
    assert_eq!((code(&error), error.is_transient()), (RefusalCode::TokenUsed as u16, false));
    assert_eq!((hub.incidents(), hub.issued().len()), (1, 1));
    hub.clock.store(WEEK.0 + 1, Ordering::SeqCst);
    let late = enrol(&hub.bundle(), &node()).await.unwrap();
    assert!(late.binding == first.binding);
}

#[tokio::test]
async fn an_expired_token_and_a_banned_key_are_refused() {
    let hub = Hub::new();
    hub.clock.store(WEEK.0, Ordering::SeqCst);
    let error = enrol(&hub.bundle(), &node()).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::TokenExpired as u16);
    hub.clock.store(NOW.0, Ordering::SeqCst);
    let mut view = hub.trust.get();
    view.adopt_denial(denial(2, &[node().public()])).unwrap();
    hub.trust.set(view);
    let error = enrol(&hub.bundle(), &node()).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::Denied as u16);
    assert!(hub.issued().is_empty());
}

#[tokio::test]
async fn an_enrolment_cut_while_it_is_journaled_is_nobody_elses_and_can_be_repeated() {
    let hub = Hub::new();
    hub.journal.0.hangs.store(true, Ordering::SeqCst);
    let bundle = hub.bundle();
    {
        let device = node();
        let mut cut = std::pin::pin!(enrol(&bundle, &device));
        tokio::select! {
            _ = &mut cut => panic!("answered before it was journaled"),
            () = hub.journal.0.reached.notified() => {}
        }
    }
    hub.journal.0.hangs.store(false, Ordering::SeqCst);
    let error = enrol(&bundle, &key(66)).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::TokenUsed as u16);
    assert!(hub.issued().is_empty());
    // The hub serves the key again once it has seen the first connection end.
    let got = loop {
        match enrol(&bundle, &node()).await {
            Ok(got) => break got,
            Err(error) => assert_eq!(code(&error), RefusalCode::Busy as u16),
        }
    };
    assert_eq!(got.trust.binding(&got.binding).unwrap().serial, 1);
    assert_eq!(hub.issued().len(), 1);
}

#[tokio::test]
async fn a_key_is_served_once_at_a_time_and_a_second_caller_is_asked_to_come_back() {
    let hub = Hub::new();
    hub.journal.0.hangs.store(true, Ordering::SeqCst);
    let bundle = hub.bundle();
    {
        let device = node();
        let mut first = std::pin::pin!(enrol(&bundle, &device));
        tokio::select! {
            _ = &mut first => panic!("answered before it was journaled"),
            () = hub.journal.0.reached.notified() => {}
        }
        for _ in 0..3 {
            let error = timeout(SOON, enrol(&bundle, &device)).await.unwrap().unwrap_err();
            assert_eq!(code(&error), RefusalCode::Busy as u16);
        }
    }
    assert!(hub.issued().is_empty());
}

#[tokio::test]
async fn nothing_is_answered_when_the_journal_fails() {
    let hub = Hub::new();
    hub.journal.0.fails.store(true, Ordering::SeqCst);
    let error = enrol(&hub.bundle(), &node()).await.unwrap_err();
    assert_eq!((code(&error), error.is_transient()), (RefusalCode::Busy as u16, true));
    hub.journal.0.fails.store(false, Ordering::SeqCst);
    enrol(&hub.bundle(), &node()).await.unwrap();
    assert_eq!(hub.issued().len(), 1);
}

#[tokio::test]
async fn a_hub_with_another_key_or_of_another_city_is_not_believed() {
    let hub = Hub::new();
    let mut bundle = hub.bundle();
    bundle.hub_key = key(77).public();
    let error = enrol(&bundle, &node()).await.unwrap_err();
    assert!(matches!(error, EnrolError::Unreachable { .. }), "{error}");
    assert!(hub.issued().is_empty(), "the token was not shown to it");
    let mut bundle = hub.bundle();
    bundle.root_pin.0[0] ^= 1;
    let error = enrol(&bundle, &node()).await.unwrap_err();
    assert!(matches!(error, EnrolError::Trust(TrustError::Pin)), "{error}");
    bundle.hub_addresses.clear();
    let error = enrol(&bundle, &node()).await.unwrap_err();
    assert!(matches!(error, EnrolError::Bundle(_)), "{error}");
}

#[tokio::test]
async fn asking_too_often_is_answered_with_busy() {
    let hub = Hub::new();
    // One rate for both ways.
    let mut strangers = [hub.stranger(Carrier::Quic).await, hub.stranger(Carrier::Tcp).await];
    let busy = refused(RefusalCode::Busy);
    let hello = RecoveryRequest::Hello { nonce: Nonce([5; 16]) };
    let began = tokio::time::Instant::now();
    let mut asked = 0;
    while strangers[asked % 2].ask(&hello).await != busy {
        asked += 1;
        assert!(asked < 2_000, "no end to it");
    }
    assert!(asked >= 128, "a burst of {asked}");
    let most = 130.0 + 8.0 * began.elapsed().as_secs_f64();
    assert!((asked as f64) < most, "{asked} answers, {most} are allowed");
    // The other way has nothing left either, but for what comes again meanwhile.
    let (other, began) = (&mut strangers[(asked + 1) % 2], tokio::time::Instant::now());
    let mut answered = 0;
    for _ in 0..40 {
        answered += u32::from(other.ask(&hello).await != busy);
    }
    let most = 2.0 + 8.0 * began.elapsed().as_secs_f64();
    assert!(f64::from(answered) < most, "{answered} answers, {most} are allowed");
    let error = enrol(&hub.bundle(), &node()).await.err();
    assert!(error.is_none_or(|error| error.is_transient()));
}

fn renewed_root(city: &City, hub_key: PublicKey) -> RootDocument {
    let first = sign_root(&root_one(city.ca.clone()));
    let mut next = first.read().unwrap();
    next.number = 2;
    next.previous = first.hash();
    next.hubs[0].key = hub_key;
    next
}

#[tokio::test]
async fn a_machine_renews_and_learns_what_is_new() {
    let desk = Hub::new();
    let joined = enrol(&desk.bundle(), &node()).await.unwrap();
    let mut view = desk.trust.get();
    view.adopt_denial(denial(2, &[key(99).public()])).unwrap();
    desk.trust.set(view);
    let record = hub_record(desk.address(), Some(desk.address()));
    let binding = Some(&joined.binding);
    let got = renew(&record, &node(), binding, &joined.trust).await.unwrap();
    let bound: Binding = got.binding.open().unwrap();
    assert_eq!((bound.serial, bound.office), (2, WARD));
    assert_eq!(got.trust.numbers().denial, 2);
    // The answer was lost: the same again. Then the machine lost its binding altogether.
    let again = renew(&record, &node(), binding, &joined.trust).await.unwrap();
    let lost = renew(&record, &node(), None, &joined.trust).await.unwrap();
    assert!(again.binding == got.binding && lost.binding == got.binding);
    assert_eq!((desk.issued().len(), desk.incidents()), (2, 0));
    let error = renew(&record, &key(66), binding, &joined.trust).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::NotAdmitted as u16);
}

#[tokio::test]
async fn a_machine_comes_back_to_a_hub_whose_key_was_replaced() {
    let successor = key(55);
    let desk = Hub::with_key(&successor);
    let old = desk.city.view.clone();
    let binding = Signed::sign(
        &issuer(),
        &Binding {
            domain: DOMAIN,
            key: node().public(),
            office: WARD,
            kind: NodeKind::Node,
            slot: 0,
            slots: 2,
            serial: 3,
            issued_at: NOW,
        },
    )
    .unwrap();
    let record = hub_record(desk.address(), None);
    assert_ne!(record.key, successor.public());
    // Not named by any root document: whatever it answers counts for nothing.
    let error = renew(&record, &node(), Some(&binding), &old).await.unwrap_err();
    assert!(matches!(error, EnrolError::Answer(_)), "{error}");
    let mut view = desk.trust.get();
    view.adopt_root(sign_root(&renewed_root(&desk.city, successor.public()))).unwrap();
    desk.trust.set(view);
    let got = renew(&record, &node(), Some(&binding), &old).await.unwrap();
    assert_eq!(got.trust.numbers().root, 2);
    assert_eq!(got.trust.root().hubs[0].key, successor.public());
}

#[tokio::test]
async fn closing_the_endpoint_does_not_wait_for_callers() {
    let hub = Hub::new();
    let mut strangers = [hub.stranger(Carrier::Quic).await, hub.stranger(Carrier::Tcp).await];
    for stranger in &mut strangers {
        stranger.challenge().await;
    }
    timeout(SOON, hub.endpoint.close()).await.unwrap();
    for mut stranger in strangers {
        timeout(SOON, stranger.0.exchange(b"still there?")).await.unwrap().unwrap_err();
    }
}

#[tokio::test]
async fn a_hub_elsewhere_in_the_city_renews_nothing_and_hands_on_the_root_documents() {
    let desk = Hub::serving(WARD);
    let old = desk.city.view.clone();
    let mut view = desk.trust.get();
    view.adopt_root(sign_root(&renewed_root(&desk.city, hub().public()))).unwrap();
    desk.trust.set(view);
    let of_the_city = Binding {
        domain: DOMAIN,
        key: node().public(),
        office: CITY,
        kind: NodeKind::Node,
        slot: 0,
        slots: 1,
        serial: 3,
        issued_at: NOW,
    };
    let binding = Signed::sign(&issuer(), &of_the_city).unwrap();
    let record = hub_record(desk.address(), None);
    let error = renew(&record, &node(), Some(&binding), &old).await.unwrap_err();
    let EnrolError::Elsewhere(newer) = error else { panic!("{error}") };
    assert_eq!(newer.numbers().root, 2);
    assert!(desk.issued().is_empty());
    // Not to a stranger, who is not told that the office is another's either.
    let error = renew(&record, &key(66), None, &old).await.unwrap_err();
    assert_eq!(code(&error), RefusalCode::NotAdmitted as u16);
}
