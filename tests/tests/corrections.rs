//! A field that two offices correct without seeing each other, by page and API: a conflict that a person
//! settles, the same at every office and after a rebuild.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use motcua_tests::{
    browser::drive,
    city::{CITY, DISTRICT_1, WARDS_1},
    desk::{Desk, Trouble, application, fresh_key},
    patience::wait_for,
    story::Story,
};
use serde_json::{Value, json};
use std::fs;

fn says(desk: &Desk, id: &str) -> [Value; 4] {
    let detail = desk.detail(id).unwrap();
    ["fields", "conflicts", "applicant", "papers"].map(|name| detail[name].clone())
}

/// Ids of the dossiers that a search finds.
fn found(desk: &Desk, name: &str) -> Vec<String> {
    let query: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let answer = desk.client.get(&format!("/api/v1/dossiers?q={query}")).unwrap().json();
    let lines = answer["dossiers"].as_array().unwrap().iter();
    lines.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_field_that_two_offices_correct_apart_is_settled_by_a_person_and_the_same_everywhere() {
    let mut story = Story::begin(&[CITY, DISTRICT_1], &WARDS_1[..2]);
    let (one, two) = (WARDS_1[0], WARDS_1[1]);
    let other = story.city.site(two).office.clone();
    let mut form = application(&mut story.seed);
    form["applicant"]["name"] = "Nguyễn Văn Mẫu".into();
    let here = story.desk(one);
    let id = here.register(&fresh_key(), &form).unwrap().id;
    here.act(&id, "forms/receipt/printings", &json!({ "paper": "a5" })).unwrap();
    here.forward(&id, &other, "").unwrap();
    story.expected.at(&story.city, &id, one);
    story.expected.at(&story.city, &id, two);
    let there = story.desk(two);
    wait_for("it is there", || there.has(&id));

    let say = |value: &str, note: &str| json!({ "field": "applicant.name", "value": value, "note": note });
    for (value, note) in
        [("x".repeat(10_000).as_str(), "vì"), ("An", &"x".repeat(10_000)), ("", "vì")]
    {
        match there.act(&id, "corrections", &say(value, note)) {
            Err(Trouble::Refused(answer)) => assert_eq!(answer.status, 422, "{}", answer.text()),
            other => panic!("{other:?}"),
        }
    }

    story.stop(DISTRICT_1);
    there.act(&id, "corrections", &say("Nguyễn Văn Mậu", "theo căn cước")).unwrap();
    let page = format!("http://{}", story.city.site(one).page);
    drive(&["corrections.mjs", &page, &id], |said| {
        if said != "meet" {
            return None;
        }
        story.city.site(DISTRICT_1).start_ready().unwrap();
        for desk in [&here, &there] {
            wait_for("both values are there", || {
                let detail = desk.detail(&id).unwrap();
                let values = detail["conflicts"][0]["values"].as_array().map(Vec::len);
                values == Some(2) && detail["conflict"] == true
            });
            let detail = desk.detail(&id).unwrap();
            assert_eq!(detail["applicant"]["name"], "Nguyễn Văn Mẫu", "neither wins meanwhile");
            for name in ["Nguyễn Văn Mẫu", "Nguyễn Văn Mậu", "script"] {
                assert!(found(desk, name).contains(&id), "{name}");
            }
        }
        // Work goes on meanwhile.
        there.take(&id, "").unwrap();
        Some("done".into())
    });

    let told = says(&here, &id);
    assert_eq!(told[1], json!([]), "nothing is left to settle");
    assert_eq!(told[2]["name"], "Nguyễn Văn Mạu");
    assert_eq!(told[2]["phone"], "0912 345 678");
    let history = here.detail(&id).unwrap()["history"].to_string();
    for lost in ["Nguyễn Văn Mậu", "<script>"] {
        assert!(history.contains(lost), "{lost} stays in the history");
    }
    wait_for("the other office says the same", || says(&there, &id) == told);
    wait_for("a search follows", || {
        found(&there, "Nguyễn Văn Mạu").contains(&id) && !found(&there, "script").contains(&id)
    });
    for code in [one, two] {
        let site = story.city.site(code);
        site.stop().unwrap();
        fs::remove_dir_all(site.state_dir()).unwrap();
        site.start_ready().unwrap();
        let desk = story.desk(code);
        assert_eq!(says(&desk, &id), told, "after a rebuild at {code}");
    }
    story.settled("at the end");
}
