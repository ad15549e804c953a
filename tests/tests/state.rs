//! The state store is a fold of the journal: deleted, it comes back with every number as it was.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, missing_docs)]

use motcua_tests::{
    census::{Census, Expected, holdings},
    city::{CITY, City, DISTRICT_1, WARDS_1},
    desk::{Desk, application, fresh_key},
    http::Client,
    patience::{PATIENCE, wait_for},
    seed::Seed,
};
use serde_json::Value;
use std::fs;

/// Two wards that have exchanged dossiers, every line up and everything settled.
fn worked_city(seed: &mut Seed) -> (City, Expected) {
    let city = City::start_with(&[CITY, DISTRICT_1], &WARDS_1[..2]).unwrap();
    let mut expected = Expected::default();
    let mut wrote = Vec::new();
    for (from, to) in [(0, 1), (1, 0)] {
        let (from, to) = (&city.nodes[WARDS_1[from]], &city.nodes[WARDS_1[to]]);
        let desk = Desk::new(from.process.client());
        for number in 0..25 {
            let dossier = desk.register(&fresh_key(), &application(seed)).unwrap();
            expected.at(&city, &dossier.id, &from.code);
            desk.step(&dossier.id, 4, "").unwrap();
            if number % 5 == 0 {
                desk.forward(&dossier.id, &to.office, "Nhờ phối hợp").unwrap();
                expected.at(&city, &dossier.id, &to.code);
            }
        }
        wrote.push((from.name.clone(), desk, newest(&desk.client)));
    }
    Census::settled(&city, &expected, PATIENCE).unwrap();
    // A node journals what its hub has now and then, once that is everything it wrote itself.
    for (name, desk, saved) in wrote {
        wait_for(&format!("{name} notes that all is there"), || {
            desk.sync().unwrap()["hub_received_all_at"].as_i64() >= Some(saved)
        });
    }
    (city, expected)
}

/// When the newest change was made.
fn newest(client: &Client) -> i64 {
    let list = client.get("/api/v1/dossiers?limit=200").unwrap().json();
    let rows = list["dossiers"].as_array().unwrap();
    rows.iter().filter_map(|row| row["updated"].as_i64()).max().unwrap()
}

/// Everything a node says of its dossiers: list and details, in the order it gives them.
fn node_says(client: &Client) -> Vec<Value> {
    let list = client.get("/api/v1/dossiers?limit=200").unwrap().json();
    let rows = list["dossiers"].as_array().unwrap().clone();
    let detail = |row: &Value| {
        let id = row["id"].as_str().unwrap();
        client.get(&format!("/api/v1/dossiers/{id}")).unwrap().json()
    };
    let details: Vec<Value> = rows.iter().map(detail).collect();
    rows.into_iter().chain(details).collect()
}

/// What a hub says of its dossiers, and of its inboxes: epoch, rows behind, entries received.
fn hub_says(client: &Client) -> Vec<Value> {
    let hub = client.get("/api/v1/hub").unwrap().json();
    let offices = client.get("/api/v1/offices").unwrap().json();
    let numbers = ["epoch", "dossiers", "entries", "held"].map(|name| hub[name].clone());
    let rows = client.get("/api/v1/dossiers?limit=1000").unwrap().json();
    let lines = offices["offices"].as_array().unwrap().iter().map(|office| {
        serde_json::json!([office["code"], office["behind_down"], office["received_entries"]])
    });
    numbers.into_iter().chain([rows]).chain(lines).collect()
}

/// Names the first thing that differs.
fn assert_same(what: &str, before: &[Value], after: &[Value]) {
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before, after, "{what}");
    }
    assert_eq!(before.len(), after.len(), "{what}");
}

#[test]
fn a_node_offline_without_its_state_shows_the_same_and_goes_on() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut expected) = worked_city(&mut seed);
    let code = WARDS_1[0];
    city.site(code).line.cut();
    let client = city.site(code).process.client();
    let desk = Desk::new(client);
    let (key, body) = (fresh_key(), application(&mut seed));
    let unsent = desk.register(&key, &body).unwrap();
    expected.at(&city, &unsent.id, code);
    let before = node_says(&client);

    let site = city.site(code);
    site.stop().unwrap();
    fs::remove_dir_all(site.state_dir()).unwrap();
    site.start_ready().unwrap();
    assert_same(&format!("seed {number}"), &before, &node_says(&client));
    assert_eq!(desk.register(&key, &body).unwrap(), unsent, "the same request is the same dossier");

    // And by kill -9, so that nothing was handed over in an orderly way.
    let site = city.site(code);
    site.process.kill().unwrap();
    fs::remove_dir_all(site.state_dir()).unwrap();
    site.start_ready().unwrap();
    assert_same(&format!("seed {number}"), &before, &node_says(&client));

    let next = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    expected.at(&city, &next.id, code);
    let codes: Vec<&str> = before
        .iter()
        .filter_map(|row| row["code"].as_str())
        .filter(|it| *it == next.code)
        .collect();
    assert!(codes.is_empty(), "the code {} was given before", next.code);
    city.site(code).line.restore();
    Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
}

#[test]
fn a_hub_without_its_state_shows_the_same_numbers_and_goes_on() {
    let (mut seed, number) = Seed::from_env();
    println!("MOTCUA_SEED={number}");
    let (mut city, mut expected) = worked_city(&mut seed);
    for code in [DISTRICT_1, CITY] {
        let client = city.site(code).process.client();
        city.wait_settled_acknowledgements(code, PATIENCE).unwrap();
        let before = hub_says(&client);
        let site = city.site(code);
        site.process.kill().unwrap();
        fs::remove_dir_all(site.state_dir()).unwrap();
        site.start_ready().unwrap();
        city.wait_connected(PATIENCE).unwrap();
        city.wait_settled_acknowledgements(code, PATIENCE).unwrap();
        assert_same(&format!("{code}, seed {number}"), &before, &hub_says(&client));
    }
    let (from, to) = (city.nodes[WARDS_1[0]].office.clone(), city.nodes[WARDS_1[1]].office.clone());
    assert_ne!(from, to);
    let desk = Desk::new(city.site(WARDS_1[0]).process.client());
    let dossier = desk.register(&fresh_key(), &application(&mut seed)).unwrap();
    desk.forward(&dossier.id, &to, "").unwrap();
    expected.at(&city, &dossier.id, WARDS_1[0]);
    expected.at(&city, &dossier.id, WARDS_1[1]);
    let census = Census::settled(&city, &expected, PATIENCE)
        .unwrap_or_else(|error| panic!("seed {number}: {error:#}"));
    assert_eq!(census.count(CITY), expected.len());
    assert_eq!(holdings(&desk.client, false).unwrap().len(), census.count(WARDS_1[0]));
}
