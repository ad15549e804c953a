//! The set-up page of a counter: printer, scanner, machine, today's first number.
#![allow(clippy::unwrap_used, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
};

#[test]
fn a_counter_is_set_up_by_keys_and_a_scanner_is_told_what_is_wrong_with_it() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let page = format!("http://{}", city.site(WARDS_1[0]).page);
    drive(&["setup.mjs", &page], |_| None);
    let start = city.site(WARDS_1[0]).process.client().get("/api/v1/numbers").unwrap().json();
    assert_eq!(start["start"]["number"], 120, "{start}");
}
