//! The page on which an old list comes in.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::Desk,
};
use std::{collections::BTreeSet, fs};

const NUMBERS: &[u8] = include_bytes!("../../node/intake/tests/data/p06-dinh-danh.csv");
const OLD: &[u8] = include_bytes!("../../node/intake/tests/data/p08-tcvn3.csv");

#[test]
fn a_list_is_taken_in_on_the_page_as_it_was_shown_and_not_twice() {
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let dir = city.dir.clone();
    let site = city.site(WARDS_1[0]);
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (numbers, old) = (file("so.csv", NUMBERS), file("cu.csv", OLD));
    let page = format!("http://{}", site.page);
    drive(&["import.mjs", &page, &numbers, &old], |_| None);

    let desk = Desk::new(site.process.client());
    let list = desk.client.get("/api/v1/dossiers?limit=200").unwrap().json();
    let dossiers = list["dossiers"].as_array().unwrap();
    assert_eq!(dossiers.len(), 8, "{list}");
    let accepted = dossiers.iter().find(|line| line["applicant"] == "Trần Thị Mẫu Hai").unwrap();
    let shown = desk.detail(accepted["id"].as_str().unwrap()).unwrap();
    assert_eq!(shown["applicant"]["id_number"], "079185001235", "as it was accepted");
    assert_eq!(shown["history"][0]["person"], "Nguyễn Mẫu An");
    let names: BTreeSet<&str> =
        dossiers.iter().filter_map(|line| line["applicant"].as_str()).collect();
    assert!(!names.contains("Phạm Văn Mẫu Ba"), "lost digits are nobody's number: {names:?}");
}
