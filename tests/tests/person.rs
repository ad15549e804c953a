//! Who hands in, without typing: from an identity card and from a dossier of the same person.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
};

#[test]
fn a_card_fills_the_form_and_a_second_dossier_needs_no_typing() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    let mut made = Vec::new();
    drive(&["person.mjs", &page], |said| {
        made.extend(
            said.strip_prefix("done ").and_then(|said| Some(said.split_once(' ')?.0.to_owned())),
        );
        None
    });
    let client = city.site(WARDS_1[0]).process.client();
    let shown = |id: &String| client.get(&format!("/api/v1/dossiers/{id}")).unwrap().json();
    let (first, second) = (shown(&made[0]), shown(&made[1]));
    assert_eq!(first["applicant"]["birth_date"], "1990-03-05");
    assert_eq!(first["applicant"], second["applicant"]);
    assert_ne!(first["code"], second["code"]);
    assert_eq!((&first["request"], &second["request"]), (&"việc thứ nhất".into(), &"".into()));
    assert!(second["papers"].as_array().unwrap().is_empty() && second["fee"].is_null());
}
