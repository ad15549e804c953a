//! Scans of papers from counter to city, through kills, cut lines and damaged files.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    city::{CITY, City, DISTRICT_1, DISTRICT_3, WARD_3, WARDS_1},
    desk::{Desk, application, fresh_key},
    patience::wait_for,
    scan::{MEGABYTE, attach, attachments, file, holds, line, metric, scan, spoil},
    seed::Seed,
};
use serde_json::Value;
use std::{fs, time::Duration};

#[test]
fn a_scan_reaches_the_city_over_kills_and_comes_down_to_whoever_takes_part() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let wards = [WARDS_1[0], WARDS_1[1], WARD_3];
    let mut city = City::start_with(&[CITY, DISTRICT_1, DISTRICT_3], &wards).unwrap();
    let here = city.site(WARDS_1[0]).process.client();
    let desk = Desk::new(here);
    let id = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    wait_for("the hub has the dossier", || desk.sync().unwrap()["unsent"] == 0);

    // A line on which three megabytes take some seconds.
    city.site(WARDS_1[0]).line.delay(Duration::from_millis(40));
    let bytes = scan(&mut seed, 3 * MEGABYTE);
    let key = fresh_key();
    let answer = attach(here, &id, "can-cuoc.pdf", &bytes, &key).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (hash, fact) = {
        let saved = answer.json();
        (saved["hash"].as_str().unwrap().to_owned(), saved["id"].as_str().unwrap().to_owned())
    };
    assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash);
    // The same request again, as a page that lost the answer sends it, is the same scan.
    let again = attach(here, &id, "can-cuoc.pdf", &bytes, &key).unwrap();
    assert_eq!((again.status, again.json()["id"].as_str().unwrap()), (201, fact.as_str()));
    assert_eq!(
        here.get(&attachments(&id)).unwrap().json()["attachments"].as_array().unwrap().len(),
        1
    );

    let district = city.site(DISTRICT_1).data.clone();
    let partial = district.join("attachments/partial").join(&hash);
    let came = || fs::metadata(&partial).map_or(0, |data| data.len());
    // The node dies in the middle, then the hub.
    for (victim, at) in [(WARDS_1[0], MEGABYTE as u64 / 2), (DISTRICT_1, 3 * MEGABYTE as u64 / 2)] {
        wait_for("a part has come", || came() >= at || holds(&district, &hash));
        assert!(!holds(&district, &hash), "too fast to be killed in the middle of");
        city.site(victim).process.kill().unwrap();
        let before = came();
        city.site(victim).start_ready().unwrap();
        wait_for("the transfer goes on", || came() > before || holds(&district, &hash));
        assert!(came() >= before || holds(&district, &hash), "it goes on where it was");
    }
    let above = city.site(CITY).data.clone();
    wait_for("the district has it", || holds(&district, &hash));
    wait_for("the city has it", || holds(&above, &hash));
    wait_for("the page says so", || line(here, &id, &hash)["state"] == "received");
    wait_for("nothing is left to send", || desk.sync().unwrap()["unsent_scans"] == 0);
    // Once over the line, and what was under way at the kills; dossiers are small.
    let up = city.site(WARDS_1[0]).line.bytes().0 as usize;
    assert!(up < bytes.len() * 125 / 100, "{up} bytes went up for {}", bytes.len());

    // Another office takes part: it sees the scan named, and fetches it when somebody opens it.
    let other = city.site(WARD_3).process.client();
    let there = Desk::new(other);
    let office = city.site(WARD_3).office.clone();
    desk.forward(&id, &office, "").unwrap();
    wait_for("the other ward has the dossier", || there.has(&id));
    assert_eq!(line(other, &id, &hash)["state"], "absent");
    assert!(!holds(&city.site(DISTRICT_3).data.clone(), &hash), "nobody has asked for it");
    let path = format!("{}/{fact}", attachments(&id));
    assert_eq!(other.get(&path).unwrap().status, 202);
    wait_for("it has come", || other.get(&path).unwrap().status == 200);
    let whole = other.get(&path).unwrap();
    assert_eq!(whole.body, bytes);
    assert!(whole.headers.contains(&("content-type".into(), "application/pdf".into())));
    let part = other.send("GET", &path, &[("range", "bytes=1000000-1009999")], b"").unwrap();
    assert_eq!((part.status, &part.body[..]), (206, &bytes[1_000_000..1_010_000]));
    let beyond = other.send("GET", &path, &[("range", "bytes=9000000-")], b"").unwrap();
    assert_eq!(beyond.status, 416);

    // The third ward takes no part: neither dossier nor scan, by name or by address.
    let third = city.site(WARDS_1[1]).process.client();
    assert_eq!(third.get(&path).unwrap().status, 404);
    assert_eq!(third.get(&attachments(&id)).unwrap().status, 404);
    assert!(!file(&city.site(WARDS_1[1]).data.clone(), &hash).exists());
    city.stop_all().unwrap();
}

