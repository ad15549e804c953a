use crate::city::{DOMAIN, following, key, root_one, roots, sign_root};
use motcua_core::{
    id::{DomainId, Hash},
    key::SecretKey,
    trust::{Adopted, RootDocument, SignedRoot, TrustError, TrustView},
};

fn start() -> (TrustView, SignedRoot) {
    let first = sign_root(&root_one(), &roots());
    (TrustView::new(first.hash(), first.clone()).unwrap(), first)
}

#[test]
fn the_first_document_needs_the_pin_its_own_keys_and_number_one() {
    let first = sign_root(&root_one(), &roots());
    assert_eq!(TrustView::new(Hash([9; 32]), first).err(), Some(TrustError::Pin));
    let weak = sign_root(&root_one(), &[key(1), key(99)]);
    let error = TrustView::new(weak.hash(), weak).unwrap_err();
    assert!(matches!(error, TrustError::Threshold { got: 1, need: 2, .. }), "{error}");
    let second = sign_root(&following(&sign_root(&root_one(), &roots())), &roots());
    assert!(matches!(TrustView::new(second.hash(), second), Err(TrustError::Gap { .. })));
}

#[test]
fn two_rotations_and_ninety_eight_more_documents_are_followed_one_by_one() {
    let (mut view, mut last) = start();
    let mut keys: Vec<SecretKey> = roots().into();
    for number in 2..=101_u8 {
        let fresh: Vec<SecretKey> = if number == 30 || number == 60 {
            (0..3).map(|offset| key(100 + number + offset)).collect()
        } else {
            keys.clone()
        };
        let document = RootDocument {
            roots: fresh.iter().map(SecretKey::public).collect(),
            ..following(&last)
        };
        let all: Vec<SecretKey> = keys.iter().chain(&fresh).cloned().collect();
        let all = if number == 30 || number == 60 { all } else { keys.clone() };
        last = sign_root(&document, &all);
        assert_eq!(view.adopt_root(last.clone()), Ok(Adopted::New));
        keys = fresh;
    }
    assert_eq!(view.numbers().root, 101);
    assert_eq!(view.roots_after(0).len(), 101);
    assert_eq!(view.roots_after(99).len(), 2);
    assert_eq!(view.roots_after(u64::MAX).len(), 0);
    let again = TrustView::from_bytes(&view.to_bytes()).unwrap();
    assert_eq!((again.numbers(), again.pin()), (view.numbers(), view.pin()));
}

#[test]
fn a_rotation_needs_the_old_keys_and_the_new_ones() {
    let (view, first) = start();
    let fresh = [key(50), key(51), key(52)];
    let document =
        RootDocument { roots: fresh.iter().map(SecretKey::public).collect(), ..following(&first) };
    for (signers, by) in [(fresh.to_vec(), 1), (roots().to_vec(), 2)] {
        let error = view.clone().adopt_root(sign_root(&document, &signers)).unwrap_err();
        assert!(matches!(error, TrustError::Threshold { by: got, .. } if got == by), "{error}");
    }
    let both: Vec<SecretKey> = roots().into_iter().chain(fresh).collect();
    assert_eq!(view.clone().adopt_root(sign_root(&document, &both)), Ok(Adopted::New));
}

#[test]
fn one_key_signing_twice_counts_once() {
    let (mut view, first) = start();
    let twice = sign_root(&following(&first), &[key(1), key(1)]);
    let error = view.adopt_root(twice).unwrap_err();
    assert!(matches!(error, TrustError::Threshold { got: 1, need: 2, .. }), "{error}");
}

#[test]
fn a_gap_a_fork_and_a_foreign_city_are_refused_and_change_nothing() {
    let (mut view, first) = start();
    let second = sign_root(&following(&first), &roots());
    let third = sign_root(&following(&second), &roots());
    assert_eq!(view.adopt_root(third), Err(TrustError::Gap { have: 1, got: 3 }));
    let loose = RootDocument { previous: Hash([8; 32]), ..following(&first) };
    let error = view.adopt_root(sign_root(&loose, &roots()));
    assert_eq!(error, Err(TrustError::Chain { number: 2 }));
    let foreign = RootDocument { domain: DomainId([0xee; 16]), ..following(&first) };
    let error = view.adopt_root(sign_root(&foreign, &roots())).unwrap_err();
    assert!(matches!(error, TrustError::Domain { ours: DOMAIN, .. }), "{error}");
    assert_eq!(view.numbers().root, 1);

    assert_eq!(view.adopt_root(second.clone()), Ok(Adopted::New));
    assert_eq!(view.adopt_root(second), Ok(Adopted::Known));
    assert_eq!(view.adopt_root(first), Ok(Adopted::Known));
    let other = RootDocument { name: "Thành phố khác".into(), ..following(&view_first(&view)) };
    let error = view.adopt_root(sign_root(&other, &roots()));
    assert_eq!(error, Err(TrustError::Conflict { what: "root document", number: 2 }));
    assert_eq!(view.numbers().root, 2);
}

fn view_first(view: &TrustView) -> SignedRoot {
    SignedRoot::clone(&view.roots_after(0)[0])
}

#[test]
fn a_changed_byte_in_a_signed_document_is_never_taken() {
    let (view, first) = start();
    let second = sign_root(&following(&first), &roots());
    for at in 0..second.payload.len() {
        let mut changed = second.clone();
        changed.payload[at] ^= 1;
        assert!(view.clone().adopt_root(changed).is_err(), "byte {at}");
    }
}

#[test]
fn a_document_that_contradicts_itself_names_the_rule() {
    let ward = root_one();
    let cases: [(RootDocument, &str); 6] = [
        (RootDocument { threshold: 4, ..ward.clone() }, "threshold"),
        (RootDocument { threshold: 0, ..ward.clone() }, "threshold"),
        (RootDocument { number: 0, ..ward.clone() }, "number is zero"),
        (RootDocument { previous: Hash([1; 32]), ..ward.clone() }, "no predecessor"),
        (RootDocument { roots: vec![key(1).public(); 2], ..ward.clone() }, "listed twice"),
        (RootDocument { name: " ".into(), ..ward.clone() }, "blank"),
    ];
    for (document, words) in cases {
        let error = SignedRoot::sign(&document, &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    for address in ["hub", "hub:", ":443", "hub:0", "hub:65536", "a hub:443", ""] {
        let mut document = root_one();
        document.hubs[0].addresses = vec![address.into()];
        let error = SignedRoot::sign(&document, &[]).unwrap_err().to_string();
        assert!(error.contains("address"), "{address:?}: {error}");
    }
}
