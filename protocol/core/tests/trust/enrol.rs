use crate::city::{
    CITY, DISTRICT, DOMAIN, NOW, OTHER_DISTRICT, WARD, bind, city_issuer, denial, device,
    district_issuer, following, full_view, key, registrar, root_one, roots, sign_root, token,
};
use motcua_core::{
    id::{Nonce, OfficeId},
    key::{PublicKey, Purpose, SecretKey},
    time::Timestamp,
    trust::{
        Binding, Denied, DenyAction, Signed, SignedRoot, TrustView,
        enrol::{
            EnrolmentGrant, RecoveryReply, RecoveryRequest, Refusal, RefusalCode, decide_enrolment,
            decide_renewal, prove, time_message,
        },
    },
};

const CHALLENGE: Nonce = Nonce([0xc0; 16]);

struct Try {
    view: TrustView,
    signer: SecretKey,
    office: OfficeId,
    device: SecretKey,
    answers: Nonce,
    now: Timestamp,
    consumed: Option<PublicKey>,
    on_file: Option<Binding>,
    hub: OfficeId,
}

impl Default for Try {
    fn default() -> Self {
        Self {
            view: full_view(),
            signer: registrar(),
            office: WARD,
            device: device(),
            answers: CHALLENGE,
            now: NOW,
            consumed: None,
            on_file: None,
            hub: DISTRICT,
        }
    }
}

impl Try {
    fn decide(self) -> Result<EnrolmentGrant, Refusal> {
        let token = token(self.office);
        let proof = prove(&self.device, DOMAIN, self.answers, token.id);
        let signed = Signed::sign(&self.signer, &token).unwrap();
        let key = self.device.public();
        decide_enrolment(
            &self.view,
            &signed,
            &key,
            &proof,
            CHALLENGE,
            self.now,
            self.consumed,
            self.on_file.as_ref(),
            self.hub,
        )
    }

    fn code(self) -> RefusalCode {
        self.decide().unwrap_err().code
    }
}

const LATE: Timestamp = Timestamp(NOW.0 + 8 * 86_400_000);

#[test]
fn a_registrars_token_binds_the_key_that_proves_itself() {
    let grant = Try::default().decide().unwrap();
    assert_eq!((grant.office, grant.serial, grant.repeated), (WARD, 1, false));
    let signed = Signed::sign(&district_issuer(), &grant.binding(DOMAIN, NOW)).unwrap();
    let binding = full_view().binding(&signed).unwrap();
    assert_eq!((binding.key, binding.slot, binding.slots), (device().public(), 0, 2));
}

#[test]
fn the_same_machine_may_ask_again_for_ever_and_another_never() {
    let consumed = Some(device().public());
    let grant = Try { consumed, now: LATE, ..Try::default() }.decide().unwrap();
    assert!(grant.repeated && grant.serial == 1);
    let refusal = Try { consumed, device: key(41), ..Try::default() }.decide().unwrap_err();
    assert_eq!(refusal.code, RefusalCode::TokenUsed);
    assert!(refusal.is_incident());
    assert!(refusal.to_string().contains(&device().public().to_string()));
    let RecoveryReply::Refused { code, words } = refusal.reply() else { panic!("no refusal") };
    assert_eq!(code, 3);
    assert!(!words.contains(&device().public().to_string()), "the audit is not for the caller");
}

#[test]
fn a_machine_of_one_office_never_joins_another_but_may_join_its_own_again() {
    let bound =
        |office, serial| bind(&district_issuer(), &device(), office, serial).open::<Binding>().ok();
    let other = Try { on_file: bound(DISTRICT, 1), ..Try::default() };
    assert_eq!(other.code(), RefusalCode::OtherOffice);
    let again = Try { on_file: bound(WARD, 4), ..Try::default() }.decide().unwrap();
    assert_eq!((again.serial, again.repeated), (5, false));
    let consumed = Some(device().public());
    let repeated = Try { on_file: bound(WARD, 4), consumed, ..Try::default() }.decide().unwrap();
    assert_eq!((repeated.serial, repeated.repeated), (4, true));
}

#[test]
fn an_expired_token_is_refused_at_its_minute() {
    let end = token(WARD).expires_at;
    assert_eq!(Try { now: end, ..Try::default() }.code(), RefusalCode::TokenExpired);
    assert!(Try { now: Timestamp(end.0 - 1), ..Try::default() }.decide().is_ok());
}

#[test]
fn a_hub_enrols_its_own_offices_only() {
    assert_eq!(Try { hub: OTHER_DISTRICT, ..Try::default() }.code(), RefusalCode::OtherHub);
    assert_eq!(Try { hub: WARD, office: CITY, ..Try::default() }.code(), RefusalCode::OtherHub);
    assert!(Try { hub: CITY, ..Try::default() }.decide().is_ok());
}

#[test]
fn strangers_all_get_the_same_answer() {
    let words: Vec<RecoveryReply> = [
        Try { signer: key(99), ..Try::default() },
        Try { answers: Nonce([1; 16]), ..Try::default() },
        Try { signer: key(99), consumed: Some(key(41).public()), now: LATE, ..Try::default() },
        Try { answers: Nonce([1; 16]), consumed: Some(key(41).public()), ..Try::default() },
    ]
    .into_iter()
    .map(|attempt| attempt.decide().unwrap_err().reply())
    .collect();
    assert!(words.iter().all(|reply| *reply == words[0]), "{words:?}");
    assert!(matches!(words[0], RecoveryReply::Refused { code: 1, .. }));
}

