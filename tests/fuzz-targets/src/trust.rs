//! Trust documents: a whole store as it comes, and single documents with the signatures that a thief
//! of each online key could make.

use crate::{
    Outcome,
    bytes::Tape,
    city::{
        WARD, bind, city_issuer, denial, denial_key, device, following, full_view, registrar,
        root_one, roots, sign_root,
    },
};
use motcua_core::{
    key::SecretKey,
    trust::{
        Binding, Catalogue, DenialList, Document, RegistrarAct, RootDocument, Signed, SignedRoot,
        TrustView,
    },
};

const KINDS: u8 = 6;

pub fn run(input: &[u8]) -> Outcome {
    let mut tape = Tape(input);
    let kind = tape.byte() % KINDS;
    let bytes = tape.0;
    let view = full_view();
    let taken = match kind {
        0 => store(bytes),
        1 => signed::<Binding>(&city_issuer(), bytes).is_some_and(|signed| {
            let bound = view.binding(&signed);
            // An issuer speaks for what is below its office only.
            bound.is_ok_and(|binding| view.office(binding.office).is_some())
        }),
        2 => adopts(signed::<DenialList>(&denial_key(), bytes), TrustView::adopt_denial),
        3 => adopts(signed::<Catalogue>(&registrar(), bytes), TrustView::adopt_catalogue),
        4 => adopts(root(bytes), TrustView::adopt_root),
        _ => signed::<RegistrarAct>(&registrar(), bytes)
            .is_some_and(|signed| signed.open::<RegistrarAct>().is_ok()),
    };
    if taken { Outcome::Taken } else { Outcome::Refused }
}

/// A store that is read means the same when it is written and read again.
fn store(bytes: &[u8]) -> bool {
    let Ok(view) = TrustView::from_bytes(bytes) else { return false };
    let written = view.to_bytes();
    let again = TrustView::from_bytes(&written).expect("what was written is read");
    assert_eq!(again.to_bytes(), written, "one form");
    assert_eq!(again.numbers(), view.numbers());
    // The bytes may have come from anybody: whoever holds a store takes nothing of another city.
    let mut held = full_view();
    let before = held.to_bytes();
    let _ = held.adopt_all(bytes);
    assert_eq!(held.pin(), full_view().pin());
    assert!(held.to_bytes() == before || held.numbers().ahead_of(&full_view().numbers()));
    true
}

/// The payload, signed by that key, if it is a document at all.
fn signed<D: Document>(key: &SecretKey, payload: &[u8]) -> Option<Signed> {
    let document = D::from_payload(payload).ok()?;
    let signature = key.sign(D::PURPOSE, document.domain(), payload);
    let signed = Signed { payload: payload.to_vec(), signer: key.public(), signature };
    let bytes = signed.encode();
    assert_eq!(Signed::decode::<D>(&bytes).as_ref(), Ok(&signed));
    Some(signed)
}

/// A root document with the signatures of all root keys.
fn root(payload: &[u8]) -> Option<SignedRoot> {
    let document = RootDocument::from_payload(payload).ok()?;
    let purpose = RootDocument::PURPOSE;
    let sign = |key: SecretKey| (key.public(), key.sign(purpose, document.domain, payload));
    let signatures = roots().into_iter().map(sign).collect();
    Some(SignedRoot { payload: payload.to_vec(), signatures })
}

/// What is adopted goes forward; what is not changes nothing.
fn adopts<T, A, E>(document: Option<T>, adopt: impl Fn(&mut TrustView, T) -> Result<A, E>) -> bool {
    let Some(document) = document else { return false };
    let (mut view, before) = (full_view(), full_view());
    let adopted = adopt(&mut view, document).is_ok();
    let newer = view.numbers().ahead_of(&before.numbers());
    assert!(!before.numbers().ahead_of(&view.numbers()), "nothing goes back");
    assert!(newer || view.to_bytes() == before.to_bytes(), "what is not newer changes nothing");
    assert!(adopted || !newer, "what is refused changes nothing");
    let bytes = view.to_bytes();
    assert_eq!(TrustView::from_bytes(&bytes).expect("it is stored").to_bytes(), bytes);
    adopted && newer
}

/// Inputs to begin with.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let view = full_view();
    let first = sign_root(&root_one(), &roots());
    let next = following(&first).to_payload().unwrap();
    let catalogue = Catalogue { number: 2, ..view.catalogue().unwrap().clone() };
    let parts: [(u8, &str, Vec<u8>); 6] = [
        (0, "store", view.to_bytes()),
        (1, "binding", bind(&city_issuer(), &device(), WARD, 1).payload),
        (2, "denial", denial(2, vec![]).payload),
        (2, "old", denial(1, vec![]).payload),
        (3, "catalogue", catalogue.to_payload().unwrap()),
        (4, "root", next),
    ];
    parts.map(|(kind, name, bytes)| (name.to_owned(), [&[kind], &bytes[..]].concat())).into()
}