#[test]
fn an_emptied_or_zeroed_scan_never_stands_for_the_good_one() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..1]).unwrap();
    let ward = WARDS_1[0];
    let client = city.site(ward).process.client();
    let desk = Desk::new(client);
    let id = desk.register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let store = |bytes: &[u8], name: &str| {
        let answer = attach(client, &id, name, bytes, &fresh_key()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["hash"].as_str().unwrap().to_owned()
    };
    let good = scan(&mut seed, 3 * MEGABYTE);
    let first = store(&good, "S1.pdf");
    wait_for("the hub has S1", || line(client, &id, &first)["state"] == "received");
    city.site(ward).line.cut();
    let second = store(&scan(&mut seed, 3 * MEGABYTE), "S2.pdf");
    let third = store(&scan(&mut seed, 200_000), "S3.pdf");
    assert_eq!(line(client, &id, &second)["state"], "saved");
    let words = desk.sync().unwrap()["words_vi"].as_str().unwrap().to_owned();
    assert!(words.contains("2 bản quét chưa gửi"), "{words}");

    // Behind the node's back: S1 emptied, 64 KiB zeroed in the middle of S2, times as before.
    city.site(ward).stop().unwrap();
    let data = city.site(ward).data.clone();
    spoil(&file(&data, &first), |bytes| bytes.clear()).unwrap();
    spoil(&file(&data, &second), |bytes| bytes[MEGABYTE..MEGABYTE + 65_536].fill(0)).unwrap();
    city.site(ward).start_ready().unwrap();
    desk.note(&id, "Sau khi khởi động lại").unwrap();
    city.site(ward).line.restore();

    let (district, above) = (city.site(DISTRICT_1).data.clone(), city.site(CITY).data.clone());
    wait_for("every change is at the hub", || desk.sync().unwrap()["unsent"] == 0);
    wait_for("S1 is fetched again", || holds(&data, &first));
    wait_for("the books say so", || line(client, &id, &first)["state"] == "received");
    assert!(holds(&district, &first) && holds(&above, &first), "the good one was not replaced");
    wait_for("S2 is found", || line(client, &id, &second)["state"] == "damaged");
    wait_for("S3 is not held up", || holds(&above, &third));
    let shown = line(client, &id, &second);
    assert_eq!(shown["words_vi"], "Hỏng: quét lại");
    let named = client.get("/api/v1/scans/damaged").unwrap().json()["damaged"].clone();
    assert_eq!(named.as_array().unwrap().len(), 1, "{named}");
    let named = &named[0];
    assert_eq!((&named["dossier"], &named["name"]), (&Value::from(id.as_str()), &"S2.pdf".into()));
    assert_eq!(named["size"], 3 * MEGABYTE);
    for hub in [&district, &above] {
        assert!(!file(hub, &second).exists(), "S2 is nowhere whole");
    }
    assert_eq!(metric(client, "motcua_scans_damaged "), 1.0);
    assert_eq!(metric(client, "motcua_scan_faults_total{kind=\"damaged\"} "), 2.0);
    wait_for("the page says all is sent", || desk.sync().unwrap()["unsent_scans"] == 0);

    // The paper is scanned again.
    let again = store(&scan(&mut seed, 2 * MEGABYTE), "S2-lai.pdf");
    wait_for("the new scan is at the city", || holds(&above, &again));
    // And it all stands after a restart with the state deleted.
    city.site(ward).stop().unwrap();
    fs::remove_dir_all(city.site(ward).state_dir()).unwrap();
    city.site(ward).start_ready().unwrap();
    assert_eq!(line(client, &id, &second)["state"], "damaged");
    assert_eq!(line(client, &id, &first)["state"], "received");
    city.stop_all().unwrap();
}

#[test]
fn what_is_no_scan_is_refused_in_words_and_changes_nothing() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let mut city = City::start_with(&[CITY], &WARDS_1[..1]).unwrap();
    let client = city.site(WARDS_1[0]).process.client();
    let id = Desk::new(client).register(&fresh_key(), &application(&mut seed)).unwrap().id;
    let ask = |path: &str, bytes: &[u8]| client.send("POST", path, &[], bytes).unwrap();
    let path = format!("{}?name=a.pdf", attachments(&id));
    for (path, bytes, status, code) in [
        (path.clone(), &b""[..], 422, "invalid"),
        (path.clone(), b"MZ a program named .pdf", 415, "media_type"),
        (path.replace("a.pdf", ""), b"%PDF-1.7", 422, "invalid"),
        (format!("{path}&paper=nobody"), b"%PDF-1.7", 422, "invalid"),
        (path.replace(&id, &"0".repeat(id.len())), b"%PDF-1.7", 404, "no_dossier"),
    ] {
        let answer = ask(&path, bytes);
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (status, &code.into()),
            "{path}"
        );
        assert!(!answer.json()["error"]["message_vi"].as_str().unwrap().is_empty());
    }
    // More than a scan may have is refused by its announced length, before it is sent.
    let long = vec![0; 54 * MEGABYTE];
    assert_eq!(ask(&path, &long).status, 413);
    assert_eq!(client.get(&attachments(&id)).unwrap().json()["attachments"], Value::Array(vec![]));
    let incoming = city.site(WARDS_1[0]).data.join("attachments/incoming");
    assert_eq!(fs::read_dir(incoming).unwrap().count(), 0);
    city.stop_all().unwrap();
}