fn banned(device: &SecretKey) -> TrustView {
    let node = device.public().node_id();
    let mut view = full_view();
    let denied = Denied { node, action: DenyAction::Suspend, last_good: vec![] };
    view.adopt_denial(denial(2, vec![denied])).unwrap();
    view
}

#[test]
fn a_denied_key_neither_joins_nor_renews() {
    assert_eq!(Try { view: banned(&device()), ..Try::default() }.code(), RefusalCode::Denied);
    let shown = bind(&district_issuer(), &device(), WARD, 1);
    let refusal = renew(&banned(&device()), Some(&shown), None).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Denied);
}

fn renew(
    view: &TrustView,
    shown: Option<&Signed>,
    on_file: Option<&Binding>,
) -> Result<EnrolmentGrant, Refusal> {
    let proof = prove(&device(), DOMAIN, CHALLENGE, Nonce::ZERO);
    let key = device().public();
    decide_renewal(view, &key, shown, &proof, CHALLENGE, on_file, DISTRICT)
}

#[test]
fn a_bound_key_renews_and_a_lost_answer_is_given_again() {
    let view = full_view();
    let file =
        |serial| bind(&district_issuer(), &device(), WARD, serial).open::<Binding>().unwrap();
    let shown = |serial| bind(&district_issuer(), &device(), WARD, serial);
    let grant = |shown: Option<&Signed>, on_file: Option<&Binding>| {
        let grant = renew(&view, shown, on_file).unwrap();
        (grant.serial, grant.repeated, grant.clone_suspected)
    };
    assert_eq!(grant(Some(&shown(4)), Some(&file(4))), (5, false, false));
    assert_eq!(grant(Some(&shown(4)), Some(&file(5))), (5, true, false));
    assert_eq!(grant(Some(&shown(2)), Some(&file(5))), (5, true, true));
    assert_eq!(grant(None, Some(&file(5))), (5, true, false));
    // A hub restored from a backup, or new to the office, believes the proof.
    assert_eq!(grant(Some(&shown(7)), Some(&file(5))), (8, false, false));
    assert_eq!(grant(Some(&shown(7)), None), (8, false, false));
}

#[test]
fn an_office_away_for_two_rotations_renews_though_its_issuer_is_gone() {
    let mut view = full_view();
    let shown = bind(&district_issuer(), &device(), WARD, 1);
    let on_file: Binding = shown.open().unwrap();
    let mut last: SignedRoot = sign_root(&root_one(), &roots());
    for _ in 0..2 {
        let mut next = following(&last);
        next.issuers.truncate(1);
        last = sign_root(&next, &roots());
        view.adopt_root(last.clone()).unwrap();
    }
    assert!(view.binding(&shown).is_err());
    assert!(renew(&view, Some(&shown), None).is_err(), "no proof and nothing on file");
    let grant = renew(&view, Some(&shown), Some(&on_file)).unwrap();
    assert_eq!((grant.serial, grant.clone_suspected), (2, false));
    let signed = Signed::sign(&city_issuer(), &grant.binding(DOMAIN, NOW)).unwrap();
    assert!(view.binding(&signed).is_ok());
}

#[test]
fn a_key_renews_neither_with_anothers_binding_nor_with_anothers_proof() {
    let view = full_view();
    let other = bind(&district_issuer(), &key(41), WARD, 1);
    let filed: Binding = other.open().unwrap();
    assert_eq!(
        renew(&view, Some(&other), Some(&filed)).unwrap_err().code,
        RefusalCode::NotAdmitted
    );
    let proof = prove(&key(41), DOMAIN, CHALLENGE, Nonce::ZERO);
    let own = bind(&district_issuer(), &device(), WARD, 1);
    let key = device().public();
    let refusal = decide_renewal(&view, &key, Some(&own), &proof, CHALLENGE, None, DISTRICT);
    assert_eq!(refusal.unwrap_err().code, RefusalCode::NotAdmitted);
}

#[test]
fn messages_round_trip_and_the_hubs_time_is_signed_over_the_askers_nonce() {
    let token = Signed::sign(&registrar(), &token(WARD)).unwrap();
    let proof = prove(&device(), DOMAIN, CHALLENGE, Nonce([0x70; 16]));
    let key = device().public();
    let requests = [
        RecoveryRequest::Hello { nonce: Nonce([5; 16]) },
        RecoveryRequest::Enrol { token: token.clone(), key, nonce: CHALLENGE, proof },
        RecoveryRequest::Renew { key, binding: Some(token), nonce: CHALLENGE, proof },
        RecoveryRequest::Roots { after: 7 },
    ];
    for request in requests {
        assert_eq!(RecoveryRequest::decode(&request.encode()), Ok(request));
    }
    let hub = crate::city::key(31);
    let reply = RecoveryReply::challenge(&hub, DOMAIN, Nonce([5; 16]), CHALLENGE, NOW);
    assert_eq!(RecoveryReply::decode(&reply.encode()), Ok(reply.clone()));
    let RecoveryReply::Challenge { nonce, time, signature } = reply else { panic!("no challenge") };
    let signed = |asked| {
        let message = time_message(asked, nonce, time);
        hub.public().verify(Purpose::Time, DOMAIN, &message, &signature)
    };
    assert!(signed(Nonce([5; 16])) && !signed(Nonce([6; 16])));
}

#[test]
fn the_chain_of_roots_is_served_after_the_asked_number() {
    let mut view = full_view();
    let second = sign_root(&following(&sign_root(&root_one(), &roots())), &roots());
    view.adopt_root(second.clone()).unwrap();
    let RecoveryReply::Roots { documents, more } = RecoveryReply::roots(&view, 1) else {
        panic!("no roots")
    };
    assert_eq!((documents, more), (vec![second.encode()], false));
}
