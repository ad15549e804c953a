//! Liên thông across districts, and what a third office gets of it: not a byte.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, DISTRICT_3, WARD_3, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    search::{Find, search},
    seed::Seed,
};

fn heads(desk: &Desk, id: &str) -> Vec<String> {
    let detail = desk.detail(id).unwrap_or_default();
    let heads = detail["heads"].as_array().cloned().unwrap_or_default();
    let mut heads: Vec<String> =
        heads.iter().filter_map(|head| head.as_str().map(str::to_owned)).collect();
    heads.sort();
    heads
}

#[test]
fn two_districts_share_a_dossier_and_a_third_ward_gets_no_byte_of_it() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let hubs = [CITY, DISTRICT_1, DISTRICT_3];
    let mut city = City::start_with(&hubs, &[WARDS_1[0], WARDS_1[1], WARD_3]).unwrap();
    let (home, third, far) = (WARDS_1[0], WARDS_1[1], WARD_3);
    let desk = |city: &mut City, code: &str| Desk::new(city.site(code).process.client());
    let (here, there) = (desk(&mut city, home), desk(&mut city, far));
    let bystander = desk(&mut city, third);
    let office = city.site(far).office.clone();

    // The bystander has work of its own, so that there is something to search.
    for _ in 0..20 {
        bystander.register(&fresh_key(), &application(&mut seed)).unwrap();
    }
    let mark = format!("Dau{:016x}", seed.bits());
    let mut body = application(&mut seed);
    body["applicant"]["name"] = format!("Lê Thị Mẫu {mark}").into();
    body["request"] = format!("Xin cấp {mark} (mẫu)").into();
    let dossier = here.register(&fresh_key(), &body).unwrap();
    let id = dossier.id.as_str();
    here.forward(id, &office, "Liên thông").unwrap();
    wait_for("the other district sees it", || there.has(id));

    // Later changes of both sides.
    there.take(id, "").unwrap();
    there.note(id, &format!("Bên nhận ghi {mark}")).unwrap();
    here.note(id, &format!("Bên gửi ghi {mark}")).unwrap();
    wait_for("both see what both wrote", || {
        let history = |desk: &Desk| desk.detail(id).unwrap_or_default()["history"].to_string();
        [&here, &there].iter().all(|desk| {
            let text = history(desk);
            text.contains("Bên nhận ghi") && text.contains("Bên gửi ghi")
        })
    });
    wait_for("both hold the same version", || heads(&here, id) == heads(&there, id));
    assert!(!heads(&here, id).is_empty());

    // What the bystander says.
    let client = bystander.client;
    for path in [
        "/api/v1/dossiers?limit=200".to_owned(),
        format!("/api/v1/dossiers?q={mark}"),
        format!("/api/v1/dossiers?q={}", dossier.code),
        "/api/v1/sync".to_owned(),
        "/api/v1/office".to_owned(),
        "/metrics".to_owned(),
    ] {
        let answer = client.get(&path).unwrap();
        assert!(answer.is_success(), "{path}: {}", answer.status);
        assert!(!answer.text().contains(&mark) && !answer.text().contains(id), "{path}");
    }
    assert_eq!(client.get(&format!("/api/v1/dossiers/{id}")).unwrap().status, 404);

    // What lies on the disks.
    city.stop_all().unwrap();
    let raw_id: [u8; 16] = id.parse::<motcua_core::id::DossierId>().unwrap().0;
    let markers: [&[u8]; 3] = [mark.as_bytes(), id.as_bytes(), &raw_id];
    let (finds, looked) = search(&city.site(third).data, &markers).unwrap();
    assert!(finds.is_empty(), "seed {number}: the third ward has {finds:?}");
    assert!(looked.entries >= 20 && looked.pairs > 20 && looked.files > 3, "{looked:?}");

    // The same search finds it wherever it belongs, so it would have found it here.
    let name_only: [&[u8]; 1] = [mark.as_bytes()];
    for code in [home, far, DISTRICT_1, DISTRICT_3, CITY] {
        let (finds, _) = search(&city.site(code).data, &name_only).unwrap();
        let in_journal = finds.iter().any(|find| matches!(find, Find::Journal(_)));
        assert!(in_journal && finds.contains(&Find::State), "{code}: {finds:?}");
    }
}
