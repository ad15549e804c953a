//! Bytes from anybody, and documents in any order.

use crate::city::{bundle, catalogue, denial, full_view, registrar};
use motcua_core::trust::{
    Binding, Catalogue, DenialList, JoinBundle, JoinToken, Numbers, Signed, SignedRoot, TrustError,
    TrustView,
    enrol::{RecoveryReply, RecoveryRequest},
};
use proptest::prelude::*;

fn read_as_everything(bytes: &[u8]) {
    let _ = SignedRoot::decode(bytes).map(|root| root.read());
    let _ = Signed::decode::<Catalogue>(bytes).and_then(|signed| signed.open::<Catalogue>());
    let _ = Signed::decode::<DenialList>(bytes).and_then(|signed| signed.open::<DenialList>());
    let _ = Signed::decode::<Binding>(bytes).and_then(|signed| signed.open::<Binding>());
    let _ = Signed::decode::<JoinToken>(bytes).and_then(|signed| signed.open::<JoinToken>());
    let _ = TrustView::from_bytes(bytes);
    let _ = RecoveryRequest::decode(bytes);
    let _ = RecoveryReply::decode(bytes);
    let _ = JoinBundle::from_text(&String::from_utf8_lossy(bytes));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_as_everything(&bytes);
        read_as_everything(&[&[1], bytes.as_slice()].concat());
    }

    #[test]
    fn a_damaged_store_never_panics_and_never_changes_what_is_signed(
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let view = full_view();
        let mut bytes = view.to_bytes();
        let position = at.index(bytes.len());
        bytes[position] = with;
        if let Ok(read) = TrustView::from_bytes(&bytes) {
            prop_assert_eq!(read.root(), view.root());
            prop_assert_eq!(read.catalogue(), view.catalogue());
        }
        bytes.truncate(cut.index(bytes.len()));
        read_as_everything(&bytes);
    }

    #[test]
    fn in_any_order_the_newest_wins_and_nothing_goes_back(
        offered in proptest::collection::vec((any::<bool>(), 1_u64..6), 1..12)
    ) {
        let mut view = full_view();
        let mut most = view.numbers();
        for (is_catalogue, number) in offered {
            let before = view.numbers();
            if is_catalogue {
                let _ = view.adopt_catalogue(Signed::sign(&registrar(), &catalogue(number)).unwrap());
                most = Numbers { catalogue: most.catalogue.max(number), ..most };
            } else {
                let _ = view.adopt_denial(denial(number, vec![]));
                most = Numbers { denial: most.denial.max(number), ..most };
            }
            prop_assert!(!before.ahead_of(&view.numbers()));
        }
        prop_assert_eq!(view.numbers(), most);
    }
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let bytes = vec![1; motcua_core::limits::RECOVERY_BYTES + 1];
    assert!(matches!(RecoveryRequest::decode(&bytes), Err(TrustError::Limit { .. })));
    assert!(matches!(Signed::decode::<Binding>(&bytes), Err(TrustError::Limit { .. })));
}

#[test]
fn a_later_format_is_named() {
    let mut bytes = full_view().to_bytes();
    bytes[0] = 9;
    let error = TrustView::from_bytes(&bytes).unwrap_err();
    assert_eq!(error, TrustError::Version { what: "trust store", version: 9 });
}

#[test]
fn a_join_bundle_names_office_and_date_and_survives_a_windows_editor() {
    let text = bundle().to_text().unwrap();
    assert!(text.contains("Office: Phường Tân Định, Quận 1\n"), "{text}");
    assert!(text.contains("Use before: 2026-11-25 18:06 (Vietnam time)\n"), "{text}");
    assert!(text.contains("Machine: node 1 of 2\n"), "{text}");
    assert_eq!(JoinBundle::from_text(&text), Ok(bundle()));
    let windows = format!("\u{feff}{}", text.replace('\n', "  \r\n"));
    assert_eq!(JoinBundle::from_text(&windows), Ok(bundle()));
}

#[test]
fn a_join_bundle_that_lies_or_is_damaged_is_refused() {
    let text = bundle().to_text().unwrap();
    let lies = text.replace("Phường Tân Định", "Phường Đa Kao");
    assert!(JoinBundle::from_text(&lies).unwrap_err().to_string().contains("do not say"));
    let start = text.find("BUNDLE-----").unwrap() + 20;
    let flip = if &text[start..=start] == "0" { "1" } else { "0" };
    let damaged = format!("{}{flip}{}", &text[..start], &text[start + 1..]);
    assert!(JoinBundle::from_text(&damaged).unwrap_err().to_string().contains("check value"));
    let cut = &text[..text.len() - 60];
    assert!(JoinBundle::from_text(cut).unwrap_err().to_string().contains("no end"));
    assert!(JoinBundle::from_text("").is_err());
}
